"""Multigrid for weighted voxel graphs: percolation filter, hierarchy, conduction."""

from vmt.kernels.multigrid._percolation import keep_percolating
from vmt.kernels.multigrid._solve import (
    Solution,
    conduction_bytes,
    solve_conduction,
)

__all__ = ["Solution", "conduction_bytes", "keep_percolating", "solve_conduction"]
