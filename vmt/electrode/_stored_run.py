"""A finished run as a file beside its fields."""

from __future__ import annotations

import json
import os
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from vmt._files import jsonable, whole_file
from vmt.electrode._result import Discharge
from vmt.electrode._snapshot import STORE, stored_snapshots
from vmt.errors import InputError
from vmt.io import FieldStore

__all__ = ["RUN", "read_discharge", "write_run"]

RUN = "discharge.npz"
SCHEMA_VERSION = 1


def write_run(run: Discharge, place: Path) -> None:
    """Write all but the fields, which are in the store already."""
    held: dict[str, Any] = {"schema_version": SCHEMA_VERSION}
    arrays: dict[str, Any] = {}
    for name in (f.name for f in fields(run) if f.name != "snapshots"):
        value = getattr(run, name)
        if isinstance(value, np.ndarray):
            arrays[name] = value
        else:
            held[name] = dict(value) if name == "cell" else value
    text = np.asarray(json.dumps(jsonable(held)))
    with whole_file(place / RUN) as temporary, open(temporary, "wb") as stream:
        np.savez_compressed(stream, **arrays, rest=text)


def read_discharge(path: str | os.PathLike[str]) -> Discharge:
    """Read a finished run from its directory; its fields stay there until they are asked for.

    Parameters
    ----------
    path : path
        The run's directory, or that of ``vmt discharge``.

    Raises
    ------
    InputError
        If no finished run is there, or a newer vmt wrote it.

    Examples
    --------
    >>> import tempfile
    >>> from vmt import HalfCell, Microstructure, discharge
    >>> labels = np.zeros((8, 2, 1), np.uint8)
    >>> labels[:, 1] = 1
    >>> cell = HalfCell(Microstructure(labels, 5e-6), "nmc532-xu2019")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run = discharge(cell, 20.0, cutoff_voltage=3.5, directory=f"{folder}/run")
    ...     read_discharge(f"{folder}/run").capacity == run.capacity
    True
    """
    found = [p for p in (Path(path), Path(path) / "run") if (p / RUN).is_file()]
    if not found:
        raise InputError(
            f"{str(path)!r} holds no finished run; expected the directory of one that ended. "
            "The fields kept so far can be read with read_fields."
        )
    place = found[0]
    try:
        with np.load(place / RUN, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        held = json.loads(str(arrays.pop("rest")))
        version = int(held.pop("schema_version"))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{str(place / RUN)!r} can't be read as a run: {error}.") from error
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{str(place / RUN)!r} was written by a newer vmt (schema {version}, known "
            f"{SCHEMA_VERSION}); update vmt."
        )
    store = FieldStore(place / STORE)
    shots = stored_snapshots(store) if store.path.is_dir() else ()
    for name in ("stopped_because", "notes"):
        held[name] = tuple(held.get(name, ()))
    try:
        return Discharge(**arrays, **held, snapshots=shots)
    except TypeError as error:
        raise InputError(f"{str(place / RUN)!r} is no whole run: {error}.") from error
