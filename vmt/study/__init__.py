"""Many of the things below, reproducibly: the digital twin and the demonstration."""

from vmt.study._bpx import to_bpx, write_bpx
from vmt.study._demo import demo
from vmt.study._effective import EffectiveElectrode, effective_electrode
from vmt.study._export import DfnComparison, compare_with_dfn, to_pybamm
from vmt.study._measure import LABELS, UNITS, measure_structure, split_key
from vmt.study._parts import Parts
from vmt.study._twin import TwinReport, TwinRow, estimate_twin_cost, twin

__all__ = [
    "LABELS",
    "UNITS",
    "DfnComparison",
    "EffectiveElectrode",
    "Parts",
    "TwinReport",
    "TwinRow",
    "compare_with_dfn",
    "demo",
    "effective_electrode",
    "estimate_twin_cost",
    "measure_structure",
    "split_key",
    "to_bpx",
    "to_pybamm",
    "twin",
    "write_bpx",
]
