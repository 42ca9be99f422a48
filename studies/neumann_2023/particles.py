"""Table A.1 and Fig. A.1: the solid as a union of star-shaped sub-particles, beside the image.

For each sample a realization of the paper's model stands for the image. Watershed sub-particles,
spherical harmonics to L = 10, their union on the same voxels; volume fraction, specific surface,
two-point function and M-factors of both in the inner window, two mean radii from the faces. The
variants tell what governs the difference: where on a boundary voxel the radius ends, whether the
series keep their volumes, how many markers are merged. Nothing is tuned to the table.

Run ``python studies/neumann_2023/particles.py --quick`` (200³ voxels, with transport) or without
``--quick`` (400³ as in the paper); a killed run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import importlib
import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numba

import vmt
from vmt._files import run_directory, write_json
from vmt._plotting import COLORS, figure, finish
from vmt.errors import RunError
from vmt.report import write_table_csv

sys.path.append(str(Path(__file__).resolve().parent))  # where the sweeps' functions are found
_UNIONS = importlib.import_module("particles_unions")
VARIANTS: Mapping[str, Any] = _UNIONS.VARIANTS
TRANSPORTED: Sequence[str] = _UNIONS.TRANSPORTED
PHASES: Sequence[str] = _UNIONS.PHASES
SAMPLES: Mapping[str, Any] = runpy.run_path(str(Path(__file__).with_name("study.py")))["SAMPLES"]
SPACING = 10e-9

# Table A.1: volume fraction of image and harmonics, specific surface [1/µm] of both
TABLE_A1 = {
    "F850": (0.4636, 0.4768, 8.445, 8.365),
    "F900": (0.6821, 0.6970, 5.754, 5.976),
    "M850": (0.5241, 0.5378, 7.810, 7.868),
    "M900": (0.6038, 0.6196, 5.269, 5.407),
    "C850": (0.6237, 0.6371, 7.149, 7.230),
    "C900": (0.6988, 0.7143, 4.737, 4.579),
}

MEASURED = (
    "particles",
    "p image",
    "p union",
    "p difference",
    "S image [1/µm]",
    "S union [1/µm]",
    "S difference [%]",
    "overlapped [% of union]",
    "seen [%]",
    "Dice",
)
COLUMNS = ("sample", "variant", *MEASURED, "p difference, paper", "S difference, paper [%]")


def sweep_of(
    name: str, edge: int, seed: int, with_transport: bool, variants: Sequence[str]
) -> vmt.Sweep:
    """One realization of a sample, as a sweep; its seed as that of `study.py`."""
    sample = SAMPLES[name]
    options = {"variants": list(variants), "transport": with_transport}
    return vmt.Sweep(
        name=name,
        model="transport_routes:realization",
        parameters={"volume_fraction": sample.volume_fraction, "rate": sample.rate},
        shape=(edge,) * 3,
        spacing=SPACING,
        measurements=[{"name": "particles_unions:unions", "options": options}],
        seed=(seed, list(SAMPLES).index(name)),
    )


def measure(
    name: str,
    edge: int,
    seed: int,
    with_transport: bool,
    variants: Sequence[str],
    store: Path | None = None,
) -> dict[str, Any]:
    """All numbers of one sample: rows of the variants, two-point functions, M-factors."""
    result = vmt.run(
        sweep_of(name, edge, seed, with_transport, variants),
        cluster="inline",
        threads=numba.get_num_threads(),
        store=store,
        resume=store is not None,
    )
    if result.failed:
        raise RunError(f"{name} failed: {result.rows['error'].iloc[0]}")
    row = result.rows.iloc[0]
    rows = {}
    for variant in variants:
        numbers = {key: float(row[f"{variant}: {key}"]) for key in MEASURED}
        rows[variant] = {**numbers, "particles": int(numbers["particles"])}
    curves = {key: row[f"two-point: {key}"] for key in ("lags [nm]", "image", "union")}
    part: dict[str, Any] = {"rows": rows, "two-point": curves}
    if with_transport:
        ways = ["voxels, image", f"voxels, {variants[0]}", "level set, image"]
        ways += [f"level set, {variant}" for variant in variants if variant in TRANSPORTED]
        part["transport"] = {
            way: {phase: float(row[f"M, {way}({phase})"]) for phase in PHASES} for way in ways
        }
    return part


def draw(parts: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """Draw Fig. A.1 again, one panel a sample."""
    drawn = figure(2, 3, width=3.1, height=2.6)
    for ax, (name, part) in zip(drawn.axes, parts.items(), strict=False):
        for key, color in (("image", COLORS["image"]), ("union", COLORS["model"])):
            curves = part["two-point"]
            ax.plot(curves["lags [nm]"], curves[key], color=color, label=key)
        finish(ax, xlabel="lag [nm]", ylabel="C$_0$", title=name)
    drawn.axes[0].legend(frameon=False, fontsize=8)
    drawn.savefig(path, dpi=130)


def table(parts: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per sample and variant, the paper's difference beside it."""
    rows = []
    for name, part in parts.items():
        p, q, s, t = TABLE_A1[name]
        paper = {"p difference, paper": q - p, "S difference, paper [%]": 100 * (t / s - 1)}
        for variant, numbers in part["rows"].items():
            rows.append({"sample": name, "variant": variant, **numbers, **paper})
    return rows


def m_table(parts: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per sample and phase: M-factors of image and union, and their difference."""
    rows = []
    for name, part in parts.items():
        for phase in PHASES if "transport" in part else ():
            row: dict[str, Any] = {"sample": name, "phase": phase}
            solved = part["transport"]
            for key, values in solved.items():
                kind, _, variant = key.partition(", ")
                row[f"M, {key}"] = values[phase]
                image = solved[f"{kind}, image"][phase]
                if variant != "image":
                    row[f"{key} [%]"] = 100 * (values[phase] / image - 1) if image else None
            rows.append(row)
    return rows


def main() -> int:
    """Parse, run, write the tables and the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="200³ voxels, with M-factors")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "particles")
    parser.add_argument("--samples", nargs="+", choices=list(SAMPLES), default=list(SAMPLES))
    parser.add_argument("--seed", type=int, default=2023)
    parser.add_argument("--variants", nargs="+", choices=list(VARIANTS), default=list(VARIANTS))
    options = parser.parse_args()
    edge = 200 if options.quick else 400
    variants = [name for name in VARIANTS if name in options.variants]
    parameters: dict[str, Any] = {
        "study": "neumann_2023 particles 2",
        "edge": edge,
        "seed": options.seed,
    }
    if variants != list(VARIANTS):
        parameters["variants"] = variants
    with run_directory(options.out, parameters) as out:
        parts = {}
        for name in options.samples:
            store = out / "sweeps" / f"{name}_{edge}"
            parts[name] = measure(name, edge, options.seed, options.quick, variants, store)
            print(f"{name}: done", file=sys.stderr)
        rows, kind = table(parts), "quick" if options.quick else "full"
        cells = [[row.get(column) for column in COLUMNS] for row in rows]
        write_table_csv(out / f"table_a1_{kind}.csv", COLUMNS, cells)
        write_json(out / f"table_a1_{kind}.json", {"schema_version": 1, "rows": rows})
        transported = m_table(parts)
        if transported:
            columns = tuple(transported[0])
            write_table_csv(
                out / f"table_a1_m_factors_{kind}.csv",
                columns,
                [[row[column] for column in columns] for row in transported],
            )
        draw(parts, out / f"figure_a1_{kind}.png")
    for row in rows:
        print(
            f"{row['sample']}  {row['variant']:20s} p {row['p image']:.4f} "
            f"{row['p difference']:+.4f} (paper {row['p difference, paper']:+.4f})  "
            f"S {row['S image [1/µm]']:.3f} {row['S difference [%]']:+.1f} % "
            f"(paper {row['S difference, paper [%]']:+.1f} %)  "
            f"overlap {row['overlapped [% of union]']:.1f} %  Dice {row['Dice']:.3f}"
        )
    for row in transported:
        shown = [f"{key} {value:+.1f}" for key, value in row.items() if key.endswith("[%]")]
        print(f"{row['sample']}  {row['phase']:6s} {'   '.join(shown)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
