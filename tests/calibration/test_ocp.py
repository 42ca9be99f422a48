"""Open-circuit potentials from measured curves."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from vmt.calibration import ocp_from_measurement
from vmt.errors import InputError

DATA = Path(__file__).parents[2].parent / "shared" / "data"
SHARE = np.linspace(0.0, 1.0, 200)
RISING = 3.4 + 0.7 * SHARE + 0.1 * SHARE**3


def test_mean_and_hysteresis_of_two_directions() -> None:
    """The mean lies between both directions, and their gap is the hysteresis."""
    measured = ocp_from_measurement(
        (SHARE, RISING - 0.02), (SHARE, RISING + 0.02), stoichiometry_range=(0.2, 0.9)
    )
    x = np.linspace(0.2, 0.9, 57)
    share = (0.9 - x) / 0.7
    expected = 3.4 + 0.7 * share + 0.1 * share**3
    assert np.abs(measured.law(x) - expected).max() < 5e-4  # the common grid adds 0.4 mV at most
    assert np.allclose(measured.hysteresis, 0.04)


def test_law_falls_strictly_and_passes_every_cutoff() -> None:
    """From empty to full the law falls everywhere, with its tails, to below 2.5 V at x = 1."""
    law = ocp_from_measurement((SHARE, RISING), stoichiometry_range=(0.25, 0.93)).law
    values = law(np.linspace(0.01, 1.0, 2000))
    assert (np.diff(values) < 0).all()
    assert values[-1] < 2.5
    assert np.isfinite(law(np.array([-1.0, 2.0]))).all()


def test_tails_continue_value_and_slope() -> None:
    """At both ends of the measured range the law has no jump and no kink."""
    law = ocp_from_measurement((SHARE, RISING), stoichiometry_range=(0.25, 0.93)).law
    for end in (0.25, 0.93):
        left, middle, right = law(np.array([end - 1e-5, end, end + 1e-5]))
        assert (right - middle) / 1e-5 == pytest.approx((middle - left) / 1e-5, rel=0.02)


def test_noise_of_millivolts_is_made_monotone() -> None:
    """Noise below 5 mV does not make the law rise with lithium."""
    noisy = RISING + np.random.default_rng(1).normal(0.0, 1e-3, SHARE.size)
    measured = ocp_from_measurement((SHARE, noisy), stoichiometry_range=(0.2, 0.9))
    assert (np.diff(measured.potential) < 0).all()
    assert np.abs(measured.law(0.9 - 0.7 * SHARE) - RISING).max() < 4e-3


def test_survives_pickling() -> None:
    """A law sent to another process is the same law, and its arrays stay read-only."""
    measured = ocp_from_measurement((SHARE, RISING), stoichiometry_range=(0.2, 0.9))
    again = pickle.loads(pickle.dumps(measured))
    assert np.array_equal(again.law(SHARE), measured.law(SHARE))
    assert not again.potential.flags.writeable


@pytest.mark.data
def test_measured_curves_of_the_lg_m36() -> None:
    """Both measured directions of a real cell give 3.0-4.3 V and a hysteresis of tens of mV."""
    paths = [DATA / f"lgm36_NMC_halfcell_C50_{way}.csv" for way in ("Lithiation", "Delithiation")]
    if not paths[0].is_file():
        pytest.skip("the measured curves are not in ../shared/data")
    measured = ocp_from_measurement(*paths, stoichiometry_range=(0.25, 0.93))
    assert 4.25 < measured.potential[0] < 4.31
    assert 2.9 < measured.potential[-1] < 3.1
    assert (np.diff(measured.potential) < 0).all()
    assert 0.0 < np.median(measured.hysteresis) < 0.1
    assert measured.plot().get_xlabel() == "stoichiometry"


@pytest.mark.parametrize(
    ("curve", "options", "message"),
    [
        ((SHARE, RISING[::-1]), {}, "expected one that rises"),
        ((SHARE[:5], RISING[:5]), {}, "at least 10"),
        ((SHARE, RISING[:-1]), {}, "same number"),
        ((SHARE, np.where(SHARE > 0.5, np.nan, RISING)), {}, "not finite"),
        ((SHARE, RISING), {"stoichiometry_range": (0.9, 0.2)}, "highest voltage first"),
        ((SHARE, RISING), {"stoichiometry_range": (0.2, 1.2)}, "in 0..1"),
        ("nowhere.csv", {}, "can't be read"),
    ],
)
def test_bad_curves_are_refused(curve: object, options: dict[str, object], message: str) -> None:
    """What can't be a potential is refused in one sentence that says what to do."""
    with pytest.raises(InputError, match=message):
        ocp_from_measurement(curve, **{"stoichiometry_range": (0.2, 0.9), **options})


def test_csv_with_words_is_refused(tmp_path: Path) -> None:
    """A file whose rows aren't numbers is refused with its name."""
    path = tmp_path / "curve.csv"
    path.write_text("capacity,voltage\n0,3.0\nhalf,3.5\n")
    with pytest.raises(InputError, match=r"curve\.csv"):
        ocp_from_measurement(path, stoichiometry_range=(0.2, 0.9))
