"""Structures that the descriptor tests share."""

import importlib.util
from pathlib import Path

import pytest

from vmt.microstructure import Microstructure

_spec = importlib.util.spec_from_file_location(
    "descriptor_excursion", Path(__file__).with_name("excursion.py")
)
_module = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_module)


@pytest.fixture(scope="session")
def excursion():
    """The helper module tests/descriptors/excursion.py."""
    return _module


@pytest.fixture(scope="session")
def f850(excursion):
    """One realization of F850 at 100³ and 10 nm."""
    return Microstructure(excursion.chi_square_set(100, *excursion.SAMPLES["F850"], 1e-8, 5), 1e-8)
