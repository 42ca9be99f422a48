"""The page of a sweep says what was run, what is missing, and what failed."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import vmt
from vmt.report import sweep_page

sys.path.insert(0, str(Path(__file__).parents[1] / "study"))
from sweep_helpers import FUNCTIONS


@pytest.fixture(autouse=True)
def functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FUNCTIONS))


def result(measure: str = "sums", **changes: object) -> vmt.SweepResult:
    fields = {
        "name": "<b>study</b>",
        "model": "sweep_functions:numbers",
        "factors": {"scale": {"low": 1, "high": 100, "levels": 3, "scale": "log"}},
        "measurements": [f"sweep_functions:{measure}"],
        "realizations": 6,
    }
    return vmt.run(vmt.Sweep(**{**fields, **changes}), cluster="inline")


def test_page_has_all_means_and_no_raw_names() -> None:
    """Names are escaped, every quantity is in the table, the design is told."""
    page = sweep_page(result()).html()
    assert "<b>study</b>" not in page
    for text in ("18 of 18 realizations", "scale", "1.0 to 100.0, 3 levels", "first", "own", "log"):
        assert text in page


def test_missing_and_failed_rows_are_seen() -> None:
    """Rows that are missing or failed get a warning with the first error."""
    whole = result("sometimes_impossible")
    assert whole.failed > 0
    part = replace(whole, rows=whole.rows.iloc[:10])
    page = sweep_page(part).html()
    assert "8 rows are missing" in page
    assert "negative" in page
    empty = replace(whole, rows=whole.rows.iloc[:0])
    assert "0 of 18" in sweep_page(empty).html()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"factors": {}},
        {"factors": {"scale": [1.0, 2.0], "size": [2, 3, 4]}},
        {"design": "sobol", "points": 8, "factors": {"scale": {"low": 1, "high": 2}}},
    ],
)
def test_plot_shows_the_means(changes: dict[str, object]) -> None:
    """The first panel's points are the first quantity's means, or its values without factors."""
    made = result(**changes)
    ax = made.plot(["sum"])
    summary = made.summary()
    place = summary.quantities.index("sum")
    drawn = np.sort(np.concatenate([np.asarray(line.get_ydata()) for line in ax.lines]))
    expected = summary.mean[:, place] if made.sweep.factors else made.values("sum")
    for value in expected:
        assert np.isclose(drawn, value).any()
    with pytest.raises(vmt.InputError, match="no quantity"):
        made.plot(["nothing"])
