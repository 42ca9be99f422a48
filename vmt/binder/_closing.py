"""Binder between menisci: morphological closing, and wetting at a contact angle."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt._progress import steps
from vmt.binder._placement import BinderPlacement, Mask, Sites
from vmt.errors import InputError
from vmt.kernels.menisci import ball_union
from vmt.kernels.openings import largest_balls, lattice_distances, squared_distances
from vmt.kernels.selection import first_voxels, solid_share
from vmt.microstructure import Microstructure

__all__ = ["binder_by_closing", "binder_by_wetting"]

_RADII = 40  # steps of a bisection over real radii
_FLATTEST = 0.02  # smallest |cos θ|: at a right angle the menisci are flat


def binder_by_closing(
    structure: Microstructure,
    *,
    volume_fraction: float,
    profile: Sequence[float] | None = None,
    active_material: str | int | None = None,
    pore: str | int = "pore",
    rng: np.random.Generator | int = 0,
) -> BinderPlacement:
    """Fill the narrow places of the pore: morphological closing of everything that is not pore.

    The radius of the ball is found by bisection; the closing with the next larger radius on the
    lattice holds the last voxels, of which those with more solid around are taken first, so that
    the volume fraction is met to one voxel (Hein et al. 2020; Prifling et al. 2022, section 3.4).

    Parameters
    ----------
    structure : Microstructure
        With pore and active material; binder that is there already counts as solid.
    volume_fraction : float
        Of the binder to add, in the whole window.
    profile : sequence of float, optional
        Relative amounts of binder at evenly spaced depths from the first plane of axis 0 to the
        last; then each plane has a radius of its own.
    active_material : str or int, optional
        The phase; without it the one named "active_material", or "solid".
    pore : str or int
        Where binder can go.
    rng : numpy.random.Generator or int
        Breaks the last ties.

    Raises
    ------
    InputError
        If a phase is missing, or the target can't be reached; the message says what can.
    MemoryBudgetError
        If the distances don't fit, some 30 bytes per voxel.

    Examples
    --------
    >>> labels = np.zeros((20, 9, 9), np.uint8)
    >>> labels[:8] = labels[11:14] = 1
    >>> made = binder_by_closing(Microstructure(labels, 1e-8), volume_fraction=0.15)
    >>> made.structure.mask("carbon_binder_domain")[8:11].all()
    np.True_
    """
    sites = Sites.of(
        structure,
        volume_fraction,
        active_material=active_material,
        pore=pore,
        profile=profile,
    )
    generator = np.random.default_rng(rng)
    if sites.counts is not None:
        return _by_profile(sites, sites.counts, generator)
    return _between_menisci(sites, 0.0, generator, "closing")


def binder_by_wetting(
    structure: Microstructure,
    *,
    volume_fraction: float,
    contact_angle: float,
    active_material: str | int | None = None,
    pore: str | int = "pore",
    rng: np.random.Generator | int = 0,
) -> BinderPlacement:
    """Fill the pore by binder that meets the solid at a contact angle.

    Below a right angle the binder is what balls of the pore leave free, above it the binder is the
    balls themselves. Balls of radius r keep their centers at least r |cos θ| away from the solid,
    so that their surface meets a flat wall at the angle θ. At 0 that is the closing; towards π the
    binder forms balls in the widest pores. The radius is found by bisection.

    Parameters
    ----------
    structure : Microstructure
        With pore and active material; binder that is there already counts as solid.
    volume_fraction : float
        Of the binder to add, in the whole window.
    contact_angle : float
        Between binder and solid, measured through the binder [rad], from 0 to π.
    active_material : str or int, optional
        The phase; without it the one named "active_material", or "solid".
    pore : str or int
        Where binder can go.
    rng : numpy.random.Generator or int
        Breaks the last ties.

    Raises
    ------
    InputError
        If a phase is missing, the angle is out of range, or the target can't be reached.
    MemoryBudgetError
        If the distances don't fit, some 30 bytes per voxel.

    Notes
    -----
    Near a right angle the menisci are nearly flat and as wide as the window: the binder is then
    one or few large bodies. On a solid of curvature 1/R the cosine of the angle is off by
    r sin²θ / 2R.
    """
    if not 0 <= contact_angle <= math.pi:
        raise InputError(
            f"contact_angle={contact_angle!r} can't be used; expected radians from 0 to π, as "
            "math.radians(40)."
        )
    sites = Sites.of(structure, volume_fraction, active_material=active_material, pore=pore)
    return _between_menisci(sites, contact_angle, np.random.default_rng(rng), "wetting")


def _between_menisci(
    sites: Sites, angle: float, generator: np.random.Generator, method: str
) -> BinderPlacement:
    """Bisect the radius of the balls, and break the ties."""
    spacing, unit = sites.before.spacing, min(sites.before.spacing)
    cosine = math.cos(angle)
    blobs = cosine < 0
    cosine = max(abs(cosine), _FLATTEST)
    parameters: dict[str, Any] = {"contact_angle [rad]": angle} if method == "wetting" else {}
    if sites.count == 0:
        return sites.finish(np.zeros(sites.pore.shape, bool), method, parameters)
    squares = squared_distances(sites.pore, spacing)

    def filled(squared_radius: float) -> Mask:
        offset = squared_radius * cosine * cosine
        balls = ball_union(squares, squared_radius, offset, spacing)
        return (balls if blobs else ~balls) & sites.pore

    largest = float(squares.max()) / cosine**2
    with steps(f"binder by {method}", 0) as step:
        inner, outer, square = _bracket(
            filled, sites.count, largest, sites.before, step, blobs=blobs, exact=cosine == 1.0
        )
    rest = sites.count - int(np.count_nonzero(inner))
    share = solid_share(sites.solid)
    if not blobs:
        np.negative(share, out=share)
    more = first_voxels(share, outer & ~inner, rest, share, generator)
    parameters["ball_radius [m]"] = math.sqrt(square) * unit
    return sites.finish(inner | more, method, parameters)


def _bracket(
    filled: Callable[[float], Mask],
    count: int,
    largest: float,
    structure: Microstructure,
    step: Callable[..., None],
    *,
    blobs: bool,
    exact: bool,
) -> tuple[Mask, Mask, float]:
    """Two neighboring fillings around the count: the smaller, the larger, its squared radius."""
    pore = filled(0.0) if blobs else filled(2 * largest + 1)  # everything
    inner, outer = np.zeros(pore.shape, bool), pore
    if exact:  # nothing changes between the distances of the lattice
        radii = lattice_distances(structure.shape, structure.spacing, largest)
        first, last = (radii.size, -1) if blobs else (-1, radii.size)
        while abs(last - first) > 1:
            middle = (first + last) // 2
            made = filled(float(radii[middle]))
            step()
            if np.count_nonzero(made) <= count:
                first, inner = middle, made
            else:
                last, outer = middle, made
        at = min(max(last, 0), radii.size - 1)
        return inner, outer, float(radii[at])
    low: float = largest if blobs else 0.0
    high: float = 0.0 if blobs else largest
    for _ in range(_RADII):
        middle = 0.5 * (low + high)
        made = filled(middle)
        step()
        if np.count_nonzero(made) <= count:
            low, inner = middle, made
        else:
            high, outer = middle, made
        if abs(high - low) <= 1e-3 * max(low, high):
            break
    return inner, outer, max(low, high)


def _by_profile(
    sites: Sites, counts: npt.NDArray[np.int64], generator: np.random.Generator
) -> BinderPlacement:
    """Closing with a radius for each plane."""
    structure, unit = sites.before, min(sites.before.spacing)
    squares = squared_distances(sites.pore, structure.spacing)
    radii = lattice_distances(structure.shape, structure.spacing, float(squares.max()))
    low, high = -1, radii.size - 1
    while high - low > 1:  # the radius that suffices in every plane
        middle = (low + high) // 2
        opened = ball_union(squares, radii[middle], radii[middle], structure.spacing)
        enough = np.count_nonzero(sites.pore & ~opened, axis=(1, 2)) >= counts
        low, high = (low, middle) if enough.all() else (middle, high)
    width = largest_balls(squares, [float(r) for r in radii[: high + 1]], structure.spacing)
    del squares
    share = solid_share(sites.solid)
    np.negative(share, out=share)
    chosen = np.zeros(sites.pore.shape, bool)
    reached = np.zeros(len(counts))
    for i, count in enumerate(counts):
        chosen[i] = first_voxels(width[i], sites.pore[i], int(count), share[i], generator)
        if count:
            reached[i] = math.sqrt(max(float(width[i][chosen[i]].max()), 0.0)) * unit
    parameters = {
        "ball_radius [m]": float(reached.max(initial=0.0)),
        "ball_radius_profile [m]": reached.tolist(),
    }
    return sites.finish(chosen, "closing", parameters)
