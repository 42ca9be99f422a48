"""A level with one number per face in two colors: the levels below that of one conducting phase.

The layout is that of the finest level (`_color_byte`). `cx`, `cy`, `cz` hold the number of open
faces, or a conductance, from a cell to its next neighbor along the axis: bytes on the first
levels, float32 below; three factors turn them into conductances. Plane 0 of `cx` links the first
cells to the electrode, which is a plane of zeros. `inverse` is one over the diagonal, 0 where
nothing conducts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from vmt.kernels._lanes import LANES, lane_sum, load, zeros

__all__ = ["count_ascend", "count_descend", "count_finish", "count_subtract"]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")
_row: Any = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)

ZERO = np.float32(0)


@_row
def _relax_row(
    out: Array, b: Array, inverse: Array, xm: Array, xp: Array, ym: Array, yp: Array, zm: Array,
    zp: Array, cxm: Array, cxp: Array, cym: Array, cyp: Array, czm: Array, czp: Array, sx: float,
    sy: float, sz: float,
) -> None:  # fmt: skip
    for m in range(out.size):
        s = sx * (np.float32(cxm[m]) * xm[m] + np.float32(cxp[m]) * xp[m])
        s += sy * (np.float32(cym[m]) * ym[m] + np.float32(cyp[m]) * yp[m])
        s += sz * (np.float32(czm[m]) * zm[m] + np.float32(czp[m]) * zp[m])
        out[m] = (b[m] + s) * inverse[m]


@_row
def _neighbors_row(
    total: Array, inverse: Array, xm: Array, xp: Array, ym: Array, yp: Array, zm: Array,
    zp: Array, cxm: Array, cxp: Array, cym: Array, cyp: Array, czm: Array, czp: Array, sx: float,
    sy: float, sz: float,
) -> None:  # fmt: skip
    for m in range(total.size):
        s = sx * (np.float32(cxm[m]) * xm[m] + np.float32(cxp[m]) * xp[m])
        s += sy * (np.float32(cym[m]) * ym[m] + np.float32(cyp[m]) * yp[m])
        s += sz * (np.float32(czm[m]) * zm[m] + np.float32(czp[m]) * zp[m])
        total[m] += s if inverse[m] > 0 else ZERO


@_row
def _apply_row(
    out: Array, here: Array, inverse: Array, xm: Array, xp: Array, ym: Array, yp: Array,
    zm: Array, zp: Array, cxm: Array, cxp: Array, cym: Array, cyp: Array, czm: Array, czp: Array,
    sx: float, sy: float, sz: float,
) -> None:  # fmt: skip
    for m in range(out.size):
        ax = np.float32(cxm[m])
        bx = np.float32(cxp[m])
        ay = np.float32(cym[m])
        by = np.float32(cyp[m])
        az = np.float32(czm[m])
        bz = np.float32(czp[m])
        s = sx * ((ax + bx) * here[m] - (ax * xm[m] + bx * xp[m]))
        s += sy * ((ay + by) * here[m] - (ay * ym[m] + by * yp[m]))
        s += sz * ((az + bz) * here[m] - (az * zm[m] + bz * zp[m]))
        out[m] = s if inverse[m] > 0 else ZERO


@_row
def _start_row(out: Array, b: Array, inverse: Array) -> None:
    for m in range(out.size):
        out[m] = b[m] * inverse[m]


@_row
def _start_add_row(out: Array, b: Array, inverse: Array, e: Array) -> None:
    for m in range(out.size):
        out[m] = b[m] * inverse[m] + e[m] if inverse[m] > 0 else ZERO


@_row
def _add_row(out: Array, inverse: Array, e: Array) -> None:
    for m in range(out.size):
        out[m] += e[m] if inverse[m] > 0 else ZERO


@_row
def _subtract_row(b: Array, v: Array, alpha: float) -> None:
    for m in range(b.size):
        b[m] -= alpha * v[m]


@_row
def _scale_row(b: Array, alpha: float) -> None:
    for m in range(b.size):
        b[m] -= alpha * b[m]


@_row
def _add_difference_row(total: Array, b: Array, v: Array) -> None:
    for m in range(total.size):
        total[m] += b[m] - v[m]


@_row
def _dots_row(z: Array, b: Array, v: Array, o: Array, dots: Array) -> None:
    """Add z·b, z·v, o·v, b·b, b·v, v·v to dots."""
    zb, zv, ov = zeros(), zeros(), zeros()
    bb, bv, vv = zeros(), zeros(), zeros()
    whole = z.size // LANES * LANES
    for m in range(0, whole, LANES):
        zm = load(z, m)
        bm = load(b, m)
        vm = load(v, m)
        zb += zm * bm
        zv += zm * vm
        ov += load(o, m) * vm
        bb += bm * bm
        bv += bm * vm
        vv += vm * vm
    dots[0] += lane_sum(zb)
    dots[1] += lane_sum(zv)
    dots[2] += lane_sum(ov)
    dots[3] += lane_sum(bb)
    dots[4] += lane_sum(bv)
    dots[5] += lane_sum(vv)
    for m in range(whole, z.size):
        z_ = np.float64(z[m])
        b_ = np.float64(b[m])
        v_ = np.float64(v[m])
        dots[0] += z_ * b_
        dots[1] += z_ * v_
        dots[2] += np.float64(o[m]) * v_
        dots[3] += b_ * b_
        dots[4] += b_ * v_
        dots[5] += v_ * v_


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
    half = (hz + 1) // 2
    for j in range(hy):
        row = total[(j + 1) * pitch : (j + 1) * pitch + 2 * half]
        at = ((j >> 1) + 1) * coarse_pitch
        s = 2 * (j & 1)
        even = e[s, at : at + half]
        odd = e[s + 1, at : at + half]
        if b == ZERO:
            for m in range(half):
                row[2 * m] = a * even[m]
                row[2 * m + 1] = a * odd[m]
        else:
            even_d = d[s, at : at + half]
            odd_d = d[s + 1, at : at + half]
            for m in range(half):
                row[2 * m] = a * even[m] + b * even_d[m]
                row[2 * m + 1] = a * odd[m] + b * odd_d[m]


@_row
def _relax(
    here: Array, below: Array, above: Array, b: Array, inverse: Array, cxm: Array, cxp: Array,
    cy: Array, cz: Array, s: int, pitch: int, sx: float, sy: float, sz: float,
) -> None:  # fmt: skip
    """Relax part s of a plane."""
    lo = pitch
    hi = b.shape[1] - pitch
    n = hi - lo
    yo = 0 if s < 2 else pitch
    zo = lo - 1 if s & 1 == 0 else lo
    y = here[s ^ 2]
    z = here[s ^ 1]
    _relax_row(
        here[s, lo:hi], b[s, lo:hi], inverse[s, lo:hi], below[s, lo:hi], above[s, lo:hi],
        y[yo : yo + n], y[yo + pitch : yo + pitch + n], z[zo : zo + n], z[zo + 1 : zo + 1 + n],
        cxm[s, lo:hi], cxp[s, lo:hi], cy[s ^ 2, yo : yo + n], cy[s, lo:hi], cz[s ^ 1, zo : zo + n],
        cz[s, lo:hi], sx, sy, sz,
    )  # fmt: skip


@_row
def _neighbors(
    total: Array, here: Array, below: Array, above: Array, inverse: Array, cxm: Array, cxp: Array,
    cy: Array, cz: Array, s: int, pitch: int, sx: float, sy: float, sz: float,
) -> None:  # fmt: skip
    lo = pitch
    hi = here.shape[1] - pitch
    n = hi - lo
    yo = 0 if s < 2 else pitch
    zo = lo - 1 if s & 1 == 0 else lo
    y = here[s ^ 2]
    z = here[s ^ 1]
    _neighbors_row(
        total[lo:hi], inverse[s, lo:hi], below[s, lo:hi], above[s, lo:hi],
        y[yo : yo + n], y[yo + pitch : yo + pitch + n], z[zo : zo + n], z[zo + 1 : zo + 1 + n],
        cxm[s, lo:hi], cxp[s, lo:hi], cy[s ^ 2, yo : yo + n], cy[s, lo:hi], cz[s ^ 1, zo : zo + n],
        cz[s, lo:hi], sx, sy, sz,
    )  # fmt: skip


@_row
def _apply(
    out: Array, here: Array, below: Array, above: Array, inverse: Array, cxm: Array, cxp: Array,
    cy: Array, cz: Array, s: int, pitch: int, sx: float, sy: float, sz: float,
) -> None:  # fmt: skip
    lo = pitch
    hi = here.shape[1] - pitch
    n = hi - lo
    yo = 0 if s < 2 else pitch
    zo = lo - 1 if s & 1 == 0 else lo
    y = here[s ^ 2]
    z = here[s ^ 1]
    _apply_row(
        out[lo:hi], here[s, lo:hi], inverse[s, lo:hi], below[s, lo:hi], above[s, lo:hi],
        y[yo : yo + n], y[yo + pitch : yo + pitch + n], z[zo : zo + n], z[zo + 1 : zo + 1 + n],
        cxm[s, lo:hi], cxp[s, lo:hi], cy[s ^ 2, yo : yo + n], cy[s, lo:hi], cz[s ^ 1, zo : zo + n],
        cz[s, lo:hi], sx, sy, sz,
    )  # fmt: skip


@_jit
def _subtract(
    i: int, b: Array, z: Array, inverse: Array, cx: Array, cy: Array, cz: Array, v: Array,
    alpha: float, pitch: int, sx: float, sy: float, sz: float, full: bool,
) -> None:  # fmt: skip
    lo = pitch
    hi = b.shape[2] - pitch
    for s in range(4):
        red = (i & 1 == 1) == (s in {0, 3})
        if red and not full:
            _scale_row(b[i, s, lo:hi], alpha)
        else:
            _apply(
                v, z[i], z[i - 1], z[i + 1], inverse[i], cx[i - 1], cx[i], cy[i], cz[i], s, pitch,
                sx, sy, sz,
            )  # fmt: skip
            _subtract_row(b[i, s, lo:hi], v[lo:hi], alpha)


@_jit
def count_subtract(
    i0: int, i1: int, b: Array, z: Array, inverse: Array, cx: Array, cy: Array, cz: Array,
    v: Array, alpha: float, pitch: int, sx: float, sy: float, sz: float, full: bool,
) -> None:  # fmt: skip
    """Subtract α A z from b in planes i0 to i1."""
    for i in range(i0, i1 + 1):
        _subtract(i, b, z, inverse, cx, cy, cz, v, alpha, pitch, sx, sy, sz, full)


@_jit
def count_descend(
    i0: int, i1: int, update: bool, b: Array, z: Array, inverse: Array, cx: Array, cy: Array,
    cz: Array, t: Array, v: Array, total: Array, coarse: Array, alpha: float, ny: int, nz: int,
    pitch: int, coarse_pitch: int, sx: float, sy: float, sz: float, periodic_y: bool,
    periodic_z: bool, full: bool,
) -> None:  # fmt: skip
    """Subtract α A z from b if `update`, sweep forward from zero, restrict the residual to coarse.

    As `byte_descend`; with `full` the new z is written to t, which is not z.
    """
    nx = b.shape[0] - 2
    hy = (ny + 1) // 2
    hz = (nz + 1) // 2
    lo = pitch
    hi = b.shape[2] - pitch
    mask = -1 if full else 3
    periodic = periodic_y or periodic_z
    total[:] = 0
    first = max(i0 - 2, 0)
    last = min(i1 + 2, nx + 1)
    if not full:
        t[:] = 0
    for step in range(first, i1 + 4):
        i = step
        if update and i0 <= i <= i1:
            _subtract(i, b, z, inverse, cx, cy, cz, v, alpha, pitch, sx, sy, sz, full)
        if first <= i <= last:
            here = t[i & mask]
            if i == 0 or i > nx:
                if not full:
                    here[:] = 0
            else:
                for c in range(2):
                    s = 3 * c if i & 1 == 1 else 1 + c
                    _start_row(here[s, lo:hi], b[i, s, lo:hi], inverse[i, s, lo:hi])
                    if full:
                        here[s, :lo] = 0
                        here[s, hi:] = 0
                    if periodic:
                        _ghosts(here, s, ny, nz, pitch, periodic_y, periodic_z, True)
        i = step - 1
        if max(i0 - 1, 1) <= i <= min(i1 + 1, nx):
            here = t[i & mask]
            for c in range(2):
                s = 1 + c if i & 1 == 1 else 3 * c
                _relax(
                    here, t[(i - 1) & mask], t[(i + 1) & mask], b[i], inverse[i], cx[i - 1], cx[i],
                    cy[i], cz[i], s, pitch, sx, sy, sz,
                )  # fmt: skip
            if periodic:
                for c in range(2):
                    s = 1 + c if i & 1 == 1 else 3 * c
                    _ghosts(here, s, ny, nz, pitch, periodic_y, periodic_z, False)
                if full:
                    for c in range(2):
                        s = 3 * c if i & 1 == 1 else 1 + c
                        _ghosts(here, s, ny, nz, pitch, periodic_y, periodic_z, False)
        i = step - 2
        if i0 <= i <= i1:
            here = t[i & mask]
            for s in range(4):
                red = (i & 1 == 1) == (s in {0, 3})
                if full:
                    _apply(
                        v, here, t[i - 1], t[i + 1], inverse[i], cx[i - 1], cx[i], cy[i], cz[i],
                        s, pitch, sx, sy, sz,
                    )  # fmt: skip
                    _add_difference_row(total[lo:hi], b[i, s, lo:hi], v[lo:hi])
                elif red:
                    _neighbors(
                        total, here, t[(i - 1) & mask], t[(i + 1) & mask], inverse[i], cx[i - 1],
                        cx[i], cy[i], cz[i], s, pitch, sx, sy, sz,
                    )  # fmt: skip
            if i % 2 == 0 or i == nx:
                _store(total, coarse[(i + 1) // 2], hy, hz, pitch, coarse_pitch)


@_jit
def _red(
    i: int, z: Array, b: Array, inverse: Array, cx: Array, cy: Array, cz: Array, ny: int, nz: int,
    pitch: int, sx: float, sy: float, sz: float, periodic_y: bool, periodic_z: bool,
) -> None:  # fmt: skip
    for c in range(2):
        s = 3 * c if i & 1 == 1 else 1 + c
        _relax(
            z[i], z[i - 1], z[i + 1], b[i], inverse[i], cx[i - 1], cx[i], cy[i], cz[i], s, pitch,
            sx, sy, sz,
        )  # fmt: skip
    if periodic_y or periodic_z:
        for s in range(4):
            _ghosts(z[i], s, ny, nz, pitch, periodic_y, periodic_z, False)


@_jit
def _dots(
    i: int, z: Array, b: Array, other: Array, inverse: Array, cx: Array, cy: Array, cz: Array,
    v: Array, pitch: int, sx: float, sy: float, sz: float, full: bool, dots: Array,
) -> None:  # fmt: skip
    lo = pitch
    hi = b.shape[2] - pitch
    dots[i] = 0
    for s in range(4):
        red = (i & 1 == 1) == (s in {0, 3})
        if red and not full:
            av = b[i, s, lo:hi]
        else:
            _apply(
                v, z[i], z[i - 1], z[i + 1], inverse[i], cx[i - 1], cx[i], cy[i], cz[i], s, pitch,
                sx, sy, sz,
            )  # fmt: skip
            av = v[lo:hi]
        _dots_row(z[i, s, lo:hi], b[i, s, lo:hi], av, other[i, s, lo:hi], dots[i])


@_jit
def count_ascend(
    i0: int, i1: int, z: Array, b: Array, other: Array, inverse: Array, cx: Array, cy: Array,
    cz: Array, v: Array, total: Array, rim: Array, e: Array, d: Array, ea: float, da: float,
    ny: int, nz: int, pitch: int, coarse_pitch: int, sx: float, sy: float, sz: float,
    periodic_y: bool, periodic_z: bool, full: bool, wanted: bool, dots: Array,
) -> None:  # fmt: skip
    """Add the coarse correction, sweep backward, as `byte_ascend`.

    If `wanted`, `dots` (nx + 2, 6) gets z·b, z·A z, other·A z, b·b, b·A z, A z·A z of each plane.
    """
    nx = b.shape[0] - 2
    hy = (ny + 1) // 2
    hz = (nz + 1) // 2
    lo = pitch
    hi = b.shape[2] - pitch
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
                _load(total, e[loaded], d[loaded], ea, da, hy, hz, pitch, coarse_pitch)
            for s in range(4):
                red = (i & 1 == 1) == (s in {0, 3})
                if full:
                    _add_row(here[s, lo:hi], inverse[i, s, lo:hi], total[lo:hi])
                elif red:
                    _start_add_row(
                        here[s, lo:hi], b[i, s, lo:hi], inverse[i, s, lo:hi], total[lo:hi]
                    )
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
                _relax(
                    z[i], below, above, b[i], inverse[i], cx[i - 1], cx[i], cy[i], cz[i], s, pitch,
                    sx, sy, sz,
                )  # fmt: skip
            if periodic:
                for c in range(2):
                    s = 1 + c if i & 1 == 1 else 3 * c
                    _ghosts(z[i], s, ny, nz, pitch, periodic_y, periodic_z, False)
        i = step - 2
        if red0 <= i <= red1:
            _red(i, z, b, inverse, cx, cy, cz, ny, nz, pitch, sx, sy, sz, periodic_y, periodic_z)
        i = step - 3
        if wanted and dot0 <= i <= dot1:
            _dots(i, z, b, other, inverse, cx, cy, cz, v, pitch, sx, sy, sz, full, dots)


@_jit
def count_finish(
    i1: int, z: Array, b: Array, other: Array, inverse: Array, cx: Array, cy: Array, cz: Array,
    v: Array, ny: int, nz: int, pitch: int, sx: float, sy: float, sz: float, periodic_y: bool,
    periodic_z: bool, wanted: bool, dots: Array,
) -> None:  # fmt: skip
    """What `count_ascend` leaves at the end between planes i1 and i1 + 1."""
    for i in (i1, i1 + 1):
        _red(i, z, b, inverse, cx, cy, cz, ny, nz, pitch, sx, sy, sz, periodic_y, periodic_z)
    if wanted:
        for i in range(i1 - 1, i1 + 3):
            _dots(i, z, b, other, inverse, cx, cy, cz, v, pitch, sx, sy, sz, False, dots)
