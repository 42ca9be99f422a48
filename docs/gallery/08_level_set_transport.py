"""Level sets: the same structure on any grid, and transport of second order.

A seed names one realization of the random field. `sample` keeps its sign at the centers of the
voxels, `sample_level_set` its values at the corners of any grid in the same box. Solved on voxels,
the M-factor converges slowly with the grid, from below: necks are cut off. With the open share of
each cell face from the level set it is right on the coarsest grid already.

Who has only a segmentation can have most of it back: the level set estimated from the voxels. The
spread between three ways to estimate it says how far to trust that.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt
from vmt.transport import estimate_level_set, reconstruction_spread

CELLS, SPACING = 54, 10e-9


def main(out: Path) -> None:
    """Draw, solve on four grids, estimate."""
    model = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=7.28e6), 0.46)
    shape = (CELLS, CELLS, CELLS)
    conducting = {"solid": 1.0}
    edges, by_voxels, by_level_set = [], [], []
    for cells in (36, 54, 72, 108):
        level_set = model.sample_level_set(shape, SPACING, rng=4, grid=(cells,) * 3)
        edges.append(level_set.spacing[0] * 1e9)
        by_level_set.append(vmt.effective_conductivity(level_set, conducting).m_factor)
        voxels = vmt.effective_conductivity(level_set, conducting, discretization="voxel")
        by_voxels.append(voxels.m_factor)
        print(
            f"cells of {edges[-1]:4.1f} nm: level set {by_level_set[-1]:.4f}, "
            f"voxels {by_voxels[-1]:.4f}"
        )
    assert np.ptp(by_level_set) < 0.02 * by_level_set[-1]
    assert by_voxels[1] < 0.96 * by_level_set[1]

    segmentation = model.sample(shape, SPACING, rng=4)
    estimate = estimate_level_set(segmentation, "solid")
    found = reconstruction_spread(segmentation, "solid")
    error = found.m_factor / by_level_set[-1] - 1
    print(
        f"from the 10 nm voxels alone: {found.m_factor:.4f} ({100 * error:+.1f} %), "
        f"spread {100 * found.relative_spread:.1f} %"
    )
    assert abs(error) < 0.03

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    segmentation.plot(left, axis=0)
    for made, color, name in (
        (model.sample_level_set(shape, SPACING, rng=4), "#d1495b", "level set of the model"),
        (estimate, "#1f4e9c", "estimated from the voxels"),
    ):
        plane = made.values[CELLS // 2]
        x = np.arange(CELLS + 1) * SPACING * 1e6
        left.contour(x, x, plane, levels=[0.0], colors=[color], linewidths=1.2)
        left.plot([], [], color=color, label=name)
    left.legend(loc="upper right", fontsize=8)
    right.plot(edges, by_voxels, "s--", color="0.4", label="voxels")
    right.plot(edges, by_level_set, "o-", color="#d1495b", label="level set")
    right.plot([10], [found.m_factor], "D", color="#1f4e9c", label="estimated from 10 nm voxels")
    right.set_xlim(0, None)
    right.set_xlabel("cell edge / nm")
    right.set_ylabel("M-factor of the solid")
    right.legend(frameon=False)
    figure.savefig(out / "level_set_transport.png", dpi=110)


if __name__ == "__main__":
    from run import alone

    alone(main)
