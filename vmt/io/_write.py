"""The writers' face: the format follows from the suffix, and a file is whole or not there."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy.typing as npt

from vmt.errors import InputError
from vmt.io import _folder, _hdf5, _numpy, _raw, _tiff, _vti, _zarr
from vmt.io._volume import Kind, encode
from vmt.microstructure import GreyImage, Microstructure

_WRITERS = {
    ".tif": _tiff.write,
    ".tiff": _tiff.write,
    ".raw": _raw.write,
    ".npz": _numpy.write_npz,
    ".zarr": _zarr.write,
    ".h5": _hdf5.write,
    ".hdf5": _hdf5.write,
    ".vti": _vti.write,
    "": _folder.write,
}


def write(structure: Microstructure | GreyImage, path: str | os.PathLike[str]) -> None:
    """Write a structure or a grey image with its spacing and the names of its phases.

    Parameters
    ----------
    structure : Microstructure or GreyImage
        What to write.
    path : path
        The suffix names the format: ``.tif`` (OME-TIFF, deflate; axes 0, 1, 2 are page, row and
        column, that is Z, Y, X), ``.raw`` (with a sidecar ``.raw.json``), ``.npz``, ``.zarr``,
        ``.h5``, ``.vti`` (ParaView; x is axis 0, in micrometers); no suffix is a folder of TIFF
        slices. A file of that name is replaced, when the new one is whole.

    Raises
    ------
    InputError
        If the suffix is unknown, the format can't hold the type of numbers, or the place can't be
        written to.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from vmt.io import read_labels
    >>> m = Microstructure(np.eye(3, dtype=np.uint8)[None], 5e-9, {"void": 0, "wall": 1})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(m, f"{folder}/m.npz")
    ...     print(read_labels(f"{folder}/m.npz"))
    Microstructure(1×3×3 voxels of 5 nm; void 66.67 %, wall 33.33 %)
    """
    target = Path(path)
    array: npt.NDArray[Any]
    kind: Kind
    if isinstance(structure, Microstructure):
        array, kind = structure.labels, "labels"
        metadata = encode(kind, structure.spacing, structure.phases)
    elif isinstance(structure, GreyImage):
        array, kind = structure.values, "grey"
        metadata = encode(kind, structure.spacing, None)
    else:
        raise InputError(
            f"Expected a Microstructure or a GreyImage to write; got {type(structure).__name__}."
        )
    suffix = target.suffix.lower()
    if suffix == ".npy":
        raise InputError(
            f"{str(target)!r}: an .npy file can't hold the spacing; write .npz instead."
        )
    if suffix not in _WRITERS:
        known = ", ".join(sorted(s for s in _WRITERS if s))
        raise InputError(
            f"{str(target)!r} has the unknown suffix {suffix!r}; expected one of {known}, or none "
            "for a folder of slices."
        )
    try:
        _WRITERS[suffix](array, metadata, target)
    except OSError as error:
        raise InputError(f"{str(target)!r} can't be written: {error.strerror or error}.") from error
