"""Drawing, once: axes, colors and the look of vmt's figures. matplotlib is imported on call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["COLORS", "PHASE_COLORS", "axes", "draw_slice", "figure", "finish"]

#: image (data), model (twins), reference, and accents; readable for color-blind eyes and in print
COLORS = {
    "image": "#1f4e9c",
    "model": "#d1495b",
    "truth": "#222222",
    "accent": "#edae49",
    "muted": "#8d99ae",
    "good": "#2e7d5b",
}
#: phases by label: pore, solid / active material, binder, further
PHASE_COLORS = ("#f2efe9", "#33415c", "#d98324", "#7fa99b", "#9a6a9c", "#b7c4cf")


def phase_colors(phases: Mapping[str, int]) -> dict[str, str]:
    """Color of each phase, by the order of the labels.

    Examples
    --------
    >>> phase_colors({"solid": 255, "pore": 0})
    {'pore': '#f2efe9', 'solid': '#33415c'}
    """
    ordered = sorted(phases, key=lambda name: phases[name])
    return {name: PHASE_COLORS[i % len(PHASE_COLORS)] for i, name in enumerate(ordered)}


def figure(rows: int = 1, columns: int = 1, *, width: float = 4.2, height: float = 3.2) -> Figure:
    """Make a figure with a grid of axes, without touching any window or global state."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    made = Figure(figsize=(width * columns, height * rows), layout="constrained")
    FigureCanvasAgg(made)
    made.subplots(rows, columns, squeeze=False)
    return made


def axes(ax: Axes | None = None) -> Axes:
    """Return the given axes, or new ones."""
    return figure().axes[0] if ax is None else ax


def finish(ax: Axes, *, xlabel: str = "", ylabel: str = "", title: str = "") -> Axes:
    """Label axes and give them the common look."""
    ax.set_xlabel(xlabel)
    ax.set_ylabel(ylabel)
    if title:
        ax.set_title(title, fontsize=10)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    return ax


def draw_slice(
    ax: Axes,
    labels: npt.NDArray[Any],
    spacing: tuple[float, float],
    names: Sequence[str] = (),
    title: str = "",
) -> Axes:
    """Draw a 2D slice (a, b) of labels in micrometers: first axis downward, second to the right."""
    from matplotlib.colors import BoundaryNorm, ListedColormap

    count = max(int(labels.max(initial=0)) + 1, 2, len(names))
    colors = [PHASE_COLORS[i % len(PHASE_COLORS)] for i in range(count)]
    extent = (0.0, labels.shape[1] * spacing[1] * 1e6, labels.shape[0] * spacing[0] * 1e6, 0.0)
    norm = BoundaryNorm(np.arange(-0.5, count), count)
    cmap = ListedColormap(colors)
    ax.imshow(labels, cmap=cmap, norm=norm, extent=extent, interpolation="nearest")
    ax.set_xlabel("µm")
    ax.set_ylabel("µm")
    if title:
        ax.set_title(title, fontsize=10)
    return ax
