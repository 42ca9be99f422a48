"""The only door to PyVista: a structure as a picture in 3D, with or without a graphics driver.

Both renderers share the geometry (an orthographic camera that looks at the separator side from
above, axis 0 downward), the shading of narrow places, and the annotation. Where PyVista can't
draw off-screen, which a subprocess finds out once, rays are cast through the voxels in numpy.
``VMT_RENDERER`` = ``pyvista``, ``matplotlib`` or ``auto`` decides otherwise.
"""

from __future__ import annotations

import functools
import io
import logging
import math
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._plotting import phase_colors
from vmt._units import format_length
from vmt.errors import InputError, VmtError
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    pass

__all__ = ["render", "render_png", "view_caption"]

_log = logging.getLogger("vmt")
_vtk_lock = threading.Lock()  # VTK is not safe in threads, and its window is chosen by environment

_SHOWN = 160  # voxels per edge of what is drawn
_PROBE_SECONDS = 60.0
_PROBE = """
import sys
import pyvista as pv
plotter = pv.Plotter(off_screen=True, window_size=(64, 64))
plotter.add_mesh(pv.Cube(), color="red")
picture = plotter.screenshot(return_img=True)
sys.exit(0 if picture.std() > 0 else 3)
"""
_ELEVATION, _AZIMUTH = math.radians(27.0), math.radians(33.0)
_CUT = 0.42  # edge of the corner that is cut out, as a share of the box
_SAMPLES = 2  # samples per pixel along each axis
_LIFT = 0.38  # share of white in a phase's color, so that dark phases keep room for shadows
_TONES = (1.0, 0.72, 0.86)  # brightness of faces normal to x (top), y, z


@dataclass(frozen=True, eq=False)
class _View:
    """What is drawn: order of the phase + 1 where one is shown, else 0; and how it got there."""

    ids: npt.NDArray[np.uint8]
    spacing: tuple[float, float, float]
    colors: dict[int, str]
    names: dict[int, str]
    caption: str
    cut: float = _CUT
    lift: float = _LIFT


def render(
    structure: object,
    *,
    phase: str | int | None = None,
    size: tuple[int, int] = (900, 700),
    background: str = "white",
    title: str | None = None,
) -> npt.NDArray[np.uint8]:
    """Draw a structure in 3D: the voxel surface of its phases in a box, one corner cut out.

    Axis 0 points down, from the separator at the top to the current collector. Edges above 160
    voxels are coarsened by 2 and cropped; the line at the bottom of the picture says so.

    Of a conduction that kept its potential, the current is drawn: lines that carry equal shares of
    it, in the color of the flux density, through the translucent phase.

    Of a `vmt.electrode.Snapshot` the lithium on the surface and on the cuts of the active material
    is drawn, with the binder; the separator is left out, and edges above 160 voxels are thinned.

    Parameters
    ----------
    structure : Microstructure, a result that has one as ``.structure``, or a Snapshot
        What is drawn.
    phase : str or int, optional
        The phase that is shown. Default: all but the one with the smallest label; of a conduction,
        those that conduct.
    size : (width, height)
        Pixels.
    background : str
        Color behind the structure.
    title : str, optional
        Text at the top.

    Returns
    -------
    (height, width, 3) array of uint8
        The picture.

    Raises
    ------
    InputError
        If there is no structure, no such phase, or ``VMT_RENDERER`` is not a renderer.

    Examples
    --------
    >>> labels = np.zeros((8, 8, 8), np.uint8)
    >>> labels[2:6, 2:6] = 1
    >>> render(Microstructure(labels, 10e-9), size=(300, 200)).shape
    (200, 300, 3)
    """
    width, height = (int(n) for n in size)
    if not (32 <= width <= 8192 and 32 <= height <= 8192):
        raise InputError(f"A picture of size {size} can't be drawn; expected 32 to 8192 pixels.")
    if getattr(structure, "potential", None) is not None and hasattr(structure, "streamlines"):
        from vmt.report._render_flux import flux_picture

        return flux_picture(structure, phase, (width, height), background, title)
    if hasattr(structure, "stoichiometry") and hasattr(structure, "layout"):
        from vmt.report._render_fields import field_picture

        return field_picture(structure, (width, height), background, title)
    view = _view(structure, phase)
    camera = _Camera.fit(view, (width, height))
    picture = _with_pyvista(_draw_pyvista, view, camera, background)
    if picture is None:
        picture = _draw_rays(view, camera, background)
    from vmt.report._render_labels import annotate

    return annotate(picture, view, camera, background, title)


def _with_pyvista(
    draw: Callable[..., npt.NDArray[np.uint8]], *arguments: Any
) -> npt.NDArray[np.uint8] | None:
    """Call a function that draws with PyVista; None where that can't be done."""
    if _renderer() != "pyvista":
        return None
    try:
        return draw(*arguments)
    except Exception as error:
        if os.environ.get("VMT_RENDERER") == "pyvista":
            raise VmtError(f"PyVista can't draw here: {error}") from error
        _log.warning("PyVista failed (%s); drawing without it", error)
        return None


def render_png(
    structure: object,
    *,
    phase: str | int | None = None,
    size: tuple[int, int] = (900, 700),
    background: str = "white",
    title: str | None = None,
) -> bytes:
    """Draw a structure in 3D as the content of a PNG file; the arguments are those of `render`.

    Examples
    --------
    >>> m = Microstructure(np.ones((4, 4, 4), np.uint8), 10e-9)
    >>> render_png(m, size=(64, 64))[1:4]
    b'PNG'
    """
    from matplotlib.image import imsave

    stream = io.BytesIO()
    picture = render(structure, phase=phase, size=size, background=background, title=title)
    imsave(stream, picture, format="png")
    return stream.getvalue()


def view_caption(structure: object, *, phase: str | int | None = None) -> str:
    """Say what `render` shows of the structure: phases, voxels, coarsening and cropping.

    Examples
    --------
    >>> view_caption(Microstructure(np.ones((4, 4, 4), np.uint8), 10e-9))
    'solid; 4×4×4 voxels of 10 nm'
    """
    if hasattr(structure, "stoichiometry") and hasattr(structure, "layout"):
        from vmt.report._render_fields import field_view

        return field_view(structure)[0].caption
    return _view(structure, phase).caption


def _structure(thing: object) -> Microstructure:
    found = thing if isinstance(thing, Microstructure) else getattr(thing, "structure", thing)
    if not isinstance(found, Microstructure) and hasattr(found, "to_microstructure"):
        found = found.to_microstructure()
    if not isinstance(found, Microstructure):
        raise InputError(
            f"A {type(thing).__name__} can't be rendered; expected a Microstructure or a result "
            "that has one as .structure."
        )
    return found


def _view(thing: object, phase: str | int | None) -> _View:
    structure = _structure(thing)
    whole = structure.shape
    factor = 2 if max(whole) > _SHOWN else 1
    kept = tuple(min(n, factor * _SHOWN) for n in whole)
    shown = structure
    if kept != whole:
        shown = shown.crop(slice(kept[0]), slice(kept[1]), slice(kept[2]))
    if factor > 1:
        shown = shown.coarsen(factor)

    ordered = sorted(structure.phases, key=lambda name: structure.phases[name])
    names = ordered[1:] or ordered if phase is None else [structure.name_of(phase)]
    table = np.zeros(256, np.uint8)
    for name in names:
        table[structure.phases[name]] = ordered.index(name) + 1
    colors = phase_colors(structure.phases)

    times = "×".join
    voxel = "×".join(dict.fromkeys(format_length(d) for d in structure.spacing))
    if len(set(structure.spacing)) > 1:
        voxel = times(format_length(d) for d in structure.spacing)
    caption = f"{', '.join(names)}; {times(map(str, whole))} voxels of {voxel}"
    if kept != whole:
        caption += f", the first {times(map(str, kept))} shown"
    if factor > 1:
        caption += f", coarsened by {factor} for display"
    ids = {int(table[structure.phases[name]]): name for name in names}
    by_id = {value: colors[name] for value, name in ids.items()}
    return _View(table[shown.labels], shown.spacing, by_id, ids, caption)


@dataclass(frozen=True, eq=False)
class _Camera:
    """An orthographic camera: unit vectors right, up and toward the viewer, and µm per pixel."""

    right: npt.NDArray[np.float64]
    up: npt.NDArray[np.float64]
    toward: npt.NDArray[np.float64]
    center: npt.NDArray[np.float64]
    edges: npt.NDArray[np.float64]
    scale: float
    size: tuple[int, int]

    @classmethod
    def fit(cls, view: _View, size: tuple[int, int]) -> _Camera:
        edges = np.array(view.ids.shape) * np.array(view.spacing) * 1e6
        lift = math.sin(_ELEVATION)
        flat = math.cos(_ELEVATION)
        toward = np.array([-lift, flat * math.sin(_AZIMUTH), flat * math.cos(_AZIMUTH)])
        right = np.array([0.0, math.cos(_AZIMUTH), -math.sin(_AZIMUTH)])
        up = np.cross(toward, right)
        if up[0] > 0:  # axis 0 points down
            right, up = -right, np.cross(toward, -right)
        corners = _corners(edges) - edges / 2
        spans = [float(np.ptp(corners @ vector)) for vector in (right, up)]
        width, height = size
        margin = min(90, width // 5), min(120, height // 4)
        scale = max(spans[0] / (width - margin[0]), spans[1] / (height - margin[1]))
        return cls(right, up, toward, edges / 2, edges, scale, size)

    def project(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Pixels (column, row) of points [µm]: (n, 3) to (n, 2)."""
        offset = points - self.center
        columns = self.size[0] / 2 + offset @ self.right / self.scale
        rows = self.size[1] / 2 - offset @ self.up / self.scale
        return np.stack([columns, rows], axis=1)


def _corners(edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.array(np.meshgrid(*([0.0, e] for e in edges), indexing="ij")).reshape(3, -1).T


def _corner(view: _View) -> list[int]:
    """Voxels of each edge that the cut takes; a sheet is not cut."""
    return [round(view.cut * n) if n >= 8 else 0 for n in view.ids.shape]


def _cut_corner(view: _View) -> npt.NDArray[np.uint8]:
    """Remove the box at the corner nearest to the camera: x first, y and z last."""
    ids = view.ids.copy()
    nx, ny, nz = _corner(view)
    ids[:nx, ids.shape[1] - ny :, ids.shape[2] - nz :] = 0
    return ids


def _openness(padded: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """How open the surroundings of each voxel are, 0 to 1: darkens pores as light would."""
    from scipy import ndimage

    share = (padded > 0).astype(np.float32)
    near = ndimage.uniform_filter(share, 5, mode="constant")
    far = ndimage.uniform_filter(share, 15, mode="constant")
    return np.asarray(np.clip((1.25 - near - far) / 0.42, 0.0, 1.0), np.float32)


def _palette(view: _View) -> npt.NDArray[np.float32]:
    from matplotlib.colors import to_rgb

    table = np.zeros((256, 3), np.float32)
    for value, color in view.colors.items():
        table[value] = to_rgb(color)
        table[value] += (1.0 - table[value]) * view.lift
    return table


def _light(
    palette: npt.NDArray[np.float32],
    ids: npt.NDArray[np.uint8],
    axis: npt.NDArray[np.int8],
    openness: npt.NDArray[np.float32],
    near: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Color of faces (n, 3): the phase's color, the tone of the normal, how open and deep it is."""
    base = palette[ids]
    tone = np.asarray(_TONES, np.float32)[axis] * (0.30 + 0.70 * openness) * (0.25 + 0.75 * near)
    return np.asarray(np.clip(base * tone[:, None], 0.0, 1.0), np.float32)


def _nearness(
    places: npt.NDArray[np.integer[Any]], view: _View, camera: _Camera
) -> npt.NDArray[np.float32]:
    """Fade with the way (n,) that light goes through the box, the cut corner not counted."""
    points = (places + 0.5) * (np.array(view.spacing) * 1e6)
    share = np.array(_corner(view)) / view.ids.shape
    low, high = np.zeros(3), camera.edges
    cut_low, cut_high = low.copy(), high.copy()
    cut_high[0] = share[0] * high[0]
    cut_low[1:] = (1 - share[1:]) * high[1:]

    def way(first: npt.NDArray[np.float64], last: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        walls = np.where(camera.toward > 0, (first, last), (last, first))
        enters = ((walls[0] - points) / camera.toward).max(axis=1)
        leaves = ((walls[1] - points) / camera.toward).min(axis=1)
        return np.asarray(np.maximum(leaves - np.maximum(enters, 0.0), 0.0))

    through = way(low, high) - way(cut_low, cut_high)
    return np.asarray(np.exp(-through / (0.30 * camera.edges.max())), np.float32)


def _draw_rays(view: _View, camera: _Camera, background: str) -> npt.NDArray[np.uint8]:
    """Cast one ray per pixel, voxel by voxel (Amanatides & Woo 1987), all rays at once."""
    from matplotlib.colors import to_rgb

    width, height = (_SAMPLES * n for n in camera.size)
    step = camera.scale / _SAMPLES
    columns = (np.arange(width) - width / 2 + 0.5) * step
    rows = (height / 2 - np.arange(height) - 0.5) * step
    spacing = np.array(view.spacing) * 1e6
    ids = np.pad(_cut_corner(view), 1)
    direction = -camera.toward
    forward = np.where(direction > 0, 1, -1)

    # every ray as the distances at which it crosses the voxel planes of each axis
    start = [
        (camera.center[a] + rows[:, None] * camera.up[a] + columns * camera.right[a]).ravel()
        for a in range(3)
    ]
    low, high = np.full(width * height, -np.inf), np.full(width * height, np.inf)
    enters = np.zeros(width * height, np.int8)
    for a in range(3):
        first, last = (
            (wall - start[a]) / direction[a]
            for wall in ((0.0, camera.edges[a]) if direction[a] > 0 else (camera.edges[a], 0.0))
        )
        enters[first > low] = a
        low, high = np.maximum(low, first), np.minimum(high, last)
    pixel = np.flatnonzero(low < high)
    axis, low = enters[pixel], low[pixel]

    strides = np.array([ids.shape[1] * ids.shape[2], ids.shape[2], 1])
    place = np.zeros(pixel.size, np.int64)
    crossing, advance = np.empty((3, pixel.size)), spacing / np.abs(direction)
    for a in range(3):
        at = (start[a][pixel] + low * direction[a]) / spacing[a]
        index = np.clip(np.floor(at), 0, view.ids.shape[a] - 1).astype(np.int64)
        wall = 0 if forward[a] > 0 else view.ids.shape[a] - 1
        index[axis == a] = wall
        crossing[a] = ((index + (forward[a] > 0)) * spacing[a] - start[a][pixel]) / direction[a]
        place += (index + 1) * strides[a]

    seen, lengths = ids.ravel(), np.array(view.ids.shape)
    openness, palette = _openness(ids).ravel(), _palette(view)
    picture = np.empty((width * height, 3), np.float32)
    picture[:] = to_rgb(background)
    jumps = forward * strides
    for _ in range(int(lengths.sum()) + 3):
        hit = seen[place] > 0
        if hit.any():
            found = place[hit]
            front = openness[found - jumps[axis[hit]]]
            where = np.stack(np.unravel_index(found, ids.shape), axis=1) - 1
            near = _nearness(where, view, camera)
            picture[pixel[hit]] = _light(palette, seen[found], axis[hit], front, near)
        inside = crossing.min(axis=0) < high[pixel] - 1e-9 * camera.edges.max()
        going = ~hit & inside
        pixel, place, crossing = pixel[going], place[going], crossing[:, going]
        if pixel.size == 0:
            break
        axis = crossing.argmin(axis=0).astype(np.int8)
        place = place + jumps[axis]
        crossing[axis, np.arange(pixel.size)] += advance[axis]
    return _shrink(picture.reshape(height, width, 3))


def _shrink(picture: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    """Average blocks of samples into pixels."""
    height, width = (n // _SAMPLES for n in picture.shape[:2])
    blocks = picture.reshape(height, _SAMPLES, width, _SAMPLES, 3).mean(axis=(1, 3))
    return np.asarray(np.round(255 * blocks), np.uint8)


def _faces(view: _View, camera: _Camera) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Faces of voxels that look at the camera: corners (n, 4, 3) [µm] and colors (n, 3)."""
    ids = np.pad(_cut_corner(view), 1)
    openness, palette = _openness(ids), _palette(view)
    spacing = np.array(view.spacing, np.float32) * np.float32(1e6)
    corners, colors = [], []
    inner = (slice(1, -1),) * 3
    for a in range(3):
        outward = 1 if camera.toward[a] > 0 else -1
        front = np.roll(ids, -outward, axis=a)[inner]
        at = np.argwhere((ids[inner] > 0) & (front == 0))
        b, c = (n for n in range(3) if n != a)
        quad = np.zeros((4, 3), np.float32)
        quad[:, a] = outward > 0
        quad[:, b], quad[:, c] = (0, 1, 1, 0), (0, 0, 1, 1)
        corners.append((at[:, None, :].astype(np.float32) + quad) * spacing)
        beside = at + 1
        values = ids[tuple(beside.T)]
        beside[:, a] += outward
        axis = np.full(len(at), a, np.int8)
        open_to = openness[tuple(beside.T)]
        colors.append(_light(palette, values, axis, open_to, _nearness(at, view, camera)))
    return np.concatenate(corners), np.concatenate(colors)


def _draw_pyvista(view: _View, camera: _Camera, background: str) -> npt.NDArray[np.uint8]:
    with _scene(camera, background) as (pv, plotter):
        _add_surface(pv, plotter, view, camera, 1.0)
        picture = plotter.screenshot(return_img=True)
    return _shrink(np.asarray(picture[..., :3], np.float32) / np.float32(255))


def _add_surface(pv: Any, plotter: Any, view: _View, camera: _Camera, opacity: float) -> None:
    corners, colors = _faces(view, camera)
    if not len(corners):
        return
    count = len(corners)
    index = np.arange(4 * count, dtype=np.int64).reshape(count, 4)
    cells = np.concatenate([np.full((count, 1), 4), index], axis=1)
    mesh = pv.PolyData(corners.reshape(-1, 3), cells.ravel())
    mesh.cell_data["color"] = np.round(255 * colors).astype(np.uint8)
    plotter.add_mesh(mesh, scalars="color", rgb=True, lighting=False, opacity=opacity)


@contextmanager
def _scene(camera: _Camera, background: str) -> Iterator[tuple[Any, Any]]:
    """PyVista and a plotter that looks as the camera does."""
    size = [_SAMPLES * n for n in camera.size]
    with _vtk_lock, _off_screen():
        import pyvista

        pv: Any = pyvista  # its annotations differ from version to version
        plotter = pv.Plotter(off_screen=True, window_size=size, lighting="none")
        try:
            plotter.set_background(background)
            distance = 4 * float(np.linalg.norm(camera.edges))
            plotter.camera.focal_point = tuple(camera.center)
            plotter.camera.position = tuple(camera.center + distance * camera.toward)
            plotter.camera.up = tuple(camera.up)
            plotter.camera.parallel_projection = True
            plotter.camera.parallel_scale = camera.scale * camera.size[1] / 2
            plotter.camera.clipping_range = (0.25 * distance, 2 * distance)
            yield pv, plotter
        finally:
            plotter.close()


@contextmanager
def _off_screen() -> Iterator[None]:
    """Let VTK make its window by EGL where there is no display, inside this block only."""
    name = "VTK_DEFAULT_OPENGL_WINDOW"
    if not _needs_egl():
        yield
        return
    os.environ[name] = "vtkEGLRenderWindow"
    try:
        yield
    finally:
        os.environ.pop(name, None)


def _needs_egl() -> bool:
    return (
        sys.platform.startswith("linux")
        and not os.environ.get("DISPLAY")
        and "VTK_DEFAULT_OPENGL_WINDOW" not in os.environ
    )


def _renderer() -> str:
    asked = os.environ.get("VMT_RENDERER", "auto").strip().lower() or "auto"
    if asked not in ("auto", "pyvista", "matplotlib"):
        raise InputError(
            f"VMT_RENDERER={asked!r} is not a renderer; expected 'pyvista', 'matplotlib' or 'auto'."
        )
    if asked == "auto":
        return "pyvista" if _pyvista_works() else "matplotlib"
    return asked


@functools.cache
def _pyvista_works() -> bool:
    """Ask a subprocess to draw a cube: a broken driver ends that process and not this one."""
    environment = dict(os.environ)
    if _needs_egl():
        environment["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkEGLRenderWindow"
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE],
            env=environment,
            timeout=_PROBE_SECONDS,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    if done.returncode != 0:
        _log.info("PyVista can't draw off-screen here; structures are drawn without it")
    return done.returncode == 0
