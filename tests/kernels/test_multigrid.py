"""The multigrid kernels against their slow twins and against theory."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from vmt.kernels import reference_transport
from vmt.kernels.multigrid import keep_percolating, solve_conduction
from vmt.kernels.multigrid._color_hierarchy import ColorLevel
from vmt.kernels.multigrid._color_hierarchy import dense_matrix as color_matrix
from vmt.kernels.multigrid._double_level import label_faces
from vmt.kernels.multigrid._graph_level import star_aggregates
from vmt.kernels.multigrid._hierarchy import (
    FloatLevel,
    Geometry,
    dense_matrix,
)
from vmt.kernels.multigrid._solve import face_tables
from vmt.kernels.multigrid._strong import Graph, StrongLevel
from vmt.kernels.reference_transport import conduction_direct, percolating_mask

UNIT = (1.0, 1.0, 1.0)
SHAPES = [(9, 8, 7), (8, 9, 10), (5, 12, 1), (6, 1, 9), (1, 7, 6), (12, 2, 3), (3, 3, 2)]


def random_labels(shape, phases: int, seed: int, smooth: float = 1.0) -> np.ndarray:
    """Labels 0 (outside), 1, ..., `phases` by quantiles of a smoothed noise."""
    noise = ndimage.gaussian_filter(
        np.random.default_rng(seed).standard_normal(shape), smooth, mode="wrap"
    )
    cuts = np.quantile(noise, 0.35 + 0.65 * np.arange(phases) / phases)
    return np.searchsorted(cuts, noise, side="right").astype(np.uint8)


def kept_of(labels: np.ndarray, periodic: bool) -> np.ndarray:
    conducts = np.arange(256) > 0
    return keep_percolating(labels, conducts, periodic_y=periodic, periodic_z=periodic)[0]


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("shape", [*SHAPES, (13, 14, 15)])
def test_percolation_filter_is_labeling(shape, periodic: bool) -> None:
    """The run-based union-find keeps what scipy's labeling says touches both faces."""
    rng = np.random.default_rng(5)
    for density in (0.3, 0.4, 0.6):
        labels = (rng.random(shape) < density) * rng.integers(1, 3, shape).astype(np.uint8)
        conducts = np.zeros(256, bool)
        conducts[1:3] = True
        kept, dropped = keep_percolating(labels, conducts, periodic_y=periodic, periodic_z=periodic)
        expected = percolating_mask(labels > 0, periodic_y=periodic, periodic_z=periodic)
        np.testing.assert_array_equal(kept, np.where(expected, labels, 0))
        assert dropped == np.count_nonzero(labels) - np.count_nonzero(expected)


@pytest.mark.parametrize("rtol", [1e-5, 1e-9])
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_one_phase_is_the_direct_solve(shape, periodic: bool, rtol: float) -> None:
    """Random structures of one phase agree with the sparse direct solve to the tolerance."""
    for seed in range(4):
        kept = kept_of(random_labels(shape, 1, seed), periodic)
        if not kept.any():
            continue
        spacing = (1.0, 1.4, 0.6)
        exact, potential = conduction_direct(2.0 * kept, spacing, periodic=periodic)
        found = solve_conduction(kept, np.array([0.0, 2.0]), spacing, periodic=periodic, rtol=rtol)
        assert abs(found.effective_conductivity / exact - 1) < max(rtol, 3e-7 if rtol > 1e-6 else 0)
        nx = shape[0]
        ramp = (np.arange(nx) + 0.5)[:, None, None]
        u = 1 - (ramp + found.deviation) / nx
        assert np.abs((u - potential)[kept > 0]).max() < 3 * np.sqrt(rtol)


@pytest.mark.parametrize("contrast", [1e2, 1e5, 1e8])
@pytest.mark.parametrize("periodic", [False, True])
def test_many_phases_agree_with_the_direct_solve_to_six_digits(periodic, contrast) -> None:
    """Three phases up to a contrast of 1e8, islands of the best conductor among them."""
    for seed, shape in enumerate([(12, 11, 10), (10, 13, 9), (16, 8, 8)]):
        kept = kept_of(random_labels(shape, 3, seed), periodic)
        sigma = np.array([0.0, 1.0, contrast**-0.5, contrast**0.5])
        exact, _ = conduction_direct(sigma[kept], UNIT, periodic=periodic)
        found = solve_conduction(kept, sigma, UNIT, periodic=periodic, rtol=1e-8)
        assert found.effective_conductivity == pytest.approx(exact, rel=1e-6)


def test_stopping_error_is_the_tolerance() -> None:
    """The true error stays below rtol on a set of random structures: the estimate can be used."""
    for seed in range(12):
        kept = kept_of(random_labels((20, 18, 22), 1, seed, 1.5), False)
        if not kept.any():
            continue
        exact = solve_conduction(kept, np.array([0.0, 1.0]), UNIT, rtol=1e-11)
        for rtol in (1e-2, 1e-3, 1e-4, 1e-5):
            found = solve_conduction(kept, np.array([0.0, 1.0]), UNIT, rtol=rtol)
            error = found.effective_conductivity / exact.effective_conductivity - 1
            assert -1e-6 < error <= rtol
            assert found.error_estimate <= rtol


def test_every_iterate_is_an_upper_bound_and_they_fall() -> None:
    """The energy falls from the ramp's to the minimum, step by step (Dirichlet's principle)."""
    kept = kept_of(random_labels((20, 21, 22), 1, 3), False)
    found = solve_conduction(kept, np.array([0.0, 1.0]), UNIT, rtol=1e-11)
    assert (np.diff(found.history) <= 0).all()
    exact, _ = conduction_direct(kept.astype(float), UNIT)
    assert min(found.history) >= exact * (1 - 1e-9)


def test_energy_and_flux_give_the_same_conductivity() -> None:
    """Two routes to one number: the energy, and the flux through each plane of faces."""
    for phases in (1, 3):
        kept = kept_of(random_labels((15, 16, 17), phases, 1), False)
        sigma = np.array([0.0, 1.0, 0.1, 10.0])[: phases + 1]
        found = solve_conduction(kept, sigma, UNIT, rtol=1e-12)
        np.testing.assert_allclose(found.fluxes, found.effective_conductivity, rtol=2e-5)
        # first order in the error, where the energy is second
        rough = solve_conduction(kept, sigma, UNIT, rtol=1e-3)
        assert np.ptp(rough.fluxes) > np.ptp(found.fluxes)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_coarse_matrix_is_the_galerkin_product(shape, periodic: bool) -> None:
    """Coarse conductances are PᵀAP, halved along coarsened axes, from bytes and from floats."""
    labels = random_labels(shape, 1, 7)
    if labels.shape[0] == 1:
        labels[:] = 1
    g = Geometry(shape, periodic)
    weights = (1.0, 1.0, 1.0)
    tables = face_tables(np.array([0.0, 1.0]), weights)
    level = FloatLevel(g)
    label_faces(
        labels, level.cx, level.cy, level.cz, level.g0, level.g1, *tables,
        g.periodic_y, g.periodic_z,
    )  # fmt: skip
    level.finish()
    fine = dense_matrix(level)
    empty = labels.ravel() == 0
    fine[empty, empty] = 0.0
    aggregate = np.ravel_multi_index(
        tuple(a.ravel() // 2 for a in np.indices(shape)), g.coarse.shape
    )
    transfer = np.zeros((labels.size, int(np.prod(g.coarse.shape))))
    transfer[np.arange(labels.size), aggregate] = 1.0
    galerkin = transfer.T @ fine @ transfer
    coarse = dense_matrix(level.coarsen())
    counted = color_matrix(ColorLevel(labels, weights, periodic).levels[0])
    np.testing.assert_allclose(counted, coarse, rtol=1e-6)
    coarse[np.diag_indices_from(coarse)] *= np.diag(galerkin) > 0
    if all(n > 1 for n in shape):
        np.testing.assert_allclose(coarse, 0.5 * galerkin, atol=1e-5)
    else:  # an axis of one cell is not coarsened: its links, the electrodes', keep their size
        assert np.linalg.eigvalsh(galerkin - coarse).min() > -1e-5


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("shape", [(9, 8, 7), (8, 9, 10), (11, 2, 5)])
def test_cycle_is_symmetric_and_positive(shape, periodic: bool) -> None:
    """The two-grid preconditioner B is symmetric and positive, as conjugate gradients need."""
    labels = kept_of((np.random.default_rng(11).random(shape) < 0.8).astype(np.uint8), periodic)
    level = ColorLevel(labels, (1.0, 1.0, 1.0), periodic)
    assert len(level.levels) == 1  # two grids: the coarse solve is exact, the cycle linear
    number = np.full(labels.shape, -1)
    number[labels > 0] = np.arange(np.count_nonzero(labels))
    place = np.full(level.r.shape, -1)
    i, j, k = np.indices(shape)
    part = ((j >> 1) + 1) * level.geometry.pitch + (k >> 1)
    place[i + 1, 2 * (j & 1) + (k & 1), part] = number
    order = np.argsort(place[place >= 0])
    made = np.zeros((order.size, order.size))
    for column in range(order.size):
        level.r[:] = place == column
        level.precondition(None)
        made[:, column] = level.z[place >= 0][order]
    np.testing.assert_allclose(made, made.T, atol=2e-5)
    assert np.linalg.eigvalsh((made + made.T) / 2).min() > 0


@pytest.mark.parametrize("phases", [1, 2])
def test_iterations_do_not_grow_with_the_size(phases: int) -> None:
    """Four times the edge takes at most one iteration more."""
    counts = []
    for n in (20, 80):
        kept = kept_of(random_labels((n, n, n), phases, 2, 3.0), True)
        sigma = np.array([0.0, 1.0, 5.0])[: phases + 1]
        counts.append(solve_conduction(kept, sigma, UNIT, periodic=True, rtol=1e-5).iterations)
    assert counts[1] <= counts[0] + 1


@pytest.mark.slow
def test_iterations_do_not_grow_up_to_200() -> None:
    """50³, 100³ and 200³ take the same number of iterations, within one."""
    counts = []
    for n in (50, 100, 200):
        kept = kept_of(random_labels((n, n, n), 1, 2, 4.0), False)
        counts.append(solve_conduction(kept, np.array([0.0, 1.0]), UNIT, rtol=1e-4).iterations)
    assert max(counts) - min(counts) <= 1


def test_same_bits_every_time() -> None:
    """Two solves of one structure give the same bits, potential included."""
    kept = kept_of(random_labels((30, 31, 32), 1, 4, 2.0), False)
    a, b = (solve_conduction(kept, np.array([0.0, 1.0]), UNIT) for _ in range(2))
    assert a.effective_conductivity == b.effective_conductivity
    np.testing.assert_array_equal(a.deviation, b.deviation)


def test_thin_walls_with_pinholes_converge() -> None:
    """Walls of one voxel with pinholes: many iterations for these aggregates, the right value."""
    labels = np.ones((16, 16, 16), np.uint8)
    rng = np.random.default_rng(0)
    for i in (3, 7, 11):
        labels[i] = 0
        labels[i, rng.integers(16), rng.integers(16)] = 1
    exact, _ = conduction_direct(labels.astype(float), UNIT)
    found = solve_conduction(labels, np.array([0.0, 1.0]), UNIT, rtol=1e-6)
    assert found.effective_conductivity == pytest.approx(exact, rel=2e-6)


def adversarial(n: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Structures on which blocks of 2×2×2 need up to hundreds of iterations."""
    rng = np.random.default_rng(0)
    made = {}
    walls = np.ones((n, n, n), np.uint8)
    for i in range(4, n - 2, 8):
        walls[i] = 0
        walls[i, rng.integers(n, size=3), rng.integers(n, size=3)] = 1
    made["walls with pinholes"] = walls, np.array([0.0, 1.0])
    slot = np.ones((n, n, n), np.uint8)
    for turn, i in enumerate(range(3, n - 2, 6)):
        slot[i] = 0
        slot[i, :, slice(0, 3) if turn % 2 else slice(n - 3, n)] = 1
    made["serpentine"] = slot, np.array([0.0, 1.0])
    for density in (0.34, 0.36):
        sites = (rng.random((n, n, n)) < density).astype(np.uint8)
        made[f"sites at {density}"] = sites, np.array([0.0, 1.0])
    noise = ndimage.gaussian_filter(rng.standard_normal((n, n, n)), 2, mode="wrap")
    islands = 1 + np.searchsorted(np.quantile(noise, [0.5, 0.85]), noise).astype(np.uint8)
    made["islands, contrast 1e5"] = islands, np.array([0.0, 1e-2, 1.0, 1e3])
    salt = 1 + (rng.random((n, n, n)) < 0.25).astype(np.uint8)
    made["grains, contrast 1e5"] = salt, np.array([0.0, 1.0, 1e5])
    return made


@pytest.mark.parametrize("name", list(adversarial(16)))
def test_hard_structures_stay_cheap(name: str) -> None:
    """Thin walls, near-percolation and islands take at most 30 iterations to 1e-6, and are right.

    Up to eight of them are spent on blocks before the strength-aware hierarchy takes over.
    """
    labels, sigma = adversarial(40)[name]
    kept = kept_of(labels, False)
    assert kept.any()
    called = []
    found = solve_conduction(kept, sigma, UNIT, rtol=1e-6, on_fallback=called.append)
    assert found.iterations <= 30
    assert all(count > 20 * labels.size for count in called)
    tight = solve_conduction(kept, sigma, UNIT, rtol=1e-11)
    assert 0 <= found.effective_conductivity / tight.effective_conductivity - 1 < 2e-6
    np.testing.assert_allclose(tight.fluxes, tight.effective_conductivity, rtol=1e-4)


def test_links_given_twice_are_summed() -> None:
    """A pair given twice, in either direction, is one link; a link to itself is none."""
    rows, columns = np.array([0, 1, 1, 2], np.int32), np.array([1, 0, 2, 2], np.int32)
    weights = np.array([1.0, 2.0, 4.0, 8.0], np.float32)
    graph = Graph.of_links(rows, columns, weights, np.array([0.5, 0.0, 0.0]))
    expected = [[3.5, -3.0, 0.0], [-3.0, 7.0, -4.0], [0.0, -4.0, 4.0]]
    np.testing.assert_array_equal(graph.dense(), expected)
    assert graph.index.size == 4


def near_threshold(n: int, density: float, seed: int) -> np.ndarray:
    """Sites kept at random, the part that percolates."""
    sites = np.random.default_rng(seed).random((n, n, n)) < density
    return kept_of(sites.astype(np.uint8), False)


FALLBACK_MEMORY = """
import sys
import numpy as np
from tests.kernels.test_multigrid import adversarial, kept_of, near_threshold
from tests.kernels.test_multigrid import solve_conduction, UNIT
def line(key):
    with open("/proc/self/status") as status:
        return next(int(s.split()[1]) for s in status if s.startswith(key)) * 1024
name, n = sys.argv[1], int(sys.argv[2])
def case(size):
    if name.startswith("sites"):
        return near_threshold(size, float(name[-4:]), 1), np.array([0.0, 1.0])
    labels, sigma = adversarial(size)[name]
    return kept_of(labels, False), sigma
labels, sigma = case(32)
solve_conduction(labels, sigma, UNIT, rtol=1e-6)
labels, sigma = case(n)
before, called = line("VmRSS"), []
found = solve_conduction(labels, sigma, UNIT, rtol=1e-6, on_fallback=called.append)
print(found.iterations, (line("VmHWM") - before) / n**3, max(called) / n**3)
"""
HARD = [
    "walls with pinholes", "serpentine", "sites at 0.33", "sites at 0.36",
    "islands, contrast 1e5", "grains, contrast 1e5",
]  # fmt: skip


def run_hard(name: str, n: int) -> tuple[float, float, float]:
    """Iterations, bytes per voxel used and announced, measured in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", FALLBACK_MEMORY, name, str(n)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
        timeout=600,
    )
    iterations, used, announced = map(float, done.stdout.split())
    return iterations, used, announced


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads the peak from /proc")
@pytest.mark.parametrize(
    ("name", "n"),
    [
        ("grains, contrast 1e5", 56),
        *(pytest.param(name, 100, marks=pytest.mark.slow) for name in HARD),
    ],
)
def test_fallback_iterations_and_memory(name: str, n: int) -> None:
    """Hard structures to 1e-6: at most 20 iterations and 110 bytes per voxel, all announced."""
    iterations, used, announced = run_hard(name, n)
    assert iterations <= 20
    if n >= 100:
        assert used <= 110
        assert used <= 1.03 * announced
    assert announced <= 130


def test_many_aggregates_are_announced_before_they_are_linked() -> None:
    """Where strong contrast leaves many aggregates, the larger need is heard a second time."""
    rng = np.random.default_rng(3)
    labels = rng.integers(1, 9, (24, 24, 24)).astype(np.uint8)
    sigma = np.concatenate([[0.0], 10.0 ** np.arange(8)])
    called: list[int] = []
    solve_conduction(labels, sigma, UNIT, rtol=1e-4, on_fallback=called.append)
    assert len(called) == 2
    assert called[1] > called[0]


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("name", list(adversarial(16)))
def test_hard_structures_agree_with_the_direct_solve(name: str, periodic: bool) -> None:
    """The same at 14³, through the fallback and closed or periodic sides, to 1e-8."""
    labels, sigma = adversarial(14)[name]
    kept = kept_of(labels, periodic)
    if not kept.any():
        return
    exact, _ = conduction_direct(sigma[kept], UNIT, periodic=periodic)
    found = solve_conduction(kept, sigma, UNIT, periodic=periodic, rtol=1e-10)
    assert found.effective_conductivity == pytest.approx(exact, rel=1e-8)


def test_fallback_can_be_refused() -> None:
    """What the caller raises before the fallback is built ends the solve."""
    labels, sigma = adversarial(32)["grains, contrast 1e5"]

    def refuse(count: int) -> None:
        raise MemoryError("no")

    with pytest.raises(MemoryError):
        solve_conduction(labels, sigma, UNIT, rtol=1e-8, on_fallback=refuse)


def test_stars_are_the_slow_rule() -> None:
    """Star aggregates of random graphs equal those of the rule written out."""
    rng = np.random.default_rng(0)
    for size in (5, 30, 80):
        links = np.where(rng.random((size, size)) < 4 / size, rng.random((size, size)) ** 4, 0.0)
        links = np.triu(links, 1).astype(np.float32)
        rows, columns = (a.astype(np.int32) for a in np.nonzero(links))
        graph = Graph.of_links(rows, columns, links[rows, columns], np.full(size, 0.01))
        made = np.empty(size, np.int32)
        count = star_aggregates(*graph.arrays, 0.06, made)
        dense = (links + links.T).astype(np.float64)
        expected = reference_transport.star_aggregates(
            dense, graph.diagonal.astype(np.float64), 0.06
        )
        assert made.tolist() == expected
        assert count == max(expected) + 1


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("shape", [(9, 8, 7), (6, 5, 10), (5, 6, 1)])
def test_strong_aggregates_are_galerkin_and_do_not_cross_walls(shape, periodic: bool) -> None:
    """The first graph is PᵀAP of its aggregates, each connected and inside one 2×2×2 block."""
    labels = random_labels(shape, 2, 9)
    g = Geometry(shape, periodic)
    level = FloatLevel(g)
    label_faces(
        labels, level.cx, level.cy, level.cz, level.g0, level.g1,
        *face_tables(np.array([0.0, 1.0, 1e4]), UNIT), g.periodic_y, g.periodic_z,
    )  # fmt: skip
    level.finish()
    strong = StrongLevel(level)
    i, j, k = (a.ravel() for a in np.indices(shape))
    aggregate = strong.aggregate[i + 1, j + 1, k & 1, (k >> 1) + 1]
    inside = aggregate >= 0
    block = np.stack([i // 2, j // 2, k // 2])
    for number in range(aggregate.max() + 1):
        members = aggregate == number
        assert len(np.unique(block[:, members], axis=1).T) == 1
        part = members.reshape(shape)
        assert ndimage.label(part)[1] == 1
    transfer = np.zeros((labels.size, aggregate.max() + 1))
    transfer[np.flatnonzero(inside), aggregate[inside]] = 1.0
    galerkin = transfer.T @ dense_matrix(level) @ transfer
    first = strong.coarse.levels[0].dense()
    np.testing.assert_allclose(first, galerkin, rtol=1e-4, atol=1e-3)


def test_tolerance_is_kept_on_random_phases_contrasts_and_voxels() -> None:
    """Up to three phases, contrasts to 1e8, flat voxels, both sides: the error is below rtol."""
    rng = np.random.default_rng(7)
    checked = 0
    for trial in range(80):
        shape = tuple(int(v) for v in rng.integers(4, 13, 3))
        phases, periodic = int(rng.integers(1, 4)), bool(rng.integers(2))
        labels = random_labels(shape, phases, trial, float(rng.choice([0.3, 0.6, 1.0, 2.0])))
        kept = kept_of(labels, periodic)
        sigma = np.concatenate([[0.0], 10 ** rng.uniform(-4, 4, phases)])
        spacing = tuple(float(v) for v in rng.uniform(0.4, 2.5, 3))
        if not kept.any():
            continue
        exact, _ = conduction_direct(sigma[kept], spacing, periodic=periodic)
        for rtol in (1e-3, 1e-5, 1e-7):
            found = solve_conduction(kept, sigma, spacing, periodic=periodic, rtol=rtol)
            assert abs(found.effective_conductivity / exact - 1) <= rtol
            checked += 1
    assert checked > 150
