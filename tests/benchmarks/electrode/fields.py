"""What keeping the fields of a cell takes: memory at the peak and afterwards, processor time.

`python tests/benchmarks/electrode/fields.py NX NY NZ` makes a three-phase electrode, puts random
fields on it and keeps them in a store, without and with fluxes.
"""

import argparse
import tempfile
import time
import tracemalloc
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from vmt.electrode import HalfCell, Settings
from vmt.electrode._integrator import Integrator
from vmt.electrode._keep import Keeper
from vmt.electrode._tables import tables_of
from vmt.kernels.electrode import System
from vmt.microstructure import Microstructure

PHASES = {"pore": 0, "active_material": 1, "binder": 2}


def electrode(shape: tuple[int, int, int]) -> Microstructure:
    """Return 60 % active material with 8 % binder."""
    rng = np.random.default_rng(1)
    field = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 2)
    labels = (field > np.quantile(field, 0.4)).astype(np.uint8)
    near = gaussian_filter(labels.astype(np.float32), 1.5)
    near[labels == 1] = -1
    labels[near > np.quantile(near, 0.92)] = 2
    return Microstructure(labels, 1e-6, PHASES)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("shape", nargs=3, type=int, metavar=("NX", "NY", "NZ"))
    cell = HalfCell(electrode(tuple(parser.parse_args().shape)), "nmc811-chen2020")
    system = System(cell.network(), tables_of(cell.materials))
    rng = np.random.default_rng(2)
    x = 0.02 * rng.standard_normal(system.size)
    x[system.ce] = 1000 + 50 * x[system.ce]
    x[system.cs] = (0.5 + x[system.cs]) * system.tables.largest
    integrator = Integrator(system, x, Settings(), 1.0)
    integrator.states, integrator.steps = [x, x.copy(), x.copy()], [1.0, 1.0]
    voxels = cell.cells.size
    for fluxes in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            keeper = Keeper(cell, system, Path(folder), fluxes=fluxes)
            keeper.add(integrator, 0.0, 0.0, 0)  # imports and compiles
            begun = time.process_time()
            keeper.add(integrator, 0.0, 0.0, 0)
            seconds = time.process_time() - begun
            tracemalloc.start()
            keeper.add(integrator, 0.0, 0.0, 0)
            after, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        what = "fields and fluxes" if fluxes else "fields"
        print(
            f"{voxels:,} voxels, {what}: {peak / voxels:.1f} bytes per voxel at the peak, "
            f"{after / voxels:.1f} afterwards, {1e6 * seconds / voxels:.2f} µs per voxel"
        )


if __name__ == "__main__":
    main()
