"""Columns of measured curves: text tables with a header that names quantities and units."""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from vmt._units import LENGTH_UNITS
from vmt.errors import InputError

__all__ = ["AMOUNTS", "LENGTHS", "PRESSURES", "SPECIFIC_VOLUMES", "Quantity", "read_columns"]

_LARGEST = 64 * 2**20
_STP = 1e-3 / 22.413969545e-3  # mol/kg in one cm³(STP)/g

PRESSURES = {
    "Pa": 1.0,
    "hPa": 1e2,
    "kPa": 1e3,
    "MPa": 1e6,
    "GPa": 1e9,
    "mbar": 1e2,
    "bar": 1e5,
    "atm": 101325.0,
    "psi": 6894.757293168,
    "psia": 6894.757293168,
    "torr": 101325.0 / 760,
    "mmHg": 133.322387415,
}
SPECIFIC_VOLUMES = {
    "m3/kg": 1.0,
    "cm3/g": 1e-3,
    "cc/g": 1e-3,
    "ml/g": 1e-3,
    "mm3/g": 1e-6,
    "mm3/mg": 1e-3,
}
AMOUNTS = {
    "mol/kg": 1.0,
    "mmol/g": 1.0,
    "umol/g": 1e-3,
    "cm3(stp)/g": _STP,
    "cm3/gstp": _STP,
    "cm3/g(stp)": _STP,
    "cm3stp/g": _STP,
    "cc(stp)/g": _STP,
    "cc/gstp": _STP,
    "ml(stp)/g": _STP,
}
LENGTHS = dict(LENGTH_UNITS)


@dataclass(frozen=True)
class Quantity:
    """A column to look for: words in its name, and the value of its units; none if it has none."""

    key: str
    words: Sequence[str]
    units: Mapping[str, float] | None


def read_columns(
    path: str | os.PathLike[str], quantities: Sequence[Quantity]
) -> dict[str, npt.NDArray[np.float64]]:
    """Read the columns that a table has of some quantities, in SI units.

    Commas, semicolons and tabs separate columns; with the latter two a comma may be a decimal
    point. Lines that are empty or begin with # are skipped. The header names each column and, in
    brackets or after a slash, its unit: ``pressure [MPa]``.

    Parameters
    ----------
    path : path
        The file.
    quantities : sequence of Quantity
        What to look for; a column is the first one whose words are in its name.

    Returns
    -------
    columns : dict of str to (n,) array
        By the key of the quantity.

    Raises
    ------
    InputError
        If the file can't be read, has no header or rows, a unit is missing or unknown, or a cell is
        no number; with the line.
    """
    lines = _lines(path)
    shown = os.fspath(path)
    separator = _separator(lines[0][1])
    decimal = "," if separator != "," else ""
    cells = next(csv.reader([lines[0][1]], delimiter=separator))
    found: dict[str, tuple[int, float]] = {}
    for place, cell in enumerate(cells):
        _match(cell, place, quantities, found, shown)
    if not found:
        raise InputError(
            f"{shown!r}: the header {lines[0][1]!r} names none of "
            f"{', '.join(q.words[0] for q in quantities)}; expected columns as 'pressure [MPa]'."
        )
    if len(lines) == 1:
        raise InputError(f"{shown!r} has a header but no rows.")
    values: dict[str, list[float]] = {key: [] for key in found}
    for number, text in lines[1:]:
        row = next(csv.reader([text], delimiter=separator))
        if len(row) != len(cells):
            raise InputError(
                f"{shown!r}, line {number}: {len(row)} cells, but the header has {len(cells)}."
            )
        for key, (place, scale) in found.items():
            values[key].append(scale * _number(row[place], decimal, shown, number, key))
    return {key: np.array(column) for key, column in values.items()}


def _lines(path: str | os.PathLike[str]) -> list[tuple[int, str]]:
    file = Path(path)
    try:
        if file.stat().st_size > _LARGEST:
            raise InputError(f"{str(file)!r} has more than 64 MiB; expected a table of a curve.")
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(
            f"{str(file)!r} is no UTF-8 text; save the curve as CSV in UTF-8."
        ) from None
    except OSError as error:
        raise InputError(f"{str(file)!r} can't be read: {error.strerror or error}.") from None
    numbered = [(i, line.strip("\r\n")) for i, line in enumerate(text.split("\n"), 1)]
    kept = [(i, line) for i, line in numbered if line.strip() and not line.lstrip().startswith("#")]
    if not kept:
        raise InputError(f"{str(file)!r} is empty; expected a header and rows.")
    return kept


def _separator(header: str) -> str:
    return next((s for s in ("\t", ";") if s in header), ",")


def _match(
    cell: str,
    place: int,
    quantities: Sequence[Quantity],
    found: dict[str, tuple[int, float]],
    shown: str,
) -> None:
    name = cell.strip().lower()
    for quantity in quantities:
        if not any(word in name for word in quantity.words):
            continue
        if quantity.key in found:
            raise InputError(
                f"{shown!r}: two columns of the header name the {quantity.words[0]}; keep one."
            )
        scale = 1.0 if quantity.units is None else _unit(cell, quantity, shown)
        found[quantity.key] = (place, scale)
        return


def _unit(cell: str, quantity: Quantity, shown: str) -> float:
    units = quantity.units or {}
    bracket = re.search(r"[\[(](.*)[\])]", cell)
    text = bracket.group(1) if bracket else cell.partition("/")[2]
    unit = text.replace(" ", "").replace("³", "3").replace("^", "").replace("*", "")
    unit = unit.replace("µ", "u").replace("μ", "u")
    known = ", ".join(units)
    if not unit:
        raise InputError(
            f"{shown!r}: the column {cell.strip()!r} has no unit; expected one of {known} in "
            "brackets, as 'pressure [MPa]'."
        )
    exact = units.get(unit)
    if exact is None and units is not PRESSURES:  # in pressures m and M differ
        exact = units.get(unit.lower())
    if exact is None:
        raise InputError(
            f"{shown!r}: the column {cell.strip()!r} has the unknown unit {unit!r}; expected one "
            f"of {known}."
        )
    return exact


def _number(cell: str, decimal: str, shown: str, line: int, key: str) -> float:
    text = cell.strip()
    if decimal and text.count(decimal) == 1 and "." not in text:
        text = text.replace(decimal, ".")
    try:
        value = float(text)
    except ValueError:
        raise InputError(f"{shown!r}, line {line}: {cell!r} is no number for the {key}.") from None
    if not np.isfinite(value):
        raise InputError(f"{shown!r}, line {line}: {cell!r} is not finite for the {key}.")
    return value
