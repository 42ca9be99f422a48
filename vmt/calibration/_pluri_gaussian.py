"""Fit a pluri-Gaussian excursion set to an image of three phases by its auto- and cross-functions.

Volume fractions are point counts. The rates (and shapes) of both covariances and the correlation of
the fields are fitted together by weighted least squares in all six C_ij(h), with Cressie's weights:
the standard deviation of the residual goes with p_i − C_ii(h), and for two phases with C_ij(h).
Standard errors, and what misfit the model itself would show, come from refitted simulated windows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import optimize

from vmt._progress import steps
from vmt.calibration._adequacy import Finding
from vmt.calibration._estimates import decay_length
from vmt.calibration._excursion_set import two_phase
from vmt.descriptors import interface_area, two_point_coverage_probability
from vmt.errors import CalibrationError, InputError
from vmt.microstructure import Microstructure
from vmt.models import Covariance, PluriGaussianExcursionSet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PluriGaussianCalibration", "calibrate_pluri_gaussian"]

FloatArray = npt.NDArray[np.float64]
_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
_REACH = 5.0  # lags looked at, in decay lengths of the slowest phase
_WINDOW = 72  # voxels along an edge of a simulated window
_MIN_LAGS = 6
_SIGMAS = 4.0
_BOUNDS = {"smoothness": (np.log(0.2), np.log(8.0)), "exponent": (np.log(0.2), np.log(2.0))}
_MAX_SLANT = 2.65  # atanh of the largest correlation that is tried, 0.99


@dataclass(frozen=True, eq=False)
class PluriGaussianCalibration:
    """A pluri-Gaussian excursion set fitted to an image.

    Attributes
    ----------
    model : PluriGaussianExcursionSet
        The fitted model.
    parameters, standard_error : mapping of str to float
        Estimates and standard errors; units in the keys.
    adequate : bool
        Whether nothing in `findings` speaks against the model.
    findings : tuple of Finding
        Misfit of each C_ij, and the interface areas against the model's.
    lags : (n,) array
        [m]
    measured, fitted : (n, 3, 3) array
        C_ij of the image and of the model, phases in the order of ``model.phases``.
    misfits : mapping of str to float
        Root mean square misfit of each choice of the first phase, relative to the scale of C_ij.
    """

    model: PluriGaussianExcursionSet
    parameters: Mapping[str, float]
    standard_error: Mapping[str, float]
    adequate: bool
    findings: tuple[Finding, ...]
    lags: FloatArray
    measured: FloatArray
    fitted: FloatArray
    misfits: Mapping[str, float]

    def __post_init__(self) -> None:
        for name in ("parameters", "standard_error", "misfits"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))
        for name in ("lags", "measured", "fitted"):
            view = np.asarray(getattr(self, name)).view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __reduce__(self) -> tuple[Any, ...]:
        plain = (
            dict(v) if isinstance(v, Mapping) else v
            for v in (getattr(self, name) for name in self.__dataclass_fields__)
        )
        return type(self), tuple(plain)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-ready values, units in the keys."""
        names = self.model.phases
        return {
            "schema_version": 1,
            "model": self.model.to_dict(),
            "parameters": dict(self.parameters),
            "standard_error": dict(self.standard_error),
            "adequate": self.adequate,
            "findings": [finding.to_dict() for finding in self.findings],
            "misfits": dict(self.misfits),
            "lags [m]": self.lags.tolist(),
            "two_point_coverage_probability": {
                f"{names[i]}, {names[j]}": {
                    "image": self.measured[:, i, j].tolist(),
                    "model": self.fitted[:, i, j].tolist(),
                }
                for i, j in _PAIRS
            },
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw all centered C_ij of the image (points) and of the model (lines)."""
        from vmt._plotting import COLORS, axes, finish, legend

        ax = axes(ax)
        names = self.model.phases
        p = self.measured[-1].sum(axis=1)
        colors = ("image", "model", "good", "accent", "muted", "truth")
        for (i, j), name in zip(_PAIRS, colors, strict=True):
            ax.plot(
                self.lags * 1e6, self.measured[:, i, j] - p[i] * p[j], "o", ms=2, color=COLORS[name]
            )
            ax.plot(
                self.lags * 1e6,
                self.fitted[:, i, j] - p[i] * p[j],
                color=COLORS[name],
                lw=1.2,
                label=f"{names[i]} – {names[j]}",
            )
        ax.axhline(0.0, color=COLORS["muted"], lw=0.6)
        legend(ax, fontsize=7)
        return finish(ax, xlabel="lag h [µm]", ylabel="C_ij(h) − p_i p_j")


@dataclass(frozen=True, eq=False)
class _Curves:
    lags: FloatArray
    values: FloatArray  # (n, 3, 3)
    fractions: FloatArray  # (3,)

    @property
    def roots(self) -> FloatArray:
        """Square roots of the weights (n, 6)."""
        p = self.fractions
        width = np.sqrt(np.gradient(self.lags)) if self.lags.size > 1 else np.ones(1)
        found = []
        for i, j in _PAIRS:
            floor = 0.05 * _scale(p, i, j)
            values = self.values[:, i, j]
            spread = p[i] - values if i == j else values
            found.append(width / np.maximum(spread, floor))
        return np.asarray(np.stack(found, axis=1) / np.sqrt(np.sum(width**2)))


def _scale(p: FloatArray, i: int, j: int) -> float:
    return float(np.sqrt(p[i] * (1 - p[i]) * p[j] * (1 - p[j])))


def _measure(image: Microstructure, order: Sequence[str], reach: float) -> _Curves:
    """Measure pairs across phases; what is left of each row is the phase itself.

    That vanishes with the lag at p, and lacks the fluctuation at the window's border that counting
    pairs within a phase has.
    """
    values, lags = np.empty((0, 3, 3)), np.empty(0)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        found = two_point_coverage_probability(image, order[i], order[j], max_lag=reach)
        keep = found.lags > 0
        if not lags.size:
            lags = np.asarray(found.lags[keep])
            values = np.zeros((lags.size, 3, 3))
        values[:, i, j] = values[:, j, i] = found.values[keep]
    p = np.array([image.volume_fraction(name) for name in order])
    for i in range(3):
        values[:, i, i] = p[i] - values[:, i].sum(axis=1)
    return _Curves(lags, values, p)


def _reorder(curves: _Curves, order: Sequence[int]) -> _Curves:
    picked = list(order)
    return _Curves(curves.lags, curves.values[:, picked][:, :, picked], curves.fractions[picked])


@dataclass(frozen=True)
class _Problem:
    first: Covariance
    second: Covariance
    correlation: float | None  # None: free
    phases: tuple[str, str, str]

    @property
    def names(self) -> tuple[str, ...]:
        found = [f"first {name}" for name in self.first.parameters]
        found += [f"second {name}" for name in self.second.parameters]
        return (*found, "correlation") if self.correlation is None else tuple(found)

    def make(self, p: FloatArray, values: FloatArray) -> PluriGaussianExcursionSet:
        n = len(self.first.parameters)
        m = n + len(self.second.parameters)
        one = dict(zip(self.first.parameters, np.exp(values[:n]).tolist(), strict=True))
        two = dict(zip(self.second.parameters, np.exp(values[n:m]).tolist(), strict=True))
        slant = float(np.tanh(values[m])) if self.correlation is None else self.correlation
        return PluriGaussianExcursionSet(
            self.first.replace(**one),
            self.second.replace(**two),
            (float(p[0]), float(p[1])),
            phases=self.phases,
            correlation=slant,
        )

    def start(self, length: float) -> FloatArray:
        found = []
        for covariance, finer in ((self.first, 1.0), (self.second, 2.0)):
            for name, value in covariance.parameters.items():
                found.append(np.log(0.4 * finer / length if name == "rate" else value))
        if self.correlation is None:
            found.append(0.0)
        return np.array(found)

    def bounds(self, length: float) -> tuple[FloatArray, FloatArray]:
        low, high = [], []
        scale = np.log(0.4 / length)
        for covariance in (self.first, self.second):
            for name in covariance.parameters:
                pair = (scale - 4, scale + 6) if name == "rate" else _BOUNDS[name]
                low.append(pair[0])
                high.append(pair[1])
        if self.correlation is None:
            low.append(-_MAX_SLANT)
            high.append(_MAX_SLANT)
        return np.array(low), np.array(high)

    def solve(
        self, curves: _Curves, length: float, start: FloatArray | None = None
    ) -> tuple[FloatArray, float]:
        """Parameters, and the relative root mean square misfit."""
        roots = curves.roots
        low, high = self.bounds(length)
        first = self.start(length) if start is None else start

        def residual(values: FloatArray) -> FloatArray:
            made = self.make(curves.fractions, values).coverage_matrix(curves.lags)
            parts = [made[:, i, j] - curves.values[:, i, j] for i, j in _PAIRS]
            return np.asarray((roots * np.stack(parts, axis=1)).ravel())

        found = optimize.least_squares(
            residual,
            np.clip(first, low + 1e-6, high - 1e-6),
            bounds=(low, high),
            diff_step=[1e-4] * low.size,
            x_scale=0.3,
            xtol=1e-5,
            ftol=1e-7,
        )
        return np.asarray(found.x), float(np.sqrt(2 * found.cost))


def calibrate_pluri_gaussian(
    image: Microstructure,
    *,
    first_phase: str | int | None = None,
    first: Covariance | None = None,
    second: Covariance | None = None,
    correlation: float | None = None,
    simulations: int = 20,
    rng: int | np.random.Generator = 0,
) -> PluriGaussianCalibration:
    """Fit a pluri-Gaussian excursion set to an image of three phases.

    Parameters
    ----------
    image : Microstructure
        The image, (nx, ny, nz), of exactly three phases that occur.
    first_phase : str or int, optional
        The phase that the first field cuts out. Default: each is tried and the one with the
        smallest misfit kept. (Which of the others comes second makes no difference.)
    first, second : Covariance, optional
        Families of the fields' covariances; their parameters are starting shapes only. Default:
        Gaussian.
    correlation : float, optional
        Fixes the correlation r of the fields; default: fitted.
    simulations : int
        Simulated windows for standard errors and for the misfit that is expected.
    rng : int or Generator
        Seed of the simulations.

    Returns
    -------
    PluriGaussianCalibration

    Raises
    ------
    CalibrationError
        If not exactly three phases occur, or too few lags can be used.
    InputError
        If an argument is not one of those described.

    References
    ----------
    Armstrong et al. (2011), *Plurigaussian Simulations in Geosciences*; weights after Cressie
    (1985).

    Examples
    --------
    >>> from vmt.models import Covariance, PluriGaussianExcursionSet
    >>> truth = PluriGaussianExcursionSet(
    ...     Covariance.gaussian(rate=2e5), Covariance.gaussian(rate=4e5), (0.5, 0.2))
    >>> image = truth.sample((48, 48, 48), 500e-9, rng=1)
    >>> fit = calibrate_pluri_gaussian(image, first_phase="solid", correlation=0.0, simulations=4)
    >>> abs(fit.parameters["first rate [1/m]"] / 2e5 - 1) < 0.2
    True
    """
    if simulations < 2:
        raise InputError(f"simulations={simulations} can't be used; expected at least 2.")
    if correlation is not None and not -1 < correlation < 1:
        raise InputError(
            f"correlation={correlation!r} can't be used; expected a number within (-1, 1)."
        )
    present = [name for name in image.phases if image.volume_fraction(name) > 0]
    if len(present) != 3:
        raise CalibrationError(
            f"{len(present)} phases occur in the image ({', '.join(present)}); a pluri-Gaussian "
            "excursion set needs three. For two phases use vmt.calibrate."
        )
    present.sort(key=image.label_of)
    wanted = None if first_phase is None else image.name_of(first_phase)
    if wanted is not None and wanted not in present:
        raise InputError(f"Phase {wanted!r} does not occur in the image.")
    length = max(decay_length(two_phase(image, name), name) for name in present)
    edges = [size for size, n in zip(image.size, image.shape, strict=True) if n > 1]
    reach = min(_REACH * length, min(edges) / 3)
    one = Covariance.gaussian(rate=1.0) if first is None else first
    two = Covariance.gaussian(rate=1.0) if second is None else second
    seed = np.random.SeedSequence(int(np.random.default_rng(rng).integers(0, 2**63)))
    with steps("calibration", simulations + 4) as step:
        curves = _measure(image, present, reach)
        step()
        if curves.lags.size < _MIN_LAGS:
            raise CalibrationError(
                f"Only {curves.lags.size} lags can be used, at least {_MIN_LAGS} are needed. Use "
                "an image with finer voxels or a larger window."
            )
        best, misfits = None, {}
        for place, name in enumerate(present):
            if wanted not in (None, name):
                continue
            order = [
                place,
                *(k for k in (2, 1, 0) if k != place),
            ]  # the last label before the first
            phases = (present[order[0]], present[order[1]], present[order[2]])
            problem = _Problem(one, two, correlation, phases)
            picked = _reorder(curves, order)
            values, misfit = problem.solve(picked, length)
            misfits[name] = misfit
            if best is None or misfit < best[3]:
                best = (problem, picked, values, misfit)
            step()
        assert best is not None  # at least one phase was tried
        problem, picked, values, _ = best
        model = problem.make(picked.fractions, values)
        rows, spread, ratio = _replicate(
            problem, model, values, image, reach, length, simulations, seed, step
        )
    fitted = model.coverage_matrix(picked.lags)
    findings = _judge(image, model, picked, fitted, spread, ratio)
    parameters = _table(problem, model, values)
    errors = {
        name: float(e)
        for name, e in zip(parameters, np.sqrt(rows.var(axis=0, ddof=1) * ratio), strict=True)
    }
    return PluriGaussianCalibration(
        model=model,
        parameters=parameters,
        standard_error=errors,
        adequate=not any(f.triggered for f in findings),
        findings=findings,
        lags=picked.lags,
        measured=picked.values,
        fitted=fitted,
        misfits=misfits,
    )


def _table(
    problem: _Problem, model: PluriGaussianExcursionSet, values: FloatArray
) -> dict[str, float]:
    a, b, _ = model.phases
    found = {
        f"volume_fraction({a})": model.volume_fractions[0],
        f"volume_fraction({b})": model.volume_fractions[1],
    }
    for name, value in zip(problem.names, values.tolist(), strict=True):
        if name == "correlation":
            found[name] = float(np.tanh(value))
        else:
            found[name + (" [1/m]" if name.endswith("rate") else "")] = float(np.exp(value))
    return found


def _replicate(
    problem: _Problem,
    model: PluriGaussianExcursionSet,
    values: FloatArray,
    image: Microstructure,
    reach: float,
    length: float,
    count: int,
    seed: np.random.SeedSequence,
    step: Any,
) -> tuple[FloatArray, FloatArray, float]:
    """Refit simulated windows: parameters (m, q), misfits (m, 6), and the ratio of volumes."""
    shape = tuple(min(n, _WINDOW) for n in image.shape)
    within = min(
        reach,
        min(n * d for n, d in zip(shape, image.spacing, strict=True) if n > 1) / 2.5,
    )
    rows, spread = [], []
    for child in seed.spawn(count):
        made = model.sample(shape, image.spacing, rng=np.random.default_rng(child))
        step()
        if min(made.volume_fraction(name) for name in model.phases) == 0:
            continue
        curves = _measure(made, model.phases, within)
        found, _ = problem.solve(curves, length, values)
        again = problem.make(curves.fractions, found)
        rows.append(list(_table(problem, again, found).values()))
        spread.append(_misfits(curves, again.coverage_matrix(curves.lags)))
    if len(rows) < 2:
        raise CalibrationError(
            "Simulated windows of the fitted model lack a phase: the image is too small for its "
            "structure. Use a larger image."
        )
    ratio = float(np.prod(shape) / np.prod(image.shape))
    return np.array(rows), np.array(spread), ratio


def _misfits(curves: _Curves, fitted: FloatArray) -> list[float]:
    width = np.gradient(curves.lags)
    return [
        float(
            np.sqrt(np.average((curves.values - fitted)[:, i, j] ** 2, weights=width))
            / _scale(curves.fractions, i, j)
        )
        for i, j in _PAIRS
    ]


def _judge(
    image: Microstructure,
    model: PluriGaussianExcursionSet,
    curves: _Curves,
    fitted: FloatArray,
    spread: FloatArray,
    ratio: float,
) -> tuple[Finding, ...]:
    names = model.phases
    findings = []
    expected = spread * np.sqrt(ratio)
    for n, ((i, j), value) in enumerate(zip(_PAIRS, _misfits(curves, fitted), strict=True)):
        threshold = max(0.02, float(expected[:, n].mean() + _SIGMAS * expected[:, n].std()))
        findings.append(
            Finding(
                f"two-point fit: {names[i]} – {names[j]}",
                f"C_ij misses the image's by {100 * value:.2g} % of its scale (root mean square; "
                f"up to {100 * threshold:.2g} % is expected).",
                value,
                threshold,
                value > threshold,
            )
        )
    if 1 in image.shape:
        return tuple(findings)
    for i, j in ((0, 1), (0, 2), (1, 2)):
        expected_area = model.interface_area(names[i], names[j])
        if not np.isfinite(expected_area):
            continue
        excess = interface_area(image, names[i], names[j]) / expected_area - 1
        findings.append(
            Finding(
                f"interface area: {names[i]} – {names[j]}",
                f"The image's interface area differs by {100 * excess:+.2g} % from the fitted "
                "model's (up to 25 % passes; voxels hide some).",
                abs(excess),
                0.25,
                abs(excess) > 0.25,
            )
        )
    return tuple(findings)
