"""Which voxels of a set come first by a key, with ties broken the same way every time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["first_voxels", "smooth_noise", "solid_share"]

Floats = npt.NDArray[np.float32]


def first_voxels(
    key: Floats,
    among: npt.NDArray[np.bool_],
    count: int,
    ties: Floats,
    generator: np.random.Generator,
) -> npt.NDArray[np.bool_]:
    """Mark the `count` voxels of a set with the smallest keys.

    Voxels with equal keys are taken by the smallest `ties`; those equal in both, by lot.

    Parameters
    ----------
    key, ties : array of float32
        Of the shape of `among`.
    among : array of bool
        The set, with at least `count` voxels.
    count : int
    generator : numpy.random.Generator
        Draws the lots.

    Examples
    --------
    >>> key, same = np.array([3, 1, 1, 2], np.float32), np.zeros(4, np.float32)
    >>> first_voxels(key, np.ones(4, bool), 2, same, np.random.default_rng(1)).tolist()
    [False, True, True, False]
    """
    chosen = np.zeros(among.shape, bool)
    if count <= 0:
        return chosen
    where = np.flatnonzero(among)
    if count >= where.size:
        chosen |= among
        return chosen
    keys = key.ravel()[where]
    limit = np.partition(keys, count - 1)[count - 1]
    flat = chosen.ravel()
    below = keys < limit
    flat[where[below]] = True
    rest = count - int(np.count_nonzero(below))
    tied = where[keys == limit]
    second = ties.ravel()[tied]
    limit = np.partition(second, rest - 1)[rest - 1]
    flat[tied[second < limit]] = True
    rest -= int(np.count_nonzero(second < limit))
    lots = tied[second == limit]
    flat[generator.permutation(lots)[:rest]] = True
    return chosen


def solid_share(solid: npt.NDArray[np.bool_]) -> Floats:
    """Share of the solid around each voxel, weighted by a Gaussian of one voxel.

    Tells voxels at the same lattice distance apart: those in corners and necks have more of it.
    """
    from scipy import ndimage

    share = solid.astype(np.float32)
    ndimage.gaussian_filter(share, 1.0, output=share, mode="nearest", truncate=3.0)
    return share


def smooth_noise(shape: tuple[int, ...], width: float, generator: np.random.Generator) -> Floats:
    """White noise under a Gaussian filter of `width` voxels: mean 0, variance 1, periodic."""
    from scipy import ndimage

    noise = generator.standard_normal(shape, dtype=np.float32)
    if width > 0:
        ndimage.gaussian_filter(noise, width, output=noise, mode="wrap", truncate=4.0)
    noise -= noise.mean(dtype=np.float64)
    deviation = float(np.sqrt(np.mean(np.square(noise), dtype=np.float64)))
    noise /= np.float32(deviation or 1.0)
    return noise
