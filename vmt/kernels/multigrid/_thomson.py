"""A lower bound from face fluxes: made exactly conservative, then weighed as an RT0 field.

A solved potential leaves a residual in every voxel. It is led to the electrodes along shortest
paths: each voxel takes what it lacks from all neighbors that are nearer to an electrode, by
shares, the farthest voxels first. The flux is then divergence-free up to rounding in float64.
Tables of conductances and units are those of the float64 level; the potential rises by one from
voxel to voxel on the ramp.
"""

from __future__ import annotations

import heapq
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "flux_energy",
    "residual",
    "route_resistances",
    "shortest_resistances",
]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")


@_jit
def _neighbor(
    side: int, i: int, j: int, k: int, nx: int, ny: int, nz: int, wrap_y: bool, wrap_z: bool
) -> Any:
    """Flat index of a neighbor, or -1."""
    if side == 0:
        if i == 0:
            return np.int64(-1)
        i -= 1
    elif side == 1:
        if i == nx - 1:
            return np.int64(-1)
        i += 1
    elif side == 2:
        j -= 1
        if j < 0:
            if not wrap_y:
                return np.int64(-1)
            j = ny - 1
    elif side == 3:
        j += 1
        if j == ny:
            if not wrap_y:
                return np.int64(-1)
            j = 0
    elif side == 4:
        k -= 1
        if k < 0:
            if not wrap_z:
                return np.int64(-1)
            k = nz - 1
    else:
        k += 1
        if k == nz:
            if not wrap_z:
                return np.int64(-1)
            k = 0
    return np.int64((i * ny + j) * nz + k)


@_jit
def shortest_resistances(
    labels: Array,
    distance: Array,
    order: Array,
    tx: Array,
    ty: Array,
    tz: Array,
    wall: Array,
    wrap_y: bool,
    wrap_z: bool,
) -> Any:
    """Resistance of the best path to an electrode, and voxels by it; returns how many.

    Dijkstra's algorithm, for conductors so different that the number of steps says nothing.
    """
    nx, ny, nz = labels.shape
    plane = ny * nz
    flat = labels.ravel()
    far = distance.ravel()
    heap = [(0.0, np.int64(-1))]
    for i in (0, nx - 1):
        for c in range(i * plane, (i + 1) * plane):
            if flat[c] > 0 and far[c] == 0.0:
                far[c] = 1.0 / wall[flat[c]]
                heapq.heappush(heap, (far[c], np.int64(c)))
    end = 0
    while len(heap) > 0:
        here, v = heapq.heappop(heap)
        if v < 0 or here > far[v]:
            continue
        order[end] = v
        end += 1
        i = v // plane
        j = (v - i * plane) // nz
        k = v - i * plane - j * nz
        for side in range(6):
            n = _neighbor(side, i, j, k, nx, ny, nz, wrap_y, wrap_z)
            if n >= 0 and flat[n] > 0:
                table = tx if side < 2 else (ty if side < 4 else tz)
                there = here + 1.0 / table[flat[v], flat[n]]
                if far[n] == 0.0 or there < far[n]:
                    far[n] = there
                    heapq.heappush(heap, (there, n))
    return end


@_jit
def residual(
    x: Array,
    labels: Array,
    need: Array,
    tx: Array,
    ty: Array,
    tz: Array,
    wall: Array,
    wrap_y: bool,
    wrap_z: bool,
) -> None:
    """Add what leaves each voxel, and should be nothing, to `need`, in flux form."""
    nx, ny, nz = labels.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                a = labels[i, j, k]
                if a == 0:
                    continue
                here = np.float64(x[i, j, k])
                s = 0.0
                if i < nx - 1:
                    b = labels[i + 1, j, k]
                    if b > 0:
                        f = tx[a, b] * (1.0 + (np.float64(x[i + 1, j, k]) - here))
                        s += f
                        need[i + 1, j, k] -= f
                else:
                    s += wall[a] * (0.5 - here)
                if i == 0:
                    s -= wall[a] * (0.5 + here)
                if j < ny - 1 or wrap_y:
                    n = j + 1 if j < ny - 1 else 0
                    b = labels[i, n, k]
                    if b > 0:
                        f = ty[a, b] * (np.float64(x[i, n, k]) - here)
                        s += f
                        need[i, n, k] -= f
                if k < nz - 1 or wrap_z:
                    n = k + 1 if k < nz - 1 else 0
                    b = labels[i, j, n]
                    if b > 0:
                        f = tz[a, b] * (np.float64(x[i, j, n]) - here)
                        s += f
                        need[i, j, n] -= f
                need[i, j, k] += s


@_jit
def route_resistances(
    labels: Array,
    distance: Array,
    order: Array,
    need: Array,
    tx: Array,
    ty: Array,
    tz: Array,
    wall: Array,
    wrap_y: bool,
    wrap_z: bool,
) -> None:
    """Lead what each voxel lacks from the electrodes to it, by `shortest_resistances`.

    Writes into `need` the factor s by which a voxel draws s·w·(d - d') from each neighbor of
    smaller distance d' over a link of conductance w, and from its electrode (d' = 0).
    """
    nx, ny, nz = labels.shape
    plane = ny * nz
    flat = labels.ravel()
    far = distance.ravel()
    lack = need.ravel()
    weight = np.zeros(6)
    place = np.zeros(6, np.int64)
    for at in range(order.size - 1, -1, -1):
        c = np.int64(order[at])
        i = c // plane
        j = (c - i * plane) // nz
        k = c - i * plane - j * nz
        a = flat[c]
        here = np.float64(far[c])
        total = 0.0
        if i == 0:
            total += wall[a] * here
        if i == nx - 1:
            total += wall[a] * here
        for side in range(6):
            weight[side] = 0.0
            n = _neighbor(side, i, j, k, nx, ny, nz, wrap_y, wrap_z)
            if n >= 0 and flat[n] > 0 and far[n] < here:
                table = tx if side < 2 else (ty if side < 4 else tz)
                place[side] = n
                weight[side] = table[a, flat[n]] * (here - np.float64(far[n]))
                total += weight[side]
        s = lack[c] / total
        lack[c] = s
        for side in range(6):
            if weight[side] > 0.0:
                lack[place[side]] += s * weight[side]


@_jit
def _drawn(w: float, d: float, s: float, d_next: float, s_next: float) -> Any:
    """Correction of the flux from a voxel to the next."""
    rise = d_next - d
    return w * (s_next if rise > 0.0 else s) * rise


@_jit
def flux_energy(
    x: Array,
    labels: Array,
    distance: Array,
    need: Array,
    tx: Array,
    ty: Array,
    tz: Array,
    wall: Array,
    inverse: Array,
    wrap_y: bool,
    wrap_z: bool,
) -> Any:
    """Current and energy of the corrected flux, linear between opposite faces of a voxel.

    `inverse` (n, 3) has 1/3 over each
    label's conductance along each axis across one voxel.
    """
    nx, ny, nz = labels.shape
    into_x = np.zeros((ny, nz))
    into_y = np.zeros((ny, nz))
    into_z = np.zeros((ny, nz))
    current = 0.0
    energy = 0.0
    for i in range(nx):
        # fluxes into the first voxels over a periodic side come from the last ones
        for j in range(ny):
            for k in range(nz):
                a = labels[i, j, k]
                if a == 0:
                    continue
                here = np.float64(x[i, j, k])
                d = np.float64(distance[i, j, k])
                s = need[i, j, k]
                if i == 0:
                    f = wall[a] * (0.5 + here + s * d)
                    into_x[j, k] = f
                    current += f
                if j == 0:
                    f = 0.0
                    if wrap_y:
                        b = labels[i, ny - 1, k]
                        if b > 0:
                            w = ty[a, b]
                            last = np.float64(distance[i, ny - 1, k])
                            f = w * (here - np.float64(x[i, ny - 1, k])) + _drawn(
                                w, last, need[i, ny - 1, k], d, s
                            )
                    into_y[j, k] = f
                if k == 0:
                    f = 0.0
                    if wrap_z:
                        b = labels[i, j, nz - 1]
                        if b > 0:
                            w = tz[a, b]
                            last = np.float64(distance[i, j, nz - 1])
                            f = w * (here - np.float64(x[i, j, nz - 1])) + _drawn(
                                w, last, need[i, j, nz - 1], d, s
                            )
                    into_z[j, k] = f
        part = 0.0
        for j in range(ny):
            for k in range(nz):
                a = labels[i, j, k]
                if a == 0:
                    into_x[j, k] = 0.0
                    if j < ny - 1:
                        into_y[j + 1, k] = 0.0
                    if k < nz - 1:
                        into_z[j, k + 1] = 0.0
                    continue
                here = np.float64(x[i, j, k])
                d = np.float64(distance[i, j, k])
                s = need[i, j, k]
                out = 0.0
                if i == nx - 1:
                    out = wall[a] * (0.5 - here - s * d)
                else:
                    b = labels[i + 1, j, k]
                    if b > 0:
                        w = tx[a, b]
                        out = w * (1.0 + (np.float64(x[i + 1, j, k]) - here)) + _drawn(
                            w, d, s, np.float64(distance[i + 1, j, k]), need[i + 1, j, k]
                        )
                f = into_x[j, k]
                part += inverse[a, 0] * (f * f + f * out + out * out)
                into_x[j, k] = out
                out = 0.0
                if j < ny - 1 or wrap_y:
                    n = j + 1 if j < ny - 1 else 0
                    b = labels[i, n, k]
                    if b > 0:
                        w = ty[a, b]
                        out = w * (np.float64(x[i, n, k]) - here) + _drawn(
                            w, d, s, np.float64(distance[i, n, k]), need[i, n, k]
                        )
                f = into_y[j, k]
                part += inverse[a, 1] * (f * f + f * out + out * out)
                if j < ny - 1:
                    into_y[j + 1, k] = out
                out = 0.0
                if k < nz - 1 or wrap_z:
                    n = k + 1 if k < nz - 1 else 0
                    b = labels[i, j, n]
                    if b > 0:
                        w = tz[a, b]
                        out = w * (np.float64(x[i, j, n]) - here) + _drawn(
                            w, d, s, np.float64(distance[i, j, n]), need[i, j, n]
                        )
                f = into_z[j, k]
                part += inverse[a, 2] * (f * f + f * out + out * out)
                if k < nz - 1:
                    into_z[j, k + 1] = out
        energy += part
    return current, energy
