"""Turning, flipping, scaling, tiling and cutting a structure changes what it should, only."""

import math

import numpy as np
import pytest

import vmt.descriptors as d
from vmt.microstructure import Microstructure

#: measures of a whole window, and the power of the length in their unit
MEASURES = {
    "specific_surface_area": (lambda m: d.specific_surface_area(m, 1), -1),
    "interface_area": (lambda m: d.interface_area(m, 0, 1), -1),
    "mean_curvature_density": (lambda m: d.mean_curvature_density(m, 1), -2),
    "gaussian_curvature_density": (lambda m: d.gaussian_curvature_density(m, 1), -3),
    "triple_phase_boundary_density": (lambda m: d.triple_phase_boundary_density(m, 0, 1, 2), -2),
    "median_phase_size": (lambda m: d.median_phase_size(m, 1), 1),
    "granulometry": (lambda m: d.granulometry(m, 1).mean, 1),
    "contact": (lambda m: d.spherical_contact_distribution(m, 1).mean, 1),
    "closed": (lambda m: d.closed_pores(m, 1).share, 0),
    "trapped": (lambda m: d.intrusion_extrusion(m, 1, faces="all").trapped_share, 0),
    "representativity": (lambda m: d.representativity(m, 1).std, 0),
    "regions": (lambda m: float(d.region_network(m, 1).count), 0),
}


@pytest.fixture(scope="module")
def blobs():
    """Three phases of smoothed noise on flat voxels."""
    from scipy import ndimage

    noise = np.random.default_rng(0).standard_normal((2, 26, 30, 34))
    one, two = (ndimage.gaussian_filter(n, 2) > 0 for n in noise)
    return Microstructure(np.where(one, 1, np.where(two, 2, 0)).astype(np.uint8), (3.0, 2.0, 2.0))


@pytest.mark.parametrize("name", MEASURES)
def test_flips_permutations_and_scale(blobs, name):
    """Measures without direction don't depend on the axes, and scale with their unit."""
    measure, power = MEASURES[name]
    value = measure(blobs)
    assert math.isfinite(value)
    flipped = blobs.with_labels(blobs.labels[::-1, :, ::-1])
    turned = Microstructure(blobs.labels.transpose(2, 0, 1), (2.0, 3.0, 2.0))
    scaled = Microstructure(blobs.labels, tuple(1e-8 * h for h in blobs.spacing))
    # the order of ties in a watershed is the grid's own
    tolerance = 0.1 if name == "regions" else 1e-5
    assert measure(flipped) == pytest.approx(value, rel=tolerance)
    assert measure(turned) == pytest.approx(value, rel=tolerance)
    assert measure(scaled) == pytest.approx(value * 1e-8**power, rel=1e-5)


@pytest.mark.parametrize("name", ["specific_surface_area", "mean_curvature_density"])
def test_a_mirrored_tiling_keeps_densities(blobs, name):
    """Mirrored at its faces the structure has the same density, but for the tiles' seams."""
    measure, _ = MEASURES[name]
    labels = np.asarray(blobs.labels)
    for axis in range(3):
        labels = np.concatenate([labels, np.flip(labels, axis)], axis=axis)
    tiled = measure(blobs.with_labels(labels))
    assert tiled == pytest.approx(measure(blobs), rel=0.12)


def test_parts_average_to_the_whole(blobs):
    """Volume fractions and profiles of two halves average to those of the whole."""
    halves = [blobs.crop(slice(0, 13)), blobs.crop(slice(13, 26))]
    assert np.mean([h.volume_fraction(1) for h in halves]) == pytest.approx(
        blobs.volume_fraction(1)
    )
    joined = np.concatenate([d.volume_fraction_profile(h, 1).values for h in halves])
    np.testing.assert_allclose(joined, d.volume_fraction_profile(blobs, 1).values)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 1), (9, 9, 1), (2, 2, 2)])
def test_small_windows_are_described_or_refused(shape):
    """Every descriptor of a tiny window gives a result or an InputError, nothing else."""
    from vmt.errors import InputError

    labels = np.random.default_rng(1).integers(0, 2, shape).astype(np.uint8)
    labels.flat[0] = 0
    m = Microstructure(labels, 1.0, {"pore": 0, "solid": 1})
    for name in sorted(d.DESCRIPTORS):
        for axis in range(3):
            try:
                made = d.describe(m, descriptors={name}, axis=axis)
            except InputError:
                continue
            made.to_dict()
