"""Parameter sets from files: names, numbers and tables, and nothing that is evaluated."""

import json
from pathlib import Path

import numpy as np
import pytest

from vmt.electrode import PARAMETER_SETS, parameter_set, read_parameters, write_parameters
from vmt.errors import InputError

FILE = """
schema_version: 1
name: my cathode
like: nmc811-oregan2022
temperature: 298.15
electrolyte: nyman2008
active_material:
  open_circuit_potential: {file: ocp.csv}
  conductivity: {argument: [0.0, 0.5, 1.0], values: [1.0, 0.1, 0.001]}
  diffusivity: 1e-14
  exchange_current: {rate: 6.07e-4, vacant: 0}
separator:
  thickness: 20e-6
"""


def written(folder: Path, text: str = FILE, name: str = "mine.yaml") -> Path:
    """A parameter file with its curve beside it."""
    (folder / "ocp.csv").write_text("x,U\n0.2,4.3\n0.5,3.9\n0.9,3.5\n1.0,2.0\n")
    (folder / name).write_text(text)
    return folder / name


def test_file_changes_what_it_names(tmp_path: Path) -> None:
    """What a file gives replaces the known set's values; the rest stays."""
    made, base = read_parameters(written(tmp_path)), parameter_set("nmc811-oregan2022")
    assert made.name == "my cathode"
    assert made.active_material.open_circuit_potential(0.5) == pytest.approx(3.9)
    assert made.active_material.conductivity(0.5) == pytest.approx(0.1)
    assert made.active_material.diffusivity(0.3) == pytest.approx(1e-14)
    assert made.active_material.exchange_current.vacant == 0
    assert made.active_material.maximum_concentration == 49100.0
    assert made.electrolyte.conductivity.name == "conductivity_nyman_2008"
    assert made.separator.thickness == 20e-6
    assert made.separator.porosity == base.separator.porosity


@pytest.mark.parametrize("name", sorted(PARAMETER_SETS))
def test_written_and_read_again(name: str, tmp_path: Path) -> None:
    """A written set is read back with the same constants and the same laws."""
    before = parameter_set(name)
    write_parameters(tmp_path / "set.json", before)
    after = read_parameters(tmp_path / "set.json")
    x, c = np.linspace(0.25, 0.95, 60), np.linspace(200.0, 2000.0, 60)
    for law in ("open_circuit_potential", "conductivity", "diffusivity"):
        one, two = getattr(before.active_material, law), getattr(after.active_material, law)
        assert np.allclose(one(x), two(x), rtol=1e-3)
    for law in ("conductivity", "diffusivity", "transference", "thermodynamic_factor"):
        one, two = getattr(before.electrolyte, law), getattr(after.electrolyte, law)
        assert np.allclose(one(c), two(c), rtol=1e-3)
    assert after.active_material.exchange_current == before.active_material.exchange_current
    assert (after.binder, after.lithium) == (before.binder, before.lithium)
    assert after.cutoff_voltage == before.cutoff_voltage


def test_bpx_written_from_a_cell_is_read_back(tmp_path: Path) -> None:
    """A half cell's BPX file gives back kinetics, potential and electrolyte."""
    from vmt.electrode import HalfCell
    from vmt.microstructure import Microstructure
    from vmt.study import write_bpx

    labels = np.zeros((10, 2, 1), np.uint8)
    labels[:, 1] = 1
    cell = HalfCell(Microstructure(labels, 1e-6), "nmc811-chen2020", area_mode="voxel")
    write_bpx(tmp_path / "cell.json", cell)
    read, given = read_parameters(tmp_path / "cell.json"), cell.materials
    assert read.active_material.exchange_current.rate == pytest.approx(
        given.active_material.exchange_current.rate
    )
    x = np.linspace(0.28, 0.98, 50)
    assert np.allclose(
        read.active_material.open_circuit_potential(x),
        given.active_material.open_circuit_potential(x),
        atol=2e-3,
    )
    assert read.electrolyte.transference(1000.0) == pytest.approx(0.2594)
    assert read.separator.factor == pytest.approx(given.separator.factor)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("like: nmc811-oregan2022", "like: nmc999"), "nmc811-chen2020"),
        (("electrolyte: nyman2008", "electrolyte: water"), "no electrolyte is called"),
        (("diffusivity: 1e-14", "diffusivity: 'exp(x)'"), "not evaluated"),
        (("diffusivity: 1e-14", "diffusion: 1e-14"), "unknown diffusion"),
        (("schema_version: 1", "schema_version: 2"), "Update vmt"),
        (("thickness: 20e-6", "thickness: thin"), "finite number"),
        (("thickness: 20e-6", "thickness: -1"), "positive number"),
        (("[0.0, 0.5, 1.0]", "[0.0, 0.5, 0.4]"), "arguments that rise"),
        (("[0.0, 0.5, 1.0]", "[0.0, 0.5]"), "no table"),
        (("file: ocp.csv", "file: ../ocp.csv"), "beside it"),
        (("file: ocp.csv", "file: nothing.csv"), "can't be read"),
        (("name: my cathode", "name: !!python/object:os.system x"), "tag"),
        (("like: nmc811-oregan2022\n", ""), "lacks"),
    ],
)
def test_what_is_refused(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    """One sentence says what a file has that can't be used."""
    path = written(tmp_path, FILE.replace(*change))
    with pytest.raises(InputError, match=message):
        read_parameters(path)


def test_bpx_expressions_are_refused(tmp_path: Path) -> None:
    """BPX files with functions as text are refused with the way out."""
    from vmt.electrode import HalfCell
    from vmt.microstructure import Microstructure
    from vmt.study import to_bpx

    labels = np.zeros((10, 2, 1), np.uint8)
    labels[:, 1] = 1
    cell = HalfCell(Microstructure(labels, 1e-6), "nmc811-chen2020", area_mode="voxel")
    document = to_bpx(cell)
    document["Parameterisation"]["Positive electrode"]["OCP [V]"] = "4.2 - x"
    path = tmp_path / "cell.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="Write a table"):
        read_parameters(path)
    del document["Parameterisation"]["Separator"]
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match="no complete BPX"):
        read_parameters(path)
