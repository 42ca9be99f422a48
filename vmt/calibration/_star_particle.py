"""Star-shaped particles from images: watershed regions, rays, series; and the law of their shapes.

Source: Neumann et al. (2023), section 3.1; Feinauer et al. (2015), *Mater. Charact.* 106, 123–133;
Spettl et al. (2015), *Modelling Simul. Mater. Sci. Eng.* 23, 065001 (markers).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt._progress import steps
from vmt.errors import CalibrationError, InputError
from vmt.kernels import openings, star_fit, star_shapes, stars, watershed
from vmt.microstructure import Microstructure
from vmt.models import StarParticle, StarUnion

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["StarFit", "fit_star_particles"]

Floats = npt.NDArray[np.float64]
_RAYS = 40  # degree that the rays' directions integrate exactly, at least


@dataclass(frozen=True, eq=False)
class StarFit:
    """Particles of a phase as star-shaped bodies, and how well they stand for it.

    Parameters
    ----------
    phase : str
        The phase.
    structure : Microstructure
        The image.
    labels : (nx, ny, nz) array of int32
        Number of the particle, from 1, that each voxel belongs to; 0 outside the phase.
    particles : tuple of StarParticle
        One per number.
    whole : (k,) array of bool
        Whether the region touches no face of the window.
    volumes : (k,) array
        Volume of the regions [m³].
    seen : (k,) array
        Share of the region's volume that is seen from the center: 1 if star-shaped.
    dice : (k,) array
        Twice the voxels common to region and body over the sum of both.
    """

    phase: str
    structure: Microstructure
    labels: npt.NDArray[np.int32]
    particles: tuple[StarParticle, ...]
    whole: npt.NDArray[np.bool_]
    volumes: Floats
    seen: Floats
    dice: Floats

    def __post_init__(self) -> None:
        for name in ("labels", "whole", "volumes", "seen", "dice"):
            array = np.asarray(getattr(self, name)).view()
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def __repr__(self) -> str:
        return (
            f"StarFit({len(self.particles)} particles of {self.phase}, {int(self.whole.sum())} "
            f"whole; seen {100 * self.mean_seen:.1f} %, Dice {self.mean_dice:.3f})"
        )

    @property
    def mean_seen(self) -> float:
        """Share of the phase's volume that is seen from the centers of its particles."""
        return float(np.average(self.seen, weights=self.volumes))

    @property
    def mean_dice(self) -> float:
        """Dice coefficient of particles and bodies, weighted by volume."""
        return float(np.average(self.dice, weights=self.volumes))

    def whole_particles(self, *, least_voxels: int = 200) -> tuple[StarParticle, ...]:
        """Give the particles that the window does not cut and that enough voxels show.

        Raises
        ------
        CalibrationError
            If there is none.
        """
        kept = self._kept(least_voxels)
        if not kept.any():
            raise CalibrationError(
                f"Of {len(self.particles)} particles of {self.phase!r}, "
                f"{int((~self.whole).sum())} are cut by the window and the others have fewer than "
                f"{least_voxels} voxels; expected at least one whole particle. Use a larger "
                "window, or less depth, which merges less."
            )
        return tuple(p for p, keep in zip(self.particles, kept, strict=True) if keep)

    def whole_weights(self, *, least_voxels: int = 200) -> Floats:
        """Weight of each whole particle that makes up for those of its size which are cut.

        A particle of extent e is whole in a window of edge L for a share 1 − e/L of its places
        along that axis; the weight is the inverse of the product over the axes, times a constant
        that makes the mean 1 (the sampling rule of Miles and Lantuéjoul).
        """
        whole = self.whole_particles(least_voxels=least_voxels)
        reach = stars.extents(np.array([p.coefficients for p in whole])).sum(axis=2)
        return edge_weights(reach, self.structure.size, self.structure.shape)

    def _kept(self, least_voxels: int) -> npt.NDArray[np.bool_]:
        least = least_voxels * math.prod(self.structure.spacing) * (1 - 1e-9)
        return np.asarray(self.whole & (self.volumes >= least), bool)

    def union(self) -> StarUnion:
        """Give the union of all bodies in the image's window.

        Bodies of regions that the window cuts are badly rounded there: compare with the image in
        the inner window, `margin` voxels from the faces.
        """
        structure = self.structure
        names = [n for n in structure.phases if n != self.phase]
        outside = names[0] if len(names) == 1 else ("pore" if self.phase != "pore" else "rest")
        return StarUnion(self.particles, structure.size, inside=self.phase, outside=outside)

    def refit(
        self,
        *,
        degree: int = 10,
        regularization: float = 1.0,
        outward: float = 0.0,
        bridge: float = 0.0,
        keep_volume: bool = True,
    ) -> StarFit:
        """Describe the same regions by other series; the options are `fit_star_particles`' own."""
        _check_options(degree, 1.0, regularization, outward, bridge)
        options = (degree, regularization, outward, bridge, keep_volume)
        return _fit_regions(self.structure, self.phase, self.labels, options)

    @property
    def margin(self) -> tuple[int, int, int]:
        """Voxels from each face that a particle of mean volume reaches: two of its radii."""
        reach = 2 * float(np.cbrt(3 * self.volumes.mean() / (4 * math.pi)))
        shape, spacing = self.structure.shape, self.structure.spacing
        mx, my, mz = (
            min(math.ceil(reach / d), max((n - 2) // 3, 0))
            for n, d in zip(shape, spacing, strict=True)
        )
        return (mx, my, mz)

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON, of the whole particles where not said otherwise."""
        chosen = [p for p, whole in zip(self.particles, self.whole, strict=True) if whole]
        content: dict[str, Any] = {
            "phase": self.phase,
            "particles": len(self.particles),
            "whole_particles": len(chosen),
            "share_seen": self.mean_seen,
            "dice": self.mean_dice,
        }
        if chosen:
            c = np.array([p.coefficients for p in chosen])
            volume, area = star_shapes.volumes(c), star_shapes.surface_areas(c)
            diameter = np.cbrt(6 * volume / math.pi)
            sphericity = math.pi * diameter**2 / area
            spectrum = star_shapes.power_spectra(c)
            content |= {
                "mean_equivalent_diameter [m]": float(diameter.mean()),
                "median_equivalent_diameter [m]": float(np.median(diameter)),
                "mean_sphericity": float(sphericity.mean()),
                "mean_relative_power": (spectrum[:, 1:] / spectrum[:, :1]).mean(axis=0).tolist(),
                "equivalent_diameters [m]": diameter.tolist(),
                "sphericities": sphericity.tolist(),
            }
        return content

    def plot(self, ax: Axes | None = None, *, axis: int = 1) -> Axes:
        """Draw the bodies in the middle plane, each in its own shade, and the image's boundary."""
        from vmt._plotting import COLORS

        ax = self.union().plot(ax, axis=axis)
        mask = self.structure.mask(self.phase)
        plane = np.take(mask, mask.shape[axis] // 2, axis=axis)
        first, second = (d * 1e6 for a, d in enumerate(self.structure.spacing) if a != axis)
        x = (np.arange(plane.shape[1]) + 0.5) * second
        y = (np.arange(plane.shape[0]) + 0.5) * first
        if plane.any() and not plane.all() and min(plane.shape) > 1:
            ax.contour(x, y, plane, levels=[0.5], colors=[COLORS["model"]], linewidths=0.7)
        return ax


def fit_star_particles(
    m: Microstructure,
    phase: str | int = "solid",
    *,
    degree: int = 10,
    depth: float = 1.0,
    regularization: float = 1.0,
    outward: float = 0.0,
    bridge: float = 0.0,
    keep_volume: bool = True,
) -> StarFit:
    """Divide a phase into particles and describe each by spherical harmonics.

    Watershed of the distance to the background from merged markers; a ray along each direction of
    a quadrature from each region's centroid; the radius that holds as much of the region's volume
    as the ray meets; a series fitted by least squares over the solid angle, with a penalty that
    damps what the voxels can't show.

    Parameters
    ----------
    m : Microstructure
        The structure.
    phase : str or int
        The phase.
    degree : int
        Degree L of the series.
    depth : float
        Two widest places are told apart if the distance to the background falls by more than this
        between them [shortest voxel edges]; more merges more.
    regularization : float
        Strength of the penalty; 1 halves the degree of which two voxels are half a wave, 0 is the
        plain projection.
    outward : float
        Added to each radius [shortest voxel edges]. 0 is unbiased: a region is the union of its
        voxels' boxes.
    bridge : float
        Added to the radius where a ray leaves its region into another one [shortest voxel edges].
        The union of bodies that end at a common cut has gaps along it, which hinder transport
        through the phase; a bridge closes them and leaves the phase's own boundary where it is.
    keep_volume : bool
        Scale each series to its region's volume, which damping and cutting reduce (with
        `outward` or `bridge`, to the volume of the longer radii).

    Raises
    ------
    InputError
        If there is no such phase, or an option can't be used.
    CalibrationError
        If the phase has no voxel, or no boundary.
    MemoryBudgetError
        If the maps don't fit.

    Examples
    --------
    >>> x = np.indices((44, 24, 24)) - np.array([12.5, 11.5, 11.5]).reshape(3, 1, 1, 1)
    >>> y = np.indices((44, 24, 24)) - np.array([30.5, 11.5, 11.5]).reshape(3, 1, 1, 1)
    >>> balls = ((x**2).sum(axis=0) < 100) | ((y**2).sum(axis=0) < 100)
    >>> fit_star_particles(Microstructure(balls, 1e-7))
    StarFit(2 particles of solid, 2 whole; seen 100.0 %, Dice 0.991)
    """
    name = m.name_of(phase)
    _check_options(degree, depth, regularization, outward, bridge)
    mask = m.mask(phase)
    if not mask.any():
        raise CalibrationError(
            f"There is no voxel of {name!r} in {m!r}; expected particles. Name another phase, or "
            "check the segmentation."
        )
    if mask.all():
        raise CalibrationError(
            f"{name!r} fills the window of {m!r}; expected particles with a boundary. Use a "
            "larger window."
        )
    require_memory(45 * mask.size, f"the particles of {m.shape} voxels", "Use a crop.")
    options = (degree, regularization, outward, bridge, keep_volume)
    with steps(f"particles of {name}", 3) as step:
        squared = openings.squared_distances(mask, m.spacing)
        labels = watershed.regions(mask, squared, m.spacing, depth)
        del mask, squared
        step()
        return _fit_regions(m, name, labels, options)


def edge_weights(extents: Floats, size: Sequence[float], shape: Sequence[int]) -> Floats:
    """Weights (k,) of mean 1 of boxes of extents (k, 3) that lie whole in a window."""
    share: Floats = np.ones(len(extents))
    for axis, (length, count) in enumerate(zip(size, shape, strict=True)):
        if count > 1:
            share *= np.maximum(1 - extents[:, axis] / length, 0.02)
    made: Floats = share.mean() / share
    made /= made.mean()
    return made


def _check_options(
    degree: int, depth: float, regularization: float, outward: float, bridge: float
) -> None:
    if isinstance(degree, bool) or not isinstance(degree, int) or not 0 <= degree <= 60:
        raise InputError(f"degree={degree!r} can't be used; expected a whole number from 0 to 60.")
    if not (depth > 0 and math.isfinite(depth)):
        raise InputError(f"depth={depth!r} can't be used; expected a positive number of voxels.")
    if not (regularization >= 0 and math.isfinite(regularization)):
        raise InputError(
            f"regularization={regularization!r} can't be used; expected a number of at least 0."
        )
    if not 0 <= bridge <= 10:
        raise InputError(f"bridge={bridge!r} can't be used; expected 0 to 10 voxel edges.")
    if not -2 <= outward <= 2:
        raise InputError(
            f"outward={outward!r} can't be used; expected voxel edges between -2 and 2."
        )


def _fit_regions(
    m: Microstructure,
    name: str,
    labels: npt.NDArray[np.int32],
    options: tuple[int, float, float, float, bool],
) -> StarFit:
    from scipy import ndimage

    degree, regularization, outward, bridge, keep_volume = options
    spacing, edge = m.spacing, min(m.spacing)
    count = int(labels.max())
    voxels, centers, boxes = star_fit.region_moments(labels, count)
    numbers = np.arange(1, count + 1)
    # a centroid outside its region sees nothing: the widest place takes over
    place = np.floor(centers).astype(np.int64)
    lost = labels[tuple(place.T)] != numbers
    if lost.any():
        squared = openings.squared_distances(labels > 0, spacing)
        widest = ndimage.maximum_position(squared, labels, numbers[lost])
        centers[lost] = np.array(widest) + 0.5
    ends, extended = np.array(labels.shape) - 1, np.array(labels.shape) > 1
    touches = (boxes[:, :, 0] <= 0) | (boxes[:, :, 1] >= ends)
    whole = np.asarray(~(touches & extended).any(axis=1), bool)

    quadrature = stars.product_quadrature(max(2 * degree, _RAYS))
    weights = quadrature[1]
    first, equal, joined = star_fit.ray_radii(
        labels, spacing, numbers, centers, boxes, quadrature[0]
    )
    volumes: Floats = np.asarray(voxels * math.prod(spacing), float)
    seen = np.asarray((first**3 @ weights) / np.maximum(equal**3 @ weights, 1e-300))
    moved = np.maximum(equal + (outward + bridge * joined) * edge, 0.05 * edge)
    mean: Floats = np.asarray(np.cbrt(3 * volumes / (4 * math.pi)), float)
    weight = star_fit.smoothing(mean, edge, regularization)
    c = star_fit.fit_series(moved, degree, quadrature, weight)
    if keep_volume:
        wanted = volumes * (moved**3 @ weights) / (equal**3 @ weights)
        c *= np.cbrt(wanted / star_shapes.volumes(c))[:, None]
    places: Floats = np.asarray(centers * np.asarray(spacing), float)
    both, own = star_fit.match_stars(labels, spacing, numbers, places, c)
    dice = 2 * both / (own + voxels)
    particles = tuple(StarParticle(p, row) for p, row in zip(places, c, strict=True))
    return StarFit(name, m, labels, particles, whole, volumes, seen, dice)
