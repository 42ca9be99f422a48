"""Pores inside the binder, resolved on a finer grid."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt._units import check_spacing
from vmt.binder._placement import BINDER, binder_label
from vmt.errors import InputError
from vmt.kernels.cylinders import cover_with_cylinders, random_lines
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["NANOPORE", "Nanopores", "add_nanopores", "nanoporous_binder"]

NANOPORE = "nanopore"
_BATCH = 512
_MOST = 4000  # batches


@dataclass(frozen=True, eq=False)
class Nanopores:
    """A structure whose binder is porous, on a refined grid.

    Parameters
    ----------
    structure : Microstructure
        With the phase ``nanopore`` inside the binder.
    phase : str
        The binder.
    porosity : float
        Share of the binder's volume that became nanopore.
    diameters : (n,) array
        Diameters of the fibers that were taken out [m]; the last one was narrowed.
    connected_share : float
        Share of the nanopores in the largest cluster of nanopores and pore, over faces.
    refinement : int
        Voxels of the new grid along the edge of an old one.
    """

    structure: Microstructure
    phase: str
    porosity: float
    diameters: npt.NDArray[np.float64]
    connected_share: float
    refinement: int

    def __post_init__(self) -> None:
        array = np.asarray(self.diameters).view()
        array.flags.writeable = False
        object.__setattr__(self, "diameters", array)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def to_dict(self) -> dict[str, Any]:
        """Porosity, diameters and connectivity for JSON."""
        return {
            "phase": self.phase,
            "porosity": self.porosity,
            "fibers": int(self.diameters.size),
            "mean_diameter [m]": float(self.diameters.mean()),
            "std_diameter [m]": float(self.diameters.std()),
            "smallest_diameter [m]": float(self.diameters.min()),
            "connected_share": self.connected_share,
            "refinement": self.refinement,
        }

    def plot(self, ax: Axes | None = None, *, axis: int = 1, index: int | None = None) -> Axes:
        """Draw a slice normal to an axis; the middle one by default."""
        return self.structure.plot(ax, axis=axis, index=index)


def add_nanopores(
    structure: Microstructure,
    *,
    porosity: float = 0.502,
    diameter: float = 100e-9,
    diameter_spread: float = 30e-9,
    minimal_diameter: float | None = None,
    refinement: int = 1,
    phase: str = BINDER,
    pore: str | int = "pore",
    rng: np.random.Generator | int,
) -> Nanopores:
    """Resolve the pores inside the binder: straight fibers of Gaussian diameters are taken out.

    The fibers are isotropic random lines. They are drawn one after the other until the porosity is
    reached; the last one is narrowed, so that it is met to one voxel (Beuse et al. 2021: fibrous
    base shape, Gaussian diameters, porosity 50.2 %, smallest diameter 37.2 nm, one voxel).

    Parameters
    ----------
    structure : Microstructure
        With the binder.
    porosity : float
        Share of the binder's volume to become nanopore.
    diameter, diameter_spread : float
        Mean and standard deviation of the fibers' diameters [m], before the cut.
    minimal_diameter : float, optional
        Smaller diameters are drawn again [m]; the default is one refined voxel.
    refinement : int
        Voxels of the new grid along the edge of an old one.
    phase : str
        The binder.
    pore : str or int
        The pore, which the nanopores may join.
    rng : numpy.random.Generator or int
        Source of randomness, or a seed: the same seed is the same structure.

    Raises
    ------
    InputError
        If there is no binder, or a number is out of range.
    MemoryBudgetError
        If the refined grid does not fit.
    """
    label = structure.label_of(phase)
    if not structure.volume_fraction(phase) > 0:
        raise InputError(f"The structure has no voxel of {phase!r} to make pores in.")
    if not 0 < porosity < 1:
        raise InputError(f"porosity={porosity!r} can't be used; expected a share between 0 and 1.")
    if int(refinement) != refinement or refinement < 1:
        raise InputError(f"refinement={refinement!r}; expected a whole number from 1.")
    edges = np.array(structure.spacing) / refinement
    least = float(edges.min()) if minimal_diameter is None else float(minimal_diameter)
    usable = math.isfinite(diameter) and math.isfinite(diameter_spread)
    if not usable or not diameter > 0 or not diameter_spread >= 0 or not 0 < least <= diameter:
        raise InputError(
            f"diameter={diameter!r} with diameter_spread={diameter_spread!r} and a smallest of "
            f"{least:.4g} m can't be used; expected lengths with smallest ≤ mean. A refined voxel "
            f"is {edges.min():.4g} m; raise refinement."
        )
    shape = tuple(n * refinement for n in structure.shape)
    require_memory(8 * math.prod(shape), f"Nanopores in {shape} voxels", "Use a crop.")
    labels = np.array(structure.labels)
    for axis in range(3):
        labels = np.repeat(labels, refinement, axis=axis)
    state = (labels == label).astype(np.uint8)
    total = int(np.count_nonzero(state))
    goal = round(porosity * total)
    generator = np.random.default_rng(rng)
    diameters, done = [], 0
    size = np.multiply(shape, edges)
    for _ in range(_MOST):
        if done >= goal:
            break
        drawn = _diameters(diameter, diameter_spread, least, generator)
        points, ways = random_lines(_BATCH, size, generator)
        used, covered = cover_with_cylinders(state, edges, points, ways, 0.5 * drawn, goal - done)
        diameters.append(drawn[:used])
        done += covered
    if done < goal:
        raise InputError(
            f"The fibers reached a porosity of {done / total:.4g}, not {porosity:.4g}; use thicker "
            "fibers or a smaller porosity."
        )
    name = binder_label(structure, NANOPORE)
    labels[state == 2] = name
    phases = {**structure.phases, NANOPORE: name}
    made = Microstructure(labels, (edges[0], edges[1], edges[2]), phases)
    inside = np.asarray(state == 2)
    joined = inside.copy()
    if pore in structure.phases or pore in structure.phases.values():
        joined |= labels == structure.label_of(pore)
    return Nanopores(
        made,
        phase,
        done / total,
        np.concatenate(diameters),
        _connected_share(inside, joined),
        int(refinement),
    )


def nanoporous_binder(
    shape: tuple[int, int, int],
    spacing: float | tuple[float, float, float],
    *,
    porosity: float = 0.502,
    diameter: float = 100e-9,
    diameter_spread: float = 30e-9,
    minimal_diameter: float | None = None,
    rng: np.random.Generator | int,
) -> Nanopores:
    """Make a block of binder with resolved pores, to measure its transport.

    Parameters
    ----------
    shape : (nx, ny, nz)
        Voxels.
    spacing : float or (dx, dy, dz)
        Voxel edge lengths [m].
    porosity, diameter, diameter_spread, minimal_diameter, rng
        As in `add_nanopores`.

    Examples
    --------
    >>> made = nanoporous_binder((30, 30, 30), 20e-9, rng=1)
    >>> round(made.structure.volume_fraction("nanopore"), 4)
    0.502
    """
    block = Microstructure(np.ones(shape, np.uint8), check_spacing(spacing), {"pore": 0, BINDER: 1})
    return add_nanopores(
        block,
        porosity=porosity,
        diameter=diameter,
        diameter_spread=diameter_spread,
        minimal_diameter=minimal_diameter,
        rng=rng,
    )


def _diameters(
    mean: float, spread: float, least: float, generator: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw a batch from the Gaussian above the smallest diameter."""
    drawn = mean + spread * generator.standard_normal(_BATCH)
    low = drawn < least
    while low.any():
        drawn[low] = mean + spread * generator.standard_normal(int(low.sum()))
        low = drawn < least
    return np.asarray(drawn)


def _connected_share(inside: npt.NDArray[np.bool_], joined: npt.NDArray[np.bool_]) -> float:
    """Share of the nanopores in the largest cluster of nanopores and pore."""
    import cc3d

    labels = cc3d.connected_components(np.ascontiguousarray(joined), connectivity=6)
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    best, count = int(np.argmax(sizes)), int(np.count_nonzero(inside))
    return float(np.count_nonzero(labels[inside] == best)) / max(count, 1)
