"""Where along an axis a phase is, and where its closed parts are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt.descriptors._support import number, numbers, parse_faces, read_only
from vmt.errors import InputError
from vmt.kernels import components
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ClosedPores", "VolumeFractionProfile", "closed_pores", "volume_fraction_profile"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class VolumeFractionProfile:
    """Volume fraction of a phase in each layer of voxels along an axis.

    Parameters
    ----------
    phase : str
        The phase.
    axis : int
        The axis; along axis 0 from the separator to the current collector.
    positions : (n,) array
        Centers of the layers from the first face [m].
    values : (n,) array
        Volume fraction of each layer.
    """

    phase: str
    axis: int
    positions: Floats
    values: Floats

    def __post_init__(self) -> None:
        read_only(self, "positions", "values")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.phase, self.axis, self.positions, self.values)

    @property
    def mean(self) -> float:
        """Volume fraction of the whole window."""
        return float(self.values.mean())

    @property
    def gradient(self) -> float:
        """Slope of the least-squares line [1/m]; 0 for a single layer."""
        offset = self.positions - self.positions.mean()
        return float(offset @ self.values / (offset @ offset)) if offset.size > 1 else 0.0

    def averaged(self, layers: int) -> VolumeFractionProfile:
        """Mean over layers of equal thickness, up to a voxel."""
        if not 1 <= layers <= self.values.size:
            raise InputError(
                f"A profile of {self.values.size} voxels can't be averaged to {layers!r} layers; "
                f"expected 1 to {self.values.size}."
            )
        parts = np.array_split(np.arange(self.values.size), layers)
        means = [np.array([a[p].mean() for p in parts]) for a in (self.positions, self.values)]
        return VolumeFractionProfile(self.phase, self.axis, means[0], means[1])

    def to_dict(self) -> dict[str, Any]:
        """Profile for JSON."""
        return {
            "phase": self.phase,
            "axis": self.axis,
            "mean": number(self.mean),
            "gradient [1/m]": number(self.gradient),
            "positions [m]": numbers(self.positions),
            "values": numbers(self.values),
        }

    def plot(self, ax: Axes | None = None, *, label: str = "") -> Axes:
        """Draw the profile and its mean."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        ax.plot(self.positions * 1e6, self.values, label=label or None, lw=1.2)
        ax.axhline(self.mean, color=COLORS["muted"], lw=0.6, zorder=0)
        name = "xyz"[self.axis]
        return finish(ax, xlabel=f"{name} [µm]", ylabel=f"volume fraction ({self.phase})")


def volume_fraction_profile(
    m: Microstructure, phase: str | int, *, axis: int = 0
) -> VolumeFractionProfile:
    """Volume fraction of a phase in each layer of voxels along an axis.

    Raises
    ------
    InputError
        If there is no such phase or axis.

    Examples
    --------
    >>> labels = np.zeros((4, 5, 5), np.uint8)
    >>> labels[2:] = 1
    >>> volume_fraction_profile(Microstructure(labels, 1e-8), "solid").values
    array([0., 0., 1., 1.])
    """
    if axis not in (0, 1, 2):
        raise InputError(f"axis={axis!r} is no axis of a structure; expected 0, 1 or 2.")
    label = m.label_of(phase)
    planes = np.moveaxis(np.asarray(m.labels), axis, 0)
    values = np.array([np.count_nonzero(plane == label) / plane.size for plane in planes])
    positions = np.asarray((np.arange(values.size) + 0.5) * m.spacing[axis], float)
    return VolumeFractionProfile(m.name_of(phase), axis, positions, values)


@dataclass(frozen=True, eq=False)
class ClosedPores:
    """Parts of a phase that no open face reaches.

    Parameters
    ----------
    phase : str
        The phase.
    mask : (nx, ny, nz) array of bool
        Where it is closed.
    volumes : (n,) array
        Volume of each closed part [m³], largest first.
    share : float
        Closed share of the phase (nan if the phase has no voxel).
    volume_fraction : float
        Closed share of the window: the inaccessible porosity if the phase is the pores.
    profile : VolumeFractionProfile
        `volume_fraction` in each layer along axis 0.
    """

    phase: str
    mask: npt.NDArray[np.bool_]
    volumes: Floats
    share: float
    volume_fraction: float
    profile: VolumeFractionProfile

    def __post_init__(self) -> None:
        read_only(self, "mask", "volumes")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def to_dict(self) -> dict[str, Any]:
        """Shares, number, volumes and profile for JSON."""
        return {
            "phase": self.phase,
            "share": number(self.share),
            "volume_fraction": number(self.volume_fraction),
            "count": int(self.volumes.size),
            "volumes [m³]": numbers(self.volumes),
            "profile": self.profile.to_dict(),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the closed volume fraction over the depth."""
        ax = self.profile.plot(ax)
        ax.set_ylabel(f"closed volume fraction ({self.phase})")
        return ax


def closed_pores(
    m: Microstructure,
    phase: str | int = "pore",
    *,
    faces: str | Sequence[str] = "all",
    neighbors: int = 6,
) -> ClosedPores:
    """Find the parts of a phase that are connected to none of the open faces.

    Parameters
    ----------
    m : Microstructure
        The structure.
    phase : str or int
        The phase; for the inaccessible porosity the pores.
    faces : str or sequence of str
        Open faces, as in `intrusion_size_distribution`; "all" asks what a gas around the window
        reaches, "x-" what the electrolyte from the separator reaches.
    neighbors : {6, 18, 26}
        Which voxels are connected: by faces, edges too, corners too.

    Raises
    ------
    InputError
        If there is no such phase or face, or `neighbors` is another number.

    Examples
    --------
    >>> labels = np.ones((5, 5, 5), np.uint8)
    >>> labels[2, 2, 2] = labels[0, 0, 0] = 0
    >>> found = closed_pores(Microstructure(labels, 1e-8))
    >>> found.share, found.volume_fraction, found.volumes.size
    (0.5, 0.008, 1)
    """
    if neighbors not in (6, 18, 26):
        raise InputError(f"neighbors={neighbors!r} can't be used; expected 6, 18 or 26.")
    entry = parse_faces(faces)
    require_memory(10 * m.labels.size, f"the closed parts of {m.shape} voxels")
    mask = m.mask(phase)
    where, sizes = components.closed_clusters(mask, entry, neighbors)
    total, closed = int(np.count_nonzero(mask)), int(sizes.sum())
    values = np.asarray(where.mean(axis=(1, 2)), float)
    name = m.name_of(phase)
    positions = np.asarray((np.arange(values.size) + 0.5) * m.spacing[0], float)
    return ClosedPores(
        name,
        where,
        np.asarray(np.sort(sizes)[::-1] * math.prod(m.spacing), float),
        closed / total if total else math.nan,
        closed / where.size,
        VolumeFractionProfile(name, 0, positions, values),
    )
