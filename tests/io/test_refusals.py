"""Wrong, damaged and hostile input: one InputError that says what to do, and no big allocation."""

import base64
import json
import os
import struct
import zipfile
import zlib

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from vmt.errors import InputError, MemoryBudgetError
from vmt.io import read_grey, read_labels, write
from vmt.microstructure import Microstructure

LABELS = np.random.default_rng(0).integers(0, 2, (8, 9, 10)).astype(np.uint8)
SIDECAR = {"schema_version": 1, "shape": [8, 9, 10], "dtype": "uint8", "order": "C"}
SIDECAR |= {"byte_order": "little", "spacing [m]": [1e-8] * 3}


def png(path, array):
    """Write a PNG."""
    from PIL import Image

    Image.fromarray(array).save(path)


def raw(folder, **changes):
    """Write a raw file whose sidecar is changed."""
    (folder / "a.raw").write_bytes(LABELS.tobytes())
    (folder / "a.raw.json").write_text(json.dumps(SIDECAR | changes))
    return folder / "a.raw"


def saved(folder, array, name="a.npy"):
    """Write an .npy file."""
    np.save(folder / name, array)
    return folder / name


def tiff(folder, array, **options):
    """Write a TIFF file."""
    tifffile.imwrite(folder / "a.tif", array, **options)
    return folder / "a.tif"


def two_sizes(folder, kind):
    """Two slices of different size."""
    for name, rows in (("0", 3), ("1", 4)):
        plane = np.zeros((rows, 5), np.uint8)
        if kind == "png":
            png(folder / f"{name}.png", plane)
        else:
            tifffile.imwrite(folder / f"{name}.tif", plane)
    return folder


def pages_differ(folder):
    """A TIFF with two pages of different size."""
    with tifffile.TiffWriter(folder / "a.tif") as writer:
        writer.write(LABELS[0])
        writer.write(LABELS[0, :4])
    return folder / "a.tif"


def text(folder, name, content):
    """Write a file with this content."""
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder / name


def mixed(folder):
    """A TIFF and a PNG side by side."""
    png(folder / "0.png", LABELS[0])
    tifffile.imwrite(folder / "1.tif", LABELS[0])
    return folder


def external(folder):
    """An HDF5 dataset whose voxels are another file."""
    (folder / "secret").write_bytes(bytes(720))
    with h5py.File(folder / "a.h5", "w") as file:
        file.create_dataset("x", (8, 9, 10), "u1", external=[(str(folder / "secret"), 0, 720)])
    return folder / "a.h5"


def npz_that_lies(folder):
    """A member whose header promises more than it holds."""
    with zipfile.ZipFile(folder / "a.npz", "w") as archive, archive.open("x.npy", "w") as stream:
        header = {"descr": "|u1", "fortran_order": False, "shape": (8, 9, 10)}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(bytes(100))
    return folder / "a.npz"


def newer_zarr(folder):
    """A Zarr array of a future vmt."""
    made = zarr.create_array(str(folder / "a.zarr"), data=LABELS)
    made.attrs["vmt"] = {"schema_version": 99}
    return folder / "a.zarr"


GREY = np.arange(720, dtype=np.uint8).reshape(8, 9, 10)
BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><VTKFile>&b;</VTKFile>'

CASES = {
    "no such file": (lambda f: f / "none.tif", "No such file"),
    "unknown suffix": (lambda f: text(f, "a.doc", "x"), "no known suffix"),
    "empty folder": (lambda f: f, "holds no slice"),
    "empty zarr": (lambda f: (f / "a.zarr").mkdir() or f / "a.zarr", "no Zarr array"),
    "not a tiff": (lambda f: text(f, "a.tif", "hello"), "can't be decoded"),
    "color tiff": (
        lambda f: tiff(f, np.zeros((4, 5, 3), np.uint8), photometric="rgb"),
        "color image",
    ),
    "hyperstack": (
        lambda f: tiff(f, np.zeros((2, 3, 4, 5), np.uint8), imagej=True),
        "one stack of slices",
    ),
    "pages differ": (pages_differ, "all alike"),
    "color png": (
        lambda f: png(f / "0.png", np.zeros((4, 5, 3), np.uint8)) or f,
        "color image",
    ),
    "slices of two sizes (png)": (lambda f: two_sizes(f, "png"), r"1.png.*4×5.*expected 3×5"),
    "slices of two sizes (tif)": (lambda f: two_sizes(f, "tif"), r"1.tif.*4×5.*expected 3×5"),
    "two kinds of slices": (mixed, "mixes PNG and TIFF"),
    "grey as labels, mapped": (lambda f: saved(f, GREY), r"grey image.*read_grey"),
    "grey as labels, compressed": (
        lambda f: tiff(f, GREY, compression="zlib"),
        r"grey image.*read_grey",
    ),
    "grey of 16 bits": (
        lambda f: saved(f, GREY.astype(np.uint16) * 300),
        r"grey image.*read_grey",
    ),
    "two values of 16 bits": (lambda f: saved(f, LABELS.astype(np.uint16) * 65535), "0 to 65535"),
    "fractions": (lambda f: saved(f, LABELS * 0.5), r"fractions, as 0.5.*read_grey"),
    "NaN": (lambda f: saved(f, np.where(LABELS, np.nan, 0.0)), "NaN"),
    "negative": (lambda f: saved(f, -LABELS.astype(np.int16)), "from -1 to 0"),
    "complex": (lambda f: saved(f, LABELS * 1j), "whole or real"),
    "four axes": (lambda f: saved(f, np.zeros((2, 2, 2, 2), np.uint8)), "expected three axes"),
    "no voxels": (lambda f: saved(f, np.zeros((2, 0, 2), np.uint8)), "can't be|no voxel"),
    "raw too short": (lambda f: raw(f, shape=[8, 9, 11]), "720 bytes.*needs 792"),
    "raw without sidecar": (lambda f: text(f, "a.raw", "x"), r"sidecar 'a.raw.json'"),
    "raw of a newer vmt": (lambda f: raw(f, schema_version=2), "newer vmt"),
    "raw without schema": (lambda f: raw(f, schema_version=None), "no schema_version"),
    "raw of objects": (lambda f: raw(f, dtype="object"), "dtype"),
    "raw of odd order": (lambda f: raw(f, order="Z"), "order"),
    "raw of negative shape": (lambda f: raw(f, shape=[-8, -9, 10]), "shape"),
    "raw with odd phases": (lambda f: raw(f, phases={"a": "b"}), "phases"),
    "raw with odd spacing": (lambda f: raw(f, **{"spacing [m]": [1, 2]}), "spacing"),
    "sidecar is no JSON": (
        lambda f: text(f, "a.raw", "x") and text(f, "a.raw.json", "{") and f / "a.raw",
        "not JSON",
    ),
    "pickle in npy": (lambda f: saved(f, np.array([[[{}]]], dtype=object)), "can't be"),
    "npz that lies": (npz_that_lies, "header needs"),
    "npz without image": (
        lambda f: np.savez(f / "a.npz", x=np.zeros(3)) or f / "a.npz",
        "holds 0 arrays",
    ),
    "not an npz": (lambda f: text(f, "a.npz", "x"), "can't be decoded"),
    "not an h5": (lambda f: text(f, "a.h5", "x"), "can't be read"),
    "h5 with outside data": (external, "other files"),
    "newer zarr": (newer_zarr, "newer vmt"),
    "xml entities": (lambda f: text(f, "a.vti", BOMB), "document type"),
    "vti is no xml": (lambda f: text(f, "a.vti", "<VTK"), "not well-formed"),
    "vti of another kind": (lambda f: text(f, "a.vti", "<VTKFile/>"), "no VTK image data"),
}


@pytest.mark.parametrize("case", CASES)
def test_unusable_input(tmp_path, case):
    """Each kind of unusable input raises one InputError with its reason."""
    make, match = CASES[case]
    path = make(tmp_path)
    with pytest.raises(InputError, match=match):
        read_labels(path, spacing="10 nm")


@pytest.mark.parametrize(("extra", "refused"), [(0, False), (1, True), (10**7, True)])
def test_compressed_vti_unpacks_to_what_its_header_says(tmp_path, extra, refused):
    """Zlib blocks that unpack to more bytes than the voxels need are refused."""
    packed = zlib.compress(bytes([0, 1, 2, 3]) + bytes(extra))
    header = struct.pack("<4I", 1, 4, 4, len(packed))
    data = (base64.b64encode(header) + base64.b64encode(packed)).decode()
    content = f"""<VTKFile type="ImageData" byte_order="LittleEndian" header_type="UInt32"
    compressor="vtkZLibDataCompressor"><ImageData WholeExtent="0 4 0 1 0 1"><Piece><CellData>
    <DataArray type="UInt8" Name="x" format="binary">{data}</DataArray></CellData></Piece>
    </ImageData></VTKFile>"""
    path = text(tmp_path, "a.vti", content)
    if refused:
        with pytest.raises(InputError, match="more than 4 bytes"):
            read_labels(path, spacing=1e-8)
    else:
        labels = read_labels(path, spacing=1e-8).labels
        np.testing.assert_array_equal(labels.ravel(), [0, 1, 2, 3])


@pytest.mark.parametrize("suffix", [".tif", ".raw", ".npz", ".h5", ".vti"])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.7, 0.95])
def test_truncated_files(tmp_path, suffix, keep):
    """A file cut off anywhere is refused, whatever its decoder raises."""
    path = tmp_path / f"a{suffix}"
    labels = np.random.default_rng(1).integers(0, 3, (20, 20, 20)).astype(np.uint8)
    write(Microstructure(labels, 1e-8), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    with pytest.raises(InputError):
        read_labels(path)


@pytest.mark.parametrize("suffix", [".tif", ".npz", ".h5", ".vti"])
def test_flipped_bytes(tmp_path, suffix):
    """Damage inside gives the right labels, other labels, or a vmt error, never another one."""
    path = tmp_path / f"a{suffix}"
    write(Microstructure(LABELS, 1e-8), path)
    content = bytearray(path.read_bytes())
    rng = np.random.default_rng(3)
    for _ in range(60):
        damaged = content.copy()
        for place in rng.integers(0, len(content), 3):
            damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        try:
            read_labels(path, spacing=1e-8)
        except (InputError, MemoryBudgetError):
            pass
        except UserWarning:
            pass  # the damaged spacing differs from the given one


@pytest.mark.parametrize(
    ("spacing", "match"),
    [
        (0.398, r'did you mean "398 nm"'),
        (10, r'did you mean "10 nm"'),
        ((1e-8, 1e-8, 20.0), r'did you mean "20 nm"'),
        (1e-14, "spacings are in meters"),
        (-1e-8, "positive"),
        (float("nan"), "positive"),
        ("10", "unit"),
        ("10 parsec", "unknown unit"),
        ("10 nm, 10 nm", "one for cubic voxels or three"),
    ],
)
def test_wrong_units(tmp_path, spacing, match):
    """A voxel that no microscope makes is a wrong unit, and the error says which was meant."""
    np.save(tmp_path / "a.npy", LABELS)
    with pytest.raises(InputError, match=match):
        read_labels(tmp_path / "a.npy", spacing=spacing)


def test_an_impossible_spacing_in_the_file_is_refused(tmp_path):
    """A file that says meters where it means micrometers doesn't get through."""
    path = raw(tmp_path, **{"spacing [m]": [0.398] * 3})
    with pytest.raises(InputError, match=r"a\.raw.*398 nm"):
        read_labels(path)


def test_size_is_checked_before_allocation(tmp_path, monkeypatch):
    """A header that asks for 2 TiB stops at the budget, and small files above it too."""
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        np.lib.format.write_array_header_1_0(
            stream := archive.open("x.npy", "w"),
            {"descr": "|u1", "fortran_order": False, "shape": (2**14, 2**14, 2**13)},
        )
        stream.close()
    with pytest.raises(InputError):
        read_labels(tmp_path / "a.npz", spacing=1e-8)
    made = zarr.create_array(
        str(tmp_path / "a.zarr"), shape=(2**14, 2**14, 2**13), chunks=(64, 64, 64), dtype="u1"
    )
    assert made.shape[0] == 2**14
    with pytest.raises(MemoryBudgetError, match=r"2\.0 TiB.*Crop or coarsen"):
        read_labels(tmp_path / "a.zarr", spacing=1e-8)
    tiff(tmp_path, LABELS, compression="zlib")
    monkeypatch.setenv("VMT_MEMORY_LIMIT", "100")
    with pytest.raises(MemoryBudgetError, match=r"a\.tif"):
        read_grey(tmp_path / "a.tif", spacing=1e-8)


def test_a_grey_stack_stops_at_its_first_page(tmp_path, monkeypatch):
    """Reading grey as labels decodes one page, not the stack."""
    tiff(tmp_path, np.repeat(np.arange(256, dtype=np.uint8).reshape(1, 16, 16), 50, 0),
         compression="zlib")  # fmt: skip
    pages = []
    original = tifffile.TiffPage.asarray
    monkeypatch.setattr(
        tifffile.TiffPage,
        "asarray",
        lambda self, *a, **k: pages.append(1) or original(self, *a, **k),
    )
    monkeypatch.setattr(
        tifffile.TiffFrame,
        "asarray",
        lambda self, *a, **k: pages.append(1) or original(self, *a, **k),
    )
    with pytest.raises(InputError, match="read_grey"):
        read_labels(tmp_path / "a.tif", spacing=1e-8)
    assert len(pages) == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_file(tmp_path):
    """A file without permission is an InputError, not a PermissionError."""
    path = saved(tmp_path, LABELS)
    path.chmod(0)
    with pytest.raises(InputError, match="Permission denied"):
        read_labels(path, spacing=1e-8)


def test_dataset_is_refused_where_it_means_nothing(tmp_path):
    """dataset= on a file with one image is a mistake, not ignored."""
    with pytest.raises(InputError, match="holds one image only"):
        read_labels(saved(tmp_path, LABELS), spacing=1e-8, dataset="x")


def test_grey_nan_is_refused(tmp_path):
    """NaN in a grey image is an error that says so."""
    with pytest.raises(InputError, match="NaN"):
        read_grey(saved(tmp_path, np.where(LABELS, np.nan, 0.0)), spacing=1e-8)
