"""Volumes, surfaces, spectra and turns of star-shaped bodies (conventions in `stars`)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from vmt.kernels.stars import degree_of, harmonics, harmonics_gradient, product_quadrature

__all__ = [
    "centroids",
    "ellipsoid_radii",
    "mean_radii",
    "power_spectra",
    "project",
    "smallest_radii",
    "surface_areas",
    "turned",
    "volumes",
    "widened",
]

Floats = npt.NDArray[np.float64]
_MANY = 256  # bodies at once
_MORE = 24  # degree of quadrature beyond that of the integrand's polynomial part


def project(values: Floats, degree: int, quadrature: tuple[Floats, Floats]) -> Floats:
    """Coefficients (..., (L + 1)²) of functions (..., n) given at the nodes of a quadrature."""
    directions, weights = quadrature
    made: Floats = (values * weights) @ harmonics(directions, degree)
    return made


def volumes(coefficients: Floats) -> Floats:
    """Volume (k,) of bodies: ∫ ψ³/3, exact for the series."""
    degree = degree_of(coefficients.shape[1])
    directions, weights = product_quadrature(3 * degree)
    values = coefficients @ harmonics(directions, degree).T
    made: Floats = values**3 @ weights / 3
    return made


def centroids(coefficients: Floats) -> Floats:
    """Centroid (k, 3) of bodies, from their centers: ∫ ψ⁴/4 u over the volume, exact."""
    degree = degree_of(coefficients.shape[1])
    directions, weights = product_quadrature(4 * degree + 1)
    values = coefficients @ harmonics(directions, degree).T
    moments = values**4 @ (weights[:, None] * directions) / 4
    made: Floats = moments / volumes(coefficients)[:, None]
    return made


def surface_areas(coefficients: Floats) -> Floats:
    """Surface area (k,) of bodies: ∫ ψ √(ψ² + |∇ψ|²), by quadrature that converges fast."""
    degree = degree_of(coefficients.shape[1])
    directions, weights = product_quadrature(5 * degree + _MORE)
    values, slopes = harmonics_gradient(directions, degree)
    made = np.empty(len(coefficients))
    for begin in range(0, len(coefficients), _MANY):
        c = coefficients[begin : begin + _MANY]
        radius = c @ values.T
        square = radius**2
        for axis in range(3):
            square += (c @ slopes[:, :, axis].T) ** 2
        made[begin : begin + _MANY] = (radius * np.sqrt(square)) @ weights
    return made


def smallest_radii(coefficients: Floats) -> Floats:
    """Smallest radius (k,) of bodies over a quadrature of twice their degree."""
    degree = degree_of(coefficients.shape[1])
    directions, _ = product_quadrature(2 * degree)
    made: Floats = (coefficients @ harmonics(directions, degree).T).min(axis=1)
    return made


def power_spectra(coefficients: Floats) -> Floats:
    """Power (k, L + 1) of each degree: Σ_m c_lm², so that Σ_l≥1 P_l/(4π) is the variance of ψ."""
    degree = degree_of(coefficients.shape[1])
    starts = np.arange(degree + 1) ** 2
    made: Floats = np.add.reduceat(coefficients**2, starts, axis=1)
    return made


def turned(coefficients: Floats, rotation: Floats) -> Floats:
    """Coefficients (k, K) of bodies turned by a rotation (3, 3), or by one each (k, 3, 3).

    By projection: a series of degree L turned is one of degree L, so the quadrature is exact.
    """
    degree = degree_of(coefficients.shape[1])
    directions, weights = product_quadrature(2 * degree)
    basis = harmonics(directions, degree) * weights[:, None]
    if rotation.ndim == 2:
        mixing = basis.T @ harmonics(directions @ rotation, degree)
        made: Floats = coefficients @ mixing.T
        return made
    made = np.empty_like(coefficients)
    for i, (c, turn) in enumerate(zip(coefficients, rotation, strict=True)):
        made[i] = (harmonics(directions @ turn, degree) @ c) @ basis
    return made


def widened(coefficients: Floats, degree: int) -> Floats:
    """Coefficients (k, (L + 1)²) of a higher degree, filled with zeros, or cut to a lower one."""
    count = (degree + 1) ** 2
    made = np.zeros((coefficients.shape[0], count))
    kept = min(count, coefficients.shape[1])
    made[:, :kept] = coefficients[:, :kept]
    return made


def ellipsoid_radii(directions: Floats, semi_axes: Floats) -> Floats:
    """Radius (n,) of an ellipsoid in unit directions (n, 3)."""
    made: Floats = 1 / np.sqrt(((directions / semi_axes) ** 2).sum(axis=1))
    return made


def mean_radii(coefficients: Floats) -> Floats:
    """Mean (k,) of the radius over all directions."""
    made: Floats = coefficients[:, 0] / math.sqrt(4 * math.pi)
    return made
