"""What a study measures on each structure: descriptors and M-factors of every phase."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vmt._provenance import Timer
from vmt.descriptors import (
    chord_lengths,
    constrictivity,
    euler_number_density,
    geodesic_tortuosity,
    median_intrusion_size,
    median_phase_size,
    specific_surface_area,
    two_point_coverage_probability,
)
from vmt.microstructure import Microstructure
from vmt.transport import effective_conductivity, predict_m_factor

__all__ = ["UNITS", "measure_structure"]

#: unit of each descriptor, in the order of the tables
UNITS = {
    "volume fraction": "1",
    "specific surface area": "1/m",
    "Euler number density": "1/m³",
    "mean chord length": "m",
    "r_max": "m",
    "r_min": "m",
    "constrictivity": "1",
    "geodesic tortuosity": "1",
    "M-factor": "1",
    "tortuosity factor": "1",
}
