"""The page of a run, and its lithium in 3D."""

import numpy as np
import pytest

import vmt
from vmt.electrode import Layout, Settings, Snapshot
from vmt.report import _render, _render_fields, render, view_caption, write_discharge

PHASES = {"pore": 0, "active_material": 1, "binder": 2, "separator": 3, "collector": 4, "inert": 5}


@pytest.fixture
def plain(monkeypatch):
    monkeypatch.setenv("VMT_RENDERER", "matplotlib")


def shot(low=0.3, high=0.9, binder=True, size=16):
    """Return a ball of active material, fuller toward the collector, under a cap of binder."""
    x, y, z = np.mgrid[: size + 4, :size, :size]
    radius = np.sqrt((x - 4 - size / 2) ** 2 + (y - size / 2) ** 2 + (z - size / 2) ** 2)
    phase = np.zeros(x.shape, np.uint8)
    phase[radius < size / 2 - 1] = 1
    if binder:
        phase[(radius >= size / 2 - 1) & (radius < size / 2 + 1) & (x < 8)] = 2
    phase[:4] = 3
    field = np.full(x.shape, np.nan, np.float32)
    field[phase == 1] = (low + (high - low) * x / x.max())[phase == 1]
    fields = {"stoichiometry": field}
    return Snapshot(90.0, 3.7, 10.0, 50.0, 0, Layout(phase, (1e-6,) * 3, 4, PHASES), fields)


def colors(picture):
    """Shares of pixels that are reddish, greenish or yellowish, and bluish."""
    r, g, b = (picture[..., i].astype(int) for i in range(3))
    return [float(m.mean()) for m in (r > g + 50, (g > r + 10) & (g > b - 20), b > g + 25)]


def test_lithium_is_drawn_with_the_binder(plain):
    """Binder is orange; levels run from violet to yellow; the separator is left out."""
    red, green, blue = colors(render(shot(), size=(400, 360)))
    assert red > 0.02
    assert green > 0.02
    assert blue > 0.005
    assert colors(render(shot(binder=False), size=(400, 360)))[0] < 0.01
    # the colors span what is there
    flat = render(shot(0.5, 0.5 + 1e-9, binder=False), size=(400, 360))
    assert colors(flat)[1] < green


def test_both_renderers_draw_the_same_lithium():
    """PyVista's picture and that of the rays agree but for edges."""
    if not _render._pyvista_works():
        pytest.skip("PyVista can't draw off-screen here")
    found = []
    for name in ("pyvista", "matplotlib"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("VMT_RENDERER", name)
            found.append(render(shot(), size=(300, 280)).astype(int))
    assert np.abs(found[0] - found[1]).mean() < 2.0


def test_a_large_cell_is_thinned_and_says_so(monkeypatch):
    """Above the voxels that are shown every second is."""
    monkeypatch.setattr(_render_fields, "_SHOWN", 10)
    view, ends = _render_fields.field_view(shot())
    assert view.ids.shape == (8, 8, 8)
    assert view.spacing == (2e-6,) * 3
    assert "every 2nd" in view.caption
    assert view_caption(shot()) == view.caption
    assert 0.3 < ends[0] < ends[1] <= 0.9


def test_the_page_shows_fields_currents_and_the_view(plain, tmp_path):
    """Every section is there with its picture; a run without fluxes has none of currents."""
    labels = np.zeros((8, 3, 3), np.uint8)
    labels[:, 1] = 1
    labels[2:4, 2] = 2
    phases = {"pore": 0, "active_material": 1, "binder": 2}
    cell = vmt.HalfCell(vmt.Microstructure(labels, 5e-6, phases), "nmc532-xu2019")
    for fluxes in (True, False):
        steps = vmt.Protocol([vmt.CurrentStep(10.0, duration=30.0)])
        run = vmt.cycle(cell, steps, fluxes=fluxes, settings=Settings(method="direct"))
        place = tmp_path / str(fluxes)
        place.mkdir()
        write_discharge(run, place, "Run", "plates", {"vmt": "test"}, spacing=(5e-6,) * 3)
        page = (place / "report.html").read_text("utf-8")
        for heading in ("Lithium on sections", "Lithium in 3D", "Salt and potentials"):
            assert heading in page
        assert ("Reactions" in page) == ("Currents" in page) == fluxes
        pictures = {p.stem for p in (place / "figures").iterdir()}
        assert pictures >= {"sections", "view", "electrolyte"}
        assert ("currents" in pictures) == fluxes
        head = (place / "fields-00.vti").read_bytes()[:3000]
        assert (b"ionic current density" in head) == fluxes
