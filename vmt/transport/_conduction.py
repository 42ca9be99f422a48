"""Effective conductivity of a structure between two opposite faces."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt._progress import steps
from vmt.errors import ConvergenceError, InputError
from vmt.kernels.multigrid import (
    bracket,
    bracket_bytes,
    conduction_bytes,
    keep_percolating,
    solve_conduction,
)
from vmt.microstructure import LevelSet, Microstructure
from vmt.transport._bounds import hashin_shtrikman_bounds, wiener_bounds
from vmt.transport._conductivities import Conductivities, Given, along
from vmt.transport._fields import fields_of
from vmt.transport._voxel_error import two_grids

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vmt.transport._streamlines import Streamlines

__all__ = ["Conduction", "chosen_discretization", "effective_conductivity"]

_SIDES = ("closed", "periodic")
_BOUNDS = ("cheap", "tight", "none")
_BYTES_OF_THE_FILTER = 6  # labels kept, runs, and a copy along another axis


@dataclass(frozen=True, eq=False)
class Conduction:
    """Effective conductivity along one axis, and how far it can be trusted.

    The same numbers serve diffusion: conductivity is then the diffusion coefficient [m²/s].

    Attributes
    ----------
    effective_conductivity : float
        [S/m]; exactly 0 where no conducting path joins the two faces.
        The value of the seven-point scheme on the voxels, which other tools compute, too.
    lower_bound, upper_bound : float or None
        The exact solution on the voxel geometry lies between them [S/m], whatever the iteration
        left; None if not asked for. `effective_conductivity` lies at or below `lower_bound`, up to
        `error_estimate`.
    estimate : float or None
        Their midpoint [S/m]: nearer to the exact solution on the voxel geometry.
    discretization_error : float or None
        Relative error of `effective_conductivity` as a value for the smooth structure behind the
        voxels, estimated from a grid twice as coarse; negative where the voxels conduct too badly.
        None if not asked for, NaN if the coarse grid has no path.
    conductivity : mapping of str to float or (float, float, float)
        Conductivity of every phase of the structure [S/m], along the axes where anisotropic.
    m_factor : float or None
        σ_eff/σ0 where exactly one phase conducts, else None; σ0 is along the axis of the current.
    tortuosity_factor : float or None
        ε σ0/σ_eff where exactly one phase conducts (infinite without a path), else None.
    volume_fraction : float
        Volume fraction of the conducting phases, dead ends included.
    percolates : bool
        Whether a conducting path joins the two faces.
    flux_imbalance : float
        (largest - smallest)/mean of the fluxes through all planes of voxel faces normal to the
        axis; they are equal in the exact solution. First order in the error of the potential,
        where the effective conductivity is second.
    iterations : int
        Steps of the conjugate gradient iteration.
    error_estimate : float
        Relative error of the effective conductivity that the iteration leaves, estimated; the
        error of the voxel geometry itself is not in it.
    axis : int
        Axis of the current.
    sides : {"closed", "periodic"}
        What the faces along the axis do.
    spacing : (dx, dy, dz)
        Voxel edge lengths [m].
    potential : (nx, ny, nz) array of float32, or None
        Potential [V per volt between the faces], 1 at index 0 of the axis and 0 at its end, NaN
        where no current can come from; kept on request.
    structure : Microstructure, LevelSet or None
        The structure, or the level set that was solved, kept with the potential.
    layer_fluxes : (n + 1,) array
        Effective conductivity [S/m] from the flux through each plane of voxel faces normal to the
        axis, the two electrodes included.
    discretization : {"voxel", "level_set", "fem"}
        Which equations were solved.
    """

    effective_conductivity: float
    conductivity: Mapping[str, float | tuple[float, float, float]]
    volume_fractions: Mapping[str, float]
    percolates: bool
    flux_imbalance: float
    iterations: int
    error_estimate: float
    axis: int
    sides: str
    spacing: tuple[float, float, float]
    potential: npt.NDArray[np.float32] | None = None
    lower_bound: float | None = None
    upper_bound: float | None = None
    discretization_error: float | None = None
    structure: Microstructure | LevelSet | None = None
    layer_fluxes: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    discretization: str = "voxel"

    def __post_init__(self) -> None:
        self.layer_fluxes.flags.writeable = False
        object.__setattr__(self, "conductivity", MappingProxyType(dict(self.conductivity)))
        object.__setattr__(self, "volume_fractions", MappingProxyType(dict(self.volume_fractions)))
        if self.potential is not None:
            self.potential.flags.writeable = False

    def __reduce__(self) -> tuple[Any, ...]:
        values = (getattr(self, f.name) for f in fields(self))
        return type(self), tuple(dict(v) if isinstance(v, Mapping) else v for v in values)

    @property
    def _conducting(self) -> list[str]:
        return [n for n, value in self.conductivity.items() if along(value, self.axis) > 0.0]

    @property
    def volume_fraction(self) -> float:
        """Volume fraction of the conducting phases, dead ends included."""
        return sum(self.volume_fractions[name] for name in self._conducting)

    @property
    def m_factor(self) -> float | None:
        """σ_eff/σ0 where exactly one phase conducts, else None."""
        names = self._conducting
        if len(names) != 1:
            return None
        return self.effective_conductivity / along(self.conductivity[names[0]], self.axis)

    @property
    def tortuosity_factor(self) -> float | None:
        """ε σ0/σ_eff where exactly one phase conducts (infinite without a path), else None."""
        m = self.m_factor
        if m is None:
            return None
        return self.volume_fraction / m if m > 0.0 else math.inf

    @property
    def estimate(self) -> float | None:
        """Midpoint of the two bounds [S/m]."""
        if self.lower_bound is None or self.upper_bound is None:
            return None
        return 0.5 * (self.lower_bound + self.upper_bound)

    def flux_density(self) -> npt.NDArray[np.float32]:
        """Flux density in the middle of each voxel, (3, nx, ny, nz) [A/m² per volt applied].

        Raises
        ------
        InputError
            If the potential was not kept.
        """
        return fields_of(self).flux_density()

    def dissipation(self) -> npt.NDArray[np.float32]:
        """Heat per volume in each voxel, (nx, ny, nz) [W/m³ per volt squared].

        Its mean times the square of the thickness is the effective conductivity: the voxels where
        it is large are the bottlenecks.

        Raises
        ------
        InputError
            If the potential was not kept.
        """
        return fields_of(self).dissipation()

    def streamlines(
        self,
        count: int = 200,
        *,
        window: Sequence[int] | None = None,
        rng: np.random.Generator | int = 0,
    ) -> Streamlines:
        """Trace lines of current from the first face of the axis on, each the same share of it.

        Lines follow the fluxes through the faces of the voxels, exactly (Pollock 1988); none ends
        in a wall. A result left at a coarse `rtol` may lose some on the way.

        Parameters
        ----------
        count : int
            How many.
        window : (nx, ny, nz), optional
            Trace through the first voxels only.
        rng : numpy.random.Generator or int
            Where they start, in proportion to the current.

        Raises
        ------
        InputError
            If the potential was not kept, or an argument is out of range.
        """
        from vmt.transport._streamlines import trace

        return trace(fields_of(self), count, window, rng)

    def plot_flux(self, ax: Axes | None = None, *, index: int | None = None) -> Axes:
        """Draw a slice of the flux density's magnitude, with its direction.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new ones if not given.
        index : int, optional
            Which slice normal to the axis after `axis`; the middle one by default.

        Raises
        ------
        InputError
            If the potential was not kept.
        """
        return fields_of(self).plot_flux(ax, index)

    def plot_dissipation(self, ax: Axes | None = None, *, index: int | None = None) -> Axes:
        """Draw the bottlenecks: the dissipation of a slice over the mean of the box.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new ones if not given.
        index : int, optional
            Which slice normal to the axis after `axis`; the middle one by default.

        Raises
        ------
        InputError
            If the potential was not kept.
        """
        return fields_of(self).plot_dissipation(ax, index)

    def write_fields(self, path: str | os.PathLike[str]) -> None:
        """Write potential, flux density, dissipation and labels for ParaView (``.vti``).

        Raises
        ------
        InputError
            If the potential was not kept, or the file can't be written.
        """
        fields_of(self).write(path)

    def to_dict(self) -> dict[str, Any]:
        """Write the result as plain values, units in the keys; the potential is left out."""
        return {
            "effective_conductivity [S/m]": self.effective_conductivity,
            "lower_bound [S/m]": self.lower_bound,
            "upper_bound [S/m]": self.upper_bound,
            "estimate [S/m]": self.estimate,
            "discretization_error": _plain(self.discretization_error),
            "conductivity [S/m]": {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in self.conductivity.items()
            },
            "m_factor": self.m_factor,
            "tortuosity_factor": self.tortuosity_factor,
            "volume_fraction": self.volume_fraction,
            "percolates": self.percolates,
            "flux_imbalance": self.flux_imbalance,
            "iterations": self.iterations,
            "error_estimate": self.error_estimate,
            "axis": self.axis,
            "sides": self.sides,
            "discretization": self.discretization,
        }

    def plot(self, ax: Axes | None = None, *, index: int | None = None) -> Axes:
        """Draw a slice of the potential if it was kept, else the value among its bounds.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new ones if not given.
        index : int, optional
            Which slice normal to the axis after `axis`; the middle one by default.
        """
        return self._plot_bounds(ax) if self.potential is None else self._plot_slice(ax, index)

    def _plot_slice(self, ax: Axes | None, index: int | None) -> Axes:
        from vmt._plotting import axes, finish

        assert self.potential is not None
        ax = axes(ax)
        normal = (self.axis + 1) % 3
        place = self.potential.shape[normal] // 2 if index is None else index
        plane = np.take(self.potential, place, axis=normal)
        first, second = (d * 1e6 for i, d in enumerate(self.spacing) if i != normal)
        extent = (0.0, plane.shape[1] * second, plane.shape[0] * first, 0.0)
        image = ax.imshow(plane, extent=extent, vmin=0.0, vmax=1.0, interpolation="nearest")
        ax.figure.colorbar(image, ax=ax, label="potential / V per volt applied")
        return finish(ax, xlabel="µm", ylabel="µm")

    def _plot_bounds(self, ax: Axes | None) -> Axes:
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        names = list(self.conductivity)
        fractions = [self.volume_fractions[name] for name in names]
        values = [along(self.conductivity[name], self.axis) for name in names]
        rows = [("any structure (Wiener)", wiener_bounds(fractions, values))]
        if not any(isinstance(v, tuple) for v in self.conductivity.values()):
            isotropic = hashin_shtrikman_bounds(fractions, values)
            rows.append(("isotropic (Hashin–Shtrikman)", isotropic))
        if self.lower_bound is not None and self.upper_bound is not None:
            rows.append(("these voxels", (self.lower_bound, self.upper_bound)))
        for row, (_, (low, high)) in enumerate(rows):
            ax.barh(row, high - low, left=low, height=0.5, color=COLORS["muted"])
        ax.axvline(self.effective_conductivity, color=COLORS["model"], label="this structure")
        ax.set_yticks(range(len(rows)), [name for name, _ in rows])
        ax.legend(frameon=False)
        return finish(ax, xlabel="effective conductivity / S/m")


def effective_conductivity(
    structure: Microstructure | LevelSet,
    conductivity: Given,
    *,
    axis: int = 0,
    sides: Literal["closed", "periodic"] = "closed",
    discretization: Literal["voxel", "level_set", "fem"] | None = None,
    bounds: Literal["cheap", "tight", "none"] = "cheap",
    rtol: float = 1e-4,
    max_iterations: int | None = None,
    discretization_error: bool = False,
    keep_potential: bool = False,
) -> Conduction:
    """Effective conductivity of a structure between two opposite faces.

    Solves ∇·(σ∇u) = 0 with u = 1 and 0 on the two faces of the box normal to `axis` (Neumann et
    al. 2023, eqs. 8-14) by finite volumes on the voxels: one unknown per voxel, the flux between
    two of them by the harmonic mean of their conductivities. The box's own faces carry the
    potential, half a voxel from the first unknown. Clusters that don't reach both faces are left
    out: they carry no current.

    The iteration stops on the estimated error of the effective conductivity itself. From the fluxes
    and the potentials found come two bounds of the exact solution on the voxel geometry, which hold
    even where the iteration was stopped early (see `Conduction`).

    Parameters
    ----------
    structure : Microstructure or LevelSet
        The structure; its voxels may be anisotropic.
    conductivity : mapping of phase to float or (float, float, float)
        Conductivity [S/m] of the phases that conduct, ``{"solid": 1.0}``, or its components along
        the axes of the structure, ``{"solid": (1.0, 1.0, 0.2)}``; phases not named insulate. For
        diffusion give diffusion coefficients [m²/s].
    axis : int
        Axis of the current.
    sides : {"closed", "periodic"}
        Whether the side faces let no current through or are joined to their opposites.
    discretization : {"voxel", "level_set", "fem"}, optional
        "voxel", the default for a Microstructure: as above, first order in the voxel size.
        "level_set", the default for a LevelSet, for one conducting phase or two of two: the flux
        between two cells passes through the open share of their face, second order; the level set
        of a Microstructure is estimated (`vmt.transport.estimate_level_set`). "fem", for one
        conducting phase, closed sides and small structures: trilinear finite elements on the same
        voxels (`vmt.transport.finite_element_conductivity`).
    bounds : {"cheap", "tight", "none"}
        How the bounds are found (for voxels; other discretizations have none): "cheap" from the
        solution at hand, for less than the cost of the solve; "tight" with a second solve for the
        upper bound, some 100 bytes per conducting voxel.
    rtol : float
        Relative error of the effective conductivity, between 1e-13 and 0.1. One conducting phase
        is solved in float32 down to 1e-6, in float64 below.
    max_iterations : int, optional
        More iterations raise instead of returning an unfinished value.
    discretization_error : bool
        Whether to estimate the error of the voxels themselves by solving on every second voxel,
        twice, and extrapolating with order one; costs a quarter of a solve.
    keep_potential : bool
        Whether the result carries the potential (and the structure, for its plots).

    Returns
    -------
    Conduction
        With `effective_conductivity` 0 and `percolates` False if there is no path.

    Raises
    ------
    InputError
        If a phase is unknown, a conductivity is negative or not finite, none is positive, or
        another argument is out of range.
    MemoryBudgetError
        If the solver's memory is not available: one conducting phase takes about 26 bytes per
        voxel (18 without bounds and potential), several take about 65; thin walls or islands of a
        good conductor switch to a solver of about 110.
    ConvergenceError
        If `max_iterations` are not enough; the message has the value so far, and `bracket` the
        bounds, which hold.

    Examples
    --------
    Two layers in parallel, one of which conducts:

    >>> labels = np.zeros((6, 4, 4), np.uint8)
    >>> labels[:, :2] = 1
    >>> result = effective_conductivity(Microstructure(labels, 1e-8), {"solid": 10.0})
    >>> result.effective_conductivity, result.m_factor, result.tortuosity_factor
    (5.0, 0.5, 1.0)
    >>> round(result.lower_bound, 6), round(result.upper_bound, 6)
    (5.0, 5.0)
    """
    choice = chosen_discretization(structure, discretization)
    table = Conductivities.of(structure, conductivity)
    if axis not in (0, 1, 2):
        raise InputError(f"axis={axis!r}; expected 0, 1 or 2.")
    if sides not in _SIDES:
        raise InputError(f'sides={sides!r}; expected "closed" or "periodic".')
    if bounds not in _BOUNDS:
        raise InputError(f'bounds={bounds!r}; expected "cheap", "tight" or "none".')
    if not 1e-13 <= rtol <= 0.1:
        raise InputError(f"rtol={rtol!r}; expected a number from 1e-13 to 0.1.")
    if max_iterations is not None and (max_iterations < 1 or int(max_iterations) != max_iterations):
        raise InputError(f"max_iterations={max_iterations!r}; expected a whole number from 1.")
    if choice != "voxel" and discretization_error:
        raise InputError(
            f"discretization_error=True goes with voxels; got discretization={choice!r}. "
            "See vmt.transport.reconstruction_spread."
        )
    if choice == "level_set":
        from vmt.transport._level_set import level_set_conduction

        return level_set_conduction(
            structure,
            table,
            axis=axis,
            sides=sides,
            rtol=rtol,
            max_iterations=max_iterations,
            keep_potential=keep_potential,
        )
    if choice == "fem":
        from vmt.transport._fem import voxel_elements_conduction

        return voxel_elements_conduction(
            structure,
            table.scalars(),
            axis=axis,
            sides=sides,
            rtol=rtol,
            max_iterations=max_iterations,
            keep_potential=keep_potential,
        )
    if isinstance(structure, LevelSet):
        structure = structure.to_microstructure()

    order = (axis, *(a for a in range(3) if a != axis))
    nx, ny, nz = (structure.shape[a] for a in order)
    dx, dy, dz = (structure.spacing[a] for a in order)
    single = table.values.shape[0] == 2
    periodic = sides == "periodic"
    kept_potential = keep_potential or bounds != "none"
    need = conduction_bytes((nx, ny, nz), single_phase=single, rtol=rtol, potential=kept_potential)
    size = "×".join(map(str, structure.shape))
    require_memory(
        need + _BYTES_OF_THE_FILTER * structure.labels.size, f"Conduction through {size} voxels"
    )

    kept, _ = keep_percolating(
        np.ascontiguousarray(np.transpose(structure.labels, order)),
        table.number > 0,
        periodic_y=periodic,
        periodic_z=periodic,
        numbers=table.number,
    )

    common: dict[str, Any] = {
        "conductivity": table.named,
        "volume_fractions": {n: structure.volume_fraction(n) for n in structure.phases},
        "axis": axis,
        "sides": sides,
        "spacing": structure.spacing,
    }
    if not kept[0].any():
        return Conduction(
            effective_conductivity=0.0,
            percolates=False,
            flux_imbalance=0.0,
            iterations=0,
            error_estimate=0.0,
            potential=np.full(structure.shape, np.nan, np.float32) if keep_potential else None,
            lower_bound=None if bounds == "none" else 0.0,
            upper_bound=None if bounds == "none" else 0.0,
            discretization_error=0.0 if discretization_error else None,
            structure=structure if keep_potential else None,
            layer_fluxes=np.zeros(nx + 1),
            **common,
        )
    values = table.along(order)
    with steps("conduction", 0) as step:
        solution = solve_conduction(
            kept,
            values,
            (dx, dy, dz),
            periodic=periodic,
            rtol=rtol,
            max_iterations=max_iterations,
            potential=kept_potential,
            on_iteration=step,
            on_fallback=lambda count: require_memory(
                count, f"Conduction through {size} voxels with thin walls or strong contrast"
            ),
        )
    lower = upper = None
    if bounds != "none":
        if bounds == "tight":
            conducting = int(np.count_nonzero(kept))
            require_memory(
                bracket_bytes((nx, ny, nz), conducting, single_phase=single),
                f"The tight bounds of {size} voxels",
                'Ask for bounds="cheap", or use a coarser structure.',
            )
        lower, upper = bracket(
            kept,
            values,
            (dx, dy, dz),
            solution.deviation,
            periodic=periodic,
            tight=bounds == "tight",
            space=solution.space,
        )
    if not solution.finished:
        raise ConvergenceError(
            f"The effective conductivity reached {solution.effective_conductivity:.6g} S/m after "
            f"{solution.iterations} iterations, with an estimated relative error of "
            f"{solution.error_estimate:.1e}; expected at most rtol={rtol:g}."
            + ("" if lower is None else f" It lies between {lower:.6g} and {upper:.6g} S/m.")
            + " Raise max_iterations or rtol.",
            None if lower is None or upper is None else (lower, upper),
        )
    potential = None
    if keep_potential:
        ramp = (np.arange(nx, dtype=np.float32) + np.float32(0.5))[:, None, None]
        inner = np.float32(1) - (ramp + solution.deviation.astype(np.float32)) / np.float32(nx)
        inner[kept == 0] = np.nan
        potential = np.ascontiguousarray(np.transpose(inner, np.argsort(order)))
    result = Conduction(
        effective_conductivity=solution.effective_conductivity,
        percolates=True,
        flux_imbalance=float(np.ptp(solution.fluxes) / solution.fluxes.mean()),
        iterations=solution.iterations,
        error_estimate=solution.error_estimate,
        potential=potential,
        lower_bound=lower,
        upper_bound=upper,
        structure=structure if keep_potential else None,
        layer_fluxes=solution.fluxes,
        **common,
    )
    if not discretization_error:
        return result

    def coarse(part: Microstructure) -> float:
        return effective_conductivity(
            part, conductivity, axis=axis, sides=sides, bounds="none", rtol=rtol
        ).effective_conductivity

    error = two_grids(structure, result.effective_conductivity, coarse)
    return replace(result, discretization_error=error)


def chosen_discretization(structure: object, discretization: object) -> str:
    """Read the discretization; without one, that of a level set or of voxels."""
    if not isinstance(structure, LevelSet | Microstructure):
        raise InputError(
            f"A structure of type {type(structure).__name__} can't be used; expected a "
            "Microstructure or a LevelSet."
        )
    if discretization is None:
        return "level_set" if isinstance(structure, LevelSet) else "voxel"
    if discretization not in ("voxel", "level_set", "fem"):
        raise InputError(
            f'discretization={discretization!r}; expected "voxel", "level_set" or "fem".'
        )
    return str(discretization)


def _plain(value: float | None) -> float | None:
    """JSON has no NaN."""
    return None if value is None or math.isnan(value) else value
