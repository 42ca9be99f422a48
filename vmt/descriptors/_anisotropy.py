"""How a phase differs between the axes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.descriptors._connectivity import chord_lengths
from vmt.descriptors._support import extended_axes, numbers, read_only
from vmt.descriptors._two_point import two_point_coverage_probability
from vmt.kernels import surface
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Anisotropy", "anisotropy"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Anisotropy:
    """Directional measures of a phase along the three axes.

    Parameters
    ----------
    phase : str
        The phase.
    surface_area : (3,) array
        Twice the boundary crossings per length of lines along each axis [1/m]: the specific surface
        area that an isotropic structure would have.
    chord_length : (3,) array
        Mean chord length along each axis [m], chords weighted by the places they could have had.
    decay_length : (3,) array
        Lag along each axis at which the centered two-point coverage probability has fallen to 1/e
        of its value at 0 [m]; nan if it has not within the window's quarter.
    """

    phase: str
    surface_area: Floats
    chord_length: Floats
    decay_length: Floats

    def __post_init__(self) -> None:
        read_only(self, "surface_area", "chord_length", "decay_length")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (
            self.phase, self.surface_area, self.chord_length, self.decay_length,
        )  # fmt: skip

    def ratios(self) -> dict[str, Floats]:
        """Each measure over its mean over the axes (3,): 1 along all of them if isotropic."""
        measures = {
            "surface_area": self.surface_area,
            "chord_length": self.chord_length,
            "decay_length": self.decay_length,
        }
        made = {}
        for name, values in measures.items():
            known = values[np.isfinite(values)]
            mean = float(known.mean()) if known.size else math.nan
            made[name] = np.asarray(values / mean if mean > 0 else np.full(3, math.nan))
        return made

    @property
    def elongation(self) -> float:
        """Longest over shortest decay length; 1 if isotropic, nan if one is not known."""
        known = self.decay_length[np.isfinite(self.decay_length)]
        return float(known.max() / known.min()) if known.size > 1 else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Measures and ratios by axis for JSON."""
        return {
            "phase": self.phase,
            "surface_area [1/m]": numbers(self.surface_area),
            "chord_length [m]": numbers(self.chord_length),
            "decay_length [m]": numbers(self.decay_length),
            "ratios": {name: numbers(values) for name, values in self.ratios().items()},
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the ratios of all measures as bars by axis."""
        from vmt._plotting import COLORS, axes, finish, legend

        ax = axes(ax)
        colors = (COLORS["image"], COLORS["model"], COLORS["accent"])
        for i, (name, values) in enumerate(self.ratios().items()):
            places = np.arange(3) + 0.25 * (i - 1)
            ax.bar(places, values, 0.22, label=name.replace("_", " "), color=colors[i])
        ax.axhline(1, color=COLORS["truth"], lw=0.8)
        ax.set_xticks(range(3), ["x", "y", "z"])
        top = np.nanmax([1.0, *(np.nanmax([*v, 1.0]) for v in self.ratios().values())])
        ax.set_ylim(0, 1.35 * top)  # room for the legend
        legend(ax, loc="upper center", ncols=3, columnspacing=0.8, handlelength=1.0)
        return finish(ax, ylabel=f"ratio to the mean ({self.phase})")


def anisotropy(m: Microstructure, phase: str | int) -> Anisotropy:
    """Compare a phase along the three axes: boundary crossings, chords, and decay of correlation.

    Axes of a single voxel have nan.

    Raises
    ------
    InputError
        If there is no such phase, or the structure is a single voxel.
    MemoryBudgetError
        If the two-point function's transforms don't fit.

    Examples
    --------
    >>> labels = np.zeros((16, 16, 16), np.uint8)
    >>> labels[(np.arange(16) // 4) % 2 == 1] = 1
    >>> anisotropy(Microstructure(labels, 1.0), "solid").surface_area
    array([0.4, 0. , 0. ])
    """
    area, chord, decay = (np.full(3, math.nan) for _ in range(3))
    coverage = two_point_coverage_probability(m, phase)
    labels, label = np.asarray(m.labels), m.label_of(phase)
    for axis, more in enumerate(extended_axes(m)):
        if not more:
            continue
        direction = np.eye(3, dtype=np.int64)[axis : axis + 1]
        changes = int(surface.count_changes(labels, label, direction)[0])
        n = m.shape[axis]
        area[axis] = 2 * changes / (labels.size * (n - 1) / n * m.spacing[axis])
        chord[axis] = chord_lengths(m, phase, axis=axis).corrected_mean
        lags, values = coverage.directional(axis)
        decay[axis] = _crossing(lags, values - coverage.volume_fractions[0] ** 2)
    return Anisotropy(m.name_of(phase), area, chord, decay)


def _crossing(lags: Floats, centered: Floats) -> float:
    """First lag at which the curve has fallen to 1/e, linear between lags."""
    level = centered[0] / math.e
    below = np.flatnonzero(centered < level)
    if below.size == 0 or not level > 0:
        return math.nan
    i = int(below[0])
    part = (centered[i - 1] - level) / (centered[i - 1] - centered[i])
    return float(lags[i - 1] + part * (lags[i] - lags[i - 1]))
