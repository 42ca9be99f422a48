"""Closed pores and cracks inside particles.

Beuse et al. (2021) found voids of about 3 % within the active material's secondary particles, which
calendering opens by cracking: almost no particle is cracked in the uncalendered electrode (44 %
porosity), about half at 18 %.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from vmt.errors import InputError
from vmt.kernels import star_shapes, stars
from vmt.models._level_set import seed_sequence

__all__ = ["Defects", "cracked_share", "draw_cracks", "draw_pores"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_UNCALENDERED = 0.443  # Beuse et al. (2021): porosity at which almost no particle is cracked
_DENSE, _HALF = 0.18, 0.5
_TRIALS = 60
_SHELL = 0.06  # of the mean radius: what is left between a closed pore and the surface at least


def cracked_share(porosity: float) -> float:
    """Share of cracked particles of an electrode calendered to a porosity.

    Linear from none at 44.3 % to a half at 18 % porosity, the two ends that Beuse et al. (2021)
    describe; at most one. The line between them is an assumption.

    Examples
    --------
    >>> cracked_share(0.443), round(cracked_share(0.18), 6), round(cracked_share(0.3), 3)
    (0.0, 0.5, 0.272)
    """
    if not 0 <= porosity <= 1:
        raise InputError(f"porosity={porosity!r} can't be used; expected a number in [0, 1].")
    slope = _HALF / (_UNCALENDERED - _DENSE)
    return min(max(slope * (_UNCALENDERED - porosity), 0.0), 1.0)


@dataclass(frozen=True, eq=False)
class Defects:
    """Spherical pores and plane cracks, each within a particle.

    Parameters
    ----------
    pore_owners : (p,) array
        Number of the particle.
    pore_centers : (p, 3) array
        From the particle's center [m].
    pore_radii : (p,) array
        [m]
    crack_owners : (q,) array
        Number of the particle.
    crack_normals : (q, 3) array
        Unit vectors.
    crack_offsets, crack_widths : (q,) arrays
        Distance of the plane from the particle's center, and opening [m].
    """

    pore_owners: Ints
    pore_centers: Floats
    pore_radii: Floats
    crack_owners: Ints
    crack_normals: Floats
    crack_offsets: Floats
    crack_widths: Floats

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            kind = np.int64 if name.endswith("owners") else np.float64
            array = np.array(getattr(self, name), kind)
            if name in ("pore_centers", "crack_normals"):
                array = array.reshape(-1, 3)
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        pores = {len(self.pore_owners), len(self.pore_centers), len(self.pore_radii)}
        cracks = {
            len(self.crack_owners),
            len(self.crack_normals),
            len(self.crack_offsets),
            len(self.crack_widths),
        }
        if len(pores) > 1 or len(cracks) > 1:
            raise InputError("The arrays of pores, and those of cracks, must be equally long.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(np.asarray(getattr(self, n)) for n in self.__dataclass_fields__)

    def __len__(self) -> int:
        return len(self.pore_owners) + len(self.crack_owners)

    @classmethod
    def none(cls) -> Self:
        """No pores and no cracks."""
        empty = np.empty(0)
        return cls(empty, empty, empty, empty, empty, empty, empty)  # type: ignore[arg-type]

    def turned(self, turns: Floats) -> Defects:
        """Turn what is in each particle by its rotation matrix (n, 3, 3)."""
        return Defects(
            self.pore_owners,
            np.einsum("kij,kj->ki", turns[self.pore_owners], self.pore_centers),
            self.pore_radii,
            self.crack_owners,
            np.einsum("kij,kj->ki", turns[self.crack_owners], self.crack_normals),
            self.crack_offsets,
            self.crack_widths,
        )

    def with_pores(self, other: Defects) -> Defects:
        """Take the pores of another, keep the cracks."""
        return Defects(
            other.pore_owners,
            other.pore_centers,
            other.pore_radii,
            self.crack_owners,
            self.crack_normals,
            self.crack_offsets,
            self.crack_widths,
        )

    def with_cracks(self, other: Defects) -> Defects:
        """Take the cracks of another, keep the pores."""
        return other.with_pores(self)

    def carve(
        self,
        labels: npt.NDArray[np.uint8],
        owner: npt.NDArray[np.int32],
        centers: Floats,
        rows: Ints,
        spacing: Sequence[float],
        size: Sequence[float],
        *,
        periodic: bool,
    ) -> None:
        """Set voxels within pores and cracks of their own particle to 0.

        Cracks thinner than a layer of voxels are widened to one that is connected by faces.

        Parameters
        ----------
        labels : (nx, ny, nz) uint8 array
            Written in place.
        owner : (nx, ny, nz) array
            Number from 1 of the body that each voxel is in.
        centers, rows : (m, 3), (m,) arrays
            Center of each body (images, too), and its particle.
        spacing, size : three numbers each
            [m]
        periodic : bool
            Whether the bodies wrap around all faces.
        """
        place = np.flatnonzero(owner)
        if not place.size:
            return
        body = owner.ravel()[place] - 1
        order = np.argsort(body, kind="stable")
        place, body = place[order], body[order]
        starts = np.searchsorted(body, np.arange(len(centers) + 1))
        flat = labels.reshape(-1)
        pores = _by_owner(self.pore_owners)
        cracks = _by_owner(self.crack_owners)
        edges = np.array(size)
        for b in range(len(centers)):
            particle = int(rows[b])
            holes, splits = pores.get(particle), cracks.get(particle)
            if holes is None and splits is None:
                continue
            own = place[starts[b] : starts[b + 1]]
            at = np.stack(np.unravel_index(own, labels.shape), axis=1)
            x = (at + 0.5) * np.array(spacing) - centers[b]
            if periodic:
                x -= edges * np.rint(x / edges)
            gone = np.zeros(len(own), np.bool_)
            for k in () if holes is None else holes:
                gone |= ((x - self.pore_centers[k]) ** 2).sum(axis=1) < self.pore_radii[k] ** 2
            for k in () if splits is None else splits:
                normal = self.crack_normals[k]
                away = np.abs(x @ normal - self.crack_offsets[k])
                layer = float(np.abs(normal * np.array(spacing)).sum())  # connected by faces
                gone |= away < 0.5 * max(float(self.crack_widths[k]), layer)
            flat[own[gone]] = 0

    def to_dict(self) -> dict[str, Any]:
        """Return arrays for JSON, units in the keys."""
        return {
            "pore_owners": self.pore_owners.tolist(),
            "pore_centers [m]": self.pore_centers.tolist(),
            "pore_radii [m]": self.pore_radii.tolist(),
            "crack_owners": self.crack_owners.tolist(),
            "crack_normals": self.crack_normals.tolist(),
            "crack_offsets [m]": self.crack_offsets.tolist(),
            "crack_widths [m]": self.crack_widths.tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make it from what `to_dict` gave."""
        return cls(*(np.array(values) for values in data.values()))


def _by_owner(owners: Ints) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for k, owner in enumerate(owners.tolist()):
        found.setdefault(owner, []).append(k)
    return found


def draw_pores(
    coefficients: Floats,
    fraction: float,
    median_diameter: float,
    spread: float,
    rng: np.random.Generator | int,
) -> tuple[Defects, float]:
    """Draw closed pores with log-normal diameters, wholly within particles and apart.

    Parameters
    ----------
    coefficients : (n, (L + 1)²) array
        Of the particles [m].
    fraction : float
        Wanted volume of the pores over the particles'.
    median_diameter, spread : float
        [m]; standard deviation of the logarithm.

    Returns
    -------
    pores, and the fraction that was reached: particles too small for a pore have none
    """
    if not (0 < fraction < 0.3 and median_diameter > 0 and spread >= 0):
        raise InputError(
            f"fraction={fraction!r}, median_diameter={median_diameter!r}, spread={spread!r} can't "
            "be used; expected a fraction in (0, 0.3), a length in meters, at least 0."
        )
    generator = np.random.default_rng(seed_sequence(rng))
    volumes = star_shapes.volumes(coefficients)
    mean = star_shapes.mean_radii(coefficients)
    weights = np.cumsum(volumes) / volumes.sum()
    target = fraction * float(volumes.sum())
    owners: list[int] = []
    centers: list[Floats] = []
    radii: list[float] = []
    inside: dict[int, list[int]] = {}
    done, failures = 0.0, 0
    while done < target and failures < 40 * len(volumes) + 4000:
        radius = 0.5 * median_diameter * math.exp(spread * generator.normal())
        i = min(int(np.searchsorted(weights, generator.random())), len(volumes) - 1)
        keep = radius + _SHELL * float(mean[i])
        placed = False
        for _ in range(_TRIALS if keep < 0.9 * mean[i] else 0):
            u = generator.normal(size=3)
            u /= np.linalg.norm(u)
            least = float(stars.radii(coefficients[i : i + 1], np.zeros(1, np.int64), u[None])[0])
            x = u * (least * generator.random() ** (1 / 3))
            if not _holds(coefficients[i], x, keep):
                continue
            if all(
                float(np.linalg.norm(x - centers[k])) > radius + radii[k] for k in inside.get(i, ())
            ):
                placed = True
                break
        if not placed:
            failures += 1
            continue
        inside.setdefault(i, []).append(len(owners))
        owners.append(i)
        centers.append(x)
        radii.append(radius)
        done += 4 / 3 * math.pi * radius**3
    made = Defects.none().with_pores(
        Defects(
            np.array(owners, np.int64), np.array(centers), np.array(radii),
            np.empty(0, np.int64), np.empty((0, 3)), np.empty(0), np.empty(0),
        )
    )  # fmt: skip
    return made, done / float(volumes.sum())


_AROUND = np.array(
    [[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1) if x or y or z], float
)
_AROUND /= np.linalg.norm(_AROUND, axis=1, keepdims=True)


def _holds(coefficients: Floats, place: Floats, radius: float) -> bool:
    """Whether a ball around a place is within a body, by 26 points of its surface."""
    points = place + radius * _AROUND
    distance = np.linalg.norm(points, axis=1)
    directions = points / np.maximum(distance, 1e-300)[:, None]
    reach = stars.radii(coefficients[None], np.zeros(len(points), np.int64), directions)
    return bool((distance < reach).all())


def draw_cracks(
    coefficients: Floats,
    share: float,
    width: float,
    rng: np.random.Generator | int,
    *,
    before: Defects | None = None,
) -> Defects:
    """Draw plane cracks through a share of the particles; those cracked before stay so.

    The plane goes through the particle at up to 0.4 mean radii from its center, in any direction.
    Larger particles crack first: they are drawn with weights by volume.
    """
    if not (0 <= share <= 1 and width > 0):
        raise InputError(
            f"share={share!r}, width={width!r} can't be used; expected a share in [0, 1] and a "
            "length in meters."
        )
    generator = np.random.default_rng(seed_sequence(rng))
    n = len(coefficients)
    old = Defects.none() if before is None else before
    cracked = set(old.crack_owners.tolist())
    more = max(round(share * n) - len(cracked), 0)
    free = np.array([i for i in range(n) if i not in cracked], np.int64)
    more = min(more, len(free))
    if more == 0:
        return old
    weights = star_shapes.volumes(coefficients[free])
    chosen = generator.choice(free, size=more, replace=False, p=weights / weights.sum())
    normals = generator.normal(size=(more, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    offsets = 0.4 * star_shapes.mean_radii(coefficients[chosen]) * generator.uniform(-1, 1, more)
    return Defects(
        old.pore_owners,
        old.pore_centers,
        old.pore_radii,
        np.concatenate([old.crack_owners, chosen]),
        np.concatenate([old.crack_normals, normals]),
        np.concatenate([old.crack_offsets, offsets]),
        np.concatenate([old.crack_widths, np.full(more, width)]),
    )
