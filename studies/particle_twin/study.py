"""Which twin of a real cathode is better: packed particles or an excursion set?

The active material of an X-ray tomogram is divided into particles, a random particle model is
fitted to them, and particles of the model are packed to the image's volume fraction: as they come
to lie; drawn together to the number of contacts that the image's particles have; and drawn together
to the image's necks, too. They are judged beside excursion sets calibrated to the same image, by
descriptors and M-factors of the active material and of the rest, on windows of one size.

    python studies/particle_twin/study.py --image IMAGE.tif            # the real cathode
    python studies/particle_twin/study.py --quick --out DIR            # a generated image, seconds
"""

from __future__ import annotations

import argparse
import csv
import json
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

import vmt
from vmt._plotting import COLORS, draw_slice, figure, finish, legend
from vmt.calibration import calibrate_star_particles, fit_star_particles
from vmt.models import RandomStarParticle, pack_particles

HERE = Path(__file__).resolve().parent
DESCRIPTORS = frozenset(
    {
        "volume_fraction",
        "specific_surface_area",
        "geodesic_tortuosity",
        "continuous_phase_size_distribution",
        "intrusion_size_distribution",
        "constrictivity",
        "connectivity",
        "chord_lengths",
        "mean_curvature_density",
        "euler_number_density",
        "two_point_coverage_probability",
        "spherical_contact_distribution",
    }
)
SIDES = ("solid", "rest")


def read_image(path: Path) -> vmt.Microstructure:
    """Active material (label 1) against pores and binder."""
    image = vmt.read_labels(path, spacing="398 nm")
    return vmt.Microstructure(
        (image.labels == 1).astype(np.uint8), image.spacing, {"rest": 0, "solid": 1}
    )


def generated_image() -> vmt.Microstructure:
    """A packing of known particles, for the quick mode."""
    model = RandomStarParticle.gaussian(9e-6, [0.0, 0.006, 0.003, 0.001], size_spread=0.2)
    made = pack_particles(
        model, 48e-6, 0.5, rng=1, coordination=5.0, max_overlap=0.04, outside="rest"
    )
    return made.to_microstructure((80, 80, 80), 0.6e-6)


def window(image: vmt.Microstructure, shape: tuple[int, int, int]) -> vmt.Microstructure:
    """The middle of an image."""
    cut = [(n - min(k, n)) // 2 for n, k in zip(image.shape, shape, strict=True)]
    return image.crop(
        *(slice(c, c + min(k, n)) for c, k, n in zip(cut, shape, image.shape, strict=True))
    )


def measure(m: vmt.Microstructure) -> dict[str, float]:
    """Numbers of both sides, and their M-factors."""
    found = dict(vmt.describe(m, descriptors=DESCRIPTORS).values)
    for side in SIDES:
        found[f"m_factor({side})"] = vmt.effective_conductivity(m, {side: 1.0}, rtol=1e-3).m_factor
    return found


def contacts_of_regions(labels: np.ndarray, whole: np.ndarray) -> float:
    """Mean number of neighbors that share a face of voxels with a whole particle."""
    pairs = []
    for axis in range(3):
        rows = np.moveaxis(labels, axis, 0)
        a, b = rows[:-1].ravel(), rows[1:].ravel()
        keep = (a != b) & (a > 0) & (b > 0)
        pairs.append(np.stack([a[keep], b[keep]], axis=1))
    every = np.concatenate(pairs)
    every.sort(axis=1)
    unique = np.unique(every, axis=0)
    counts = np.bincount(unique.ravel(), minlength=len(whole) + 1)[1:]
    return float(counts[whole].mean())


def neck_of_regions(
    labels: np.ndarray, whole: np.ndarray, volumes: np.ndarray, edge: float
) -> float:
    """Mean radius of the faces that a whole particle shares with another, over the smaller radius.

    A plane at random shows 1.5 times its area in faces of voxels.
    """
    counts: dict[tuple[int, int], int] = {}
    for axis in range(3):
        rows = np.moveaxis(labels, axis, 0)
        a, b = rows[:-1].ravel(), rows[1:].ravel()
        keep = (a != b) & (a > 0) & (b > 0)
        pairs = np.sort(np.stack([a[keep], b[keep]], axis=1), axis=1)
        unique, number = np.unique(pairs, axis=0, return_counts=True)
        for (i, j), n in zip(unique.tolist(), number.tolist(), strict=True):
            counts[i, j] = counts.get((i, j), 0) + n
    radii = np.cbrt(3 * volumes / (4 * np.pi))
    necks = [
        np.sqrt(n * edge**2 / 1.5 / np.pi) / min(radii[i - 1], radii[j - 1])
        for (i, j), n in counts.items()
        if whole[i - 1] or whole[j - 1]
    ]
    return float(np.mean(necks))


def depth_of_neck(neck: float) -> float:
    """Depth at which two equal balls of radius 1 cross in a circle of radius `neck`."""
    return float(2 * (1 - np.sqrt(1 - min(neck, 0.9) ** 2)))


def run(
    image: vmt.Microstructure,
    shape: tuple[int, int, int],
    realizations: int,
    out: Path,
    log: Callable[[str], None],
    degree: int,
    simulations: int,
) -> list[dict[str, object]]:
    """Fit, pack, sample, measure, and write tables and figures."""
    warnings.simplefilter("ignore", vmt.VmtWarning)
    fit = fit_star_particles(image, "solid", degree=degree)
    particles = fit.whole_particles(least_voxels=100)
    weights = fit.whole_weights(least_voxels=100)
    near = contacts_of_regions(np.asarray(fit.labels), np.asarray(fit.whole))
    log(f"{len(fit.particles)} particles, {len(particles)} whole and large enough; {fit!r}")
    log(f"neighbors of a whole particle in the image: {near:.2f}")
    neck = neck_of_regions(
        np.asarray(fit.labels), np.asarray(fit.whole), np.asarray(fit.volumes), image.spacing[0]
    )
    deep = min(2 * depth_of_neck(neck), 0.5)
    log(
        f"mean neck of particles in the image: {neck:.2f} of the smaller radius; overlap {deep:.2f}"
    )
    model = calibrate_star_particles(particles, weights=weights).model
    inner = window(image, shape)
    size = inner.size
    fraction = image.volume_fraction("solid")
    voxels, voxel = inner.shape, inner.spacing
    excursion = vmt.calibrate(
        vmt.ChiSquareExcursionSet, image, phase="solid", simulations=simulations
    ).model
    structures: dict[str, list[vmt.Microstructure]] = {"image": [inner]}
    packings = []
    for seed in range(realizations):
        for name, extra in (
            ("particles, as they lie", {"max_overlap": 0.02}),
            ("particles, drawn together", {"max_overlap": 0.08, "coordination": min(near, 7.0)}),
            (
                "particles, necks of the image",
                {"max_overlap": deep, "coordination": min(near, 7.0)},
            ),
        ):
            packed = pack_particles(model, size, fraction, rng=seed, outside="rest", **extra)
            packings.append((name, packed))
            found = packed.contacts()
            log(
                f"{name}: {len(packed)} particles, {100 * packed.volume_fraction:.2f} vol.-%, "
                f"coordination {found.coordination_number:.2f}, overlap "
                f"{100 * packed.overlap_fraction:.2f} %, largest neck "
                f"{found.relative_necks.max(initial=0):.2f}"
            )
            structures.setdefault(name, []).append(packed.to_microstructure(voxels, voxel))
        structures.setdefault("excursion set", []).append(
            excursion.sample(voxels, voxel, rng=1000 + seed)
        )
    results = {}
    for name, made in structures.items():
        results[name] = [measure(m) for m in made]
        log(f"measured {name}")
    rows = table(results)
    write(rows, results, structures, packings, out)
    return rows


def table(results: dict[str, list[dict[str, float]]]) -> list[dict[str, object]]:
    """One row a descriptor: the image, each twin's mean and relative deviation, the best twin."""
    image = results["image"][0]
    twins = [name for name in results if name != "image"]
    rows: list[dict[str, object]] = []
    for key, value in image.items():
        if not np.isfinite(value):
            continue
        row: dict[str, object] = {"descriptor": key, "image": value}
        errors = {}
        for name in twins:
            found = [one.get(key, np.nan) for one in results[name]]
            mean = float(np.mean(found))
            row[name] = mean
            errors[name] = abs(mean / value - 1) if value else abs(mean)
            row[f"{name}: deviation [%]"] = 100 * errors[name]
        usable = {k: v for k, v in errors.items() if np.isfinite(v)}
        row["nearest"] = min(usable, key=lambda k: usable[k]) if usable else ""
        rows.append(row)
    return rows


def write(rows, results, structures, packings, out: Path) -> None:
    """Table, deviations, sections and radial distribution."""
    out.mkdir(parents=True, exist_ok=True)
    with (out / "descriptors.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()})
    twins = [name for name in results if name != "image"]
    sheet = figure(1, len(structures), width=3.4, height=5.2)
    for ax, (name, made) in zip(sheet.axes, structures.items(), strict=True):
        m = made[0]
        draw_slice(
            ax, m.labels[:, m.shape[1] // 2], (m.spacing[0], m.spacing[2]), m.phases, title=name
        )
    sheet.savefig(out / "sections.png", dpi=110)
    sheet = figure(1, 1, width=8.5, height=0.3 * len(rows) + 1.6)
    ax = sheet.axes[0]
    place = np.arange(len(rows))[::-1]
    colors = [COLORS["good"], COLORS["image"], COLORS["accent"], COLORS["model"]]
    for shift, (name, color) in enumerate(zip(twins, colors, strict=False)):
        values = [min(float(row[f"{name}: deviation [%]"]), 120) for row in rows]
        ax.barh(place + 0.21 * (1.5 - shift), values, height=0.2, color=color, label=name)
    ax.set_yticks(place, [str(row["descriptor"]) for row in rows])
    finish(ax, xlabel="deviation from the image [%] (cut at 120)")
    ax.tick_params(axis="y", labelsize=7)
    legend(ax, loc="lower right")
    sheet.savefig(out / "deviations.png", dpi=110)
    sheet = figure(1, 2)
    seen = set()
    for name, packed in packings:
        if name in seen:
            continue
        color = colors[len(seen)]
        seen.add(name)
        g = packed.radial_distribution()
        sheet.axes[0].plot(g.distances / g.diameter, g.values, color=color, label=name)
        counts = np.bincount(packed.contacts().counts)
        sheet.axes[1].plot(100 * counts / counts.sum(), "o-", ms=3, color=color, label=name)
    finish(sheet.axes[0], xlabel="distance / mean diameter", ylabel="radial distribution g")
    finish(sheet.axes[1], xlabel="contacts of a particle", ylabel="share of particles [%]")
    legend(sheet.axes[0])
    sheet.savefig(out / "packings.png", dpi=110)


def main(arguments: list[str] | None = None) -> None:
    """Run the study."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", type=Path)
    parser.add_argument("--quick", action="store_true", help="a generated image, seconds")
    parser.add_argument("--edge", type=int, default=160, help="voxels across of the windows")
    parser.add_argument("--depth", type=int, default=0, help="voxels along axis 0; 0: all")
    parser.add_argument("--crop", type=int, default=0, help="extract from this many voxels; 0: all")
    parser.add_argument("--simulations", type=int, default=40, help="of the calibration")
    parser.add_argument("--realizations", type=int, default=3)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args(arguments)
    lines: list[str] = []

    def log(text: str) -> None:
        print(text, flush=True)
        lines.append(text)

    if options.quick:
        rows = run(generated_image(), (80, 80, 80), 1, options.out, log, 6, 10)
    else:
        if options.image is None:
            parser.error("--image is needed (or --quick)")
        image = read_image(options.image)
        if options.crop:
            image = window(image, (options.crop,) * 3)
        shape = (options.depth or image.shape[0], options.edge, options.edge)
        rows = run(image, shape, options.realizations, options.out, log, 10, options.simulations)
    wins: dict[str, int] = {}
    for row in rows:
        wins[str(row["nearest"])] = wins.get(str(row["nearest"]), 0) + 1
    log("nearest to the image: " + ", ".join(f"{k} {v}" for k, v in sorted(wins.items())))
    (options.out / "log.txt").write_text("\n".join(lines) + "\n", "utf-8")
    (options.out / "nearest.json").write_text(json.dumps(wins, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
