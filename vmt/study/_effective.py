"""Effective parameters of an electrode: what a homogenized model needs of a structure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from vmt.electrode import HalfCell
from vmt.errors import InputError, NotPercolatingError
from vmt.microstructure import Microstructure
from vmt.transport import effective_conductivity

__all__ = ["EffectiveElectrode", "effective_electrode", "require_half_cell"]


@dataclass(frozen=True)
class EffectiveElectrode:
    """Homogenized parameters of the electrode of a cell, from its own voxels.

    Attributes
    ----------
    thickness : float
        Of the electrode [m].
    porosity : float
        Volume of electrolyte over that of the electrode, pores of the binder included.
    ionic_transport : float
        Effective over free conductivity of the electrolyte, M; its tortuosity factor is porosity/M.
    electronic_conductivity : float
        Effective, of active material and binder together [S/m], at `stoichiometry`.
    active_fraction : float
        Volume of connected active material over that of the electrode.
    reactive_area : float
        Reacting area per volume of the electrode [1/m].
    stoichiometry : float
        Where the conductivity of the active material was taken.
    area_mode : str
        How the reacting area was counted.
    """

    thickness: float
    porosity: float
    ionic_transport: float
    electronic_conductivity: float
    active_fraction: float
    reactive_area: float
    stoichiometry: float
    area_mode: str

    @property
    def particle_radius(self) -> float:
        """Radius of the spheres with this area and volume, 3 ε_s/a [m]."""
        return 3 * self.active_fraction / self.reactive_area

    @property
    def tortuosity_factor(self) -> float:
        """Porosity over ionic transport."""
        return self.porosity / self.ionic_transport

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as JSON-ready values."""
        return {
            "thickness [m]": self.thickness,
            "porosity": self.porosity,
            "ionic_transport": self.ionic_transport,
            "tortuosity_factor": self.tortuosity_factor,
            "electronic_conductivity [S/m]": self.electronic_conductivity,
            "active_fraction": self.active_fraction,
            "reactive_area [1/m]": self.reactive_area,
            "particle_radius [m]": self.particle_radius,
            "stoichiometry": self.stoichiometry,
            "area_mode": self.area_mode,
        }


def require_half_cell(cell: object) -> None:
    """Refuse a cell that is none of one electrode against lithium.

    Raises
    ------
    InputError
        If it has two electrodes, or is no cell.
    """
    if not isinstance(cell, HalfCell):
        raise InputError(
            f"{type(cell).__name__} can't be homogenized; expected a HalfCell. Of a cell of two "
            "electrodes make a half cell of each: HalfCell(structure, parameters)."
        )


def effective_electrode(
    cell: HalfCell, *, stoichiometry: float = 0.5, rtol: float = 1e-4
) -> EffectiveElectrode:
    """Homogenize the electrode of a cell.

    Parameters
    ----------
    cell : HalfCell
        The cell; what its clean-up removed does not conduct.
    stoichiometry : float
        Where the active material's electronic conductivity is taken.
    rtol : float
        Relative tolerance of the effective conductivities.

    Returns
    -------
    EffectiveElectrode
        Porosity, transport, conductivity, area.

    Raises
    ------
    InputError
        If the cell is no half cell, or the stoichiometry is not between 0 and 1.
    NotPercolatingError
        If electrolyte or electrons have no path through the electrode.

    Examples
    --------
    Parallel plates of pore and active material are exactly what they look like:

    >>> labels = np.zeros((10, 2, 1), np.uint8)
    >>> labels[:, 1] = 1
    >>> structure = Microstructure(labels, 1e-6)
    >>> cell = HalfCell(structure, area_mode="voxel", reacts_at_separator=False)
    >>> plates = effective_electrode(cell)
    >>> round(plates.ionic_transport, 6), round(plates.particle_radius * 1e6, 6)  # 3 µm
    (0.5, 3.0)
    """
    require_half_cell(cell)
    if not 0 < stoichiometry < 1:
        raise InputError(f"stoichiometry={stoichiometry!r}; expected a number between 0 and 1.")
    body = cell.cells[cell.separator_layers :]
    kinds = cell.kinds
    counts = np.bincount(body.ravel(), minlength=len(kinds))
    share = counts / body.size
    present = [code for code in range(len(kinds)) if counts[code]]
    electrode = Microstructure(body, cell.structure.spacing, {f"kind {c}": c for c in present})
    sigma = float(cell.materials.active_material.conductivity(stoichiometry))
    metal = 1e4 * max(sigma, *(k.electrons for k in kinds))
    ions, electrons = {}, {}
    for code in present:
        kind, name = kinds[code], f"kind {code}"
        ions[name] = kind.transport
        electrons[name] = kind.electrons * (sigma if kind.active > 0 else 1.0)
        if kind.collector:
            electrons[name] = metal
    values = []
    for carrier, given in (("electrolyte", ions), ("electron", electrons)):
        if not any(given.values()):
            raise NotPercolatingError(f"The electrode has no {carrier} path.")
        sides: Literal["closed", "periodic"] = (
            "periodic" if cell.periodic == (True, True) else "closed"
        )
        result = effective_conductivity(
            electrode, given, axis=0, sides=sides, rtol=rtol, bounds="none"
        )
        if not result.percolates:
            raise NotPercolatingError(
                f"The electrode has no {carrier} path through its whole thickness: a homogenized "
                "model can't describe it."
            )
        values.append(result.effective_conductivity)
    volume = math.prod(cell.structure.size)
    return EffectiveElectrode(
        thickness=float(cell.structure.size[0]),
        porosity=float(sum(share[c] * kinds[c].porosity for c in present)),
        ionic_transport=values[0],
        electronic_conductivity=values[1],
        active_fraction=float(sum(share[c] * kinds[c].active for c in present)),
        reactive_area=cell.network().reacting_area / volume,
        stoichiometry=stoichiometry,
        area_mode=cell.area_mode,
    )
