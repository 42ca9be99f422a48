"""Lengths of shortest paths through a mask to a face: over 26 neighbors, or Euclidean."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["euclidean_distances", "face_distances"]


@njit(cache=True, nogil=True)
def _larger(store, count):  # type: ignore[no-untyped-def]
    """Buckets with twice the room, and the same content."""
    made = np.empty((store.shape[0], 2 * store.shape[1]), store.dtype)
    for s in range(count.size):
        made[s, : count[s]] = store[s, : count[s]]
    return made


@njit(cache=True, nogil=True)
def _expand(dist, store, count, begin, level, offsets, weights):  # type: ignore[no-untyped-def]
    """Settle a bucket from `begin` on; returns where it stopped for want of room, or the end.

    A loop that exchanges its buckets for larger ones counts references at every step, which took
    nine tenths of the time.
    """
    slots, capacity = store.shape
    slot = level % slots
    far = np.float32(3e38)
    fullest = count.max()
    for t in range(begin, count[slot]):
        if fullest + offsets.size > capacity:
            return t
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
                    store[s, count[s]] = n
                    count[s] += 1
                    fullest = max(fullest, count[s])
    return count[slot]


@njit(cache=True, nogil=True)
def _buckets(dist, starts, offsets, weights, slots):  # type: ignore[no-untyped-def]
    """Dijkstra with buckets as wide as the shortest step: all in the lowest bucket is final."""
    store = np.empty((slots, max(2 * starts.size, 1024)), starts.dtype)
    count = np.zeros(slots, np.int64)
    for t in range(starts.size):
        dist[starts[t]] = np.float32(0.0)
        store[0, t] = starts[t]
    count[0] = starts.size
    level = 0
    while count.sum() > 0:
        slot = level % slots
        done = 0
        while done < count[slot]:
            done = _expand(dist, store, count, done, level, offsets, weights)
            if done < count[slot]:
                store = _larger(store, count)
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


@njit(cache=True, nogil=True)
def _advance(dist, store, count, begin, level, s0, s1, s2, h0, h1, h2, a, w):  # type: ignore[no-untyped-def]
    """Advance from a bucket, its new members included, as `_expand`; `a`, `w` (3,) are scratch."""
    slots, capacity = store.shape
    slot = level % slots
    strides = (s0, s1, s2)
    edges = (h0, h1, h2)
    fullest = count.max()
    t = begin
    while t < count[slot]:
        if fullest + 6 > capacity:
            return t
        c = np.int64(store[slot, t])
        t += 1
        if np.int64(2 * dist[c]) != level:
            continue  # it was reached on a shorter way and settled earlier
        for q in range(6):
            n = c + strides[q >> 1] * (2 * (q & 1) - 1)
            old = dist[n]
            if old <= dist[c]:
                continue
            size = 0
            for axis in range(3):
                low, high = dist[n - strides[axis]], dist[n + strides[axis]]
                best = np.float32(3e38)
                if low >= 0 and low < best:
                    best = low
                if high >= 0 and high < best:
                    best = high
                if best < old:  # insertion, smallest first
                    place = size
                    while place > 0 and a[place - 1] > best:
                        a[place], w[place] = a[place - 1], w[place - 1]
                        place -= 1
                    a[place] = best
                    w[place] = 1.0 / (edges[axis] * edges[axis])
                    size += 1
            base = a[0]
            sum_w, sum_wb, sum_wbb = w[0], 0.0, 0.0
            value = 1.0 / np.sqrt(w[0])
            for m in range(1, size):
                b = a[m] - base
                if value <= b:
                    break
                sum_w += w[m]
                sum_wb += w[m] * b
                sum_wbb += w[m] * b * b
                root = sum_wb * sum_wb - sum_w * (sum_wbb - 1.0)
                value = (sum_wb + np.sqrt(max(root, 0.0))) / sum_w
            new = np.float32(base + value)
            if new < old * np.float32(0.9999995) - np.float32(1e-6):
                dist[n] = new
                bucket = np.int64(2 * new)
                if old > np.float32(3e38) or np.int64(2 * old) != bucket or bucket == level:
                    s = bucket % slots
                    store[s, count[s]] = n
                    count[s] += 1
                    fullest = max(fullest, count[s])
    return t


@njit(cache=True, nogil=True)
def _march(dist, starts, slots, s0, s1, s2, h0, h1, h2):  # type: ignore[no-untyped-def]
    """Upwind eikonal distances; buckets of half the shortest edge, revisited until none falls.

    The scheme is monotone: whatever the order, it ends at the one solution of its equations.
    """
    store = np.empty((slots, max(2 * starts.size, 1024)), starts.dtype)
    count = np.zeros(slots, np.int64)
    for t in range(starts.size):
        dist[starts[t]] = np.float32(0.0)
        store[0, t] = starts[t]
    count[0] = starts.size
    a = np.empty(3, np.float64)
    w = np.empty(3, np.float64)
    level = 0
    while count.sum() > 0:
        slot = level % slots
        done = 0
        while done < count[slot]:
            done = _advance(dist, store, count, done, level, s0, s1, s2, h0, h1, h2, a, w)
            if done < count[slot]:
                store = _larger(store, count)
        count[slot] = 0
        level += 1


def euclidean_distances(
    mask: npt.NDArray[np.bool_], spacing: Sequence[float], axis: int = 0
) -> npt.NDArray[np.float32]:
    """Euclidean length of the shortest path within the mask to the last plane of `axis`.

    First-order upwind solution of |∇T| = 1 (Sethian's fast marching) from the centers of that
    plane's voxels; paths pass between voxels that share a face. Parameters and result are those of
    `face_distances`.
    """
    order = (axis, *(i for i in range(3) if i != axis))
    unit = min(spacing)
    edges = [spacing[i] / unit for i in order]
    turned = mask.transpose(order)
    padded = tuple(n + 2 for n in turned.shape)
    dist = np.full(padded, -1, np.float32)
    inner = dist[1:-1, 1:-1, 1:-1]
    inner[turned] = np.inf
    _, n1, n2 = padded
    index = np.dtype(np.int32 if dist.size < 2**31 else np.int64)
    last = np.flatnonzero(dist[-2].ravel() > 0) + (padded[0] - 2) * n1 * n2
    slots = int(2 * max(edges)) + 3
    _march(dist.ravel(), last.astype(index), slots, n1 * n2, n2, 1, *edges)
    return inner
