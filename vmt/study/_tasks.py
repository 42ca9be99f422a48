"""One task of a sweep: model, measurements, numbers. Idempotent, and the same bits anywhere.

What travels to a worker is a text (the plan) and a few numbers a row; what comes back is a row of
numbers. Voxels stay where they are made, or are written to a path.
"""

from __future__ import annotations

import functools
import json
import os
import socket
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from vmt._progress import quiet
from vmt._version import __version__
from vmt.errors import InputError, MemoryBudgetError, VmtError, VmtWarning
from vmt.study._catalog import Entry, is_descriptor, measurement_entry, model_entry
from vmt.study._sweep import RESERVED, Measurement, Sweep

__all__ = ["MAX_PICKLE", "make_plan", "row_numbers", "run_rows"]

#: bytes that may travel between processes in one piece
MAX_PICKLE = 64 * 2**20
_LONGEST_REMARK = 500

Row = tuple[int, Mapping[str, Any]]


@dataclass(frozen=True)
class _Step:
    """One measurement, ready to be called."""

    entry: Entry
    options: Mapping[str, Any]
    prefix: str


@dataclass(frozen=True)
class _Prepared:
    """A plan as a worker uses it."""

    sweep: Sweep
    model: Entry
    steps: tuple[_Step, ...]
    threads: int
    structures: Path | None


def make_plan(
    sweep: Sweep, *, inputs: Mapping[str, str], threads: int = 1, structures: Path | None = None
) -> str:
    """Write down what a worker needs beside the rows.

    Parameters
    ----------
    sweep : Sweep
        The study.
    inputs : mapping
        Path of each file that the model reads, and the hash of its content.
    threads : int
        Threads of a task.
    structures : path, optional
        Folder for the voxels, seen by all workers.

    Raises
    ------
    InputError
        If it is larger than 64 MiB.
    """
    data = sweep.to_dict()
    if "factors" in data:  # rows bring their values; the design needn't travel
        data["factors"] = {}
        data |= {"design": "grid", "points": None}
    plan = json.dumps(
        {
            "sweep": data,
            "inputs": dict(inputs),
            "threads": threads,
            "structures": None if structures is None else str(structures.resolve()),
            "factors": list(sweep.factors),
        },
        sort_keys=True,
    )
    if len(plan) > MAX_PICKLE:
        raise InputError(
            f"The study has {len(plan)} bytes; expected at most {MAX_PICKLE}, as it travels to "
            "every worker. Put large inputs into a file and give its path."
        )
    return plan


def row_numbers(sweep: Sweep, rows: Sequence[int]) -> list[Row]:
    """Rows with the values of their factors, as tasks take them."""
    return [(row, sweep.point(row // sweep.realizations)) for row in rows]


def run_rows(plan: str, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Run rows one after the other.

    Returns
    -------
    list of dict
        One a row: ``row``, ``values``, ``error`` (what the model or a measurement says that it
        can't do: a result), ``trouble`` (anything else that went wrong: to be tried again) and
        where and how long.
    """
    prepared = _prepare(plan)
    with quiet():
        return [_run_row(prepared, row, values) for row, values in rows]


@functools.lru_cache(maxsize=4)
def _prepare(plan: str) -> _Prepared:
    data = json.loads(plan)
    sweep = _bare(data["sweep"])
    inputs = data["inputs"]
    parameters = dict(sweep.parameters)
    if sweep.model == "image":
        parameters["content"] = inputs.get(str(parameters["path"]))
        sweep = sweep.model_copy(update={"parameters": parameters})
    steps: list[_Step] = []
    for one in sweep.measurements:
        name, options = one.name, dict(one.options)
        if is_descriptor(name):
            name, options = "describe", {**options, "descriptors": [name]}
            before = steps[-1] if steps else None
            if before is not None and _same_description(before, options, one.prefix):
                options["descriptors"] = [*before.options["descriptors"], *options["descriptors"]]
                steps.pop()  # one call shares what its descriptors have in common
        entry = measurement_entry(name)
        if "axis" in entry.schema.model_fields:
            options.setdefault("axis", sweep.axis)
        steps.append(_Step(entry, entry.check(options, "The measurement"), one.prefix))
    structures = None if data["structures"] is None else Path(data["structures"])
    return _Prepared(sweep, model_entry(sweep.model), tuple(steps), data["threads"], structures)


def _bare(data: Mapping[str, Any]) -> Sweep:
    """A sweep without its factors, which come with the rows; checked where it was made."""
    fields = {
        **data,
        "measurements": tuple(_measurement(one) for one in data["measurements"]),
        "seed": tuple(data["seed"]) if isinstance(data["seed"], list) else (data["seed"],),
    }
    return Sweep.model_construct(**fields)


def _measurement(data: Mapping[str, Any]) -> Any:
    return Measurement.model_construct(**data)


def _same_description(before: _Step, options: Mapping[str, Any], prefix: str) -> bool:
    if before.entry.name != "describe" or before.prefix != prefix:
        return False
    given = {k: v for k, v in before.options.items() if k != "descriptors" and v is not None}
    wanted = {k: v for k, v in options.items() if k != "descriptors"}
    return all(given.get(k) == v for k, v in wanted.items()) and bool(before.options["descriptors"])


def _run_row(prepared: _Prepared, row: int, factors: Mapping[str, Any]) -> dict[str, Any]:
    start, remarks = time.perf_counter(), []
    values: dict[str, Any] = {}
    error = trouble = None
    with warnings.catch_warnings(record=True) as caught, _threads(prepared.threads):
        warnings.simplefilter("always", VmtWarning)
        try:
            values = _measure(prepared, row, factors)
        except MemoryBudgetError as found:
            trouble = _said(found)
        except VmtError as found:
            error = _said(found)
        except Exception as found:
            trouble = f"{type(found).__name__}: {_said(found)}"
        remarks = [str(w.message) for w in caught if issubclass(w.category, VmtWarning)]
    return {
        "row": row,
        "values": values,
        "error": error,
        "trouble": trouble,
        "warnings": " | ".join(dict.fromkeys(remarks))[:_LONGEST_REMARK] or None,
        "seconds": time.perf_counter() - start,
        "peak_memory": peak_memory(),
        "host": socket.gethostname(),
        "process": os.getpid(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _measure(prepared: _Prepared, row: int, factors: Mapping[str, Any]) -> dict[str, Any]:
    sweep = prepared.sweep
    seed = sweep.seed_sequence(row)
    given: dict[str, Any] = {
        "shape": sweep.shape,
        "spacing": sweep.spacing,
        "rng": np.random.default_rng(seed),
        "threads": prepared.threads,
    }
    named = prepared.model.check({**sweep.parameters, **factors}, "The model")
    asked = {key: _tuple(given[key]) for key in prepared.model.given}
    structure = prepared.model.function(**asked, **named)
    if prepared.structures is not None:
        _keep(structure, prepared.structures / f"row-{row:09d}.zarr")
    values: dict[str, Any] = {}
    size = 0
    for place, step in enumerate(prepared.steps):
        own = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, 1000 + place))
        extra = {"rng": np.random.default_rng(own), "threads": prepared.threads}
        found = step.entry.function(
            structure, **{key: extra[key] for key in step.entry.given}, **step.options
        )
        if not isinstance(found, Mapping):
            raise InputError(
                f"The measurement {step.entry.name!r} returned {type(found).__name__}; expected "
                "numbers by name."
            )
        for key, value in found.items():
            name = f"{step.prefix}{key}"
            if name in values or name in factors or name in RESERVED:
                raise InputError(
                    f"Two columns would be called {name!r}; give the measurement a prefix."
                )
            values[name] = _cell(name, value)
            size += sys.getsizeof(values[name])
    if size > MAX_PICKLE:
        raise InputError(f"Row {row} has {size} bytes; expected at most {MAX_PICKLE}: no volumes.")
    return values


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _cell(name: str, value: Any) -> Any:
    """A number, a text, or a 1D array of numbers, as the store keeps it."""
    if isinstance(value, str) or value is None:
        return value
    if isinstance(value, (bool, int, float, np.generic)):
        return float(value)
    array = np.asarray(value)
    if array.ndim != 1 or array.dtype.kind not in "biuf":
        raise InputError(
            f"The value {name!r} is {type(value).__name__}; expected a number, a text or a 1D "
            "array of numbers."
        )
    return array.astype(np.float64)


def _keep(structure: Any, path: Path) -> None:
    from vmt.io import write
    from vmt.microstructure import Microstructure

    if not isinstance(structure, Microstructure):
        raise InputError(
            f"The model returns {type(structure).__name__}; only a Microstructure can be kept."
        )
    write(structure, path)


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:_LONGEST_REMARK] or type(error).__name__


def worker_version() -> str:
    """Version of vmt in this process."""
    return __version__


def peak_memory() -> int:
    """Largest resident memory that this process has had [bytes]."""
    try:
        import resource
    except ImportError:  # Windows
        import psutil

        return int(psutil.Process().memory_info().rss)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let numba's parallel kernels use so many threads and no more."""
    import numba

    before = numba.get_num_threads()
    most: int = numba.config.NUMBA_NUM_THREADS  # type: ignore[attr-defined]  # set at import
    numba.set_num_threads(min(count, most))
    try:
        yield
    finally:
        numba.set_num_threads(before)


def plain_row(sweep: Sweep, made: Mapping[str, Any]) -> dict[str, Any]:
    """A finished row as the store writes it."""
    row = int(made["row"])
    point, realization = sweep.place(row)
    return {
        "row": row,
        "point": point,
        "realization": realization,
        **sweep.point(point),
        **made["values"],
        **{key: made[key] for key in ("error", "warnings", "seconds", "peak_memory", "host",
                                      "process", "finished")},
    }  # fmt: skip
