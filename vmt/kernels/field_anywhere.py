"""A Gaussian field given by its modes, evaluated at places between the voxels of its torus.

The places are a product grid: one matrix of phases per axis takes the modes to them. With cutoffs
below Nyquist the field is a trigonometric polynomial, so that its values anywhere are exact.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from vmt.kernels.gaussian_field import Modes, Triple, _run, mode_places

__all__ = ["fill_level", "phases", "places_bytes", "spread_first_axis"]


def phases(length: int, cutoff: int, places: npt.NDArray[np.floating]) -> Modes:
    """exp(2πi k s/N) for places s (in voxels of the torus) and the modes k up to the cutoff.

    Returns
    -------
    (n, K) complex64 array
        Modes in the order of `mode_places`.

    Examples
    --------
    >>> phases(8, 1, np.array([0.0, 2.0])).imag.round(6).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, -1.0]]
    """
    wave = mode_places(length, cutoff).astype(np.float64)
    wave[wave > length // 2] -= length
    turns = np.multiply.outer(places, wave / length) % 1.0
    return np.asarray(np.exp(2j * np.pi * turns), np.complex64)


def places_bytes(counts: Triple, modes: Triple, pairs: int, workers: int) -> int:
    """Bytes at the peak of evaluating so many places of so many complex fields."""
    (mx, my, mz), (_, ky, kz) = counts, modes
    held = 8 * pairs * (int(np.prod(modes)) + mx * ky * kz)
    return held + 4 * mx * my * mz + workers * (20 * my * mz + 8 * my * kz)


def spread_first_axis(matrix: Modes, modes: Modes) -> Modes:
    """Transform axis 0: (mx, Kx) phases and (Kx, Ky, Kz) modes to (mx, Ky, Kz)."""
    kx, ky, kz = modes.shape
    return (matrix @ modes.reshape(kx, ky * kz)).reshape(-1, ky, kz)


def fill_level(
    pairs: list[Modes],
    count: int,
    matrices: tuple[Modes, Modes],
    level: float,
    values: npt.NDArray[np.float32],
    *,
    squared: bool,
    workers: int = 1,
    done: Callable[[], None] | None = None,
) -> None:
    """Write level − X, or level − (X₁² + … + X_count²), plane by plane.

    Parameters
    ----------
    pairs : list of (mx, Ky, Kz) complex64 arrays
        Modes of two fields each, axis 0 transformed.
    count : int
        Number of fields.
    matrices : (my, Ky), (mz, Kz) complex64 arrays
        Phases along axes 1 and 2.
    level : float
    values : (mx, my, mz) float32 array
        Written in place.
    squared : bool
        Sum of squares, or the first field itself.
    done : callable, optional
        Called after each plane.
    """
    along_y, along_z = matrices[0], np.ascontiguousarray(matrices[1].T)

    def work(i: int) -> None:
        plane = values[i]
        plane[:] = np.float32(level)
        for n, modes in enumerate(pairs):
            both = (along_y @ modes[i]) @ along_z
            if not squared:
                plane -= both.real
            else:
                plane -= np.square(both.real)
                if 2 * n + 1 < count:
                    plane -= np.square(both.imag)
        if done is not None:
            done()

    _run(work, values.shape[0], workers)
