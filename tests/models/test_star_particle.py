"""Star-shaped particles and their unions: closed forms, invariance, conservation."""

import json
import math
import pickle

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.special import elliprg

import vmt
from vmt.errors import InputError
from vmt.models import StarParticle, StarUnion

AXES = np.array([3e-6, 2e-6, 1.5e-6])


@pytest.fixture
def grain() -> StarParticle:
    rng = np.random.default_rng(1)
    c = np.concatenate([rng.normal(size=2 * n + 1) * 1e-6 / (1 + n) ** 2 for n in range(9)])
    c[0] = 3e-6 * math.sqrt(4 * math.pi)
    return StarParticle(np.array([1e-6, 2e-6, 3e-6]), c)


def test_ball_in_closed_form() -> None:
    """A ball has its volume, surface, diameter, sphericity 1, box, and no power above degree 0."""
    ball = StarParticle.from_sphere(2.5e-6, center=(1e-6, 0, 0))
    assert ball.volume == pytest.approx(4 / 3 * math.pi * 2.5e-6**3, rel=1e-13)
    assert ball.surface_area == pytest.approx(4 * math.pi * 2.5e-6**2, rel=1e-13)
    assert ball.equivalent_diameter == pytest.approx(5e-6, rel=1e-13)
    assert ball.sphericity == pytest.approx(1, rel=1e-13)
    assert ball.mean_radius == pytest.approx(2.5e-6)
    assert ball.power_spectrum().shape == (1,)
    low, high = ball.bounding_box
    np.testing.assert_allclose(low, [-1.5e-6, -2.5e-6, -2.5e-6], rtol=1e-6)
    np.testing.assert_allclose(high, [3.5e-6, 2.5e-6, 2.5e-6], rtol=1e-6)
    np.testing.assert_allclose(ball.signed_distance([[1e-6, 0, 4e-6]]), [1.5e-6], rtol=1e-12)


def test_ellipsoid_converges_exponentially() -> None:
    """Volume and surface of an ellipsoid gain a digit and more with four degrees each."""
    a, b, c = AXES
    volume = 4 / 3 * math.pi * a * b * c
    area = 4 * math.pi * elliprg((a * b) ** 2, (a * c) ** 2, (b * c) ** 2)
    errors = []
    for degree in (4, 8, 12, 16):
        made = StarParticle.from_ellipsoid(AXES, degree=degree)
        errors.append([abs(made.volume / volume - 1), abs(made.surface_area / area - 1)])
    assert (np.array(errors[:-1]) > 10 * np.array(errors[1:])).all()
    assert errors[-1][0] < 1e-9
    assert errors[-1][1] < 1e-6


def test_turning_keeps_shape_and_spectrum(grain: StarParticle) -> None:
    """A rotation moves points, not volume, surface or the power of any degree."""
    turn = Rotation.random(random_state=2).as_matrix()
    turned = grain.rotate(turn)
    np.testing.assert_allclose(turned.power_spectrum(), grain.power_spectrum(), rtol=1e-10)
    assert turned.volume == pytest.approx(grain.volume, rel=1e-12)
    assert turned.surface_area == pytest.approx(grain.surface_area, rel=1e-9)
    offsets = np.random.default_rng(3).normal(size=(50, 3)) * 4e-6
    np.testing.assert_allclose(
        turned.signed_distance(grain.center + offsets @ turn.T),
        grain.signed_distance(grain.center + offsets),
        atol=1e-18,
    )


def test_scaling_and_moving(grain: StarParticle) -> None:
    """A factor scales volume by its cube; a move changes the center only; the centroid follows."""
    twice = grain.scaled(2)
    assert twice.volume == pytest.approx(8 * grain.volume)
    assert twice.sphericity == pytest.approx(grain.sphericity)
    moved = grain.moved((0, 0, 0))
    np.testing.assert_allclose(grain.centroid - moved.centroid, grain.center, atol=1e-15)


def test_radius_by_angles() -> None:
    """Angles mean what they say: θ from the z axis, φ from x toward y."""
    grain = StarParticle.from_ellipsoid(AXES, degree=16)
    got = grain.radius([0, math.pi / 2, math.pi / 2], [0, 0, math.pi / 2])
    np.testing.assert_allclose(got, AXES[[2, 0, 1]], rtol=1e-4)


def test_voxels_and_level_set_converge_to_the_volume(grain: StarParticle) -> None:
    """Voxels and level set of one particle take its volume; the level set to second order."""
    union = StarUnion([grain.moved((5e-6,) * 3)], 10e-6)
    exact = grain.volume / 10e-6**3
    errors = []
    for n in (16, 32, 64):
        level = union.to_level_set((n,) * 3, 10e-6 / n)
        errors.append(abs(level.volume_fraction("solid") - exact))
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
    assert union.to_microstructure((64,) * 3, 10e-6 / 64).volume_fraction("solid") == pytest.approx(
        exact, rel=0.01
    )
    assert union.volume_fraction == pytest.approx(exact, rel=0.005)


def test_periodic_box_keeps_the_volume(grain: StarParticle) -> None:
    """What leaves a periodic box comes in opposite: the fraction does not depend on the place."""
    shape, size = (24, 24, 24), 12e-6
    counts = []
    for shift in ((6e-6,) * 3, (0.5e-6, 11e-6, 6e-6)):
        union = StarUnion([grain.moved(shift)], size, periodic=True)
        counts.append(union.to_microstructure(shape, size / 24).volume_fraction("solid"))
    assert counts[0] == pytest.approx(counts[1], rel=0.02)
    closed = StarUnion([grain.moved((0.5e-6, 11e-6, 6e-6))], size)
    assert closed.to_microstructure(shape, size / 24).volume_fraction("solid") < 0.6 * counts[0]


@pytest.mark.parametrize("periodic", [False, True])
def test_crop_is_the_same_set(grain: StarParticle, periodic: bool) -> None:
    """Voxels of a cropped box are those of the whole one there, images included."""
    rng = np.random.default_rng(4)
    particles = [grain.scaled(0.5).moved(p) for p in rng.uniform(0, 12e-6, (6, 3))]
    union = StarUnion(particles, 12e-6, periodic=periodic)
    whole = union.to_microstructure((24,) * 3, 0.5e-6).labels
    part = union.crop((2e-6, 3e-6, 4e-6), (6e-6, 5e-6, 4e-6))
    got = part.to_microstructure((12, 10, 8), 0.5e-6).labels
    np.testing.assert_array_equal(got, whole[4:16, 6:16, 8:16])


def test_labels_name_the_particle() -> None:
    """Each voxel has the number of the particle it lies in."""
    one = StarParticle.from_sphere(2e-6, center=(3e-6,) * 3)
    two = StarParticle.from_ellipsoid((1e-6, 2e-6, 2e-6), degree=6, center=(8e-6,) * 3)
    union = StarUnion([one, two], 11e-6)
    labels = union.to_labels((22,) * 3, 0.5e-6)
    assert labels[6, 6, 6] == 1
    assert labels[16, 16, 16] == 2
    np.testing.assert_array_equal(
        labels > 0, union.to_microstructure((22,) * 3, 0.5e-6).labels == 1
    )


def test_level_set_goes_into_the_transport() -> None:
    """Pores around one ball conduct less than Maxwell's bound lets through."""
    ball = StarUnion([StarParticle.from_sphere(3e-6, center=(4e-6,) * 3)], 8e-6, periodic=True)
    level = ball.to_level_set((16,) * 3, 0.5e-6)
    p = 4 / 3 * math.pi * 27 / 512
    found = vmt.effective_conductivity(level, {"pore": 1.0}, bounds="none")
    assert found.m_factor == pytest.approx((1 - p) / (1 + p / 2), rel=0.01)


def test_particles_and_unions_travel(grain: StarParticle) -> None:
    """Pickles and dictionaries give the same particle and union back; arrays are read-only."""
    union = StarUnion(
        [grain, StarParticle.from_sphere(1e-6)], (9e-6, 8e-6, 7e-6), periodic=True, inside="active"
    )
    for copy in (pickle.loads(pickle.dumps(union)), StarUnion.from_dict(union.to_dict())):
        np.testing.assert_array_equal(copy.coefficients, union.coefficients)
        assert (copy.size, copy.periodic, copy.inside) == (union.size, True, "active")
    again = StarParticle.from_dict(json.loads(json.dumps(grain.to_dict())))
    np.testing.assert_array_equal(again.coefficients, grain.coefficients)
    with pytest.raises(ValueError, match="read-only"):
        union.coefficients[0, 0] = 1
    empty = StarUnion.from_dict(StarUnion([], 1e-6).to_dict())
    assert empty.volume_fraction == 0


def test_plots_draw(grain: StarParticle) -> None:
    """A particle fills its box in micrometers; a union shows its middle plane."""
    ax = grain.plot()
    assert 4 < np.ptp(ax.get_xlim()) < 12
    ax = StarUnion([grain.moved((5e-6,) * 3)], 10e-6).plot()
    assert len(ax.images) == 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: StarParticle([0, 0], [1.0]), "center"),
        (lambda: StarParticle([0, 0, 0], [1.0, 2.0]), "coefficients"),
        (lambda: StarParticle([0, 0, 0], [1.0, 0, 9.0, 0]), "every direction"),
        (lambda: StarParticle([0, 0, 0], [np.nan]), "finite"),
        (lambda: StarParticle.from_sphere(-1.0), "radius"),
        (lambda: StarParticle.from_sphere(1.0).rotate(np.eye(3) * 2), "rotation"),
        (lambda: StarParticle.from_sphere(1.0).scaled(0), "factor"),
        (lambda: StarParticle.from_ellipsoid((1, 0, 1)), "semi_axes"),
        (lambda: StarParticle.from_sphere(1.0).signed_distance([1, 2, 3]), "points"),
        (lambda: StarUnion([1], 1.0), "StarParticle"),
        (lambda: StarUnion([], -1.0), "size"),
        (lambda: StarUnion([], 1.0, inside="pore"), "different names"),
        (lambda: StarUnion([], 1.0, periodic=True).to_microstructure((4, 4, 4), 0.3), "periodic"),
        (lambda: StarUnion.from_arrays(np.zeros((2, 3)), np.ones((1, 4)), 1.0), "shape"),
    ],
)
def test_bad_input_is_named(make, says: str) -> None:
    """What can't be used is refused with its name."""
    with pytest.raises(InputError, match=says):
        make()
