"""Gas physisorption: BET surface, t-plot, and pore sizes by Barrett, Joyner and Halenda."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.descriptors._porosimetry_arithmetic import PoreShape, positive
from vmt.descriptors._porosimetry_csv import AMOUNTS, Quantity, read_columns
from vmt.descriptors._support import number, numbers, read_only
from vmt.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Adsorptive",
    "BetSurface",
    "BjhSizes",
    "Isotherm",
    "TPlot",
    "bet_surface",
    "bjh",
    "cylinder_isotherm",
    "read_isotherm",
    "t_plot",
]

Floats = npt.NDArray[np.float64]
_AVOGADRO = 6.02214076e23
_GAS_CONSTANT = 8.31446261815324
_EMPTY = np.empty(0)


@dataclass(frozen=True)
class Adsorptive:
    """The gas: size of its molecule, its liquid, and the thickness of its film.

    Parameters
    ----------
    name : str
        Name of the gas.
    cross_section : float
        Area that a molecule covers [m²].
    molar_volume : float
        Of the liquid [m³/mol].
    surface_tension : float
        Of the liquid [N/m].
    temperature : float
        Of the measurement [K].

    Notes
    -----
    Film: Halsey's t = 0.354 nm (−5/ln x)^(1/3) for nitrogen at 77 K; the pores of radius r empty
    at the relative pressure x with r = t(x) − 2 γ V / (R T ln x) (Kelvin).

    Examples
    --------
    >>> gas = Adsorptive()
    >>> round(float(gas.kelvin_radius(0.5)) * 1e9, 2), round(float(gas.film(0.5)) * 1e9, 2)
    (1.38, 0.68)
    """

    name: str = "nitrogen"
    cross_section: float = 0.162e-18
    molar_volume: float = 34.68e-6
    surface_tension: float = 8.85e-3
    temperature: float = 77.35

    def __post_init__(self) -> None:
        positive(self.cross_section, "cross_section", "m²")
        positive(self.molar_volume, "molar_volume", "m³/mol")
        positive(self.surface_tension, "surface_tension", "N/m")
        positive(self.temperature, "temperature", "K")

    def film(self, relative_pressure: npt.ArrayLike) -> Floats:
        """Thickness of the film on a plane wall [m] (Halsey)."""
        x = _between(relative_pressure)
        return np.asarray(0.354e-9 * np.cbrt(-5 / np.log(x)))

    def kelvin_radius(self, relative_pressure: npt.ArrayLike) -> Floats:
        """Radius of the meniscus within the film of an emptying cylinder [m]."""
        x = _between(relative_pressure)
        factor = 2 * self.surface_tension * self.molar_volume
        return np.asarray(-factor / (_GAS_CONSTANT * self.temperature * np.log(x)))

    def pore_radius(self, relative_pressure: npt.ArrayLike) -> Floats:
        """Radius of the cylinders that empty at a relative pressure [m]: film and meniscus."""
        return self.film(relative_pressure) + self.kelvin_radius(relative_pressure)


def _between(relative_pressure: npt.ArrayLike) -> Floats:
    x = np.asarray(relative_pressure, float)
    if not np.all((x > 0) & (x < 1)):
        raise InputError("Relative pressures have to be above 0 and below 1.")
    return x


@dataclass(frozen=True, eq=False)
class Isotherm:
    """Adsorbed amount per mass over the relative pressure.

    Parameters
    ----------
    relative_pressure : (n,) array
        p/p0 of the adsorption, rising, between 0 and 1.
    amount : (n,) array
        Adsorbed amount [mol/kg].
    adsorptive : Adsorptive
        The gas.
    label : str
        Name in plots.
    desorption_pressure, desorption_amount : (k,) arrays, optional
        The way back, p/p0 falling.

    Raises
    ------
    InputError
        If shapes differ, pressures are out of range or order, or amounts are negative.

    Examples
    --------
    >>> made = Isotherm(np.array([0.1, 0.3]), np.array([1.0, 1.4]))
    >>> made.amount.tolist()
    [1.0, 1.4]
    """

    relative_pressure: Floats
    amount: Floats
    adsorptive: Adsorptive = field(default_factory=Adsorptive)
    label: str = ""
    desorption_pressure: Floats = field(default_factory=lambda: _EMPTY)
    desorption_amount: Floats = field(default_factory=lambda: _EMPTY)

    def __post_init__(self) -> None:
        names = ("relative_pressure", "amount", "desorption_pressure", "desorption_amount")
        for name in names:
            values = np.array(getattr(self, name), float)
            if values.ndim != 1 or not np.all(np.isfinite(values)):
                raise InputError(f"{name} can't be used; expected a row of finite numbers.")
            object.__setattr__(self, name, values)
        read_only(self, *names)
        for x, n, sign, what in (
            (self.relative_pressure, self.amount, 1, "adsorption"),
            (self.desorption_pressure, self.desorption_amount, -1, "desorption"),
        ):
            if x.shape != n.shape:
                raise InputError(f"The {what} has {x.size} pressures and {n.size} amounts.")
            _between(x)
            if np.any(sign * np.diff(x) <= 0):
                order = "rise" if sign > 0 else "fall"
                raise InputError(f"Relative pressures of the {what} have to {order}.")
            if np.any(n < 0):
                raise InputError(f"Amounts of the {what} have to be at least 0.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def to_dict(self) -> dict[str, Any]:
        """Curves for JSON."""
        return {
            "label": self.label,
            "adsorptive": self.adsorptive.name,
            "relative_pressure": numbers(self.relative_pressure),
            "amount [mol/kg]": numbers(self.amount),
            "desorption_relative_pressure": numbers(self.desorption_pressure),
            "desorption_amount [mol/kg]": numbers(self.desorption_amount),
        }

    def plot(self, ax: Axes | None = None, *, label: str = "") -> Axes:
        """Draw the amount over p/p0, the desorption dashed; on given axes it is an overlay."""
        from vmt._plotting import axes, finish, legend

        ax = axes(ax)
        (line,) = ax.plot(self.relative_pressure, self.amount, label=label or self.label or None)
        ax.plot(self.desorption_pressure, self.desorption_amount, "--", color=line.get_color())
        legend(ax)
        return finish(ax, xlabel="p/p₀", ylabel="adsorbed amount [mol/kg]")


_QUANTITIES = (
    Quantity("relative pressure", ("relative", "p/p0", "p/p°", "p/p₀"), None),
    Quantity("amount", ("amount", "quantity", "volume", "adsorbed", "uptake"), AMOUNTS),
)


def read_isotherm(
    path: str | os.PathLike[str], *, adsorptive: Adsorptive | None = None, label: str | None = None
) -> Isotherm:
    r"""Read a measured isotherm from a text table (CSV) with units in its header.

    Columns are the relative pressure, ``p/p0``, and the amount, as ``amount [cm3(STP)/g]``. Rows
    after the highest pressure are the desorption.

    Raises
    ------
    InputError
        If the file can't be read, a column or unit is missing, or the values are no isotherm.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "n2.csv"
    ...     _ = path.write_text("p/p0,amount [cm3(STP)/g]\n0.1,22.414\n0.2,30\n")
    ...     isotherm = read_isotherm(path)
    >>> round(float(isotherm.amount[0]), 4)
    1.0
    """
    shown = os.fspath(path)
    columns = read_columns(path, _QUANTITIES)
    for quantity in _QUANTITIES:
        if quantity.key not in columns:
            raise InputError(
                f"{shown!r} has no column of the {quantity.key}; expected 'p/p0' and "
                "'amount [cm3(STP)/g]'."
            )
    x, n = columns["relative pressure"], columns["amount"]
    top = int(np.argmax(x)) + 1
    name = Path(path).stem if label is None else label
    gas = Adsorptive() if adsorptive is None else adsorptive
    return Isotherm(x[:top], n[:top], gas, name, x[top:], n[top:])


@dataclass(frozen=True)
class BetSurface:
    """What the BET fit says.

    Parameters
    ----------
    surface : float
        Specific surface [m²/kg].
    monolayer : float
        Amount of a layer of one molecule [mol/kg].
    constant : float
        C.
    r_squared : float
        Of the straight line.
    points : int
        Points of the fit.
    """

    surface: float
    monolayer: float
    constant: float
    r_squared: float
    points: int

    def to_dict(self) -> dict[str, Any]:
        """Fields with their units."""
        return {
            "surface [m^2/kg]": number(self.surface),
            "monolayer [mol/kg]": number(self.monolayer),
            "constant": number(self.constant),
            "r_squared": number(self.r_squared),
            "points": self.points,
        }


def bet_surface(isotherm: Isotherm, *, lowest: float = 0.05, highest: float = 0.15) -> BetSurface:
    """Specific surface by Brunauer, Emmett and Teller.

    The line x / (n (1 − x)) = 1/(n_m C) + x (C − 1)/(n_m C) is fitted in a range of x = p/p0; the
    surface is n_m N_A times the area of a molecule. The default range is that of Beuse et al. 2021.

    Raises
    ------
    InputError
        If the range holds fewer than three points, or the line gives no positive monolayer and C.

    Examples
    --------
    >>> x = np.linspace(0.01, 0.3, 30)
    >>> n = 0.02 * 80 * x / ((1 - x) * (1 + 79 * x))
    >>> found = bet_surface(Isotherm(x, n))
    >>> round(found.monolayer, 9), round(found.constant, 6), round(found.surface)
    (0.02, 80.0, 1951)
    """
    x, n = isotherm.relative_pressure, isotherm.amount
    use = (x >= lowest) & (x <= highest) & (n > 0)
    if np.count_nonzero(use) < 3:
        raise InputError(
            f"Between p/p0 = {lowest:g} and {highest:g} the isotherm has {np.count_nonzero(use)} "
            "points; a BET fit needs three."
        )
    x, n = x[use], n[use]
    slope, offset, fit = _line(x, x / (n * (1 - x)))
    if not (offset > 0 and slope > 0):
        raise InputError(
            "The BET line has no positive slope and offset between "
            f"p/p0 = {lowest:g} and {highest:g}; choose another range."
        )
    monolayer = 1 / (slope + offset)
    surface = monolayer * _AVOGADRO * isotherm.adsorptive.cross_section
    return BetSurface(surface, monolayer, 1 + slope / offset, fit, x.size)


def _line(x: Floats, y: Floats) -> tuple[float, float, float]:
    """Slope, offset and r² of the line of least squares."""
    dx, dy = x - x.mean(), y - y.mean()
    slope = float((dx @ dy) / (dx @ dx))
    spread = float(dy @ dy)
    fit = 1.0 if spread == 0 else float((slope * dx) @ (slope * dx)) / spread
    return slope, float(y.mean() - slope * x.mean()), fit


@dataclass(frozen=True)
class TPlot:
    """What the t-plot says.

    Parameters
    ----------
    external_surface : float
        Surface outside micropores [m²/kg], from the slope.
    micropore_volume : float
        Volume of micropores [m³/kg], from the offset.
    micropore_surface : float
        BET surface less the external one [m²/kg].
    r_squared : float
        Of the straight line.
    points : int
        Points of the fit.
    """

    external_surface: float
    micropore_volume: float
    micropore_surface: float
    r_squared: float
    points: int

    def to_dict(self) -> dict[str, Any]:
        """Fields with their units."""
        return {
            "external_surface [m^2/kg]": number(self.external_surface),
            "micropore_volume [m^3/kg]": number(self.micropore_volume),
            "micropore_surface [m^2/kg]": number(self.micropore_surface),
            "r_squared": number(self.r_squared),
            "points": self.points,
        }


def t_plot(
    isotherm: Isotherm,
    *,
    thinnest: float = 0.35e-9,
    thickest: float = 0.5e-9,
    bet: BetSurface | None = None,
) -> TPlot:
    """External surface and micropores from the adsorbed liquid over the film's thickness.

    Volume of liquid = micropore volume + external surface × t, fitted in a range of t [m].

    Raises
    ------
    InputError
        If the range holds fewer than three points, or there is no BET fit.

    Examples
    --------
    >>> gas, x = Adsorptive(), np.linspace(0.02, 0.5, 40)
    >>> made = Isotherm(x, (1e-7 + 900 * gas.film(x)) / gas.molar_volume)
    >>> found = t_plot(made)
    >>> round(found.external_surface, 6), round(found.micropore_volume * 1e7, 6)
    (900.0, 1.0)
    """
    gas = isotherm.adsorptive
    t = gas.film(isotherm.relative_pressure)
    use = (t >= thinnest) & (t <= thickest)
    if np.count_nonzero(use) < 3:
        raise InputError(
            f"Between films of {thinnest * 1e9:g} and {thickest * 1e9:g} nm the isotherm has "
            f"{np.count_nonzero(use)} points; a t-plot needs three."
        )
    slope, offset, fit = _line(t[use], isotherm.amount[use] * gas.molar_volume)
    total = (bet_surface(isotherm) if bet is None else bet).surface
    return TPlot(slope, offset, total - slope, fit, int(np.count_nonzero(use)))


@dataclass(frozen=True, eq=False)
class BjhSizes:
    """Pore sizes by Barrett, Joyner and Halenda.

    Parameters
    ----------
    edges : (n + 1,) array
        Diameters between the classes [m], falling.
    diameters : (n,) array
        Diameters of the classes [m].
    volumes : (n,) array
        Specific volumes of the classes [m³/kg].
    """

    edges: Floats
    diameters: Floats
    volumes: Floats

    def __post_init__(self) -> None:
        read_only(self, "edges", "diameters", "volumes")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.edges, self.diameters, self.volumes)

    @property
    def total_volume(self) -> float:
        """Volume of all classes [m³/kg]."""
        return float(self.volumes.sum())

    @property
    def surface(self) -> float:
        """Lateral surface of all classes as cylinders [m²/kg]."""
        return PoreShape.cylinder().surface(self.volumes, self.diameters)

    def to_dict(self) -> dict[str, Any]:
        """Classes for JSON."""
        return {
            "edges [m]": numbers(self.edges),
            "diameters [m]": numbers(self.diameters),
            "volumes [m^3/kg]": numbers(self.volumes),
            "total_volume [m^3/kg]": number(self.total_volume),
            "surface [m^2/kg]": number(self.surface),
        }

    def plot(self, ax: Axes | None = None, *, label: str = "") -> Axes:
        """Draw dv/dlog₁₀D over the diameter; on given axes it is an overlay."""
        from vmt._plotting import axes, finish, legend

        ax = axes(ax)
        density = self.volumes / -np.diff(np.log10(self.edges))
        ax.plot(self.diameters * 1e6, density * 1e3, "o-", ms=3, lw=1.2, label=label or None)
        ax.set_xscale("log")
        legend(ax)
        return finish(ax, xlabel="pore diameter [µm]", ylabel="dv/dlog D [cm³/g]")


def bjh(isotherm: Isotherm, *, branch: str = "desorption", lowest: float = 0.3) -> BjhSizes:
    """Volumes of cylinders by size, from an isotherm.

    From the highest pressure down each step empties the class of pores between its two radii (film
    and Kelvin meniscus) and thins the film in those that are empty already; what the film does not
    explain is the class's. Films are taken in each class's own cylinder, as in the exact form of
    Barrett, Joyner and Halenda, *J. Am. Chem. Soc.* 73 (1951) 373; a step whose film explains more
    than all opens no pores.

    Parameters
    ----------
    isotherm : Isotherm
        The isotherm.
    branch : {"desorption", "adsorption"}
        Which way; desorption shows throats.
    lowest : float
        Pressures below this p/p0 are left out: capillaries don't condense there.

    Raises
    ------
    InputError
        If the branch has fewer than three points above the lowest pressure.

    Examples
    --------
    >>> x = np.linspace(0.95, 0.4, 40)
    >>> sizes = bjh(cylinder_isotherm([10e-9], [1e-4], x))
    >>> round(sizes.total_volume * 1e4, 2)
    1.0
    """
    if branch not in ("desorption", "adsorption"):
        raise InputError(
            f'branch={branch!r} can\'t be used; expected "desorption" or "adsorption".'
        )
    if branch == "desorption":
        x, n = isotherm.desorption_pressure, isotherm.desorption_amount
    else:
        x, n = isotherm.relative_pressure[::-1], isotherm.amount[::-1]
    use = x >= lowest
    if np.count_nonzero(use) < 3:
        raise InputError(
            f"The {branch} has {np.count_nonzero(use)} points above p/p0 = {lowest:g}; sizes need "
            "three."
        )
    gas = isotherm.adsorptive
    x, liquid = x[use], n[use] * gas.molar_volume
    film, edges = gas.film(x), gas.pore_radius(x)
    radii = np.sqrt(edges[1:] * edges[:-1])
    # share of a class's volume that its film holds at each pressure, (pressures, classes)
    thin = 1 - (1 - np.minimum(film[:, None] / radii, 1.0)) ** 2
    volumes = np.zeros(radii.size)
    for i in range(radii.size):
        thinning = float(volumes[:i] @ (thin[i, :i] - thin[i + 1, :i]))
        left = liquid[i] - liquid[i + 1] - thinning
        volumes[i] = max(0.0, left / (1 - thin[i + 1, i]))
    return BjhSizes(2 * edges, 2 * radii, volumes)


def cylinder_isotherm(
    diameters: npt.ArrayLike,
    volumes: npt.ArrayLike,
    relative_pressure: npt.ArrayLike,
    *,
    adsorptive: Adsorptive | None = None,
) -> Isotherm:
    """Isotherm of cylinders of known diameters and volumes: the exact answer to test against.

    A cylinder is full above the pressure of its radius and holds its film below; both ways are the
    same.

    Parameters
    ----------
    diameters : (n,) array
        Diameters [m].
    volumes : (n,) array
        Specific volumes [m³/kg].
    relative_pressure : (k,) array
        Where to compute, in any order.
    adsorptive : Adsorptive, optional
        The gas; nitrogen.

    Examples
    --------
    >>> made = cylinder_isotherm([10e-9], [1e-4], [0.3, 0.9])
    >>> round(float(made.amount[1] * made.adsorptive.molar_volume), 9)
    0.0001
    """
    gas = Adsorptive() if adsorptive is None else adsorptive
    x = np.unique(np.asarray(relative_pressure, float))
    radii = np.atleast_1d(np.asarray(diameters, float)) / 2
    held = 1 - (1 - np.minimum(gas.film(x)[:, None] / radii, 1.0)) ** 2
    full = gas.pore_radius(x)[:, None] >= radii
    liquid = np.where(full, 1.0, held) @ np.atleast_1d(np.asarray(volumes, float))
    amount = liquid / gas.molar_volume
    return Isotherm(x, amount, gas, "cylinders", x[::-1], amount[::-1])
