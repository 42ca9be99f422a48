"""The application, the options that verbs share, and how they read, tell and write.

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
    PackingError,
    VmtError,
    VmtWarning,
)

if TYPE_CHECKING:
    from vmt.microstructure import Microstructure

_BAD_INPUT = (InputError, MemoryBudgetError, CalibrationError, NotPercolatingError, PackingError)
_USED_WRONGLY, _FAILED, _INTERRUPTED = 2, 1, 130


class _Group(typer.core.TyperGroup):
    """Turns what a command raises into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("always", VmtWarning)
            show = warnings.showwarning

            def tell(message: Any, category: Any, *rest: Any, **options: Any) -> None:
                if issubclass(category, VmtWarning):
                    say(f"warning: {message}")
                else:
                    show(message, category, *rest, **options)

            warnings.showwarning = tell
            try:
                return super().invoke(ctx)
            except (typer.Exit, typer.Abort, BrokenPipeError):
                raise
            except KeyboardInterrupt:
                say("interrupted; the same command with the same --out goes on where it stopped.")
                raise typer.Exit(_INTERRUPTED) from None
            except VmtError as error:
                _traceback_if_asked()
                say(f"error: {_one_line(error)}")
                code = _USED_WRONGLY if isinstance(error, _BAD_INPUT) else _FAILED
                raise typer.Exit(code) from None
            except Exception as error:
                if hasattr(error, "show"):  # a usage error, which typer itself explains
                    raise
                _traceback_if_asked()
                text = _one_line(error) or "no message"
                hint = "run with VMT_TRACEBACK=1 for the traceback"
                say(f"error: {type(error).__name__}: {text} ({hint})")
                raise typer.Exit(_FAILED) from None


def say(text: str) -> None:
    """Write a remark to stderr."""
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


@contextmanager
def silence(silent: bool) -> Iterator[None]:
    """Keep progress and warnings back if asked to."""
    from vmt._progress import quiet

    with quiet(silent), warnings.catch_warnings():
        if silent:
            warnings.simplefilter("ignore", VmtWarning)
        yield


def phase_key(text: str) -> str | int:
    """Read a phase: a whole number is a label, anything else a name."""
    return int(text) if text.isascii() and text.isdigit() else text


def read_image(path: Path, spacing: str | None, quiet: bool) -> Microstructure:
    """Read a segmented image and say what was read."""
    import vmt
    from vmt._units import parse_spacing

    edges = None if spacing is None else parse_spacing(spacing)
    structure: Microstructure = vmt.read_labels(path, spacing=edges)
    if not quiet:
        say(f"read {structure}")
    return structure


def identity_of(
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
def results_in(
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

    identity, start = identity_of(command, structure, options), time.perf_counter()
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


def tell(result: Any, title: str, json: bool) -> None:
    """Print a result as a table or as JSON."""
    from vmt.report import result_table, tidy_table

    content = result.to_dict()
    if json:
        print_json(content)
        return
    if hasattr(result, "to_table"):
        print_table(title, *tidy_table(result))
        return
    print_table(
        title, ("quantity", "value", "unit"), [(n, v, u) for n, u, v in result_table(content)]
    )


def print_json(content: Mapping[str, Any]) -> None:
    """Print a result as JSON."""
    import json

    from vmt._files import jsonable

    typer.echo(json.dumps(jsonable(content), indent=2, ensure_ascii=False, allow_nan=False))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table."""
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
