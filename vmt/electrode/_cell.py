"""A half cell from a structure: lithium | separator | electrode | current collector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from vmt.electrode._materials import ParameterSet
from vmt.electrode._parameter_sets import parameter_set
from vmt.errors import InputError, NotPercolatingError
from vmt.kernels.components import connected_to
from vmt.kernels.electrode import Kind, Network, build_network
from vmt.microstructure import Microstructure

__all__ = ["CleanUp", "HalfCell", "Role"]

Role = Literal[
    "pore", "active_material", "binder", "dense_binder", "porous_active_material", "inert"
]
AreaMode = Literal["normal", "voxel", "global"]
FARADAY = 96485.33212

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
_CODES: dict[str, int] = {
    "pore": _PORE,
    "active_material": _ACTIVE,
    "binder": _BINDER,
    "dense_binder": _DENSE,
    "porous_active_material": _POROUS,
    "inert": _INERT,
}
_DENSE_TRANSPORT, _DENSE_ELECTRONS = 0.1, 2.0


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


@dataclass(frozen=True, eq=False)
class HalfCell:
    """Lithium | separator | electrode | current collector.

    Parameters
    ----------
    structure : Microstructure
        The electrode; index 0 of axis 0 is at the separator.
    parameters : ParameterSet or str
        Materials, or the name of a set.
    phases : mapping of str to str, optional
        Role of each phase by its name: "pore", "active_material", "binder", "dense_binder"
        (0.1 of the binder's γ, twice its conductivity), "porous_active_material" or "inert".
        Phases with these names, "solid" (active material) and "cbd" need none.
    embedding : int
        Last layers of the electrode whose pores the collector fills.
    area_mode : {"normal", "voxel", "global"}
        What the face of a voxel counts as reacting area: its share of the smooth surface behind
        it, its own area (which is 3/2 of a smooth surface's at every resolution), or 2/3 of it.
    periodic : (bool, bool)
        Whether the sides normal to y and z continue on the other side; closed by default.
    reacts_at_separator : bool
        Whether active material reacts on faces to the separator.

    Raises
    ------
    InputError
        If a phase has no role, or none is active material or holds electrolyte.
    NotPercolatingError
        If no electrolyte or no electron path exists, or nothing reacts.

    Examples
    --------
    >>> labels = np.zeros((8, 4, 1), np.uint8)
    >>> labels[:, 2:] = 1
    >>> cell = HalfCell(Microstructure(labels, 1e-6), "nmc811-chen2020")
    >>> round(cell.areal_capacity / 36000, 4)  # mA h/cm²
    0.4939
    """

    structure: Microstructure
    parameters: ParameterSet | str = "nmc811-oregan2022"
    phases: Mapping[str, str] | None = None
    embedding: int = 0
    area_mode: AreaMode = "normal"
    periodic: tuple[bool, bool] = (False, False)
    reacts_at_separator: bool = True
    clean_up: CleanUp = field(init=False)

    def __post_init__(self) -> None:
        if isinstance(self.parameters, str):
            object.__setattr__(self, "parameters", parameter_set(self.parameters))
        if self.area_mode not in get_args(AreaMode):
            raise InputError(
                f"area_mode = {self.area_mode!r}; expected one of {', '.join(get_args(AreaMode))}."
            )
        if not 0 <= self.embedding <= self.structure.shape[0]:
            raise InputError(
                f"embedding = {self.embedding!r}; expected 0 to {self.structure.shape[0]} layers."
            )
        cells, report = self._assemble()
        object.__setattr__(self, "_cells", cells)
        object.__setattr__(self, "clean_up", report)

    _cells: npt.NDArray[np.uint8] = field(init=False, repr=False)

    @property
    def materials(self) -> ParameterSet:
        """The materials."""
        assert not isinstance(self.parameters, str)
        return self.parameters

    @property
    def cells(self) -> npt.NDArray[np.uint8]:
        """Kind of each voxel of the separator and the electrode."""
        return self._cells

    @property
    def separator_layers(self) -> int:
        """Layers of voxels in front of the electrode."""
        return int(self._cells.shape[0] - self.structure.shape[0])

    @property
    def cross_section(self) -> float:
        """Area normal to the current [m²]."""
        return self.structure.size[1] * self.structure.size[2]

    def _roles(self) -> npt.NDArray[np.uint8]:
        given = dict(self.phases or {})
        for name in given:
            self.structure.label_of(name)
        code = np.full(256, _INERT, np.uint8)
        for name, label in self.structure.phases.items():
            role = given.get(name, _KNOWN.get(name))
            if role not in _CODES:
                raise InputError(
                    f"The phase {name!r} has no role in the cell; give one as phases={{{name!r}: "
                    f"'active_material'}} (roles: {', '.join(_CODES)})."
                )
            if role == "porous_active_material" and self.materials.porous is None:
                raise InputError(
                    "The parameters hold no porous active material; give one with "
                    "dataclasses.replace(parameters, porous=PorousActiveMaterial(...))."
                )
            code[label] = _CODES[role]
        return code

    def _assemble(self) -> tuple[npt.NDArray[np.uint8], CleanUp]:
        roles = self._roles()
        thickness = self.materials.separator.thickness
        layers = max(round(thickness / self.structure.spacing[0]), 1)
        shape = self.structure.shape
        cells = np.empty((layers + shape[0], *shape[1:]), np.uint8)
        cells[:layers] = _SEPARATOR
        np.take(roles, self.structure.labels, out=cells[layers:])
        body = cells[layers:]
        if not np.isin(body, (_ACTIVE, _POROUS)).any():
            raise InputError(
                "The structure has no active material; name the phase that is with "
                "phases={'NAME': 'active_material'}."
            )
        if self.embedding:
            last = body[-self.embedding :]
            last[last == _PORE] = _COLLECTOR
        stores = np.isin(body, (_ACTIVE, _POROUS))
        active = int(stores.sum())
        wet = np.isin(cells, (_PORE, _BINDER, _DENSE, _SEPARATOR, _POROUS))
        front = np.zeros(cells.shape, bool)
        front[0] = wet[0]
        dry = wet & ~connected_to(wet, front, self.periodic)
        lost_pores = int((dry & (cells == _PORE)).sum())
        lost_wetting = int((dry & np.isin(cells, (_BINDER, _DENSE))).sum())
        cells[dry & (cells == _PORE)] = _INERT
        cells[dry & np.isin(cells, (_BINDER, _DENSE))] = _DRY_BINDER
        cells[dry & (cells == _POROUS)] = _INERT
        solid = np.isin(cells, (_ACTIVE, _BINDER, _DENSE, _DRY_BINDER, _POROUS, _COLLECTOR))
        back = np.zeros(cells.shape, bool)
        back[-1] = solid[-1]
        back |= cells == _COLLECTOR
        floating = solid & ~connected_to(solid, back, self.periodic)
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
        wetted = _beside(stores, np.isin(cells, _liquid_codes(self.reacts_at_separator)))
        wetted |= cells == _POROUS
        unwetted = stores & ~connected_to(stores, wetted & stores, self.periodic)
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

    @property
    def kinds(self) -> list[Kind]:
        """What the kinds of voxels hold, by code."""
        m = self.materials
        binder, separator = m.binder, m.separator
        kinds = [Kind() for _ in range(11)]
        kinds[_PORE] = Kind(porosity=1.0, transport=1.0, reacting=1.0)
        kinds[_ACTIVE] = Kind(electrons=1.0, active=1.0)
        share = binder.porosity
        kinds[_BINDER] = Kind(share, binder.transport, binder.conductivity, reacting=share)
        dense = _DENSE_TRANSPORT * binder.transport
        kinds[_DENSE] = Kind(share, dense, _DENSE_ELECTRONS * binder.conductivity, reacting=share)
        kinds[_LOOSE_BINDER] = Kind(share, binder.transport, reacting=share)
        kinds[_LOOSE_DENSE] = Kind(share, dense, reacting=share)
        kinds[_DRY_BINDER] = Kind(electrons=binder.conductivity)
        reacting = separator.porosity if self.reacts_at_separator else 0.0
        kinds[_SEPARATOR] = Kind(separator.porosity, separator.factor, reacting=reacting)
        kinds[_COLLECTOR] = Kind(collector=True)
        if m.porous is not None:
            p = m.porous
            kinds[_POROUS] = Kind(
                p.porosity, p.pore_factor, p.solid_factor, 1 - p.porosity, p.solid_factor,
                surface=p.surface,
            )  # fmt: skip
        return kinds

    @cached_property
    def _network(self) -> Network:
        return build_network(
            self.cells,
            self.structure.spacing,
            self.kinds,
            lithium_area=self.materials.lithium.area_factor,
            periodic=self.periodic,
            area_mode=self.area_mode,
        )

    def network(self) -> Network:
        """Unknowns and links, made once."""
        return self._network

    @property
    def active_volume(self) -> float:
        """Active material that is connected, in all its voxels [m³]."""
        porous = self.materials.porous
        dense = int((self.cells == _ACTIVE).sum())
        mixed = int((self.cells == _POROUS).sum()) * (1 - porous.porosity if porous else 0.0)
        return float((dense + mixed) * np.prod(self.structure.spacing))

    @property
    def areal_capacity(self) -> float:
        """Charge from the initial stoichiometry to a full connected material [C/m²]."""
        a = self.materials.active_material
        room = a.maximum_concentration * (1 - a.initial_stoichiometry)
        return FARADAY * room * self.active_volume / self.cross_section

    def current_density(self, c_rate: float) -> float:
        """Current density that passes the areal capacity in 1/c_rate hours [A/m²]."""
        return c_rate * self.areal_capacity / 3600

    def to_dict(self) -> dict[str, Any]:
        """What the cell is."""
        return {
            "parameters": self.materials.name,
            "area mode": self.area_mode,
            "separator thickness [m]": self.separator_layers * self.structure.spacing[0],
            "embedding [voxels]": self.embedding,
            "areal capacity [C/m²]": self.areal_capacity,
            **{f"clean-up: {k}": v for k, v in self.clean_up.to_dict().items()},
        }


_LOOSE_BINDER, _LOOSE_DENSE = 9, 10


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
