"""Voxels that carry current: clusters that touch both faces, by a union-find over runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit
from numba.cpython.unsafe import numbers as _numbers

__all__ = ["keep_percolating", "label_counts"]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True)
_trailing_zeros: Any = _numbers.trailing_zeros
_row: Any = njit(cache=True, nogil=True, forceinline=True)


@_jit
def label_counts(labels: Array) -> Any:
    """Count the voxels of each label."""
    nx, ny, nz = labels.shape
    counts = np.zeros(256, np.int64)
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                counts[labels[i, j, k]] += 1
    return counts


@_jit
def _root(parent: Array, a: int) -> Any:
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


@_jit
def _join(parent: Array, a: int, b: int) -> None:
    a = _root(parent, a)
    b = _root(parent, b)
    if a < b:
        parent[b] = a
    else:
        parent[a] = b


@_jit
def _join_rows(
    parent: Array, start: Array, end: Array, a: int, a_end: int, b: int, b_end: int
) -> None:
    """Join the runs of two neighboring rows that overlap."""
    while a < a_end and b < b_end:
        if start[a] < end[b] and start[b] < end[a]:
            _join(parent, a, b)
        if end[a] < end[b]:
            a += 1
        else:
            b += 1


@_row
def _pick_row(out: Array, labels: Array, low: int, high: int, value: int) -> None:
    for k in range(out.size):
        out[k] = np.uint8(value) if low <= labels[k] <= high else np.uint8(0)


@_row
def _change_row(change: Array, row: Array) -> None:
    """Whether a voxel conducts and the one before does not, or the other way round."""
    change[0] = np.uint8(row[0] > 0)
    for k in range(1, row.size):
        change[k] = np.uint8((row[k] > 0) != (row[k - 1] > 0))


@_jit
def _percolating_runs(
    labels: Array,
    numbers: Array,
    low: int,
    high: int,
    periodic_y: bool,
    periodic_z: bool,
    start: Array,
    end: Array,
    first: Array,
    parent: Array,
    kept: Array,
) -> Any:
    """Write the numbers of all conducting voxels, and join their runs to clusters.

    Where a single number conducts, it is that of the labels from low to high, else low is -1.
    """
    nx, ny, nz = labels.shape
    words = nz // 8 + 1
    change = np.zeros(8 * words, np.uint8)
    packed = change.view(np.uint64)
    run = 0
    for i in range(nx):
        for j in range(ny):
            row = i * ny + j
            first[row] = run
            here = kept[i, j]
            if low >= 0:
                _pick_row(here, labels[i, j], low, high, numbers[low])
            else:
                for k in range(nz):
                    here[k] = numbers[labels[i, j, k]]
            _change_row(change[:nz], here)
            change[nz] = np.uint8(here[nz - 1] > 0)
            inside = False
            for word in range(words):
                left = packed[word]
                while left != 0:
                    k = 8 * word + (_trailing_zeros(left) >> 3)
                    left &= left - np.uint64(1)
                    if inside:
                        end[run] = k
                        run += 1
                    else:
                        start[run] = k
                        parent[run] = run
                    inside = not inside
            first[row + 1] = run
            if j > 0:
                _join_rows(parent, start, end, first[row - 1], first[row], first[row], run)
            if i > 0:
                above = row - ny
                _join_rows(parent, start, end, first[above], first[above + 1], first[row], run)
            if periodic_z and first[row] < run and start[first[row]] == 0 and end[run - 1] == nz:
                _join(parent, first[row], run - 1)
        if periodic_y and ny > 1:
            low_row = i * ny
            high_row = low_row + ny - 1
            _join_rows(
                parent, start, end, first[low_row], first[low_row + 1], first[high_row],
                first[high_row + 1],
            )  # fmt: skip
    touches = np.zeros(run, np.uint8)
    for a in range(run):  # a parent comes before its children
        parent[a] = parent[parent[a]]
    for a in range(first[ny]):
        touches[parent[a]] |= 1
    for a in range(first[(nx - 1) * ny], run):
        touches[parent[a]] |= 2
    dropped = 0
    for i in range(nx):
        for j in range(ny):
            row = i * ny + j
            for a in range(first[row], first[row + 1]):
                if touches[parent[a]] != 3:
                    dropped += end[a] - start[a]
                    kept[i, j, start[a] : end[a]] = 0
    return dropped


def keep_percolating(
    labels: npt.NDArray[np.uint8],
    conducts: npt.NDArray[np.bool_],
    *,
    periodic_y: bool = False,
    periodic_z: bool = False,
    numbers: npt.NDArray[np.uint8] | None = None,
) -> tuple[npt.NDArray[np.uint8], int]:
    """Keep the conducting voxels whose cluster touches both faces normal to axis 0.

    Parameters
    ----------
    labels : (nx, ny, nz) array of uint8
        Label of each voxel. If `numbers` are not given, 0 must not conduct.
    conducts : (256,) array of bool
        Whether a label conducts. Voxels are connected through faces.
    periodic_y, periodic_z : bool
        Whether opposite side faces are connected.
    numbers : (256,) array of uint8, optional
        What is written for a label that conducts, above 0; the label itself by default.

    Returns
    -------
    kept : (nx, ny, nz) array of uint8
        The labels, or their numbers, of the voxels kept, 0 elsewhere.
    dropped : int
        How many conducting voxels were dropped.
    """
    nx, ny, nz = labels.shape
    count = nx * ny * ((nz + 1) // 2)  # at most; pages that are not written take no memory
    start = np.empty(count, np.int32)
    end = np.empty(count, np.int32)
    parent = np.empty(count, np.int64 if count >= 2**31 else np.int32)
    first = np.empty(nx * ny + 1, np.int64)
    first[0] = 0
    given = np.arange(256, dtype=np.uint8) if numbers is None else numbers
    table = np.where(conducts, given, 0).astype(np.uint8)
    inside = np.flatnonzero(table)
    low = high = -1
    if inside.size and inside[-1] - inside[0] < inside.size and len(set(table[inside])) == 1:
        low, high = int(inside[0]), int(inside[-1])
    kept = np.empty((nx, ny, nz), np.uint8)
    dropped = _percolating_runs(
        labels, table, low, high, periodic_y, periodic_z, start, end, first, parent, kept
    )
    return kept, int(dropped)
