"""What an iteration says of the effective conductivity: its value so far, and what is missing."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

__all__ = ["BEST_RATE", "Energy"]

#: no step is trusted to be less than this share of the one before
BEST_RATE = 0.1
_SAFETY = 3.0
#: after so many steps on blocks, so many more expected lead to the strength-aware hierarchy
_PATIENCE = 8
_MANY = 15
#: an iteration without end would hide a mistake; far above what any structure needs
_NEVER = 20_000


def _tail(before: float, last: float) -> float:
    """Sum of the terms after two neighboring ones of a geometric series."""
    if last <= 0.0 or before <= 0.0:
        return 0.0
    ratio = min(last / before, 0.99)
    return last * ratio / (1.0 - ratio)


class Energy:
    """The effective conductivity so far and the estimate of what is missing."""

    def __init__(
        self, ramp: float, rtol: float, limit: int | None, best_rate: float = BEST_RATE
    ) -> None:
        self.history = [ramp]
        self.best_rate = best_rate
        self.rtol = rtol
        self.limit = limit
        self.steps: list[float] = []
        self.exact = False

    def lower(self, step: float) -> None:
        self.steps.append(step)
        self.history.append(self.history[-1] - step)

    def finish(self) -> None:
        """Take the energy as exact: no residual is left."""
        self.exact = True

    @property
    def missing(self) -> float:
        """Estimate of the sum of all steps to come, from a geometric tail.

        Its ratio is the largest of the last two, and at least the best rate seen in practice: the
        first steps promise too much. The tails of the last two steps, and of the last two blocks
        of a quarter of all steps (which see slow modes below fast ones), count threefold.
        """
        steps = self.steps
        if self.exact:
            return 0.0
        if len(steps) < 2:
            return np.inf if steps else self.history[-1]
        last = steps[-1]
        rate = max(
            [self.best_rate, *(min(b / a, 0.99) for a, b in pairwise(steps[-3:]) if a > 0.0)]
        )
        block = max(1, len(steps) // 4)
        return max(
            last * rate / (1.0 - rate),
            _SAFETY * _tail(steps[-2], last),
            _SAFETY * _tail(sum(steps[-2 * block : -block]), sum(steps[-block:])),
        )

    @property
    def relative_error(self) -> float:
        value = self.history[-1]
        return self.missing / value if value > 0.0 else np.inf

    def slow(self) -> bool:
        """Whether the last steps promise many more: thin walls, or islands of good conductor."""
        if self.exact or len(self.steps) < _PATIENCE or self.steps[-1] <= 0.0:
            return False
        rate = (self.steps[-1] / self.steps[-5]) ** 0.25
        still = np.log(self.rtol / self.relative_error) / np.log(rate) if rate < 1.0 else np.inf
        return bool(still > _MANY)

    def done(self) -> bool:
        if self.relative_error <= self.rtol:
            return True
        return self.ended

    @property
    def ended(self) -> bool:
        """Whether the iterations allowed are used up."""
        return len(self.steps) >= (_NEVER if self.limit is None else self.limit)

    @property
    def finished(self) -> bool:
        return self.relative_error <= self.rtol
