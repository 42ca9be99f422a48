"""A field on a slice of a cell, in the colors of the phases where it does not exist."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from vmt.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["PORE", "Placed", "draw_scale", "draw_section", "plane_of", "position_label"]

#: pore, active material, binder, separator, collector, inert
_COLORS = ("#f4f1ea", "#4a5468", "#d98324", "#d6e2ea", "#8d99ae", "#b9b2a6")
PORE = _COLORS[0]
_HIDDEN = 0.02  # share of a slice below which a phase gets no line in the legend


class Placed(Protocol):
    """What a layout says."""

    @property
    def phase(self) -> npt.NDArray[np.uint8]:
        """Phase of each voxel."""

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Of the voxels [m]."""

    @property
    def separator_layers(self) -> int:
        """Planes in front of the electrode."""

    @property
    def counter_layers(self) -> int:
        """Planes in front of the separator."""

    @property
    def phases(self) -> Mapping[str, int]:
        """Names of the phases."""


def plane_of(layout: Placed, axis: int, index: int | None) -> tuple[Any, ...]:
    """Index of the slice.

    Raises
    ------
    InputError
        If there is no such slice.
    """
    if axis not in (1, 2):
        raise InputError(f"axis = {axis!r}; expected 1 or 2, a slice through the thickness.")
    size = layout.phase.shape[axis]
    at = size // 2 if index is None else index
    if not 0 <= at < size:
        raise InputError(f"index = {index!r}; expected 0 to {size - 1}.")
    place: list[Any] = [slice(None)] * 3
    place[axis] = at
    return tuple(place)


def draw_section(
    ax: Axes | None,
    layout: Placed,
    field: Any,
    *,
    axis: int = 2,
    index: int | None = None,
    limits: tuple[float, float] | None = None,
    label: str = "",
    title: str = "",
    cmap: str = "viridis",
    logarithmic: bool = False,
) -> Axes:
    """Draw a field on a slice through the thickness.

    Parameters
    ----------
    ax : matplotlib axes or None
        Where.
    layout : Placed
        What is where.
    field : (nx, ny, nz) or (na, nb) array
        The field, or its slice; NaN where it does not exist.
    axis, index : int
        The slice.
    limits : (float, float), optional
        Ends of the colors.
    label, title : str
        Of the colors and of the picture.
    cmap : str
        Colors.
    logarithmic : bool
        Whether the colors go with the logarithm.
    """
    from matplotlib.colors import LogNorm, Normalize, to_rgb
    from matplotlib.patches import Patch

    from vmt import _plotting

    ax = _plotting.axes(ax)
    place = plane_of(layout, axis, index)
    values = np.asarray(field if len(field.shape) == 2 else field[place], np.float64)
    phase = np.asarray(layout.phase[place])
    across = layout.spacing[3 - axis]
    extent = (0.0, phase.shape[0] * layout.spacing[0] * 1e6, 0.0, phase.shape[1] * across * 1e6)
    shown: dict[str, Any] = {"origin": "lower", "extent": extent, "interpolation": "nearest"}
    table = np.array([to_rgb(color) for color in _COLORS])
    ax.imshow(table[np.minimum(phase, len(_COLORS) - 1)].transpose(1, 0, 2), **shown)
    some = values[np.isfinite(values)]
    if limits is None:
        low, high = (float(some.min()), float(some.max())) if some.size else (0.0, 1.0)
    else:
        low, high = limits
    if logarithmic:
        low = max(low, 1e-3 * high, 1e-30)
    high = max(high, low * 1.0001 if logarithmic else low + 1e-9 * max(abs(low), 1e-6))
    norm = LogNorm(low, high) if logarithmic else Normalize(low, high)
    drawn = ax.imshow(np.ma.masked_invalid(values).T, cmap=cmap, norm=norm, **shown)
    binder = phase == layout.phases["binder"]
    if (binder & np.isfinite(values)).any():
        _outline(ax, binder, extent)
    draw_scale(ax, drawn, label, (low, high) if logarithmic else None)
    handles = []
    for name, code in layout.phases.items():
        here = phase == code
        bare = here & ~np.isfinite(values)
        if name == "binder" and here.any() and not bare.any():
            handles.append(Patch(facecolor="none", edgecolor=_COLORS[code], label="binder"))
        elif bare.mean() > _HIDDEN or (name == "binder" and bare.any()):
            text = name.replace("_", " ")
            handles.append(
                Patch(facecolor=_COLORS[code], edgecolor="#5b6575", linewidth=0.5, label=text)
            )
    if handles:
        below = {"loc": "upper left", "bbox_to_anchor": (0.0, -0.2), "ncols": 4}
        options: dict[str, Any] = {"fontsize": 7, "frameon": False, "borderaxespad": 0.0, **below}
        ax.legend(handles=handles, **options)
    return _plotting.finish(ax, xlabel=position_label(layout), ylabel="µm", title=title)


def position_label(layout: Placed) -> str:
    """What the axis through the thickness counts from."""
    start = "the counter collector" if layout.counter_layers else "lithium"
    return f"distance from {start} [µm]"


def draw_scale(ax: Axes, drawn: Any, label: str, decades: tuple[float, float] | None) -> None:
    """Draw the colors beside a picture; of logarithmic ones with 1, 2, 5 of each decade."""
    bar: Any = ax.figure.colorbar(drawn, ax=ax, shrink=0.8, pad=0.02)
    bar.set_label(label, fontsize=8)
    bar.ax.tick_params(labelsize=8)
    if decades is None:
        return
    first, last = (int(np.floor(np.log10(end))) for end in decades)
    parts = (1, 2, 5) if last - first < 3 else (1,)
    ticks = [m * 10.0**e for e in range(first, last + 1) for m in parts]
    bar.set_ticks([t for t in ticks if decades[0] <= t <= decades[1]])
    bar.ax.minorticks_off()
    bar.ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _outline(
    ax: Axes, binder: npt.NDArray[np.bool_], extent: tuple[float, float, float, float]
) -> None:
    """Draw the edges of the binder's voxels."""
    from matplotlib.collections import LineCollection

    dx, dy = extent[1] / binder.shape[0], extent[3] / binder.shape[1]
    wide = np.pad(binder, 1)
    lines = []
    for a, (one, two) in enumerate(((dx, dy), (dy, dx))):
        edges = np.argwhere(np.diff(wide.astype(np.int8), axis=a) != 0)
        for edge in edges:
            at, along = edge[a] * one, (edge[1 - a] - 1) * two
            ends = [(at, along), (at, along + two)]
            lines.append(ends if a == 0 else [(q, p) for p, q in ends])
    ax.add_collection(LineCollection(lines, colors=_COLORS[2], linewidths=0.6))
