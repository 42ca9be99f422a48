"""The electrode's face: what a gauge touches and what a microscope sees of its height."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.descriptors._support import number, parse_faces, read_only
from vmt.errors import InputError
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Gauge", "SurfaceRoughness", "gauge", "height_map_roughness", "surface_roughness"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Gauge:
    """What a thickness gauge says, beside what is there.

    Parameters
    ----------
    thickness : float
        From the opposite face to the highest solid voxel [m]: the gauge's reading.
    mean_thickness : float
        Mean height of the surface [m].
    porosity : float
        Pores by the gauge's thickness: the hollows of the surface count.
    porosity_below_surface : float
        Pores under the surface only, by the mean height.
    heights : (n1, n2) array
        Height of the highest solid voxel of each column [m]; 0 where there is none.
    """

    thickness: float
    mean_thickness: float
    porosity: float
    porosity_below_surface: float
    heights: Floats

    def __post_init__(self) -> None:
        read_only(self, "heights")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def to_dict(self) -> dict[str, Any]:
        """Fields with their units; the map is left out."""
        return {
            "thickness [m]": number(self.thickness),
            "mean_thickness [m]": number(self.mean_thickness),
            "porosity": number(self.porosity),
            "porosity_below_surface": number(self.porosity_below_surface),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of the surface above each height, with the gauge's reading."""
        from vmt._plotting import COLORS, axes, finish, legend

        ax = axes(ax)
        heights = np.sort(self.heights.ravel())[::-1]
        above = np.arange(1, heights.size + 1) / heights.size
        ax.plot(above, heights * 1e6, color=COLORS["image"])
        ax.axhline(self.thickness * 1e6, color=COLORS["model"], lw=1, ls="--", label="gauge")
        ax.axhline(self.mean_thickness * 1e6, color=COLORS["muted"], lw=1, label="mean")
        legend(ax)
        return finish(ax, xlabel="share of the surface above", ylabel="height [µm]")


def _heights(m: Microstructure, pore: str | int, side: str) -> tuple[Floats, tuple[float, float]]:
    """Heights of the highest solid voxels above the opposite face, and the pixels' edges."""
    faces = parse_faces(side)
    if len(faces) != 1:
        raise InputError(f"side={side!r} can't be used; expected one face, as 'x-'.")
    axis, end = faces[0]
    solid = np.moveaxis(~m.mask(pore), axis, 0)
    if end:
        solid = solid[::-1]
    first = np.argmax(solid, axis=0)
    heights = np.where(solid.any(axis=0), solid.shape[0] - first, 0) * m.spacing[axis]
    dy, dz = (d for i, d in enumerate(m.spacing) if i != axis)
    return heights.astype(np.float64), (dy, dz)


def gauge(m: Microstructure, *, pore: str | int = "pore", side: str = "x-") -> Gauge:
    """Measure a thickness as a gauge does, by the highest point, and the porosity that follows.

    The plates of a gauge are the opposite face (the current collector's) and a plane on the highest
    solid voxel. So the hollows of the surface count as pores, and the porosity comes out too large
    (Beuse et al. 2021, section 3.4).

    Parameters
    ----------
    m : Microstructure
        The structure, with the electrode's surface in it.
    pore : str or int
        The phase that is no solid.
    side : str
        The face that the surface looks to: "x-" (default, the separator's), "x+", "y-", ....

    Raises
    ------
    InputError
        If there is no such phase or face, or no solid.

    Examples
    --------
    >>> labels = np.zeros((8, 2, 1), np.uint8)
    >>> labels[2:, 0], labels[4:, 1] = 1, 1
    >>> found = gauge(Microstructure(labels, 1e-6))
    >>> round(found.thickness * 1e6, 6), round(found.mean_thickness * 1e6, 6)
    (6.0, 5.0)
    >>> round(found.porosity, 4), found.porosity_below_surface
    (0.1667, 0.0)
    """
    heights, (dy, dz) = _heights(m, pore, side)
    thickness = float(heights.max())
    if thickness == 0:
        raise InputError("A gauge needs a solid; every voxel of the structure is pore.")
    mean = float(heights.mean())
    area = heights.size * dy * dz
    solid = (1 - m.volume_fraction(pore)) * math.prod(m.size)
    return Gauge(
        thickness,
        mean,
        max(0.0, 1 - solid / (area * thickness)),
        max(0.0, 1 - solid / (area * mean)),
        heights,
    )


@dataclass(frozen=True, eq=False)
class SurfaceRoughness:
    """Height map of a surface and its roughness.

    Parameters
    ----------
    rms : float
        Root of the mean square of the heights about their mean, Sq [m].
    mean_deviation : float
        Mean of the absolute heights about their mean, Sa [m].
    peak_to_valley : float
        Sz [m].
    area_ratio : float
        Area of the triangulated surface over its projection.
    heights : (n1, n2) array
        Heights [m].
    spacing : (d1, d2)
        Edges of the pixels [m].
    """

    rms: float
    mean_deviation: float
    peak_to_valley: float
    area_ratio: float
    heights: Floats
    spacing: tuple[float, float]

    def __post_init__(self) -> None:
        read_only(self, "heights")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    @property
    def effective_area(self) -> float:
        """Area of the triangulated surface [m²], with pixels to the edge of the map."""
        return self.area_ratio * self.heights.size * math.prod(self.spacing)

    def to_dict(self) -> dict[str, Any]:
        """Fields with their units; the map is left out."""
        return {
            "rms [m]": number(self.rms),
            "mean_deviation [m]": number(self.mean_deviation),
            "peak_to_valley [m]": number(self.peak_to_valley),
            "area_ratio": number(self.area_ratio),
            "effective_area [m^2]": number(self.effective_area),
            "pixel [m]": list(self.spacing),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the height map in micrometers."""
        from vmt._plotting import axes, finish

        ax = axes(ax)
        height, width = (n * d * 1e6 for n, d in zip(self.heights.shape, self.spacing, strict=True))
        image = ax.imshow(
            self.heights * 1e6, extent=(0.0, width, height, 0.0), cmap="cividis", origin="upper"
        )
        if ax.figure is not None:
            ax.figure.colorbar(image, ax=ax, label="height [µm]", shrink=0.85)
        return finish(ax, xlabel="µm", ylabel="µm", title=f"rms {self.rms * 1e6:.3g} µm")


def height_map_roughness(
    heights: npt.ArrayLike, spacing: tuple[float, float], *, level: bool = False
) -> SurfaceRoughness:
    """Roughness of a height map, as from a confocal microscope.

    Parameters
    ----------
    heights : (n1, n2) array
        Heights at the centers of pixels [m].
    spacing : (d1, d2)
        Edges of the pixels [m].
    level : bool
        Subtract the plane of least squares first.

    Raises
    ------
    InputError
        If the map is no table of finite numbers, or a single pixel.

    Notes
    -----
    Each square of four pixels is two triangles; the mean over both diagonals is taken. A map of one
    row is a profile, and the ratio is that of lengths.

    Examples
    --------
    A plane at 45° has √2 of its projection:

    >>> x = np.arange(5.0)
    >>> round(height_map_roughness(x[:, None] + 0 * x, (1.0, 1.0)).area_ratio, 4)
    1.4142
    """
    h = np.asarray(heights, float)
    if h.ndim != 2 or h.size < 2 or not np.all(np.isfinite(h)):
        raise InputError(
            f"A height map of shape {h.shape} can't be used; expected a table of finite heights in "
            "meters, two pixels at least."
        )
    d1, d2 = (float(d) for d in spacing)
    if not (d1 > 0 and d2 > 0 and math.isfinite(d1 * d2)):
        raise InputError(f"spacing={spacing!r} can't be used; expected two edges in meters.")
    if level:
        grid = np.indices(h.shape).reshape(2, -1)
        basis = np.stack([grid[0], grid[1], np.ones(h.size)], axis=1)
        h = h - (basis @ np.linalg.lstsq(basis, h.ravel(), rcond=None)[0]).reshape(h.shape)
    off = h - h.mean()
    return SurfaceRoughness(
        float(np.sqrt(np.mean(off**2))),
        float(np.mean(np.abs(off))),
        float(h.max() - h.min()),
        _area_ratio(h, d1, d2),
        h,
        (d1, d2),
    )


def _area_ratio(h: Floats, d1: float, d2: float) -> float:
    if 1 in h.shape:
        step = d1 if h.shape[1] == 1 else d2
        return float(np.mean(np.hypot(step, np.diff(h.ravel())))) / step
    a, b, c, d = h[:-1, :-1], h[1:, :-1], h[:-1, 1:], h[1:, 1:]
    total = 0.0
    # the slopes along both axes of each of the four half squares at its corner
    for along, across in ((b - a, c - a), (d - c, d - b), (b - a, d - b), (d - c, c - a)):
        total += float(np.mean(np.sqrt(1 + (along / d1) ** 2 + (across / d2) ** 2)))
    return total / 4


def surface_roughness(
    m: Microstructure,
    *,
    pore: str | int = "pore",
    side: str = "x-",
    lateral_resolution: float | None = None,
    level: bool = False,
) -> SurfaceRoughness:
    """Roughness of the face of a structure: the height map that a microscope sees from above.

    The height of a column is that of its highest solid voxel. Steps of whole voxels add to the
    area; `lateral_resolution` averages them, as the spot of the microscope does. The area depends
    on that resolution, the rms hardly.

    Parameters
    ----------
    m : Microstructure
        The structure, with the electrode's surface in it.
    pore : str or int
        The phase that is no solid.
    side : str
        The face that the surface looks to.
    lateral_resolution : float, optional
        Edge of the squares over which heights are averaged [m]; default: the voxel.
    level : bool
        Subtract the plane of least squares first.

    Raises
    ------
    InputError
        If there is no such phase or face, or fewer than two pixels are left.

    Examples
    --------
    >>> labels = np.zeros((8, 4, 4), np.uint8)
    >>> labels[2:, :2], labels[4:, 2:] = 1, 1
    >>> round(surface_roughness(Microstructure(labels, 1e-6)).rms * 1e6, 6)
    1.0
    """
    heights, spacing = _heights(m, pore, side)
    if lateral_resolution is not None:
        if not (math.isfinite(lateral_resolution) and lateral_resolution > 0):
            raise InputError(
                f"lateral_resolution={lateral_resolution!r} can't be used; expected meters above 0."
            )
        k1, k2 = (
            min(n, max(1, round(lateral_resolution / d)))
            for n, d in zip(heights.shape, spacing, strict=True)
        )
        n1, n2 = heights.shape[0] // k1, heights.shape[1] // k2
        blocks = heights[: n1 * k1, : n2 * k2].reshape(n1, k1, n2, k2)
        heights, spacing = blocks.mean(axis=(1, 3)), (spacing[0] * k1, spacing[1] * k2)
    return height_map_roughness(heights, spacing, level=level)
