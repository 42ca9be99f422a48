"""A half cell: what more binder does to a discharge.

Two electrodes of the same active material, discharged at C/5 and 1C: one whose binder sits where
active material is near, one with half of it. Each voxel has its own lithium; below, the sections
at the end of the discharge at 1C.
"""

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import gaussian_filter

import vmt
from vmt.electrode import Binder

PHASES = {"pore": 0, "active_material": 1, "binder": 2}


def electrode(binder: float) -> vmt.Microstructure:
    """Return an electrode of 56 % active material with so much binder."""
    rng = np.random.default_rng(4)
    field = gaussian_filter(rng.standard_normal((26, 14, 14)), 1.8, mode="wrap")
    labels = (field > np.quantile(field, 0.44)).astype(np.uint8)
    near = gaussian_filter(labels.astype(float), 1.5, mode="wrap")
    near[labels == 1] = -1
    labels[near > np.quantile(near, 1 - binder)] = 2
    return vmt.Microstructure(labels, 2e-6, PHASES)


def main(out: Path) -> None:
    """Draw the figure."""
    parameters = replace(vmt.parameter_set("nmc811-oregan2022"), binder=Binder(transport=0.25))
    fig, axes = plt.subplots(1, 3, figsize=(12, 3.4), layout="constrained")
    for ax, binder in zip(axes[1:], (0.06, 0.12), strict=True):
        cell = vmt.HalfCell(electrode(binder), parameters)
        for rate, style in ((0.2, "-"), (1.0, "--")):
            run = vmt.discharge(cell, cell.current_density(rate))
            color = "#1f4e9c" if binder < 0.1 else "#d98324"
            axes[0].plot(
                run.charge / 36000, run.voltage, style, color=color,
                label=f"{100 * binder:.0f} % binder, {rate:g}C",
            )  # fmt: skip
            assert np.abs(run.lithium_imbalance).max() < 1e-10
        run.snapshots[-1].plot(ax)
        ax.set_title(
            f"{100 * binder:.0f} % binder, end at 1C; lost: {cell.clean_up.lost_capacity:.1%}",
            fontsize=9,
            loc="left",
        )
    axes[0].set(xlabel="capacity [mA h/cm²]", ylabel="voltage [V]")
    axes[0].legend(fontsize=7)
    fig.savefig(out / "30_half_cell.png", dpi=130)


if __name__ == "__main__":
    from run import alone

    alone(main)
