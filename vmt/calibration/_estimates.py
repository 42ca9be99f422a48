"""What the calibration estimates from an image and from simulated windows of the model."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vmt.descriptors import two_point_coverage_probability
from vmt.errors import CalibrationError
from vmt.microstructure import Microstructure

__all__ = ["FitCurve", "Replicates", "decay_length", "fit_curve", "replicate"]

FloatArray = npt.NDArray[np.float64]
_REACH = 8.0  # lags looked at, in decay lengths
_WINDOW = 24.0  # edge of a simulated window, in decay lengths
_RESOLUTION = 2.5  # simulated voxels per decay length


class Model(Protocol):
    """What is asked of a model here."""

    def sample(
        self,
        shape: tuple[int, int, int],
        spacing: tuple[float, float, float],
        *,
        rng: int | np.random.Generator,
        periodic: bool = False,
    ) -> Microstructure: ...

    def two_point_coverage_probability(self, lags: npt.ArrayLike) -> FloatArray: ...

    def variance_of_volume_fraction(self, size: tuple[float, float, float]) -> float: ...

    @property
    def volume_fraction(self) -> float: ...

    @property
    def phase(self) -> str: ...


@dataclass(frozen=True, eq=False)
class FitCurve:
    """Two-point coverage probability of an image, one value per voxel of lag.

    Lags of the voxel lattice are kept as distinct distances; a value is the pair-weighted mean of
    those within one voxel, and a model is averaged over the very same distances, so that binning
    adds no error at small lags.
    """

    lags: FloatArray  # (n,) mean distance of the bin [m]
    values: FloatArray  # (n,)
    distances: FloatArray  # (d,) distinct distances [m]
    bins: npt.NDArray[np.int64]  # (d,) bin of each
    shares: FloatArray  # (d,) weight of each in its bin
    along: FloatArray  # (3, a) values along each axis at lags `along_lags`; nan where cut
    along_lags: FloatArray  # (3, a) [m]
    volume_fraction: float
    decay_length: float  # lag at which the centered function has halved [m]
    step: float  # smallest voxel edge [m]

    def average(self, values: FloatArray) -> FloatArray:
        """Average a function given at `distances` over each bin."""
        return _sums(self.bins, values * self.shares, self.lags.size)

    def upto(self, lag: float) -> FitCurve:
        """Keep the bins up to this lag."""
        count = int(np.searchsorted(self.lags, lag * (1 + 1e-9), side="right"))
        kept = self.bins < count
        return FitCurve(
            self.lags[:count],
            self.values[:count],
            self.distances[kept],
            self.bins[kept],
            self.shares[kept],
            self.along,
            self.along_lags,
            self.volume_fraction,
            self.decay_length,
            self.step,
        )


def decay_length(image: Microstructure, phase: str) -> float:
    """Lag at which the centered two-point coverage probability has halved, mean of the axes [m].

    Raises
    ------
    CalibrationError
        If it does not halve within half the window.
    """
    mask = image.mask(phase)
    p = image.volume_fraction(phase)
    found = []
    for axis in range(3):
        rows = np.moveaxis(mask, axis, 0)
        before, last, lag = 1.0, 0, 1
        while lag <= rows.shape[0] // 2:
            together = float(np.mean(rows[:-lag] & rows[lag:]))
            now = (together - p * p) / (p * (1 - p))
            if now <= 0.5:
                share = (before - 0.5) / (before - now)
                found.append((last + share * (lag - last)) * image.spacing[axis])
                break
            before, last = now, lag
            lag = max(lag + 1, int(lag * 1.25))
    if not found:
        raise CalibrationError(
            "The two-point coverage probability does not decay within half the window: the image "
            "holds less than a few features of the structure. Use a larger image."
        )
    return float(np.mean(found))


def fit_curve(image: Microstructure, phase: str, length: float, direction: int | None) -> FitCurve:
    """Estimate the curve to fit, up to 8 decay lengths or a third of the shortest edge."""
    edges = [size for size, n in zip(image.size, image.shape, strict=True) if n > 1]
    reach = min(_REACH * length, min(edges) / 3)
    other = next(name for name in image.phases if name != phase)
    measured = two_point_coverage_probability(image, phase, other, max_lag=reach)
    spacing = np.asarray(image.spacing)
    vectors, pairs = measured.lag_vectors, measured.pairs
    values = image.volume_fraction(phase) - measured.lattice_values
    distance = np.sqrt(((vectors * spacing) ** 2).sum(axis=1))
    step = float(min(d for d, n in zip(image.spacing, image.shape, strict=True) if n > 1))
    keep = (distance > 0) & (distance <= reach)
    if direction is not None:
        others = [axis for axis in range(3) if axis != direction]
        keep &= (vectors[:, others] == 0).all(axis=1)
        step = image.spacing[direction]
    along, along_lags = _along_axes(vectors, values, image)
    distance, values, pairs = distance[keep], values[keep], pairs[keep].astype(np.float64)
    keys = np.round(distance / (1e-6 * step)).astype(np.int64)
    _, inverse = np.unique(keys, return_inverse=True)
    weight = np.bincount(inverse, pairs)
    distances = np.bincount(inverse, pairs * distance) / weight
    merged = np.bincount(inverse, pairs * values) / weight
    number = np.floor(distances / step + 0.5).astype(np.int64)  # bin k holds (k ± 1/2) voxels
    _, bins = np.unique(number, return_inverse=True)
    total = np.bincount(bins, weight)
    shares = weight / total[bins]
    return FitCurve(
        lags=_sums(bins, shares * distances),
        values=_sums(bins, shares * merged),
        distances=distances,
        bins=bins,
        shares=shares,
        along=along,
        along_lags=along_lags,
        volume_fraction=image.volume_fraction(phase),
        decay_length=length,
        step=step,
    )


def _along_axes(
    vectors: npt.NDArray[np.int32], values: FloatArray, image: Microstructure
) -> tuple[FloatArray, FloatArray]:
    parts = []
    for axis in range(3):
        others = [i for i in range(3) if i != axis]
        on = np.flatnonzero((vectors[:, others] == 0).all(axis=1) & (vectors[:, axis] != 0))
        steps = np.abs(vectors[on, axis])
        order = np.argsort(steps)
        parts.append((steps[order] * image.spacing[axis], values[on][order]))
    longest = max(lags.size for lags, _ in parts)
    along = np.full((3, longest), np.nan)
    along_lags = np.full((3, longest), np.nan)
    for axis, (lags, curve) in enumerate(parts):
        along[axis, : curve.size] = curve
        along_lags[axis, : lags.size] = lags
    return along, along_lags


@dataclass(frozen=True, eq=False)
class Replicates:
    """Simulated windows of a model, as deviations from what the model expects.

    `variance_ratio` turns variances in the simulated window into those of the image's.
    """

    lags: FloatArray  # (n,) [m], the first is 0
    deviations: FloatArray  # (m, n) of Ĉ(h) − C(h) − ∂C/∂p (p̂ − p)
    volume_fraction: FloatArray  # (m,)
    curves: tuple[FitCurve, ...]
    variance_ratio: float

    def at(self, lags: FloatArray) -> FloatArray:
        """Deviations at other lags, interpolated: (m, k)."""
        return np.array([np.interp(lags, self.lags, row) for row in self.deviations])


def replicate(
    model: Model,
    phase: str,
    image: Microstructure,
    curve: FitCurve,
    count: int,
    seed: int,
    step: Callable[..., None],
) -> Replicates:
    """Simulate windows like the image, of at most 24 decay lengths at 2.5 voxels each.

    The fitted function of the phase is C; where the model describes the other phase, its
    complement is taken.
    """
    factor = max(1, int(curve.decay_length / (_RESOLUTION * curve.step)))
    spacing = _three(
        d * factor if n > 1 else d for d, n in zip(image.spacing, image.shape, strict=True)
    )
    shape = tuple(
        max(1, min(n // factor, int(np.ceil(_WINDOW * curve.decay_length / d))))
        for n, d in zip(image.shape, spacing, strict=True)
    )
    shape3 = (shape[0], shape[1], shape[2])
    curves = []
    for child in np.random.SeedSequence(seed).spawn(count):
        made = model.sample(shape3, spacing, rng=np.random.default_rng(child))
        if 0 < made.volume_fraction(phase) < 1:
            curves.append(fit_curve(made, phase, curve.decay_length, None))
        step()
    if len(curves) < count // 2:
        raise CalibrationError(
            "Most simulated windows of the fitted model hold a single phase: the image is too "
            "small for its structure. Use a larger image."
        )
    p = curve.volume_fraction
    expected, slope = _expectation(model, phase, curves[0], p)
    rows = []
    for made_curve in curves:
        excess = made_curve.values - expected - slope * (made_curve.volume_fraction - p)
        rows.append(np.concatenate([[0.0], excess]))
    size = _three(n * d for n, d in zip(shape3, spacing, strict=True))
    ratio = model.variance_of_volume_fraction(image.size) / model.variance_of_volume_fraction(size)
    return Replicates(
        lags=np.concatenate([[0.0], curves[0].lags]),
        deviations=np.array(rows),
        volume_fraction=np.array([made_curve.volume_fraction for made_curve in curves]),
        curves=tuple(curves),
        variance_ratio=float(ratio),
    )


def _expectation(
    model: Model, phase: str, curve: FitCurve, p: float
) -> tuple[FloatArray, FloatArray]:
    """C(h) of the phase, and its derivative by the phase's volume fraction, at the curve's lags."""
    from dataclasses import replace

    complement = model.phase != phase
    delta = 1e-3 * p * (1 - p)

    def phase_curve(share: float) -> FloatArray:
        made = replace(model, volume_fraction=1 - share if complement else share)  # type: ignore[type-var]  # the models are dataclasses
        values = made.two_point_coverage_probability(curve.distances)
        return curve.average(values + 2 * share - 1 if complement else values)

    return phase_curve(p), (phase_curve(p + delta) - phase_curve(p - delta)) / (2 * delta)


def _three(values: Iterable[float]) -> tuple[float, float, float]:
    x, y, z = values
    return (x, y, z)


def _sums(bins: npt.NDArray[np.int64], values: FloatArray, count: int = 0) -> FloatArray:
    return np.asarray(np.bincount(bins, values, minlength=count), dtype=np.float64)
