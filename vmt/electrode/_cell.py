"""Cells from structures: half cells, symmetric cells, and any two electrodes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from vmt.electrode._assembly import COUNTER, CleanUp, active_voxels, assemble, kinds_of
from vmt.electrode._electrode import Electrode
from vmt.electrode._materials import LithiumMetal, ParameterSet
from vmt.electrode._parameter_sets import parameter_set
from vmt.errors import InputError
from vmt.kernels.electrode import Kind, Network, build_network
from vmt.microstructure import Microstructure

__all__ = ["AnyCell", "AreaMode", "Arrangement", "Cell", "HalfCell", "SymmetricCell"]

Codes = npt.NDArray[np.uint8]
AreaMode = Literal["normal", "voxel", "global"]
Arrangement = Literal["mirrored", "translated"]
FARADAY = 96485.33212


class AnyCell(ABC):
    """What all cells have: a working electrode, a separator, and what stands against it.

    The potential of the terminal is that of the working electrode's collector. It counts from
    lithium, or from the collector of the counter electrode. Positive current lithiates the working
    electrode.
    """

    area_mode: AreaMode
    periodic: tuple[bool, bool]
    reacts_at_separator: bool
    clean_up: CleanUp
    counter_clean_up: CleanUp | None
    _cells: Codes

    @property
    @abstractmethod
    def _sides(self) -> tuple[Electrode, Electrode | None]:
        """The working electrode, and the counter electrode unless that is lithium."""

    @property
    @abstractmethod
    def materials(self) -> ParameterSet:
        """The materials of the cell and of its working electrode."""

    @property
    def counter_materials(self) -> ParameterSet | None:
        """The materials of the cell and of its counter electrode; None if that is lithium."""
        return None

    def _make(self) -> None:
        """Check and assemble."""
        if self.area_mode not in get_args(AreaMode):
            raise InputError(
                f"area_mode = {self.area_mode!r}; expected one of {', '.join(get_args(AreaMode))}."
            )
        working, counter = self._sides
        cells, report = self._assemble(working, self.materials)
        told = None
        if counter is not None:
            ours, theirs = working.structure, counter.structure
            if ours.shape[1:] != theirs.shape[1:] or ours.spacing != theirs.spacing:
                raise InputError(
                    f"The counter electrode has {_size(theirs)} and the working electrode "
                    f"{_size(ours)}; both need the same voxels and the same cross-section. Crop or "
                    "resample one of them."
                )
            assert self.counter_materials is not None
            other, told = self._assemble(counter, self.counter_materials)
            body = other[other.shape[0] - theirs.shape[0] :]
            cells = np.concatenate([body[::-1] + np.uint8(COUNTER), cells])
            cells.flags.writeable = False
        object.__setattr__(self, "_cells", cells)
        object.__setattr__(self, "clean_up", report)
        object.__setattr__(self, "counter_clean_up", told)

    def _assemble(self, electrode: Electrode, materials: ParameterSet) -> tuple[Codes, CleanUp]:
        return assemble(
            electrode.structure,
            electrode.phases,
            porous=materials.porous is not None,
            embedding=electrode.embedding,
            layers=max(round(materials.separator.thickness / electrode.structure.spacing[0]), 1),
            periodic=self.periodic,
            reacts_at_separator=self.reacts_at_separator,
        )

    @property
    def cells(self) -> Codes:
        """Kind of each voxel: counter electrode, if any, then separator, then working electrode."""
        return self._cells

    @property
    def counter_layers(self) -> int:
        """Layers of voxels of the counter electrode; 0 for lithium."""
        counter = self._sides[1]
        return 0 if counter is None else counter.structure.shape[0]

    @property
    def separator_layers(self) -> int:
        """Layers of voxels of the separator."""
        working = self._sides[0].structure.shape[0]
        return int(self._cells.shape[0] - working - self.counter_layers)

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Edges of a voxel [m]."""
        return self._sides[0].structure.spacing

    @property
    def cross_section(self) -> float:
        """Area normal to the current [m²]."""
        size = self._sides[0].structure.size
        return size[1] * size[2]

    @property
    def kinds(self) -> list[Kind]:
        """What the kinds of voxels hold, by code."""
        m, other = self.materials, self.counter_materials
        reacts = self.reacts_at_separator
        found = kinds_of(m.binder, m.separator, m.porous, reacts_at_separator=reacts)
        if other is not None:
            found += [Kind()] * (COUNTER - len(found))
            found += kinds_of(
                other.binder, m.separator, other.porous, reacts_at_separator=reacts, ground=True
            )
        return found

    @cached_property
    def _network(self) -> Network:
        two = self.counter_materials is not None
        return build_network(
            self.cells,
            self.spacing,
            self.kinds,
            lithium=not two,
            lithium_area=self.materials.lithium.area_factor,
            ground_plane=two,
            periodic=self.periodic,
            area_mode=self.area_mode,
            split=self.counter_layers,
        )

    def network(self) -> Network:
        """Unknowns and links, made once."""
        return self._network

    @property
    def active_volume(self) -> float:
        """Active material of the working electrode that is connected, in all its voxels [m³]."""
        voxels = active_voxels(self.cells, self.materials.porous, counter=False)
        return float(voxels * np.prod(self.spacing))

    @property
    def counter_active_volume(self) -> float:
        """The same of the counter electrode; 0 for lithium [m³]."""
        other = self.counter_materials
        if other is None:
            return 0.0
        return float(active_voxels(self.cells, other.porous, counter=True) * np.prod(self.spacing))

    @property
    def areal_capacity(self) -> float:
        """Charge that a positive current can pass from the start [C/m²].

        Until the connected material of the working electrode is full or, against another electrode,
        that of the counter electrode is empty, whichever comes first.
        """
        a, other = self.materials.active_material, self.counter_materials
        room = a.maximum_concentration * (1 - a.initial_stoichiometry)
        passed = FARADAY * room * self.active_volume / self.cross_section
        if other is None:
            return passed
        b = other.active_material
        held = b.maximum_concentration * b.initial_stoichiometry
        return min(passed, FARADAY * held * self.counter_active_volume / self.cross_section)

    def current_density(self, c_rate: float) -> float:
        """Current density that passes the areal capacity in 1/c_rate hours [A/m²]."""
        return c_rate * self.areal_capacity / 3600

    @property
    def start_voltage(self) -> float:
        """Voltage of the terminal at rest, before anything has passed [V]."""
        a, other = self.materials.active_material, self.counter_materials
        start = float(a.open_circuit_potential(a.initial_stoichiometry))
        if other is None:
            return start
        b = other.active_material
        return start - float(b.open_circuit_potential(b.initial_stoichiometry))

    @property
    def cutoff_voltage(self) -> float | None:
        """Where a discharge ends by default [V]; None if the cell has no such voltage."""
        return self.materials.cutoff_voltage

    def to_dict(self) -> dict[str, Any]:
        """What the cell is."""
        working, counter = self._sides
        told: dict[str, Any] = {
            "parameters": self.materials.name,
            "area mode": self.area_mode,
            "separator thickness [m]": self.separator_layers * self.spacing[0],
            "embedding [voxels]": working.embedding,
            "areal capacity [C/m²]": self.areal_capacity,
            **{f"clean-up: {k}": v for k, v in self.clean_up.to_dict().items()},
        }
        if counter is not None:
            assert self.counter_clean_up is not None
            assert self.counter_materials is not None
            told["counter electrode [m]"] = self.counter_layers * self.spacing[0]
            told["counter embedding [voxels]"] = counter.embedding
            for name, materials in (("", self.materials), ("counter ", self.counter_materials)):
                start = materials.active_material.initial_stoichiometry
                told[f"{name}initial stoichiometry"] = start
            for k, v in self.counter_clean_up.to_dict().items():
                told[f"counter clean-up: {k}"] = v
        return told


def _size(structure: Microstructure) -> str:
    counts = " × ".join(str(n) for n in structure.shape[1:])
    edges = " × ".join(f"{d * 1e6:.4g}" for d in structure.spacing)
    return f"{counts} voxels of {edges} µm across"


def _parameters(given: ParameterSet | str) -> ParameterSet:
    return parameter_set(given) if isinstance(given, str) else given


@dataclass(frozen=True, eq=False)
class HalfCell(AnyCell):
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
    counter_clean_up: None = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", _parameters(self.parameters))
        self._make()

    _cells: Codes = field(init=False, repr=False)

    @property
    def _sides(self) -> tuple[Electrode, Electrode | None]:
        return Electrode(self.structure, self.phases, self.embedding), None

    @property
    def materials(self) -> ParameterSet:
        """The materials."""
        assert not isinstance(self.parameters, str)
        return self.parameters


@dataclass(frozen=True, eq=False)
class Cell(AnyCell):
    """Counter electrode | separator | working electrode, with a collector behind each.

    Electrolyte, separator and temperature are those of `parameters`; active material, binder and
    porous active material, too, unless an electrode brings its own. In the voxels the counter
    electrode comes first, turned around, so that both electrodes face the separator with index 0
    of their structures.

    Parameters
    ----------
    working : Electrode or Microstructure
        What a positive current lithiates; a structure alone stands for its electrode.
    counter : Electrode, Microstructure, LithiumMetal or None
        What stands against it; None for the lithium of the parameters, which is a half cell.
    parameters : ParameterSet or str
        Materials, or the name of a set. Its `cutoff_voltage` is where a discharge ends.
    area_mode, periodic, reacts_at_separator
        As in `HalfCell`, for both electrodes.

    Raises
    ------
    InputError
        If a phase has no role, none is active material, the electrodes differ in voxels or
        cross-section, or a stoichiometry lies outside its material's range.
    NotPercolatingError
        If in one electrode no electrolyte or no electron path exists, or nothing reacts.

    Notes
    -----
    The voltage is the potential of the working electrode's collector over that of the counter
    electrode's, U(working) − U(counter) at rest. Positive current lithiates the working electrode
    and delithiates the other: it discharges a cell whose working electrode is the cathode. The
    areal capacity is what a positive current can pass until the working electrode is full or the
    counter electrode is empty; C-rates and `keep` count in it. Lithium is conserved when what
    electrolyte and both electrodes hold stays the same, for nothing comes from a metal.

    Examples
    --------
    A cathode against an anode with laws of one's own:

    >>> from vmt.electrode import ActiveMaterial, ExchangeCurrent
    >>> labels = np.zeros((8, 4, 1), np.uint8)
    >>> labels[:, 2:] = 1
    >>> plates = Microstructure(labels, 1e-6)
    >>> graphite = ActiveMaterial(lambda x: 0.6 * np.exp(-30 * x) + 0.1, 100.0, 3e-14, 30000.0,
    ...                           0.9, ExchangeCurrent.standard(6e-7))
    >>> cell = Cell(Electrode(plates), Electrode(plates, active_material=graphite),
    ...             "nmc811-chen2020")
    >>> round(cell.start_voltage, 2)
    4.17
    """

    working: Electrode | Microstructure
    counter: Electrode | Microstructure | LithiumMetal | None = None
    parameters: ParameterSet | str = "nmc811-oregan2022"
    area_mode: AreaMode = "normal"
    periodic: tuple[bool, bool] = (False, False)
    reacts_at_separator: bool = True
    clean_up: CleanUp = field(init=False)
    counter_clean_up: CleanUp | None = field(init=False)

    def __post_init__(self) -> None:
        for name in ("working", "counter"):
            given = getattr(self, name)
            if isinstance(given, Microstructure):
                object.__setattr__(self, name, Electrode(given))
        if not isinstance(self.working, Electrode):
            raise InputError(
                f"working = {type(self.working).__name__}; expected an Electrode or a "
                "Microstructure. For lithium as the counter electrode leave counter out."
            )
        if not isinstance(self.counter, Electrode | LithiumMetal | None):
            raise InputError(
                f"counter = {type(self.counter).__name__}; expected an Electrode, a "
                "Microstructure, LithiumMetal or None."
            )
        object.__setattr__(self, "parameters", _parameters(self.parameters))
        self._make()

    _cells: Codes = field(init=False, repr=False)

    @property
    def _sides(self) -> tuple[Electrode, Electrode | None]:
        assert isinstance(self.working, Electrode)
        return self.working, self.counter if isinstance(self.counter, Electrode) else None

    @cached_property
    def materials(self) -> ParameterSet:
        """The materials of the cell and of its working electrode."""
        assert isinstance(self.parameters, ParameterSet)
        made = self._sides[0].materials(self.parameters)
        if isinstance(self.counter, LithiumMetal):
            made = replace(made, lithium=self.counter)
        return made

    @cached_property
    def counter_materials(self) -> ParameterSet | None:
        """The materials of the cell and of its counter electrode; None if that is lithium."""
        assert isinstance(self.parameters, ParameterSet)
        counter = self._sides[1]
        return None if counter is None else counter.materials(self.parameters)


@dataclass(frozen=True, eq=False)
class SymmetricCell(AnyCell):
    """Collector | electrode | separator | the same electrode | collector.

    Parameters
    ----------
    structure : Microstructure
        The electrode; index 0 of axis 0 is at the separator.
    parameters : ParameterSet or str
        Materials, or the name of a set.
    arrangement : {"mirrored", "translated"}
        Whether the counter electrode is the mirror image, facing the separator with index 0 as the
        working electrode does, or a copy that was only moved, whose last index is at the separator.
    phases, embedding, area_mode, periodic, reacts_at_separator
        As in `HalfCell`, for both electrodes.
    initial_stoichiometry : float, optional
        Where both electrodes start, instead of at the one of the parameters.

    Raises
    ------
    InputError
        If a phase has no role, none is active material or holds electrolyte, or the stoichiometry
        lies outside its material's range.
    NotPercolatingError
        If no electrolyte or no electron path exists, or nothing reacts.

    Notes
    -----
    At rest the voltage is 0. It is the potential of the working electrode's collector (the last
    index) over that of the counter electrode's, and negative while a positive current lithiates
    the working electrode and delithiates the other. The areal capacity is what can pass until one
    electrode is full or the other is empty, the lesser of 1 − x and x at the start; C-rates and
    `keep` count in it. There is no cut-off voltage by default. Lithium is conserved when what
    electrolyte and both electrodes hold stays the same, for nothing comes from a metal.

    The setup is that of the symmetric cells in Prasad et al. (2024), section 3.2.2.

    Examples
    --------
    >>> labels = np.zeros((8, 4, 1), np.uint8)
    >>> labels[:, 2:] = 1
    >>> structure = Microstructure(labels, 1e-6)
    >>> cell = SymmetricCell(structure, "nmc811-chen2020", initial_stoichiometry=0.5)
    >>> cell.start_voltage, cell.cells.shape
    (0.0, (26, 4, 1))
    """

    structure: Microstructure
    parameters: ParameterSet | str = "nmc811-oregan2022"
    arrangement: Arrangement = "mirrored"
    phases: Mapping[str, str] | None = None
    embedding: int = 0
    initial_stoichiometry: float | None = None
    area_mode: AreaMode = "normal"
    periodic: tuple[bool, bool] = (False, False)
    reacts_at_separator: bool = True
    clean_up: CleanUp = field(init=False)
    counter_clean_up: CleanUp = field(init=False)

    def __post_init__(self) -> None:
        if self.arrangement not in get_args(Arrangement):
            raise InputError(
                f"arrangement = {self.arrangement!r}; expected one of "
                f"{', '.join(get_args(Arrangement))}."
            )
        object.__setattr__(self, "parameters", _parameters(self.parameters))
        self._make()

    _cells: Codes = field(init=False, repr=False)

    @cached_property
    def _sides(self) -> tuple[Electrode, Electrode | None]:
        start = self.initial_stoichiometry
        one = Electrode(self.structure, self.phases, self.embedding, initial_stoichiometry=start)
        if self.arrangement == "mirrored":
            return one, one
        turned = self.structure.with_labels(self.structure.labels[::-1])
        return one, replace(one, structure=turned)

    @cached_property
    def materials(self) -> ParameterSet:
        """The materials."""
        assert isinstance(self.parameters, ParameterSet)
        return self._sides[0].materials(self.parameters)

    @property
    def counter_materials(self) -> ParameterSet:
        """The materials, which are the same."""
        return self.materials

    @property
    def cutoff_voltage(self) -> None:
        """None: voltages of a symmetric cell lie on both sides of 0."""

    def to_dict(self) -> dict[str, Any]:
        """What the cell is."""
        return {**super().to_dict(), "arrangement": self.arrangement}
