"""A seed names a structure: its voxels and its level sets, on any grid, are the same."""

import numpy as np
import pytest

from vmt.errors import InputError, MemoryBudgetError, VmtWarning
from vmt.models import ChiSquareExcursionSet, Covariance, GaussianExcursionSet

SMOOTH = Covariance.gaussian(rate=1.2e7)  # 8 voxels of 10 nm
TURN = np.array([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
MODELS = {
    "chi2": ChiSquareExcursionSet(SMOOTH, 0.46),
    "chi3": ChiSquareExcursionSet(SMOOTH, 0.6, degrees_of_freedom=3, phase="a", background="b"),
    "gauss": GaussianExcursionSet(SMOOTH, 0.3),
    "anisotropic": GaussianExcursionSet(SMOOTH.anisotropic((1.0, 0.5, 0.75)), 0.5),
}


@pytest.mark.filterwarnings("ignore::vmt.errors.VmtWarning")
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("name", MODELS)
def test_voxels_are_signs_at_their_centers(name: str, periodic: bool) -> None:
    """`sample` is the sign of the level set at the centers of its voxels, but for float ties."""
    model, shape, spacing = MODELS[name], (30, 28, 33), (10e-9, 12e-9, 9e-9)
    voxels = model.sample(shape, spacing, rng=3, periodic=periodic)
    level_set = model.sample_level_set(shape, spacing, rng=3, periodic=periodic, at="centers")
    assert level_set.spacing == voxels.spacing
    differ = level_set.to_microstructure().labels != voxels.labels
    assert np.abs(level_set.values[differ]).max(initial=0.0) < 1e-4
    assert differ.mean() < 1e-4
    assert dict(level_set.phases) == dict(voxels.phases)


@pytest.mark.parametrize("name", MODELS)
def test_finer_grids_hold_the_same_function(name: str) -> None:
    """Centers are corners of a grid twice as fine, corners stay corners: the same values."""
    model, shape = MODELS[name], (16, 18, 12)
    coarse = model.sample_level_set(shape, 10e-9, rng=5)
    centers = model.sample_level_set(shape, 10e-9, rng=5, at="centers")
    fine = model.sample_level_set(shape, 10e-9, rng=5, grid=[2 * n for n in shape])
    assert fine.shape == (32, 36, 24)
    assert fine.spacing == pytest.approx((5e-9,) * 3)
    assert fine.size == pytest.approx(coarse.size)
    np.testing.assert_allclose(fine.values[::2, ::2, ::2], coarse.values, atol=2e-5)
    np.testing.assert_allclose(fine.values[1::2, 1::2, 1::2], centers.values, atol=2e-5)
    third = model.sample_level_set(shape, 10e-9, rng=5, grid=(8, 6, 4))
    np.testing.assert_allclose(third.values, coarse.values[::2, ::3, ::3], atol=2e-5)


def test_periodic_corners_close() -> None:
    """Opposite faces of a periodic box carry the same values."""
    made = MODELS["chi2"].sample_level_set((30, 32, 34), 10e-9, rng=1, periodic=True)
    for axis in range(3):
        first, last = (np.take(made.values, n, axis) for n in (0, -1))
        np.testing.assert_allclose(first, last, atol=2e-5)


def test_generators_move_on_and_workers_change_nothing() -> None:
    """A generator gives another structure each time, and the same as `sample` would get."""
    model, rng = MODELS["chi2"], np.random.default_rng(7)
    first = model.sample_level_set((12, 12, 12), 10e-9, rng=rng, at="centers")
    second = model.sample_level_set((12, 12, 12), 10e-9, rng=rng, at="centers", workers=2)
    rng = np.random.default_rng(7)
    voxels = [model.sample((12, 12, 12), 10e-9, rng=rng) for _ in range(2)]
    for made, expected in zip((first, second), voxels, strict=True):
        np.testing.assert_array_equal(made.to_microstructure().labels, expected.labels)
    assert not np.array_equal(first.values, second.values)


def test_volume_fraction_is_closer_than_point_counts() -> None:
    """The cut volume of a coarse grid agrees with that of a fine one better than its voxels do."""
    model = ChiSquareExcursionSet(Covariance.gaussian(rate=2e7), 0.46)
    fine = model.sample_level_set((40,) * 3, 10e-9, rng=2, grid=(120,) * 3).volume_fraction("solid")
    cut = model.sample_level_set((40,) * 3, 10e-9, rng=2).volume_fraction("solid")
    assert cut == pytest.approx(fine, abs=3e-3)


def test_rough_fields_have_no_between() -> None:
    """A field with waves below the voxel is refused between the centers and given at them."""
    rough = GaussianExcursionSet(Covariance.exponential(rate=2e8), 0.4)
    with pytest.raises(InputError, match="rough"):
        rough.sample_level_set((16, 16, 16), 10e-9, rng=0, periodic=True)
    made = rough.sample_level_set((16, 16, 16), 10e-9, rng=0, periodic=True, at="centers")
    voxels = rough.sample((16, 16, 16), 10e-9, rng=0, periodic=True)
    assert np.mean(made.to_microstructure().labels != voxels.labels) < 1e-3
    with pytest.raises(InputError, match="finer spacing"):
        MODELS["chi2"].sample_level_set((16, 16, 16), 100e-9, rng=0)


@pytest.mark.filterwarnings("ignore::vmt.errors.VmtWarning")
def test_flat_boxes_and_turned_covariances() -> None:
    """One voxel along an axis gives two equal planes of corners; rotated spectra work too."""
    turned = SMOOTH.anisotropic((1.0, 0.5, 0.75), TURN)
    model = GaussianExcursionSet(turned, 0.4)
    made = model.sample_level_set((14, 12, 1), 10e-9, rng=0)
    np.testing.assert_array_equal(made.values[..., 0], made.values[..., 1])
    centers = model.sample_level_set((14, 12, 1), 10e-9, rng=0, at="centers")
    voxels = model.sample((14, 12, 1), 10e-9, rng=0)
    np.testing.assert_array_equal(centers.to_microstructure().labels, voxels.labels)


def test_what_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Grids, places, seeds and sizes that can't be used are refused; bad embeddings warn."""
    model, shape = MODELS["chi2"], (8, 8, 8)
    for options, match in (
        ({"grid": (4, 4)}, "grid"),
        ({"grid": (4, 4, 0)}, "grid"),
        ({"at": "faces"}, "corners"),
        ({"rng": -1}, "rng"),
        ({"workers": 0}, "workers"),
    ):
        with pytest.raises(InputError, match=match):
            model.sample_level_set(shape, 10e-9, **{"rng": 0, **options})
    monkeypatch.setenv("VMT_MEMORY_LIMIT", "20MiB")
    with pytest.raises(MemoryBudgetError, match="level set"):
        model.sample_level_set(shape, 10e-9, rng=0, grid=(400, 400, 400))
    monkeypatch.delenv("VMT_MEMORY_LIMIT")
    long = GaussianExcursionSet(Covariance.gaussian(rate=1e6), 0.4)
    with pytest.warns(VmtWarning, match="off by up"):
        long.sample_level_set(shape, 10e-9, rng=0, periodic=True)
