"""How much of an M-factor is discretization: the six samples by voxels, elements and level sets.

Each realization is solved on its 10 nm voxels (finite volumes), from its own level set on the same
grid (open faces, second order), from a level set estimated from the voxels alone, and, on a corner
of 60³ cells, by trilinear elements on the voxels, which is the paper's route. F850, which the paper
imaged at 15 nm, is also solved on cells of 15 nm. Eq. (15) predicts the M-factor from the
descriptors of the voxels, with the exponent of the constrictivity that the paper prints and with
that of its source's abstract. Up to 200³, a level set on cells of 6.7 nm tells the error of the
one on cells of 10 nm.

Run ``python studies/neumann_2023/transport.py --quick`` (one realization of 200³ a sample) or
without ``--quick`` (three of 400³, an hour or two); a killed run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import math
import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

import vmt
from vmt._files import run_directory, write_json
from vmt._plotting import COLORS, figure, finish
from vmt.microstructure import LevelSet, Microstructure
from vmt.report import write_table_csv
from vmt.study import Parts
from vmt.transport import STENZEL_2016, STENZEL_2016_ABSTRACT

SAMPLES: Mapping[str, Any] = runpy.run_path(str(Path(__file__).with_name("study.py")))["SAMPLES"]
SPACING = 10e-9
CORNER = 60
FINER_UP_TO = 200
PHASES = ("solid", "pore")


def m_factor(structure: Microstructure | LevelSet, phase: str, **options: Any) -> float:
    """M-factor of one phase."""
    found = vmt.effective_conductivity(structure, {phase: 1.0}, bounds="none", **options)
    return float(found.m_factor or 0.0)


def three_ways(voxels: Microstructure, level_set: LevelSet, phase: str) -> dict[str, float]:
    """M-factor from the level set, from the voxels, and from the voxels' estimated level set."""
    return {
        "level set": m_factor(level_set, phase),
        "voxels": m_factor(voxels, phase),
        "estimated level set": m_factor(voxels, phase, discretization="level_set"),
    }


def elements(level_set: LevelSet, phase: str) -> dict[str, float]:
    """M-factors of a corner that general sparse matrices can hold, the paper's route among them."""
    end = slice(CORNER + 1)
    corner = LevelSet(level_set.values[end, end, end].copy(), level_set.spacing)
    return {
        "corner: level set": m_factor(corner, phase),
        "corner: voxels": m_factor(corner, phase, discretization="voxel"),
        "corner: elements": m_factor(corner, phase, discretization="fem"),
    }


def predicted(voxels: Microstructure, phase: str) -> dict[str, float]:
    """Eq. (15) with both exponents of the constrictivity."""
    descriptors = (
        voxels.volume_fraction(phase),
        vmt.geodesic_tortuosity(voxels, phase),
        vmt.constrictivity(voxels, phase),
    )
    return {
        "predicted": STENZEL_2016(*descriptors),
        "predicted, abstract": STENZEL_2016_ABSTRACT(*descriptors),
    }


def realization(name: str, edge: int, child: np.random.SeedSequence) -> dict[str, Any]:
    """One realization by every route: phase → route → M-factor."""
    sample = SAMPLES[name]
    model = vmt.ChiSquareExcursionSet(
        vmt.Covariance.gaussian(rate=sample.rate), sample.volume_fraction
    )
    shape = (edge,) * 3

    def on_grid(cells: int, at: Literal["corners", "centers"] = "corners") -> LevelSet:
        rng = np.random.default_rng(child)
        return model.sample_level_set(shape, SPACING, rng=rng, grid=(cells,) * 3, at=at)

    voxels = model.sample(shape, SPACING, rng=np.random.default_rng(child))
    level_set = on_grid(edge)
    found = {
        phase: three_ways(voxels, level_set, phase)
        | elements(level_set, phase)
        | predicted(voxels, phase)
        for phase in PHASES
    }
    del voxels, level_set
    if edge <= FINER_UP_TO:
        finer = on_grid(edge * 3 // 2)
        for phase in PHASES:
            found[phase]["level set, 6.7 nm"] = m_factor(finer, phase)
        del finer
    if name == "F850":
        cells = round(edge * 10 / 15)
        coarse = on_grid(cells)
        coarse_voxels = on_grid(cells, "centers").to_microstructure()
        for phase in PHASES:
            ways = three_ways(coarse_voxels, coarse, phase)
            found[phase] |= {f"{way}, 15 nm": value for way, value in ways.items()}
    return found


def run(out: Path, names: Sequence[str], edge: int, count: int, seed: int) -> list[dict[str, Any]]:
    """Solve `count` realizations of each sample; return one row per sample, cell size and phase."""
    rows = []
    parts = Parts(out / "parts")
    for name in names:
        children = np.random.SeedSequence([seed, list(SAMPLES).index(name)]).spawn(count)
        solved = []
        for index, child in enumerate(children):

            def make(name: str = name, child: np.random.SeedSequence = child) -> Mapping[str, Any]:
                return realization(name, edge, child)

            solved.append(parts.get(f"transport_{name}_{edge}_{index:02d}", make))
            print(f"{name}: {index + 1} of {count}", file=sys.stderr)
        for phase in PHASES:
            rows.append(_row(name, phase, [one[phase] for one in solved]))
        if name == "F850":
            rows += [
                _row("F850, 15 nm", phase, _at_15([one[phase] for one in solved]))
                for phase in PHASES
            ]
    return rows


def _at_15(solved: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """The routes on cells of 15 nm; predictions stay those of the 10 nm voxels."""
    kept = [k for k in solved[0] if k.startswith("predicted")]
    ways = {k: k.removesuffix(", 15 nm") for k in solved[0] if k.endswith(", 15 nm")}
    return [
        {name: one[k] for k, name in ways.items()}
        | {k: one[k] for k in kept}
        | {"level set, 6.7 nm": one.get("level set, 6.7 nm", math.nan)}
        for one in solved
    ]


def _row(name: str, phase: str, solved: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Means over the realizations, and the differences between the routes in percent."""
    mean = {key: float(np.mean([one[key] for one in solved])) for key in solved[0]}

    def off(value: str, exact: str) -> float:
        known = mean.get(exact, 0.0) and not math.isnan(mean.get(value, math.nan))
        return 100 * (mean[value] / mean[exact] - 1) if known else math.nan

    spread = [one["level set"] for one in solved]
    return {
        "sample": name,
        "phase": phase,
        "realizations": len(solved),
        **mean,
        "standard deviation": float(np.std(spread, ddof=1)) if len(solved) > 1 else math.nan,
        "level set against 6.7 nm [%]": off("level set", "level set, 6.7 nm"),
        "voxels [%]": off("voxels", "level set"),
        "estimated [%]": off("estimated level set", "level set"),
        "elements, corner [%]": off("corner: elements", "corner: level set"),
        "predicted [%]": off("predicted", "level set"),
        "predicted, abstract [%]": off("predicted, abstract", "level set"),
        "predicted from voxels [%]": off("predicted", "voxels"),
    }


COLUMNS = (
    "sample",
    "phase",
    "realizations",
    "level set",
    "standard deviation",
    "voxels",
    "estimated level set",
    "predicted",
    "predicted, abstract",
    "level set against 6.7 nm [%]",
    "voxels [%]",
    "estimated [%]",
    "elements, corner [%]",
    "predicted [%]",
    "predicted, abstract [%]",
    "predicted from voxels [%]",
)


def draw(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw prediction against M-factor, and what the routes differ by, one column a phase."""
    drawn = figure(2, 2, width=4.2, height=3.6)
    for column, phase in enumerate(PHASES):
        chosen = [r for r in rows if r["phase"] == phase and r["sample"] in SAMPLES]
        _draw_prediction(drawn.axes[column], chosen, phase)
        _draw_routes(drawn.axes[2 + column], chosen, phase)
    drawn.axes[0].legend(frameon=False)
    low, high = drawn.axes[2].get_ylim()
    drawn.axes[2].set_ylim(low, high + 0.5 * (high - low))  # room for the legend
    drawn.axes[2].legend(frameon=False, loc="upper right")
    drawn.savefig(path, dpi=130)


def _draw_prediction(ax: Any, rows: Sequence[Mapping[str, Any]], phase: str) -> None:
    predicted = [row["predicted"] for row in rows]
    level_set = [row["level set"] for row in rows]
    top = 1.1 * max(*predicted, *level_set)
    ax.plot([0, top], [0, top], color=COLORS["muted"])
    ax.plot([r["voxels"] for r in rows], predicted, "x", color=COLORS["truth"], label="voxels")
    spread = [r["standard deviation"] or 0.0 for r in rows]
    ax.errorbar(
        level_set, predicted, xerr=np.nan_to_num(spread), fmt="o", color=COLORS["model"],
        fillstyle="none", lw=0.8, label="level set",
    )  # fmt: skip
    for row in rows:
        ax.annotate(
            row["sample"], (row["level set"], row["predicted"]), (5, -9),
            textcoords="offset points", fontsize=7,
        )  # fmt: skip
    finish(ax, xlabel=f"M-factor, {phase}", ylabel="predicted, eq. (15)")


def _draw_routes(ax: Any, rows: Sequence[Mapping[str, Any]], phase: str) -> None:
    place = np.arange(len(rows))
    bars = (
        ("voxels [%]", "voxels", COLORS["truth"]),
        ("estimated [%]", "level set estimated from voxels", COLORS["model"]),
        ("predicted [%]", "eq. (15), β^0.35", COLORS["muted"]),
        ("predicted, abstract [%]", "eq. (15), β^0.37", "#c5cbd6"),
    )
    for n, (key, name, color) in enumerate(bars):
        ax.bar(place + 0.2 * (n - 1.5), [row[key] for row in rows], 0.2, color=color, label=name)
    ax.axhline(0.0, color="black", lw=0.6)
    ax.set_xticks(place, [row["sample"] for row in rows])
    finish(ax, ylabel=f"difference from the level set / %, {phase}")


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
    parameters = {"study": "neumann_2023/transport 2", "edge": edge, "seed": options.seed}
    with run_directory(options.out, parameters) as out:
        rows = run(out, options.samples, edge, count, options.seed)
        table = [[row[c] for c in COLUMNS] for row in rows]
        write_table_csv(out / "transport.csv", COLUMNS, table)
        write_json(out / "transport.json", {"schema_version": 1, "rows": rows})
        draw(rows, out / "transport.png")
    for row in rows:
        print(
            f"{row['sample']:11s}  {row['phase']:5s}  level set {row['level set']:.4f}   voxels "
            f"{row['voxels [%]']:+.1f} %   estimated {row['estimated [%]']:+.2f} %   predicted "
            f"{row['predicted']:.3f} ({row['predicted [%]']:+.0f} %; abstract "
            f"{row['predicted, abstract [%]']:+.0f} %; of voxels "
            f"{row['predicted from voxels [%]']:+.0f} %)"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
