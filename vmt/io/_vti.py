"""VTI: ParaView's image data, with x (axis 0) fastest."""

from __future__ import annotations

import base64
import json
import math
import os
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from xml.sax.saxutils import quoteattr

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt._files import whole_file
from vmt._units import check_spacing
from vmt.errors import InputError
from vmt.io._volume import (
    Metadata,
    Volume,
    choose,
    decode,
    from_array,
    parse_json,
    parse_xml,
    slabs,
)

_TYPES = {
    **{f"{s}Int{b}": f"{'u' if s else ''}int{b}" for s in ("", "U") for b in (8, 16, 32, 64)},
    "Float32": "float32",
    "Float64": "float64",
}
_HEAD = 2**20
_FIELD = "vmt"


@contextmanager
def open_volume(path: Path, dataset: str | None) -> Iterator[Volume]:
    """Open a VTI file: ascii, base64 or appended data, plain or zlib-compressed.

    The spacing of a foreign file has no unit, so it isn't used.
    """
    require_memory(3 * path.stat().st_size, f"Reading {str(path)!r}")
    root, appended, encoding = _parse(path)
    image = root.find("ImageData")
    if root.tag != "VTKFile" or image is None:
        raise InputError(f"{str(path)!r} is no VTK image data; expected a VTI file.")
    pieces = image.findall("Piece")
    if len(pieces) != 1:
        raise InputError(f"{str(path)!r} has {len(pieces)} pieces; expected one.")
    extent = [int(v) for v in (pieces[0].get("Extent") or image.get("WholeExtent", "")).split()]
    low, high = extent[0::2], extent[1::2]
    cells = tuple(b - a for a, b in zip(low, high, strict=True))
    points = tuple(n + 1 for n in cells)
    found: dict[str, tuple[Any, tuple[int, ...]]] = {}
    for group, size in (("CellData", cells), ("PointData", points)):
        for one in pieces[0].findall(f"{group}/DataArray"):
            if one.get("NumberOfComponents", "1") == "1" and min(size) > 0:
                found.setdefault(one.get("Name", group), (one, size))
    name = choose(list(found), dataset, path)
    element, shape = found[name]
    kind = element.get("type", "")
    if kind not in _TYPES:
        raise InputError(f"{str(path)!r} has the type {kind!r}; expected one of {sorted(_TYPES)}.")
    order: Literal["<", ">"] = (
        "<" if root.get("byte_order", "LittleEndian") == "LittleEndian" else ">"
    )
    dtype = np.dtype(_TYPES[kind]).newbyteorder(order)
    header = np.dtype(_TYPES[root.get("header_type", "UInt32")]).newbyteorder(order)
    count = math.prod(shape)
    require_memory(3 * count * dtype.itemsize, f"Reading {str(path)!r}")
    form = element.get("format", "ascii")
    if form == "ascii":
        values = np.array((element.text or "").split(), dtype=dtype)
    else:
        compressor = root.get("compressor")
        if compressor not in (None, "vtkZLibDataCompressor"):
            raise InputError(
                f"{str(path)!r} is compressed by {compressor}; expected none or zlib. Save it with "
                "zlib from ParaView."
            )
        raw = form == "appended" and encoding == "raw"
        data: bytes | memoryview = appended[int(element.get("offset", "0")) :]
        if form == "binary":
            data = (element.text or "").strip().encode()
        values = np.frombuffer(
            _payload(data, raw, header, compressor is not None, count * dtype.itemsize, path), dtype
        )
    if values.size != count:
        raise InputError(
            f"{str(path)!r} has {values.size} values in {name!r}; expected {count} for {shape}."
        )
    yield from_array(values.reshape(shape, order="F"), _metadata(root, path))


def _parse(path: Path) -> tuple[Any, memoryview, str]:
    """XML without the appended data, the appended data, and their encoding."""
    content = path.read_bytes()
    start = content.find(b"<AppendedData", 0, _HEAD)
    if start < 0:
        start = content.rfind(b"<AppendedData")
    if start < 0:
        return parse_xml(content, path), memoryview(b""), ""
    end = content.index(b">", start)
    tag = content[start : end + 1].decode("ascii")
    first = content.index(b"_", end) + 1
    root = parse_xml(content[:start] + b"</VTKFile>", path)
    encoding = "raw" if 'encoding="raw"' in tag else "base64"
    return root, memoryview(content)[first:], encoding


def _payload(
    data: bytes | memoryview,
    raw: bool,
    header: np.dtype[Any],
    compressed: bool,
    expected: int,
    path: Path,
) -> bytes | memoryview:
    """Bytes of one array after its header, unpacked but never more than expected."""
    width = header.itemsize

    def take(start: int, size: int) -> bytes | memoryview:
        """`size` bytes of the stream of bytes that begins at `start` of the text."""
        if raw:
            return data[start : start + size]
        text = bytes(data[start : start + _encoded(size)])
        return base64.b64decode(text)[:size]

    after: Callable[[int], int] = (lambda size: size) if raw else _encoded
    if not compressed:
        size = int(np.frombuffer(take(0, width), header)[0])
        if size != expected:
            raise InputError(f"{str(path)!r} stores {size} bytes; expected {expected}.")
        # one base64 stream holds header and data
        return take(0, width + size)[width:]
    blocks = int(np.frombuffer(take(0, width), header)[0])
    if not 0 <= blocks <= max(expected, 1):
        raise InputError(f"{str(path)!r} claims {blocks} compressed blocks; it is damaged.")
    head = np.frombuffer(take(0, width * (3 + blocks)), header).astype(np.int64)
    sizes = head[3:]
    begin = after(width * (3 + blocks))
    packed = take(begin, int(sizes.sum()))
    parts, place, total = [], 0, 0
    for size in sizes.tolist():
        part = zlib.decompressobj().decompress(packed[place : place + size], expected - total + 1)
        total += len(part)
        if total > expected:
            raise InputError(f"{str(path)!r} unpacks to more than {expected} bytes; refused.")
        parts.append(part)
        place += size
    return b"".join(parts)


def _encoded(size: int) -> int:
    return -(-size // 3) * 4


def _metadata(root: Any, path: Path) -> Metadata:
    for element in root.iter("Array"):
        if element.get("Name") == _FIELD and element.get("format") == "ascii":
            codes = [int(v) for v in (element.text or "").split()]
            return decode(parse_json(bytes(codes).rstrip(b"\0"), path), path)
    return Metadata()


def write(array: npt.NDArray[Any], metadata: Mapping[str, Any], path: Path) -> None:
    """Write cell data, appended raw; the spacing that ParaView shows is in micrometers."""
    dtype = array.dtype.newbyteorder("<")
    kinds = {np.dtype(name): kind for kind, name in _TYPES.items()}
    native = array.dtype.newbyteorder("=")
    if native not in kinds:
        raise InputError(f"VTI can't hold values of type {native}; expected {sorted(_TYPES)}.")
    nx, ny, nz = array.shape
    name = "labels" if metadata["kind"] == "labels" else "values"
    codes = " ".join(str(b) for b in json.dumps(metadata).encode() + b"\0")
    extent = f"0 {nx} 0 {ny} 0 {nz}"
    spacing = " ".join(f"{d * 1e6:.12g}" for d in metadata["spacing [m]"])
    head = f"""<?xml version="1.0"?>
<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64">
<ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="{spacing}">
<FieldData>
<Array type="String" Name="{_FIELD}" NumberOfTuples="1" format="ascii">{codes}</Array>
</FieldData>
<Piece Extent="{extent}">
<CellData Scalars={quoteattr(name)}>
<DataArray type="{kinds[native]}" Name={quoteattr(name)} format="appended" offset="0"/>
</CellData>
</Piece>
</ImageData>
<AppendedData encoding="raw">
_"""
    with whole_file(path) as temporary, open(temporary, "wb") as stream:
        stream.write(head.encode())
        stream.write(struct.pack("<Q", array.nbytes))
        for place in slabs((nx, ny, nz), array.dtype, axis=2):
            part = np.ascontiguousarray(array[place].transpose(2, 1, 0), dtype=dtype)
            stream.write(part.tobytes())
        stream.write(b"\n</AppendedData>\n</VTKFile>\n")


def write_fields(
    fields: Mapping[str, npt.NDArray[Any]],
    spacing: float | tuple[float, float, float],
    path: str | os.PathLike[str],
) -> None:
    """Write fields on the same voxels into one VTI file for ParaView.

    Parameters
    ----------
    fields : mapping of str to (nx, ny, nz) or (3, nx, ny, nz) array
        Scalars and vectors by their names.
    spacing : float or (dx, dy, dz)
        Voxel edge lengths [m]; ParaView shows micrometers.
    path : path
        The file, ``.vti``; one of that name is replaced, when the new one is whole.

    Raises
    ------
    InputError
        If the shapes differ, a type of numbers can't be held, or the suffix is another.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vmt.io import read_grey
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_fields({"u": np.ones((2, 3, 4), np.float32)}, 1e-8, f"{folder}/u.vti")
    ...     read_grey(f"{folder}/u.vti", spacing=1e-8).shape
    (2, 3, 4)
    """
    target = Path(path)
    if target.suffix.lower() != ".vti":
        raise InputError(f"{str(path)!r} is no name for fields; expected one that ends in .vti.")
    arrays = {name: np.asarray(array) for name, array in fields.items()}
    shapes = {a.shape[-3:] for a in arrays.values()}
    if len(shapes) != 1 or any(a.ndim not in (3, 4) for a in arrays.values()):
        raise InputError(
            f"Fields of shapes {[a.shape for a in arrays.values()]} can't be written; expected "
            "(nx, ny, nz) or (3, nx, ny, nz), all on the same voxels."
        )
    kinds = {np.dtype(name): kind for kind, name in _TYPES.items()}
    nx, ny, nz = shapes.pop()
    extent = f"0 {nx} 0 {ny} 0 {nz}"
    edges = " ".join(f"{d * 1e6:.12g}" for d in check_spacing(spacing))
    lines, offset = [], 0
    for name, array in arrays.items():
        native = array.dtype.newbyteorder("=")
        if native not in kinds or (array.ndim == 4 and len(array) != 3):
            raise InputError(
                f"The field {name!r} of type {native} and shape {array.shape} can't be written; "
                f"expected {sorted(_TYPES)}, one or three numbers a voxel."
            )
        lines.append(
            f'<DataArray type="{kinds[native]}" Name={quoteattr(name)} '
            f'NumberOfComponents="{array.ndim * 2 - 5}" format="appended" offset="{offset}"/>'
        )
        offset += 8 + array.nbytes
    head = f"""<?xml version="1.0"?>
<VTKFile type="ImageData" version="1.0" byte_order="LittleEndian" header_type="UInt64">
<ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="{edges}">
<Piece Extent="{extent}">
<CellData>
{chr(10).join(lines)}
</CellData>
</Piece>
</ImageData>
<AppendedData encoding="raw">
_"""
    with whole_file(target) as temporary, open(temporary, "wb") as stream:
        stream.write(head.encode())
        for array in arrays.values():
            stream.write(struct.pack("<Q", array.nbytes))
            dtype = array.dtype.newbyteorder("<")
            for place in slabs((nx, ny, nz), array.dtype, axis=2):
                part = array[(..., *place)] if array.ndim == 4 else array[place][None]
                stream.write(np.ascontiguousarray(part.transpose(3, 2, 1, 0), dtype).tobytes())
        stream.write(b"\n</AppendedData>\n</VTKFile>\n")
