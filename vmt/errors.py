"""The error tree of vmt.

::

    Exception
    └── VmtError                      everything that vmt raises on purpose
        ├── InputError (ValueError)   what was given can't be used; says what was expected
        ├── MemoryBudgetError         the work does not fit the memory budget; says what would
        ├── NotPercolatingError       a result that needs a path where there is none
        ├── CalibrationError          no model parameters can be estimated from this image
        ├── PackingError              particles don't fit as densely as wanted; has the best reached
        └── ConvergenceError          an iteration ended without reaching its tolerance
    Warning
    └── VmtWarning (UserWarning)      the result stands, but something should be known

A message has one sentence on what was given, one on what was expected, one on what to do.
"""

from __future__ import annotations

__all__ = [
    "CalibrationError",
    "ConvergenceError",
    "InputError",
    "MemoryBudgetError",
    "NotPercolatingError",
    "PackingError",
    "VmtError",
    "VmtWarning",
]


class VmtError(Exception):
    """Everything that vmt raises on purpose."""


class InputError(VmtError, ValueError):
    """What was given can't be used."""


class MemoryBudgetError(VmtError, MemoryError):
    """The work does not fit into the memory budget."""


class NotPercolatingError(VmtError):
    """A result can't exist because a phase has no path through the structure."""


class CalibrationError(VmtError):
    """No model parameters can be estimated from this image."""


class ConvergenceError(VmtError):
    """An iteration ended without reaching its tolerance.

    Attributes
    ----------
    bracket : (float, float) or None
        Lower and upper bound of what was sought that hold all the same, where there are some.
    """

    def __init__(self, message: str, bracket: tuple[float, float] | None = None) -> None:
        super().__init__(message)
        self.bracket = bracket

    def __reduce__(self) -> tuple[type[ConvergenceError], tuple[str, tuple[float, float] | None]]:
        return type(self), (str(self), self.bracket)


class PackingError(VmtError):
    """Particles can't be packed as wanted.

    Attributes
    ----------
    best : float
        Volume fraction that was reached.
    """

    def __init__(self, message: str, best: float = float("nan")) -> None:
        super().__init__(message)
        self.best = best

    def __reduce__(self) -> tuple[type[PackingError], tuple[str, float]]:
        return type(self), (str(self), self.best)


class VmtWarning(UserWarning):
    """The result stands, but something about it should be known."""
