"""The upper bound of one conducting phase, plane by plane: potentials averaged to the nodes.

As `_dirichlet.averaged_energy` with one conductor. Nodes carry the deviation from the ramp in
float32 (any potential is admissible, a rounded one as well); the energy is summed in float64.
Nodes with several groups of voxels are rare: voxels at them are left out of the loops over rows
and are evaluated one by one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from vmt.kernels._lanes import LANES, lane_sum, load, zeros

__all__ = ["average_energy"]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")
_row: Any = njit(cache=True, nogil=True, error_model="numpy", forceinline=True)

HALF = np.float32(0.5)
ZERO = np.float32(0)
ONE = np.float32(1)


@_row
def _columns_row(
    total: Array, weight: Array, mask: Array, a: Array, b: Array, c: Array, d: Array, ma: Array,
    mb: Array, mc: Array, md: Array,
) -> None:  # fmt: skip
    """Sums over the four voxels of a column around a row of nodes, by the ramp at the nodes."""
    for k in range(a.size):
        ia = ma[k] > 0
        ib = mb[k] > 0
        ic = mc[k] > 0
        id_ = md[k] > 0
        s = (a[k] - HALF if ia else ZERO) + (b[k] - HALF if ib else ZERO)
        s += (c[k] + HALF if ic else ZERO) + (d[k] + HALF if id_ else ZERO)
        total[k] = s
        weight[k] = (
            (ONE if ia else ZERO) + (ONE if ib else ZERO) + (ONE if ic else ZERO)
            + (ONE if id_ else ZERO)
        )  # fmt: skip
        mask[k] = (
            (np.uint8(1) if ia else np.uint8(0)) | (np.uint8(4) if ib else np.uint8(0))
            | (np.uint8(16) if ic else np.uint8(0)) | (np.uint8(64) if id_ else np.uint8(0))
        )  # fmt: skip


@_row
def _nodes_row(out: Array, total: Array, weight: Array, next_t: Array, next_w: Array) -> None:
    for k in range(out.size):
        w = weight[k] + next_w[k]
        out[k] = (total[k] + next_t[k]) / w if w > ZERO else ZERO


@_row
def _several_row(out: Array, mask: Array, next_mask: Array, several: Array) -> None:
    for k in range(out.size):
        out[k] = several[mask[k] | (next_mask[k] << np.uint8(1))]


@_jit
def _plane_of_nodes(
    u: Array, flag: Array, x: Array, labels: Array, nothing: Array, none: Array, several: Array,
    i: int, wrap_y: bool, wrap_z: bool, total: Array, weight: Array, mask: Array,
) -> None:  # fmt: skip
    """Mean deviation at the nodes between planes i - 1 and i, and where there are several."""
    ny, nz = labels.shape[1:]
    for j in range(ny + 1):
        jm = j - 1 if j > 0 else ny - 1
        jp = j if j < ny else 0
        low = j > 0 or wrap_y
        high = j < ny or wrap_y
        xa, ma = (x[i - 1, jm], labels[i - 1, jm]) if low else (nothing, none)
        xb, mb = (x[i - 1, jp], labels[i - 1, jp]) if high else (nothing, none)
        xc, mc = (x[i, jm], labels[i, jm]) if low else (nothing, none)
        xd, md = (x[i, jp], labels[i, jp]) if high else (nothing, none)
        _columns_row(
            total[1 : nz + 1], weight[1 : nz + 1], mask[1 : nz + 1], xa, xb, xc, xd, ma, mb, mc, md
        )
        if wrap_z:
            total[0] = total[nz]
            weight[0] = weight[nz]
            mask[0] = mask[nz]
            total[nz + 1] = total[1]
            weight[nz + 1] = weight[1]
            mask[nz + 1] = mask[1]
        _nodes_row(u[j], total[: nz + 1], weight[: nz + 1], total[1:], weight[1:])
        _several_row(flag[j], mask[: nz + 1], mask[1:], several)


@_row
def _four(a: float, b: float, c: float, d: float) -> Any:
    """36 times the integral over a unit square of the square of a bilinear function."""
    t = b + c
    return 4.0 * (a * (a + t) + d * (d + t) + b * b + c * c) + 2.0 * (a * d + b * c)


@_row
def _sum_row(row: Array) -> Any:
    total_ = zeros()
    whole = row.size // LANES * LANES
    for k in range(0, whole, LANES):
        total_ += load(row, k)
    total = lane_sum(total_)
    for k in range(whole, row.size):
        total += row[k]
    return total


@_row
def _energy_row(
    out: Array, skip: Array, labels: Array, a0: Array, a1: Array, b0: Array, b1: Array,
    c0: Array, c1: Array, d0: Array, d1: Array, fa0: Array, fa1: Array, fb0: Array, fb1: Array,
    fc0: Array, fc1: Array, fd0: Array, fd1: Array, step: float, sx: float, sy: float, sz: float,
) -> None:  # fmt: skip
    """Energies of voxels without a node of several groups; `skip` marks the others."""
    for k in range(labels.size):
        u0 = np.float64(a0[k])
        u1 = np.float64(a1[k])
        u2 = np.float64(b0[k])
        u3 = np.float64(b1[k])
        u4 = np.float64(c0[k]) + step
        u5 = np.float64(c1[k]) + step
        u6 = np.float64(d0[k]) + step
        u7 = np.float64(d1[k]) + step
        e = sx * _four(u4 - u0, u5 - u1, u6 - u2, u7 - u3)
        e += sy * _four(u2 - u0, u3 - u1, u6 - u4, u7 - u5)
        e += sz * _four(u1 - u0, u3 - u2, u5 - u4, u7 - u6)
        f = fa0[k] | fa1[k] | fb0[k] | fb1[k] | fc0[k] | fc1[k] | fd0[k] | fd1[k]
        inside = labels[k] > 0
        out[k] = e if inside and f == 0 else 0.0
        skip[k] = np.uint8(1) if inside and f > 0 else np.uint8(0)


@_jit
def _group_mean(
    x: Array, labels: Array, groups: Array, i: int, j: int, k: int, corner: int, wrap_y: bool,
    wrap_z: bool,
) -> Any:  # fmt: skip
    """Mean deviation of the group around node (i, j, k) that holds the voxel at a corner."""
    _, ny, nz = labels.shape
    mask = 0
    for a in range(8):
        ci = i - 1 + (a >> 2)
        cj = j - 1 + ((a >> 1) & 1)
        ck = k - 1 + (a & 1)
        if ((cj < 0 or cj >= ny) and not wrap_y) or ((ck < 0 or ck >= nz) and not wrap_z):
            continue
        if labels[ci, cj % ny, ck % nz] > 0:
            mask |= 1 << a
    group = groups[mask, corner]
    total = 0.0
    count = 0
    for a in range(8):
        if mask >> a & 1 and groups[mask, a] == group:
            cj = (j - 1 + ((a >> 1) & 1)) % ny
            ck = (k - 1 + (a & 1)) % nz
            shift = 0.5 if a >= 4 else -0.5
            total += np.float64(x[i - 1 + (a >> 2), cj, ck]) + shift
            count += 1
    return total / count


@_jit
def average_energy(
    i0: int, i1: int, x: Array, labels: Array, groups: Array, several: Array, sx: float,
    sy: float, sz: float, wrap_y: bool, wrap_z: bool,
) -> Any:  # fmt: skip
    """Energy in the planes of voxels i0 to i1 - 1 of the ramp plus x averaged to the nodes.

    `sx`, `sy`, `sz` are conductances across one voxel. `several` (256,) is 1 for sets of voxels
    around a node with more than one group.
    """
    nx, ny, nz = labels.shape
    below = np.zeros((ny + 1, nz + 1), np.float32)
    above = np.zeros((ny + 1, nz + 1), np.float32)
    flag_below = np.zeros((ny + 1, nz + 1), np.uint8)
    flag_above = np.zeros((ny + 1, nz + 1), np.uint8)
    total = np.zeros(nz + 2, np.float32)
    weight = np.zeros(nz + 2, np.float32)
    mask = np.zeros(nz + 2, np.uint8)
    nothing = np.zeros(nz, x.dtype)
    none = np.zeros(nz, np.uint8)
    skip = np.zeros(8 * (nz // 8 + 1), np.uint8)
    packed = skip.view(np.uint64)
    plain = np.empty(nz)
    u = np.zeros(8)
    energy = 0.0
    for i in range(i0, i1 + 1):
        if i in (0, nx):
            above[:] = ZERO
            flag_above[:] = 0
        else:
            _plane_of_nodes(
                above, flag_above, x, labels, nothing, none, several, i, wrap_y, wrap_z, total,
                weight, mask,
            )  # fmt: skip
        if i > i0:
            part = 0.0
            for j in range(ny):
                a, b = below[j], below[j + 1]
                c, d = above[j], above[j + 1]
                fa, fb = flag_below[j], flag_below[j + 1]
                fc, fd = flag_above[j], flag_above[j + 1]
                _energy_row(
                    plain, skip[:nz], labels[i - 1, j], a[:nz], a[1:], b[:nz], b[1:], c[:nz], c[1:],
                    d[:nz], d[1:], fa[:nz], fa[1:], fb[:nz], fb[1:], fc[:nz], fc[1:], fd[:nz],
                    fd[1:], 1.0, sx, sy, sz,
                )  # fmt: skip
                part += _sum_row(plain)
                for word in range(packed.size):
                    if packed[word] == 0:
                        continue
                    for k in range(8 * word, min(8 * word + 8, nz)):
                        if skip[k] == 0:
                            continue
                        for corner in range(8):
                            up = corner >> 2
                            nj = j + ((corner >> 1) & 1)
                            nk = k + (corner & 1)
                            several_here = (flag_above if up == 1 else flag_below)[nj, nk] > 0
                            if several_here:
                                u[corner] = up + _group_mean(
                                    x, labels, groups, i - 1 + up, nj, nk, 7 - corner, wrap_y,
                                    wrap_z,
                                )  # fmt: skip
                            else:
                                u[corner] = up + np.float64((above if up == 1 else below)[nj, nk])
                        e = sx * _four(u[4] - u[0], u[5] - u[1], u[6] - u[2], u[7] - u[3])
                        e += sy * _four(u[2] - u[0], u[3] - u[1], u[6] - u[4], u[7] - u[5])
                        e += sz * _four(u[1] - u[0], u[3] - u[2], u[5] - u[4], u[7] - u[6])
                        part += e
            energy += part / 36.0
        below, above = above, below
        flag_below, flag_above = flag_above, flag_below
    return energy
