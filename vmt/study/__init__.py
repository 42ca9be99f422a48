"""Many of the things below, reproducibly: the digital twin and the demonstration."""

from vmt.study._demo import demo
from vmt.study._measure import measure_structure
from vmt.study._parts import Parts
from vmt.study._twin import TwinReport, TwinRow, estimate_twin_cost, twin

__all__ = [
    "Parts",
    "TwinReport",
    "TwinRow",
    "demo",
    "estimate_twin_cost",
    "measure_structure",
    "twin",
]
