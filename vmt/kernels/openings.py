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
def _row_distances(row, limit, step, reach, out):  # type: ignore[no-untyped-def]
    """Squared distance along the row to {row > limit}, far if beyond reach; False if none."""
    far = np.float32(1e30)
    found = False
    for k in range(row.size):
        found |= row[k] > limit
    if not found:
        return False
    gap = reach + 1
    for k in range(row.size):
        gap = 0 if row[k] > limit else gap + 1
        out[k] = gap
    gap = reach + 1
    for k in range(row.size - 1, -1, -1):
        gap = 0 if row[k] > limit else gap + 1
        out[k] = min(out[k], np.float32(gap))
    for k in range(row.size):
        g = out[k]
        out[k] = g * g * step if g <= reach else far
    return True


@njit(cache=True, nogil=True)
def _lower(out, other, add):  # type: ignore[no-untyped-def]
    for k in range(out.size):
        t = other[k] + add
        out[k] = t if t < out[k] else out[k]


@njit(cache=True, nogil=True)
def _dilated_volume(values, limit, marked, mark, rx, ry, rz, sx, sy, sz):  # type: ignore[no-untyped-def]
    """Count voxels within √limit of {values > limit}, in a rolling window of 2 rx + 1 planes.

    They get the value `mark` in `marked`, unless that is empty.
    """
    nx, ny, nz = values.shape
    far = np.float32(1e30)
    depth = 2 * rx + 1
    planes = np.empty((depth, ny, nz), np.float32)
    filled = np.zeros((depth, ny), np.bool_)
    rows = np.empty((ny, nz), np.float32)
    has = np.zeros(ny, np.bool_)
    best = np.empty(nz, np.float32)
    total = 0
    for i in range(nx + rx):
        slot = i % depth
        filled[slot] = False
        if i < nx:
            some = False
            for j in range(ny):
                has[j] = _row_distances(values[i, j], limit, sz, rz, rows[j])
                some |= has[j]
            if some:
                for j in range(ny):
                    out = planes[slot, j]
                    if has[j]:
                        out[:] = rows[j]
                    else:
                        out[:] = far
                    any_row = has[j]
                    for dj in range(1, ry + 1):
                        add = np.float32(dj * dj * sy)
                        if j >= dj and has[j - dj]:
                            any_row = True
                            _lower(out, rows[j - dj], add)
                        if j + dj < ny and has[j + dj]:
                            any_row = True
                            _lower(out, rows[j + dj], add)
                    filled[slot, j] = any_row
        o = i - rx
        if o < 0:
            continue
        for j in range(ny):
            here = o % depth
            any_row = filled[here, j]
            if any_row:
                best[:] = planes[here, j]
            else:
                best[:] = far
            for di in range(1, rx + 1):
                add = np.float32(di * di * sx)
                low = (o - di) % depth
                if o >= di and filled[low, j]:
                    any_row = True
                    _lower(best, planes[low, j], add)
                high = (o + di) % depth
                if o + di < nx and filled[high, j]:
                    any_row = True
                    _lower(best, planes[high, j], add)
            if any_row:
                found = 0
                for k in range(nz):
                    found += best[k] <= limit
                total += found
                if marked.size > 0 and found > 0:
                    row = marked[o, j]
                    for k in range(nz):
                        row[k] = mark if best[k] <= limit else row[k]
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
    return _dilate(values, squared_radius, spacing, np.empty((0, 0, 0), np.float32))


def _dilate(
    values: npt.NDArray[np.float32],
    squared_radius: float,
    spacing: Sequence[float],
    marked: npt.NDArray[np.float32],
) -> int:
    unit = min(spacing)
    edges = [d / unit for d in spacing]
    limit = squared_radius * (1 + MARGIN)
    radius = math.sqrt(limit)
    reach = [min(int(radius / e), n - 1) for e, n in zip(edges, values.shape, strict=True)]
    squares = [np.float32(e * e) for e in edges]
    array, mark = np.ascontiguousarray(values), np.float32(squared_radius)
    limit32 = np.float32(limit)
    return int(_dilated_volume(array, limit32, marked, mark, *reach, *squares))


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
    marked = np.full(values.shape, -1, np.float32)
    for squared in squared_radii:
        if _dilate(values, squared, spacing, marked) == 0:
            break
    return marked
