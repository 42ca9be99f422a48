"""A page for any small result: what ``to_dict()`` says as a table, and its plot."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from vmt._files import whole_file, write_json
from vmt.report._page import Page, figure_png, write_table_csv
from vmt.report._render import render_png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["result_page", "result_table", "tidy_table", "write_result"]

SCHEMA_VERSION = 1
_COLUMNS = ("quantity", "unit", "value")


class Result(Protocol):
    """What every result has."""

    def to_dict(self) -> dict[str, Any]:
        """Give numbers by name, units in the names."""

    def plot(self) -> Axes:
        """Draw the result."""


def result_table(content: Mapping[str, Any]) -> list[tuple[str, str, object]]:
    """Give a result's scalars as rows of name, unit and value; curves and arrays are left out.

    Examples
    --------
    >>> result_table({"solid": {"conductivity [S/m]": 0.2}, "curve": [1.0, 2.0]})
    [('solid › conductivity', 'S/m', 0.2)]
    """
    return list(_rows(content))


def _rows(
    content: Mapping[str, Any], prefix: str = "", outer: str = ""
) -> Iterator[tuple[str, str, object]]:
    for key, value in content.items():
        name, _, rest = str(key).partition(" [")
        shown, unit = prefix + name.replace("_", " "), rest.rstrip("]") or outer
        if isinstance(value, Mapping):
            yield from _rows(value, f"{shown} › ", unit)
        elif value is None or isinstance(value, (str, int, float)):
            yield shown, unit, value


def tidy_table(result: Result) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    """Columns and rows of a result: those of its ``to_table()``, else name, unit and value.

    Examples
    --------
    >>> import numpy as np, vmt
    >>> m = vmt.Microstructure(np.eye(4, dtype=np.uint8)[:, :, None], 1.0)
    >>> columns, rows = tidy_table(vmt.describe(m, descriptors={"volume_fraction"}))
    >>> columns, rows[1]
    (('descriptor', 'phase', 'value', 'unit'), ('volume fraction', 'solid', 0.25, ''))
    """
    rows = result.to_table() if hasattr(result, "to_table") else []
    if not rows:
        return _COLUMNS, list(result_table(result.to_dict()))
    made = [{**row, "descriptor": str(row["descriptor"]).replace("_", " ")} for row in rows]
    columns = tuple(rows[0])
    return columns, [tuple(row[c] for c in columns) for row in made]


def result_page(
    result: Result, title: str, subtitle: str, provenance: Mapping[str, object]
) -> Page:
    """Build a page with the result's numbers, its plot, and where it comes from."""
    table, picture = tidy_table(result), figure_png(_figure(result))
    return _build(table, picture, _flux_pictures(result), title, subtitle, provenance)


def write_result(
    result: Result,
    directory: str | os.PathLike[str],
    title: str,
    subtitle: str,
    provenance: Mapping[str, object],
) -> None:
    """Write a result into an existing directory, each file whole or not there.

    The files are ``report.html``, ``table.csv``, ``figure.png``, ``result.json`` and
    ``provenance.json``; ``flux.png``, the current in 3D, of a conduction that kept its potential.
    """
    target, content, picture = Path(directory), result.to_dict(), figure_png(_figure(result))
    pictures = _flux_pictures(result)
    if pictures:
        with whole_file(target / "flux.png") as temporary:
            temporary.write_bytes(pictures[0][1])
    columns, rows = tidy_table(result)
    with whole_file(target / "figure.png") as temporary:
        temporary.write_bytes(picture)
    write_table_csv(target / "table.csv", columns, rows)
    write_json(target / "result.json", {"schema_version": SCHEMA_VERSION, **content})
    write_json(target / "provenance.json", provenance)
    page = _build((columns, rows), picture, pictures, title, subtitle, provenance)
    page.write(target / "report.html")


def _figure(result: Any) -> Any:
    if (
        getattr(result, "potential", None) is not None
        and is_dataclass(result)
        and not isinstance(result, type)
    ):
        result = replace(result, potential=None)  # the value among its bounds, not a slice
    return result.plot().figure


def _build(
    table: tuple[tuple[str, ...], list[tuple[object, ...]]],
    picture: bytes,
    pictures: Sequence[tuple[str, bytes]],
    title: str,
    subtitle: str,
    provenance: Mapping[str, object],
) -> Page:
    page = Page(title, subtitle).section("Numbers")
    columns, rows = table
    texts = {"quantity", "unit", "descriptor", "phase"}
    align: list[Literal["left", "right", "center"]] = [
        "left" if c in texts else "right" for c in columns
    ]
    page.table(columns, rows, align=align, caption=title)
    page.section("Figure").figure(picture, title, f"plot of the result: {title}")
    for caption, more in pictures:
        page.figure(more, caption, caption)
    return page.provenance(provenance)


def _flux_pictures(result: Any) -> list[tuple[str, bytes]]:
    """Pictures of the current, of a result that kept its potential and has one."""
    if getattr(result, "potential", None) is None or not hasattr(result, "streamlines"):
        return []
    if not result.percolates:
        return []
    lines = "Lines that carry equal shares of the current, in the color of the flux density"
    return [
        (lines, render_png(result)),
        ("Flux density in a slice, with its direction", figure_png(result.plot_flux().figure)),
        (
            "Heat in a slice, over the mean of the box: the bottlenecks",
            figure_png(result.plot_dissipation().figure),
        ),
        ("Potential in a slice", figure_png(result.plot().figure)),
    ]
