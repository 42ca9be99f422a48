"""Local thickness, and mercury that goes in and comes out.

Left: the radius of the largest disk (a ball in 3D) within the pores that holds each place. The
share of the pores at least so thick is the continuous phase-size distribution; its decrease from
radius to radius is the granulometry.

Right: simulated mercury, from above. On the way in it fills what disks of a radius reach from the
upper face. On the way out it stands where the local thickness is at least the radius, and what
loses its connection to the face stays behind: in wide places whose ways out are all somewhere
narrower (red). So the curve of the way out lies above that of the way in, and ends at the trapped
share. In a plane there are few ways out, and more is trapped than in three dimensions.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt
from vmt.descriptors import granulometry, intrusion_extrusion, local_thickness

SPACING = 20e-9


def widest_ways_out(thick: np.ndarray) -> np.ndarray:
    """Largest level that each place can keep on its way to the upper face, plainly."""
    best = np.zeros_like(thick)
    best[0] = thick[0]
    while True:
        padded = np.pad(best, 1)
        around = np.max(
            [
                padded[1 + i :, 1 + j :][: len(best), : best.shape[1]]
                for i in (-1, 0, 1)
                for j in (-1, 0, 1)
            ],
            axis=0,
        )
        new = np.maximum(best, np.minimum(around, thick))
        if (new == best).all():
            return best
        best = new


def main(out: Path) -> None:
    """Draw the maps in a plane, and the curves."""
    rho = vmt.Covariance.gaussian(rate=4e6)
    model = vmt.GaussianExcursionSet(rho, 0.66, phase="pore", background="solid")
    m = model.sample((240, 240, 1), SPACING, rng=2)
    size = 240 * SPACING * 1e6
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.6), layout="constrained")

    thick = local_thickness(m, "pore")[:, :, 0] * 1e9
    picture = axes[0].imshow(thick, cmap="viridis", extent=(0, size, size, 0))
    figure.colorbar(picture, ax=axes[0], shrink=0.8)
    axes[0].set_title("local thickness [nm]", fontsize=10)

    sizes = granulometry(m, "pore")
    sizes.plot(axes[1])
    axes[1].set_title(f"mean radius {sizes.mean * 1e9:.0f} nm", fontsize=10)
    inside = ~np.isnan(thick)
    print(f"mean radius {sizes.mean * 1e9:.0f} nm, of the map {thick[inside].mean():.0f} nm")
    assert abs(sizes.mean * 1e9 - thick[inside].mean()) < 0.5 * SPACING * 1e9 + 5

    cycle = intrusion_extrusion(m, "pore")
    levels = np.where(inside, thick + 1, 0)
    ways = widest_ways_out(levels)
    filled = ways > 0
    trapped = filled & (ways < levels)
    share = trapped.sum() / filled.sum()
    print(f"trapped: {cycle.trapped_share:.3f} of what was filled; from the map {share:.3f}")
    assert abs(cycle.trapped_share - share) < 0.01
    colors = np.empty((240, 240, 3))
    for part, color in (
        (~inside, (0.2, 0.25, 0.36)),
        (inside, (0.95, 0.94, 0.91)),
        (filled, (0.72, 0.85, 0.93)),
        (trapped, (0.82, 0.29, 0.36)),
    ):
        colors[part] = color
    axes[2].imshow(colors, extent=(0, size, size, 0))
    axes[2].set_title(f"trapped on the way out: {100 * share:.0f} %", fontsize=10)
    cycle.plot(axes[3])
    axes[3].set_title("mercury from above", fontsize=10)
    for ax in (axes[0], axes[2]):
        ax.set_xlabel("µm")
    figure.savefig(out / "thickness_and_mercury.png", dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    from run import alone

    alone(main)
