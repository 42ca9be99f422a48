"""What makes two runs the same run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vmt._files import content_hash
from vmt._version import __version__
from vmt.electrode._cell import AnyCell
from vmt.electrode._integrator import Settings
from vmt.electrode._materials import ParameterSet
from vmt.electrode._protocol import Protocol

__all__ = ["identity_of", "parameters_dict"]


def identity_of(
    cell: AnyCell, protocol: Protocol, settings: Settings, keep: Sequence[float]
) -> dict[str, Any]:
    """Say what a run is: the same is the same run, and goes on."""
    made = {
        "command": "cycle",
        "vmt": __version__,
        "cells": content_hash(cell.cells),
        "spacing [m]": list(cell.spacing),
        "parameters": parameters_dict(cell.materials),
        "area mode": cell.area_mode,
        "periodic": list(cell.periodic),
        "protocol": protocol.to_dict(),
        "settings": vars(settings),
        "keep": list(keep),
    }
    if cell.counter_materials is not None:
        made["counter"] = parameters_dict(cell.counter_materials)
    return made


def parameters_dict(parameters: ParameterSet) -> dict[str, Any]:
    """Name a parameter set by its constants and by the values of its laws."""
    e, a = parameters.electrolyte, parameters.active_material
    c, x = np.linspace(100, 2000, 5), np.linspace(0.1, 0.9, 9)
    return {
        "name": parameters.name,
        "conductivity [S/m]": e.conductivity(c),
        "diffusivity [m²/s]": e.diffusivity(c),
        "transference": e.transference(c),
        "thermodynamic factor": e.thermodynamic_factor(c),
        "salt [mol/m³]": e.concentration,
        "open-circuit potential [V]": a.open_circuit_potential(x),
        "electronic conductivity [S/m]": a.conductivity(x),
        "lithium diffusivity [m²/s]": a.diffusivity(x),
        "maximum concentration [mol/m³]": a.maximum_concentration,
        "initial stoichiometry": a.initial_stoichiometry,
        "exchange current": vars(a.exchange_current),
        "double layer [F/m²]": a.double_layer,
        "lithium": vars(parameters.lithium),
        "binder": vars(parameters.binder),
        "separator": vars(parameters.separator),
        "porous": None if parameters.porous is None else vars(parameters.porous),
        "temperature [K]": parameters.temperature,
    }
