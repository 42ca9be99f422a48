"""The slow, obvious twin of `spheres`: every voxel against every sphere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def voxelize_spheres(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    centers: npt.NDArray[np.float64],
    radii: npt.NDArray[np.float64],
    *,
    periodic: bool,
) -> npt.NDArray[np.uint8]:
    """Label voxels 1 whose center lies in a sphere, or in an image of it in a periodic box."""
    labels = np.zeros(shape, np.uint8)
    size = np.multiply(shape, spacing)
    for place in np.ndindex(shape):
        point = (np.array(place) + 0.5) * spacing
        for center, radius in zip(centers, radii, strict=True):
            gap = point - center
            if periodic:
                gap -= size * np.rint(gap / size)
            if np.sum(gap**2) <= radius**2:
                labels[place] = 1
    return labels
