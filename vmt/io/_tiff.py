"""TIFF stacks: page, row and column are axes 0, 1 and 2."""

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
    MAX_METADATA,
    Block,
    Metadata,
    Volume,
    check_dtype,
    decode,
    from_array,
    length_unit,
    parse_xml,
    positive,
)

_BIG = 2**32 - 2**25  # classic TIFF has 32-bit offsets
_OME_TYPES = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")
_ROUNDING = 1e-6


@contextmanager
def open_volume(path: Path) -> Iterator[Volume]:
    """Open a stack: mapped if its pages follow each other uncompressed, else decoded by page."""
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        metadata, ours = _metadata(tiff, path)
        series = tiff.series[0]
        rows, columns, count = check_pages(series, path)
        dtype = check_dtype(np.dtype(series.dtype).newbyteorder(tiff.byteorder), path)
        shape = (count, rows, columns)
        if count == 1 and not ours:  # a 2D image is (nx, ny, 1)
            shape = (rows, columns, 1)
        if series.dataoffset is not None:
            mapped: npt.NDArray[Any] = np.memmap(
                path, dtype, mode="r", offset=series.dataoffset, shape=shape
            )
            yield from_array(mapped, metadata)
            return
        layer = rows * columns * dtype.itemsize
        if len(series.pages) != count:  # several planes in a page: no way to decode one by one

            def blocks() -> Iterator[Block]:
                whole = series.asarray().reshape(shape)
                yield (slice(None), slice(None), slice(None)), whole

            yield Volume(shape, dtype, metadata, blocks, 1, None, layer * count)
            return

        def pages() -> Iterator[Block]:
            for index, page in enumerate(series.pages):
                plane = _plane(page, (rows, columns), path, f"page {index}")
                if shape[0] == count:
                    yield (slice(index, index + 1), slice(None), slice(None)), plane[None]
                else:
                    yield (slice(None), slice(None), slice(None)), plane[..., None]

        yield Volume(shape, dtype, metadata, pages, count, None, layer)


def check_pages(series: Any, path: Path) -> tuple[int, int, int]:
    """Rows, columns and number of planes of a series; colors and time series are refused."""
    page = series.keyframe
    rows, columns = int(page.imagelength), int(page.imagewidth)
    if page.samplesperpixel != 1 or "S" in series.axes:
        raise InputError(
            f"{str(path)!r} is a color image (axes {series.axes}, shape {series.shape}); expected "
            "one value per pixel. Convert it to 8- or 16-bit grey first."
        )
    if rows * columns == 0 or math.prod(series.shape) % (rows * columns):
        raise InputError(f"{str(path)!r} has pages of {rows}×{columns} in {series.shape}.")
    stack = [n for n in series.shape[:-2] if n > 1]
    if len(stack) > 1:
        raise InputError(
            f"{str(path)!r} has the axes {series.axes} of shape {series.shape}; expected one stack "
            "of slices. Save the one channel and time to read as a stack of its own."
        )
    tiff = page.parent
    if len(tiff.series) > 1 and any(
        len(other.shape) >= 2 and other.kind == series.kind for other in tiff.series[1:]
    ):
        sizes = ", ".join("×".join(map(str, one.shape)) for one in tiff.series[:4])
        raise InputError(
            f"{str(path)!r} holds {len(tiff.series)} images of different size or type ({sizes}); "
            "expected pages that are all alike."
        )
    return rows, columns, math.prod(series.shape) // (rows * columns)


def _plane(page: Any, shape: tuple[int, int], path: Path, what: str) -> npt.NDArray[Any]:
    if page is None:
        raise InputError(f"{str(path)!r} is cut off: {what} is missing.")
    plane = np.asarray(page.asarray())
    if plane.size != math.prod(shape):
        raise InputError(f"In {str(path)!r}, {what} has the shape {plane.shape}; expected {shape}.")
    return plane.reshape(shape)


def read_slice(path: Path) -> tuple[tuple[int, int], np.dtype[Any], Any]:
    """Size and type of a one-page TIFF, and a function that decodes it."""
    import tifffile

    with tifffile.TiffFile(path) as tiff:
        if len(tiff.pages) != 1:
            raise InputError(
                f"{str(path)!r} has {len(tiff.pages)} pages; a folder of slices has one each."
            )
        rows, columns, _ = check_pages(tiff.series[0], path)
        dtype = np.dtype(tiff.series[0].dtype)

    def load() -> npt.NDArray[Any]:
        with tifffile.TiffFile(path) as opened:
            return _plane(opened.pages[0], (rows, columns), path, "the page")

    return (rows, columns), dtype, load


def write_slice(plane: npt.NDArray[Any], path: Path) -> None:
    """Write one compressed page."""
    import tifffile

    tifffile.imwrite(path, plane, compression="zlib", photometric="minisblack", metadata=None)


def _metadata(tiff: Any, path: Path) -> tuple[Metadata, bool]:
    """Spacing and phases, and whether vmt wrote the file."""
    description = tiff.pages[0].description or ""
    if tiff.is_ome:
        return _ome(description, path)
    if tiff.is_imagej:
        return Metadata(_imagej(tiff)), False
    return Metadata(), False


def _ome(description: str, path: Path) -> tuple[Metadata, bool]:
    root = parse_xml(description.encode(), path)
    pixels = next((e for e in root.iter() if _tag(e) == "Pixels"), None)
    if pixels is None:
        return Metadata(), False
    lengths = []
    for axis in "ZYX":
        size = pixels.get(f"PhysicalSize{axis}")
        unit = length_unit(pixels.get(f"PhysicalSize{axis}Unit", "µm"))
        lengths.append(None if size is None or unit is None else float(size) * unit)
    spacing = positive(tuple(lengths))
    text = next((e.text for e in root.iter() if _tag(e) == "Description" and e.text), "")
    content = _ours(text)
    if content is None:
        return Metadata(spacing), False
    exact = decode(content, path)
    if (
        spacing
        and exact.spacing
        and not np.allclose(spacing, exact.spacing, rtol=_ROUNDING, atol=0)
    ):
        return Metadata(spacing, exact.phases), True  # another program has changed the scale since
    return exact, True


def _ours(text: str) -> Mapping[str, Any] | None:
    if not text.lstrip().startswith("{") or len(text) > MAX_METADATA:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = content.get("vmt") if isinstance(content, dict) else None
    return found if isinstance(found, dict) else None


def _tag(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _imagej(tiff: Any) -> tuple[float, float, float] | None:
    """ImageJ's calibration: pixels per unit in the resolution tags, depth in the description."""
    content = tiff.imagej_metadata or {}
    unit = length_unit(content.get("unit", ""))
    depth = content.get("spacing")
    if unit is None or not isinstance(depth, (int, float)):
        return None
    across = []
    for name in ("YResolution", "XResolution"):
        tag = tiff.pages[0].tags.get(name)
        if tag is None:
            return None
        numerator, denominator = tag.value
        across.append(denominator / numerator * unit if numerator else None)
    return positive((abs(float(depth)) * unit, across[0], across[1]))


def write(array: npt.NDArray[Any], metadata: Mapping[str, Any], path: Path) -> None:
    """Write an OME-TIFF with deflate; the exact spacing and the phases are in its description."""
    import tifffile

    native = array.dtype.newbyteorder("=")
    if native.name not in _OME_TYPES:
        raise InputError(
            f"TIFF can't hold values of type {native} for other programs; expected one of "
            f"{_OME_TYPES}. Convert them, or write .npz, .zarr or .h5."
        )
    dx, dy, dz = (float(f"{d * 1e6:.12g}") for d in metadata["spacing [m]"])
    ome: dict[str, Any] = {
        "axes": "ZYX",
        "Description": json.dumps({"vmt": metadata}, ensure_ascii=True),
    }
    for axis, size in (("Z", dx), ("Y", dy), ("X", dz)):
        ome |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "µm"}
    with (
        whole_file(path) as temporary,
        tifffile.TiffWriter(temporary, bigtiff=array.nbytes > _BIG, ome=True) as writer,
    ):
        writer.write(
            (np.ascontiguousarray(part, dtype=native) for part in array),
            shape=array.shape,
            dtype=native,
            compression="zlib",
            photometric="minisblack",
            metadata=ome,
        )
