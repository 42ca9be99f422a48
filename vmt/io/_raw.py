"""Raw voxels with a JSON sidecar."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vmt._files import whole_file
from vmt.errors import InputError
from vmt.io._volume import (
    DIMENSIONS,
    MAX_METADATA,
    Volume,
    check_file_size,
    decode,
    from_array,
    parse_json,
)

_TYPES = (
    *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "float32", "float64"),
)
_ORDERS: dict[str, Literal["<", ">"]] = {"little": "<", "big": ">"}


@contextmanager
def open_volume(path: Path) -> Iterator[Volume]:
    """Map a raw file that is given by its own or its sidecar's path."""
    data, sidecar = _pair(path)
    if sidecar.stat().st_size > MAX_METADATA:
        raise InputError(f"The sidecar {str(sidecar)!r} is larger than {MAX_METADATA} bytes.")
    content = parse_json(sidecar.read_bytes(), sidecar)
    metadata = decode(content, sidecar)
    shape = content.get("shape")
    if not (
        isinstance(shape, list)
        and len(shape) == DIMENSIONS
        and all(type(n) is int and n > 0 for n in shape)
    ):
        raise InputError(f'{str(sidecar)!r} has "shape": {shape!r}; expected [nx, ny, nz].')
    name = _one_of(content, "dtype", _TYPES, sidecar)
    order = _one_of(content, "order", ("C", "F"), sidecar)
    byte_order = _one_of(content, "byte_order", tuple(_ORDERS), sidecar)
    dtype = np.dtype(name).newbyteorder(_ORDERS[byte_order])
    check_file_size(data, math.prod(shape) * dtype.itemsize, f"{shape} voxels of {name}")
    array: npt.NDArray[Any] = np.memmap(
        data, dtype, mode="r", shape=tuple(shape), order="C" if order == "C" else "F"
    )
    yield from_array(array, metadata)


def _pair(path: Path) -> tuple[Path, Path]:
    if path.suffix.lower() == ".json":
        bare = path.with_suffix("")
        data = bare if bare.suffix else path.with_suffix(".raw")
        if not data.is_file():
            raise InputError(f"The sidecar {str(path)!r} has no raw file {str(data)!r} beside it.")
        return data, path
    for sidecar in (path.with_name(path.name + ".json"), path.with_suffix(".json")):
        if sidecar.is_file():
            return path, sidecar
    raise InputError(
        f"The raw file {str(path)!r} has no sidecar {path.name + '.json'!r} beside it; write one "
        "with shape, dtype, order, byte_order, spacing [m] and schema_version (see vmt.io)."
    )


def _one_of(content: Mapping[str, Any], key: str, known: tuple[str, ...], path: Path) -> str:
    value = content.get(key)
    if value not in known:
        raise InputError(f'{str(path)!r} has "{key}": {value!r}; expected one of {known}.')
    return str(value)


def write(array: npt.NDArray[Any], metadata: Mapping[str, Any], path: Path) -> None:
    """Write voxels in C order and little-endian, and their sidecar."""
    dtype = array.dtype.newbyteorder("<")
    content = dict(metadata) | {
        "shape": list(array.shape),
        "dtype": array.dtype.newbyteorder("=").name,
        "order": "C",
        "byte_order": "little",
    }
    with whole_file(path) as data, whole_file(path.with_name(path.name + ".json")) as sidecar:
        with open(data, "wb") as stream:
            for part in array:
                stream.write(np.ascontiguousarray(part, dtype=dtype).tobytes())
        text = json.dumps(content, indent=2, ensure_ascii=False)
        sidecar.write_text(text + "\n", encoding="utf-8")
