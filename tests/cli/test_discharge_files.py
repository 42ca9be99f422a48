"""`vmt discharge` with a file of materials and a protocol."""

import json

import numpy as np
import pytest

import vmt
from vmt import cli
from vmt.electrode import parameter_set, write_parameters


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    """No graphics driver: that is tested with the renderings."""
    monkeypatch.setenv("VMT_RENDERER", "matplotlib")


@pytest.fixture
def plates(tmp_path):
    labels = np.zeros((8, 2, 1), np.uint8)
    labels[:, 1] = 1
    path = tmp_path / "plates.npz"
    vmt.write(vmt.Microstructure(labels, (5e-6,) * 3, {"pore": 0, "active_material": 1}), path)
    return path


def test_a_file_of_materials_and_a_protocol(plates, tmp_path, capsys):
    """The file's set runs through the steps as `vmt.cycle` does, and the charge adds up."""
    file = tmp_path / "set.json"
    write_parameters(file, parameter_set("nmc532-xu2019"))
    steps = "Discharge at 1C for 3 min or until 3.4 V; Rest for 2 min"
    where = tmp_path / "out"
    arguments = ["discharge", str(plates), "--parameters", str(file), "--protocol", steps]
    assert cli.main([*arguments, "--json", "--quiet", "--out", str(where)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["stopped because"] == ["duration", "duration"]
    assert told["time [s]"] == pytest.approx(300)
    assert told["used share of the areal capacity"] == pytest.approx(1 / 20, rel=1e-9)
    cell = vmt.HalfCell(vmt.read_labels(plates), "nmc532-xu2019")
    again = vmt.cycle(cell, vmt.Protocol.parse(steps, one_hour_current=cell.current_density(1.0)))
    # the file holds the laws as tables where they have no name
    assert told["last voltage [V]"] == pytest.approx(float(again.voltage[-1]), abs=1e-4)
    held = json.loads((where / "provenance.json").read_text("utf-8"))["parameters"]
    assert len(held["protocol"]) == 2
    assert len(held["content of the parameter file"]) == 64


def test_a_symmetric_cell(plates, tmp_path, capsys):
    """The image on both sides, half full: starts at 0 V, ends below, and one electrode empties."""
    where = tmp_path / "out"
    arguments = ["discharge", str(plates), "--cell", "symmetric", "--stoichiometry", "0.5"]
    arguments += ["--parameters", "nmc532-xu2019", "--current", "1C", "--cutoff-voltage", "-0.1 V"]
    assert cli.main([*arguments, "--json", "--quiet", "--out", str(where)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["first voltage [V]"] == 0.0
    assert told["last voltage [V]"] == pytest.approx(-0.1, abs=1e-3)
    both = told["mean stoichiometry at the end"], told["mean stoichiometry at the end, counter"]
    assert both[0] > 0.5 > both[1]
    assert sum(both) == pytest.approx(1.0, rel=1e-6)
    assert told["arrangement"] == "mirrored"
    assert (where / "report.html").is_file()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Give one of --current"),
        (["--current", "1C", "--protocol", "Rest for 1 h"], "Give one of --current"),
        (["--protocol", "Rest for 1 h", "--cutoff-voltage", "3 V"], "not --cutoff-voltage"),
        (["--protocol", "Sleep for 1 h"], "Sleep"),
        (["--current", "1C", "--parameters", "missing.yaml"], "missing.yaml"),
        (["--current", "1C", "--parameters", "nmc999"], "nmc999"),
        (["--current", "1C", "--cell", "symmetric"], '--cutoff-voltage "-0.3 V"'),
        (["--current", "1C", "--arrangement", "translated"], "--cell symmetric"),
        (["--current", "1C", "--stoichiometry", "1.5"], "initial_stoichiometry"),
    ],
)
def test_what_does_not_fit(plates, tmp_path, capsys, options, said):
    """Two ways to say the current, a sleeping cell, and unknown materials are one clear line."""
    arguments = ["discharge", str(plates), "--quiet", "--out", str(tmp_path / "o"), *options]
    assert cli.main(arguments) == 2
    told = capsys.readouterr().err
    assert told.startswith("vmt: error:")
    assert said in told
    assert not (tmp_path / "o").exists()
