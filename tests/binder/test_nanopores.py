"""Pores inside the binder: porosity, diameters, connection."""

import math

import numpy as np
import pytest

from vmt.binder import add_binder, add_nanopores, nanoporous_binder
from vmt.calibration import binder_transport
from vmt.errors import InputError
from vmt.kernels.cylinders import cover_with_cylinders, random_lines
from vmt.phantoms import random_spheres


def test_block():
    """Porosity to one voxel, Gaussian diameters above the smallest, one connected network."""
    made = nanoporous_binder((60, 60, 60), 20e-9, rng=2)
    assert made.structure.volume_fraction("nanopore") == pytest.approx(0.502, abs=1 / 60**3)
    drawn = made.diameters[:-1]
    assert drawn.min() >= 20e-9
    assert drawn.mean() == pytest.approx(100e-9, abs=4 * 30e-9 / math.sqrt(drawn.size))
    assert drawn.std() == pytest.approx(30e-9, rel=0.2)
    assert made.connected_share > 0.99
    again = nanoporous_binder((60, 60, 60), 20e-9, rng=2)
    assert np.array_equal(again.structure.labels, made.structure.labels)


def test_refined_binder_of_a_structure():
    """On a refined grid only binder becomes porous, and half of it."""
    spheres = random_spheres((14, 14, 14), 0.4e-6, radius=1.1e-6, volume_fraction=0.4, rng=1)
    placed = add_binder(spheres.structure, volume_fraction=0.2).structure
    made = add_nanopores(
        placed, refinement=4, diameter=0.3e-6, diameter_spread=0.05e-6, porosity=0.502, rng=1
    )
    fine = np.kron(placed.labels, np.ones((4, 4, 4), np.uint8))
    pores = made.structure.mask("nanopore")
    assert made.structure.spacing == pytest.approx((1e-7,) * 3)
    assert not (pores & (fine != placed.phases["carbon_binder_domain"])).any()
    whole = np.count_nonzero(fine == placed.phases["carbon_binder_domain"])
    assert np.count_nonzero(pores) == round(0.502 * whole)


def test_cylinder_has_its_volume():
    """An oblique cylinder covers what π r² times its length says."""
    state = np.ones((60, 60, 60), np.uint8)
    way = np.array([[0.3, 0.4, math.sqrt(0.75)]])
    point = np.array([[30.0, 30.0, 30.0]])
    cover_with_cylinders(state, np.ones(3), point, way, np.array([6.0]), state.size)
    inside = np.argwhere(state == 2) + 0.5 - point[0]
    along = inside @ way[0]
    middle = np.abs(along) < 15
    assert np.count_nonzero(middle) == pytest.approx(math.pi * 36 * 30, rel=0.02)
    apart = np.linalg.norm(inside - along[:, None] * way[0], axis=1)
    assert apart.max() <= 6


def test_lines_are_isotropic():
    """The mean of the squared direction cosines is a third along each axis."""
    _, ways = random_lines(20000, np.ones(3), np.random.default_rng(0))
    assert np.allclose((ways**2).mean(axis=0), 1 / 3, atol=0.01)


def test_transport_inside():
    """γ lies between zero and the porosity; its tortuosity factor is porosity over γ."""
    made = nanoporous_binder((40, 40, 40), 25e-9, rng=1)
    found = binder_transport(made)
    assert 0.05 < found.gamma < 0.502
    assert found.tortuosity_factor == pytest.approx(found.porosity / found.gamma)
    assert found.to_dict()["gamma"] == found.gamma


def test_bad_numbers():
    """No binder, and diameters below a voxel, are refused."""
    with pytest.raises(InputError, match="raise refinement"):
        nanoporous_binder((10, 10, 10), 1e-6, rng=1)
    spheres = random_spheres((20, 20, 20), 1e-6, radius=3e-6, volume_fraction=0.3, rng=1).structure
    with pytest.raises(InputError, match="carbon_binder_domain"):
        add_nanopores(spheres, rng=1)
