"""Straight paths have the tortuosity 1, and not a little less by rounding."""

import numpy as np
import pytest

import vmt
from vmt.study import measure_structure


def straight(length: int, spacing: tuple[float, float, float]) -> vmt.Microstructure:
    """Return two straight channels along axis 0."""
    labels = np.zeros((length, 4, 4), np.uint8)
    labels[:, 2:] = 1
    return vmt.Microstructure(labels, spacing)


@pytest.mark.parametrize("spacing", [(1e-8,) * 3, (3.98e-7,) * 3, (3.1e-8, 1.7e-8, 1.3e-8)])
def test_no_path_is_shorter_than_the_thickness(spacing: tuple[float, float, float]) -> None:
    """The mean and every value are at least 1 at any length, and 1 to float32's precision."""
    for length in range(2, 80):
        paths = vmt.geodesic_tortuosity_distribution(straight(length, spacing), "solid")
        assert paths.values.min() >= 1.0
        assert paths.mean == pytest.approx(1.0, abs=1e-6)


def test_rounding_does_not_stop_the_prediction() -> None:
    """A straight channel of a length that rounds badly is measured and predicted."""
    measured = measure_structure(straight(7, (1.3e-8,) * 3))
    assert measured["predicted"]["solid"] > 0
