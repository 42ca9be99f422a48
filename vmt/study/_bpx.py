"""Effective parameters of a half cell as a BPX file (Battery Parameter eXchange 1.1).

BPX describes a cell of two porous electrodes. A half cell has one: it is written as a document of
the model "Partial", which the standard has for this; a negative electrode's section can be added.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from vmt._files import write_json
from vmt._version import __version__
from vmt.electrode import HalfCell, Law
from vmt.errors import InputError
from vmt.study._effective import EffectiveElectrode, effective_electrode, require_half_cell

__all__ = ["to_bpx", "write_bpx"]

_FARADAY = 96485.33212
_TABLE = 201


def to_bpx(
    cell: HalfCell,
    effective: EffectiveElectrode | None = None,
    *,
    negative_electrode: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Effective parameters of a half cell as a BPX document.

    Parameters
    ----------
    cell : HalfCell
        The cell, which brings materials and separator.
    effective : EffectiveElectrode, optional
        Parameters of its electrode; computed if not given.
    negative_electrode : mapping, optional
        Section of a negative electrode; with it the document is one of a DFN.

    Returns
    -------
    dict
        JSON-ready. Laws are tables. The area is 1 m².

    Raises
    ------
    InputError
        If the cell is no half cell, or the kinetics are not k √(c_e c_s (c_max − c_s)), the only
        ones that BPX knows.

    Notes
    -----
    BPX's rate constant is i0/F at c_e of the start, over √(x(1 − x)). The standard has a constant
    transference number (written at the initial concentration) and no thermodynamic factor; that
    and the full tables stand under "User-defined".
    """
    require_half_cell(cell)
    e = effective or effective_electrode(cell)
    m = cell.materials
    a, salt, kinetics = m.active_material, m.electrolyte, m.active_material.exchange_current
    if (kinetics.electrolyte, kinetics.stored, kinetics.vacant) != (0.5, 0.5, 0.5):
        raise InputError(
            "BPX knows only the kinetics k sqrt(ce cs (c_max - cs)); this material has the "
            f"exponents {kinetics.electrolyte:g}, {kinetics.stored:g}, {kinetics.vacant:g}. "
            "Export to PyBaMM instead, which takes them as they are."
        )
    start = salt.concentration
    c = np.linspace(50.0, max(2000.0, 2 * start), _TABLE)
    x = np.linspace(max(a.open_circuit_potential.valid[0], 0.001), 0.999, 4 * _TABLE)
    rate = kinetics.rate * np.sqrt(start) * a.maximum_concentration / _FARADAY
    positive = {
        "Particle radius [m]": e.particle_radius,
        "Thickness [m]": e.thickness,
        "Diffusivity [m2.s-1]": _table(a.diffusivity, x),
        "OCP [V]": _table(a.open_circuit_potential, x),
        "Conductivity [S.m-1]": e.electronic_conductivity,
        "Surface area per unit volume [m-1]": e.reactive_area,
        "Porosity": e.porosity,
        "Transport efficiency": e.ionic_transport,
        "Reaction rate constant [mol.m-2.s-1]": float(rate),
        "Minimum stoichiometry": a.initial_stoichiometry,
        "Maximum stoichiometry": 1.0,
        "Maximum concentration [mol.m-3]": a.maximum_concentration,
    }
    parameterization: dict[str, Any] = {
        "Cell": {
            "Reference temperature [K]": m.temperature,
            "Electrode area [m2]": 1.0,
            "Number of electrode pairs connected in parallel to make a cell": 1,
            "Nominal cell capacity [A.h]": cell.areal_capacity / 3600,
            "Lower voltage cut-off [V]": m.cutoff_voltage,
            "Upper voltage cut-off [V]": float(a.open_circuit_potential(a.initial_stoichiometry)),
        },
        "Electrolyte": {
            "Cation transference number": float(salt.transference(start)),
            "Conductivity [S.m-1]": _table(salt.conductivity, c),
            "Diffusivity [m2.s-1]": _table(salt.diffusivity, c),
        },
        "Positive electrode": positive,
        "Separator": {
            "Thickness [m]": cell.separator_layers * cell.structure.spacing[0],
            "Porosity": m.separator.porosity,
            "Transport efficiency": m.separator.factor,
        },
        "User-defined": {
            "Transference number": _table(salt.transference, c),
            "Thermodynamic factor": _table(salt.thermodynamic_factor, c),
            "Positive electrode active material volume fraction": e.active_fraction,
        },
    }
    if negative_electrode is not None:
        parameterization["Negative electrode"] = dict(negative_electrode)
    return {
        "Header": {
            "BPX": "1.1.0",
            "Title": f"Half cell of a microstructure, {m.name}",
            "Description": f"Effective parameters of a voxel structure by vmt {__version__}; "
            f"reacting area: {e.area_mode}; electronic conductivity at x = {e.stoichiometry:g}",
            "Model": "Partial" if negative_electrode is None else "DFN",
        },
        "Parameterisation": parameterization,
        "State": {
            "Initial conditions": {
                "Initial temperature [K]": m.temperature,
                "Initial electrolyte concentration [mol.m-3]": start,
            },
            "Thermal environment": {"Ambient temperature [K]": m.temperature},
        },
    }


def write_bpx(
    path: str | os.PathLike[str],
    cell: HalfCell,
    effective: EffectiveElectrode | None = None,
    *,
    negative_electrode: Mapping[str, Any] | None = None,
) -> None:
    """Write what `to_bpx` makes as a JSON file, whole or not at all.

    Parameters
    ----------
    path : path
        Of the file.
    cell, effective, negative_electrode
        As for `to_bpx`.

    Raises
    ------
    InputError
        As for `to_bpx`, or if the folder does not exist.
    """
    write_json(path, to_bpx(cell, effective, negative_electrode=negative_electrode))


def _table(law: Law, at: Any) -> dict[str, list[float]]:
    return {"x": at.tolist(), "y": law(at).tolist()}
