"""The current in 3D: where it goes, where it is squeezed, how far it walks.

A conduction that kept its potential knows the flux through every face of every voxel. Lines that
follow these fluxes start on the separator side in proportion to the current, so that each carries
the same share of it: many lines in a channel mean much current, and dark colors mean a neck. The
phase around them is translucent.

The lengths of the lines over the thickness say how far the current walks. Their mean lies above the
geodesic tortuosity, the mean of the shortest ways, since current also takes longer ones; the square
of the mean is not the tortuosity factor, which also pays for necks.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt
from vmt.report import render_png

CELLS, SPACING = 80, 10e-9


def main(out: Path) -> None:
    """Solve, draw the lines, measure them."""
    model = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=7.28e6), 0.46)
    level_set = model.sample_level_set((CELLS,) * 3, SPACING, rng=1)
    results = {
        phase: vmt.effective_conductivity(level_set, {phase: 1.0}, keep_potential=True)
        for phase in ("solid", "pore")
    }
    for phase, result in results.items():
        title = f"F850, current through the {phase}, M = {result.m_factor:.3f}"
        (out / f"current_{phase}.png").write_bytes(render_png(result, title=title))

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    voxels = level_set.to_microstructure()
    for (phase, result), color in zip(results.items(), ("#1f4e9c", "#d1495b"), strict=True):
        lines = result.streamlines(600)
        assert len(lines) == 600
        walked = np.array([np.linalg.norm(np.diff(p, axis=0), axis=1).sum() for p in lines.points])
        walked /= level_set.size[0]
        shortest = vmt.geodesic_tortuosity(voxels, phase)
        print(
            f"{phase}: lines {walked.mean():.3f} times the thickness, shortest ways "
            f"{shortest:.3f}, tortuosity factor {result.tortuosity_factor:.2f}"
        )
        assert walked.min() >= 1
        assert shortest < walked.mean() < result.tortuosity_factor
        left.hist(walked, np.linspace(1, 2.2, 49), color=color, alpha=0.6, label=phase)
        left.axvline(shortest, color=color, ls="--", lw=1)
    left.set_xlabel("length of a line of current / thickness (dashed: geodesic tortuosity)")
    left.set_ylabel("lines of 600")
    left.legend(frameon=False)
    results["solid"].plot_dissipation(right)
    right.set_title("solid: heat in a slice, the bottlenecks", fontsize=10)
    figure.savefig(out / "lengths.png", dpi=110)


if __name__ == "__main__":
    from run import alone

    alone(main)
