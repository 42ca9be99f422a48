"""Slow, obvious twins of the electrode's kernels, for tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from vmt.kernels.electrode import Kind

__all__ = ["count_links", "flux_vectors", "small_signal_resistance"]


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


def flux_vectors(
    cells: npt.NDArray[np.uint8],
    kinds: Sequence[Kind],
    spacing: tuple[float, float, float],
    fields: dict[str, npt.NDArray[np.float64]],
    laws: dict[str, Callable[..., float]],
) -> dict[str, npt.NDArray[np.float64]]:
    """Ionic and electronic current density and lithium flux per voxel, face by face.

    `fields` are boxes: phi_e, ce, phi_s, cs, and the terminal's V. `laws` are kappa(c) [S/m],
    pull(c) [V], sigma(c) of active material, diffusivity(c), reaction(jump, ce, cs, half) [A/m²]
    from solid to electrolyte and metal(phi, ce) [A/m²] into it. Faces count their own area.
    """
    found = {name: np.zeros((3, *cells.shape)) for name in ("ionic", "electronic", "lithium")}

    def electrons(kind: Kind, c: float) -> float:
        return kind.electrons * (laws["sigma"](c) if kind.active else 1.0)

    def share(name: str, axis: int, density: float, *where: tuple[int, ...]) -> None:
        for at in where:
            found[name][(axis, *at)] += 0.5 * density

    for axis, here, there in _faces(cells.shape):
        a, b = kinds[cells[here]], kinds[cells[there]]
        one = {name: float(box[here]) for name, box in fields.items()}
        two = {name: float(box[there]) for name, box in fields.items()}
        d = spacing[axis]
        if a.porosity and b.porosity:
            mean = 0.5 * (one["ce"] + two["ce"])
            gamma = 2 * a.transport * b.transport / (a.transport + b.transport)
            drop = one["phi_e"] - two["phi_e"]
            drop -= laws["pull"](mean) * (np.log(one["ce"]) - np.log(two["ce"]))
            share("ionic", axis, gamma * laws["kappa"](mean) * drop / d, here, there)
        if a.electrons and b.electrons:
            s, t = electrons(a, one["cs"]), electrons(b, two["cs"])
            density = 2 * s * t / (s + t) * (one["phi_s"] - two["phi_s"]) / d
            share("electronic", axis, density, here, there)
        if a.active and b.active:
            mean = 0.5 * (one["cs"] + two["cs"])
            share(
                "lithium",
                axis,
                laws["diffusivity"](mean) * (one["cs"] - two["cs"]) / d,
                here,
                there,
            )
        for sign, solid, at, inner, wet, beside, outer in (
            (1.0, a, here, one, b, there, two), (-1.0, b, there, two, a, here, one),
        ):  # fmt: skip
            if solid.active and wet.reacting and not wet.active:
                jump = inner["phi_s"] - outer["phi_e"]
                i = laws["reaction"](jump, outer["ce"], inner["cs"], d / 2 * wet.reacting)
                through = sign * wet.reacting * i
                share("electronic", axis, through, at)
                share("ionic", axis, through, beside)
                share("lithium", axis, through / 96485.33212, at)
    for j, k in np.ndindex(*cells.shape[1:]):
        first, last = (0, j, k), (cells.shape[0] - 1, j, k)
        if kinds[cells[first]].porosity:
            i = laws["metal"](float(fields["phi_e"][first]), float(fields["ce"][first]))
            share("ionic", 0, i, first)
        sigma = electrons(kinds[cells[last]], float(fields["cs"][last]))
        if sigma:
            held = float(fields["phi_s"][last]) - float(fields["V"][last])
            share("electronic", 0, 2 * sigma * held / spacing[0], last)
    return found
