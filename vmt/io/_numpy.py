"""NumPy's own files: .npy is mapped, .npz is read in slabs from the archive."""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from vmt._files import whole_file
from vmt.errors import InputError
from vmt.io._volume import (
    DIMENSIONS,
    MAX_METADATA,
    SLAB_BYTES,
    Block,
    Metadata,
    Volume,
    check_dtype,
    choose,
    decode,
    from_array,
    full_shape,
    parse_json,
    slab_thickness,
    slabs,
)

_METADATA = "metadata"


@contextmanager
def open_npy(path: Path) -> Iterator[Volume]:
    """Map an .npy file; it has no spacing."""
    array = npy.open_memmap(path, mode="r")
    yield from_array(array.reshape(full_shape(array.shape, path)), Metadata())


@contextmanager
def open_npz(path: Path, dataset: str | None) -> Iterator[Volume]:
    """Open an .npz file; nothing is unpacked beyond what the headers say."""
    with zipfile.ZipFile(path) as archive:
        headers = {
            info.filename.removesuffix(".npy"): _header(archive, info)
            for info in archive.infolist()
            if info.filename.endswith(".npy")
        }
        metadata = _metadata(archive, headers, path)
        images = [n for n, (s, _, d, _) in headers.items() if d.kind in "buif" and len(s) in (2, 3)]
        if dataset is None and any(len(headers[n][0]) == DIMENSIONS for n in images):
            images = [n for n in images if len(headers[n][0]) == DIMENSIONS]
        name = choose(images, dataset, path)
        stored, fortran, dtype, offset = headers[name]
        check_dtype(dtype, path)
        shape = full_shape(stored, path)
        member = archive.getinfo(name + ".npy")
        expected = offset + math.prod(shape) * dtype.itemsize
        if member.file_size != expected:
            raise InputError(
                f"The array {name!r} of {str(path)!r} has {member.file_size} bytes, but its header "
                f"needs {expected}; the file is damaged."
            )
        axis = 0
        if fortran:
            axis = len(stored) - 1

        def blocks() -> Iterator[Block]:
            with archive.open(member) as stream:
                _exactly(stream, offset)
                for place in slabs(shape, dtype, axis):
                    size = tuple(
                        n if s == slice(None) else s.stop - s.start
                        for n, s in zip(shape, place, strict=True)
                    )
                    data = _exactly(stream, math.prod(size) * dtype.itemsize)
                    flat = np.frombuffer(data, dtype)
                    yield place, flat.reshape(size, order="F" if fortran else "C")

        count = -(-shape[axis] // slab_thickness(shape, dtype, axis))
        layer = math.prod(shape) // shape[axis] * dtype.itemsize
        yield Volume(shape, dtype, metadata, blocks, count, None, max(layer, SLAB_BYTES))


def _header(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo
) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    with archive.open(info) as stream:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, fortran, dtype = read(stream)
        return tuple(shape), bool(fortran), dtype, stream.tell()


def _metadata(archive: zipfile.ZipFile, headers: Mapping[str, Any], path: Path) -> Metadata:
    if _METADATA not in headers or headers[_METADATA][2].kind != "U":
        return Metadata()
    member = archive.getinfo(_METADATA + ".npy")
    if member.file_size > 4 * MAX_METADATA:
        raise InputError(f"The metadata in {str(path)!r} is larger than {MAX_METADATA} letters.")
    with archive.open(member) as stream:
        text = npy.read_array(stream, allow_pickle=False)
    content = parse_json(str(text[()]), path)
    return decode(content["vmt"], path) if "vmt" in content else Metadata()


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise EOFError(f"expected {count} bytes, found {len(data)}")
    return data


def write_npz(array: npt.NDArray[Any], metadata: Mapping[str, Any], path: Path) -> None:
    """Write a compressed .npz: the array under "labels" or "values", metadata as JSON text."""
    name = "labels" if metadata["kind"] == "labels" else "values"
    text = np.array(json.dumps({"vmt": metadata}, ensure_ascii=False))
    with (
        whole_file(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=4) as archive,
    ):
        for key, value in ((name, array), (_METADATA, text)):
            with archive.open(key + ".npy", "w", force_zip64=True) as stream:
                npy.write_array(stream, value, allow_pickle=False)
