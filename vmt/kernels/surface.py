"""Weights of the 13 directions of the surface estimator."""

from __future__ import annotations

from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.spatial import SphericalVoronoi

__all__ = ["direction_weights"]


def direction_weights(
    spacing: tuple[float, float, float],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Return the 13 directions and the solid-angle share of each orientation, Σ 2γ = 1."""
    steps = np.array([v for v in product((-1, 0, 1), repeat=3) if any(v)])
    units = steps * np.asarray(spacing)
    units = units / np.linalg.norm(units, axis=1, keepdims=True)
    areas = SphericalVoronoi(units).calculate_areas()
    half = np.array([tuple(v) > (0, 0, 0) for v in steps])
    return steps[half], areas[half] / areas.sum()
