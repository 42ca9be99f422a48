"""A sphere on a plane, and the contact angle of the binder between them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.binder._placement import BINDER
from vmt.errors import InputError
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ContactAngle", "measure_contact_angle", "sphere_on_plane"]

Floats = npt.NDArray[np.float64]
_LEAST = 20  # faces of voxels for a fit
_ORDER = 2


def sphere_on_plane(
    radius: float, spacing: float, *, width: float = 3.0, height: float = 3.0, floor: int = 4
) -> Microstructure:
    """Make a phantom: a solid sphere on a solid floor, in the middle of a box.

    Parameters
    ----------
    radius : float
        Of the sphere [m].
    spacing : float
        Voxel edge length [m].
    width : float
        Edges of the box along the floor, over the radius.
    height : float
        Height of the box above the floor, over the radius.
    floor : int
        Planes of the floor, normal to axis 0.

    Raises
    ------
    InputError
        If the sphere is smaller than four voxels or the box narrower than the sphere.

    Examples
    --------
    >>> sphere_on_plane(10e-6, 1e-6)
    Microstructure(34×30×30 voxels of 1 µm; pore 74.43 %, solid 25.57 %)
    """
    if not radius >= 4 * spacing > 0 or not width >= 2 or not height >= 1 or floor < 1:
        raise InputError(
            f"radius={radius!r} with spacing={spacing!r}, width={width!r}, height={height!r}, "
            f"floor={floor!r} "
            "can't be used; expected a radius of at least four voxels, a width of at least 2, a "
            "height of at least 1, a floor of at least one plane."
        )
    n = math.ceil(round(width * radius / spacing, 6))
    up = np.arange(-floor, math.ceil(round(height * radius / spacing, 6))) + 0.5
    side = np.arange(n) + 0.5 - n / 2
    square = side[:, None] ** 2 + side**2 + ((up - radius / spacing) ** 2)[:, None, None]
    labels = (square <= (radius / spacing) ** 2).astype(np.uint8)
    labels[:floor] = 1
    return Microstructure(labels, spacing, {"pore": 0, "solid": 1})  # type: ignore[arg-type]


@dataclass(frozen=True, eq=False)
class ContactAngle:
    """Contact angle of binder between a sphere and a plane.

    Parameters
    ----------
    on_plane, on_sphere : float
        Angles through the binder [rad].
    meniscus_radius : float
        Of the circle fitted to the meniscus's profile [m].
    fit_deviation : float
        Root mean square of the faces' distances to the curve [m].
    profile : (n, 2) array
        Distance from the axis and height above the plane of the faces between binder and pore [m].
    curve : (m, 2) array
        Of the curve fitted to it, alike.
    """

    on_plane: float
    on_sphere: float
    meniscus_radius: float
    fit_deviation: float
    profile: Floats
    curve: Floats

    @property
    def mean(self) -> float:
        """Mean of both angles [rad]."""
        return 0.5 * (self.on_plane + self.on_sphere)

    def to_dict(self) -> dict[str, Any]:
        """Angles for JSON."""
        return {
            "mean [rad]": self.mean,
            "on_plane [rad]": self.on_plane,
            "on_sphere [rad]": self.on_sphere,
            "meniscus_radius [m]": self.meniscus_radius,
            "fit_deviation [m]": self.fit_deviation,
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the profile of the meniscus and the curve fitted to it."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        ax.plot(*(self.profile.T * 1e6), ".", ms=2, color=COLORS["image"])
        ax.plot(*(self.curve.T * 1e6), color=COLORS["model"], lw=1)
        low, high = self.profile.min(axis=0) * 1e6, self.profile.max(axis=0) * 1e6
        ax.set_xlim(low[0] - 1, high[0] + 1)
        ax.set_ylim(low[1] - 1, high[1] + 1)
        ax.set_aspect("equal")
        return finish(ax, xlabel="distance from the axis [µm]", ylabel="height [µm]")


def measure_contact_angle(
    structure: Microstructure,
    radius: float,
    *,
    floor: int = 4,
    margin: float = 0.0,
    binder: str = BINDER,
) -> ContactAngle:
    """Measure the contact angles of binder in the phantom `sphere_on_plane`.

    A curve is fitted to the profile of the meniscus (all faces between binder and pore, turned into
    one half plane): a circle whose radius is a quadratic function of the angle. Where it meets the
    plane and the sphere, the angles follow.

    Parameters
    ----------
    structure : Microstructure
        The phantom with binder.
    radius : float
        Of the sphere [m].
    floor : int
        Planes of the floor.
    margin : float
        Faces nearer than this to plane or sphere are left out of the fit [m].
    binder : str
        The phase.

    Raises
    ------
    InputError
        If there is no meniscus, or it does not meet plane and sphere.
    """
    h = structure.spacing[0]
    wet, dry = structure.mask(binder), structure.mask("pore")
    points, toward = [], []
    middle = np.array([floor, structure.shape[1] / 2, structure.shape[2] / 2])
    for axis in range(3):
        low = tuple(slice(0, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        for one, two, sign in ((wet, dry, -1.0), (dry, wet, 1.0)):
            at = np.argwhere(one[low] & two[high]) + 0.5 - middle
            at[:, axis] += 0.5
            points.append(at)
            step = np.zeros((len(at), 3))
            step[:, axis] = sign
            toward.append(step)  # from the pore into the binder
    at, into = np.concatenate(points) * h, np.concatenate(toward)
    apart = np.minimum(at[:, 0], np.hypot(np.hypot(*at[:, 1:].T), at[:, 0] - radius) - radius)
    at, into = at[apart >= margin], into[apart >= margin]
    if len(at) < _LEAST:
        raise InputError(
            f"Binder and pore share {len(at)} voxel faces; a meniscus needs at least {_LEAST}."
        )
    far = np.hypot(at[:, 1], at[:, 2])
    outward = (into[:, 1:] * at[:, 1:]).sum(axis=1) / np.maximum(far, 1e-30)
    inner = float(outward.sum()) < 0  # the binder is on the axis's side
    profile = np.stack([far, at[:, 0]], axis=1)
    center, r = _circle(profile)
    curve = _Curve.fit(profile, center)
    plane, sphere = curve.angles(radius, h)
    if not inner:
        plane, sphere = math.pi - plane, math.pi - sphere
    distance = np.hypot(*(profile - center).T)
    deviation = float(np.sqrt(np.mean((distance - curve.radius(curve.turn(profile))) ** 2)))
    return ContactAngle(plane, sphere, r, deviation, profile, curve.points(200))


@dataclass(frozen=True, eq=False)
class _Curve:
    """Curve around a center: the distance is a polynomial in the angle."""

    center: Floats
    direction: float
    middle: float
    half: float
    coefficients: Floats

    @classmethod
    def fit(cls, points: Floats, center: Floats) -> _Curve:
        apart = points - center
        mean = apart.mean(axis=0)
        direction = math.atan2(mean[1], mean[0])
        turn = _wrap(np.arctan2(apart[:, 1], apart[:, 0]) - direction)
        low, high = np.quantile(turn, (0.002, 0.998))
        middle, half = 0.5 * (low + high), 0.5 * (high - low)
        scaled = (turn - middle) / half
        c = np.polynomial.polynomial.polyfit(scaled, np.hypot(*apart.T), _ORDER)
        return cls(center, direction, float(middle), float(half), np.asarray(c))

    def turn(self, points: Floats) -> Floats:
        apart = points - self.center
        return (_wrap(np.arctan2(apart[:, 1], apart[:, 0]) - self.direction) - self.middle) / (
            self.half
        )

    def radius(self, turn: Floats) -> Floats:
        return np.asarray(np.polynomial.polynomial.polyval(turn, self.coefficients))

    def at(self, turn: Floats) -> Floats:
        """Points (n, 2)."""
        angle = turn * self.half + self.middle + self.direction
        way = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return np.asarray(self.center + self.radius(turn)[:, None] * way)

    def points(self, count: int) -> Floats:
        return self.at(np.linspace(-1.3, 1.3, count))

    def angles(self, radius: float, step: float) -> tuple[float, float]:
        """Angles through the axis's side at the plane and at the sphere."""
        turn = np.linspace(-2.5, 2.5, 20001)
        at = self.at(turn)
        gaps = (at[:, 1], np.hypot(at[:, 0], at[:, 1] - radius) - radius)
        ends = []
        for gap in gaps:
            crossing = np.flatnonzero(np.sign(gap[1:]) != np.sign(gap[:-1]))
            if not crossing.size:
                raise InputError(
                    "The meniscus, continued, does not meet both plane and sphere; use a finer "
                    f"phantom (its voxels are {step:.3g} m) or more binder."
                )
            i = int(crossing[np.argmin(np.abs(turn[crossing]))])
            way = at[i + 1] - at[i]
            way /= np.linalg.norm(way)
            ends.append((at[i], way if gap[i + 1] > gap[i] else -way))
        (_, up), (top, down) = ends
        normal = (top - [0.0, radius]) / np.linalg.norm(top - [0.0, radius])
        along = np.array([normal[1], -normal[0]])
        return math.acos(-float(up[0])), math.acos(float(np.clip(along @ down, -1, 1)))


def _wrap(angle: Floats) -> Floats:
    return np.asarray((angle + np.pi) % (2 * np.pi) - np.pi)


def _circle(points: Floats) -> tuple[Floats, float]:
    """Circle with the least squares of the distances to it."""
    from scipy import optimize

    a = np.column_stack([2 * points, np.ones(len(points))])
    x, y, c = np.linalg.lstsq(a, (points**2).sum(axis=1), rcond=None)[0]
    start = np.array([x, y, math.sqrt(max(c + x * x + y * y, 1e-300))])
    unit = start[2]

    def off(p: Floats) -> Floats:
        return np.asarray(np.hypot(points[:, 0] / unit - p[0], points[:, 1] / unit - p[1]) - p[2])

    best = optimize.least_squares(off, start / unit).x * unit
    return np.asarray(best[:2]), float(best[2])
