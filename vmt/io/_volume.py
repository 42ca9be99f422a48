"""A stored volume before its voxels are decoded, and the metadata that vmt stores with its own."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vmt._units import LENGTH_UNITS, check_spacing, parse_spacing
from vmt.errors import InputError, MemoryBudgetError, VmtError

SCHEMA_VERSION = 1
DIMENSIONS = 3
SLAB_BYTES = 2**24
MAX_METADATA = 2**20

Index = tuple[slice, slice, slice]
Block = tuple[Index, npt.NDArray[Any]]
Kind = Literal["labels", "grey"]


@dataclass(frozen=True, eq=False)
class Metadata:
    """What vmt stores beside the voxels: spacing [m], and for labels the names of the phases."""

    spacing: tuple[float, float, float] | None = None
    phases: Mapping[str, int] | None = None


@dataclass(frozen=True, eq=False)
class Volume:
    """A stored volume: its header is known, its voxels are mapped or wait to be decoded.

    `blocks` yields consecutive parts, each with its place; together they cover the volume.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    metadata: Metadata
    blocks: Callable[[], Iterator[Block]]
    count: int
    mapped: npt.NDArray[Any] | None = None
    block_bytes: int = SLAB_BYTES


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises into one InputError; the original stays chained.

    Decoders of foreign files raise anything: struct.error, zlib.error, KeyError, TypeError, ....
    """
    try:
        yield
    except (VmtError, Warning):  # a warning may be turned into an error
        raise
    except MemoryError as error:
        raise MemoryBudgetError(f"{str(path)!r} does not fit into memory: {error}") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{str(path)!r} can't be read: {reason}.") from error
    except Exception as error:
        raise InputError(
            f"{str(path)!r} can't be decoded; it may be damaged or cut off "
            f"({type(error).__name__}: {error})."
        ) from error


def full_shape(shape: tuple[int, ...], path: Path, what: str = "array") -> tuple[int, int, int]:
    """Three axes of a stored shape; a 2D image becomes (nx, ny, 1)."""
    if len(shape) not in (2, DIMENSIONS):
        raise InputError(
            f"The {what} of {str(path)!r} has the shape {tuple(shape)}; expected three axes "
            "(nx, ny, nz), or two for a 2D image."
        )
    if math.prod(shape) == 0:
        raise InputError(f"The {what} of {str(path)!r} has the shape {tuple(shape)}: no voxel.")
    nx, ny, nz = (*shape, 1)[:DIMENSIONS]
    return (int(nx), int(ny), int(nz))


def check_dtype(dtype: np.dtype[Any], path: Path) -> np.dtype[Any]:
    """Return the type of real numbers or bool that it is, or refuse it."""
    if dtype.kind not in "buif":
        raise InputError(
            f"{str(path)!r} holds values of type {dtype}; expected whole or real numbers."
        )
    return dtype


def check_file_size(path: Path, expected: int, what: str) -> None:
    """Refuse a file that holds fewer or more bytes than its header says."""
    found = path.stat().st_size
    if found != expected:
        raise InputError(
            f"{str(path)!r} has {found} bytes, but {what} needs {expected}; "
            "the file is cut off, or its header belongs to another."
        )


def slabs(shape: tuple[int, int, int], dtype: np.dtype[Any], axis: int = 0) -> Iterator[Index]:
    """Places of consecutive slabs across an axis, each of about 16 MiB."""
    step = slab_thickness(shape, dtype, axis)
    for start in range(0, shape[axis], step):
        place = [slice(None)] * DIMENSIONS
        place[axis] = slice(start, min(start + step, shape[axis]))
        yield (place[0], place[1], place[2])


def slab_thickness(shape: tuple[int, int, int], dtype: np.dtype[Any], axis: int = 0) -> int:
    """Layers in a slab of about 16 MiB."""
    layer = math.prod(shape) // shape[axis] * dtype.itemsize
    return min(max(SLAB_BYTES // max(layer, 1), 1), shape[axis])


def from_array(array: npt.NDArray[Any], metadata: Metadata) -> Volume:
    """Wrap a map of voxels; one with axis 0 fastest is to be copied into C order slab by slab."""
    nx, ny, nz = array.shape
    shape = (nx, ny, nz)
    plain = array.flags.c_contiguous
    axis = 0 if plain else 2

    def blocks() -> Iterator[Block]:
        for place in slabs(shape, array.dtype, axis):
            yield place, array[place]

    count = -(-shape[axis] // slab_thickness(shape, array.dtype, axis))
    return Volume(shape, array.dtype, metadata, blocks, count, array if plain else None)


def encode(
    kind: Kind, spacing: tuple[float, float, float], phases: Mapping[str, int] | None
) -> dict[str, Any]:
    """Metadata as JSON content."""
    content: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "kind": kind,
        "spacing [m]": list(spacing),
    }
    if phases is not None:
        content["phases"] = dict(phases)
    return content


def decode(content: object, path: Path) -> Metadata:
    """Read metadata that `encode` made; a newer schema or a wrong type is refused."""
    if not isinstance(content, Mapping):
        raise InputError(f"The vmt metadata in {str(path)!r} is not a JSON object.")
    version = content.get("schema_version")
    if not isinstance(version, int) or version < 1:
        raise InputError(f"The vmt metadata in {str(path)!r} has no schema_version.")
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{str(path)!r} was written by a newer vmt (schema {version}, known "
            f"{SCHEMA_VERSION}); update vmt to read it."
        )
    spacing = content.get("spacing [m]")
    phases = content.get("phases")
    if phases is not None and not (
        isinstance(phases, Mapping) and all(type(v) is int for v in phases.values())
    ):
        raise InputError(
            f"The phases in {str(path)!r} are {phases!r}; expected names and whole numbers, "
            'as {"pore": 0, "solid": 1}.'
        )
    if spacing is None:
        return Metadata(None, phases)
    known = parse_spacing(spacing) if isinstance(spacing, str) else check_spacing(spacing)
    return Metadata(known, phases)


def parse_json(text: str | bytes, path: Path) -> Any:
    """Parse JSON of bounded size."""
    if len(text) > MAX_METADATA:
        raise InputError(f"The metadata in {str(path)!r} is larger than {MAX_METADATA} bytes.")
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"The metadata in {str(path)!r} is not JSON: {error}.") from error


def length_unit(name: object) -> float | None:
    """Meters per unit of a length's name as files spell it, or None where it isn't one."""
    text = str(name).replace("\\u00B5", "µ").replace("\\u00b5", "µ").strip()
    for spelling in (text, text.lower(), text.lower().removesuffix("s")):
        if spelling in LENGTH_UNITS:
            return LENGTH_UNITS[spelling]
    return None


def positive(values: tuple[float | None, ...]) -> tuple[float, float, float] | None:
    """Three positive, finite lengths, or None where one is missing or isn't one."""
    known = [float(v) for v in values if v is not None and math.isfinite(v) and v > 0]
    return (known[0], known[1], known[2]) if len(known) == DIMENSIONS == len(values) else None


def choose(names: list[str], dataset: str | None, path: Path) -> str:
    """Name of the one array to read: the given one, or the only one that there is."""
    listed = ", ".join(repr(name) for name in sorted(names)) or "none"
    if dataset is not None:
        if dataset in names:
            return dataset
        raise InputError(
            f"{str(path)!r} has no image {dataset!r}; its 2D and 3D arrays are: {listed}."
        )
    if len(names) != 1:
        raise InputError(
            f"{str(path)!r} holds {len(names)} arrays that could be the image: {listed}. "
            "Name one with dataset=..."
        )
    return names[0]


def parse_xml(text: bytes, path: Path) -> Any:
    """Parse XML of an untrusted file: no document type, hence no entities to expand."""
    import xml.etree.ElementTree as ET

    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"The XML in {str(path)!r} is not UTF-8.") from error
    if "<!DOCTYPE" in decoded or "<!ENTITY" in decoded:
        raise InputError(f"The XML in {str(path)!r} declares a document type; that is refused.")
    try:
        return ET.fromstring(decoded)
    except ET.ParseError as error:
        raise InputError(f"The XML in {str(path)!r} is not well-formed: {error}.") from error
