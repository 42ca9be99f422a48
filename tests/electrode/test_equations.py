"""The equations: derivative, links, slab and sphere diffusion, effective coefficients."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy.sparse.linalg import cg

from vmt.electrode import HalfCell, parameter_set
from vmt.electrode._tables import tables_of
from vmt.kernels.electrode import Control, Kind, System, build_network
from vmt.kernels.reference_electrode import count_links
from vmt.microstructure import Microstructure

FARADAY = 96485.33212


def random_state(system: System, rng: np.random.Generator, voltage: float) -> np.ndarray:
    x = np.empty(system.size)
    x[system.phi_e] = -0.02 + 0.01 * rng.random(system.network.liquid.size)
    voltage -= system.tables.offset
    x[system.phi_s] = voltage + 0.01 * rng.random(system.network.solid.size)
    x[system.terminal] = voltage
    x[system.ce] = 1000 * (0.8 + 0.4 * rng.random(system.network.liquid.size))
    x[system.cs] = system.tables.largest * (0.4 + 0.3 * rng.random(system.network.active))
    return x


@pytest.mark.parametrize("reconstruct", [True, False])
@pytest.mark.parametrize("mode", ["current", "voltage", "power"])
def test_derivative_is_exact(blob, reconstruct: bool, mode: str) -> None:
    """J of four phases, with laws that vary and a double layer, against central differences."""
    p = parameter_set("nmc811-oregan2022")
    cell = HalfCell(blob((4, 5, 4)), replace(p, separator=replace(p.separator, thickness=2e-6)))
    system = System(cell.network(), tables_of(cell.materials, reconstruct=reconstruct))
    x = random_state(system, np.random.default_rng(0), 3.9)
    control = Control(mode, {"current": 1e-10, "voltage": 3.8, "power": 1e-10}[mode])
    past = -1.01 * x

    def residual(at: np.ndarray) -> np.ndarray:
        return system.linearize(at, 1.0, past, control)

    residual(x)
    exact = system.assemble().toarray()
    v = np.random.default_rng(1).standard_normal(system.size)
    np.testing.assert_allclose(system.apply(v), exact @ v, rtol=0, atol=1e-14 * abs(exact).max())
    for k in range(system.size):
        step = 3e-6 if k <= system.terminal else 1e-6 * max(x[k], 1.0)
        up, down = x.copy(), x.copy()
        up[k] += step
        down[k] -= step
        column = (residual(up) - residual(down)) / (2 * step)
        scale = abs(exact[:, k]).max()
        np.testing.assert_allclose(column, exact[:, k], rtol=0, atol=1e-6 * scale)


def test_derivative_of_the_double_layers(blob) -> None:
    """V0: at a rate that makes capacitive currents as large as ohmic ones, by potentials.

    At slower rates they are a millionth of a column, where central differences see nothing. The
    layers' ions come from the salt by the share that is asked for; lithium's own layer counts.
    """
    p = parameter_set("nmc811-oregan2022")
    material = replace(p.active_material, layer_share=0.3)
    metal = replace(p.lithium, double_layer=0.1)
    cell = HalfCell(
        blob((4, 5, 4)),
        replace(p, active_material=material, lithium=metal,
                separator=replace(p.separator, thickness=2e-6)),
    )  # fmt: skip
    system = System(cell.network(), tables_of(cell.materials))
    x = random_state(system, np.random.default_rng(0), 3.9)
    rate, control = 1e5, Control("current", 1e-10)
    past = -0.999999 * rate * x
    system.linearize(x, rate, past, control)
    exact = system.assemble().toarray()
    layer = rate * 0.2 * cell.network().rx_area.max()
    assert layer > 0.01 * np.median(abs(exact[:, system.phi_e]).max(0))
    mass = slice(system.ce.start, system.size)
    for k in range(system.terminal):
        up, down = x.copy(), x.copy()
        up[k] += 3e-6
        down[k] -= 3e-6
        column = system.linearize(up, rate, past, control) - system.linearize(
            down, rate, past, control
        )
        column /= 6e-6
        for rows in (slice(0, system.terminal + 1), mass):
            scale = max(abs(exact[rows, k]).max(), 1e-9)
            np.testing.assert_allclose(column[rows], exact[rows, k], rtol=0, atol=1e-6 * scale)


def test_links_as_counted_by_hand(blob) -> None:
    """Every face between two voxels is one link of the right list, and no other."""
    cell = HalfCell(blob((6, 5, 7), seed=5), "nmc811-chen2020")
    n, count = cell.network(), count_links(cell.cells, cell.kinds)
    assert count["liquid"] == n.le_first.size
    assert count["active"] == n.la_first.size
    assert count["solid"] == n.ls_first.size
    assert count["reacting"] == n.rx_solid.size


def test_preconditioner_solves_what_it_is_for(blob) -> None:
    """Iterations to 1e-6 stay few, in double and in single precision, at short and long steps."""
    from vmt.kernels.electrode import flexible_gmres

    cell = HalfCell(blob((16, 12, 12)), "nmc811-chen2020")
    for single in (False, True):
        system = System(cell.network(), tables_of(cell.materials), single=single)
        x = random_state(system, np.random.default_rng(0), 3.9)
        for rate in (10.0, 0.02):
            r = system.linearize(x, rate, -rate * x, Control("current", 1e-9))
            system.prepare()
            dx, count, _ = flexible_gmres(system.apply, system.precondition, -r, rtol=1e-6)
            assert count <= 25
            left = np.linalg.norm(system.apply(dx) + r) / np.linalg.norm(r)
            assert left < (3e-6 if single else 1.1e-6) * 3


def slab_error(n: int, reconstruct: bool) -> float:
    """Surface minus mean of a plate under constant flux, relative to the exact value - 1."""
    thickness, diffusivity, fourier = 4e-6, 1e-14, 0.6
    h = thickness / n
    p = parameter_set("nmc811-chen2020")
    material = replace(p.active_material, diffusivity=diffusivity, double_layer=0.0)
    p = replace(p, active_material=material)
    tables = tables_of(p, reconstruct=reconstruct)
    kinds = [Kind(porosity=1, transport=1, reacting=1), Kind(electrons=1, active=1)]
    cells = np.concatenate([np.zeros((1, 1, 1)), np.ones((n, 1, 1))]).astype(np.uint8)
    system = System(build_network(cells, (h, h, h), kinds, area_mode="voxel"), tables)
    seconds = fourier * thickness**2 / diffusivity
    flux = 0.05  # A/m², a small change of concentration
    from vmt.electrode import Settings
    from vmt.electrode._integrator import Integrator

    x = np.zeros(system.size)
    x[system.ce], x[system.cs] = 1000.0, 0.5 * tables.largest
    x[system.phi_s] = x[system.terminal] = (
        float(material.open_circuit_potential(0.5)) - tables.offset
    )
    solver = Integrator(system, x, Settings(method="direct", newton=1e-7), flux * h * h)
    control = Control("current", flux * h * h)
    for _ in range(60):
        solver.accept(solver.attempt(seconds / 60, control), seconds / 60)
    c = solver.states[0][system.cs]
    surface = float(system.surface[0]) if reconstruct else float(c[0])
    found = (surface - c.mean()) * FARADAY * diffusivity * 3 / (flux * thickness)
    k = np.arange(1, 60)
    exact = 1 - 6 / np.pi**2 * np.sum(np.exp(-(k**2) * np.pi**2 * fourier) / k**2)
    return found / exact - 1


def test_slab_diffusion_is_of_second_order() -> None:
    """V3: with the surface reconstructed the error falls as h²; without, as h."""
    errors = [abs(slab_error(n, True)) for n in (2, 4, 8, 16)]
    assert errors[0] < 0.14
    assert errors[2] < 0.009
    assert all(a / b > 3.3 for a, b in pairwise(errors))
    coarse, fine = abs(slab_error(4, False)), abs(slab_error(8, False))
    assert 1.6 < coarse / fine < 2.4


@pytest.mark.parametrize("radius", [10, 20])
def test_area_of_a_sphere(radius: int) -> None:
    """V4: voxel faces are 3/2 of the true area at every size; weighted by the normal, 1 %."""
    edge = 2 * radius + 6
    x = np.arange(edge) + 0.5 - edge / 2
    ball = x[:, None, None] ** 2 + x[None, :, None] ** 2 + x[None, None, :] ** 2 <= radius**2
    kinds = [Kind(porosity=1, transport=1, reacting=1), Kind(electrons=1, active=1)]
    n = build_network(ball.astype(np.uint8), (1.0, 1.0, 1.0), kinds, area_mode="normal")
    true = 4 * np.pi * radius**2
    assert n.voxel_area / true == pytest.approx(1.5, rel=0.02)
    assert n.reacting_area / true == pytest.approx(1.0, rel=0.01)


def sphere_surface(radius: int) -> float:
    """Surface minus mean over i R/(5 F D) in quasi-steady state, of a ball in electrolyte."""
    from vmt.electrode import Settings
    from vmt.electrode._integrator import Integrator

    edge, h, diffusivity = 2 * radius + 2, 3e-6 / radius, 1e-13
    x = np.arange(edge) + 0.5 - edge / 2
    ball = x[:, None, None] ** 2 + x[None, :, None] ** 2 + x[None, None, :] ** 2 <= radius**2
    cells = ball.astype(np.uint8)
    cells[-2:, edge // 2, edge // 2] = 2  # a wire to the collector
    p = parameter_set("nmc811-chen2020")
    material = replace(
        p.active_material, diffusivity=diffusivity, double_layer=0.0, conductivity=1.0
    )
    tables = tables_of(replace(p, active_material=material))
    kinds = [Kind(porosity=1, transport=1, reacting=1), Kind(electrons=1, active=1)]
    kinds.append(Kind(electrons=100.0))
    system = System(build_network(cells, (h, h, h), kinds, area_mode="normal"), tables)
    y = np.zeros(system.size)
    y[system.ce], y[system.cs] = 1000.0, 0.6 * tables.largest
    y[system.phi_s] = y[system.terminal] = (
        float(material.open_circuit_potential(0.6)) - tables.offset
    )
    true = 4 * np.pi * (3e-6) ** 2
    current = 0.2 * true
    solver = Integrator(system, y, Settings(method="multigrid", newton=1e-6), current)
    for _ in range(12):
        solver.accept(solver.attempt(5.0, Control("current", current)), 5.0)
    c = solver.states[0][system.cs]
    ball_volume, moved = 4 / 3 * np.pi * (3e-6) ** 3, (c - 0.6 * tables.largest).mean()
    assert moved * ball.sum() * h**3 == pytest.approx(current * 60 / FARADAY, rel=1e-6)
    assert ball.sum() * h**3 == pytest.approx(ball_volume, rel=0.02)
    surface = np.average(system.surface, weights=system.network.rx_area)
    return float((surface - c.mean()) * 5 * FARADAY * diffusivity / (0.2 * 3e-6))


def test_diffusion_into_a_sphere() -> None:
    """V4: the mean is exact, surface minus mean is iR/(5FD) within 3 % at 10 voxels a radius."""
    k = 4.493409457909064
    transient = np.exp(-(k**2) * 1e-13 * 60 / 9e-12)
    assert sphere_surface(10) == pytest.approx(1 - 10 / k**2 * transient, rel=0.03)


def ionic(cells: np.ndarray, kinds: list[Kind]) -> float:
    """Effective transport factor between the first and the last plane's centers."""
    n = build_network(cells, (1.0, 1.0, 1.0), kinds, area_mode="voxel", lithium=False)
    from scipy.sparse import coo_matrix

    g = n.le_geometry[n.le_code]
    i, j = n.le_first, n.le_second
    rows = np.concatenate([i, j, i, j])
    columns = np.concatenate([i, j, j, i])
    a = coo_matrix((np.concatenate([g, g, -g, -g]), (rows, columns))).tocsr()
    plane = n.liquid // (cells.shape[1] * cells.shape[2])
    first, last = plane == 0, plane == cells.shape[0] - 1
    free = ~first & ~last
    x = last.astype(float)
    x[free] = cg(a[free][:, free], -(a[free] @ x), rtol=1e-13, maxiter=5000)[0]
    flux = float((a @ x)[last].sum())
    return flux * (cells.shape[0] - 1) / (cells.shape[1] * cells.shape[2])


def test_effective_coefficients_of_laminates() -> None:
    """V5: layers along the current conduct as their sum, layers across as the harmonic mean."""
    kinds = [
        Kind(1, 1.0, reacting=1),
        Kind(0.5, 0.12, 10.0, reacting=0.5),
        Kind(electrons=1, active=1),
    ]
    along = np.zeros((6, 4, 1), np.uint8)
    along[:, 1:] = 1
    along = np.concatenate([along, np.full((6, 1, 1), 2, np.uint8)], axis=1)
    assert ionic(along, kinds) * 5 == pytest.approx(1 + 3 * 0.12, rel=1e-12)
    across = np.zeros((7, 1, 2), np.uint8)
    across[:, 0, 1] = 2
    across[1::2, 0, 0] = 1
    # three whole layers of binder, two of pore and two halves of pore between the ends' centers
    exact = 6 / (3 / 0.12 + 3 / 1.0)
    assert ionic(across, kinds) * 2 == pytest.approx(exact, rel=1e-12)


def test_electrons_through_layers_meet_the_sum_of_resistances() -> None:
    """V5: active material and binder of contrast 1e4 in series carry by the harmonic mean."""
    from vmt.kernels.electrode import _physics

    kinds = [Kind(electrons=2e-3, active=1), Kind(0.5, 0.12, 20.0, reacting=0.5)]
    cells = np.array([0, 0, 1, 1, 1, 0, 1, 0], np.uint8)[:, None, None]
    n = build_network(cells, (1.0, 1.0, 1.0), kinds, area_mode="voxel", lithium=False)
    sigma = n.solid_factor.copy()
    resistance = 0.0
    for first, second, code in (
        (n.la_first, n.la_second, n.la_code), (n.ls_first, n.ls_second, n.ls_code),
    ):  # fmt: skip
        slopes = np.zeros((first.size, 3))
        nothing = np.zeros(sigma.size)
        _physics.solid_fluxes(first, second, code, n.geometry, nothing, sigma, nothing,
                              np.zeros(sigma.size), slopes)  # fmt: skip
        resistance += (1 / slopes[:, 0]).sum()
    exact = 1 / 2e-3 + 2 / 20.0 + 4 * 0.5 * (1 / 2e-3 + 1 / 20.0)
    assert resistance == pytest.approx(exact, rel=1e-12)


def test_effective_coefficient_of_a_dilute_array() -> None:
    """V5: insulating spheres in a cubic lattice, by Rayleigh's and Maxwell's rule within 1 %."""
    n, radius = 40, 10.0
    x = np.arange(n) + 0.5 - n / 2
    ball = x[:, None, None] ** 2 + x[None, :, None] ** 2 + x[None, None, :] ** 2 <= radius**2
    cells = np.concatenate([ball, ball[:1]]).astype(np.uint8)
    cells[-1] = 0
    kinds = [Kind(1, 1.0, reacting=1), Kind(electrons=1, active=1)]
    f = ball.mean()
    assert ionic(cells, kinds) == pytest.approx(2 * (1 - f) / (2 + f), rel=0.01)


def test_surface_weights_do_not_depend_on_threads_or_order() -> None:
    """A plane counts its own area in every direction."""
    for axis in range(3):
        cells = np.zeros((8, 8, 8), np.uint8)
        part = [slice(None)] * 3
        part[axis] = slice(4, None)
        cells[tuple(part)] = 1
        kinds = [Kind(1, 1.0, reacting=1), Kind(electrons=1, active=1)]
        n = build_network(cells, (1.0, 1.0, 1.0), kinds, area_mode="normal")
        assert n.reacting_area == pytest.approx(64.0, rel=1e-6)


def test_no_current_without_a_reason(blob) -> None:
    """At the open-circuit potential every residual is zero: nothing drives anything."""
    cell = HalfCell(blob(), "nmc532-xu2019")
    system = System(cell.network(), tables_of(cell.materials))
    a = cell.materials.active_material
    x = np.zeros(system.size)
    x[system.ce], x[system.cs] = 1000.0, 0.5 * a.maximum_concentration
    from vmt.kernels.electrode import _physics

    out = np.zeros((2, 1))
    step = a.maximum_concentration / (system.tables.active.shape[0] - 1)
    at = np.array([0.5 * a.maximum_concentration])
    _physics.table_values(system.tables.active, 0, 0.0, step, at, out)
    x[system.phi_s] = x[system.terminal] = out[0, 0]
    exact = float(a.open_circuit_potential(0.5)) - system.tables.offset
    assert out[0, 0] == pytest.approx(exact, abs=1e-9)
    r = system.linearize(x, 0.0, np.zeros(system.size), Control("current", 0.0))
    assert max(system.norms(r)) < 1e-12 * cell.current_density(1.0) * cell.cross_section * 1e3


def test_microstructure_with_long_voxels() -> None:
    """A voxel may be longer than wide: two long ones conduct as four short ones."""
    kinds = [Kind(1, 1.0, reacting=1), Kind(electrons=1, active=1)]
    cells = np.zeros((3, 2, 1), np.uint8)
    cells[:, 1] = 1
    n = build_network(cells, (2.0, 1.0, 1.0), kinds, area_mode="voxel")
    assert n.le_geometry[n.le_code].tolist() == [0.5, 0.5]
    assert n.rx_area.tolist() == [2.0, 2.0, 2.0]
    assert Microstructure(cells, (2.0, 1.0, 1.0)).size == (6.0, 2.0, 1.0)
