"""How many unknowns a cell has, and the memory that a run of it needs."""

from __future__ import annotations

from vmt.electrode._cell import AnyCell

__all__ = ["BYTES_AT_LEAST", "needed_bytes", "unknowns"]

#: 284 dense, 292 porous were measured (docs/performance.md), and a margin
_BYTES_PER_UNKNOWN = 310.0
#: of the process itself
BYTES_AT_LEAST = 2e8


def unknowns(cell: AnyCell) -> int:
    """Count them by the kinds of voxels.

    Electrolyte and dense particles have 2, binder 3, porous particles 4.
    """
    return sum(
        int((cell.cells == code).sum())
        * (2 * (kind.porosity > 0) + (kind.electrons > 0) + (kind.active > 0))
        for code, kind in enumerate(cell.kinds)
    )


def needed_bytes(cell: AnyCell) -> float:
    """Memory that a run of a cell needs at its peak."""
    return _BYTES_PER_UNKNOWN * unknowns(cell) + BYTES_AT_LEAST
