"""Segments and balls that fit into a phase: lineal path and spherical contact distribution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt.descriptors._support import check_axis, extended_axes, number, numbers, read_only
from vmt.kernels import chords, openings
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "ContactDistribution",
    "LinealPath",
    "lineal_path",
    "spherical_contact_distribution",
]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LinealPath:
    """Probability that a segment lies in a phase, by its length.

    Parameters
    ----------
    phase : str
        The phase.
    axis : int
        Direction of the segments.
    lengths : (n,) array
        Lengths 0, 1, 2, ... voxels [m], between centers of voxels.
    values : (n,) array
        Share of the window's segments that lie in the phase; the volume fraction first.
    """

    phase: str
    axis: int
    lengths: Floats
    values: Floats

    def __post_init__(self) -> None:
        read_only(self, "lengths", "values")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.phase, self.axis, self.lengths, self.values)

    def to_dict(self) -> dict[str, Any]:
        """Curve for JSON, up to the longest segment that fits."""
        end = int(np.count_nonzero(self.values)) + 1
        return {
            "phase": self.phase,
            "axis": self.axis,
            "lengths [m]": numbers(self.lengths[:end]),
            "values": numbers(self.values[:end]),
        }

    def plot(self, ax: Axes | None = None, *, label: str = "") -> Axes:
        """Draw the curve."""
        from vmt._plotting import axes, finish

        ax = axes(ax)
        end = int(np.count_nonzero(self.values)) + 1
        ax.plot(self.lengths[:end] * 1e6, self.values[:end], label=label or None)
        return finish(ax, xlabel="length [µm]", ylabel=f"lineal path ({self.phase})")


def lineal_path(m: Microstructure, phase: str | int, *, axis: int = 0) -> LinealPath:
    """Probability that a segment of given length along an axis lies in a phase.

    All segments between centers of voxels that fit into the window are counted, those in runs
    that the window cuts, too; so the estimate is unbiased for a stationary structure (Torquato,
    *Random Heterogeneous Materials*, 2002, section 2.4).

    Raises
    ------
    InputError
        If there is no such phase, or the axis has a single voxel.

    Examples
    --------
    >>> labels = np.zeros((5, 1, 1), np.uint8)
    >>> labels[1:4] = 1
    >>> lineal_path(Microstructure(labels, 1.0), "solid").values
    array([0.6       , 0.5       , 0.33333333, 0.        , 0.        ])
    """
    check_axis(m, axis, "lineal path")
    counts = chords.run_histogram(m.mask(phase), axis)
    n = m.shape[axis]
    # a run of k voxels holds k − j segments of j steps: two cumulative sums from the long end
    longer = np.cumsum(counts[::-1])[::-1]
    held = np.cumsum(longer[::-1])[::-1][1:]
    places = (n - np.arange(n)) * (m.labels.size // n)
    lengths = np.asarray(np.arange(n) * m.spacing[axis], float)
    return LinealPath(m.name_of(phase), axis, lengths, held / places)


@dataclass(frozen=True, eq=False)
class ContactDistribution:
    """Distance from a random point outside a phase to the phase.

    Parameters
    ----------
    phase : str
        The phase whose distance is taken.
    radii : (n,) array
        Radii [m], from 0.
    values : (n,) array
        Share of the points outside that have the phase within that distance.
    """

    phase: str
    radii: Floats
    values: Floats

    def __post_init__(self) -> None:
        read_only(self, "radii", "values")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.phase, self.radii, self.values)

    @property
    def mean(self) -> float:
        """Mean distance to the phase [m], of the part of the curve that the window shows."""
        if self.radii.size < 2:
            return math.nan
        steps = np.diff(self.radii) * (1 - 0.5 * (self.values[1:] + self.values[:-1]))
        return float(steps.sum())

    def to_dict(self) -> dict[str, Any]:
        """Curve for JSON."""
        return {
            "phase": self.phase,
            "mean [m]": number(self.mean),
            "radii [m]": numbers(self.radii),
            "values": numbers(self.values),
        }

    def plot(self, ax: Axes | None = None, *, label: str = "") -> Axes:
        """Draw the curve."""
        from vmt._plotting import axes, finish

        ax = axes(ax)
        ax.plot(self.radii * 1e6, self.values, label=label or None)
        return finish(ax, xlabel="distance [µm]", ylabel=f"share with {self.phase} within it")


def spherical_contact_distribution(m: Microstructure, phase: str | int) -> ContactDistribution:
    """Distribution of the distance from a random point outside a phase to the phase.

    H(r) = P(the ball of radius r meets the phase | its center is outside). Distances between
    centers of voxels. Points nearer to the window's border than to the phase are left out, and the
    others weighted by the share of the window that points of their distance could have lain in
    (Hanisch's estimator); so it is unbiased for a stationary structure (Chiu, Stoyan, Kendall &
    Mecke, *Stochastic Geometry*, 2013, section 6.5.3). Radii go by half a voxel.

    A window without the phase, or full of it, gives the single value nan at radius 0.

    Raises
    ------
    InputError
        If there is no such phase.
    MemoryBudgetError
        If the distances don't fit.

    Examples
    --------
    >>> labels = np.zeros((9, 1, 1), np.uint8)
    >>> labels[::3] = 1
    >>> spherical_contact_distribution(Microstructure(labels, 1.0), "solid").values
    array([0., 0., 1.])
    """
    name = m.name_of(phase)
    share = m.volume_fraction(phase)
    if share in (0.0, 1.0):
        return ContactDistribution(name, np.zeros(1), np.full(1, math.nan))
    require_memory(6 * m.labels.size, f"the contact distribution of {m.shape} voxels")
    return _contact_distribution(openings.squared_distances(~m.mask(phase), m.spacing), m, name)


def _contact_distribution(
    d2: npt.NDArray[np.float32], m: Microstructure, name: str
) -> ContactDistribution:
    """As `spherical_contact_distribution`, from the squared distances to the phase."""
    share = m.volume_fraction(name)
    unit = min(m.spacing)
    more = extended_axes(m)
    edges = [n * h / unit for n, h in zip(m.shape, m.spacing, strict=True)]
    # distance from each voxel's center to the window's faces, axis by axis
    room = [
        np.minimum(np.arange(n) + 0.5, np.arange(n)[::-1] + 0.5) * h / unit
        if wide
        else np.full(n, np.inf)
        for n, h, wide in zip(m.shape, m.spacing, more, strict=True)
    ]
    across = np.minimum.outer(room[1], room[2])
    bins = math.ceil(2 * float(np.sqrt(d2.max()))) + 2
    sums = np.zeros(bins)
    for i, plane in enumerate(d2):
        distance = np.sqrt(plane, dtype=float)
        keep = (distance > 0) & (distance <= np.minimum(across, room[0][i]))
        found = distance[keep]
        weight = np.ones_like(found)
        for edge, wide in zip(edges, more, strict=True):
            if wide:
                weight /= 1 - 2 * found / edge
        place = np.ceil(2 * found - 1e-5).astype(np.int64)
        sums += np.bincount(place, weight, minlength=bins)
    values = np.cumsum(sums) / m.labels.size / (1 - share)
    # past the window's inradius nothing is seen, and ratio estimates may end above one
    last = int(np.flatnonzero(sums)[-1]) if sums.any() else 0
    radii = 0.5 * unit * np.arange(last + 1)
    return ContactDistribution(name, np.asarray(radii), np.minimum(values[: last + 1], 1.0))
