"""Phase changes along the 13 lattice directions, their weights, and 2×2×2 configurations."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "configuration_histogram",
    "count_changes",
    "count_contacts",
    "crofton_factor",
    "direction_weights",
    "euler_table",
]

Mask = npt.NDArray[np.bool_] | npt.NDArray[np.uint8]


def direction_weights(
    spacing: Sequence[float], extended: Sequence[bool] = (True, True, True)
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Lattice directions to the 26 neighbors, one of each pair, and their Voronoi weights.

    The weight of a direction is the share of the unit sphere (of the unit circle for a plane)
    that is closer to it than to any other of the 26 (8) directions of the given voxel.

    Parameters
    ----------
    spacing : (dx, dy, dz)
        Voxel edge lengths [m].
    extended : three bools
        Which axes have more than one voxel; directions along the others are left out.

    Returns
    -------
    directions : (13, 3) array of int
        One orientation of each direction (4 in a plane, 1 on a line).
    weights : (13,) array
        Share of one orientation; twice their sum is 1.

    Examples
    --------
    >>> directions, weights = direction_weights((1.0, 1.0, 1.0))
    >>> round(float(weights[(abs(directions).sum(axis=1) == 1)][0]), 6)
    0.045778
    """
    steps = [(-1, 0, 1) if more else (0,) for more in extended]
    every = np.array([v for v in itertools.product(*steps) if any(v)], np.int64).reshape(-1, 3)
    half = np.array([tuple(v) > (0, 0, 0) for v in every.tolist()], bool)
    dimensions = sum(bool(more) for more in extended)
    vectors = every * np.asarray(spacing, float)
    if dimensions == 3:
        from scipy.spatial import SphericalVoronoi

        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        shares = SphericalVoronoi(unit).calculate_areas() / (4 * math.pi)
    elif dimensions == 2:
        first, second = (i for i, more in enumerate(extended) if more)
        angle = np.arctan2(vectors[:, second], vectors[:, first])
        order = np.argsort(angle)
        ahead = np.diff(angle[order], append=angle[order][0] + 2 * math.pi)
        shares = np.empty(len(every))
        shares[order] = (ahead + np.roll(ahead, 1)) / (4 * math.pi)
    else:
        shares = np.full(len(every), 0.5)
    return every[half], 0.5 * (shares[half] + shares[~half][::-1])


def crofton_factor(dimensions: int) -> float:
    """Surface (perimeter, points) per volume over mean phase changes per length."""
    return (1.0, 1.0, math.pi / 2, 2.0)[dimensions]


@njit(cache=True, nogil=True)
def _count(labels, a, b, di, dj, dk):  # type: ignore[no-untyped-def]
    """Pairs (x, x + d) with labels (a, b) or (b, a); for b < 0, with exactly one label a."""
    nx, ny, nz = labels.shape
    i0, i1 = max(0, -di), nx - max(0, di)
    j0, j1 = max(0, -dj), ny - max(0, dj)
    k0, k1 = max(0, -dk), nz - max(0, dk)
    total = 0
    if k1 <= k0:
        return total
    pa = np.uint8(a)
    pb = np.uint8(max(b, 0))
    for i in range(i0, i1):
        for j in range(j0, j1):
            one = labels[i, j, k0:k1]
            two = labels[i + di, j + dj, k0 + dk : k1 + dk]
            found = 0
            if b < 0:
                for k in range(one.size):
                    found += (one[k] == pa) ^ (two[k] == pa)
            else:
                for k in range(one.size):
                    found += ((one[k] == pa) & (two[k] == pb)) | ((one[k] == pb) & (two[k] == pa))
            total += found
    return total


def _each(labels: Mask, a: int, b: int, directions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    array = np.ascontiguousarray(labels).view(np.uint8)
    return np.array([_count(array, a, b, *(int(s) for s in d)) for d in directions], np.int64)


def count_changes(
    labels: Mask, phase: int, directions: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Count pairs (x, x + d) of which exactly one voxel has the label, for each direction d."""
    return _each(labels, phase, -1, directions)


def count_contacts(
    labels: Mask, phase: int, other: int, directions: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Count pairs (x, x + d) of one voxel of each label, for each direction d."""
    return _each(labels, phase, other, directions)


@njit(cache=True, nogil=True)
def _histogram(labels, phase, sx, sy, sz):  # type: ignore[no-untyped-def]
    """Configurations of the eight voxels around each inner vertex; s = 0 along a flat axis."""
    nx, ny, nz = labels.shape
    counts = np.zeros(256, np.int64)
    p = np.uint8(phase)
    for i in range(nx - sx):
        for j in range(ny - sy):
            r0, r1 = labels[i, j], labels[i, j + sy]
            r2, r3 = labels[i + sx, j], labels[i + sx, j + sy]
            for k in range(nz - sz):
                m = k + sz
                code = (
                    np.int64(r0[k] == p)
                    | np.int64(r0[m] == p) << 1
                    | np.int64(r1[k] == p) << 2
                    | np.int64(r1[m] == p) << 3
                    | np.int64(r2[k] == p) << 4
                    | np.int64(r2[m] == p) << 5
                    | np.int64(r3[k] == p) << 6
                    | np.int64(r3[m] == p) << 7
                )
                counts[code] += 1
    return counts


def configuration_histogram(labels: Mask, phase: int) -> npt.NDArray[np.int64]:
    """Histogram (256,) of the 2×2×2 configurations; bit 4·i + 2·j + k is the voxel (i, j, k).

    Along an axis of one voxel the voxel is repeated (the structure continued unchanged).
    """
    array = np.ascontiguousarray(labels).view(np.uint8)
    steps = [int(n > 1) for n in array.shape]
    counts: npt.NDArray[np.int64] = _histogram(array, phase, *steps)
    return counts


def euler_table(extended: Sequence[bool] = (True, True, True)) -> npt.NDArray[np.float64]:
    """Share (256,) of each configuration in the Euler number of a union of closed voxels.

    Vertices − edges + faces − voxels of the complex (26 neighbors), each divided among the inner
    vertices it touches; in a plane vertices − edges + faces, on a line vertices − edges.
    """
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    blocks = bits.reshape(256, 2, 2, 2).astype(bool)
    axes = [axis for axis, more in enumerate(extended) if more]
    for axis, more in enumerate(extended):
        if not more:
            blocks = np.take(blocks, [0], axis=axis + 1)
    table = np.zeros(256)
    for count in range(len(axes) + 1):
        for spanned in itertools.combinations(axes, count):
            # a cell that spans these axes exists if a voxel that holds it is in the phase
            others = tuple(axis + 1 for axis in axes if axis not in spanned)
            cells = blocks.any(axis=others) if others else blocks
            table += (-1.0) ** count * cells.reshape(256, -1).mean(axis=1)
    return table
