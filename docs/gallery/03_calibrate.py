"""From an image to a model, and what speaks against it.

`vmt.calibrate` estimates the volume fraction and the two-point coverage probability from one image,
fits the covariance of the field, and gives standard errors that follow from the fitted model
itself. Here the image is made, so that the truth is known: it lies within a few standard errors.

A packing of spheres is no excursion set, but one can be fitted to it all the same. The findings say
that it should not be believed: each has a number and a threshold, and those in red exceed it.
"""

from pathlib import Path

import matplotlib.pyplot as plt

import vmt

SPACING = 20e-9
TRUE_RATE, TRUE_FRACTION = 6e6, 0.52


def main(out: Path) -> None:
    """Calibrate to an excursion set and to a packing of spheres."""
    truth = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=TRUE_RATE), TRUE_FRACTION)
    packing = vmt.phantoms.random_spheres(
        (96, 96, 96), SPACING, radius=140e-9, volume_fraction=0.5, rng=2
    )
    images = {
        "an excursion set": truth.sample((128, 128, 128), SPACING, rng=5),
        "a packing of spheres": packing.structure,
    }
    figure, axes = plt.subplots(2, 2, figsize=(10, 6.4), layout="constrained")
    fits = {}
    for row, (name, image) in zip(axes, images.items(), strict=True):
        fit = vmt.calibrate(vmt.ChiSquareExcursionSet, image, simulations=30)
        fits[name] = fit
        print(f"{name}: {fit}")
        fit.plot(row[0])
        row[0].set_title(f"{name}: {'adequate' if fit.adequate else 'not adequate'}", loc="left")
        shown = [f for f in fit.findings if f.threshold > 0]
        ratios = [f.value / f.threshold for f in shown]
        colors = ["#b02a3c" if f.triggered else "#8d99ae" for f in shown]
        row[1].barh([f.name for f in shown], [min(r, 3) for r in ratios], color=colors)
        row[1].axvline(1, color="k", lw=0.8)
        row[1].invert_yaxis()
        row[1].set_xlim(0, 3)
        row[1].set_xlabel("finding / threshold (cut at 3)")
        for finding in fit.findings:
            if finding.triggered:
                print(f"    {finding.text}")
    figure.savefig(out / "calibration.png", dpi=110)

    good, bad = fits["an excursion set"], fits["a packing of spheres"]
    for key, true in (("rate [1/m]", TRUE_RATE), ("volume_fraction", TRUE_FRACTION)):
        assert abs(good.parameters[key] - true) < 4 * good.standard_error[key]
    assert good.adequate
    assert not bad.adequate


if __name__ == "__main__":
    from run import alone

    alone(main)
