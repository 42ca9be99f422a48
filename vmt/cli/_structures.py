"""Verbs that take an image: twin, describe, transport; and the demonstration."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vmt._version import __version__
from vmt.cli._app import (
    Axis,
    Force,
    Image,
    Json,
    Out,
    Phase,
    Quiet,
    Seed,
    Spacing,
    app,
    identity_of,
    phase_key,
    print_json,
    print_table,
    read_image,
    results_in,
    say,
    silence,
    tell,
)

if TYPE_CHECKING:
    from vmt.microstructure import Microstructure

_WORTH_TELLING = 60.0  # seconds of work that is announced
_MOST_PICTURED = 2**26  # voxels whose potential is kept for the pictures of a page


class Sides(StrEnum):
    """What the faces along the axis do."""

    closed = "closed"
    periodic = "periodic"


class Discretization(StrEnum):
    """Which equations are solved."""

    voxel = "voxel"
    level_set = "level_set"
    fem = "fem"


class Families(StrEnum):
    """What to do with other families of models."""

    show = "show"
    use = "use"
    skip = "skip"


Realizations = Annotated[int, typer.Option(min=2, help="Number of twins.")]
Size = Annotated[
    int | None,
    typer.Option(min=16, help="Voxels along each edge of a twin; default: as the image."),
]
Keep = Annotated[
    bool, typer.Option("--keep-realizations", help="Write the twins' voxels into --out, too.")
]
Bootstrap = Annotated[
    int,
    typer.Option(min=0, help="Bootstrap samples for the standard errors; 0: delta method."),
]


@app.command(short_help="Twin of an image: calibrate, sample, compare.")
def twin(
    image: Image,
    spacing: Spacing = None,
    phase: Phase = "solid",
    realizations: Realizations = 10,
    size: Size = None,
    families: Annotated[
        Families,
        typer.Option(help="Other families of models: show their ranking, use the best, or skip."),
    ] = Families.show,
    bootstrap: Bootstrap = 0,
    keep_realizations: Keep = False,
    axis: Axis = 0,
    seed: Seed = 0,
    out: Annotated[
        Path, typer.Option(help="Directory for report.html, tables, figures, provenance.json.")
    ] = Path("twin"),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make a digital twin of an image: calibrate, sample, measure, compare, report."""
    import vmt
    from vmt._files import run_directory
    from vmt.report import write_twin

    with silence(quiet):
        structure = read_image(image, spacing, quiet)
        chosen = structure.name_of(phase_key(phase))
        options: dict[str, Any] = {
            "phase": chosen,
            "realizations": realizations,
            "shape": None if size is None else (size, size, size),
            "families": families.value,
            "bootstrap": bootstrap,
            "keep_realizations": keep_realizations,
            "axis": axis,
            "seed": seed,
        }
        identity = identity_of("vmt twin", structure, options)
        if not quiet:
            _tell_cost(structure, size, realizations)
        with run_directory(out, identity, force=force) as directory:
            report = vmt.twin(structure, name=image.name, directory=directory, **options)
            write_twin(report, directory)
    _tell_twin(report, out, json=json, quiet=quiet)


@app.command(short_help="Twins of two phantoms that it generates.")
def demo(
    realizations: Annotated[int, typer.Option(min=2, help="Number of twins of each.")] = 4,
    size: Annotated[int, typer.Option(min=64, help="Voxels along each edge.")] = 96,
    seed: Seed = 0,
    out: Annotated[Path, typer.Option(help="Directory for the two reports.")] = Path("vmt-demo"),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make the twins of two generated phantoms: one that fits the model, and one that can't."""
    import vmt.study
    from vmt._files import run_directory
    from vmt.report import write_twin

    options: dict[str, Any] = {"realizations": realizations, "size": size, "seed": seed}
    identity = {"command": "vmt demo", "vmt": __version__, **options}
    with silence(quiet), run_directory(out, identity, force=force) as directory:
        reports: Mapping[str, Any] = vmt.study.demo(directory=directory, **options)
        for name, report in reports.items():
            (directory / name).mkdir(exist_ok=True)
            write_twin(report, directory / name)
    if json:
        print_json({name: report.to_dict() for name, report in reports.items()})
    for name, report in reports.items():
        _tell_twin(report, out / name, json=False, quiet=quiet or json)


@app.command(short_help="Measure an image's phases.")
def describe(
    image: Image,
    spacing: Spacing = None,
    phase: Annotated[
        list[str] | None,
        typer.Option(help="Only this phase; can be given several times.", show_default=False),
    ] = None,
    descriptor: Annotated[
        list[str] | None,
        typer.Option(
            help='Only this descriptor, as "constrictivity"; can be given several times. '
            '"all": those on request, too.',
            show_default=False,
        ),
    ] = None,
    cutouts: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Describe disjoint cubes of so many voxels an edge: means, spreads, bands.",
            show_default=False,
        ),
    ] = None,
    axis: Axis = 0,
    out: Out = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure an image: volume fractions, surfaces, path lengths, sizes, constrictivities."""
    import vmt

    with silence(quiet):
        structure = read_image(image, spacing, quiet)
        options: dict[str, Any] = {"axis": axis}
        if phase:
            options["phases"] = [structure.name_of(phase_key(p)) for p in phase]
        if descriptor:
            from vmt.descriptors import DESCRIPTORS

            options["descriptors"] = sorted(DESCRIPTORS if "all" in descriptor else descriptor)
        identity = options if cutouts is None else {**options, "cutouts": cutouts}
        title = f"Description of {image.name}"
        result: Any
        with results_in(out, "vmt describe", structure, identity, force) as write:
            if cutouts is None:
                result = vmt.describe(structure, **options)
            else:
                from vmt.descriptors import describe_cutouts

                result = describe_cutouts(structure, edge=cutouts, **options)
                title = f"Cutouts of {cutouts} voxels from {image.name}"
            write(result, title)
    tell(result, title, json)


@app.command(short_help="Effective conductivity of a phase.")
def transport(
    image: Image,
    spacing: Spacing = None,
    phase: Phase = "solid",
    axis: Axis = 0,
    sides: Annotated[
        Sides, typer.Option(help="The faces along the axis: closed or periodic.")
    ] = Sides.closed,
    discretization: Annotated[
        Discretization,
        typer.Option(
            help="Seven points on the voxels, cut cells of an estimated level set, or elements."
        ),
    ] = Discretization.voxel,
    rtol: Annotated[
        float, typer.Option(min=1e-12, max=0.1, help="Relative tolerance of the solver.")
    ] = 1e-4,
    out: Out = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Compute the effective conductivity of one phase: M-factor and tortuosity factor."""
    import vmt

    with silence(quiet):
        structure = read_image(image, spacing, quiet)
        chosen = structure.name_of(phase_key(phase))
        options: dict[str, Any] = {"axis": axis, "sides": sides.value, "rtol": rtol}
        if discretization is not Discretization.voxel:
            options["discretization"] = discretization.value
        # the pictures of the current need the potential
        pictures = out is not None and structure.labels.size <= _MOST_PICTURED
        title = f"Transport through {chosen} of {image.name}"
        with results_in(
            out, "vmt transport", structure, {"phase": chosen, **options}, force
        ) as write:
            kept: dict[str, Any] = {"keep_potential": True} if pictures else {}
            result = vmt.effective_conductivity(structure, {chosen: 1.0}, **options, **kept)
            write(result, title)
    if not result.percolates and not quiet:
        say(f"{chosen} has no path along axis {axis}: its conductivity is 0.")
    tell(result, title, json)


def _tell_cost(structure: Microstructure, size: int | None, realizations: int) -> None:
    from vmt._budget import format_bytes
    from vmt.study import estimate_twin_cost

    shape = structure.shape if size is None else (size, size, size)
    seconds, memory = estimate_twin_cost(shape, realizations)
    if seconds > _WORTH_TELLING:
        say(f"this takes about {seconds / 60:.0f} minutes and {format_bytes(memory)} of memory")


def _tell_twin(report: Any, directory: Path, *, json: bool, quiet: bool) -> None:
    if json:
        print_json(report.to_dict())
    elif not quiet:
        columns = ("descriptor", "phase", "image", "twins", "±", "unit", "verdict")
        rows = [
            (r.descriptor, r.phase, r.image, r.mean, r.std, r.unit, r.verdict) for r in report.rows
        ]
        print_table(f"Twin of {report.name}", columns, rows)
        typer.echo(report.verdict)
        typer.echo(f"Report: {directory / 'report.html'}")
