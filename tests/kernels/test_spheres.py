"""Spheres as voxels: the fast kernel and its twin agree; pushing keeps what it should."""

import numpy as np
import pytest

from vmt.kernels import reference_spheres
from vmt.kernels.spheres import place_spheres, separate_spheres, voxelize_spheres


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_voxels_agree_with_the_twin(periodic, seed):
    """Random spheres, some beyond the faces, in boxes with anisotropic voxels."""
    rng = np.random.default_rng(seed)
    shape, spacing = (9, 7, 11), (1.0, 1.5, 0.7)
    size = np.multiply(shape, spacing)
    centers = (rng.random((6, 3)) * 1.2 - 0.1) * size
    radii = rng.uniform(0.5, 2.5, 6)
    fast = voxelize_spheres(shape, spacing, centers, radii, periodic=periodic)
    slow = reference_spheres.voxelize_spheres(shape, spacing, centers, radii, periodic=periodic)
    np.testing.assert_array_equal(fast, slow)
    assert 0 < fast.mean() < 1


def test_dilute_spheres_are_placed_without_overlap():
    """Where there is room, random sequential adsorption alone leaves nothing to push."""
    radii, size = np.full(20, 1.0), np.full(3, 20.0)
    centers = place_spheres(radii, size, True, np.random.default_rng(0))
    moved = separate_spheres(centers, radii, size, True, 1)
    np.testing.assert_allclose(moved, centers)


def test_a_pair_separates_along_its_line():
    """Two overlapping spheres move by the same distance in opposite directions."""
    centers = np.array([[4.5, 5.0, 5.0], [5.5, 5.0, 5.0]])
    moved = separate_spheres(centers, np.ones(2), np.full(3, 10.0), True, 1000)
    np.testing.assert_allclose(moved.mean(axis=0), [5, 5, 5])
    assert 2 <= moved[1, 0] - moved[0, 0] < 2.01
    np.testing.assert_array_equal(centers[0], [4.5, 5.0, 5.0])


def test_pairs_across_the_boundary_are_seen():
    """In a periodic box spheres at opposite faces push each other, in a closed one they don't."""
    centers = np.array([[1.0, 5.0, 5.0], [9.5, 5.0, 5.0]])
    radii, size = np.full(2, 0.9), np.full(3, 10.0)
    moved = separate_spheres(centers, radii, size, True, 1000)
    assert abs(moved[1, 0] - moved[0, 0]) <= 10 - 1.8
    moved = separate_spheres(centers, np.full(2, 0.4), size, False, 10)
    np.testing.assert_allclose(moved, centers)
