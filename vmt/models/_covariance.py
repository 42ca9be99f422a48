"""Correlation functions of standard Gaussian fields, with rates in 1/m; the one door to gstools.

The usual families are closed forms of our own, so that nothing is imported for them; any other
isotropic or anisotropic gstools model is evaluated through gstools (`Covariance.from_gstools`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from vmt.errors import InputError

__all__ = ["Covariance"]

Array = npt.NDArray[np.float64]
Matrix = tuple[tuple[float, float, float], ...]
_AXES = 3
_FAMILIES: dict[str, str | None] = {
    "gaussian": None,
    "exponential": None,
    "matern": "smoothness",
    "stable": "exponent",
}


@dataclass(frozen=True)
class _Term:
    """One family: ρ(h) = f(rate·|F R h|), F the factors per axis, R the rows of the main axes."""

    family: str
    rate: float
    shape: float | None = None
    factors: tuple[float, float, float] = (1.0, 1.0, 1.0)
    rotation: Matrix | None = None
    gstools_class: type | None = None
    gstools_options: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        _positive("rate", self.rate, "1/m, as rate=7.28e6")
        for factor in self.factors:
            _positive("An anisotropy factor", factor, "no unit, as factors=(1, 2, 2)")
        if self.family == "matern":
            _positive("smoothness", self.shape, "no unit, as smoothness=1.5")
        if self.family == "stable" and not 0 < _number(self.shape) <= 2:
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
            return np.asarray(np.exp(-np.power(s, _number(self.shape))))
        if self.family == "matern":
            return _matern(s, _number(self.shape))
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
            nu = _number(self.shape)
            return 1 / (2 * (nu - 1)) if nu > 1 else math.inf
        return _numerical_second_derivative(self.radial)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _positive(name: str, value: object, expected: str) -> None:
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
    steps = 2e-3 * 2.0 ** -np.arange(4)
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
def _scaled_reach(term: _Term, tolerance: float) -> float:
    """Scaled lag beyond which |f| stays below the tolerance."""
    if term.family == "gaussian":
        return math.sqrt(-math.log(tolerance))
    if term.family == "exponential":
        return -math.log(tolerance)
    if term.family == "stable":
        return (-math.log(tolerance)) ** (1 / _number(term.shape))
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


@dataclass(frozen=True)
class Covariance:
    """Correlation function ρ of a stationary standard Gaussian field: one family, or a sum.

    Made by the constructors below, never directly. `a * 0.3 + b * 0.7` is a sum; its weights must
    come to one before a model can use it.

    Conventions, h the lag [m] and rate in 1/m:

    ============  ==============================================================
    gaussian      exp(−(rate·h)²)
    exponential   exp(−rate·h)
    matern        2^(1−ν)/Γ(ν) (rate·h)^ν K_ν(rate·h); ν = 1/2 is the exponential
    stable        exp(−(rate·h)^exponent)
    ============  ==============================================================

    An anisotropic one has the rates ``rate * factors`` along its main axes. All are immutable,
    compare by value and can be pickled.

    Examples
    --------
    >>> rho = Covariance.gaussian(rate=7.28e6)
    >>> rho
    Covariance.gaussian(rate=7.28e+06)
    >>> rho([0.0, 100e-9])
    array([1.        , 0.58860...])
    """

    _parts: tuple[_Term, ...]
    weights: tuple[float, ...] = (1.0,)

    # ---- constructors

    @classmethod
    def gaussian(cls, *, rate: float) -> Covariance:
        """Gaussian family: ρ(h) = exp(−(rate·h)²), rate in 1/m."""
        return cls((_Term("gaussian", rate),))

    @classmethod
    def exponential(cls, *, rate: float) -> Covariance:
        """Exponential family: ρ(h) = exp(−rate·h), rate in 1/m; rough, of infinite surface."""
        return cls((_Term("exponential", rate),))

    @classmethod
    def matern(cls, *, rate: float, smoothness: float) -> Covariance:
        """Matérn family: ρ(h) = 2^(1−ν)/Γ(ν) (rate·h)^ν K_ν(rate·h), ν = smoothness.

        gstools writes √ν h/length for our rate·h.
        """
        return cls((_Term("matern", rate, smoothness),))

    @classmethod
    def stable(cls, *, rate: float, exponent: float) -> Covariance:
        """Stable family: ρ(h) = exp(−(rate·h)^exponent), 0 < exponent ≤ 2."""
        return cls((_Term("stable", rate, exponent),))

    @classmethod
    def sum(cls, terms: Sequence[Covariance], *, weights: Sequence[float]) -> Covariance:
        """Weighted sum; the weights are positive.

        Raises
        ------
        InputError
            If there are no terms, another number of weights, or a weight isn't positive.
        """
        if not terms or len(terms) != len(weights):
            raise InputError(
                f"A sum of {len(terms)} covariances has {len(weights)} weights; expected at least "
                "one covariance and as many weights."
            )
        for weight in weights:
            _positive("A weight", weight, "no unit; together they come to 1")
        parts = tuple(part for term in terms for part in term._parts)
        together = tuple(
            float(w) * v for term, w in zip(terms, weights, strict=True) for v in term.weights
        )
        return cls(parts, together)

    @classmethod
    def from_gstools(cls, model: Any) -> Covariance:
        """Correlation of a gstools CovModel in three dimensions, lengths in meters.

        Gaussian, Exponential, Stable and Matern become the closed forms of this class.

        Raises
        ------
        InputError
            If it is no CovModel of dimension 3, has a nugget, a variance other than 1, is a sum
            (use `Covariance.sum`), or has lengths among its options (the TPL models).
        """
        import gstools

        if not isinstance(model, gstools.CovModel):
            raise InputError(
                f"{type(model).__name__} is no gstools CovModel; expected one, as "
                "gstools.Gaussian(dim=3, len_scale=1e-7)."
            )
        if model.dim != _AXES or model.latlon or model.temporal:
            raise InputError(f"The gstools model has dim={model.dim}; expected dim=3 in space.")
        if model.nugget != 0 or not math.isclose(model.var, 1.0):
            raise InputError(
                f"The gstools model has variance {model.var:g} and nugget {model.nugget:g}; an "
                "excursion set has a field of variance 1 without a nugget: set var=1, nugget=0."
            )
        name = type(model).__name__
        options = tuple((str(o), float(getattr(model, o))) for o in model.opt_arg)
        if name == "SumModel" or any(o.startswith("len_") for o, _ in options):
            raise InputError(
                f"The gstools model {name} isn't scaled by one rate; expected a single family; "
                "a sum is built with Covariance.sum."
            )
        lengths = np.asarray(model.len_scale_vec, np.float64)
        factors = lengths[0] / lengths
        rotation: Matrix | None = None
        if np.any(np.asarray(model.angles)):
            from gstools.tools.geometric import matrix_derotate

            rotation = _as_rotation(matrix_derotate(_AXES, model.angles))
        rate = float(model.rescale / lengths[0])
        geometry = {"factors": _triple(factors), "rotation": rotation}
        if type(model) is gstools.Gaussian:
            term = _Term("gaussian", rate, **geometry)  # type: ignore[arg-type]  # as named
        elif type(model) is gstools.Exponential:
            term = _Term("exponential", rate, **geometry)  # type: ignore[arg-type]
        elif type(model) is gstools.Stable:
            term = _Term("stable", rate, model.alpha, **geometry)  # type: ignore[arg-type]
        elif type(model) is gstools.Matern and model.nu <= 20:  # above, gstools takes the limit
            term = _Term("matern", rate * math.sqrt(model.nu), model.nu, **geometry)  # type: ignore[arg-type]
        else:
            options = (*options, ("rescale", float(model.rescale)))
            term = _Term(
                "gstools",
                1 / float(lengths[0]),
                None,
                gstools_class=type(model),
                gstools_options=options,
                **geometry,  # type: ignore[arg-type]
            )
        return cls((term,))

    # ---- arithmetic

    def __mul__(self, weight: float) -> Covariance:
        return Covariance.sum([self], weights=[weight])

    __rmul__ = __mul__

    def __add__(self, other: Covariance) -> Covariance:
        return Covariance(self._parts + other._parts, self.weights + other.weights)

    def anisotropic(
        self,
        factors: Sequence[float] = (1.0, 1.0, 1.0),
        rotation: Sequence[Sequence[float]] | npt.NDArray[Any] | None = None,
    ) -> Covariance:
        """Multiply the rates along the three axes, or along the rows of a rotation matrix.

        Parameters
        ----------
        factors : (fx, fy, fz)
            The correlation decays `factor` times as fast along that axis.
        rotation : (3, 3) array, optional
            Orthonormal rows: the main axes in the coordinates of the voxels.
        """
        if len(factors) != _AXES:
            raise InputError(f"factors={factors!r} can't be used; expected three, as (1, 2, 2).")
        axes = None if rotation is None else _as_rotation(rotation)
        parts = []
        for part in self._parts:
            if not part.isotropic:
                raise InputError(
                    "The covariance is anisotropic already; start from an isotropic one."
                )
            scaled = _triple([f * g for f, g in zip(part.factors, factors, strict=True)])
            parts.append(replace(part, factors=scaled, rotation=axes))
        return Covariance(tuple(parts), self.weights)

    def replace(self, **changes: Any) -> Covariance:
        """Return one with other parameters: rate, smoothness, exponent, factors, rotation, weights.

        A sum takes the names of `parameters`, as ``rate_0=…``, and ``weights=…``.

        Examples
        --------
        >>> Covariance.stable(rate=1e6, exponent=1.5).replace(rate=2e6)
        Covariance.stable(rate=2e+06, exponent=1.5)
        """
        parts, weights = list(self._parts), list(self.weights)
        for name, value in changes.items():
            stem, _, place = name.partition("_")
            index = int(place) if place.isdigit() else 0
            if name == "weights" and len(value) == len(parts):
                weights = [float(w) for w in value]
                continue
            known = index < len(parts) and (place == "") == (len(parts) == 1)
            part = parts[index] if known else None
            if part is not None and stem == "weight":
                weights[index] = float(value)
            elif part is not None and stem == "rate":
                parts[index] = replace(part, rate=float(value))
            elif part is not None and stem == _FAMILIES.get(part.family, ""):
                parts[index] = replace(part, shape=float(value))
            elif part is not None and stem == "factors" and len(value) == _AXES:
                parts[index] = replace(part, factors=_triple(value))
            elif part is not None and stem == "rotation":
                axes = None if value is None else _as_rotation(value)
                parts[index] = replace(part, rotation=axes)
            else:
                raise InputError(
                    f"{self!r} has no parameter {name}={value!r}; it has {', '.join(self.parameters)}."
                )
        for weight in weights:
            _positive("A weight", weight, "no unit; together they come to 1")
        return Covariance(tuple(parts), tuple(weights))

    # ---- what it is

    @property
    def terms(self) -> tuple[Covariance, ...]:
        """The families of a sum, one Covariance each."""
        return tuple(Covariance((part,)) for part in self._parts)

    @property
    def family(self) -> str:
        """Name of the family: gaussian, exponential, matern, stable, gstools or sum."""
        return self._parts[0].family if len(self._parts) == 1 else "sum"

    @property
    def variance(self) -> float:
        """Sum of the weights, ρ(0); a correlation has 1."""
        return float(math.fsum(self.weights))

    @property
    def rate(self) -> float:
        """Rate [1/m] of a single family, before the factors of an anisotropic one.

        Raises
        ------
        InputError
            If this is a sum.
        """
        return self._single("rate").rate

    def _single(self, what: str) -> _Term:
        if len(self._parts) != 1:
            raise InputError(f"A sum has no single {what}; look at its terms.")
        return self._parts[0]

    @property
    def parameters(self) -> Mapping[str, float]:
        """Free parameters by name; those of a sum are numbered: rate_0, weight_0, rate_1, …."""
        found: dict[str, float] = {}
        for i, (part, weight) in enumerate(zip(self._parts, self.weights, strict=True)):
            tail = "" if len(self._parts) == 1 else f"_{i}"
            found[f"rate{tail}"] = part.rate
            shape = _FAMILIES.get(part.family)
            if shape is not None:
                found[f"{shape}{tail}"] = _number(part.shape)
            if tail:
                found[f"weight{tail}"] = weight
        return found

    @property
    def isotropic(self) -> bool:
        """Whether ρ depends on the length of the lag alone."""
        return all(part.isotropic for part in self._parts)

    @property
    def even(self) -> bool:
        """Whether ρ is even along each axis of the voxels (no rotated anisotropy)."""
        return all(part.isotropic or part.rotation is None for part in self._parts)

    @property
    def separable(self) -> bool:
        """Whether each term is a product of functions of one coordinate (Gaussian, not rotated)."""
        return self.even and all(
            part.family == "gaussian" or (part.family == "stable" and part.shape == 2)
            for part in self._parts
        )

    def __call__(self, lags: npt.ArrayLike) -> Array:
        """Correlation at lags [m].

        Parameters
        ----------
        lags : array (...) of distances, for an isotropic one, or (..., 3) of vectors
            An isotropic covariance reads an array with more than one axis and a last axis of 3
            as vectors.

        Returns
        -------
        array (...)
        """
        points = np.asarray(lags, np.float64)
        if not np.all(np.isfinite(points)):
            raise InputError("The lags hold NaN or infinite values; expected lengths in meters.")
        vectors = (
            points.ndim > 0
            and points.shape[-1] == _AXES
            and (points.ndim > 1 or not self.isotropic)
        )
        if not vectors and not self.isotropic:
            raise InputError(
                f"Lags of shape {points.shape} can't be used with an anisotropic covariance; "
                "expected vectors (..., 3) in meters."
            )
        total = np.zeros(points.shape[:-1] if vectors else points.shape)
        for part, weight in zip(self._parts, self.weights, strict=True):
            if vectors:
                scaled = np.sqrt(np.square(points @ part.matrix.T).sum(axis=-1))
            else:
                scaled = np.abs(points) * (part.rate * part.factors[0])
            total = total + weight * part.radial(scaled)
        return total

    def axis_factor(self, term: int, axis: int, lags: Array) -> Array:
        """One coordinate's factor of a separable term at lags [m]; see `separable`."""
        part = self._parts[term]
        return np.asarray(np.exp(-np.square(part.rate * part.factors[axis] * lags)))

    @property
    def second_derivative_tensor(self) -> Array:
        """−∂²ρ/∂h_i∂h_j at 0 [1/m²], (3, 3); entries are inf for a rough field."""
        total = np.zeros((_AXES, _AXES))
        for part, weight in zip(self._parts, self.weights, strict=True):
            curvature = part.second_derivative()
            if math.isinf(curvature):
                return np.diag(np.full(_AXES, math.inf))
            total += weight * curvature * part.matrix.T @ part.matrix
        return total

    @property
    def second_derivative_at_zero(self) -> float:
        """−ρ''(0) [1/m²]: 2·rate² for the Gaussian family, inf for a rough field.

        For an anisotropic covariance, the mean over the three axes.
        """
        return float(np.trace(self.second_derivative_tensor) / _AXES)

    def reach(self, tolerance: float = 1e-7) -> tuple[float, float, float]:
        """Distance [m] along each axis beyond which |ρ| stays below the tolerance."""
        if not 0 < tolerance < 1:
            raise InputError(f"A tolerance of {tolerance!r} can't be used; expected 0 < it < 1.")
        best = np.zeros(_AXES)
        for part in self._parts:
            inverse = np.linalg.inv(part.matrix)
            extent = _scaled_reach(part, tolerance) * np.sqrt(np.square(inverse).sum(axis=1))
            best = np.maximum(best, extent)
        return _triple(best)

    # ---- exchange

    def to_gstools(self) -> Any:
        """Return the gstools CovModel of a single family, lengths in meters."""
        import gstools

        part = self._single("gstools model")
        lengths = [1 / (part.rate * f) for f in part.factors]
        angles: Any = 0.0
        if part.rotation is not None:
            from scipy.spatial.transform import Rotation

            angles = list(Rotation.from_matrix(np.array(part.rotation).T).as_euler("zyx"))
        common = {"dim": _AXES, "len_scale": lengths, "angles": angles}
        if part.family == "gaussian":
            return gstools.Gaussian(rescale=1.0, **common)
        if part.family == "exponential":
            return gstools.Exponential(rescale=1.0, **common)
        if part.family == "stable":
            return gstools.Stable(rescale=1.0, alpha=part.shape, **common)
        if part.family == "matern":
            root = math.sqrt(_number(part.shape))
            common["len_scale"] = [root * length for length in lengths]
            return gstools.Matern(rescale=1.0, nu=part.shape, **common)
        if part.gstools_class is None:
            raise InputError("This covariance has lost its gstools class.")
        return part.gstools_class(**common, **dict(part.gstools_options))

    def to_dict(self) -> dict[str, Any]:
        """Return everything needed to build it again, for JSON."""
        terms = []
        for part in self._parts:
            entry: dict[str, Any] = {"family": part.family, "rate [1/m]": part.rate}
            name = _FAMILIES.get(part.family)
            if name is not None:
                entry[name] = part.shape
            if part.factors != (1.0, 1.0, 1.0):
                entry["factors"] = list(part.factors)
            if part.rotation is not None:
                entry["rotation"] = [list(row) for row in part.rotation]
            if part.gstools_class is not None:
                if not part.gstools_class.__module__.startswith("gstools."):
                    raise InputError(
                        f"The class {part.gstools_class.__name__} isn't one of gstools' own, so "
                        "that no file can name it; build this covariance in code."
                    )
                entry["gstools"] = part.gstools_class.__name__
                entry["options"] = dict(part.gstools_options)
            terms.append(entry)
        return {"terms": terms, "weights": list(self.weights)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Covariance:
        """Build it from what `to_dict` returns.

        Raises
        ------
        InputError
            If a key is missing or a family is unknown.
        """
        try:
            parts = tuple(_read_term(entry) for entry in data["terms"])
            weights = tuple(float(w) for w in data["weights"])
        except (KeyError, TypeError) as error:
            raise InputError(
                f"This isn't a stored covariance ({error!r} is the trouble); expected what "
                "Covariance.to_dict() returns."
            ) from error
        if not parts or len(parts) != len(weights):
            raise InputError(f"{len(parts)} terms have {len(weights)} weights; expected as many.")
        for weight in weights:
            _positive("A weight", weight, "no unit; together they come to 1")
        return cls(parts, weights)

    def __repr__(self) -> str:
        return " + ".join(
            _describe(part) + (f" * {weight:.4g}" if self.weights != (1.0,) else "")
            for part, weight in zip(self._parts, self.weights, strict=True)
        )


def _describe(part: _Term) -> str:
    inside = f"rate={part.rate:.6g}"
    name = _FAMILIES.get(part.family)
    if name is not None:
        inside += f", {name}={_number(part.shape):.6g}"
    family = part.family
    if part.gstools_class is not None:
        family = f"from_gstools:{part.gstools_class.__name__}"
    text = f"Covariance.{family}({inside})"
    if not part.isotropic or part.factors[0] != 1:
        factors = ", ".join(f"{f:.4g}" for f in part.factors)
        turned = "" if part.rotation is None else ", rotated"
        text += f".anisotropic(({factors}){turned})"
    return text


def _triple(values: Any) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return (x, y, z)


def _as_rotation(rotation: Any) -> Matrix:
    matrix = np.asarray(rotation, np.float64)
    if matrix.shape != (_AXES, _AXES) or not np.allclose(matrix @ matrix.T, np.eye(_AXES)):
        raise InputError("A rotation is a 3×3 matrix with orthonormal rows, the main axes.")
    if np.linalg.det(matrix) < 0:
        matrix = -matrix  # a main axis has no direction
    return tuple(_triple(row) for row in matrix)


def _read_term(entry: Mapping[str, Any]) -> _Term:
    family = entry["family"]
    rotation = None if entry.get("rotation") is None else _as_rotation(entry["rotation"])
    factors = _triple(entry.get("factors", (1.0, 1.0, 1.0)))
    rate = float(entry["rate [1/m]"])
    if family == "gstools":
        import gstools

        name = str(entry["gstools"])
        found = getattr(gstools, name, None)
        if not (isinstance(found, type) and issubclass(found, gstools.CovModel)):
            raise InputError(f"gstools has no covariance model {name!r}.")
        options = tuple((str(k), float(v)) for k, v in entry["options"].items())
        return _Term("gstools", rate, None, factors, rotation, found, options)
    if family not in _FAMILIES:
        raise InputError(f"The family {family!r} isn't known; expected {', '.join(_FAMILIES)}.")
    shape = _FAMILIES[family]
    return _Term(family, rate, None if shape is None else float(entry[shape]), factors, rotation)
