"""A folder of slices: one TIFF or PNG per index of axis 0, in natural order of their names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt._files import whole_directory
from vmt.errors import InputError
from vmt.io import _tiff
from vmt.io._volume import (
    MAX_METADATA,
    Block,
    Metadata,
    Volume,
    decode,
    parse_json,
    reading,
)

SIDECAR = "vmt.json"
_SUFFIXES = {".tif": "TIFF", ".tiff": "TIFF", ".png": "PNG"}
_MODES = {"1": "bool", "L": "u1", "P": "u1", "I": "i4", "I;16": "u2", "I;16B": ">u2", "F": "f4"}

_Slice = tuple[tuple[int, int], np.dtype[Any], Callable[[], npt.NDArray[Any]]]


@contextmanager
def open_volume(path: Path) -> Iterator[Volume]:
    """Open a folder; all slices have the size and the type of the first, or it is refused."""
    files = sorted(
        (f for f in path.iterdir() if f.suffix.lower() in _SUFFIXES and f.name[0] != "."),
        key=_natural,
    )
    if not files:
        raise InputError(f"The folder {str(path)!r} holds no slice; expected .tif or .png files.")
    kinds = sorted({_SUFFIXES[f.suffix.lower()] for f in files})
    if len(kinds) > 1:
        raise InputError(f"The folder {str(path)!r} mixes {' and '.join(kinds)} files; keep one.")
    slices = []
    for file in files:
        with reading(file):
            slices.append(_tiff.read_slice(file) if kinds == ["TIFF"] else _read_png(file))
    shape, dtype, _ = slices[0]
    for file, (size, kind, _load) in zip(files, slices, strict=True):
        if (size, kind) != (shape, dtype):
            raise InputError(
                f"The slice {str(file)!r} is {size[0]}×{size[1]} of {kind}; expected "
                f"{shape[0]}×{shape[1]} of {dtype}, as {files[0].name!r} is."
            )

    def blocks() -> Iterator[Block]:
        for index, (file, one) in enumerate(zip(files, slices, strict=True)):
            with reading(file):
                plane = one[2]()
            if plane.shape != shape:
                raise InputError(f"The slice {str(file)!r} has the shape {plane.shape}.")
            yield (slice(index, index + 1), slice(None), slice(None)), plane[None]

    layer = shape[0] * shape[1] * dtype.itemsize
    yield Volume((len(files), *shape), dtype, _metadata(path), blocks, len(files), None, layer)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sort key that puts slice2 before slice10."""
    return [(int(p), "") if p.isdigit() else (-1, p) for p in re.split(r"([0-9]+)", path.name) if p]


def _read_png(path: Path) -> _Slice:
    from PIL import Image

    with Image.open(path, formats=("PNG",)) as image:
        if image.mode not in _MODES:
            raise InputError(
                f"{str(path)!r} is a color image (mode {image.mode}); expected one value per "
                "pixel. Convert it to 8- or 16-bit grey first."
            )
        shape = (image.height, image.width)
        dtype = np.dtype(_MODES[image.mode])

    def load() -> npt.NDArray[Any]:
        with Image.open(path, formats=("PNG",)) as opened:
            return np.asarray(opened)

    return shape, dtype, load


def _metadata(path: Path) -> Metadata:
    sidecar = path / SIDECAR
    if not sidecar.is_file():
        return Metadata()
    if sidecar.stat().st_size > MAX_METADATA:
        raise InputError(f"The sidecar {str(sidecar)!r} is larger than {MAX_METADATA} bytes.")
    return decode(parse_json(sidecar.read_bytes(), sidecar), sidecar)


def write(array: npt.NDArray[Any], metadata: Mapping[str, Any], path: Path) -> None:
    """Write a folder of TIFF slices and its sidecar; only a folder of ours is replaced."""
    if path.exists() and not (path / SIDECAR).is_file():
        raise InputError(f"{str(path)!r} exists and was not written by vmt; choose another name.")
    digits = len(str(len(array) - 1))
    with whole_directory(path) as folder:
        for index, plane in enumerate(array):
            _tiff.write_slice(np.ascontiguousarray(plane), folder / f"{index:0{digits}d}.tif")
        text = json.dumps(metadata, indent=2, ensure_ascii=False)
        (folder / SIDECAR).write_text(text + "\n", encoding="utf-8")
