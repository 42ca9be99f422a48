"""Phantoms: the voxels agree with the exact answers that travel with them."""

import itertools
import math
import pickle

import numpy as np
import pytest
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

from vmt import phantoms
from vmt.errors import ConvergenceError, InputError


def conductivity(sigma, axis):
    """Effective conductivity by the slow obvious way: a dense sparse-matrix solve, closed sides."""
    sigma = np.moveaxis(sigma, axis, 0)
    index = np.arange(sigma.size).reshape(sigma.shape)
    rows, values = [], []
    for k in range(3):
        a, b = np.moveaxis(index, k, 0)[:-1].ravel(), np.moveaxis(index, k, 0)[1:].ravel()
        s, t = sigma.ravel()[a], sigma.ravel()[b]
        g = 2 * s * t / np.maximum(s + t, 1e-300)
        rows += [(a, a, g), (b, b, g), (a, b, -g), (b, a, -g)]
    inlet, outlet = index[0].ravel(), index[-1].ravel()
    for face in (inlet, outlet):
        rows.append((face, face, 2 * sigma.ravel()[face]))
    rows.append((index.ravel(), index.ravel(), np.full(sigma.size, 1e-14)))
    i, j, values = (np.concatenate(part) for part in zip(*rows, strict=True))
    matrix = coo_matrix((values, (i, j))).tocsc()
    right = np.zeros(sigma.size)
    right[inlet] = 2 * sigma.ravel()[inlet]
    u = spsolve(matrix, right)
    current = np.sum(2 * sigma.ravel()[inlet] * (1 - u[inlet]))
    return current * sigma.shape[0] / inlet.size


def pair_distances(centers, size):
    """Distances of all pairs in a periodic box, the slow way."""
    gap = centers[:, None] - centers[None]
    gap -= size * np.rint(gap / size)
    return np.sqrt((gap**2).sum(axis=2))


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_layers_conduct_in_series_and_parallel(axis):
    """A direct solve gives the harmonic mean across the layers and the arithmetic one along."""
    p = phantoms.layers((7, 6, 5), 1e-6, thicknesses=(1, 2), conductivities=(0.2, 3.0), axis=axis)
    sigma = np.array([0.2, 3.0])[p.structure.labels]
    for k in range(3):
        exact = p.exact[f"effective_conductivity(axis={k}) [S/m]"]
        assert conductivity(sigma, k) == pytest.approx(exact, rel=1e-9)
    for name in ("layer 0", "layer 1"):
        assert p.structure.volume_fraction(name) == p.exact[f"volume_fraction({name})"]


def test_an_insulating_layer_stops_the_current():
    """One layer of zero conductivity: exactly 0 across, the others' share along."""
    p = phantoms.layers((4, 2, 2), 1e-6, thicknesses=(1, 1), conductivities=(0.0, 2.0))
    assert p.exact["effective_conductivity(axis=0) [S/m]"] == 0.0
    assert p.exact["effective_conductivity(axis=1) [S/m]"] == 1.0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_channels(axis):
    """Volume, wall area and conduction of straight channels, with anisotropic voxels."""
    spacing = (1e-6, 2e-6, 3e-6)
    p = phantoms.channel((12, 12, 12), spacing, width=2, pitch=6, axis=axis)
    m = p.structure
    assert m.volume_fraction("pore") == pytest.approx(p.exact["volume_fraction(pore)"])
    area = 0.0
    for k in range(3):
        step = np.abs(np.diff(m.labels.astype(int), axis=k))
        area += step.sum() * math.prod(d for i, d in enumerate(spacing) if i != k)
    surface = p.exact["specific_surface_area(pore) [1/m]"]
    assert area / math.prod(m.size) == pytest.approx(surface)
    sigma = m.mask("pore").astype(float)
    for k in range(3):
        exact = p.exact[f"m_factor(pore, axis={k})"]
        assert conductivity(sigma, k) == pytest.approx(exact, abs=1e-9)


def test_sphere_converges_in_volume():
    """The voxel count of a sphere goes to its volume: rms over positions falls as n^-2."""
    rng = np.random.default_rng(0)
    middles = 0.5e-6 + (rng.random((12, 3)) - 0.5) * 0.1e-6
    errors = []
    for n in (16, 64):
        made = [
            phantoms.sphere((n, n, n), 1e-6 / n, radius=0.41e-6, center=tuple(c)) for c in middles
        ]
        exact = made[0].exact["volume_fraction(solid)"]
        assert exact == pytest.approx(4 / 3 * math.pi * 0.41**3)
        found = np.array([p.structure.volume_fraction("solid") for p in made])
        errors.append(np.sqrt(np.mean((found / exact - 1) ** 2)))
    assert errors[0] < 0.01
    assert 8 < errors[0] / errors[1] < 32
    assert made[0].exact["specific_surface_area(solid) [1/m]"] == pytest.approx(
        4 * math.pi * 0.41e-6**2 / 1e-18
    )


def test_sphere_array_conducts_as_the_multipole_table_says():
    """Insulating spheres at 0.3: in/out voxels approach 0.60566 from below, at first order."""
    errors = []
    for n in (12, 24):  # voxels per half cell are 6 and 12: the spec's -9.8 % and -4.4 %
        p = phantoms.sphere_array(n, volume_fraction=0.3, edge=1e-6)
        assert p.exact["m_factor(pore)"] == 0.60566
        octant = p.structure.mask("pore")[: n // 2, : n // 2, : n // 2].astype(float)
        errors.append(conductivity(octant, 0) / 0.60566 - 1)
    np.testing.assert_allclose(errors, (-0.098, -0.044), atol=2e-3)


def test_sphere_array_repeats_its_cell():
    """Several cells are copies of one, so every answer is that of one cell."""
    one = phantoms.sphere_array(10, volume_fraction=0.2, edge=1e-6).structure.labels
    many = phantoms.sphere_array(10, volume_fraction=0.2, edge=1e-6, cells=(2, 1, 3)).structure
    assert many.shape == (20, 10, 30)
    np.testing.assert_array_equal(many.labels, np.tile(one, (2, 1, 3)))


def test_sphere_array_outside_the_table_claims_no_conductivity():
    """An answer that isn't known isn't there."""
    exact = phantoms.sphere_array(8, volume_fraction=0.25, edge=1e-6).exact
    assert not any("m_factor" in key or "conductivity" in key for key in exact)


@pytest.mark.parametrize("blocks", [(2, 2), (3, 2)])
def test_checkerboard_approaches_the_geometric_mean(blocks):
    """Across the columns a direct solve tends to √(σ₁σ₂) on refinement, along it is the mean."""
    errors = []
    for block in (4, 8, 16, 32):
        p = phantoms.checkerboard(blocks, 1e-6, block=block, conductivities=(1.0, 4.0))
        sigma = np.array([1.0, 4.0])[p.structure.labels]
        exact = p.exact["effective_conductivity(axis=0) [S/m]"]
        assert exact == 2.0
        errors.append(abs(conductivity(sigma, 0) / exact - 1))
    assert errors[-1] < 0.01
    assert all(b < a for a, b in itertools.pairwise(errors))
    along = p.exact["effective_conductivity(axis=2) [S/m]"]
    assert conductivity(sigma, 2) == pytest.approx(along)
    assert along == pytest.approx(2.5)


def test_boolean_model_follows_its_closed_forms():
    """Volume fraction and two-point coverage of 24 realizations within 4 standard errors."""
    fractions, pairs = [], []
    lags = [0, 2, 4, 6, 8, 12]
    for seed in range(24):
        p = phantoms.boolean_spheres((48, 48, 48), 1e-6, radius=4e-6, volume_fraction=0.4, rng=seed)
        solid = p.structure.mask("solid")
        fractions.append(solid.mean())
        pairs.append([(solid[: 48 - h] & solid[h:]).mean() for h in lags])
    exact = p.curves["two_point_coverage_probability(solid)"](np.array(lags) * 1e-6)
    assert exact[0] == pytest.approx(0.4)
    assert exact[-1] == pytest.approx(0.16)
    error = np.std(pairs, axis=0, ddof=1) / math.sqrt(24)
    assert (np.abs(np.mean(pairs, axis=0) - exact) < 4 * error).all()
    assert abs(np.mean(fractions) - 0.4) < 4 * np.std(fractions, ddof=1) / math.sqrt(24)


def test_boolean_surface_is_the_slope_of_the_coverage():
    """S = −4 C'(0): the two closed forms agree."""
    p = phantoms.boolean_spheres((4, 4, 4), 1e-6, radius=3e-6, volume_fraction=0.3, rng=0)
    curve = p.curves["two_point_coverage_probability(solid)"]
    h = 1e-12
    slope = float((curve(0.0) - curve(h)) / h)
    assert 4 * slope == pytest.approx(p.exact["specific_surface_area(solid) [1/m]"], rel=1e-4)


@pytest.mark.parametrize(
    ("fraction", "spread", "periodic"),
    [(0.2, 0.0, True), (0.5, 0.0, True), (0.58, 0.0, True), (0.55, 0.2, True), (0.45, 0.1, False)],
)
def test_packed_spheres_do_not_overlap(fraction, spread, periodic, monkeypatch):
    """No two spheres overlap, walls hold where there are any, and the volume is the target."""
    seen = {}
    original = phantoms.voxelize_spheres

    def spy(shape, spacing, centers, radii, *, periodic):
        seen.update(centers=centers, radii=radii)
        return original(shape, spacing, centers, radii, periodic=periodic)

    monkeypatch.setattr(phantoms, "voxelize_spheres", spy)
    p = phantoms.random_spheres(
        (64, 64, 64),
        1e-6,
        radius=7e-6,
        volume_fraction=fraction,
        radius_spread=spread,
        periodic=periodic,
        rng=3,
    )
    centers, radii = seen["centers"], seen["radii"]
    size = np.full(3, 64e-6)
    if periodic:
        distance = pair_distances(centers, size)
    else:
        distance = np.sqrt(((centers[:, None] - centers[None]) ** 2).sum(axis=2))
        assert (centers >= radii[:, None] * (1 - 1e-12)).all()
        assert (centers <= 64e-6 - radii[:, None] * (1 - 1e-12)).all()
    touching = radii[:, None] + radii[None]
    np.fill_diagonal(distance, np.inf)
    assert (distance >= touching * (1 - 1e-9)).all()
    assert p.exact["volume_fraction(solid)"] == pytest.approx(fraction)
    assert p.structure.volume_fraction("solid") == pytest.approx(fraction, abs=2e-3)
    assert p.exact["count"] == len(radii)


def test_packings_are_named_by_their_seed():
    """The same seed is the same packing, another seed another, and a generator is accepted."""
    make = {"radius": 5e-6, "volume_fraction": 0.5}
    one, same, other = (
        phantoms.random_spheres((40, 40, 40), 1e-6, **make, rng=rng).structure.labels
        for rng in (1, np.random.default_rng(1), 2)
    )
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()


def test_an_impossible_packing_ends():
    """Beyond random close packing the pushing gives up with an error, not with overlaps."""
    with pytest.raises(ConvergenceError, match="lower one"):
        phantoms.random_spheres(
            (40, 40, 40), 1e-6, radius=5e-6, volume_fraction=0.72, rng=1, max_iterations=200
        )


def test_periodic_packings_wrap():
    """A sphere that leaves through one face comes in at the opposite one."""
    labels = phantoms.voxelize_spheres(
        (8, 8, 8), (1.0, 1.0, 1.0), np.array([[0.0, 4.0, 4.0]]), np.array([2.6]), periodic=True
    )
    np.testing.assert_array_equal(labels, labels[::-1])
    assert labels[0].any()
    assert not labels[4].any()


@pytest.mark.parametrize(
    "call",
    [
        lambda: phantoms.layers((4, 4, 4), 1e-6, thicknesses=(1,), conductivities=(1, 2)),
        lambda: phantoms.layers((4, 4, 4), 1e-6, thicknesses=(0,), conductivities=(1,)),
        lambda: phantoms.layers((4, 4, 4), 1e-6, thicknesses=(1,), conductivities=(-1,)),
        lambda: phantoms.layers((4, 4), 1e-6, thicknesses=(1,), conductivities=(1,)),
        lambda: phantoms.layers((4, 4, 4), 1e-6, thicknesses=(1,), conductivities=(1,), axis=3),
        lambda: phantoms.channel((8, 8, 8), 1e-6, width=4, pitch=4),
        lambda: phantoms.channel((8, 8, 8), 1e-6, width=1, pitch=3),
        lambda: phantoms.sphere((8, 8, 8), 1e-6, radius=5e-6),
        lambda: phantoms.sphere((8, 8, 8), -1e-6, radius=1e-6),
        lambda: phantoms.sphere_array(8, volume_fraction=0.6, edge=1e-6),
        lambda: phantoms.sphere_array(1, volume_fraction=0.3, edge=1e-6),
        lambda: phantoms.checkerboard((2, 2), 1e-6, block=3, conductivities=(1, 2)),
        lambda: phantoms.checkerboard((2, 2), 1e-6, block=4, conductivities=(0, 2)),
        lambda: phantoms.boolean_spheres((8, 8, 8), 1e-6, radius=1e-6, volume_fraction=1, rng=0),
        lambda: phantoms.random_spheres((8, 8, 8), 1e-6, radius=3e-6, volume_fraction=0.3, rng=0),
        lambda: phantoms.random_spheres((8, 8, 8), 1e-6, radius=1e-6, volume_fraction=0.8, rng=0),
    ],
)
def test_impossible_phantoms_are_refused(call):
    """Numbers that make no shape raise InputError."""
    with pytest.raises(InputError):
        call()


def test_phantoms_survive_pickling():
    """Worker processes get answers and curves too, and can't change them."""
    p = phantoms.boolean_spheres((8, 8, 8), 1e-6, radius=2e-6, volume_fraction=0.3, rng=0)
    back = pickle.loads(pickle.dumps(p))
    assert back.to_dict() == p.to_dict()
    name = "two_point_coverage_probability(solid)"
    assert back.curves[name]([1e-6]) == p.curves[name]([1e-6])
    with pytest.raises(TypeError):
        back.exact["count"] = 1.0
