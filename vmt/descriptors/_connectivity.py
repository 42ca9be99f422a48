"""Clusters of a phase, and chords through it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt.descriptors._support import check_axis, number, numbers, read_only
from vmt.errors import InputError
from vmt.kernels import chords, components
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ChordLengths", "Connectivity", "chord_lengths", "connectivity", "percolates"]

_NEIGHBORS = (6, 18, 26)


@dataclass(frozen=True)
class Connectivity:
    """How much of a phase hangs together.

    Parameters
    ----------
    phase : str
        The phase.
    axis : int
        The axis between the two faces that a percolating cluster touches.
    neighbors : int
        What was called connected: 6, 18 or 26 neighbors.
    percolating_share : float
        Share of the phase's voxels in clusters that touch both faces.
    largest_share : float
        Share of the phase's voxels in the largest cluster.
    clusters : int
        Number of clusters.
    """

    phase: str
    axis: int
    neighbors: int
    percolating_share: float
    largest_share: float
    clusters: int

    @property
    def percolates(self) -> bool:
        """Whether a cluster touches both faces."""
        return self.percolating_share > 0

    def to_dict(self) -> dict[str, Any]:
        """Shares for JSON."""
        return {
            "phase": self.phase,
            "axis": self.axis,
            "neighbors": self.neighbors,
            "percolating_share": number(self.percolating_share),
            "largest_share": number(self.largest_share),
            "clusters": self.clusters,
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the two shares as bars."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        names, shares = ["percolating", "largest"], [self.percolating_share, self.largest_share]
        ax.bar(names, shares, color=COLORS["image"])
        ax.set_ylim(0, 1)
        return finish(ax, ylabel=f"share of {self.phase}")


def connectivity(
    m: Microstructure, phase: str | int, *, axis: int = 0, neighbors: int = 6
) -> Connectivity:
    """Share of a phase in clusters between two opposite faces, and in its largest cluster.

    Parameters
    ----------
    m : Microstructure
        The structure.
    phase : str or int
        The phase.
    axis : int
        The axis between the two faces.
    neighbors : {6, 18, 26}
        Which voxels are connected: by faces, edges too, corners too.

    Raises
    ------
    InputError
        If there is no such phase, the axis has a single voxel, or `neighbors` is another number.
    """
    check_axis(m, axis, "connectivity")
    if neighbors not in _NEIGHBORS:
        raise InputError(f"neighbors={neighbors!r} can't be used; expected 6, 18 or 26.")
    require_memory(8 * m.labels.size, f"the clusters of {m.shape} voxels")
    sizes, both = components.cluster_sizes(m.mask(phase), axis, neighbors)
    total = int(sizes.sum())
    percolating = float(sizes[both].sum() / total) if total else math.nan
    largest = float(sizes.max() / total) if total else math.nan
    return Connectivity(m.name_of(phase), axis, neighbors, percolating, largest, int(sizes.size))


def percolates(m: Microstructure, phase: str | int, *, axis: int = 0, neighbors: int = 6) -> bool:
    """Whether a cluster of the phase touches both faces of an axis.

    Examples
    --------
    >>> labels = np.zeros((4, 4, 4), np.uint8)
    >>> labels[2] = 1
    >>> m = Microstructure(labels, 1e-8)
    >>> percolates(m, "pore"), percolates(m, "pore", axis=1)
    (False, True)
    """
    return connectivity(m, phase, axis=axis, neighbors=neighbors).percolates


@dataclass(frozen=True, eq=False)
class ChordLengths:
    """Chords of a phase: its runs along an axis that begin and end inside the window.

    Parameters
    ----------
    phase : str
        The phase.
    axis : int
        Direction of the chords.
    lengths : (n,) array
        Lengths 0, 1, 2, ... voxels [m].
    counts : (n,) array of int
        Chords of each length.
    cut : int
        Chords that the window cuts; they are left out, which favors short ones.
    """

    phase: str
    axis: int
    lengths: npt.NDArray[np.float64]
    counts: npt.NDArray[np.int64]
    cut: int

    def __post_init__(self) -> None:
        read_only(self, "lengths", "counts")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.phase, self.axis, self.lengths, self.counts, self.cut)

    @property
    def count(self) -> int:
        """Number of whole chords."""
        return int(self.counts.sum())

    @property
    def mean(self) -> float:
        """Mean length of the whole chords [m]; nan if there are none."""
        return float(self.counts @ self.lengths) / self.count if self.count else math.nan

    @property
    def corrected_mean(self) -> float:
        """Mean length [m], each chord weighted by the places it could have had in the window.

        A line of n voxels holds a whole chord of k voxels at n − 1 − k places; the inverse weight
        removes the preference for short chords (Horvitz-Thompson).
        """
        places = np.maximum(self.lengths.size - 2 - np.arange(self.lengths.size), 1)
        weights = self.counts / places
        return float(weights @ self.lengths / weights.sum()) if self.count else math.nan

    @property
    def std(self) -> float:
        """Standard deviation of the length [m]; nan if there are no chords."""
        if not self.count:
            return math.nan
        return math.sqrt(float(self.counts @ (self.lengths - self.mean) ** 2) / self.count)

    def to_dict(self) -> dict[str, Any]:
        """Distribution for JSON, to the longest chord."""
        end = int(np.flatnonzero(self.counts)[-1]) + 1 if self.count else 0
        return {
            "phase": self.phase,
            "axis": self.axis,
            "mean [m]": number(self.mean),
            "corrected_mean [m]": number(self.corrected_mean),
            "std [m]": number(self.std),
            "lengths [m]": numbers(self.lengths[:end]),
            "counts": [int(c) for c in self.counts[:end]],
            "cut": self.cut,
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the distribution of the lengths."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        if self.count:
            end = int(np.flatnonzero(self.counts)[-1]) + 1
            step = float(self.lengths[1])
            density = self.counts[:end] / (self.count * step * 1e6)
            ax.plot(self.lengths[:end] * 1e6, density, color=COLORS["image"])
        return finish(ax, xlabel=f"chord length ({self.phase}) [µm]", ylabel="density [1/µm]")


def chord_lengths(m: Microstructure, phase: str | int, *, axis: int = 0) -> ChordLengths:
    """Lengths of the phase's chords along an axis; chords that the window cuts are left out.

    Raises
    ------
    InputError
        If there is no such phase, or the axis has a single voxel.
    """
    check_axis(m, axis, "chord length")
    counts, cut = chords.chord_histogram(np.asarray(m.labels), m.label_of(phase), axis)
    lengths = np.asarray(np.arange(counts.size) * m.spacing[axis], float)
    return ChordLengths(m.name_of(phase), axis, lengths, counts, cut)
