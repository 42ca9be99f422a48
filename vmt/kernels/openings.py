"""Distances to the background, and volumes of openings with balls of real radius.

Distances are between voxel centers; outside the window there is no obstacle.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["dilated_volume", "largest_balls", "lattice_distances", "squared_distances"]

#: float32 distances of anisotropic voxels carry rounding; radii are compared with this margin
MARGIN = 2e-6


def squared_distances(
    mask: npt.NDArray[np.bool_], spacing: Sequence[float]
) -> npt.NDArray[np.float32]:
    """Squared distance (nx, ny, nz) to the nearest voxel outside the mask; inf if there is none.

    The unit is the shortest voxel edge; for cubic voxels all values are whole numbers.
    """
    import edt

    unit = min(spacing)
    values: npt.NDArray[np.float32] = edt.edtsq(
        np.ascontiguousarray(mask),
        anisotropy=tuple(d / unit for d in spacing),
        black_border=False,
        parallel=1,
    )
    return values


def lattice_distances(
    shape: Sequence[int], spacing: Sequence[float], largest: float
) -> npt.NDArray[np.float64]:
    """All squared distances on the lattice from 0 to `largest`, sorted; shortest edge = 1.

    Beyond a million combinations a grid of 1/32 of the shortest edge stands in for them.
    """
    unit = min(spacing)
    edges = [d / unit for d in spacing]
    reach = [min(n - 1, int(math.sqrt(largest) / e)) for n, e in zip(shape, edges, strict=True)]
    if math.prod(r + 1 for r in reach) > 10**6:
        steps = np.arange(0.0, 32 * math.sqrt(largest)) / 32
        return np.asarray(steps**2)
    x, y, z = ((e * np.arange(r + 1)) ** 2 for e, r in zip(edges, reach, strict=True))
    sums = (x[:, None, None] + y[:, None] + z).ravel()
    sums = np.unique(sums[sums <= largest * (1 + MARGIN)])
    keep = np.ones(sums.size, bool)
    keep[1:] = np.diff(sums) > 1e-9 * sums[1:]
    return np.asarray(sums[keep])


@njit(cache=True, nogil=True)
def _pack(plane, limit, bits):  # type: ignore[no-untyped-def]
    """Bits of {plane > limit}, 64 voxels a word; returns the first and last row with any."""
    ny, nz = plane.shape
    first, last = 1, 0
    for j in range(ny):
        row = plane[j]
        some = np.uint64(0)
        for w in range(bits.shape[1]):
            word = np.uint64(0)
            part = row[64 * w : min(64 * w + 64, nz)]
            for k in range(part.size):
                word |= np.uint64(part[k] > limit) << np.uint64(k)
            bits[j, w] = word
            some |= word
        if some != 0:
            if last < first:
                first = j
            last = j
    return first, last


@njit(cache=True, nogil=True)
def _widen(rows, out, valid, words, first, last):  # type: ignore[no-untyped-def]
    """Every run of bits longer by one at both ends; `valid` masks the last word of a row."""
    one, top, none = np.uint64(1), np.uint64(63), np.uint64(0)
    # the last word of a row has a spare bit, which is 0: nothing crosses into the next row
    for t in range(first * words, (last + 1) * words):
        before = rows[t - 1] >> top if t > 0 else none
        after = rows[t + 1] << top if t + 1 < rows.size else none
        out[t] = rows[t] | (rows[t] << one) | (rows[t] >> one) | before | after
    for j in range(first, last + 1):
        out[(j + 1) * words - 1] &= valid


@njit(cache=True, nogil=True)
def _join(out, start, other, begin, size):  # type: ignore[no-untyped-def]
    one, two = out[start : start + size], other[begin : begin + size]
    for t in range(size):
        one[t] |= two[t]


@njit(cache=True, nogil=True)
def _ones(x):  # type: ignore[no-untyped-def]
    """Number of bits that are set in a word."""
    x -= (x >> np.uint64(1)) & np.uint64(0x5555555555555555)
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (x * np.uint64(0x0101010101010101)) >> np.uint64(56)


@njit(cache=True, nogil=True)
def _finish(bits, covered, marked, mark, words):  # type: ignore[no-untyped-def]
    """Count a finished plane; give `mark` to its voxels that are not covered yet."""
    total = np.uint64(0)
    for t in range(bits.size):
        total += _ones(bits[t])
    if covered.size > 0:
        one = np.uint64(1)
        for t in range(bits.size):
            fresh = bits[t] & ~covered[t]
            covered[t] |= fresh
            while fresh != 0:
                lowest = fresh & (~fresh + one)
                marked[t // words, 64 * (t % words) + np.int64(_ones(lowest - one))] = mark
                fresh ^= lowest
    return np.int64(total)


@njit(cache=True, nogil=True)
def _dilated_volume(values, limit, half, covered, marked, mark):  # type: ignore[no-untyped-def]
    """Count the voxels of {values > limit} dilated with a ball, in a rolling window of planes.

    The ball's chords at (a, b) from its center reach half[a, b] to both sides; negative outside.
    Sets are bits, so that joining two planes takes a few instructions a row.
    """
    nx, ny, nz = values.shape
    rx, ry = half.shape[0] - 1, half.shape[1] - 1
    words = nz // 64 + 1
    valid = (np.uint64(1) << np.uint64(nz % 64)) - np.uint64(1)
    depth = 2 * rx + 1
    sums = np.zeros((depth, ny * words), np.uint64)
    used = np.zeros(depth, np.bool_)
    wide = np.zeros((half.max() + 1, ny * words), np.uint64)
    disk = np.zeros(ny * words, np.uint64)
    none = np.empty(0, np.uint64)
    total = 0
    for i in range(nx + rx):
        first, last = 1, 0
        if i < nx:
            first, last = _pack(values[i], limit, wide[0].reshape(ny, words))
        if first <= last:
            for w in range(1, wide.shape[0]):
                _widen(wide[w - 1], wide[w], valid, words, first, last)
            for a in range(rx + 1):
                reach = 0
                while reach < ry and half[a, reach + 1] >= 0:
                    reach += 1
                low, high = max(0, first - reach), min(ny, last + 1 + reach)
                disk[low * words : high * words] = np.uint64(0)
                for b in range(reach + 1):
                    chord = wide[half[a, b]]
                    rows = min(last + 1, ny - b) - first
                    if rows > 0:
                        _join(disk, (first + b) * words, chord, first * words, rows * words)
                    begin = max(first, b)
                    rows = last + 1 - begin
                    if b > 0 and rows > 0:
                        _join(disk, (begin - b) * words, chord, begin * words, rows * words)
                for o in (i - a, i + a):
                    if 0 <= o < nx:
                        size = (high - low) * words
                        _join(sums[o % depth], low * words, disk, low * words, size)
                        used[o % depth] = True
        o = i - rx
        if o >= 0 and used[o % depth]:
            plane = sums[o % depth]
            if covered.size > 0:
                total += _finish(plane, covered[o], marked[o], mark, words)
            else:
                total += _finish(plane, none, marked[0], mark, words)
            plane[:] = np.uint64(0)
            used[o % depth] = False
    return total


def dilated_volume(
    values: npt.NDArray[np.float32], squared_radius: float, spacing: Sequence[float]
) -> int:
    """Count the voxels no farther than a radius from the set where `values` exceed its square.

    With the squared distances to the background this is the volume of the opening with the ball
    of that radius; with the widest paths of `vmt.kernels.intrusion`, the intruded volume.

    Parameters
    ----------
    values : (nx, ny, nz) array of float32
        Squared distances in units of the shortest edge.
    squared_radius : float
        In the same unit.
    spacing : (dx, dy, dz)
        Voxel edge lengths.
    """
    none = np.empty((1, 0), np.uint64), np.empty((1, 0, 0), np.float32)
    return _dilate(np.ascontiguousarray(values), squared_radius, spacing, *none)


def _dilate(
    values: npt.NDArray[np.float32],
    squared_radius: float,
    spacing: Sequence[float],
    covered: npt.NDArray[np.uint64],
    marked: npt.NDArray[np.float32],
) -> int:
    unit = min(spacing)
    x, y, z = (d / unit for d in spacing)
    limit = squared_radius * (1 + MARGIN)
    rx, ry, rz = (
        min(int(math.sqrt(limit) / e), n - 1) for e, n in zip((x, y, z), values.shape, strict=True)
    )
    rest = limit - (x * np.arange(rx + 1)[:, None]) ** 2 - (y * np.arange(ry + 1)) ** 2
    half = np.minimum(np.sqrt(np.maximum(rest, 0)) / z, rz).astype(np.int64)
    half[rest < 0] = -1
    mark = np.float32(squared_radius)
    return int(_dilated_volume(values, np.float32(limit), half, covered, marked, mark))


def largest_balls(
    values: npt.NDArray[np.float32], squared_radii: Sequence[float], spacing: Sequence[float]
) -> npt.NDArray[np.float32]:
    """Largest of the given squared radii whose dilated set holds each voxel; −1 if none does.

    With the squared distances to the background the local thickness; see `dilated_volume`.

    Parameters
    ----------
    values : (nx, ny, nz) array of float32
        Squared distances in units of the shortest edge.
    squared_radii : sequence of float
        In the same unit, increasing.
    spacing : (dx, dy, dz)
        Voxel edge lengths.
    """
    values = np.ascontiguousarray(values)
    nx, ny, nz = values.shape
    marked = np.full(values.shape, -1, np.float32)
    covered = np.zeros((nx, ny * (nz // 64 + 1)), np.uint64)
    for squared in reversed(squared_radii):
        _dilate(values, squared, spacing, covered, marked)
    return marked
