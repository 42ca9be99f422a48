"""What the descriptors of a 400³ structure cost, in a fresh process of one thread."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/clear_refs").exists(), reason="reads the peak from /proc"
)

CODE = """
import json, sys, time
import vmt, vmt.descriptors as d
def peak_of_process():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
size, rate, asked = int(sys.argv[1]), 7.28e6, json.loads(sys.argv[2])
def one(n, seed):
    return vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=rate), 0.46).sample(
        (n, n, n), 1e-8, rng=seed)
small = one(24, 0)
d.describe(small, descriptors=set(asked))  # compiles
with open("/proc/self/clear_refs", "w") as clear:
    clear.write("5")  # the compiler's memory is not the descriptors'
before = peak_of_process()
m = one(size, 1)
start = time.process_time()
made = d.describe(m, descriptors=set(asked))
took = time.process_time() - start
peak = peak_of_process()
print(json.dumps({"seconds": took, "bytes per voxel": (peak - before) * 1024 / size**3,
                  "beta": made.values["constrictivity(solid)"]}))
"""
LISTED = [
    "specific_surface_area",
    "two_point_coverage_probability",
    "geodesic_tortuosity",
    "continuous_phase_size_distribution",
    "intrusion_size_distribution",
    "constrictivity",
]


def measure(size, descriptors):
    """CPU seconds, peak above imports with the structure in it, and a value."""
    environment = {**os.environ, "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", CODE, str(size), json.dumps(sorted(descriptors))]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return json.loads(done.stdout)


def test_small_window_is_measured():
    """The measurement gives a plausible time, peak and constrictivity of a small window."""
    found = measure(96, LISTED)
    assert 0 < found["seconds"] < 60
    assert found["bytes per voxel"] > 1
    assert 0.2 < found["beta"] < 0.9


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("which", ["listed", "default"])
def test_both_phases_of_400(which, capsys):
    """Both phases of F850 take at most 120 s and 24 bytes per voxel; so does all of `describe`."""
    from vmt.descriptors import DEFAULT_DESCRIPTORS

    found = measure(400, LISTED if which == "listed" else DEFAULT_DESCRIPTORS)
    with capsys.disabled():
        print(f"\n{which}: {found['seconds']:.0f} s, {found['bytes per voxel']:.1f} bytes/voxel")
    assert found["seconds"] <= 120
    assert found["bytes per voxel"] <= 24
