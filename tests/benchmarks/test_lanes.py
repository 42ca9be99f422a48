"""Sums in lanes against sums that the compiler may reorder, and against plain ones."""

import time

import numpy as np
from numba import njit

from vmt.kernels._lanes import dot


def product(x, y):
    """Plain sum of products."""
    total = 0.0
    for m in range(x.size):
        total += np.float64(x[m]) * np.float64(y[m])
    return total


def nanoseconds(kernel, x, y) -> float:
    """Least time an element of a few runs, after one that compiles."""
    kernel(x, y)
    best = np.inf
    for _ in range(15):
        start = time.perf_counter()
        for _ in range(20):
            kernel(x, y)
        best = min(best, time.perf_counter() - start)
    return best / 20 / x.size * 1e9


def test_lanes_are_as_fast_as_a_reordered_sum() -> None:
    """A product in lanes takes a third of a plain one, and at most 2.5 reordered ones."""
    rng = np.random.default_rng(0)
    plain = njit(nogil=True, error_model="numpy")(product)
    reordered = njit(nogil=True, error_model="numpy", fastmath={"contract", "reassoc", "nsz"})(
        product
    )
    for types in (("f4", "f4"), ("f4", "f8"), ("f8", "f8")):
        x, y = (rng.standard_normal(40_000).astype(kind) for kind in types)
        took = [nanoseconds(kernel, x, y) for kernel in (plain, reordered, dot)]
        print(types, "plain, reordered, lanes: {:.3f}, {:.3f}, {:.3f} ns an element".format(*took))
        assert took[2] < took[0] / 3
        assert took[2] < 2.5 * took[1]
