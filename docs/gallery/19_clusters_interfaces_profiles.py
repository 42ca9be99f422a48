"""Clusters, interfaces and profiles, on a picture of three phases.

First: connectivity. The binder's largest cluster (dark) and the others (red); in a plane none
reaches the lower face. Which voxels are neighbors decides: with corners more hangs together.

Second: interfaces. Where active material meets pores (blue) the electrolyte reaches all of it,
under the binder (orange) half: the internal surface area is S(active, pore) plus half of
S(active, binder).

Third: profiles. The share of each phase in the layers from the separator down; here the binder has
moved to the upper face, as in fast drying.

Fourth: overlay. Pore sizes of three structures of one kind, and their mean with its band.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy import ndimage

import vmt
from vmt.descriptors import (
    connectivity,
    interface_area,
    internal_surface_area,
    percolates,
    volume_fraction_profile,
)

SPACING = 50e-9
NAMES = {"pore": 0, "active material": 1, "binder": 2}
COLORS = {"pore": "#e8eef5", "active material": "#8a94a6", "binder": "#33415c"}


def electrode(seed: int) -> vmt.Microstructure:
    """Active material by a Gaussian field; binder in what is left, more of it at the top."""
    rho = vmt.Covariance.gaussian(rate=1.2e6)
    active = vmt.GaussianExcursionSet(rho, 0.5).sample((180, 180, 1), SPACING, rng=seed).mask(1)
    noise = np.random.default_rng(seed).standard_normal(active.shape)
    fine = ndimage.gaussian_filter(noise, (3, 3, 0))
    depth = np.linspace(0, 1, len(active))[:, None, None]
    level = np.quantile(fine, 0.45 + 0.35 * depth[:, 0, 0])[:, None, None]
    binder = ~active & (fine > level)
    return vmt.Microstructure(
        np.where(active, 1, np.where(binder, 2, 0)).astype(np.uint8), SPACING, NAMES
    )


def paint(m: vmt.Microstructure, colors: dict[str, str]) -> np.ndarray:
    """Picture of the labels."""
    from matplotlib.colors import to_rgb

    table = np.array([to_rgb(colors[name]) for name in NAMES])
    return table[np.asarray(m.labels)[:, :, 0]]


def main(out: Path) -> None:
    """Draw the four panels."""
    m = electrode(3)
    size = m.size[0] * 1e6
    box = (0, size, size, 0)
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.7), layout="constrained")

    clusters = connectivity(m, "binder", neighbors=26)
    parts, _ = ndimage.label(m.mask("binder")[:, :, 0], np.ones((3, 3)))
    through = np.isin(parts, np.setdiff1d(np.intersect1d(parts[0], parts[-1]), 0))
    # the picture shows what the number says
    share = through.sum() / m.mask("binder").sum()
    assert abs(share - clusters.percolating_share) < 1e-12
    assert percolates(m, "binder", neighbors=26) == bool(through.any())
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    assert abs(sizes.max() / sizes.sum() - clusters.largest_share) < 1e-12
    picture = paint(m, COLORS)
    picture[(parts > 0) & (parts != sizes.argmax())] = (0.82, 0.29, 0.35)
    axes[0].imshow(picture, extent=box, interpolation="nearest")
    fewer = connectivity(m, "binder", neighbors=6)
    axes[0].set_title(
        f"binder: {clusters.clusters} clusters, largest {clusters.largest_share:.0%}\n"
        f"(6 neighbors: {fewer.clusters}, {fewer.largest_share:.0%})",
        fontsize=9,
    )
    assert fewer.clusters >= clusters.clusters

    faint = {"pore": "#ffffff", "active material": "#d5d9e0", "binder": "#f3e3c8"}
    axes[1].imshow(paint(m, faint), extent=box, interpolation="nearest")
    labels = np.asarray(m.labels)[:, :, 0]
    for other, color in ((0, "#1d4f9e"), (2, "#e08214")):
        for axis in (0, 1):
            one, two = np.delete(labels, -1, axis), np.delete(labels, 0, axis)
            i, j = np.nonzero(((one == 1) & (two == other)) | ((one == other) & (two == 1)))
            place = [i + 0.5, j + 0.5]
            place[axis] = place[axis] + 0.5
            axes[1].plot(
                place[1] * SPACING * 1e6, place[0] * SPACING * 1e6, "s", ms=1.2, color=color
            )
    pore = interface_area(m, "active material", "pore")
    binder = interface_area(m, "active material", "binder")
    inner = internal_surface_area(m, "active material", "pore", "binder")
    assert abs(inner - (pore + 0.5 * binder)) < 1e-9 * inner
    axes[1].set_title(
        f"pore {pore * 1e-6:.2f}/µm, binder {binder * 1e-6:.2f}/µm\ninternal {inner * 1e-6:.2f}/µm",
        fontsize=9,
    )
    for ax in axes[:2]:
        ax.set_xlabel("µm")

    total = 0.0
    for name in NAMES:
        profile = volume_fraction_profile(m, name)
        total = total + profile.values
        axes[2].plot(profile.values, profile.positions * 1e6, color=COLORS[name], alpha=0.3, lw=0.8)
        smooth = profile.averaged(12)
        dark = {"pore": "#5b8fd0"}.get(name, COLORS[name])
        axes[2].plot(smooth.values, smooth.positions * 1e6, color=dark, label=name)
    assert np.allclose(total, 1)
    axes[2].invert_yaxis()
    axes[2].set_xlabel("volume fraction")
    axes[2].set_ylabel("depth [µm]")
    axes[2].legend(frameon=False, fontsize=8)

    kinds = [electrode(seed) for seed in (3, 4, 5)]
    curves = [vmt.continuous_phase_size_distribution(k, "pore") for k in kinds]
    radii = np.linspace(0, min(c.radii[-1] for c in curves), 60)
    values = np.array([np.interp(radii, c.radii, c.covered) for c in curves])
    for row in values:
        axes[3].plot(radii * 1e6, row, color="0.7", lw=0.8)
    axes[3].fill_between(radii * 1e6, values.min(0), values.max(0), color="#5b8fd0", alpha=0.25)
    axes[3].plot(radii * 1e6, values.mean(0), color="#1d4f9e")
    axes[3].set_xlabel("radius [µm]")
    axes[3].set_ylabel("covered share of the pores")
    axes[3].set_title("three structures, mean and range", fontsize=9)

    figure.savefig(out / "clusters_interfaces_profiles.png", dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main(Path.cwd())
