"""A structure in 3D beside the homogenized model with parameters of the same structure.

`vmt.compare_with_dfn` measures porosity, transport, conductivity, reacting area and active volume
of the cell's own voxels, gives them to the Doyle-Fuller-Newman model of PyBaMM, and runs it at
the same current. The sphere of the model has the radius 3 ε_s/a. Voxels have 3/2 of the surface
of what they show, so the two ways to count the area, the voxels' own and the smooth one, bracket
what the radius can be. Neither is wrong; the difference is what homogenizing leaves out.

What that is, the third picture shows: where lithium diffuses a hundred times faster, no particle
limits, its size does not matter any more, and the curves fall together. Paths of ions and electrons
and the reacting area, which are all that is left then, are homogenized well; one sphere for
particles of all sizes is what is not. Without PyBaMM the page says so.
"""

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt
from vmt.electrode import Settings, constant


def main(out: Path) -> None:
    """Discharge, homogenize, compare."""
    if find_spec("pybamm") is None:
        print("PyBaMM is not installed: pip install 'vmt[pybamm]'")
        return
    rng = np.random.default_rng(2)
    shape, edge = (20, 9, 9), 2e-6
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1)
    centers = rng.random((18, 3)) * np.array(shape)
    away = np.linalg.norm(grid[..., None, :] - centers, axis=-1).min(-1)
    labels = (away <= np.quantile(away, 0.6)).astype(np.uint8)
    structure = vmt.Microstructure(labels, (edge,) * 3, {"pore": 0, "active_material": 1})
    base = vmt.parameter_set("nmc811-chen2020")
    fig, axes = plt.subplots(1, 3, figsize=(12.5, 3.4), layout="constrained", sharey=True)
    means = {}
    for ax, (mode, diffusivity) in zip(
        axes, (("normal", 1e-14), ("voxel", 1e-14), ("voxel", 1e-12)), strict=True
    ):
        material = replace(base.active_material, diffusivity=constant(diffusivity, "m²/s"))
        cell = vmt.HalfCell(structure, replace(base, active_material=material), area_mode=mode)
        run = vmt.discharge(cell, cell.current_density(1.0), settings=Settings(newton=1e-6))
        compared = vmt.compare_with_dfn(cell, run)
        compared.plot(ax)
        mean = means[mode, diffusivity] = 1e3 * compared.difference.mean()
        ax.set_title(
            f"area: {mode}, R = {1e6 * compared.effective.particle_radius:.1f} µm, "
            f"D = {diffusivity:g} m²/s, mean {mean:+.1f} mV",
            fontsize=8,
        )
        print(
            f"{mode}, D {diffusivity:g} m²/s: R {1e6 * compared.effective.particle_radius:.2f} µm,"
            f" 3D - DFN {mean:+.1f} mV, capacity {100 * compared.capacity_difference:+.1f} %"
        )
        assert np.abs(run.lithium_imbalance).max() < 1e-8
        assert abs(mean) < 100
    assert abs(means["voxel", 1e-12]) < 0.1 * abs(means["voxel", 1e-14])
    fig.savefig(out / "32_against_dfn.png", dpi=130)


if __name__ == "__main__":
    from run import alone

    alone(main)
