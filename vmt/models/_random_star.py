"""Random star-shaped particles: an isotropic random radius function, conditioned on its size.

Source: Feinauer et al. (2015), *Mater. Charact.* 106, 123–133, with particles that may differ in
roughness: the angular power spectrum is random, too, and may depend on the size.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
from scipy import special

from vmt.errors import ConvergenceError, InputError
from vmt.kernels import star_shapes, stars
from vmt.models._level_set import seed_sequence
from vmt.models._star_particle import StarParticle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["RandomStarParticle"]

Floats = npt.NDArray[np.float64]
_LEVELS = 201  # of tables made from closed forms
_LEAST = 0.1  # smallest radius over the mean one; below, the shape is drawn again
_TRIALS = 200


@dataclass(frozen=True, eq=False)
class RandomStarParticle:
    """A law of random particles: of their sizes, of their spectra, and of both together.

    A particle's radius function is an isotropic random field on the sphere: of each degree l, the
    coefficients c_lm are those of a Gaussian field given their power P_l = Σ_m c_lm². The relative
    powers p_l = P_l/P_0 and the equivalent diameter have the margins of the tables and a Gaussian
    copula. The shape is then scaled to the volume of the diameter drawn.

    Parameters
    ----------
    diameters : (q,) array
        Quantiles of the equivalent diameter at equal steps of probability from 0 to 1 [m].
    powers : (L, q) array
        Quantiles of p_1, ..., p_L, likewise; 0 throughout for a degree that is not there.
    correlation : (L + 1, L + 1) array
        Of the normal scores of diameter, p_1, ..., p_L.

    Raises
    ------
    InputError
        If a table is not positive and rising, or the correlation is none.

    Examples
    --------
    >>> model = RandomStarParticle.gaussian(8e-6, [0.0, 0.02, 0.01], size_spread=0.2)
    >>> particle, = model.sample(1, rng=1)
    >>> particle
    StarParticle(degree 3, equivalent diameter 8.569 µm)
    """

    diameters: Floats
    powers: Floats
    correlation: Floats

    def __post_init__(self) -> None:
        tables = {}
        for name, dimensions in (("diameters", 1), ("powers", 2), ("correlation", 2)):
            try:
                table = np.array(getattr(self, name), float)
            except (TypeError, ValueError):
                table = np.zeros(0)
            if table.ndim != dimensions or not table.size or not np.isfinite(table).all():
                raise InputError(
                    f"{name} of shape {table.shape} can't be used; expected a table of finite "
                    f"numbers with {dimensions} axes."
                )
            table.flags.writeable = False
            tables[name] = table
            object.__setattr__(self, name, table)
        if not (tables["diameters"] > 0).all() or (np.diff(tables["diameters"]) < 0).any():
            raise InputError("The table of diameters can't be used; expected rising lengths.")
        if (tables["powers"] < 0).any() or (np.diff(tables["powers"], axis=1) < 0).any():
            raise InputError("The tables of powers can't be used; expected rising numbers, each.")
        matrix, count = tables["correlation"], len(tables["powers"]) + 1
        if matrix.shape != (count, count) or not (
            np.allclose(matrix, matrix.T, atol=1e-9)
            and np.allclose(np.diag(matrix), 1, atol=1e-9)
            and np.linalg.eigvalsh(matrix)[0] > -1e-9
        ):
            raise InputError(
                f"correlation of shape {matrix.shape} can't be used; expected a correlation "
                f"matrix ({count}, {count}) of diameter and powers."
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(np.asarray(getattr(self, n)) for n in self.__dataclass_fields__)

    def __repr__(self) -> str:
        from vmt._units import format_length

        middle = format_length(float(np.median(self.diameters)))
        return f"RandomStarParticle(degree {self.degree}, median diameter {middle})"

    @classmethod
    def gaussian(
        cls,
        median_diameter: float,
        power_spectrum: Sequence[float] | Floats,
        *,
        size_spread: float = 0.0,
    ) -> Self:
        """Make the model of one spectrum: a Gaussian radius function, log-normal sizes.

        Parameters
        ----------
        median_diameter : float
            Median of the equivalent diameter [m].
        power_spectrum : (L,) array
            Mean of p_l = P_l/P_0 for l = 1, ..., L. Σ p_l is the squared coefficient of variation
            of the radius.
        size_spread : float
            Standard deviation of the logarithm of the diameter.
        """
        mean = np.asarray(power_spectrum, float)
        if mean.ndim != 1 or not mean.size or not (mean >= 0).all() or not mean.sum() < 0.25:
            raise InputError(
                f"power_spectrum={power_spectrum!r} can't be used; expected numbers of at least 0 "
                "for l = 1, ..., L whose sum is below 0.25, as [0.0, 0.02, 0.01]."
            )
        if not (math.isfinite(median_diameter) and median_diameter > 0 <= size_spread < 3):
            raise InputError(
                f"median_diameter={median_diameter!r} and size_spread={size_spread!r} can't be "
                "used; expected a positive length [m] and a number of at least 0."
            )
        share = (np.arange(_LEVELS) + 0.5) / _LEVELS
        count = 2 * np.arange(1, mean.size + 1) + 1
        chi = 2 * special.gammaincinv(count[:, None] / 2, share)
        sizes = median_diameter * np.exp(size_spread * special.ndtri(share))
        return cls(sizes, mean[:, None] * chi / count[:, None], np.eye(mean.size + 1))

    @property
    def degree(self) -> int:
        """Degree L of the particles' series."""
        return len(self.powers)

    def sample_coefficients(
        self,
        count: int,
        *,
        rng: np.random.Generator | int,
        equivalent_diameters: npt.ArrayLike | None = None,
    ) -> Floats:
        """Draw coefficients (count, (L + 1)²) [m]; the arguments are those of `sample`."""
        if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 0:
            raise InputError(f"count={count!r} can't be used; expected a whole number of particles")
        generator = np.random.default_rng(seed_sequence(rng))
        given = None
        if equivalent_diameters is not None:
            given = np.asarray(equivalent_diameters, float)
            if given.shape != (count,) or not (given > 0).all() or not np.isfinite(given).all():
                raise InputError(
                    f"equivalent_diameters of shape {given.shape} can't be used; expected {count} "
                    "positive lengths [m]."
                )
        made = np.empty((count, (self.degree + 1) ** 2))
        open_ones = np.arange(count)
        for _ in range(_TRIALS):
            sizes = None if given is None else given[open_ones]
            made[open_ones] = self._draw(open_ones.size, generator, sizes)
            least, mean = star_shapes.smallest_radii(made[open_ones]), made[open_ones, 0]
            open_ones = open_ones[least < _LEAST * mean / math.sqrt(4 * math.pi)]
            if not open_ones.size:
                return made
        raise ConvergenceError(
            f"After {_TRIALS} trials {open_ones.size} of {count} particles still have a radius "
            f"below {_LEAST} of their mean; expected spectra of star-shaped bodies. Use smaller "
            "powers."
        )

    def sample(
        self,
        count: int,
        *,
        rng: np.random.Generator | int,
        equivalent_diameters: npt.ArrayLike | None = None,
    ) -> tuple[StarParticle, ...]:
        """Draw particles around the origin, in random orientation.

        Parameters
        ----------
        count : int
            Particles.
        rng : numpy.random.Generator or int
            A generator moves on; a seed doesn't.
        equivalent_diameters : (count,) array, optional
            Sizes [m] on which the shapes are conditioned. Default: they are drawn, too.

        Raises
        ------
        InputError
            If count, rng or diameters can't be used.
        ConvergenceError
            If the spectra are so strong that hardly any shape has a positive radius.
        """
        drawn = self.sample_coefficients(count, rng=rng, equivalent_diameters=equivalent_diameters)
        origin = np.zeros(3)
        return tuple(StarParticle(origin, c) for c in drawn)

    def _draw(self, count: int, rng: np.random.Generator, sizes: Floats | None) -> Floats:
        scores = rng.standard_normal((count, self.degree + 1))
        values, vectors = np.linalg.eigh(self.correlation[1:, 1:] - self._shift())
        first = scores[:, 0]
        if sizes is not None:
            first = special.ndtri(np.clip(_share(self.diameters, sizes), 1e-9, 1 - 1e-9))
        rest = scores[:, 1:] @ (vectors * np.sqrt(np.maximum(values, 0))).T
        rest += first[:, None] * self.correlation[0, 1:]
        if sizes is None:
            sizes = _quantile(self.diameters, special.ndtr(first))
        c = np.zeros((count, (self.degree + 1) ** 2))
        c[:, 0] = 1.0
        for n in range(1, self.degree + 1):
            part = rng.standard_normal((count, 2 * n + 1))
            power = _quantile(self.powers[n - 1], special.ndtr(rest[:, n - 1]))
            scale = np.sqrt(power / (part**2).sum(axis=1))
            c[:, n * n : (n + 1) ** 2] = part * scale[:, None]
        volume = np.maximum(star_shapes.volumes(c), 1e-300)
        made: Floats = c * (sizes * np.cbrt(math.pi / 6 / volume))[:, None]
        return made

    def _shift(self) -> Floats:
        """Part of the powers' covariance that the size explains."""
        return np.outer(self.correlation[0, 1:], self.correlation[0, 1:])

    def mean_power_spectrum(self) -> Floats:
        """Mean (L,) of p_1, ..., p_L."""
        made: Floats = np.trapezoid(self.powers, axis=1) / max(self.powers.shape[1] - 1, 1)
        return made

    def to_dict(self) -> dict[str, Any]:
        """Tables for JSON."""
        return {
            "diameters [m]": self.diameters.tolist(),
            "powers": self.powers.tolist(),
            "correlation": self.correlation.tolist(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Make a model from what `to_dict` gave."""
        try:
            return cls(data["diameters [m]"], data["powers"], data["correlation"])
        except KeyError as error:
            raise InputError(f"A particle model needs {error}; got {sorted(data)}.") from None

    def plot(self, ax: Axes | None = None, *, count: int = 12, rng: int = 0) -> Axes:
        """Draw some particles of the model, in micrometers."""
        from vmt._plotting import PHASE_COLORS

        return draw_gallery(self.sample(count, rng=rng), ax, color=PHASE_COLORS[1])


def draw_gallery(
    particles: Sequence[StarParticle], ax: Axes | None, *, color: str, columns: int = 4
) -> Axes:
    """Draw particles in rows on one scale, in micrometers."""
    from vmt._plotting import axes, draw_bodies, finish, view_frame

    right, up = view_frame()
    reach = [float(stars.extents(p.coefficients[None]).max()) for p in particles]
    pitch = 2.16e6 * max(reach, default=0.0)
    meshes = []
    for i, particle in enumerate(particles):
        row, column = divmod(i, columns)
        at = (column + 0.5) * pitch * right - (row + 0.5) * pitch * up
        meshes.append((particle.mesh(25, 48) - particle.center) * 1e6 + at)
    ax = draw_bodies(axes(ax), meshes, [color] * len(meshes))
    return finish(ax, xlabel="µm", ylabel="µm")


def _quantile(table: Floats, share: Floats) -> Floats:
    made: Floats = np.interp(share, np.linspace(0, 1, table.size), table)
    return made


def _share(table: Floats, values: Floats) -> Floats:
    made: Floats = np.interp(values, table, np.linspace(0, 1, table.size))
    return made
