"""Star-shaped bodies: harmonics, bounds, grids and rays against slow twins and closed forms."""

import itertools
import math

import numpy as np
import pytest

from vmt.kernels import reference_stars, star_fit, star_shapes, stars

SHAPE, SPACING = (5, 6, 5), (1.0, 1.1, 1.2)


def unit(rng: np.random.Generator, count: int) -> np.ndarray:
    vectors = rng.normal(size=(count, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def bodies(rng: np.random.Generator, count: int, degree: int, radius: float) -> np.ndarray:
    c = np.zeros((count, (degree + 1) ** 2))
    c[:, 0] = radius * math.sqrt(4 * math.pi) * rng.uniform(0.7, 1.3, count)
    for n in range(1, degree + 1):
        part = rng.normal(size=(count, 2 * n + 1))
        c[:, n * n : (n + 1) ** 2] = 0.3 * part * c[:, :1] / (1 + n * n)
    return c


def test_harmonics_match_the_corrected_sum() -> None:
    """The recurrence gives the paper's corrected closed form for every degree and order."""
    directions = np.vstack([unit(np.random.default_rng(1), 12), [[0, 0, 1.0], [0, 0, -1.0]]])
    got = stars.harmonics(directions, 10)
    theta, phi = np.arccos(directions[:, 2]), np.arctan2(directions[:, 1], directions[:, 0])
    pairs = [(n, m) for n in range(11) for m in range(-n, n + 1)]
    want = [
        [reference_stars.harmonic(n, m, t, p) for n, m in pairs]
        for t, p in zip(theta, phi, strict=True)
    ]
    np.testing.assert_allclose(got, want, atol=1e-10)


@pytest.mark.slow  # pyshtools takes half a minute to import
def test_harmonics_match_pyshtools() -> None:
    """The convention is pyshtools' orthonormal one without the Condon-Shortley phase."""
    pyshtools = pytest.importorskip("pyshtools")
    degree = 7
    c = np.random.default_rng(2).normal(size=(degree + 1) ** 2)
    theta, phi = np.array([0.3, 1.1, 2.5]), np.array([0.2, 4.0, 5.5])
    table = np.zeros((2, degree + 1, degree + 1))
    for n in range(degree + 1):
        for m in range(-n, n + 1):
            table[int(m < 0), n, abs(m)] = c[n * n + n + m]
    peer = pyshtools.SHCoeffs.from_array(table, normalization="ortho", csphase=1)
    want = peer.expand(lat=90 - np.degrees(theta), lon=np.degrees(phi))
    got = stars.radii(c[None], np.zeros(3, int), stars.directions_of(theta, phi))
    np.testing.assert_allclose(got, want, atol=1e-12)


def test_quadrature_makes_harmonics_orthonormal() -> None:
    """A product quadrature of degree 2L integrates all products of harmonics of degree L."""
    directions, weights = stars.product_quadrature(24)
    basis = stars.harmonics(directions, 12)
    np.testing.assert_allclose(basis.T @ (weights[:, None] * basis), np.eye(169), atol=1e-13)


def test_gradients_are_tangential_and_right() -> None:
    """The gradient on the sphere is the difference quotient along great circles."""
    rng = np.random.default_rng(3)
    c, u, which = bodies(rng, 4, 10, 1.0), unit(rng, 40), rng.integers(0, 4, 40)
    r, slope = stars.radii_gradient(c, which, u)
    basis, slopes = stars.harmonics_gradient(u, 10)
    np.testing.assert_allclose(r, (c[which] * basis).sum(axis=1), atol=1e-13)
    np.testing.assert_allclose(slope, np.einsum("nk,nka->na", c[which], slopes), atol=1e-12)
    np.testing.assert_allclose((slope * u).sum(axis=1), 0, atol=1e-13)
    t = np.cross(u, unit(rng, 40))
    t /= np.linalg.norm(t, axis=1, keepdims=True)
    e = 1e-5
    ahead, behind = (stars.radii(c, which, u * np.cos(e) + s * np.sin(e) * t) for s in (1, -1))
    np.testing.assert_allclose((ahead - behind) / (2 * e), (slope * t).sum(axis=1), atol=1e-7)


def test_bounds_hold_in_every_cell() -> None:
    """No radius is outside the bounds of its cell, and no point outside the box."""
    rng = np.random.default_rng(4)
    c, u = bodies(rng, 3, 8, 1.0), unit(rng, 4000)
    low, high = stars.bound_radii(c, 6)
    cell = np.array([stars.cell_of(*x, 6) for x in u])
    values = stars.harmonics(u, 8) @ c.T
    assert (values >= low.T[cell]).all()
    assert (values <= high.T[cell]).all()
    finer = stars.bound_radii(c, 24)
    assert (finer[1] - finer[0]).mean() < 0.25 * (high - low).mean()
    box = stars.extents(c)
    points = values.T[:, :, None] * u
    assert (points.max(axis=1) <= box[:, :, 1]).all()
    assert (-points.min(axis=1) <= box[:, :, 0]).all()


@pytest.mark.parametrize("periodic", [False, True])
def test_grids_match_their_twins(periodic: bool) -> None:
    """Counts, labels and level sets are those of every body at every point."""
    rng = np.random.default_rng(5)
    c, centers = bodies(rng, 3, 2, 1.7), rng.uniform(0, 6, (3, 3))
    field = reference_stars.star_fields(SHAPE, SPACING, centers, c, shift=0.5, periodic=periodic)
    options = {"periodic": periodic}
    counts = stars.count_stars(SHAPE, SPACING, centers, c, **options)
    np.testing.assert_array_equal(counts, (field <= 0).sum(axis=-1))
    assert counts.max() > 1
    labels = stars.label_stars(SHAPE, SPACING, centers, c, **options)
    want = np.where((field <= 0).any(axis=-1), field.argmin(axis=-1) + 1, 0)
    np.testing.assert_array_equal(labels, want)
    level = stars.level_stars(SHAPE, SPACING, centers, c, band=1.2, at="centers", **options)
    np.testing.assert_allclose(level, np.clip(field.min(axis=-1), -1.2, 1.2), atol=1e-6)
    corners = stars.level_stars(SHAPE, SPACING, centers, c, band=1.2, **options)
    cells = SHAPE if periodic else tuple(n + 1 for n in SHAPE)
    field = reference_stars.star_fields(cells, SPACING, centers, c, shift=0.0, periodic=periodic)
    part = corners[:-1, :-1, :-1] if periodic else corners
    np.testing.assert_allclose(part, np.clip(field.min(axis=-1), -1.2, 1.2), atol=1e-6)
    for axis in range(3) if periodic else ():
        np.testing.assert_array_equal(corners.take(0, axis), corners.take(-1, axis))


@pytest.mark.parametrize("periodic", [False, True])
def test_signed_distances_match_their_twin(periodic: bool) -> None:
    """The smallest distance over bodies, and images of a periodic box, at random points."""
    rng = np.random.default_rng(6)
    c, centers = bodies(rng, 3, 2, 1.5), rng.uniform(0, 5, (3, 3))
    size = np.multiply(SHAPE, SPACING).tolist() if periodic else None
    points = rng.uniform(0, 5, (20, 3))
    got, nearest = stars.signed_distances(points, centers, c, size=size)
    want = [reference_stars.distances(p, centers, c, size) for p in points]
    np.testing.assert_allclose(got, np.min(want, axis=1), atol=1e-12)
    np.testing.assert_array_equal(nearest, np.argmin(want, axis=1))


def test_no_bodies_cover_nothing() -> None:
    """Without bodies the grid is empty and the distance is infinite."""
    none, series = np.zeros((0, 3)), np.zeros((0, 4))
    assert not stars.count_stars(SHAPE, SPACING, none, series).any()
    assert (stars.level_stars(SHAPE, SPACING, none, series, band=2.0) == 2).all()
    assert np.isinf(stars.signed_distances(np.zeros((1, 3)), none, series)[0]).all()


# ---- shapes


def test_round_trip_of_coefficients() -> None:
    """Coefficients to the surface and back agree to 1e-10 of the radius."""
    c = bodies(np.random.default_rng(7), 5, 10, 1.0)
    quadrature = stars.product_quadrature(20)
    values = c @ stars.harmonics(quadrature[0], 10).T
    np.testing.assert_allclose(star_shapes.project(values, 10, quadrature), c, atol=1e-10)


def test_volume_surface_and_centroid_of_a_shifted_ball() -> None:
    """A ball seen from beside its center: volume, surface, and centroid in closed form."""
    radius, shift = 1.0, 0.3
    quadrature = stars.product_quadrature(80)
    z = quadrature[0][:, 2]
    values = shift * z + np.sqrt(radius**2 - shift**2 * (1 - z**2))
    c = star_shapes.project(values, 24, quadrature)[None]
    assert star_shapes.volumes(c)[0] == pytest.approx(4 / 3 * math.pi, rel=1e-10)
    assert star_shapes.surface_areas(c)[0] == pytest.approx(4 * math.pi, rel=1e-10)
    np.testing.assert_allclose(star_shapes.centroids(c)[0], [0, 0, shift], atol=1e-10)


def test_turned_bodies_one_by_one() -> None:
    """Rotations given one for each body are those given one after the other."""
    from scipy.spatial.transform import Rotation

    c = bodies(np.random.default_rng(8), 3, 6, 1.0)
    turns = Rotation.random(3, random_state=1).as_matrix()
    got = star_shapes.turned(c, turns)
    want = [star_shapes.turned(row[None], turn)[0] for row, turn in zip(c, turns, strict=True)]
    np.testing.assert_allclose(got, want, atol=1e-13)


# ---- rays


def ray_twin(
    labels: np.ndarray, number: int, center: np.ndarray, u: np.ndarray
) -> tuple[float, float, bool]:
    """Cut a ray at every plane of the grid and look at the middle of each piece."""
    cuts = [0.0]
    for a in range(3):
        for plane in range(labels.shape[a] + 1):
            if u[a] and (t := (plane - center[a]) * SPACING[a] / u[a]) > 0:
                cuts.append(t)
    seen, cubes, open_view, before, joined = 0.0, 0.0, True, 0, False
    for t, end in itertools.pairwise(sorted(cuts)):
        place = np.floor(center + 0.5 * (t + end) * u / SPACING).astype(int)
        if (place < 0).any() or (place >= labels.shape).any():
            joined = joined and before != number
            break
        if before == number != labels[tuple(place)]:
            joined = bool(labels[tuple(place)] > 0)
        before = labels[tuple(place)]
        if labels[tuple(place)] == number:
            cubes += end**3 - t**3
            seen = end if open_view else seen
        else:
            open_view = False
    if before == number:  # the window ends it
        joined = False
    return seen, cubes ** (1 / 3), joined


def test_rays_match_their_twin() -> None:
    """Radii through random regions are those of rays cut at every plane of the grid."""
    rng = np.random.default_rng(9)
    labels = rng.integers(0, 3, (5, 6, 7)).astype(np.int32)
    numbers, u = np.array([1, 2]), unit(rng, 25)
    _, centers, boxes = star_fit.region_moments(labels, 2)
    seen, equal, joined = star_fit.ray_radii(labels, SPACING, numbers, centers, boxes, u)
    want = [[ray_twin(labels, n, centers[n - 1], d) for d in u] for n in (1, 2)]
    np.testing.assert_allclose(seen, np.array(want)[:, :, 0], atol=1e-12)
    np.testing.assert_allclose(equal, np.array(want)[:, :, 1], atol=1e-12)
    np.testing.assert_array_equal(joined, np.array(want)[:, :, 2])


def test_radii_hold_the_volume() -> None:
    """The integral of the cubes is the volume of the voxels, whatever the shape."""
    x, y, z = np.indices((15, 15, 15)) - 7
    labels = ((x**2 + 2 * y**2 + z**2 < 36) & ~((x > 2) & (y > 0))).astype(np.int32)
    voxels, centers, boxes = star_fit.region_moments(labels, 1)
    directions, weights = stars.product_quadrature(120)
    _, equal, _ = star_fit.ray_radii(
        labels, (1.0, 1.0, 1.0), np.array([1]), centers, boxes, directions
    )
    assert equal[0] ** 3 @ weights / 3 == pytest.approx(voxels[0], rel=2e-3)


def test_smoothing_damps_by_its_formula() -> None:
    """Each degree is divided by 1 + μ l²(l + 1)², and a radius that fell to zero is lifted."""
    quadrature = stars.product_quadrature(20)
    c = bodies(np.random.default_rng(10), 2, 6, 1.0)
    values = c @ stars.harmonics(quadrature[0], 6).T
    made = star_fit.fit_series(values, 6, quadrature, np.array([0.0, 1e-3]))
    order = np.floor(np.sqrt(np.arange(49)))
    np.testing.assert_allclose(made[0], c[0], atol=1e-12)
    np.testing.assert_allclose(made[1], c[1] / (1 + 1e-3 * (order * (order + 1)) ** 2), atol=1e-12)
    needle = np.where(quadrature[0][:, 2] > 0.8, 5.0, 0.01)[None]
    kept = star_fit.fit_series(needle, 6, quadrature, np.zeros(1))
    assert star_shapes.smallest_radii(kept)[0] > 0


def test_match_counts_common_voxels() -> None:
    """Voxels of a body, and those of them in its region, are counted one by one."""
    rng = np.random.default_rng(11)
    c, centers = bodies(rng, 3, 4, 2.0), rng.uniform(1, 6, (3, 3))
    labels = rng.integers(0, 4, SHAPE).astype(np.int32)
    both, own = star_fit.match_stars(labels, SPACING, np.array([1, 2, 3]), centers, c)
    for p in range(3):
        inside = stars.count_stars(SHAPE, SPACING, centers[p : p + 1], c[p : p + 1]) > 0
        assert own[p] == inside.sum()
        assert both[p] == (inside & (labels == p + 1)).sum()
