"""Turning, flipping, scaling, tiling and cutting a structure changes what it should, only."""

import inspect
import math

import numpy as np
import pytest

import vmt.descriptors as d
from vmt.errors import InputError
from vmt.microstructure import Microstructure

#: for each public function what to look at, from (m, axis, side of the axis), the power of the
#: length in its unit, and what it depends on: nothing, an axis, or a face
MEASURES = {
    "anisotropy": (lambda m, a, s: d.anisotropy(m, 1).surface_area[a], -1, "axis"),
    "chord_lengths": (lambda m, a, s: d.chord_lengths(m, 1, axis=a).mean, 1, "axis"),
    "closed_pores": (lambda m, a, s: d.closed_pores(m, 1).volumes.sum(), 3, ""),
    "connectivity": (
        lambda m, a, s: (
            (c := d.connectivity(m, 1, axis=a)).percolating_share,
            c.largest_share,
            c.clusters,
        ),
        0,
        "axis",
    ),
    "constrictivity": (lambda m, a, s: d.constrictivity(m, 1, axis=a), 0, "axis"),
    "continuous_phase_size_distribution": (
        lambda m, a, s: d.continuous_phase_size_distribution(m, 1).covered,
        0,
        "",
    ),
    "cutout_study": (
        lambda m, a, s: np.sort(
            d.cutout_study(m, lambda part: part.volume_fraction(1), [4], most=999).values[0]
        ),
        0,
        "",
    ),
    "describe": (
        lambda m, a, s: d.describe(m, descriptors={"constrictivity"}, axis=a).values[
            f"constrictivity({m.name_of(1)})"
        ],
        0,
        "axis",
    ),
    "describe_cutouts": (
        lambda m, a, s: np.sort(
            [
                part.values[f"specific_surface_area({m.name_of(1)})"]
                for part in d.describe_cutouts(
                    m, edge=12, descriptors={"specific_surface_area"}
                ).parts
            ]
        ),
        -1,
        "",
    ),
    "euler_number_density": (lambda m, a, s: d.euler_number_density(m, 1), -3, ""),
    "gaussian_curvature_density": (lambda m, a, s: d.gaussian_curvature_density(m, 1), -3, ""),
    "geodesic_distances": (
        lambda m, a, s: d.geodesic_distances(m, 1, face="xyz"[a] + s).mean,
        1,
        "face",
    ),
    "geodesic_tortuosity": (lambda m, a, s: d.geodesic_tortuosity(m, 1, axis=a), 0, "axis"),
    "geodesic_tortuosity_distribution": (
        lambda m, a, s: np.sort(d.geodesic_tortuosity_distribution(m, 1, axis=a).values),
        0,
        "axis",
    ),
    "granulometry": (lambda m, a, s: d.granulometry(m, 1).mean, 1, ""),
    "interface_area": (lambda m, a, s: d.interface_area(m, 0, 1), -1, ""),
    "internal_surface_area": (lambda m, a, s: d.internal_surface_area(m, 1, 0, 2), -1, ""),
    "intrusion_extrusion": (
        lambda m, a, s: d.intrusion_extrusion(m, 1, faces="xyz"[a] + s).trapped_share,
        0,
        "face",
    ),
    "intrusion_size_distribution": (
        lambda m, a, s: d.intrusion_size_distribution(m, 1, faces="xyz"[a] + s).covered,
        0,
        "face",
    ),
    "lineal_path": (lambda m, a, s: d.lineal_path(m, 1, axis=a).values, 0, "axis"),
    "local_thickness": (
        lambda m, a, s: np.sort(d.local_thickness(m, 1, faces="xyz"[a] + s), axis=None),
        1,
        "face",
    ),
    "mean_curvature_density": (lambda m, a, s: d.mean_curvature_density(m, 1), -2, ""),
    "median_intrusion_size": (
        lambda m, a, s: d.median_intrusion_size(m, 1, face="xyz"[a] + s),
        1,
        "face",
    ),
    "median_phase_size": (lambda m, a, s: d.median_phase_size(m, 1), 1, ""),
    "percolates": (lambda m, a, s: float(d.percolates(m, 1, axis=a)), 0, "axis"),
    # the order of ties in a watershed is the grid's own
    "region_network": (lambda m, a, s: d.region_network(m, 1).volumes.sum(), 3, ""),
    "representativity": (lambda m, a, s: d.representativity(m, 1).std, 0, ""),
    "specific_surface_area": (lambda m, a, s: d.specific_surface_area(m, 1), -1, ""),
    "spherical_contact_distribution": (
        lambda m, a, s: d.spherical_contact_distribution(m, 1).mean,
        1,
        "",
    ),
    "triple_phase_boundary_density": (
        lambda m, a, s: d.triple_phase_boundary_density(m, 0, 1, 2),
        -2,
        "",
    ),
    "two_point_coverage_probability": (
        lambda m, a, s: d.two_point_coverage_probability(m, 1, 0).values,
        0,
        "",
    ),
    "clusters": (lambda m, a, s: d.clusters(m, [1, 2], axis=a).largest_share, 0, ""),
    "backbone": (lambda m, a, s: d.backbone(m, [1, 2], axis=a).backbone_share, 0, "axis"),
    "percolating_paths": (
        lambda m, a, s: d.percolating_paths(m, [1, 2], axis=a, count=1).lengths,
        1,
        "axis",
    ),
    "binder_contacts": (
        lambda m, a, s: d.binder_contacts(m, active_material=1, binder=2).coverage,
        0,
        "",
    ),
    "volume_fraction": (lambda m, a, s: d.volume_fraction(m, 1), 0, ""),
    "volume_fraction_profile": (
        lambda m, a, s: d.volume_fraction_profile(m, 1, axis=a).values[:: 1 if s == "-" else -1],
        0,
        "face",
    ),
}
#: public functions that only draw
DRAWINGS = {"overlay"}


def test_every_descriptor_is_here():
    """A public function of `vmt.descriptors` is in the table of this file, or only draws."""
    functions = {n for n in d.__all__ if inspect.isfunction(getattr(d, n))}
    assert functions == set(MEASURES) | DRAWINGS


@pytest.fixture(scope="module")
def blobs():
    """Three phases of smoothed noise on flat voxels."""
    from scipy import ndimage

    noise = np.random.default_rng(0).standard_normal((2, 24, 28, 32))
    one, two = (ndimage.gaussian_filter(n, 2) > 0 for n in noise)
    return Microstructure(np.where(one, 1, np.where(two, 2, 0)).astype(np.uint8), (3.0, 2.0, 2.0))


@pytest.mark.parametrize("name", MEASURES)
def test_flips_permutations_and_scale(blobs, name):
    """Each descriptor follows the axes it depends on, no others, and scales with its unit."""
    measure, power, depends = MEASURES[name]
    value = np.asarray(measure(blobs, 0, "-"), float)
    if name != "closed_pores":
        assert np.isfinite(value).any()
    across = blobs.with_labels(blobs.labels[:, ::-1, ::-1])
    turned = Microstructure(blobs.labels.transpose(2, 0, 1), (2.0, 3.0, 2.0))
    scaled = Microstructure(blobs.labels, tuple(1e-8 * h for h in blobs.spacing))
    near = {"rtol": 1e-5, "atol": 0, "equal_nan": True}
    np.testing.assert_allclose(measure(across, 0, "-"), value, **near)
    np.testing.assert_allclose(measure(turned, 1, "-"), value, **near)
    np.testing.assert_allclose(measure(scaled, 0, "-"), value * 1e-8**power, **near)
    if depends != "axis":
        back = blobs.with_labels(blobs.labels[::-1])
        side = "+" if depends == "face" else "-"
        np.testing.assert_allclose(measure(back, 0, side), value, **near)


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 9, 1), (9, 9, 1), (2, 2, 2)], ids=lambda s: "x".join(map(str, s))
)
@pytest.mark.parametrize("fill", [None, 0, 1])
def test_small_and_full_windows_give_a_result_or_an_input_error(name, shape, fill):
    """A tiny window, a full one and one without the phase: a number, nan, or an InputError."""
    measure, _, _ = MEASURES[name]
    labels = np.random.default_rng(1).integers(0, 3, shape).astype(np.uint8)
    if fill is not None:
        labels[:] = fill
    m = Microstructure(labels, 1.0, {"pore": 0, "solid": 1, "binder": 2})
    for axis in range(3):
        try:
            found = np.asarray(measure(m, axis, "-"), float)
        except InputError:
            continue
        assert not np.isneginf(found).any()


#: full window of phase 1, no voxel of it, phase 1 behind a wall (12 × 10 × 11 voxels of 1 m)
SPECIAL = {
    "constrictivity": (1.0, math.nan, 0.0),
    "geodesic_tortuosity": (1.0, math.nan, math.nan),
    "median_phase_size": (math.inf, math.nan, None),
    "median_intrusion_size": (math.inf, math.nan, 0.0),
    "percolates": (1.0, 0.0, 0.0),
    "specific_surface_area": (0.0, 0.0, None),
    "mean_curvature_density": (0.0, 0.0, 0.0),
    "euler_number_density": (0.0, 0.0, 0.0),
    "volume_fraction": (1.0, 0.0, 9 / 12),
    "intrusion_extrusion": (0.0, math.nan, 0.0),
    "interface_area": (0.0, 0.0, None),
    "triple_phase_boundary_density": (0.0, 0.0, 0.0),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_full_absent_and_walled_phases(name):
    """A full window, an absent phase and one that does not percolate behave as documented."""
    measure, _, _ = MEASURES[name]
    names = {"pore": 0, "solid": 1, "binder": 2}
    walled = np.ones((12, 10, 11), np.uint8)
    walled[4:7] = 0
    for labels, expected in zip(
        (np.ones_like(walled), np.zeros_like(walled), walled), SPECIAL[name], strict=True
    ):
        found = measure(Microstructure(labels, 1.0, names), 0, "-")
        if expected is not None:
            assert found == pytest.approx(expected, nan_ok=True, abs=1e-9), labels.mean()


@pytest.fixture(scope="module")
def halves():
    """Two phases of smoothed noise."""
    from scipy import ndimage

    noise = np.random.default_rng(3).standard_normal((26, 28, 30))
    field = ndimage.gaussian_filter(noise, 2)
    return Microstructure((field > np.quantile(field, 0.55)).astype(np.uint8), 2.0)


def test_complements(halves):
    """What a phase and the rest share: ε, S, M, χ, C(h), interfaces, σ, and the profile."""
    rest = halves.with_labels(1 - np.asarray(halves.labels))
    assert d.volume_fraction(rest, 1) == pytest.approx(1 - d.volume_fraction(halves, 1))
    for measure in (d.specific_surface_area, lambda m, p: d.representativity(m, p).std):
        assert measure(rest, 1) == pytest.approx(measure(halves, 1), rel=1e-9)
    assert d.interface_area(rest, 0, 1) == d.specific_surface_area(halves, 1)
    assert d.mean_curvature_density(rest, 1) == pytest.approx(-d.mean_curvature_density(halves, 1))
    assert d.euler_number_density(rest, 1, neighbors=6) == pytest.approx(
        d.euler_number_density(halves, 1)
    )
    curves = [d.two_point_coverage_probability(halves, *p).values for p in ((1,), (0,), (1, 0))]
    own, other, mixed = curves
    both = d.two_point_coverage_probability(rest, 0).values
    np.testing.assert_array_equal(own, both)
    np.testing.assert_allclose(own + 2 * mixed + other, 1, rtol=1e-12)
    np.testing.assert_allclose(
        d.volume_fraction_profile(rest, 1).values, 1 - d.volume_fraction_profile(halves, 1).values
    )
    for measure in (
        d.median_phase_size,
        d.geodesic_tortuosity,
        lambda m, p: d.chord_lengths(m, p).mean,
        lambda m, p: d.lineal_path(m, p).values[3],
    ):
        assert measure(rest, 0) == measure(halves, 1)


@pytest.mark.parametrize("name", ["specific_surface_area", "mean_curvature_density"])
def test_a_mirrored_tiling_keeps_densities(blobs, name):
    """Mirrored at its faces the structure has the same density, but for the tiles' seams."""
    measure, _, _ = MEASURES[name]
    labels = np.asarray(blobs.labels)
    for axis in range(3):
        labels = np.concatenate([labels, np.flip(labels, axis)], axis=axis)
    tiled = measure(blobs.with_labels(labels), 0, "-")
    assert tiled == pytest.approx(measure(blobs, 0, "-"), rel=0.12)


def test_mirrored_tiling_keeps_sizes_and_paths(blobs):
    """Mirrored sideways: the same paths or shorter; mirrored all around: larger balls at faces."""
    labels = np.asarray(blobs.labels)
    wide = blobs.with_labels(np.concatenate([labels, labels[:, ::-1]], axis=1))
    assert d.volume_fraction(wide, 1) == pytest.approx(d.volume_fraction(blobs, 1))
    assert d.geodesic_tortuosity(wide, 1) == pytest.approx(d.geodesic_tortuosity(blobs, 1))
    one, two = (d.lineal_path(m, 1).values for m in (blobs, wide))
    np.testing.assert_allclose(one, two)
    # a window's border is no obstacle; the mirror image is one, at the same distance or farther
    assert d.median_phase_size(wide, 1) <= d.median_phase_size(blobs, 1) * (1 + 1e-9)


def test_parts_average_to_the_whole(blobs):
    """Volume fractions and profiles of two halves average to those of the whole."""
    halves = [blobs.crop(slice(0, 12)), blobs.crop(slice(12, 24))]
    assert np.mean([h.volume_fraction(1) for h in halves]) == pytest.approx(
        blobs.volume_fraction(1)
    )
    joined = np.concatenate([d.volume_fraction_profile(h, 1).values for h in halves])
    np.testing.assert_allclose(joined, d.volume_fraction_profile(blobs, 1).values)


def test_overlapping_parts_count_every_block(blobs):
    """Parts that share a layer of voxels have the blocks of the whole: block by block."""
    parts = [blobs.crop(slice(0, 13)), blobs.crop(slice(12, 24))]
    for name in ("mean_curvature_density", "euler_number_density"):
        measure, _, _ = MEASURES[name]
        values = [measure(p, 0, "-") for p in parts]
        assert (12 * values[0] + 11 * values[1]) / 23 == pytest.approx(measure(blobs, 0, "-"))


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 9, 1), (9, 9, 1), (2, 2, 2)])
def test_small_windows_are_described_or_refused(shape):
    """Every descriptor of a tiny window gives a result or an InputError, nothing else."""
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
