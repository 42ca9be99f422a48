"""Particles, their neighbors, and how a structure differs between the axes.

Left: overlapping balls on the points of a lattice, shaken. The watershed of the distance to the
pores tells the particles apart at their necks; the number of neighbors and the throats between them
follow. Right: an excursion set stretched twice along x. Boundary crossings, chords and the decay of
the two-point function all see it, each by its own measure.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt
from vmt.descriptors import anisotropy, region_network


def main(out: Path) -> None:
    """Color the particles, count their neighbors, compare the axes."""
    cell, count, radius = 20, 4, 11.2
    rng = np.random.default_rng(3)
    centers = (np.stack(np.indices((count,) * 3), -1).reshape(-1, 3) + 0.5) * cell
    centers += rng.uniform(-1.0, 1.0, centers.shape)
    grid = np.stack(np.indices((count * cell,) * 3), -1) + 0.5
    labels = np.zeros((count * cell,) * 3, np.uint8)
    for center in centers:
        labels[((grid - center) ** 2).sum(-1) < radius**2] = 1
    m = vmt.Microstructure(labels, 250e-9)
    network = region_network(m, "solid")
    print(
        f"{network.count} particles, {len(network.pairs)} throats; the {network.whole.sum()} inner "
        f"ones have {network.mean_coordination:.2f} neighbors"
    )
    assert network.count == count**3
    assert abs(network.mean_coordination - 6) < 0.5

    figure, axes = plt.subplots(1, 4, figsize=(14, 3.5), layout="constrained")
    colors = np.vstack([[0.95, 0.94, 0.91], rng.uniform(0.25, 0.9, (network.count, 3))])
    size = count * cell * 0.25
    axes[0].imshow(colors[network.labels[:, :, cell // 2]], extent=(0, size, size, 0))
    axes[0].set_title("particles", fontsize=10)
    axes[0].set_xlabel("µm")
    axes[1].hist(network.throat_radii * 1e6, 12, color="#1f4e9c")
    axes[1].set_xlabel("radius [µm]")
    axes[1].set_title(f"{len(network.pairs)} throats", fontsize=10)

    rho = vmt.Covariance.gaussian(rate=5e6)
    isotropic = vmt.GaussianExcursionSet(rho, 0.5).sample((96, 96, 96), 20e-9, rng=1)
    stretched = vmt.Microstructure(isotropic.labels, (40e-9, 20e-9, 20e-9))
    stretched.plot(axes[2], axis=2, index=48)
    axes[2].set_title("stretched along x (down)", fontsize=10)
    made = anisotropy(stretched, "solid")
    made.plot(axes[3])
    longest = made.decay_length[0] / made.decay_length[1:].mean()
    print(f"decay along x over that across: {longest:.2f}")
    assert abs(longest / 2 - 1) < 0.2
    figure.savefig(out / "particles.png", dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    from run import alone

    alone(main)
