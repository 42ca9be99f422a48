"""Renderings: the two renderers agree, show what they say, and fail softly."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest

import vmt
from vmt import InputError, Microstructure
from vmt.report import _render, render, render_png, view_caption, write_result

SIZE = (240, 200)


@pytest.fixture
def plain(monkeypatch):
    monkeypatch.setenv("VMT_RENDERER", "matplotlib")


def box(shape=(20, 20, 20), phases=None):
    labels = np.zeros(shape, np.uint8)
    labels[2:-2, 2:-2, 2:-2] = 1
    return Microstructure(labels, 10e-9, phases or {})


def drawn(picture):
    """Share of the middle of the picture that is not background."""
    middle = picture[60:140, 80:160].astype(int)
    return float((middle.sum(axis=2) < 3 * 235).mean())


def test_a_picture_has_the_asked_size_and_shows_something(plain):
    """The array is (h, w, 3) uint8, with the structure in the middle and white at the corner."""
    picture = render(box(), size=SIZE, title="A box")
    assert picture.shape == (200, 240, 3)
    assert picture.dtype == np.uint8
    assert drawn(picture) > 0.95
    assert tuple(picture[0, 0]) == (255, 255, 255)


def test_an_empty_phase_leaves_only_the_outline(plain):
    """A phase without voxels is a picture without surface, not an error."""
    empty = Microstructure(np.zeros((20, 20, 20), np.uint8), 10e-9)
    assert drawn(render(empty, phase="solid", size=SIZE)) < 0.1


def test_the_asked_phase_is_shown_in_its_color(plain):
    """The binder alone is orange; all phases but the first are shown without a choice."""
    labels = np.zeros((16, 16, 16), np.uint8)
    labels[:, :8], labels[:, 8:] = 1, 2
    m = Microstructure(labels, 10e-9, {"pore": 0, "solid": 1, "binder": 2})
    red, _, blue = render(m, phase="binder", size=SIZE)[60:140, 80:160].reshape(-1, 3).mean(axis=0)
    assert red > blue + 30
    assert view_caption(m).startswith("solid, binder;")
    assert view_caption(m, phase=2).startswith("binder;")


def test_rays_hit_the_voxels_that_a_slow_walk_hits():
    """The vectorized voxel walk finds the same first voxel as small steps along each ray."""
    rng = np.random.default_rng(3)
    labels = (rng.random((9, 7, 8)) < 0.15).astype(np.uint8)
    view = _render._view(Microstructure(labels, (10e-9, 20e-9, 15e-9)), "solid")
    camera = _render._Camera.fit(view, (40, 32))
    picture = _render._draw_rays(view, camera, "white")
    ids = _render._cut_corner(view)
    spacing = np.array(view.spacing) * 1e6
    wrong = 0
    for row in range(32):
        for column in range(40):
            hit = False
            for dr in (0.25, 0.75):
                for dc in (0.25, 0.75):
                    point = (
                        camera.center
                        + (column + dc - 20) * camera.scale * camera.right
                        - (row + dr - 16) * camera.scale * camera.up
                    )
                    way = np.linspace(-0.4, 0.4, 1500)[:, None]
                    cells = np.floor((point - way * camera.toward) / spacing).astype(int)
                    inside = np.all((cells >= 0) & (cells < ids.shape), axis=1)
                    hit |= bool(ids[tuple(cells[inside].T)].any())
            wrong += hit != bool((picture[row, column] < 255).any())
    assert wrong <= 4  # a sampled ray may step over the corner of a voxel


def test_both_renderers_draw_the_same(monkeypatch):
    """PyVista and the ray caster differ only at the edges of faces."""
    if not _render._pyvista_works():
        pytest.skip("PyVista can't draw off-screen on this machine")
    rng = np.random.default_rng(1)
    m = Microstructure((rng.random((12, 12, 12)) < 0.4).astype(np.uint8), 10e-9)
    pictures = []
    for name in ("matplotlib", "pyvista"):
        monkeypatch.setenv("VMT_RENDERER", name)
        pictures.append(render(m, size=SIZE).astype(int))
    different = (np.abs(pictures[0] - pictures[1]).max(axis=2) > 40).mean()
    assert different < 0.03


def test_a_large_structure_is_cropped_and_coarsened_and_says_so():
    """Above 160 voxels an edge is coarsened by 2, above 320 cropped, and the caption tells both."""
    m = Microstructure(np.ones((8, 340, 170), np.uint8), 10e-9)
    view = _render._view(m, "solid")
    assert view.ids.shape == (4, 160, 85)
    assert view.caption == (
        "solid; 8×340×170 voxels of 10 nm, the first 8×320×170 shown, coarsened by 2 for display"
    )


def test_anisotropic_voxels_and_sheets_are_drawn(plain):
    """A single sheet of anisotropic voxels is a picture, too."""
    labels = np.ones((30, 20, 1), np.uint8)
    m = Microstructure(labels, (10e-9, 20e-9, 30e-9))
    assert render(m, size=SIZE).std() > 0
    assert "10 nm×20 nm×30 nm" in view_caption(m)


def test_results_with_a_structure_are_rendered(plain):
    """Anything with `.structure` can be rendered; anything else is refused by name."""

    class Result:
        structure = box()

    assert render_png(Result(), size=SIZE).startswith(b"\x89PNG")
    with pytest.raises(InputError, match="A dict can't be rendered"):
        render({})


def test_bad_arguments_are_named(plain, monkeypatch):
    """Unknown phases, sizes and renderers are refused in one sentence."""
    with pytest.raises(InputError, match="no phase 'air'"):
        render(box(), phase="air")
    with pytest.raises(InputError, match="expected 32 to 8192"):
        render(box(), size=(3, 3))
    monkeypatch.setenv("VMT_RENDERER", "opengl")
    with pytest.raises(InputError, match="VMT_RENDERER='opengl'"):
        render(box())


def test_a_crashing_driver_ends_in_the_fallback(monkeypatch):
    """A probe that dies or hangs means rays, in this process, without a word of an error."""
    monkeypatch.setenv("VMT_RENDERER", "auto")
    for code in ("import os; os.abort()", "import time; time.sleep(60)"):
        _render._pyvista_works.cache_clear()
        monkeypatch.setattr(_render, "_PROBE", code)
        monkeypatch.setattr(_render, "_PROBE_SECONDS", 1.0)
        try:
            assert _render._renderer() == "matplotlib"
        finally:
            _render._pyvista_works.cache_clear()


def test_a_failing_draw_falls_back_to_rays(monkeypatch):
    """When PyVista fails after a good probe the picture is still drawn."""

    def broken(*arguments):
        raise RuntimeError("no context")

    monkeypatch.setenv("VMT_RENDERER", "auto")
    monkeypatch.setattr(_render, "_pyvista_works", lambda: True)
    monkeypatch.setattr(_render, "_draw_pyvista", broken)
    assert drawn(render(box(), size=SIZE)) > 0.95


def test_the_environment_is_left_as_it_was(monkeypatch):
    """The window class is chosen inside the drawing only, and never over the user's choice."""
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("VTK_DEFAULT_OPENGL_WINDOW", raising=False)
    before = dict(os.environ)
    with _render._off_screen():
        assert os.environ["VTK_DEFAULT_OPENGL_WINDOW"] == "vtkEGLRenderWindow"
    assert dict(os.environ) == before
    monkeypatch.setenv("VTK_DEFAULT_OPENGL_WINDOW", "mine")
    with _render._off_screen():
        assert os.environ["VTK_DEFAULT_OPENGL_WINDOW"] == "mine"


def test_importing_the_report_loads_no_heavy_package():
    """Neither PyVista, VTK nor matplotlib is loaded before something is drawn."""
    code = (
        "import sys, vmt.report;"
        "bad = {'pyvista', 'vtk', 'matplotlib', 'jinja2', 'scipy'} & set(sys.modules);"
        "sys.exit(str(sorted(bad)) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def conduction():
    """Two channels, the narrower one with ten times the flux density in its neck."""
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[:, 2:8, 2:18] = 1
    labels[:, 12:18, 2:18] = 1
    labels[9:11, 12:18, 2:18] = 0
    labels[9:11, 14:16, 9:11] = 1
    m = Microstructure(labels, 10e-9)
    return vmt.effective_conductivity(m, {"solid": 1.0}, keep_potential=True)


def colored(picture):
    """Share of pixels that have a color: lines and the scale are, a grey phase is not."""
    return float((np.ptp(picture.astype(int), axis=2) > 60).mean())


def test_a_conduction_is_drawn_as_lines_of_current(plain):
    """A result with its potential shows colored lines; its structure alone does not."""
    result = conduction()
    picture = render(result, size=(480, 400))
    assert picture.shape == (400, 480, 3)
    assert colored(picture) > 0.05 > colored(render(result.structure, size=(480, 400)))
    without = dataclasses.replace(result, potential=None)
    assert colored(render(without, size=(480, 400))) < 0.02


def test_both_renderers_draw_the_current():
    """PyVista's tubes and the flat lines cover nearly the same pixels."""
    if not _render._pyvista_works():
        pytest.skip("PyVista can't draw off-screen here")
    result, drawn = conduction(), {}
    for name in ("pyvista", "matplotlib"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("VMT_RENDERER", name)
            drawn[name] = colored(render(result, size=(480, 400)))
    assert drawn["pyvista"] == pytest.approx(drawn["matplotlib"], rel=0.5)


def test_a_conduction_without_a_path_is_a_picture(plain):
    """No current: the phase and the scale, and no error."""
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[:6] = 1
    result = vmt.effective_conductivity(
        Microstructure(labels, 10e-9), {"solid": 1.0}, keep_potential=True
    )
    assert render(result, size=SIZE).shape == (200, 240, 3)


def test_the_page_of_a_conduction_shows_its_current(plain, tmp_path):
    """Four more pictures on the page, and the current as a file of its own."""
    write_result(conduction(), tmp_path, "Current", "two channels", {"vmt": "test"})
    assert (tmp_path / "flux.png").read_bytes()[1:4] == b"PNG"
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<img") + page.count("<svg") >= 5
    assert "equal shares of the current" in page
    assert "bottlenecks" in page
