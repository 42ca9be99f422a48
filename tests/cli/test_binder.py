"""`vmt binder`: structure, report and errors."""

import json

import numpy as np
import pytest

import vmt
from vmt import cli
from vmt.phantoms import random_spheres


@pytest.fixture
def image(tmp_path):
    """A packing in a file."""
    m = random_spheres((40, 30, 30), 438e-9, radius=2.5e-6, volume_fraction=0.5, rng=1).structure
    vmt.write(m, tmp_path / "packing.npz")
    return tmp_path / "packing.npz"


def test_binder(image, tmp_path, capsys):
    """The directory holds the structure, the report, and a picture; JSON goes to stdout."""
    out = tmp_path / "run"
    command = ["binder", str(image), "--method", "closing", "--fraction", "0.0765"]
    assert cli.main([*command, "--out", str(out), "--json", "-q"]) == 0
    content = json.loads(capsys.readouterr().out)
    made = vmt.read_labels(out / "structure.npz")
    assert made.volume_fraction("carbon_binder_domain") == content["added_volume_fraction"]
    assert content["added_voxels"] == round(0.0765 * 40 * 30 * 30)
    assert (out / "report.html").stat().st_size > 10_000
    assert (out / "figure.png").stat().st_size > 5_000


def test_scenario(image, capsys):
    """Layers are given as lengths with units."""
    command = ["binder", str(image), "--fraction", "0.1", "--method", "film", "--json", "-q"]
    layers = ["--scenario", "combined", "--free-layer", "4.4 µm", "--dense-layer", "2.6 um"]
    assert cli.main([*command, *layers]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["parameters"]["dense_planes"] == 6
    assert content["parameters"]["free_planes"] == 10


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--fraction", "0.9"], "most that can be reached"),
        (["--fraction", "0.1", "--profile", "1, x"], "--profile"),
        (["--fraction", "0.1", "--free-layer", "1 µm"], "--scenario"),
        (["--fraction", "0.1", "--method", "wetting"], "contact_angle"),
    ],
)
def test_bad_input(image, capsys, options, text):
    """What can't be done ends with exit code 2 and one line."""
    assert cli.main(["binder", str(image), "-q", *options]) == 2
    assert text in capsys.readouterr().err


def test_contact_angle_in_degrees(image, capsys):
    """The angle of the command is in degrees, that of the library in radians."""
    command = ["binder", str(image), "--fraction", "0.05", "--method", "wetting", "--json", "-q"]
    assert cli.main([*command, "--contact-angle", "40"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["parameters"]["contact_angle [rad]"] == pytest.approx(np.radians(40))
