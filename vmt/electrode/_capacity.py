"""Theoretical capacity of an electrode from its image, and energy per mass.

Source: D. Lindner et al., *Batteries & Supercaps* (2024), equations 2-6. Their equation 5 prints
2 M(O₂); LiMO₂ has two oxygen atoms, M(O₂) in all, and only that gives the printed loadings and
capacities.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from vmt.errors import InputError
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "ATOMIC_WEIGHTS",
    "TheoreticalCapacity",
    "gravimetric_energy_density",
    "molar_mass",
    "theoretical_capacity",
]

_FARADAY = 96485.33212  # C/mol
_MAH = 3.6  # C per mAh

#: standard atomic weights [kg/mol] of the elements of layered oxides and phosphates (IUPAC 2021)
ATOMIC_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {
        "Li": 6.94e-3,
        "O": 15.999e-3,
        "Al": 26.982e-3,
        "P": 30.974e-3,
        "Ti": 47.867e-3,
        "Mn": 54.938e-3,
        "Fe": 55.845e-3,
        "Co": 58.933e-3,
        "Ni": 58.693e-3,
    }
)


def molar_mass(composition: Mapping[str, float]) -> float:
    """Molar mass of a composition [kg/mol].

    Parameters
    ----------
    composition : mapping of str to float
        Atoms per formula unit, ``{"Li": 1, "Ni": 0.8, "Mn": 0.1, "Co": 0.1, "O": 2}``.

    Returns
    -------
    float
        Molar mass [kg/mol].

    Raises
    ------
    InputError
        If an element is unknown or a number of atoms is negative.

    Examples
    --------
    >>> nmc811 = {"Li": 1, "Ni": 0.8, "Mn": 0.1, "Co": 0.1, "O": 2}
    >>> round(1e3 * molar_mass(nmc811), 2)  # g/mol
    97.28
    """
    unknown = sorted(set(composition) - set(ATOMIC_WEIGHTS))
    if unknown:
        raise InputError(
            f"The atomic weight of {', '.join(unknown)} is not known here; known are "
            f"{', '.join(ATOMIC_WEIGHTS)}. Give the molar mass itself."
        )
    if not composition or not all(math.isfinite(n) and n >= 0 for n in composition.values()):
        raise InputError(
            f"The composition {dict(composition)!r} can't be used; expected atoms per formula "
            "unit, none of them negative."
        )
    mass = math.fsum(ATOMIC_WEIGHTS[name] * n for name, n in composition.items())
    if mass <= 0:
        raise InputError(f"The composition {dict(composition)!r} has no atoms.")
    return mass


@dataclass(frozen=True)
class TheoreticalCapacity:
    """What an electrode can hold by its image, its densities, and its active material's chemistry.

    Attributes
    ----------
    volume_fraction : float
        Share of the active material in the electrode (eq. 2).
    thickness : float
        Length of the electrode along the through-plane axis [m].
    active_material_loading, coating_loading : float
        Mass per area of the active material (eq. 3) and of all solids [kg/m²].
    specific_capacity : float
        Charge per mass of active material (eq. 4) [C/kg].
    areal_capacity : float
        Charge per area (eq. 6) [C/m²].
    lithium_exchanged : float
        Lithium per formula unit that is moved, z.

    Notes
    -----
    1 mAh/cm² is 36,000 C/m², 1 mAh/g is 3,600 C/kg, 1 mg/cm² is 0.01 kg/m².
    """

    volume_fraction: float
    thickness: float
    active_material_loading: float
    coating_loading: float
    specific_capacity: float
    areal_capacity: float
    lithium_exchanged: float

    @property
    def active_material_weight_fraction(self) -> float:
        """Share of the active material in the mass of the coating."""
        return self.active_material_loading / self.coating_loading

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-ready values, in the units that cell makers use."""
        return {
            "volume_fraction_active_material": self.volume_fraction,
            "thickness [m]": self.thickness,
            "active_material_loading [mg/cm²]": 100 * self.active_material_loading,
            "coating_loading [mg/cm²]": 100 * self.coating_loading,
            "weight_fraction_active_material": self.active_material_weight_fraction,
            "lithium_exchanged": self.lithium_exchanged,
            "specific_capacity [mAh/g]": self.specific_capacity / (1e3 * _MAH),
            "areal_capacity [mAh/cm²]": self.areal_capacity / (1e4 * _MAH),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the mass per area of active material and of the other solids as one bar."""
        from vmt._plotting import PHASE_COLORS, axes, finish, legend

        ax = axes(ax)
        active = 100 * self.active_material_loading
        rest = 100 * self.coating_loading - active
        ax.barh([0], [active], color=PHASE_COLORS[1], label="active material")
        ax.barh([0], [rest], left=[active], color=PHASE_COLORS[2], label="other solids")
        ax.set_yticks([])
        legend(ax)
        return finish(
            ax,
            xlabel="loading [mg/cm²]",
            title=f"{self.areal_capacity / (1e4 * _MAH):.3g} mAh/cm²",
        )


def theoretical_capacity(
    structure: Microstructure,
    *,
    densities: Mapping[str, float],
    active_material: str | int = "active_material",
    composition: Mapping[str, float] | None = None,
    molar_mass_active_material: float | None = None,
    lithium_exchanged: float = 0.8,
    axis: int = 0,
) -> TheoreticalCapacity:
    """Areal loading and theoretical capacity of an imaged electrode.

    Parameters
    ----------
    structure : Microstructure
        The electrode, labels (nx, ny, nz).
    densities : mapping of str to float
        Density of each solid phase as it is labeled, pores in it included [kg/m³]. Phases without
        a density weigh nothing (pores).
    active_material : str or int
        The phase that stores lithium.
    composition : mapping of str to float, optional
        Atoms per formula unit of the active material; default: LiNi₀.₈Mn₀.₁Co₀.₁O₂.
    molar_mass_active_material : float, optional
        Its molar mass [kg/mol], instead of a composition.
    lithium_exchanged : float
        z, lithium per formula unit between the two voltage limits; 0.8 in the paper.
    axis : int
        The through-plane axis.

    Returns
    -------
    TheoreticalCapacity
        Loadings, specific and areal capacity.

    Raises
    ------
    InputError
        If the active material has no density or is not in the structure, a phase is unknown, or a
        number can't be used.

    Notes
    -----
    Equations 2-6 of Lindner et al. (2024) with M(O₂) in place of 2 M(O₂) in eq. 5.

    Examples
    --------
    A layer of 77 µm with 70.43 % of NMC811; the paper measured 5.57 mAh/cm² and computed 5.59:

    >>> import numpy as np
    >>> labels = np.zeros((100, 100, 1), np.uint8)
    >>> labels[:, :70] = 1
    >>> electrode = Microstructure(labels, 0.77e-6, {"pore": 0, "active_material": 1})
    >>> c = theoretical_capacity(electrode, densities={"active_material": 4776})
    >>> round(c.to_dict()["areal_capacity [mAh/cm²]"], 2)
    5.67
    """
    if axis not in (0, 1, 2):
        raise InputError(f"axis={axis!r} can't be used; expected 0, 1 or 2.")
    if composition is not None and molar_mass_active_material is not None:
        raise InputError("Give the composition or molar_mass_active_material, not both.")
    if composition is None:
        composition = {"Li": 1, "Ni": 0.8, "Mn": 0.1, "Co": 0.1, "O": 2}
    mass = (
        molar_mass(composition)
        if molar_mass_active_material is None
        else _positive("molar_mass_active_material", molar_mass_active_material, "kg/mol")
    )
    exchanged = _positive("lithium_exchanged", lithium_exchanged, "atoms per formula unit")
    name = structure.name_of(active_material)
    rho = {
        structure.name_of(k): _positive(f"The density of {k}", v, "kg/m³")
        for k, v in densities.items()
    }
    if name not in rho:
        raise InputError(f"densities has no entry for the active material, {name!r}.")
    thickness = float(structure.size[axis])
    fraction = float(structure.volume_fraction(name))
    if fraction == 0:
        raise InputError(f"The structure holds no voxel of {name!r}; there is no capacity.")
    loading = {
        phase: thickness * density * float(structure.volume_fraction(phase))
        for phase, density in rho.items()
    }
    specific = exchanged * _FARADAY / mass
    return TheoreticalCapacity(
        volume_fraction=fraction,
        thickness=thickness,
        active_material_loading=loading[name],
        coating_loading=math.fsum(loading.values()),
        specific_capacity=specific,
        areal_capacity=specific * loading[name],
        lithium_exchanged=exchanged,
    )


def gravimetric_energy_density(energy: float, coating_loading: float) -> float:
    """Energy per mass of the coating [J/kg], without collector and electrolyte.

    Parameters
    ----------
    energy : float
        Energy per area that a discharge delivered [J/m²].
    coating_loading : float
        Mass of the solids per area [kg/m²].

    Returns
    -------
    float
        Energy per mass [J/kg]; 1 Wh/kg is 3,600 J/kg.

    Raises
    ------
    InputError
        If the loading is not positive or the energy is not finite.

    Notes
    -----
    Lindner et al. (2024) compare 659.53 with 576.26 Wh/kg. How they count the coating's mass is in
    their supporting information; the ratio, 1.144, is the figure to compare.

    Examples
    --------
    >>> round(gravimetric_energy_density(energy=18.0 * 36000, coating_loading=0.27) / 3600, 1)
    666.7
    """
    if not math.isfinite(energy):
        raise InputError(f"energy={energy!r} can't be used; expected a finite number in J/m².")
    return energy / _positive("coating_loading", coating_loading, "kg/m²")


def _positive(name: str, value: float, unit: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number > 0):
        raise InputError(f"{name}={value!r} can't be used; expected a positive number in {unit}.")
    return number
