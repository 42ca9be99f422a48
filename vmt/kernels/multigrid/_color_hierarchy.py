"""One conducting phase in two colors: its levels, the cycle over them, and the threads.

Aggregates are blocks of 2×2×2 cells. Interpolation is constant on an aggregate, which makes the
Galerkin conductances twice too large along an axis that is coarsened; they are halved. Coarse
problems are solved by two steps of flexible conjugate gradients (a K-cycle; Notay and Vassilevski
2008) on the first three coarse levels, by one cycle below, and directly at the bottom.

All vectors lie in one block of memory. A color does not depend on the order of its cells, and
products are summed plane by plane: results have the same bits on any number of threads.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from vmt.kernels.multigrid import _color_byte as byte
from vmt.kernels.multigrid import _color_count as count
from vmt.kernels.multigrid import _color_setup as setup

__all__ = [
    "Arena",
    "ColorGeometry",
    "ColorLevel",
    "ColorPreconditioner",
    "CountLevel",
    "color_bytes",
    "dense_matrix",
    "natural",
]

Vector = npt.NDArray[np.float32]

_DIRECT = 512
#: bytes per entry while the matrix of the bottom is inverted
_INVERSION = 32
_KRYLOV_LEVELS = 3
_GOOD_ENOUGH = 0.25
#: levels on which counts of faces fit into a byte
_BYTE_LEVELS = 3
#: a level is shared among threads from so many cells on
_SHARED = 400_000
_ALIGNED = 64


class Arena:
    """One block of fresh memory, zero, of large pages where the system has them."""

    def __init__(self, size: int) -> None:
        if hasattr(mmap, "MADV_HUGEPAGE"):
            held = mmap.mmap(-1, max(size, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
            held.madvise(mmap.MADV_HUGEPAGE)
            self.bytes = np.frombuffer(held, np.uint8)
        else:
            self.bytes = np.zeros(size, np.uint8)
        self.address = self.bytes.ctypes.data
        self._end = 0

    def zeros(self, shape: tuple[int, ...], dtype: Any = np.float32) -> npt.NDArray[Any]:
        """An array of zeros."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        start = self._end
        self._end = _round(start + size)
        made: npt.NDArray[Any] = self.bytes[start : start + size].view(dtype)
        return made.reshape(shape)


def _round(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


@dataclass(frozen=True)
class ColorGeometry:
    """Number of cells of a level and which sides are connected."""

    shape: tuple[int, int, int]
    periodic: bool

    @property
    def pitch(self) -> int:
        """Cells of a part along z, and the rim that it shares with the next row."""
        half = (self.shape[2] + 1) // 2 + 1
        return half if half < 128 else -(-half // 16) * 16

    @property
    def padded(self) -> tuple[int, int, int]:
        nx, ny, _ = self.shape
        return (nx + 2, 4, ((ny + 1) // 2 + 2) * self.pitch)

    @property
    def sides(self) -> tuple[bool, bool]:
        return self.periodic and self.shape[1] > 1, self.periodic and self.shape[2] > 1

    @property
    def full(self) -> bool:
        """Whether a wrap joins cells of one color."""
        return any(s and n % 2 == 1 for s, n in zip(self.sides, self.shape[1:], strict=True))

    @property
    def coarse(self) -> ColorGeometry:
        nx, ny, nz = ((n + 1) // 2 for n in self.shape)
        return ColorGeometry((nx, ny, nz), self.periodic)

    @property
    def factors(self) -> tuple[float, float, float]:
        """What the summed conductances are multiplied by, per axis."""
        x, y, z = (0.5 if n > 1 else 1.0 for n in self.shape)
        return (x, y, z)

    def chunks(self, threads: int) -> list[tuple[int, int]]:
        """First and last plane of each thread's share."""
        nx = self.shape[0]
        if self.full or threads < 2 or np.prod(self.shape) < _SHARED or nx < 8 * threads:
            return [(1, nx)]
        ends = [2 * (nx * k // (2 * threads)) for k in range(threads)] + [nx]
        return [(a + 1, b) for a, b in pairwise(ends)]


def _threads() -> int:
    """Threads wanted (`NUMBA_NUM_THREADS`); asking numba itself would start its own."""
    return int(getattr(numba.config, "NUMBA_NUM_THREADS"))  # noqa: B009 - set at run time


class _Threads:
    """Runs shares of a pass."""

    def __init__(self) -> None:
        self.count = _threads()
        self._pool: ThreadPoolExecutor | None = None

    def run(self, work: Callable[[int], Any], shares: int) -> None:
        if shares == 1:
            work(0)
            return
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self.count)
        for done in [self._pool.submit(work, k) for k in range(shares)]:
            done.result()

    def close(self) -> None:
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None


class _Scratch:
    """What a pass needs beside the vectors, for each share."""

    def __init__(self, g: ColorGeometry, shares: int, arena: Arena) -> None:
        size = g.padded[2]
        self.ring = arena.zeros((shares, 4, 4, size))
        self.rim = arena.zeros((shares, 2, 4, size))
        self.total = arena.zeros((shares, size))
        self.line = arena.zeros((shares, size))

    @staticmethod
    def bytes(g: ColorGeometry, shares: int) -> int:
        return shares * 26 * 4 * g.padded[2] + 4 * _ALIGNED


class CountLevel:
    """A coarse level: faces counted, a factor per axis."""

    def __init__(
        self,
        g: ColorGeometry,
        weights: Sequence[float],
        depth: int,
        arena: Arena,
        share: _Threads,
    ) -> None:
        self.geometry = g
        self.weights = tuple(np.float32(w) for w in weights)
        self.depth = depth
        kind = np.uint8 if depth < _BYTE_LEVELS else np.float32
        self.cx, self.cy, self.cz = (arena.zeros(g.padded, kind) for _ in range(3))
        self.inverse, self.b, self.e = (arena.zeros(g.padded) for _ in range(3))
        bottom = np.prod(g.shape) <= _DIRECT
        self.krylov = depth < _KRYLOV_LEVELS and not bottom
        self.d = arena.zeros(g.padded) if self.krylov else self.e
        self.threads = share
        self.chunks = g.chunks(share.count)
        self.scratch = _Scratch(g, len(self.chunks), arena)
        self._dots = np.zeros((g.shape[0] + 2, 6))
        _, ny, nz = g.shape
        self._shape = (ny, nz, g.pitch)
        self._passed = (ny, nz, g.pitch, g.coarse.pitch, *self.weights, *g.sides, g.full)

    @staticmethod
    def bytes(g: ColorGeometry, depth: int, shares: int) -> int:
        cells = int(np.prod(g.padded))
        vectors = 4 if depth < _KRYLOV_LEVELS and np.prod(g.shape) > _DIRECT else 3
        faces = 3 * (1 if depth < _BYTE_LEVELS else 4)
        return (faces + 4 * vectors) * cells + 8 * _ALIGNED + _Scratch.bytes(g, shares)

    def finish(self) -> None:
        """Fill in what follows from the faces."""
        setup.color_inverse(
            self.cx, self.cy, self.cz, self.inverse, *self._shape, *self.weights,
            *self.geometry.sides,
        )  # fmt: skip

    def coarsen(self, arena: Arena) -> CountLevel:
        """Join 2×2×2 cells."""
        g = self.geometry
        weights = [float(w) * f for w, f in zip(self.weights, g.factors, strict=True)]
        made = CountLevel(g.coarse, weights, self.depth + 1, arena, self.threads)
        setup.color_coarsen(
            self.cx, self.cy, self.cz, made.cx, made.cy, made.cz, *self._shape,
            made.geometry.pitch, *g.sides,
        )  # fmt: skip
        made.finish()
        return made

    def descend(self, new: Vector, below: CountLevel, alpha: float | None = None) -> None:
        """Subtract α A e from b, sweep forward from zero, restrict the residual."""
        s = self.scratch
        full = self.geometry.full
        a = np.float32(0.0 if alpha is None else alpha)
        faces = (self.inverse, self.cx, self.cy, self.cz)
        apart = len(self.chunks) > 1 and alpha is not None
        if apart:
            self.threads.run(lambda k: self._subtract(k, a), len(self.chunks))

        def work(k: int) -> None:
            count.count_descend(
                *self.chunks[k], alpha is not None and not apart, self.b, self.e, *faces,
                new if full else s.ring[k], s.line[k], s.total[k], below.b, a, *self._passed,
            )  # fmt: skip

        self.threads.run(work, len(self.chunks))

    def _subtract(self, k: int, alpha: np.float32) -> None:
        count.count_subtract(
            *self.chunks[k], self.b, self.e, self.inverse, self.cx, self.cy, self.cz,
            self.scratch.line[k], alpha, self.geometry.pitch, *self.weights, self.geometry.full,
        )  # fmt: skip

    def ascend(
        self, z: Vector, other: Vector, below: CountLevel, mix: tuple[float, float], wanted: bool
    ) -> npt.NDArray[np.float64]:
        """Add the coarse correction and sweep backward; returns the products of `count_ascend`."""
        s = self.scratch
        ea, da = (np.float32(c) for c in mix)
        faces = (self.inverse, self.cx, self.cy, self.cz)

        def work(k: int) -> None:
            count.count_ascend(
                *self.chunks[k], z, self.b, other, *faces, s.line[k], s.total[k], s.rim[k],
                below.e, below.d, ea, da, *self._passed, wanted, self._dots,
            )  # fmt: skip

        self.threads.run(work, len(self.chunks))
        for _, end in self.chunks[:-1]:
            count.count_finish(
                end, z, self.b, other, *faces, s.line[0], *self._shape, *self.weights,
                *self.geometry.sides, wanted, self._dots,
            )  # fmt: skip
        return np.asarray(self._dots[1:-1].sum(axis=0))

    def cells(self, v: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Copy a vector in natural order, (nx, ny, nz)."""
        return natural(v, self.geometry)[1:-1]


def natural(v: npt.NDArray[Any], g: ColorGeometry) -> npt.NDArray[Any]:
    """Copy a vector in natural order, (nx + 2, ny, nz), rims along x included."""
    _, ny, nz = g.shape
    j, k = np.indices((ny, nz))
    return np.asarray(v[:, 2 * (j & 1) + (k & 1), ((j >> 1) + 1) * g.pitch + (k >> 1)])


def dense_matrix(level: CountLevel) -> npt.NDArray[np.float64]:
    """Write a level's operator as a dense matrix; empty cells get the diagonal 1."""
    g = level.geometry
    nx, ny, nz = g.shape
    number = np.arange(nx * ny * nz).reshape(g.shape)
    matrix = np.zeros((number.size, number.size))
    for axis, (faces, weight) in enumerate(
        zip((level.cx, level.cy, level.cz), level.weights, strict=True)
    ):
        link = np.float64(weight) * natural(faces, g).astype(np.float64)
        if axis == 0:
            for plane, cells in ((0, number[0]), (nx, number[-1])):
                at = cells.ravel()
                np.add.at(matrix, (at, at), link[plane].ravel())
            link = link[: nx + 1]
            link[nx] = 0.0
        other = np.roll(number, -1, axis=axis).ravel()
        here, w = number.ravel(), link[1 : nx + 1].ravel()
        np.add.at(matrix, (here, other), -w)
        np.add.at(matrix, (other, here), -w)
        np.add.at(matrix, (here, here), w)
        np.add.at(matrix, (other, other), w)
    empty = number.ravel()[natural(level.inverse, g)[1:-1].ravel() == 0]
    matrix[empty, empty] = 1.0
    return matrix


class _Bottom:
    """The coarsest level, solved directly."""

    def __init__(self, level: CountLevel) -> None:
        g = level.geometry
        nx, ny, nz = g.shape
        self.inverse = np.linalg.inv(dense_matrix(level)).astype(np.float32)
        i, j, k = (a.ravel() for a in np.indices((nx, ny, nz)))
        n = g.padded[2]
        self._at = ((i + 1) * 4 + 2 * (j & 1) + (k & 1)) * n + ((j >> 1) + 1) * g.pitch + (k >> 1)
        self._b, self._e = level.b.reshape(-1), level.e.reshape(-1)

    def solve(self) -> None:
        self._e[self._at] = self.inverse @ self._b[self._at]


class ColorLevel:
    """The voxels of one conducting phase, with the levels below."""

    def __init__(
        self,
        labels: npt.NDArray[np.uint8],
        weights: tuple[float, float, float],
        periodic: bool,
        *,
        potential: bool = True,
    ) -> None:
        nx, ny, nz = labels.shape
        self.geometry = g = ColorGeometry((nx, ny, nz), periodic)
        self.threads = _Threads()
        self.arena = Arena(color_bytes(g.shape, potential=potential, periodic=periodic))
        self.weights = tuple(np.float32(w) for w in weights)
        self.code = self.arena.zeros(g.padded, np.uint8)
        self.r, self.q, self.z = (self.arena.zeros(g.padded) for _ in range(3))
        self.potential = potential
        self.p, self.x = ((self.arena.zeros(g.padded)) if potential else self.r for _ in range(2))
        self.chunks = g.chunks(self.threads.count)
        self.scratch = _Scratch(g, len(self.chunks), self.arena)
        self.sums = np.zeros(nx + 2)
        self.layers = np.zeros(nx + 1, np.int64)
        self._dots = np.zeros((nx + 2, 4))
        self._passed = (ny, nz, g.pitch, g.coarse.pitch, *self.weights, *g.sides, g.full)
        scaled = [float(w) * f for w, f in zip(self.weights, g.factors, strict=True)]
        first = CountLevel(g.coarse, scaled, 0, self.arena, self.threads)
        setup.color_setup(
            labels, self.code, self.r, first.cx, first.cy, first.cz, g.pitch,
            first.geometry.pitch, *g.sides, self.sums, self.layers,
        )  # fmt: skip
        first.finish()
        self.levels = [first]
        while np.prod(self.levels[-1].geometry.shape) > _DIRECT:
            self.levels.append(self.levels[-1].coarsen(self.arena))
        self.bottom = _Bottom(self.levels[-1])

    @property
    def ramp_sums(self) -> npt.NDArray[np.float64]:
        """Sum of the ramp's residual over each plane of voxels."""
        return self.sums[1:-1]

    @property
    def ramp_energy(self) -> float:
        """Energy of the ramp, in units of a face."""
        return float(self.layers.sum() - 0.5 * (self.layers[0] + self.layers[-1]))

    def deviation(self) -> Vector:
        """The potential kept, in natural order (nx, ny, nz), in the memory of the residual."""
        size = int(np.prod(self.geometry.shape))
        out = self.r.reshape(-1)[:size].reshape(self.geometry.shape)
        setup.color_unpack(self.x, out, self.geometry.pitch)
        return out

    @property
    def space(self) -> npt.NDArray[np.uint8]:
        """The memory of the other vectors, once they are not needed any more."""
        start = self.r.nbytes + self.r.ctypes.data - self.arena.address
        return self.arena.bytes[_round(start) :]

    def close(self) -> None:
        """End the threads."""
        self.threads.close()

    def update(self, alpha: float, beta: float) -> None:
        """Advance r, q, and the potential where it is kept."""
        g = self.geometry

        def work(k: int) -> None:
            byte.byte_update(
                *self.chunks[k], self.r, self.q, self.z, self.p, self.x, self.code,
                np.float32(alpha), np.float32(beta), self.potential, g.pitch, *self.weights, g.full,
            )  # fmt: skip

        self.threads.run(work, len(self.chunks))

    def precondition(self, step: tuple[float, float] | None) -> npt.NDArray[np.float64]:
        """Advance by `step` (α, β), write an approximation of A⁻¹ r into z.

        Returns z·r, z·q, z·A z, of each plane, and the sum of A z.
        """
        s, g = self.scratch, self.geometry
        below = self.levels[0]
        apart = step is not None and len(self.chunks) > 1
        if apart and step is not None:
            self.update(*step)
        alpha, beta = (np.float32(c) for c in (step or (0.0, 0.0)))
        update = step is not None and not apart

        def down(k: int) -> None:
            byte.byte_descend(
                *self.chunks[k], update, self.r, self.q, self.z, self.p, self.x, self.code,
                self.z if g.full else s.ring[k], s.total[k], below.b, alpha, beta, self.potential,
                *self._passed,
            )  # fmt: skip

        self.threads.run(down, len(self.chunks))
        ea, da = (np.float32(c) for c in self._solve(0))

        def up(k: int) -> None:
            byte.byte_ascend(
                *self.chunks[k], self.z, self.r, self.q, self.code, s.total[k], s.rim[k],
                below.e, below.d, ea, da, *self._passed, self._dots,
            )  # fmt: skip

        self.threads.run(up, len(self.chunks))
        _, ny, nz = g.shape
        for _, end in self.chunks[:-1]:
            byte.byte_finish(
                end, self.z, self.r, self.q, self.code, ny, nz, g.pitch, *self.weights, *g.sides,
                self._dots,
            )  # fmt: skip
        return self._dots[1:-1]

    def _solve(self, depth: int) -> tuple[float, float]:
        """Solve a level for its b, which is overwritten; the correction is a e + b d."""
        level = self.levels[depth]
        if depth == len(self.levels) - 1:
            self.bottom.solve()
            return 1.0, 0.0
        below = self.levels[depth + 1]
        level.descend(level.e, below)
        mix = self._solve(depth + 1)
        eb, rho, _, before, bv, vv = level.ascend(level.e, level.e, below, mix, level.krylov)
        if not level.krylov or not rho > 0.0:
            return 1.0, 0.0
        first = eb / rho
        if before - 2.0 * first * bv + first * first * vv <= _GOOD_ENOUGH**2 * before:
            return first, 0.0
        level.descend(level.d, below, first)
        mix = self._solve(depth + 1)
        db, dv, gamma, _, _, _ = level.ascend(level.d, level.e, below, mix, True)
        rho_2 = dv - gamma * gamma / rho
        if not rho_2 > 0.0:
            return first, 0.0
        return first - gamma * db / (rho * rho_2), db / rho_2


class ColorPreconditioner:
    """The same as a preconditioner of vectors in even and odd rows."""

    def __init__(
        self,
        labels: npt.NDArray[np.uint8],
        weights: tuple[float, float, float],
        periodic: bool,
    ) -> None:
        self.level = ColorLevel(labels, weights, periodic, potential=False)

    def precondition(self, b: Vector, z: Vector) -> None:
        """Write an approximation of A⁻¹ b into z."""
        level = self.level
        setup.color_from_rows(b, level.r, level.geometry.pitch)
        level.precondition(None)
        setup.color_to_rows(level.z, z, level.geometry.pitch)


def color_bytes(shape: tuple[int, int, int], *, potential: bool, periodic: bool = False) -> int:
    """Bytes of a `ColorLevel` and the levels below, the making of the lowest included."""
    threads = _threads()
    g = ColorGeometry(shape, periodic)
    cells = int(np.prod(g.padded))
    total = (1 + 4 * (5 if potential else 3)) * cells + 8 * _ALIGNED
    total += _Scratch.bytes(g, len(g.chunks(threads))) + _INVERSION * _DIRECT**2
    depth = 0
    while True:
        g = g.coarse
        total += CountLevel.bytes(g, depth, len(g.chunks(threads)))
        if np.prod(g.shape) <= _DIRECT:
            return total
        depth += 1
