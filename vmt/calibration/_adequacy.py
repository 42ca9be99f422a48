"""What speaks against an excursion set: findings, each with its number and its threshold.

A finding is triggered when it exceeds both what the fitted model's own windows show (mean plus four
standard deviations, or four standard errors) and a size below which nobody needs to care.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from vmt.calibration._estimates import FitCurve, Replicates

__all__ = ["Finding", "judge"]

FloatArray = npt.NDArray[np.float64]
_SIGMAS = 4.0
_SIGMAS_OF_EXTREMES = 5.0  # lowest value of four curves: a skewed law
_AXES = ("x", "y", "z")


@dataclass(frozen=True)
class Finding:
    """One check of the image against the model family.

    Attributes
    ----------
    name : str
        What was checked.
    text : str
        The result in one sentence.
    value, threshold : float
        The number, and what it must not exceed.
    triggered : bool
        Whether it speaks against the model.
    """

    name: str
    text: str
    value: float
    threshold: float
    triggered: bool

    def __post_init__(self) -> None:
        for name, kind in (("value", float), ("threshold", float), ("triggered", bool)):
            object.__setattr__(self, name, kind(getattr(self, name)))

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as JSON-ready values."""
        return {
            "name": self.name,
            "text": self.text,
            "value": self.value,
            "threshold": self.threshold,
            "triggered": self.triggered,
        }


class _Model(Protocol):
    def two_point_coverage_probability(self, lags: npt.ArrayLike) -> FloatArray: ...

    @property
    def volume_fraction(self) -> float: ...


def judge(
    *,
    image: Microstructure,
    model: _Model,
    phase: str,
    curve: FitCurve,
    full: FitCurve,
    fitted: FloatArray,
    replicates: Replicates,
    residuals: FloatArray,
    surface: float,
    sigma_rate: float,
    sigma_p: float,
) -> tuple[Finding, ...]:
    """Check an image against a fitted model.

    Parameters
    ----------
    image : Microstructure
        The phase against the background.
    model
        The fitted model.
    phase : str
        The phase.
    curve, fitted : FitCurve, (n,) array
        The image's curve at the lags of the fit, and the model's there.
    full : FitCurve
        The image's curve at all lags looked at.
    replicates : Replicates
        Simulated windows of the model.
    residuals : (m, n) array
        Residuals of the simulated windows' own fits.
    surface : float
        Relative excess of the image's specific surface area over the model's.
    sigma_rate, sigma_p : float
        Relative standard error of the rate, standard error of the volume fraction.
    """
    p = curve.volume_fraction
    scale = np.sqrt(replicates.variance_ratio)
    findings = [
        _fit(curve, fitted, residuals * scale, p),
        _anisotropy(curve, replicates, scale),
        _gradient(image, phase, model, full),
        _hole(full, replicates, scale),
        _periodicity(curve, replicates, scale),
    ]
    if np.isfinite(surface):
        findings.append(_surface(surface, sigma_rate))
    findings.append(_representativity(curve, image, sigma_p))
    return tuple(findings)


def _fit(curve: FitCurve, fitted: FloatArray, residuals: FloatArray, p: float) -> Finding:
    def size(difference: FloatArray) -> FloatArray:
        return np.asarray(np.sqrt(np.mean(difference**2, axis=-1)) / (p * (1 - p)))

    value = float(size(curve.values - fitted))
    under_model = size(residuals)
    threshold = max(0.02, float(under_model.mean() + _SIGMAS * under_model.std()))
    return Finding(
        "two-point fit",
        f"The fitted C(h) misses the image's by {100 * value:.2g} % of p(1−p) (root mean square "
        f"over the fitted lags; up to {100 * threshold:.2g} % is expected).",
        value,
        threshold,
        value > threshold,
    )


def _axis_excess(curve: FitCurve) -> FloatArray:
    """Mean excess of each axis' centered curve over the mean of the axes, relative to p(1 − p)."""
    p = curve.volume_fraction
    present = [axis for axis in range(3) if np.isfinite(curve.along[axis]).any()]
    end = min(4 * curve.decay_length, *(np.nanmax(curve.along_lags[axis]) for axis in present))
    start = max(np.nanmin(curve.along_lags[axis]) for axis in present)
    lags = np.linspace(start, max(end, start), 40)
    curves = []
    for axis in present:
        known = np.isfinite(curve.along[axis])
        curves.append(np.interp(lags, curve.along_lags[axis][known], curve.along[axis][known]))
    excess = (np.array(curves) - np.mean(curves, axis=0)).mean(axis=1) / (p * (1 - p))
    return np.asarray(excess)


def _anisotropy(curve: FitCurve, replicates: Replicates, scale: float) -> Finding:
    under_model = np.array([_axis_excess(made) for made in replicates.curves])
    expected = under_model.mean(axis=0)  # not 0 where voxels are anisotropic: interpolation
    excess = _axis_excess(curve) - expected
    spread = scale * float(np.std(under_model - expected))
    worst = int(np.argmax(np.abs(excess)))
    value, threshold = float(abs(excess[worst])), max(0.02, _SIGMAS * spread)
    side = "more slowly" if excess[worst] > 0 else "faster"
    return Finding(
        "anisotropy",
        f"Along {_AXES[worst]} the structure decorrelates {side} than on average: the centered "
        f"curve differs by {100 * value:.2g} % of p(1−p) (up to {100 * threshold:.2g} % is "
        "expected of an isotropic model).",
        value,
        threshold,
        value > threshold,
    )


def _gradient(image: Microstructure, phase: str, model: _Model, full: FitCurve) -> Finding:
    """Amplitude of the first two cosine modes of the volume fraction's profile along each axis."""
    mask = image.mask(phase)
    best = (0.0, 0.0, 0, 0.0)
    for axis in range(3):
        count = image.shape[axis]
        if count < 4:
            continue
        others = tuple(i for i in range(3) if i != axis)
        profile = mask.mean(axis=others, dtype=np.float64)
        slabs = _slab_covariance(image, axis, model, 8 * full.decay_length)
        position = (np.arange(count) + 0.5) / count
        for mode in (1, 2):
            cosine = np.cos(np.pi * mode * position)
            amplitude = 2 * float(cosine @ profile) / count
            distance = np.abs(np.arange(count)[:, None] - np.arange(count)[None, :])
            sigma = 2 * np.sqrt(max(float(cosine @ slabs[distance] @ cosine), 1e-30)) / count
            threshold = max(0.03, _SIGMAS * sigma)
            ratio = abs(amplitude) / threshold
            if ratio >= best[0]:
                best = (ratio, abs(amplitude), axis, threshold)
    _, value, axis, threshold = best
    return Finding(
        "gradient",
        f"The volume fraction varies along {_AXES[axis]} with an amplitude of {value:.3g} (slowest "
        f"two modes of its profile; up to {threshold:.3g} is expected of a stationary model).",
        value,
        threshold,
        value > threshold,
    )


def _slab_covariance(image: Microstructure, axis: int, model: _Model, reach: float) -> FloatArray:
    """Covariance of the volume fractions of two one-voxel slabs at each distance, (n,)."""
    others = [i for i in range(3) if i != axis]
    grids, weights = [], []
    for other in others:
        edge = image.size[other]
        if image.shape[other] == 1:
            grids.append(np.zeros(1))
            weights.append(np.ones(1))
            continue
        length = min(edge, reach)
        offset = (np.arange(48) + 0.5) / 48 * length
        grids.append(offset)
        weights.append(2 * (1 - offset / edge) * length / edge / 48)  # both signs of the offset
    squared = grids[0][:, None] ** 2 + grids[1][None, :] ** 2
    weight = weights[0][:, None] * weights[1][None, :]
    count = image.shape[axis]
    q = model.volume_fraction
    table = np.linspace(0.0, 2.0 * reach, 400)
    centered = model.two_point_coverage_probability(table) - q * q
    values = np.zeros(count)
    for index in range(count):
        distance = index * image.spacing[axis]
        if distance > reach:
            break
        values[index] = float(
            (np.interp(np.sqrt(squared + distance**2), table, centered) * weight).sum()
        )
    return values


def _depths(curve: FitCurve) -> FloatArray:
    """Depth of C(h) below p², relative to p(1 − p): of the average, and along each axis."""
    p = curve.volume_fraction
    lowest = [float(curve.values.min())]
    lowest += [float(np.nanmin(row)) if np.isfinite(row).any() else np.inf for row in curve.along]
    return (p * p - np.array(lowest)) / (p * (1 - p))


def _hole(full: FitCurve, replicates: Replicates, scale: float) -> Finding:
    depths = _depths(full)
    under_model = scale * np.array([_depths(made) for made in replicates.curves])
    flat = ~np.isfinite(depths)
    depths[flat], under_model[:, flat] = 0.0, 0.0
    spread = under_model.std(axis=0)
    thresholds = np.maximum(0.03, under_model.mean(axis=0) + _SIGMAS_OF_EXTREMES * spread)
    worst = int(np.argmax(depths / thresholds))
    where = "on average" if worst == 0 else f"along {_AXES[worst - 1]}"
    depth, threshold = float(depths[worst]), float(thresholds[worst])
    return Finding(
        "hole effect",
        f"The lowest C(h) − p² {where} is {-100 * depth:.2g} % of p(1−p) (down to "
        f"{-100 * threshold:.2g} % is expected; a χ² excursion set can't go below 0).",
        depth,
        threshold,
        depth > threshold,
    )


def _rebound(curve: FitCurve) -> tuple[float, int]:
    """Largest rise of a centered axis curve after its lowest value so far, and the axis."""
    p = curve.volume_fraction
    best = (0.0, 0)
    for axis in range(3):
        values = curve.along[axis][np.isfinite(curve.along[axis])]
        if values.size < 3:
            continue
        rise = float((values - np.minimum.accumulate(values)).max() / (p * (1 - p)))
        best = max(best, (rise, axis))
    return best


def _periodicity(curve: FitCurve, replicates: Replicates, scale: float) -> Finding:
    value, axis = _rebound(curve)
    under_model = scale * np.array([_rebound(made)[0] for made in replicates.curves])
    threshold = max(0.05, float(under_model.mean() + _SIGMAS * under_model.std()))
    return Finding(
        "periodicity",
        f"Along {_AXES[axis]} the centered curve rises again by {100 * value:.2g} % of p(1−p) "
        f"after a minimum (up to {100 * threshold:.2g} % is expected of a decaying covariance).",
        value,
        threshold,
        value > threshold,
    )


def _surface(surface: float, sigma_rate: float) -> Finding:
    threshold = max(0.15, _SIGMAS * sigma_rate)
    return Finding(
        "surface cross-check",
        f"The image's specific surface area differs by {100 * surface:+.2g} % from the fitted "
        f"model's (up to {100 * threshold:.2g} % passes).",
        abs(surface),
        threshold,
        abs(surface) > threshold,
    )


def _representativity(curve: FitCurve, image: Microstructure, sigma_p: float) -> Finding:
    p = curve.volume_fraction
    value, threshold = sigma_p / min(p, 1 - p), 0.25
    features = min(s for s, n in zip(image.size, image.shape, strict=True) if n > 1)
    return Finding(
        "representativity",
        f"The volume fraction's standard error is {100 * value:.2g} % of the rarer phase's; the "
        f"window's shortest edge spans {features / curve.decay_length:.3g} decay lengths.",
        value,
        threshold,
        value > threshold,
    )
