"""Kernels give the same bits whether a process compiled them or found them in the cache."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import vmt

KERNELS = Path(vmt.__file__).parent / "kernels"
#: copy values or compute indices, so that nothing in them can be contracted
MOVERS = {
    "_at", "_clear_ghosts", "_ghosts", "_load", "_load_plane", "_split", "_store", "_store_plane",
}  # fmt: skip

SOLVE = """
import numpy as np
import vmt
rng = np.random.default_rng(5)
model = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=7.28e6), 0.46)
made = model.sample((64, 64, 64), 10e-9, rng=rng)
for values in ({"solid": 1.0}, {"solid": 1.0, "pore": 0.1}):
    for options in ({"bounds": "none"}, {}):
        found = vmt.effective_conductivity(made, values, **options)
        print([value.hex() for value in found.to_dict().values() if isinstance(value, float)])
"""


def contracted() -> list[Path]:
    """Modules whose compiler may join multiplications and additions."""
    return [path for path in sorted(KERNELS.rglob("*.py")) if "fastmath" in path.read_text()]


@pytest.mark.parametrize("path", contracted(), ids=lambda path: path.stem)
def test_contracted_callees_are_inlined(path: Path) -> None:
    """Where contraction is allowed, a callee is part of its caller: one copy, one rounding.

    A callee that is not, is compiled once for each caller and once by itself, with other
    contractions; which copy a process runs depends on what it has compiled before.
    """
    functions = [
        node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)
    ]
    plain = {
        f.name for f in functions if [ast.unparse(d) for d in f.decorator_list] == ["_jit"]
    } - MOVERS
    for function in functions:
        called = {
            node.func.id
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert not called & plain, f"{function.name} calls {called & plain}"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_compiling_changes_no_bit(tmp_path: Path) -> None:
    """M-factors and bounds of a process that compiles are those of the next one, bit for bit."""
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_NUM_THREADS": "1"}
    first, second = (
        subprocess.run(
            [sys.executable, "-c", SOLVE], env=environment, capture_output=True, text=True,
            check=True,
        ).stdout
        for _ in range(2)
    )  # fmt: skip
    assert first == second
    assert len(first.splitlines()) == 4
