"""Conduction through cut cells: one conductance per face, from the open shares of the faces."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from vmt.errors import ConvergenceError
from vmt.kernels.multigrid import _double_level as double
from vmt.kernels.multigrid import _face_level as face
from vmt.kernels.multigrid._energy import Energy
from vmt.kernels.multigrid._hierarchy import BlockHierarchy, FloatLevel, Geometry, hierarchy_bytes
from vmt.kernels.multigrid._solve import Solution, _silent, fallback_bytes
from vmt.kernels.multigrid._strong import StrongLevel

__all__ = ["face_conduction_bytes", "solve_faces"]

_BYTES_OF_SHARES = 12 + 4 + 1  # three open shares, the union-find, what is kept
_BYTES_OF_VECTORS = 4 * 8 + 2 * 4


def face_conduction_bytes(shape: tuple[int, int, int]) -> int:
    """Bytes at the peak of `solve_faces`, the open shares that it is given included."""
    voxels = int(np.prod(Geometry(shape, False).padded))
    return (_BYTES_OF_SHARES + _BYTES_OF_VECTORS + 4 * 4) * voxels + hierarchy_bytes(shape)


def solve_faces(
    ax: npt.NDArray[np.float32],
    ay: npt.NDArray[np.float32],
    az: npt.NDArray[np.float32],
    kept: npt.NDArray[np.uint8],
    conductivity: float,
    spacing: tuple[float, float, float],
    *,
    periodic: bool = False,
    rtol: float = 1e-4,
    max_iterations: int | None = None,
    on_iteration: Callable[[], None] | None = None,
    on_fallback: Callable[[int], None] | None = None,
) -> Solution:
    """Solve conduction along axis 0 through cells whose faces are partly open.

    The seven-point operator has the open share of a face as its conductance; the faces of the box
    normal to axis 0 carry the potential where they are open. Conjugate gradients in float64, the
    float32 multigrid cycle as preconditioner.

    Parameters
    ----------
    ax, ay, az : (nx + 1, ny, nz), (nx, ny + 1, nz), (nx, ny, nz + 1) arrays of float32
        Open shares.
    kept : (nx, ny, nz) array of uint8
        1 for cells that open faces join to both electrodes, else 0.
    conductivity : float
        [S/m].
    spacing : (dx, dy, dz)
        Edge lengths of a cell [m].
    periodic, rtol, max_iterations, on_iteration, on_fallback
        As for `solve_conduction`.

    Returns
    -------
    Solution
        Not `finished` if `max_iterations` ended before `rtol` was reached.

    Raises
    ------
    ConvergenceError
        If the iteration breaks down.
    """
    nx, ny, nz = kept.shape
    g = Geometry((nx, ny, nz), periodic)
    level = FloatLevel(g)
    sides = (g.periodic_y, g.periodic_z)
    wy, wz = ((spacing[0] / d) ** 2 for d in spacing[1:])
    planes = (level.g0, level.g1)
    face.fill_faces(ax, ay, az, kept, wy, wz, level.cx, level.cy, level.cz, *planes, *sides)
    level.finish()
    faces = (level.cx, level.cy, level.cz, *planes)
    tell_iteration, tell_fallback = on_iteration or _silent, on_fallback or (lambda count: None)

    hierarchy: BlockHierarchy | StrongLevel = BlockHierarchy(level)
    b, z = (np.zeros(g.padded, np.float32) for _ in range(2))
    x, r, p, q = (np.zeros(kept.shape) for _ in range(4))
    unit = conductivity / kept.size
    energy = Energy(unit * float(face.face_ramp(r, level.cx, *planes)), rtol, max_iterations)
    slow, pq = False, 0.0
    while not energy.done():
        if not slow and energy.slow():
            tell_fallback(fallback_bytes(g.shape))
            slow, pq = True, 0.0
            del hierarchy
            hierarchy = StrongLevel(level)
        largest = float(double.double_pack(b, r))
        hierarchy.precondition(b, z)
        zr = float(double.double_direction(p, z, r, q, kept, largest, pq))
        if largest == 0.0:
            energy.finish()
            continue
        pq = float(face.face_apply(q, p, *faces, *sides))
        if not (zr > 0.0 and pq > 0.0):
            raise ConvergenceError(
                f"The iteration broke down at an effective conductivity of "
                f"{energy.history[-1]:.6g} S/m with an estimated relative error of "
                f"{energy.relative_error:.1e}; expected at most rtol={rtol:g}. Raise rtol."
            )
        double.double_step(x, r, p, q, zr / pq)
        energy.lower(unit * zr * zr / pq)
        tell_iteration()
    fluxes = face.face_fluxes(x, level.cx, *planes)
    return Solution(
        energy.history[-1],
        energy.history,
        energy.relative_error,
        fluxes * conductivity / (ny * nz),
        x,
        energy.finished,
    )
