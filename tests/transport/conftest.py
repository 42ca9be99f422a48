"""Structures for the transport tests, made without the package's own models."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from scipy import fft


def chi_square_field(shape: tuple[int, int, int], rate: float, seed: int) -> npt.NDArray:
    """|G1|² + |G2|² of periodic Gaussian fields with correlation exp(-(rate·h)²), h in voxels."""
    rng = np.random.default_rng(seed)
    damping = np.ones((1, 1, 1))
    for axis, n in enumerate(shape):
        wave = 2 * np.pi * (fft.rfftfreq(n) if axis == 2 else fft.fftfreq(n))
        place = [1, 1, 1]
        place[axis] = -1
        damping = damping * np.exp(-(wave**2) / (8 * rate**2)).reshape(place)
    total = np.zeros(shape)
    for _ in range(2):
        field = fft.irfftn(fft.rfftn(rng.standard_normal(shape)) * damping, s=shape)
        total += (field / field.std()) ** 2
    return total


@pytest.fixture(scope="session")
def chi_square() -> Callable[..., npt.NDArray[np.uint8]]:
    """Labels of a χ² excursion set: shape, volume fraction, rate per voxel, seed."""

    def make(
        shape: tuple[int, int, int], fraction: float = 0.5, rate: float = 0.15, seed: int = 0
    ) -> npt.NDArray[np.uint8]:
        field = chi_square_field(shape, rate, seed)
        return (field >= np.quantile(field, 1 - fraction)).astype(np.uint8)

    return make
