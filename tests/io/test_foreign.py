"""Files of other programs: where their spacing is, which axis is which, what stays mapped."""

import json
import subprocess
import sys
import warnings

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from vmt.errors import InputError, VmtWarning
from vmt.io import read_grey, read_labels

LABELS = np.random.default_rng(0).integers(0, 2, (4, 5, 6)).astype(np.uint8)


def is_mapped(array):
    """Whether an array is a memory map that can't be written through."""
    return isinstance(array, np.memmap) and not array.flags.writeable


def test_ome_sizes_are_z_y_x(tmp_path):
    """PhysicalSizeZ is dx, Y dy, X dz, each with its own unit; plain pages are mapped."""
    sizes = {"PhysicalSizeZ": 20, "PhysicalSizeZUnit": "nm", "PhysicalSizeY": 0.3}
    sizes |= {"PhysicalSizeYUnit": "µm", "PhysicalSizeX": 0.4}
    tifffile.imwrite(tmp_path / "a.ome.tif", LABELS, metadata={"axes": "ZYX", **sizes})
    m = read_labels(tmp_path / "a.ome.tif")
    np.testing.assert_allclose(m.spacing, (20e-9, 0.3e-6, 0.4e-6))
    assert is_mapped(m.labels)
    np.testing.assert_array_equal(m.labels, LABELS)


def test_a_scale_changed_by_another_program_wins(tmp_path):
    """vmt's description keeps the names, but the OME sizes are believed if they differ."""
    ours = {"vmt": {"schema_version": 1, "spacing [m]": [1e-8] * 3, "phases": {"a": 0, "b": 1}}}
    sizes = {f"PhysicalSize{a}": 0.05 for a in "XYZ"}
    text = json.dumps(ours)
    tifffile.imwrite(
        tmp_path / "a.ome.tif", LABELS, metadata={"axes": "ZYX", "Description": text, **sizes}
    )
    m = read_labels(tmp_path / "a.ome.tif")
    np.testing.assert_allclose(m.spacing, 5e-8)
    assert dict(m.phases) == {"a": 0, "b": 1}


@pytest.mark.parametrize("unit", ["um", "\\u00B5m", "micron", "Microns"])
def test_imagej_calibration(tmp_path, unit):
    """ImageJ's resolution is in pixels per unit, its depth in units; all spellings of µm."""
    tifffile.imwrite(
        tmp_path / "a.tif",
        LABELS,
        imagej=True,
        resolution=(1 / 0.4, 1 / 0.3),
        metadata={"axes": "ZYX", "spacing": 0.2, "unit": unit},
    )
    m = read_labels(tmp_path / "a.tif")
    np.testing.assert_allclose(m.spacing, (0.2e-6, 0.3e-6, 0.4e-6), rtol=1e-6)
    assert is_mapped(m.labels)


@pytest.mark.parametrize(
    "options",
    [
        {"imagej": True, "resolution": (2.0, 2.0), "metadata": {"unit": "um"}},  # no depth
        {"imagej": True, "resolution": (2.0, 2.0), "metadata": {"spacing": 0.5, "unit": "pixel"}},
        {"imagej": True, "metadata": {"spacing": 0.5}},
        {"resolution": (300, 300), "resolutionunit": "INCH"},  # no depth, and a printer's number
        {"metadata": {"axes": "ZYX"}},
        {"ome": True, "metadata": {"axes": "ZYX", "PhysicalSizeX": 1.0, "PhysicalSizeY": 1.0}},
        {
            "ome": True,
            "metadata": {
                f"PhysicalSize{a}{u}": v for a in "XYZ" for u, v in (("", 1), ("Unit", "pixel"))
            },
        },
    ],
)
def test_an_incomplete_spacing_is_not_guessed(tmp_path, options):
    """A spacing without depth or without a length's unit is none: the caller must give it."""
    tifffile.imwrite(tmp_path / "a.tif", LABELS, photometric="minisblack", **options)
    with pytest.raises(InputError, match=r'never guessed.*spacing="10 nm"'):
        read_labels(tmp_path / "a.tif")
    assert read_labels(tmp_path / "a.tif", spacing="10 nm").spacing == (1e-8, 1e-8, 1e-8)


def test_compressed_tiff_is_decoded(tmp_path):
    """Deflated pages give one plain array; bool masks, whole floats and 16 bit become uint8."""
    for name, stored in {
        "byte": LABELS,
        "bool": LABELS.astype(bool),
        "float": LABELS.astype(np.float32),
        "short": LABELS.astype(np.uint16),
        "signed": LABELS.astype(np.int32),
    }.items():
        tifffile.imwrite(
            tmp_path / f"{name}.tif", stored, compression="zlib", photometric="minisblack"
        )
        m = read_labels(tmp_path / f"{name}.tif", spacing=1e-8)
        assert m.labels.dtype == np.uint8
        np.testing.assert_array_equal(m.labels, LABELS, err_msg=name)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
def test_a_2d_tiff_has_one_layer_in_axis_2(tmp_path, options):
    """Rows and columns of a single page are axes 0 and 1."""
    tifffile.imwrite(tmp_path / "a.tif", LABELS[0], **options)
    m = read_labels(tmp_path / "a.tif", spacing=1e-8)
    np.testing.assert_array_equal(m.labels, LABELS[0][..., None])


def test_0_255_image_is_pore_and_solid(tmp_path):
    """A two-valued mask keeps its labels, and 0 is the pore."""
    np.save(tmp_path / "a.npy", LABELS * np.uint8(255))
    m = read_labels(tmp_path / "a.npy", spacing=1e-8)
    assert dict(m.phases) == {"pore": 0, "solid": 255}
    assert m.volume_fraction("solid") == LABELS.mean()


@pytest.mark.parametrize("dtype", ["uint8", "bool", "uint16"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy_is_mapped(tmp_path, dtype, order):
    """Plain bytes in C order stay a read-only map; another type or order is copied."""
    np.save(tmp_path / "a.npy", np.asarray(LABELS, dtype, order=order))
    m = read_labels(tmp_path / "a.npy", spacing=1e-8)
    assert is_mapped(m.labels) == (order == "C" and dtype != "uint16")
    assert m.labels.flags.c_contiguous
    np.testing.assert_array_equal(m.labels, LABELS)
    grey = read_grey(tmp_path / "a.npy", spacing=1e-8)
    assert is_mapped(grey.values) == (order == "C")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("byte_order", ["little", "big"])
def test_raw_with_a_hand_written_sidecar(tmp_path, order, byte_order):
    """Order, byte order and a spacing with its unit are read as documented."""
    values = np.arange(120, dtype=np.uint16).reshape(4, 5, 6)
    stored = values.astype(">u2" if byte_order == "big" else "<u2")
    (tmp_path / "a.raw").write_bytes(stored.tobytes(order))
    sidecar = {"schema_version": 1, "shape": [4, 5, 6], "dtype": "uint16", "order": order}
    sidecar |= {"byte_order": byte_order, "spacing [m]": "10 nm, 20 nm, 30 nm"}
    (tmp_path / "a.json").write_text(json.dumps(sidecar))
    for name in ("a.raw", "a.json"):
        image = read_grey(tmp_path / name)
        np.testing.assert_array_equal(image.values, values)
        np.testing.assert_allclose(image.spacing, (1e-8, 2e-8, 3e-8))
        assert is_mapped(image.values) == (order == "C")


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("compressors", [None, "auto"])
def test_plain_zarr_is_mapped(tmp_path, zarr_format, compressors):
    """One uncompressed chunk is a map; anything else is decoded chunk by chunk."""
    made = zarr.create_array(
        str(tmp_path / "a.zarr"),
        shape=LABELS.shape,
        dtype=LABELS.dtype,
        chunks=LABELS.shape if compressors is None else (3, 2, 4),
        compressors=compressors,
        zarr_format=zarr_format,
    )
    made[...] = LABELS
    m = read_labels(tmp_path / "a.zarr", spacing=1e-8)
    assert is_mapped(m.labels) == (compressors is None)
    np.testing.assert_array_equal(m.labels, LABELS)


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_level_0(tmp_path, version):
    """Level 0 of a pyramid is read with scale times unit, time and channel left out."""
    pyramid = {
        "axes": [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
        + [{"name": n, "type": "space", "unit": "nanometer"} for n in "zyx"],
        "datasets": [
            {
                "path": name,
                "coordinateTransformations": [{"type": "scale", "scale": [1, 1, *scale]}],
            }
            for name, scale in (("0", [10, 20, 30]), ("1", [20, 40, 60]))
        ],
        "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 2, 1, 1]}],
    }
    attributes = {"multiscales": [pyramid]}
    if version == "0.5":
        attributes = {"ome": {"version": version, **attributes}}
    group = zarr.open_group(
        str(tmp_path / "a.zarr"), mode="w", zarr_format=2 if version == "0.4" else 3
    )
    group.attrs.update(attributes)
    for name, labels in (("0", LABELS), ("1", LABELS[::2, ::2, ::2])):
        made = group.create_array(name, shape=(1, 1, *labels.shape), dtype=labels.dtype)
        made[0, 0] = labels
    m = read_labels(tmp_path / "a.zarr")
    np.testing.assert_array_equal(m.labels, LABELS)
    np.testing.assert_allclose(m.spacing, (20e-9, 20e-9, 30e-9))
    coarse = read_labels(tmp_path / "a.zarr", dataset="1", spacing=1e-8)
    np.testing.assert_array_equal(coarse.labels, LABELS[::2, ::2, ::2])


def test_hdf5_of_fiji(tmp_path):
    """element_size_um is (z, y, x) in stored order; a contiguous dataset is mapped."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        item = file.create_dataset("group/image", data=LABELS)
        item.attrs["element_size_um"] = [0.1, 0.2, 0.3]
        file.create_dataset("curve", data=np.zeros(5))
    m = read_labels(tmp_path / "a.h5")
    np.testing.assert_allclose(m.spacing, (1e-7, 2e-7, 3e-7))
    np.testing.assert_array_equal(m.labels, LABELS)
    assert is_mapped(m.labels)


@pytest.mark.parametrize("suffix", [".h5", ".npz", ".zarr"])
def test_one_of_several_arrays_must_be_named(tmp_path, suffix):
    """Two images in a file: an error that lists both, until dataset= names one."""
    path = tmp_path / f"a{suffix}"
    arrays = {"first": LABELS, "second": LABELS[::-1]}
    if suffix == ".h5":
        with h5py.File(path, "w") as file:
            for name, value in arrays.items():
                file[name] = value
    elif suffix == ".npz":
        np.savez(path, **arrays)
    else:
        group = zarr.open_group(str(path), mode="w")
        for name, value in arrays.items():
            group.create_array(name, data=np.ascontiguousarray(value))
    with pytest.raises(InputError, match=r"'first', 'second'.*dataset="):
        read_labels(path, spacing=1e-8)
    with pytest.raises(InputError, match=r"no image 'third'.*'first', 'second'"):
        read_labels(path, spacing=1e-8, dataset="third")
    m = read_labels(path, spacing=1e-8, dataset="second")
    np.testing.assert_array_equal(m.labels, LABELS[::-1])


def test_fortran_npz(tmp_path):
    """An npz member with axis 0 fastest comes out with its axes in place."""
    np.savez_compressed(tmp_path / "a.npz", image=np.asfortranarray(LABELS))
    m = read_labels(tmp_path / "a.npz", spacing=1e-8)
    np.testing.assert_array_equal(m.labels, LABELS)
    np.savez_compressed(tmp_path / "b.npz", image=np.asfortranarray(LABELS[0]))
    m = read_labels(tmp_path / "b.npz", spacing=1e-8)
    np.testing.assert_array_equal(m.labels[..., 0], LABELS[0])


@pytest.mark.parametrize("kind", ["tif", "png"])
def test_folder_in_natural_order(tmp_path, kind):
    """slice2 comes before slice10; other files are left alone."""
    from PIL import Image

    stack = np.arange(12, dtype=np.uint8)[:, None, None] + np.zeros((12, 3, 4), np.uint8)
    for index, plane in enumerate(stack):
        if kind == "tif":
            tifffile.imwrite(tmp_path / f"slice{index}.tif", plane)
        else:
            Image.fromarray(plane).save(tmp_path / f"slice{index}.png")
    (tmp_path / "notes.txt").write_text("a note")
    m = read_labels(tmp_path, spacing=1e-8)
    np.testing.assert_array_equal(m.labels, stack)


def test_png_of_16_bits(tmp_path):
    """A 16-bit PNG keeps its grey values."""
    from PIL import Image

    plane = np.array([[0, 300], [65535, 7]], np.uint16)
    Image.fromarray(plane).save(tmp_path / "0.png")
    np.testing.assert_array_equal(read_grey(tmp_path, spacing=1e-8).values[0], plane)


VTI = """<VTKFile type="ImageData" version="0.1" byte_order="LittleEndian" header_type="UInt32">
<ImageData WholeExtent="0 2 0 1 0 2" Origin="0 0 0" Spacing="1 1 1"><Piece Extent="0 2 0 1 0 2">
<CellData><DataArray type="UInt8" Name="phase" format="{}">{}</DataArray></CellData>
</Piece></ImageData></VTKFile>"""


@pytest.mark.parametrize(("form", "text"), [("ascii", "0 1 2 3"), ("binary", "BAAAAAABAgM=")])
def test_plain_vti(tmp_path, form, text):
    """x runs fastest in ascii and base64 data; a spacing without a unit is not used."""
    (tmp_path / "a.vti").write_text(VTI.format(form, text))
    m = read_labels(tmp_path / "a.vti", spacing=1e-8)
    np.testing.assert_array_equal(m.labels, [[[0, 2]], [[1, 3]]])
    with pytest.raises(InputError, match="never guessed"):
        read_labels(tmp_path / "a.vti")


@pytest.mark.parametrize("place", ["cell_data", "point_data"])
def test_vti_of_vtk_and_for_vtk(tmp_path, place):
    """What VTK writes (appended, compressed) is read, and what vmt writes VTK reads."""
    pyvista = pytest.importorskip("pyvista")
    from vmt.io import write

    grow = 1 if place == "cell_data" else 0
    image = pyvista.ImageData(dimensions=tuple(n + grow for n in LABELS.shape))
    getattr(image, place)["phase"] = LABELS.ravel(order="F")
    image.save(tmp_path / "a.vti")
    m = read_labels(tmp_path / "a.vti", spacing=(1e-8, 2e-8, 3e-8))
    np.testing.assert_array_equal(m.labels, LABELS)
    write(m, tmp_path / "b.vti")
    seen = pyvista.read(tmp_path / "b.vti")
    np.testing.assert_allclose(seen.spacing, (0.01, 0.02, 0.03))
    np.testing.assert_array_equal(seen["labels"].reshape(LABELS.shape, order="F"), LABELS)


def test_given_spacing_wins_with_a_warning(tmp_path):
    """More than 0.1 % off the file: a warning that names both; within it, none."""
    sizes = {f"PhysicalSize{a}": 0.398 for a in "XYZ"}
    tifffile.imwrite(tmp_path / "a.ome.tif", LABELS, metadata={"axes": "ZYX", **sizes})
    with pytest.warns(VmtWarning, match=r"400 nm .* says 398 nm"):
        assert read_labels(tmp_path / "a.ome.tif", spacing=4e-7).spacing == (4e-7,) * 3
    with pytest.raises(VmtWarning, match="400 nm"):  # where warnings are errors, it stays one
        read_labels(tmp_path / "a.ome.tif", spacing="400 nm")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_labels(tmp_path / "a.ome.tif", spacing=398.1e-9).spacing == (398.1e-9,) * 3


def test_labels_without_a_given_name_are_named(tmp_path):
    """Names that leave labels out lose nothing; taken names are avoided."""
    np.save(tmp_path / "a.npy", np.array([[[0, 1, 2, 3]]], np.uint8))
    m = read_labels(tmp_path / "a.npy", spacing=1e-8, phases={"pore": 0, "phase 3": 1})
    assert dict(m.phases) == {"pore": 0, "phase 3": 1, "phase 2": 2, "phase 3'": 3}


def test_the_real_cathode(cathode_path):
    """The NREL cathode's three phases have the shares that its authors give; it has no spacing."""
    with pytest.raises(InputError, match="never guessed"):
        read_labels(cathode_path)
    m = read_labels(cathode_path, spacing="398 nm", phases={"pore": 0, "nmc": 1, "cbd": 2})
    assert m.shape == (251, 301, 301)
    shares = [m.volume_fraction(name) for name in m.phases]
    np.testing.assert_allclose(shares, (0.4005, 0.4995, 0.1), atol=5e-5)


def test_importing_io_opens_no_door():
    """tifffile, zarr, h5py and PIL are imported by the call that needs them."""
    doors = ("tifffile", "zarr", "h5py", "PIL")
    code = f"import sys, vmt.io; print([m for m in {doors} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
