"""Sums whose order is written down, so that their bits don't depend on how they were compiled.

A product of two rows is added up in a row of partial sums (element m into partial sum m, which
vectorizes as any loop over rows does), and the partial sums are folded at the end. No kernel of
the package lets the compiler reorder sums or join a multiplication and an addition (decision 17).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["fold"]


@njit(cache=True, nogil=True, error_model="numpy")
def fold(partial: npt.NDArray[np.float64]) -> Any:
    """Sum of a row, which is overwritten: the second half is added to the first, and so on."""
    n = partial.size
    while n > 1:
        half = (n + 1) // 2
        for m in range(n - half):
            partial[m] += partial[half + m]
        n = half
    return partial[0]
