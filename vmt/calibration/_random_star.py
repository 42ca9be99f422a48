"""The law of random particles from measured ones, and whether it tells them apart.

Source: Feinauer et al. (2015), *Mater. Charact.* 106, 123–133.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.errors import CalibrationError, InputError
from vmt.kernels import star_shapes
from vmt.models import RandomStarParticle, StarParticle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ParticleStatistics", "StarCalibration", "calibrate_star_particles"]

Floats = npt.NDArray[np.float64]
_FEWEST = 20
_SIMULATED = 2000
_RISK = 1e-3  # of calling a right model inadequate, per quantity


@dataclass(frozen=True, eq=False)
class ParticleStatistics:
    """What particles are compared by.

    Parameters
    ----------
    volumes : (k,) array
        [m³].
    sphericities : (k,) array
        Surface of the ball of the same volume over the own one.
    powers : (k, L) array
        Relative power P_l/P_0 of the degrees 1 to L.
    """

    volumes: Floats
    sphericities: Floats
    powers: Floats

    @classmethod
    def of(cls, coefficients: Floats) -> ParticleStatistics:
        """Measure bodies of coefficients (k, (L + 1)²)."""
        volume, area = star_shapes.volumes(coefficients), star_shapes.surface_areas(coefficients)
        spectrum = star_shapes.power_spectra(coefficients)
        sphericity = np.cbrt(36 * math.pi * volume**2) / area
        return cls(volume, sphericity, spectrum[:, 1:] / spectrum[:, :1])

    @property
    def diameters(self) -> Floats:
        """Equivalent diameters (k,) [m]."""
        return np.asarray(np.cbrt(6 * self.volumes / math.pi))

    def distances(self, other: ParticleStatistics) -> dict[str, float]:
        """Kolmogorov–Smirnov distance of each quantity.

        Volume, sphericity, the relative power of each degree from 2 on, and their sum over the
        degrees, which is the particle's mean power.
        """
        from scipy.stats import ks_2samp

        pairs = {
            "volume": (self.volumes, other.volumes),
            "sphericity": (self.sphericities, other.sphericities),
            "mean power": (self.powers.sum(axis=1), other.powers.sum(axis=1)),
        }
        for n in range(2, self.powers.shape[1] + 1):
            pairs[f"power of degree {n}"] = (self.powers[:, n - 1], other.powers[:, n - 1])
        return {name: float(ks_2samp(*pair).statistic) for name, pair in pairs.items()}


@dataclass(frozen=True, eq=False)
class StarCalibration:
    """A law of random particles and how it agrees with particles that it has not seen.

    Parameters
    ----------
    model : RandomStarParticle
        The law, with the weights given.
    measured : ParticleStatistics
        Of the particles that it was fitted to.
    simulated : ParticleStatistics
        Of particles drawn from the law without weights, as the window shows them.
    withheld : int
        Particles kept back from the fit; 0 if none were.
    distances : mapping of str to float
        Kolmogorov–Smirnov distance of each quantity, withheld (without them, measured) against
        simulated.
    limit : float
        Distance that a right model exceeds once in a thousand.
    """

    model: RandomStarParticle
    measured: ParticleStatistics
    simulated: ParticleStatistics
    withheld: int
    distances: Mapping[str, float]
    limit: float

    def __reduce__(self) -> tuple[Any, ...]:
        values = [getattr(self, name) for name in self.__dataclass_fields__]
        values[4] = dict(values[4])
        return type(self), tuple(values)

    def __repr__(self) -> str:
        word = "adequate" if self.adequate else "not adequate"
        worst = max(self.distances, key=lambda name: self.distances[name])
        return (
            f"StarCalibration({self.measured.volumes.size} particles fitted, {self.withheld} "
            f"withheld; {word}: largest distance {self.distances[worst]:.3f} ({worst}), limit "
            f"{self.limit:.3f})"
        )

    @property
    def adequate(self) -> bool:
        """Whether no distance exceeds the limit."""
        return all(value <= self.limit for value in self.distances.values())

    def to_dict(self) -> dict[str, Any]:
        """Law, distances and means for JSON."""
        content: dict[str, Any] = {
            "adequate": self.adequate,
            "fitted_particles": int(self.measured.volumes.size),
            "withheld_particles": self.withheld,
            "limit_of_distance": self.limit,
            "distances": dict(self.distances),
        }
        for name, seen in (("measured", self.measured), ("simulated", self.simulated)):
            content[name] = {
                "mean_volume [m³]": float(seen.volumes.mean()),
                "median_equivalent_diameter [m]": float(np.median(seen.diameters)),
                "mean_sphericity": float(seen.sphericities.mean()),
                "mean_relative_power": seen.powers.mean(axis=0).tolist(),
            }
        return content | {"model": self.model.to_dict()}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the mean power spectra, and the band of the middle 80 % of the particles."""
        from vmt._plotting import COLORS, axes, draw_band, finish, legend

        ax = axes(ax)
        degrees = np.arange(1, self.measured.powers.shape[1] + 1)
        low, high = np.quantile(self.measured.powers, (0.1, 0.9), axis=0)
        draw_band(
            ax, degrees, self.measured.powers.mean(axis=0), low, high,
            color=COLORS["image"], label="measured", band_label="measured, middle 80 %",
        )  # fmt: skip
        low, high = np.quantile(self.simulated.powers, (0.1, 0.9), axis=0)
        ax.plot(
            degrees, self.simulated.powers.mean(axis=0), "o", color=COLORS["model"],
            markersize=4, label="model",
        )  # fmt: skip
        for edge in (low, high):
            ax.plot(degrees, edge, ":", color=COLORS["model"], linewidth=1.0)
        ax.set_yscale("log")
        ax.set_xticks(degrees)
        return legend(finish(ax, xlabel="degree l", ylabel="relative power P$_l$/P$_0$"))


def calibrate_star_particles(
    particles: Sequence[StarParticle],
    *,
    weights: npt.ArrayLike | None = None,
    withhold: int = 0,
    rng: np.random.Generator | int = 0,
) -> StarCalibration:
    """Fit the law of random particles: sizes, spectra, and their dependence.

    The margins are those of the particles, smoothed between order statistics; the dependence is a
    Gaussian copula by normal scores. What the spectrum does not say, such as aligned facets, is
    lost.

    Parameters
    ----------
    particles : sequence of StarParticle
        As `StarFit.whole_particles` gives them; all of one degree.
    weights : (k,) array, optional
        Of the particles in the law that is given back, as `StarFit.whole_weights` gives them. The
        law is judged without them: withheld particles were seen through the same window.
    withhold : int
        Particles, drawn at random, that are kept back to judge the fit.
    rng : numpy.random.Generator or int
        Draws the withheld ones and those that are simulated to compare.

    Returns
    -------
    StarCalibration
        With the model, and distances to 2000 simulated particles.

    Raises
    ------
    CalibrationError
        If fewer than 20 particles are left to fit.
    InputError
        If the degrees differ or are 0.

    Examples
    --------
    >>> truth = RandomStarParticle.gaussian(8e-6, [0.001, 0.01, 0.005], size_spread=0.3)
    >>> made = calibrate_star_particles(truth.sample(500, rng=1), withhold=100)
    >>> made.adequate, made.model.degree
    (True, 3)
    """
    from vmt.models._level_set import seed_sequence

    degrees = {p.degree for p in particles}
    if len(degrees) > 1 or degrees == {0}:
        raise InputError(
            f"Particles of the degrees {sorted(degrees)} can't be used; expected one degree of at "
            "least 1. Fit all with the same degree."
        )
    if not isinstance(withhold, int | np.integer) or withhold < 0:
        raise InputError(f"withhold={withhold!r} can't be used; expected a whole number.")
    if len(particles) - withhold < _FEWEST:
        raise CalibrationError(
            f"{len(particles)} particles, {withhold} of them withheld, are too few; expected at "
            f"least {_FEWEST} to fit the law. Use a larger window, or withhold fewer."
        )
    generator = np.random.default_rng(seed_sequence(rng))
    c = np.array([p.coefficients for p in particles])
    order = generator.permutation(len(c))
    fitted = ParticleStatistics.of(c[order[withhold:]])
    judged = ParticleStatistics.of(c[order[:withhold]]) if withhold else fitted
    model = _fit_law(fitted, np.ones(len(c) - withhold))
    simulated = ParticleStatistics.of(model.sample_coefficients(_SIMULATED, rng=generator))
    if weights is not None:
        model = _fit_law(fitted, _check_weights(weights, len(c))[order[withhold:]])
    limit = math.sqrt(-math.log(_RISK / 2) / 2 * (1 / judged.volumes.size + 1 / _SIMULATED))
    distances = MappingProxyType(judged.distances(simulated))
    return StarCalibration(model, fitted, simulated, int(withhold), distances, limit)


def _check_weights(weights: npt.ArrayLike, count: int) -> Floats:
    array = np.asarray(weights, float)
    if array.shape != (count,) or not np.isfinite(array).all() or not (array > 0).all():
        raise InputError(
            f"weights of shape {array.shape} can't be used; expected {count} positive numbers, one "
            "per particle."
        )
    return array


def _fit_law(seen: ParticleStatistics, weights: Floats) -> RandomStarParticle:
    from scipy import special

    columns = np.column_stack([seen.diameters, seen.powers])
    count, total = len(columns), float(weights.sum())
    scores, tables = np.empty_like(columns), np.empty_like(columns)
    even = np.linspace(0, 1, count)
    for i, column in enumerate(columns.T):
        order = np.argsort(column, kind="stable")
        below = np.cumsum(weights[order]) - 0.5 * weights[order]
        scores[order, i] = special.ndtri(below / total)
        # from the least at 0 to the largest at 1, by the weight in between
        tables[:, i] = np.interp(even, (below - below[0]) / (below[-1] - below[0]), column[order])
        if column.min() == column.max():  # depends on nothing
            scores[:, i] = 0.0
    share = weights / total
    scores -= share @ scores
    spread = np.sqrt(share @ scores**2)
    scores /= np.where(spread > 0, spread, 1.0)
    correlation = scores.T @ (share[:, None] * scores)
    np.fill_diagonal(correlation, 1.0)
    return RandomStarParticle(tables[:, 0], tables[:, 1:].T, correlation)
