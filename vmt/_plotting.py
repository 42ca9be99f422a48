"""Drawing, once: axes, colors and the look of vmt's figures. matplotlib is imported on call."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLORS",
    "PHASE_COLORS",
    "axes",
    "draw_band",
    "draw_bodies",
    "draw_diagonal",
    "draw_scale_bar",
    "draw_slice",
    "figure",
    "finish",
    "legend",
    "phase_colors",
    "view_frame",
]

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
    ax.set_xlabel(xlabel, fontsize=9)
    ax.set_ylabel(ylabel, fontsize=9)
    if title:
        ax.set_title(title, fontsize=10, loc="left")
    ax.tick_params(labelsize=8, color="#5b6575", width=0.7)
    ax.xaxis.get_offset_text().set_fontsize(8)
    ax.yaxis.get_offset_text().set_fontsize(8)
    for side, spine in ax.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color("#5b6575")
        spine.set_linewidth(0.7)
    if not ax.images:
        ax.set_axisbelow(True)
        ax.grid(visible=True, color="#e6e9ee", linewidth=0.6)
    return ax


def draw_band(
    ax: Axes,
    x: npt.ArrayLike,
    mean: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    *,
    color: str = COLORS["model"],
    label: str = "",
    band_label: str = "",
) -> Axes:
    """Draw a curve (n,) in the band between two others (n,)."""
    ax.fill_between(x, low, high, color=color, alpha=0.22, linewidth=0, label=band_label or None)
    ax.plot(x, mean, color=color, linewidth=1.4, linestyle=(0, (5, 1.6)), label=label or None)
    return ax


def view_frame() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Unit vectors to the right and up in pictures of bodies."""
    toward = np.array([0.52, -0.62, 0.59])
    right = np.cross([0.0, 0.0, 1.0], toward)
    right /= np.linalg.norm(right)
    up = np.cross(toward / np.linalg.norm(toward), right)
    return right, up


def draw_bodies(ax: Axes, meshes: Sequence[npt.NDArray[np.float64]], colors: Sequence[str]) -> Axes:
    """Draw surfaces given as grids of points (rows, columns, 3), shaded, without perspective.

    Facets away from the viewer are left out, the others are drawn from the farthest on.
    """
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgb

    right, up = view_frame()
    toward = np.cross(right, up)
    light = toward + 0.7 * up - 0.6 * right
    light /= np.linalg.norm(light)
    corners, shades, depths = [], [], []
    for mesh, color in zip(meshes, colors, strict=True):
        quads = np.stack([mesh[:-1, :-1], mesh[1:, :-1], mesh[1:, 1:], mesh[:-1, 1:]], axis=2)
        quads = quads.reshape(-1, 4, 3)
        normals = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
        length = np.linalg.norm(normals, axis=1)
        kept = length > 0
        quads, normals = quads[kept], normals[kept] / length[kept, None]
        seen = normals @ toward > -0.02
        quads, normals = quads[seen], normals[seen]
        bright = 0.42 + 0.58 * np.clip(normals @ light, 0, 1)
        gloss = 0.35 * np.clip(normals @ light, 0, 1) ** 12
        base = np.array(to_rgb(color))
        base = base + 0.30 * (1 - base)
        shade = base * bright[:, None]
        shades.append(np.clip(shade + (1 - shade) * gloss[:, None], 0, 1))
        corners.append(np.stack([quads @ right, quads @ up], axis=-1))
        depths.append((quads @ toward).mean(axis=1))
    order = np.argsort(np.concatenate(depths)) if depths else np.zeros(0, int)
    if order.size:
        faces, tones = np.concatenate(corners)[order], np.concatenate(shades)[order]
        made = PolyCollection(list(faces), facecolors=tones, edgecolors=tones, linewidths=0.3)
        made.set_rasterized(True)
        ax.add_collection(made)
        ax.autoscale_view()
    ax.set_aspect("equal")
    return ax


def draw_diagonal(ax: Axes, values: npt.ArrayLike, *, margin: float = 0.15) -> Axes:
    """Frame the values on both axes alike and draw the line where both are equal."""
    shown = np.asarray(values, float).ravel()
    shown = shown[np.isfinite(shown)]
    low, high = (float(shown.min()), float(shown.max())) if shown.size else (0.0, 1.0)
    room = margin * (high - low) or 0.1 * abs(high) or 0.1
    low, high = low - room, high + room
    ax.plot([low, high], [low, high], color=COLORS["muted"], linewidth=1.0, zorder=1)
    ax.set_xlim(low, high)
    ax.set_ylim(low, high)
    ax.set_aspect("equal")
    return ax


def legend(ax: Axes, **options: Any) -> Axes:
    """Draw a legend in the common look, if there is something to explain."""
    if ax.get_legend_handles_labels()[1]:
        ax.legend(**{"frameon": False, "fontsize": 8, **options})
    return ax


def draw_scale_bar(ax: Axes, extent: tuple[float, float], color: str = "#111111") -> Axes:
    """Draw a bar of a round length in µm at the lower right of a picture (height, width) [µm]."""
    height, width = extent
    target = width / 4
    power = 10.0 ** math.floor(math.log10(target))
    length = max(n * power for n in (1, 2, 5) if n * power <= target * (1 + 1e-9))
    right, bottom, thick = width * 0.95, height * 0.95, 0.018 * height
    text = f"{length * 1e3:g} nm" if length < 0.5 else f"{length:g} µm"
    box = {"facecolor": "white", "alpha": 0.8, "edgecolor": "none", "pad": 2.0}
    at = (right - length / 2, bottom - 2.0 * thick)
    ax.text(*at, text, ha="center", va="bottom", fontsize=8, color=color, bbox=box, zorder=4)
    ax.fill_between(
        [right - length, right],
        bottom - thick,
        bottom,
        facecolor=color,
        edgecolor="white",
        linewidth=0.8,
        zorder=5,
    )
    return ax


def draw_slice(
    ax: Axes,
    labels: npt.NDArray[Any],
    spacing: tuple[float, float],
    names: Sequence[str] | Mapping[str, int] = (),
    title: str = "",
) -> Axes:
    """Draw a 2D slice (a, b) of labels in micrometers: first axis downward, second to the right.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    labels : (na, nb) array of integers
        The slice.
    spacing : (da, db)
        Pixel edge lengths [m].
    names : mapping of str to int, or sequence of str
        Label of each phase: colors by the order of the labels, a legend above. A sequence names
        the labels 0, 1, 2, ...
    title : str
        Text above.
    """
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    known = names if isinstance(names, Mapping) else {name: i for i, name in enumerate(names)}
    table = np.array([to_rgb(PHASE_COLORS[i % len(PHASE_COLORS)]) for i in range(256)])
    colors = phase_colors(known)
    for name, label in known.items():
        table[label] = to_rgb(colors[name])
    height, width = (n * d * 1e6 for n, d in zip(labels.shape, spacing, strict=True))
    ax.imshow(table[labels], extent=(0.0, width, height, 0.0), interpolation="nearest")
    finish(ax, xlabel="µm", ylabel="µm", title=title)
    if known:
        handles = [
            Patch(facecolor=colors[name], edgecolor="#5b6575", linewidth=0.6, label=name)
            for name in sorted(known, key=lambda name: known[name])
        ]
        below = {"loc": "upper left", "bbox_to_anchor": (0.0, -0.16), "ncols": min(len(known), 4)}
        options: dict[str, Any] = {"frameon": False, "fontsize": 8, "borderaxespad": 0.0, **below}
        ax.legend(handles=handles, **options)
    return ax
