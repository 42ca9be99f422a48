"""The conductivity tensor of a periodic cell, from its three corrector problems.

A cell that repeats along all axes under a mean gradient e_i has the potential e_i·x + χ_i with a
periodic corrector χ_i. Seven-point finite volumes, conjugate gradients in float64 and flux form,
preconditioned by the hierarchy of strength-aware aggregates from the voxels down. Constants on a
cluster are in the operator's null space; the preconditioner is grounded by a millionth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from vmt.kernels.multigrid._energy import Energy
from vmt.kernels.multigrid._solve import face_tables
from vmt.kernels.multigrid._strong import Graph, _Coarse

__all__ = ["CellSolution", "cell_bytes", "correctors", "solve_cell", "windings"]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")

_GROUND = 1e-6
#: measured at 120³: 222 to 262 besides the arrays of all voxels
_BYTES_PER_CONDUCTING = 290


@_jit
def windings(labels: Array, kept: Array, offset: Array, queue: Array) -> Any:
    """Keep the clusters that reach themselves around the cell; returns along which axes.

    `kept` (nx, ny, nz) gets their labels. `offset` (n, 3) is zero on entry and ends with the
    number of cells crossed on the way to each voxel; `queue` (n,) is scratch.
    """
    nx, ny, nz = labels.shape
    shape = (nx, ny, nz)
    flat = labels.ravel()
    out = kept.ravel()
    seen = np.zeros(flat.size, np.uint8)
    around = np.zeros(3, np.bool_)
    for seed in range(flat.size):
        if flat[seed] == 0 or seen[seed]:
            continue
        seen[seed] = 1
        queue[0] = seed
        begin = 0
        end = 1
        winds = False
        while begin < end:
            c = np.int64(queue[begin])
            begin += 1
            place = (c // (ny * nz), (c // nz) % ny, c % nz)
            for side in range(6):
                axis = side >> 1
                step = 1 if side & 1 else -1
                moved = place[axis] + step
                crossed = 0
                if moved < 0:
                    moved = shape[axis] - 1
                    crossed = -1
                elif moved == shape[axis]:
                    moved = 0
                    crossed = 1
                i = moved if axis == 0 else place[0]
                j = moved if axis == 1 else place[1]
                k = moved if axis == 2 else place[2]
                n = np.int64((i * ny + j) * nz + k)
                if flat[n] == 0:
                    continue
                if seen[n]:
                    for a in range(3):
                        there = offset[c, a] + (crossed if a == axis else 0)
                        if there != offset[n, a]:
                            winds = True
                            around[a] = True
                else:
                    seen[n] = 1
                    for a in range(3):
                        offset[n, a] = offset[c, a] + (crossed if a == axis else 0)
                    queue[end] = n
                    end += 1
        if winds:
            for at in range(end):
                c = np.int64(queue[at])
                out[c] = flat[c]
    return around


@_jit
def _links(
    labels: Array, number: Array, after: Array, weight: Array, tx: Array, ty: Array, tz: Array
) -> None:
    """Write for each conducting voxel its next neighbor along each axis and the conductance."""
    nx, ny, nz = labels.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                a = labels[i, j, k]
                if a == 0:
                    continue
                c = number[i, j, k]
                i1 = i + 1 if i < nx - 1 else 0
                j1 = j + 1 if j < ny - 1 else 0
                k1 = k + 1 if k < nz - 1 else 0
                after[c, 0] = number[i1, j, k]
                after[c, 1] = number[i, j1, k]
                after[c, 2] = number[i, j, k1]
                weight[c, 0] = tx[a, labels[i1, j, k]]
                weight[c, 1] = ty[a, labels[i, j1, k]]
                weight[c, 2] = tz[a, labels[i, j, k1]]


@_jit
def _outflow(q: Array, x: Array, after: Array, weight: Array, drop: Array) -> Any:
    """Write what leaves each voxel under x and a gradient into q; returns the energy.

    `drop` (3,) is the drop of the mean potential from a voxel to the next along each axis.
    """
    q[:] = 0.0
    total = 0.0
    block = 0.0
    for c in range(x.size):
        for a in range(3):
            w = weight[c, a]
            if w > 0.0:
                n = after[c, a]
                d = drop[a] + x[c] - x[n]
                q[c] += w * d
                q[n] -= w * d
                block += w * d * d
        if c % 1024 == 1023:
            total += block
            block = 0.0
    return total + block


@_jit
def _mixed_energy(
    x: Array, y: Array, after: Array, weight: Array, drop_x: Array, drop_y: Array
) -> Any:
    """Mixed energy of two potentials with their gradients."""
    total = 0.0
    block = 0.0
    for c in range(x.size):
        for a in range(3):
            n = after[c, a]
            block += weight[c, a] * (drop_x[a] + x[c] - x[n]) * (drop_y[a] + y[c] - y[n])
        if c % 1024 == 1023:
            total += block
            block = 0.0
    return total + block


@dataclass(frozen=True, eq=False)
class CellSolution:
    """The tensor in the unit of the given conductivities, and what is known of its error.

    Attributes
    ----------
    tensor : (3, 3) array
        Symmetric, from the mixed energies.
    error_estimate : float
        Largest estimated relative error of the diagonal.
    iterations : (int, int, int)
        Steps for each mean gradient; 0 where no cluster winds along the axis.
    finished : bool
        Whether the tolerance was reached.
    """

    tensor: npt.NDArray[np.float64]
    error_estimate: float
    iterations: tuple[int, int, int]
    finished: bool


def cell_bytes(shape: tuple[int, int, int], conducting: int) -> int:
    """Bytes that `solve_cell` allocates at its peak."""
    return 22 * int(np.prod(shape)) + _BYTES_PER_CONDUCTING * conducting


def solve_cell(
    labels: npt.NDArray[np.uint8],
    conductivities: npt.NDArray[np.float64],
    spacing: tuple[float, float, float],
    *,
    rtol: float = 1e-4,
    max_iterations: int | None = None,
    on_iteration: Callable[[], None] | None = None,
) -> CellSolution:
    """Solve the corrector problems of a cell that is periodic along all three axes.

    Parameters
    ----------
    labels : (nx, ny, nz) array of uint8
        Phases; 0 is outside.
    conductivities : (n,) or (n, 3) array
        Conductivity [S/m] of each label, or its components along the axes.
    spacing : (dx, dy, dz)
        Voxel edge lengths [m].
    rtol : float
        Relative error of the diagonal at which the iterations stop.
    max_iterations : int, optional
        Each of the three iterations ends after so many.
    on_iteration : callable, optional
        Called after each iteration.
    """
    size = labels.size
    whole = np.int32 if size < 2**31 else np.int64
    kept = np.zeros(labels.shape, np.uint8)
    around = windings(labels, kept, np.zeros((size, 3), np.int32), np.empty(size, whole))
    count = int(np.count_nonzero(kept))
    if not count:
        return CellSolution(np.zeros((3, 3)), 0.0, (0, 0, 0), True)
    top = int(kept.max()) + 1
    scale = float(conductivities[1:top].max())
    edges = np.array(spacing) / spacing[0]
    x, y, z = (float(e) for e in edges.prod() / edges**2)
    relative = conductivities[:top] / scale
    relative[0] = 0.0
    tables = face_tables(relative, (x, y, z))
    number = np.zeros(labels.shape, whole)
    number[kept > 0] = np.arange(count)
    after = np.empty((count, 3), whole)
    weight = np.empty((count, 3))
    _links(kept, number, after, weight, *tables[:3])
    del kept, number
    unit = scale / (size * float(np.prod(edges)))
    return correctors(after, weight, around, edges, unit, rtol, max_iterations, on_iteration)


def correctors(
    after: Array,
    weight: Array,
    around: Array,
    edges: npt.NDArray[np.float64],
    unit: float,
    rtol: float,
    limit: int | None,
    tell: Callable[[], None] | None,
) -> CellSolution:
    """Solve for the gradients along the axes in `around`; the tensor from the mixed energies.

    Parameters
    ----------
    after : (n, 3) array of integers
        Number of each cell's next neighbor along each axis, around the cell.
    weight : (n, 3) array
        Conductance to it; 0 for none.
    around : (3,) array of bool
        Axes along which some cluster reaches itself.
    edges : (3,) array
        Edge lengths of a cell, in the first one's.
    unit : float
        Conductivity per unit of energy.
    rtol, limit, tell
        As `rtol`, `max_iterations` and `on_iteration` of `solve_cell`.
    """
    tensor = np.zeros((3, 3))
    hierarchy = _hierarchy(after, weight)
    potentials = {}
    energies = []
    steps = [0, 0, 0]
    for axis in np.flatnonzero(around):
        drop = np.zeros(3)
        drop[axis] = edges[axis]
        energy, found = _corrector(hierarchy, after, weight, drop, unit, rtol, limit, tell)
        potentials[int(axis)] = (found, drop)
        energies.append(energy)
        steps[axis] = len(energy.steps)
    for i, (u, drop_u) in potentials.items():
        for j, (v, drop_v) in potentials.items():
            if i <= j:
                value = unit * float(_mixed_energy(u, v, after, weight, drop_u, drop_v))
                tensor[i, j] = tensor[j, i] = value
    return CellSolution(
        tensor,
        max(e.relative_error for e in energies),
        (steps[0], steps[1], steps[2]),
        all(e.finished for e in energies),
    )


def _hierarchy(after: Array, weight: Array) -> _Coarse:
    count = len(after)
    rows = np.repeat(np.arange(count, dtype=np.int32), 3)
    columns = after.ravel().astype(np.int32)
    links = weight.ravel()
    real = (links > 0.0) & (rows != columns)
    rows, columns, links = rows[real], columns[real], links[real]
    total = np.bincount(rows, links, count) + np.bincount(columns, links, count)
    ground = _GROUND * np.where(total > 0.0, total.astype(np.float64), 1.0)
    return _Coarse(Graph.of_links(rows, columns, links.astype(np.float32), ground))


def _corrector(
    hierarchy: _Coarse,
    after: Array,
    weight: Array,
    drop: npt.NDArray[np.float64],
    unit: float,
    rtol: float,
    limit: int | None,
    tell: Callable[[], None] | None,
) -> tuple[Energy, npt.NDArray[np.float64]]:
    """Corrector of one mean gradient, and how its energy fell."""
    x, p, q, r = (np.zeros(len(after)) for _ in range(4))
    none = np.zeros(3)
    energy = Energy(unit * float(_outflow(q, x, after, weight, drop)), rtol, limit, 0.4)
    np.negative(q, out=r)
    q[:] = 0.0
    level = hierarchy.levels[0]
    floor = 1e-13 * float(weight.max())
    pq = 0.0
    while not energy.done():
        largest = float(np.abs(r).max())
        if largest <= floor:
            energy.finish()
            continue
        level.b[:] = (r - r.mean()) / largest
        hierarchy.solve()
        z = largest * level.e.astype(np.float64)
        zr = float(z @ r)
        if not zr > 0.0:
            energy.finish()
            continue
        beta = -float(z @ q) / pq if pq > 0.0 else 0.0
        p *= beta
        p += z
        pq = float(_outflow(q, p, after, weight, none))
        alpha = float(p @ r) / pq
        x += alpha * p
        r -= alpha * q
        energy.lower(unit * alpha * alpha * pq)
        if tell is not None:
            tell()
    return energy, x
