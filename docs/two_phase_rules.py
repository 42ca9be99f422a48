"""Five rules for the conductance between two cells that a boundary cuts, on an array of spheres.

``python docs/two_phase_rules.py`` prints the table of docs/level_sets.md: errors in % with 6, 12
and 24 cells per half lattice cell. The geometry is that of the sphere itself, by 64 lines a face.
"""

import math
import sys

import numpy as np
import numpy.typing as npt

from vmt.kernels.multigrid._solve_faces import solve_faces

Array = npt.NDArray[np.float64]

FRACTION = 0.3
SUB = 8  # lines along each edge of a face
#: spheres' conductivity over the matrix's → effective one (Sangani & Acrivos 1983)
EXACT = {1e6: 2.33288, 10.0: 1.88767, 3.0: 1.41118, 0.3: 0.74829, 0.1: 0.65629, 1e-6: 0.60566}
RULES = ("line", "face", "columns", "sections", "laminate")


def inside(low: Array | float, high: Array | float, square: Array) -> Array:
    """Share of a line along axis 0 with |x|² at most a square; none where that is negative."""
    half = np.sqrt(np.maximum(square, 0.0))
    cut = np.maximum(np.minimum(high, half) - np.maximum(low, -half), 0.0)
    return np.where(square > 0, cut, 0.0) / (np.asarray(high) - low)


def conductances(n: int, sphere: float, rule: str) -> Array:
    """Conductances along axis 0 in an eighth of the cell, (n + 1, n, n), by one of the rules."""
    h, radius = 0.5 / n, (3 * FRACTION / (4 * math.pi)) ** (1 / 3)
    center = (np.arange(n) + 0.5) * h
    places = np.concatenate([[0.0], center, [0.5]])
    fine = (np.arange(n * SUB) + 0.5) * h / SUB
    across = fine[:, None] ** 2 + fine**2
    made = np.empty((n + 1, n, n))

    def blocks(values: Array) -> Array:
        return values.reshape(n, SUB, n, SUB).mean(axis=(1, 3))

    def section(x: float) -> Array:
        share = blocks((across <= radius**2 - x**2).astype(float))
        return share * sphere + 1 - share

    for i in range(n + 1):
        low, high = places[i], places[i + 1]
        share = inside(low, high, radius**2 - across)
        if rule == "line":
            t = inside(low, high, radius**2 - center[:, None] ** 2 - center**2)
            made[i] = 1 / (t / sphere + 1 - t)
        elif rule == "face":
            made[i] = section(min(i * h, 0.5))
        elif rule == "columns":
            made[i] = blocks(1 / (share / sphere + 1 - share))
        elif rule == "sections":
            cuts = low + (high - low) * (np.arange(SUB) + 0.5) / SUB
            made[i] = SUB / sum(1 / section(float(x)) for x in cuts)
        else:
            t, middle = blocks(share), 0.5 * (low + high)
            normal = middle**2 / (middle**2 + center[:, None] ** 2 + center**2)
            made[i] = normal / (t / sphere + 1 - t) + (1 - normal) * (t * sphere + 1 - t)
    return made


def error(n: int, sphere: float, rule: str) -> float:
    """Error of the effective conductivity in percent."""
    top = max(sphere, 1.0)
    x = (conductances(n, sphere, rule) / top).astype(np.float32)
    y, z = (np.ascontiguousarray(np.moveaxis(x, 0, axis)) for axis in (1, 2))
    kept = np.ones((n, n, n), np.uint8)
    found = solve_faces(x, y, z, kept, top, (1.0, 1.0, 1.0), rtol=1e-6)
    return 100 * (found.effective_conductivity / EXACT[sphere] - 1)


def main() -> None:
    """Print the table."""
    for sphere in EXACT:
        cells = [", ".join(f"{error(n, sphere, rule):+.2f}" for n in (6, 12, 24)) for rule in RULES]
        sys.stdout.write(f"| {sphere:g} | " + " | ".join(cells) + " |\n")


if __name__ == "__main__":
    main()
