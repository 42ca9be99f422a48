"""Star-shaped particles by spherical harmonics, and unions of them as an analytic phase.

Source: Neumann et al. (2023), section 3.1, with eq. (3) corrected; Feinauer et al. (2015), *Mater.
Charact.* 106, 123–133.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt._units import check_spacing
from vmt.errors import InputError
from vmt.kernels import star_shapes, stars
from vmt.microstructure import LevelSet, Microstructure
from vmt.models._level_set import check_cells

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["StarParticle", "StarUnion"]

Floats = npt.NDArray[np.float64]
_AXES = 3
_BAND = 5.0  # cells around the boundary in which a level set is exact
_DRAWN = (37, 72)  # rows and columns of the mesh that a plot shows
_MOST_CELLS = 2_000_000  # to measure a volume fraction


def _numbers(values: object, name: str, length: int | None = None) -> Floats:
    try:
        array = np.array(values, float)
    except (TypeError, ValueError):
        array = np.full(1, np.nan)
    if array.ndim != 1 or not np.isfinite(array).all() or (length and array.size != length):
        wanted = f"{length} finite numbers" if length else "a row of finite numbers"
        raise InputError(f"{name} {values!r} can't be used; expected {wanted}.")
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class StarParticle:
    """A body that is seen whole from its center: its radius as a series of spherical harmonics.

    Real harmonics, orthonormal on the unit sphere, without the Condon–Shortley phase; m > 0 goes
    with cos(mφ), m < 0 with sin(|m|φ).

    Parameters
    ----------
    center : (3,) array
        [m].
    coefficients : ((L + 1)²,) array
        c_lm at the place l² + l + m [m]; the first over √(4π) is the mean radius.

    Raises
    ------
    InputError
        If the center is not three numbers, if the number of coefficients is not a square, or if
        the radius is not positive in every direction.

    Examples
    --------
    >>> ball = StarParticle.from_sphere(5e-6)
    >>> round(ball.equivalent_diameter * 1e6, 6), round(ball.sphericity, 6)
    (10.0, 1.0)
    """

    center: Floats
    coefficients: Floats

    def __post_init__(self) -> None:
        object.__setattr__(self, "center", _numbers(self.center, "center", _AXES))
        c = _numbers(self.coefficients, "coefficients")
        object.__setattr__(self, "coefficients", c)
        if stars.degree_of(c.size) < 0:
            raise InputError(
                f"{c.size} coefficients can't be used; expected (L + 1)² of them: 1, 4, 9, …, 121 "
                "for L = 10."
            )
        least = float(star_shapes.smallest_radii(c[None])[0])
        if not least > 0:
            raise InputError(
                f"The radius of these coefficients falls to {least:.3g} m; expected a positive "
                "one in every direction. Use a lower degree or a stronger regularization."
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (np.asarray(self.center), np.asarray(self.coefficients))

    def __repr__(self) -> str:
        from vmt._units import format_length

        size = format_length(self.equivalent_diameter)
        return f"StarParticle(degree {self.degree}, equivalent diameter {size})"

    # ---- made from shapes

    @classmethod
    def from_sphere(cls, radius: float, *, center: Sequence[float] = (0, 0, 0)) -> Self:
        """Make a ball of a radius [m], of degree 0."""
        if not (math.isfinite(radius) and radius > 0):
            raise InputError(f"radius={radius!r} can't be used; expected a positive length [m].")
        return cls(np.array(center, float), np.array([radius * math.sqrt(4 * math.pi)]))

    @classmethod
    def from_ellipsoid(
        cls,
        semi_axes: Sequence[float],
        *,
        degree: int = 10,
        center: Sequence[float] = (0, 0, 0),
    ) -> Self:
        """Expand an ellipsoid with semi-axes (a, b, c) along x, y, z [m] to a degree.

        Examples
        --------
        >>> grain = StarParticle.from_ellipsoid((3e-6, 2e-6, 2e-6))
        >>> exact = 4 / 3 * np.pi * 3 * 2 * 2
        >>> abs(grain.volume * 1e18 / exact - 1) < 1e-4
        True
        """
        axes = _numbers(semi_axes, "semi_axes", _AXES)
        if not (axes > 0).all():
            raise InputError(f"semi_axes={semi_axes!r} can't be used; expected positive lengths.")
        slender = float(axes.max() / axes.min())
        quadrature = stars.product_quadrature(4 * degree + round(60 * slender))
        values = star_shapes.ellipsoid_radii(quadrature[0], axes)
        return cls(np.array(center, float), star_shapes.project(values, degree, quadrature))

    # ---- what it is like

    @property
    def degree(self) -> int:
        """Degree L of the series."""
        return stars.degree_of(self.coefficients.size)

    @property
    def mean_radius(self) -> float:
        """Mean of the radius over all directions [m]."""
        return float(self.coefficients[0] / math.sqrt(4 * math.pi))

    @property
    def volume(self) -> float:
        """Volume [m³], exact for the series."""
        return float(star_shapes.volumes(self.coefficients[None])[0])

    @property
    def centroid(self) -> Floats:
        """Center of mass (3,) [m]."""
        made: Floats = self.center + star_shapes.centroids(self.coefficients[None])[0]
        return made

    @property
    def surface_area(self) -> float:
        """Surface area [m²]."""
        return float(star_shapes.surface_areas(self.coefficients[None])[0])

    @property
    def equivalent_diameter(self) -> float:
        """Diameter of the ball of the same volume [m]."""
        return float(np.cbrt(6 * self.volume / math.pi))

    @property
    def sphericity(self) -> float:
        """Surface of the ball of the same volume over the own one: 1 for a ball, else less."""
        return math.pi * self.equivalent_diameter**2 / self.surface_area

    @property
    def bounding_box(self) -> tuple[Floats, Floats]:
        """Corners (3,) and (3,) of a box along the axes that holds the particle [m]."""
        reach = stars.extents(self.coefficients[None], 24)[0]
        return self.center - reach[:, 0], self.center + reach[:, 1]

    def power_spectrum(self) -> Floats:
        """Power P_l = Σ_m c_lm² (L + 1,) [m²]; Σ_l≥1 P_l/(4π) is the variance of the radius.

        A turn does not change it.
        """
        made: Floats = star_shapes.power_spectra(self.coefficients[None])[0]
        return made

    def radius(self, theta: npt.ArrayLike, phi: npt.ArrayLike) -> Floats:
        """Radius (...) [m] at polar angles θ from the z axis and azimuths φ [rad]."""
        directions = stars.directions_of(theta, phi)
        flat = directions.reshape(-1, _AXES)
        which = np.zeros(len(flat), np.int64)
        return stars.radii(self.coefficients[None], which, flat).reshape(directions.shape[:-1])

    def signed_distance(self, points: npt.ArrayLike) -> Floats:
        """Radial distance |x − center| − ψ (n,) [m] at points (n, 3): negative inside.

        Not the distance to the nearest point of the surface, unless for a ball.
        """
        flat = _points(points)
        return stars.signed_distances(flat, self.center[None], self.coefficients[None])[0]

    # ---- the same, changed

    def moved(self, center: Sequence[float] | Floats) -> StarParticle:
        """Return the particle at another center [m]."""
        return StarParticle(np.asarray(center, float), self.coefficients)

    def scaled(self, factor: float) -> StarParticle:
        """Return the particle with all radii times a factor."""
        if not (math.isfinite(factor) and factor > 0):
            raise InputError(f"factor={factor!r} can't be used; expected a positive number.")
        return StarParticle(self.center, self.coefficients * factor)

    def rotate(self, rotation: npt.ArrayLike) -> StarParticle:
        """Return the particle turned about its center by a rotation matrix (3, 3)."""
        matrix = np.asarray(rotation, float)
        if (
            matrix.shape != (_AXES, _AXES)
            or not np.allclose(matrix @ matrix.T, np.eye(_AXES), atol=1e-9)
            or np.linalg.det(matrix) < 0
        ):
            raise InputError(
                f"rotation {rotation!r} can't be used; expected a rotation matrix (3, 3): "
                "orthogonal, determinant 1."
            )
        return StarParticle(self.center, star_shapes.turned(self.coefficients[None], matrix)[0])

    def to_dict(self) -> dict[str, Any]:
        """Center, coefficients and what follows from them, for JSON."""
        return {
            "center [m]": self.center.tolist(),
            "coefficients [m]": self.coefficients.tolist(),
            "volume [m³]": self.volume,
            "surface_area [m²]": self.surface_area,
            "equivalent_diameter [m]": self.equivalent_diameter,
            "sphericity": self.sphericity,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make a particle from what `to_dict` gave."""
        try:
            return cls(data["center [m]"], data["coefficients [m]"])
        except KeyError as error:
            raise InputError(f"A particle needs {error}; got {sorted(data)}.") from None

    def mesh(self, rows: int = _DRAWN[0], columns: int = _DRAWN[1]) -> Floats:
        """Points of the surface (rows, columns + 1, 3) [m], poles first and last row."""
        theta = np.linspace(0, math.pi, rows)[:, None]
        phi = np.linspace(0, 2 * math.pi, columns + 1)[None, :]
        directions = stars.directions_of(theta, phi)
        made: Floats = self.center + self.radius(theta, phi)[..., None] * directions
        return made

    def plot(self, ax: Axes | None = None, *, color: str | None = None) -> Axes:
        """Draw the particle in perspective-free 3D, shaded, in micrometers."""
        from vmt._plotting import PHASE_COLORS, axes, draw_bodies, finish

        ax = draw_bodies(axes(ax), [self.mesh() * 1e6], [color or PHASE_COLORS[1]])
        return finish(ax, xlabel="µm", ylabel="µm")


def _points(points: npt.ArrayLike) -> Floats:
    array = np.asarray(points, float)
    if array.ndim != 2 or array.shape[1] != _AXES or not np.isfinite(array).all():
        raise InputError(
            f"points of shape {array.shape} can't be used; expected finite places (n, 3) [m]."
        )
    return array


@dataclass(frozen=True, eq=False)
class StarUnion:
    """A phase that is the union of star-shaped particles in a box: known at every point.

    Parameters
    ----------
    particles : sequence of StarParticle
        Series of lower degree are filled with zeros.
    size : float or (Lx, Ly, Lz)
        Edge lengths of the box from the origin [m].
    periodic : bool
        Whether opposite faces fit together. A closed box cuts what leaves it.
    inside, outside : str
        Names of the phases.

    Raises
    ------
    InputError
        If there is something else than particles, or the size or a name can't be used.

    Examples
    --------
    >>> union = StarUnion([StarParticle.from_sphere(3e-6, center=(4e-6,) * 3)], 8e-6)
    >>> round(union.volume_fraction, 3), round(4 / 3 * np.pi * 3**3 / 8**3, 3)
    (0.221, 0.221)
    >>> round(union.to_microstructure((80, 80, 80), 1e-7).volume_fraction("solid"), 3)
    0.221
    """

    particles: tuple[StarParticle, ...]
    size: tuple[float, float, float]
    _: KW_ONLY
    periodic: bool = False
    inside: str = "solid"
    outside: str = "pore"

    centers: Floats = field(init=False, repr=False)
    coefficients: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        particles = tuple(self.particles)
        if not all(isinstance(p, StarParticle) for p in particles):
            raise InputError("A union is made of StarParticle objects; got something else.")
        object.__setattr__(self, "particles", particles)
        try:
            object.__setattr__(self, "size", check_spacing(self.size))
        except InputError as error:
            raise InputError(
                f"size {self.size!r} can't be used; expected the edge lengths of a box in meters."
            ) from error
        names = (self.inside, self.outside)
        if not all(isinstance(n, str) and n for n in names) or self.inside == self.outside:
            raise InputError(
                f"inside={self.inside!r} and outside={self.outside!r} can't be used; expected two "
                "different names."
            )
        degree = max((p.degree for p in particles), default=0)
        centers = np.array([p.center for p in particles], float).reshape(-1, _AXES)
        rows = [star_shapes.widened(p.coefficients[None], degree)[0] for p in particles]
        c = np.array(rows, float).reshape(-1, (degree + 1) ** 2)
        for name, array in (("centers", centers), ("coefficients", c)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __reduce__(self) -> tuple[Any, ...]:
        return _make_union, (self.particles, self.size, self.periodic, self.inside, self.outside)

    def __repr__(self) -> str:
        from vmt._units import format_length

        box = "×".join(format_length(edge) for edge in self.size)
        faces = "periodic" if self.periodic else "closed"
        return f"StarUnion({len(self.particles)} particles in a {faces} box of {box})"

    @classmethod
    def from_arrays(
        cls,
        centers: npt.ArrayLike,
        coefficients: npt.ArrayLike,
        size: float | Sequence[float],
        *,
        periodic: bool = False,
        inside: str = "solid",
        outside: str = "pore",
    ) -> Self:
        """Make a union of centers (k, 3) [m] and coefficients (k, (L + 1)²) [m]."""
        places, series = np.asarray(centers, float), np.asarray(coefficients, float)
        if places.ndim != 2 or series.ndim != 2 or len(places) != len(series):
            raise InputError(
                f"centers of shape {places.shape} and coefficients of shape {series.shape} can't "
                "be used; expected (k, 3) and (k, (L + 1)²)."
            )
        made = tuple(StarParticle(p, c) for p, c in zip(places, series, strict=True))
        box: Any = size
        return cls(made, box, periodic=periodic, inside=inside, outside=outside)

    @property
    def volume_fraction(self) -> float:
        """Share of the box that the union takes, from its level set on a fine grid.

        Cells of a twentieth of the smallest mean radius (at most two million of them); second order
        in their edge.
        """
        if not self.particles:
            return 0.0
        radius = float(star_shapes.mean_radii(self.coefficients).min())
        volume = math.prod(self.size)
        edge = max(radius / 20, (volume / _MOST_CELLS) ** (1 / 3))
        shape = [max(1, round(length / edge)) for length in self.size]
        spacing = [length / n for length, n in zip(self.size, shape, strict=True)]
        return self.to_level_set(shape, spacing).volume_fraction(self.inside)

    def signed_distance(self, points: npt.ArrayLike) -> Floats:
        """Smallest signed radial distance min_i |x − x_i| − ψ_i (n,) [m] at points (n, 3).

        Negative inside; zero on the boundary; inf without particles.
        """
        size = self.size if self.periodic else None
        return stars.signed_distances(_points(points), self.centers, self.coefficients, size=size)[
            0
        ]

    def to_microstructure(
        self, shape: Sequence[int], spacing: float | Sequence[float]
    ) -> Microstructure:
        """Voxels whose centers lie in the union, exact: label 1 inside, 0 outside.

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
        voxels, voxel = self._grid(shape, spacing, 2)
        counts = stars.count_stars(
            voxels, voxel, self.centers, self.coefficients, periodic=self.periodic
        )
        labels = np.minimum(counts, 1, out=counts)
        return Microstructure(labels, voxel, {self.outside: 0, self.inside: 1})

    def to_labels(
        self, shape: Sequence[int], spacing: float | Sequence[float]
    ) -> npt.NDArray[np.int32]:
        """Number (from 1) of the particle that each voxel's center lies in, 0 outside all.

        Where particles overlap, the one with the smallest signed radial distance.
        """
        voxels, voxel = self._grid(shape, spacing, 8)
        return stars.label_stars(
            voxels, voxel, self.centers, self.coefficients, periodic=self.periodic
        )

    def to_level_set(
        self,
        shape: Sequence[int],
        spacing: float | Sequence[float],
        *,
        at: Literal["corners", "centers"] = "corners",
    ) -> LevelSet:
        """Signed radial distance on a grid of any fineness, for the level-set transport.

        Exact within five cells of the boundary and cut off beyond; arguments and errors are those
        of `to_microstructure`.
        """
        voxels, voxel = self._grid(shape, spacing, 12)
        values = stars.level_stars(
            voxels,
            voxel,
            self.centers,
            self.coefficients,
            band=_BAND * max(voxel),
            at=at,
            periodic=self.periodic,
        )
        return LevelSet(values, voxel, at=at, inside=self.inside, outside=self.outside)

    def _grid(
        self, shape: Sequence[int], spacing: float | Sequence[float], each: int
    ) -> tuple[tuple[int, int, int], tuple[float, float, float]]:
        voxels, voxel = check_cells(shape), check_spacing(spacing)
        edges = [n * d for n, d in zip(voxels, voxel, strict=True)]
        if self.periodic and not np.allclose(edges, self.size, rtol=1e-6, atol=0):
            raise InputError(
                f"{voxels} voxels of {voxel} m make a box of {edges} m; the periodic box has "
                f"{list(self.size)} m. Choose a spacing that fills it."
            )
        require_memory(each * math.prod(voxels), f"A grid of {voxels} voxels", "Use fewer voxels.")
        return voxels, voxel

    def crop(self, low: Sequence[float], size: float | Sequence[float]) -> StarUnion:
        """Return the closed box of a size [m] that begins at `low` [m], moved to the origin.

        With the particles, and of a periodic box their images, whose boxes reach into it.
        """
        begin, edges = np.asarray(low, float), np.asarray(check_spacing(size))
        reach = stars.extents(self.coefficients) if self.particles else np.zeros((0, _AXES, 2))
        counts = np.zeros(_AXES, int)
        if self.periodic:
            most = reach.max(axis=(0, 2), initial=0.0)
            counts = np.ceil((np.abs(begin) + edges + most) / np.asarray(self.size)).astype(int)
        kept: list[StarParticle] = []
        for shift in np.ndindex(*(2 * counts + 1)):
            places = self.centers + (np.array(shift) - counts) * self.size - begin
            inside = (places + reach[:, :, 1] > 0) & (places - reach[:, :, 0] < edges)
            for i in np.flatnonzero(inside.all(axis=1)):
                kept.append(self.particles[i].moved(places[i]))
        box = (float(edges[0]), float(edges[1]), float(edges[2]))
        return StarUnion(tuple(kept), box, inside=self.inside, outside=self.outside)

    def to_dict(self) -> dict[str, Any]:
        """Box and particles for JSON."""
        return {
            "size [m]": list(self.size),
            "periodic": self.periodic,
            "inside": self.inside,
            "outside": self.outside,
            "centers [m]": self.centers.tolist(),
            "coefficients [m]": self.coefficients.tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make a union from what `to_dict` gave."""
        try:
            return cls.from_arrays(
                np.reshape(data["centers [m]"], (-1, _AXES)),
                np.reshape(data["coefficients [m]"], (len(data["centers [m]"]), -1))
                if data["centers [m]"]
                else np.zeros((0, 1)),
                data["size [m]"],
                periodic=data["periodic"],
                inside=data["inside"],
                outside=data["outside"],
            )
        except KeyError as error:
            raise InputError(f"A union needs {error}; got {sorted(data)}.") from None

    def plot(self, ax: Axes | None = None, *, axis: int = 1) -> Axes:
        """Draw the particles in the middle plane normal to `axis`, each with its own shade."""
        from vmt._plotting import PHASE_COLORS, axes, finish

        ax = axes(ax)
        first, second = (self.size[a] for a in range(_AXES) if a != axis)
        edge = max(first, second) / 400
        shape = [max(1, round(length / edge)) for length in self.size]
        spacing = [length / n for length, n in zip(self.size, shape, strict=True)]
        # one sheet of voxels in the middle: the box is moved there
        moved = self.centers.copy()
        moved[:, axis] -= self.size[axis] / 2 - spacing[axis] / 2
        sheet = [n if a != axis else 1 for a, n in enumerate(shape)]
        if self.periodic:
            moved[:, axis] -= self.size[axis] * np.rint(moved[:, axis] / self.size[axis])
        plane = np.take(
            stars.label_stars((sheet[0], sheet[1], sheet[2]), spacing, moved, self.coefficients),
            0,
            axis=axis,
        )
        from matplotlib.colors import to_rgb

        shades = np.random.default_rng(0).uniform(0.0, 0.55, (len(self.particles) + 1, 1))
        base = np.array(to_rgb(PHASE_COLORS[1]))
        colors = base + (1 - base) * shades
        colors[0] = to_rgb(PHASE_COLORS[0])
        extent = (0.0, second * 1e6, first * 1e6, 0.0)
        ax.imshow(colors[plane], extent=extent, interpolation="nearest")
        return finish(ax, xlabel="µm", ylabel="µm")


def _make_union(
    particles: tuple[StarParticle, ...],
    size: tuple[float, float, float],
    periodic: bool,
    inside: str,
    outside: str,
) -> StarUnion:
    return StarUnion(particles, size, periodic=periodic, inside=inside, outside=outside)
