"""The nouns: what they accept, what they keep, and that nobody can change them."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vmt.errors import InputError
from vmt.microstructure import GreyImage, Microstructure

LABELS = np.random.default_rng(0).integers(0, 3, (4, 6, 8)).astype(np.uint8)
PHASES = {"pore": 0, "solid": 1, "binder": 2}


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (np.zeros((3, 3), np.uint8), "three axes"),
        (np.zeros((0, 3, 3), np.uint8), "no voxel"),
        (np.zeros((3, 3, 3)), "read_grey"),
        (np.full((3, 3, 3), -1), "from -1 to -1"),
        (np.full((3, 3, 3), 256), "from 256 to 256"),
        (np.arange(17).reshape(1, 1, 17), "17 distinct values.*read_grey"),
        (np.array([[["a"]]]), "type"),
    ],
)
def test_what_is_no_label_is_refused(labels, match):
    """Wrong dimensions, types and numbers of values have their own message."""
    with pytest.raises(InputError, match=match):
        Microstructure(labels, 1e-8)


@pytest.mark.parametrize(
    ("phases", "match"),
    [
        ({"pore": 0}, r"\[1, 2\].*no name"),
        ({"a": 0, "b": 0, "c": 1, "d": 2}, "share a label"),
        ({**PHASES, "x": 256}, "0 to 255"),
    ],
)
def test_names_must_fit_the_labels(phases, match):
    """Labels without a name, shared labels and impossible ones are refused."""
    with pytest.raises(InputError, match=match):
        Microstructure(LABELS, 1e-8, phases)


@pytest.mark.parametrize("spacing", [0, -1e-8, (1e-8, 1e-8), "10 nm", None, float("inf")])
def test_a_spacing_is_one_or_three_positive_meters(spacing):
    """Zero, negative, infinite, two numbers, text: none is a spacing."""
    with pytest.raises(InputError, match="in meters"):
        Microstructure(LABELS, spacing)


def test_default_names():
    """Two values are pore and solid, whatever the second is; more are numbered."""
    assert dict(Microstructure(np.zeros((1, 1, 1), int), 1).phases) == {"pore": 0, "solid": 1}
    assert dict(Microstructure(np.array([[[0, 255]]]), 1).phases) == {"pore": 0, "solid": 255}
    numbered = Microstructure(np.array([[[0, 2, 9]]]), 1)
    assert dict(numbered.phases) == {"phase 0": 0, "phase 2": 2, "phase 9": 9}


@settings(deadline=None, max_examples=30, derandomize=True)
@given(hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, max_side=6),
                  elements=st.integers(0, 4)))  # fmt: skip
def test_shares_add_up(labels):
    """Volume fractions are the means of the masks and add up to one."""
    m = Microstructure(labels, 1e-8)
    shares = [m.volume_fraction(name) for name in m.phases]
    assert sum(shares) == pytest.approx(1)
    for name, share in zip(m.phases, shares, strict=True):
        assert m.mask(name).mean() == pytest.approx(share)
        assert m.volume_fraction(m.label_of(name)) == share
        assert m.name_of(m.label_of(name)) == name


def test_unknown_phases_list_the_known_ones():
    """Asking for a phase that isn't there says which are."""
    m = Microstructure(LABELS, 1e-8, PHASES)
    for phase in ("void", 7):
        with pytest.raises(InputError, match=r"'pore' \(0\), 'solid' \(1\), 'binder' \(2\)"):
            m.mask(phase)


def test_arrays_can_not_be_changed():
    """Labels and values are read-only, also after pickling; the caller's own array isn't frozen."""
    labels = LABELS.copy()
    for one in (Microstructure(labels, 1e-8, PHASES), GreyImage(labels, 1e-8)):
        back = pickle.loads(pickle.dumps(one))
        for thing in (one, back):
            array = thing.labels if isinstance(thing, Microstructure) else thing.values
            with pytest.raises(ValueError, match="read-only"):
                array[0, 0, 0] = 1
            np.testing.assert_array_equal(array, LABELS)
        assert back.spacing == one.spacing
    labels[0, 0, 0] = 2
    with pytest.raises(TypeError):
        Microstructure(labels, 1e-8, PHASES).phases["x"] = 3  # type: ignore[index]


def test_a_memory_map_stays_one(tmp_path):
    """Neither a structure nor its crop copies a map."""
    np.save(tmp_path / "a.npy", LABELS)
    m = Microstructure(np.load(tmp_path / "a.npy", mmap_mode="r"), 1e-8)
    assert isinstance(m.labels, np.memmap)
    cut = m.crop(slice(1, 3), z=slice(2, None))
    assert np.shares_memory(cut.labels, m.labels)
    np.testing.assert_array_equal(cut.labels, LABELS[1:3, :, 2:])


def test_sizes():
    """Size is shape times spacing, per axis."""
    m = Microstructure(LABELS, (1e-8, 2e-8, 5e-8))
    assert m.shape == (4, 6, 8)
    assert m.size == pytest.approx((4e-8, 12e-8, 40e-8))


def test_crops_take_every_voxel():
    """A step in a crop would change the spacing silently."""
    with pytest.raises(InputError, match="coarsen"):
        Microstructure(LABELS, 1e-8).crop(slice(0, 4, 2))
    with pytest.raises(InputError, match="no voxel"):
        Microstructure(LABELS, 1e-8).crop(slice(2, 2))


@settings(deadline=None, max_examples=30, derandomize=True)
@given(
    hnp.arrays(np.uint8, hnp.array_shapes(min_dims=3, max_dims=3, min_side=2, max_side=7),
               elements=st.sampled_from([0, 1, 5])),
    st.integers(1, 2),
)  # fmt: skip
def test_coarsening_is_a_majority_vote(labels, factor):
    """Each coarse voxel has the most frequent label of its block, the smallest one on ties."""
    coarse = Microstructure(labels, (1e-8, 2e-8, 3e-8)).coarsen(factor)
    for place in np.ndindex(coarse.shape):
        block = labels[tuple(slice(factor * i, factor * (i + 1)) for i in place)]
        assert coarse.labels[place] == np.bincount(block.ravel()).argmax()
    assert coarse.spacing == pytest.approx((factor * 1e-8, factor * 2e-8, factor * 3e-8))


def test_coarsening_keeps_2d_and_refuses_nothing_left():
    """An axis of one voxel is left alone; a factor beyond the box or not whole is refused."""
    flat = Microstructure(np.ones((4, 4, 1), np.uint8), 1e-8).coarsen(2)
    assert flat.shape == (2, 2, 1)
    assert flat.spacing == (2e-8, 2e-8, 1e-8)
    for factor in (5, 0, 1.5):
        with pytest.raises(InputError):
            Microstructure(LABELS, 1e-8).coarsen(factor)  # type: ignore[arg-type]


def test_with_labels_keeps_the_rest():
    """Other labels, same spacing and names."""
    m = Microstructure(LABELS, 1e-8, PHASES).with_labels(np.zeros((1, 1, 1), np.uint8))
    assert m.shape == (1, 1, 1)
    assert dict(m.phases) == PHASES


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.zeros((3, 3)), "three axes"),
        (np.full((2, 2, 2), np.nan), "NaN"),
        (np.full((2, 2, 2), np.inf), "NaN or infinite"),
        (np.zeros((2, 2, 2), complex), "expected numbers"),
        (np.zeros((2, 2, 2), bool), "expected numbers"),
    ],
)
def test_what_is_no_grey_image_is_refused(values, match):
    """Dimensions, NaN, infinity and types that aren't grey values."""
    with pytest.raises(InputError, match=match):
        GreyImage(values, 1e-8)


def test_plots_draw_the_slice():
    """The middle slice or the one asked for, with lengths in micrometers."""
    m = Microstructure(LABELS, (1e-6, 2e-6, 3e-6), PHASES)
    ax = m.plot(axis=0)
    picture = np.asarray(ax.images[0].get_array())
    colors = {tuple(picture[i, j]) for i, j in np.argwhere(LABELS[2] == 1)}
    assert picture.shape[:2] == LABELS[2].shape
    assert len(colors) == 1  # one color a phase
    assert len({tuple(c) for c in picture.reshape(-1, 3)}) == 3
    assert ax.images[0].get_extent() == pytest.approx([0, 24, 12, 0])
    ax = GreyImage(LABELS, (1e-6, 2e-6, 3e-6)).plot(axis=2, index=0)
    np.testing.assert_array_equal(ax.images[0].get_array(), LABELS[..., 0])
    assert ax.images[0].get_extent() == pytest.approx([0, 12, 4, 0])
