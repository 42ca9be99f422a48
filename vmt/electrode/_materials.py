"""Materials of a cell: their laws and constants in SI units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from vmt.electrode._laws import Law, as_law
from vmt.errors import InputError

__all__ = [
    "ActiveMaterial",
    "Binder",
    "Electrolyte",
    "ExchangeCurrent",
    "LithiumMetal",
    "ParameterSet",
    "PorousActiveMaterial",
    "Separator",
]

Floats = npt.NDArray[np.float64]
GivenLaw: TypeAlias = Law | float | Callable[[Floats], npt.ArrayLike]


def _positive(name: str, value: float, *, zero: bool = False) -> None:
    if not np.isfinite(value) or value < 0 or (value == 0 and not zero):
        least = "zero or more" if zero else "a positive number"
        raise InputError(f"{name} = {value!r} can't be used; expected {least}, in SI units.")


def _share(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise InputError(f"{name} = {value!r} can't be used; expected a share above 0, at most 1.")


def _at_most(name: str, value: float, most: float, what: str) -> None:
    """Refuse transport above that of straight pores (the upper Wiener bound)."""
    if value > most * (1 + 1e-12):
        raise InputError(
            f"{name} = {value:g} can't be: {most:g}, {what}, is what straight channels would have. "
            "Expected at most that."
        )


def _between(name: str, value: float, low: float, high: float, unit: str) -> None:
    """Refuse what only a wrong unit explains."""
    if not low <= value <= high:
        raise InputError(
            f"{name} = {value!r} can't be used; expected {low:g} to {high:g} {unit}. Check the "
            "unit."
        )


def _sound(law: Law, argument: Floats, low: float, high: float, unit: str) -> None:
    """Refuse a law with values that can't be, where it is used first of all."""
    inside = argument[(argument >= law.valid[0]) & (argument <= law.valid[1])]
    values = law(inside)
    wrong = ~((values > low) & (values < high))
    if wrong.any():
        raise InputError(
            f"{law.name} is {values[wrong][0]:g} at {inside[wrong][0]:g}; expected values above "
            f"{low:g}"
            + (f" and below {high:g}" if np.isfinite(high) else "")
            + (f" {unit}." if unit else ".")
        )


@dataclass(frozen=True)
class ExchangeCurrent:
    """Exchange current density i0 = rate · ce^a · cs^b · (c_max - cs)^d [A/m²].

    Attributes
    ----------
    rate : float
        In A/m² and powers of mol/m³.
    electrolyte, stored, vacant : float
        The exponents a, b, d.
    transfer : float
        Anodic transfer coefficient of the Butler-Volmer equation.

    Examples
    --------
    >>> standard = ExchangeCurrent.standard(3.42e-6)
    >>> round(standard.at(1000.0, 31552.0, 63104.0), 3)
    3.412
    """

    rate: float
    electrolyte: float = 0.5
    stored: float = 0.5
    vacant: float = 0.5
    transfer: float = 0.5

    def __post_init__(self) -> None:
        _positive("rate of the reaction", self.rate, zero=True)
        if not 0 < self.transfer < 1:
            raise InputError(f"transfer = {self.transfer!r}; expected between 0 and 1.")

    @classmethod
    def standard(cls, rate: float) -> ExchangeCurrent:
        """K sqrt(ce cs (c_max - cs)), as in most continuum models; vanishes at both ends."""
        return cls(rate)

    @classmethod
    def papers(cls, rate: float) -> ExchangeCurrent:
        """i00 sqrt(ce cs), as in Lindner et al. 2024; does not vanish in the full material."""
        return cls(rate, vacant=0.0)

    def at(self, electrolyte: float, stored: float, largest: float) -> float:
        """Value at concentrations [mol/m³]."""
        made = self.rate * electrolyte**self.electrolyte * stored**self.stored
        return float(made * (largest - stored) ** self.vacant)


@dataclass(frozen=True)
class Electrolyte:
    """A binary electrolyte.

    Attributes
    ----------
    conductivity, diffusivity, transference, thermodynamic_factor : law
        κ [S/m], D [m²/s], t+ and 1 + dln f/dln c against salt concentration [mol/m³].
    concentration : float
        At the start [mol/m³].
    """

    conductivity: Law
    diffusivity: Law
    transference: Law
    thermodynamic_factor: Law
    concentration: float = 1000.0

    def __post_init__(self) -> None:
        for name, unit in (
            ("conductivity", "S/m"), ("diffusivity", "m²/s"), ("transference", ""),
            ("thermodynamic_factor", ""),
        ):  # fmt: skip
            object.__setattr__(self, name, as_law(getattr(self, name), unit))
        _between("concentration of the electrolyte", self.concentration, 10, 1e4, "mol/m³")
        c = np.linspace(50, 2000, 40)
        for law, most in (
            (self.conductivity, np.inf), (self.diffusivity, np.inf), (self.transference, 1.0),
            (self.thermodynamic_factor, np.inf),
        ):  # fmt: skip
            _within("concentration of the electrolyte", self.concentration, law)
            _sound(law, c, -1.0 if law is self.transference else 0.0, most, law.unit)


def _within(name: str, value: float, law: Law) -> None:
    low, high = law.valid
    if not low <= value <= high:
        raise InputError(
            f"{name} = {value:g} lies outside {low:g} to {high:g}, the range of {law.name} "
            f"({law.source}); choose a value inside or another law."
        )


@dataclass(frozen=True)
class ActiveMaterial:
    """An intercalation material.

    Attributes
    ----------
    open_circuit_potential, conductivity, diffusivity : law
        U [V], σ [S/m] and D [m²/s] against stoichiometry.
    maximum_concentration : float
        Lithium in the full material [mol/m³].
    initial_stoichiometry : float
        At the start.
    exchange_current : ExchangeCurrent
        Kinetics.
    double_layer : float
        [F/m²]; 0 for none.
    layer_share : float
        Part of the double layer's current that lithium ions carry.
    density : float
        [kg/m³], for capacities per mass.
    """

    open_circuit_potential: Law
    conductivity: Law
    diffusivity: Law
    maximum_concentration: float
    initial_stoichiometry: float
    exchange_current: ExchangeCurrent
    double_layer: float = 0.0
    layer_share: float = 1.0
    density: float = 4770.0

    def __post_init__(self) -> None:
        for name, unit in (
            ("open_circuit_potential", "V"), ("conductivity", "S/m"), ("diffusivity", "m²/s")
        ):  # fmt: skip
            object.__setattr__(self, name, as_law(getattr(self, name), unit))
        _positive("maximum_concentration", self.maximum_concentration)
        _between("maximum_concentration", self.maximum_concentration, 1e3, 2e5, "mol/m³")
        _positive("double_layer", self.double_layer, zero=True)
        _positive("density", self.density)
        if not 0 <= self.layer_share <= 1:
            raise InputError(f"layer_share = {self.layer_share!r}; expected 0 to 1.")
        if not 0 < self.initial_stoichiometry < 1:
            raise InputError(
                f"initial_stoichiometry = {self.initial_stoichiometry!r}; expected between 0 and 1."
            )
        for law in (self.open_circuit_potential, self.conductivity, self.diffusivity):
            _within("initial_stoichiometry", self.initial_stoichiometry, law)
        x = np.linspace(0.02, 0.98, 49)
        _sound(self.open_circuit_potential, x, -2.0, 7.0, "V")
        for law in (self.conductivity, self.diffusivity):
            if not (law(x) > 0).all():
                raise InputError(f"{law.name} is not positive between x = 0.02 and 0.98.")


@dataclass(frozen=True)
class PorousActiveMaterial:
    """Active material with pores too fine for the voxels: both phases share a voxel.

    Attributes
    ----------
    porosity : float
        Share of pores.
    pore_factor, solid_factor : float
        M-factors: conductivity of the pores' electrolyte, and conductivity and diffusivity of the
        solid, over those of the bulk.
    surface : float
        Reacting area per volume [1/m].
    """

    porosity: float
    pore_factor: float
    solid_factor: float
    surface: float

    def __post_init__(self) -> None:
        _share("porosity", self.porosity)
        _share("pore_factor", self.pore_factor)
        _share("solid_factor", self.solid_factor)
        _at_most("pore_factor", self.pore_factor, self.porosity, "the porosity")
        _at_most("solid_factor", self.solid_factor, 1 - self.porosity, "the share of the solid")
        _positive("surface", self.surface)


@dataclass(frozen=True)
class LithiumMetal:
    """A counter electrode of lithium: i0 = rate · ce^power [A/m²].

    Attributes
    ----------
    area_factor : float
        Reacting area over that of the plane; 1 by default. The strict reading of the papers is
        the separator's porosity, which costs some millivolts more.
    """

    rate: float
    power: float = 0.3
    transfer: float = 0.5
    area_factor: float = 1.0
    double_layer: float = 0.0

    def __post_init__(self) -> None:
        _positive("rate of lithium", self.rate)
        _share("area_factor", self.area_factor)
        _positive("double_layer of lithium", self.double_layer, zero=True)
        if not 0 < self.transfer < 1 or not np.isfinite(self.power):
            raise InputError(
                f"transfer = {self.transfer!r} and power = {self.power!r} of lithium can't be "
                "used; expected a transfer coefficient between 0 and 1 and a finite power."
            )


@dataclass(frozen=True)
class Binder:
    """Carbon-binder domain with pores too fine for the voxels.

    Attributes
    ----------
    conductivity : float
        Electronic, of the domain as it is [S/m].
    porosity : float
        Electrolyte in it.
    transport : float
        γ = porosity over tortuosity factor of its pores.
    """

    conductivity: float = 10.0
    porosity: float = 0.5
    transport: float = 0.12

    def __post_init__(self) -> None:
        _positive("conductivity of the binder", self.conductivity)
        _share("porosity of the binder", self.porosity)
        _share("transport of the binder", self.transport)
        _at_most("transport of the binder", self.transport, self.porosity, "its porosity")


@dataclass(frozen=True)
class Separator:
    """A homogeneous layer of electrolyte.

    Attributes
    ----------
    thickness : float
        [m]
    porosity : float
        Electrolyte in it.
    transport : float or None
        γ; None for porosity^1.5.
    """

    thickness: float = 10e-6
    porosity: float = 0.5
    transport: float | None = None

    def __post_init__(self) -> None:
        _positive("thickness of the separator", self.thickness)
        _share("porosity of the separator", self.porosity)
        if self.transport is None:
            object.__setattr__(self, "transport", self.porosity**1.5)
        _share("transport of the separator", self.factor)
        _at_most("transport of the separator", self.factor, self.porosity, "its porosity")

    @property
    def factor(self) -> float:
        """γ."""
        return self.porosity**1.5 if self.transport is None else self.transport


@dataclass(frozen=True)
class ParameterSet:
    """Materials that belong together.

    Attributes
    ----------
    name : str
        As `parameter_set` knows it.
    cutoff_voltage : float
        Where a discharge ends by default [V].
    """

    name: str
    electrolyte: Electrolyte
    active_material: ActiveMaterial
    lithium: LithiumMetal
    binder: Binder = field(default_factory=Binder)
    separator: Separator = field(default_factory=Separator)
    temperature: float = 298.15
    cutoff_voltage: float = 3.0
    porous: PorousActiveMaterial | None = None

    def __post_init__(self) -> None:
        _between("temperature", self.temperature, 200.0, 400.0, "K")
        if not np.isfinite(self.cutoff_voltage):
            raise InputError(f"cutoff_voltage = {self.cutoff_voltage!r}; expected volts.")
