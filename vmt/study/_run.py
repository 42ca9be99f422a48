"""`run`: a sweep on dask workers, or in this process; the same rows on any number of them.

The door of dask. A task is a text and a few numbers a row, the same text for all; what it returns
is a few numbers. Only a few tasks are at the scheduler at any time, so that neither its memory nor
the number of structures grows with the study. Only this process writes the store.
"""

from __future__ import annotations

import contextlib
import ipaddress
import itertools
import logging
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmt._budget import available_memory, format_bytes, require_memory
from vmt._files import run_directory
from vmt._progress import steps
from vmt._provenance import provenance
from vmt._version import __version__
from vmt.errors import InputError, RunError
from vmt.study._job import ALL_FAILED, Job, Tell
from vmt.study._results import SweepResult
from vmt.study._store import SweepStore, check_space, frame_of
from vmt.study._sweep import Sweep
from vmt.study._tasks import make_plan, row_numbers, run_rows, worker_version

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["count_workers", "execute", "run"]

_log = logging.getLogger("vmt")
#: how often a task may lose its worker, or a row fail for a reason that may pass
_ATTEMPTS = 10
_TROUBLES = 3
_POLL = 1.0
_WAIT_FOR_WORKERS, _WAIT_FOR_LOCAL = 300.0, 60.0
_STARTS = 5
#: dask's workers give every freed array back to the system, which hands it out again page by page:
#: 3 % of the time of 100³ structures. These keep up to 128 MiB, and arrays above 32 MiB go back.
_MALLOC = {"MALLOC_TRIM_THRESHOLD_": str(128 * 2**20), "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20)}
_TABLE_EVERY = 2.0


def run(
    sweep: Sweep,
    *,
    cluster: Any = None,
    store: str | os.PathLike[str] | None = None,
    resume: bool = False,
    force: bool = False,
    workers: int | None = None,
    threads: int = 1,
    insecure: bool = False,
    rows_per_task: int | None = None,
    tell: Tell | None = None,
) -> SweepResult:
    """Run a sweep: every row once, each written as it finishes.

    The table is the same, bit for bit, on any number of workers and threads of one machine, and
    however often the run was killed and resumed.

    Parameters
    ----------
    sweep : Sweep
        The study.
    cluster : optional
        None: processes of this machine (dask's `LocalCluster`, bound to 127.0.0.1). ``"inline"``:
        this process, one row after the other. The address of a scheduler, as
        ``"tls://host:8786"``; or a client or cluster of dask, as from dask-jobqueue.
    store : path, optional
        Folder for the rows; without it they are only returned, and a kill loses them.
    resume : bool
        Go on with a store of the same sweep; without it one that has rows is refused.
    force : bool
        Replace the store of another sweep, or use a folder that vmt has not made.
    workers : int, optional
        Processes on this machine; default: as many as cores and memory allow.
    threads : int
        Threads of each; workers times threads are at most the cores.
    insecure : bool
        Allow a scheduler on another machine without TLS. Who reaches its port can run code.
    rows_per_task : int, optional
        Rows in one task of dask; default: as many as take a second.
    tell : callable, optional
        Gets remarks in plain text: the dashboard's address, lost workers.

    Returns
    -------
    SweepResult

    Raises
    ------
    InputError
        If the store, the cluster or the sweep can't be used; before any work starts.
    MemoryBudgetError
        If not even one task fits into memory.
    RunError
        If the run stopped before its end; what was written is whole and can be resumed.

    Notes
    -----
    Processes are spawned: a script that calls `run` needs ``if __name__ == "__main__":``.

    Examples
    --------
    >>> sweep = Sweep(
    ...     model="chi_square_excursion_set",
    ...     parameters={"rate": 6e6},
    ...     factors={"volume_fraction": [0.4, 0.6]},
    ...     shape=(16, 16, 16),
    ...     spacing="20 nm",
    ...     measurements=["volume_fraction"],
    ... )
    >>> result = run(sweep, cluster="inline")
    >>> result.table["volume_fraction(solid)"].round(2).tolist()
    [0.39, 0.75]
    """
    with steps(sweep.name, sweep.rows) as step:
        return execute(
            sweep,
            cluster=cluster,
            store=None if store is None else Path(store),
            resume=resume,
            force=force,
            workers=workers,
            threads=threads,
            insecure=insecure,
            rows_per_task=rows_per_task,
            tell=tell,
            step=step,
        )


def execute(
    sweep: Sweep,
    *,
    cluster: Any = None,
    store: Path | None = None,
    resume: bool = False,
    force: bool = False,
    workers: int | None = None,
    threads: int = 1,
    insecure: bool = False,
    rows_per_task: int | None = None,
    tell: Tell | None = None,
    step: Callable[..., None] | None = None,
) -> SweepResult:
    """Run a sweep within a study that shows its own progress; see `run`."""
    told = tell or _log.info
    many = count_workers(sweep, workers, threads) if cluster is None else None
    address = _check_address(cluster, insecure)
    if rows_per_task is not None and rows_per_task < 1:
        raise InputError(f"rows_per_task={rows_per_task}; expected at least 1.")
    if sweep.keep_structures and store is None:
        raise InputError("keep_structures needs a store; give store= a folder.")
    inputs = sweep.input_hashes()
    start = time.perf_counter()
    with _opened(store, sweep, inputs, resume, force) as (kept, before):
        job = Job(sweep, kept, set(before), rows_per_task, told, step or _silent)
        plan = make_plan(
            sweep,
            inputs=inputs,
            threads=threads,
            structures=kept.structures if kept is not None and sweep.keep_structures else None,
        )
        job.advance(len(before))
        if job.left:
            if cluster == "inline":
                _run_inline(job, plan)
            else:
                _run_on_dask(address, many, threads, job, plan)
        job.finish()
        origin = _origin(sweep, inputs, time.perf_counter() - start)
        if kept is not None:
            kept.merge(everything=True)
            frame = kept.frame(origin=True)
        else:
            frame = frame_of(job.rows, sweep, origin=True)
        return SweepResult(sweep, frame, origin, None if kept is None else kept.path)


def count_workers(sweep: Sweep, workers: int | None, threads: int) -> int:
    """How many processes of this machine a sweep may have: cores, memory, and rows.

    Raises
    ------
    InputError
        If more are asked for than there are cores.
    MemoryBudgetError
        If not even one, or not as many as asked for, fit into memory.
    """
    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    if threads < 1 or (workers is not None and workers < 1):
        raise InputError(f"workers={workers}, threads={threads}; expected at least 1 of each.")
    if (workers or 1) * threads > cores:
        raise InputError(
            f"{workers or 1} workers of {threads} threads need {(workers or 1) * threads} cores; "
            f"this machine has {cores}. Expected workers × threads of at most {cores}."
        )
    need = sweep.memory_per_task()
    size = "" if sweep.shape is None else f" of {'×'.join(map(str, sweep.shape))} voxels"
    require_memory(
        need * (workers or 1),
        f"A sweep with {workers or 1} structures{size} at a time",
        "Use fewer workers or smaller structures, or say what a task needs (memory: '2 GiB').",
    )
    return workers or max(1, min(cores // threads, int(available_memory() // need), sweep.rows))


def _origin(sweep: Sweep, inputs: Mapping[str, str], seconds: float) -> dict[str, Any]:
    return provenance(
        command="vmt.run",
        parameters=sweep.to_dict(),
        seed=sweep.seed[0],
        inputs=inputs,
        seconds={"running": seconds},
    )


def _silent(text: str | None = None, advance: int = 1) -> None:
    pass


# ---- the store


@contextmanager
def _opened(
    path: Path | None, sweep: Sweep, inputs: Mapping[str, str], resume: bool, force: bool
) -> Iterator[tuple[SweepStore | None, Sequence[int]]]:
    if path is None:
        if resume:
            raise InputError("resume needs a store; give store= the folder of the earlier run.")
        yield None, ()
        return
    identity = {
        "command": "vmt sweep",
        "vmt": __version__,
        "sweep": sweep.to_dict(),
        "design": sweep.design_hash(),
        "inputs": dict(inputs),
    }
    with run_directory(path, identity, force=force) as directory:
        store = SweepStore.create(directory, sweep, _origin(sweep, inputs, 0.0))
        done = store.finished().tolist()
        if done and not resume:
            raise InputError(
                f"{str(path)!r} holds this sweep with {len(done)} of {sweep.rows} rows; go on "
                "with resume=True (--resume), or choose another directory."
            )
        left = sweep.rows - len(done)
        check_space(directory, left, (sweep.voxels or 0) if sweep.keep_structures else 0)
        yield store, done


# ---- in this process


def _run_inline(job: Job, plan: str) -> None:
    for row in job.todo():
        left = _TROUBLES
        while job.take(run_rows(plan, row_numbers(job.sweep, [row]))):
            left -= 1
            if not left:
                break
        if len(job.troubles) >= ALL_FAILED:
            return


# ---- on dask


def _check_address(cluster: Any, insecure: bool) -> Any:
    """The address or cluster, if it is safe to talk to."""
    if cluster is None or cluster == "inline":
        return cluster
    address = cluster
    if not isinstance(cluster, str):
        scheduler = getattr(cluster, "scheduler", None)
        address = getattr(cluster, "scheduler_address", None) or getattr(scheduler, "address", None)
        if not isinstance(address, str):
            raise InputError(
                f"cluster={cluster!r} can't be used; expected None, 'inline', the address of a "
                "scheduler, or a client or cluster of dask."
            )
    protocol, found, rest = address.partition("://")
    if not found:
        raise InputError(
            f"The scheduler's address {address!r} can't be used; expected one as "
            "'tls://host:8786', or 'tcp://127.0.0.1:8786' on this machine."
        )
    if protocol not in ("tls", "inproc") and not _is_loopback(rest) and not insecure:
        raise InputError(
            f"The scheduler {address!r} is on another machine and not encrypted: who reaches its "
            "port can run code. Use tls://, or insecure=True (--insecure) in a network that you "
            "trust."
        )
    return cluster


def _is_loopback(rest: str) -> bool:
    host = rest.rpartition(":")[0].strip("[]") or rest
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@contextmanager
def _client(cluster: Any, workers: int | None, threads: int, tell: Tell) -> Iterator[Client]:
    """A client: of a new local cluster, of an address, or the one that was given."""
    import dask
    from distributed import Client

    if cluster is not None and not isinstance(cluster, str):
        if isinstance(cluster, Client):
            yield cluster
        else:
            with Client(cluster, set_as_default=False) as client:
                yield client
        return
    if isinstance(cluster, str):
        try:
            client = Client(cluster, timeout="30s", set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(f"No scheduler answers at {cluster!r} ({error}).") from error
        with client:
            _tell_dashboard(client, tell)
            yield client
        return
    quiet = logging.getLogger("distributed")
    level = quiet.level
    settings = {
        "distributed.worker.multiprocessing-method": "spawn",
        "distributed.scheduler.allowed-failures": _ATTEMPTS,
        "distributed.worker.daemon": True,
        "distributed.admin.low-level-log-length": 100,
        "distributed.worker.profile.enabled": False,  # it interrupts the kernels every 10 ms
        "distributed.admin.system-monitor.disk": False,
        "distributed.admin.system-monitor.interval": "2s",
        "distributed.admin.tick.interval": "1s",
        "distributed.nanny.pre-spawn-environ": _MALLOC,
        "distributed.scheduler.worker-ttl": None,  # a long kernel keeps a worker from saying hello
    }
    with dask.config.set(settings):
        try:
            quiet.setLevel(logging.CRITICAL)
            with (
                _start(workers or 1, threads) as local,
                Client(local, set_as_default=False) as client,
            ):
                _tell_dashboard(client, tell)
                yield client
        finally:
            quiet.setLevel(level)


class _NoWorkers(RunError):
    """All workers are gone, and none came back."""


def _run_on_dask(cluster: Any, workers: int | None, threads: int, job: Job, plan: str) -> None:
    """Run what is left; on this machine with new processes if all are lost."""
    local = workers is not None
    for attempt in range(_STARTS):
        try:
            with _client(cluster, workers, threads, job.tell) as client:
                _run_on(client, job, plan, job.sweep, local=local)
        except _NoWorkers:
            if not local or attempt + 1 == _STARTS:
                raise
            job.tell("all workers were lost; new ones are started")
        else:
            return


def _start(workers: int, threads: int) -> Any:
    """Start processes of this machine; again if one is killed while it starts.

    Raises
    ------
    RunError
        If they don't start.
    """
    from distributed import LocalCluster

    pinned = dict.fromkeys(
        ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
        str(threads),
    )
    for attempt in itertools.count(1):
        try:
            return LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                memory_limit=0,  # the number of workers is what fits; see count_workers
                env=pinned,
                silence_logs=logging.CRITICAL,
            )
        except (RuntimeError, OSError, TimeoutError) as error:
            if attempt == _STARTS:
                raise RunError(
                    f"The worker processes don't start ({error}). A script that calls vmt.run "
                    "needs: if __name__ == '__main__'."
                ) from error


def _tell_dashboard(client: Client, tell: Tell) -> None:
    import importlib.util

    if importlib.util.find_spec("bokeh") is not None and client.dashboard_link:
        tell(f"dashboard: {client.dashboard_link}")


def _run_on(client: Client, job: Job, plan: str, sweep: Sweep, *, local: bool) -> None:
    """Keep a few tasks at the scheduler until every row is done."""
    from distributed import wait

    crew = _Crew(client, sweep.memory_per_task(), local, job.tell)
    rows, again = job.todo(), list[tuple[int, int]]()
    run_id = uuid.uuid4().hex[:12]
    flying: dict[Future[Any], tuple[list[int], int]] = {}
    tried: dict[int, int] = {}
    serial = itertools.count()

    def submit(chosen: list[int], attempt: int) -> None:
        future = client.submit(
            run_rows,
            plan,
            row_numbers(sweep, chosen),
            key=(f"vmt-{run_id}", next(serial)),
            pure=False,
        )
        flying[future] = (chosen, attempt)

    try:
        while True:
            limit = crew.limit(job)
            while len(flying) < limit:
                if again:
                    row, attempt = again.pop()
                    submit([row], attempt)
                    continue
                chosen = list(itertools.islice(rows, job.batch(crew.count)))
                if not chosen:
                    break
                submit(chosen, 0)
            if not flying:
                return
            try:
                with client.as_current():
                    done = wait(list(flying), timeout=_POLL, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                crew.check()
                continue
            arrived = []
            for future in done:
                chosen, attempt = flying.pop(future)
                if future.status == "finished":
                    arrived.append((future, chosen))
                else:
                    _lost(future, chosen, attempt, again, job.tell)
            results = client.gather([future for future, _ in arrived], errors="skip")
            if len(results) < len(arrived):  # a worker died with results that were on their way
                got = {int(made["row"]) for one in results for made in one}
                for _, chosen in arrived:
                    again += [(row, 0) for row in chosen if row not in got]
            for row in job.take([made for one in results for made in one]):
                tried[row] = tried.get(row, 0) + 1
                if tried[row] < _TROUBLES:
                    again.append((row, 0))
            if len(job.troubles) - len(again) >= ALL_FAILED:
                return
    finally:
        with contextlib.suppress(Exception):
            client.cancel(list(flying))


def _lost(
    future: Future[Any], chosen: list[int], attempt: int, again: list[tuple[int, int]], tell: Tell
) -> None:
    """A task whose worker died: try its rows again, each by itself."""
    from distributed import KilledWorker

    error = future.exception() if future.status == "error" else None
    if error is not None and not isinstance(error, (KilledWorker, OSError)):
        raise RunError(
            f"A task failed on its worker: {type(error).__name__}: {error}. Workers need the same "
            "vmt as this process."
        ) from error
    if attempt + 1 >= _ATTEMPTS:
        raise RunError(
            f"Row {chosen[0]} lost its worker {attempt + 1} times, most likely for want of memory; "
            "use fewer workers or smaller structures, and resume (--resume)."
        )
    tell(f"a worker was lost; {len(chosen)} rows are tried again")
    again += [(row, attempt + 1) for row in chosen]


class _Crew:
    """The workers of a cluster: how many tasks they may have, and whether they are there."""

    def __init__(self, client: Client, memory: float, local: bool, tell: Tell) -> None:
        self._client, self._memory, self._local, self._tell = client, memory, local, tell
        self._seen = time.monotonic()
        self._looked = -1e9
        self._known: set[str] = set()
        self.count = 1

    def limit(self, job: Job) -> int:
        """Tasks at the scheduler: one running and some waiting each; fewer if memory is short."""
        if time.monotonic() - self._looked > _TABLE_EVERY:
            self._look()
        if self._local and job.peak > self._memory:
            fits = int((available_memory() + self.count * job.peak) // job.peak)
            if fits < self.count:
                return max(1, fits)
        return job.depth() * self.count

    def _look(self) -> None:
        workers = self._client.scheduler_info(n_workers=-1)["workers"]
        self._looked = time.monotonic()
        self.count = max(1, sum(int(w["nthreads"]) for w in workers.values()))
        if workers:
            self._seen = time.monotonic()
        self._compare([address for address in workers if address not in self._known])
        for address, worker in workers.items():
            held, threads = int(worker["memory_limit"] or 0), int(worker["nthreads"])
            if held and held < threads * self._memory:
                raise InputError(
                    f"The worker {address} has {format_bytes(held)} for {threads} threads; a task "
                    f"needs {format_bytes(self._memory)}. Start workers with more memory, or fewer "
                    "threads (--nthreads 1)."
                )

    def _compare(self, new: list[str]) -> None:
        """Refuse workers with another vmt, which may give other numbers."""
        self._known.update(new)
        if self._local or not new:
            return
        with contextlib.suppress(OSError, TimeoutError):  # gone again
            found = self._client.run(worker_version, workers=new)
            for address, version in found.items():
                if version != __version__:
                    raise InputError(
                        f"The worker {address} has vmt {version}, this process {__version__}; "
                        "expected the same."
                    )

    def check(self) -> None:
        """Nothing finished for a while: is anybody there?"""
        if self._client.status not in ("running", "connecting", "newly-created"):
            raise RunError(
                "The connection to the scheduler is lost; what was stored is whole, resume "
                "(--resume) goes on."
            )
        if time.monotonic() - self._looked > _TABLE_EVERY:
            self._look()
        patience = _WAIT_FOR_LOCAL if self._local else _WAIT_FOR_WORKERS
        if time.monotonic() - self._seen > patience:
            raise _NoWorkers(
                f"No worker was there for {patience:.0f} s; start some and resume (--resume)."
            )
