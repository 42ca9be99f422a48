"""Contacts and relaxation of packings: against the slow twin, and what must be conserved."""

import numpy as np
import pytest

from vmt.kernels import packing, reference_packing, star_shapes
from vmt.kernels.directions import rotations, spread_points
from vmt.models import RandomStarParticle
from vmt.models._packing_shapes import shape_tables

MODEL = RandomStarParticle.gaussian(2.0, [0.0, 0.01, 0.006, 0.003, 0.001], size_spread=0.2)


def balls(radii):
    return shape_tables(np.asarray(radii, float)[:, None] * np.sqrt(4 * np.pi))


def still(n):
    return np.tile(np.eye(3), (n, 1, 1)), np.arange(n), np.ones(n)


def test_every_pair_of_a_crowd_is_listed():
    """More neighbors than room was made for: all n(n - 1)/2 pairs, each once and in order."""
    n = 60
    centers = np.random.default_rng(0).random((n, 3))
    made = packing._pairs(centers, np.full(n, 2.0), np.ones(3), np.zeros(3, bool), 0.0)
    np.testing.assert_array_equal(made, np.stack(np.triu_indices(n, 1), axis=1))


@pytest.mark.parametrize("wraps", [(True, True, True), (False, True, False)])
@pytest.mark.parametrize("edge", [5.0, 9.0, 14.0])
def test_contacts_of_balls_agree_with_the_twin(wraps, edge):
    """Random balls of two sizes, in boxes of one, two and more cells: the same pairs and depths."""
    rng = np.random.default_rng(int(edge))
    size, flags = np.array([edge, edge + 1, edge]), np.array(wraps)
    n = 40
    centers, radii = rng.random((n, 3)) * size, rng.choice([0.4, 1.0], n)
    pairs, depth, _ = packing.contacts(centers, *still(n), balls(radii), size, flags, gap=0.3)
    fast = {(int(i), int(j)): d for (i, j), d in zip(pairs, depth, strict=True)}
    slow = reference_packing.ball_contacts(centers, radii, size, flags, 0.3)
    assert fast.keys() == slow.keys()
    assert len(slow) > 3
    np.testing.assert_allclose([fast[k] for k in slow], list(slow.values()), atol=1e-12)


def test_contacts_of_stars_agree_with_the_twin():
    """Depths and gaps of random bodies in random turns, within 1.2 % of the radius and 4 % of the
    depth, up to 15 % of the radius (deeper, the slope is taken at another place)."""
    rng = np.random.default_rng(1)
    c = MODEL.sample_coefficients(2, rng=3)
    shapes = shape_tables(c, 900)
    seen = []
    for distance in (1.9, 2.0, 2.1, 2.2) * 8:
        turn = rotations(2, rng)
        u = rng.normal(size=3)
        apart = distance * u / np.linalg.norm(u)
        centers = np.array([[10.0, 10, 10], 10 + apart])
        _, depth, _ = packing.contacts(
            centers, turn, np.arange(2), np.ones(2), shapes, np.full(3, 30.0),
            np.ones(3, bool), gap=1.0,
        )  # fmt: skip
        turned = star_shapes.turned(c, turn)
        slow = reference_packing.star_depth(turned[0], turned[1], apart)
        seen.append((float(depth[0]), slow))
    fast, exact = np.array([pair for pair in seen if pair[1] < 0.15]).T
    assert len(exact) > 10
    np.testing.assert_allclose(fast, exact, atol=0.012, rtol=0.04)
    assert (exact > 0.02).any()
    assert (exact < -0.02).any()


def test_looked_up_radii_are_those_of_the_series():
    """The table on the cube misses the radius of rough bodies by less than 0.6 %."""
    from vmt.kernels.stars import radii

    c = MODEL.sample_coefficients(4, rng=1)
    tables = shape_tables(c)[0]
    directions = spread_points(500)[:, [1, 2, 0]]
    for k in range(4):
        exact = radii(c[k : k + 1], np.zeros(500, np.int64), directions)
        found = [packing._radius(tables[k], *u) for u in directions]
        np.testing.assert_allclose(found, exact, rtol=6e-3)


def test_the_neck_of_balls_is_the_circle_where_they_cross():
    """Two balls of radius 1 at a distance of 1.6 cross in a circle of radius 0.6."""
    centers = np.array([[5.0, 5, 5], [6.6, 5, 5]])
    size = np.full(3, 20.0)
    ball = balls([1.0, 1.0])
    _, depth, neck = packing.contacts(centers, *still(2), ball, size, np.ones(3, bool))
    np.testing.assert_allclose([depth[0], neck[0]], [0.4, 0.6])
    # as stars that happen to be round, by points of the surface
    star = np.zeros((2, 9))
    star[:, 0], star[:, 4] = np.sqrt(4 * np.pi), 1e-6
    shapes = shape_tables(star, 3000)
    _, depth, neck = packing.contacts(centers, *still(2), shapes, size, np.ones(3, bool))
    np.testing.assert_allclose(depth[0], 0.4, rtol=0.02)
    # the disk of the cap's own area, 2πR(R − 0.8)
    np.testing.assert_allclose(neck[0], np.sqrt(2 * 0.2), rtol=0.05)


def test_a_pair_separates_along_its_line():
    """Two overlapping balls move apart by equal distances; a tolerance is what stays at most."""
    centers = np.array([[4.6, 5.0, 5.0], [5.4, 5.0, 5.0]])
    _, worst = packing.relax(
        centers, *still(2), balls([1.0, 1.0]), np.full(3, 12.0), np.ones(3, bool),
        tolerance=1e-3, steps=500,
    )  # fmt: skip
    assert worst <= 1e-3
    np.testing.assert_allclose(centers.mean(axis=0), [5, 5, 5], atol=1e-9)
    np.testing.assert_allclose(centers[:, 1:], 5)
    assert centers[1, 0] - centers[0, 0] >= 2 - 1e-3


def test_bodies_turn_out_of_an_overlap():
    """Stars that overlap are freed by moves and turns; turns stay rotations."""
    c = MODEL.sample_coefficients(6, rng=5)
    rng = np.random.default_rng(0)
    centers, turn = 4 + 2.4 * rng.random((6, 3)), rotations(6, rng)
    before = turn.copy()
    _, worst = packing.relax(
        centers, turn, np.arange(6), np.ones(6), shape_tables(c, 400), np.full(3, 12.0),
        np.ones(3, bool), tolerance=2e-3, steps=3000,
    )  # fmt: skip
    assert worst <= 2e-3
    np.testing.assert_allclose(
        turn @ turn.transpose(0, 2, 1), np.tile(np.eye(3), (6, 1, 1)), atol=1e-12
    )
    assert np.abs(turn - before).max() > 0.01
    turned = star_shapes.turned(c, turn)
    for i in range(6):
        for j in range(i):
            assert (
                reference_packing.star_depth(turned[j], turned[i], centers[i] - centers[j]) < 0.02
            )


def test_walls_hold_bodies_back():
    """What starts beyond a wall ends within the box, balls and stars, to the tolerance."""
    c = MODEL.sample_coefficients(2, rng=5)
    c[1, 1:] = 0
    centers = np.array([[0.2, 3.0, 6.9], [6.9, 6.8, 0.1]])
    size = np.full(3, 7.0)
    turn = rotations(2, np.random.default_rng(0))
    shapes = shape_tables(c, 900)
    packing.relax(
        centers, turn, np.arange(2), np.ones(2), shapes, size, np.zeros(3, bool),
        tolerance=1e-3, steps=2000,
    )  # fmt: skip
    for k in range(2):
        places = centers[k] + (shapes[1] * shapes[2][k][:, None]) @ turn[k].T
        assert (places > -0.003).all()
        assert (places < 7.003).all()


def test_rotations_are_uniform():
    """Rotation matrices have determinant 1, and the mean of many is near zero."""
    made = rotations(4000, np.random.default_rng(2))
    np.testing.assert_allclose(np.linalg.det(made), 1)
    assert np.abs(made.mean(axis=0)).max() < 0.04
