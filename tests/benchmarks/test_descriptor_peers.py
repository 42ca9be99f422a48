"""Ratios of the descriptors against PoreSpy; skipped where it is not installed."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

_path = Path(__file__).parent / "peers" / "descriptors.py"
_spec = importlib.util.spec_from_file_location("peers_descriptors", _path)
assert _spec is not None
assert _spec.loader is not None
peers = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(peers)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("job", "ratio"),
    [
        ("two-point function", 5),
        ("intrusion, whole radii", 5),
        ("intrusion, 25 radii", 5),
        ("local thickness, whole radii", 1.5),
        ("local thickness, whole radii, PoreSpy's dt", 5),
    ],
)
def test_ratio_at_equal_or_better_accuracy(job: str, ratio: float) -> None:
    """At 200³ in one run, the same job is faster by the ratio and no less accurate."""
    pytest.importorskip("porespy")
    found = peers.compare(200, 2, [job])[job]
    assert found["ratio"] >= ratio
    if not np.isnan(found["vmt error"]):
        assert found["vmt error"] <= found["PoreSpy error"] + 1e-12


def test_references_of_the_comparison() -> None:
    """The plain references equal vmt's maps and curve on a small image."""
    import vmt
    from vmt.descriptors import local_thickness

    mask = peers.structure(40, 3)
    m = vmt.Microstructure(mask, 1.0)
    radii = np.array([1.0, 1.5, 2.0, 3.0, 4.5, 6.0])
    made = local_thickness(m, "solid", radii=peers.same_balls(radii), faces="x-")
    plain = peers.intruded_plainly(mask, radii, 26)
    assert len(np.unique(plain)) > 4
    np.testing.assert_array_equal(peers.rounded(made, radii), plain)
    curve = vmt.two_point_coverage_probability(m, "solid")
    assert peers.two_point_error(mask, curve.lags, curve.values) < 0.005
    assert peers.two_point_error(mask, curve.lags, curve.values * 1.05) > 0.02
