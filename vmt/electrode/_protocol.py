"""What a cell is asked to do: steps of current, voltage, power or rest."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from vmt.errors import InputError

__all__ = ["CurrentStep", "PowerStep", "Protocol", "Rest", "Step", "VoltageStep"]


def _finite(name: str, value: float) -> None:
    if not math.isfinite(value):
        raise InputError(
            f"{name} = {value!r} can't be used; expected a finite number, in SI units."
        )


def _duration(value: float | None) -> None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise InputError(f"duration = {value!r}; expected a positive number of seconds or None.")


@dataclass(frozen=True)
class CurrentStep:
    """Constant current.

    Attributes
    ----------
    current_density : float
        [A/m²]; positive lithiates the electrode (discharge of a half cell with a cathode).
    cutoff_voltage : float, optional
        Where the step ends: reached from above in discharge, from below in charge [V].
    duration : float, optional
        When it ends at the latest [s].
    """

    current_density: float
    cutoff_voltage: float | None = None
    duration: float | None = None

    def __post_init__(self) -> None:
        _finite("current_density", self.current_density)
        _duration(self.duration)
        if self.current_density == 0:
            raise InputError("A current of zero never ends by itself; use Rest(duration).")
        if self.cutoff_voltage is None and self.duration is None:
            raise InputError("The step has no end; give cutoff_voltage, duration or both.")
        if self.cutoff_voltage is not None:
            _finite("cutoff_voltage", self.cutoff_voltage)


@dataclass(frozen=True)
class VoltageStep:
    """Constant voltage.

    Attributes
    ----------
    voltage : float
        [V]
    cutoff_current_density : float, optional
        Magnitude at which the step ends [A/m²].
    duration : float, optional
        When it ends at the latest [s].
    """

    voltage: float
    cutoff_current_density: float | None = None
    duration: float | None = None

    def __post_init__(self) -> None:
        _finite("voltage", self.voltage)
        _duration(self.duration)
        if self.cutoff_current_density is None and self.duration is None:
            raise InputError("The step has no end; give cutoff_current_density, duration or both.")
        if self.cutoff_current_density is not None and not self.cutoff_current_density > 0:
            raise InputError("cutoff_current_density must be positive.")


@dataclass(frozen=True)
class PowerStep:
    """Constant power.

    Attributes
    ----------
    power_density : float
        [W/m²]; positive discharges.
    cutoff_voltage : float, optional
        Where the step ends [V].
    duration : float, optional
        When it ends at the latest [s].
    """

    power_density: float
    cutoff_voltage: float | None = None
    duration: float | None = None

    def __post_init__(self) -> None:
        _finite("power_density", self.power_density)
        _duration(self.duration)
        if self.power_density == 0:
            raise InputError("A power of zero never ends by itself; use Rest(duration).")
        if self.cutoff_voltage is None and self.duration is None:
            raise InputError("The step has no end; give cutoff_voltage, duration or both.")


@dataclass(frozen=True)
class Rest:
    """No current.

    Attributes
    ----------
    duration : float
        [s]
    """

    duration: float

    def __post_init__(self) -> None:
        _duration(self.duration)


Step: TypeAlias = CurrentStep | VoltageStep | PowerStep | Rest


@dataclass(frozen=True)
class Protocol:
    """Steps one after the other.

    Parameters
    ----------
    steps : sequence of steps
        What to do.
    repeat : int
        How often.

    Examples
    --------
    >>> charge = Protocol([CurrentStep(-20.0, 4.2), VoltageStep(4.2, 1.0)], repeat=2)
    >>> len(list(charge))
    4
    """

    steps: Sequence[Step]
    repeat: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "steps", tuple(self.steps))
        if not self.steps:
            raise InputError("The protocol has no steps.")
        for step in self.steps:
            if not isinstance(step, (CurrentStep, VoltageStep, PowerStep, Rest)):
                raise InputError(
                    f"{step!r} is no step; expected CurrentStep, VoltageStep, PowerStep or Rest."
                )
        if self.repeat < 1:
            raise InputError(f"repeat = {self.repeat!r}; expected at least 1.")

    @classmethod
    def parse(
        cls,
        text: str | Sequence[str],
        *,
        one_hour_current: float | None = None,
        repeat: int = 1,
    ) -> Protocol:
        """Read steps as people write them, in the style of PyBaMM's `Experiment`.

        Parameters
        ----------
        text : str or sequence of str
            One step a string, or several in one separated by ``;`` or line breaks:
            ``"Discharge at C/10 until 3.0 V"``, ``"Charge at 5.57 mA/cm2 for 2 h or until
            4.3 V"``, ``"Hold at 4.3 V until C/50"``, ``"Rest for 30 min"``. The grammar is in
            docs/protocols.md.
        one_hour_current : float, optional
            Current density of 1C [A/m²], as ``cell.current_density(1.0)``; needed for rates.
        repeat : int
            How often all steps are done.

        Raises
        ------
        InputError
            If a step does not match the grammar.

        Examples
        --------
        >>> made = Protocol.parse("Discharge at 1C until 3 V; Rest for 1 h", one_hour_current=50.0)
        >>> [type(step).__name__ for step in made]
        ['CurrentStep', 'Rest']
        """
        from vmt.electrode._protocol_text import parse_step

        lines = [text] if isinstance(text, str) else list(text)
        if not all(isinstance(line, str) for line in lines):
            raise InputError(f"{text!r} is no protocol; expected a string or several.")
        pieces = [piece.strip() for line in lines for piece in re.split(r"[;\n]", line)]
        return cls([parse_step(p, one_hour_current) for p in pieces if p], repeat)

    def __iter__(self) -> Iterator[Step]:
        for _ in range(self.repeat):
            yield from self.steps

    def to_dict(self) -> dict[str, Any]:
        """Steps by kind, in SI units."""
        return {
            "steps": [{"kind": type(s).__name__, **vars(s)} for s in self.steps],
            "repeat": self.repeat,
        }
