"""The page of a run of a cell: curve, sections, profiles, balances."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from vmt import _plotting
from vmt._files import whole_file, write_json
from vmt.io import write_fields
from vmt.report._page import Card, Page, figure_png, write_table_csv
from vmt.report._result_page import result_table

if TYPE_CHECKING:
    from vmt.electrode import Discharge

__all__ = ["discharge_page", "write_discharge"]

SCHEMA_VERSION = 1
_COLUMNS = ("quantity", "unit", "value")
_MAH = 1 / 36000.0


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
            fields = {
                "stoichiometry": shot.stoichiometry,
                "salt": shot.salt,
                "solid potential": shot.solid_potential,
                "liquid potential": shot.liquid_potential,
            }
            write_fields(fields, spacing, target / f"fields-{i:02d}.vti")
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
    shots = run.snapshots[-4:]
    if shots:
        columns = min(len(shots), 2)
        rows = (len(shots) + 1) // 2
        sections = _plotting.figure(rows, columns, width=4.8, height=2.6)
        for spare in sections.axes[len(shots) : rows * columns]:
            spare.set_axis_off()
        for ax, shot in zip(sections.axes[: len(shots)], shots, strict=True):
            shot.plot(ax)
        made["sections"] = (
            figure_png(sections),
            "Stoichiometry on a slice normal to z, other phases blank; the current flows along x.",
        )
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
    for name, heading in (
        ("curve", "Voltage"), ("profiles", "Through the thickness"),
        ("sections", "Sections"), ("balance", "Balances"),
    ):  # fmt: skip
        if name in figures:
            picture, caption = figures[name]
            page.section(heading).figure(picture, caption, caption)
    page.section("Numbers")
    page.table(
        _COLUMNS, result_table(run.to_dict()), align=("left", "left", "right"), caption=title
    )
    return page.provenance(provenance)
