"""Calibrate an excursion set to an image by its two-point coverage probability.

Source: Neumann et al. (2023), sections 3.2-3.3 and appendix C, with the corrections and the choices
that docs/calibration.md explains: the parameters of the field's covariance are fitted by weighted
least squares in C(h), with the variance of the estimator's residual as weights, and the standard
errors follow from the fitted model's own covariance of the estimator.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import optimize, stats

from vmt._progress import steps
from vmt.calibration._adequacy import Finding, judge
from vmt.calibration._estimates import (
    FitCurve,
    decay_length,
    fit_curve,
    replicate,
)
from vmt.descriptors import specific_surface_area
from vmt.errors import CalibrationError, InputError
from vmt.microstructure import Microstructure
from vmt.models import ChiSquareExcursionSet, Covariance, GaussianExcursionSet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Calibration", "calibrate"]

FloatArray = npt.NDArray[np.float64]
ExcursionSet = ChiSquareExcursionSet | GaussianExcursionSet

_MIN_LAGS = 5
_LOG_BOUNDS = {"rate": (-12.0, 12.0), "smoothness": (np.log(0.2), np.log(8.0))}
_LOG_BOUNDS["exponent"] = (np.log(0.2), np.log(2.0))
_NORMAL_95 = float(stats.norm.ppf(0.975))


@dataclass(frozen=True, eq=False)
class Calibration:
    """A model fitted to an image, with its uncertainty and what speaks against it.

    Attributes
    ----------
    model : ChiSquareExcursionSet or GaussianExcursionSet
        The fitted model.
    parameters, standard_error : mapping of str to float
        Estimates and standard errors; units in the keys. ``volume_fraction`` is that of the image's
        phase (for a complement, the model describes the other phase).
    interval : mapping of str to (float, float)
        95 % confidence intervals (symmetric for the volume fraction, log-symmetric for positive
        parameters).
    correlation : (n, n) array
        Correlation matrix of the free parameters ``free_parameters``.
    adequate : bool
        Whether nothing in `findings` speaks against an excursion set.
    findings : tuple of Finding
        What was checked, each with its number and threshold.
    curve : FitCurve
        Two-point coverage probability of the image at the lags of the fit.
    fitted : (n,) array
        The model's two-point coverage probability, averaged over the same lags.
    field_correlation : (n,) array
        Correlation of the Gaussian field, inverted lag by lag from the image; nan where the
        family has no solution.
    rate_from_surface_area : float
        Rate [1/m] that the image's specific surface area alone gives: a cross-check.
    method : str
        ``"sandwich"`` or ``"bootstrap"``.
    """

    model: ExcursionSet
    parameters: Mapping[str, float]
    standard_error: Mapping[str, float]
    interval: Mapping[str, tuple[float, float]]
    free_parameters: tuple[str, ...]
    correlation: FloatArray
    adequate: bool
    findings: tuple[Finding, ...]
    curve: FitCurve
    fitted: FloatArray
    field_correlation: FloatArray
    rate_from_surface_area: float
    method: str
    phase: str
    bootstrap_samples: FloatArray | None = field(default=None, repr=False)

    def __repr__(self) -> str:
        values = ", ".join(
            f"{name} = {value:.6g} ± {self.standard_error[name]:.2g}"
            for name, value in self.parameters.items()
        )
        verdict = "adequate" if self.adequate else "not adequate"
        return f"Calibration({type(self.model).__name__}: {values}; {verdict})"

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-ready values, units in the keys."""
        return {
            "schema_version": 1,
            "model": self.model.to_dict(),
            "phase": self.phase,
            "parameters": dict(self.parameters),
            "standard_error": dict(self.standard_error),
            "interval_95": {name: list(pair) for name, pair in self.interval.items()},
            "free_parameters": list(self.free_parameters),
            "correlation": self.correlation.tolist(),
            "method": self.method,
            "adequate": self.adequate,
            "findings": [finding.to_dict() for finding in self.findings],
            "rate_from_surface_area [1/m]": self.rate_from_surface_area,
            "lags [m]": self.curve.lags.tolist(),
            "two_point_coverage_probability": self.curve.values.tolist(),
            "fitted": self.fitted.tolist(),
            "field_correlation": self.field_correlation.tolist(),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the centered two-point coverage probability of the image and of the model."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        p = self.curve.volume_fraction
        ax.axhline(0.0, color=COLORS["muted"], linewidth=0.6)
        lags = np.linspace(0.0, self.curve.lags[-1], 200)
        values = self.model.two_point_coverage_probability(lags)
        if self.model.phase != self.phase:
            values = values + 2 * p - 1
        ax.plot(lags * 1e6, values - p * p, color=COLORS["model"], label="fitted model")
        ax.plot(
            self.curve.lags * 1e6,
            self.curve.values - p * p,
            "o",
            markersize=3,
            color=COLORS["image"],
            label="image",
        )
        ax.legend(frameon=False)
        return finish(ax, xlabel="lag h [µm]", ylabel="C(h) − p²")


@dataclass(frozen=True)
class _Family:
    """A family of excursion sets with its free parameters, as functions of (p, log parameters)."""

    model: type[ExcursionSet]
    covariance: Covariance
    degrees_of_freedom: int
    complement: bool
    phase: str
    background: str

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.covariance.parameters)

    def make(self, p: float, logs: Sequence[float] | FloatArray) -> ExcursionSet:
        """Make the model of image volume fraction p and log parameters."""
        changes = {name: float(np.exp(v)) for name, v in zip(self.names, logs, strict=True)}
        covariance = self.covariance.replace(**changes)
        share = 1 - p if self.complement else p
        names = {"phase": self.phase, "background": self.background}
        if self.complement:
            names = {"phase": self.background, "background": self.phase}
        if self.model is ChiSquareExcursionSet:
            return ChiSquareExcursionSet(
                covariance, share, degrees_of_freedom=self.degrees_of_freedom, **names
            )
        return GaussianExcursionSet(covariance, share, **names)

    def values(self, curve: FitCurve, p: float, logs: FloatArray) -> FloatArray:
        """Two-point coverage probability of the image's phase, averaged as the curve is."""
        made = self.make(p, logs).two_point_coverage_probability(curve.distances)
        if self.complement:
            made = made + 2 * p - 1
        return curve.average(made)


def calibrate(
    model: type[ExcursionSet],
    image: Microstructure,
    *,
    phase: str | int = "solid",
    covariance: Covariance | None = None,
    degrees_of_freedom: int = 2,
    complement: bool = False,
    direction: int | None = None,
    bootstrap: int = 0,
    simulations: int = 100,
    rng: int | np.random.Generator = 0,
) -> Calibration:
    """Fit an excursion set to a phase of an image.

    The volume fraction is the point count; the covariance's parameters are fitted by weighted
    least squares to the window-corrected two-point coverage probability C(h), up to the lag where
    the centered function has decayed. Standard errors: of the volume fraction by eq. (18) with the
    fitted model's centered function; of the other parameters by the delta method with the model's
    covariance of the estimator (from `simulations` small windows), or by parametric bootstrap.

    Parameters
    ----------
    model : type
        `ChiSquareExcursionSet` or `GaussianExcursionSet`.
    image : Microstructure
        The image, (nx, ny, nz); all phases but `phase` are background.
    phase : str or int
        The phase that the model describes.
    covariance : Covariance, optional
        The family of the field's covariance; its parameters are starting shapes only. Default: the
        paper's Gaussian covariance ρ(h) = exp(−(rate·h)²).
    degrees_of_freedom : int
        Of the χ²-field; the paper has 2.
    complement : bool
        Let the excursion set be the background, so that the phase is its complement.
    direction : int, optional
        Use lags along this axis only; default: the isotropic average.
    bootstrap : int
        Number of bootstrap samples for the standard errors (0: delta method). Windows of at most
        96³ voxels are simulated and refitted, and the variance is scaled to the image's window.
    simulations : int
        Number of simulated windows for the weights, the delta method, and the spread of the
        findings under the model.
    rng : int or Generator
        Seed of the simulations.

    Returns
    -------
    Calibration

    Raises
    ------
    CalibrationError
        If the phase fills nothing or everything, or fewer than 5 lags can be used.
    InputError
        If an argument is not one of those described.

    References
    ----------
    Neumann et al. (2023), eqs. (5)-(7), (18), Proposition 1. Weights: after Cressie (1985).

    Examples
    --------
    >>> import vmt
    >>> truth = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=6e6), 0.5)
    >>> image = truth.sample((64, 64, 64), 20e-9, rng=1)
    >>> result = vmt.calibrate(vmt.ChiSquareExcursionSet, image, simulations=20)
    >>> abs(result.parameters["rate [1/m]"] / 6e6 - 1) < 0.2
    True
    """
    family, full, solid = _prepare(
        model, image, phase, covariance, degrees_of_freedom, complement, direction
    )
    if bootstrap < 0 or simulations < 10:
        raise InputError(
            f"bootstrap={bootstrap}, simulations={simulations} can't be used; expected bootstrap "
            "of at least 0 and simulations of at least 10."
        )
    seeds = np.random.default_rng(rng).integers(0, 2**63, 2)
    p = full.volume_fraction
    with steps("calibration", simulations + bootstrap + 2) as step:
        logs, curve = _fit_shape(family, full)
        step()
        replicates = replicate(
            family.make(p, logs), family.phase, solid, curve, simulations, int(seeds[0]), step
        )
        spread = replicates.at(curve.lags)
        weights = 1.0 / np.maximum(spread.var(axis=0), 1e-3 * spread.var(axis=0).max())
        logs = _solve(family, curve, weights, logs)
        fitted = family.make(p, logs)
        gain, slopes = _gain(family, curve, weights, logs)
        deviations = spread @ gain.T
        sigma_p = float(np.sqrt(fitted.variance_of_volume_fraction(solid.size)))
        scaled = deviations * np.sqrt(replicates.variance_ratio)
        correlation = np.corrcoef(np.column_stack([replicates.volume_fraction, scaled]).T)
        sigma_logs = np.sqrt((scaled**2).mean(axis=0))
        samples = None
        if bootstrap:
            samples = _bootstrap(family, fitted, solid, curve, bootstrap, int(seeds[1]), step)
            ratio = fitted.variance_of_volume_fraction(solid.size) / samples.variance
            sigma_logs = samples.values[:, 1:].std(axis=0, ddof=1) * np.sqrt(ratio)
            correlation = np.corrcoef(samples.values.T)
        step()
    values = family.values(curve, p, logs)
    rate_from_surface, surface = _surface_check(family, fitted, solid, p, logs)
    findings = judge(
        image=solid,
        model=fitted,
        phase=family.phase,
        curve=curve,
        full=full,
        fitted=values,
        replicates=replicates,
        residuals=spread - deviations @ slopes.T,
        surface=surface,
        sigma_rate=float(sigma_logs[0]),
        sigma_p=sigma_p,
    )
    parameters, errors, intervals = _table(family, fitted, p, sigma_p, logs, sigma_logs)
    excursion = curve.values + 1 - 2 * p if complement else curve.values
    return Calibration(
        model=fitted,
        parameters=MappingProxyType(parameters),
        standard_error=MappingProxyType(errors),
        interval=MappingProxyType(intervals),
        free_parameters=("volume_fraction", *family.names),
        correlation=correlation,
        adequate=not any(finding.triggered for finding in findings),
        findings=findings,
        curve=curve,
        fitted=values,
        field_correlation=np.asarray(fitted.correlation(excursion)),
        rate_from_surface_area=rate_from_surface,
        method="bootstrap" if bootstrap else "sandwich",
        phase=family.phase,
        bootstrap_samples=None if samples is None else samples.values,
    )


def quick_fit(
    model: type[ExcursionSet],
    image: Microstructure,
    *,
    phase: str | int,
    covariance: Covariance,
    degrees_of_freedom: int,
    complement: bool,
    curve: FitCurve,
) -> tuple[ExcursionSet, float]:
    """Fit without uncertainty; return the model and the fit's root mean square residual."""
    others = [name for name in image.phases if name != image.name_of(phase)]
    family = _Family(
        model, covariance, degrees_of_freedom, complement, image.name_of(phase), others[0]
    )
    logs, used = _fit_shape(family, curve)
    residual = used.values - family.values(used, used.volume_fraction, logs)
    return family.make(used.volume_fraction, logs), float(np.sqrt(np.mean(residual**2)))


def _prepare(
    model: type[ExcursionSet],
    image: Microstructure,
    phase: str | int,
    covariance: Covariance | None,
    degrees_of_freedom: int,
    complement: bool,
    direction: int | None,
) -> tuple[_Family, FitCurve, Microstructure]:
    if model not in (ChiSquareExcursionSet, GaussianExcursionSet):
        raise InputError(
            f"{model!r} can't be calibrated; expected ChiSquareExcursionSet or "
            "GaussianExcursionSet (the class, not an instance)."
        )
    if direction not in (None, 0, 1, 2):
        raise InputError(f"direction={direction!r} can't be used; expected 0, 1, 2 or None.")
    solid = two_phase(image, phase)
    name = image.name_of(phase)
    p = solid.volume_fraction(name)
    if p in (0.0, 1.0):
        raise CalibrationError(
            f"Phase {name!r} fills {100 * p:.0f} % of the image; an excursion set needs two "
            "phases. Check the phase and the segmentation."
        )
    background = next(other for other in solid.phases if other != name)
    template = Covariance.gaussian(rate=1.0) if covariance is None else covariance
    family = _Family(model, template, degrees_of_freedom, complement, name, background)
    return family, fit_curve(solid, name, decay_length(solid, name), direction), solid


def two_phase(image: Microstructure, phase: str | int) -> Microstructure:
    """Return the phase (label 1) against everything else (label 0)."""
    name = image.name_of(phase)
    others = [other for other in image.phases if other != name]
    if len(others) == 1 and dict(image.phases) == {others[0]: 0, name: 1}:
        return image
    background = others[0] if len(others) == 1 else "background"
    mask = image.mask(phase).view(np.uint8)
    return Microstructure(mask, image.spacing, {background: 0, name: 1})


def _fit_shape(family: _Family, curve: FitCurve) -> tuple[FloatArray, FitCurve]:
    """Fit with Cressie's weights, 1/(p − C)², which need no simulation; find the lags to use.

    The standard deviation of the residual Ĉ(h) − C(h; p̂) is nearly proportional to p − C(h).
    """
    p = curve.volume_fraction
    start = np.log([0.4 / curve.decay_length if n == "rate" else v for n, v in _shapes(family)])
    used = curve.upto(5 * curve.decay_length)
    logs = start
    for _ in range(3):
        weights = 1.0 / np.maximum(p - used.values, 0.02 * p * (1 - p)) ** 2
        logs = _solve(family, used, weights, logs)
        made = family.values(curve, p, logs) - p * p
        far = np.flatnonzero(made < 0.003 * p * (1 - p))
        end = curve.lags[far[0]] if far.size else curve.lags[-1]
        used = curve.upto(min(end, 8 * curve.decay_length))
    return logs, used


def _shapes(family: _Family) -> list[tuple[str, float]]:
    return [(name, float(value)) for name, value in family.covariance.parameters.items()]


def _solve(family: _Family, curve: FitCurve, weights: FloatArray, start: FloatArray) -> FloatArray:
    if curve.lags.size < _MIN_LAGS:
        raise CalibrationError(
            f"Only {curve.lags.size} lags can be used, at least {_MIN_LAGS} are needed: the "
            f"structure decorrelates within {curve.decay_length / curve.step:.1f} voxels or the "
            "window is too small. Use an image with finer voxels or a larger window."
        )
    p = curve.volume_fraction
    root = np.sqrt(weights / weights.mean()) / (p * (1 - p))
    scale = np.log(0.4 / curve.decay_length)
    low = np.array([_LOG_BOUNDS[n][0] + (scale if n == "rate" else 0.0) for n in family.names])
    high = np.array([_LOG_BOUNDS[n][1] + (scale if n == "rate" else 0.0) for n in family.names])

    def residual(logs: FloatArray) -> FloatArray:
        return np.asarray(root * (curve.values - family.values(curve, p, logs)))

    inside = np.clip(start, low + 1e-6, high - 1e-6)
    found = optimize.least_squares(
        residual, inside, bounds=(low, high), diff_step=[1e-4] * inside.size, xtol=1e-8, ftol=1e-10
    )
    return np.asarray(found.x)


def _gain(
    family: _Family, curve: FitCurve, weights: FloatArray, logs: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Linear map from deviations of Ĉ(h) − ∂C/∂p·p̂ to deviations of the log parameters."""
    p, step = curve.volume_fraction, 1e-4
    slopes = np.empty((curve.lags.size, logs.size))
    for i in range(logs.size):
        up, down = logs.copy(), logs.copy()
        up[i] += step
        down[i] -= step
        slopes[:, i] = family.values(curve, p, up) - family.values(curve, p, down)
    slopes /= 2 * step
    weighted = slopes * weights[:, None]
    gain = np.linalg.solve(slopes.T @ weighted, weighted.T)
    return np.asarray(gain, dtype=np.float64), slopes


@dataclass(frozen=True)
class _Samples:
    values: FloatArray  # (n, 1 + q): volume fraction, log parameters
    variance: float  # of the volume fraction in the simulated window


def _bootstrap(
    family: _Family,
    model: ExcursionSet,
    image: Microstructure,
    curve: FitCurve,
    count: int,
    seed: int,
    step: Callable[..., None],
) -> _Samples:
    """Refit simulated windows of at most 96³ voxels."""
    factor = max(1, int(curve.decay_length / (3 * curve.step)))
    spacing = tuple(d * factor for d in image.spacing)
    shape = tuple(min(96, max(n // factor, 1)) for n in image.shape)
    size = tuple(n * d for n, d in zip(shape, spacing, strict=True))
    rows = []
    for child in np.random.SeedSequence(seed).spawn(count):
        made = model.sample(shape, spacing, rng=np.random.default_rng(child))
        name = family.phase
        share = made.volume_fraction(name)
        if 0 < share < 1:
            used = fit_curve(made, name, curve.decay_length, None)
            logs, used = _fit_shape(family, used)
            rows.append([share, *logs])
        step()
    return _Samples(np.array(rows), float(model.variance_of_volume_fraction(size)))


def _surface_check(
    family: _Family, model: ExcursionSet, image: Microstructure, p: float, logs: FloatArray
) -> tuple[float, float]:
    """Rate that the image's surface alone gives, and the relative excess of its surface."""
    if 1 in image.shape:
        return float("nan"), float("nan")
    measured = specific_surface_area(image, family.phase)
    expected = model.expected_specific_surface_area(image.spacing)
    smooth = model.specific_surface_area()
    # the closed form is proportional to the rate; the discrete estimator's deficit is carried over
    rate = float(np.exp(logs[0])) * measured / expected if np.isfinite(smooth) else float("nan")
    return rate, measured / expected - 1


def _table(
    family: _Family,
    model: ExcursionSet,
    p: float,
    sigma_p: float,
    logs: FloatArray,
    sigma_logs: FloatArray,
) -> tuple[dict[str, float], dict[str, float], dict[str, tuple[float, float]]]:
    half = 0.5 * min(sigma_p, p, 1 - p)
    up, down = family.make(p + half, logs).level, family.make(p - half, logs).level
    sigma_level = abs(up - down) / (2 * half) * sigma_p
    parameters = {"volume_fraction": p, "level": model.level}
    errors = {"volume_fraction": sigma_p, "level": sigma_level}
    intervals = {
        "volume_fraction": (max(p - _NORMAL_95 * sigma_p, 0.0), min(p + _NORMAL_95 * sigma_p, 1.0)),
        "level": (model.level - _NORMAL_95 * sigma_level, model.level + _NORMAL_95 * sigma_level),
    }
    for name, log, sigma in zip(family.names, logs, sigma_logs, strict=True):
        key = "rate [1/m]" if name == "rate" else name
        value = float(np.exp(log))
        parameters[key] = value
        errors[key] = value * float(sigma)
        reach = float(np.exp(_NORMAL_95 * sigma))
        intervals[key] = (value / reach, value * reach)
    return parameters, errors, intervals
