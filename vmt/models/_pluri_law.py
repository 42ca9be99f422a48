"""Two-point laws of three phases truncated from two Gaussian fields.

Phase A is {X ≥ λ}, phase B {X < λ, Z ≥ μ}, phase C the rest, with Z = r X + √(1 − r²) W and X, W
independent stationary standard Gaussian fields of correlations ρ₁ and ρ₂. Of the six functions
C_ij, three are independent, since each row sums to its phase's volume fraction. For r = 0 they are
products of the laws of X and of W alone; otherwise C_AA is in closed form, C_AB one integral and
C_BB an integral over the two values of X of the bivariate normal law of W (Owen's T).

Source: truncated pluri-Gaussian simulation after Armstrong et al. (2011), *Plurigaussian
Simulations in Geosciences*; Chiu et al. (2013), section 6.6, for one field.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from vmt.models._level_laws import gaussian_law

__all__ = ["bivariate_normal", "pluri_coverage", "second_level"]

Array = npt.NDArray[np.float64]
_FAR = 8.5  # standard deviations that quadrature covers
_CHUNK = 64
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(40)


def bivariate_normal(h: npt.ArrayLike, k: npt.ArrayLike, rho: npt.ArrayLike) -> Array:
    """P(U ≤ h, V ≤ k) of standard normal U, V of correlation ρ, by Owen's T function.

    Accurate to about 1e-14 for |ρ| < 1 − 1e-12; beyond it ρ is moved there.

    Examples
    --------
    >>> float(bivariate_normal(0.0, 0.0, 0.5).round(12))  # 1/4 + arcsin(ρ)/2π
    0.333333333333
    """
    a, b, r = np.broadcast_arrays(
        np.asarray(h, np.float64), np.asarray(k, np.float64), np.asarray(rho, np.float64)
    )
    r = np.clip(r, -1 + 1e-12, 1 - 1e-12)
    a, b = (np.where(np.abs(v) < 1e-150, 1e-150, v) for v in (a, b))
    root = np.sqrt((1 - r) * (1 + r))
    with np.errstate(over="ignore"):
        first = special.owens_t(a, (b / a - r) / root)
        second = special.owens_t(b, (a / b - r) / root)
    apart = np.where((a < 0) != (b < 0), 0.5, 0.0)
    return np.asarray(0.5 * (special.ndtr(a) + special.ndtr(b)) - first - second - apart)


def second_level(first_level: float, share: float, correlation: float) -> float:
    """μ at which P(X < λ, Z ≥ μ) is the given volume fraction of phase B."""
    below = float(special.ndtr(first_level))
    if correlation == 0:
        return float(-special.ndtri(share / below))

    def excess(level: float) -> float:
        return below - float(bivariate_normal(first_level, level, correlation)) - share

    return float(optimize.brentq(excess, -12.0, 12.0, xtol=1e-13))


def pluri_coverage(
    levels: tuple[float, float], correlation: float, rho1: Array, rho2: Array
) -> Array:
    """C_ij where the fields' correlations are ρ₁ and ρ₂.

    Parameters
    ----------
    levels : (λ, μ)
    correlation : float
        r.
    rho1, rho2 : (n,) arrays
        Within (-1, 1].

    Returns
    -------
    (n, 3, 3) array
        Symmetric; row i sums to the volume fraction of phase i.
    """
    level, second = levels
    law = gaussian_law(level)
    p = law.volume_fraction
    first = law.coverage(rho1)
    rest = 1 - 2 * p + first
    if correlation == 0:
        other = gaussian_law(second)
        q = other.volume_fraction
        cross = (p - first) * q
        both = rest * other.coverage(rho2)
        p_b = (1 - p) * q
    else:
        cross = _first_second(level, second, correlation, rho1)
        both = _second_second(level, second, correlation, rho1, rho2)
        p_b = float(special.ndtr(level)) - float(bivariate_normal(level, second, correlation))
    p_c = 1 - p - p_b
    made = np.empty((rho1.size, 3, 3))
    made[:, 0, 0], made[:, 1, 1] = first, both
    made[:, 0, 1] = made[:, 1, 0] = cross
    made[:, 0, 2] = made[:, 2, 0] = p - first - cross
    made[:, 1, 2] = made[:, 2, 1] = p_b - cross - both
    made[:, 2, 2] = p_c - made[:, 0, 2] - made[:, 1, 2]
    same = (rho1 >= 1) & (rho2 >= 1)
    made[same] = np.diag([p, p_b, p_c])
    return made


def _panels(edges: Array) -> tuple[Array, Array]:
    """Gauss–Legendre nodes and weights on panels between edges (n, m + 1): (n, 40 m) each."""
    half = np.diff(edges, axis=1)[:, :, None] / 2
    nodes = edges[:, :-1, None] + half * (_NODES + 1)
    return nodes.reshape(len(edges), -1), (half * _WEIGHTS).reshape(len(edges), -1)


def _density(x: Array) -> Array:
    return np.asarray(np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi))


def _first_second(level: float, second: float, r: float, rho1: Array) -> Array:
    """C_AB = ∫_{v<λ} φ(v) P(X(0) ≥ λ | X(h) = v) P(Z(h) ≥ μ | v) dv."""
    own = math.sqrt(1 - r * r)
    root = np.sqrt(np.maximum((1 - rho1) * (1 + rho1), 0.0))
    end = max(level + _FAR, 1.0)  # distance below λ at which nothing is left
    edges = np.zeros((rho1.size, 4))
    edges[:, 1] = np.minimum(2 * root, end / 3)
    edges[:, 2] = np.minimum(8 * root, 2 * end / 3)
    edges[:, 3] = end
    distance, weight = _panels(edges)
    v = level - distance
    safe = np.maximum(root, 1e-300)[:, None]
    above = special.ndtr((rho1[:, None] * v - level) / safe)
    kept = special.ndtr((r * v - second) / own)
    return np.asarray((weight * _density(v) * above * kept).sum(axis=1))


def _second_second(level: float, second: float, r: float, rho1: Array, rho2: Array) -> Array:
    """C_BB = E[P(W(0) ≥ a(X(0)), W(h) ≥ a(X(h))); X(0) < λ, X(h) < λ].

    With S = (X(0) + X(h))/√(2 + 2ρ₁) and D = (X(0) − X(h))/√(2 − 2ρ₁), independent and standard,
    the domain is √((1+ρ₁)/2) S + √((1−ρ₁)/2) |D| < λ, smooth on D > 0.
    """
    own = math.sqrt(1 - r * r)
    made = np.empty(rho1.size)
    d = _FAR * (_NODES + 1) / 2
    d_weight = _FAR / 2 * _WEIGHTS * 2 * _density(d)  # both signs of D
    for start in range(0, rho1.size, _CHUNK):
        one = rho1[start : start + _CHUNK, None, None]
        two = rho2[start : start + _CHUNK, None, None]
        along, across = np.sqrt((1 + one) / 2), np.sqrt(np.maximum(1 - one, 0.0) / 2)
        top = np.minimum((level - across * d[None, :, None]) / along, _FAR)
        low = np.minimum(np.full_like(top, -_FAR), top)
        half = (top - low) / 2
        s = low + half * (_NODES + 1)
        u = along * s + across * d[None, :, None]
        v = along * s - across * d[None, :, None]
        both = bivariate_normal((r * u - second) / own, (r * v - second) / own, two)
        inner = (half * _WEIGHTS * _density(s) * both).sum(axis=2)
        made[start : start + _CHUNK] = (inner * d_weight).sum(axis=1)
    return made
