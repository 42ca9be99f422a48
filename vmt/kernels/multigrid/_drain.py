"""The lower bound of one conducting phase, in few passes over the voxels.

As `_thomson`: what a potential leaves in each voxel is led to the electrodes, so that the flux is
free of divergence up to rounding in float64, and the flux is weighed as an RT0 field. Here every
voxel draws what it lacks from one neighbor. In the half of the box near an electrode that is the
neighbor one plane nearer where it conducts, and most voxels need no list; others follow in their
plane, in the order of their distance; what is left hangs on later planes and is met by sweeps to
and fro.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from vmt.kernels._lanes import LANES, lane_sum, load, zeros

__all__ = ["drain_directions", "drain_energy", "drain_residual", "drain_route"]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")
_row: Any = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)

#: where a voxel draws from: the plane before or after, straight; the rows and columns around it;
#: the plane before or after in a later sweep
BEFORE, AFTER = 1, 2
ROW_BEFORE, ROW_AFTER, LEFT, RIGHT = 3, 4, 5, 6
LATE_BEFORE, LATE_AFTER = 7, 8


@_row
def _add_faces_row(
    here: Array, there: Array, x: Array, y: Array, a: Array, b: Array, w: float, step: float
) -> None:
    """Flux from voxels to their next: it leaves these and enters those."""
    for k in range(here.size):
        f = w * (step + (np.float64(y[k]) - np.float64(x[k]))) if a[k] > 0 and b[k] > 0 else 0.0
        here[k] += f
        there[k] -= f


@_row
def _flux_row(out: Array, x: Array, y: Array, a: Array, b: Array, w: float, step: float) -> None:
    for k in range(out.size):
        f = w * (step + (np.float64(y[k]) - np.float64(x[k])))
        out[k] = f if a[k] > 0 and b[k] > 0 else 0.0


@_row
def _subtract_shifted(here: Array, before: Array, after: Array) -> None:
    for k in range(here.size):
        here[k] += after[k] - before[k]


@_jit
def _along_row(line: Array, x: Array, a: Array, w: float, wrap_z: bool) -> None:
    """Fluxes along a row: `line` (nz + 1) is what enters each voxel, and what leaves the last."""
    nz = x.size
    _flux_row(line[1:nz], x[: nz - 1], x[1:], a[: nz - 1], a[1:], w, 0.0)
    line[0] = 0.0
    line[nz] = 0.0
    if wrap_z and a[0] > 0 and a[nz - 1] > 0:
        f = w * (np.float64(x[0]) - np.float64(x[nz - 1]))
        line[0] = f
        line[nz] = f


@_jit
def drain_residual(
    x: Array, labels: Array, need: Array, wx: float, wy: float, wz: float, wall: float,
    wrap_y: bool, wrap_z: bool,
) -> None:  # fmt: skip
    """Write into `need` what leaves each voxel, and should be nothing, in flux form."""
    nx, ny, nz = labels.shape
    line = np.zeros(nz + 1)
    for i in range(nx):
        if i == 0:
            need[0] = 0.0
            for j in range(ny):
                for k in range(nz):
                    if labels[0, j, k] > 0:
                        need[0, j, k] = -wall * (0.5 + np.float64(x[0, j, k]))
        if i < nx - 1:
            need[i + 1] = 0.0
        for j in range(ny):
            here = need[i, j]
            a = labels[i, j]
            if i < nx - 1:
                _add_faces_row(
                    here, need[i + 1, j], x[i, j], x[i + 1, j], a, labels[i + 1, j], wx, 1.0
                )
            else:
                for k in range(nz):
                    if a[k] > 0:
                        here[k] += wall * (0.5 - np.float64(x[i, j, k]))
            if j < ny - 1 or wrap_y:
                n = j + 1 if j < ny - 1 else 0
                _add_faces_row(here, need[i, n], x[i, j], x[i, n], a, labels[i, n], wy, 0.0)
            _along_row(line, x[i, j], a, wz, wrap_z)
            _subtract_shifted(here, line[:nz], line[1:])


@_row
def _straight_row(out: Array, labels: Array, nearer: Array, code: int) -> None:
    for k in range(out.size):
        out[k] = np.uint8(code) if labels[k] > 0 and nearer[k] > 0 else np.uint8(0)


@_row
def _wall_row(out: Array, labels: Array, code: int) -> None:
    for k in range(out.size):
        out[k] = np.uint8(code) if labels[k] > 0 else np.uint8(0)


@_row
def _left_row(labels: Array, drawn: Array) -> Any:
    """How many voxels draw from nowhere so far."""
    count = np.int32(0)
    for k in range(labels.size):
        count += np.int32((labels[k] > 0) & (drawn[k] == 0))
    return count


@_jit
def _spread(
    drawn: Array, labels: Array, i: int, order: Array, begin: int, end: int, wrap_y: bool,
    wrap_z: bool,
) -> Any:  # fmt: skip
    """Let the voxels of a plane follow those listed, nearest first; returns the list's end."""
    ny, nz = labels.shape[1:]
    size = ny * nz
    here = drawn[i].ravel()
    conducts = labels[i].ravel()
    at = begin
    while at < end:
        c = np.int64(order[at]) - i * size
        at += 1
        j = c // nz
        k = c - j * nz
        for side in range(4):
            if side == 0:
                if j == 0 and not wrap_y:
                    continue
                n = c - nz if j > 0 else c + (ny - 1) * nz
                code = ROW_AFTER
            elif side == 1:
                if j == ny - 1 and not wrap_y:
                    continue
                n = c + nz if j < ny - 1 else k
                code = ROW_BEFORE
            elif side == 2:
                if k == 0 and not wrap_z:
                    continue
                n = c - 1 if k > 0 else c + nz - 1
                code = RIGHT
            else:
                if k == nz - 1 and not wrap_z:
                    continue
                n = c + 1 if k < nz - 1 else c - nz + 1
                code = LEFT
            if conducts[n] > 0 and here[n] == 0:
                here[n] = code
                order[end] = n + i * size
                end += 1
    return end


@_jit
def _beside(drawn: Array, labels: Array, i: int, order: Array, end: int, code: int) -> Any:
    """List the voxels of a plane beside those that draw straight; returns the list's end."""
    ny, nz = labels.shape[1:]
    for j in range(ny):
        here = drawn[i, j]
        if _left_row(labels[i, j], here) == 0:
            continue
        for k in range(nz):
            if labels[i, j, k] == 0 or here[k] > 0:
                continue
            if j > 0 and drawn[i, j - 1, k] == code:
                here[k] = ROW_BEFORE
            elif j < ny - 1 and drawn[i, j + 1, k] == code:
                here[k] = ROW_AFTER
            elif k > 0 and here[k - 1] == code:
                here[k] = LEFT
            elif k < nz - 1 and here[k + 1] == code:
                here[k] = RIGHT
            else:
                continue
            order[end] = (i * ny + j) * nz + k
            end += 1
    return end


@_jit
def _first_plane(
    drawn: Array, labels: Array, i: int, order: Array, end: int, code: int, wrap_y: bool,
    wrap_z: bool, first: Array, last: Array,
) -> Any:  # fmt: skip
    """A plane in the first sweep; returns the list's end."""
    nx, ny, _ = labels.shape
    for j in range(ny):
        if i == (0 if code == BEFORE else nx - 1):
            _wall_row(drawn[i, j], labels[i, j], code)
        else:
            nearer = i - 1 if code == BEFORE else i + 1
            _straight_row(drawn[i, j], labels[i, j], drawn[nearer, j], code)
    first[i] = end
    found = _beside(drawn, labels, i, order, end, code)
    last[i] = _spread(drawn, labels, i, order, end, found, wrap_y, wrap_z)
    return last[i]


@_jit
def drain_directions(
    labels: Array, drawn: Array, order: Array, first: Array, last: Array, wrap_y: bool,
    wrap_z: bool,
) -> Any:  # fmt: skip
    """From which neighbor each voxel draws; returns the list's end, and how many find no way.

    `order` gets the voxels that don't draw straight, each after the one it draws from, and
    `first`, `last` (nx,) where those of a plane's first visit begin and end in it.
    """
    nx, ny, nz = labels.shape
    half = (nx + 1) // 2
    end = 0
    for i in range(half):
        end = _first_plane(drawn, labels, i, order, end, BEFORE, wrap_y, wrap_z, first, last)
    for i in range(nx - 1, half - 1, -1):
        end = _first_plane(drawn, labels, i, order, end, AFTER, wrap_y, wrap_z, first, last)
    left = np.zeros(nx, np.int64)
    for i in range(nx):
        for j in range(ny):
            left[i] += _left_row(labels[i, j], drawn[i, j])
    missing = left.sum()
    upward = True
    idle = 0
    while missing > 0 and idle < 2:
        before = missing
        for step in range(nx):
            i = step if upward else nx - 1 - step
            if left[i] == 0:
                continue
            begin = end
            for j in range(ny):
                if _left_row(labels[i, j], drawn[i, j]) == 0:
                    continue
                for k in range(nz):
                    if labels[i, j, k] == 0 or drawn[i, j, k] > 0:
                        continue
                    if i > 0 and drawn[i - 1, j, k] > 0:
                        drawn[i, j, k] = LATE_BEFORE
                    elif i < nx - 1 and drawn[i + 1, j, k] > 0:
                        drawn[i, j, k] = LATE_AFTER
                    elif wrap_y and j == 0 and drawn[i, ny - 1, k] > 0:
                        drawn[i, j, k] = ROW_BEFORE
                    elif wrap_y and j == ny - 1 and drawn[i, 0, k] > 0:
                        drawn[i, j, k] = ROW_AFTER
                    elif wrap_z and k == 0 and drawn[i, j, nz - 1] > 0:
                        drawn[i, j, k] = LEFT
                    elif wrap_z and k == nz - 1 and drawn[i, j, 0] > 0:
                        drawn[i, j, k] = RIGHT
                    else:
                        continue
                    order[end] = (i * ny + j) * nz + k
                    end += 1
            end = _spread(drawn, labels, i, order, begin, end, wrap_y, wrap_z)
            left[i] -= end - begin
            missing -= end - begin
        upward = not upward
        idle = idle + 1 if missing == before else 0
    return end, missing


@_jit
def _draw(drawn: Array, need: Array, order: Array, begin: int, end: int, ny: int, nz: int) -> None:
    """Let the listed voxels draw, last first."""
    lack = need.ravel()
    code = drawn.ravel()
    size = ny * nz
    for at in range(end - 1, begin - 1, -1):
        c = np.int64(order[at])
        way = code[c]
        if way in (LEFT, RIGHT):
            k = c % nz
            if way == LEFT:
                n = c - 1 if k > 0 else c + nz - 1
            else:
                n = c + 1 if k < nz - 1 else c - nz + 1
        elif way in (ROW_BEFORE, ROW_AFTER):
            j = (c % size) // nz
            if way == ROW_BEFORE:
                n = c - nz if j > 0 else c + size - nz
            else:
                n = c + nz if j < ny - 1 else c - size + nz
        else:
            n = c - size if way == LATE_BEFORE else c + size
        lack[n] += lack[c]


@_row
def _draw_row(nearer: Array, here: Array, drawn: Array, code: int) -> None:
    for k in range(here.size):
        nearer[k] += here[k] if drawn[k] == code else 0.0


@_jit
def drain_route(
    drawn: Array, need: Array, order: Array, end: int, first: Array, last: Array
) -> None:
    """Lead what each voxel lacks from the electrodes to it; `need` becomes what it draws."""
    nx, ny, nz = drawn.shape
    half = (nx + 1) // 2
    later = last[nx - 1] if half == nx else 0
    for i in range(nx):
        later = max(later, last[i])
    _draw(drawn, need, order, later, end, ny, nz)
    for i in range(half, nx):
        _draw(drawn, need, order, first[i], last[i], ny, nz)
        if i < nx - 1:
            for j in range(ny):
                _draw_row(need[i + 1, j], need[i, j], drawn[i, j], AFTER)
    for i in range(half - 1, -1, -1):
        _draw(drawn, need, order, first[i], last[i], ny, nz)
        if i > 0:
            for j in range(ny):
                _draw_row(need[i - 1, j], need[i, j], drawn[i, j], BEFORE)


@_row
def _face_row(
    out: Array, x: Array, y: Array, a: Array, b: Array, da: Array, db: Array, na: Array, nb: Array,
    w: float, step: float, from_a: int, from_b: int, late_a: int, late_b: int,
) -> None:  # fmt: skip
    """Flux from voxels a to their next ones b, what b draws from a and a from b included."""
    for k in range(out.size):
        f: Any = w * (step + (np.float64(y[k]) - np.float64(x[k])))
        f = f if a[k] > 0 and b[k] > 0 else 0.0
        f += nb[k] if db[k] == from_a or db[k] == late_a else 0.0
        f -= na[k] if da[k] == from_b or da[k] == late_b else 0.0
        out[k] = f


@_row
def _energy_row(into: Array, out: Array) -> Any:
    total_ = zeros()
    whole = into.size // LANES * LANES
    for k in range(0, whole, LANES):
        a = load(into, k)
        b = load(out, k)
        total_ += a * (a + b) + b * b
    total = lane_sum(total_)
    for k in range(whole, into.size):
        total += into[k] * (into[k] + out[k]) + out[k] * out[k]
    return total


@_jit
def drain_energy(
    x: Array, labels: Array, drawn: Array, need: Array, wx: float, wy: float, wz: float,
    wall: float, ix: float, iy: float, iz: float, wrap_y: bool, wrap_z: bool,
) -> Any:  # fmt: skip
    """Current and energy of the corrected flux, linear between opposite faces of a voxel.

    `ix`, `iy`, `iz` are 1/3 over the conductance across one voxel.
    """
    nx, ny, nz = labels.shape
    into_x = np.zeros((ny, nz))
    out_x = np.zeros((ny, nz))
    into_y = np.zeros(nz)
    out_y = np.zeros(nz)
    first_y = np.zeros(nz)
    line = np.zeros(nz + 1)
    current: Any = 0.0
    energy: Any = 0.0
    for j in range(ny):
        for k in range(nz):
            if labels[0, j, k] > 0:
                into_x[j, k] = wall * (0.5 + np.float64(x[0, j, k]))
                if drawn[0, j, k] == BEFORE:
                    into_x[j, k] += need[0, j, k]
                current += float(into_x[j, k])
    for i in range(nx):
        part_x = 0.0
        part_y = 0.0
        part_z = 0.0
        if wrap_y:
            n = ny - 1
            _face_row(
                first_y, x[i, n], x[i, 0], labels[i, n], labels[i, 0], drawn[i, n], drawn[i, 0],
                need[i, n], need[i, 0], wy, 0.0, ROW_BEFORE, ROW_AFTER, ROW_BEFORE, ROW_AFTER,
            )  # fmt: skip
        into_y[:] = first_y
        for j in range(ny):
            a = labels[i, j]
            d = drawn[i, j]
            s = need[i, j]
            here = x[i, j]
            if i < nx - 1:
                _face_row(
                    out_x[j], here, x[i + 1, j], a, labels[i + 1, j], d, drawn[i + 1, j], s,
                    need[i + 1, j], wx, 1.0, BEFORE, AFTER, LATE_BEFORE, LATE_AFTER,
                )  # fmt: skip
            else:
                for k in range(nz):
                    out_x[j, k] = 0.0
                    if a[k] > 0:
                        out_x[j, k] = wall * (0.5 - np.float64(here[k]))
                        if d[k] == AFTER:
                            out_x[j, k] -= s[k]
            part_x += _energy_row(into_x[j], out_x[j])
            if j < ny - 1:
                _face_row(
                    out_y, here, x[i, j + 1], a, labels[i, j + 1], d, drawn[i, j + 1], s,
                    need[i, j + 1], wy, 0.0, ROW_BEFORE, ROW_AFTER, ROW_BEFORE, ROW_AFTER,
                )  # fmt: skip
            else:
                out_y[:] = first_y
            part_y += _energy_row(into_y, out_y)
            into_y, out_y = out_y, into_y
            _face_row(
                line[1:nz], here[: nz - 1], here[1:], a[: nz - 1], a[1:], d[: nz - 1], d[1:],
                s[: nz - 1], s[1:], wz, 0.0, LEFT, RIGHT, LEFT, RIGHT,
            )  # fmt: skip
            line[0] = 0.0
            if wrap_z:
                _face_row(
                    line[:1], here[nz - 1 :], here[:1], a[nz - 1 :], a[:1], d[nz - 1 :], d[:1],
                    s[nz - 1 :], s[:1], wz, 0.0, LEFT, RIGHT, LEFT, RIGHT,
                )  # fmt: skip
            line[nz] = line[0]
            part_z += _energy_row(line[:nz], line[1:])
        energy += ix * part_x + iy * part_y + iz * part_z
        into_x, out_x = out_x, into_x
    return current, energy
