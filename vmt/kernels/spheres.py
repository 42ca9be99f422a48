"""Spheres in a box: placing them, pushing them apart, and turning them into voxels."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vmt.errors import ConvergenceError

__all__ = ["place_spheres", "separate_spheres", "voxelize_spheres"]


def place_spheres(
    radii: npt.NDArray[np.float64],
    size: npt.NDArray[np.float64],
    periodic: bool,
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Place spheres one by one where there is room (random sequential adsorption).

    (n,) radii, box of (3,) sizes -> (n, 3) centers. Each has 30 trials; the last
    stands in any case.
    """
    centers = np.empty((len(radii), 3))
    for i, r in enumerate(radii):
        low = 0.0 if periodic else r
        trials = low + rng.random((30, 3)) * (size - 2 * low)
        gap = trials[:, None, :] - centers[None, :i, :]
        if periodic:
            gap -= size * np.rint(gap / size)
        free = ((gap**2).sum(axis=2) >= (radii[:i] + r) ** 2).all(axis=1)
        centers[i] = trials[int(np.argmax(free))] if free.any() else trials[-1]
    return centers


def separate_spheres(
    centers: npt.NDArray[np.float64],
    radii: npt.NDArray[np.float64],
    size: npt.NDArray[np.float64],
    periodic: bool,
    max_iterations: int,
) -> npt.NDArray[np.float64]:
    """Move overlapping spheres apart until none overlap, walls included.

    (n, 3) centers, (n,) radii, (3,) sizes -> (n, 3) centers. Each round moves both spheres of each
    overlapping pair by half the overlap; pairs come from a tree that is renewed when needed.

    Raises
    ------
    ConvergenceError
        If some still overlap after `max_iterations` rounds.
    """
    centers = centers.copy()
    from scipy.spatial import cKDTree

    # spheres slightly too large are pushed, so that the true ones come free in finite time
    inflated = radii * 1.002
    skin = 0.3 * float(radii.mean())
    listed = np.full_like(centers, np.inf)
    first = second = np.empty(0, np.intp)
    for _ in range(max_iterations):
        if not np.abs(centers - listed).max() < skin / 4:
            listed = centers.copy()
            wrapped = np.mod(centers, size) if periodic else centers
            wrapped = np.where(wrapped >= size, 0.0, wrapped) if periodic else wrapped
            tree = cKDTree(wrapped, boxsize=size if periodic else None)
            pairs = tree.query_pairs(2 * float(inflated.max()) + skin, output_type="ndarray")
            first, second = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))].T
        gap = centers[first] - centers[second]
        if periodic:
            gap -= size * np.rint(gap / size)
        distance = np.sqrt((gap**2).sum(axis=1))
        if (distance >= (radii[first] + radii[second]) * (1 - 1e-12)).all():
            return np.mod(centers, size) if periodic else centers
        overlap = inflated[first] + inflated[second] - distance
        hit = np.flatnonzero(overlap > 0)
        step = gap[hit] * (0.5 * overlap[hit] / np.maximum(distance[hit], 1e-300))[:, None]
        for k in range(3):
            centers[:, k] += np.bincount(first[hit], step[:, k], len(radii))
            centers[:, k] -= np.bincount(second[hit], step[:, k], len(radii))
        if not periodic:
            centers = np.clip(centers, radii[:, None], size - radii[:, None])
    fraction = 4 / 3 * math.pi * float(np.sum(radii**3)) / float(np.prod(size))
    raise ConvergenceError(
        f"{len(radii)} spheres still overlap after {max_iterations} rounds at volume fraction "
        f"{fraction:.3f}; use a lower one (below about 0.6), or more iterations."
    )


def voxelize_spheres(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    centers: npt.NDArray[np.float64],
    radii: npt.NDArray[np.float64],
    *,
    periodic: bool,
) -> npt.NDArray[np.uint8]:
    """Label voxels 1 whose center lies in a sphere: (n, 3) centers and (n,) radii [m]."""
    labels = np.zeros(shape, np.uint8)
    for center, radius in zip(centers, radii, strict=True):
        places, squares = [], []
        for n, d, c in zip(shape, spacing, center, strict=True):
            low = math.ceil((c - radius) / d - 0.5)
            high = math.floor((c + radius) / d - 0.5)
            if not periodic:
                low, high = max(low, 0), min(high, n - 1)
            index = np.arange(low, high + 1)
            squares.append(((index + 0.5) * d - c) ** 2)
            places.append(index % n)
        inside = squares[0][:, None, None] + squares[1][:, None] + squares[2] <= radius**2
        part = np.ix_(*places)
        labels[part] |= inside
    return labels
