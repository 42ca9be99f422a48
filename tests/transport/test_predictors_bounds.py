"""The predictors of the M-factor and the bounds of effective conductivity."""

import json
import math

import pytest

from vmt.errors import InputError
from vmt.transport import (
    STENZEL_2016,
    STENZEL_2016_ABSTRACT,
    Predictor,
    hashin_shtrikman_bounds,
    predict_m_factor,
    wiener_bounds,
)


def test_default_is_equation_15() -> None:
    """The default exponents are those that Neumann et al. 2023 print."""
    expected = 0.46**1.15 * 0.51**0.35 / 1.10**4.39
    assert predict_m_factor(0.46, 1.10, 0.51) == pytest.approx(expected, rel=1e-14)
    assert STENZEL_2016(0.46, 1.10, 0.51) == predict_m_factor(0.46, 1.10, 0.51)


def test_abstract_differs_in_the_constrictivity_only() -> None:
    """The source's abstract has β^0.37: the ratio of the two predictions is β^0.02."""
    ratio = STENZEL_2016_ABSTRACT(0.5, 1.2, 0.4) / STENZEL_2016(0.5, 1.2, 0.4)
    assert ratio == pytest.approx(0.4**0.02, rel=1e-14)


def test_straight_wide_channel_has_m_of_its_volume_power() -> None:
    """With β = τ = 1 only the volume fraction counts, and a full box conducts as its phase."""
    assert predict_m_factor(1.0, 1.0, 1.0) == 1.0
    assert predict_m_factor(0.5, 1.0, 1.0) == pytest.approx(0.5**1.15)


@pytest.mark.parametrize(
    ("epsilon", "tau", "beta"),
    [(0.1, math.nan, 0.2), (0.1, math.nan, math.nan), (0.1, 1.2, 0.0), (0.0, math.nan, 0.0)],
)
def test_no_path_predicts_zero(epsilon: float, tau: float, beta: float) -> None:
    """A phase that doesn't percolate has M = 0."""
    assert predict_m_factor(epsilon, tau, beta) == 0.0


@pytest.mark.parametrize(
    ("epsilon", "tau", "beta", "words"),
    [
        (1.2, 1.1, 0.5, "volume_fraction"),
        (math.nan, 1.1, 0.5, "volume_fraction"),
        (0.5, 0.9, 0.5, "geodesic_tortuosity"),
        (0.5, 1.1, 1.5, "constrictivity"),
        (0.5, 1.1, math.nan, "constrictivity"),
    ],
)
def test_descriptors_out_of_range_are_refused(epsilon, tau, beta, words) -> None:
    """Each descriptor has its range."""
    with pytest.raises(InputError, match=words):
        predict_m_factor(epsilon, tau, beta)


def test_predictor_travels_through_a_file(tmp_path) -> None:
    """A predictor read back is the one written; a newer or broken file is refused."""
    path = tmp_path / "predictor.json"
    mine = Predictor("mine", 1.3, 0.4, 5.0, "fitted to nothing")
    mine.save(path)
    assert Predictor.load(path) == mine
    content = json.loads(path.read_text())
    content["schema_version"] = 99
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="schema version 99"):
        Predictor.load(path)
    path.write_text('{"schema_version": 1, "predictor": {"name": "half"}}')
    with pytest.raises(InputError, match=r"can't be read as a predictor"):
        Predictor.load(path)
    with pytest.raises(InputError, match="can't be read"):
        Predictor.load(tmp_path / "nowhere.json")
    with pytest.raises(InputError, match="finite"):
        Predictor("odd", math.inf, 0.4, 5.0, "")


def test_bounds_nest_and_meet_for_one_phase() -> None:
    """Hashin–Shtrikman lies within Wiener; for a single phase all four are its conductivity."""
    fractions, values = [0.2, 0.5, 0.3], [1.0, 4.0, 100.0]
    low, high = wiener_bounds(fractions, values)
    inner_low, inner_high = hashin_shtrikman_bounds(fractions, values)
    assert low < inner_low < inner_high < high
    assert wiener_bounds([0.0, 1.0], [0.0, 3.0]) == pytest.approx((3.0, 3.0))
    assert hashin_shtrikman_bounds([0.0, 1.0], [0.0, 3.0]) == pytest.approx((3.0, 3.0))
    assert hashin_shtrikman_bounds([0.5, 0.5], [0.0, 0.0]) == (0.0, 0.0)


def test_hashin_shtrikman_of_two_phases_is_maxwells_formula() -> None:
    """With two phases the upper bound is Maxwell's: σ(1 - φ)/(1 + φ/2) for insulating spheres."""
    _, high = hashin_shtrikman_bounds([0.3, 0.7], [0.0, 2.0])
    assert high == pytest.approx(2.0 * 0.7 / 1.15, rel=1e-12)


@pytest.mark.parametrize(
    ("fractions", "values"),
    [([0.5], [1.0, 2.0]), ([0.5, 0.6], [1.0, 2.0]), ([0.5, 0.5], [1.0, -2.0]), ([], [])],
)
@pytest.mark.parametrize("bounds", [wiener_bounds, hashin_shtrikman_bounds])
def test_bad_bounds_input_is_refused(bounds, fractions, values) -> None:
    """Fractions sum to one and conductivities are not negative."""
    with pytest.raises(InputError):
        bounds(fractions, values)
