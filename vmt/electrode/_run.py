"""Run a cell through a protocol."""

from __future__ import annotations

import json
import os
import time as clock
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory, return_large_blocks
from vmt._files import run_directory, whole_file
from vmt._progress import Remaining
from vmt._progress import steps as progress_steps
from vmt.electrode._cell import AnyCell
from vmt.electrode._identity import identity_of
from vmt.electrode._integrator import Integrator, Settings, StepFailed, Taken
from vmt.electrode._keep import FIELD_BYTES, FLUX_BYTES, Keeper, Schedule
from vmt.electrode._memory import needed_bytes
from vmt.electrode._protocol import CurrentStep, PowerStep, Protocol, Rest, Step, VoltageStep
from vmt.electrode._record import Record
from vmt.electrode._result import Discharge
from vmt.electrode._stored_run import write_run
from vmt.electrode._tables import tables_of
from vmt.electrode._validity import Watch
from vmt.errors import ConvergenceError, InputError
from vmt.kernels.electrode import Control, System

__all__ = ["cycle", "discharge"]

Floats = npt.NDArray[np.float64]

_SETTLING = 1e-3  # first step, which only finds the potentials [s]
_AT_VOLTAGE = 1e-3  # [V]
_LEAST_SALT = 1.0  # [mol/m³]
_SHORTEST = 1e-9  # of the time that the capacity lasts
_LARGE = 1_000_000
_MOST_REPEATED = 40


def discharge(
    cell: AnyCell,
    current_density: float,
    *,
    cutoff_voltage: float | None = None,
    keep: Sequence[float] = (),
    keep_times: Sequence[float] = (),
    fluxes: bool = False,
    directory: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 300.0,
    settings: Settings | None = None,
) -> Discharge:
    """Discharge a cell at constant current down to a voltage.

    Parameters
    ----------
    cell : HalfCell, SymmetricCell or Cell
        The cell.
    current_density : float
        [A/m²]; positive lithiates the working electrode.
    cutoff_voltage : float, optional
        Where to stop [V]; the parameter set's by default. A symmetric cell needs one, below 0 V
        for a positive current.
    keep : sequence of float
        Shares of the areal capacity at which the fields are kept; the end is always kept.
    keep_times : sequence of float
        Times since the start at which they are kept, too [s].
    fluxes : bool
        Whether current densities, lithium flux and local reaction are kept with the fields.
    directory : path, optional
        Where checkpoints go, and the fields that are kept (a Zarr store, `read_fields`), which
        then take no memory; a run that was stopped goes on from there.
    checkpoint_every : float
        Seconds between checkpoints.
    settings : Settings, optional
        Tolerances of the solver.

    Raises
    ------
    InputError
        If the current is not a number, zero, or larger than any cell stands, or the cut-off does
        not lie beyond the voltage at the start.
    ConvergenceError
        If the solver finds no further step before the cut-off.
    MemoryBudgetError
        If the cell does not fit into memory.

    Examples
    --------
    >>> from vmt import HalfCell, Microstructure
    >>> labels = np.zeros((12, 2, 1), np.uint8)
    >>> labels[:, 1] = 1
    >>> cell = HalfCell(Microstructure(labels, 5e-6), "nmc532-xu2019")
    >>> run = discharge(cell, cell.current_density(1.0), cutoff_voltage=3.4)
    >>> run.stopped_because
    ('cut-off voltage',)
    """
    cutoff = cell.cutoff_voltage if cutoff_voltage is None else cutoff_voltage
    if cutoff is None:
        raise InputError(
            "A symmetric cell has no cut-off voltage of its own; give cutoff_voltage, as -0.3 V "
            "for a positive current, whose voltage is below 0."
        )
    protocol = Protocol([CurrentStep(current_density, cutoff)])
    return cycle(
        cell,
        protocol,
        keep=keep,
        keep_times=keep_times,
        fluxes=fluxes,
        directory=directory,
        checkpoint_every=checkpoint_every,
        settings=settings,
    )


def cycle(
    cell: AnyCell,
    protocol: Protocol,
    *,
    keep: Sequence[float] = (),
    keep_times: Sequence[float] = (),
    fluxes: bool = False,
    directory: str | os.PathLike[str] | None = None,
    checkpoint_every: float = 300.0,
    settings: Settings | None = None,
) -> Discharge:
    """Run a cell through a protocol.

    Parameters
    ----------
    cell : HalfCell, SymmetricCell or Cell
        The cell.
    protocol : Protocol
        What to do.
    keep : sequence of float
        Shares of the areal capacity passed (in magnitude) at which the fields are kept; the end is
        always kept.
    keep_times : sequence of float
        Times since the start at which they are kept, too [s].
    fluxes : bool
        Whether current densities, lithium flux and local reaction are kept with the fields.
    directory : path, optional
        Where checkpoints go, and the fields that are kept (a Zarr store, `read_fields`), which
        then take no memory; a run that was stopped goes on from there.
    checkpoint_every : float
        Seconds between checkpoints.
    settings : Settings, optional
        Tolerances of the solver.

    Raises
    ------
    InputError, ConvergenceError, MemoryBudgetError
        As for `discharge`.

    Examples
    --------
    >>> from vmt import HalfCell, Microstructure
    >>> labels = np.zeros((12, 2, 1), np.uint8)
    >>> labels[:, 1] = 1
    >>> cell = HalfCell(Microstructure(labels, 5e-6), "nmc532-xu2019")
    >>> run = cycle(cell, Protocol([CurrentStep(5.0, duration=60.0), Rest(60.0)]))
    >>> run.stopped_because
    ('duration', 'duration')
    """
    chosen = settings or Settings()
    schedule = Schedule(keep, keep_times)
    _check(cell, protocol)
    voxels = cell.cells.size
    each = FIELD_BYTES + (FLUX_BYTES if fluxes else 0.0)
    kept = each * (1 + len(schedule)) if directory is None else 0.0
    require_memory(
        needed_bytes(cell) + kept * voxels,
        f"a cell of {voxels:,} voxels",
        "Crop or coarsen the structure, give a directory for the fields that are kept, or use a "
        "machine with more memory.",
    )
    if voxels > _LARGE:
        return_large_blocks()
    owner: Any = nullcontext(None)
    if directory is not None:
        identity = identity_of(cell, protocol, chosen, keep)
        if schedule.times:
            identity["keep_times"] = list(keep_times)
        if fluxes:
            identity["fluxes"] = True
        owner = run_directory(directory, identity)
    with owner as place:
        run = _Run(cell, protocol, chosen, schedule, place, checkpoint_every, fluxes=fluxes)
        return run.go()


def _check(cell: AnyCell, protocol: Protocol) -> None:
    """Refuse what can't run before any long work."""
    a, start = cell.materials.active_material, cell.start_voltage
    if a.exchange_current.rate == 0 and a.double_layer == 0:
        raise InputError(
            "The exchange current density of the active material is 0 and it has no double layer: "
            "no current can enter it. Expected a positive rate."
        )
    first = True
    for step in protocol:
        if isinstance(step, CurrentStep):
            sign, cutoff = np.sign(step.current_density), step.cutoff_voltage
            rate = abs(step.current_density) / cell.current_density(1.0)
            if rate > 1000:
                raise InputError(
                    f"{step.current_density:g} A/m² would pass the areal capacity of "
                    f"{cell.areal_capacity / 36000:.3g} mA h/cm² in {3600 / rate:.2g} s; expected "
                    "at most 1000 times the current of one hour. Check the unit (A/m²)."
                )
        elif isinstance(step, PowerStep):
            if cell.cutoff_voltage is None:
                raise InputError(
                    "A symmetric cell gives out no power: at 0 V no current does. Use a "
                    "CurrentStep or a VoltageStep."
                )
            sign, cutoff = np.sign(step.power_density), step.cutoff_voltage
        else:
            first = False
            continue
        if first and cutoff is not None and (start - cutoff) * sign <= 0:
            raise InputError(
                f"The cut-off of {cutoff:g} V is not {'below' if sign > 0 else 'above'} the "
                f"voltage at the start, {start:.4f} V at stoichiometry "
                f"{a.initial_stoichiometry:g}; choose another, or the other sign of the current."
            )
        first = False


class _Run:
    """A run and its record."""

    def __init__(
        self,
        cell: AnyCell,
        protocol: Protocol,
        settings: Settings,
        schedule: Schedule,
        place: Path | None,
        checkpoint_every: float,
        *,
        fluxes: bool = False,
    ) -> None:
        self.cell, self.protocol, self.settings = cell, list(protocol), settings
        self.schedule = schedule
        self.place, self.checkpoint_every = place, checkpoint_every
        self.started, self.spent = clock.process_time(), 0.0
        single = settings.single
        if single is None:
            single = cell.cells.size > _LARGE
        tables = tables_of(cell.materials, counter=cell.counter_materials)
        self.system = System(cell.network(), tables, single=single)
        self.area = cell.cross_section
        self.reference = 0.05 * cell.current_density(1.0) * self.area
        self.record = Record(cell, self.system)
        self.integrator = Integrator(self.system, self._start(), settings, self.reference)
        self.reasons: list[str] = []
        self.notes: list[str] = []
        self.keeper = Keeper(cell, self.system, place, fluxes=fluxes)
        self.watch = Watch(cell.materials, cell.counter_materials)
        self.number, self.in_step, self.dt = 0, 0.0, 0.0

    def _start(self) -> Floats:
        m, s = self.cell.materials, self.system
        a = m.active_material
        x = np.zeros(s.size)
        x[s.ce] = m.electrolyte.concentration
        x[s.cs] = a.initial_stoichiometry * a.maximum_concentration
        start = float(a.open_circuit_potential(a.initial_stoichiometry))
        x[s.phi_s] = x[s.terminal] = start - s.tables.offset
        other = self.cell.counter_materials
        if other is not None:
            b, counter = other.active_material, s.parts[1]
            x[s.cs][counter.active] = b.initial_stoichiometry * b.maximum_concentration
            start = float(b.open_circuit_potential(b.initial_stoichiometry))
            lift = counter.tables.offset - start  # the other collector is at 0
            x[s.potentials] += lift
            x[s.phi_s][s.in_counter()] = 0.0
        return x

    def go(self) -> Discharge:
        """Run what is left of the protocol."""
        if not self._resume():
            self.record.first(self.integrator.states[0])
        self.saved = clock.monotonic()
        with self._bar() as told:
            while self.number < len(self.protocol):
                self._step(self.protocol[self.number], told)
                self.number, self.in_step, self.dt = self.number + 1, 0.0, 0.0
        if self.keeper.last != self.integrator.time:
            self._snapshot()
        self._save()
        result = self.record.result(
            self.reasons,
            self.keeper.snapshots(),
            [*self.notes, *self.watch.notes()],
            self.spent + clock.process_time() - self.started,
        )
        if self.place is not None:
            write_run(result, self.place)
        return result

    @contextmanager
    def _bar(self) -> Iterator[Any]:
        """Show how much is done, voltage, step, and the time that is left."""
        total = 1000
        left = Remaining()
        with progress_steps("cell", total, estimates=True) as step:
            shown = 0

            def told(share: float, voltage: float, dt: float) -> None:
                nonlocal shown
                now = int(min(max(share, 0.0), 1.0) * total)
                text = f"{voltage:.3f} V, step {dt:.3g} s"
                step(text, advance=max(now - shown, 0), left=left(share))
                shown = max(shown, now)

            yield told

    def _step(self, step: Step, told: Any) -> None:
        """Take one step of the protocol to its end."""
        control = self._control(step)
        lasts = self._lasts(step)
        fixed = self.settings.fixed_step
        if self.in_step == 0.0:
            self.integrator.restart()
            self.record.new_step(self.number)
            self._settle(control)
            ended = self._ended(step, self.integrator.states[0], control)
            if ended:
                self.reasons.append(ended)
                return
            self.integrator.restart()
            self.record.restart()
            self.dt = fixed or max(3e-4 * lasts, 2 * _SETTLING)
        longest = self.settings.longest * lasts
        shortest = _SHORTEST * lasts
        low = high = None  # steps with their voltages around the cut-off
        repeated = 0
        while True:
            duration = getattr(step, "duration", None)
            left = np.inf if duration is None else duration - self.in_step
            dt = min(self.dt, longest, left) if fixed is None else min(fixed, left)
            if fixed is None and len(self.schedule):
                time, passed = self.integrator.time, self._passed()
                dt = self.schedule.shorten(dt, time, passed, self._speed(step))
            if dt < left < dt * (1 + 1e-6):
                dt = left  # rounding leaves no step of its own
            if high is not None:
                assert low is not None
                dt = _between(low, high, self._cutoff(step))
            last = dt >= left * (1 - 1e-12)
            taken = self._attempt(dt, control)
            v0 = self.system.voltage(self.integrator.states[0])
            if taken is None or (
                fixed is None
                and high is None
                and (
                    taken.error > 1.5
                    or abs(self.system.voltage(taken.x) - v0) > self._most(v0, step)
                )
            ):
                if taken is None:
                    self.dt = 0.3 * dt
                else:
                    over = abs(self.system.voltage(taken.x) - v0) / self._most(v0, step)
                    self.dt = dt * max(
                        0.3,
                        min(0.9 * max(taken.error, 1e-3) ** (-1 / 3), 0.9 / max(over, 1e-3), 0.9),
                    )
                low = high = None
                repeated += 1
                if self.dt < shortest or repeated > _MOST_REPEATED:
                    if self._exhausted(taken):
                        return
                    raise ConvergenceError(
                        f"No step was found after {self.integrator.time:.6g} s at {v0:.4f} V "
                        f"(step length {self.dt:.2g} s). Check the parameters, or loosen the "
                        "tolerances in Settings."
                    )
                continue
            v = self.system.voltage(taken.x)
            beyond = self._beyond(step, v)
            if beyond is not None and beyond > _AT_VOLTAGE:
                low = low or (0.0, v0)
                high = (dt, v)
                repeated += 1
                if repeated > _MOST_REPEATED:
                    raise ConvergenceError("The cut-off voltage could not be met within 1 mV.")
                continue
            if high is not None and beyond is not None and beyond < -_AT_VOLTAGE:
                low = (dt, v)
                repeated += 1
                if repeated > _MOST_REPEATED:
                    raise ConvergenceError("The cut-off voltage could not be met within 1 mV.")
                continue
            repeated, low, high = 0, None, None
            self._accept(taken, dt, control, told, step)
            if fixed is None:
                grow = min(1.7, 0.9 * max(taken.error, 1e-3) ** (-1 / 3))
                moved = abs(v - v0) / self._most(v0, step)
                self.dt = dt * max(0.3, min(grow, 0.9 / max(moved, 1e-3)))
            ended = self._ended(step, taken.x, control) or ("duration" if last else "")
            if ended:
                self.reasons.append(ended)
                return
            if self.place is not None and clock.monotonic() - self.saved > self.checkpoint_every:
                self._save()

    def _attempt(self, dt: float, control: Control) -> Taken | None:
        try:
            return self.integrator.attempt(dt, control)
        except StepFailed:
            return None

    def _most(self, voltage: float, step: Step) -> float:
        if isinstance(step, (VoltageStep, Rest)):
            return np.inf
        return self.settings.voltage_change

    def _settle(self, control: Control) -> None:
        """Find potentials for a new control: a step so short that nothing else moves."""
        dt = _SETTLING
        for _ in range(4):
            taken = self._attempt(dt, control)
            if taken is not None:
                break
            dt *= 0.1
        else:
            raise InputError(
                f"No potentials carry this {control.mode} ({control.value / self.area:g} per m²) "
                "at the start; expected less. Check the unit and the materials' conductivities."
            )
        self._accept(taken, dt, control, None, None)

    def _accept(
        self, taken: Taken, dt: float, control: Control, told: Any, step: Step | None
    ) -> None:
        self.record.add(self.integrator, taken, dt, control)
        self.integrator.accept(taken, dt)
        self.watch.see(self.system, taken.x, self.integrator.time)
        self.in_step += dt
        if self.schedule.due(self._passed(), self.integrator.time):
            self._snapshot()
        if told is not None and step is not None:
            told(self._share(step, taken), self.system.voltage(taken.x), dt)

    def _share(self, step: Step, taken: Taken) -> float:
        """How much of the protocol is done, roughly: by the time that each step may last."""
        lengths = [self._lasts(s) for s in self.protocol]
        lasts = lengths[self.number]
        here = lasts * self.in_step / max(lasts, self.in_step)
        return (sum(lengths[: self.number]) + here) / sum(lengths)

    def _control(self, step: Step) -> Control:
        if isinstance(step, CurrentStep):
            return Control("current", step.current_density * self.area)
        if isinstance(step, VoltageStep):
            return Control("voltage", step.voltage)
        if isinstance(step, PowerStep):
            return Control("power", step.power_density * self.area)
        return Control("current", 0.0)

    def _lasts(self, step: Step) -> float:
        """Seconds that a step lasts at most, roughly."""
        whole = self.cell.areal_capacity
        if isinstance(step, CurrentStep):
            lasts = whole / abs(step.current_density)
        elif isinstance(step, PowerStep):
            lasts = 4.0 * whole / abs(step.power_density)
        else:
            lasts = 3600.0
        return float(min(lasts, getattr(step, "duration", None) or np.inf))

    def _cutoff(self, step: Step) -> float:
        assert isinstance(step, (CurrentStep, PowerStep))
        assert step.cutoff_voltage is not None
        return step.cutoff_voltage

    def _beyond(self, step: Step, voltage: float) -> float | None:
        """Volts past the cut-off."""
        if not isinstance(step, (CurrentStep, PowerStep)) or step.cutoff_voltage is None:
            return None
        given = step.current_density if isinstance(step, CurrentStep) else step.power_density
        return float(np.sign(given) * (step.cutoff_voltage - voltage))

    def _ended(self, step: Step, x: Floats, control: Control) -> str:
        beyond = self._beyond(step, self.system.voltage(x))
        if beyond is not None and beyond > -_AT_VOLTAGE:
            return "cut-off voltage"
        least = step.cutoff_current_density if isinstance(step, VoltageStep) else None
        if least is not None and abs(self.record.current[-1]) / self.area <= least:
            return "cut-off current"
        return ""

    def _exhausted(self, taken: Taken | None) -> bool:
        """Whether the solver ran dry because a reactant did; the run ends there."""
        x = self.integrator.states[0]
        if float(x[self.system.ce].min()) < _LEAST_SALT:
            self.reasons.append("salt depleted")
            return True
        filled = self.system.stoichiometries(x)
        if max(filled) > 0.995:
            self.reasons.append("active material full")
            return True
        if len(filled) > 1 and min(filled) < 0.005:
            self.reasons.append("active material empty")
            return True
        return False

    def _passed(self) -> float:
        """Share of the areal capacity that has passed, in magnitude."""
        return abs(self.record.charge[-1]) / self.cell.areal_capacity / self.area

    def _speed(self, step: Step) -> float:
        """How fast that share grows [1/s], where it is known."""
        if not isinstance(step, CurrentStep):
            return 0.0
        sign = np.sign(self.record.charge[-1]) or np.sign(step.current_density)
        return float(sign * step.current_density / self.cell.areal_capacity)

    def _snapshot(self) -> None:
        charge, current = self.record.charge[-1], self.record.current[-1]
        number = min(self.number, len(self.protocol) - 1)
        self.keeper.add(self.integrator, charge, current, number)

    # -- checkpoints -----------------------------------------------------------------------------

    def _save(self) -> None:
        if self.place is None:
            return
        state = {
            "number": self.number,
            "in_step": self.in_step,
            "dt": self.dt,
            "reasons": self.reasons,
            "notes": self.notes,
            "validity": self.watch.state(),
            "keep": self.schedule.shares,
            "keep_times": self.schedule.times,
            "seconds": self.spent + clock.process_time() - self.started,
            "snapshots": self.keeper.count,
        }
        arrays = {**self.integrator.to_arrays(), **self.record.to_arrays()}
        path = self.place / "checkpoint.npz"
        with whole_file(path) as temporary, open(temporary, "wb") as stream:
            np.savez(stream, _state=np.asarray(json.dumps(state)), **arrays)
        self.saved = clock.monotonic()

    def _resume(self) -> bool:
        """Go on from the checkpoint, if there is one."""
        if self.place is None or not (self.place / "checkpoint.npz").is_file():
            return False
        with np.load(self.place / "checkpoint.npz", allow_pickle=False) as stored:
            held = {name: stored[name] for name in stored.files}
        state = json.loads(str(held["_state"]))
        self.number, self.in_step, self.dt = state["number"], state["in_step"], state["dt"]
        self.reasons, self.notes = state["reasons"], state["notes"]
        self.watch.restore(state.get("validity"))
        self.spent = state["seconds"]
        self.schedule.shares = state["keep"]
        self.schedule.times = state.get("keep_times", [])
        self.integrator.from_arrays(held)
        self.record.from_arrays(held)
        self.keeper.resume(state["snapshots"])
        return True


def _between(low: tuple[float, float], high: tuple[float, float], target: float) -> float:
    """Step length whose voltage should be the target, kept off the ends."""
    (a, va), (b, vb) = low, high
    share = (va - target) / (va - vb) if va != vb else 0.5
    return a + min(max(share, 0.03), 0.97) * (b - a)
