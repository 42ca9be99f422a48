"""The finest level of cut cells in float64: conductances are those of a float level's faces.

Vectors are plain (nx, ny, nz) arrays, zero where `kept` is 0; faces are in the layout of the float
level. Sums are written in flux form, Σ w (x_i - x_j).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["face_apply", "face_fluxes", "face_ramp", "fill_faces"]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")


@_jit
def fill_faces(
    ax: Array,
    ay: Array,
    az: Array,
    kept: Array,
    wy: float,
    wz: float,
    cx: Array,
    cy: Array,
    cz: Array,
    g0: Array,
    g1: Array,
    wrap_y: bool,
    wrap_z: bool,
) -> None:
    """Write open shares of the faces of kept cells as conductances of a float level.

    Joined sides are open where both are: the smaller share counts.
    """
    nx, ny, nz = kept.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                if kept[i, j, k] == 0:
                    continue
                c = k & 1
                m = (k >> 1) + 1
                if i == 0:
                    g0[j + 1, c, m] = 2.0 * ax[0, j, k]
                if i == nx - 1:
                    g1[j + 1, c, m] = 2.0 * ax[nx, j, k]
                else:
                    cx[i + 1, j + 1, c, m] = ax[i + 1, j, k]
                if j < ny - 1:
                    cy[i + 1, j + 1, c, m] = wy * ay[i, j + 1, k]
                elif wrap_y:
                    cy[i + 1, j + 1, c, m] = wy * min(ay[i, ny, k], ay[i, 0, k])
                if k < nz - 1:
                    cz[i + 1, j + 1, c, m] = wz * az[i, j, k + 1]
                elif wrap_z:
                    cz[i + 1, j + 1, c, m] = wz * min(az[i, j, nz], az[i, j, 0])


@_jit
def face_apply(
    q: Array,
    p: Array,
    cx: Array,
    cy: Array,
    cz: Array,
    g0: Array,
    g1: Array,
    wrap_y: bool,
    wrap_z: bool,
) -> Any:
    """Write A p into q; returns p·q, summed by rows in order."""
    nx, ny, nz = p.shape
    total = 0.0
    for i in range(nx):
        for j in range(ny):
            part = 0.0
            jm = j - 1 if j > 0 else ny - 1
            jp = j + 1 if j < ny - 1 else 0
            for k in range(nz):
                c = k & 1
                m = (k >> 1) + 1
                here = p[i, j, k]
                s = 0.0
                if i > 0:
                    s += cx[i, j + 1, c, m] * (here - p[i - 1, j, k])
                else:
                    s += g0[j + 1, c, m] * here
                if i < nx - 1:
                    s += cx[i + 1, j + 1, c, m] * (here - p[i + 1, j, k])
                else:
                    s += g1[j + 1, c, m] * here
                if j > 0 or wrap_y:
                    s += cy[i + 1, jm + 1, c, m] * (here - p[i, jm, k])
                if j < ny - 1 or wrap_y:
                    s += cy[i + 1, j + 1, c, m] * (here - p[i, jp, k])
                if k > 0 or wrap_z:
                    km = k - 1 if k > 0 else nz - 1
                    s += cz[i + 1, j + 1, km & 1, (km >> 1) + 1] * (here - p[i, j, km])
                if k < nz - 1 or wrap_z:
                    kp = k + 1 if k < nz - 1 else 0
                    s += cz[i + 1, j + 1, c, m] * (here - p[i, j, kp])
                q[i, j, k] = s
                part += s * here
            total += part
    return total


@_jit
def face_ramp(r: Array, cx: Array, g0: Array, g1: Array) -> Any:
    """Write the residual of the ramp of slope one into r; returns the ramp's energy."""
    nx, ny, nz = r.shape
    energy = 0.0
    for i in range(nx):
        for j in range(ny):
            part = 0.0
            for k in range(nz):
                c = k & 1
                m = (k >> 1) + 1
                left = np.float64(cx[i, j + 1, c, m]) if i > 0 else 0.5 * g0[j + 1, c, m]
                right = np.float64(cx[i + 1, j + 1, c, m]) if i < nx - 1 else 0.5 * g1[j + 1, c, m]
                r[i, j, k] = right - left
                part += 0.5 * (left + right)
            energy += part
    return energy


@_jit
def face_fluxes(x: Array, cx: Array, g0: Array, g1: Array) -> Any:
    """Flux through each of the nx + 1 planes of faces, for the ramp of slope one plus x."""
    nx, ny, nz = x.shape
    fluxes = np.zeros(nx + 1)
    for i in range(nx):
        for j in range(ny):
            part = 0.0
            first = 0.0
            for k in range(nz):
                c = k & 1
                m = (k >> 1) + 1
                if i == 0:
                    first += g0[j + 1, c, m] * (0.5 + x[i, j, k])
                if i == nx - 1:
                    part += g1[j + 1, c, m] * (0.5 - x[i, j, k])
                else:
                    part += cx[i + 1, j + 1, c, m] * (1.0 + (x[i + 1, j, k] - x[i, j, k]))
            fluxes[i + 1] += part
            if i == 0:
                fluxes[0] += first
    return fluxes
