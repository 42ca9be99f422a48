"""Particles with nanopores beside dense ones: from a calibrated twin to the cell.

The pores of nanostructured particles are far finer than a cell's voxels. A χ²-excursion set is
calibrated to an image of the particles' inside (here a phantom with known parameters), and a
realization of it gives what the cell needs: porosity, M-factors of pores and solid
(`vmt.effective_conductivity`) and reacting area per volume (`specific_surface_area`, of the model
itself). In the cell, a voxel of "porous_active_material" holds electrolyte and solid with these
values. Lithium then has nanometers to diffuse instead of micrometers: with slow diffusion the
porous particles use more of what they hold, though they hold less.
"""

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt
from vmt.electrode import PorousActiveMaterial, constant

VOXEL = 20e-9


def particles() -> vmt.Microstructure:
    """Return an electrode of overlapping spheres."""
    rng = np.random.default_rng(2)
    shape = (14, 8, 8)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    centers = rng.random((14, 3)) * np.array(shape)
    away = np.linalg.norm(grid[..., None, :] - centers, axis=-1).min(-1)
    labels = (away <= np.quantile(away, 0.6)).astype(np.uint8)
    return vmt.Microstructure(labels, (2e-6,) * 3, {"pore": 0, "particle": 1})


def main(out: Path) -> None:
    """Calibrate, homogenize, discharge both."""
    truth = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=4e6), 0.6)
    image = truth.sample((48, 48, 48), VOXEL, rng=1)
    model = vmt.calibrate(vmt.ChiSquareExcursionSet, image, rng=2).model
    twin = model.sample((48, 48, 48), VOXEL, rng=3)
    pores = vmt.effective_conductivity(twin, {"pore": 1.0}, rtol=1e-3).m_factor
    solid = vmt.effective_conductivity(twin, {"solid": 1.0}, rtol=1e-3).m_factor
    inside = PorousActiveMaterial(
        porosity=1 - twin.volume_fraction("solid"),
        pore_factor=pores,
        solid_factor=solid,
        surface=model.specific_surface_area(),
    )
    assert abs(inside.surface / truth.specific_surface_area() - 1) < 0.1
    print(
        f"porosity {inside.porosity:.3f}, M of pores {pores:.3f}, of solid {solid:.3f}, "
        f"area {inside.surface / 1e6:.2f} 1/µm"
    )
    base = vmt.parameter_set("nmc811-chen2020")
    slow = replace(base.active_material, diffusivity=constant(5e-15, "m²/s"))
    parameters = replace(base, active_material=slow, porous=inside)
    fig, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    used = {}
    for ax, (role, label) in zip(
        axes[1:],
        (("active_material", "dense"), ("porous_active_material", "nanoporous")),
        strict=True,
    ):
        cell = vmt.HalfCell(particles(), parameters, phases={"particle": role})
        run = vmt.discharge(cell, cell.current_density(1.0))
        used[label] = run.capacity / run.areal_capacity
        assert np.abs(run.lithium_imbalance).max() < 1e-10
        axes[0].plot(run.charge / run.areal_capacity, run.voltage, label=label)
        run.snapshots[-1].plot(ax)
        ax.set_title(f"{label}: {used[label]:.0%} used at 1C", fontsize=9, loc="left")
        ax.images[0].set_clim(0.27, 1.0)
        print(
            f"{label}: {run.areal_capacity / 36000:.2f} mA h/cm², {used[label]:.1%} used,"
            f" lithium to {np.abs(run.lithium_imbalance).max():.1e}"
        )
    assert used["nanoporous"] > used["dense"]
    axes[0].set(xlabel="share of the areal capacity", ylabel="voltage [V]")
    axes[0].legend(fontsize=8)
    fig.savefig(out / "33_porous_particles.png", dpi=130)


if __name__ == "__main__":
    from run import alone

    alone(main)
