"""Fluxes between the unknowns of an electrode, with their exact derivatives, and J·v.

Unknowns: potential φe and salt concentration ce of cells that hold electrolyte, potential φs of
cells that conduct electrons, concentration cs of the active ones among them (which come first).
All rows are currents [A]: mass balances are multiplied by Faraday's constant. Links are lists of
pairs; each kernel adds a link's flux to both of its rows, so that what leaves one cell enters the
other to the last digit. All kernels live in this file because the compiler's cache does not see
edits in callees elsewhere.

Laws are tables of values and slopes at equidistant nodes, cubic between them: the interpolant and
its derivative are one smooth function, whatever the law was.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

__all__ = [
    "apply_diffusion",
    "apply_electrolyte",
    "apply_reactions",
    "apply_solid",
    "bounded_log",
    "couple_reactions",
    "diffusion_fluxes",
    "electrolyte_fluxes",
    "reaction_fluxes",
    "reaction_weights",
    "solid_fluxes",
    "table_values",
]

Array = npt.NDArray[Any]
_jit: Any = njit(cache=True, nogil=True, error_model="numpy")
_inline: Any = njit(cache=True, nogil=True, error_model="numpy", inline="always")

_LARGEST_EXPONENT = 200.0
_SURFACE_TOLERANCE = 2e-15
_SURFACE_STEPS = 80


@_inline
def _hermite(v0: float, d0: float, v1: float, d1: float, s: float) -> Any:
    """Value and derivative (per node distance) of a cubic on a cell."""
    a = d0 + d1 - 2.0 * (v1 - v0)
    b = 3.0 * (v1 - v0) - 2.0 * d0 - d1
    return v0 + s * (d0 + s * (b + s * a)), d0 + s * (2.0 * b + 3.0 * a * s)


@_jit
def table_values(table: Array, column: int, low: float, step: float, x: Array, out: Array) -> None:
    """Write a law's values at x in out[0] and its derivatives in out[1]; constant outside."""
    last = table.shape[0] - 2
    for i in range(x.size):
        t = (x[i] - low) / step
        k = min(max(int(t), 0), last)
        s = min(max(t - k, 0.0), 1.0)
        v, d = _hermite(
            table[k, column], table[k, column + 1], table[k + 1, column], table[k + 1, column + 1],
            s,
        )  # fmt: skip
        out[0, i] = v
        out[1, i] = d / step if 0.0 <= t <= last + 1 else 0.0


@_jit
def bounded_log(c: Array, least: float, out: Array) -> None:
    """Write ln c; below `least` its parabola there, whose slope stays bounded down to c = 0.

    Where the salt is gone, what balances the pull of its gradient is ever less salt, a power of ten
    for some 50 mV; the laws mean nothing there, and no number holds it. Value, slope and curvature
    meet at `least`.
    """
    for i in range(c.size):
        if c[i] >= least:
            out[i] = np.log(c[i])
        else:
            y = c[i] / least - 1.0
            out[i] = np.log(least) + y - 0.5 * y * y


@_inline
def _log_slope(c: float, least: float) -> float:
    return 1.0 / c if c >= least else (2.0 - c / least) / least


@_inline
def _wet(c: float, least: float) -> Any:
    """Share of its conductivity that a cell keeps, 0 without salt to 1 from `least` on; slope."""
    if c >= least:
        return 1.0, 0.0
    left = 1.0 - c / least
    return 1.0 - left * left * left, 3.0 * left * left / least


@_jit
def electrolyte_fluxes(
    first: Array,
    second: Array,
    code: Array,
    geometry: Array,
    phi: Array,
    c: Array,
    log_c: Array,
    least: float,
    table: Array,
    low: float,
    step: float,
    faraday: float,
    charge: Array,
    mass: Array,
    slopes: Array,
) -> None:
    """Add currents and salt fluxes between cells of electrolyte; keep their derivatives.

    `log_c` is `bounded_log` of c with the same `least`. Columns of `table`: κ, D, t+, K with a
    slope after each. `slopes` has five per link: of the
    current by φ1 - φ2, c1 and c2, and of F times the salt flux without migration's dependence on
    φ (that is t+ times the current's), by c1 and c2; the sixth is t+.
    """
    last = table.shape[0] - 2
    for e in range(first.size):
        i, j = first[e], second[e]
        g = geometry[code[e]]
        mean = 0.5 * (c[i] + c[j])
        t = (mean - low) / step
        k = min(max(int(t), 0), last)
        s = min(max(t - k, 0.0), 1.0)
        scale = 0.5 / step if 0.0 <= t <= last + 1 else 0.0  # of d(mean)/dc
        kappa, d_kappa = _hermite(table[k, 0], table[k, 1], table[k + 1, 0], table[k + 1, 1], s)
        diff, d_diff = _hermite(table[k, 2], table[k, 3], table[k + 1, 2], table[k + 1, 3], s)
        trans, d_trans = _hermite(table[k, 4], table[k, 5], table[k + 1, 4], table[k + 1, 5], s)
        pull, d_pull = _hermite(table[k, 6], table[k, 7], table[k + 1, 6], table[k + 1, 7], s)
        logs = log_c[i] - log_c[j]
        drive = phi[i] - phi[j] - pull * logs
        current = g * kappa * drive
        by_mean = g * (d_kappa * drive - kappa * d_pull * logs) * scale
        by_first = by_mean - g * kappa * pull * _log_slope(c[i], least)
        by_second = by_mean + g * kappa * pull * _log_slope(c[j], least)
        conducts = g * kappa
        if c[i] < least or c[j] < least:
            one, d_one = _wet(c[i], least)
            other, d_other = _wet(c[j], least)
            wet = one * other
            by_first = wet * by_first + d_one * other * current
            by_second = wet * by_second + one * d_other * current
            current *= wet
            conducts *= wet
        charge[i] += current
        charge[j] -= current
        spread = faraday * g * diff
        salt = spread * (c[i] - c[j]) + trans * current
        mass[i] += salt
        mass[j] -= salt
        shared = (faraday * g * d_diff * (c[i] - c[j]) + d_trans * current) * scale
        slopes[e, 0] = conducts
        slopes[e, 1] = by_first
        slopes[e, 2] = by_second
        slopes[e, 3] = shared + spread
        slopes[e, 4] = shared - spread
        slopes[e, 5] = trans


@_jit
def apply_electrolyte(
    first: Array,
    second: Array,
    slopes: Array,
    phi: Array,
    c: Array,
    charge: Array,
    mass: Array,
) -> None:
    """Add the linearized fluxes between cells of electrolyte."""
    for e in range(first.size):
        i, j = first[e], second[e]
        current = (
            slopes[e, 0] * (phi[i] - phi[j])
            + slopes[e, 1] * np.float64(c[i])
            + slopes[e, 2] * np.float64(c[j])
        )
        salt = slopes[e, 3] * c[i] + slopes[e, 4] * c[j] + slopes[e, 5] * current
        charge[i] += current
        charge[j] -= current
        mass[i] += salt
        mass[j] -= salt


@_jit
def solid_fluxes(
    first: Array,
    second: Array,
    code: Array,
    geometry: Array,
    phi: Array,
    sigma: Array,
    d_sigma: Array,
    charge: Array,
    slopes: Array,
) -> None:
    """Add currents between cells that conduct electrons; harmonic mean of their conductivities."""
    for e in range(first.size):
        i, j = first[e], second[e]
        a, b = sigma[i], sigma[j]
        g = geometry[code[e]] * 2.0 / (a + b)
        drop = phi[i] - phi[j]
        current = g * a * b * drop
        charge[i] += current
        charge[j] -= current
        slopes[e, 0] = g * a * b
        slopes[e, 1] = g * b * b / (a + b) * d_sigma[i] * drop
        slopes[e, 2] = g * a * a / (a + b) * d_sigma[j] * drop


@_jit
def diffusion_fluxes(
    first: Array,
    second: Array,
    code: Array,
    geometry: Array,
    c: Array,
    table: Array,
    largest: float,
    faraday: float,
    mass: Array,
    slopes: Array,
) -> None:
    """Add lithium fluxes between cells of active material; slopes by c1 and c2."""
    last = table.shape[0] - 2
    step = largest / (last + 1)
    for e in range(first.size):
        i, j = first[e], second[e]
        t = 0.5 * (c[i] + c[j]) / step
        k = min(max(int(t), 0), last)
        s = min(max(t - k, 0.0), 1.0)
        diff, d_diff = _hermite(table[k, 4], table[k, 5], table[k + 1, 4], table[k + 1, 5], s)
        g = faraday * geometry[code[e]]
        flux = g * diff * (c[i] - c[j])
        mass[i] += flux
        mass[j] -= flux
        shared = g * d_diff * 0.5 / step * (c[i] - c[j])
        slopes[e, 0] = shared + g * diff
        slopes[e, 1] = shared - g * diff


@_jit
def apply_solid(
    first: Array, second: Array, slopes: Array, active: int, phi: Array, c: Array, charge: Array
) -> None:
    """Add the linearized currents between cells that conduct electrons."""
    for e in range(first.size):
        i, j = first[e], second[e]
        current = slopes[e, 0] * np.float64(phi[i] - phi[j])
        if i < active:
            current += slopes[e, 1] * c[i]
        if j < active:
            current += slopes[e, 2] * c[j]
        charge[i] += current
        charge[j] -= current


@_jit
def apply_diffusion(first: Array, second: Array, slopes: Array, c: Array, mass: Array) -> None:
    """Add the linearized lithium fluxes between cells of active material."""
    for e in range(first.size):
        i, j = first[e], second[e]
        flux = slopes[e, 0] * np.float64(c[i]) + slopes[e, 1] * np.float64(c[j])
        mass[i] += flux
        mass[j] -= flux


@_inline
def _butler_volmer(
    jump: float,
    ce: float,
    u: float,
    table: Array,
    step: float,
    largest: float,
    rate: float,
    alpha: float,
    f: float,
    power_e: float,
    power_s: float,
    power_v: float,
) -> Any:
    """Current density and its slopes by the jump φs - φe, by ce and by the surface's cs."""
    last = table.shape[0] - 2
    t = u / step
    k = min(max(int(t), 0), last)
    s = min(max(t - k, 0.0), 1.0)
    ocp, d_ocp = _hermite(table[k, 0], table[k, 1], table[k + 1, 0], table[k + 1, 1], s)
    d_ocp /= step
    tiny = 1e-13 * largest
    filled, vacant = max(u, tiny), max(largest - u, tiny)
    i0 = rate * ce**power_e * filled**power_s
    if power_v != 0.0:
        i0 *= vacant**power_v
    x = f * (jump - ocp)
    x = min(max(x, -_LARGEST_EXPONENT), _LARGEST_EXPONENT)
    out, back = np.exp(alpha * x), np.exp((alpha - 1.0) * x)
    i = i0 * (out - back)
    by_jump = i0 * f * (alpha * out + (1.0 - alpha) * back)
    by_u = i * (power_s / filled - power_v / vacant) - by_jump * d_ocp
    return i, by_jump, i * power_e / ce, by_u


@_jit
def reaction_fluxes(
    solid: Array,
    liquid: Array,
    area: Array,
    half: Array,
    half_of: Array,
    phi_s: Array,
    phi_e: Array,
    cs: Array,
    ce: Array,
    diffusivity: Array,
    d_diffusivity: Array,
    surface: Array,
    table: Array,
    largest: float,
    rate: float,
    alpha: float,
    f: float,
    powers: Array,
    faraday: float,
    double_layer: Array,
    share: float,
    charge_s: Array,
    charge_e: Array,
    mass_s: Array,
    mass_e: Array,
    slopes: Array,
) -> Any:
    """Add the currents through reacting faces; the surface's concentration is solved per face.

    u = cs - w i(u) h/(2 F D), where w is the share of the voxel's face that reacts, by Newton's
    method inside a bracket, to round-off: the open-circuit potential is so steep near full
    lithiation that less would stall the outer iteration.
    `double_layer` holds the capacitive current of each face [A]. Slopes: by the jump, ce, cs.
    Returns the sum of all currents.
    """
    reacted = 0.0
    step = largest / (table.shape[0] - 1)
    power_e, power_s, power_v = powers[0], powers[1], powers[2]
    for q in range(solid.size):
        a, e = solid[q], liquid[q]
        c, d = cs[a], diffusivity[a]
        jump = phi_s[a] - phi_e[e]
        distance = half[half_of[q]] * area[q]
        r = distance / (faraday * d)
        u = c
        if r > 0.0:
            low, high = 0.0, largest
            u = surface[q]
            if not 0.0 < u < largest:
                u = c
            before = largest
            for _ in range(_SURFACE_STEPS):
                i, by_jump, by_ce, by_u = _butler_volmer(
                    jump, ce[e], u, table, step, largest, rate, alpha, f, power_e, power_s, power_v
                )
                miss = u - c + r * i
                if miss > 0.0:
                    high = u
                else:
                    low = u
                moved = u - miss / max(1.0 + r * by_u, 1e-300)
                if not low < moved < high or abs(moved - u) > 0.9 * before:
                    moved = 0.5 * (low + high)
                before = abs(moved - u)
                u = moved
                if before <= _SURFACE_TOLERANCE * largest:
                    break
            surface[q] = u
        i, by_jump, by_ce, by_u = _butler_volmer(
            jump, ce[e], u, table, step, largest, rate, alpha, f, power_e, power_s, power_v
        )
        reduce = 1.0 + r * by_u
        reduce = max(reduce, 1e-2)
        d_r = 0.0
        if d > 0.0:
            d_r = -r * d_diffusivity[a] / d
        w = area[q] / reduce
        current = area[q] * i
        total = current + double_layer[q]
        reacted += total
        charge_s[a] += total
        charge_e[e] -= total
        mass_s[a] += current
        mass_e[e] -= current + share * double_layer[q]
        slopes[q, 0] = w * by_jump
        slopes[q, 1] = w * by_ce
        slopes[q, 2] = w * by_u * (1.0 - d_r * i)
    return reacted


@_jit
def apply_reactions(
    solid: Array,
    liquid: Array,
    slopes: Array,
    layer: Array,
    layer_scale: float,
    share: float,
    phi_s: Array,
    phi_e: Array,
    cs: Array,
    ce: Array,
    charge_s: Array,
    charge_e: Array,
    mass_s: Array,
    mass_e: Array,
) -> None:
    """Add the linearized currents through reacting faces."""
    for q in range(solid.size):
        a, e = solid[q], liquid[q]
        jump = np.float64(phi_s[a]) - phi_e[e]
        current = slopes[q, 0] * jump + slopes[q, 1] * ce[e] + slopes[q, 2] * cs[a]
        stored = layer_scale * layer[q] * jump
        charge_s[a] += current + stored
        charge_e[e] -= current + stored
        mass_s[a] += current
        mass_e[e] -= current + share * stored


@_jit
def couple_reactions(
    solid: Array,
    liquid: Array,
    slopes: Array,
    trans: Array,
    phi_s: Array,
    phi_e: Array,
    mass_s: Array,
    mass_e: Array,
) -> None:
    """Take what a change of potentials does to the mass balances from their right-hand sides."""
    for q in range(solid.size):
        a, e = solid[q], liquid[q]
        current = slopes[q, 0] * (phi_s[a] - phi_e[e])
        mass_s[a] -= current
        mass_e[e] += (1.0 - trans[e]) * current


@_jit
def reaction_weights(
    solid: Array,
    slopes: Array,
    layer: Array,
    layer_scale: float,
    admittance: Array,
    weights: Array,
    ground: Array,
) -> None:
    """Conductances of reacting faces with the active material's answer taken in.

    The admittance [A m³/mol] is how much current a cell takes up per change of its concentration;
    `ground` gets what reactions add to its diagonal.
    """
    for q in range(solid.size):
        a = solid[q]
        steep = max(slopes[q, 2], 0.0)
        weights[q] = max(slopes[q, 0], 0.0) / (1.0 + steep / admittance[a]) + layer_scale * layer[q]
        ground[a] += steep
