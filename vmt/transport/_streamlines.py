"""Lines of current through a solved structure, each of them the same share of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.errors import InputError

if TYPE_CHECKING:
    from vmt.transport._fields import Fields

__all__ = ["Streamlines", "trace"]

_MOST = 100_000


@dataclass(frozen=True, eq=False)
class Streamlines:
    """Lines of current, each of which carries the same current.

    Attributes
    ----------
    points : tuple of (n, 3) arrays of float32
        Places along each line [m], from the face with the higher potential on. A line that leaves
        through a periodic side goes on as another one.
    flux_density : tuple of (n,) arrays of float32
        Magnitude of the flux density there, over the mean through the box.
    """

    points: tuple[npt.NDArray[np.float32], ...]
    flux_density: tuple[npt.NDArray[np.float32], ...]

    def __post_init__(self) -> None:
        for array in (*self.points, *self.flux_density):
            array.flags.writeable = False

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.points, self.flux_density)

    def __len__(self) -> int:
        return len(self.points)


def trace(
    fields: Fields, count: int, window: Sequence[int] | None, rng: np.random.Generator | int
) -> Streamlines:
    """Trace lines from the electrode on, by Pollock's (1988) closed form in each voxel.

    Between opposite faces each component of the flux is linear in its own coordinate, so that the
    flux is conserved within the voxel and no line runs into a wall. A voxel is left where the first
    component reaches its face: after t = ln(v₁/v)/A where v is the component now, v₁ that at the
    face ahead, and A their slope.
    """
    if isinstance(count, bool) or int(count) != count or not 1 <= count <= _MOST:
        raise InputError(f"count={count!r}; expected a whole number from 1 to {_MOST}.")
    whole = fields.potential.shape
    shown = whole if window is None else tuple(window)
    if len(shown) != 3 or not all(1 <= s <= n for s, n in zip(shown, whole, strict=True)):
        raise InputError(
            f"window={window!r}; expected three numbers of voxels, at most those of {whole}."
        )
    low, high = fields.window_fluxes(shown)
    axis, edges = fields.axis, np.array(fields.structure.spacing)
    shape = np.array(shown)
    inlet = np.take(low[axis], 0, axis=axis).astype(np.float64).clip(0.0)
    total = inlet.sum()
    if not total > 0.0:
        return Streamlines((), ())
    place, inner = _seeds(inlet, count, axis, np.random.default_rng(rng))
    mean = total / inlet.size
    wraps = [a != axis and fields.sides == "periodic" and whole[a] == shown[a] for a in range(3)]

    alive = np.arange(count)
    paths: list[list[Any]] = [[] for _ in range(count)]
    done: list[list[Any]] = []
    rows = np.arange(3)
    for _ in range(6 * int(shape.sum()) + 100):
        at = tuple(place[alive].T)
        first = np.stack([low[a][at] for a in range(3)], axis=1).astype(np.float64)
        last = np.stack([high[a][at] for a in range(3)], axis=1).astype(np.float64)
        here = inner[alive]
        slope = last - first
        speed = first + slope * here
        where = (place[alive] + here) * edges
        size = np.sqrt((speed**2).sum(axis=1)) / mean
        for n in range(len(alive)):
            paths[alive[n]].append((where[n], size[n]))
        # velocities are in voxels per time
        slope, speed = slope / edges, speed / edges
        ahead = np.where(speed > 0.0, last, first) / edges
        time = _time_to_leave(speed, ahead, slope, here)
        side = time.argmin(axis=1)
        step = time[np.arange(len(alive)), side]
        moves = np.isfinite(step)
        with np.errstate(over="ignore", invalid="ignore"):
            grown = slope * np.where(moves, step, 0.0)[:, None]
            way = speed * np.where(moves, step, 0.0)[:, None] * _mean_growth(grown)
        here = np.clip(here + way, 0.0, 1.0)
        forward = speed[np.arange(len(alive)), side] > 0.0
        out = rows == side[:, None]
        inner[alive] = np.where(out, np.where(forward, 0.0, 1.0)[:, None], here)
        place[alive] += out * np.where(forward, 1, -1)[:, None]
        gone = np.any((place[alive] < 0) | (place[alive] >= shape), axis=1)
        gone = np.asarray(gone, np.bool_)
        for n in np.flatnonzero(gone & moves).tolist():
            line = alive[n]
            end = (place[line] + inner[line]) * edges
            paths[line].append((end, size[n]))
            if wraps[side[n]]:
                done.append(paths[line])
                place[line, side[n]] %= shape[side[n]]
                paths[line] = []
                gone[n] = False
        alive = alive[moves & ~gone]
        if not alive.size:
            break
    done += paths
    kept = [path for path in done if len(path) > 1]
    return Streamlines(
        tuple(np.array([p for p, _ in path], np.float32) for path in kept),
        tuple(np.array([s for _, s in path], np.float32) for path in kept),
    )


def _seeds(
    inlet: npt.NDArray[np.float64], count: int, axis: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Voxels of the first layer and places in them, one for each equal share of the current."""
    share = np.cumsum(inlet.ravel())
    cuts = (np.arange(count) + rng.random(count)) * share[-1] / count
    chosen = np.searchsorted(share, cuts, side="right").clip(0, share.size - 1)
    place = np.zeros((count, 3), np.int64)
    inner = np.zeros((count, 3))
    sideways = [a for a in range(3) if a != axis]
    for a, index in zip(sideways, np.unravel_index(chosen, inlet.shape), strict=True):
        place[:, a] = index
        inner[:, a] = rng.random(count)
    return place, inner


def _mean_growth(x: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(exp(x) − 1)/x, 1 at 0."""
    small = np.abs(x) < 1e-8
    safe = np.where(small, 1.0, x)
    return np.where(small, 1.0 + 0.5 * x, np.expm1(safe) / safe)


def _time_to_leave(
    speed: npt.NDArray[np.float64],
    ahead: npt.NDArray[np.float64],
    slope: npt.NDArray[np.float64],
    here: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Time until each coordinate reaches the face ahead; infinite where it never does."""
    way = np.where(speed > 0.0, 1.0 - here, -here)
    leaves = (speed * ahead > 0.0) & (speed != 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(leaves, ahead / speed, 1.0)
        bent = np.abs(ratio - 1.0) > 1e-9
        time = np.where(bent, np.log(ratio) / np.where(bent, slope, 1.0), way / speed)
    return np.where(leaves, np.maximum(time, 0.0), np.inf)
