"""Descriptors of the real cathode's three phases beside other packages', as a table for docs.

Run by hand where PoreSpy and scikit-image are installed (the `bench` extra):

    NUMBA_NUM_THREADS=1 python tests/benchmarks/peers/agreement.py CATHODE.tif --edge 128

Each row says vmt's number, the peer's, and the largest difference of the maps or curves behind them
where there are such. `tests/descriptors/test_peers.py` asserts the agreement on a smaller crop.
"""

import argparse
import math
from collections.abc import Iterator

import numpy as np
import porespy
import tifffile
from scipy import ndimage
from skimage.graph import MCP_Geometric
from skimage.measure import euler_number, marching_cubes, mesh_surface_area

import vmt
import vmt.descriptors as d

Row = tuple[str, str, float, float, str]


def same_balls(radii: np.ndarray) -> np.ndarray:
    """Radii whose closed balls are PoreSpy's balls of the given radii."""
    return np.sqrt(radii**2 - 0.5)


def rounded(found: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Map of vmt's radii as the map of PoreSpy's: 0 where no ball comes."""
    ranks = np.searchsorted(same_balls(radii), np.nan_to_num(found) * 1.000001, side="right")
    return np.append(0.0, radii)[ranks]


def rows(m: vmt.Microstructure, label: int) -> Iterator[Row]:
    """All comparisons of one phase, lengths in voxels."""
    mask = m.mask(label)
    n = len(mask)
    yield (
        "volume fraction",
        "PoreSpy",
        m.volume_fraction(label),
        float(porespy.metrics.porosity(mask)),
        "",
    )
    own = d.two_point_coverage_probability(m, label, max_lag=n // 2 - 0.5)
    bins = np.sqrt((own.lag_vectors**2).sum(axis=1)).astype(int)
    weight = np.where(own.lag_vectors.any(axis=1), 2.0, 1.0)
    means = np.bincount(bins, weight * own.lattice_values) / np.bincount(bins, weight)
    theirs = np.asarray(porespy.metrics.two_point_correlation(mask).probability) * mask.mean()
    last = n // 2 - 1
    gap = np.abs(means[:last] - theirs[:last]).max()
    yield "C(h), h in 10..11 voxels", "PoreSpy", means[10], theirs[10], f"all bins: {gap:.0e}"

    radii = np.arange(1.0, int(ndimage.distance_transform_edt(mask).max()) + 1)
    one = rounded(d.local_thickness(m, label, radii=same_balls(radii)), radii)
    two = porespy.filters.local_thickness(mask, sizes=radii.astype(int))
    differ = f"{np.count_nonzero(one != two)} voxels differ"
    yield "mean local thickness, whole radii", "PoreSpy", one[mask].mean(), two[mask].mean(), differ
    inlets = np.zeros_like(mask)
    inlets[0] = True
    one = rounded(d.local_thickness(m, label, radii=same_balls(radii), faces="x-"), radii)
    two = porespy.filters.porosimetry(mask, sizes=radii[::-1], inlets=inlets)
    differ = f"{(one != two)[mask].mean():.2%} of voxels differ: 26 against 6 neighbors"
    yield "mean radius of intrusion, x-", "PoreSpy", one[mask].mean(), two[mask].mean(), differ

    vertices, faces, _, _ = marching_cubes(mask.astype(np.float32), 0.5)
    area = mesh_surface_area(vertices, faces) / (n - 1) ** 3
    yield (
        "specific surface area",
        "scikit-image, marching cubes",
        d.specific_surface_area(m, label),
        float(area),
        "facets on binary voxels follow the steps",
    )
    framed = np.pad(mask, 1)
    frame = vmt.Microstructure(framed, 1.0)
    for neighbors, connectivity in ((26, 3), (6, 1)):
        found = d.euler_number_density(frame, 1, neighbors=neighbors) * (n + 1) ** 3
        yield (
            f"Euler number, {neighbors} neighbors, framed",
            "scikit-image",
            found,
            float(euler_number(framed, connectivity=connectivity)),
            "",
        )
    ends = [(n - 1, int(j), int(k)) for j, k in np.argwhere(mask[-1])]
    lengths, _ = MCP_Geometric(np.where(mask, 1.0, -1.0), fully_connected=True).find_costs(ends)
    first = lengths[0][mask[0] & np.isfinite(lengths[0])]
    mean = first.mean() / (n - 1) if first.size else math.nan
    yield "geodesic tortuosity", "scikit-image", d.geodesic_tortuosity(m, label), mean, ""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    parser.add_argument("--edge", type=int, default=128)
    asked = parser.parse_args()
    porespy.settings.tqdm["disable"] = True
    image = np.ascontiguousarray(tifffile.imread(asked.image)[(slice(0, asked.edge),) * 3])
    labels = np.unique(image, return_inverse=True)[1].reshape(image.shape).astype(np.uint8)
    m = vmt.Microstructure(labels, 1.0)
    print("| phase | descriptor | vmt | peer | | |\n|---|---|---|---|---|---|")
    for label in range(3):
        for name, peer, own, theirs, note in rows(m, label):
            print(f"| {label} | {name} | {own:.6g} | {theirs:.6g} | {peer} | {note} |")


if __name__ == "__main__":
    main()
