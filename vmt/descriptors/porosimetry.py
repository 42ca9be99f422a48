"""The porosity laboratory: what is measured of an electrode's pores, and the same of a structure.

Arithmetic of measurements (T. Beuse et al., *Batteries* 7 (2021) 70), curves of mercury intrusion
and gas adsorption, and virtual experiments that give what a gauge, a pycnometer, a mercury
porosimeter, gas adsorption and a confocal microscope would say of a structure. SI units throughout:
densities in kg/m³, volumes per mass in m³/kg, surfaces per mass in m²/kg (1 m²/g is 1000 m²/kg).
"""

from vmt.descriptors._porosimetry_arithmetic import (
    CARNIGLIA_CYLINDERS,
    Mercury,
    PoreShape,
    apparent_density,
    carniglia_tortuosity,
    closed_porosity,
    closed_share_of_solid,
    gauge_porosity_error,
    porosity_from_densities,
    porosity_from_intrusion,
    skeletal_density,
    specific_intruded_volume,
)
from vmt.descriptors._porosimetry_curves import (
    IntrusionCurve,
    overlay_intrusion,
    read_intrusion_curve,
)
from vmt.descriptors._porosimetry_gas import (
    Adsorptive,
    BetSurface,
    BjhSizes,
    Isotherm,
    TPlot,
    bet_surface,
    bjh,
    cylinder_isotherm,
    read_isotherm,
    t_plot,
)
from vmt.descriptors._porosimetry_surface import (
    Gauge,
    SurfaceRoughness,
    gauge,
    height_map_roughness,
    surface_roughness,
)
from vmt.descriptors._porosimetry_virtual import (
    ALL_BUT_BOTTOM,
    MercuryPorosimetry,
    Pycnometry,
    bulk_density,
    gas_surface,
    mercury_porosimetry,
    pycnometry,
)
from vmt.recipe import ElectrodeRecipe

__all__ = [
    "ALL_BUT_BOTTOM",
    "CARNIGLIA_CYLINDERS",
    "Adsorptive",
    "BetSurface",
    "BjhSizes",
    "ElectrodeRecipe",
    "Gauge",
    "IntrusionCurve",
    "Isotherm",
    "Mercury",
    "MercuryPorosimetry",
    "PoreShape",
    "Pycnometry",
    "SurfaceRoughness",
    "TPlot",
    "apparent_density",
    "bet_surface",
    "bjh",
    "bulk_density",
    "carniglia_tortuosity",
    "closed_porosity",
    "closed_share_of_solid",
    "cylinder_isotherm",
    "gas_surface",
    "gauge",
    "gauge_porosity_error",
    "height_map_roughness",
    "mercury_porosimetry",
    "overlay_intrusion",
    "porosity_from_densities",
    "porosity_from_intrusion",
    "pycnometry",
    "read_intrusion_curve",
    "read_isotherm",
    "skeletal_density",
    "specific_intruded_volume",
    "surface_roughness",
    "t_plot",
]
