"""What the descriptors mean, on a picture.

A slice of one voxel is a structure too, and shows what the three-dimensional descriptors do. Axis 0
points down, from the separator.

Geodesic tortuosity: from each pore voxel of the upper face the shortest path within the pores to
the lower face, with steps to all neighbors at their true lengths, over the thickness; the mean of
these ratios. The paths drawn are found by scikit-image, and their lengths agree.

r_max: the largest disk (a ball in 3D) with which half of the pores can be covered. r_min: the same
when the disk must enter from the upper face, as mercury does; wide places behind bottlenecks stay
empty. In a small picture a single bottleneck may guard much of the pores: the dark blue part is
reached by a disk half a voxel wider than r_min, the light blue one too by a disk half a voxel
narrower; the one is less than half of the pores, both together are more. Constrictivity is
(r_min / r_max)²: 1 without bottlenecks.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from scipy import ndimage
from skimage.graph import MCP_Geometric

import vmt

SPACING = 20e-9
COLORS = {
    "solid": "#33415c",
    "pore": "#f2efe9",
    "paths": "#d1495b",
    "covered": "#4a90c4",
    "narrow": "#b8d8ee",
}


def covered_by(mask: np.ndarray, radius: float, *, intruded: bool) -> np.ndarray:
    """Pores that disks of a radius [voxels] cover, from anywhere or from the upper face."""
    centers = ndimage.distance_transform_edt(mask) > radius
    if intruded:
        parts, _ = ndimage.label(centers, np.ones((3, 3)))
        centers = np.isin(parts, np.setdiff1d(parts[0], [0]))
    return (ndimage.distance_transform_edt(~centers) <= radius) & mask


def picture(ax: plt.Axes, mask: np.ndarray, marked: dict[str, np.ndarray], title: str) -> None:
    """Draw pores, solid, and marked parts of the pores, later ones on top."""
    image = np.empty((*mask.shape, 3))
    for name, part in {"pore": mask, "solid": ~mask, **marked}.items():
        image[part] = to_rgb(COLORS[name])
    height, width = (n * SPACING * 1e6 for n in mask.shape)
    ax.imshow(image, extent=(0, width, height, 0), interpolation="nearest")
    ax.set_title(title, fontsize=10)
    ax.set_xlabel("µm")


def main(out: Path) -> None:
    """Measure with vmt, draw with scipy and scikit-image, compare."""
    rho = vmt.Covariance.gaussian(rate=4e6)
    model = vmt.GaussianExcursionSet(rho, 0.64, phase="pore", background="solid")
    m = model.sample((240, 240, 1), SPACING, rng=2)
    mask = m.mask("pore")[..., 0]

    paths = vmt.geodesic_tortuosity_distribution(m, "pore")
    search = MCP_Geometric(np.where(mask, 1.0, np.inf), fully_connected=True)
    costs, _ = search.find_costs([(mask.shape[0] - 1, j) for j in np.flatnonzero(mask[-1])])
    starts = [(0, j) for j in np.flatnonzero(mask[0] & np.isfinite(costs[0]))]
    assert len(starts) == paths.values.size
    drawn = np.zeros_like(mask)
    lengths = []
    for place, start in enumerate(starts):
        trace = np.array(search.traceback(start))
        lengths.append(np.linalg.norm(np.diff(trace, axis=0), axis=1).sum() / (len(mask) - 1))
        if place % 12 == 0:
            drawn[tuple(trace.T)] = True
    print(f"geodesic tortuosity {paths.mean:.4f}, paths of scikit-image {np.mean(lengths):.4f}")
    assert abs(paths.mean - np.mean(lengths)) < 1e-4

    r_max = vmt.median_phase_size(m, "pore")
    r_min = vmt.median_intrusion_size(m, "pore")
    beta = vmt.constrictivity(m, "pore")
    opened = covered_by(mask, r_max / SPACING, intruded=False)
    wider, narrower = (
        covered_by(mask, r_min / SPACING + step, intruded=True) for step in (0.5, -0.5)
    )
    shares = [part.sum() / mask.sum() for part in (opened, wider, narrower)]
    print(f"r_max {r_max * 1e9:.0f} nm covers {shares[0]:.3f} of the pores")
    print(f"r_min {r_min * 1e9:.0f} nm: from above, half a voxel more reaches {shares[1]:.3f} of")
    print(f"    the pores, half a voxel less {shares[2]:.3f}")
    print(f"constrictivity {beta:.3f} = ({r_min / r_max:.3f})²")
    assert abs(shares[0] - 0.5) < 0.05
    assert shares[1] < 0.5 < shares[2]
    assert abs(beta - (r_min / r_max) ** 2) < 1e-9

    figure, axes = plt.subplots(1, 4, figsize=(14, 3.7), layout="constrained")
    thick = ndimage.binary_dilation(drawn) & mask
    picture(axes[0], mask, {"paths": thick}, f"shortest paths: τ = {paths.mean:.3f}")
    picture(axes[1], mask, {"covered": opened}, f"r_max = {r_max * 1e9:.0f} nm covers half")
    marked = {"narrow": narrower, "covered": wider}
    picture(axes[2], mask, marked, f"r_min = {r_min * 1e9:.0f} nm, from above")
    vmt.continuous_phase_size_distribution(m, "pore").plot(axes[3], label="opening")
    vmt.intrusion_size_distribution(m, "pore").plot(axes[3], label="intrusion")
    axes[3].set_title(f"constrictivity β = {beta:.3f}", fontsize=10)
    axes[3].legend(frameon=False)
    figure.savefig(out / "descriptors.png", dpi=100)


if __name__ == "__main__":
    from run import alone

    alone(main)
