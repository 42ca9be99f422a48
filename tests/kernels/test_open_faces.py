"""Open faces, cut cells and what joins them, against their slow twins and planes."""

import numpy as np
import pytest
from scipy import ndimage

from vmt.kernels import reference_level_set as twins
from vmt.kernels.field_anywhere import fill_level, phases, spread_first_axis
from vmt.kernels.gaussian_field import draw_noise, mode_places
from vmt.kernels.multigrid._solve_faces import solve_faces
from vmt.kernels.open_faces import (
    cell_shares,
    centers_to_corners,
    open_faces,
    percolating_cells,
)


def faces_of(values: np.ndarray, smallest: float = 0.0) -> tuple[np.ndarray, ...]:
    nx, ny, nz = (n - 1 for n in values.shape)
    shapes = ((nx + 1, ny, nz), (nx, ny + 1, nz), (nx, ny, nz + 1))
    faces = tuple(np.full(shape, np.nan, np.float32) for shape in shapes)
    open_faces(values, *faces, smallest)
    return faces


def kept_of(faces: tuple[np.ndarray, ...], periodic: bool) -> np.ndarray:
    shape = (faces[0].shape[0] - 1, faces[1].shape[1] - 1, faces[2].shape[2] - 1)
    kept = np.full(shape, 9, np.uint8)
    wrap = (periodic and shape[1] > 1, periodic and shape[2] > 1)
    parent = np.empty(kept.size, np.int32)
    count = percolating_cells(*faces, parent, kept, *wrap)
    assert count == kept.sum()
    return kept


def noise(shape: tuple[int, int, int], seed: int, smooth: float = 0.8) -> np.ndarray:
    random = np.random.default_rng(seed).standard_normal(shape)
    return ndimage.gaussian_filter(random, smooth).astype(np.float32)


def test_open_faces_are_polygons() -> None:
    """Every face of rough noise, saddles and exact zeros included, is the twin's polygon."""
    values = np.random.default_rng(1).standard_normal((7, 6, 5)).astype(np.float32)
    values[np.random.default_rng(2).random(values.shape) < 0.1] = 0.0
    ax, ay, az = faces_of(values)
    for faces, axes in ((ax, (1, 2)), (ay, (0, 2)), (az, (0, 1))):
        for index in np.ndindex(faces.shape):
            a, b = (np.eye(3, dtype=int)[axis] for axis in axes)
            corners = [tuple(np.array(index) + step) for step in (0 * a, a, a + b, b)]
            expected = twins.square_share(np.array([values[c] for c in corners], np.float64))
            assert faces[index] == pytest.approx(expected, abs=1e-6)


def test_open_faces_of_the_complement_are_what_is_left() -> None:
    """Inside and outside share every face without gap or overlap."""
    values = np.random.default_rng(3).standard_normal((9, 9, 9)).astype(np.float32)
    for inside, outside in zip(faces_of(values), faces_of(-values), strict=True):
        np.testing.assert_allclose(inside + outside, 1.0, atol=1e-6)


def test_small_faces_are_closed() -> None:
    """Faces below the limit become exactly 0, the others stay."""
    values = noise((12, 12, 12), 4)
    for whole, cut in zip(faces_of(values), faces_of(values, 0.2), strict=True):
        np.testing.assert_array_equal(cut, np.where(whole >= np.float32(0.2), whole, 0))
        assert np.any((whole > 0) & (cut == 0))


def test_cut_cells_are_hulls_of_tetrahedra() -> None:
    """The share of random cells is that of 24 tetrahedra cut as convex hulls."""
    values = np.random.default_rng(5).standard_normal((4, 4, 4)).astype(np.float32)
    mean, shares = cell_shares(values, keep=True)
    assert mean == pytest.approx(shares.mean(dtype=float), abs=1e-6)
    for i, j, k in np.ndindex(shares.shape):
        block = values[i : i + 2, j : j + 2, k : k + 2].astype(float)
        assert shares[i, j, k] == pytest.approx(twins.cell_share(block), abs=1e-5)


def test_planes_are_exact() -> None:
    """A tilted plane cuts cells and faces exactly: volumes and mean areas in closed form."""
    x, y, z = np.meshgrid(*[np.arange(11.0)] * 3, indexing="ij")
    values = (0.3 * (x - 5) + 0.2 * (y - 5) + 0.1 * (z - 5)).astype(np.float32)
    assert cell_shares(values)[0] == pytest.approx(0.5, abs=1e-6)  # the plane halves the box
    assert faces_of(values)[0][5].mean(dtype=float) == pytest.approx(0.5, abs=1e-6)
    # x − 2.25 ≤ 0: a plane between the corners
    slab = (x - 2.25).astype(np.float32)
    ax, ay, _ = faces_of(slab)
    assert cell_shares(slab)[0] == pytest.approx(0.225, abs=1e-6)
    assert ay[2, 3, 4] == pytest.approx(0.25)
    assert ax[2, 3, 4] == 1
    assert ax[3, 3, 4] == 0


@pytest.mark.parametrize("continued", [True, False])
def test_centers_go_to_corners(continued: bool) -> None:
    """Linear fields are kept up to the faces of the box if continued, and mirrored if not."""
    x, y, z = np.meshgrid(*[np.arange(5) + 0.5] * 3, indexing="ij")
    corners = centers_to_corners((x + 2 * y - z).astype(np.float32), continued=continued)
    u, v, w = np.meshgrid(*[np.arange(6.0)] * 3, indexing="ij")
    np.testing.assert_allclose(corners[1:-1, 1:-1, 1:-1], (u + 2 * v - w)[1:-1, 1:-1, 1:-1])
    at_edge = u + 2 * v - w if continued else u.clip(0.5, 4.5) + 2 * v.clip(0.5, 4.5) - w.clip(0.5, 4.5)  # fmt: skip # noqa: E501
    np.testing.assert_allclose(corners, at_edge, atol=1e-5)


SHAPES = [(9, 8, 7), (6, 9, 10), (5, 1, 8), (1, 6, 5), (8, 2, 3)]


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_percolating_cells_are_clusters(shape, periodic: bool) -> None:
    """The union-find over open faces keeps the clusters of a graph that touch both ends."""
    for seed in range(6):
        corners = [n + 1 for n in shape]
        faces = faces_of(noise(corners, seed) - np.float32(0.1), 0.05)
        expected = twins.percolating_direct(*faces, periodic=periodic)
        np.testing.assert_array_equal(kept_of(faces, periodic) > 0, expected)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
def test_cut_cells_conduct_as_the_direct_solve(shape, periodic: bool) -> None:
    """Multigrid on cut cells gives the sparse direct solve, for cells of three edges."""
    spacing = (1.0, 1.5, 0.7)
    for seed in range(3):
        faces = faces_of(noise([n + 1 for n in shape], seed) - np.float32(0.15), 1e-3)
        kept = kept_of(faces, periodic)
        if not kept.any():
            continue
        found = solve_faces(*faces, kept, 2.0, spacing, periodic=periodic, rtol=1e-10)
        expected = 2.0 * twins.faces_direct(*faces, spacing, periodic=periodic)
        assert found.effective_conductivity == pytest.approx(expected, rel=1e-6)
        assert np.ptp(found.fluxes) < 1e-3 * expected


def test_fields_between_voxels_are_sums_of_waves() -> None:
    """Phases and planes give the sum of all modes, wave by wave, at any place."""
    lengths, cutoff = (12, 10, 9), (3, 2, 4)
    rng = np.random.default_rng(0)
    amplitude = rng.random([m + 1 for m in cutoff]).astype(np.float32)
    seeds = [np.random.SeedSequence(n) for n in (3, 4)]
    drawn = [draw_noise(amplitude, lengths, cutoff, seed) for seed in seeds]
    places = [np.array([-0.5, 0.25, 3.0, 7.1]), np.array([0.0, 2.5]), np.array([1.0, 8.4, 20.0])]
    matrices = [phases(n, m, p) for n, m, p in zip(lengths, cutoff, places, strict=True)]
    waves = []
    for n, m in zip(lengths, cutoff, strict=True):
        wave = mode_places(n, m)
        waves.append(np.where(wave > n // 2, wave - n, wave))
    first, second = (twins.field_at(d.astype(complex), waves, lengths, places) for d in drawn)
    pairs = [spread_first_axis(matrices[0], d) for d in drawn]
    values = np.empty(first.shape, np.float32)
    fill_level(pairs, 3, (matrices[1], matrices[2]), 1.5, values, squared=True)
    expected = 1.5 - first.real**2 - first.imag**2 - second.real**2
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-4)
    fill_level(pairs[:1], 1, (matrices[1], matrices[2]), 1.5, values, squared=False, workers=2)
    np.testing.assert_allclose(values, 1.5 - first.real, rtol=1e-4, atol=1e-4)
