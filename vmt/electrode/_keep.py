"""When fields are kept, and where: in memory, or each at once in the store of the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt.electrode._cell import AnyCell
from vmt.electrode._flux_maps import FLUXES, flux_arrays
from vmt.electrode._integrator import Integrator
from vmt.electrode._snapshot import FIELDS, STORE, Layout, Snapshot, stored_snapshots
from vmt.errors import InputError
from vmt.io import FieldStore, Slabs
from vmt.kernels.electrode import FluxFields, System

__all__ = ["FIELD_BYTES", "FLUX_BYTES", "Keeper", "Schedule"]

Floats = npt.NDArray[np.float64]
#: bytes a voxel that fields, and fluxes, of one time take in memory (reacting faces at one a voxel)
FIELD_BYTES, FLUX_BYTES = 16.0, 56.0
#: cells in order, their values, and what makes these a field: factor and summand
_Piece = tuple[npt.NDArray[np.int32], Floats, float, float]
_CLOSE = 1e-6  # shares of the capacity and of a time that count as met


class Schedule:
    """Shares of the capacity and times that are still to come."""

    def __init__(self, shares: Sequence[float], times: Sequence[float]) -> None:
        for share in shares:
            if not np.isfinite(share) or share < 0:
                raise InputError(f"keep holds {share!r}; expected shares of the areal capacity.")
        for time in times:
            if not np.isfinite(time) or time < 0:
                raise InputError(f"keep_times holds {time!r}; expected seconds since the start.")
        self.shares, self.times = sorted(set(shares)), sorted(set(times))

    def __len__(self) -> int:
        return len(self.shares) + len(self.times)

    def due(self, passed: float, time: float) -> bool:
        """Whether fields are to be kept now; what is met is taken off the list."""
        met = False
        while self.shares and passed >= self.shares[0] - _CLOSE:
            self.shares.pop(0)
            met = True
        while self.times and time >= self.times[0] * (1 - _CLOSE):
            self.times.pop(0)
            met = True
        return met

    def shorten(self, dt: float, time: float, passed: float, speed: float) -> float:
        """Step of at most dt that ends at the next of them, or half-way to it.

        `speed` is how fast the passed share grows [1/s].
        """
        ahead = self.times[0] - time if self.times else np.inf
        if self.shares and speed > 0:
            ahead = min(ahead, (self.shares[0] - passed) / speed)
        if ahead <= 0 or ahead >= 2 * dt:
            return dt
        return ahead if ahead <= dt else ahead / 2


class Keeper:
    """Writes down the fields of a run."""

    def __init__(self, cell: AnyCell, system: System, place: Path | None, *, fluxes: bool) -> None:
        self.cell, self.system, self.fluxes = cell, system, fluxes
        self.store = None if place is None else FieldStore(place / STORE)
        self.count = 0
        self.last = -1.0  # time of the newest
        self._held: list[Snapshot] = []
        self._layout: Layout | None = None

    def add(self, integrator: Integrator, charge: float, current: float, step: int) -> None:
        """Keep the fields of the newest state; charge [C] and current [A] at the terminal."""
        area = self.cell.cross_section
        about = (
            integrator.time, self.system.voltage(integrator.states[0]), current / area,
            charge / area, step,
        )  # fmt: skip
        if self.store is None:
            if self._layout is None:
                self._layout = Layout.of(self.cell)
            made = {}
            for name, array, _ in self._arrays(integrator):
                made[name] = array.whole() if isinstance(array, Slabs) else array
                made[name].flags.writeable = False
            self._held.append(Snapshot(*about, self._layout, made))
        else:
            if not self.store.path.is_dir():
                self._create()
            names = ("time [s]", "voltage [V]", "current density [A/m²]", "capacity [C/m²]", "step")
            self.store.write(
                self.count, self._arrays(integrator), dict(zip(names, about, strict=True))
            )
        self.count, self.last = self.count + 1, integrator.time

    def snapshots(self) -> tuple[Snapshot, ...]:
        """All that were kept."""
        return tuple(self._held) if self.store is None else stored_snapshots(self.store)

    def resume(self, count: int) -> None:
        """Go on after so many; what a killed run kept beyond its checkpoint is made again."""
        assert self.store is not None
        self.store.sweep()
        self.store.drop(count)
        there = self.store.groups()
        self.count = count
        self.last = float(self.store.attributes(there[-1])["time [s]"]) if there else -1.0

    def _create(self) -> None:
        assert self.store is not None
        layout = Layout.of(self.cell)
        about = {
            "kind": "fields of a cell",
            "axes": ["x", "y", "z"],
            "spacing [m]": list(layout.spacing),
            "counter layers": layout.counter_layers,
            "separator layers": layout.separator_layers,
            "phases": dict(layout.phases),
            "parameters": self.cell.materials.name,
            "areal capacity [C/m²]": self.cell.areal_capacity,
            "units": {**FIELDS, **(self._flux_units() if self.fluxes else {})},
        }
        self.store.create({"phase": layout.phase}, about)

    def _flux_units(self) -> dict[str, str]:
        both = len(self.system.parts) > 1
        return {n: unit for n, unit in FLUXES.items() if both or not n.startswith("counter")}

    def _arrays(
        self, integrator: Integrator
    ) -> Iterator[tuple[str, npt.NDArray[Any] | Slabs, str]]:
        s, n, x = self.system, self.system.network, integrator.states[0]
        shape = n.cells.shape
        plane = shape[1] * shape[2]
        na, counter = n.active, n.split_solid  # the active cells of a counter electrode come first
        rest = na + int(np.searchsorted(n.solid[na:], n.split * plane))
        full = [part.tables.largest for part in s.parts]
        cs, phi_s, start = x[s.cs], x[s.phi_s], self.system.offset
        first, last = slice(0, counter), slice(counter, na)
        parts: dict[str, list[_Piece]] = {
            "stoichiometry": [
                (n.solid[first], cs[first], 1 / full[-1], 0.0),
                (n.solid[last], cs[last], 1 / full[0], 0.0),
            ],
            "salt": [(n.liquid, x[s.ce], 1.0, 0.0)],
            "solid_potential": [
                (n.solid[own], phi_s[own], 1.0, offset)
                for own, offset in (
                    (first, 0.0), (last, start), (slice(na, rest), 0.0), (slice(rest, None), start),
                )
            ],
            "liquid_potential": [(n.liquid, x[s.phi_e], 1.0, s.liquid_offset)],
        }  # fmt: skip
        for name, made in parts.items():
            yield name, Slabs(shape, np.float32, _Spread(made, shape, plane)), FIELDS[name]
        if self.fluxes:
            rate, past = _derivative(integrator)
            for name, array in flux_arrays(FluxFields(s, x, rate, past)):
                yield name, array, FLUXES[name]


class _Spread:
    """Puts values of numbered voxels, in order, into slabs of the box."""

    def __init__(
        self,
        parts: list[_Piece],
        shape: tuple[int, ...],
        plane: int,
    ) -> None:
        self.parts, self.shape, self.plane = parts, shape, plane

    def __call__(self, start: int, stop: int) -> npt.NDArray[np.float32]:
        field = np.full((stop - start, *self.shape[1:]), np.nan, np.float32)
        flat = field.reshape(-1)
        for where, values, scale, offset in self.parts:
            a, b = np.searchsorted(where, (start * self.plane, stop * self.plane))
            flat[where[a:b] - start * self.plane] = values[a:b] * scale + offset
        return field


def _derivative(integrator: Integrator) -> tuple[float, Floats]:
    """Time derivative at the newest state as rate·x + past, as its step had it."""
    states, steps = integrator.states, integrator.steps
    if not steps:  # at rest
        return 0.0, np.zeros_like(states[0])
    dt = steps[0]
    if integrator.settings.order == 1 or len(states) < 3:
        return 1 / dt, states[1] * (-1 / dt)
    w = dt / steps[1]
    past = states[1] * (-(1 + w) / dt)
    past += states[2] * (w * w / (1 + w) / dt)
    return (1 + 2 * w) / (1 + w) / dt, past
