"""The readers' face: which format, which spacing, which labels."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt._progress import steps
from vmt._units import check_spacing, format_length, parse_spacing
from vmt.errors import InputError, VmtWarning
from vmt.io import _folder, _hdf5, _numpy, _raw, _tiff, _vti, _zarr
from vmt.io._volume import Volume, check_dtype, reading
from vmt.microstructure import GreyImage, Microstructure

MAX_PHASES = 16
MAX_LABEL = 255
#: lengths that a voxel of a microscope or a tomograph can have [m]
SMALLEST, LARGEST = 1e-11, 1e-3
SPACING_TOLERANCE = 1e-3
_SAMPLED_LAYERS = 32
_ADVICE = "Crop or coarsen the image, or store it uncompressed (raw, npy, TIFF) to map it."

Spacing = float | tuple[float, float, float] | str


def read_labels(
    path: str | os.PathLike[str],
    *,
    spacing: Spacing | None = None,
    phases: Mapping[str, int] | None = None,
    dataset: str | None = None,
) -> Microstructure:
    """Read a segmented image.

    Parameters
    ----------
    path : path
        TIFF stack, folder of TIFF or PNG slices, raw file with its JSON sidecar, ``.npy``,
        ``.npz``, Zarr or OME-Zarr, HDF5, or VTI. Axes stay as stored: page, row and column of a
        TIFF are axes 0, 1 and 2 (through-plane is axis 0), so that PhysicalSizeZ is dx,
        PhysicalSizeY is dy and PhysicalSizeX is dz. A 2D image becomes (nx, ny, 1).
    spacing : float, (dx, dy, dz) or str, optional
        Voxel edge lengths in meters, or with their unit, ``"10 nm"`` or ``"10 nm, 10 nm, 20 nm"``.
        Needed where the file has none. One that differs from the file's by more than 0.1 % wins,
        with a warning.
    phases : mapping of str to int, optional
        Names of labels; wins over names in the file. Labels of the image that it leaves out are
        called "phase N".
    dataset : str, optional
        Which array of an npz, Zarr, HDF5 or VTI file; needed where there are several.

    Returns
    -------
    Microstructure
        Its labels (nx, ny, nz) are a read-only memory map where the file stores plain uint8.

    Raises
    ------
    InputError
        If the file can't be read, there is no spacing or an impossible one, or the image has more
        than 16 distinct values, NaN, fractions, or values outside 0 to 255.
    MemoryBudgetError
        If the decoded image does not fit into memory.

    Examples
    --------
    >>> import tempfile
    >>> labels = np.zeros((4, 4, 4), np.uint8)
    >>> labels[2:] = 1
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/image.npy", labels)
    ...     m = read_labels(f"{folder}/image.npy", spacing="10 nm")
    >>> m
    Microstructure(4×4×4 voxels of 10 nm; pore 50.00 %, solid 50.00 %)
    """
    target = _existing(path)
    with reading(target), _open(target, dataset) as volume:
        voxel = _resolve_spacing(spacing, volume.metadata.spacing, target)
        names = phases if phases is not None else volume.metadata.phases
        mapped = None if volume.mapped is None else _bytes_of(volume.mapped)
        if mapped is not None and mapped.dtype == np.uint8:
            labels, found = mapped, _scan(mapped, target, everything=bool(names))
        else:
            labels, found = _decode_labels(volume, target)
        return Microstructure(labels, voxel, _cover(names, found) if names else {})


def read_grey(
    path: str | os.PathLike[str],
    *,
    spacing: Spacing | None = None,
    dataset: str | None = None,
) -> GreyImage:
    """Read a grey image in its own type of numbers.

    Parameters
    ----------
    path, spacing, dataset
        As for `read_labels`.

    Returns
    -------
    GreyImage
        Its values (nx, ny, nz) are a read-only memory map where the file stores them plainly.

    Raises
    ------
    InputError
        If the file can't be read, there is no spacing or an impossible one, or it holds NaN.
    MemoryBudgetError
        If the decoded image does not fit into memory.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     np.save(f"{folder}/image.npy", np.ones((2, 3), np.uint16))
    ...     image = read_grey(f"{folder}/image.npy", spacing=1e-8)
    >>> image
    GreyImage(2×3×1 voxels of 10 nm × 10 nm × 10 nm, uint16)
    """
    target = _existing(path)
    with reading(target), _open(target, dataset) as volume:
        voxel = _resolve_spacing(spacing, volume.metadata.spacing, target)
        if volume.mapped is not None:
            return GreyImage(_bytes_of(volume.mapped), voxel)
        dtype = np.dtype(np.uint8) if volume.dtype == np.bool_ else volume.dtype.newbyteorder("=")
        size = math.prod(volume.shape) * dtype.itemsize
        require_memory(size + 2 * volume.block_bytes, f"Reading {str(target)!r}", _ADVICE)
        values = np.empty(volume.shape, dtype)
        with steps(f"reading {target.name}", volume.count) as step:
            for place, block in volume.blocks():
                values[place] = block
                step()
        return GreyImage(values, voxel)


def _existing(path: str | os.PathLike[str]) -> Path:
    target = Path(path)
    with reading(target):
        target.stat()
    return target


@contextmanager
def _open(path: Path, dataset: str | None) -> Iterator[Volume]:
    with _opener(path, dataset) as volume:
        check_dtype(volume.dtype, path)
        yield volume


def _opener(path: Path, dataset: str | None) -> AbstractContextManager[Volume]:
    suffix = path.suffix.lower()
    if path.is_dir():
        if _zarr.is_zarr(path):
            return _zarr.open_volume(path, dataset)
        if suffix == ".zarr":
            raise InputError(f"The folder {str(path)!r} holds no Zarr array or group.")
        _no_dataset(dataset, path)
        return _folder.open_volume(path)
    if suffix == ".npz":
        return _numpy.open_npz(path, dataset)
    if suffix in (".h5", ".hdf5", ".hdf"):
        return _hdf5.open_volume(path, dataset)
    if suffix == ".vti":
        return _vti.open_volume(path, dataset)
    _no_dataset(dataset, path)
    if suffix in (".tif", ".tiff"):
        return _tiff.open_volume(path)
    if suffix in (".raw", ".json"):
        return _raw.open_volume(path)
    if suffix == ".npy":
        return _numpy.open_npy(path)
    raise InputError(
        f"{str(path)!r} has no known suffix; expected .tif, .raw (with .raw.json), .npy, .npz, "
        ".zarr, .h5, .vti, or a folder of TIFF or PNG slices."
    )


def _no_dataset(dataset: str | None, path: Path) -> None:
    if dataset is not None:
        raise InputError(
            f"dataset={dataset!r} was given, but {str(path)!r} holds one image only; leave it out."
        )


def _resolve_spacing(
    given: Spacing | None, stored: tuple[float, float, float] | None, path: Path
) -> tuple[float, float, float]:
    if given is None:
        if stored is None:
            raise InputError(
                f"{str(path)!r} has no voxel spacing and none was given; a spacing is never "
                'guessed. Give it, as spacing="10 nm" (or in meters, spacing=10e-9).'
            )
        return _plausible(stored, f"The spacing in {str(path)!r}")
    voxel = parse_spacing(given) if isinstance(given, str) else check_spacing(given)
    _plausible(voxel, "The spacing")
    if stored is not None and any(
        abs(a - b) > SPACING_TOLERANCE * b for a, b in zip(voxel, stored, strict=True)
    ):
        warnings.warn(
            f"The given spacing {_lengths(voxel)} is used, but {str(path)!r} says "
            f"{_lengths(stored)}.",
            VmtWarning,
            stacklevel=3,
        )
    return voxel


def _plausible(spacing: tuple[float, float, float], subject: str) -> tuple[float, float, float]:
    """Refuse voxels that no microscope makes: a sign of a wrong unit."""
    for value in spacing:
        if SMALLEST <= value <= LARGEST:
            continue
        meant = value * 1e-9 if value >= 1 else value * 1e-6
        hint = (
            f'did you mean "{format_length(meant)}"?'
            if SMALLEST <= meant <= LARGEST and value > LARGEST
            else "spacings are in meters."
        )
        raise InputError(
            f"{subject} has an edge of {value:.3g} m; expected {format_length(SMALLEST)} to "
            f"{format_length(LARGEST)}: {hint}"
        )
    return spacing


def _lengths(spacing: tuple[float, float, float]) -> str:
    return " × ".join(map(format_length, spacing))


def _bytes_of(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array.view(np.uint8) if array.dtype == np.bool_ else array


def _scan(labels: npt.NDArray[Any], path: Path, *, everything: bool) -> set[int]:
    """Labels of a map of bytes, in all layers or in some; stops at the first that are too many."""
    count = len(labels)
    step = 1 if everything else max(count // _SAMPLED_LAYERS, 1)
    found: set[int] = set()
    for index in range(0, count, step):
        layer = np.asarray(labels[index]).ravel()
        found.update(np.flatnonzero(np.bincount(layer, minlength=MAX_LABEL + 1)).tolist())
        _few(found, path)
    return found


def _decode_labels(volume: Volume, path: Path) -> tuple[npt.NDArray[np.uint8], set[int]]:
    size = math.prod(volume.shape)
    # a block is decoded, checked (counts take 8 bytes a voxel) and copied before the next
    work = volume.block_bytes * (2 + 8 // volume.dtype.itemsize)
    require_memory(size + work, f"Reading {str(path)!r}", _ADVICE)
    labels = np.empty(volume.shape, np.uint8)
    found: set[int] = set()
    with steps(f"reading {path.name}", volume.count) as step:
        for place, block in volume.blocks():
            part = _as_bytes(block, path)
            found.update(np.flatnonzero(np.bincount(part.ravel(), minlength=256)).tolist())
            _few(found, path)
            labels[place] = part
            step()
    return labels, found


def _as_bytes(block: npt.NDArray[Any], path: Path) -> npt.NDArray[np.uint8]:
    if block.dtype in (np.bool_, np.uint8):
        return np.asarray(block).view(np.uint8)
    low, high = block.min(), block.max()
    if block.dtype.kind == "f":
        if not (np.isfinite(low) and np.isfinite(high)):
            raise InputError(
                f"{str(path)!r} holds NaN or infinite values, which can't be labels; "
                "expected whole numbers from 0 to 255."
            )
        if (block != np.rint(block)).any():
            raise InputError(
                f"{str(path)!r} holds fractions, as {_a_fraction(block)}, which can't be labels; "
                "read a grey image with read_grey and segment it first."
            )
    if low < 0 or high > MAX_LABEL:
        _few(np.unique(block).tolist(), path)
        raise InputError(
            f"{str(path)!r} holds values from {low:g} to {high:g}; labels are whole numbers from "
            "0 to 255. Renumber them, or read a grey image with read_grey and segment it first."
        )
    return block.astype(np.uint8)


def _a_fraction(block: npt.NDArray[Any]) -> str:
    return f"{float(block[block != np.rint(block)][0]):.4g}"


def _few(found: Iterable[object], path: Path) -> None:
    distinct = len(set(found))
    if distinct > MAX_PHASES:
        raise InputError(
            f"{str(path)!r} has more than {MAX_PHASES} distinct values (at least {distinct}); it "
            "looks like a grey image. Read it with read_grey and segment it first."
        )


def _cover(names: Mapping[str, int], found: set[int]) -> dict[str, int]:
    """Give a name to each label that has none."""
    complete = {str(name): int(label) for name, label in names.items()}
    for label in sorted(found - set(complete.values())):
        name = f"phase {label}"
        while name in complete:
            name += "'"
        complete[name] = label
    return complete
