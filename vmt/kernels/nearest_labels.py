"""Distances to the two nearest regions of each voxel: exact, one axis after the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["two_nearest"]


@njit(cache=True, nogil=True, inline="always")
def _insert(label, square, la, da, lb, db):  # type: ignore[no-untyped-def]
    """Best two of three candidates with different labels."""
    if label == la:
        return la, min(da, square), lb, db
    if square < da:
        return label, square, la, da
    if square < db:
        return la, da, label, square
    return la, da, lb, db


@njit(cache=True, nogil=True)
def _along_rows(labels, l1, d1, l2, d2, step, far):  # type: ignore[no-untyped-def]
    """First axis to be done, the last of the array: nearest two labels within each row."""
    nx, ny, nz = labels.shape
    for i in range(nx):
        for j in range(ny):
            for turn in range(2):
                la, pa, lb, pb = 0, 0, 0, 0
                for t in range(nz):
                    k = t if turn == 0 else nz - 1 - t
                    here = labels[i, j, k]
                    if here > 0:
                        if here != la:
                            lb, pb = la, pa
                        la, pa = here, k
                    if turn == 0:
                        l1[i, j, k] = la
                        d1[i, j, k] = (k - pa) ** 2 * step if la > 0 else far
                        l2[i, j, k] = lb
                        d2[i, j, k] = (k - pb) ** 2 * step if lb > 0 else far
                    else:
                        a, p = l1[i, j, k], d1[i, j, k]
                        b, q = l2[i, j, k], d2[i, j, k]
                        if la > 0:
                            a, p, b, q = _insert(la, np.float32((k - pa) ** 2 * step), a, p, b, q)
                        if lb > 0:
                            a, p, b, q = _insert(lb, np.float32((k - pb) ** 2 * step), a, p, b, q)
                        l1[i, j, k], d1[i, j, k] = a, p
                        l2[i, j, k], d2[i, j, k] = b, q


@njit(cache=True, nogil=True)
def _along_columns(l1, d1, l2, d2, step, limit):  # type: ignore[no-untyped-def]
    """Combine the columns (axis 0) of a plane (n, m), in place."""
    n, m = l1.shape
    a1, b1, a2, b2 = l1.copy(), d1.copy(), l2.copy(), d2.copy()
    for j in range(n):
        for k in range(m):
            la, da, lb, db = a1[j, k], b1[j, k], a2[j, k], b2[j, k]
            for s in range(1, n):
                add = np.float32(s * s * step)
                if add >= db or add > limit:
                    break
                for side in range(2):
                    o = j - s if side == 0 else j + s
                    if o < 0 or o >= n:
                        continue
                    if b1[o, k] + add < db:
                        la, da, lb, db = _insert(a1[o, k], b1[o, k] + add, la, da, lb, db)
                        if b2[o, k] + add < db:
                            la, da, lb, db = _insert(a2[o, k], b2[o, k] + add, la, da, lb, db)
            l1[j, k], d1[j, k], l2[j, k], d2[j, k] = la, da, lb, db


def two_nearest(
    labels: npt.NDArray[np.int32], spacing: Sequence[float], reach: float = np.inf
) -> tuple[
    npt.NDArray[np.int32],
    npt.NDArray[np.float32],
    npt.NDArray[np.int32],
    npt.NDArray[np.float32],
]:
    """Nearest and second nearest region of each voxel, and the squared distances to them.

    Parameters
    ----------
    labels : (nx, ny, nz) array of int32
        Number of the region, from 1; 0 is outside.
    spacing : (dx, dy, dz)
        Voxel edge lengths.
    reach : float
        Distances beyond it (in shortest edges) need not be found.

    Returns
    -------
    first, first_squares, second, second_squares : (nx, ny, nz) arrays
        Labels (0 if there is none) and squared distances between voxel centers, shortest edge = 1
        (inf if there is none).
    """
    unit = min(spacing)
    x, y, z = (np.float32((d / unit) ** 2) for d in spacing)
    limit = np.float32(reach * reach)
    l1, l2 = (np.zeros(labels.shape, np.int32) for _ in range(2))
    d1, d2 = (np.empty(labels.shape, np.float32) for _ in range(2))
    _along_rows(labels, l1, d1, l2, d2, z, np.float32(np.inf))
    for i in range(labels.shape[0]):
        _along_columns(l1[i], d1[i], l2[i], d2[i], y, limit)
    for j in range(labels.shape[1]):
        _along_columns(l1[:, j], d1[:, j], l2[:, j], d2[:, j], x, limit)
    return l1, d1, l2, d2
