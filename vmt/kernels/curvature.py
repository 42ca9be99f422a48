"""Mean curvature from 2×2×2 configurations: Euler numbers of plane sections in 13 directions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vmt.kernels.surface import direction_weights

__all__ = ["mean_curvature_table"]

_CORNERS = np.array(list(itertools.product((0, 1), repeat=3)))


def mean_curvature_table(
    spacing: Sequence[float], extended: Sequence[bool] = (True, True, True)
) -> npt.NDArray[np.float64]:
    """Mean curvature integral per volume (256,) that each configuration of eight voxels stands for.

    Crofton: the density is 2π times the mean over all planes of the Euler number per area of the
    section. The planes through lattice points in a block of eight voxels have the 13 normals
    (v_x/dx, v_y/dy, v_z/dz); each is weighted by its Voronoi share of the sphere, which is exact
    for anisotropic voxels. On the rectangular sections the mean of 4 and 8 neighbors is taken, on
    the triangular ones the 6 neighbors there are: both turn into their negative for the
    complement. In a plane (one flat axis) the structure is continued unchanged.

    Parameters
    ----------
    spacing : (dx, dy, dz)
        Voxel edge lengths [m].
    extended : three bools
        Which axes have more than one voxel.
    """
    steps = np.asarray(spacing, float)
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    table = np.zeros(256)
    dimensions = sum(bool(e) for e in extended)
    if dimensions < 2:
        return table
    if dimensions == 2:
        flat = next(axis for axis, more in enumerate(extended) if not more)
        quad = bits[:, _CORNERS[:, flat] == 0].sum(axis=1)
        area = math.prod(h for axis, h in enumerate(spacing) if axis != flat)
        return np.asarray(math.pi * ((quad == 1) * 1.0 - (quad == 3)) / (4 * area))
    normals, weights = direction_weights([1 / h for h in spacing])
    for normal, weight in zip(normals, weights, strict=True):
        level = _CORNERS @ normal
        groups = [np.flatnonzero(level == value) for value in np.unique(level)]
        sections = [g for g in groups if g.size > 2]
        # lattice points of such a plane have the area of the cell's volume over the plane distance
        area = float(np.prod(steps) * np.linalg.norm(normal / steps))
        for corners in sections:
            inside = bits[:, corners].sum(axis=1)
            if corners.size == 4:
                euler = ((inside == 1) * 1.0 - (inside == 3)) / (4 * area)
            else:  # two triangles to a lattice point
                euler = ((inside == 1) * 1.0 - (inside == 2)) / (3 * area)
            table += 2 * math.pi * 2 * float(weight) * euler / len(sections)
    return table
