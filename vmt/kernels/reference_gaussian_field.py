"""Slow and obvious twins of the Gaussian field kernels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vmt.kernels.gaussian_field import mode_places

__all__ = ["dense_spectrum", "full_field", "torus_covariance"]

Triple = tuple[int, int, int]


def dense_spectrum(octant: npt.NDArray[np.float64], lengths: Triple) -> npt.NDArray[np.float64]:
    """Eigenvalues on the whole torus by the FFT of the whole first row of the covariance."""
    fold = [np.minimum(np.arange(n), n - np.arange(n)) for n in lengths]
    return np.fft.fftn(octant[np.ix_(*fold)]).real


def full_field(
    noise: npt.NDArray[np.complex128],
    amplitude: npt.NDArray[np.float64],
    lengths: Triple,
    cutoff: Triple,
    shape: Triple,
) -> npt.NDArray[np.complex128]:
    """Field of given noise (Kx, Ky, Kz) and amplitudes of the same shape by one full FFT."""
    places = [mode_places(n, m) for n, m in zip(lengths, cutoff, strict=True)]
    spectrum = np.zeros(lengths, np.complex128)
    spectrum[np.ix_(*places)] = noise * amplitude
    field = np.fft.ifftn(spectrum) * np.prod(lengths)
    return field[: shape[0], : shape[1], : shape[2]]


def torus_covariance(
    amplitude: npt.NDArray[np.float64], lengths: Triple, cutoff: Triple
) -> npt.NDArray[np.float64]:
    """Covariance at every lag of the torus of a field with these amplitudes (Kx, Ky, Kz)."""
    places = [mode_places(n, m) for n, m in zip(lengths, cutoff, strict=True)]
    spectrum = np.zeros(lengths)
    spectrum[np.ix_(*places)] = np.square(amplitude)
    return np.fft.ifftn(spectrum).real * np.prod(lengths)
