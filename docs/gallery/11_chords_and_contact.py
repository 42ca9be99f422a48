"""Chords, segments, and the distance to the next wall.

Solid balls around random points, free to overlap: the Boolean model, for which all three are known.

A chord is a run of pores along a line, from wall to wall. The lineal path asks instead whether a
segment thrown at random lies in the pores: it begins at the porosity and falls with the length. In
this model it does so exponentially. The contact distribution asks how far a random place in the
pores is from the solid: its map is the distance to the nearest solid. Estimates respect the
window: a place nearer to the border than to the solid tells nothing and is left out, the others
stand in for it.
"""

import itertools
import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage

import vmt
from vmt.descriptors import lineal_path, spherical_contact_distribution

SPACING = 50e-9
RADIUS = 500e-9
FRACTION = 0.4


def main(out: Path) -> None:
    """Draw chords and distances in a slice; compare the curves with closed forms."""
    phantom = vmt.phantoms.boolean_spheres(
        (120, 120, 120), SPACING, radius=RADIUS, volume_fraction=FRACTION, rng=5
    )
    m = phantom.structure
    intensity = phantom.exact["intensity [1/m3]"]
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.5), layout="constrained")

    m.plot(axes[0], axis=2, index=60)
    pores = m.mask("pore")[:, :, 60]
    for row in range(6, 120, 12):
        edges = np.flatnonzero(np.diff(pores[row].astype(int)))
        for start, end in itertools.pairwise(edges):
            if pores[row, start + 1]:
                x = (np.array([start, end]) + 1) * SPACING * 1e6
                axes[0].plot(x, [(row + 0.5) * SPACING * 1e6] * 2, color="#d1495b", lw=1.4)
    axes[0].set_title("chords through the pores", fontsize=10)

    away = ndimage.distance_transform_edt(m.mask("pore")) * SPACING * 1e6
    shown = np.ma.masked_equal(away[:, :, 60], 0)
    picture = axes[1].imshow(shown, cmap="viridis", extent=(0, 6, 6, 0))
    figure.colorbar(picture, ax=axes[1], shrink=0.8)
    axes[1].set_title("distance to the solid [µm]", fontsize=10)
    axes[1].set_xlabel("µm")

    found = lineal_path(m, "pore")
    exact = (1 - FRACTION) * np.exp(-intensity * math.pi * RADIUS**2 * found.lengths)
    found.plot(axes[2], label="voxels")
    end = axes[2].get_xlim()[1]
    axes[2].plot(found.lengths * 1e6, exact, "--", color="#222222", lw=1, label="closed form")
    axes[2].set_xlim(0, min(end, 3))
    axes[2].legend(frameon=False)
    print(f"lineal path: largest deviation {np.abs(found.values - exact).max():.3f}")
    assert np.abs(found.values - exact).max() < 0.03

    contact = spherical_contact_distribution(m, "solid")
    r = contact.radii
    grown = intensity * 4 / 3 * math.pi * ((r + RADIUS) ** 3 - RADIUS**3)
    contact.plot(axes[3], label="voxels")
    axes[3].plot(r * 1e6, 1 - np.exp(-grown), "--", color="#222222", lw=1, label="closed form")
    axes[3].legend(frameon=False)
    print(f"mean distance to the solid {contact.mean * 1e9:.0f} nm")
    # half a voxel at most lies between the voxel's center and the wall
    assert np.abs(contact.values - (1 - np.exp(-grown))).max() < 0.1
    figure.savefig(out / "chords_and_contact.png", dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    from run import alone

    alone(main)
