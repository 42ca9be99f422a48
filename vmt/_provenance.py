"""Where a result comes from: versions, parameters, seed, input hash, timings."""

from __future__ import annotations

import platform
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from vmt._version import __version__

__all__ = ["Timer", "provenance"]

_PACKAGES = ("numpy", "scipy", "numba", "gstools", "edt", "connected-components-3d", "tifffile")


class Timer:
    """Wall-clock seconds of named parts of a job.

    Examples
    --------
    >>> timer = Timer()
    >>> with timer("sampling"):
    ...     pass
    >>> list(timer.seconds)
    ['sampling']
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Add the time of this block to `name`."""
        start = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - start
            self.seconds[name] = self.seconds.get(name, 0.0) + spent


def provenance(
    *,
    command: str,
    parameters: Mapping[str, Any],
    seed: int | None,
    inputs: Mapping[str, str],
    seconds: Mapping[str, float],
) -> dict[str, Any]:
    """Describe how a result was made.

    Parameters
    ----------
    command : str
        What was called, as ``"vmt twin"``.
    parameters : mapping
        All parameters, defaults included.
    seed : int or None
        The seed that names the whole study.
    inputs : mapping
        Name of each input and the hash of its content.
    seconds : mapping
        Wall-clock seconds of the parts.
    """
    return {
        "schema_version": 1,
        "vmt": __version__,
        "command": command,
        "parameters": dict(parameters),
        "seed": seed,
        "inputs": dict(inputs),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": {name: metadata.version(name) for name in _PACKAGES},
    }
