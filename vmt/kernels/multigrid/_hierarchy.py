"""The hierarchy: how aggregates are made and how the cycle runs over them.

`coarse_levels` makes the levels below a finest one; the cycle knows a level only by what it can do
(`forward`, `backward`, `apply`), not by how its aggregates came about.

Each level joins blocks of 2×2×2 cells. Interpolation is constant on an aggregate, which makes
the Galerkin conductances twice too large along an axis that is coarsened; they are halved. Coarse
problems are solved by two steps of flexible conjugate gradients (a K-cycle; Notay and Vassilevski
2008) on the first three coarse levels, by one cycle below, and directly at the bottom.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from vmt.kernels.multigrid import _float_level as floats

__all__ = ["Bottom", "FloatLevel", "Geometry", "coarse_levels", "hierarchy_bytes"]

Vector = npt.NDArray[np.float32]

_DIRECT = 512
_KRYLOV_LEVELS = 3
_GOOD_ENOUGH = 0.25


@dataclass(frozen=True)
class Geometry:
    """Number of cells of a level and which sides are connected."""

    shape: tuple[int, int, int]
    periodic: bool

    @property
    def padded(self) -> tuple[int, int, int, int]:
        nx, ny, nz = self.shape
        return (nx + 2, ny + 2, 2, (nz + 1) // 2 + 2)

    @property
    def periodic_y(self) -> bool:
        return self.periodic and self.shape[1] > 1

    @property
    def periodic_z(self) -> bool:
        return self.periodic and self.shape[2] > 1

    @property
    def odd(self) -> bool:
        return self.shape[2] % 2 == 1

    @property
    def coarse(self) -> Geometry:
        nx, ny, nz = ((n + 1) // 2 for n in self.shape)
        return Geometry((nx, ny, nz), self.periodic)

    @property
    def factors(self) -> tuple[np.float32, np.float32, np.float32]:
        """What the summed conductances are multiplied by, per axis."""
        x, y, z = (np.float32(0.5 if n > 1 else 1.0) for n in self.shape)
        return (x, y, z)


class FloatLevel:
    """Cells with one float32 conductance per face."""

    def __init__(self, geometry: Geometry) -> None:
        self.geometry = geometry
        shape = geometry.padded
        self.cx = np.zeros(shape, np.float32)
        self.cy = np.zeros(shape, np.float32)
        self.cz = np.zeros(shape, np.float32)
        self.diagonal = np.zeros(shape, np.float32)
        self.g0 = np.zeros(shape[1:], np.float32)
        self.g1 = np.zeros(shape[1:], np.float32)

    def finish(self) -> None:
        """Sum up the diagonal once the faces are there."""
        g = self.geometry
        if g.periodic_z:
            floats.float_wrap_faces(self.cz, g.odd)
        floats.float_diagonal(
            self.cx, self.cy, self.cz, self.diagonal, self.g0, self.g1, g.periodic_y, g.odd
        )

    def coarsen(self) -> FloatLevel:
        """Join 2×2×2 cells."""
        g = self.geometry
        made = FloatLevel(g.coarse)
        floats.float_coarse_faces(
            self.cx, self.cy, self.cz, self.g0, self.g1,
            made.cx, made.cy, made.cz, made.g0, made.g1,
            g.shape[2], *g.factors, g.periodic_y, g.periodic_z,
        )  # fmt: skip
        made.finish()
        return made

    def forward(self, b: Vector, z: Vector, coarse: Vector) -> None:
        """Sweep forward from zero into z; restrict the residual to coarse."""
        g = self.geometry
        floats.float_forward(
            b, z, self.cx, self.cy, self.cz, self.diagonal, coarse,
            g.periodic_y, g.periodic_z, g.odd,
        )  # fmt: skip

    def backward(self, b: Vector, z: Vector, coarse: Vector) -> None:
        """Add the coarse correction to z; sweep backward."""
        g = self.geometry
        floats.float_backward(
            z, b, self.cx, self.cy, self.cz, self.diagonal, coarse,
            g.periodic_y, g.periodic_z, g.odd,
        )  # fmt: skip

    def apply(self, v: Vector, x: Vector, b: Vector) -> tuple[float, float]:
        """Write A x into v; returns x·b and x·v."""
        g = self.geometry
        xb, xv = floats.float_apply(
            v, x, self.cx, self.cy, self.cz, self.diagonal, b, g.periodic_y, g.periodic_z, g.odd
        )
        return float(xb), float(xv)


class Bottom:
    """The coarsest level, solved directly in float64."""

    def __init__(self, level: FloatLevel) -> None:
        g = level.geometry
        nx, ny, nz = g.shape
        self.inverse = np.linalg.inv(dense_matrix(level))
        self._cell = np.unravel_index(np.arange(nx * ny * nz), g.shape)

    def solve(self, b: Vector, e: Vector) -> None:
        """Write A⁻¹ b into e."""
        i, j, k = self._cell
        where = (i + 1, j + 1, k & 1, (k >> 1) + 1)
        e[where] = self.inverse @ b[where].astype(np.float64)


def dense_matrix(level: FloatLevel) -> npt.NDArray[np.float64]:
    """Write a level's operator as a dense matrix; empty cells get the diagonal 1."""
    g = level.geometry
    nx, ny, nz = g.shape
    number = np.arange(nx * ny * nz).reshape(g.shape)
    matrix = np.zeros((number.size, number.size))
    i, j, k = (a.ravel() for a in np.indices(g.shape))
    at = (i + 1, j + 1, k & 1, (k >> 1) + 1)
    for axis, faces in enumerate((level.cx, level.cy, level.cz)):
        after = [i, j, k]
        after[axis] = (after[axis] + 1) % g.shape[axis]
        other = number[after[0], after[1], after[2]]
        weight = faces[at].astype(np.float64)
        if axis == 0:
            weight[i == nx - 1] = 0.0
        np.add.at(matrix, (number.ravel(), other), -weight)
        np.add.at(matrix, (other, number.ravel()), -weight)
        np.add.at(matrix, (number.ravel(), number.ravel()), weight)
        np.add.at(matrix, (other, other), weight)
    ground = np.zeros(number.size)
    first, last = i == 0, i == nx - 1
    ground[first] += level.g0[at[1][first], at[2][first], at[3][first]]
    ground[last] += level.g1[at[1][last], at[2][last], at[3][last]]
    matrix[number.ravel(), number.ravel()] += ground
    empty = np.flatnonzero(level.diagonal[at] == 0)
    matrix[empty, empty] = 1.0
    return matrix


@dataclass
class _Work:
    """Vectors of a coarse level: right-hand side, correction, and those of two Krylov steps."""

    b: Vector
    e: Vector
    v: Vector
    d: Vector
    w: Vector


@dataclass
class Coarse:
    """The levels below the finest one, with their work vectors."""

    levels: list[FloatLevel]
    bottom: Bottom
    work: list[_Work] = field(default_factory=list)

    def __post_init__(self) -> None:
        empty = np.zeros((0, 0, 0, 0), np.float32)
        for depth, level in enumerate(self.levels):
            direct = depth == len(self.levels) - 1
            krylov = depth < _KRYLOV_LEVELS and not direct
            b, e = (np.zeros(level.geometry.padded, np.float32) for _ in range(2))
            v, d, w = (np.zeros_like(b) if krylov else empty for _ in range(3))
            self.work.append(_Work(b, e, v, d, w))

    @property
    def b(self) -> Vector:
        """Right-hand side of the first coarse level."""
        return self.work[0].b

    @property
    def e(self) -> Vector:
        """Correction found on the first coarse level."""
        return self.work[0].e

    def solve(self, depth: int = 0) -> None:
        """Find the correction `e` of a level for its right-hand side `b`, which is overwritten."""
        if depth == len(self.levels) - 1:
            self.bottom.solve(self.work[depth].b, self.work[depth].e)
            return
        t = self.work[depth]
        self._cycle(depth, t.e)
        if depth >= _KRYLOV_LEVELS:
            return
        level = self.levels[depth]
        alpha, rho = level.apply(t.v, t.e, t.b)
        if not rho > 0.0:
            return
        before, after = floats.float_subtract(t.b, t.v, np.float32(alpha / rho))
        if after <= _GOOD_ENOUGH**2 * before:
            floats.float_combine(t.e, t.e, np.float32(alpha / rho), np.float32(0))
            return
        self._cycle(depth, t.d)
        alpha_2, beta = level.apply(t.w, t.d, t.b)
        gamma = float(floats.float_dot(t.d, t.v))
        rho_2 = beta - gamma * gamma / rho
        if not rho_2 > 0.0:
            floats.float_combine(t.e, t.e, np.float32(alpha / rho), np.float32(0))
            return
        first = alpha / rho - gamma * alpha_2 / (rho * rho_2)
        floats.float_combine(t.e, t.d, np.float32(first), np.float32(alpha_2 / rho_2))

    def _cycle(self, depth: int, z: Vector) -> None:
        level, b = self.levels[depth], self.work[depth].b
        below = self.work[depth + 1]
        level.forward(b, z, below.b)
        self.solve(depth + 1)
        level.backward(b, z, below.e)


def coarse_levels(finest: FloatLevel) -> Coarse:
    """Make the levels below `finest` by joining 2×2×2 cells until few are left."""
    levels = [finest.coarsen()]
    while np.prod(levels[-1].geometry.shape) > _DIRECT:
        levels.append(levels[-1].coarsen())
    return Coarse(levels, Bottom(levels[-1]))


class BlockHierarchy:
    """A finest level with blocks of 2×2×2 below, as a preconditioner."""

    def __init__(self, finest: FloatLevel) -> None:
        self.finest = finest
        self.coarse = coarse_levels(finest)

    def precondition(self, b: Vector, z: Vector) -> None:
        """Write an approximation of A⁻¹ b into z."""
        self.finest.forward(b, z, self.coarse.b)
        self.coarse.solve()
        self.finest.backward(b, z, self.coarse.e)


def hierarchy_bytes(shape: tuple[int, int, int]) -> int:
    """Bytes of the levels below a finest one of this shape, and their vectors."""
    total, depth = _DIRECT * _DIRECT * 24, 0
    geometry = Geometry(shape, False)
    while True:
        geometry = geometry.coarse
        vectors = 5 if depth < _KRYLOV_LEVELS else 2
        total += 4 * (4 + vectors) * int(np.prod(geometry.padded))
        if np.prod(geometry.shape) <= _DIRECT:
            return total
        depth += 1
