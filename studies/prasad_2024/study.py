"""Prasad et al. 2024, structure part: five distributions of binder at three densities.

Run ``python studies/prasad_2024/study.py [--quick] [--full] [--cbd domain] [--out DIR]``: table of
the effective conductivities as CSV, pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, Literal

import numpy as np

import vmt
from vmt._plotting import COLORS, draw_slice, figure, finish, legend
from vmt.binder import PRASAD_2024, SCENARIOS, binder_in_layers
from vmt.report import write_table_csv
from vmt.transport import constant_current_conductivity

HERE = Path(__file__).resolve().parent
AM, CBD, DENSE = "active_material", "carbon_binder_domain", "carbon_binder_domain_dense"
VOXEL = 438e-9
#: by density [kg/m³]: thickness [m], width [m], active material, binder with carbon as printed, to
#: be read as one of `Reading`
ELECTRODES = {
    2700: (152.9e-6, 74e-6, 0.517, 0.101),
    3000: (141.9e-6, 79e-6, 0.574, 0.112),
    3300: (116.9e-6, 83e-6, 0.631, 0.123),
}
#: "solid": the printed fraction is that of binder and carbon without the pores inside the domain.
#: "domain": with them
Reading = Literal["solid", "domain"]
INNER_POROSITY = 0.5  # of the binder domain
DENSITY_AM, DENSITY_CBD = 4760.0, 1935.0  # kg/m³, of the solids
SIGMA_AM, SIGMA_CBD = 0.01, 10.0  # S/m: assumed; the paper's are in its supporting information
GAMMA = 0.12
SOLID = {AM: SIGMA_AM, CBD: SIGMA_CBD, DENSE: 2 * SIGMA_CBD}
LIQUID = {"pore": 1.0, CBD: GAMMA, DENSE: 0.1 * GAMMA}
COLUMNS = (
    "density [kg/m³]", "cutout", "scenario", "total", "binder", "dense_binder", "pore",
    "sigma_potential [S/m]", "sigma_current [S/m]", "kappa_potential", "kappa_current",
)  # fmt: skip


def domain_fraction(printed: float, cbd: Reading) -> float:
    """Volume fraction of the binder domain, with the pores inside it."""
    return printed / (1 - INNER_POROSITY) if cbd == "solid" else printed


def electrode_density(active: float, printed: float, cbd: Reading) -> float:
    """Density [kg/m³] that follows from the volume fractions in this reading."""
    solid = (1 - INNER_POROSITY) * domain_fraction(printed, cbd)
    return DENSITY_AM * active + DENSITY_CBD * solid


def parallel_bound(active: float, printed: float, cbd: Reading) -> float:
    """Largest κ over that of the electrolyte which the amounts allow, wherever the binder is."""
    domain = domain_fraction(printed, cbd)
    return 1 - active - domain + GAMMA * domain


def active_material(shape: tuple[int, int, int], fraction: float, seed: int) -> vmt.Microstructure:
    """Packing of spheres, closed up to the fraction: the one place to put a better one in."""
    packed = min(fraction, 0.6)
    radius = min(4e-6, 0.14 * min(shape) * VOXEL)
    spheres = vmt.phantoms.random_spheres(
        shape, VOXEL, radius=radius, radius_spread=0.15, volume_fraction=packed, rng=seed
    ).structure
    missing = max(fraction - spheres.volume_fraction("solid"), 0.0)
    filled = vmt.add_binder(spheres, volume_fraction=missing, method="closing", rng=seed)
    labels = (filled.structure.labels > 0).astype(np.uint8)
    return vmt.Microstructure(labels, VOXEL, {"pore": 0, AM: 1})


def known(structure: vmt.Microstructure, values: dict[str, float]) -> dict[str, float]:
    """Keep the phases that the structure has."""
    return {n: v for n, v in values.items() if n in structure.phases}


def measure(structure: vmt.Microstructure) -> tuple[float, float, float, float]:
    """σ and κ with given potentials and with a given current at the faces."""
    found = []
    for values in (known(structure, SOLID), known(structure, LIQUID)):
        potential = vmt.effective_conductivity(structure, values, bounds="none", rtol=1e-3)
        current = constant_current_conductivity(structure, values, rtol=1e-3)
        found += [potential.effective_conductivity, current.effective_conductivity]
    return found[0], found[1], found[2], found[3]


def run(
    densities: tuple[int, ...],
    cutouts: int,
    width: int | None,
    thin: int,
    out: Path,
    cbd: Reading = "solid",
) -> list[tuple[Any, ...]]:
    """One row for each density, cutout, scenario and convention of the total."""
    rows = []
    kept: dict[tuple[int, str], vmt.Microstructure] = {}
    for density in densities:
        thickness, edge, active, binder = ELECTRODES[density]
        n = round(thickness / VOXEL) // thin
        m = round(edge / VOXEL) if width is None else width
        for cutout in range(cutouts):
            base = active_material((n, m, m), active, 1000 * cutout + density)
            for scenario in SCENARIOS:
                for total in ("paper", "redistributed"):
                    if total == "redistributed" and (
                        cutout > 0 or scenario in ("homogeneous", "none_anywhere")
                    ):
                        continue  # one cutout; the last two are the same as the paper's
                    try:
                        placed = binder_in_layers(
                            base,
                            volume_fraction=domain_fraction(binder, cbd),
                            scenario=scenario,
                            layers=PRASAD_2024[density][scenario],
                            total=total,
                            rng=cutout,
                        )
                    except vmt.InputError as error:
                        print(f"{density} {scenario} {total}: {error}", flush=True)
                        continue
                    s = placed.structure
                    if total == "paper" and cutout == 0:
                        kept[density, scenario] = s
                    dense = s.volume_fraction(DENSE) if DENSE in s.phases else 0.0
                    rows.append(
                        (density, cutout, scenario, total, s.volume_fraction(CBD), dense,
                         s.volume_fraction("pore"), *measure(s))
                    )  # fmt: skip
                    write_table_csv(out / "conductivities.csv", COLUMNS, rows)
                    print(
                        f"{density} cutout {cutout} {scenario} ({total}): "
                        + ", ".join(f"{v:.4g}" for v in rows[-1][7:]),
                        flush=True,
                    )
    pictures(kept, densities, out)
    return rows


def pictures(
    kept: dict[tuple[int, str], vmt.Microstructure], densities: tuple[int, ...], out: Path
) -> None:
    """Slices as in Fig. 2 (scenarios of one density) and Fig. 3 (densities of one scenario)."""
    middle = densities[len(densities) // 2]
    for name, keys in (
        ("figure_2", [(middle, s) for s in SCENARIOS]),
        ("figure_3", [(d, "combined") for d in densities]),
    ):
        drawn = figure(1, len(keys), width=1.9, height=6.6)
        names = {"pore": 0, AM: 1, CBD: 2, DENSE: 3}
        for ax, key in zip(drawn.axes, keys, strict=True):
            m = kept[key]
            table = np.zeros(256, np.uint8)
            for phase, label in m.phases.items():
                table[label] = names[phase]
            plane = table[m.labels[:, m.shape[1] // 2]]
            title = key[1].replace("_", " ") if name == "figure_2" else f"{key[0]} kg/m³"
            draw_slice(ax, plane, m.spacing[1:], names, title)
            if ax is drawn.axes[0]:
                handles = list(ax.get_legend().legend_handles)
                drawn.legend(handles=handles, ncols=2, fontsize=8, loc="outside lower left")
            ax.get_legend().remove()
        drawn.savefig(out / f"{name}.png", dpi=100, bbox_inches="tight")


def draw(rows: list[tuple[Any, ...]], out: Path) -> None:
    """Bars of σ and κ by scenario and density, both kinds of faces."""
    drawn = figure(1, 2, width=6.2, height=4.0)
    densities = sorted({r[0] for r in rows})
    colors = (COLORS["image"], COLORS["model"], COLORS["accent"])
    for ax, first, label in ((drawn.axes[0], 7, "σ_eff [S/m]"), (drawn.axes[1], 9, "κ_eff/κ")):
        for i, density in enumerate(densities):
            for j, scenario in enumerate(SCENARIOS):
                part = [r for r in rows if r[0] == density and r[2] == scenario and r[3] == "paper"]
                x = j + 0.26 * (i - 1)
                for k, shift, alpha in ((first, -0.06, 1.0), (first + 1, 0.06, 0.45)):
                    values = np.array([r[k] for r in part])
                    ax.bar(
                        x + shift,
                        values.mean(),
                        0.12,
                        yerr=values.std(),
                        color=colors[i],
                        alpha=alpha,
                        label=f"{density} kg/m³, " + ("potential" if k == first else "current")
                        if j == 0
                        else None,
                    )
        ax.set_yscale("log")
        ax.set_xticks(range(len(SCENARIOS)), [s.replace("_", "\n") for s in SCENARIOS])
        finish(ax, ylabel=label)
    legend(drawn.axes[0], fontsize=7, ncols=3, loc="lower left", bbox_to_anchor=(0, 1))
    drawn.savefig(out / "conductivities.png", dpi=110)


def mean_ratio(rows: list[tuple[Any, ...]], column: int, scenario: str = "homogeneous") -> float:
    """Value at the lowest density over that at the highest."""
    ends = min(r[0] for r in rows), max(r[0] for r in rows)
    low, high = (
        np.mean([r[column] for r in rows if r[0] == d and r[2] == scenario and r[3] == "paper"])
        for d in ends
    )
    return float(low / high)


def main(out: Path, quick: bool, full: bool, cbd: Reading = "solid") -> list[tuple[Any, ...]]:
    """Place, solve, draw."""
    out.mkdir(parents=True, exist_ok=True)
    if quick:
        rows = run((2700, 3300), 1, 40, 4, out, cbd)
    else:
        rows = run(tuple(ELECTRODES), 3, None if full else 40, 1, out, cbd)
    write_table_csv(out / "conductivities.csv", COLUMNS, rows)
    draw(rows, out)
    for scenario in SCENARIOS:
        print(
            f"κ(lowest density)/κ(highest), {scenario}: {mean_ratio(rows, 9, scenario):.3f} "
            f"(potential), {mean_ratio(rows, 10, scenario):.3f} (current); paper about 1.6"
        )
    loading = {d: d * t * 100 for d, (t, *_) in ELECTRODES.items()}
    for reading in ("solid", "domain"):
        found = {d: electrode_density(a, b, reading) for d, (*_, a, b) in ELECTRODES.items()}
        print(
            f"density from the volume fractions, binder read as {reading} [kg/m³]: "
            + ", ".join(f"{v:.0f} for {d}" for d, v in found.items())
        )
        most = {d: parallel_bound(a, b, reading) for d, (*_, a, b) in ELECTRODES.items()}
        print(
            "  upper bound of κ over that of the electrolyte: "
            + ", ".join(f"{v:.3f} for {d}" for d, v in most.items())
            + f"; 2700 over 3300: {most[2700] / most[3300]:.2f}"
        )
    print(
        "loading from density × thickness [mg/cm²]: "
        + ", ".join(f"{d}: {v:.1f}" for d, v in loading.items())
        + "; printed 43.3"
    )
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a thinner, narrower electrode")
    parser.add_argument("--full", action="store_true", help="the whole cross-section, hours")
    parser.add_argument(
        "--cbd",
        choices=("solid", "domain"),
        default="solid",
        help="what the printed fraction of binder is: without or with the pores inside it",
    )
    parser.add_argument("--out", type=Path, help="folder of the results")
    asked = parser.parse_args()
    results = HERE / "results" / ("domain" if asked.cbd == "domain" else "")
    main(asked.out or results, asked.quick, asked.full, asked.cbd)
