"""Ratios against the field's solvers; skipped where they are not installed."""

import importlib.util
from pathlib import Path

import pytest

_path = Path(__file__).parent / "peers" / "compare.py"
_spec = importlib.util.spec_from_file_location("peers_compare", _path)
assert _spec is not None
assert _spec.loader is not None
compare = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(compare)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("peer", "edge", "ratio"),
    [
        ("taufactor", 100, 12),
        ("porespy", 100, 20),
        ("pyamg", 100, 10),
        ("taufactor", 200, 60),
        ("porespy", 200, 100),
    ],
)
def test_ratio_at_equal_or_better_accuracy(peer: str, edge: int, ratio: float) -> None:
    """On one image, alternating, this solver is faster by the ratio and at least as accurate."""
    pytest.importorskip(compare.PEERS[peer])
    compare.ours(compare.image(24))
    compare.SOLVERS[peer](compare.image(24))
    found = compare.compare(edge, [peer], once=(peer,) if edge > 128 else ())
    assert found[peer]["ratio"] >= ratio
    assert abs(found["vmt"]["relative_error"]) <= 1e-4
    assert abs(found["vmt"]["relative_error"]) <= abs(found[peer]["relative_error"]) + 1e-5


def test_image_of_the_comparison_percolates() -> None:
    """The image conducts, has the wanted volume fraction, and the solver meets its tolerance."""
    labels = compare.image(48)
    assert labels.mean() == pytest.approx(0.5, abs=0.02)
    exact = compare.ours(labels, 1e-9)[1]
    assert 0.05 < exact < 0.5
    assert abs(compare.ours(labels)[1] / exact - 1) <= 1e-4
