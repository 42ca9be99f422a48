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

import numpy as np

import vmt
from vmt.report import write_table_csv

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


def m_factors(sample: str, fraction: float, seed: np.random.SeedSequence, edge: int) -> list[float]:
    """M-factors of both phases at one volume fraction of the solid."""
    covariance = vmt.Covariance.gaussian(rate=SAMPLES[sample].rate)
    model = vmt.ChiSquareExcursionSet(covariance, fraction)
    made = model.sample_level_set((edge,) * 3, SPACING, rng=np.random.default_rng(seed))
    return [
        float(vmt.effective_conductivity(made, {phase: 1.0}).m_factor or 0.0)
        for phase in ("solid", "pore")
    ]


def run(edge: int, count: int) -> list[tuple[str, str, float, float, float]]:
    """One row per sample and phase: mean M-factor at both volume fractions, change in percent."""
    rows = []
    for number, (sample, fractions) in enumerate(TABLE_A1.items()):
        seeds = np.random.SeedSequence([2023, number]).spawn(count)
        found = np.mean(
            [[m_factors(sample, p, seed, edge) for p in fractions] for seed in seeds], axis=0
        )
        for phase, (image, series) in zip(("solid", "pore"), found.T.tolist(), strict=True):
            rows.append((sample, phase, image, series, 100 * (series / image - 1)))
            print(f"{sample} {phase:5s} {image:.4f} {series:.4f} {rows[-1][4]:+.1f} %")
    return rows


if __name__ == "__main__":
    target = Path(__file__).parent / "results" / "representation.csv"
    write_table_csv(target, COLUMNS, run(EDGE, COUNT))
    sys.exit(0)
