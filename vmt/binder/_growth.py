"""Binder added step by step, up to the closure of the pore."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._progress import steps
from vmt.binder._placement import BINDER, BinderPlacement, Sites, named_phases
from vmt.errors import InputError
from vmt.kernels.components import cluster_sizes
from vmt.kernels.menisci import ball_union
from vmt.kernels.openings import largest_balls, lattice_distances, squared_distances
from vmt.kernels.selection import first_voxels, smooth_noise, solid_share
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BinderGrowth", "grow_binder"]

_MAX_STEPS = 254
_RESERVE = 3.0  # pore within reach of a step, over the voxels that it takes


@dataclass(frozen=True, eq=False)
class BinderGrowth:
    """Structures with more and more binder, all in one map.

    Parameters
    ----------
    before : Microstructure
        The structure that was given.
    added : (nx, ny, nz) array of uint8
        The step at which each voxel became binder, from 1; 0 where none did.
    counts : (n,) array of int
        Voxels added at each step.
    binder_label, active_label, pore_label : int
    closed : bool
        Whether the pore no longer joins the two faces of axis 0 after the last step.
    disorder, disorder_width : float
        As given.
    """

    before: Microstructure
    added: npt.NDArray[np.uint8]
    counts: npt.NDArray[np.int64]
    binder_label: int
    active_label: int
    pore_label: int
    closed: bool
    disorder: float
    disorder_width: float

    def __post_init__(self) -> None:
        for name in ("added", "counts"):
            array = np.asarray(getattr(self, name)).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    @property
    def steps(self) -> int:
        """Number of steps made."""
        return int(self.counts.size)

    @property
    def volume_fractions(self) -> npt.NDArray[np.float64]:
        """Volume fraction of all binder after 0, 1, ... steps, (n + 1,)."""
        start = 0.0
        if BINDER in self.before.phases:
            start = self.before.volume_fraction(BINDER)
        return np.asarray(start + np.append(0, self.counts.cumsum()) / self.added.size)

    def structure(self, step: int) -> Microstructure:
        """Structure after so many steps; 0 is the one that was given, with its phases named.

        Raises
        ------
        InputError
            If there is no such step.
        """
        if not 0 <= step <= self.steps:
            raise InputError(f"step={step!r}; expected a whole number from 0 to {self.steps}.")
        labels = np.array(self.before.labels)
        labels[(self.added > 0) & (self.added <= step)] = self.binder_label
        phases = named_phases(self.before, self.active_label, {BINDER: self.binder_label})
        return Microstructure(labels, self.before.spacing, phases)

    def placement(self) -> BinderPlacement:
        """Give the last step as a placement."""
        parameters = {
            "steps": self.steps,
            "pore_closed": self.closed,
            "disorder": self.disorder,
            "disorder_width [m]": self.disorder_width,
        }
        voxels = int(self.counts.sum())
        return BinderPlacement(
            self.structure(self.steps), self.before, "growth", voxels, parameters
        )

    def to_dict(self) -> dict[str, Any]:
        """Fractions after each step, for JSON."""
        return {
            "steps": self.steps,
            "binder_volume_fractions": self.volume_fractions.tolist(),
            "added_voxels": self.counts.tolist(),
            "pore_closed": self.closed,
            "disorder": self.disorder,
            "disorder_width [m]": self.disorder_width,
        }

    def plot(self, ax: Axes | None = None, *, axis: int = 1, index: int | None = None) -> Axes:
        """Draw a slice, the binder colored by the volume fraction at which it came."""
        from vmt._plotting import axes, finish

        ax = axes(ax)
        place = self.added.shape[axis] // 2 if index is None else index
        base = np.take(self.before.labels, place, axis=axis)
        when = np.take(self.added, place, axis=axis)
        first, second = (d * 1e6 for i, d in enumerate(self.before.spacing) if i != axis)
        extent = (0.0, base.shape[1] * second, base.shape[0] * first, 0.0)
        tone = np.where(base == self.pore_label, 0.0, 1.0)
        ax.imshow(tone, cmap="Greys", vmax=1.3, extent=extent, interpolation="nearest")
        share = 100 * self.volume_fractions[when]
        shown = np.ma.masked_where(when == 0, share)
        image = ax.imshow(shown, cmap="viridis", extent=extent, interpolation="nearest")
        ax.figure.colorbar(image, ax=ax, label="binder [vol.-%]")
        return finish(ax, xlabel="µm", ylabel="µm")


def grow_binder(
    structure: Microstructure,
    *,
    step: float = 0.01,
    until: float | None = None,
    disorder: float = 0.2,
    disorder_width: float | None = None,
    active_material: str | int | None = None,
    pore: str | int = "pore",
    rng: np.random.Generator | int,
) -> BinderGrowth:
    """Add binder in steps of one volume fraction, without preferred location or orientation.

    Each step wets the solid of the one before (contact angle 0): the pore voxels with the smallest
    local thickness become binder, where the thickness is multiplied by the exponential of a smooth
    random field, so that places of the same width are filled in random order and wider ones now
    and then before narrower ones. What was added stays. Without an end it goes on until the pore
    no longer joins the two faces of axis 0 (Lindner et al. 2024, "AddBinder" in 1 vol.-% steps).

    Parameters
    ----------
    structure : Microstructure
        With pore and active material, and binder if there is some.
    step : float
        Volume fraction of each step, in the whole window.
    until : float, optional
        Volume fraction of all binder to stop at; the last step is cut to meet it to one voxel.
        Without it, up to the closure of the pore.
    disorder : float
        Standard deviation of the random field; 0 fills the narrowest places strictly first.
    disorder_width : float, optional
        Width of the field [m]; the default is four shortest voxel edges.
    active_material : str or int, optional
        The phase; without it the one named "active_material", or "solid".
    pore : str or int
        Where binder can go.
    rng : numpy.random.Generator or int
        Source of randomness, or a seed: the same seed is the same growth.

    Raises
    ------
    InputError
        If a phase is missing, a number is out of range, or `until` can't be reached.
    MemoryBudgetError
        If the maps don't fit, some 30 bytes per voxel.

    Examples
    --------
    >>> labels = np.zeros((16, 16, 16), np.uint8)
    >>> labels[:, :, :8] = 1
    >>> made = grow_binder(Microstructure(labels, 1e-7), step=0.05, until=0.12, rng=1)
    >>> made.volume_fractions.round(3).tolist()
    [0.0, 0.05, 0.1, 0.12]
    """
    width = 4 * min(structure.spacing) if disorder_width is None else disorder_width
    if not 0 < step < 1:
        raise InputError(f"step={step!r} can't be used; expected a fraction between 0 and 1.")
    if not (disorder >= 0 and width >= 0 and math.isfinite(disorder) and math.isfinite(width)):
        raise InputError(
            f"disorder={disorder!r} and disorder_width={disorder_width!r} can't be used; expected "
            "finite numbers of at least 0."
        )
    sites = Sites.of(structure, None, active_material=active_material, pore=pore)
    size, free = structure.labels.size, int(np.count_nonzero(sites.pore))
    there = structure.volume_fraction(BINDER) if BINDER in structure.phases else 0.0
    total = free
    if until is not None:
        total = round(until * size) - round(there * size)
        if not 0 <= total <= free:
            raise InputError(
                f"until={until!r} can't be reached: the structure has {there:.6g} of binder and "
                f"{free / size:.6g} of pore, so expected a number from {there:.6g} to "
                f"{there + free / size:.6g}."
            )
    each = max(round(step * size), 1)
    if total / each > _MAX_STEPS and until is not None:
        raise InputError(
            f"step={step!r} makes {math.ceil(total / each)} steps; expected at most {_MAX_STEPS}."
        )
    generator = np.random.default_rng(rng)
    factor = smooth_noise(structure.shape, width / min(structure.spacing), generator)
    factor *= np.float32(disorder)
    np.exp(factor, out=factor)
    added = np.zeros(structure.shape, np.uint8)
    empty, closed = sites.pore, False
    counts: list[int] = []
    with steps("growing binder", min(math.ceil(total / each), _MAX_STEPS)) as done:
        while total > 0 and len(counts) < _MAX_STEPS and not (until is None and closed):
            count = min(each, total)
            chosen = _step(empty, count, structure, factor, generator)
            counts.append(count)
            added[chosen] = len(counts)
            empty = empty & ~chosen
            total -= count
            closed = not cluster_sizes(empty, 0, 6)[1].any()
            done()
    return BinderGrowth(
        structure,
        added,
        np.array(counts, np.int64),
        sites.binder_label,
        sites.active_label,
        sites.pore_label,
        closed,
        float(disorder),
        float(width),
    )


def _step(
    empty: npt.NDArray[np.bool_],
    count: int,
    structure: Microstructure,
    factor: npt.NDArray[np.float32],
    generator: np.random.Generator,
) -> npt.NDArray[np.bool_]:
    """Choose the voxels of one step."""
    spacing = structure.spacing
    squares = squared_distances(empty, spacing)
    radii = lattice_distances(structure.shape, spacing, float(squares[empty].max()))
    low, high = -1, radii.size - 1
    wanted = min(_RESERVE * count, int(np.count_nonzero(empty)))
    while high - low > 1:  # a radius whose closing holds enough to choose from
        middle = (low + high) // 2
        opened = ball_union(squares, radii[middle], radii[middle], spacing)
        enough = np.count_nonzero(empty & ~opened) >= wanted
        low, high = (low, middle) if enough else (middle, high)
    marks = largest_balls(squares, [float(r) for r in radii[: high + 1]], spacing)
    key = np.sqrt(np.maximum(marks, np.float32(0))) + np.float32(1)
    key *= factor
    share = solid_share(~empty)
    np.negative(share, out=share)
    return first_voxels(key, empty, count, share, generator)
