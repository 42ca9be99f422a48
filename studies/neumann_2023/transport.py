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
from typing import Any

import numba
import numpy as np

import vmt
from vmt._files import run_directory, write_json
from vmt._plotting import COLORS, figure, finish
from vmt.errors import RunError
from vmt.report import write_table_csv

sys.path.append(str(Path(__file__).resolve().parent))  # where workers find transport_routes
SAMPLES: Mapping[str, Any] = runpy.run_path(str(Path(__file__).with_name("study.py")))["SAMPLES"]
SPACING = 10e-9
CORNER = 60
FINER_UP_TO = 200
PHASES = ("solid", "pore")


def sweep_of(name: str, edge: int, count: int, seed: int, corner: int = CORNER) -> vmt.Sweep:
    """The realizations of one sample, as a sweep; seeds as those of `study.py`."""
    sample = SAMPLES[name]
    grids = {"finer": edge * 3 // 2} if edge <= FINER_UP_TO else {}
    cells = grids.get("finer", edge) ** 3  # a level set takes 91 bytes a cell; elements 1.1 GB
    if name == "F850":
        grids["coarser"] = round(edge * 10 / 15)
    return vmt.Sweep(
        name=name,
        model="transport_routes:realization",
        parameters={"volume_fraction": sample.volume_fraction, "rate": sample.rate},
        shape=(edge,) * 3,
        spacing=SPACING,
        measurements=[{"name": "transport_routes:routes", "options": {"corner": corner, **grids}}],
        realizations=count,
        memory=f"{max(1.2, 0.4 + 100 * cells / 2**30):.1f} GiB",
        seed=(seed, list(SAMPLES).index(name)),
    )


def run(
    out: Path,
    names: Sequence[str],
    edge: int,
    count: int,
    seed: int,
    *,
    workers: int = 1,
    corner: int = CORNER,
) -> list[dict[str, Any]]:
    """Solve `count` realizations of each sample; return one row per sample, cell size and phase."""
    rows = []
    for name in names:
        result = vmt.run(
            sweep_of(name, edge, count, seed, corner),
            cluster="inline" if workers == 1 else None,
            workers=None if workers == 1 else workers,
            threads=numba.get_num_threads() if workers == 1 else 1,
            store=out / "sweeps" / f"{name}_{edge}_{count}",
            resume=True,
        )
        print(f"{name}: {count} realizations", file=sys.stderr)
        if result.failed:
            error = result.rows["error"].dropna().iloc[0]
            raise RunError(f"{result.failed} of {count} realizations of {name} failed: {error}")
        for phase in PHASES:
            rows.append(_row(name, phase, _solved(result, phase)))
        if name == "F850":
            rows += [_row("F850, 15 nm", phase, _at_15(_solved(result, phase))) for phase in PHASES]
    return rows


def _solved(result: vmt.SweepResult, phase: str) -> list[dict[str, float]]:
    """One phase's M-factors of each realization, by route."""
    end = f"({phase})"
    columns = {
        key.removesuffix(end): result.values(key) for key in result.quantities if key.endswith(end)
    }
    return [
        {route: float(values[row]) for route, values in columns.items()}
        for row in range(len(result.rows))
    ]


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
    parser.add_argument("--workers", type=int, default=1, help="processes; 1: this one")
    options = parser.parse_args()
    edge = 200 if options.quick else 400
    count = options.realizations or (1 if options.quick else 3)
    parameters = {"study": "neumann_2023/transport 3", "edge": edge, "seed": options.seed}
    with run_directory(options.out, parameters) as out:
        rows = run(out, options.samples, edge, count, options.seed, workers=options.workers)
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
