"""Flexible GMRES with its basis in single precision: for corrections, not for solutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from vmt.kernels._lanes import dot

__all__ = ["flexible_gmres"]

Floats = npt.NDArray[np.float64]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")


@_jit
def _subtract(w: npt.NDArray[Any], factor: float, v: npt.NDArray[Any]) -> None:
    for i in range(w.size):
        w[i] -= factor * v[i]


def flexible_gmres(
    apply: Callable[[npt.NDArray[np.float32]], Floats],
    precondition: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]],
    b: Floats,
    *,
    rtol: float,
    restart: int = 8,
    most: int = 60,
    basis: type[np.floating] = np.float32,
) -> tuple[Floats, int, float]:
    """Solve A x = b by restarted flexible GMRES, preconditioned from the right.

    Parameters
    ----------
    apply : callable
        Gives A v in float64 for a vector of the basis' type.
    precondition : callable
        Gives an approximation of A⁻¹ v, which may be a new one at each call.
    b : (n,) array
        Right-hand side.
    rtol : float
        Reduction of the residual's norm.
    restart : int
        Vectors kept.
    most : int
        Iterations at most.

    Returns
    -------
    (x, iterations, reduction)
    """
    norm = float(np.linalg.norm(b))
    if norm == 0.0:
        return np.zeros_like(b), 0, 0.0
    x: Floats | None = None  # made when the basis is gone: it costs as much as four of its vectors
    residual, beta, count = b, norm, 0
    while True:
        v = [(residual / beta).astype(basis)]
        residual = b  # a basis is large enough: what its products leave is let go of at once
        z: list[npt.NDArray[np.floating]] = []
        h = np.zeros((restart + 1, restart))
        rotation = np.zeros((restart, 2))
        g = np.zeros(restart + 1)
        g[0] = beta
        used = 0
        for j in range(restart):
            z.append(np.asarray(precondition(v[j]), dtype=basis))
            w = apply(z[j])
            for i in range(j + 1):
                h[i, j] = dot(v[i], w)
                _subtract(w, h[i, j], v[i])
            h[j + 1, j] = np.sqrt(dot(w, w))
            if h[j + 1, j] > 0:
                w /= h[j + 1, j]
            for i in range(j):
                c, s = rotation[i]
                h[i, j], h[i + 1, j] = c * h[i, j] + s * h[i + 1, j], c * h[i + 1, j] - s * h[i, j]
            r = float(np.hypot(h[j, j], h[j + 1, j]))
            rotation[j] = (h[j, j] / r, h[j + 1, j] / r) if r > 0 else (1.0, 0.0)
            c, s = rotation[j]
            h[j, j], h[j + 1, j] = r, 0.0
            g[j], g[j + 1] = c * g[j], -s * g[j]
            used = j + 1
            count += 1
            if abs(g[j + 1]) <= rtol * norm or count >= most or r == 0.0 or used == restart:
                break
            v.append(w.astype(basis))
            del w
        y = np.linalg.lstsq(h[:used, :used], g[:used], rcond=None)[0]
        del v, w
        if x is None:
            x = np.zeros_like(b)
        for i in range(used):
            _subtract(x, -y[i], z[i])
        reduction = float(abs(g[used])) / norm
        if reduction <= rtol or count >= most:
            return x, count, reduction
        del z
        residual = b - apply(x.astype(basis))
        beta = float(np.linalg.norm(residual))
        if beta <= rtol * norm:
            return x, count, beta / norm
