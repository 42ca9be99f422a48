"""Slow, obvious twins of the conduction kernels: scipy's labels and a direct solve."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage, sparse
from scipy.sparse.linalg import splu, spsolve

__all__ = [
    "SparseLevel",
    "bracket_direct",
    "conduction_direct",
    "percolating_mask",
    "star_aggregates",
]


def percolating_mask(
    mask: npt.NDArray[np.bool_], *, periodic_y: bool = False, periodic_z: bool = False
) -> npt.NDArray[np.bool_]:
    """Voxels of a mask whose face-connected cluster touches both faces normal to axis 0."""
    tiled = np.tile(mask, (1, 3 if periodic_y else 1, 3 if periodic_z else 1))
    clusters, _ = ndimage.label(tiled)
    pairs: list[tuple[int, int]] = []
    ny, nz = mask.shape[1:]
    # copies of a voxel in different tiles are one voxel: merge their clusters
    cuts = [
        clusters[:, a * ny : (a + 1) * ny, b * nz : (b + 1) * nz]
        for a in range(3 if periodic_y else 1)
        for b in range(3 if periodic_z else 1)
    ]
    for cut in cuts[1:]:
        pairs += list(zip(cuts[0][mask].tolist(), cut[mask].tolist(), strict=True))
    count = int(clusters.max()) + 1
    rows = np.array([p[0] for p in pairs], int)
    columns = np.array([p[1] for p in pairs], int)
    graph = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    _, merged = sparse.csgraph.connected_components(graph, directed=False)
    group = merged[cuts[0]]
    both = np.intersect1d(group[0][mask[0]], group[-1][mask[-1]])
    return mask & np.isin(group, both)


def conduction_direct(
    sigma: npt.NDArray[np.float64],
    spacing: tuple[float, float, float],
    *,
    periodic: bool = False,
) -> tuple[float, npt.NDArray[np.float64]]:
    """Effective conductivity along axis 0 and the potential, by a sparse direct solve.

    Parameters
    ----------
    sigma : (nx, ny, nz) array
        Conductivity of each voxel [S/m]; 0 insulates. Every conducting voxel must be connected
        to an electrode.
    spacing : (dx, dy, dz)
        Voxel edge lengths [m].
    periodic : bool
        Whether opposite side faces are connected.

    Returns
    -------
    effective_conductivity : float
        [S/m], from the flux through the first face.
    potential : (nx, ny, nz) array
        1 at the first face, 0 at the last, NaN outside.
    """
    number = np.full(sigma.shape, -1)
    inside = sigma > 0
    number[inside] = np.arange(np.count_nonzero(inside))
    dx, dy, dz = spacing
    areas = (dy * dz / dx, dx * dz / dy, dx * dy / dz)
    rows, columns, values = [], [], []
    for axis, area in enumerate(areas):
        wrap = periodic and axis > 0 and sigma.shape[axis] > 1
        a = np.moveaxis(sigma, axis, 0)
        n = np.moveaxis(number, axis, 0)
        here = (a, n) if wrap else (a[:-1], n[:-1])
        there = (np.roll(a, -1, 0), np.roll(n, -1, 0)) if wrap else (a[1:], n[1:])
        both = (here[1] >= 0) & (there[1] >= 0)
        s, t = here[0][both], there[0][both]
        weight = area * 2 * s * t / (s + t)
        i, j = here[1][both], there[1][both]
        rows += [i, j, i, j]
        columns += [j, i, i, j]
        values += [-weight, -weight, weight, weight]
    wall = 2 * areas[0] * sigma
    source = np.zeros(int(number.max()) + 1)
    for plane, potential in ((0, 1.0), (-1, 0.0)):
        cells = inside[plane]
        index, weight = number[plane][cells], wall[plane][cells]
        rows.append(index)
        columns.append(index)
        values.append(weight)
        np.add.at(source, index, weight * potential)
    entries = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
    matrix = sparse.coo_matrix(entries, shape=(source.size, source.size)).tocsc()
    u = spsolve(matrix, source)
    first = inside[0]
    flux = float((wall[0][first] * (1.0 - u[number[0][first]])).sum())
    nx, ny, nz = sigma.shape
    potential_field = np.full(sigma.shape, np.nan)
    potential_field[inside] = u
    return flux * nx * dx / (ny * nz * dy * dz), potential_field


def star_aggregates(
    links: npt.NDArray[np.float64], diagonal: npt.NDArray[np.float64], strong: float
) -> list[int]:
    """Stars of a dense graph by the words of the rule: three passes in natural order."""
    size = len(diagonal)
    neighbors = [[j for j in range(size) if links[i, j] > 0] for i in range(size)]
    aggregate: dict[int, int] = {}
    count = 0

    def make_root(i: int) -> None:
        aggregate[i] = count
        for j in neighbors[i]:
            if j not in aggregate and links[i, j] >= strong * diagonal[j]:
                aggregate[j] = count

    for i in range(size):
        mine = [j for j in neighbors[i] if links[i, j] >= strong * diagonal[i]]
        if i not in aggregate and not any(j in aggregate for j in mine):
            make_root(i)
            count += 1
    before = dict(aggregate)
    for i in range(size):
        mine = [j for j in neighbors[i] if j in before and links[i, j] >= strong * diagonal[i]]
        if i not in before and mine:
            aggregate[i] = before[max(mine, key=lambda j: links[i, j])]
    for i in range(size):
        if i not in aggregate:
            make_root(i)
            count += 1
    return [aggregate[i] for i in range(size)]


def bracket_direct(
    sigma: npt.NDArray[np.float64],
    spacing: tuple[float, float, float],
    *,
    periodic: bool = False,
) -> tuple[float, float]:
    """Both bounds of the exact solution along axis 0, each from a sparse direct solve.

    Lower: the fluxes of the seven-point solution weighed as an RT0 field. Upper: the trilinear
    problem, one value at a node for each group of voxels that are joined by faces around it.

    Parameters
    ----------
    sigma : (nx, ny, nz) array
        Conductivity of each voxel [S/m]; 0 insulates. Every conducting voxel must be connected
        to an electrode.
    spacing : (dx, dy, dz)
        Voxel edge lengths [m].
    periodic : bool
        Whether opposite side faces are connected.

    Returns
    -------
    lower, upper : float
        [S/m].
    """
    nx, ny, nz = sigma.shape
    _, u = conduction_direct(sigma, spacing, periodic=periodic)
    u = np.where(sigma > 0, u, 0.0)
    energy = current = 0.0
    for axis, d in enumerate(spacing):
        s = np.moveaxis(sigma, axis, 0)
        v = np.moveaxis(u, axis, 0)
        after, v_after = np.roll(s, -1, 0), np.roll(v, -1, 0)
        with np.errstate(invalid="ignore", divide="ignore"):
            link = np.where((s > 0) & (after > 0), 2 * s * after / (s + after), 0.0) / d
        upper = link * (v - v_after)
        if axis == 0:
            upper[-1] = 2 * s[-1] / d * v[-1]
            first = 2 * s[0] / d * (1 - v[0])
            current = float(first.sum()) * spacing[1] * spacing[2]
        elif not periodic or len(s) == 1:
            upper[-1] = 0.0
        lower = np.roll(upper, 1, 0)
        if axis == 0:
            lower[0] = first
        heat = (lower**2 + lower * upper + upper**2) / 3
        energy += float((heat[s > 0] / s[s > 0]).sum())
    dx, dy, dz = spacing
    thickness, area = nx * dx, ny * nz * dy * dz
    bound = current**2 * thickness / (area * energy * dx * dy * dz)
    return bound, _trilinear_direct(sigma, spacing, periodic) * thickness / area


def _trilinear_direct(
    sigma: npt.NDArray[np.float64], spacing: tuple[float, float, float], periodic: bool
) -> float:
    """Least energy of a potential that is trilinear in each voxel and continuous across faces."""
    nx, ny, nz = sigma.shape
    cells = [tuple(c) for c in np.argwhere(sigma > 0)]
    wrap = [False, periodic and ny > 1, periodic and nz > 1]
    corners = [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)]
    # a value for each voxel and corner; those that a common face joins are the same one
    number: dict[tuple[tuple[int, ...], tuple[int, ...]], int] = {
        (cell, corner): 8 * n + m
        for n, cell in enumerate(cells)
        for m, corner in enumerate(corners)
    }
    pairs = []
    for cell in cells:
        for axis in range(3):
            other = list(cell)
            other[axis] += 1
            if wrap[axis]:
                other[axis] %= sigma.shape[axis]
            if other[axis] < sigma.shape[axis] and sigma[tuple(other)] > 0:
                for corner in corners:
                    if corner[axis] == 1:
                        low = tuple(0 if a == axis else v for a, v in enumerate(corner))
                        pairs.append((number[cell, corner], number[tuple(other), low]))
    rows, columns = np.array(pairs, int).reshape(-1, 2).T
    graph = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(8 * len(cells),) * 2)
    count, value = sparse.csgraph.connected_components(graph, directed=False)
    stiff, mass = np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([[2.0, 1.0], [1.0, 2.0]]) / 6
    volume = float(np.prod(spacing))
    element = volume * sum(
        np.kron(np.kron(a, b), c) / spacing[axis] ** 2
        for axis, (a, b, c) in enumerate(
            [(stiff, mass, mass), (mass, stiff, mass), (mass, mass, stiff)]
        )
    )
    matrix: Any = sparse.lil_matrix((count, count))
    fixed: dict[int, float] = {}
    for n, cell in enumerate(cells):
        at = value[8 * n : 8 * n + 8]
        matrix[np.ix_(at, at)] += sigma[cell] * element
        for m, corner in enumerate(corners):
            if cell[0] + corner[0] == 0:
                fixed[int(at[m])] = 1.0
            if cell[0] + corner[0] == nx:
                fixed[int(at[m])] = 0.0
    u = np.zeros(count)
    u[list(fixed)] = list(fixed.values())
    free = np.setdiff1d(np.arange(count), list(fixed))
    stiffness: Any = matrix.tocsr()
    if free.size:
        u[free] = spsolve(stiffness[free][:, free].tocsc(), -(stiffness @ u)[free])
    return float(u @ (stiffness @ u))


class SparseLevel:
    """One phase with closed sides in float64, assembled; a factor of a matrix nearby preconditions.

    It offers what the iteration asks of a level (`multigrid._single.VoxelLevel`).
    """

    def __init__(self, kept: npt.NDArray[np.uint8]) -> None:
        inside = kept > 0
        self._plane = np.nonzero(inside)[0]
        number = np.full(kept.shape, -1)
        number[inside] = np.arange(self._plane.size)
        self._nx = kept.shape[0]
        size = self._plane.size
        matrix = sparse.lil_matrix((size, size))
        self.r = np.zeros(size)
        faces = 0.0
        for axis in range(3):
            a = np.moveaxis(number, axis, 0)
            for i, j in zip(a[:-1].ravel(), a[1:].ravel(), strict=True):
                if i >= 0 and j >= 0:
                    matrix[i, j] = matrix[j, i] = -1.0
                    matrix[i, i] += 1.0
                    matrix[j, j] += 1.0
                    if axis == 0:
                        self.r[i] += 1.0
                        self.r[j] -= 1.0
                        faces += 1.0
        for plane, sign in ((0, -1.0), (-1, 1.0)):
            for i in number[plane][inside[plane]]:
                matrix[i, i] += 2.0
                self.r[i] += sign
                faces += 0.5
        self._matrix = matrix.tocsr()
        nearby = self._matrix + 0.01 * sparse.diags(self._matrix.diagonal())
        self._factor = splu(nearby.tocsc())
        self.ramp_energy = faces
        self.q, self.z = np.zeros(size), np.zeros(size)

    def _sums(self, v: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.bincount(self._plane, v, self._nx).astype(np.float64)

    @property
    def ramp_sums(self) -> npt.NDArray[np.float64]:
        """Sum of the ramp's residual over each plane."""
        return self._sums(self.r)

    def update(self, alpha: float, beta: float) -> None:
        """Advance q and r."""
        self.q = self._matrix @ self.z + beta * self.q
        self.r = self.r - alpha * self.q

    def precondition(self, step: tuple[float, float] | None) -> npt.NDArray[np.float64]:
        """Advance, then solve the problem nearby."""
        if step is not None:
            self.update(*step)
        self.z = np.asarray(self._factor.solve(self.r))
        v = np.asarray(self._matrix @ self.z)
        products = (self.z * self.r, self.z * self.q, self.z * v, np.asarray(v))
        return np.stack([self._sums(p) for p in products], axis=1)
