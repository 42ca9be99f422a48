"""Pores between menisci: balls that meet the wall at an angle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vmt.kernels.openings import MARGIN, squared_distances

__all__ = ["ball_union"]


def ball_union(
    squares: npt.NDArray[np.float32],
    squared_radius: float,
    squared_offset: float,
    spacing: Sequence[float],
) -> npt.NDArray[np.bool_]:
    """Voxels of balls whose centers lie farther than an offset from the wall.

    With an offset equal to the radius that is the opening of the pore, whose complement is the
    closing of the wall; with an offset of radius times cos θ the balls cut a flat wall at the
    angle θ. Voxels of the wall itself are not told apart.

    Parameters
    ----------
    squares : (nx, ny, nz) array of float32
        Squared distance to the wall, shortest edge = 1; 0 in it.
    squared_radius, squared_offset : float
        In the same unit.
    spacing : (dx, dy, dz)
        Voxel edge lengths.
    """
    outside = squares <= np.float32(squared_offset * (1 + MARGIN))
    if outside.all():
        return np.zeros(squares.shape, bool)
    return np.asarray(
        squared_distances(outside, spacing) <= np.float32(squared_radius * (1 + MARGIN))
    )
