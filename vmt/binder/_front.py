"""One front for all placements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from vmt.binder._closing import binder_by_closing, binder_by_wetting
from vmt.binder._contact import binder_at_contacts, binder_film
from vmt.binder._growth import grow_binder
from vmt.binder._placement import BINDER, BinderPlacement
from vmt.errors import InputError
from vmt.microstructure import Microstructure

__all__ = ["METHODS", "Method", "add_binder"]

Method = Literal["contact", "closing", "wetting", "film", "growth"]
METHODS: tuple[Method, ...] = ("contact", "closing", "wetting", "film", "growth")


def add_binder(
    structure: Microstructure,
    *,
    volume_fraction: float,
    method: Method = "closing",
    contact_angle: float | None = None,
    profile: Sequence[float] | None = None,
    active_material: str | int | None = None,
    pore: str | int = "pore",
    rng: np.random.Generator | int = 0,
) -> BinderPlacement:
    """Add binder to a structure, to one voxel of a volume fraction.

    Parameters
    ----------
    structure : Microstructure
        With pore and active material; binder that is there already is kept.
    volume_fraction : float
        Of the binder to add, in the whole window.
    method : {"contact", "closing", "wetting", "film", "growth"}
        Where it goes: between neighboring particles (`vmt.binder.binder_at_contacts`), into narrow
        places (`vmt.binder.binder_by_closing`), between menisci of a contact angle
        (`vmt.binder.binder_by_wetting`), as a coating (`vmt.binder.binder_film`), or step by
        step at random (`vmt.binder.grow_binder`). Those functions have more options.
    contact_angle : float, optional
        For "wetting" only [rad].
    profile : sequence of float, optional
        Relative amounts at evenly spaced depths from the first plane of axis 0 to the last; for
        "contact", "closing" and "film".
    active_material : str or int, optional
        The phase; without it the one named "active_material", or "solid".
    pore : str or int
        Where binder can go.
    rng : numpy.random.Generator or int
        Source of randomness, or a seed: the same seed is the same structure.

    Returns
    -------
    BinderPlacement
        With `.structure`, what was found (as the radius), and `.plot()` before and after.

    Raises
    ------
    InputError
        If the target can't be reached (the message says what can), or an argument can't be used.
    MemoryBudgetError
        If the work does not fit.

    Examples
    --------
    >>> labels = np.zeros((20, 9, 9), np.uint8)
    >>> labels[:8] = labels[11:14] = 1
    >>> made = add_binder(Microstructure(labels, 1e-8), volume_fraction=0.1, method="film")
    >>> made.structure
    Microstructure(20×9×9 voxels of 10 nm; pore 35.00 %, active_material 55.00 %, \
carbon_binder_domain 10.00 %)
    """
    if method not in METHODS:
        raise InputError(f"method={method!r} can't be used; expected one of {', '.join(METHODS)}.")
    if (contact_angle is not None) != (method == "wetting"):
        raise InputError(
            f"contact_angle={contact_angle!r} with method={method!r}; expected an angle [rad] with "
            '"wetting", and only there.'
        )
    if profile is not None and method in ("wetting", "growth"):
        raise InputError(
            f'A profile does not go with method={method!r}; expected "contact", "closing" or '
            '"film".'
        )
    common: dict[str, Any] = {"active_material": active_material, "pore": pore, "rng": rng}
    if method == "growth":
        there = structure.volume_fraction(BINDER) if BINDER in structure.phases else 0.0
        return grow_binder(structure, until=there + volume_fraction, **common).placement()
    if method == "wetting":
        assert contact_angle is not None
        return binder_by_wetting(
            structure, volume_fraction=volume_fraction, contact_angle=contact_angle, **common
        )
    if method == "contact":
        return binder_at_contacts(
            structure, volume_fraction=volume_fraction, profile=profile, **common
        )
    place = binder_by_closing if method == "closing" else binder_film
    return place(structure, volume_fraction=volume_fraction, profile=profile, **common)
