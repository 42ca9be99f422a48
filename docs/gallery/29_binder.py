"""Binder in a packing, six ways, and how the same amount of it connects.

Every placement holds the same volume, to one voxel: at the contacts of particles, in narrow places
(morphological closing), as a liquid with a contact angle of 40° and of 110°, as a film, and step by
step at random. The share of the binder in its largest cluster tells how good a conductor it makes.
"""

import math
from pathlib import Path

import matplotlib.pyplot as plt

import vmt
from vmt.descriptors import clusters

CBD = "carbon_binder_domain"


def main(out: Path) -> None:
    """Place, compare, draw."""
    packing = vmt.phantoms.random_spheres(
        (64, 60, 60), 0.4e-6, radius=4e-6, volume_fraction=0.55, rng=4
    ).structure
    kinds = [
        ("contact", None),
        ("closing", None),
        ("wetting", 40.0),
        ("wetting", 110.0),
        ("film", None),
        ("growth", None),
    ]
    figure, axes = plt.subplots(2, 3, figsize=(11, 8), layout="constrained")
    for ax, (method, angle) in zip(axes.ravel(), kinds, strict=True):
        placed = vmt.add_binder(
            packing,
            volume_fraction=0.08,
            method=method,
            contact_angle=None if angle is None else math.radians(angle),
            rng=1,
        )
        assert placed.voxels == round(0.08 * packing.labels.size)
        share = clusters(placed.structure, CBD).largest_share
        name = method if angle is None else f"{method}, {angle:g}°"
        print(f"{name}: {100 * share:.0f} % of the binder in one cluster")
        placed.plot(ax)
        ax.set_title(f"{name}: {100 * share:.0f} % in one cluster", fontsize=10, loc="left")
        if ax is not axes[1, 0]:
            ax.get_legend().remove()
    figure.savefig(out / "binder.png", dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    from run import alone

    alone(main)
