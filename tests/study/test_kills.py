"""A run that is killed anywhere and resumed ends with the same table, bit for bit."""

import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

import vmt
from vmt.study import read_sweep

sys.path.insert(0, str(Path(__file__).parent))
from sweep_helpers import FUNCTIONS, exact, finished, kill, start, wait_for, workers_of

STUDY = """
name: killed
model: sweep_functions:numbers
parameters: {{size: 3, pause: {pause}}}
factors: {{scale: [1.0, 2.0]}}
measurements: ["sweep_functions:sums"]
realizations: {realizations}
seed: 5
"""


@pytest.fixture(autouse=True)
def functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FUNCTIONS))


def undisturbed(study: Path) -> bytes:
    """The table of the run that nobody kills."""
    return exact(vmt.run(vmt.Sweep.from_yaml(study, allow_functions=True), cluster="inline").table)


@pytest.mark.timeout(300)
def test_three_kills(tmp_path: Path) -> None:
    """A worker, then the client, then the whole group are killed; the table is the same."""
    study, out = tmp_path / "study.yaml", tmp_path / "out"
    study.write_text(STUDY.format(pause=0.1, realizations=60))
    run = start(study, out, "--workers", "2")
    assert wait_for(run, out, 4), run.stderr.read()
    kill(run, "worker")
    assert wait_for(run, out, 16), run.stderr.read()
    orphans = workers_of(run)
    kill(run, "client")
    run = start(study, out, "--workers", "2")
    assert wait_for(run, out, 32), run.stderr.read()
    kill(run, "group")
    before = len(read_sweep(out).rows)
    assert 32 <= before < 120
    run = start(study, out, "--workers", "2")
    _, errors = run.communicate(timeout=120)
    assert run.returncode == 0, errors
    result = read_sweep(out)
    assert result.complete
    assert exact(result.table) == undisturbed(study)
    assert result.rows["process"].nunique() >= 4
    assert not [p for p in orphans if psutil.pid_exists(p.pid)]
    assert not [p.name for p in (out / "parts").iterdir() if "partial" in p.name]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_many_kills(tmp_path: Path) -> None:
    """24 kills of workers, clients and groups at random moments, in starting and writing."""
    study, out = tmp_path / "study.yaml", tmp_path / "out"
    study.write_text(STUDY.format(pause=0.02, realizations=800))
    rng = np.random.default_rng(20260101)
    counts = dict.fromkeys(("worker", "client", "group"), 0)
    at, starts = [], 1
    run = start(study, out, "--workers", "2")
    while sum(counts.values()) < 24 and run.poll() is None:
        what = ("worker", "client", "group")[int(rng.integers(3))]
        if rng.random() < 0.25:
            time.sleep(float(rng.uniform(0.1, 6.0)))  # anywhere, in starting most likely
        elif wait_for(run, out, finished(out) + int(rng.integers(1, 60))):
            time.sleep(float(rng.uniform(0.0, 0.1)))
        if run.poll() is not None:
            break
        kill(run, what, int(rng.integers(2)))
        counts[what] += 1
        at.append(finished(out))
        if run.poll() is not None:
            run, starts = start(study, out, "--workers", "2"), starts + 1
    _, errors = run.communicate(timeout=600)
    assert run.returncode == 0, errors
    result = read_sweep(out)
    processes = result.rows["process"].nunique()
    print(f"kills: {counts}, after {at} of 1600 rows; {starts} starts, {processes} processes")
    assert sum(counts.values()) >= 20
    assert result.complete
    assert processes > 10
    assert exact(result.table) == undisturbed(study)
