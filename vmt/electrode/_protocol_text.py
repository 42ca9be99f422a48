"""Protocols as people write them: `Discharge at C/10 until 3.0 V`.

The style is that of PyBaMM's `Experiment`; the grammar is in `docs/protocols.md`. Nothing of a
text is evaluated: what does not match the grammar as a whole is refused.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from vmt.electrode._protocol import CurrentStep, PowerStep, Rest, Step, VoltageStep
from vmt.errors import InputError

__all__ = ["parse_step"]

_NUMBER = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?"
_QUANTITY = re.compile(rf"({_NUMBER})\s*([a-zµ]+(?:\s*/\s*[a-z]+[²2]?)?[²2]?)", re.I)
_RATE = re.compile(rf"(?:({_NUMBER})\s*)?c(?:\s*/\s*({_NUMBER}))?", re.I)
_STEP = re.compile(r"(rest|hold|discharge|charge)\b\s*(.*)", re.I | re.S)
_ENDS = re.compile(r"\s*\b(?:or\s+)?(for|until)\b\s*", re.I)

_TIMES = {
    **dict.fromkeys(("s", "sec", "second", "seconds"), 1.0),
    **dict.fromkeys(("min", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hour", "hours"), 3600.0),
}
_VOLTAGES = {"v": 1.0, "mv": 1e-3}
_CURRENTS = {"a/m2": 1.0, "ma/cm2": 10.0, "a/cm2": 1e4}
_POWERS = {"w/m2": 1.0, "mw/cm2": 10.0, "w/cm2": 1e4}
_EXAMPLES = (
    '"Discharge at C/10 until 3.0 V", "Charge at 5.57 mA/cm2 for 2 h or until 4.3 V", '
    '"Hold at 4.3 V until C/50", "Rest for 30 min"'
)


def parse_step(text: str, one_hour_current: float | None = None) -> Step:
    """Read one step.

    Parameters
    ----------
    text : str
        As in `docs/protocols.md`.
    one_hour_current : float, optional
        Current density of 1C [A/m²], for rates as C/10.

    Raises
    ------
    InputError
        If the text does not match the grammar, or a rate is given without `one_hour_current`.

    Examples
    --------
    >>> parse_step("Charge at 2 mA/cm2 for 1 h or until 4.3 V")
    CurrentStep(current_density=-20.0, cutoff_voltage=4.3, duration=3600.0)
    """
    found = _STEP.fullmatch(text.strip())
    if found is None:
        raise _refusal(text, "it does not begin with Rest, Hold, Discharge or Charge")
    verb, rest = found.group(1).lower(), found.group(2).strip()
    target, ends = _split(text, rest)
    if verb == "rest":
        if target or set(ends) != {"for"}:
            raise _refusal(text, "a rest is 'Rest for' and a time")
        return Rest(_time(text, ends["for"]))
    if not target.lower().startswith("at ") or not ends:
        raise _refusal(text, f"expected '{verb} at' a value, then 'for' a time or 'until' a limit")
    value = target[3:].strip()
    duration = _time(text, ends["for"]) if "for" in ends else None
    limit = ends.get("until")

    def current(given: str) -> float | None:
        return _current(text, given, one_hour_current)

    if verb == "hold":
        voltage = _unit(value, _VOLTAGES)
        if voltage is None:
            raise _refusal(text, f"{value!r} is not a voltage in V or mV")
        cutoff = None if limit is None else current(limit)
        if limit is not None and cutoff is None:
            raise _refusal(text, f"{limit!r} is not a current density or a rate")
        return VoltageStep(voltage, cutoff_current_density=cutoff, duration=duration)
    sign = 1.0 if verb == "discharge" else -1.0
    voltage = None if limit is None else _unit(limit, _VOLTAGES)
    if limit is not None and voltage is None:
        raise _refusal(text, f"{limit!r} is not a voltage in V or mV")
    for read, step in ((current, CurrentStep), (_power, PowerStep)):
        size = read(value)
        if size is not None:
            if not size > 0:
                raise _refusal(text, f"{value!r} is not positive; the verb gives the sign")
            make: Callable[..., Step] = step
            return make(sign * size, cutoff_voltage=voltage, duration=duration)
    raise _refusal(
        text,
        f"{value!r} is not a rate (C/10, 2C), a current density (A/m2, mA/cm2) or a power "
        "density (W/m2, mW/cm2)",
    )


def _split(text: str, rest: str) -> tuple[str, dict[str, str]]:
    """Take apart `at … for … or until …`."""
    parts = _ENDS.split(rest)
    target, ends = parts[0].strip(), {}
    for word, value in zip(parts[1::2], parts[2::2], strict=True):
        if word.lower() in ends or not value.strip():
            raise _refusal(text, f"{word!r} stands twice or without a value")
        ends[word.lower()] = value.strip()
    return target, ends


def _unit(text: str, units: dict[str, float]) -> float | None:
    found = _QUANTITY.fullmatch(text)
    if found is None:
        return None
    name = re.sub(r"\s", "", found.group(2)).lower().replace("²", "2")
    value = float(found.group(1))
    if name not in units or not math.isfinite(value):
        return None
    return value * units[name]


def _power(text: str) -> float | None:
    return _unit(text, _POWERS)


def _time(text: str, given: str) -> float:
    seconds = _unit(given, _TIMES)
    if seconds is None or not seconds > 0:
        raise _refusal(text, f"{given!r} is not a positive time in s, min or h")
    return seconds


def _current(text: str, given: str, one_hour_current: float | None) -> float | None:
    rate = _RATE.fullmatch(given)
    if rate is None:
        return _unit(given, _CURRENTS)
    if one_hour_current is None:
        raise InputError(
            f"{text!r} gives a rate; rates need the current density of 1C, as in "
            "Protocol.parse(text, one_hour_current=cell.current_density(1.0))."
        )
    over, under = (1.0 if g is None else float(g) for g in rate.groups())
    if under == 0:
        raise _refusal(text, f"{given!r} divides by zero")
    return over / under * one_hour_current


def _refusal(text: str, why: str) -> InputError:
    shown = text if len(text) <= 200 else text[:200] + "…"
    return InputError(f"The step {shown!r} can't be read: {why}. Examples: {_EXAMPLES}.")
