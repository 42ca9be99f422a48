"""The command: what it calls, what it prints, and how it ends."""

import json
import os
import subprocess
import sys
import warnings
from dataclasses import dataclass, replace

import numpy as np
import pytest

import vmt
from vmt import Microstructure, cli
from vmt._plotting import axes
from vmt.errors import (
    CalibrationError,
    ConvergenceError,
    InputError,
    MemoryBudgetError,
    NotPercolatingError,
    VmtError,
    VmtWarning,
)


@dataclass
class Result:
    """A small result."""

    percolates: bool = True

    def to_dict(self):
        return {
            "effective_conductivity [S/m]": 0.25,
            "tortuosity_factor": float("nan"),
            "percolates": self.percolates,
            "volume_fraction": {"solid": 0.5},
        }

    def plot(self):
        return axes()


@pytest.fixture
def calls(monkeypatch, fake):
    """Functions behind the commands, replaced by recorders."""
    made = {}
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[:4] = 1
    structure = Microstructure(labels, 10e-9)

    def record(name, result):
        def function(*arguments, **options):
            made[name] = (arguments, options)
            return result

        return function

    monkeypatch.setattr(vmt, "read_labels", record("read_labels", structure), raising=False)
    monkeypatch.setattr(vmt, "describe", record("describe", Result()), raising=False)
    conduction = record("effective_conductivity", Result())
    monkeypatch.setattr(vmt, "effective_conductivity", conduction, raising=False)
    monkeypatch.setattr(vmt, "twin", record("twin", fake.FakeTwin()), raising=False)
    monkeypatch.setenv("VMT_RENDERER", "matplotlib")
    return made


def raising(monkeypatch, error):
    def function(*arguments, **options):
        raise error

    monkeypatch.setattr(vmt, "describe", function, raising=False)


def test_transport_passes_what_was_asked(calls, capsys):
    """Units are parsed, the phase is named, and the other options arrive as they are."""
    command = ["transport", "a.tif", "--spacing", "10 nm, 10 nm, 20 nm", "--phase", "1"]
    command += ["--axis", "2", "--sides", "periodic", "--rtol", "1e-6"]
    assert cli.main(command) == 0
    spacing = calls["read_labels"][1]["spacing"]
    assert spacing == pytest.approx((1e-8, 1e-8, 2e-8))
    (structure, conductivity), options = calls["effective_conductivity"]
    assert isinstance(structure, Microstructure)
    assert conductivity == {"solid": 1.0}
    assert options == {"axis": 2, "sides": "periodic", "rtol": 1e-6}
    captured = capsys.readouterr()
    assert "effective conductivity" in captured.out
    assert "S/m" in captured.out
    assert "read Microstructure(8×8×8 voxels of 10 nm" in captured.err


def test_transport_by_a_level_set_and_with_pictures(calls, tmp_path):
    """The discretization arrives; the potential is kept for the page only."""
    command = ["transport", "a.tif", "--discretization", "level_set", "--quiet"]
    assert cli.main(command) == 0
    expected = {"axis": 0, "sides": "closed", "rtol": 1e-4, "discretization": "level_set"}
    assert calls["effective_conductivity"][1] == expected
    assert cli.main([*command, "--out", str(tmp_path / "out")]) == 0
    assert calls["effective_conductivity"][1] == {**expected, "keep_potential": True}
    assert cli.main(["transport", "a.tif", "--discretization", "spectral"]) == 2


def test_json_is_all_of_stdout(calls, capsys):
    """With --json stdout is one document, NaN is null, units are in the keys."""
    assert cli.main(["describe", "a.tif", "--spacing", "10 nm", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["effective_conductivity [S/m]"] == 0.25
    assert content["tortuosity_factor"] is None


def test_describe_passes_what_was_asked(calls):
    """Phases by name or label and descriptors arrive; without them the defaults hold."""
    command = ["describe", "a.tif", "--phase", "1", "--phase", "pore", "--axis", "1"]
    command += ["--descriptor", "volume_fraction", "--descriptor", "chord_lengths"]
    assert cli.main(command) == 0
    _, options = calls["describe"]
    assert options["phases"] == ["solid", "pore"]
    assert options["descriptors"] == ["chord_lengths", "volume_fraction"]
    assert cli.main(["describe", "a.tif"]) == 0
    assert calls["describe"][1] == {"axis": 0}
    assert cli.main(["describe", "a.tif", "--descriptor", "all"]) == 0
    assert set(calls["describe"][1]["descriptors"]) == vmt.descriptors.DESCRIPTORS
    assert cli.main(["describe", "a.tif", "--phase", "gold"]) == 2


def test_describe_cutouts_writes_tables(calls, tmp_path, capsys):
    """--cutouts gives mean and spread of each value, on stdout and in the CSV file."""
    out = tmp_path / "out"
    command = ["describe", "a.tif", "--cutouts", "4", "--out", str(out)]
    command += ["--descriptor", "volume_fraction", "--descriptor", "chord_lengths", "--json"]
    assert cli.main(command) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["count"] == 8
    assert content["values"]["volume_fraction(solid)"]["mean"] == 0.5
    table = (out / "table.csv").read_text("utf-8")
    assert table.startswith("descriptor,phase,unit,mean,std,low,high,count\n")
    assert "\nvolume fraction,solid,,0.5,0.534" in table
    assert {"report.html", "result.json", "provenance.json"} <= {p.name for p in out.iterdir()}
    assert cli.main(["describe", "a.tif", "--cutouts", "7"]) == 2


def test_quiet_says_nothing_beside_the_result(calls, capsys):
    """--quiet leaves stderr empty."""
    assert cli.main(["describe", "a.tif", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_a_phase_without_a_path_is_a_result(calls, monkeypatch, capsys):
    """No percolation: one line that says so, exit code 0."""
    result = Result(percolates=False)
    monkeypatch.setattr(vmt, "effective_conductivity", lambda *a, **o: result, raising=False)
    assert cli.main(["transport", "a.tif"]) == 0
    assert "vmt: solid has no path along axis 0" in capsys.readouterr().err


def test_out_gets_a_report_and_is_ours(calls, tmp_path):
    """--out holds page, table, figure, numbers and provenance; other parameters are refused."""
    out = tmp_path / "out"
    command = ["transport", "a.tif", "--out", str(out), "--quiet"]
    assert cli.main(command) == 0
    names = {p.name for p in out.iterdir()}
    assert names >= {"report.html", "table.csv", "figure.png", "result.json", "provenance.json"}
    origin = json.loads((out / "provenance.json").read_text(encoding="utf-8"))
    assert origin["command"] == "vmt transport"
    assert origin["parameters"]["phase"] == "solid"
    assert cli.main(command) == 0
    assert cli.main([*command, "--axis", "1"]) == 2
    assert cli.main([*command, "--axis", "1", "--force"]) == 0


def test_a_directory_that_is_not_ours_is_left_alone(calls, tmp_path, capsys):
    """One line, exit code 2, and not a file more or less."""
    (tmp_path / "thesis.tex").write_text("x")
    assert cli.main(["twin", "a.tif", "--out", str(tmp_path)]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("vmt: error: The directory")
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]
    assert "twin" not in calls


def test_an_error_leaves_nothing_behind(calls, monkeypatch, tmp_path):
    """A measurement that fails leaves no directory."""
    raising(monkeypatch, InputError("no"))
    assert cli.main(["describe", "a.tif", "--out", str(tmp_path / "out")]) == 2
    assert not (tmp_path / "out").exists()


def test_twin_writes_and_tells(calls, tmp_path, capsys, fake):
    """Options arrive, the page is written, the verdict is printed below the table."""
    out = tmp_path / "twin"
    command = ["twin", "dir/F850.tif", "--phase", "solid", "--realizations", "3", "--size", "32"]
    command += ["--bootstrap", "5", "--keep-realizations", "--seed", "9", "--out", str(out)]
    assert cli.main(command) == 0
    _, options = calls["twin"]
    assert options["name"] == "F850.tif"
    assert options["directory"] == out
    assert {k: options[k] for k in ("phase", "realizations", "shape", "bootstrap", "seed")} == {
        "phase": "solid",
        "realizations": 3,
        "shape": (32, 32, 32),
        "bootstrap": 5,
        "seed": 9,
    }
    assert options["keep_realizations"] is True
    text = capsys.readouterr().out
    assert fake.FakeTwin().verdict in text.replace("\n", " ")
    assert "not comparable" in text
    assert (out / "report.html").is_file()


def test_demo_writes_one_report_per_phantom(monkeypatch, tmp_path, capsys, fake):
    """Each phantom has its folder; JSON has one entry for each."""
    import vmt.study

    twins = {"fits": fake.FakeTwin(), "packing": replace(fake.FakeTwin(), name="packing")}
    given = {}

    def demo(**options):
        given.update(options)
        return twins

    monkeypatch.setattr(vmt.study, "demo", demo, raising=False)
    monkeypatch.setenv("VMT_RENDERER", "matplotlib")
    out = tmp_path / "demo"
    assert cli.main(["demo", "--out", str(out), "--seed", "4", "--json"]) == 0
    assert set(json.loads(capsys.readouterr().out)) == {"fits", "packing"}
    assert given["seed"] == 4
    assert (out / "fits" / "report.html").is_file()
    assert (out / "packing" / "report.html").is_file()


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InputError("bad\ninput"), 2),
        (MemoryBudgetError("too large"), 2),
        (CalibrationError("p is 0"), 2),
        (NotPercolatingError("no path"), 2),
        (ConvergenceError("stopped"), 1),
        (VmtError("else"), 1),
        (ZeroDivisionError("oops"), 1),
        (KeyError("x"), 1),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_are_one_line_and_an_exit_code(calls, monkeypatch, capsys, error, code):
    """Bad input is 2, an interruption 130, everything else 1; never a traceback."""
    raising(monkeypatch, error)
    assert cli.main(["describe", "a.tif", "--quiet"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("vmt: interrupted" if code == 130 else "vmt: error: ")
    expected = not isinstance(error, (VmtError, KeyboardInterrupt))
    assert ("VMT_TRACEBACK=1" in lines[0]) is expected


def test_a_traceback_on_request(calls, monkeypatch, capsys):
    """VMT_TRACEBACK=1 prints the traceback above the line."""
    monkeypatch.setenv("VMT_TRACEBACK", "1")
    raising(monkeypatch, ZeroDivisionError("oops"))
    assert cli.main(["describe", "a.tif"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_warnings_are_lines_and_quiet_hides_them(calls, monkeypatch, capsys):
    """A `VmtWarning` becomes one line on stderr, once per command, and none with --quiet."""

    def function(*arguments, **options):
        warnings.warn("labels 2 are background", VmtWarning, stacklevel=2)
        return Result()

    monkeypatch.setattr(vmt, "describe", function, raising=False)
    assert cli.main(["describe", "a.tif"]) == 0
    assert "vmt: warning: labels 2 are background" in capsys.readouterr().err.splitlines()
    assert cli.main(["describe", "a.tif", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


def test_a_wrong_unit_is_refused_before_anything_is_read(calls, capsys):
    """A spacing without a unit never reaches the reader."""
    assert cli.main(["describe", "a.tif", "--spacing", "10"]) == 2
    assert "'10' is not a length" in capsys.readouterr().err
    assert calls == {}


def test_an_unknown_phase_is_refused(calls, capsys):
    """The message names the phases that there are."""
    assert cli.main(["transport", "a.tif", "--phase", "air", "--quiet"]) == 2
    assert "its phases are 'pore' (0), 'solid' (1)" in capsys.readouterr().err


def shell(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "vmt", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
        timeout=60,
    )


def test_the_shell_sees_the_exit_codes():
    """From a shell: help and version are 0, wrong usage and bad input are 2, all without traces."""
    done = shell("--version")
    assert (done.returncode, done.stdout) == (0, f"vmt {vmt.__version__}\n")
    done = shell("--help")
    assert done.returncode == 0
    for name in ("twin", "demo", "describe", "transport"):
        assert name in done.stdout
    assert shell("transport").returncode == 2
    assert shell("transport", "a.tif", "--axis", "7").returncode == 2
    done = shell("describe", "a.tif", "--spacing", "10 parsec")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("vmt: error: '10 parsec' has the unknown unit")
    assert done.stderr.count("\n") == 1


def test_the_command_loads_nothing_heavy():
    """Help and usage errors come before numpy, numba or any door is imported."""
    code = (
        "import sys, vmt.cli;"
        "bad = {'numpy', 'numba', 'scipy', 'matplotlib', 'pyvista', 'zarr', 'rich'};"
        "sys.exit(str(sorted(bad & set(sys.modules))) if bad & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
