"""Memory is a budget: say what big work needs before it starts, and refuse what does not fit.

The budget is `VMT_MEMORY_LIMIT` (bytes, or with a suffix as ``12GiB``) or, without it, what the
operating system says is available now.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from vmt.errors import InputError, MemoryBudgetError

__all__ = [
    "available_memory",
    "format_bytes",
    "read_bytes",
    "require_memory",
    "return_large_blocks",
]

_SUFFIXES = {"": 1, "B": 1, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}
_LIMIT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*")
_CGROUP = Path("/sys/fs/cgroup")
_MMAP_THRESHOLD = -3  # glibc's number of it


def available_memory() -> int:
    """Bytes that new work may use: the environment's limit, else what the system has free."""
    text = os.environ.get("VMT_MEMORY_LIMIT")
    if text is not None:
        return read_bytes(text, "VMT_MEMORY_LIMIT")

    import psutil

    free = int(psutil.virtual_memory().available)
    try:  # a container may hold less than its machine
        limit = (_CGROUP / "memory.max").read_text().strip()
        used = int((_CGROUP / "memory.current").read_text())
    except (OSError, ValueError):
        return free
    return free if limit == "max" else min(free, max(int(limit) - used, 0))


def read_bytes(text: str, what: str) -> int:
    """Read a number of bytes, as ``"12GiB"``.

    Raises
    ------
    InputError
        If it can't be read.

    Examples
    --------
    >>> read_bytes("2 KiB", "memory")
    2048
    """
    match = _LIMIT.fullmatch(text)
    if match is None or match.group(2).upper() not in _SUFFIXES:
        raise InputError(f"{what}={text!r} can't be read; expected bytes or a size as '12GiB'.")
    return int(float(match.group(1)) * _SUFFIXES[match.group(2).upper()])


def format_bytes(count: float) -> str:
    """Write a number of bytes for people.

    Examples
    --------
    >>> format_bytes(3 * 2**30)
    '3.0 GiB'
    """
    for suffix, scale in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if count >= scale:
            return f"{count / scale:.1f} {suffix}"
    return f"{count:.0f} B"


def require_memory(count: float, what: str, advice: str = "") -> None:
    """Refuse work that needs more bytes than are available.

    Parameters
    ----------
    count : float
        Bytes that the work needs at its peak.
    what : str
        The work, as the subject of the message: ``"a 400×400×400 realization"``.
    advice : str
        What to do instead.

    Raises
    ------
    MemoryBudgetError
        If the bytes are not available.
    """
    free = available_memory()
    if count > free:
        hint = advice or "Use a smaller or coarser structure, or a machine with more memory."
        raise MemoryBudgetError(
            f"{what} needs {format_bytes(count)} of memory, but {format_bytes(free)} are "
            f"available (VMT_MEMORY_LIMIT changes the limit). {hint}"
        )


def return_large_blocks() -> None:
    """Have arrays above 1 MiB go back to the system when they are freed, where glibc is in use.

    By default glibc raises that limit to 32 MiB as a program goes on and keeps what is below in
    its heap, where blocks of many sizes leave holes: a sixth of a solver's memory.
    """
    import ctypes

    try:
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, 2**20)
    except (AttributeError, OSError, TypeError):
        return  # another C library: nothing to set
