"""Local thickness, granulometry, and intrusion followed by extrusion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt.descriptors._sizes import (
    SizeDistribution,
    _checked_radii,
    _distances,
    _flat,
    _sizes,
    _trivial,
    continuous_phase_size_distribution,
)
from vmt.descriptors._support import number, numbers, parse_faces, read_only
from vmt.errors import InputError
from vmt.kernels import intrusion, openings
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Granulometry",
    "IntrusionExtrusion",
    "granulometry",
    "intrusion_extrusion",
    "local_thickness",
]

Floats = npt.NDArray[np.float64]
Map = npt.NDArray[np.float32]


def local_thickness(
    m: Microstructure,
    phase: str | int,
    *,
    points: int | None = 40,
    radii: Sequence[float] | None = None,
    faces: str | Sequence[str] | None = None,
) -> Map:
    """Radius of the largest ball within the phase that holds each voxel [m].

    The map whose distribution `continuous_phase_size_distribution` is (Hildebrand & Rüegsegger
    1997): balls of the radii on its curve, so that a value is rounded down by a step of the curve,
    at most half a voxel or the largest radius over `points`. With `faces` the balls must enter
    from there, as in `intrusion_size_distribution`: the radius at which mercury comes.

    Parameters
    ----------
    m : Microstructure
        The structure.
    phase : str or int
        The phase.
    points : int or None
        Number of radii where the largest radius exceeds half as many voxels; None: every distance
        of the lattice, so that nothing is rounded.
    radii : sequence of float, optional
        Radii of the balls [m], increasing, instead of `points`.
    faces : str or sequence of str, optional
        Faces from which balls enter; default: they may be anywhere.

    Returns
    -------
    (nx, ny, nz) array of float32
        Radii; nan outside the phase and where no ball comes, inf everywhere if the phase fills the
        window.

    Raises
    ------
    InputError
        If there is no such phase or face, no point, or the radii don't increase from 0 or more.

    Examples
    --------
    >>> import vmt.phantoms
    >>> ball = vmt.phantoms.sphere((24, 24, 24), 1.0, radius=9.0).structure
    >>> float(local_thickness(ball, "solid")[12, 12, 12])
    8.0
    """
    if points is not None and points < 1:
        raise InputError(f"points={points!r} can't be used; expected 1 at least, or None.")
    entry = None if faces is None else parse_faces(faces)
    wanted = _checked_radii(radii)
    trivial = _trivial(m, phase)
    if trivial is not None:
        return np.full(m.shape, trivial, np.float32)
    d2, _ = _distances(m, phase)
    values = d2 if entry is None else intrusion.widest_paths(d2, entry)
    del d2
    return _thickness(values, m, points, wanted)


def _thickness(
    values: Map, m: Microstructure, points: int | None = 40, radii: Floats | None = None
) -> Map:
    """Local thickness [m] from squared distances or widest paths; nan outside."""
    if radii is not None:
        squares = (radii / min(m.spacing)) ** 2
    else:
        squares = openings.lattice_distances(m.shape, m.spacing, float(values.max()))
    if radii is None and points is not None:
        nodes = np.sqrt(squares)
        step = max(0.5, float(nodes[-1]) / points)
        chosen = np.unique(np.searchsorted(nodes, np.arange(0.0, nodes[-1] + step, step)))
        squares = squares[chosen[chosen < nodes.size]]
    marked = openings.largest_balls(values, squares.tolist(), m.spacing)
    marked[marked < 0] = np.nan
    np.sqrt(marked, out=marked)
    marked *= np.float32(min(m.spacing))
    return marked


@dataclass(frozen=True, eq=False)
class Granulometry:
    """How a phase's volume is shared among sizes.

    Parameters
    ----------
    sizes : SizeDistribution
        Covered share by radius, whose decrease this is.
    """

    sizes: SizeDistribution

    @property
    def phase(self) -> str:
        """The phase."""
        return self.sizes.phase

    @property
    def edges(self) -> Floats:
        """Edges (n + 1,) of the classes of radii [m]."""
        return self.sizes.radii

    @property
    def shares(self) -> Floats:
        """Share (n,) of the phase's volume in each class of radii; they add up to one."""
        return np.asarray(-np.diff(self.sizes.covered))

    @property
    def mean(self) -> float:
        """Mean radius by volume [m]."""
        if self.edges.size < 2:
            return self.sizes.median
        middle = 0.5 * (self.edges[1:] + self.edges[:-1])
        return float(self.shares @ middle / self.shares.sum())

    @property
    def std(self) -> float:
        """Standard deviation of the radius by volume [m]."""
        if self.edges.size < 2:
            return math.nan
        middle = 0.5 * (self.edges[1:] + self.edges[:-1])
        return math.sqrt(float(self.shares @ (middle - self.mean) ** 2 / self.shares.sum()))

    def to_dict(self) -> dict[str, Any]:
        """Classes and moments for JSON."""
        return {
            "phase": self.phase,
            "mean [m]": number(self.mean),
            "std [m]": number(self.std),
            "edges [m]": numbers(self.edges),
            "shares": numbers(self.shares),
        }

    def plot(self, ax: Axes | None = None, *, label: str = "") -> Axes:
        """Draw the share of the volume over the radius."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        if self.edges.size > 1:
            density = self.shares / (np.diff(self.edges) * 1e6)
            ax.stairs(density, self.edges * 1e6, fill=True, alpha=0.5, label=label or None)
            ax.axvline(self.mean * 1e6, color=COLORS["truth"], lw=0.8)
        return finish(ax, xlabel="radius [µm]", ylabel=f"share of {self.phase} [1/µm]")


def granulometry(m: Microstructure, phase: str | int) -> Granulometry:
    """Distribution of a phase's volume over the radii of the balls that open it.

    The decrease of `continuous_phase_size_distribution`: what the opening with a ball loses from
    one radius to the next (Matheron's size distribution of the volume).

    Raises
    ------
    InputError
        If there is no such phase.

    Examples
    --------
    >>> import vmt.phantoms
    >>> ball = vmt.phantoms.sphere((40, 40, 40), 1.0, radius=15.0).structure
    >>> made = granulometry(ball, "solid")
    >>> round(float(made.shares.sum()), 12), 12 < made.mean < 16
    (1.0, True)
    """
    return Granulometry(continuous_phase_size_distribution(m, phase))


@dataclass(frozen=True, eq=False)
class IntrusionExtrusion:
    """Filling of a phase from open faces while balls shrink, and emptying while they grow.

    Parameters
    ----------
    phase : str
        The phase.
    faces : tuple of (axis, side)
        Open faces; side 0 is the first plane of the axis, 1 the last.
    intrusion : SizeDistribution
        Filled share of the phase at each radius on the way in.
    radii : (n,) array
        Radii on the way out [m], from 0.
    filled : (n,) array
        Share of the phase still filled at these radii.
    accessible_share : float
        Share of the phase that is filled at the smallest radius.
    """

    phase: str
    faces: tuple[tuple[int, int], ...]
    intrusion: SizeDistribution
    radii: Floats
    filled: Floats
    accessible_share: float

    def __post_init__(self) -> None:
        read_only(self, "radii", "filled")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    @property
    def trapped_share(self) -> float:
        """Share of the filled volume that never comes out; nan if nothing was filled."""
        if not self.accessible_share > 0:
            return math.nan
        return float(self.filled[-1]) / self.accessible_share

    def to_dict(self) -> dict[str, Any]:
        """Both curves for JSON."""
        return {
            "phase": self.phase,
            "faces": [f"{'xyz'[axis]}{'-+'[side]}" for axis, side in self.faces],
            "accessible_share": number(self.accessible_share),
            "trapped_share": number(self.trapped_share),
            "intrusion": self.intrusion.to_dict(),
            "extrusion": {"radii [m]": numbers(self.radii), "filled": numbers(self.filled)},
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the way in and the way out."""
        from vmt._plotting import COLORS, axes, finish, legend

        ax = axes(ax)
        into = self.intrusion
        ax.plot(into.radii * 1e6, into.covered, color=COLORS["image"], label="intrusion")
        ax.plot(self.radii * 1e6, self.filled, "--", color=COLORS["model"], label="extrusion")
        legend(ax)
        return finish(ax, xlabel="radius [µm]", ylabel=f"filled share ({self.phase})")


def intrusion_extrusion(
    m: Microstructure, phase: str | int = "pore", *, faces: str | Sequence[str] = "x-"
) -> IntrusionExtrusion:
    """Simulate mercury going into a phase and coming out again, and what is trapped.

    On the way in as `intrusion_size_distribution`. On the way out, at radius r, mercury stands in
    the opening of the filled part with the ball of radius r, that is where the local thickness is
    at least r. What of it loses its connection to the open faces (26 neighbors) snaps off and
    stays; so a place is trapped if every way out has somewhere a smaller local thickness. Contact
    angles on the way in and out are alike here: differences of them shift the pressure axis.

    Parameters
    ----------
    m : Microstructure
        The structure.
    phase : str or int
        The phase that is filled.
    faces : str or sequence of str
        Open faces, as in `intrusion_size_distribution`.

    Raises
    ------
    InputError
        If there is no such phase or face.
    MemoryBudgetError
        If the maps don't fit.

    Examples
    --------
    >>> labels = np.ones((8, 9, 9), np.uint8)
    >>> labels[:, 3:6, 3:6] = 0
    >>> made = intrusion_extrusion(Microstructure(labels, 1e-8))
    >>> made.accessible_share, made.trapped_share
    (1.0, 0.0)
    """
    entry = parse_faces(faces)
    name = m.name_of(phase)
    trivial = _trivial(m, phase)
    if trivial is not None:
        made = _flat(m, phase, trivial)
        share = math.nan if math.isnan(trivial) else 1.0
        end = np.array([share, math.nan if math.isnan(share) else 0.0])
        radii = np.array([0.0, min(m.size)])
        return IntrusionExtrusion(name, tuple(entry), made, radii, end, share)
    require_memory(20 * m.labels.size, f"intrusion and extrusion in {m.shape} voxels")
    d2, total = _distances(m, phase)
    widest = math.sqrt(float(d2.max())) * min(m.spacing)
    thick = _thickness(d2, m)
    wide = intrusion.widest_paths(d2, entry)
    del d2
    into = _sizes(wide, total, name, m)
    # widest ways out on the local thickness: its levels, in units of the shortest edge, as values
    reached = wide > 0
    del wide
    np.copyto(thick, 0, where=~reached)
    thick *= np.float32(1 / min(m.spacing))
    thick += np.where(reached, np.float32(1), np.float32(0))  # levels begin at 1
    out = intrusion.widest_paths(thick, entry)
    accessible = int(np.count_nonzero(reached))
    free = reached & (out >= thick)
    levels, counts = np.unique(thick[free], return_counts=True)
    # a level holds the places from its radius up to the next one's
    left = accessible - np.append(0, np.cumsum(counts))
    radii = np.append((levels - 1) * float(min(m.spacing)), widest)
    if radii[0] > 0:
        radii, left = np.append(0.0, radii), np.append(accessible, left)
    filled = left / total
    return IntrusionExtrusion(name, tuple(entry), into, radii, filled, accessible / total)
