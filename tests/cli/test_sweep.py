"""The verb sweep: a file to a store, a table and a page; status; what it refuses."""

import csv
import io
import json
from pathlib import Path

import pytest

from vmt import cli

STUDY = """
name: small study
model: gaussian_excursion_set
parameters: {volume_fraction: 0.5}
factors: {rate: {low: 6e6, high: 9e6, levels: 2}}
shape: [16, 16, 16]
spacing: 20 nm
measurements: [volume_fraction, specific_surface_area]
realizations: 3
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(STUDY)
    return path


def test_study_to_table_and_page(study: Path, tmp_path: Path, capsys) -> None:
    """A file becomes rows, means, a page that loads nothing; run is the default verb."""
    out = tmp_path / "out"
    assert cli.main(["sweep", str(study), "--cluster", "inline", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "small study: 6 of 6 rows" in printed
    assert "volume_fraction(solid)" in printed
    names = {p.name for p in out.iterdir()}
    assert {"report.html", "table.csv", "figure.png", "result.json", "provenance.json"} <= names
    page = (out / "report.html").read_text("utf-8")
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "6 of 6 realizations are there" in page
    content = json.loads((out / "result.json").read_text("utf-8"))
    surface = content["summary"]["quantities"]["specific_surface_area(solid) [1/m]"]
    assert surface["count"] == [3, 3]
    assert surface["low"][0] < surface["mean"][0] < surface["high"][0]
    means = list(csv.DictReader((out / "table.csv").open()))
    assert (
        float(means[0]["mean"])
        == content["summary"]["quantities"][
            f"{means[0]['quantity']} [{means[0]['unit']}]"
            if means[0]["unit"]
            else means[0]["quantity"]
        ]["mean"][0]
    )
    origin = json.loads((out / "provenance.json").read_text("utf-8"))
    assert origin["parameters"]["name"] == "small study"

    again = ["sweep", "run", str(study), "--cluster", "inline", "--out", str(out)]
    assert cli.main(again) == 2
    assert "--resume" in capsys.readouterr().err
    assert cli.main([*again, "--resume", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 6

    assert cli.main(["sweep", "status", str(out)]) == 0
    assert "6 of 6 rows, not running" in capsys.readouterr().out
    assert cli.main(["sweep", "status", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["finished"] == 6

    assert cli.main(["sweep", "table", str(out)]) == 0
    assert "std. error" in capsys.readouterr().out
    assert cli.main(["sweep", "table", str(out), "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [float(row["rate"]) for row in rows] == [6e6] * 3 + [9e6] * 3
    assert cli.main(["sweep", "table", str(out), "--to", str(tmp_path / "a.parquet")]) == 0
    assert (tmp_path / "a.parquet").is_file()
    assert cli.main(["sweep", "table", str(out), "--to", str(tmp_path / "a.doc")]) == 2
    study.write_text(STUDY.replace("0.5", "0.6"))
    assert cli.main([*again, "--resume"]) == 2
    assert "other parameters" in capsys.readouterr().err
    assert cli.main([*again, "--force", "--quiet"]) == 0


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (("rate:", "speed:"), "no factor 'speed'"),
        (("high: 9e6", "high: 5e6"), "low < high"),
        (("[16, 16, 16]", "!!python/tuple [16, 16, 16]"), "tag"),
        (("gaussian_excursion_set", "os:system"), "allow"),
        (("20 nm", "20"), "not a length"),
        (("realizations: 3", "realisations: 3"), "realisations"),
    ],
)
def test_bad_files_are_one_line(study: Path, tmp_path: Path, capsys, change, match) -> None:
    """Each mistake in the file is one line, exit code 2, and leaves nothing behind."""
    study.write_text(STUDY.replace(*change))
    out = tmp_path / "out"
    assert cli.main(["sweep", str(study), "--cluster", "inline", "--out", str(out)]) == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert len(error) == 1
    assert match in error[0]
    assert not out.exists()


def test_wrong_use(study: Path, tmp_path: Path, capsys) -> None:
    """A directory without sweep, a missing file, an open port, and help."""
    assert cli.main(["sweep", "status", str(tmp_path)]) == 2
    assert cli.main(["sweep", "table", str(tmp_path / "no")]) == 2
    assert cli.main(["sweep", str(tmp_path / "no.yaml")]) == 2
    assert cli.main(["sweep", str(study), "--cluster", "tcp://10.0.0.1:8786"]) == 2
    assert "--insecure" in capsys.readouterr().err
    assert cli.main(["sweep", "--help"]) == 0
    text = capsys.readouterr().out
    assert all(verb in text for verb in ("run", "status", "table"))


def test_interruption_says_how_to_go_on(study: Path, tmp_path: Path, monkeypatch, capsys) -> None:
    """Ctrl-C is exit code 130 and one line that names --resume."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vmt.study._run.run_rows", interrupted)
    out = str(tmp_path / "out")
    assert cli.main(["sweep", str(study), "--cluster", "inline", "--out", out]) == 130
    assert "--resume" in capsys.readouterr().err
