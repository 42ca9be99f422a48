"""Surface, interface and Euler number against shapes with known answers."""

import math

import numpy as np
import pytest

from vmt.descriptors import (
    euler_number_density,
    interface_area,
    specific_surface_area,
    volume_fraction,
)
from vmt.errors import InputError
from vmt.kernels.surface import direction_weights
from vmt.microstructure import Microstructure


def ball(n, radius, spacing=(1.0, 1.0, 1.0)):
    """Ball in the middle of a window of n³ voxels, by voxel centers."""
    axes = [(np.arange(n) - (n - 1) / 2) * h for h in spacing]
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    return x**2 + y**2 + z**2 < radius**2


def test_weights_are_the_published_ones():
    """Cubic voxels give the tabulated weights, and the sphere is covered once."""
    directions, weights = direction_weights((2e-8, 2e-8, 2e-8))
    kind = abs(directions).sum(axis=1)
    np.testing.assert_allclose(weights[kind == 1], 0.045778, atol=1e-6)
    np.testing.assert_allclose(weights[kind == 2], 0.036981, atol=1e-6)
    np.testing.assert_allclose(weights[kind == 3], 0.035196, atol=1e-6)
    assert 2 * weights.sum() == pytest.approx(1, abs=1e-12)


def test_anisotropic_weights_are_shares_of_random_directions():
    """Weights of flat voxels are the shares of random directions that are nearest to each."""
    spacing = (1.0, 1.0, 2.5)
    directions, weights = direction_weights(spacing)
    unit = directions * spacing / np.linalg.norm(directions * spacing, axis=1)[:, None]
    points = np.random.default_rng(0).standard_normal((200_000, 3))
    nearest = np.abs(points @ unit.T).argmax(axis=1)
    shares = np.bincount(nearest, minlength=13) / len(points)
    sigma = np.sqrt(2 * weights / len(points))
    assert (np.abs(shares - 2 * weights) < 5 * sigma).all()


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.0, 1.0, 1.5)])
def test_sphere(spacing):
    """A ball of 20 voxels has its volume to 1 % and its surface to 2 %, flat voxels too."""
    n, radius = 60, 20.0
    m = Microstructure(ball(n, radius, spacing), spacing)
    volume = math.prod(m.size)
    assert volume_fraction(m, 1) * volume == pytest.approx(4 / 3 * math.pi * radius**3, rel=0.01)
    assert specific_surface_area(m, 1) * volume == pytest.approx(
        4 * math.pi * radius**2,
        rel=0.06,  # pairs per direction: the window has a margin only
    )


def test_surface_does_not_depend_on_the_direction_of_a_plane():
    """Half spaces in 40 random directions have the same area within the weights' known spread."""
    rng = np.random.default_rng(2)
    n = 48
    grid = np.stack(np.meshgrid(*[np.arange(n) - (n - 1) / 2] * 3, indexing="ij"), axis=-1)
    found = []
    for _ in range(40):
        normal = rng.standard_normal(3)
        normal /= np.linalg.norm(normal)
        # many parallel planes, so that the window's edge does not matter: period 12 voxels
        layers = np.floor((grid @ normal + rng.uniform(0, 12)) / 6).astype(int) % 2
        found.append(specific_surface_area(Microstructure(layers.astype(np.uint8), 1.0), 1) * 6)
    assert np.mean(found) == pytest.approx(1, abs=0.03)
    assert np.std(found) < 0.06


def test_expectation_on_an_excursion_set(excursion, f850):
    """The estimate lies within sampling error of the model's exact discrete expectation."""
    p, rate = excursion.SAMPLES["F850"]
    expected = excursion.expected_surface(p, rate, 1e-8)
    # Table A.3: σ = 1.5e4 1/m at (400 voxels of 15 nm)³ scales with the root of the volume
    sigma = 1.5e4 * (4.0**3 / 1.0**3) ** 0.5
    assert specific_surface_area(f850, 1) == pytest.approx(expected, abs=3.5 * sigma)


def test_scales_with_spacing(f850):
    """Twice the voxel halves the surface per volume."""
    larger = Microstructure(f850.labels, 2e-8)
    assert specific_surface_area(larger, 1) == pytest.approx(specific_surface_area(f850, 1) / 2)


def test_flips_and_permutations_change_nothing():
    """Surface and Euler number of flipped and turned structures are the same numbers."""
    labels = np.random.default_rng(0).integers(0, 2, (9, 11, 13)).astype(np.uint8)
    m = Microstructure(labels, (1.0, 2.0, 3.0))
    turned = Microstructure(labels.transpose(2, 0, 1)[::-1], (3.0, 1.0, 2.0))
    assert specific_surface_area(turned, 1) == pytest.approx(specific_surface_area(m, 1))
    assert euler_number_density(turned, 1) == pytest.approx(euler_number_density(m, 1))


def test_interfaces_add_up_to_surfaces():
    """A phase's surface is the sum of its interfaces; layers have only the interfaces they have."""
    labels = np.random.default_rng(0).integers(0, 3, (12, 12, 12)).astype(np.uint8)
    m = Microstructure(labels, 1e-8)
    total = interface_area(m, 0, 1) + interface_area(m, 0, 2)
    assert specific_surface_area(m, 0) == pytest.approx(total)
    assert interface_area(m, 0, 1) == interface_area(m, 1, 0)
    layers = Microstructure(np.repeat([0, 1, 2], 10)[:, None, None] * np.ones((1, 9, 9), int), 1.0)
    assert interface_area(layers, 0, 2) == 0
    assert interface_area(layers, 0, 1) > 0


def test_perimeter_in_the_plane():
    """A disk (nx, ny, 1) has its perimeter per area; the axis left out does not matter."""
    n, radius = 200, 60.0
    x = np.arange(n) - (n - 1) / 2
    disk = x[:, None] ** 2 + x**2 < radius**2
    for axis in range(3):
        m = Microstructure(np.expand_dims(disk, axis), 1e-8)
        area = (n * 1e-8) ** 2
        perimeter = specific_surface_area(m, 1) * area
        assert perimeter == pytest.approx(2 * math.pi * radius * 1e-8, rel=0.03)
        assert euler_number_density(m, 1) * ((n - 1) * 1e-8) ** 2 == pytest.approx(1)


def shapes():
    """Sets of known Euler number, for 26 and for 6 neighbors."""
    n = 32
    x = np.arange(n) - (n - 1) / 2
    x, y, z = np.meshgrid(x, x, x, indexing="ij", sparse=True)
    r = np.sqrt(x**2 + y**2 + z**2)
    torus = (np.sqrt(x**2 + y**2) - 9) ** 2 + z**2 < 16
    two = ((x - 8) ** 2 + y**2 + z**2 < 25) | ((x + 8) ** 2 + y**2 + z**2 < 25)

    def voxels(*places):
        made = np.zeros((7, 7, 7), bool)
        made[tuple(np.array(places).T)] = True
        return made

    cube = np.zeros((7, 7, 7), bool)
    cube[2:5, 2:5, 2:5] = True
    leak = cube.copy()
    leak[3, 3, 3] = leak[2, 2, 3] = False  # the hole meets the outside in an edge
    hollow, ring = cube.copy(), cube.copy()
    hollow[3, 3, 3] = False
    ring[3, 3, :] = False
    return [
        ("ball", r < 12, 1, 1),
        ("torus", torus, 0, 0),
        ("two balls", two, 2, 2),
        ("hollow ball", (r < 12) & (r > 6), 2, 2),
        ("voxel", voxels((3, 3, 3)), 1, 1),
        ("two that share a face", voxels((3, 3, 3), (3, 3, 4)), 1, 1),
        ("two that share an edge", voxels((3, 3, 3), (3, 4, 4)), 1, 2),
        ("two that share a corner", voxels((3, 3, 3), (4, 4, 4)), 1, 2),
        ("two apart", voxels((3, 3, 2), (3, 3, 4)), 2, 2),
        ("cube with a hole", hollow, 2, 2),
        ("cube with a hole that leaks by an edge", leak, 2, 1),
        ("ring of eight", ring, 0, 0),
    ]


@pytest.mark.parametrize(("name", "mask", "closed", "open_"), shapes())
def test_euler_number(name, mask, closed, open_):
    """Pieces − tunnels + holes: ball 1, torus 0, two or hollow balls 2; contacts by neighborhood.

    With 26 neighbors an edge or a corner joins the phase and parts its holes, with 6 the reverse.
    """
    m = Microstructure(mask, 1e-8)
    volume = math.prod((n - 1) * 1e-8 for n in m.shape)
    found = [euler_number_density(m, 1, neighbors=n) * volume for n in (26, 6)]
    assert found == pytest.approx([closed, open_], abs=1e-9), name
    # the background is seen with the other neighborhood; its outer part is a ball less the phase
    rest = [euler_number_density(m, 0, neighbors=n) * volume for n in (6, 26)]
    assert rest == pytest.approx(found, abs=1e-9), name


def test_undefined_cases_say_so():
    """One voxel has no surface, and a phase no interface with itself."""
    with pytest.raises(InputError, match="single voxel"):
        specific_surface_area(Microstructure(np.ones((1, 1, 1), np.uint8), 1.0), 1)
    m = Microstructure(np.ones((3, 3, 3), np.uint8), 1.0)
    with pytest.raises(InputError, match="itself"):
        interface_area(m, 1, 1)
    assert specific_surface_area(m, 1) == 0
