"""From a structure to a cell's voltage."""

from vmt.electrode._capacity import (
    TheoreticalCapacity,
    gravimetric_energy_density,
    molar_mass,
    theoretical_capacity,
)

__all__ = [
    "TheoreticalCapacity",
    "gravimetric_energy_density",
    "molar_mass",
    "theoretical_capacity",
]
