"""Two-point coverage probability C_ij(h) = P(x in phase i, x + h in phase j)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt.descriptors._support import extended_axes, numbers, read_only
from vmt.errors import InputError
from vmt.kernels import spectral
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TwoPointCoverage", "two_point_coverage_probability"]

#: within this many voxels each distance of the lattice keeps a bin of its own
_OWN_BINS = 4.0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TwoPointCoverage:
    """Two-point coverage probability of a pair of phases in a window.

    Parameters
    ----------
    phases : (str, str)
        Names of phase i and j.
    volume_fractions : (float, float)
        p_i and p_j of the window.
    spacing : (dx, dy, dz)
        Voxel edge lengths [m].
    lag_vectors : (k, 3) array of int32
        Lags v [voxels] with |v| up to the largest lag, one of each pair v, −v.
    lattice_values : (k,) array
        C_ij(v), mean of v and −v: pairs in both phases over all pairs of the window.
    pairs : (k,) array
        Pairs (x, x + v) in the window.
    covariances : (k,) array
        Mean over these pairs of (1_i − p_i)(1_j − p_j), each indicator less its mean over the whole
        window: as `lattice_values` − p_i p_j, but alike for a phase and its complement.
    lags : (n,) array
        Distances of the radial curve [m]: up to four voxels each distance of the lattice, beyond
        them the mean of each bin of one voxel; less than a bin at the end joins the last one.
    values : (n,) array
        C_ij at these distances: mean over directions, each lag weighted by its pairs.
    """

    phases: tuple[str, str]
    volume_fractions: tuple[float, float]
    spacing: tuple[float, float, float]
    lag_vectors: npt.NDArray[np.int32]
    lattice_values: Floats
    pairs: Floats
    covariances: Floats
    lags: Floats
    values: Floats

    def __post_init__(self) -> None:
        read_only(self, "lag_vectors", "lattice_values", "pairs", "covariances", "lags", "values")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    @property
    def centered(self) -> Floats:
        """C_ij − p_i p_j on the radial curve."""
        return np.asarray(self.values - self.volume_fractions[0] * self.volume_fractions[1])

    def directional(self, axis: int) -> tuple[Floats, Floats]:
        """Lags [m] and C_ij along an axis of the grid."""
        others = [i for i in range(3) if i != axis]
        along = (self.lag_vectors[:, others] == 0).all(axis=1)
        order = np.argsort(self.lag_vectors[along, axis])
        steps = self.lag_vectors[along, axis][order] * self.spacing[axis]
        return np.asarray(steps, float), self.lattice_values[along][order]

    def to_dict(self) -> dict[str, Any]:
        """Radial and directional curves for JSON."""
        directional = {
            "xyz"[axis]: {"lags [m]": numbers(lags), "values": numbers(values)}
            for axis in range(3)
            for lags, values in [self.directional(axis)]
            if lags.size > 1
        }
        return {
            "phases": list(self.phases),
            "volume_fractions": list(self.volume_fractions),
            "lags [m]": numbers(self.lags),
            "values": numbers(self.values),
            "directional": directional,
        }

    def plot(self, ax: Axes | None = None, *, centered: bool = True) -> Axes:
        """Draw the radial curve and, thin, the curves along the axes."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        shift = self.volume_fractions[0] * self.volume_fractions[1] if centered else 0.0
        for axis in range(3):
            lags, values = self.directional(axis)
            if lags.size > 1:
                ax.plot(lags * 1e6, values - shift, lw=0.8, ls=("-", "--", ":")[axis], color="0.6")
        ax.plot(self.lags * 1e6, self.values - shift, color=COLORS["image"])
        ax.axhline(0.0 if centered else shift, color="0.8", lw=0.6, zorder=0)
        i, j = self.phases
        name = f"C({i}, {j})" + (" − p p" if centered else "")
        return finish(ax, xlabel="distance [µm]", ylabel=name)


def two_point_coverage_probability(
    m: Microstructure,
    phase: str | int,
    other: str | int | None = None,
    *,
    max_lag: float | None = None,
) -> TwoPointCoverage:
    """Probability that two points at a given distance lie in two phases (or in the same one).

    Computed by FFT, zero-padded; at each lag the pairs found are divided by the pairs that the
    window holds, so that the estimate is unbiased for a stationary structure (Neumann et al.
    2023, section 3.3; C₀ there is `centered`).

    Parameters
    ----------
    m : Microstructure
        The structure.
    phase, other : str or int
        The two phases; without the second, the first twice.
    max_lag : float, optional
        Largest distance [m]; default: a quarter of the shortest edge of the window.

    Raises
    ------
    InputError
        If a phase does not exist, or the largest distance is not positive or beyond the window.
    MemoryBudgetError
        If the transforms don't fit.
    """
    label = m.label_of(phase)
    second = label if other is None else m.label_of(other)
    lengths, reach = _lag_box(m, max_lag)
    require_memory(
        spectral.bytes_needed(m.shape, reach, 1 if label == second else 2),
        f"the two-point function of {m.shape} voxels",
        "Use a smaller max_lag, or a crop.",
    )
    b = None if label == second else m.mask(second)
    counts = spectral.pair_counts(m.mask(label), b, reach)
    return _coverage(m, (m.name_of(label), m.name_of(second)), counts, lengths)


def _lag_box(m: Microstructure, max_lag: float | None) -> tuple[float, tuple[int, int, int]]:
    """Largest distance [m], and the lag box that holds it [voxels]."""
    edges = [s for s, more in zip(m.size, extended_axes(m), strict=True) if more]
    if not edges:
        raise InputError("A single voxel has no two-point function; expected two at least.")
    length = min(edges) / 4 if max_lag is None else float(max_lag)
    if not 0 < length < min(edges):
        raise InputError(
            f"max_lag={max_lag!r} can't be used; expected a distance in meters, larger than 0 and "
            f"smaller than the shortest edge of the window, {min(edges):.4g} m."
        )
    x, y, z = (
        min(int(length / h * (1 + 1e-9)), n - 1) for n, h in zip(m.shape, m.spacing, strict=True)
    )
    return length, (x, y, z)


def _coverage(
    m: Microstructure,
    phases: tuple[str, str],
    counts: spectral.PairCounts,
    max_lag: float,
) -> TwoPointCoverage:
    dx, dy, dz = m.spacing
    lx, ly, lz = (counts.pairs.shape[0] - 1, *(n // 2 for n in counts.pairs.shape[1:]))
    x = np.arange(lx + 1)[:, None, None]
    y, z = np.arange(-ly, ly + 1)[:, None], np.arange(-lz, lz + 1)
    squared = (x * dx) ** 2 + (y * dy) ** 2 + (z * dz) ** 2
    half = (x > 0) | (y > 0) | ((y == 0) & (z >= 0))
    keep = half & (squared <= max_lag**2 * (1 + 1e-9))
    vectors = np.argwhere(keep).astype(np.int32)
    vectors -= np.array([0, ly, lz], np.int32)
    products, pairs = counts.products[keep], counts.pairs[keep]
    lags, values = _radial(np.sqrt(squared[keep]), products, pairs, m)
    fractions = (m.volume_fraction(phases[0]), m.volume_fraction(phases[1]))
    one, two = (ends[keep] for ends in counts.singles)
    ends = 0.5 * (fractions[1] * one + fractions[0] * two)
    covariances = (products - ends) / pairs + fractions[0] * fractions[1]
    coverage = products / pairs
    return TwoPointCoverage(
        phases, fractions, m.spacing, vectors, coverage, pairs, covariances, lags, values
    )


def _radial(
    distance: Floats, products: Floats, pairs: Floats, m: Microstructure
) -> tuple[Floats, Floats]:
    unit = min(h for h, more in zip(m.spacing, extended_axes(m), strict=True) if more)
    near = distance < (_OWN_BINS + 1e-9) * unit
    # distances of the lattice that differ by rounding only get one bin
    rounded = np.round((distance[near] / unit) ** 2, 6)
    _, own = np.unique(rounded, return_inverse=True)
    first = int(own.max()) + 1
    group = np.empty(distance.size, np.int64)
    group[near] = own
    beyond = math.ceil(_OWN_BINS)
    group[~near] = first + np.floor(distance[~near] / unit - beyond).astype(np.int64)
    # the last bin is cut where the largest lag is; what is less than a bin joins the one before
    last = int(np.floor(distance.max() / unit + 1e-9)) - beyond
    if last > 0 and distance.max() / unit < beyond + last + 1 - 0.1:
        group[group == first + last] -= 1
    weight = np.bincount(group, pairs)
    used = weight > 0
    lags = np.bincount(group, pairs * distance)[used] / weight[used]
    return lags, np.bincount(group, products)[used] / weight[used]


def _all_pairs(
    m: Microstructure, names: list[str], max_lag: float | None
) -> dict[tuple[str, str], TwoPointCoverage]:
    """All pairs of the given phases; one transform serves both phases of a two-phase structure."""
    present = [name for name in names if m.volume_fraction(name) > 0]
    lengths, reach = _lag_box(m, max_lag)
    made: dict[tuple[str, str], TwoPointCoverage] = {}
    if len(present) == 2 and sum(m.volume_fraction(n) for n in present) > 1 - 0.5 / m.labels.size:
        one, two = present
        require_memory(
            spectral.bytes_needed(m.shape, reach, 1), f"the two-point function of {m.shape} voxels"
        )
        counts = spectral.pair_counts(m.mask(one), None, reach)
        made[one, one] = _coverage(m, (one, one), counts, lengths)
        made[one, two] = _coverage(m, (one, two), counts.with_complement(), lengths)
        made[two, two] = _coverage(m, (two, two), counts.complement(), lengths)
        return made
    for i, one in enumerate(present):
        for two in present[i:]:
            made[one, two] = two_point_coverage_probability(m, one, two, max_lag=lengths)
    return made
