"""Iterations and memory of large cells, by the script beside this file (`pytest -m slow -s`)."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vmt.electrode import HalfCell, PorousActiveMaterial, parameter_set
from vmt.electrode._run import needed_bytes, unknowns
from vmt.microstructure import Microstructure

SCRIPT = Path(__file__).with_name("scale.py")


def first_steps(out: Path, shape: tuple[int, int, int], steps: int, *more: str) -> dict[str, float]:
    """What the script says after some steps of 1C, in a process of its own."""
    command = [
        sys.executable, str(SCRIPT), *map(str, shape), "--spacing", "0.5e-6", "--newton", "1e-6",
        "--steps", str(steps), "--out", str(out / "scale.json"), *more,
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True, timeout=3600)
    content: dict[str, float] = json.loads((out / "scale.json").read_text())
    print(shape, *more, {k: v for k, v in content.items() if isinstance(v, float)})
    return content


@pytest.mark.slow
def test_iterations_hardly_grow_with_size(tmp_path) -> None:
    """GMRES iterations a Newton step grow less than 2 times from 50³ to 100³ voxels of one size.

    The last doubling to 200³ needs 5 GB: docs/performance.md has its figure.
    """
    found = [first_steps(tmp_path, (n, n, n), 3)["GMRES iterations a Newton step"]
             for n in (50, 100)]  # fmt: skip
    assert found[1] < 1.5 * found[0]


@pytest.mark.slow
def test_memory_of_dense_particles(tmp_path) -> None:
    """At most 600 bytes a voxel at 1.2 million, and less than what is announced."""
    found = first_steps(tmp_path, (96, 104, 104), 4)
    used = found["bytes per voxel above a process that has run a small cell"]
    assert used <= 600
    assert used < found["announced bytes per voxel"] < 1.25 * used


@pytest.mark.slow
def test_memory_and_iterations_of_porous_particles(tmp_path) -> None:
    """70 % of porous particles, four unknowns a voxel: not more per unknown than dense ones."""
    dense = first_steps(tmp_path, (96, 104, 104), 3)
    porous = first_steps(tmp_path, (96, 104, 104), 3, "--porous", "0.7")
    name = "bytes per voxel above a process that has run a small cell"
    assert porous["unknowns per voxel"] > 1.5 * dense["unknowns per voxel"]
    assert porous[name] < porous["announced bytes per voxel"]
    assert (
        porous[name] / porous["unknowns per voxel"]
        < 1.15 * dense[name] / dense["unknowns per voxel"]
    )
    name = "GMRES iterations a Newton step"
    assert porous[name] < 2 * dense[name]


def test_unknowns_are_counted_before_the_network_is_made() -> None:
    """The count that memory is announced by is that of the network, with porous particles too."""
    labels = np.random.default_rng(3).integers(0, 4, (8, 6, 6)).astype(np.uint8)
    labels[:, 0] = 0
    labels[:, 1] = 1
    phases = {"pore": 0, "active_material": 1, "binder": 2, "porous_active_material": 3}
    p = parameter_set("nmc811-chen2020")
    cell = HalfCell(
        Microstructure(labels, 1e-6, phases),
        replace(p, porous=PorousActiveMaterial(0.4, 0.2, 0.4, 2e6)),
    )
    assert unknowns(cell) + 1 == cell.network().unknowns
    assert needed_bytes(cell) > 2e8
