"""HDF5: one dataset with attributes."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt._files import whole_file
from vmt.errors import InputError
from vmt.io._volume import (
    DIMENSIONS,
    Block,
    Index,
    Metadata,
    Volume,
    check_dtype,
    choose,
    decode,
    from_array,
    full_shape,
    parse_json,
    positive,
    slabs,
)

_CHUNK = 64
_ELEMENT_SIZE = "element_size_um"  # Fiji's and ilastik's attribute: (z, y, x) of a ZYX stack


@contextmanager
def open_volume(path: Path, dataset: str | None) -> Iterator[Volume]:
    """Open an HDF5 file: a contiguous dataset is mapped, a chunked one decoded by chunks."""
    import h5py

    with h5py.File(path, "r") as file:
        sizes: dict[str, int] = {}

        def collect(name: str, item: Any) -> None:
            if isinstance(item, h5py.Dataset) and item.dtype.kind in "buif":
                sizes[name] = item.ndim

        file.visititems(collect)
        images = [name for name, ndim in sizes.items() if ndim in (2, DIMENSIONS)]
        if dataset is None and any(sizes[name] == DIMENSIONS for name in images):
            images = [name for name in images if sizes[name] == DIMENSIONS]
        name = choose(images, None if dataset is None else dataset.strip("/"), path)
        item = file[name]
        if item.external or item.is_virtual:
            raise InputError(
                f"The dataset {name!r} of {str(path)!r} keeps its voxels in other files; copy it "
                "into one file first."
            )
        yield _volume(item, path)


def _volume(item: Any, path: Path) -> Volume:
    metadata = _metadata(item, path)
    dtype = check_dtype(np.dtype(item.dtype), path)
    shape = full_shape(item.shape, path, "dataset")
    offset = item.id.get_offset()
    if (
        item.chunks is None
        and offset is not None
        and not item.file.userblock_size
        and path.stat().st_size >= offset + math.prod(shape) * dtype.itemsize
    ):
        mapped: npt.NDArray[Any] = np.memmap(path, dtype, mode="r", offset=offset, shape=shape)
        return from_array(mapped, metadata)
    places = list(_places(item, shape, dtype))

    def blocks() -> Iterator[Block]:
        for place in places:
            part = item[place[: item.ndim]]
            yield place, part if part.ndim == DIMENSIONS else part[..., None]

    largest = max(_voxels(place, shape) for place in places) * dtype.itemsize
    return Volume(shape, dtype, metadata, blocks, len(places), None, largest)


def _places(item: Any, shape: tuple[int, int, int], dtype: np.dtype[Any]) -> Iterator[Index]:
    if item.chunks is None:
        yield from slabs(shape, dtype)
        return
    step = int(item.chunks[0])
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0])), slice(None), slice(None)


def _voxels(place: Index, shape: tuple[int, int, int]) -> int:
    return math.prod(len(range(n)[s]) for n, s in zip(shape, place, strict=True))


def _metadata(item: Any, path: Path) -> Metadata:
    if "vmt" in item.attrs:
        text = item.attrs["vmt"]
        return decode(parse_json(text, path), path)
    sizes = np.ravel(np.asarray(item.attrs.get(_ELEMENT_SIZE, ())))
    if sizes.size == DIMENSIONS and sizes.dtype.kind in "if":
        return Metadata(positive(tuple(float(v) * 1e-6 for v in sizes)))
    return Metadata()


def write(array: npt.NDArray[Any], metadata: Mapping[str, Any], path: Path) -> None:
    """Write one chunked dataset with gzip: "labels" or "values"."""
    import h5py

    name = "labels" if metadata["kind"] == "labels" else "values"
    chunks = tuple(min(n, _CHUNK) for n in array.shape)
    with whole_file(path) as temporary, h5py.File(temporary, "w") as file:
        item = file.create_dataset(
            name, array.shape, array.dtype, chunks=chunks, compression="gzip"
        )
        for start in range(0, len(array), chunks[0]):
            item[start : start + chunks[0]] = array[start : start + chunks[0]]
        item.attrs["vmt"] = json.dumps(metadata, ensure_ascii=False)
        item.attrs[_ELEMENT_SIZE] = [d * 1e6 for d in metadata["spacing [m]"]]
