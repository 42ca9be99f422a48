"""A twin report with made-up numbers."""

import importlib.util
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def fake():
    """The module with the made-up twin."""
    path = Path(__file__).with_name("fake_twin.py")
    spec = importlib.util.spec_from_file_location("fake_twin", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
