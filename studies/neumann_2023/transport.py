"""How much of an M-factor is discretization: the six samples by voxels, elements and level sets.

Each realization is solved on its 10 nm voxels (finite volumes), from its own level set on the same
grid (open faces, second order), from a level set estimated from the voxels alone, and, on a corner
of 60³ cells, by trilinear elements on the voxels, which is the paper's route. Eq. (15) predicts the
M-factor from the descriptors of the voxels.

Run ``python studies/neumann_2023/transport.py --quick`` (one realization of 200³ a sample) or
without ``--quick`` (three of 400³, an hour or two); a killed run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import vmt
from vmt._files import run_directory, write_json
from vmt._plotting import COLORS, figure, finish
from vmt.microstructure import LevelSet, Microstructure
from vmt.report import write_table_csv
from vmt.study import Parts

SAMPLES: Mapping[str, Any] = runpy.run_path(str(Path(__file__).with_name("study.py")))["SAMPLES"]
SPACING = 10e-9
CORNER = 60
PHASES = ("solid", "pore")


def solve(voxels: Microstructure, level_set: LevelSet, phase: str) -> dict[str, float]:
    """M-factors of one phase by every discretization, and the prediction."""
    conducting = {phase: 1.0}

    def m(structure: Microstructure | LevelSet, **options: Any) -> float:
        found = vmt.effective_conductivity(structure, conducting, bounds="none", **options)
        return float(found.m_factor or 0.0)

    # the paper's route on a corner that general sparse matrices can hold
    end = slice(CORNER + 1)
    corner = LevelSet(level_set.values[end, end, end].copy(), level_set.spacing)
    return {
        "level set": m(level_set),
        "voxels": m(voxels),
        "estimated level set": m(voxels, discretization="level_set"),
        "corner: level set": m(corner),
        "corner: voxels": m(corner, discretization="voxel"),
        "corner: elements": m(corner, discretization="fem"),
        "predicted": vmt.predict_m_factor(
            voxels.volume_fraction(phase),
            vmt.geodesic_tortuosity(voxels, phase),
            vmt.constrictivity(voxels, phase),
        ),
    }


def run(out: Path, names: Sequence[str], edge: int, count: int, seed: int) -> list[dict[str, Any]]:
    """Solve `count` realizations of each sample; return one row per sample and phase."""
    rows = []
    parts = Parts(out / "parts")
    for name in names:
        sample = SAMPLES[name]
        model = vmt.ChiSquareExcursionSet(
            vmt.Covariance.gaussian(rate=sample.rate), sample.volume_fraction
        )
        children = np.random.SeedSequence([seed, list(SAMPLES).index(name)]).spawn(count)
        solved = []
        for index, child in enumerate(children):

            def make(
                child: np.random.SeedSequence = child, model: vmt.ChiSquareExcursionSet = model
            ) -> Mapping[str, Any]:
                shape = (edge,) * 3
                voxels = model.sample(shape, SPACING, rng=np.random.default_rng(child))
                level_set = model.sample_level_set(shape, SPACING, rng=np.random.default_rng(child))
                return {phase: solve(voxels, level_set, phase) for phase in PHASES}

            solved.append(parts.get(f"transport_{name}_{edge}_{index:02d}", make))
            print(f"{name}: {index + 1} of {count}", file=sys.stderr)
        for phase in PHASES:
            mean = {
                key: float(np.mean([one[phase][key] for one in solved])) for key in solved[0][phase]
            }
            rows.append({"sample": name, "phase": phase} | mean | _errors(mean))
    return rows


def _errors(mean: Mapping[str, float]) -> dict[str, float]:
    """Differences from the level set, in percent."""
    whole, corner = mean["level set"], mean["corner: level set"]
    return {
        "voxels [%]": 100 * (mean["voxels"] / whole - 1),
        "estimated [%]": 100 * (mean["estimated level set"] / whole - 1),
        "elements, corner [%]": 100 * (mean["corner: elements"] / corner - 1) if corner else np.nan,
        "predicted [%]": 100 * (mean["predicted"] / whole - 1),
        "predicted from voxels [%]": 100 * (mean["predicted"] / mean["voxels"] - 1),
    }


COLUMNS = (
    "sample",
    "phase",
    "level set",
    "voxels",
    "estimated level set",
    "predicted",
    "voxels [%]",
    "estimated [%]",
    "elements, corner [%]",
    "predicted [%]",
    "predicted from voxels [%]",
)


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw prediction against M-factor, by voxels and by level set, one panel a phase."""
    drawn = figure(1, 2, width=4.2, height=3.8)
    for ax, phase in zip(drawn.axes, PHASES, strict=True):
        chosen = [row for row in rows if row["phase"] == phase]
        predicted = [row["predicted"] for row in chosen]
        top = 1.1 * max(*predicted, *(row["level set"] for row in chosen))
        ax.plot([0, top], [0, top], color=COLORS["muted"])
        ax.plot(
            [r["voxels"] for r in chosen], predicted, "x", color=COLORS["truth"], label="voxels"
        )
        ax.plot(
            [r["level set"] for r in chosen], predicted, "o", color=COLORS["model"],
            fillstyle="none", label="level set",
        )  # fmt: skip
        finish(ax, xlabel=f"M-factor, {phase}", ylabel="predicted, eq. (15)")
    drawn.axes[0].legend(frameon=False)
    drawn.savefig(path, dpi=130)


def main() -> int:
    """Parse, run, write the table and the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one realization of 200³ voxels")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "transport")
    parser.add_argument("--samples", nargs="+", choices=list(SAMPLES), default=list(SAMPLES))
    parser.add_argument("--realizations", type=int)
    parser.add_argument("--seed", type=int, default=2023)
    options = parser.parse_args()
    edge = 200 if options.quick else 400
    count = options.realizations or (1 if options.quick else 3)
    parameters = {"study": "neumann_2023/transport", "edge": edge, "seed": options.seed}
    with run_directory(options.out, parameters) as out:
        rows = run(out, options.samples, edge, count, options.seed)
        table = [[row[c] for c in COLUMNS] for row in rows]
        write_table_csv(out / "transport.csv", COLUMNS, table)
        write_json(out / "transport.json", {"schema_version": 1, "rows": rows})
        draw(rows, out / "transport.png")
    for row in rows:
        print(
            f"{row['sample']}  {row['phase']:5s}  level set {row['level set']:.4f}   voxels "
            f"{row['voxels [%]']:+.1f} %   estimated {row['estimated [%]']:+.2f} %   elements "
            f"{row['elements, corner [%]']:+.1f} %   predicted {row['predicted']:.3f} "
            f"({row['predicted [%]']:+.0f} %; of voxels {row['predicted from voxels [%]']:+.0f} %)"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
