"""The transport study of the six samples runs small, and its committed tables hold."""

import csv
import math
import runpy
from pathlib import Path

import numpy as np
import pytest

import vmt

FOLDER = Path(__file__).parents[1] / "studies" / "neumann_2023"
STUDY = FOLDER / "transport.py"
QUICK = "transport_quick.csv"


def committed(name: str) -> list[dict[str, float]]:
    """Rows of a committed table, numbers as numbers, NaN where there are none."""
    with (FOLDER / "results" / name).open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table))
    words = ("sample", "phase")
    return [
        {k: v if k in words else float(v) if v else math.nan for k, v in row.items()}
        for row in rows
    ]


def test_transport_study_runs_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One small realization: voxels below the level set, the estimate nearer; the store resumes."""
    study = runpy.run_path(str(STUDY))
    rows = study["run"](tmp_path, ["M850"], 48, 1, 7, corner=16)
    assert vmt.study.sweep_status(tmp_path / "sweeps" / "M850_48_1").finished == 1
    assert [row["phase"] for row in rows] == ["solid", "pore"]
    for row in rows:
        assert row["voxels [%]"] < -1
        assert abs(row["estimated [%]"]) < 0.5 * abs(row["voxels [%]"])
        assert abs(row["level set against 6.7 nm [%]"]) < 0.5
        assert 0 < row["predicted, abstract"] < row["predicted"] < 1
    monkeypatch.setattr("vmt.study._run.run_rows", None)  # nothing is computed again
    again = study["run"](tmp_path, ["M850"], 48, 1, 7, corner=16)
    keys = [key for key in study["COLUMNS"] if key != "standard deviation"]
    assert [[row[k] for k in keys] for row in again] == [[row[k] for k in keys] for row in rows]
    study["draw"](rows, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert set(study["COLUMNS"]) <= set(rows[0])


def test_transport_seeds_are_those_of_the_study() -> None:
    """Realization j of sample i is the j-th child of [seed, i], the same as without a sweep."""
    study = runpy.run_path(str(STUDY))
    sweep = study["sweep_of"]("M850", 32, 2, 7, 8)
    result = vmt.run(sweep, cluster="inline")
    sample = study["SAMPLES"]["M850"]
    model = vmt.ChiSquareExcursionSet(
        vmt.Covariance.gaussian(rate=sample.rate), sample.volume_fraction
    )
    number = list(study["SAMPLES"]).index("M850")
    for row, child in enumerate(np.random.SeedSequence([7, number]).spawn(2)):
        voxels = model.sample((32,) * 3, 10e-9, rng=np.random.default_rng(child))
        solved = vmt.effective_conductivity(voxels, {"solid": 1.0}, bounds="none")
        assert result.values("voxels(solid)")[row] == solved.m_factor


def test_cells_of_15_nm_are_a_row_of_their_own(tmp_path: Path) -> None:
    """F850, imaged at 15 nm: the same realization loses more on coarser voxels."""
    study = runpy.run_path(str(STUDY))
    rows = study["run"](tmp_path, ["F850"], 54, 1, 3, corner=12)
    assert [row["sample"] for row in rows] == ["F850", "F850", "F850, 15 nm", "F850, 15 nm"]
    for fine, coarse in zip(rows[:2], rows[2:], strict=True):
        assert coarse["voxels [%]"] < fine["voxels [%]"] < 0
        assert coarse["predicted"] == fine["predicted"]
        assert abs(coarse["level set"] / fine["level set"] - 1) < 0.01


@pytest.mark.parametrize("name", [QUICK, "transport.csv"])
def test_committed_tables_hold(name: str) -> None:
    """10 nm voxels lose 2 to 8 %, 15 nm more; the level set and its estimate are within 1 %."""
    rows = committed(name)
    samples = {row["sample"] for row in rows}
    assert len(rows) == 2 * len(samples) >= (14 if name == QUICK else 8)
    for row in rows:
        coarse = row["sample"].endswith("15 nm")
        assert (-12 if coarse else -8) < row["voxels [%]"] < -2
        assert abs(row["estimated [%]"]) < 1
        assert row["voxels"] < row["level set"] < 1
        if not math.isnan(row["level set against 6.7 nm [%]"]):
            assert abs(row["level set against 6.7 nm [%]"]) < 0.3


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_transport_study_of_one_sample(tmp_path: Path) -> None:
    """F850 at 200³: voxels lose 4 to 9 %, the estimated level set stays within 2 %."""
    study = runpy.run_path(str(STUDY))
    for row in study["run"](tmp_path, ["F850"], 200, 1, 2023)[:2]:
        assert -9 < row["voxels [%]"] < -4
        assert abs(row["estimated [%]"]) < 2


def test_the_paper_s_findings_hold() -> None:
    """Section 5.3: calcining at 900 °C helps the solid, most where it is fine; pores inversely."""
    m = {(row["sample"], row["phase"]): row["level set"] for row in committed(QUICK)}
    gain = {
        phase: [m[f"{size}900", phase] - m[f"{size}850", phase] for size in "FMC"]
        for phase in ("solid", "pore")
    }
    assert gain["solid"][0] > gain["solid"][1] > gain["solid"][2] > 0
    assert gain["pore"][0] < gain["pore"][1] < gain["pore"][2] < 0


def test_representation_runs_small() -> None:
    """More solid conducts better, and leaves less to the pores; the committed table agrees."""
    study = runpy.run_path(str(FOLDER / "representation.py"))
    rows = study["run"](32, 1)
    kept = committed("representation.csv")
    assert [(r[0], r[1]) for r in rows] == [(r["sample"], r["phase"]) for r in kept]
    for _, phase, _, _, change in rows:
        assert (change > 0) == (phase == "solid") or change == 0
    for row in kept:
        assert 4 < abs(row["change [%]"]) < 9


def test_prediction_at_the_paper_s_size() -> None:
    """The committed table is what the script makes of the others; eq. (15) is fair on the whole."""
    study = runpy.run_path(str(FOLDER / "prediction.py"))
    rows, kept = study["rows"](), committed("prediction.csv")
    assert [tuple(row.values()) for row in kept] == [pytest.approx(row) for row in rows]
    for phase, most in (("solid", 7), ("pore", 3)):
        off = [abs(row["predicted [%]"]) for row in kept if row["phase"] == phase]
        assert len(off) == 6
        assert sum(off) / 6 < most
