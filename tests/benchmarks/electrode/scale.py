"""Discharge a generated electrode of many voxels and tell what it cost.

    python tests/benchmarks/electrode/scale.py 60 40 40 --spacing 1e-6 --out run.json
    python tests/benchmarks/electrode/scale.py 320 200 200 --steps 12 --out large.json

The structure is a Gaussian excursion set of 60 vol.-% active material with 8 vol.-% binder where
most active material is near. With --porous 0.7 the active material is 70 vol.-% of particles with
nanopores, which hold electrolyte as well. With --directory the run can be killed and goes on where
it was; its log then has a line a step, of all stretches, beside the checkpoints. NX counts the
layers of the electrode; those of the separator come on top.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from vmt.electrode import (
    HalfCell,
    PorousActiveMaterial,
    Settings,
    _integrator,
    discharge,
    parameter_set,
)
from vmt.electrode._run import _BYTES_AT_LEAST, _Run, needed_bytes, unknowns
from vmt.kernels.electrode import System
from vmt.microstructure import Microstructure


class Split:
    """Processor time of the parts of a run: what the solver calls is wrapped."""

    def __init__(self) -> None:
        self.spent = dict.fromkeys(("assembly", "hierarchies", "cycles", "operator", "gmres"), 0.0)
        self._wrap(System, "linearize", "assembly")
        self._wrap(System, "prepare", "hierarchies")
        self._wrap(System, "precondition", "cycles")
        self._wrap(System, "apply", "operator")
        self._wrap(_integrator, "flexible_gmres", "gmres")

    def _wrap(self, owner: Any, name: str, part: str) -> None:
        inner = getattr(owner, name)

        def timed(*args: Any, **keywords: Any) -> Any:
            start = time.process_time()
            try:
                return inner(*args, **keywords)
            finally:
                self.spent[part] += time.process_time() - start

        setattr(owner, name, timed)

    def shares(self, whole: float) -> dict[str, float]:
        """Seconds of each part; what is left of the whole is states, errors and the record."""
        s = self.spent
        parts = {
            "assembly [s]": s["assembly"],
            "preconditioner, building [s]": s["hierarchies"],
            "preconditioner, cycles [s]": s["cycles"],
            "Krylov, operator [s]": s["operator"],
            "Krylov, vectors [s]": s["gmres"] - s["cycles"] - s["operator"],
        }
        return {**parts, "the rest [s]": whole - sum(parts.values())}


def electrode(
    shape: tuple[int, int, int], spacing: float, porous: float = 0.0, seed: int = 1
) -> Microstructure:
    """Make three phases; `porous` is the share of porous particles, 0 for dense ones."""
    rng = np.random.default_rng(seed)
    grain = 4e-6 / spacing
    noise = rng.standard_normal(shape, dtype=np.float32)
    field = gaussian_filter(noise, grain / 2, mode="wrap", truncate=3.0)
    active = field > np.quantile(field[::3, ::3, ::3], 1 - (porous or 0.6))
    near = gaussian_filter(active.astype(np.float32), grain / 4, truncate=3.0)
    near[active] = -1
    labels = active.astype(np.uint8)
    labels[(near > np.quantile(near[::3, ::3, ::3], 0.92)) & ~active] = 2
    particles = "porous_active_material" if porous else "active_material"
    return Microstructure(labels, spacing, {"pore": 0, particles: 1, "binder": 2})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shape", type=int, nargs=3)
    parser.add_argument("--spacing", type=float, default=0.44e-6)
    parser.add_argument("--c-rate", type=float, default=1.0)
    parser.add_argument("--newton", type=float, default=1e-8)
    parser.add_argument("--steps", type=int, default=0, help="stop after so many accepted steps")
    parser.add_argument("--porous", type=float, default=0.0, help="share of porous particles")
    parser.add_argument("--directory")
    parser.add_argument("--checkpoint", type=float, default=300.0)
    parser.add_argument("--out")
    given = parser.parse_args()
    wall, cpu = time.perf_counter(), time.process_time()
    nx, ny, nz = given.shape
    # in a process of its own: the memory of making the structure is not the solver's
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        structure = pool.apply(electrode, ((nx, ny, nz), given.spacing, given.porous))
    made = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    parameters = parameter_set("nmc811-chen2020")
    material = replace(parameters.active_material, double_layer=0.0)
    inside = PorousActiveMaterial(0.4, 0.2, 0.4, 2e6) if given.porous else None
    cell = HalfCell(structure, replace(parameters, active_material=material, porous=inside))
    # compiles everything
    small = HalfCell(electrode((20, 10, 10), 1e-6, given.porous), cell.materials)
    discharge(small, small.current_density(2.0), settings=Settings(method="multigrid", single=True))
    warm = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    split = Split()
    begun = time.process_time()
    accept, count = _Run._accept, 0
    iterations = [0.0, 0.0]

    def told(self: _Run, *rest: Any) -> None:
        nonlocal count
        accept(self, *rest)
        count += 1
        r = self.record.rows
        iterations[0] += r["newton"][-1]
        iterations[1] += r["krylov"][-1]
        line = (
            f"{len(r['time']) - 1:3d} t={r['time'][-1]:.2f} s V={r['voltage'][-1]:.5f} "
            f"newton {r['newton'][-1]:.0f} krylov {r['krylov'][-1]:.0f} "
            f"lithium {r['lithium'][-1]:.1e} charge {r['balance'][-1]:.1e} "
            f"residual {r['residual'][-1]:.1e} least salt {r['least'][-1]:.1f} "
            f"cpu {time.process_time() - begun:.1f} s {time.strftime('%H:%M:%S')}"
        )
        print(line, flush=True)
        if given.directory:
            with open(Path(given.directory) / "steps.log", "a", encoding="utf-8") as stream:
                stream.write(f"{os.getpid()}: {line}\n")
        if given.steps and count > given.steps:
            raise KeyboardInterrupt

    _Run._accept = told  # type: ignore[method-assign]
    voxels = cell.cells.size
    content: dict[str, object] = {"voxels": voxels, "newton": given.newton}
    try:
        run = discharge(
            cell,
            cell.current_density(given.c_rate),
            directory=given.directory,
            checkpoint_every=given.checkpoint,
            settings=Settings(newton=given.newton),
        )
        content.update(run.to_dict())
        content["kilovoxels per second and step"] = (
            voxels * (run.time.size - 1) / run.seconds / 1000
        )
    except KeyboardInterrupt:
        spent = time.process_time() - begun
        content["accepted steps"] = given.steps
        content["kilovoxels per second and step"] = voxels * (given.steps + 1) / spent / 1000
    content["Newton iterations a step"] = iterations[0] / max(count, 1)
    content["GMRES iterations a Newton step"] = iterations[1] / max(iterations[0], 1.0)
    content["unknowns per voxel"] = unknowns(cell) / voxels
    content["announced bytes per voxel"] = (needed_bytes(cell) - _BYTES_AT_LEAST) / voxels
    content["split of this stretch"] = split.shares(time.process_time() - begun)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    content["bytes per voxel, all of the process"] = peak / voxels
    content["bytes per voxel above a process that has run a small cell"] = (peak - warm) / voxels
    content["bytes per voxel when the structure was made"] = made / voxels
    content["processor time, all [s]"] = time.process_time() - cpu
    content["wall time, all [s]"] = time.perf_counter() - wall
    text = json.dumps(content, indent=2, ensure_ascii=False)
    print(text)
    if given.out:
        with open(given.out, "w", encoding="utf-8") as stream:
            stream.write(text + "\n")


if __name__ == "__main__":
    main()
