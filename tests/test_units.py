"""Lengths are read with their unit, or not at all."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmt._units import LENGTH_UNITS, check_spacing, format_length, parse_length, parse_spacing
from vmt.errors import InputError


@pytest.mark.parametrize(
    ("text", "meters"),
    [
        ("10 nm", 1e-8),
        ("10nm", 1e-8),
        (" 0.398 µm ", 3.98e-7),
        ("0.398 μm", 3.98e-7),
        ("1e1 um", 1e-5),
        ("+.5 mm", 5e-4),
        ("2. Å", 2e-10),
    ],
)
def test_lengths(text, meters):
    """Both micro signs, exponents, spaces and signs are read."""
    assert parse_length(text) == pytest.approx(meters, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["", "10", "nm", "ten nm", "10 parsec", "-1 nm", "0 nm", "1 nm nm", "nan nm", "1e999 m"]
)
def test_what_is_no_length(text):
    """No unit, no number, unknown units and impossible values are refused with an example."""
    with pytest.raises(InputError, match="10 nm"):
        parse_length(text)


def test_spacings():
    """One length is a cube, three are three, two are a mistake."""
    assert parse_spacing("10 nm") == pytest.approx((1e-8,) * 3)
    assert parse_spacing("10 nm,20nm, 0.03 um") == pytest.approx((1e-8, 2e-8, 3e-8))
    with pytest.raises(InputError, match="2 lengths"):
        parse_spacing("10 nm, 10 nm")


@given(st.floats(1e-11, 1e3), st.sampled_from(sorted(LENGTH_UNITS)))
def test_every_unit_scales(number, unit):
    """Parsing multiplies with the unit's meters."""
    assert parse_length(f"{number!r} {unit}") == pytest.approx(number * LENGTH_UNITS[unit])


@given(st.floats(1e-12, 1e2))
def test_formatting_is_read_back(value):
    """What is printed for people is the same length to its four digits."""
    assert parse_length(format_length(value)) == pytest.approx(value, rel=6e-4)


@pytest.mark.parametrize("spacing", [(1, 2, 3), [1, 2, 3], 2, 2.5])
def test_numbers_pass(spacing):
    """Numbers and sequences of three become floats."""
    assert all(isinstance(v, float) and math.isfinite(v) for v in check_spacing(spacing))
