"""How far a window's volume fraction can be trusted, and how large a window must be."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._progress import steps
from vmt.descriptors._support import extended_axes, number, numbers, read_only
from vmt.descriptors._two_point import TwoPointCoverage, two_point_coverage_probability
from vmt.errors import InputError
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CutoutStudy", "Representativity", "cutout_study", "cutouts", "representativity"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Representativity:
    """Standard error of a phase's volume fraction in windows of any size.

    Parameters
    ----------
    phase : str
        The phase.
    volume_fraction : float
        In the window.
    size : (Lx, Ly, Lz)
        Edges of the window [m].
    reach : (x, y, z)
        Largest lag taken into account along each axis [m]; 0 along an axis of one voxel.
    moments : (2, 2, 2) array
        Integral of C₀(z) |z_x|^a |z_y|^b |z_z|^c for a, b, c = 0, 1 over the lags up to the reach;
        the first one is p (1 − p) times the integral range.
    """

    phase: str
    volume_fraction: float
    size: tuple[float, float, float]
    reach: tuple[float, float, float]
    moments: Floats

    def __post_init__(self) -> None:
        read_only(self, "moments")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    @property
    def integral_range(self) -> float:
        """Integral of C₀ over p (1 − p): a volume [m³], an area [m²] in 2D; nan for p = 0 or 1.

        A large window of volume V is worth V over it independent points (Lantuéjoul 1991).
        """
        spread = self.volume_fraction * (1 - self.volume_fraction)
        return float(self.moments[0, 0, 0]) / spread if spread > 0 else math.nan

    @property
    def std(self) -> float:
        """Standard error of the window's own volume fraction."""
        return self.std_at(self.size)

    def std_at(self, size: float | Sequence[float]) -> float:
        """Standard deviation of the volume fraction over windows of given edges [m] (eq. 18).

        Raises
        ------
        InputError
            If an edge is shorter than the lags taken into account.
        """
        given = [float(size)] * 3 if isinstance(size, (int, float)) else [float(s) for s in size]
        if len(given) != 3 or any(g < r for g, r in zip(given, self.reach, strict=True)):
            shown = ", ".join(f"{r:.4g}" for r in self.reach)
            raise InputError(
                f"Windows of {size!r} m can't be judged; expected three edges in meters not "
                f"shorter than the lags taken into account, {shown} m."
            )
        total, volume = 0.0, 1.0
        for place in itertools.product((0, 1), repeat=3):
            if any(p and not r for p, r in zip(place, self.reach, strict=True)):
                continue
            shrink = math.prod(-1 / g for p, g in zip(place, given, strict=True) if p)
            total += float(self.moments[place]) * shrink
        volume = math.prod(g for g, r in zip(given, self.reach, strict=True) if r)
        return math.sqrt(max(total, 0.0) / volume)

    def size_for(self, relative_error: float, *, confidence: float = 0.95) -> float:
        """Edge [m] of the cube whose volume fraction is that precise: the representative volume.

        Parameters
        ----------
        relative_error : float
            Half width of the interval over the volume fraction.
        confidence : float
            Probability that the interval covers the true volume fraction.

        Returns
        -------
        float
            Not below the lags taken into account; inf if the phase has no voxel.
        """
        if not (relative_error > 0 and 0 < confidence < 1):
            raise InputError(
                f"A relative error of {relative_error!r} with confidence {confidence!r} can't be "
                "asked for; expected a positive error and a probability between 0 and 1."
            )
        if self.volume_fraction == 0:
            return math.inf
        wanted = relative_error * self.volume_fraction
        wanted /= NormalDist().inv_cdf(0.5 + 0.5 * confidence)
        low = max(self.reach)
        if self.std_at(low) <= wanted:
            return low
        high = 2 * low
        while self.std_at(high) > wanted:
            low, high = high, 2 * high
        for _ in range(60):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if self.std_at(middle) > wanted else (low, middle)
        return high

    def to_dict(self) -> dict[str, Any]:
        """Standard error, integral range and representative sizes for JSON."""
        errors = (0.1, 0.05, 0.02, 0.01)
        dimensions = sum(r > 0 for r in self.reach)
        unit = {3: "m³", 2: "m²"}.get(dimensions, "m")
        return {
            "phase": self.phase,
            "volume_fraction": number(self.volume_fraction),
            "std": number(self.std),
            f"integral_range [{unit}]": number(self.integral_range),
            "size_for_relative_error [m]": {str(e): number(self.size_for(e)) for e in errors},
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the relative standard error over the edge of a cube; the window is marked."""
        from matplotlib.ticker import LogLocator

        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        edges = np.geomspace(max(self.reach), 8 * max(self.size), 60)
        share = max(self.volume_fraction, 1e-300)
        spread = [self.std_at(float(e)) / share for e in edges]
        ax.loglog(edges * 1e6, spread, color=COLORS["image"])
        # labels at 1, 2, 5: those at every digit run into each other
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        ax.xaxis.set_major_formatter("{x:g}")
        ax.xaxis.set_minor_formatter("")
        more = [s for s, r in zip(self.size, self.reach, strict=True) if r]
        own = math.prod(more) ** (1 / len(more))
        ax.plot([own * 1e6], [self.std / share], "o", color=COLORS["model"])
        return finish(ax, xlabel="edge [µm]", ylabel=f"relative standard error ({self.phase})")


def representativity(
    m: Microstructure, phase: str | int, *, max_lag: float | None = None
) -> Representativity:
    """Standard error of a volume fraction in windows of any size, from the two-point function.

    Equation (18) of Neumann et al. (2023), σ² = Σ C₀(z) v(W ∩ (W − z)) / v(W)², over the lags up to
    `max_lag`. With the window's own Ĉ₀ the sum over all lags is zero, whatever the structure, since
    Ĉ₀ is too small by about σ² at each; so σ² = A / (1 − w) is solved for it, A the sum with Ĉ₀
    over the lags up to `max_lag` and w the share of pairs that they hold.

    Parameters
    ----------
    m : Microstructure
        The structure.
    phase : str or int
        The phase.
    max_lag : float, optional
        Where correlation is taken to have ended [m]; default: the first lag at which the mean of
        Ĉ₀ over directions is not positive, at most a quarter of the shortest edge. Longer lags
        add noise.

    Raises
    ------
    InputError
        If there is no such phase, or the largest lag is not within the window.
    MemoryBudgetError
        If the transforms don't fit.

    Examples
    --------
    >>> labels = np.random.default_rng(0).integers(0, 2, (40, 40, 40)).astype(np.uint8)
    >>> made = representativity(Microstructure(labels, 1.0), 1, max_lag=2.0)
    >>> abs(made.std / (0.5 / 40**1.5) - 1) < 0.5
    True
    """
    coverage = two_point_coverage_probability(m, phase, max_lag=max_lag)
    return _representativity(m, coverage, max_lag)


def _representativity(
    m: Microstructure, coverage: TwoPointCoverage, max_lag: float | None
) -> Representativity:
    """As `representativity`, from the two-point function of a phase with itself."""
    vectors = np.abs(coverage.lag_vectors) * np.asarray(m.spacing)
    distance = np.sqrt((vectors**2).sum(axis=1))
    end = float(coverage.lags[-1]) if max_lag is None else float(max_lag)
    if max_lag is None:
        shell = np.floor(
            distance / min(h for h, n in zip(m.spacing, m.shape, strict=True) if n > 1)
        )
        bins = shell.astype(np.int64)
        mean = np.bincount(bins, coverage.pairs * coverage.covariances)
        gone = np.flatnonzero(mean[np.unique(bins)] <= 0)
        if gone.size:
            first = np.unique(bins)[gone[0]]
            end = float(distance[bins == first].min())
    keep = distance <= end * (1 + 1e-9)
    vectors, pairs = vectors[keep], coverage.pairs[keep]
    both = np.where(distance[keep] > 0, 2.0, 1.0)  # one of each pair of opposite lags is kept
    centered = coverage.covariances[keep]
    weights = both * pairs / float(m.labels.size) ** 2
    variance = float(weights @ centered) / (1 - float(weights.sum()))
    centered = both * (centered + max(variance, 0.0))
    wide = extended_axes(m)
    cell = math.prod(h for h, more in zip(m.spacing, wide, strict=True) if more)
    moments = np.zeros((2, 2, 2))
    for place in itertools.product((0, 1), repeat=3):
        powers = [vectors[:, axis] for axis, power in enumerate(place) if power]
        moments[place] = cell * float((np.prod(powers, axis=0) * centered).sum())
    reach = vectors.max(axis=0) if len(vectors) else np.zeros(3)
    rx, ry, rz = (
        max(float(r), h) if more else 0.0 for r, h, more in zip(reach, m.spacing, wide, strict=True)
    )
    p = coverage.volume_fractions[0]
    return Representativity(coverage.phases[0], p, m.size, (rx, ry, rz), moments)


def cutouts(m: Microstructure, edge: int) -> list[Microstructure]:
    """Disjoint cubes of `edge` voxels, centered in the window; views. Flat axes stay flat."""
    starts = []
    for n, more in zip(m.shape, extended_axes(m), strict=True):
        width = edge if more else 1
        count = n // width
        first = (n - count * width) // 2
        starts.append([slice(first + i * width, first + (i + 1) * width) for i in range(count)])
    return [m.crop(x, y, z) for x, y, z in itertools.product(*starts)]


@dataclass(frozen=True, eq=False)
class CutoutStudy:
    """A measure of cutouts of several sizes.

    Parameters
    ----------
    edges : (n,) array of int
        Edges of the cubes [voxels].
    spacing : (dx, dy, dz)
        Voxel edge lengths [m].
    values : tuple of n arrays
        The measure of each cutout of a size.
    """

    edges: npt.NDArray[np.int64]
    spacing: tuple[float, float, float]
    values: tuple[Floats, ...]

    def __post_init__(self) -> None:
        read_only(self, "edges")
        for part in self.values:
            part.flags.writeable = False

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.edges, self.spacing, self.values)

    @property
    def mean(self) -> Floats:
        """Mean over the cutouts of each size where the measure is defined."""
        return np.array([_statistic(v, np.mean, 1) for v in self.values])

    @property
    def std(self) -> Floats:
        """Standard deviation over the cutouts of each size; nan with fewer than two."""
        return np.array([_statistic(v, lambda a: np.std(a, ddof=1), 2) for v in self.values])

    def band(self, confidence: float = 0.9) -> tuple[Floats, Floats]:
        """Quantiles between which that share of the cutouts of each size lies."""
        shares = (0.5 - 0.5 * confidence, 0.5 + 0.5 * confidence)
        low, high = (
            np.array([_statistic(v, partial(np.quantile, q=s), 1) for v in self.values])
            for s in shares
        )
        return low, high

    def to_dict(self) -> dict[str, Any]:
        """Mean, spread and values by size for JSON."""
        low, high = self.band()
        return {
            "edges": [int(e) for e in self.edges],
            "spacing [m]": list(self.spacing),
            "counts": [len(v) for v in self.values],
            "mean": numbers(self.mean),
            "std": numbers(self.std),
            "low": numbers(low),
            "high": numbers(high),
            "values": [numbers(v) for v in self.values],
        }

    def plot(self, ax: Axes | None = None, *, ylabel: str = "") -> Axes:
        """Draw every cutout's value over its edge, the mean and the 90 % band."""
        from vmt._plotting import COLORS, axes, draw_band, finish

        ax = axes(ax)
        edges = self.edges * min(self.spacing) * 1e6
        for edge, found in zip(edges, self.values, strict=True):
            ax.plot(np.full(found.size, edge), found, ".", ms=3, color=COLORS["muted"])
        draw_band(ax, edges, self.mean, *self.band(), color=COLORS["image"])
        return finish(ax, xlabel="edge of the cutouts [µm]", ylabel=ylabel)


def _statistic(values: Floats, what: Callable[[Floats], Any], least: int) -> float:
    known = values[np.isfinite(values)]
    return float(what(known)) if known.size >= least else math.nan


def cutout_study(
    m: Microstructure,
    measure: Callable[[Microstructure], float],
    edges: Sequence[int],
    *,
    most: int = 64,
) -> CutoutStudy:
    """Measure disjoint cutouts of several sizes: how a descriptor spreads and drifts with size.

    Parameters
    ----------
    m : Microstructure
        The structure.
    measure : callable
        Takes a cutout, gives a number, as ``lambda c: vmt.geodesic_tortuosity(c, "pore")``.
    edges : sequence of int
        Edges of the cubes [voxels].
    most : int
        At most so many cutouts of a size, spread evenly over the window.

    Raises
    ------
    InputError
        If an edge is below 1 voxel or longer than the shortest edge of the window.

    Examples
    --------
    >>> labels = np.random.default_rng(0).integers(0, 2, (16, 16, 16)).astype(np.uint8)
    >>> m = Microstructure(labels, 1e-8)
    >>> made = cutout_study(m, lambda c: c.volume_fraction("solid"), [4, 8])
    >>> [len(v) for v in made.values], bool(made.std[0] > made.std[1])
    ([64, 8], True)
    """
    widths = [n for n, more in zip(m.shape, extended_axes(m), strict=True) if more] or [1]
    sizes = [int(e) for e in edges]
    if not sizes or min(sizes) < 1 or max(sizes) > min(widths) or most < 1:
        raise InputError(
            f"Cutouts of {list(edges)} voxels (at most {most} of each) can't be taken from "
            f"{m.shape}; expected edges from 1 to {min(widths)}."
        )
    values = []
    with steps("cutouts", len(sizes)) as step:
        for edge in sizes:
            parts = cutouts(m, edge)
            chosen = np.unique(np.linspace(0, len(parts) - 1, most).round().astype(int))
            values.append(np.array([float(measure(parts[i])) for i in chosen]))
            step(f"cutouts of {edge} voxels")
    return CutoutStudy(np.array(sizes, np.int64), m.spacing, tuple(values))
