"""`vmt pack`: from balls, a model and an image; what it writes, prints and refuses."""

import json
from pathlib import Path

import pytest

import vmt
from vmt import cli
from vmt.models import RandomStarParticle

BALLS = ("--spheres", "10 µm", "--box", "36 µm", "--volume-fraction", "0.4")


def run(*arguments: str) -> int:
    return cli.main(["pack", *arguments])


def test_balls_are_packed_pressed_and_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder holds page, particles and voxels that fit each other; JSON has the stages."""
    out = tmp_path / "made"
    code = run(
        *BALLS, "--faces", "plates", "--press", "0.45", "--porosity", "0.3", "--closed-pores",
        "0.02", "--pore-diameter", "2 µm", "--voxel", "0.6 µm", "--out", str(out), "--json", "-q",
    )  # fmt: skip
    assert code == 0
    content = json.loads(capsys.readouterr().out)
    assert content["volume_fraction"] == pytest.approx(0.45, abs=0.01)
    assert len(content["calendering"]["stages"]) == 2
    assert "centers [m]" not in content
    names = {"report.html", "packing.json", "structure.tif", "table.csv", "provenance.json"}
    assert names <= {p.name for p in out.iterdir()}
    packed = vmt.ParticlePacking.from_dict(json.loads((out / "packing.json").read_text()))
    voxels = vmt.read_labels(out / "structure.tif")
    assert packed.periodic == (False, True, True)
    assert packed.defects is not None
    assert voxels.size == pytest.approx(packed.size)
    assert 0.40 < voxels.volume_fraction("solid") < packed.volume_fraction  # pores and cracks
    page = (out / "report.html").read_text("utf-8")
    assert "Calendering" in page
    assert "coordination number" in page


def test_a_model_file_is_packed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A stored particle model is read, as it is or within a calibration's file."""
    model = RandomStarParticle.gaussian(9e-6, [0.0, 0.004], size_spread=0.1)
    for name, content in (("a.json", model.to_dict()), ("b.json", {"model": model.to_dict()})):
        (tmp_path / name).write_text(json.dumps(content))
        code = run(
            "--model", str(tmp_path / name), "--box", "40 µm", "--volume-fraction", "0.35", "--out",
            str(tmp_path / name[0]), "--json", "-q", "--voxel", "1 µm",
        )  # fmt: skip
        assert code == 0
    first, second = capsys.readouterr().out.strip().split("\n}\n{")
    assert first + "\n}" == "{" + second


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "one source"),
        (("--spheres", "10 µm"), "--box"),
        ((*BALLS[:2], "--box", "36 µm", "--volume-fraction", "0.9"), "can't be reached"),
        ((*BALLS, "--closed-pores", "0.1"), "--pore-diameter"),
        (("--model", "nowhere.json", *BALLS[2:]), "nowhere.json"),
        ((*BALLS[:1], "10", *BALLS[2:]), "unit"),
        ((*BALLS[:1], "40 µm", *BALLS[2:]), "box"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: tuple[str, ...],
    says: str,
) -> None:
    """Exit code 2, one line that names the trouble, and no folder."""
    monkeypatch.chdir(tmp_path)
    assert run(*arguments, "-q") == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert says in lines[0]
    assert not any(p.is_dir() and not p.name.startswith(".") for p in tmp_path.iterdir())
