"""Packings: how long they take, and that they are what was asked for."""

import math
import time

import pytest

from vmt.models import RandomStarParticle, SphereSizes, pack_particles


def edge_of(count: int, diameter: float, fraction: float) -> float:
    return diameter * (count * math.pi / 6 / fraction) ** (1 / 3)


def test_thousand_spheres_in_seconds() -> None:
    """1,000 balls to 60 vol.-% take below 20 s of one core, overlaps below 1 % of the radius."""
    pack_particles(SphereSizes(10e-6), 40e-6, 0.3, rng=1)  # compiled
    start = time.process_time()
    made = pack_particles(SphereSizes(10e-6), edge_of(1000, 10e-6, 0.6), 0.6, rng=1)
    assert time.process_time() - start < 20
    assert made.contacts().relative_depths.max() < 0.01


@pytest.mark.slow
def test_2000_spheres_to_62_percent() -> None:
    """2,000 balls to 60 and to 62 vol.-% in minutes, without an overlap above 1 %."""
    for fraction in (0.60, 0.62):
        start = time.process_time()
        made = pack_particles(SphereSizes(10e-6), edge_of(2000, 10e-6, fraction), fraction, rng=1)
        seconds = time.process_time() - start
        found = made.contacts()
        print(
            f"{len(made)} balls, {100 * made.volume_fraction:.2f} vol.-%, {seconds:.1f} s, largest "
            f"depth {100 * found.relative_depths.max():.3f} %, "
            f"coordination {made.coordination_number(0.01):.2f}"
        )
        assert seconds < 180
        assert found.relative_depths.max() < 0.01


@pytest.mark.slow
def test_rough_particles_to_70_percent() -> None:
    """Some 600 random star-shaped particles of many sizes to 70 vol.-%."""
    model = RandomStarParticle.gaussian(
        10e-6, [0.0, 0.008, 0.004, 0.002, 0.001, 0.0005], size_spread=0.35
    )
    start = time.process_time()
    made = pack_particles(model, 95e-6, 0.70, rng=1, max_overlap=0.045)
    found = made.contacts()
    print(
        f"{len(made)} particles, {100 * made.volume_fraction:.2f} vol.-%, "
        f"{time.process_time() - start:.1f} s, overlap {100 * made.overlap_fraction:.3f} %, "
        f"largest neck {found.relative_necks.max():.3f}, "
        f"coordination {found.coordination_number:.2f}"
    )
    assert found.relative_necks.max() <= 0.3
    assert made.overlap_fraction < 0.05
