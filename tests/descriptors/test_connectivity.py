"""Clusters and chords of simple shapes."""

import json
import math

import numpy as np
import pytest

from vmt.descriptors import chord_lengths, connectivity, percolates
from vmt.errors import InputError
from vmt.microstructure import Microstructure


def test_shares_of_two_clusters():
    """A bar through the window and a larger block apart from it have their shares."""
    labels = np.zeros((20, 10, 10), np.uint8)
    labels[:, 1, 1] = 1
    labels[5:9, 4:8, 4:8] = 1
    made = connectivity(Microstructure(labels, 1e-8), 1)
    assert made.percolating_share == pytest.approx(20 / 84)
    assert made.largest_share == pytest.approx(64 / 84)
    assert made.clusters == 2
    assert made.percolates
    assert json.loads(json.dumps(made.to_dict()))["neighbors"] == 6
    assert "solid" in made.plot().get_ylabel()


def test_neighborhoods_decide():
    """A diagonal of voxels percolates by corners only, a staircase by edges too."""
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[np.arange(6), np.arange(6), np.arange(6)] = 1
    m = Microstructure(labels, 1e-8)
    assert [percolates(m, 1, neighbors=k) for k in (6, 18, 26)] == [False, False, True]
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[np.arange(6), np.arange(6), 0] = 1
    m = Microstructure(labels, 1e-8)
    assert [percolates(m, 1, neighbors=k) for k in (6, 18, 26)] == [False, True, True]
    with pytest.raises(InputError, match="6, 18 or 26"):
        percolates(m, 1, neighbors=8)


def test_absent_phase():
    """A phase without voxels does not percolate and has no shares."""
    m = Microstructure(np.ones((4, 4, 4), np.uint8), 1e-8)
    assert not percolates(m, "pore")
    assert math.isnan(connectivity(m, "pore").largest_share)


def test_chords_of_layers():
    """Layers of 4 and 6 voxels have chords of 4 and 6; those at the window's faces are cut."""
    line = np.concatenate([np.repeat([1, 0] * 5, [4, 6] * 5)])
    labels = line[:, None, None] * np.ones((1, 7, 8), int)
    m = Microstructure(labels, (2e-8, 1e-8, 1e-8))
    solid, pore = chord_lengths(m, 1), chord_lengths(m, 0)
    assert (solid.mean, solid.std, solid.count, solid.cut) == pytest.approx((8e-8, 0, 224, 56))
    assert (pore.mean, pore.count, pore.cut) == pytest.approx((12e-8, 224, 56))
    across = chord_lengths(m, 1, axis=1)
    assert math.isnan(across.mean)
    assert across.cut == 20 * 8
    assert json.loads(json.dumps(solid.to_dict(), allow_nan=False))["cut"] == 56
    assert "chord" in solid.plot().get_xlabel()


def test_mean_chord_of_an_excursion_set(excursion):
    """Corrected for the window, the mean chord is p Δx / (p − C(Δx)); uncorrected it is shorter."""
    p, rate = excursion.SAMPLES["F850"]
    expected = p * 1.5e-8 / (p - excursion.two_point(1.5e-8, p, rate)[0])
    made = [
        chord_lengths(Microstructure(excursion.chi_square_set(80, p, rate, 1.5e-8, s), 1.5e-8), 1)
        for s in range(6)
    ]
    corrected = np.array([c.corrected_mean for c in made])
    error = corrected.std(ddof=1) / np.sqrt(len(made))
    assert corrected.mean() == pytest.approx(expected, abs=4 * error)
    assert error < 0.03 * expected
    assert all(c.mean < c.corrected_mean for c in made)
