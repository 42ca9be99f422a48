"""Excursion sets of Gaussian and of χ² fields: structures with known mean values.

Source: Neumann et al. (2023), section 3.2; Adler & Taylor (2007), *Random Fields and Geometry*;
Worsley (1994), *Adv. Appl. Probab.* 26, 13–42, for the curvature densities of χ² fields.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy import special

from vmt._budget import require_memory
from vmt._progress import steps
from vmt._units import check_spacing
from vmt.errors import InputError, VmtWarning
from vmt.kernels.gaussian_field import Triple, draw_modes, fill_excursion
from vmt.microstructure import LevelSet, Microstructure
from vmt.models._covariance import Covariance
from vmt.models._embedding import Embedding, embed
from vmt.models._level_laws import TwoPointLaw, chi_square_law, gaussian_law
from vmt.models._level_set import check_cells, draw_level_set, seed_sequence

__all__ = ["ChiSquareExcursionSet", "GaussianExcursionSet"]

Array = npt.NDArray[np.float64]
_AXES = 3
_WORTH_A_WARNING = 1e-4


@dataclass(frozen=True)
class _ExcursionSet:
    """What excursion sets of both kinds share."""

    covariance: Covariance
    volume_fraction: float
    _: dataclasses.KW_ONLY
    phase: str = "solid"
    background: str = "pore"

    def __post_init__(self) -> None:
        if not isinstance(self.covariance, Covariance):
            raise InputError(
                f"covariance={self.covariance!r} can't be used; expected a Covariance, as "
                "Covariance.gaussian(rate=7.28e6)."
            )
        if not math.isclose(self.covariance.variance, 1.0, abs_tol=1e-9):
            raise InputError(
                f"The weights of {self.covariance!r} come to {self.covariance.variance:g}; "
                "a field of unit variance needs weights that come to 1."
            )
        try:
            fraction = float(self.volume_fraction)
        except (TypeError, ValueError):
            fraction = math.nan
        if not 0 < fraction < 1:
            raise InputError(
                f"volume_fraction={self.volume_fraction!r} can't be used; expected a number "
                "between 0 and 1, as 0.46."
            )
        object.__setattr__(self, "volume_fraction", fraction)
        if not self.phase or not self.background or self.phase == self.background:
            raise InputError(
                f"phase={self.phase!r} and background={self.background!r} can't be used; "
                "expected two different names."
            )

    # ---- what the kinds differ in

    @property
    def level(self) -> float:
        """Level λ of the excursion."""
        raise NotImplementedError

    @property
    def _fields(self) -> int:
        return 1

    @property
    def _law(self) -> TwoPointLaw:
        raise NotImplementedError

    def _curvature_densities(self) -> tuple[float, float, float]:
        """Densities ρ₁, ρ₂, ρ₃ of the Euler characteristic for a field of unit roughness."""
        raise NotImplementedError

    # ---- two points

    def coverage(self, rho: npt.ArrayLike) -> Array:
        """Two-point coverage probability C where the field's correlation is ρ.

        Parameters
        ----------
        rho : array (...)
            In [-1, 1].

        Returns
        -------
        array (...)
            Accurate to 1e-12; p² at ρ = 0 and p at ρ = 1.
        """
        return self._law.coverage(_check_correlation(rho))

    def coverage_derivative(self, rho: npt.ArrayLike) -> Array:
        """Closed form of dC/dρ; infinite at ρ = 1."""
        return self._law.derivative(_check_correlation(rho))

    def correlation(self, coverage: npt.ArrayLike) -> Array:
        """Correlation ρ of the field at which C has the given values, nan where there is none.

        χ² sets can't tell the sign of ρ: the solution in [0, 1] is returned, and none exists for
        C < p². Ill-conditioned for them near ρ = 0, where C − p² goes with ρ².
        """
        return self._law.correlation(coverage)

    def two_point_coverage_probability(self, lags: npt.ArrayLike) -> Array:
        """Probability C(h) that both ends of a lag are in the phase.

        Parameters
        ----------
        lags : (n,) distances [m], or (n, 3) vectors
            Vectors are needed if the covariance is anisotropic.

        Returns
        -------
        (n,) array

        Examples
        --------
        >>> model = ChiSquareExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)
        >>> model.two_point_coverage_probability([0.0, 1e-6])
        array([0.46  , 0.2116])
        """
        return self._law.coverage(self.covariance(lags))

    # ---- mean values

    @property
    def _roughness(self) -> Array:
        """Eigenvalues of the covariance of the field's gradient [1/m²]."""
        tensor = self.covariance.second_derivative_tensor
        if not np.all(np.isfinite(tensor)):
            return np.full(_AXES, math.inf)
        return np.asarray(np.linalg.eigvalsh(tensor))

    def specific_surface_area(self) -> float:
        """Specific surface area S of the boundary between the phases, per total volume [1/m].

        S = f(λ) E|∇|: for χ² with k = 2 and the Gaussian covariance √λ √2 α p √(8/π). Infinite for
        a rough covariance such as the exponential one.

        Examples
        --------
        >>> model = ChiSquareExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)
        >>> round(model.specific_surface_area() / 1e6, 2)
        9.42
        """
        roughness = self._roughness
        if not np.isfinite(roughness[0]):
            return math.inf
        return float(4 * self._curvature_densities()[0] * special.elliprg(*roughness))

    def mean_curvature_density(self) -> float:
        """Integral of the mean curvature (κ₁ + κ₂)/2 over the boundary per volume [1/m²].

        Positive where the phase is convex: 4πr for a ball of the phase; its negative is that of
        the background. From the Gaussian kinematic formula; nan for a rough covariance.
        """
        roughness = self._roughness
        if not np.isfinite(roughness[0]):
            return math.nan
        # mean over the normals of a plane of the area roughness √det within it
        mean_area = math.sqrt(float(np.prod(roughness))) * float(special.elliprg(*(1 / roughness)))
        return 2 * math.pi * self._curvature_densities()[1] * mean_area

    def euler_number_density(self) -> float:
        """Euler number of the phase per volume [1/m³]: pieces − tunnels + cavities.

        From the Gaussian kinematic formula (Adler & Taylor 2007; Worsley 1994); nan for a rough
        covariance.
        """
        roughness = self._roughness
        if not np.isfinite(roughness[0]):
            return math.nan
        return self._curvature_densities()[2] * math.sqrt(float(np.prod(roughness)))

    def gaussian_curvature_density(self) -> float:
        """Integral of the Gaussian curvature over the boundary per volume [1/m³]: 4π × Euler."""
        return 4 * math.pi * self.euler_number_density()

    def expected_specific_surface_area(self, spacing: float | Sequence[float]) -> float:
        """Exact expectation [1/m] of the 13-direction surface estimator at a voxel spacing [m].

        E[S] = Σ 8 γ_i (p − C(v_i))/|v_i| over the 13 directions, v_i the lag of direction i.
        """
        from vmt.kernels.surface import direction_weights

        voxel = check_spacing(spacing)
        directions, weights = direction_weights(voxel)
        lags = np.asarray(directions) * np.asarray(voxel)
        change = self.volume_fraction - self.two_point_coverage_probability(lags)
        return float((8 * weights * change / np.linalg.norm(lags, axis=1)).sum())

    def variance_of_volume_fraction(self, size: float | Sequence[float]) -> float:
        """Variance of the volume fraction seen in a box.

        Eq. (18) of Neumann et al. (2023) with the model's own C₀:
        σ² = ∫ C₀(z) Π (L_i − |z_i|) dz / V², by quadrature that takes no random numbers.

        Parameters
        ----------
        size : float or (Lx, Ly, Lz)
            Edge lengths of the box [m].
        """
        try:
            edges = check_spacing(size)
        except InputError as error:
            raise InputError(
                f"size {size!r} can't be used; expected the edge lengths of a box in meters."
            ) from error
        reach = self.covariance.reach(1e-6)
        grids, weights = [], []
        for edge, far in zip(edges, reach, strict=True):
            places, weight = _graded_nodes(min(edge, far))
            grids.append(places)
            weights.append(weight * (1 - places / edge) / edge)
        p = self.volume_fraction
        signs = [(1.0, 1.0)]  # C₀ is even under z → −z, and along each axis if not rotated
        if not self.covariance.even:
            signs = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)]
        plane = np.multiply.outer(weights[1], weights[2])
        vectors = np.empty((*plane.shape, _AXES))
        total = 0.0
        for sign_y, sign_z in signs:
            vectors[..., 1] = sign_y * grids[1][:, None]
            vectors[..., 2] = sign_z * grids[2]
            for x, weight in zip(grids[0], weights[0], strict=True):
                vectors[..., 0] = x
                centered = self._law.coverage(self.covariance(vectors)) - p * p
                total += float(weight * (plane * centered).sum())
        return 8 / len(signs) * total

    # ---- realizations

    def _embed(
        self, shape: Sequence[int], spacing: float | Sequence[float], periodic: bool
    ) -> tuple[Triple, tuple[float, float, float], Embedding]:
        voxels, voxel = check_cells(shape), check_spacing(spacing)
        return voxels, voxel, embed(self.covariance, voxels, voxel, periodic=periodic)

    def embedding_error(
        self, shape: Sequence[int], spacing: float | Sequence[float], *, periodic: bool = False
    ) -> float:
        """Bound on the error of the sampled field's covariance from clipped eigenvalues.

        0 means exact, up to 1e-7 of the covariance's tail and float32. A periodic box shorter than
        the reach has another covariance by nature; the bound then tells by how much its variance
        had to be scaled back to 1.
        """
        return self._embed(shape, spacing, periodic)[2].error

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

        The same seed gives the same voxels for the same shape, spacing, `periodic` and parameters
        of the covariance, on any number of workers; another shape is another realization (not a
        crop or continuation). The volume fraction only sets the level: one seed gives nested sets.

        Parameters
        ----------
        shape : (nx, ny, nz)
            Voxels.
        spacing : float or (dx, dy, dz)
            Voxel edge lengths [m].
        rng : numpy.random.Generator or int
            A generator moves on, so that the next realization is another one; a seed doesn't.
        periodic : bool
            Opposite faces fit together; else they are independent where the box is longer than
            the covariance's reach.
        workers : int
            Threads.

        Returns
        -------
        Microstructure
            Labels 0 (background) and 1 (phase).

        Raises
        ------
        InputError
            If shape, spacing or rng can't be used.
        MemoryBudgetError
            If the work doesn't fit the memory.

        Warns
        -----
        VmtWarning
            If the covariance had to be changed by more than 1e-4 to be embedded.

        Examples
        --------
        >>> model = ChiSquareExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)
        >>> model.sample((50, 50, 50), 10e-9, rng=1).shape
        (50, 50, 50)
        """
        seed = seed_sequence(rng)
        if workers < 1:
            raise InputError(f"workers={workers!r} can't be used; expected at least 1.")
        voxels, voxel, embedding = self._embed(shape, spacing, periodic)
        pairs = (self._fields + 1) // 2
        require_memory(
            embedding.bytes_needed(voxels, pairs, workers),
            f"A {' × '.join(map(str, voxels))} realization of {type(self).__name__}",
        )
        self._warn_of_change(embedding)
        labels = np.empty(voxels, np.uint8)
        with steps("sampling", voxels[0] + pairs) as step:
            modes = []
            for n in range(pairs):
                child = np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, n))
                drawn = draw_modes(
                    embedding.amplitude,
                    embedding.lengths,
                    embedding.cutoff,
                    voxels,
                    child,
                    workers=workers,
                )
                modes.append(drawn)
                step()
            fill_excursion(
                modes,
                self._fields,
                embedding.lengths,
                self.level,
                labels,
                squared=isinstance(self, ChiSquareExcursionSet),
                workers=workers,
                done=step,
            )
        return Microstructure(labels, voxel, {self.background: 0, self.phase: 1})

    def _warn_of_change(self, embedding: Embedding) -> None:
        if embedding.error > _WORTH_A_WARNING:
            warnings.warn(
                f"The covariance {self.covariance!r} doesn't fit a torus of "
                f"{' × '.join(map(str, embedding.lengths))} voxels: the sampled one is off by up "
                f"to {embedding.error:.1e}. Use a larger box or a covariance of shorter reach.",
                VmtWarning,
                stacklevel=3,
            )

    def sample_level_set(
        self,
        shape: Sequence[int],
        spacing: float | Sequence[float],
        *,
        rng: np.random.Generator | int,
        periodic: bool = False,
        at: Literal["corners", "centers"] = "corners",
        grid: Sequence[int] | None = None,
        workers: int = 1,
    ) -> LevelSet:
        """Draw the realization that `sample` draws, as the values λ − Y of a smooth function.

        Shape and spacing name the realization together with the seed; the grid is free: the same
        structure on any number of cells. The labels of `sample` are the signs at the centers of
        the voxels (up to float32 where Y is λ).

        Parameters
        ----------
        shape, spacing, rng, periodic, workers
            As for `sample`.
        at : {"corners", "centers"}
            Of the cells.
        grid : (mx, my, mz), optional
            Cells in the same box; those of `shape` by default.

        Returns
        -------
        LevelSet
            Negative in `phase`; without unit, of gradient about 1 per correlation length.

        Raises
        ------
        InputError
            If an argument can't be used, or the covariance is so rough for the spacing that the
            field is not determined between the voxels.
        MemoryBudgetError
            If the work doesn't fit the memory.

        Examples
        --------
        >>> model = ChiSquareExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)
        >>> model.sample_level_set((50, 50, 50), 10e-9, rng=1, grid=(75, 75, 75)).shape
        (75, 75, 75)
        """
        seed = seed_sequence(rng)
        voxels, voxel, embedding = self._embed(shape, spacing, periodic)
        self._warn_of_change(embedding)
        return draw_level_set(
            embedding,
            voxels,
            voxel,
            voxels if grid is None else check_cells(grid, "grid"),
            at,
            seed,
            fields=self._fields,
            squared=isinstance(self, ChiSquareExcursionSet),
            level=self.level,
            names=(self.phase, self.background),
            workers=workers,
        )

    # ---- exchange

    def replace(self, **changes: Any) -> Self:
        """Return a model with other values of the given fields; checked like a new one.

        Raises
        ------
        InputError
            If a field isn't known.
        """
        known = [f.name for f in dataclasses.fields(self)]
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise InputError(
                f"{type(self).__name__} has no field {unknown[0]!r}; it has {', '.join(known)}."
            )
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Return everything needed to build it again, for JSON."""
        found: dict[str, Any] = {"model": type(self).__name__}
        for item in dataclasses.fields(self):
            value = getattr(self, item.name)
            found[item.name] = value.to_dict() if isinstance(value, Covariance) else value
        return found

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build it from what `to_dict` returns.

        Raises
        ------
        InputError
            If it is the data of another model, or incomplete.
        """
        values = dict(data)
        name = values.pop("model", None)
        if name != cls.__name__:
            raise InputError(f"This is the data of {name!r}; expected that of {cls.__name__}.")
        known = {f.name for f in dataclasses.fields(cls)}
        if set(values) != known:
            raise InputError(f"The data has the fields {sorted(values)}; expected {sorted(known)}.")
        values["covariance"] = Covariance.from_dict(values["covariance"])
        return cls(**values)


@dataclass(frozen=True)
class GaussianExcursionSet(_ExcursionSet):
    """Excursion set {X ≥ λ} of a standard Gaussian field X.

    Parameters
    ----------
    covariance : Covariance
        Correlation function of X.
    volume_fraction : float
        Volume fraction p of `phase`, which sets the level λ = Φ⁻¹(1 − p).
    phase, background : str
        Name of the set and of its complement. Swapped, with 1 − p, this is the same model.

    Raises
    ------
    InputError
        If the volume fraction isn't between 0 and 1, or the covariance not one of unit variance.

    Examples
    --------
    >>> model = GaussianExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)
    >>> round(model.level, 4)
    0.1004
    """

    @property
    def level(self) -> float:
        """Level λ of the excursion."""
        return float(-special.ndtri(self.volume_fraction))

    @property
    def _law(self) -> TwoPointLaw:
        return gaussian_law(self.level)

    def _curvature_densities(self) -> tuple[float, float, float]:
        u = self.level
        decay = math.exp(-u * u / 2)
        turn = 2 * math.pi
        return decay / turn, u * decay / turn**1.5, (u * u - 1) * decay / turn**2


@dataclass(frozen=True)
class ChiSquareExcursionSet(_ExcursionSet):
    """Excursion set {Y ≥ λ} of a χ² field Y = X₁² + … + X_k², X_i independent Gaussian fields.

    Parameters
    ----------
    covariance : Covariance
        Correlation function of the X_i.
    volume_fraction : float
        Volume fraction p of `phase`, which sets the level λ (−2 ln p for k = 2).
    degrees_of_freedom : int
        k; 2 in Neumann et al. (2023).
    phase, background : str
        Name of the set and of its complement. For the complement of a χ² set, call the pores
        `phase` and give their volume fraction.

    Raises
    ------
    InputError
        If the volume fraction isn't between 0 and 1, k no whole number of at least 1, or the
        covariance not one of unit variance.

    Examples
    --------
    >>> model = ChiSquareExcursionSet(Covariance.gaussian(rate=7.28e6), 0.46)
    >>> round(model.level, 4)
    1.5531
    """

    _: dataclasses.KW_ONLY
    degrees_of_freedom: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        k = self.degrees_of_freedom
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise InputError(
                f"degrees_of_freedom={k!r} can't be used; expected a whole number of at least 1."
            )
        object.__setattr__(self, "degrees_of_freedom", int(k))

    @property
    def level(self) -> float:
        """Level λ of the excursion."""
        return float(2 * special.gammainccinv(self.degrees_of_freedom / 2, self.volume_fraction))

    @property
    def _fields(self) -> int:
        return self.degrees_of_freedom

    @property
    def _law(self) -> TwoPointLaw:
        return chi_square_law(self.level, self.degrees_of_freedom)

    def _curvature_densities(self) -> tuple[float, float, float]:
        k, u = self.degrees_of_freedom, self.level
        log = -u / 2 - (k - 2) / 2 * math.log(2) - special.gammaln(k / 2)
        turn = 2 * math.pi
        first, second, third = (
            float(np.exp(log + (k - j) / 2 * math.log(u))) / turn ** (j / 2) for j in (1, 2, 3)
        )
        return (
            first,
            second * (u - (k - 1)),
            third * (u * u - (2 * k - 1) * u + (k - 1) * (k - 2)),
        )


def _check_correlation(rho: npt.ArrayLike) -> Array:
    values = np.asarray(rho, np.float64)
    if not np.all(np.abs(values) <= 1 + 1e-12):
        raise InputError("A correlation outside [-1, 1] can't be used; expected values within.")
    return values


def _graded_nodes(end: float) -> tuple[Array, Array]:
    """Gauss–Legendre nodes on [0, end] in t with z = end·t², dense where C₀ has its cone."""
    nodes, weights = np.polynomial.legendre.leggauss(32)
    panels = np.linspace(0, 1, 4)
    t = np.concatenate([a + (b - a) * (nodes + 1) / 2 for a, b in pairwise(panels)])
    w = np.concatenate([(b - a) / 2 * weights for a, b in pairwise(panels)])
    return end * t * t, 2 * end * t * w
