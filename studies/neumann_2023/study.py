"""From the paper's Table 1 to its Table 2: the twins of six nanostructured NMC particles.

Run ``python studies/neumann_2023/study.py --quick`` (three realizations of 200³ voxels a sample) or
without ``--quick`` (ten of 400³, hours); a killed run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import vmt
from vmt._files import run_directory, write_json
from vmt._plotting import COLORS, figure, finish
from vmt.report import write_table_csv
from vmt.study import LABELS, split_key


@dataclass(frozen=True)
class Sample:
    """One sample of the paper: Table 1, Table 2 ("sim" rows), Table A.3, and its voxel size."""

    volume_fraction: float
    rate: float  # [1/m]
    spacing: float  # [m]
    table_2: Mapping[str, float]
    table_a3: Mapping[str, float]


KEYS = (
    "specific_surface_area(solid)",
    "geodesic_tortuosity(solid)",
    "geodesic_tortuosity(pore)",
    "constrictivity(solid)",
    "constrictivity(pore)",
)


def _sample(p: float, alpha: float, row: Sequence[float], sigma: Sequence[float]) -> Sample:
    return Sample(
        p,
        alpha * 1e6,
        10e-9,
        dict(zip(KEYS, row, strict=True)),
        dict(zip(KEYS, sigma, strict=True)),
    )


# surface areas here in 1/µm, as printed
SAMPLES = {
    "F850": _sample(
        0.46, 7.28, (9.34, 1.11, 1.05, 0.53, 0.68), (0.015, 2.3e-3, 8.3e-4, 1.1e-2, 2.3e-3)
    ),
    "F900": _sample(
        0.68, 4.63, (6.23, 1.05, 1.11, 0.61, 0.63), (0.061, 2.2e-3, 5.5e-3, 1.1e-2, 1.3e-2)
    ),
    "M850": _sample(
        0.52, 6.01, (8.04, 1.09, 1.07, 0.54, 0.68), (0.020, 3.4e-3, 2.0e-3, 1.5e-2, 1.2e-2)
    ),
    "M900": _sample(
        0.60, 4.27, (5.82, 1.07, 1.09, 0.57, 0.66), (0.034, 2.8e-3, 3.9e-3, 2.0e-2, 1.4e-2)
    ),
    "C850": _sample(
        0.62, 5.47, (7.46, 1.06, 1.09, 0.60, 0.66), (0.038, 2.0e-3, 3.4e-3, 1.4e-2, 4.0e-3)
    ),
    "C900": _sample(
        0.70, 3.49, (4.66, 1.05, 1.12, 0.62, 0.61), (0.068, 2.6e-3, 7.1e-3, 3.3e-2, 2.7e-2)
    ),
}


def _label(key: str) -> str:
    name, phase = split_key(key)
    return f"{LABELS[name]}, {phase}"


EDGE, WINDOW = 400, 4e-6  # the paper's realizations: voxels and edge length [m]


def tolerance(sample: Sample, key: str, count: int, size: float) -> float:
    """What the mean of `count` realizations of edge `size` may differ from Table 2.

    Half a unit of the last printed digit (0.3 % for the surface area), three standard errors of
    both means (Table A.3, scaled to the volume), and 0.03 for the constrictivity's known misfit. In
    windows smaller than the paper's, paths spend a larger share on reaching a good channel and an
    intrusion from one face sees fewer entrances: geodesic tortuosity gets 0.02 and constrictivity
    0.08 at half the edge, in inverse proportion to the edge.
    """
    volume = (WINDOW / size) ** 3
    sigma = sample.table_a3[key] * math.sqrt(volume / count + 1 / 10)
    rounding = 0.003 * sample.table_2[key] if key.startswith("specific") else 0.005
    known = 0.03 if key.startswith("constrictivity") else 0.0
    finite = {"constrictivity": 0.08, "geodesic_tortuosity": 0.02}.get(split_key(key)[0], 0.0)
    return rounding + 3 * sigma + known + finite * max(WINDOW / size - 1, 0.0)


def model_of(sample: Sample) -> vmt.ChiSquareExcursionSet:
    """The paper's model: an excursion set of a χ²-field with two degrees of freedom."""
    return vmt.ChiSquareExcursionSet(
        vmt.Covariance.gaussian(rate=sample.rate), sample.volume_fraction
    )


def sweep_of(name: str, edge: int, count: int, seed: int, spacing: float) -> vmt.Sweep:
    """The realizations of one sample, as a sweep."""
    return vmt.Sweep(
        name=name,
        model="excursion_set",
        parameters={"definition": model_of(SAMPLES[name]).to_dict()},
        shape=(edge,) * 3,
        spacing=spacing,
        measurements=["twin"],
        realizations=count,
        seed=(seed, list(SAMPLES).index(name)),
    )


def run(
    out: Path,
    names: Sequence[str],
    edge: int,
    count: int,
    seed: int,
    spacing: float | None,
    *,
    workers: int = 1,
) -> list[dict[str, object]]:
    """Measure `count` realizations of each sample; return one row per sample and descriptor."""
    rows: list[dict[str, object]] = []
    for name in names:
        step = spacing or SAMPLES[name].spacing
        result = vmt.run(
            sweep_of(name, edge, count, seed, step),
            cluster="inline" if workers == 1 else None,
            workers=None if workers == 1 else workers,
            store=out / "sweeps" / f"{name}_{edge}_{count}_{step * 1e9:g}nm",
            resume=True,
        )
        print(f"{name}: {count} realizations", file=sys.stderr)
        rows += _rows(name, SAMPLES[name], model_of(SAMPLES[name]), result, edge, step)
    return rows


def _rows(
    name: str,
    sample: Sample,
    model: vmt.ChiSquareExcursionSet,
    measured: vmt.SweepResult,
    edge: int,
    spacing: float,
) -> list[dict[str, object]]:
    count = len(measured.rows)
    expected = model.expected_specific_surface_area(spacing) * 1e-6
    rows = []
    known = [k for k in measured.quantities if split_key(k)[0] in LABELS]
    for key in sorted(known, key=lambda k: list(LABELS).index(split_key(k)[0])):
        values = measured.values(key)
        scale = 1e-6 if key.startswith("specific") else 1.0
        mean, std = float(values.mean()) * scale, float(values.std(ddof=1)) * scale
        paper = sample.table_2.get(key)
        allowed = None if paper is None else tolerance(sample, key, count, edge * spacing)
        row = {
            "sample": name,
            "descriptor": _label(key),
            "mean": mean,
            "standard deviation": std,
            "paper": paper,
            "tolerance": allowed,
            "within": None if paper is None else abs(mean - paper) <= allowed,
        }
        if key == "specific_surface_area(solid)":
            row["expected"] = expected
            row["standard errors from expected"] = (mean - expected) / (std / math.sqrt(count))
        for phase in ("solid", "pore"):
            if key == f"m_factor({phase})":
                predicted = measured.values(f"predicted_m_factor({phase})")
                row["expected"] = float(predicted.mean())  # eq. (15) from the descriptors
        rows.append(row)
    return rows


COLUMNS = (
    "sample",
    "descriptor",
    "mean",
    "standard deviation",
    "paper",
    "tolerance",
    "within",
    "expected",
    "standard errors from expected",
)


def draw(rows: Sequence[Mapping[str, object]], path: Path) -> None:
    """Draw Table 2 against ours, one panel per descriptor."""
    drawn = figure(1, len(KEYS), width=2.9, height=3.0)
    for ax, key in zip(drawn.axes, KEYS, strict=True):
        label = _label(key)
        chosen = [row for row in rows if row["descriptor"] == label]
        names = [str(row["sample"]) for row in chosen]
        place = np.arange(len(names))
        mean = [float(str(row["mean"])) for row in chosen]
        std = [float(str(row["standard deviation"])) for row in chosen]
        paper = [float(str(row["paper"])) for row in chosen]
        ax.errorbar(place, mean, yerr=std, fmt="o", color=COLORS["model"], capsize=3, label="vmt")
        ax.plot(place, paper, "_", markersize=16, color=COLORS["truth"], label="paper, Table 2")
        ax.set_xticks(place, names, rotation=45)
        finish(ax, title=label + (" [1/µm]" if key.startswith("specific") else ""))
    drawn.axes[0].legend(frameon=False, fontsize=8)
    drawn.savefig(path, dpi=130)


def main() -> int:
    """Parse, run, write the table and the figure; 1 if a value is outside its tolerance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="three realizations of 200³ voxels")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "run")
    parser.add_argument("--samples", nargs="+", choices=list(SAMPLES), default=list(SAMPLES))
    parser.add_argument("--realizations", type=int)
    parser.add_argument("--spacing", type=float, help="voxel edge in nm, for all samples")
    parser.add_argument("--seed", type=int, default=2023)
    parser.add_argument("--workers", type=int, default=1, help="processes; 1: this one")
    options = parser.parse_args()
    edge = 200 if options.quick else EDGE
    count = options.realizations or (3 if options.quick else 10)
    spacing = None if options.spacing is None else options.spacing * 1e-9
    if spacing is not None:  # the same window
        edge = round(edge * 10e-9 / spacing)
    parameters = {"study": "neumann_2023", "edge": edge, "seed": options.seed}
    with run_directory(options.out, parameters) as out:
        rows = run(
            out, options.samples, edge, count, options.seed, spacing, workers=options.workers
        )
        table = "table_2" if spacing is None else f"table_2_{options.spacing:g}nm"
        cells = [[row.get(column) for column in COLUMNS] for row in rows]
        write_table_csv(out / f"{table}.csv", COLUMNS, cells)
        write_json(out / f"{table}.json", {"schema_version": 1, "rows": rows})
        draw(rows, out / f"{table}.png")
    for row in rows:
        if row["paper"] is not None:
            mark = "ok" if row["within"] else "OUTSIDE"
            print(
                f"{row['sample']}  {row['descriptor']:32s} {row['mean']:8.4f} ± "
                f"{row['standard deviation']:.4f}   paper {row['paper']}   {mark}"
            )
    return 0 if all(row["within"] in (True, None) for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
