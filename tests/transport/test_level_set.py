"""Conduction through level sets against closed forms, the direct voxels and finer grids."""

import json
import math
import pickle
import tracemalloc

import matplotlib as mpl
import numpy as np
import pytest
from scipy import ndimage

from vmt.errors import ConvergenceError, InputError, MemoryBudgetError
from vmt.microstructure import GreyImage, LevelSet, Microstructure
from vmt.models import ChiSquareExcursionSet, Covariance
from vmt.transport import effective_conductivity, estimate_level_set, reconstruction_spread

mpl.use("Agg")

#: simple cubic array of insulating spheres: volume fraction → σ_eff/σ_matrix (multipole method)
SPHERES = {0.1: 0.85711, 0.2: 0.72670, 0.3: 0.60566, 0.4: 0.49011, 0.5: 0.37374}
#: samples of Neumann et al. (2023), Table 1
PAPER = {"F850": (0.46, 7.28e6), "C900": (0.70, 3.49e6)}


def spheres(cells: int, fraction: float) -> LevelSet:
    """Unit cell of the simple cubic array by the distance at the corners; the pore conducts."""
    x = np.arange(cells + 1) / cells - 0.5
    radius = (3 * fraction / (4 * np.pi)) ** (1 / 3)
    distance = np.sqrt(x[:, None, None] ** 2 + x[:, None] ** 2 + x**2) - radius
    return LevelSet(distance, 1e-6 / cells)


def m_factor(structure, phase: str, **options) -> float:
    return effective_conductivity(structure, {phase: 1.0}, **options).m_factor


def planes(normal: tuple[float, float, float], place: float, shape=(8, 9, 10)) -> LevelSet:
    """Inside where the distance along a normal is below a place, in cells."""
    grids = np.meshgrid(*[np.arange(n + 1.0) for n in shape], indexing="ij")
    return LevelSet(sum(n * g for n, g in zip(normal, grids, strict=True)) - place, 1e-8)


@pytest.mark.parametrize("fraction", SPHERES)
def test_insulating_spheres_are_second_order(fraction: float) -> None:
    """Order at least 1.8, and within 0.3 % at 24 cells per half cell, up to volume fraction 0.5."""
    errors = [
        abs(m_factor(spheres(2 * half, fraction), "pore", rtol=1e-7) / SPHERES[fraction] - 1)
        for half in (6, 12, 24)
    ]
    assert errors[2] < 0.003
    assert math.log2(errors[0] / errors[1]) > 1.8
    assert math.log2(errors[1] / errors[2]) > 1.8


def test_spheres_of_the_specification() -> None:
    """Volume fraction 0.3: 0.96, 0.24 and 0.06 % in the prototype, not much more here."""
    for half, expected in ((6, 0.0096), (12, 0.0024), (24, 0.0006)):
        error = m_factor(spheres(2 * half, 0.3), "pore", rtol=1e-7) / SPHERES[0.3] - 1
        assert 0 < error < 1.2 * expected


def test_voxels_of_the_same_spheres_are_first_order() -> None:
    """The same level set by voxels: ten times the error and more, falling about like the size."""
    errors = [
        m_factor(spheres(n, 0.3), "pore", discretization="voxel") / SPHERES[0.3] - 1
        for n in (12, 24, 48, 96)
    ]
    order = np.polyfit(np.log([12, 24, 48, 96]), np.log(np.abs(errors)), 1)[0]
    assert -1.6 < order < -0.5
    assert abs(errors[2]) > 10 * abs(m_factor(spheres(48, 0.3), "pore") / SPHERES[0.3] - 1)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_walls_between_the_corners_are_exact(axis: int) -> None:
    """A slab along the current conducts as its share, wherever its wall cuts the cells."""
    for across in (a for a in range(3) if a != axis):
        normal = tuple(1.0 if a == across else 0.0 for a in range(3))
        for place in (2.0, 3.3, 4.75):
            made = planes(normal, place)
            share = place / made.shape[across]
            found = effective_conductivity(made, {"solid": 2.0}, axis=axis)
            assert found.m_factor == pytest.approx(share, rel=1e-5)
            assert found.tortuosity_factor == pytest.approx(1.0, rel=1e-5)
            assert found.flux_imbalance < 1e-3
            assert m_factor(made, "pore", axis=axis) == pytest.approx(1 - share, rel=1e-5)


def test_a_tilted_channel_is_second_order() -> None:
    """A channel at 45° to the grid, along the current: its share, with the error of a plane: none.

    Its section is a diamond |y| + |z| ≤ r, whose edges cut the faces as marching squares do.
    """
    x = np.arange(25.0)
    section = np.abs(x[:, None] - 12) + np.abs(x - 12) - 7.5
    made = LevelSet(np.broadcast_to(section, (6, 25, 25)), 1e-8)
    # the corners of the diamond lie within faces: 4 triangles of side 1/2 are lost at most
    assert m_factor(made, "solid") == pytest.approx(2 * 7.5**2 / 24**2, abs=0.6 / 24**2)


@pytest.mark.parametrize("sides", ["closed", "periodic"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_cells_of_two_edges(axis: int, sides: str) -> None:
    """Every second plane of corners, cells twice as long: still the array of spheres."""
    fine = spheres(48, 0.4)
    spacing = [1 / 48] * 3
    spacing[axis] *= 2
    flat = LevelSet(
        fine.values[tuple(slice(None, None, 1 + (a == axis)) for a in range(3))], spacing
    )
    for along in range(3):
        found = m_factor(flat, "pore", axis=along, sides=sides)
        assert found == pytest.approx(SPHERES[0.4], rel=0.003)


def test_axes_and_directions() -> None:
    """Turning the structure turns the axis; the way back conducts the same."""
    made = ChiSquareExcursionSet(Covariance.gaussian(rate=2e7), 0.6).sample_level_set(
        (18, 20, 22), 1e-8, rng=8
    )
    for axis in range(3):
        turned = LevelSet(np.moveaxis(made.values, axis, 0), 1e-8)
        expected = m_factor(turned, "solid", rtol=1e-8)
        assert m_factor(made, "solid", axis=axis, rtol=1e-8) == pytest.approx(expected, rel=1e-6)
        back = LevelSet(np.flip(made.values, axis), 1e-8)
        assert m_factor(back, "solid", axis=axis, rtol=1e-8) == pytest.approx(expected, rel=1e-6)


def test_scale_of_values_and_of_conductivity() -> None:
    """The values' scale is free; the conductivity is a factor."""
    made = spheres(12, 0.4)
    expected = m_factor(made, "pore")
    assert m_factor(LevelSet(1e-9 * made.values, 1e-7), "pore") == pytest.approx(expected, rel=1e-6)
    found = effective_conductivity(made, {"pore": 3.0})
    assert found.effective_conductivity == pytest.approx(3 * expected, rel=1e-6)
    assert found.m_factor == pytest.approx(expected, rel=1e-6)


def test_dead_ends_and_islands_change_nothing() -> None:
    """A branch that leads nowhere, an island and slivers carry no current."""
    x = np.arange(17.0)
    y, z = x[None, :, None], x[None, None, :]
    channel = np.broadcast_to(np.maximum(np.abs(y - 8), np.abs(z - 8)) - 3.3, (17, 17, 17)).copy()
    plain = m_factor(LevelSet(channel, 1e-8), "solid", rtol=1e-8)
    island = np.sqrt((x[:, None, None] - 5) ** 2 + (y - 2) ** 2 + (z - 2) ** 2) - 1.4
    dead = np.sqrt((x[:, None, None] - 0) ** 2 + (y - 14.5) ** 2 + (z - 2) ** 2) - 1.6
    both = np.minimum(channel, np.minimum(island, dead))
    assert m_factor(LevelSet(both, 1e-8), "solid", rtol=1e-8) == pytest.approx(plain, rel=1e-7)
    both[:, 1, ::2] = -1e-4  # a row of points that open faces by less than a thousandth
    assert m_factor(LevelSet(both, 1e-8), "solid", rtol=1e-8) == pytest.approx(plain, rel=1e-7)


def test_no_path_is_a_result() -> None:
    """A wall across the current, or a phase that is not there: exactly 0 and not percolating."""
    wall = planes((1.0, 0.0, 0.0), 5.5)
    for made in (wall, planes((1.0, 0.0, 0.0), -1.0)):
        found = effective_conductivity(made, {"solid": 1.0}, keep_potential=True)
        assert (found.effective_conductivity, found.percolates) == (0.0, False)
        assert found.tortuosity_factor == math.inf
        assert np.isnan(found.potential).all()
    assert m_factor(wall, "solid", axis=1) == pytest.approx(5.5 / 8, rel=1e-5)
    full = planes((1.0, 0.0, 0.0), 100.0)
    assert m_factor(full, "solid") == pytest.approx(1.0, rel=1e-6)


@pytest.mark.parametrize("sides", ["closed", "periodic"])
def test_narrow_necks_converge(sides: str) -> None:
    """Walls with pinholes a fraction of a cell wide: within tolerance of a tighter solve."""
    rng = np.random.default_rng(0)
    values = np.where(np.arange(31)[:, None, None] % 6 == 3, 1.0, -1.0) + np.zeros((31, 31, 31))
    holes = rng.random((31, 31, 31)) < 0.03
    values[holes] = -0.2
    made = LevelSet(values, 1e-8)
    found = effective_conductivity(made, {"solid": 1.0}, sides=sides, rtol=1e-4)
    tight = effective_conductivity(made, {"solid": 1.0}, sides=sides, rtol=1e-9)
    assert found.m_factor == pytest.approx(tight.m_factor, rel=1e-4)
    assert tight.iterations < 120
    assert tight.flux_imbalance < 1e-3


def test_the_potential_falls_along_the_axis() -> None:
    """The mean potential of each layer of a full box is the ramp; outside it is NaN."""
    found = effective_conductivity(
        planes((0.0, 1.0, 0.0), 4.5), {"solid": 1.0}, axis=2, keep_potential=True
    )
    inside = np.isfinite(found.potential)
    assert inside[:, :5].all()
    assert not inside[:, 5:].any()
    expected = 1 - (np.arange(10) + 0.5) / 10
    np.testing.assert_allclose(found.potential[4, 2], expected, atol=1e-4)
    assert found.plot().images


def test_results_say_how_they_were_made() -> None:
    """The discretization is in the result, in JSON and after a pickle."""
    found = effective_conductivity(spheres(10, 0.3), {"pore": 1.0})
    assert found.discretization == "level_set"
    assert pickle.loads(pickle.dumps(found)).to_dict() == found.to_dict()
    assert json.loads(json.dumps(found.to_dict()))["discretization"] == "level_set"
    assert found.volume_fraction == spheres(10, 0.3).volume_fraction("pore")
    voxels = effective_conductivity(spheres(10, 0.3), {"pore": 1.0}, discretization="voxel")
    assert voxels.discretization == "voxel"


@pytest.mark.parametrize("method", ["gaussian", "distance", "plain"])
def test_estimates_keep_the_volume_and_the_labels(method) -> None:
    """The estimate keeps the volume fraction, and its voxels are nearly those it was made from."""
    model = ChiSquareExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)
    voxels = model.sample((40, 41, 42), (10e-9, 12e-9, 9e-9), rng=1)
    for phase in ("solid", "pore"):
        made = estimate_level_set(voxels, phase, method=method)
        fraction = voxels.volume_fraction(phase)
        assert made.volume_fraction(phase) == pytest.approx(fraction, abs=2e-5)
        assert (made.inside, made.shape) == (phase, voxels.shape)
        label = voxels.label_of(phase)
        agree = (made.to_microstructure().labels == 1) == (voxels.labels == label)
        assert agree.mean() > 0.985


def test_estimates_of_flat_walls_are_exact() -> None:
    """A wall along the voxel faces stays where it is."""
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[:, :5] = 1
    m = Microstructure(labels, 1e-8)
    for method in ("gaussian", "distance", "plain"):
        made = estimate_level_set(m, "solid", method=method)
        assert m_factor(made, "solid") == pytest.approx(5 / 12, rel=1e-4)
    assert m_factor(m, "solid", discretization="level_set") == pytest.approx(5 / 12, rel=1e-4)
    flat = Microstructure(labels[:, :, :1], 1e-8)
    assert m_factor(flat, "solid", discretization="level_set") == pytest.approx(5 / 12, rel=1e-4)


@pytest.mark.parametrize("method", ["gaussian", "distance", "plain"])
def test_estimates_of_repeating_windows(method) -> None:
    """Shifting a window that repeats itself shifts its level set, and leaves the M-factor."""
    model = ChiSquareExcursionSet(Covariance.gaussian(rate=2e7), 0.55)
    voxels = model.sample((20, 30, 32), 10e-9, rng=5, periodic=True)
    moved = voxels.with_labels(np.roll(voxels.labels, (7, -9), (1, 2)))
    made, other = (
        estimate_level_set(m, "solid", method=method, periodic=(1, 2)) for m in (voxels, moved)
    )
    np.testing.assert_array_equal(made.values[:, 0], made.values[:, -1])
    expected = np.roll(made.values[:, :-1, :-1], (7, -9), (1, 2))
    near = np.abs(expected) < 1
    np.testing.assert_allclose(other.values[:, :-1, :-1][near], expected[near], atol=1e-3)
    values = [
        m_factor(m, "solid", sides="periodic", discretization="level_set", rtol=1e-7)
        for m in (voxels, moved)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-4)


def test_memory_is_announced() -> None:
    """What numpy allocates stays below what is asked of the budget before the work."""
    from vmt.kernels.multigrid._solve_faces import face_conduction_bytes
    from vmt.transport._level_set import _BYTES_OF_ESTIMATE

    model = ChiSquareExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)
    shape = (64, 64, 64)
    made, voxels = (draw(shape, 1e-8, rng=1) for draw in (model.sample_level_set, model.sample))
    m_factor(made, "solid")
    tracemalloc.start()
    try:
        m_factor(made, "solid")
        solve = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        estimate_level_set(voxels, "solid", method="distance")
        estimate = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert solve < face_conduction_bytes(shape) + 8 * 64**3
    assert estimate < _BYTES_OF_ESTIMATE * 64**3


@pytest.mark.parametrize("name", PAPER)
def test_a_segmentation_holds_its_level_set(name: str) -> None:
    """Estimated from 10 nm voxels, the level set cuts the voxels' error fourfold, or more.

    The truth is the same realization on a grid of 6.7 nm cells.
    """
    fraction, rate = PAPER[name]
    model = ChiSquareExcursionSet(Covariance.gaussian(rate=rate), fraction)
    by_voxels, by_estimate = [], []
    for seed in (3, 4):
        voxels = model.sample((72,) * 3, 10e-9, rng=seed)
        truth = model.sample_level_set((72,) * 3, 10e-9, rng=seed, grid=(108,) * 3)
        for phase in ("solid", "pore"):
            exact = m_factor(truth, phase)
            by_voxels.append(m_factor(voxels, phase) / exact - 1)
            by_estimate.append(m_factor(voxels, phase, discretization="level_set") / exact - 1)
    assert np.mean(np.abs(by_voxels)) > 4 * np.mean(np.abs(by_estimate))
    assert np.all(np.array(by_voxels) < 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAPER)
def test_a_segmentation_holds_its_level_set_at_length(name: str) -> None:
    """The same against 5 nm cells, in boxes of 1.5 µm."""
    fraction, rate = PAPER[name]
    model = ChiSquareExcursionSet(Covariance.gaussian(rate=rate), fraction)
    for seed in (1, 2):
        voxels = model.sample((150,) * 3, 10e-9, rng=seed)
        truth = model.sample_level_set((150,) * 3, 10e-9, rng=seed, grid=(300,) * 3)
        for phase in ("solid", "pore"):
            exact = m_factor(truth, phase)
            coarse = abs(m_factor(voxels, phase) / exact - 1)
            assert 4 * abs(m_factor(voxels, phase, discretization="level_set") / exact - 1) < coarse


def test_grid_size_is_free() -> None:
    """One structure on grids of 14, 10 and 7 nm: the same M-factor, to second order."""
    model = ChiSquareExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)
    values = [
        m_factor(
            model.sample_level_set((60,) * 3, 10e-9, rng=11, grid=(n,) * 3), "solid", rtol=1e-6
        )
        for n in (42, 60, 84)
    ]
    assert values[0] == pytest.approx(values[2], rel=0.01)
    assert values[1] == pytest.approx(values[2], rel=0.003)
    voxels = m_factor(model.sample((60,) * 3, 10e-9, rng=11), "solid")
    assert abs(voxels - values[2]) > 10 * abs(values[1] - values[2])


def test_a_grey_image_knows_more_than_its_threshold() -> None:
    """A blurred image gives the level set of its spheres better than its segmentation does."""
    n = 24
    fine = spheres(4 * n, 0.4).to_microstructure().mask("pore")
    grey = ndimage.gaussian_filter(fine.astype(np.float32), 2.0, mode="reflect")
    grey = grey.reshape(n, 4, n, 4, n, 4).mean(axis=(1, 3, 5))
    image = GreyImage(grey, 1e-8)
    made = LevelSet.from_grey(image, 0.5, bright="pore", dark="solid")
    error = abs(m_factor(made, "pore") / SPHERES[0.4] - 1)
    plain = Microstructure(grey >= 0.5, 1e-8, {"solid": 0, "pore": 1})
    assert error < 0.015
    assert abs(m_factor(plain, "pore") / SPHERES[0.4] - 1) > 2 * error


def test_the_spread_between_reconstructions_is_reported() -> None:
    """Three level sets that fit the same voxels: their spread is below the voxels' error."""
    model = ChiSquareExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)
    voxels = model.sample((50,) * 3, 10e-9, rng=2)
    found = reconstruction_spread(voxels, "solid")
    assert found.m_factor == pytest.approx(m_factor(voxels, "solid", discretization="level_set"))
    assert found.voxel_m_factor == pytest.approx(m_factor(voxels, "solid"))
    assert 0 < found.relative_spread < 1 - found.voxel_m_factor / found.m_factor
    assert json.loads(json.dumps(found.to_dict())) == pickle.loads(pickle.dumps(found)).to_dict()
    assert len(found.plot().patches) == 4


def test_what_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two conducting phases, unknown words and sizes beyond memory are refused with a reason."""
    made = spheres(8, 0.3)
    with pytest.raises(InputError, match="one conducting"):
        effective_conductivity(made, {"pore": 1.0, "solid": 2.0}, discretization="fem")
    with pytest.raises(InputError, match='"level_set"'):
        effective_conductivity(made, {"pore": 1.0}, discretization="spectral")
    with pytest.raises(InputError, match="Microstructure or a LevelSet"):
        effective_conductivity(made.values, {"pore": 1.0})
    with pytest.raises(InputError, match="axes"):
        effective_conductivity(made, {"pore": (1.0, 1.0, 2.0)}, discretization="fem")
    with pytest.raises(InputError, match="voxels"):
        effective_conductivity(made, {"pore": 1.0}, discretization_error=True)
    with pytest.raises(InputError, match="'binder'"):
        effective_conductivity(made, {"binder": 1.0})
    voxels = made.to_microstructure()
    with pytest.raises(InputError, match="method"):
        estimate_level_set(voxels, "solid", method="median")
    with pytest.raises(InputError, match="boundary"):
        estimate_level_set(Microstructure(np.zeros((3, 3, 3), np.uint8), 1e-8), "solid")
    with pytest.raises(ConvergenceError, match="max_iterations"):
        effective_conductivity(made, {"pore": 1.0}, max_iterations=1, rtol=1e-10)
    monkeypatch.setenv("VMT_MEMORY_LIMIT", "10KiB")
    with pytest.raises(MemoryBudgetError, match="cells"):
        effective_conductivity(made, {"pore": 1.0})
    with pytest.raises(MemoryBudgetError, match="level set"):
        estimate_level_set(voxels, "solid")


def test_a_box_of_one_phase_needs_no_estimate() -> None:
    """A Microstructure filled by the conducting phase gives 1, one without it gives 0."""
    for label, expected in ((1, 1.0), (0, 0.0)):
        m = Microstructure(np.full((6, 6, 6), label, np.uint8), 1e-8, {"pore": 0, "solid": 1})
        assert m_factor(m, "solid", discretization="level_set") == pytest.approx(expected)
