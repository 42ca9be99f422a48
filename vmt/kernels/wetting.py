"""A liquid between walls that settles to a contact angle at constant volume.

Threshold dynamics (Esedoglu & Otto 2015; with walls Xu, Wang & Wang 2017): the liquid's and the
gas's indicators are smoothed by a Gaussian, and the voxels with the largest difference, corrected
near walls, are the liquid's next ones. What repeats itself has constant mean curvature. The usual
correction, cos θ times the wall's smoothed indicator, holds the angle only beyond the width of the
Gaussian; here it is the one with which a flat interface at the angle θ to a flat wall stays where
it is at every distance from it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

__all__ = ["settle", "wall_preference"]

Floats = npt.NDArray[np.float32]
_TRUNCATE = 3.5


def wall_preference(
    contact_angle: float, count: int = 400
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Correction (n,) at a flat wall against the share (n,) of the wall under the Gaussian.

    A straight interface meets the wall at the angle; at a point of it that lies d from the wall
    the share of the wall is s = 1 − Φ(d), and the correction is the difference of gas and liquid
    under the Gaussian over their sum.

    Examples
    --------
    >>> shares, found = wall_preference(np.pi / 3)
    >>> round(float(np.interp(0.5, shares, found)), 3)  # at the wall 1 − 2θ/π
    0.333
    """
    from scipy import special

    shares = np.linspace(1e-4, 0.999, count)
    heights = special.ndtri(1 - shares)
    step = 0.004
    across = (np.arange(2000) + 0.5) * step
    weight = np.exp(-(across**2) / 2) / np.sqrt(2 * np.pi) * step
    sine, cosine = max(np.sin(contact_angle), 1e-6), np.cos(contact_angle)
    found = np.empty(count)
    for i, d in enumerate(heights):
        gas = special.ndtr((d + across * cosine) / sine)
        liquid = special.ndtr((d - across * cosine) / sine)
        found[i] = weight @ (gas - liquid) / special.ndtr(d)
    return np.append(0.0, shares), np.append(0.0, found)


def settle(
    liquid: npt.NDArray[np.bool_],
    free: npt.NDArray[np.bool_],
    contact_angle: float,
    width: float,
    *,
    sweeps: int = 60,
    still: float = 1e-4,
    done: Callable[[], None] | None = None,
) -> tuple[npt.NDArray[np.bool_], int]:
    """Let the liquid settle; return it and how many sweeps were made.

    Parameters
    ----------
    liquid : (nx, ny, nz) array of bool
        Part of `free`; its number of voxels stays the same.
    free : (nx, ny, nz) array of bool
        Everything but the wall. Outside the window it goes on as at its faces.
    contact_angle : float
        Through the liquid [rad].
    width : float
        Standard deviation of the Gaussian, in voxels.
    sweeps : int
        At most so many.
    still : float
        It has settled when no more than this share of it moves in a sweep.
    done : callable, optional
        Called after each sweep.
    """
    from scipy import ndimage

    where = np.flatnonzero(free)
    count = int(np.count_nonzero(liquid))
    work = np.empty(free.shape, np.float32)

    def smooth(mask: npt.NDArray[np.bool_]) -> Floats:
        work[...] = mask
        ndimage.gaussian_filter(work, width, output=work, mode="nearest", truncate=_TRUNCATE)
        return np.asarray(work.ravel()[where])

    room = smooth(free)
    np.maximum(room, np.float32(1e-3), out=room)
    lift = np.interp(1 - room, *wall_preference(contact_angle)).astype(np.float32) - np.float32(1)
    most = max(int(still * count), 2)
    made = 0
    while made < sweeps:
        made += 1
        preference = smooth(liquid)
        preference *= np.float32(2)
        preference /= room
        preference += lift
        limit = np.partition(preference, -count)[-count]
        chosen = preference > limit
        tied = np.flatnonzero(preference == limit)
        chosen[tied[: count - int(np.count_nonzero(chosen))]] = True
        new = np.zeros(free.shape, bool)
        new.ravel()[where[chosen]] = True
        moved = int(np.count_nonzero(new & ~liquid))
        liquid = new
        if done is not None:
            done()
        if moved <= most:
            break
    return liquid, made
