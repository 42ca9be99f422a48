"""Radius functions of labeled regions: rays from a center through voxels, and their fit.

Conventions of the harmonics are those of `stars`. A region is the union of its voxels' boxes, so
the rays' radii have no offset: the region's volume is the integral of their cubes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

from vmt.kernels import star_shapes, stars

__all__ = [
    "fit_series",
    "match_stars",
    "ray_radii",
    "region_moments",
    "smoothing",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int32]
_CHUNK = 128
_LEAST = 0.05  # smallest radius of a fit over its mean


@njit(cache=True, nogil=True)
def _moments(labels, count):  # type: ignore[no-untyped-def]
    voxels = np.zeros(count, np.int64)
    sums = np.zeros((count, 3))
    boxes = np.zeros((count, 3, 2), np.int64)
    for a in range(3):
        boxes[:, a, 0] = labels.shape[a]
        boxes[:, a, 1] = -1
    for i in range(labels.shape[0]):
        for j in range(labels.shape[1]):
            for k in range(labels.shape[2]):
                n = labels[i, j, k] - 1
                if n < 0:
                    continue
                voxels[n] += 1
                for a, at in ((0, i), (1, j), (2, k)):
                    sums[n, a] += at
                    boxes[n, a, 0] = min(boxes[n, a, 0], at)
                    boxes[n, a, 1] = max(boxes[n, a, 1], at)
    return voxels, sums, boxes


def region_moments(labels: Labels, count: int) -> tuple[Ints, Floats, Ints]:
    """Voxels (k,), centroid (k, 3) in voxels from the corner, and first and last places (k, 3, 2).

    Of the regions 1 to k; a centroid is nan and a last place -1 where there is no voxel.
    """
    voxels, sums, boxes = _moments(labels, count)
    with np.errstate(invalid="ignore"):
        centers = sums / voxels[:, None] + 0.5
    return voxels, centers, boxes


@njit(cache=True, nogil=True, error_model="numpy")
def _rays(labels, spacing, numbers, centers, boxes, directions, first, cubes, joined):  # type: ignore[no-untyped-def]
    place, step = np.empty(3, np.int64), np.empty(3, np.int64)
    ahead, pitch = np.empty(3), np.empty(3)
    for p in range(numbers.size):
        number = numbers[p]
        for q in range(directions.shape[0]):
            for a in range(3):
                u = directions[q, a]
                at = centers[p, a]
                place[a] = min(max(math.floor(at), 0), labels.shape[a] - 1)
                if u > 0:
                    step[a], pitch[a] = 1, spacing[a] / u
                    ahead[a] = (place[a] + 1 - at) * pitch[a]
                elif u < 0:
                    step[a], pitch[a] = -1, -spacing[a] / u
                    ahead[a] = (at - place[a]) * pitch[a]
                else:
                    step[a], pitch[a], ahead[a] = 0, np.inf, np.inf
            t, total, seen, open_view = 0.0, 0.0, 0.0, True
            was, touches = False, False
            while True:
                a = 0
                if ahead[1] < ahead[a]:
                    a = 1
                if ahead[2] < ahead[a]:
                    a = 2
                end = ahead[a]
                here = labels[place[0], place[1], place[2]]
                if here == number:
                    total += end**3 - t**3
                    if open_view:
                        seen = end
                else:
                    open_view = False
                    if was:
                        touches = here > 0
                was = here == number
                place[a] += step[a]
                # beyond the region's box, and on the way out
                if (step[a] > 0 and place[a] > boxes[p, a, 1]) or (
                    step[a] < 0 and place[a] < boxes[p, a, 0]
                ):
                    if was:
                        inside = 0 <= place[a] < labels.shape[a]
                        touches = inside and labels[place[0], place[1], place[2]] > 0
                    break
                t = end
                ahead[a] += pitch[a]
            first[p, q] = seen
            cubes[p, q] = total
            joined[p, q] = touches


def ray_radii(
    labels: Labels,
    spacing: Sequence[float],
    numbers: Ints,
    centers: Floats,
    boxes: Ints,
    directions: Floats,
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """Radii of regions along rays from their centers, exact for voxels as boxes.

    Parameters
    ----------
    labels : (nx, ny, nz) array of int32
        Regions.
    spacing : (dx, dy, dz)
        Voxel edge lengths.
    numbers : (k,) array
        Labels of the regions.
    centers : (k, 3) array
        In voxels from the corner of the window; in the window.
    boxes : (k, 3, 2) array
        First and last place of each region along each axis.
    directions : (n, 3) array
        Unit directions in space.

    Returns
    -------
    seen : (k, n) array
        Where the ray leaves the region for the first time; 0 if the center is outside.
    equal : (k, n) array
        Radius that holds as much of the region's volume along the ray as all its parts.
    joined : (k, n) array of bool
        Whether the ray enters another region where it leaves this one for the last time.
    """
    shape = (len(numbers), len(directions))
    first, cubes, joined = np.empty(shape), np.empty(shape), np.zeros(shape, np.bool_)
    _rays(
        labels,
        np.asarray(spacing, float),
        np.ascontiguousarray(numbers, np.int64),
        np.ascontiguousarray(centers, float),
        boxes,
        np.ascontiguousarray(directions, float),
        first,
        cubes,
        joined,
    )
    return first, np.cbrt(cubes), joined


def smoothing(mean_radius: Floats, edge: float, strength: float) -> Floats:
    """Weight (k,) μ of the penalty ∫ (Δψ)² that halves the degree which voxels can't show.

    Degree l has the wavelength 2πR/l; the voxels show half waves of two edges, l = πR/(2 edge), and
    1/(1 + μ l²(l + 1)²) is about 1/2 there. The strength multiplies μ.
    """
    finest = np.maximum(math.pi * mean_radius / (2 * edge), 1.0)
    made: Floats = strength / (finest * (finest + 1)) ** 2
    return made


def fit_series(
    radii: Floats, degree: int, quadrature: tuple[Floats, Floats], weight: Floats
) -> Floats:
    """Coefficients (k, (L + 1)²) that fit radii (k, n) at the nodes of a quadrature.

    Least squares weighted by solid angle, ∫ (ψ − r)² + μ ∫ (Δψ)²: the projection of degree l
    over 1 + μ l²(l + 1)². Where the radius of a fit would fall below a twentieth of its mean, μ is
    raised until it does not; without volume, the coefficients are 0.
    """
    raw: Floats = star_shapes.project(radii, degree, quadrature)
    order = np.floor(np.sqrt(np.arange((degree + 1) ** 2)))
    penalty = (order * (order + 1)) ** 2
    mu = np.array(weight, float)
    made: Floats = raw / (1 + mu[:, None] * penalty)
    for _ in range(60):
        low = star_shapes.smallest_radii(made) < _LEAST * star_shapes.mean_radii(made)
        if not low.any():
            break
        mu[low] = np.maximum(2 * mu[low], 1e-5)
        made[low] = raw[low] / (1 + mu[low, None] * penalty)
    return made


@njit(cache=True, nogil=True, error_model="numpy")
def _match(labels, spacing, numbers, centers, c, table, low, high, extent, both, own):  # type: ignore[no-untyped-def]
    cells = round(math.sqrt(low.shape[1] / 6))
    for p in range(centers.shape[0]):
        first, last = stars.box_of(centers[p], extent[p], spacing, labels.shape, 0.5, False)
        for i in range(first[0], last[0] + 1):
            x = (i + 0.5) * spacing[0] - centers[p, 0]
            for j in range(first[1], last[1] + 1):
                y = (j + 0.5) * spacing[1] - centers[p, 1]
                for k in range(first[2], last[2] + 1):
                    z = (k + 0.5) * spacing[2] - centers[p, 2]
                    r = math.sqrt(x * x + y * y + z * z)
                    if r > 0.0:
                        cell = stars.cell_of(x, y, z, cells)
                        if r > high[p, cell]:
                            continue
                        if r > low[p, cell] and r > stars.star_radius(
                            c[p], table, x / r, y / r, z / r
                        ):
                            continue
                    own[p] += 1
                    if labels[i, j, k] == numbers[p]:
                        both[p] += 1


def match_stars(
    labels: Labels,
    spacing: Sequence[float],
    numbers: Ints,
    centers: Floats,
    coefficients: Floats,
) -> tuple[Ints, Ints]:
    """Voxels (k,) of each body that lie in its region, and voxels (k,) of each body.

    Centers and coefficients in the unit of the spacing.
    """
    c = np.ascontiguousarray(coefficients, float)
    both, own = np.zeros(len(c), np.int64), np.zeros(len(c), np.int64)
    table = stars.recurrence(stars.degree_of(c.shape[1]))
    cells = 12
    for begin in range(0, len(c), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        low, high = stars.bound_radii(c[part], cells)
        box = stars.extents(c[part], cells)
        _match(
            labels,
            np.asarray(spacing, float),
            np.ascontiguousarray(numbers[part], np.int64),
            np.ascontiguousarray(centers[part], float),
            c[part],
            table,
            low,
            high,
            box,
            both[part],
            own[part],
        )
    return both, own
