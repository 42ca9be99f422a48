import math
import time

import numpy as np
import pytest

from vmt.models import ChiSquareExcursionSet, Covariance
from vmt.models._embedding import embed

MODEL = ChiSquareExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)


def cpu_time(work):
    start = time.process_time()
    work()
    return time.process_time() - start


def test_sampling_is_faster_than_randomization():
    """Per voxel, a χ² realization takes less than 1/50 of two fields of GSTools with 1000 modes."""
    gstools = pytest.importorskip("gstools")
    n, m, spacing = 128, 24, 1e-8
    ours = min(cpu_time(lambda: MODEL.sample((n, n, n), spacing, rng=1)) for _ in range(3)) / (n**3)
    axis = np.arange(m) * spacing
    field = gstools.SRF(MODEL.covariance.to_gstools(), seed=1, mode_no=1000)
    theirs = min(cpu_time(lambda: field.structured([axis] * 3)) for _ in range(2)) / m**3
    assert 2 * theirs / ours > 50


def test_modes_and_planes_stay_small():
    """A 400³ χ² realization needs at most 4 bytes per voxel, labels included."""
    shape = (400, 400, 400)
    embedding = embed(MODEL.covariance, shape, (1e-8,) * 3, periodic=False)
    assert embedding.bytes_needed(shape, 1, 1) <= 4 * math.prod(shape)


def test_traced_peak_is_within_the_announced_bytes():
    """What numpy really allocates during sampling stays below what was asked of the budget."""
    import tracemalloc

    shape = (160, 160, 160)
    MODEL.sample((8, 8, 8), 1e-8, rng=1)
    embedding = embed(MODEL.covariance, shape, (1e-8,) * 3, periodic=False)
    tracemalloc.start()
    MODEL.sample(shape, 1e-8, rng=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak <= 1.1 * embedding.bytes_needed(shape, 1, 1)


@pytest.mark.parametrize("family", ["gaussian", "exponential"])
def test_sampling_time(benchmark, family):
    """Time of a 64³ realization, smooth and rough (for comparison between versions)."""
    model = MODEL.replace(covariance=getattr(Covariance, family)(rate=5e7))
    benchmark(lambda: model.sample((64, 64, 64), 1e-8, rng=1))
