"""What is measured on a packing: contacts, coordination, radial distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from vmt.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Contacts", "RadialDistribution", "radial_distribution"]

Floats = npt.NDArray[np.float64]
_AXES = 3


def _freeze(obj: object, *names: str) -> None:
    for name in names:
        view = np.asarray(getattr(obj, name)).view()
        view.flags.writeable = False
        object.__setattr__(obj, name, view)


@dataclass(frozen=True, eq=False)
class Contacts:
    """Pairs of particles that touch or overlap.

    Parameters
    ----------
    pairs : (m, 2) array
        Numbers of the particles, the first below the second.
    depths : (m,) array
        Depth of each overlap along its normal [m]; negative: a gap.
    neck_radii : (m,) array
        Radius of the disk where the surfaces cross [m]; 0 without overlap.
    mean_radii : (n,) array
        Mean radius of each particle [m].
    """

    pairs: npt.NDArray[np.int64]
    depths: Floats
    neck_radii: Floats
    mean_radii: Floats

    def __post_init__(self) -> None:
        _freeze(self, "pairs", "depths", "neck_radii", "mean_radii")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.pairs, self.depths, self.neck_radii, self.mean_radii)

    def __len__(self) -> int:
        return len(self.pairs)

    @property
    def counts(self) -> npt.NDArray[np.int64]:
        """Contacts (n,) of each particle."""
        return np.bincount(self.pairs.ravel(), minlength=len(self.mean_radii))

    @property
    def coordination_number(self) -> float:
        """Mean number of contacts of a particle."""
        return 2 * len(self.pairs) / max(len(self.mean_radii), 1)

    @property
    def relative_depths(self) -> Floats:
        """Depth over the smaller mean radius (m,)."""
        return np.asarray(self.depths / self._small)

    @property
    def relative_necks(self) -> Floats:
        """Neck radius over the smaller mean radius (m,)."""
        return np.asarray(self.neck_radii / self._small)

    @property
    def _small(self) -> Floats:
        return np.asarray(self.mean_radii[self.pairs].min(axis=1, initial=np.inf))

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        counts = np.bincount(self.counts) if len(self.mean_radii) else np.zeros(0, int)
        return {
            "contacts": len(self.pairs),
            "coordination_number": self.coordination_number,
            "largest_relative_depth": float(self.relative_depths.max(initial=0.0)),
            "largest_relative_neck": float(self.relative_necks.max(initial=0.0)),
            "mean_relative_neck": float(self.relative_necks.mean()) if len(self.pairs) else 0.0,
            "particles_by_contacts": counts.tolist(),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of particles by their number of contacts."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        counts = np.bincount(self.counts) / max(len(self.mean_radii), 1)
        ax.bar(np.arange(len(counts)), 100 * counts, width=0.8, color=COLORS["image"])
        mean = self.coordination_number
        ax.axvline(mean, color=COLORS["model"], lw=1.2)
        ax.annotate(
            f"mean {mean:.2f}", (mean, 1.0), xycoords=("data", "axes fraction"), fontsize=8,
            xytext=(4, -10), textcoords="offset points", color=COLORS["model"],
        )  # fmt: skip
        return finish(ax, xlabel="contacts of a particle", ylabel="share of particles [%]")


@dataclass(frozen=True, eq=False)
class RadialDistribution:
    """Density of centers at a distance from a center, over their mean density.

    Parameters
    ----------
    distances : (k,) array
        Middles of the bins [m].
    values : (k,) array
        g(r): 1 without order; volumes of shells beyond walls are corrected for.
    diameter : float
        Mean diameter of the particles [m].
    """

    distances: Floats
    values: Floats
    diameter: float

    def __post_init__(self) -> None:
        _freeze(self, "distances", "values")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.distances, self.values, self.diameter)

    def to_dict(self) -> dict[str, Any]:
        """Curve for JSON."""
        return {
            "distances [m]": self.distances.tolist(),
            "values": self.values.tolist(),
            "diameter [m]": self.diameter,
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw g over the distance in mean diameters."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        ax.axhline(1.0, color=COLORS["muted"], lw=0.8)
        ax.plot(self.distances / self.diameter, self.values, color=COLORS["image"])
        return finish(ax, xlabel="distance / mean diameter", ylabel="radial distribution g")


def radial_distribution(
    centers: Floats,
    size: Floats,
    wraps: npt.NDArray[np.bool_],
    diameter: float,
    max_distance: float | None,
    bins: int,
) -> RadialDistribution:
    """Histogram the distances of all pairs; see `RadialDistribution`.

    The pairs of a bin are divided by what independent centers would give: between walls, shells
    are cut, which the mean of Π(1 − |h_k|/L_k) over a shell's directions takes into account.
    """
    n = len(centers)
    limit = 0.5 * float(size.min())
    far = min(4 * diameter, limit) if max_distance is None else float(max_distance)
    if not 0 < far <= limit * (1 + 1e-9) or bins < 1 or n < 2:
        raise InputError(
            f"max_distance={max_distance!r}, bins={bins!r} with {n} particles can't be used; "
            f"expected a distance up to half the shortest edge, {limit:.4g} m, at least one bin, "
            "and two particles."
        )
    images = [np.asarray(centers)]
    for axis in range(_AXES):
        if wraps[axis]:
            grown = list(images)
            for part in images:
                for sign in (-1, 1):
                    moved = part.copy()
                    moved[:, axis] += sign * size[axis]
                    near = (moved[:, axis] > -far) & (moved[:, axis] < size[axis] + far)
                    grown.append(moved[near])
            images = grown
    edges = np.linspace(0, far, bins + 1)
    # each pair from both ends, the center itself n times
    ends = cKDTree(centers).count_neighbors(cKDTree(np.concatenate(images)), edges) - n
    pairs = np.diff(ends).astype(float)
    from vmt.kernels.directions import spread_points

    middles = 0.5 * (edges[1:] + edges[:-1])
    around = np.abs(spread_points(400))
    kept = np.ones((bins, len(around)))
    for axis in range(_AXES):
        if not wraps[axis]:
            kept *= 1 - middles[:, None] * around[:, axis] / size[axis]
    shells = 4 / 3 * math.pi * np.diff(edges**3) * kept.mean(axis=1)
    density = n / float(np.prod(size))
    return RadialDistribution(middles, pairs / (n * density * shells), diameter)
