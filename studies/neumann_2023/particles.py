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
import functools
import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import vmt
from vmt._files import run_directory, write_json
from vmt._plotting import COLORS, figure, finish
from vmt.calibration import StarFit, fit_star_particles
from vmt.kernels.stars import count_stars
from vmt.microstructure import LevelSet, Microstructure
from vmt.report import write_table_csv
from vmt.study import Parts

SAMPLES: Mapping[str, Any] = runpy.run_path(str(Path(__file__).with_name("study.py")))["SAMPLES"]
SPACING = 10e-9
PHASES = ("solid", "pore")
LAGS = 40

# Table A.1: volume fraction of image and harmonics, specific surface [1/µm] of both
TABLE_A1 = {
    "F850": (0.4636, 0.4768, 8.445, 8.365),
    "F900": (0.6821, 0.6970, 5.754, 5.976),
    "M850": (0.5241, 0.5378, 7.810, 7.868),
    "M900": (0.6038, 0.6196, 5.269, 5.407),
    "C850": (0.6237, 0.6371, 7.149, 7.230),
    "C900": (0.6988, 0.7143, 4.737, 4.579),
}

# depth of the markers [voxels], and options of the fit
VARIANTS: Mapping[str, tuple[float, Mapping[str, Any]]] = {
    "as fitted": (1.0, {}),
    "series not rescaled": (1.0, {"keep_volume": False}),
    "plain projection": (1.0, {"regularization": 0.0}),
    "L = 20": (1.0, {"degree": 20}),
    "+1/4 voxel": (1.0, {"outward": 0.25}),
    "+1/2 voxel": (1.0, {"outward": 0.5}),
    "bridged by 1 voxel": (1.0, {"bridge": 1.0}),
    "bridged by 2 voxels": (1.0, {"bridge": 2.0}),
    "more markers": (0.5, {}),
    "fewer markers": (2.0, {}),
}
TRANSPORTED = (
    "as fitted",
    "+1/4 voxel",
    "+1/2 voxel",
    "bridged by 1 voxel",
    "bridged by 2 voxels",
    "fewer markers",
)
COLUMNS = (
    "sample",
    "variant",
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
    "p difference, paper",
    "S difference, paper [%]",
)


def inner(fit: StarFit, most: int) -> tuple[slice, slice, slice]:
    """The window two mean radii from the faces, at most `most` voxels of an edge taken off."""
    margins = [min(m, most) for m in fit.margin]
    x, y, z = (slice(m, n - m) for m, n in zip(margins, fit.structure.shape, strict=True))
    return (x, y, z)


def compare(fit: StarFit, window: tuple[slice, slice, slice]) -> tuple[dict[str, Any], Any]:
    """Measure image and union in the window; return the numbers and the union's voxels."""
    image, union = fit.structure, fit.union()
    counts = count_stars(image.shape, image.spacing, union.centers, union.coefficients)[window]
    seen = image.crop(*window)
    made = Microstructure(np.minimum(counts, 1), image.spacing, image.phases)
    p, q = (m.volume_fraction("solid") for m in (seen, made))
    s, t = (vmt.specific_surface_area(m, "solid") * 1e-6 for m in (seen, made))
    numbers = {
        "particles": len(fit.particles),
        "p image": p,
        "p union": q,
        "p difference": q - p,
        "S image [1/µm]": s,
        "S union [1/µm]": t,
        "S difference [%]": 100 * (t / s - 1),
        "overlapped [% of union]": 100 * float((counts > 1).sum() / (counts > 0).sum()),
        "seen [%]": 100 * fit.mean_seen,
        "Dice": fit.mean_dice,
    }
    return numbers, made


def covariances(image: Microstructure, made: Microstructure) -> dict[str, list[float]]:
    """Centered two-point functions of both over the lag [nm]."""
    found: dict[str, list[float]] = {}
    reach = min(LAGS * SPACING, min(image.size) / 2)
    for name, structure in (("image", image), ("union", made)):
        curve = vmt.two_point_coverage_probability(structure, "solid", max_lag=reach)
        found["lags [nm]"] = (curve.lags * 1e9).tolist()
        found[name] = curve.centered.tolist()
    return found


def cut(level_set: LevelSet, window: tuple[slice, slice, slice]) -> LevelSet:
    """The window of a level set."""
    corner = tuple(slice(w.start, w.stop + 1) for w in window)
    return LevelSet(level_set.values[corner].copy(), level_set.spacing)


def level_set_of(fit: StarFit, window: tuple[slice, slice, slice]) -> LevelSet:
    """The union's own level set in the window, on the voxels' grid."""
    spacing = fit.structure.spacing
    shape = [w.stop - w.start for w in window]
    low = [w.start * d for w, d in zip(window, spacing, strict=True)]
    size = [n * d for n, d in zip(shape, spacing, strict=True)]
    return fit.union().crop(low, size).to_level_set(shape, spacing)


def m_factors(structure: Microstructure | LevelSet) -> dict[str, float]:
    """M-factor of both phases."""
    found = {}
    for phase in PHASES:
        made = vmt.effective_conductivity(structure, {phase: 1.0}, bounds="none", rtol=1e-3)
        found[phase] = float(made.m_factor or 0.0)
    return found


def measure(
    name: str, edge: int, seed: int, with_transport: bool, variants: Sequence[str]
) -> Mapping[str, Any]:
    """All numbers of one sample; the first variant is the one drawn and solved by voxels."""
    sample = SAMPLES[name]
    model = vmt.ChiSquareExcursionSet(
        vmt.Covariance.gaussian(rate=sample.rate), sample.volume_fraction
    )
    child = np.random.SeedSequence([seed, list(SAMPLES).index(name)]).spawn(1)[0]
    image = model.sample((edge,) * 3, SPACING, rng=np.random.default_rng(child))
    rows: dict[str, Any] = {}
    fits: dict[float, StarFit] = {}
    window = None
    part: dict[str, Any] = {}
    solved: dict[str, dict[str, float]] = {}
    for variant in variants:
        depth, options = VARIANTS[variant]
        if depth not in fits:
            fits = {depth: fit_star_particles(image, "solid", depth=depth)}
        fit = fits[depth].refit(**options) if options else fits[depth]
        if window is None:  # the same for all variants
            window = inner(fit, edge // 5)
        rows[variant], made = compare(fit, window)
        if variant == variants[0]:
            part["two-point"] = covariances(image.crop(*window), made)
            if with_transport:
                level = model.sample_level_set(
                    (edge,) * 3, SPACING, rng=np.random.default_rng(child)
                )
                solved["voxels, image"] = m_factors(image.crop(*window))
                solved[f"voxels, {variant}"] = m_factors(made)
                solved["level set, image"] = m_factors(cut(level, window))
        if with_transport and variant in TRANSPORTED:
            solved[f"level set, {variant}"] = m_factors(level_set_of(fit, window))
        print(f"{name}, {variant}: done", file=sys.stderr)
    if solved:
        part["transport"] = solved
    return part | {"rows": rows, "window": [w.stop - w.start for w in window or ()]}


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
        "study": "neumann_2023 particles",
        "edge": edge,
        "seed": options.seed,
    }
    if variants != list(VARIANTS):
        parameters["variants"] = variants
    with run_directory(options.out, parameters) as out:
        stored = Parts(out / "parts")
        parts = {}
        for name in options.samples:
            make = functools.partial(measure, name, edge, options.seed, options.quick, variants)
            parts[name] = stored.get(f"{name}_{edge}", make)
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
