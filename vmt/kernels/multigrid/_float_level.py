"""A level with one conductance per face, in float32: coarse levels, and many phases.

The layout is that of the finest byte level (even and odd rows inside a rim). `cx`, `cy`, `cz` hold
the conductance from a cell to its next neighbor along the axis, `diagonal` the sum of a cell's
conductances and of its link to an electrode. Periodic links leave the last cell of a row; `cz`
holds a copy of it in the rim before the first. A cell without conductances keeps the value zero.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "float_apply",
    "float_backward",
    "float_coarse_faces",
    "float_combine",
    "float_diagonal",
    "float_dot",
    "float_forward",
    "float_subtract",
    "float_wrap_faces",
]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")
_row: Any = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)

ZERO = np.float32(0)


@_row
def _start_row(s: Array, b: Array, c: Array, x: Array, d: Array, y: Array) -> None:
    for m in range(s.size):
        s[m] = b[m] + c[m] * x[m] + d[m] * y[m]


@_row
def _gather_row(
    s: Array, b: Array, c: Array, x: Array, d: Array, y: Array, e: Array, z: Array
) -> None:
    for m in range(s.size):
        s[m] = b[m] + c[m] * x[m] + d[m] * y[m] + e[m] * z[m]


@_row
def _add_row(s: Array, c: Array, x: Array) -> None:
    for m in range(s.size):
        s[m] += c[m] * x[m]


@_row
def _add_two_rows(s: Array, c: Array, x: Array, d: Array, y: Array) -> None:
    for m in range(s.size):
        s[m] += c[m] * x[m] + d[m] * y[m]


@_row
def _divide_row(out: Array, s: Array, d: Array) -> None:
    for m in range(out.size):
        out[m] = s[m] / d[m] if d[m] > 0 else ZERO


@_row
def _relax_row(
    out: Array, s: Array, c: Array, x: Array, before: Array, after: Array, zz: Array, d: Array
) -> None:
    for m in range(out.size):
        t = s[m] + c[m] * x[m] + before[m] * zz[m] + after[m] * zz[m + 1]
        out[m] = t / d[m] if d[m] > 0 else ZERO


@_row
def _apply_row(
    out: Array,
    s: Array,
    c: Array,
    x: Array,
    before: Array,
    after: Array,
    zz: Array,
    d: Array,
    here: Array,
) -> None:
    for m in range(out.size):
        t = s[m] + c[m] * x[m] + before[m] * zz[m] + after[m] * zz[m + 1]
        out[m] = d[m] * here[m] - t if d[m] > 0 else ZERO


@_row
def _subtract_row(total: Array, v: Array) -> None:
    for m in range(total.size):
        total[m] -= v[m]


@_row
def _prolong_row(z: Array, e: Array, d: Array) -> None:
    for m in range(z.size):
        z[m] += e[m] if d[m] > 0 else ZERO


@_row
def _dot_row(acc: Array, x: Array, y: Array) -> None:
    for m in range(acc.size):
        acc[m] += np.float64(x[m]) * np.float64(y[m])


@_row
def _wrap_row(x: Array, i: int, j: int, h: int, odd: bool) -> None:
    if odd:
        x[i, j, 1, 0] = x[i, j, 0, h]
        x[i, j, 1, h] = x[i, j, 0, 1]
    else:
        x[i, j, 1, 0] = x[i, j, 1, h]
    x[i, j, 0, h + 1] = x[i, j, 0, 1]


@_row
def _gather_three(
    s: Array, b: Array, x: Array, cx: Array, cy: Array, i: int, j: int, jm: int, c: int
) -> None:
    """Write b + Σ w x over the neighbors along x and the one before along y into s."""
    h = x.shape[3] - 2
    _gather_row(
        s,
        b,
        cx[i - 1, j, c, 1 : h + 1],
        x[i - 1, j, c, 1 : h + 1],
        cx[i, j, c, 1 : h + 1],
        x[i + 1, j, c, 1 : h + 1],
        cy[i, jm, c, 1 : h + 1],
        x[i, jm, c, 1 : h + 1],
    )


@_row
def _operator_row(
    out: Array,
    s: Array,
    b: Array,
    x: Array,
    cx: Array,
    cy: Array,
    cz: Array,
    diagonal: Array,
    i: int,
    j: int,
    c: int,
    periodic_y: bool,
) -> None:
    """Write A x - b of row (i, j, c) into out; s is scratch."""
    ny = x.shape[1] - 2
    h = x.shape[3] - 2
    jm = ny if (periodic_y and j == 1) else j - 1
    jp = 1 if (periodic_y and j == ny) else j + 1
    _gather_three(s, b, x, cx, cy, i, j, jm, c)
    _apply_row(
        out,
        s,
        cy[i, j, c, 1 : h + 1],
        x[i, jp, c, 1 : h + 1],
        cz[i, j, 1 - c, c : c + h],
        cz[i, j, c, 1 : h + 1],
        x[i, j, 1 - c, c:],
        diagonal[i, j, c, 1 : h + 1],
        x[i, j, c, 1 : h + 1],
    )


@_jit
def float_apply(
    v: Array,
    x: Array,
    cx: Array,
    cy: Array,
    cz: Array,
    diagonal: Array,
    b: Array,
    periodic_y: bool,
    periodic_z: bool,
    odd: bool,
) -> Any:
    """Write A x into v; returns x·b and x·v."""
    nx = x.shape[0] - 2
    ny = x.shape[1] - 2
    h = x.shape[3] - 2
    zero = np.zeros(h, np.float32)
    s = np.zeros(h, np.float32)
    acc_b = np.zeros(h, np.float64)
    acc_v = np.zeros(h, np.float64)
    for i in range(1, nx + 1):
        for j in range(1, ny + 1):
            if periodic_z:
                _wrap_row(x, i, j, h, odd)
            for c in range(2):
                out = v[i, j, c, 1 : h + 1]
                here = x[i, j, c, 1 : h + 1]
                _operator_row(out, s, zero, x, cx, cy, cz, diagonal, i, j, c, periodic_y)
                _dot_row(acc_b, here, b[i, j, c, 1 : h + 1])
                _dot_row(acc_v, here, out)
    return acc_b.sum(), acc_v.sum()


@_jit
def float_subtract(b: Array, v: Array, alpha: float) -> Any:
    """Subtract α v from b; returns b·b before and after."""
    h = b.shape[3] - 2
    before = np.zeros(h, np.float64)
    after = np.zeros(h, np.float64)
    for i in range(1, b.shape[0] - 1):
        for j in range(1, b.shape[1] - 1):
            for c in range(2):
                row = b[i, j, c, 1 : h + 1]
                _dot_row(before, row, row)
                other = v[i, j, c, 1 : h + 1]
                for m in range(h):
                    row[m] -= alpha * other[m]
                _dot_row(after, row, row)
    return before.sum(), after.sum()


@_jit
def float_combine(x: Array, y: Array, a: float, b: float) -> None:
    """Replace x by a x + b y."""
    h = x.shape[3] - 2
    for i in range(1, x.shape[0] - 1):
        for j in range(1, x.shape[1] - 1):
            for c in range(2):
                row = x[i, j, c, 1 : h + 1]
                other = y[i, j, c, 1 : h + 1]
                for m in range(h):
                    row[m] = a * row[m] + b * other[m]


@_jit
def float_dot(x: Array, y: Array) -> Any:
    """Return x·y."""
    h = x.shape[3] - 2
    acc = np.zeros(h, np.float64)
    for i in range(1, x.shape[0] - 1):
        for j in range(1, x.shape[1] - 1):
            for c in range(2):
                _dot_row(acc, x[i, j, c, 1 : h + 1], y[i, j, c, 1 : h + 1])
    return acc.sum()


@_jit
def _store_plane(total: Array, coarse: Array, i: int) -> None:
    h = total.shape[1]
    for j in range(total.shape[0]):
        for m in range((h + 1) // 2):
            coarse[i, j + 1, 0, m + 1] = total[j, 2 * m]
        for m in range(h // 2):
            coarse[i, j + 1, 1, m + 1] = total[j, 2 * m + 1]


@_jit
def _load_plane(total: Array, coarse: Array, i: int) -> None:
    h = total.shape[1]
    for j in range(total.shape[0]):
        for m in range((h + 1) // 2):
            total[j, 2 * m] = coarse[i, j + 1, 0, m + 1]
        for m in range(h // 2):
            total[j, 2 * m + 1] = coarse[i, j + 1, 1, m + 1]


@_jit
def float_forward(
    b: Array,
    z: Array,
    cx: Array,
    cy: Array,
    cz: Array,
    diagonal: Array,
    coarse: Array,
    periodic_y: bool,
    periodic_z: bool,
    odd: bool,
) -> None:
    """Sweep forward from zero into z and restrict the residual to coarse."""
    nx = z.shape[0] - 2
    ny = z.shape[1] - 2
    h = z.shape[3] - 2
    s = np.zeros(h, np.float32)
    out = np.zeros(h, np.float32)
    total = np.zeros(((ny + 1) // 2, h), np.float32)
    for i in range(1, nx + 2):
        if i <= nx:
            for j in range(1, ny + 1):
                for c in range(2):
                    _start_row(
                        s, b[i, j, c, 1 : h + 1], cx[i - 1, j, c, 1 : h + 1],
                        z[i - 1, j, c, 1 : h + 1], cy[i, j - 1, c, 1 : h + 1],
                        z[i, j - 1, c, 1 : h + 1],
                    )  # fmt: skip
                    if periodic_y and j == ny:
                        _add_row(s, cy[i, j, c, 1 : h + 1], z[i, 1, c, 1 : h + 1])
                    if c == 1:
                        _add_two_rows(
                            s, cz[i, j, 0, 1 : h + 1], z[i, j, 0, 1 : h + 1],
                            cz[i, j, 1, 1 : h + 1], z[i, j, 0, 2 : h + 2],
                        )  # fmt: skip
                    _divide_row(z[i, j, c, 1 : h + 1], s, diagonal[i, j, c, 1 : h + 1])
                    if c == 0 and periodic_z:
                        z[i, j, 0, h + 1] = z[i, j, 0, 1]
                if periodic_z:
                    _wrap_row(z, i, j, h, odd)
        if i >= 2:
            for j in range(1, ny + 1):
                for c in range(2):
                    _operator_row(
                        out, s, b[i - 1, j, c, 1 : h + 1], z, cx, cy, cz, diagonal,
                        i - 1, j, c, periodic_y,
                    )  # fmt: skip
                    _subtract_row(total[(j - 1) // 2], out)
            if i % 2 == 1 or i == nx + 1:
                _store_plane(total, coarse, i // 2)
                total[:] = ZERO


@_jit
def float_backward(
    z: Array,
    b: Array,
    cx: Array,
    cy: Array,
    cz: Array,
    diagonal: Array,
    coarse: Array,
    periodic_y: bool,
    periodic_z: bool,
    odd: bool,
) -> None:
    """Add the coarse correction to z and sweep backward."""
    nx = z.shape[0] - 2
    ny = z.shape[1] - 2
    h = z.shape[3] - 2
    s = np.zeros(h, np.float32)
    total = np.zeros(((ny + 1) // 2, h), np.float32)
    loaded = 0
    for i in range(nx + 1, 0, -1):
        if i >= 2:
            if loaded != i // 2:
                loaded = i // 2
                _load_plane(total, coarse, loaded)
            for j in range(1, ny + 1):
                for c in range(2):
                    _prolong_row(
                        z[i - 1, j, c, 1 : h + 1],
                        total[(j - 1) // 2],
                        diagonal[i - 1, j, c, 1 : h + 1],
                    )
        if i > nx:
            continue
        for j in range(ny, 0, -1):
            for c in range(1, -1, -1):
                if periodic_z:
                    _wrap_row(z, i, j, h, odd)
                jm = ny if (periodic_y and j == 1) else j - 1
                jp = 1 if (periodic_y and j == ny) else j + 1
                _gather_three(s, b[i, j, c, 1 : h + 1], z, cx, cy, i, j, jm, c)
                _relax_row(
                    z[i, j, c, 1 : h + 1],
                    s,
                    cy[i, j, c, 1 : h + 1],
                    z[i, jp, c, 1 : h + 1],
                    cz[i, j, 1 - c, c : c + h],
                    cz[i, j, c, 1 : h + 1],
                    z[i, j, 1 - c, c:],
                    diagonal[i, j, c, 1 : h + 1],
                )


@_jit
def float_wrap_faces(cz: Array, odd: bool) -> None:
    """Copy the periodic link along z, held by the last cell, into the rim before the first."""
    h = cz.shape[3] - 2
    for i in range(1, cz.shape[0] - 1):
        for j in range(1, cz.shape[1] - 1):
            cz[i, j, 1, 0] = cz[i, j, 0, h] if odd else cz[i, j, 1, h]


@_jit
def float_diagonal(
    cx: Array,
    cy: Array,
    cz: Array,
    diagonal: Array,
    g0: Array,
    g1: Array,
    periodic_y: bool,
    odd: bool,
) -> None:
    """Sum each cell's conductances, and its links to the electrodes in the outer planes."""
    nx = cx.shape[0] - 2
    ny = cx.shape[1] - 2
    h = cx.shape[3] - 2
    for i in range(1, nx + 1):
        for j in range(1, ny + 1):
            jm = ny if (periodic_y and j == 1) else j - 1
            for c in range(2):
                for m in range(1, h + 1 - c * odd):
                    d = cx[i, j, c, m] + cx[i - 1, j, c, m] + cy[i, j, c, m] + cy[i, jm, c, m]
                    d += cz[i, j, c, m] + cz[i, j, 1 - c, m - 1 + c]
                    if i == 1:
                        d += g0[j, c, m]
                    if i == nx:
                        d += g1[j, c, m]
                    diagonal[i, j, c, m] = d


@_jit
def float_coarse_faces(
    fx: Array,
    fy: Array,
    fz: Array,
    f0: Array,
    f1: Array,
    cx: Array,
    cy: Array,
    cz: Array,
    g0: Array,
    g1: Array,
    nz: int,
    sx: float,
    sy: float,
    sz: float,
    periodic_y: bool,
    periodic_z: bool,
) -> None:
    """Sum a level's conductances between its 2×2×2 aggregates, times a factor per axis."""
    nx = fx.shape[0] - 2
    ny = fx.shape[1] - 2
    h = fx.shape[3] - 2
    coarse_ny = (ny + 1) // 2
    odd = nz % 2 == 1
    for i in range(1, nx + 1):
        ci = (i + 1) // 2
        for j in range(1, ny + 1):
            cj = (j + 1) // 2
            if i % 2 == 0 and i < nx:
                for m in range(1, h + 1):
                    sum_x = sx * (fx[i, j, 0, m] + fx[i, j, 1, m])
                    cx[ci, cj, (m - 1) & 1, ((m - 1) >> 1) + 1] += sum_x
            if (j % 2 == 0 and j < ny) or (periodic_y and j == ny and coarse_ny > 1):
                for m in range(1, h + 1):
                    sum_y = sy * (fy[i, j, 0, m] + fy[i, j, 1, m])
                    cy[ci, cj, (m - 1) & 1, ((m - 1) >> 1) + 1] += sum_y
            for m in range(1, h):
                cz[ci, cj, (m - 1) & 1, ((m - 1) >> 1) + 1] += sz * fz[i, j, 1, m]
            if periodic_z and h > 1:
                last = fz[i, j, 0, h] if odd else fz[i, j, 1, h]
                cz[ci, cj, (h - 1) & 1, ((h - 1) >> 1) + 1] += sz * last
            for m in range(1, h + 1):
                for c in range(2):
                    if i == 1:
                        g0[cj, (m - 1) & 1, ((m - 1) >> 1) + 1] += sx * f0[j, c, m]
                    if i == nx:
                        g1[cj, (m - 1) & 1, ((m - 1) >> 1) + 1] += sx * f1[j, c, m]
