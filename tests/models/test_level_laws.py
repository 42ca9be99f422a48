import numpy as np
import pytest
from scipy import integrate, special, stats

from vmt.models import ChiSquareExcursionSet, Covariance, GaussianExcursionSet

RATE = Covariance.gaussian(rate=7.28e6)
FRACTIONS = (0.05, 0.46, 0.7, 0.97)
RHO = np.array([0.0, 1e-4, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 0.999, 1.0])


def kibble(level, k, rho):
    """Coverage by Kibble's series, summed until the incomplete gamma functions vanish."""
    p, r, m = stats.chi2.sf(level, k), rho * rho, k / 2
    if r == 1:
        return p
    x = level / (2 * (1 - r))
    j = np.arange(int(x + 12 * np.sqrt(x) + 60))
    terms = special.poch(m, 0) * np.exp(
        special.gammaln(m + j) - special.gammaln(m) - special.gammaln(j + 1)
    )
    return 2 * p - 1 + (1 - r) ** m * np.sum(terms * r**j * special.gammainc(m + j, x) ** 2)


def by_conditioning(level, k, rho):
    """Coverage by quadrature: given Y(o), Y(t) is a scaled non-central χ² variable."""

    def integrand(y):
        scale = 1 - rho * rho
        return stats.chi2.pdf(y, k) * stats.ncx2.sf(level / scale, k, rho * rho * y / scale)

    return integrate.quad(integrand, level, np.inf, epsabs=1e-12, epsrel=1e-11)[0]


@pytest.mark.parametrize("k", [1, 2, 3, 5])
@pytest.mark.parametrize("p", FRACTIONS)
def test_chi_square_coverage_is_kibbles_series(k, p):
    """The integral of the closed-form derivative equals the series of Proposition 1 (general k)."""
    model = ChiSquareExcursionSet(RATE, p, degrees_of_freedom=k)
    expected = [kibble(model.level, k, rho) for rho in RHO]
    assert np.allclose(model.coverage(RHO), expected, rtol=0, atol=1e-11)
    mild = RHO[RHO <= 0.95]
    assert np.allclose(model.coverage(mild), expected[: len(mild)], rtol=0, atol=1e-12)


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_chi_square_coverage_is_the_bivariate_law(k):
    """C equals the probability by quadrature over the conditional law."""
    model = ChiSquareExcursionSet(RATE, 0.46, degrees_of_freedom=k)
    for rho in (0.3, 0.7, 0.95):
        assert model.coverage(rho) == pytest.approx(by_conditioning(model.level, k, rho), abs=1e-9)


def test_coverage_for_two_degrees_is_proposition_1():
    """For k = 2 the printed form of the paper, with the factorials in the gamma function."""
    model = ChiSquareExcursionSet(RATE, 0.46)
    rho = 0.6
    x = model.level / (2 * (1 - rho**2))
    series = sum(rho ** (2 * j) * special.gammainc(j + 1, x) ** 2 for j in range(60))
    assert model.coverage(rho) == pytest.approx(2 * 0.46 - 1 + (1 - rho**2) * series, abs=1e-14)


@pytest.mark.parametrize("p", FRACTIONS)
def test_gaussian_coverage_is_the_bivariate_normal_law(p):
    """C equals the orthant probability of the bivariate normal law, negative ρ included."""
    model = GaussianExcursionSet(RATE, p)
    for rho in (-0.95, -0.3, 0.0, 0.3, 0.9, 0.999):

        def conditional(x, rho=rho):
            shift = (model.level - rho * x) / np.sqrt(1 - rho * rho)
            return stats.norm.pdf(x) * special.ndtr(-shift)

        expected = integrate.quad(
            conditional,
            model.level,
            model.level + 12,
            epsabs=1e-14,
            limit=400,
            points=[model.level],
        )[0]
        assert model.coverage(rho) == pytest.approx(expected, abs=1e-12)


MODELS = [
    *(ChiSquareExcursionSet(RATE, p, degrees_of_freedom=k) for k in (1, 2, 5) for p in FRACTIONS),
    *(GaussianExcursionSet(RATE, p) for p in FRACTIONS),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_coverage_between_independence_and_identity(model):
    """C(0) = p², C(1) = p, increasing in between."""
    p = model.volume_fraction
    assert model.coverage(0.0) == pytest.approx(p * p, abs=1e-13)
    assert model.coverage(1.0) == pytest.approx(p, abs=1e-15)
    assert np.all(np.diff(model.coverage(np.linspace(0, 1, 500))) > 0)


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_inverse_returns_the_correlation(model):
    """correlation(coverage(ρ)) = ρ as far as C depends on ρ at all."""
    rho = np.concatenate(([0.0], np.linspace(0.2, 0.999, 200), [1.0]))
    coverage = model.coverage(rho)
    found = model.correlation(coverage)
    assert np.allclose(found[1:], rho[1:], rtol=0, atol=1e-9)
    # C − p² is quadratic in a χ²-field's ρ: rounding of C by 1e-16 is 1e-8 in ρ at 0
    assert found[0] == pytest.approx(0.0, abs=1e-7)
    assert np.allclose(model.coverage(model.correlation(coverage)), coverage, rtol=0, atol=1e-14)


def test_inverse_is_nan_where_nothing_solves_it():
    """C below p² has no χ² correlation but a negative Gaussian one; C above p has none."""
    chi = ChiSquareExcursionSet(RATE, 0.46)
    assert np.isnan(chi.correlation([0.46**2 - 1e-6, 0.46 + 1e-6, -0.1])).all()
    gauss = GaussianExcursionSet(RATE, 0.46)
    assert gauss.correlation(gauss.coverage(-0.4)) == pytest.approx(-0.4, abs=1e-12)
    assert np.isnan(gauss.correlation([0.46 + 1e-6, -1e-3])).all()


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_derivative_is_that_of_the_coverage(model):
    """DC/dρ agrees with central differences of C."""
    rho, step = np.linspace(0.05, 0.98, 40), 1e-5
    difference = (model.coverage(rho + step) - model.coverage(rho - step)) / (2 * step)
    assert np.allclose(model.coverage_derivative(rho), difference, rtol=2e-5, atol=1e-8)


def test_sign_of_the_correlation_does_not_matter_to_chi_square_sets():
    """C depends on ρ² alone, and its derivative is odd."""
    model = ChiSquareExcursionSet(RATE, 0.46)
    assert np.array_equal(model.coverage(-RHO), model.coverage(RHO))
    assert model.coverage_derivative(-0.3) == -model.coverage_derivative(0.3)
