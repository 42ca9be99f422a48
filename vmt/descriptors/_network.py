"""Regions of a phase (particles, pore bodies), how they touch, and the throats between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt.descriptors._sizes import _trivial
from vmt.descriptors._support import number, read_only
from vmt.errors import InputError
from vmt.kernels import openings, watershed
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RegionNetwork", "region_network"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RegionNetwork:
    """Regions of a phase and their contacts.

    Parameters
    ----------
    phase : str
        The phase.
    labels : (nx, ny, nz) array of int32
        Region of each voxel, from 1; 0 outside the phase.
    volumes : (n,) array
        Volume of each region [m³].
    radii : (n,) array
        Largest distance to the background in each region [m]; inf in a full window.
    whole : (n,) array of bool
        Whether the region touches no face of the window.
    pairs : (k, 2) array of int
        Numbers (from 0) of the regions on both sides of each throat.
    throat_areas : (k,) array
        Area of the throat [m²], as of the plane across it.
    throat_radii : (k,) array
        Largest distance to the background in the throat [m].
    """

    phase: str
    labels: npt.NDArray[np.int32]
    volumes: Floats
    radii: Floats
    whole: npt.NDArray[np.bool_]
    pairs: Ints
    throat_areas: Floats
    throat_radii: Floats

    def __post_init__(self) -> None:
        names = [name for name in self.__dataclass_fields__ if name != "phase"]
        read_only(self, *names)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    @property
    def count(self) -> int:
        """Number of regions."""
        return int(self.volumes.size)

    @property
    def coordination(self) -> Ints:
        """Number of throats of each region (n,)."""
        return np.bincount(self.pairs.ravel(), minlength=self.count)

    @property
    def mean_coordination(self) -> float:
        """Mean coordination of the regions that the window does not cut; nan if it cuts all."""
        return float(self.coordination[self.whole].mean()) if self.whole.any() else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Numbers and means for JSON; without the labels."""
        whole = self.whole
        return {
            "phase": self.phase,
            "count": self.count,
            "whole": int(whole.sum()),
            "mean_coordination": number(self.mean_coordination),
            "coordination_histogram": np.bincount(self.coordination[whole]).tolist(),
            "mean_volume [m³]": number(_mean(self.volumes[whole])),
            "mean_radius [m]": number(_mean(self.radii[whole])),
            "throats": len(self.pairs),
            "mean_throat_area [m²]": number(_mean(self.throat_areas)),
            "mean_throat_radius [m]": number(_mean(self.throat_radii)),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how many regions have how many neighbors."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        counts = np.bincount(self.coordination[self.whole])
        ax.bar(np.arange(counts.size), counts, color=COLORS["image"])
        return finish(ax, xlabel=f"neighbors of a region ({self.phase})", ylabel="regions")


def _mean(values: Floats) -> float:
    return float(values.mean()) if values.size else math.nan


def region_network(m: Microstructure, phase: str | int, *, depth: float = 0.5) -> RegionNetwork:
    """Divide a phase into regions around its widest places, and measure the throats between them.

    Watershed of the distance to the background. Two widest places are told apart if the distance
    falls by more than `depth` voxels on the best way between them; more depth merges more. For a
    phase of particles the regions are the particles, for pores the pore bodies.

    Parameters
    ----------
    m : Microstructure
        The structure.
    phase : str or int
        The phase.
    depth : float
        In shortest voxel edges; positive.

    Raises
    ------
    InputError
        If there is no such phase, or the depth is not positive.
    MemoryBudgetError
        If the maps don't fit.

    Examples
    --------
    >>> x = np.indices((20, 12, 12)) - np.array([5.5, 5.5, 5.5]).reshape(3, 1, 1, 1)
    >>> y = np.indices((20, 12, 12)) - np.array([13.5, 5.5, 5.5]).reshape(3, 1, 1, 1)
    >>> balls = ((x**2).sum(axis=0) < 25) | ((y**2).sum(axis=0) < 25)
    >>> made = region_network(Microstructure(balls, 1e-8), "solid")
    >>> made.count, made.coordination.tolist()
    (2, [1, 1])
    """
    if not depth > 0:
        raise InputError(f"depth={depth!r} can't be used; expected a positive number of voxels.")
    name, trivial = m.name_of(phase), _trivial(m, phase)
    empty = np.zeros(0)
    if trivial is not None:
        full = math.isinf(trivial)
        volume = np.full(int(full), math.prod(m.size))
        return RegionNetwork(
            name,
            np.full(m.shape, int(full), np.int32),
            volume,
            np.full(volume.size, math.inf),
            np.zeros(volume.size, bool),
            np.zeros((0, 2), np.int64),
            empty,
            empty,
        )
    require_memory(40 * m.labels.size, f"the regions of {m.shape} voxels", "Use a crop.")
    mask, unit = m.mask(phase), min(m.spacing)
    d2 = openings.squared_distances(mask, m.spacing)
    labels = watershed.regions(mask, d2, m.spacing, depth)
    count = int(labels.max())
    voxels = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    volumes = np.asarray(voxels * math.prod(m.spacing), float)
    widest = np.zeros(count + 1, np.float32)
    np.maximum.at(widest, labels.ravel(), d2.ravel())
    whole = np.ones(count + 1, bool)
    for axis, n in enumerate(m.shape):
        if n > 1:
            for side in (0, -1):
                whole[np.unique(np.take(labels, side, axis=axis))] = False
    found = watershed.throats(labels, d2, m.spacing)
    return RegionNetwork(
        name,
        labels,
        volumes,
        np.sqrt(widest[1:].astype(float)) * unit,
        whole[1:],
        found.pairs - 1,
        found.areas,
        np.sqrt(found.squared_radii) * unit,
    )
