"""The certified bracket: it encloses, it closes, and it is the bracket it claims to be."""

import itertools

import numpy as np
import pytest

from vmt.errors import ConvergenceError, InputError, MemoryBudgetError
from vmt.kernels.multigrid import bracket, keep_percolating, solve_conduction
from vmt.kernels.reference_transport import bracket_direct
from vmt.microstructure import Microstructure
from vmt.transport import effective_conductivity, hashin_shtrikman_bounds, wiener_bounds

ONE = np.array([0.0, 1.0])


def trimmed(labels: np.ndarray, count: int = 2, *, periodic: bool = False) -> np.ndarray:
    """Voxels that carry current."""
    conducts = np.zeros(256, np.bool_)
    conducts[1:count] = True
    return keep_percolating(labels, conducts, periodic_y=periodic, periodic_z=periodic)[0]


def split(labels: np.ndarray, n: int) -> np.ndarray:
    """The same body in n³ times as many voxels."""
    return labels.repeat(n, 0).repeat(n, 1).repeat(n, 2)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize(
    "values", [[0.0, 1.0], [0.0, 1.0, 0.03], [2.0, 1.0, 50.0], [3.0, 0.0, 1.0]]
)
def test_bracket_is_that_of_direct_solves(periodic: bool, values: list[float]) -> None:
    """Lower and tight upper bound equal those of sparse direct solves on random labels."""
    rng = np.random.default_rng(len(values) + periodic)
    # random sites have many voxels that touch by edges and corners only
    labels = rng.choice(len(values), (6, 5, 4), p=None).astype(np.uint8)
    spacing = (1.0, 1.3, 0.6)
    sigma = np.array(values)
    number = np.array([0 if v == 0 else i + 1 for i, v in enumerate(values)], np.uint8)
    kept = trimmed(number[labels], len(values) + 1, periodic=periodic)
    table = np.array([0.0, *values])
    solution = solve_conduction(kept, table, spacing, periodic=periodic, rtol=1e-12)
    lower, upper = bracket(kept, table, spacing, solution.deviation, periodic=periodic, tight=True)
    cheap = bracket(kept, table, spacing, solution.deviation, periodic=periodic)[1]
    exact_lower, exact_upper = bracket_direct(
        np.where(kept > 0, table[kept], 0.0), spacing, periodic=periodic
    )
    assert sigma.max() >= exact_upper
    assert lower == pytest.approx(exact_lower, rel=1e-6)
    assert exact_upper * (1 - 1e-12) <= upper <= exact_upper + 0.05 * (exact_upper - exact_lower)
    assert exact_upper <= cheap
    assert solution.effective_conductivity <= lower * (1 + 1e-10)


@pytest.mark.parametrize(
    ("sides", "given"),
    [
        ("closed", {"solid": 1.0}),
        ("periodic", {"solid": 1.0}),
        ("closed", {"solid": 1.0, "pore": 0.02}),
        ("periodic", {"solid": (1.0, 0.3, 2.0), "pore": 1e-5}),
    ],
)
@pytest.mark.parametrize("bounds", ["cheap", "tight"])
def test_splitting_closes_the_bracket_from_inside(chi_square, sides, given, bounds) -> None:
    """FV ≤ lower ≤ the bounds of the same body in finer voxels ≤ upper; the gap shrinks."""
    labels = chi_square((16, 14, 15), 0.5, rate=0.12, seed=2)
    spacing = (1e-8, 1.4e-8, 0.9e-8)
    results = [
        effective_conductivity(
            Microstructure(split(labels, n), tuple(d / n for d in spacing)),
            given,
            sides=sides,
            bounds=bounds,
            rtol=1e-7,
        )
        for n in (1, 2, 3)
    ]
    gaps = [r.upper_bound - r.lower_bound for r in results]
    assert gaps[0] > 1.5 * gaps[1] > 1.5 * 1.2 * gaps[2] > 0
    for coarse, fine in itertools.pairwise(results):
        assert coarse.effective_conductivity < coarse.lower_bound < fine.lower_bound
        assert fine.upper_bound < coarse.upper_bound
        assert fine.effective_conductivity < fine.lower_bound
    # the midpoint of the raw voxels beats the value on voxels a third as large
    middle = results[-1].estimate
    assert abs(results[0].estimate / middle - 1) < abs(
        results[-1].effective_conductivity / middle - 1
    )


@pytest.mark.parametrize("tight", [False, True])
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("values", [ONE, np.array([0.0, 1.0, 1e-3])])
def test_bracket_encloses_after_one_two_or_three_iterations(
    chi_square, tight, periodic, values
) -> None:
    """The bracket from an unfinished solve encloses that of a much better one."""
    base = chi_square((24, 22, 23), 0.4, seed=5)
    labels = trimmed(base + (values.size - 2), values.size, periodic=periodic)
    spacing = (1.0, 1.0, 1.5)

    def bounds(limit: int | None) -> tuple[float, float]:
        solution = solve_conduction(
            labels, values, spacing, periodic=periodic, rtol=1e-9, max_iterations=limit
        )
        assert solution.finished == (limit is None)
        return bracket(labels, values, spacing, solution.deviation, periodic=periodic, tight=tight)

    final = bounds(None)
    for count in (1, 2, 3):
        lower, upper = bounds(count)
        assert 0 < lower <= final[0] * (1 + 1e-3)
        assert final[1] * (1 - 1e-3) <= upper
        assert lower < upper


def test_bracket_encloses_for_any_potential(chi_square) -> None:
    """Even a random potential gives a bracket, if a wide one: nothing is asked of the solver."""
    labels = trimmed(chi_square((14, 15, 16), 0.5))
    solution = solve_conduction(labels, ONE, (1.0, 1.0, 1.0), rtol=1e-9)
    inner = bracket(labels, ONE, (1.0, 1.0, 1.0), solution.deviation, tight=True)
    for seed in range(3):
        noise = np.random.default_rng(seed).normal(size=labels.shape)
        lower, upper = bracket(labels, ONE, (1.0, 1.0, 1.0), noise * (labels > 0))
        assert lower < inner[0]
        assert upper > inner[1]


def test_unconserved_flux_would_overshoot(chi_square) -> None:
    """Without the repair, fluxes of an unfinished solve can promise more than there is.

    A ramp with the deviation of one iteration only: its energy over the square of the current
    through one face, taken as it is, lies above the upper bound of the finished solve.
    """
    labels = np.zeros((24, 8, 8), np.uint8)
    labels[:, :4] = 1
    labels[11:13, :3] = 0  # a bottleneck that the ramp knows nothing of
    result = solve_conduction(labels, ONE, (1.0, 1.0, 1.0), rtol=1e-9)
    lower, upper = bracket(labels, ONE, (1.0, 1.0, 1.0), result.deviation)
    ramp = np.zeros(labels.shape)
    naive = labels.mean()  # flux of the ramp, one through every face of the first plane
    assert naive > upper
    repaired, _ = bracket(labels, ONE, (1.0, 1.0, 1.0), ramp)
    assert repaired <= lower


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_layers_and_channels_have_no_gap(axis: int) -> None:
    """Where seven points are exact (layers, straight channels), both bounds are the value."""
    profile = np.array([0, 0, 1, 1, 1, 2, 1, 1, 1], np.uint8)
    place = [1, 1, 1]
    place[axis] = -1
    labels = np.broadcast_to(profile.reshape(place), (9, 9, 9)).copy()
    m = Microstructure(labels, (1e-8, 2e-8, 3e-8), {"a": 0, "b": 1, "c": 2})
    given = {"a": 2.0, "b": 0.3, "c": 40.0}
    across = effective_conductivity(m, given, axis=axis, rtol=1e-11)
    exact = 1 / sum(m.volume_fraction(p) / s for p, s in given.items())
    assert across.lower_bound == pytest.approx(exact, rel=1e-9)
    parallel = effective_conductivity(m, given, axis=(axis + 1) % 3, rtol=1e-11)
    exact = sum(m.volume_fraction(p) * s for p, s in given.items())
    assert parallel.lower_bound == pytest.approx(exact, rel=1e-9)
    assert parallel.upper_bound == pytest.approx(exact, rel=1e-9)
    # the mean at a node between two layers, weighted by conductivity, is the exact potential
    assert across.upper_bound == pytest.approx(across.lower_bound, rel=1e-9)


def test_voxels_that_touch_by_an_edge_do_not_conduct() -> None:
    """A node where voxels touch by an edge only has one potential for each of them."""
    labels = np.zeros((8, 4, 4), np.uint8)
    labels[:, :2, :2] = 1
    labels[:, 2:, 2:] = 1  # touches the first channel along an edge
    labels[4:, 2:, 2:] = 0
    labels[3, 2:, 1:3] = 1
    labels[3, 1, 1:3] = 1
    m = Microstructure(labels, 1e-8)
    channel = np.zeros_like(labels)
    channel[:, :2, :2] = 1
    plain = effective_conductivity(Microstructure(channel, 1e-8), {"solid": 1.0}, rtol=1e-9)
    assert plain.upper_bound == pytest.approx(0.25, rel=1e-9)
    full = effective_conductivity(m, {"solid": 1.0}, rtol=1e-9)
    assert 0.25 < full.lower_bound < full.upper_bound
    two = np.zeros_like(labels)
    two[:, :2, :2] = 1
    two[:, 2:, 2:] = 1
    twice = effective_conductivity(Microstructure(two, 1e-8), {"solid": 1.0}, rtol=1e-9)
    assert twice.upper_bound == pytest.approx(0.5, rel=1e-9)


def test_bracket_keeps_wiener_and_hashin_shtrikman(chi_square) -> None:
    """The bracket lies within the bounds of volume fractions (large and isotropic: the narrow)."""
    for fraction in (0.3, 0.7):
        m = Microstructure(chi_square((40, 40, 40), fraction, rate=0.2), 1e-8)
        shares = [m.volume_fraction("pore"), m.volume_fraction("solid")]
        result = effective_conductivity(m, {"pore": 1.0, "solid": 20.0})
        low, high = wiener_bounds(shares, [1.0, 20.0])
        assert low < result.lower_bound <= result.upper_bound < high
        low, high = hashin_shtrikman_bounds(shares, [1.0, 20.0])
        assert low < result.lower_bound <= result.upper_bound < high


def test_stopped_solve_raises_with_its_bracket(chi_square) -> None:
    """A solve that ends too early raises, and the error carries bounds that hold."""
    m = Microstructure(chi_square((24, 24, 24), 0.4), 1e-8)
    result = effective_conductivity(m, {"solid": 1.0}, rtol=1e-8)
    with pytest.raises(ConvergenceError, match="It lies between") as caught:
        effective_conductivity(m, {"solid": 1.0}, rtol=1e-6, max_iterations=2)
    lower, upper = caught.value.bracket
    assert 0.8 * result.lower_bound < lower <= result.lower_bound
    assert upper < 1.2 * result.upper_bound
    with pytest.raises(ConvergenceError) as caught:
        effective_conductivity(m, {"solid": 1.0}, rtol=1e-6, max_iterations=2, bounds="none")
    assert caught.value.bracket is None


def test_bounds_are_an_option_and_no_path_has_none(chi_square, monkeypatch) -> None:
    """Without bounds there are None; without a path both are 0; too tight for memory is said."""
    m = Microstructure(chi_square((16, 16, 16), 0.5), 1e-8)
    plain = effective_conductivity(m, {"solid": 1.0}, bounds="none")
    assert plain.lower_bound is None
    assert plain.estimate is None
    blocked = m.labels.copy()
    blocked[8] = 0
    result = effective_conductivity(m.with_labels(blocked), {"solid": 1.0})
    assert (result.lower_bound, result.upper_bound, result.estimate) == (0.0, 0.0, 0.0)
    with pytest.raises(InputError, match="bounds"):
        effective_conductivity(m, {"solid": 1.0}, bounds="best")
    m = Microstructure(np.ones((64, 64, 64), np.uint8), 1e-8)
    monkeypatch.setenv("VMT_MEMORY_LIMIT", "20MiB")
    effective_conductivity(m, {"solid": 1.0})
    with pytest.raises(MemoryBudgetError, match="tight"):
        effective_conductivity(m, {"solid": 1.0}, bounds="tight")


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 5, 4), (7, 1, 1), (6, 5, 1), (5, 1, 6), (2, 2, 2)]
)
@pytest.mark.parametrize("sides", ["closed", "periodic"])
@pytest.mark.parametrize("bounds", ["cheap", "tight"])
def test_thin_boxes_have_no_gap(shape, sides, bounds) -> None:
    """Full boxes of any thinness conduct as their phase, by both bounds."""
    m = Microstructure(np.ones(shape, np.uint8), (1e-8, 2e-8, 3e-8))
    result = effective_conductivity(m, {"solid": 4.0}, sides=sides, bounds=bounds)
    assert result.lower_bound == pytest.approx(4.0, rel=1e-7)
    assert result.upper_bound == pytest.approx(4.0, rel=1e-7)
