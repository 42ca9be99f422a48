"""Two conducting phases: cut cells where a harmonic mean is not enough.

Where the second phase conducts, too, one unknown per cell can't follow both sides of a boundary
exactly. Two rules are right at the ends of the contrast: around a good conductor that floats in a
bad one, where the line between two centers crosses the boundary; along a good conductor that
carries the current itself, the open share of the face. `discretization="level_set"` takes the
second where the better phase joins both ends, and the first elsewhere. On a simple cubic array of
spheres both ends are of second order; between them the error is small and falls like the cell.
Voxels scatter: how small their error is depends on where the boundary happens to lie.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt

#: conducting spheres of volume fraction 0.2, conductivity over the matrix's, effective over the
#: matrix's (multipole series of Sangani and Acrivos 1983)
SPHERES = {1e6: 1.75587, 10.0: 1.53172, 0.1: 0.76280}
FRACTION = 0.2


def eighth(cells: int) -> vmt.LevelSet:
    """An eighth of the unit cell: the planes between are mirrors."""
    x = 0.5 * np.arange(cells + 1) / cells
    radius = (3 * FRACTION / (4 * np.pi)) ** (1 / 3)
    distance = np.sqrt(x[:, None, None] ** 2 + x[:, None] ** 2 + x**2) - radius
    return vmt.LevelSet(distance, 0.5e-6 / cells)


def main(out: Path) -> None:
    """Spheres against their closed form; a paper's structure on four grids."""
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    cells = np.array([6, 12, 24, 36])
    colors = ("#1f4e9c", "#d1495b", "#2e933c")
    for (ratio, exact), color in zip(SPHERES.items(), colors, strict=True):
        given = {"solid": ratio, "pore": 1.0}
        errors = {}
        for kind in ("level_set", "voxel"):
            found = [
                vmt.effective_conductivity(
                    eighth(n), given, discretization=kind, bounds="none", rtol=1e-6
                ).effective_conductivity
                for n in cells
            ]
            errors[kind] = 100 * np.abs(np.array(found) / exact - 1)
        left.loglog(cells, errors["level_set"], "o-", color=color, label=f"contrast {ratio:g}")
        left.loglog(cells, errors["voxel"], "x:", color=color)
        print(f"contrast {ratio:g}: cut cells off by {errors['level_set'].round(3).tolist()} %")
        assert errors["level_set"][2] < 0.4
        assert np.all(np.diff(errors["level_set"]) < 0)
    left.set_ylim(0.02, 10)
    left.set_xticks(cells, [str(n) for n in cells])
    left.minorticks_off()
    left.set_xlabel("cells per half lattice cell (crosses: voxels)")
    left.set_ylabel("error of the effective conductivity / %")
    left.legend(frameon=False)

    model = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=7.28e6), 0.46)
    given = {"solid": 1.0, "pore": 0.1}
    edges, cut, voxels = [], [], []
    for n in (30, 45, 60, 90):
        level_set = model.sample_level_set((45,) * 3, 10e-9, rng=4, grid=(n,) * 3)
        edges.append(level_set.spacing[0] * 1e9)
        cut.append(vmt.effective_conductivity(level_set, given).effective_conductivity)
        plain = vmt.effective_conductivity(level_set, given, discretization="voxel", bounds="none")
        voxels.append(plain.effective_conductivity)
    print(f"F850 at 10 nm: cut cells {cut[1]:.4f}, voxels {voxels[1]:.4f}; at 5 nm {cut[3]:.4f}")
    assert abs(cut[1] / cut[3] - 1) < 0.5 * abs(voxels[1] / cut[3] - 1)
    right.plot(edges, cut, "o-", color="#1f4e9c", label="cut cells")
    right.plot(edges, voxels, "x:", color="#d1495b", label="voxels")
    right.set_xlim(0, None)
    right.set_xlabel("edge of a cell / nm")
    right.set_ylabel("effective conductivity / S/m")
    right.set_title("F850, solid 1 S/m, pores 0.1 S/m", fontsize=10)
    right.legend(frameon=False)
    figure.savefig(out / "two_phases.png", dpi=110)


if __name__ == "__main__":
    from run import alone

    alone(main)
