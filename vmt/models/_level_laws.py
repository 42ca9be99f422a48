"""Two-point laws of excursion sets: coverage C of a pair of points as a function of ρ.

With ρ = cos φ both laws have a smooth derivative in φ in closed form, so that C is its integral:
an interpolant by pieces of degree 8, integrated exactly, is accurate to about 1e-14 and is built
once for each level.

- Gaussian: dC/dρ = exp(−λ²/(1 + ρ)) / (2π √(1 − ρ²)) (Chiu et al. 2013, section 6.6).
- χ²_k: from the expansion of Kibble's bivariate law in Laguerre polynomials and the Hardy–Hille
  formula, with m = k/2, x = λ/2 and the scaled Bessel function Ĩ_m(z) = e^{−z} I_m(z):
  dC/dρ = 2ρ x^m/Γ(m) · exp(−2x/(1 + ρ)) ρ^{−m} Ĩ_m(2xρ/(1 − ρ²)) / (1 − ρ²).
  Its integral is the series of Neumann et al. (2023), Proposition 1, for k = 2.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special
from scipy.interpolate import PPoly

__all__ = ["TwoPointLaw", "chi_square_law", "gaussian_law"]

Array = npt.NDArray[np.float64]
_DEGREE = 8


class TwoPointLaw:
    """C as a function of ρ for one level, its derivative and its inverse.

    Parameters
    ----------
    volume_fraction : float
        p = C at ρ = 1.
    slope : callable
        −dC/dφ at the angles φ, ρ = cos φ.
    end : float
        Largest angle: π for a law on ρ ∈ [−1, 1], π/2 for one of |ρ|.
    floor : float
        C at the largest angle, known exactly.
    """

    def __init__(
        self, volume_fraction: float, slope: Callable[[Array], Array], end: float, floor: float
    ) -> None:
        self.volume_fraction = volume_fraction
        self._slope = slope
        self._even = end < 3.0
        start = np.concatenate(([0.0], np.geomspace(1e-9, 0.04, 90)))
        edges = np.concatenate((start, np.linspace(0.04, end, 240)[1:]))
        # powers of t on [0, 1] from the values at the Chebyshev points of a piece
        points = 0.5 * (1 - np.cos(np.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1)))
        to_powers = np.linalg.inv(np.vander(points, _DEGREE + 1))
        widths = np.diff(edges)
        values = slope(edges[:-1] + points[:, None] * widths)
        powers = to_powers @ values / widths ** np.arange(_DEGREE, -1, -1)[:, None]
        self._deficit = PPoly(powers, edges).antiderivative()  # p − C as a function of φ
        self._edges = edges
        # rounding of the sum over pieces, about 1e-13
        self._deficit.c *= (volume_fraction - floor) / float(self._deficit(end))
        self._edge_deficits = np.maximum.accumulate(np.asarray(self._deficit(edges)))

    def coverage(self, rho: npt.ArrayLike) -> Array:
        """C at the correlations ρ."""
        return np.asarray(self.volume_fraction - self._deficit(self._angle(rho)))

    def _angle(self, rho: npt.ArrayLike) -> Array:
        values = np.clip(np.asarray(rho, np.float64), -1.0, 1.0)
        return np.asarray(np.arccos(np.abs(values) if self._even else values))

    def derivative(self, rho: npt.ArrayLike) -> Array:
        """dC/dρ; infinite at |ρ| = 1."""
        values = np.asarray(rho, np.float64)
        angle = self._angle(values)
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = self._slope(angle) / np.sin(angle)
        slope = np.where(np.abs(values) >= 1.0, math.inf, slope)
        return np.asarray(np.sign(values) * slope if self._even else slope)

    def correlation(self, coverage: npt.ArrayLike) -> Array:
        """ρ at which C has the given values; nan where there is none."""
        given = np.asarray(coverage, np.float64)
        deficit = self.volume_fraction - given.ravel()
        top = self._edge_deficits[-1]
        tiny = 4e-16
        valid = (deficit >= -tiny) & (deficit <= top + tiny)
        target = np.clip(np.where(valid, deficit, 0.0), 0.0, top)
        place = np.searchsorted(self._edge_deficits, target, side="right") - 1
        place = np.clip(place, 0, len(self._edges) - 2)
        low, high = self._edges[place], self._edges[place + 1]
        span = self._edge_deficits[place + 1] - self._edge_deficits[place]
        share = (target - self._edge_deficits[place]) / np.where(span > 0, span, 1.0)
        angle = low + np.clip(share, 0.0, 1.0) * (high - low)
        for _ in range(30):
            miss = self._deficit(angle) - target
            high = np.where(miss > 0, angle, high)
            low = np.where(miss > 0, low, angle)
            slope = self._slope(angle)
            step = angle - miss / np.where(slope > 0, slope, 1.0)
            inside = (step >= low) & (step <= high) & (slope > 0)
            moved = np.where(inside, step, 0.5 * (low + high))
            done = np.abs(moved - angle) <= 1e-14 * angle
            angle = moved
            if np.all(done | (miss == 0)):
                break
        rho = np.where(target == 0, 1.0, np.cos(angle))
        if self._even:
            rho = np.where(target >= top, 0.0, rho)
        return np.where(valid, rho, math.nan).reshape(given.shape)


@lru_cache(maxsize=256)
def gaussian_law(level: float) -> TwoPointLaw:
    """Law of {X ≥ level}, X standard Gaussian."""

    def slope(angle: Array) -> Array:
        half = np.cos(angle / 2)
        with np.errstate(divide="ignore"):  # 1 + cos φ = 2 cos²(φ/2), 0 at π
            inverse = np.where(half > 1e-9, 1 / np.square(np.maximum(half, 1e-9)), np.inf)
        exponent = -0.5 * level * level * inverse if level != 0 else np.zeros_like(half)
        return np.asarray(np.exp(exponent) / (2 * np.pi))

    p, q = float(special.ndtr(-level)), float(special.ndtr(level))
    return TwoPointLaw(p, slope, np.pi, max(p - q, 0.0))


@lru_cache(maxsize=256)
def chi_square_law(level: float, degrees_of_freedom: int) -> TwoPointLaw:
    """Law of {Y ≥ level}, Y of χ² with so many degrees of freedom."""
    m, x = degrees_of_freedom / 2, level / 2
    scale = 2 * np.exp(m * math.log(x) - special.gammaln(m))
    # z → 0: ρ^{1−m} Ĩ_m(z) = ρ (z/ρ)^m / (2^m Γ(m + 1))
    limit = np.exp(-m * math.log(2) - special.gammaln(m + 1))

    def slope(angle: Array) -> Array:
        rho, sine = np.cos(angle), np.maximum(np.sin(angle), 1e-12)
        z = 2 * x * rho / np.square(sine)
        safe = np.maximum(rho, 1e-6)
        z = np.maximum(z, 1e-300)
        far = (1 - (m * m / 2 - 0.125) / z) / np.sqrt(2 * np.pi * z)
        bessel = np.where(
            rho > 1e-6,
            safe ** (1 - m) * np.where(z > 1e8, far, special.ive(m, np.minimum(z, 1e8))),
            rho * limit * (2 * x / np.square(sine)) ** m,
        )
        return np.asarray(scale * np.exp(-2 * x / (1 + rho)) * bessel / sine)

    p = float(special.chdtrc(degrees_of_freedom, level))
    return TwoPointLaw(p, slope, np.pi / 2, p * p)
