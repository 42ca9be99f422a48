"""The printed tables of Beuse et al. 2021, from their printed inputs."""

import csv
import runpy
from pathlib import Path
from typing import Any

import pytest

from vmt.descriptors import porosimetry as lab
from vmt.errors import InputError

STUDY = Path(__file__).parents[2] / "studies" / "beuse_2021"


@pytest.fixture(scope="module")
def study() -> dict[str, Any]:
    """The study's functions and tables."""
    return runpy.run_path(str(STUDY / "study.py"))


@pytest.mark.parametrize("name", ["table_1", "closed_shares"])
def test_tables_to_the_printed_digit(study: dict[str, Any], name: str) -> None:
    """Composition, densities, closed pores and gauge errors round to what the paper prints."""
    rows = study[name]()
    assert len(rows) >= 6
    assert [row.quantity for row in rows if row.agrees != "to the digit"] == []


def test_table_2(study: dict[str, Any]) -> None:
    """ε_skel(Hg) follows from ε_xtal(Hg): four to the digit, two within their inputs' rounding."""
    rows = study["table_2"]()
    assert [row.agrees for row in rows].count("to the digit") == 6
    within = [row.quantity for row in rows if row.agrees == "within rounding"]
    assert within == ["ε_skel(Hg) (39 %)", "ε_skel(Hg) (26 %)"]
    assert all(abs(row.computed - float(row.paper)) < 0.1 for row in rows)


def test_skeletal_densities_lie_between_the_printed(study: dict[str, Any]) -> None:
    """ρ_skel of the four electrodes without one lies in the printed range of 4.27–4.31 g/cm³."""
    for gauge, closed in study["CLOSED"].items():
        bulk = (1 - gauge / 100) * 4.436
        skeletal = 1 / (float(closed) / 100 / bulk + 1 / 4.436)
        assert 4.265 <= skeletal <= 4.315
        found = study["skeletal_densities"](gauge)
        assert min(found) <= skeletal <= max(found)


def test_what_does_not_follow_is_known(study: dict[str, Any]) -> None:
    """Exactly four numbers deviate: two of Washburn's sizes, and both volumes of mercury."""
    rows = [row for section in study["SECTIONS"].values() for row in section()]
    assert len(rows) == 33
    off = [row.quantity for row in rows if row.agrees == "no"]
    assert off == ["V_Hg (44 %)", "V_Hg (18 %)", "D at 0.01 MPa", "D at 0.1 MPa"]
    assert [row.agrees for row in rows].count("within rounding") == 3


def test_printed_sizes_are_diameters(study: dict[str, Any]) -> None:
    """3.7 nm and 3.6 µm are Washburn's diameters within 0.465–0.485 N/m; as radii they can't be."""
    for pressure, printed in ((400e6, (3.65e-9, 3.75e-9)), (0.4e6, (3.55e-6, 3.65e-6))):
        sizes = [float(lab.Mercury(g).diameter(pressure)) for g in (0.465, 0.485)]
        assert sizes[0] < printed[1]
        assert sizes[1] > printed[0]
        assert sizes[1] / 2 < printed[0]


def test_apparent_porosity_implies_densities(study: dict[str, Any]) -> None:
    """ρ_app from v_Hg and ε_app gives the bulk density, below the gauge's for five of six."""
    rows = study["implied_densities"]()
    below = 0
    for gauge, v, apparent, by_mercury, by_gauge, _, _ in rows:
        part = float(study["TABLE_2"][gauge][2]) / 100
        mass = by_mercury  # g in one cm³ of electrode
        assert lab.apparent_density(mass, 1.0, v * mass) == pytest.approx(apparent, rel=1e-12)
        assert v * mass == pytest.approx(part, rel=1e-12)
        assert 3.8 < apparent < 4.2
        below += by_mercury < by_gauge
    assert below == 5
    densest = rows[-1]
    assert lab.porosity_from_densities(densest[3], 4.436) == pytest.approx(0.215, abs=5e-4)


def test_recipe_refuses_what_the_paper_can_not_have(study: dict[str, Any]) -> None:
    """At 50.2 % porosity the CBD fits the paper's digital model (16.1 %), not one of 8 %."""
    recipe = study["RECIPE"]
    shares = recipe.with_porosity(0.161).volume_fractions()
    assert shares["pore"] == pytest.approx(0.064, abs=5e-4)
    assert shares["carbon_binder_domain"] == pytest.approx(0.193, abs=5e-4)
    with pytest.raises(InputError, match="would take"):
        recipe.with_porosity(0.08)


def test_effects_in_a_small_structure(study: dict[str, Any], tmp_path: Path) -> None:
    """From the top, mercury meets narrower pores, more shielding and more surface than there is."""
    study["main"](tmp_path, 64)
    with open(tmp_path / "effects.csv", encoding="utf-8", newline="") as table:
        top, sides = (
            {k: v if k == "intrusion" else float(v) for k, v in row.items()}
            for row in csv.DictReader(table)
        )
    assert top["D50 of mercury [nm]"] < top["D50 of true sizes [nm]"]
    assert top["D50 of mercury [nm]"] <= sides["D50 of mercury [nm]"]
    assert top["shielding factor"] > sides["shielding factor"] >= 1
    surface = "surface of the voxels [m²/g]"
    assert top["σ_pore, cylinders [m²/g]"] > 1.5 * top[surface]
    assert top["σ_pore, cylinders [m²/g]"] > sides["σ_pore, cylinders [m²/g]"]
    assert (tmp_path / "effects.png").stat().st_size > 10_000
    assert (tmp_path / "tables.png").stat().st_size > 10_000


def test_committed_tables_are_the_study_s(study: dict[str, Any]) -> None:
    """The committed tables are what the study computes."""
    for name, section in study["SECTIONS"].items():
        with open(STUDY / "results" / f"{name}.csv", encoding="utf-8", newline="") as table:
            rows = list(csv.DictReader(table))
        fresh = section()
        assert [row["quantity"] for row in rows] == [row.quantity for row in fresh]
        for row, made in zip(rows, fresh, strict=True):
            assert float(row["computed"]) == pytest.approx(made.computed, rel=1e-9)
            assert row["agrees"] == made.agrees
