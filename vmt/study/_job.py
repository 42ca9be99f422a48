"""What is left of a sweep and what was done: results taken, stored, counted."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from vmt.errors import RunError
from vmt.study._store import SweepStore
from vmt.study._sweep import Sweep
from vmt.study._tasks import plain_row

__all__ = ["ALL_FAILED", "Job", "Tell"]

#: a study whose first rows all fail is stopped
ALL_FAILED = 8
#: seconds that a task of small rows should take, and the most rows in it
_TASK_SECONDS, _MOST_ROWS = 1.0, 500
#: seconds of work that wait at a worker, and the most tasks
_QUEUED_SECONDS, _MOST_QUEUED = 0.1, 32
Tell = Callable[[str], None]


class Live:
    """Means and standard errors so far, for the progress bar."""

    def __init__(self) -> None:
        self._count = 0
        self._sums: dict[str, tuple[float, float]] = {}

    def add(self, values: Mapping[str, Any]) -> None:
        self._count += 1
        for name, value in itertools.islice(values.items(), 4):
            if isinstance(value, float) and np.isfinite(value):
                total, squares = self._sums.get(name, (0.0, 0.0))
                self._sums[name] = (total + value, squares + value * value)

    def text(self) -> str:
        """Return the first quantities' means over all rows so far."""
        n = self._count
        parts = []
        for name, (total, squares) in itertools.islice(self._sums.items(), 2):
            mean = total / n
            error = (max(squares / n - mean * mean, 0.0) / max(n - 1, 1)) ** 0.5
            parts.append(f"{name} {mean:.4g} ± {error:.2g}")
        return ", ".join(parts)


@dataclass
class Job:
    """What is left to do, and what was done."""

    sweep: Sweep
    store: SweepStore | None
    done: set[int]
    rows_per_task: int | None
    tell: Tell
    step: Callable[..., None]
    rows: list[dict[str, Any]] = field(default_factory=list)
    troubles: dict[int, str] = field(default_factory=dict)
    failures: int = 0
    successes: int = 0
    seconds: float = 0.0
    counted: int = 0
    peak: int = 0
    live: Live = field(default_factory=Live)

    @property
    def left(self) -> int:
        """Rows that are not done."""
        return self.sweep.rows - len(self.done)

    def todo(self) -> Iterator[int]:
        """Rows that are not done, in order."""
        done = frozenset(self.done)
        return (row for row in range(self.sweep.rows) if row not in done)

    def advance(self, count: int) -> None:
        """Show progress, and the means so far."""
        if count:
            self.step(f"{self.sweep.name}: {self.live.text()}".rstrip(": "), advance=count)

    def take(self, results: Sequence[Mapping[str, Any]]) -> list[int]:
        """Store what came back; return rows that are to be tried again."""
        again, finished = [], []
        for made in results:
            row = int(made["row"])
            self.peak = max(self.peak, int(made["peak_memory"]))
            if made["trouble"] is not None:
                self.troubles[row] = str(made["trouble"])
                again.append(row)
                continue
            if row in self.done:
                continue
            self.done.add(row)
            self.troubles.pop(row, None)
            self.counted += 1
            self.seconds += float(made["seconds"])
            finished.append(plain_row(self.sweep, made))
            if made["error"] is None:
                self.successes += 1
                self.live.add(made["values"])
            else:
                self.failures += 1
        if self.store is None:
            self.rows += finished
        else:
            self.store.append(finished)
        self.advance(len(finished))
        if self.failures >= ALL_FAILED and not self.successes:
            error = next(row["error"] for row in finished if row["error"] is not None)
            raise RunError(
                f"The first {self.failures} rows all failed: {error} The run was stopped; change "
                "the study."
            )
        return again

    def batch(self, workers: int) -> int:
        """How many rows the next task should have."""
        if self.rows_per_task is not None:
            return self.rows_per_task
        if self.counted == 0:
            return 1
        fair = max(1, self.left // (4 * max(workers, 1)))
        mean = max(self.seconds / self.counted, 1e-4)
        return max(1, min(int(_TASK_SECONDS / mean), fair, _MOST_ROWS))

    def depth(self) -> int:
        """How many tasks a worker should have at the scheduler: more where they are tiny."""
        if self.counted == 0:
            return 2
        task = self.seconds / self.counted * (self.rows_per_task or self.batch(1))
        return max(2, min(int(_QUEUED_SECONDS / max(task, 1e-4)), _MOST_QUEUED))

    def finish(self) -> None:
        """Complain if rows are missing."""
        if self.troubles:
            row, text = next(iter(sorted(self.troubles.items())))
            raise RunError(
                f"{len(self.troubles)} of {self.sweep.rows} rows could not be computed; row {row}: "
                f"{text} The others are stored; resume (--resume) tries these again."
            )
