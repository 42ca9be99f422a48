"""Voxels that carry current: clusters that touch both faces, by a union-find over runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["keep_percolating", "label_counts"]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True)


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


@_jit
def _percolating_runs(
    labels: Array,
    conducts: Array,
    periodic_y: bool,
    periodic_z: bool,
    start: Array,
    end: Array,
    first: Array,
    parent: Array,
) -> Any:
    nx, ny, nz = labels.shape
    run = 0
    for i in range(nx):
        for j in range(ny):
            row = i * ny + j
            first[row] = run
            before = False
            for k in range(nz):
                now = conducts[labels[i, j, k]]
                if now and not before:
                    start[run] = k
                    parent[run] = run
                if before and not now:
                    end[run] = k
                    run += 1
                before = now
            if before:
                end[run] = nz
                run += 1
            first[row + 1] = run
            if j > 0:
                _join_rows(parent, start, end, first[row - 1], first[row], first[row], run)
            if i > 0:
                above = row - ny
                _join_rows(parent, start, end, first[above], first[above + 1], first[row], run)
            if periodic_z and first[row] < run and start[first[row]] == 0 and end[run - 1] == nz:
                _join(parent, first[row], run - 1)
        if periodic_y and ny > 1:
            low = i * ny
            high = low + ny - 1
            _join_rows(parent, start, end, first[low], first[low + 1], first[high], first[high + 1])
    touches = np.zeros(run, np.uint8)
    for a in range(first[ny]):
        touches[_root(parent, a)] |= 1
    for a in range(first[(nx - 1) * ny], run):
        touches[_root(parent, a)] |= 2
    dropped = 0
    for a in range(run):
        if touches[_root(parent, a)] != 3:
            dropped += end[a] - start[a]
    return touches, dropped


@_jit
def _write_runs(
    labels: Array,
    start: Array,
    end: Array,
    first: Array,
    parent: Array,
    touches: Array,
    kept: Array,
) -> None:
    nx, ny, _ = labels.shape
    for i in range(nx):
        for j in range(ny):
            row = i * ny + j
            for a in range(first[row], first[row + 1]):
                if touches[_root(parent, a)] == 3:
                    kept[i, j, start[a] : end[a]] = labels[i, j, start[a] : end[a]]


def keep_percolating(
    labels: npt.NDArray[np.uint8],
    conducts: npt.NDArray[np.bool_],
    *,
    periodic_y: bool = False,
    periodic_z: bool = False,
) -> tuple[npt.NDArray[np.uint8], int]:
    """Keep the conducting voxels whose cluster touches both faces normal to axis 0.

    Parameters
    ----------
    labels : (nx, ny, nz) array of uint8
        Label of each voxel; 0 must not conduct.
    conducts : (256,) array of bool
        Whether a label conducts. Voxels are connected through faces.
    periodic_y, periodic_z : bool
        Whether opposite side faces are connected.

    Returns
    -------
    kept : (nx, ny, nz) array of uint8
        The labels of the voxels kept, 0 elsewhere.
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
    touches, dropped = _percolating_runs(
        labels, conducts, periodic_y, periodic_z, start, end, first, parent
    )
    kept = np.zeros((nx, ny, nz), np.uint8)
    _write_runs(labels, start, end, first, parent, touches, kept)
    return kept, int(dropped)
