"""Virtual pycnometer, mercury porosimeter and gas surface of a structure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt._progress import steps
from vmt.descriptors._porosimetry_arithmetic import Mercury, positive
from vmt.descriptors._porosimetry_curves import IntrusionCurve
from vmt.descriptors._support import FACES, number, numbers, parse_faces, read_only
from vmt.descriptors._surface import specific_surface_area
from vmt.errors import InputError
from vmt.kernels import intrusion, openings
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "ALL_BUT_BOTTOM",
    "MercuryPorosimetry",
    "Pycnometry",
    "bulk_density",
    "gas_surface",
    "mercury_porosimetry",
    "pycnometry",
]

Floats = npt.NDArray[np.float64]

#: every face but the current collector's
ALL_BUT_BOTTOM = ("x-", "y-", "y+", "z-", "z+")
_MOST_STEPS = 2000
_HELIUM = 0.13e-9  # half the kinetic diameter [m]


def bulk_density(
    m: Microstructure, densities: float | Mapping[str, float], *, pore: str | int = "pore"
) -> float:
    """Mass per volume of the window [kg/m³] from the densities of its phases.

    Parameters
    ----------
    m : Microstructure
        The structure.
    densities : float or mapping of str to float
        Density of every phase but the pores [kg/m³], or one for all. A carbon-binder domain whose
        pores are not resolved has its envelope's density.
    pore : str or int
        The phase without mass.

    Raises
    ------
    InputError
        If a phase has no density, or a name is no phase.

    Examples
    --------
    >>> labels = np.zeros((4, 1, 1), np.uint8)
    >>> labels[1:] = 1
    >>> bulk_density(Microstructure(labels, 1e-6), 4000.0)
    3000.0
    """
    empty = m.name_of(pore)
    names = [name for name in m.phases if name != empty]
    if isinstance(densities, Mapping):
        if set(densities) != set(names):
            raise InputError(
                f"Densities are given for {', '.join(map(repr, densities)) or 'no phase'}; "
                f"expected one for each of {', '.join(map(repr, names))}, in kg/m³."
            )
        given = {name: densities[name] for name in names}
    else:
        given = dict.fromkeys(names, densities)
    return math.fsum(
        m.volume_fraction(name) * positive(rho, f"density of {name}", "kg/m³")
        for name, rho in given.items()
    )


@dataclass(frozen=True, eq=False)
class Pycnometry:
    """Pores that a gas reaches, and those that it does not.

    Parameters
    ----------
    porosity : float
        Share of all pores in the window.
    accessible : float
        Share of the pores that the gas reaches.
    probe_radius : float
        Radius of the gas's molecule [m].
    bulk_density : float
        Of the window [kg/m³]; nan without densities.
    closed_pores : (nx, ny, nz) array of bool
        Where the pores are that it does not reach.
    """

    porosity: float
    accessible: float
    probe_radius: float
    bulk_density: float
    closed_pores: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        read_only(self, "closed_pores")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    @property
    def closed(self) -> float:
        """Share of closed pores in the window, ε_inacc."""
        return self.porosity - self.accessible

    @property
    def closed_share_of_solid(self) -> float:
        """Share of closed pores in the volume that the gas does not enter."""
        return self.closed / (1 - self.accessible) if self.accessible < 1 else math.nan

    @property
    def skeletal_density(self) -> float:
        """Mass over the volume that the gas does not enter, ρ_skel [kg/m³]."""
        return self.bulk_density / (1 - self.accessible) if self.accessible < 1 else math.nan

    @property
    def crystal_density(self) -> float:
        """Mass over the volume of the solid, ρ_xtal [kg/m³]."""
        return self.bulk_density / (1 - self.porosity) if self.porosity < 1 else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Fields with their units; the map is left out."""
        return {
            "porosity": number(self.porosity),
            "accessible_porosity": number(self.accessible),
            "closed_porosity": number(self.closed),
            "closed_share_of_solid": number(self.closed_share_of_solid),
            "probe_radius [m]": number(self.probe_radius),
            "bulk_density [kg/m^3]": number(self.bulk_density),
            "skeletal_density [kg/m^3]": number(self.skeletal_density),
            "crystal_density [kg/m^3]": number(self.crystal_density),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the share of closed pores in each plane along axis 0, the first one on top."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        closed = self.closed_pores.mean(axis=(1, 2))
        ax.plot(100 * closed, np.arange(closed.size), color=COLORS["model"])
        ax.invert_yaxis()
        title = f"closed {100 * self.closed:.2f} %, open {100 * self.accessible:.2f} %"
        return finish(ax, xlabel="closed pores [%]", ylabel="plane", title=title)


def pycnometry(
    m: Microstructure,
    *,
    pore: str | int = "pore",
    probe_radius: float = _HELIUM,
    faces: str | Sequence[str] = "all",
    densities: float | Mapping[str, float] | None = None,
) -> Pycnometry:
    """Find the pores that a gas reaches from the faces, as in a helium pycnometer.

    A probe smaller than half a voxel goes where pore voxels share a face. A larger one goes where
    its center keeps more than its radius from the solid (between centers of voxels, 26 neighbors),
    and fills what it covers.

    Parameters
    ----------
    m : Microstructure
        The structure.
    pore : str or int
        The phase that the gas enters.
    probe_radius : float
        Radius of the molecule [m]; default: helium, 0.13 nm.
    faces : str or sequence of str
        Where it enters: "all" (default: pores that are cut by the window count as open), or as in
        `intrusion_size_distribution`.
    densities : float or mapping of str to float, optional
        Of the phases [kg/m³], for the skeletal density.

    Raises
    ------
    InputError
        If there is no such phase or face, or the radius is negative.

    Examples
    --------
    >>> labels = np.ones((5, 5, 5), np.uint8)
    >>> labels[2, 2, 2] = 0  # a cavity
    >>> labels[0, 0, 0] = 0  # open at the faces
    >>> found = pycnometry(Microstructure(labels, 1e-8))
    >>> found.porosity, found.accessible, found.closed
    (0.016, 0.008, 0.008)
    """
    entry = parse_faces(faces)
    if not (math.isfinite(probe_radius) and probe_radius >= 0):
        raise InputError(f"probe_radius={probe_radius!r} can't be used; expected meters from 0.")
    mask = m.mask(pore)
    reached = _reached(m, mask, entry, probe_radius)
    density = math.nan if densities is None else bulk_density(m, densities, pore=pore)
    closed = mask & ~reached
    share = float(np.count_nonzero(reached)) / mask.size
    return Pycnometry(m.volume_fraction(pore), share, float(probe_radius), density, closed)


def _reached(
    m: Microstructure, mask: npt.NDArray[np.bool_], entry: list[tuple[int, int]], radius: float
) -> npt.NDArray[np.bool_]:
    if mask.all() or not mask.any():
        return mask.copy()
    require_memory(18 * mask.size, f"the accessible pores of {m.shape} voxels")
    unit = min(m.spacing)
    if radius < unit / 2:
        import cc3d

        labels = cc3d.connected_components(mask, connectivity=6)
        open_to = [np.unique(np.take(labels, -1 if side else 0, axis=a)) for a, side in entry]
        wanted = np.zeros(int(labels.max()) + 1, bool)
        wanted[np.concatenate(open_to)] = True
        wanted[0] = False
        return np.asarray(wanted[labels])
    limit = (radius / unit) ** 2 * (1 + openings.MARGIN)
    centers = intrusion.widest_paths(openings.squared_distances(mask, m.spacing), entry) > limit
    if not centers.any():
        return centers
    return np.asarray((openings.squared_distances(~centers, m.spacing) <= limit) & mask)


@dataclass(frozen=True, eq=False)
class MercuryPorosimetry:
    """A virtual intrusion with a pressure axis, and the true sizes of the same pores.

    Parameters
    ----------
    phase : str
        The phase that is entered.
    faces : tuple of str
        Where it is entered.
    mercury : Mercury
        Turns diameters into pressures.
    pressure : (n,) array
        Rising pressures [Pa].
    diameter : (n,) array
        Diameters that are entered at these [m], falling.
    intruded : (n,) array
        Share of the window that mercury fills.
    opened : (n,) array
        Share of the window that lies in accessible pores of at least this diameter, from wherever:
        granulometry, without the way in.
    porosity : float
        Share of the phase in the window.
    """

    phase: str
    faces: tuple[str, ...]
    mercury: Mercury
    pressure: Floats
    diameter: Floats
    intruded: Floats
    opened: Floats
    porosity: float

    def __post_init__(self) -> None:
        read_only(self, "pressure", "diameter", "intruded", "opened")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    @property
    def accessible(self) -> float:
        """Share of the window that is filled at the highest pressure."""
        return float(self.intruded[-1])

    @property
    def shielded(self) -> Floats:
        """Share of the window in pores that are wide enough, but behind narrower throats (n,)."""
        return np.asarray(np.maximum(self.opened - self.intruded, 0.0))

    @property
    def shielding_factor(self) -> float:
        """Mean ratio of a place's own diameter to that at which mercury comes (geometric mean).

        1 without shielding; nan if nothing is filled.
        """
        if not self.accessible > 0:
            return math.nan
        steps_of_log = -np.diff(np.log(self.diameter))
        return float(math.exp(self.shielded[:-1] @ steps_of_log / self.accessible))

    @property
    def median_throat(self) -> float:
        """Diameter at which half of what is ever filled is filled [m]."""
        return _median(self.diameter, self.intruded)

    @property
    def median_body(self) -> float:
        """Diameter of the pores above which half of the accessible volume lies [m]."""
        return _median(self.diameter, self.opened)

    def curve(self, bulk_density: float, *, label: str = "simulated") -> IntrusionCurve:
        """Volume per mass over pressure, to lay beside a measured curve.

        Parameters
        ----------
        bulk_density : float
            Mass per volume of the window [kg/m³], as by `bulk_density`.
        label : str
            Name in plots.

        Raises
        ------
        InputError
            If nothing is filled or the density is not positive.
        """
        density = positive(bulk_density, "bulk_density", "kg/m³")
        return IntrusionCurve(self.pressure, self.intruded / density, self.mercury, label)

    def granulometry(self, bulk_density: float, *, label: str = "granulometry") -> IntrusionCurve:
        """Return the true sizes as if each pore were open to the outside."""
        density = positive(bulk_density, "bulk_density", "kg/m³")
        return IntrusionCurve(self.pressure, self.opened / density, self.mercury, label)

    def to_dict(self) -> dict[str, Any]:
        """Curves and key figures for JSON."""
        return {
            "phase": self.phase,
            "faces": list(self.faces),
            **self.mercury.to_dict(),
            "pressure [Pa]": numbers(self.pressure),
            "diameter [m]": numbers(self.diameter),
            "intruded": numbers(self.intruded),
            "opened": numbers(self.opened),
            "porosity": number(self.porosity),
            "accessible_porosity": number(self.accessible),
            "median_throat [m]": number(self.median_throat),
            "median_body [m]": number(self.median_body),
            "shielding_factor": number(self.shielding_factor),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw intrusion and true sizes over the diameter, and what is shielded between them."""
        from vmt._plotting import COLORS, axes, finish, legend

        ax = axes(ax)
        x = self.diameter * 1e6
        ax.fill_between(
            x,
            100 * self.intruded,
            100 * np.maximum(self.opened, self.intruded),
            color=COLORS["accent"],
            alpha=0.35,
            lw=0,
            label="shielded",
        )
        ax.plot(x, 100 * self.opened, "--", color=COLORS["image"], lw=1.3, label="true size")
        ax.plot(x, 100 * self.intruded, color=COLORS["model"], lw=1.4, label="mercury")
        ax.axhline(100 * self.porosity, color=COLORS["muted"], lw=0.8, label="all pores")
        ax.set_xscale("log")
        legend(ax)
        return finish(ax, xlabel="pore diameter [µm]", ylabel="share of the electrode [%]")


def _median(diameter: Floats, filled: Floats) -> float:
    if not filled[-1] > 0:
        return math.nan
    half = filled[-1] / 2
    i = int(np.searchsorted(filled, half))
    if i == 0:
        return float(diameter[0])
    part = (half - filled[i - 1]) / (filled[i] - filled[i - 1])
    return float(diameter[i - 1] + part * (diameter[i] - diameter[i - 1]))


def mercury_porosimetry(
    m: Microstructure,
    *,
    pore: str | int = "pore",
    faces: str | Sequence[str] = "x-",
    mercury: Mercury | None = None,
    pressures: tuple[float, float] = (0.01e6, 400e6),
    step: float | None = None,
) -> MercuryPorosimetry:
    """Press mercury into a structure, step by step, and compare with the true sizes of its pores.

    At each diameter D mercury fills the balls of that diameter that can be pushed in from the
    faces (pore-morphology method, Hilpert & Miller 2001; the ball's center keeps more than D/2
    from the nearest solid voxel's center); its pressure is Washburn's. The volume never falls: a
    step whose balls happen to cover less than those before keeps theirs. Diameters go down in steps
    of the voxel; with the lattice's own, sizes have an uncertainty of up to two voxels. The true
    sizes are the openings of the same accessible pores with balls from anywhere, by the same steps.

    Parameters
    ----------
    m : Microstructure
        The structure.
    pore : str or int
        The phase that mercury enters.
    faces : str or sequence of str
        Where: "x-" (default, the separator's face, as in a wide electrode), `ALL_BUT_BOTTOM`, or as
        in `intrusion_size_distribution`.
    mercury : Mercury, optional
        Surface tension and contact angle.
    pressures : (lowest, highest)
        Range of the porosimeter [Pa].
    step : float, optional
        Steps of the diameter [m]; default: the shortest edge of the voxels.

    Raises
    ------
    InputError
        If there is no such phase or face, the phase fills the window or is absent, or the range of
        pressures holds fewer than two steps.
    MemoryBudgetError
        If the maps don't fit.

    Examples
    --------
    A slit of four voxels behind one of two:

    >>> labels = np.ones((16, 12, 4), np.uint8)
    >>> labels[:8, 5:7], labels[8:15, 4:8] = 0, 0
    >>> found = mercury_porosimetry(Microstructure(labels, 1e-8))
    >>> found.shielding_factor > 1.2
    True
    """
    entry = parse_faces(faces)
    mercury = Mercury() if mercury is None else mercury
    name = m.name_of(pore)
    porosity = m.volume_fraction(pore)
    if porosity in (0.0, 1.0):
        raise InputError(
            f"Mercury can't be pressed into {m.shape} voxels of which {100 * porosity:g} % are "
            f"{name!r}; expected pores and solid."
        )
    unit = min(m.spacing)
    batch = unit if step is None else positive(step, "step", "m")
    mask = m.mask(pore)
    require_memory(18 * mask.size, f"the intrusion into {m.shape} voxels")
    d2 = openings.squared_distances(mask, m.spacing)
    wide = intrusion.widest_paths(d2, entry)
    np.copyto(d2, 0, where=wide == 0)
    largest = 2 * math.sqrt(float(d2.max())) * unit
    diameter = _diameters(mercury, pressures, batch, largest)
    intruded, opened = np.zeros(diameter.size), np.zeros(diameter.size)
    with steps("mercury intrusion", diameter.size) as step_done:
        for i, one in enumerate(diameter):
            limit = float(one / 2 / unit) ** 2
            intruded[i] = openings.dilated_volume(wide, limit, m.spacing)
            opened[i] = openings.dilated_volume(d2, limit, m.spacing)
            step_done()
    names = tuple(FACES[2 * axis + side] for axis, side in entry)
    return MercuryPorosimetry(
        name,
        names,
        mercury,
        mercury.pressure(diameter),
        diameter,
        np.maximum.accumulate(intruded) / mask.size,
        np.maximum.accumulate(opened) / mask.size,
        porosity,
    )


def _diameters(
    mercury: Mercury, pressures: tuple[float, float], batch: float, largest: float
) -> Floats:
    """Diameters from the first that finds no pore down by steps, within the range of pressures."""
    low, high = (positive(p, "pressures", "Pa") for p in pressures)
    if not low < high:
        raise InputError(f"pressures={pressures!r} can't be used; expected the lower one first.")
    widest, narrowest = (float(mercury.diameter(p)) for p in (low, high))
    count = math.floor(min(largest, widest) / batch) + 1
    if count > _MOST_STEPS:
        raise InputError(
            f"Steps of {batch:g} m up to {min(largest, widest):g} m are {count}; expected at most "
            f"{_MOST_STEPS}. Give a larger step."
        )
    made = batch * np.arange(count, 0, -1)
    made = made[(made >= narrowest) & (made <= widest * (1 + 1e-12))]
    if made.size < 2:
        raise InputError(
            f"Pressures from {low:g} to {high:g} Pa hold {made.size} steps of {batch:g} m for "
            f"pores up to {largest:g} m; expected two at least. Widen the range or give a smaller "
            "step."
        )
    return np.asarray(made)


def gas_surface(
    m: Microstructure,
    densities: float | Mapping[str, float],
    *,
    pore: str | int = "pore",
    faces: str | Sequence[str] = "all",
) -> float:
    """Surface per mass of the pores that a gas reaches [m²/kg], as by BET.

    The Crofton estimate of the accessible pores' surface over the mass: what is smoother than a
    voxel counts; roughness and micropores below it do not.

    Parameters
    ----------
    m : Microstructure
        The structure.
    densities : float or mapping of str to float
        Of every phase but the pores [kg/m³].
    pore, faces
        As in `pycnometry`.

    Raises
    ------
    InputError
        As `pycnometry` and `bulk_density`, or if there is no mass.

    Examples
    --------
    >>> labels = np.zeros((20, 20, 20), np.uint8)
    >>> labels[5:15, 5:15, 5:15] = 1
    >>> found = gas_surface(Microstructure(labels, 1e-8), 4000.0)
    >>> cube = 6 * (1e-7) ** 2 / (4000.0 * (1e-7) ** 3)
    >>> 0.7 < found / cube < 1.0  # Crofton's estimate rounds edges off
    True
    """
    entry = parse_faces(faces)
    density = bulk_density(m, densities, pore=pore)
    if not density > 0:
        raise InputError("The structure has no mass: every voxel is pore.")
    reached = _reached(m, m.mask(pore), entry, 0.0)
    if not reached.any():
        return 0.0
    found = Microstructure(reached.view(np.uint8), m.spacing, {"rest": 0, "open": 1})
    return specific_surface_area(found, "open") / density
