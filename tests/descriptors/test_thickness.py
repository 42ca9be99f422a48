"""Local thickness, extrusion, Euclidean paths and networks on shapes of known answers."""

import math

import numpy as np
import pytest

import vmt.descriptors as d
import vmt.phantoms
from vmt.errors import InputError
from vmt.kernels import openings, paths, watershed
from vmt.kernels import reference_descriptors as reference
from vmt.microstructure import Microstructure


def channel(radii, length, n):
    """Round channel along x whose radius is piecewise constant."""
    x = np.arange(n) - (n - 1) / 2
    distance = np.sqrt(x[:, None] ** 2 + x**2)
    return distance[None] < np.repeat(radii, length)[:, None, None]


@pytest.mark.parametrize("spacing", [(1, 1, 1), (1, 1.5, 1)])
def test_largest_balls_equal_the_slow_twin(spacing):
    """Each voxel gets the radius that the obvious way finds."""
    mask = np.random.default_rng(0).random((6, 7, 6)) < 0.9
    d2 = openings.squared_distances(mask, spacing)
    radii = [0.0, 1.0, 1.45, 2.1, 2.6]
    made = openings.largest_balls(d2, np.square(radii).tolist(), spacing)
    expected = reference.largest_balls(mask, radii, spacing)
    np.testing.assert_array_equal(made < 0, expected < 0)
    np.testing.assert_allclose(np.sqrt(np.maximum(made, 0)), np.maximum(expected, 0), rtol=1e-6)


def test_thickness_has_the_size_distribution(f850):
    """The share of voxels at least so thick is the covered share at that radius."""
    m = f850.crop(slice(0, 60), slice(0, 50), slice(0, 55))
    thick = d.local_thickness(m, 0)
    sizes = d.continuous_phase_size_distribution(m, 0)
    inside = ~np.isnan(thick)
    np.testing.assert_array_equal(inside, m.mask(0))
    for radius in np.unique(thick[inside])[::3]:
        share = np.mean(thick[inside] >= radius * (1 - 1e-6))
        exact = np.interp(radius, sizes.radii, sizes.covered)
        assert share == pytest.approx(exact, abs=0.02)


def test_thickness_and_granulometry_of_two_channels():
    """Channels of radius 6 and 12 far apart: two sizes with their volumes' shares."""
    labels = np.zeros((30, 40, 70), np.uint8)
    for center, radius in ((13, 12.0), (50, 6.0)):
        y, z = np.ogrid[:40, :70]
        labels[:, (y - 20) ** 2 + (z - center) ** 2 < radius**2] = 1
    m = Microstructure(labels, 1e-8)
    thick = d.local_thickness(m, 1)
    assert np.median(thick[:, 20, 13]) == pytest.approx(12e-8, abs=0.6e-8)
    assert np.median(thick[:, 20, 50]) == pytest.approx(6e-8, abs=0.6e-8)
    made = d.granulometry(m, 1)
    middle = 0.5 * (made.edges[1:] + made.edges[:-1])
    assert made.shares.sum() == pytest.approx(1)
    assert made.shares[middle > 9e-8].sum() == pytest.approx(144 / 180, abs=0.05)
    assert made.mean == pytest.approx((12 * 144 + 6 * 36) / 180 * 1e-8, rel=0.08)
    full = Microstructure(np.ones((4, 4, 4), np.uint8), 1.0)
    assert np.isinf(d.local_thickness(full, 1)).all()
    assert np.isnan(d.local_thickness(full, 0)).all()


def test_mercury_is_trapped_behind_a_neck():
    """From the wide side all comes out of a cone; a wide chamber behind a neck keeps its own."""
    neck = channel([14.0, 5.0, 14.0], 24, 35)
    m = Microstructure(neck, 1e-8)
    made = d.intrusion_extrusion(m, 1)
    behind = neck[48:].sum() / neck.sum()
    assert made.accessible_share == 1
    assert made.trapped_share == pytest.approx(behind, abs=0.08)
    assert (np.diff(made.filled) <= 0).all()
    from_both = d.intrusion_extrusion(m, 1, faces=["x-", "x+"])
    assert from_both.trapped_share < 0.02
    steps = channel([14.0, 9.0, 5.0], 24, 35)
    assert d.intrusion_extrusion(Microstructure(steps, 1e-8), 1).trapped_share < 0.02


def test_extrusion_never_holds_less_than_intrusion(f850):
    """On the way out at least as much is filled as on the way in at the same radius."""
    m = f850.crop(slice(0, 60), slice(0, 60), slice(0, 60))
    made = d.intrusion_extrusion(m, 0, faces="all but bottom")
    inward = np.interp(made.radii, made.intrusion.radii, made.intrusion.covered)
    assert (made.filled >= inward - 0.03).all()
    assert 0 < made.trapped_share < 1
    assert made.faces == ((0, 0), (1, 0), (1, 1), (2, 0), (2, 1))


def test_extrusion_of_trivial_windows():
    """Nothing enters a closed hole; a full window fills and empties; an absent phase has nan."""
    labels = np.ones((9, 9, 9), np.uint8)
    labels[3:6, 3:6, 3:6] = 0
    made = d.intrusion_extrusion(Microstructure(labels, 1.0))
    assert made.accessible_share == 0
    assert math.isnan(made.trapped_share)
    full = Microstructure(np.ones((4, 4, 4), np.uint8), 1.0)
    assert d.intrusion_extrusion(full, 1).trapped_share == 0
    assert math.isnan(d.intrusion_extrusion(full, 0).accessible_share)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 2.0, 1.5)])
@pytest.mark.parametrize("axis", [0, 2])
def test_marching_equals_the_slow_twin(spacing, axis):
    """The bucketed scheme and plain sweeps end at the same solution."""
    mask = np.random.default_rng(0).random((8, 9, 7)) < 0.7
    made = np.moveaxis(paths.euclidean_distances(mask, spacing, axis), 0, axis)
    expected = reference.euclidean_distances(mask, spacing, axis)
    np.testing.assert_array_equal(made >= 0, mask)
    reached = np.isfinite(expected)
    np.testing.assert_array_equal(reached, mask & np.isfinite(made))
    np.testing.assert_allclose(made[reached], expected[reached], rtol=2e-6, atol=2e-6)


def test_euclidean_paths_around_a_wall():
    """Behind a wall with a slit the length is that of the straight line; the error falls with h."""
    errors, steps26 = [], []
    for n in (24, 48, 96):
        h = 1 / n
        labels = np.ones((n, n, 1), np.uint8)
        labels[n // 2] = 0
        labels[n // 2, 0] = 1  # the slit is at the edge y = 0
        m = Microstructure(labels, h)
        for method, found in (("fast_marching", errors), ("dijkstra", steps26)):
            made = d.geodesic_distances(m, 1, face="x+", method=method).map[0, :, 0]
            y = np.arange(n) * h
            exact = np.hypot(y, (n // 2) * h) + (n - 1 - n // 2) * h
            found.append(np.abs(made / exact - 1).max())
    assert errors[0] > 1.4 * errors[1] > 1.4**2 * errors[2]
    assert errors[2] < 0.03
    assert steps26[2] > 0.03  # steps to neighbors don't converge


def test_definitions_of_path_length_differ_as_known(f850):
    """F850: paths over 26 neighbors are 0.02 to 0.05 longer than Euclidean ones in both phases."""
    for phase in ("solid", "pore"):
        tau = [
            d.geodesic_tortuosity(f850, phase, method=method)
            for method in ("dijkstra", "fast_marching")
        ]
        assert 0.02 < tau[0] - tau[1] < 0.05
        assert tau[1] >= 1
    with pytest.raises(InputError, match="dijkstra"):
        d.geodesic_tortuosity(f850, 1, method="sweeping")


@pytest.mark.slow
def test_definitions_of_path_length_at_200(excursion):
    """F850 at 200³: 0.043 and 0.031 between the definitions, as another implementation found."""
    mask = excursion.chi_square_set(200, *excursion.SAMPLES["F850"], 1e-8, 1)
    m = Microstructure(mask, 1e-8)
    for phase, expected in (("solid", 0.043), ("pore", 0.031)):
        steps, euclidean = (
            d.geodesic_tortuosity(m, phase, method=method)
            for method in ("dijkstra", "fast_marching")
        )
        assert steps - euclidean == pytest.approx(expected, abs=0.006)


def test_distances_to_each_face(f850):
    """The map to the last face holds the tortuosity's lengths; faces and flips go along."""
    m = f850.crop(slice(0, 40), slice(0, 30), slice(0, 20))
    made = d.geodesic_distances(m, 1, face="x+")
    first = made.map[0][np.isfinite(made.map[0])] / (39 * 1e-8)
    assert first.mean() == pytest.approx(d.geodesic_tortuosity(m, 1), rel=1e-6)
    to_separator = d.geodesic_distances(m, 1)
    flipped = d.geodesic_distances(m.with_labels(m.labels[::-1]), 1, face="x+")
    np.testing.assert_allclose(flipped.map[::-1], to_separator.map, rtol=1e-6)
    depth, ratio = to_separator.tortuosity_profile()
    np.testing.assert_allclose(depth, np.arange(40) * 1e-8)
    assert (ratio[1:] >= 1 - 1e-6).all()
    turned = Microstructure(m.labels.transpose(1, 2, 0), m.spacing)
    sideways = d.geodesic_distances(turned, 1, face="z-").map
    np.testing.assert_allclose(sideways.transpose(2, 0, 1), to_separator.map, rtol=1e-6)
    assert np.isnan(made.map[m.mask(0)]).all()
    with pytest.raises(InputError, match="single face"):
        d.geodesic_distances(m, 1, face="all")


def test_spheres_of_a_lattice_touch_six():
    """Overlapping spheres of a cubic lattice: each inner one has six throats of known size."""
    cell = 18
    n = 4 * cell
    x = (np.arange(n) % cell) - (cell - 1) / 2
    radius = 10.0
    r2 = x[:, None, None] ** 2 + x[:, None] ** 2 + x**2
    made = d.region_network(Microstructure(r2 < radius**2, 1e-8), 1)
    assert made.count == 64
    assert made.whole.sum() == 8
    assert made.mean_coordination == 6
    assert (np.bincount(made.coordination) == [0, 0, 0, 8, 24, 24, 8]).all()
    throat = radius**2 - (cell / 2) ** 2
    assert made.throat_areas.mean() == pytest.approx(math.pi * throat * 1e-16, rel=0.1)
    assert made.volumes.sum() == pytest.approx((r2 < radius**2).sum() * 1e-24)


def test_network_depth_and_trivial_windows():
    """More depth merges; a full window is one region, an absent phase none; parts stay apart."""
    x = np.indices((24, 12, 12)).transpose(1, 2, 3, 0)
    balls = [((x - c) ** 2).sum(-1) < 25 for c in ((5.5, 5.5, 5.5), (13.5, 5.5, 5.5))]
    m = Microstructure(balls[0] | balls[1], 1.0)
    assert d.region_network(m, 1).count == 2
    assert d.region_network(m, 1, depth=4).count == 1
    full = Microstructure(np.ones((4, 4, 4), np.uint8), 1.0)
    assert d.region_network(full, 1).count == 1
    assert d.region_network(full, 0).count == 0
    apart = np.zeros((9, 9, 9), np.uint8)
    apart[:3], apart[6, 4, 4] = 1, 1
    assert d.region_network(Microstructure(apart, 1.0), 1).count == 2
    with pytest.raises(InputError, match="depth"):
        d.region_network(m, 1, depth=0)


def test_throats_equal_the_slow_twin():
    """Pairs are those that share a voxel face; a plane contact has its area in any staircase."""
    labels = np.random.default_rng(0).integers(0, 5, (6, 7, 8)).astype(np.int32)
    made = watershed.throats(labels, np.ones(labels.shape, np.float32), (1, 1, 1))
    assert {(int(a), int(b)) for a, b in made.pairs} == reference.touching_regions(labels)
    n = 30
    i, j, _ = np.indices((n, n, n))
    stairs = np.where(i + j < n, 1, 2).astype(np.int32)
    found = watershed.throats(stairs, np.ones(stairs.shape, np.float32), (1, 1, 1))
    assert found.areas[0] == pytest.approx(math.sqrt(2) * n * n, rel=0.05)


def test_random_spheres_are_told_apart():
    """In a packing of spheres that don't overlap, the regions are the spheres."""
    made = vmt.phantoms.random_spheres(
        (72, 72, 72), 1e-7, radius=9e-7, volume_fraction=0.35, periodic=False, rng=1
    )
    network = d.region_network(made.structure, "solid")
    inner = network.volumes[network.whole]
    sphere = 4 / 3 * math.pi * 9e-7**3
    assert np.mean(np.abs(inner / sphere - 1) < 0.1) > 0.9


def test_exact_map_and_own_radii():
    """Every distance of the lattice: no value is larger at coarser steps; faces only lower it."""
    local_thickness = d.local_thickness
    m = vmt.phantoms.boolean_spheres(
        (40, 41, 65), 1.0, radius=6.0, volume_fraction=0.4, rng=1
    ).structure
    exact = local_thickness(m, 0, points=None)
    coarse, chosen = local_thickness(m, 0), local_thickness(m, 0, radii=[0.0, 2.0, 4.0])
    inside = m.mask(0)
    for made in (coarse, chosen):
        assert (made[inside] <= exact[inside]).all()
    assert set(np.unique(chosen[inside])) == {0.0, 2.0, 4.0}
    shares = [(chosen[inside] >= r).mean() for r in (0.0, 2.0, 4.0)]
    curve = d.continuous_phase_size_distribution(m, 0, radii=[0.0, 2.0, 4.0])
    assert curve.covered == pytest.approx(shares, abs=2e-3)
    entered = local_thickness(m, 0, faces="x-")
    known = ~np.isnan(entered)
    assert (entered[known] <= coarse[known]).all()
    filled = d.intrusion_size_distribution(m, 0, radii=[0.5, 3.0]).covered
    assert filled[0] >= filled[1] > 0
    for radii in ([], [1.0, 1.0], [-1.0], [math.nan], [[1.0]]):
        with pytest.raises(InputError, match="radii"):
            local_thickness(m, 0, radii=radii)


@pytest.mark.parametrize("edge", [1, 62, 63, 64, 65, 127, 128])
def test_openings_at_the_ends_of_words(edge):
    """Rows of about 64 and 128 voxels: the bits' volume is that by scipy's distances."""
    from scipy import ndimage

    mask = ndimage.gaussian_filter(np.random.default_rng(edge).random((9, 10, edge)), 1.5) > 0.47
    mask[0, 0, 0] = False
    for spacing in ((1.0, 1.0, 1.0), (2.0, 1.5, 1.0)):
        d2 = openings.squared_distances(mask, spacing)
        for squared in (0.0, 1.0, 2.0, 5.0, 30.0):
            eroded = d2 > squared * 1.000002
            away = ndimage.distance_transform_edt(~eroded, sampling=spacing)
            plain = np.count_nonzero(away**2 <= squared * 1.00001) if eroded.any() else 0
            assert openings.dilated_volume(d2, squared, spacing) == plain


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "porosity", "face", "around"),
    [
        (vmt.GaussianExcursionSet, 0.44, (0.40, 0.55), (0.15, 0.25)),
        (vmt.ChiSquareExcursionSet, 0.44, (0.30, 0.45), (0.15, 0.25)),
        (vmt.GaussianExcursionSet, 0.18, (0.55, 0.85), (0.33, 0.48)),
        (vmt.ChiSquareExcursionSet, 0.18, (0.33, 0.48), (0.20, 0.31)),
    ],
)
def test_trapped_share_at_the_porosities_of_beuse(family, porosity, face, around):
    """The trapped shares that docs/porosimetry.md gives for excursion sets of 44 and 18 %."""
    model = family(vmt.Covariance.gaussian(rate=1e7), 1 - porosity)
    for seed in (1, 2, 3):
        m = model.sample((120, 120, 120), 1e-8, rng=seed)
        one = d.intrusion_extrusion(m, "pore").trapped_share
        many = d.intrusion_extrusion(m, "pore", faces="all but bottom").trapped_share
        assert face[0] < one < face[1]
        assert around[0] < many < around[1]
