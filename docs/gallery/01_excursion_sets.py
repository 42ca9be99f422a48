"""Families of excursion sets.

An excursion set is where a random field is at or above its level. All four models here have the
same covariance of their Gaussian fields and the same volume fraction of the solid, one half; only
the family differs: the set of a Gaussian field, the sets of χ²-fields with one and two degrees of
freedom, and the complement of the latter.

A χ²-field is a sum of squares, so that its set surrounds the places where all its Gaussian fields
are small, and the solid looks different from the pores. All share one seed, so that the last
picture is the one before turned inside out. The Gaussian set at one half has the law of its own
complement.

Volume fraction and surface area are known in closed form for each. Measured on one realization, the
volume fraction lies within a few of its standard errors, which the model knows too, and the surface
area beside the exact expectation of its estimator on the voxel grid.
"""

import math
from pathlib import Path

import matplotlib.pyplot as plt

import vmt

SPACING = 20e-9
SHAPE = (128, 128, 128)


def models() -> dict[str, vmt.GaussianExcursionSet | vmt.ChiSquareExcursionSet]:
    """One covariance, one volume fraction, four families."""
    rho = vmt.Covariance.gaussian(rate=5e6)
    return {
        "Gaussian": vmt.GaussianExcursionSet(rho, 0.5),
        "χ², k = 1": vmt.ChiSquareExcursionSet(rho, 0.5, degrees_of_freedom=1),
        "χ², k = 2": vmt.ChiSquareExcursionSet(rho, 0.5, degrees_of_freedom=2),
        "complement of χ², k = 2": vmt.ChiSquareExcursionSet(
            rho, 0.5, phase="pore", background="solid"
        ),
    }


def main(out: Path) -> None:
    """Sample each family once, compare with its closed forms, draw."""
    size = tuple(n * SPACING for n in SHAPE)
    figure, axes = plt.subplots(1, 4, figsize=(11, 3.1), layout="constrained")
    made = {}
    for ax, (name, model) in zip(axes, models().items(), strict=True):
        m = made[name] = model.sample(SHAPE, SPACING, rng=3)
        p = m.volume_fraction("solid")
        sigma = math.sqrt(model.variance_of_volume_fraction(size))
        surface = vmt.specific_surface_area(m, "solid")
        expected = model.expected_specific_surface_area(SPACING)
        print(
            f"{name:24} solid {p:.3f} (0.500 ± {sigma:.3f}), surface {surface * 1e-6:.2f} / µm "
            f"(on this grid {expected * 1e-6:.2f}, in the continuum "
            f"{model.specific_surface_area() * 1e-6:.2f})"
        )
        assert abs(p - 0.5) < 4 * sigma
        assert abs(surface / expected - 1) < 0.05
        ax.imshow(m.mask("solid")[:, 64], cmap="Blues", vmax=1.3, extent=(0, 2.56, 2.56, 0))
        ax.set_title(name, fontsize=10)
        ax.set_xlabel("µm")
    figure.savefig(out / "slices.png", dpi=110)

    for name, file in (("Gaussian", "gaussian_3d.png"), ("χ², k = 2", "chi_square_3d.png")):
        picture = vmt.render(made[name], phase="solid", size=(620, 560), title=name)
        plt.imsave(out / file, picture)


if __name__ == "__main__":
    from run import alone

    alone(main)
