"""Volume fraction, surface and interface area, Euler number: counts in the voxel grid."""

from __future__ import annotations

import math

import numpy as np

from vmt.descriptors._support import extended_axes
from vmt.errors import InputError
from vmt.kernels import surface
from vmt.microstructure import Microstructure

__all__ = [
    "euler_number_density",
    "interface_area",
    "internal_surface_area",
    "specific_surface_area",
    "volume_fraction",
]


def volume_fraction(m: Microstructure, phase: str | int) -> float:
    """Share of the window that the phase fills (point count).

    Examples
    --------
    >>> labels = np.zeros((4, 4, 4), np.uint8)
    >>> labels[1:] = 1
    >>> volume_fraction(Microstructure(labels, 1e-8), "solid")
    0.75
    """
    return m.volume_fraction(phase)


def _crofton(m: Microstructure, label: int, other: int | None) -> float:
    extended = extended_axes(m)
    if not any(extended):
        raise InputError("A single voxel has no surface area; expected at least two voxels.")
    directions, weights = surface.direction_weights(m.spacing, extended)
    labels = np.asarray(m.labels)
    if other is None:
        counts = surface.count_changes(labels, label, directions)
    else:
        counts = surface.count_contacts(labels, label, other, directions)
    total = 0.0
    for d, weight, count in zip(directions, weights, counts, strict=True):
        pairs = math.prod(n - abs(int(s)) for n, s in zip(m.shape, d, strict=True))
        length = math.sqrt(sum((s * h) ** 2 for s, h in zip(d, m.spacing, strict=True)))
        total += 2 * float(weight) * int(count) / (pairs * length)
    return surface.crofton_factor(sum(extended)) * total


def specific_surface_area(m: Microstructure, phase: str | int) -> float:
    """Boundary area of the phase per volume of the window [1/m].

    Cauchy-Crofton formula over the 13 directions to the 26 neighbors, weighted by their share of
    the sphere (Voronoi cells, exact for anisotropic voxels); each direction's phase changes are
    divided by the pairs of voxels that the window holds, so that faces of the window don't count.

    A 2D structure (nx, ny, 1) gives perimeter per area over its 4 in-plane directions, which is
    the surface area of the structure continued unchanged along the missing axis.

    Raises
    ------
    InputError
        If there is no such phase, or the structure is a single voxel.

    References
    ----------
    J. Ohser, K. Schladitz, *3D Images of Materials Structures*, 2009, section 5.2; used for
    Table 2 of Neumann et al. 2023.

    Examples
    --------
    >>> labels = np.zeros((4, 4, 4), np.uint8)
    >>> specific_surface_area(Microstructure(labels, 1e-8), "pore")
    0.0
    """
    return _crofton(m, m.label_of(phase), None)


def interface_area(m: Microstructure, phase: str | int, other: str | int) -> float:
    """Area of the interface of two phases per volume of the window [1/m].

    As `specific_surface_area`, counting only changes from one of the two phases to the other; so
    the surface area of a phase is the sum of its interface areas with all the others.

    Raises
    ------
    InputError
        If there is no such phase, or both are the same.
    """
    label, second = m.label_of(phase), m.label_of(other)
    if label == second:
        raise InputError(f"The interface of {phase!r} with itself is not defined; name two phases.")
    return _crofton(m, label, second)


def internal_surface_area(
    m: Microstructure,
    active: str | int,
    pore: str | int = "pore",
    binder: str | int = "carbon_binder_domain",
    *,
    binder_porosity: float = 0.5,
) -> float:
    """Area between active material and electrolyte per volume of the window [1/m].

    S_int = S_AM,P + ε_CBD S_AM,CBD: where the carbon-binder domain covers the active material, its
    nanopores, a share `binder_porosity` of it, let the electrolyte through (Prifling et al. 2022).

    Raises
    ------
    InputError
        If a phase does not exist, or the porosity is not between 0 and 1.

    Examples
    --------
    >>> labels = np.repeat([0, 1, 2], 4)[:, None, None] * np.ones((1, 4, 4), int)
    >>> m = Microstructure(labels, 1e-6, {"pore": 0, "active": 1, "binder": 2})
    >>> one = interface_area(m, "active", "pore")
    >>> internal_surface_area(m, "active", binder="binder") == 1.5 * one
    True
    """
    if not 0 <= binder_porosity <= 1:
        raise InputError(
            f"binder_porosity={binder_porosity!r} can't be used; expected a share from 0 to 1."
        )
    covered = interface_area(m, active, binder)
    return interface_area(m, active, pore) + binder_porosity * covered


def euler_number_density(m: Microstructure, phase: str | int, *, neighbors: int = 26) -> float:
    """Euler number of the phase per volume of the window [1/m³]; per area [1/m²] in 2D.

    The phase is the union of its closed voxels (26 neighbors; the rest then has 6), or with
    `neighbors=6` of its open ones, so that the number of a phase with 26 neighbors is that of the
    rest with 6, in 2D with the other sign. Vertices,
    edges, faces and voxels are counted around the inner vertices of the window only, each with
    the share that falls to the vertex; so the result is unbiased for a stationary structure. A
    set that does not touch the window's faces has its Euler number divided by the volume
    (nx − 1)(ny − 1)(nz − 1) dx dy dz.

    Raises
    ------
    InputError
        If there is no such phase, the structure is a single voxel, or `neighbors` is another number
        than 6 and 26.

    References
    ----------
    J. Ohser, K. Schladitz, *3D Images of Materials Structures*, 2009, section 5.2.
    """
    extended = extended_axes(m)
    label = m.label_of(phase)
    if neighbors not in (6, 26):
        raise InputError(f"neighbors={neighbors!r} can't be used; expected 6 or 26.")
    if not any(extended):
        raise InputError("A single voxel has no Euler number density; expected two at least.")
    counts = surface.configuration_histogram(np.asarray(m.labels), label)
    size = math.prod(
        (n - 1) * h for n, h, more in zip(m.shape, m.spacing, extended, strict=True) if more
    )
    table = surface.euler_table(extended)
    if neighbors == 6:  # the closed complex of the rest, by duality
        table = (-1.0) ** (sum(extended) + 1) * table[::-1]
    return float(counts @ table) / size
