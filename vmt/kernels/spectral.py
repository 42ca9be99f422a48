"""Pair counts of sets at all lags of a box, by fast Fourier transforms with little memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import fft

__all__ = ["PairCounts", "bytes_needed", "pair_counts"]

Box = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairCounts:
    """Pairs at the lags (0..lx, −ly..ly, −lz..lz) of a box.

    Parameters
    ----------
    products : (lx + 1, 2 ly + 1, 2 lz + 1) array
        Pairs (x, x + v) in the window with one end in each set, mean of both orders.
    singles : tuple of two such arrays
        Voxels of either set among the first ends plus among the second ends of the pairs.
    pairs : (lx + 1, 2 ly + 1, 2 lz + 1) array
        All pairs in the window.
    """

    products: Box
    singles: tuple[Box, Box]
    pairs: Box

    def complement(self) -> PairCounts:
        """Counts for the complement of one set with itself (both sets must be the same)."""
        rest = 2 * self.pairs - self.singles[0]
        return PairCounts(self.pairs - self.singles[0] + self.products, (rest, rest), self.pairs)

    def with_complement(self) -> PairCounts:
        """Counts for one set and its complement (both sets must be the same)."""
        rest = 2 * self.pairs - self.singles[0]
        mixed = 0.5 * self.singles[0] - self.products
        return PairCounts(mixed, (self.singles[0], rest), self.pairs)


def bytes_needed(shape: Sequence[int], max_lag: Sequence[int], sets: int) -> int:
    """Bytes of `pair_counts` at its peak."""
    py, pz = (int(fft.next_fast_len(shape[i] + max_lag[i])) for i in (1, 2))
    box = (max_lag[0] + 1) * (2 * max_lag[1] + 1) * (2 * max_lag[2] + 1)
    return 8 * sets * shape[0] * py * (pz // 2 + 1) + 8 * box * (4 + 3 * sets)


@njit(cache=True, nogil=True)
def _products(a, b, di, dj, dk):  # type: ignore[no-untyped-def]
    nx, ny, nz = a.shape
    i0, i1 = max(0, -di), nx - max(0, di)
    j0, j1 = max(0, -dj), ny - max(0, dj)
    k0, k1 = max(0, -dk), nz - max(0, dk)
    total = 0
    if k1 <= k0:
        return total
    for i in range(i0, i1):
        for j in range(j0, j1):
            one = a[i, j, k0:k1]
            two = b[i + di, j + dj, k0 + dk : k1 + dk]
            found = 0
            for k in range(one.size):
                found += one[k] & two[k]
            total += found
    return total


def _spectrum(
    mask: npt.NDArray[np.bool_], mean: float, py: int, pz: int
) -> npt.NDArray[np.complex64]:
    """Transform along the last two axes of mask − mean, zero-padded."""
    out = np.empty((mask.shape[0], py, pz // 2 + 1), np.complex64)
    for i, plane in enumerate(mask):
        rows = fft.rfft(plane.astype(np.float32) - np.float32(mean), pz, axis=1)
        out[i] = fft.fft(rows, py, axis=0, overwrite_x=True)
    return out


def _box_singles(mask: npt.NDArray[np.bool_], max_lag: Sequence[int]) -> Box:
    """Voxels of the mask in W ∩ (W − v) plus those in W ∩ (W + v), exactly, for all lags v."""
    (nx, ny, nz), (lx, ly, lz) = mask.shape, max_lag
    vy, vz = np.arange(-ly, ly + 1), np.arange(-lz, lz + 1)
    y0, y1 = np.maximum(0, -vy)[:, None], (ny - np.maximum(0, vy))[:, None]
    z0, z1 = np.maximum(0, -vz), nz - np.maximum(0, vz)
    summed = np.zeros((ny + 1, nz + 1), np.int64)
    running = np.zeros((vy.size, vz.size), np.int64)
    first = np.empty((lx + 1, vy.size, vz.size), np.int64)
    before = np.empty_like(first)
    for i in range(nx):
        if i <= lx:
            before[i] = running
        np.cumsum(mask[i], axis=0, dtype=np.int64, out=summed[1:, 1:])
        np.cumsum(summed[1:, 1:], axis=1, out=summed[1:, 1:])
        running += summed[y1, z1] - summed[y0, z1] - summed[y1, z0] + summed[y0, z0]
        if nx - (i + 1) <= lx:
            first[nx - (i + 1)] = running
    second = (running - before)[:, ::-1, ::-1]
    return np.asarray(first + second, float)


def pair_counts(
    a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_] | None, max_lag: Sequence[int]
) -> PairCounts:
    """Count the pairs of voxels at each lag of which one is in `a` and the other in `b`.

    The transform is padded by the largest lag only, so that no pair wraps around. It works in
    single precision on the sets less their means; the terms with the means are integer sums, so
    the counts of windows up to about 200³ come out exact, larger ones to a few pairs. Lag 0 and the
    26 neighbors are counted.

    Parameters
    ----------
    a, b : (nx, ny, nz) arrays of bool
        The two sets; without `b`, twice the first.
    max_lag : (lx, ly, lz)
        Largest lag along each axis [voxels], less than the shape.
    """
    nx, _, _ = a.shape
    lx, ly, lz = max_lag
    px, py, pz = (int(fft.next_fast_len(n + lag)) for n, lag in zip(a.shape, max_lag, strict=True))
    mean_a = float(np.count_nonzero(a)) / a.size
    mean_b = mean_a if b is None else float(np.count_nonzero(b)) / b.size
    big = _spectrum(a, mean_a, py, pz)
    other = None if b is None else _spectrum(b, mean_b, py, pz)
    for j in range(py):
        column = fft.fft(big[:, j], px, axis=0)
        if other is None:
            power = column.real**2 + column.imag**2
        else:
            second = fft.fft(other[:, j], px, axis=0)
            power = column.real * second.real + column.imag * second.imag
        back = fft.ifft(power.astype(np.complex64), axis=0, overwrite_x=True)
        big[: lx + 1, j] = back[: lx + 1]
    del other
    ys, zs = np.arange(-ly, ly + 1), np.arange(-lz, lz + 1)
    products = np.empty((lx + 1, ys.size, zs.size))
    for i in range(lx + 1):
        rows = fft.ifft(big[i], axis=0)[ys]
        products[i] = fft.irfft(rows, pz, axis=1)[:, zs]
    del big
    pairs = (
        (nx - np.arange(lx + 1.0))[:, None, None]
        * (a.shape[1] - np.abs(ys))[:, None]
        * (a.shape[2] - np.abs(zs))
    )
    singles_a = _box_singles(a, max_lag)
    singles_b = singles_a if b is None else _box_singles(b, max_lag)
    products += 0.5 * (mean_b * singles_a + mean_a * singles_b) - mean_a * mean_b * pairs
    whole = 1.0 if b is None else 2.0
    products = np.maximum(np.rint(products * whole) / whole, 0.0)
    _replace_short(products, a, a if b is None else b, max_lag)
    return PairCounts(products, (singles_a, singles_b), pairs)


def _replace_short(
    products: Box, a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_], max_lag: Sequence[int]
) -> None:
    lx, ly, lz = max_lag
    one, two = (np.ascontiguousarray(s).view(np.uint8) for s in (a, b))
    same = a is b
    for i in range(min(lx, 1) + 1):
        for j in range(-min(ly, 1), min(ly, 1) + 1):
            for k in range(-min(lz, 1), min(lz, 1) + 1):
                if i == 0 and (j, k) < (0, 0):
                    continue
                count = _products(one, two, i, j, k)
                if not same:
                    count = 0.5 * (count + _products(two, one, i, j, k))
                products[i, ly + j, lz + k] = count
                if i == 0:
                    products[0, ly - j, lz - k] = count
