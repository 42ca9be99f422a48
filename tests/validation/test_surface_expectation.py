"""The mean measured surface against its exact expectation, at a standard error of at most 0.3 %."""

import numpy as np
import pytest

import vmt


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("p", "rate"), [(0.46, 7.28e6), (0.70, 3.49e6)], ids=["F850", "C900"])
def test_mean_surface_is_its_expectation(p: float, rate: float) -> None:
    """Over 24 realizations of 400³ the mean S lies within three standard errors of E[S]."""
    model = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=rate), p)
    values = [
        vmt.specific_surface_area(model.sample((400, 400, 400), 10e-9, rng=seed), "solid")
        for seed in range(24)
    ]
    expected = model.expected_specific_surface_area(10e-9)
    error = float(np.std(values, ddof=1)) / np.sqrt(len(values))
    print(f"S {np.mean(values):.6g} ± {error:.3g}, E[S] {expected:.6g} 1/m")
    assert error <= 0.003 * expected
    assert abs(np.mean(values) - expected) <= 3 * error
