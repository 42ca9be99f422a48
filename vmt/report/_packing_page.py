"""The page of a packing: numbers, 3D view, sections, order of centers, contacts, calendering."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vmt._files import whole_file, write_json
from vmt._plotting import COLORS, draw_slice, figure, finish
from vmt.microstructure import Microstructure
from vmt.report._page import Card, Page, Picture, figure_png, write_table_csv
from vmt.report._render import render_png, view_caption

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from vmt.models import Calendering, ParticlePacking

__all__ = ["packing_figures", "packing_page", "write_packing"]

_COLUMNS = ("quantity", "unit", "value")


def packing_figures(packing: ParticlePacking, structure: Microstructure) -> dict[str, Figure]:
    """Draw sections, radial distribution, contacts, and sizes."""
    sections = figure(1, 2, width=4.6, height=4.2)
    for ax, axis in zip(sections.axes, (0, 1), strict=True):
        plane = np.take(structure.labels, structure.shape[axis] // 2, axis=axis)
        edges = [d for a, d in enumerate(structure.spacing) if a != axis]
        title = f"middle plane across {'xyz'[axis]}"
        draw_slice(ax, plane, (edges[0], edges[1]), structure.phases, title=title)
    made = {"sections": sections}
    for name, result in (
        ("radial_distribution", packing.radial_distribution()),
        ("coordination", packing.contacts()),
    ):
        sheet = figure()
        result.plot(sheet.axes[0])
        made[name] = sheet
    sheet = figure()
    diameters = np.cbrt(6 * packing.volumes / np.pi) * 1e6
    spread = np.ptp(diameters) > 1e-6 * diameters.mean()
    bins = np.linspace(diameters.min(), diameters.max(), 25).tolist() if spread else 10
    sheet.axes[0].hist(diameters, bins=bins, color=COLORS["image"])
    finish(sheet.axes[0], xlabel="equivalent diameter [µm]", ylabel="particles")
    made["sizes"] = sheet
    return made


_CAPTIONS = {
    "sections": "Sections through the voxels.",
    "radial_distribution": "Density of centers around a center, over the mean density.",
    "coordination": "Contacts of a particle: within 0.5 % of the smaller radius.",
    "sizes": "Sizes of the packed particles, by number.",
    "calendering": "Contacts and cracked particles on the way through the calender.",
}


def _numbers(packing: ParticlePacking, structure: Microstructure) -> list[tuple[str, str, object]]:
    found = packing.contacts()
    depth = float(found.relative_depths.max(initial=0.0))
    neck = float(found.relative_necks.max(initial=0.0))
    rows: list[tuple[str, str, object]] = [
        ("particles", "", len(packing)),
        ("volume fraction of the union", "%", 100 * packing.volume_fraction),
        ("overlapped volume over the solid's", "%", 100 * packing.overlap_fraction),
        ("coordination number", "", found.coordination_number),
        ("largest depth of a contact over the smaller radius", "", depth),
        ("largest neck over the smaller radius", "", neck),
        ("mean radius", "µm", 1e6 * float(packing.mean_radii.mean())),
    ]
    rows += [(f"box, {'xyz'[a]}", "µm", 1e6 * packing.size[a]) for a in range(3)]
    rows += [
        (f"volume fraction of {name} (voxels)", "%", 100 * structure.volume_fraction(name))
        for name in structure.phases
    ]
    if packing.defects is not None:
        rows += [
            ("closed pores", "", len(packing.defects.pore_owners)),
            ("cracked particles", "", len(np.unique(packing.defects.crack_owners))),
        ]
    return rows


def packing_page(
    packing: ParticlePacking,
    structure: Microstructure,
    *,
    title: str = "Packing",
    calendering: Calendering | None = None,
    provenance: Mapping[str, object] | None = None,
) -> Page:
    """Build the page of a packing.

    Parameters
    ----------
    packing : ParticlePacking
        The packing; the last stage if it was calendered.
    structure : Microstructure
        Its voxels.
    title : str
        Heading.
    calendering : Calendering, optional
        The way there.
    provenance : mapping, optional
        Where it comes from.
    """
    return _build(packing, structure, title, calendering, provenance or {}, None)


def _build(
    packing: ParticlePacking,
    structure: Microstructure,
    title: str,
    calendering: Calendering | None,
    provenance: Mapping[str, object],
    figures: Mapping[str, Figure] | None,
) -> Page:
    made = dict(figures or packing_figures(packing, structure))
    found = packing.contacts()
    page = Page(title, str(structure))
    page.verdict(
        f"{len(packing)} particles fill {100 * packing.volume_fraction:.2f} % of the box and touch "
        f"{found.coordination_number:.2f} others on average; {100 * packing.overlap_fraction:.2g} "
        "% of their volume is overlapped."
    )
    page.cards(
        [
            Card("particles", len(packing)),
            Card("volume fraction", 100 * packing.volume_fraction, "%", "of the union"),
            Card("coordination number", found.coordination_number),
            Card("largest neck", float(found.relative_necks.max(initial=0.0)), "", "over radius"),
        ]
    )
    page.section("Structure")
    view = render_png(structure, size=(760, 680))
    page.figure(view, view_caption(structure), "the packing in 3D")
    page.figure(made["sections"], _CAPTIONS["sections"], "sections through the packing")
    page.section("Order and contacts")
    page.figures(
        [
            Picture(made[name], _CAPTIONS[name], _CAPTIONS[name])
            for name in ("radial_distribution", "coordination", "sizes")
        ]
    )
    if calendering is not None:
        names = [
            "stage",
            "thickness",
            "particles",
            "overlap",
            "contacts",
            "largest neck",
            "cracked",
        ]
        units = ["", "µm", "vol.-%", "%", "", "of the radius", "%"]
        shown: list[list[object]] = []
        for number, row in enumerate(calendering.table):
            density = row["electrode_density [kg/m³]"]
            stage = f"{density / 1000:.3g} g/cm³" if math.isfinite(density) else str(number)
            shown.append(
                [
                    stage,
                    1e6 * row["thickness [m]"],
                    100 * row["volume_fraction"],
                    100 * row["overlap_fraction"],
                    row["coordination_number"],
                    row["largest_relative_neck"],
                    100 * row["cracked_share"],
                ]
            )
        page.section("Calendering")
        page.table(names, shown, units=units, caption="Stages, the start first.", digits=3)
        sheet = figure()
        calendering.plot(sheet.axes[0])
        page.figure(sheet, _CAPTIONS["calendering"], _CAPTIONS["calendering"])
    page.section("Numbers")
    page.table(_COLUMNS, _numbers(packing, structure), align=("left", "left", "right"))
    return page.provenance(provenance)


def write_packing(
    packing: ParticlePacking,
    structure: Microstructure,
    directory: str | os.PathLike[str],
    *,
    title: str = "Packing",
    calendering: Calendering | None = None,
    provenance: Mapping[str, object] | None = None,
) -> None:
    """Write a packing into an existing directory, each file whole or not there.

    The files are ``report.html``, ``table.csv``, ``packing.json`` (particles, to read again),
    ``provenance.json`` and one PNG a figure.
    """
    target, origin = Path(directory), dict(provenance or {})
    made = packing_figures(packing, structure)
    for name, sheet in made.items():
        with whole_file(target / f"{name}.png") as temporary:
            temporary.write_bytes(figure_png(sheet))
    write_table_csv(target / "table.csv", _COLUMNS, _numbers(packing, structure))
    write_json(target / "packing.json", packing.to_dict())
    write_json(target / "provenance.json", origin)
    page = _build(packing, structure, title, calendering, origin, made)
    page.write(target / "report.html")
