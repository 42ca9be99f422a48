"""Simulated intrusion: the widest path from the faces to each voxel, over 26 neighbors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["widest_paths"]


#: sweeps before the flood; where paths turn back more often, the flood finishes
_SWEEPS = 6


@njit(cache=True, nogil=True)
def _best_around(wide, i, j, planes, rows, out, work):  # type: ignore[no-untyped-def]
    """Largest value around each voxel of the row (i, j), in the given planes and rows."""
    nx, ny, nz = wide.shape
    work[:] = 0
    for a in planes:
        for b in rows:
            if 0 <= i + a < nx and 0 <= j + b < ny:
                row = wide[i + a, j + b]
                for k in range(nz):
                    work[k] = max(work[k], row[k])
    out[:] = work
    for k in range(1, nz):
        out[k] = max(out[k], work[k - 1])
    for k in range(nz - 1):
        out[k] = max(out[k], work[k + 1])


@njit(cache=True, nogil=True)
def _sweep(d2, wide, way):  # type: ignore[no-untyped-def]
    """Raise every value by its neighbors, from plane to plane and in both ways of each row."""
    nx, ny, nz = d2.shape
    work, best = np.zeros(nz, np.float32), np.zeros(nz, np.float32)
    other = np.zeros(nz, np.float32)
    for ii in range(nx):
        i = ii if way > 0 else nx - 1 - ii
        for jj in range(ny):
            j = jj if way > 0 else ny - 1 - jj
            _best_around(wide, i, j, (-way,), (-1, 0, 1), best, work)
            _best_around(wide, i, j, (0,), (-way,), other, work)
            room, row = d2[i, j], wide[i, j]
            for k in range(nz):
                best[k] = max(best[k], other[k], row[k])
            v = np.float32(0)
            for k in range(nz):
                v = min(room[k], max(v, best[k]))
                row[k] = v
            v = np.float32(0)
            for k in range(nz - 1, -1, -1):
                v = min(room[k], max(v, row[k]))
                row[k] = v


@njit(cache=True, nogil=True)
def _raise(d2, wide, link, head):  # type: ignore[no-untyped-def]
    """Raise what a neighbor still raises, and list it by level in `link`; returns the highest."""
    nx, ny, nz = d2.shape
    work, best = np.zeros(nz, np.float32), np.zeros(nz, np.float32)
    highest = -1
    for i in range(nx):
        for j in range(ny):
            _best_around(wide, i, j, (-1, 0, 1), (-1, 0, 1), best, work)
            for k in range(nz):
                t = min(best[k], d2[i, j, k])
                if t > wide[i, j, k]:
                    wide[i, j, k] = t
                    c = (i * ny + j) * nz + k
                    level = int(t)
                    link[c] = head[level]
                    head[level] = c
                    highest = max(highest, level)
    return highest


@njit(cache=True, nogil=True)
def _flood(d2, wide, link, head, shape, highest):  # type: ignore[no-untyped-def]
    """Flood from wide to narrow; lists of voxels by level are threaded through `link`."""
    nx, ny, nz = shape
    offsets = np.empty(26, np.int64)
    q = 0
    for a in range(-1, 2):
        for b in range(-1, 2):
            for g in range(-1, 2):
                if a != 0 or b != 0 or g != 0:
                    offsets[q] = (a * ny + b) * nz + g
                    q += 1
    level = highest
    while level >= 0:
        c = np.int64(head[level])
        if c < 0:
            level -= 1
            continue
        head[level] = link[c]
        link[c] = -2
        v = wide[c]
        k = c % nz
        ij = c // nz
        j = ij % ny
        i = ij // ny
        inside = 0 < i < nx - 1 and 0 < j < ny - 1 and 0 < k < nz - 1
        for q in range(26):
            if not inside:
                s = q if q < 13 else q + 1
                a, b, e = i + s // 9 - 1, j + (s // 3) % 3 - 1, k + s % 3 - 1
                if a < 0 or a >= nx or b < 0 or b >= ny or e < 0 or e >= nz:
                    continue
            n = c + offsets[q]
            w = wide[n]
            if w >= v:
                continue
            t = min(v, d2[n])
            if t > w:
                # a voxel that is in a list already stays in it and is read with its new value,
                # perhaps late: then the level goes up again
                wide[n] = t
                if link[n] == -2:
                    p = np.int64(t)
                    link[n] = head[p]
                    head[p] = n
                    level = max(level, p)


def widest_paths(
    squared_distances: npt.NDArray[np.float32], faces: Sequence[tuple[int, int]]
) -> npt.NDArray[np.float32]:
    """Largest squared radius whose ball center reaches each voxel from the faces.

    A voxel is in the part of {D > r} that is connected to the faces exactly if its value exceeds
    r²; so one flood replaces the connected components of all radii.

    Parameters
    ----------
    squared_distances : (nx, ny, nz) array of float32
        Squared distances to the background, shortest edge = 1, finite.
    faces : sequence of (axis, side)
        Where the fluid enters; side 0 is the first plane of the axis, 1 the last.
    """
    d2 = np.ascontiguousarray(squared_distances)
    wide = np.zeros_like(d2)
    for axis, side in faces:
        plane: list[slice | int] = [slice(None)] * 3
        plane[axis] = -1 if side else 0
        wide[tuple(plane)] = d2[tuple(plane)]
    for n in range(_SWEEPS):
        _sweep(d2, wide, 1 if n % 2 == 0 else -1)
    index = np.dtype(np.int32 if d2.size < 2**31 else np.int64)
    link = np.full(d2.size, -2, index)
    head = np.full(int(d2.max(initial=0)) + 1, -1, np.int64)
    highest = _raise(d2, wide, link, head)
    _flood(d2.ravel(), wide.ravel(), link, head, d2.shape, highest)
    return wide
