"""The verb sweep: run a study from its file, look how far it is, take its table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from vmt.cli._app import Force, Json, Quiet, app, print_json, print_table, say, silence

_INTERRUPTED = 130
_SHOWN = 40


class _DefaultsToRun(typer.core.TyperGroup):
    """A group whose first word is a verb of its own, or else the file of `run`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["run", *args]
        return super().parse_args(ctx, args)


sweeps = typer.Typer(
    cls=_DefaultsToRun,
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.add_typer(
    sweeps,
    name="sweep",
    short_help="Study of many realizations from a file: run, status, table.",
)

Store = Annotated[Path, typer.Argument(help="Directory of a sweep.", show_default=False)]


@sweeps.callback()
def _sweep() -> None:
    """Run a study of many realizations: `vmt sweep STUDY.yaml`, which is `vmt sweep run`."""


@sweeps.command(short_help="Run a study, or go on with it.")
def run(
    study: Annotated[Path, typer.Argument(help="YAML file of the study.", show_default=False)],
    cluster: Annotated[
        str | None,
        typer.Option(
            help='Address of a dask scheduler, as "tls://host:8786", or "inline" for this '
            "process; default: processes of this machine.",
            show_default=False,
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes of this machine; default: as cores and memory allow.",
            show_default=False,
        ),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Threads of each process.")] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the rows that --out doesn't have yet.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would cost, from a trial.")
    ] = False,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow a remote scheduler without TLS.")
    ] = False,
    allow_functions: Annotated[
        bool,
        typer.Option("--allow-functions", help="Let the file name functions: it then runs code."),
    ] = False,
    out: Annotated[
        Path, typer.Option(help="Directory for the rows, the report and provenance.json.")
    ] = Path("sweep"),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Run a study: every realization once, each stored as it finishes."""
    import vmt
    from vmt.report import write_sweep
    from vmt.study import estimate_sweep_cost

    with silence(quiet):
        sweep = vmt.Sweep.from_yaml(study, allow_functions=allow_functions)
        if dry_run:
            _tell_cost(estimate_sweep_cost(sweep, workers=workers, threads=threads), json)
            return
        try:
            result = vmt.run(
                sweep,
                cluster=cluster,
                store=out,
                resume=resume,
                force=force,
                workers=workers,
                threads=threads,
                insecure=insecure,
                tell=(lambda text: None) if quiet else say,
            )
        except KeyboardInterrupt:
            say("interrupted; the same command with --resume goes on where it stopped.")
            raise typer.Exit(_INTERRUPTED) from None
        write_sweep(result, out)
    if json:
        print_json(result.to_dict())
    elif not quiet:
        _tell_summary(result)
        typer.echo(f"Report: {out / 'report.html'}")
    if result.failed and not quiet:
        say(f"{result.failed} of {len(result.rows)} rows have an error; see the column 'error'")


@sweeps.command(short_help="How far a study is.")
def status(directory: Store, json: Json = False) -> None:
    """Say how far a study is, also while it runs."""
    from vmt.study import sweep_status

    found = sweep_status(directory)
    if json:
        print_json(found.to_dict())
        return
    running = f"running ({found.running})" if found.running else "not running"
    typer.echo(f"{found.name}: {found.finished} of {found.rows} rows, {running}")
    if found.failed:
        typer.echo(f"{found.failed} rows have an error")
    if found.finished:
        typer.echo(f"mean time of a row: {found.mean_seconds:.3g} s")


@sweeps.command(short_help="The rows of a study, or their means.")
def table(
    directory: Store,
    csv: Annotated[bool, typer.Option("--csv", help="Print all rows as CSV.")] = False,
    to: Annotated[
        Path | None,
        typer.Option(help="Write all rows to a .csv or .parquet file.", show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Show means, standard errors and confidence intervals; or give the rows themselves."""
    from vmt.study import read_sweep

    result = read_sweep(directory)
    if to is not None:
        result.export(to)
        say(f"wrote {len(result.rows)} rows to {to}")
    elif csv:
        typer.echo(result.table.to_csv(index=False, lineterminator="\n"), nl=False)
    elif json:
        print_json(result.to_dict())
    else:
        _tell_summary(result)


def _tell_summary(result: Any) -> None:
    rows = list(result.summary().rows())
    factors = list(result.sweep.factors)
    columns = (*factors, "quantity", "mean", "std. error", "low", "high")
    cells = [
        (
            *(row[name] for name in factors),
            f"{row['quantity']} [{row['unit']}]" if row["unit"] else row["quantity"],
            row["mean"],
            row["standard_error"],
            row["low"],
            row["high"],
        )
        for row in rows[:_SHOWN]
    ]
    done = f"{len(result.rows)} of {result.sweep.rows} rows"
    print_table(f"{result.sweep.name}: {done}, 95 % confidence", columns, cells)
    if len(rows) > _SHOWN:
        typer.echo(f"… and {len(rows) - _SHOWN} more lines: --csv, --json, or report.html")


def _tell_cost(cost: Any, json: bool) -> None:
    if json:
        print_json(cost.to_dict())
        return
    for line in cost.text:
        typer.echo(line)
