"""The examples in the docstrings run and print what they say."""

import doctest
import importlib
import pkgutil

import pytest

import vmt

MODULES = [
    info.name
    for info in pkgutil.walk_packages(vmt.__path__, "vmt.")
    if not info.name.endswith("__main__")
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    """Every doctest of the module passes."""
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
    result = doctest.testmod(importlib.import_module(name), optionflags=flags)
    assert result.failed == 0


def test_examples_exist() -> None:
    """The doctest finder sees the package: a good number of examples is found."""
    finder = doctest.DocTestFinder()
    found = sum(
        bool(test.examples)
        for name in MODULES
        for test in finder.find(importlib.import_module(name))
    )
    assert found >= 30
