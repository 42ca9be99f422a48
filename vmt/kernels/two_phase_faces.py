"""Conductances between the cells of a level set both sides of which conduct.

Two rules are second order, each where the other is not. Around a body that conducts much better
than what it lies in, the potential is nearly given on the boundary: what counts is where the line
between the cells' centers crosses it (harmonic mean by length; Gibou et al. 2002). Along a body
that carries the current itself in a bad conductor, the boundary is a wall: what counts is the open
share of the face. So faces of the better phase follow the second rule where it joins both ends, and
all others the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["two_phase_faces"]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")


@_jit
def _middle(values: Array, i: int, j: int, k: int) -> Any:
    """Value at the center of a cell."""
    return 0.125 * (
        np.float64(values[i, j, k])
        + values[i + 1, j, k]
        + values[i, j + 1, k]
        + values[i, j, k + 1]
        + values[i + 1, j + 1, k]
        + values[i + 1, j, k + 1]
        + values[i, j + 1, k + 1]
        + values[i + 1, j + 1, k + 1]
    )


@_jit
def _on_face(values: Array, axis: int, i: int, j: int, k: int) -> Any:
    """Value at the center of the lower face of a cell."""
    if axis == 0:
        return 0.25 * (
            np.float64(values[i, j, k])
            + values[i, j + 1, k]
            + values[i, j, k + 1]
            + values[i, j + 1, k + 1]
        )
    if axis == 1:
        return 0.25 * (
            np.float64(values[i, j, k])
            + values[i + 1, j, k]
            + values[i, j, k + 1]
            + values[i + 1, j, k + 1]
        )
    return 0.25 * (
        np.float64(values[i, j, k])
        + values[i + 1, j, k]
        + values[i, j + 1, k]
        + values[i + 1, j + 1, k]
    )


@_jit
def _inside(a: float, b: float) -> Any:
    """Share of a line inside (value at most 0), from the values at its ends."""
    if (a <= 0.0) == (b <= 0.0):
        return 1.0 if a <= 0.0 else 0.0
    return a / (a - b) if a <= 0.0 else b / (b - a)


@_jit
def _series(share: float, low: float) -> Any:
    """Harmonic mean of 1 (inside) and `low` (outside)."""
    return 1.0 / (share + (1.0 - share) / low)


@_jit
def _walk(values: Array, shares: Array, kept: Array, low: float, axis: int, joined: bool) -> None:
    nx, ny, nz = kept.shape
    last = kept.shape[axis]
    di, dj, dk = int(axis == 0), int(axis == 1), int(axis == 2)
    for i in range(nx + di):
        for j in range(ny + dj):
            for k in range(nz + dk):
                at = i if axis == 0 else (j if axis == 1 else k)
                share = np.float64(shares[i, j, k])
                along = share + (1.0 - share) * low
                face = _on_face(values, axis, i, j, k)
                if 0 < at < last:
                    open_way = kept[i, j, k] != 0 and kept[i - di, j - dj, k - dk] != 0
                    half = _inside(_middle(values, i - di, j - dj, k - dk), face)
                    half += _inside(face, _middle(values, i, j, k))
                    line = _series(0.5 * half, low)
                else:
                    c = 0 if at == 0 else 1
                    ci, cj, ck = i - c * di, j - c * dj, k - c * dk
                    open_way = kept[ci, cj, ck] != 0
                    line = _series(_inside(face, _middle(values, ci, cj, ck)), low)
                shares[i, j, k] = along if open_way and share > 0.0 else line
    if not joined:
        return
    for i in range(nx if axis != 0 else 1):
        for j in range(ny if axis != 1 else 1):
            for k in range(nz if axis != 2 else 1):
                ei, ej, ek = i + di * last, j + dj * last, k + dk * last
                a = np.float64(shares[i, j, k])
                b = np.float64(shares[ei, ej, ek])
                both = 2.0 * a * b / (a + b)
                shares[i, j, k] = both
                shares[ei, ej, ek] = both


def two_phase_faces(
    values: Array,
    ax: Array,
    ay: Array,
    az: Array,
    kept: Array,
    low: float,
    *,
    joined: tuple[bool, bool, bool] = (False, False, False),
) -> None:
    """Turn the open shares of the better conductor into conductances of the faces.

    Parameters
    ----------
    values : (nx + 1, ny + 1, nz + 1) array
        At the corners, at most 0 in the better conductor, whose conductivity is 1.
    ax, ay, az : (nx + 1, ny, nz), (nx, ny + 1, nz), (nx, ny, nz + 1) arrays of float32
        Its open shares; overwritten. At ends that are not joined the conductance is that of half a
        cell, per half a cell.
    kept : (nx, ny, nz) array of uint8
        1 for cells of clusters of the better conductor that carry current through the box.
    low : float
        Conductivity of the other phase, from above 0 to 1.
    joined : (bool, bool, bool)
        Axes along which opposite faces of the box are one face.
    """
    for axis, shares in enumerate((ax, ay, az)):
        _walk(values, shares, kept, low, axis, joined[axis])
