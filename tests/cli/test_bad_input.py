"""Bad input through the real command: one clear line, exit code 2, and nothing left on disk."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

import vmt

SPACING = ("--spacing", "20 nm")


def run(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the `vmt` command in a folder of its own."""
    return subprocess.run(
        [sys.executable, "-m", "vmt", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=7e6), 0.5)
    image = model.sample((32, 32, 32), 20e-9, rng=1).labels
    rng = np.random.default_rng(0)
    tifffile.imwrite(tmp_path / "good.tif", image, photometric="minisblack")
    tifffile.imwrite(tmp_path / "flat.tif", image[0], photometric="minisblack")
    tifffile.imwrite(tmp_path / "one.tif", np.ones_like(image), photometric="minisblack")
    grey = rng.integers(0, 255, image.shape, dtype=np.uint8)
    tifffile.imwrite(tmp_path / "grey.tif", grey, photometric="minisblack")
    holes = image.astype(np.float32)
    holes[3, 4, 5] = np.nan
    tifffile.imwrite(tmp_path / "nan.tif", holes, photometric="minisblack")
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.txt").write_text("years of work")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("twin", "good.tif", "--spacing", "20 parsec"), "parsec"),
        (("twin", "good.tif", "--spacing", "20"), "unit"),
        (("twin", "good.tif"), "spacing"),
        (("twin", "good.tif", *SPACING, "--phase", "binder"), "binder"),
        (("twin", "good.tif", *SPACING, "--phase", "7"), "7"),
        (("twin", "one.tif", *SPACING), "everything of the image"),
        (("twin", "grey.tif", *SPACING), "read_grey"),
        (("twin", "nan.tif", *SPACING), "NaN"),
        (("twin", "flat.tif", *SPACING), "3D"),
        (("twin", "good.tif", *SPACING, "--out", "theirs"), "theirs"),
        (("twin", "nowhere.tif", *SPACING), "nowhere.tif"),
        (("describe", "grey.tif", *SPACING), "read_grey"),
        (("transport", "good.tif", *SPACING, "--phase", "binder"), "binder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_bad_input_is_one_line(folder: Path, arguments: tuple[str, ...], says: str) -> None:
    """One line that names the trouble, exit code 2, no output, and the folder as it was."""
    before = sorted(str(p) for p in folder.rglob("*"))
    done = run(*arguments, "--quiet", cwd=folder)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert says in lines[0]
    assert sorted(str(p) for p in folder.rglob("*")) == before


def test_image_beyond_memory(folder: Path) -> None:
    """A twin of an image that does not fit the memory is refused before work starts."""
    big = np.lib.format.open_memmap(folder / "big.npy", "w+", np.uint8, (400, 400, 400))
    big[::2] = 1
    del big
    done = run("twin", "big.npy", *SPACING, cwd=folder, VMT_MEMORY_LIMIT="1GiB")
    assert done.returncode == 2
    assert "memory" in done.stderr.splitlines()[-1]
    assert not (folder / "twin").exists()


def test_a_billion_voxels_are_refused_from_the_header(tmp_path: Path) -> None:
    """A compressed stack of 10⁹ voxels beyond the budget is refused before it is decoded."""
    import zarr

    stack = zarr.create_array(
        str(tmp_path / "huge.zarr"), shape=(1000, 1000, 1000), chunks=(100, 100, 100), dtype="u1"
    )
    assert stack.shape == (1000, 1000, 1000)
    done = run("twin", "huge.zarr", *SPACING, cwd=tmp_path, VMT_MEMORY_LIMIT="500MiB")
    assert done.returncode == 2
    assert "memory" in done.stderr
    assert sorted(p.name for p in tmp_path.iterdir()) == ["huge.zarr"]


def test_a_phase_without_a_path_is_no_error(folder: Path) -> None:
    """A phase that does not percolate gives 0 with one line that says so, exit code 0."""
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[:9] = 1
    tifffile.imwrite(folder / "gap.tif", labels, photometric="minisblack")
    done = run("transport", "gap.tif", *SPACING, "--json", cwd=folder)
    assert done.returncode == 0
    assert '"percolates": false' in done.stdout
    assert "no path" in done.stderr


def test_twin_end_to_end_and_again(folder: Path) -> None:
    """The real command writes its report; the same command goes on from its parts; another is
    refused without --force."""
    command = ("twin", "good.tif", *SPACING, "--realizations", "2", "--families", "skip")
    first = run(*command, cwd=folder, VMT_RENDERER="matplotlib")
    assert first.returncode == 0, first.stderr
    page = (folder / "twin" / "report.html").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert {"report.html", "table.csv", "provenance.json", "result.json"} <= {
        p.name for p in (folder / "twin").iterdir()
    }
    (part,) = (folder / "twin" / "realizations" / "parts").iterdir()
    stamp = part.stat().st_mtime_ns
    again = run(*command, cwd=folder, VMT_RENDERER="matplotlib")
    assert again.returncode == 0
    assert part.stat().st_mtime_ns == stamp
    other = run(*command, "--seed", "8", cwd=folder)
    assert other.returncode == 2
    assert "--force" in other.stderr
