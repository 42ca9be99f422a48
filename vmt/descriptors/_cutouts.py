"""Descriptions of many structures or cutouts: bands, tables, and all in one sheet."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._progress import steps
from vmt.descriptors._connectivity import ChordLengths
from vmt.descriptors._contact import ContactDistribution, LinealPath
from vmt.descriptors._describe import DEFAULT_DESCRIPTORS, Curve, Description, describe
from vmt.descriptors._paths import GeodesicTortuosity
from vmt.descriptors._profiles import VolumeFractionProfile
from vmt.descriptors._representativity import cutouts
from vmt.descriptors._sizes import SizeDistribution
from vmt.descriptors._support import number, numbers
from vmt.descriptors._thickness import Granulometry
from vmt.descriptors._two_point import TwoPointCoverage
from vmt.errors import InputError
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["CutoutDescription", "describe_cutouts", "overlay"]

Floats = npt.NDArray[np.float64]
_POINTS = 120


def curve_points(curve: Curve) -> tuple[Floats, Floats, str] | None:
    """Abscissa, ordinate and the unit of the abscissa of a curve; None if it is not one."""
    if isinstance(curve, SizeDistribution):
        return curve.radii, curve.covered, "m"
    if isinstance(curve, TwoPointCoverage):
        return curve.lags, curve.centered, "m"
    if isinstance(curve, ContactDistribution):
        return curve.radii, curve.values, "m"
    if isinstance(curve, LinealPath):
        return curve.lengths, curve.values, "m"
    if isinstance(curve, VolumeFractionProfile):
        return curve.positions, curve.values, "m"
    if isinstance(curve, Granulometry) and curve.edges.size > 1:
        # a density [1/m] over the middles of even classes: the last of the lattice is a sliver
        edges = np.linspace(curve.edges[0], curve.edges[-1], min(curve.edges.size, 24))
        left = np.interp(edges, curve.edges, 1 - np.append(0, np.cumsum(curve.shares)))
        return 0.5 * (edges[1:] + edges[:-1]), np.asarray(-np.diff(left) / np.diff(edges)), "m"
    if isinstance(curve, ChordLengths) and curve.count:
        end = int(np.flatnonzero(curve.counts)[-1]) + 1
        shorter = np.cumsum(curve.counts[:end]) / curve.count
        return curve.lengths[:end], shorter, "m"
    if isinstance(curve, GeodesicTortuosity) and curve.percolates:
        shares = np.linspace(0, 1, 101)
        return np.quantile(curve.values, shares), shares, ""
    return None


def _ordinate(key: str) -> str:
    name = key.split("(", maxsplit=1)[0]
    known = {
        "two_point_coverage_probability": "centered coverage probability",
        "continuous_phase_size_distribution": "covered share",
        "intrusion_size_distribution": "covered share",
        "chord_lengths": "share of shorter chords",
        "geodesic_tortuosity": "share of shorter paths",
        "granulometry": "share of the phase [1/m]",
    }
    return known.get(name, name.replace("_", " "))


def _end(key: str, x: Floats, y: Floats) -> tuple[float, float]:
    """Range of the abscissa that is worth drawing; beyond it, a curve keeps its last value."""
    shown = x
    if key.startswith(("lineal_path", "granulometry")) and np.any(y > 1e-3 * y.max()):
        shown = x[: int(np.flatnonzero(y > 1e-3 * y.max())[-1]) + 1]
    return float(shown[0]), float(shown[-1])


@dataclass(frozen=True, eq=False)
class CutoutDescription:
    """Descriptions of several structures of one kind: cutouts of a window, or realizations.

    Parameters
    ----------
    parts : tuple of Description
        Each structure's own.
    confidence : float
        Share of the structures within a band.
    """

    parts: tuple[Description, ...]
    confidence: float = 0.9

    def __post_init__(self) -> None:
        object.__setattr__(self, "parts", tuple(self.parts))
        if not self.parts or not 0 < self.confidence < 1:
            raise InputError(
                f"{len(self.parts)} descriptions with confidence {self.confidence!r} make no band; "
                "expected one at least and a confidence between 0 and 1."
            )

    def _column(self, key: str) -> Floats:
        found = [p.values[key] for p in self.parts if key in p.values]
        if not found:
            raise InputError(f"There is no value {key!r}; there are {', '.join(self._keys())}.")
        return np.array(found, float)

    def _keys(self) -> list[str]:
        return list(dict.fromkeys(key for part in self.parts for key in part.values))

    def mean(self, key: str) -> float:
        """Mean over the structures in which the value is defined."""
        found = self._column(key)
        found = found[np.isfinite(found)]
        return float(found.mean()) if found.size else math.nan

    def std(self, key: str) -> float:
        """Standard deviation over them; nan with fewer than two."""
        found = self._column(key)
        found = found[np.isfinite(found)]
        return float(found.std(ddof=1)) if found.size > 1 else math.nan

    def interval(self, key: str) -> tuple[float, float]:
        """Quantiles between which that share of the structures lies."""
        found = self._column(key)
        found = found[np.isfinite(found)]
        tail = 0.5 - 0.5 * self.confidence
        if not found.size:
            return math.nan, math.nan
        low, high = np.quantile(found, [tail, 1 - tail])
        return float(low), float(high)

    def band(self, key: str) -> tuple[Floats, Floats, Floats, Floats]:
        """Abscissa, and mean, low and high of a curve over the structures.

        Curves are interpolated to common places; past its end a curve keeps its last value.

        Raises
        ------
        InputError
            If no structure has such a curve.
        """
        curves = [p.curves[key] for p in self.parts if key in p.curves]
        found = [made for made in map(curve_points, curves) if made is not None]
        if not found:
            raise InputError(f"There is no curve {key!r} in these {len(self.parts)} descriptions.")
        ranges = [_end(key, x, y) for x, y, _ in found]
        low, high = min(r[0] for r in ranges), max(r[1] for r in ranges)
        if key.startswith("two_point"):
            high = min(r[1] for r in ranges)
        places = np.linspace(low, high, _POINTS)
        values = np.array([np.interp(places, x, y) for x, y, _ in found])
        tail = 0.5 - 0.5 * self.confidence
        below, above = np.quantile(values, [tail, 1 - tail], axis=0)
        return places, values.mean(axis=0), below, above

    def to_table(self) -> list[dict[str, Any]]:
        """One row a value: descriptor, phase, unit, mean, std, low, high, count."""
        rows = []
        for key in self._keys():
            name, _, phase = key.partition("(")
            low, high = self.interval(key)
            rows.append(
                {
                    "descriptor": name,
                    "phase": phase[:-1],
                    "unit": next(p.unit(key) for p in self.parts if key in p.values),
                    "mean": self.mean(key),
                    "std": self.std(key),
                    "low": low,
                    "high": high,
                    "count": int(np.isfinite(self._column(key)).sum()),
                }
            )
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Table and bands for JSON, units in the keys."""
        values = {}
        for row in self.to_table():
            unit = f" [{row['unit']}]" if row["unit"] else ""
            values[f"{row['descriptor']}({row['phase']}){unit}"] = {
                k: number(row[k]) for k in ("mean", "std", "low", "high")
            }
        keys = dict.fromkeys(key for part in self.parts for key in part.curves)
        bands = {}
        for key in keys:
            if any(curve_points(p.curves[key]) for p in self.parts if key in p.curves):
                names = ("abscissa", "mean", "low", "high")
                bands[key] = {n: numbers(v) for n, v in zip(names, self.band(key), strict=True)}
        return {
            "count": len(self.parts),
            "confidence": self.confidence,
            "shape": list(self.parts[0].shape),
            "spacing [m]": list(self.parts[0].spacing),
            "values": values,
            "bands": bands,
        }

    def plot(self) -> Figure:
        """Draw one sheet with the bands of all curves; the values, if there is no curve."""
        curves = [c for part in self.parts for c in part.curves.values()]
        bare = all(curve_points(c) is None for c in curves)
        return overlay({"": self}, values=self._keys()[:12] if bare else ())


def describe_cutouts(
    m: Microstructure,
    *,
    edge: int | None = None,
    descriptors: Collection[str] = DEFAULT_DESCRIPTORS,
    phases: Sequence[str | int] | None = None,
    axis: int = 0,
    max_lag: float | None = None,
    confidence: float = 0.9,
) -> CutoutDescription:
    """Describe disjoint cubes of a window: how far its descriptors vary within it.

    Parameters
    ----------
    m : Microstructure
        The structure.
    edge : int, optional
        Edge of the cubes [voxels]; default: half the shortest edge of the window.
    descriptors, phases, axis, max_lag
        As in `describe`.
    confidence : float
        Share of the cubes within a band.

    Raises
    ------
    InputError
        If the edge is shorter than 2 voxels or does not fit twice, or as `describe`.

    Examples
    --------
    >>> labels = np.random.default_rng(0).integers(0, 2, (12, 12, 12)).astype(np.uint8)
    >>> made = describe_cutouts(Microstructure(labels, 1e-8), descriptors={"volume_fraction"})
    >>> len(made.parts), round(made.mean("volume_fraction(solid)"), 2)
    (8, 0.51)
    """
    wide = [n for n in m.shape if n > 1] or [1]
    size = min(wide) // 2 if edge is None else int(edge)
    parts = cutouts(m, size) if 2 <= size <= min(wide) else []
    if len(parts) < 2:
        raise InputError(
            f"Cutouts of {size} voxels from {m.shape} make no spread; expected an edge of 2 to "
            f"{max(max(wide) // 2, 2)} voxels, not longer than {min(wide)}."
        )
    made = []
    with steps("describing cutouts", len(parts)) as step:
        for part in parts:
            made.append(
                describe(part, descriptors=descriptors, phases=phases, axis=axis, max_lag=max_lag)
            )
            step()
    return CutoutDescription(tuple(made), confidence)


def overlay(
    descriptions: Mapping[str, Description | CutoutDescription]
    | Sequence[Description | CutoutDescription],
    *,
    names: Sequence[str] | None = None,
    curves: Sequence[str] | None = None,
    values: Sequence[str] = (),
) -> Figure:
    """Draw the curves of several structures over each other, and their values side by side.

    As Figs. 6 to 10 of Prifling et al. (2022): a panel per descriptor and phase, a line per
    structure, and a band where a `CutoutDescription` is given.

    Parameters
    ----------
    descriptions : mapping or sequence of Description or CutoutDescription
        The structures; the names of a mapping go to the legend.
    names : sequence of str, optional
        Names for a sequence; default 1, 2, ...
    curves : sequence of str, optional
        Which, as "chord_lengths(solid)" or "chord_lengths"; default all that there are.
    values : sequence of str
        Values to draw as bars, by the same kind of key; default none.

    Raises
    ------
    InputError
        If there is nothing to draw, or not one name for each.

    Examples
    --------
    >>> from vmt.descriptors import describe
    >>> labels = np.random.default_rng(0).integers(0, 2, (12, 12, 12)).astype(np.uint8)
    >>> one = describe(Microstructure(labels, 1e-8), descriptors={"chord_lengths"})
    >>> len(overlay([one, one], names=["a", "b"]).axes)
    2
    """
    from vmt._plotting import figure, finish, legend

    given = _named(descriptions, names)
    every = {name: _parts(d) for name, d in given.items()}
    keys = _select(curves, [k for parts in every.values() for p in parts for k in p.curves])
    keys = [
        key
        for key in keys
        if any(
            curve_points(p.curves[key])
            for parts in every.values()
            for p in parts
            if key in p.curves
        )
    ]
    bars = [
        key
        for asked in values
        for key in _select(
            [asked], [k for parts in every.values() for p in parts for k in p.values]
        )
    ]
    panels = len(keys) + len(bars)
    if not panels:
        raise InputError("There is no curve and no value to draw; name some that were computed.")
    columns = min(3, panels)
    sheet = figure(math.ceil(panels / columns), columns)
    for ax, key in zip(sheet.axes, keys, strict=False):
        unit = ""
        for place, (name, parts) in enumerate(every.items()):
            unit = _draw(ax, key, parts, given[name], f"C{place}", name) or unit
        finish(ax, xlabel="µm" if unit else "", ylabel=_ordinate(key))
        ax.set_title(key.replace("_", " "), fontsize=8, loc="left")
    for ax, key in zip(sheet.axes[len(keys) :], bars, strict=False):
        made = [CutoutDescription(parts) for parts in every.values()]
        heights = [c.mean(key) for c in made]
        spread = [0.0 if math.isnan(c.std(key)) else c.std(key) for c in made]
        ax.bar(range(len(made)), heights, yerr=spread, color=[f"C{i}" for i in range(len(made))])
        ax.set_xticks(range(len(made)), list(every), fontsize=8)
        unit = next(p.unit(key) for parts in every.values() for p in parts if key in p.values)
        finish(ax, ylabel=f"[{unit}]" if unit else "")
        ax.set_title(key.replace("_", " "), fontsize=8, loc="left")
    for ax in sheet.axes[panels:]:
        ax.set_axis_off()
    if any(every):
        legend(sheet.axes[0])
    return sheet


def _draw(
    ax: Axes,
    key: str,
    parts: Sequence[Description],
    given: Description | CutoutDescription,
    color: str,
    name: str,
) -> str | None:
    """Draw a structure's line or band; give the unit of the abscissa, None if it has no curve."""
    from vmt._plotting import draw_band

    found = [curve_points(p.curves[key]) for p in parts if key in p.curves]
    points = [made for made in found if made is not None]
    if not points:
        return None
    unit = points[0][2]
    scale = 1e6 if unit else 1.0
    if isinstance(given, CutoutDescription):
        x, mean, low, high = given.band(key)
        draw_band(ax, x * scale, mean, low, high, color=color, label=name)
    else:
        x, y, _ = points[0]
        ax.plot(x * scale, y, color=color, lw=1.2, label=name or None)
    start, end = _end(key, points[0][0], points[0][1])
    ends = ax.get_xlim()
    first = len(ax.lines) == 1
    ax.set_xlim(
        start * scale if first else min(ends[0], start * scale),
        end * scale if first else max(ends[1], end * scale),
    )
    return unit


def _named(
    descriptions: Mapping[str, Description | CutoutDescription]
    | Sequence[Description | CutoutDescription],
    names: Sequence[str] | None,
) -> dict[str, Description | CutoutDescription]:
    if isinstance(descriptions, Mapping):
        return dict(descriptions)
    labels = [str(i + 1) for i in range(len(descriptions))] if names is None else list(names)
    if len(set(labels)) != len(descriptions):
        raise InputError(
            f"{len(descriptions)} structures got the names {labels}; expected one of its own each."
        )
    return dict(zip(labels, descriptions, strict=True))


def _parts(given: Description | CutoutDescription) -> tuple[Description, ...]:
    return given.parts if isinstance(given, CutoutDescription) else (given,)


def _select(asked: Sequence[str] | None, known: Sequence[str]) -> list[str]:
    unique = list(dict.fromkeys(known))
    if asked is None:
        return unique
    chosen = [k for k in unique if k in asked or k.split("(", maxsplit=1)[0] in asked]
    missing = [a for a in asked if not any(k == a or k.startswith(f"{a}(") for k in unique)]
    if missing:
        raise InputError(f"There is no {', '.join(missing)} here; there are {', '.join(unique)}.")
    return chosen
