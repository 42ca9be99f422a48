"""`vmt particles`: files, numbers, and one line where it can't be."""

import json
from pathlib import Path

import numpy as np
import pytest

import vmt
from vmt import cli
from vmt.models import RandomStarParticle, StarUnion


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty-four small random particles, none cut, on a lattice."""
    model = RandomStarParticle.gaussian(1.4e-6, [0.0, 0.008, 0.003], size_spread=0.05)
    lattice = np.stack(np.indices((4, 4, 4)), -1).reshape(-1, 3)
    made = [
        p.moved((at + 0.5) * 2e-6) for p, at in zip(model.sample(64, rng=1), lattice, strict=True)
    ]
    path = tmp_path_factory.mktemp("image") / "grains.npz"
    vmt.write(StarUnion(made, 8e-6).to_microstructure((48,) * 3, 8e-6 / 48), path)
    return path


def test_particles_writes_page_table_and_law(image: Path, tmp_path: Path, capsys) -> None:
    """The run has a page with both galleries, a row a particle, and a law that can be read back."""
    out = tmp_path / "run"
    command = ["particles", str(image), "--degree", "4", "--depth", "2", "--withhold", "10"]
    assert cli.main([*command, "--out", str(out), "--json", "--quiet"]) == 0
    content = json.loads(capsys.readouterr().out)
    count = content["particles"]
    assert 60 <= count <= 64  # some touch each other
    assert count - 3 <= content["whole_particles"] <= count
    assert content["law"]["withheld_particles"] == 10
    page = (out / "report.html").read_text("utf-8")
    assert "drawn from the fitted law" not in page  # drawn as a picture
    assert page.count("data:image/") >= 4
    assert "Kolmogorov" in page
    assert len((out / "particles.csv").read_text("utf-8").splitlines()) == count + 1
    model = RandomStarParticle.from_dict(json.loads((out / "model.json").read_text("utf-8")))
    assert model.degree == 4
    union = StarUnion.from_dict(json.loads((out / "particles.json").read_text("utf-8")))
    assert len(union.particles) == count


def test_particles_that_can_not_be_end_in_one_line(tmp_path: Path, capsys) -> None:
    """A missing phase, an empty image and particles that are all cut: exit code 2, one line."""
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[:, :6] = 1
    cut, blank = tmp_path / "cut.npz", tmp_path / "blank.npz"
    vmt.write(vmt.Microstructure(labels, 1e-7), cut)
    vmt.write(vmt.Microstructure(0 * labels, 1e-7, {"pore": 0, "solid": 1}), blank)
    for arguments, says in (
        ([str(cut), "--phase", "binder"], "no phase"),
        ([str(blank)], "no voxel"),
        ([str(cut)], "cut by the window"),
    ):
        assert cli.main(["particles", *arguments, "--quiet"]) == 2
        error = capsys.readouterr().err.strip()
        assert says in error
        assert "\n" not in error
