"""Geodesic tortuosity on channels of known length."""

import json
import math

import numpy as np
import pytest

from vmt.descriptors import geodesic_tortuosity, geodesic_tortuosity_distribution
from vmt.errors import InputError
from vmt.microstructure import Microstructure


def test_straight_channel_is_exactly_one():
    """A straight channel has tortuosity 1 along its axis and none across."""
    labels = np.zeros((30, 8, 8), np.uint8)
    labels[:, 3:5, 3:5] = 1
    m = Microstructure(labels, (3e-8, 1e-8, 1e-8))
    assert geodesic_tortuosity(m, "solid") == pytest.approx(1, abs=1e-6)
    assert math.isnan(geodesic_tortuosity(m, "solid", axis=1))
    assert not geodesic_tortuosity_distribution(m, "solid", axis=1).percolates


@pytest.mark.parametrize(("slope", "expected"), [((1, 0), math.sqrt(2)), ((1, 1), math.sqrt(3))])
def test_diagonal_channel(slope, expected):
    """A channel of voxels along a diagonal has the length of its diagonal steps."""
    labels = np.zeros((20, 20, 20), np.uint8)
    i = np.arange(20)
    labels[i, i * slope[0], i * slope[1]] = 1
    assert geodesic_tortuosity(Microstructure(labels, 1e-8), 1) == pytest.approx(expected, rel=1e-6)


def test_anisotropic_diagonal():
    """Steps are as long as the voxel's own diagonals."""
    labels = np.zeros((20, 20, 1), np.uint8)
    labels[np.arange(20), np.arange(20)] = 1
    m = Microstructure(labels, (1e-8, 3e-8, 1e-8))
    assert geodesic_tortuosity(m, 1) == pytest.approx(math.sqrt(10), rel=1e-6)


def test_serpentine():
    """A one-voxel serpentine has the length counted by hand, corners cut by diagonal steps."""
    labels = np.zeros((5, 9, 1), np.uint8)
    labels[0, 0], labels[1, :], labels[2, 8], labels[3, :], labels[4, 0] = 1, 1, 1, 1, 1
    # (0,0)→(1,1)→7 steps less two cut corners→(2,8)→ the way back →(4,0)
    length = math.sqrt(2) + 6 + math.sqrt(2) + math.sqrt(2) + 6 + math.sqrt(2)
    assert geodesic_tortuosity(Microstructure(labels, 1e-8), 1) == pytest.approx(
        length / 4, rel=1e-6
    )


def test_flips_permutations_and_scale(f850):
    """Turning, mirroring sideways and scaling change the tortuosity by rounding only."""
    tau = geodesic_tortuosity(f850, 1)
    flipped = f850.with_labels(f850.labels[:, ::-1, ::-1])
    turned = Microstructure(f850.labels.transpose(2, 0, 1), 5e-8)
    assert geodesic_tortuosity(flipped, 1) == pytest.approx(tau, rel=1e-6)
    assert geodesic_tortuosity(turned, 1, axis=1) == pytest.approx(tau, rel=1e-6)


def test_distribution(f850):
    """Values are at least 1, quantiles bracket the mean, and the result goes to JSON and axes."""
    made = geodesic_tortuosity_distribution(f850, "solid")
    assert (made.values >= 1 - 1e-6).all()
    assert made.quantile(0.05) < made.mean < made.quantile(0.95)
    assert 0.9 < made.connected_share <= 1
    assert json.loads(json.dumps(made.to_dict(), allow_nan=False))["phase"] == "solid"
    assert "solid" in made.plot().get_xlabel()


def test_axis_of_one_voxel_is_refused():
    """A plane has no thickness to cross."""
    m = Microstructure(np.ones((4, 4, 1), np.uint8), 1e-8)
    assert geodesic_tortuosity(m, 1, axis=1) == pytest.approx(1)
    with pytest.raises(InputError, match="axis 2"):
        geodesic_tortuosity(m, 1, axis=2)
    with pytest.raises(InputError, match="no axis"):
        geodesic_tortuosity(m, 1, axis=3)
