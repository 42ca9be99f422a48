"""Lineal path, contact distribution, profiles and closed pores against closed forms."""

import json
import math
import pickle

import numpy as np
import pytest

import vmt.descriptors as d
import vmt.phantoms
from vmt.errors import InputError
from vmt.kernels import chords
from vmt.kernels import reference_descriptors as reference
from vmt.microstructure import Microstructure


def boolean(n, radius, seed, fraction=0.4):
    """Boolean model of balls; its intensity."""
    p = vmt.phantoms.boolean_spheres(
        (n, n, n), 1.0, radius=radius, volume_fraction=fraction, rng=seed
    )
    return p.structure, -math.log1p(-fraction) / (4 / 3 * math.pi * radius**3)


def test_lineal_path_of_random_voxels():
    """Independent voxels: a segment of j steps lies in the phase with p^(j + 1)."""
    p = 0.7
    labels = np.random.default_rng(0).random((60, 61, 62)) < p
    for axis in range(3):
        made = d.lineal_path(Microstructure(labels, 1.0), 1, axis=axis)
        np.testing.assert_allclose(made.values[:5], p ** np.arange(1, 6), rtol=0.02)
        assert made.values[0] == pytest.approx(labels.mean())


def test_lineal_path_of_the_boolean_model():
    """Pores of a Boolean model of balls: (1 − p) exp(−γ π r² l), within sampling error."""
    radius, curves = 5.0, []
    for seed in range(6):
        m, intensity = boolean(64, radius, seed)
        curves.append([d.lineal_path(m, 0, axis=a).values[[0, 4, 10]] for a in range(3)])
    found = np.mean(curves, axis=1)
    exact = 0.6 * np.exp(-intensity * math.pi * radius**2 * np.array([0, 4, 10]))
    error = found.std(axis=0, ddof=1) / math.sqrt(len(found))
    assert (np.abs(found.mean(axis=0) - exact) < 4 * error).all()
    assert (error < 0.02).all()


def test_runs_equal_the_plain_way():
    """Whole and cut runs together are those of the slow twin and the pieces at the ends."""
    mask = np.random.default_rng(0).random((6, 7, 8)) < 0.6
    for axis in range(3):
        counts = chords.run_histogram(mask, axis)
        whole, cut = reference.chords(mask, axis)
        assert counts.sum() == len(whole) + cut
        assert counts @ np.arange(counts.size) == mask.sum()
        assert (counts >= np.bincount(whole, minlength=counts.size)).all()


def test_contact_distribution_of_the_boolean_model():
    """1 − exp(−γ (v(r + R) − v(R))), with an error that falls with the voxel size."""
    errors = []
    for n, radius in ((40, 4.0), (80, 8.0), (160, 16.0)):
        curves = []
        for seed in range(6 if n < 100 else 3):
            m, intensity = boolean(n, radius, seed)
            curves.append(d.spherical_contact_distribution(m, "solid").values[: int(radius)])
        r = 0.5 * np.arange(int(radius))
        exact = 1 - np.exp(-intensity * 4 / 3 * math.pi * ((r + radius) ** 3 - radius**3))
        errors.append(np.abs(np.mean(curves, axis=0) - exact).max())
    assert errors[0] > 1.4 * errors[1] > 1.4**2 * errors[2]
    assert errors[2] < 0.06


def test_contact_distribution_of_layers():
    """Between layers 9 voxels apart the distance to the nearest is uniform on 1 to 5."""
    labels = np.zeros((100, 60, 60), np.uint8)
    labels[::10] = 1
    made = d.spherical_contact_distribution(Microstructure(labels, (1e-8, 1e-8, 2e-8)), 1)
    np.testing.assert_allclose(made.radii[::2][:6], np.arange(6) * 1e-8, atol=1e-20)
    expected = [0, 2 / 9, 4 / 9, 6 / 9, 8 / 9, 1]
    np.testing.assert_allclose(made.values[::2][:6], expected, atol=0.02)
    assert made.mean == pytest.approx(2.5e-8, rel=0.2)


def test_contact_distribution_without_phase():
    """A window without the phase, or full of it, has none."""
    full = Microstructure(np.ones((4, 4, 4), np.uint8), 1.0)
    for phase in ("pore", "solid"):
        assert math.isnan(d.spherical_contact_distribution(full, phase).values[0])


def test_profile():
    """A gradient is seen with its slope; layers average; axes and flips go along."""
    labels = (
        np.random.default_rng(0).random((50, 40, 40)) < np.linspace(0.2, 0.8, 50)[:, None, None]
    )
    m = Microstructure(labels, (2e-8, 1e-8, 1e-8))
    made = d.volume_fraction_profile(m, 1)
    assert made.mean == pytest.approx(m.volume_fraction(1))
    assert made.gradient == pytest.approx(0.6 / (49 * 2e-8), rel=0.03)
    assert made.averaged(5).values.size == 5
    flipped = d.volume_fraction_profile(m.with_labels(m.labels[::-1]), 1)
    np.testing.assert_array_equal(flipped.values, made.values[::-1])
    turned = Microstructure(m.labels.transpose(1, 0, 2), (1e-8, 2e-8, 1e-8))
    np.testing.assert_array_equal(d.volume_fraction_profile(turned, 1, axis=1).values, made.values)
    assert d.volume_fraction_profile(m, 1, axis=2).gradient * 4e-7 == pytest.approx(0, abs=0.02)
    with pytest.raises(InputError, match="layers"):
        made.averaged(0)


def test_closed_pores():
    """Holes of known volume are found where they are; open faces decide what is closed."""
    labels = np.ones((20, 16, 16), np.uint8)
    labels[3:5, 4:6, 4:6] = 0  # 8 voxels inside
    labels[12:15, 8, 8] = 0  # 3 voxels inside
    labels[:, 0, 0] = 0  # along an edge
    labels[18:, 10, 10] = 0  # at the last face
    m = Microstructure(labels, (2.0, 1.0, 1.0))
    found = d.closed_pores(m)
    np.testing.assert_allclose(found.volumes, [16.0, 6.0])
    assert found.mask.sum() == 11
    assert found.volume_fraction == pytest.approx(11 / labels.size)
    assert found.share == pytest.approx(11 / (11 + 20 + 2))
    assert found.profile.values[3] == pytest.approx(4 / 256)
    assert found.profile.values.sum() * 256 == pytest.approx(11)
    assert d.closed_pores(m, faces="x-").volumes.size == 3
    corner = np.ones((6, 6, 6), np.uint8)
    corner[0, 0, 0] = corner[1, 1, 1] = 0
    assert d.closed_pores(Microstructure(corner, 1.0), neighbors=6).mask.sum() == 1
    assert d.closed_pores(Microstructure(corner, 1.0), neighbors=26).mask.sum() == 0
    assert math.isnan(d.closed_pores(Microstructure(np.ones((3, 3, 3), np.uint8), 1.0)).share)
    with pytest.raises(InputError, match="18"):
        d.closed_pores(m, neighbors=8)


def test_internal_surface():
    """S_int counts the pores' contact whole and the binder's by its porosity."""
    labels = np.repeat([0, 1, 2, 1], 6)[:, None, None] * np.ones((1, 8, 8), int)
    m = Microstructure(labels, 1e-7, {"pore": 0, "active": 1, "binder": 2})
    pore, binder = (d.interface_area(m, "active", p) for p in ("pore", "binder"))
    found = d.internal_surface_area(m, "active", binder="binder", binder_porosity=0.3)
    assert found == pytest.approx(pore + 0.3 * binder)
    with pytest.raises(InputError, match="binder_porosity"):
        d.internal_surface_area(m, "active", binder="binder", binder_porosity=2)


def test_results_travel(f850):
    """Each result goes to JSON without nan, through pickle still read-only, and onto axes."""
    m = f850.crop(slice(0, 30), slice(0, 30), slice(0, 30))
    for made in (
        d.lineal_path(m, 1),
        d.spherical_contact_distribution(m, 1),
        d.volume_fraction_profile(m, 1),
        d.closed_pores(m, 1),
        d.granulometry(m, 1),
        d.intrusion_extrusion(m, 1),
        d.geodesic_distances(m, 1),
        d.region_network(m, 1),
        d.anisotropy(m, 1),
        d.representativity(m, 1),
        d.cutout_study(m, lambda c: c.volume_fraction(1), [8, 15]),
    ):
        content = json.dumps(made.to_dict(), allow_nan=False)
        again = pickle.loads(pickle.dumps(made))
        assert json.dumps(again.to_dict()) == content
        assert made.plot() is not None
