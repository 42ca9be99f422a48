"""Shapes that travel with their exact answers.

Each function returns a `Phantom`: the voxels, and numbers that hold for the *continuous* shape (or
for the voxels too, where faces lie on voxel faces), so that a measurement can be judged.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt._units import check_spacing
from vmt.errors import InputError
from vmt.kernels.spheres import place_spheres, separate_spheres, voxelize_spheres
from vmt.microstructure import Microstructure

__all__ = [
    "Phantom",
    "boolean_spheres",
    "channel",
    "checkerboard",
    "layers",
    "random_spheres",
    "sphere",
    "sphere_array",
]

Curve = Callable[[npt.ArrayLike], npt.NDArray[np.float64]]
Shape = tuple[int, int, int]
Spacing = float | tuple[float, float, float]

_PHASES = {"pore": 0, "solid": 1}

#: simple cubic array of spheres: volume fraction -> (insulating, perfectly conducting spheres),
#: effective conductivity over the matrix's; multipole method, agrees with Sangani & Acrivos 1983,
#: Proc. R. Soc. A 386, 263
SIMPLE_CUBIC = {
    0.1: (0.85711, 1.33356),
    0.2: (0.72670, 1.75588),
    0.3: (0.60566, 2.33288),
    0.4: (0.49011, 3.26257),
    0.5: (0.37374, 5.888),
}


@dataclass(frozen=True, eq=False)
class Phantom:
    """A structure and what is known about it without measuring.

    Parameters
    ----------
    structure : Microstructure
        The voxels.
    exact : mapping of str to float
        Exact answers in SI, with the unit in the key: ``"specific_surface_area(solid) [1/m]"``.
    curves : mapping of str to callable
        Exact functions: ``"two_point_coverage_probability(solid)"`` of lags [m].
    """

    structure: Microstructure
    exact: Mapping[str, float]
    curves: Mapping[str, Curve] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exact", MappingProxyType(dict(self.exact)))
        object.__setattr__(self, "curves", MappingProxyType(dict(self.curves)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.structure, dict(self.exact), dict(self.curves))

    def to_dict(self) -> dict[str, float]:
        """Exact answers as JSON content."""
        return dict(self.exact)


def layers(
    shape: Shape,
    spacing: Spacing,
    *,
    thicknesses: Sequence[int],
    conductivities: Sequence[float],
    axis: int = 0,
) -> Phantom:
    """Plane layers normal to an axis, repeated until the box is full.

    Resistances add along the axis, conductances add across: both hold for the voxels exactly.

    Parameters
    ----------
    shape : (nx, ny, nz)
        Voxels.
    spacing : float or (dx, dy, dz)
        Voxel edge lengths [m].
    thicknesses : sequence of int
        Voxels of each layer; its phase is "layer 0", "layer 1", ....
    conductivities : sequence of float
        Conductivity of each layer [S/m]; 0 is allowed.
    axis : int
        Normal of the layers.

    Raises
    ------
    InputError
        If the lists differ in length, are empty, or hold impossible values.

    Examples
    --------
    >>> p = layers((4, 2, 2), 1e-6, thicknesses=(1, 1), conductivities=(1.0, 3.0))
    >>> p.exact["effective_conductivity(axis=0) [S/m]"]
    1.5
    >>> p.exact["effective_conductivity(axis=1) [S/m]"]
    2.0
    """
    shape = _check_shape(shape)
    _check_axis(axis)
    if not 1 <= len(thicknesses) == len(conductivities) <= 16:  # a segmented image has 16 phases
        raise InputError(
            f"{len(thicknesses)} thicknesses and {len(conductivities)} conductivities were given; "
            "expected as many of each, 1 to 16."
        )
    if min(thicknesses) < 1 or not all(math.isfinite(s) and s >= 0 for s in conductivities):
        raise InputError(
            f"Thicknesses {tuple(thicknesses)} voxels and conductivities {tuple(conductivities)} "
            "S/m can't be used; expected at least 1 and at least 0."
        )
    pattern = np.repeat(np.arange(len(thicknesses), dtype=np.uint8), thicknesses)
    line = np.resize(pattern, shape[axis])
    labels = np.empty(shape, np.uint8)
    labels[...] = line.reshape([-1 if i == axis else 1 for i in range(3)])
    used = np.unique(line)
    share = np.bincount(line, minlength=len(thicknesses)) / line.size
    sigma = np.asarray(conductivities, float)
    exact = {f"volume_fraction(layer {i})": float(share[i]) for i in used}
    with np.errstate(divide="ignore"):
        series = float(1.0 / np.sum(share[used] / sigma[used]))
    parallel = float(np.sum(share * sigma))
    for i in range(3):
        value = series if i == axis else parallel
        exact[f"effective_conductivity(axis={i}) [S/m]"] = value
    names = {f"layer {i}": i for i in range(len(thicknesses))}
    return Phantom(Microstructure(labels, check_spacing(spacing), names), exact)


def channel(
    shape: Shape, spacing: Spacing, *, width: int, pitch: int | None = None, axis: int = 0
) -> Phantom:
    """Straight square pore channels through a solid.

    Parameters
    ----------
    shape : (nx, ny, nz)
        Voxels.
    spacing : float or (dx, dy, dz)
        Voxel edge lengths [m].
    width : int
        Voxels across a channel.
    pitch : int, optional
        Voxels from one channel to the next, in both directions across; both sizes across the box
        are multiples of it. Without it there is one channel in the middle of the box.
    axis : int
        Direction of the channels.

    Raises
    ------
    InputError
        If the channels touch each other, or the box holds no whole number of them.

    Examples
    --------
    >>> p = channel((8, 10, 10), 1e-6, width=2, pitch=5)
    >>> p.exact["m_factor(pore, axis=0)"], p.exact["geodesic_tortuosity(pore, axis=0)"]
    (0.16, 1.0)
    >>> p.exact["specific_surface_area(pore) [1/m]"]
    320000.0
    """
    shape = _check_shape(shape)
    _check_axis(axis)
    dx = check_spacing(spacing)
    across = [i for i in range(3) if i != axis]
    pitches = [shape[i] if pitch is None else pitch for i in across]
    if width < 1 or any(p <= width or shape[i] % p for i, p in zip(across, pitches, strict=True)):
        raise InputError(
            f"Channels {width} wide at a pitch of {pitch} don't fit {shape} across axis {axis}; "
            "expected width < pitch, and both sizes across to be multiples of the pitch."
        )
    inside = np.ones(shape, np.bool_)
    for i, p in zip(across, pitches, strict=True):
        place = np.arange(shape[i]) % p
        start = (p - width) // 2
        line = (place >= start) & (place < start + width)
        inside &= line.reshape([-1 if k == i else 1 for k in range(3)])
    labels = np.where(inside, np.uint8(0), np.uint8(1))
    (a, b), (p, q) = (dx[across[0]], dx[across[1]]), pitches
    fraction = width * width / (p * q)
    perimeter = 2 * width * (a + b)
    exact = {
        "volume_fraction(pore)": fraction,
        "volume_fraction(solid)": 1 - fraction,
        "specific_surface_area(pore) [1/m]": perimeter / (p * a * q * b),
        f"geodesic_tortuosity(pore, axis={axis})": 1.0,
        f"tortuosity_factor(pore, axis={axis})": 1.0,
        f"constrictivity(pore, axis={axis})": 1.0,
        f"m_factor(pore, axis={axis})": fraction,
    }
    exact |= {f"m_factor(pore, axis={i})": 0.0 for i in across}
    return Phantom(Microstructure(labels, dx, _PHASES), exact)


def sphere(
    shape: Shape,
    spacing: Spacing,
    *,
    radius: float,
    center: tuple[float, float, float] | None = None,
) -> Phantom:
    """One solid sphere; a voxel is solid if its center is inside.

    Parameters
    ----------
    shape : (nx, ny, nz)
        Voxels.
    spacing : float or (dx, dy, dz)
        Voxel edge lengths [m].
    radius : float
        Radius [m].
    center : (x, y, z), optional
        Center [m] from the corner of the box; the box's middle without it.

    Raises
    ------
    InputError
        If the sphere does not lie in the box.

    Examples
    --------
    >>> sphere((20, 20, 20), 1e-6, radius=8e-6).exact["volume_fraction(solid)"]
    0.268...
    """
    shape = _check_shape(shape)
    dx = check_spacing(spacing)
    size = tuple(n * d for n, d in zip(shape, dx, strict=True))
    middle = center if center is not None else (size[0] / 2, size[1] / 2, size[2] / 2)
    if not radius > 0 or any(
        c - radius < 0 or c + radius > n for c, n in zip(middle, size, strict=True)
    ):
        raise InputError(
            f"A sphere of radius {radius:.4g} m at {middle} m does not lie in the box of "
            f"{size} m; use a smaller one."
        )
    labels = voxelize_spheres(shape, dx, np.array([middle]), np.array([radius]), periodic=False)
    volume = math.prod(size)
    return Phantom(
        Microstructure(labels, dx, _PHASES),
        _sphere_answers(np.array([radius]), volume),
    )


def sphere_array(
    voxels: int,
    *,
    volume_fraction: float,
    edge: float,
    cells: tuple[int, int, int] = (1, 1, 1),
) -> Phantom:
    """Solid spheres that don't touch on a simple cubic lattice.

    The faces of the box are planes of symmetry, so that closed and periodic sides give the same
    conductivity, that of the infinite array.

    Parameters
    ----------
    voxels : int
        Voxels along the edge of a lattice cell.
    volume_fraction : float
        Of the spheres, below π/6 where they touch. At 0.1, 0.2, ..., 0.5 the effective
        conductivities are known.
    edge : float
        Edge length of a lattice cell [m].
    cells : (int, int, int)
        Lattice cells in the box.

    Raises
    ------
    InputError
        If the spheres would overlap.

    Examples
    --------
    >>> p = sphere_array(8, volume_fraction=0.3, edge=1e-6)
    >>> p.exact["m_factor(pore)"]
    0.60566
    """
    if not 0 < volume_fraction < math.pi / 6:
        raise InputError(
            f"Spheres of volume fraction {volume_fraction} overlap or are none; expected a "
            "value between 0 and π/6 = 0.5236."
        )
    if voxels < 2:
        raise InputError(f"A lattice cell of {voxels} voxels holds no sphere; expected 2 or more.")
    shape = _check_shape((voxels * cells[0], voxels * cells[1], voxels * cells[2]))
    dx = check_spacing(edge / voxels)
    radius = edge * (3 * volume_fraction / (4 * math.pi)) ** (1 / 3)
    cell = voxelize_spheres(
        (voxels, voxels, voxels),
        dx,
        np.full((1, 3), edge / 2),
        np.array([radius]),
        periodic=False,
    )
    exact = _sphere_answers(np.array([radius]), edge**3)
    known = next((v for f, v in SIMPLE_CUBIC.items() if math.isclose(f, volume_fraction)), None)
    if known is not None:
        exact["m_factor(pore)"] = known[0]
        exact["effective_conductivity(pore: 1 S/m, solid: infinite) [S/m]"] = known[1]
    labels = np.tile(cell, cells)
    assert labels.shape == shape
    return Phantom(Microstructure(labels, dx, _PHASES), exact)


def checkerboard(
    blocks: tuple[int, int],
    spacing: float,
    *,
    block: int,
    conductivities: tuple[float, float],
    length: int = 1,
    axis: int = 2,
) -> Phantom:
    """Square columns of two conductors in a checkerboard, with half columns at the faces.

    The faces are planes of symmetry of the infinite board, for which σ_eff = √(σ₁σ₂) across the
    columns (Keller 1964, J. Math. Phys. 5, 548; Dykhne 1971, Sov. Phys. JETP 32, 63).

    Parameters
    ----------
    blocks : (int, int)
        Block widths across the box in its two directions.
    spacing : float
        Voxel edge length [m].
    block : int
        Voxels across a column; even.
    conductivities : (float, float)
        Of the phases "even" and "odd" [S/m].
    length : int
        Voxels along the columns.
    axis : int
        Direction of the columns.

    Raises
    ------
    InputError
        If a block has no middle on a voxel face, or a conductivity isn't positive.

    Examples
    --------
    >>> p = checkerboard((2, 2), 1e-6, block=4, conductivities=(1.0, 4.0))
    >>> p.exact["effective_conductivity(axis=0) [S/m]"]
    2.0
    """
    _check_axis(axis)
    if block < 2 or block % 2 or min(blocks) < 1 or min(conductivities) <= 0:
        raise InputError(
            f"Blocks of {block} voxels, {blocks} of them, of {conductivities} S/m can't be used; "
            "expected an even number of voxels, at least one block, positive conductivities."
        )
    i, j = np.meshgrid(*(np.arange(n * block) for n in blocks), indexing="ij")
    plane = ((i + block // 2) // block + (j + block // 2) // block) % 2
    stack = np.repeat(plane.astype(np.uint8)[..., None], length, axis=2)
    labels = np.ascontiguousarray(np.moveaxis(stack, 2, axis))
    shape = _check_shape(labels.shape)
    first, second = (float(s) for s in conductivities)
    even = float(np.count_nonzero(plane == 0) / plane.size)
    exact = {"volume_fraction(even)": even, "volume_fraction(odd)": 1 - even}
    for i_axis in range(len(shape)):
        value = even * first + (1 - even) * second if i_axis == axis else math.sqrt(first * second)
        exact[f"effective_conductivity(axis={i_axis}) [S/m]"] = value
    return Phantom(Microstructure(labels, check_spacing(spacing), {"even": 0, "odd": 1}), exact)


def boolean_spheres(
    shape: Shape,
    spacing: Spacing,
    *,
    radius: float,
    volume_fraction: float,
    rng: np.random.Generator | int,
) -> Phantom:
    """Boolean model: solid spheres around the points of a Poisson process, free to overlap.

    The answers are expectations of the stationary model (Chiu, Stoyan, Kendall & Mecke 2013,
    Stochastic Geometry, section 3.1.4): p = 1 − exp(−γv), S = γ 4πr² (1 − p),
    C(h) = 2p − 1 + (1 − p)² exp(γ |B ∩ (B + h)|).

    Parameters
    ----------
    shape : (nx, ny, nz)
        Voxels.
    spacing : float or (dx, dy, dz)
        Voxel edge lengths [m].
    radius : float
        Radius of the spheres [m].
    volume_fraction : float
        Expected volume fraction p of the solid.
    rng : numpy.random.Generator or int
        Source of randomness, or a seed.

    Returns
    -------
    Phantom
        With the curve ``"two_point_coverage_probability(solid)"`` of lags [m].

    Raises
    ------
    InputError
        If the radius isn't positive or the volume fraction is not between 0 and 1.

    Examples
    --------
    >>> p = boolean_spheres((16, 16, 16), 1e-6, radius=3e-6, volume_fraction=0.4, rng=1)
    >>> p.curves["two_point_coverage_probability(solid)"]([0.0, 6e-6])
    array([0.4 , 0.16])
    """
    shape = _check_shape(shape)
    dx = check_spacing(spacing)
    if not (radius > 0 and 0 < volume_fraction < 1):
        raise InputError(
            f"Spheres of radius {radius} m at volume fraction {volume_fraction} can't be used; "
            "expected a positive radius in meters and a fraction between 0 and 1."
        )
    generator = np.random.default_rng(rng)
    volume = 4 / 3 * math.pi * radius**3
    intensity = -math.log1p(-volume_fraction) / volume
    size = np.multiply(shape, dx)
    outer = size + 2 * radius
    count = int(generator.poisson(intensity * float(np.prod(outer))))
    centers = generator.random((count, 3)) * outer - radius
    labels = voxelize_spheres(shape, dx, centers, np.full(count, radius), periodic=False)
    exact = {
        "volume_fraction(solid)": volume_fraction,
        "volume_fraction(pore)": 1 - volume_fraction,
        "specific_surface_area(solid) [1/m]": intensity
        * 4
        * math.pi
        * radius**2
        * (1 - volume_fraction),
        "intensity [1/m3]": intensity,
    }
    curve = partial(_boolean_coverage, fraction=volume_fraction, radius=radius)
    name = "two_point_coverage_probability(solid)"
    return Phantom(Microstructure(labels, dx, _PHASES), exact, {name: curve})


def _boolean_coverage(
    lags: npt.ArrayLike, *, fraction: float, radius: float
) -> npt.NDArray[np.float64]:
    """C(h) of the Boolean model of spheres: (n,) lags [m] to (n,) probabilities."""
    ratio = np.minimum(np.abs(np.asarray(lags, float)) / radius, 2.0)
    shared = 1 - 0.75 * ratio + ratio**3 / 16  # |B ∩ (B + h)| / |B|
    result = 2 * fraction - 1 + (1 - fraction) ** (2 - shared)
    return np.asarray(result, np.float64)


def random_spheres(
    shape: Shape,
    spacing: Spacing,
    *,
    radius: float,
    volume_fraction: float,
    radius_spread: float = 0.0,
    periodic: bool = True,
    rng: np.random.Generator | int,
    max_iterations: int = 20_000,
) -> Phantom:
    """Disordered packing of hard solid spheres: a phantom, not a model of an electrode.

    Spheres are placed one by one where there is room (random sequential adsorption); those that
    find none are put anywhere, and all are then pushed apart until none overlap. Reaches about
    0.60 in a periodic box; less between walls, which keep spheres from the faces.

    Parameters
    ----------
    shape : (nx, ny, nz)
        Voxels.
    spacing : float or (dx, dy, dz)
        Voxel edge lengths [m].
    radius : float
        Mean radius [m]; the radii are scaled slightly, so that a whole number of spheres makes
        the volume fraction exact.
    volume_fraction : float
        Of the spheres, in the whole box.
    radius_spread : float
        Standard deviation over mean of the (log-normal) radii.
    periodic : bool
        Whether spheres go on through opposite faces; otherwise all lie in the box.
    rng : numpy.random.Generator or int
        Source of randomness, or a seed: the same seed is the same packing.
    max_iterations : int
        Rounds of pushing.

    Raises
    ------
    InputError
        If the spheres don't fit the box or the numbers are impossible.
    ConvergenceError
        If overlaps remain after `max_iterations`.

    Examples
    --------
    >>> p = random_spheres((24, 24, 24), 1e-6, radius=4e-6, volume_fraction=0.5, rng=1)
    >>> round(p.exact["volume_fraction(solid)"], 12)
    0.5
    """
    shape = _check_shape(shape)
    dx = check_spacing(spacing)
    size = np.multiply(shape, dx)
    if not (radius > 0 and 0 < volume_fraction < 0.74 and 0 <= radius_spread <= 0.5):
        raise InputError(
            f"Spheres of radius {radius} m, spread {radius_spread}, at volume fraction "
            f"{volume_fraction} can't be packed; expected a positive radius in meters, a spread "
            "of at most 0.5, and a fraction below 0.74 (random packings end near 0.6)."
        )
    generator = np.random.default_rng(rng)
    volume = float(np.prod(size))
    variance = math.log1p(radius_spread**2)
    mean_volume = 4 / 3 * math.pi * radius**3 * math.exp(3 * variance)
    count = max(round(volume_fraction * volume / mean_volume), 1)
    radii = radius * np.exp(math.sqrt(variance) * generator.standard_normal(count) - variance / 2)
    radii *= (volume_fraction * volume / (4 / 3 * math.pi * np.sum(radii**3))) ** (1 / 3)
    radii = np.sort(radii)[::-1]  # large ones first: they need the most room
    if 2 * radii[0] > (size.min() / 2 if periodic else size.min()):
        raise InputError(
            f"Spheres of radius {radii[0]:.4g} m are too large for a box of {tuple(size)} m; use "
            "smaller ones or a larger box (twice the diameter if it is periodic)."
        )
    centers = place_spheres(radii, size, periodic, generator)
    centers = separate_spheres(centers, radii, size, periodic, max_iterations)
    labels = voxelize_spheres(shape, dx, centers, radii, periodic=periodic)
    exact = _sphere_answers(radii, volume)
    exact |= {"count": float(count), "radius(mean) [m]": float(radii.mean())}
    return Phantom(Microstructure(labels, dx, _PHASES), exact)


def _sphere_answers(radii: npt.NDArray[np.float64], volume: float) -> dict[str, float]:
    fraction = float(4 / 3 * math.pi * np.sum(radii**3) / volume)
    return {
        "volume_fraction(solid)": fraction,
        "volume_fraction(pore)": 1 - fraction,
        "specific_surface_area(solid) [1/m]": float(4 * math.pi * np.sum(radii**2) / volume),
    }


def _check_shape(shape: Sequence[int]) -> Shape:
    if len(shape) != 3 or any(int(n) != n or n < 1 for n in shape):
        raise InputError(f"shape {shape!r} can't be used; expected (nx, ny, nz) of at least 1.")
    return (int(shape[0]), int(shape[1]), int(shape[2]))


def _check_axis(axis: int) -> None:
    if axis not in (0, 1, 2):
        raise InputError(f"axis {axis!r} can't be used; expected 0, 1 or 2.")
