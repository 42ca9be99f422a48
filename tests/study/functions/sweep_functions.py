"""Models and measurements of a few microseconds, importable by workers."""

import math
import os
import signal
import time
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from vmt import ConvergenceError


def numbers(*, rng, size: int = 4, pause: float = 0.0, scale: float = 1.0):
    """A few random numbers, after a pause [s]."""
    if pause:
        time.sleep(pause)
    return scale * rng.standard_normal(size)


def sums(values, *, rng, power: Annotated[int, Field(ge=1, le=4)] = 1):
    """Numbers that show every bit of the model's and of the measurement's own generator."""
    return {
        "sum": float((values**power).sum()),
        "first": values[0],
        "own": rng.standard_normal(),
        "values": values,
    }


def sometimes_impossible(values):
    """A measurement that says of some values that it can't be done."""
    if values[0] < 0:
        raise ConvergenceError("negative")
    return {"root": math.sqrt(values[0])}


def broken(values):
    """A measurement with a mistake."""
    raise KeyError("oops")


def fails_once(values, *, folder: str):
    """Fails the first time that it sees some values, as for want of room in /tmp."""
    mark = Path(folder) / f"{values[0]!r}"
    if not mark.exists():
        mark.touch()
        raise OSError(28, "No space left on device")
    return {"first": values[0]}


def kills_once(values, *, folder: str):
    """Takes its process down the first time, as the kernel does that is out of memory."""
    mark = Path(folder) / f"{values[0]!r}"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"first": values[0]}


def process(values, *, threads: int):
    """How many threads the process may use."""
    import numba

    return {
        "numba_threads": float(numba.get_num_threads()),
        "most_threads": float(numba.config.NUMBA_NUM_THREADS),
        "given": float(threads),
        "omp": float(os.environ.get("OMP_NUM_THREADS", "nan")),
        "kept_memory": float(os.environ.get("MALLOC_TRIM_THRESHOLD_", "nan")),
    }


def volume(values):
    """An array that is no row of a table."""
    return {"volume": np.zeros((2, 2, 2))}


def whole(*, rng, count: Annotated[int, Field(ge=1, le=9)] = 3, name: str = "a"):
    """A model with a whole number and a text."""
    return rng.standard_normal(count)
