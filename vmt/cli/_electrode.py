"""Verbs of cells: discharge."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from vmt.cli._app import Force, Image, Json, Quiet, Spacing, app, read_image, say, silence, tell
from vmt.errors import InputError


class Cells(StrEnum):
    """Kinds of cells."""

    half = "half"


class AreaModes(StrEnum):
    """What a voxel's face counts as reacting area."""

    normal = "normal"
    voxel = "voxel"
    together = "global"


@app.command(short_help="Discharge a cell with this electrode.")
def discharge(
    image: Image,
    current: Annotated[
        str,
        typer.Option(
            help='Current density, "5.57 mA/cm2", or C-rate, "1C" or "C/10"; positive discharges.',
            show_default=False,
        ),
    ],
    spacing: Spacing = None,
    cell: Annotated[Cells, typer.Option(help="Against lithium metal.")] = Cells.half,
    parameters: Annotated[str, typer.Option(help="Set of materials.")] = "nmc811-oregan2022",
    role: Annotated[
        list[str] | None,
        typer.Option(
            help='Role of a phase, "NAME=active_material"; can be given several times. '
            "Roles: pore, active_material, binder, dense_binder, inert.",
            show_default=False,
        ),
    ] = None,
    cutoff_voltage: Annotated[
        str | None,
        typer.Option(help='Where to stop, "3.0 V"; the set\'s own by default.', show_default=False),
    ] = None,
    area_mode: Annotated[
        AreaModes, typer.Option(help="What a voxel's face counts as reacting area.")
    ] = AreaModes.normal,
    embedding: Annotated[
        int, typer.Option(min=0, help="Last layers whose pores the collector fills.")
    ] = 0,
    keep: Annotated[
        list[float] | None,
        typer.Option(
            min=0.0,
            help="Share of the areal capacity at which fields are kept; several times. "
            "The end is always kept.",
            show_default=False,
        ),
    ] = None,
    checkpoint: Annotated[
        float, typer.Option(min=0.0, help="Seconds between checkpoints in --out.")
    ] = 300.0,
    out: Annotated[Path, typer.Option(help="Directory for results and checkpoints.")] = Path(
        "discharge"
    ),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Discharge a half cell at constant current: voltage, capacity, lithium in every voxel.

    The same command with the same --out goes on after an interruption.
    """
    from vmt._files import content_hash, run_directory
    from vmt._provenance import provenance
    from vmt._units import parse_current_density, parse_voltage
    from vmt.electrode import HalfCell
    from vmt.electrode import discharge as run_discharge
    from vmt.report import write_discharge

    start = time.perf_counter()
    value, kind = parse_current_density(current)
    cutoff = None if cutoff_voltage is None else parse_voltage(cutoff_voltage)
    roles = dict(_role(text) for text in role or [])
    with silence(quiet):
        structure = read_image(image, spacing, quiet)
        made = HalfCell(
            structure,
            parameters,
            phases=roles or None,
            embedding=embedding,
            area_mode=area_mode.value,
        )
        density = made.current_density(value) if kind == "C" else value
        if not quiet:
            say(
                f"{made.areal_capacity / 36000:.4g} mA h/cm² in connected active material, "
                f"{100 * made.clean_up.lost_capacity:.3g} % of it all is lost; "
                f"{density / 10:.4g} mA/cm²"
            )
        options: dict[str, Any] = {
            "current density [A/m²]": density,
            "cutoff_voltage": cutoff,
            "parameters": parameters,
            "roles": roles,
            "area_mode": area_mode.value,
            "embedding": embedding,
            "keep": keep or [],
        }
        identity = {"command": "vmt discharge", "image": content_hash(structure.labels), **options}
        title = f"Discharge of {image.name} at {current}"
        with run_directory(out, identity, force=force) as directory:
            result = run_discharge(
                made,
                density,
                cutoff_voltage=cutoff,
                keep=keep or (),
                directory=directory / "run",
                checkpoint_every=checkpoint,
            )
            origin = provenance(
                command="vmt discharge",
                parameters=options,
                seed=None,
                inputs={"image": identity["image"]},
                seconds={"all": time.perf_counter() - start},
            )
            write_discharge(
                result, directory, title, str(structure), origin, spacing=structure.spacing
            )
    tell(result, title, json)


def _role(text: str) -> tuple[str, str]:
    name, equals, role = text.partition("=")
    if not (name and equals and role):
        raise InputError(f'{text!r} is no role; expected NAME=ROLE, as "phase 1=active_material".')
    return name.strip(), role.strip()
