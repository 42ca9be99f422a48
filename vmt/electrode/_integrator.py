"""Time steps: BDF2 of variable step with Newton's method, damped, its linear systems inexact."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vmt.kernels.electrode import Control, System, flexible_gmres

__all__ = ["Integrator", "Settings", "StepFailed", "Taken"]

Floats = npt.NDArray[np.float64]

_LARGEST_CHANGE = 0.25  # of a potential in one iteration [V]
_LEAST_SALT = 1e-30  # [mol/m³]; reactions without salt stop, so that it stays positive
FARADAY = 96485.33212


class StepFailed(Exception):
    """A step found no solution; a shorter one may."""


@dataclass(frozen=True)
class Settings:
    """Tolerances of the solver.

    Attributes
    ----------
    newton : float
        Sum of absolute residuals of each field over the current.
    voltage : float
        Error of the voltage that one step may make [V].
    concentration : float
        The same for concentrations, root mean square, of the initial salt and of the full material.
    linear : float
        Reduction of the residual by one linear solve at most.
    method : {"auto", "direct", "multigrid"}
        Linear solver; small systems are factored.
    order : {1, 2}
        Implicit Euler or BDF2.
    voltage_change : float
        Largest change of the voltage in a step [V].
    longest : float
        Longest step, as a share of the time that the areal capacity lasts.
    fixed_step : float, optional
        Length of all steps [s], for studies of convergence.
    single : bool
        Whether derivatives are kept in single precision; None: for large systems.
    """

    newton: float = 1e-8
    voltage: float = 2e-4
    concentration: float = 3e-4
    linear: float = 1e-3
    method: Literal["auto", "direct", "multigrid"] = "auto"
    order: int = 2
    voltage_change: float = 0.06
    longest: float = 1 / 30
    fixed_step: float | None = None
    single: bool | None = None


@dataclass
class Taken:
    """A step that was taken."""

    x: Floats
    newton: int
    krylov: int
    residual: float
    error: float


class Integrator:
    """Holds the history of the unknowns and advances them."""

    def __init__(self, system: System, x: Floats, settings: Settings, reference: float) -> None:
        """`reference` is the current [A] that residuals are measured against at least."""
        self.system, self.settings, self.reference = system, settings, reference
        self.time = 0.0
        self.states: list[Floats] = [x]  # newest first
        self.steps: list[float] = []  # lengths between them
        small = 6000 if min(system.network.cells.shape) > 3 else 60000
        self.direct = settings.method == "direct" or (
            settings.method == "auto" and system.size <= small
        )
        self._prepared: tuple[float, str] | None = None
        self._fresh = 0
        self._slow = False

    def restart(self) -> None:
        """Forget the past before the present: the control has changed."""
        del self.states[1:], self.steps[:]

    def coefficients(self, dt: float) -> tuple[float, float, float]:
        """Time derivative as a·x + b·x0 + c·x1."""
        if self.settings.order == 1 or len(self.states) < 2:
            return 1 / dt, -1 / dt, 0.0
        w = dt / self.steps[0]
        return (1 + 2 * w) / (1 + w) / dt, -(1 + w) / dt, w * w / (1 + w) / dt

    def derivative(self, dt: float, values: list[float], new: float) -> float:
        """Time derivative of a scalar with its history, newest first."""
        a, b, c = self.coefficients(dt)
        return a * new + b * values[0] + (c * values[1] if c else 0.0)

    def _past(self, dt: float) -> tuple[float, Floats]:
        a, b, c = self.coefficients(dt)
        past = b * self.states[0]
        if c:
            past += c * self.states[1]
        return a, past

    def predict(self, dt: float) -> Floats:
        """Polynomial through the history at the new time."""
        s, h = self.states, self.steps
        if len(s) == 1:
            return s[0].copy()
        if len(s) == 2:
            w = dt / h[0]
            return np.asarray((1 + w) * s[0] - w * s[1])
        t1, t2 = -h[0], -h[0] - h[1]
        w0 = (dt - t1) * (dt - t2) / (t1 * t2)
        w1 = dt * (dt - t2) / (t1 * (t1 - t2))
        w2 = dt * (dt - t1) / (t2 * (t2 - t1))
        found = w0 * s[0]
        found += w1 * s[1]
        found += w2 * s[2]
        return np.asarray(found)

    def _inside(self, x: Floats, before: Floats) -> None:
        """Keep concentrations inside their ranges, in place; `before` holds those they had."""
        system = self.system
        ce, cs = x[system.ce], x[system.cs]
        had = before[: ce.size]
        low = np.flatnonzero(ce < 0.1 * had)
        if low.size:
            # reactions go with the root of the salt: in the root, Newton's step is nearly right
            root = np.clip(0.5 + 0.5 * ce[low] / had[low], 0.05, 0.1**0.5)
            ce[low] = np.maximum(had[low] * root * root, _LEAST_SALT)
        largest = system.largest
        stored = before[ce.size :]
        np.clip(cs, 0.1 * stored, largest - 0.1 * (largest - stored), out=cs)

    def attempt(self, dt: float, control: Control) -> Taken:
        """Solve for the state after dt; the history stays as it is.

        Raises
        ------
        StepFailed
            If Newton's method finds none.
        """
        x = self.predict(dt)
        self._inside(x, self.states[0][self.system.ce.start :])
        start = self.system.ce.start
        guess = (x[start:] - self.states[0][start:]).astype(np.float32)
        expected = float(x[self.system.terminal])
        rate, past = self._past(dt)
        x, newton, krylov, residual = self._newton(x, rate, past, control)
        return Taken(x, newton, krylov, residual, self._error(x, guess, expected, dt))

    def accept(self, taken: Taken, dt: float) -> None:
        """Take a step into the history."""
        self.states.insert(0, taken.x)
        self.steps.insert(0, dt)
        del self.states[3:], self.steps[2:]
        self.time += dt

    def _error(
        self, x: Floats, guess: npt.NDArray[np.float32], expected: float, dt: float
    ) -> float:
        """Local error over its tolerance, from the predictor of the method's order.

        `guess` holds the predicted changes of the concentrations, which single precision can.
        """
        h, system, settings = self.steps, self.system, self.settings
        if not h:
            return 0.0
        if len(h) == 1 or settings.order == 1:
            ours, theirs = dt * dt / 2, dt * (dt + h[0]) / 2
        else:
            one, two = dt + h[0], dt + h[0] + h[1]
            ours, theirs = dt**2 * one**2 / (6 * (2 * dt + h[0])), dt * one * two / 6
        share = ours / (ours + theirs)
        salt = float(system.network.liquid.size) ** 0.5
        parts = [abs(float(x[system.terminal]) - expected) / settings.voltage]
        now = self.states[0]
        moved = (
            float(np.linalg.norm(x[system.ce] - now[system.ce] - guess[: now[system.ce].size]))
            / salt
        )
        parts.append(moved / (settings.concentration * 1000.0))
        missed = x[system.cs] - now[system.cs] - guess[-system.network.active :]
        largest = system.largest
        if np.ndim(largest):
            missed, largest = missed / largest, 1.0
        moved = float(np.linalg.norm(missed))
        moved /= float(system.network.active) ** 0.5
        parts.append(moved / (settings.concentration * largest))
        return float(share * max(parts))

    def _newton(
        self, x: Floats, rate: float, past: Floats, control: Control
    ) -> tuple[Floats, int, int, float]:
        system, settings = self.system, self.settings
        scale = max(self.reference, abs(control.value) if control.mode == "current" else 0.0)
        krylov, size, previous, stalled = 0, np.inf, np.inf, 0
        for iteration in range(16):
            residual = system.linearize(x, rate, past, control)
            norms = system.norms(residual)
            size = max(norms) / scale
            if not np.isfinite(size) or (iteration > 3 and size > 1e6):
                raise StepFailed(f"residual {size:.1e}")
            stalled = stalled + 1 if size > 0.5 * previous else 0
            if size <= settings.newton or (
                size < 1e-5 and self._rounded(norms, x, rate, scale, stalled > 0)
            ):
                self._conserve(x, residual, rate)
                return x, iteration, krylov, size
            if stalled >= 3 and iteration > 6:
                break
            previous = size
            rtol = max(min(settings.linear, 0.1), 0.3 * settings.newton / size)
            change, count = self._solve(residual, min(rtol, 0.1), rate, control)
            krylov += count
            largest = float(np.abs(change[system.potentials]).max())
            if iteration < 6 and largest > _LARGEST_CHANGE:
                change *= _LARGEST_CHANGE / largest
            before = x[system.ce.start :].copy()
            x -= change
            del change, residual
            self._inside(x, before)
        raise StepFailed(f"residual {size:.1e} after {iteration + 1} iterations")

    def _rounded(
        self, norms: tuple[float, ...], x: Floats, rate: float, scale: float, stalled: bool
    ) -> bool:
        """Whether rounding hides what is left above the tolerance."""
        factor = 8.0 if stalled else 1.0
        return all(
            norm <= self.settings.newton * scale + factor * rounded
            for norm, rounded in zip(norms, self.system.round_off(x, rate), strict=True)
        )

    def _conserve(self, x: Floats, residual: Floats, rate: float) -> None:
        """Shift the stored lithium evenly by what the tolerance left of its total balance.

        The sum of all mass rows depends on such a shift through storage alone, so one shift closes
        it to round-off; it is smaller than the tolerance by the number of cells.
        """
        system = self.system
        left = float(residual[system.ce].sum() + residual[system.cs].sum())
        x[system.cs] -= left / (FARADAY * rate * float(system.network.solid_volume.sum()))

    def _solve(self, b: Floats, rtol: float, rate: float, control: Control) -> tuple[Floats, int]:
        system = self.system
        if self.direct:
            from scipy.sparse.linalg import splu

            return np.asarray(splu(system.assemble(), permc_spec="COLAMD").solve(b)), 0
        known = self._prepared
        if (
            known is None
            or known[1] != control.mode
            or not 0.5 <= rate / known[0] <= 2.0
            or self._slow
        ):
            self._prepare(rate, control)
        # without salt, current and salt hang together in a way that the preconditioner leaves out
        restart = 16 if system.starving else 8
        x, count, reduction = flexible_gmres(
            system.apply, system.precondition, b, rtol=rtol, restart=restart, most=64
        )
        if self._fresh == 0:
            self._fresh = max(count, 4)
        self._slow = count > 1.5 * self._fresh
        if reduction > 0.5:
            raise StepFailed("the linear iteration stalls")
        return x, count

    def _prepare(self, rate: float, control: Control) -> None:
        self.system.prepare()
        self._prepared, self._fresh, self._slow = (rate, control.mode), 0, False

    def to_arrays(self) -> dict[str, Any]:
        """What a checkpoint holds."""
        return {
            "time": np.float64(self.time),
            "steps": np.array(self.steps),
            "surface": self.system.surface,
            **{f"state_{i}": x for i, x in enumerate(self.states)},
        }

    def from_arrays(self, held: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.time = float(held["time"])
        self.steps = [float(v) for v in held["steps"]]
        self.system.surface[:] = held["surface"]
        self.states = [held[f"state_{i}"] for i in range(len(self.steps) + 1)]
