"""The finest level of one conducting phase: one byte per voxel, no coefficients in memory.

Vectors have the shape (nx + 2, ny + 2, 2, h + 2) with h = ceil(nz / 2): a row along z is kept as
its even and its odd voxels, voxel k = 2 m + c at [.., .., c, m + 1], inside a rim of one cell.
So one color of a row is contiguous, a sweep over it vectorizes, and the pairs that an aggregate
joins are the same index of two rows. A vector is zero outside the phase; only the diagonal
depends on the neighbors, and a voxel's byte counts them: bits 0-2 along x (a Dirichlet face
counts two), bits 3-4 along y, bits 5-6 along z; 0 is outside. Rim cells of periodic rows hold
copies, as does the cell behind the last one where nz is odd; they feed no other cell.

Smoothing is Gauss-Seidel by rows in natural order, even before odd in each row, and back in
reverse order. Each kernel makes one pass over memory: what a plane needs is in the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "byte_backward",
    "byte_coarse_faces",
    "byte_codes",
    "byte_direction",
    "byte_forward",
    "byte_ramp",
]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
_row: Any = njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"contract"}, forceinline=True
)

ZERO = np.float32(0)


@_row
def _relax_row(
    out: Array,
    b: Array,
    code: Array,
    xm: Array,
    xp: Array,
    ym: Array,
    yp: Array,
    zz: Array,
    wx: float,
    wy: float,
    wz: float,
) -> None:
    for m in range(out.size):
        c = np.uint32(code[m])
        d = (
            wx * np.float32(c & np.uint32(7))
            + wy * np.float32((c >> np.uint32(3)) & np.uint32(3))
            + wz * np.float32(c >> np.uint32(5))
        )
        s = b[m] + wx * (xm[m] + xp[m]) + wy * (ym[m] + yp[m]) + wz * (zz[m] + zz[m + 1])
        out[m] = s / d if c > 0 else ZERO


@_row
def _apply_row(
    out: Array,
    x: Array,
    code: Array,
    xm: Array,
    xp: Array,
    ym: Array,
    yp: Array,
    zz: Array,
    wx: float,
    wy: float,
    wz: float,
) -> None:
    for m in range(out.size):
        c = np.uint32(code[m])
        d = (
            wx * np.float32(c & np.uint32(7))
            + wy * np.float32((c >> np.uint32(3)) & np.uint32(3))
            + wz * np.float32(c >> np.uint32(5))
        )
        s = wx * (xm[m] + xp[m]) + wy * (ym[m] + yp[m]) + wz * (zz[m] + zz[m + 1])
        out[m] = d * x[m] - s if c > 0 else ZERO


@_row
def _axpy_row(y: Array, x: Array, a: float) -> None:
    for m in range(y.size):
        y[m] += a * x[m]


@_row
def _direction_row(p: Array, z: Array, beta: float) -> None:
    for m in range(p.size):
        p[m] = z[m] + beta * p[m]


@_row
def _subtract_add_row(total: Array, b: Array, a: Array) -> None:
    for m in range(total.size):
        total[m] += b[m] - a[m]


@_row
def _prolong_row(z: Array, e: Array, code: Array) -> None:
    for m in range(z.size):
        z[m] += e[m] if code[m] > 0 else ZERO


@_row
def _dot_row(acc: Array, x: Array, y: Array) -> None:
    for m in range(acc.size):
        acc[m] += np.float64(x[m]) * np.float64(y[m])


@_row
def _wrap_row(x: Array, i: int, j: int, h: int, odd: bool) -> None:
    """Fill the rim of a row that is periodic along z."""
    if odd:
        x[i, j, 1, 0] = x[i, j, 0, h]
        x[i, j, 1, h] = x[i, j, 0, 1]
    else:
        x[i, j, 1, 0] = x[i, j, 1, h]
    x[i, j, 0, h + 1] = x[i, j, 0, 1]


@_jit
def _apply_plane(
    out: Array, x: Array, code: Array, i: int, wx: float, wy: float, wz: float, periodic_y: bool
) -> None:
    ny = x.shape[1] - 2
    h = x.shape[3] - 2
    for j in range(1, ny + 1):
        jm = ny if (periodic_y and j == 1) else j - 1
        jp = 1 if (periodic_y and j == ny) else j + 1
        for c in range(2):
            _apply_row(
                out[i, j, c, 1 : h + 1],
                x[i, j, c, 1 : h + 1],
                code[i, j, c, 1 : h + 1],
                x[i - 1, j, c, 1 : h + 1],
                x[i + 1, j, c, 1 : h + 1],
                x[i, jm, c, 1 : h + 1],
                x[i, jp, c, 1 : h + 1],
                x[i, j, 1 - c, c:],
                wx,
                wy,
                wz,
            )


@_jit
def byte_direction(
    p: Array,
    z: Array,
    q: Array,
    code: Array,
    beta: float,
    wx: float,
    wy: float,
    wz: float,
    periodic_y: bool,
    periodic_z: bool,
    odd: bool,
) -> Any:
    """Replace p by z + β p and write A p into q in one pass; returns p·q."""
    nx = p.shape[0] - 2
    ny = p.shape[1] - 2
    h = p.shape[3] - 2
    acc = np.zeros(h, np.float64)
    for i in range(1, nx + 2):
        if i <= nx:
            for j in range(1, ny + 1):
                for c in range(2):
                    _direction_row(p[i, j, c, 1 : h + 1], z[i, j, c, 1 : h + 1], beta)
                if periodic_z:
                    _wrap_row(p, i, j, h, odd)
        if i >= 2:
            _apply_plane(q, p, code, i - 1, wx, wy, wz, periodic_y)
            for j in range(1, ny + 1):
                for c in range(2):
                    _dot_row(acc, p[i - 1, j, c, 1 : h + 1], q[i - 1, j, c, 1 : h + 1])
    return acc.sum()


@_jit
def _restrict_plane(
    z: Array,
    r: Array,
    code: Array,
    i: int,
    total: Array,
    row: Array,
    wx: float,
    wy: float,
    wz: float,
    periodic_y: bool,
) -> None:
    """Add the residual r - A z of plane i to the aggregates' sums of one coarse plane."""
    ny = z.shape[1] - 2
    h = z.shape[3] - 2
    for j in range(1, ny + 1):
        jm = ny if (periodic_y and j == 1) else j - 1
        jp = 1 if (periodic_y and j == ny) else j + 1
        for c in range(2):
            _apply_row(
                row,
                z[i, j, c, 1 : h + 1],
                code[i, j, c, 1 : h + 1],
                z[i - 1, j, c, 1 : h + 1],
                z[i + 1, j, c, 1 : h + 1],
                z[i, jm, c, 1 : h + 1],
                z[i, jp, c, 1 : h + 1],
                z[i, j, 1 - c, c:],
                wx,
                wy,
                wz,
            )
            _subtract_add_row(total[(j - 1) // 2], r[i, j, c, 1 : h + 1], row)


@_jit
def _store_plane(total: Array, coarse: Array, i: int) -> None:
    """Write sums in natural order along z as even and odd rows."""
    h = total.shape[1]
    for j in range(total.shape[0]):
        for m in range((h + 1) // 2):
            coarse[i, j + 1, 0, m + 1] = total[j, 2 * m]
        for m in range(h // 2):
            coarse[i, j + 1, 1, m + 1] = total[j, 2 * m + 1]


@_jit
def _load_plane(total: Array, coarse: Array, i: int) -> None:
    """Read even and odd rows into natural order along z."""
    h = total.shape[1]
    for j in range(total.shape[0]):
        for m in range((h + 1) // 2):
            total[j, 2 * m] = coarse[i, j + 1, 0, m + 1]
        for m in range(h // 2):
            total[j, 2 * m + 1] = coarse[i, j + 1, 1, m + 1]


@_jit
def byte_forward(
    r: Array,
    q: Array,
    x: Array,
    p: Array,
    z: Array,
    code: Array,
    coarse: Array,
    alpha: float,
    update: bool,
    wx: float,
    wy: float,
    wz: float,
    periodic_y: bool,
    periodic_z: bool,
    odd: bool,
) -> None:
    """Update r and x along p, sweep forward from zero into z, restrict the residual to coarse."""
    nx = z.shape[0] - 2
    ny = z.shape[1] - 2
    h = z.shape[3] - 2
    zero = np.zeros(h + 2, np.float32)
    row = np.zeros(h, np.float32)
    total = np.zeros(((ny + 1) // 2, h), np.float32)
    for i in range(1, nx + 2):
        if i <= nx:
            for j in range(1, ny + 1):
                if update:
                    for c in range(2):
                        _axpy_row(r[i, j, c, 1 : h + 1], q[i, j, c, 1 : h + 1], -alpha)
                        _axpy_row(x[i, j, c, 1 : h + 1], p[i, j, c, 1 : h + 1], alpha)
                wrapped = periodic_y and j == ny
                for c in range(2):
                    _relax_row(
                        z[i, j, c, 1 : h + 1],
                        r[i, j, c, 1 : h + 1],
                        code[i, j, c, 1 : h + 1],
                        z[i - 1, j, c, 1 : h + 1] if i > 1 else zero[:h],
                        zero[:h],
                        z[i, j - 1, c, 1 : h + 1] if j > 1 else zero[:h],
                        z[i, 1, c, 1 : h + 1] if wrapped else zero[:h],
                        zero if c == 0 else z[i, j, 0, 1:],
                        wx,
                        wy,
                        wz,
                    )
                    if c == 0 and periodic_z:
                        z[i, j, 0, h + 1] = z[i, j, 0, 1]
                if periodic_z:
                    _wrap_row(z, i, j, h, odd)
        if i >= 2:
            _restrict_plane(z, r, code, i - 1, total, row, wx, wy, wz, periodic_y)
            if i % 2 == 1 or i == nx + 1:
                _store_plane(total, coarse, i // 2)
                total[:] = ZERO


@_jit
def byte_backward(
    z: Array,
    r: Array,
    q: Array,
    code: Array,
    coarse: Array,
    wx: float,
    wy: float,
    wz: float,
    periodic_y: bool,
    periodic_z: bool,
    odd: bool,
    dots: bool,
) -> Any:
    """Add the coarse correction to z and sweep backward; returns z·r and z·q if asked for."""
    nx = z.shape[0] - 2
    ny = z.shape[1] - 2
    h = z.shape[3] - 2
    total = np.zeros(((ny + 1) // 2, h), np.float32)
    acc_r = np.zeros(h, np.float64)
    acc_q = np.zeros(h, np.float64)
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
                        code[i - 1, j, c, 1 : h + 1],
                    )
        if i > nx:
            continue
        for j in range(ny, 0, -1):
            jm = ny if (periodic_y and j == 1) else j - 1
            jp = 1 if (periodic_y and j == ny) else j + 1
            for c in range(1, -1, -1):
                if periodic_z:
                    _wrap_row(z, i, j, h, odd)
                _relax_row(
                    z[i, j, c, 1 : h + 1],
                    r[i, j, c, 1 : h + 1],
                    code[i, j, c, 1 : h + 1],
                    z[i - 1, j, c, 1 : h + 1],
                    z[i + 1, j, c, 1 : h + 1],
                    z[i, jm, c, 1 : h + 1],
                    z[i, jp, c, 1 : h + 1],
                    z[i, j, 1 - c, c:],
                    wx,
                    wy,
                    wz,
                )
                if dots:
                    _dot_row(acc_r, z[i, j, c, 1 : h + 1], r[i, j, c, 1 : h + 1])
                    _dot_row(acc_q, z[i, j, c, 1 : h + 1], q[i, j, c, 1 : h + 1])
    return acc_r.sum(), acc_q.sum()


@_jit
def byte_codes(mask: Array, code: Array, periodic_y: bool, periodic_z: bool) -> None:
    """Write the neighbor counts of a mask (nx, ny, nz) into the padded array of codes."""
    nx, ny, nz = mask.shape
    wrap_y = periodic_y and ny > 1
    wrap_z = periodic_z and nz > 1
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                if mask[i, j, k] == 0:
                    continue
                along_x = 2 if i == 0 else int(mask[i - 1, j, k] != 0)
                along_x += 2 if i == nx - 1 else int(mask[i + 1, j, k] != 0)
                along_y = 0
                if j > 0 or wrap_y:
                    along_y += int(mask[i, j - 1 if j > 0 else ny - 1, k] != 0)
                if j < ny - 1 or wrap_y:
                    along_y += int(mask[i, j + 1 if j < ny - 1 else 0, k] != 0)
                along_z = 0
                if k > 0 or wrap_z:
                    along_z += int(mask[i, j, k - 1 if k > 0 else nz - 1] != 0)
                if k < nz - 1 or wrap_z:
                    along_z += int(mask[i, j, k + 1 if k < nz - 1 else 0] != 0)
                code[i + 1, j + 1, k & 1, (k >> 1) + 1] = along_x + 8 * along_y + 32 * along_z


@_jit
def byte_ramp(code: Array, r: Array) -> Any:
    """Residual of the ramp of slope one, in units of a face; returns the ramp's energy."""
    nx = code.shape[0] - 2
    ny = code.shape[1] - 2
    h = code.shape[3] - 2
    faces = 0
    for i in range(1, nx + 1):
        for j in range(1, ny + 1):
            for c in range(2):
                for m in range(1, h + 1):
                    if code[i, j, c, m] > 0:
                        left = 1 if i == 1 or code[i - 1, j, c, m] > 0 else 0
                        right = 1 if i == nx or code[i + 1, j, c, m] > 0 else 0
                        r[i, j, c, m] = right - left
                        faces += left + right
    return 0.5 * faces


@_jit
def byte_coarse_faces(
    code: Array,
    cx: Array,
    cy: Array,
    cz: Array,
    g0: Array,
    g1: Array,
    nz: int,
    wx: float,
    wy: float,
    wz: float,
    periodic_y: bool,
    periodic_z: bool,
) -> None:
    """Sum the conductances between 2×2×2 aggregates, and to the two electrodes.

    The weights carry the factor that corrects piecewise-constant interpolation (one half along
    an axis that is coarsened).
    """
    nx = code.shape[0] - 2
    ny = code.shape[1] - 2
    h = code.shape[3] - 2
    coarse_ny = (ny + 1) // 2
    odd = nz % 2 == 1
    for i in range(1, nx + 1):
        ci = (i + 1) // 2
        for j in range(1, ny + 1):
            cj = (j + 1) // 2
            if i % 2 == 0 and i < nx:
                for m in range(1, h + 1):
                    links = 0
                    for c in range(2):
                        links += (code[i, j, c, m] > 0) & (code[i + 1, j, c, m] > 0)
                    cx[ci, cj, (m - 1) & 1, ((m - 1) >> 1) + 1] += wx * np.float32(links)
            if (j % 2 == 0 and j < ny) or (periodic_y and j == ny and coarse_ny > 1):
                jp = j + 1 if j < ny else 1
                for m in range(1, h + 1):
                    links = 0
                    for c in range(2):
                        links += (code[i, j, c, m] > 0) & (code[i, jp, c, m] > 0)
                    cy[ci, cj, (m - 1) & 1, ((m - 1) >> 1) + 1] += wy * np.float32(links)
            for m in range(1, h):
                if code[i, j, 1, m] > 0 and code[i, j, 0, m + 1] > 0:
                    cz[ci, cj, (m - 1) & 1, ((m - 1) >> 1) + 1] += wz
            if periodic_z and h > 1:
                last = code[i, j, 0, h] if odd else code[i, j, 1, h]
                if last > 0 and code[i, j, 0, 1] > 0:
                    cz[ci, cj, (h - 1) & 1, ((h - 1) >> 1) + 1] += wz
            for m in range(1, h + 1):
                for c in range(2):
                    if i == 1 and code[i, j, c, m] > 0:
                        g0[cj, (m - 1) & 1, ((m - 1) >> 1) + 1] += 2 * wx
                    if i == nx and code[i, j, c, m] > 0:
                        g1[cj, (m - 1) & 1, ((m - 1) >> 1) + 1] += 2 * wx
