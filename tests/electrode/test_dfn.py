"""V6: plates of pore and active material against PyBaMM's half-cell DFN.

Voltages are compared at steps of fixed length, so that what differs between two meshes is the mesh.
The continuum model is run on two meshes and extrapolated; what is left of its own error is asserted
to be far below what is measured with it.
"""

import os
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from vmt.electrode import CurrentStep, HalfCell, Protocol, Settings, constant, cycle, discharge
from vmt.microstructure import Microstructure

os.environ["PYBAMM_DISABLE_TELEMETRY"] = "true"
pytest.importorskip("pybamm", reason="the extra vmt[pybamm] is not installed")


ONE_C = 32.39  # [A/m²]


def dfn(
    current: float,
    planes: int,
    times: np.ndarray,
    *,
    diffusivity: float = 1e-10,
    shells: int = 4,
    binder: bool = False,
) -> np.ndarray:
    """Voltage of the continuum model of the plates at some times; NaN after the cut-off.

    The last entry is the time of the cut-off. With the diffusivity of the default its particles
    have no gradients.
    """
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

    def salt_diffusivity(c, temperature):
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
            "Electrolyte diffusivity [m2.s-1]": salt_diffusivity,
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
            "Positive particle diffusivity [m2.s-1]": diffusivity,
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
    points = {"x_n": 3, "x_s": planes // 3, "x_p": planes, "r_n": 3, "r_p": shells}
    sim = pybamm.Simulation(
        pybamm.lithium_ion.DFN({"working electrode": "positive"}),
        parameter_values=values,
        var_pts=points,
        solver=pybamm.IDAKLUSolver(rtol=1e-9, atol=1e-10),
    )
    solution = sim.solve([0, 1.06 * times[-1]], t_interp=np.append(0.0, times))
    when, voltage = solution["Time [s]"].entries, solution["Voltage [V]"].entries
    found = np.full(times.size + 1, np.nan)
    known = times <= when[-1]
    found[:-1][known] = voltage[np.searchsorted(when, times[known])]
    found[-1] = when[-1]
    return found


def reference(
    current: float, times: np.ndarray, *, planes: int = 120, **given: object
) -> tuple[np.ndarray, float]:
    """Continuum model extrapolated from two meshes, and what its error is at most [V]."""
    coarse, fine = (dfn(current, n, times, **given) for n in (planes, 2 * planes))
    assert np.isfinite(fine).all()
    return fine + (fine - coarse) / 3, float(0.1 * np.abs(fine - coarse)[:-1].max())


def plates(
    chen,
    h: float = 1.0,
    *,
    diffusivity: float = 1e-12,
    at_separator: bool = True,
    constricted: bool = True,
    along: bool = True,
    across: bool = True,
    binder: bool = False,
) -> HalfCell:
    """The plates in voxels of h µm, as the recipe has them.

    Rows are 1 µm wide, so voxels above that are long ones. The switches take away what the plates
    have and the continuum model has not: active material that reacts on its faces to the separator,
    ions that crowd in front of the pores (with free spreading along the separator's planes they do
    not), lithium that diffuses along the plates, gradients across the rows (one voxel has none, and
    with free spreading from row to row there are none at all).
    """
    material = replace(chen.active_material, diffusivity=constant(diffusivity))
    domain = replace(chen.binder, conductivity=2.0, porosity=0.5, transport=0.12)
    rows = np.array([0, 2, 1] if binder else [0, 1], np.uint8)
    fine, wide = round(60 / h), max(round(1 / h), 1) if across else 1
    labels = np.broadcast_to(np.repeat(rows, wide)[None, :, None], (fine, rows.size * wide, 1))
    structure = Microstructure(
        labels,
        (60e-6 / fine, 1e-6 / wide, 1e-6),
        {"pore": 0, "active_material": 1, "binder": 2},
    )
    cell = HalfCell(
        structure,
        replace(chen, active_material=material, binder=domain),
        area_mode="voxel",
        reacts_at_separator=at_separator,
    )
    n = cell.network()
    if not along:
        links = n.la_code == 0
        for name in ("first", "second", "code"):
            old = getattr(n, f"la_{name}")
            setattr(n, f"ls_{name}", np.concatenate([getattr(n, f"ls_{name}"), old[links]]))
            setattr(n, f"la_{name}", old[~links])
    classes = round((n.le_geometry.size / 3) ** 0.5)
    if not across:
        n.le_geometry[classes**2 : 2 * classes**2] *= 1e3
        n.geometry[-2] *= 1e3
    elif not constricted:
        inside = cell.cells.ravel()[n.liquid] == 5
        both = inside[n.le_first] & inside[n.le_second] & (n.le_code // classes**2 == 1)
        n.le_geometry = np.append(n.le_geometry, 1e3 * n.le_geometry[n.le_code[both][0]])
        n.le_code[both] = n.le_geometry.size - 1
    return cell


#: nothing that the continuum model has not: no gradients in the particles either
ALIKE = {
    "diffusivity": 1e-10, "at_separator": False, "constricted": False, "along": False,
    "across": False,
}  # fmt: skip


def grid(rate: float, rows: int = 2) -> tuple[float, np.ndarray, np.ndarray]:
    """Current, times of 1/400 of the discharge up to 97 % of it, and from when on to compare."""
    times = 10.0 / rate * np.arange(1, 393 if rate < 4 else 381)
    return 2 / rows * ONE_C * rate, times, times > 12 * times[0]


def voltages(cell: HalfCell, current: float, times: np.ndarray) -> np.ndarray:
    """Voltage at the times, by BDF2 with steps as long as their distance."""
    run = cycle(
        cell,
        Protocol([CurrentStep(current, duration=float(times[-1]))]),
        settings=Settings(fixed_step=float(times[0]), method="direct", newton=1e-9),
    )
    at = np.searchsorted(run.time, times - 0.01)
    np.testing.assert_allclose(run.time[at], times, rtol=0, atol=2e-3)
    return run.voltage[at]


def rms(v: np.ndarray) -> float:
    return float(np.sqrt(np.mean(v**2)))


@pytest.mark.parametrize(
    ("rate", "most"),
    [
        (2.0, 1e-3),
        pytest.param(0.5, 1e-3, marks=pytest.mark.slow),
        pytest.param(4.0, 2e-3, marks=pytest.mark.slow),
    ],
)
def test_the_recipe_against_the_continuum_model(chen, rate: float, most: float) -> None:
    """The recipe to the letter, 1 µm: 1 mV up to 2C, 2 mV at 4C, rms 0.7 mV, time 0.05 %."""
    current, times, later = grid(rate)
    exact, own = reference(current, times, planes=60, diffusivity=1e-12, shells=20)
    assert own < 0.05 * most
    cell = plates(chen)
    found = (voltages(cell, current, times) - exact[:-1])[later]
    settings = Settings(voltage=2e-5, concentration=4e-5, method="direct")
    ends = discharge(cell, current, settings=settings).time[-1] / exact[-1] - 1
    print(f"{rate:g}C: {1e3 * np.abs(found).max():.3f} mV, rms {1e3 * rms(found):.3f} mV, "
          f"time {100 * ends:+.4f} %")  # fmt: skip
    assert np.abs(found).max() < most
    assert rms(found) < 0.7e-3
    assert abs(ends) < 5e-4


@pytest.mark.parametrize(
    ("rate", "edges"),
    [
        (2.0, (4.0, 2.0, 1.0)),
        pytest.param(0.5, (4.0, 2.0, 1.0), marks=pytest.mark.slow),
        pytest.param(2.0, (4.0, 2.0, 1.0, 0.5), marks=pytest.mark.slow),
        pytest.param(4.0, (4.0, 2.0, 1.0, 0.5), marks=pytest.mark.slow),
    ],
)
def test_the_difference_shrinks_with_the_voxel(chen, rate: float, edges: tuple[float]) -> None:
    """Plates like the continuum model: 1.8 a halving at least, extrapolated below 0.2 mV."""
    current, times, later = grid(rate)
    exact, own = reference(current, times, planes=240 if rate > 2 else 120)
    found = [(voltages(plates(chen, h, **ALIKE), current, times) - exact[:-1])[later]
             for h in edges]  # fmt: skip
    sizes = [rms(v) for v in found]
    last = 2 * found[-1] - found[-2]
    print(f"{rate:g}C, {edges} µm: rms {[round(1e6 * v, 2) for v in sizes]} µV, extrapolated "
          f"{1e6 * np.abs(last).max():.1f} µV at most; DFN to {1e6 * own:.1f} µV")  # fmt: skip
    assert own < 0.2 * np.abs(found[-1]).max()
    assert all(a > 1.8 * b for a, b in pairwise(sizes))
    assert np.abs(last).max() < 0.2e-3


@pytest.mark.slow
def test_what_the_recipe_has_and_the_continuum_model_has_not(chen) -> None:
    """The recipe's difference at 2C is four effects of the plates, none of the mesh, and a rest.

    The rest shrinks with the voxel. Each effect is switched off after the other, so they add up
    exactly. Crowding in front of the pores has a closed form; plates instead of spheres are what a
    sphere of the diffusivity 9/5 D is: R/5 at R = 3 µm over 1/3 of the plate.
    """
    current, times, later = grid(2.0)
    sphere, _ = reference(current, times, diffusivity=1e-12, shells=20)
    plate, _ = reference(current, times, diffusivity=1.8e-12, shells=20)
    steps = [{}, {"at_separator": False}, {"constricted": False}, {"along": False}]
    effects, rests, whole = [], [], []
    for h in (1.0, 0.5):
        off: dict[str, bool] = {}
        curves = []
        for switch in steps:
            off |= switch
            curves.append(voltages(plates(chen, h, **off), current, times))
        effects.append([(a - b)[later].mean() for a, b in pairwise(curves)])
        whole.append(float((curves[0] - sphere[:-1])[later].mean()))
        rests.append((curves[-1] - plate[:-1])[later])
    shape = float((plate - sphere)[:-1][later].mean())
    names = ("reaction at the separator", "crowding", "lithium along the plates")
    for name, values in zip(names, zip(*effects, strict=True), strict=True):
        print(f"{name}: {[round(float(1e6 * v), 1) for v in values]} µV at 1 and 1/2 µm")
    print(f"plates instead of spheres: {1e6 * shape:.1f} µV; "
          f"the rest, rms: {[round(1e6 * rms(v), 1) for v in rests]} µV")  # fmt: skip
    print(f"all of it, mean: {[round(1e6 * v, 1) for v in whole]} µV")
    np.testing.assert_allclose(effects[0], effects[1], rtol=0.1)
    assert rms(rests[0]) > 1.8 * rms(rests[1])
    assert np.abs(2 * rests[1] - rests[0]).max() < 0.2e-3
    # a slot of half the width in front of a half space: ohmic drop and that of the salt behind it
    kappa, spread, number, salt = 0.9487, 1.769e-10, 0.2594, 1000.0
    pull = 2 * 8.314463 * 298.15 / 96485.33 * (1 - number)
    ohmic = current * 2e-6 * 2 / np.pi * np.log(np.sqrt(2)) / (0.5**1.5 * kappa)
    crowding = ohmic * (1 + pull * (1 - number) * kappa / (96485.33 * salt * spread))
    assert 2 * effects[1][1] - effects[0][1] == pytest.approx(-crowding, rel=0.1)


@pytest.mark.slow
def test_plates_with_binder_against_the_continuum_model(chen) -> None:
    """Pore, binder and active material side by side at 2C: the same factor a halving."""
    current, times, later = grid(2.0, 3)
    exact, _ = reference(current, times, binder=True)
    found = [
        (voltages(plates(chen, h, binder=True, **ALIKE), current, times) - exact[:-1])[later]
        for h in (4.0, 2.0, 1.0)
    ]
    print(f"with binder: rms {[round(1e6 * rms(v), 2) for v in found]} µV")
    assert all(rms(a) > 1.8 * rms(b) for a, b in pairwise(found))
    assert np.abs(2 * found[2] - found[1]).max() < 0.2e-3
