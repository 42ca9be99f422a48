"""Whether a run stays inside the ranges that the sources of its laws cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt.electrode._laws import Law
from vmt.electrode._materials import ParameterSet
from vmt.kernels.electrode import System

__all__ = ["Watch"]

Floats = npt.NDArray[np.float64]
_ROOM = 298.15
_SLACK = 1e-6  # of a range
_ALIKE = 0.01  # [K]
_KEPT = ("since", "voltage", "beyond", "furthest", "at", "share")


@dataclass
class _Range:
    """Laws of one source with one range, and when and how far a run has left it."""

    salt: bool
    surface: bool  # whether the argument is that at the surface, too
    low: float
    high: float
    source: str
    names: list[str]
    part: int = 0  # 1: of the counter electrode
    since: float | None = None
    voltage: float = 0.0
    beyond: float = 0.0
    furthest: float = 0.0
    at: float = 0.0
    share: float = 0.0

    def see(self, low: float, high: float, time: float, voltage: float) -> bool:
        """Take note of the least and the largest argument; whether one is outside."""
        width = self.high - self.low
        below, above = self.low - low, high - self.high
        beyond = max(below, above)
        if beyond <= (_SLACK * width if np.isfinite(width) else 0.0):
            return False
        if self.since is None:
            self.since, self.voltage = time, voltage
        if beyond > self.beyond:
            self.beyond, self.at = beyond, time
            self.furthest = low if below > above else high
        return True

    def note(self) -> str:
        """What happened, in two sentences."""
        if self.salt:
            what, unit, where = "The salt concentration", " mol/m³", "electrolyte"
            outside = "extrapolated, and constant from 1.25 times the upper end on"
        else:
            what, unit, where, outside = "Stoichiometry", "", "active material", "extrapolated"
            if self.part:
                what, where = f"{what} of the counter electrode", f"{where} of it"
        place = f"in up to {max(100 * self.share, 0.01):.3g} % of the {where}"
        if self.share == 0:
            place = f"at the surface of the {where} only"
        return (
            f"{what} left {self.low:g} to {self.high:g}{unit}, the range of "
            f"{', '.join(self.names)} ({self.source}), from {self.since:.5g} s "
            f"({self.voltage:.3f} V) on, {place}; furthest {self.furthest:.4g}{unit} at "
            f"{self.at:.5g} s. Values out there are {outside}."
        )


class Watch:
    """Compares the states of a run with the ranges of the laws it uses."""

    def __init__(self, parameters: ParameterSet, counter: ParameterSet | None = None) -> None:
        e = parameters.electrolyte
        self.ranges: list[_Range] = []
        for law in (e.conductivity, e.diffusivity, e.transference, e.thermodynamic_factor):
            self._put(law, salt=True, surface=False)
        for part, given in enumerate((parameters, counter)):
            if given is None:
                continue
            a = given.active_material
            self._put(a.open_circuit_potential, salt=False, surface=True, part=part)
            for law in (a.conductivity, a.diffusivity):
                self._put(law, salt=False, surface=False, part=part)
        self.temperature = parameters.temperature

    def _put(self, law: Law, *, salt: bool, surface: bool, part: int = 0) -> None:
        low, high = (float(v) for v in law.valid)
        if not (np.isfinite(low) or np.isfinite(high)):
            return
        for known in self.ranges:
            if (known.salt, known.surface, known.low, known.high, known.source, known.part) == (
                salt, surface, low, high, law.source, part
            ):  # fmt: skip
                known.names.append(law.name)
                return
        self.ranges.append(_Range(salt, surface, low, high, law.source, [law.name], part))

    def see(self, system: System, x: Floats, time: float) -> None:
        """Look at a state that was accepted."""
        ce, cs = x[system.ce], x[system.cs]
        salt = float(ce.min()), float(ce.max())
        stored = []
        for part in system.parts:
            full, here = part.tables.largest, cs[part.active]
            inside = float(here.min()) / full, float(here.max()) / full
            solved = system.surface[part.faces]
            outer = solved >= 0  # faces that were never solved for hold -1
            surface = (
                min(inside[0], float(solved.min(where=outer, initial=full)) / full),
                max(inside[1], float(solved.max(where=outer, initial=0.0)) / full),
            )
            stored.append((inside, surface))
        voltage = system.voltage(x)
        for r in self.ranges:
            found = salt if r.salt else stored[r.part][int(r.surface)]
            if not r.see(*found, time, voltage):
                continue
            values, unit, weight = ce, 1.0, system.network.liquid_volume
            if not r.salt:
                own = system.parts[r.part].active
                values, weight = cs[own], system.network.solid_volume[own]
                unit = system.parts[r.part].tables.largest
            out = (values < r.low * unit) | (values > r.high * unit)
            r.share = max(r.share, float(weight[out].sum() / weight.sum()))

    def notes(self) -> list[str]:
        """One sentence a range that was left, and one if the temperature is not the laws'."""
        told = [r.note() for r in self.ranges if r.since is not None]
        if self.ranges and abs(self.temperature - _ROOM) > _ALIKE:
            told.append(
                f"The laws are those at {_ROOM} K; at {self.temperature:g} K only the thermal "
                "voltage RT/F is another."
            )
        return told

    def state(self) -> list[dict[str, Any]]:
        """What a checkpoint holds."""
        return [{k: getattr(r, k) for k in _KEPT} for r in self.ranges]

    def restore(self, held: list[dict[str, Any]] | None) -> None:
        """Go on from a checkpoint of the same parameters."""
        for r, values in zip(self.ranges, held or [], strict=False):
            for name, value in values.items():
                setattr(r, name, value)
