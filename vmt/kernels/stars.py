"""Star-shaped bodies by spherical harmonics: radius, gradient, and what they cover of a grid.

The harmonics Y_lm are real and orthonormal on the unit sphere, without the Condon-Shortley phase:
m > 0 goes with cos(mφ), m < 0 with sin(|m|φ). A body of degree L has (L + 1)² coefficients at the
places l² + l + m, so that its mean radius is c_0/√(4π). With q_lm(z) = P_lm(z)/sin^m θ the
harmonics are polynomials of the direction, q_lm(z) Re or Im (x + iy)^m: no poles, no angles.

Kernels elsewhere may call `star_radius` and `star_radius_gradient` (numba's cache does not see
edits of a callee in another file: clear it after editing this one).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "bound_radii",
    "count_stars",
    "degree_of",
    "directions_of",
    "extents",
    "harmonics",
    "harmonics_gradient",
    "label_stars",
    "level_stars",
    "product_quadrature",
    "radii",
    "radii_gradient",
    "recurrence",
    "signed_distances",
    "star_radius",
    "star_radius_gradient",
]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Triple = tuple[int, int, int]
_CHUNK = 128  # bodies whose bounds are held at once
_MOST_CELLS = 24  # along an edge of the cube of directions


def degree_of(count: int) -> int:
    """Degree L of a series with (L + 1)² coefficients; -1 if the count is no square."""
    degree = math.isqrt(max(count, 0)) - 1
    return degree if (degree + 1) ** 2 == count and count > 0 else -1


@functools.cache
def recurrence(degree: int) -> Floats:
    """Factors (2, L + 1, L + 1) of q_l = A_lm z q_{l-1} - B_lm q_{l-2}; the diagonal starts an m.

    √2 of the harmonics with m ≠ 0 is in the start of m = 1, from which the higher ones follow.
    """
    made = np.zeros((2, degree + 1, degree + 1))
    for m in range(degree + 1):
        start = math.sqrt((2 * m + 1) / (2 * m)) if m else math.sqrt(1 / (4 * math.pi))
        made[0, m, m] = math.sqrt(3.0) if m == 1 else start
        for n in range(m + 1, degree + 1):
            a = math.sqrt((4 * n * n - 1) / (n * n - m * m))
            b = math.sqrt(((n - 1) ** 2 - m * m) / (4 * (n - 1) ** 2 - 1))
            made[:, n, m] = a, a * b
    made.flags.writeable = False
    return made


@njit(cache=True, nogil=True, error_model="numpy")
def star_radius(c, table, x, y, z):  # type: ignore[no-untyped-def]
    """Radius of the body with coefficients c (K,) in the unit direction (x, y, z)."""
    degree = table.shape[1] - 1
    total = 0.0
    start, re, im = 1.0, 1.0, 0.0
    for m in range(degree + 1):
        start *= table[0, m, m]
        before, q = 0.0, start
        place = m * m + m
        cosine, sine = c[place + m] * q, c[place - m] * q
        for n in range(m + 1, degree + 1):
            before, q = q, table[0, n, m] * z * q - table[1, n, m] * before
            place += 2 * n
            cosine += c[place + m] * q
            sine += c[place - m] * q
        total += cosine * re if m == 0 else cosine * re + sine * im
        re, im = re * x - im * y, re * y + im * x
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def star_radius_gradient(c, table, x, y, z):  # type: ignore[no-untyped-def]
    """Radius, and its gradient (gx, gy, gz) on the unit sphere, tangential to it."""
    degree = table.shape[1] - 1
    total, gx, gy, gz = 0.0, 0.0, 0.0, 0.0
    start, re, im, last_re, last_im = 1.0, 1.0, 0.0, 0.0, 0.0
    for m in range(degree + 1):
        start *= table[0, m, m]
        before, q, slope_before, slope = 0.0, start, 0.0, 0.0
        place = m * m + m
        cosine, sine = c[place + m] * q, c[place - m] * q
        cosine_z, sine_z = 0.0, 0.0
        for n in range(m + 1, degree + 1):
            a, b = table[0, n, m], table[1, n, m]
            slope_before, slope = slope, a * (q + z * slope) - b * slope_before
            before, q = q, a * z * q - b * before
            place += 2 * n
            cosine += c[place + m] * q
            sine += c[place - m] * q
            cosine_z += c[place + m] * slope
            sine_z += c[place - m] * slope
        if m == 0:
            sine, sine_z = 0.0, 0.0
        total += cosine * re + sine * im
        gz += cosine_z * re + sine_z * im
        gx += m * (cosine * last_re + sine * last_im)
        gy += m * (sine * last_re - cosine * last_im)
        last_re, last_im = re, im
        re, im = re * x - im * y, re * y + im * x
    along = gx * x + gy * y + gz * z
    return total, gx - along * x, gy - along * y, gz - along * z


@njit(cache=True, nogil=True, error_model="numpy")
def _radii(c, which, directions, table):  # type: ignore[no-untyped-def]
    made = np.empty(which.size)
    for i in range(which.size):
        x, y, z = directions[i]
        made[i] = star_radius(c[which[i]], table, x, y, z)
    return made


@njit(cache=True, nogil=True, error_model="numpy")
def _radii_gradient(c, which, directions, table):  # type: ignore[no-untyped-def]
    made, slopes = np.empty(which.size), np.empty((which.size, 3))
    for i in range(which.size):
        x, y, z = directions[i]
        r, gx, gy, gz = star_radius_gradient(c[which[i]], table, x, y, z)
        made[i] = r
        slopes[i, 0], slopes[i, 1], slopes[i, 2] = gx, gy, gz
    return made, slopes


@njit(cache=True, nogil=True, error_model="numpy")
def _harmonics(directions, table):  # type: ignore[no-untyped-def]
    degree = table.shape[1] - 1
    made = np.zeros((directions.shape[0], (degree + 1) ** 2))
    slopes = np.zeros((directions.shape[0], (degree + 1) ** 2, 3))
    for i in range(directions.shape[0]):
        x, y, z = directions[i]
        start, re, im, last_re, last_im = 1.0, 1.0, 0.0, 0.0, 0.0
        for m in range(degree + 1):
            start *= table[0, m, m]
            before, q, slope_before, slope = 0.0, start, 0.0, 0.0
            for n in range(m, degree + 1):
                if n > m:
                    a, b = table[0, n, m], table[1, n, m]
                    slope_before, slope = slope, a * (q + z * slope) - b * slope_before
                    before, q = q, a * z * q - b * before
                place = n * n + n
                if m > 0:
                    made[i, place - m] = q * im
                    slopes[i, place - m, 0] = m * q * last_im
                    slopes[i, place - m, 1] = m * q * last_re
                    slopes[i, place - m, 2] = slope * im
                made[i, place + m] = q * re
                slopes[i, place + m, 0] = m * q * last_re
                slopes[i, place + m, 1] = -m * q * last_im
                slopes[i, place + m, 2] = slope * re
            last_re, last_im = re, im
            re, im = re * x - im * y, re * y + im * x
        for k in range(made.shape[1]):
            along = slopes[i, k, 0] * x + slopes[i, k, 1] * y + slopes[i, k, 2] * z
            slopes[i, k, 0] -= along * x
            slopes[i, k, 1] -= along * y
            slopes[i, k, 2] -= along * z
    return made, slopes


def harmonics(directions: Floats, degree: int) -> Floats:
    """Harmonics (n, (L + 1)²) in unit directions (n, 3)."""
    return harmonics_gradient(directions, degree)[0]


def harmonics_gradient(directions: Floats, degree: int) -> tuple[Floats, Floats]:
    """Harmonics (n, (L + 1)²) and their gradients (n, (L + 1)², 3) on the unit sphere."""
    u = np.ascontiguousarray(directions, float)
    return _harmonics(u, recurrence(degree))  # type: ignore[no-any-return]


def radii(coefficients: Floats, which: Ints, directions: Floats) -> Floats:
    """Radius (n,) of body which[i] of coefficients (k, (L + 1)²) in unit direction i of (n, 3)."""
    made: Floats = _radii(*_arguments(coefficients, which, directions))
    return made


def radii_gradient(coefficients: Floats, which: Ints, directions: Floats) -> tuple[Floats, Floats]:
    """Radius (n,) as `radii` gives it, and its gradient (n, 3) on the unit sphere."""
    return _radii_gradient(*_arguments(coefficients, which, directions))  # type: ignore[no-any-return]


def _arguments(
    coefficients: Floats, which: Ints, directions: Floats
) -> tuple[Floats, Ints, Floats, Floats]:
    c = np.ascontiguousarray(coefficients, float)
    bodies, u = np.ascontiguousarray(which, np.int64), np.ascontiguousarray(directions, float)
    return c, bodies, u, recurrence(degree_of(c.shape[1]))


def directions_of(theta: npt.ArrayLike, phi: npt.ArrayLike) -> Floats:
    """Unit directions (..., 3) of polar angle θ from the z axis and azimuth φ [rad]."""
    polar, azimuth = np.broadcast_arrays(np.asarray(theta, float), np.asarray(phi, float))
    flat = np.sin(polar)
    return np.stack([flat * np.cos(azimuth), flat * np.sin(azimuth), np.cos(polar)], axis=-1)


@functools.cache
def product_quadrature(degree: int) -> tuple[Floats, Floats]:
    """Directions (n, 3) and weights (n,) that integrate harmonics up to a degree exactly.

    Gauss-Legendre nodes in cos θ times equal steps in φ; the weights come to 4π.
    """
    nodes, shares = np.polynomial.legendre.leggauss(degree // 2 + 1)
    turns = degree + 1
    phi = 2 * math.pi * (np.arange(turns) + 0.5) / turns
    theta = np.arccos(nodes)
    directions = directions_of(theta[:, None], phi[None, :]).reshape(-1, 3)
    weights = np.repeat(shares * 2 * math.pi / turns, turns)
    for array in (directions, weights):
        array.flags.writeable = False
    return directions, weights


# ---- bounds of the radius on cells of directions


@functools.cache
def _cells(count: int, degree: int) -> tuple[Floats, Floats, Floats, Floats]:
    """Centers (6 n², 3) of the cells of a cube of directions, their radii [rad], and harmonics."""
    step = (np.arange(count) + 0.5) * 2 / count - 1
    one, two = (a.ravel() for a in np.meshgrid(step, step, indexing="ij"))
    half = 1 / count
    faces, spans = [], []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            center = np.insert(np.stack([one, two]), axis, sign, axis=0)
            center /= np.linalg.norm(center, axis=0)
            span = np.zeros(one.size)
            for da in (-half, half):
                for db in (-half, half):
                    corner = np.insert(np.stack([one + da, two + db]), axis, sign, axis=0)
                    corner /= np.linalg.norm(corner, axis=0)
                    np.maximum(span, np.linalg.norm(corner - center, axis=0), out=span)
            faces.append(center.T)
            spans.append(2 * np.arcsin(span / 2))
    centers = np.concatenate(faces)
    values, slopes = harmonics_gradient(centers, degree)
    made = (centers, np.concatenate(spans), values, slopes)
    for array in made:
        array.flags.writeable = False
    return made


def _bend(coefficients: Floats) -> Floats:
    """Bound (k,) on the second derivative of the radius along any great circle.

    By the addition theorem the squares of the harmonics' second derivatives of degree l come to
    (2l + 1)/(4π) (3 λ² - 2 λ)/8, λ = l(l + 1).
    """
    degree = degree_of(coefficients.shape[1])
    total = np.zeros(coefficients.shape[0])
    for n in range(1, degree + 1):
        power = (coefficients[:, n * n : (n + 1) ** 2] ** 2).sum(axis=1)
        lam = n * (n + 1)
        total += np.sqrt(power * (2 * n + 1) / (4 * math.pi) * (3 * lam * lam - 2 * lam) / 8)
    return total


def bound_radii(coefficients: Floats, count: int) -> tuple[Floats, Floats]:
    """Bounds (k, 6 n²) from below and above of the radius on the cells of a cube of directions.

    Taylor's formula from the center of each cell, the second derivative by its bound: they hold
    without exception.
    """
    degree = degree_of(coefficients.shape[1])
    _, span, values, slopes = _cells(count, degree)
    middle = coefficients @ values.T
    square = np.zeros_like(middle)
    for axis in range(3):
        square += (coefficients @ slopes[:, :, axis].T) ** 2
    swing = np.sqrt(square) * span + 0.5 * _bend(coefficients)[:, None] * span**2
    swing += 1e-12 * np.abs(middle)  # rounding
    return middle - swing, middle + swing


def extents(coefficients: Floats, count: int = 12) -> Floats:
    """Reach (k, 3, 2) from the center to the sides (low, high) of a box that holds each body."""
    return _extents(bound_radii(coefficients, count)[1], count, degree_of(coefficients.shape[1]))


def _extents(high: Floats, count: int, degree: int) -> Floats:
    centers, span, _, _ = _cells(count, degree)
    made = np.zeros((high.shape[0], 3, 2))
    for axis in range(3):
        for side, sign in enumerate((-1.0, 1.0)):
            # the largest component in a cell: that of the direction turned by the cell's radius
            angle = np.arccos(np.clip(sign * centers[:, axis], -1, 1))
            most = np.cos(np.maximum(angle - span, 0.0))
            made[:, axis, side] = np.maximum(high * np.maximum(most, 0.0), 0.0).max(axis=1)
    return made


# ---- what bodies cover of a grid


@njit(cache=True, nogil=True, error_model="numpy")
def cell_of(x, y, z, count):  # type: ignore[no-untyped-def]
    """Cell of a direction, or of any vector but zero."""
    ax, ay, az = abs(x), abs(y), abs(z)
    if ax >= ay and ax >= az:
        face, big, one, two = (1 if x > 0 else 0), ax, y, z
    elif ay >= az:
        face, big, one, two = (3 if y > 0 else 2), ay, x, z
    else:
        face, big, one, two = (5 if z > 0 else 4), az, x, y
    scale = 0.5 * count / big
    i = min(int(one * scale + 0.5 * count), count - 1)
    j = min(int(two * scale + 0.5 * count), count - 1)
    return (face * count + i) * count + j


@njit(cache=True, nogil=True, error_model="numpy")
def box_of(center, extent, spacing, shape, shift, wraps):  # type: ignore[no-untyped-def]
    """First and last places of the grid in a body's box; those outside are cut unless it wraps."""
    first, last = np.empty(3, np.int64), np.empty(3, np.int64)
    for a in range(3):
        first[a] = math.ceil((center[a] - extent[a, 0]) / spacing[a] - shift)
        last[a] = math.floor((center[a] + extent[a, 1]) / spacing[a] - shift)
        if not wraps:
            first[a], last[a] = max(first[a], 0), min(last[a], shape[a] - 1)
    return first, last


@njit(cache=True, nogil=True, error_model="numpy")
def _count(counts, spacing, centers, c, table, low, high, extent, periodic):  # type: ignore[no-untyped-def]
    nx, ny, nz = counts.shape
    cells = round(math.sqrt(low.shape[1] / 6))
    for p in range(centers.shape[0]):
        first, last = box_of(centers[p], extent[p], spacing, counts.shape, 0.5, periodic)
        for i in range(first[0], last[0] + 1):
            x = (i + 0.5) * spacing[0] - centers[p, 0]
            for j in range(first[1], last[1] + 1):
                y = (j + 0.5) * spacing[1] - centers[p, 1]
                row = counts[i % nx, j % ny]
                for k in range(first[2], last[2] + 1):
                    z = (k + 0.5) * spacing[2] - centers[p, 2]
                    r = math.sqrt(x * x + y * y + z * z)
                    if r == 0.0:
                        inside = star_radius(c[p], table, 0.0, 0.0, 1.0) >= 0
                    else:
                        cell = cell_of(x, y, z, cells)
                        if r > high[p, cell]:
                            continue
                        inside = r <= low[p, cell]
                        if not inside:
                            inside = r <= star_radius(c[p], table, x / r, y / r, z / r)
                    if inside:
                        at = k % nz
                        row[at] = min(row[at] + 1, 255)


@njit(cache=True, nogil=True, error_model="numpy")
def _label(labels, best, begin, spacing, centers, c, table, high, extent, periodic):  # type: ignore[no-untyped-def]
    nx, ny, nz = labels.shape
    cells = round(math.sqrt(high.shape[1] / 6))
    for p in range(centers.shape[0]):
        first, last = box_of(centers[p], extent[p], spacing, labels.shape, 0.5, periodic)
        for i in range(first[0], last[0] + 1):
            x = (i + 0.5) * spacing[0] - centers[p, 0]
            for j in range(first[1], last[1] + 1):
                y = (j + 0.5) * spacing[1] - centers[p, 1]
                for k in range(first[2], last[2] + 1):
                    z = (k + 0.5) * spacing[2] - centers[p, 2]
                    r = math.sqrt(x * x + y * y + z * z)
                    if r == 0.0:
                        value = -star_radius(c[p], table, 0.0, 0.0, 1.0)
                    else:
                        if r > high[p, cell_of(x, y, z, cells)]:
                            continue
                        value = r - star_radius(c[p], table, x / r, y / r, z / r)
                    at = (i % nx, j % ny, k % nz)
                    if value <= 0 and (labels[at] == 0 or np.float32(value) < best[at]):
                        labels[at] = begin + p + 1
                        best[at] = value


@njit(cache=True, nogil=True, error_model="numpy")
def _level(values, band, shift, wrap, steps, centers, c, table, low, high, box, periodic):  # type: ignore[no-untyped-def]
    cells = round(math.sqrt(low.shape[1] / 6))
    for p in range(centers.shape[0]):
        first, last = box_of(centers[p], box[p] + band, steps, values.shape, shift, periodic)
        for i in range(first[0], last[0] + 1):
            x = (i + shift) * steps[0] - centers[p, 0]
            for j in range(first[1], last[1] + 1):
                y = (j + shift) * steps[1] - centers[p, 1]
                row = values[i % wrap[0], j % wrap[1]]
                for k in range(first[2], last[2] + 1):
                    z = (k + shift) * steps[2] - centers[p, 2]
                    at = k % wrap[2]
                    if row[at] <= -band:
                        continue
                    r = math.sqrt(x * x + y * y + z * z)
                    if r == 0.0:
                        value = -star_radius(c[p], table, 0.0, 0.0, 1.0)
                    else:
                        cell = cell_of(x, y, z, cells)
                        if r - high[p, cell] >= band:
                            continue
                        if r - low[p, cell] <= -band:
                            value = -band
                        else:
                            value = r - star_radius(c[p], table, x / r, y / r, z / r)
                    row[at] = max(min(row[at], value), -band)


@njit(cache=True, nogil=True, error_model="numpy")
def _distance(c, table, x, y, z):  # type: ignore[no-untyped-def]
    r = math.sqrt(x * x + y * y + z * z)
    if r == 0.0:
        return -star_radius(c, table, 0.0, 0.0, 1.0)
    return r - star_radius(c, table, x / r, y / r, z / r)


@njit(cache=True, nogil=True, error_model="numpy")
def _signed_distances(points, centers, c, table, largest, size, periodic):  # type: ignore[no-untyped-def]
    made = np.full(points.shape[0], np.inf)
    nearest = np.full(points.shape[0], -1)
    images = 1 if periodic else 0
    for i in range(points.shape[0]):
        best = np.inf
        for p in range(centers.shape[0]):
            x, y, z = points[i] - centers[p]
            if periodic:
                x -= size[0] * np.rint(x / size[0])
                y -= size[1] * np.rint(y / size[1])
                z -= size[2] * np.rint(z / size[2])
            if math.sqrt(x * x + y * y + z * z) - largest[p] >= best:
                continue
            for a in range(-images, images + 1):
                for b in range(-images, images + 1):
                    for d in range(-images, images + 1):
                        u, v, w = x + a * size[0], y + b * size[1], z + d * size[2]
                        if math.sqrt(u * u + v * v + w * w) - largest[p] >= best:
                            continue
                        value = _distance(c[p], table, u, v, w)
                        if value < best:
                            best = value
                            nearest[i] = p
        made[i] = best
    return made, nearest


def _cell_count(coefficients: Floats, spacing: Sequence[float]) -> int:
    """Cells along an edge of the cube of directions: about as wide as voxels on the surface."""
    mean = float(np.abs(coefficients[:, 0]).mean()) / math.sqrt(4 * math.pi)
    return int(min(max(round(mean / min(spacing)), 4), _MOST_CELLS))


def count_stars(
    shape: Triple,
    spacing: Sequence[float],
    centers: Floats,
    coefficients: Floats,
    *,
    periodic: bool = False,
) -> npt.NDArray[np.uint8]:
    """Count the bodies, up to 255, that each voxel's center lies in.

    Exact on the signed radial distance |x - x_c| - ψ: bounds of ψ on cells of directions decide
    where they can, the series where they can't. Only the boxes of the bodies are visited; a
    periodic box takes in what leaves it on the other side, a closed one cuts it.

    Parameters
    ----------
    shape : (nx, ny, nz)
        Voxels.
    spacing : (dx, dy, dz)
        Voxel edge lengths.
    centers : (k, 3) array
        In the unit of the spacing.
    coefficients : (k, (L + 1)²) array
        Of the radius, in the unit of the spacing.
    periodic : bool
        Whether opposite faces fit together.
    """
    counts = np.zeros(shape, np.uint8)
    steps, at, c, table = _grid_arguments(spacing, centers, coefficients)
    n = _cell_count(c, spacing) if len(c) else 0
    for begin in range(0, len(c), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        low, high = bound_radii(c[part], n)
        box = _extents(high, n, table.shape[1] - 1)
        _count(counts, steps, at[part], c[part], table, low, high, box, periodic)
    return counts


def label_stars(
    shape: Triple,
    spacing: Sequence[float],
    centers: Floats,
    coefficients: Floats,
    *,
    periodic: bool = False,
) -> npt.NDArray[np.int32]:
    """Number (from 1) of the body that each voxel's center lies in, 0 outside all.

    Where bodies overlap, the one with the smallest signed radial distance (in float32; the first
    of equals). The arguments are those of `count_stars`.
    """
    labels, best = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    steps, at, c, table = _grid_arguments(spacing, centers, coefficients)
    n = _cell_count(c, spacing) if len(c) else 0
    for begin in range(0, len(c), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        _, high = bound_radii(c[part], n)
        box = _extents(high, n, table.shape[1] - 1)
        _label(labels, best, begin, steps, at[part], c[part], table, high, box, periodic)
    return labels


def level_stars(
    shape: Triple,
    spacing: Sequence[float],
    centers: Floats,
    coefficients: Floats,
    *,
    band: float,
    at: str = "corners",
    periodic: bool = False,
) -> npt.NDArray[np.float32]:
    """Smallest signed radial distance of the bodies at corners or centers of cells.

    Cut off at ±`band`: exact within, the sign everywhere. Other arguments as in `count_stars`.

    Parameters
    ----------
    shape : (nx, ny, nz)
        Cells; corners are one more along each axis.
    band : float
        In the unit of the spacing.
    at : {"corners", "centers"}
        Where.
    """
    corners = at == "corners"
    values = np.full([n + corners for n in shape], band, np.float32)
    steps, places, c, table = _grid_arguments(spacing, centers, coefficients)
    n = _cell_count(c, spacing) if len(c) else 0
    wrap = np.array(shape if periodic else values.shape, np.int64)
    shift = 0.0 if corners else 0.5
    for begin in range(0, len(c), _CHUNK):
        part = slice(begin, begin + _CHUNK)
        low, high = bound_radii(c[part], n)
        box = _extents(high, n, table.shape[1] - 1)
        _level(
            values, band, shift, wrap, steps, places[part], c[part], table, low, high, box, periodic
        )
    if periodic and corners:
        values[-1], values[:, -1], values[:, :, -1] = values[0], values[:, 0], values[:, :, 0]
    return values


def signed_distances(
    points: Floats,
    centers: Floats,
    coefficients: Floats,
    *,
    size: Sequence[float] | None = None,
) -> tuple[Floats, Ints]:
    """Smallest signed radial distance (n,) of the bodies at points (n, 3), and whose it is (n,).

    inf and -1 without bodies. With a `size` (Lx, Ly, Lz) the box is periodic; bodies may reach
    as far as half of it beyond its faces.
    """
    _, places, c, table = _grid_arguments((1.0, 1.0, 1.0), centers, coefficients)
    largest = bound_radii(c, 8)[1].max(axis=1) if len(c) else np.zeros(0)
    box = np.ones(3) if size is None else np.asarray(size, float)
    made, nearest = _signed_distances(
        np.ascontiguousarray(points, float), places, c, table, largest, box, size is not None
    )
    return made, nearest


def _grid_arguments(
    spacing: Sequence[float], centers: Floats, coefficients: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    c = np.ascontiguousarray(coefficients, float)
    places = np.ascontiguousarray(centers, float)
    return np.asarray(spacing, float), places, c, recurrence(degree_of(c.shape[1]))
