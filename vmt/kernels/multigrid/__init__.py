"""Multigrid for weighted voxel graphs: percolation filter, hierarchy, conduction, its bounds."""

from vmt.kernels.multigrid._bracket import bracket, bracket_bytes
from vmt.kernels.multigrid._percolation import keep_percolating
from vmt.kernels.multigrid._periodic import CellSolution, cell_bytes, solve_cell
from vmt.kernels.multigrid._solve import (
    Solution,
    conduction_bytes,
    solve_conduction,
)

__all__ = [
    "CellSolution",
    "Solution",
    "bracket",
    "bracket_bytes",
    "cell_bytes",
    "conduction_bytes",
    "keep_percolating",
    "solve_cell",
    "solve_conduction",
]
