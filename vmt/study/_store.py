"""The store of a sweep: rows in Parquet parts, each whole or not there; tables and exports.

The door of pandas and pyarrow. A store is a folder::

    vmt-run.json   the mark of a run directory, with the parameter hash
    sweep.json     what the study is, its number of rows, where it comes from
    parts/         part-LEVEL-FIRST-ID.parquet: finished rows; small parts are merged
    structures/    row-NNNNNNNNN.zarr: voxels, where they are kept

Only the process that holds the directory's lock writes parts. A merged part is there before those
that it replaces are deleted, so that a reader sees each row at least once and takes it once.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._budget import format_bytes
from vmt._files import whole_file, write_json
from vmt.errors import InputError, RunError
from vmt.study._sweep import Sweep

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["SweepStore", "frame_of", "write_frame"]

SCHEMA_VERSION = 1
MANIFEST = "sweep.json"
#: parts of one level that are merged into one of the next
MERGED = 64
_ATTEMPTS = 20
_KEY = b"vmt.schema_version"
_FIRST = ("row", "point", "realization")
#: where a row comes from; not part of the result
ORIGIN = ("warnings", "seconds", "peak_memory", "host", "process", "finished")
_ROW_BYTES = 4096


class SweepStore:
    """Finished rows of a sweep in a folder.

    Parameters
    ----------
    path : path
        The folder.
    manifest : mapping
        Content of ``sweep.json``.
    """

    def __init__(self, path: Path, manifest: Mapping[str, Any]) -> None:
        self.path = path
        self.manifest = manifest
        self._serial = 0

    @classmethod
    def create(cls, path: Path, sweep: Sweep, provenance: Mapping[str, Any]) -> SweepStore:
        """Begin or go on with a store in a run directory whose lock is held.

        Raises
        ------
        InputError
            If the folder can't be written, or was written by a newer vmt.
        """
        if (path / MANIFEST).is_file():
            store = cls.open(path)
            store._sweep_up()
            return store
        manifest = {
            "schema_version": SCHEMA_VERSION,
            "sweep": sweep.to_dict(),
            "rows": sweep.rows,
            "points": sweep.point_count,
            "realizations": sweep.realizations,
            "provenance": dict(provenance),
        }
        with _as_input_error(path):
            (path / "parts").mkdir(exist_ok=True)
            if sweep.keep_structures:
                (path / "structures").mkdir(exist_ok=True)
            write_json(path / MANIFEST, manifest)
        return cls(path, manifest)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> SweepStore:
        """Open a store for reading, while it is written, too.

        Raises
        ------
        InputError
            If there is none, or it was written by a newer vmt.
        """
        folder = Path(path)
        manifest = folder / MANIFEST
        if not manifest.is_file():
            raise InputError(
                f"{str(folder)!r} holds no sweep (there is no {MANIFEST}); expected the --out of "
                "vmt sweep."
            )
        try:
            content: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8"))
            version = int(content["schema_version"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{str(manifest)!r} can't be read as a sweep's manifest.") from error
        if version > SCHEMA_VERSION:
            raise InputError(
                f"The sweep in {str(folder)!r} was written by a newer vmt (schema {version}, known "
                f"{SCHEMA_VERSION}); update vmt."
            )
        return cls(folder, content)

    @property
    def sweep(self) -> Sweep:
        """The study."""
        return Sweep(**self.manifest["sweep"])

    @property
    def structures(self) -> Path:
        """Folder of the kept voxels."""
        return self.path / "structures"

    # ---- writing

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write finished rows as one part, whole or not at all.

        Raises
        ------
        RunError
            If it can't be written; all earlier parts are.
        """
        if not rows:
            return
        self._write(_arrow(rows), level=0, first=min(int(row["row"]) for row in rows))
        self._serial += 1
        if self._serial % MERGED == 0:
            self.merge()

    def merge(self, *, everything: bool = False) -> None:
        """Merge small parts: as many of one level as make one of the next, or all of them."""
        level = 0
        while True:
            parts = self._parts()
            chosen = parts if everything else [p for p in parts if _level(p) == level]
            if len(chosen) < (2 if everything else MERGED):
                if everything or level > max((_level(p) for p in parts), default=0):
                    return
                level += 1
                continue
            table = _once(_concatenated([_read_part(p) for p in chosen]))
            top = max(_level(p) for p in chosen)
            self._write(table, level=top + 1, first=table.column("row")[0].as_py())
            for part in chosen:
                part.unlink(missing_ok=True)
            if everything:
                return

    def _write(self, table: pa.Table, *, level: int, first: int) -> None:
        import pyarrow.parquet as pq

        stream = io.BytesIO()
        pq.write_table(table.replace_schema_metadata({_KEY: str(SCHEMA_VERSION)}), stream)
        name = f"part-{level}-{first:09d}-{uuid.uuid4().hex[:12]}.parquet"
        try:
            with whole_file(self.path / "parts" / name) as temporary:
                temporary.write_bytes(stream.getbuffer())
        except (OSError, InputError) as error:
            text = getattr(error, "strerror", None) or str(error)
            raise RunError(
                f"A part of the sweep can't be written to {str(self.path)!r}: {text}. The rows "
                "written before are whole; make room and go on with resume (--resume)."
            ) from error

    def _sweep_up(self) -> None:
        """Remove what a killed run left unfinished; the lock is held."""
        for folder in (self.path, self.path / "parts", self.path / "structures"):
            if folder.is_dir():
                for left in folder.glob(".????????.*"):
                    if left.is_dir():
                        shutil.rmtree(left, ignore_errors=True)
                    elif not left.name.endswith(".vmt-lock"):
                        left.unlink(missing_ok=True)
        (self.path / "parts").mkdir(exist_ok=True)

    # ---- reading

    def _parts(self) -> list[Path]:
        return sorted((self.path / "parts").glob("part-*.parquet"))

    def finished(self) -> npt.NDArray[np.int64]:
        """Numbers of the finished rows, in order."""
        table = self.arrow(["row"])
        return np.unique(table.column("row").to_numpy()) if table is not None else _NO_ROWS

    def arrow(self, columns: Sequence[str] | None = None) -> pa.Table | None:
        """All finished rows, each once, in order; None where there is none."""
        for _ in range(_ATTEMPTS):
            try:
                tables = [_read_part(part, columns) for part in self._parts()]
            except FileNotFoundError:
                continue  # parts were just merged: look again
            return _once(_concatenated(tables)) if tables else None
        raise InputError(f"The parts in {str(self.path)!r} change too fast to be read; try again.")

    def frame(self, *, origin: bool = False) -> pd.DataFrame:
        """All finished rows as a table; with `origin` also where and how long."""
        return _frame(self.arrow(), self.sweep, origin)


_NO_ROWS: npt.NDArray[np.int64] = np.zeros(0, np.int64)


def frame_of(
    rows: Sequence[Mapping[str, Any]], sweep: Sweep, *, origin: bool = False
) -> pd.DataFrame:
    """Rows that are nowhere stored as the same table."""
    return _frame(_once(_arrow(rows)) if rows else None, sweep, origin)


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a table to ``.csv`` or ``.parquet``, whole or not at all.

    Raises
    ------
    InputError
        If the suffix is another one, or the file can't be written.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise InputError(f"{str(path)!r} can't be written; expected a name as a.csv or a.parquet.")
    with _as_input_error(path), whole_file(path) as temporary:
        if path.suffix == ".csv":
            shown = frame.copy()
            for name in shown.columns:
                if len(shown) and isinstance(shown[name].dropna().head(1).squeeze(), np.ndarray):
                    shown[name] = shown[name].map(_listed)
            shown.to_csv(temporary, index=False, lineterminator="\n")
        else:
            made = frame.copy()
            made.attrs = {}
            made.to_parquet(temporary, index=False)


def _listed(value: Any) -> Any:
    return [float(v) for v in value] if isinstance(value, np.ndarray) else value


def check_space(path: Path, rows: int, voxels: int) -> None:
    """Refuse a run whose results don't fit the disk.

    Raises
    ------
    InputError
        If there is less room than the rows, and the voxels that are kept, need.
    """
    need = rows * (_ROW_BYTES + voxels) + 2**16
    free = shutil.disk_usage(path).free
    if free < need:
        raise InputError(
            f"The sweep needs about {format_bytes(need)} in {str(path)!r}, where "
            f"{format_bytes(free)} are free. Choose another disk or fewer rows."
        )


def _level(part: Path) -> int:
    return int(part.name.split("-")[1])


@contextmanager
def _as_input_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be written: {error.strerror or error}.") from error


def _arrow(rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    import pyarrow as pa

    made = list(rows)
    names = list(dict.fromkeys(name for row in made for name in row))
    columns = {name: [row.get(name) for row in made] for name in names}
    return pa.table({name: _array(values) for name, values in columns.items()})


def _array(values: list[Any]) -> pa.Array:
    import pyarrow as pa

    kinds = {type(v) for v in values if v is not None}
    if kinds and kinds <= {np.ndarray}:
        return pa.array(values, pa.list_(pa.float64()))
    if float in kinds and kinds <= {float, int, bool}:
        return pa.array([None if v is None else float(v) for v in values], pa.float64())
    if len(kinds) > 1:  # a factor of several types
        return pa.array([None if v is None else str(v) for v in values], pa.string())
    return pa.array(values)


def _read_part(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        content = path.read_bytes()
        table = pq.read_table(io.BytesIO(content), columns=columns, use_threads=False)
        version = int((table.schema.metadata or {})[_KEY])
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        raise InputError(
            f"{str(path)!r} can't be read as a part of a sweep; delete it and resume."
        ) from error
    if version > SCHEMA_VERSION:
        raise InputError(
            f"{str(path)!r} was written by a newer vmt (schema {version}, known "
            f"{SCHEMA_VERSION}); update vmt."
        )
    return table


def _concatenated(tables: Sequence[pa.Table]) -> pa.Table:
    import pyarrow as pa

    return pa.concat_tables(
        [t.replace_schema_metadata(None) for t in tables], promote_options="permissive"
    )


def _once(table: pa.Table) -> pa.Table:
    """Each row once, in order."""
    rows = table.column("row").to_numpy()
    _, first = np.unique(rows, return_index=True)
    return table.take(first)


def _frame(table: pa.Table | None, sweep: Sweep, origin: bool) -> pd.DataFrame:
    import pandas as pd

    factors = list(sweep.factors)
    if table is None:
        return pd.DataFrame(columns=[*_FIRST, *factors, "error", *(ORIGIN if origin else ())])
    frame: pd.DataFrame = table.combine_chunks().to_pandas()
    fixed = {*_FIRST, *factors, "error", *ORIGIN}
    measured = sorted(name for name in frame.columns if name not in fixed)
    order = [*_FIRST, *factors, *measured, "error", *(ORIGIN if origin else ())]
    frame = frame.reindex(columns=order)
    for name in measured:
        if frame[name].dtype == object and frame[name].isna().all():
            frame[name] = np.full(len(frame), np.nan)
    return frame
