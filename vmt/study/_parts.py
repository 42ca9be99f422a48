"""Parts of a long job, each written as it finishes: a killed run goes on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vmt._files import write_json
from vmt.errors import InputError

__all__ = ["Parts"]

SCHEMA_VERSION = 1


class Parts:
    """Results of the parts of a job, in a folder of JSON files or, without one, nowhere.

    The folder belongs to a run directory whose parameter hash was checked, so a part that is there
    is a part of this very job.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def get(self, name: str, make: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """Return the stored part, or make it and store it."""
        if self._folder is None:
            return make()
        path = self._folder / f"{name}.json"
        if path.is_file():
            return self._read(path)
        content = dict(make())
        self._folder.mkdir(exist_ok=True)
        write_json(path, {"schema_version": SCHEMA_VERSION, "part": content})
        return self._read(path)

    def has(self, name: str) -> bool:
        """Whether the part is stored."""
        return self._folder is not None and (self._folder / f"{name}.json").is_file()

    @staticmethod
    def _read(path: Path) -> Mapping[str, Any]:
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            version, part = int(stored["schema_version"]), stored["part"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{str(path)!r} can't be read; delete it to compute it anew."
            ) from error
        if version > SCHEMA_VERSION:
            raise InputError(f"{str(path)!r} was written by a newer vmt; update vmt.")
        result: Mapping[str, Any] = part
        return result
