"""Two conducting phases: cut cells and voxels against layers, spheres and finer grids."""

import math

import numpy as np
import pytest
from scipy import ndimage

from vmt.errors import InputError
from vmt.kernels import reference_level_set as twins
from vmt.kernels.open_faces import open_faces
from vmt.kernels.two_phase_faces import two_phase_faces
from vmt.microstructure import LevelSet, Microstructure
from vmt.models import ChiSquareExcursionSet, Covariance
from vmt.phantoms import SIMPLE_CUBIC
from vmt.transport import effective_conductivity, effective_conductivity_tensor, wiener_bounds

PERFECT = 1e6  # over the matrix: 3e-6 from infinity


def sangani_acrivos(f: float, ratio: float) -> float:
    """Simple cubic array of spheres of volume fraction f, conductivity over the matrix's.

    Sangani & Acrivos 1983, Proc. R. Soc. A 386, 263; good to 1e-4 up to f = 0.3.
    """
    a, b, c, d, e = ((ratio - 1) / (ratio + (k + 1) / k) for k in (1, 3, 5, 7, 9))
    two = 1.3047 * b * f ** (10 / 3) * (1 + 0.2305 * c * f ** (11 / 3))
    series = f + two / (1 - 0.4054 * b * f ** (7 / 3))
    series += 0.07231 * c * f ** (14 / 3) + 0.1526 * d * f**6 + 0.0105 * e * f ** (22 / 3)
    return 1 - 3 * f / (series - 1 / a)


def eighth(cells: int, f: float) -> LevelSet:
    """An eighth of the unit cell of the array, by the distance at the corners."""
    x = 0.5 * np.arange(cells + 1) / cells
    radius = (3 * f / (4 * np.pi)) ** (1 / 3)
    distance = np.sqrt(x[:, None, None] ** 2 + x[:, None] ** 2 + x**2) - radius
    return LevelSet(distance, 0.5e-6 / cells)


def conduct(structure, solid: float, pore: float, **options) -> float:
    given = {"solid": solid, "pore": pore}
    return effective_conductivity(
        structure, given, **{"rtol": 1e-7, **options}
    ).effective_conductivity


@pytest.mark.parametrize("f", [0.1, 0.2, 0.3])
def test_conducting_spheres_are_second_order(f: float) -> None:
    """Within 0.4 % at 24 cells per half lattice cell, order at least 1.7 (Sangani & Acrivos)."""
    exact = SIMPLE_CUBIC[f][1]
    errors = [abs(conduct(eighth(n, f), PERFECT, 1.0) / exact - 1) for n in (6, 12, 24)]
    assert errors[2] < 0.004
    assert math.log2(errors[0] / errors[1]) > 1.7
    assert math.log2(errors[1] / errors[2]) > 1.7


@pytest.mark.parametrize("f", [0.1, 0.2, 0.3])
def test_conducting_spheres_by_voxels(f: float) -> None:
    """Harmonic faces on in/out voxels: within 1.5 % at 48 voxels per lattice cell."""
    x = (np.arange(48) + 0.5) / 48 - 0.5
    radius = (3 * f / (4 * np.pi)) ** (1 / 3)
    inside = x[:, None, None] ** 2 + x[:, None] ** 2 + x**2 <= radius**2
    m = Microstructure(inside.astype(np.uint8), 1e-6 / 48)
    assert conduct(m, PERFECT, 1.0) == pytest.approx(SIMPLE_CUBIC[f][1], rel=0.015)


@pytest.mark.parametrize("f", [0.1, 0.3])
@pytest.mark.parametrize("ratio", [100.0, 10.0, 3.0, 0.3, 0.1, 0.01])
def test_spheres_of_any_contrast(f: float, ratio: float) -> None:
    """Within 0.4 % at 24 cells per half lattice cell, and twice as good on twice the cells."""
    exact = sangani_acrivos(f, ratio)
    errors = [abs(conduct(eighth(n, f), ratio, 1.0) / exact - 1) for n in (6, 12, 24)]
    assert errors[2] < 0.004
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_the_closed_form_is_that_of_the_table() -> None:
    """The truncated series gives the table's insulating and perfectly conducting spheres."""
    for f in (0.1, 0.2, 0.3):
        assert sangani_acrivos(f, 0.0) == pytest.approx(SIMPLE_CUBIC[f][0], rel=1e-4)
        assert sangani_acrivos(f, 1e12) == pytest.approx(SIMPLE_CUBIC[f][1], rel=2e-4)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("sides", ["closed", "periodic"])
def test_layers_anywhere_between_the_corners_are_exact(axis: int, sides: str) -> None:
    """Harmonic mean across and arithmetic mean along, wherever the walls cut the cells."""
    x = np.arange(13.0)
    profile = np.abs(x - 6.2) - 2.55
    place = [1, 1, 1]
    place[axis] = -1
    level_set = LevelSet(np.broadcast_to(profile.reshape(place), (13, 13, 13)).copy(), 1e-8)
    f = 5.1 / 12
    across = 1 / (f / 7.0 + (1 - f) / 0.2)
    assert conduct(level_set, 7.0, 0.2, axis=axis, sides=sides) == pytest.approx(across, rel=1e-6)
    along = 7.0 * f + 0.2 * (1 - f)
    other = (axis + 1) % 3
    assert conduct(level_set, 7.0, 0.2, axis=other, sides=sides) == pytest.approx(along, rel=1e-6)


@pytest.fixture(scope="module")
def chi_set() -> LevelSet:
    """A χ² set with a correlation length of four cells that repeats itself."""
    model = ChiSquareExcursionSet(Covariance.gaussian(rate=1.6e7), 0.5)
    return model.sample_level_set((22, 24, 26), 15e-9, rng=5, periodic=True)


def test_limits_of_the_contrast(chi_set) -> None:
    """Nothing in the pores: the cut cells of one phase. The same everywhere: a full box."""
    alone = effective_conductivity(chi_set, {"solid": 1.0}, rtol=1e-8).effective_conductivity
    assert conduct(chi_set, 1.0, 1e-8) == pytest.approx(alone, rel=1e-5)
    assert conduct(chi_set, 2.0, 2.0) == pytest.approx(2.0, rel=1e-6)
    assert conduct(chi_set, 3e4, 2e3) == pytest.approx(1e4 * conduct(chi_set, 3.0, 0.2), rel=1e-6)
    fractions = [chi_set.volume_fraction(p) for p in ("solid", "pore")]
    for solid, pore in ((1.0, 0.1), (0.01, 1.0)):
        low, high = wiener_bounds(fractions, [solid, pore])
        assert low < conduct(chi_set, solid, pore) < high


def test_names_axes_and_seams_do_not_matter(chi_set) -> None:
    """Phases swapped, axes turned, the way back, and the window moved across a joined side."""
    values = np.asarray(chi_set.values)
    expected = conduct(chi_set, 5.0, 0.5, axis=1, sides="periodic")
    swapped = LevelSet(-values, chi_set.spacing, inside="pore", outside="solid")
    # values at 0 are inside, and there are none
    assert conduct(swapped, 5.0, 0.5, axis=1, sides="periodic") == pytest.approx(expected, rel=1e-6)
    turned = LevelSet(values.transpose(1, 2, 0).copy(), chi_set.spacing)
    assert conduct(turned, 5.0, 0.5, sides="periodic") == pytest.approx(expected, rel=1e-6)
    back = LevelSet(values[:, ::-1].copy(), chi_set.spacing)
    assert conduct(back, 5.0, 0.5, axis=1, sides="periodic") == pytest.approx(expected, rel=1e-6)
    rolled = np.roll(values[:-1, :, :-1], (5, 11), (0, 2))
    moved = LevelSet(np.pad(rolled, [(0, 1), (0, 0), (0, 1)], mode="wrap"), chi_set.spacing)
    assert conduct(moved, 5.0, 0.5, axis=1, sides="periodic") == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("pore", [0.1, 1e-3])
def test_paper_structures_converge_faster_than_voxels(pore: float) -> None:
    """F850 with conducting pores: the cut cells of 10 nm are nearer to those of 5 nm."""
    model = ChiSquareExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)
    coarse, fine = (
        model.sample_level_set((48,) * 3, 10e-9, rng=4, grid=(n,) * 3) for n in (48, 96)
    )
    exact = conduct(fine, 1.0, pore, rtol=1e-5)
    voxels = conduct(coarse, 1.0, pore, rtol=1e-5, discretization="voxel") / exact - 1
    cut = conduct(coarse, 1.0, pore, rtol=1e-5) / exact - 1
    assert abs(cut) < 0.01
    assert voxels < -2 * abs(cut)
    segmented = coarse.to_microstructure()
    estimate = conduct(segmented, 1.0, pore, rtol=1e-5, discretization="level_set") / exact - 1
    assert abs(estimate) < abs(voxels)


def test_conductances_are_those_of_the_slow_twin() -> None:
    """Random corners and random clusters: each face as the rule written out."""
    rng = np.random.default_rng(1)
    for low in (0.3, 1e-5):
        values = ndimage.gaussian_filter(rng.standard_normal((7, 6, 8)), 0.7).astype(np.float32)
        shares = tuple(np.zeros(shape, np.float32) for shape in ((7, 5, 7), (6, 6, 7), (6, 5, 8)))
        open_faces(values, *shares, 1e-3)
        kept = (rng.random((6, 5, 7)) < 0.7).astype(np.uint8)
        expected = twins.two_phase_direct(values.astype(float), shares, kept, low)
        two_phase_faces(values, *shares, kept, low)
        for found, slow in zip(shares, expected, strict=True):
            assert found == pytest.approx(slow, rel=2e-5)


@pytest.mark.parametrize(("sides", "axis"), [("closed", 0), ("periodic", 1)])
def test_fluxes_of_two_phases_add_up(chi_set, sides, axis) -> None:
    """Mean flux and mean heat give the effective conductivity; lines of current run everywhere."""
    result = effective_conductivity(
        chi_set, {"solid": 3.0, "pore": 0.2}, axis=axis, sides=sides, rtol=1e-10,
        keep_potential=True,
    )  # fmt: skip
    length = chi_set.size[axis]
    assert result.m_factor is None
    assert not np.isnan(result.potential).any()
    flux = result.flux_density()[axis].mean() * length
    assert flux == pytest.approx(result.effective_conductivity, rel=1e-4)
    heat = result.dissipation().mean() * length**2
    assert heat == pytest.approx(result.effective_conductivity, rel=1e-4)
    assert len(result.streamlines(20)) >= 20


def periodic_tensor(structure, solid: float, pore: float) -> np.ndarray:
    given = {"solid": solid, "pore": pore}
    found = effective_conductivity_tensor(structure, given, sides="periodic", rtol=1e-9)
    return found.effective_conductivity


def test_tensor_of_two_phases(chi_set) -> None:
    """Spheres wherever they lie in their cell, a mirrored cell, tilted layers, limits."""
    x = (np.arange(25) / 24 + 0.3) % 1.0 - 0.5
    radius = (3 * 0.2 / (4 * np.pi)) ** (1 / 3)
    distance = np.sqrt(x[:, None, None] ** 2 + x[:, None] ** 2 + x**2) - radius
    found = periodic_tensor(LevelSet(distance, 1e-8), 10.0, 1.0)
    assert np.diag(found) == pytest.approx(np.full(3, sangani_acrivos(0.2, 10.0)), rel=0.01)
    assert np.abs(found - np.diag(np.diag(found))).max() < 0.01

    part = LevelSet(np.asarray(chi_set.values)[:11, :12, :13].copy(), chi_set.spacing)
    values = np.asarray(part.values)
    for axis in range(3):
        values = np.concatenate([values, np.delete(np.flip(values, axis), 0, axis)], axis)
    whole = periodic_tensor(LevelSet(values, part.spacing), 1.0, 0.05)
    closed = effective_conductivity_tensor(part, {"solid": 1.0, "pore": 0.05}, rtol=1e-9)
    # clusters that wind around the mirrored cell join both ends of its eighth, axis by axis
    assert np.diag(whole) == pytest.approx(np.diag(closed.effective_conductivity), rel=0.01)

    i, j, _ = np.indices((17, 17, 3))
    layers = LevelSet(np.abs(((i + j) / 16) % 1.0 - 0.5) - 0.25, 1e-8)
    harmonic, arithmetic = 1 / (0.5 / 5 + 0.5), 3.0
    exact = np.diag([(harmonic + arithmetic) / 2] * 2 + [arithmetic])
    exact[0, 1] = exact[1, 0] = (harmonic - arithmetic) / 2
    assert periodic_tensor(layers, 5.0, 1.0) == pytest.approx(exact, abs=1e-6)

    alone = effective_conductivity_tensor(chi_set, {"solid": 1.0}, sides="periodic", rtol=1e-9)
    faint = periodic_tensor(chi_set, 1.0, 1e-8)
    assert faint == pytest.approx(alone.effective_conductivity, abs=1e-5)
    assert periodic_tensor(chi_set, 2.0, 2.0) == pytest.approx(2 * np.eye(3), abs=1e-6)


def test_what_two_phases_refuse(chi_set) -> None:
    """Three phases and anisotropic ones: refused with a reason."""
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[2:4], labels[4:] = 1, 2
    three = Microstructure(labels, 1e-8, {"pore": 0, "solid": 1, "binder": 2})
    with pytest.raises(InputError, match="one conducting"):
        conduct(three, 1.0, 0.1, discretization="level_set")
    with pytest.raises(InputError, match="one conducting"):
        conduct(chi_set, 1.0, 0.1, discretization="fem")
    with pytest.raises(InputError, match="along the axes"):
        effective_conductivity(chi_set, {"solid": (1.0, 2.0, 1.0), "pore": 0.1})
    closed = effective_conductivity_tensor(chi_set, {"solid": 1.0, "pore": 0.1})
    assert closed.effective_conductivity[2, 2] == conduct(chi_set, 1.0, 0.1, axis=2, rtol=1e-4)
