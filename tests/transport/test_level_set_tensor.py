"""The conductivity tensor, anisotropic phases and fluxes of level sets."""

import tracemalloc

import matplotlib as mpl
import numpy as np
import pytest

from vmt.errors import InputError, MemoryBudgetError
from vmt.kernels.multigrid import solve_cell
from vmt.kernels.multigrid._periodic_faces import solve_cell_faces
from vmt.microstructure import LevelSet, Microstructure
from vmt.models import ChiSquareExcursionSet, Covariance
from vmt.transport import effective_conductivity, effective_conductivity_tensor

mpl.use("Agg")

#: simple cubic array of insulating spheres of volume fraction 0.3 (multipole method)
SPHERES = 0.60566


def spheres(cells: int, fraction: float = 0.3, shift: float = 0.0) -> LevelSet:
    """Unit cell of the simple cubic array, the sphere moved along (1, 1, 1) and repeated."""
    x = (np.arange(cells + 1) / cells + shift) % 1.0 - 0.5
    radius = (3 * fraction / (4 * np.pi)) ** (1 / 3)
    distance = np.sqrt(x[:, None, None] ** 2 + x[:, None] ** 2 + x**2) - radius
    return LevelSet(distance, 1e-6 / cells)


def chi_set(shape=(30, 32, 34), *, periodic: bool) -> LevelSet:
    """A χ² set with a correlation length of four cells, half of it solid."""
    model = ChiSquareExcursionSet(Covariance.gaussian(rate=1.6e7), 0.5)
    return model.sample_level_set(shape, 15e-9, rng=5, periodic=periodic)


def tensor(structure, given, **options) -> np.ndarray:
    return effective_conductivity_tensor(structure, given, **options).effective_conductivity


def test_open_or_closed_faces_are_voxels() -> None:
    """With faces open or closed, the cell of faces is the cell of voxels, clusters and all."""
    rng = np.random.default_rng(3)
    for fraction in (0.3, 0.5, 0.8):
        labels = (rng.random((7, 8, 9)) < fraction).astype(np.uint8)
        labels[2, 3] = 1
        shares = []
        for axis in range(3):
            wrapped = np.concatenate(
                [np.take(labels, [-1], axis), labels, np.take(labels, [0], axis)], axis
            )
            both = np.minimum(
                np.take(wrapped, range(labels.shape[axis] + 1), axis),
                np.take(wrapped, range(1, labels.shape[axis] + 2), axis),
            )
            shares.append(both.astype(np.float32))
        spacing = (1e-8, 1.3e-8, 0.7e-8)
        voxels = solve_cell(labels, np.array([0.0, 2.0]), spacing, rtol=1e-11)
        faces = solve_cell_faces(*shares, 2.0, spacing, rtol=1e-11)
        assert faces.tensor == pytest.approx(voxels.tensor, abs=1e-9)
        assert voxels.tensor[2, 2] > 0
        assert voxels.finished
        assert faces.finished


def test_closed_sides_are_three_solves() -> None:
    """Between electrodes: the value along each axis, nothing off the diagonal."""
    level_set = chi_set(periodic=False)
    found = effective_conductivity_tensor(level_set, {"solid": 2.0})
    for axis in range(3):
        one = effective_conductivity(level_set, {"solid": 2.0}, axis=axis)
        assert found.effective_conductivity[axis, axis] == one.effective_conductivity
    assert np.isnan(found.effective_conductivity[0, 1])
    voxels = level_set.to_microstructure()
    by_voxels = tensor(level_set, {"solid": 2.0}, discretization="voxel")
    assert np.diag(by_voxels) == pytest.approx(np.diag(tensor(voxels, {"solid": 2.0})))
    estimated = tensor(voxels, {"solid": 2.0}, discretization="level_set")
    for axis in range(3):
        one = effective_conductivity(voxels, {"solid": 2.0}, axis=axis, discretization="level_set")
        assert estimated[axis, axis] == one.effective_conductivity


def test_a_periodic_array_of_spheres() -> None:
    """Wherever the spheres lie in their cell, the tensor is the exact number, second order."""
    errors = []
    for cells in (12, 24):
        found = tensor(spheres(cells, shift=0.3), {"pore": 1.0}, sides="periodic", rtol=1e-8)
        assert np.abs(found - np.diag(np.diag(found))).max() < 1e-3
        assert np.diag(found) == pytest.approx(np.full(3, found[0, 0]), rel=1e-6)
        errors.append(found[0, 0] / SPHERES - 1)
    assert abs(errors[1]) < 0.004
    assert abs(errors[0]) > 3 * abs(errors[1])


def test_tilted_walls_are_exact() -> None:
    """Sheets at 45° conduct along themselves only: their share times I − nn, off diagonal too."""
    n, share = 16, 0.4
    i, j, _ = np.indices((n + 1, n + 1, 4))
    phase = ((i + j) / n) % 1.0
    level_set = LevelSet(np.abs(phase - 0.5) - share / 2, 1e-8)
    found = tensor(level_set, {"solid": 1.0}, sides="periodic", rtol=1e-9)
    expected = share * np.array([[0.5, -0.5, 0], [-0.5, 0.5, 0], [0, 0, 1.0]])
    assert found == pytest.approx(expected, abs=1e-6)


def test_a_mirrored_cell_is_its_eighth_between_electrodes() -> None:
    """The mirror planes are equipotential or closed: diagonal as with closed sides, to 1e-7."""
    part = chi_set((12, 13, 14), periodic=False)
    values = np.asarray(part.values)
    for axis in range(3):
        back = np.flip(values, axis)
        values = np.concatenate([values, np.delete(back, 0, axis)], axis)
    whole = LevelSet(values, part.spacing, inside=part.inside, outside=part.outside)
    periodic = tensor(whole, {"pore": 1.0}, sides="periodic", rtol=1e-9)
    closed = tensor(part, {"pore": 1.0}, rtol=1e-9)
    assert np.diag(periodic) == pytest.approx(np.diag(closed), rel=1e-7)


def test_a_periodic_sample_moved_and_turned() -> None:
    """The realization repeats itself: moving it changes nothing, a mirror turns two signs."""
    level_set = chi_set((24, 24, 24), periodic=True)
    found = tensor(level_set, {"solid": 1.0}, sides="periodic", rtol=1e-9)
    assert np.linalg.eigvalsh(found).min() > 0
    inner = np.roll(np.asarray(level_set.values)[:-1, :-1, :-1], (5, 9, 2), (0, 1, 2))
    moved = LevelSet(np.pad(inner, [(0, 1)] * 3, mode="wrap"), level_set.spacing)
    assert tensor(moved, {"solid": 1.0}, sides="periodic", rtol=1e-9) == pytest.approx(
        found, abs=2e-5 * found[0, 0]
    )
    mirrored = LevelSet(np.asarray(level_set.values)[::-1].copy(), level_set.spacing)
    signs = np.outer([-1, 1, 1], [-1, 1, 1])
    turned = tensor(mirrored, {"solid": 1.0}, sides="periodic", rtol=1e-9)
    assert turned == pytest.approx(signs * found, abs=1e-6 * found[0, 0])
    voxels = tensor(level_set.to_microstructure(), {"solid": 1.0}, sides="periodic")
    assert np.all(np.diag(voxels) < np.diag(found))


@pytest.mark.parametrize("sides", ["closed", "periodic"])
def test_anisotropic_phase_is_a_stretched_isotropic_one(sides) -> None:
    """σ along the axes equals isotropic σ on cells stretched by 1/√σ."""
    level_set = chi_set((14, 15, 16), periodic=True)
    sigma = np.array([2.0, 0.5, 8.0])
    stretched = LevelSet(level_set.values, tuple(np.array(level_set.spacing) / np.sqrt(sigma)))
    one = tensor(level_set, {"solid": tuple(sigma.tolist())}, sides=sides, rtol=1e-9)
    other = tensor(stretched, {"solid": 1.0}, sides=sides, rtol=1e-9)
    scaled = other * np.sqrt(np.outer(sigma, sigma))
    assert one == pytest.approx(scaled, abs=1e-7 * scaled[2, 2], nan_ok=True)
    along = effective_conductivity(level_set, {"solid": tuple(sigma.tolist())}, axis=2, rtol=1e-9)
    alone = effective_conductivity(stretched, {"solid": 1.0}, axis=2, rtol=1e-9)
    assert along.effective_conductivity == pytest.approx(8 * alone.effective_conductivity, rel=1e-7)
    assert along.m_factor == pytest.approx(alone.m_factor, rel=1e-7)
    assert along.conductivity["solid"] == (2.0, 0.5, 8.0)


@pytest.mark.parametrize(("sides", "axis"), [("closed", 0), ("periodic", 2)])
def test_fluxes_of_a_level_set_add_up(sides, axis, tmp_path) -> None:
    """Mean flux and mean heat of the cut cells give the effective conductivity; ParaView opens."""
    level_set = chi_set((18, 19, 20), periodic=True)
    result = effective_conductivity(
        level_set, {"solid": 3.0}, axis=axis, sides=sides, rtol=1e-10, keep_potential=True
    )
    length = level_set.size[axis]
    flux = result.flux_density()
    assert flux.shape == (3, *level_set.shape)
    assert flux[axis].mean() * length == pytest.approx(result.effective_conductivity, rel=1e-4)
    heat = result.dissipation()
    assert heat.mean() * length**2 == pytest.approx(result.effective_conductivity, rel=1e-4)
    assert heat.min() >= 0
    assert not flux[:, np.isnan(result.potential)].any()
    result.write_fields(tmp_path / "a.vti")
    assert (tmp_path / "a.vti").stat().st_size > 4 * heat.size
    normal = (axis + 1) % 3
    for index in (0, 7, -1):  # slices are drawn from their neighbors alone
        drawn = np.asarray(result.plot_flux(index=index).images[0].get_array())
        plane = np.take(flux, index, axis=normal + 1).astype(float)
        size = np.sqrt((plane**2).sum(axis=0))
        inside = ~np.isnan(np.take(result.potential, index, axis=normal))
        assert drawn[inside] == pytest.approx(size[inside], rel=1e-5)
        shown = np.asarray(result.plot_dissipation(index=index).images[0].get_array())
        expected = np.take(heat, index, axis=normal) / heat.mean()
        assert shown[inside] == pytest.approx(np.maximum(expected, 1e-3)[inside], rel=1e-3)


def test_what_the_tensor_refuses(monkeypatch) -> None:
    """A level set with a seam, elements, two conducting phases and too little memory."""
    cut = chi_set((16, 16, 16), periodic=False)
    with pytest.raises(InputError, match="does not repeat itself along axis"):
        effective_conductivity_tensor(cut, {"solid": 1.0}, sides="periodic")
    with pytest.raises(InputError, match="gives no tensor"):
        effective_conductivity_tensor(cut, {"solid": 1.0}, discretization="fem")
    with pytest.raises(InputError, match="open"):
        effective_conductivity_tensor(cut, {"solid": 1.0}, sides="open")
    full = chi_set((16, 16, 16), periodic=True)
    with pytest.raises(InputError, match="along the axes"):
        effective_conductivity_tensor(
            full, {"solid": (1.0, 2.0, 1.0), "pore": 0.1}, sides="periodic"
        )
    monkeypatch.setenv("VMT_MEMORY_LIMIT", "100KiB")
    with pytest.raises(MemoryBudgetError, match="16×16×16"):
        effective_conductivity_tensor(full, {"solid": 1.0}, sides="periodic")


def test_the_tensor_announces_its_memory() -> None:
    """What numpy allocates for a periodic cell stays below what is asked of the budget."""
    from vmt.kernels.multigrid._periodic_faces import face_cell_bytes
    from vmt.transport._tensor import _touched

    level_set = chi_set((48, 48, 48), periodic=True)
    tensor(level_set, {"solid": 1.0}, sides="periodic")
    announced = face_cell_bytes(level_set.shape, _touched(np.asarray(level_set.values), False))
    tracemalloc.start()
    try:
        tensor(level_set, {"solid": 1.0}, sides="periodic")
        used = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 0.3 * announced < used < announced


def test_no_winding_path_is_zero() -> None:
    """Balls that don't touch conduct nothing, along no axis; a full cell conducts as its phase."""
    assert not tensor(spheres(12), {"solid": 1.0}, sides="periodic").any()
    full = Microstructure(np.ones((4, 5, 6), np.uint8), 1e-8)
    found = tensor(full, {"solid": 2.0}, sides="periodic", discretization="level_set")
    assert found == pytest.approx(2 * np.eye(3), abs=1e-9)
