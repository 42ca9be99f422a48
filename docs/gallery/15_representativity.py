"""How large is large enough, and many structures in one sheet.

First picture: the standard error of a volume fraction, from a single window's two-point function
(equation 18 of Neumann et al. 2023 with its bias removed), against the model's own, for windows of
any size; the edge that a precision of 1 % needs; and what cutouts of that very window do.

Second picture: three families with the same covariance and volume fraction, described on cutouts.
Lines are means, bands hold 90 % of the cutouts. The χ² set and a complement of one nearly share
their two-point function; their phase sizes and paths tell them apart.
"""

import math
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt
from vmt.descriptors import cutout_study, describe_cutouts, overlay, representativity

SPACING = 25e-9


def main(out: Path) -> None:
    """Compare the error with the model's; draw cutouts and an overlay."""
    rho = vmt.Covariance.gaussian(rate=6e6)
    model = vmt.ChiSquareExcursionSet(rho, 0.46)
    m = model.sample((128, 128, 128), SPACING, rng=1)
    made = representativity(m, "solid")
    figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    made.plot(axes[0])
    edges = np.geomspace(max(made.reach), 8 * 128 * SPACING, 20)
    exact = [math.sqrt(model.variance_of_volume_fraction(float(e))) / 0.46 for e in edges]
    axes[0].plot(edges * 1e6, exact, "--", color="#222222", lw=1)
    edge = made.size_for(0.01)
    axes[0].set_title(f"1 % needs {edge * 1e6:.0f} µm (dashed: the model)", fontsize=10)
    own = math.sqrt(model.variance_of_volume_fraction(128 * SPACING))
    print(f"standard error of the window {made.std:.4f}, of the model {own:.4f}")
    print(f"edge for 1 % with 95 % confidence: {edge * 1e6:.1f} µm")
    assert abs(made.std / own - 1) < 0.35

    study = cutout_study(m, lambda c: c.volume_fraction("solid"), [16, 24, 32, 48, 64])
    study.plot(axes[1], ylabel="volume fraction")
    axes[1].set_title("cutouts of the window", fontsize=10)
    predicted = made.std_at(max(32 * SPACING, *made.reach))
    print(f"cutouts of 32 voxels scatter by {study.std[2]:.4f}; predicted {predicted:.4f}")
    assert abs(study.std[2] / predicted - 1) < 0.4
    figure.savefig(out / "representativity.png", dpi=100)

    families = {
        "Gaussian": vmt.GaussianExcursionSet(rho, 0.46),
        "χ², k = 2": model,
        "complement": vmt.ChiSquareExcursionSet(rho, 0.54, phase="pore", background="solid"),
    }
    asked = {
        "two_point_coverage_probability",
        "continuous_phase_size_distribution",
        "chord_lengths",
        "geodesic_tortuosity",
        "spherical_contact_distribution",
        "specific_surface_area",
    }
    described = {
        name: describe_cutouts(
            family.sample((96, 96, 96), SPACING, rng=4), descriptors=asked, phases=["solid"]
        )
        for name, family in families.items()
    }
    for name, parts in described.items():
        key = "specific_surface_area(solid)"
        mean, std = parts.mean(key) * 1e-6, parts.std(key) * 1e-6
        print(f"{name}: surface {mean:.2f} ± {std:.2f} / µm")
    sheet = overlay(described, values=["specific_surface_area(solid)"])
    sheet.savefig(out / "overlay.png", dpi=90)


if __name__ == "__main__":
    from run import alone

    alone(main)
