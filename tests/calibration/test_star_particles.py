"""Particles from images, and the law of their shapes from particles."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import vmt
from vmt.calibration import ParticleStatistics, calibrate_star_particles, fit_star_particles
from vmt.calibration._star_particle import edge_weights
from vmt.errors import CalibrationError, InputError
from vmt.kernels import star_shapes, stars
from vmt.microstructure import Microstructure
from vmt.models import StarParticle, StarUnion

IMAGE = Path(__file__).parents[2] / "../shared/data/nrel_nmc1cal_CBDbridge_251x301x301.tif"


def population(count: int, degree: int, seed: int) -> np.ndarray:
    """Coefficients of ellipsoids with dents: sizes log-normal, the larger the rounder."""
    rng = np.random.default_rng(seed)
    quadrature = stars.product_quadrature(3 * degree)
    turns = Rotation.random(count, random_state=seed).as_matrix()
    made = np.empty((count, (degree + 1) ** 2))
    for i in range(count):
        size = rng.normal(0, 0.35)
        slender = np.exp(rng.normal(0, 0.22 * math.exp(-0.8 * size), 3))
        u = quadrature[0] @ turns[i]
        values = star_shapes.ellipsoid_radii(u, slender / np.cbrt(slender.prod()))
        dents = stars.harmonics(u, 3)[:, 4:] @ rng.normal(0, 0.03, 12)
        values = values * (1 - np.maximum(dents, 0)) * 4e-6 * math.exp(size)
        made[i] = star_shapes.project(values, degree, quadrature)
    return made


@pytest.fixture(scope="module")
def grains() -> tuple[StarUnion, Microstructure]:
    """Turned ellipsoids on a shaken lattice, those at the faces cut by the window."""
    rng = np.random.default_rng(2)
    turns = Rotation.random(64, random_state=2).as_matrix()
    lattice = np.stack(np.indices((4, 4, 4)), -1).reshape(-1, 3)
    places = lattice * 22.0 + 5 + rng.uniform(-0.5, 0.5, (64, 3))
    made = []
    for place, turn in zip(places, turns, strict=True):
        axes = rng.uniform(7, 10, 3) * 1e-7
        made.append(StarParticle.from_ellipsoid(axes, degree=10).rotate(turn).moved(place * 1e-7))
    union = StarUnion(made, 76e-7)
    return union, union.to_microstructure((76,) * 3, 1e-7)


def test_particles_of_a_union_come_back(grains: tuple[StarUnion, Microstructure]) -> None:
    """Volume, sphericity and place of each whole particle are found again from its voxels."""
    truth, image = grains
    fit = fit_star_particles(image, "solid")
    assert len(fit.particles) == 64
    assert fit.whole.sum() == 8
    for made, whole in zip(fit.particles, fit.whole, strict=True):
        if not whole:
            continue
        near = np.linalg.norm(truth.centers - made.center, axis=1)
        match = truth.particles[int(near.argmin())]
        assert near.min() < 1.5e-8
        assert made.volume == pytest.approx(match.volume, rel=0.01)
        assert made.sphericity == pytest.approx(match.sphericity, abs=0.01)
        spectrum = [p.power_spectrum()[2] / p.power_spectrum()[0] for p in (made, match)]
        assert spectrum[0] == pytest.approx(spectrum[1], rel=0.15, abs=3e-4)
    assert fit.mean_seen > 0.999
    assert fit.mean_dice > 0.96
    assert len(fit.whole_particles()) == 8


def test_union_reproduces_the_image_inside(grains: tuple[StarUnion, Microstructure]) -> None:
    """In the inner window the union has the image's volume fraction and surface."""
    _, image = grains
    fit = fit_star_particles(image, "solid")
    made = fit.union().to_microstructure(image.shape, image.spacing)
    inner = tuple(slice(12, -12) for _ in range(3))
    one, two = (Microstructure(m.labels[inner], m.spacing, m.phases) for m in (image, made))
    assert two.volume_fraction("solid") == pytest.approx(one.volume_fraction("solid"), rel=0.01)
    areas = [vmt.specific_surface_area(m, "solid") for m in (one, two)]
    assert areas[1] == pytest.approx(areas[0], rel=0.02)
    assert all(0 < m <= 25 for m in fit.margin)


def test_options_of_the_fit_do_what_they_say(grains: tuple[StarUnion, Microstructure]) -> None:
    """Kept volumes are exact; outward radii add a shell; damping takes power of high degrees."""
    _, image = grains
    fit = fit_star_particles(image, "solid")
    volumes = np.array([p.volume for p in fit.particles])
    np.testing.assert_allclose(volumes, fit.volumes, rtol=1e-10)
    out = fit.refit(outward=0.5)
    shell = np.array([p.volume for p in out.particles]) - volumes
    area = np.array([p.surface_area for p in fit.particles])
    radius = np.array([p.mean_radius for p in fit.particles])
    want = 0.5e-7 * area * (1 + 0.5e-7 / radius)
    np.testing.assert_allclose(shell[fit.whole], want[fit.whole], rtol=0.03)
    rough, smooth = fit.refit(regularization=0.0), fit.refit(regularization=30.0)
    high = [np.mean([p.power_spectrum()[8:].sum() for p in f.particles]) for f in (rough, smooth)]
    assert high[1] < 0.3 * high[0]
    assert fit.refit(degree=4).particles[0].degree == 4


def test_bridges_join_what_the_watershed_cut() -> None:
    """Between two merged balls the union conducts again, and nothing grows elsewhere."""
    u = StarUnion(
        [StarParticle.from_sphere(1.3e-6, center=(x, 2e-6, 2e-6)) for x in (1e-6, 3e-6)], 4e-6
    )
    image = u.to_microstructure((40,) * 3, 1e-7)
    fit = fit_star_particles(image, "solid")
    assert len(fit.particles) == 2
    found = {}
    for name, made in (("plain", fit), ("bridged", fit.refit(bridge=2.0))):
        voxels = made.union().to_microstructure((40,) * 3, 1e-7)
        found[name] = vmt.effective_conductivity(voxels, {"solid": 1.0}, bounds="none").m_factor
        slab = voxels.labels[8:12].sum() / image.labels[8:12].sum()
        assert slab == pytest.approx(1, abs=0.03)
    truth = vmt.effective_conductivity(image, {"solid": 1.0}, bounds="none").m_factor
    assert found["plain"] < found["bridged"]
    assert found["bridged"] == pytest.approx(truth, rel=0.05)


def test_a_ball_is_a_ball() -> None:
    """A voxel ball's sphericity misses 1 by the voxels' noise, less for a larger ball."""
    missed = []
    for radius in (8, 20):
        count = 2 * radius + 9
        x = np.indices((count,) * 3) - count // 2
        ball = Microstructure(((x**2).sum(axis=0) < radius**2).astype(np.uint8), 1e-7)
        (particle,) = fit_star_particles(ball, "solid").whole_particles()
        missed.append(1 - particle.sphericity)
        assert particle.volume == pytest.approx(ball.labels.sum() * 1e-21, rel=1e-10)
        np.testing.assert_allclose(particle.center, count / 2 * 1e-7, atol=1e-12)
    assert 0 <= missed[1] < 0.5 * missed[0] < 0.005


def test_a_hollow_region_is_not_a_star() -> None:
    """A bowl hides part of itself from its center; the share that is seen says so."""
    x, y, z = np.indices((41, 41, 41)) - 20
    r = x**2 + y**2 + z**2
    bowl = Microstructure(((r < 300) & (r > 150) & (z < 4)).astype(np.uint8), 1e-7)
    fit = fit_star_particles(bowl, "solid", depth=6.0)
    assert fit.mean_seen < 0.95
    assert (np.array([p.volume for p in fit.particles]) > 0).all()


def test_weights_make_up_for_the_cut_ones() -> None:
    """Boxes placed at random: the weighted mean size of the whole ones is that of all."""
    rng = np.random.default_rng(4)
    extents = rng.uniform(0.1, 0.6, (20000, 1)) * np.array([1.0, 1.3, 0.8])
    low = rng.uniform(-0.6, 1.2, (20000, 3))
    whole = ((low > 0) & (low + extents < 1)).all(axis=1)
    weights = edge_weights(extents[whole], (1.0, 1.0, 1.0), (9, 9, 9))
    assert weights.mean() == pytest.approx(1)
    plain, fair = extents[whole, 0].mean(), np.average(extents[whole, 0], weights=weights)
    assert plain < 0.30
    assert fair == pytest.approx(0.35, abs=0.02)


def test_weights_move_the_law() -> None:
    """Weights that double the large particles double them in the law, not in its judgment."""
    c = population(400, 3, 5)
    particles = [StarParticle(np.zeros(3), row) for row in c]
    volumes = star_shapes.volumes(c)
    weights = np.where(volumes > np.median(volumes), 3.0, 1.0)
    plain, made = (calibrate_star_particles(particles, weights=w) for w in (None, weights))
    assert made.distances == plain.distances
    drawn = star_shapes.volumes(made.model.sample_coefficients(3000, rng=1))
    assert (drawn > np.median(volumes)).mean() == pytest.approx(0.75, abs=0.03)
    with pytest.raises(InputError, match="weights"):
        calibrate_star_particles(particles, weights=[1.0])


def test_law_reproduces_withheld_particles() -> None:
    """Volume, sphericity and power of 200 withheld particles against 2000 simulated ones."""
    c = population(1000, 6, 3)
    particles = [StarParticle(np.zeros(3), row) for row in c]
    made = calibrate_star_particles(particles, withhold=200, rng=1)
    assert made.withheld == 200
    assert made.measured.volumes.size == 800
    assert max(made.distances.values()) <= 0.145
    assert made.adequate
    assert made.limit == pytest.approx(0.145, abs=0.001)
    assert made.model.correlation[0, 2] < -0.2  # the larger the rounder
    assert made.plot().get_yscale() == "log"
    assert made.to_dict()["adequate"]


def test_another_population_is_told_apart() -> None:
    """The same distances are far above the limit for particles of another shape."""
    c = population(300, 6, 3)
    made = calibrate_star_particles([StarParticle(np.zeros(3), row) for row in c])
    flat = c.copy()
    flat[:, 4:9] *= 1.6
    other = ParticleStatistics.of(flat).distances(made.simulated)
    assert other["power of degree 2"] > 0.25
    assert other["sphericity"] > 0.2


def test_impossible_fits_end_in_one_error(grains: tuple[StarUnion, Microstructure]) -> None:
    """No voxel, no boundary, no phase, particles cut everywhere, too few particles."""
    blank = Microstructure(np.zeros((8, 8, 8), np.uint8), 1e-7, {"pore": 0, "solid": 1})
    with pytest.raises(CalibrationError, match="no voxel"):
        fit_star_particles(blank, "solid")
    with pytest.raises(CalibrationError, match="fills"):
        fit_star_particles(blank, "pore")
    with pytest.raises(InputError, match="no phase"):
        fit_star_particles(blank, "binder")
    for options in (
        {"depth": 0},
        {"degree": -1},
        {"regularization": -1},
        {"outward": 9},
        {"bridge": -1},
    ):
        with pytest.raises(InputError, match=next(iter(options))):
            fit_star_particles(blank, "solid", **options)
    _, image = grains
    cut = fit_star_particles(image.crop(slice(30, 45), slice(30, 45), slice(30, 45)), "solid")
    with pytest.raises(CalibrationError, match="cut by the window"):
        cut.whole_particles()
    with pytest.raises(CalibrationError, match="too few"):
        calibrate_star_particles([StarParticle.from_ellipsoid((1, 2, 3))] * 5)
    with pytest.raises(InputError, match="degree"):
        calibrate_star_particles([StarParticle.from_sphere(1.0)] * 30)


@pytest.mark.slow
@pytest.mark.data
@pytest.mark.skipif(not IMAGE.is_file(), reason="the tomography is not in ../shared/data")
def test_law_of_the_real_cathode() -> None:
    """A thousand particles of the tomography: 200 withheld against 2000 simulated."""
    image = vmt.read_labels(IMAGE, spacing=398e-9)
    fit = fit_star_particles(image, 1)
    assert fit.mean_seen > 0.98
    particles = fit.whole_particles()
    assert len(particles) > 1000
    made = calibrate_star_particles(particles, withhold=200, rng=0)
    assert max(made.distances.values()) <= 0.145
