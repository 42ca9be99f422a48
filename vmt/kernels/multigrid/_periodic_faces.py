"""The conductivity tensor of a periodic cell of a level set: corrector problems on open faces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from vmt.kernels.multigrid._periodic import CellSolution, cell_bytes, correctors
from vmt.kernels.two_phase_faces import two_phase_faces

__all__ = ["face_cell_bytes", "join_faces", "solve_cell_faces", "winding_cells"]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")


@_jit
def join_faces(ax: Array, ay: Array, az: Array, share: Array) -> None:
    """Write the open share between each cell and the next along each axis, around the box.

    Opposite faces of the box are one face: open where both are, by the smaller share.

    Parameters
    ----------
    ax, ay, az : (nx + 1, ny, nz), (nx, ny + 1, nz), (nx, ny, nz + 1) arrays of float32
        Open shares.
    share : (nx, ny, nz, 3) array of float32
        Written.
    """
    nx, ny, nz = share.shape[:3]
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                x = ax[i + 1, j, k]
                y = ay[i, j + 1, k]
                z = az[i, j, k + 1]
                share[i, j, k, 0] = x if i < nx - 1 else min(x, ax[0, j, k])
                share[i, j, k, 1] = y if j < ny - 1 else min(y, ay[i, 0, k])
                share[i, j, k, 2] = z if k < nz - 1 else min(z, az[i, j, 0])


@_jit
def winding_cells(share: Array, kept: Array, offset: Array, queue: Array) -> Any:
    """Write 1 for cells of clusters that reach themselves around the box; returns along which axes.

    `kept` (nx, ny, nz) and `offset` (n, 3) are zero on entry; `queue` (n,) is scratch.
    """
    nx, ny, nz = kept.shape
    shape = (nx, ny, nz)
    out = kept.ravel()
    flat = share.reshape(-1, 3)
    seen = np.zeros(out.size, np.uint8)
    around = np.zeros(3, np.bool_)
    for seed in range(out.size):
        if seen[seed]:
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
                forward = side & 1
                moved = place[axis] + (1 if forward else -1)
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
                if flat[c if forward else n, axis] <= 0.0:
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
                out[queue[at]] = 1
    return around


@_jit
def _links(
    share: Array, kept: Array, number: Array, scale: Array, after: Array, weight: Array
) -> None:
    nx, ny, nz = kept.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                if kept[i, j, k] == 0:
                    continue
                c = number[i, j, k]
                after[c, 0] = number[i + 1 if i < nx - 1 else 0, j, k]
                after[c, 1] = number[i, j + 1 if j < ny - 1 else 0, k]
                after[c, 2] = number[i, j, k + 1 if k < nz - 1 else 0]
                for a in range(3):
                    weight[c, a] = scale[a] * share[i, j, k, a]


def face_cell_bytes(shape: tuple[int, int, int], conducting: int) -> int:
    """Bytes at the peak of `solve_cell_faces`, the open shares that it is given included."""
    return 24 * int(np.prod(shape)) + cell_bytes(shape, conducting)


def solve_cell_faces(
    ax: npt.NDArray[np.float32],
    ay: npt.NDArray[np.float32],
    az: npt.NDArray[np.float32],
    conductivity: float,
    spacing: tuple[float, float, float],
    *,
    values: npt.NDArray[np.float32] | None = None,
    low: float = 0.0,
    rtol: float = 1e-4,
    max_iterations: int | None = None,
    on_iteration: Callable[[], None] | None = None,
) -> CellSolution:
    """Solve the corrector problems of a cell whose faces are partly open.

    With a second conductor the open shares are overwritten by conductances (`two_phase_faces`).

    Parameters
    ----------
    ax, ay, az : (nx + 1, ny, nz), (nx, ny + 1, nz), (nx, ny, nz + 1) arrays of float32
        Open shares; opposite faces of the box are joined.
    conductivity : float
        [S/m].
    spacing : (dx, dy, dz)
        Edge lengths of a cell [m].
    values : (nx + 1, ny + 1, nz + 1) array of float32, optional
        At the corners, at most 0 where the faces are open; for a second conductor.
    low : float
        Conductivity of the second conductor over that of the first; 0 insulates.
    rtol, max_iterations, on_iteration
        As for `solve_cell`.
    """
    shape = (ay.shape[0], ax.shape[1], ax.shape[2])
    size = int(np.prod(shape))
    whole = np.int32 if size < 2**31 else np.int64
    share = np.empty((*shape, 3), np.float32)
    join_faces(ax, ay, az, share)
    kept = np.zeros(shape, np.uint8)
    around = winding_cells(share, kept, np.zeros((size, 3), np.int32), np.empty(size, whole))
    if values is not None and low > 0.0:
        two_phase_faces(values, ax, ay, az, kept, low, joined=(True, True, True))
        join_faces(ax, ay, az, share)
        kept[...] = 1
        around[...] = True
    count = int(np.count_nonzero(kept))
    if not count:
        return CellSolution(np.zeros((3, 3)), 0.0, (0, 0, 0), True)
    edges = np.array(spacing) / spacing[0]
    number = np.zeros(shape, whole)
    number[kept > 0] = np.arange(count)
    after = np.empty((count, 3), whole)
    weight = np.empty((count, 3))
    _links(share, kept, number, edges.prod() / edges**2, after, weight)
    del share, kept, number
    unit = conductivity / (size * float(np.prod(edges)))
    return correctors(after, weight, around, edges, unit, rtol, max_iterations, on_iteration)
