"""What a sweep would cost: a few rows on trial in a process of their own."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

from vmt._budget import format_bytes
from vmt.errors import RunError
from vmt.study._run import count_workers
from vmt.study._sweep import Sweep
from vmt.study._tasks import make_plan, peak_memory, row_numbers, run_rows

__all__ = ["SweepCost", "estimate_sweep_cost"]

#: structures above this many voxels are tried at two smaller sizes
_TRIED_AS_IT_IS = 100**3
_SMALL, _MIDDLE = 48, 96
_ENOUGH = 20.0  # seconds of trials
_ROWS_TRIED = 3
_ROW_BYTES = 1000


@dataclass(frozen=True)
class SweepCost:
    """What a sweep would cost.

    Attributes
    ----------
    points, realizations, rows : int
        Points of the design, realizations at each, and their product.
    seconds_per_row : float
        CPU time of a row on one core, measured on trial rows.
    memory : float
        Bytes of one worker at its peak.
    workers : int
        Processes of this machine that cores and memory allow.
    wall_seconds : float
        Time on these.
    disk : float
        Bytes of the store, kept voxels included.
    extrapolated : bool
        Whether the trials were smaller structures: time and memory go with the voxels.
    tried : int
        Rows on trial.
    """

    points: int
    realizations: int
    rows: int
    seconds_per_row: float
    memory: float
    workers: int
    wall_seconds: float
    disk: float
    extrapolated: bool
    tried: int

    @property
    def text(self) -> tuple[str, ...]:
        """The cost in plain sentences."""
        how = "extrapolated from smaller structures" if self.extrapolated else "measured"
        return (
            f"{self.rows} tasks: {self.points} points × {self.realizations} realizations",
            f"memory per task: {format_bytes(self.memory)} ({how}, {self.tried} rows on trial)",
            f"time per task: {self.seconds_per_row:.3g} s on one core",
            f"expected: {_duration(self.wall_seconds)} on {self.workers} workers of this machine, "
            f"{_duration(self.rows * self.seconds_per_row)} of CPU time in all",
            f"disk: {format_bytes(self.disk)}",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON-ready values, units in the keys."""
        return {
            "points": self.points,
            "realizations": self.realizations,
            "tasks": self.rows,
            "time_per_task [s]": self.seconds_per_row,
            "memory_per_task [B]": self.memory,
            "workers": self.workers,
            "expected_time [s]": self.wall_seconds,
            "disk [B]": self.disk,
            "extrapolated": self.extrapolated,
            "tried": self.tried,
        }


def estimate_sweep_cost(sweep: Sweep, *, workers: int | None = None, threads: int = 1) -> SweepCost:
    """Try a few rows in a process of their own, and say what the sweep would cost.

    Structures above 100³ voxels are tried at two smaller sizes, and time and memory extrapolated in
    proportion to the voxels.

    Parameters
    ----------
    sweep : Sweep
        The study.
    workers, threads : int
        As for `run`.

    Raises
    ------
    InputError, MemoryBudgetError
        As for `run`.
    RunError
        If a trial fails.
    """
    many = count_workers(sweep, workers, threads)
    voxels = sweep.voxels
    smaller = voxels is not None and voxels > _TRIED_AS_IT_IS
    edges = (_SMALL, _MIDDLE) if smaller else (None,)
    found = [_trial(sweep, edge, threads) for edge in edges]
    tried = sum(count for _, _, count, _ in found)
    if smaller and voxels is not None:
        (t1, m1, _, n1), (t2, m2, _, n2) = found
        seconds = max(t2 + (t2 - t1) / (n2 - n1) * (voxels - n2), t2 * voxels / n2)
        memory = m2 + max(m2 - m1, 0.0) / (n2 - n1) * (voxels - n2)
    else:
        seconds, memory = found[0][0], found[0][1]
    kept = (voxels or 0) if sweep.keep_structures else 0
    return SweepCost(
        points=sweep.point_count,
        realizations=sweep.realizations,
        rows=sweep.rows,
        seconds_per_row=seconds,
        memory=memory,
        workers=many,
        wall_seconds=math.ceil(sweep.rows / many) * seconds,
        disk=float(sweep.rows * (_ROW_BYTES + kept)),
        extrapolated=smaller,
        tried=tried,
    )


def _trial(sweep: Sweep, edge: int | None, threads: int) -> tuple[float, float, int, int]:
    """Seconds a row, bytes of the process, rows tried, voxels."""
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    tried, voxels = sweep, sweep.voxels or 0
    if edge is not None and sweep.shape is not None:
        shape = tuple(min(edge, n) for n in sweep.shape)
        tried = sweep.model_copy(update={"shape": shape})
        voxels = math.prod(shape)
    plan = make_plan(tried, inputs=sweep.input_hashes(), threads=threads)
    places = sorted({0, sweep.rows // 2, sweep.rows - 1})[:_ROWS_TRIED]
    rows = row_numbers(sweep, places)
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        seconds, memory, count, error = pool.submit(_probe, plan, rows).result()
    if error is not None:
        raise RunError(f"A trial of the sweep fails: {error}")
    return seconds, memory, count, voxels


def _probe(plan: str, rows: list[Any]) -> tuple[float, float, int, str | None]:
    """Run the first row twice (the first time compiles), then others while it is quick."""
    start = time.perf_counter()
    times: list[float] = []
    for place, row in enumerate([rows[0], *rows]):
        before = time.process_time()
        (made,) = run_rows(plan, [row])
        if made["trouble"] is not None or (made["error"] is not None and place == 0):
            return 0.0, 0.0, 0, made["trouble"] or made["error"]
        times.append(time.process_time() - before)
        if time.perf_counter() - start > _ENOUGH and place:
            break
    return sum(times[1:]) / len(times[1:]), float(peak_memory()), len(times) - 1, None


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.3g} s"
