"""The fast descriptor kernels equal their slow twins on random input."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmt.kernels import (
    chords,
    components,
    intrusion,
    openings,
    paths,
    reference_descriptors,
    spectral,
    surface,
)

SPACINGS = [(1.0, 1.0, 1.0), (1.0, 2.0, 3.0), (2e-8, 1e-8, 1.3e-8)]
cases = settings(max_examples=15, deadline=None, derandomize=True)


@st.composite
def masks(draw, longest=8):
    shape = tuple(draw(st.integers(1, longest)) for _ in range(3))
    share = draw(st.sampled_from([0.2, 0.5, 0.8, 0.95]))
    seed = draw(st.integers(0, 2**31))
    return np.random.default_rng(seed).random(shape) < share


@cases
@given(masks())
def test_changes_equal_the_twin(mask):
    """Phase changes are counted along every direction as by the loop over all voxels."""
    directions, _ = surface.direction_weights((1.0, 1.0, 1.0))
    expected = [reference_descriptors.changes(mask, d) for d in directions.tolist()]
    assert surface.count_changes(mask, 1, directions).tolist() == expected


def test_contacts_equal_the_twin():
    """Contacts of two of three phases are counted as by the loop over all voxels."""
    labels = np.random.default_rng(1).integers(0, 3, (6, 5, 7)).astype(np.uint8)
    directions, _ = surface.direction_weights((1.0, 1.0, 1.0))
    expected = [
        reference_descriptors.contacts(labels == 1, labels == 2, d) for d in directions.tolist()
    ]
    assert surface.count_contacts(labels, 1, 2, directions).tolist() == expected


@cases
@given(masks(5))
def test_euler_number_equals_the_cell_complex(mask):
    """Configurations of a padded set sum to vertices − edges + faces − voxels of its complex."""
    counts = surface.configuration_histogram(np.pad(mask, 1), 1)
    assert counts @ surface.euler_table() == pytest.approx(
        reference_descriptors.euler_number(mask), abs=1e-9
    )


@cases
@given(masks(7), st.integers(0, 2**31))
def test_pair_counts_equal_the_twin_exactly(a, seed):
    """Counts by Fourier transform are the integers of the loop, for one set and for two."""
    b = np.random.default_rng(seed).random(a.shape) < 0.4
    reach = tuple(n - 1 for n in a.shape)
    one, two = spectral.pair_counts(a, None, reach), spectral.pair_counts(a, b, reach)
    for v in itertools.product(*(range(n) for n in one.pairs.shape)):
        lag = (v[0], v[1] - reach[1], v[2] - reach[2])
        back = tuple(-c for c in lag)
        same, total = reference_descriptors.pair_products(a, a, lag)
        cross = (
            reference_descriptors.pair_products(a, b, lag)[0]
            + reference_descriptors.pair_products(a, b, back)[0]
        )
        assert (one.products[v], one.pairs[v], two.products[v]) == (same, total, cross / 2)


@cases
@given(masks(7))
def test_counts_of_the_complement_follow_exactly(a):
    """One transform gives the counts of the complement, and of both, as two would."""
    reach = tuple(n - 1 for n in a.shape)
    counts = spectral.pair_counts(a, None, reach)
    np.testing.assert_array_equal(
        counts.complement().products, spectral.pair_counts(~a, None, reach).products
    )
    np.testing.assert_array_equal(
        counts.with_complement().products, spectral.pair_counts(a, ~a, reach).products
    )


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_pair_counts_of_a_large_window_are_exact(share):
    """At 96³ single precision still gives the very integers at far lags, beyond the neighbors."""
    a = np.random.default_rng(3).random((96, 96, 96)) < share
    counts = spectral.pair_counts(a, None, (24, 24, 24)).products
    for i, j, k in [(2, 0, 0), (24, 24, 24), (7, -11, 3), (0, 5, -20), (24, -24, 0), (0, -3, 0)]:
        first = a[: 96 - i, max(0, -j) : 96 - max(0, j), max(0, -k) : 96 - max(0, k)]
        second = a[i:, max(0, j) : 96 - max(0, -j), max(0, k) : 96 - max(0, -k)]
        assert counts[i, 24 + j, 24 + k] == np.count_nonzero(first & second)


@pytest.mark.parametrize("spacing", SPACINGS)
@pytest.mark.parametrize("axis", [0, 1, 2])
@cases
@given(masks())
def test_path_lengths_equal_dijkstra(spacing, axis, mask):
    """Bucketed path lengths equal a heap's to single precision, for any voxel and axis."""
    fast = paths.face_distances(mask, spacing, axis)
    slow = np.moveaxis(reference_descriptors.face_distances(mask, spacing, axis), axis, 0)
    inside = ~np.isnan(slow)
    assert (fast[~inside] == -1).all()
    np.testing.assert_allclose(fast[inside], slow[inside] / min(spacing), rtol=2e-6)


def test_paths_from_one_voxel_into_a_wide_room() -> None:
    """A front that outgrows its buckets many times keeps to closed forms in an empty box."""
    room = np.ones((40, 61, 61), bool)
    room[-1] = False
    room[-1, 30, 30] = True
    at = np.indices(room.shape) - np.array([39, 30, 30])[:, None, None, None]
    away = np.sort(np.abs(at), axis=0)[:, :-1]
    exact = away[2] - away[1] + np.sqrt(2) * (away[1] - away[0]) + np.sqrt(3) * away[0]
    steps = paths.face_distances(room, (1, 1, 1))[:-1]
    np.testing.assert_allclose(steps, exact, rtol=1e-5)
    straight = np.sqrt((at[:, :-1] ** 2).sum(axis=0))
    smooth = paths.euclidean_distances(room, (1, 1, 1))[:-1]
    assert (smooth >= straight - 1e-3).all()  # first order: from above
    assert (smooth <= np.abs(at[:, :-1]).sum(axis=0) + 1e-3).all()
    assert smooth[:, 30, 30] == pytest.approx(np.arange(39, 0, -1), rel=1e-6)


@pytest.mark.parametrize("spacing", SPACINGS)
@cases
@given(masks(7), st.sampled_from([0, 1, 2, 3, 4, 5, 6, 9]), st.sampled_from(["x", "y+", "all"]))
def test_openings_and_intrusion_equal_the_twins(spacing, mask, squared, faces):
    """Covered volumes equal brute force at radii on the lattice of distances."""
    if mask.all():
        mask[0, 0, 0] = False
    faces = {"x": [(0, 0)], "y+": [(1, 1)], "all": list(itertools.product(range(3), range(2)))}[
        faces
    ]
    unit = min(spacing)
    d2 = openings.squared_distances(mask, spacing)
    np.testing.assert_allclose(
        d2 * unit**2, reference_descriptors.squared_distances(mask, spacing), rtol=1e-5
    )
    radius = squared**0.5 * unit
    assert openings.dilated_volume(d2, squared, spacing) == reference_descriptors.opened_volume(
        mask, radius, spacing
    )
    wide = intrusion.widest_paths(d2, faces)
    assert openings.dilated_volume(wide, squared, spacing) == reference_descriptors.intruded_volume(
        mask, radius, spacing, faces
    )


@cases
@given(masks(12), st.sampled_from([1, 2, 4, 5, 8, 9, 12]))
def test_widest_paths_equal_components_at_every_radius(mask, squared):
    """One flood gives, at each radius, what connected components of the eroded set give."""
    import cc3d

    mask = mask | (np.random.default_rng(0).random(mask.shape) < 0.8)
    mask[-1, -1, -1] = False
    d2 = openings.squared_distances(mask, (1, 1, 1))
    wide = intrusion.widest_paths(d2, [(0, 0)])
    clusters = cc3d.connected_components(np.ascontiguousarray(d2 > squared), connectivity=26)
    entered = np.setdiff1d(np.unique(clusters[0]), [0])
    np.testing.assert_array_equal(wide > squared, np.isin(clusters, entered))


@cases
@given(masks(9), st.integers(0, 2))
def test_chords_equal_the_twin(mask, axis):
    """Chord lengths and cut chords equal those of the loop over lines."""
    counts, cut = chords.chord_histogram(mask.view(np.uint8), 1, axis)
    expected, cut_expected = reference_descriptors.chords(mask, axis)
    assert np.repeat(np.arange(counts.size), counts).tolist() == expected
    assert cut == cut_expected


@cases
@given(masks(9), st.sampled_from([6, 18, 26]))
def test_clusters_equal_scipy(mask, neighbors):
    """Cluster sizes equal those of scipy.ndimage for each neighborhood."""
    from scipy import ndimage

    order = {6: 1, 18: 2, 26: 3}[neighbors]
    labels, count = ndimage.label(mask, ndimage.generate_binary_structure(3, order))
    sizes, both = components.cluster_sizes(mask, 1, neighbors)
    assert sorted(sizes) == sorted(np.bincount(labels.ravel(), minlength=count + 1)[1:])
    shared = np.intersect1d(labels[:, 0], labels[:, -1])
    assert both.sum() == (shared > 0).sum()
