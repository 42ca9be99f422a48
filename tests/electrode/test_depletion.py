"""Cells that run out of salt: the voltage collapses when it must, and nothing breaks before."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from vmt.electrode import (
    CurrentStep,
    Electrolyte,
    ExchangeCurrent,
    HalfCell,
    Protocol,
    Rest,
    Separator,
    Settings,
    constant,
    cycle,
    discharge,
    parameter_set,
)
from vmt.electrode._laws import as_law
from vmt.electrode._tables import tables_of
from vmt.kernels.electrode import Control, System
from vmt.microstructure import Microstructure

FARADAY = 96485.33212


def test_derivative_is_exact_without_salt(blob) -> None:
    """J against central differences where salt is anywhere from 1e-3 to 10 mol/m³."""
    p = parameter_set("nmc811-oregan2022")
    cell = HalfCell(blob((4, 3, 3)), replace(p, separator=replace(p.separator, thickness=2e-6)))
    system = System(cell.network(), tables_of(cell.materials))
    rng = np.random.default_rng(4)
    x = np.zeros(system.size)
    x[system.phi_e] = -0.1 * rng.random(system.network.liquid.size)
    x[system.phi_s] = x[system.terminal] = 3.8 - system.tables.offset
    x[system.ce] = 10 ** rng.uniform(-3, 1, system.network.liquid.size)
    x[system.cs] = system.tables.largest * (0.4 + 0.3 * rng.random(system.network.active))
    past, control = -1.01 * x, Control("current", 1e-10)

    def residual(at: np.ndarray) -> np.ndarray:
        return system.linearize(at, 1.0, past, control)

    residual(x)
    assert system.starving
    exact = system.assemble().toarray()
    v = rng.standard_normal(system.size)
    np.testing.assert_allclose(system.apply(v), exact @ v, rtol=0, atol=1e-14 * abs(exact).max())
    for k in range(system.size):
        step = 3e-6 if k <= system.terminal else 1e-5 * x[k]
        up, down = x.copy(), x.copy()
        up[k] += step
        down[k] -= step
        column = (residual(up) - residual(down)) / (2 * step)
        scale = abs(exact[:, k]).max()
        np.testing.assert_allclose(column, exact[:, k], rtol=0, atol=2e-6 * scale)


def sand(over: float) -> tuple[HalfCell, float, Callable[[float], float]]:
    """Electrolyte between lithium and one plane of material; current, and salt there over time.

    With constant D and t+ the salt between two planes that take and give a constant current is a
    cosine series; without the walls' meeting it is Sand's. `over` counts in limiting currents.
    """
    diffusivity, moved, salt, edge, cells = 3e-10, 0.7, 1000.0, 4e-6, 30
    p = parameter_set("nmc811-chen2020")
    material = replace(
        p.active_material, diffusivity=constant(1e-9), double_layer=0.0,
        conductivity=constant(100.0), exchange_current=ExchangeCurrent.papers(6e-2),
    )  # fmt: skip
    electrolyte = Electrolyte(
        as_law(lambda c: 1e-3 * c, "S/m"), constant(diffusivity), constant(1 - moved),
        constant(1.0), concentration=salt,
    )  # fmt: skip
    labels = np.zeros((cells, 1, 1), np.uint8)
    labels[-1] = 1
    cell = HalfCell(
        Microstructure(labels, edge, {"pore": 0, "active_material": 1}),
        replace(
            p, active_material=material, electrolyte=electrolyte,
            separator=Separator(4 * edge, 1.0, 1.0),
        ),
        area_mode="voxel",
    )  # fmt: skip
    length = edge * (cells - 1 + 4)
    current = over * 2 * FARADAY * diffusivity * salt / (length * moved)
    slope = current * moved / (FARADAY * diffusivity)
    k = np.arange(1, 400, 2)

    def left(time: float) -> float:
        at = length - edge / 2  # center of the last cell
        waves = np.cos(k * np.pi * at / length) * np.exp(
            -((k * np.pi / length) ** 2) * diffusivity * time
        )
        return float(
            salt + slope * (length / 2 - at) - 4 * slope * length / np.pi**2 * (waves / k**2).sum()
        )

    return cell, current, left


@pytest.mark.parametrize("over", [1.2, 3.0])
def test_a_plane_without_salt_ends_the_discharge(over: float) -> None:
    """Above the limiting current the voltage collapses when diffusion theory empties the plane."""
    cell, current, left = sand(over)
    run = discharge(cell, current, settings=Settings(voltage=5e-5, concentration=5e-5))
    assert run.stopped_because == ("cut-off voltage",)
    assert run.time[-1] == pytest.approx(brentq(left, 1e-3, 1e4), rel=0.01)
    assert run.salt.min() > 0


def test_below_the_limiting_current_salt_lasts() -> None:
    """At 0.9 of the limiting current the same plane keeps the salt that diffusion theory says."""
    cell, current, left = sand(0.9)
    run = cycle(cell, Protocol([CurrentStep(current, 2.0, duration=20.0)]))
    assert run.stopped_because == ("duration",)
    assert run.salt[-1, 0] == pytest.approx(left(20.0), rel=0.01)


@pytest.fixture
def plates() -> HalfCell:
    """Plates so long that a quarter of their electrolyte loses its salt at 8C."""
    p = parameter_set("nmc811-chen2020")
    material = replace(p.active_material, diffusivity=constant(1e-12))
    labels = np.zeros((60, 2, 1), np.uint8)
    labels[:, 1] = 1
    structure = Microstructure(labels, 2.5e-6, {"pore": 0, "active_material": 1})
    return HalfCell(structure, replace(p, active_material=material))


def test_a_discharge_runs_through_depletion(plates) -> None:
    """With a sixth of the electrolyte empty it goes on to the cut-off, in steps of good size."""
    run = discharge(plates, plates.current_density(8.0))
    assert run.stopped_because == ("cut-off voltage",)
    assert run.voltage[-1] == pytest.approx(plates.materials.cutoff_voltage, abs=1e-3)
    salt = run.snapshots[-1].salt
    assert (salt < 1.0).sum() > np.isfinite(salt).sum() / 6
    assert run.salt.min() > 0
    assert np.abs(run.lithium_imbalance).max() <= 1e-10
    assert run.charge_imbalance.max() <= 1e-7
    assert run.time.size < 110
    iterated = discharge(plates, plates.current_density(8.0), settings=Settings(method="multigrid"))
    assert iterated.time[-1] == pytest.approx(run.time[-1], rel=1e-4)
    assert iterated.time.size < 110


def test_empty_cells_fill_again(plates) -> None:
    """After the current stops the salt spreads evenly: what was there at first is there again."""
    current = plates.current_density(8.0)
    protocol = Protocol([CurrentStep(current, duration=16.0), Rest(2000.0)])
    run = cycle(plates, protocol, settings=Settings(voltage=1e-3, concentration=1e-3))
    assert run.salt[:, 0].min() < 1.0
    np.testing.assert_allclose(run.salt[-1], 1000.0, rtol=1e-6)
    assert np.abs(run.lithium_imbalance).max() <= 1e-10


def test_where_a_cell_counts_as_empty_hardly_matters(plates, monkeypatch) -> None:
    """The laws bend below 1 mol/m³; with 0.1 or 10 instead the capacity is nearly the same."""
    capacity = {}
    for empty in (0.1, 1.0, 10.0):
        monkeypatch.setattr("vmt.kernels.electrode._system._EMPTY", empty)
        capacity[empty] = discharge(plates, plates.current_density(8.0)).capacity
    assert capacity[0.1] == pytest.approx(capacity[1.0], rel=3e-4)
    assert capacity[10.0] == pytest.approx(capacity[1.0], rel=1e-2)
