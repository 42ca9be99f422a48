"""All descriptors of a structure in one call, sharing what they have in common."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from vmt._progress import steps
from vmt.descriptors._connectivity import chord_lengths, connectivity
from vmt.descriptors._paths import geodesic_tortuosity_distribution
from vmt.descriptors._sizes import _distances, _flat, _ratio, _sizes, _trivial
from vmt.descriptors._support import check_axis, extended_axes, number
from vmt.descriptors._surface import euler_number_density, interface_area, specific_surface_area
from vmt.descriptors._two_point import _all_pairs
from vmt.errors import InputError
from vmt.kernels import intrusion
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["DESCRIPTORS", "Description", "describe"]

#: what `describe` can be asked for
DESCRIPTORS = frozenset(
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
    }
)
_UNITS = {
    "specific_surface_area": "1/m",
    "interface_area": "1/m",
    "median_phase_size": "m",
    "median_intrusion_size": "m",
    "mean_chord_length": "m",
}
_SIZES = frozenset(
    {"continuous_phase_size_distribution", "intrusion_size_distribution", "constrictivity"}
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
    descriptors: Collection[str] = DESCRIPTORS,
    phases: Sequence[str | int] | None = None,
    axis: int = 0,
    max_lag: float | None = None,
) -> Description:
    """Compute the descriptors of a structure in one call.

    The distance transform of a phase serves its size distribution, intrusion and constrictivity,
    and in a structure of two phases one Fourier transform all two-point functions.

    Parameters
    ----------
    m : Microstructure
        The structure.
    descriptors : collection of str
        Which; names of `DESCRIPTORS`, default all of them.
    phases : sequence of str or int, optional
        Which phases; default all named ones.
    axis : int
        Direction of paths, intrusion, percolation and chords.
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
    if wanted - {"volume_fraction", "specific_surface_area", "interface_area"}:
        check_axis(m, axis, "description")
    names = [m.name_of(p) for p in (m.phases if phases is None else phases)]
    values: dict[str, float] = {}
    curves: dict[str, Curve] = {}
    with steps("describing", 4 * len(names) + 1) as step:
        for name in names:
            _counted(m, name, wanted, values)
            step(f"{name}: paths")
            _directional(m, name, axis, wanted, values, curves)
            step(f"{name}: sizes")
            if wanted & _SIZES:
                _sized(m, name, axis, wanted, values, curves)
            step(f"{name}: done", advance=2)
        if "interface_area" in wanted:
            for one, two in itertools.combinations(names, 2):
                values[f"interface_area({one}, {two})"] = interface_area(m, one, two)
        if "two_point_coverage_probability" in wanted and any(extended_axes(m)):
            for (one, two), curve in _all_pairs(m, names, max_lag).items():
                curves[f"two_point_coverage_probability({one}, {two})"] = curve
        step("done")
    return Description(values, curves, axis, m.shape, m.spacing)


def _check_descriptors(descriptors: Collection[str]) -> frozenset[str]:
    given: Iterable[str] = [descriptors] if isinstance(descriptors, str) else descriptors
    wanted = frozenset(given)
    if not wanted <= DESCRIPTORS:
        unknown = ", ".join(sorted(wanted - DESCRIPTORS))
        known = ", ".join(sorted(DESCRIPTORS))
        raise InputError(f"There is no descriptor {unknown}; expected some of {known}.")
    return wanted


def _counted(
    m: Microstructure, name: str, wanted: frozenset[str], values: dict[str, float]
) -> None:
    if "volume_fraction" in wanted:
        values[f"volume_fraction({name})"] = m.volume_fraction(name)
    if "specific_surface_area" in wanted:
        values[f"specific_surface_area({name})"] = specific_surface_area(m, name)
    if "euler_number_density" in wanted:
        values[f"euler_number_density({name})"] = euler_number_density(m, name)


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
    if "geodesic_tortuosity" in wanted:
        paths = geodesic_tortuosity_distribution(m, name, axis=axis)
        values[f"geodesic_tortuosity({name})"] = paths.mean
        curves[f"geodesic_tortuosity({name})"] = paths


def _sized(
    m: Microstructure,
    name: str,
    axis: int,
    wanted: frozenset[str],
    values: dict[str, float],
    curves: dict[str, Curve],
) -> None:
    both = "constrictivity" in wanted
    sizes = both or "continuous_phase_size_distribution" in wanted
    entered = both or "intrusion_size_distribution" in wanted
    largest = smallest = math.nan
    trivial = _trivial(m, name)
    if trivial is None:
        field, total = _distances(m, name)
    if sizes:
        made = _flat(m, name, trivial) if trivial is not None else _sizes(field, total, name, m)
        largest = values[f"median_phase_size({name})"] = made.median
        curves[f"continuous_phase_size_distribution({name})"] = made
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
