"""Laws of battery materials, each named after its paper, with unit, range and source.

Arguments: salt concentration c [mol/m³] of free electrolyte, or stoichiometry x (lithium per host)
of an active material. Temperatures are 298.15 K unless a function says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vmt.errors import InputError

__all__ = [
    "Law",
    "as_law",
    "conductivity_amin_chiang_2016",
    "conductivity_landesfeind_2019",
    "conductivity_nyman_2008",
    "conductivity_oregan_2022",
    "conductivity_valoen_reimers_2005",
    "constant",
    "diffusivity_amin_chiang_2016",
    "diffusivity_landesfeind_2019",
    "diffusivity_nyman_2008",
    "diffusivity_oregan_2022",
    "diffusivity_valoen_reimers_2005",
    "ocp_chen_2020",
    "ocp_mohtat_2020",
    "ocp_verbrugge_2017",
    "tabulated",
    "thermodynamic_factor_landesfeind_2019",
    "thermodynamic_factor_nyman_2008",
    "transference_landesfeind_2019",
    "transference_nyman_2008",
]

Floats = npt.NDArray[np.float64]
_ROOM = 298.15
_FEWEST = 2  # points of a table
_FARADAY, _GAS = 96485.33212, 8.31446261815324


@dataclass(frozen=True)
class Law:
    """A property as a function of one quantity.

    Attributes
    ----------
    function : callable
        Takes an array, gives an array of the same shape.
    name : str
        As in a parameter file.
    unit : str
        Of the value.
    valid : (float, float)
        Range of the argument that the source covers.
    source : str
        Where it is from.

    Examples
    --------
    >>> round(float(conductivity_nyman_2008(1000.0)), 4)
    0.9487
    """

    function: Callable[[Floats], npt.ArrayLike]
    name: str
    unit: str
    valid: tuple[float, float]
    source: str

    def __call__(self, argument: npt.ArrayLike) -> Floats:
        """Value at the argument."""
        x = np.asarray(argument, np.float64)
        return np.asarray(np.broadcast_to(self.function(x), x.shape), np.float64)


def _law(
    unit: str, valid: tuple[float, float], source: str
) -> Callable[[Callable[[Floats], npt.ArrayLike]], Law]:
    def made(function: Callable[[Floats], npt.ArrayLike]) -> Law:
        name = getattr(function, "__name__", "law")
        law = Law(function, name, unit, valid, source)
        object.__setattr__(law, "__doc__", function.__doc__)
        return law

    return made


def constant(value: float, unit: str = "", source: str = "given") -> Law:
    """A property that depends on nothing.

    Examples
    --------
    >>> constant(0.18, "S/m")(0.5).item()
    0.18
    """
    return Law(
        lambda x: np.full(x.shape, float(value)), f"{value:g}", unit, (-np.inf, np.inf), source
    )


def tabulated(
    argument: npt.ArrayLike, values: npt.ArrayLike, unit: str, source: str = "table"
) -> Law:
    """A property measured at some points, with a monotone cubic between them.

    Raises
    ------
    InputError
        If the arguments do not rise, or the two are not lists of the same length of numbers.

    Examples
    --------
    >>> tabulated([0.0, 0.5, 1.0], [4.2, 3.8, 3.0], "V")(0.5).item()
    3.8
    """
    from scipy.interpolate import PchipInterpolator

    x, y = np.asarray(argument, np.float64), np.asarray(values, np.float64)
    if x.ndim != 1 or x.size < _FEWEST or x.shape != y.shape or not (np.diff(x) > 0).all():
        raise InputError(
            f"A table of shapes {x.shape} and {y.shape} can't be used; expected two lists of the "
            "same length, two numbers at least, with arguments that rise."
        )
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise InputError("A table must hold finite numbers only.")
    curve = PchipInterpolator(x, y, extrapolate=True)
    return Law(curve, "table", unit, (float(x[0]), float(x[-1])), source)


def as_law(given: Law | float | Callable[[Floats], npt.ArrayLike], unit: str) -> Law:
    """Turn a number or a plain function into a law.

    Examples
    --------
    >>> as_law(lambda x: 4.0 - x, "V")(0.5).item()
    3.5
    """
    if isinstance(given, Law):
        return given
    if callable(given):
        name = getattr(given, "__name__", "function")
        return Law(given, name, unit, (-np.inf, np.inf), "user's function")
    return constant(float(given), unit)


_NYMAN = "Nyman et al. 2008, Electrochim. Acta 53, 6356; LiPF6 in EC:EMC 3:7"
_LANDESFEIND = (
    "Landesfeind and Gasteiger 2019, J. Electrochem. Soc. 166, A3079; LiPF6 in EC:EMC 3:7"
)
_VALOEN = "Valøen and Reimers 2005, J. Electrochem. Soc. 152, A882; LiPF6 in PC:EC:DMC"
_CHEN = "Chen et al. 2020, J. Electrochem. Soc. 167, 080534; NMC811 of the LG M50"
_OREGAN = "O'Regan et al. 2022, Electrochim. Acta 425, 140700; NMC811 of the LG M50"
_MOHTAT = "Mohtat et al. 2020, J. Electrochem. Soc. 167, 110561; NMC532"
_VERBRUGGE = "Verbrugge et al. 2017, J. Electrochem. Soc. 164, E3243; NMC622, MSMR"
_AMIN = (
    "after Amin and Chiang 2016, J. Electrochem. Soc. 163, A1512; NMC333 and NMC523; log-linear "
    "between the ends that the abstract names"
)


@_law("S/m", (0.0, 2000.0), _NYMAN)
def conductivity_nyman_2008(c: Floats) -> npt.ArrayLike:
    """Ionic conductivity."""
    m = np.maximum(c, 0.0) / 1000
    return 0.1297 * m**3 - 2.51 * m**1.5 + 3.329 * m


@_law("m²/s", (0.0, 2000.0), _NYMAN)
def diffusivity_nyman_2008(c: Floats) -> npt.ArrayLike:
    """Salt diffusivity."""
    m = c / 1000
    return 8.794e-11 * m**2 - 3.972e-10 * m + 4.862e-10


@_law("", (0.0, 2000.0), _NYMAN)
def transference_nyman_2008(c: Floats) -> npt.ArrayLike:
    """Transference number of Li+."""
    m = c / 1000
    return 0.4492 - 0.4717 * m + 0.4106 * m**2 - 0.1287 * m**3


@_law("", (0.0, 2000.0), _NYMAN)
def thermodynamic_factor_nyman_2008(c: Floats) -> npt.ArrayLike:
    """1 + dln f/dln c, from the printed (1 - t+)(1 + dln f/dln c)."""
    m = c / 1000
    moved = 0.28687 * m**2 + 0.74678 * m + 0.44103
    return moved / (1 - (0.4492 - 0.4717 * m + 0.4106 * m**2 - 0.1287 * m**3))


@_law("S/m", (100.0, 2000.0), _LANDESFEIND)
def conductivity_landesfeind_2019(c: Floats) -> npt.ArrayLike:
    """Ionic conductivity at 298.15 K."""
    m, t = np.maximum(c, 0.0) / 1000, _ROOM
    warm = np.exp(1000 / t)
    above = 1 - 1.06 * np.sqrt(m) + 0.353 * (1 - 3.59e-3 * warm) * m
    return np.asarray(0.0521 * (1 + (t - 228)) * m * above / (1 + m**4 * 1.48e-3 * warm))


@_law("m²/s", (100.0, 2000.0), _LANDESFEIND)
def diffusivity_landesfeind_2019(c: Floats) -> npt.ArrayLike:
    """Salt diffusivity at 298.15 K."""
    m, t = c / 1000, _ROOM
    return np.asarray(1.01e-7 * np.exp(1.01 * m - 1560 / t - 487 * m / t))


def _nine(p: tuple[float, ...], m: Floats, t: float) -> Floats:
    return np.asarray(
        p[0] + p[1] * m + p[2] * t + p[3] * m**2 + p[4] * m * t + p[5] * t**2 + p[6] * m**3
        + p[7] * m**2 * t + p[8] * m * t**2
    )  # fmt: skip


@_law("", (100.0, 2000.0), _LANDESFEIND)
def transference_landesfeind_2019(c: Floats) -> npt.ArrayLike:
    """Transference number of Li+ at 298.15 K."""
    p = (-12.8, -6.12, 0.0821, 0.904, 0.0318, -1.27e-4, 0.0175, -3.12e-3, -3.96e-5)
    return _nine(p, c / 1000, _ROOM)


@_law("", (100.0, 2000.0), _LANDESFEIND)
def thermodynamic_factor_landesfeind_2019(c: Floats) -> npt.ArrayLike:
    """1 + dln f/dln c at 298.15 K."""
    p = (25.7, -45.1, -0.177, 1.94, 0.295, 3.08e-4, 0.259, -9.46e-3, -4.54e-4)
    return _nine(p, c / 1000, _ROOM)


@_law("S/m", (0.0, 2000.0), _VALOEN)
def conductivity_valoen_reimers_2005(c: Floats) -> npt.ArrayLike:
    """Ionic conductivity at 298.15 K (eq. 17)."""
    m, t = c / 1000, _ROOM
    inner = (
        (-10.5 + 0.0740 * t - 6.96e-5 * t**2)
        + m * (0.668 - 0.0178 * t + 2.80e-5 * t**2)
        + m**2 * (0.494 - 8.86e-4 * t)
    )
    return 0.1 * m * inner**2


@_law("m²/s", (0.0, 2000.0), _VALOEN)
def diffusivity_valoen_reimers_2005(c: Floats) -> npt.ArrayLike:
    """Salt diffusivity at 298.15 K (eq. 14)."""
    m = c / 1000
    return 10 ** (-4.43 - 54 / (_ROOM - 229 - 5 * m) - 0.22 * m) * 1e-4


_TAIL = 1.2, 90.0


@_law("V", (0.27, 0.9084), _CHEN)
def ocp_chen_2020(x: Floats) -> npt.ArrayLike:
    """Open-circuit potential, with a tail -1.2 V exp(90(x-1)) that ends a discharge."""
    u = -0.8090 * x + 4.4875 - 0.0428 * np.tanh(18.5138 * (x - 0.5542))
    u = u - 17.7326 * np.tanh(15.7890 * (x - 0.3117)) + 17.5842 * np.tanh(15.9308 * (x - 0.3120))
    return u - _TAIL[0] * np.exp(_TAIL[1] * (x - 1))


@_law("m²/s", (0.27, 0.9), _OREGAN)
def diffusivity_oregan_2022(x: Floats) -> npt.ArrayLike:
    """Diffusivity of lithium, with the paper's factor 2.7."""
    power = -13.96 - 0.9231 * np.exp(-((x - 0.3216) ** 2) / 0.002534)
    power = power - 0.4066 * np.exp(-((x - 0.4532) ** 2) / 0.003926)
    return 2.7 * 10 ** (power - 0.993 * np.exp(-((x - 0.8098) ** 2) / 0.09924))


@_law("S/m", (0.27, 0.9), _OREGAN)
def conductivity_oregan_2022(x: Floats) -> npt.ArrayLike:
    """Electronic conductivity of the electrode."""
    return np.full(x.shape, 0.8473)


@_law("V", (0.1, 0.98), _MOHTAT)
def ocp_mohtat_2020(x: Floats) -> npt.ArrayLike:
    """Open-circuit potential; has its own tail."""
    u = 4.3452 - 1.6518 * x + 1.6225 * x**2 - 2.0843 * x**3 + 3.5146 * x**4 - 2.2166 * x**5
    return u - 0.5623e-4 * np.exp(109.451 * x - 100.006)


_MSMR = (
    (3.62274, 0.13442, 0.96710), (3.72645, 0.32460, 1.39712), (3.90575, 0.21118, 3.50500),
    (4.22955, 0.32980, 5.52757),
)  # fmt: skip


@_law("V", (0.02, 0.995), _VERBRUGGE)
def ocp_verbrugge_2017(x: Floats) -> npt.ArrayLike:
    """Open-circuit potential: the inverse of the four sites' occupation."""
    u = np.linspace(2.0, 5.5, 7001)
    filled = sum(
        share / (1 + np.exp(_FARADAY * (u - at) / (_GAS * _ROOM * width)))
        for at, share, width in _MSMR
    )
    order = np.argsort(filled)
    from scipy.interpolate import PchipInterpolator

    filled, u = np.asarray(filled)[order], u[order]
    rising = np.concatenate([[True], np.diff(filled) > 1e-15])
    return np.asarray(
        PchipInterpolator(filled[rising], u[rising])(
            np.clip(x, filled[rising][0], filled[rising][-1])
        )
    )


@_law("S/m", (0.25, 1.0), _AMIN)
def conductivity_amin_chiang_2016(x: Floats) -> npt.ArrayLike:
    """Electronic conductivity: 1e-5 S/m when full, 1 S/m at x = 0.25."""
    return 100 * 10 ** (-7 + 5 * np.minimum((1 - x) / 0.75, 1.0))


@_law("m²/s", (0.25, 1.0), _AMIN)
def diffusivity_amin_chiang_2016(x: Floats) -> npt.ArrayLike:
    """Diffusivity of lithium: 1e-16 m²/s when full, 1e-14 m²/s at x = 0.25."""
    return 10 ** (-16 + 2 * np.minimum((1 - x) / 0.75, 1.0))
