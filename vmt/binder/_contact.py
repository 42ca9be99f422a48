"""Binder at the contacts of particles, and binder as a film on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt.binder._placement import BinderPlacement, Sites
from vmt.errors import InputError
from vmt.kernels.nearest_labels import two_nearest
from vmt.kernels.openings import MARGIN, squared_distances
from vmt.kernels.selection import first_voxels, solid_share
from vmt.kernels.watershed import regions
from vmt.microstructure import Microstructure

__all__ = ["binder_at_contacts", "binder_film"]

_FIRST_REACH = 8.0  # shortest edges; doubled until enough pore is found


def binder_at_contacts(
    structure: Microstructure,
    *,
    volume_fraction: float,
    profile: Sequence[float] | None = None,
    particles: npt.NDArray[np.integer] | None = None,
    depth: float = 0.5,
    active_material: str | int | None = None,
    pore: str | int = "pore",
    rng: np.random.Generator | int = 0,
) -> BinderPlacement:
    """Put binder where two particles are near: at contacts, in necks, and bridging gaps.

    The pore voxels with the smallest sum of the distances to the two nearest particles are filled:
    the union, over all pairs of particles, of the spindles around the shortest ways between them.
    So all binder between two particles touches both.

    Parameters
    ----------
    structure : Microstructure
        With pore and active material.
    volume_fraction : float
        Of the binder to add, in the whole window.
    profile : sequence of float, optional
        Relative amounts of binder at evenly spaced depths from the first plane of axis 0 to the
        last.
    particles : (nx, ny, nz) array of int, optional
        Number of the particle of each voxel, from 1; 0 outside. Without it the active material is
        divided by a watershed.
    depth : float
        Depth of a neck that the watershed takes for one, in shortest voxel edges.
    active_material : str or int, optional
        The phase; without it the one named "active_material", or "solid".
    pore : str or int
        Where binder can go.
    rng : numpy.random.Generator or int
        Breaks the last ties.

    Raises
    ------
    InputError
        If a phase is missing, there are no two particles, or the target can't be reached.
    MemoryBudgetError
        If the maps don't fit, some 45 bytes per voxel.

    Examples
    --------
    >>> x = np.indices((24, 15, 15)) - np.array([7, 7, 7]).reshape(3, 1, 1, 1)
    >>> y = np.indices((24, 15, 15)) - np.array([17, 7, 7]).reshape(3, 1, 1, 1)
    >>> balls = ((x**2).sum(axis=0) < 27) | ((y**2).sum(axis=0) < 27)
    >>> made = binder_at_contacts(Microstructure(balls, 1e-8), volume_fraction=0.01)
    >>> np.unique(np.nonzero(made.structure.mask("carbon_binder_domain"))[0]).tolist()
    [11, 12, 13]
    """
    if not depth > 0:
        raise InputError(f"depth={depth!r} can't be used; expected a positive number of voxels.")
    sites = Sites.of(
        structure,
        volume_fraction,
        active_material=active_material,
        pore=pore,
        profile=profile,
        bytes_per_voxel=45,
    )
    spacing, unit = structure.spacing, min(structure.spacing)
    if particles is None:
        active = sites.active
        labels = regions(active, squared_distances(active, spacing), spacing, depth)
        del active
    else:
        labels = _checked_particles(particles, sites)
    count = int(labels.max(initial=0))
    if np.unique(labels[labels > 0]).size < 2:
        raise InputError(
            "The active material is a single particle: it has no contact to put binder at. Use "
            'method="closing" or "film".'
        )
    reach, longest = _FIRST_REACH, math.hypot(*structure.size) / unit
    while True:
        _, first, _, key = two_nearest(labels, spacing, reach)
        np.sqrt(key, out=key)
        np.sqrt(first, out=first)
        key += first  # what is within reach is exact: the second is at most the sum
        near = sites.pore & (key <= np.float32(reach))
        if sites.counts is None:
            enough = int(np.count_nonzero(near)) >= sites.count
        else:
            enough = bool((np.count_nonzero(near, axis=(1, 2)) >= sites.counts).all())
        if enough or reach > longest:
            break
        reach *= 2
    del labels, near
    share = solid_share(sites.solid)
    np.negative(share, out=share)
    chosen = _select(sites, key, share, np.random.default_rng(rng))
    found = float(key[chosen].max(initial=0.0))
    parameters = {"particles": count, "largest_sum_of_distances [m]": found * unit}
    return sites.finish(chosen, "contact", parameters)


def binder_film(
    structure: Microstructure,
    *,
    volume_fraction: float | None = None,
    thickness: float | None = None,
    profile: Sequence[float] | None = None,
    active_material: str | int | None = None,
    pore: str | int = "pore",
    rng: np.random.Generator | int = 0,
) -> BinderPlacement:
    """Coat the active material by a film of even thickness.

    Parameters
    ----------
    structure : Microstructure
        With pore and active material.
    volume_fraction : float, optional
        Of the binder to add, in the whole window; the thickness follows.
    thickness : float, optional
        From the faces of the active material's voxels [m]; the volume fraction follows. Give one
        of the two.
    profile : sequence of float, optional
        Relative amounts of binder at evenly spaced depths from the first plane of axis 0 to the
        last; goes with `volume_fraction`.
    active_material : str or int, optional
        The phase; without it the one named "active_material", or "solid".
    pore : str or int
        Where binder can go.
    rng : numpy.random.Generator or int
        Breaks the last ties.

    Raises
    ------
    InputError
        If a phase is missing, not just one of thickness and volume fraction is given, or the
        target can't be reached.
    MemoryBudgetError
        If the distances don't fit.

    Examples
    --------
    >>> labels = np.zeros((10, 4, 4), np.uint8)
    >>> labels[:5] = 1
    >>> made = binder_film(Microstructure(labels, 1e-8), thickness=2e-8)
    >>> made.volume_fraction
    0.2
    """
    if (volume_fraction is None) == (thickness is None):
        raise InputError(
            f"volume_fraction={volume_fraction!r} and thickness={thickness!r}; expected just one "
            "of them."
        )
    sites = Sites.of(
        structure,
        volume_fraction,
        active_material=active_material,
        pore=pore,
        profile=profile,
    )
    unit = min(structure.spacing)
    squares = squared_distances(~sites.active, structure.spacing)
    if thickness is not None:
        if not thickness > 0 or profile is not None:
            raise InputError(
                f"thickness={thickness!r} with profile={profile!r} can't be used; expected a "
                "positive length [m] and no profile."
            )
        limit = (thickness / unit + 0.5) ** 2
        chosen = sites.pore & (squares <= np.float32(limit * (1 + MARGIN)))
        return sites.finish(chosen, "film", {"thickness [m]": float(thickness)})
    share = solid_share(sites.active)
    np.negative(share, out=share)
    chosen = _select(sites, squares, share, np.random.default_rng(rng))
    found = math.sqrt(float(squares[chosen].max(initial=0.0)))
    return sites.finish(chosen, "film", {"thickness [m]": max(found - 0.5, 0.0) * unit})


def _select(
    sites: Sites,
    key: npt.NDArray[np.float32],
    ties: npt.NDArray[np.float32],
    generator: np.random.Generator,
) -> npt.NDArray[np.bool_]:
    """Take the first voxels by the key, in all or in each plane."""
    if sites.counts is None:
        return first_voxels(key, sites.pore, sites.count, ties, generator)
    chosen = np.zeros(sites.pore.shape, bool)
    for i, count in enumerate(sites.counts):
        chosen[i] = first_voxels(key[i], sites.pore[i], int(count), ties[i], generator)
    return chosen


def _checked_particles(particles: Any, sites: Sites) -> npt.NDArray[np.int32]:
    given = np.asarray(particles)
    if given.shape != sites.pore.shape or not np.issubdtype(given.dtype, np.integer):
        raise InputError(
            f"particles of shape {given.shape} and type {given.dtype} can't be used; expected "
            f"whole numbers of shape {sites.pore.shape}."
        )
    labels = np.where(sites.active, given, 0).astype(np.int32)
    if labels.min() < 0:
        raise InputError("particles holds negative numbers; expected 0 outside and from 1 inside.")
    return labels
