"""What a sweep comes to: its table, means and confidence intervals over the realizations."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.errors import InputError
from vmt.study._measure import LABELS, UNITS, split_key
from vmt.study._store import ORIGIN, SweepStore, write_frame
from vmt.study._sweep import Sweep

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["SweepResult", "SweepStatus", "SweepSummary", "read_sweep", "sweep_status"]

FloatArray = npt.NDArray[np.float64]
_UNITS = {
    **{name: unit for name, unit in UNITS.items() if unit != "1"},
    "interface_area": "1/m",
    "mean_curvature_density": "1/m²",
    "triple_phase_boundary_density": "1/m²",
    "mean_opening_size": "m",
    "rate": "1/m",
    "radius": "m",
}
_MOST_DRAWN = 12


def unit_of(name: str) -> str:
    """Unit of a column, "" for a pure number or an unknown one."""
    return _UNITS.get(name.partition("(")[0].rpartition(".")[2], "")


def label_of(name: str) -> str:
    """What a column is called in figures, with its unit.

    Examples
    --------
    >>> label_of("specific_surface_area(solid)")
    'specific surface area, solid [1/m]'
    """
    unit = f" [{unit_of(name)}]" if unit_of(name) else ""
    if not name.endswith(")"):
        return name.replace("_", " ") + unit
    first, phase = split_key(name)
    prefix, _, plain = first.rpartition(".")
    shown = LABELS.get(plain, plain.replace("_", " "))
    return f"{f'{prefix}: ' if prefix else ''}{shown}, {phase}{unit}"


@dataclass(frozen=True, eq=False)
class SweepSummary:
    """Means over the realizations of each point.

    Attributes
    ----------
    factors : mapping of str to (points,) array
        Value of each factor at the points.
    quantities : tuple of str
        Names of the measured numbers.
    count, mean, standard_error, low, high : (points, quantities) arrays
        Finite values, their mean, its standard error s/√n, and the ends of its confidence interval
        (Student's t); nan where there are too few.
    confidence : float
        Of the interval.
    failed : (points,) array
        Rows that have an error instead of values.
    """

    factors: Mapping[str, npt.NDArray[Any]]
    quantities: tuple[str, ...]
    count: npt.NDArray[np.int64]
    mean: FloatArray
    standard_error: FloatArray
    low: FloatArray
    high: FloatArray
    confidence: float
    failed: npt.NDArray[np.int64]

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row a point and quantity."""
        for point in range(self.count.shape[0]):
            at = {name: _plain(column[point]) for name, column in self.factors.items()}
            for place, name in enumerate(self.quantities):
                yield {
                    "point": point,
                    **at,
                    "quantity": name,
                    "unit": unit_of(name),
                    "count": int(self.count[point, place]),
                    "mean": float(self.mean[point, place]),
                    "standard_error": float(self.standard_error[point, place]),
                    "low": float(self.low[point, place]),
                    "high": float(self.high[point, place]),
                }

    def to_dict(self) -> dict[str, Any]:
        """Return the means as JSON-ready values, by quantity; units in the keys."""
        content: dict[str, Any] = {}
        for place, name in enumerate(self.quantities):
            unit = unit_of(name)
            content[f"{name} [{unit}]" if unit else name] = {
                "count": self.count[:, place].tolist(),
                "mean": self.mean[:, place].tolist(),
                "standard_error": self.standard_error[:, place].tolist(),
                "low": self.low[:, place].tolist(),
                "high": self.high[:, place].tolist(),
            }
        return {
            "confidence": self.confidence,
            "points": {name: column.tolist() for name, column in self.factors.items()},
            "failed": self.failed.tolist(),
            "quantities": content,
        }


@dataclass(frozen=True, eq=False)
class SweepResult:
    """The rows of a sweep.

    Attributes
    ----------
    sweep : Sweep
        The study.
    rows : pandas.DataFrame
        One row a realization with all columns, those on where and how long it ran, too.
    provenance : mapping
        Versions, parameters, seed, hashes of inputs, seconds.
    directory : path or None
        The store.
    """

    sweep: Sweep
    rows: pd.DataFrame
    provenance: Mapping[str, Any]
    directory: Path | None = None

    @property
    def table(self) -> pd.DataFrame:
        """One row a realization: factors, measured values, error; the same on any machine crew."""
        return self.rows[[name for name in self.rows.columns if name not in ORIGIN]]

    @property
    def complete(self) -> bool:
        """Whether every row is there."""
        return len(self.rows) == self.sweep.rows

    @property
    def failed(self) -> int:
        """Rows that have an error instead of values."""
        return int(self.rows["error"].notna().sum())

    @property
    def quantities(self) -> tuple[str, ...]:
        """Columns of measured numbers."""
        known = {"row", "point", "realization", "error", *self.sweep.factors, *ORIGIN}
        return tuple(
            str(name)
            for name in self.rows.columns
            if name not in known and self.rows[name].dtype.kind == "f"
        )

    def values(self, quantity: str) -> FloatArray:
        """Values of a quantity, (rows,), in the order of the rows.

        Raises
        ------
        InputError
            If no measurement has that name.
        """
        if quantity not in self.rows.columns:
            raise InputError(
                f"The sweep has no quantity {quantity!r}; it has {', '.join(self.quantities)}."
            )
        return np.array(self.rows[quantity].to_numpy(), np.float64)

    def arrays(self, name: str) -> FloatArray:
        """Values of a column of arrays, (rows, n)."""
        return np.array([np.asarray(v, np.float64) for v in self.rows[name]], np.float64)

    def summary(self, *, confidence: float = 0.95) -> SweepSummary:
        """Means, standard errors and confidence intervals over the realizations of each point.

        Parameters
        ----------
        confidence : float
            Of the intervals, between 0 and 1.

        Raises
        ------
        InputError
            If the confidence is not between 0 and 1.
        """
        from scipy import stats

        if not 0 < confidence < 1:
            raise InputError(f"confidence={confidence!r}; expected a number between 0 and 1.")
        points = self.sweep.point_count
        place = self.rows["point"].to_numpy(np.int64)
        names = self.quantities
        size = (points, len(names))
        count = np.zeros(size, np.int64)
        mean, error = np.full(size, np.nan), np.full(size, np.nan)
        for j, name in enumerate(names):
            values = self.values(name)
            good = np.isfinite(values)
            where, chosen = place[good], values[good]
            n = np.bincount(where, minlength=points)
            count[:, j] = n
            with np.errstate(invalid="ignore", divide="ignore"):
                mean[:, j] = np.bincount(where, chosen, points) / n
                squares = np.bincount(where, (chosen - mean[where, j]) ** 2, points)
                error[:, j] = np.sqrt(squares / (n - 1) / n)
        error[count < 2] = np.nan
        reach = stats.t.ppf((1 + confidence) / 2, np.maximum(count - 1, 1)) * error
        failed = np.bincount(place[self.rows["error"].notna().to_numpy()], minlength=points)
        return SweepSummary(
            factors=self.sweep.point_columns(),
            quantities=names,
            count=count,
            mean=mean,
            standard_error=error,
            low=mean - reach,
            high=mean + reach,
            confidence=confidence,
            failed=failed,
        )

    def export(self, path: str | os.PathLike[str]) -> None:
        """Write the table to ``.csv`` or ``.parquet``."""
        write_frame(self.table, Path(path))

    def to_dict(self) -> dict[str, Any]:
        """Return study, progress, means and provenance as JSON-ready values."""
        return {
            "schema_version": 1,
            "name": self.sweep.name,
            "rows": len(self.rows),
            "expected_rows": self.sweep.rows,
            "failed": self.failed,
            "sweep": self.sweep.to_dict(),
            "summary": self.summary().to_dict(),
            "provenance": dict(self.provenance),
        }

    def plot(self, quantities: Sequence[str] | None = None) -> Axes:
        """Draw means with their confidence intervals over the factors; return the first panel.

        Parameters
        ----------
        quantities : sequence of str, optional
            Which; default: the first ones.
        """
        from vmt.study._draw import draw_sweep

        return draw_sweep(self, quantities)


@dataclass(frozen=True)
class SweepStatus:
    """How far a sweep is.

    Attributes
    ----------
    name : str
        Title of the study.
    rows, finished, failed : int
        Rows in all, those that are stored, and those of them that have an error.
    running : str
        Process and host that are writing, or "".
    mean_seconds : float
        Mean time of a row on its worker.
    """

    name: str
    rows: int
    finished: int
    failed: int
    running: str
    mean_seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values."""
        return {
            "name": self.name,
            "rows": self.rows,
            "finished": self.finished,
            "failed": self.failed,
            "running": self.running,
            "mean_time [s]": self.mean_seconds,
        }


def read_sweep(path: str | os.PathLike[str]) -> SweepResult:
    """Read what a sweep has stored so far, also while it runs.

    Raises
    ------
    InputError
        If there is no sweep, or it was written by a newer vmt.
    """
    store = SweepStore.open(path)
    return SweepResult(
        store.sweep, store.frame(origin=True), store.manifest["provenance"], store.path
    )


def sweep_status(path: str | os.PathLike[str]) -> SweepStatus:
    """Look how far a sweep is, also while it runs.

    Raises
    ------
    InputError
        If there is no sweep, or it was written by a newer vmt.
    """
    from vmt._files import lock_holder

    store = SweepStore.open(path)
    table = store.arrow(["row", "error", "seconds"])
    holder = lock_holder(store.path)
    running = "" if holder is None else f"process {holder['pid']} on {holder['host']}"
    seconds = math.nan if table is None else float(np.mean(table.column("seconds").to_numpy()))
    return SweepStatus(
        name=str(store.manifest["sweep"]["name"]),
        rows=int(store.manifest["rows"]),
        finished=0 if table is None else table.num_rows,
        failed=0 if table is None else table.num_rows - table.column("error").null_count,
        running=running,
        mean_seconds=seconds,
    )


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
