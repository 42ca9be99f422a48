"""Finite elements: closed forms, the mesh, and what they say of the finite volumes."""

import numpy as np
import pytest
from scipy import ndimage

from vmt.errors import InputError, MemoryBudgetError
from vmt.microstructure import LevelSet, Microstructure
from vmt.models import ChiSquareExcursionSet, Covariance
from vmt.transport import effective_conductivity, finite_element_conductivity
from vmt.transport._fem import _adapted, _Cells

EXACT = 0.60566  # simple cubic spheres of volume fraction 0.3, insulating


def spheres(cells: int, fraction: float = 0.3) -> LevelSet:
    x = np.arange(cells + 1) / cells - 0.5
    radius = (3 * fraction / (4 * np.pi)) ** (1 / 3)
    return LevelSet(np.sqrt(x[:, None, None] ** 2 + x[:, None] ** 2 + x**2) - radius, 1 / cells)


def chi_square(shape: tuple[int, int, int], seed: int, fraction: float = 0.6) -> LevelSet:
    model = ChiSquareExcursionSet(Covariance.gaussian(rate=2e7), fraction)
    return model.sample_level_set(shape, 10e-9, rng=seed)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slabs_conduct_as_their_share(axis: int) -> None:
    """Voxels in parallel are exact, for any axis and edges of three lengths."""
    labels = np.zeros((6, 7, 8), np.uint8)
    across = (axis + 1) % 3
    labels[tuple(slice(0, 4) if a == across else slice(None) for a in range(3))] = 1
    m = Microstructure(labels, (1e-8, 2e-8, 3e-8))
    found = effective_conductivity(m, {"solid": 2.0}, axis=axis, discretization="fem")
    assert found.effective_conductivity == pytest.approx(2 * m.volume_fraction("solid"), rel=1e-7)
    assert found.discretization == "fem"
    assert found.flux_imbalance < 1e-6


@pytest.mark.parametrize("refinements", [0, 1, 2])
def test_refined_slabs_are_exact(refinements: int) -> None:
    """A wall at a quarter of a cell is exact once the cells there are quarters."""
    y = np.arange(9.0)[:, None]
    slab = LevelSet(np.broadcast_to(y - 3.25, (7, 9, 6)), 1e-8)
    found = finite_element_conductivity(slab, "solid", refinements=refinements)
    expected = {0: 3.0, 1: 3.5, 2: 3.25}[refinements] / 8
    assert found.m_factor == pytest.approx(expected, rel=1e-7)
    other = finite_element_conductivity(slab, "pore", refinements=refinements)
    assert other.m_factor == pytest.approx(1 - expected if refinements != 1 else 5 / 8, rel=1e-7)


@pytest.mark.parametrize("refinements", [1, 2])
def test_hanging_nodes_take_linear_functions_exactly(refinements: int) -> None:
    """Constraints reproduce every linear function, and cells meet with at most one step in size."""
    cells = _adapted(spheres(10).values, refinements)
    bind = cells.constraints()
    free = np.diff(bind.indptr) == 1
    assert 0 < np.count_nonzero(~free) < free.size / 2
    for coordinate in cells.place:
        rows = np.flatnonzero(free)
        masters = np.zeros(bind.shape[1])
        masters[bind.indices[bind.indptr[rows]]] = coordinate[rows]
        np.testing.assert_allclose(bind @ masters, coordinate, atol=1e-12)
    np.testing.assert_allclose(bind @ np.ones(bind.shape[1]), 1.0)
    assert bind.data.min() > 0
    size = np.zeros(cells.shape, int)
    for corner, edge in zip(cells.corner, cells.edge, strict=True):
        size[tuple(slice(c, c + edge) for c in corner)] += edge
    assert set(np.unique(size)) <= {0, *(2**n for n in range(refinements + 1))}  # no overlap
    largest = ndimage.maximum_filter(size, 3)
    smallest = ndimage.minimum_filter(np.where(size > 0, size, 99), 3)
    assert np.all((largest <= 2 * smallest)[size > 0])


def test_a_graded_cube_is_uniform() -> None:
    """A box filled by cells of two sizes with hanging nodes conducts as a box."""
    coarse = [(0, j, k) for j in (0, 2) for k in (0, 2)]
    fine = [(2 + i, j, k) for i in (0, 1) for j in range(4) for k in range(4)]
    edges = np.array([2] * len(coarse) + [1] * len(fine))
    from vmt.transport._fem import _Solution

    found = _Solution(
        _Cells(np.array(coarse + fine), edges, (4, 4, 4)), (1.0, 1.0, 1.0), 1e-10, None
    )
    assert found.value == pytest.approx(1.0, abs=1e-9)


def test_spheres_by_elements() -> None:
    """Refinement at the boundary brings the array of spheres to its exact value."""
    raw = finite_element_conductivity(spheres(16), "pore").m_factor / EXACT - 1
    fine = finite_element_conductivity(spheres(24), "pore", refinements=1).m_factor / EXACT - 1
    assert abs(fine) < 0.006
    assert abs(raw) < 0.05


def test_elements_and_cut_cells_agree() -> None:
    """Two discretizations that share nothing but the level set: within 2 % on χ² sets."""
    made = chi_square((14, 14, 14), 3, 0.7)
    fine = LevelSet(_finer(made.values), 5e-9)
    cut = effective_conductivity(fine, {"solid": 1.0}).m_factor
    elements = finite_element_conductivity(made, "solid", refinements=2)
    assert elements.m_factor == pytest.approx(cut, rel=0.02)
    assert elements.error_estimate < 1e-6


def _finer(values: np.ndarray) -> np.ndarray:
    from vmt.transport._fem import _split

    return _split(values)


@pytest.mark.parametrize("seed", range(4))
def test_voxels_lie_below_elements(seed: int) -> None:
    """On the same voxels finite volumes give less than trilinear elements, always."""
    voxels = chi_square((15, 16, 17), seed).to_microstructure()
    for phase in ("solid", "pore"):
        volumes = effective_conductivity(voxels, {phase: 1.0}, rtol=1e-8)
        elements = effective_conductivity(voxels, {phase: 1.0}, discretization="fem")
        assert volumes.effective_conductivity <= elements.effective_conductivity * (1 + 1e-6)
        level_set_route = finite_element_conductivity(voxels, phase)
        assert level_set_route.m_factor == pytest.approx(elements.m_factor, rel=1e-6)


def test_the_potential_of_voxels() -> None:
    """Cells in parallel get the ramp, cells outside and floating ones NaN."""
    labels = np.zeros((6, 5, 5), np.uint8)
    labels[:, :2] = 1
    labels[2:4, 4, 4] = 1
    found = effective_conductivity(
        Microstructure(labels, 1e-8), {"solid": 1.0}, discretization="fem", keep_potential=True
    )
    expected = 1 - (np.arange(6) + 0.5) / 6
    np.testing.assert_allclose(found.potential[:, 1, 2], expected, atol=1e-6)
    assert np.isnan(found.potential[:, 2:]).all()
    assert found.m_factor == pytest.approx(0.4, rel=1e-7)


def test_no_path_is_a_result() -> None:
    """A wall across the current, or a phase that is absent, gives exactly 0."""
    labels = np.zeros((6, 5, 5), np.uint8)
    labels[:3] = 1
    found = effective_conductivity(
        Microstructure(labels, 1e-8), {"solid": 1.0}, discretization="fem"
    )
    assert (found.m_factor, found.percolates) == (0.0, False)
    x = np.arange(6.0)[:, None, None] * np.ones((6, 6, 6))
    for made in (LevelSet(x - 2.3, 1e-8), LevelSet(x + 1, 1e-8)):
        found = finite_element_conductivity(made, "solid", refinements=1)
        assert (found.m_factor, found.percolates) == (0.0, False)


def test_what_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Periodic sides, several phases, odd arguments and meshes beyond memory are refused."""
    made = spheres(12)
    voxels = made.to_microstructure()
    with pytest.raises(InputError, match="closed"):
        effective_conductivity(voxels, {"pore": 1.0}, discretization="fem", sides="periodic")
    with pytest.raises(InputError, match="one conducting"):
        effective_conductivity(voxels, {"pore": 1.0, "solid": 2.0}, discretization="fem")
    with pytest.raises(InputError, match="refinements"):
        finite_element_conductivity(made, "pore", refinements=-1)
    with pytest.raises(InputError, match="axis"):
        finite_element_conductivity(made, "pore", axis=3)
    with pytest.raises(InputError, match="Microstructure or a LevelSet"):
        finite_element_conductivity(made.values, "pore")
    monkeypatch.setenv("VMT_MEMORY_LIMIT", "2MiB")
    with pytest.raises(MemoryBudgetError, match="crop or coarsen"):
        finite_element_conductivity(made, "pore")
    with pytest.raises(MemoryBudgetError, match="refine less"):
        finite_element_conductivity(made, "pore", refinements=3)


@pytest.mark.slow
def test_paper_route_on_its_structure() -> None:
    """F850 at 10 nm, 50³: voxels, elements on voxels, adapted elements and cut cells in order."""
    model = ChiSquareExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)
    made = model.sample_level_set((50,) * 3, 10e-9, rng=1)
    cut = effective_conductivity(made, {"solid": 1.0}).m_factor
    voxel = effective_conductivity(made, {"solid": 1.0}, discretization="voxel").m_factor
    plain = effective_conductivity(made, {"solid": 1.0}, discretization="fem").m_factor
    adapted = finite_element_conductivity(made, "solid", refinements=1).m_factor
    assert voxel < cut < plain
    assert abs(adapted / cut - 1) < 0.03
    assert abs(adapted / cut - 1) < abs(voxel / cut - 1)
