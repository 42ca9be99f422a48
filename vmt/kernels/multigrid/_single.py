"""One conducting phase: the iteration, and the seam between it and the arrays it runs on.

The iteration knows a `VoxelLevel` only by what it can do: where the vectors lie, how they are laid
out and what runs over them is the level's own affair. `ColorLevel` is the one for processors; one
for a graphics card would hold its vectors there and return the few sums that cross the seam.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vmt.kernels.multigrid._energy import Energy

__all__ = ["End", "VoxelLevel", "iterate"]

Numbers = npt.NDArray[np.float64]
Step = tuple[float, float]


class VoxelLevel(Protocol):
    """Voxels of one phase between two electrodes: r, q, z, and p and x where they are kept.

    The unknown is the deviation from the ramp that rises by one from voxel to voxel; r starts as
    the ramp's residual in units of a face, q and x as zero.
    """

    @property
    def ramp_energy(self) -> float:
        """Energy of the ramp, in units of a face."""

    @property
    def ramp_sums(self) -> Numbers:
        """Sum of the ramp's residual over each plane of voxels, (nx,)."""

    def precondition(self, step: Step | None) -> Numbers:
        """Advance by a step as `update`, and write an approximation of A⁻¹ r into z.

        Returns z·r, z·q, z·A z of each plane, and the sum of A z: (nx, 4).
        """

    def update(self, alpha: float, beta: float) -> None:
        """Replace q by A z + β q and subtract α q from r; likewise p = z + β p, x += α p."""


@dataclass(frozen=True)
class End:
    """Where an iteration ended.

    Attributes
    ----------
    step : (alpha, beta) or None
        What was counted and is not yet taken.
    pq : float
        p·A p of that step.
    residual : (nx,) array
        Sum of the residual over each plane of voxels.
    broken : bool
        Whether float32 had no digits left.
    """

    step: Step | None
    pq: float
    residual: Numbers
    broken: bool

    def finish(self, level: VoxelLevel, *, polish: bool) -> None:
        """Take the last step; with `polish`, another one.

        The conductivity's error is of second order in that of the potential: fluxes and bounds are
        worth one step more.
        """
        step = self.step
        if step is not None and polish:
            zr, zq, zv, _ = (float(v) for v in level.precondition(step).sum(axis=0))
            beta = -zq / self.pq
            pq = zv + beta * zq
            step = (zr / pq, beta) if zr > 0.0 and pq > 0.0 else (0.0, 0.0)
        if step is not None:
            level.update(*step)

    def fluxes(self, energy: float) -> Numbers:
        """Flux through each of the nx + 1 planes of faces, in units of a face.

        Neighboring ones differ by the residual between them, and their mean over the ramp (half a
        step at each end) is the energy of ramp plus deviation.
        """
        fluxes = np.concatenate([[0.0], np.cumsum(self.residual)])
        share = np.ones(fluxes.size)
        share[[0, -1]] = 0.5
        fluxes += (energy - float(share @ fluxes)) / self.residual.size
        return fluxes


def iterate(
    level: VoxelLevel, energy: Energy, unit: float, on_iteration: Callable[[], None]
) -> End:
    """Flexible conjugate gradients, two passes over the voxels a step.

    A z follows from the sweeps, so q = A p is carried on beside p, and a direction's product with
    its image follows from those of z: p itself is needed for the potential only.
    """
    step: Step | None = None
    pq = 0.0
    residual = level.ramp_sums.copy()
    image = np.zeros_like(residual)
    while not energy.done() and not energy.slow():
        dots = level.precondition(step)
        zr, zq, zv, _ = (float(v) for v in dots.sum(axis=0))
        beta = 0.0 if step is None else -zq / pq
        pq = zv + beta * zq
        if not (zr > 0.0 and pq > 0.0):  # 0: nothing is left; below: float32 has no digits left
            if zr == 0.0:
                energy.finish()
            return End(None, 0.0, residual, zr != 0.0)
        step = (zr / pq, beta)
        image = dots[:, 3] + beta * image
        residual -= step[0] * image
        energy.lower(unit * zr * zr / pq)
        on_iteration()
    return End(step, pq, residual, False)
