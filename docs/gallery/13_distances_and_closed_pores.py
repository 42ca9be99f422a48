"""Distances along the pores, and pores that nothing reaches.

From the upper face (the separator) the length of the shortest path within the pores to each place.
Steps to neighboring voxels, as in the papers, make octagons of circles: straight lines in most
directions are too long. The Euclidean length, by fast marching, makes circles. The difference
between the two definitions is up to 8 % in a plane; a path length without its definition is no
number.

In a plane few paths lead down, so that the pores end halfway. Where there is no path at all, they
are closed (red): porosity, but useless.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt
from vmt.descriptors import closed_pores, geodesic_distances

SPACING = 20e-9


def main(out: Path) -> None:
    """Draw both distances, their ratio, and the closed pores."""
    rho = vmt.Covariance.gaussian(rate=4e6)
    model = vmt.GaussianExcursionSet(rho, 0.56, phase="pore", background="solid")
    m = model.sample((240, 240, 1), SPACING, rng=4)
    size = 240 * SPACING * 1e6
    steps = geodesic_distances(m, "pore")
    exact = geodesic_distances(m, "pore", method="fast_marching")
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.6), layout="constrained")
    for ax, made, name in (
        (axes[0], steps, "steps to neighbors [µm]"),
        (axes[1], exact, "Euclidean [µm]"),
    ):
        values = np.where(np.isfinite(made.map[:, :, 0]), made.map[:, :, 0], np.nan) * 1e6
        picture = ax.imshow(values, cmap="viridis", extent=(0, size, size, 0))
        ax.contour(
            np.linspace(0, size, 240), np.linspace(0, size, 240), values, 16, colors="white",
            linewidths=0.5,
        )  # fmt: skip
        figure.colorbar(picture, ax=ax, shrink=0.8)
        ax.set_title(name, fontsize=10)
        ax.set_xlabel("µm")
    for made, name in ((steps, "steps to neighbors"), (exact, "Euclidean")):
        depth, ratio = made.tortuosity_profile()
        axes[2].plot(depth * 1e6, ratio, label=name)
        print(f"{name}: mean path {made.mean * 1e6:.3f} µm, {made.connected_share:.3f} connected")
    axes[2].set_xlabel("depth [µm]")
    axes[2].set_title("mean path over depth", fontsize=10)
    axes[2].legend(frameon=False)
    assert 1.0 < steps.mean / exact.mean < 1.09

    closed = closed_pores(m, "pore", faces="x-")
    mask = m.mask("pore")[:, :, 0]
    colors = np.empty((240, 240, 3))
    colors[~mask], colors[mask] = (0.2, 0.25, 0.36), (0.95, 0.94, 0.91)
    colors[closed.mask[:, :, 0]] = (0.82, 0.29, 0.36)
    axes[3].imshow(colors, extent=(0, size, size, 0))
    axes[3].set_title(f"closed to the separator: {100 * closed.share:.0f} %", fontsize=10)
    axes[3].set_xlabel("µm")
    unreached = 1 - steps.connected_share
    print(f"closed share {closed.share:.4f}; without a path over diagonals too {unreached:.4f}")
    assert unreached <= closed.share < unreached + 0.02
    figure.savefig(out / "distances_and_closed_pores.png", dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    from run import alone

    alone(main)
