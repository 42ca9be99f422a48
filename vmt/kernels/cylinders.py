"""Straight cylinders on a voxel grid, one after the other until enough of a set is covered."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["cover_with_cylinders", "random_lines"]

Floats = npt.NDArray[np.float64]


def random_lines(count: int, size: Floats, generator: np.random.Generator) -> tuple[Floats, Floats]:
    """Points (n, 3) and directions (n, 3) of isotropic uniform random lines around a box.

    The lines are uniform among those that hit the ball around the box of edges `size`.
    """
    way = generator.standard_normal((count, 3))
    way /= np.linalg.norm(way, axis=1)[:, None]
    other = np.where(np.abs(way[:, :1]) < 0.9, [[1.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]])
    one = np.cross(way, other)
    one /= np.linalg.norm(one, axis=1)[:, None]
    two = np.cross(way, one)
    radius = 0.5 * float(np.linalg.norm(size))
    distance = radius * np.sqrt(generator.random(count))
    angle = 2 * np.pi * generator.random(count)
    shift = np.cos(angle)[:, None] * one + np.sin(angle)[:, None] * two
    return 0.5 * size + distance[:, None] * shift, way


@njit(cache=True, nogil=True)
def _cover(state, edges, points, ways, radii, goal, order):  # type: ignore[no-untyped-def]
    """Set state 1 to 2 inside the cylinders until `goal` voxels are; return what was done.

    `order` holds the voxels of the last cylinder, which went beyond the goal, and how far they are
    from its axis; they have state 3.
    """
    shape = state.shape
    covered = 0
    last = 0
    for n in range(radii.size):
        main = 0
        for a in range(1, 3):
            if abs(ways[n, a]) > abs(ways[n, main]):
                main = a
        u, v = (main + 1) % 3, (main + 2) % 3
        radius = radii[n]
        reach = radius / abs(ways[n, main])  # of the ellipse in a plane normal to the main axis
        found = 0
        idx = np.zeros(3, np.int64)
        for i in range(shape[main]):
            t = ((i + 0.5) * edges[main] - points[n, main]) / ways[n, main]
            cu = points[n, u] + t * ways[n, u]
            cv = points[n, v] + t * ways[n, v]
            u0 = max(int(np.floor((cu - reach) / edges[u])), 0)
            u1 = min(int(np.ceil((cu + reach) / edges[u])), shape[u] - 1)
            v0 = max(int(np.floor((cv - reach) / edges[v])), 0)
            v1 = min(int(np.ceil((cv + reach) / edges[v])), shape[v] - 1)
            for j in range(u0, u1 + 1):
                for k in range(v0, v1 + 1):
                    idx[main], idx[u], idx[v] = i, j, k
                    if state[idx[0], idx[1], idx[2]] != 1:
                        continue
                    along = 0.0
                    square = 0.0
                    for a in range(3):
                        d = (idx[a] + 0.5) * edges[a] - points[n, a]
                        along += d * ways[n, a]
                        square += d * d
                    square -= along * along
                    if square <= radius * radius:
                        state[idx[0], idx[1], idx[2]] = 3
                        order[found, 0] = (idx[0] * shape[1] + idx[1]) * shape[2] + idx[2]
                        order[found, 1] = square
                        found += 1
        last = n
        if covered + found > goal:
            return n, covered, found
        flat = state.reshape(-1)
        for q in range(found):
            flat[np.int64(order[q, 0])] = 2
        covered += found
        if covered == goal:
            return n + 1, covered, 0
    return last + 1, covered, 0


def cover_with_cylinders(
    state: npt.NDArray[np.uint8],
    edges: Floats,
    points: Floats,
    ways: Floats,
    radii: Floats,
    goal: int,
) -> tuple[int, int]:
    """Cover `goal` voxels of state 1 by cylinders, in place: they get state 2.

    The cylinder that would go beyond the goal is narrowed to meet it.

    Parameters
    ----------
    state : (nx, ny, nz) array of uint8
        1 where cylinders count, 2 where they have been, anything else outside.
    edges : (3,) array
        Voxel edge lengths.
    points, ways : (n, 3) arrays
        A point of each axis and its direction, of length 1.
    radii : (n,) array
    goal : int

    Returns
    -------
    used, covered : int
        Cylinders drawn, the narrowed one included, and voxels covered.
    """
    largest = float(radii.max(initial=0.0))
    long = float(np.linalg.norm(np.multiply(state.shape, edges))) + 4 * largest
    room = int((2 * largest / edges.min() + 3) ** 2 * (long / edges.min() + 3))
    order = np.empty((min(room, state.size), 2))
    used, covered, found = _cover(state, edges, points, ways, radii, goal, order)
    if found:
        nearest = np.lexsort((order[:found, 0], order[:found, 1]))
        voxels = order[:found, 0].astype(np.int64)[nearest]
        flat = state.reshape(-1)
        take = goal - covered
        flat[voxels[:take]] = 2
        flat[voxels[take:]] = 1
        return int(used) + 1, goal
    return int(used), int(covered)
