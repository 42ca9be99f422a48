"""The page of a sweep: what was run, means and intervals, figures, where it comes from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from vmt._files import whole_file, write_json
from vmt.report._page import Card, Page, figure_png, write_table_csv

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["sweep_page", "write_sweep"]

_MOST_ROWS = 400
_HIDDEN = ("parameters", "seconds")


class Summary(Protocol):
    """Means over the realizations of each point."""

    def rows(self) -> Any:
        """One row a point and quantity."""


class Result(Protocol):
    """What `vmt.run` returns, as the page needs it."""

    @property
    def sweep(self) -> Any: ...
    @property
    def rows(self) -> Any: ...
    @property
    def provenance(self) -> Mapping[str, Any]: ...
    @property
    def quantities(self) -> tuple[str, ...]: ...
    @property
    def failed(self) -> int: ...
    def summary(self) -> Summary: ...
    def to_dict(self) -> dict[str, Any]: ...
    def plot(self) -> Axes: ...


def sweep_page(result: Result, *, picture: bytes | None = None) -> Page:
    """Build the page of a sweep.

    Parameters
    ----------
    result : SweepResult
        What `vmt.run` or `vmt.study.read_sweep` returned.
    picture : bytes, optional
        The figure as a PNG, where it is drawn already.
    """
    sweep = result.sweep
    done = len(result.rows)
    page = Page(sweep.name, f"sweep of {sweep.model}")
    good = done - result.failed
    page.verdict(
        f"{done} of {sweep.rows} realizations are there"
        + (f", {result.failed} of them with an error." if result.failed else ".")
    )
    seconds = result.rows["seconds"].sum() if done else 0.0
    page.cards(
        [
            Card("points", sweep.point_count, note=sweep.design.replace("_", " ")),
            Card("realizations each", sweep.realizations),
            Card("time on workers", float(seconds), "s", f"{seconds / max(done, 1):.3g} s a row"),
            Card("processes", int(result.rows["process"].nunique()) if done else 0),
        ]
    )
    if done < sweep.rows:
        page.callout("warning", f"{sweep.rows - done} rows are missing; --resume computes them.")
    if result.failed:
        first = result.rows.loc[result.rows["error"].notna()].iloc[0]
        page.callout(
            "warning", f"{result.failed} rows have no values; row {first['row']}: {first['error']}"
        )
    remarks = result.rows["warnings"].dropna().tolist() if done else []
    if remarks:
        page.callout("note", f"{len(remarks)} rows came with a warning: {remarks[0]}")
    page.section("What was run", _design_text(sweep))
    if sweep.factors:
        rows = [_factor_row(name, factor) for name, factor in sweep.factors.items()]
        page.table(["factor", "values", "scale"], rows, caption="What varies.")
    if good and result.quantities:
        page.section(
            "Means",
            "Each mean has the confidence interval of 95 % (Student's t over the realizations).",
        )
        drawn = figure_png(result.plot().figure) if picture is None else picture  # type: ignore[arg-type]  # no subfigure
        page.figure(
            drawn, "Means over the factors, with their intervals.", "means over the factors"
        )
        _means(page, result, list(sweep.factors))
    return page.provenance({k: v for k, v in result.provenance.items() if k not in _HIDDEN})


def write_sweep(result: Result, directory: str | os.PathLike[str]) -> None:
    """Write a sweep's page, table, figure, means and provenance beside its store.

    The files are ``report.html``, ``table.csv`` (means), ``figure.png``, ``result.json`` and
    ``provenance.json``.
    """
    target = Path(directory)
    picture = None
    if result.quantities and len(result.rows):
        picture = figure_png(result.plot().figure)  # type: ignore[arg-type]  # no subfigure
        with whole_file(target / "figure.png") as temporary:
            temporary.write_bytes(picture)
    rows = list(result.summary().rows())
    columns = list(rows[0]) if rows else ["point", "quantity", "mean"]
    write_table_csv(target / "table.csv", columns, [list(row.values()) for row in rows])
    write_json(target / "result.json", result.to_dict())
    write_json(target / "provenance.json", result.provenance)
    sweep_page(result, picture=picture).write(target / "report.html")


def _design_text(sweep: Any) -> str:
    shape = "" if sweep.shape is None else f" of {'×'.join(map(str, sweep.shape))} voxels"
    if sweep.spacing is not None:
        edges = sorted({f"{1e9 * d:.6g} nm" for d in sweep.spacing})
        shape += f" ({', '.join(edges)})"
    names = ", ".join(one.name for one in sweep.measurements)
    stays = {k: v for k, v in sweep.parameters.items() if not isinstance(v, Mapping)}
    fixed = "; ".join(f"{name} = {value}" for name, value in stays.items())
    return (
        f"Model {sweep.model}: structures{shape}. Measured: {names}. "
        f"Seed {json.dumps(sweep.entropy)}, {sweep.seeds} for each "
        f"{'row' if sweep.seeds == 'independent' else 'point'}."
        + (f" Held fixed: {fixed}." if fixed else "")
    )


def _factor_row(name: str, factor: Any) -> Sequence[object]:
    if factor.values is not None:
        shown = ", ".join(f"{v:g}" if isinstance(v, float) else str(v) for v in factor.values[:12])
        more = f" … ({len(factor.values)})" if len(factor.values) > 12 else ""
        return name, shown + more, "–"
    levels = "" if factor.levels is None else f", {factor.levels} levels"
    return name, f"{factor.low} to {factor.high}{levels}", factor.scale


def _means(page: Page, result: Result, factors: Sequence[str]) -> None:
    rows = list(result.summary().rows())
    shown = rows[:_MOST_ROWS]
    columns = [*factors, "quantity", "mean", "standard error", "low", "high"]
    keys = [*factors, "quantity", "mean", "standard_error", "low", "high"]
    for row in shown:
        if row["unit"]:
            row["quantity"] += f" [{row['unit']}]"
    more = (
        f" The first {_MOST_ROWS} of {len(rows)}; table.csv has all."
        if len(rows) > len(shown)
        else ""
    )
    page.table(
        [name.replace("_", " ") for name in columns],
        [[row[key] for key in keys] for row in shown],
        caption="Means, standard errors and 95 % confidence intervals." + more,
    )
