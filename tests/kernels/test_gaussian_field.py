import itertools

import numpy as np
import pytest

from vmt.kernels import gaussian_field as fast
from vmt.kernels import reference_gaussian_field as slow
from vmt.models import Covariance
from vmt.models._embedding import embed

SPACING = (1e-8, 1e-8, 1.5e-8)
SMOOTH = Covariance.gaussian(rate=2.5e7)
FAMILIES = [
    SMOOTH,
    SMOOTH.anisotropic((1.0, 0.7, 1.3)),
    SMOOTH * 0.4 + Covariance.gaussian(rate=6e7) * 0.6,
    Covariance.exponential(rate=1e8),
    Covariance.matern(rate=8e7, smoothness=1.5),
    SMOOTH.anisotropic((1.0, 1.5, 1.0), [[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1]]),
]


def unfold(embedding):
    """Amplitudes of all kept modes."""
    places = [
        fast.mode_places(n, m) for n, m in zip(embedding.lengths, embedding.cutoff, strict=True)
    ]
    if embedding.amplitude.shape == tuple(len(p) for p in places):
        return embedding.amplitude.astype(float)
    fold = [np.minimum(p, n - p) for p, n in zip(places, embedding.lengths, strict=True)]
    return embedding.amplitude[np.ix_(*fold)].astype(float)


def noise(embedding, seed):
    """The noise that draw_modes draws, one generator per plane."""
    shape = unfold(embedding).shape
    values = np.empty(shape, np.complex64)
    for i in range(shape[0]):
        child = np.random.SeedSequence(seed, spawn_key=(i,))
        generator = np.random.Generator(np.random.SFC64(child))
        values[i] = generator.standard_normal((*shape[1:], 2), np.float32).view(np.complex64)[
            ..., 0
        ]
    return values.astype(complex)


def draw(embedding, shape, seed, **options):
    return fast.draw_modes(
        embedding.amplitude,
        embedding.lengths,
        embedding.cutoff,
        shape,
        np.random.SeedSequence(seed),
        **options,
    )


@pytest.mark.parametrize("lengths", [(8, 6, 10), (9, 5, 7), (8, 1, 5), (2, 3, 4)])
def test_even_spectrum_is_the_transform_of_the_whole_torus(lengths):
    """The octant's cosine transforms give the eigenvalues that a full FFT gives."""
    octant = np.random.default_rng(0).normal(size=[n // 2 + 1 for n in lengths])
    expected = slow.dense_spectrum(octant, lengths)[tuple(slice(n // 2 + 1) for n in lengths)]
    assert np.allclose(fast.even_spectrum(octant.copy(), lengths), expected, atol=1e-12)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("covariance", FAMILIES, ids=repr)
def test_the_sampled_covariance_is_exact_at_every_lag(covariance, periodic):
    """The linear map from noise to field has the covariance ρ at all lags of the box."""
    shape = (17, 20, 14)
    embedding = embed(covariance, shape, SPACING, periodic=periodic)
    found = slow.torus_covariance(unfold(embedding), embedding.lengths, embedding.cutoff)
    reach = max(covariance.reach(1e-9))
    size = np.array(shape) * SPACING
    if periodic:
        count = int(np.ceil(reach / size.min()))
        images = list(itertools.product(range(-count, count + 1), repeat=3))
    else:
        images = [(0, 0, 0)]
        found = found[: shape[0], : shape[1], : shape[2]]
    lags = np.stack(np.meshgrid(*[np.arange(n) for n in shape], indexing="ij"), -1) * SPACING
    expected = sum(covariance(lags + np.array(image) * size) for image in images)
    expected /= expected[0, 0, 0]  # a short period is scaled back to unit variance
    assert periodic or embedding.error < 1e-6
    assert np.abs(found - expected).max() < 2e-6


@pytest.mark.parametrize("covariance", FAMILIES, ids=repr)
def test_pruned_transform_is_the_full_transform(covariance):
    """The same modes by axis-wise pruned FFTs and by one full FFT give the same two fields."""
    shape = (23, 18, 27)
    embedding = embed(covariance, shape, SPACING, periodic=False)
    modes = draw(embedding, shape, 4)
    first, second = np.empty(shape, np.float32), np.empty(shape, np.float32)
    fast.fill_field(modes, embedding.lengths, first, second)
    expected = slow.full_field(
        noise(embedding, 4), unfold(embedding), embedding.lengths, embedding.cutoff, shape
    )
    assert np.abs(first - expected.real).max() < 1e-5
    assert np.abs(second - expected.imag).max() < 1e-5
    alone = np.empty(shape, np.float32)
    fast.fill_field(modes, embedding.lengths, alone)
    assert np.abs(alone - first).max() < 1e-5


def test_compact_spectra_need_few_modes():
    """The paper's field on its grid needs less than 2 % of the torus' modes."""
    embedding = embed(
        Covariance.gaussian(rate=7.28e6), (400, 400, 400), (1e-8,) * 3, periodic=False
    )
    kept = np.prod([2 * m + 1 for m in embedding.cutoff]) / np.prod(embedding.lengths)
    assert kept < 0.02
    assert np.square(unfold(embedding)).sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("covariance", [FAMILIES[0], FAMILIES[3]], ids=repr)
def test_threads_do_not_change_a_bit(covariance):
    """Fields and labels are the same on 1, 2 and 3 threads."""
    shape = (20, 24, 22)
    embedding = embed(covariance, shape, SPACING, periodic=False)
    results = []
    for workers in (1, 2, 3):
        modes = draw(embedding, shape, 9, workers=workers)
        field = np.empty(shape, np.float32)
        fast.fill_field(modes, embedding.lengths, field, workers=workers)
        labels = np.empty(shape, np.uint8)
        fast.fill_excursion(
            [modes], 2, embedding.lengths, 1.5, labels, squared=True, workers=workers
        )
        results.append((field, labels))
    for field, labels in results[1:]:
        assert np.array_equal(field, results[0][0])
        assert np.array_equal(labels, results[0][1])


def test_planes_are_finished_one_by_one():
    """A part of the box, streamed plane by plane, has the voxels of the whole box."""
    shape = (20, 24, 22)
    embedding = embed(SMOOTH, shape, SPACING, periodic=False)
    modes = draw(embedding, shape, 9)
    whole, part = np.empty(shape, np.uint8), np.empty((7, *shape[1:]), np.uint8)
    fast.fill_excursion([modes], 2, embedding.lengths, 1.5, whole, squared=True)
    fast.fill_excursion([modes[5:12]], 2, embedding.lengths, 1.5, part, squared=True)
    assert np.array_equal(part, whole[5:12])


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_excursion_of_a_sum_of_squares(count):
    """Labels are where the sum of squares of the separate fields reaches the level."""
    shape, pairs = (12, 14, 16), (count + 1) // 2
    embedding = embed(SMOOTH, shape, SPACING, periodic=True)
    modes = [draw(embedding, shape, seed) for seed in range(pairs)]
    fields = np.empty((2 * pairs, *shape), np.float32)
    for n, drawn in enumerate(modes):
        fast.fill_field(drawn, embedding.lengths, fields[2 * n], fields[2 * n + 1])
    total = np.square(fields[:count].astype(float)).sum(axis=0)
    level = float(np.median(total))
    labels = np.empty(shape, np.uint8)
    fast.fill_excursion(modes, count, embedding.lengths, level, labels, squared=True)
    clear = np.abs(total - level) > 1e-5
    assert np.array_equal(labels[clear] == 1, (total >= level)[clear])


@pytest.mark.parametrize("covariance", FAMILIES, ids=repr)
@pytest.mark.parametrize("periodic", [False, True])
def test_fields_have_mean_variance_and_covariance(covariance, periodic):
    """Over 300 pairs, sample moments at point pairs are within 5 standard errors of theirs."""
    shape = (12, 15, 18)
    embedding = embed(covariance, shape, SPACING, periodic=periodic)
    places = [(0, 0, 0), (1, 0, 0), (0, 2, 0), (0, 0, 3), (3, 2, 1), (5, 5, 5), (11, 14, 17)]
    values = []
    a, b = np.empty(shape, np.float32), np.empty(shape, np.float32)
    for seed in range(300):
        fast.fill_field(draw(embedding, shape, seed), embedding.lengths, a, b)
        values.append([[f[p] for p in places] for f in (a, b)])
    x = np.array(values)  # (300, 2, places)
    both = x.reshape(600, -1)
    assert np.all(np.abs(both.mean(axis=0)) < 5 / np.sqrt(600))
    size = np.array(shape) * SPACING
    differences = (np.array(places)[:, None] - np.array(places)[None]) * np.array(SPACING)
    images = itertools.product(range(-3, 4), repeat=3) if periodic else [(0, 0, 0)]
    rho = sum(covariance(differences + np.array(i) * size) for i in images)
    rho = rho / rho[0, 0]
    found = both.T @ both / 600
    error = np.sqrt((np.outer(rho.diagonal(), rho.diagonal()) + rho**2) / 600)
    assert np.all(np.abs(found - rho) < 5 * error)
    cross = x[:, 0].T @ x[:, 1] / 300  # the two fields are independent
    assert np.all(np.abs(cross) < 5 * rho.max() / np.sqrt(300))


def test_opposite_faces_are_independent_unless_periodic():
    """Correlation of opposite faces: none in a long box that isn't periodic, ρ(Δx) if periodic."""
    shape = (40, 40, 40)
    for periodic in (False, True):
        embedding = embed(SMOOTH, shape, (1e-8,) * 3, periodic=periodic)
        products = []
        field = np.empty(shape, np.float32)
        for seed in range(40):
            fast.fill_field(draw(embedding, shape, seed), embedding.lengths, field)
            products.append(np.mean(field[0] * field[-1]))
        error = np.std(products, ddof=1) / np.sqrt(40)
        expected = float(SMOOTH([1e-8])[0]) if periodic else 0.0
        assert abs(np.mean(products) - expected) < 4.5 * error


def test_distant_windows_are_independent():
    """Fractions above a level in two windows beyond the reach are uncorrelated."""
    shape = (64, 20, 20)
    embedding = embed(SMOOTH, shape, (1e-8,) * 3, periodic=False)
    left, right = [], []
    field = np.empty(shape, np.float32)
    for seed in range(200):
        fast.fill_field(draw(embedding, shape, seed), embedding.lengths, field)
        left.append((field[:20] > 0.3).mean())
        right.append((field[-20:] > 0.3).mean())
    assert abs(np.corrcoef(left, right)[0, 1]) < 4 / np.sqrt(200)
