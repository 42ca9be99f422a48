"""A packing of a fitted particle model against the structure it was fitted to."""

import math

import numpy as np
import pytest

import vmt
from vmt.calibration import calibrate_star_particles, fit_star_particles
from vmt.models import RandomStarParticle, pack_particles

EDGE, VOXELS = 96e-6, 160
TRUTH = RandomStarParticle.gaussian(10e-6, [0.0, 0.006, 0.003, 0.001], size_spread=0.25)


@pytest.mark.slow
def test_a_packing_reproduces_what_its_model_was_fitted_to() -> None:
    """Image of known particles, extraction, model, packing: the specific surface area comes back
    within 10 %, and the centered two-point function within the spread of cutouts of the image."""
    packed = pack_particles(TRUTH, EDGE, 0.55, rng=1, coordination=5.0, max_overlap=0.04)
    image = packed.to_microstructure((VOXELS,) * 3, EDGE / VOXELS)
    fit = fit_star_particles(image, "solid", degree=8)
    particles = fit.whole_particles(least_voxels=100)
    model = calibrate_star_particles(particles).model
    twin = pack_particles(
        model, EDGE, image.volume_fraction("solid"), rng=7,
        coordination=packed.coordination_number(), max_overlap=0.04,
    ).to_microstructure((VOXELS,) * 3, EDGE / VOXELS)  # fmt: skip

    surfaces = [vmt.specific_surface_area(m, "solid") for m in (image, twin)]
    lag = 14e-6
    half = VOXELS // 2
    cutouts = []
    for corner in np.ndindex(2, 2, 2):
        part = image.crop(*(slice(c * half, (c + 1) * half) for c in corner))
        cutouts.append(vmt.two_point_coverage_probability(part, "solid", max_lag=lag).centered)
    low, high = np.min(cutouts, axis=0), np.max(cutouts, axis=0)
    ours = vmt.two_point_coverage_probability(twin, "solid", max_lag=lag)
    outside = np.maximum(np.maximum(low - ours.centered, ours.centered - high), 0)
    print(f"{len(particles)} particles, S {surfaces[0]:.5g}, {surfaces[1]:.5g} 1/m")
    print(f"largest excess over the cutouts' range {outside.max():.2e}")
    assert math.isclose(surfaces[1], surfaces[0], rel_tol=0.10)
    inside = (ours.centered >= low) & (ours.centered <= high)
    print(f"{inside.mean():.3f} of {inside.size} lags within the range of the cutouts")
    assert inside.mean() >= 0.95
    assert outside.max() < 0.25 * (high - low).max()
