"""Continuous phase size, simulated intrusion, and constrictivity."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt.descriptors._support import check_axis, number, numbers, parse_faces, read_only
from vmt.errors import InputError
from vmt.kernels import intrusion, openings
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "SizeDistribution",
    "constrictivity",
    "continuous_phase_size_distribution",
    "intrusion_size_distribution",
    "median_intrusion_size",
    "median_phase_size",
]

_CURVE_POINTS = 40
#: a median is bracketed this closely [voxels], or by two neighboring distances of the lattice
_BRACKET = 1 / 64

Floats = npt.NDArray[np.float64]
Values = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class SizeDistribution:
    """Share of a phase's volume that balls cover, by their radius.

    Parameters
    ----------
    phase : str
        The phase.
    radii : (n,) array
        Radii [m], from 0.
    covered : (n,) array
        Share of the phase's volume covered by balls of that radius.
    median : float
        Radius at which half the phase's volume is covered [m]; 0 if that much never is, inf if
        the phase fills the window (no background limits a ball), nan if there is no such voxel.
    """

    phase: str
    radii: Floats
    covered: Floats
    median: float

    def __post_init__(self) -> None:
        read_only(self, "radii", "covered")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.phase, self.radii, self.covered, self.median)

    def quantile(self, share: float) -> float:
        """Radius at which balls still cover `share` of the phase [m], linear on the curve."""
        below = np.flatnonzero(self.covered < share)
        if below.size == 0:
            return math.nan if math.isnan(self.median) else math.inf
        i = int(below[0])
        if i == 0:
            return 0.0
        (r0, r1), (c0, c1) = self.radii[i - 1 : i + 1], self.covered[i - 1 : i + 1]
        return float(r0 + (r1 - r0) * (c0 - share) / (c0 - c1))

    def to_dict(self) -> dict[str, Any]:
        """Curve and median for JSON."""
        return {
            "phase": self.phase,
            "radii [m]": numbers(self.radii),
            "covered": numbers(self.covered),
            "median [m]": number(self.median),
        }

    def plot(self, ax: Axes | None = None, *, label: str = "") -> Axes:
        """Draw the covered share over the radius and mark the median."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        (line,) = ax.plot(self.radii * 1e6, self.covered, label=label or None)
        if math.isfinite(self.median):
            ax.plot([self.median * 1e6], [0.5], "o", ms=4, color=line.get_color())
        ax.axhline(0.5, color=COLORS["muted"], lw=0.6, zorder=0)
        return finish(ax, xlabel="radius [µm]", ylabel=f"covered share ({self.phase})")


class _Coverage:
    """Covered share at any radius on the lattice of distances; remembers what was computed."""

    def __init__(self, values: Values, total: int, spacing: Sequence[float]) -> None:
        self.values, self.total, self.spacing = values, total, spacing
        self.unit = min(spacing)
        self.nodes = openings.lattice_distances(values.shape, spacing, float(values.max()))
        if self.nodes.size == 0 or self.nodes[-1] < float(values.max()):
            self.nodes = np.append(self.nodes, float(values.max()))
        self.radii = np.sqrt(self.nodes)
        self.known: dict[int, float] = {}

    def __call__(self, index: int) -> float:
        if index not in self.known:
            volume = openings.dilated_volume(self.values, self.nodes[index], self.spacing)
            self.known[index] = volume / self.total
        return self.known[index]

    def curve(self, radii: Floats | None = None) -> tuple[Floats, Floats]:
        """Radii [m] and shares; without radii [m] every half voxel or fortieth of the largest."""
        if radii is not None:
            squares = (radii / self.unit) ** 2
            volumes = [openings.dilated_volume(self.values, q, self.spacing) for q in squares]
            return radii.copy(), np.array(volumes) / self.total
        step = max(0.5, float(self.radii[-1]) / _CURVE_POINTS)
        wanted = np.arange(0.0, self.radii[-1] + step, step)
        after = np.clip(np.searchsorted(self.radii, wanted), 1, self.radii.size - 1)
        closer = wanted - self.radii[after - 1] < self.radii[after] - wanted
        indices = np.unique(np.append(after - closer, [0, self.radii.size - 1]))
        covered = np.array([self(int(i)) for i in indices])
        return self.radii[indices] * self.unit, covered

    def median(self) -> float:
        if self(0) < 0.5:
            return 0.0
        last = self.radii.size - 1
        self(last)
        low = max(i for i, share in self.known.items() if share >= 0.5)
        high = min(i for i, share in self.known.items() if share < 0.5 and i > low)
        radii, halve = self.radii, False
        while high - low > 1 and radii[high] - radii[low] > _BRACKET:
            width = radii[high] - radii[low]
            part = (self(low) - 0.5) / (self(low) - self(high))
            aim = radii[low] + (0.5 if halve else part) * width
            guess = int(np.clip(np.searchsorted(radii, aim), low + 1, high - 1))
            if self(guess) >= 0.5:
                low = guess
            else:
                high = guess
            halve = radii[high] - radii[low] > 0.5 * width
        part = (self(low) - 0.5) / (self(low) - self(high))
        return float(radii[low] + part * (radii[high] - radii[low])) * self.unit


def _checked_radii(radii: Sequence[float] | Floats | None) -> Floats | None:
    if radii is None:
        return None
    values = np.array(radii, float)
    good = values.ndim == 1 and values.size > 0 and bool(np.isfinite(values).all())
    if not good or values[0] < 0 or (np.diff(values) <= 0).any():
        raise InputError(
            f"radii={radii!r} can't be used; expected finite radii in meters that increase from 0 "
            "or more."
        )
    return values


def _sizes(
    values: Values, total: int, name: str, m: Microstructure, wanted: Floats | None = None
) -> SizeDistribution:
    cover = _Coverage(values, total, m.spacing)
    radii, covered = cover.curve(wanted)
    return SizeDistribution(name, radii, covered, cover.median())


def _trivial(m: Microstructure, phase: str | int) -> float | None:
    """Median where no distance exists: nan for an absent phase, inf for a full window."""
    share = m.volume_fraction(phase)
    return math.nan if share == 0 else math.inf if share == 1 else None


def _flat(m: Microstructure, phase: str | int, median: float) -> SizeDistribution:
    covered = [math.nan if math.isnan(median) else 1.0]
    return SizeDistribution(m.name_of(phase), np.zeros(1), np.array(covered), median)


def _distances(m: Microstructure, phase: str | int) -> tuple[Values, int]:
    mask = m.mask(phase)
    require_memory(14 * mask.size, f"the size distribution of {m.shape} voxels")
    return openings.squared_distances(mask, m.spacing), int(np.count_nonzero(mask))


def continuous_phase_size_distribution(
    m: Microstructure, phase: str | int, *, radii: Sequence[float] | None = None
) -> SizeDistribution:
    """Share of the phase that balls of each radius cover without leaving the phase.

    The opening of the phase with a ball: voxels no farther than r from a voxel whose distance to
    the nearest voxel of the background (center to center) exceeds r. Outside the window there is
    no obstacle. The median is r_max of the constrictivity (Holzer et al. 2013; Neumann et al.
    2023), with linear interpolation between neighboring distances of the lattice.

    Parameters
    ----------
    m : Microstructure
        The structure.
    phase : str or int
        The phase.
    radii : sequence of float, optional
        Radii of the curve [m], increasing; default: steps of half a voxel or of a fortieth of the
        largest radius, the larger of the two. The median does not depend on them.

    Raises
    ------
    InputError
        If there is no such phase, or the radii don't increase from 0 or more.
    """
    wanted = _checked_radii(radii)
    trivial = _trivial(m, phase)
    if trivial is not None:
        return _flat(m, phase, trivial)
    d2, total = _distances(m, phase)
    return _sizes(d2, total, m.name_of(phase), m, wanted)


def intrusion_size_distribution(
    m: Microstructure,
    phase: str | int,
    *,
    faces: str | Sequence[str] = "x-",
    radii: Sequence[float] | None = None,
) -> SizeDistribution:
    """Share of the phase that balls of each radius cover when they must enter from the faces.

    Simulated mercury intrusion: of {distance > r} only what is connected to the faces (26
    neighbors) is dilated by r. The share is of the whole phase, not of the intruded part; the
    median is r_min of the constrictivity, 0 if the intrusion never fills half of the phase.

    Parameters
    ----------
    m : Microstructure
        The structure.
    phase : str or int
        The phase.
    faces : str or sequence of str
        Where the fluid enters: "x-" (default, the separator's face), "x+", "y-", "y+", "z-",
        "z+", several of them, "all", or "all but bottom" (all but "x+", on which the sample
        stands).
    radii : sequence of float, optional
        As in `continuous_phase_size_distribution`.

    Raises
    ------
    InputError
        If there is no such phase or face, or the radii don't increase from 0 or more.
    """
    entry = parse_faces(faces)
    wanted = _checked_radii(radii)
    trivial = _trivial(m, phase)
    if trivial is not None:
        return _flat(m, phase, trivial)
    d2, total = _distances(m, phase)
    wide = intrusion.widest_paths(d2, entry)
    del d2
    return _sizes(wide, total, m.name_of(phase), m, wanted)


def _median(
    m: Microstructure, phase: str | int, change: Callable[[Values], Values] | None
) -> float:
    trivial = _trivial(m, phase)
    if trivial is not None:
        return trivial
    values, total = _distances(m, phase)
    if change is not None:
        values = change(values)
    return _Coverage(values, total, m.spacing).median()


def median_phase_size(m: Microstructure, phase: str | int) -> float:
    """r_max: balls of this radius [m] cover half of the phase; without computing the curve."""
    return _median(m, phase, None)


def median_intrusion_size(m: Microstructure, phase: str | int, *, face: str = "x-") -> float:
    """r_min: intrusion with this radius [m] fills half of the phase; without the curve."""
    entry = parse_faces(face)
    return _median(m, phase, lambda d2: intrusion.widest_paths(d2, entry))


def constrictivity(m: Microstructure, phase: str | int, *, axis: int = 0) -> float:
    """Constrictivity β = (r_min / r_max)² of a phase, with intrusion along `axis`.

    The fluid enters from the first plane of the axis.
    0 if the intrusion never fills half of the phase, 1 if the phase fills the window, nan if
    there is no voxel of it (Holzer et al. 2013; Neumann et al. 2023, section 3.3).

    Raises
    ------
    InputError
        If there is no such phase, or the axis has a single voxel.
    """
    check_axis(m, axis, "constrictivity")
    trivial = _trivial(m, phase)
    if trivial is not None:
        return 1.0 if math.isinf(trivial) else math.nan
    d2, total = _distances(m, phase)
    largest = _Coverage(d2, total, m.spacing).median()
    wide = intrusion.widest_paths(d2, [(axis, 0)])
    del d2
    return _ratio(_Coverage(wide, total, m.spacing).median(), largest)


def _ratio(smallest: float, largest: float) -> float:
    if math.isinf(smallest) and math.isinf(largest):
        return 1.0
    return (smallest / largest) ** 2 if largest > 0 else math.nan
