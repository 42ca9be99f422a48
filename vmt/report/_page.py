"""One self-contained HTML page for a result: text, tables, figures and numbers, nothing loaded.

Everything that is given as text is escaped, names of phases and paths too.
"""

from __future__ import annotations

import base64
import csv
import functools
import io
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vmt._files import whole_file
from vmt._version import __version__
from vmt.errors import InputError

if TYPE_CHECKING:
    from jinja2 import Template
    from matplotlib.figure import Figure

__all__ = [
    "Badge",
    "Card",
    "Page",
    "Picture",
    "figure_png",
    "figure_svg",
    "format_number",
    "verdict_badge",
    "write_table_csv",
]

Tone = Literal["", "good", "bad", "warn", "note"]
Align = Literal["left", "right", "center"]
CalloutKind = Literal["finding", "warning", "good", "note"]

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_MIME = {b"\x89PNG": "image/png", b"\xff\xd8\xff": "image/jpeg"}


@dataclass(frozen=True)
class Badge:
    """A short word with a color that means something.

    Parameters
    ----------
    text : str
        The word; it says all, the color only repeats it.
    tone : {"", "good", "bad", "warn", "note"}
        Color.
    """

    text: str
    tone: Tone = ""


@dataclass(frozen=True)
class Card:
    """One key number: what it is, its value with a unit, and a remark."""

    label: str
    value: str | float
    unit: str = ""
    note: str = ""


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure on the page: a matplotlib figure, PNG bytes or SVG text, its caption and alt text.

    Parameters
    ----------
    content : Figure, bytes or str
        What is shown.
    caption : str
        Text below it.
    alt : str
        What it shows, for those who can't see it; default: the caption.
    """

    content: Figure | bytes | str
    caption: str = ""
    alt: str = ""


def verdict_badge(verdict: str) -> Badge:
    """Badge of a descriptor's verdict: inside, outside, not comparable.

    Examples
    --------
    >>> verdict_badge("outside")
    Badge(text='outside', tone='bad')
    """
    tones: dict[str, Tone] = {"inside": "good", "outside": "bad", "not comparable": "warn"}
    return Badge(verdict, tones.get(verdict, ""))


def format_number(value: object, digits: int = 4) -> str:
    """Write a number for people: significant digits, powers of ten, a dash where there is none.

    Examples
    --------
    >>> format_number(7.28e6), format_number(0.46), format_number(float("nan")), format_number(12)
    ('7.28 × 10⁶', '0.46', '–', '12')
    """
    if value is None:
        return "–"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, (int, np.integer)):
        return f"{int(value):,}".replace(",", "\u202f") if abs(int(value)) >= 10**5 else str(value)
    if not isinstance(value, (float, np.floating)):
        return str(value)
    number = float(value)
    if math.isnan(number):
        return "–"
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    if number == 0:
        return "0"
    mantissa, exponent = f"{number:.{digits - 1}e}".split("e")
    power = int(exponent)
    if -3 <= power < 5:
        text = f"{number:.{max(digits - 1 - power, 0)}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        text = f"{mantissa} × 10{str(power).translate(_SUPERSCRIPT)}"
    return text.replace("-", "−")


def _format_column(values: Sequence[object], digits: int = 4) -> list[str]:
    """Write a column with one number of decimals where its floats are of one size."""
    floats = [
        float(v) for v in values if isinstance(v, (float, np.floating)) and math.isfinite(float(v))
    ]
    sizes = [math.floor(math.log10(abs(v))) for v in floats if v != 0]
    if not sizes or max(sizes) - min(sizes) > 2 or max(sizes) >= 5 or min(sizes) < -3:
        return [format_number(v, digits) for v in values]
    decimals = max(digits - 1 - max(sizes), 0)
    return [
        f"{float(v):.{decimals}f}".replace("-", "−")
        if isinstance(v, (float, np.floating)) and math.isfinite(float(v))
        else format_number(v, digits)
        for v in values
    ]


def figure_png(figure: Figure, dpi: int = 150) -> bytes:
    """Content of a PNG file of a figure."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=dpi, facecolor="white")
    return stream.getvalue()


def figure_svg(figure: Figure) -> str:
    """Content of an SVG file of a figure; the same figure gives the same text."""
    import matplotlib

    stream = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": "vmt"}):
        figure.savefig(stream, format="svg", metadata={"Date": None}, facecolor="white")
    return stream.getvalue()


def write_table_csv(
    path: str | os.PathLike[str], columns: Sequence[str], rows: Sequence[Sequence[object]]
) -> None:
    """Write a table as CSV (UTF-8, full precision, empty where there is no number), atomically.

    Raises
    ------
    InputError
        If a row does not have one cell per column, or the folder does not exist.
    """
    _check_rows(columns, rows)
    with whole_file(path) as temporary, open(temporary, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([_plain(cell) for cell in row])


def _plain(cell: object) -> object:
    if isinstance(cell, Badge):
        return cell.text
    if isinstance(cell, (float, np.floating)):
        return repr(float(cell)) if math.isfinite(float(cell)) else ""
    return "" if cell is None else cell


def _check_rows(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    for number, row in enumerate(rows):
        if len(row) != len(columns):
            raise InputError(
                f"Row {number} of the table has {len(row)} cells; expected {len(columns)}, one "
                f"for each of the columns {', '.join(columns)}."
            )


class Page:
    """A report page, built from the top down; every method returns the page.

    Parameters
    ----------
    title, subtitle : str
        Heading of the page.

    Examples
    --------
    >>> page = Page("A structure", "made up")
    >>> page = page.section("Numbers").table(["phase", "share"], [["solid", 0.46]])
    >>> "<td" in page.html()
    True
    """

    def __init__(self, title: str, subtitle: str = "") -> None:
        self.title = title
        self.subtitle = subtitle
        self._blocks: list[dict[str, Any]] = []
        self._anchors: set[str] = set()

    def _add(self, kind: str, **content: Any) -> Page:
        self._blocks.append({"kind": kind, **content})
        return self

    def _anchor(self, title: str) -> str:
        base = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-") or "section"
        name, count = base, 2
        while name in self._anchors:
            name, count = f"{base}-{count}", count + 1
        self._anchors.add(name)
        return name

    def verdict(self, text: str) -> Page:
        """Add the headline sentence."""
        return self._add("verdict", text=text)

    def section(self, title: str, text: str | Sequence[str] = "") -> Page:
        """Begin a section; blank lines in the text, or several texts, are paragraphs."""
        anchor = self._anchor(title)
        return self._add("section", title=title, anchor=anchor, paragraphs=_paragraphs(text))

    def text(self, text: str | Sequence[str]) -> Page:
        """Add paragraphs."""
        return self._add("text", paragraphs=_paragraphs(text))

    def badges(self, badges: Sequence[Badge | str]) -> Page:
        """Add a line of badges."""
        made = [badge if isinstance(badge, Badge) else Badge(badge) for badge in badges]
        return self._add("badges", badges=made) if made else self

    def cards(self, cards: Sequence[Card]) -> Page:
        """Add key numbers side by side."""
        shown = [
            {"label": c.label, "value": format_number(c.value), "unit": c.unit, "note": c.note}
            for c in cards
        ]
        return self._add("cards", cards=shown)

    def callout(self, kind: CalloutKind, text: str, *, label: str = "") -> Page:
        """Add a remark that must be seen: a finding, a warning, good news or a note."""
        labels = {"finding": "Finding.", "warning": "Warning.", "good": "Good.", "note": "Note."}
        if kind not in labels:
            raise InputError(f"A callout of kind {kind!r} is not known; expected {list(labels)}.")
        return self._add("callout", tone=kind, label=label or labels[kind], text=text)

    def table(
        self,
        columns: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        caption: str = "",
        units: Sequence[str] | None = None,
        align: Sequence[Align] | None = None,
        digits: int = 4,
    ) -> Page:
        """Add a table.

        Parameters
        ----------
        columns : sequence of str
            Headings.
        rows : sequence of rows
            Cells: text, numbers, None (a dash) or a `Badge`.
        caption : str
            Text above the table.
        units : sequence of str, optional
            Unit of each column, below its heading; empty where there is none.
        align : sequence of {"left", "right", "center"}, optional
            Default: numbers right, everything else left.
        digits : int
            Significant digits.

        Raises
        ------
        InputError
            If a row, the units or the alignments don't have one entry per column.
        """
        _check_rows(columns, rows)
        for name, given in (("units", units), ("align", align)):
            if given is not None and len(given) != len(columns):
                raise InputError(
                    f"{name} has {len(given)} entries; expected {len(columns)}, one per column."
                )
        by_column = [[row[i] for row in rows] for i in range(len(columns))]
        heads = [
            {
                "name": name,
                "unit": units[i] if units is not None else "",
                "align": align[i] if align is not None else _natural_align(by_column[i]),
            }
            for i, name in enumerate(columns)
        ]
        texts = [_format_column(column, digits) for column in by_column]
        cells = [
            [
                {"badge": cell} if isinstance(cell, Badge) else {"badge": None, "text": texts[i][n]}
                for i, cell in enumerate(row)
            ]
            for n, row in enumerate(rows)
        ]
        return self._add("table", columns=heads, rows=cells, caption=caption)

    def figure(self, content: Figure | bytes | str, caption: str = "", alt: str = "") -> Page:
        """Add one figure: a matplotlib figure, PNG or JPEG bytes, or SVG text."""
        return self.figures([Picture(content, caption, alt)])

    def figures(self, pictures: Sequence[Picture]) -> Page:
        """Add figures side by side, as many in a row as fit."""
        return self._add("figures", figures=[_embed(picture) for picture in pictures])

    def details(
        self,
        title: str,
        text: str | Sequence[str] = "",
        *,
        pairs: Mapping[str, object] | None = None,
    ) -> Page:
        """Add something that is folded until it is asked for."""
        shown = list(_flat(pairs or {}))
        return self._add("details", title=title, paragraphs=_paragraphs(text), pairs=shown)

    def provenance(self, mapping: Mapping[str, object]) -> Page:
        """Add the section that says where the result comes from."""
        return self._add(
            "provenance", anchor=self._anchor("provenance"), pairs=list(_flat(mapping))
        )

    def html(self) -> str:
        """Give the whole page as text."""
        return _template().render(
            title=self.title, subtitle=self.subtitle, version=__version__, blocks=self._blocks
        )

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the page to a file, whole or not at all."""
        text = self.html()
        with whole_file(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _paragraphs(text: str | Sequence[str]) -> list[str]:
    texts = [text] if isinstance(text, str) else text
    return [part.strip() for one in texts for part in re.split(r"\n\s*\n", one) if part.strip()]


def _natural_align(column: Sequence[object]) -> Align:
    known = [cell for cell in column if cell is not None]
    numeric = (int, float, np.integer, np.floating)
    if known and all(isinstance(c, numeric) and not isinstance(c, bool) for c in known):
        return "right"
    return "left"


def _flat(mapping: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in mapping.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name} › ")
        elif isinstance(value, (list, tuple)):
            yield name, ", ".join(_exact(v) for v in value) or "–"
        else:
            yield name, _exact(value)


def _exact(value: object) -> str:
    if value is None:
        return "–"
    return f"{float(value):.10g}" if isinstance(value, (float, np.floating)) else str(value)


def _embed(picture: Picture) -> dict[str, str]:
    content = picture.content
    if isinstance(content, bytes):
        mime = next((m for magic, m in _MIME.items() if content.startswith(magic)), None)
        if mime is None:
            raise InputError("A picture's bytes are neither PNG nor JPEG; expected one of them.")
        data = content
    elif isinstance(content, str):
        mime, data = "image/svg+xml", content.encode()
    elif any(ax.images or (ax.collections and _heavy(ax.collections)) for ax in content.axes):
        mime, data = "image/png", figure_png(content)
    else:
        mime, data = "image/svg+xml", figure_svg(content).encode()
    return {
        "mime": mime,
        "data": base64.b64encode(data).decode("ascii"),
        "caption": picture.caption,
        "alt": picture.alt or picture.caption or "figure",
    }


def _heavy(collections: Sequence[Any]) -> bool:
    return sum(len(c.get_offsets()) + len(c.get_paths()) for c in collections) > 2000


@functools.cache
def _template() -> Template:
    import jinja2

    loader = jinja2.PackageLoader("vmt.report", "templates")
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("page.html")
