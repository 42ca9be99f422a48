"""Stars on a grid: two thousand particles of degree 10 into 400³ voxels."""

import math
import time

import numpy as np
import pytest

from vmt.kernels import stars


def packing(count: int, edge: int, degree: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Rough particles that would fill 60 % of the box, placed at random."""
    rng = np.random.default_rng(1)
    radius = (0.6 * edge**3 / count * 3 / (4 * math.pi)) ** (1 / 3)
    c = np.zeros((count, (degree + 1) ** 2))
    c[:, 0] = radius * math.sqrt(4 * math.pi) * np.exp(0.15 * rng.normal(size=count))
    for n in range(2, degree + 1):
        c[:, n * n : (n + 1) ** 2] = 0.25 / n**2 * rng.normal(size=(count, 2 * n + 1)) * c[:, :1]
    return rng.uniform(0, edge, (count, 3)), c


def test_voxelization_runs_small() -> None:
    """The benchmark's own path on a small box: about 45 % are covered, some twice."""
    centers, c = packing(60, 60)
    counts = stars.count_stars((60,) * 3, (1.0,) * 3, centers, c, periodic=True)
    assert 0.35 < (counts > 0).mean() < 0.6
    assert counts.max() > 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["voxels", "labels", "level set"])
def test_two_thousand_particles_into_400(kind: str) -> None:
    """Voxels, labels or level set of 2000 particles on 400³ take at most a minute of one core."""
    centers, c = packing(2000, 400)
    make = {
        "voxels": stars.count_stars,
        "labels": stars.label_stars,
        "level set": lambda *a, **k: stars.level_stars(*a, band=5.0, **k),
    }[kind]
    make((8,) * 3, (50.0,) * 3, centers[:2], c[:2], periodic=True)  # compiled
    start = time.process_time()
    made = make((400,) * 3, (1.0,) * 3, centers, c, periodic=True)
    seconds = time.process_time() - start
    print(f"{kind}: {seconds:.1f} s")
    covered = made <= 0 if kind == "level set" else made > 0
    assert 0.4 < covered.mean() < 0.6
    assert seconds < 60
