"""Eq. (15) against M-factors at the paper's size, from the committed tables.

``results/table_2.csv`` has the M-factor of 400³ voxels and the prediction, means of four
realizations; ``results/transport_quick.csv`` what the voxels lose against the level set, which
hardly depends on the size of the box. The prediction does: paths and bottlenecks of small boxes
differ.

Run ``python studies/neumann_2023/prediction.py``; the table goes to ``results/prediction.csv``.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from vmt.report import write_table_csv

RESULTS = Path(__file__).parent / "results"
COLUMNS = (
    "sample",
    "phase",
    "voxels",
    "level set",
    "predicted",
    "predicted from voxels [%]",
    "predicted [%]",
)


def read(name: str) -> list[dict[str, str]]:
    """Rows of a committed table."""
    with (RESULTS / name).open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table))


def rows() -> list[tuple[str, str, float, float, float, float, float]]:
    """One row per sample and phase."""
    lost = {(r["sample"], r["phase"]): float(r["voxels [%]"]) for r in read("transport_quick.csv")}
    made = []
    for row in read("table_2.csv"):
        name, _, phase = row["descriptor"].partition(", ")
        if name != "M-factor":
            continue
        voxels, predicted = float(row["mean"]), float(row["expected"])
        level_set = voxels / (1 + lost[row["sample"], phase] / 100)
        off = [100 * (predicted / m - 1) for m in (voxels, level_set)]
        made.append((row["sample"], phase, voxels, level_set, predicted, off[0], off[1]))
    return sorted(made, key=lambda r: (r[1] != "solid",))


if __name__ == "__main__":
    found = rows()
    write_table_csv(RESULTS / "prediction.csv", COLUMNS, found)
    for sample, phase, _, level_set, predicted, voxels_off, off in found:
        print(
            f"{sample} {phase:5s} level set {level_set:.4f}  predicted {predicted:.4f}  "
            f"{off:+.1f} %; of voxels {voxels_off:+.1f} %"
        )
    for phase in ("solid", "pore"):
        chosen = [r for r in found if r[1] == phase]
        means = [sum(abs(r[k]) for r in chosen) / len(chosen) for k in (6, 5)]
        print(f"{phase}: off by {means[0]:.1f} % on average, from voxels {means[1]:.1f} %")
    sys.exit(0)
