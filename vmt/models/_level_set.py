"""The realization that a seed names, on corners, on centers, or on a grid of another fineness."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from vmt._budget import require_memory
from vmt._progress import steps
from vmt.errors import InputError
from vmt.kernels.field_anywhere import fill_level, phases, places_bytes, spread_first_axis
from vmt.kernels.gaussian_field import Triple, draw_noise, mode_places
from vmt.microstructure import LevelSet
from vmt.models._embedding import Embedding

__all__ = ["check_cells", "draw_level_set", "seed_sequence"]

_AXES = 3
_PLACES = ("corners", "centers")


def check_cells(shape: Sequence[int], name: str = "shape") -> Triple:
    """Read three positive whole numbers of voxels or cells."""
    try:
        numbers = [int(n) for n in shape]
        good = len(numbers) == _AXES and all(
            n > 0 and n == m for n, m in zip(numbers, shape, strict=True)
        )
    except (TypeError, ValueError):
        good = False
    if not good:
        raise InputError(
            f"{name}={shape!r} can't be used; expected three positive whole numbers of voxels, "
            "as (400, 400, 400)."
        )
    return (numbers[0], numbers[1], numbers[2])


def seed_sequence(rng: np.random.Generator | int) -> np.random.SeedSequence:
    """Read a seed; a generator gives one and moves on."""
    if isinstance(rng, np.random.Generator):
        return np.random.SeedSequence([int(v) for v in rng.integers(0, 2**32, 4)])
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise InputError(
            f"rng={rng!r} can't be used; expected a seed (a whole number of at least 0) or a "
            "numpy.random.Generator."
        )
    return np.random.SeedSequence(int(rng))


def draw_level_set(
    embedding: Embedding,
    shape: Triple,
    spacing: tuple[float, float, float],
    grid: Triple,
    at: Literal["corners", "centers"],
    seed: np.random.SeedSequence,
    *,
    fields: int,
    squared: bool,
    level: float,
    names: tuple[str, str],
    workers: int,
) -> LevelSet:
    """Evaluate the realization that `fill_excursion` would threshold at other places.

    Raises
    ------
    InputError
        If the field is not determined between the voxels of the shape.
    """
    if at not in _PLACES:
        raise InputError(f'at={at!r} can\'t be used; expected "corners" or "centers".')
    if workers < 1:
        raise InputError(f"workers={workers!r} can't be used; expected at least 1.")
    places = []
    for n, m in zip(shape, grid, strict=True):
        cells = np.arange(m) + 0.5 if at == "centers" else np.arange(m + 1.0)
        places.append(cells * (n / m) - 0.5)  # the center of voxel i is at i
    for axis, where in enumerate(places):
        n, cut = embedding.lengths[axis], embedding.cutoff[axis]
        if n > 1 and 2 * cut + 1 >= n and np.any(where != np.round(where)):
            raise InputError(
                f"Along axis {axis} the field has waves shorter than two voxels of "
                f"{spacing[axis]:.3g} m, so that the realization is not determined between their "
                "centers. A smooth covariance needs a finer spacing; for a rough one, as the "
                'exponential, only at="centers" on its own grid exists.'
            )
    pairs = (fields + 1) // 2
    counts = (len(places[0]), len(places[1]), len(places[2]))
    kept = [
        len(mode_places(n, m)) for n, m in zip(embedding.lengths, embedding.cutoff, strict=True)
    ]
    require_memory(
        places_bytes(counts, (kept[0], kept[1], kept[2]), pairs, workers),
        f"A level set of {' × '.join(map(str, grid))} cells",
    )
    matrices = [
        phases(n, m, where)
        for n, m, where in zip(embedding.lengths, embedding.cutoff, places, strict=True)
    ]
    values = np.empty(counts, np.float32)
    with steps("sampling", counts[0] + pairs) as step:
        modes = []
        for n in range(pairs):
            child = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, n))
            drawn = draw_noise(
                embedding.amplitude, embedding.lengths, embedding.cutoff, child, workers=workers
            )
            modes.append(spread_first_axis(matrices[0], drawn))
            step()
        fill_level(
            modes,
            fields,
            (matrices[1], matrices[2]),
            level,
            values,
            squared=squared,
            workers=workers,
            done=step,
        )
    size = [n * d for n, d in zip(shape, spacing, strict=True)]
    cell = [e / m for e, m in zip(size, grid, strict=True)]
    if grid == shape:
        cell = list(spacing)
    return LevelSet(values, (cell[0], cell[1], cell[2]), at=at, inside=names[0], outside=names[1])
