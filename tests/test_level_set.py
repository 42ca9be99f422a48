"""The noun LevelSet: what it refuses, its volume, its voxels, what it keeps."""

import pickle

import matplotlib as mpl
import numpy as np
import pytest

from vmt.errors import InputError
from vmt.microstructure import GreyImage, LevelSet

mpl.use("Agg")


def ball(cells: int, *, at: str = "corners", radius: float = 0.37) -> LevelSet:
    """A ball of the given radius in the unit cube, its center between no grid lines."""
    x = np.arange(cells + 1.0) if at == "corners" else np.arange(cells) + 0.5
    x = x / cells - 0.5
    distance = np.sqrt(
        (x[:, None, None] - 0.013) ** 2 + (x[:, None] + 0.021) ** 2 + (x - 0.007) ** 2
    )
    return LevelSet(distance - radius, 1 / cells, at=at)


EXACT = 4 / 3 * np.pi * 0.37**3


def test_volume_is_second_order() -> None:
    """The volume of a ball converges with the square of the cell, from corners and from centers."""
    for at in ("corners", "centers"):
        errors = [abs(ball(n, at=at).volume_fraction("solid") / EXACT - 1) for n in (12, 24, 48)]
        assert errors[0] / errors[1] > 3.3
        assert errors[1] / errors[2] > 3.3
        assert errors[2] < 2e-3


def test_phases_share_the_volume() -> None:
    """Fractions sum to one, by name and by label."""
    found = ball(12)
    assert found.volume_fraction("solid") + found.volume_fraction("pore") == 1
    assert found.volume_fraction(1) == found.volume_fraction("solid")
    assert (found.name_of(0), found.name_of("solid")) == ("pore", "solid")
    with pytest.raises(InputError, match="'solid'"):
        found.volume_fraction("binder")


def test_voxels_take_the_majority_of_their_volume() -> None:
    """A plane at 0.4 or 0.6 of a cell turns it, whatever the corners say; ties are inside."""
    x = np.broadcast_to(np.arange(5.0)[:, None, None], (5, 3, 4))
    for place, expected in ((1.4, [1, 0, 0, 0]), (1.6, [1, 1, 0, 0]), (2.5, [1, 1, 1, 0])):
        made = LevelSet(x - place, (1e-8, 2e-8, 3e-8)).to_microstructure()
        np.testing.assert_array_equal(made.labels[:, 1, 1], expected)
        assert made.spacing == (1e-8, 2e-8, 3e-8)
    assert dict(made.phases) == {"pore": 0, "solid": 1}


def test_voxels_of_centers_are_their_signs() -> None:
    """Values at centers decide by themselves; 0 is inside."""
    values = np.array([-1.0, 0.0, 1.0]).reshape(3, 1, 1)
    made = LevelSet(values, 1e-8, at="centers", inside="a", outside="b").to_microstructure()
    assert made.labels.ravel().tolist() == [1, 1, 0]
    assert made.volume_fraction("a") == pytest.approx(2 / 3)


def test_corners_of_linear_centers_are_exact() -> None:
    """A plane given at centers is the same plane at corners, up to the faces of the box."""
    x = np.arange(6) + 0.5
    values = x[:, None, None] + 0.5 * x[:, None] - x - 1.3
    found = LevelSet(values, 1e-8, at="centers").at_corners()
    y = np.arange(7.0)
    expected = y[:, None, None] + 0.5 * y[:, None] - y - 1.3
    np.testing.assert_allclose(found.values, expected, atol=1e-5)
    assert found.shape == (6, 6, 6)
    assert found.at_corners() is found


def test_grey_values_place_the_boundary() -> None:
    """A linear ramp of grey crosses the threshold where the level set has its boundary."""
    x = np.arange(10) + 0.5
    ramp = np.broadcast_to((100 * x)[:, None, None], (10, 4, 4)).astype(np.uint16)
    made = LevelSet.from_grey(GreyImage(ramp, 1e-8), 330, bright="solid", dark="pore")
    assert made.volume_fraction("pore") == pytest.approx(0.33, abs=1e-6)
    for threshold in (10, 951):
        with pytest.raises(InputError, match="between"):
            LevelSet.from_grey(GreyImage(ramp, 1e-8), threshold)


def test_it_is_read_only_and_pickles() -> None:
    """Values can't be written, before and after a pickle, and everything comes back."""
    made = LevelSet(ball(6).values.astype(float), (1e-8, 2e-8, 3e-8), inside="a", outside="b")
    back = pickle.loads(pickle.dumps(made))
    for one in (made, back):
        assert one.values.dtype == np.float32
        with pytest.raises(ValueError, match="read-only"):
            one.values[0, 0, 0] = 1
    np.testing.assert_array_equal(back.values, made.values)
    assert (back.spacing, back.at, back.inside, back.outside) == (
        made.spacing,
        "corners",
        "a",
        "b",
    )


@pytest.mark.parametrize(
    ("values", "options", "match"),
    [
        (np.zeros((3, 3)), {}, "three axes"),
        (np.zeros((3, 1, 3)), {}, "corners"),
        (np.zeros((3, 3, 3), complex), {}, "real"),
        (np.full((3, 3, 3), np.nan), {}, "finite"),
        (np.full((3, 3, 3), 1e300), {}, "finite"),
        (np.zeros((3, 3, 3)), {"at": "faces"}, "corners"),
        (np.zeros((3, 3, 3)), {"inside": "pore"}, "different"),
        (np.zeros((3, 3, 3)), {"spacing": -1}, "spacing"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow")
def test_what_it_refuses(values, options, match: str) -> None:
    """Arrays, names and places that can't be used are refused with a reason."""
    with pytest.raises(InputError, match=match):
        LevelSet(values, options.pop("spacing", 1e-8), **options)


def test_plot_draws_the_boundary() -> None:
    """A slice of the values with the zero line, in micrometers."""
    ax = ball(8).plot(axis=2)
    assert len(ax.collections) == 2
    assert ax.get_xlabel() == "µm"
    assert "8×8×8 cells" in repr(ball(8, at="centers"))
