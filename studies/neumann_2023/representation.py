"""What the paper's representation of the image does to its M-factors, beside discretization.

Section 4.2 of the paper solves on unions of particles from series of spherical harmonics. Its Table
A.1 says by how much they raise the volume fraction of the solid. The same realization of the model
at both volume fractions (nested level sets of one field) tells what that alone does to the
M-factors.

Run ``python studies/neumann_2023/representation.py`` (three realizations of 128³ at 10 nm a sample,
some minutes); the table goes to ``results/representation.csv``.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numba

import vmt
from vmt.errors import RunError
from vmt.report import write_table_csv

sys.path.append(str(Path(__file__).resolve().parent))  # where workers find transport_routes
SAMPLES: Mapping[str, Any] = runpy.run_path(str(Path(__file__).with_name("study.py")))["SAMPLES"]
#: Table A.1: volume fraction of the solid in the image, and in the spherical harmonics
TABLE_A1 = {
    "F850": (0.4636, 0.4768),
    "F900": (0.6821, 0.6970),
    "M850": (0.5241, 0.5378),
    "M900": (0.6038, 0.6196),
    "C850": (0.6237, 0.6371),
    "C900": (0.6988, 0.7143),
}
EDGE, SPACING, COUNT = 128, 10e-9, 3
COLUMNS = ("sample", "phase", "image", "spherical harmonics", "change [%]")


def sweep_of(number: int, edge: int, count: int) -> vmt.Sweep:
    """A sample at both volume fractions, as a sweep; the same realizations at each."""
    sample, fractions = list(TABLE_A1.items())[number]
    return vmt.Sweep(
        name=sample,
        model="transport_routes:realization",
        parameters={"rate": SAMPLES[sample].rate},
        factors={"volume_fraction": fractions},
        shape=(edge,) * 3,
        spacing=SPACING,
        measurements=["transport_routes:level_set"],
        realizations=count,
        seeds="common",
        seed=(2023, number),
    )


def run(edge: int, count: int) -> list[tuple[str, str, float, float, float]]:
    """One row per sample and phase: mean M-factor at both volume fractions, change in percent."""
    rows = []
    for number, sample in enumerate(TABLE_A1):
        result = vmt.run(
            sweep_of(number, edge, count), cluster="inline", threads=numba.get_num_threads()
        )
        if result.failed:
            raise RunError(f"{sample} failed: {result.rows['error'].dropna().iloc[0]}")
        for phase in ("solid", "pore"):
            found = result.values(f"level set({phase})").reshape(2, count)
            image, series = found.mean(axis=1).tolist()
            rows.append((sample, phase, image, series, 100 * (series / image - 1)))
            print(f"{sample} {phase:5s} {image:.4f} {series:.4f} {rows[-1][4]:+.1f} %")
    return rows


if __name__ == "__main__":
    target = Path(__file__).parent / "results" / "representation.csv"
    write_table_csv(target, COLUMNS, run(EDGE, COUNT))
    sys.exit(0)
