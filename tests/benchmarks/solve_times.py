"""Times of conduction through one phase, to be compared between commits on one machine.

NUMBA_NUM_THREADS=1 python tests/benchmarks/solve_times.py 300 400 --runs 5
"""

import argparse
import time

import numpy as np

import vmt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("edges", type=int, nargs="+")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    model = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=7.28e6), 0.46)
    for edge in given.edges:
        made = model.sample((edge,) * 3, 10e-9, rng=np.random.default_rng(5))
        for bounds in ("none", "cheap"):
            took = []
            for _ in range(given.runs + 1):  # the first compiles and gets memory
                start = time.process_time()
                found = vmt.effective_conductivity(made, {"solid": 1.0}, axis=0, bounds=bounds)
                took.append(time.process_time() - start)
            print(
                f"{edge}³ bounds={bounds}: least {min(took[1:]):.2f} s of CPU time, "
                f"{found.iterations} iterations, M = {found.m_factor!r}"
            )


if __name__ == "__main__":
    main()
