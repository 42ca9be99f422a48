"""The nouns: a segmented structure, a level set and a grey image, each with its spacing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from vmt._units import check_spacing, format_length
from vmt.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GreyImage", "LevelSet", "Microstructure"]

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
        return _find_label(self.phases, phase, "structure")

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


@dataclass(frozen=True, eq=False)
class LevelSet:
    """Two phases by the sign of a smooth function, finer than voxels: negative inside.

    Parameters
    ----------
    values : (nx + 1, ny + 1, nz + 1) or (nx, ny, nz) array of real numbers
        At the corners or at the centers of nx × ny × nz cells; at most 0 inside. Any scale, best
        smooth across the boundary, as a distance is. Kept read-only, as float32.
    spacing : float or (dx, dy, dz)
        Edge lengths of a cell [m].
    at : {"corners", "centers"}
        Where the values are.
    inside, outside : str
        Names of the phases.

    Raises
    ------
    InputError
        If the array is not three-dimensional, has no cell, is not real, or holds NaN or infinity;
        if `at` or the names can't be used.

    Examples
    --------
    A ball of radius 30 nm in a box of 80 nm:

    >>> x = (np.arange(9) - 4) * 10e-9
    >>> distance = np.sqrt(x[:, None, None]**2 + x[:, None]**2 + x**2) - 30e-9
    >>> ball = LevelSet(distance, 10e-9)
    >>> ball
    LevelSet(8×8×8 cells of 10 nm, values at corners; solid 20.83 %, pore 79.17 %)
    >>> round(4 / 3 * np.pi * 3**3 / 8**3, 4), ball.to_microstructure().volume_fraction("solid")
    (0.2209, 0.171875)
    """

    values: npt.NDArray[np.float32]
    spacing: tuple[float, float, float]
    _: KW_ONLY
    at: Literal["corners", "centers"] = "corners"
    inside: str = "solid"
    outside: str = "pore"

    def __post_init__(self) -> None:
        if self.at not in ("corners", "centers"):
            raise InputError(f'at={self.at!r} can\'t be used; expected "corners" or "centers".')
        names = (self.inside, self.outside)
        if not all(isinstance(n, str) and n for n in names) or self.inside == self.outside:
            raise InputError(
                f"inside={self.inside!r} and outside={self.outside!r} can't be used; expected two "
                "different names."
            )
        values = self.values if isinstance(self.values, np.ndarray) else np.asarray(self.values)
        least = 2 if self.at == "corners" else 1
        if values.ndim != _DIMENSIONS or min(values.shape) < least:
            raise InputError(
                f"Values of shape {values.shape} at {self.at} can't be used; expected three axes, "
                + ("(nx + 1, ny + 1, nz + 1)." if least == 2 else "(nx, ny, nz).")
            )
        if not (
            np.issubdtype(values.dtype, np.integer) or np.issubdtype(values.dtype, np.floating)
        ):
            raise InputError(
                f"Values of type {values.dtype} can't be used; expected real numbers, negative "
                "inside."
            )
        values = values.astype(np.float32, copy=False)
        if not all(np.isfinite(part).all() for part in values):
            raise InputError("The level set holds NaN or infinite values; expected finite ones.")
        object.__setattr__(self, "values", _read_only(values))
        object.__setattr__(self, "spacing", check_spacing(self.spacing))
        object.__setattr__(self, "_share", None)

    _share: float | None = field(init=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        parts = (np.asarray(self.values), self.spacing, self.at, self.inside, self.outside)
        return _make_level_set, parts

    def __repr__(self) -> str:
        size = "×".join(str(n) for n in self.shape)
        dx, dy, dz = self.spacing
        cell = format_length(dx) if dx == dy == dz else "×".join(map(format_length, self.spacing))
        parts = ", ".join(
            f"{name} {100 * self.volume_fraction(name):.2f} %"
            for name in (self.inside, self.outside)
        )
        return f"LevelSet({size} cells of {cell}, values at {self.at}; {parts})"

    @classmethod
    def from_grey(
        cls,
        image: GreyImage,
        threshold: float,
        *,
        bright: str = "solid",
        dark: str = "pore",
    ) -> LevelSet:
        """Read a level set from a grey image: what a threshold would segment, with its fractions.

        The grey values near the boundary say where in the voxel it runs, as far as the image's
        blur is smooth and its noise small: smooth a noisy image first.

        Parameters
        ----------
        image : GreyImage
        threshold : float
            Grey value of the boundary.
        bright, dark : str
            Names of the phases at and above the threshold (inside), and below.

        Raises
        ------
        InputError
            If no value, or every value, is below the threshold.

        Examples
        --------
        >>> blurred = np.broadcast_to(np.array([0, 0, 25, 100, 100])[:, None, None], (5, 4, 4))
        >>> level_set = LevelSet.from_grey(GreyImage(blurred, 10e-9), 50)
        >>> round(level_set.volume_fraction("solid"), 4)
        0.45
        """
        grey = image.values
        low, high = float(grey.min()), float(grey.max())
        if not low < threshold <= high:
            raise InputError(
                f"threshold={threshold!r} leaves one phase of grey values from {low:g} to "
                f"{high:g}; expected a value between."
            )
        values = np.float32(threshold) - grey.astype(np.float32)
        return cls(values, image.spacing, at="centers", inside=bright, outside=dark)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Number of cells (nx, ny, nz)."""
        less = 1 if self.at == "corners" else 0
        nx, ny, nz = (n - less for n in self.values.shape)
        return (nx, ny, nz)

    @property
    def size(self) -> tuple[float, float, float]:
        """Edge lengths of the window [m]."""
        (nx, ny, nz), (dx, dy, dz) = self.shape, self.spacing
        return (nx * dx, ny * dy, nz * dz)

    @property
    def phases(self) -> Mapping[str, int]:
        """Labels that `to_microstructure` gives: 1 inside, 0 outside."""
        return {self.outside: 0, self.inside: 1}

    def label_of(self, phase: str | int) -> int:
        """Label of a phase given by name or by label.

        Raises
        ------
        InputError
            If the level set has no such phase.
        """
        return _find_label(self.phases, phase, "level set")

    def name_of(self, phase: str | int) -> str:
        """Name of a phase given by name or by label."""
        return (self.outside, self.inside)[self.label_of(phase)]

    def at_corners(self) -> LevelSet:
        """Return the same level set by values at the corners of its cells.

        Values at centers are interpolated (cubic); corners on the faces of the box take the linear
        continuation.
        """
        if self.at == "corners":
            return self
        from vmt.kernels.open_faces import centers_to_corners

        values = centers_to_corners(np.asarray(self.values), continued=True)
        return LevelSet(values, self.spacing, inside=self.inside, outside=self.outside)

    def volume_fraction(self, phase: str | int) -> float:
        """Share of the window's volume in the phase, cut cells by their cut (second order)."""
        from vmt.kernels.open_faces import cell_shares

        label = self.label_of(phase)
        share = self._share
        if share is None:
            share = cell_shares(self.at_corners().values)[0]
            object.__setattr__(self, "_share", share)
        return share if label == 1 else 1.0 - share

    def to_microstructure(self) -> Microstructure:
        """Voxels of the cells: label 1 where the major part of the volume is inside, else 0.

        Values at centers decide by their sign.
        """
        from vmt.kernels.open_faces import cell_shares

        if self.at == "centers":
            labels = np.asarray(self.values <= 0)
        else:
            labels = np.asarray(cell_shares(self.values, keep=True)[1] >= np.float32(0.5))
        return Microstructure(labels.view(np.uint8), self.spacing, self.phases)

    def plot(self, ax: Axes | None = None, *, axis: int = 1, index: int | None = None) -> Axes:
        """Draw the values and the boundary in the plane `index` normal to `axis`."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        place = self.values.shape[axis] // 2 if index is None else index
        plane = np.take(self.values, place, axis=axis)
        first, second = (d * 1e6 for i, d in enumerate(self.spacing) if i != axis)
        shift = 0.0 if self.at == "corners" else 0.5
        x = (np.arange(plane.shape[1]) + shift) * second
        y = (np.arange(plane.shape[0]) + shift) * first
        reach = float(np.abs(plane).max()) or 1.0
        image = ax.pcolormesh(x, y, plane, cmap="RdBu", vmin=-reach, vmax=reach, shading="gouraud")
        if plane.min() <= 0 < plane.max():
            ax.contour(x, y, plane, levels=[0.0], colors=[COLORS["truth"]], linewidths=1.0)
        ax.invert_yaxis()
        ax.set_aspect("equal")
        ax.figure.colorbar(image, ax=ax, label=f"level set (negative in {self.inside})")
        return finish(ax, xlabel="µm", ylabel="µm")


def _make_level_set(
    values: npt.NDArray[np.float32],
    spacing: tuple[float, float, float],
    at: Literal["corners", "centers"],
    inside: str,
    outside: str,
) -> LevelSet:
    return LevelSet(values, spacing, at=at, inside=inside, outside=outside)


def _find_label(phases: Mapping[str, int], phase: str | int, noun: str) -> int:
    if isinstance(phase, str):
        if phase in phases:
            return phases[phase]
    elif phase in phases.values():
        return int(phase)
    known = ", ".join(f"{name!r} ({label})" for name, label in phases.items())
    raise InputError(f"There is no phase {phase!r} in this {noun}; its phases are {known}.")
