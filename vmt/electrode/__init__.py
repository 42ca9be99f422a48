"""Structure → cell voltage: microstructure-resolved cells.

A `HalfCell` is lithium, a separator, a segmented electrode and its current collector, with the
materials of a `ParameterSet`; a `SymmetricCell` has the same electrode twice, a `Cell` any two.
`discharge` and `cycle` solve for potentials and concentrations in every voxel over time.
"""

from vmt.electrode._assembly import CleanUp
from vmt.electrode._capacity import (
    TheoreticalCapacity,
    gravimetric_energy_density,
    molar_mass,
    theoretical_capacity,
)
from vmt.electrode._cell import Cell, HalfCell, SymmetricCell
from vmt.electrode._electrode import Electrode
from vmt.electrode._flux_maps import Fluxes
from vmt.electrode._integrator import Settings
from vmt.electrode._laws import Law, constant, tabulated
from vmt.electrode._materials import (
    ActiveMaterial,
    Binder,
    Electrolyte,
    ExchangeCurrent,
    LithiumMetal,
    ParameterSet,
    PorousActiveMaterial,
    Separator,
)
from vmt.electrode._parameter_file import KNOWN_LAWS, read_parameters, write_parameters
from vmt.electrode._parameter_sets import ELECTROLYTES, PARAMETER_SETS, parameter_set
from vmt.electrode._protocol import CurrentStep, PowerStep, Protocol, Rest, VoltageStep
from vmt.electrode._result import Discharge
from vmt.electrode._run import cycle, discharge
from vmt.electrode._snapshot import Layout, Snapshot, read_fields
from vmt.electrode._stored_run import read_discharge

__all__ = [
    "ELECTROLYTES",
    "KNOWN_LAWS",
    "PARAMETER_SETS",
    "ActiveMaterial",
    "Binder",
    "Cell",
    "CleanUp",
    "CurrentStep",
    "Discharge",
    "Electrode",
    "Electrolyte",
    "ExchangeCurrent",
    "Fluxes",
    "HalfCell",
    "Law",
    "Layout",
    "LithiumMetal",
    "ParameterSet",
    "PorousActiveMaterial",
    "PowerStep",
    "Protocol",
    "Rest",
    "Separator",
    "Settings",
    "Snapshot",
    "SymmetricCell",
    "TheoreticalCapacity",
    "VoltageStep",
    "constant",
    "cycle",
    "discharge",
    "gravimetric_energy_density",
    "molar_mass",
    "parameter_set",
    "read_discharge",
    "read_fields",
    "read_parameters",
    "tabulated",
    "theoretical_capacity",
    "write_parameters",
]
