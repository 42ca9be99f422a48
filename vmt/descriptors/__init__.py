"""Descriptors: from a structure to numbers and curves."""

from vmt.descriptors import porosimetry
from vmt.descriptors._connectivity import (
    ChordLengths,
    Connectivity,
    chord_lengths,
    connectivity,
    percolates,
)
from vmt.descriptors._describe import DESCRIPTORS, Description, describe
from vmt.descriptors._paths import (
    GeodesicTortuosity,
    geodesic_tortuosity,
    geodesic_tortuosity_distribution,
)
from vmt.descriptors._sizes import (
    SizeDistribution,
    constrictivity,
    continuous_phase_size_distribution,
    intrusion_size_distribution,
    median_intrusion_size,
    median_phase_size,
)
from vmt.descriptors._surface import (
    euler_number_density,
    interface_area,
    specific_surface_area,
    volume_fraction,
)
from vmt.descriptors._two_point import TwoPointCoverage, two_point_coverage_probability

__all__ = [
    "DESCRIPTORS",
    "ChordLengths",
    "Connectivity",
    "Description",
    "GeodesicTortuosity",
    "SizeDistribution",
    "TwoPointCoverage",
    "chord_lengths",
    "connectivity",
    "constrictivity",
    "continuous_phase_size_distribution",
    "describe",
    "euler_number_density",
    "geodesic_tortuosity",
    "geodesic_tortuosity_distribution",
    "interface_area",
    "intrusion_size_distribution",
    "median_intrusion_size",
    "median_phase_size",
    "percolates",
    "porosimetry",
    "specific_surface_area",
    "two_point_coverage_probability",
    "volume_fraction",
]
