"""The current through a structure in 3D: its lines, in the color of the flux density.

The geometry, the camera and the door to PyVista are those of `_render`. With PyVista the lines are
tubes inside the translucent phase; without it they are drawn in order of their depth over a pale
picture of the phase.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.report._render import (
    _add_surface,
    _Camera,
    _draw_rays,
    _scene,
    _shrink,
    _structure,
    _View,
    _view,
    _with_pyvista,
)
from vmt.report._render_labels import annotate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["flux_picture"]

_LINES = 320
_SHOWN_VOXELS = 320  # what `_view` shows of an edge, before it coarsens
_SURFACE = 0.16  # opacity of the phase
_PALE = 0.34  # what is left of its color without PyVista
_MAP = "plasma_r"
_DARKEST = 0.12  # the palest tenth of the colors is lost on white


@dataclass(frozen=True, eq=False)
class _Lines:
    """Lines of current [µm], and their colors 0 to 1 by the logarithm of the flux density."""

    points: list[npt.NDArray[np.float64]]
    shades: list[npt.NDArray[np.float64]]
    low: float
    high: float


def flux_picture(
    result: Any,
    phase: str | int | None,
    size: tuple[int, int],
    background: str,
    title: str | None,
) -> npt.NDArray[np.uint8]:
    """Draw a conduction that kept its potential; arguments as those of `render`."""
    structure = _structure(result)
    view = _flux_view(result, phase)
    camera = _Camera.fit(view, size)
    window = tuple(
        min(n, _SHOWN_VOXELS if max(structure.shape) > 160 else n) for n in structure.shape
    )
    lines = _lines(result, window)
    view = replace(view, caption=f"{view.caption}; {_LINES} lines of equal current")
    picture = _with_pyvista(_draw_tubes, view, camera, background, lines)
    flat = picture is None
    if picture is None:
        pale = _draw_rays(view, camera, background).astype(np.float32)
        ground = _color(background) * np.float32(255)
        picture = np.round(ground + _PALE * (pale - ground)).astype(np.uint8)

    def more(ax: Axes, ink: str, small: float) -> None:
        if flat:
            _draw_flat(ax, camera, lines)
        _scale_bar(ax, camera, lines, ink, small)

    return annotate(picture, view, camera, background, title, more)


def _flux_view(result: Any, phase: str | int | None) -> _View:
    """The conducting phases, whole: without the corner that is cut from a structure."""
    structure = _structure(result)
    conducting = [
        name for name, value in result.conductivity.items() if np.any(np.asarray(value) > 0.0)
    ]
    chosen = phase
    if phase is None and len(conducting) == 1 and conducting[0] in structure.phases:
        chosen = conducting[0]
    return replace(_view(structure, chosen), cut=0.0)


def _color(name: str) -> npt.NDArray[np.float32]:
    from matplotlib.colors import to_rgb

    return np.asarray(to_rgb(name), np.float32)


def _lines(result: Any, window: tuple[int, ...]) -> _Lines:
    found = result.streamlines(_LINES, window=window)
    points = [p.astype(np.float64) * 1e6 for p in found.points]
    every = np.concatenate(found.flux_density) if points else np.ones(1)
    every = every[every > 0.0] if np.any(every > 0.0) else np.ones(1)
    low, high = (float(q) for q in np.quantile(every, [0.05, 0.99]))
    high = max(high, 1.5 * low)
    shades = [
        np.clip(np.log(np.maximum(f, low) / low) / np.log(high / low), 0.0, 1.0)
        for f in found.flux_density
    ]
    return _Lines(points, shades, low, high)


def _paint(shades: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    import matplotlib as mpl

    return np.asarray(mpl.colormaps[_MAP](_DARKEST + (1.0 - _DARKEST) * shades))[:, :3]


def _draw_tubes(
    view: _View, camera: _Camera, background: str, lines: _Lines
) -> npt.NDArray[np.uint8]:
    with _scene(camera, background) as (pv, plotter):
        light = pv.Light(light_type="headlight", intensity=1.0)
        plotter.add_light(light)
        _add_surface(pv, plotter, view, camera, _SURFACE)
        if lines.points:
            counts = [len(p) for p in lines.points]
            starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
            cells = np.concatenate(
                [np.r_[n, np.arange(s, s + n)] for s, n in zip(starts, counts, strict=True)]
            )
            mesh = pv.PolyData(np.concatenate(lines.points), lines=cells)
            paint = _paint(np.concatenate(lines.shades))
            mesh.point_data["color"] = np.round(255 * paint).astype(np.uint8)
            radius = 0.0028 * float(camera.edges.prod()) ** (1 / 3)
            tubes = mesh.tube(radius=radius, n_sides=8)
            plotter.add_mesh(tubes, scalars="color", rgb=True, ambient=0.6, diffuse=0.5)
        picture = plotter.screenshot(return_img=True)
    return _shrink(np.asarray(picture[..., :3], np.float32) / np.float32(255))


def _draw_flat(ax: Axes, camera: _Camera, lines: _Lines) -> None:
    """Draw all pieces of the lines, the farthest first and palest."""
    from matplotlib.collections import LineCollection

    if not lines.points:
        return
    pieces, depths, shades = [], [], []
    for points, shade in zip(lines.points, lines.shades, strict=True):
        flat = camera.project(points)
        pieces.append(np.stack([flat[:-1], flat[1:]], axis=1))
        depth = (points - camera.center) @ camera.toward
        depths.append(0.5 * (depth[:-1] + depth[1:]))
        shades.append(0.5 * (shade[:-1] + shade[1:]))
    depth = np.concatenate(depths)
    order = np.argsort(depth)
    near = (depth[order] - depth.min()) / (np.ptp(depth) or 1.0)
    paint = _paint(np.concatenate(shades)[order])
    fade = 0.45 * (1.0 - near)[:, None]
    colors = paint + fade * (1.0 - paint)
    width = max(0.5, 0.0022 * camera.size[1])
    ax.add_collection(
        LineCollection(
            list(np.concatenate(pieces)[order]), colors=colors, linewidths=width, capstyle="round"
        )
    )


def _scale_bar(ax: Axes, camera: _Camera, lines: _Lines, ink: str, small: float) -> None:
    """Draw the colors with the flux densities they stand for."""
    width, height = camera.size
    wide, tall = 0.22 * width, max(4.0, 0.014 * height)
    left, top = 0.97 * width - wide, 0.10 * height
    ramp = _paint(np.linspace(0.0, 1.0, 256))[None]
    ax.imshow(
        ramp, extent=(left, left + wide, top + tall, top), aspect="auto", interpolation="bilinear"
    )
    ax.set_xlim(0, width)
    ax.set_ylim(height, 0)
    middle = float(np.sqrt(lines.low * lines.high))
    for share, value in ((0.0, lines.low), (0.5, middle), (1.0, lines.high)):
        ax.text(
            left + share * wide,
            top + 1.6 * tall,
            f"{value:.2g}",
            ha="center",
            va="top",
            size=small,
            color=ink,
        )
    ax.text(
        left + wide / 2,
        top - 0.5 * tall,
        "flux density / mean of the box",
        ha="center",
        va="bottom",
        size=small,
        color=ink,
    )
