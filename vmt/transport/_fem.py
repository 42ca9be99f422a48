"""Finite elements with scikit-fem, the route of Neumann et al. (2023), section 4.2.

Trilinear hexahedra on the regular grid; a cell belongs to the phase that holds the major part of
its volume. Refined, the cells that the boundary cuts, and those around them, are split in eight,
again and again; where a small cell meets a large one the nodes that hang on an edge or a face of
the large one take the mean of its corners. An independent check of the finite volumes, at sizes
that general sparse matrices can hold.
"""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse
from scipy.sparse import csgraph
from scipy.sparse.linalg import cg

from vmt._budget import require_memory
from vmt.errors import ConvergenceError, InputError
from vmt.kernels.open_faces import cell_shares
from vmt.microstructure import LevelSet, Microstructure
from vmt.transport._conduction import Conduction
from vmt.transport._level_set import conducting_phase, estimate_level_set

__all__ = ["finite_element_conductivity", "voxel_elements_conduction"]

Ints = npt.NDArray[np.int64]
_BYTES_OF_ELEMENT = 6500  # coordinates at the quadrature points, 64 entries thrice (measured)
_BYTES_OF_FINEST_CELL = 24
_RTOL = 1e-9
#: corners of a hexahedron in the order of scikit-fem
_CORNERS = np.array(
    [(0, 0, 0), (0, 0, 1), (0, 1, 0), (1, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 0), (1, 1, 1)]
)
_ADVICE = "Finite elements are a check for small structures: crop or coarsen it, or refine less."


class _Cells:
    """Cubes of an octree that are inside, in units of the finest one: lower corners and edges."""

    def __init__(self, corner: Ints, edge: Ints, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.corner = corner
        self.edge = edge
        self._stride = np.array([(shape[1] + 1) * (shape[2] + 1), shape[2] + 1, 1])
        all_nodes = self._number(corner[:, None] + edge[:, None, None] * _CORNERS)
        self.nodes, places = np.unique(all_nodes, return_inverse=True)
        self.elements = places.reshape(all_nodes.shape)
        self.place = np.stack(np.unravel_index(self.nodes, [n + 1 for n in shape]))

    def _number(self, places: Ints) -> Ints:
        return np.asarray(places @ self._stride, np.int64)

    def constraints(self) -> sparse.csr_matrix:
        """Matrix that gives every node from those that don't hang."""
        rows, columns, weights = [], [], []
        hanging = np.zeros(self.nodes.size, bool)
        large = self.edge > 1
        corner, edge = self.corner[large], self.edge[large][:, None]
        for ends in _edges_and_faces():
            middle = self._number(corner + edge * ends.sum(axis=0) // len(ends))
            at = np.minimum(np.searchsorted(self.nodes, middle), self.nodes.size - 1)
            there = (self.nodes[at] == middle) & ~hanging[at]
            at, first = np.unique(at[there], return_index=True)
            hanging[at] = True
            for end in ends:
                parent = self._number((corner + edge * end)[there][first])
                rows.append(at)
                columns.append(np.searchsorted(self.nodes, parent))
                weights.append(np.full(at.size, 1.0 / len(ends)))
        free = np.flatnonzero(~hanging)
        rows.append(free)
        columns.append(free)
        weights.append(np.ones(free.size))
        size = self.nodes.size
        entries = (np.concatenate(rows), np.concatenate(columns))
        once = sparse.csr_matrix((np.concatenate(weights), entries), shape=(size, size))
        while True:  # a parent may hang itself
            both = (once @ once).tocsr()
            if abs(both - once).sum() == 0.0:
                return sparse.csr_matrix(both[:, free])
            once = both


def _edges_and_faces() -> list[Ints]:
    """Corners of the 6 faces and of the 12 edges of the unit cube."""
    corners = [np.array(c) for c in product((0, 1), repeat=3)]
    found = []
    for fixed in (1, 2):
        for axes in combinations(range(3), fixed):
            for values in product((0, 1), repeat=fixed):
                chosen = [
                    c for c in corners if all(c[a] == v for a, v in zip(axes, values, strict=True))
                ]
                found.append(np.array(chosen))
    return found


def _split(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Corner values of cells split in eight, by trilinear interpolation."""
    for axis in range(3):
        moved = np.moveaxis(values, axis, 0)
        made = np.empty((2 * moved.shape[0] - 1, *moved.shape[1:]), np.float32)
        made[::2] = moved
        made[1::2] = 0.5 * (moved[1:] + moved[:-1])
        values = np.moveaxis(made, 0, axis)
    return np.ascontiguousarray(values)


def _adapted(values: npt.NDArray[np.float32], refinements: int) -> _Cells:
    """Cells with their major part inside, split around the boundary."""
    corners, edges = [], []
    here = np.ones([n - 1 for n in values.shape], bool)
    for depth in range(refinements + 1):
        share = cell_shares(values, keep=True)[1]
        refine = np.zeros_like(here)
        if depth < refinements:
            cut = here & (share > 0.0) & (share < 1.0)
            refine = here & ndimage.binary_dilation(cut, np.ones((3, 3, 3), bool))
        chosen = np.argwhere(here & ~refine & (share >= 0.5))
        edge = 2 ** (refinements - depth)
        corners.append(chosen * edge)
        edges.append(np.full(len(chosen), edge))
        if depth < refinements:
            for axis in range(3):
                refine = np.repeat(refine, 2, axis)
            here = refine
            values = _split(values)
    return _Cells(np.concatenate(corners), np.concatenate(edges), here.shape)


class _Solution:
    """Potential at the nodes of the cells that carry current, and what it says."""

    def __init__(
        self, cells: _Cells, spacing: tuple[float, ...], rtol: float, limit: int | None
    ) -> None:
        from skfem import Basis, ElementHex1, MeshHex
        from skfem.models.poisson import laplace

        need = _BYTES_OF_ELEMENT * len(cells.elements)
        require_memory(need, f"A mesh of {len(cells.elements)} hexahedra", _ADVICE)
        nx, ny, nz = cells.shape
        points = cells.place * np.array(spacing)[:, None] / spacing[0]
        mesh = MeshHex(points, np.ascontiguousarray(cells.elements.T))
        matrix = laplace.assemble(Basis(mesh, ElementHex1(), intorder=3))
        bind = cells.constraints()
        matrix = (bind.T @ matrix @ bind).tocsr()
        first = _of_free(bind, cells.place[0] == 0)
        last = _of_free(bind, cells.place[0] == nx)
        _, cluster = csgraph.connected_components(matrix, directed=False)
        both = np.intersect1d(cluster[first], cluster[last])
        carries = np.isin(cluster, both)
        self.value, self.imbalance, self.iterations, self.error = 0.0, 0.0, 0, 0.0
        self.percolates = both.size > 0
        self.potential: npt.NDArray[np.float64] = np.full(cells.nodes.size, np.nan)
        if not self.percolates:
            return
        u = np.where(carries & first, 1.0, 0.0)
        inner = np.flatnonzero(carries & ~first & ~last)
        load = -(matrix @ u)[inner]
        block = matrix[inner][:, inner]
        diagonal = 1.0 / block.diagonal()
        scale = sparse.diags_array(diagonal)

        def count(_: object) -> None:
            self.iterations += 1

        # the ramp is the start, so that the residual is measured against what is to be found
        start = 1.0 - (_values(bind, cells.place[0]) / nx)[inner]
        found, failed = cg(
            block, load, x0=start, rtol=rtol, atol=0.0, maxiter=limit, M=scale, callback=count
        )
        u[inner] = found
        reaction = matrix @ u
        energy = float(u @ reaction)
        inflow = float(reaction[carries & first].sum())
        outflow = -float(reaction[carries & last].sum())
        to_value = spacing[0] * nx / (spacing[1] * ny * spacing[2] * nz) * spacing[0]
        self.value = energy * to_value
        if failed:
            raise ConvergenceError(
                f"The finite elements reached a relative effective conductivity of "
                f"{self.value:.6g} after {self.iterations} iterations without the residual's "
                f"{rtol:g}. Raise max_iterations."
            )
        self.imbalance = abs(inflow - outflow) / energy
        self.error = abs(inflow - energy) / energy
        u[~carries] = np.nan
        self.potential = np.asarray(bind @ u, np.float64)


def _of_free(bind: sparse.csr_matrix, mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Restrict a mask of nodes to those that don't hang."""
    return np.asarray(_values(bind, mask.astype(float)) > 0.5)


def _values(bind: sparse.csr_matrix, values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Restrict values at nodes to those that don't hang: rows with a single 1."""
    single = np.diff(bind.indptr) == 1
    made = np.zeros(bind.shape[1])
    rows = np.flatnonzero(single)
    made[bind.indices[bind.indptr[rows]]] = values[rows]
    return made


def _check_refinements(refinements: int) -> int:
    if isinstance(refinements, bool) or refinements not in range(6):
        raise InputError(f"refinements={refinements!r}; expected a whole number from 0 to 5.")
    return int(refinements)


def _conduction(
    structure: Microstructure | LevelSet,
    table: npt.NDArray[np.float64],
    *,
    axis: int,
    refinements: int,
    rtol: float,
    max_iterations: int | None,
    keep_potential: bool,
) -> Conduction:
    phase, conductivity = conducting_phase(structure, table, "fem")
    order = (axis, *(a for a in range(3) if a != axis))
    fine = int(np.prod(structure.shape)) * 8**refinements
    require_memory(_BYTES_OF_FINEST_CELL * fine, f"A grid of {fine} cells", _ADVICE)
    if isinstance(structure, Microstructure) and refinements == 0:
        mask = np.transpose(structure.mask(phase), order)
        cells = _Cells(np.argwhere(mask), np.ones(int(mask.sum()), np.int64), mask.shape)
    else:
        level_set = (
            structure if isinstance(structure, LevelSet) else estimate_level_set(structure, phase)
        )
        values = np.transpose(level_set.at_corners().values, order)
        cells = _adapted(values if phase == level_set.inside else -values, refinements)
    edges = tuple(structure.spacing[a] / 2**refinements for a in order)
    solution = _Solution(cells, edges, rtol, max_iterations) if cells.nodes.size else None
    potential = None
    if keep_potential:
        inner = np.full([structure.shape[a] for a in order], np.nan, np.float32)
        if solution is not None:
            inner[tuple(cells.corner.T)] = solution.potential[cells.elements].mean(axis=1)
        potential = np.ascontiguousarray(np.transpose(inner, np.argsort(order)))
    return Conduction(
        effective_conductivity=0.0 if solution is None else conductivity * solution.value,
        conductivity={name: float(table[label]) for name, label in structure.phases.items()},
        volume_fractions={name: structure.volume_fraction(name) for name in structure.phases},
        percolates=solution is not None and solution.percolates,
        flux_imbalance=0.0 if solution is None else solution.imbalance,
        iterations=0 if solution is None else solution.iterations,
        error_estimate=0.0 if solution is None else solution.error,
        axis=axis,
        sides="closed",
        spacing=structure.spacing,
        potential=potential,
        discretization="fem",
    )


def voxel_elements_conduction(
    structure: Microstructure | LevelSet,
    table: npt.NDArray[np.float64],
    *,
    axis: int,
    sides: str,
    rtol: float,
    max_iterations: int | None,
    keep_potential: bool,
) -> Conduction:
    """Conduction through trilinear hexahedra, one a voxel; other arguments are checked.

    Raises
    ------
    InputError
        If the sides are periodic, or several phases conduct.
    """
    if sides != "closed":
        raise InputError(
            f'sides={sides!r} can\'t be used with discretization="fem"; expected "closed".'
        )
    return _conduction(
        structure,
        table,
        axis=axis,
        refinements=0,
        rtol=min(1e-3 * rtol, 1e-6),
        max_iterations=max_iterations,
        keep_potential=keep_potential,
    )


def finite_element_conductivity(
    structure: Microstructure | LevelSet,
    phase: str | int,
    *,
    axis: int = 0,
    refinements: int = 0,
) -> Conduction:
    """Effective conductivity of a phase of unit conductivity by finite elements (scikit-fem).

    Neumann et al. (2023), section 4.2: trilinear hexahedra on the grid, a cell being in the phase
    that holds the major part of its volume; with refinements, on a mesh adapted to the boundary.
    Elements that share an edge or a corner are connected by it, so that the value lies above that
    of the exact solution on the same cells.

    Parameters
    ----------
    structure : LevelSet or Microstructure
        A Microstructure without refinements gives its voxels as elements; with refinements its
        level set is estimated.
    phase : str or int
        The conducting phase.
    axis : int
        Axis of the current; the side faces are closed.
    refinements : int
        How often the cells at the boundary are split in eight.

    Raises
    ------
    InputError
        If an argument can't be used.
    MemoryBudgetError
        If the mesh doesn't fit the memory; an element takes about 6 kB.

    Examples
    --------
    >>> x = np.arange(9) * 1e-8
    >>> slab = LevelSet(np.broadcast_to((x - 4.5e-8)[:, None], (9, 9, 9)), 1e-8)
    >>> round(finite_element_conductivity(slab, "solid", refinements=1).m_factor, 6)
    0.5625
    """
    if not isinstance(structure, LevelSet | Microstructure):
        raise InputError(
            f"A structure of type {type(structure).__name__} can't be used; expected a "
            "Microstructure or a LevelSet."
        )
    if axis not in (0, 1, 2):
        raise InputError(f"axis={axis!r}; expected 0, 1 or 2.")
    table = np.zeros(256)
    table[structure.label_of(phase)] = 1.0
    return _conduction(
        structure,
        table,
        axis=axis,
        refinements=_check_refinements(refinements),
        rtol=_RTOL,
        max_iterations=None,
        keep_potential=False,
    )
