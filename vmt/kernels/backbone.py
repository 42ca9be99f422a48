"""Backbone of a voxel graph: what lies on a simple path between two opposite faces.

Two points are joined to all voxels of the mask in the first and in the last plane, and to each
other. A voxel is on a simple path from one point to the other exactly if it belongs to the
biconnected component of the edge between the two points (Hopcroft & Tarjan 1973).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["backbone"]


@njit(cache=True, nogil=True)
def _neighbor(v, q, n, plane, row, inside):  # type: ignore[no-untyped-def]
    """q-th neighbor of a voxel, −1 where there is none; n is the source, n + 1 the sink."""
    nz = row
    if q == 0:
        return v - plane if v >= plane and inside[v - plane] else -1
    if q == 1:
        return v + plane if v + plane < n and inside[v + plane] else -1
    if q == 2:
        j = v % plane // row
        return v - row if j > 0 and inside[v - row] else -1
    if q == 3:
        j = v % plane // row
        return v + row if j < plane // row - 1 and inside[v + row] else -1
    if q == 4:
        return v - 1 if v % nz > 0 and inside[v - 1] else -1
    if q == 5:
        return v + 1 if v % nz < nz - 1 and inside[v + 1] else -1
    if q == 6:
        return n if v < plane else -1
    return n + 1 if v >= n - plane else -1


@njit(cache=True, nogil=True)
def _search(inside, plane, row, kept):  # type: ignore[no-untyped-def]
    """Depth first from the sink, whose first child is the source; marks its component in `kept`.

    The edge sink–source is gone first, so that the component of that edge is complete when the
    search returns to the sink from the source: all that is left on the stack above it.
    """
    n = inside.size
    source, sink = n, n + 1
    order = np.zeros(n + 2, np.int32)
    low = np.zeros(n + 2, np.int32)
    parent = np.full(n + 2, -1, np.int32)
    at = np.zeros(n + 2, np.int8)  # next neighbor of a voxel
    stack = np.empty(n + 2, np.int32)  # voxels of components that are not closed yet
    height = 0
    order[sink] = 1
    order[source] = 2
    low[source] = 1
    count = 2
    reached = 0  # how far the source has looked along the first plane
    v: Any = np.int64(source)
    while True:
        step = np.int64(-1)
        if v == source:
            while reached < plane and not inside[reached]:
                reached += 1
            if reached == plane:
                break
            step = np.int64(reached)
            reached += 1
        else:
            q = at[v]
            if q == 8:
                # closed: hand the low point to the parent, and cut off what hangs on it
                up = np.int64(parent[v])
                if low[v] >= order[up]:
                    while True:
                        height -= 1
                        w = stack[height]
                        if w == v:
                            break
                else:
                    low[up] = min(low[up], low[v])
                v = up
                continue
            at[v] += 1
            step = _neighbor(v, q, n, plane, row, inside)
            if step < 0 or step == parent[v]:
                continue
        if order[step] > 0:
            low[v] = min(low[v], order[step])
            continue
        count += 1
        order[step] = count
        low[step] = count
        parent[step] = v
        stack[height] = step
        height += 1
        v = step
    for t in range(height):
        kept[stack[t]] = True


def backbone(mask: npt.NDArray[np.bool_], axis: int) -> npt.NDArray[np.bool_]:
    """Voxels on simple paths over faces from the first to the last plane of an axis.

    Parameters
    ----------
    mask : (nx, ny, nz) array of bool
        Of fewer than 2**31 voxels.
    axis : int

    Examples
    --------
    A straight way with a dead end:

    >>> mask = np.zeros((4, 3, 1), bool)
    >>> mask[:, 0] = mask[1, 1] = True
    >>> backbone(mask, 0)[:, :, 0].astype(int).tolist()
    [[1, 0, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0]]
    """
    turned = np.ascontiguousarray(np.moveaxis(mask, axis, 0))
    kept = np.zeros(turned.size, bool)
    plane, row = turned[0].size, turned.shape[2]
    _search(turned.ravel(), plane, row, kept)
    return np.ascontiguousarray(np.moveaxis(kept.reshape(turned.shape), 0, axis))
