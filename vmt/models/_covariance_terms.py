"""The families that a Covariance is made of: one term each, with closed forms where there are."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from vmt.errors import InputError

__all__ = [
    "FAMILIES",
    "Matrix",
    "Term",
    "as_rotation",
    "check_positive",
    "number",
    "scaled_reach",
    "triple",
]

Array = npt.NDArray[np.float64]
Matrix = tuple[tuple[float, float, float], ...]
_AXES = 3
FAMILIES: dict[str, str | None] = {
    "gaussian": None,
    "exponential": None,
    "matern": "smoothness",
    "stable": "exponent",
}


@dataclass(frozen=True)
class Term:
    """One family: ρ(h) = f(rate·|F R h|), F the factors per axis, R the rows of the main axes."""

    family: str
    rate: float
    shape: float | None = None
    factors: tuple[float, float, float] = (1.0, 1.0, 1.0)
    rotation: Matrix | None = None
    gstools_class: type | None = None
    gstools_options: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        check_positive("rate", self.rate, "1/m, as rate=7.28e6")
        for factor in self.factors:
            check_positive("An anisotropy factor", factor, "no unit, as factors=(1, 2, 2)")
        if self.family == "matern":
            check_positive("smoothness", self.shape, "no unit, as smoothness=1.5")
        if self.family == "stable" and not 0 < number(self.shape) <= 2:
            raise InputError(
                f"A stable covariance with exponent {self.shape!r} isn't valid; expected a number "
                "above 0 and at most 2 (2 is the Gaussian one)."
            )

    @property
    def isotropic(self) -> bool:
        return len(set(self.factors)) == 1

    @property
    def matrix(self) -> Array:
        """Lag [m] to scaled lag."""
        axes = np.eye(_AXES) if self.rotation is None else np.array(self.rotation)
        scaled: Array = self.rate * np.array(self.factors)[:, None] * axes
        return scaled

    def radial(self, s: Array) -> Array:
        """Correlation at scaled lags."""
        if self.family == "gaussian":
            return np.asarray(np.exp(-np.square(s)))
        if self.family == "exponential":
            return np.asarray(np.exp(-s))
        if self.family == "stable":
            return np.asarray(np.exp(-np.power(s, number(self.shape))))
        if self.family == "matern":
            return _matern(s, number(self.shape))
        model = _gstools_model(self.gstools_class, self.gstools_options)
        values: Array = np.asarray(model.correlation(s), np.float64)
        return values

    def second_derivative(self) -> float:
        """−f''(0), inf for a rough field."""
        if self.family == "gaussian" or (self.family == "stable" and self.shape == 2):
            return 2.0
        if self.family in {"exponential", "stable"}:
            return math.inf
        if self.family == "matern":
            nu = number(self.shape)
            return 1 / (2 * (nu - 1)) if nu > 1 else math.inf
        return _numerical_second_derivative(self.radial)


def number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def check_positive(name: str, value: object, expected: str) -> None:
    try:
        good = math.isfinite(float(value)) and float(value) > 0  # type: ignore[arg-type]  # caught
    except (TypeError, ValueError):
        good = False
    if not good:
        raise InputError(
            f"{name} {value!r} can't be used; expected a positive number ({expected})."
        )


def _matern(s: Array, nu: float) -> Array:
    if nu == 0.5:
        return np.asarray(np.exp(-s))
    if nu == 1.5:
        return np.asarray((1 + s) * np.exp(-s))
    if nu == 2.5:
        return np.asarray((1 + s + np.square(s) / 3) * np.exp(-s))
    safe = np.maximum(s, 1e-12)
    logs = (1 - nu) * math.log(2) - special.gammaln(nu) + nu * np.log(safe) - safe
    with np.errstate(over="ignore", invalid="ignore"):
        values = np.exp(logs) * special.kve(nu, safe)
    return np.where((s < 1e-8) | ~np.isfinite(values), 1.0, values)


def _numerical_second_derivative(radial: Callable[[Array], Array]) -> float:
    steps: Array = np.asarray(2e-3 * 2.0 ** -np.arange(4), np.float64)
    ratio = 2 * (1 - radial(steps)) / np.square(steps)
    if ratio[-1] > 1.5 * ratio[0]:  # 1 - ρ falls slower than h²
        return math.inf
    once = 2 * ratio[1:] - ratio[:-1]
    return float((4 * once[1:] - once[:-1])[0] / 3)


@lru_cache(maxsize=64)
def _gstools_model(cls: type | None, options: tuple[tuple[str, float], ...]) -> Any:
    if cls is None:
        raise InputError("A covariance of the family 'gstools' comes from Covariance.from_gstools.")
    return cls(dim=_AXES, var=1.0, len_scale=1.0, **dict(options))


@lru_cache(maxsize=256)
def scaled_reach(term: Term, tolerance: float) -> float:
    """Scaled lag beyond which |f| stays below the tolerance."""
    if term.family == "gaussian":
        return math.sqrt(-math.log(tolerance))
    if term.family == "exponential":
        return -math.log(tolerance)
    if term.family == "stable":
        return math.pow(-math.log(tolerance), 1 / number(term.shape))
    lags = np.geomspace(1e-3, 1e5, 40001)
    above = np.flatnonzero(np.abs(term.radial(lags)) >= tolerance)
    if above.size == 0:
        return float(lags[0])
    last = int(above[-1])
    if last + 1 == lags.size:
        return math.inf
    if term.family != "matern":
        return float(lags[last + 1])
    return float(
        optimize.brentq(
            lambda s: float(term.radial(np.array([s]))[0]) - tolerance, lags[last], lags[last + 1]
        )
    )


def triple(values: Any) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return (x, y, z)


def as_rotation(rotation: Any) -> Matrix:
    matrix = np.asarray(rotation, np.float64)
    if matrix.shape != (_AXES, _AXES) or not np.allclose(matrix @ matrix.T, np.eye(_AXES)):
        raise InputError("A rotation is a 3×3 matrix with orthonormal rows, the main axes.")
    if np.linalg.det(matrix) < 0:
        matrix = -matrix  # a main axis has no direction
    return tuple(triple(row) for row in matrix)
