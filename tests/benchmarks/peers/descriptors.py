"""Two-point function, local thickness and intrusion beside PoreSpy's, in one process.

Run by hand where PoreSpy is installed (the `bench` extra), one thread:

    NUMBA_NUM_THREADS=1 OMP_NUM_THREADS=1 python tests/benchmarks/peers/descriptors.py --size 200

Prints the CPU time of each, the ratio, and how far the results agree. Both two-point functions are
corrected for the window; PoreSpy's has bins of whole voxels, up to half the edge, and is divided by
its value at 0, vmt's goes to a quarter unless asked. PoreSpy's local thickness and intrusion round
radii to those of a list; vmt finds the median between neighboring distances of the lattice.
"""

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage

import vmt
from vmt.descriptors import local_thickness


def structure(size: int, seed: int) -> np.ndarray:
    """Smoothed noise, half of it pores, of about ten voxels between walls."""
    noise = np.random.default_rng(seed).standard_normal((size,) * 3).astype(np.float32)
    return ndimage.gaussian_filter(noise, 5) > 0


def seconds(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Least CPU time of a few runs, and the result."""
    best, made = np.inf, None
    for _ in range(repeats):
        start = time.process_time()
        made = work()
        best = min(best, time.process_time() - start)
    return best, made


def main() -> None:
    """Time and compare."""
    import porespy

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=2)
    asked = parser.parse_args()
    porespy.settings.tqdm["disable"] = True
    porespy.settings.ncores = 1

    def jobs(mask: np.ndarray) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
        m = vmt.Microstructure(mask, 1.0)
        inlet = np.zeros_like(mask)
        inlet[0] = True
        return {
            "two-point function": (
                lambda: vmt.two_point_coverage_probability(m, "solid", max_lag=len(mask) / 2 - 1),
                lambda: porespy.metrics.two_point_correlation(mask),
            ),
            "local thickness": (
                lambda: local_thickness(m, "solid"),
                lambda: porespy.filters.local_thickness(mask),
            ),
            "local thickness, by distance transforms": (
                lambda: local_thickness(m, "solid"),
                lambda: porespy.filters.local_thickness(mask, sizes=25, method="dt"),
            ),
            "intrusion from one face": (
                lambda: vmt.intrusion_size_distribution(m, "solid"),
                lambda: porespy.filters.porosimetry(mask, inlets=inlet),
            ),
            "intrusion from one face, PoreSpy at 25 sizes": (
                lambda: vmt.intrusion_size_distribution(m, "solid"),
                lambda: porespy.filters.porosimetry(mask, inlets=inlet, sizes=25),
            ),
        }

    for own, theirs in jobs(structure(32, 0)).values():  # compiles
        own()
        theirs()
    mask = structure(asked.size, 1)
    for name, (own, theirs) in jobs(mask).items():
        (t_own, a), (t_theirs, b) = (seconds(w, asked.repeats) for w in (own, theirs))
        print(f"{name}: vmt {t_own:.2f} s, PoreSpy {porespy.__version__} {t_theirs:.2f} s of CPU, ")
        print(f"    ratio {t_theirs / t_own:.1f}; {agreement(name, mask, a, b)}")


def agreement(name: str, mask: np.ndarray, own: Any, theirs: Any) -> str:
    """How far the two results agree."""
    if name.startswith("two-point"):
        lags, values = np.asarray(theirs.distance), np.asarray(theirs.probability)
        near = (lags > 2) & (lags < 20)
        values = values * (own.values[0] / values[0])
        gap = np.abs(np.interp(lags[near], own.lags, own.values) - values[near]).max()
        return f"largest difference up to 20 voxels {gap:.4f}"
    if name.startswith("local"):
        inside = mask & (theirs > 0)
        medians = [float(np.median(x[inside])) for x in (own, np.asarray(theirs))]
        return f"median radius {medians[0]:.2f} and {medians[1]:.2f} voxels"
    sizes = np.asarray(theirs)[mask]
    return f"median radius {own.median:.2f} and {float(np.median(sizes)):.2f} voxels"


if __name__ == "__main__":
    main()
