"""V6: plates of pore and active material against PyBaMM's half-cell DFN, and its materials."""

import os
from dataclasses import replace

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from vmt.electrode import HalfCell, Settings, constant, discharge
from vmt.microstructure import Microstructure

os.environ["PYBAMM_DISABLE_TELEMETRY"] = "true"
pytest.importorskip("pybamm", reason="the extra vmt[pybamm] is not installed")


def dfn(current: float, planes: int, seconds: float, *, binder: bool = False) -> np.ndarray:
    """Time and voltage of the continuum model of the same plates; particles without gradients."""
    import pybamm

    def ocp(x):
        u = -0.8090 * x + 4.4875 - 0.0428 * pybamm.tanh(18.5138 * (x - 0.5542))
        u = u - 17.7326 * pybamm.tanh(15.7890 * (x - 0.3117))
        u = u + 17.5842 * pybamm.tanh(15.9308 * (x - 0.3120))
        return u - 1.2 * pybamm.exp(90 * (x - 1))

    def exchange(ce, cs, largest, temperature):
        return 3.42e-6 * ce**0.5 * cs**0.5 * (largest - cs) ** 0.5

    def conductivity(c, temperature):
        m = c / 1000
        return 0.1297 * m**3 - 2.51 * m**1.5 + 3.329 * m

    def diffusivity(c, temperature):
        m = c / 1000
        return 8.794e-11 * m**2 - 3.972e-10 * m + 4.862e-10

    rows = 3 if binder else 2
    active = 1 / rows
    porosity = (1 + 0.5 * binder) / rows
    ionic = (1 + 0.12 * binder) / rows
    sigma = (0.18 + 2.0 * binder) / rows
    area = (0.5 if binder else 1.0) / (rows * 1e-6)
    values = pybamm.ParameterValues("Xu2019")
    values.update(
        {
            "Positive electrode OCP [V]": ocp,
            "Positive electrode OCP entropic change [V.K-1]": 0.0,
            "Positive electrode exchange-current density [A.m-2]": exchange,
            "Electrolyte conductivity [S.m-1]": conductivity,
            "Electrolyte diffusivity [m2.s-1]": diffusivity,
            "Cation transference number": 0.2594,
            "Thermodynamic factor": 1.0,
            "Positive electrode thickness [m]": 60e-6,
            "Separator thickness [m]": 20e-6,
            "Positive electrode porosity": porosity,
            "Positive electrode active material volume fraction": active,
            "Positive particle radius [m]": 3 * active / area,
            "Positive electrode Bruggeman coefficient (electrolyte)": (
                np.log(ionic) / np.log(porosity)
            ),
            "Positive electrode Bruggeman coefficient (electrode)": 0.0,
            "Positive electrode conductivity [S.m-1]": sigma,
            "Separator porosity": 0.5,
            "Separator Bruggeman coefficient (electrolyte)": 1.5,
            "Electrode height [m]": 1.0,
            "Electrode width [m]": 1.0,
            "Positive particle diffusivity [m2.s-1]": 1e-10,
            "Maximum concentration in positive electrode [mol.m-3]": 63104.0,
            "Initial concentration in positive electrode [mol.m-3]": 0.27 * 63104,
            "Initial concentration in electrolyte [mol.m-3]": 1000.0,
            "Current function [A]": current,
            "Lower voltage cut-off [V]": 3.0,
            "Upper voltage cut-off [V]": 5.0,
            "Ambient temperature [K]": 298.15,
            "Initial temperature [K]": 298.15,
            "Reference temperature [K]": 298.15,
        },
        check_already_exists=False,
    )
    points = {"x_n": 3, "x_s": planes // 3, "x_p": planes, "r_n": 3, "r_p": 4}
    sim = pybamm.Simulation(
        pybamm.lithium_ion.DFN({"working electrode": "positive"}),
        parameter_values=values,
        var_pts=points,
        solver=pybamm.IDAKLUSolver(rtol=1e-8, atol=1e-9),
    )
    solution = sim.solve(np.arange(0, 2 * seconds, seconds / 60))
    return np.stack([solution["Time [s]"].entries, solution["Voltage [V]"].entries])


def plates(chen, fine: int, *, binder: bool = False) -> HalfCell:
    """The plates as voxels, made as one-dimensional as the continuum model is.

    Lithium does not diffuse along the plates, ions spread freely along the separator's planes, and
    nothing reacts at the separator: none of this exists in the continuum model.
    """
    material = replace(chen.active_material, diffusivity=constant(1e-10))
    domain = replace(chen.binder, conductivity=2.0, porosity=0.5, transport=0.12)
    rows = np.array([0, 2, 1] if binder else [0, 1], np.uint8)
    labels = np.broadcast_to(np.repeat(rows, fine)[None, :, None], (60 * fine, rows.size * fine, 1))
    structure = Microstructure(
        labels, (1e-6 / fine, 1e-6 / fine, 1e-6), {"pore": 0, "active_material": 1, "binder": 2}
    )
    cell = HalfCell(
        structure,
        replace(chen, active_material=material, binder=domain),
        area_mode="voxel",
        reacts_at_separator=False,
    )
    n = cell.network()
    along = n.la_code == 0
    for name in ("first", "second", "code"):
        links = getattr(n, f"la_{name}")
        setattr(n, f"ls_{name}", np.concatenate([getattr(n, f"ls_{name}"), links[along]]))
        setattr(n, f"la_{name}", links[~along])
    classes = round((n.le_geometry.size / 3) ** 0.5)
    inside = cell.cells.ravel()[n.liquid] == 5
    both = inside[n.le_first] & inside[n.le_second] & (n.le_code // classes**2 == 1)
    n.le_geometry = np.append(n.le_geometry, 1e3 * n.le_geometry[n.le_code[both][0]])
    n.le_code[both] = n.le_geometry.size - 1
    return cell


def difference(run, reference: np.ndarray) -> np.ndarray:
    """Voltages of a run minus the reference's [V], from 20 s to 97 % of the discharge."""
    time, voltage = reference
    inside = (time > 20) & (time < 0.97 * time[-1])
    later = run.time > 1e-3
    return CubicSpline(run.time[later], run.voltage[later])(time[inside]) - voltage[inside]


TIGHT = Settings(voltage=2e-5, concentration=4e-5, method="direct")


def test_plates_against_the_continuum_model(chen) -> None:
    """At 2C, with voxels of 1 µm, voltages agree within 0.2 mV and times within 0.05 %."""
    current = 64.78
    reference = dfn(current, 45, 2000.0)
    run = discharge(plates(chen, 1), current, settings=TIGHT)
    assert np.abs(difference(run, reference)).max() < 2e-4
    assert run.time[-1] == pytest.approx(reference[0, -1], rel=5e-4)


@pytest.mark.slow
def test_plates_with_binder_against_the_continuum_model(chen) -> None:
    """The same with a row of binder between pore and active material."""
    current = 43.0
    reference = dfn(current, 90, 2000.0, binder=True)
    run = discharge(plates(chen, 1, binder=True), current, settings=TIGHT)
    assert np.abs(difference(run, reference)).max() < 5e-4
    assert run.time[-1] == pytest.approx(reference[0, -1], rel=5e-4)


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "most"), [(0.5, 0.2e-3), (2.0, 0.2e-3), (4.0, 0.4e-3)])
def test_the_difference_vanishes_with_the_voxel(chen, rate: float, most: float) -> None:
    """h, h/2, h/4 against the continuum model, itself extrapolated."""
    current = 32.39 * rate
    seconds = 4045.0 / rate
    one, two = dfn(current, 60, seconds), dfn(current, 120, seconds)
    later = one[0] > 1.0
    coarse = CubicSpline(one[0, later], one[1, later])
    two = two[:, (two[0] > 1.0) & (two[0] < one[0, -1])]
    reference = np.stack([two[0], 2 * two[1] - coarse(two[0])])
    found = [
        float(np.sqrt(np.mean(difference(discharge(plates(chen, f), current, settings=TIGHT),
                                         reference) ** 2)))
        for f in (1, 2, 4)
    ]  # fmt: skip
    print(f"{rate:g}C: rms {[round(1e3 * v, 4) for v in found]} mV")
    assert found[0] < most
    assert found[2] <= found[1] + 2e-6 <= found[0] + 4e-6  # microvolts are the time steps' own
    assert 2 * found[2] - found[1] < 0.2e-3
