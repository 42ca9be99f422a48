"""Sets of materials from the literature."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from vmt.electrode import _laws as laws
from vmt.electrode._materials import (
    ActiveMaterial,
    Electrolyte,
    ExchangeCurrent,
    LithiumMetal,
    ParameterSet,
)
from vmt.errors import InputError

__all__ = ["ELECTROLYTES", "PARAMETER_SETS", "parameter_set"]

_FARADAY = 96485.33212

#: lithium metal of Xu et al. 2019 (J. Electrochem. Soc. 166, A3456): 3.5e-8 F c_Li^0.7 ce^0.3
LITHIUM_XU_2019 = LithiumMetal(3.5e-8 * _FARADAY * (1 / 1.3e-5) ** 0.7, 0.3)


def _nyman() -> Electrolyte:
    return Electrolyte(
        laws.conductivity_nyman_2008,
        laws.diffusivity_nyman_2008,
        laws.transference_nyman_2008,
        laws.thermodynamic_factor_nyman_2008,
    )


def _nyman_chen() -> Electrolyte:
    """Nyman's conductivity and diffusivity with the constants of Chen et al. 2020."""
    return Electrolyte(
        laws.conductivity_nyman_2008,
        laws.diffusivity_nyman_2008,
        laws.constant(0.2594, "", laws.ocp_chen_2020.source),
        laws.constant(1.0, "", laws.ocp_chen_2020.source),
    )


def _landesfeind() -> Electrolyte:
    return Electrolyte(
        laws.conductivity_landesfeind_2019,
        laws.diffusivity_landesfeind_2019,
        laws.transference_landesfeind_2019,
        laws.thermodynamic_factor_landesfeind_2019,
    )


def _valoen() -> Electrolyte:
    return Electrolyte(
        laws.conductivity_valoen_reimers_2005,
        laws.diffusivity_valoen_reimers_2005,
        laws.constant(0.38, "", laws.conductivity_valoen_reimers_2005.source),
        laws.constant(1.0, "", "as in Xu et al. 2019"),
    )


#: electrolytes by name
ELECTROLYTES: dict[str, Callable[[], Electrolyte]] = {
    "nyman2008": _nyman,
    "nyman-chen": _nyman_chen,
    "landesfeind2019": _landesfeind,
    "valoen-reimers2005": _valoen,
}


def _nmc811_chen() -> ParameterSet:
    return ParameterSet(
        "nmc811-chen2020",
        _nyman_chen(),
        ActiveMaterial(
            laws.ocp_chen_2020,
            laws.constant(0.18, "S/m", laws.ocp_chen_2020.source),
            laws.constant(4e-15, "m²/s", laws.ocp_chen_2020.source),
            63104.0,
            0.27,
            ExchangeCurrent.standard(3.42e-6),
            double_layer=0.2,
        ),
        LITHIUM_XU_2019,
    )


def _nmc811_oregan() -> ParameterSet:
    """O'Regan's diffusivity and kinetics, Amin's σ(x), c_max from density over molar mass."""
    largest = 49100.0
    return ParameterSet(
        "nmc811-oregan2022",
        _landesfeind(),
        ActiveMaterial(
            laws.ocp_chen_2020,
            laws.conductivity_amin_chiang_2016,
            laws.diffusivity_oregan_2022,
            largest,
            0.27,
            ExchangeCurrent(5.028 / 1000**0.57 / largest, 0.57, 0.43, 0.57),
            double_layer=0.2,
        ),
        LITHIUM_XU_2019,
    )


def _nmc532() -> ParameterSet:
    return ParameterSet(
        "nmc532-xu2019",
        _valoen(),
        ActiveMaterial(
            laws.ocp_mohtat_2020,
            laws.constant(100.0, "S/m", laws.ocp_mohtat_2020.source),
            laws.constant(1e-14, "m²/s", laws.ocp_mohtat_2020.source),
            48230.0,
            0.2,
            ExchangeCurrent.standard(5.76e-11 * _FARADAY),
            double_layer=0.2,
            density=4700.0,
        ),
        LITHIUM_XU_2019,
    )


def _nmc622() -> ParameterSet:
    largest = 48500.0
    return ParameterSet(
        "nmc622-verbrugge2017",
        _landesfeind(),
        ActiveMaterial(
            laws.ocp_verbrugge_2017,
            laws.conductivity_amin_chiang_2016,
            laws.diffusivity_amin_chiang_2016,
            largest,
            0.3,
            ExchangeCurrent.standard(5.0 / np.sqrt(1000.0) / (0.5 * largest)),
            double_layer=0.2,
            density=4700.0,
        ),
        LITHIUM_XU_2019,
    )


#: parameter sets by name
PARAMETER_SETS: dict[str, Callable[[], ParameterSet]] = {
    "nmc811-chen2020": _nmc811_chen,
    "nmc811-oregan2022": _nmc811_oregan,
    "nmc532-xu2019": _nmc532,
    "nmc622-verbrugge2017": _nmc622,
}


def parameter_set(name: str) -> ParameterSet:
    """Return the set of a name.

    Raises
    ------
    InputError
        If there is none.

    Examples
    --------
    >>> parameter_set("nmc811-chen2020").active_material.maximum_concentration
    63104.0
    """
    try:
        return PARAMETER_SETS[name]()
    except KeyError:
        known = ", ".join(PARAMETER_SETS)
        raise InputError(f"No parameter set is called {name!r}; there are {known}.") from None
