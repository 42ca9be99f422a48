"""The store of a sweep: each row once, whole, exact, and safe from a full disk."""

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import vmt
from vmt import InputError, RunError, Sweep
from vmt.study import read_sweep, sweep_status
from vmt.study._store import SweepStore

sys.path.insert(0, str(Path(__file__).parent))
from sweep_helpers import FUNCTIONS, exact

NUMBERS = {
    "model": "sweep_functions:numbers",
    "factors": {"scale": [1.0, 2.0]},
    "measurements": ["sweep_functions:sums"],
    "realizations": 5,
}


@pytest.fixture(autouse=True)
def functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FUNCTIONS))


def numbers(**changes: object) -> Sweep:
    return Sweep(**{**NUMBERS, **changes})


# ---- the store


def test_resuming_computes_only_what_is_missing(tmp_path: Path, monkeypatch) -> None:
    """A run that stopped goes on with the missing rows; a finished one has nothing to do."""
    import vmt.study._run as module

    real, calls = module.run_rows, []

    def dying(plan, rows):
        if len(calls) == 4:
            raise KeyboardInterrupt
        calls.append(rows[0][0])
        return real(plan, rows)

    monkeypatch.setattr(module, "run_rows", dying)
    with pytest.raises(KeyboardInterrupt):
        vmt.run(numbers(), cluster="inline", store=tmp_path / "out")
    assert sweep_status(tmp_path / "out").finished == 4
    with pytest.raises(InputError, match="4 of 10 rows; go on with resume"):
        vmt.run(numbers(), cluster="inline", store=tmp_path / "out")
    with pytest.raises(InputError, match="other parameters"):
        vmt.run(numbers(seed=1), cluster="inline", store=tmp_path / "out", resume=True)
    monkeypatch.setattr(module, "run_rows", lambda p, r: (calls.append(r[0][0]), real(p, r))[1])
    result = vmt.run(numbers(), cluster="inline", store=tmp_path / "out", resume=True)
    assert calls == list(range(10))
    assert exact(result.table) == exact(vmt.run(numbers(), cluster="inline").table)
    monkeypatch.setattr(module, "run_rows", None)
    again = vmt.run(numbers(), cluster="inline", store=tmp_path / "out", resume=True)
    assert exact(again.table) == exact(result.table)


def test_store_keeps_rows_once_in_any_order(tmp_path: Path) -> None:
    """Parts in any order, of any size, with rows twice, merged or not, are the same table."""
    sweep = numbers(realizations=400)
    whole = vmt.run(sweep, cluster="inline")
    rows = [
        {k: v for k, v in row.items() if v is not None} | {"error": None, "warnings": None}
        for row in whole.rows.to_dict("records")
    ]
    order = np.random.default_rng(1).permutation(800)
    store = SweepStore.create(tmp_path, sweep, {})
    for start in range(0, 800, 5):
        store.append([rows[k] for k in order[start : start + 5]])
        if start % 100 == 0:
            store.append([rows[k] for k in order[start : start + 2]])
    levels = {p.name.split("-")[1] for p in (tmp_path / "parts").iterdir()}
    assert "1" in levels
    assert len(list((tmp_path / "parts").iterdir())) < 80
    assert exact(store.frame()) == exact(whole.table)
    store.merge(everything=True)
    assert len(list((tmp_path / "parts").iterdir())) == 1
    assert exact(store.frame()) == exact(whole.table)
    assert store.finished().tolist() == list(range(800))


def test_readers_see_whole_rows_while_parts_are_merged(tmp_path: Path) -> None:
    """A reader beside a writer that merges all the time never loses or doubles a row."""
    import threading

    sweep = numbers(realizations=200)
    rows = vmt.run(sweep, cluster="inline").rows.to_dict("records")
    store = SweepStore.create(tmp_path, sweep, {})
    seen, done = [], threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.append(SweepStore.open(tmp_path).finished())

    reader = threading.Thread(target=read)
    reader.start()
    for k in range(0, 400, 4):
        store.append(rows[k : k + 4])
        if k % 40 == 0:
            store.merge(everything=True)
    done.set()
    reader.join()
    assert len(seen) > 3
    for rows_seen in seen:
        np.testing.assert_array_equal(rows_seen, np.arange(len(rows_seen)))
    sizes = [len(r) for r in seen]
    assert sizes == sorted(sizes)


def test_two_runs_do_not_share_a_store(tmp_path: Path, monkeypatch) -> None:
    """While one run writes, another is refused, and status says who is writing."""
    import vmt.study._run as module

    real, messages = module.run_rows, []

    def nested(plan, rows):
        if not messages:
            with pytest.raises(InputError, match="Another run") as caught:
                vmt.run(numbers(), cluster="inline", store=tmp_path / "out", resume=True)
            messages.append(str(caught.value))
            assert str(os.getpid()) in sweep_status(tmp_path / "out").running
        return real(plan, rows)

    monkeypatch.setattr(module, "run_rows", nested)
    vmt.run(numbers(), cluster="inline", store=tmp_path / "out")
    assert messages
    assert sweep_status(tmp_path / "out").running == ""


def test_newer_and_damaged_stores_are_refused(tmp_path: Path) -> None:
    """A manifest or part of a newer version, or a damaged one, gets one clear error."""
    import pyarrow.parquet as pq

    out = tmp_path / "out"
    vmt.run(numbers(), cluster="inline", store=out)
    manifest = out / "sweep.json"
    good = manifest.read_text()
    manifest.write_text(json.dumps({**json.loads(good), "schema_version": 2}))
    for call in (read_sweep, sweep_status):
        with pytest.raises(InputError, match="newer vmt"):
            call(out)
    with pytest.raises(InputError, match="newer vmt"):
        vmt.run(numbers(), cluster="inline", store=out, resume=True)
    manifest.write_text("{")
    with pytest.raises(InputError, match="can't be read"):
        read_sweep(out)
    manifest.write_text(good)
    (part,) = (out / "parts").iterdir()
    table = pq.read_table(part)
    pq.write_table(table.replace_schema_metadata({b"vmt.schema_version": b"2"}), part)
    with pytest.raises(InputError, match="newer vmt"):
        read_sweep(out)
    part.write_bytes(b"PAR1")
    with pytest.raises(InputError, match="delete it and resume"):
        read_sweep(out)
    part.unlink()
    result = vmt.run(numbers(), cluster="inline", store=out, resume=True)
    assert result.complete
    with pytest.raises(InputError, match="no sweep"):
        read_sweep(tmp_path)


def test_export_is_exact(tmp_path: Path) -> None:
    """CSV and Parquet give every bit back; another suffix is refused."""
    import pandas as pd

    result = vmt.run(numbers(), cluster="inline")
    result.export(tmp_path / "a.csv")
    result.export(tmp_path / "a.parquet")
    for back in (pd.read_csv(tmp_path / "a.csv"), pd.read_parquet(tmp_path / "a.parquet")):
        assert list(back.columns) == list(result.table.columns)
        for name in ("sum", "first", "own", "scale"):
            np.testing.assert_array_equal(back[name].to_numpy(), result.values(name))
    assert json.loads(pd.read_csv(tmp_path / "a.csv")["values"][1]) == list(
        result.arrays("values")[1]
    )
    with pytest.raises(InputError, match=r"a.csv or a.parquet"):
        result.export(tmp_path / "a.xlsx")
    with pytest.raises(InputError, match="does not exist"):
        result.export(tmp_path / "no" / "a.csv")


# ---- the disk


def small_disk(path: Path, size: str) -> bool:
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_full_disk_in_mid_run_loses_nothing(tmp_path: Path) -> None:
    """On a disk that fills up the run stops, what was written is whole, and resuming ends it."""
    disk = tmp_path / "disk"
    if not small_disk(disk, "400k"):
        pytest.skip("mounting a small disk needs root")
    try:
        sweep = numbers()
        stuff = disk / "stuff"

        import vmt.study._store as module

        real = module.SweepStore.append

        def append(self, rows):
            if len(self.finished()) == 4 and not stuff.exists():
                try:
                    with open(stuff, "wb") as stream:
                        while True:
                            stream.write(bytes(512))
                            stream.flush()
                except OSError:
                    assert shutil.disk_usage(disk).free < 512
            real(self, rows)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module.SweepStore, "append", append)
            with pytest.raises(RunError, match=r"No space left.*go on with resume"):
                vmt.run(sweep, cluster="inline", store=disk / "out")
        assert sweep_status(disk / "out").finished == 4
        assert len(read_sweep(disk / "out").table) == 4
        stuff.unlink()
        result = vmt.run(sweep, cluster="inline", store=disk / "out", resume=True)
        assert exact(result.table) == exact(vmt.run(sweep, cluster="inline").table)
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def test_write_errors_stop_the_run_and_lose_nothing(tmp_path: Path, monkeypatch) -> None:
    """An error of the file system at any part leaves the parts before it whole."""
    import vmt._files

    real, count = os.fsync, []

    def failing(handle):
        count.append(handle)
        if len(count) > 6:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(vmt._files.os, "fsync", failing)
    with pytest.raises(RunError, match="No space left"):
        vmt.run(numbers(), cluster="inline", store=tmp_path / "out")
    monkeypatch.setattr(vmt._files.os, "fsync", real)
    before = sweep_status(tmp_path / "out").finished
    assert 2 <= before < 10
    result = vmt.run(numbers(), cluster="inline", store=tmp_path / "out", resume=True)
    assert result.complete


def test_no_room_is_said_before_work_starts(tmp_path: Path, monkeypatch) -> None:
    """A sweep whose results don't fit the disk, or a full disk, is refused at once."""
    import vmt.study._run as module

    monkeypatch.setattr(module, "run_rows", None)
    with pytest.raises(InputError, match="are free"):
        vmt.run(
            Sweep(
                model="gaussian_excursion_set",
                parameters={"volume_fraction": 0.5, "rate": 1e6},
                shape=(1000, 1000, 1000),
                spacing=1e-8,
                measurements=["volume_fraction"],
                realizations=10**6,
                keep_structures=True,
            ),
            cluster="inline",
            store=tmp_path / "out",
        )
    disk = tmp_path / "disk"
    if not small_disk(disk, "64k"):
        return
    try:
        with pytest.raises(InputError, match=r"free|can't be written"):
            vmt.run(numbers(), cluster="inline", store=disk / "out")
        (disk / "full").write_bytes(bytes(48 * 1024))
        with pytest.raises(InputError, match=r"free|can't be"):
            vmt.run(numbers(), cluster="inline", store=disk / "out")
    finally:
        subprocess.run(["umount", str(disk)], check=False)


def test_no_write_permission_is_said(tmp_path: Path, monkeypatch) -> None:
    """A folder that can't be written, and a file in its place, are refused before work starts."""
    import vmt.study._run as module

    monkeypatch.setattr(module, "run_rows", None)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        vmt.run(numbers(), cluster="inline", store=tmp_path / "file")
    if Path("/proc/self").exists():  # where root can't write either
        with pytest.raises(InputError, match="can't be created"):
            vmt.run(numbers(), cluster="inline", store="/proc/self/vmt-sweep")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match="not made by vmt"):
        vmt.run(numbers(), cluster="inline", store=tmp_path / "mine")
