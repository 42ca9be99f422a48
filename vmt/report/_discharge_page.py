"""The page of a run of a cell: curve, sections, a view in 3D, currents, profiles, balances."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from vmt import _plotting
from vmt._files import whole_file, write_json
from vmt.report._page import Card, Page, figure_png, write_table_csv
from vmt.report._render import render_png
from vmt.report._result_page import result_table

if TYPE_CHECKING:
    from vmt.electrode import Discharge, Snapshot

__all__ = ["discharge_page", "write_discharge"]

SCHEMA_VERSION = 1
_COLUMNS = ("quantity", "unit", "value")
_MAH = 1 / 36000.0
_HEADINGS = (
    ("curve", "Voltage"),
    ("profiles", "Through the thickness"),
    ("sections", "Lithium on sections"),
    ("view", "Lithium in 3D"),
    ("electrolyte", "Salt and potentials"),
    ("currents", "Currents"),
    ("reactions", "Reactions"),
    ("balance", "Balances"),
)


def discharge_page(
    run: Discharge, title: str, subtitle: str, provenance: Mapping[str, object]
) -> Page:
    """Build the page of a run.

    Parameters
    ----------
    run : Discharge
        The run.
    title, subtitle : str
        Heading.
    provenance : mapping
        Where it comes from.
    """
    return _page(run, _figures(run), title, subtitle, provenance)


def write_discharge(
    run: Discharge,
    directory: str | os.PathLike[str],
    title: str,
    subtitle: str,
    provenance: Mapping[str, object],
    *,
    spacing: tuple[float, float, float] | None = None,
) -> None:
    """Write a run into an existing directory, each file whole or not there.

    The files are ``report.html``, ``curve.csv``, ``table.csv``, ``result.json``,
    ``provenance.json``, ``figures/*.png`` and, with a spacing, ``fields-NN.vti`` for ParaView.

    Parameters
    ----------
    run : Discharge
        The run.
    directory : path
        Where.
    title, subtitle : str
        Heading of the page.
    provenance : mapping
        Where it comes from.
    spacing : (dx, dy, dz), optional
        Of the voxels [m].
    """
    target, content = Path(directory), run.to_dict()
    figures = _figures(run)
    (target / "figures").mkdir(exist_ok=True)
    for name, (picture, _) in figures.items():
        with whole_file(target / "figures" / f"{name}.png") as temporary:
            temporary.write_bytes(picture)
    write_table_csv(target / "curve.csv", *run.table())
    write_table_csv(target / "table.csv", _COLUMNS, result_table(content))
    write_json(target / "result.json", {"schema_version": SCHEMA_VERSION, **content})
    write_json(target / "provenance.json", provenance)
    if spacing is not None:
        for i, shot in enumerate(run.snapshots):
            shot.write_vti(target / f"fields-{i:02d}.vti")
    _page(run, figures, title, subtitle, provenance).write(target / "report.html")


def _figures(run: Discharge) -> dict[str, tuple[bytes, str]]:
    """PNG and caption of each figure."""
    made = {}
    curve = _plotting.figure(1, 2)
    run.plot(curve.axes[0])
    curve.axes[1].plot(run.time / 3600, run.voltage, color=_plotting.COLORS["image"], lw=1.6)
    _plotting.finish(curve.axes[1], xlabel="time [h]", ylabel="voltage [V]")
    made["curve"] = (figure_png(curve), "Voltage against capacity and time.")
    profiles = _plotting.figure(1, 2)
    run.plot_profiles(profiles.axes[0])
    last = profiles.axes[1]
    last.plot(run.position * 1e6, run.salt_profile[0], color=_plotting.COLORS["muted"], lw=1.2,
              label="start")  # fmt: skip
    last.plot(run.position * 1e6, run.salt_profile[-1], color=_plotting.COLORS["model"], lw=1.6,
              label="end")  # fmt: skip
    last.legend(fontsize=7, frameon=False)
    _plotting.finish(last, xlabel=run.position_label, ylabel="salt [mol/m³]")
    made["profiles"] = (
        figure_png(profiles),
        "Means over the planes of voxels: lithium in the active material, salt in the electrolyte.",
    )
    if run.snapshots:
        made |= _field_figures(run.snapshots)
    balance = _plotting.figure(1, 2)
    floor = 1e-18
    left, right = balance.axes[:2]
    left.semilogy(run.time[1:], abs(run.lithium_imbalance[1:]) + floor, lw=1,
                  color=_plotting.COLORS["image"], label="lithium")  # fmt: skip
    left.semilogy(run.time[1:], run.charge_imbalance[1:] + floor, lw=1,
                  color=_plotting.COLORS["model"], label="charge")  # fmt: skip
    left.semilogy(run.time[1:], run.residual[1:] + floor, lw=1,
                  color=_plotting.COLORS["muted"], label="residual")  # fmt: skip
    left.legend(fontsize=7, frameon=False)
    _plotting.finish(left, xlabel="time [s]", ylabel="relative imbalance")
    right.plot(run.newton[1:], lw=1, color=_plotting.COLORS["image"], label="Newton")
    if run.krylov.any():
        right.plot(run.krylov[1:], lw=1, color=_plotting.COLORS["model"], label="Krylov")
    right.legend(fontsize=7, frameon=False)
    _plotting.finish(right, xlabel="step", ylabel="iterations")
    made["balance"] = (figure_png(balance), "What is conserved, and how the solver worked.")
    return made


def _field_figures(snapshots: tuple[Snapshot, ...]) -> dict[str, tuple[bytes, str]]:
    """Pictures of the fields: the last four times, the rest at the end."""
    shots, last = snapshots[-4:], snapshots[-1]
    columns, rows = min(len(shots), 2), (len(shots) + 1) // 2
    sections = _plotting.figure(rows, columns, width=4.8, height=3.3)
    for spare in sections.axes[len(shots) :]:
        spare.set_axis_off()
    middle = last.layout.phase.shape[2] // 2
    planes = [np.asarray(s.fields["stoichiometry"][:, :, middle]) for s in shots]
    some = np.concatenate([p[np.isfinite(p)] for p in planes])
    limits = (float(some.min()), float(some.max())) if some.size else None
    for ax, shot in zip(sections.axes[: len(shots)], shots, strict=True):
        shot.plot(ax, limits=limits)
    made = {
        "sections": (
            figure_png(sections),
            "Stoichiometry on a slice normal to z, lithium metal at the left, the collector at the "
            "right; one scale.",
        ),
        "view": (
            render_png(last),
            "Stoichiometry on the surface of the active material and on two cuts, with the binder, "
            "at the end; the separator, left out, is at the top.",
        ),
    }
    fields = _plotting.figure(1, 3, width=4.6, height=3.3)
    for ax, field in zip(
        fields.axes[:3], ("salt", "liquid_potential", "solid_potential"), strict=True
    ):
        last.plot(ax, field=field)
    made["electrolyte"] = (
        figure_png(fields),
        "Salt concentration and both potentials on the same slice at the end; binder is outlined.",
    )
    if "ionic" in last.fields:
        fluxes = last.fluxes()
        currents = _plotting.figure(2, 2, width=4.8, height=3.3)
        fluxes.plot(currents.axes[0])
        fluxes.plot(currents.axes[1], carrier="electronic")
        fluxes.plot_profile(currents.axes[2])
        fluxes.plot_collector(currents.axes[3])
        made["currents"] = (
            figure_png(currents),
            "Magnitude of the ionic and the electronic current density on a slice, both through "
            "the thickness, and the current into the collector, at the end.",
        )
        reactions = _plotting.figure(1, 2, width=4.8, height=3.4)
        fluxes.plot_reaction(reactions.axes[0])
        fluxes.plot_histogram(reactions.axes[1])
        made["reactions"] = (
            figure_png(reactions),
            "Local current density into the active material: mean of each voxel's faces on a "
            "slice, and how the reacting area is spread over it.",
        )
    return made


def _page(
    run: Discharge,
    figures: Mapping[str, tuple[bytes, str]],
    title: str,
    subtitle: str,
    provenance: Mapping[str, object],
) -> Page:
    page = Page(title, subtitle)
    ends = " then ".join(run.stopped_because)
    page.verdict(
        f"{run.capacity * _MAH:.3f} mA h/cm² in {run.time[-1] / 3600:.2f} h, "
        f"{100 * run.capacity / run.areal_capacity:.1f} % of the areal capacity; "
        f"ended by {ends}."
    )
    page.cards(
        [
            Card("capacity", run.capacity * _MAH, "mA h/cm²"),
            Card("energy", run.energy * _MAH, "mW h/cm²"),
            Card("last voltage", float(run.voltage[-1]), "V"),
            Card("lithium imbalance", float(abs(run.lithium_imbalance).max())),
        ]
    )
    for note in run.notes:
        page.callout("note", note)
    for name, heading in _HEADINGS:
        if name in figures:
            picture, caption = figures[name]
            page.section(heading).figure(picture, caption, caption)
    page.section("Numbers")
    page.table(
        _COLUMNS, result_table(run.to_dict()), align=("left", "left", "right"), caption=title
    )
    return page.provenance(provenance)
