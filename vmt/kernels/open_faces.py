"""How much of each cell and of each cell face lies inside a level set given at the corners.

Inside is where the value is at most 0. Faces: marching squares, edges cut by linear interpolation;
opposite corners inside are joined if the saddle of the bilinear interpolant is (Nielson and Hamann
1991). Cells: 24 tetrahedra between an edge, the middle of a face and the middle of the cell, whose
values are means of the corners. Both are exact for a plane and second order for a smooth surface.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "SMALLEST_FACE",
    "cell_fractions",
    "cell_shares",
    "centers_to_corners",
    "open_faces",
    "percolating_cells",
]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")

#: a smaller open share of a face is closed: it carries no current worth its trouble
SMALLEST_FACE = 1e-3


@_jit
def _corner(a: float, b: float, d: float) -> Any:
    """Area of the triangle that a corner of value a cuts off, neighbors b and d beyond."""
    return 0.5 * (a / (a - b)) * (a / (a - d))


@_jit
def _square(a: float, b: float, c: float, d: float) -> Any:
    """Share of a square inside; the corners in order around it."""
    ia, ib, ic, id_ = a <= 0.0, b <= 0.0, c <= 0.0, d <= 0.0
    count = int(ia) + int(ib) + int(ic) + int(id_)
    if count == 0:
        return 0.0
    if count == 4:
        return 1.0
    if count != 2:
        odd = count == 1
        if ia == odd:
            cut = _corner(a, b, d)
        elif ib == odd:
            cut = _corner(b, c, a)
        elif ic == odd:
            cut = _corner(c, d, b)
        else:
            cut = _corner(d, a, c)
        return cut if odd else 1.0 - cut
    if ia == ic:
        at_ac = _corner(a, b, d) + _corner(c, d, b)
        at_bd = _corner(b, c, a) + _corner(d, a, c)
        if ia:
            return 1.0 - at_bd if a * c >= b * d else at_ac
        return 1.0 - at_ac if a * c <= b * d else at_bd
    # a trapezoid
    cut = 0.5 * (a / (a - d) + b / (b - c) if ia == ib else a / (a - b) + d / (d - c))
    return cut if ia else 1.0 - cut


@_jit
def open_faces(values: Array, ax: Array, ay: Array, az: Array, smallest: float) -> None:
    """Write the open share of every face of every cell; less than `smallest` becomes 0.

    Parameters
    ----------
    values : (nx + 1, ny + 1, nz + 1) array
        Negative inside, at the corners of the cells.
    ax, ay, az : (nx + 1, ny, nz), (nx, ny + 1, nz), (nx, ny, nz + 1) arrays of float32
        Faces normal to each axis.
    """
    mx, my, mz = values.shape
    for i in range(mx):
        for j in range(my):
            for k in range(mz):
                a = np.float64(values[i, j, k])
                if j < my - 1 and k < mz - 1:
                    area = _square(
                        a, values[i, j + 1, k], values[i, j + 1, k + 1], values[i, j, k + 1]
                    )
                    ax[i, j, k] = area if area >= smallest else 0.0
                if i < mx - 1 and k < mz - 1:
                    area = _square(
                        a, values[i + 1, j, k], values[i + 1, j, k + 1], values[i, j, k + 1]
                    )
                    ay[i, j, k] = area if area >= smallest else 0.0
                if i < mx - 1 and j < my - 1:
                    area = _square(
                        a, values[i + 1, j, k], values[i + 1, j + 1, k], values[i, j + 1, k]
                    )
                    az[i, j, k] = area if area >= smallest else 0.0


@_jit
def _tetrahedron(p: float, q: float, r: float, s: float) -> Any:
    """Share of a tetrahedron where the linear interpolant of four values is at most 0."""
    p, q = min(p, q), max(p, q)
    r, s = min(r, s), max(r, s)
    a, c = min(p, r), max(p, r)
    b, d = min(q, s), max(q, s)
    b, c = min(b, c), max(b, c)
    if d <= 0.0:
        return 1.0
    if a > 0.0:
        return 0.0
    if b > 0.0:
        return a / (a - b) * (a / (a - c)) * (a / (a - d))
    if c > 0.0:
        t, u = a / (a - c), a / (a - d)
        v, w = b / (b - c), b / (b - d)
        return t * u + t * w * (1.0 - u) + v * w * (1.0 - t)
    return 1.0 - d / (d - a) * (d / (d - b)) * (d / (d - c))


@_jit
def _pyramid(a: float, b: float, c: float, d: float, middle: float) -> Any:
    """Sum of the shares of the four tetrahedra between a face and the middle of the cell."""
    face = 0.25 * (a + b + c + d)
    return (
        _tetrahedron(a, b, face, middle)
        + _tetrahedron(b, c, face, middle)
        + _tetrahedron(c, d, face, middle)
        + _tetrahedron(d, a, face, middle)
    )


@_jit
def cell_fractions(values: Array, shift: float, out: Array) -> Any:
    """Write the share of each cell where the values are at most `shift`; returns the mean.

    An `out` of shape (0, 0, 0) takes nothing: the mean alone is returned.
    """
    mx, my, mz = values.shape
    keep = out.size > 0
    total = 0.0
    for i in range(mx - 1):
        for j in range(my - 1):
            part = 0.0
            for k in range(mz - 1):
                a = np.float64(values[i, j, k]) - shift
                b = np.float64(values[i, j, k + 1]) - shift
                c = np.float64(values[i, j + 1, k + 1]) - shift
                d = np.float64(values[i, j + 1, k]) - shift
                e = np.float64(values[i + 1, j, k]) - shift
                f = np.float64(values[i + 1, j, k + 1]) - shift
                g = np.float64(values[i + 1, j + 1, k + 1]) - shift
                h = np.float64(values[i + 1, j + 1, k]) - shift
                low = min(a, b, c, d, e, f, g, h)
                high = max(a, b, c, d, e, f, g, h)
                if high <= 0.0:
                    share = 1.0
                elif low > 0.0:
                    share = 0.0
                else:
                    m = 0.125 * (a + b + c + d + e + f + g + h)
                    share = _pyramid(a, b, c, d, m) + _pyramid(e, f, g, h, m)
                    share += _pyramid(a, b, f, e, m) + _pyramid(d, c, g, h, m)
                    share += _pyramid(a, d, h, e, m) + _pyramid(b, c, g, f, m)
                    share /= 24.0
                part += share
                if keep:
                    out[i, j, k] = share
            total += part
    return total / ((mx - 1) * (my - 1) * (mz - 1))


def cell_shares(
    values: npt.NDArray[np.float32], shift: float = 0.0, *, keep: bool = False
) -> tuple[float, npt.NDArray[np.float32]]:
    """Mean share of the cells where the values are at most `shift`, and, kept, each one's share.

    Parameters
    ----------
    values : (nx + 1, ny + 1, nz + 1) array of float32
        At the corners.

    Examples
    --------
    >>> plane = np.broadcast_to(np.array([-1, 3], np.float32)[:, None, None], (2, 2, 2))
    >>> round(cell_shares(plane)[0], 6)
    0.25
    """
    view = np.ascontiguousarray(values).view()
    view.flags.writeable = False  # one type for the kernel
    mx, my, mz = values.shape
    out = np.zeros((mx - 1, my - 1, mz - 1) if keep else (0, 0, 0), np.float32)
    return float(cell_fractions(view, float(shift), out)), out


def centers_to_corners(
    values: npt.NDArray[np.float32], *, continued: bool
) -> npt.NDArray[np.float32]:
    """Take values at the centers of cells to their corners.

    Parameters
    ----------
    values : (nx, ny, nz) array of float32
    continued : bool
        Whether the field goes on smoothly: cubic interpolation, linear continuation to the corners
        on the faces of the box. Else the mean of neighbors, and the mirror image beyond the faces.

    Returns
    -------
    (nx + 1, ny + 1, nz + 1) array of float32

    Examples
    --------
    >>> line = np.array([1, 2, 4, 8], np.float32).reshape(4, 1, 1)
    >>> centers_to_corners(line, continued=False)[:, 0, 0].tolist()
    [1.0, 1.5, 3.0, 6.0, 8.0]
    >>> centers_to_corners(line, continued=True)[:, 0, 0].tolist()
    [0.5, 1.5, 2.8125, 6.0, 10.0]
    """
    for axis in range(3):
        moved = np.moveaxis(values, axis, 0)
        made = np.empty((moved.shape[0] + 1, *moved.shape[1:]), np.float32)
        made[0], made[-1] = moved[0], moved[-1]
        np.add(moved[1:], moved[:-1], out=made[1:-1])
        made[1:-1] *= np.float32(0.5)
        if continued and moved.shape[0] > 1:
            made[2:-2] *= np.float32(1.125)
            made[2:-2] -= np.float32(0.0625) * moved[:-3]
            made[2:-2] -= np.float32(0.0625) * moved[3:]
            made[0] += np.float32(0.5) * (moved[0] - moved[1])
            made[-1] += np.float32(0.5) * (moved[-1] - moved[-2])
        values = np.moveaxis(made, 0, axis)
    return np.ascontiguousarray(values)


@_jit
def _root(parent: Array, a: int) -> Any:
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


@_jit
def _join(parent: Array, a: int, b: int) -> None:
    a = _root(parent, a)
    b = _root(parent, b)
    if a < b:
        parent[b] = a
    else:
        parent[a] = b


@_jit
def percolating_cells(
    ax: Array, ay: Array, az: Array, parent: Array, kept: Array, wrap_y: bool, wrap_z: bool
) -> Any:
    """Write 1 for cells that open faces join to both ends of axis 0, else 0; returns how many.

    Parameters
    ----------
    ax, ay, az : arrays
        Open shares, as `open_faces` writes them.
    parent : (nx·ny·nz,) array of integers
        Work space.
    kept : (nx, ny, nz) array of uint8
        Written.
    wrap_y, wrap_z : bool
        Whether opposite side faces are joined, where both are open.
    """
    nx, ny, nz = kept.shape
    for cell in range(parent.size):
        parent[cell] = cell
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                cell = (i * ny + j) * nz + k
                if i > 0 and ax[i, j, k] > 0.0:
                    _join(parent, cell, cell - ny * nz)
                if j > 0 and ay[i, j, k] > 0.0:
                    _join(parent, cell, cell - nz)
                if k > 0 and az[i, j, k] > 0.0:
                    _join(parent, cell, cell - 1)
                if wrap_y and j == 0 and ay[i, 0, k] > 0.0 and ay[i, ny, k] > 0.0:
                    _join(parent, cell, cell + (ny - 1) * nz)
                if wrap_z and k == 0 and az[i, j, 0] > 0.0 and az[i, j, nz] > 0.0:
                    _join(parent, cell, cell + nz - 1)
    flat = kept.ravel()
    flat[:] = 0
    side = ny * nz
    last = parent.size - side
    for j in range(ny):
        for k in range(nz):
            if ax[0, j, k] > 0.0:
                flat[_root(parent, j * nz + k)] |= 1
    for j in range(ny):
        for k in range(nz):
            if ax[nx, j, k] > 0.0:
                flat[_root(parent, last + j * nz + k)] |= 2
    count = 0
    for cell in range(parent.size - 1, -1, -1):  # roots have the lowest number: seen last
        flat[cell] = 1 if flat[_root(parent, cell)] == 3 else 0
        count += flat[cell]
    return count
