"""Binder between menisci: morphological closing, and wetting at a contact angle."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vmt._progress import steps
from vmt.binder._placement import BinderPlacement, Mask, Sites
from vmt.errors import InputError
from vmt.kernels.menisci import ball_union
from vmt.kernels.openings import largest_balls, lattice_distances, squared_distances
from vmt.kernels.selection import first_voxels, solid_share
from vmt.kernels.wetting import settle
from vmt.microstructure import Microstructure

__all__ = ["binder_by_closing", "binder_by_wetting"]

_WIDEST = 20.0
_BEYOND = math.radians(30)


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
    chosen, square = _closing(sites, generator)
    return sites.finish(
        chosen, "closing", {"ball_radius [m]": math.sqrt(square) * min(structure.spacing)}
    )


def binder_by_wetting(
    structure: Microstructure,
    *,
    volume_fraction: float,
    contact_angle: float,
    width: float = 2.5,
    active_material: str | int | None = None,
    pore: str | int = "pore",
    rng: np.random.Generator | int = 0,
) -> BinderPlacement:
    """Fill the pore by binder that meets the solid at a contact angle.

    The binder begins as the closing and then settles like a liquid of constant volume: its surface
    shrinks, and meets the solid at the angle (threshold dynamics, `vmt.kernels.wetting`). At 0 the
    closing, whose menisci touch the solid at no angle, stays as it is. The larger the angle, the
    more of the binder draws back from narrow places and gathers in rounded bodies in wider ones
    (Beuse et al. 2021: 40°, by surface energy).

    Parameters
    ----------
    structure : Microstructure
        With pore and active material; binder that is there already counts as solid.
    volume_fraction : float
        Of the binder to add, in the whole window.
    contact_angle : float
        Between binder and solid, measured through the binder [rad], from 0 to π.
    width : float
        Standard deviation of the Gaussian that settles it, in voxels; rather less than the radius
        of the narrow places. Larger ones overcome more of the lattice.
    active_material : str or int, optional
        The phase; without it the one named "active_material", or "solid".
    pore : str or int
        Where binder can go.
    rng : numpy.random.Generator or int
        Breaks the last ties of the closing.

    Raises
    ------
    InputError
        If a phase is missing, the angle is out of range, or the target can't be reached.
    MemoryBudgetError
        If the distances don't fit, some 40 bytes per voxel.
    """
    if not 0 <= contact_angle <= math.pi:
        raise InputError(
            f"contact_angle={contact_angle!r} can't be used; expected radians from 0 to π, as "
            "math.radians(40)."
        )
    if not 0.5 <= width <= _WIDEST:
        raise InputError(f"width={width!r} can't be used; expected 0.5 to {_WIDEST} voxels.")
    sites = Sites.of(
        structure,
        volume_fraction,
        active_material=active_material,
        pore=pore,
        bytes_per_voxel=40,
    )
    chosen, square = _closing(sites, np.random.default_rng(rng))
    parameters = {
        "contact_angle [rad]": float(contact_angle),
        "closing_radius [m]": math.sqrt(square) * min(structure.spacing),
        "width [voxels]": float(width),
        "sweeps": 0,
    }
    if contact_angle > 0 and 0 < sites.count < np.count_nonzero(sites.pore):
        # the lattice holds a surface back: below a right angle it comes from the far side
        angles = [contact_angle]
        if contact_angle < math.pi / 2:
            angles = [min(contact_angle + _BEYOND, math.pi / 2), contact_angle]
        with steps("binder by wetting", 0) as step:
            for angle in angles:
                chosen, made = settle(chosen, sites.pore, angle, width, done=step)
                parameters["sweeps"] += made
    return sites.finish(chosen, "wetting", parameters)


def _closing(sites: Sites, generator: np.random.Generator) -> tuple[Mask, float]:
    """Bisect the radius of the ball on the lattice, and break the ties."""
    structure, spacing = sites.before, sites.before.spacing
    inner = np.zeros(sites.pore.shape, bool)
    if sites.count == 0:
        return inner, 0.0
    squares = squared_distances(sites.pore, spacing)
    radii = lattice_distances(structure.shape, spacing, float(squares.max()))
    first, last, outer = -1, radii.size - 1, sites.pore  # no ball fits with the largest distance
    with steps("binder by closing", 0) as step:
        while last - first > 1:
            middle = (first + last) // 2
            made = sites.pore & ~ball_union(squares, radii[middle], radii[middle], spacing)
            step()
            if np.count_nonzero(made) <= sites.count:
                first, inner = middle, made
            else:
                last, outer = middle, made
    rest = sites.count - int(np.count_nonzero(inner))
    share = solid_share(sites.solid)
    np.negative(share, out=share)
    more = first_voxels(share, outer & ~inner, rest, share, generator)
    return inner | more, float(radii[last])


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
