"""Conduction against TauFactor, PoreSpy and pyamg: one image, one process, one thread.

Run by hand with a Python that has the peers, numba and this package's dependencies (an environment
of its own: PoreSpy and TauFactor pin versions, and an unpinned torch pulls GPU wheels)::

    python tests/benchmarks/peers/compare.py 100 200 --runs 3

Solvers run in turn, `--runs` times each; the median CPU time counts. A first small solve keeps
compilation out and is reported separately. The error is that of the conductivity against a solve
to 1e-9 of the same image. PoreSpy holds the potential in the centers of the outer voxels, the
others on the faces of the box; its value is compared with the reference of the same box as it
defines it only up to that difference, so its error includes it.

TauFactor beyond `--full` voxels per edge is extrapolated: its measured time per iteration at that
size, times its iteration count at the largest size it finished, scaled by the growth of the count
between the two largest sizes it finished.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # before numpy is loaded
    for _name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ[f"{_name}_NUM_THREADS"] = "1"

import numpy as np
from scipy import fft, sparse

sys.path.insert(0, str(Path(__file__).parents[3]))

PEERS = {"taufactor": "taufactor", "porespy": "porespy", "pyamg": "pyamg"}
Run = tuple[float, float, dict[str, Any]]


def available() -> list[str]:
    """Peers that can be imported here."""
    return [name for name, module in PEERS.items() if importlib.util.find_spec(module)]


def image(n: int, fraction: float = 0.5, rate: float = 0.15, seed: int = 0) -> np.ndarray:
    """Labels of a χ² excursion set; correlation exp(-(rate·h)²) of the field, h in voxels."""
    rng = np.random.default_rng(seed)
    wave = 2 * np.pi * fft.fftfreq(n)
    half = 2 * np.pi * fft.rfftfreq(n)
    damp = [np.exp(-(w**2) / (8 * rate**2)).astype(np.float32) for w in (wave, wave, half)]
    total = np.zeros((n, n, n), np.float32)
    for _ in range(2):
        spectrum = fft.rfftn(rng.standard_normal((n, n, n), dtype=np.float32))
        spectrum *= damp[0][:, None, None] * damp[1][None, :, None] * damp[2][None, None, :]
        field = fft.irfftn(spectrum, s=(n, n, n))
        total += (field / field.std()) ** 2
    return (total >= np.quantile(total[::2, ::2, ::2], 1 - fraction)).astype(np.uint8)


def ours(labels: np.ndarray, rtol: float = 1e-4, bounds: str = "none") -> Run:
    """This package, all in: checks, trimming, set-up, solve to 1e-4; no peer has bounds."""
    import vmt

    start = time.process_time()
    structure = vmt.Microstructure(labels, 1e-8)
    found = vmt.effective_conductivity(structure, {1: 1.0}, rtol=rtol, bounds=bounds)
    seconds = time.process_time() - start
    return seconds, found.effective_conductivity, {"iterations": found.iterations}


def certified(labels: np.ndarray) -> Run:
    """The same with the two bounds of the default call."""
    return ours(labels, bounds="cheap")


def taufactor(labels: np.ndarray, iterations: int | None = None) -> Run:
    """TauFactor's default solver and criterion on the CPU; its set-up is counted."""
    import taufactor
    import torch

    torch.set_num_threads(1)
    start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        solver = taufactor.Solver(labels, device="cpu")
        solver.solve(verbose=False, iter_limit=iterations or 100_000)
    seconds = time.process_time() - start
    # its value is evaluated every hundred iterations
    value = float(np.ravel(solver.D_rel)[0]) if solver.iter >= 100 else float("nan")
    return seconds, value, {"iterations": int(solver.iter)}


def porespy(labels: np.ndarray) -> Run:
    """PoreSpy's finite differences with its default tolerance."""
    import logging

    logging.disable(logging.WARNING)
    import porespy

    start = time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        found = porespy.simulations.tortuosity_fd(labels > 0, axis=0)
    seconds = time.process_time() - start
    return seconds, 1.0 / float(found.formation_factor), {}


def pyamg(labels: np.ndarray) -> Run:
    """The assembled matrix, Ruge-Stüben multigrid and CG to a residual of 1e-6."""
    import pyamg

    from vmt.kernels.multigrid import keep_percolating

    start = time.process_time()
    kept = keep_percolating(labels, np.arange(256) > 0)[0] > 0
    n = labels.shape[0]
    number = np.full(kept.shape, -1, np.int32)
    size = int(kept.sum())
    number[kept] = np.arange(size, dtype=np.int32)
    rows, columns = [], []
    for axis in range(3):
        a = np.moveaxis(number, axis, 0)
        both = (a[:-1] >= 0) & (a[1:] >= 0)
        rows.append(a[:-1][both])
        columns.append(a[1:][both])
    i, j = np.concatenate(rows), np.concatenate(columns)
    links = sparse.coo_matrix((np.ones(i.size), (i, j)), shape=(size, size))
    links = (links + links.T).tocsr()
    wall = np.zeros(size)
    first, last = number[0][kept[0]], number[-1][kept[-1]]
    wall[first] += 2.0
    wall[last] += 2.0
    source = np.zeros(size)
    source[first] = 2.0
    matrix = (sparse.diags(np.asarray(links.sum(axis=1)).ravel() + wall) - links).tocsr()
    u = pyamg.ruge_stuben_solver(matrix).solve(source, tol=1e-6, accel="cg")
    flux = 0.5 * ((2 * (1 - u[first])).sum() + (2 * u[last]).sum())
    seconds = time.process_time() - start
    return seconds, float(flux * n / (labels.shape[1] * labels.shape[2])), {}


SOLVERS: dict[str, Callable[[np.ndarray], Run]] = {
    "vmt": ours,
    "vmt with bounds": certified,
    "taufactor": taufactor,
    "porespy": porespy,
    "pyamg": pyamg,
}


def compare(n: int, names: list[str], runs: int = 3, once: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run the named solvers in turn on the image of edge n."""
    labels = image(n)
    exact = ours(labels, 1e-9)[1]
    made: dict[str, list[Run]] = {name: [] for name in ("vmt", "vmt with bounds", *names)}
    for turn in range(runs):
        for name, results in made.items():
            if turn == 0 or name not in once:
                results.append(SOLVERS[name](labels))
    report: dict[str, Any] = {"edge": n, "exact": exact}
    base = statistics.median(run[0] for run in made["vmt"])
    for name, results in made.items():
        seconds = statistics.median(run[0] for run in results)
        report[name] = {
            "cpu_seconds": seconds,
            "ratio": seconds / base,
            "relative_error": results[-1][1] / exact - 1.0,
            "runs": len(results),
            **results[-1][2],
        }
    return report


def extrapolate(n: int, runs: int, done: list[dict[str, Any]]) -> dict[str, Any]:
    """TauFactor's time at a size too large to finish, from its own figures."""
    labels = image(n)
    few = taufactor(labels, 20)[0]
    more = taufactor(labels, 60)[0]
    step = (more - few) / 40
    (a, m), (b, k) = ((r["edge"], r["taufactor"]["iterations"]) for r in done[-2:])
    growth = np.log(k / m) / np.log(b / a)
    count = k * (n / b) ** growth
    base = statistics.median(ours(labels)[0] for _ in range(runs))
    bounded = statistics.median(certified(labels)[0] for _ in range(runs))
    return {
        "edge": n,
        "vmt": {"cpu_seconds": base},
        "vmt with bounds": {"cpu_seconds": bounded},
        "taufactor (extrapolated)": {
            "seconds_per_iteration": step,
            "iterations": round(count),
            "growth_of_iterations": float(growth),
            "cpu_seconds": float(step * count),
            "ratio": float(step * count / base),
        },
    }


def show(report: dict[str, Any]) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sizes", type=int, nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument(
        "--full", type=int, default=200, help="largest edge of a full TauFactor run"
    )
    parser.add_argument("--once", nargs="*", default=["porespy"], help="peers that run only once")
    parser.add_argument("--peers", nargs="*", default=available())
    given = parser.parse_args()
    start = time.process_time()
    certified(image(24))
    show({"first call, compilation included [s]": time.process_time() - start})
    ours(image(24))
    for name in given.peers:
        SOLVERS[name](image(24))
    done: list[dict[str, Any]] = []
    for n in given.sizes:
        if n > given.full:
            show(extrapolate(n, given.runs, done))
            continue
        done.append(compare(n, given.peers, given.runs, tuple(given.once) if n > 128 else ()))
        show(done[-1])


if __name__ == "__main__":
    main()
