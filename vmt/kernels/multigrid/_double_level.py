"""The operator in float64 on the plain voxel grid: (nx, ny, nz) arrays, conductances by lookup.

`tx`, `ty`, `tz` hold the conductance between two labels along each axis, `wall` that between a
label and an electrode (half a voxel away). Label 0 is outside. Sums are written in flux form,
Σ w (x_i - x_j), so that a contrast of many orders of magnitude loses no digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "double_apply",
    "double_direction",
    "double_layer_fluxes",
    "double_pack",
    "double_ramp",
    "double_residual",
    "double_step",
    "double_sum_dot",
    "label_faces",
    "unpack",
]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")


@_jit
def _outflow(
    x: Array,
    labels: Array,
    i: int,
    j: int,
    k: int,
    tx: Array,
    ty: Array,
    tz: Array,
    wall: Array,
    wrap_y: bool,
    wrap_z: bool,
) -> Any:
    """Σ w (x_i - x_j) over the neighbors of a voxel and the electrodes (held at zero)."""
    nx, ny, nz = labels.shape
    a = labels[i, j, k]
    here = x[i, j, k]
    s = 0.0
    if i > 0:
        s += tx[a, labels[i - 1, j, k]] * (here - x[i - 1, j, k])
    else:
        s += wall[a] * here
    if i < nx - 1:
        s += tx[a, labels[i + 1, j, k]] * (here - x[i + 1, j, k])
    else:
        s += wall[a] * here
    if j > 0:
        s += ty[a, labels[i, j - 1, k]] * (here - x[i, j - 1, k])
    elif wrap_y:
        s += ty[a, labels[i, ny - 1, k]] * (here - x[i, ny - 1, k])
    if j < ny - 1:
        s += ty[a, labels[i, j + 1, k]] * (here - x[i, j + 1, k])
    elif wrap_y:
        s += ty[a, labels[i, 0, k]] * (here - x[i, 0, k])
    if k > 0:
        s += tz[a, labels[i, j, k - 1]] * (here - x[i, j, k - 1])
    elif wrap_z:
        s += tz[a, labels[i, j, nz - 1]] * (here - x[i, j, nz - 1])
    if k < nz - 1:
        s += tz[a, labels[i, j, k + 1]] * (here - x[i, j, k + 1])
    elif wrap_z:
        s += tz[a, labels[i, j, 0]] * (here - x[i, j, 0])
    return s


@_jit
def double_apply(
    q: Array,
    p: Array,
    labels: Array,
    tx: Array,
    ty: Array,
    tz: Array,
    wall: Array,
    wrap_y: bool,
    wrap_z: bool,
) -> Any:
    """Write A p into q; returns p·q, summed by rows in order."""
    nx, ny, nz = labels.shape
    total = 0.0
    for i in range(nx):
        for j in range(ny):
            part = 0.0
            for k in range(nz):
                if labels[i, j, k] > 0:
                    s = _outflow(p, labels, i, j, k, tx, ty, tz, wall, wrap_y, wrap_z)
                    q[i, j, k] = s
                    part += s * p[i, j, k]
            total += part
    return total


@_jit
def double_residual(
    r: Array,
    x: Array,
    labels: Array,
    tx: Array,
    ty: Array,
    tz: Array,
    wall: Array,
    wrap_y: bool,
    wrap_z: bool,
) -> None:
    """Write the residual of the ramp of slope one plus x into r."""
    nx, ny, nz = labels.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                a = labels[i, j, k]
                if a > 0:
                    left = tx[a, labels[i - 1, j, k]] if i > 0 else 0.5 * wall[a]
                    right = tx[a, labels[i + 1, j, k]] if i < nx - 1 else 0.5 * wall[a]
                    s = _outflow(x, labels, i, j, k, tx, ty, tz, wall, wrap_y, wrap_z)
                    r[i, j, k] = right - left - s


@_jit
def double_ramp(r: Array, labels: Array, tx: Array, wall: Array) -> Any:
    """Write the residual of the ramp of slope one into r; returns the ramp's energy."""
    nx, ny, nz = labels.shape
    energy = 0.0
    for i in range(nx):
        for j in range(ny):
            part = 0.0
            for k in range(nz):
                a = labels[i, j, k]
                if a > 0:
                    left = tx[a, labels[i - 1, j, k]] if i > 0 else 0.5 * wall[a]
                    right = tx[a, labels[i + 1, j, k]] if i < nx - 1 else 0.5 * wall[a]
                    r[i, j, k] = right - left
                    part += 0.5 * (left + right)
            energy += part
    return energy


@_jit
def double_pack(b: Array, r: Array) -> Any:
    """Write r, divided by its largest magnitude, in float32 even and odd rows; returns it."""
    nx, ny, nz = r.shape
    largest = 0.0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                largest = max(largest, abs(r[i, j, k]))
    scale = 1.0 / largest if largest > 0.0 else 0.0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                b[i + 1, j + 1, k & 1, (k >> 1) + 1] = np.float32(scale * r[i, j, k])
    return largest


@_jit
def double_direction(
    p: Array, z: Array, r: Array, q: Array, labels: Array, largest: float, previous: float
) -> Any:
    """Replace p by z + β p with β from conjugacy, z scaled back; returns z·r.

    `previous` is p·q of the last direction, or 0 for none.
    """
    nx, ny, nz = labels.shape
    zr = 0.0
    zq = 0.0
    for i in range(nx):
        for j in range(ny):
            part_r = 0.0
            part_q = 0.0
            for k in range(nz):
                if labels[i, j, k] > 0:
                    value = largest * z[i + 1, j + 1, k & 1, (k >> 1) + 1]
                    part_r += value * r[i, j, k]
                    part_q += value * q[i, j, k]
            zr += part_r
            zq += part_q
    beta = -zq / previous if previous > 0.0 else 0.0
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                if labels[i, j, k] > 0:
                    value = largest * z[i + 1, j + 1, k & 1, (k >> 1) + 1]
                    p[i, j, k] = value + beta * p[i, j, k]
    return zr


@_jit
def double_step(x: Array, r: Array, p: Array, q: Array, alpha: float) -> None:
    """Add α p to x and subtract α q from r."""
    nx, ny, nz = x.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                x[i, j, k] += alpha * p[i, j, k]
                r[i, j, k] -= alpha * q[i, j, k]


@_jit
def double_sum_dot(x: Array, r: Array, s: Array) -> Any:
    """Return x·(r + s), summed by rows in order."""
    nx, ny, nz = x.shape
    total = 0.0
    for i in range(nx):
        for j in range(ny):
            part = 0.0
            for k in range(nz):
                part += x[i, j, k] * (r[i, j, k] + s[i, j, k])
            total += part
    return total


@_jit
def double_layer_fluxes(x: Array, labels: Array, tx: Array, wall: Array) -> Any:
    """Flux through each of the nx + 1 planes of faces, for the ramp of slope one plus x."""
    nx, ny, nz = labels.shape
    fluxes = np.zeros(nx + 1)
    for i in range(nx):
        for j in range(ny):
            part = 0.0
            first = 0.0
            for k in range(nz):
                a = labels[i, j, k]
                if a > 0:
                    if i == 0:
                        first += wall[a] * (0.5 + x[i, j, k])
                    if i == nx - 1:
                        part += wall[a] * (0.5 - x[i, j, k])
                    else:
                        step = 1.0 + (np.float64(x[i + 1, j, k]) - np.float64(x[i, j, k]))
                        part += tx[a, labels[i + 1, j, k]] * step
            fluxes[i + 1] += part
            if i == 0:
                fluxes[0] += first
    return fluxes


@_jit
def label_faces(
    labels: Array,
    cx: Array,
    cy: Array,
    cz: Array,
    g0: Array,
    g1: Array,
    tx: Array,
    ty: Array,
    tz: Array,
    wall: Array,
    wrap_y: bool,
    wrap_z: bool,
) -> None:
    """Write the conductances between voxels as the faces of a float level."""
    nx, ny, nz = labels.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                a = labels[i, j, k]
                if a == 0:
                    continue
                c = k & 1
                m = (k >> 1) + 1
                if i == 0:
                    g0[j + 1, c, m] = wall[a]
                if i == nx - 1:
                    g1[j + 1, c, m] = wall[a]
                else:
                    cx[i + 1, j + 1, c, m] = tx[a, labels[i + 1, j, k]]
                if j < ny - 1:
                    cy[i + 1, j + 1, c, m] = ty[a, labels[i, j + 1, k]]
                elif wrap_y:
                    cy[i + 1, j + 1, c, m] = ty[a, labels[i, 0, k]]
                if k < nz - 1:
                    cz[i + 1, j + 1, c, m] = tz[a, labels[i, j, k + 1]]
                elif wrap_z:
                    cz[i + 1, j + 1, c, m] = tz[a, labels[i, j, 0]]


@_jit
def unpack(x: Array, out: Array) -> None:
    """Copy even and odd rows into a plain (nx, ny, nz) array."""
    nx, ny, nz = out.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                out[i, j, k] = x[i + 1, j + 1, k & 1, (k >> 1) + 1]
