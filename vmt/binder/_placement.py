"""What every placement of binder begins with and ends in."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt.errors import InputError
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ACTIVE_MATERIAL", "BINDER", "DENSE_BINDER", "BinderPlacement", "Sites"]

ACTIVE_MATERIAL = "active_material"
BINDER = "carbon_binder_domain"
DENSE_BINDER = "carbon_binder_domain_dense"
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BinderPlacement:
    """A structure with binder in it, and how it got there.

    Parameters
    ----------
    structure : Microstructure
        With the phases of before, the active material named ``active_material``, and
        ``carbon_binder_domain``.
    before : Microstructure
        The structure that was given.
    method : str
        How the binder was placed.
    voxels : int
        Voxels of binder that were added.
    parameters : mapping of str to number or text
        What was asked for and what was found (radius, threshold), units in the keys.
    """

    structure: Microstructure
    before: Microstructure
    method: str
    voxels: int
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", MappingProxyType(dict(self.parameters)))

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (self.structure, self.before, self.method, self.voxels, dict(self.parameters))
        return type(self), parts

    @property
    def volume_fraction(self) -> float:
        """Volume fraction of the binder that was added."""
        return self.voxels / self.structure.labels.size

    def to_dict(self) -> dict[str, Any]:
        """Fractions before and after, and the parameters, for JSON."""
        return {
            "method": self.method,
            "added_volume_fraction": self.volume_fraction,
            "added_voxels": self.voxels,
            "before": {n: self.before.volume_fraction(n) for n in self.before.phases},
            "after": {n: self.structure.volume_fraction(n) for n in self.structure.phases},
            "parameters": dict(self.parameters),
        }

    def plot(self, ax: Axes | None = None, *, axis: int = 1, index: int | None = None) -> Axes:
        """Draw the same slice before and after; with `ax`, after only.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; two new ones side by side if not given, the second is returned.
        axis : int
            The slice is normal to it.
        index : int, optional
            Which slice; the middle one by default.
        """
        from vmt._plotting import draw_slice, figure

        place = self.structure.shape[axis] // 2 if index is None else index
        first, second = (d for i, d in enumerate(self.structure.spacing) if i != axis)
        title = f"after ({self.method}, {100 * self.volume_fraction:.2f} % added)"
        if ax is None:
            made = figure(1, 2, width=4.6, height=4.6)
            old, ax = made.axes
            plane = np.take(self.before.labels, place, axis=axis)
            draw_slice(old, plane, (first, second), self.before.phases, "before")
        plane = np.take(self.structure.labels, place, axis=axis)
        draw_slice(ax, plane, (first, second), self.structure.phases, title)
        drawn = ax.get_legend()
        if drawn is not None:  # the names are long
            where: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.0, -0.16)}
            style: dict[str, Any] = {"ncols": 2, "frameon": False, "fontsize": 8}
            ax.legend(handles=list(drawn.legend_handles), borderaxespad=0.0, **where, **style)
        return ax


@dataclass(frozen=True, eq=False)
class Sites:
    """Where binder can go, and how much of it is asked for.

    Attributes
    ----------
    before : Microstructure
    pore : (nx, ny, nz) array of bool
        Where binder can go.
    count : int or (nx,) array of int
        Voxels to place; in each plane normal to axis 0 if there is a profile.
    active_label, binder_label, pore_label : int
    """

    before: Microstructure
    pore: Mask
    count: int
    counts: npt.NDArray[np.int64] | None
    active_label: int
    pore_label: int
    binder_label: int

    @classmethod
    def of(
        cls,
        structure: Microstructure,
        volume_fraction: float | None,
        *,
        active_material: str | int | None,
        pore: str | int,
        profile: Sequence[float] | None = None,
        bytes_per_voxel: float = 30,
        binder: str = BINDER,
    ) -> Sites:
        """Check and count.

        Raises
        ------
        InputError
            If phases are missing, or the target can't be reached.
        MemoryBudgetError
            If the work does not fit.
        """
        if not isinstance(structure, Microstructure):
            raise InputError(
                f"A structure of type {type(structure).__name__} can't be used; expected a "
                "Microstructure."
            )
        active = find_active_material(structure, active_material)
        pore_label = structure.label_of(pore)
        if active == pore_label:
            raise InputError(f"Pore and active material are both {pore!r}; give two phases.")
        if not structure.volume_fraction(active) > 0:
            raise InputError(
                f"The structure has no voxel of {structure.name_of(active)!r} to put binder at."
            )
        need = bytes_per_voxel * structure.labels.size
        require_memory(need, f"Binder in {structure.shape} voxels", "Use a crop.")
        mask = np.asarray(structure.labels == pore_label)
        count, counts = 0, None
        if volume_fraction is not None:
            count = target_count(structure, pore, volume_fraction)
            if profile is not None:
                counts = profile_counts(mask, count, profile)
        label = binder_label(structure, binder)
        return cls(structure, mask, count, counts, active, pore_label, label)

    @property
    def solid(self) -> Mask:
        """Everything that is not pore."""
        return np.logical_not(self.pore)

    @property
    def active(self) -> Mask:
        """The active material."""
        return np.asarray(self.before.labels == self.active_label)

    def finish(self, chosen: Mask, method: str, parameters: Mapping[str, Any]) -> BinderPlacement:
        """Make binder of the chosen voxels."""
        labels = np.array(self.before.labels)
        labels[chosen] = self.binder_label
        phases = named_phases(self.before, self.active_label, {BINDER: self.binder_label})
        after = Microstructure(labels, self.before.spacing, phases)
        return BinderPlacement(
            after, self.before, method, int(np.count_nonzero(chosen)), parameters
        )


def find_active_material(structure: Microstructure, given: str | int | None) -> int:
    """Label of the active material: as given, or the phase of that name, or "solid"."""
    if given is not None:
        return structure.label_of(given)
    for name in (ACTIVE_MATERIAL, "solid"):
        if name in structure.phases:
            return structure.phases[name]
    raise InputError(
        f"None of the phases {', '.join(structure.phases)} is named {ACTIVE_MATERIAL!r} or "
        "'solid'; say which is the active material: active_material=NAME."
    )


def binder_label(structure: Microstructure, name: str) -> int:
    """Label of a binder phase: its own, or the smallest that is free."""
    if name in structure.phases:
        return structure.phases[name]
    used = set(structure.phases.values())
    return next(label for label in range(1, 256) if label not in used)


def named_phases(
    structure: Microstructure, active_label: int, more: Mapping[str, int]
) -> dict[str, int]:
    """Give the phases of a structure after binder was added, by label."""
    phases = {
        ACTIVE_MATERIAL if label == active_label else name: label
        for name, label in structure.phases.items()
    }
    phases |= more
    return dict(sorted(phases.items(), key=lambda item: item[1]))


def target_count(structure: Microstructure, pore: str | int, volume_fraction: float) -> int:
    """Voxels of a volume fraction, if the pore has as many.

    Raises
    ------
    InputError
        If it is no fraction, or more than the pore holds.
    """
    try:
        fraction = float(volume_fraction)
    except (TypeError, ValueError):
        fraction = math.nan
    if not 0 <= fraction <= 1:
        raise InputError(
            f"volume_fraction={volume_fraction!r} can't be used; expected a number from 0 to 1, "
            "the share of the whole window that becomes binder."
        )
    count, size = round(fraction * structure.labels.size), structure.labels.size
    free = round(structure.volume_fraction(pore) * size)
    if count > free:
        raise InputError(
            f"A volume fraction of {fraction:.6g} of binder does not fit: the pore holds "
            f"{free / size:.6g}, the most that can be reached. Ask for at most that."
        )
    return count


def profile_counts(pore: Mask, count: int, profile: Sequence[float]) -> npt.NDArray[np.int64]:
    """Voxels for each plane normal to axis 0, in the proportions of a profile.

    Parameters
    ----------
    pore : (nx, ny, nz) array of bool
        Where they can go.
    count : int
        In all.
    profile : sequence of at least two numbers
        Relative amounts at evenly spaced depths from the first plane to the last.

    Raises
    ------
    InputError
        If the profile is negative somewhere or asks for more than a plane's pore.
    """
    given = np.asarray(profile, float)
    if given.ndim != 1 or given.size < 2 or not np.isfinite(given).all():
        raise InputError(
            f"profile={profile!r} can't be used; expected two or more finite numbers, the relative "
            "amounts of binder from the first plane to the last."
        )
    if not given.sum() > 0:
        raise InputError(f"profile={profile!r} holds no binder; expected a positive mean.")
    depth = (np.arange(len(pore)) + 0.5) / len(pore)
    shares = np.interp(depth, np.linspace(0, 1, given.size), given)
    shares /= shares.sum()
    mean = 1 / len(pore)
    if given.min() < 0:
        lowest = given.min() / given.mean()
        raise InputError(
            f"The profile needs negative binder: its lowest value is {given.min():.4g} with a mean "
            f"of {given.mean():.4g}. The most of its slope that can be reached is "
            f"{1 / (1 - lowest):.4g} of it; flatten it to that."
        )
    free = np.count_nonzero(pore, axis=(1, 2))
    wanted = shares * count
    if (wanted > free + 0.5).any():
        worst = int(np.argmax(np.where(shares > 0, wanted / np.maximum(free, 1e-9), 0)))
        reached = int(
            np.min(np.divide(free, shares, out=np.full(len(pore), np.inf), where=shares > 0))
        )
        raise InputError(
            f"The profile asks for {shares[worst] / mean * count / pore.size:.4g} of binder in "
            f"plane {worst}, where the pore holds {free[worst] / pore[0].size:.4g}. With this "
            f"profile at most a volume fraction of {reached / pore.size:.6g} can be reached."
        )
    counts: npt.NDArray[np.int64] = np.floor(wanted).astype(np.int64)
    np.minimum(counts, free, out=counts)
    rest = count - int(counts.sum())
    while rest > 0:  # largest remainders first, where there is room
        order = np.argsort(-np.where(counts < free, wanted - counts, -np.inf), kind="stable")
        order = order[: min(rest, int(np.count_nonzero(counts < free)))]
        counts[order] += 1
        rest = count - int(counts.sum())
    return counts
