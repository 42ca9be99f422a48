"""Other packages give the same numbers where their definitions coincide."""

import math

import numpy as np
import pytest
from scipy import ndimage

import vmt
import vmt.descriptors as d
from vmt.kernels import openings
from vmt.kernels import surface as surface_kernels
from vmt.microstructure import Microstructure


def test_distances_equal_scipy(f850):
    """Distances equal scipy's, also for flat voxels; the window's border is no obstacle."""
    mask = f850.mask(1)[:50, :60, :40]
    for spacing in ((1.0, 1.0, 1.0), (1.0, 2.0, 1.5)):
        expected = ndimage.distance_transform_edt(mask, sampling=spacing)
        np.testing.assert_allclose(
            openings.squared_distances(mask, spacing), expected**2, rtol=1e-5
        )


def test_tortuosity_equals_scikit_image(f850):
    """Minimum-cost paths of scikit-image have the same mean length."""
    from skimage.graph import MCP_Geometric

    m = f850.crop(slice(0, 40), slice(0, 40), slice(0, 40))
    mask = m.mask("pore")
    costs = np.where(mask, 1.0, -1.0)
    ends = [(39, int(j), int(k)) for j, k in np.argwhere(mask[-1])]
    lengths, _ = MCP_Geometric(costs, fully_connected=True).find_costs(ends)
    first = lengths[0][mask[0] & np.isfinite(lengths[0])]
    assert d.geodesic_tortuosity(m, "pore") == pytest.approx(first.mean() / 39, rel=1e-6)


def test_euler_number_equals_scikit_image():
    """A random set away from the border has scikit-image's Euler number for 26 neighbors."""
    from skimage.measure import euler_number

    mask = np.pad(np.random.default_rng(0).random((20, 21, 22)) < 0.3, 1)
    m = Microstructure(mask, 1.0)
    volume = math.prod(n - 1 for n in m.shape)
    assert d.euler_number_density(m, 1) * volume == pytest.approx(
        euler_number(mask, connectivity=3), abs=1e-6
    )


def test_surface_agrees_with_marching_cubes_on_a_grey_field():
    """On a smooth field marching cubes and the binary estimate differ by less than 2 %."""
    from skimage.measure import marching_cubes, mesh_surface_area

    noise = np.random.default_rng(0).standard_normal((96, 96, 96))
    field = ndimage.gaussian_filter(noise, 5, mode="wrap")[8:-8, 8:-8, 8:-8]
    vertices, faces, _, _ = marching_cubes(field, 0.0)
    area = mesh_surface_area(vertices, faces)
    m = Microstructure(field > 0, 1.0)
    # the mesh spans the voxel centers
    assert d.specific_surface_area(m, 1) * 79**3 == pytest.approx(area, rel=0.02)


def _functionals():
    """Minkowski functionals by quantimpy, or a skip with its reason."""
    try:
        from quantimpy.minkowski import functionals
    except (ImportError, ValueError) as error:  # its wheels are built for NumPy 1
        pytest.skip(f"quantimpy can't be used here: {error}")
    return functionals


def _equals_quantimpy(mask):
    functionals = _functionals()
    mask = np.ascontiguousarray(mask)
    m = Microstructure(mask, 1.0)
    # both see inner blocks, but vmt divides each direction by its own pairs of voxels
    surface = 8 * functionals(mask)[1] / math.prod(n - 1 for n in m.shape)
    assert d.specific_surface_area(m, 1) == pytest.approx(surface, rel=0.01)
    framed = np.pad(mask, 1)
    m = Microstructure(framed, 1.0)
    volume, _, curvature, euler = functionals(framed)
    assert m.volume_fraction(1) * framed.size == pytest.approx(volume, rel=1e-9)
    blocks = math.prod(n - 1 for n in m.shape)
    total = d.mean_curvature_density(m, 1) * blocks
    assert total == pytest.approx(2 * math.pi**2 * curvature, rel=1e-9)
    six = d.euler_number_density(m, 1, neighbors=6) * blocks
    assert 4 * math.pi / 3 * euler == pytest.approx(six + _excess_of_quantimpy(framed), abs=1e-6)


def _excess_of_quantimpy(mask):
    """What quantimpy's table adds to the Euler number for 6 neighbors.

    It has 24ths for each of the 256 blocks of eight voxels. 228 are those of 6 neighbors. Where the
    background is two opposite corners it has -12 instead of -18, where it is these and a third
    voxel -8 instead of -9.
    """
    counts = surface_kernels.configuration_histogram(mask, 1)
    excess = 0.0
    for code, count in enumerate(counts):
        gone = [c for c in range(8) if not code >> c & 1]
        if len(gone) in (2, 3) and any(7 - c in gone for c in gone):
            excess += count * (6 if len(gone) == 2 else 1) / 24
    return excess


def test_euler_number_of_quantimpy():
    """On each block of eight voxels quantimpy's number is ours for 6 neighbors, but for 28."""
    functionals = _functionals()
    apart = 0
    for code in range(256):
        block = np.array([code >> c & 1 for c in range(8)], bool).reshape(2, 2, 2)
        found = 4 * math.pi / 3 * functionals(np.ascontiguousarray(block))[3]
        own = d.euler_number_density(Microstructure(block, 1.0), 1, neighbors=6)
        assert found == pytest.approx(own + _excess_of_quantimpy(block), abs=1e-9), code
        apart += abs(found - own) > 1e-6
    assert apart == 28


@pytest.mark.parametrize("seed", [1, 2])
def test_chi_square_set_equals_quantimpy(seed):
    """Volume and mean curvature of a framed random set are quantimpy's, its surface within 1 %."""
    model = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=0.1), 0.46)
    _equals_quantimpy(np.asarray(model.sample((64, 64, 64), 1.0, rng=seed).labels) == 1)


def test_surface_and_volume_agree_with_pyvista():
    """A contour of the continuous field has the voxels' area within 1 %, of the voxels +9 %."""
    pyvista = pytest.importorskip("pyvista")
    model = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=0.1), 0.46)
    values = np.asarray(model.sample_level_set((96,) * 3, 1.0, rng=1, at="centers").values, float)
    m = Microstructure(values < 0, 1.0)
    grid = pyvista.ImageData(dimensions=values.shape)  # spans the voxel centers
    grid.point_data["field"] = values.ravel(order="F")
    grid.point_data["voxels"] = (values < 0).astype(float).ravel(order="F")
    area = grid.contour([0.0], scalars="field").area
    assert d.specific_surface_area(m, 1) * 95**3 == pytest.approx(area, rel=0.01)
    assert grid.contour([0.5], scalars="voxels").area / area == pytest.approx(1.09, abs=0.01)
    inside = grid.clip_scalar(scalars="field", value=0.0, invert=True).volume
    assert m.volume_fraction(1) == pytest.approx(inside / 95**3, rel=0.01)


@pytest.mark.data
def test_real_cathode(cathode_path):
    """A crop of the NREL cathode is described: three phases, all numbers in their ranges."""
    import tifffile

    labels = np.unique(tifffile.imread(cathode_path)[:64, :64, :64], return_inverse=True)[1]
    m = Microstructure(labels.reshape(64, 64, 64).astype(np.uint8), 3.98e-7)
    made = d.describe(m)
    fractions = [v for k, v in made.values.items() if k.startswith("volume_fraction")]
    assert len(fractions) == 3
    assert sum(fractions) == pytest.approx(1)
    for key, value in made.values.items():
        if key.startswith("geodesic") and not math.isnan(value):
            assert value >= 1
        if key.startswith("constrictivity"):
            assert 0 <= value <= 1.05


@pytest.fixture(scope="module")
def cathode(cathode_path):
    """A crop of the NREL cathode with its three phases."""
    import tifffile

    labels = np.unique(tifffile.imread(cathode_path)[:80, :72, :64], return_inverse=True)[1]
    return Microstructure(labels.reshape(80, 72, 64).astype(np.uint8), 3.98e-7)


@pytest.mark.data
@pytest.mark.parametrize("label", [0, 1, 2])
def test_real_cathode_equals_peers(cathode, label):
    """On each phase of the cathode: distances, closed parts, Euler number and paths of others."""
    from skimage.graph import MCP_Geometric
    from skimage.measure import euler_number

    mask = cathode.mask(label)
    np.testing.assert_allclose(
        openings.squared_distances(mask, (1, 1, 1)),
        ndimage.distance_transform_edt(mask) ** 2,
        rtol=1e-5,
    )
    parts, count = ndimage.label(mask)
    rim = np.ones_like(mask)
    rim[1:-1, 1:-1, 1:-1] = False
    closed = ~np.isin(parts, np.unique(parts[rim])) & mask
    found = d.closed_pores(cathode, label)
    np.testing.assert_array_equal(found.mask, closed)
    assert found.volumes.size == count - np.setdiff1d(parts[rim], 0).size
    # in a frame of background nothing touches the window
    framed = np.pad(mask, 1)
    volume = math.prod(n - 1 for n in framed.shape)
    for neighbors, connectivity in ((26, 3), (6, 1)):
        density = d.euler_number_density(Microstructure(framed, 1.0), 1, neighbors=neighbors)
        assert density * volume == pytest.approx(
            euler_number(framed, connectivity=connectivity), abs=1e-6
        )
    m = cathode.crop(slice(0, 40), slice(0, 40), slice(0, 40))
    small = m.mask(label)
    ends = [(39, int(j), int(k)) for j, k in np.argwhere(small[-1])]
    lengths, _ = MCP_Geometric(np.where(small, 1.0, -1.0), fully_connected=True).find_costs(ends)
    first = lengths[0][small[0] & np.isfinite(lengths[0])]
    tau = d.geodesic_tortuosity(m, label)
    assert tau == pytest.approx(first.mean() / 39, rel=1e-6, nan_ok=True)


@pytest.mark.data
def test_real_cathode_three_phases(cathode):
    """Surfaces and lines of the three phases fit together; all descriptors are there."""
    asked = d.DESCRIPTORS - {"region_network"}
    made = d.describe(cathode, descriptors=asked)
    names = list(cathode.phases)
    assert sum(made.values[f"volume_fraction({n})"] for n in names) == pytest.approx(1)
    for name in names:
        others = [v for k, v in made.values.items() if k.startswith("interface") and name in k]
        assert made.values[f"specific_surface_area({name})"] == pytest.approx(sum(others))
        assert 0 <= made.values[f"trapped_share({name})"] <= 1
    lines = made.values[f"triple_phase_boundary_density({', '.join(names)})"]
    assert 0 < lines < 1 / 3.98e-7**2


@pytest.mark.data
@pytest.mark.parametrize("label", [0, 1, 2])
def test_real_cathode_equals_quantimpy(cathode, label):
    """Each phase of the cathode has quantimpy's volume, mean curvature and surface."""
    _equals_quantimpy(cathode.mask(label))


def _compare_sizes(m, phase, radii):
    """Maps by vmt and PoreSpy at the same balls: thickness alike, intrusion but for neighbors."""
    porespy = pytest.importorskip("porespy")
    porespy.settings.tqdm["disable"] = True
    mask = m.mask(phase)
    # PoreSpy's ball of radius r holds what is nearer than r to a center at r or more from the
    # background; between two distances of the lattice vmt's is the same
    balls = np.sqrt(radii**2 - 0.5)

    def rounded(found):
        ranks = np.searchsorted(balls, np.nan_to_num(found / m.spacing[0]) * 1.000001, side="right")
        return np.append(0.0, radii)[ranks]

    own = rounded(d.local_thickness(m, phase, radii=balls * m.spacing[0]))
    for method in ("bf", "dt"):
        theirs = porespy.filters.local_thickness(mask, sizes=radii.astype(int), method=method)
        np.testing.assert_array_equal(own, theirs)
    inlets = np.zeros_like(mask)
    inlets[0] = True
    own = rounded(d.local_thickness(m, phase, radii=balls * m.spacing[0], faces="x-"))
    theirs = porespy.filters.porosimetry(mask, sizes=radii[::-1], inlets=inlets)
    distance = ndimage.distance_transform_edt(mask)
    for made, ways in ((own, 3), (theirs, 1)):
        plain = np.zeros(mask.shape)
        for radius in radii:
            parts, _ = ndimage.label(distance >= radius, ndimage.generate_binary_structure(3, ways))
            entered = np.isin(parts, np.setdiff1d(parts[0], 0))
            if entered.any():
                plain[ndimage.distance_transform_edt(~entered) < radius] = radius
        np.testing.assert_array_equal(made, plain)
    # where 26 neighbors let mercury in, 6 may not, never the reverse
    assert (own >= theirs).all()


def _compare_two_point(m, phase):
    """Means over whole-voxel bins by PoreSpy are those of vmt's lattice values."""
    porespy = pytest.importorskip("porespy")
    mask = m.mask(phase)
    theirs = porespy.metrics.two_point_correlation(mask)
    edge = min(m.shape) // 2
    own = d.two_point_coverage_probability(m, phase, max_lag=(edge - 0.5) * m.spacing[0])
    bins = np.sqrt((own.lag_vectors**2).sum(axis=1)).astype(int)
    # of v and -v one is stored, and 0 has no partner; PoreSpy's mean does not weight by pairs
    weight = np.where(own.lag_vectors.any(axis=1), 2.0, 1.0)
    count = np.bincount(bins, weight)
    means = np.bincount(bins, weight * own.lattice_values) / count
    last = edge - 1
    scaled = np.asarray(theirs.probability)[:last] * mask.mean()
    assert scaled == pytest.approx(means[:last], abs=2e-6)


def test_sizes_of_porespy() -> None:
    """On a χ² set: local thickness voxel by voxel, intrusion with 6 neighbors, two-point curve."""
    model = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=7.28e6), 0.46)
    m = model.sample((72, 72, 72), 10e-9, rng=1)
    _compare_sizes(m, "solid", np.arange(1.0, 12.0))
    _compare_two_point(m, "solid")


@pytest.mark.data
@pytest.mark.parametrize("label", [0, 1, 2])
def test_real_cathode_equals_porespy(cathode, label):
    """Each phase of the cathode: porosity, two-point curve, local thickness, intrusion."""
    porespy = pytest.importorskip("porespy")
    mask = cathode.mask(label)
    assert cathode.volume_fraction(label) == pytest.approx(porespy.metrics.porosity(mask))
    largest = int(ndimage.distance_transform_edt(mask).max())
    _compare_sizes(cathode, label, np.arange(1.0, largest + 1))
    _compare_two_point(cathode, label)
