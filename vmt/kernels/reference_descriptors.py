"""Slow, obvious twins of the descriptor kernels, for tests."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

__all__ = [
    "changes",
    "chords",
    "contacts",
    "euclidean_distances",
    "euler_number",
    "face_distances",
    "intruded_volume",
    "largest_balls",
    "mean_width_sections",
    "opened_volume",
    "pair_products",
    "squared_distances",
    "touching_regions",
]

Mask = npt.NDArray[np.bool_]
Voxel = tuple[int, int, int]
_STEPS = (-1, 0, 1)
_NEIGHBORS: list[Voxel] = [
    (a, b, c) for a in _STEPS for b in _STEPS for c in _STEPS if (a, b, c) != (0, 0, 0)
]


def _voxels(mask: Mask) -> list[Voxel]:
    return [(int(i), int(j), int(k)) for i, j, k in np.argwhere(mask)]


def _around(x: Voxel, mask: Mask) -> Iterator[tuple[Voxel, Voxel]]:
    for v in _NEIGHBORS:
        y = (x[0] + v[0], x[1] + v[1], x[2] + v[2])
        if all(0 <= c < n for c, n in zip(y, mask.shape, strict=True)) and mask[y]:
            yield y, v


def pair_products(a: Mask, b: Mask, lag: Sequence[int]) -> tuple[int, int]:
    """Pairs (x, x + lag) with x in `a` and x + lag in `b`, and all pairs of the window."""
    found = total = 0
    for x in itertools.product(*(range(n) for n in a.shape)):
        y = tuple(c + d for c, d in zip(x, lag, strict=True))
        if all(0 <= c < n for c, n in zip(y, a.shape, strict=True)):
            total += 1
            found += int(a[x] and b[y])
    return found, total


def changes(mask: Mask, lag: Sequence[int]) -> int:
    """Pairs of which exactly one voxel is in the mask."""
    return pair_products(mask, ~mask, lag)[0] + pair_products(~mask, mask, lag)[0]


def contacts(a: Mask, b: Mask, lag: Sequence[int]) -> int:
    """Pairs with one voxel in each mask."""
    return pair_products(a, b, lag)[0] + pair_products(b, a, lag)[0]


def euler_number(mask: Mask) -> int:
    """Vertices − edges + faces − voxels of the union of closed voxels."""
    cells = {
        tuple(2 * c + 1 + d for c, d in zip(x, v, strict=True))
        for x in _voxels(mask)
        for v in itertools.product((-1, 0, 1), repeat=3)
    }
    return sum((-1) ** sum(c % 2 for c in cell) for cell in cells)


def face_distances(mask: Mask, spacing: Sequence[float], axis: int = 0) -> npt.NDArray[np.float64]:
    """Dijkstra with a heap from the last plane of `axis`; inf without path, nan outside."""
    dist = np.where(mask, np.inf, np.nan)
    heap = [(0.0, x) for x in _voxels(mask) if x[axis] == mask.shape[axis] - 1]
    for _, x in heap:
        dist[x] = 0.0
    while heap:
        d, x = heapq.heappop(heap)
        if d > dist[x]:
            continue
        for y, v in _around(x, mask):
            new = d + math.dist((0.0, 0.0, 0.0), [c * h for c, h in zip(v, spacing, strict=True)])
            if new < dist[y]:
                dist[y] = new
                heapq.heappush(heap, (new, y))
    return dist


def squared_distances(mask: Mask, spacing: Sequence[float]) -> npt.NDArray[np.float64]:
    """Squared distance to the nearest voxel center outside the mask."""
    result = np.zeros(mask.shape)
    outside = np.argwhere(~mask) * np.asarray(spacing)
    for x in _voxels(mask):
        gaps = outside - np.asarray(x) * np.asarray(spacing)
        result[x] = (gaps**2).sum(axis=1).min() if len(gaps) else np.inf
    return result


def _covered(centers: Sequence[Voxel], mask: Mask, radius: float, spacing: Sequence[float]) -> int:
    places = np.array(centers).reshape(-1, 3) * np.asarray(spacing)
    near = radius * (1 + 1e-6)
    return sum(
        bool((((places - np.asarray(x) * np.asarray(spacing)) ** 2).sum(axis=1) <= near**2).any())
        for x in itertools.product(*(range(n) for n in mask.shape))
    )


def opened_volume(mask: Mask, radius: float, spacing: Sequence[float]) -> int:
    """Voxels of the opening with a ball: no farther than the radius from {D > radius}."""
    eroded = squared_distances(mask, spacing) > (radius * (1 + 1e-6)) ** 2
    return _covered(_voxels(eroded), mask, radius, spacing)


def intruded_volume(
    mask: Mask, radius: float, spacing: Sequence[float], faces: Sequence[tuple[int, int]]
) -> int:
    """Voxels no farther than the radius from what is connected to the faces within {D > radius}."""
    eroded = squared_distances(mask, spacing) > (radius * (1 + 1e-6)) ** 2
    seen = {
        x
        for x in _voxels(eroded)
        if any(x[axis] == (mask.shape[axis] - 1 if side else 0) for axis, side in faces)
    }
    stack = list(seen)
    while stack:
        for y, _ in _around(stack.pop(), eroded):
            if y not in seen:
                seen.add(y)
                stack.append(y)
    return _covered(sorted(seen), mask, radius, spacing)


def largest_balls(
    mask: Mask, radii: Sequence[float], spacing: Sequence[float]
) -> npt.NDArray[np.float64]:
    """Largest of the radii whose opening holds each voxel; −1 if none does."""
    place = np.asarray(spacing)
    distances = squared_distances(mask, spacing)
    result = np.full(mask.shape, -1.0)
    for radius in sorted(radii):
        near = (radius * (1 + 1e-6)) ** 2
        centers = np.argwhere(distances > near) * place
        for x in itertools.product(*(range(n) for n in mask.shape)):
            if (((centers - np.asarray(x) * place) ** 2).sum(axis=1) <= near).any():
                result[x] = radius
    return result


def euclidean_distances(
    mask: Mask, spacing: Sequence[float], axis: int = 0
) -> npt.NDArray[np.float64]:
    """Upwind solution of |∇T| = 1 from the last plane, by sweeps until nothing changes."""
    value = np.where(mask, np.inf, np.nan)
    voxels = _voxels(mask)
    for x in voxels:
        if x[axis] == mask.shape[axis] - 1:
            value[x] = 0.0
    changed = True
    while changed:
        changed = False
        for x in [*voxels, *reversed(voxels)]:
            best = _upwind(value, x, spacing)
            if best < value[x] - 1e-9:
                value[x] = best
                changed = True
    return value


def _upwind(value: npt.NDArray[np.float64], x: Voxel, spacing: Sequence[float]) -> float:
    known: list[tuple[float, float]] = []
    for axis, h in enumerate(spacing):
        ends = [
            float(value[tuple(c + s * (a == axis) for a, c in enumerate(x))])
            for s in (-1, 1)
            if 0 <= x[axis] + s < value.shape[axis]
        ]
        ends = [end for end in ends if math.isfinite(end)]
        if ends:
            known.append((min(ends), h))
    best = math.inf
    for count in range(1, len(known) + 1):
        for some in itertools.combinations(known, count):
            # T with Σ ((T − a)/h)² = 1, valid if it lies above all the values it uses
            a = sum(1 / h**2 for _, h in some)
            b = sum(t / h**2 for t, h in some)
            c = sum((t / h) ** 2 for t, h in some) - 1
            root = b * b - a * c
            if root >= 0 and (b + math.sqrt(root)) / a >= max(t for t, _ in some):
                best = min(best, (b + math.sqrt(root)) / a)
    return best


def mean_width_sections(mask: Mask, spacing: Sequence[float]) -> list[float]:
    """Euler number per area of the sections along the three axes, mean of 4 and 8 neighbors.

    Counted in the squares of four neighboring pixels that the window holds.
    """
    result = []
    for axis in range(3):
        total = squares = 0.0
        for plane in np.moveaxis(mask, axis, 0):
            for i, j in itertools.product(range(plane.shape[0] - 1), range(plane.shape[1] - 1)):
                inside = int(plane[i : i + 2, j : j + 2].sum())
                total += {1: 0.25, 3: -0.25}.get(inside, 0.0)
                squares += 1
        area = math.prod(h for other, h in enumerate(spacing) if other != axis)
        result.append(total / (squares * area))
    return result


def chords(mask: Mask, axis: int) -> tuple[list[int], int]:
    """Lengths of the runs along an axis that touch neither end, sorted, and number of the rest."""
    lines = np.moveaxis(mask, axis, -1).reshape(-1, mask.shape[axis])
    whole: list[int] = []
    cut = 0
    for line in lines.tolist():
        place = 0
        for inside, run in itertools.groupby(line):
            length = len(list(run))
            if inside and place > 0 and place + length < len(line):
                whole.append(length)
            elif inside:
                cut += 1
            place += length
    return sorted(whole), cut


def touching_regions(labels: npt.NDArray[np.integer]) -> set[tuple[int, int]]:
    """Pairs of regions (labels above 0) that share a voxel face."""
    found = set()
    for x in itertools.product(*(range(n) for n in labels.shape)):
        for axis in range(3):
            y = tuple(c + (a == axis) for a, c in enumerate(x))
            if y[axis] < labels.shape[axis]:
                a, b = int(labels[x]), int(labels[y])
                if a != b and a > 0 and b > 0:
                    found.add((min(a, b), max(a, b)))
    return found
