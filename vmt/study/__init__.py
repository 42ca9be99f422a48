"""Many of the things below, reproducibly: the digital twin and the demonstration."""

from vmt.study._demo import demo
from vmt.study._measure import LABELS, UNITS, measure_structure, split_key
from vmt.study._parts import Parts
from vmt.study._twin import TwinReport, TwinRow, estimate_twin_cost, twin

__all__ = [
    "LABELS",
    "UNITS",
    "Parts",
    "TwinReport",
    "TwinRow",
    "demo",
    "estimate_twin_cost",
    "measure_structure",
    "split_key",
    "twin",
]
