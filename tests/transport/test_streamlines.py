"""Lines of current against the currents they stand for."""

import pickle

import numpy as np
import pytest

from vmt.errors import InputError
from vmt.microstructure import LevelSet, Microstructure
from vmt.transport import effective_conductivity


def solved(structure, given=None, **options):
    return effective_conductivity(
        structure, given or {"solid": 1.0}, rtol=1e-9, keep_potential=True, **options
    )


@pytest.fixture(scope="module")
def winding(chi_square):
    """A χ² set, solved tightly along its second axis."""
    m = Microstructure(chi_square((18, 20, 22), 0.5), (1e-8, 1.5e-8, 1e-8))
    return solved(m, axis=1)


def test_lines_run_from_face_to_face_inside_the_phase(winding) -> None:
    """No line ends in a wall: all arrive, and every piece lies in a conducting voxel."""
    found = winding.streamlines(100)
    assert len(found) == 100
    spacing = np.array(winding.spacing)
    labels = winding.structure.labels
    for points in found.points:
        assert points[0, 1] == 0
        assert points[-1, 1] == pytest.approx(20 * 1.5e-8, rel=1e-6)
        middle = 0.5 * (points[1:] + points[:-1]) / spacing
        index = np.clip(middle.astype(int), 0, np.array(labels.shape) - 1)
        assert labels[tuple(index.T)].all()


def test_lines_carry_equal_shares_through_any_plane(winding) -> None:
    """The share of lines that crosses each quarter of a middle plane is its share of the current.

    A sixth of a share is 1.5 standard deviations of what 600 lines can scatter, were they random.
    """
    found = winding.streamlines(600, rng=1)
    middle = 10 * 1.5e-8
    current = winding.flux_density()[1][:, 9:11].mean(axis=1)
    crossings = np.zeros((2, 2))
    for points in found.points:
        before = np.flatnonzero((points[:-1, 1] < middle) & (points[1:, 1] >= middle))
        back = np.flatnonzero((points[:-1, 1] >= middle) & (points[1:, 1] < middle))
        for at, sign in [(n, 1) for n in before] + [(n, -1) for n in back]:
            i = int(points[at, 0] > 9e-8)
            k = int(points[at, 2] > 11e-8)
            crossings[i, k] += sign
    shares = current.reshape(2, 9, 2, 11).sum(axis=(1, 3)) / current.sum()
    assert crossings.sum() == 600
    assert crossings / 600 == pytest.approx(shares, abs=0.06)


def test_a_straight_channel_has_straight_lines() -> None:
    """In a full box lines are straight and the flux density is its mean."""
    result = solved(Microstructure(np.ones((9, 5, 4), np.uint8), 1e-8))
    found = result.streamlines(12)
    for points, flux in zip(found.points, found.flux_density, strict=True):
        assert np.ptp(points[:, 1:], axis=0) == pytest.approx([0, 0], abs=1e-12)
        assert np.diff(points[:, 0]).min() > 0
        assert flux == pytest.approx(np.ones(len(flux)), rel=1e-4)


def test_lines_through_joined_sides_go_on_at_the_other() -> None:
    """A staircase that leaves through one side: pieces of a line that join end to end."""
    i, k = np.indices((12, 12))
    labels = np.repeat(((i + k) % 12 < 4).astype(np.uint8)[:, None, :], 3, axis=1)
    result = solved(Microstructure(labels, 1e-8), sides="periodic")
    found = result.streamlines(20)
    assert len(found) > 20
    ends = [points[-1] for points in found.points]
    starts = [points[0] for points in found.points]
    assert sum(e[0] > 11.99e-8 for e in ends) == 20
    assert sum(s[0] == 0 for s in starts) >= 20
    for end in ends:
        if end[0] < 11.99e-8:
            assert end[2] in (0, pytest.approx(12e-8))


def test_lines_of_a_level_set_and_of_a_window(chi_square) -> None:
    """Cut cells have lines, too; in a window they are those that start there, as far as it goes."""
    x = (np.arange(25) / 24 - 0.5) * 24
    distance = np.sqrt(x[:, None, None] ** 2 + x[:, None] ** 2 + x**2) - 9.0
    result = solved(LevelSet(distance, 1e-8), {"pore": 1.0})
    found = result.streamlines(60)
    assert len(found) == 60
    assert all(points[-1, 0] > 23.99e-8 for points in found.points)
    reached = np.concatenate([np.sqrt(((p - 12e-8) ** 2).sum(axis=1)) for p in found.points])
    assert reached.min() > 8e-8  # the sphere but for the cells that it cuts
    part = result.streamlines(60, window=(12, 24, 24))
    assert all(points[-1, 0] == pytest.approx(12e-8, rel=1e-5) for points in part.points)
    again = pickle.loads(pickle.dumps(part))
    assert all(np.array_equal(a, b) for a, b in zip(part.points, again.points, strict=True))


def test_what_lines_refuse(winding) -> None:
    """No potential, no lines, too many, or a window beyond the box; no path has none."""
    m = winding.structure
    with pytest.raises(InputError, match="keep_potential"):
        effective_conductivity(m, {"solid": 1.0}, bounds="none").streamlines()
    for count in (0, 2.5, 10**6):
        with pytest.raises(InputError, match="count"):
            winding.streamlines(count)
    for window in ((1, 2), (19, 20, 22), (0, 1, 1)):
        with pytest.raises(InputError, match="window"):
            winding.streamlines(window=window)
    labels = np.zeros((6, 4, 4), np.uint8)
    labels[:3] = 1
    assert len(solved(Microstructure(labels, 1e-8)).streamlines(5)) == 0
