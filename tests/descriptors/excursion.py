"""χ² excursion sets for tests, made here so that the tests don't rest on vmt.models."""

import numpy as np
from scipy import fft, special

from vmt.kernels.surface import direction_weights

#: Table 1 of Neumann et al. 2023: p, α [1/m]; voxel [m]
SAMPLES = {
    "F850": (0.46, 7.28e6),
    "F900": (0.68, 4.63e6),
    "M850": (0.52, 6.01e6),
    "M900": (0.60, 4.27e6),
    "C850": (0.62, 5.47e6),
    "C900": (0.70, 3.49e6),
}


def chi_square_set(n, p, rate, spacing, seed):
    """{X₁² + X₂² ≥ −2 ln p} on n³ voxels, ρ(h) = exp(−(rate h)²), from a padded box."""
    rng = np.random.default_rng(seed)
    step = rate * spacing
    size = fft.next_fast_len(n + int(np.ceil(np.sqrt(-np.log(1e-7)) / step)))
    lag = np.minimum(np.arange(size), size - np.arange(size)) * step
    root = np.sqrt(np.maximum(fft.fft(np.exp(-(lag**2))).real, 0)).astype(np.float32)
    z = np.empty((size, size, size), np.complex64)
    for plane in z:
        plane.real = rng.standard_normal((size, size), np.float32)
        plane.imag = rng.standard_normal((size, size), np.float32)
    z = fft.fftn(z, overwrite_x=True)
    z *= root[:, None, None]
    z *= root[:, None]
    z *= root
    z = fft.ifftn(z, overwrite_x=True)[:n, :n, :n]
    return z.real**2 + z.imag**2 >= -2 * np.log(p)


def two_point(lags, p, rate):
    """C(h) of the model: Proposition 1 of the paper in closed form."""
    values = []
    for h in np.atleast_1d(lags):
        r2 = np.exp(-2 * (rate * h) ** 2)
        if r2 == 1:
            values.append(p)
            continue
        x = -np.log(p) / (1 - r2)
        j = np.arange(4000)
        values.append(2 * p - 1 + (1 - r2) * (r2**j * special.gammainc(j + 1, x) ** 2).sum())
    return np.array(values)


def expected_surface(p, rate, spacing):
    """Exact expectation of the 13-direction estimator for this model."""
    directions, weights = direction_weights((spacing,) * 3)
    lengths = np.linalg.norm(directions, axis=1) * spacing
    return float((8 * weights * (p - two_point(lengths, p, rate)) / lengths).sum())
