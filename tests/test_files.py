"""Files are whole or not there; run directories have one owner."""

import json
import os
import socket

import numpy as np
import psutil
import pytest

from vmt._files import (
    content_hash,
    parameter_hash,
    run_directory,
    whole_directory,
    whole_file,
    write_json,
)
from vmt.errors import InputError


def names(folder):
    """Everything in a folder, hidden files too."""
    return sorted(p.name for p in folder.iterdir())


def test_a_file_appears_when_it_is_whole(tmp_path):
    """Inside the block only the temporary name exists; afterwards only the file."""
    with whole_file(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
        assert not (tmp_path / "a.txt").exists()
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("there", [False, True])
def test_a_failed_block_changes_nothing(tmp_path, there):
    """An error keeps the old file or directory, or none, and removes the temporary one."""
    if there:
        (tmp_path / "a").write_text("old")
        (tmp_path / "d").mkdir()
        (tmp_path / "d" / "x").write_text("old")
    before = names(tmp_path)
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "a") as temporary:
        temporary.write_text("half") / 0
    with pytest.raises(ZeroDivisionError), whole_directory(tmp_path / "d") as temporary:
        (temporary / "x").write_text("half") / 0
    assert names(tmp_path) == before
    if there:
        assert (tmp_path / "a").read_text() == "old"
        assert (tmp_path / "d" / "x").read_text() == "old"


def test_a_directory_is_replaced_as_a_whole(tmp_path):
    """Nothing of the old directory is left in the new one."""
    for name in ("first", "second"):
        with whole_directory(tmp_path / "d") as temporary:
            (temporary / name).write_text(name)
    assert names(tmp_path / "d") == ["second"]
    assert names(tmp_path) == ["d"]


def test_a_missing_parent_is_said(tmp_path):
    """The folder of the target must be there."""
    for writer in (whole_file, whole_directory):
        with pytest.raises(InputError, match="does not exist"), writer(tmp_path / "no" / "a"):
            pass


def test_json_holds_numpy_and_no_nan(tmp_path):
    """Arrays and numpy numbers become plain JSON; NaN becomes null."""
    write_json(tmp_path / "a.json", {"a": np.float32(1), "b": np.arange(2), "c": float("nan")})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": 1.0, "b": [0, 1], "c": None}


def test_hashes_see_values_type_and_shape():
    """The same content has the same hash in any memory order; any change shows."""
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert content_hash(array) == content_hash(np.asfortranarray(array))
    others = [array.astype(np.uint16), array.reshape(3, 2, 4), array + 1]
    assert len({content_hash(a) for a in [array, *others]}) == 4
    assert parameter_hash({"a": np.int64(1)}) == parameter_hash({"a": 1})
    assert parameter_hash({"a": 1}) != parameter_hash({"a": 2})


def test_a_run_is_resumed_by_the_same_parameters_only(tmp_path):
    """Same parameters find the files again; others are refused, and with force start empty."""
    out = tmp_path / "out"
    with run_directory(out, {"p": 1}) as folder:
        (folder / "result").write_text("1")
    with run_directory(out, {"p": 1}) as folder:
        assert (folder / "result").read_text() == "1"
    with pytest.raises(InputError, match="other parameters"), run_directory(out, {"p": 2}):
        pass
    assert (out / "result").exists()
    with run_directory(out, {"p": 2}, force=True) as folder:
        assert not (folder / "result").exists()


def test_a_directory_of_others_is_refused(tmp_path):
    """Files that vmt didn't make are never deleted, with or without force."""
    (tmp_path / "mine").write_text("x")
    with pytest.raises(InputError, match="not made by vmt"), run_directory(tmp_path, {}):
        pass
    assert names(tmp_path) == ["mine"]
    with run_directory(tmp_path, {}, force=True):
        assert (tmp_path / "mine").read_text() == "x"
    with pytest.raises(InputError, match="is a file"), run_directory(tmp_path / "mine", {}):
        pass


def test_a_failed_run_leaves_no_empty_directory(tmp_path):
    """A run that made nothing leaves nothing."""
    with pytest.raises(RuntimeError), run_directory(tmp_path / "out", {}):
        raise RuntimeError
    assert names(tmp_path) == []


def test_two_runs_do_not_share_a_directory(tmp_path):
    """A living holder is respected, here or on another host; a dead one's lock is taken."""
    out = tmp_path / "out"
    with run_directory(out, {}):
        (out / "result").write_text("1")
        with pytest.raises(InputError, match="Another run"), run_directory(out, {}):
            pass
    lock = out / ".vmt-lock"
    assert not lock.exists()
    gone = {"pid": 2**22 - 1, "host": socket.gethostname(), "start": 0.0}
    reused = {"pid": os.getpid(), "host": socket.gethostname(), "start": 1.0}
    for stale in (gone, reused):
        lock.write_text(json.dumps(stale))
        with run_directory(out, {}):
            assert json.loads(lock.read_text())["pid"] == os.getpid()
    lock.write_text(json.dumps(gone | {"host": "elsewhere"}))
    with pytest.raises(InputError, match="on elsewhere"), run_directory(out, {}):
        pass
    assert psutil.pid_exists(os.getpid())


@pytest.mark.parametrize(
    ("marker", "match"),
    [('{"schema_version": 99}', "newer vmt"), ("{", "can't be read"), ("[]", "can't be read")],
)
def test_a_strange_marker_is_refused(tmp_path, marker, match):
    """A future or damaged mark is not ours to touch."""
    (tmp_path / "vmt-run.json").write_text(marker)
    with pytest.raises(InputError, match=match), run_directory(tmp_path, {}):
        pass
