"""Running a sweep: the same table anywhere, what stops it, and what it refuses."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest

import vmt
from vmt import InputError, MemoryBudgetError, RunError, Sweep
from vmt.study import estimate_sweep_cost, read_sweep, sweep_status
from vmt.study._run import _check_address, count_workers
from vmt.study._tasks import MAX_PICKLE, make_plan

sys.path.insert(0, str(Path(__file__).parent))
from sweep_helpers import FUNCTIONS, exact, own_cluster

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


# ---- the same table anywhere


@pytest.mark.timeout(300)
def test_table_is_the_same_on_one_and_two_workers_and_threads(tmp_path: Path, monkeypatch) -> None:
    """Real structures: inline, 1 worker of 2 threads, and 2 workers of 1 agree bit for bit."""
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)
    sweep = Sweep(
        model="chi_square_excursion_set",
        factors={"volume_fraction": [0.4, 0.6]},
        parameters={"rate": 7e6},
        shape=(24, 20, 28),
        spacing="20 nm",
        measurements=["m_factor", "specific_surface_area", "sweep_functions:process"],
        realizations=3,
    )
    measured = ["m_factor(solid)", "m_factor(pore)", "specific_surface_area(solid)"]
    inline = vmt.run(sweep, cluster="inline")
    two = vmt.run(sweep, workers=2, store=tmp_path / "two")
    assert exact(two.table[measured]) == exact(inline.table[measured])
    assert two.rows["process"].nunique() == 2
    assert set(two.values("omp")) == set(two.values("most_threads")) == {1.0}
    assert set(two.values("kept_memory")) == {128.0 * 2**20}  # dask's 64 KiB cost 3 % of the time
    again = read_sweep(tmp_path / "two")
    assert exact(again.table) == exact(two.table)
    if psutil.cpu_count() >= 2:
        one = vmt.run(sweep, workers=1, threads=2)
        assert exact(one.table[measured]) == exact(inline.table[measured])
        assert set(one.values("numba_threads")) == set(one.values("given")) == {2.0}


def test_rows_are_what_a_loop_would_give() -> None:
    """Each row is the model and measurement called with the row's own seed."""
    import sweep_functions

    result = vmt.run(numbers(seed=9), cluster="inline")
    for row, child in enumerate(np.random.SeedSequence(9).spawn(10)):
        made = sweep_functions.numbers(
            rng=np.random.default_rng(child), scale=1.0 if row < 5 else 2.0
        )
        assert result.values("sum")[row] == made.sum()
        assert result.values("first")[row] == made[0]
        np.testing.assert_array_equal(result.arrays("values")[row], made)
    assert len(set(result.values("own"))) == 10
    assert result.table["scale"].tolist() == [1.0] * 5 + [2.0] * 5


def test_more_realizations_keep_the_first_ones() -> None:
    """Without factors, a longer sweep begins with the rows of a shorter one."""
    short, long = (
        vmt.run(numbers(factors={}, realizations=n), cluster="inline").values("sum") for n in (3, 7)
    )
    np.testing.assert_array_equal(long[:3], short)


def test_descriptors_share_one_call() -> None:
    """Descriptors by name give what `describe` gives, those side by side in one call."""
    sweep = Sweep(
        model="gaussian_excursion_set",
        parameters={"volume_fraction": 0.5, "rate": 8e6},
        shape=(20, 20, 20),
        spacing=2e-8,
        measurements=["volume_fraction", "chord_lengths", {"name": "m_factor", "prefix": "x."}],
        seed=3,
    )
    row = vmt.run(sweep, cluster="inline").table.iloc[0]
    model = vmt.GaussianExcursionSet(vmt.Covariance.gaussian(rate=8e6), 0.5)
    child = np.random.SeedSequence(3).spawn(1)[0]
    made = model.sample((20, 20, 20), 2e-8, rng=np.random.default_rng(child))
    told = vmt.describe(made, descriptors={"volume_fraction", "chord_lengths"}).values
    assert set(told) < set(row.index)
    for name, value in told.items():
        assert row[name] == value
    assert row["x.m_factor(solid)"] == vmt.effective_conductivity(made, {"solid": 1.0}).m_factor


def test_image_is_read_by_path_and_hash(tmp_path: Path) -> None:
    """A measured image goes to workers as path and hash; another one at that path is refused."""
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[:, 3:] = 1
    path = tmp_path / "image.npz"
    vmt.write(vmt.Microstructure(labels, 1e-8), path)
    sweep = Sweep(
        model="image", parameters={"path": str(path)}, measurements=["volume_fraction", "m_factor"]
    )
    plan = make_plan(sweep, inputs=sweep.input_hashes())
    assert len(plan) < 2000
    result = vmt.run(sweep, cluster="inline", store=tmp_path / "out")
    assert result.table["m_factor(solid)"][0] == pytest.approx(0.5)
    vmt.write(vmt.Microstructure(1 - labels, 1e-8), path)
    from vmt.study._tasks import run_rows

    (made,) = run_rows(plan, [(0, {})])
    assert "not the one" in made["error"]
    with pytest.raises(InputError, match="other parameters"):
        vmt.run(sweep, cluster="inline", store=tmp_path / "out", resume=True)


def test_plans_and_rows_stay_small() -> None:
    """What travels is a text and numbers; a study above 64 MiB or a volume is refused."""
    sweep = numbers(factors={"scale": list(np.linspace(1, 2, 5000))}, realizations=100)
    assert len(make_plan(sweep, inputs={})) < 1000
    large = numbers(factors={}, parameters={"scale": 1.0}, name="x")
    plan = make_plan(large, inputs={"x" * (MAX_PICKLE // 2): "y"})
    assert len(plan) < MAX_PICKLE
    with pytest.raises(InputError, match="travels"):
        make_plan(large, inputs={"x" * MAX_PICKLE: "y"})
    result = vmt.run(
        numbers(measurements=["sweep_functions:volume"], realizations=1), cluster="inline"
    )
    assert result.failed == 2
    assert "1D" in result.table["error"][0]


# ---- structures


def test_structures_are_kept_on_request(tmp_path: Path) -> None:
    """Voxels are written as Zarr and are those that were measured."""
    sweep = Sweep(
        model="gaussian_excursion_set",
        parameters={"volume_fraction": 0.5, "rate": 8e6},
        shape=(12, 12, 12),
        spacing=2e-8,
        measurements=["volume_fraction"],
        realizations=2,
        keep_structures=True,
    )
    result = vmt.run(sweep, cluster="inline", store=tmp_path / "out")
    for row, value in enumerate(result.values("volume_fraction(solid)")):
        kept = vmt.read_labels(tmp_path / "out" / "structures" / f"row-{row:09d}.zarr")
        assert kept.volume_fraction("solid") == value
    with pytest.raises(InputError, match="needs a store"):
        vmt.run(sweep, cluster="inline")


# ---- failures of tasks


def test_what_can_not_be_done_is_a_row(tmp_path: Path) -> None:
    """A vmt error is a result: the row says why, the others have values, means leave it out."""
    sweep = numbers(measurements=["sweep_functions:sometimes_impossible"], realizations=20)
    result = vmt.run(sweep, cluster="inline", store=tmp_path / "out")
    lost = result.table["error"].notna().to_numpy()
    assert 5 < lost.sum() < 35
    assert np.isnan(result.values("root")[lost]).all()
    assert np.isfinite(result.values("root")[~lost]).all()
    assert result.failed == lost.sum() == sweep_status(tmp_path / "out").failed
    summary = result.summary()
    assert summary.failed.sum() == lost.sum()
    assert (summary.count[:, 0] + summary.failed == 20).all()


def test_mistakes_are_not_stored(tmp_path: Path) -> None:
    """A mistake stops the run and leaves no row; a trouble that passes is tried again."""
    with pytest.raises(RunError, match=r"KeyError.*oops"):
        vmt.run(
            numbers(measurements=["sweep_functions:broken"]), cluster="inline", store=tmp_path / "a"
        )
    assert sweep_status(tmp_path / "a").finished == 0
    folder = tmp_path / "marks"
    folder.mkdir()
    options = {"name": "sweep_functions:fails_once", "options": {"folder": str(folder)}}
    result = vmt.run(numbers(measurements=[options]), cluster="inline")
    assert result.complete
    assert len(list(folder.iterdir())) == 10


def test_a_study_that_always_fails_is_stopped() -> None:
    """When the first eight rows all fail, the run stops and says why."""
    sweep = numbers(measurements=["sweep_functions:volume"], realizations=50)
    with pytest.raises(RunError, match=r"first 8 rows all failed.*1D"):
        vmt.run(sweep, cluster="inline")


# ---- clusters


@pytest.mark.timeout(300)
def test_a_scheduler_and_two_workers_of_their_own(tmp_path: Path) -> None:
    """A scheduler and two workers that were started separately give the same table; rows that
    take their worker down are tried again."""
    folder = tmp_path / "marks"
    folder.mkdir()
    with own_cluster(tmp_path) as (address, _):
        killing = {"name": "sweep_functions:kills_once", "options": {"folder": str(folder)}}
        sweep = numbers(realizations=30)
        result = vmt.run(sweep, cluster=address, store=tmp_path / "out")
        assert result.rows["process"].nunique() == 2
        assert exact(result.table) == exact(vmt.run(sweep, cluster="inline").table)
        remarks: list[str] = []
        deadly = numbers(measurements=["sweep_functions:sums", {**killing, "prefix": "k."}],
                         factors={}, realizations=2)  # fmt: skip
        survived = vmt.run(deadly, cluster=address, tell=remarks.append)
        assert survived.complete
        assert len(list(folder.iterdir())) == 2
        np.testing.assert_array_equal(survived.values("k.first"), survived.values("first"))


@pytest.mark.parametrize(
    "address", ["tcp://127.0.0.1:8786", "tcp://localhost:8786", "tcp://[::1]:8786", "tls://host:1"]
)
def test_safe_addresses(address: str) -> None:
    """This machine, and TLS anywhere, are allowed."""
    assert _check_address(address, insecure=False) == address


@pytest.mark.parametrize("address", ["tcp://10.0.0.2:8786", "tcp://cluster:8786", "ws://host:1"])
def test_open_ports_need_a_word(address: str) -> None:
    """A remote scheduler without TLS needs insecure=True."""
    with pytest.raises(InputError, match="insecure"):
        vmt.run(numbers(), cluster=address)
    assert _check_address(address, insecure=True) == address


def test_what_is_no_cluster_is_refused() -> None:
    """Addresses without protocol and other objects get one clear error; so do silent schedulers."""
    with pytest.raises(InputError, match="tls://host"):
        vmt.run(numbers(), cluster="127.0.0.1:8786")
    with pytest.raises(InputError, match="address of a scheduler"):
        vmt.run(numbers(), cluster=3)


def test_workers_and_threads_fit_the_cores_and_the_memory(monkeypatch) -> None:
    """More processes times threads than cores are refused; memory limits their number."""
    cores = len(os.sched_getaffinity(0))
    for workers, threads in ((cores + 1, 1), (1, cores + 1), (cores, 2)):
        with pytest.raises(InputError, match="cores"):
            count_workers(numbers(), workers, threads)
    with pytest.raises(InputError, match="at least 1"):
        count_workers(numbers(), 1, 0)
    big = {"shape": (200, 200, 200), "spacing": 1e-8, "realizations": 100}
    sweep = Sweep(
        model="gaussian_excursion_set",
        parameters={"volume_fraction": 0.5, "rate": 1e6},
        measurements=["volume_fraction"],
        **big,
    )
    need = sweep.memory_per_task()
    monkeypatch.setenv("VMT_MEMORY_LIMIT", str(int(1.5 * need)))
    assert count_workers(sweep, None, 1) == 1
    if cores > 1:
        with pytest.raises(MemoryBudgetError, match="2 structures of 200×200×200 voxels"):
            count_workers(sweep, 2, 1)
    monkeypatch.setenv("VMT_MEMORY_LIMIT", str(int(0.5 * need)))
    with pytest.raises(MemoryBudgetError):
        vmt.run(sweep)
    monkeypatch.setenv("VMT_MEMORY_LIMIT", str(int(100 * need)))
    assert count_workers(sweep, None, 1) == cores


# ---- means


def test_summary_is_student_t(tmp_path: Path) -> None:
    """Means, standard errors and intervals are those of scipy, point by point."""
    from scipy import stats

    result = vmt.run(numbers(realizations=7), cluster="inline")
    summary = result.summary(confidence=0.9)
    place = summary.quantities.index("sum")
    for point in range(2):
        values = result.values("sum")[7 * point : 7 * point + 7]
        assert summary.mean[point, place] == pytest.approx(values.mean())
        assert summary.standard_error[point, place] == pytest.approx(stats.sem(values))
        low, high = stats.t.interval(0.9, 6, values.mean(), stats.sem(values))
        assert summary.low[point, place] == pytest.approx(low)
        assert summary.high[point, place] == pytest.approx(high)
    assert np.isnan(vmt.run(numbers(realizations=1), cluster="inline").summary().low).all()
    with pytest.raises(InputError, match="confidence"):
        result.summary(confidence=95)
    content = json.dumps(vmt._files.jsonable(result.to_dict()))
    assert '"expected_rows": 14' in content


def test_intervals_cover_the_mean() -> None:
    """95 % intervals of 5 normal values hold the true mean in 95 % of 400 points (3 sigma)."""
    sweep = numbers(factors={"scale": list(np.linspace(1, 2, 400))}, realizations=5)
    summary = vmt.run(sweep, cluster="inline").summary()
    place = summary.quantities.index("first")
    inside = ((summary.low[:, place] < 0) & (summary.high[:, place] > 0)).mean()
    assert abs(inside - 0.95) < 3 * np.sqrt(0.95 * 0.05 / 400)


def test_common_seeds_reduce_the_noise_of_differences() -> None:
    """With common random numbers two points differ by the factor alone."""
    result = vmt.run(numbers(seeds="common"), cluster="inline")
    np.testing.assert_array_equal(result.values("sum")[5:], 2 * result.values("sum")[:5])


# ---- cost


@pytest.mark.timeout(200)
def test_dry_run_measures_time_and_memory() -> None:
    """A trial in a process of its own measures time and memory; a mistake shows in it."""
    cost = estimate_sweep_cost(numbers(realizations=50))
    assert (cost.points, cost.rows, cost.tried) == (2, 100, 3)
    assert not cost.extrapolated
    assert 50e6 < cost.memory < 2e9
    assert 0 <= cost.seconds_per_row < 0.1
    assert any("100 tasks" in line for line in cost.text)
    with pytest.raises(RunError, match=r"trial.*oops"):
        estimate_sweep_cost(numbers(measurements=["sweep_functions:broken"]))
