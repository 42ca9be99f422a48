"""The finest level of one conducting phase in two colors: one byte per voxel, no coefficients.

Voxels are colored like a checkerboard, red and black, and stored so that a color of a plane is
contiguous. A vector has the shape (nx + 2, 4, n): plane i + 1, part 2·(j & 1) + (k & 1), and in
it voxel (j, k) at ((j >> 1) + 1)·pitch + (k >> 1), between rims. The neighbors of a part lie in two
other parts at fixed distances, and in the same part of the planes before and after: a color of a
plane is relaxed by two loops of thousands of cells without a branch. The four voxels of an
aggregate in a plane have one index in four parts.

A voxel's byte counts its neighbors: bits 0-2 along x (a Dirichlet face counts two), bits 3-4 along
y, bits 5-6 along z; 0 is outside. Vectors are zero outside. Where sides are periodic, cells of the
rim hold copies (`_ghosts`); along an odd axis a wrap joins two voxels of one color, and their link
is left out of the smoother, symmetrically (`full`).

After a sweep that ends with red, the residual of red is zero, so what is known needs no second
evaluation: A z is r there. The residual of the first black sweep is restricted from red alone, and
black's old value is never used: the forward sweep leaves nothing in memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from vmt.kernels._lanes import LANES, lane_sum, load, zeros

__all__ = ["byte_ascend", "byte_descend", "byte_finish", "byte_update"]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")
_row: Any = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)

ZERO = np.float32(0)
#: elements of A z at a time
BLOCK = 4096


@_row
def _diagonal(c: int, wx: float, wy: float, wz: float) -> Any:
    return (
        wx * np.float32(c & np.uint32(7))
        + wy * np.float32((c >> np.uint32(3)) & np.uint32(3))
        + wz * np.float32(c >> np.uint32(5))
    )


@_row
def _relax_row(
    out: Array, b: Array, code: Array, xm: Array, xp: Array, ym: Array, yp: Array, zm: Array,
    zp: Array, wx: float, wy: float, wz: float,
) -> None:  # fmt: skip
    for m in range(out.size):
        c = np.uint32(code[m])
        s = b[m] + wx * (xm[m] + xp[m]) + wy * (ym[m] + yp[m]) + wz * (zm[m] + zp[m])
        out[m] = s / _diagonal(c, wx, wy, wz) if c > 0 else ZERO


@_row
def _start_row(out: Array, b: Array, code: Array, wx: float, wy: float, wz: float) -> None:
    for m in range(out.size):
        c = np.uint32(code[m])
        out[m] = b[m] / _diagonal(c, wx, wy, wz) if c > 0 else ZERO


@_row
def _start_add_row(
    out: Array, b: Array, code: Array, e: Array, wx: float, wy: float, wz: float
) -> None:
    for m in range(out.size):
        c = np.uint32(code[m])
        out[m] = b[m] / _diagonal(c, wx, wy, wz) + e[m] if c > 0 else ZERO


@_row
def _add_row(out: Array, code: Array, e: Array) -> None:
    for m in range(out.size):
        out[m] += e[m] if code[m] > 0 else ZERO


@_row
def _neighbors_row(
    total: Array, code: Array, xm: Array, xp: Array, ym: Array, yp: Array, zm: Array, zp: Array,
    wx: float, wy: float, wz: float,
) -> None:  # fmt: skip
    """Add the sum over the neighbors: what is left after a division by the diagonal."""
    for m in range(total.size):
        s = wx * (xm[m] + xp[m]) + wy * (ym[m] + yp[m]) + wz * (zm[m] + zp[m])
        total[m] += s if code[m] > 0 else ZERO


@_row
def _residual_row(
    total: Array, b: Array, here: Array, code: Array, xm: Array, xp: Array, ym: Array, yp: Array,
    zm: Array, zp: Array, wx: float, wy: float, wz: float,
) -> None:  # fmt: skip
    for m in range(total.size):
        c = np.uint32(code[m])
        s = b[m] + wx * (xm[m] + xp[m]) + wy * (ym[m] + yp[m]) + wz * (zm[m] + zp[m])
        total[m] += s - _diagonal(c, wx, wy, wz) * here[m] if c > 0 else ZERO


@_row
def _update_row(
    r: Array, q: Array, here: Array, code: Array, xm: Array, xp: Array, ym: Array, yp: Array,
    zm: Array, zp: Array, wx: float, wy: float, wz: float, alpha: float, beta: float,
) -> None:  # fmt: skip
    """Replace q by A z + β q and subtract α q from r."""
    for m in range(r.size):
        c = np.uint32(code[m])
        s = wx * (xm[m] + xp[m]) + wy * (ym[m] + yp[m]) + wz * (zm[m] + zp[m])
        v = _diagonal(c, wx, wy, wz) * here[m] - s + beta * q[m] if c > 0 else ZERO
        q[m] = v
        r[m] -= alpha * v


@_row
def _update_known_row(r: Array, q: Array, alpha: float, beta: float) -> None:
    """The same where A z is r."""
    for m in range(r.size):
        v = r[m] + beta * q[m]
        q[m] = v
        r[m] -= alpha * v


@_row
def _potential_row(x: Array, p: Array, z: Array, code: Array, alpha: float, beta: float) -> None:
    for m in range(x.size):
        v = z[m] + beta * p[m] if code[m] > 0 else ZERO
        p[m] = v
        x[m] += alpha * v


@_row
def _dots_row(z: Array, r: Array, q: Array) -> Any:
    """Sums z·r, z·q, and the sum of r."""
    zr_, zq_, sr_ = zeros(), zeros(), zeros()
    whole = z.size // LANES * LANES
    for m in range(0, whole, LANES):
        here = load(z, m)
        there = load(r, m)
        zr_ += here * there
        zq_ += here * load(q, m)
        sr_ += there
    zr, zq, sr = lane_sum(zr_), lane_sum(zq_), lane_sum(sr_)
    for m in range(whole, z.size):
        zr += np.float64(z[m]) * np.float64(r[m])
        zq += np.float64(z[m]) * np.float64(q[m])
        sr += np.float64(r[m])
    return zr, zq, sr


@_row
def _dot_row(z: Array, v: Array) -> Any:
    """Sums z·v, and the sum of v."""
    zv_, sv_ = zeros(), zeros()
    whole = z.size // LANES * LANES
    for m in range(0, whole, LANES):
        there = load(v, m)
        zv_ += load(z, m) * there
        sv_ += there
    zv, sv = lane_sum(zv_), lane_sum(sv_)
    for m in range(whole, z.size):
        zv += np.float64(z[m]) * np.float64(v[m])
        sv += np.float64(v[m])
    return zv, sv


@_row
def _apply_row(
    out: Array, here: Array, code: Array, xm: Array, xp: Array, ym: Array, yp: Array, zm: Array,
    zp: Array, wx: float, wy: float, wz: float,
) -> None:  # fmt: skip
    for m in range(out.size):
        c = np.uint32(code[m])
        s = wx * (xm[m] + xp[m]) + wy * (ym[m] + yp[m]) + wz * (zm[m] + zp[m])
        out[m] = _diagonal(c, wx, wy, wz) * here[m] - s if c > 0 else ZERO


@_jit
def _ghosts(
    v: Array, s: int, ny: int, nz: int, pitch: int, periodic_y: bool, periodic_z: bool,
    own: bool,
) -> None:  # fmt: skip
    """Fill the copies that part s of a plane (4, n) holds; only those of its own cells if `own`."""
    hy = (ny + 1) // 2
    hz = (nz + 1) // 2
    here = v[s]
    if periodic_z:
        if nz % 2 == 0:
            for j in range(1, hy + 1):
                if s & 1 == 0:
                    here[j * pitch + hz] = here[j * pitch]
                else:
                    here[j * pitch - 1] = here[j * pitch + hz - 1]
        elif s & 1 == 1 and not own:
            other = v[s ^ 1]
            for j in range(1, hy + 1):
                here[j * pitch + hz - 1] = other[j * pitch]
                here[j * pitch - 1] = other[j * pitch + hz - 1]
    if periodic_y:
        if ny % 2 == 0:
            to = (hy + 1) * pitch if s < 2 else 0
            start = pitch if s < 2 else hy * pitch
            for m in range(hz):
                here[to + m] = here[start + m]
        elif s >= 2 and not own:
            other = v[s ^ 2]
            for m in range(hz):
                here[hy * pitch + m] = other[pitch + m]
                here[m] = other[hy * pitch + m]


@_jit
def _relax(
    z: Array, b: Array, code: Array, below: Array, above: Array, s: int, pitch: int, wx: float,
    wy: float, wz: float,
) -> None:  # fmt: skip
    lo = pitch
    hi = b.shape[1] - pitch
    y = z[s ^ 2, 0 if s < 2 else pitch :]
    x = z[s ^ 1, lo - 1 if s & 1 == 0 else lo :]
    n = hi - lo
    _relax_row(
        z[s, lo:hi], b[s, lo:hi], code[s, lo:hi], below[s, lo:hi], above[s, lo:hi],
        y[:n], y[pitch : n + pitch], x[:n], x[1 : n + 1], wx, wy, wz,
    )  # fmt: skip


@_jit
def _update(
    i: int, r: Array, q: Array, z: Array, p: Array, x: Array, code: Array, alpha: float,
    beta: float, keep: bool, pitch: int, wx: float, wy: float, wz: float, full: bool,
) -> None:  # fmt: skip
    lo = pitch
    hi = r.shape[2] - pitch
    n = hi - lo
    for s in range(4):
        red = (i & 1 == 1) == (s in {0, 3})
        rs = r[i, s, lo:hi]
        qs = q[i, s, lo:hi]
        if red and not full:
            _update_known_row(rs, qs, alpha, beta)
        else:
            y = z[i, s ^ 2, 0 if s < 2 else pitch :]
            along = z[i, s ^ 1, lo - 1 if s & 1 == 0 else lo :]
            _update_row(
                rs, qs, z[i, s, lo:hi], code[i, s, lo:hi], z[i - 1, s, lo:hi], z[i + 1, s, lo:hi],
                y[:n], y[pitch : n + pitch], along[:n], along[1 : n + 1], wx, wy, wz, alpha, beta,
            )  # fmt: skip
        if keep:
            _potential_row(
                x[i, s, lo:hi], p[i, s, lo:hi], z[i, s, lo:hi], code[i, s, lo:hi], alpha, beta
            )


@_jit
def byte_update(
    i0: int, i1: int, r: Array, q: Array, z: Array, p: Array, x: Array, code: Array, alpha: float,
    beta: float, keep: bool, pitch: int, wx: float, wy: float, wz: float, full: bool,
) -> None:  # fmt: skip
    """One step of the iteration in planes i0 to i1: q = A z + β q, r -= α q, likewise p and x."""
    for i in range(i0, i1 + 1):
        _update(i, r, q, z, p, x, code, alpha, beta, keep, pitch, wx, wy, wz, full)


@_jit
def _store(total: Array, coarse: Array, hy: int, hz: int, pitch: int, coarse_pitch: int) -> None:
    """Write sums in natural order as the four parts of a coarse plane, and clear them."""
    half = (hz + 1) // 2
    for j in range(hy):
        row = total[(j + 1) * pitch : (j + 1) * pitch + 2 * half]
        at = ((j >> 1) + 1) * coarse_pitch
        even = coarse[2 * (j & 1), at : at + half]
        odd = coarse[2 * (j & 1) + 1, at : at + half]
        for m in range(half):
            even[m] = row[2 * m]
            odd[m] = row[2 * m + 1]
    total[:] = 0


@_jit
def _load(
    total: Array, e: Array, d: Array, a: float, b: float, hy: int, hz: int, pitch: int,
    coarse_pitch: int,
) -> None:  # fmt: skip
    """Read a e + b d of a coarse plane in natural order."""
    half = (hz + 1) // 2
    for j in range(hy):
        row = total[(j + 1) * pitch : (j + 1) * pitch + 2 * half]
        at = ((j >> 1) + 1) * coarse_pitch
        s = 2 * (j & 1)
        if b == ZERO:
            even = e[s, at : at + half]
            odd = e[s + 1, at : at + half]
            for m in range(half):
                row[2 * m] = a * even[m]
                row[2 * m + 1] = a * odd[m]
        else:
            even = e[s, at : at + half]
            odd = e[s + 1, at : at + half]
            even_d = d[s, at : at + half]
            odd_d = d[s + 1, at : at + half]
            for m in range(half):
                row[2 * m] = a * even[m] + b * even_d[m]
                row[2 * m + 1] = a * odd[m] + b * odd_d[m]


@_jit
def byte_descend(
    i0: int, i1: int, update: bool, r: Array, q: Array, z: Array, p: Array, x: Array, code: Array,
    t: Array, total: Array, coarse: Array, alpha: float, beta: float, keep: bool, ny: int,
    nz: int, pitch: int, coarse_pitch: int, wx: float, wy: float, wz: float, periodic_y: bool,
    periodic_z: bool, full: bool,
) -> None:  # fmt: skip
    """Update as `byte_update`, sweep forward from zero, restrict the residual to coarse.

    Planes i0 to i1, i0 odd; what neighboring planes need is made anew if `update` is off. `t` is a
    ring of four planes, or z itself if `full`.
    """
    nx = r.shape[0] - 2
    hy = (ny + 1) // 2
    hz = (nz + 1) // 2
    lo = pitch
    hi = r.shape[2] - pitch
    n = hi - lo
    mask = -1 if full else 3
    lag = 1 if full else 0
    periodic = periodic_y or periodic_z
    total[:] = 0
    first = max(i0 - 2, 0)
    last = min(i1 + 2, nx + 1)
    if not full:
        t[:] = 0
    for step in range(first, i1 + 4 + lag):
        i = step
        if update and i0 <= i <= i1:
            _update(i, r, q, z, p, x, code, alpha, beta, keep, pitch, wx, wy, wz, full)
        i = step - lag
        if first <= i <= last:
            here = t[i & mask]
            if i == 0 or i > nx:
                if not full:
                    here[:] = 0
            else:
                for c in range(2):
                    s = 3 * c if i & 1 == 1 else 1 + c
                    _start_row(here[s, lo:hi], r[i, s, lo:hi], code[i, s, lo:hi], wx, wy, wz)
                    if full:
                        here[s, :lo] = 0
                        here[s, hi:] = 0
                    if periodic:
                        _ghosts(here, s, ny, nz, pitch, periodic_y, periodic_z, True)
        i = step - lag - 1
        if max(i0 - 1, 1) <= i <= min(i1 + 1, nx):
            here = t[i & mask]
            for c in range(2):
                s = 1 + c if i & 1 == 1 else 3 * c
                _relax(
                    here, r[i], code[i], t[(i - 1) & mask], t[(i + 1) & mask], s, pitch, wx, wy, wz
                )
            if periodic:
                for c in range(2):
                    s = 1 + c if i & 1 == 1 else 3 * c
                    _ghosts(here, s, ny, nz, pitch, periodic_y, periodic_z, False)
                if full:
                    for c in range(2):
                        s = 3 * c if i & 1 == 1 else 1 + c
                        _ghosts(here, s, ny, nz, pitch, periodic_y, periodic_z, False)
        i = step - lag - 2
        if i0 <= i <= i1:
            here = t[i & mask]
            for s in range(4):
                red = (i & 1 == 1) == (s in {0, 3})
                y = here[s ^ 2, 0 if s < 2 else pitch :]
                along = here[s ^ 1, lo - 1 if s & 1 == 0 else lo :]
                if full:
                    _residual_row(
                        total[lo:hi], r[i, s, lo:hi], here[s, lo:hi], code[i, s, lo:hi],
                        t[i - 1, s, lo:hi], t[i + 1, s, lo:hi],
                        y[:n], y[pitch : n + pitch], along[:n], along[1 : n + 1], wx, wy, wz,
                    )  # fmt: skip
                elif red:
                    _neighbors_row(
                        total[lo:hi], code[i, s, lo:hi],
                        t[(i - 1) & mask, s, lo:hi], t[(i + 1) & mask, s, lo:hi],
                        y[:n], y[pitch : n + pitch], along[:n], along[1 : n + 1], wx, wy, wz,
                    )  # fmt: skip
            if i % 2 == 0 or i == nx:
                _store(total, coarse[(i + 1) // 2], hy, hz, pitch, coarse_pitch)


@_jit
def _red(
    i: int, z: Array, r: Array, code: Array, ny: int, nz: int, pitch: int, wx: float, wy: float,
    wz: float, periodic_y: bool, periodic_z: bool,
) -> None:  # fmt: skip
    for c in range(2):
        s = 3 * c if i & 1 == 1 else 1 + c
        _relax(z[i], r[i], code[i], z[i - 1], z[i + 1], s, pitch, wx, wy, wz)
    if periodic_y or periodic_z:
        for s in range(4):
            _ghosts(z[i], s, ny, nz, pitch, periodic_y, periodic_z, False)


@_jit
def _dots(
    i: int, z: Array, r: Array, q: Array, code: Array, pitch: int, wx: float, wy: float,
    wz: float, full: bool, dots: Array,
) -> None:  # fmt: skip
    lo = pitch
    hi = r.shape[2] - pitch
    v = np.empty(min(BLOCK, hi - lo), np.float32)
    zr = 0.0
    zq = 0.0
    zv = 0.0
    sv = 0.0
    for s in range(4):
        red = (i & 1 == 1) == (s in {0, 3})
        a, b, c = _dots_row(z[i, s, lo:hi], r[i, s, lo:hi], q[i, s, lo:hi])
        zr += a
        zq += b
        if red and not full:
            zv += a
            sv += c
            continue
        for m in range(lo, hi, BLOCK):
            e = min(m + BLOCK, hi)
            n = e - m
            y = z[i, s ^ 2, m - lo if s < 2 else m - lo + pitch :]
            along = z[i, s ^ 1, m - 1 if s & 1 == 0 else m :]
            _apply_row(
                v[:n], z[i, s, m:e], code[i, s, m:e], z[i - 1, s, m:e], z[i + 1, s, m:e],
                y[:n], y[pitch : n + pitch], along[:n], along[1 : n + 1], wx, wy, wz,
            )  # fmt: skip
            a, c = _dot_row(z[i, s, m:e], v[:n])
            zv += a
            sv += c
    dots[i, 0] = zr
    dots[i, 1] = zq
    dots[i, 2] = zv
    dots[i, 3] = sv


@_jit
def _prolonged(
    i: int, here: Array, r: Array, code: Array, total: Array, pitch: int, wx: float, wy: float,
    wz: float, full: bool,
) -> None:  # fmt: skip
    lo = pitch
    hi = r.shape[2] - pitch
    for s in range(4):
        red = (i & 1 == 1) == (s in {0, 3})
        if full:
            _add_row(here[s, lo:hi], code[i, s, lo:hi], total[lo:hi])
        elif red:
            _start_add_row(
                here[s, lo:hi], r[i, s, lo:hi], code[i, s, lo:hi], total[lo:hi], wx, wy, wz
            )


@_jit
def byte_ascend(
    i0: int, i1: int, z: Array, r: Array, q: Array, code: Array, total: Array, rim: Array,
    e: Array, d: Array, a: float, b: float, ny: int, nz: int, pitch: int, coarse_pitch: int,
    wx: float, wy: float, wz: float, periodic_y: bool, periodic_z: bool, full: bool, dots: Array,
) -> None:  # fmt: skip
    """Add the coarse correction a e + b d to the forward sweep's result, and sweep backward.

    Planes i0 to i1; at inner ends the last red sweep and the products near them are left to
    `byte_finish`. `rim` (2, 4, n) is scratch for a plane beyond each end. `dots` (nx + 2, 4) gets
    the products z·r, z·q and z·A z of each plane, and the sum of A z.
    """
    nx = r.shape[0] - 2
    hy = (ny + 1) // 2
    hz = (nz + 1) // 2
    periodic = periodic_y or periodic_z
    red0 = 1 if i0 == 1 else i0 + 1
    red1 = nx if i1 == nx else i1 - 1
    dot0 = 1 if i0 == 1 else i0 + 2
    dot1 = nx if i1 == nx else i1 - 2
    loaded = 0
    for step in range(i0 - 1, i1 + 4):
        i = step
        if 1 <= i <= nx and i <= i1 + 1:
            here = rim[0] if i < i0 else (rim[1] if i > i1 else z[i])
            if loaded != (i + 1) // 2:
                loaded = (i + 1) // 2
                _load(total, e[loaded], d[loaded], a, b, hy, hz, pitch, coarse_pitch)
            _prolonged(i, here, r, code, total, pitch, wx, wy, wz, full)
            if periodic:
                for s in range(4):
                    red = (i & 1 == 1) == (s in {0, 3})
                    if full or red:
                        _ghosts(here, s, ny, nz, pitch, periodic_y, periodic_z, False)
        i = step - 1
        if i0 <= i <= i1:
            below = rim[0] if i == i0 and i > 1 else z[i - 1]
            above = rim[1] if i == i1 and i < nx else z[i + 1]
            for c in range(2):
                s = 1 + c if i & 1 == 1 else 3 * c
                _relax(z[i], r[i], code[i], below, above, s, pitch, wx, wy, wz)
            if periodic:
                for c in range(2):
                    s = 1 + c if i & 1 == 1 else 3 * c
                    _ghosts(z[i], s, ny, nz, pitch, periodic_y, periodic_z, False)
        i = step - 2
        if red0 <= i <= red1:
            _red(i, z, r, code, ny, nz, pitch, wx, wy, wz, periodic_y, periodic_z)
        i = step - 3
        if dot0 <= i <= dot1:
            _dots(i, z, r, q, code, pitch, wx, wy, wz, full, dots)


@_jit
def byte_finish(
    i1: int, z: Array, r: Array, q: Array, code: Array, ny: int, nz: int, pitch: int, wx: float,
    wy: float, wz: float, periodic_y: bool, periodic_z: bool, dots: Array,
) -> None:  # fmt: skip
    """What `byte_ascend` leaves at the end between planes i1 and i1 + 1."""
    for i in (i1, i1 + 1):
        _red(i, z, r, code, ny, nz, pitch, wx, wy, wz, periodic_y, periodic_z)
    for i in range(i1 - 1, i1 + 3):
        _dots(i, z, r, q, code, pitch, wx, wy, wz, False, dots)
