"""Progress of long work: a rich bar on a terminal, nothing anywhere else.

Library code calls `steps`; who wants silence wraps the call in `quiet`. There is no global switch:
`quiet` is a context variable, so threads and asynchronous tasks don't disturb each other.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["quiet", "steps"]

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


@contextmanager
def steps(title: str, total: int) -> Iterator[Callable[..., None]]:
    """Show work of `total` steps; the value is a function to call after each step.

    The function takes an optional text that replaces the title, ``step("solid: tortuosity")``.
    Only the outermost of nested calls shows a bar, and only on a terminal.
    """
    if _quiet.get() or _nested.get() or not sys.stderr.isatty():
        yield lambda text=None, advance=1: None
        return

    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    token = _nested.set(True)
    try:
        with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task(title, total=total)

            def step(text: str | None = None, advance: int = 1) -> None:
                progress.update(task, advance=advance, description=text or title)

            yield step
    finally:
        _nested.reset(token)
