"""Virtual gauge, pycnometer, mercury porosimeter and microscope against closed forms."""

import json
import math
import pickle

import numpy as np
import pytest
from scipy import ndimage

from vmt.descriptors import porosimetry as lab
from vmt.descriptors import volume_fraction
from vmt.errors import InputError
from vmt.microstructure import Microstructure

VOXEL = 20e-9


def discs(edge: int, radius: float) -> np.ndarray:
    """Return where a centered disc is in a square of pixels."""
    x = np.arange(edge) - (edge - 1) / 2
    return np.hypot(x[:, None], x) <= radius


def bottle(throat: float, body: float, *, edge: int = 40) -> Microstructure:
    """Return a cylinder `throat` [voxels] wide leading from x- to one `body` wide."""
    labels = np.ones((60, edge, edge), np.uint8)
    labels[:20, discs(edge, throat / 2)] = 0
    labels[20:56, discs(edge, body / 2)] = 0
    return Microstructure(labels, VOXEL)


def cavities(radii: list[int], edge: int) -> Microstructure:
    """Return spherical cavities in a row within a solid block."""
    labels = np.ones((len(radii) * edge, edge, edge), np.uint8)
    for i, radius in enumerate(radii):
        x = np.arange(edge) - (edge - 1) / 2
        ball = x[:, None, None] ** 2 + x[:, None] ** 2 + x**2 <= radius**2
        labels[i * edge : (i + 1) * edge][ball] = 0
    return Microstructure(labels, VOXEL)


# ---- mercury


@pytest.mark.parametrize("width", [8, 13, 20, 32])
def test_cylinder_is_entered_at_washburns_pressure(width: int) -> None:
    """A cylinder fills at once, within two voxels of its diameter, at the pressure of that.

    One voxel is the lattice's (no voxel may have its center on the axis), one the batch's.
    """
    labels = np.ones((24, 40, 40), np.uint8)
    labels[:, discs(40, width / 2)] = 0
    m = Microstructure(labels, VOXEL)
    found = lab.mercury_porosimetry(m)
    filled = np.flatnonzero(found.intruded > 0.5 * found.porosity)[0]
    assert -2 <= found.diameter[filled] / VOXEL - width <= 1
    expected = 4 * 0.48 * abs(math.cos(math.radians(140))) / found.diameter[filled]
    assert found.pressure[filled] == pytest.approx(expected, rel=1e-12)
    assert found.intruded[filled] > 0.9 * found.porosity  # the rim is finer than the ball
    assert np.all(np.diff(found.intruded) >= 0)
    assert found.accessible == found.porosity
    assert found.shielding_factor == pytest.approx(1.0, abs=1e-12)


def test_relative_error_of_the_pressure_halves_with_the_voxel() -> None:
    """With fine steps the error of the diameter stays below √2 voxels, whatever the voxel."""
    errors = []
    for width in (6, 12, 24):
        labels = np.ones((2 * width, 2 * width, 2 * width), np.uint8)
        labels[:, discs(2 * width, width / 2)] = 0
        m = Microstructure(labels, 1e-6 / width)
        found = lab.mercury_porosimetry(m, step=1e-6 / width / 8)
        errors.append(abs(found.median_throat / 1e-6 - 1) * width)
    assert max(errors) <= math.sqrt(2)  # voxels


def test_ink_bottle_is_shielded() -> None:
    """A body behind a throat fills at the throat's pressure, and the share tells how much."""
    m = bottle(8, 24)
    found = lab.mercury_porosimetry(m)
    neck, body = 20 * discs(40, 4).sum(), 36 * discs(40, 12).sum()
    share = body / (neck + body)
    assert found.median_throat / VOXEL == pytest.approx(8, abs=1)
    assert found.median_body / VOXEL == pytest.approx(24, abs=2)
    exact = (24 / 8) ** share
    assert found.shielding_factor == pytest.approx(exact, rel=0.15)
    between = found.diameter[np.argmax(found.shielded)]
    assert 8 <= between / VOXEL <= 24
    assert found.shielded.max() == pytest.approx(body / m.labels.size, rel=0.05)
    assert np.all(found.intruded <= found.opened + 1e-12)


def test_open_bottle_is_not_shielded() -> None:
    """From the side where the body opens, the same pores are entered at their own size."""
    m = Microstructure(bottle(8, 24).labels[:56], VOXEL)
    below = lab.mercury_porosimetry(m, faces="x+")
    assert below.median_throat / VOXEL == pytest.approx(24, abs=2)
    assert below.shielding_factor == pytest.approx(1.0, abs=0.02)
    every = lab.mercury_porosimetry(m, faces="all")
    assert np.all(every.intruded >= lab.mercury_porosimetry(m).intruded)
    assert every.faces == ("x-", "x+", "y-", "y+", "z-", "z+")


def test_range_of_pressure_cuts_the_sizes() -> None:
    """Below the throat's pressure the body stays empty; sizes stay within Washburn's range."""
    m = bottle(8, 24)
    mercury = lab.Mercury()
    limits = tuple(float(mercury.pressure(d * VOXEL)) for d in (40, 12))
    found = lab.mercury_porosimetry(m, pressures=limits)
    assert found.diameter.min() >= 12 * VOXEL * (1 - 1e-9)
    assert found.accessible == 0
    assert math.isnan(found.shielding_factor)
    assert math.isnan(found.median_throat)
    assert found.to_dict()["median_throat [m]"] is None


def test_mercury_ignores_axes_and_scale() -> None:
    """Turning the structure with the face changes nothing; a scale only the pressure axis."""
    m = bottle(8, 20, edge=26)
    found = lab.mercury_porosimetry(m)
    turned = Microstructure(np.moveaxis(m.labels, 0, 2)[:, :, ::-1], VOXEL)
    again = lab.mercury_porosimetry(turned, faces="z+")
    np.testing.assert_array_equal(again.intruded, found.intruded)
    np.testing.assert_array_equal(again.opened, found.opened)
    scaled = lab.mercury_porosimetry(Microstructure(m.labels, 2 * VOXEL))
    np.testing.assert_array_equal(scaled.intruded, found.intruded)
    np.testing.assert_allclose(scaled.pressure, found.pressure / 2, rtol=1e-12)


def test_anisotropic_voxels_keep_the_size() -> None:
    """The same cylinder in voxels half as long along its axis is entered at the same pressure."""
    labels = np.ones((20, 30, 30), np.uint8)
    labels[:, discs(30, 8)] = 0
    cubic = lab.mercury_porosimetry(Microstructure(labels, VOXEL))
    fine = Microstructure(np.repeat(labels, 2, axis=0), (VOXEL / 2, VOXEL, VOXEL))
    halved = lab.mercury_porosimetry(fine, step=VOXEL)
    assert halved.median_throat == pytest.approx(cubic.median_throat, rel=0.01)


def test_simulated_curve_lies_beside_a_measured_one(tmp_path) -> None:
    """Volume per mass times bulk density is the porosity, and a written curve is read back."""
    m = bottle(10, 20)
    density = lab.bulk_density(m, 4436.0)
    found = lab.mercury_porosimetry(m)
    curve = found.curve(density)
    assert curve.porosity(4436.0) == pytest.approx(found.porosity, rel=1e-12)
    sizes = found.granulometry(density)
    assert sizes.total_volume == pytest.approx(curve.total_volume, rel=1e-12)
    assert sizes.median_diameter > 1.5 * curve.median_diameter
    assert sizes.surface() < curve.surface()  # throats' sizes feign surface
    path = tmp_path / "simulated.csv"
    rows = zip(curve.pressure / 1e6, curve.volume * 1e3, strict=True)
    path.write_text("pressure [MPa],volume [cm3/g]\n" + "".join(f"{p!s},{v!s}\n" for p, v in rows))
    read = lab.read_intrusion_curve(path)
    np.testing.assert_allclose(read.volume, curve.volume, rtol=1e-12)
    assert read.median_diameter == pytest.approx(curve.median_diameter, rel=1e-9)
    assert len(lab.overlay_intrusion([curve, read, sizes]).lines) == 3


def test_mercury_by_plain_means() -> None:
    """On random structures both curves are what labeling and distance maps of scipy give."""
    rng = np.random.default_rng(11)
    block = np.ones((3, 3, 3))
    for _ in range(3):
        smooth = ndimage.gaussian_filter(rng.standard_normal((30, 26, 22)), 2.0)
        m = Microstructure((smooth < np.quantile(smooth, 0.5)).astype(np.uint8), VOXEL)
        pore = m.mask("pore")
        found = lab.mercury_porosimetry(m, faces=["x-", "y+"])
        clusters, _ = ndimage.label(pore, block)
        entered = np.setdiff1d(np.append(clusters[0].ravel(), clusters[:, -1].ravel()), 0)
        accessible = np.isin(clusters, entered)
        distance = ndimage.distance_transform_edt(pore)
        into, own, union = [], [], np.zeros_like(pore)
        for diameter in found.diameter:
            radius = diameter / 2 / VOXEL
            centers = distance > radius + 1e-6
            parts, _ = ndimage.label(centers, block)
            roots = np.setdiff1d(np.append(parts[0].ravel(), parts[:, -1].ravel()), 0)
            for kept, shares in ((np.isin(parts, roots), into), (centers & accessible, own)):
                far = ndimage.distance_transform_edt(~kept) if kept.any() else np.inf
                ball = (far <= radius + 1e-6) & pore
                shares.append(ball.mean())
                union |= ball if shares is into else False
        np.testing.assert_allclose(found.intruded, np.maximum.accumulate(into), rtol=1e-12)
        np.testing.assert_allclose(found.opened, np.maximum.accumulate(own), rtol=1e-12)
        assert found.accessible == pytest.approx(union.mean(), rel=1e-12)


def test_mercury_results() -> None:
    """A porosimetry goes to JSON, pickle and a plot; its arrays can't be changed."""
    found = lab.mercury_porosimetry(bottle(6, 12, edge=16))
    data = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert data["faces"] == ["x-"]
    assert data["surface_tension [N/m]"] == 0.48
    again = pickle.loads(pickle.dumps(found))
    assert again.to_dict() == found.to_dict()
    with pytest.raises(ValueError, match="read-only"):
        again.intruded[0] = 1.0
    assert found.plot().get_xlabel() == "pore diameter [µm]"


# ---- pycnometer


def test_cavities_are_closed() -> None:
    """Cavities are closed pores, with densities as the volumes say, and a channel opens one."""
    m = cavities([5, 7, 9], 24)
    found = lab.pycnometry(m, densities=4760.0)
    assert found.accessible == 0
    assert found.closed == m.volume_fraction("pore")
    assert found.closed_share_of_solid == pytest.approx(found.porosity)
    assert found.crystal_density == pytest.approx(4760.0)
    assert found.skeletal_density == pytest.approx(4760.0 * (1 - found.porosity))
    opened = m.labels.copy()
    opened[36, :12, 12] = 0  # to the middle cavity
    part = lab.pycnometry(Microstructure(opened, VOXEL), densities=4760.0)
    middle = np.count_nonzero(opened[24:48] == 0) / opened.size
    assert part.accessible == pytest.approx(middle)
    assert not part.closed_pores[24:48].any()
    assert part.closed == pytest.approx(np.count_nonzero(part.closed_pores) / opened.size)
    recomputed = lab.closed_porosity(part.bulk_density, part.skeletal_density, part.crystal_density)
    assert recomputed == pytest.approx(part.closed, rel=1e-9)


def test_a_large_molecule_stays_outside() -> None:
    """A probe wider than the throat leaves the body closed; a narrower one fills it."""
    m = bottle(8, 24)
    helium = lab.pycnometry(m, faces="x-")
    assert helium.closed == 0
    shares = [
        lab.pycnometry(m, faces="x-", probe_radius=r * VOXEL).accessible for r in (1, 3, 6, 14)
    ]
    assert shares == sorted(shares, reverse=True)
    assert shares[1] > 0.9 * helium.accessible
    assert shares[2] == 0
    assert shares[3] == 0


def test_corners_and_edges_are_tight() -> None:
    """Helium does not pass where pore voxels meet at an edge or a corner only."""
    labels = np.ones((3, 3, 3), np.uint8)
    labels[0, 1, 1] = labels[1, 2, 1] = 0
    labels[1, 2, 1] = 0
    block = np.pad(labels, ((0, 0), (1, 1), (1, 1)), constant_values=1)
    m = Microstructure(block, VOXEL)
    found = lab.pycnometry(m, faces="x-")
    assert found.accessible == pytest.approx(1 / block.size)
    assert found.closed == pytest.approx(1 / block.size)


@pytest.mark.parametrize(("fill", "porosity"), [(0, 1.0), (1, 0.0)])
def test_all_pore_and_all_solid(fill: int, porosity: float) -> None:
    """A window of one phase has all pores open, or none."""
    m = Microstructure(np.full((4, 4, 4), fill, np.uint8), VOXEL, {"pore": 0, "solid": 1})
    for probe in (0.0, VOXEL):
        found = lab.pycnometry(m, probe_radius=probe)
        assert (found.porosity, found.accessible, found.closed) == (porosity, porosity, 0.0)
        json.dumps(found.to_dict(), allow_nan=False)


def test_pycnometry_results() -> None:
    """A pycnometry goes to JSON, pickle and a plot; without densities it has none."""
    found = lab.pycnometry(cavities([4], 12))
    assert found.to_dict()["skeletal_density [kg/m^3]"] is None
    again = pickle.loads(pickle.dumps(found))
    assert again.to_dict() == found.to_dict()
    assert not again.closed_pores.flags.writeable
    assert "closed" in found.plot().get_title(loc="left")


# ---- gas


def test_surface_of_a_sphere_per_mass() -> None:
    """A solid sphere has 3/(R ρ) of surface per mass; a cavity inside adds none.

    The estimate is per pair of voxels in the window, which adds (64/63)² to a body within it.
    """
    edge, radius = 64, 24
    x = np.arange(edge) - (edge - 1) / 2
    distance = np.sqrt(x[:, None, None] ** 2 + x[:, None] ** 2 + x**2)
    full = Microstructure((distance <= radius).astype(np.uint8), VOXEL)
    exact = 3 / (radius * VOXEL * 4000.0) * (64 / 63) ** 2
    assert lab.gas_surface(full, 4000.0) == pytest.approx(exact, rel=0.01)
    hollow = Microstructure(((distance <= radius) & (distance > 8)).astype(np.uint8), VOXEL)
    less = hollow.volume_fraction("solid") / full.volume_fraction("solid")
    assert lab.gas_surface(hollow, 4000.0) * less == pytest.approx(exact, rel=0.01)


def test_mass_of_three_phases() -> None:
    """The bulk density is the sum over the phases, and agrees with the recipe."""
    recipe = lab.ElectrodeRecipe(
        {"NMC": 0.95, "binder": 0.05},
        {"NMC": 4760.0, "binder": 1935.0},
        carbon_binder=("binder",),
        carbon_binder_porosity=0.5,
    ).with_porosity(0.4)
    shares = recipe.volume_fractions()
    labels = np.zeros((1000, 1, 1), np.uint8)
    first = round(1000 * shares["active_material"])
    labels[:first] = 1
    labels[first : first + round(1000 * shares["carbon_binder_domain"])] = 2
    m = Microstructure(labels, VOXEL, {"pore": 0, "am": 1, "cbd": 2})
    densities = {"am": recipe.active_density, "cbd": recipe.carbon_binder_envelope_density}
    assert lab.bulk_density(m, densities) == pytest.approx(recipe.electrode_density, rel=2e-3)


# ---- the face


def test_gauge_sees_the_highest_point() -> None:
    """One grain on a plane sets the gauge's thickness; the porosity below the plane is its own."""
    labels = np.zeros((50, 20, 20), np.uint8)
    labels[10:] = 1
    labels[20:40, 5:10, 5:10] = 0
    m = Microstructure(labels, VOXEL)
    flat = lab.gauge(m)
    assert flat.thickness == pytest.approx(40 * VOXEL)
    assert flat.porosity == pytest.approx(flat.porosity_below_surface)
    assert flat.porosity == pytest.approx(20 * 25 / (40 * 400))
    labels[4:10, 12, 12] = 1
    grain = lab.gauge(Microstructure(labels, VOXEL))
    assert grain.thickness == pytest.approx(46 * VOXEL)
    assert grain.porosity_below_surface == pytest.approx(flat.porosity, rel=0.01)
    solid = (1 - volume_fraction(Microstructure(labels, VOXEL), "pore")) * 50
    assert grain.porosity == pytest.approx(1 - solid / 46)
    upside = lab.gauge(Microstructure(labels[::-1], VOXEL), side="x+")
    np.testing.assert_array_equal(upside.heights, grain.heights)
    assert json.loads(json.dumps(grain.to_dict()))["thickness [m]"] == grain.thickness
    assert pickle.loads(pickle.dumps(grain)).to_dict() == grain.to_dict()
    assert len(grain.plot().lines) == 3


def test_sinusoid_has_its_roughness() -> None:
    """The rms of waves is amplitude over √2, and their area converges at second order."""
    amplitude, length = 1.5e-6, 20e-6
    slope = 2 * math.pi * amplitude / length
    t = (np.arange(200000) + 0.5) / 200000
    exact = float(np.mean(np.sqrt(1 + (slope * np.cos(2 * math.pi * t)) ** 2)))
    errors = []
    for n in (40, 80):
        y = (np.arange(2 * n) + 0.5) * length / n
        heights = amplitude * np.sin(2 * math.pi * y / length)[:, None] + np.zeros(7)
        found = lab.height_map_roughness(heights, (length / n, 1e-6))
        assert found.rms == pytest.approx(amplitude / math.sqrt(2), rel=1e-9)
        assert found.mean_deviation == pytest.approx(2 * amplitude / math.pi, rel=2e-3)
        errors.append(abs(found.area_ratio - exact))
    # the last half wave is missing at the edge of the map, too: at least first order
    assert errors[1] < errors[0] / 1.9
    assert errors[1] < 2e-3


@pytest.mark.parametrize("slopes", [(0.0, 0.0), (0.7, 0.0), (0.4, -1.1)])
def test_tilted_planes(slopes: tuple[float, float]) -> None:
    """A plane has the area of its slope exactly, in pixels of any shape; leveled it is flat."""
    y, z = np.arange(9.0) * 2e-6, np.arange(6.0) * 3e-6
    heights = slopes[0] * y[:, None] + slopes[1] * z
    found = lab.height_map_roughness(heights, (2e-6, 3e-6))
    assert found.area_ratio == pytest.approx(math.sqrt(1 + slopes[0] ** 2 + slopes[1] ** 2))
    assert found.effective_area == pytest.approx(found.area_ratio * 54 * 6e-12)
    flat = lab.height_map_roughness(heights, (2e-6, 3e-6), level=True)
    assert flat.rms < 1e-12
    assert flat.area_ratio == pytest.approx(1.0)


def test_profile_of_one_row() -> None:
    """A map of one row is a profile with the length of its line, along either axis."""
    heights = np.array([0.0, 3.0, 0.0, 3.0])
    for table, spacing in ((heights[:, None], (4.0, 1.0)), (heights[None], (1.0, 4.0))):
        assert lab.height_map_roughness(table, spacing).area_ratio == pytest.approx(5 / 4)


def test_voxels_have_the_roughness_of_their_surface() -> None:
    """A voxelized wave has the wave's rms; averaged pixels bring its area closer, too."""
    n, amplitude, length = 120, 12.0, 60.0
    y = np.arange(n) + 0.5
    top = 30 + amplitude * np.sin(2 * math.pi * y / length)
    x = np.arange(60) + 0.5
    solid = x[:, None, None] > top[None, :, None]
    m = Microstructure(np.repeat(solid, n, axis=2).astype(np.uint8), VOXEL)
    found = lab.surface_roughness(m)
    assert found.rms == pytest.approx(amplitude * VOXEL / math.sqrt(2), rel=5e-3)
    assert found.peak_to_valley == pytest.approx(2 * amplitude * VOXEL, abs=2 * VOXEL)
    slope = 2 * math.pi * amplitude / length
    t = (np.arange(1000) + 0.5) / 1000
    exact = float(np.mean(np.sqrt(1 + (slope * np.cos(2 * math.pi * t)) ** 2)))
    coarse = lab.surface_roughness(m, lateral_resolution=4 * VOXEL)
    assert coarse.spacing == (4 * VOXEL, 4 * VOXEL)
    assert abs(coarse.area_ratio - exact) < abs(found.area_ratio - exact)
    assert coarse.area_ratio == pytest.approx(exact, rel=0.03)
    again = pickle.loads(pickle.dumps(found))
    assert again.to_dict() == found.to_dict()
    assert found.plot().get_title(loc="left").startswith("rms")


# ---- what can't be


SMALL = Microstructure(np.array([0, 1, 0, 1], np.uint8).reshape(4, 1, 1), VOXEL)
EMPTY = Microstructure(np.zeros((4, 4, 4), np.uint8), VOXEL)
BAD = {
    "no pore": (lambda: lab.mercury_porosimetry(SMALL, pore="gap"), "no phase 'gap'"),
    "face": (lambda: lab.mercury_porosimetry(SMALL, faces="top"), "top"),
    "all pore": (lambda: lab.mercury_porosimetry(EMPTY), "pores and solid"),
    "pressures": (lambda: lab.mercury_porosimetry(SMALL, pressures=(1e8, 1e5)), "lower one first"),
    "range": (lambda: lab.mercury_porosimetry(SMALL, pressures=(1e4, 1e5)), "two at least"),
    "tiny step": (lambda: lab.mercury_porosimetry(SMALL, step=1e-12), "larger step"),
    "step": (lambda: lab.mercury_porosimetry(SMALL, step=0.0), "positive"),
    "probe": (lambda: lab.pycnometry(SMALL, probe_radius=-1.0), "meters from 0"),
    "densities": (lambda: lab.pycnometry(SMALL, densities={"am": 4000}), "'solid'"),
    "density": (lambda: lab.bulk_density(SMALL, 0.0), "positive"),
    "no mass": (lambda: lab.gas_surface(EMPTY, 4000.0), "no mass"),
    "no solid": (lambda: lab.gauge(EMPTY), "needs a solid"),
    "two sides": (lambda: lab.gauge(SMALL, side="all"), "one face"),
    "resolution": (lambda: lab.surface_roughness(SMALL, lateral_resolution=0.0), "above 0"),
    "one pixel": (lambda: lab.surface_roughness(SMALL), "two pixels"),
    "map": (lambda: lab.height_map_roughness([1.0, 2.0], (1.0, 1.0)), "table"),
    "map spacing": (lambda: lab.height_map_roughness([[1.0, 2.0]], (1.0, 0.0)), "two edges"),
    "no curves": (lambda: lab.overlay_intrusion([]), "at least one"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_experiments(case: str) -> None:
    """Experiments that can't be done are refused with a reason."""
    call, reason = BAD[case]
    with pytest.raises(InputError, match=reason):
        call()
