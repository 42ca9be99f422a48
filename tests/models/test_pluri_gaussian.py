"""Three phases from two Gaussian fields: closed forms, simulations, exchange, bad input."""

import math

import numpy as np
import pytest
from scipy import stats

import vmt
from vmt.models import Covariance, PluriGaussianExcursionSet
from vmt.models._pluri_law import bivariate_normal, pluri_coverage

FIRST, SECOND = Covariance.gaussian(rate=1 / 9e-6), Covariance.gaussian(rate=1 / 6e-6)
NAMES = ("solid", "carbon_binder_domain", "pore")


def model(r: float = 0.0) -> PluriGaussianExcursionSet:
    return PluriGaussianExcursionSet(FIRST, SECOND, (0.5, 0.15), correlation=r)


def test_bivariate_normal_against_scipy() -> None:
    """The law of two correlated normal variables agrees with scipy's to 1e-8."""
    rng = np.random.default_rng(0)
    points = [*rng.normal(size=(12, 2)), (0.0, 0.7), (-0.4, 0.0), (0.0, 0.0), (-1.0, 1.0)]
    for rho in (-0.9, -0.2, 0.0, 0.6, 0.99):
        ours = bivariate_normal([a for a, _ in points], [b for _, b in points], rho)
        law = stats.multivariate_normal([0, 0], [[1, rho], [rho, 1]])
        theirs = [law.cdf(p) for p in points]
        np.testing.assert_allclose(ours, theirs, atol=1e-8)


@pytest.mark.parametrize("r", [0.0, 0.7, -0.5])
def test_coverage_is_a_joint_law(r: float) -> None:
    """At lag 0 only equal phases meet, far away all are independent; rows sum to the fractions."""
    made = model(r).coverage_matrix(np.array([0.0, 3e-6, 8e-6, 1.0]))
    p = np.array([0.5, 0.15, 0.35])
    np.testing.assert_allclose(made[0], np.diag(p), atol=1e-12)
    np.testing.assert_allclose(made[-1], np.outer(p, p), atol=1e-8)
    np.testing.assert_allclose(made.sum(axis=2), np.tile(p, (4, 1)), atol=1e-12)
    np.testing.assert_allclose(made, made.transpose(0, 2, 1), atol=1e-12)
    assert (made > -1e-9).all()


def test_quadrature_meets_the_products_of_independent_fields() -> None:
    """As r goes to 0 the integrals become the products of closed forms."""
    rho1, rho2 = np.array([0.999, 0.9, 0.5, 0.1]), np.array([0.99, 0.8, 0.6, 0.01])
    levels = model().levels
    exact = pluri_coverage(levels, 0.0, rho1, rho2)
    close = pluri_coverage(levels, 1e-9, rho1, rho2)
    np.testing.assert_allclose(close, exact, atol=2e-8)


def test_quadrature_against_four_normal_variables() -> None:
    """C_BB of correlated fields is an orthant probability of four variables, by scipy's sampler."""
    r, rho1, rho2 = 0.6, 0.8, 0.5
    m = model(r)
    level, second = m.levels
    found = pluri_coverage(m.levels, r, np.array([rho1]), np.array([rho2]))[0]
    own = r * r * rho1 + (1 - r * r) * rho2
    # X(0), X(h), −Z(0), −Z(h)
    law = np.array(
        [
            [1, rho1, -r, -r * rho1],
            [rho1, 1, -r * rho1, -r],
            [-r, -r * rho1, 1, own],
            [-r * rho1, -r, own, 1],
        ]
    )
    limits = [level, level, -second, -second]
    exact = stats.multivariate_normal(np.zeros(4), law, maxpts=200_000, abseps=1e-7).cdf(limits)
    assert found[1, 1] == pytest.approx(exact, abs=3e-6)


@pytest.mark.parametrize("r", [0.0, 0.6])
def test_simulations_have_the_laws_of_the_model(r: float) -> None:
    """Means over ten windows of auto- and cross-functions lie within 4.5 standard errors."""
    m, lag = model(r), 12e-6
    pairs = [(a, b) for i, a in enumerate(NAMES) for b in NAMES[i:]]
    found = {pair: [] for pair in pairs}
    for seed in range(10):
        made = m.sample((56, 56, 56), 1e-6, rng=seed)
        for a, b in pairs:
            curve = vmt.two_point_coverage_probability(made, a, b, max_lag=lag)
            found[a, b].append(curve.directional(0)[1])
    lags = np.arange(len(found["solid", "solid"][0])) * 1e-6
    for (a, b), curves in found.items():
        mean, error = np.mean(curves, axis=0), np.std(curves, axis=0, ddof=1) / math.sqrt(10)
        expected = m.two_point_coverage_probability(lags, a, b)
        if a != b:
            mean, error, expected = mean[1:], error[1:], expected[1:]  # 0 at lag 0
        assert (np.abs(mean - expected) < 4.5 * error).all(), (a, b)


@pytest.mark.parametrize("r", [0.0, 0.5])
def test_interfaces_and_triple_lines(r: float) -> None:
    """Areas between phases and triple lines of samples meet the closed forms within their error."""
    fine = PluriGaussianExcursionSet(
        Covariance.gaussian(rate=1 / 11e-6), Covariance.gaussian(rate=1 / 9e-6), (0.5, 0.2),
        correlation=r,
    )  # fmt: skip
    made = [fine.sample((80, 80, 80), 1e-6, rng=seed) for seed in range(10)]

    def check(values: list[float], expected: float) -> None:
        error = np.std(values, ddof=1) / math.sqrt(len(values))
        assert abs(np.mean(values) - expected) < 4 * error + 0.02 * expected
        assert error < 0.1 * expected

    for a, b in ((0, 1), (0, 2), (1, 2)):
        check(
            [vmt.interface_area(s, NAMES[a], NAMES[b]) for s in made],
            fine.interface_area(NAMES[a], NAMES[b]),
        )
    lines = [vmt.triple_phase_boundary_density(s, *NAMES) for s in made]
    check(lines, fine.triple_phase_boundary_density())
    total = fine.specific_surface_area("solid")
    single = vmt.GaussianExcursionSet(fine.first, 0.5).specific_surface_area()
    assert total == pytest.approx(single, rel=1e-12)


def test_the_second_and_third_phase_are_the_same_model() -> None:
    """Swapping B and C turns the sign of r and nothing else."""
    one = model(0.4)
    two = PluriGaussianExcursionSet(
        FIRST, SECOND, (0.5, 0.35), phases=("solid", "pore", "carbon_binder_domain"),
        correlation=-0.4,
    )  # fmt: skip
    lags = np.linspace(0, 2e-5, 9)
    swap = [0, 2, 1]
    np.testing.assert_allclose(
        one.coverage_matrix(lags), two.coverage_matrix(lags)[:, swap][:, :, swap], atol=1e-7
    )


def test_samples_are_named_by_their_seed() -> None:
    """The same seed is the same structure on two workers; labels are C 0, A 1, B 2."""
    one = model(0.3).sample((24, 20, 16), 1e-6, rng=3)
    two = model(0.3).sample((24, 20, 16), 1e-6, rng=3, workers=2)
    np.testing.assert_array_equal(one.labels, two.labels)
    assert dict(one.phases) == {"pore": 0, "solid": 1, "carbon_binder_domain": 2}


def test_dictionary_and_back() -> None:
    """A stored model is the same model; data of another model is refused."""
    m = model(0.2)
    assert PluriGaussianExcursionSet.from_dict(m.to_dict()) == m
    with pytest.raises(vmt.InputError, match="expected that of"):
        PluriGaussianExcursionSet.from_dict({"model": "other"})
    with pytest.raises(vmt.InputError, match="to_dict"):
        PluriGaussianExcursionSet.from_dict({"model": "PluriGaussianExcursionSet"})


@pytest.mark.parametrize(
    "change",
    [
        {"volume_fractions": (0.6, 0.5)},
        {"volume_fractions": (0.6,)},
        {"phases": ("a", "a", "b")},
        {"correlation": 1.0},
        {"first": 3},
        {"color": "red"},
    ],
)
def test_bad_input_is_one_error(change: dict) -> None:
    """What can't be a model says so."""
    with pytest.raises(vmt.InputError):
        model().replace(**change)
