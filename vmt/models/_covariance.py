"""Correlation functions of standard Gaussian fields, with rates in 1/m; the one door to gstools.

The usual families are closed forms of our own, so that nothing is imported for them; any other
isotropic or anisotropic gstools model is evaluated through gstools (`Covariance.from_gstools`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt.errors import InputError
from vmt.models._covariance_terms import (
    FAMILIES,
    Matrix,
    Term,
    as_rotation,
    check_positive,
    number,
    scaled_reach,
    triple,
)

__all__ = ["Covariance"]

Array = npt.NDArray[np.float64]
_AXES = 3


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
    array([1.        , 0.58861439])
    """

    _parts: tuple[Term, ...]
    weights: tuple[float, ...] = (1.0,)

    # ---- constructors

    @classmethod
    def gaussian(cls, *, rate: float) -> Covariance:
        """Gaussian family: ρ(h) = exp(−(rate·h)²), rate in 1/m."""
        return cls((Term("gaussian", rate),))

    @classmethod
    def exponential(cls, *, rate: float) -> Covariance:
        """Exponential family: ρ(h) = exp(−rate·h), rate in 1/m; rough, of infinite surface."""
        return cls((Term("exponential", rate),))

    @classmethod
    def matern(cls, *, rate: float, smoothness: float) -> Covariance:
        """Matérn family: ρ(h) = 2^(1−ν)/Γ(ν) (rate·h)^ν K_ν(rate·h), ν = smoothness.

        gstools writes √ν h/length for our rate·h.
        """
        return cls((Term("matern", rate, smoothness),))

    @classmethod
    def stable(cls, *, rate: float, exponent: float) -> Covariance:
        """Stable family: ρ(h) = exp(−(rate·h)^exponent), 0 < exponent ≤ 2."""
        return cls((Term("stable", rate, exponent),))

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
            check_positive("A weight", weight, "no unit; together they come to 1")
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

            rotation = as_rotation(matrix_derotate(_AXES, model.angles))
        rate = float(model.rescale / lengths[0])
        geometry = {"factors": triple(factors), "rotation": rotation}
        if type(model) is gstools.Gaussian:
            term = Term("gaussian", rate, **geometry)  # type: ignore[arg-type]  # as named
        elif type(model) is gstools.Exponential:
            term = Term("exponential", rate, **geometry)  # type: ignore[arg-type]
        elif type(model) is gstools.Stable:
            term = Term("stable", rate, model.alpha, **geometry)  # type: ignore[arg-type]
        elif type(model) is gstools.Matern and model.nu <= 20:  # above, gstools takes the limit
            term = Term("matern", rate * math.sqrt(model.nu), model.nu, **geometry)  # type: ignore[arg-type]
        else:
            options = (*options, ("rescale", float(model.rescale)))
            term = Term(
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
        axes = None if rotation is None else as_rotation(rotation)
        parts = []
        for part in self._parts:
            if not part.isotropic:
                raise InputError(
                    "The covariance is anisotropic already; start from an isotropic one."
                )
            scaled = triple([f * g for f, g in zip(part.factors, factors, strict=True)])
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
            elif part is not None and stem == FAMILIES.get(part.family, ""):
                parts[index] = replace(part, shape=float(value))
            elif part is not None and stem == "factors" and len(value) == _AXES:
                parts[index] = replace(part, factors=triple(value))
            elif part is not None and stem == "rotation":
                axes = None if value is None else as_rotation(value)
                parts[index] = replace(part, rotation=axes)
            else:
                raise InputError(
                    f"{self!r} has no parameter {name}={value!r}; "
                    f"it has {', '.join(self.parameters)}."
                )
        for weight in weights:
            check_positive("A weight", weight, "no unit; together they come to 1")
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

    def _single(self, what: str) -> Term:
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
            shape = FAMILIES.get(part.family)
            if shape is not None:
                found[f"{shape}{tail}"] = number(part.shape)
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
            extent = scaled_reach(part, tolerance) * np.sqrt(np.square(inverse).sum(axis=1))
            best = np.maximum(best, extent)
        return triple(best)

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
            root = math.sqrt(number(part.shape))
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
            name = FAMILIES.get(part.family)
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
            check_positive("A weight", weight, "no unit; together they come to 1")
        return cls(parts, weights)

    def __repr__(self) -> str:
        return " + ".join(
            _describe(part) + (f" * {weight:.4g}" if self.weights != (1.0,) else "")
            for part, weight in zip(self._parts, self.weights, strict=True)
        )


def _describe(part: Term) -> str:
    inside = f"rate={part.rate:.6g}"
    name = FAMILIES.get(part.family)
    if name is not None:
        inside += f", {name}={number(part.shape):.6g}"
    family = part.family
    if part.gstools_class is not None:
        family = f"from_gstools:{part.gstools_class.__name__}"
    text = f"Covariance.{family}({inside})"
    if not part.isotropic or part.factors[0] != 1:
        factors = ", ".join(f"{f:.4g}" for f in part.factors)
        turned = "" if part.rotation is None else ", rotated"
        text += f".anisotropic(({factors}){turned})"
    return text


def _read_term(entry: Mapping[str, Any]) -> Term:
    family = entry["family"]
    rotation = None if entry.get("rotation") is None else as_rotation(entry["rotation"])
    factors = triple(entry.get("factors", (1.0, 1.0, 1.0)))
    rate = float(entry["rate [1/m]"])
    if family == "gstools":
        import gstools

        name = str(entry["gstools"])
        found = getattr(gstools, name, None)
        if not (isinstance(found, type) and issubclass(found, gstools.CovModel)):
            raise InputError(f"gstools has no covariance model {name!r}.")
        options = tuple((str(k), float(v)) for k, v in entry["options"].items())
        return Term("gstools", rate, None, factors, rotation, found, options)
    if family not in FAMILIES:
        raise InputError(f"The family {family!r} isn't known; expected {', '.join(FAMILIES)}.")
    shape = FAMILIES[family]
    return Term(family, rate, None if shape is None else float(entry[shape]), factors, rotation)
