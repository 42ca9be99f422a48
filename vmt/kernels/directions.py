"""Directions and turns in space: through a cube's faces, spread evenly, and drawn at random."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["cube_directions", "rotations", "spread_points"]

Floats = npt.NDArray[np.float64]


def cube_directions(count: int) -> Floats:
    """Unit directions (6, n + 1, n + 1, 3) through the grid points of a cube's faces."""
    step = np.linspace(-1.0, 1.0, count + 1)
    one, two = np.meshgrid(step, step, indexing="ij")
    faces = []
    for axis in range(3):
        for sign in (-1.0, 1.0):
            parts = [one, two]
            parts.insert(axis, np.full_like(one, sign))
            faces.append(np.stack(parts, axis=-1))
    made = np.array(faces)
    return np.asarray(made / np.linalg.norm(made, axis=-1, keepdims=True))


def spread_points(count: int) -> Floats:
    """Unit directions (n, 3) spread evenly over the sphere (a golden spiral)."""
    place = np.arange(count) + 0.5
    z = 1 - 2 * place / count
    turn = math.pi * (1 + math.sqrt(5)) * place
    flat = np.sqrt(1 - z * z)
    return np.stack([flat * np.cos(turn), flat * np.sin(turn), z], axis=1)


def rotations(count: int, rng: np.random.Generator) -> Floats:
    """Rotation matrices (n, 3, 3), uniform over all turns."""
    q = rng.normal(size=(count, 4))
    w, x, y, z = (q / np.linalg.norm(q, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.ascontiguousarray(np.moveaxis(np.array(rows), 2, 0))
