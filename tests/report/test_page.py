"""The page builder: self-contained, escaped, aligned, atomic."""

import csv
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from vmt import InputError
from vmt._plotting import figure
from vmt.report import (
    Badge,
    Card,
    Page,
    Picture,
    figure_png,
    figure_svg,
    format_number,
    verdict_badge,
    write_table_csv,
)

EVIL = "<script>alert('x')</script>"
VOID = {"meta", "img", "br", "hr", "link", "input"}


class Reader(HTMLParser):
    """Collects tags and checks that they close in order."""

    def __init__(self):
        super().__init__()
        self.open, self.tags = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def read(page):
    reader = Reader()
    reader.feed(page.html())
    reader.close()
    assert reader.open == []
    return reader


def drawn():
    made = figure()
    made.axes[0].plot([0, 1], [0, 1])
    return made


def everything(word):
    page = Page(word, word).verdict(word).section(word, word).text([word, word])
    page.badges([Badge(word, "note"), word]).cards([Card(word, word, word, word)])
    page.callout("finding", word, label=word)
    page.table([word], [[word], [Badge(word)]], caption=word, units=[word])
    page.figure(drawn(), word, word).figures([Picture(figure_png(drawn()), word)])
    page.details(word, word, pairs={word: word})
    return page.provenance({word: {word: [word, 1.5]}})


def test_untrusted_text_is_escaped_everywhere():
    """A name that is a script ends as text in every component of the page."""
    html = everything(EVIL).html()
    assert "<script" not in html
    assert html.count("&lt;script&gt;") > 20


def test_a_page_is_whole_and_loads_nothing():
    """Every tag closes; nothing refers to a network, and every picture has an alternative text."""
    page = everything("a word")
    reader = read(page)
    assert ("html", {"lang": "en"}) in reader.tags
    for tag, attributes in reader.tags:
        assert tag not in ("script", "link", "iframe")
        if tag == "img":
            assert attributes["src"].startswith("data:image/")
            assert attributes["alt"]
    css = re.sub(r"data:[^\"]+", "", page.html())
    assert not re.search(r"https?://|@import|url\(", css)
    assert "<title>a word</title>" in page.html()


def test_sections_have_anchors_of_their_own():
    """Two sections of one title don't share an id."""
    html = Page("t").section("Numbers").section("Numbers").html()
    assert 'id="numbers"' in html
    assert 'id="numbers-2"' in html


def test_numbers_stand_right_and_text_left():
    """Columns of numbers are aligned to the right with one number of decimals, text to the left."""
    reader = read(Page("t").table(["name", "value"], [["a", 1.5], ["b", 12.25], ["c", None]]))
    assert [a["class"] for t, a in reader.tags if t == "td"] == ["left", "right"] * 3
    html = Page("t").table(["name", "value"], [["a", 1.5], ["b", 12.25]]).html()
    assert ">1.50<" in html
    assert ">12.25<" in html


def test_a_wrong_table_is_refused():
    """Cells, units and alignments must be one per column."""
    with pytest.raises(InputError, match="Row 0 of the table has 1 cells; expected 2"):
        Page("t").table(["a", "b"], [["x"]])
    with pytest.raises(InputError, match="units has 1 entries; expected 2"):
        Page("t").table(["a", "b"], [], units=["m"])
    with pytest.raises(InputError, match="callout of kind"):
        Page("t").callout("shout", "x")
    with pytest.raises(InputError, match="neither PNG nor JPEG"):
        Page("t").figure(b"GIF89a")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.01234567, "−0.01235"),
        (1.21e7, "1.21 × 10⁷"),
        (3.4e-9, "3.4 × 10⁻⁹"),
        (9.99996, "10"),
        (99999.9, "1 × 10⁵"),
        (float("inf"), "∞"),
        (np.float32(0.5), "0.5"),
        (np.int64(3), "3"),
        (True, "yes"),
        (1234567, "1\u202f234\u202f567"),
        (None, "–"),
        ("text", "text"),
    ],
)
def test_numbers_are_written_for_people(value, text):
    """Significant digits, powers of ten, a dash for what does not exist."""
    assert format_number(value) == text


def test_verdicts_have_their_colors():
    """Inside is good, outside bad, and the word itself is always there."""
    assert [verdict_badge(v).tone for v in ("inside", "outside", "not comparable", "?")] == [
        "good",
        "bad",
        "warn",
        "",
    ]


def test_a_table_file_keeps_every_digit(tmp_path):
    """CSV values read back bit for bit; what is no number is empty."""
    value = 0.1 + 0.2
    write_table_csv(tmp_path / "t.csv", ["name", "value"], [["a, b", value], ["c", float("nan")]])
    with open(tmp_path / "t.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["name", "value"]
    assert rows[1][0] == "a, b"
    assert float(rows[1][1]) == value
    assert rows[2] == ["c", ""]


def test_a_failed_table_leaves_the_old_file(tmp_path):
    """A bad row changes nothing on disk."""
    path = tmp_path / "t.csv"
    write_table_csv(path, ["a"], [[1]])
    with pytest.raises(InputError):
        write_table_csv(path, ["a"], [[1, 2]])
    assert path.read_text(encoding="utf-8") == "a\n1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_figures_become_the_same_text_twice():
    """The same figure gives the same SVG and PNG, so that reports can be compared."""
    assert figure_svg(drawn()) == figure_svg(drawn())
    assert figure_png(drawn()) == figure_png(drawn())


def test_a_page_is_written_whole(tmp_path):
    """The file holds the page, and nothing else is left beside it."""
    page = Page("Grüße µm")
    page.write(tmp_path / "report.html")
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == page.html()
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
