"""Curvature integrals, Euler numbers and lines of three phases against closed forms."""

import itertools
import math

import numpy as np
import pytest

import vmt.descriptors as d
from vmt.errors import InputError
from vmt.kernels import curvature, surface
from vmt.kernels import reference_descriptors as reference
from vmt.microstructure import Microstructure
from vmt.models import ChiSquareExcursionSet, Covariance, GaussianExcursionSet


def ball(spacing, radius=0.4, edge=1.1, center=(0.0, 0.0, 0.0)):
    """Ball in a box of about edge³."""
    axes = []
    for step, shift in zip(spacing, center, strict=True):
        n = round(edge / step)
        axes.append((np.arange(n) - (n - 1) / 2) * step - shift)
    x, y, z = np.meshgrid(*axes, indexing="ij", sparse=True)
    return Microstructure(x**2 + y**2 + z**2 < radius**2, spacing)


def total(m, density):
    """Integral over the inner vertices' volume."""
    return density * math.prod((n - 1) * h for n, h in zip(m.shape, m.spacing, strict=True))


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 2, 1.5)])
def test_ball(shape):
    """A ball has 4πr, within 1 % from 24 voxels an edge, whatever the voxel."""
    rng = np.random.default_rng(0)
    for n in (24, 48):
        spacing = tuple(s / n for s in shape)
        found = []
        for _ in range(6):
            m = ball(spacing, center=rng.uniform(0, 1 / n, 3))
            found.append(total(m, d.mean_curvature_density(m, 1)))
        assert np.mean(found) == pytest.approx(4 * math.pi * 0.4, rel=0.01 if n < 30 else 0.005)


def test_cylinder():
    """A cylinder has π times its length; along an axis 13 directions see 7 % less of it."""
    n, radius = 60, 20.0
    x = np.arange(n) - (n - 1) / 2
    disk = x[:, None] ** 2 + x**2 < radius**2
    directions, weights = surface.direction_weights((1, 1, 1))
    seen = 2 * weights @ (np.abs(directions) / np.linalg.norm(directions, axis=1)[:, None])
    for axis in range(3):
        m = Microstructure(np.repeat(np.expand_dims(disk, axis), 30, axis=axis), 1.0)
        # mean curvature 1/(2r) on the area 2πrL; the mean of |cos| over the sphere is 1/2
        found = total(m, d.mean_curvature_density(m, 1))
        assert found == pytest.approx(2 * math.pi * 29 * seen[axis], rel=0.01)
        assert found == pytest.approx(math.pi * 29, rel=0.08)
        assert total(m, d.gaussian_curvature_density(m, 1)) == pytest.approx(0, abs=1e-9)


def test_ellipsoids_at_random_directions():
    """Long ellipsoids at random directions have 2π times their mean width, on average."""
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(56) - 27.5] * 3, indexing="ij"), -1)
    unit = rng.standard_normal((200_000, 3))
    unit /= np.linalg.norm(unit, axis=1)[:, None]
    half = np.array([24.0, 8.0, 8.0])
    width = 2 * np.sqrt(((unit * half) ** 2).sum(axis=1)).mean()
    found = []
    for _ in range(16):
        frame = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        m = Microstructure((((grid @ frame.T) / half) ** 2).sum(axis=-1) < 1, 1.0)
        found.append(total(m, d.mean_curvature_density(m, 1)))
    assert np.mean(found) == pytest.approx(2 * math.pi * width, rel=0.015)


def test_layers_are_flat():
    """Plane layers along an axis have no curvature."""
    labels = ((np.arange(30) // 5) % 2)[:, None, None] * np.ones((1, 12, 13), int)
    m = Microstructure(labels, (1.0, 2.0, 3.0))
    assert d.mean_curvature_density(m, 1) == pytest.approx(0, abs=1e-12)
    assert d.euler_number_density(m, 1) == pytest.approx(0, abs=1e-12)


def test_complement(f850):
    """Mean curvature changes sign with the phase; χ with 26 neighbors is the rest's with 6."""
    m = f850.crop(slice(0, 50), slice(0, 40), slice(0, 45))
    assert d.mean_curvature_density(m, 0) == pytest.approx(-d.mean_curvature_density(m, 1))
    for one, two in itertools.permutations((0, 1)):
        assert d.euler_number_density(m, one) == pytest.approx(
            d.euler_number_density(m, two, neighbors=6)
        )
    plane = Microstructure(m.labels[:, :, :1], 1.0)
    assert d.euler_number_density(plane, 0) == pytest.approx(
        -d.euler_number_density(plane, 1, neighbors=6)
    )
    with pytest.raises(InputError, match="6 or 26"):
        d.euler_number_density(m, 1, neighbors=18)


def test_euler_number_of_open_voxels_equals_scikit_image():
    """With 6 neighbors it is scikit-image's number for connectivity 1."""
    from skimage.measure import euler_number

    mask = np.pad(np.random.default_rng(1).random((14, 15, 16)) < 0.4, 1)
    m = Microstructure(mask, 1.0)
    found = total(m, d.euler_number_density(m, 1, neighbors=6))
    assert found == pytest.approx(euler_number(mask, connectivity=1), abs=1e-6)


@pytest.mark.parametrize(
    ("family", "fraction"), [(ChiSquareExcursionSet, 0.46), (GaussianExcursionSet, 0.3)]
)
def test_excursion_sets(family, fraction):
    """Mean curvature and Euler number agree with the model within sampling error, S converges."""
    model = family(Covariance.gaussian(rate=1.0), fraction)
    means, eulers = [], []
    for seed in range(8):
        m = model.sample((72, 72, 72), 0.12, rng=seed)
        means.append(d.mean_curvature_density(m, "solid"))
        both = [d.euler_number_density(m, "solid", neighbors=n) for n in (6, 26)]
        eulers.append(np.mean(both))
    for found, exact in (
        (means, model.mean_curvature_density()),
        (eulers, model.euler_number_density()),
    ):
        error = np.std(found, ddof=1) / math.sqrt(len(found))
        assert abs(np.mean(found) - exact) < 3.5 * error + 0.02 * abs(exact)
        assert error < 0.2 * abs(exact)


def test_table_equals_sections_by_hand():
    """The three axes' share of the table is the mean Euler number of the sections, by hand."""
    mask = np.random.default_rng(0).random((5, 6, 7)) < 0.5
    spacing = (1.0, 2.0, 1.5)
    counts = surface.configuration_histogram(mask, 1)
    by_hand = reference.mean_width_sections(mask, spacing)
    for axis, expected in enumerate(by_hand):
        # a flat structure's table is π times the section's Euler number per area
        extended = [a != axis for a in range(3)]
        planes = np.moveaxis(mask, axis, 0)
        one = sum(
            surface.configuration_histogram(np.expand_dims(p, axis), 1)
            @ curvature.mean_curvature_table(spacing, extended)
            for p in planes
        )
        squares = math.prod(n - 1 for a, n in enumerate(mask.shape) if a != axis) * len(planes)
        assert one / squares == pytest.approx(math.pi * expected)
    assert counts.sum() == 4 * 5 * 6


def test_undefined_curvature():
    """A line has no mean curvature."""
    with pytest.raises(InputError, match="two axes"):
        d.mean_curvature_density(Microstructure(np.ones((5, 1, 1), np.uint8), 1.0), 1)


def three_phases(n, spacing, seed):
    """Two independent Gaussian fields of rate 1, one inside the other's complement."""
    rho = Covariance.gaussian(rate=1.0)
    one = GaussianExcursionSet(rho, 0.42).sample((n, n, n), spacing, rng=seed).mask("solid")
    two = GaussianExcursionSet(rho, 0.6).sample((n, n, n), spacing, rng=1000 + seed).mask("solid")
    return Microstructure(np.where(one, 0, np.where(two, 1, 2)).astype(np.uint8), spacing)


def test_lines_of_two_random_surfaces():
    """Where two independent Gaussian level sets cross: L = 2 μ φ(u) φ(v), μ = 2 the roughness."""
    from scipy import stats

    density = [stats.norm.pdf(stats.norm.isf(p)) for p in (0.42, 0.6)]
    exact = 2 * 2.0 * density[0] * density[1]
    # the boundary of phase 0 is whole; that of 1 and 2 is seen outside it only: every line is one
    for spacing, n, seeds in ((0.25, 48, 10), (0.125, 72, 10)):
        found = [
            d.triple_phase_boundary_density(three_phases(n, spacing, s), 0, 1, 2)
            for s in range(seeds)
        ]
        error = np.std(found, ddof=1) / math.sqrt(seeds)
        assert abs(np.mean(found) - exact) < 3.5 * error + 0.01 * exact
        assert error < 0.05 * exact


def test_lines_of_three_equal_angles():
    """A straight line between three sectors, at random directions: its length, on average."""
    rng = np.random.default_rng(0)
    n, found, exact = 40, [], []
    grid = np.stack(np.meshgrid(*[np.arange(n) - (n - 1) / 2] * 3, indexing="ij"), -1)
    for _ in range(60):
        frame = np.linalg.qr(rng.standard_normal((3, 3)))[0]
        away = rng.uniform(-5, 5, 3)
        u, v = (grid - away) @ frame[0], (grid - away) @ frame[1]
        turn = rng.uniform(0, 2 * np.pi)
        sector = ((np.arctan2(v, u) + turn) % (2 * np.pi)) // (2 * np.pi / 3)
        labels = np.minimum(sector, 2).astype(np.uint8)
        found.append(d.triple_phase_boundary_density(Microstructure(labels, 1.0), 0, 1, 2))
        # length of the line inside the cube between the outermost voxel centers
        with np.errstate(divide="ignore"):
            ends = np.sort((np.array([[-1], [1]]) * (n - 1) / 2 - away) / frame[2], axis=0)
        exact.append(max(ends[1].min() - ends[0].max(), 0) / (n - 1) ** 3)
    assert np.mean(found) == pytest.approx(np.mean(exact), rel=0.03)


def test_lines_that_are_not_there():
    """Three layers never meet; two phases make no line; a plane counts points."""
    layers = np.repeat([0, 1, 2], 4)[:, None, None] * np.ones((1, 6, 6), int)
    m = Microstructure(layers, 1.0)
    assert d.triple_phase_boundary_density(m, 0, 1, 2) == 0
    with pytest.raises(InputError, match="different"):
        d.triple_phase_boundary_density(m, 0, 1, 1)
    plane = np.zeros((6, 6, 1), np.uint8)
    plane[3:, :3], plane[3:, 3:] = 1, 2
    found = d.triple_phase_boundary_density(Microstructure(plane, 2.0), 0, 1, 2)
    assert found == pytest.approx(1 / 25 / 4)


def balls_at_random(n, edge, radius, intensity, seed):
    """Boolean model of balls on n³ voxels: the same balls for each n."""
    rng = np.random.default_rng(seed)
    box = edge + 2 * radius
    x = (np.arange(n) + 0.5) * edge / n
    inside = np.zeros((n, n, n), bool)
    for c in rng.uniform(0, box, (rng.poisson(intensity * box**3), 3)) - radius:
        near = [np.flatnonzero(np.abs(x - v) < radius) for v in c]
        a, b, e = ((x[k] - v) ** 2 for k, v in zip(near, c, strict=True))
        inside[np.ix_(*near)] |= a[:, None, None] + b[:, None] + e < radius**2
    return Microstructure(inside, edge / n)


def test_boolean_model():
    """Balls at random points have ε = 1 - exp(-γV) and S = γ 4πr² exp(-γV), to first order.

    Where balls meet, voxels close the gap: S is 10 % low at 2.5 voxels a radius, 5 % at 5, and the
    mean curvature (Miles' formula) a third at 5.
    """
    radius, intensity = 0.25, 8.0
    void = math.exp(-intensity * 4 / 3 * math.pi * radius**3)
    exact = np.array([1 - void, intensity * 4 * math.pi * radius**2 * void])
    found = {}
    for n in (20, 40):
        windows = [balls_at_random(n, 2.0, radius, intensity, seed) for seed in range(16)]
        means = [d.mean_curvature_density(m, 1) for m in windows]
        found[n] = np.array(
            [[m.volume_fraction(1), d.specific_surface_area(m, 1)] for m in windows]
        )
    error = found[40].std(axis=0, ddof=1) / 4
    for n, share in ((20, 0.12), (40, 0.06)):
        bias = np.array([0.003, share]) * exact
        assert (np.abs(found[n].mean(axis=0) - exact) < 3 * error + bias).all()
    curved = void * intensity * 4 * math.pi * radius - math.pi**2 / 32 * exact[1] ** 2 / void
    assert 0.2 < 1 - np.mean(means) / curved < 0.5
    limit = 2 * found[40] - found[20]
    error = limit.std(axis=0, ddof=1) / 4
    assert (np.abs(limit.mean(axis=0) - exact) < 3 * error).all()
    assert (error < 0.03 * exact).all()
