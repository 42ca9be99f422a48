"""Whole discharges: balances, order in time, refinement, symmetry, linear response, resuming."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_bvp

from vmt.electrode import (
    CurrentStep,
    HalfCell,
    PorousActiveMaterial,
    PowerStep,
    Protocol,
    Rest,
    Separator,
    Settings,
    VoltageStep,
    constant,
    cycle,
    discharge,
    parameter_set,
)
from vmt.electrode import _run as run_module
from vmt.electrode._integrator import Integrator
from vmt.electrode._tables import tables_of
from vmt.kernels.electrode import Control, System
from vmt.kernels.reference_electrode import small_signal_resistance
from vmt.microstructure import Microstructure

FARADAY, GAS, ROOM = 96485.33212, 8.31446261815324, 298.15


@pytest.mark.parametrize("method", ["direct", "multigrid"])
def test_lithium_and_charge_are_conserved(blob, method: str) -> None:
    """V1, V2: over a whole discharge of three phases, with a double layer and σ(x), D(x)."""
    p = parameter_set("nmc811-oregan2022")
    material = replace(p.active_material, conductivity=lambda x: 0.1 + 0.1 * (1 - x))
    cell = HalfCell(blob((10, 6, 6)), replace(p, active_material=material))
    settings = Settings(method=method, newton=1e-9)
    run = discharge(cell, cell.current_density(1.0), settings=settings)
    assert run.stopped_because == ("cut-off voltage",)
    assert run.voltage[-1] == pytest.approx(3.0, abs=1e-3)
    assert np.abs(run.lithium_imbalance).max() <= 1e-10
    assert run.charge_imbalance.max() <= 1e-8
    assert run.capacity > 0.85 * cell.areal_capacity
    # the record of stoichiometry tells the same charge
    stored = (run.stoichiometry[-1] - run.stoichiometry[0]) * cell.areal_capacity / (1 - 0.27)
    assert run.capacity == pytest.approx(stored, rel=1e-3)


def test_both_linear_solvers_give_one_answer(blob) -> None:
    """The assembled matrix, factored, and the multigrid iteration agree to the tolerance."""
    cell = HalfCell(blob((8, 6, 6)), "nmc811-chen2020")
    runs = [
        cycle(cell, Protocol([CurrentStep(cell.current_density(2.0), duration=300.0)]),
              settings=Settings(method=method, fixed_step=50.0, newton=1e-10))
        for method in ("direct", "multigrid")
    ]  # fmt: skip
    np.testing.assert_allclose(runs[0].voltage, runs[1].voltage, rtol=0, atol=1e-9)


def voltage_at(comb, order: int, dt: float) -> float:
    """Voltage of the comb after 800 s at 2C."""
    settings = Settings(order=order, fixed_step=dt, newton=1e-11)
    run = cycle(comb(), Protocol([CurrentStep(64.78, duration=800.0)]), settings=settings)
    return float(run.voltage[-1])


@pytest.mark.parametrize(("order", "steps"), [(1, (20.0, 10.0, 5.0)), (2, (20.0, 10.0, 5.0))])
def test_order_in_time(comb, order: int, steps: tuple[float, ...]) -> None:
    """V7: implicit Euler is of first order, BDF2 of second."""
    v = [voltage_at(comb, order, dt) for dt in steps]
    ratio = abs(v[0] - v[1]) / abs(v[1] - v[2])
    assert (1.6 < ratio < 2.7) if order == 1 else (3.2 < ratio < 6.0)


@pytest.mark.slow
def test_refinement_converges(blob) -> None:
    """V11: voxels split in 2 and 4: the voltage at 1C converges, of order 1.5 or better."""
    base = blob((6, 5, 4))
    p = parameter_set("nmc811-chen2020")
    p = replace(
        p,
        active_material=replace(p.active_material, double_layer=0.0, diffusivity=constant(4e-15)),
    )
    found = []
    for factor in (1, 2, 4):
        labels = base.labels
        for axis in range(3):
            labels = np.repeat(labels, factor, axis)
        structure = Microstructure(labels, 2e-6 / factor, base.phases)
        cell = HalfCell(structure, p, area_mode="voxel")
        run = cycle(
            cell,
            Protocol([CurrentStep(cell.current_density(1.0), duration=600.0)]),
            settings=Settings(fixed_step=30.0, method="multigrid" if factor > 1 else "auto"),
        )
        found.append(float(run.voltage[-1]))
    first, second = abs(found[0] - found[1]), abs(found[1] - found[2])
    assert first / second > 2**1.5


def test_mirrors_and_turns_change_nothing(blob) -> None:
    """V12: the voltage of a mirrored, a turned and a periodically shifted electrode is the same."""
    base = blob((6, 5, 4))
    p = parameter_set("nmc811-chen2020")
    settings = Settings(fixed_step=20.0, newton=1e-11, method="direct")

    def voltages(labels: np.ndarray, **given: object) -> np.ndarray:
        structure = Microstructure(labels, 1e-6, base.phases)
        cell = HalfCell(structure, p, area_mode="voxel", **given)  # type: ignore[arg-type]
        step = CurrentStep(20.0, duration=60.0)
        return cycle(cell, Protocol([step]), settings=settings).voltage

    labels = base.labels
    reference = voltages(labels)
    for other in (labels[:, ::-1], labels[:, :, ::-1], labels.transpose(0, 2, 1)):
        np.testing.assert_allclose(voltages(other), reference, rtol=0, atol=1e-9)
    around = voltages(labels, periodic=(True, True))
    assert np.abs(around - reference).max() > 1e-6
    shifted = np.roll(labels, (2, 1), (1, 2))
    np.testing.assert_allclose(voltages(shifted, periodic=(True, True)), around, rtol=0, atol=1e-9)


def test_two_electrodes_side_by_side_are_one(blob) -> None:
    """V12: an electrode and its mirror image side by side have the voltage of one."""
    base = blob((6, 5, 4))
    settings = Settings(fixed_step=20.0, newton=1e-11, method="direct")
    found = []
    for labels in (base.labels, np.concatenate([base.labels, base.labels[:, ::-1]], 1)):
        structure = Microstructure(labels, 1e-6, base.phases)
        cell = HalfCell(structure, "nmc811-chen2020", area_mode="voxel")
        step = CurrentStep(20.0, duration=60.0)
        found.append(cycle(cell, Protocol([step]), settings=settings).voltage)
    np.testing.assert_allclose(found[0], found[1], rtol=0, atol=1e-9)


def test_small_currents_meet_a_resistance(blob) -> None:
    """The first drop at C/1000 is the current times the resistance of a network of resistors."""
    p = parameter_set("nmc811-chen2020")
    p = replace(
        p,
        active_material=replace(p.active_material, double_layer=0.0, diffusivity=constant(1e-10)),
        separator=Separator(2e-6),
    )
    cell = HalfCell(blob((8, 5, 5)), p, area_mode="voxel")
    current = cell.current_density(1e-3)
    run = cycle(cell, Protocol([CurrentStep(current, duration=0.002)]))
    a = p.active_material
    i0 = a.exchange_current.at(1000.0, 0.27 * a.maximum_concentration, a.maximum_concentration)
    r = small_signal_resistance(
        cell.cells,
        cell.kinds,
        1e-6,
        kappa=float(p.electrolyte.conductivity(1000.0)),
        sigma=0.18,
        reaction=i0 * FARADAY / (GAS * ROOM),
        metal=p.lithium.rate * 1000.0**p.lithium.power * FARADAY / (GAS * ROOM),
    )
    drop = float(run.voltage[0] - run.voltage[1])
    assert drop == pytest.approx(current * r, rel=0.01)


def sandwich(conductivities: tuple[float, float, float, float], current: float) -> float:
    """First voltage of a porous electrode in one dimension: σ_eff, κ_eff, area·i0, R_separator."""
    sigma, kappa, reaction, series = conductivities
    f, length = FARADAY / (GAS * ROOM), 60e-6

    def slopes(_: np.ndarray, y: np.ndarray) -> np.ndarray:
        i = 2 * reaction * np.sinh(f * (y[0] - y[1]) / 2)
        return np.stack([-(current - y[2]) / sigma, -y[2] / kappa, i])

    def ends(left: np.ndarray, right: np.ndarray) -> np.ndarray:
        return np.array([left[2] - current, right[2], left[1] + series])

    x = np.linspace(0, length, 400)
    guess = np.stack([0 * x - 0.05, 0 * x - 0.03, current * (1 - x / length)])
    return float(solve_bvp(slopes, ends, x, guess, tol=1e-8, max_nodes=20000).sol(length)[0])


@pytest.mark.parametrize("binder", [False, True])
def test_current_sharing_against_a_porous_electrode(chen, binder: bool) -> None:
    """Plates of pore, binder and active material at 2C, first instant, against one dimension.

    Current shares between binder and active material by conductivity, ions between pore and
    binder by γ; the error is of first order in the voxel.
    """
    lithium = chen.lithium
    shares = (1, 1, 1) if binder else (1, 0, 1)
    kappa = float(chen.electrolyte.conductivity(1000.0))
    a = chen.active_material
    i0 = a.exchange_current.at(1000.0, 0.27 * a.maximum_concentration, a.maximum_concentration)
    current = 64.78
    rows = sum(shares)
    domain = replace(chen.binder, conductivity=2.0, porosity=0.5, transport=0.12)
    p = replace(chen, binder=domain, separator=Separator(20e-6, 1.0, 1.0))
    sigma = (0.18 + (2.0 if binder else 0.0)) / rows
    ionic = kappa * (1 + (0.12 if binder else 0.0)) / rows
    reaction = (0.5 if binder else 1.0) * i0 / (rows * 1e-6)
    metal = 2 * GAS * ROOM / FARADAY * np.arcsinh(current / (2 * lithium.rate * 1000**0.3))
    exact = sandwich((sigma, ionic, reaction, metal + current * 20e-6 / kappa), current)
    errors = []
    for fine in (1, 2, 4):
        count = [s * fine for s in shares]
        labels = np.repeat(np.array([0, 2, 1], np.uint8), count)[None, :, None]
        labels = np.broadcast_to(labels, (60 * fine, rows * fine, 1))
        structure = Microstructure(
            labels, (1e-6 / fine, 1e-6 / fine, 1e-6), {"pore": 0, "active_material": 1, "binder": 2}
        )
        cell = HalfCell(structure, p, area_mode="voxel", reacts_at_separator=False)
        spread_separator(cell)
        errors.append(abs(first_instant(cell, current) - exact))
    assert errors[0] < 1e-3
    assert errors[0] / errors[1] > 1.8
    assert errors[1] / errors[2] > 1.8


def first_instant(cell: HalfCell, current: float) -> float:
    """Voltage a microsecond after the start minus the open-circuit potential."""
    system = System(cell.network(), tables_of(cell.materials))
    x = np.zeros(system.size)
    x[system.ce] = 1000.0
    x[system.cs] = 0.27 * cell.materials.active_material.maximum_concentration
    total = current * cell.cross_section
    solver = Integrator(system, x, Settings(method="direct", newton=1e-7), total)
    return float(solver.attempt(1e-6, Control("current", total)).x[system.terminal])


def spread_separator(cell: HalfCell) -> None:
    """Let ions spread freely along the planes of the separator, as one dimension has it."""
    n = cell.network()
    classes = round((n.le_geometry.size / 3) ** 0.5)
    inside = cell.cells.ravel()[n.liquid] == 5
    both = inside[n.le_first] & inside[n.le_second] & (n.le_code // classes**2 == 1)
    extra = n.le_geometry.size
    n.le_geometry = np.append(n.le_geometry, 1e3 * n.le_geometry[n.le_code[both][0]])
    n.le_code[both] = extra


def test_a_protocol_runs_as_told(comb) -> None:
    """Discharge, rest, charge, hold, power: each step keeps its promise and says why it ended."""
    cell = comb(layers=20, parameters=parameter_set("nmc811-chen2020"))
    steps = [
        CurrentStep(30.0, 3.5), Rest(600.0), CurrentStep(-30.0, 4.1), VoltageStep(4.1, 3.0),
        PowerStep(60.0, 3.6, duration=200.0),
    ]  # fmt: skip
    run = cycle(cell, Protocol(steps))
    assert run.stopped_because == (
        "cut-off voltage", "duration", "cut-off voltage", "cut-off current", "duration",
    )  # fmt: skip
    of = [run.step == k for k in range(5)]
    np.testing.assert_allclose(run.current_density[of[2]], -30.0, rtol=1e-8)
    np.testing.assert_allclose(run.voltage[of[3]], 4.1, rtol=0, atol=1e-9)
    held = -run.current_density[of[3]]
    assert (np.diff(held[2:]) < 1e-6).all()
    assert held[-1] <= 3.0 < held[1]
    power = run.current_density[of[4]] * run.voltage[of[4]]
    np.testing.assert_allclose(power, 60.0, rtol=1e-7)
    assert run.time[of[4]][-1] - run.time[of[3]][-1] == pytest.approx(200.0)
    assert np.abs(run.current_density[of[1]]).max() < 1e-6
    assert np.abs(run.lithium_imbalance).max() <= 1e-10


class Killed(Exception):
    pass


def test_a_run_goes_on_after_a_kill(comb, tmp_path, monkeypatch) -> None:
    """A run killed between two checkpoints and started anew gives the same bits."""
    cell = comb(layers=15)
    protocol = Protocol([CurrentStep(30.0, 3.6), Rest(60.0)])
    whole = cycle(cell, protocol, keep=(0.3,))
    accept, count = run_module._Run._accept, 0

    def killing(self, *rest: object) -> None:
        nonlocal count
        accept(self, *rest)
        count += 1
        if count == 40:  # later than the last checkpoint
            raise Killed

    monkeypatch.setattr(run_module._Run, "_accept", killing)
    with pytest.raises(Killed):
        cycle(cell, protocol, keep=(0.3,), directory=tmp_path / "run", checkpoint_every=0.0)
    monkeypatch.setattr(run_module._Run, "_accept", accept)
    again = cycle(cell, protocol, keep=(0.3,), directory=tmp_path / "run")
    np.testing.assert_array_equal(again.voltage, whole.voltage)
    np.testing.assert_array_equal(again.time, whole.time)
    assert len(again.snapshots) == len(whole.snapshots) == 2
    for a, b in zip(again.snapshots, whole.snapshots, strict=True):
        np.testing.assert_array_equal(a.stoichiometry, b.stoichiometry)
    done = cycle(cell, protocol, keep=(0.3,), directory=tmp_path / "run")
    np.testing.assert_array_equal(done.voltage, whole.voltage)


def test_fields_and_profiles_agree(blob) -> None:
    """Planes of a kept field have the mean of the recorded profile; nothing lies outside."""
    cell = HalfCell(blob((8, 5, 5)), "nmc532-xu2019")
    run = cycle(
        cell, Protocol([CurrentStep(cell.current_density(2.0), duration=400.0)]), keep=(0.1,)
    )
    assert len(run.snapshots) == 2
    last = run.snapshots[-1]
    field = last.stoichiometry[cell.separator_layers :]
    np.testing.assert_allclose(
        np.nanmean(field, axis=(1, 2)), run.stoichiometry_profile[-1, cell.separator_layers :],
        rtol=1e-5,
    )  # fmt: skip
    active = cell.structure.mask("active_material")
    assert np.isnan(field[~active]).all()
    assert np.isfinite(field[active]).mean() > 0.9
    assert run.snapshots[0].capacity == pytest.approx(0.1 * cell.areal_capacity, rel=0.3)
    last.plot()
    run.plot()
    run.plot_profiles()
    assert run.to_dict()["stopped because"] == ["duration"]


def test_porous_particles_run_beside_dense_ones(comb) -> None:
    """Porous active material has more surface and less polarization at high rate; it conserves."""
    p = parameter_set("nmc811-chen2020")
    material = replace(p.active_material, diffusivity=constant(3e-16), double_layer=0.0)
    p = replace(p, active_material=material)
    porous = replace(p, porous=PorousActiveMaterial(0.4, 0.2, 0.4, 2e6))
    phases = {"pore": "pore", "solid": "porous_active_material"}
    runs = []
    for parameters, given in ((p, {}), (porous, {"phases": phases})):
        cell = comb(layers=15, parameters=parameters, **given)
        runs.append(discharge(cell, cell.current_density(1.0)))
        assert abs(runs[-1].lithium_imbalance).max() < 1e-10
    used = [run.capacity / run.areal_capacity for run in runs]
    assert used[1] > used[0] + 0.1
    assert runs[1].areal_capacity == pytest.approx(0.6 * runs[0].areal_capacity)
