"""Conduction through a level set, cut cells and all, and the level set of a segmentation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from vmt._budget import require_memory
from vmt._progress import steps
from vmt.errors import ConvergenceError, InputError
from vmt.kernels.multigrid._solve_faces import face_conduction_bytes, solve_faces
from vmt.kernels.open_faces import (
    SMALLEST_FACE,
    cell_shares,
    centers_to_corners,
    open_faces,
    percolating_cells,
)
from vmt.kernels.two_phase_faces import two_phase_faces
from vmt.microstructure import LevelSet, Microstructure
from vmt.transport._conduction import Conduction, effective_conductivity
from vmt.transport._conductivities import Conductivities, along

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "ReconstructionSpread",
    "conducting_phase",
    "conductors",
    "estimate_level_set",
    "face_conductances",
    "inside_values",
    "level_set_conduction",
    "level_set_of",
    "one_conductor",
    "open_shares",
    "reconstruction_spread",
]

_Method = Literal["gaussian", "distance", "plain"]
_METHODS: tuple[_Method, ...] = ("gaussian", "distance", "plain")
#: smoothing, in voxels
_WIDTH = {"gaussian": 0.7, "distance": 0.7, "plain": 0.8}
#: variance, in voxels², of the mean over eight centers that a corner gets
_CORNER = 0.25
_BYTES_OF_ESTIMATE = 28
#: voxels of the next window that a distance may depend on where it matters
_RIM = 6


def conducting_phase(
    structure: Microstructure | LevelSet,
    table: npt.NDArray[np.float64],
    discretization: str,
) -> tuple[str, float]:
    """Name and conductivity of the one phase that conducts.

    Raises
    ------
    InputError
        If more than one does.
    """
    names = [name for name, label in structure.phases.items() if table[label] > 0.0]
    if len(names) != 1:
        raise InputError(
            f"The phases {names} conduct; discretization={discretization!r} takes one conducting "
            'phase, the others insulate. Use discretization="voxel" for several.'
        )
    return names[0], float(table[structure.phases[names[0]]])


def one_conductor(
    structure: Microstructure | LevelSet, table: Conductivities
) -> tuple[str, tuple[float, float, float]]:
    """Name of the one phase that conducts, and its conductivity along the axes.

    Raises
    ------
    InputError
        If more than one does.
    """
    phase, _ = conducting_phase(structure, table.values[table.number, 0], "level_set")
    value = table.named[phase]
    return phase, value if isinstance(value, tuple) else (value, value, value)


def conductors(
    structure: Microstructure | LevelSet, table: Conductivities
) -> tuple[str, str | None, tuple[float, float, float], float]:
    """The better conductor, the other one if it conducts, and their conductivities.

    Raises
    ------
    InputError
        If two phases of more than two conduct, more than two do, or two of which one is
        anisotropic.
    """
    names = [name for name in structure.phases if along(table.named[name], 0) > 0.0]
    if len(names) != 2 or len(structure.phases) != 2:
        phase, sigma = one_conductor(structure, table)
        return phase, None, sigma, 0.0
    values = table.scalars()
    worse, better = sorted(names, key=lambda name: float(values[structure.phases[name]]))
    high, low = (float(values[structure.phases[name]]) for name in (better, worse))
    return better, worse, (high, high, high), low


def face_conductances(
    level_set: LevelSet,
    better: str,
    order: tuple[int, ...],
    *,
    low: float,
    periodic: bool,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32], Any]:
    """Conductances of the faces over those of the better conductor, and the cells that count.

    `low` is the conductivity of the other phase over that of the better one; 0 insulates.
    """
    ax, ay, az = open_shares(level_set, better, order)
    nx, ny, nz = (level_set.shape[a] for a in order)
    kept = np.zeros((nx, ny, nz), np.uint8)
    parent = np.empty(kept.size, np.int64 if kept.size >= 2**31 else np.int32)
    percolating_cells(ax, ay, az, parent, kept, periodic and ny > 1, periodic and nz > 1)
    del parent
    if low > 0.0:
        values = inside_values(level_set, better, order)
        two_phase_faces(values, ax, ay, az, kept, low, joined=(False, periodic, periodic))
        kept[...] = 1
    return ax, ay, az, kept


def inside_values(
    level_set: LevelSet, phase: str, order: tuple[int, ...]
) -> npt.NDArray[np.float32]:
    """Corner values, negative in the phase, with the current along axis 0; a new array."""
    values = np.transpose(level_set.at_corners().values, order)
    made = np.empty(values.shape, np.float32)
    return (
        np.negative(values, out=made) if phase == level_set.outside else np.positive(values, made)
    )


def level_set_of(
    structure: Microstructure | LevelSet, phase: str, periodic: Sequence[int]
) -> LevelSet:
    """The level set itself, or the one estimated for a phase of voxels."""
    if isinstance(structure, LevelSet):
        return structure
    if structure.volume_fraction(phase) in (0.0, 1.0):  # no boundary to look for
        sign = 1.0 - 2.0 * structure.volume_fraction(phase)
        corners = np.full([n + 1 for n in structure.shape], sign, np.float32)
        return LevelSet(corners, structure.spacing, inside=phase, outside=f"not {phase}")
    return estimate_level_set(structure, phase, periodic=periodic)


def open_shares(
    level_set: LevelSet, phase: str, order: tuple[int, ...] = (0, 1, 2)
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Open share of the faces normal to each axis, the axes in the order given."""
    nx, ny, nz = (level_set.shape[a] for a in order)
    shapes = ((nx + 1, ny, nz), (nx, ny + 1, nz), (nx, ny, nz + 1))
    ax, ay, az = (np.zeros(shape, np.float32) for shape in shapes)
    open_faces(inside_values(level_set, phase, order), ax, ay, az, SMALLEST_FACE)
    return ax, ay, az


def level_set_conduction(
    structure: Microstructure | LevelSet,
    table: Conductivities,
    *,
    axis: int,
    sides: str,
    rtol: float,
    max_iterations: int | None,
    keep_potential: bool,
) -> Conduction:
    """Effective conductivity by open faces; the arguments are checked but the phases.

    Finite volumes on the cells; the flux between two of them passes through the open share of
    their face, from marching squares on the corners. Second order in the cell size. Where both
    phases of two conduct, see `vmt.kernels.two_phase_faces`.

    Raises
    ------
    InputError
        If two phases of more than two conduct, or more.
    """
    phase, other, sigma, low = conductors(structure, table)
    sideways = [a for a in range(3) if a != axis] if sides == "periodic" else []
    level_set = level_set_of(structure, phase, sideways)
    order = (axis, *(a for a in range(3) if a != axis))
    nx, ny, nz = (level_set.shape[a] for a in order)
    # a phase that conducts better along an axis is one that is shorter there
    dx, dy, dz = (level_set.spacing[a] * math.sqrt(sigma[axis] / sigma[a]) for a in order)
    size = "×".join(map(str, level_set.shape))
    require_memory(
        face_conduction_bytes((nx, ny, nz)) + 8 * nx * ny * nz, f"Conduction through {size} cells"
    )
    periodic = sides == "periodic"
    ax, ay, az, kept = face_conductances(
        level_set, phase, order, low=0.0 if other is None else low / sigma[0], periodic=periodic
    )
    common: dict[str, Any] = {
        "conductivity": table.named,
        "volume_fractions": {name: structure.volume_fraction(name) for name in structure.phases},
        "axis": axis,
        "sides": sides,
        "spacing": level_set.spacing,
        "discretization": "level_set",
        "structure": level_set if keep_potential else None,
    }
    if not kept.any():
        return Conduction(
            effective_conductivity=0.0,
            percolates=False,
            flux_imbalance=0.0,
            iterations=0,
            error_estimate=0.0,
            potential=np.full(level_set.shape, np.nan, np.float32) if keep_potential else None,
            **common,
        )
    with steps("conduction", 0) as step:
        solution = solve_faces(
            ax,
            ay,
            az,
            kept,
            sigma[axis],
            (dx, dy, dz),
            periodic=periodic,
            rtol=rtol,
            max_iterations=max_iterations,
            on_iteration=step,
            on_fallback=lambda need: require_memory(
                need, f"Conduction through {size} cells with thin necks"
            ),
        )
    if not solution.finished:
        raise ConvergenceError(
            f"The effective conductivity reached {solution.effective_conductivity:.6g} S/m after "
            f"{solution.iterations} iterations, with an estimated relative error of "
            f"{solution.error_estimate:.1e}; expected at most rtol={rtol:g}. Raise max_iterations "
            "or rtol."
        )
    potential = None
    if keep_potential:
        ramp = (np.arange(nx) + 0.5)[:, None, None]
        inner = (1.0 - (ramp + solution.deviation) / nx).astype(np.float32)
        inner[kept == 0] = np.nan
        potential = np.ascontiguousarray(np.transpose(inner, np.argsort(order)))
    return Conduction(
        effective_conductivity=solution.effective_conductivity,
        percolates=True,
        flux_imbalance=float(np.ptp(solution.fluxes) / solution.fluxes.mean()),
        iterations=solution.iterations,
        error_estimate=solution.error_estimate,
        potential=potential,
        layer_fluxes=solution.fluxes,
        **common,
    )


def estimate_level_set(
    structure: Microstructure,
    phase: str | int,
    *,
    method: _Method = "gaussian",
    periodic: Sequence[int] = (),
) -> LevelSet:
    """Estimate where the boundary of a phase ran before it was segmented into voxels.

    The indicator of the phase, or its signed distance, is smoothed over less than a voxel (the
    window continued by its mirror image) and averaged to the corners; the level keeps the volume
    fraction of the voxels. Smoothing moves a curved boundary toward its center of curvature, by
    half the kernel's variance times the curvature, and so fattens necks; minus half the variance
    times the Laplacian takes that back. Necks narrower than about three voxels are guesses:
    `reconstruction_spread` says what they cost.

    Parameters
    ----------
    structure : Microstructure
    phase : str or int
        What is inside; everything else is outside.
    method : {"gaussian", "distance", "plain"}
        The indicator smoothed by a Gaussian of 0.7 voxels, or the signed distance smoothed by the
        same; "plain" is the indicator smoothed by 0.8 voxels without the correction of curvature.
    periodic : sequence of axes
        Axes along which the window repeats itself instead of being mirrored.

    Returns
    -------
    LevelSet
        At corners; without unit, negative inside.

    Raises
    ------
    InputError
        If the phase is unknown, fills the window or is absent, or the method or an axis is unknown.

    Examples
    --------
    >>> x = np.arange(24) - 11.5
    >>> ball = np.sqrt(x[:, None, None]**2 + x[:, None]**2 + x**2) < 8
    >>> m = Microstructure(ball, 10e-9)
    >>> estimate_level_set(m, "solid")
    LevelSet(24×24×24 cells of 10 nm, values at corners; solid 15.74 %, pore 84.26 %)
    """
    name = structure.name_of(phase)
    if method not in _METHODS:
        raise InputError(f'method={method!r}; expected "gaussian", "distance" or "plain".')
    if not set(periodic) <= {0, 1, 2}:
        raise InputError(f"periodic={periodic!r}; expected some of the axes 0, 1 and 2.")
    fraction = structure.volume_fraction(name)
    if not 0.0 < fraction < 1.0:
        raise InputError(
            f"The phase {name!r} has the volume fraction {fraction:g}; a boundary can be estimated "
            "only where there is one."
        )
    size = "×".join(map(str, structure.shape))
    require_memory(
        _BYTES_OF_ESTIMATE * structure.labels.size, f"Estimating a level set of {size} voxels"
    )
    smooth = _WIDTH[method]
    # flat directions of a 2D image don't blur
    width = [smooth if n > 1 else 0.0 for n in structure.shape]
    if method != "distance":
        values = 1.0 - structure.mask(name).astype(np.float32) * np.float32(2.0)
    else:
        values = _signed_distance(structure, name, periodic)
    mode: Any = ["wrap" if axis in periodic else "reflect" for axis in range(3)]
    values = ndimage.gaussian_filter(values, width, mode=mode, truncate=5.0)
    if method != "plain":
        values -= np.float32(0.5 * (smooth**2 + _CORNER)) * ndimage.laplace(values, mode=mode)
    corners = centers_to_corners(values, continued=False)
    for axis in periodic:
        ends = np.moveaxis(corners, axis, 0)
        ends[0] = 0.5 * (ends[0] + ends[-1])
        ends[-1] = ends[0]
    del values
    corners -= np.float32(_level(corners, fraction))
    others = [other for other in structure.phases if other != name]
    outside = others[0] if len(others) == 1 else f"not {name}"
    return LevelSet(corners, structure.spacing, inside=name, outside=outside)


@dataclass(frozen=True, eq=False)
class ReconstructionSpread:
    """What a segmentation leaves open: M-factors of several level sets that fit its voxels.

    Attributes
    ----------
    m_factors : mapping of str to float
        By method of `estimate_level_set`.
    voxel_m_factor : float
        Of the voxels as they are.
    """

    m_factors: Mapping[str, float]
    voxel_m_factor: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "m_factors", MappingProxyType(dict(self.m_factors)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self.m_factors), self.voxel_m_factor)

    @property
    def m_factor(self) -> float:
        """M-factor by the default method."""
        return self.m_factors["gaussian"]

    @property
    def relative_spread(self) -> float:
        """(largest − smallest)/default of the M-factors: the geometric uncertainty."""
        values = self.m_factors.values()
        return (max(values) - min(values)) / self.m_factor if self.m_factor > 0.0 else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Write the result as plain values."""
        return {
            "m_factors": dict(self.m_factors),
            "voxel_m_factor": self.voxel_m_factor,
            "relative_spread": self.relative_spread,
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the M-factors of the reconstructions and of the voxels."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        names = [*self.m_factors, "voxels"]
        values = [*self.m_factors.values(), self.voxel_m_factor]
        colors = [COLORS["model"]] * len(self.m_factors) + [COLORS["muted"]]
        ax.barh(range(len(names)), values, color=colors)
        ax.set_yticks(range(len(names)), names)
        return finish(ax, xlabel="M-factor")


def reconstruction_spread(
    structure: Microstructure,
    phase: str | int,
    *,
    axis: int = 0,
    sides: Literal["closed", "periodic"] = "closed",
    rtol: float = 1e-4,
) -> ReconstructionSpread:
    """M-factor of a phase by every method of `estimate_level_set`, and how far they differ.

    The spread is an estimate of the error that comes from not knowing the boundary between the
    voxels. On χ² sets it is as large as the error itself (docs/level_sets.md).

    Parameters
    ----------
    structure : Microstructure
    phase : str or int
        The conducting phase.
    axis, sides, rtol
        As for `effective_conductivity`.

    Raises
    ------
    InputError
        If the phase is unknown, fills the window or is absent, or an argument is out of range.

    Examples
    --------
    >>> x = np.arange(16) - 7.5
    >>> ball = x[:, None, None]**2 + x[:, None]**2 + x**2 < 36
    >>> found = reconstruction_spread(Microstructure(ball, 10e-9), "pore")
    >>> bool(found.relative_spread < 0.01 < 1 - found.voxel_m_factor / found.m_factor)
    True
    """
    name = structure.name_of(phase)
    common: dict[str, Any] = {"axis": axis, "sides": sides, "rtol": rtol}
    sideways = [a for a in range(3) if a != axis] if sides == "periodic" else []
    voxels = effective_conductivity(structure, {name: 1.0}, **common).effective_conductivity
    found: dict[str, float] = {}
    for method in _METHODS:
        level_set = estimate_level_set(structure, name, method=method, periodic=sideways)
        found[method] = effective_conductivity(
            level_set, {name: 1.0}, **common
        ).effective_conductivity
    return ReconstructionSpread(found, voxels)


def _signed_distance(
    structure: Microstructure, name: str, periodic: Sequence[int]
) -> npt.NDArray[np.float32]:
    """Distance to the faces between the phase and the rest, in smallest voxel edges."""
    import edt

    mask = structure.mask(name)
    rim = [_RIM if axis in periodic else 0 for axis in range(3)]
    mask = np.pad(mask, [(r, r) for r in rim], mode="wrap")
    edges = tuple(d / min(structure.spacing) for d in structure.spacing)
    outward = edt.edt(~mask, anisotropy=edges, black_border=False)
    inward = edt.edt(mask, anisotropy=edges, black_border=False)
    # distances reach the centers of the other phase, half a voxel behind the face
    found = np.where(mask, 0.5 - inward, outward - 0.5)
    inner = tuple(slice(r, n - r) for r, n in zip(rim, mask.shape, strict=True))
    return np.ascontiguousarray(found[inner], np.float32)


def _level(corners: npt.NDArray[np.float32], fraction: float) -> float:
    """Level at which the volume inside is the given fraction (Illinois false position)."""
    low, high = float(corners.min()), float(corners.max())
    below, above = -fraction, 1.0 - fraction
    level, side = 0.0, 0
    tolerance = 1e-5 * min(fraction, 1.0 - fraction)
    for count in range(60):
        # start between the phases, where the answer nearly is
        level = 0.0 if count == 0 else high - above * (high - low) / (above - below)
        if not low < level < high:
            level = 0.5 * (low + high)
        excess = cell_shares(corners, level)[0] - fraction
        if abs(excess) <= tolerance:
            break
        if excess > 0.0:
            high, above = level, excess
            below *= 0.5 if side == 1 else 1.0
            side = 1
        else:
            low, below = level, excess
            above *= 0.5 if side == -1 else 1.0
            side = -1
    return level
