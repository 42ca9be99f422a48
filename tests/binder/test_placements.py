"""Placements of binder: exact amounts, the same seed, slow obvious twins, clear errors."""

import itertools
import json
import math
import pickle

import numpy as np
import pytest
from scipy import ndimage

from vmt.binder import (
    METHODS,
    add_binder,
    binder_at_contacts,
    binder_by_closing,
    binder_by_wetting,
    binder_film,
    grow_binder,
)
from vmt.errors import InputError
from vmt.kernels.nearest_labels import two_nearest
from vmt.kernels.selection import first_voxels
from vmt.microstructure import Microstructure
from vmt.phantoms import random_spheres

CBD = "carbon_binder_domain"


@pytest.fixture(scope="module")
def packing():
    """Hard spheres at one half."""
    return random_spheres((36, 32, 30), 0.5e-6, radius=3e-6, volume_fraction=0.5, rng=3).structure


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("fraction", [0.0, 0.031, 0.2])
def test_every_placement_hits_its_volume_fraction(packing, method, fraction):
    """The count is met to one voxel, only pore becomes binder, the same seed is the same."""
    angle = math.radians(40) if method == "wetting" else None
    made, again = (
        add_binder(packing, volume_fraction=fraction, method=method, contact_angle=angle, rng=5)
        for _ in range(2)
    )
    wet = made.structure.mask(CBD)
    assert made.voxels == np.count_nonzero(wet) == round(fraction * wet.size)
    assert not (wet & packing.mask("solid")).any()
    assert np.array_equal(made.structure.mask("active_material"), packing.mask("solid"))
    assert np.array_equal(made.structure.labels, again.structure.labels)
    assert json.loads(json.dumps(made.to_dict()))["added_voxels"] == made.voxels


def _ball(radius):
    r = int(radius)
    x = np.arange(-r, r + 1)
    return x[:, None, None] ** 2 + x[:, None] ** 2 + x**2 <= radius**2 + 1e-9


def test_closing_is_the_closing(packing):
    """All of scipy's closing with a ball is filled, and beyond it only the next larger one's."""
    made = binder_by_closing(packing, volume_fraction=0.08)
    radius = made.parameters["ball_radius [m]"] / 0.5e-6
    wet, pore = made.structure.mask(CBD), packing.mask("pore")
    square = round(radius**2)
    sums = {a * a + b * b + c * c for a, b, c in itertools.product(range(8), repeat=3)}
    smaller = max(s for s in sums if s < square)

    def closed(s):
        # ball centers inside the window only, no solid beyond it
        centers = ndimage.binary_erosion(pore, _ball(math.sqrt(s)), border_value=1)
        return pore & ~ndimage.binary_dilation(centers, _ball(math.sqrt(s)))

    assert (wet | ~closed(smaller)).all()
    assert (closed(square) | closed(smaller) | ~wet).all()  # balls of voxels need not be nested


def test_wetting_at_no_angle_is_the_closing(packing):
    """At a contact angle of 0 the wetting has the closing's voxels; the larger it is, the fewer."""
    closing = binder_by_closing(packing, volume_fraction=0.1, rng=1).structure.mask(CBD)
    wetting = [
        binder_by_wetting(
            packing, volume_fraction=0.1, contact_angle=math.radians(a), rng=1
        ).structure.mask(CBD)
        for a in (0, 20, 120)
    ]
    assert np.array_equal(wetting[0], closing)
    same = [np.count_nonzero(w & closing) / np.count_nonzero(closing) for w in wetting]
    assert same[2] < same[1] < same[0] == 1


def _blobs(structure):
    """Surface of the binder to the pore, in voxel faces."""
    wet, pore = structure.mask(CBD), structure.mask("pore")
    return sum(
        np.count_nonzero(np.take(one, range(n - 1), a) & np.take(two, range(1, n), a))
        for a, n in enumerate(wet.shape)
        for one, two in ((wet, pore), (pore, wet))
    )


def test_wetting_lowers_the_surface(packing):
    """Settling at 90° leaves less surface between binder and pore than the closing has."""
    closing = binder_by_closing(packing, volume_fraction=0.12).structure
    settled = binder_by_wetting(packing, volume_fraction=0.12, contact_angle=math.pi / 2).structure
    assert _blobs(settled) < 0.9 * _blobs(closing)


def test_two_nearest_labels_against_all_pairs():
    """The two nearest different labels agree with a search over all voxels."""
    rng = np.random.default_rng(2)
    labels = np.where(rng.random((7, 8, 9)) < 0.06, rng.integers(1, 5, (7, 8, 9)), 0)
    labels = labels.astype(np.int32)
    spacing = (2.0, 1.0, 1.5)
    first, d1, second, d2 = two_nearest(labels, spacing)
    at = np.argwhere(labels)
    for v in np.ndindex(*labels.shape):
        squares = (((at - v) * spacing) ** 2).sum(axis=1)
        best = {}
        for square, label in zip(squares, labels[tuple(at.T)], strict=True):
            best[label] = min(best.get(label, np.inf), square)
        ordered = sorted(best.values())
        assert (d1[v], d2[v]) == pytest.approx(tuple(ordered[:2]))
        assert best[first[v]] == d1[v]
        assert best[second[v]] == d2[v]


def test_contacts_touch_two_particles():
    """Binder bridges the gap of two balls, and a plane far away gets none."""
    x = np.indices((30, 17, 17)) - np.array([8, 8, 8]).reshape(3, 1, 1, 1)
    y = np.indices((30, 17, 17)) - np.array([21, 8, 8]).reshape(3, 1, 1, 1)
    labels = ((x**2).sum(axis=0) <= 25).astype(np.uint8) | ((y**2).sum(axis=0) <= 25)
    made = binder_at_contacts(Microstructure(labels, 1e-7), volume_fraction=0.006)
    wet = made.structure.mask(CBD)
    assert wet[14, 8, 8]
    assert wet[15, 8, 8]
    assert ndimage.label(wet)[1] == 1
    where = np.argwhere(wet)
    assert where[:, 0].min() >= 8
    assert where[:, 0].max() <= 21
    # symmetric about the plane between the balls, but for ties
    assert np.count_nonzero(wet ^ wet[29::-1]) <= 60


def test_one_particle_has_no_contacts():
    """A single particle is refused with what to do."""
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[3:9, 3:9, 3:9] = 1
    with pytest.raises(InputError, match="single particle"):
        binder_at_contacts(Microstructure(labels, 1e-7), volume_fraction=0.01)


def test_film_has_its_thickness():
    """On a plane the film is as many voxels thick as asked for; by fraction it finds that."""
    labels = np.zeros((20, 6, 6), np.uint8)
    labels[:10] = 1
    m = Microstructure(labels, (2e-7, 1e-7, 1e-7))
    by_length = binder_film(m, thickness=6e-7)
    assert by_length.volume_fraction == 3 / 20
    by_share = binder_film(m, volume_fraction=3 / 20)
    assert np.array_equal(by_length.structure.labels, by_share.structure.labels)
    with pytest.raises(InputError, match="just one"):
        binder_film(m)


@pytest.mark.parametrize("method", ["contact", "closing", "film"])
def test_profile_is_followed(packing, method):
    """Each plane has the amount of the profile to one voxel, all of them the total."""
    made = add_binder(packing, volume_fraction=0.1, method=method, profile=(1.6, 0.4))
    counts = made.structure.mask(CBD).sum(axis=(1, 2))
    wanted = np.interp((np.arange(36) + 0.5) / 36, [0, 1], [1.6, 0.4])
    wanted *= counts.sum() / wanted.sum()
    assert np.abs(counts - wanted).max() <= 1
    assert counts.sum() == round(0.1 * packing.labels.size)


def test_impossible_targets_say_what_can_be_reached(packing):
    """More binder than pore, negative profiles and overfull planes end in one error each."""
    free = packing.volume_fraction("pore")
    with pytest.raises(InputError, match=f"{free:.6g}"):
        add_binder(packing, volume_fraction=0.6)
    with pytest.raises(InputError, match=r"negative binder.*0\.625"):
        add_binder(packing, volume_fraction=0.1, profile=(2.6, -0.6))
    with pytest.raises(InputError, match="at most a volume fraction of"):
        add_binder(packing, volume_fraction=0.4, profile=(2.0, 0.0))
    with pytest.raises(InputError, match="active_material=NAME"):
        add_binder(Microstructure(packing.labels, 1e-7, {"a": 0, "b": 1}), volume_fraction=0.1,
                   pore="a")  # fmt: skip
    with pytest.raises(InputError, match="contact_angle"):
        add_binder(packing, volume_fraction=0.1, contact_angle=1.0)
    with pytest.raises(InputError, match="profile"):
        add_binder(packing, volume_fraction=0.1, method="growth", profile=(1, 1))


def test_best_value_named_is_reached(packing):
    """The largest fraction that the error of an overfull profile names is possible."""
    with pytest.raises(InputError, match="at most a volume fraction of") as caught:
        add_binder(packing, volume_fraction=0.4, profile=(2.0, 0.0))
    best = float(str(caught.value).split("fraction of ")[1].split(" can")[0])
    made = add_binder(packing, volume_fraction=best * (1 - 1e-4), profile=(2.0, 0.0))
    assert made.volume_fraction == pytest.approx(best, rel=1e-3)


def test_growth_adds_and_keeps(packing):
    """Each step adds its share and keeps what was there; it ends when the pore is closed."""
    grown = grow_binder(packing, step=0.04, rng=7)
    assert grown.closed
    for step in range(grown.steps):
        before, after = (grown.structure(s).mask(CBD) for s in (step, step + 1))
        assert (after | ~before).all()
        assert np.count_nonzero(after & ~before) == round(0.04 * before.size)
    shares = [grown.structure(s).volume_fraction(CBD) for s in range(grown.steps + 1)]
    assert np.allclose(shares, grown.volume_fractions, atol=1e-12)
    other = grow_binder(packing, step=0.04, until=0.08, rng=8)
    assert not np.array_equal(other.added, np.where(grown.added <= 2, grown.added, 0))
    copied = pickle.loads(pickle.dumps(grown))
    assert np.array_equal(copied.added, grown.added)
    with pytest.raises(InputError, match="can't be reached"):
        grow_binder(packing, until=0.9, rng=1)


def test_growth_goes_on_from_binder_that_is_there(packing):
    """Binder of a first placement stays, and the end counts all of it."""
    first = add_binder(packing, volume_fraction=0.05, method="contact").structure
    grown = grow_binder(first, step=0.01, until=0.07, rng=1)
    last = grown.structure(grown.steps)
    assert (last.mask(CBD) | ~first.mask(CBD)).all()
    assert last.volume_fraction(CBD) == round(0.07 * last.labels.size) / last.labels.size


def test_growth_has_no_preferred_location():
    """Slits of the same width are filled in an order that the seed decides."""
    labels = np.ones((40, 40, 6), np.uint8)
    labels[:, 3::8] = labels[:, 4::8] = 0
    m = Microstructure(labels, 1e-7)
    sums = [
        grow_binder(m, step=0.05, until=0.05, disorder=0.5, rng=seed)
        .structure(1).mask(CBD).sum(axis=(0, 2))
        for seed in range(3)
    ]  # fmt: skip
    assert not np.array_equal(sums[0], sums[1])
    assert not np.array_equal(sums[1], sums[2])


def test_first_voxels_against_sorting():
    """The selection agrees with sorting by key and ties."""
    rng = np.random.default_rng(1)
    key = rng.integers(0, 4, 200).astype(np.float32)
    ties = rng.random(200).astype(np.float32)
    among = rng.random(200) < 0.7
    chosen = first_voxels(key, among, 37, ties, rng)
    order = np.lexsort((ties, key))
    assert set(np.flatnonzero(chosen)) == set(order[among[order]][:37])


def test_plots(packing):
    """Before and after are two pictures."""
    made = add_binder(packing, volume_fraction=0.1)
    assert len(made.plot().figure.axes) == 2
    assert "µm" in grow_binder(packing, step=0.1, until=0.1, rng=1).plot().get_xlabel()
