"""Where the current goes: fields and fluxes of a half cell.

A cell at 1C for ten minutes. The run keeps fields and fluxes at two times: lithium, salt and
potentials in every voxel, ionic and electronic current as vectors, and the local current density
into the surface of the active material. Over every plane both currents add up to that of the
terminal, and so do all reactions. Binder carries electrons to where ions are plenty.
"""

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter

import vmt
from vmt.electrode import Binder

PHASES = {"pore": 0, "active_material": 1, "binder": 2}


def electrode() -> vmt.Microstructure:
    """Return an electrode of 56 % active material and 10 % binder."""
    rng = np.random.default_rng(4)
    field = gaussian_filter(rng.standard_normal((24, 14, 14)), 1.8, mode="wrap")
    labels = (field > np.quantile(field, 0.44)).astype(np.uint8)
    near = gaussian_filter(labels.astype(float), 1.5, mode="wrap")
    near[labels == 1] = -1
    labels[near > np.quantile(near, 0.9)] = 2
    return vmt.Microstructure(labels, 2e-6, PHASES)


def main(out: Path) -> None:
    """Draw the figures."""
    parameters = replace(vmt.parameter_set("nmc811-oregan2022"), binder=Binder(transport=0.25))
    cell = vmt.HalfCell(electrode(), parameters)
    current = cell.current_density(1.0)
    steps = vmt.Protocol([vmt.CurrentStep(current, duration=600.0)])
    run = vmt.cycle(cell, steps, keep_times=[60.0], fluxes=True)
    first, last = run.snapshots
    fluxes = last.fluxes()
    both = fluxes.ionic_profile + fluxes.electronic_profile
    density, area = fluxes.faces
    reacted = (density * area).sum() / cell.cross_section
    assert np.allclose(both, current, rtol=1e-6)
    assert np.isclose(reacted, current, rtol=1e-6)
    print(f"terminal {current:.6f} A/m², reactions {reacted:.6f} A/m²")
    print(f"planes between {both.min():.6f} and {both.max():.6f} A/m²")
    low, middle, high = fluxes.reaction_quantiles()
    print(f"local reaction: {low:.2f}, {middle:.2f}, {high:.2f} A/m² at 5, 50, 95 % of the area")

    fig, axes = plt.subplots(2, 2, figsize=(10.5, 6.6), layout="constrained")
    first.plot(axes[0, 0])
    last.plot(axes[0, 1])
    last.plot(axes[1, 0], field="salt")
    last.plot(axes[1, 1], field="solid_potential")
    fig.savefig(out / "34_fields.png", dpi=110)

    fig, axes = plt.subplots(2, 2, figsize=(10.5, 6.6), layout="constrained")
    fluxes.plot(axes[0, 0])
    fluxes.plot(axes[0, 1], carrier="electronic")
    fluxes.plot_profile(axes[1, 0])
    fluxes.plot_histogram(axes[1, 1])
    fig.savefig(out / "34_currents.png", dpi=110)
    (out / "34_lithium.png").write_bytes(vmt.report.render_png(last, size=(800, 640)))


if __name__ == "__main__":
    from run import alone

    alone(main)
