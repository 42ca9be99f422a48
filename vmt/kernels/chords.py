"""Chords: runs of a phase along an axis."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["chord_histogram", "run_histogram"]


@njit(cache=True, nogil=True)
def _chords(labels, phase):  # type: ignore[no-untyped-def]
    """Runs along the first axis that both begin and end inside; the others are counted as cut."""
    n, ny, nz = labels.shape
    counts = np.zeros(n + 1, np.int64)
    cut = 0
    start = np.empty((ny, nz), np.int32)
    p = np.uint8(phase)
    for j in range(ny):
        for k in range(nz):
            start[j, k] = -2 if labels[0, j, k] == p else -1
    for i in range(1, n):
        for j in range(ny):
            for k in range(nz):
                s = start[j, k]
                if labels[i, j, k] == p:
                    if s == -1:
                        start[j, k] = i
                elif s != -1:
                    if s >= 0:
                        counts[i - s] += 1
                    else:
                        cut += 1
                    start[j, k] = -1
    for j in range(ny):
        for k in range(nz):
            cut += start[j, k] != -1
    return counts, cut


def chord_histogram(
    labels: npt.NDArray[np.uint8], phase: int, axis: int
) -> tuple[npt.NDArray[np.int64], int]:
    """Count chords by their length in voxels, (n + 1,), and chords cut by the window."""
    counts, cut = _chords(np.moveaxis(labels, axis, 0), phase)
    return counts, int(cut)


def run_histogram(mask: npt.NDArray[np.bool_], axis: int) -> npt.NDArray[np.int64]:
    """Count all runs along an axis, whole and cut ones, by their length in voxels, (n + 1,)."""
    turned = np.moveaxis(mask, axis, -1)
    n = turned.shape[-1]
    counts = np.zeros(n + 1, np.int64)
    padded = np.zeros((turned.shape[1], n + 2), np.int8)
    for plane in turned:
        padded[:, 1:-1] = plane
        change = np.diff(padded, axis=1)
        begin, end = np.nonzero(change == 1)[1], np.nonzero(change == -1)[1]
        counts += np.bincount(end - begin, minlength=n + 1)
    return counts
