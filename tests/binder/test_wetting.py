"""The contact angle, measured on a sphere on a plane."""

import math

import numpy as np
import pytest

from vmt.binder import binder_by_wetting, measure_contact_angle, sphere_on_plane
from vmt.errors import InputError
from vmt.kernels.wetting import settle, wall_preference
from vmt.microstructure import Microstructure


def _ring(phantom, radius, angle, ball, floor=4):
    """Binder inside a circle that meets plane and sphere at the same angle."""
    lift = ball * math.cos(angle)
    reach = math.sqrt(
        radius**2 + ball**2 + 2 * radius * ball * math.cos(angle) - (radius - lift) ** 2
    )
    height = (np.arange(phantom.shape[0]) - floor + 0.5)[:, None, None]
    side = np.arange(phantom.shape[1]) + 0.5 - phantom.shape[1] / 2
    far = np.hypot(side[:, None], side)
    inside = (np.hypot(far - reach, height - lift) > ball) & (far < reach)
    # below the line from the circle's center to the sphere's
    below = height <= radius + (lift - radius) * far / reach + ball
    labels = np.array(phantom.labels)
    labels[inside & below & (labels == 0)] = 2
    return labels


@pytest.mark.parametrize("degrees", [20, 40])
def test_measurement_of_a_known_ring(degrees):
    """A ring whose angles are known is measured within 2.5°."""
    radius = 30
    phantom = sphere_on_plane(radius, 1.0, width=2.8, height=1.2)
    labels = _ring(phantom, radius, math.radians(degrees), 15)
    import cc3d

    parts = cc3d.connected_components(labels == 2, connectivity=6)
    first = parts[4][parts[4] > 0]
    labels[(labels == 2) & (parts != np.bincount(first).argmax())] = 0
    m = Microstructure(labels, 1.0, {**phantom.phases, "carbon_binder_domain": 2})
    found = measure_contact_angle(m, radius)
    assert math.degrees(found.mean) == pytest.approx(degrees, abs=2.5)
    assert found.fit_deviation < 0.5
    assert "height" in found.plot().get_ylabel()


@pytest.mark.parametrize("degrees", [60, 100])
def test_contact_angle(degrees):
    """On a small phantom the angle is met within 5°."""
    radius = 30e-6
    phantom = sphere_on_plane(radius, 1e-6, width=2.6, height=1.2)
    made = binder_by_wetting(phantom, volume_fraction=0.04, contact_angle=math.radians(degrees))
    found = measure_contact_angle(made.structure, radius)
    assert math.degrees(found.mean) == pytest.approx(degrees, abs=5)


@pytest.mark.slow
@pytest.mark.parametrize("fraction", [0.03, 0.05])
@pytest.mark.parametrize("degrees", [20, 30, 40, 60, 80, 100, 120])
def test_contact_angle_finely(degrees, fraction):
    """On a sphere of 60 voxels in radius the mean angle is within 5° of the one asked for."""
    radius = 60e-6
    phantom = sphere_on_plane(radius, 1e-6, width=2.6, height=1.2)
    made = binder_by_wetting(phantom, volume_fraction=fraction, contact_angle=math.radians(degrees))
    found = measure_contact_angle(made.structure, radius)
    print(degrees, fraction, math.degrees(found.mean))
    assert math.degrees(found.mean) == pytest.approx(degrees, abs=5)


@pytest.mark.parametrize("degrees", [30, 60, 90, 150])
def test_a_straight_wedge_stays(degrees):
    """A flat interface at the angle to a flat wall hardly moves: the wall's term is its balance."""
    angle = math.radians(degrees)
    n = 60
    z, x = np.arange(40) + 0.5, np.arange(n) + 0.5 - n / 2
    free = np.ones((40 + 12, n, 1), bool)
    free[:12] = False
    # the angle is measured from the wall's side at smaller x; the interface goes up from there
    liquid = np.zeros_like(free)
    liquid[12:, :, 0] = x < -z[:, None] / math.tan(angle) if degrees != 90 else x < 0
    after, _ = settle(liquid, free, angle, 2.0, sweeps=1)
    near = np.zeros_like(free)
    near[12:24] = True  # the far ends of a window move
    wrong = np.count_nonzero((after ^ liquid) & near)
    assert wrong <= 12


def test_wall_preference_at_the_ends():
    """At 0 and π the wall pulls and pushes as cos θ = ±1 would, at a right angle not at all."""
    shares, found = wall_preference(0.0)
    assert found[50] == pytest.approx(shares[50] / (1 - shares[50]), rel=0.02)
    assert np.allclose(wall_preference(math.pi)[1], -found, atol=1e-6)
    assert np.abs(wall_preference(math.pi / 2)[1]).max() < 1e-9


def test_no_meniscus():
    """A phantom without binder and angles out of range are refused."""
    phantom = sphere_on_plane(10e-6, 1e-6)
    with pytest.raises(InputError, match="carbon_binder_domain"):
        measure_contact_angle(phantom, 10e-6)
    with pytest.raises(InputError, match="radians"):
        binder_by_wetting(phantom, volume_fraction=0.1, contact_angle=40)
    with pytest.raises(InputError, match="four voxels"):
        sphere_on_plane(1e-6, 1e-6)
