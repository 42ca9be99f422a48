"""The transport study of the six samples runs small and says what it should."""

import runpy
from pathlib import Path

import pytest

STUDY = Path(__file__).parents[1] / "studies" / "neumann_2023" / "transport.py"


def test_transport_study_runs_small(tmp_path: Path) -> None:
    """One small realization: voxels below the level set, the estimate nearer, parts resumed."""
    study = runpy.run_path(str(STUDY))
    study["solve"].__globals__["CORNER"] = 16
    rows = study["run"](tmp_path, ["M850"], 48, 1, 7)
    assert [row["phase"] for row in rows] == ["solid", "pore"]
    for row in rows:
        assert row["voxels [%]"] < -1
        assert abs(row["estimated [%]"]) < 0.5 * abs(row["voxels [%]"])
        assert 0 < row["predicted"] < 1
    assert study["run"](tmp_path, ["M850"], 48, 1, 7) == rows
    study["draw"](rows, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert set(study["COLUMNS"]) <= set(rows[0])


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_transport_study_of_one_sample(tmp_path: Path) -> None:
    """F850 at 200³: voxels lose 4 to 9 %, the estimated level set stays within 2 %."""
    study = runpy.run_path(str(STUDY))
    for row in study["run"](tmp_path, ["F850"], 200, 1, 2023):
        assert -9 < row["voxels [%]"] < -4
        assert abs(row["estimated [%]"]) < 2
