import json
import math
import pickle
import subprocess
import sys

import numpy as np
import pytest

from vmt.errors import InputError
from vmt.models import Covariance

LAGS = np.linspace(0, 3e-6, 61)
TURN = np.array([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]]) @ np.array(
    [[1.0, 0.0, 0.0], [0.0, 0.28, 0.96], [0.0, -0.96, 0.28]]
)

FAMILIES = [
    Covariance.gaussian(rate=2e6),
    Covariance.exponential(rate=2e6),
    Covariance.matern(rate=3e6, smoothness=0.8),
    Covariance.matern(rate=3e6, smoothness=1.5),
    Covariance.matern(rate=3e6, smoothness=2.5),
    Covariance.matern(rate=3e6, smoothness=3.3),
    Covariance.stable(rate=2e6, exponent=1.3),
]


@pytest.mark.parametrize("covariance", FAMILIES, ids=repr)
def test_closed_forms_are_those_of_gstools(covariance):
    """Each family of ours is, at every lag, the gstools model that it claims to be."""
    model = covariance.to_gstools()
    assert np.allclose(covariance(LAGS), model.correlation(LAGS), rtol=0, atol=1e-12)
    back = Covariance.from_gstools(model)
    assert back.family == covariance.family
    assert np.allclose(back(LAGS), covariance(LAGS), rtol=0, atol=1e-13)


@pytest.mark.parametrize("covariance", FAMILIES, ids=repr)
def test_rotated_anisotropy_is_that_of_gstools(covariance):
    """Rates per main axis and the rotation mean the same in gstools, both ways."""
    turned = covariance.anisotropic((1.0, 2.0, 0.5), TURN)
    vectors = np.random.default_rng(1).normal(0, 4e-7, (50, 3))
    model = turned.to_gstools()
    expected = model.correlation(np.linalg.norm(model.isometrize(vectors.T), axis=0))
    assert np.allclose(turned(vectors), expected, rtol=0, atol=1e-12)
    assert np.allclose(Covariance.from_gstools(model)(vectors), expected, rtol=0, atol=1e-12)


def test_other_gstools_models_are_evaluated_by_gstools():
    """A family without a closed form here comes through, with its reach and its curvature."""
    import gstools

    model = gstools.Cubic(dim=3, len_scale=5e-7)
    covariance = Covariance.from_gstools(model)
    assert np.allclose(covariance(LAGS), model.correlation(LAGS), rtol=0, atol=1e-14)
    assert 4.8e-7 < covariance.reach()[0] < 5e-7
    assert abs(covariance(covariance.reach()[:1])) < 1e-7
    assert covariance.second_derivative_at_zero == pytest.approx(14 / 5e-7**2, rel=1e-4)
    rough = Covariance.from_gstools(gstools.Spherical(dim=3, len_scale=5e-7))
    assert rough.second_derivative_at_zero == math.inf
    rational = gstools.Rational(dim=3, len_scale=5e-7, alpha=3.0, rescale=1.7)
    again = Covariance.from_dict(
        json.loads(json.dumps(Covariance.from_gstools(rational).to_dict()))
    )
    assert np.allclose(again(LAGS), rational.correlation(LAGS), rtol=0, atol=1e-13)
    assert np.allclose(again.to_gstools().correlation(LAGS), rational.correlation(LAGS))


def test_gstools_models_that_are_no_correlation_are_refused():
    """Nugget, variance, dimension and truncated power laws are named in an InputError."""
    import gstools

    for model in (
        gstools.Gaussian(dim=3, nugget=0.1),
        gstools.Gaussian(dim=3, var=2.0),
        gstools.Gaussian(dim=2),
        gstools.TPLGaussian(dim=3),
        "gaussian",
    ):
        with pytest.raises(InputError):
            Covariance.from_gstools(model)


@pytest.mark.parametrize("covariance", FAMILIES, ids=repr)
def test_curvature_at_zero_is_the_limit_of_the_increments(covariance):
    """2(1 − ρ(h))/h² tends to −ρ''(0), or grows without bound for rough fields."""
    h = np.array([1e-9, 1e-10])
    ratio = 2 * (1 - covariance(h)) / h**2
    curvature = covariance.second_derivative_at_zero
    if math.isinf(curvature):
        assert ratio[1] > 1.5 * ratio[0]
    else:
        assert ratio[0] == pytest.approx(curvature, rel=0.02)


@pytest.mark.parametrize("covariance", FAMILIES, ids=repr)
def test_reach_is_where_the_correlation_ends(covariance):
    """At the reach ρ is the tolerance, also along the axes of an anisotropic one."""
    for tolerance in (1e-3, 1e-7):
        reach = covariance.reach(tolerance)[0]
        assert covariance([reach])[0] == pytest.approx(tolerance, rel=1e-6)
    reach = covariance.anisotropic((1, 2, 4)).reach(1e-5)
    assert reach[0] / reach[1] == pytest.approx(2)
    assert reach[0] / reach[2] == pytest.approx(4)


def test_sums_have_terms_weights_and_numbered_parameters():
    """A sum is the weighted sum of its terms, and its parameters can be replaced by name."""
    a, b = Covariance.gaussian(rate=2e6), Covariance.matern(rate=5e6, smoothness=1.5)
    both = a * 0.3 + 0.7 * b
    assert both == Covariance.sum([a, b], weights=[0.3, 0.7])
    assert both.terms == (a, b)
    assert both.weights == (0.3, 0.7)
    assert np.allclose(both(LAGS), 0.3 * a(LAGS) + 0.7 * b(LAGS))
    assert list(both.parameters) == ["rate_0", "weight_0", "rate_1", "smoothness_1", "weight_1"]
    changed = both.replace(rate_0=1e6, smoothness_1=2.5)
    assert changed.terms == (a.replace(rate=1e6), b.replace(smoothness=2.5))
    with pytest.raises(InputError, match="terms"):
        both.rate  # noqa: B018
    with pytest.raises(InputError, match="no parameter"):
        a.replace(smoothness=1.0)


def test_lags_may_be_lengths_or_vectors():
    """Isotropic: vectors count by their lengths; an anisotropic covariance needs vectors."""
    a = Covariance.gaussian(rate=2e6)
    vectors = np.random.default_rng(0).normal(0, 3e-7, (20, 3))
    assert np.allclose(a(vectors), a(np.linalg.norm(vectors, axis=1)))
    uneven = a.anisotropic((1, 2, 3))
    assert uneven([[0, 1e-7, 0]])[0] == pytest.approx(a([2e-7])[0])
    with pytest.raises(InputError, match="vectors"):
        uneven([1e-7, 2e-7])


@pytest.mark.parametrize(
    "covariance",
    [*FAMILIES, FAMILIES[0].anisotropic((1, 2, 3), TURN), FAMILIES[0] * 0.5 + FAMILIES[3] * 0.5],
    ids=repr,
)
def test_survives_pickle_and_json(covariance):
    """A covariance equals its copy from a pickle and from JSON."""
    assert pickle.loads(pickle.dumps(covariance)) == covariance
    assert Covariance.from_dict(json.loads(json.dumps(covariance.to_dict()))) == covariance


@pytest.mark.parametrize(
    "make",
    [
        lambda: Covariance.gaussian(rate=0),
        lambda: Covariance.gaussian(rate=math.nan),
        lambda: Covariance.stable(rate=1, exponent=2.1),
        lambda: Covariance.matern(rate=1, smoothness=-1),
        lambda: Covariance.sum([], weights=[]),
        lambda: Covariance.gaussian(rate=1) * -0.5,
        lambda: Covariance.gaussian(rate=1).anisotropic((1, 2)),
        lambda: Covariance.gaussian(rate=1).anisotropic((1, 2, 3), np.ones((3, 3))),
        lambda: Covariance.from_dict({"terms": [{"family": "gaussian"}], "weights": [1]}),
    ],
)
def test_bad_parameters_are_input_errors(make):
    """Parameters outside the valid range are refused with a message."""
    with pytest.raises(InputError):
        make()


def test_importing_models_leaves_gstools_closed():
    """Neither the import nor the closed forms load gstools."""
    code = (
        "import sys, vmt.models as m; m.Covariance.gaussian(rate=1e6)([1e-7]); "
        "sys.exit('gstools' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
