"""What the tests of sweeps share."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

FUNCTIONS = Path(__file__).parent / "functions"
SINGLE = {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def exact(frame):
    """A table's content, bit for bit."""
    return frame.to_csv(index=False, float_format=None).encode() + b"".join(
        frame[name].to_numpy().tobytes() for name in frame if frame[name].dtype.kind in "if"
    )


def environment():
    """Environment in which a process finds the functions."""
    return {**os.environ, **SINGLE, "PYTHONPATH": str(FUNCTIONS)}


def start(study: Path, out: Path, *more: str) -> subprocess.Popen:
    """Begin a run in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "vmt", "sweep", str(study), "--out", str(out), "--resume",
         "--allow-functions", "--quiet", *more],
        env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def finished(out: Path) -> int:
    """Rows that are stored."""
    from vmt.errors import InputError
    from vmt.study import sweep_status

    try:
        return sweep_status(out).finished
    except InputError:
        return 0


def wait_for(run: subprocess.Popen, out: Path, rows: int) -> bool:
    """Wait until so many rows are stored; False if the run ended before."""
    while run.poll() is None:
        if finished(out) >= rows:
            return True
        time.sleep(0.02)
    return False


def workers_of(run: subprocess.Popen) -> list[psutil.Process]:
    """Worker processes of a run."""
    found = []
    for child in psutil.Process(run.pid).children(recursive=True):
        try:
            if any("multiprocessing-fork" in word for word in child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


def kill(run: subprocess.Popen, what: str, choice: int = 0) -> None:
    """Kill -9: a worker, the client, or the whole group."""
    if what == "worker":
        workers = workers_of(run)
        if workers:
            workers[choice % len(workers)].kill()
        return
    if what == "client":
        os.kill(run.pid, signal.SIGKILL)
    else:
        os.killpg(run.pid, signal.SIGKILL)
    run.wait(timeout=30)
    run.stderr.close()


@contextmanager
def own_cluster(folder: Path, workers: int = 2) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """A scheduler and workers that are started separately; the scheduler's process is the first."""
    where = folder / "scheduler.json"
    commands = [["scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]]
    commands += [["worker", "--host", "127.0.0.1", "--nthreads", "1", "--no-dashboard"]] * workers
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "dask", *command, "--scheduler-file", str(where)],
            env=environment(), cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for command in commands
    ]  # fmt: skip
    try:
        for _ in range(600):
            if where.is_file() and where.stat().st_size:
                break
            time.sleep(0.1)
        yield json.loads(where.read_text())["address"], processes
    finally:
        for process in processes:
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
            process.kill()
            process.wait()
