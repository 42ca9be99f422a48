"""Calibration of excursion sets to images: recovery, uncertainty, findings, errors."""

import json

import numpy as np
import pytest

import vmt
from vmt import ChiSquareExcursionSet as ChiSquare
from vmt import Covariance, GaussianExcursionSet, Microstructure

VOXEL = 20e-9
TRUTH = ChiSquare(Covariance.gaussian(rate=6e6), 0.52)


def _assert_rate(fit: vmt.Calibration, truth: float) -> None:
    """The rate lies within four standard errors of the truth."""
    name = "rate [1/m]"
    assert abs(np.log(fit.parameters[name] / truth)) < 4 * fit.standard_error[name] / truth


@pytest.fixture(scope="module")
def image() -> Microstructure:
    return TRUTH.sample((100, 100, 100), VOXEL, rng=5)


@pytest.fixture(scope="module")
def fit(image: Microstructure) -> vmt.Calibration:
    return vmt.calibrate(ChiSquare, image, simulations=60)


def test_recovers_the_truth_within_its_errors(fit: vmt.Calibration) -> None:
    """Volume fraction, level and rate lie within four standard errors of the truth, which are
    small enough to mean something."""
    truth = {"volume_fraction": 0.52, "level": TRUTH.level, "rate [1/m]": 6e6}
    for name, value in truth.items():
        error = fit.standard_error[name]
        assert abs(fit.parameters[name] - value) < 4 * error
        assert 0 < error < 0.05 * value


def test_excursion_set_is_adequate(fit: vmt.Calibration) -> None:
    """Nothing speaks against the model on its own sample; every finding carries its number."""
    assert fit.adequate
    assert {f.name for f in fit.findings} >= {
        "anisotropy",
        "gradient",
        "hole effect",
        "periodicity",
    }
    assert all(np.isfinite(f.value) and f.value <= f.threshold for f in fit.findings)


def test_same_seed_same_result(image: Microstructure, fit: vmt.Calibration) -> None:
    """A calibration is deterministic for its seed."""
    again = vmt.calibrate(ChiSquare, image, simulations=60)
    assert json.dumps(again.to_dict()) == json.dumps(fit.to_dict())


def test_result_is_json_and_plots(fit: vmt.Calibration) -> None:
    """The result travels as JSON with units in the keys and draws image and model."""
    text = json.loads(json.dumps(fit.to_dict()))
    assert text["parameters"]["rate [1/m]"] == fit.parameters["rate [1/m]"]
    assert len(fit.plot().lines) == 3


def test_standard_error_of_volume_fraction_is_eq_18(fit: vmt.Calibration) -> None:
    """The error of p is that of eq. (18) with the fitted model, and within 10 % the truth's."""
    exact = np.sqrt(TRUTH.variance_of_volume_fraction((100 * VOXEL,) * 3))
    assert fit.standard_error["volume_fraction"] == pytest.approx(exact, rel=0.1)


def test_plug_in_sum_of_eq_18_vanishes() -> None:
    """With the window's own Ĉ₀ eq. (18) summed over all lags is zero: p̂ has no spread about itself.

    That is why the standard error is taken from the fitted model.
    """
    small = TRUTH.sample((16, 12, 14), VOXEL, rng=3)
    mask = small.mask("solid")
    p, total = mask.mean(), 0.0
    shape = mask.shape
    padded = np.zeros([2 * n for n in shape])
    padded[: shape[0], : shape[1], : shape[2]] = mask
    spectrum = np.fft.rfftn(padded)
    products = np.fft.irfftn(np.abs(spectrum) ** 2, padded.shape)
    for lag in np.ndindex(*(2 * n - 1 for n in shape)):
        h = [i - n + 1 for i, n in zip(lag, shape, strict=True)]
        pairs = np.prod([n - abs(i) for n, i in zip(shape, h, strict=True)])
        centered = products[tuple(h)] / pairs - p * p
        total += centered * pairs
    assert abs(total) / mask.size**2 < 1e-12


def test_rate_scales_with_the_voxel(image: Microstructure, fit: vmt.Calibration) -> None:
    """Ten times larger voxels give a ten times smaller rate: nothing depends on the unit."""
    stretched = Microstructure(image.labels, 10 * VOXEL, image.phases)
    larger = vmt.calibrate(ChiSquare, stretched, simulations=60)
    for ours, theirs in (
        (larger.parameters, fit.parameters),
        (larger.standard_error, fit.standard_error),
    ):
        assert ours["rate [1/m]"] == pytest.approx(theirs["rate [1/m]"] / 10, rel=1e-4)


def test_field_correlation_is_inverted_lag_by_lag(fit: vmt.Calibration) -> None:
    """Where C(h) is well above p², the inverted correlation follows exp(−(αh)²)."""
    near = fit.curve.lags * 6e6 < 0.8
    expected = np.exp(-((6e6 * fit.curve.lags[near]) ** 2))
    assert np.abs(fit.field_correlation[near] - expected).max() < 0.05


def test_surface_cross_check_agrees(fit: vmt.Calibration) -> None:
    """The rate from the surface area alone agrees with the truth within 4 %."""
    assert fit.rate_from_surface_area == pytest.approx(6e6, rel=0.04)


@pytest.mark.parametrize("degrees_of_freedom", [1, 3])
def test_other_degrees_of_freedom(degrees_of_freedom: int) -> None:
    """χ² fields with other degrees of freedom are recovered too."""
    covariance = Covariance.gaussian(rate=8e6)
    truth = ChiSquare(covariance, 0.4, degrees_of_freedom=degrees_of_freedom)
    made = truth.sample((80, 80, 80), VOXEL, rng=degrees_of_freedom)
    fit = vmt.calibrate(ChiSquare, made, degrees_of_freedom=degrees_of_freedom, simulations=30)
    assert (
        abs(np.log(fit.parameters["rate [1/m]"] / 8e6)) < 4 * fit.standard_error["rate [1/m]"] / 8e6
    )


def test_gaussian_family() -> None:
    """A Gaussian excursion set is recovered by its own family."""
    truth = GaussianExcursionSet(Covariance.gaussian(rate=8e6), 0.35)
    made = truth.sample((80, 80, 80), VOXEL, rng=2)
    fit = vmt.calibrate(GaussianExcursionSet, made, simulations=30)
    assert fit.adequate
    assert (
        abs(np.log(fit.parameters["rate [1/m]"] / 8e6)) < 4 * fit.standard_error["rate [1/m]"] / 8e6
    )


def test_complement_is_the_other_phase(image: Microstructure) -> None:
    """Fitting the pores' complement is fitting the solid: one set, two names."""
    direct = vmt.calibrate(ChiSquare, image, phase="solid", simulations=30)
    other = vmt.calibrate(ChiSquare, image, phase="pore", complement=True, simulations=30)
    assert other.model.phase == "solid"
    assert other.parameters["volume_fraction"] == pytest.approx(
        1 - direct.parameters["volume_fraction"], abs=1e-12
    )
    assert other.parameters["rate [1/m]"] == pytest.approx(
        direct.parameters["rate [1/m]"], rel=2e-3
    )


def test_free_smoothness_is_fitted() -> None:
    """With a Matérn covariance rate and smoothness are fitted together, and correlated."""
    truth = ChiSquare(Covariance.matern(rate=2e7, smoothness=1.5), 0.5)
    made = truth.sample((96, 96, 96), 10e-9, rng=4)
    shape = Covariance.matern(rate=1.0, smoothness=1.0)
    fit = vmt.calibrate(ChiSquare, made, covariance=shape, simulations=30)
    assert fit.free_parameters == ("volume_fraction", "rate", "smoothness")
    assert abs(fit.parameters["smoothness"] - 1.5) < 4 * fit.standard_error["smoothness"]
    assert fit.correlation[1, 2] > 0.5


def test_anisotropic_voxels() -> None:
    """Voxels twice as long along x don't move the estimate: lags are physical."""
    made = TRUTH.sample((60, 110, 110), (2 * VOXEL, VOXEL, VOXEL), rng=6)
    fit = vmt.calibrate(ChiSquare, made, simulations=30)
    assert fit.adequate
    assert (
        abs(np.log(fit.parameters["rate [1/m]"] / 6e6)) < 4 * fit.standard_error["rate [1/m]"] / 6e6
    )


def test_direction_uses_one_axis(image: Microstructure) -> None:
    """Lags along one axis give nearly the isotropic estimate on an isotropic structure."""
    along = vmt.calibrate(ChiSquare, image, direction=2, simulations=30)
    assert along.parameters["rate [1/m]"] == pytest.approx(6e6, rel=0.1)


def _finding(fit: vmt.Calibration, name: str) -> bool:
    return next(f.triggered for f in fit.findings if f.name == name)


def test_stretched_structure_is_found_anisotropic() -> None:
    """A structure stretched by 1.6 along one axis is found out, with its number."""
    made = TRUTH.sample((70, 110, 110), VOXEL, rng=7)
    stretched = Microstructure(np.repeat(made.labels, 8, axis=0)[::5][:110], VOXEL, made.phases)
    fit = vmt.calibrate(ChiSquare, stretched, simulations=40)
    assert not fit.adequate
    assert _finding(fit, "anisotropy")


def test_gradient_is_found() -> None:
    """A volume fraction that rises from 0.35 to 0.65 along x is found out."""
    parts = [
        ChiSquare(Covariance.gaussian(rate=9e6), p).sample((8, 90, 90), VOXEL, rng=i).labels
        for i, p in enumerate(np.linspace(0.35, 0.65, 12))
    ]
    made = Microstructure(np.concatenate(parts), VOXEL)
    fit = vmt.calibrate(ChiSquare, made, simulations=40)
    assert _finding(fit, "gradient")
    assert not fit.adequate


def test_sphere_packing_is_not_adequate() -> None:
    """Hard spheres have a hole effect that no χ² excursion set can show."""
    packed = vmt.phantoms.random_spheres(
        (96, 96, 96), VOXEL, volume_fraction=0.5, radius=7 * VOXEL, rng=1
    ).structure
    fit = vmt.calibrate(ChiSquare, packed, simulations=40)
    assert not fit.adequate
    assert _finding(fit, "hole effect")


@pytest.mark.parametrize("value", [0, 1])
def test_single_phase_is_refused(value: int) -> None:
    """An image of one phase has no parameters: one clear error."""
    one = Microstructure(np.full((20, 20, 20), value, np.uint8), VOXEL, {"pore": 0, "solid": 1})
    with pytest.raises(vmt.CalibrationError, match="two phases"):
        vmt.calibrate(ChiSquare, one)


def test_white_noise_is_refused() -> None:
    """A structure that decorrelates within a voxel leaves fewer than five lags."""
    noise = np.random.default_rng(0).integers(0, 2, (40, 40, 40), dtype=np.uint8)
    with pytest.raises(vmt.CalibrationError, match="lags"):
        vmt.calibrate(ChiSquare, Microstructure(noise, VOXEL))


@pytest.mark.parametrize(
    "arguments",
    [{"direction": 3}, {"bootstrap": -1}, {"simulations": 2}, {"phase": "binder"}],
    ids=str,
)
def test_bad_arguments_are_refused(image: Microstructure, arguments: dict[str, object]) -> None:
    """Each impossible argument gets an InputError that names it."""
    with pytest.raises(vmt.InputError, match=str(next(iter(arguments.values())))):
        vmt.calibrate(ChiSquare, image, **arguments)


def test_model_must_be_a_class(image: Microstructure) -> None:
    """An instance instead of the class gets a clear error."""
    with pytest.raises(vmt.InputError, match="class"):
        vmt.calibrate(TRUTH, image)


def test_intervals_cover() -> None:
    """Of 24 intervals (12 seeds, volume fraction and rate) at least 18 cover the truth.

    Of 95 % intervals fewer than 18 cover with probability 2e-4 if they are independent.
    """
    covered = 0
    truth = ChiSquare(Covariance.gaussian(rate=7e6), 0.6)
    for seed in range(12):
        made = truth.sample((70, 70, 70), VOXEL, rng=100 + seed)
        fit = vmt.calibrate(ChiSquare, made, simulations=30, rng=seed)
        for name, value in (("volume_fraction", 0.6), ("rate [1/m]", 7e6)):
            low, high = fit.interval[name]
            covered += low <= value <= high
    assert covered >= 18


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("p", "rate", "bias"), [(0.46, 7.28e6, 0.01), (0.70, 3.49e6, 0.02)], ids=["F850", "C900"]
)
def test_coverage_and_bias_at_200(p: float, rate: float, bias: float) -> None:
    """Over 60 seeds at 200³ and 10 nm the 95 % intervals of α and p cover in 53-60 cases, and the
    mean bias of α is within 1 % (F850) and 2 % (C900)."""
    truth = ChiSquare(Covariance.gaussian(rate=rate), p)
    rates, covered = [], {"volume_fraction": 0, "rate [1/m]": 0}
    for seed in range(60):
        made = truth.sample((200, 200, 200), 10e-9, rng=seed)
        fit = vmt.calibrate(ChiSquare, made, rng=seed)
        rates.append(fit.parameters["rate [1/m]"])
        for name, value in (("volume_fraction", p), ("rate [1/m]", rate)):
            low, high = fit.interval[name]
            covered[name] += low <= value <= high
    print(
        f"coverage {covered}, bias {np.mean(rates) / rate - 1:+.4f}, "
        f"standard deviation {np.std(rates) / rate:.4f}"
    )
    assert 53 <= covered["volume_fraction"] <= 60
    assert 53 <= covered["rate [1/m]"] <= 60
    assert abs(np.mean(rates) / rate - 1) <= bias


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_bootstrap_agrees_with_delta_method() -> None:
    """The standard errors of both methods agree within 20 %."""
    made = ChiSquare(Covariance.gaussian(rate=7.28e6), 0.46).sample((200, 200, 200), 10e-9, rng=1)
    delta = vmt.calibrate(ChiSquare, made, simulations=300)
    bootstrap = vmt.calibrate(ChiSquare, made, bootstrap=300, rng=9)
    name = "rate [1/m]"
    ratio = bootstrap.standard_error[name] / delta.standard_error[name]
    print(f"ratio of standard errors {ratio:.3f}")
    assert 0.8 < ratio < 1.25
