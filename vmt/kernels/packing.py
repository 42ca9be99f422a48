"""Collective rearrangement of star-shaped bodies: contacts on their true shapes, and relaxation.

A body has a center, a rotation matrix (body to box) and a shape: its radius ψ on a cube of
directions (table), and at points spread evenly over the sphere. The signed radial distance
f(x) = |x| − ψ(x/|x|) is no Euclidean one: it decides where the surfaces cross, and its gradient
gives the normal along which two bodies are moved apart and, by 1/|∇f|, the depth of a contact.
Balls are exact. Pairs come from cells, are listed with a skin, and are visited in a fixed order, so
that the same start is the same packing.

The relaxation is FIRE (Bitzek et al. 2006, *Phys. Rev. Lett.* 97, 170201) on the overlaps, in
translations and turns; bonded pairs attract each other until they overlap by their wanted depth.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = ["contacts", "relax"]

Floats = npt.NDArray[np.float64]
_SLOPE = 0.04  # of the radius: step of the differences that give ∇ψ


@njit(cache=True, nogil=True, error_model="numpy")
def _radius(table, x, y, z):  # type: ignore[no-untyped-def]
    """Radius in the direction of any vector but zero, bilinear on the face it points through."""
    ax, ay, az = abs(x), abs(y), abs(z)
    if ax >= ay and ax >= az:
        face, big, one, two = (1 if x > 0 else 0), ax, y, z
    elif ay >= az:
        face, big, one, two = (3 if y > 0 else 2), ay, x, z
    else:
        face, big, one, two = (5 if z > 0 else 4), az, x, y
    if big == 0.0:
        return table[0, 0, 0]
    count = table.shape[1] - 1
    u, v = (one / big + 1) * 0.5 * count, (two / big + 1) * 0.5 * count
    i, j = min(int(u), count - 1), min(int(v), count - 1)
    u -= i
    v -= j
    low = table[face, i, j] * (1 - v) + table[face, i, j + 1] * v
    high = table[face, i + 1, j] * (1 - v) + table[face, i + 1, j + 1] * v
    return low * (1 - u) + high * u


@njit(cache=True, nogil=True, error_model="numpy")
def _gradient(table, scale, x, y, z):  # type: ignore[no-untyped-def]
    """∇f = x/|x| − ∇ψ at a point of the body's frame; the second part tangential."""
    r = math.sqrt(x * x + y * y + z * z)
    h = _SLOPE * r
    gx = (_radius(table, x + h, y, z) - _radius(table, x - h, y, z)) * scale / (2 * h)
    gy = (_radius(table, x, y + h, z) - _radius(table, x, y - h, z)) * scale / (2 * h)
    gz = (_radius(table, x, y, z + h) - _radius(table, x, y, z - h)) * scale / (2 * h)
    ux, uy, uz = x / r, y / r, z / r
    along = gx * ux + gy * uy + gz * uz
    return ux - gx + along * ux, uy - gy + along * uy, uz - gz + along * uz


@njit(cache=True, nogil=True, error_model="numpy")
def _one_side(i, j, d, turn, which, scale, tables, points, surface, reach, gap, out):  # type: ignore[no-untyped-def]
    """Deepest surface point of body i in body j, centers apart by d (3,); see `_contact`.

    out: sum of weights and weighted places from the center of i; then the deepest place.
    """
    a, b = which[i], which[j]
    big = reach[b] * scale[j] + gap
    distance = math.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
    # direction to j in the frame of i
    dx = turn[i, 0, 0] * d[0] + turn[i, 1, 0] * d[1] + turn[i, 2, 0] * d[2]
    dy = turn[i, 0, 1] * d[0] + turn[i, 1, 1] * d[1] + turn[i, 2, 1] * d[2]
    dz = turn[i, 0, 2] * d[0] + turn[i, 1, 2] * d[1] + turn[i, 2, 2] * d[2]
    best = -np.inf
    excess = distance * distance - big * big
    for k in range(points.shape[0]):
        px, py, pz = points[k, 0], points[k, 1], points[k, 2]
        r = surface[a, k] * scale[i]
        if 2 * r * (px * dx + py * dy + pz * dz) <= r * r + excess:
            continue  # outside the ball around j
        px *= r
        py *= r
        pz *= r
        wx = turn[i, 0, 0] * px + turn[i, 0, 1] * py + turn[i, 0, 2] * pz
        wy = turn[i, 1, 0] * px + turn[i, 1, 1] * py + turn[i, 1, 2] * pz
        wz = turn[i, 2, 0] * px + turn[i, 2, 1] * py + turn[i, 2, 2] * pz
        x, y, z = wx - d[0], wy - d[1], wz - d[2]
        bx = turn[j, 0, 0] * x + turn[j, 1, 0] * y + turn[j, 2, 0] * z
        by = turn[j, 0, 1] * x + turn[j, 1, 1] * y + turn[j, 2, 1] * z
        bz = turn[j, 0, 2] * x + turn[j, 1, 2] * y + turn[j, 2, 2] * z
        inside = _radius(tables[b], bx, by, bz) * scale[j] - math.sqrt(bx * bx + by * by + bz * bz)
        if inside > best:
            best = inside
            out[4], out[5], out[6] = wx, wy, wz
        if inside > 0:
            weight = inside * inside
            out[0] += weight
            out[1] += weight * wx
            out[2] += weight * wy
            out[3] += weight * wz
            out[7] += r * r
    return best


@njit(cache=True, nogil=True, error_model="numpy")
def _normal(i, d, turn, which, scale, tables, x, y, z):  # type: ignore[no-untyped-def]
    """∇f of body i, in the box's frame, at a place from its center."""
    bx = turn[i, 0, 0] * x + turn[i, 1, 0] * y + turn[i, 2, 0] * z
    by = turn[i, 0, 1] * x + turn[i, 1, 1] * y + turn[i, 2, 1] * z
    bz = turn[i, 0, 2] * x + turn[i, 1, 2] * y + turn[i, 2, 2] * z
    gx, gy, gz = _gradient(tables[which[i]], scale[i], bx, by, bz)
    return (
        turn[i, 0, 0] * gx + turn[i, 0, 1] * gy + turn[i, 0, 2] * gz,
        turn[i, 1, 0] * gx + turn[i, 1, 1] * gy + turn[i, 1, 2] * gz,
        turn[i, 2, 0] * gx + turn[i, 2, 1] * gy + turn[i, 2, 2] * gz,
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _contact(i, j, d, turn, which, scale, tables, points, surface, reach, ball, gap, out):  # type: ignore[no-untyped-def]
    """Depth of the contact of two bodies (negative: a gap), unit normal from i to j, and place.

    d (3,) leads from i to j. Depths below −gap come as −inf. out (8,) is scratch; at the end
    out[7] is the area of both caps on the surfaces, over 4π/number of points, in all.
    """
    a, b = which[i], which[j]
    distance = math.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
    if distance >= reach[a] * scale[i] + reach[b] * scale[j] + gap or distance == 0.0:
        if distance == 0.0:
            return reach[a] * scale[i], 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
        return -np.inf, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if ball[a] and ball[b]:
        ri, rj = reach[a] * scale[i], reach[b] * scale[j]
        nx, ny, nz = d[0] / distance, d[1] / distance, d[2] / distance
        depth = ri + rj - distance
        at = ri - 0.5 * depth
        return depth, nx, ny, nz, at * nx, at * ny, at * nz
    out[:] = 0.0
    back = np.empty(3)
    back[0], back[1], back[2] = -d[0], -d[1], -d[2]
    first = _one_side(i, j, d, turn, which, scale, tables, points, surface, reach, gap, out)
    fx, fy, fz = out[4], out[5], out[6]
    other = np.zeros(8)
    second = _one_side(j, i, back, turn, which, scale, tables, points, surface, reach, gap, other)
    best = max(first, second)
    if best == -np.inf:
        return best, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    weight = out[0] + other[0]
    if weight > 0:
        x = (out[1] + other[1] + other[0] * d[0]) / weight
        y = (out[2] + other[2] + other[0] * d[1]) / weight
        z = (out[3] + other[3] + other[0] * d[2]) / weight
    elif first >= second:
        x, y, z = fx, fy, fz
    else:
        x, y, z = other[4] + d[0], other[5] + d[1], other[6] + d[2]
    out[7] += other[7]
    px, py, pz = _normal(i, d, turn, which, scale, tables, x, y, z)
    qx, qy, qz = _normal(j, d, turn, which, scale, tables, x - d[0], y - d[1], z - d[2])
    p, q = math.sqrt(px * px + py * py + pz * pz), math.sqrt(qx * qx + qy * qy + qz * qz)
    depth = best / (q if first >= second else p)
    nx, ny, nz = px / p - qx / q, py / p - qy / q, pz / p - qz / q
    size = math.sqrt(nx * nx + ny * ny + nz * nz)
    if size < 1e-6:
        nx, ny, nz, size = d[0], d[1], d[2], distance
    return depth, nx / size, ny / size, nz / size, x, y, z


@njit(cache=True, nogil=True, error_model="numpy")
def _apart(i, j, centers, size, wraps, d):  # type: ignore[no-untyped-def]
    for a in range(3):
        d[a] = centers[j, a] - centers[i, a]
        if wraps[a]:
            d[a] -= size[a] * np.rint(d[a] / size[a])


@njit(cache=True, nogil=True, error_model="numpy")
def _list_pairs(centers, far, size, wraps, skin, found):  # type: ignore[no-untyped-def]
    """Write pairs of near bodies into found as far as there is room; returns how many there are."""
    n = centers.shape[0]
    cut = 2 * far.max() + skin
    counts = np.empty(3, np.int64)
    for a in range(3):
        counts[a] = min(max(int(size[a] / cut), 1), 64)
    cells = counts[0] * counts[1] * counts[2]
    place = np.empty((n, 3), np.int64)
    head = np.full(cells, -1)
    following = np.full(n, -1)
    for i in range(n - 1, -1, -1):
        for a in range(3):
            x = centers[i, a] / size[a]
            x = x - math.floor(x) if wraps[a] else min(max(x, 0.0), 1.0)
            place[i, a] = min(int(x * counts[a]), counts[a] - 1)
        cell = (place[i, 0] * counts[1] + place[i, 1]) * counts[2] + place[i, 2]
        following[i] = head[cell]
        head[cell] = i
    room = found.shape[0]
    m = 0
    d = np.empty(3)
    for i in range(n):
        start = m
        for p in range(-1, 2):
            if counts[0] < 3 and p > counts[0] - 2:
                continue
            for q in range(-1, 2):
                if counts[1] < 3 and q > counts[1] - 2:
                    continue
                for s in range(-1, 2):
                    if counts[2] < 3 and s > counts[2] - 2:
                        continue
                    x, y, z = place[i, 0] + p, place[i, 1] + q, place[i, 2] + s
                    # one or two cells along an axis: each once, whatever the faces do
                    few0, few1, few2 = counts[0] < 3, counts[1] < 3, counts[2] < 3
                    if wraps[0] or few0:
                        x %= counts[0]
                    if wraps[1] or few1:
                        y %= counts[1]
                    if wraps[2] or few2:
                        z %= counts[2]
                    if not (0 <= x < counts[0] and 0 <= y < counts[1] and 0 <= z < counts[2]):
                        continue
                    j = head[(x * counts[1] + y) * counts[2] + z]
                    while j >= 0:
                        if j > i:
                            _apart(i, j, centers, size, wraps, d)
                            near = far[i] + far[j] + skin
                            if d[0] * d[0] + d[1] * d[1] + d[2] * d[2] < near * near:
                                if m < room:
                                    found[m, 0], found[m, 1] = i, j
                                m += 1
                        j = following[j]
        found[start : min(m, room), 1].sort()
    return m


@njit(cache=True, nogil=True, error_model="numpy")
def _pairs(centers, far, size, wraps, skin):  # type: ignore[no-untyped-def]
    """Pairs (m, 2), first below second, of bodies nearer than their reaches far (n,) and a skin."""
    found = np.empty((max(centers.shape[0] * 16, 64), 2), np.int64)
    m = _list_pairs(centers, far, size, wraps, skin, found)
    if m > found.shape[0]:
        found = np.empty((m, 2), np.int64)
        _list_pairs(centers, far, size, wraps, skin, found)
    return found[:m].copy()


@njit(cache=True, nogil=True, error_model="numpy")
def _turn(matrix, x, y, z):  # type: ignore[no-untyped-def]
    """Turn a matrix (3, 3) in place about a vector, by its length."""
    angle = math.sqrt(x * x + y * y + z * z)
    if angle < 1e-12:
        return
    x, y, z = x / angle, y / angle, z / angle
    c, s = math.cos(angle), math.sin(angle)
    for k in range(3):
        u, v, w = matrix[0, k], matrix[1, k], matrix[2, k]
        along = (x * u + y * v + z * w) * (1 - c)
        matrix[0, k] = u * c + (y * w - z * v) * s + x * along
        matrix[1, k] = v * c + (z * u - x * w) * s + y * along
        matrix[2, k] = w * c + (x * v - y * u) * s + z * along


@njit(cache=True, nogil=True, error_model="numpy")
def _has_bond(bonds, key):  # type: ignore[no-untyped-def]
    if bonds.size == 0:
        return False
    at = np.searchsorted(bonds, key)
    return at < bonds.size and bonds[at] == key


@njit(cache=True, nogil=True, error_model="numpy")
def _walls(i, centers, turn, which, scale, points, surface, reach, ball, size, wraps, push):  # type: ignore[no-untyped-def]
    """Depths beyond the walls as a force and a torque (6,); largest depth."""
    a = which[i]
    worst = 0.0
    for k in range(3):
        if wraps[k]:
            continue
        big = reach[a] * scale[i]
        if centers[i, k] >= big and size[k] - centers[i, k] >= big:
            continue
        if ball[a]:
            low, high = -big, big
            at_low, at_high = -1, -1
        else:
            low, high = np.inf, -np.inf
            at_low, at_high = 0, 0
            for p in range(points.shape[0]):
                x = (
                    surface[a, p]
                    * scale[i]
                    * (
                        turn[i, k, 0] * points[p, 0]
                        + turn[i, k, 1] * points[p, 1]
                        + turn[i, k, 2] * points[p, 2]
                    )
                )
                if x < low:
                    low, at_low = x, p
                if x > high:
                    high, at_high = x, p
        for side in range(2):
            depth = -(centers[i, k] + low) if side == 0 else centers[i, k] + high - size[k]
            if depth <= 0:
                continue
            worst = max(worst, depth)
            force = depth if side == 0 else -depth
            push[k] += force
            p = at_low if side == 0 else at_high
            if p >= 0:
                arm = np.empty(3)
                for c in range(3):
                    arm[c] = (
                        surface[a, p]
                        * scale[i]
                        * (
                            turn[i, c, 0] * points[p, 0]
                            + turn[i, c, 1] * points[p, 1]
                            + turn[i, c, 2] * points[p, 2]
                        )
                    )
                one, two = (k + 1) % 3, (k + 2) % 3
                # arm × e_k force
                push[3 + one] += arm[two] * force
                push[3 + two] -= arm[one] * force
    return worst


@njit(cache=True, nogil=True, error_model="numpy")
def _forces(  # type: ignore[no-untyped-def]
    pairs, bonded, want, centers, turn, which, scale, mean, tables, points, surface, reach, ball,
    size, wraps, force,
):  # fmt: skip
    """Fill forces and torques (n, 6); return the largest depth over what is wanted.

    Depths are relative to the smaller body's mean radius in what is returned. A bond pulls with a
    tenth of the stiffness.
    """
    force[:] = 0.0
    d, out, push = np.empty(3), np.empty(8), np.empty(6)
    worst = 0.0
    for p in range(pairs.shape[0]):
        i, j = pairs[p]
        _apart(i, j, centers, size, wraps, d)
        small = min(mean[i], mean[j])
        gap = small if bonded[p] else 0.0
        depth, nx, ny, nz, x, y, z = _contact(
            i, j, d, turn, which, scale, tables, points, surface, reach, ball, gap, out
        )
        if depth == -np.inf:
            if not bonded[p]:
                continue
            distance = math.sqrt(d[0] * d[0] + d[1] * d[1] + d[2] * d[2])
            depth, nx, ny, nz = -small, d[0] / distance, d[1] / distance, d[2] / distance
            x, y, z = 0.5 * d[0], 0.5 * d[1], 0.5 * d[2]
        wanted = want * small if bonded[p] else 0.0
        strength = depth - wanted
        if strength <= 0 and not bonded[p]:
            continue
        worst = max(worst, strength / small)
        if strength < 0:
            strength *= 0.1
        fx, fy, fz = strength * nx, strength * ny, strength * nz
        force[i, 0] -= fx
        force[i, 1] -= fy
        force[i, 2] -= fz
        force[j, 0] += fx
        force[j, 1] += fy
        force[j, 2] += fz
        if not ball[which[i]]:
            force[i, 3] -= y * fz - z * fy
            force[i, 4] -= z * fx - x * fz
            force[i, 5] -= x * fy - y * fx
        if not ball[which[j]]:
            x, y, z = x - d[0], y - d[1], z - d[2]
            force[j, 3] += y * fz - z * fy
            force[j, 4] += z * fx - x * fz
            force[j, 5] += x * fy - y * fx
    for i in range(centers.shape[0]):
        push[:] = 0.0
        beyond = _walls(
            i, centers, turn, which, scale, points, surface, reach, ball, size, wraps, push
        )
        if beyond > 0:
            force[i] += push
            worst = max(worst, beyond / mean[i])
        force[i, 3:] /= mean[i]
    return worst


@njit(cache=True, nogil=True, error_model="numpy")
def _relax(  # type: ignore[no-untyped-def]
    centers, turn, which, scale, mean, tables, points, surface, reach, ball, size, wraps, bonds,
    want, tolerance, steps,
):  # fmt: skip
    n = centers.shape[0]
    far = np.empty(n)
    for i in range(n):
        far[i] = reach[which[i]] * scale[i]
    typical = mean.mean()
    skin = 0.3 * typical
    listed = np.zeros((n, 3))
    pairs = np.empty((0, 2), np.int64)
    bonded = np.empty(0, np.bool_)
    speed, force = np.zeros((n, 6)), np.empty((n, 6))
    dt, alpha, downhill = 0.1, 0.1, 0
    worst = np.inf
    for step in range(steps):
        moved = 0.0
        for i in range(n):
            s = 0.0
            for a in range(3):
                s += (centers[i, a] - listed[i, a]) ** 2
            moved = max(moved, s)
        if step == 0 or 4 * moved > skin * skin:
            extra = skin + (typical if bonds.size else 0.0)
            pairs = _pairs(centers, far, size, wraps, extra)
            bonded = np.zeros(pairs.shape[0], np.bool_)
            for p in range(pairs.shape[0]):
                bonded[p] = _has_bond(bonds, pairs[p, 0] * n + pairs[p, 1])
            listed[:] = centers
        worst = _forces(
            pairs, bonded, want, centers, turn, which, scale, mean, tables, points, surface,
            reach, ball, size, wraps, force,
        )  # fmt: skip
        if worst <= tolerance and (bonds.size == 0 or step + 1 == steps):
            return step, worst
        power, push, motion = 0.0, 0.0, 0.0
        for i in range(n):
            for a in range(6):
                speed[i, a] += dt * force[i, a]
                power += speed[i, a] * force[i, a]
                push += force[i, a] ** 2
                motion += speed[i, a] ** 2
        if power > 0:
            mix = alpha * math.sqrt(motion / max(push, 1e-300))
            for i in range(n):
                for a in range(6):
                    speed[i, a] = (1 - alpha) * speed[i, a] + mix * force[i, a]
            downhill += 1
            if downhill > 5:
                dt = min(dt * 1.1, 0.35)
                alpha *= 0.99
        else:
            speed[:] = 0.0
            dt, alpha, downhill = max(0.5 * dt, 0.02), 0.1, 0
        limit = 0.2
        for i in range(n):
            for a in range(3):
                move = min(max(dt * speed[i, a], -limit * mean[i]), limit * mean[i])
                centers[i, a] += move
            if not ball[which[i]]:
                x = min(max(dt * speed[i, 3] / mean[i], -limit), limit)
                y = min(max(dt * speed[i, 4] / mean[i], -limit), limit)
                z = min(max(dt * speed[i, 5] / mean[i], -limit), limit)
                _turn(turn[i], x, y, z)
    return steps, worst


@njit(cache=True, nogil=True, error_model="numpy")
def _contacts(  # type: ignore[no-untyped-def]
    centers, turn, which, scale, mean, tables, points, surface, reach, ball, size, wraps, gap
):
    n = centers.shape[0]
    far = np.empty(n)
    for i in range(n):
        far[i] = reach[which[i]] * scale[i]
    pairs = _pairs(centers, far, size, wraps, gap)
    found = np.empty((pairs.shape[0], 2))
    d, out = np.empty(3), np.empty(8)
    share = math.pi * 4 / points.shape[0]
    m = 0
    for p in range(pairs.shape[0]):
        i, j = pairs[p]
        _apart(i, j, centers, size, wraps, d)
        depth, _, _, _, _, _, _ = _contact(
            i, j, d, turn, which, scale, tables, points, surface, reach, ball, gap, out
        )
        if depth <= -gap:
            continue
        neck = 0.0
        if depth > 0:
            if ball[which[i]] and ball[which[j]]:
                t = math.sqrt(d[0] ** 2 + d[1] ** 2 + d[2] ** 2)
                x = (t * t + far[i] ** 2 - far[j] ** 2) / (2 * t)
                neck = math.sqrt(max(far[i] ** 2 - x * x, 0.0))
            else:
                neck = math.sqrt(share * out[7] / (2 * math.pi))
        pairs[m, 0], pairs[m, 1] = i, j
        found[m, 0], found[m, 1] = depth, neck
        m += 1
    return pairs[:m].copy(), found[:m, 0].copy(), found[:m, 1].copy()


def relax(
    centers: Floats,
    turn: Floats,
    which: npt.NDArray[np.int64],
    scale: Floats,
    shapes: tuple[Floats, Floats, Floats, Floats, npt.NDArray[np.bool_]],
    size: Floats,
    wraps: npt.NDArray[np.bool_],
    *,
    tolerance: float,
    steps: int,
    bonds: npt.NDArray[np.int64] | None = None,
    want: float = 0.0,
) -> tuple[int, float]:
    """Move and turn bodies until their overlaps fall below a tolerance; in place.

    Parameters
    ----------
    centers, turn : (n, 3), (n, 3, 3) arrays
        Written in place; centers may leave a periodic box.
    which, scale : (n,) arrays
        Shape of each body, and its factor.
    shapes : (k, 6, m + 1, m + 1) tables, (P, 3) points, (k, P) radii there, (k,) largest radius,
        (k,) whether it is a ball
    size, wraps : (3,) arrays
        Box, and which pairs of faces are periodic; the others are walls.
    tolerance : float
        Largest depth over the smaller mean radius that may remain.
    steps : int
        At most so many.
    bonds : (b,) array, optional
        Sorted i n + j, i < j, of pairs that attract each other to a depth of `want` times the
        smaller mean radius; with bonds all steps are done.

    Returns
    -------
    steps done, and the largest depth (over what is wanted) relative to the smaller mean radius
    """
    tables, points, surface, reach, ball = shapes
    none = np.empty(0, np.int64)
    mean = surface.mean(axis=1)[which] * scale
    done, worst = _relax(
        centers, turn, which, scale, mean, tables, points, surface, reach, ball, size, wraps,
        none if bonds is None else bonds, want, tolerance, steps,
    )  # fmt: skip
    # turns stay rotations, and centers in the box
    u, _, v = np.linalg.svd(turn)
    turn[:] = u @ v
    for a in range(3):
        if wraps[a]:
            centers[:, a] %= size[a]
    return int(done), float(worst)


def contacts(
    centers: Floats,
    turn: Floats,
    which: npt.NDArray[np.int64],
    scale: Floats,
    shapes: tuple[Floats, Floats, Floats, Floats, npt.NDArray[np.bool_]],
    size: Floats,
    wraps: npt.NDArray[np.bool_],
    *,
    gap: float = 0.0,
) -> tuple[npt.NDArray[np.int64], Floats, Floats]:
    """Pairs (m, 2) of bodies nearer than a gap: depth (m,), negative for a gap, and neck (m,).

    The neck's radius is exact for balls; else that of a disk of the mean area of both caps.
    """
    tables, points, surface, reach, ball = shapes
    mean = surface.mean(axis=1)[which] * scale
    pairs, depth, neck = _contacts(
        centers, turn, which, scale, mean, tables, points, surface, reach, ball, size, wraps, gap
    )
    return pairs, depth, neck
