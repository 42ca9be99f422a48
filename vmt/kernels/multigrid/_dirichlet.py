"""An upper bound from a potential that is continuous across faces: trilinear in each voxel.

Voxels that meet at a node only by an edge or a corner do not conduct to each other there, and
their potentials need not agree: a node carries one value for each group of voxels around it that
are joined by faces at that node. Every such potential is admissible in Dirichlet's principle, and
without the split the bound would count every touching edge as a contact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "GROUPS",
    "GROUP_COUNT",
    "averaged_energy",
    "cell_nodes",
    "element_energy",
    "nodes_add_cells",
    "nodes_apply",
    "nodes_diagonal",
    "nodes_from_cells",
    "nodes_to_cells",
    "number_nodes",
]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")


def _groups() -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int8]]:
    """Group of each of the eight voxels around a node, for each set of conducting ones."""
    groups = np.full((256, 8), -1, np.int8)
    counts = np.zeros(256, np.int8)
    for mask in range(256):
        for seed in range(8):
            if mask >> seed & 1 and groups[mask, seed] < 0:
                front = [seed]
                while front:
                    a = front.pop()
                    groups[mask, a] = counts[mask]
                    front += [
                        a ^ bit
                        for bit in (1, 2, 4)
                        if mask >> (a ^ bit) & 1 and groups[mask, a ^ bit] < 0
                    ]
                counts[mask] += 1
    return groups, counts


#: (256, 8) group, or -1, of the voxel 4·di + 2·dj + dk of a node; (256,) number of groups
GROUPS, GROUP_COUNT = _groups()


@_jit
def _around(labels: Array, i: int, j: int, k: int, wrap_y: bool, wrap_z: bool, flat: Array) -> Any:
    """Set of conducting voxels around node (i, j, k); their flat indices go into `flat`."""
    nx, ny, nz = labels.shape
    mask = 0
    for a in range(8):
        ci = i - 1 + (a >> 2)
        cj = j - 1 + ((a >> 1) & 1)
        ck = k - 1 + (a & 1)
        if ci < 0 or ci >= nx:
            continue
        if cj < 0 or cj >= ny:
            if not wrap_y:
                continue
            cj = ny - 1 if cj < 0 else 0
        if ck < 0 or ck >= nz:
            if not wrap_z:
                continue
            ck = nz - 1 if ck < 0 else 0
        if labels[ci, cj, ck] > 0:
            mask |= 1 << a
            flat[a] = (ci * ny + cj) * nz + ck
    return mask


@_jit
def _group_mean(
    x: Array, labels: Array, weight: Array, flat: Array, mask: int, group: int, groups: Array,
    plane: int,
) -> Any:  # fmt: skip
    """Mean potential of a group of voxels around a node, by their conductivities."""
    total = 0.0
    mean = 0.0
    for a in range(8):
        if mask >> a & 1 and groups[mask, a] == group:
            c = flat[a]
            w = weight[labels.ravel()[c]]
            total += w
            mean += w * (np.float64(x.ravel()[c]) + (c // plane) + 0.5)
    return mean / total


@_jit
def _four(a: float, b: float, c: float, d: float) -> Any:
    """36 times the integral over a unit square of the square of a bilinear function."""
    return 4.0 * (a * (a + b + c) + d * (d + b + c) + b * b + c * c) + 2.0 * (a * d + b * c)


@_jit
def element_energy(u: Array, sx: float, sy: float, sz: float) -> Any:
    """Energy of the trilinear potential with corner values u (8,), corner 4·di + 2·dj + dk."""
    x = _four(u[4] - u[0], u[5] - u[1], u[6] - u[2], u[7] - u[3])
    y = _four(u[2] - u[0], u[3] - u[1], u[6] - u[4], u[7] - u[5])
    z = _four(u[1] - u[0], u[3] - u[2], u[5] - u[4], u[7] - u[6])
    return (sx * x + sy * y + sz * z) / 36.0


@_jit
def _add_to_row(
    total: Array, weights: Array, mask: Array, x: Array, labels: Array, weight: Array, ramp: float,
    bit: int,
) -> None:  # fmt: skip
    """Add a row of voxels to sums by columns; `mask` collects which ones conduct."""
    for k in range(labels.size):
        w = weight[labels[k]]
        total[k + 1] += w * (np.float64(x[k]) + ramp)
        weights[k + 1] += w
        mask[k + 1] |= np.uint8(bit if labels[k] > 0 else 0)


@_jit
def _fold_row(total: Array, weights: Array, mask: Array, nz: int, wrap_z: bool) -> None:
    """Fill the columns outside both ends of a row."""
    for end in (0, nz + 1):
        from_ = (nz if end == 0 else 1) if wrap_z else -1
        total[end] = total[from_] if wrap_z else 0.0
        weights[end] = weights[from_] if wrap_z else 0.0
        mask[end] = mask[from_] if wrap_z else 0


@_jit
def _plane_of_nodes(
    above: Array,
    x: Array,
    labels: Array,
    weight: Array,
    group_count: Array,
    i: int,
    wrap_y: bool,
    wrap_z: bool,
    total: Array,
    weights: Array,
    mask: Array,
) -> None:
    """Mean potentials at the nodes between planes i - 1 and i; NaN where there are several."""
    ny, nz = labels.shape[1:]
    for j in range(ny + 1):
        total[:] = 0.0
        weights[:] = 0.0
        mask[:] = 0
        for a in range(4):
            ci = i - 1 + (a >> 1)
            cj = j - 1 + (a & 1)
            if cj < 0 or cj >= ny:
                if not wrap_y:
                    continue
                cj = ny - 1 if cj < 0 else 0
            _add_to_row(
                total, weights, mask, x[ci, cj], labels[ci, cj], weight, ci + 0.5, 1 << (2 * a)
            )
        _fold_row(total, weights, mask, nz, wrap_z)
        row = above[j]
        for k in range(nz + 1):
            w = weights[k] + weights[k + 1]
            count = group_count[mask[k] | (mask[k + 1] << 1)]
            row[k] = (total[k] + total[k + 1]) / w if count == 1 else np.nan


@_jit
def averaged_energy(
    x: Array,
    labels: Array,
    weight: Array,
    conductance: Array,
    groups: Array,
    group_count: Array,
    wrap_y: bool,
    wrap_z: bool,
) -> Any:
    """Energy of the potentials of the voxels (ramp plus x) averaged to the nodes.

    `weight` (n,) is a label's weight in the mean (0 outside), `conductance` (n, 3) that across one
    voxel. Two planes of nodes are kept; a node of several groups is evaluated for each voxel anew.
    """
    nx, ny, nz = labels.shape
    plane = ny * nz
    below = np.zeros((ny + 1, nz + 1))
    above = np.zeros((ny + 1, nz + 1))
    total = np.zeros(nz + 2)
    weights = np.zeros(nz + 2)
    masks = np.zeros(nz + 2, np.uint8)
    flat = np.zeros(8, np.int64)
    u = np.zeros(8)
    energy = 0.0
    for i in range(1, nx + 1):
        if i == nx:
            above[:] = nx
        else:
            _plane_of_nodes(
                above, x, labels, weight, group_count, i, wrap_y, wrap_z, total, weights, masks
            )
        for j in range(ny):
            part = 0.0
            for k in range(nz):
                a = labels[i - 1, j, k]
                if a == 0:
                    continue
                u[0] = below[j, k]
                u[1] = below[j, k + 1]
                u[2] = below[j + 1, k]
                u[3] = below[j + 1, k + 1]
                u[4] = above[j, k]
                u[5] = above[j, k + 1]
                u[6] = above[j + 1, k]
                u[7] = above[j + 1, k + 1]
                e = element_energy(u, conductance[a, 0], conductance[a, 1], conductance[a, 2])
                if np.isnan(e):
                    for corner in range(8):
                        if np.isnan(u[corner]):
                            mask = _around(
                                labels,
                                i - 1 + (corner >> 2),
                                j + ((corner >> 1) & 1),
                                k + (corner & 1),
                                wrap_y,
                                wrap_z,
                                flat,
                            )
                            group = groups[mask, 7 - corner]
                            u[corner] = _group_mean(
                                x, labels, weight, flat, mask, group, groups, plane
                            )
                    e = element_energy(u, conductance[a, 0], conductance[a, 1], conductance[a, 2])
                part += e
            energy += part
        below, above = above, below
    return energy


@_jit
def number_nodes(
    labels: Array, first: Array, group_count: Array, wrap_y: bool, wrap_z: bool
) -> Any:
    """Number the values at the inner nodes; `first` (nx + 1, NY, NZ) gets a node's first one."""
    nx = labels.shape[0]
    flat = np.zeros(8, np.int64)
    count = 0
    for i in range(1, nx):
        for j in range(first.shape[1]):
            for k in range(first.shape[2]):
                first[i, j, k] = count
                count += group_count[_around(labels, i, j, k, wrap_y, wrap_z, flat)]
    return count


@_jit
def cell_nodes(
    labels: Array, first: Array, nodes: Array, kind: Array, size: int, groups: Array,
    wrap_y: bool, wrap_z: bool,
) -> None:  # fmt: skip
    """Write the eight values of each conducting voxel, in natural order, and its label.

    The electrodes are the values `size` (first face) and `size` + 1.
    """
    nx, ny, nz = labels.shape
    flat = np.zeros(8, np.int64)
    cell = 0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                if labels[i, j, k] == 0:
                    continue
                kind[cell] = labels[i, j, k]
                for corner in range(8):
                    ni = i + (corner >> 2)
                    nj = (j + ((corner >> 1) & 1)) % first.shape[1]
                    nk = (k + (corner & 1)) % first.shape[2]
                    if ni == 0:
                        nodes[cell, corner] = size
                    elif ni == nx:
                        nodes[cell, corner] = size + 1
                    else:
                        mask = _around(labels, ni, nj, nk, wrap_y, wrap_z, flat)
                        nodes[cell, corner] = first[ni, nj, nk] + groups[mask, 7 - corner]
                cell += 1


@_jit
def nodes_apply(q: Array, p: Array, nodes: Array, kind: Array, element: Array) -> Any:
    """Write K p into q, electrodes included; returns p·K p. `element` is (n, 8, 8)."""
    q[:] = 0.0
    u = np.zeros(8)
    f = np.zeros(8)
    total = 0.0
    block = 0.0
    for cell in range(nodes.shape[0]):
        for a in range(8):
            u[a] = p[nodes[cell, a]]
            f[a] = 0.0
        matrix = element[kind[cell]]
        for b in range(8):
            for a in range(8):
                f[a] += matrix[b, a] * u[b]
        for a in range(8):
            q[nodes[cell, a]] += f[a]
            block += u[a] * f[a]
        if cell % 1024 == 1023:
            total += block
            block = 0.0
    return total + block


@_jit
def nodes_diagonal(d: Array, nodes: Array, kind: Array, element: Array) -> None:
    """Add up the diagonal of K."""
    for cell in range(nodes.shape[0]):
        for a in range(8):
            d[nodes[cell, a]] += element[kind[cell], a, a]


@_jit
def nodes_from_cells(
    u: Array, total: Array, values: Array, labels: Array, weight: Array, nodes: Array
) -> None:
    """Average (nx, ny, nz) values plus the ramp to the nodes.

    `total` gets the sum of the weights of the voxels at each node.
    """
    nx, ny, nz = labels.shape
    u[:] = 0.0
    total[:] = 0.0
    cell = 0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                if labels[i, j, k] == 0:
                    continue
                w = weight[labels[i, j, k]]
                value = w * (np.float64(values[i, j, k]) + i + 0.5)
                for a in range(8):
                    u[nodes[cell, a]] += value
                    total[nodes[cell, a]] += w
                cell += 1
    for n in range(u.size):
        if total[n] > 0.0:
            u[n] /= total[n]


@_jit
def nodes_add_cells(
    u: Array, total: Array, e: Array, labels: Array, weight: Array, nodes: Array, factor: float
) -> None:
    """Add `factor` times the average of a padded vector of voxels to the inner nodes."""
    nx, ny, nz = labels.shape
    cell = 0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                if labels[i, j, k] == 0:
                    continue
                value = factor * weight[labels[i, j, k]] * e[i + 1, j + 1, k & 1, (k >> 1) + 1]
                for a in range(8):
                    n = nodes[cell, a]
                    if n < u.size - 2:
                        u[n] += value / total[n]
                cell += 1


@_jit
def nodes_to_cells(
    b: Array, r: Array, total: Array, labels: Array, weight: Array, nodes: Array, factor: float
) -> None:
    """Write the transpose of the averaging, times `factor`, into a padded vector of voxels."""
    nx, ny, nz = labels.shape
    cell = 0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                if labels[i, j, k] == 0:
                    continue
                s = 0.0
                for a in range(8):
                    n = nodes[cell, a]
                    if n < r.size - 2:
                        s += r[n] / total[n]
                b[i + 1, j + 1, k & 1, (k >> 1) + 1] = factor * weight[labels[i, j, k]] * s
                cell += 1
