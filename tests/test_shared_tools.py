"""Memory budget, progress and provenance."""

import io
import sys

import pytest

from vmt._budget import available_memory, format_bytes, require_memory
from vmt._progress import Remaining, format_seconds, quiet, steps
from vmt._provenance import Timer, provenance
from vmt._version import __version__
from vmt.errors import InputError, MemoryBudgetError, VmtError


@pytest.mark.parametrize(
    ("text", "size"),
    [("1000", 1000), ("2KiB", 2048), ("1.5 GiB", 3 * 2**29), ("12gib", 12 * 2**30), ("7 B", 7)],
)
def test_the_limit_is_read(monkeypatch, text, size):
    """Bytes with or without a suffix."""
    monkeypatch.setenv("VMT_MEMORY_LIMIT", text)
    assert available_memory() == size


@pytest.mark.parametrize("text", ["", "lots", "12 GB", "-1", "1e9"])
def test_a_strange_limit_is_refused(monkeypatch, text):
    """What isn't a size is an error, not no limit."""
    monkeypatch.setenv("VMT_MEMORY_LIMIT", text)
    with pytest.raises(InputError, match="VMT_MEMORY_LIMIT"):
        available_memory()


def test_work_beyond_the_budget_is_refused(monkeypatch):
    """At the limit it passes, above it the message has both sizes and the advice."""
    monkeypatch.setenv("VMT_MEMORY_LIMIT", "1 MiB")
    require_memory(2**20, "this")
    with pytest.raises(MemoryBudgetError, match=r"^this needs 2\.0 MiB.*1\.0 MiB.*Do less\.$"):
        require_memory(2**21, "this", "Do less.")
    assert issubclass(MemoryBudgetError, (VmtError, MemoryError))


def test_the_system_has_memory(monkeypatch):
    """Without a limit the system's free memory counts: more than 1 MiB, less than an exabyte."""
    monkeypatch.delenv("VMT_MEMORY_LIMIT", raising=False)
    assert 2**20 < available_memory() < 2**60
    assert format_bytes(available_memory())[-1] == "B"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        """Say yes."""
        return True


@pytest.mark.parametrize(("silent", "shown"), [(True, False), (False, True)])
def test_progress_on_a_terminal(monkeypatch, silent, shown):
    """A bar on a terminal, none in a quiet block; a nested one is silent."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with quiet(silent), steps("sampling", 3) as step:
        step("first part")
        with steps("inner work", 2) as inner:
            inner()
        step(advance=2)
    assert ("first part" in stream.getvalue() or "sampling" in stream.getvalue()) == shown
    assert "inner work" not in stream.getvalue()


def test_a_bar_with_an_estimate(monkeypatch):
    """On a terminal it shows text, percentage and what is left in words."""
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with steps("cell", 1000, estimates=True) as step:
        step("3.712 V, step 12 s", advance=420, left=5400.0)
    shown = stream.getvalue()
    for part in ("3.712 V, step 12 s", "42%", "90 min left", "0:00:00"):
        assert part in shown


def test_what_is_left_follows_the_speed_of_the_newer_half():
    """Even work is estimated exactly; a slow start and what was done before count not."""
    clock = [0.0]
    even = Remaining(lambda: clock[0])
    assert even(0.0) is None
    for share in (0.1, 0.35, 0.9):
        clock[0] = 500.0 * share
        assert even(share) == pytest.approx(500.0 * (1 - share))
    assert even(1.0) == 0.0
    clock[0] = 0.0
    resumed = Remaining(lambda: clock[0])
    assert resumed(0.6) is None
    clock[0] = 10.0
    assert resumed(0.65) == pytest.approx(70.0)
    assert resumed(0.65) == pytest.approx(70.0)  # no progress, no time: the same
    clock[0] = 0.0
    slow = Remaining(lambda: clock[0])
    slow(0.0)
    for share, time in ((0.01, 100.0), (0.02, 200.0), (0.1, 208.0), (0.2, 218.0), (0.4, 238.0)):
        clock[0] = time
        left = slow(share)
    assert left == pytest.approx(60.0)
    assert format_seconds(left) == "60 s"
    assert format_seconds(7260) == "2 h 01 min"


def test_no_progress_in_a_file(monkeypatch):
    """Nothing is written where no terminal is."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with steps("sampling", 1) as step:
        step()
    assert stream.getvalue() == ""


def test_timers_add_up():
    """The same name twice is one sum, also if the block fails."""
    timer = Timer()
    with timer("a"):
        pass
    first = timer.seconds["a"]
    with pytest.raises(RuntimeError), timer("a"):
        raise RuntimeError
    assert timer.seconds["a"] >= first >= 0


def test_provenance_names_everything():
    """Version, command, parameters, seed, inputs and packages are there."""
    made = provenance(
        command="vmt twin", parameters={"a": 1}, seed=7, inputs={"x": "hash"}, seconds={"all": 1.0}
    )
    assert made["vmt"] == __version__
    assert made["schema_version"] == 1
    assert (made["seed"], made["inputs"], made["parameters"]) == (7, {"x": "hash"}, {"a": 1})
    assert made["packages"]["numpy"]
