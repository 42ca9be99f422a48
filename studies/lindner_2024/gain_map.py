"""Lindner et al. 2024: which parameters decide what more binder gains at 1C and loses at 2C.

Run ``python studies/lindner_2024/gain_map.py [--out DIR]``. One parameter is changed at a time,
then some together. The grid is coarser than in `discharge.py`, to make many runs cheap; one variant
runs on the finer one, too. Every discharge is kept in ``DIR/gain_map_parts``; a run that
was stopped goes on from there, and ``--draw`` makes table and picture from what is there.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import discharge as study
import numpy as np

from vmt._plotting import COLORS, figure, finish, legend
from vmt.electrode import ELECTROLYTES, Law, ParameterSet, Settings, constant
from vmt.microstructure import Microstructure
from vmt.report import write_table_csv

HERE = Path(__file__).resolve().parent
COARSE = study.Size(48, 14, 1.6e-6)
SEED = 1
BRUGGEMAN = 0.5**1.5  # of a binder of which half is pore
PAPER = {"C/10": 0.08, "1C": 0.18}
EXPECTED = (0.10, 0.25)  # of the gain at 1C, set before any run
#: porosity, with half of the binder, over the tortuosity factor of 2.51
TABLE_1 = (0.2616 + 0.0341 / 2) / 2.51
RATIO = 659.53 / 576.26  # of the energy per mass at 1C

Sigma = tuple[float, float]
Make = Callable[[study.Size, Sigma], ParameterSet]
Held = dict[tuple[str, str, str, float], dict[str, Any]]


def _base(size: study.Size, sigma: Sigma) -> ParameterSet:
    return study.parameters(sigma)


def _gamma(value: float) -> Make:
    return lambda size, sigma: study.parameters(sigma, transport=value)


def _diffusivity(factor: float) -> Make:
    return lambda size, sigma: study.parameters(sigma, diffusivity=factor)


def _electrolyte(name: str, **given: float) -> Make:
    return lambda size, sigma: replace(
        study.parameters(sigma, **given), electrolyte=ELECTROLYTES[name]()
    )


def _conductivity(factor: float) -> Make:
    return lambda size, sigma: study.parameters((factor * sigma[0], sigma[1]))


def _even(size: study.Size, sigma: Sigma) -> ParameterSet:
    """Active material whose conductivity does not follow its lithiation."""
    made = study.parameters(sigma)
    material = replace(made.active_material, conductivity=constant(sigma[0], "S/m"))
    return replace(made, active_material=material)


def _ions(diffusivity: float = 1.0) -> Make:
    """Return an electrolyte so fast that the original conducts ions as in the paper's Table 1."""

    def made(size: study.Size, sigma: Sigma) -> ParameterSet:
        original = study.structures(size, SEED)["original"]
        here = study.conduct(original, {"pore": 1.0, study.CBD: 0.12})
        factor = TABLE_1 / here
        base = study.parameters(sigma, diffusivity=diffusivity)
        e, s = base.electrolyte, base.separator
        faster = replace(
            e,
            conductivity=_times(e.conductivity, factor),
            diffusivity=_times(e.diffusivity, factor),
        )
        return replace(
            base, electrolyte=faster, separator=replace(s, transport=s.transport / factor)
        )

    return made


def _times(law: Law, factor: float) -> Law:
    return Law(
        lambda c: factor * law(c), f"{law.name} times {factor:.3g}", law.unit, law.valid, law.source
    )


#: name, parameters, area mode
VARIANTS: tuple[tuple[str, Make, str], ...] = (
    ("base", _base, "voxel"),
    ("binder's γ 0.35", _gamma(BRUGGEMAN), "voxel"),
    ("Nyman 2008", _electrolyte("nyman2008"), "voxel"),
    ("D_s × 1⁄3", _diffusivity(1 / 3), "voxel"),
    ("D_s × 3", _diffusivity(3.0), "voxel"),
    ("σ_AM × 1⁄3", _conductivity(1 / 3), "voxel"),
    ("σ_AM the same at any x", _even, "voxel"),
    ("smooth area", _base, "normal"),
    ("ions as in Table 1", _ions(), "voxel"),
    ("ions as in Table 1, D_s × 3", _ions(diffusivity=3.0), "voxel"),
    ("γ 0.35, D_s × 3, Nyman", _electrolyte(
        "nyman2008", transport=BRUGGEMAN, diffusivity=3.0
    ), "voxel"),
)  # fmt: skip
IONS, ALL = "ions as in Table 1", "ions as in Table 1, D_s × 3"
#: which variants run at which rate, the ones that tell most first
RATES = {
    "1C": (
        "base", IONS, ALL, "γ 0.35, D_s × 3, Nyman", "σ_AM × 1⁄3", "binder's γ 0.35", "D_s × 3",
        "Nyman 2008", "σ_AM the same at any x", "smooth area", "D_s × 1⁄3",
    ),
    "2C": ("base", IONS, ALL, "γ 0.35, D_s × 3, Nyman"),
    "C/10": ("base", IONS, ALL),
}  # fmt: skip
FINE = (("1C", IONS), ("1C", ALL))  # the same on the grid of `discharge.py`
SETTINGS = Settings(newton=1e-5, voltage=2e-3, concentration=3e-3)


def sigma_of(size: study.Size, path: Path) -> Sigma:
    """Return both conductivities of the fit to the paper's table on this grid."""
    if path.exists():
        rows = json.loads(path.read_text(encoding="utf-8"))
    else:
        rows = study.fit(study.structures(size, SEED), study.CONTRASTS)
        path.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return study.chosen(rows)


def _structure(size: study.Size, kind: str) -> Microstructure:
    return study.structures(size, SEED)[kind]


def main(out: Path, draw_only: bool = False) -> list[dict[str, Any]]:
    """Run what is missing, write the table, draw."""
    out.mkdir(parents=True, exist_ok=True)
    ranks = range(max(map(len, RATES.values())))
    jobs = [(COARSE, r, names[k]) for k in ranks for r, names in RATES.items() if k < len(names)]
    jobs += [(study.FULL, rate, name) for rate, name in FINE]
    fits = {COARSE: out / "gain_map_fit.json", study.FULL: out / "discharge_fit.json"}
    held: Held = {}
    for size, rate, name in jobs:
        voxel = round(1e6 * size.spacing, 3)
        _, make, area = next(v for v in VARIANTS if v[0] == name)
        for kind in ("original", "enriched"):
            label = f"{name} {kind} {rate} {voxel} µm".replace("/", "_")
            if draw_only and not (out / "gain_map_parts" / f"{label}.json").exists():
                continue
            current = size.along * size.spacing / 77e-6 * study.CURRENTS[rate]
            held[name, kind, rate, voxel] = study.run(
                out / "gain_map_parts", label, partial(_structure, size, kind),
                make(size, sigma_of(size, fits[size])), current, area_mode=area,
                settings=SETTINGS if size == COARSE else study.SETTINGS,
            )  # fmt: skip
    rows = table(held)
    columns = tuple(rows[0])
    write_table_csv(out / "gain_map.csv", columns, [tuple(r.values()) for r in rows])
    draw(rows, out)
    return rows


def table(held: Held) -> list[dict[str, Any]]:
    """One row a grid, variant and rate for which both electrodes have run."""
    rows = []
    for voxel in sorted({key[3] for key in held}, reverse=True):
        for name, rate in product([v[0] for v in VARIANTS], RATES):
            first, second = (
                held.get((name, kind, rate, voxel)) for kind in ("original", "enriched")
            )
            if first is None or second is None:
                continue
            key, energy = "capacity [mAh/cm²]", "energy per coating [Wh/kg]"
            rows.append(
                {
                    "variant": name,
                    "voxel [µm]": voxel,
                    "rate": rate,
                    "original [mAh/cm²]": first[key],
                    "enriched [mAh/cm²]": second[key],
                    "gain": second[key] / first[key] - 1,
                    "energy per mass, enriched over original": second[energy] / first[energy],
                    "original stopped because": first["stopped because"],
                    "enriched stopped because": second["stopped because"],
                    "original, least salt [mol/m³]": first["least salt [mol/m³]"],
                    "enriched, least salt [mol/m³]": second["least salt [mol/m³]"],
                    "original, spread of x": first["stoichiometry standard deviation"],
                    "enriched, spread of x": second["stoichiometry standard deviation"],
                    "lithium imbalance": max(
                        first["lithium imbalance"], second["lithium imbalance"]
                    ),
                }
            )
    return rows


def draw(rows: list[dict[str, Any]], out: Path) -> None:
    """Gains of all variants at 1C and 2C, and against the rate for some."""
    coarse = [r for r in rows if r["voxel [µm]"] == round(1e6 * COARSE.spacing, 3)]
    drawn = figure(1, 3, width=4.6, height=4.6)
    one, two, rates = drawn.axes
    for ax, rate in ((one, "1C"), (two, "2C")):
        shown = [r for r in coarse if r["rate"] == rate]
        place = np.arange(len(shown))[::-1]
        values = [100 * r["gain"] for r in shown]
        if rate == "1C":
            ax.axvspan(
                100 * EXPECTED[0], 100 * EXPECTED[1], color=COLORS["truth"], alpha=0.12, lw=0
            )
            ax.axvline(100 * PAPER["1C"], color=COLORS["truth"], lw=1.2, label="paper")
            legend(ax)
        ax.barh(place, values, color=[COLORS["good" if v > 0 else "model"] for v in values])
        for y, v in zip(place, values, strict=True):
            ax.text(v, y, f" {v:+.0f} ", va="center", ha="left" if v > 0 else "right", fontsize=7)
        ax.set_yticks(place, [r["variant"] for r in shown], fontsize=7)
        ax.axvline(0, color=COLORS["muted"], lw=0.8)
        low, high = ax.get_xlim()
        ax.set_xlim(low - 0.1 * (high - low), high + 0.1 * (high - low))
        finish(ax, xlabel="capacity with more binder [%]", title=f"{rate}")
    at = {rate: study.CURRENTS[rate] / 10 for rate in ("C/10", "1C", "2C")}
    for name, style in zip(RATES["C/10"], ("o-", "s--", "^-."), strict=True):
        shown = [r for r in coarse if r["variant"] == name]
        shown.sort(key=lambda r: at[r["rate"]])
        rates.plot(
            [at[r["rate"]] for r in shown], [100 * r["gain"] for r in shown], style, ms=4, lw=1.2,
            label=name,
        )  # fmt: skip
    rates.plot(
        [at[k] for k in PAPER], [100 * v for v in PAPER.values()], "*", color=COLORS["truth"], ms=9,
        label="paper",
    )  # fmt: skip
    rates.axhline(0, color=COLORS["muted"], lw=0.8)
    finish(rates, xlabel="current density [mA/cm²]", ylabel="capacity with more binder [%]")
    legend(rates)
    drawn.savefig(out / "gain_map.png", dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder of the results")
    parser.add_argument("--draw", action="store_true", help="only what has been run already")
    asked = parser.parse_args()
    main(asked.out, asked.draw)
