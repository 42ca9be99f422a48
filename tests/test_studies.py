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


def test_table_a1_runs_small(tmp_path: Path) -> None:
    """One small sample goes to rows with the paper's differences, M-factors, and a figure."""
    study = runpy.run_path(str(STUDIES / "neumann_2023" / "particles.py"))
    variants = ["as fitted", "bridged by 2 voxels"]
    parts = {"M850": study["measure"]("M850", 50, 7, True, variants)}
    rows = study["table"](parts)
    assert [row["variant"] for row in rows] == variants
    assert rows[0]["p difference, paper"] == pytest.approx(0.0137, abs=1e-6)
    assert rows[0]["Dice"] > 0.85
    (solid, pore) = study["m_table"](parts)
    assert solid["M, level set, bridged by 2 voxels"] > solid["M, level set, as fitted"]
    assert pore["M, voxels, image"] > 0
    study["draw"](parts, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000


def test_committed_table_a1_holds_together() -> None:
    """All samples and variants are there; overlap at the cuts raises p, lowers S, and is seen."""
    path = STUDIES / "neumann_2023" / "results" / "table_a1_quick.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    study = runpy.run_path(str(STUDIES / "neumann_2023" / "particles.py"))
    assert len(rows) == len(study["TABLE_A1"]) * len(study["VARIANTS"])
    table = {(row["sample"], row["variant"]): row for row in rows}
    for sample in study["TABLE_A1"]:
        plain, bridged = (table[sample, name] for name in ("as fitted", "bridged by 2 voxels"))
        assert plain["p image"] == bridged["p image"]
        assert bridged["p difference"] > plain["p difference"]
        assert bridged["S difference [%]"] < plain["S difference [%]"]
        assert bridged["overlapped [% of union]"] > plain["overlapped [% of union]"]


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_neumann_quick_within_tolerances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick study of all six samples reproduces Table 2 within the scaled tolerances."""
    monkeypatch.setattr(sys, "argv", ["study.py", "--quick", "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(STUDIES / "neumann_2023" / "study.py"), run_name="__main__")
    assert end.value.code == 0


def test_committed_particle_twin_names_the_nearest() -> None:
    """In the committed table of the real cathode each row's nearest twin is the one whose mean
    deviates least, and every twin has the image's volume fraction within 10 %."""
    path = STUDIES / "particle_twin" / "results" / "descriptors.csv"
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    twins = [name.partition(":")[0] for name in rows[0] if name.endswith("deviation [%]")]
    assert len(twins) == 4
    assert len(rows) > 20
    for row in rows:
        deviations = {name: float(row[f"{name}: deviation [%]"]) for name in twins}
        assert deviations[row["nearest"]] == pytest.approx(min(deviations.values()))
    fraction = next(row for row in rows if row["descriptor"] == "volume_fraction(solid)")
    assert all(float(fraction[f"{name}: deviation [%]"]) < 10 for name in twins)


@pytest.mark.slow
def test_particle_twin_runs_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a generated packing the particle twins are nearer than the excursion set, and the
    solid's M-factor of the joined one is within 15 %."""
    monkeypatch.setattr(sys, "argv", ["study.py", "--quick", "--out", str(tmp_path)])
    runpy.run_path(str(STUDIES / "particle_twin" / "study.py"), run_name="__main__")
    wins = json.loads((tmp_path / "nearest.json").read_text("utf-8"))
    assert wins.get("excursion set", 0) < 0.4 * sum(wins.values())
    with (tmp_path / "descriptors.csv").open(encoding="utf-8") as file:
        rows = {row["descriptor"]: row for row in csv.DictReader(file)}
    joined = rows["m_factor(solid)"]["particles, drawn together: deviation [%]"]
    assert float(joined) < 15
    assert (tmp_path / "sections.png").stat().st_size > 10_000
