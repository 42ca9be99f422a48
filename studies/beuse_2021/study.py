"""Beuse et al. 2021: the printed tables from the printed inputs, and the effects in a structure.

Run ``python studies/beuse_2021/study.py [--quick] [--out DIR]``: tables as CSV, figures, a list of
what agrees to the printed digits and what does not.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import vmt
from vmt._plotting import COLORS, figure, finish, legend
from vmt.descriptors import porosimetry as lab
from vmt.report import write_table_csv

HERE = Path(__file__).resolve().parent
COLUMNS = ("quantity", "unit", "paper", "computed", "lowest", "highest", "agrees", "remark")

RECIPE = lab.ElectrodeRecipe(
    {"NMC622": 0.95, "CB": 0.02, "PVdF": 0.03},
    {"NMC622": 4760.0, "CB": 2250.0, "PVdF": 1770.0},
    carbon_binder=("CB", "PVdF"),
    carbon_binder_porosity=0.502,
)
CRYSTAL = 4436.0  # as printed

#: by gauge porosity [%]: ε_xtal(Hg), ε_skel(Hg), ε_app(Hg) [%], σ_pore [m²/g]: Table 2
TABLE_2 = {
    44: ("37.8", "36.9", "34.4", 1.3),
    39: ("35.9", "35.2", "33.2", 1.2),
    30: ("28.2", "27.5", "26.1", 1.5),
    28: ("28.1", "27.4", "26.4", 1.7),
    26: ("23.2", "22.6", "22.1", 1.6),
    18: ("17.2", "16.8", "16.3", 2.1),
}
#: ε_inacc [%] of the text, section 3.3
CLOSED = {44: "2.2", 39: "2.1", 30: "2.6", 28: "2.6", 26: "2.3", 18: "2.4"}
SKELETAL = {44: "4.27", 18: "4.31"}  # g/cm³, the two printed
BULK = {44: "2.47", 18: "3.65"}
THICKNESS = {44: 94e-6, 18: 64e-6}


@dataclass(frozen=True)
class Interval:
    """All values that a printed number, or a result of some, can stand for."""

    low: float
    high: float

    @staticmethod
    def printed(text: str) -> Interval:
        """Half a unit of the last digit to both sides."""
        digits = len(text.partition(".")[2])
        half = 0.5 * 10.0**-digits
        return Interval(float(text) - half, float(text) + half)

    def meets(self, other: Interval) -> bool:
        """Whether a value is in both."""
        return self.low <= other.high and other.low <= self.high


@dataclass(frozen=True)
class Row:
    """A printed number beside the computed one, and the range that rounded inputs leave."""

    quantity: str
    unit: str
    paper: str
    computed: float
    lowest: float
    highest: float
    remark: str = ""

    @property
    def digits(self) -> int:
        """Printed digits after the point."""
        return len(self.paper.partition(".")[2])

    @property
    def agrees(self) -> str:
        """Whether the computed value rounds to the paper's, or can within its inputs' rounding."""
        if f"{self.computed:.{self.digits}f}" == self.paper:
            return "to the digit"
        range_ = Interval(self.lowest, self.highest)
        return "within rounding" if range_.meets(Interval.printed(self.paper)) else "no"

    def cells(self) -> tuple[object, ...]:
        """Cells of the table."""
        return (
            self.quantity,
            self.unit,
            self.paper,
            self.computed,
            self.lowest,
            self.highest,
            self.agrees,
            self.remark,
        )


def _row(what: str, unit: str, paper: str, values: Sequence[float], remark: str = "") -> Row:
    """Return a row of the central value, the first, and the range of all."""
    return Row(what, unit, paper, values[0], min(values), max(values), remark)


def _spread(function: object, *texts: str) -> list[float]:
    """Values of a function at printed numbers and at the corners of their intervals."""
    center = [float(t) for t in texts]
    corners: list[list[float]] = [[]]
    for text in texts:
        interval = Interval.printed(text)
        corners = [[*c, v] for c in corners for v in (interval.low, interval.high)]
    return [function(*v) for v in (center, *corners)]  # type: ignore[operator]


def table_1() -> list[Row]:
    """Solid-volume shares and densities from weights and densities."""
    shares = RECIPE.solid_volume_fractions
    exact = [
        ("NMC622 in the solid", "%", "88.54", 100 * shares["NMC622"]),
        ("CB in the solid", "%", "3.94", 100 * shares["CB"]),
        ("PVdF in the solid", "%", "7.52", 100 * shares["PVdF"]),
        ("CBD in the solid", "%", "11.46", 100 * (shares["CB"] + shares["PVdF"])),
        ("CBD density", "g/cm³", "1.935", RECIPE.carbon_binder_density / 1e3),
        ("ρ_xtal", "g/cm³", "4.436", RECIPE.solid_density / 1e3),
    ]
    return [_row(what, unit, paper, [value]) for what, unit, paper, value in exact]


def closed_shares() -> list[Row]:
    """Porosities by eq. 1 and closed pores, per electrode and per solid."""
    rows = []
    for gauge in (44, 18):
        values = _spread(lambda b: 100 * lab.porosity_from_densities(b * 1e3, CRYSTAL), BULK[gauge])
        rows.append(_row(f"ε from ρ_bulk ({gauge} %)", "%", str(gauge), values))
    for gauge, paper in ((44, "3.7"), (18, "2.8")):
        values = _spread(
            lambda s: 100 * lab.closed_share_of_solid(s * 1e3, CRYSTAL), SKELETAL[gauge]
        )
        rows.append(_row(f"closed pores in the solid ({gauge} %)", "%", paper, values))
    values = _spread(lambda s, x: 100 * lab.closed_share_of_solid(s * 1e3, x * 1e3), "4.61", "4.76")
    rows.append(_row("closed pores in the powder", "%", "3.2", values))
    for gauge in (44, 18):
        values = _spread(
            lambda b, s: 100 * lab.closed_porosity(b * 1e3, s * 1e3, CRYSTAL),
            BULK[gauge],
            SKELETAL[gauge],
        )
        rows.append(_row(f"ε_inacc ({gauge} %)", "%", CLOSED[gauge], values))
    for gauge, paper in ((44, "0.6"), (18, "1.3")):
        value = 100 * lab.gauge_porosity_error(gauge / 100, THICKNESS[gauge], 1e-6)
        rows.append(_row(f"error by 1 µm of thickness ({gauge} %)", "%", paper, [value]))
    return rows


def skeletal_densities(gauge: int) -> list[float]:
    """ρ_skel [g/cm³] as printed, or from ε_inacc and ε: the center, and its range.

    The range is cut to 4.27–4.31 with their rounding, between which all six are said to lie.
    """
    if gauge in SKELETAL:
        return _spread(float, SKELETAL[gauge])

    def from_closed(closed: float, porosity: float) -> float:
        bulk = (1 - porosity / 100) * CRYSTAL / 1e3
        return 1 / (closed / 100 / bulk + 1e3 / CRYSTAL)

    center, *corners = _spread(from_closed, CLOSED[gauge], str(gauge))
    low, high = Interval.printed("4.27").low, Interval.printed("4.31").high
    return [min(max(v, low), high) for v in (center, *corners)]


def table_2() -> list[Row]:
    """ε_skel(Hg) from ε_xtal(Hg) by eq. 3, and what ε_app(Hg) says of densities."""
    rows = []
    for gauge, (crystal, skeletal, _, _) in TABLE_2.items():
        made = []
        for density in skeletal_densities(gauge):

            def accessible(porosity: float, density: float = density) -> float:
                v = lab.specific_intruded_volume(porosity / 100, CRYSTAL)
                return 100 * lab.porosity_from_intrusion(v, density * 1e3)

            made += _spread(accessible, crystal)
        source = "printed" if gauge in SKELETAL else "from ε_inacc"
        rows.append(_row(f"ε_skel(Hg) ({gauge} %)", "%", skeletal, made, f"ρ_skel {source}"))
    for gauge, paper in ((44, "2.5"), (18, "0.5")):
        _, skeletal, apparent, _ = TABLE_2[gauge]
        values = _spread(lambda s, a: s - a, skeletal, apparent)
        rows.append(_row(f"ε_skel(Hg) − ε_app(Hg) ({gauge} %)", "%", paper, values))
    return rows


def implied_densities() -> list[tuple[object, ...]]:
    """v_Hg, ρ_app and ρ_bulk(Hg) that Table 2 implies, beside the gauge's ρ_bulk."""
    rows = []
    for gauge, (crystal, _, apparent, surface) in TABLE_2.items():
        v = lab.specific_intruded_volume(float(crystal) / 100, CRYSTAL)
        part = float(apparent) / 100
        rho_app = part / (1 - part) / v
        rho_hg = 1 / (v + 1 / rho_app)
        by_gauge = 1e3 * float(BULK[gauge]) if gauge in BULK else (1 - gauge / 100) * CRYSTAL
        mean = 4 * v / (surface * 1e3)
        rows.append(
            (gauge, v * 1e3, rho_app / 1e3, rho_hg / 1e3, by_gauge / 1e3, mean * 1e9, surface)
        )
    return rows


IMPLIED = (
    "ε (gauge) [%]",
    "v_Hg [cm³/g]",
    "ρ_app [g/cm³]",
    "ρ_bulk(Hg) [g/cm³]",
    "ρ_bulk (gauge) [g/cm³]",
    "4 v_Hg/σ_pore [nm]",
    "σ_pore [m²/g]",
)


def digital_model() -> list[Row]:
    """Figures of the paper's digital electrode, and of the mercury's volume."""
    density = (1 - 0.161) * CRYSTAL / 1e3
    finest = _spread(lambda share, pores: share / 100 * pores, "3.7", "16.3")
    rows = [
        _row("model density from 16.1 %", "g/cm³", "3.72", [density]),
        _row("ε_acc below 18.6 nm", "%", "0.6", finest),
        _row(
            "ε_acc of the model, corrected",
            "%",
            "16.2",
            _spread(lambda p, c, f: p - c + f, "16.1", "0.5", "0.6"),
        ),
        _row(
            "rms of the face, 44 % over 18 %",
            "",
            "3.5",
            _spread(lambda a, b: a / b, "2.59", "0.74"),
        ),
    ]
    for gauge, paper, remark in (
        (44, "260", "60 discs of 12 mm at the gauge's loading"),
        (18, "87", "60 discs of 12 mm at the gauge's loading"),
    ):
        v = lab.specific_intruded_volume(float(TABLE_2[gauge][0]) / 100, CRYSTAL)
        loading = THICKNESS[gauge] * float(BULK[gauge]) * 1e3
        mass = 60 * math.pi / 4 * 12e-3**2 * loading
        gauge_error = 1e-6 / THICKNESS[gauge]  # as the paper's ±1 µm
        values = [v * mass * 1e9 * f for f in (1.0, 1 - gauge_error, 1 + gauge_error)]
        rows.append(_row(f"V_Hg ({gauge} %)", "mm³", paper, values, remark))
    return rows


def washburn() -> list[Row]:
    """Pore sizes of the porosimeter's pressures, as diameters; the paper calls them radii."""
    mercury = lab.Mercury()
    limits = [float(lab.Mercury(g, math.radians(140)).diameter(1.0)) for g in (0.465, 0.485)]
    factor = float(mercury.diameter(1.0))
    rows = []
    for pressure, unit, paper, scale in (
        (0.01e6, "µm", "110", 1e6),
        (0.1e6, "µm", "13", 1e6),
        (0.4e6, "µm", "3.6", 1e6),
        (400e6, "nm", "3.7", 1e9),
    ):
        values = [f / pressure * scale for f in (factor, *limits)]
        remark = "D; half of it as a radius"
        rows.append(_row(f"D at {pressure / 1e6:g} MPa", unit, paper, values, remark))
    return rows


SECTIONS = {
    "table_1": table_1,
    "closed_pores": closed_shares,
    "table_2": table_2,
    "model": digital_model,
    "washburn": washburn,
}


# ---- the effects, in a structure


def electrode(edge: int, seed: int = 5) -> vmt.Microstructure:
    """Return a dense electrode of two scales: wide hollows under a tight, fine skin.

    Wide hollows between particles (an excursion set) hold a porous domain of 50.2 % (a finer one)
    in the upper part and in most of the rest; some hollows below stay empty, as the macropores of
    the paper's Fig. 7.
    """
    spacing = 37.2e-9
    shape = (edge, edge, edge)
    rng = np.random.default_rng(seed)
    wide = vmt.GaussianExcursionSet(vmt.Covariance.gaussian(rate=1.1e6), 0.72)
    solid = wide.sample(shape, spacing, rng=rng).mask("solid")
    fine = vmt.GaussianExcursionSet(vmt.Covariance.gaussian(rate=1.0e7), 0.498)
    binder = fine.sample(shape, spacing, rng=rng).mask("solid")
    hollow = vmt.GaussianExcursionSet(vmt.Covariance.gaussian(rate=1.1e6), 0.35)
    empty = hollow.sample(shape, spacing, rng=rng).mask("solid")
    empty[: edge // 5] = False
    labels = np.where(solid, 1, np.where(binder & ~empty, 2, 0)).astype(np.uint8)
    phases = {"pore": 0, "active material": 1, "binder": 2}
    return vmt.Microstructure(labels, spacing, phases)


EFFECTS = (
    "intrusion",
    "accessible pores [%]",
    "D50 of mercury [nm]",
    "D50 of true sizes [nm]",
    "shielding factor",
    "σ_pore, cylinders [m²/g]",
    "surface of the voxels [m²/g]",
)


def effects(edge: int, out: Path) -> list[tuple[object, ...]]:
    """Intrude from the top and from all sides but the bottom; compare with the true sizes."""
    m = electrode(edge)
    densities = {"active material": RECIPE.active_density, "binder": RECIPE.carbon_binder_density}
    density = lab.bulk_density(m, densities)
    gas = lab.gas_surface(m, densities) / 1e3
    rows: list[tuple[object, ...]] = []
    drawn = figure(1, 2)
    m.plot(drawn.axes[0])
    ax = drawn.axes[1]
    for name, faces, color in (
        ("from the top", "x-", COLORS["model"]),
        ("all sides but the bottom", lab.ALL_BUT_BOTTOM, COLORS["image"]),
    ):
        found = lab.mercury_porosimetry(m, faces=faces)
        curve = found.curve(density, label=name)
        curve.plot(ax, color=color)
        if name == "from the top":
            sizes = found
        rows.append(
            (
                name,
                100 * found.accessible,
                found.median_throat * 1e9,
                found.median_body * 1e9,
                found.shielding_factor,
                curve.surface() / 1e3,
                gas,
            )
        )
    sizes.granulometry(density, label="true sizes").plot(ax, color=COLORS["accent"])
    finish(ax, xlabel="pore diameter [µm]", ylabel="volume [cm³/g]", title="mercury and true sizes")
    legend(ax, loc="upper right")
    drawn.savefig(out / "effects.png", dpi=110)
    return rows


def draw(out: Path) -> None:
    """Draw Table 2 against the recomputed values, and both bulk densities."""
    drawn = figure(1, 2)
    left, right = drawn.axes
    gauges = list(TABLE_2)
    rows = table_2()[: len(gauges)]
    left.plot(
        gauges,
        [float(TABLE_2[g][0]) for g in gauges],
        "s",
        color=COLORS["muted"],
        label="ε_xtal(Hg)",
    )
    left.plot(
        gauges,
        [float(r.paper) for r in rows],
        "o",
        mfc="none",
        color=COLORS["truth"],
        label="ε_skel(Hg), printed",
    )
    left.plot(
        gauges, [r.computed for r in rows], "x", color=COLORS["model"], label="ε_skel(Hg), computed"
    )
    left.plot(
        gauges,
        [float(TABLE_2[g][2]) for g in gauges],
        "v",
        color=COLORS["image"],
        label="ε_app(Hg)",
    )
    left.plot([15, 46], [15, 46], color=COLORS["muted"], lw=0.8)
    finish(left, xlabel="ε by gauge [%]", ylabel="ε by mercury [%]", title="Table 2")
    legend(left)
    implied = implied_densities()
    right.plot(
        gauges,
        [float(str(r[3])) for r in implied],
        "o-",
        color=COLORS["model"],
        label="by mercury, implied",
    )
    right.plot(
        gauges, [float(str(r[4])) for r in implied], "s-", color=COLORS["image"], label="by gauge"
    )
    finish(
        right,
        xlabel="ε by gauge [%]",
        ylabel="bulk density [g/cm³]",
        title="What ε_app(Hg) implies",
    )
    legend(right)
    drawn.savefig(out / "tables.png", dpi=110)


def main(out: Path, edge: int) -> dict[str, list[Row]]:
    """Write every table and figure."""
    out.mkdir(parents=True, exist_ok=True)
    made = {name: section() for name, section in SECTIONS.items()}
    for name, rows in made.items():
        write_table_csv(out / f"{name}.csv", COLUMNS, [row.cells() for row in rows])
        for row in rows:
            print(
                f"{row.quantity}: paper {row.paper} {row.unit}, computed {row.computed:.4g} "
                f"({row.lowest:.4g}–{row.highest:.4g}): {row.agrees}"
            )
    write_table_csv(out / "implied_densities.csv", IMPLIED, implied_densities())
    (out / "recipe.txt").write_text(
        RECIPE.replace(electrode_density=2470.0, mass_loading=2470.0 * 94e-6).explain() + "\n",
        encoding="utf-8",
    )
    rows = effects(edge, out)
    write_table_csv(out / "effects.csv", EFFECTS, rows)
    for row in rows:
        print(
            ", ".join(
                f"{n} {v:.4g}" if isinstance(v, float) else str(v)
                for n, v in zip(EFFECTS, row, strict=True)
            )
        )
    draw(out)
    return made


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a structure of 64³ instead of 200³")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder of the tables")
    asked = parser.parse_args()
    main(asked.out, 64 if asked.quick else 200)
