"""Three phases from two Gaussian fields: a pluri-Gaussian excursion set."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from vmt._budget import require_memory
from vmt._progress import steps
from vmt._units import check_spacing
from vmt.errors import InputError, VmtWarning
from vmt.kernels.gaussian_field import draw_modes, fill_truncated
from vmt.microstructure import Microstructure
from vmt.models._covariance import Covariance
from vmt.models._embedding import embed
from vmt.models._level_set import check_cells, seed_sequence
from vmt.models._pluri_law import pluri_coverage, second_level

__all__ = ["PluriGaussianExcursionSet"]

Array = npt.NDArray[np.float64]
_WORTH_A_WARNING = 1e-4


@dataclass(frozen=True)
class PluriGaussianExcursionSet:
    """Three phases A, B, C by a truncation of two Gaussian fields.

    A is {X ≥ λ}; of what is left, B is {Z ≥ μ} and C the rest, with Z = r X + √(1 − r²) W and
    independent standard Gaussian fields X and W. For r = 0, B and C share the boundary of A as they
    share the space; r > 0 draws B to A, r < 0 drives it away.

    Parameters
    ----------
    first, second : Covariance
        Correlation functions of X and of W.
    volume_fractions : (float, float)
        Of A and of B; C has the rest. They set the levels λ and μ.
    phases : (str, str, str)
        Names of A, B and C. C has label 0, A label 1, B label 2.
    correlation : float
        r, within (-1, 1).

    Raises
    ------
    InputError
        If a covariance isn't one of unit variance, the volume fractions aren't positive with a sum
        below 1, the names aren't different, or r is not within (-1, 1).

    References
    ----------
    Armstrong et al. (2011), *Plurigaussian Simulations in Geosciences*, Springer.

    Examples
    --------
    >>> model = PluriGaussianExcursionSet(
    ...     Covariance.gaussian(rate=2e5), Covariance.gaussian(rate=5e5), (0.5, 0.1))
    >>> model.volume_fraction("pore")
    0.4
    >>> model.sample((20, 20, 20), 400e-9, rng=1).phases["carbon_binder_domain"]
    2
    """

    first: Covariance
    second: Covariance
    volume_fractions: tuple[float, float]
    _: dataclasses.KW_ONLY
    phases: tuple[str, str, str] = ("solid", "carbon_binder_domain", "pore")
    correlation: float = 0.0

    def __post_init__(self) -> None:
        for name, given in (("first", self.first), ("second", self.second)):
            if not isinstance(given, Covariance) or not math.isclose(
                given.variance, 1, abs_tol=1e-9
            ):
                raise InputError(
                    f"{name}={given!r} can't be used; expected a Covariance of unit variance, as "
                    "Covariance.gaussian(rate=2e5)."
                )
        try:
            one, two = (float(p) for p in self.volume_fractions)
        except (TypeError, ValueError):
            one = two = math.nan
        if not (one > 0 and two > 0 and one + two < 1):
            raise InputError(
                f"volume_fractions={self.volume_fractions!r} can't be used; expected two positive "
                "numbers with a sum below 1, as (0.5, 0.1)."
            )
        object.__setattr__(self, "volume_fractions", (one, two))
        names = tuple(self.phases)
        if len(names) != 3 or len(set(names)) != 3 or not all(names):
            raise InputError(f"phases={self.phases!r} can't be used; expected three names.")
        object.__setattr__(self, "phases", names)
        if not -1 < self.correlation < 1:
            raise InputError(
                f"correlation={self.correlation!r} can't be used; expected a number within (-1, 1)."
            )
        object.__setattr__(self, "correlation", float(self.correlation))

    @property
    def levels(self) -> tuple[float, float]:
        """Levels (λ, μ) of the two fields."""
        level = float(-special.ndtri(self.volume_fractions[0]))
        return level, second_level(level, self.volume_fractions[1], self.correlation)

    def volume_fraction(self, phase: str) -> float:
        """Volume fraction of a phase."""
        one, two = self.volume_fractions
        return (one, two, 1 - one - two)[self._index(phase)]

    def _index(self, phase: str) -> int:
        if phase not in self.phases:
            raise InputError(f"There is no phase {phase!r}; expected one of {self.phases}.")
        return self.phases.index(phase)

    # ---- two points

    def coverage_matrix(self, lags: npt.ArrayLike) -> Array:
        """All C_ij(h), phases in the order of `phases`.

        Parameters
        ----------
        lags : (n,) distances [m], or (n, 3) vectors
            Vectors are needed if a covariance is anisotropic.

        Returns
        -------
        (n, 3, 3) array
            Symmetric in i and j; row i sums to the volume fraction of phase i.
        """
        return pluri_coverage(self.levels, self.correlation, self.first(lags), self.second(lags))

    def two_point_coverage_probability(
        self, lags: npt.ArrayLike, phase: str, other: str | None = None
    ) -> Array:
        """Probability C_ij(h) that the ends of a lag are in a phase and in another (or the same).

        Parameters
        ----------
        lags : (n,) distances [m], or (n, 3) vectors
        phase, other : str
            Without the second, the first twice.

        Returns
        -------
        (n,) array
            Products of closed forms for correlation 0; else by quadrature, to about 1e-9.

        Examples
        --------
        >>> model = PluriGaussianExcursionSet(
        ...     Covariance.gaussian(rate=2e5), Covariance.gaussian(rate=5e5), (0.5, 0.1))
        >>> model.two_point_coverage_probability([0.0, 50e-6], "solid", "pore").round(6)
        array([0. , 0.2])
        """
        i = self._index(phase)
        return self.coverage_matrix(lags)[:, i, i if other is None else self._index(other)]

    # ---- mean values

    def interface_area(self, phase: str, other: str) -> float:
        """Area of the interface between two phases per total volume [1/m]; inf if rough.

        On {X = λ}, Z has its law under that condition; value and gradient of a stationary field are
        independent at a point, so that areas are products.
        """
        level, second = self.levels
        r, own = self.correlation, math.sqrt(1 - self.correlation**2)
        pair = {self._index(phase), self._index(other)}
        if len(pair) == 1:
            raise InputError(f"phase={phase!r} has no interface with itself; expected two phases.")
        one = self.first.second_derivative_tensor
        if pair == {1, 2}:
            mixed = r * r * one + own * own * self.second.second_derivative_tensor
            # X < λ where Z = μ
            return _area(mixed, second) * float(special.ndtr((level - r * second) / own))
        share = float(special.ndtr((r * level - second) / own))
        return _area(one, level) * (share if 1 in pair else 1 - share)

    def specific_surface_area(self, phase: str) -> float:
        """Area of a phase's boundary per total volume [1/m]; inf for a rough covariance."""
        self._index(phase)
        return math.fsum(self.interface_area(phase, o) for o in self.phases if o != phase)

    def triple_phase_boundary_density(self) -> float:
        """Length of the lines where three phases meet per volume [1/m²].

        f(λ, μ) E|∇X × ∇Z| with E|∇X × ∇W| = E|∇X| E|∇W| π/4 for isotropic fields; nan otherwise.
        """
        if not (self.first.isotropic and self.second.isotropic):
            return math.nan
        level, second = self.levels
        r, own = self.correlation, math.sqrt(1 - self.correlation**2)
        gradients = [
            math.sqrt(8 / math.pi * c.second_derivative_at_zero) for c in (self.first, self.second)
        ]
        across = (second - r * level) / own
        density = math.exp(-(level**2 + across**2) / 2) / (2 * math.pi)
        return density * gradients[0] * gradients[1] * math.pi / 4

    # ---- realizations

    def sample(
        self,
        shape: Sequence[int],
        spacing: float | Sequence[float],
        *,
        rng: np.random.Generator | int,
        periodic: bool = False,
        workers: int = 1,
    ) -> Microstructure:
        """Draw a realization on a grid of voxels.

        Parameters
        ----------
        shape : (nx, ny, nz)
            Voxels.
        spacing : float or (dx, dy, dz)
            Voxel edge lengths [m].
        rng : numpy.random.Generator or int
            The same seed is the same structure, on any number of workers.
        periodic : bool
            Opposite faces fit together.
        workers : int
            Threads.

        Returns
        -------
        Microstructure
            Labels 0 (C), 1 (A) and 2 (B).

        Raises
        ------
        InputError
            If an argument can't be used.
        MemoryBudgetError
            If the work doesn't fit the memory.

        Warns
        -----
        VmtWarning
            If a covariance had to be changed by more than 1e-4 to be embedded.
        """
        seed = seed_sequence(rng)
        if workers < 1:
            raise InputError(f"workers={workers!r} can't be used; expected at least 1.")
        voxels, voxel = check_cells(shape), check_spacing(spacing)
        made = [embed(c, voxels, voxel, periodic=periodic) for c in (self.first, self.second)]
        require_memory(
            sum(e.bytes_needed(voxels, 1, workers) for e in made),
            f"A {' × '.join(map(str, voxels))} realization of {type(self).__name__}",
        )
        worst = max(e.error for e in made)
        if worst > _WORTH_A_WARNING:
            warnings.warn(
                f"The covariances don't fit their torus: a sampled one is off by up to "
                f"{worst:.1e}. Use a larger box or covariances of shorter reach.",
                VmtWarning,
                stacklevel=2,
            )
        labels = np.empty(voxels, np.uint8)
        with steps("sampling", voxels[0] + 2) as step:
            modes = []
            for n, e in enumerate(made):
                child = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, n))
                modes.append(
                    draw_modes(e.amplitude, e.lengths, e.cutoff, voxels, child, workers=workers)
                )
                step()
            fill_truncated(
                (modes[0], modes[1]),
                (made[0].lengths, made[1].lengths),
                self.levels,
                self.correlation,
                labels,
                workers=workers,
                done=step,
            )
        a, b, c = self.phases
        return Microstructure(labels, voxel, {c: 0, a: 1, b: 2})

    # ---- exchange

    def replace(self, **changes: Any) -> PluriGaussianExcursionSet:
        """Return a model with other values of the given fields; checked like a new one."""
        known = [f.name for f in dataclasses.fields(self)]
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise InputError(f"There is no field {unknown[0]!r}; there are {', '.join(known)}.")
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return everything needed to build it again, for JSON."""
        return {
            "model": type(self).__name__,
            "first": self.first.to_dict(),
            "second": self.second.to_dict(),
            "volume_fractions": list(self.volume_fractions),
            "phases": list(self.phases),
            "correlation": self.correlation,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PluriGaussianExcursionSet:
        """Build it from what `to_dict` returns.

        Raises
        ------
        InputError
            If it is the data of another model, or incomplete.
        """
        if data.get("model") != cls.__name__:
            raise InputError(
                f"This is the data of {data.get('model')!r}; expected that of {cls.__name__}."
            )
        try:
            one, two = data["volume_fractions"]
            a, b, c = data["phases"]
            return cls(
                Covariance.from_dict(data["first"]),
                Covariance.from_dict(data["second"]),
                (one, two),
                phases=(a, b, c),
                correlation=data["correlation"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"This isn't a stored {cls.__name__} ({error!r} is the trouble); expected what "
                "to_dict() returns."
            ) from error


def _area(tensor: Array, level: float) -> float:
    """Area of a Gaussian field's level set per volume: φ(λ) E|∇X|."""
    if not np.all(np.isfinite(tensor)):
        return math.inf
    mean_gradient = 4 * float(special.elliprg(*np.linalg.eigvalsh(tensor))) / (2 * math.pi)
    return math.exp(-level * level / 2) * mean_gradient
