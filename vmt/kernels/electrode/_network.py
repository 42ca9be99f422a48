"""From a box of cells to lists of unknowns and links.

A cell's kind says what it holds: electrolyte (porosity, transport factor), electrons, lithium.
Unknowns are numbered in the order of the cells; among the solid ones, the active come first. Where
the first planes are a second electrode, its active cells and its links come first, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

__all__ = ["Kind", "Network", "build_network", "face_weights"]

Integers = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Kind:
    """What a cell of one kind holds.

    Attributes
    ----------
    porosity : float
        Share of the cell that is electrolyte; 0 for none.
    transport : float
        Conductivity and diffusivity of the electrolyte in it over those of free electrolyte.
    electrons : float
        For active cells the factor on the material's conductivity, else the conductivity [S/m]
        itself; 0 for none.
    active : float
        Share of the cell that is active material; 0 for none.
    diffusion : float
        Factor on the active material's diffusivity.
    reacting : float
        Factor on the area of faces between this electrolyte and an active cell.
    surface : float
        Reacting area inside the cell per volume of cell [1/m].
    collector : bool
        Whether the cell is the current collector.
    ground : bool
        Whether this collector is at potential 0 instead of at the terminal's.
    """

    porosity: float = 0.0
    transport: float = 0.0
    electrons: float = 0.0
    active: float = 0.0
    diffusion: float = 1.0
    reacting: float = 0.0
    surface: float = 0.0
    collector: bool = False
    ground: bool = False


@dataclass
class Network:
    """Unknowns and links of a cell.

    Links of electrolyte `le_*` with a code into `le_geometry` [m]; of active cells `la_*` and of
    other solid cells `ls_*` with a code into `geometry` [m], which has the factors on diffusion in
    it, and into `solid_geometry` [m], which has not; reacting faces `rx_*` with area [m²]
    and a code into `half`, the distance of a cell's center from its face over the face's area
    [1/m]; lithium metal `li_*`; collectors `cc_*` with geometric conductance [m],
    and whether each is at the ground instead of at the terminal; `cc_face` is twice the axis of
    the face, plus one at the cell's high side.

    `split_solid` active cells, `split_links` links of active cells and `split_faces` reacting faces
    belong to the electrode of the first `split` planes, and come first.
    """

    cells: Codes
    spacing: tuple[float, float, float]
    liquid: Integers
    solid: Integers
    active: int
    liquid_volume: Floats
    solid_volume: Floats
    solid_factor: Floats
    le_first: Integers
    le_second: Integers
    le_code: Codes
    le_geometry: Floats
    la_first: Integers
    la_second: Integers
    la_code: Codes
    ls_first: Integers
    ls_second: Integers
    ls_code: Codes
    geometry: Floats
    solid_geometry: Floats
    rx_solid: Integers
    rx_liquid: Integers
    rx_area: Floats
    rx_half: Codes
    half: Floats
    li_liquid: Integers
    li_area: Floats
    cc_solid: Integers
    cc_conductance: Floats
    cc_ground: npt.NDArray[np.bool_]
    cc_face: Codes
    reacting_area: float
    voxel_area: float
    periodic: tuple[bool, bool] = (False, False)
    split: int = 0
    split_solid: int = 0
    split_links: int = 0
    split_faces: int = 0

    @property
    def unknowns(self) -> int:
        """How many there are, the terminal's potential included."""
        return 2 * self.liquid.size + self.solid.size + self.active + 1


def build_network(
    cells: Codes,
    spacing: tuple[float, float, float],
    kinds: Sequence[Kind],
    *,
    lithium: bool = True,
    lithium_area: float = 1.0,
    ground_plane: bool = False,
    periodic: tuple[bool, bool] = (False, False),
    area_mode: str = "normal",
    split: int = 0,
) -> Network:
    """Number the unknowns of a box and list their links.

    Parameters
    ----------
    cells : (nx, ny, nz) array of uint8
        Index of each cell's kind.
    spacing : (dx, dy, dz)
        Edges of a cell [m].
    kinds : sequence of Kind
        What each kind holds.
    lithium : bool
        Whether lithium metal covers the first plane.
    lithium_area : float
        Factor on its area.
    ground_plane : bool
        Whether solid cells of the first plane touch a collector at potential 0.
    periodic : (bool, bool)
        Whether the sides normal to y and z continue on the other side.
    area_mode : {"normal", "voxel", "global"}
        What a reacting voxel face counts: its share of the smooth surface behind it, its own area,
        or two thirds of it.
    split : int
        How many of the first planes are a second electrode and what lies in front of it; the
        active cells on either side must not touch.
    """
    table = list(kinds)
    porous = np.array([k.porosity > 0 for k in table])
    electric = np.array([k.electrons > 0 for k in table])
    stores = np.array([k.active > 0 for k in table])
    metal = np.array([k.collector for k in table])
    grounded = np.array([k.ground for k in table])
    transport = np.array([k.transport for k in table])
    electrons = np.array([k.electrons for k in table])
    diffusion = np.array([k.diffusion for k in table])
    reacting = np.array([k.reacting for k in table])
    inside = np.array([k.surface > 0 for k in table])
    volume = float(np.prod(spacing))
    flat = cells.ravel()

    liquid = np.flatnonzero(porous[flat]).astype(np.int32)
    actives = np.flatnonzero(stores[flat]).astype(np.int32)
    solid = np.concatenate([actives, np.flatnonzero((electric & ~stores)[flat]).astype(np.int32)])
    liquid_of = np.full(cells.shape, -1, np.int32)
    liquid_of.ravel()[liquid] = np.arange(liquid.size, dtype=np.int32)
    solid_of = np.full(cells.shape, -1, np.int32)
    solid_of.ravel()[solid] = np.arange(solid.size, dtype=np.int32)

    factors = np.unique(diffusion[stores]) if stores.any() else np.ones(1)
    class_of = np.searchsorted(factors, diffusion).clip(0, factors.size - 1)
    pairs = factors.size**2
    geometry, solid_geometry = np.zeros(3 * pairs + 3), np.zeros(3 * pairs + 3)
    gammas = np.unique(transport[porous])
    wet_class = np.searchsorted(gammas, transport).clip(0, gammas.size - 1)
    wets = gammas.size**2
    both_gammas = 2 * np.outer(gammas, gammas) / (gammas[:, None] + gammas[None, :])
    le_geometry = np.concatenate(
        [volume / spacing[axis] ** 2 * both_gammas.ravel() for axis in range(3)]
    )
    weights = face_weights(cells, stores, spacing, area_mode, periodic)

    parts: dict[str, list[npt.NDArray[np.generic]]] = {}

    def add(**given: npt.NDArray[np.generic]) -> None:
        for name, values in given.items():
            parts.setdefault(name, []).append(values)

    reach = voxel = 0.0
    for axis in range(3):
        area, distance = volume / spacing[axis], spacing[axis]
        shape = area / distance
        mixed = 2 * np.outer(factors, factors) / (factors[:, None] + factors[None, :])
        geometry[axis * pairs : (axis + 1) * pairs] = shape * mixed.ravel()
        geometry[3 * pairs + axis] = shape  # between solids, whatever they store
        solid_geometry[axis * pairs : (axis + 1) * pairs] = shape
        solid_geometry[3 * pairs + axis] = shape
        for before, after, weight in _neighbors(axis, periodic, weights):
            one, two = cells[before].ravel(), cells[after].ravel()
            if one.size == 0:
                continue
            a, b = liquid_of[before].ravel(), liquid_of[after].ravel()
            s, t = solid_of[before].ravel(), solid_of[after].ravel()
            both = (a >= 0) & (b >= 0)
            code = axis * wets + wet_class[one[both]] * gammas.size + wet_class[two[both]]
            add(le_first=a[both], le_second=b[both], le_code=code.astype(np.uint8))
            inner = stores[one] & stores[two]
            code = axis * pairs + class_of[one[inner]] * factors.size + class_of[two[inner]]
            add(la_first=s[inner], la_second=t[inner], la_code=code.astype(np.uint8))
            other = (s >= 0) & (t >= 0) & ~inner
            solid_code = np.full(int(other.sum()), 3 * pairs + axis, np.uint8)
            add(ls_first=s[other], ls_second=t[other], ls_code=solid_code)
            for here, there, kind_here, kind_there, active, wet_of in (
                (s, b, one, two, stores[one], reacting[two]),
                (t, a, two, one, stores[two], reacting[one]),
            ):
                face = active & (there >= 0) & (wet_of > 0) & ~inside[kind_here]
                face &= ~stores[kind_there]
                w = weight.ravel()[face] if weight is not None else 1.0
                full = area * wet_of[face]
                voxel += float(full.sum())
                reach += float((full * w).sum())
                add(
                    rx_solid=here[face],
                    rx_liquid=there[face],
                    rx_area=full * w,
                    rx_half=np.full(int(face.sum()), axis, np.uint8),
                )
            for high, here, beyond in ((1, s, two), (0, t, one)):
                touch = (here >= 0) & metal[beyond]
                count = int(touch.sum())
                add(
                    cc_solid=here[touch],
                    cc_conductance=np.full(count, 2 * shape),
                    cc_face=np.full(count, 2 * axis + high, np.uint8),
                    cc_ground=grounded[beyond[touch]],
                )
    for index, kind in enumerate(table):
        if kind.surface > 0:
            where = np.flatnonzero(flat == index)
            add(
                rx_solid=solid_of.ravel()[where],
                rx_liquid=liquid_of.ravel()[where],
                rx_area=np.full(where.size, kind.surface * volume),
                rx_half=np.full(where.size, 3, np.uint8),
            )
            reach += where.size * kind.surface * volume

    area = volume / spacing[0]
    for plane, at_ground in ((-1, False), (0, True)):
        if at_ground and not ground_plane:
            continue
        end = solid_of[plane].ravel()
        end = end[end >= 0]
        add(
            cc_solid=end,
            cc_conductance=np.full(end.size, 2 * area / spacing[0]),
            cc_face=np.full(end.size, 0 if plane == 0 else 1, np.uint8),
            cc_ground=np.full(end.size, at_ground),
        )
    joined = {name: np.concatenate(values) for name, values in parts.items()}
    head = int(np.searchsorted(actives, split * int(np.prod(cells.shape[1:]))))
    for name, group in (("la_first", "la_"), ("rx_solid", "rx_")):
        if head:
            order = np.argsort(joined[name] >= head, kind="stable")
            for each in [k for k in joined if k.startswith(group)]:
                joined[each] = joined[each][order]
    front = liquid_of[0].ravel()
    front = front[front >= 0] if lithium else front[:0]
    liquid_kind, solid_kind = flat[liquid], flat[solid]
    return Network(
        cells=cells,
        spacing=spacing,
        liquid=liquid,
        solid=solid,
        active=int(actives.size),
        liquid_volume=np.array([k.porosity for k in table])[liquid_kind] * volume,
        solid_volume=_even(np.array([k.active for k in table])[flat[actives]] * volume),
        solid_factor=_even(electrons[solid_kind]),
        geometry=geometry,
        solid_geometry=solid_geometry,
        le_geometry=le_geometry,
        half=np.array([*(0.5 * d * d / volume for d in spacing), 0.0]),
        li_liquid=front,
        li_area=np.full(front.size, area * lithium_area),
        reacting_area=reach,
        voxel_area=voxel,
        periodic=periodic,
        split=split,
        split_solid=head,
        split_links=int((joined["la_first"] < head).sum()) if head else 0,
        split_faces=int((joined["rx_solid"] < head).sum()) if head else 0,
        **joined,
    )


def _even(values: Floats) -> Floats:
    """Hold equal values as one."""
    if values.size and (values == values[0]).all():
        return np.broadcast_to(values[:1], values.shape)
    return values


def _neighbors(
    axis: int, periodic: tuple[bool, bool], weights: list[npt.NDArray[np.float32]] | None
) -> list[tuple[tuple[slice, ...], tuple[slice, ...], npt.NDArray[np.float32] | None]]:
    """Pairs of views of neighbors along an axis, and the weights of the faces between them."""

    def views(first: slice, second: slice) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
        before, after = [slice(None)] * 3, [slice(None)] * 3
        before[axis], after[axis] = first, second
        return tuple(before), tuple(after)

    inner, last = views(slice(None, -1), slice(1, None)), views(slice(-1, None), slice(0, 1))
    w = None if weights is None else weights[axis]
    found = [(*inner, None if w is None else w[inner[0]])]
    if axis > 0 and periodic[axis - 1]:
        found.append((*last, None if w is None else w[last[0]]))
    return found


def face_weights(
    cells: Codes,
    stores: npt.NDArray[np.bool_],
    spacing: tuple[float, float, float],
    mode: str,
    periodic: tuple[bool, bool] = (False, False),
    width: float = 1.5,
) -> list[npt.NDArray[np.float32]] | None:
    """What the face behind each voxel along each axis counts, three (nx, ny, nz) arrays.

    The normal of the smooth surface is the gradient of the indicator after a Gaussian filter; a
    face counts the normal's component along its axis.
    """
    if mode == "voxel":
        return None
    if mode == "global":
        two_thirds = np.broadcast_to(np.float32(2 / 3), cells.shape)
        return [two_thirds] * 3
    from scipy.ndimage import gaussian_filter1d

    edges: list[Literal["nearest", "wrap", "reflect"]] = ["nearest"]
    edges += ["wrap" if p else "reflect" for p in periodic]
    smooth: npt.NDArray[Any] = stores[cells].astype(np.float32)
    mean = float(np.prod(spacing)) ** (1 / 3)
    for axis in range(3):
        if cells.shape[axis] > 1:
            smooth = gaussian_filter1d(
                smooth, width * mean / spacing[axis], axis=axis, mode=edges[axis], truncate=3.0
            )
    slopes = []
    for axis in range(3):
        if cells.shape[axis] == 1:
            slopes.append(np.zeros_like(smooth))
            continue
        pad = [(0, 0)] * 3
        pad[axis] = (1, 1)
        wide = np.pad(smooth, pad, mode="wrap" if edges[axis] == "wrap" else "symmetric")
        up, down = [slice(None)] * 3, [slice(None)] * 3
        up[axis], down[axis] = slice(2, None), slice(None, -2)
        slopes.append((wide[tuple(up)] - wide[tuple(down)]) / np.float32(2 * spacing[axis]))
    found = []
    for axis in range(3):
        square = np.zeros_like(smooth)
        along = np.zeros_like(smooth)
        for other in range(3):
            face = 0.5 * (slopes[other] + np.roll(slopes[other], -1, axis))
            if other == axis:
                along = np.abs(face)
            square += face * face
        norm = np.sqrt(square)
        flat = norm * mean < 1e-6
        found.append(np.where(flat, np.float32(1), along / np.where(flat, 1, norm)))
    return found
