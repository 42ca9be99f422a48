"""Progress of long work: a rich bar on a terminal, nothing anywhere else.

Library code calls `steps`; who wants silence wraps the call in `quiet`. There is no global switch:
`quiet` is a context variable, so threads and asynchronous tasks don't disturb each other.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["Remaining", "format_seconds", "quiet", "steps"]

_quiet: ContextVar[bool] = ContextVar("vmt_quiet", default=False)
_nested: ContextVar[bool] = ContextVar("vmt_progress_nested", default=False)


@contextmanager
def quiet(silent: bool = True) -> Iterator[None]:
    """Show no progress inside this block.

    Examples
    --------
    >>> with quiet():
    ...     with steps("sampling", 2) as step:
    ...         step()
    """
    token = _quiet.set(silent)
    try:
        yield
    finally:
        _quiet.reset(token)


class Remaining:
    """Time that is left of long uneven work, by the speed of the newer half of what was done here.

    What was done before, by a run that this one goes on from, does not count, nor does a slow
    start once as much has been done again.

    Parameters
    ----------
    clock : function
        Seconds; the system's by default.

    Examples
    --------
    >>> now = iter([0.0, 30.0, 40.0])
    >>> left = Remaining(lambda: next(now))
    >>> [left(0.5), round(left(0.6)), round(left(0.8))]  # a slow start, then 0.02 a second
    [None, 120, 10]
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._points: list[tuple[float, float]] = []  # share and time
        self._first = 0.0

    def __call__(self, share: float) -> float | None:
        """Seconds that are left after a share of the work; None as long as nothing is known."""
        now = self._clock()
        if not self._points:
            self._first = share
        if not self._points or share > self._points[-1][0]:
            self._points.append((share, now))
        middle = 0.5 * (self._first + share)
        while len(self._points) > 2 and self._points[1][0] <= middle:
            self._points.pop(0)
        done, since = self._points[0]
        if share <= done or now <= since:
            return None
        return max(1.0 - share, 0.0) * (now - since) / (share - done)


def format_seconds(seconds: float) -> str:
    """Write a length of time for people.

    Examples
    --------
    >>> format_seconds(42), format_seconds(754), format_seconds(9000)
    ('42 s', '13 min', '2 h 30 min')
    """
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


@contextmanager
def steps(title: str, total: int, *, estimates: bool = False) -> Iterator[Callable[..., None]]:
    """Show work of `total` steps; the value is a function to call after each step.

    The function takes an optional text that replaces the title, ``step("solid: tortuosity")``.
    With `estimates` it takes the seconds that are left, too, ``step(left=90.0)``, and the bar shows
    a percentage. Only the outermost of nested calls shows a bar, and only on a terminal.
    """
    if _quiet.get() or _nested.get() or not sys.stderr.isatty():
        yield lambda text=None, advance=1, left=None: None
        return

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns: tuple[ProgressColumn, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn() if estimates else MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[left]}") if estimates else TimeRemainingColumn(),
    )
    token = _nested.set(True)
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(title, total=total, left="")

            def step(text: str | None = None, advance: int = 1, left: float | None = None) -> None:
                shown = "" if left is None else f"{format_seconds(left)} left"
                progress.update(task, advance=advance, description=text or title, left=shown)

            yield step
    finally:
        _nested.reset(token)
