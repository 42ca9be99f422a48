"""The twin's page says what the numbers say."""

import csv
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from vmt import Microstructure
from vmt.report import twin_figures, twin_page, twin_table, write_twin


@pytest.fixture(autouse=True)
def plain(monkeypatch):
    monkeypatch.setenv("VMT_RENDERER", "matplotlib")


def cells(html):
    """Rows of all tables as lists of text."""
    rows = re.findall(r"<tr>(.*?)</tr>", html, re.S)
    return [
        [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)]
        for row in rows
    ]


@pytest.fixture(scope="module")
def html(fake):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VMT_RENDERER", "matplotlib")
        return twin_page(fake.FakeTwin()).html()


def test_the_table_has_every_descriptor_with_its_verdict(html):
    """Image, mean ± std with the std's decimals, z and verdict, in units that read well."""
    rows = cells(html)
    assert ["volume fraction", "solid", "", "0.4612", "0.4606 ± 0.0041", "+0.1", "inside",
            "0.461"] in rows  # fmt: skip
    assert ["specific surface area", "solid", "1/µm", "12.100", "12.700 ± 0.090", "−6.7",
            "outside", "–"] in rows  # fmt: skip
    assert ["median bulge radius", "solid", "nm", "81.0", "79.0 ± 1.0", "+2.0", "inside",
            "–"] in rows  # fmt: skip
    assert ["geodesic tortuosity", "pore", "", "–", "1.050 ± 0.010", "–", "not comparable",
            "–"] in rows  # fmt: skip


def test_a_phantom_is_called_one_and_shows_its_truth(fake, html):
    """Generated input has a badge, and the truth stands beside estimate and interval."""
    assert "phantom: generated, not measured" in html
    rows = cells(html)
    assert ["volume fraction", "", "0.4610", "0.004", "0.4532 to 0.4688", "0.4600",
            "in the interval"] in rows  # fmt: skip
    assert ["rate", "1/µm", "7.28", "0.11", "7.06 to 7.50", "7.60", "outside it"] in rows
    measured = replace(fake.FakeTwin(), is_phantom=False, truth=None)
    other = twin_page(measured).html()
    assert "hantom" not in other
    assert ["level", "", "1.55", "–", "–"] in cells(other)


def test_an_inadequate_model_is_said_at_the_top_with_its_reason(fake, html):
    """The finding stands as text with its number, and the badge is above everything."""
    assert html.index("model not adequate") < html.index("<h2")
    assert "no set of this family can." in html
    assert ["Anisotropy", "0.8", "3", "passed", "The axes differ by less than chance."] in cells(
        html
    )
    calm = replace(fake.FakeCalibration(), adequate=True, findings=())
    good = twin_page(replace(fake.FakeTwin(), calibration=calm)).html()
    assert "model adequate" in good
    assert "No check speaks against the model." in good


def test_names_of_phases_are_escaped(fake):
    """A phase, a file and a finding that are scripts stay text in pictures, tables and titles."""
    evil = "<script>x</script>"
    image = fake.blobs(1, (12, 12, 12), phases={"pore": 0, evil: 1})
    report = replace(
        fake.FakeTwin(),
        name=evil,
        phase=evil,
        image=image,
        realizations=(image,),
        rows=tuple(replace(row, phase=evil) for row in fake.FakeTwin().rows),
        m_factors={evil: fake.FakeTwin().m_factors["solid"]},
        text=(evil,),
        verdict=evil,
        provenance={evil: evil},
    )
    assert "<script" not in twin_page(report).html()


def test_what_is_missing_is_left_out(fake):
    """No realization, no curves, no families, no M-factors, one twin: still a page."""
    rows = tuple(
        replace(row, std=float("nan"), z=None, closed_form=None) for row in fake.FakeTwin().rows
    )
    bare = replace(
        fake.FakeTwin(),
        realizations=(),
        curves={},
        selection=None,
        m_factors={},
        rows=rows,
        truth=None,
        is_phantom=False,
    )
    assert list(twin_figures(bare)) == ["calibration"]
    html = twin_page(bare).html()
    assert "Model families" not in html
    assert "closed form" not in html


def test_image_and_twin_are_shown_through_the_same_window(fake):
    """Slices of a large image and a small twin, or of other voxels, cover the same micrometers."""
    image = fake.blobs(1, (60, 50, 40), spacing=20e-9)
    report = replace(fake.FakeTwin(), image=image)
    assert twin_page(report).html().count("Cropped to the window") == 1
    axes = twin_figures(report)["slices"].axes
    assert axes[0].get_xlim() == pytest.approx(axes[1].get_xlim())
    assert axes[0].get_ylim() == pytest.approx(axes[1].get_ylim())


def test_a_third_phase_is_drawn_as_background(fake):
    """The twin has two phases, so that the image is drawn with two; the caption says so."""
    labels = fake.blobs(1).labels.copy()
    labels[:5] = 2
    image = Microstructure(labels, 10e-9, {"pore": 0, "solid": 1, "binder": 2})
    html = twin_page(replace(fake.FakeTwin(), image=image)).html()
    assert "all phases but solid are drawn as pore" in html


def test_the_m_factor_figure_has_the_points_on_their_places(fake):
    """Twins stand above the image's value, the prediction above the computed value."""
    made = twin_figures(fake.FakeTwin())["m_factors"]
    upper, lower = made.axes[0], made.axes[2]
    np.testing.assert_allclose(
        upper.collections[0].get_offsets(), [[0.21, 0.2], [0.21, 0.205], [0.21, 0.213]]
    )
    np.testing.assert_allclose(
        lower.collections[0].get_offsets(), [[0.2, 0.19], [0.205, 0.2], [0.213, 0.2]]
    )
    np.testing.assert_allclose(lower.collections[1].get_offsets(), [[0.21, 0.198]])


def test_files_of_a_twin(fake, tmp_path):
    """Page, table, figures, provenance and numbers are there; writing again replaces them."""
    report = fake.FakeTwin()
    write_twin(report, tmp_path)
    write_twin(report, tmp_path)
    names = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    figures = ["slices", "m_factors", "descriptors", "calibration"]
    figures += ["curve_centered_two_point_coverage_probability"]
    expected = {f"figures/{name}.{end}" for name in figures for end in ("png", "svg")}
    expected |= {"figures/rendering_image.png", "figures/rendering_twin.png", "report.html"}
    expected |= {"table.csv", "provenance.json", "result.json"}
    assert names == expected
    with open(tmp_path / "table.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert float(rows[1]["image"]) == report.rows[1].image
    assert rows[1]["verdict"] == "outside"
    assert rows[-1]["image"] == ""
    assert json.loads((tmp_path / "provenance.json").read_text(encoding="utf-8"))["seed"] == 7
    assert json.loads((tmp_path / "result.json").read_text(encoding="utf-8"))["z"] is None
    assert len(twin_table(report)[1]) == len(report.rows)
