"""Effective conductivity of a structure as a tensor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt._progress import steps
from vmt.errors import ConvergenceError, InputError
from vmt.kernels.multigrid import CellSolution, cell_bytes, solve_cell
from vmt.kernels.multigrid._periodic_faces import face_cell_bytes, solve_cell_faces
from vmt.microstructure import LevelSet, Microstructure
from vmt.transport._conduction import chosen_discretization, effective_conductivity
from vmt.transport._conductivities import Conductivities, Given, Value

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ConductivityTensor", "effective_conductivity_tensor"]

#: mean difference between the open shares of opposite faces, over their sum: rounding, not a seam
_MISFIT = 1e-3


@dataclass(frozen=True, eq=False)
class ConductivityTensor:
    """Effective conductivity along all axes.

    Attributes
    ----------
    effective_conductivity : (3, 3) array
        [S/m], symmetric. With closed sides only the diagonal is known, the rest is NaN.
    conductivity : mapping of str to float or (float, float, float)
        Conductivity of every phase of the structure [S/m].
    principal_conductivities : (3,) array
        Eigenvalues [S/m], the largest first; NaN with closed sides.
    principal_axes : (3, 3) array
        Unit vectors of the principal axes in the rows, in the same order; NaN with closed sides.
    m_factors : (3,) array or None
        Diagonal over σ0 along the axes where exactly one phase conducts, else None.
    sides : {"closed", "periodic"}
        What the faces along the current do.
    iterations : (int, int, int)
        Steps of the iteration for each axis; 0 without a path.
    error_estimate : float
        Largest relative error of the diagonal that the iteration leaves, estimated.
    """

    effective_conductivity: npt.NDArray[np.float64]
    conductivity: Mapping[str, Value]
    sides: str
    iterations: tuple[int, int, int]
    error_estimate: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "conductivity", MappingProxyType(dict(self.conductivity)))
        self.effective_conductivity.flags.writeable = False

    def __reduce__(self) -> tuple[Any, ...]:
        values = (getattr(self, f.name) for f in fields(self))
        return type(self), tuple(dict(v) if isinstance(v, Mapping) else v for v in values)

    def _principal(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        if np.isnan(self.effective_conductivity).any():
            return np.full(3, np.nan), np.full((3, 3), np.nan)
        values, vectors = np.linalg.eigh(self.effective_conductivity)
        return values[::-1], vectors.T[::-1]

    @property
    def principal_conductivities(self) -> npt.NDArray[np.float64]:
        """Eigenvalues [S/m], the largest first; NaN with closed sides."""
        return self._principal()[0]

    @property
    def principal_axes(self) -> npt.NDArray[np.float64]:
        """Unit vectors of the principal axes in the rows; NaN with closed sides."""
        return self._principal()[1]

    @property
    def m_factors(self) -> npt.NDArray[np.float64] | None:
        """Diagonal over σ0 along the axes where exactly one phase conducts, else None."""
        found = [np.broadcast_to(v, 3) for v in self.conductivity.values() if np.all(np.array(v))]
        if len(found) != 1:
            return None
        return np.asarray(np.diag(self.effective_conductivity) / found[0])

    def to_dict(self) -> dict[str, Any]:
        """Write the result as plain values, units in the keys; what is not known is None."""

        def plain(array: npt.NDArray[np.float64]) -> Any:
            known = [None if math.isnan(v) else v for v in array.ravel().tolist()]
            return known if array.ndim == 1 else [known[3 * i : 3 * i + 3] for i in range(3)]

        m = self.m_factors
        return {
            "effective_conductivity [S/m]": plain(self.effective_conductivity),
            "principal_conductivities [S/m]": plain(self.principal_conductivities),
            "principal_axes": plain(self.principal_axes),
            "m_factors": None if m is None else m.tolist(),
            "conductivity [S/m]": {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in self.conductivity.items()
            },
            "sides": self.sides,
            "iterations": list(self.iterations),
            "error_estimate": self.error_estimate,
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the tensor as a table in color."""
        from vmt._plotting import axes, finish

        ax = axes(ax)
        image = ax.imshow(self.effective_conductivity, cmap="PuOr", vmin=-self._top, vmax=self._top)
        for i in range(3):
            for j in range(3):
                value = self.effective_conductivity[i, j]
                if not math.isnan(value):
                    ax.text(j, i, f"{value:.4g}", ha="center", va="center", fontsize=9)
        ax.set_xticks(range(3), ["0", "1", "2"])
        ax.set_yticks(range(3), ["0", "1", "2"])
        ax.figure.colorbar(image, ax=ax, label="effective conductivity / S/m")
        return finish(ax, xlabel="axis of the gradient", ylabel="axis of the current")

    @property
    def _top(self) -> float:
        return float(np.nanmax(np.abs(self.effective_conductivity))) or 1.0


def effective_conductivity_tensor(
    structure: Microstructure | LevelSet,
    conductivity: Given,
    *,
    sides: Literal["closed", "periodic"] = "closed",
    discretization: Literal["voxel", "level_set"] | None = None,
    rtol: float = 1e-4,
    max_iterations: int | None = None,
) -> ConductivityTensor:
    """Effective conductivity of a structure along all axes.

    With closed sides, the three values of `effective_conductivity`: the diagonal of what a sample
    between electrodes shows, and nothing about the rest. With periodic sides the structure is one
    cell of an endless pattern in all three directions: the full tensor, from the potentials under
    a mean gradient along each axis (the corrector problems of homogenization, as in Torquato 2002,
    Random Heterogeneous Materials, ch. 13), by the same finite volumes.

    Parameters
    ----------
    structure : Microstructure or LevelSet
        The structure; for `sides="periodic"` its opposite faces have to fit to each other (a
        sample with ``periodic=True``). Where voxels don't fit, paths end at the seam; a level set
        that doesn't fit is refused.
    conductivity : mapping of phase to float or (float, float, float)
        Conductivity [S/m] of the phases that conduct, as for `effective_conductivity`.
    sides : {"closed", "periodic"}
        Which of the two.
    discretization : {"voxel", "level_set"}, optional
        As for `effective_conductivity`: "voxel" is the default for a Microstructure, "level_set",
        for one conducting phase or two of two, that for a LevelSet. The level set of a
        Microstructure is estimated.
    rtol : float
        Relative error of the diagonal, between 1e-12 and 0.1. That of the entries off the diagonal
        is as large relative to the diagonal.
    max_iterations : int, optional
        More iterations for one axis raise instead of returning an unfinished value.

    Returns
    -------
    ConductivityTensor
        Rows and columns of axes without a path are 0.

    Raises
    ------
    InputError
        If a phase or conductivity can't be used, another argument is out of range, or a level set
        does not repeat itself where it should.
    MemoryBudgetError
        If the memory is not available: about 300 bytes per conducting voxel for periodic sides.
    ConvergenceError
        If `max_iterations` are not enough.

    Examples
    --------
    Layers across axis 0 conduct as their harmonic mean across and their arithmetic mean along:

    >>> labels = np.zeros((4, 4, 4), np.uint8)
    >>> labels[:2] = 1
    >>> m = Microstructure(labels, 1e-8)
    >>> tensor = effective_conductivity_tensor(m, {"pore": 1.0, "solid": 3.0}, sides="periodic")
    >>> (tensor.effective_conductivity.round(6) + 0.0).tolist()
    [[1.5, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]]
    """
    choice = chosen_discretization(structure, discretization)
    if choice == "fem":
        raise InputError(
            'discretization="fem" gives no tensor; expected "voxel" or "level_set". '
            "effective_conductivity has it along one axis."
        )
    table = Conductivities.of(structure, conductivity)
    if sides not in ("closed", "periodic"):
        raise InputError(f'sides={sides!r}; expected "closed" or "periodic".')
    if not 1e-12 <= rtol <= 0.1:
        raise InputError(f"rtol={rtol!r}; expected a number from 1e-12 to 0.1.")
    if max_iterations is not None and (max_iterations < 1 or int(max_iterations) != max_iterations):
        raise InputError(f"max_iterations={max_iterations!r}; expected a whole number from 1.")
    if choice == "level_set":
        from vmt.transport._level_set import conductors, level_set_of

        phase, other, sigma, low = conductors(structure, table)
        body = level_set_of(structure, phase, (0, 1, 2) if sides == "periodic" else ())
        if sides == "closed":
            given: dict[str, Value] = {phase: sigma}
            if other is not None:
                given[other] = low
            return _three_axes(body, given, rtol, max_iterations, table)
        solution = _periodic_level_set(body, phase, sigma, low, rtol, max_iterations)
    else:
        if isinstance(structure, LevelSet):
            structure = structure.to_microstructure()
        if sides == "closed":
            return _three_axes(structure, conductivity, rtol, max_iterations, table)
        solution = _periodic_voxels(structure, table, rtol, max_iterations)
    if not solution.finished:
        raise ConvergenceError(
            f"The diagonal reached {np.diag(solution.tensor)} S/m after {solution.iterations} "
            f"iterations, with an estimated relative error of {solution.error_estimate:.1e}; "
            f"expected at most rtol={rtol:g}. Raise max_iterations or rtol."
        )
    return ConductivityTensor(
        solution.tensor, table.named, sides, solution.iterations, solution.error_estimate
    )


def _periodic_voxels(
    structure: Microstructure, table: Conductivities, rtol: float, limit: int | None
) -> CellSolution:
    labels = table.number[structure.labels]
    size = "×".join(map(str, structure.shape))
    require_memory(
        cell_bytes(structure.shape, int(np.count_nonzero(labels))),
        f"The conductivity tensor of {size} voxels",
    )
    with steps("conductivity tensor", 0) as step:
        return solve_cell(
            labels,
            table.along((0, 1, 2)),
            structure.spacing,
            rtol=rtol,
            max_iterations=limit,
            on_iteration=step,
        )


def _periodic_level_set(
    level_set: LevelSet,
    phase: str,
    sigma: tuple[float, float, float],
    low: float,
    rtol: float,
    limit: int | None,
) -> CellSolution:
    """Solve the cell; one that conducts differently along its axes is one with other edges."""
    from vmt.transport._level_set import inside_values, open_shares

    values = level_set.at_corners().values
    size = "×".join(map(str, level_set.shape))
    touched = _touched(values, phase == level_set.outside) if low == 0.0 else values.size
    require_memory(
        face_cell_bytes(level_set.shape, touched),
        f"The conductivity tensor of {size} cells",
    )
    shares = open_shares(level_set, phase)
    for axis, share in enumerate(shares):
        ends = np.moveaxis(share, axis, 0)
        misfit = float(np.abs(ends[0] - ends[-1]).mean(dtype=np.float64))
        if misfit > _MISFIT * float(ends[0].mean(dtype=np.float64) + ends[-1].mean()):
            raise InputError(
                f"The level set does not repeat itself along axis {axis}: the open shares of its "
                f"two end faces differ by {misfit:.2g} on average. Expected a periodic one, as "
                'sample_level_set(..., periodic=True) gives; or ask for sides="closed".'
            )
    root = np.sqrt(np.array(sigma))
    dx, dy, dz = (float(d / r) for d, r in zip(level_set.spacing, root, strict=True))
    with steps("conductivity tensor", 0) as step:
        solution = solve_cell_faces(
            *shares,
            1.0,
            (dx, dy, dz),
            values=None if low == 0.0 else inside_values(level_set, phase, (0, 1, 2)),
            low=low / sigma[0],
            rtol=rtol,
            max_iterations=limit,
            on_iteration=step,
        )
    return replace(solution, tensor=solution.tensor * np.outer(root, root))


def _touched(values: npt.NDArray[np.float32], outside: bool) -> int:
    """Cells with a corner in the phase: more than can conduct."""
    inside = values >= 0.0 if outside else values <= 0.0
    for axis in range(3):
        inside = np.moveaxis(inside, axis, 0)
        inside = np.moveaxis(inside[1:] | inside[:-1], 0, axis)
    return int(np.count_nonzero(inside))


def _three_axes(
    structure: Microstructure | LevelSet,
    conductivity: Given,
    rtol: float,
    max_iterations: int | None,
    table: Conductivities,
) -> ConductivityTensor:
    found = [
        effective_conductivity(
            structure,
            conductivity,
            axis=axis,
            bounds="none",
            rtol=rtol,
            max_iterations=max_iterations,
        )
        for axis in range(3)
    ]
    tensor = np.full((3, 3), np.nan)
    np.fill_diagonal(tensor, [one.effective_conductivity for one in found])
    return ConductivityTensor(
        tensor,
        table.named,
        "closed",
        (found[0].iterations, found[1].iterations, found[2].iterations),
        max(one.error_estimate for one in found),
    )
