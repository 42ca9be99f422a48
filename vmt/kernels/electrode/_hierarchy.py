"""Multigrid for the weighted graphs of an electrode: strength-aware aggregates and a K-cycle.

The finest aggregates join the cells of a 2×2×2 block that strong links of one field connect; below
them stars, as in `vmt.kernels.multigrid`. The structure of the finest graph is kept: new weights
need no new rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from vmt.kernels._lanes import dot
from vmt.kernels.multigrid import _graph_level as graphs

__all__ = ["Hierarchy"]

Array = npt.NDArray[Any]
Vector = npt.NDArray[np.float32]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")

_STRONG_IN_BLOCK = 0.05
_STRONG_IN_STAR = 0.06
_DIRECT = 400
_KRYLOV_LEVELS = 3
_SHRINKS = 1.25
_SWEEPS = 2


@_jit
def _count_links(first: Array, second: Array, one: int, two: int, start: Array) -> None:
    for t in range(first.size):
        start[first[t] + one + 1] += 1
        start[second[t] + two + 1] += 1


@_jit
def _sum_up(start: Array) -> None:
    for a in range(start.size - 1):
        start[a + 1] += start[a]


@_jit
def _place_links(
    first: Array, second: Array, one: int, two: int, fill: Array, index: Array
) -> None:
    """Write links into the rows of both ends; `fill` is where each row goes on."""
    for t in range(first.size):
        a, b = first[t] + one, second[t] + two
        index[fill[a]] = b
        fill[a] += 1
        index[fill[b]] = a
        fill[b] += 1


@_jit
def _weigh_links(
    first: Array, second: Array, one: int, two: int, given: Array, fill: Array, weight: Array
) -> None:
    """Write weights into the rows, in the order in which the links were placed."""
    for t in range(first.size):
        a, b = first[t] + one, second[t] + two
        weight[fill[a]] = given[t]
        fill[a] += 1
        weight[fill[b]] = given[t]
        fill[b] += 1


@_jit
def _add_rows(start: Array, weight: Array, ground: Array, diagonal: Array) -> None:
    for a in range(diagonal.size):
        s = ground[a]
        for t in range(start[a], start[a + 1]):
            s += weight[t]
        diagonal[a] = s


@_jit
def _root(parent: Array, a: int) -> Any:
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


@_jit
def _join_blocks(
    start: Array,
    index: Array,
    weight: Array,
    diagonal: Array,
    block: Array,
    strong: float,
    aggregate: Array,
) -> Any:
    """Number the strongly connected parts of each block; a block below zero is a cell alone."""
    size = diagonal.size
    for a in range(size):
        aggregate[a] = a
    for a in range(size):
        if block[a] < 0:
            continue
        for t in range(start[a], start[a + 1]):
            b = index[t]
            if b < a or block[b] != block[a] or not weight[t] > 0:
                continue
            if weight[t] >= strong * max(diagonal[a], diagonal[b]):
                p, q = _root(aggregate, a), _root(aggregate, b)
                aggregate[max(p, q)] = min(p, q)
    count = 0
    for a in range(size):
        if aggregate[a] == a:
            aggregate[a] = -1 - count
            count += 1
        else:
            p = aggregate[a]
            while p >= 0:
                p = aggregate[p]
            aggregate[a] = p
    for a in range(size):
        aggregate[a] = -1 - aggregate[a]
    return count


class Hierarchy:
    """Approximate inverse of a graph Laplacian with a ground.

    Parameters
    ----------
    links : sequence of (first, second, int, int)
        Lists of links, arrays of int32, and what to add to the numbers of either end.
    block : (n,) array of int32
        Block and field of each unknown: only unknowns of the same number join on the finest level.
    """

    def __init__(
        self,
        links: Sequence[tuple[npt.NDArray[np.int32], npt.NDArray[np.int32], int, int]],
        block: npt.NDArray[np.int32],
    ) -> None:
        size = block.size
        self.links, self.block = links, block
        self.start: npt.NDArray[np.signedinteger[Any]] = np.zeros(size + 1, np.int64)
        for given in links:
            _count_links(*given, self.start)
        _sum_up(self.start)
        if self.start[-1] < 2**31:
            self.start = self.start.astype(np.int32)
        self.index = np.empty(int(self.start[-1]), np.int32)
        fill = self.start.copy()
        for given in links:
            _place_links(*given, fill, self.index)
        self.weight = np.zeros(self.index.size, np.float32)
        self.ground = np.zeros(size)
        self.diagonal = np.ones(size, np.float32)
        self.levels: list[_Level] = []

    def refresh(
        self,
        weights: Sequence[npt.NDArray[Any]],
        ground: npt.NDArray[np.float64],
        *,
        sweeps: bool = False,
    ) -> None:
        """Take new weights of the links and build the coarse levels, unless sweeps will do."""
        fill = self.start.copy()
        for given, values in zip(self.links, weights, strict=True):
            _weigh_links(*given, values, fill, self.weight)
        del fill
        self.levels = []
        self.ground[:] = ground
        _add_rows(self.start, self.weight, self.ground, self.diagonal)
        level = _Level(self.start, self.index, self.weight, self.ground, self.diagonal)
        self.levels = [level]
        self.inverse = None
        if sweeps:
            return
        aggregate = np.empty(level.size, np.int32)
        count = int(
            _join_blocks(
                level.start, level.index, level.weight, level.diagonal, self.block,
                _STRONG_IN_BLOCK, aggregate,
            )
        )  # fmt: skip
        while count * _SHRINKS < level.size:
            below = level.coarsen(aggregate, count)
            self.levels.append(below)
            level = below
            if level.size <= _DIRECT:
                break
            aggregate = np.empty(level.size, np.int32)
            count = int(
                graphs.star_aggregates(
                    level.start, level.index, level.weight, level.diagonal, _STRONG_IN_STAR,
                    aggregate,
                )
            )  # fmt: skip
        for made in self.levels[1 : 1 + _KRYLOV_LEVELS]:
            made.v, made.d, made.w = (np.zeros(made.size, np.float32) for _ in range(3))
        last = self.levels[-1]
        self.inverse = np.linalg.inv(last.dense()) if last.size <= 4 * _DIRECT else None

    def precondition(self, b: Vector) -> Vector:
        """Return an approximation of A⁻¹ b."""
        top = self.levels[0]
        top.b[:] = b
        if len(self.levels) == 1:
            self._last(top)
        else:
            self._cycle(0, top.e)
        return top.e

    def _last(self, level: _Level) -> None:
        if self.inverse is not None:
            level.e[:] = self.inverse @ level.b.astype(np.float64)
            return
        nothing, same = np.zeros(1, np.float32), np.zeros(level.size, np.int32)
        graphs.graph_forward(level.b, level.e, *level.rows, level.ground, same, nothing)
        for _ in range(_SWEEPS):
            nothing[:] = 0
            graphs.graph_backward(level.b, level.e, *level.rows, same, nothing)

    def _cycle(self, depth: int, z: Vector) -> None:
        level, below = self.levels[depth], self.levels[depth + 1]
        graphs.graph_forward(level.b, z, *level.rows, level.ground, level.aggregate, below.b)
        self._solve(depth + 1)
        graphs.graph_backward(level.b, z, *level.rows, level.aggregate, below.e)

    def _solve(self, depth: int) -> None:
        """Find `e` of a level for its `b`, which is overwritten."""
        level = self.levels[depth]
        if depth == len(self.levels) - 1:
            self._last(level)
            return
        self._cycle(depth, level.e)
        if depth > _KRYLOV_LEVELS:
            return
        flux = (level.start, level.index, level.weight, level.ground)
        alpha, rho = graphs.graph_apply(level.v, level.e, level.b, *flux)
        if not rho > 0.0:
            return
        before = dot(level.b, level.b)
        level.b -= np.float32(alpha / rho) * level.v
        if dot(level.b, level.b) <= 0.0625 * before:
            level.e *= np.float32(alpha / rho)
            return
        self._cycle(depth, level.d)
        alpha_2, beta = graphs.graph_apply(level.w, level.d, level.b, *flux)
        gamma = dot(level.d, level.v)
        rho_2 = beta - gamma * gamma / rho
        if not rho_2 > 0.0:
            level.e *= np.float32(alpha / rho)
            return
        level.e *= np.float32(alpha / rho - gamma * alpha_2 / (rho * rho_2))
        level.e += np.float32(alpha_2 / rho_2) * level.d


class _Level:
    """A graph in compressed rows and the vectors that a cycle needs on it."""

    def __init__(
        self,
        start: npt.NDArray[np.signedinteger[Any]],
        index: npt.NDArray[np.int32],
        weight: Vector,
        ground: npt.NDArray[np.float64],
        diagonal: Vector,
    ) -> None:
        self.start, self.index, self.weight = start, index, weight
        self.ground, self.diagonal = ground, diagonal
        self.size = ground.size
        self.aggregate = np.zeros(0, np.int32)
        self.b, self.e = np.zeros(self.size, np.float32), np.zeros(self.size, np.float32)
        self.v = self.d = self.w = np.zeros(0, np.float32)

    @property
    def rows(
        self,
    ) -> tuple[npt.NDArray[np.signedinteger[Any]], npt.NDArray[np.int32], Vector, Vector]:
        return self.start, self.index, self.weight, self.diagonal

    def coarsen(self, aggregate: npt.NDArray[np.int32], count: int) -> _Level:
        self.aggregate = aggregate
        first = np.empty(count + 1, np.int64)
        member = np.empty(self.size, np.int32)
        graphs.graph_members(aggregate, first, member)
        start = np.zeros(count + 1, self.start.dtype)
        # pages that are not written take no memory
        index = np.empty(self.index.size, np.int32)
        weight = np.empty(self.index.size, np.float32)
        links = int(
            graphs.graph_coarsen(
                self.start, self.index, self.weight, aggregate, first, member,
                np.full(count, -1, np.int64), start, index, weight,
            )
        )  # fmt: skip
        ground = np.bincount(aggregate, self.ground, count).astype(np.float64)
        diagonal = np.empty(count, np.float32)
        index, weight = index[:links].copy(), weight[:links].copy()
        _add_rows(start, weight, ground, diagonal)
        return _Level(start, index, weight, ground, diagonal)

    def dense(self) -> npt.NDArray[np.float64]:
        links = np.zeros((self.size, self.size))
        links[np.repeat(np.arange(self.size), np.diff(self.start)), self.index] = self.weight
        return np.asarray(np.diag(links.sum(axis=1) + self.ground) - links)
