"""Cells of two electrodes: rest, symmetry, resistances, balances, two materials, resuming."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from vmt.electrode import (
    ActiveMaterial,
    Cell,
    CurrentStep,
    Electrode,
    ExchangeCurrent,
    HalfCell,
    LithiumMetal,
    ParameterSet,
    PorousActiveMaterial,
    PowerStep,
    Protocol,
    Rest,
    Separator,
    Settings,
    SymmetricCell,
    VoltageStep,
    constant,
    cycle,
    discharge,
    parameter_set,
)
from vmt.electrode import _run as run_module
from vmt.electrode._integrator import Integrator
from vmt.electrode._run import _Run
from vmt.electrode._tables import tables_of
from vmt.errors import InputError, NotPercolatingError
from vmt.kernels.electrode import Control, System
from vmt.kernels.reference_electrode import count_links, small_signal_resistance
from vmt.microstructure import Microstructure

FARADAY, GAS, ROOM = 96485.33212, 8.31446261815324, 298.15
PHASES = {"pore": 0, "active_material": 1, "binder": 2}


@pytest.fixture
def oregan() -> ParameterSet:
    """NMC811 with a double layer, σ(x) and D(x), half full, behind a thin separator."""
    p = parameter_set("nmc811-oregan2022")
    half_full = replace(p.active_material, initial_stoichiometry=0.5)
    return replace(p, active_material=half_full, separator=Separator(3e-6))


@pytest.fixture
def anode() -> ActiveMaterial:
    """A made-up anode, nearly full, with a double layer of another share than the cathode's."""
    return ActiveMaterial(
        lambda x: 0.6 * np.exp(-30 * x) + 0.25 - 0.2 * x,
        lambda x: 10 + 5 * x,
        lambda x: 3e-14 * (1.5 - x),
        30555.0,
        0.85,
        ExchangeCurrent(2e-7, vacant=0.6, stored=0.4, transfer=0.4),
        double_layer=0.1,
        layer_share=0.4,
    )


def instant(cell, current: float) -> tuple[System, np.ndarray]:
    """System and unknowns ten microseconds after a current was switched on [A/m²]."""
    run = _Run(cell, Protocol([Rest(1.0)]), Settings(), [], None, 1e9)
    system = run.system
    total = current * cell.cross_section
    settings = Settings(method="direct", newton=1e-7)
    solver = Integrator(system, run.integrator.states[0], settings, abs(total))
    return system, solver.attempt(1e-5, Control("current", total)).x


def resistance(cell, current: float = 0.1) -> float:
    """Of a cell to a small current, at that instant, mean of both signs [Ω m²]."""
    there, back = (
        system.voltage(x) for system, x in (instant(cell, i) for i in (current, -current))
    )
    return (back - there) / (2 * current)


def without_delay(parameters: ParameterSet) -> ParameterSet:
    """No double layer, and lithium spreads at once from the surface of the active material."""
    a = replace(parameters.active_material, double_layer=0.0, diffusivity=constant(1e-8))
    return replace(parameters, active_material=a)


def test_a_symmetric_cell_at_rest_stays(blob, oregan) -> None:
    """Its voltage is 0, and neither salt nor lithium moves."""
    cell = SymmetricCell(blob((6, 5, 4)), oregan)
    assert cell.start_voltage == 0.0
    run = cycle(cell, Protocol([Rest(600.0)]))
    assert np.abs(run.voltage).max() < 1e-12
    np.testing.assert_allclose(run.salt, 1000.0, rtol=1e-9)
    np.testing.assert_allclose(run.stoichiometry, 0.5, rtol=0, atol=1e-10)
    np.testing.assert_allclose(run.counter_stoichiometry, 0.5, rtol=0, atol=1e-10)
    # against lithium this material would be at its potential
    u = float(oregan.active_material.open_circuit_potential(0.5))
    shot = run.snapshots[-1]
    np.testing.assert_allclose(np.nanmax(shot.liquid_potential), -u, rtol=1e-6)
    assert np.nanmax(np.abs(shot.solid_potential)) < 1e-9


@pytest.mark.parametrize("method", ["direct", "multigrid"])
def test_lithium_and_charge_are_conserved_without_metal(blob, oregan, method: str) -> None:
    """V1, V2 without a metal: what one electrode gives up the other and the salt hold."""
    cell = SymmetricCell(blob((7, 5, 5)), oregan, embedding=1, arrangement="translated")
    settings = Settings(method=method, newton=1e-9)
    run = discharge(cell, cell.current_density(2.0), cutoff_voltage=-0.3, settings=settings)
    assert run.stopped_because == ("cut-off voltage",)
    assert np.abs(run.lithium_imbalance).max() <= 1e-10
    assert run.charge_imbalance.max() <= 1e-8
    moved = (run.stoichiometry[-1] - 0.5) * cell.areal_capacity / 0.5
    back = (0.5 - run.counter_stoichiometry[-1]) * cell.areal_capacity / 0.5
    assert moved > 0.05 * cell.areal_capacity
    assert run.capacity == pytest.approx(moved, rel=1e-2)  # but for the double layers
    assert back == pytest.approx(moved, rel=1e-4)  # but for salt and double layers


def test_reversing_the_current_mirrors_the_fields(blob, oregan) -> None:
    """The mirrored cell at −i is the cell at +i looked at from behind."""
    cell = SymmetricCell(blob((6, 5, 4)), oregan)
    settings = Settings(fixed_step=20.0, newton=1e-11, method="direct")
    there, back = (
        cycle(cell, Protocol([CurrentStep(i, duration=100.0)]), settings=settings)
        for i in (5.0, -5.0)
    )
    assert there.voltage[-1] < -0.01
    np.testing.assert_allclose(there.voltage, -back.voltage, rtol=0, atol=1e-10)
    one, two = there.snapshots[-1], back.snapshots[-1]
    at = float(there.voltage[-1])
    np.testing.assert_allclose(one.stoichiometry, two.stoichiometry[::-1], rtol=1e-6)
    np.testing.assert_allclose(one.salt, two.salt[::-1], rtol=1e-6)
    for field in ("solid_potential", "liquid_potential"):
        a, b = getattr(one, field), getattr(two, field)[::-1]
        np.testing.assert_allclose(a, b + np.float32(at), rtol=0, atol=2e-6)
    np.testing.assert_array_equal(np.isnan(one.salt), np.isnan(one.salt[::-1]))


def test_potential_is_antisymmetric_about_the_middle(blob, oregan) -> None:
    """At a small current φe of the mirrored cell is V/2 in the middle, plus an odd function."""
    cell = SymmetricCell(blob((6, 5, 4)), oregan)
    system, x = instant(cell, 0.02)
    n = system.network
    phi = np.full(n.cells.size, np.nan)
    phi[n.liquid] = x[system.phi_e] - 0.5 * system.voltage(x)
    phi = phi.reshape(n.cells.shape)
    largest = np.nanmax(np.abs(phi))
    assert largest > 1e-8
    np.testing.assert_allclose(phi, -phi[::-1], rtol=0, atol=1e-3 * largest)
    other = SymmetricCell(blob((6, 5, 4)), oregan, arrangement="translated")
    system, x = instant(other, 0.02)
    assert abs(np.mean(x[system.phi_e]) - 0.5 * system.voltage(x)) > 1e-2 * largest


def test_resistance_is_that_of_a_network_of_resistors(blob, oregan) -> None:
    """A translated cell at small current against a dense solution of all its resistors."""
    p = without_delay(oregan)
    cell = SymmetricCell(blob((4, 4, 4)), p, area_mode="voxel", arrangement="translated")
    a = p.active_material
    c = a.maximum_concentration
    exact = small_signal_resistance(
        cell.cells,
        cell.kinds,
        1e-6,
        kappa=float(oregan.electrolyte.conductivity(1000.0)),
        sigma=float(a.conductivity(0.5)),
        reaction=a.exchange_current.at(1000.0, 0.5 * c, c) * FARADAY / (GAS * ROOM),
        ground_plane=True,
    )
    assert resistance(cell) == pytest.approx(exact, rel=1e-3)


def test_half_with_a_plane_of_zero_potential(blob, oregan) -> None:
    """A mirrored cell has twice the resistance of its half against a reference in the middle.

    The first voxel of the half's separator is held at φe = 0 in its center, which is the middle of
    a separator of 2k + 1 voxels when that of the half has k + 1.
    """
    p = replace(without_delay(oregan), separator=Separator(5e-6))
    structure = blob((6, 5, 4))
    whole = SymmetricCell(structure, p, embedding=1, area_mode="voxel")
    ideal = replace(p, separator=Separator(3e-6), lithium=LithiumMetal(rate=1e6))
    half = HalfCell(structure, ideal, embedding=1, area_mode="voxel")
    assert (whole.separator_layers, half.separator_layers) == (5, 3)
    assert resistance(whole) == pytest.approx(2 * resistance(half), rel=1e-5)


def test_resistance_against_the_closed_form_of_a_porous_electrode(chen) -> None:
    """Newman and Tobias's electrode twice and the separator; of second order in the voxel."""
    porous = PorousActiveMaterial(0.4, 0.2, 0.3, 1e5)
    a = replace(chen.active_material, initial_stoichiometry=0.5)
    p = replace(chen, active_material=a, porous=porous, separator=Separator(24e-6, 0.5, 0.3))
    length, c = 48e-6, a.maximum_concentration
    kappa = float(p.electrolyte.conductivity(1000.0))
    ionic, sigma = kappa * porous.pore_factor, 0.18 * porous.solid_factor
    i0 = a.exchange_current.at(1000.0, 0.5 * c, c)
    reaction = porous.surface * i0 * FARADAY / (GAS * ROOM)
    nu = length * np.sqrt(reaction * (1 / ionic + 1 / sigma))
    ends = (2 + (ionic / sigma + sigma / ionic) * np.cosh(nu)) / (nu * np.sinh(nu))
    exact = 2 * length / (ionic + sigma) * (1 + ends) + 24e-6 / (0.3 * kappa)
    errors = []
    for layers in (6, 12, 24):
        labels = np.ones((layers, 1, 1), np.uint8)
        h = length / layers
        structure = Microstructure(labels, h, {"porous_active_material": 1})
        errors.append(abs(resistance(SymmetricCell(structure, p)) / exact - 1))
    assert errors[2] < 1e-3
    assert errors[0] / errors[1] > 3.3
    assert errors[1] / errors[2] > 3.3


def test_a_voltage_step_ends_where_the_potentials_differ_by_it(oregan) -> None:
    """A held voltage drives lithium until U(x) of both electrodes differ by it; then nothing."""
    labels = np.zeros((6, 2, 1), np.uint8)
    labels[:, 1] = 1
    fast = replace(oregan.active_material, diffusivity=constant(1e-12))
    cell = SymmetricCell(Microstructure(labels, 1e-6), replace(oregan, active_material=fast))
    run = cycle(cell, Protocol([VoltageStep(0.02, duration=20000.0)]))
    assert run.stopped_because == ("duration",)
    np.testing.assert_allclose(run.voltage[1:], 0.02, rtol=0, atol=1e-9)
    assert run.current_density[1] < -1.0  # a positive voltage takes lithium out of the last planes
    assert abs(run.current_density[-1]) < 1e-5 * abs(run.current_density[1])
    u = fast.open_circuit_potential
    moved = brentq(lambda d: float(u(0.5 - d) - u(0.5 + d)) - 0.02, 1e-6, 0.2)
    assert run.stoichiometry[-1] == pytest.approx(0.5 - moved, abs=1e-5)
    assert run.counter_stoichiometry[-1] == pytest.approx(0.5 + moved, abs=1e-5)
    assert np.abs(run.lithium_imbalance).max() <= 1e-10


class Killed(Exception):
    pass


def test_a_symmetric_run_goes_on_after_a_kill(oregan, tmp_path, monkeypatch) -> None:
    """A run of two electrodes killed between checkpoints and started anew gives the same bits."""
    labels = np.zeros((6, 2, 1), np.uint8)
    labels[:, 1] = 1
    cell = SymmetricCell(Microstructure(labels, 1e-6), oregan)
    protocol = Protocol([CurrentStep(cell.current_density(1.0), -0.2), Rest(60.0)])
    whole = cycle(cell, protocol, keep=(0.01,))
    accept, count = run_module._Run._accept, 0

    def killing(self, *rest: object) -> None:
        nonlocal count
        accept(self, *rest)
        count += 1
        if count == 15:
            raise Killed

    monkeypatch.setattr(run_module._Run, "_accept", killing)
    with pytest.raises(Killed):
        cycle(cell, protocol, keep=(0.01,), directory=tmp_path / "run", checkpoint_every=0.0)
    monkeypatch.setattr(run_module._Run, "_accept", accept)
    again = cycle(cell, protocol, keep=(0.01,), directory=tmp_path / "run")
    for name in ("voltage", "time", "counter_stoichiometry", "stoichiometry_profile"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    assert len(again.snapshots) == len(whole.snapshots) == 2
    other = replace(cell, arrangement="translated", initial_stoichiometry=0.51)
    with pytest.raises(InputError):
        cycle(other, protocol, keep=(0.01,), directory=tmp_path / "run")


def test_where_the_voxels_are(blob) -> None:
    """Mirrored or translated, embedding at both ends, links of each electrode together."""
    structure = blob((5, 4, 6), seed=5)
    mirrored = SymmetricCell(structure, embedding=1, periodic=(True, False))
    k = mirrored.counter_layers
    body = mirrored.cells[-k:]
    np.testing.assert_array_equal(mirrored.cells[:k], body[::-1] + 16)
    moved = SymmetricCell(structure, arrangement="translated")
    active = structure.labels == 1
    np.testing.assert_array_equal((moved.cells[:k] == 17) <= active, True)
    n = mirrored.network()
    assert n.cc_ground.sum() * 2 == n.cc_ground.size
    assert n.split_solid * 2 == n.active
    assert n.split_faces * 2 == n.rx_solid.size
    assert (n.rx_solid[: n.split_faces] < n.split_solid).all()
    assert (n.la_second[n.split_links :] >= n.split_solid).all()
    closed = SymmetricCell(structure)
    n, count = closed.network(), count_links(closed.cells, closed.kinds)
    assert count["active"] == n.la_first.size == 2 * n.split_links
    assert count["reacting"] == n.rx_solid.size
    assert count["liquid"] == n.le_first.size
    assert count["solid"] == n.ls_first.size
    assert closed.to_dict()["counter clean-up: lost capacity"] == closed.clean_up.lost_capacity


def test_a_cell_against_lithium_is_a_half_cell(blob, oregan) -> None:
    """`Cell` with lithium as the counter electrode gives the bits of `HalfCell`."""
    structure = blob((6, 5, 4))
    pair = (HalfCell(structure, oregan, embedding=1), Cell(Electrode(structure, embedding=1),
            LithiumMetal(oregan.lithium.rate, oregan.lithium.power), oregan))  # fmt: skip
    runs = [cycle(c, Protocol([CurrentStep(20.0, duration=100.0)])) for c in pair]
    np.testing.assert_array_equal(runs[0].voltage, runs[1].voltage)
    assert runs[1].counter_stoichiometry is None
    assert pair[0].to_dict() == pair[1].to_dict()


def test_derivative_of_two_materials_is_exact(blob, oregan, anode) -> None:
    """J of a cell of two materials, double layers and kinetics, against central differences."""
    oregan = replace(oregan, separator=Separator(1e-6))
    small = blob((2, 4, 3), active=0.5)
    cell = Cell(Electrode(small, embedding=1), Electrode(small, active_material=anode), oregan)
    system = System(cell.network(), tables_of(cell.materials, counter=cell.counter_materials))
    rng, n = np.random.default_rng(0), system.network
    assert np.ndim(system.largest) == 1
    x = np.empty(system.size)
    x[system.phi_e] = 0.01 * rng.random(n.liquid.size)
    x[system.phi_s] = 0.02 * rng.random(n.solid.size)
    x[system.terminal] = -0.01
    x[system.ce] = 1000 * (0.8 + 0.4 * rng.random(n.liquid.size))
    x[system.cs] = system.largest * (0.4 + 0.3 * rng.random(n.active))
    past = -1.01 * x

    def residual(at: np.ndarray) -> np.ndarray:
        return system.linearize(at, 1.0, past, Control("current", 1e-10))

    residual(x)
    exact = system.assemble().toarray()
    v = rng.standard_normal(system.size)
    np.testing.assert_allclose(system.apply(v), exact @ v, rtol=0, atol=1e-14 * abs(exact).max())
    for k in range(system.size):
        step = 3e-6 if k <= system.terminal else 1e-6 * max(x[k], 1.0)
        up, down = x.copy(), x.copy()
        up[k] += step
        down[k] -= step
        column = (residual(up) - residual(down)) / (2 * step)
        scale = abs(exact[:, k]).max()
        np.testing.assert_allclose(column, exact[:, k], rtol=0, atol=1e-6 * scale)


@pytest.mark.parametrize("method", ["direct", "multigrid"])
def test_a_full_cell_conserves_and_ends_at_its_cut_off(blob, oregan, anode, method: str) -> None:
    """A discharge from U − U to 3.2 V conserves lithium and charge."""
    cathode = replace(oregan.active_material, initial_stoichiometry=0.3)
    cell = Cell(
        Electrode(blob((6, 5, 5)), embedding=1),
        Electrode(blob((8, 5, 5), seed=8), active_material=anode),
        replace(oregan, active_material=cathode, cutoff_voltage=3.2),
    )
    u = float(cathode.open_circuit_potential(0.3)) - float(anode.open_circuit_potential(0.85))
    assert cell.start_voltage == pytest.approx(u)
    settings = Settings(method=method, newton=1e-9)
    run = discharge(cell, cell.current_density(1.0), settings=settings)
    assert run.voltage[0] == pytest.approx(u, abs=1e-12)
    assert run.voltage[-1] == pytest.approx(3.2, abs=1e-3)
    assert np.abs(run.lithium_imbalance).max() <= 1e-10
    assert run.charge_imbalance.max() <= 1e-8
    per = FARADAY / cell.cross_section
    for moved, c, volume in (
        (run.stoichiometry[-1] - 0.3, cathode.maximum_concentration, cell.active_volume),
        (0.85 - run.counter_stoichiometry[-1], 30555.0, cell.counter_active_volume),
    ):
        assert moved * c * volume * per == pytest.approx(run.capacity, rel=1e-2)
    shot = run.snapshots[-1]
    assert np.nanmax(np.abs(shot.solid_potential[:8])) < 0.1
    assert np.nanmin(shot.solid_potential[-6:]) > 2.9
    run.plot_profiles()
    shot.plot()


def test_one_material_at_two_stoichiometries(oregan) -> None:
    """Electrodes that share a material but not its filling: voltage and capacity follow."""
    labels = np.zeros((6, 2, 1), np.uint8)
    labels[:, 1] = 1
    structure = Microstructure(labels, 1e-6)
    one = Electrode(structure, initial_stoichiometry=0.4)
    other = Electrode(structure, initial_stoichiometry=0.7)
    cell = Cell(one, other, oregan)
    u = oregan.active_material.open_circuit_potential
    assert cell.start_voltage == pytest.approx(float(u(0.4) - u(0.7)))
    # 0.6 of the working electrode is vacant and 0.7 of the other is filled
    half = HalfCell(structure, cell.materials)
    assert cell.areal_capacity == pytest.approx(half.areal_capacity)
    assert Cell(other, one, oregan).areal_capacity == pytest.approx(half.areal_capacity * 0.3 / 0.6)
    # at no voltage between them they meet
    fast = replace(oregan.active_material, diffusivity=constant(1e-12))
    cell = Cell(one, other, replace(oregan, active_material=fast))
    run = cycle(cell, Protocol([VoltageStep(0.0, duration=20000.0)]))
    assert run.stoichiometry[-1] == pytest.approx(0.55, abs=2e-3)
    assert run.counter_stoichiometry[-1] == pytest.approx(0.55, abs=2e-3)


def test_bad_input_to_cells_of_two_electrodes(blob, oregan) -> None:
    """Each of these is refused before any work."""
    structure = blob((4, 4, 4))
    cell = SymmetricCell(structure, oregan)
    for act, words in (
        (lambda: discharge(cell, 10.0), "no cut-off voltage of its own"),
        (lambda: discharge(cell, 10.0, cutoff_voltage=0.1), "not below the voltage at the start"),
        (lambda: discharge(cell, -10.0, cutoff_voltage=-0.1), "not above the voltage"),
        (lambda: cycle(cell, Protocol([PowerStep(1.0, duration=1.0)])), "no power"),
        (lambda: SymmetricCell(structure, oregan, arrangement="rotated"), "mirrored, translated"),  # type: ignore[arg-type]
        (lambda: SymmetricCell(structure, oregan, initial_stoichiometry=0.01), "outside"),
        (lambda: SymmetricCell(structure, oregan, embedding=5), "embedding"),
        (lambda: Cell(structure, blob((4, 5, 4)), oregan), "same cross-section"),
        (lambda: Cell(structure, "lithium"), "counter = str"),  # type: ignore[arg-type]
        (lambda: Cell(LithiumMetal(1.0), structure), "working = LithiumMetal"),  # type: ignore[arg-type]
        (lambda: Electrode(structure.labels), "no structure"),  # type: ignore[arg-type]
        (lambda: SymmetricCell(structure, oregan, area_mode="round"), "area_mode"),  # type: ignore[arg-type]
    ):  # fmt: skip
        with pytest.raises(InputError, match=words):
            act()
    dead = np.zeros((4, 4, 1), np.uint8)
    dead[:2] = 1
    with pytest.raises(NotPercolatingError, match="electrons"):
        Cell(Microstructure(dead[::-1].copy(), 1e-6), Microstructure(dead, 1e-6), oregan)
