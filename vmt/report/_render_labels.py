"""What is written around a picture in 3D: the box with its lengths, phases, caption and title."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._units import format_length
from vmt.report._render import _Camera, _corners, _palette, _View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["annotate"]


def annotate(
    picture: npt.NDArray[np.uint8],
    view: _View,
    camera: _Camera,
    background: str,
    title: str | None,
    more: Callable[[Axes, str, float], None] | None = None,
) -> npt.NDArray[np.uint8]:
    """Draw the outline of the box, the lengths of its edges, the phases and the caption.

    `more` draws on the axes [pixels] before them, given the color and the size of the text.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.colors import to_rgb
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    width, height = camera.size
    dark = sum(to_rgb(background)) < 1.5
    ink = "#f4f4f4" if dark else "#222222"
    made = Figure(figsize=(width / 100, height / 100), dpi=100, facecolor=background)
    canvas: Any = FigureCanvasAgg(made)
    ax = made.add_axes((0.0, 0.0, 1.0, 1.0))
    ax.imshow(picture, extent=(0, width, height, 0), interpolation="nearest", aspect="auto")
    ax.set_axis_off()
    small = max(6.0, min(height / 62, width / 62))
    if more is not None:
        more(ax, ink, small)
    _outline(ax, camera, ink, max(6.0, height / 56))

    if title:
        ax.text(width / 2, 0.02 * height, title, ha="center", va="top", size=1.4 * small, color=ink)
    ax.text(
        width / 2,
        0.985 * height,
        view.caption,
        ha="center",
        va="bottom",
        size=small,
        color=ink,
        alpha=0.75,
        wrap=True,
    )
    if len(view.names) > 1:
        palette = _palette(view)
        handles = [
            Patch(facecolor=tuple(palette[i]), edgecolor=ink, linewidth=0.5, label=name)
            for i, name in view.names.items()
        ]
        ax.legend(handles=handles, loc="upper left", frameon=False, fontsize=small, labelcolor=ink)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _outline(ax: Axes, camera: _Camera, ink: str, size: float) -> None:
    corners = _corners(camera.edges)
    places = camera.project(corners)
    depth = (corners - camera.center) @ camera.toward
    hidden = int(depth.argmin())
    for i in range(8):
        for a in range(3):
            j = i ^ (4 >> a)  # the corner across edge `a`
            if i < j and hidden not in (i, j):
                nearest = int(depth.argmax()) in (i, j)
                ax.plot(
                    places[[i, j], 0],
                    places[[i, j], 1],
                    color=ink,
                    linewidth=0.6 if nearest else 1.0,
                    alpha=0.35 if nearest else 0.8,
                )
    middle = camera.project(camera.center[None])[0]
    for a, text in enumerate(("axis 0: ", "axis 1: ", "axis 2: ")):
        best, where = -np.inf, (0, 0)
        for i in range(8):
            j = i ^ (4 >> a)
            if i < j and hidden not in (i, j):
                at = places[[i, j]].mean(axis=0)
                # the silhouette's lower edges; for axis 0, the left one
                score = at[1] if a else -at[0]
                if score > best:
                    best, where = score, (i, j)
        at = places[list(where)].mean(axis=0)
        along = places[where[1]] - places[where[0]]
        angle = math.degrees(math.atan2(-along[1], along[0]))
        angle = (angle + 90) % 180 - 90
        away = at - middle
        normal = np.array([-along[1], along[0]]) / (np.linalg.norm(along) + 1e-12)
        at = at + (1.25 * size + 2) * normal * (1 if normal @ away > 0 else -1)
        ax.text(
            at[0],
            at[1],
            text + format_length(float(camera.edges[a]) * 1e-6, 3),
            ha="center",
            va="center",
            rotation=angle,
            rotation_mode="anchor",
            size=size,
            color=ink,
        )
