"""What the package shows to its users, and what importing it costs."""

import subprocess
import sys
from pathlib import Path

import pytest

import vmt

DOORS = ("gstools", "pyshtools", "skfem", "dask", "distributed", "statsmodels", "pandas", "zarr")
DOORS += ("h5py", "tifffile", "pyvista", "vtk", "matplotlib", "torch", "typer", "numba", "scipy")


def test_public_names_exist_and_are_documented() -> None:
    """Every public name resolves, and what is a function or class has a docstring."""
    assert "Microstructure" in vmt.__all__
    for name in vmt.__all__:
        thing = getattr(vmt, name)
        if callable(thing):
            assert thing.__doc__, f"vmt.{name} has no docstring"


def test_public_names_are_the_expected_ones() -> None:
    """Names appear or vanish only together with this list."""
    expected = Path(__file__).with_name("public_names.txt").read_text().split()
    assert sorted(vmt.__all__) == sorted(expected)


def test_public_names_are_in_the_docs() -> None:
    """The reference page names every public function and class."""
    page = Path(__file__).parents[1] / "docs" / "reference.md"
    text = page.read_text(encoding="utf-8")
    missing = [
        name for name in vmt.__all__ if f"`{name}`" not in text and f"vmt.{name}" not in text
    ]
    assert missing == []


@pytest.mark.parametrize("statement", ["import vmt", "import vmt; dir(vmt)"])
def test_import_loads_no_heavy_package(statement: str) -> None:
    """`import vmt` opens none of the doors to the heavy packages."""
    code = f"{statement}; import sys; print([m for m in {DOORS!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "name", ["Microstructure", "ChiSquareExcursionSet", "effective_conductivity", "read_labels"]
)
def test_each_name_opens_only_its_own_doors(name: str) -> None:
    """Using a model, a solver or a reader does not load packages that only others need."""
    doors = tuple(d for d in DOORS if d not in ("numba", "scipy"))
    code = f"import vmt; vmt.{name}; import sys; print([m for m in {doors!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
