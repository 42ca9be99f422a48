"""Zarr: an array with attributes, and level 0 of OME-Zarr (NGFF) multiscales."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt._files import whole_directory
from vmt.errors import InputError
from vmt.io._volume import (
    DIMENSIONS,
    MAX_METADATA,
    Block,
    Metadata,
    Volume,
    check_dtype,
    choose,
    decode,
    from_array,
    full_shape,
    length_unit,
    positive,
)

_CHUNK = 64
_MARKERS = ("zarr.json", ".zarray", ".zgroup")


def is_zarr(path: Path) -> bool:
    """Whether a folder is a Zarr array or group."""
    return any((path / name).is_file() for name in _MARKERS)


@contextmanager
def open_volume(path: Path, dataset: str | None) -> Iterator[Volume]:
    """Open an array, the only or the named array of a group, or level 0 of an image pyramid."""
    import zarr

    node = zarr.open(str(path), mode="r")
    if isinstance(node, zarr.Array):
        if dataset is not None:
            raise InputError(f"dataset={dataset!r} was given, but {str(path)!r} is one array.")
        yield _volume(node, path, path, _own(dict(node.attrs), path))
        return
    attributes: dict[str, Any] = dict(node.attrs)
    pyramid = attributes.get("ome", attributes).get("multiscales")
    if pyramid and dataset is None:
        level = pyramid[0]["datasets"][0]
        name = str(level["path"])
        array = _member(node, name, path)
        metadata = _own(dict(array.attrs), path)
        if metadata.spacing is None:
            metadata = Metadata(_ngff_spacing(pyramid[0], level, array.shape), metadata.phases)
        yield _volume(array, path / name, path, metadata)
        return
    arrays = {
        name: item for name, item in node.members(max_depth=8) if isinstance(item, zarr.Array)
    }
    name = choose(
        [n for n, item in arrays.items() if len(_squeezed(item.shape)) in (2, DIMENSIONS)],
        None if dataset is None else dataset.strip("/"),
        path,
    )
    yield _volume(arrays[name], path / name, path, _own(dict(arrays[name].attrs), path))


def _member(group: Any, name: str, path: Path) -> Any:
    if ".." in Path(name).parts or Path(name).is_absolute():
        raise InputError(f"{str(path)!r} points to the array {name!r} outside of itself.")
    return group[name]


def _squeezed(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Leading axes of length 1 (time, channel) are left out."""
    shape = tuple(shape)
    while len(shape) > DIMENSIONS and shape[0] == 1:
        shape = shape[1:]
    return shape


def _volume(array: Any, folder: Path, path: Path, metadata: Metadata) -> Volume:
    dtype = check_dtype(np.dtype(array.dtype), path)
    stored = _squeezed(array.shape)
    shape = full_shape(stored, path)
    file = _plain_chunk(folder, tuple(array.shape))
    if file is not None and file[0].stat().st_size == math.prod(shape) * dtype.itemsize:
        mapped: npt.NDArray[Any] = np.memmap(file[0], file[1], mode="r", shape=shape)
        return from_array(mapped, metadata)
    chunks = (getattr(array, "shards", None) or array.chunks)[-len(stored) :]
    ranges = [range(0, n, c) for n, c in zip(stored, chunks, strict=True)]
    lead = (0,) * (len(array.shape) - len(stored))

    def blocks() -> Iterator[Block]:
        for corner in itertools.product(*ranges):
            place = tuple(
                slice(a, min(a + c, n)) for a, c, n in zip(corner, chunks, stored, strict=True)
            )
            part = np.asarray(array[(*lead, *place)])
            full = (*place, slice(None))[:DIMENSIONS]
            yield (
                (full[0], full[1], full[2]),
                part.reshape(*part.shape, 1)[(...,) if len(place) < DIMENSIONS else (..., 0)],
            )

    count = math.prod(len(r) for r in ranges)
    return Volume(shape, dtype, metadata, blocks, count, None, math.prod(chunks) * dtype.itemsize)


def _plain_chunk(folder: Path, shape: tuple[int, ...]) -> tuple[Path, np.dtype[Any]] | None:
    """File and type of the one uncompressed chunk in C order that is the whole array, if so."""
    if (folder / "zarr.json").is_file():
        content = json.loads((folder / "zarr.json").read_bytes())
        grid = content["chunk_grid"]
        if grid["name"] != "regular" or tuple(grid["configuration"]["chunk_shape"]) != shape:
            return None
        codecs = content["codecs"]
        if len(codecs) != 1 or codecs[0]["name"] != "bytes":
            return None
        if not isinstance(content["data_type"], str):
            return None
        endian = codecs[0].get("configuration", {}).get("endian", "little")
        dtype = np.dtype(content["data_type"]).newbyteorder("<" if endian == "little" else ">")
        keys = content["chunk_key_encoding"]
        default = keys["name"] == "default"
        separator = keys.get("configuration", {}).get("separator", "/" if default else ".")
        name = separator.join((["c"] if default else []) + ["0"] * len(shape))
    elif (folder / ".zarray").is_file():
        content = json.loads((folder / ".zarray").read_bytes())
        plain = content.get("compressor") is None and not content.get("filters")
        if not plain or content["order"] != "C" or tuple(content["chunks"]) != shape:
            return None
        dtype = np.dtype(content["dtype"])
        name = content.get("dimension_separator", ".").join(["0"] * len(shape))
    else:
        return None
    file = folder / name
    return (file, dtype) if file.is_file() else None


def _own(attributes: Mapping[str, Any], path: Path) -> Metadata:
    return decode(attributes["vmt"], path) if "vmt" in attributes else Metadata()


def _ngff_spacing(
    pyramid: Mapping[str, Any], level: Mapping[str, Any], shape: tuple[int, ...]
) -> tuple[float, float, float] | None:
    """Scale of the three space axes times their units, in stored order; None without units."""
    scale = np.ones(len(shape))
    known = False
    for owner in (level, pyramid):
        for change in owner.get("coordinateTransformations") or ():
            if change.get("type") == "scale" and len(change.get("scale", ())) == len(shape):
                scale = scale * np.asarray(change["scale"], float)
                known = True
    axes = pyramid.get("axes") or ()
    if not known or len(axes) != len(shape) or not all(isinstance(a, Mapping) for a in axes):
        return None
    units = [length_unit(a.get("unit", "")) for a in axes[-DIMENSIONS:]]
    if any(a.get("type") != "space" for a in axes[-DIMENSIONS:]):
        return None
    lengths = zip(scale[-DIMENSIONS:], units, strict=False)
    return positive(tuple(None if u is None else float(s) * u for s, u in lengths))


def write(array: npt.NDArray[Any], metadata: Mapping[str, Any], path: Path) -> None:
    """Write one compressed array in chunks of 64³; only a Zarr folder is replaced."""
    import zarr

    if path.exists() and not (path.is_dir() and is_zarr(path)):
        raise InputError(f"{str(path)!r} exists and is no Zarr folder; choose another name.")
    if len(json.dumps(metadata)) > MAX_METADATA:
        raise InputError("The names of the phases are too long to be stored.")
    chunks = tuple(min(n, _CHUNK) for n in array.shape)
    with whole_directory(path) as folder:
        made = zarr.create_array(
            str(folder),
            shape=array.shape,
            dtype=array.dtype,
            chunks=chunks,
            attributes={"vmt": dict(metadata)},
            dimension_names=("x", "y", "z"),
            overwrite=True,
        )
        for start in range(0, len(array), chunks[0]):
            made[start : start + chunks[0]] = array[start : start + chunks[0]]
