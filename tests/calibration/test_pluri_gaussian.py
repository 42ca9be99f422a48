"""Calibration of pluri-Gaussian excursion sets: recovery, agreement, choice of the first phase."""

import json
import pickle

import numpy as np
import pytest

import vmt
from vmt.calibration import PluriGaussianCalibration, calibrate_pluri_gaussian
from vmt.models import Covariance, PluriGaussianExcursionSet

TRUTH = PluriGaussianExcursionSet(
    Covariance.gaussian(rate=1 / 8e-6), Covariance.gaussian(rate=1 / 5e-6), (0.5, 0.15),
    correlation=0.5,
)  # fmt: skip


@pytest.fixture(scope="module")
def image() -> vmt.Microstructure:
    return TRUTH.sample((100, 100, 100), 1e-6, rng=1)


@pytest.fixture(scope="module")
def fit(image: vmt.Microstructure) -> PluriGaussianCalibration:
    return calibrate_pluri_gaussian(image, simulations=8)


def test_recovers_the_truth_within_its_errors(fit: PluriGaussianCalibration) -> None:
    """All five parameters lie within four standard errors, and the errors are below 20 %."""
    truth = {
        "volume_fraction(solid)": 0.5,
        "volume_fraction(carbon_binder_domain)": 0.15,
        "first rate [1/m]": 1 / 8e-6,
        "second rate [1/m]": 1 / 5e-6,
        "correlation": 0.5,
    }
    assert set(fit.parameters) == set(truth)
    for name, value in truth.items():
        assert abs(fit.parameters[name] - value) < 4 * fit.standard_error[name], name
        assert 0 < fit.standard_error[name] < 0.2 * value


def test_the_first_phase_is_found(fit: PluriGaussianCalibration) -> None:
    """The misfit tells which phase was cut first; nothing speaks against the model."""
    assert fit.model.phases[0] == "solid"
    assert min(fit.misfits, key=lambda name: fit.misfits[name]) == "solid"
    assert fit.adequate


def test_simulations_agree_with_the_calibrated_functions(fit: PluriGaussianCalibration) -> None:
    """Simulated auto- and cross-functions meet the calibrated ones within Monte-Carlo error."""
    names, lag = fit.model.phases, 10e-6
    for i, j in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2)):
        curves = [
            vmt.two_point_coverage_probability(
                fit.model.sample((48, 48, 48), 1e-6, rng=seed), names[i], names[j], max_lag=lag
            ).directional(1)[1][1:]
            for seed in range(8)
        ]
        lags = np.arange(1, len(curves[0]) + 1) * 1e-6
        expected = fit.model.two_point_coverage_probability(lags, names[i], names[j])
        error = np.std(curves, axis=0, ddof=1) / np.sqrt(8)
        assert (np.abs(np.mean(curves, axis=0) - expected) < 5 * error).all()


def test_result_travels(fit: PluriGaussianCalibration) -> None:
    """JSON with units in the keys, a pickle that stays read-only, a plot of six pairs."""
    content = json.loads(json.dumps(fit.to_dict()))
    assert content["parameters"]["first rate [1/m]"] == fit.parameters["first rate [1/m]"]
    again = pickle.loads(pickle.dumps(fit))
    assert not again.measured.flags.writeable
    assert len(fit.plot().lines) == 13


def test_spheres_are_no_pluri_gaussian_set() -> None:
    """A packing whose pore is split by a field of its own is found not adequate."""
    balls = vmt.phantoms.random_spheres((80, 80, 80), 1e-6, radius=7e-6, volume_fraction=0.5, rng=2)
    labels = balls.structure.labels.copy()
    field = vmt.GaussianExcursionSet(Covariance.gaussian(rate=1 / 4e-6), 0.3)
    labels[(labels == 0) & (field.sample((80, 80, 80), 1e-6, rng=1).labels == 1)] = 2
    image = vmt.Microstructure(labels, 1e-6, {"pore": 0, "solid": 1, "binder": 2})
    fit = calibrate_pluri_gaussian(image, first_phase="solid", simulations=4)
    assert not fit.adequate
    assert any(f.triggered and "solid – solid" in f.name for f in fit.findings)


def test_bad_input_is_one_error(image: vmt.Microstructure) -> None:
    """Two phases, an unknown phase, an impossible correlation: one clear error each."""
    two = vmt.Microstructure((image.labels == 1).astype(np.uint8), 1e-6)
    with pytest.raises(vmt.CalibrationError, match="needs three"):
        calibrate_pluri_gaussian(two)
    with pytest.raises(vmt.InputError):
        calibrate_pluri_gaussian(image, first_phase="glass")
    with pytest.raises(vmt.InputError, match="correlation"):
        calibrate_pluri_gaussian(image, correlation=1.0)
    with pytest.raises(vmt.InputError, match="simulations"):
        calibrate_pluri_gaussian(image, simulations=1)
