"""Intrusion curves, measured or simulated: sizes, surface, porosity, trapped mercury."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.descriptors._porosimetry_arithmetic import Mercury, PoreShape, porosity_from_intrusion
from vmt.descriptors._porosimetry_csv import (
    LENGTHS,
    PRESSURES,
    SPECIFIC_VOLUMES,
    Quantity,
    read_columns,
)
from vmt.descriptors._support import number, numbers, read_only
from vmt.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["IntrusionCurve", "overlay_intrusion", "read_intrusion_curve"]

Floats = npt.NDArray[np.float64]
_EMPTY = np.empty(0)


@dataclass(frozen=True, eq=False)
class IntrusionCurve:
    """Volume of mercury in a sample, per mass of it, over the pressure.

    Parameters
    ----------
    pressure : (n,) array
        Rising pressures of the intrusion [Pa].
    volume : (n,) array
        Intruded volume per mass at these [m³/kg]; measured values may waver.
    mercury : Mercury
        Turns pressures into diameters.
    label : str
        Name in plots.
    extrusion_pressure : (k,) array, optional
        Pressures on the way back [Pa].
    extrusion_volume : (k,) array, optional
        Volume that is still inside [m³/kg].

    Raises
    ------
    InputError
        If shapes differ, there are fewer than two points, pressures are not positive and rising, a
        value is not finite, or nothing was intruded.

    Examples
    --------
    >>> curve = IntrusionCurve(np.array([1e5, 1e6, 1e7]), np.array([0.0, 1e-4, 1.4e-4]))
    >>> curve.total_volume, round(curve.median_diameter * 1e6, 2)
    (0.00014, 2.93)
    """

    pressure: Floats
    volume: Floats
    mercury: Mercury = field(default_factory=Mercury)
    label: str = ""
    extrusion_pressure: Floats = field(default_factory=lambda: _EMPTY)
    extrusion_volume: Floats = field(default_factory=lambda: _EMPTY)

    def __post_init__(self) -> None:
        for name in ("pressure", "volume", "extrusion_pressure", "extrusion_volume"):
            values = np.array(getattr(self, name), float)
            if values.ndim != 1 or not np.all(np.isfinite(values)):
                raise InputError(f"{name} can't be used; expected a row of finite numbers.")
            object.__setattr__(self, name, values)
        read_only(self, "pressure", "volume", "extrusion_pressure", "extrusion_volume")
        if self.pressure.size < 2 or self.pressure.shape != self.volume.shape:
            raise InputError(
                f"An intrusion of {self.pressure.size} pressures and {self.volume.size} volumes "
                "can't be used; expected as many of each, two at least."
            )
        if not (self.pressure[0] > 0 and np.all(np.diff(self.pressure) > 0)):
            raise InputError("Pressures of an intrusion have to be positive and rising.")
        if self.extrusion_pressure.shape != self.extrusion_volume.shape:
            raise InputError("An extrusion needs as many pressures as volumes.")
        if not self._steps()[0].sum() > 0:
            raise InputError("The curve holds no intruded volume.")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    def _steps(self) -> tuple[Floats, Floats]:
        """Volumes entered by each point, and the pressures they belong to."""
        reached = np.maximum.accumulate(np.maximum(self.volume, 0.0))
        middle = np.sqrt(self.pressure[1:] * self.pressure[:-1])
        return np.diff(reached, prepend=0.0), np.append(self.pressure[0], middle)

    @property
    def diameter(self) -> Floats:
        """Diameters of cylinders that are entered at the pressures [m], falling."""
        return self.mercury.diameter(self.pressure)

    @property
    def total_volume(self) -> float:
        """Largest intruded volume per mass [m³/kg]."""
        return float(self.volume.max())

    @property
    def trapped_share(self) -> float:
        """Share of the intruded volume left inside at the end; nan without an extrusion."""
        if self.extrusion_volume.size == 0:
            return math.nan
        return float(self.extrusion_volume[-1]) / self.total_volume

    def porosity(self, density: float) -> float:
        """Porosity by eq. 3 of Beuse et al. 2021 with a density of the solid [kg/m³]."""
        return porosity_from_intrusion(self.total_volume, density)

    def increments(self) -> tuple[Floats, Floats]:
        """Volumes [m³/kg] of the pores of each step, and their diameters [m], both (n,).

        What is inside at the first pressure belongs to its diameter; a later step, to the geometric
        mean of its two. Where a measured volume falls, nothing enters until it is regained.
        """
        volumes, pressures = self._steps()
        return volumes, self.mercury.diameter(pressures)

    def size_distribution(self) -> tuple[Floats, Floats]:
        """Diameters [m] and dv/dlog₁₀D [m³/kg], both (n − 1,), as the curves in papers."""
        volumes, diameters = self.increments()
        return diameters[1:], volumes[1:] / np.diff(np.log10(self.pressure))

    def quantile(self, share: float) -> float:
        """Diameter [m] at which a share of the volume has entered, linear in log D.

        Raises
        ------
        InputError
            If the share is not between 0 and 1.
        """
        if not 0 < share <= 1:
            raise InputError(f"share={share!r} can't be used; expected above 0 and at most 1.")
        reached = np.cumsum(self._steps()[0])
        wanted = share * reached[-1]
        i = int(np.searchsorted(reached, wanted * (1 - 1e-12)))
        if i == 0:
            return float(self.diameter[0])
        part = (wanted - reached[i - 1]) / (reached[i] - reached[i - 1])
        low, high = np.log(self.diameter[i - 1 : i + 1])
        return float(math.exp(low + part * (high - low)))

    @property
    def median_diameter(self) -> float:
        """D50: diameter at which half of the volume has entered [m]."""
        return self.quantile(0.5)

    def surface(self, shape: PoreShape | None = None) -> float:
        """Pore surface per mass σ_pore [m²/kg], with the pores' shape (default: cylinders)."""
        shape = PoreShape.cylinder() if shape is None else shape
        volumes, pressures = self._steps()
        return shape.surface(volumes, shape.diameter(pressures, self.mercury))

    def between(self, lowest: float, highest: float) -> IntrusionCurve:
        """Part of the curve between two pressures [Pa]; volume counts from the first.

        As large voids between samples are cut off. The extrusion is left out.

        Raises
        ------
        InputError
            If fewer than two points are left.
        """
        inside = (self.pressure >= lowest) & (self.pressure <= highest)
        if np.count_nonzero(inside) < 2:
            raise InputError(
                f"Between {lowest:g} and {highest:g} Pa the curve has {np.count_nonzero(inside)} "
                f"points; it goes from {self.pressure[0]:g} to {self.pressure[-1]:g} Pa."
            )
        volume = self.volume[inside]
        return IntrusionCurve(self.pressure[inside], volume - volume[0], self.mercury, self.label)

    def to_dict(self) -> dict[str, Any]:
        """Curves and key figures for JSON."""
        return {
            "label": self.label,
            **self.mercury.to_dict(),
            "pressure [Pa]": numbers(self.pressure),
            "diameter [m]": numbers(self.diameter),
            "volume [m^3/kg]": numbers(self.volume),
            "extrusion_pressure [Pa]": numbers(self.extrusion_pressure),
            "extrusion_volume [m^3/kg]": numbers(self.extrusion_volume),
            "total_volume [m^3/kg]": number(self.total_volume),
            "median_diameter [m]": number(self.median_diameter),
            "trapped_share": number(self.trapped_share),
        }

    def plot(self, ax: Axes | None = None, *, label: str = "", color: str | None = None) -> Axes:
        """Draw volume over diameter, the extrusion dashed; on given axes it is an overlay."""
        from vmt._plotting import axes, finish, legend

        ax = axes(ax)
        name = label or self.label
        (line,) = ax.plot(
            self.diameter * 1e6, self.volume * 1e3, color=color, lw=1.4, label=name or None
        )
        if self.extrusion_pressure.size:
            diameters = self.mercury.diameter(self.extrusion_pressure)
            ax.plot(
                diameters * 1e6, self.extrusion_volume * 1e3, "--", color=line.get_color(), lw=1
            )
        ax.set_xscale("log")
        legend(ax)
        return finish(ax, xlabel="pore diameter [µm]", ylabel="intruded volume [cm³/g]")

    def plot_sizes(
        self, ax: Axes | None = None, *, label: str = "", color: str | None = None
    ) -> Axes:
        """Draw dv/dlog₁₀D over the diameter; on given axes it is an overlay."""
        from vmt._plotting import axes, finish, legend

        ax = axes(ax)
        diameters, density = self.size_distribution()
        name = label or self.label
        ax.plot(diameters * 1e6, density * 1e3, color=color, lw=1.4, label=name or None)
        ax.set_xscale("log")
        legend(ax)
        return finish(ax, xlabel="pore diameter [µm]", ylabel="dv/dlog D [cm³/g]")


def overlay_intrusion(curves: Sequence[IntrusionCurve], ax: Axes | None = None) -> Axes:
    """Draw curves on the same axes, as a measured one and that of its structure.

    Raises
    ------
    InputError
        If there is no curve.
    """
    from vmt._plotting import COLORS, axes

    if not curves:
        raise InputError("There is no curve to draw; give at least one.")
    ax = axes(ax)
    colors = [COLORS[name] for name in ("truth", "model", "image", "accent", "good", "muted")]
    for place, curve in enumerate(curves):
        name = curve.label or f"curve {place + 1}"
        curve.plot(ax, label=name, color=colors[place % len(colors)])
    return ax


_QUANTITIES = (
    Quantity("pressure", ("pressure", "druck"), PRESSURES),
    Quantity("diameter", ("diameter", "durchmesser"), LENGTHS),
    Quantity("radius", ("radius",), LENGTHS),
    Quantity("volume", ("volume", "volumen"), SPECIFIC_VOLUMES),
)


def read_intrusion_curve(
    path: str | os.PathLike[str], *, mercury: Mercury | None = None, label: str | None = None
) -> IntrusionCurve:
    r"""Read a measured curve from a text table (CSV) with units in its header.

    Columns are the pressure or the diameter or radius of pores, and the cumulative volume per
    mass: ``pressure [MPa],volume [mm3/g]``. Rows after the highest pressure are the extrusion; a
    table in falling order throughout is an intrusion written backward.

    Parameters
    ----------
    path : path
        The file; commas, semicolons or tabs, # before remarks.
    mercury : Mercury, optional
        Turns diameters into pressures and back.
    label : str, optional
        Name in plots; default: the file's.

    Raises
    ------
    InputError
        If the file can't be read, a column or unit is missing, or the values are no curve.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "measured.csv"
    ...     _ = path.write_text("pressure [MPa],volume [mm3/g]\n0.1,0\n1,100\n10,140\n")
    ...     curve = read_intrusion_curve(path)
    >>> curve.total_volume, curve.label
    (0.00014, 'measured')
    """
    mercury = Mercury() if mercury is None else mercury
    shown = os.fspath(path)
    columns = read_columns(path, _QUANTITIES)
    if "volume" not in columns:
        raise InputError(f"{shown!r} has no column of volume per mass, as 'volume [mm3/g]'.")
    sizes = [key for key in ("pressure", "diameter", "radius") if key in columns]
    if not sizes:
        raise InputError(
            f"{shown!r} has no column of pressure, diameter or radius, as 'pressure [MPa]'."
        )
    values = columns[sizes[0]]
    if np.any(values <= 0):
        raise InputError(f"{shown!r}: every {sizes[0]} has to be above 0; {values.min():g} is not.")
    if sizes[0] == "diameter":
        values = mercury.pressure(values)
    elif sizes[0] == "radius":
        values = mercury.pressure(2 * values)
    volumes = columns["volume"]
    if values.size > 1 and np.all(np.diff(values) <= 0):
        values, volumes = values[::-1], volumes[::-1]
    top = int(np.argmax(values))
    rising, inside = _unique(values[: top + 1], volumes[: top + 1], shown)
    name = Path(path).stem if label is None else label
    return IntrusionCurve(rising, inside, mercury, name, values[top + 1 :], volumes[top + 1 :])


def _unique(pressures: Floats, volumes: Floats, shown: str) -> tuple[Floats, Floats]:
    """Of rows at the same pressure keep the last, as equilibrium is reached then."""
    if np.any(np.diff(pressures) < 0):
        at = int(np.flatnonzero(np.diff(pressures) < 0)[0]) + 2
        raise InputError(
            f"{shown!r}: the pressure falls at row {at} and rises again later; expected one "
            "intrusion and at most one extrusion."
        )
    last = np.append(np.diff(pressures) > 0, True)
    return pressures[last], volumes[last]
