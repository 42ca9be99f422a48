"""Slow, obvious twin of the contacts in `packing`: every pair, every image, the series."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt

from vmt.kernels.directions import spread_points
from vmt.kernels.stars import radii, radii_gradient

__all__ = ["ball_contacts", "star_depth"]

Floats = npt.NDArray[np.float64]


def ball_contacts(
    centers: Floats, sizes: Floats, size: Floats, wraps: npt.NDArray[np.bool_], gap: float
) -> dict[tuple[int, int], float]:
    """Depth of each pair of balls nearer than a gap, by the nearest image of all."""
    found = {}
    for i in range(len(centers)):
        for j in range(i + 1, len(centers)):
            best = -np.inf
            for shift in product(*[(-1, 0, 1) if w else (0,) for w in wraps]):
                d = np.linalg.norm(centers[j] + np.array(shift) * size - centers[i])
                best = max(best, sizes[i] + sizes[j] - d)
            if best > -gap:
                found[i, j] = float(best)
    return found


def star_depth(one: Floats, two: Floats, apart: Floats, points: int = 6000) -> float:
    """Depth of two bodies of coefficients (K,), the second at `apart` (3,); negative: a gap.

    The deepest of many surface points of each in the other, its signed radial distance over the
    length of that function's gradient.
    """
    directions = spread_points(points)
    zero = np.zeros(points, np.int64)
    best = -np.inf
    for a, b, shift in ((one, two, apart), (two, one, -apart)):
        x = directions * radii(a[None], zero, directions)[:, None] - shift
        distance = np.linalg.norm(x, axis=1)
        surface, slope = radii_gradient(b[None], zero, x / distance[:, None])
        k = int(np.argmax(surface - distance))
        steep = np.sqrt(1 + (slope[k] ** 2).sum() / distance[k] ** 2)
        best = max(best, float((surface[k] - distance[k]) / steep))
    return best
