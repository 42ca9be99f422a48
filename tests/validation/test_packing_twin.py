"""A packing of a fitted particle model against the structure it was fitted to."""

import runpy
from pathlib import Path

import pytest

STUDY = Path(__file__).parents[2] / "studies" / "particle_twin" / "ground_truth.py"


@pytest.mark.slow
def test_a_packing_reproduces_what_its_model_was_fitted_to() -> None:
    """Image of known particles, extraction, model, packing: the specific surface area comes back
    within 10 %, and the centered two-point function within the range of cutouts of the image."""
    found = runpy.run_path(str(STUDY))["compare"]()
    first, second = found["surface"]
    assert second == pytest.approx(first, rel=0.10)
    inside = (found["twin"] >= found["low"]) & (found["twin"] <= found["high"])
    assert inside.all()
