"""The descriptor kernels against the plain way, as ratios within one run of CPU time."""

import time

import numpy as np
import pytest
from scipy import fft, ndimage

from vmt.kernels import intrusion, openings, paths, spectral


def seconds(work, repeats=3):
    """Least CPU time of a few runs, after one that compiles."""
    work()
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


@pytest.fixture(scope="module")
def mask():
    noise = np.random.default_rng(0).standard_normal((96, 96, 96)).astype(np.float32)
    return ndimage.gaussian_filter(noise, 4) > 0


def test_an_opening_costs_less_than_its_distance_transform(mask):
    """One opening is at least 1.5 times as fast as a distance transform of the eroded set."""
    import edt

    d2 = openings.squared_distances(mask, (1, 1, 1))

    def plain():
        away = edt.edtsq(d2 <= 25, black_border=False, parallel=1)
        return int(np.count_nonzero(away <= 25))

    assert plain() == openings.dilated_volume(d2, 25, (1, 1, 1))
    assert seconds(lambda: openings.dilated_volume(d2, 25, (1, 1, 1))) < seconds(plain) / 1.5


def test_one_flood_costs_less_than_the_components_of_fifty_radii(mask):
    """All radii of an intrusion (a curve and its median take 30 to 50) come in one flood."""
    import cc3d

    d2 = openings.squared_distances(mask, (1, 1, 1))

    def plain():
        for k in range(1, 51):
            labels = cc3d.connected_components(d2 > k, connectivity=26)
            np.isin(labels, np.unique(labels[0]))

    assert seconds(lambda: intrusion.widest_paths(d2, [(0, 0)])) < seconds(plain)


def test_two_point_is_faster_than_a_padded_transform(mask):
    """Pair counts take at most 0.8 of the doubled double-precision transform's time."""

    def plain():
        spectrum = fft.rfftn(mask.astype(float), [192] * 3)
        return fft.irfftn(abs(spectrum) ** 2, [192] * 3)[:25, :25, :25]

    counts = spectral.pair_counts(mask, None, (24, 24, 24)).products[:, 24:, 24:]
    np.testing.assert_array_equal(counts, np.rint(plain()))
    assert seconds(lambda: spectral.pair_counts(mask, None, (24, 24, 24))) < 0.8 * seconds(plain)


def test_paths_are_faster_than_scikit_image(mask):
    """Shortest paths are at least 5 times as fast as scikit-image's minimum-cost paths."""
    from skimage.graph import MCP_Geometric

    small = mask[:48, :48, :48]
    costs = np.where(small, 1.0, -1.0)
    ends = [(47, int(j), int(k)) for j, k in np.argwhere(small[-1])]

    def plain():
        return MCP_Geometric(costs, fully_connected=True).find_costs(ends)[0]

    ours = seconds(lambda: paths.face_distances(small, (1, 1, 1)), repeats=9)
    theirs = seconds(plain, repeats=9)
    smooth = seconds(lambda: paths.euclidean_distances(small, (1, 1, 1)), repeats=9)
    each = np.array([ours, smooth, theirs]) / np.count_nonzero(small) * 1e9
    print("ns a voxel: 26 neighbors {:.0f}, Euclidean {:.0f}, scikit-image {:.0f}".format(*each))
    assert ours < theirs / 5
