"""Fields of a cell at one time: in memory, or in the store of a run and read when asked for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.electrode import _assembly as cells
from vmt.electrode._cell import AnyCell
from vmt.electrode._flux_maps import Fluxes
from vmt.electrode._sections import draw_section
from vmt.errors import InputError
from vmt.io import FieldStore, StoredArray, write_fields

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FIELDS", "Layout", "Snapshot", "read_fields"]

Field = npt.NDArray[np.float32]
STORE = "fields.zarr"
#: fields and their units
FIELDS = MappingProxyType(
    {"stoichiometry": "1", "salt": "mol/m³", "solid_potential": "V", "liquid_potential": "V"}
)
#: what a voxel is, for pictures and files
PHASES = MappingProxyType(
    {"pore": 0, "active_material": 1, "binder": 2, "separator": 3, "collector": 4, "inert": 5}
)
_PHASE_OF = {
    cells._PORE: "pore",
    cells._ACTIVE: "active_material",
    cells._POROUS: "active_material",
    cells._BINDER: "binder",
    cells._DENSE: "binder",
    cells._DRY_BINDER: "binder",
    cells._LOOSE_BINDER: "binder",
    cells._LOOSE_DENSE: "binder",
    cells._SEPARATOR: "separator",
    cells._COLLECTOR: "collector",
    cells._INERT: "inert",
}


@dataclass(frozen=True, eq=False)
class Layout:
    """What is where in a cell.

    Attributes
    ----------
    phase : (nx, ny, nz) array of uint8
        Of separator and electrode, lithium or the counter electrode's collector at index 0.
    spacing : (dx, dy, dz)
        Of the voxels [m].
    separator_layers : int
        Planes of voxels in front of the working electrode.
    phases : mapping of str to int
        Names of the phases.
    counter_layers : int
        Planes of a counter electrode in front of the separator; 0 against lithium.
    """

    phase: npt.NDArray[np.uint8]
    spacing: tuple[float, float, float]
    separator_layers: int
    phases: Mapping[str, int]
    counter_layers: int = 0

    @classmethod
    def of(cls, cell: AnyCell) -> Layout:
        """Read it from a cell."""
        table = np.full(256, PHASES["inert"], np.uint8)
        for code, name in _PHASE_OF.items():
            table[code] = table[code + cells.COUNTER] = PHASES[name]
        phase = table[cell.cells]
        phase.flags.writeable = False
        return cls(phase, cell.spacing, cell.separator_layers, PHASES, cell.counter_layers)

    def __reduce__(self) -> tuple[Any, ...]:
        phase = np.asarray(self.phase)
        names = dict(self.phases)
        return type(self), (phase, self.spacing, self.separator_layers, names, self.counter_layers)


@dataclass(frozen=True, eq=False)
class Snapshot:
    """Fields at one time, of the separator and the electrode; NaN where they do not exist.

    Fields of a run with a directory stay in its store: each is read when it is asked for, a
    picture reads its own slice.

    Attributes
    ----------
    time : float
        [s]
    voltage : float
        [V]
    current_density : float
        At the terminal [A/m²].
    capacity : float
        Charge passed until then [C/m²].
    step : int
        Number of the protocol's step.
    layout : Layout
        What is where.
    """

    time: float
    voltage: float
    current_density: float
    capacity: float
    step: int
    layout: Layout
    fields: Mapping[str, Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "fields", MappingProxyType(dict(self.fields)))

    def __reduce__(self) -> tuple[Any, ...]:
        values = (self.time, self.voltage, self.current_density, self.capacity, self.step)
        return type(self), (*values, self.layout, dict(self.fields))

    @property
    def stoichiometry(self) -> Field:
        """Lithium per host in the active material, (nx, ny, nz)."""
        return np.asarray(self.fields["stoichiometry"])

    @property
    def salt(self) -> Field:
        """Salt concentration per volume of pore [mol/m³], (nx, ny, nz)."""
        return np.asarray(self.fields["salt"])

    @property
    def solid_potential(self) -> Field:
        """Potential of active material and binder [V], (nx, ny, nz)."""
        return np.asarray(self.fields["solid_potential"])

    @property
    def liquid_potential(self) -> Field:
        """Potential of the electrolyte against lithium [V], (nx, ny, nz)."""
        return np.asarray(self.fields["liquid_potential"])

    def fluxes(self) -> Fluxes:
        """Current densities, lithium flux and local reaction of a run with ``fluxes=True``.

        Raises
        ------
        InputError
            If the run did not keep them.
        """
        if "ionic" not in self.fields:
            raise InputError(
                "This run kept no fluxes; give fluxes=True (--fluxes): they need potentials of "
                "full precision, which only the run has."
            )
        return Fluxes(self.layout, self.current_density, self.time, self.fields)

    def to_dict(self) -> dict[str, float]:
        """Numbers, units in the keys."""
        return {
            "time [s]": self.time,
            "voltage [V]": self.voltage,
            "current density [A/m²]": self.current_density,
            "capacity [mA h/cm²]": self.capacity / 36000,
        }

    def write_vti(self, path: str | os.PathLike[str]) -> None:
        """Write phases, fields and kept fluxes for ParaView.

        Parameters
        ----------
        path : path
            The file, ``.vti``.
        """
        made = {"phase": np.asarray(self.layout.phase)}
        made |= {name.replace("_", " "): np.asarray(self.fields[name]) for name in FIELDS}
        if "ionic" in self.fields:
            made |= self.fluxes().volumes()
        write_fields(made, self.layout.spacing, path)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        field: str = "stoichiometry",
        index: int | None = None,
        axis: int = 2,
        limits: tuple[float, float] | None = None,
    ) -> Axes:
        """Draw a field on a slice, in the colors of the phases where it does not exist.

        Lithium, or the collector of the counter electrode, is at the left.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new ones if not given.
        field : str
            "stoichiometry", "salt", "solid_potential" or "liquid_potential".
        index : int, optional
            Which slice; the middle one by default.
        axis : {1, 2}
            Normal of the slice.
        limits : (float, float), optional
            Ends of the colors; those of the slice by default.

        Raises
        ------
        InputError
            If there is no such field or slice.
        """
        if field not in FIELDS:
            raise InputError(f"field = {field!r}; expected one of {', '.join(FIELDS)}.")
        unit = "" if field == "stoichiometry" else f" [{FIELDS[field]}]"
        return draw_section(
            ax,
            self.layout,
            self.fields[field],
            axis=axis,
            index=index,
            limits=limits,
            label=field.replace("_", " ").replace("salt", "salt concentration") + unit,
            title=f"{self.time:.0f} s, {self.voltage:.3f} V",
            cmap="viridis" if field in ("stoichiometry", "salt") else "plasma",
        )


def read_fields(path: str | os.PathLike[str]) -> tuple[Snapshot, ...]:
    """Read the fields that a run has kept so far; the run may be going on.

    Only times and shapes are read; fields follow when they are asked for.

    Parameters
    ----------
    path : path
        The run's directory, that of ``vmt discharge``, or the store ``fields.zarr`` itself.

    Raises
    ------
    InputError
        If no fields are there, or a newer vmt wrote them.

    Examples
    --------
    >>> import tempfile
    >>> from vmt import HalfCell, Microstructure, discharge
    >>> labels = np.zeros((8, 2, 1), np.uint8)
    >>> labels[:, 1] = 1
    >>> cell = HalfCell(Microstructure(labels, 5e-6), "nmc532-xu2019")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = discharge(cell, 20.0, cutoff_voltage=3.5, keep=[0.2], directory=f"{folder}/run")
    ...     kept = read_fields(f"{folder}/run")
    >>> len(kept), round(kept[-1].voltage, 2)
    (2, 3.5)
    """
    given = Path(path)
    found = [p for p in (given, given / STORE, given / "run" / STORE) if p.name == STORE]
    found = [p for p in (*found, given) if (p / "zarr.json").is_file()]
    if not found:
        raise InputError(
            f"{str(path)!r} holds no fields; expected the directory of a run, or its {STORE}."
        )
    return stored_snapshots(FieldStore(found[0]))


def stored_snapshots(store: FieldStore) -> tuple[Snapshot, ...]:
    """Snapshots of a store, in order."""
    held = store.attributes()
    phase = store.arrays().get("phase")
    try:
        spacing = tuple(float(d) for d in held["spacing [m]"])
        phases = {str(name): int(code) for name, code in held["phases"].items()}
        if phase is None or len(spacing) != 3 or len(phase.shape) != 3:
            raise ValueError("no phases")
        layout = Layout(
            np.asarray(phase), (spacing[0], spacing[1], spacing[2]),
            int(held["separator layers"]), phases, int(held["counter layers"]),
        )  # fmt: skip
        return tuple(_stored(store, name, layout) for name in store.groups())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{str(store.path)!r} is no whole store of fields: {error}.") from error


def _stored(store: FieldStore, group: str, layout: Layout) -> Snapshot:
    at = store.attributes(group)
    arrays: dict[str, StoredArray] = store.arrays(group)
    missing = [n for n in FIELDS if n not in arrays or arrays[n].shape != layout.phase.shape]
    if missing:
        raise ValueError(f"group {group} lacks {', '.join(missing)}")
    return Snapshot(
        float(at["time [s]"]),
        float(at["voltage [V]"]),
        float(at["current density [A/m²]"]),
        float(at["capacity [C/m²]"]),
        int(at["step"]),
        layout,
        arrays,
    )
