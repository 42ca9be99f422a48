"""What a level set costs beside voxels: ratios of CPU time within one run."""

import time
from collections.abc import Callable

import numpy as np

from vmt.models import ChiSquareExcursionSet, Covariance
from vmt.transport import effective_conductivity

MODEL = ChiSquareExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)


def cpu(work: Callable[[], object], repeat: int = 3) -> float:
    """Median CPU time of some runs after a first one."""
    work()
    times = []
    for _ in range(repeat):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return float(np.median(times))


def test_open_faces_cost_a_few_voxel_solves() -> None:
    """Second order for less than eight times a voxel solve, which halves its error for eight."""
    shape = (72, 72, 72)
    voxels, level_set = (
        draw(shape, 10e-9, rng=1) for draw in (MODEL.sample, MODEL.sample_level_set)
    )
    by_voxels = cpu(lambda: effective_conductivity(voxels, {"solid": 1.0}, bounds="none"))
    by_faces = cpu(lambda: effective_conductivity(level_set, {"solid": 1.0}))
    assert by_faces < 8 * by_voxels


def test_values_cost_as_much_as_labels() -> None:
    """A level set is drawn in at most three times the time of the voxels."""
    shape = (96, 96, 96)
    labels = cpu(lambda: MODEL.sample(shape, 10e-9, rng=1))
    values = cpu(lambda: MODEL.sample_level_set(shape, 10e-9, rng=1))
    assert values < 3 * labels
