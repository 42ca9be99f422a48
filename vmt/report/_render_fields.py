"""Lithium in the active material in 3D: its surface and two cuts, with the binder.

The geometry, the camera and the door to PyVista are those of `_render`: levels of the field take
the place of phases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._units import format_length
from vmt.report._render import _Camera, _draw_pyvista, _draw_rays, _palette, _View, _with_pyvista
from vmt.report._render_labels import annotate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["field_picture"]

_SHOWN = 160  # voxels per edge of what is drawn
_LEVELS = 240
_BINDER = 255
_BINDER_COLOR = "#e8590c"
_MAP, _DARKEST = "viridis", 0.06
_LIFT = 0.12


def field_picture(
    shot: Any, size: tuple[int, int], background: str, title: str | None
) -> npt.NDArray[np.uint8]:
    """Draw the stoichiometry of a snapshot; arguments as those of `render`."""
    view, ends = field_view(shot)
    camera = _Camera.fit(view, size)
    picture = _with_pyvista(_draw_pyvista, view, camera, background)
    if picture is None:
        picture = _draw_rays(view, camera, background)

    def more(ax: Axes, ink: str, small: float) -> None:
        _scale(ax, camera, view, ends, ink, small)

    return annotate(picture, view, camera, background, title, more)


def field_view(shot: Any) -> tuple[_View, tuple[float, float]]:
    """Levels of the stoichiometry from 1 on, binder as the last number, and the field's ends."""
    import matplotlib as mpl
    from matplotlib.colors import to_hex

    layout = shot.layout
    shape = layout.phase.shape
    first = 0 if layout.counter_layers else layout.separator_layers
    whole = (shape[0] - first, *shape[1:])
    every = -(-max(whole) // _SHOWN)
    place = (slice(first, None, every), *(slice(None, None, every),) * 2)
    values = np.asarray(shot.fields["stoichiometry"][place], np.float32)
    phase = np.asarray(layout.phase[place])
    there = np.isfinite(values)
    low, high = (
        (float(values[there].min()), float(values[there].max())) if there.any() else (0.0, 1.0)
    )
    high = max(high, low + 1e-6)
    ids = np.zeros(values.shape, np.uint8)
    level = (values[there] - low) / (high - low) * (_LEVELS - 1)
    ids[there] = 1 + np.round(level).astype(np.uint8)
    ids[phase == layout.phases["binder"]] = _BINDER
    shades = mpl.colormaps[_MAP](np.linspace(_DARKEST, 1.0, _LEVELS))
    colors = {i + 1: to_hex(shade) for i, shade in enumerate(shades)}
    colors[_BINDER] = _BINDER_COLOR
    spacing = tuple(d * every for d in layout.spacing)
    voxel = "×".join(dict.fromkeys(format_length(d) for d in layout.spacing))
    caption = f"{'×'.join(map(str, whole))} voxels of {voxel}"
    if every > 1:
        caption += f", every {every}{'nd' if every == 2 else 'rd' if every == 3 else 'th'} shown"
    caption += f"; {shot.time:.0f} s, {shot.voltage:.3f} V; "
    caption += "counter electrode at the top" if first == 0 else "separator at the top"
    view = _View(
        ids, (spacing[0], spacing[1], spacing[2]), colors, {_BINDER: "binder"}, caption, lift=_LIFT
    )
    return view, (low, high)


def _scale(
    ax: Axes, camera: _Camera, view: _View, ends: tuple[float, float], ink: str, small: float
) -> None:
    """Draw the colors with the stoichiometries they stand for, and the binder's."""
    from matplotlib.patches import Patch

    width, height = camera.size
    wide, tall = 0.22 * width, max(4.0, 0.014 * height)
    left, top = 0.97 * width - wide, 0.10 * height
    palette = _palette(view)
    ax.imshow(
        palette[None, 1 : _LEVELS + 1],
        extent=(left, left + wide, top + tall, top),
        aspect="auto",
        interpolation="bilinear",
    )
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    low, high = ends
    for share in (0.0, 0.5, 1.0):
        ax.text(
            left + share * wide, top + 1.6 * tall, f"{low + share * (high - low):.2f}",
            ha="center", va="top", size=small, color=ink,
        )  # fmt: skip
    ax.text(
        left + wide / 2, top - 0.5 * tall, "stoichiometry", ha="center", va="bottom", size=small,
        color=ink,
    )  # fmt: skip
    if (view.ids == _BINDER).any():
        handle = Patch(
            facecolor=tuple(palette[_BINDER]), edgecolor=ink, linewidth=0.5, label="binder"
        )
        ax.legend(handles=[handle], loc="upper left", frameon=False, fontsize=small, labelcolor=ink)
