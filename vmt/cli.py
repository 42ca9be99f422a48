"""The `vmt` command: parses, calls, prints.

Exit codes: 0 done; 2 what was given can't be used, with one line that says why; 130 interrupted;
1 anything else. Numbers and JSON go to stdout, everything else to stderr.
"""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

from vmt._version import __version__
from vmt.errors import (
    CalibrationError,
    InputError,
    MemoryBudgetError,
    NotPercolatingError,
    VmtError,
    VmtWarning,
)

if TYPE_CHECKING:
    from vmt.microstructure import Microstructure

__all__ = ["main"]

_BAD_INPUT = (InputError, MemoryBudgetError, CalibrationError, NotPercolatingError)
_USED_WRONGLY, _FAILED, _INTERRUPTED = 2, 1, 130
_WORTH_TELLING = 60.0  # seconds of work that is announced


class _Group(typer.core.TyperGroup):
    """Turns what a command raises into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("always", VmtWarning)
            show = warnings.showwarning

            def tell(message: Any, category: Any, *rest: Any, **options: Any) -> None:
                if issubclass(category, VmtWarning):
                    _say(f"warning: {message}")
                else:
                    show(message, category, *rest, **options)

            warnings.showwarning = tell
            try:
                return super().invoke(ctx)
            except (typer.Exit, typer.Abort, BrokenPipeError):
                raise
            except KeyboardInterrupt:
                _say("interrupted; the same command with the same --out goes on where it stopped.")
                raise typer.Exit(_INTERRUPTED) from None
            except VmtError as error:
                _traceback_if_asked()
                _say(f"error: {_one_line(error)}")
                code = _USED_WRONGLY if isinstance(error, _BAD_INPUT) else _FAILED
                raise typer.Exit(code) from None
            except Exception as error:
                if hasattr(error, "show"):  # a usage error, which typer itself explains
                    raise
                _traceback_if_asked()
                text = _one_line(error) or "no message"
                hint = "run with VMT_TRACEBACK=1 for the traceback"
                _say(f"error: {type(error).__name__}: {text} ({hint})")
                raise typer.Exit(_FAILED) from None


def _say(text: str) -> None:
    typer.echo(f"vmt: {text}", err=True)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _traceback_if_asked() -> None:
    if os.environ.get("VMT_TRACEBACK", "0") not in ("", "0"):
        import traceback

        traceback.print_exc()


app = typer.Typer(
    cls=_Group,
    name="vmt",
    help="A virtual laboratory for battery electrode microstructures.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


class Sides(StrEnum):
    """What the faces along the axis do."""

    closed = "closed"
    periodic = "periodic"


class Families(StrEnum):
    """What to do with other families of models."""

    show = "show"
    use = "use"
    skip = "skip"


Image = Annotated[
    Path,
    typer.Argument(
        help="Segmented image: TIFF, folder of slices, raw with sidecar, npz, Zarr, HDF5 or VTI.",
        show_default=False,
    ),
]
Spacing = Annotated[
    str | None,
    typer.Option(
        help='Voxel edge with its unit, "10 nm", or three, "10 nm, 10 nm, 20 nm". '
        "Needed unless the file says it; never guessed.",
        show_default=False,
    ),
]
Phase = Annotated[str, typer.Option(help="Name or label of the phase.")]
Axis = Annotated[
    int, typer.Option(min=0, max=2, help="Direction of transport and paths; 0 is through-plane.")
]
Seed = Annotated[int, typer.Option(min=0, help="Names the whole study: same seed, same result.")]
Out = Annotated[
    Path | None,
    typer.Option(
        help="Directory for tables, figures, report.html and provenance.json.", show_default=False
    ),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Replace another run in --out, or use a directory not made by vmt."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print no progress and no remarks.")]
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


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"vmt {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """A virtual laboratory for battery electrode microstructures."""


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

    with _silence(quiet):
        structure = _read(image, spacing, quiet)
        chosen = structure.name_of(_phase(phase))
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
        identity = _identity("vmt twin", structure, options)
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
    with _silence(quiet), run_directory(out, identity, force=force) as directory:
        reports: Mapping[str, Any] = vmt.study.demo(directory=directory, **options)
        for name, report in reports.items():
            (directory / name).mkdir(exist_ok=True)
            write_twin(report, directory / name)
    if json:
        _print_json({name: report.to_dict() for name, report in reports.items()})
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

    with _silence(quiet):
        structure = _read(image, spacing, quiet)
        options: dict[str, Any] = {"axis": axis}
        if phase:
            options["phases"] = [structure.name_of(_phase(p)) for p in phase]
        if descriptor:
            from vmt.descriptors import DESCRIPTORS

            options["descriptors"] = sorted(DESCRIPTORS if "all" in descriptor else descriptor)
        identity = options if cutouts is None else {**options, "cutouts": cutouts}
        title = f"Description of {image.name}"
        result: Any
        with _run(out, "vmt describe", structure, identity, force) as write:
            if cutouts is None:
                result = vmt.describe(structure, **options)
            else:
                from vmt.descriptors import describe_cutouts

                result = describe_cutouts(structure, edge=cutouts, **options)
                title = f"Cutouts of {cutouts} voxels from {image.name}"
            write(result, title)
    _tell(result, title, json)


@app.command(short_help="Effective conductivity of a phase.")
def transport(
    image: Image,
    spacing: Spacing = None,
    phase: Phase = "solid",
    axis: Axis = 0,
    sides: Annotated[
        Sides, typer.Option(help="The faces along the axis: closed or periodic.")
    ] = Sides.closed,
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

    with _silence(quiet):
        structure = _read(image, spacing, quiet)
        chosen = structure.name_of(_phase(phase))
        options: dict[str, Any] = {"axis": axis, "sides": sides.value, "rtol": rtol}
        title = f"Transport through {chosen} of {image.name}"
        with _run(out, "vmt transport", structure, {"phase": chosen, **options}, force) as write:
            result = vmt.effective_conductivity(structure, {chosen: 1.0}, **options)
            write(result, title)
    if not result.percolates and not quiet:
        _say(f"{chosen} has no path along axis {axis}: its conductivity is 0.")
    _tell(result, title, json)


@contextmanager
def _silence(silent: bool) -> Iterator[None]:
    from vmt._progress import quiet

    with quiet(silent), warnings.catch_warnings():
        if silent:
            warnings.simplefilter("ignore", VmtWarning)
        yield


def _tell_cost(structure: Microstructure, size: int | None, realizations: int) -> None:
    from vmt._budget import format_bytes
    from vmt.study import estimate_twin_cost

    shape = structure.shape if size is None else (size, size, size)
    seconds, memory = estimate_twin_cost(shape, realizations)
    if seconds > _WORTH_TELLING:
        _say(f"this takes about {seconds / 60:.0f} minutes and {format_bytes(memory)} of memory")


def _phase(text: str) -> str | int:
    return int(text) if text.isascii() and text.isdigit() else text


def _read(path: Path, spacing: str | None, quiet: bool) -> Microstructure:
    import vmt
    from vmt._units import parse_spacing

    edges = None if spacing is None else parse_spacing(spacing)
    structure: Microstructure = vmt.read_labels(path, spacing=edges)
    if not quiet:
        _say(f"read {structure}")
    return structure


def _identity(
    command: str, structure: Microstructure, options: Mapping[str, Any]
) -> dict[str, Any]:
    """What makes a run the same run."""
    from vmt._files import content_hash

    return {
        "command": command,
        "vmt": __version__,
        "image": content_hash(structure.labels),
        "spacing [m]": list(structure.spacing),
        "phases": dict(structure.phases),
        **options,
    }


@contextmanager
def _run(
    out: Path | None,
    command: str,
    structure: Microstructure,
    options: Mapping[str, Any],
    force: bool,
) -> Iterator[Any]:
    """Give a function that writes a result and its title into --out, if there is one."""
    if out is None:
        yield lambda result, title: None
        return

    from vmt._files import run_directory
    from vmt._provenance import provenance
    from vmt.report import write_result

    identity, start = _identity(command, structure, options), time.perf_counter()
    with run_directory(out, identity, force=force) as directory:

        def write(result: Any, title: str) -> None:
            origin = provenance(
                command=command,
                parameters=options,
                seed=None,
                inputs={"image": identity["image"]},
                seconds={"measuring": time.perf_counter() - start},
            )
            write_result(result, directory, title, str(structure), origin)

        yield write


def _tell(result: Any, title: str, json: bool) -> None:
    from vmt.report import result_table

    content = result.to_dict()
    if json:
        _print_json(content)
        return
    _print_table(
        title, ("quantity", "value", "unit"), [(n, v, u) for n, u, v in result_table(content)]
    )


def _tell_twin(report: Any, directory: Path, *, json: bool, quiet: bool) -> None:
    if json:
        _print_json(report.to_dict())
    elif not quiet:
        columns = ("descriptor", "phase", "image", "twins", "±", "unit", "verdict")
        rows = [
            (r.descriptor, r.phase, r.image, r.mean, r.std, r.unit, r.verdict) for r in report.rows
        ]
        _print_table(f"Twin of {report.name}", columns, rows)
        typer.echo(report.verdict)
        typer.echo(f"Report: {directory / 'report.html'}")


def _print_json(content: Mapping[str, Any]) -> None:
    import json

    from vmt._files import jsonable

    typer.echo(json.dumps(jsonable(content), indent=2, ensure_ascii=False, allow_nan=False))


def _print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from vmt.report import format_number

    table = Table(title=Text(title), box=SIMPLE_HEAD, title_justify="left", pad_edge=False)
    numeric = [any(isinstance(row[i], float) for row in rows) for i in range(len(columns))]
    for name, number in zip(columns, numeric, strict=True):
        table.add_column(name, justify="right" if number else "left", no_wrap=number)
    for row in rows:
        table.add_row(*(Text(format_number(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 110, highlight=False)
    console.print(table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the `vmt` command and return its exit code."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="vmt")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0
