"""Effective conductivity with a uniform current through the two faces."""

from __future__ import annotations

from typing import Any

import numpy as np

from vmt._budget import require_memory
from vmt._progress import steps
from vmt.errors import ConvergenceError, InputError
from vmt.kernels.components import labeled_clusters
from vmt.kernels.multigrid._constant_current import (
    constant_current_bytes,
    solve_constant_current,
)
from vmt.microstructure import Microstructure
from vmt.transport._conduction import Conduction
from vmt.transport._conductivities import Conductivities, Given

__all__ = ["constant_current_conductivity"]


def constant_current_conductivity(
    structure: Microstructure,
    conductivity: Given,
    *,
    axis: int = 0,
    rtol: float = 1e-4,
    max_iterations: int | None = None,
) -> Conduction:
    """Effective conductivity between two faces with a uniform current instead of a potential.

    The current density is the same on all conducting voxels of the first plane of `axis`, and of
    the last; the side faces are closed. The conductivity is current times thickness over the
    difference of the two faces' mean potentials (Prasad et al. 2024, eq. 18). It is never above
    that between faces of given potential, which spread the current as it flows best: the two
    differ where a layer at a face has few good conductors, and agree for layers and for structures
    much thicker than their grain.

    Only the largest cluster that touches both faces carries current; two clusters would need to
    know how they share it.

    Parameters
    ----------
    structure : Microstructure
        The structure; its voxels may be anisotropic.
    conductivity : mapping of phase to float
        Conductivity [S/m] of the phases that conduct; the others insulate.
    axis : int
        Axis of the current.
    rtol : float
        Relative change of the value over five steps at which the iteration stops.
    max_iterations : int, optional
        More iterations raise.

    Returns
    -------
    Conduction
        Without bounds; with 0 and `percolates` False if there is no path.

    Raises
    ------
    InputError
        If a phase is unknown, a conductivity can't be used, or conducts differently along the axes.
    MemoryBudgetError
        If the solver's memory is not available, some 260 bytes per conducting voxel.
    ConvergenceError
        If the iterations are not enough.

    Examples
    --------
    Two layers in series, where uniform current and uniform potential are the same:

    >>> labels = np.ones((8, 4, 4), np.uint8)
    >>> labels[:4] = 2
    >>> m = Microstructure(labels, 1e-8)
    >>> found = constant_current_conductivity(m, {"phase 1": 1.0, "phase 2": 3.0})
    >>> round(found.effective_conductivity, 6)
    1.5
    """
    table = Conductivities.of(structure, conductivity)
    if axis not in (0, 1, 2):
        raise InputError(f"axis={axis!r}; expected 0, 1 or 2.")
    if not 1e-10 <= rtol <= 0.1:
        raise InputError(f"rtol={rtol!r}; expected a number from 1e-10 to 0.1.")
    table.scalars()
    order = (axis, *(a for a in range(3) if a != axis))
    values = table.along(order)
    numbers = np.ascontiguousarray(np.transpose(table.number[structure.labels], order))
    conducting = int(np.count_nonzero(numbers))
    need = constant_current_bytes(structure.shape, conducting)
    require_memory(need, f"Constant current through {structure.shape} voxels")
    found, _, both = labeled_clusters(numbers > 0, 0, 6)
    good = np.flatnonzero(both)
    result: dict[str, Any] = {
        "conductivity": table.named,
        "volume_fractions": {n: structure.volume_fraction(n) for n in structure.phases},
        "axis": axis,
        "sides": "closed",
        "spacing": structure.spacing,
        "discretization": "voxel, constant current",
        "flux_imbalance": 0.0,
    }
    if not good.size:
        return Conduction(0.0, percolates=False, iterations=0, error_estimate=0.0, **result)
    numbers[found != good[0] + 1] = 0
    del found
    dx, dy, dz = (structure.spacing[a] for a in order)
    with steps("conduction", 0) as step:
        solution = solve_constant_current(
            numbers,
            values,
            (dx, dy, dz),
            rtol=rtol,
            max_iterations=max_iterations,
            on_iteration=step,
        )
    if not solution.finished:
        raise ConvergenceError(
            f"The effective conductivity reached {solution.effective_conductivity:.6g} S/m after "
            f"{solution.iterations} iterations and still changes by {solution.change:.1e}; "
            f"expected at most rtol={rtol:g}. Raise max_iterations or rtol."
        )
    return Conduction(
        solution.effective_conductivity,
        percolates=True,
        iterations=solution.iterations,
        error_estimate=solution.change,
        **result,
    )
