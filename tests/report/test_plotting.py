"""The common look: colors by phase, scale bars, and bands."""

import numpy as np
import pytest

from vmt import Microstructure
from vmt._plotting import axes, draw_band, draw_diagonal, draw_scale_bar, draw_slice, finish, legend


def test_a_slice_has_the_colors_of_its_phases_whatever_their_labels():
    """Labels 0 and 255 are drawn like 0 and 1, and the legend names them."""
    few = draw_slice(axes(), np.array([[0, 1]]), (1e-6, 1e-6), {"pore": 0, "solid": 1})
    far = draw_slice(axes(), np.array([[0, 255]]), (1e-6, 1e-6), {"pore": 0, "solid": 255})
    np.testing.assert_array_equal(few.images[0].get_array(), far.images[0].get_array())
    assert [t.get_text() for t in far.get_legend().get_texts()] == ["pore", "solid"]


def test_a_slice_is_measured_in_micrometers():
    """The picture's extent is voxels times spacing, the first axis downward."""
    labels = np.zeros((4, 6), np.uint8)
    ax = draw_slice(axes(), labels, (1e-6, 2e-6))
    assert ax.images[0].get_extent() == pytest.approx([0.0, 12.0, 4.0, 0.0])


def test_structures_still_plot_themselves():
    """`Microstructure.plot` draws through the same function."""
    m = Microstructure(np.arange(8, dtype=np.uint8).reshape(2, 2, 2) % 3, 10e-9)
    assert m.plot().images


@pytest.mark.parametrize(("width", "text"), [(4.0, "1 µm"), (0.36, "50 nm"), (119.0, "20 µm")])
def test_a_scale_bar_has_a_round_length(width, text):
    """The bar is 1, 2 or 5 times a power of ten, at most a quarter of the width."""
    ax = draw_scale_bar(axes(), (width, width))
    assert ax.texts[0].get_text() == text


def test_a_diagonal_frames_all_points():
    """Both axes have the same limits and all values lie inside; one value alone is fine."""
    for values in ([0.2, 0.5, np.nan], [0.3], [0.0], []):
        ax = draw_diagonal(axes(), values)
        low, high = ax.get_xlim()
        assert ax.get_ylim() == (low, high)
        assert low < high
        assert all(low < v < high for v in values if np.isfinite(v))


def test_a_band_has_its_legend():
    """Curve and band are named; without names there is no legend."""
    x = np.linspace(0, 1, 5)
    ax = legend(finish(draw_band(axes(), x, x, x - 1, x + 1, label="mean", band_label="spread")))
    assert {t.get_text() for t in ax.get_legend().get_texts()} == {"mean", "spread"}
    assert legend(draw_band(axes(), x, x, x, x)).get_legend() is None
