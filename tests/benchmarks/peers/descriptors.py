"""Two-point function, local thickness and intrusion beside PoreSpy's, in one process.

Run by hand where PoreSpy is installed (the `bench` extra), one thread:

    NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 python tests/benchmarks/peers/descriptors.py --size 200

Each row times both packages at the same job, in turn, in CPU time: the same image, the same lags or
the same radii, results of the same kind (a curve, a map). Beside the time stands the error of each:

- two-point function: largest deviation of the radial curve, read at the distances of the lattice
  from 1 to 8 voxels, from the mean over all pairs at that distance, counted one lag after another;
- local thickness: mean deviation of the map from the one with every distance of the lattice;
- intrusion: share of voxels that differ from labeled components and dilations by distance
  transforms at the same radii (scipy), with each package's own neighbors (vmt 26, PoreSpy 6).

PoreSpy's ball of radius r has its center at distance r or more from the background and holds what
is nearer than r; vmt's has more than r and holds r too. At whole squares of distances these are
the same balls for vmt's r² = ⌈r²⌉ − 1/2, which `same_balls` gives.
"""

import argparse
import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage

import vmt
from vmt.descriptors import local_thickness

Job = Callable[[], Any]


def structure(size: int, seed: int) -> np.ndarray:
    """Smoothed noise, half of it pores, of about ten voxels between walls."""
    noise = np.random.default_rng(seed).standard_normal((size,) * 3).astype(np.float32)
    return ndimage.gaussian_filter(noise, 5) > 0


def same_balls(radii: np.ndarray) -> np.ndarray:
    """Radii whose closed balls are PoreSpy's balls of the given radii."""
    return np.sqrt(np.ceil(np.asarray(radii) ** 2 - 1e-9) - 0.5)


def rounded(found: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Map of vmt's radii as the map of PoreSpy's: 0 where no ball comes."""
    ranks = np.searchsorted(same_balls(radii), np.nan_to_num(found) * (1 + 1e-6), side="right")
    return np.append(0.0, radii)[ranks]


def two_point_error(mask: np.ndarray, lags: np.ndarray, values: np.ndarray) -> float:
    """Largest deviation from pairs counted one lag after another, from 1 to 8 voxels."""
    found: dict[int, list[float]] = {}
    for v in itertools.product(range(9), range(-8, 9), range(-8, 9)):
        squared = v[0] ** 2 + v[1] ** 2 + v[2] ** 2
        if v <= (0, 0, 0) or squared > 64 or squared % 4 > 1:  # every other distance will do
            continue
        one = mask[
            tuple(slice(max(0, -c), n - max(0, c)) for c, n in zip(v, mask.shape, strict=True))
        ]
        two = mask[
            tuple(slice(max(0, c), n - max(0, -c)) for c, n in zip(v, mask.shape, strict=True))
        ]
        sums = found.setdefault(squared, [0.0, 0.0])
        sums[0] += np.count_nonzero(one & two)
        sums[1] += one.size
    return max(abs(float(np.interp(q**0.5, lags, values)) - a / b) for q, (a, b) in found.items())


def intruded_plainly(mask: np.ndarray, radii: np.ndarray, neighbors: int) -> np.ndarray:
    """Largest of the radii whose balls of PoreSpy's kind reach each voxel from the first plane."""
    distance = ndimage.distance_transform_edt(mask)
    nearby = ndimage.generate_binary_structure(3, {6: 1, 26: 3}[neighbors])
    made = np.zeros(mask.shape)
    for radius in radii:
        parts, _ = ndimage.label(distance >= radius, nearby)
        entered = np.isin(parts, np.setdiff1d(parts[0], 0))
        if entered.any():
            made[ndimage.distance_transform_edt(~entered) < radius] = radius
    return made


def seconds(jobs: list[Job], repeats: int) -> list[tuple[float, Any]]:
    """Least CPU time of each job over a few rounds in turn, and its result."""
    best: list[tuple[float, Any]] = [(np.inf, None)] * len(jobs)
    for _ in range(repeats):
        for n, work in enumerate(jobs):
            start = time.process_time()
            made = work()
            took = time.process_time() - start
            if took < best[n][0]:
                best[n] = took, made
    return best


def jobs(mask: np.ndarray) -> dict[str, tuple[Job, Job, np.ndarray | None]]:
    """Pairs of jobs, vmt's and PoreSpy's, and the radii that both take (None: not a few)."""
    import porespy

    porespy.settings.tqdm["disable"] = True
    porespy.settings.ncores = 1
    m = vmt.Microstructure(mask, 1.0)
    inlet = np.zeros_like(mask)
    inlet[0] = True
    largest = ndimage.distance_transform_edt(mask).max()
    whole = np.arange(1.0, int(largest) + 1)
    many = np.linspace(1.0, largest, 25)

    def thickness(radii: np.ndarray, faces: str | None = None) -> np.ndarray:
        return local_thickness(m, "solid", radii=same_balls(radii), faces=faces)

    def porosimetry(sizes: np.ndarray | None) -> np.ndarray:
        return porespy.filters.porosimetry(mask, inlets=inlet, sizes=sizes)

    return {
        "two-point function": (
            lambda: vmt.two_point_coverage_probability(m, "solid", max_lag=len(mask) / 2 - 1),
            lambda: porespy.metrics.two_point_correlation(mask),
            None,
        ),
        "local thickness, whole radii": (
            lambda: thickness(whole),
            lambda: porespy.filters.local_thickness(mask),
            whole,
        ),
        "local thickness, whole radii, PoreSpy's dt": (
            lambda: thickness(whole),
            lambda: porespy.filters.local_thickness(mask, method="dt"),
            whole,
        ),
        "intrusion, whole radii": (
            lambda: thickness(whole, "x-"),
            lambda: porosimetry(whole[::-1]),
            whole,
        ),
        "intrusion, 25 radii": (
            lambda: thickness(many, "x-"),
            lambda: porosimetry(many[::-1]),
            many,
        ),
        "intrusion, every distance": (
            lambda: local_thickness(m, "solid", points=None, faces="x-"),
            lambda: porosimetry(None),
            None,
        ),
    }


def errors(name: str, mask: np.ndarray, own: Any, theirs: Any) -> tuple[float, float]:
    """Error of each as the module's text has it."""
    if name.startswith("two-point"):
        return (
            two_point_error(mask, own.lags, own.values),
            two_point_error(mask, theirs.distance, theirs.probability * mask.mean()),
        )
    if name.startswith("local"):
        exact = local_thickness(vmt.Microstructure(mask, 1.0), "solid", points=None)[mask]
        return float(np.abs(own[mask] - exact).mean()), float(np.abs(theirs[mask] - exact).mean())
    if name == "intrusion, whole radii":
        radii = np.arange(1.0, int(ndimage.distance_transform_edt(mask).max()) + 1)
        ours, others = (intruded_plainly(mask, radii, neighbors) for neighbors in (26, 6))
        return float((own != ours)[mask].mean()), float((theirs != others)[mask].mean())
    return np.nan, np.nan


def compare(size: int, repeats: int, names: list[str] | None = None) -> dict[str, dict[str, float]]:
    """Time and errors of both packages for each job."""
    for own, theirs, _ in jobs(structure(40, 0)).values():  # compiles
        own()
        theirs()
    mask = structure(size, 1)
    found = {}
    for name, (work, other, radii) in jobs(mask).items():
        if names is not None and name not in names:
            continue
        (t_own, made), (t_theirs, made_there) = seconds([work, other], repeats)
        if radii is not None:
            made = rounded(made, radii)
        e_own, e_theirs = errors(name, mask, made, made_there)
        found[name] = {
            "vmt [s]": t_own,
            "PoreSpy [s]": t_theirs,
            "ratio": t_theirs / t_own,
            "vmt error": e_own,
            "PoreSpy error": e_theirs,
        }
    return found


def profile(size: int) -> dict[str, float]:
    """CPU seconds of vmt's parts."""
    from vmt.kernels import intrusion, openings

    mask, unit = structure(size, 1), (1.0, 1.0, 1.0)
    d2 = openings.squared_distances(mask, unit)
    squares = (same_balls(np.arange(1.0, int(d2.max() ** 0.5) + 1)) ** 2).tolist()
    parts = [
        lambda: openings.squared_distances(mask, unit),
        lambda: intrusion.widest_paths(d2, [(0, 0)]),
        lambda: openings.largest_balls(d2, squares, unit),
    ]
    names = ["distance transform", "widest paths", f"balls of {len(squares)} radii"]
    return {name: took for name, (took, _) in zip(names, seconds(parts, 2), strict=True)}


def main() -> None:
    """Print the table and the profile."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    for name, row in compare(asked.size, asked.repeats).items():
        print(
            f"{name}: vmt {row['vmt [s]']:.2f} s, PoreSpy {row['PoreSpy [s]']:.2f} s, ratio "
            f"{row['ratio']:.1f}; errors {row['vmt error']:.1e} and {row['PoreSpy error']:.1e}"
        )
    for part, took in profile(asked.size).items():
        print(f"    {part}: {took:.2f} s")


if __name__ == "__main__":
    main()
