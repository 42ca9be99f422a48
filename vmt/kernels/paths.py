"""Shortest paths through a mask between opposite faces, over 26 neighbors."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["face_distances"]


@njit(cache=True, nogil=True)
def _buckets(dist, starts, offsets, weights, slots):  # type: ignore[no-untyped-def]
    """Dijkstra with buckets as wide as the shortest step: all in the lowest bucket is final."""
    far = np.float32(3e38)
    capacity = max(2 * starts.size, 1024)
    store = np.empty((slots, capacity), starts.dtype)
    count = np.zeros(slots, np.int64)
    for t in range(starts.size):
        dist[starts[t]] = np.float32(0.0)
        store[0, t] = starts[t]
    count[0] = starts.size
    pending = starts.size
    level = 0
    while pending > 0:
        slot = level % slots
        for t in range(count[slot]):
            c = store[slot, t]
            d = dist[c]
            if np.int64(d) != level:
                continue  # it was reached on a shorter way and settled earlier
            for q in range(offsets.size):
                n = c + offsets[q]
                new = d + weights[q]
                old = dist[n]
                if new < old:
                    dist[n] = new
                    bucket = np.int64(new)
                    if old > far or np.int64(old) != bucket:
                        s = bucket % slots
                        if count[s] == capacity:
                            capacity *= 2
                            larger = np.empty((slots, capacity), starts.dtype)
                            for r in range(slots):
                                larger[r, : count[r]] = store[r, : count[r]]
                            store = larger
                        store[s, count[s]] = n
                        count[s] += 1
                        pending += 1
        pending -= count[slot]
        count[slot] = 0
        level += 1


def face_distances(
    mask: npt.NDArray[np.bool_], spacing: Sequence[float], axis: int = 0
) -> npt.NDArray[np.float32]:
    """Length of the shortest path within the mask from each voxel to the last plane of `axis`.

    Steps go to the 26 neighbors and are as long as the distance of the voxel centers.

    Parameters
    ----------
    mask : (nx, ny, nz) array of bool
        Where paths may go.
    spacing : (dx, dy, dz)
        Voxel edge lengths.
    axis : int
        The axis between the two faces.

    Returns
    -------
    (n0, n1, n2) array of float32
        Lengths in units of the shortest edge, with `axis` moved to the front (a view); inf where
        there is no path, −1 outside the mask.
    """
    order = (axis, *(i for i in range(3) if i != axis))
    unit = min(spacing)
    steps = np.array([spacing[i] / unit for i in order])
    turned = mask.transpose(order)
    padded = tuple(n + 2 for n in turned.shape)
    dist = np.full(padded, -1, np.float32)
    inner = dist[1:-1, 1:-1, 1:-1]
    inner[turned] = np.inf
    _, s1, s2 = padded
    index = np.dtype(np.int32 if dist.size < 2**31 else np.int64)
    last = np.flatnonzero(dist[-2].ravel() > 0) + (padded[0] - 2) * s1 * s2
    vectors = np.array([v for v in itertools.product((-1, 0, 1), repeat=3) if any(v)])
    vectors = vectors[np.argsort(((vectors * steps) ** 2).sum(axis=1), kind="stable")]
    offsets = (vectors @ np.array([s1 * s2, s2, 1])).astype(np.int64)
    weights = np.sqrt(((vectors * steps) ** 2).sum(axis=1)).astype(np.float32)
    np.maximum(weights, np.float32(1), out=weights)
    _buckets(dist.ravel(), last.astype(index), offsets, weights, int(weights.max()) + 3)
    return inner
