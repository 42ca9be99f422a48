"""Levels of a weighted graph: aggregates along strong links, where blind blocks are slow.

The first aggregates join voxels of a 2×2×2 block only where strong links connect them, so that
no aggregate reaches across a thin wall or into another conductor. Below, levels are graphs in
compressed rows (off-diagonal conductances, positive, and a diagonal), joined into stars: a root
takes each neighbor whose link to it is strong for that neighbor.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "block_aggregates",
    "block_graph",
    "graph_apply",
    "graph_backward",
    "graph_coarsen",
    "graph_forward",
    "graph_members",
    "links_graph",
    "prolong_blocks",
    "restrict_blocks",
    "star_aggregates",
]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")
_row: Any = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)


@_jit
def _find(parent: Array, a: int) -> Any:
    while parent[a] != a:
        a = parent[a]
    return a


@_jit
def block_aggregates(
    cx: Array, cy: Array, cz: Array, diagonal: Array, aggregate: Array, nz: int, strong: float
) -> Any:
    """Number the strongly connected parts of each 2×2×2 block; returns how many there are."""
    nx = cx.shape[0] - 2
    ny = cx.shape[1] - 2
    h = cx.shape[3] - 2
    parent = np.zeros(8, np.int64)
    number = np.zeros(8, np.int64)
    count = 0
    for i in range(1, nx + 1, 2):
        for j in range(1, ny + 1, 2):
            for m in range(1, h + 1):
                for a in range(8):
                    parent[a] = a
                    number[a] = -1
                for a in range(8):
                    di, dj, c = a >> 2, (a >> 1) & 1, a & 1
                    if i + di > nx or j + dj > ny:
                        continue
                    d = diagonal[i + di, j + dj, c, m]
                    if d == 0:
                        continue
                    for axis in range(3):
                        step = 4 >> axis
                        if a & step:
                            continue
                        b = a | step
                        bi, bj, bc = i + (b >> 2), j + ((b >> 1) & 1), b & 1
                        if bi > nx or bj > ny:
                            continue
                        if axis == 0:
                            w = cx[i + di, j + dj, c, m]
                        elif axis == 1:
                            w = cy[i + di, j + dj, c, m]
                        else:
                            w = cz[i + di, j + dj, c, m]
                        other = diagonal[bi, bj, bc, m]
                        if other > 0 and w > 0 and w >= strong * max(d, other):
                            p, q = _find(parent, a), _find(parent, b)
                            parent[max(p, q)] = min(p, q)
                for a in range(8):
                    di, dj, c = a >> 2, (a >> 1) & 1, a & 1
                    if i + di > nx or j + dj > ny or diagonal[i + di, j + dj, c, m] == 0:
                        continue
                    root = _find(parent, a)
                    if number[root] < 0:
                        number[root] = count
                        count += 1
                    aggregate[i + di, j + dj, c, m] = number[root]
    return count


@_row
def _put(
    a: int, b: int, w: float, low: int, count: int, mark: Array, index: Array, weight: Array
) -> Any:
    """Add a link to row a, which starts at low and ends at count; returns its new end."""
    if w > 0 and b >= 0 and a != b:
        place = mark[b]
        if place < low:
            place = count
            mark[b] = place
            count += 1
            index[place] = b
            weight[place] = 0.0
        weight[place] += w
    return count


@_jit
def block_graph(
    cx: Array,
    cy: Array,
    cz: Array,
    aggregate: Array,
    nz: int,
    wrap_y: bool,
    wrap_z: bool,
    mark: Array,
    start: Array,
    index: Array,
    weight: Array,
) -> Any:
    """Sum the links between aggregates of voxels into rows; returns how many there are.

    `index` and `weight` must have room; `mark` has a cell per aggregate and holds -1.
    """
    nx = cx.shape[0] - 2
    ny = cx.shape[1] - 2
    h = cx.shape[3] - 2
    count = 0
    row = 0
    for i in range(1, nx + 1, 2):
        for j in range(1, ny + 1, 2):
            for m in range(1, h + 1):
                last = row  # the aggregates of a block follow each other
                for v in range(8):
                    bi, bj = i + (v >> 2), j + ((v >> 1) & 1)
                    if bi <= nx and bj <= ny:
                        last = max(last, aggregate[bi, bj, v & 1, m] + 1)
                while row < last:
                    low = count
                    for v in range(8):
                        bi, bj, c = i + (v >> 2), j + ((v >> 1) & 1), v & 1
                        if bi > nx or bj > ny or aggregate[bi, bj, c, m] != row:
                            continue
                        k = 2 * (m - 1) + c
                        jm = ny if (wrap_y and bj == 1) else bj - 1
                        jp = 1 if (wrap_y and bj == ny) else bj + 1
                        km = nz - 1 if (wrap_z and k == 0) else k - 1
                        kp = 0 if (wrap_z and k == nz - 1) else k + 1
                        cm, mm = km & 1, (km >> 1) + 1
                        cp, mp = kp & 1, (kp >> 1) + 1
                        count = _put(
                            row, aggregate[bi - 1, bj, c, m], cx[bi - 1, bj, c, m],
                            low, count, mark, index, weight,
                        )  # fmt: skip
                        count = _put(
                            row, aggregate[bi + 1, bj, c, m], cx[bi, bj, c, m],
                            low, count, mark, index, weight,
                        )  # fmt: skip
                        count = _put(
                            row, aggregate[bi, jm, c, m], cy[bi, jm, c, m],
                            low, count, mark, index, weight,
                        )  # fmt: skip
                        count = _put(
                            row, aggregate[bi, jp, c, m], cy[bi, bj, c, m],
                            low, count, mark, index, weight,
                        )  # fmt: skip
                        count = _put(
                            row, aggregate[bi, bj, cm, mm], cz[bi, bj, cm, mm],
                            low, count, mark, index, weight,
                        )  # fmt: skip
                        count = _put(
                            row, aggregate[bi, bj, cp, mp], cz[bi, bj, c, m],
                            low, count, mark, index, weight,
                        )  # fmt: skip
                    row += 1
                    start[row] = count
    return count


@_jit
def graph_members(aggregate: Array, first: Array, member: Array) -> None:
    """Sort the cells by aggregate: those of a are member[first[a]:first[a + 1]]."""
    first[:] = 0
    for i in range(aggregate.size):
        first[aggregate[i] + 1] += 1
    for a in range(first.size - 1):
        first[a + 1] += first[a]
    for i in range(aggregate.size):
        a = aggregate[i]
        member[first[a]] = i
        first[a] += 1
    for a in range(first.size - 1, 0, -1):
        first[a] = first[a - 1]
    first[0] = 0


@_jit
def graph_coarsen(
    fine_start: Array,
    fine_index: Array,
    fine_weight: Array,
    aggregate: Array,
    first: Array,
    member: Array,
    mark: Array,
    start: Array,
    index: Array,
    weight: Array,
) -> Any:
    """Sum the links between aggregates into rows; returns how many there are."""
    count = 0
    for a in range(first.size - 1):
        low = count
        for t in range(first[a], first[a + 1]):
            i = member[t]
            for u in range(fine_start[i], fine_start[i + 1]):
                count = _put(
                    a, aggregate[fine_index[u]], fine_weight[u], low, count, mark, index, weight
                )
        start[a + 1] = count
    return count


@_jit
def links_graph(
    rows: Array, columns: Array, weights: Array, start: Array, index: Array, weight: Array
) -> None:
    """Write links given once as rows in both directions."""
    for t in range(rows.size):
        start[rows[t] + 1] += 1
        start[columns[t] + 1] += 1
    for a in range(start.size - 1):
        start[a + 1] += start[a]
    for t in range(rows.size):
        for a, b in ((rows[t], columns[t]), (columns[t], rows[t])):
            index[start[a]] = b
            weight[start[a]] = weights[t]
            start[a] += 1
    for a in range(start.size - 1, 0, -1):
        start[a] = start[a - 1]
    start[0] = 0


@_jit
def restrict_blocks(
    z: Array,
    b: Array,
    cx: Array,
    cy: Array,
    cz: Array,
    g0: Array,
    g1: Array,
    aggregate: Array,
    sums: Array,
    nz: int,
    wrap_y: bool,
    wrap_z: bool,
) -> None:
    """Sum the residual b - A z over the aggregates of voxels, as fluxes between them."""
    nx = z.shape[0] - 2
    ny = z.shape[1] - 2
    sums[:] = 0.0
    for i in range(1, nx + 1):
        for j in range(1, ny + 1):
            jp = 1 if (wrap_y and j == ny) else j + 1
            for k in range(nz):
                c, m = k & 1, (k >> 1) + 1
                a = aggregate[i, j, c, m]
                if a < 0:
                    continue
                here = np.float64(z[i, j, c, m])
                s = np.float64(b[i, j, c, m])
                if i == 1:
                    s -= g0[j, c, m] * here
                if i == nx:
                    s -= g1[j, c, m] * here
                sums[a] += s
                other = aggregate[i + 1, j, c, m]
                if other >= 0 and other != a:
                    flux = cx[i, j, c, m] * (here - z[i + 1, j, c, m])
                    sums[a] -= flux
                    sums[other] += flux
                other = aggregate[i, jp, c, m]
                if other >= 0 and other != a:
                    flux = cy[i, j, c, m] * (here - z[i, jp, c, m])
                    sums[a] -= flux
                    sums[other] += flux
                after = k + 1
                if wrap_z and after == nz:
                    after = 0
                n = (after >> 1) + 1
                other = aggregate[i, j, after & 1, n]
                if other >= 0 and other != a:
                    flux = cz[i, j, c, m] * (here - z[i, j, after & 1, n])
                    sums[a] -= flux
                    sums[other] += flux


@_jit
def prolong_blocks(z: Array, aggregate: Array, coarse: Array) -> None:
    """Add each aggregate's correction to its voxels."""
    h = z.shape[3] - 2
    for i in range(1, z.shape[0] - 1):
        for j in range(1, z.shape[1] - 1):
            for c in range(2):
                for m in range(1, h + 1):
                    a = aggregate[i, j, c, m]
                    if a >= 0:
                        z[i, j, c, m] += coarse[a]


@_jit
def star_aggregates(
    start: Array, index: Array, weight: Array, diagonal: Array, strong: float, aggregate: Array
) -> Any:
    """Number the stars of a graph; returns how many there are."""
    size = diagonal.size
    count = 0
    for i in range(size):
        aggregate[i] = -1
    for i in range(size):
        if aggregate[i] >= 0:
            continue
        free = True
        for t in range(start[i], start[i + 1]):
            if weight[t] >= strong * diagonal[i] and aggregate[index[t]] >= 0:
                free = False
                break
        if free:
            aggregate[i] = count
            for t in range(start[i], start[i + 1]):
                j = index[t]
                if aggregate[j] < 0 and weight[t] >= strong * diagonal[j]:
                    aggregate[j] = count
            count += 1
    assigned = aggregate.copy()
    for i in range(size):
        if assigned[i] >= 0:
            continue
        best = np.float32(0)
        for t in range(start[i], start[i + 1]):
            j = index[t]
            if assigned[j] >= 0 and weight[t] >= strong * diagonal[i] and weight[t] > best:
                best = weight[t]
                aggregate[i] = assigned[j]
    for i in range(size):
        if aggregate[i] < 0:
            aggregate[i] = count
            for t in range(start[i], start[i + 1]):
                j = index[t]
                if aggregate[j] < 0 and weight[t] >= strong * diagonal[j]:
                    aggregate[j] = count
            count += 1
    return count


@_jit
def graph_forward(
    b: Array,
    z: Array,
    start: Array,
    index: Array,
    weight: Array,
    diagonal: Array,
    ground: Array,
    aggregate: Array,
    coarse: Array,
) -> None:
    """Sweep forward from zero into z and sum the residual over the aggregates.

    Residuals are sums of fluxes in float64: within an aggregate they cancel to the last digit,
    where products with a float32 diagonal would drown the weak links that leave it.
    """
    z[:] = 0
    coarse[:] = 0
    for i in range(b.size):
        s = np.float64(b[i])
        for t in range(start[i], start[i + 1]):
            s += weight[t] * z[index[t]]
        z[i] = s / diagonal[i]
    sums = np.zeros(coarse.size)
    for i in range(b.size):
        here = np.float64(z[i])
        s = np.float64(b[i]) - ground[i] * here
        for t in range(start[i], start[i + 1]):
            s += weight[t] * (z[index[t]] - here)
        sums[aggregate[i]] += s
    for a in range(coarse.size):
        coarse[a] = sums[a]


@_jit
def graph_backward(
    b: Array,
    z: Array,
    start: Array,
    index: Array,
    weight: Array,
    diagonal: Array,
    aggregate: Array,
    coarse: Array,
) -> None:
    """Add the coarse correction to z and sweep backward."""
    for i in range(b.size):
        z[i] += coarse[aggregate[i]]
    for i in range(b.size - 1, -1, -1):
        s = np.float64(b[i])
        for t in range(start[i], start[i + 1]):
            s += weight[t] * z[index[t]]
        z[i] = s / diagonal[i]


@_jit
def graph_apply(
    v: Array, x: Array, b: Array, start: Array, index: Array, weight: Array, ground: Array
) -> Any:
    """Write A x, summed as fluxes, into v; returns x·b and x·v."""
    xb = 0.0
    xv = 0.0
    for i in range(x.size):
        here = np.float64(x[i])
        s = ground[i] * here
        for t in range(start[i], start[i + 1]):
            s += weight[t] * (here - x[index[t]])
        v[i] = s
        xb += here * b[i]
        xv += here * s
    return xb, xv
