"""A packing of known particles, and a packing of the model that is fitted to its voxels.

The specific surface area must come back within 10 %, and the centered two-point function within the
range of eight cutouts of the first.

    python studies/particle_twin/ground_truth.py --out DIR
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np

import vmt
from vmt._plotting import COLORS, draw_slice, figure, finish, legend
from vmt.calibration import calibrate_star_particles, fit_star_particles
from vmt.models import RandomStarParticle, pack_particles

EDGE, VOXELS, LAG = 96e-6, 160, 14e-6
TRUTH = RandomStarParticle.gaussian(10e-6, [0.0, 0.006, 0.003, 0.001], size_spread=0.25)


def compare() -> dict[str, Any]:
    """Pack, extract, fit, pack again, and measure both."""
    shape, voxel = (VOXELS,) * 3, EDGE / VOXELS
    packed = pack_particles(TRUTH, EDGE, 0.55, rng=1, coordination=5.0, max_overlap=0.04)
    image = packed.to_microstructure(shape, voxel)
    fit = fit_star_particles(image, "solid", degree=8)
    particles = fit.whole_particles(least_voxels=100)
    weights = fit.whole_weights(least_voxels=100)
    model = calibrate_star_particles(particles, weights=weights).model
    twin = pack_particles(
        model, EDGE, image.volume_fraction("solid"), rng=7,
        coordination=packed.coordination_number(), max_overlap=0.04,
    ).to_microstructure(shape, voxel)  # fmt: skip
    half = VOXELS // 2
    cutouts = []
    for corner in np.ndindex(2, 2, 2):
        part = image.crop(*(slice(c * half, (c + 1) * half) for c in corner))
        cutouts.append(vmt.two_point_coverage_probability(part, "solid", max_lag=LAG).centered)
    ours = vmt.two_point_coverage_probability(twin, "solid", max_lag=LAG)
    return {
        "particles": len(particles),
        "surface": [vmt.specific_surface_area(m, "solid") for m in (image, twin)],
        "lags": ours.lags,
        "image": vmt.two_point_coverage_probability(image, "solid", max_lag=LAG).centered,
        "twin": ours.centered,
        "low": np.min(cutouts, axis=0),
        "high": np.max(cutouts, axis=0),
        "structures": (image, twin),
    }


def draw(found: dict[str, Any], path: Path) -> None:
    """Draw both structures and the two-point functions."""
    sheet = figure(1, 3, width=4.2, height=4.0)
    for ax, m, name in zip(sheet.axes, found["structures"], ("image", "twin"), strict=False):
        plane = m.labels[:, VOXELS // 2]
        draw_slice(ax, plane, (m.spacing[0], m.spacing[2]), m.phases, title=name)
    ax, lags = sheet.axes[2], found["lags"] * 1e6
    ax.fill_between(lags, found["low"], found["high"], color="0.85", label="cutouts of the image")
    ax.plot(lags, found["image"], color=COLORS["image"], label="image")
    ax.plot(lags, found["twin"], "--", color=COLORS["model"], label="twin")
    legend(finish(ax, xlabel="distance [µm]", ylabel="C(h) − p²"))
    sheet.savefig(path, dpi=100)


def main() -> None:
    """Compare, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "results")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    found = compare()
    first, second = found["surface"]
    inside = (found["twin"] >= found["low"]) & (found["twin"] <= found["high"])
    print(
        f"{found['particles']} particles; specific surface area {first:.5g} and {second:.5g} 1/m "
        f"({100 * (second / first - 1):+.1f} %); {inside.sum()} of {inside.size} lags within the "
        "cutouts' range"
    )
    draw(found, out / "ground_truth.png")


if __name__ == "__main__":
    main()
