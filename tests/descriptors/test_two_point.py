"""Two-point coverage probability against closed forms."""

import json
import pickle

import numpy as np
import pytest

from vmt.descriptors import two_point_coverage_probability
from vmt.errors import InputError
from vmt.kernels.surface import direction_weights
from vmt.microstructure import Microstructure


def test_layers():
    """Periodic layers along x: C along x is a triangle wave, along y it is p."""
    n = 120
    labels = ((np.arange(n) // 5) % 2)[:, None, None] * np.ones((1, 20, 20), int)
    c = two_point_coverage_probability(Microstructure(labels, 1e-8), 1, max_lag=1.5e-7)
    lags, along = c.directional(0)
    np.testing.assert_allclose(lags, np.arange(16) * 1e-8)
    for v in range(16):
        line = labels[:, 0, 0]
        assert along[v] == pytest.approx((line[: n - v] * line[v:]).mean())
    np.testing.assert_allclose(c.directional(1)[1], 0.5)
    assert along[10] == pytest.approx(0.5, abs=0.05)
    assert along[5] == 0


def test_boolean_model():
    """Balls at random points: C(h) = 2p − 1 + exp(−ν (2V − overlap)), within sampling error."""
    rng = np.random.default_rng(4)
    n, radius, density = 100, 6.0, 1.0e-3
    box = n + 2 * 8
    found = []
    h = np.array([0, 3, 6, 9, 15])
    for _ in range(8):
        centers = rng.uniform(0, box, (rng.poisson(density * box**3), 3)) - 8
        labels = np.zeros((n, n, n), np.uint8)
        for c in centers:
            lo = np.clip(np.floor(c - radius).astype(int), 0, n)
            hi = np.clip(np.ceil(c + radius).astype(int) + 1, 0, n)
            grid = np.ogrid[lo[0] : hi[0], lo[1] : hi[1], lo[2] : hi[2]]
            inside = sum((g - x) ** 2 for g, x in zip(grid, c, strict=True)) < radius**2
            labels[lo[0] : hi[0], lo[1] : hi[1], lo[2] : hi[2]] |= inside
        curve = two_point_coverage_probability(Microstructure(labels, 1.0), 1, max_lag=16)
        found.append(np.mean([curve.directional(axis)[1][h] for axis in range(3)], axis=0))
    volume = 4 / 3 * np.pi * radius**3
    overlap = volume * np.where(h < 2 * radius, 1 - 0.75 * h / radius + h**3 / (16 * radius**3), 0)
    p = 1 - np.exp(-density * volume)
    expected = 2 * p - 1 + np.exp(-density * (2 * volume - overlap))
    error = np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - expected) < 4 * error).all()
    assert (error < 0.02).all()


def test_excursion_set(excursion):
    """The mean over realizations of F850 is the model's closed form within sampling error."""
    p, rate = excursion.SAMPLES["F850"]
    curves = []
    for seed in range(12):
        mask = excursion.chi_square_set(48, p, rate, 1.5e-8, seed)
        curves.append(two_point_coverage_probability(Microstructure(mask, 1.5e-8), 1))
    found = np.array([c.values for c in curves])
    error = found.std(axis=0, ddof=1) / np.sqrt(len(curves))
    deviation = found.mean(axis=0) - excursion.two_point(curves[0].lags, p, rate)
    assert (np.abs(deviation) < 4 * error).all()
    assert (error < 0.02).all()


def test_small_lags_keep_their_bins_and_far_ones_their_mean(f850):
    """1, √2, √3, 2, ... voxels are separate lags with exact means; far bins are a voxel wide."""
    c = two_point_coverage_probability(f850, 1)
    np.testing.assert_allclose(c.lags[:6] / 1e-8, np.sqrt([0, 1, 2, 3, 4, 5]), rtol=1e-12)
    assert (np.diff(c.lags[c.lags > 5e-8]) < 1.3e-8).all()
    assert c.values[0] == f850.volume_fraction(1)
    distance = np.linalg.norm(c.lag_vectors, axis=1)
    root2 = np.isclose(distance, np.sqrt(2))
    expected = (c.lattice_values * c.pairs)[root2].sum() / c.pairs[root2].sum()
    assert c.values[2] == pytest.approx(expected, rel=1e-14)
    assert root2.sum() == 6
    assert distance.max() <= 25


def test_surface_follows_from_the_first_lags(f850):
    """8 γ (p − C)/h over the 13 directions is the surface estimate up to the window's edge."""
    from vmt.descriptors import specific_surface_area

    c = two_point_coverage_probability(f850, 1, max_lag=2e-8)
    directions, weights = direction_weights(f850.spacing)
    by_lag = {tuple(v): x for v, x in zip(c.lag_vectors.tolist(), c.lattice_values, strict=True)}
    p = f850.volume_fraction(1)
    total = 0.0
    for d, w in zip(directions.tolist(), weights, strict=True):
        total += 8 * w * (p - by_lag[tuple(d)]) / (np.linalg.norm(d) * 1e-8)
    assert total == pytest.approx(specific_surface_area(f850, 1), rel=0.01)


def test_cross_functions_add_up():
    """C_11 + C_12 + C_13 at every lag is the coverage by phase 1 of the ends of the pairs."""
    labels = np.random.default_rng(0).integers(0, 3, (20, 22, 24)).astype(np.uint8)
    m = Microstructure(labels, (1e-8, 2e-8, 1e-8))
    every = {(i, j): two_point_coverage_probability(m, i, j) for i in range(3) for j in range(i, 3)}
    total = sum((2 - (i == j)) * c.lattice_values for (i, j), c in every.items())
    np.testing.assert_allclose(total, 1, rtol=1e-12)
    assert every[0, 1].phases == ("phase 0", "phase 1")


def test_plane_and_limits():
    """A plane has in-plane lags only; a lag beyond the window is refused."""
    labels = np.random.default_rng(0).integers(0, 2, (40, 30, 1)).astype(np.uint8)
    m = Microstructure(labels, 1e-8)
    c = two_point_coverage_probability(m, 1)
    assert (c.lag_vectors[:, 2] == 0).all()
    assert c.lags[1] == pytest.approx(1e-8)
    with pytest.raises(InputError, match="max_lag"):
        two_point_coverage_probability(m, 1, max_lag=1.0)


def test_result_travels(f850):
    """The result goes to JSON, through pickle still read-only, and onto axes."""
    c = two_point_coverage_probability(f850, 1, 0, max_lag=1e-7)
    assert json.loads(json.dumps(c.to_dict(), allow_nan=False))["phases"] == ["solid", "pore"]
    again = pickle.loads(pickle.dumps(c))
    np.testing.assert_array_equal(again.values, c.values)
    assert not again.values.flags.writeable
    assert c.plot().get_xlabel() == "distance [µm]"
