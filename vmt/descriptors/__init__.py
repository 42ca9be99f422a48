"""Descriptors: from a structure to numbers and curves."""

from vmt.descriptors import (
    porosimetry,
)
from vmt.descriptors._anisotropy import (
    Anisotropy,
    anisotropy,
)
from vmt.descriptors._clusters import (
    Backbone,
    Clusters,
    PercolatingPaths,
    backbone,
    clusters,
    percolating_paths,
)
from vmt.descriptors._connectivity import (
    ChordLengths,
    Connectivity,
    chord_lengths,
    connectivity,
    percolates,
)
from vmt.descriptors._contact import (
    ContactDistribution,
    LinealPath,
    lineal_path,
    spherical_contact_distribution,
)
from vmt.descriptors._curvature import (
    gaussian_curvature_density,
    mean_curvature_density,
    triple_phase_boundary_density,
)
from vmt.descriptors._cutouts import (
    CutoutDescription,
    describe_cutouts,
    overlay,
)
from vmt.descriptors._describe import (
    DEFAULT_DESCRIPTORS,
    DESCRIPTORS,
    Description,
    describe,
)
from vmt.descriptors._geodesic import (
    GeodesicDistances,
    geodesic_distances,
)
from vmt.descriptors._network import (
    RegionNetwork,
    region_network,
)
from vmt.descriptors._paths import (
    GeodesicTortuosity,
    geodesic_tortuosity,
    geodesic_tortuosity_distribution,
)
from vmt.descriptors._phase_contacts import (
    BinderContacts,
    binder_contacts,
)
from vmt.descriptors._profiles import (
    ClosedPores,
    VolumeFractionProfile,
    closed_pores,
    volume_fraction_profile,
)
from vmt.descriptors._representativity import (
    CutoutStudy,
    Representativity,
    cutout_study,
    representativity,
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
    internal_surface_area,
    specific_surface_area,
    volume_fraction,
)
from vmt.descriptors._thickness import (
    Granulometry,
    IntrusionExtrusion,
    granulometry,
    intrusion_extrusion,
    local_thickness,
)
from vmt.descriptors._two_point import (
    TwoPointCoverage,
    two_point_coverage_probability,
)

__all__ = [
    "DEFAULT_DESCRIPTORS",
    "DESCRIPTORS",
    "Anisotropy",
    "Backbone",
    "BinderContacts",
    "ChordLengths",
    "ClosedPores",
    "Clusters",
    "Connectivity",
    "ContactDistribution",
    "CutoutDescription",
    "CutoutStudy",
    "Description",
    "GeodesicDistances",
    "GeodesicTortuosity",
    "Granulometry",
    "IntrusionExtrusion",
    "LinealPath",
    "PercolatingPaths",
    "RegionNetwork",
    "Representativity",
    "SizeDistribution",
    "TwoPointCoverage",
    "VolumeFractionProfile",
    "anisotropy",
    "backbone",
    "binder_contacts",
    "chord_lengths",
    "closed_pores",
    "clusters",
    "connectivity",
    "constrictivity",
    "continuous_phase_size_distribution",
    "cutout_study",
    "describe",
    "describe_cutouts",
    "euler_number_density",
    "gaussian_curvature_density",
    "geodesic_distances",
    "geodesic_tortuosity",
    "geodesic_tortuosity_distribution",
    "granulometry",
    "interface_area",
    "internal_surface_area",
    "intrusion_extrusion",
    "intrusion_size_distribution",
    "lineal_path",
    "local_thickness",
    "mean_curvature_density",
    "median_intrusion_size",
    "median_phase_size",
    "overlay",
    "percolates",
    "percolating_paths",
    "porosimetry",
    "region_network",
    "representativity",
    "specific_surface_area",
    "spherical_contact_distribution",
    "triple_phase_boundary_density",
    "two_point_coverage_probability",
    "volume_fraction",
    "volume_fraction_profile",
]
