"""Random particles: their law is what was asked for."""

import json
import math
import pickle

import numpy as np
import pytest

from vmt.errors import ConvergenceError, InputError
from vmt.kernels import star_shapes
from vmt.models import RandomStarParticle

SPECTRUM = np.array([0.001, 0.02, 0.01, 0.004])


def test_gaussian_model_has_its_spectrum_and_sizes() -> None:
    """Mean powers within Monte-Carlo error; the logarithm of the size has its median and spread."""
    model = RandomStarParticle.gaussian(8e-6, SPECTRUM, size_spread=0.25)
    np.testing.assert_allclose(model.mean_power_spectrum(), SPECTRUM, rtol=0.02)
    c = model.sample_coefficients(4000, rng=1)
    spectrum = star_shapes.power_spectra(c)
    relative = spectrum[:, 1:] / spectrum[:, :1]
    error = relative.std(axis=0) / math.sqrt(len(c))
    assert (np.abs(relative.mean(axis=0) - SPECTRUM) < 4 * error + 0.01 * SPECTRUM).all()
    size = np.log(np.cbrt(6 * star_shapes.volumes(c) / math.pi) / 8e-6)
    assert abs(size.mean()) < 4 * 0.25 / math.sqrt(len(c))
    assert size.std() == pytest.approx(0.25, rel=0.05)


def test_coefficients_are_isotropic() -> None:
    """Within a degree the orders have equal variance and no correlation."""
    c = RandomStarParticle.gaussian(1.0, SPECTRUM).sample_coefficients(6000, rng=2)
    part = c[:, 4:9] / c[:, :1]
    table = part.T @ part / len(part) / (SPECTRUM[1] / 5)
    np.testing.assert_allclose(table, np.eye(5), atol=0.09)


def test_sizes_can_be_given() -> None:
    """Volumes are those of the diameters asked for, and shapes follow the size by the copula."""
    base = RandomStarParticle.gaussian(5e-6, SPECTRUM, size_spread=0.3)
    matrix = np.eye(5)
    matrix[0, 2] = matrix[2, 0] = 0.8
    model = RandomStarParticle(base.diameters, base.powers, matrix)
    diameters = np.repeat([3e-6, 5e-6, 9e-6], 400)
    particles = model.sample(1200, rng=3, equivalent_diameters=diameters)
    got = [p.equivalent_diameter for p in particles]
    np.testing.assert_allclose(got, diameters, rtol=1e-10)
    power = np.array([p.power_spectrum()[2] / p.power_spectrum()[0] for p in particles])
    small, middle, large = power.reshape(3, -1).mean(axis=1)
    assert small < 0.7 * middle < 0.7 * 0.8 * large


def test_the_copula_is_the_one_asked_for() -> None:
    """Ranks of size and powers correlate as normal scores with the given matrix would."""
    from scipy.stats import spearmanr

    base = RandomStarParticle.gaussian(5e-6, SPECTRUM[:3] / 4, size_spread=0.3)
    matrix = np.array([[1, -0.5, 0.3, 0], [-0.5, 1, 0.2, 0], [0.3, 0.2, 1, 0.6], [0, 0, 0.6, 1.0]])
    c = RandomStarParticle(base.diameters, base.powers, matrix).sample_coefficients(5000, rng=4)
    spectrum = star_shapes.power_spectra(c)
    columns = np.column_stack([star_shapes.volumes(c), spectrum[:, 1:] / spectrum[:, :1]])
    want = 6 / math.pi * np.arcsin(matrix / 2)
    np.testing.assert_allclose(spearmanr(columns).statistic, want, atol=0.06)


def test_a_seed_names_the_sample_and_models_travel() -> None:
    """The same seed gives the same particles; pickles and JSON give the same model."""
    model = RandomStarParticle.gaussian(5e-6, SPECTRUM, size_spread=0.2)
    first = model.sample_coefficients(5, rng=5)
    for copy in (
        pickle.loads(pickle.dumps(model)),
        RandomStarParticle.from_dict(json.loads(json.dumps(model.to_dict()))),
    ):
        np.testing.assert_array_equal(copy.sample_coefficients(5, rng=5), first)
    rng = np.random.default_rng(6)
    assert not np.array_equal(model.sample_coefficients(5, rng=rng), first)


def test_bad_models_are_named() -> None:
    """Tables that fall, matrices that are no correlations, spectra without stars are refused."""
    with pytest.raises(InputError, match="diameters"):
        RandomStarParticle([2.0, 1.0], [[0.1, 0.2]], np.eye(2))
    with pytest.raises(InputError, match="powers"):
        RandomStarParticle([1.0, 2.0], [[0.2, 0.1]], np.eye(2))
    with pytest.raises(InputError, match="correlation"):
        RandomStarParticle([1.0, 2.0], [[0.1, 0.2]], [[1, 2], [2, 1]])
    with pytest.raises(InputError, match="power_spectrum"):
        RandomStarParticle.gaussian(1.0, [0.2, 0.2])
    with pytest.raises(InputError, match="median_diameter"):
        RandomStarParticle.gaussian(-1.0, [0.01])
    model = RandomStarParticle.gaussian(1.0, [0.01])
    with pytest.raises(InputError, match="count"):
        model.sample(-1, rng=1)
    with pytest.raises(InputError, match="equivalent_diameters"):
        model.sample(2, rng=1, equivalent_diameters=[1.0])
    wild = RandomStarParticle([1.0, 1.0], [[5.0, 6.0]], np.eye(2))
    with pytest.raises(ConvergenceError, match="star-shaped"):
        wild.sample(3, rng=1)


def test_gallery_draws() -> None:
    """The model's plot has facets of several particles."""
    ax = RandomStarParticle.gaussian(8e-6, SPECTRUM).plot(count=3)
    assert len(ax.collections[0].get_paths()) > 1000
