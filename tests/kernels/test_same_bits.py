"""Kernels give the same bits whether a process compiled them or found them in the cache."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import TypingError

import vmt
from vmt.kernels._lanes import LANES, dot

PACKAGE = Path(vmt.__file__).parent

SWEEP = """
import sys
import vmt
from vmt.kernels.multigrid import _color_byte as byte, _color_count as count
if __name__ == "__main__":
    sweep = vmt.Sweep(
        model="chi_square_excursion_set",
        parameters={"rate": 7.28e6, "degrees_of_freedom": 2},
        factors={"volume_fraction": [0.4, 0.5]}, shape=[40, 40, 40], spacing="20 nm",
        measurements=[{"name": "m_factor", "options": {"phases": ["solid", "pore"]}}, "describe"],
    )
    rows = vmt.run(sweep, cluster="inline", store=sys.argv[1]).rows
    for name in rows.columns:
        if rows[name].dtype == float and name not in ("seconds", "finished"):
            print(name, [value.hex() for value in rows[name]])
    if sys.argv[2] == "compiles":
        for kernel in (byte.byte_ascend, byte.byte_descend, count.count_ascend):
            for code in kernel.inspect_asm().values():
                assert len(code) > 1000, "no machine code to look at"
                assert "vfmadd" not in code and "fmla" not in code, kernel
"""


def two_processes(directory: Path) -> list[str]:
    """Numbers of a sweep in two processes, of which the first has an empty cache of kernels."""
    kernels = str(directory / "kernels")
    environment = {**os.environ, "NUMBA_CACHE_DIR": kernels, "NUMBA_NUM_THREADS": "1"}
    return [
        subprocess.run(
            [sys.executable, "-c", SWEEP, str(directory / says), says],
            env=environment, capture_output=True, text=True, check=True,
        ).stdout
        for says in ("compiles", "loads")
    ]  # fmt: skip


def test_no_kernel_gives_the_compiler_a_choice() -> None:
    """Nowhere may sums be reordered, nor products joined with sums."""
    seen = 0
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "fastmath":
                pytest.fail(f"{path}:{node.value.lineno} has fastmath")
            seen += isinstance(node, ast.Name) and node.id == "njit"
    assert seen > 50


@pytest.mark.parametrize("n", [0, 1, LANES - 1, LANES, LANES + 1, 1000])
@pytest.mark.parametrize("types", [("f4", "f4"), ("f4", "f8"), ("f8", "f8")])
def test_order_of_a_product_is_the_one_written_down(n: int, types: tuple[str, str]) -> None:
    """A slow twin, lane by lane, gives the same bits; numpy's sum is the same up to rounding."""
    rng = np.random.default_rng(n)
    x, y = (rng.standard_normal(n).astype(kind) for kind in types)
    products = (x.astype(float) * y.astype(float)).tolist()
    lanes = [0.0] * LANES
    whole = n // LANES * LANES
    for m in range(whole):
        lanes[m % LANES] += products[m]
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [lanes[m] + lanes[half + m] for m in range(half)]
    slow = lanes[0]
    for product in products[whole:]:
        slow += product
    assert dot(x, y) == slow
    assert slow == pytest.approx(float(x.astype(float) @ y.astype(float)), abs=1e-11)


@pytest.mark.parametrize("row", [np.zeros(64)[::2], np.zeros(64, int), np.zeros((8, 8))])
def test_only_contiguous_rows_of_floats_are_loaded(row: np.ndarray) -> None:
    """Strides, integers and planes are refused when compiled: no wrong number is read."""
    with pytest.raises(TypingError, match="contiguous row of floats"):
        dot(row, row)


def test_compiling_changes_no_bit(tmp_path: Path) -> None:
    """Every number of a sweep's rows has the same bits with an empty cache and with a full one."""
    first, second = two_processes(tmp_path)
    assert first == second
    assert "m_factor(solid)" in first
    assert len(first.splitlines()) > 20
