"""What the descriptors share: axes, faces, numbers for JSON."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from vmt.errors import InputError
from vmt.microstructure import Microstructure

FACES = ("x-", "x+", "y-", "y+", "z-", "z+")


def extended_axes(m: Microstructure) -> tuple[bool, bool, bool]:
    """Which axes have more than one voxel."""
    nx, ny, nz = m.shape
    return (nx > 1, ny > 1, nz > 1)


def check_axis(m: Microstructure, axis: int, what: str) -> int:
    """Refuse an axis that does not exist or has a single voxel."""
    if axis not in (0, 1, 2):
        raise InputError(f"axis={axis!r} is no axis of a structure; expected 0, 1 or 2.")
    if m.shape[axis] < 2:
        raise InputError(
            f"The {what} along axis {axis} is not defined for {m.shape} voxels: the axis needs at "
            "least two. Choose another axis."
        )
    return axis


def parse_faces(faces: str | Sequence[str]) -> list[tuple[int, int]]:
    """Turn "x-", ["x-", "y+"], "all" or "all but bottom" into (axis, side); side 0 is the first."""
    known = {"all": FACES, "all but bottom": tuple(f for f in FACES if f != "x+")}
    names = known.get(faces, (faces,)) if isinstance(faces, str) else tuple(faces)
    if not names or any(name not in FACES for name in names):
        raise InputError(
            f"faces={faces!r} can't be used; expected one of {', '.join(FACES)}, several of them "
            'as a list, "all", or "all but bottom".'
        )
    return [(FACES.index(name) // 2, FACES.index(name) % 2) for name in names]


def number(value: float) -> float | None:
    """Return a float that JSON can hold; None stands for nan and infinity."""
    return float(value) if math.isfinite(value) else None


def numbers(values: npt.ArrayLike) -> list[float | None]:
    """Return a list of floats that JSON can hold."""
    return [number(v) for v in np.asarray(values, float).ravel().tolist()]


def read_only(obj: object, *names: str) -> None:
    """Make array fields of a frozen dataclass read-only (a view is kept, nothing is copied)."""
    for name in names:
        array = np.asarray(getattr(obj, name)).view()
        array.flags.writeable = False
        object.__setattr__(obj, name, array)
