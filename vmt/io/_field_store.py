"""Fields at several times in one Zarr store: a group per time, which appears when it is whole."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt._files import jsonable, whole_directory
from vmt.errors import InputError

__all__ = ["FieldStore", "Slabs", "StoredArray"]

SCHEMA_VERSION = 1
_CHUNK = 64
_AXES = ("x", "y", "z")
_GROUP = re.compile(r"\d{3,}")


@dataclass(frozen=True, eq=False)
class Slabs:
    """An array that is made in slabs along its first axis, so that it is never held as a whole.

    Attributes
    ----------
    shape : (nx, ...)
        Of the whole.
    dtype : numpy type
        Of its numbers.
    make : function of start and stop
        Gives the slab between two planes.
    """

    shape: tuple[int, ...]
    dtype: Any
    make: Callable[[int, int], npt.NDArray[Any]]

    def whole(self) -> npt.NDArray[Any]:
        """Give the array."""
        return self.make(0, self.shape[0])


class StoredArray:
    """An array of a store; what is asked for is read, nothing before.

    Parameters
    ----------
    path : path
        Its folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        opened = self._open()
        self.shape: tuple[int, ...] = tuple(opened.shape)
        self.dtype: np.dtype[Any] = np.dtype(opened.dtype)

    def _open(self) -> Any:
        import zarr

        try:
            return zarr.open_array(str(self.path), mode="r")
        except Exception as error:
            raise InputError(
                f"{str(self.path)!r} can't be read as a Zarr array: {error}"
            ) from error

    def __getitem__(self, index: Any) -> npt.NDArray[Any]:
        return np.asarray(self._open()[index])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        return np.asarray(self[...], dtype)

    def __repr__(self) -> str:
        return f"StoredArray({self.path.name!r}, {self.shape}, {self.dtype})"


class FieldStore:
    """A Zarr store with an array of phases and a numbered group for each time that was kept.

    A group is written under a temporary name outside of the store and renamed into it, so that a
    reader finds it whole or not at all.

    Parameters
    ----------
    path : path
        The store's folder, ``NAME.zarr``.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def create(self, arrays: Mapping[str, npt.NDArray[Any]], attributes: Mapping[str, Any]) -> None:
        """Write the store anew, with what all times share.

        Parameters
        ----------
        arrays : mapping of str to array
            Arrays of the root.
        attributes : mapping
            Held as ``vmt`` beside the version of the schema.
        """
        import zarr

        with whole_directory(self.path) as folder:
            held = {"schema_version": SCHEMA_VERSION, **jsonable(attributes)}
            zarr.create_group(str(folder), attributes={"vmt": held}, overwrite=True)
            for name, array in arrays.items():
                _write(folder, name, array, "")

    def write(
        self,
        number: int,
        arrays: Iterable[tuple[str, npt.NDArray[Any] | Slabs, str]],
        attributes: Mapping[str, Any],
    ) -> None:
        """Write the group of one time; one of that number is replaced.

        Parameters
        ----------
        number : int
            From 0.
        arrays : iterable of (name, array, unit)
            One is held at a time.
        attributes : mapping
            Held as ``vmt``.
        """
        import zarr

        target = self.path / f"{number:03d}"
        mark = uuid.uuid4().hex[:8]
        temporary = self.path.with_name(f".{mark}.partial.{self.path.name}.{target.name}")
        try:
            zarr.create_group(str(temporary), attributes={"vmt": jsonable(attributes)})
            for name, array, unit in arrays:
                _write(temporary, name, array, unit)
            old = None
            if target.exists():
                old = self.path.with_name(f".{mark}.old.{target.name}")
                os.replace(target, old)
            os.replace(temporary, target)
            if old is not None:
                shutil.rmtree(old)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what a run that was killed had begun to write."""
        for left in self.path.parent.glob(f".*.partial.{self.path.name}*"):
            shutil.rmtree(left, ignore_errors=True)

    def drop(self, number: int) -> None:
        """Remove the groups from a number on."""
        for name in self.groups():
            if int(name) >= number:
                with suppress(FileNotFoundError):
                    shutil.rmtree(self.path / name)

    def groups(self) -> list[str]:
        """Names of the groups that are there, in order."""
        if not self.path.is_dir():
            return []
        found = [p.name for p in self.path.iterdir() if _GROUP.fullmatch(p.name)]
        return sorted((n for n in found if (self.path / n / "zarr.json").is_file()), key=int)

    def attributes(self, group: str = "") -> dict[str, Any]:
        """Attributes of the store or of a group.

        Raises
        ------
        InputError
            If it is no such store, or one that a newer vmt wrote.
        """
        import zarr

        place = self.path / group
        try:
            held: Any = zarr.open_group(str(place), mode="r").attrs["vmt"]
            found: dict[str, Any] = dict(held)
            version = int(found.get("schema_version", 0))
        except Exception as error:
            raise InputError(
                f"{str(place)!r} holds no fields of a cell; expected a store that a run with "
                "directory= has written."
            ) from error
        if version > SCHEMA_VERSION:
            raise InputError(
                f"{str(place)!r} was written by a newer vmt (schema {version}, known "
                f"{SCHEMA_VERSION}); update vmt."
            )
        return found

    def arrays(self, group: str = "") -> dict[str, StoredArray]:
        """Arrays of the store or of a group, by name."""
        place = self.path / group
        names = sorted(p.name for p in place.iterdir() if not _GROUP.fullmatch(p.name))
        return {n: StoredArray(place / n) for n in names if (place / n / "zarr.json").is_file()}


def _write(folder: Path, name: str, array: npt.NDArray[Any] | Slabs, unit: str) -> None:
    """Write one array in compressed chunks of 64 along each axis of space."""
    import zarr
    from zarr.codecs import BloscCodec, BloscShuffle

    space = len(array.shape) - 3
    chunks = tuple(1 if i < space else min(max(n, 1), _CHUNK) for i, n in enumerate(array.shape))
    names: tuple[str, ...] | None = None
    if space >= 0:
        names = (*("component" for _ in range(space)), *_AXES)
    else:
        chunks = tuple(min(max(n, 1), 1 << 18) for n in array.shape)
    dtype = np.dtype(array.dtype)
    made: Any = zarr.create_array(
        str(folder),
        name=name,
        shape=tuple(array.shape),
        dtype=dtype,
        chunks=chunks,
        compressors=BloscCodec(
            typesize=dtype.itemsize, cname="zstd", clevel=3, shuffle=BloscShuffle.shuffle
        ),
        fill_value=np.nan if dtype.kind == "f" else 0,
        attributes={"unit": unit} if unit else {},
        dimension_names=names,
    )
    if isinstance(array, Slabs):
        for start in range(0, array.shape[0], chunks[0]):
            stop = min(start + chunks[0], array.shape[0])
            made[start:stop] = array.make(start, stop)
        return
    for lead in itertools.product(*(range(n) for n in array.shape[: max(space, 0)])):
        part = array[lead]
        step = chunks[len(lead)]
        for start in range(0, part.shape[0], step):
            made[(*lead, slice(start, start + step))] = part[start : start + step]
