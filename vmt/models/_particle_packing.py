"""Packings of star-shaped particles: what they are, and what is measured on them.

How they are made is in `_pack` and `_calender`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from vmt._units import check_spacing
from vmt.errors import InputError
from vmt.kernels import packing, star_shapes, stars
from vmt.microstructure import LevelSet, Microstructure
from vmt.models._defects import Defects
from vmt.models._packing_measures import Contacts, RadialDistribution, radial_distribution
from vmt.models._packing_shapes import shape_tables
from vmt.models._star_particle import StarParticle, StarUnion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ParticlePacking", "make_packing"]

Floats = npt.NDArray[np.float64]
_AXES = 3
_TOUCH = 0.005  # of the smaller mean radius: nearer particles are in contact
_FINE = 24  # voxels across a mean diameter where volumes are counted
_MOST_VOXELS = 6_000_000
_NECK_POINTS = 1500


@dataclass(frozen=True, eq=False)
class ParticlePacking:
    """Star-shaped particles in a box.

    Parameters
    ----------
    centers : (n, 3) array
        [m], within the box.
    coefficients : (n, (L + 1)²) array
        Of each particle as it lies [m]; see `StarParticle`.
    size : (Lx, Ly, Lz)
        Edge lengths of the box [m].
    periodic : (bool, bool, bool)
        Which pairs of faces fit together; the others are walls.
    inside, outside : str
        Names of the phases.
    defects : Defects, optional
        Closed pores and cracks within the particles.

    Raises
    ------
    InputError
        If the arrays don't fit together or the box can't be used.
    """

    centers: Floats
    coefficients: Floats
    size: tuple[float, float, float]
    _: KW_ONLY
    periodic: tuple[bool, bool, bool] = (True, True, True)
    inside: str = "solid"
    outside: str = "pore"
    defects: Defects | None = None

    def __post_init__(self) -> None:
        centers = np.array(self.centers, float)
        series = np.array(self.coefficients, float)
        if centers.ndim != 2 or centers.shape[1:] != (3,) or len(series) != len(centers):
            raise InputError(
                f"centers of shape {centers.shape} and coefficients of shape {series.shape} can't "
                "be used; expected (n, 3) and (n, (L + 1)²)."
            )
        if series.ndim != 2 or stars.degree_of(series.shape[1]) < 0:
            raise InputError(
                f"coefficients of shape {series.shape} can't be used; expected (n, (L + 1)²)."
            )
        for name, array in (("centers", centers), ("coefficients", series)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)
        object.__setattr__(self, "size", check_spacing(self.size))
        object.__setattr__(self, "periodic", check_faces(self.periodic))

    def __reduce__(self) -> tuple[Any, ...]:
        names = [f.name for f in dataclasses.fields(self) if f.name != "_"]
        return make_packing, ({name: getattr(self, name) for name in names},)

    def __repr__(self) -> str:
        return (
            f"ParticlePacking({len(self.centers)} particles, "
            f"{100 * self.total_volume_fraction:.2f} vol.-%)"
        )

    def __len__(self) -> int:
        return len(self.centers)

    def replace(self, **changes: Any) -> ParticlePacking:
        """Return a packing with other values of the given fields."""
        return dataclasses.replace(self, **changes)

    # ---- particles

    @property
    def particles(self) -> tuple[StarParticle, ...]:
        """The particles where they lie."""
        return tuple(
            StarParticle(x, c) for x, c in zip(self.centers, self.coefficients, strict=True)
        )

    @cached_property
    def mean_radii(self) -> Floats:
        """Mean radius (n,) of each particle [m]."""
        return star_shapes.mean_radii(self.coefficients)

    @cached_property
    def volumes(self) -> Floats:
        """Volume (n,) of each particle [m³]."""
        return star_shapes.volumes(self.coefficients)

    @property
    def total_volume_fraction(self) -> float:
        """Sum of the particles' volumes over the box: overlaps count twice."""
        return float(self.volumes.sum() / math.prod(self.size))

    @cached_property
    def _counted(self) -> tuple[float, float]:
        """Volume fraction of the union, and the share that is covered again, by counting."""
        shape, spacing = self._grid()
        counts = self._count(shape, spacing)
        union = float(np.count_nonzero(counts)) / counts.size
        return union, float(counts.sum(dtype=np.int64)) / counts.size - union

    @property
    def volume_fraction(self) -> float:
        """Share of the box that is covered by particles (without their defects)."""
        return self._counted[0]

    @property
    def overlap_fraction(self) -> float:
        """Volume covered by further particles over the volume covered at all."""
        union, again = self._counted
        return again / union if union > 0 else 0.0

    def _grid(self) -> tuple[tuple[int, int, int], tuple[float, float, float]]:
        edge = max(
            2 * float(np.median(self.mean_radii)) / _FINE,
            (math.prod(self.size) / _MOST_VOXELS) ** (1 / 3),
        )
        n = [max(1, round(length / edge)) for length in self.size]
        x, y, z = (length / k for length, k in zip(self.size, n, strict=True))
        return (n[0], n[1], n[2]), (x, y, z)

    def _count(
        self, shape: tuple[int, int, int], spacing: tuple[float, float, float]
    ) -> npt.NDArray[np.uint8]:
        if all(self.periodic):
            return stars.count_stars(shape, spacing, self.centers, self.coefficients, periodic=True)
        centers, rows = self._with_images()
        return stars.count_stars(shape, spacing, centers, self.coefficients[rows])

    def _with_images(self) -> tuple[Floats, npt.NDArray[np.int64]]:
        """Centers of the particles and of their images through periodic faces, and whose."""
        reach = stars.extents(self.coefficients)
        centers, rows = [np.asarray(self.centers)], [np.arange(len(self.centers))]
        steps = [(-1, 0, 1) if wraps else (0,) for wraps in self.periodic]
        for shift in product(*steps):
            if shift == (0, 0, 0):
                continue
            moved = self.centers + np.array(shift) * np.array(self.size)
            near = (moved + reach[:, :, 1] > 0) & (moved - reach[:, :, 0] < np.array(self.size))
            kept = np.flatnonzero(near.all(axis=1))
            centers.append(moved[kept])
            rows.append(kept)
        return np.concatenate(centers), np.concatenate(rows)

    # ---- as a structure

    def to_union(self) -> StarUnion:
        """Return the union of the particles as an analytic phase (without defects)."""
        if all(self.periodic):
            centers, rows = np.asarray(self.centers), np.arange(len(self.centers))
        else:
            centers, rows = self._with_images()
        return StarUnion.from_arrays(
            centers,
            self.coefficients[rows],
            self.size,
            periodic=all(self.periodic),
            inside=self.inside,
            outside=self.outside,
        )

    def to_microstructure(
        self, shape: Sequence[int], spacing: float | Sequence[float]
    ) -> Microstructure:
        """Voxels whose centers lie in a particle and in none of its pores and cracks.

        Parameters
        ----------
        shape : (nx, ny, nz)
            Voxels, from the origin of the box.
        spacing : float or (dx, dy, dz)
            Voxel edge lengths [m].

        Raises
        ------
        InputError
            If shape or spacing can't be used, or the grid is not as large as a periodic box.
        MemoryBudgetError
            If the voxels don't fit.
        """
        union = self.to_union()
        made = union.to_microstructure(shape, spacing)
        if self.defects is None or not len(self.defects):
            return made
        owner = union.to_labels(shape, spacing)
        rows = np.arange(len(self.centers)) if all(self.periodic) else self._with_images()[1]
        labels = made.labels.copy()
        self.defects.carve(
            labels, owner, union.centers, rows, made.spacing, self.size, periodic=all(self.periodic)
        )
        return made.with_labels(labels)

    def to_level_set(self, shape: Sequence[int], spacing: float | Sequence[float]) -> LevelSet:
        """Signed radial distance of the union (without defects) at the corners of a grid."""
        return self.to_union().to_level_set(shape, spacing)

    # ---- contacts

    def contacts(self, tolerance: float = _TOUCH) -> Contacts:
        """Pairs of particles that touch.

        Parameters
        ----------
        tolerance : float
            Gap over the smaller mean radius up to which particles are in contact.

        Returns
        -------
        Contacts
            With depth and neck radius of each; on the true shapes, by points of the surface.
        """
        if not tolerance >= 0:
            raise InputError(f"tolerance={tolerance!r} can't be used; expected at least 0.")
        n = len(self.centers)
        if n < 2:
            none = np.empty(0)
            return Contacts(np.empty((0, 2), np.int64), none, none, self.mean_radii)
        gap = tolerance * float(self.mean_radii.max())
        pairs, depth, neck = packing.contacts(
            np.array(self.centers),
            np.tile(np.eye(3), (n, 1, 1)),
            np.arange(n),
            np.ones(n),
            shape_tables(self.coefficients, _NECK_POINTS),
            np.array(self.size),
            np.array(self.periodic),
            gap=gap,
        )
        small = self.mean_radii[pairs].min(axis=1)
        kept = depth >= -tolerance * small
        return Contacts(pairs[kept], depth[kept], neck[kept], self.mean_radii)

    def coordination_number(self, tolerance: float = _TOUCH) -> float:
        """Mean number of contacts of a particle."""
        return self.contacts(tolerance).coordination_number

    def radial_distribution(
        self, max_distance: float | None = None, bins: int = 60
    ) -> RadialDistribution:
        """Density of centers around a center, over their mean density; see `RadialDistribution`."""
        return radial_distribution(
            np.asarray(self.centers),
            np.array(self.size),
            np.array(self.periodic),
            2 * float(np.mean(self.mean_radii)),
            max_distance,
            bins,
        )

    # ---- exchange

    def to_dict(self) -> dict[str, Any]:
        """Box and particles for JSON, and what is measured on them."""
        found = self.contacts()
        content: dict[str, Any] = {
            "schema_version": 1,
            "kind": "ParticlePacking",
            "particles": len(self.centers),
            "volume_fraction": self.volume_fraction,
            "overlap_fraction": self.overlap_fraction,
            **found.to_dict(),
            "size [m]": list(self.size),
            "periodic": list(self.periodic),
            "inside": self.inside,
            "outside": self.outside,
            "centers [m]": self.centers.tolist(),
            "coefficients [m]": self.coefficients.tolist(),
        }
        if self.defects is not None:
            content["defects"] = self.defects.to_dict()
        return content

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make a packing from what `to_dict` gave.

        Raises
        ------
        InputError
            If it is something else, incomplete, or of a newer version.
        """
        if data.get("kind") != "ParticlePacking" or data.get("schema_version", 0) > 1:
            raise InputError(
                f"This is no packing that can be read (kind {data.get('kind')!r}, schema_version "
                f"{data.get('schema_version')!r}); expected what ParticlePacking.to_dict() gives."
            )
        try:
            defects = data.get("defects")
            return cls(
                np.array(data["centers [m]"], float),
                np.array(data["coefficients [m]"], float),
                tuple(data["size [m]"]),
                periodic=tuple(data["periodic"]),
                inside=data["inside"],
                outside=data["outside"],
                defects=None if defects is None else Defects.from_dict(defects),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"This packing can't be read: {error!r} is the trouble.") from error

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the particles in the middle plane."""
        return self.to_union().plot(ax)


def make_packing(fields: Mapping[str, Any]) -> ParticlePacking:
    """Make a packing from its fields (for pickles)."""
    return ParticlePacking(**fields)


def check_faces(periodic: object) -> tuple[bool, bool, bool]:
    """Read which faces are periodic: one answer or three."""
    given = (periodic,) * _AXES if isinstance(periodic, bool | np.bool_) else periodic
    try:
        flags = tuple(bool(p) for p in given if isinstance(p, bool | np.bool_))  # type: ignore[attr-defined]
    except TypeError:
        flags = ()
    if len(flags) != _AXES:
        raise InputError(
            f"periodic={periodic!r} can't be used; expected True, False, or three of them."
        )
    return (flags[0], flags[1], flags[2])
