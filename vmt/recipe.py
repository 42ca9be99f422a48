"""The recipe of an electrode: what was weighed, and the volume fractions that follow from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any

from vmt._units import format_length
from vmt.errors import InputError

__all__ = ["ElectrodeRecipe"]

_SUM_TOLERANCE = 1e-6
_PORE = "pore"


@dataclass(frozen=True, eq=False)
class ElectrodeRecipe:
    """Weight fractions, densities, loading and electrode density of a coating.

    From these follow the volume fractions of the structure: of each component in the solid, of the
    carbon-binder domain as solid or with its own pores (envelope volume), and of the pores.
    Everything is of the coating alone, without the current collector.

    Parameters
    ----------
    weight_fractions : mapping of str to float
        Share of the solid's mass of each component; the sum is 1.
    densities : mapping of str to float
        Density of each component without pores [kg/m³].
    carbon_binder : sequence of str
        Components that form the carbon-binder domain.
    carbon_binder_porosity : float
        Share of pores in the envelope volume of that domain.
    electrode_density : float, optional
        Mass of the coating per volume with pores [kg/m³].
    mass_loading : float, optional
        Mass of the coating per area [kg/m²]; 1 mg/cm² is 0.01 kg/m².

    Raises
    ------
    InputError
        If the fractions don't add up to 1, a density is missing or not positive, the electrode is
        denser than its solid, or the pores of the carbon-binder domain exceed those of the
        electrode.

    Notes
    -----
    Density of the solid ρ = 1 / Σ wᵢ/ρᵢ, volume share of component i in the solid wᵢ ρ/ρᵢ, porosity
    ε = 1 − ρ_electrode/ρ (T. Beuse et al., *Batteries* 7 (2021) 70, Table 1 and eq. 1).

    Examples
    --------
    The electrodes of that paper:

    >>> recipe = ElectrodeRecipe(
    ...     weight_fractions={"NMC622": 0.95, "carbon black": 0.02, "PVdF": 0.03},
    ...     densities={"NMC622": 4760, "carbon black": 2250, "PVdF": 1770},
    ...     carbon_binder=("carbon black", "PVdF"),
    ...     carbon_binder_porosity=0.502,
    ...     electrode_density=2470,
    ... )
    >>> round(recipe.solid_density), round(recipe.porosity, 3)
    (4436, 0.443)
    >>> {name: round(v, 3) for name, v in recipe.volume_fractions().items()}
    {'active_material': 0.493, 'carbon_binder_domain': 0.128, 'pore': 0.379}
    """

    weight_fractions: Mapping[str, float]
    densities: Mapping[str, float]
    carbon_binder: Sequence[str] = field(default=(), kw_only=True)
    carbon_binder_porosity: float = field(default=0.0, kw_only=True)
    electrode_density: float | None = field(default=None, kw_only=True)
    mass_loading: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        weights = {str(k): float(v) for k, v in self.weight_fractions.items()}
        densities = {str(k): float(v) for k, v in self.densities.items()}
        given = (self.carbon_binder,) if isinstance(self.carbon_binder, str) else self.carbon_binder
        binder = tuple(str(name) for name in given)
        _check_weights(weights)
        _check_densities(weights, densities)
        _check_binder(weights, binder, self.carbon_binder_porosity)
        for name in ("electrode_density", "mass_loading"):
            value = getattr(self, name)
            if value is not None and not _positive(value):
                unit = "kg/m³" if name == "electrode_density" else "kg/m²"
                raise InputError(
                    f"{name}={value!r} can't be used; expected a positive number in {unit}."
                )
        object.__setattr__(self, "weight_fractions", MappingProxyType(weights))
        object.__setattr__(self, "densities", MappingProxyType({k: densities[k] for k in weights}))
        object.__setattr__(self, "carbon_binder", binder)
        if self.electrode_density is not None:
            if self.electrode_density > self.solid_density * (1 + 1e-9):
                raise InputError(
                    f"An electrode density of {self.electrode_density:g} kg/m³ is above that of "
                    f"its solid, {self.solid_density:.6g} kg/m³; check the units (1 g/cm³ is "
                    "1000 kg/m³) and the densities."
                )
            self._check_domain_fits()

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (self._arguments(),)

    def _arguments(self) -> dict[str, Any]:
        return {
            "weight_fractions": dict(self.weight_fractions),
            "densities": dict(self.densities),
            "carbon_binder": tuple(self.carbon_binder),
            "carbon_binder_porosity": self.carbon_binder_porosity,
            "electrode_density": self.electrode_density,
            "mass_loading": self.mass_loading,
        }

    def _check_domain_fits(self) -> None:
        inside = self._carbon_binder_pores()
        if inside > self.porosity * (1 + 1e-9) + 1e-12:
            raise InputError(
                f"The pores of the carbon-binder domain would take {100 * inside:.2f} % of the "
                f"electrode, but its porosity is {100 * self.porosity:.2f} %. Give a smaller "
                "carbon_binder_porosity or electrode density."
            )

    # ---- the solid

    @property
    def solid_density(self) -> float:
        """Density of all components together without pores, ρ_xtal [kg/m³]."""
        return 1 / math.fsum(w / self.densities[k] for k, w in self.weight_fractions.items())

    @property
    def solid_volume_fractions(self) -> dict[str, float]:
        """Share of each component in the volume of the solid."""
        density = self.solid_density
        return {k: w * density / self.densities[k] for k, w in self.weight_fractions.items()}

    @property
    def active_materials(self) -> tuple[str, ...]:
        """Components that are not in the carbon-binder domain."""
        return tuple(k for k in self.weight_fractions if k not in self.carbon_binder)

    @property
    def carbon_binder_density(self) -> float:
        """Density of the carbon-binder domain without its pores [kg/m³]; nan without one."""
        return self._density_of(self.carbon_binder)

    @property
    def carbon_binder_envelope_density(self) -> float:
        """Density of the carbon-binder domain with its pores [kg/m³]; nan without one."""
        return self.carbon_binder_density * (1 - self.carbon_binder_porosity)

    @property
    def active_density(self) -> float:
        """Density of the active material without pores [kg/m³]."""
        return self._density_of(self.active_materials)

    def _density_of(self, names: Sequence[str]) -> float:
        weight = math.fsum(self.weight_fractions[k] for k in names)
        if weight == 0:
            return math.nan
        return weight / math.fsum(self.weight_fractions[k] / self.densities[k] for k in names)

    def _share_of(self, names: Sequence[str]) -> float:
        shares = self.solid_volume_fractions
        return math.fsum(shares[k] for k in names)

    # ---- the electrode

    @property
    def porosity(self) -> float:
        """Share of all pores, also those in the carbon-binder domain (Beuse et al., eq. 1).

        Raises
        ------
        InputError
            If the recipe has no electrode density.
        """
        return max(0.0, 1 - self._electrode_density() / self.solid_density)

    @property
    def thickness(self) -> float:
        """Thickness of the coating [m].

        Raises
        ------
        InputError
            If the recipe has no electrode density or no mass loading.
        """
        return self._mass_loading() / self._electrode_density()

    def _electrode_density(self) -> float:
        if self.electrode_density is None:
            raise InputError(
                "The recipe has no electrode density; give electrode_density=, or use "
                "with_porosity(...) or with_thickness(...)."
            )
        return self.electrode_density

    def _mass_loading(self) -> float:
        if self.mass_loading is None:
            raise InputError("The recipe has no mass loading; give mass_loading= in kg/m².")
        return self.mass_loading

    def _carbon_binder_pores(self) -> float:
        """Share of the electrode's volume that pores within the carbon-binder domain take."""
        inner = self.carbon_binder_porosity
        return (1 - self.porosity) * self._share_of(self.carbon_binder) * inner / (1 - inner)

    def volume_fractions(self, *, carbon_binder: str = "envelope") -> dict[str, float]:
        """Volume fractions of active material, carbon-binder domain and pores; the sum is 1.

        Parameters
        ----------
        carbon_binder : {"envelope", "solid"}
            With the domain's own pores (a structure that does not resolve them), or without (they
            count as pores).

        Raises
        ------
        InputError
            If the recipe has no electrode density, or the word is another one.
        """
        if carbon_binder not in ("envelope", "solid"):
            raise InputError(
                f'carbon_binder={carbon_binder!r} can\'t be used; expected "envelope" or "solid".'
            )
        solid = 1 - self.porosity
        inside = self._carbon_binder_pores() if carbon_binder == "envelope" else 0.0
        made = {"active_material": solid * self._share_of(self.active_materials)}
        if self.carbon_binder:
            made["carbon_binder_domain"] = solid * self._share_of(self.carbon_binder) + inside
        made[_PORE] = self.porosity - inside
        return made

    def component_volume_fractions(self) -> dict[str, float]:
        """Volume fractions of every component and of all pores; the sum is 1."""
        solid = 1 - self.porosity
        made = {k: solid * share for k, share in self.solid_volume_fractions.items()}
        return {**made, _PORE: self.porosity}

    def areal_capacity(self, specific_capacity: float) -> float:
        """Capacity per area [A·s/m²] for a capacity per mass of active material [A·s/kg].

        Raises
        ------
        InputError
            If the recipe has no mass loading, or the capacity is not positive.

        Examples
        --------
        >>> recipe = ElectrodeRecipe({"NMC": 1.0}, {"NMC": 4760}, mass_loading=0.2)
        >>> recipe.areal_capacity(180 * 3600) / 3600 * 0.1  # mAh/g is A·h/kg; A·h/m² to mAh/cm²
        3.6
        """
        if not _positive(specific_capacity):
            raise InputError(
                f"specific_capacity={specific_capacity!r} can't be used; expected a positive "
                "number in A·s/kg (1 mAh/g is 3600 A·s/kg)."
            )
        active = math.fsum(self.weight_fractions[k] for k in self.active_materials)
        return self._mass_loading() * active * specific_capacity

    # ---- other recipes

    def replace(self, **changes: Any) -> ElectrodeRecipe:
        """Return a recipe with other values of some fields.

        Raises
        ------
        InputError
            If there is no such field, or the recipe can't exist.
        """
        arguments = self._arguments()
        unknown = sorted(set(changes) - set(arguments))
        if unknown:
            raise InputError(
                f"A recipe has no {', '.join(unknown)}; it has {', '.join(arguments)}."
            )
        return ElectrodeRecipe(**{**arguments, **changes})

    def with_porosity(self, porosity: float) -> ElectrodeRecipe:
        """Return the recipe calendered to a porosity; the mass loading stays.

        Examples
        --------
        >>> ElectrodeRecipe({"NMC": 1.0}, {"NMC": 4760}).with_porosity(0.25).electrode_density
        3570.0
        """
        if not (math.isfinite(porosity) and 0 <= porosity < 1):
            raise InputError(f"porosity={porosity!r} can't be used; expected at least 0, below 1.")
        return self.replace(electrode_density=(1 - porosity) * self.solid_density)

    def with_thickness(self, thickness: float) -> ElectrodeRecipe:
        """Return the recipe calendered to a thickness [m]; needs a mass loading."""
        if not _positive(thickness):
            raise InputError(
                f"thickness={thickness!r} can't be used; expected a positive number in meters."
            )
        return self.replace(electrode_density=self._mass_loading() / thickness)

    @staticmethod
    def from_volume_fractions(
        volume_fractions: Mapping[str, float],
        densities: Mapping[str, float],
        *,
        carbon_binder: Sequence[str] = (),
        carbon_binder_porosity: float = 0.0,
        thickness: float | None = None,
    ) -> ElectrodeRecipe:
        """Return the recipe of an electrode given by the volume fractions of its components.

        Parameters
        ----------
        volume_fractions : mapping of str to float
            Volume of each component without pores, per volume of the electrode; what is missing to
            1 is pores (an entry "pore" has to say the same).
        densities : mapping of str to float
            Density of each component without pores [kg/m³].
        carbon_binder, carbon_binder_porosity
            As in the recipe.
        thickness : float, optional
            Thickness of the coating [m], from which the mass loading follows.

        Raises
        ------
        InputError
            If the fractions are negative or exceed 1, or as for the recipe.

        Examples
        --------
        >>> made = ElectrodeRecipe.from_volume_fractions({"NMC": 0.7}, {"NMC": 4760})
        >>> made.electrode_density, round(made.porosity, 9)
        (3332.0, 0.3)
        """
        shares = {str(k): float(v) for k, v in volume_fractions.items()}
        pores = shares.pop(_PORE, None)
        total = math.fsum(shares.values())
        if not shares or not all(math.isfinite(v) and v >= 0 for v in shares.values()):
            raise InputError(
                f"Volume fractions {shares} can't be used; expected shares, not below 0."
            )
        if not 0 < total <= 1 + _SUM_TOLERANCE:
            raise InputError(
                f"The volume fractions add up to {total:g}; expected above 0 and at most 1, the "
                "rest is pores."
            )
        if pores is not None and abs(total + pores - 1) > _SUM_TOLERANCE:
            raise InputError(
                f"The volume fractions with the pores add up to {total + pores:g}; expected 1."
            )
        known = {str(k): float(v) for k, v in densities.items()}
        _check_densities(shares, known)
        masses = {k: v * known[k] for k, v in shares.items()}
        mass = math.fsum(masses.values())
        made = ElectrodeRecipe(
            {k: v / mass for k, v in masses.items()},
            {k: known[k] for k in shares},
            carbon_binder=carbon_binder,
            carbon_binder_porosity=carbon_binder_porosity,
            electrode_density=mass,
        )
        if thickness is None:
            return made
        if not _positive(thickness):
            raise InputError(
                f"thickness={thickness!r} can't be used; expected a positive number in meters."
            )
        return made.replace(mass_loading=mass * thickness)

    # ---- what it says

    def to_dict(self) -> dict[str, Any]:
        """Fields and what follows from them, for JSON; None where something is not given."""
        full = self.electrode_density is not None
        both = full and self.mass_loading is not None
        return {
            "weight_fractions": dict(self.weight_fractions),
            "densities [kg/m^3]": dict(self.densities),
            "carbon_binder": list(self.carbon_binder),
            "carbon_binder_porosity": self.carbon_binder_porosity,
            "electrode_density [kg/m^3]": self.electrode_density,
            "mass_loading [kg/m^2]": self.mass_loading,
            "solid_density [kg/m^3]": self.solid_density,
            "solid_volume_fractions": self.solid_volume_fractions,
            "carbon_binder_density [kg/m^3]": (
                self.carbon_binder_density if self.carbon_binder else None
            ),
            "porosity": self.porosity if full else None,
            "thickness [m]": self.thickness if both else None,
            "volume_fractions, carbon binder as envelope": self.volume_fractions()
            if full
            else None,
            "volume_fractions, carbon binder as solid": (
                self.volume_fractions(carbon_binder="solid") if full else None
            ),
        }

    def explain(self) -> str:
        """Write the arithmetic, line by line, in g/cm³, mg/cm² and %.

        Examples
        --------
        >>> print(ElectrodeRecipe({"NMC": 1.0}, {"NMC": 4760}).with_porosity(0.25).explain())
        specific volume of the solid: 1.0000/4.760 = 0.21008 cm³/g
        density of the solid: 1/0.21008 = 4.7600 g/cm³
        NMC in the solid: 1.0000/4.760 × 4.7600 = 100.00 %
        porosity: 1 − 3.5700/4.7600 = 25.00 %
        volume fractions: active_material 75.00 %, pore 25.00 %
        """
        return "\n".join(self._lines())

    def _lines(self) -> Iterable[str]:
        density = self.solid_density / 1000
        rho = {k: v / 1000 for k, v in self.densities.items()}
        sums = " + ".join(f"{w:.4f}/{rho[k]:.3f}" for k, w in self.weight_fractions.items())
        yield f"specific volume of the solid: {sums} = {1 / density:.5f} cm³/g"
        yield f"density of the solid: 1/{1 / density:.5f} = {density:.4f} g/cm³"
        shares = self.solid_volume_fractions
        for k, w in self.weight_fractions.items():
            share = f"{100 * shares[k]:.2f} %"
            yield f"{k} in the solid: {w:.4f}/{rho[k]:.3f} × {density:.4f} = {share}"
        if self.carbon_binder:
            yield from self._binder_lines(rho)
        if self.electrode_density is None:
            return
        bulk, porosity = self.electrode_density / 1000, self.porosity
        yield f"porosity: 1 − {bulk:.4f}/{density:.4f} = {100 * porosity:.2f} %"
        if self.carbon_binder and self.carbon_binder_porosity:
            solid = (1 - porosity) * self._share_of(self.carbon_binder)
            envelope = solid / (1 - self.carbon_binder_porosity)
            yield (
                f"envelope of the carbon-binder domain: {100 * solid:.2f} % / "
                f"(1 − {self.carbon_binder_porosity:.4f}) = {100 * envelope:.2f} %, "
                f"of which pores {100 * (envelope - solid):.2f} %"
            )
            yield _fractions("volume fractions, domain with its pores", self.volume_fractions())
            made = self.volume_fractions(carbon_binder="solid")
            yield _fractions("volume fractions, domain without", made)
        else:
            yield _fractions("volume fractions", self.volume_fractions())
        if self.mass_loading is not None:
            yield (
                f"thickness: {self.mass_loading * 100:.4g} mg/cm² / {bulk:.4f} g/cm³ = "
                f"{format_length(self.thickness)}"
            )

    def _binder_lines(self, rho: Mapping[str, float]) -> Iterable[str]:
        names = self.carbon_binder
        weight = math.fsum(self.weight_fractions[k] for k in names)
        sums = " + ".join(f"{self.weight_fractions[k]:.4f}/{rho[k]:.3f}" for k in names)
        yield f"carbon-binder domain in the solid: {100 * self._share_of(names):.2f} %"
        yield (
            f"density of the carbon-binder domain: {weight:.4f}/({sums}) = "
            f"{self.carbon_binder_density / 1000:.4f} g/cm³"
        )


def _rebuild(arguments: Mapping[str, Any]) -> ElectrodeRecipe:
    return ElectrodeRecipe(**arguments)


def _fractions(what: str, shares: Mapping[str, float]) -> str:
    return f"{what}: " + ", ".join(f"{k} {100 * v:.2f} %" for k, v in shares.items())


def _positive(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value) and float(value) > 0


def _check_weights(weights: Mapping[str, float]) -> None:
    if not weights:
        raise InputError("A recipe without components can't be used; give weight_fractions.")
    if _PORE in weights:
        raise InputError('"pore" is no component; the pores follow from the electrode density.')
    if not all(math.isfinite(v) and v >= 0 for v in weights.values()):
        raise InputError(f"Weight fractions {dict(weights)} can't be used; expected none below 0.")
    total = math.fsum(weights.values())
    if abs(total - 1) > _SUM_TOLERANCE:
        hint = " They look like percent." if abs(total - 100) < 1 else ""
        raise InputError(f"The weight fractions add up to {total:g}; expected 1.{hint}")


def _check_densities(names: Iterable[str], densities: Mapping[str, float]) -> None:
    names = list(names)
    missing = [k for k in names if k not in densities]
    if missing:
        raise InputError(f"No density is given for {', '.join(missing)}; give it in kg/m³.")
    extra = [k for k in densities if k not in names]
    if extra:
        raise InputError(f"Densities are given for {', '.join(extra)}, which have no fraction.")
    for k, v in densities.items():
        if not _positive(v):
            raise InputError(f"The density {v!r} of {k} can't be used; expected kg/m³ above 0.")
        if v < 30:
            raise InputError(
                f"The density {v:g} kg/m³ of {k} is that of no solid; 1 g/cm³ is 1000 kg/m³."
            )


def _check_binder(weights: Mapping[str, float], binder: Sequence[str], porosity: float) -> None:
    unknown = [k for k in binder if k not in weights]
    if unknown or len(set(binder)) != len(binder):
        raise InputError(
            f"carbon_binder={tuple(binder)} can't be used; expected different components out of "
            f"{', '.join(weights)}."
        )
    if not set(weights) - set(binder):
        raise InputError("All components are in carbon_binder; no active material is left.")
    if not (math.isfinite(porosity) and 0 <= porosity < 1):
        raise InputError(
            f"carbon_binder_porosity={porosity!r} can't be used; expected at least 0, below 1."
        )
    if porosity and not binder:
        raise InputError("carbon_binder_porosity needs the components in carbon_binder.")
