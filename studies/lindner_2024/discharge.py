"""Lindner et al. 2024, electrochemistry part: the same electrode with little and with more binder.

Run ``python studies/lindner_2024/discharge.py [--quick] [--out DIR] [--only WORD]``. Every
discharge is kept in ``DIR/discharge_parts``; a run that was stopped goes on from there. ``--draw``
makes tables and figures from what is there; ``--dfn`` runs both electrodes beside PyBaMM's DFN.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.graph import MCP

import vmt
from vmt._files import whole_file
from vmt._plotting import COLORS, figure, finish, legend
from vmt.electrode import Binder, ExchangeCurrent, Law, ParameterSet, Settings, parameter_set
from vmt.electrode._laws import (
    conductivity_amin_chiang_2016,
    diffusivity_oregan_2022,
    ocp_chen_2020,
)
from vmt.report import write_table_csv

HERE = Path(__file__).resolve().parent
AM, CBD = "active_material", "carbon_binder_domain"
ROLES = {AM: "active_material", CBD: "binder"}
ACTIVE, LITTLE, MORE = 0.7043, 0.0341, 0.0765
PAPER_SIGMA = {"original": 0.24, "enriched": 3.06}  # S/m, Table 1
CURRENTS = {"C/10": 5.57, "C/2": 27.9, "1C": 55.7, "2C": 111.5}  # A/m², the paper's
CONTRASTS = (30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0, 30000.0)
LARGEST, START = 49100.0, 10312.0  # mol/m³
DENSITIES = {AM: 4776.0, CBD: 950.0}  # kg/m³; binder: half of 1.9 g/cm³
SCAN = ("rates {} 2C", "diffusivity third {} 2C", "diffusivity three {} 2C")
SETTINGS = Settings(newton=1e-6, voltage=1e-3, concentration=1e-3)


@dataclass(frozen=True)
class Size:
    """How large the structures are: voxels along and across the current, edge of a voxel [m]."""

    along: int
    across: int
    spacing: float
    radius: float = 5e-6


FULL = Size(70, 20, 1.1e-6)
QUICK = Size(16, 8, 1.6e-6, radius=4e-6)


@cache
def original(size: Size, seed: int) -> vmt.Microstructure:
    """70.43 vol.-% of active material with 3.41 vol.-% of binder at its contacts.

    Equal spheres around centers that keep away from each other, grown until the share is met to
    one voxel: they overlap, and the pores between them stay wide.
    """
    shape, h = (size.along, size.across, size.across), size.spacing
    box = np.array((size.along, size.across, size.across)) * h
    rng = np.random.default_rng(seed)
    count = round(-np.log(1 - ACTIVE) / (4 / 3 * np.pi * size.radius**3) * box.prod())
    centers = [rng.random(3) * box]
    while len(centers) < count:
        tried = rng.random((30, 3)) * box
        away = cKDTree(centers, boxsize=box).query(tried)[0]
        centers.append(tried[away.argmax()])
    grid = np.stack(np.meshgrid(*[(np.arange(n) + 0.5) * h for n in shape], indexing="ij"), -1)
    distance = cKDTree(centers, boxsize=box).query(grid)[0]
    labels = (distance <= np.quantile(distance, ACTIVE)).astype(np.uint8)
    bare = vmt.Microstructure(labels, (h, h, h), {"pore": 0, AM: 1})
    return vmt.add_binder(bare, volume_fraction=LITTLE, method="contact", rng=seed).structure


def join(first: vmt.Microstructure, share: float, seed: int) -> vmt.Microstructure:
    """Add binder where it joins what is there: along the cheapest ways through the pore.

    Six ways through the thickness, then ways from single clusters to the largest. A pore voxel
    costs 1, a voxel of binder almost nothing. On a grid this coarse, binder that grows into the
    narrowest places (`vmt.binder.grow_binder`) does not percolate at 7.65 vol.-%; the paper's does.
    """
    labels = first.labels.copy()
    pore, binder = first.phases["pore"], first.phases[CBD]
    missing = round(share * labels.size) - int((labels == binder).sum())
    rng = np.random.default_rng(seed)
    last = labels.shape[0] - 1

    def ways(starts: list[tuple[int, ...]]) -> tuple[MCP, Any]:
        costs = np.where(labels == binder, 1e-3, np.where(labels == pore, 1.0, -1.0))
        found = MCP(costs, fully_connected=False)
        return found, found.find_costs(starts)[0]

    def fill(path: list[tuple[int, ...]], missing: int) -> int:
        for voxel in path:
            if missing and labels[voxel] == pore:
                labels[voxel] = binder
                missing -= 1
        return missing

    for _ in range(6):
        front = np.argwhere(labels[0] != first.phases[AM])
        y, z = front[rng.integers(len(front))]
        found, cost = ways([(0, int(y), int(z))])
        y, z = np.unravel_index(np.argmin(cost[last]), cost[last].shape)
        if np.isfinite(cost[last, y, z]):
            missing = fill(found.traceback((last, int(y), int(z))), missing)
    while missing:
        part, _ = ndimage.label(labels == binder)
        largest = np.bincount(part.ravel())[1:].argmax() + 1
        found, cost = ways([tuple(int(i) for i in v) for v in np.argwhere(part == largest)])
        others = np.argwhere((part > 0) & (part != largest) & np.isfinite(cost))
        if len(others) == 0:
            break
        end = tuple(int(i) for i in others[rng.integers(len(others))])
        missing = fill(found.traceback(end), missing)
    return first.with_labels(labels)


@cache
def structures(size: Size, seed: int) -> dict[str, vmt.Microstructure]:
    """Both electrodes."""
    first = original(size, seed)
    return {"original": first, "enriched": join(first, MORE, seed + 2)}


def conduct(structure: vmt.Microstructure, values: dict[str, float]) -> float:
    """Effective value through the thickness."""
    return vmt.effective_conductivity(
        structure, values, bounds="none", rtol=1e-3
    ).effective_conductivity


def fit(made: dict[str, vmt.Microstructure], contrasts: Iterable[float]) -> list[dict[str, float]]:
    """For each contrast: conductivities that give 0.24 S/m at 3.41 %, and what they predict."""
    rows = []
    for contrast in contrasts:
        low, high = (conduct(made[n], {AM: 1.0, CBD: contrast}) for n in ("original", "enriched"))
        scale = PAPER_SIGMA["original"] / low
        rows.append(
            {
                "contrast": contrast,
                "sigma_AM [S/m]": scale,
                "sigma_CBD [S/m]": contrast * scale,
                "predicted at 7.65 % [S/m]": scale * high,
            }
        )
    return rows


def chosen(rows: list[dict[str, float]]) -> tuple[float, float]:
    """Both conductivities of the contrast that meets both rows of the paper, or comes closest."""
    x = np.log([r["contrast"] for r in rows])
    y = np.log([r["predicted at 7.65 % [S/m]"] for r in rows])
    at = np.interp(np.log(PAPER_SIGMA["enriched"]), y, x)
    sigma = np.exp(np.interp(at, x, np.log([r["sigma_AM [S/m]"] for r in rows])))
    return float(sigma), float(np.exp(at) * sigma)


def parameters(
    sigma: tuple[float, float], *, diffusivity: float = 1.0, transport: float = 0.12
) -> ParameterSet:
    """NMC811 as far as the paper and the spec name it.

    The potential is Chen's, its axis mapped so that the paper's start is at 4.3 V and a full
    material at Chen's 0.95, with a tail; the exchange current is the paper's form with Chen's
    rate; the diffusivity O'Regan's; the conductivity Amin and Chiang's, times a factor so that it
    is `sigma[0]` at half the stoichiometry.
    """
    start = START / LARGEST
    slope = (0.95 - 0.262) / (1 - start)
    scale = sigma[0] / float(conductivity_amin_chiang_2016(0.5))

    def potential(x: Any) -> Any:
        return ocp_chen_2020(0.262 + slope * (x - start)) - 1.2 * np.exp(90 * (x - 1))

    chen = Law(potential, "Chen 2020, mapped", "V", (0.2, 1.0), ocp_chen_2020.source)
    amin = Law(
        lambda x: scale * conductivity_amin_chiang_2016(x),
        f"Amin and Chiang 2016 times {scale:.4g}",
        "S/m",
        (0.2, 1.0),
        conductivity_amin_chiang_2016.source,
    )
    regan = Law(
        lambda x: diffusivity * diffusivity_oregan_2022(x),
        f"O'Regan 2022 times {diffusivity:.3g}",
        "m²/s",
        (0.2, 1.0),
        diffusivity_oregan_2022.source,
    )
    base = parameter_set("nmc811-oregan2022")
    material = replace(
        base.active_material,
        open_circuit_potential=chen,
        conductivity=amin,
        diffusivity=regan,
        maximum_concentration=LARGEST,
        initial_stoichiometry=start,
        exchange_current=ExchangeCurrent.papers(6.07e-4),
    )
    binder = Binder(conductivity=sigma[1], transport=transport)
    return replace(base, name="lindner-2024", active_material=material, binder=binder)


def run(
    place: Path,
    name: str,
    make: Callable[[], vmt.Microstructure],
    materials: ParameterSet,
    current: float,
    area_mode: Any = "voxel",
    settings: Settings = SETTINGS,
) -> dict[str, Any]:
    """One discharge, kept as a file."""
    path = place / f"{name}.json"
    if path.exists():
        stored: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return stored
    structure = make()
    cell = vmt.HalfCell(structure, materials, phases=ROLES, area_mode=area_mode)
    result = vmt.discharge(cell, current, settings=settings)
    mass = vmt.electrode.theoretical_capacity(structure, densities=DENSITIES)
    energy = vmt.electrode.gravimetric_energy_density(result.energy, mass.coating_loading)
    profile = result.stoichiometry_profile[-1][cell.separator_layers :].astype(float)
    third = max(profile.size // 3, 1)
    field = result.snapshots[-1].stoichiometry[cell.separator_layers :]
    middle = field[:, :, field.shape[2] // 2].astype(float)
    made = {
        "run": name,
        "current density [A/m²]": current,
        "capacity [mAh/cm²]": result.capacity / 36000,
        "areal capacity [mAh/cm²]": cell.areal_capacity / 36000,
        "theoretical capacity [mAh/cm²]": mass.areal_capacity / 36000,
        "energy [mWh/cm²]": result.energy / 36000,
        "energy per coating [Wh/kg]": energy / 3600,
        "stoichiometry at separator": float(np.nanmean(profile[:third])),
        "stoichiometry at collector": float(np.nanmean(profile[-third:])),
        "stoichiometry standard deviation": float(np.nanstd(profile)),
        "stopped because": result.stopped_because[0],
        "least salt [mol/m³]": float(result.salt[:, 0].min()),
        "lost capacity": cell.clean_up.lost_capacity,
        "voxels": result.voxels,
        "time steps": int(result.time.size - 1),
        "lithium imbalance": float(np.abs(result.lithium_imbalance).max()),
        "processor time [s]": result.seconds,
        "charge [mAh/cm²]": np.round(result.charge / 36000, 5).tolist(),
        "voltage [V]": np.round(result.voltage, 5).tolist(),
        "position [µm]": np.round(
            1e6 * (np.arange(profile.size) + 0.5) * structure.spacing[0], 3
        ).tolist(),
        "profile": [None if np.isnan(v) else round(v, 4) for v in profile],
        "slice": [[None if np.isnan(v) else round(v, 3) for v in row] for row in middle],
    }
    place.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(made), encoding="utf-8")
    print(
        f"{name}: {made['capacity [mAh/cm²]']:.3f} mAh/cm², separator "
        f"{made['stoichiometry at separator']:.3f}, collector "
        f"{made['stoichiometry at collector']:.3f}, {made['stopped because']}, "
        f"{result.seconds:.0f} s",
        flush=True,
    )
    return made


def grids(size: Size, seed: int, sigma: tuple[float, float], out: Path) -> None:
    """Halve the resolution of half an electrode's edges: structure and conductivity, as a table."""
    fine = original(Size(size.along, size.across, size.spacing / 2, size.radius), seed)
    rows = []
    for label, m in (("original", fine), ("times 2", fine.coarsen(2))):
        rows.append(
            (
                label, 1e6 * m.spacing[0], m.volume_fraction(AM), m.volume_fraction(CBD),
                m.volume_fraction("pore"), 1e-6 * vmt.specific_surface_area(m, AM),
                conduct(m, {AM: sigma[0], CBD: sigma[1]}), conduct(m, {"pore": 1.0, CBD: 0.12}),
                vmt.descriptors.clusters(m, CBD).largest_share,
            )
        )  # fmt: skip
    columns = (
        "grid", "voxel [µm]", "active material", "binder", "pore", "surface of AM [1/µm]",
        "sigma_eff [S/m]", "D_eff/D", "connectivity of binder",
    )  # fmt: skip
    write_table_csv(out / "discharge_grids.csv", columns, rows)


def against_dfn(size: Size, seed: int, sigma: tuple[float, float], out: Path) -> None:
    """Run both electrodes at 1C beside the DFN, with the radius of either area, as a table."""
    rows = []
    share = size.along * size.spacing / 77e-6
    for name, structure in structures(size, seed).items():
        cell = vmt.HalfCell(structure, parameters(sigma), phases=ROLES, area_mode="voxel")
        result = vmt.discharge(cell, share * CURRENTS["1C"], settings=SETTINGS)
        x = float(np.clip(result.stoichiometry[[0, -1]].mean(), 0.02, 0.98))
        voxel = vmt.study.effective_electrode(cell, stoichiometry=x, rtol=1e-3)
        smooth = vmt.HalfCell(structure, parameters(sigma), phases=ROLES, area_mode="normal")
        area = smooth.network().reacting_area / cell.network().reacting_area
        for word, factor in (("voxel faces", 1.0), ("smooth", area)):
            given = replace(voxel, reactive_area=factor * voxel.reactive_area)
            found = vmt.study.compare_with_dfn(cell, result, effective=given)
            rows.append(
                (
                    name, word, 1e6 * given.particle_radius, given.porosity, given.ionic_transport,
                    given.electronic_conductivity, result.capacity / 36000,
                    found.capacity / 36000, found.capacity_difference,
                    1e3 * float(found.difference.mean()),
                    1e3 * float(np.sqrt((found.difference**2).mean())),
                )
            )  # fmt: skip
            print(rows[-1], flush=True)
    columns = (
        "structure", "area", "R [µm]", "porosity", "M", "sigma_eff [S/m]", "3D [mAh/cm²]",
        "DFN [mAh/cm²]", "capacity 3D over DFN - 1", "mean 3D - DFN [mV]", "rms [mV]",
    )  # fmt: skip
    write_table_csv(out / "discharge_dfn.csv", columns, rows)


def piece(seed: int) -> vmt.Microstructure:
    """Return a small thin electrode on a fine grid, for the comparison of grids."""
    return original(Size(2 * QUICK.along, 2 * QUICK.across, QUICK.spacing / 2, QUICK.radius), seed)


def jobs(size: Size, seed: int, sigma: tuple[float, float]) -> list[tuple[Any, ...]]:
    """All discharges, the important ones first: name, structure, materials, current."""
    both = ("original", "enriched")
    base = parameters(sigma)
    share = size.along * size.spacing / 77e-6

    def made(name: str) -> Callable[[], vmt.Microstructure]:
        return lambda: structures(size, seed)[name]

    found: list[tuple[Any, ...]] = [
        (f"rates {name} {label.replace('/', '_')}", made(name), base, share * CURRENTS[label])
        for label in ("1C", "C/10", "2C", "C/2")
        for name in both
    ]
    variants: list[tuple[str, ParameterSet]] = []
    for factor, word in ((1 / 3, "third"), (3.0, "three")):
        variants.append((f"diffusivity {word}", parameters(sigma, diffusivity=factor)))
    for word, given in variants:
        found += [(f"{word} {n} 2C", made(n), given, CURRENTS["2C"]) for n in both]
    end = round(0.625 * size.along)
    thin = CURRENTS["1C"] * QUICK.along * QUICK.spacing / 77e-6
    found += [
        (
            "crop original C_10",
            lambda: structures(size, seed)["original"].crop(slice(0, end)),
            base,
            CURRENTS["C/10"],
        ),
        ("grid times 2 1C", lambda: piece(3).coarsen(2), base, thin),
        ("grid original 1C", lambda: piece(3), base, thin),
    ]
    return found


def main(
    out: Path, quick: bool, only: str = "", draw_only: bool = False, dfn: bool = False
) -> list[dict[str, Any]]:
    """Fit, run, write."""
    out.mkdir(parents=True, exist_ok=True)
    size, seed = (QUICK, 3) if quick else (FULL, 1)
    place = out / "discharge_parts"
    contrasts = (100.0, 3000.0) if quick else CONTRASTS
    stored = out / "discharge_fit.json"
    if stored.exists():
        rows = json.loads(stored.read_text(encoding="utf-8"))
    else:
        rows = fit(structures(size, seed), contrasts)
        with whole_file(stored) as temporary:
            temporary.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    sigma = chosen(rows)
    print(f"σ_AM {sigma[0]:.3g} S/m at x = 0.5, σ_CBD {sigma[1]:.3g} S/m", flush=True)
    if dfn:
        against_dfn(size, seed, sigma, out)
        return []
    results = []
    wanted = ("rates original 1C", "rates enriched 1C") if quick else None
    for name, make, materials, current in jobs(size, seed, sigma):
        if (wanted and name not in wanted) or only not in name:
            continue
        if draw_only and not (place / f"{name}.json").exists():
            continue
        results.append(run(place, name, make, materials, current))
    if not only:
        if not (out / "discharge_grids.csv").exists() and not quick:
            grids(size, seed, sigma, out)
        write(results, out)
        draw(results, out)
    return results


def write(results: list[dict[str, Any]], out: Path) -> None:
    """Tables of all discharges and of their curves."""
    columns = tuple(k for k, v in results[0].items() if not isinstance(v, list))
    write_table_csv(out / "discharge.csv", columns, [tuple(r[k] for k in columns) for r in results])
    curves = [
        (r["run"], q, v)
        for r in results
        for q, v in zip(r["charge [mAh/cm²]"], r["voltage [V]"], strict=True)
    ]
    write_table_csv(
        out / "discharge_curves.csv", ("run", "charge [mAh/cm²]", "voltage [V]"), curves
    )


def draw(results: list[dict[str, Any]], out: Path) -> None:
    """Curves, gains against the rate, profiles at the end, one slice each."""
    held = {r["run"]: r for r in results}
    drawn = figure(2, 3, width=4.2, height=3.2)
    curves, gains, scan, profiles, *slices = drawn.axes
    shades = {"C/10": 1.0, "C/2": 0.75, "1C": 0.5, "2C": 0.3}
    colors = {"original": COLORS["image"], "enriched": COLORS["model"]}
    rates, changes = [], []
    for label, shade in shades.items():
        pair = [held.get(f"rates {n} {label.replace('/', '_')}") for n in colors]
        for (name, color), r in zip(colors.items(), pair, strict=True):
            if r is None:
                continue
            curves.plot(
                r["charge [mAh/cm²]"], r["voltage [V]"], color=color, alpha=shade, lw=1.4,
                label=name if label == "C/10" else None,
            )  # fmt: skip
            if label in ("C/10", "1C"):
                profiles.plot(
                    r["position [µm]"], np.array(r["profile"], float), color=color, lw=1.2,
                    ls="-" if label == "1C" else "--", label=f"{name}, {label}",
                )  # fmt: skip
        if all(pair):
            rates.append(CURRENTS[label] / 10)
            changes.append(100 * _gain(pair))
    gains.plot(rates, changes, "o-", color=COLORS["image"], ms=4, label="here")
    gains.plot([0.56, 5.57], [8, 18], "s", color=COLORS["truth"], ms=5, label="paper")
    gains.axhline(0, color=COLORS["muted"], lw=0.8)
    names, values = [], []
    for words in SCAN:
        pair = [held.get(words.format(n)) for n in colors]
        if all(pair):
            names.append(words.replace(" {}", "").replace("rates ", ""))
            values.append(100 * _gain(pair))
    scan.barh(
        range(len(values)),
        values,
        color=[COLORS["good"] if v > 0 else COLORS["model"] for v in values],
    )
    scan.set_yticks(range(len(names)), names, fontsize=7)
    scan.axvline(0, color=COLORS["muted"], lw=0.8)
    finish(curves, xlabel="capacity [mAh/cm²]", ylabel="voltage [V]", title="C/10, C/2, 1C, 2C")
    finish(gains, xlabel="current density [mA/cm²]", ylabel="capacity with more binder [%]")
    finish(scan, xlabel="capacity with more binder [%]", title="2C, three diffusivities")
    finish(profiles, xlabel="from the separator [µm]", ylabel="stoichiometry at the end")
    for ax, name in zip(slices, colors, strict=True):
        r = held.get(f"rates {name} 1C")
        if r is None:
            continue
        ax.set_facecolor("#e9e5dd")
        shown = ax.imshow(np.array(r["slice"], float).T, vmin=0.2, vmax=1.0, cmap="viridis")
        bar = ax.figure.colorbar(shown, ax=ax, shrink=0.6)
        bar.set_label("stoichiometry", fontsize=7)
        finish(ax, xlabel="voxels from the separator", title=f"{name}, end of 1C")
    for ax in (curves, gains, profiles):
        legend(ax)
    drawn.savefig(out / "discharge.png", dpi=110)


def _gain(pair: list[Any]) -> float:
    first, second = (r["capacity [mAh/cm²]"] for r in pair)
    return float(second / first - 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tiny electrode, 1C only")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder of the results")
    parser.add_argument("--only", default="", help="only discharges with this in their names")
    parser.add_argument("--draw", action="store_true", help="only what has been run already")
    parser.add_argument("--dfn", action="store_true", help="only 1C beside PyBaMM's DFN")
    asked = parser.parse_args()
    main(asked.out, asked.quick, asked.only, asked.draw, asked.dfn)
