"""Protocols as text: the grammar, and that nothing else gets through."""

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmt.electrode import CurrentStep, PowerStep, Protocol, Rest, VoltageStep
from vmt.errors import InputError


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ("Discharge at C/10 until 3.0 V", CurrentStep(5.0, 3.0)),
        ("discharge at 2C until 3000 mV", CurrentStep(100.0, 3.0)),
        ("Discharge at 0.5 C for 90 min", CurrentStep(25.0, duration=5400.0)),
        (
            "Charge at 5.57 mA/cm2 for 2 hours or until 4.3V",
            CurrentStep(-5.57 * 10.0, 4.3, 7200.0),
        ),
        ("Charge at 20 A/m² until 4.3 V", CurrentStep(-20.0, 4.3)),
        ("Discharge at 30 W/m2 until 3 V", PowerStep(30.0, 3.0)),
        ("Charge at 3 mW / cm2 for 10 s", PowerStep(-30.0, duration=10.0)),
        ("Hold at 4.3 V until C/50", VoltageStep(4.3, 1.0)),
        ("Hold at 4300 mV for 1 h or until 0.1 mA/cm2", VoltageStep(4.3, 1.0, 3600.0)),
        ("Rest for 1e2 seconds", Rest(100.0)),
        ("  REST   for  .5h ", Rest(1800.0)),
    ],
)
def test_what_people_write(text: str, step: object) -> None:
    """Each form of the grammar gives the step that it names, in SI units."""
    (made,) = Protocol.parse(text, one_hour_current=50.0)
    assert made == step


def test_several_steps_in_one_text() -> None:
    """Steps are separated by semicolons or lines, and can be repeated."""
    text = "Discharge at 1C until 3 V\nRest for 1 h; Charge at C/2 until 4.3 V\n\n"
    protocol = Protocol.parse(text, one_hour_current=50.0, repeat=2)
    assert [type(s).__name__ for s in protocol] == ["CurrentStep", "Rest", "CurrentStep"] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no steps"),
        ("Sleep for 1 h", "does not begin with"),
        ("Rest until 3 V", "a rest is"),
        ("Rest for 1 day", "not a positive time"),
        ("Rest for -1 h", "not a positive time"),
        ("Discharge at 1C", "then 'for' a time"),
        ("Discharge until 3 V", "expected 'discharge at' a value"),
        ("Discharge at 2 A until 3 V", "not a rate"),
        ("Discharge at -1 A/m2 until 3 V", "not positive"),
        ("Discharge at 1C until 3 A", "not a voltage"),
        ("Hold at 1C for 1 h", "not a voltage"),
        ("Hold at 4.2 V until 3 V", "not a current density"),
        ("Discharge at 1C for 1 h for 2 h", "stands twice"),
        ("Discharge at C/0 until 3 V", "divides by zero"),
        ("Discharge at 1e999 A/m2 until 3 V", "not a rate"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    """What does not match the grammar is refused, with what was expected."""
    with pytest.raises(InputError, match=message):
        Protocol.parse(text, one_hour_current=50.0)


def test_rates_need_a_current() -> None:
    """A rate without the current of 1C is refused with the call that gives it."""
    with pytest.raises(InputError, match=r"current_density\(1\.0\)"):
        Protocol.parse("Discharge at C/10 until 3 V")


WORDS = st.sampled_from(
    [
        "Discharge", "Charge", "Hold", "Rest", "at", "for", "until", "or", "C/10", "2C", "3.0", "V",
        "mA/cm2", "h", "__import__('os')", "1e999", "nan", "-5", "A/m2", ";", "\n", "%s", "\x00",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.lists(WORDS, max_size=9).map(" ".join), st.text(string.printable, max_size=60)))
def test_any_text_is_a_protocol_or_one_error(text: str) -> None:
    """Whatever text comes, it is read or refused by an InputError; nothing else happens."""
    try:
        steps = list(Protocol.parse(text, one_hour_current=50.0))
    except InputError:
        return
    assert steps


@settings(max_examples=100, deadline=None)
@given(
    st.floats(1e-3, 1e3), st.floats(0.1, 10.0), st.floats(1.0, 1e6), st.sampled_from([1.0, -1.0])
)
def test_written_and_read_again(current: float, voltage: float, time: float, sign: float) -> None:
    """A step written with its numbers is read back exactly."""
    verb = "Discharge" if sign > 0 else "Charge"
    text = f"{verb} at {current!r} A/m2 for {time!r} s or until {voltage!r} V"
    (made,) = Protocol.parse(text)
    assert made == CurrentStep(sign * current, voltage, time)
