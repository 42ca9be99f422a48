"""Open-circuit potential from slow measurements of a half cell.

Source: the mean of both directions of a C/50 measurement, with tails so that a simulated discharge
can pass the cut-off voltage (a potential that ends above it never gets there).
"""

from __future__ import annotations

import csv
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.electrode import Law
from vmt.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MeasuredPotential", "ocp_from_measurement"]

FloatArray = npt.NDArray[np.float64]
Curve = str | os.PathLike[str] | tuple[npt.ArrayLike, npt.ArrayLike]

_POINTS = 401  # of the common grid of capacities
_FEWEST = 10  # points of a measured curve
_ROW = 2  # columns of a curve
_TAIL_DEPTH, _TAIL_RATE = 1.2, 90.0  # V that the full material falls below its end; per x


@dataclass(frozen=True, eq=False)
class MeasuredPotential:
    """Open-circuit potential against stoichiometry, as measured.

    Attributes
    ----------
    stoichiometry : ndarray, shape (n,)
        Lithium per host, rising.
    potential : ndarray, shape (n,)
        Mean of both directions against Li/Li⁺, falling strictly [V].
    hysteresis : ndarray, shape (n,)
        Delithiation minus lithiation [V]; NaN where one direction was not given.
    source : str
        Where the curves are from.
    """

    stoichiometry: FloatArray
    potential: FloatArray
    hysteresis: FloatArray
    source: str

    def __post_init__(self) -> None:
        for name in ("stoichiometry", "potential", "hysteresis"):
            array = np.array(getattr(self, name), np.float64)
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __reduce__(self) -> tuple[Any, ...]:
        return MeasuredPotential, (
            self.stoichiometry, self.potential, self.hysteresis, self.source,
        )  # fmt: skip

    @property
    def law(self) -> Law:
        """The potential as a law of the stoichiometry, with tails outside the measured range."""
        return Law(
            _WithTails(self.stoichiometry, self.potential),
            "measured_potential",
            "V",
            (float(self.stoichiometry[0]), float(self.stoichiometry[-1])),
            self.source,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the curve as JSON-ready values."""
        return {
            "schema_version": 1,
            "source": self.source,
            "stoichiometry": self.stoichiometry.tolist(),
            "potential [V]": self.potential.tolist(),
            "hysteresis [V]": self.hysteresis.tolist(),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the mean, the band between both directions, and the tails."""
        from vmt._plotting import COLORS, axes, finish, legend

        ax = axes(ax)
        x, u = self.stoichiometry, self.potential
        half = np.where(np.isfinite(self.hysteresis), self.hysteresis, 0.0) / 2
        ax.fill_between(x, u - half, u + half, color=COLORS["muted"], alpha=0.5, linewidth=0,
                        label="between both directions")  # fmt: skip
        ax.plot(x, u, color=COLORS["image"], label="mean")
        beyond = np.linspace(max(x[0] - 0.05, 0.0), 1.0, 400)
        tail = np.where((beyond < x[0]) | (beyond > x[-1]), self.law(beyond), np.nan)
        ax.plot(beyond, tail, color=COLORS["model"], linestyle="--", label="tails")
        ax.set_ylim(float(u.min()) - 0.5, float(u.max()) + 0.3)
        legend(ax)
        return finish(ax, xlabel="stoichiometry", ylabel="potential against Li/Li⁺ [V]")


class _WithTails:
    """Monotone cubic inside; outside, with the same slope, a fall (full) and a rise (empty)."""

    def __init__(self, x: FloatArray, u: FloatArray) -> None:
        from scipy.interpolate import PchipInterpolator

        self._x, self._u = x, u
        self._inside = PchipInterpolator(x, u)
        slope = self._inside.derivative()
        self._slopes = float(slope(x[0])), float(slope(x[-1]))
        room = max(1.0 - float(x[-1]), 1e-3)
        self._depth = _TAIL_DEPTH / _bend(np.float64(room))

    def __reduce__(self) -> tuple[Any, ...]:
        return _WithTails, (self._x, self._u)

    def __call__(self, at: FloatArray) -> FloatArray:
        x = self._x
        below, above = np.minimum(at - x[0], 0.0), np.maximum(at - x[-1], 0.0)
        inside = self._inside(np.clip(at, x[0], x[-1]))
        rise = self._slopes[0] * below + self._depth * _bend(-below)
        fall = self._slopes[1] * above - self._depth * _bend(above)
        result: FloatArray = inside + rise + fall
        return result


def _bend(d: Any) -> Any:
    """Zero with zero slope at 0, exponential beyond; bounded so that no argument overflows."""
    t = np.minimum(_TAIL_RATE * d, 50.0)
    return np.expm1(t) - t


def ocp_from_measurement(
    lithiation: Curve,
    delithiation: Curve | None = None,
    *,
    stoichiometry_range: tuple[float, float],
    source: str | None = None,
) -> MeasuredPotential:
    """Make an open-circuit potential from one or two slow measurements.

    Parameters
    ----------
    lithiation, delithiation : path or (capacity, voltage)
        Curves as a CSV file of two columns (a header line is allowed) or as two arrays, (n,)
        each: charge taken out of the material, in any unit (it is scaled to 0..1), and voltage
        against Li/Li⁺ [V], which rises with it. One direction alone is allowed.
    stoichiometry_range : (float, float)
        Stoichiometry at the highest and at the lowest voltage, as (0.21, 0.94); a curve of charge
        alone does not know it.
    source : str, optional
        What is kept about the origin; default: the names of the files.

    Returns
    -------
    MeasuredPotential
        Mean potential, hysteresis, and `law` for a `HalfCell`'s active material.

    Raises
    ------
    InputError
        If a file can't be read, a curve has fewer than ten points, is not finite or does not rise
        (beyond noise of 5 mV), or the range of stoichiometries is not inside 0..1.

    Notes
    -----
    Both curves are scaled to their own charge and averaged at equal shares; where noise makes the
    mean fall it is replaced by its monotone (pool-adjacent-violators) fit. Beyond the measured
    range the potential goes on with its slope and an exponential of 90 per unit of
    stoichiometry, which falls by 1.2 V at x = 1.

    Examples
    --------
    >>> charge = np.linspace(0, 1, 50)
    >>> measured = ocp_from_measurement(
    ...     (charge, 3.5 + 0.8 * charge - 0.01),
    ...     (charge, 3.5 + 0.8 * charge + 0.01),
    ...     stoichiometry_range=(0.2, 0.9),
    ... )
    >>> round(measured.law(0.55).item(), 3), round(float(measured.hysteresis.mean()), 3)
    (3.9, 0.02)
    >>> bool(measured.law(1.0) < 2.5)
    True
    """
    empty, full = _range(stoichiometry_range)
    share = np.linspace(0.0, 1.0, _POINTS)
    one = _read("lithiation", lithiation, share)
    two = None if delithiation is None else _read("delithiation", delithiation, share)
    mean = _monotone(one if two is None else (one + two) / 2)
    gap = np.full(_POINTS, np.nan) if two is None else two - one
    if source is None:
        names = [
            Path(c).name for c in (lithiation, delithiation) if isinstance(c, str | os.PathLike)
        ]
        source = "measured: " + (", ".join(names) or "arrays")
    x = full - share * (full - empty)
    return MeasuredPotential(x[::-1], mean[::-1], gap[::-1], source)


def _range(given: tuple[float, float]) -> tuple[float, float]:
    try:
        empty, full = (float(v) for v in given)
    except (TypeError, ValueError):
        empty = full = math.nan
    if not 0 <= empty < full <= 1:
        raise InputError(
            f"stoichiometry_range={given!r} can't be used; expected two numbers in 0..1, the "
            "stoichiometry at the highest voltage first, as (0.21, 0.94)."
        )
    return empty, full


def _read(name: str, curve: Curve, share: FloatArray) -> FloatArray:
    """Return the voltages of a curve at equal shares of its charge."""
    if isinstance(curve, str | os.PathLike):
        charge, voltage = _read_csv(Path(curve))
    else:
        charge, voltage = (np.array(v, np.float64).ravel() for v in curve)
    if charge.size != voltage.size or charge.size < _FEWEST:
        raise InputError(
            f"The {name} curve has {charge.size} charges and {voltage.size} voltages; expected "
            f"the same number of both, at least {_FEWEST}."
        )
    if not (np.isfinite(charge).all() and np.isfinite(voltage).all()):
        raise InputError(f"The {name} curve holds values that are not finite; remove them.")
    order = np.argsort(charge, kind="stable")
    charge, first = np.unique(charge[order], return_index=True)
    voltage = voltage[order][first]
    if charge.size < _FEWEST:
        raise InputError(
            f"The {name} curve has only {charge.size} different charges; expected {_FEWEST}."
        )
    drop = float(np.max(np.maximum.accumulate(voltage) - voltage))
    if drop > 5e-3:  # V, more than noise
        raise InputError(
            f"The voltage of the {name} curve falls by {1e3 * drop:.0f} mV with the charge taken "
            "out; expected one that rises. For a curve against charge put in, give 1 - charge."
        )
    span = charge[-1] - charge[0]
    return np.interp(share, (charge - charge[0]) / span, voltage)


def _read_csv(path: Path) -> tuple[FloatArray, FloatArray]:
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            rows = [row for row in csv.reader(stream) if row and not row[0].startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{str(path)!r} can't be read as a CSV file: {error}.") from error
    if rows and not _is_number(rows[0][0]):
        rows = rows[1:]
    try:
        values = np.array([[float(v) for v in row[:_ROW]] for row in rows], np.float64)
    except ValueError as error:
        raise InputError(
            f"{str(path)!r} has a row that is not two numbers: {error}; expected charge, voltage."
        ) from error
    if values.ndim != _ROW or values.shape[1] != _ROW:
        raise InputError(f"{str(path)!r} does not hold two columns; expected charge, voltage.")
    return values[:, 0], values[:, 1]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _monotone(values: FloatArray) -> FloatArray:
    """Nearest strictly rising curve (least squares, plus 1 µV a point where it is flat)."""
    from scipy.optimize import isotonic_regression

    rising: FloatArray = np.asarray(isotonic_regression(values).x, np.float64)
    return rising + 1e-6 * np.arange(values.size)
