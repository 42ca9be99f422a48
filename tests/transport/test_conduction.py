"""Effective conductivity against closed forms, symmetries and bounds."""

import itertools
import json
import pickle

import numpy as np
import pytest

from vmt.errors import ConvergenceError, InputError, MemoryBudgetError
from vmt.microstructure import Microstructure
from vmt.transport import (
    Conduction,
    effective_conductivity,
    hashin_shtrikman_bounds,
    wiener_bounds,
)

#: simple cubic array of insulating spheres: volume fraction → σ_eff/σ_matrix (multipole method)
SPHERES = {0.1: 0.85711, 0.2: 0.72670, 0.3: 0.60566, 0.4: 0.49011, 0.5: 0.37374}


def sphere_cell(n: int, fraction: float) -> np.ndarray:
    """Unit cell of the simple cubic array, n voxels a side; 1 is the matrix."""
    x = (np.arange(n) + 0.5) / n - 0.5
    radius = (3 * fraction / (4 * np.pi)) ** (1 / 3)
    square = x[:, None, None] ** 2 + x[None, :, None] ** 2 + x[None, None, :] ** 2
    return (square > radius**2).astype(np.uint8)


def layers(shape: tuple[int, int, int], axis: int) -> np.ndarray:
    """Four layers of labels 0, 1, 2, 1 with thicknesses 2, 3, 1 and the rest, across `axis`."""
    profile = np.ones(shape[axis], np.uint8)
    profile[:2], profile[5] = 0, 2
    place = [1, 1, 1]
    place[axis] = -1
    return np.broadcast_to(profile.reshape(place), shape).copy()


SIGMA = {"a": 2.0, "b": 0.3, "c": 1e4}
PHASES = {"a": 0, "b": 1, "c": 2}


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_layers_in_series_conduct_as_their_harmonic_mean(axis: int) -> None:
    """Layers across the current give the harmonic mean, to 1e-10."""
    m = Microstructure(layers((11, 12, 13), axis), (1e-8, 2e-8, 3e-8), PHASES)
    result = effective_conductivity(m, SIGMA, axis=axis, rtol=1e-12)
    exact = 1 / sum(m.volume_fraction(p) / s for p, s in SIGMA.items())
    assert result.effective_conductivity == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_layers_in_parallel_conduct_as_their_arithmetic_mean(axis: int) -> None:
    """Layers along the current give the arithmetic mean, to 1e-10, and no deviation from it."""
    m = Microstructure(layers((11, 12, 13), axis), 1e-8, PHASES)
    result = effective_conductivity(m, SIGMA, axis=(axis + 1) % 3, rtol=1e-12)
    exact = sum(m.volume_fraction(p) * s for p, s in SIGMA.items())
    assert result.effective_conductivity == pytest.approx(exact, rel=1e-10)
    assert result.flux_imbalance < 1e-10


def test_straight_channel_conducts_as_its_cross_section() -> None:
    """A straight channel has M = ε and a tortuosity factor of 1, whatever its shape."""
    labels = np.zeros((17, 9, 10), np.uint8)
    labels[:, 2:5, 3:8] = 1
    labels[:, 7, 1] = 1
    result = effective_conductivity(Microstructure(labels, 1e-8), {"solid": 3.0})
    assert result.m_factor == pytest.approx(16 / 90, rel=1e-7)
    assert result.tortuosity_factor == pytest.approx(1.0, rel=1e-7)


def test_dead_ends_and_islands_change_nothing() -> None:
    """Branches that lead nowhere and floating clusters carry no current."""
    labels = np.zeros((17, 9, 10), np.uint8)
    labels[:, 2:5, 3:8] = 1
    plain = effective_conductivity(Microstructure(labels, 1e-8), {"solid": 1.0}, rtol=1e-10)
    labels[5, 5:9, 5] = 1  # a branch to the side
    labels[0:9, 0, 0] = 1  # a pipe that ends
    labels[12:15, 8, 8:] = 1  # an island
    result = effective_conductivity(Microstructure(labels, 1e-8), {"solid": 1.0}, rtol=1e-10)
    assert result.effective_conductivity == pytest.approx(plain.effective_conductivity, rel=1e-9)
    assert result.volume_fraction > plain.volume_fraction


def test_cubic_spheres_converge_with_order_one_to_the_exact_value() -> None:
    """In/out voxels of a sphere array lie below the exact value, with an error of order 1."""
    exact = SPHERES[0.3]
    errors = []
    for n in (24, 96):
        m = Microstructure(sphere_cell(n, 0.3), 1e-6 / n)
        errors.append(effective_conductivity(m, {"solid": 1.0}).effective_conductivity / exact - 1)
    assert errors[0] == pytest.approx(-0.044, abs=0.004)
    assert errors[1] == pytest.approx(-0.0089, abs=0.001)
    assert 0.8 < np.log(errors[0] / errors[1]) / np.log(4) < 1.4


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.3, 0.4])
def test_cubic_spheres_at_high_resolution(fraction: float) -> None:
    """At 192 voxels a side the voxel error is below 1.5 % for every density of spheres."""
    m = Microstructure(sphere_cell(192, fraction), 1e-8)
    result = effective_conductivity(m, {"solid": 1.0})
    assert result.effective_conductivity == pytest.approx(SPHERES[fraction], rel=0.015)


def test_checkerboard_converges_to_the_geometric_mean() -> None:
    """A square checkerboard conducts as √(σ₁σ₂) (Keller 1964), approached with the voxel size."""
    errors = []
    for n in (16, 64, 256):
        index = (np.arange(n) + n // 4) // (n // 2)
        labels = ((index[:, None] + index[None, :]) % 2).astype(np.uint8)[:, :, None]
        m = Microstructure(labels, 1e-8, {"a": 0, "b": 1})
        value = effective_conductivity(m, {"a": 1.0, "b": 10.0}, rtol=1e-8).effective_conductivity
        errors.append(abs(value / np.sqrt(10.0) - 1))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.02


def test_stretched_voxels_scale_as_the_equation_says(chi_square) -> None:
    """Refining a structure along one axis equals its voxels being anisotropic, up to voxel error.

    Voxels (2d, d, d) against the same body cut into cubes of d.
    """
    labels = chi_square((24, 40, 40), 0.6, rate=0.12)
    coarse = Microstructure(labels, (2e-8, 1e-8, 1e-8))
    fine = Microstructure(np.repeat(labels, 2, axis=0), 1e-8)
    for axis in (0, 1):
        a = effective_conductivity(coarse, {"solid": 1.0}, axis=axis).effective_conductivity
        b = effective_conductivity(fine, {"solid": 1.0}, axis=axis).effective_conductivity
        assert a == pytest.approx(b, rel=0.05)
    # and the flat laminate exactly
    flat = Microstructure(layers((11, 12, 13), 0), (5e-8, 1e-8, 2e-8), PHASES)
    exact = 1 / sum(flat.volume_fraction(p) / s for p, s in SIGMA.items())
    result = effective_conductivity(flat, SIGMA, rtol=1e-12)
    assert result.effective_conductivity == pytest.approx(exact, rel=1e-10)


@pytest.mark.parametrize("sides", ["closed", "periodic"])
def test_direction_and_axes_do_not_matter(chi_square, sides) -> None:
    """Flipping the structure or permuting its axes leaves the result, to float32's last digits."""
    labels = chi_square((20, 23, 26), 0.55)
    spacing = (1e-8, 1.5e-8, 0.8e-8)
    phases = {"pore": 0, "solid": 1}
    kwargs = {"sides": sides, "rtol": 1e-9}
    expected = effective_conductivity(
        Microstructure(labels, spacing, phases), {"solid": 1.0}, **kwargs
    ).effective_conductivity
    assert expected > 0
    for flipped in (labels[::-1], labels[:, ::-1], labels[:, :, ::-1]):
        m = Microstructure(flipped, spacing, phases)
        value = effective_conductivity(m, {"solid": 1.0}, **kwargs).effective_conductivity
        assert value == pytest.approx(expected, rel=2e-9)
    for order in itertools.permutations(range(3)):
        m = Microstructure(labels.transpose(order), tuple(spacing[a] for a in order), phases)
        value = effective_conductivity(m, {"solid": 1.0}, axis=order.index(0), **kwargs)
        assert value.effective_conductivity == pytest.approx(expected, rel=2e-9)


def test_periodic_sides_conduct_at_least_as_well_as_closed_ones(chi_square) -> None:
    """Joining opposite sides adds links, which can only help (Rayleigh's monotonicity)."""
    m = Microstructure(chi_square((24, 25, 26), 0.4), 1e-8)
    closed = effective_conductivity(m, {"solid": 1.0}, rtol=1e-9)
    periodic = effective_conductivity(m, {"solid": 1.0}, sides="periodic", rtol=1e-9)
    assert periodic.effective_conductivity > closed.effective_conductivity > 0


def test_periodic_sides_can_open_a_path() -> None:
    """A staircase that leaves through one side percolates only when it comes back on the other."""
    i, k = np.indices((12, 12))
    labels = np.repeat(((i + k) % 12 < 2).astype(np.uint8)[:, None, :], 3, axis=1)
    m = Microstructure(labels, 1e-8)
    assert not effective_conductivity(m, {"solid": 1.0}).percolates
    result = effective_conductivity(m, {"solid": 1.0}, sides="periodic", rtol=1e-10)
    assert result.percolates
    # two voxels wide, so 11 double steps: the network of one period by hand is a ladder
    assert 0 < result.effective_conductivity < 1 / 12


def test_a_period_repeated_conducts_the_same(chi_square) -> None:
    """Tiling a structure with periodic sides across the current changes nothing."""
    labels = chi_square((18, 15, 13), 0.5)
    one = Microstructure(labels, 1e-8)
    four = Microstructure(np.tile(labels, (1, 2, 2)), 1e-8)
    a, b = (
        effective_conductivity(m, {"solid": 1.0}, sides="periodic", rtol=1e-10) for m in (one, four)
    )
    assert a.effective_conductivity == pytest.approx(b.effective_conductivity, rel=1e-9)


def test_no_path_is_a_result() -> None:
    """A phase without a path conducts exactly 0, without a solve and without an exception."""
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[:4] = 1
    result = effective_conductivity(
        Microstructure(labels, 1e-8), {"solid": 1.0}, keep_potential=True
    )
    assert result.effective_conductivity == 0.0
    assert result.m_factor == 0.0
    assert result.tortuosity_factor == np.inf
    assert not result.percolates
    assert result.iterations == 0
    assert result.potential is not None
    assert np.isnan(result.potential).all()
    assert json.dumps(result.to_dict())


def test_every_result_lies_within_the_bounds_of_wiener(chi_square) -> None:
    """No structure conducts better than its phases in parallel or worse than in series."""
    for seed, fraction in enumerate((0.2, 0.4, 0.6, 0.8)):
        labels = chi_square((20, 20, 20), fraction, seed=seed)
        m = Microstructure(labels, 1e-8)
        fractions = [m.volume_fraction("pore"), m.volume_fraction("solid")]
        for sigma in ((1.0, 50.0), (0.0, 1.0), (3.0, 0.0)):
            given = dict(zip(("pore", "solid"), sigma, strict=True))
            value = effective_conductivity(m, given).effective_conductivity
            low, high = wiener_bounds(fractions, sigma)
            assert low * (1 - 1e-12) <= value <= high * (1 + 1e-12)


def test_large_isotropic_structure_lies_within_hashin_shtrikman(chi_square) -> None:
    """An isotropic structure many correlation lengths wide keeps the narrower bounds, too."""
    m = Microstructure(chi_square((48, 48, 48), 0.5, rate=0.2), 1e-8)
    value = effective_conductivity(m, {"pore": 1.0, "solid": 20.0}).effective_conductivity
    fractions = [m.volume_fraction("pore"), m.volume_fraction("solid")]
    low, high = hashin_shtrikman_bounds(fractions, [1.0, 20.0])
    assert low < value < high


def test_conductivity_scales_linearly(chi_square) -> None:
    """Ten times the conductivities give ten times the result, in both solvers."""
    m = Microstructure(chi_square((20, 20, 20)), 1e-8)
    for given in ({"solid": 1.0}, {"solid": 1.0, "pore": 1e-3}):
        one = effective_conductivity(m, given).effective_conductivity
        big = {k: 1e7 * v for k, v in given.items()}
        assert effective_conductivity(m, big).effective_conductivity == pytest.approx(1e7 * one)


def test_equal_conductivities_are_one_phase(chi_square) -> None:
    """All phases alike conduct as the full box, and without an iteration error."""
    m = Microstructure(chi_square((10, 11, 12)), 1e-8)
    result = effective_conductivity(m, {"solid": 2.5, "pore": 2.5})
    assert result.effective_conductivity == pytest.approx(2.5, rel=1e-7)
    assert result.m_factor is None
    assert result.tortuosity_factor is None


def test_insulating_pores_are_the_limit_of_bad_conductors(chi_square) -> None:
    """Pores of 1e-8 conduct as insulating ones, and the result stays above theirs."""
    m = Microstructure(chi_square((24, 24, 24), 0.6), 1e-8)
    exact = effective_conductivity(m, {"solid": 1.0}, rtol=1e-9).effective_conductivity
    value = effective_conductivity(m, {"solid": 1.0, "pore": 1e-8}, rtol=1e-9)
    assert 0 < value.effective_conductivity / exact - 1 < 1e-6


def test_potential_gives_the_flux_and_honors_the_faces(chi_square) -> None:
    """The potential lies between 0 and 1, is NaN outside, and its flux is the conductivity."""
    labels = chi_square((16, 17, 18), 0.6)
    m = Microstructure(labels, (1e-8, 2e-8, 1e-8))
    for axis in range(3):
        result = effective_conductivity(
            m, {"solid": 2.0}, axis=axis, rtol=1e-10, keep_potential=True
        )
        u = result.potential
        assert u is not None
        assert u.shape == m.shape
        assert u.dtype == np.float32
        assert not u.flags.writeable
        assert np.nanmin(u) >= 0
        assert np.nanmax(u) <= 1
        assert np.isnan(u[labels == 0]).all()
        first = np.take(u, 0, axis=axis).astype(float)
        n = m.shape[axis]
        flux = 2.0 * 2 * np.nansum(1 - first) * n / first.size
        assert flux == pytest.approx(result.effective_conductivity, rel=1e-5)
        assert result.flux_imbalance < 1e-4


def test_too_few_iterations_raise_with_the_value_so_far(chi_square) -> None:
    """An unfinished result is an error that names the value and the tolerance."""
    m = Microstructure(chi_square((24, 24, 24), 0.4), 1e-8)
    with pytest.raises(ConvergenceError, match=r"reached 0\.\d+ S/m after 2 iterations"):
        effective_conductivity(m, {"solid": 1.0}, rtol=1e-6, max_iterations=2)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"solid": -1.0}, "negative|at least 0"),
        ({"solid": float("nan")}, "finite"),
        ({"solid": "high"}, "finite"),
        ({"solid": 0.0}, "No phase conducts"),
        ({}, "expected the conducting phases"),
        ({"binder": 1.0}, "no phase 'binder'"),
        ({7: 1.0}, "no phase 7"),
        ({"solid": 1.0, 1: 2.0}, "twice"),
    ],
)
def test_bad_conductivities_are_refused(given, words: str) -> None:
    """Each conductivity that can't be used is refused with the reason."""
    m = Microstructure(np.eye(3, dtype=np.uint8)[None].repeat(3, 0), 1e-8)
    with pytest.raises(InputError, match=words):
        effective_conductivity(m, given)


@pytest.mark.parametrize(
    "kwargs",
    [{"axis": 3}, {"sides": "open"}, {"rtol": 0.0}, {"rtol": np.nan}, {"max_iterations": 0}],
)
def test_bad_arguments_are_refused(kwargs) -> None:
    """Axis, sides, tolerance and iteration limit are checked."""
    m = Microstructure(np.ones((3, 3, 3), np.uint8), 1e-8)
    with pytest.raises(InputError, match=next(iter(kwargs))):
        effective_conductivity(m, {"solid": 1.0}, **kwargs)


def test_memory_is_asked_for_first(monkeypatch) -> None:
    """A structure that doesn't fit the budget is refused before anything is allocated."""
    monkeypatch.setenv("VMT_MEMORY_LIMIT", "1MiB")
    m = Microstructure(np.ones((64, 64, 64), np.uint8), 1e-8)
    with pytest.raises(MemoryBudgetError, match="64×64×64"):
        effective_conductivity(m, {"solid": 1.0})


def test_result_travels(chi_square) -> None:
    """A result survives pickling, becomes JSON with units in its keys, and draws itself."""
    m = Microstructure(chi_square((12, 12, 12), 0.6), 1e-8)
    result = effective_conductivity(m, {"solid": 1.0}, keep_potential=True)
    again = pickle.loads(pickle.dumps(result))
    assert isinstance(again, Conduction)
    assert again.to_dict() == result.to_dict()
    assert not again.potential.flags.writeable
    assert "effective_conductivity [S/m]" in json.loads(json.dumps(result.to_dict()))
    assert result.plot().images
    assert effective_conductivity(m, {"solid": 1.0}).plot().patches
    with pytest.raises(TypeError):
        result.conductivity["solid"] = 2.0


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 5, 4), (7, 1, 1), (6, 5, 1), (5, 1, 6), (2, 2, 2)]
)
@pytest.mark.parametrize("sides", ["closed", "periodic"])
def test_thin_boxes(shape, sides) -> None:
    """Boxes one voxel wide along any axis work, in both precisions: full, they conduct as σ."""
    m = Microstructure(np.ones(shape, np.uint8), 1e-8)
    for rtol in (1e-4, 1e-10):
        result = effective_conductivity(m, {"solid": 4.0}, sides=sides, rtol=rtol)
        assert result.effective_conductivity == pytest.approx(4.0, rel=1e-7)


def test_flat_voxels_do_not_leak_in_float32() -> None:
    """A long winding slot of voxels that aren't cubes keeps its current in float32.

    Every iterate is an upper bound. A float32 diagonal that is not the exact sum of its row leaks
    along the way and ends 7e-5 below the exact value.
    """
    labels = np.ones((400, 12, 24), np.uint8)
    for turn, i in enumerate(range(10, 390, 10)):
        labels[i] = 0
        labels[i, :, slice(21, 24) if turn % 2 else slice(0, 3)] = 1
    m = Microstructure(labels, (1.3e-8, 1.1e-8, 0.7e-8))
    fast = effective_conductivity(m, {"solid": 1.0}).effective_conductivity
    exact = effective_conductivity(m, {"solid": 1.0}, rtol=1e-11).effective_conductivity
    assert -1e-5 < fast / exact - 1 < 1e-4
