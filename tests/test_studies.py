"""The studies run, and their tables hold what they promise."""

import csv
import json
import runpy
import sys
from pathlib import Path

import pytest

STUDIES = Path(__file__).parents[1] / "studies"


def test_neumann_tolerances_follow_the_paper() -> None:
    """The tolerance of a ten-realization mean is rounding plus three standard errors of both."""
    study = runpy.run_path(str(STUDIES / "neumann_2023" / "study.py"))
    sample = study["SAMPLES"]["C900"]
    key = "specific_surface_area(solid)"
    expected = 0.003 * 4.66 + 3 * 0.068 * (1 / 10 + 1 / 10) ** 0.5
    assert study["tolerance"](sample, key, 10, 4e-6) == pytest.approx(expected)


def test_neumann_runs_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sample of two small realizations goes to a table, a figure, and parts that resume."""
    study = runpy.run_path(str(STUDIES / "neumann_2023" / "study.py"))
    rows = study["run"](tmp_path, ["M850"], 40, 2, 7, 10e-9)
    again = study["run"](tmp_path, ["M850"], 40, 2, 7, 10e-9)
    assert rows == again
    assert len(list((tmp_path / "parts").iterdir())) == 2
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


def test_lindner_discharges_run_small(tmp_path: Path) -> None:
    """Structures meet their shares, the fit its row; discharges conserve lithium; parts resume."""
    study = runpy.run_path(str(STUDIES / "lindner_2024" / "discharge.py"))
    results = study["main"](tmp_path, True)
    made = study["structures"](study["QUICK"], 3)
    first, second = made["original"], made["enriched"]
    assert first.volume_fraction(study["AM"]) == second.volume_fraction(study["AM"])
    assert first.volume_fraction(study["AM"]) == pytest.approx(0.7043, abs=1e-3)
    assert first.volume_fraction(study["CBD"]) == pytest.approx(0.0341, abs=1e-3)
    assert second.volume_fraction(study["CBD"]) == pytest.approx(0.0765, abs=1e-3)
    rows = json.loads((tmp_path / "discharge_fit.json").read_text("utf-8"))
    sigma = {study["AM"]: rows[0]["sigma_AM [S/m]"], study["CBD"]: rows[0]["sigma_CBD [S/m]"]}
    assert study["conduct"](first, sigma) == pytest.approx(0.24, rel=2e-3)
    assert [r["run"] for r in results] == ["rates original 1C", "rates enriched 1C"]
    assert all(r["lithium imbalance"] < 1e-7 for r in results)
    assert all(r["stopped because"] == "cut-off voltage" for r in results)
    assert study["main"](tmp_path, True) == results
    assert (tmp_path / "discharge.png").stat().st_size > 10_000


def test_lindner_table_says_what_the_readme_says() -> None:
    """The committed discharges conserve lithium; signs that the README states are the table's."""
    path = STUDIES / "lindner_2024" / "results" / "discharge.csv"
    with path.open(encoding="utf-8") as lines:
        held = {row["run"]: row for row in csv.DictReader(lines)}
    assert all(float(row["lithium imbalance"]) < 1e-6 for row in held.values())

    def gain(words: str) -> float:
        both = (
            float(held[words.format(n)]["capacity [mAh/cm²]"]) for n in ("original", "enriched")
        )
        first, second = both
        return second / first - 1

    low = held["rates original C_10"]
    assert float(low["stoichiometry at collector"]) > float(low["stoichiometry at separator"])
    assert gain("rates {} C_10") > 0
    assert gain("rates {} 1C") > 0


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_neumann_quick_within_tolerances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick study of all six samples reproduces Table 2 within the scaled tolerances."""
    monkeypatch.setattr(sys, "argv", ["study.py", "--quick", "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(STUDIES / "neumann_2023" / "study.py"), run_name="__main__")
    assert end.value.code == 0
