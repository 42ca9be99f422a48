"""Verbs of cells: discharge."""

from __future__ import annotations

import time
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vmt.cli._app import (
    Axis,
    Force,
    Image,
    Json,
    Quiet,
    Spacing,
    app,
    read_image,
    say,
    silence,
    tell,
)
from vmt.errors import InputError

if TYPE_CHECKING:
    from vmt.electrode import HalfCell, ParameterSet, Protocol, SymmetricCell
    from vmt.microstructure import Microstructure


_LARGE = 1_000_000  # voxels
#: of discharges at 1C (docs/performance.md)
_USUAL_STEPS, _VOXELS_A_SECOND = 75, 150e3


class Cells(StrEnum):
    """Kinds of cells."""

    half = "half"
    symmetric = "symmetric"


class Arrangements(StrEnum):
    """How the counter electrode of a symmetric cell stands."""

    mirrored = "mirrored"
    translated = "translated"


class AreaModes(StrEnum):
    """What a voxel's face counts as reacting area."""

    normal = "normal"
    voxel = "voxel"
    together = "global"


@app.command(short_help="Discharge a cell with this electrode.")
def discharge(
    image: Image,
    current: Annotated[
        str | None,
        typer.Option(
            help='Current density, "5.57 mA/cm2", or C-rate, "1C" or "C/10"; positive discharges.',
            show_default=False,
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help='Steps instead of a current, "Discharge at C/2 until 3 V; Rest for 10 min".',
            show_default=False,
        ),
    ] = None,
    spacing: Spacing = None,
    axis: Axis = 0,
    flip: Annotated[
        bool, typer.Option("--flip", help="The separator is at the other end of the axis.")
    ] = False,
    cell: Annotated[
        Cells, typer.Option(help="Against lithium metal, or against the same electrode.")
    ] = Cells.half,
    arrangement: Annotated[
        Arrangements,
        typer.Option(help="Of a symmetric cell: the other electrode is a mirror image or a copy."),
    ] = Arrangements.mirrored,
    stoichiometry: Annotated[
        float | None,
        typer.Option(
            help="Lithium per host where the active material starts; the set's own by default.",
            show_default=False,
        ),
    ] = None,
    parameters: Annotated[
        str, typer.Option(help="Set of materials, or a file of one: .yaml, .json, BPX.")
    ] = "nmc811-oregan2022",
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
        typer.Option(
            help='Where to stop, "3.0 V"; the set\'s own by default. '
            'A symmetric cell needs one, "-0.3 V" for a positive current.',
            show_default=False,
        ),
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
    keep_time: Annotated[
        list[str] | None,
        typer.Option(
            help='Time since the start at which fields are kept, "30 min"; several times.',
            show_default=False,
        ),
    ] = None,
    fluxes: Annotated[
        bool,
        typer.Option(
            "--fluxes", help="Keep current densities and local reactions with the fields."
        ),
    ] = False,
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
    """Discharge a cell: voltage, capacity, lithium in every voxel.

    The image is the electrode, against lithium or against itself. At one current down to a
    voltage, or through the steps of a protocol. The same command with the same --out goes on after
    an interruption.
    """
    from vmt._files import content_hash, run_directory
    from vmt._provenance import provenance
    from vmt._units import parse_seconds, parse_voltage
    from vmt.electrode import cycle
    from vmt.report import write_discharge

    start = time.perf_counter()
    if (current is None) == (protocol is None):
        raise InputError(
            'Give one of --current, as "1C", and --protocol, as "Discharge at C/2 until 3 V; '
            'Rest for 10 min".'
        )
    if protocol is not None and cutoff_voltage is not None:
        raise InputError("With --protocol, voltages are said in its steps, not --cutoff-voltage.")
    cutoff = None if cutoff_voltage is None else parse_voltage(cutoff_voltage)
    times = [parse_seconds(text) for text in keep_time or []]
    materials, content = _parameters(parameters)
    roles = dict(_role(text) for text in role or [])
    with silence(quiet):
        structure = _toward_separator(read_image(image, spacing, quiet), axis, flip)
        given = {
            "phases": roles or None,
            "embedding": embedding,
            "area_mode": area_mode.value,
        }
        made = _cell(structure, materials, cell, arrangement, stoichiometry, given)
        steps = _steps(made, current, protocol, cutoff)
        if not quiet:
            count = len(list(steps))
            asked = f"{count} steps" if current is None else f"{_density(steps):.4g} mA/cm²"
            say(
                f"{made.areal_capacity / 36000:.4g} mA h/cm² in connected active material, "
                f"{100 * made.clean_up.lost_capacity:.3g} % of it all is lost; {asked}"
            )
            if made.cells.size > _LARGE:
                say(_cost(made))
        options: dict[str, Any] = {
            "protocol": [repr(step) for step in steps],
            "parameters": parameters,
            "content of the parameter file": content,
            "roles": roles,
            "area_mode": area_mode.value,
            "embedding": embedding,
            "keep": keep or [],
        }
        options |= {"keep times [s]": times} if times else {}
        options |= {"fluxes": True} if fluxes else {}
        if cell is Cells.symmetric:
            options |= {"cell": cell.value, "arrangement": arrangement.value}
        if stoichiometry is not None:
            options["stoichiometry"] = stoichiometry
        identity = {"command": "vmt discharge", "image": content_hash(structure.labels), **options}
        title = (
            f"Discharge of {image.name} at {current}" if current else f"{image.name}: {protocol}"
        )
        if cell is Cells.symmetric:
            title += ", symmetric cell"
        with run_directory(out, identity, force=force) as directory:
            result = cycle(
                made,
                steps,
                keep=keep or (),
                keep_times=times,
                fluxes=fluxes,
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


def _cell(
    structure: Microstructure,
    materials: ParameterSet,
    kind: Cells,
    arrangement: Arrangements,
    stoichiometry: float | None,
    given: dict[str, Any],
) -> HalfCell | SymmetricCell:
    """The cell that was asked for."""
    from vmt.electrode import HalfCell, SymmetricCell

    if stoichiometry is not None:
        active = replace(materials.active_material, initial_stoichiometry=stoichiometry)
        materials = replace(materials, active_material=active)
    if kind is Cells.symmetric:
        return SymmetricCell(structure, materials, arrangement.value, **given)
    if arrangement is not Arrangements.mirrored:
        raise InputError("--arrangement is of symmetric cells; add --cell symmetric.")
    return HalfCell(structure, materials, **given)


def _toward_separator(structure: Microstructure, axis: int, flip: bool) -> Microstructure:
    """Turn a structure so that the current flows along axis 0, from the separator at index 0."""
    if axis == 0 and not flip:
        return structure
    import numpy as np

    from vmt import Microstructure

    labels = np.moveaxis(structure.labels, axis, 0)
    edges = list(structure.spacing)
    edges.insert(0, edges.pop(axis))
    return Microstructure(
        np.ascontiguousarray(labels[::-1] if flip else labels),
        (edges[0], edges[1], edges[2]),
        structure.phases,
    )


def _cost(cell: HalfCell | SymmetricCell) -> str:
    """Say what a discharge of a large cell takes."""
    from vmt._budget import format_bytes
    from vmt.electrode._memory import needed_bytes

    minutes = _USUAL_STEPS * cell.cells.size / _VOXELS_A_SECOND / 60
    return (
        f"{cell.cells.size:,} voxels: {format_bytes(needed_bytes(cell))} of memory, and about "
        f"{minutes:.0f} min for a whole discharge of some {_USUAL_STEPS} steps; it can be "
        "interrupted and goes on by the same command"
    )


def _steps(
    cell: HalfCell | SymmetricCell, current: str | None, protocol: str | None, cutoff: float | None
) -> Protocol:
    """What the cell is asked to do."""
    from vmt._units import parse_current_density
    from vmt.electrode import CurrentStep, Protocol

    if protocol is not None:
        return Protocol.parse(protocol, one_hour_current=cell.current_density(1.0))
    assert current is not None
    value, kind = parse_current_density(current)
    density = cell.current_density(value) if kind == "C" else value
    at = cell.cutoff_voltage if cutoff is None else cutoff
    if at is None:
        raise InputError(
            'A symmetric cell has no cut-off voltage of its own; give --cutoff-voltage "-0.3 V" '
            "with a positive current, whose voltage is below 0."
        )
    return Protocol([CurrentStep(density, at)])


def _density(steps: Protocol) -> float:
    from vmt.electrode import CurrentStep

    first = next(iter(steps))
    assert isinstance(first, CurrentStep)
    return first.current_density / 10


def _parameters(given: str) -> tuple[ParameterSet, str]:
    """Materials by the name of a set or from a file, and the hash of the file's content."""
    from hashlib import sha256

    from vmt.electrode import parameter_set, read_parameters

    path = Path(given)
    if path.suffix.lower() in (".yaml", ".yml", ".json"):
        read = read_parameters(path)
        return read, sha256(path.read_bytes()).hexdigest()
    return parameter_set(given), ""


def _role(text: str) -> tuple[str, str]:
    name, equals, role = text.partition("=")
    if not (name and equals and role):
        raise InputError(f'{text!r} is no role; expected NAME=ROLE, as "phase 1=active_material".')
    return name.strip(), role.strip()
