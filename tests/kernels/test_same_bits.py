"""Kernels give the same bits whether a process compiled them or found them in the cache."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import vmt
from vmt.kernels.multigrid._partial_sums import fold

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
    """Nowhere may sums be reordered or products joined with sums: the source fixes each rounding."""
    seen = 0
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "fastmath":
                pytest.fail(f"{path}:{node.value.lineno} has fastmath")
            seen += isinstance(node, ast.Name) and node.id == "njit"
    assert seen > 50


@pytest.mark.parametrize("n", [1, 2, 3, 7, 256, 1000])
def test_fold_adds_halves(n: int) -> None:
    """The order of the sum is the one documented, and the sum is right."""
    row = np.random.default_rng(n).standard_normal(n)
    slow = row.tolist()
    while len(slow) > 1:
        half = (len(slow) + 1) // 2
        slow = [
            slow[m] + slow[half + m] if half + m < len(slow) else slow[m] for m in range(half)
        ]
    assert fold(row.copy()) == slow[0]
    assert slow[0] == pytest.approx(row.sum(), abs=1e-12)


def test_compiling_changes_no_bit(tmp_path: Path) -> None:
    """Every number of a sweep's rows has the same bits with an empty cache and with a full one."""
    first, second = two_processes(tmp_path)
    assert first == second
    assert "m_factor(solid)" in first
    assert len(first.splitlines()) > 20
