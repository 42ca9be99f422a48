"""Placements of binder at the size of the papers: minutes, and at most 6 GiB."""

import resource
import subprocess
import sys

import pytest

from vmt.binder import METHODS

CODE = """
import resource, sys, time
import numpy as np
import vmt
shape, h = {shape}, 176e-9
small = vmt.phantoms.random_spheres(
    tuple(n // 2 for n in shape), 2 * h, radius=5e-6, radius_spread=0.2, volume_fraction=0.58, rng=1
).structure.labels
labels = small
for axis in range(3):
    labels = np.repeat(labels, 2, axis=axis)
m = vmt.Microstructure(labels, h, {{"pore": 0, "solid": 1}})
start, wall = time.process_time(), time.perf_counter()
angle = np.radians(40) if {method!r} == "wetting" else None
made = vmt.add_binder(
    m, volume_fraction={fraction}, method={method!r}, contact_angle=angle, rng=1
)
assert made.voxels == round({fraction} * labels.size)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
seconds = time.process_time() - start
print({method!r}, labels.shape, f"{{seconds:.1f}} CPU s, {{peak / 2**30:.2f}} GiB")
sys.exit(0 if peak < 6 * 2**30 else 1)
"""


def _run(shape, method, fraction=0.0765):
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(shape=shape, method=method, fraction=fraction)],
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout, done.stderr)
    return done.returncode


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("method", METHODS)
def test_lindners_size(method):
    """240 × 240 × 437 voxels take minutes and less than 6 GiB."""
    assert _run((436, 240, 240), method) == 0


def test_memory_per_voxel_is_known():
    """The process's own peak is readable, which the slow test relies on."""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
