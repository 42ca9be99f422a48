"""Densities, porosities, closed pores and Washburn's equation: the arithmetic of Beuse et al."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt.descriptors._support import numbers
from vmt.errors import InputError

__all__ = [
    "CARNIGLIA_CYLINDERS",
    "Mercury",
    "PoreShape",
    "apparent_density",
    "carniglia_tortuosity",
    "closed_porosity",
    "closed_share_of_solid",
    "gauge_porosity_error",
    "porosity_from_densities",
    "porosity_from_intrusion",
    "skeletal_density",
    "specific_intruded_volume",
]

Floats = npt.NDArray[np.float64]

#: Carniglia's exponent E for cylindrical pores; the tortuosity goes with surface^(1 + E)
CARNIGLIA_CYLINDERS = 1.0


def positive(value: float, name: str, unit: str) -> float:
    """Refuse what is not a positive number."""
    number = float(value)
    if not (math.isfinite(number) and number > 0):
        raise InputError(f"{name}={value!r} can't be used; expected a positive number in {unit}.")
    return number


def share(value: float, name: str) -> float:
    """Refuse what is not at least 0 and below 1."""
    number = float(value)
    if not (math.isfinite(number) and 0 <= number < 1):
        raise InputError(f"{name}={value!r} can't be used; expected at least 0, below 1.")
    return number


def porosity_from_densities(bulk_density: float, solid_density: float) -> float:
    """Share of pores ε = 1 − ρ_bulk/ρ (Beuse et al. 2021, eq. 1).

    With the crystallographic density all pores, with the skeletal density those that helium
    reaches.

    Parameters
    ----------
    bulk_density : float
        Mass per volume with pores [kg/m³].
    solid_density : float
        Density of the solid [kg/m³].

    Raises
    ------
    InputError
        If a density is not positive, or the bulk is denser than the solid.

    Examples
    --------
    >>> round(porosity_from_densities(3650, 4436), 3)
    0.177
    """
    bulk = positive(bulk_density, "bulk_density", "kg/m³")
    solid = positive(solid_density, "solid_density", "kg/m³")
    if bulk > solid * (1 + 1e-12):
        raise InputError(
            f"A bulk density of {bulk:g} kg/m³ is above that of the solid, {solid:g} kg/m³; check "
            "their order and units."
        )
    return max(0.0, 1 - bulk / solid)


def closed_porosity(bulk_density: float, skeletal: float, crystal: float) -> float:
    """Share of the electrode's volume that closed pores take.

    ε_inacc = ρ_bulk (1/ρ_skel − 1/ρ_xtal): the volume that helium does not reach less that of the
    solid without pores (Beuse et al. 2021, section 3.3).

    Parameters
    ----------
    bulk_density, skeletal, crystal : float
        Densities with all pores, from the pycnometer, and without pores [kg/m³].

    Raises
    ------
    InputError
        If a density is not positive, or they are not in rising order.

    Examples
    --------
    >>> round(closed_porosity(2470, 4270, 4436), 3), round(closed_porosity(3650, 4310, 4436), 3)
    (0.022, 0.024)
    """
    bulk = positive(bulk_density, "bulk_density", "kg/m³")
    inner, outer = _ordered(skeletal, crystal)
    if bulk > inner * (1 + 1e-12):
        raise InputError(
            f"A bulk density of {bulk:g} kg/m³ is above the skeletal one, {inner:g} kg/m³; check "
            "their order and units."
        )
    return bulk * (1 / inner - 1 / outer)


def closed_share_of_solid(skeletal: float, crystal: float) -> float:
    """Share of the solid's volume with its closed pores that these take: 1 − ρ_skel/ρ_xtal.

    Raises
    ------
    InputError
        If a density is not positive, or the skeletal one is the larger.

    Examples
    --------
    >>> round(closed_share_of_solid(4270, 4436), 3), round(closed_share_of_solid(4610, 4760), 3)
    (0.037, 0.032)
    """
    inner, outer = _ordered(skeletal, crystal)
    return 1 - inner / outer


def _ordered(skeletal: float, crystal: float) -> tuple[float, float]:
    inner = positive(skeletal, "skeletal", "kg/m³")
    outer = positive(crystal, "crystal", "kg/m³")
    if inner > outer * (1 + 1e-12):
        raise InputError(
            f"A skeletal density of {inner:g} kg/m³ is above the crystallographic one, "
            f"{outer:g} kg/m³; check their order and units."
        )
    return inner, outer


def skeletal_density(mass: float, sample_volume: float) -> float:
    """Mass over the volume that helium does not enter [kg/m³].

    Examples
    --------
    >>> round(skeletal_density(3.0e-3, 7.026e-7))
    4270
    """
    return positive(mass, "mass", "kg") / positive(sample_volume, "sample_volume", "m³")


def apparent_density(mass: float, bulk_volume: float, intruded_volume: float) -> float:
    """ρ_app = m / (V_bulk(Hg) − V_Hg) [kg/m³] (Beuse et al. 2021, eq. 2).

    Parameters
    ----------
    mass : float
        Mass of the sample [kg].
    bulk_volume : float
        Volume that mercury surrounds before intrusion [m³].
    intruded_volume : float
        Volume that mercury enters [m³].

    Raises
    ------
    InputError
        If a value is not positive, or the intruded volume is not below the bulk's.

    Examples
    --------
    >>> round(apparent_density(1e-3, 3.982e-7, 1.37e-7))
    3828
    """
    bulk = positive(bulk_volume, "bulk_volume", "m³")
    intruded = float(intruded_volume)
    if not 0 <= intruded < bulk:
        raise InputError(
            f"intruded_volume={intruded_volume!r} can't be used; expected at least 0 and below the "
            f"bulk volume of {bulk:g} m³."
        )
    return positive(mass, "mass", "kg") / (bulk - intruded)


def porosity_from_intrusion(specific_volume: float, density: float) -> float:
    """ε = v_Hg / (v_Hg + 1/ρ) (Beuse et al. 2021, eq. 3).

    With ρ_xtal all pores, with ρ_skel those that helium reaches, with ρ_app those of mercury.

    Parameters
    ----------
    specific_volume : float
        Intruded volume per mass [m³/kg]; 1 cm³/g is 1e-3 m³/kg.
    density : float
        Density of the solid [kg/m³].

    Raises
    ------
    InputError
        If the volume is negative or the density not positive.

    Examples
    --------
    >>> round(porosity_from_intrusion(0.137e-3, 4436), 3)
    0.378
    """
    volume = float(specific_volume)
    if not (math.isfinite(volume) and volume >= 0):
        raise InputError(
            f"specific_volume={specific_volume!r} can't be used; expected m³/kg, not below 0."
        )
    return volume / (volume + 1 / positive(density, "density", "kg/m³"))


def specific_intruded_volume(porosity: float, density: float) -> float:
    """v_Hg = ε / (ρ (1 − ε)) [m³/kg], the inverse of eq. 3.

    Examples
    --------
    >>> round(specific_intruded_volume(0.378, 4436) * 1e3, 3)  # cm³/g
    0.137
    """
    return share(porosity, "porosity") / ((1 - porosity) * positive(density, "density", "kg/m³"))


def gauge_porosity_error(porosity: float, thickness: float, thickness_error: float) -> float:
    """Error of a porosity by the error of the thickness: (1 − ε) δ/t, as ρ_bulk goes with 1/t.

    Examples
    --------
    The gauge's 1 µm in coatings of 94 and 64 µm (Beuse et al. 2021, section 3.1):

    >>> round(gauge_porosity_error(0.44, 94e-6, 1e-6), 3)
    0.006
    >>> round(gauge_porosity_error(0.18, 64e-6, 1e-6), 3)
    0.013
    """
    whole = positive(thickness, "thickness", "m")
    error = positive(thickness_error, "thickness_error", "m")
    return (1 - share(porosity, "porosity")) * error / whole


@dataclass(frozen=True)
class Mercury:
    """Surface tension and contact angle of a liquid that does not wet: pressure ↔ diameter.

    Parameters
    ----------
    surface_tension : float
        In N/m; 0.465–0.485 are in use for mercury.
    contact_angle : float
        In radians, above π/2; 140° as Beuse et al. 2021.

    Raises
    ------
    InputError
        If the tension is not positive, or the angle is not between π/2 and π.

    Notes
    -----
    D = −4 γ cos θ / p (E. W. Washburn, *PNAS* 7 (1921) 115).

    Examples
    --------
    >>> mercury = Mercury()
    >>> round(float(mercury.diameter(400e6)) * 1e9, 2)  # nm
    3.68
    >>> round(float(mercury.pressure(1e-6)) / 1e6, 2)  # MPa
    1.47
    """

    surface_tension: float = 0.48
    contact_angle: float = math.radians(140.0)

    def __post_init__(self) -> None:
        positive(self.surface_tension, "surface_tension", "N/m")
        if not math.pi / 2 < self.contact_angle <= math.pi:
            raise InputError(
                f"contact_angle={self.contact_angle!r} can't be used; expected radians above π/2 "
                "and at most π, as math.radians(140)."
            )

    def _product(self) -> float:
        return -4 * self.surface_tension * math.cos(self.contact_angle)

    def diameter(self, pressure: npt.ArrayLike) -> Floats:
        """Diameter of a cylinder that is entered at a pressure [Pa], in meters (same shape)."""
        return self._product() / _all_positive(pressure, "pressure", "Pa")

    def pressure(self, diameter: npt.ArrayLike) -> Floats:
        """Pressure [Pa] at which a cylinder of a diameter [m] is entered (same shape)."""
        return self._product() / _all_positive(diameter, "diameter", "m")

    def to_dict(self) -> dict[str, float]:
        """Fields with their units."""
        return {
            "surface_tension [N/m]": self.surface_tension,
            "contact_angle [rad]": self.contact_angle,
        }


def _all_positive(values: npt.ArrayLike, name: str, unit: str) -> Floats:
    array = np.asarray(values, float)
    if not np.all(np.isfinite(array) & (array > 0)):
        raise InputError(f"{name} has values that are not positive; expected {unit} above 0.")
    return array


@dataclass(frozen=True)
class PoreShape:
    """What pores are taken to look like when volume is turned into surface.

    Made by `cylinder`, `plate`, `sphere` and `cone`. The surface of a volume dV entered at diameter
    D is `factor` dV / D.

    Parameters
    ----------
    name : str
        Name of the shape.
    factor : float
        Surface times diameter over volume.
    half_angle : float
        Of a cone [rad]; else 0.
    """

    name: str
    factor: float
    half_angle: float = 0.0

    @classmethod
    def cylinder(cls) -> PoreShape:
        """Cylinders: lateral surface 4 dV/D. The same as p dV/(γ |cos θ|), which needs no shape."""
        return cls("cylinder", 4.0)

    @classmethod
    def plate(cls) -> PoreShape:
        """Slits of width D/2, which is what is entered at the pressure of D: 2 dV/(D/2)."""
        return cls("plate", 4.0)

    @classmethod
    def sphere(cls) -> PoreShape:
        """Spheres of diameter D: 6 dV/D."""
        return cls("sphere", 6.0)

    @classmethod
    def cone(cls, half_angle: float) -> PoreShape:
        """Cones that narrow inward by an angle [rad] from their axis.

        Mercury goes from the mouth to the tip as the pressure rises, so dV is the frustum at
        diameter D, with surface 4 dV/(D cos α). A meniscus in a narrowing wall stands at the
        angle θ − α: D = −4 γ cos(θ − α)/p.

        Examples
        --------
        >>> import math
        >>> round(PoreShape.cone(math.radians(30)).factor, 3)
        4.619
        """
        if not 0 <= half_angle < math.pi / 2:
            raise InputError(
                f"half_angle={half_angle!r} can't be used; expected radians from 0, below π/2."
            )
        return cls("cone", 4.0 / math.cos(half_angle), half_angle)

    def diameter(self, pressure: npt.ArrayLike, mercury: Mercury) -> Floats:
        """Diameter [m] that mercury has entered at a pressure [Pa] in pores of this shape."""
        angle = mercury.contact_angle - self.half_angle
        if not math.pi / 2 < angle:
            raise InputError(
                f"A cone of {math.degrees(self.half_angle):.4g}° is filled without pressure at a "
                f"contact angle of {math.degrees(mercury.contact_angle):.4g}°; give a smaller one."
            )
        return Mercury(mercury.surface_tension, angle).diameter(pressure)

    def surface(self, volumes: npt.ArrayLike, diameters: npt.ArrayLike) -> float:
        """Sum of the surfaces of volumes (n,) at diameters (n,)."""
        sizes = _all_positive(diameters, "diameters", "m")
        return float(np.sum(self.factor * np.asarray(volumes, float) / sizes))

    def to_dict(self) -> dict[str, Any]:
        """Fields with their units."""
        return {"name": self.name, "factor": self.factor, "half_angle [rad]": self.half_angle}


def carniglia_tortuosity(
    porosity: float,
    surface: float,
    volumes: npt.ArrayLike,
    diameters: npt.ArrayLike,
    *,
    exponent: float = CARNIGLIA_CYLINDERS,
) -> float:
    """Tortuosity factor from porosity, surface and sizes of pores.

    X = (2.23 − 1.13 v ρ_bulk) (0.92 y)^(1 + E) with y = S / Σ 4 Δvᵢ/Dᵢ, the measured surface over
    that of cylinders of the same volumes, and v ρ_bulk the porosity. With E = 1 (cylinders) it goes
    with the square of the surface, as Beuse et al. 2021 say.

    Parameters
    ----------
    porosity : float
        Share of the pores that were measured, v ρ_bulk.
    surface : float
        Specific surface, as by BET [m²/kg].
    volumes : (n,) array
        Specific volumes of the pores [m³/kg].
    diameters : (n,) array
        Their diameters [m].
    exponent : float
        E, the pore shape exponent.

    Raises
    ------
    InputError
        If a value is out of its range or the pores have no volume.

    References
    ----------
    S. C. Carniglia, *J. Catal.* 102 (1986) 401. An empirical fit, in the form in common use in
    porosimeters; it could not be checked against the original paper.

    Examples
    --------
    Surface of cylinders exactly, half of the volume pores:

    >>> round(carniglia_tortuosity(0.5, 4e3, [1e-3], [1e-6]), 3)
    1.409
    """
    share(porosity, "porosity")
    sizes = np.asarray(volumes, float)
    if sizes.shape != np.shape(diameters) or np.any(sizes < 0) or not sizes.sum() > 0:
        raise InputError(
            f"Volumes {numbers(sizes)[:5]} can't be used; expected one per diameter, none below 0 "
            "and some above."
        )
    if not (math.isfinite(exponent) and exponent >= -1):
        raise InputError(f"exponent={exponent!r} can't be used; expected at least -1.")
    cylinders = PoreShape.cylinder().surface(sizes, diameters)
    ratio = positive(surface, "surface", "m²/kg") / cylinders
    return float((2.23 - 1.13 * porosity) * (0.92 * ratio) ** (1 + exponent))
