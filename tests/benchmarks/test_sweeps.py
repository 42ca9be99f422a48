"""What running on dask costs: throughput, overhead, memory of the scheduler."""

import multiprocessing
import sys
import time
from pathlib import Path

import psutil
import pytest

import vmt
from vmt import Sweep
from vmt.study._run import _client
from vmt.study._tasks import make_plan, row_numbers, run_rows

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))
from sweep_helpers import FUNCTIONS, SINGLE, own_cluster

NUMBERS = {"model": "sweep_functions:numbers", "measurements": ["sweep_functions:sums"]}


@pytest.fixture(autouse=True)
def functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FUNCTIONS))


def structures(count: int, seed: int = 0) -> Sweep:
    return Sweep(
        model="chi_square_excursion_set",
        parameters={"rate": 7.28e6, "volume_fraction": 0.46},
        shape=(100, 100, 100),
        spacing="10 nm",
        measurements=["twin"],
        realizations=count,
        seed=seed,
    )


def cpu_time(client) -> float:
    """CPU seconds of the workers and of this process, which has the scheduler."""
    return sum(client.run(time.process_time).values()) + time.process_time()


def page_faults() -> int:
    """Pages that the system has handed out to this process."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def bare(rows: range, ready, go, results) -> None:
    """The same kernels without vmt.run, dask or a store."""
    from vmt.study import measure_structure

    model = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=7.28e6), 0.46)
    sweep = structures(1)

    def once(row: int) -> float:
        import numpy as np

        made = model.sample(
            (100, 100, 100), 10e-9, rng=np.random.default_rng(sweep.seed_sequence(row))
        )
        return measure_structure(made)["values"]["m_factor(solid)"]

    once(0)
    ready.release()
    go.wait()
    start = time.process_time()
    values = [once(row) for row in rows]
    results.put((rows.start, time.process_time() - start, values))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_throughput_is_that_of_bare_processes(tmp_path: Path, monkeypatch) -> None:
    """Two workers make at least 95 % of the structures that two bare processes make.

    By the clock, the median of three, on a machine that does nothing else. The CPU time of all
    processes is printed beside it: it has what dask does in the background, in proportion to the
    clock, so that on a busy machine it shows more than the tasks cost.
    """
    for name, value in SINGLE.items():
        monkeypatch.setenv(name, value)
    count, spawn = 96, multiprocessing.get_context("spawn")
    by_clock, by_cpu = [], []
    with _client(None, 2, 1, print) as client:  # the cluster that run starts
        vmt.run(structures(4), cluster=client)  # compiled and warm
        for repeat in range(3):
            ready, go, results = spawn.Semaphore(0), spawn.Event(), spawn.Queue()
            halves = [range(count // 2), range(count // 2, count)]
            processes = [
                spawn.Process(target=bare, args=(half, ready, go, results)) for half in halves
            ]
            for process in processes:
                process.start()
            for _ in processes:
                ready.acquire()
            start = time.perf_counter()
            go.set()
            found = sorted(results.get() for _ in processes)
            for_bare = time.perf_counter() - start
            for process in processes:
                process.join()
            spent, faults = cpu_time(client), sum(client.run(page_faults).values())
            start = time.perf_counter()
            result = vmt.run(structures(count), cluster=client, store=tmp_path / str(repeat))
            for_run = time.perf_counter() - start
            spent = cpu_time(client) - spent
            faults = sum(client.run(page_faults).values()) - faults
            assert result.values("m_factor(solid)").tolist() == found[0][2] + found[1][2]
            by_clock.append(for_bare / for_run)
            by_cpu.append((found[0][1] + found[1][1]) / spent)
            print(
                f"bare {for_bare:.2f} s, vmt.run {for_run:.2f} s: {by_clock[-1]:.3f} by the "
                f"clock, {by_cpu[-1]:.3f} by CPU time; {faults / count:.0f} page faults a row, "
                f"{for_bare * 2 / count:.2f} s a row"
            )
    assert sorted(by_clock)[1] >= 0.95


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_overhead_of_a_task(tmp_path: Path) -> None:
    """A task of its own costs less than 20 ms with its row in the store; in batches far less.

    CPU time of client, scheduler and workers together: on a busy machine the clock shows the
    others' work.
    """
    with _client(None, 2, 1, print) as client:  # the cluster that run starts
        vmt.run(Sweep(**NUMBERS, realizations=20), cluster=client)
        for rows_per_task, count, most in ((1, 2000, 20e-3), (None, 20_000, 2e-3)):
            start, spent = time.perf_counter(), cpu_time(client)
            result = vmt.run(
                Sweep(**NUMBERS, realizations=count),
                cluster=client,
                store=tmp_path / str(count),
                rows_per_task=rows_per_task,
            )
            each = (cpu_time(client) - spent) / count
            wall = (time.perf_counter() - start) / count
            print(
                f"rows_per_task={rows_per_task}: {each * 1e3:.2f} ms of CPU time a row, "
                f"{wall * 1e3:.2f} ms by the clock"
            )
            assert result.complete
            assert each < most


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_scheduler_does_not_grow(tmp_path: Path) -> None:
    """10⁵ tasks of one row each: the scheduler grows by less than 128 MiB after the first 10⁴.

    dask caches the names of the last 10⁵ keys, 0.8 kB each; nothing else may grow.
    """
    with own_cluster(tmp_path) as (address, processes):
        scheduler = psutil.Process(processes[0].pid)
        vmt.run(Sweep(**NUMBERS, realizations=10_000), cluster=address, rows_per_task=1)
        before = scheduler.memory_info().rss
        start = time.perf_counter()
        result = vmt.run(
            Sweep(**NUMBERS, realizations=100_000, seed=1),
            cluster=address,
            store=tmp_path / "out",
            rows_per_task=1,
        )
        spent = time.perf_counter() - start
        after = scheduler.memory_info().rss
    parts = len(list((tmp_path / "out" / "parts").iterdir()))
    size = sum(p.stat().st_size for p in (tmp_path / "out" / "parts").iterdir())
    print(
        f"{spent / 1e5 * 1e3:.2f} ms a task; scheduler {before / 2**20:.0f} → "
        f"{after / 2**20:.0f} MiB; {parts} parts of {size / 1e5:.0f} bytes a row"
    )
    assert result.complete
    assert after - before < 128 * 2**20


def test_a_plan_is_prepared_once() -> None:
    """Rows after the first cost less than 2 ms of this process each, checks and all."""
    sweep = Sweep(**NUMBERS, realizations=200)
    plan = make_plan(sweep, inputs={})
    run_rows(plan, row_numbers(sweep, [0]))
    start = time.process_time()
    run_rows(plan, row_numbers(sweep, range(1, 200)))
    assert (time.process_time() - start) / 199 < 2e-3
