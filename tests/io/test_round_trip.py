"""What is written is read back: voxels, spacing, names, in every format."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vmt.errors import InputError
from vmt.io import read_grey, read_labels, write
from vmt.microstructure import GreyImage, Microstructure

SUFFIXES = [".tif", ".raw", ".npz", ".zarr", ".h5", ".vti", ""]
LENGTHS = st.floats(1e-10, 1e-4)
SPACINGS = st.tuples(LENGTHS, LENGTHS, LENGTHS)
SHAPES = hnp.array_shapes(min_dims=3, max_dims=3, max_side=5)
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=8)
FEW = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


@pytest.mark.parametrize("suffix", SUFFIXES)
@FEW
@given(
    labels=hnp.arrays(np.uint8, SHAPES, elements=st.sampled_from([0, 1, 7, 255])),
    spacing=SPACINGS,
    names=st.lists(NAMES, min_size=4, max_size=4, unique=True),
)
def test_labels_come_back(suffix, labels, spacing, names):
    """Labels, the exact spacing and any phase names survive, thin shapes included."""
    phases = dict(zip(names, [0, 1, 7, 255], strict=True))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"image{suffix}"
        write(Microstructure(labels, spacing, phases), path)
        back = read_labels(path)
        assert back.labels.dtype == np.uint8
        np.testing.assert_array_equal(back.labels, labels)
        assert back.spacing == spacing
        assert dict(back.phases) == phases


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "int32", "float32", "float64"])
def test_grey_values_come_back(tmp_path, suffix, dtype):
    """Grey images keep values and kind of numbers; a stored big-endian type may become native."""
    values = (np.random.default_rng(0).normal(size=(3, 4, 5)) * 100).astype(dtype)
    write(GreyImage(values, (1e-8, 2e-8, 3e-8)), tmp_path / f"image{suffix}")
    back = read_grey(tmp_path / f"image{suffix}")
    np.testing.assert_array_equal(back.values, values)
    assert back.values.dtype.newbyteorder("=") == np.dtype(dtype).newbyteorder("=")
    assert back.spacing == (1e-8, 2e-8, 3e-8)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_large_images_cross_block_borders(tmp_path, suffix):
    """Images of several chunks and slabs are put together in the right places."""
    labels = np.random.default_rng(1).integers(0, 3, (130, 70, 65)).astype(np.uint8)
    write(Microstructure(labels, 1e-8), tmp_path / f"image{suffix}")
    np.testing.assert_array_equal(read_labels(tmp_path / f"image{suffix}").labels, labels)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_views_and_fortran_order_come_back(tmp_path, suffix):
    """A crop, whose voxels are not contiguous, and values with axis 0 fastest."""
    labels = np.random.default_rng(4).integers(0, 3, (9, 8, 7)).astype(np.uint8)
    path = tmp_path / f"image{suffix}"
    write(Microstructure(labels, 1e-8).crop(slice(1, 8), slice(2, 5), slice(3, None)), path)
    np.testing.assert_array_equal(read_labels(path).labels, labels[1:8, 2:5, 3:])
    write(GreyImage(np.asfortranarray(labels), 1e-8), path)
    np.testing.assert_array_equal(read_grey(path).values, labels)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_writing_replaces_and_leaves_nothing_else(tmp_path, suffix):
    """A second write replaces the first; no temporary name is left."""
    path = tmp_path / f"image{suffix}"
    for label in (1, 2):
        write(Microstructure(np.full((2, 2, 2), label, np.uint8), 1e-8), path)
    assert read_labels(path).labels.max() == 2
    expected = {path.name} | ({path.name + ".json"} if suffix == ".raw" else set())
    assert {p.name for p in tmp_path.iterdir()} == expected


def test_a_mapped_file_can_be_written_onto_itself(tmp_path):
    """The map that is being read survives, since the new file has another inode."""
    labels = np.random.default_rng(2).integers(0, 2, (6, 5, 4)).astype(np.uint8)
    write(Microstructure(labels, 1e-8), tmp_path / "a.raw")
    write(read_labels(tmp_path / "a.raw"), tmp_path / "a.raw")
    np.testing.assert_array_equal(read_labels(tmp_path / "a.raw").labels, labels)


@pytest.mark.parametrize(
    ("name", "match"),
    [
        ("image.npy", "can't hold the spacing"),
        ("image.xyz", "unknown suffix '.xyz'"),
        ("missing/image.npz", "does not exist"),
        ("missing/image.zarr", "does not exist"),
        ("folder.npz", "can't be written"),
        ("folder.zarr", "no Zarr folder"),
        ("folder", "was not written by vmt"),
    ],
)
def test_impossible_targets_are_refused(tmp_path, name, match):
    """Unknown suffixes, missing folders and directories in the way: one error, nothing touched."""
    for occupied in ("folder", "folder.npz", "folder.zarr"):
        (tmp_path / occupied).mkdir()
        (tmp_path / occupied / "precious.txt").write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=match):
        write(Microstructure(np.zeros((2, 2, 2), np.uint8), 1e-8), tmp_path / name)
    assert sorted(tmp_path.rglob("*")) == before


def test_types_that_a_format_can_not_hold_are_refused(tmp_path):
    """OME-TIFF has no 64-bit integers, VTI no half floats; neither leaves a file."""
    with pytest.raises(InputError, match="int64"):
        write(GreyImage(np.ones((2, 2, 2), np.int64), 1e-8), tmp_path / "a.tif")
    with pytest.raises(InputError, match="float16"):
        write(GreyImage(np.ones((2, 2, 2), np.float16), 1e-8), tmp_path / "a.vti")
    with pytest.raises(InputError, match="ndarray"):
        write(np.ones((2, 2, 2)), tmp_path / "a.npz")  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
