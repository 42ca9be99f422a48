"""What is written down at every step: curve, balances, profiles."""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt.electrode._cell import AnyCell
from vmt.electrode._integrator import Integrator, Taken
from vmt.electrode._result import Discharge
from vmt.electrode._snapshot import Snapshot
from vmt.kernels.electrode import Control, System

__all__ = ["Record"]

Floats = npt.NDArray[np.float64]
_FARADAY = 96485.33212
_COLUMNS = (
    "time", "voltage", "current", "charge", "passed", "step", "stoichiometry", "least", "most",
    "lithium", "balance", "residual", "newton", "krylov",
)  # fmt: skip


class Record:
    """Grows by one entry a step."""

    def __init__(self, cell: AnyCell, system: System) -> None:
        self.cell, self.system = cell, system
        #: two electrodes have one more column
        self._columns = _COLUMNS if len(system.parts) == 1 else (*_COLUMNS, "counter")
        self.rows: dict[str, list[float]] = {name: [] for name in self._columns}
        self.profiles: list[npt.NDArray[np.float32]] = []
        self.number = 0
        network = system.network
        plane = int(np.prod(network.cells.shape[1:]))
        self._planes = network.cells.shape[0]
        # cells are numbered plane by plane
        bounds = np.arange(self._planes + 1) * plane
        self._liquid = np.searchsorted(network.liquid, bounds)
        self._active = np.searchsorted(network.solid[: network.active], bounds)
        self._start = 0.0
        self._history: list[tuple[float, float]] = []  # charges at the newest two times

    @property
    def charge(self) -> list[float]:
        return self.rows["charge"]

    @property
    def current(self) -> list[float]:
        return self.rows["current"]

    def first(self, x: Floats) -> None:
        """Write down the start: rest at the open-circuit potential."""
        self._start = sum(self.system.contents(x))
        self._put(x, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0, 0, 0.0)
        self._history = [(0.0, 0.0)]

    def new_step(self, number: int) -> None:
        """A new control: the quadrature starts anew, as the integrator does."""
        self.number = number
        self.restart()

    def restart(self) -> None:
        """Forget the charges before the present, as the integrator does."""
        del self._history[1:]

    def add(self, integrator: Integrator, taken: Taken, dt: float, control: Control) -> None:
        """Write down a step that is about to be accepted."""
        a, b, c = integrator.coefficients(dt)
        past = b * integrator.states[0]
        if c:
            past += c * integrator.states[1]
        now = self.system.currents(taken.x, a, past)
        terminal = now["terminal"]
        charge, passed = (
            (rate - b * self._history[0][k] - (c * self._history[1][k] if c else 0.0)) / a
            for k, rate in enumerate((terminal, now["lithium"]))
        )
        self._history.insert(0, (charge, passed))
        del self._history[2:]
        scale = max(abs(terminal), integrator.reference)
        balance = max(abs(now["metal"] - terminal), abs(now["reactions"] + terminal)) / scale
        if len(self.system.parts) > 1:
            balance = max(balance, abs(now["counter reactions"] - terminal) / scale)
        self._put(
            taken.x, integrator.time + dt, terminal, charge, passed, balance, taken.residual,
            taken.newton, taken.krylov, self.number,
        )  # fmt: skip

    def _put(
        self,
        x: Floats,
        time: float,
        current: float,
        charge: float,
        passed: float,
        balance: float,
        residual: float,
        newton: int,
        krylov: int,
        number: float,
    ) -> None:
        s = self.system
        ce, cs = x[s.ce], x[s.cs]
        liquid, active, layers = s.contents(x)
        moved = liquid + active + layers - self._start - passed / _FARADAY
        whole = self.cell.areal_capacity * self.cell.cross_section / _FARADAY
        means = s.stoichiometries(x)
        values = (
            time, s.voltage(x), current, charge, passed, number,
            means[0], float(ce.min()), float(ce.max()),
            moved / whole, balance, residual, newton, krylov, *means[1:],
        )  # fmt: skip
        for name, value in zip(self._columns, values, strict=True):
            self.rows[name].append(float(value))
        both = np.full((2, self._planes), np.nan, np.float32)
        for row, bounds, part in ((0, self._active, cs / s.largest), (1, self._liquid, ce)):
            counts = np.diff(bounds)
            filled = counts > 0
            sums = np.add.reduceat(np.append(part, 0.0), bounds[:-1])[filled]
            both[row, filled] = sums / counts[filled]
        self.profiles.append(both)

    def to_arrays(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "rows": np.array([self.rows[name] for name in self._columns]),
            "profiles": np.array(self.profiles),
            "history": np.array(self._history),
            "start": np.float64(self._start),
            "number": np.int64(self.number),
        }

    def from_arrays(self, held: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        for name, values in zip(self._columns, held["rows"], strict=True):
            self.rows[name] = [float(v) for v in values]
        self.profiles = list(held["profiles"])
        self._history = [(float(a), float(b)) for a, b in held["history"]]
        self._start, self.number = float(held["start"]), int(held["number"])

    def result(
        self,
        reasons: Sequence[str],
        snapshots: Sequence[Snapshot],
        notes: Sequence[str],
        seconds: float,
    ) -> Discharge:
        """Close the record."""
        r = {name: np.array(values) for name, values in self.rows.items()}
        area, n = self.cell.cross_section, self.system.network
        profiles = np.array(self.profiles)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        peak *= 1 if sys.platform == "darwin" else 1024
        return Discharge(
            time=r["time"],
            voltage=r["voltage"],
            current_density=r["current"] / area,
            charge=r["charge"] / area,
            step=r["step"].astype(np.int64),
            stoichiometry=r["stoichiometry"],
            counter_stoichiometry=r.get("counter"),
            salt=np.stack([r["least"], r["most"]], axis=1),
            lithium_imbalance=r["lithium"],
            charge_imbalance=r["balance"],
            residual=r["residual"],
            newton=r["newton"].astype(np.int64),
            krylov=r["krylov"].astype(np.int64),
            stoichiometry_profile=profiles[:, 0],
            salt_profile=profiles[:, 1],
            position=np.asarray((np.arange(self._planes) + 0.5) * self.cell.spacing[0], np.float64),
            stopped_because=tuple(reasons),
            snapshots=tuple(snapshots),
            notes=tuple(notes),
            cell=self.cell.to_dict(),
            areal_capacity=self.cell.areal_capacity,
            reacting_area=n.reacting_area / area,
            voxel_area=n.voxel_area / area,
            voxels=int(n.cells.size),
            seconds=seconds,
            memory=peak / n.cells.size,
        )
