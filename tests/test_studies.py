"""The studies run, and their tables hold what they promise."""

import csv
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
    assert gain("rates {} 1C") > 0 > gain("rates {} 2C")
    assert all(row["stopped because"] == "cut-off voltage" for row in held.values())


def test_lindner_map_says_what_the_readme_says() -> None:
    """Where the gain at 1C reaches the range set before, 2C gains too: never the whole pattern."""
    path = STUDIES / "lindner_2024" / "results" / "gain_map.csv"
    with path.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert all(float(row["lithium imbalance"]) < 1e-10 for row in rows)
    gain = {(r["variant"], r["rate"], r["voxel [µm]"]): float(r["gain"]) for r in rows}
    both = "ions as in Table 1, D_s × 3"
    assert gain["base", "1C", "1.6"] < gain["ions as in Table 1", "1C", "1.6"] < 0.10
    assert 0.10 < gain[both, "1C", "1.6"] < 0.25
    assert gain["base", "2C", "1.6"] < -0.1 < gain["ions as in Table 1", "2C", "1.6"]
    assert gain[both, "2C", "1.6"] > 0


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_neumann_quick_within_tolerances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The quick study of all six samples reproduces Table 2 within the scaled tolerances."""
    monkeypatch.setattr(sys, "argv", ["study.py", "--quick", "--out", str(tmp_path / "run")])
    with pytest.raises(SystemExit) as end:
        runpy.run_path(str(STUDIES / "neumann_2023" / "study.py"), run_name="__main__")
    assert end.value.code == 0


def test_lindner_runs_small(tmp_path: Path) -> None:
    """Binder grows, the diffusivity falls, and every row of the fit keeps the paper's first row."""
    study = runpy.run_path(str(STUDIES / "lindner_2024" / "study.py"))
    summary = study["main"](tmp_path, True)
    assert summary["packing"]["diffusivity monotone"]
    assert summary["packing"]["diffusivity at the end over start"][0] <= 0.05
    assert (tmp_path / "figure_2c.png").stat().st_size > 10_000
    rows = study["read_steps"](tmp_path / "steps.csv")
    shares = [float(r["connectivity"]) for r in rows if r["structure"] == "packing"]
    assert shares[-1] > shares[0]


def test_lindner_results_hold() -> None:
    """In the committed run the binder connects, and the pore closes when it is impermeable."""
    path = STUDIES / "lindner_2024" / "results" / "summary.json"
    for found in json.loads(path.read_text(encoding="utf-8")).values():
        assert found["connectivity at 7.65 %"]["mean"] > 0.85
        assert found["connectivity at 7.65 %"]["mean"] > found["connectivity at 3.41 %"]["mean"]
        assert found["diffusivity monotone"]
        assert max(found["diffusivity at the end over start"]) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("cbd", ["solid", "domain"])
def test_prasad_runs_small(tmp_path: Path, cbd: str) -> None:
    """A thin electrode goes through all scenarios; the densest conducts ions worst."""
    study = runpy.run_path(str(STUDIES / "prasad_2024" / "study.py"))
    rows = study["main"](tmp_path, True, False, cbd)
    assert study["mean_ratio"](rows, 9) > 1
    assert (tmp_path / "figure_2.png").stat().st_size > 10_000


def test_prasad_densities_agree_with_the_solid_reading() -> None:
    """The printed fractions of active material and binder give the printed density within 2 % when
    the binder's is of the solid, and miss it by 5 % when it is of the domain with its pores."""
    study = runpy.run_path(str(STUDIES / "prasad_2024" / "study.py"))
    for density, (*_, active, printed) in study["ELECTRODES"].items():
        solid, domain = (
            study["electrode_density"](active, printed, reading) for reading in ("solid", "domain")
        )
        assert solid == pytest.approx(density, rel=0.02)
        assert domain < 0.95 * density


@pytest.mark.parametrize(("cbd", "over_printed"), [("", 2.0), ("domain", 1.0)])
def test_prasad_results_hold(cbd: str, over_printed: float) -> None:
    """In both readings of the binder's fraction a uniform current never conducts better, each layer
    costs what it should, and the redistributed totals are the homogeneous scenario's."""
    path = STUDIES / "prasad_2024" / "results" / cbd / "conductivities.csv"
    printed = {"2700": 0.101, "3000": 0.112, "3300": 0.123}
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]
    assert len([r for r in rows if r["total"] == "paper"]) == 5 * 3 * 3
    for row in rows:
        assert float(row["sigma_current [S/m]"]) <= 1.002 * float(row["sigma_potential [S/m]"])
        assert float(row["kappa_current"]) <= 1.002 * float(row["kappa_potential"])
        if row["total"] == "redistributed" or row["scenario"] == "homogeneous":
            placed = float(row["binder"]) + float(row["dense_binder"])
            assert placed == pytest.approx(over_printed * printed[row["density [kg/m³]"]], abs=1e-5)
    by = {(r["density [kg/m³]"], r["cutout"], r["scenario"], r["total"]): r for r in rows}
    for density in ("2700", "3000", "3300"):
        for cutout in "012":
            plain = by[density, cutout, "homogeneous", "paper"]
            free = by[density, cutout, "none_at_collector", "paper"]
            dense = by[density, cutout, "dense_at_separator", "paper"]
            sigma, kappa = "sigma_potential [S/m]", "kappa_potential"
            assert float(free[sigma]) < float(plain[sigma])
            assert float(dense[kappa]) < float(plain[kappa])


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
