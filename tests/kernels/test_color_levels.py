"""One conducting phase in two colors: threads, the seam, and the bounds' fast passes."""

import numpy as np
import pytest
from scipy import ndimage

from vmt.kernels.multigrid import _color_hierarchy as colors
from vmt.kernels.multigrid import _dirichlet as dirichlet
from vmt.kernels.multigrid import _drain as drain
from vmt.kernels.multigrid import bracket, keep_percolating, solve_conduction
from vmt.kernels.multigrid._average import average_energy
from vmt.kernels.multigrid._color_hierarchy import ColorLevel, color_bytes
from vmt.kernels.multigrid._double_level import double_layer_fluxes
from vmt.kernels.multigrid._energy import Energy
from vmt.kernels.multigrid._single import iterate
from vmt.kernels.reference_transport import SparseLevel, conduction_direct

ONE = np.array([0.0, 1.0])
UNIT = (1.0, 1.0, 1.0)


def image(shape, seed: int = 0, *, smooth: float = 1.5, periodic: bool = False) -> np.ndarray:
    """Random set, about six tenths, its percolating part."""
    noise = np.random.default_rng(seed).standard_normal(shape)
    labels = (ndimage.gaussian_filter(noise, smooth, mode="wrap") > -0.05).astype(np.uint8)
    conducts = np.arange(256) > 0
    return keep_percolating(labels, conducts, periodic_y=periodic, periodic_z=periodic)[0]


@pytest.mark.parametrize("periodic", [False, True])
def test_same_bits_on_any_number_of_threads(monkeypatch, periodic: bool) -> None:
    """One, two and three threads give the same bits: conductivity, potential, fluxes."""
    kept = image((50, 24, 26), periodic=periodic)
    monkeypatch.setattr(colors, "_SHARED", 0)
    found = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(colors, "_threads", lambda threads=threads: threads)
        level = ColorLevel(kept, UNIT, periodic)
        assert len(level.chunks) == threads
        found.append(solve_conduction(kept, ONE, UNIT, periodic=periodic, rtol=1e-5))
    for other in found[1:]:
        assert other.history == found[0].history
        np.testing.assert_array_equal(other.deviation, found[0].deviation)
        np.testing.assert_array_equal(other.fluxes, found[0].fluxes)


@pytest.mark.parametrize("shape", [(20, 21, 22), (23, 19, 18)])
@pytest.mark.parametrize("periodic", [False, True])
def test_potential_is_kept_without_changing_the_conductivity(shape, periodic: bool) -> None:
    """With and without the potential the conductivity has the same bits."""
    kept = image(shape, 1, periodic=periodic)
    with_it, without = (
        solve_conduction(kept, ONE, UNIT, periodic=periodic, potential=p) for p in (True, False)
    )
    assert with_it.history == without.history
    assert without.deviation.size == 0
    np.testing.assert_array_equal(with_it.fluxes, without.fluxes)


def test_fluxes_of_sums_are_those_of_the_potential() -> None:
    """Fluxes from the residual's sums are those through the faces of the potential kept.

    The potential is a step ahead, so both are solved as far as float32 goes.
    """
    kept = image((24, 22, 26), 2)
    found = solve_conduction(kept, ONE, UNIT, rtol=1e-6)
    wall = np.array([0.0, 2.0])
    fluxes = double_layer_fluxes(found.deviation, kept, np.diag(0.5 * wall), wall) / (22 * 26)
    np.testing.assert_allclose(found.fluxes, fluxes, rtol=5e-3)
    assert np.ptp(fluxes) <= np.ptp(found.fluxes)


def test_another_level_fits_the_seam() -> None:
    """A sparse float64 level with another preconditioner gives the same conductivity."""
    kept = image((16, 14, 15), 3)
    exact, _ = conduction_direct(kept.astype(float), UNIT)
    unit = 1.0 / kept.size
    for made, rtol in ((SparseLevel(kept), 1e-8), (ColorLevel(kept, UNIT, False), 1e-5)):
        energy = Energy(unit * made.ramp_energy, rtol, None)
        end = iterate(made, energy, unit, lambda: None)
        assert energy.finished
        assert energy.history[-1] == pytest.approx(exact, rel=10 * rtol)
        fluxes = end.fluxes(energy.history[-1] / unit) / (14 * 15)
        np.testing.assert_allclose(fluxes, exact, rtol=0.1)


def corrected(x, kept, drawn, need, periodic: bool) -> list[np.ndarray]:
    """Fluxes (into, out of each voxel, per axis) with what voxels draw, written out slowly."""
    made = []
    x = x.astype(float)
    codes = [
        ((drain.BEFORE, drain.LATE_BEFORE), (drain.AFTER, drain.LATE_AFTER)),
        ((drain.ROW_BEFORE,), (drain.ROW_AFTER,)),
        ((drain.LEFT,), (drain.RIGHT,)),
    ]
    for axis, (before, after) in enumerate(codes):
        following = np.roll(np.arange(kept.shape[axis]), -1)
        both = (kept > 0) & (kept.take(following, axis) > 0)
        f = np.where(both, (axis == 0) + x.take(following, axis) - x, 0.0)
        draws = np.isin(drawn, before).take(following, axis)
        f += np.where(draws, need.take(following, axis), 0.0)
        f -= np.where(np.isin(drawn, after), need, 0.0)
        last = [slice(None)] * 3
        last[axis] = slice(-1, None)
        if axis == 0:
            out = kept[-1] * 2.0 * (0.5 - x[-1])
            f[-1] = out - np.where(drawn[-1] == drain.AFTER, need[-1], 0.0)
        elif not periodic:
            f[tuple(last)] = 0.0
        into = np.roll(f, 1, axis)
        if axis == 0:
            first = kept[0] * 2.0 * (0.5 + x[0])
            into[0] = first + np.where(drawn[0] == drain.BEFORE, need[0], 0.0)
        made += [into, f]
    return made


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("density", [0.45, 0.8])
def test_drained_flux_has_no_divergence_and_its_energy_is_counted(periodic, density) -> None:
    """Any potential's flux becomes free of divergence; current and energy equal the slow sums."""
    rng = np.random.default_rng(int(100 * density) + periodic)
    sites = (rng.random((12, 9, 10)) < density).astype(np.uint8)
    kept = keep_percolating(sites, np.arange(256) > 0, periodic_y=periodic, periodic_z=periodic)[0]
    assert kept.any()
    x = np.where(kept > 0, rng.normal(size=kept.shape), 0.0).astype(np.float32)
    need, drawn = np.empty(kept.shape), np.empty(kept.shape, np.uint8)
    order, first, last = np.empty(kept.size, np.int32), np.zeros(12, int), np.zeros(12, int)
    sides = (periodic, periodic)
    drain.drain_residual(x, kept, need, 1.0, 1.0, 1.0, 2.0, *sides)
    end, missing = drain.drain_directions(kept, drawn, order, first, last, *sides)
    assert missing == 0
    drain.drain_route(drawn, need, order, end, first, last)
    fluxes = corrected(x, kept, drawn, need, periodic)
    divergence = sum(fluxes[1::2]) - sum(fluxes[0::2])
    assert np.abs(divergence).max() < 1e-11
    current, energy = drain.drain_energy(
        x, kept, drawn, need, 1.0, 1.0, 1.0, 2.0, *(3 * (1 / 3,)), *sides
    )
    pairs = zip(fluxes[0::2], fluxes[1::2], strict=True)
    slow = sum((a * a + a * b + b * b).sum() for a, b in pairs) / 3
    assert energy == pytest.approx(slow, rel=1e-12)
    assert current == pytest.approx(fluxes[0][0].sum(), rel=1e-12)


@pytest.mark.parametrize("periodic", [False, True])
def test_averaged_energy_of_one_phase_is_the_general_one(periodic: bool) -> None:
    """Row by row in float32 nodes the energy is that of the kernel for any phases."""
    rng = np.random.default_rng(5)
    sites = (rng.random((11, 9, 12)) < 0.6).astype(np.uint8)
    x = np.where(sites > 0, rng.normal(size=sites.shape), 0.0).astype(np.float32)
    conductance = np.array([[0.0, 0.0, 0.0], [1.0, 0.7, 1.3]])
    general = dirichlet.averaged_energy(
        x, sites, ONE, conductance, dirichlet.GROUPS, dirichlet.GROUP_COUNT, periodic, periodic
    )
    several = (dirichlet.GROUP_COUNT > 1).astype(np.uint8)
    given = (0, 11, x, sites, dirichlet.GROUPS, several, 1.0, 0.7, 1.3, periodic, periodic)
    assert average_energy(*given) == pytest.approx(general, rel=1e-6)


def test_bounds_work_in_the_memory_of_the_solve() -> None:
    """In the memory that the solve leaves the bounds are those found in memory of their own."""
    kept = image((20, 18, 22), 4)
    found = solve_conduction(kept, ONE, UNIT)
    deviation = found.deviation.copy()
    apart = bracket(kept, ONE, UNIT, deviation)
    assert bracket(kept, ONE, UNIT, found.deviation, space=found.space) == apart
    np.testing.assert_array_equal(found.deviation, deviation)  # it is not worked in


def test_announced_bytes_of_large_images() -> None:
    """400³ and 800³ take at most 30 bytes a voxel, potential kept; 800³ below 16 GiB."""
    for n in (400, 800):
        assert color_bytes((n, n, n), potential=True) <= 30 * n**3
        assert color_bytes((n, n, n), potential=False) <= 20 * n**3
    assert color_bytes((800, 800, 800), potential=True) + 2 * 800**3 <= 16 * 2**30
