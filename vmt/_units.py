"""Units at the edge: lengths as people write them, SI inside.

A length is a number and a unit, ``"10 nm"``; a spacing is one length or three separated by commas,
``"10 nm, 10 nm, 20 nm"``. A bare number is refused: a spacing is never guessed.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal

from vmt.errors import InputError

__all__ = [
    "LENGTH_UNITS",
    "check_spacing",
    "format_length",
    "parse_current_density",
    "parse_length",
    "parse_seconds",
    "parse_spacing",
    "parse_voltage",
]

#: meters per unit, with the spellings found in TIFF tags and on keyboards
LENGTH_UNITS: dict[str, float] = {
    "m": 1.0,
    "meter": 1.0,
    "cm": 1e-2,
    "centimeter": 1e-2,
    "mm": 1e-3,
    "millimeter": 1e-3,
    "um": 1e-6,
    "µm": 1e-6,  # micro sign
    "μm": 1e-6,  # Greek mu
    "micron": 1e-6,
    "microns": 1e-6,
    "micrometer": 1e-6,
    "nm": 1e-9,
    "nanometer": 1e-9,
    "angstrom": 1e-10,
    "Å": 1e-10,
    "pm": 1e-12,
    "inch": 0.0254,
}

_LENGTH = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\d\s,]+)\s*")
_EXPECTED = 'expected a number with a unit, as "10 nm" or "0.398 µm"'
_DIMENSIONS = 3


def parse_length(text: str) -> float:
    """Read a length with its unit, in meters.

    Raises
    ------
    InputError
        If the text is not a positive number followed by a known unit of length.

    Examples
    --------
    >>> parse_length("10 nm")
    1e-08
    """
    match = _LENGTH.fullmatch(text)
    if match is None:
        raise InputError(f"{text!r} is not a length; {_EXPECTED}.")
    number, unit = match.groups()
    if unit not in LENGTH_UNITS:
        known = "pm, nm, µm (um), mm, cm, m"
        raise InputError(f"{text!r} has the unknown unit {unit!r}; {_EXPECTED} (units: {known}).")
    value = float(Decimal(number) * Decimal(repr(LENGTH_UNITS[unit])))  # 400 nm is 4e-07, exactly
    if not (math.isfinite(value) and value > 0):
        raise InputError(f"{text!r} is not a positive length; {_EXPECTED}.")
    return value


def parse_spacing(text: str) -> tuple[float, float, float]:
    """Read a voxel spacing: one length, or three separated by commas, in meters.

    Raises
    ------
    InputError
        If there are not one or three lengths, or one of them can't be read.

    Examples
    --------
    >>> parse_spacing("10 nm, 10 nm, 20 nm")
    (1e-08, 1e-08, 2e-08)
    """
    parts = [parse_length(part) for part in text.split(",")]
    if len(parts) == 1:
        return (parts[0], parts[0], parts[0])
    if len(parts) == _DIMENSIONS:
        return (parts[0], parts[1], parts[2])
    raise InputError(
        f"{text!r} has {len(parts)} lengths; expected one for cubic voxels or three, "
        'as "10 nm, 10 nm, 20 nm".'
    )


def check_spacing(spacing: object) -> tuple[float, float, float]:
    """Turn a spacing in meters, one number or three, into three positive floats.

    Raises
    ------
    InputError
        If it is not one or three positive, finite numbers.

    Examples
    --------
    >>> check_spacing(1e-8)
    (1e-08, 1e-08, 1e-08)
    """
    try:
        values = (
            [float(v) for v in spacing]  # type: ignore[attr-defined]  # any sequence of numbers
            if hasattr(spacing, "__len__") and not isinstance(spacing, str)
            else [float(spacing)] * _DIMENSIONS  # type: ignore[arg-type]  # checked by float()
        )
    except (TypeError, ValueError):
        values = []
    if len(values) != _DIMENSIONS or not all(math.isfinite(v) and v > 0 for v in values):
        raise InputError(
            f"spacing {spacing!r} can't be used; expected one positive number or three, "
            "in meters, as spacing=10e-9."
        )
    return (values[0], values[1], values[2])


def format_length(value: float, digits: int = 4) -> str:
    """Write a length in meters with the unit that reads best.

    Examples
    --------
    >>> format_length(3.98e-07)
    '398 nm'
    """
    for unit, scale in (("m", 1.0), ("mm", 1e-3), ("µm", 1e-6), ("nm", 1e-9)):
        if value >= scale * 0.9999995:
            return f"{value / scale:.{digits}g} {unit}"
    return f"{value / 1e-12:.{digits}g} pm"


#: A/m² per unit
_CURRENT_DENSITIES = {
    "A/m2": 1.0,
    "A/m²": 1.0,
    "mA/cm2": 10.0,
    "mA/cm²": 10.0,
    "A/cm2": 1e4,
    "A/cm²": 1e4,
    "µA/cm2": 1e-2,
    "uA/cm2": 1e-2,
}
_C_RATE = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)?)\s*C(?:\s*/\s*(\d+\.?\d*))?\s*")
_CURRENT = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*([^\d\s].*?)\s*")


def parse_current_density(text: str) -> tuple[float, str]:
    """Read a current density with its unit, or a C-rate.

    Returns
    -------
    (value, kind)
        Kind "A/m²" or "C".

    Raises
    ------
    InputError
        If the text is neither.

    Examples
    --------
    >>> parse_current_density("5.57 mA/cm2"), parse_current_density("C/2")
    ((55.7, 'A/m²'), (0.5, 'C'))
    """
    rate = _C_RATE.fullmatch(text)
    if rate is not None:
        first = rate.group(1)
        value = (-1.0 if first == "-" else 1.0) if first in ("", "+", "-") else float(first)
        divisor = float(rate.group(2) or 1.0)
        if divisor > 0 and value != 0:
            return value / divisor, "C"
    match = _CURRENT.fullmatch(text)
    if match is not None and match.group(2) in _CURRENT_DENSITIES:
        scale = Decimal(repr(_CURRENT_DENSITIES[match.group(2)]))
        return float(Decimal(match.group(1)) * scale), "A/m²"
    raise InputError(
        f'{text!r} is not a current density; expected a number with a unit, as "5.57 mA/cm2" or '
        '"20 A/m2", or a C-rate, as "1C" or "C/10".'
    )


def parse_seconds(text: str) -> float:
    """Read a length of time with its unit, in seconds.

    Raises
    ------
    InputError
        If it is not a number followed by s, min or h.

    Examples
    --------
    >>> parse_seconds("1.5 h"), parse_seconds("10 min")
    (5400.0, 600.0)
    """
    match = _CURRENT.fullmatch(text)
    scale = {"s": 1, "min": 60, "h": 3600}.get(match.group(2)) if match is not None else None
    if match is None or scale is None:
        raise InputError(f'{text!r} is not a time; expected as "90 s", "10 min" or "1.5 h".')
    return float(Decimal(match.group(1)) * scale)


def parse_voltage(text: str) -> float:
    """Read a voltage with its unit, in volts.

    Raises
    ------
    InputError
        If it is not a number followed by V or mV.

    Examples
    --------
    >>> parse_voltage("2900 mV")
    2.9
    """
    match = _CURRENT.fullmatch(text)
    scale = {"V": "1", "mV": "0.001"}.get(match.group(2)) if match is not None else None
    if match is None or scale is None:
        raise InputError(f'{text!r} is not a voltage; expected as "3.0 V" or "2900 mV".')
    return float(Decimal(match.group(1)) * Decimal(scale))
