"""Two bounds of the effective conductivity of a voxel geometry, from any potential of its voxels.

Lower: a divergence-free flux with the same current dissipates at least as much as the true one
(Thomson's principle). Upper: a continuous potential with the same drop has at least the energy of
the true one (Dirichlet's principle). Neither asks how good the potential is: an unconverged one
gives a wider bracket, not a wrong one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vmt.kernels.multigrid import _average as average
from vmt.kernels.multigrid import _dirichlet as dirichlet
from vmt.kernels.multigrid import _drain as drain
from vmt.kernels.multigrid import _thomson as thomson
from vmt.kernels.multigrid._color_hierarchy import ColorPreconditioner, color_bytes
from vmt.kernels.multigrid._hierarchy import BlockHierarchy, Geometry, hierarchy_bytes
from vmt.kernels.multigrid._percolation import label_counts
from vmt.kernels.multigrid._solve import face_tables, hierarchy_of_labels
from vmt.kernels.multigrid._strong import StrongLevel

__all__ = ["bracket", "bracket_bytes"]

Potential = npt.NDArray[np.float32] | npt.NDArray[np.float64]

#: sums in float64 round: bounds give way by far more than that, and far less than anyone sees
_ROUNDING = 1e-11
_CONTRAST = 30.0
#: the tight bound is done when the next steps would close less than this share of the gap
_CLOSED = 0.01
_STEPS = 60


class Space:
    """Arrays from memory that is there already, or from new one."""

    def __init__(self, held: npt.NDArray[np.uint8] | None) -> None:
        self._held = held if held is not None else np.zeros(0, np.uint8)

    def take(self, shape: tuple[int, ...], dtype: Any) -> npt.NDArray[Any]:
        """An array; what is in it has no meaning."""
        size = -(-int(np.prod(shape)) * np.dtype(dtype).itemsize // 64) * 64
        if size > self._held.size:
            return np.empty(shape, dtype)
        made, self._held = self._held[:size], self._held[size:]
        used: npt.NDArray[Any] = made[: int(np.prod(shape)) * np.dtype(dtype).itemsize].view(dtype)
        return used.reshape(shape)


class _Problem:
    """Labels with their conductivities in the solver's units."""

    def __init__(
        self,
        labels: npt.NDArray[np.uint8],
        conductivities: npt.NDArray[np.float64],
        spacing: tuple[float, float, float],
        periodic: bool,
    ) -> None:
        self.labels = labels
        given = np.asarray(conductivities, np.float64)
        sigma = given if given.ndim == 2 else np.repeat(given[:, None], 3, axis=1)
        found = np.flatnonzero(label_counts(labels))
        inside = found[found > 0]
        self.scale = float(sigma[inside].max())
        self.sigma = np.zeros((int(found.max()) + 1, 3))
        self.sigma[inside] = sigma[inside] / self.scale
        self.inside = inside
        self.weights = (1.0, (spacing[0] / spacing[1]) ** 2, (spacing[0] / spacing[2]) ** 2)
        self.tables = face_tables(self.sigma, self.weights)
        self.conductance = np.ascontiguousarray(self.sigma * np.array(self.weights))
        self.geometry = Geometry(tuple(labels.shape), periodic)
        self.sides = (self.geometry.periodic_y, self.geometry.periodic_z)
        self.unit = self.scale / labels.size
        ratio = self.conductance[inside].max(axis=0) / self.conductance[inside].min(axis=0)
        self.contrast = float(ratio.max())


def _lower(problem: _Problem, deviation: Potential, space: Space) -> float:
    if len(problem.inside) == 1:
        current, energy = _one_conductor(problem, deviation, space)
    else:
        current, energy = _several_conductors(problem, deviation)
    if not energy > 0.0:
        return 0.0
    nx, ny, nz = problem.labels.shape
    lower = problem.scale * current**2 * nx / (ny * nz * energy)
    return float(lower) * (1.0 - _ROUNDING)


def _one_conductor(problem: _Problem, deviation: Potential, space: Space) -> tuple[float, float]:
    """Current and energy of the corrected flux: what voxels lack is drawn plane by plane."""
    labels, one, sides = problem.labels, problem.inside[0], problem.sides
    tx, ty, tz, wall = problem.tables
    links = (float(tx[one, one]), float(ty[one, one]), float(tz[one, one]), float(wall[one]))
    need = space.take(labels.shape, np.float64)
    drain.drain_residual(deviation, labels, need, *links, *sides)
    drawn = space.take(labels.shape, np.uint8)
    order = space.take((labels.size,), np.int32 if labels.size < 2**31 else np.int64)
    first, last = (np.zeros(labels.shape[0], np.int64) for _ in range(2))
    end, missing = drain.drain_directions(labels, drawn, order, first, last, *sides)
    assert missing == 0  # what has no path to an electrode was dropped before
    drain.drain_route(drawn, need, order, end, first, last)
    x, y, z = (1.0 / (3.0 * float(c)) for c in problem.conductance[one])
    current, energy = drain.drain_energy(deviation, labels, drawn, need, *links, x, y, z, *sides)
    return float(current), float(energy)


def _several_conductors(problem: _Problem, deviation: Potential) -> tuple[float, float]:
    """The same by paths of least resistance."""
    labels, tables, sides = problem.labels, problem.tables, problem.sides
    count = int(np.count_nonzero(labels))
    order = np.empty(count, np.int32 if labels.size < 2**31 else np.int64)
    need, distance = np.zeros(labels.shape), np.zeros(labels.shape)
    thomson.residual(deviation, labels, need, *tables, *sides)
    reached = int(thomson.shortest_resistances(labels, distance, order, *tables, *sides))
    assert reached == count  # what has no path to an electrode was dropped before
    thomson.route_resistances(labels, distance, order, need, *tables, *sides)
    inverse = np.zeros_like(problem.conductance)
    inverse[problem.inside] = 1.0 / (3.0 * problem.conductance[problem.inside])
    current, energy = thomson.flux_energy(
        deviation, labels, distance, need, *tables, inverse, *sides
    )
    return float(current), float(energy)


def _upper(problem: _Problem, deviation: Potential) -> float:
    if len(problem.inside) == 1:
        x, y, z = (float(c) for c in problem.conductance[problem.inside[0]])
        energy = average.average_energy(
            0, problem.labels.shape[0], deviation, problem.labels, dirichlet.GROUPS,
            (dirichlet.GROUP_COUNT > 1).astype(np.uint8), x, y, z, *problem.sides,
        )  # fmt: skip
        return problem.unit * float(energy) * (1.0 + _ROUNDING)
    energy = dirichlet.averaged_energy(
        deviation,
        problem.labels,
        problem.sigma[:, 0].copy(),
        problem.conductance,
        dirichlet.GROUPS,
        dirichlet.GROUP_COUNT,
        *problem.sides,
    )
    return problem.unit * float(energy) * (1.0 + _ROUNDING)


def _element_matrices(conductance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Stiffness of a trilinear voxel of each label (n, 8, 8), corner 4·di + 2·dj + dk."""
    stiff = np.array([[1.0, -1.0], [-1.0, 1.0]])
    mass = np.array([[2.0, 1.0], [1.0, 2.0]]) / 6.0
    x = np.kron(stiff, np.kron(mass, mass))
    y = np.kron(mass, np.kron(stiff, mass))
    z = np.kron(mass, np.kron(mass, stiff))
    return np.ascontiguousarray(np.einsum("na,aij->nij", conductance, np.stack([x, y, z])))


class _Nodes:
    """The trilinear problem: values at nodes, the matrix by voxels, and a preconditioner."""

    def __init__(self, problem: _Problem) -> None:
        self.problem = problem
        labels, g = problem.labels, problem.geometry
        nx, ny, nz = labels.shape
        shape = (nx + 1, ny + (not problem.sides[0]), nz + (not problem.sides[1]))
        first = np.zeros(shape, np.int32)
        size = int(dirichlet.number_nodes(labels, first, dirichlet.GROUP_COUNT, *problem.sides))
        count = int(np.count_nonzero(labels))
        self.nodes = np.empty((count, 8), np.int32)
        self.kind = np.empty(count, np.uint8)
        dirichlet.cell_nodes(
            labels, first, self.nodes, self.kind, size, dirichlet.GROUPS, *problem.sides
        )
        del first
        self.size = size
        self.element = _element_matrices(problem.conductance)
        self.diagonal = np.zeros(size + 2)
        dirichlet.nodes_diagonal(self.diagonal, self.nodes, self.kind, self.element)
        self.total = np.zeros(size + 2)
        self.weight = problem.sigma[:, 0].copy()
        if len(problem.inside) == 1:
            relative = float(problem.sigma[problem.inside[0], 0])
            x, y, z = (float(c) / relative for c in problem.conductance[problem.inside[0]])
            self.hierarchy: BlockHierarchy | StrongLevel | ColorPreconditioner
            self.hierarchy = ColorPreconditioner(labels, (x, y, z), g.periodic)
        else:
            strong = problem.contrast > _CONTRAST
            self.hierarchy = hierarchy_of_labels(labels, problem.tables, g, strong=strong)
        self.b, self.e = (np.zeros(g.padded, np.float32) for _ in range(2))

    def start(self, deviation: Potential) -> npt.NDArray[np.float64]:
        """Average the potentials of the voxels."""
        u = np.zeros(self.size + 2)
        dirichlet.nodes_from_cells(
            u, self.total, deviation, self.problem.labels, self.weight, self.nodes
        )
        u[-2:] = 0.0, self.problem.labels.shape[0]
        return u

    def apply(self, q: npt.NDArray[np.float64], p: npt.NDArray[np.float64]) -> float:
        """Write K p into q; returns p·K p."""
        return float(dirichlet.nodes_apply(q, p, self.nodes, self.kind, self.element))

    def precondition(self, r: npt.NDArray[np.float64], z: npt.NDArray[np.float64]) -> None:
        """Sum of a diagonal scaling and of the cycle of the voxels' seven-point problem."""
        z[:-2] = r[:-2] / self.diagonal[:-2]
        z[-2:] = 0.0
        largest = float(np.abs(r[:-2]).max(initial=0.0))
        if largest == 0.0:
            return
        labels = self.problem.labels
        common = (labels, self.weight, self.nodes)
        dirichlet.nodes_to_cells(self.b, r, self.total, *common, 1.0 / largest)
        self.hierarchy.precondition(self.b, self.e)
        dirichlet.nodes_add_cells(z, self.total, self.e, *common, largest)


def _tight_upper(problem: _Problem, deviation: Potential, lower: float) -> float:
    """Lower the energy of the averaged potential until little of the gap is left to close."""
    nodes = _Nodes(problem)
    u = nodes.start(deviation)
    r, z, q, p = (np.zeros(u.size) for _ in range(4))
    energy = nodes.apply(q, u)
    np.negative(q, out=r)
    value = problem.unit * energy
    pq = 0.0
    before = np.inf
    for _ in range(_STEPS):
        nodes.precondition(r, z)
        zr = float(z[:-2] @ r[:-2])
        if not zr > 0.0:
            break
        beta = -float(z[:-2] @ q[:-2]) / pq if pq > 0.0 else 0.0
        p *= beta
        p += z
        pq = nodes.apply(q, p)
        alpha = float(p[:-2] @ r[:-2]) / pq
        u += alpha * p
        r -= alpha * q
        step = problem.unit * alpha * alpha * pq
        value -= step
        rate = min(step / before, 0.9) if before < np.inf else 0.9
        before = step
        if step * rate / (1.0 - rate) <= _CLOSED * (value - lower):
            break
    return problem.unit * nodes.apply(q, u) * (1.0 + _ROUNDING)


def bracket(
    labels: npt.NDArray[np.uint8],
    conductivities: npt.NDArray[np.float64],
    spacing: tuple[float, float, float],
    deviation: Potential,
    *,
    periodic: bool = False,
    tight: bool = False,
    space: npt.NDArray[np.uint8] | None = None,
) -> tuple[float, float]:
    """Bound the effective conductivity along axis 0 of this voxel geometry.

    Parameters
    ----------
    labels : (nx, ny, nz) array of uint8
        Phases; 0 is outside. Every voxel inside must have a path to an electrode.
    conductivities : (n,) or (n, 3) array
        Conductivity [S/m] of each label, or its components along the axes.
    spacing : (dx, dy, dz)
        Voxel edge lengths [m].
    deviation : (nx, ny, nz) array
        Any potential of the voxels minus the ramp that rises by one from voxel to voxel; the
        better it solves the seven-point problem, the narrower the bracket.
    periodic : bool
        Whether opposite side faces are connected; they are closed otherwise.
    tight : bool
        Whether the upper bound comes from the trilinear problem solved for itself; else from the
        potentials of the voxels averaged to the nodes.
    space : array of uint8, optional
        Memory to work in, overwritten.

    Returns
    -------
    lower, upper : float
        [S/m].
    """
    problem = _Problem(labels, conductivities, spacing, periodic)
    lower = _lower(problem, deviation, Space(space))
    if tight:
        return lower, _tight_upper(problem, deviation, lower)
    return lower, _upper(problem, deviation)


def bracket_bytes(shape: tuple[int, int, int], conducting: int, *, single_phase: bool) -> int:
    """Bytes that the tight `bracket` of so many conducting voxels allocates at its peak.

    The other one takes 9 bytes per voxel (16 with several phases) and 4 per conducting voxel:
    less than the solver.
    """
    voxels = int(np.prod(Geometry(shape, False).padded))
    if single_phase:
        levels = color_bytes(shape, potential=False)
    else:
        levels = 6 * 4 * voxels + hierarchy_bytes(shape)
    return (33 + 7 * 8 * 2) * conducting + (4 + 2 * 4) * voxels + levels
