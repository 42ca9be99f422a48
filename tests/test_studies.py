"""The studies run, and their tables hold what they promise."""

import json
import runpy
import sys
from pathlib import Path

import pytest

import vmt

STUDIES = Path(__file__).parents[1] / "studies"


def test_neumann_tolerances_follow_the_paper() -> None:
    """The tolerance of a ten-realization mean is rounding plus three standard errors of both."""
    study = runpy.run_path(str(STUDIES / "neumann_2023" / "study.py"))
    sample = study["SAMPLES"]["C900"]
    key = "specific_surface_area(solid)"
    expected = 0.003 * 4.66 + 3 * 0.068 * (1 / 10 + 1 / 10) ** 0.5
    assert study["tolerance"](sample, key, 10, 4e-6) == pytest.approx(expected)


def test_neumann_runs_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sample of two small realizations goes to a table, a figure, and a store that resumes."""
    study = runpy.run_path(str(STUDIES / "neumann_2023" / "study.py"))
    rows = study["run"](tmp_path, ["M850"], 40, 2, 7, 10e-9)
    assert vmt.study.sweep_status(tmp_path / "sweeps" / "M850_40_2_10nm").finished == 2
    monkeypatch.setattr("vmt.study._run.run_rows", None)  # nothing is computed again
    assert study["run"](tmp_path, ["M850"], 40, 2, 7, 10e-9) == rows
    surface = next(r for r in rows if r["descriptor"] == "specific surface area, solid")
    assert surface["mean"] == pytest.approx(surface["expected"], rel=0.1)
    study["draw"](rows, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_committed_table_holds() -> None:
    """Every value of the committed full run that the paper prints lies within its tolerance."""
    path = STUDIES / "neumann_2023" / "results" / "table_2.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    printed = [row for row in rows if row["paper"] is not None]
    assert len(printed) == 30
    assert all(abs(row["mean"] - row["paper"]) <= row["tolerance"] for row in printed)
    assert all(
        abs(row["standard errors from expected"]) <= 3
        for row in printed
        if row["descriptor"].startswith("specific")
    )


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_neumann_quick_within_tolerances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick study of all six samples reproduces Table 2 within the scaled tolerances."""
    monkeypatch.setattr(sys, "argv", ["study.py", "--quick", "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(STUDIES / "neumann_2023" / "study.py"), run_name="__main__")
    assert end.value.code == 0
