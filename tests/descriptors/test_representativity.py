"""Errors of estimates, cutouts, anisotropy, and many structures in one sheet."""

import json
import math

import numpy as np
import pytest

import vmt.descriptors as d
from vmt.errors import InputError
from vmt.microstructure import Microstructure
from vmt.models import ChiSquareExcursionSet, Covariance


@pytest.fixture(scope="module")
def model():
    return ChiSquareExcursionSet(Covariance.gaussian(rate=1.0), 0.46)


@pytest.fixture(scope="module")
def realizations(model):
    return [model.sample((64, 64, 64), 0.25, rng=seed) for seed in range(12)]


def test_standard_error_is_the_models(model, realizations):
    """Estimated from single windows, the error is the model's within 10 %, and what is observed."""
    exact = math.sqrt(model.variance_of_volume_fraction(16.0))
    made = [d.representativity(m, "solid") for m in realizations]
    assert np.mean([r.std for r in made]) == pytest.approx(exact, rel=0.1)
    assert np.std([r.std for r in made]) < 0.2 * exact
    observed = np.std([m.volume_fraction("solid") for m in realizations], ddof=1)
    assert observed == pytest.approx(exact, rel=0.6)
    larger = math.sqrt(model.variance_of_volume_fraction(40.0))
    assert np.mean([r.std_at(40.0) for r in made]) == pytest.approx(larger, rel=0.1)


def test_the_plain_sum_over_all_lags_is_zero():
    """Eq. (18) with the window's own Ĉ₀ at all lags vanishes, whatever the structure."""
    mask = np.random.default_rng(0).random((6, 7, 5)) < 0.4
    p, total = mask.mean(), 0.0
    for v in np.ndindex(11, 13, 9):
        lag = np.array(v) - [5, 6, 4]
        here = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip(lag, mask.shape, strict=True))
        there = tuple(
            slice(max(0, s), n - max(0, -s)) for s, n in zip(lag, mask.shape, strict=True)
        )
        total += ((mask[here] - p) * (mask[there] - p)).sum()
    assert total == pytest.approx(0, abs=1e-9)


def test_phase_and_complement_have_the_same_error(realizations):
    """The rest of a two-phase window is as uncertain as the phase."""
    one, two = (d.representativity(realizations[0], phase) for phase in (0, 1))
    assert one.std == pytest.approx(two.std, rel=1e-9)
    assert one.integral_range == pytest.approx(two.integral_range, rel=1e-9)


def test_size_for_a_precision(realizations):
    """A window of the size asked for has the error asked for; half the error takes 4 V^(1/3)…"""
    made = d.representativity(realizations[0], "solid")
    edge = made.size_for(0.01)
    assert 1.959964 * made.std_at(edge) == pytest.approx(0.01 * made.volume_fraction, rel=1e-6)
    assert made.size_for(0.005) / edge == pytest.approx(4 ** (1 / 3), rel=0.1)
    assert made.size_for(10.0) == max(made.reach)
    scaled = realizations[0].spacing[0] * 1e-6
    m = Microstructure(realizations[0].labels, scaled)
    assert d.representativity(m, "solid").size_for(0.01) == pytest.approx(edge * 1e-6, rel=1e-6)
    with pytest.raises(InputError, match="positive error"):
        made.size_for(0)
    with pytest.raises(InputError, match="not shorter"):
        made.std_at(0.1)


def test_representativity_of_planes_and_full_windows(realizations):
    """A plane has an area as integral range; a full window no error."""
    plane = Microstructure(realizations[0].labels[:, :, :1], 0.25)
    made = d.representativity(plane, "solid")
    assert "integral_range [m²]" in made.to_dict()
    assert made.std > d.representativity(realizations[0], "solid").std
    full = Microstructure(np.ones((8, 8, 8), np.uint8), 1.0)
    assert d.representativity(full, 1).std == 0
    assert d.representativity(full, 0).size_for(0.1) == math.inf


def test_cutouts_spread_as_predicted(realizations):
    """Volume fractions of cutouts of a quarter of the edge scatter as eq. (18) says."""
    spread = [
        d.cutout_study(m, lambda c: c.volume_fraction("solid"), [16, 32]).std for m in realizations
    ]
    made = [d.representativity(m, "solid") for m in realizations]
    for i, edge in enumerate((4.0, 8.0)):
        predicted = np.mean([r.std_at(max(edge, *r.reach)) for r in made])
        assert np.mean(spread, axis=0)[i] == pytest.approx(predicted, rel=0.25)
    study = d.cutout_study(realizations[0], lambda c: c.volume_fraction(1), [8, 64], most=10)
    assert [len(v) for v in study.values] == [10, 1]
    assert math.isnan(study.std[1])
    low, high = study.band()
    assert low[0] < study.mean[0] < high[0]
    with pytest.raises(InputError, match="1 to 64"):
        d.cutout_study(realizations[0], lambda c: 0.0, [65])


def test_describe_cutouts(f850):
    """Means, spreads and bands over eight cubes are those of the cubes' own descriptions."""
    m = f850.crop(slice(0, 48), slice(0, 48), slice(0, 48))
    asked = {"volume_fraction", "specific_surface_area", "chord_lengths", "geodesic_tortuosity"}
    made = d.describe_cutouts(m, descriptors=asked)
    assert len(made.parts) == 8
    key = "specific_surface_area(solid)"
    own = [d.specific_surface_area(c, 1) for c in (p for p in _cubes(m, 24))]
    assert made.mean(key) == pytest.approx(np.mean(own))
    assert made.std(key) == pytest.approx(np.std(own, ddof=1))
    low, high = made.interval(key)
    assert min(own) <= low <= made.mean(key) <= high <= max(own)
    x, mean, below, above = made.band("chord_lengths(solid)")
    assert (below <= mean + 1e-12).all()
    assert (mean <= above + 1e-12).all()
    assert np.diff(x).min() > 0
    rows = made.to_table()
    assert {"descriptor", "phase", "unit", "mean", "std", "low", "high", "count"} == set(rows[0])
    assert json.dumps(made.to_dict(), allow_nan=False)
    assert len(made.plot().axes) >= 4
    with pytest.raises(InputError, match="no curve"):
        made.band("chord_lengths(gold)")
    with pytest.raises(InputError, match="2 to 24"):
        d.describe_cutouts(m, edge=40)


def _cubes(m, edge):
    steps = [slice(i, i + edge) for i in range(0, 48, edge)]
    return [m.crop(x, y, z) for x in steps for y in steps for z in steps]


def test_overlay(f850, realizations):
    """A panel per curve, a line per structure, bars for values; unknown names are refused."""
    asked = {"chord_lengths", "geodesic_tortuosity", "volume_fraction", "lineal_path"}
    m = f850.crop(slice(0, 40), slice(0, 40), slice(0, 40))
    one = d.describe(m, descriptors=asked)
    two = d.describe_cutouts(m, descriptors=asked)
    sheet = d.overlay({"a": one, "b": two}, values=["volume_fraction(solid)"])
    shown = [ax for ax in sheet.axes if ax.axison]
    assert len(shown) == 7
    assert all(len(ax.lines) == 2 for ax in shown[:-1])
    assert len(shown[-1].patches) == 2
    few = d.overlay([one, one], curves=["chord_lengths(solid)"])
    assert sum(ax.axison for ax in few.axes) == 1
    with pytest.raises(InputError, match="contact"):
        d.overlay([one], curves=["contact"])
    with pytest.raises(InputError, match="names"):
        d.overlay([one, two], names=["a"])
    with pytest.raises(InputError, match="no curve"):
        d.overlay([d.describe(m, descriptors={"volume_fraction"})])


def test_anisotropy(f850):
    """Stretched twice along x: decay and chords twice as long there; turned, it turns along."""
    made = d.anisotropy(f850, 1)
    assert made.elongation < 1.3
    np.testing.assert_allclose(made.ratios()["surface_area"], 1, atol=0.1)
    stretched = Microstructure(f850.labels, (2e-8, 1e-8, 1e-8))
    other = d.anisotropy(stretched, 1)
    assert other.decay_length[0] == pytest.approx(2 * made.decay_length[0])
    assert other.chord_length[0] == pytest.approx(2 * made.chord_length[0])
    assert other.surface_area[0] == pytest.approx(made.surface_area[0] / 2)
    turned = d.anisotropy(Microstructure(f850.labels.transpose(1, 2, 0), 1e-8), 1)
    np.testing.assert_allclose(turned.chord_length, np.roll(made.chord_length, -1))
    np.testing.assert_allclose(turned.decay_length, np.roll(made.decay_length, -1), rtol=1e-6)
    plane = d.anisotropy(Microstructure(f850.labels[:, :, :1], 1e-8), 1)
    assert math.isnan(plane.decay_length[2])
    assert plane.decay_length[0] > 0
