"""Files that are whole or not there, run directories with an owner, and content hashes."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import socket
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt.errors import InputError

__all__ = [
    "content_hash",
    "jsonable",
    "lock_holder",
    "parameter_hash",
    "run_directory",
    "whole_directory",
    "whole_file",
    "write_json",
]

_MARKER = "vmt-run.json"
_LOCK = ".vmt-lock"
SCHEMA_VERSION = 1


@contextmanager
def whole_file(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file under a temporary name in its own folder; rename it when the block succeeds.

    A block that fails leaves neither the file nor the temporary one.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise InputError(f"The folder {str(target.parent)!r} does not exist; create it first.")
    temporary = target.with_name(f".{uuid.uuid4().hex[:8]}.partial.{target.name}")
    try:
        yield temporary
        with open(temporary, "rb") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_directory(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a directory under a temporary name beside it; rename it when the block succeeds.

    An existing directory of that name is replaced as a whole.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise InputError(f"The folder {str(target.parent)!r} does not exist; create it first.")
    temporary = target.with_name(f".{uuid.uuid4().hex[:8]}.partial.{target.name}")
    temporary.mkdir()
    try:
        yield temporary
        if target.exists():
            old = target.with_name(f".{uuid.uuid4().hex[:8]}.old.{target.name}")
            os.replace(target, old)
            os.replace(temporary, target)
            shutil.rmtree(old)
        else:
            os.replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_json(path: str | os.PathLike[str], content: Mapping[str, Any]) -> None:
    """Write a JSON file atomically; NaN becomes null, which every reader understands."""
    with whole_file(path) as temporary:
        text = json.dumps(jsonable(content), indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")


def jsonable(value: Any) -> Any:
    """Turn a result into what JSON can hold: arrays to lists, NaN and infinity to null."""
    if isinstance(value, Mapping):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [jsonable(v) for v in value]
    if isinstance(value, np.ndarray):
        return jsonable(value.tolist())
    if isinstance(value, np.generic):
        return jsonable(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, os.PathLike):
        return str(value)
    return value


def content_hash(array: npt.NDArray[Any]) -> str:
    """SHA-256 of an array's shape, type and values, slice by slice (a memmap stays one).

    Examples
    --------
    >>> content_hash(np.zeros((2, 2, 2), np.uint8))[:12]
    '2d73891f4a91'
    """
    digest = hashlib.sha256(f"{array.shape}{array.dtype.str}".encode())
    for part in array:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()


def parameter_hash(parameters: Mapping[str, Any]) -> str:
    """SHA-256 of parameters in canonical JSON: names a run, so that only the same run resumes it.

    Examples
    --------
    >>> parameter_hash({"a": 1, "b": 2}) == parameter_hash({"b": 2, "a": 1})
    True
    """
    text = json.dumps(jsonable(parameters), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@contextmanager
def run_directory(
    path: str | os.PathLike[str], parameters: Mapping[str, Any], *, force: bool = False
) -> Iterator[Path]:
    """Own a directory for the length of a run.

    A new directory is created and marked; one that this command made with the same parameters is
    resumed; anything else is refused unless `force`, which empties a directory of ours that has
    other parameters, and adopts one that isn't ours without deleting what is in it.

    Raises
    ------
    InputError
        If the path is a file, a directory that isn't ours, a run with other parameters, or a run
        that is still going on.
    """
    target = Path(path)
    digest = parameter_hash(parameters)
    created = not target.exists()
    if target.exists() and not target.is_dir():
        raise InputError(f"{str(target)!r} is a file; expected a directory for the results.")
    if target.is_dir() and any(target.iterdir()):
        _claim(target, digest, force)
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{str(target)!r} can't be created: {error.strerror}.") from error
    lock = _lock(target)
    try:
        write_json(
            target / _MARKER,
            {"schema_version": SCHEMA_VERSION, "parameter_hash": digest, "parameters": parameters},
        )
        yield target
    finally:
        lock.unlink(missing_ok=True)
        if created and [p.name for p in target.iterdir()] == [_MARKER]:
            shutil.rmtree(target)  # nothing was made: leave nothing behind


def _claim(target: Path, digest: str, force: bool) -> None:
    marker = target / _MARKER
    if not marker.is_file():
        traces = (_LOCK, f".partial.{_MARKER}", f".partial.{_LOCK}")
        if all(child.name.endswith(traces) for child in target.iterdir()):
            return  # a run that was killed before it wrote its mark
        if not force:
            raise InputError(
                f"The directory {str(target)!r} exists and was not made by vmt; choose another, "
                "or write into it with --force."
            )
        return
    try:
        content = json.loads(marker.read_text(encoding="utf-8"))
        version = int(content["schema_version"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{str(marker)!r} can't be read as the mark of a vmt run.") from error
    if version > SCHEMA_VERSION:
        raise InputError(
            f"The run in {str(target)!r} was written by a newer vmt (schema {version}, "
            f"known {SCHEMA_VERSION}); update vmt or choose another directory."
        )
    if content.get("parameter_hash") == digest:
        return
    if not force:
        raise InputError(
            f"The directory {str(target)!r} holds a run with other parameters; choose another, "
            "or replace it with --force."
        )
    if _holder(target / _LOCK) is None:
        for child in target.iterdir():
            if child.is_dir() and not child.is_symlink():
                shutil.rmtree(child)
            else:
                child.unlink()


def _holder(lock: Path) -> Mapping[str, Any] | None:
    """Who holds the lock, or None where there is none or its process is gone."""
    try:
        content: dict[str, Any] = json.loads(lock.read_text(encoding="utf-8"))
        pid, host = int(content["pid"]), str(content["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if host != socket.gethostname():
        return content
    import psutil

    try:
        start = psutil.Process(pid).create_time()
    except psutil.Error:
        return None
    return content if abs(start - float(content.get("start", 0.0))) < 1.0 else None


def lock_holder(directory: str | os.PathLike[str]) -> Mapping[str, Any] | None:
    """Pid, host and start of the run that is writing into a directory, or None.

    A process of another host is taken to be alive: nothing here can tell.
    """
    return _holder(Path(directory) / _LOCK)


def _lock(target: Path) -> Path:
    """Claim a directory: the lock appears with its content, or is another's."""
    import psutil

    lock = target / _LOCK
    me = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "start": psutil.Process().create_time(),
    }
    mine = target / f".{uuid.uuid4().hex[:8]}.partial.{_LOCK}"
    try:
        mine.write_text(json.dumps(me), encoding="utf-8")
        for _ in range(5):
            try:
                _link(mine, lock)
                return lock
            except FileExistsError:
                holder = _holder(lock)
                if holder is not None:
                    raise InputError(_held(target, lock, holder)) from None
                _remove_stale(lock)
    except OSError as error:
        raise InputError(f"{str(target)!r} can't be written: {error.strerror}.") from error
    finally:
        mine.unlink(missing_ok=True)
    raise InputError(f"{str(target)!r} is being claimed by another run; try again.")


def _link(made: Path, lock: Path) -> None:
    """Give a file a second name; fails if that is taken, and is whole as soon as it is there."""
    try:
        os.link(made, lock)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS):
            raise
        with open(lock, "x", encoding="utf-8") as stream:  # a file system without links
            stream.write(made.read_text(encoding="utf-8"))


def _held(target: Path, lock: Path, holder: Mapping[str, Any]) -> str:
    text = (
        f"Another run (process {holder['pid']} on {holder['host']}) is writing to "
        f"{str(target)!r}; wait for it or choose another directory."
    )
    if holder["host"] != socket.gethostname():
        text += f" If that process is gone, delete {str(lock)!r}."
    return text


def _remove_stale(lock: Path) -> None:
    """Take away the lock of a process that is gone; one that was just replaced is put back."""
    aside = lock.with_name(f".{uuid.uuid4().hex[:8]}.partial.{_LOCK}")
    try:
        os.replace(lock, aside)  # of several claimants one gets it
    except FileNotFoundError:
        return
    if _holder(aside) is not None:
        with suppress(FileExistsError):
            _link(aside, lock)
    aside.unlink(missing_ok=True)
