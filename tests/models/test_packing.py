"""Packings: densities that must be reached, contacts, measures, calendering, defects, bad input."""

import math
import pickle

import numpy as np
import pytest

import vmt
from vmt.models import (
    Defects,
    ParticlePacking,
    RandomStarParticle,
    SphereSizes,
    StarParticle,
    add_closed_pores,
    add_cracks,
    calender,
    cracked_share,
    pack_particles,
    target_fractions,
)

ROUGH = RandomStarParticle.gaussian(
    10e-6, [0.0, 0.008, 0.004, 0.002, 0.001, 0.0005], size_spread=0.35
)
SIZE, FACES = (70e-6, 64e-6, 64e-6), (False, True, True)
RECIPE = vmt.ElectrodeRecipe(
    weight_fractions={"NMC622": 0.95, "carbon black": 0.02, "PVdF": 0.03},
    densities={"NMC622": 4760, "carbon black": 2250, "PVdF": 1770},
    carbon_binder=("carbon black", "PVdF"),
    carbon_binder_porosity=0.5,
    electrode_density=2700,
)


@pytest.fixture(scope="module")
def loose() -> ParticlePacking:
    return pack_particles(ROUGH, SIZE, 0.42, rng=4, periodic=FACES)


# ---- densities


def test_spheres_of_one_size_reach_62_percent() -> None:
    """300 balls fill 62 % without an overlap above 1 % of the radius; the voxels agree."""
    edge = 10e-6 * (300 * math.pi / 6 / 0.62) ** (1 / 3)
    made = pack_particles(SphereSizes(10e-6), edge, 0.62, rng=1)
    assert len(made) == 300
    assert made.contacts().relative_depths.max() < 0.01
    assert made.volume_fraction == pytest.approx(0.62, abs=0.003)
    voxels = made.to_microstructure((96, 96, 96), edge / 96)
    assert voxels.volume_fraction("solid") == pytest.approx(0.62, abs=0.003)
    assert 4 < made.coordination_number(0.01) < 6.5


@pytest.mark.slow
def test_rough_particles_of_many_sizes_reach_70_percent() -> None:
    """Random star-shaped particles fill 70 %; overlaps are below 5 % of the solid, necks below
    0.3 of the smaller radius, measured on the shapes themselves."""
    made = pack_particles(ROUGH, 66e-6, 0.70, rng=2, max_overlap=0.045)
    assert made.volume_fraction == pytest.approx(0.70, abs=0.003)
    assert made.overlap_fraction < 0.05
    found = made.contacts()
    assert found.relative_necks.max() <= 0.3
    assert found.relative_depths.max() < 0.045


def test_what_does_not_fit_is_one_error_with_the_best_reached() -> None:
    """Balls of one size to 75 %: the error has a volume fraction near random close packing."""
    edge = 10e-6 * (60 * math.pi / 6 / 0.75) ** (1 / 3)
    with pytest.raises(vmt.PackingError, match="can't be reached") as caught:
        pack_particles(SphereSizes(10e-6), edge, 0.75, rng=1, max_steps=400)
    assert 0.55 < caught.value.best < 0.68
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.best == caught.value.best


def test_the_same_seed_is_the_same_packing(loose: ParticlePacking) -> None:
    """Every center and coefficient comes again to the bit; another seed is another packing."""
    again = pack_particles(ROUGH, SIZE, 0.42, rng=4, periodic=FACES)
    np.testing.assert_array_equal(again.centers, loose.centers)
    np.testing.assert_array_equal(again.coefficients, loose.coefficients)
    one, two = (pack_particles(SphereSizes(10e-6), 40e-6, 0.3, rng=k) for k in (1, 2))
    assert np.abs(one.centers - two.centers).max() > 1e-7


def test_particles_keep_their_shape(loose: ParticlePacking) -> None:
    """Turned harmonics have the power spectra of those drawn: only a common factor differs."""
    given = list(ROUGH.sample(30, rng=1))
    made = pack_particles(given, 70e-6, 0.3, rng=1)
    known = np.array([p.power_spectrum() / p.power_spectrum()[0] for p in given])
    for p in made.particles:
        own = p.power_spectrum() / p.power_spectrum()[0]
        assert np.abs(known - own).sum(axis=1).min() < 1e-9


def test_walls_hold(loose: ParticlePacking) -> None:
    """Between walls no particle leaves the box by more than 1 % of its radius."""
    for p in loose.particles:
        low, high = p.bounding_box
        exact = p.mesh(25, 48)[..., 0]
        assert exact.min() > -0.01 * p.mean_radius
        assert exact.max() < SIZE[0] + 0.01 * p.mean_radius
        assert low[0] <= exact.min()
        assert high[0] >= exact.max()


def test_particles_are_drawn_together() -> None:
    """A target of five contacts is met within 5 %, with necks no deeper than allowed."""
    made = pack_particles(SphereSizes(10e-6), 45e-6, 0.5, rng=1, coordination=5.0, max_overlap=0.03)
    assert made.coordination_number() == pytest.approx(5.0, rel=0.05)
    assert made.contacts().relative_depths.max() < 0.03
    with pytest.warns(vmt.VmtWarning, match="not met"):
        pack_particles(SphereSizes(10e-6), 45e-6, 0.6, rng=1, coordination=0.5)


# ---- measures


def test_contacts_of_a_lattice() -> None:
    """Simple cubic balls have six contacts at depth 0, g counts them at one diameter."""
    grid = np.stack(np.meshgrid(*[np.arange(5)] * 3, indexing="ij"), -1).reshape(-1, 3) + 0.5
    ball = np.full((125, 1), 0.5 * math.sqrt(4 * math.pi))
    made = ParticlePacking(grid, ball, (5.0, 5.0, 5.0))
    found = made.contacts()
    assert set(found.counts) == {6}
    np.testing.assert_allclose(found.depths, 0, atol=1e-12)
    g = made.radial_distribution(2.4, bins=24)
    inside = g.distances < 1.15
    step = 0.1
    shells = 4 / 3 * math.pi * ((g.distances + step / 2) ** 3 - (g.distances - step / 2) ** 3)
    assert (g.values * shells)[inside].sum() == pytest.approx(6, rel=0.01)
    assert made.volume_fraction == pytest.approx(math.pi / 6, rel=0.01)


@pytest.mark.parametrize("wraps", [True, (False, False, True)])
def test_independent_centers_have_no_order(wraps: object) -> None:
    """g of random points is 1 at all distances, between walls too."""
    rng = np.random.default_rng(0)
    ball = np.full((4000, 1), 0.01)
    made = ParticlePacking(rng.random((4000, 3)) * [1, 2, 1], ball, (1.0, 2.0, 1.0), periodic=wraps)
    g = made.radial_distribution(0.5, bins=10)
    np.testing.assert_allclose(g.values[2:], 1.0, atol=0.03)


def test_images_through_periodic_faces(loose: ParticlePacking) -> None:
    """Between two walls the voxels of opposite periodic faces fit together."""
    m = loose.to_microstructure((70, 64, 64), 1e-6)
    shift = np.array([0, 20e-6, 0])
    moved = loose.replace(centers=np.mod(loose.centers + shift, [1, 64e-6, 64e-6]))
    again = moved.to_microstructure((70, 64, 64), 1e-6)
    same = np.roll(m.labels, 20, axis=1) == again.labels
    assert same.mean() > 0.9999
    assert m.volume_fraction("solid") == pytest.approx(0.42, abs=0.004)


def test_packing_travels(loose: ParticlePacking) -> None:
    """JSON and pickle bring back every particle, defects too; plots draw."""
    porous = add_cracks(
        add_closed_pores(loose, 0.02, median_diameter=1.5e-6, rng=1), 0.2, width=1e-6, rng=2
    )
    for again in (
        ParticlePacking.from_dict(porous.to_dict()),
        pickle.loads(pickle.dumps(porous)),
    ):
        np.testing.assert_array_equal(again.centers, porous.centers)
        np.testing.assert_array_equal(again.coefficients, porous.coefficients)
        assert again.defects is not None
        assert porous.defects is not None
        np.testing.assert_array_equal(again.defects.pore_radii, porous.defects.pore_radii)
        np.testing.assert_array_equal(again.defects.crack_normals, porous.defects.crack_normals)
        assert again.periodic == (False, True, True)
    assert loose.radial_distribution().plot().lines
    assert loose.contacts().plot().patches
    assert loose.plot() is not None
    with pytest.raises(vmt.InputError, match="no packing"):
        ParticlePacking.from_dict({"kind": "other"})


# ---- calendering and defects


@pytest.mark.parametrize(
    "model", [SphereSizes(9e-6, 0.25), pytest.param(ROUGH, marks=pytest.mark.slow)]
)
def test_calendering_follows_the_recipe(model: object) -> None:
    """From 2.7 to 3.3 g/cm³: the thickness falls with the volume fractions, no volume is lost,
    contacts and the share of cracked particles rise, overlaps stay small."""
    start = pack_particles(
        model, (84e-6, 66e-6, 66e-6), target_fractions(RECIPE, [2700])[0], rng=4, periodic=FACES
    )
    made = calender(start, recipe=RECIPE, densities=[3000, 3300], rng=1)
    goals = target_fractions(RECIPE, [2700, 3000, 3300])
    rows = made.table
    for row, goal in zip(rows, goals, strict=True):
        assert row["volume_fraction"] == pytest.approx(goal, rel=5e-3)
        assert row["overlap_fraction"] < 0.01
    assert made.thicknesses[2] == pytest.approx(84e-6 * goals[0] / goals[2], rel=5e-3)
    contacts = [row["coordination_number"] for row in rows]
    assert contacts[2] > max(contacts[:2])
    assert made.cracked[0] == 0 < made.cracked[1] < made.cracked[2]
    volumes = [stage.volumes.sum() for stage in made.stages]
    np.testing.assert_allclose(volumes, volumes[0], rtol=1e-9)
    assert made.stages[2].size[1:] == start.size[1:]
    assert made.plot().lines
    assert made.to_dict()["stages"][2]["electrode_density [kg/m³]"] == 3300


def test_too_much_pressure_is_one_error() -> None:
    """Balls can't be pressed to 80 %: the error has what was reached, above the start."""
    start = pack_particles(SphereSizes(10e-6), 40e-6, 0.5, rng=1)
    with pytest.raises(vmt.PackingError, match="can't be pressed") as caught:
        calender(start, [0.8], max_overlap=0.01)
    assert 0.5 < caught.value.best < 0.75


def test_half_of_the_particles_are_cracked_at_18_percent() -> None:
    """The share of cracked particles rises from 0 at 44.3 % porosity to a half at 18 %."""
    assert cracked_share(0.443) == cracked_share(0.9) == 0
    assert cracked_share(0.18) == pytest.approx(0.5)
    shares = [cracked_share(p) for p in (0.44, 0.38, 0.3, 0.28, 0.18, 0.0)]
    assert shares == sorted(shares)
    with pytest.raises(vmt.InputError):
        cracked_share(1.5)


def test_pores_are_closed_until_cracks_open_them() -> None:
    """Closed pores take their fraction of the particles and are found closed; cracks through all
    particles open some, and split balls into parts."""
    balls = pack_particles(SphereSizes(20e-6), 60e-6, 0.35, rng=1, periodic=False)
    porous = add_closed_pores(balls, 0.04, median_diameter=4e-6, spread=0.1, rng=2)
    shape, voxel = (100, 100, 100), 0.6e-6
    solid = balls.to_microstructure(shape, voxel).volume_fraction("solid")
    m = porous.to_microstructure(shape, voxel)
    assert 1 - m.volume_fraction("solid") / solid == pytest.approx(0.04, rel=0.08)
    closed = vmt.closed_pores(m, "pore").volume_fraction
    assert closed == pytest.approx(0.04 * solid, rel=0.1)
    cracked = add_cracks(porous, 1.0, width=1.5e-6, rng=3).to_microstructure(shape, voxel)
    assert vmt.closed_pores(cracked, "pore").volume_fraction < 0.9 * closed
    assert cracked.volume_fraction("solid") < m.volume_fraction("solid")
    # pores turn with their particles when pressed
    pressed = calender(porous, [0.38]).stages[1]
    n = [round(edge / voxel) for edge in pressed.size]
    made = pressed.to_microstructure(n, [edge / k for edge, k in zip(pressed.size, n, strict=True)])
    share = vmt.closed_pores(made, "pore").volume_fraction / pressed.volume_fraction
    assert share == pytest.approx(0.04, rel=0.12)


def test_cracks_grow_with_the_share() -> None:
    """Cracked particles stay cracked when more are, each has one crack, larger ones come first."""
    c = np.zeros((400, 1))
    c[:, 0] = np.random.default_rng(0).uniform(1, 3, 400)
    grid = np.stack(np.meshgrid(*[np.arange(8)] * 3, indexing="ij"), -1).reshape(-1, 3)[:400]
    made = ParticlePacking(grid + 0.5, c, (8.0, 8.0, 8.0))
    some = add_cracks(made, 0.25, width=0.1, rng=1)
    more = add_cracks(some, 0.5, width=0.1, rng=2)
    assert some.defects is not None
    assert more.defects is not None
    assert len(some.defects.crack_owners) == 100
    assert len(set(more.defects.crack_owners.tolist())) == 200
    np.testing.assert_array_equal(more.defects.crack_owners[:100], some.defects.crack_owners)
    assert c[some.defects.crack_owners].mean() > c.mean() + 0.15


def test_pores_that_do_not_fit_are_one_error() -> None:
    """Pores as large as the particles can't be placed; the error has the fraction reached."""
    balls = pack_particles(SphereSizes(10e-6), 40e-6, 0.3, rng=1)
    with pytest.raises(vmt.PackingError, match="can't be placed"):
        add_closed_pores(balls, 0.1, median_diameter=12e-6, spread=0.0, rng=1)


# ---- bad input


@pytest.mark.parametrize(
    ("source", "size", "fraction", "options"),
    [
        ([], 40e-6, 0.5, {}),
        ([1, 2], 40e-6, 0.5, {}),
        (3, 40e-6, 0.5, {}),
        (SphereSizes(10e-6), 40e-6, 1.2, {}),
        (SphereSizes(10e-6), 11e-6, 0.5, {}),
        (SphereSizes(10e-6), -1.0, 0.5, {}),
        (SphereSizes(10e-6), 40e-6, 0.5, {"max_overlap": 0.0}),
        (SphereSizes(10e-6), 40e-6, 0.5, {"coordination": 20.0}),
        (SphereSizes(10e-6), 40e-6, 0.5, {"periodic": (True, False)}),
        (SphereSizes(10e-6), 40e-6, 0.5, {"periodic": "xyz"}),
        ([StarParticle.from_sphere(19e-6)], 60e-6, 0.6, {}),
    ],
)
def test_bad_input_is_one_error(
    source: object, size: float, fraction: float, options: dict
) -> None:
    """What can't be packed says what was expected."""
    with pytest.raises(vmt.InputError, match="expected"):
        pack_particles(source, size, fraction, rng=1, **options)


def test_bad_stages_are_one_error(loose: ParticlePacking) -> None:
    """Calendering needs rising targets, of one kind, along an axis there is."""
    for given in (
        {"volume_fractions": [0.4]},
        {"volume_fractions": [0.6, 0.55]},
        {"volume_fractions": []},
        {},
        {"volume_fractions": [0.6], "recipe": RECIPE},
        {"volume_fractions": [0.6], "axis": 3},
        {"volume_fractions": [0.6], "max_overlap": 0.0},
        {"volume_fractions": [0.6], "porosities": [0.3, 0.2]},
    ):
        with pytest.raises(vmt.InputError):
            calender(loose, **given)
    for bad in ((0.5, 1e-6, 0.1), (0.0, 1e-6, 0.1), (0.1, -1.0, 0.1)):
        with pytest.raises(vmt.InputError):
            add_closed_pores(loose, bad[0], median_diameter=bad[1], spread=bad[2], rng=1)
    with pytest.raises(vmt.InputError):
        add_cracks(loose, 2.0, width=1e-6, rng=1)
    with pytest.raises(vmt.InputError):
        ParticlePacking(np.zeros((3, 2)), np.ones((3, 1)), (1.0, 1.0, 1.0))
    with pytest.raises(vmt.InputError):
        SphereSizes(-1.0)
    with pytest.raises(vmt.InputError):
        Defects([0], np.empty((0, 3)), [], [], [], [], [])
