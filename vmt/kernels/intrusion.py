"""Simulated intrusion: the widest path from the faces to each voxel, over 26 neighbors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["widest_paths"]


@njit(cache=True, nogil=True)
def _flood(d2, wide, link, head, shape, starts):  # type: ignore[no-untyped-def]
    """Flood from wide to narrow; lists of voxels by level are threaded through `link`."""
    nx, ny, nz = shape
    for t in range(starts.size):
        c = starts[t]
        wide[c] = d2[c]
        first = np.int64(d2[c])
        link[c] = head[first]
        head[first] = c
    offsets = np.empty(26, np.int64)
    q = 0
    for a in range(-1, 2):
        for b in range(-1, 2):
            for g in range(-1, 2):
                if a != 0 or b != 0 or g != 0:
                    offsets[q] = (a * ny + b) * nz + g
                    q += 1
    for level in range(head.size - 1, -1, -1):
        while head[level] >= 0:
            c = np.int64(head[level])
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
                    # a voxel that is in a list already stays in it: only values within the
                    # current level can still rise
                    wide[n] = t
                    if link[n] == -2:
                        p = np.int64(t)
                        link[n] = head[p]
                        head[p] = n


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
    wide = np.zeros(d2.size, np.float32)
    index = np.dtype(np.int32 if d2.size < 2**31 else np.int64)
    link = np.full(d2.size, -2, index)
    head = np.full(int(d2.max(initial=0)) + 1, -1, np.int64)
    entered = np.zeros(d2.shape, bool)
    for axis, side in faces:
        plane: list[slice | int] = [slice(None)] * 3
        plane[axis] = -1 if side else 0
        entered[tuple(plane)] = True
    entered &= d2 > 0
    starts = np.flatnonzero(entered)
    del entered
    _flood(d2.ravel(), wide, link, head, d2.shape, starts)
    return wide.reshape(d2.shape)
