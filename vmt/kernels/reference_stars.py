"""The slow, obvious twins of `stars`: harmonics from their closed form, every point and body."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def harmonic(degree: int, order: int, theta: float, phi: float) -> float:
    """Real orthonormal harmonic from the sum of Neumann et al. (2023), eq. (3), corrected.

    The factorials that the print lost are back; real and imaginary part times √2 for m ≠ 0.
    """
    m = abs(order)
    if theta > math.pi / 2:  # by symmetry, as the sum loses digits there
        return (-1.0) ** (degree + m) * harmonic(degree, order, math.pi - theta, phi)
    total = math.fsum(
        math.factorial(degree + m + k)
        / (math.factorial(k) * math.factorial(m + k) * math.factorial(degree - m - k))
        * ((math.cos(theta) - 1) / 2) ** k
        for k in range(degree - m + 1)
    )
    scale = math.sqrt(
        (2 * degree + 1) * math.factorial(degree - m) / (4 * math.pi * math.factorial(degree + m))
    )
    value = (math.sin(theta) / 2) ** m * scale * total
    if order == 0:
        return value
    return math.sqrt(2) * value * (math.cos(m * phi) if order > 0 else math.sin(m * phi))


def radius(coefficients: Floats, vector: Floats) -> float:
    """Radius of a body in the direction of a vector (3,)."""
    length = math.sqrt(float((vector**2).sum()))
    theta = math.acos(min(max(vector[2] / length, -1.0), 1.0)) if length else 0.0
    phi = math.atan2(vector[1], vector[0])
    degree = math.isqrt(len(coefficients)) - 1
    pairs = [(n, m) for n in range(degree + 1) for m in range(-n, n + 1)]
    return math.fsum(
        c * harmonic(n, m, theta, phi) for c, (n, m) in zip(coefficients, pairs, strict=True)
    )


def distances(
    point: Floats, centers: Floats, coefficients: Floats, size: Sequence[float] | None
) -> Floats:
    """Signed radial distance (k,) of a point from each body, its nearest image if periodic."""
    shifts = [np.zeros(3)]
    if size is not None:
        shifts = [np.multiply(s, size) for s in itertools.product((-1, 0, 1), repeat=3)]
    made = np.empty(len(centers))
    for p, (center, c) in enumerate(zip(centers, coefficients, strict=True)):
        gaps = [point - center + shift for shift in shifts]
        made[p] = min(math.sqrt(float((gap**2).sum())) - radius(c, gap) for gap in gaps)
    return made


def star_fields(
    shape: Sequence[int],
    spacing: Sequence[float],
    centers: Floats,
    coefficients: Floats,
    *,
    shift: float,
    periodic: bool,
) -> Floats:
    """Signed radial distance (nx, ny, nz, k) of each body at (index + shift) spacing."""
    size = np.multiply(shape, spacing).tolist() if periodic else None
    made = np.empty((*shape, len(centers)))
    for place in np.ndindex(*shape):
        point = (np.array(place) + shift) * spacing
        made[place] = distances(point, centers, coefficients, size)
    return made
