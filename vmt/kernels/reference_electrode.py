"""Slow, obvious twins of the electrode's kernels, for tests."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vmt.kernels.electrode import Kind

__all__ = ["count_links", "small_signal_resistance"]


def _faces(shape: tuple[int, ...]) -> list[tuple[int, tuple[int, ...], tuple[int, ...]]]:
    found = []
    for here in np.ndindex(*shape):
        for axis in range(3):
            there = list(here)
            there[axis] += 1
            if there[axis] < shape[axis]:
                found.append((axis, here, tuple(there)))
    return found


def count_links(cells: npt.NDArray[np.uint8], kinds: Sequence[Kind]) -> dict[str, int]:
    """Count links between electrolyte, active, and other solid voxels, and reacting faces."""
    count = {"liquid": 0, "active": 0, "solid": 0, "reacting": 0}
    for _, here, there in _faces(cells.shape):
        a, b = kinds[cells[here]], kinds[cells[there]]
        count["liquid"] += bool(a.porosity and b.porosity)
        count["active"] += bool(a.active and b.active)
        count["solid"] += bool(a.electrons and b.electrons) - bool(a.active and b.active)
        for one, two in ((a, b), (b, a)):
            count["reacting"] += bool(one.active and two.reacting and not two.active)
    return count


def small_signal_resistance(
    cells: npt.NDArray[np.uint8],
    kinds: Sequence[Kind],
    spacing: float,
    *,
    kappa: float,
    sigma: float,
    reaction: float,
    metal: float = 0.0,
    ground_plane: bool = False,
) -> float:
    """Resistance of a cell of cubic voxels to a small current, times its cross-section [Ω m²].

    A network of resistors, solved densely: electrolyte κγ, solids, reacting faces [S/m²] at their
    full area, and lithium metal [S/m²], or a collector behind the first plane in its place.
    """
    h = spacing
    size = cells.size
    number = np.arange(size).reshape(cells.shape)
    a = np.zeros((2 * size + 2, 2 * size + 2))  # liquid, solid, metal, terminal
    metal_at, terminal = 2 * size, 2 * size + 1

    def join(i: int, j: int, g: float) -> None:
        a[i, i] += g
        a[j, j] += g
        a[i, j] -= g
        a[j, i] -= g

    def conductivity(kind: Kind) -> float:
        return kind.electrons * (sigma if kind.active else 1.0)

    for _, here, there in _faces(cells.shape):
        one, two = kinds[cells[here]], kinds[cells[there]]
        i, j = int(number[here]), int(number[there])
        if one.porosity and two.porosity:
            x, y = kappa * one.transport, kappa * two.transport
            join(i, j, h * 2 * x * y / (x + y))
        if one.electrons and two.electrons:
            x, y = conductivity(one), conductivity(two)
            join(size + i, size + j, h * 2 * x * y / (x + y))
        if one.active and two.reacting and not two.active:
            join(size + i, j, reaction * h * h * two.reacting)
        if two.active and one.reacting and not one.active:
            join(size + j, i, reaction * h * h * one.reacting)
    for j, k in np.ndindex(*cells.shape[1:]):
        if ground_plane:
            first = kinds[cells[0, j, k]]
            if first.electrons:
                join(size + int(number[0, j, k]), metal_at, 2 * h * conductivity(first))
        elif kinds[cells[0, j, k]].porosity:
            join(int(number[0, j, k]), metal_at, metal * h * h)
        last = kinds[cells[-1, j, k]]
        if last.electrons:
            join(size + int(number[-1, j, k]), terminal, 2 * h * conductivity(last))
    used = np.flatnonzero(np.diag(a) > 0)
    used = used[used != metal_at]
    b = (used == terminal).astype(float)
    x = np.linalg.solve(a[np.ix_(used, used)], b)
    return float(x[used == terminal][0] * h * h * cells.shape[1] * cells.shape[2])
