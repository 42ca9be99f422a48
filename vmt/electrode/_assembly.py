"""From phases to kinds of voxels: roles, collectors, and the removal of what takes no part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from vmt.electrode._materials import Binder, PorousActiveMaterial, Separator
from vmt.errors import InputError, NotPercolatingError
from vmt.kernels.components import connected_to
from vmt.kernels.electrode import Kind
from vmt.microstructure import Microstructure

__all__ = ["COUNTER", "CleanUp", "Role", "active_voxels", "assemble", "kinds_of"]

Codes = npt.NDArray[np.uint8]

Role = Literal[
    "pore", "active_material", "binder", "dense_binder", "porous_active_material", "inert"
]

#: names that need no mapping
_KNOWN: dict[str, Role] = {
    "pore": "pore",
    "electrolyte": "pore",
    "active_material": "active_material",
    "active material": "active_material",
    "am": "active_material",
    "AM": "active_material",
    "solid": "active_material",
    "binder": "binder",
    "cbd": "binder",
    "CBD": "binder",
    "carbon_binder_domain": "binder",
    "dense_binder": "dense_binder",
    "porous_active_material": "porous_active_material",
    "inert": "inert",
}
(_PORE, _ACTIVE, _BINDER, _DENSE, _POROUS, _SEPARATOR, _COLLECTOR, _INERT, _DRY_BINDER) = range(9)
_LOOSE_BINDER, _LOOSE_DENSE, _COUNT = 9, 10, 11
_CODES: dict[str, int] = {
    "pore": _PORE,
    "active_material": _ACTIVE,
    "binder": _BINDER,
    "dense_binder": _DENSE,
    "porous_active_material": _POROUS,
    "inert": _INERT,
}
_DENSE_TRANSPORT, _DENSE_ELECTRONS = 0.1, 2.0

#: what is added to the codes of a counter electrode
COUNTER = 16


@dataclass(frozen=True)
class CleanUp:
    """What takes no part in a cell, as shares of the electrode's volume.

    Attributes
    ----------
    isolated_pores : float
        Pores without a path to the separator; they hold nothing.
    isolated_binder_pores : float
        Binder whose pores have no path; it conducts electrons all the same.
    floating_active_material, floating_binder : float
        Solids without a path to the collector; they are inert.
    unwetted_active_material : float
        Active material that is connected, but whose lithium no electrolyte reaches.
    lost_capacity : float
        Share of the active material that this takes out.
    """

    isolated_pores: float
    isolated_binder_pores: float
    floating_active_material: float
    floating_binder: float
    unwetted_active_material: float
    lost_capacity: float

    def to_dict(self) -> dict[str, float]:
        """Shares by name."""
        return {f"{name.replace('_', ' ')}": value for name, value in vars(self).items()}


def _roles(structure: Microstructure, phases: Mapping[str, str] | None, porous: bool) -> Codes:
    """Code of each label."""
    given = dict(phases or {})
    for name in given:
        structure.label_of(name)
    code = np.full(256, _INERT, np.uint8)
    for name, label in structure.phases.items():
        role = given.get(name, _KNOWN.get(name))
        if role not in _CODES:
            raise InputError(
                f"The phase {name!r} has no role in the cell; give one as phases={{{name!r}: "
                f"'active_material'}} (roles: {', '.join(_CODES)})."
            )
        if role == "porous_active_material" and not porous:
            raise InputError(
                "The parameters hold no porous active material; give one with "
                "dataclasses.replace(parameters, porous=PorousActiveMaterial(...))."
            )
        code[label] = _CODES[role]
    return code


def assemble(
    structure: Microstructure,
    phases: Mapping[str, str] | None,
    *,
    porous: bool,
    embedding: int,
    layers: int,
    periodic: tuple[bool, bool],
    reacts_at_separator: bool,
) -> tuple[Codes, CleanUp]:
    """Put an electrode behind layers of separator and remove what takes no part.

    Returns
    -------
    (layers + nx, ny, nz) array of uint8
        Kind of each voxel.
    CleanUp
        What was removed.

    Raises
    ------
    InputError, NotPercolatingError
        As for `HalfCell`.
    """
    if not 0 <= embedding <= structure.shape[0]:
        raise InputError(f"embedding = {embedding!r}; expected 0 to {structure.shape[0]} layers.")
    roles = _roles(structure, phases, porous)
    shape = structure.shape
    cells = np.empty((layers + shape[0], *shape[1:]), np.uint8)
    cells[:layers] = _SEPARATOR
    np.take(roles, structure.labels, out=cells[layers:])
    body = cells[layers:]
    if not np.isin(body, (_ACTIVE, _POROUS)).any():
        raise InputError(
            "The structure has no active material; name the phase that is with "
            "phases={'NAME': 'active_material'}."
        )
    if embedding:
        last = body[-embedding:]
        last[last == _PORE] = _COLLECTOR
    stores = np.isin(body, (_ACTIVE, _POROUS))
    active = int(stores.sum())
    wet = np.isin(cells, (_PORE, _BINDER, _DENSE, _SEPARATOR, _POROUS))
    front = np.zeros(cells.shape, bool)
    front[0] = wet[0]
    dry = wet & ~connected_to(wet, front, periodic)
    lost_pores = int((dry & (cells == _PORE)).sum())
    lost_wetting = int((dry & np.isin(cells, (_BINDER, _DENSE))).sum())
    cells[dry & (cells == _PORE)] = _INERT
    cells[dry & np.isin(cells, (_BINDER, _DENSE))] = _DRY_BINDER
    cells[dry & (cells == _POROUS)] = _INERT
    solid = np.isin(cells, (_ACTIVE, _BINDER, _DENSE, _DRY_BINDER, _POROUS, _COLLECTOR))
    back = np.zeros(cells.shape, bool)
    back[-1] = solid[-1]
    back |= cells == _COLLECTOR
    floating = solid & ~connected_to(solid, back, periodic)
    lost_active = int((floating & np.isin(cells, (_ACTIVE, _POROUS))).sum())
    lost_binder = int((floating & np.isin(cells, (_BINDER, _DENSE, _DRY_BINDER))).sum())
    if not back.any() or lost_active == active:
        raise NotPercolatingError(
            "No active material has a path for electrons to the current collector; check "
            "which end of axis 0 the separator is at, or add binder."
        )
    # pores of floating binder still carry ions: keep its electrolyte as pore of that transport
    cells[floating & np.isin(cells, (_ACTIVE, _POROUS, _DRY_BINDER))] = _INERT
    loose = floating & np.isin(cells, (_BINDER, _DENSE))
    cells[loose & (cells == _BINDER)] = _LOOSE_BINDER
    cells[loose & (cells == _DENSE)] = _LOOSE_DENSE
    stores = np.isin(cells, (_ACTIVE, _POROUS))
    wetted = _beside(stores, np.isin(cells, _liquid_codes(reacts_at_separator)))
    wetted |= cells == _POROUS
    unwetted = stores & ~connected_to(stores, wetted & stores, periodic)
    if not wetted.any():
        raise NotPercolatingError(
            "No electrolyte that the separator reaches touches active material: nothing can "
            "react; check which phase is the pore and which end of axis 0 the separator is at."
        )
    count = body.size
    lost_unwetted = int(unwetted.sum())
    kept = int(stores.sum()) - lost_unwetted
    report = CleanUp(
        lost_pores / count,
        lost_wetting / count,
        lost_active / count,
        lost_binder / count,
        lost_unwetted / count,
        1 - kept / active,
    )
    cells.flags.writeable = False
    return cells, report


def kinds_of(
    binder: Binder,
    separator: Separator,
    porous: PorousActiveMaterial | None,
    *,
    reacts_at_separator: bool,
    ground: bool = False,
) -> list[Kind]:
    """What the kinds of voxels hold, by code; `ground`: of a counter electrode."""
    kinds = [Kind() for _ in range(_COUNT)]
    kinds[_PORE] = Kind(porosity=1.0, transport=1.0, reacting=1.0)
    kinds[_ACTIVE] = Kind(electrons=1.0, active=1.0)
    share = binder.porosity
    kinds[_BINDER] = Kind(share, binder.transport, binder.conductivity, reacting=share)
    dense = _DENSE_TRANSPORT * binder.transport
    kinds[_DENSE] = Kind(share, dense, _DENSE_ELECTRONS * binder.conductivity, reacting=share)
    kinds[_LOOSE_BINDER] = Kind(share, binder.transport, reacting=share)
    kinds[_LOOSE_DENSE] = Kind(share, dense, reacting=share)
    kinds[_DRY_BINDER] = Kind(electrons=binder.conductivity)
    reacting = separator.porosity if reacts_at_separator else 0.0
    kinds[_SEPARATOR] = Kind(separator.porosity, separator.factor, reacting=reacting)
    kinds[_COLLECTOR] = Kind(collector=True, ground=ground)
    if porous is not None:
        kinds[_POROUS] = Kind(
            porous.porosity, porous.pore_factor, porous.solid_factor, 1 - porous.porosity,
            porous.solid_factor, surface=porous.surface,
        )  # fmt: skip
    return kinds


def active_voxels(cells: Codes, porous: PorousActiveMaterial | None, *, counter: bool) -> float:
    """Active material of one electrode in voxels' volumes."""
    shift = COUNTER if counter else 0
    dense = int((cells == _ACTIVE + shift).sum())
    mixed = int((cells == _POROUS + shift).sum()) * (1 - porous.porosity if porous else 0.0)
    return dense + mixed


def _liquid_codes(separator: bool) -> tuple[int, ...]:
    codes = (_PORE, _BINDER, _DENSE, _LOOSE_BINDER, _LOOSE_DENSE)
    return (*codes, _SEPARATOR) if separator else codes


def _beside(stores: npt.NDArray[np.bool_], wet: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Where a voxel of one set has a face to the other."""
    found = np.zeros(stores.shape, bool)
    for axis in range(3):
        one, two = [slice(None)] * 3, [slice(None)] * 3
        one[axis], two[axis] = slice(None, -1), slice(1, None)
        a, b = tuple(one), tuple(two)
        found[a] |= stores[a] & wet[b]
        found[b] |= stores[b] & wet[a]
    return found
