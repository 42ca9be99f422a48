"""Geodesic tortuosity: how much longer than the structure is thick are the shortest paths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.descriptors._geodesic import PathMethod, path_lengths
from vmt.descriptors._support import check_axis, number, numbers, read_only
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GeodesicTortuosity", "geodesic_tortuosity", "geodesic_tortuosity_distribution"]


@dataclass(frozen=True, eq=False)
class GeodesicTortuosity:
    """Relative lengths of the shortest paths from the voxels of the inlet face.

    Parameters
    ----------
    phase : str
        The phase that holds the paths.
    axis : int
        From the first plane of this axis (inlet) to the last.
    values : (k,) array
        Path length over thickness for each inlet voxel that has a path.
    connected_share : float
        Share of the inlet face's voxels of the phase that have a path (nan if it has none).
    """

    phase: str
    axis: int
    values: npt.NDArray[np.float64]
    connected_share: float

    def __post_init__(self) -> None:
        read_only(self, "values")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.phase, self.axis, self.values, self.connected_share)

    @property
    def percolates(self) -> bool:
        """Whether any path exists."""
        return self.values.size > 0

    @property
    def mean(self) -> float:
        """Mean geodesic tortuosity; nan if the phase does not percolate."""
        return float(self.values.mean()) if self.values.size else math.nan

    @property
    def std(self) -> float:
        """Standard deviation over the inlet voxels; nan if the phase does not percolate."""
        return float(self.values.std()) if self.values.size else math.nan

    def quantile(self, share: float) -> float:
        """Tortuosity that `share` of the paths stay below; nan if there are none."""
        return float(np.quantile(self.values, share)) if self.values.size else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Mean, spread and quantiles for JSON."""
        shares = (0.05, 0.25, 0.5, 0.75, 0.95)
        return {
            "phase": self.phase,
            "axis": self.axis,
            "mean": number(self.mean),
            "std": number(self.std),
            "quantiles": {str(s): number(self.quantile(s)) for s in shares},
            "connected_share": number(self.connected_share),
            "histogram": self._histogram(),
        }

    def _histogram(self) -> dict[str, list[float | None]]:
        if not self.percolates:
            return {"edges": [], "density": []}
        density, edges = np.histogram(self.values, 40, density=True)
        return {"edges": numbers(edges), "density": numbers(density)}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the histogram and its mean."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        if self.percolates:
            ax.hist(self.values, 40, density=True, color=COLORS["image"], alpha=0.7)
            ax.axvline(self.mean, color=COLORS["truth"], lw=1)
        else:
            ax.text(0.5, 0.5, "does not percolate", ha="center", transform=ax.transAxes)
        return finish(ax, xlabel=f"geodesic tortuosity ({self.phase})", ylabel="density")


def geodesic_tortuosity_distribution(
    m: Microstructure, phase: str | int, *, axis: int = 0, method: PathMethod = "dijkstra"
) -> GeodesicTortuosity:
    """Lengths of the shortest paths through a phase, over the thickness, from each inlet voxel.

    Paths begin at the phase's voxels of the first plane of `axis`, end anywhere in the last one,
    stay in the phase, and step to the 26 neighbors with the true lengths of the steps; the
    thickness is (n − 1) voxels (Neumann et al. 2023, section 3.3). Other step sets give other
    numbers for the same structure: 6 neighbors about 0.1 more, exact Euclidean paths 0.03 less;
    `method="fast_marching"` gives the latter.

    Parameters
    ----------
    m : Microstructure
        The structure.
    phase : str or int
        The phase that holds the paths.
    axis : int
        From the first plane of this axis to the last.
    method : {"dijkstra", "fast_marching"}
        As in `geodesic_distances`; the papers' definition by default.

    Raises
    ------
    InputError
        If there is no such phase or method, or the axis has a single voxel.

    Examples
    --------
    >>> labels = np.zeros((20, 20, 1), np.uint8)
    >>> labels[np.arange(20), np.arange(20)] = 1
    >>> diagonal = Microstructure(labels, 1e-8)
    >>> round(geodesic_tortuosity_distribution(diagonal, "solid").mean, 4)
    1.4142
    """
    check_axis(m, axis, "geodesic tortuosity")
    lengths = path_lengths(m, phase, (axis, 1), method)[0]
    inlet = lengths >= 0
    found = lengths[inlet & np.isfinite(lengths)].astype(float)
    thickness = (m.shape[axis] - 1) * (m.spacing[axis] / min(m.spacing))
    count = int(np.count_nonzero(inlet))
    share = found.size / count if count else math.nan
    values = np.maximum(found / thickness, 1.0)  # no path is shorter, but for float32's rounding
    return GeodesicTortuosity(m.name_of(phase), axis, values, share)


def geodesic_tortuosity(
    m: Microstructure, phase: str | int, *, axis: int = 0, method: PathMethod = "dijkstra"
) -> float:
    """Mean geodesic tortuosity of a phase along an axis; nan if it does not percolate.

    See `geodesic_tortuosity_distribution`.

    Examples
    --------
    >>> labels = np.zeros((5, 4, 4), np.uint8)
    >>> geodesic_tortuosity(Microstructure(labels, 1e-8), "pore")
    1.0
    """
    return geodesic_tortuosity_distribution(m, phase, axis=axis, method=method).mean
