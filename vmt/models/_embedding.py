"""From a covariance and a box to the spectrum that the sampler of Gaussian fields needs.

Circulant embedding (Wood & Chan 1994; Dietrich & Newsam 1997): the box is part of a torus whose
covariance is circulant, so that its eigenvalues are a Fourier transform. Not periodic: the torus is
longer than the box by the covariance's reach (|ρ| < 1e-7), which keeps opposite faces independent;
for a long reach the shortest torus that can be exact (twice the box) is tried first and enlarged
until no eigenvalue is negative. Periodic: the torus is the box, its covariance the sum over all
images, which is valid always. Negative eigenvalues that remain are clipped and the variance scaled
back to 1; `Embedding.error` bounds the error of the covariance that this makes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt
import scipy.fft

from vmt._budget import available_memory, require_memory
from vmt.kernels.gaussian_field import (
    Amplitude,
    Triple,
    cutoffs,
    even_length,
    even_spectrum,
    mode_places,
    modes_bytes,
)
from vmt.models._covariance import Covariance

__all__ = ["SPECTRAL_TOLERANCE", "Embedding", "embed"]

#: share of the variance in the modes left out along one axis; far below what float32 resolves
SPECTRAL_TOLERANCE = 1e-9
_REACH = 1e-7
_NEGATIVE = 1e-6  # clipped share of the variance that needs no larger torus
_MAX_IMAGES = 4


@dataclass(frozen=True, eq=False)
class Embedding:
    """Spectrum of a field on a torus that holds the box.

    Parameters
    ----------
    lengths : (Nx, Ny, Nz)
        Voxels of the torus.
    cutoff : (Mx, My, Mz)
        Highest wave number that is drawn, per axis.
    amplitude : float32 array
        Roots of the eigenvalues over the number of voxels, as `draw_modes` takes them.
    error : float
        Bound on the error of the covariance at any lag from clipped eigenvalues; for a periodic
        box also what its variance would be above 1, was it not scaled back: 0 unless the box is
        shorter than the covariance's reach.
    """

    lengths: Triple
    cutoff: Triple
    amplitude: Amplitude
    error: float

    def bytes_needed(self, shape: Triple, pairs: int, workers: int) -> int:
        """Peak bytes of drawing so many complex fields and writing labels."""
        modes = modes_bytes(shape, self.lengths, self.cutoff)
        plane = 40 * self.lengths[1] * self.lengths[2] * workers
        return math.prod(shape) + pairs * modes + plane + self.amplitude.nbytes


def _images(reach: float, length: float, periodic_axis: bool) -> range:
    """Images along an axis whose distance from a lag in [0, length/2] can be within reach."""
    if not periodic_axis or not math.isfinite(reach):
        count = _MAX_IMAGES if periodic_axis else 0
    else:
        count = min(math.ceil(reach / length), _MAX_IMAGES)
    return range(-count, count + 1)


def _axis_lags(length: int, spacing: float) -> npt.NDArray[np.float64]:
    return np.asarray(np.arange(length // 2 + 1) * spacing, np.float64)


def _block(
    covariance: Covariance,
    lengths: Triple,
    spacing: tuple[float, float, float],
    images: tuple[range, range, range],
) -> npt.NDArray[np.float64]:
    """Covariance of the torus on its octant."""
    lags = [_axis_lags(n, d) for n, d in zip(lengths, spacing, strict=True)]
    size = [n * d for n, d in zip(lengths, spacing, strict=True)]
    octant = np.zeros([len(axis) for axis in lags])
    vectors = np.empty((len(lags[1]), len(lags[2]), 3))
    for a, b, c in product(*images):
        vectors[..., 1] = (lags[1] + b * size[1])[:, None]
        vectors[..., 2] = lags[2] + c * size[2]
        for i, x in enumerate(lags[0] + a * size[0]):
            vectors[..., 0] = x
            octant[i] += covariance(vectors)
    return octant


def _separable(
    covariance: Covariance,
    lengths: Triple,
    spacing: tuple[float, float, float],
    images: tuple[range, range, range],
) -> Embedding:
    """Spectrum of a sum of products of one-dimensional covariances, from three short transforms."""
    terms = []
    error = 0.0
    for t, weight in enumerate(covariance.weights):
        factors = []
        for axis, (n, d) in enumerate(zip(lengths, spacing, strict=True)):
            lags = _axis_lags(n, d)
            row = sum(covariance.axis_factor(t, axis, lags + a * n * d) for a in images[axis])
            values = even_spectrum(np.reshape(row, (-1, 1, 1)), (n, 1, 1)).ravel() / n
            negative = -float(_octant_weights(n) @ np.minimum(values, 0.0))
            error += weight * negative
            factors.append(np.maximum(values, 0.0))
        terms.append((weight, factors))
    marginals = [
        np.asarray(sum(w * f[axis] for w, f in terms), dtype=np.float64) for axis in range(3)
    ]
    cutoff = cutoffs(marginals, lengths, SPECTRAL_TOLERANCE)
    block = np.zeros([m + 1 for m in cutoff], np.float32)
    for weight, factors in terms:
        x, y, z = (f[: m + 1] for f, m in zip(factors, cutoff, strict=True))
        plane = np.multiply.outer(y, z)
        for i, value in enumerate(x):
            block[i] += (weight * value * plane).astype(np.float32)
    return Embedding(lengths, cutoff, np.sqrt(block, out=block), error)


def _octant_weights(length: int) -> npt.NDArray[np.float64]:
    """How often each wave number of the octant stands on the torus."""
    weight = np.full(length // 2 + 1, 2.0)
    weight[0] = 1.0
    if length % 2 == 0:
        weight[-1] = 1.0
    return weight


def _even(
    covariance: Covariance,
    lengths: Triple,
    spacing: tuple[float, float, float],
    images: tuple[range, range, range],
) -> Embedding:
    """Spectrum of any covariance that is even along each axis, from one octant."""
    values = even_spectrum(_block(covariance, lengths, spacing, images), lengths)
    values /= math.prod(lengths)
    wx, wy, wz = (_octant_weights(n) for n in lengths)
    planes = np.array([wy @ np.minimum(plane, 0.0) @ wz for plane in values])
    error = -float(wx @ planes)
    np.maximum(values, 0.0, out=values)
    marginals = (
        np.array([wy @ plane @ wz for plane in values]),
        np.tensordot(wx, values, (0, 0)) @ wz,
        np.tensordot(wx, values, (0, 0)).T @ wy,
    )
    cutoff = cutoffs(marginals, lengths, SPECTRAL_TOLERANCE)
    block = values[tuple(slice(m + 1) for m in cutoff)].astype(np.float32)
    return Embedding(lengths, cutoff, np.sqrt(block, out=block), error)


def _rotated(
    covariance: Covariance,
    lengths: Triple,
    spacing: tuple[float, float, float],
    images: tuple[range, range, range],
) -> Embedding:
    """Spectrum of a covariance whose main axes are turned, from the whole torus."""
    size = [n * d for n, d in zip(lengths, spacing, strict=True)]
    lags = [np.fft.fftfreq(n, 1 / n) * d for n, d in zip(lengths, spacing, strict=True)]
    values = np.zeros(lengths)
    vectors = np.empty((lengths[1], lengths[2], 3))
    for a, b, c in product(*images):
        vectors[..., 1] = (lags[1] + b * size[1])[:, None]
        vectors[..., 2] = lags[2] + c * size[2]
        for i, x in enumerate(lags[0] + a * size[0]):
            vectors[..., 0] = x
            values[i] += covariance(vectors)
    spectrum = scipy.fft.fftn(values).real / values.size
    del values
    error = -float(np.minimum(spectrum, 0.0).sum())
    np.maximum(spectrum, 0.0, out=spectrum)
    marginals = []
    for axis, n in enumerate(lengths):
        line = spectrum.sum(axis=tuple(other for other in range(3) if other != axis))
        marginals.append(line[: n // 2 + 1])
    cutoff = cutoffs(marginals, lengths, SPECTRAL_TOLERANCE)
    places = [mode_places(n, m) for n, m in zip(lengths, cutoff, strict=True)]
    block = np.sqrt(spectrum[np.ix_(*places)]).astype(np.float32)
    return Embedding(lengths, cutoff, block, error)


def _normalized(found: Embedding, periodic: bool) -> Embedding:
    """Give the field unit variance again, which clipping and a short period take from it."""
    counts = []
    for n, m in zip(found.lengths, found.cutoff, strict=True):
        places = mode_places(n, m)
        counts.append(np.bincount(np.minimum(places, n - places)).astype(np.float64))
    power = np.square(found.amplitude.astype(np.float64))
    if power.shape == tuple(len(c) for c in counts):
        variance = float(np.einsum("ijk,i,j,k", power, *counts, optimize=True))
    else:
        variance = float(power.sum())
    excess = abs(variance - 1) if periodic else 0.0
    amplitude = found.amplitude / np.float32(math.sqrt(variance))
    return replace(found, amplitude=amplitude, error=max(2 * found.error, excess))


@lru_cache(maxsize=1)  # realizations of one model in one box share it
def embed(
    covariance: Covariance,
    shape: Triple,
    spacing: tuple[float, float, float],
    *,
    periodic: bool,
) -> Embedding:
    """Embed a box of `shape` voxels of `spacing` [m] in a torus and compute its spectrum.

    Raises
    ------
    MemoryBudgetError
        If even the shortest torus doesn't fit the memory.
    """
    return _normalized(_embed(covariance, shape, spacing, periodic), periodic)


def _embed(
    covariance: Covariance,
    shape: Triple,
    spacing: tuple[float, float, float],
    periodic: bool,
) -> Embedding:
    build = _separable if covariance.separable else _even if covariance.even else _rotated
    price = 0 if covariance.separable else 4 if covariance.even else 40  # bytes of a torus voxel
    box = " × ".join(map(str, shape))
    if periodic:
        require_memory(price * math.prod(shape), f"The spectrum of a {box} realization")
        reach = covariance.reach(1e-12)
        images = [_images(r, n * d, n > 1) for r, n, d in zip(reach, shape, spacing, strict=True)]
        return build(covariance, shape, spacing, (images[0], images[1], images[2]))
    reach = covariance.reach(_REACH)
    voxels = [
        math.ceil(min(r / d, 2**40)) if n > 1 else 0
        for r, d, n in zip(reach, spacing, shape, strict=True)
    ]
    padding = (
        voxels
        if build is _separable
        else [min(v, n - 1) for v, n in zip(voxels, shape, strict=True)]
    )
    best: Embedding | None = None
    while True:
        full = [v <= pad for v, pad in zip(voxels, padding, strict=True)]
        sizes = [even_length(n + pad) for n, pad in zip(shape, padding, strict=True)]
        lengths: Triple = (sizes[0], sizes[1], sizes[2])
        need = price * math.prod(lengths)
        if best is None:
            require_memory(need, f"The spectrum of a {box} realization")
        elif need > 0.5 * available_memory():
            return best
        images = [
            _images(r, n * d, whole and n > 1)
            for r, n, d, whole in zip(reach, lengths, spacing, full, strict=True)
        ]
        found = build(covariance, lengths, spacing, (images[0], images[1], images[2]))
        best = found if best is None or found.error < best.error else best
        if best.error <= _NEGATIVE or all(full):
            return best
        padding = [min(v, 2 * pad + 8) for v, pad in zip(voxels, padding, strict=True)]
