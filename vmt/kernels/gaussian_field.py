"""Stationary Gaussian fields on a grid from the spectrum of a circulant embedding.

A torus of ``lengths`` (Nx, Ny, Nz) voxels that holds the box is given by the eigenvalues of its
circulant covariance. One complex white noise per mode, weighted by the eigenvalue's root and
transformed, gives two independent fields: the real and the imaginary part.

Only modes up to a cutoff per axis are drawn. Axis 0 is transformed first, for the few remaining
columns of modes, and kept for the planes of the box alone; each plane (y, z) is then finished by
itself, so that the full complex field never exists. With cutoffs at Nyquist this is the full FFT.

A spectrum is given on one octant, ``(Nx//2 + 1, Ny//2 + 1, Nz//2 + 1)``, when the covariance is
even along each axis, else on the whole torus. Wave numbers are in the order of the FFT.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import scipy.fft

__all__ = [
    "cutoffs",
    "draw_modes",
    "draw_noise",
    "even_length",
    "even_spectrum",
    "fill_excursion",
    "fill_field",
    "fill_truncated",
    "mode_places",
    "modes_bytes",
]

Triple = tuple[int, int, int]
Amplitude = npt.NDArray[np.float32]
Modes = npt.NDArray[np.complex64]
_AXES = 3


def even_length(minimum: int) -> int:
    """Smallest even length of at least `minimum` with a fast FFT; 1 stays 1.

    Examples
    --------
    >>> even_length(455)
    462
    """
    return 1 if minimum <= 1 else 2 * int(scipy.fft.next_fast_len((minimum + 1) // 2))


def even_spectrum(octant: npt.NDArray[np.float64], lengths: Triple) -> npt.NDArray[np.float64]:
    """Eigenvalues, on the octant, of a circulant covariance that is even along each axis.

    Parameters
    ----------
    octant : (Nx//2 + 1, Ny//2 + 1, Nz//2 + 1) array
        Covariance at the lags 0 … N//2 of each axis; overwritten.
    lengths : (Nx, Ny, Nz)
        Voxels of the torus.
    """
    for axis, length in enumerate(lengths):
        if length == 1:
            continue
        if length % 2 == 0:
            octant = scipy.fft.dct(octant, type=1, axis=axis, overwrite_x=True)
        else:  # no cosine transform has this symmetry in scipy: mirror and transform
            half = length // 2
            mirrored = np.take(octant, np.arange(half, 0, -1), axis=axis)
            whole = np.concatenate((octant, mirrored), axis=axis)
            octant = np.ascontiguousarray(scipy.fft.rfft(whole, axis=axis).real)
    return octant


def cutoffs(
    marginals: Iterable[npt.NDArray[np.float64]], lengths: Triple, tolerance: float
) -> Triple:
    """Highest wave number to keep along each axis.

    Parameters
    ----------
    marginals : three arrays of N//2 + 1
        Sum of the eigenvalues over the other two axes, at the wave numbers 0 … N//2.
    lengths : (Nx, Ny, Nz)
    tolerance : float
        Share of the variance that the modes beyond the cutoff of one axis may carry.
    """
    kept = []
    for marginal, length in zip(marginals, lengths, strict=True):
        weight = np.where(np.arange(length // 2 + 1) * 2 % max(length, 1) == 0, 1.0, 2.0)
        power = np.maximum(marginal, 0.0) * weight
        beyond = power[::-1].cumsum()[::-1]
        kept.append(max(int(np.count_nonzero(beyond > tolerance * beyond[0])) - 1, 0))
    return (kept[0], kept[1], kept[2])


def mode_places(length: int, cutoff: int) -> npt.NDArray[np.intp]:
    """Places on the torus, in the order of the FFT, of the modes up to `cutoff`.

    Examples
    --------
    >>> mode_places(8, 2)
    array([0, 1, 2, 6, 7])
    >>> mode_places(4, 2)
    array([0, 1, 2, 3])
    """
    if 2 * cutoff + 1 >= length:
        return np.arange(length, dtype=np.intp)
    return np.concatenate(
        (np.arange(cutoff + 1), np.arange(length - cutoff, length)), dtype=np.intp
    )


def modes_bytes(shape: Triple, lengths: Triple, cutoff: Triple) -> int:
    """Bytes that `draw_modes` holds at its peak for one complex field."""
    kx, ky, kz = (len(mode_places(n, m)) for n, m in zip(lengths, cutoff, strict=True))
    rows = kx if kx == lengths[0] else kx + shape[0]
    return 8 * (rows * ky * kz + lengths[0] * kz * 3)


def _spread(modes: Modes, length: int, axis: int, count: int) -> Modes:
    """Transform one axis from its few modes to the first `count` places of the torus."""
    kept = modes.shape[axis]
    if kept < length:
        low = (kept + 1) // 2
        shape = list(modes.shape)
        shape[axis] = length
        padded = np.zeros(shape, np.complex64)
        head = [slice(None)] * modes.ndim
        tail = [slice(None)] * modes.ndim
        head[axis] = slice(low)
        padded[tuple(head)] = modes[tuple(head)]
        tail[axis] = slice(length - (kept - low), length)
        head[axis] = slice(low, kept)
        padded[tuple(tail)] = modes[tuple(head)]
    else:
        padded = modes
    field = scipy.fft.ifft(padded, axis=axis, norm="forward", overwrite_x=kept < length)
    crop = [slice(None)] * modes.ndim
    crop[axis] = slice(count)
    return np.asarray(field[tuple(crop)])


def _run(work: Callable[[int], None], count: int, workers: int) -> None:
    if workers <= 1:
        for i in range(count):
            work(i)
        return
    with ThreadPoolExecutor(workers) as pool:
        for _ in pool.map(work, range(count)):
            pass


def draw_noise(
    amplitude: Amplitude,
    lengths: Triple,
    cutoff: Triple,
    seed: np.random.SeedSequence,
    *,
    workers: int = 1,
) -> Modes:
    """Draw the modes of two independent fields: complex white noise times the amplitude.

    Parameters
    ----------
    amplitude : float32 array
        Root of eigenvalue over number of voxels: on the octant of the kept modes,
        (Mx + 1, My + 1, Mz + 1), or on all of them, (Kx, Ky, Kz), in the order of the FFT.
    lengths : (Nx, Ny, Nz)
        Voxels of the torus.
    cutoff : (Mx, My, Mz)
        Highest wave number of each axis.
    seed : numpy.random.SeedSequence
        Each plane of modes has a generator of its own, spawned from this one.
    workers : int
        Threads; the result doesn't depend on it.

    Returns
    -------
    (Kx, Ky, Kz) complex64 array
    """
    places = [mode_places(n, m) for n, m in zip(lengths, cutoff, strict=True)]
    kx, ky, kz = (len(p) for p in places)
    if amplitude.shape == (kx, ky, kz):
        fold = [np.arange(k) for k in (kx, ky, kz)]
    else:
        fold = [np.minimum(p, n - p) for p, n in zip(places, lengths, strict=True)]
    modes = np.empty((kx, ky, kz), np.complex64)

    def draw(i: int) -> None:
        child = np.random.SeedSequence(entropy=seed.entropy, spawn_key=(*seed.spawn_key, i))
        generator = np.random.Generator(np.random.SFC64(child))
        noise = modes[i].view(np.float32)
        generator.standard_normal(dtype=np.float32, out=noise)
        modes[i] *= amplitude[fold[0][i]][np.ix_(fold[1], fold[2])]

    _run(draw, kx, workers)
    return modes


def draw_modes(
    amplitude: Amplitude,
    lengths: Triple,
    cutoff: Triple,
    shape: Triple,
    seed: np.random.SeedSequence,
    *,
    workers: int = 1,
) -> Modes:
    """Draw the modes of two independent fields, as `draw_noise`, and transform axis 0.

    Parameters
    ----------
    shape : (nx, ny, nz)
        Voxels of the box.

    Returns
    -------
    (nx, Ky, Kz) complex64 array
    """
    modes = draw_noise(amplitude, lengths, cutoff, seed, workers=workers)
    kx, ky, kz = modes.shape
    full = kx == lengths[0]
    spread = modes if full else np.empty((shape[0], ky, kz), np.complex64)

    def transform(j: int) -> None:
        spread[: shape[0], j] = _spread(modes[:, j], lengths[0], 0, shape[0])

    _run(transform, ky, workers)
    return spread[: shape[0]]


def _plane(modes: Modes, lengths: Triple, shape: Triple) -> Modes:
    """Finish one plane: (Ky, Kz) modes to (ny, nz) values of two fields."""
    return _spread(_spread(modes, lengths[1], 0, shape[1]), lengths[2], 1, shape[2])


def _real_plane(modes: Modes, lengths: Triple, shape: Triple) -> npt.NDArray[np.float32]:
    """Finish one plane of the first field alone, at half the price."""
    rows = _spread(modes, lengths[1], 0, shape[1])
    length, kept = lengths[2], rows.shape[1]
    half = np.zeros((shape[1], length // 2 + 1), np.complex64)
    top = min(kept // 2, length // 2)
    half[:, : top + 1] = rows[:, : top + 1]
    mirror = (-np.arange(top + 1)) % kept
    half[:, : top + 1] += rows[:, mirror].conj()
    half *= np.float32(0.5)
    return np.asarray(
        scipy.fft.irfft(half, n=length, axis=1, norm="forward", overwrite_x=True)[:, : shape[2]]
    )


def fill_field(
    modes: Modes,
    lengths: Triple,
    first: npt.NDArray[np.float32],
    second: npt.NDArray[np.float32] | None = None,
    *,
    workers: int = 1,
) -> None:
    """Write the first field, or both, of the modes into float32 arrays (nx, ny, nz)."""
    shape: Triple = first.shape

    def work(i: int) -> None:
        if second is None:
            first[i] = _real_plane(modes[i], lengths, shape)
        else:
            both = _plane(modes[i], lengths, shape)
            first[i], second[i] = both.real, both.imag

    _run(work, shape[0], workers)


def fill_excursion(
    pairs: list[Modes],
    count: int,
    lengths: Triple,
    level: float,
    labels: npt.NDArray[np.uint8],
    *,
    squared: bool,
    workers: int = 1,
    done: Callable[[], None] | None = None,
) -> None:
    """Write where X ≥ level (or X₁² + … + X_count² ≥ level) as 1, else 0, plane by plane.

    Parameters
    ----------
    pairs : list of (nx, Ky, Kz) complex64 arrays
        Modes of two fields each, ceil(count/2) of them.
    count : int
        Number of fields.
    lengths : (Nx, Ny, Nz)
    level : float
    labels : (nx, ny, nz) uint8 array
        Written in place.
    squared : bool
        Sum of squares, or the first field itself.
    done : callable, optional
        Called after each plane.
    """
    shape: Triple = labels.shape
    threshold = np.float32(level)

    def work(i: int) -> None:
        if not squared:
            labels[i] = _real_plane(pairs[0][i], lengths, shape) >= threshold
        else:
            total = np.zeros(shape[1:], np.float32)
            for n, modes in enumerate(pairs):
                if 2 * n + 1 == count:
                    total += np.square(_real_plane(modes[i], lengths, shape))
                else:
                    both = _plane(modes[i], lengths, shape)
                    total += np.square(both.real)
                    total += np.square(both.imag)
            labels[i] = total >= threshold
        if done is not None:
            done()

    _run(work, shape[0], workers)


def fill_truncated(
    modes: tuple[Modes, Modes],
    lengths: tuple[Triple, Triple],
    levels: tuple[float, float],
    correlation: float,
    labels: npt.NDArray[np.uint8],
    *,
    workers: int = 1,
    done: Callable[[], None] | None = None,
) -> None:
    """Write three phases by a truncation of two Gaussian fields, plane by plane.

    Parameters
    ----------
    modes : two (nx, Ky, Kz) complex64 arrays
        Modes of two independent fields X and W (the real part of each is used).
    lengths : two (Nx, Ny, Nz)
        Torus of each.
    levels : (λ, μ)
        1 where X ≥ λ; elsewhere 2 where r X + √(1 − r²) W ≥ μ; elsewhere 0.
    correlation : float
        r.
    labels : (nx, ny, nz) uint8 array
        Written in place.
    done : callable, optional
        Called after each plane.
    """
    shape: Triple = labels.shape
    first, second = np.float32(levels[0]), np.float32(levels[1])
    mixed, own = np.float32(correlation), np.float32(np.sqrt(1 - correlation**2))

    def work(i: int) -> None:
        x = _real_plane(modes[0][i], lengths[0], shape)
        w = _real_plane(modes[1][i], lengths[1], shape)
        w *= own
        w += mixed * x
        labels[i] = np.where(x >= first, np.uint8(1), np.where(w >= second, np.uint8(2), 0))
        if done is not None:
            done()

    _run(work, shape[0], workers)
