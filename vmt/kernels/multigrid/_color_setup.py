"""Set-up of the levels in two colors (`_color_byte`), and copies from and to plain arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "color_coarsen",
    "color_from_rows",
    "color_inverse",
    "color_setup",
    "color_to_rows",
    "color_unpack",
]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")
_row: Any = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)

ZERO = np.float32(0)


@_jit
def _ghosts(
    v: Array, s: int, ny: int, nz: int, pitch: int, periodic_y: bool, periodic_z: bool,
    own: bool,
) -> None:  # fmt: skip
    """As on the finest level."""
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


@_row
def _mask_row(out: Array, labels: Array) -> None:
    for m in range(out.size):
        out[m] = np.uint8(1) if labels[m] > 0 else np.uint8(0)


@_jit
def _split(labels: Array, out: Array, row: Array, pitch: int) -> None:
    """Write a plane of labels as the four parts of a plane of zeros and ones."""
    ny, nz = labels.shape
    half = row.size // 2
    for j in range(ny):
        _mask_row(row[:nz], labels[j])
        at = ((j >> 1) + 1) * pitch
        s = 2 * (j & 1)
        even = out[s, at : at + half]
        odd = out[s + 1, at : at + half]
        for m in range(half):
            even[m] = row[2 * m]
            odd[m] = row[2 * m + 1]


@_row
def _code_row(
    code: Array, here: Array, xm: Array, xp: Array, left: int, right: int, ym: Array, yp: Array,
    zm: Array, zp: Array,
) -> None:  # fmt: skip
    for m in range(code.size):
        n = xm[m] + xp[m] + left + right
        n += np.uint8(8) * (ym[m] + yp[m]) + np.uint8(32) * (zm[m] + zp[m])
        code[m] = here[m] * n


@_row
def _ramp_row(r: Array, here: Array, xm: Array, xp: Array, left: int, right: int) -> None:
    for m in range(r.size):
        r[m] = np.float32(
            np.int32(here[m]) * (np.int32(xp[m]) - np.int32(xm[m]) + np.int32(right - left))
        )


@_row
def _count_row(a: Array, b: Array) -> Any:
    count = np.int32(0)
    for m in range(a.size):
        count += np.int32(a[m] & b[m])
    return count


@_row
def _join_row(out: Array, a: Array, b: Array) -> None:
    for m in range(out.size):
        out[m] += a[m] & b[m]


@_jit
def _at(j: int, k: int, pitch: int) -> Any:
    return ((j >> 1) + 1) * pitch + (k >> 1)


@_jit
def color_setup(
    labels: Array, code: Array, r: Array, cx: Array, cy: Array, cz: Array, pitch: int,
    coarse_pitch: int, periodic_y: bool, periodic_z: bool, sums: Array, layers: Array,
) -> None:  # fmt: skip
    """Write codes, the ramp's residual, and the faces that are open between 2×2×2 aggregates.

    `cx`, `cy`, `cz` count open faces (one to an electrode counts two) from an aggregate to the next
    along the axis; links to electrodes are in the first and last plane of `cx`. `sums` gets the
    sum of the residual over each plane, `layers` (nx + 1) the open faces between planes.
    """
    nx, ny, nz = labels.shape
    hy = (ny + 1) // 2
    hz = (nz + 1) // 2
    size = code.shape[2]
    lo = pitch
    hi = size - pitch
    n = hi - lo
    bits = np.zeros((3, 4, size), np.uint8)
    row = np.zeros(2 * hz, np.uint8)
    nothing = np.zeros(size, np.uint8)
    fx = np.zeros(size, np.uint8)
    fy = np.zeros(size, np.uint8)
    fz = np.zeros(size, np.uint8)
    for step in range(nx + 1):
        if step < nx:
            _split(labels[step], bits[step % 3], row, pitch)
        i = step - 1
        if i < 0:
            for s in range(4):
                layers[0] += _count_row(bits[0, s], bits[0, s])
                for m in range(size):
                    fx[m] += np.uint8(2) * bits[0, s, m]
            _store(fx, cx[0], hy, hz, pitch, coarse_pitch)
            continue
        here = bits[i % 3]
        left = np.uint8(2 if i == 0 else 0)
        right = np.uint8(2 if i == nx - 1 else 0)
        half_left = np.uint8(left >> 1)
        half_right = np.uint8(right >> 1)
        for s in range(4):
            m_here = here[s, lo:hi]
            xm = bits[(i - 1) % 3, s, lo:hi] if i > 0 else nothing[lo:hi]
            xp = bits[step % 3, s, lo:hi] if i < nx - 1 else nothing[lo:hi]
            y = here[s ^ 2, 0 if s < 2 else pitch :]
            along = here[s ^ 1, lo - 1 if s & 1 == 0 else lo :]
            _code_row(
                code[i + 1, s, lo:hi], m_here, xm, xp, left, right, y[:n], y[pitch : n + pitch],
                along[:n], along[1 : n + 1],
            )  # fmt: skip
            _ramp_row(r[i + 1, s, lo:hi], m_here, xm, xp, half_left, half_right)
            if i < nx - 1:
                layers[i + 1] += _count_row(m_here, xp)
            else:
                layers[i + 1] += _count_row(m_here, m_here)
            if i == nx - 1:
                _join_row(fx[lo:hi], m_here, m_here)
                _join_row(fx[lo:hi], m_here, m_here)
            elif i % 2 == 1:
                _join_row(fx[lo:hi], m_here, xp)
        sums[i + 1] = layers[i + 1] - layers[i]
        for c in range(2):
            _join_row(fy[lo:hi], here[2 + c, lo:hi], here[c, lo + pitch : hi + pitch])
            _join_row(fz[lo:hi], here[2 * c + 1, lo:hi], here[2 * c, lo + 1 : hi + 1])
        if periodic_y:
            last = 2 * ((ny - 1) & 1)
            for k in range(nz):
                a = _at(0, k, pitch)
                b = _at(ny - 1, k, pitch)
                c = k & 1
                if here[c, a] & here[last + c, b]:
                    code[i + 1, c, a] += np.uint8(8)
                    code[i + 1, last + c, b] += np.uint8(8)
                    if hy > 1:
                        fy[b] += np.uint8(1)
        if periodic_z:
            last = (nz - 1) & 1
            for j in range(ny):
                a = _at(j, 0, pitch)
                b = _at(j, nz - 1, pitch)
                s = 2 * (j & 1)
                if here[s, a] & here[s + last, b]:
                    code[i + 1, s, a] += np.uint8(32)
                    code[i + 1, s + last, b] += np.uint8(32)
                    if hz > 1:
                        fz[b] += np.uint8(1)
        if i % 2 == 1 or i == nx - 1:
            plane = i // 2 + 1
            _store(fx, cx[plane], hy, hz, pitch, coarse_pitch)
            _store(fy, cy[plane], hy, hz, pitch, coarse_pitch)
            _store(fz, cz[plane], hy, hz, pitch, coarse_pitch)


@_jit
def color_unpack(x: Array, out: Array, pitch: int) -> None:
    """Copy a vector into a plain (nx, ny, nz) array."""
    nx, ny, nz = out.shape
    half = nz // 2
    for i in range(nx):
        for j in range(ny):
            at = ((j >> 1) + 1) * pitch
            even = x[i + 1, 2 * (j & 1), at : at + half + 1]
            odd = x[i + 1, 2 * (j & 1) + 1, at : at + half]
            row = out[i, j]
            for m in range(half):
                row[2 * m] = even[m]
                row[2 * m + 1] = odd[m]
            if nz % 2 == 1:
                row[nz - 1] = even[half]


@_jit
def color_from_rows(rows: Array, out: Array, pitch: int) -> None:
    """Copy a vector (nx + 2, ny + 2, 2, h + 2) of even and odd rows."""
    nx, ny, _, h = rows.shape
    for i in range(1, nx - 1):
        for j in range(ny - 2):
            at = ((j >> 1) + 1) * pitch
            for c in range(2):
                out[i, 2 * (j & 1) + c, at : at + h - 2] = rows[i, j + 1, c, 1 : h - 1]


@_jit
def color_to_rows(v: Array, rows: Array, pitch: int) -> None:
    """Copy to a vector (nx + 2, ny + 2, 2, h + 2) of even and odd rows."""
    nx, ny, _, h = rows.shape
    for i in range(1, nx - 1):
        for j in range(ny - 2):
            at = ((j >> 1) + 1) * pitch
            for c in range(2):
                rows[i, j + 1, c, 1 : h - 1] = v[i, 2 * (j & 1) + c, at : at + h - 2]


@_row
def _sum_rows(total: Array, a: Array) -> None:
    for m in range(total.size):
        total[m] += np.float32(a[m])


@_jit
def color_coarsen(
    cx: Array, cy: Array, cz: Array, coarse_x: Array, coarse_y: Array, coarse_z: Array, ny: int,
    nz: int, pitch: int, coarse_pitch: int, periodic_y: bool, periodic_z: bool,
) -> None:  # fmt: skip
    """Sum a level's faces between its 2×2×2 aggregates."""
    nx = cx.shape[0] - 2
    hy = (ny + 1) // 2
    hz = (nz + 1) // 2
    size = cx.shape[2]
    lo = pitch
    hi = size - pitch
    fx = np.zeros(size, np.float32)
    fy = np.zeros(size, np.float32)
    fz = np.zeros(size, np.float32)
    for s in range(4):
        _sum_rows(fx[lo:hi], cx[0, s, lo:hi])
    _store(fx, coarse_x[0], hy, hz, pitch, coarse_pitch)
    for i in range(1, nx + 1):
        if i % 2 == 0 or i == nx:
            for s in range(4):
                _sum_rows(fx[lo:hi], cx[i, s, lo:hi])
        for c in range(2):
            _sum_rows(fy[lo:hi], cy[i, 2 + c, lo:hi])
            _sum_rows(fz[lo:hi], cz[i, 2 * c + 1, lo:hi])
        if periodic_y and ny % 2 == 1:
            for c in range(2):
                _sum_rows(fy[hy * pitch : hy * pitch + hz], cy[i, c, hy * pitch : hy * pitch + hz])
        if periodic_z and nz % 2 == 1:
            for c in range(2):
                for j in range(1, hy + 1):
                    fz[j * pitch + hz - 1] += np.float32(cz[i, 2 * c, j * pitch + hz - 1])
        if i % 2 == 0 or i == nx:
            if periodic_y and hy == 1:
                fy[:] = 0
            if periodic_z and hz == 1:
                fz[:] = 0
            plane = (i + 1) // 2
            _store(fx, coarse_x[plane], hy, hz, pitch, coarse_pitch)
            _store(fy, coarse_y[plane], hy, hz, pitch, coarse_pitch)
            _store(fz, coarse_z[plane], hy, hz, pitch, coarse_pitch)


@_row
def _inverse_row(
    out: Array, cxm: Array, cxp: Array, cym: Array, cyp: Array, czm: Array, czp: Array, sx: float,
    sy: float, sz: float,
) -> None:  # fmt: skip
    for m in range(out.size):
        d = sx * (np.float32(cxm[m]) + np.float32(cxp[m]))
        d += sy * (np.float32(cym[m]) + np.float32(cyp[m]))
        d += sz * (np.float32(czm[m]) + np.float32(czp[m]))
        out[m] = np.float32(1) / d if d > 0 else ZERO


@_jit
def _clear_ghosts(
    v: Array, s: int, ny: int, nz: int, pitch: int, periodic_y: bool, periodic_z: bool
) -> None:
    """Zero what lies between the real cells of a part."""
    hy = (ny + 1) // 2
    hz = (nz + 1) // 2
    own = hz - (nz & 1) * (s & 1)
    rows = hy - (ny & 1) * (s >> 1)
    v[:pitch] = 0
    v[(rows + 1) * pitch :] = 0
    for j in range(1, hy + 1):
        v[j * pitch + own : (j + 1) * pitch] = 0


@_jit
def color_inverse(
    cx: Array, cy: Array, cz: Array, inverse: Array, ny: int, nz: int, pitch: int, sx: float,
    sy: float, sz: float, periodic_y: bool, periodic_z: bool,
) -> None:  # fmt: skip
    """Fill the copies of links across periodic sides, and one over the diagonal."""
    nx = cx.shape[0] - 2
    lo = pitch
    hi = cx.shape[2] - pitch
    n = hi - lo
    for i in range(1, nx + 1):
        for s in range(4):
            if periodic_y:
                _ghosts(cy[i], s, ny, nz, pitch, True, False, False)
            if periodic_z:
                _ghosts(cz[i], s, ny, nz, pitch, False, True, False)
        for s in range(4):
            yo = 0 if s < 2 else pitch
            zo = lo - 1 if s & 1 == 0 else lo
            _inverse_row(
                inverse[i, s, lo:hi], cx[i - 1, s, lo:hi], cx[i, s, lo:hi],
                cy[i, s ^ 2, yo : yo + n], cy[i, s, lo:hi], cz[i, s ^ 1, zo : zo + n],
                cz[i, s, lo:hi], sx, sy, sz,
            )  # fmt: skip
            if periodic_y or periodic_z:
                _clear_ghosts(inverse[i, s], s, ny, nz, pitch, periodic_y, periodic_z)
