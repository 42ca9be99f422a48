"""Multigrid for weighted voxel graphs: percolation filter, hierarchy, conduction, its bounds."""

from vmt.kernels.multigrid._bracket import bracket, bracket_bytes
from vmt.kernels.multigrid._percolation import keep_percolating
from vmt.kernels.multigrid._solve import (
    Solution,
    conduction_bytes,
    solve_conduction,
)

__all__ = [
    "Solution",
    "bracket",
    "bracket_bytes",
    "conduction_bytes",
    "keep_percolating",
    "solve_conduction",
]
