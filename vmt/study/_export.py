"""The door to PyBaMM: parameter values of a structure, and its DFN beside the 3D result."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.electrode import Discharge, HalfCell, Law
from vmt.errors import ConvergenceError, InputError
from vmt.study._effective import EffectiveElectrode, effective_electrode, require_half_cell

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["DfnComparison", "compare_with_dfn", "to_pybamm"]

Floats = npt.NDArray[np.float64]

_MAH_PER_CM2 = 1 / 36000.0
_COMPARED = 501  # times, evenly spread over what both runs have
_SALT = (1.0, 4000.0)  # mol/m³, range of the tables


def _pybamm() -> Any:
    os.environ.setdefault("PYBAMM_DISABLE_TELEMETRY", "true")
    try:
        import pybamm
    except ImportError as error:
        raise InputError(
            "PyBaMM is not installed; install it with pip install 'vmt[pybamm]'."
        ) from error
    return pybamm


def to_pybamm(cell: HalfCell, effective: EffectiveElectrode | None = None) -> Any:
    """Parameter values of the half cell for PyBaMM's DFN with a lithium counter electrode.

    Parameters
    ----------
    cell : HalfCell
        The cell, which brings materials and separator.
    effective : EffectiveElectrode, optional
        Parameters of its electrode; computed if not given.

    Returns
    -------
    pybamm.ParameterValues
        For ``pybamm.lithium_ion.DFN({"working electrode": "positive"})``; the electrode is 1 m by
        1 m, so that a current in A is a current density in A/m².

    Raises
    ------
    InputError
        If the cell is no half cell, PyBaMM is not installed, or the kinetics can't be expressed.

    Notes
    -----
    Laws become tables of cubic splines. Exponents of Bruggeman are chosen so that the transport is
    that of the structure. The particles of the DFN are spheres of radius 3 ε_s/a.
    """
    require_half_cell(cell)
    pybamm = _pybamm()
    e = effective or effective_electrode(cell)
    m = cell.materials
    a, salt, lithium = m.active_material, m.electrolyte, m.lithium
    kinetics = a.exchange_current
    x = np.unique(np.concatenate([np.linspace(0.0, 1.0, 1001), np.linspace(0.9, 1.0, 1001)]))
    c = np.linspace(*_SALT, 1000)
    valid = salt.conductivity.valid[1]
    held = np.minimum(c, 1.25 * valid) if math.isfinite(valid) else c
    inside = np.clip(x, 1e-6, 1 - 1e-6)

    def table(points: Floats, law: Law, at: Floats, name: str) -> Callable[..., Any]:
        values = law(at)

        def function(argument: Any, *rest: Any) -> Any:
            return pybamm.Interpolant(points, values, argument, name=name, interpolator="cubic")

        return function

    def reaction(ce: Any, cs: Any, largest: Any, temperature: Any) -> Any:
        made = kinetics.rate * ce**kinetics.electrolyte * cs**kinetics.stored
        return made * (largest - cs) ** kinetics.vacant

    def stripping(ce: Any, metal: Any, temperature: Any) -> Any:
        return lithium.area_factor * lithium.rate * ce**lithium.power

    values = pybamm.ParameterValues("Xu2019")
    values.update(
        {
            "Positive electrode thickness [m]": e.thickness,
            "Positive electrode porosity": e.porosity,
            "Positive electrode active material volume fraction": e.active_fraction,
            "Positive particle radius [m]": e.particle_radius,
            "Positive electrode Bruggeman coefficient (electrolyte)": _exponent(
                e.ionic_transport, e.porosity
            ),
            "Positive electrode Bruggeman coefficient (electrode)": 0.0,
            "Positive electrode conductivity [S.m-1]": e.electronic_conductivity,
            "Positive electrode OCP [V]": table(x, a.open_circuit_potential, inside, "ocp"),
            "Positive particle diffusivity [m2.s-1]": table(x, a.diffusivity, inside, "Ds"),
            "Positive electrode exchange-current density [A.m-2]": reaction,
            "Positive electrode charge transfer coefficient": kinetics.transfer,
            "Positive electrode double-layer capacity [F.m-2]": a.double_layer,
            "Maximum concentration in positive electrode [mol.m-3]": a.maximum_concentration,
            "Initial concentration in positive electrode [mol.m-3]": (
                a.initial_stoichiometry * a.maximum_concentration
            ),
            "Separator thickness [m]": cell.separator_layers * cell.structure.spacing[0],
            "Separator porosity": m.separator.porosity,
            "Separator Bruggeman coefficient (electrolyte)": _exponent(
                m.separator.factor, m.separator.porosity
            ),
            "Electrolyte conductivity [S.m-1]": table(c, salt.conductivity, held, "kappa"),
            "Electrolyte diffusivity [m2.s-1]": table(c, salt.diffusivity, held, "De"),
            "Cation transference number": table(c, salt.transference, held, "t_plus"),
            "Thermodynamic factor": table(c, salt.thermodynamic_factor, held, "tdf"),
            "Initial concentration in electrolyte [mol.m-3]": salt.concentration,
            "Exchange-current density for lithium metal electrode [A.m-2]": stripping,
            "Negative electrode charge transfer coefficient": lithium.transfer,
            "Ambient temperature [K]": m.temperature,
            "Initial temperature [K]": m.temperature,
            "Reference temperature [K]": m.temperature,
            "Electrode height [m]": 1.0,
            "Electrode width [m]": 1.0,
            "Nominal cell capacity [A.h]": cell.areal_capacity / 3600,
            "Lower voltage cut-off [V]": m.cutoff_voltage,
            "Upper voltage cut-off [V]": 5.5,
        },
        check_already_exists=False,
    )
    return values


def _exponent(transport: float, porosity: float) -> float:
    """Exponent b of porosity^b = transport."""
    if porosity >= 1:
        if transport < 1:
            raise InputError("An electrode that is all electrolyte has no tortuosity.")
        return 1.0
    return math.log(transport) / math.log(porosity)


@dataclass(frozen=True, eq=False)
class DfnComparison:
    """A 3D discharge beside the DFN with effective parameters of the same structure.

    Attributes
    ----------
    discharge : Discharge
        The 3D result.
    effective : EffectiveElectrode
        What the DFN was given.
    time, voltage : (n,) arrays
        Of the DFN [s], [V].
    current_density : float
        Of both [A/m²].
    difference : (k,) array
        3D minus DFN at times evenly spread over what both runs have [V].
    """

    discharge: Discharge
    effective: EffectiveElectrode
    time: Floats
    voltage: Floats
    current_density: float
    difference: Floats

    def __post_init__(self) -> None:
        for array in (self.time, self.voltage, self.difference):
            array.flags.writeable = False

    @property
    def capacity(self) -> float:
        """Charge that the DFN passed [C/m²]."""
        return float(self.time[-1] * abs(self.current_density))

    @property
    def capacity_difference(self) -> float:
        """Capacity of the 3D result over that of the DFN, minus 1."""
        return abs(self.discharge.capacity) / self.capacity - 1

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON-ready values."""
        return {
            "capacity 3D [mA h/cm²]": abs(self.discharge.capacity) * _MAH_PER_CM2,
            "capacity DFN [mA h/cm²]": self.capacity * _MAH_PER_CM2,
            "capacity difference": self.capacity_difference,
            "mean voltage difference [V]": float(self.difference.mean()),
            "largest voltage difference [V]": float(np.abs(self.difference).max()),
            "root mean square voltage difference [V]": float(np.sqrt((self.difference**2).mean())),
            **{f"DFN: {k}": v for k, v in self.effective.to_dict().items()},
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw both discharge curves."""
        from vmt._plotting import COLORS, axes, finish, legend

        ax = axes(ax)
        ax.plot(self.discharge.charge * _MAH_PER_CM2, self.discharge.voltage,
                color=COLORS["image"], label="3D")  # fmt: skip
        ax.plot(self.time * abs(self.current_density) * _MAH_PER_CM2, self.voltage,
                color=COLORS["model"], linestyle="--", label="DFN")  # fmt: skip
        legend(ax)
        return finish(ax, xlabel="capacity [mA h/cm²]", ylabel="voltage [V]")


def compare_with_dfn(
    cell: HalfCell,
    discharge: Discharge,
    *,
    effective: EffectiveElectrode | None = None,
    cutoff_voltage: float | None = None,
    points: int = 25,
) -> DfnComparison:
    """Run PyBaMM's half-cell DFN beside a 3D discharge at constant current.

    Parameters
    ----------
    cell : HalfCell
        The cell that was discharged.
    discharge : Discharge
        Its result.
    effective : EffectiveElectrode, optional
        Parameters of its electrode; computed if not given, with the active material's conductivity
        at the mean of the stoichiometries at start and end.
    cutoff_voltage : float, optional
        Where the DFN stops [V]; by default where the 3D run stopped.
    points : int
        Points of the DFN in the separator and the particles; twice as many in the electrode.

    Returns
    -------
    DfnComparison
        Both curves and their difference.

    Raises
    ------
    InputError
        If PyBaMM is not installed or the discharge was not at one constant current.
    ConvergenceError
        If PyBaMM finds no solution.

    Notes
    -----
    The difference holds everything that homogenization leaves out: particles that are not spheres
    of one size, paths of electrons and ions that are not the same everywhere, and the mesh.
    """
    require_half_cell(cell)
    pybamm = _pybamm()
    current = discharge.current_density[1:]
    if current.size == 0 or not np.allclose(current, current[0], rtol=1e-6):
        raise InputError(
            "The discharge is not at one constant current; compare_with_dfn takes the result of "
            "vmt.discharge."
        )
    density = float(current[0])
    if effective is None:
        middle = float(np.clip(discharge.stoichiometry[[0, -1]].mean(), 0.02, 0.98))
        effective = effective_electrode(cell, stoichiometry=middle)
    values = to_pybamm(cell, effective)
    stop = float(discharge.voltage[-1]) if cutoff_voltage is None else cutoff_voltage
    values.update({"Current function [A]": density})
    if density > 0:
        values.update({"Lower voltage cut-off [V]": stop, "Upper voltage cut-off [V]": 5.5})
    else:
        values.update({"Lower voltage cut-off [V]": 0.5, "Upper voltage cut-off [V]": stop})
    model = pybamm.lithium_ion.DFN({"working electrode": "positive"})
    mesh = {"x_n": points, "x_s": points, "x_p": 2 * points, "r_n": points, "r_p": points}
    end = 1.5 * float(discharge.time[-1]) + 10.0
    at = np.linspace(0.0, end, 2001)
    try:
        simulation = pybamm.Simulation(
            model,
            parameter_values=values,
            var_pts=mesh,
            solver=pybamm.IDAKLUSolver(rtol=1e-8, atol=1e-8),
        )
        solution = simulation.solve([0.0, end], t_interp=at)
    except pybamm.SolverError as error:
        raise ConvergenceError(f"PyBaMM's DFN found no solution: {error}.") from error
    time = np.array(solution.t, np.float64)
    voltage = np.array(solution["Voltage [V]"].entries, np.float64)
    first, last = float(discharge.time[1]), min(float(discharge.time[-1]), float(time[-1]))
    both = np.linspace(first, last, _COMPARED)
    ours = np.interp(both, discharge.time, discharge.voltage)
    return DfnComparison(
        discharge, effective, time, voltage, density, ours - np.interp(both, time, voltage)
    )
