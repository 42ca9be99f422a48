"""The error that voxels hide, and the fields of a result."""

import numpy as np
import pytest

from vmt.errors import InputError
from vmt.io import read_grey, read_labels, write_fields
from vmt.microstructure import Microstructure
from vmt.transport import effective_conductivity


def sphere_cell(n: int, fraction: float) -> np.ndarray:
    """Unit cell of the simple cubic array, n voxels a side; 1 is the matrix."""
    x = (np.arange(n) + 0.5) / n - 0.5
    radius = (3 * fraction / (4 * np.pi)) ** (1 / 3)
    square = x[:, None, None] ** 2 + x[None, :, None] ** 2 + x[None, None, :] ** 2
    return (square > radius**2).astype(np.uint8)


def test_voxel_error_of_spheres_is_about_the_true_one() -> None:
    """Around insulating spheres the estimate finds most of the error of in/out voxels."""
    m = Microstructure(sphere_cell(48, 0.3), 1e-8)
    result = effective_conductivity(m, {"solid": 1.0}, discretization_error=True)
    true = result.effective_conductivity / 0.60566 - 1
    assert true < -0.01
    assert 0.5 < result.discretization_error / true < 2.0


def test_voxel_error_of_excursion_sets_is_about_the_true_one(chi_square) -> None:
    """The estimate on coarse voxels agrees with what finer voxels of the same set say."""
    ratios = []
    for seed in (0, 1, 2):
        fine = chi_square((128, 128, 128), 0.5, rate=0.035, seed=seed)
        given = {"solid": 1.0}
        one = effective_conductivity(Microstructure(fine, 1e-8), given, discretization_error=True)
        exact = one.effective_conductivity / (1 + one.discretization_error)
        coarse = Microstructure(fine[1::2, 1::2, 1::2], 2e-8)
        two = effective_conductivity(coarse, given, discretization_error=True)
        ratios.append(two.discretization_error / (two.effective_conductivity / exact - 1))
        assert -0.15 < two.discretization_error < -0.02
    assert 0.6 < np.mean(ratios) < 1.3


def test_voxel_error_where_there_is_none_or_no_answer() -> None:
    """Aligned layers have no error; walls one voxel thick leave no path to extrapolate from."""
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[:4] = 1
    m = Microstructure(labels, 1e-8)
    result = effective_conductivity(
        m, {"solid": 1.0, "pore": 3.0}, rtol=1e-8, discretization_error=True
    )
    assert abs(result.discretization_error) < 1e-7
    plate = np.zeros((8, 8, 1), np.uint8)
    plate[:, 3] = 1
    thin = effective_conductivity(
        Microstructure(plate, 1e-8), {"solid": 1.0}, discretization_error=True
    )
    assert np.isnan(thin.discretization_error)
    assert thin.to_dict()["discretization_error"] is None
    assert effective_conductivity(m, {"solid": 1.0, "pore": 3.0}).discretization_error is None


@pytest.mark.parametrize("sides", ["closed", "periodic"])
@pytest.mark.parametrize("given", [{"solid": 2.0}, {"solid": (2.0, 1.0, 5.0), "pore": 0.1}])
@pytest.mark.parametrize("axis", [0, 2])
def test_fields_add_up_to_the_conductivity(chi_square, sides, given, axis) -> None:
    """Mean flux and mean heat give the effective conductivity; what enters a voxel leaves it."""
    m = Microstructure(chi_square((14, 15, 16), 0.6), (1e-8, 2e-8, 1.5e-8))
    result = effective_conductivity(
        m, given, axis=axis, sides=sides, rtol=1e-9, keep_potential=True
    )
    thickness = m.size[axis]
    flux = result.flux_density()
    assert flux.shape == (3, *m.shape)
    mean = flux[axis].mean(dtype=float) * thickness
    assert mean == pytest.approx(result.effective_conductivity, rel=1e-4)
    heat = result.dissipation()
    assert heat.min() >= 0
    assert heat.mean(dtype=float) * thickness**2 == pytest.approx(
        result.effective_conductivity, rel=1e-4
    )
    layers = flux[axis].mean(axis=tuple(a for a in range(3) if a != axis), dtype=float)
    assert layers * thickness == pytest.approx(result.effective_conductivity, rel=1e-3)
    assert result.layer_fluxes.shape == (m.shape[axis] + 1,)
    assert result.layer_fluxes == pytest.approx(result.effective_conductivity, rel=1e-3)


def test_bottleneck_is_where_the_heat_is() -> None:
    """A pinhole in a wall dissipates most, and the pictures of a result draw."""
    labels = np.ones((16, 12, 12), np.uint8)
    labels[7:9] = 0
    labels[7:9, 5:7, 5:7] = 1
    m = Microstructure(labels, 1e-8)
    result = effective_conductivity(m, {"solid": 1.0}, keep_potential=True)
    heat = result.dissipation()
    assert heat[7:9, 5:7, 5:7].mean() > 20 * heat.mean()
    assert result.plot_flux().images
    assert result.plot_dissipation(index=5).images
    assert result.plot().images
    plain = effective_conductivity(m, {"solid": 1.0})
    for call in (plain.plot_flux, plain.plot_dissipation, plain.flux_density, plain.dissipation):
        with pytest.raises(InputError, match="keep_potential=True"):
            call()


def test_fields_travel_to_paraview(chi_square, tmp_path) -> None:
    """The written file holds the potential and the labels, vectors included, voxel by voxel."""
    m = Microstructure(chi_square((6, 7, 8), 0.7), (1e-8, 2e-8, 3e-8))
    result = effective_conductivity(m, {"solid": 1.0}, keep_potential=True)
    path = tmp_path / "fields.vti"
    result.write_fields(path)
    heat = read_grey(path, spacing=m.spacing, dataset="dissipation [W/m3 per V2]")
    assert np.array_equal(heat.values, result.dissipation())
    labels = read_labels(path, spacing=m.spacing, dataset="labels")
    assert np.array_equal(labels.labels, m.labels)
    pyvista = pytest.importorskip("pyvista")
    mesh = pyvista.read(path)
    potential = mesh.cell_data["potential [V per V]"].reshape(8, 7, 6).T
    assert np.array_equal(potential, result.potential, equal_nan=True)
    vectors = mesh.cell_data["flux density [A/m2 per V]"].reshape(8, 7, 6, 3)
    assert np.array_equal(vectors.transpose(3, 2, 1, 0), result.flux_density())
    assert mesh.spacing == pytest.approx((0.01, 0.02, 0.03))
    with pytest.raises(InputError, match=r"\.vti"):
        result.write_fields(tmp_path / "fields.tif")
    with pytest.raises(InputError, match="shapes"):
        write_fields({"a": np.zeros((2, 3, 4)), "b": np.zeros((2, 3, 5))}, 1e-8, path)
