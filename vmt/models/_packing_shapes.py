"""From series of spherical harmonics to the tables that the packing kernels look shapes up in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vmt.kernels.directions import cube_directions, spread_points
from vmt.kernels.star_shapes import mean_radii
from vmt.kernels.stars import degree_of, harmonics

__all__ = ["Shapes", "shape_tables"]

Floats = npt.NDArray[np.float64]
Shapes = tuple[Floats, Floats, Floats, Floats, npt.NDArray[np.bool_]]
_CELLS = 24  # along an edge of the cube of directions: 3.7 degrees, bilinear


def shape_tables(coefficients: Floats, points: int = 260) -> Shapes:
    """Tables, points, radii there, largest radii, and which are balls, of (k, (L + 1)²) series."""
    degree = degree_of(coefficients.shape[1])
    rest = np.abs(coefficients[:, 1:]).max(axis=1, initial=0.0)
    ball = rest <= 1e-12 * np.abs(coefficients[:, 0])
    if ball.all():
        mean = mean_radii(coefficients)
        tables = np.ascontiguousarray(
            np.broadcast_to(mean[:, None, None, None], (len(mean), 6, 2, 2))
        )
        few = spread_points(4)
        return tables, few, np.repeat(mean[:, None], 4, axis=1), mean, ball
    grid = cube_directions(_CELLS)
    tables = coefficients @ harmonics(grid.reshape(-1, 3), degree).T
    spots = spread_points(points)
    surface = coefficients @ harmonics(spots, degree).T
    reach = np.maximum(tables.max(axis=1), surface.max(axis=1)) * (1 + 1e-9)
    reach[~ball] *= 1.005  # between the points
    return (
        np.ascontiguousarray(tables.reshape(len(tables), *grid.shape[:3])),
        spots,
        np.ascontiguousarray(surface),
        reach,
        ball,
    )
