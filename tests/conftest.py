"""Shared fixtures: the tomography beside the repository, where it is there."""

from pathlib import Path

import pytest

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def cathode_path() -> Path:
    """The real NMC cathode (three phases), or a skip with its reason."""
    path = DATA / "nrel_nmc1cal_CBDbridge_251x301x301.tif"
    if not path.is_file():
        pytest.skip("the NREL cathode is not in ../shared/data on this machine")
    return path
