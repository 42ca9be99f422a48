"""Many of the things below, reproducibly: the digital twin, sweeps, and the demonstration."""

from vmt.study._bpx import to_bpx, write_bpx
from vmt.study._catalog import MEASUREMENTS, MODELS
from vmt.study._cost import SweepCost, estimate_sweep_cost
from vmt.study._demo import demo
from vmt.study._effective import EffectiveElectrode, effective_electrode
from vmt.study._export import DfnComparison, compare_with_dfn, to_pybamm
from vmt.study._measure import LABELS, UNITS, measure_structure, split_key
from vmt.study._parts import Parts
from vmt.study._results import SweepResult, SweepStatus, SweepSummary, read_sweep, sweep_status
from vmt.study._run import run
from vmt.study._sweep import Factor, Measurement, Sweep
from vmt.study._twin import TwinReport, TwinRow, estimate_twin_cost, twin

__all__ = [
    "LABELS",
    "MEASUREMENTS",
    "MODELS",
    "UNITS",
    "DfnComparison",
    "EffectiveElectrode",
    "Factor",
    "Measurement",
    "Parts",
    "Sweep",
    "SweepCost",
    "SweepResult",
    "SweepStatus",
    "SweepSummary",
    "TwinReport",
    "TwinRow",
    "compare_with_dfn",
    "demo",
    "effective_electrode",
    "estimate_sweep_cost",
    "estimate_twin_cost",
    "measure_structure",
    "read_sweep",
    "run",
    "split_key",
    "sweep_status",
    "to_bpx",
    "to_pybamm",
    "twin",
    "write_bpx",
]
