"""The nouns: a segmented structure and a grey image, each with its voxel spacing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._units import check_spacing, format_length
from vmt.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GreyImage", "Microstructure"]

_MAX_PHASES = 16
_DIMENSIONS = 3


def _read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the array, or a view of it, that can't be written through; a memmap stays one."""
    if array.flags.writeable:
        array = array.view()
        array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Microstructure:
    """A segmented structure: one label per voxel, the voxel spacing, and the names of the phases.

    Axis 0 is through-plane, from the separator (index 0) to the current collector.

    Parameters
    ----------
    labels : (nx, ny, nz) array of unsigned integers or bool
        Phase label of each voxel; kept read-only, as uint8. A memory map stays one.
    spacing : float or (dx, dy, dz)
        Voxel edge lengths [m].
    phases : mapping of str to int, optional
        Name of each label. Every label in the image needs a name. Without names, an image of
        zeros and one other label gets ``{"pore": 0, "solid": label}``; any other, "phase 0", ....

    Raises
    ------
    InputError
        If the array is not three-dimensional, not integer, empty, has negative labels, labels
        above 255, more than 16 distinct labels, or labels without a name.

    Examples
    --------
    >>> labels = np.zeros((4, 4, 4), np.uint8)
    >>> labels[2:] = 1
    >>> m = Microstructure(labels, 10e-9)
    >>> m.volume_fraction("solid")
    0.5
    >>> m
    Microstructure(4×4×4 voxels of 10 nm; pore 50.00 %, solid 50.00 %)
    """

    labels: npt.NDArray[np.uint8]
    spacing: tuple[float, float, float]
    phases: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        labels = _as_labels(self.labels)
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "spacing", check_spacing(self.spacing))
        counts = np.zeros(256, np.int64)
        for part in labels:
            counts += np.bincount(part.ravel(), minlength=256)
        object.__setattr__(self, "_counts", counts)
        object.__setattr__(self, "phases", MappingProxyType(_name_phases(self.phases, counts)))

    _counts: npt.NDArray[np.int64] = field(init=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (np.asarray(self.labels), self.spacing, dict(self.phases))

    def __repr__(self) -> str:
        size = "×".join(str(n) for n in self.shape)
        dx, dy, dz = self.spacing
        voxel = format_length(dx) if dx == dy == dz else "×".join(map(format_length, self.spacing))
        parts = (f"{name} {100 * self.volume_fraction(name):.2f} %" for name in self.phases)
        return f"Microstructure({size} voxels of {voxel}; {', '.join(parts)})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels (nx, ny, nz)."""
        nx, ny, nz = self.labels.shape
        return (nx, ny, nz)

    @property
    def size(self) -> tuple[float, float, float]:
        """Edge lengths of the window [m]."""
        (nx, ny, nz), (dx, dy, dz) = self.shape, self.spacing
        return (nx * dx, ny * dy, nz * dz)

    def label_of(self, phase: str | int) -> int:
        """Label of a phase given by name or by label.

        Raises
        ------
        InputError
            If the structure has no such phase.
        """
        if isinstance(phase, str):
            if phase in self.phases:
                return self.phases[phase]
        elif phase in self.phases.values():
            return int(phase)
        known = ", ".join(f"{name!r} ({label})" for name, label in self.phases.items())
        raise InputError(f"There is no phase {phase!r} in this structure; its phases are {known}.")

    def name_of(self, phase: str | int) -> str:
        """Name of a phase given by name or by label."""
        label = self.label_of(phase)
        return next(name for name, value in self.phases.items() if value == label)

    def mask(self, phase: str | int) -> npt.NDArray[np.bool_]:
        """Where the phase is: bool (nx, ny, nz), a new array of 1 byte per voxel."""
        return np.asarray(self.labels == self.label_of(phase))

    def volume_fraction(self, phase: str | int) -> float:
        """Share of the window's voxels that belong to the phase (point count)."""
        return float(self._counts[self.label_of(phase)] / self.labels.size)

    def crop(
        self, x: slice = slice(None), y: slice = slice(None), z: slice = slice(None)
    ) -> Microstructure:
        """Cut out a box of voxels; a view, nothing is copied. Steps other than 1 are refused."""
        for part in (x, y, z):
            if part.step not in (None, 1):
                raise InputError(f"A crop takes every voxel; got {part}. Use coarsen(factor).")
        return Microstructure(self.labels[x, y, z], self.spacing, self.phases)

    def coarsen(self, factor: int) -> Microstructure:
        """Merge blocks of `factor`³ voxels into one by majority (ties: the smallest label).

        Voxels at the upper faces that don't fill a block are left out. An axis of one voxel, as
        of a 2D structure, is left as it is.
        """
        if factor < 1 or int(factor) != factor:
            raise InputError(f"Expected a whole factor of at least 1; got {factor!r}.")
        factors = tuple(1 if n == 1 else int(factor) for n in self.shape)
        shape = tuple(n // f for n, f in zip(self.shape, factors, strict=True))
        if 0 in shape:
            raise InputError(f"A factor of {factor} leaves no voxel of {self.shape}.")
        cut = self.labels[tuple(slice(n * f) for n, f in zip(shape, factors, strict=True))]
        best = np.zeros(shape, np.int32)
        merged = np.zeros(shape, np.uint8)
        blocks = cut.reshape(shape[0], factors[0], shape[1], factors[1], shape[2], factors[2])
        for label in sorted(self.phases.values()):
            count = (blocks == label).sum(axis=(1, 3, 5), dtype=np.int32)
            merged[count > best] = label
            np.maximum(best, count, out=best)
        spacing = tuple(d * f for d, f in zip(self.spacing, factors, strict=True))
        return Microstructure(merged, spacing, self.phases)  # type: ignore[arg-type]  # three of them

    def with_labels(self, labels: npt.NDArray[Any]) -> Microstructure:
        """Return the same spacing and names with other labels."""
        return Microstructure(labels, self.spacing, self.phases)

    def plot(self, ax: Axes | None = None, *, axis: int = 1, index: int | None = None) -> Axes:
        """Draw the slice `index` (default: the middle one) normal to `axis`."""
        from vmt._plotting import axes, draw_slice

        place = self.shape[axis] // 2 if index is None else index
        plane = np.take(self.labels, place, axis=axis)
        first, second = (d for i, d in enumerate(self.spacing) if i != axis)
        return draw_slice(axes(ax), plane, (first, second), self.phases)


def _as_labels(labels: object) -> npt.NDArray[np.uint8]:
    array = labels if isinstance(labels, np.ndarray) else np.asarray(labels)
    if array.ndim != _DIMENSIONS:
        raise InputError(
            f"Labels of shape {array.shape} can't be used; expected three axes (nx, ny, nz); "
            "a 2D image is (nx, ny, 1)."
        )
    if array.size == 0:
        raise InputError(f"Labels of shape {array.shape} hold no voxel.")
    if array.dtype == np.bool_:
        return _read_only(array.view(np.uint8))
    if array.dtype == np.uint8:
        return _read_only(array)
    if not np.issubdtype(array.dtype, np.integer):
        raise InputError(
            f"Labels of type {array.dtype} can't be used; expected whole numbers from 0 to 255. "
            "A grey image is read with read_grey and segmented first."
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > np.iinfo(np.uint8).max:
        raise InputError(
            f"Labels from {low} to {high} can't be used; expected whole numbers from 0 to 255."
        )
    return _read_only(array.astype(np.uint8))


def _name_phases(phases: Mapping[str, int], counts: npt.NDArray[np.int64]) -> dict[str, int]:
    found = [int(v) for v in np.flatnonzero(counts)]
    if len(found) > _MAX_PHASES:
        raise InputError(
            f"The image has {len(found)} distinct values; a segmented one has at most "
            f"{_MAX_PHASES}. Read a grey image with read_grey and segment it first."
        )
    if not phases:
        if len(set(found) - {0}) <= 1:
            return {"pore": 0, "solid": max([*found, 1])}
        return {f"phase {label}": label for label in found}
    named = {str(name): int(label) for name, label in phases.items()}
    if len(set(named.values())) != len(named):
        raise InputError(f"Two phases share a label in {named}; give each its own.")
    if any(not 0 <= label <= np.iinfo(np.uint8).max for label in named.values()):
        raise InputError(f"Labels are whole numbers from 0 to 255; got {named}.")
    missing = sorted(set(found) - set(named.values()))
    if missing:
        raise InputError(f"The labels {missing} of the image have no name in {named}; name them.")
    return named


@dataclass(frozen=True, eq=False)
class GreyImage:
    """A grey image: one value per voxel and the voxel spacing.

    Parameters
    ----------
    values : (nx, ny, nz) array of real numbers
        Grey values; kept read-only in their own type. A memory map stays one.
    spacing : float or (dx, dy, dz)
        Voxel edge lengths [m].

    Raises
    ------
    InputError
        If the array is not three-dimensional, empty, not real, or holds NaN or infinity.

    Examples
    --------
    >>> GreyImage(np.zeros((2, 3, 4), np.uint16), 10e-9).shape
    (2, 3, 4)
    """

    values: npt.NDArray[Any]
    spacing: tuple[float, float, float]

    def __post_init__(self) -> None:
        values = self.values if isinstance(self.values, np.ndarray) else np.asarray(self.values)
        if values.ndim != _DIMENSIONS or values.size == 0:
            raise InputError(
                f"A grey image of shape {values.shape} can't be used; expected three axes "
                "(nx, ny, nz); a 2D image is (nx, ny, 1)."
            )
        if not (
            np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)
        ):
            raise InputError(f"Grey values of type {values.dtype} can't be used; expected numbers.")
        if np.issubdtype(values.dtype, np.floating) and not all(
            np.isfinite(part).all() for part in values
        ):
            raise InputError(
                "The grey image holds NaN or infinite values; replace them before reading it."
            )
        object.__setattr__(self, "values", _read_only(values))
        object.__setattr__(self, "spacing", check_spacing(self.spacing))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (np.asarray(self.values), self.spacing)

    def __repr__(self) -> str:
        size = "×".join(str(n) for n in self.shape)
        voxel = " × ".join(map(format_length, self.spacing))
        return f"GreyImage({size} voxels of {voxel}, {self.values.dtype})"

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of voxels (nx, ny, nz)."""
        nx, ny, nz = self.values.shape
        return (nx, ny, nz)

    @property
    def size(self) -> tuple[float, float, float]:
        """Edge lengths of the window [m]."""
        (nx, ny, nz), (dx, dy, dz) = self.shape, self.spacing
        return (nx * dx, ny * dy, nz * dz)

    def plot(self, ax: Axes | None = None, *, axis: int = 1, index: int | None = None) -> Axes:
        """Draw the slice `index` (default: the middle one) normal to `axis`."""
        from vmt._plotting import axes, finish

        ax = axes(ax)
        place = self.shape[axis] // 2 if index is None else index
        plane = np.take(self.values, place, axis=axis)
        first, second = (d * 1e6 for i, d in enumerate(self.spacing) if i != axis)
        extent = (0.0, plane.shape[1] * second, plane.shape[0] * first, 0.0)
        ax.imshow(plane, cmap="gray", extent=extent)
        return finish(ax, xlabel="µm", ylabel="µm")
