"""Partition of a mask into convex-like regions, and the throats between them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Throats", "regions", "throats"]


@dataclass(frozen=True, eq=False)
class Throats:
    """Contacts of regions.

    Parameters
    ----------
    pairs : (k, 2) array of int
        Labels of the two regions, the smaller first.
    areas : (k,) array
        Area of the contact, in units of the spacing squared.
    squared_radii : (k,) array
        Largest of the given values on the contact.
    """

    pairs: npt.NDArray[np.int64]
    areas: npt.NDArray[np.float64]
    squared_radii: npt.NDArray[np.float64]


def regions(
    mask: npt.NDArray[np.bool_],
    squared_distances: npt.NDArray[np.float32],
    spacing: Sequence[float],
    depth: float,
) -> npt.NDArray[np.int32]:
    """Label the regions (nx, ny, nz) around the maxima of the distance; 0 outside the mask.

    Watershed of the negative distance from markers: the maxima that rise more than `depth` above
    the pass to a higher one (extended maxima), so that roughness of the boundary makes no regions.

    Parameters
    ----------
    mask : (nx, ny, nz) array of bool
        The set.
    squared_distances : (nx, ny, nz) array of float32
        To the background, shortest edge = 1.
    spacing : (dx, dy, dz)
        Voxel edge lengths; only the shape of the voxel is used.
    depth : float
        In shortest edges.
    """
    import cc3d
    from scipy import ndimage
    from skimage.morphology import local_maxima, reconstruction
    from skimage.segmentation import watershed

    unit = min(spacing)
    distance = np.sqrt(squared_distances)
    # flat tops of the lattice's distances make ties; a narrow filter breaks them
    smooth = ndimage.gaussian_filter(distance, [0.4 * unit / h for h in spacing])
    smooth[~mask] = 0
    raised = reconstruction(  # type: ignore[no-untyped-call]
        np.maximum(smooth - np.float32(depth), 0), smooth, method="dilation"
    )
    top = local_maxima(raised)  # type: ignore[no-untyped-call]
    peaks = np.asarray(top & (raised > 0) & mask)
    # without a rise of `depth` in all of it, a part is one region
    parts = cc3d.connected_components(np.ascontiguousarray(mask), connectivity=6)
    seen = np.zeros(int(parts.max()) + 1, bool)
    seen[np.unique(parts[peaks])] = True
    for place in ndimage.maximum_position(smooth, parts, np.flatnonzero(~seen)[1:]):
        peaks[place] = True
    markers = cc3d.connected_components(np.ascontiguousarray(peaks), connectivity=26)
    made = watershed(  # type: ignore[no-untyped-call]
        -smooth, markers.astype(np.int32), mask=mask
    )
    return np.asarray(made, np.int32)


def throats(
    labels: npt.NDArray[np.int32], values: npt.NDArray[np.float32], spacing: Sequence[float]
) -> Throats:
    """Find the pairs of regions with a common voxel face, the area, and the largest value there.

    The area is that of the plane across the contact: the root of the sum of the squared areas of
    the voxel faces along the three axes, each with its sign, so that a staircase counts as the
    plane it stands for.
    """
    count = int(labels.max(initial=0)) + 1
    keys, sizes, best, sides = [], [], [], []
    for axis in range(3):
        low = tuple(slice(0, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        one, two = labels[low], labels[high]
        where = (one != two) & (one > 0) & (two > 0)
        a, b = one[where].astype(np.int64), two[where].astype(np.int64)
        keys.append(np.minimum(a, b) * count + np.maximum(a, b))
        area = math.prod(h for other, h in enumerate(spacing) if other != axis)
        sizes.append(np.where(a < b, area, -area))
        sides.append(np.full(a.size, axis))
        best.append(np.minimum(values[low][where], values[high][where]))
    key, group = np.unique(np.concatenate(keys), return_inverse=True)
    vector = np.zeros((3, key.size))
    np.add.at(vector, (np.concatenate(sides), group), np.concatenate(sizes))
    largest = np.zeros(key.size)
    np.maximum.at(largest, group, np.concatenate(best))
    pairs = np.stack([key // count, key % count], axis=1)
    return Throats(pairs, np.sqrt((vector**2).sum(axis=0)), largest)
