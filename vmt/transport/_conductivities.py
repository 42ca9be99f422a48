"""Conductivities as they are given: a number a phase, or three along the axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt.errors import InputError
from vmt.microstructure import Microstructure

__all__ = ["Conductivities", "Given", "Value", "along"]

Value = float | tuple[float, float, float]
Given = (
    Mapping[str, float]
    | Mapping[int, float]
    | Mapping[str | int, float]
    | Mapping[str, tuple[float, float, float]]
    | Mapping[str, Value]
    | Mapping[int, Value]
    | Mapping[str | int, Value]
)


def along(value: Value, axis: int) -> float:
    """Component along an axis."""
    return value[axis] if isinstance(value, tuple) else value


@dataclass(frozen=True, eq=False)
class Conductivities:
    """What the solver needs of the conductivities given.

    Attributes
    ----------
    named : dict of str to float or (float, float, float)
        Every phase of the structure [S/m].
    number : (256,) array of uint8
        Number of each label's conductivity; 0 insulates. Phases of one conductivity are one.
    values : (n, 3) array
        Conductivity of each number along the axes [S/m].
    """

    named: dict[str, Value]
    number: npt.NDArray[np.uint8]
    values: npt.NDArray[np.float64]

    @classmethod
    def of(cls, structure: Microstructure, given: Given) -> Conductivities:
        """Check and sort.

        Raises
        ------
        InputError
            If a phase is unknown or given twice, a value can't be used, or none conducts.
        """
        if not isinstance(given, Mapping) or not given:
            raise InputError(
                f"conductivity={given!r}; expected the conducting phases with their "
                'conductivities [S/m], as {"solid": 1.0}.'
            )
        named: dict[str, Value] = dict.fromkeys(structure.phases, 0.0)
        seen: set[int] = set()
        for phase, value in given.items():
            label = structure.label_of(phase)
            if label in seen:
                raise InputError(f"The phase {structure.name_of(label)!r} is given twice.")
            seen.add(label)
            named[structure.name_of(label)] = _checked(phase, value)
        triples = {
            label: tuple(along(named[name], axis) for axis in range(3))
            for name, label in structure.phases.items()
        }
        levels = sorted({t for t in triples.values() if t[0] > 0.0})
        if not levels:
            raise InputError("No phase conducts; give at least one a conductivity above 0 [S/m].")
        number = np.zeros(256, np.uint8)
        for label, triple in triples.items():
            if triple[0] > 0.0:
                number[label] = 1 + levels.index(triple)
        return cls(named, number, np.array([(0.0, 0.0, 0.0), *levels]))

    def along(self, order: Sequence[int]) -> npt.NDArray[np.float64]:
        """Values with the axes reordered, (n, 3); (n,) if all are isotropic."""
        if np.all(self.values == self.values[:, :1]):
            return np.ascontiguousarray(self.values[:, 0])
        return np.ascontiguousarray(self.values[:, list(order)])

    def scalars(self) -> npt.NDArray[np.float64]:
        """Conductivity of each label, (256,), where every phase is isotropic.

        Raises
        ------
        InputError
            If a phase conducts differently along the axes.
        """
        isotropic = self.along((0, 1, 2))
        if isotropic.ndim > 1:
            raise InputError(
                f"Conductivities {self.named} differ along the axes; expected one number a phase. "
                'Use discretization="voxel".'
            )
        return np.asarray(isotropic[self.number])


def _checked(phase: str | int, value: object) -> Value:
    parts: list[Any] = list(value) if isinstance(value, (tuple, list, np.ndarray)) else [value]
    try:
        numbers = [float(v) for v in parts]
    except (TypeError, ValueError):
        numbers = [math.nan]
    usable = all(math.isfinite(v) and v >= 0.0 for v in numbers) and len(numbers) in (1, 3)
    if not usable or (any(v > 0.0 for v in numbers) and not all(v > 0.0 for v in numbers)):
        raise InputError(
            f"The conductivity of {phase!r} is {value!r}; expected a finite number of at least 0 "
            "[S/m], or three along the axes, all positive."
        )
    if len(numbers) == 1 or numbers[0] == numbers[1] == numbers[2]:
        return numbers[0]
    return (numbers[0], numbers[1], numbers[2])
