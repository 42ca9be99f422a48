"""Conduction between two faces of a box: conjugate gradients, and what they say of the error.

The unknown is the deviation from the linear ramp. The energy of ramp plus deviation is the
effective conductivity; each step of the iteration lowers it by α r·z, summed in float64. The
steps still to come are estimated from the last ones (Hestenes and Stiefel 1952; Strakoš and
Tichý 2002), which is the error of the effective conductivity itself: the iteration stops on it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vmt.errors import ConvergenceError
from vmt.kernels.multigrid import _double_level as double
from vmt.kernels.multigrid._color_hierarchy import (
    ColorGeometry,
    ColorLevel,
    ColorPreconditioner,
    color_bytes,
)
from vmt.kernels.multigrid._energy import BEST_RATE, Energy
from vmt.kernels.multigrid._hierarchy import (
    BlockHierarchy,
    FloatLevel,
    Geometry,
    hierarchy_bytes,
)
from vmt.kernels.multigrid._percolation import label_counts
from vmt.kernels.multigrid._single import iterate
from vmt.kernels.multigrid._strong import StrongLevel

__all__ = ["Solution", "conduction_bytes", "fallback_bytes", "solve_conduction"]

#: below this error of the effective conductivity the residual is kept in float64
SINGLE_PRECISION_RTOL = 1e-6
_Tables = tuple[npt.NDArray[np.float64], ...]


@dataclass(frozen=True, eq=False)
class Solution:
    """What the iteration found; conductivities in the unit of the given ones.

    Attributes
    ----------
    effective_conductivity : float
        From the energy.
    history : list of float
        Effective conductivity after each iteration, from that of the ramp on.
    error_estimate : float
        Estimated relative error of the effective conductivity left by the iteration.
    fluxes : (nx + 1,) array
        Effective conductivity from the flux through each plane of faces.
    deviation : (nx, ny, nz) array
        Potential minus ramp, in units of the ramp's step from voxel to voxel; 0 outside. Empty if
        it was not wanted.
    finished : bool
        Whether the tolerance was reached before the last of the iterations allowed.
    space : array of uint8, or None
        Memory that the solve leaves behind and `bracket` can work in.
    """

    effective_conductivity: float
    history: list[float]
    error_estimate: float
    fluxes: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float32] | npt.NDArray[np.float64]
    finished: bool = True
    space: npt.NDArray[np.uint8] | None = None

    @property
    def iterations(self) -> int:
        return len(self.history) - 1


@dataclass(frozen=True)
class _Listener:
    iteration: Callable[[], None]
    fallback: Callable[[int], None]


def _silent() -> None:
    pass


def conduction_bytes(
    shape: tuple[int, int, int], *, single_phase: bool, rtol: float = 1e-4, potential: bool = True
) -> int:
    """Bytes that `solve_conduction` allocates at its peak, its input not counted."""
    if single_phase and rtol >= SINGLE_PRECISION_RTOL:
        return color_bytes(shape, potential=potential)
    voxels = int(np.prod(Geometry(shape, False).padded))
    vectors = 8 * 4 * int(np.prod(shape)) + 2 * 4 * voxels
    if single_phase:
        return vectors + color_bytes(shape, potential=False)
    return vectors + 4 * 4 * voxels + hierarchy_bytes(shape)


_STRONG_RATE = 0.4
#: where wraps join cells of one color, and the smoother leaves these links out
_WRAP_RATE = 0.2
#: above this contrast blocks mix good and bad conductors, and modes they miss hide the error
_CONTRAST = 30.0
#: bytes per voxel of the strength-aware hierarchy with few aggregates, and per aggregate (measured)
_FALLBACK = 65
_AGGREGATE = 165
#: share of the voxels that aggregates number at most where no more is announced
_AGGREGATES = 0.26
#: float32 loses this share of the ramp's energy (measured: 6e-8), more across flat voxels
_ROUNDING = 1e-7


def fallback_bytes(shape: tuple[int, int, int]) -> int:
    """Bytes at the peak of the strength-aware hierarchy, float64 vectors included (measured).

    Where more aggregates than usual are found, the need is announced again before they are linked.
    """
    return int((_FALLBACK + _AGGREGATE * _AGGREGATES) * np.prod(shape))


def solve_conduction(
    labels: npt.NDArray[np.uint8],
    conductivities: npt.NDArray[np.float64],
    spacing: tuple[float, float, float],
    *,
    periodic: bool = False,
    rtol: float = 1e-4,
    max_iterations: int | None = None,
    potential: bool = True,
    on_iteration: Callable[[], None] | None = None,
    on_fallback: Callable[[int], None] | None = None,
) -> Solution:
    """Solve conduction along axis 0 and return the effective conductivity.

    Parameters
    ----------
    labels : (nx, ny, nz) array of uint8
        Phases; 0 is outside. Every voxel inside must have a path to an electrode.
    conductivities : (n,) or (n, 3) array
        Conductivity [S/m] of each label, or its components along the axes (all positive, or all
        0); that of label 0 is ignored.
    spacing : (dx, dy, dz)
        Voxel edge lengths [m].
    periodic : bool
        Whether opposite side faces are connected; they are closed otherwise.
    rtol : float
        Relative error of the effective conductivity at which the iteration stops.
    max_iterations : int, optional
        The iteration ends after so many.
    potential : bool
        Whether the deviation is wanted; without it one phase takes two vectors less.
    on_iteration : callable, optional
        Called after each iteration.
    on_fallback : callable, optional
        Called with a number of bytes before the solve turns to something that needs more than
        `conduction_bytes`: the strength-aware hierarchy, or float64 where float32 has not enough
        digits. What it raises ends the solve.

    Returns
    -------
    Solution
        Not `finished` if `max_iterations` ended before `rtol` was reached.

    Raises
    ------
    ConvergenceError
        If the iteration breaks down.
    """
    highest = int(labels.max())
    found = np.arange(highest + 1) if highest < 2 else np.flatnonzero(label_counts(labels))
    inside = found[found > 0]
    single = len(inside) == 1
    weights = (1.0, (spacing[0] / spacing[1]) ** 2, (spacing[0] / spacing[2]) ** 2)
    if single and conductivities.ndim == 2:  # one anisotropic phase is a stretched isotropic one
        x, y, z = (float(c) for c in conductivities[inside[0]])
        weights = (1.0, weights[1] * y / x, weights[2] * z / x)
        conductivities = conductivities[:, 0]
    scale = float(conductivities[inside].max())
    tell = _Listener(on_iteration or _silent, on_fallback or (lambda count: None))
    shift = _short_weights(weights)[1]
    if single and rtol >= SINGLE_PRECISION_RTOL and rtol >= 4.0 * shift:
        return _solve_single(
            labels, scale, weights, periodic, rtol, max_iterations, tell, potential
        )
    relative = np.zeros((int(found.max()) + 1, *conductivities.shape[1:]))
    relative[inside] = conductivities[inside] / scale
    return _solve_double(labels, relative, scale, weights, periodic, rtol, max_iterations, tell)


def _short_weights(
    weights: tuple[float, float, float],
) -> tuple[tuple[float, float, float], float]:
    """Round weights so that their sums are exact in float32; returns the largest relative change.

    A diagonal that is not the exact sum of its row leaks: over hundreds of voxels, percents.
    """
    unit = 2.0 ** (np.floor(np.log2(max(weights))) - 18)
    x, y, z = (float(max(1.0, np.round(w / unit)) * unit) for w in weights)
    shift = max(abs(a / b - 1.0) for a, b in zip((x, y, z), weights, strict=True))
    return (x, y, z), shift


def _best_rate(g: ColorGeometry) -> float:
    """No step is trusted to be less than this share of the one before."""
    return _WRAP_RATE if g.full else BEST_RATE


def _solve_single(
    labels: npt.NDArray[np.uint8],
    scale: float,
    weights: tuple[float, float, float],
    periodic: bool,
    rtol: float,
    limit: int | None,
    tell: _Listener,
    potential: bool,
) -> Solution:
    """One phase in float32."""
    exact, shift = _short_weights(weights)
    level = ColorLevel(labels, exact, periodic, potential=potential)
    unit = scale / labels.size
    energy = Energy(unit * level.ramp_energy, rtol, limit, _best_rate(level.geometry))
    end = iterate(level, energy, unit, tell.iteration)
    rounding = shift + _ROUNDING * max(weights) * energy.history[0] / energy.history[-1]
    slow = energy.slow()
    again = not energy.ended and (slow or end.broken or rounding > 0.5 * rtol)
    deviation = np.zeros((0, 0, 0), np.float32)
    if potential:
        end.finish(level, polish=not (again or energy.ended))
        deviation = level.deviation()
    level.close()
    space = level.space if potential else None
    del level
    if again and not potential:
        shape = labels.shape
        tell.fallback(conduction_bytes(shape, single_phase=True))
        quiet = _Listener(_silent, tell.fallback)
        return _solve_single(labels, scale, weights, periodic, rtol, limit, quiet, True)
    if again:
        shape = labels.shape
        tell.fallback(
            fallback_bytes(shape) if slow else conduction_bytes(shape, single_phase=True, rtol=0.0)
        )
        relative = (np.arange(int(labels.max()) + 1) == labels.max()).astype(float)
        start = (energy, deviation, slow)
        return _solve_double(labels, relative, scale, weights, periodic, rtol, limit, tell, start)
    return Solution(
        energy.history[-1],
        energy.history,
        energy.relative_error + rounding,
        end.fluxes(energy.history[-1] / unit) * scale / (labels.shape[1] * labels.shape[2]),
        deviation,
        energy.finished,
        space,
    )


def face_tables(
    conductivities: npt.NDArray[np.float64], weights: tuple[float, float, float]
) -> _Tables:
    """Conductance between two labels along each axis (harmonic mean), and to an electrode."""
    along = np.broadcast_to(conductivities.T, (3, len(conductivities)))
    a = along[:, :, None]
    b = along[:, None, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where((a > 0) & (b > 0), 2.0 * a * b / (a + b), 0.0)
    x, y, z = (m * w for m, w in zip(mean, weights, strict=True))
    return (x, y, z, 2.0 * along[0])


def hierarchy_of_labels(
    labels: npt.NDArray[np.uint8],
    tables: _Tables,
    g: Geometry,
    *,
    strong: bool,
    fallback: Callable[[int], None] | None = None,
) -> BlockHierarchy | StrongLevel:
    finest = FloatLevel(g)
    faces = (finest.cx, finest.cy, finest.cz, finest.g0, finest.g1)
    double.label_faces(labels, *faces, *tables, g.periodic_y, g.periodic_z)
    finest.finish()

    def announce(count: int) -> None:
        if fallback is not None and count > _AGGREGATES * labels.size:
            fallback(_FALLBACK * labels.size + _AGGREGATE * count)

    return StrongLevel(finest, announce) if strong else BlockHierarchy(finest)


def _solve_double(
    labels: npt.NDArray[np.uint8],
    conductivities: npt.NDArray[np.float64],
    scale: float,
    weights: tuple[float, float, float],
    periodic: bool,
    rtol: float,
    limit: int | None,
    tell: _Listener,
    start: tuple[Energy, npt.NDArray[np.float32], bool] | None = None,
) -> Solution:
    """Many phases, or many digits: float64 outside, the float32 cycle as preconditioner."""
    tables = face_tables(conductivities, weights)
    nx, ny, nz = labels.shape
    g = Geometry((nx, ny, nz), periodic)
    sides = (g.periodic_y, g.periodic_z)
    positive = conductivities[conductivities > 0.0]
    slow = start[2] if start is not None else bool(positive.max() > _CONTRAST * positive.min())
    if slow and start is None:
        tell.fallback(fallback_bytes((nx, ny, nz)))
    hierarchy: BlockHierarchy | StrongLevel | ColorPreconditioner
    if np.count_nonzero(conductivities) == 1 and not slow:
        hierarchy = ColorPreconditioner(labels, weights, periodic)
    else:
        hierarchy = hierarchy_of_labels(labels, tables, g, strong=slow, fallback=tell.fallback)
    b, z = (np.zeros(g.padded, np.float32) for _ in range(2))
    r, p, q = (np.zeros(labels.shape) for _ in range(3))
    unit = scale / labels.size
    if start is None:
        x = np.zeros(labels.shape)
        ramp = unit * float(double.double_ramp(r, labels, tables[0], tables[3]))
        colors = ColorGeometry((nx, ny, nz), periodic)
        best = _STRONG_RATE if positive.size > 1 else _best_rate(colors)
        energy = Energy(ramp, rtol, limit, best)
    else:
        energy, x = start[0], start[1].astype(np.float64)
        energy.best_rate = _STRONG_RATE if slow else BEST_RATE
        double.double_residual(r, x, labels, *tables, *sides)
        ramp = unit * float(double.double_ramp(p, labels, tables[0], tables[3]))
        # the energy of ramp plus x in full precision, from A x = r₀ - r
        energy.history[-1] = ramp - unit * float(double.double_sum_dot(x, p, r))
        p[:] = 0.0
    pq = 0.0
    while not energy.done():
        if not slow and energy.slow():
            tell.fallback(fallback_bytes(g.shape))
            slow, pq, energy.best_rate = True, 0.0, _STRONG_RATE
            del hierarchy
            hierarchy = hierarchy_of_labels(labels, tables, g, strong=True, fallback=tell.fallback)
        largest = float(double.double_pack(b, r))
        hierarchy.precondition(b, z)
        zr = float(double.double_direction(p, z, r, q, labels, largest, pq))
        if largest == 0.0:
            energy.finish()
            continue
        pq = float(double.double_apply(q, p, labels, *tables, *sides))
        if not (zr > 0.0 and pq > 0.0):
            raise ConvergenceError(
                f"The iteration broke down at an effective conductivity of "
                f"{energy.history[-1]:.6g} S/m with an estimated relative error of "
                f"{energy.relative_error:.1e}; expected at most rtol={rtol:g}. Raise rtol."
            )
        double.double_step(x, r, p, q, zr / pq)
        energy.lower(unit * zr * zr / pq)
        tell.iteration()
    fluxes = double.double_layer_fluxes(x, labels, tables[0], tables[3])
    return Solution(
        energy.history[-1],
        energy.history,
        energy.relative_error,
        fluxes * scale / (labels.shape[1] * labels.shape[2]),
        x,
        energy.finished,
    )
