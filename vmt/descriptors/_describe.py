"""All descriptors of a structure in one call, sharing what they have in common."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from vmt._progress import steps
from vmt.descriptors._anisotropy import anisotropy
from vmt.descriptors._connectivity import chord_lengths, connectivity
from vmt.descriptors._contact import (
    _contact_distribution,
    lineal_path,
    spherical_contact_distribution,
)
from vmt.descriptors._curvature import mean_curvature_density, triple_phase_boundary_density
from vmt.descriptors._network import region_network
from vmt.descriptors._paths import geodesic_tortuosity_distribution
from vmt.descriptors._profiles import closed_pores, volume_fraction_profile
from vmt.descriptors._representativity import _representativity
from vmt.descriptors._sizes import _distances, _flat, _ratio, _sizes, _trivial
from vmt.descriptors._support import FACES, check_axis, extended_axes, number
from vmt.descriptors._surface import euler_number_density, interface_area, specific_surface_area
from vmt.descriptors._thickness import Granulometry, intrusion_extrusion
from vmt.descriptors._two_point import TwoPointCoverage, _all_pairs
from vmt.errors import InputError
from vmt.kernels import intrusion
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DEFAULT_DESCRIPTORS", "DESCRIPTORS", "Description", "describe"]

#: what `describe` computes unless told otherwise
DEFAULT_DESCRIPTORS = frozenset(
    {
        "volume_fraction",
        "specific_surface_area",
        "interface_area",
        "euler_number_density",
        "two_point_coverage_probability",
        "geodesic_tortuosity",
        "continuous_phase_size_distribution",
        "intrusion_size_distribution",
        "constrictivity",
        "connectivity",
        "chord_lengths",
        "volume_fraction_profile",
        "mean_curvature_density",
        "triple_phase_boundary_density",
        "closed_pores",
        "lineal_path",
        "spherical_contact_distribution",
        "granulometry",
        "representativity",
    }
)
#: what `describe` can be asked for
DESCRIPTORS = DEFAULT_DESCRIPTORS | {
    "geodesic_tortuosity_fast_marching",
    "anisotropy",
    "intrusion_extrusion",
    "region_network",
}
_UNITS = {
    "specific_surface_area": "1/m",
    "interface_area": "1/m",
    "median_phase_size": "m",
    "median_intrusion_size": "m",
    "mean_chord_length": "m",
    "mean_curvature_density": "1/m²",
    "triple_phase_boundary_density": "1/m²",
    "mean_opening_size": "m",
}
_SIZES = frozenset(
    {
        "continuous_phase_size_distribution",
        "intrusion_size_distribution",
        "constrictivity",
        "granulometry",
    }
)
_ANY_AXIS = frozenset(
    {
        "volume_fraction",
        "specific_surface_area",
        "interface_area",
        "euler_number_density",
        "mean_curvature_density",
        "triple_phase_boundary_density",
        "volume_fraction_profile",
        "closed_pores",
    }
)


class Curve(Protocol):
    """A descriptor with more than one number."""

    def to_dict(self) -> dict[str, Any]:
        """Content for JSON."""

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw it."""


@dataclass(frozen=True, eq=False)
class Description:
    """Descriptors of one structure.

    Parameters
    ----------
    values : mapping of str to float
        Numbers by descriptor and phase, as "volume_fraction(solid)", "interface_area(pore,
        solid)"; SI units. nan where a descriptor is not defined.
    curves : mapping of str to result
        Distributions and functions by the same kind of key.
    axis : int
        Axis of the directional descriptors.
    shape, spacing : three numbers each
        The window [voxels] and its voxels [m].
    """

    values: Mapping[str, float]
    curves: Mapping[str, Curve]
    axis: int
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]

    def __post_init__(self) -> None:
        object.__setattr__(self, "values", MappingProxyType(dict(self.values)))
        object.__setattr__(self, "curves", MappingProxyType(dict(self.curves)))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (
            dict(self.values), dict(self.curves), self.axis, self.shape, self.spacing,
        )  # fmt: skip

    def unit(self, key: str) -> str:
        """Unit of a value, "" for a pure number."""
        name = key.split("(", maxsplit=1)[0]
        if name == "euler_number_density":
            dimensions = sum(n > 1 for n in self.shape)
            return {3: "1/m³", 2: "1/m²"}.get(dimensions, "1/m")
        return _UNITS.get(name, "")

    def to_table(self) -> list[dict[str, Any]]:
        """One row a value: descriptor, phase (or phases), value, unit.

        The rows make a data frame as they are: ``pandas.DataFrame(description.to_table())``.
        """
        rows = []
        for key, value in self.values.items():
            name, _, phase = key.partition("(")
            rows.append(
                {"descriptor": name, "phase": phase[:-1], "value": value, "unit": self.unit(key)}
            )
        return rows

    def to_dict(self) -> dict[str, Any]:
        """All values, units in the keys, and all curves, for JSON."""
        values = {}
        for key, value in self.values.items():
            unit = self.unit(key)
            values[f"{key} [{unit}]" if unit else key] = number(value)
        return {
            "shape": list(self.shape),
            "spacing [m]": list(self.spacing),
            "axis": self.axis,
            "values": values,
            "curves": {key: curve.to_dict() for key, curve in self.curves.items()},
        }

    def plot(self) -> Figure:
        """Draw one sheet with all curves."""
        from vmt._plotting import figure

        columns = min(3, max(len(self.curves), 1))
        sheet = figure(max(math.ceil(len(self.curves) / columns), 1), columns)
        for ax, (key, curve) in zip(sheet.axes, self.curves.items(), strict=False):
            curve.plot(ax)
            ax.set_title(key, fontsize=7)
        for ax in sheet.axes[len(self.curves) :]:
            ax.set_axis_off()
        return sheet


def describe(
    m: Microstructure,
    *,
    descriptors: Collection[str] = DEFAULT_DESCRIPTORS,
    phases: Sequence[str | int] | None = None,
    axis: int = 0,
    max_lag: float | None = None,
) -> Description:
    """Compute the descriptors of a structure in one call.

    The distance transform of a phase serves its size distribution, intrusion and constrictivity,
    in a structure of two phases the other's contact distribution, too, and one Fourier transform
    all two-point functions and the representativity.

    Parameters
    ----------
    m : Microstructure
        The structure.
    descriptors : collection of str
        Which; names of `DESCRIPTORS`. Default `DEFAULT_DESCRIPTORS`, those that cost little more
        than the structure's distance transforms.
    phases : sequence of str or int, optional
        Which phases; default all named ones.
    axis : int
        Direction of paths, intrusion, percolation, chords, segments and profiles.
    max_lag : float, optional
        Largest distance of the two-point functions [m]; default a quarter of the shortest edge.

    Raises
    ------
    InputError
        If a descriptor or phase does not exist, or the axis has a single voxel.

    Examples
    --------
    >>> import numpy as np
    >>> labels = np.zeros((4, 4, 4), np.uint8)
    >>> labels[:, 2:] = 1
    >>> made = describe(Microstructure(labels, 1e-8), descriptors={"geodesic_tortuosity"})
    >>> {key: round(value, 6) for key, value in made.values.items()}
    {'geodesic_tortuosity(pore)': 1.0, 'geodesic_tortuosity(solid)': 1.0}
    """
    wanted = _check_descriptors(descriptors)
    if wanted - _ANY_AXIS:
        check_axis(m, axis, "description")
    names = [m.name_of(p) for p in (m.phases if phases is None else phases)]
    values: dict[str, float] = {}
    curves: dict[str, Curve] = {}
    with steps("describing", 4 * len(names) + 1) as step:
        for name in names:
            _counted(m, name, axis, wanted, values, curves)
            step(f"{name}: paths")
            _directional(m, name, axis, wanted, values, curves)
            step(f"{name}: sizes")
            _sized(m, name, names, axis, wanted, values, curves)
            step(f"{name}: done", advance=2)
        _joint(m, names, max_lag, wanted, values, curves)
        step("done")
    return Description(values, curves, axis, m.shape, m.spacing)


def _joint(
    m: Microstructure,
    names: list[str],
    max_lag: float | None,
    wanted: frozenset[str],
    values: dict[str, float],
    curves: dict[str, Curve],
) -> None:
    """Measure what two or three phases have in common."""
    if "interface_area" in wanted:
        for one, two in itertools.combinations(names, 2):
            values[f"interface_area({one}, {two})"] = interface_area(m, one, two)
    if "triple_phase_boundary_density" in wanted and sum(extended_axes(m)) > 1:
        for three in itertools.combinations(names, 3):
            key = f"triple_phase_boundary_density({', '.join(three)})"
            values[key] = triple_phase_boundary_density(m, *three)
    pairs = "two_point_coverage_probability" in wanted
    if (pairs or "representativity" in wanted) and any(extended_axes(m)):
        made: dict[tuple[str, str], TwoPointCoverage] = _all_pairs(m, names, max_lag)
        for (one, two), curve in made.items():
            if pairs:
                curves[f"two_point_coverage_probability({one}, {two})"] = curve
            if one == two and "representativity" in wanted:
                share = _representativity(m, curve, None)
                values[f"volume_fraction_std({one})"] = share.std
                curves[f"representativity({one})"] = share


def _check_descriptors(descriptors: Collection[str]) -> frozenset[str]:
    given: Iterable[str] = [descriptors] if isinstance(descriptors, str) else descriptors
    wanted = frozenset(given)
    if not wanted <= DESCRIPTORS:
        unknown = ", ".join(sorted(wanted - DESCRIPTORS))
        known = ", ".join(sorted(DESCRIPTORS))
        raise InputError(f"There is no descriptor {unknown}; expected some of {known}.")
    return wanted


def _counted(
    m: Microstructure,
    name: str,
    axis: int,
    wanted: frozenset[str],
    values: dict[str, float],
    curves: dict[str, Curve],
) -> None:
    if "volume_fraction" in wanted:
        values[f"volume_fraction({name})"] = m.volume_fraction(name)
    if "specific_surface_area" in wanted:
        values[f"specific_surface_area({name})"] = specific_surface_area(m, name)
    if "euler_number_density" in wanted:
        values[f"euler_number_density({name})"] = euler_number_density(m, name)
    if "mean_curvature_density" in wanted and sum(extended_axes(m)) > 1:
        values[f"mean_curvature_density({name})"] = mean_curvature_density(m, name)
    if "volume_fraction_profile" in wanted:
        curves[f"volume_fraction_profile({name})"] = volume_fraction_profile(m, name, axis=axis)
    if "closed_pores" in wanted:
        values[f"closed_share({name})"] = closed_pores(m, name).share
    if "anisotropy" in wanted:
        compared = anisotropy(m, name)
        values[f"elongation({name})"] = compared.elongation
        curves[f"anisotropy({name})"] = compared
    if "region_network" in wanted:
        network = region_network(m, name)
        values[f"mean_coordination({name})"] = network.mean_coordination
        curves[f"region_network({name})"] = network


def _directional(
    m: Microstructure,
    name: str,
    axis: int,
    wanted: frozenset[str],
    values: dict[str, float],
    curves: dict[str, Curve],
) -> None:
    if "connectivity" in wanted:
        clusters = connectivity(m, name, axis=axis)
        values[f"percolating_share({name})"] = clusters.percolating_share
        values[f"largest_cluster_share({name})"] = clusters.largest_share
    if "chord_lengths" in wanted:
        chords = chord_lengths(m, name, axis=axis)
        values[f"mean_chord_length({name})"] = chords.mean
        curves[f"chord_lengths({name})"] = chords
    if "lineal_path" in wanted:
        curves[f"lineal_path({name})"] = lineal_path(m, name, axis=axis)
    if "geodesic_tortuosity" in wanted:
        paths = geodesic_tortuosity_distribution(m, name, axis=axis)
        values[f"geodesic_tortuosity({name})"] = paths.mean
        curves[f"geodesic_tortuosity({name})"] = paths
    if "geodesic_tortuosity_fast_marching" in wanted:
        exact = geodesic_tortuosity_distribution(m, name, axis=axis, method="fast_marching")
        values[f"geodesic_tortuosity_fast_marching({name})"] = exact.mean
        curves[f"geodesic_tortuosity_fast_marching({name})"] = exact
    if "intrusion_extrusion" in wanted:
        cycle = intrusion_extrusion(m, name, faces=FACES[2 * axis])
        values[f"trapped_share({name})"] = cycle.trapped_share
        curves[f"intrusion_extrusion({name})"] = cycle


def _sized(
    m: Microstructure,
    name: str,
    names: list[str],
    axis: int,
    wanted: frozenset[str],
    values: dict[str, float],
    curves: dict[str, Curve],
) -> None:
    both = "constrictivity" in wanted
    grains = "granulometry" in wanted
    sizes = both or grains or "continuous_phase_size_distribution" in wanted
    entered = both or "intrusion_size_distribution" in wanted
    contact = "spherical_contact_distribution" in wanted
    # of two phases, the distances within the one are those to the other
    others = [n for n in m.phases if n != name and m.volume_fraction(n) > 0]
    partner = others[0] if len(others) == 1 and others[0] in names and wanted & _SIZES else None
    largest = smallest = math.nan
    trivial = _trivial(m, name)
    if contact and (trivial is not None or partner is None):
        curves[f"spherical_contact_distribution({name})"] = spherical_contact_distribution(m, name)
    if not wanted & _SIZES:
        return
    if trivial is None:
        field, total = _distances(m, name)
        if contact and partner is not None:
            made_of_it = _contact_distribution(field, m, partner)
            curves[f"spherical_contact_distribution({partner})"] = made_of_it
    if sizes:
        made = _flat(m, name, trivial) if trivial is not None else _sizes(field, total, name, m)
        largest = values[f"median_phase_size({name})"] = made.median
        curves[f"continuous_phase_size_distribution({name})"] = made
        if grains:
            curves[f"granulometry({name})"] = opened = Granulometry(made)
            values[f"mean_opening_size({name})"] = opened.mean
    if entered:
        if trivial is None:
            field = intrusion.widest_paths(field, [(axis, 0)])
            made = _sizes(field, total, name, m)
        else:
            made = _flat(m, name, trivial)
        smallest = values[f"median_intrusion_size({name})"] = made.median
        curves[f"intrusion_size_distribution({name})"] = made
    if both:
        values[f"constrictivity({name})"] = _ratio(smallest, largest)
