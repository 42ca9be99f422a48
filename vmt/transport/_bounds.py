"""What an effective conductivity can be, given volume fractions and conductivities alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from vmt.errors import InputError

__all__ = ["hashin_shtrikman_bounds", "wiener_bounds"]

_SUM_TOLERANCE = 1e-6


def _check(
    volume_fractions: Sequence[float], conductivities: Sequence[float]
) -> tuple[list[float], list[float]]:
    fractions = [float(v) for v in volume_fractions]
    values = [float(v) for v in conductivities]
    if not fractions or len(fractions) != len(values):
        raise InputError(
            f"Got {len(fractions)} volume fractions and {len(values)} conductivities; "
            "expected one of each for every phase."
        )
    if any(not 0.0 <= v <= 1.0 for v in fractions) or abs(sum(fractions) - 1.0) > _SUM_TOLERANCE:
        raise InputError(
            f"Volume fractions {fractions} can't be used; expected numbers from 0 to 1 that "
            "sum to 1, those of insulating phases included."
        )
    if any(not (math.isfinite(v) and v >= 0.0) for v in values):
        raise InputError(
            f"Conductivities {values} can't be used; expected finite numbers of at least 0 [S/m]."
        )
    return fractions, values


def wiener_bounds(
    volume_fractions: Sequence[float], conductivities: Sequence[float]
) -> tuple[float, float]:
    """Bounds of any structure: phases in series and in parallel (Wiener 1912).

    Parameters
    ----------
    volume_fractions : sequence of n floats
        Volume fraction of each phase; they sum to 1.
    conductivities : sequence of n floats
        Conductivity of each phase [S/m].

    Returns
    -------
    lower, upper : float
        Harmonic and arithmetic mean [S/m].

    Raises
    ------
    InputError
        If the lengths differ, the fractions don't sum to 1, or a value is out of range.

    Examples
    --------
    >>> wiener_bounds([0.5, 0.5], [1.0, 3.0])
    (1.5, 2.0)
    """
    fractions, values = _check(volume_fractions, conductivities)
    present = [(f, s) for f, s in zip(fractions, values, strict=True) if f > 0.0]
    upper = sum(f * s for f, s in present)
    if any(s == 0.0 for _, s in present):
        return 0.0, upper
    return 1.0 / sum(f / s for f, s in present), upper


def hashin_shtrikman_bounds(
    volume_fractions: Sequence[float], conductivities: Sequence[float]
) -> tuple[float, float]:
    """Bounds of macroscopically isotropic structures (Hashin and Shtrikman 1962, eq. 3.19).

    Parameters
    ----------
    volume_fractions : sequence of n floats
        Volume fraction of each phase; they sum to 1.
    conductivities : sequence of n floats
        Conductivity of each phase [S/m].

    Returns
    -------
    lower, upper : float
        [S/m]. A finite sample of an isotropic structure may leave them by its own scatter.

    Raises
    ------
    InputError
        If the lengths differ, the fractions don't sum to 1, or a value is out of range.

    Examples
    --------
    >>> lower, upper = hashin_shtrikman_bounds([0.4, 0.6], [0.0, 1.0])
    >>> round(lower, 6), round(upper, 6)
    (0.0, 0.5)
    """
    fractions, values = _check(volume_fractions, conductivities)
    present = [(f, s) for f, s in zip(fractions, values, strict=True) if f > 0.0]

    def bound(reference: float) -> float:
        if reference == 0.0:  # an insulating matrix
            return 0.0
        return 1.0 / sum(f / (s + 2.0 * reference) for f, s in present) - 2.0 * reference

    values_present = [s for _, s in present]
    return bound(min(values_present)), bound(max(values_present))
