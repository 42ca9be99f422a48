"""Openings, intrusion and constrictivity on shapes of known radii."""

import json
import math

import numpy as np
import pytest

from vmt.descriptors import (
    constrictivity,
    continuous_phase_size_distribution,
    intrusion_size_distribution,
    median_intrusion_size,
    median_phase_size,
)
from vmt.errors import InputError
from vmt.microstructure import Microstructure


def channel(n, length, radii):
    """Round channel along x whose radius [voxels] is piecewise constant."""
    x = np.arange(n) - (n - 1) / 2
    distance = np.sqrt(x[:, None] ** 2 + x**2)
    radius = np.repeat(radii, length // len(radii))
    return distance[None] < radius[:, None, None]


def test_ball_is_covered_up_to_its_radius():
    """A ball is one size: all of it up to its radius, none beyond."""
    x = np.arange(61) - 30
    x, y, z = np.meshgrid(x, x, x, indexing="ij", sparse=True)
    m = Microstructure(x**2 + y**2 + z**2 < 20**2, 1e-8)
    sizes = continuous_phase_size_distribution(m, 1)
    assert sizes.median == pytest.approx(20e-8, rel=0.03)
    # digital balls leave out some voxels at the rim, at some radii more than at others
    assert sizes.covered[sizes.radii < 18e-8].min() > 0.93
    assert sizes.covered[-1] == 0


@pytest.mark.parametrize("spacing", [(1e-8, 1e-8, 1e-8), (1e-8, 2e-8, 2e-8)])
def test_cylinder(spacing):
    """A channel's median radii are its radius, and nothing constricts it."""
    m = Microstructure(channel(41, 40, [15.0]), spacing)
    radius = 15 * spacing[1]
    assert median_phase_size(m, 1) == pytest.approx(radius, rel=0.05)
    assert constrictivity(m, 1) == pytest.approx(1, abs=1e-9)


def test_bottleneck():
    """Behind a neck of radius 6 most of a channel of radius 14 is intruded at 6 only."""
    mask = channel(35, 120, [14.0, 6.0, 14.0, 14.0, 14.0, 14.0])
    m = Microstructure(mask, 1e-8)
    r_max, r_min = median_phase_size(m, 1), median_intrusion_size(m, 1)
    assert r_max == pytest.approx(14e-8, rel=0.05)
    assert r_min == pytest.approx(6e-8, rel=0.1)
    assert constrictivity(m, 1) == pytest.approx((r_min / r_max) ** 2)
    # from the other side the neck lies behind four fifths of the wide part
    assert median_intrusion_size(m, 1, face="x+") == pytest.approx(r_max, rel=0.02)
    both = intrusion_size_distribution(m, 1, faces=["x-", "x+"])
    assert both.median == pytest.approx(r_max, rel=0.02)


def test_median_is_where_the_curve_crosses_one_half(f850):
    """The root search and a scan over every distance of the lattice find the same median."""
    from vmt.kernels import openings

    m = f850.crop(slice(0, 60), slice(0, 60), slice(0, 60))
    mask = m.mask(1)
    d2 = openings.squared_distances(mask, m.spacing)
    nodes = openings.lattice_distances(m.shape, m.spacing, float(d2.max()))
    covered = np.array([openings.dilated_volume(d2, q, m.spacing) for q in nodes]) / mask.sum()
    i = int(np.flatnonzero(covered < 0.5)[0])
    r0, r1 = np.sqrt(nodes[i - 1]), np.sqrt(nodes[i])
    expected = r0 + (r1 - r0) * (covered[i - 1] - 0.5) / (covered[i - 1] - covered[i])
    assert median_phase_size(m, 1) == pytest.approx(expected * 1e-8, rel=1e-12)
    assert continuous_phase_size_distribution(m, 1).median == pytest.approx(expected * 1e-8)


def test_intrusion_never_covers_more_than_the_opening(f850):
    """At every radius the intruded part is part of the opening, and β is between 0 and 1."""
    opened = continuous_phase_size_distribution(f850, 0)
    entered = intrusion_size_distribution(f850, 0)
    shares = np.interp(opened.radii, entered.radii, entered.covered)
    assert (shares <= opened.covered + 0.02).all()
    assert 0 < constrictivity(f850, 0) <= 1


def test_flips_permutations_and_scale(f850):
    """Turning and scaling the structure turns and scales the result, to the last bit of β."""
    m = f850.crop(slice(0, 50), slice(0, 60), slice(0, 70))
    turned = Microstructure(m.labels.transpose(1, 2, 0)[::-1, ::-1], 3e-8)
    assert constrictivity(turned, 1, axis=2) == pytest.approx(constrictivity(m, 1), rel=1e-9)
    assert median_phase_size(turned, 1) == pytest.approx(3 * median_phase_size(m, 1), rel=1e-9)


def test_undefined_cases():
    """No intrusion: r_min = 0, β = 0; a full window has no finite radius; an absent phase none."""
    labels = np.zeros((20, 12, 12), np.uint8)
    labels[5:15, 2:10, 2:10] = 1
    m = Microstructure(labels, 1e-8)
    assert median_intrusion_size(m, 1) == 0
    assert constrictivity(m, 1) == 0
    full = Microstructure(np.ones((6, 6, 6), np.uint8), 1e-8)
    assert math.isinf(median_phase_size(full, 1))
    assert constrictivity(full, 1) == 1
    assert math.isnan(constrictivity(full, "pore"))
    assert math.isnan(continuous_phase_size_distribution(full, "pore").median)
    with pytest.raises(InputError, match="x-"):
        intrusion_size_distribution(m, 1, faces="left")


def test_plane_and_result(f850):
    """A plane works in the plane; the result goes to JSON and onto axes."""
    disks = Microstructure(f850.labels[:, :, :1], 1e-8)
    sizes = continuous_phase_size_distribution(disks, 1)
    assert 0 < sizes.quantile(0.75) < sizes.median < sizes.quantile(0.25)
    assert json.loads(json.dumps(sizes.to_dict(), allow_nan=False))["median [m]"] == sizes.median
    assert sizes.plot().get_xlabel() == "radius [µm]"
