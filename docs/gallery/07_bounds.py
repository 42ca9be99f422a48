"""Certified bounds: what the voxels conduct for sure, and what they hide.

The value that every voxel code computes, seven points and half a voxel to the electrodes, is not
the conductivity of the voxels but something below it. `vmt.effective_conductivity` adds two bounds
between which the exact solution on the voxels lies, whatever the solver did: the lower one from
its fluxes (Thomson's principle), the upper one from its potentials (Dirichlet's). Cut into finer
voxels, the same body narrows the bracket from both sides, and the midpoint hardly moves.

The voxels of a smooth structure are a second matter: how far its conductivity is from theirs
is estimated from every second voxel (`discretization_error=True`). A χ² set on voxels of 10, 20
and 40 nm: values and estimates at 20 and 40 nm are compared to what 10 and 20 nm extrapolate to.

The maps show where: flux, and dissipation over its mean, which is large in bottlenecks.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt

GIVEN = {"solid": 1.0}


def split(m: vmt.Microstructure, n: int) -> vmt.Microstructure:
    """The same body in n³ times as many voxels."""
    labels = m.labels.repeat(n, 0).repeat(n, 1).repeat(n, 2)
    dx, dy, dz = (d / n for d in m.spacing)
    return vmt.Microstructure(labels, (dx, dy, dz), m.phases)


def main(out: Path) -> None:
    """Bound, refine, extrapolate and draw."""
    rho = vmt.Covariance.gaussian(rate=5e6)
    model = vmt.ChiSquareExcursionSet(rho, 0.5)
    fine = model.sample((128, 128, 128), 10e-9, rng=2)

    part = vmt.Microstructure(fine.labels[:96:4, :96:4, :96:4].copy(), 40e-9, fine.phases)
    results = [vmt.effective_conductivity(split(part, n), GIVEN, rtol=1e-6) for n in (1, 2, 3)]
    for n, r in enumerate(results, 1):
        print(
            f"voxels cut in {n}: seven points {r.m_factor:.4f}, lower {r.lower_bound:.4f}, "
            f"upper {r.upper_bound:.4f}, midpoint {r.estimate:.4f}"
        )
        assert r.effective_conductivity < r.lower_bound < r.upper_bound
    assert results[0].lower_bound < results[1].lower_bound < results[2].lower_bound
    assert results[0].upper_bound > results[1].upper_bound > results[2].upper_bound

    sizes, found = (10, 20, 40), []
    for step in (1, 2, 4):
        labels = fine.labels[step // 2 :: step, step // 2 :: step, step // 2 :: step]
        m = vmt.Microstructure(labels.copy(), 10e-9 * step, fine.phases)
        found.append(
            vmt.effective_conductivity(
                m, GIVEN, discretization_error=True, keep_potential=step == 1
            )
        )
    smooth = found[0].m_factor / (1 + found[0].discretization_error)
    for size, r in zip(sizes[1:], found[1:], strict=True):
        true = r.m_factor / smooth - 1
        print(
            f"{size} nm: M = {r.m_factor:.4f}, {100 * true:+.1f} % of what is "
            f"extrapolated from 10 nm; estimated {100 * r.discretization_error:+.1f} %; midpoint "
            f"{100 * (r.estimate / smooth - 1):+.1f} %"
        )
        assert 0.4 < r.discretization_error / true < 2.5
        assert abs(r.estimate / smooth - 1) < abs(true)

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    x = np.array([1, 2, 3])
    low, high = ([getattr(r, f"{side}_bound") for r in results] for side in ("lower", "upper"))
    axes[0].fill_between(x, low, high, color="#d1495b", alpha=0.25, label="bracket")
    axes[0].plot(x, [r.estimate for r in results], "o-", color="#d1495b", label="midpoint")
    axes[0].plot(x, [r.m_factor for r in results], "s-", color="#1f4e9c", label="seven points")
    axes[0].set_xticks(x)
    axes[0].set_xlabel("each voxel cut in")
    axes[0].set_ylabel("M-factor of these voxels")
    axes[0].legend(frameon=False)
    low, high = ([getattr(r, f"{side}_bound") for r in found] for side in ("lower", "upper"))
    axes[1].fill_between(sizes, low, high, color="#d1495b", alpha=0.25, label="bracket")
    axes[1].plot(sizes, [r.m_factor for r in found], "s-", color="#1f4e9c", label="seven points")
    corrected = [r.m_factor / (1 + r.discretization_error) for r in found]
    axes[1].plot(sizes, corrected, "D", color="#2e7d5b", label="extrapolated from two grids")
    axes[1].axhline(smooth, color="0.4", ls="--", lw=1)
    axes[1].set_xlim(0, 42)
    axes[1].set_xlabel("voxel / nm")
    axes[1].set_ylabel("M-factor")
    axes[1].legend(frameon=False)
    figure.savefig(out / "bounds.png", dpi=110)

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    found[0].plot_flux(axes[0])
    found[0].plot_dissipation(axes[1])
    axes[0].set_title("flux", fontsize=10)
    axes[1].set_title("bottlenecks", fontsize=10)
    figure.savefig(out / "maps.png", dpi=110)


if __name__ == "__main__":
    from run import alone

    alone(main)
