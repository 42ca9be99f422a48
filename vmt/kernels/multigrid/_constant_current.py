"""Conduction between two faces through which a uniform current flows.

The flux through the conducting voxels of the first and of the last plane is given, not their
potential; the effective conductivity follows from the difference of the two faces' mean
potentials. Conjugate gradients on the graph of the conducting voxels, preconditioned by
strength-aware aggregates, for the deviation from a linear potential.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt.kernels.multigrid._strong import Graph, _Coarse

__all__ = ["CurrentSolution", "constant_current_bytes", "solve_constant_current"]

_GROUND = 1e-9
_LONGEST = 2000


@dataclass(frozen=True, eq=False)
class CurrentSolution:
    """Effective conductivity and what is known of its error.

    Attributes
    ----------
    effective_conductivity : float
    iterations : int
    residual : float
        Norm of the residual over that of the currents at the faces.
    change : float
        Relative change of the conductivity over the last five steps.
    finished : bool
    """

    effective_conductivity: float
    iterations: int
    residual: float
    change: float
    finished: bool


def constant_current_bytes(shape: tuple[int, int, int], conducting: int) -> int:
    """Bytes that `solve_constant_current` allocates at its peak."""
    return 8 * int(np.prod(shape)) + 260 * conducting


def solve_constant_current(
    kept: npt.NDArray[np.uint8],
    conductivities: npt.NDArray[np.float64],
    spacing: tuple[float, float, float],
    *,
    rtol: float,
    max_iterations: int | None = None,
    on_iteration: Callable[[], None] | None = None,
) -> CurrentSolution:
    """Solve for a uniform current along axis 0; the side faces are closed.

    Parameters
    ----------
    kept : (nx, ny, nz) array of uint8
        Numbers of the conductivities; 0 insulates. One cluster only, which touches both faces.
    conductivities : (n,) array
        Conductivity of each number [S/m].
    spacing : (dx, dy, dz)
        Voxel edge lengths [m].
    rtol : float
        Relative change of the conductivity over five steps at which the iteration stops.
    max_iterations : int, optional
    on_iteration : callable, optional
        Called after each step.
    """
    shape = kept.shape
    inside = kept.ravel() > 0
    count = int(np.count_nonzero(inside))
    numbers = np.full(kept.size, -1, np.int32)
    numbers[inside] = np.arange(count, dtype=np.int32)
    number: npt.NDArray[np.int32] = numbers.reshape(shape)
    del numbers
    sigma = np.asarray(conductivities, float)[kept]
    scale = float(np.max(conductivities))
    dx = spacing[0]
    rows, columns, links = [], [], []
    for axis in range(3):
        low = tuple(slice(0, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        both = (kept[low] > 0) & (kept[high] > 0)
        a, b = sigma[low][both], sigma[high][both]
        factor = (dx / spacing[axis]) ** 2 / scale  # flux per voxel, relative to axis 0
        rows.append(number[low][both])
        columns.append(number[high][both])
        links.append((2 * a * b / (a + b) * factor).astype(np.float32))
    row, column, link = (np.concatenate(x) for x in (rows, columns, links))
    del rows, columns, links
    ends = [number[0][kept[0] > 0], number[-1][kept[-1] > 0]]
    edge = [sigma[0][kept[0] > 0] / scale, sigma[-1][kept[-1] > 0] / scale]
    del sigma, number
    source = np.zeros(count)
    source[ends[0]] = 1.0 / ends[0].size
    source[ends[1]] = -1.0 / ends[1].size
    total = np.bincount(row, link, count) + np.bincount(column, link, count)
    ground = _GROUND * np.where(total > 0, total, 1.0)
    hierarchy = _Coarse(Graph.of_links(row, column, link, ground))
    matrix = _laplacian(row, column, link, total, count)
    del row, column, link
    # the face lies half a voxel before the first unknown
    half = 0.5 / ends[0].size * float(np.mean(1 / edge[0]))
    half += 0.5 / ends[1].size * float(np.mean(1 / edge[1]))
    area = kept[0].size

    def conductivity(u: npt.NDArray[np.float64]) -> float:
        drop = float(u[ends[0]].mean() - u[ends[1]].mean()) + half
        return float(scale * shape[0] / (drop * area))

    u, p, r = np.zeros(count), np.zeros(count), source.copy()
    size = float(np.linalg.norm(source))
    level = hierarchy.levels[0]
    q, pq = np.zeros(count), 0.0
    history: list[float] = []
    limit = _LONGEST if max_iterations is None else max_iterations
    change = np.inf
    while len(history) < limit:
        largest = float(np.abs(r).max())
        if largest <= 1e-14 * float(np.abs(source).max()):
            change = 0.0
            break
        level.b[:] = (r - r.mean()) / largest
        hierarchy.solve()
        z = largest * level.e.astype(np.float64)
        z -= z.mean()
        if not float(z @ r) > 0:
            break
        beta = -float(z @ q) / pq if pq > 0 else 0.0
        p = z + beta * p
        q = matrix @ p
        pq = float(p @ q)
        alpha = float(p @ r) / pq
        u += alpha * p
        r -= alpha * q
        history.append(conductivity(u))
        if on_iteration is not None:
            on_iteration()
        if len(history) > 5:
            change = float(np.ptp(history[-6:]) / history[-1])
            if change <= rtol:
                break
    residual = float(np.linalg.norm(r)) / size
    value = history[-1] if history else conductivity(u)
    return CurrentSolution(value, len(history), residual, change, change <= rtol)


def _laplacian(
    row: npt.NDArray[np.int32],
    column: npt.NDArray[np.int32],
    link: npt.NDArray[np.float32],
    total: npt.NDArray[Any],
    count: int,
) -> Any:
    from scipy import sparse

    half: Any = sparse.csr_matrix((-link.astype(np.float64), (row, column)), shape=(count, count))
    return (half + half.T + sparse.diags(total)).tocsr()
