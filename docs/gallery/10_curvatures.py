"""Surface, curvature, and lines where three phases meet.

Left: an excursion set of a Gaussian field, for volume fractions of the solid from 0.1 to 0.9, and
what the voxels show (points) beside the closed forms (lines). The mean curvature changes its sign
at one half, where solid and pores look alike: a phase that is mostly convex, as balls are, has a
positive one. The Euler number counts pieces and holes less tunnels: few balls or few bubbles make
it positive, a sponge makes it negative. A window scatters around the model's expectation.

Right: three phases. The surface between two of them is an interface; lines in which all three meet
are points in a section (red). Electrolyte, binder and active material meet there.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt
from vmt.descriptors import mean_curvature_density, triple_phase_boundary_density

SPACING = 25e-9
RATE = 5e6


def main(out: Path) -> None:
    """Measure a family of sets and compare with closed forms; mark the triple points."""
    rho = vmt.Covariance.gaussian(rate=RATE)
    fractions = np.linspace(0.1, 0.9, 33)
    models = [vmt.GaussianExcursionSet(rho, p) for p in fractions]
    shown = [vmt.GaussianExcursionSet(rho, p) for p in np.linspace(0.1, 0.9, 9)]
    sets = [model.sample((112, 112, 112), SPACING, rng=7) for model in shown]

    figure, axes = plt.subplots(1, 4, figsize=(14, 3.5), layout="constrained")
    rows = (
        ("surface area [1/µm]", 1e-6, "specific_surface_area", vmt.specific_surface_area),
        ("mean curvature [1/µm²]", 1e-12, "mean_curvature_density", mean_curvature_density),
        ("Euler number [1/µm³]", 1e-18, "euler_number_density", vmt.euler_number_density),
    )
    for ax, (name, scale, method, measure) in zip(axes, rows, strict=False):
        exact = np.array([getattr(model, method)() for model in models]) * scale
        found = np.array([measure(m, "solid") for m in sets]) * scale
        ax.plot(fractions, exact, color="#222222", lw=1)
        ax.plot(np.linspace(0.1, 0.9, 9), found, "o", color="#d1495b", ms=4)
        ax.axhline(0, color="0.8", lw=0.6, zorder=0)
        ax.set_xlabel("volume fraction of the solid")
        ax.set_title(name, fontsize=10)
        there = np.interp(np.linspace(0.1, 0.9, 9), fractions, exact)
        deviation = np.abs(found - there).max() / np.abs(exact).max()
        print(f"{name}: largest deviation {100 * deviation:.0f} % of the largest value")
        assert deviation < 0.25

    one = vmt.GaussianExcursionSet(rho, 0.4).sample((90, 90, 90), SPACING, rng=1).mask("solid")
    two = vmt.GaussianExcursionSet(rho, 0.5).sample((90, 90, 90), SPACING, rng=2).mask("solid")
    labels = np.where(one, 1, np.where(two, 2, 0)).astype(np.uint8)
    m = vmt.Microstructure(labels, SPACING, {"pore": 0, "active": 1, "binder": 2})
    length = triple_phase_boundary_density(m, "pore", "active", "binder")
    plane = labels[:, :, 45]
    m.plot(axes[3], axis=2, index=45)
    codes = np.array([1, 2, 4])[plane]
    rows4 = codes[1:] | codes[:-1]
    i, j = np.nonzero((rows4[:, 1:] | rows4[:, :-1]) == 7)
    axes[3].plot((j + 1) * SPACING * 1e6, (i + 1) * SPACING * 1e6, "o", color="#d1495b", ms=4)
    axes[3].set_title(f"three phases meet: {length * 1e-12:.1f} µm / µm³", fontsize=10)
    # two independent level sets: 2 μ φ(u) φ(v), μ the mean squared slope of the field
    exact_length = 2 * 2 * RATE**2 * 0.3863 * 0.3989
    print(f"lines of three phases: {length * 1e-12:.2f}, closed form {exact_length * 1e-12:.2f}")
    assert abs(length / exact_length - 1) < 0.15
    figure.savefig(out / "curvatures.png", dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    from run import alone

    alone(main)
