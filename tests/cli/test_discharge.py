"""vmt discharge: results, resuming, refusals."""

import json
from pathlib import Path

import numpy as np
import pytest

import vmt
from vmt.cli import main


@pytest.fixture(autouse=True)
def plain(monkeypatch) -> None:
    """No graphics driver: that is tested with the renderings."""
    monkeypatch.setenv("VMT_RENDERER", "matplotlib")


@pytest.fixture
def image(tmp_path: Path) -> str:
    labels = np.zeros((12, 2, 2), np.uint8)
    labels[:, 1] = 1
    structure = vmt.Microstructure(labels, 5e-6, {"pore": 0, "active_material": 1})
    vmt.write(structure, tmp_path / "plates.npz")
    return str(tmp_path / "plates.npz")


def test_a_discharge_from_the_shell(image: str, tmp_path: Path, capsys) -> None:
    """Numbers on stdout, a page, a curve and fields in --out; the same again is the same."""
    out = tmp_path / "out"
    given = ["discharge", image, "--current", "C/2", "--parameters", "nmc532-xu2019"]
    given += ["--cutoff-voltage", "3.4 V", "--out", str(out), "--json", "--quiet"]
    assert main(given) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["stopped because"] == ["cut-off voltage"]
    assert 0.5 < first["used share of the areal capacity"] <= 1.0  # 5 µm voxels, D = 1e-14
    assert {p.name for p in out.iterdir()} >= {
        "report.html", "curve.csv", "result.json", "provenance.json", "fields-00.vti", "figures",
    }  # fmt: skip
    curve = (out / "curve.csv").read_text("utf-8").splitlines()
    assert len(curve) == first["time steps"] + 2
    assert main(given) == 0
    again = json.loads(capsys.readouterr().out)
    assert again["capacity [mA h/cm²]"] == first["capacity [mA h/cm²]"]


def test_fields_and_fluxes_from_the_shell(image: str, tmp_path: Path) -> None:
    """Times and shares asked for are in the store, with fluxes; the run is read back."""
    out = tmp_path / "out"
    given = ["discharge", image, "--current", "1C", "--parameters", "nmc532-xu2019", "--quiet"]
    given += ["--cutoff-voltage", "3.5 V", "--keep-time", "2 min", "--keep", "0.2", "--fluxes"]
    assert main([*given, "--out", str(out)]) == 0
    run = vmt.electrode.read_discharge(out)
    assert [s.time for s in run.snapshots[:2]] == pytest.approx([120.0, 720.0], rel=1e-6)
    fluxes = vmt.electrode.read_fields(out)[1].fluxes()
    assert fluxes.collector.mean() == pytest.approx(run.current_density[-1], rel=1e-8)
    assert len(list(out.glob("fields-*.vti"))) == len(run.snapshots)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--current", "1C", "--keep-time", "5"], "not a time"),
        (["--current", "5"], "not a current density"),
        (["--current", "1C", "--cutoff-voltage", "3"], "not a voltage"),
        (["--current", "1C", "--cutoff-voltage", "4.9 V"], "not below the voltage at the start"),
        (["--current", "1C", "--parameters", "lead"], "No parameter set"),
        (["--current", "1C", "--role", "pore"], "NAME=ROLE"),
        (["--current", "900 A/cm2"], "Check the unit"),
    ],
)
def test_what_is_refused(image: str, tmp_path: Path, capsys, options, words: str) -> None:
    """Exit code 2 and one line."""
    assert main(["discharge", image, "--out", str(tmp_path / "o"), "-q", *options]) == 2
    assert words in capsys.readouterr().err
