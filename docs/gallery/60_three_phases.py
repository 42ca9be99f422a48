"""Three phases from two Gaussian fields.

A pluri-Gaussian excursion set cuts the first phase out of one field and divides the rest by a
second one. Where the fields are correlated, the second phase sits at the first one (here binder at
the pores' edge) or keeps away from it. All auto- and cross-two-point functions are known, so that
the model can be fitted to an image: left the image, in the middle a sample of the fitted model,
right the six functions of both.
"""

from pathlib import Path

import matplotlib.pyplot as plt

from vmt._plotting import draw_slice
from vmt.calibration import calibrate_pluri_gaussian
from vmt.models import Covariance, PluriGaussianExcursionSet


def main(out: Path) -> None:
    """Draw a sample, fit the model to it, and compare."""
    truth = PluriGaussianExcursionSet(
        Covariance.gaussian(rate=1 / 6e-6),
        Covariance.gaussian(rate=1 / 3.5e-6),
        (0.40, 0.12),
        phases=("pore", "binder", "active material"),
        correlation=0.6,
    )
    image = truth.sample((90, 90, 90), 0.6e-6, rng=3)
    fit = calibrate_pluri_gaussian(image, simulations=6)
    for name, value in fit.parameters.items():
        print(f"{name}: {value:.4g} ± {fit.standard_error[name]:.2g}")
    print("adequate" if fit.adequate else "not adequate", "- misfit by first phase:")
    for name, misfit in fit.misfits.items():
        print(f"    {name}: {misfit:.3f}")
    assert fit.model.phases[0] == "pore"
    assert abs(fit.parameters["correlation"] - 0.6) < 4 * fit.standard_error["correlation"]

    figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    twin = fit.model.sample(image.shape, image.spacing, rng=8)
    for ax, m, title in zip(axes, (image, twin), ("image", "fitted model"), strict=False):
        draw_slice(ax, m.labels[:, 45], (0.6e-6, 0.6e-6), m.phases, title=title)
    fit.plot(axes[2])
    figure.savefig(out / "three_phases.png", dpi=110)

    # interfaces and triple lines come with the model
    for one, two in (("pore", "binder"), ("pore", "active material")):
        print(f"interface {one} - {two}: {fit.model.interface_area(one, two) * 1e-6:.4f} per µm")
    print(f"triple lines: {fit.model.triple_phase_boundary_density() * 1e-12:.4f} per µm²")


if __name__ == "__main__":
    from run import alone

    alone(main)
