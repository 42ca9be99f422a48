"""Slow, obvious twins of the level-set kernels: polygons, convex hulls, graphs, sums of waves."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse.linalg import spsolve
from scipy.spatial import ConvexHull

__all__ = [
    "cell_share",
    "faces_direct",
    "field_at",
    "percolating_direct",
    "square_share",
    "two_phase_direct",
]

Array = npt.NDArray[np.float64]


def square_share(values: Array) -> float:
    """Share of the unit square inside (value ≤ 0); the four corners' values in order around it."""
    corners = np.array([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)])
    a, b, c, d = values
    inside = values <= 0
    if inside[0] == inside[2] != inside[1] == inside[3]:
        # the bilinear interpolant's saddle decides which two corners are cut off by themselves
        saddle = (a * c - b * d) / (a + c - b - d)
        alone = inside if saddle > 0 else ~inside
        area = 0.0
        for n in np.flatnonzero(alone):
            low = values[n] / (values[n] - values[n - 1])
            high = values[n] / (values[n] - values[(n + 1) % 4])
            area += low * high / 2
        return float(area if saddle > 0 else 1 - area)
    points = []
    for k in range(4):
        m = (k + 1) % 4
        if inside[k]:
            points.append(corners[k])
        if inside[k] != inside[m]:
            t = values[k] / (values[k] - values[m])
            points.append((1 - t) * corners[k] + t * corners[m])
    total = 0.0
    for (x, y), (u, v) in pairwise([*points, *points[:1]]):
        total += x * v - u * y
    return float(total / 2)


def cell_share(values: Array) -> float:
    """Share of the unit cube inside, from the (2, 2, 2) values: 24 tetrahedra, cut one by one."""
    middle, cube = values.mean(), np.full(3, 0.5)
    total = 0.0
    for axis in range(3):
        for side in (0, 1):
            plane = np.take(values, side, axis)
            around = [(0, 0), (0, 1), (1, 1), (1, 0)]
            places = [np.insert(np.array(p, float), axis, side) for p in around]
            face = np.insert(np.full(2, 0.5), axis, side)
            for n in range(4):
                m = (n + 1) % 4
                points = np.array([places[n], places[m], face, cube])
                inner = np.array([plane[around[n]], plane[around[m]], plane.mean(), middle])
                total += _cut_tetrahedron(points, inner)
    return total


def _cut_tetrahedron(points: Array, values: Array) -> float:
    kept = [p for p, v in zip(points, values, strict=True) if v <= 0]
    for i in range(4):
        for j in range(i):
            if (values[i] <= 0) != (values[j] <= 0):
                t = values[i] / (values[i] - values[j])
                kept.append((1 - t) * points[i] + t * points[j])
    flat = len(kept) < 4 or np.linalg.matrix_rank(np.array(kept) - kept[0], tol=1e-12) < 3
    return 0.0 if flat else float(ConvexHull(np.array(kept), qhull_options="QJ").volume)


def _links(
    ax: Array, ay: Array, az: Array, periodic: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], Array, npt.NDArray[np.int64]]:
    nx, ny, nz = ax.shape[0] - 1, ay.shape[1] - 1, az.shape[2] - 1
    number = np.arange(nx * ny * nz).reshape(nx, ny, nz)
    rows = [number[:-1].ravel(), number[:, :-1].ravel(), number[:, :, :-1].ravel()]
    columns = [number[1:].ravel(), number[:, 1:].ravel(), number[:, :, 1:].ravel()]
    open_ = [ax[1:-1].ravel(), ay[:, 1:-1].ravel(), az[:, :, 1:-1].ravel()]
    axis = [np.full(r.size, n) for n, r in enumerate(rows)]
    if periodic and ny > 1:
        rows.append(number[:, -1].ravel())
        columns.append(number[:, 0].ravel())
        open_.append(np.minimum(ay[:, 0], ay[:, -1]).ravel())
        axis.append(np.full(rows[-1].size, 1))
    if periodic and nz > 1:
        rows.append(number[:, :, -1].ravel())
        columns.append(number[:, :, 0].ravel())
        open_.append(np.minimum(az[:, :, 0], az[:, :, -1]).ravel())
        axis.append(np.full(rows[-1].size, 2))
    flat = [np.concatenate(part) for part in (rows, columns, open_, axis)]
    return flat[0], flat[1], flat[2].astype(np.float64), flat[3]


def percolating_direct(ax: Array, ay: Array, az: Array, *, periodic: bool) -> npt.NDArray[np.bool_]:
    """Cells that open faces join to both ends of axis 0."""
    rows, columns, open_, _ = _links(ax, ay, az, periodic)
    shape = (ax.shape[0] - 1, ay.shape[1] - 1, az.shape[2] - 1)
    size = int(np.prod(shape))
    graph = sparse.coo_matrix((open_, (rows, columns)), shape=(size, size)).tocsr()
    graph.eliminate_zeros()
    cluster = csgraph.connected_components(graph, directed=False)[1].reshape(shape)
    both = np.intersect1d(cluster[0][ax[0] > 0], cluster[-1][ax[-1] > 0])
    return np.isin(cluster, both)


def faces_direct(
    ax: Array, ay: Array, az: Array, spacing: tuple[float, float, float], *, periodic: bool
) -> float:
    """Effective conductivity along axis 0 of cells with open faces, by a sparse direct solve."""
    kept = percolating_direct(ax, ay, az, periodic=periodic)
    rows, columns, open_, axis = _links(ax, ay, az, periodic)
    dx, dy, dz = spacing
    weight = open_ * np.array([dy * dz / dx, dx * dz / dy, dx * dy / dz])[axis]
    weight *= kept.ravel()[rows] & kept.ravel()[columns]
    size = kept.size
    once = sparse.coo_matrix((weight, (rows, columns)), shape=(size, size)).tocsr()
    links = once + once.T
    ground = np.zeros((2, *kept.shape))
    ground[0, 0] = 2 * ax[0] * kept[0] * dy * dz / dx
    ground[1, -1] = 2 * ax[-1] * kept[-1] * dy * dz / dx
    diagonal = np.asarray(links.sum(axis=1)).ravel() + ground.sum(axis=0).ravel()
    inside = np.flatnonzero(kept)
    matrix = (sparse.diags(diagonal) - links).tocsr()[inside][:, inside]
    u = spsolve(matrix.tocsc(), ground[0].ravel()[inside])
    current = float(ground[0].ravel()[inside] @ (1 - u))
    nx, ny, nz = kept.shape
    return float(current * nx * dx / (ny * dy * nz * dz))


def field_at(
    modes: npt.NDArray[np.complex128],
    waves: list[npt.NDArray[np.int64]],
    lengths: tuple[int, int, int],
    places: list[Array],
) -> npt.NDArray[np.complex128]:
    """Sum of waves at a product grid of places, in voxels of the torus, mode by mode."""
    made = np.zeros([len(p) for p in places], np.complex128)
    for index in np.ndindex(modes.shape):
        wave = modes[index]
        parts = [
            np.exp(2j * np.pi * w[n] * p / length)
            for w, n, p, length in zip(waves, index, places, lengths, strict=True)
        ]
        made += wave * np.einsum("i,j,k", *parts)
    return made


def two_phase_direct(
    values: Array, shares: tuple[Array, Array, Array], kept: Array, low: float
) -> tuple[Array, Array, Array]:
    """Conductances of the faces between cells both phases of which conduct, face by face.

    Each half of the line between two centers is cut where the linear interpolant is 0; values at
    centers of cells and faces are means of their corners.
    """

    def mean(index: tuple[int, ...], sizes: tuple[int, ...]) -> float:
        return float(
            values[tuple(slice(i, i + n) for i, n in zip(index, sizes, strict=True))].mean()
        )

    def inner(a: float, b: float) -> float:
        ends = np.array([a, b])
        if np.all(ends <= 0) or np.all(ends > 0):
            return float(a <= 0)
        return float(-ends.min() / np.ptp(ends))

    made = []
    for axis, share in enumerate(shares):
        out = np.zeros(share.shape)
        flat = tuple(1 if a == axis else 2 for a in range(3))
        step = np.eye(3, dtype=int)[axis]
        for index in np.ndindex(share.shape):
            face = mean(index, flat)
            beside = [np.array(index) - step, np.array(index)]
            cells = [tuple(c) for c in beside if 0 <= c[axis] < kept.shape[axis]]
            parts = [inner(face, mean(cell, (2, 2, 2))) for cell in cells]
            if share[index] > 0 and all(kept[cell] for cell in cells):
                out[index] = share[index] + (1 - share[index]) * low
            else:
                part = float(np.mean(parts))
                out[index] = 1 / (part + (1 - part) / low)
        made.append(out)
    return made[0], made[1], made[2]
