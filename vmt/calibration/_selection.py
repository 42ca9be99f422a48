"""Choose among families of excursion sets by descriptors that the fit does not see.

Every family can be inverted to fit C(h) alone, so C(h) can't tell them apart; Neumann et al. (2023,
section 3.2) chose the χ²-field for its constrictivity. Here each family is fitted to C(h), windows
of it are simulated, and constrictivity, chord lengths, Euler number and specific surface area are
compared with those of windows of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._progress import steps
from vmt.calibration._estimates import FitCurve, decay_length, fit_curve
from vmt.calibration._excursion_set import ExcursionSet, quick_fit, two_phase
from vmt.descriptors import (
    chord_lengths,
    constrictivity,
    euler_number_density,
    specific_surface_area,
)
from vmt.errors import CalibrationError, InputError
from vmt.microstructure import Microstructure
from vmt.models import ChiSquareExcursionSet, Covariance, GaussianExcursionSet

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FAMILIES", "FamilySelection", "select_family"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Family:
    """A family to choose from: the law of the field, its degrees of freedom, complement or not."""

    name: str
    model: type[ExcursionSet]
    degrees_of_freedom: int = 1
    complement: bool = False


FAMILIES: tuple[Family, ...] = (
    Family("Gaussian", GaussianExcursionSet),
    Family("χ², k = 1", ChiSquareExcursionSet, 1),
    Family("χ², k = 2", ChiSquareExcursionSet, 2),
    Family("χ², k = 4", ChiSquareExcursionSet, 4),
    Family("complement of χ², k = 1", ChiSquareExcursionSet, 1, complement=True),
    Family("complement of χ², k = 2", ChiSquareExcursionSet, 2, complement=True),
)
_WINDOW = 20.0  # edge of a window, in decay lengths
_RESOLUTION = 5.0  # voxels per decay length
_MAX_EDGE = 112
_SCALES = {"": 1.0, "nm": 1e9, "1/µm³": 1e-18, "1/µm": 1e-6}
_PARSIMONY = 0.9  # a second free parameter must lower the misfit by a tenth


@dataclass(frozen=True, eq=False)
class FamilySelection:
    """Families of excursion sets, ranked by held-out descriptors.

    Attributes
    ----------
    best : str
        Name of the family nearest to the image.
    model : ChiSquareExcursionSet or GaussianExcursionSet
        Its fitted model.
    names : tuple of str
        All families, nearest first.
    descriptors : tuple of str
        The held-out descriptors, with the units of the table: constrictivity β and mean chord
        length of both phases, Euler number density, specific surface area S.
    image : (d,) array
        The image's values in SI units (mean over its windows).
    values, deviations : (f, d) array
        Each family's mean in SI units, and its deviation from the image in units of the
        window-to-window standard deviation.
    scores : (f,) array
        Root mean square of the deviations.
    misfits : (f,) array
        Root mean square misfit of C(h), which hardly tells families apart.
    """

    best: str
    model: ExcursionSet
    family: Family
    names: tuple[str, ...]
    models: tuple[ExcursionSet, ...]
    descriptors: tuple[str, ...]
    image: FloatArray
    values: FloatArray
    deviations: FloatArray
    scores: FloatArray
    misfits: FloatArray

    @property
    def columns(self) -> tuple[str, ...]:
        """Header of the table."""
        return ("family", "covariance", "score", "misfit of C(h)", *self.descriptors)

    @property
    def _scales(self) -> FloatArray:
        return np.array([_SCALES[_unit(name)] for name in self.descriptors])

    @property
    def rows(self) -> tuple[tuple[str | float, ...], ...]:
        """Table: the image first, then the families, nearest first; units as in the header."""
        nan = float("nan")
        body: list[tuple[str | float, ...]] = [
            (
                name,
                _short(model.covariance),
                float(score),
                float(misfit),
                *map(float, values * self._scales),
            )
            for name, model, score, misfit, values in zip(
                self.names, self.models, self.scores, self.misfits, self.values, strict=True
            )
        ]
        return (("image", "", nan, nan, *map(float, self.image * self._scales)), *body)

    @property
    def text(self) -> str:
        """One sentence on how clear the choice is."""
        if len(self.names) == 1:
            return f"Only {self.best} was fitted."
        margin = self.scores[1] - self.scores[0]
        clear = "clearly nearer than" if margin > 0.5 else "not clearly distinct from"
        return (
            f"By held-out descriptors {self.best} is nearest to the image (score "
            f"{self.scores[0]:.2f}), {clear} {self.names[1]} ({self.scores[1]:.2f})."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-ready values."""
        return {
            "schema_version": 1,
            "best": self.best,
            "text": self.text,
            "descriptors (values in SI units)": list(self.descriptors),
            "image": self.image.tolist(),
            "families": [
                {
                    "name": name,
                    "model": model.to_dict(),
                    "score": float(score),
                    "two_point_misfit": float(misfit),
                    "values": values.tolist(),
                    "deviations": deviations.tolist(),
                }
                for name, model, score, misfit, values, deviations in zip(
                    self.names,
                    self.models,
                    self.scores,
                    self.misfits,
                    self.values,
                    self.deviations,
                    strict=True,
                )
            ],
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each family's deviations from the image, in window-to-window standard deviations."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        limit = max(float(np.abs(self.deviations).max()), 1.0)
        ax.imshow(self.deviations, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
        ax.set_yticks(range(len(self.names)), self.names)
        short = [name.split(" [")[0] for name in self.descriptors]
        ax.set_xticks(range(len(short)), short, rotation=40, ha="right", fontsize=8)
        for (i, j), value in np.ndenumerate(self.deviations):
            dark = abs(value) > 0.6 * limit
            color = "white" if dark else COLORS["truth"]
            ax.text(j, i, f"{value:+.1f}", ha="center", va="center", fontsize=8, color=color)
        return finish(ax, title="deviation from the image [window standard deviations]")


def select_family(
    image: Microstructure,
    *,
    phase: str | int = "solid",
    families: Sequence[Family] = FAMILIES,
    covariances: Sequence[Covariance] | None = None,
    realizations: int = 4,
    rng: int | np.random.Generator = 0,
) -> FamilySelection:
    """Choose among families of excursion sets by held-out descriptors.

    Each family is fitted to C(h) with each covariance type, the best of which is kept (a second
    parameter must pay for itself); then windows of the image and of the fitted models are compared
    by constrictivity and mean chord length of both phases, Euler number density, and specific
    surface area.

    Parameters
    ----------
    image : Microstructure
        The image.
    phase : str or int
        The phase that the models describe.
    families : sequence of Family
        What to choose from.
    covariances : sequence of Covariance, optional
        Types of the field's covariance; their parameters are starting shapes only. Default:
        Gaussian, exponential, and Matérn with free smoothness.
    realizations : int
        Simulated windows per family, and at most as many windows of the image.
    rng : int or Generator
        Seed.

    Raises
    ------
    CalibrationError
        If no family can be fitted.
    InputError
        If `families` is empty or `realizations` is below 2.

    References
    ----------
    Neumann et al. (2023), section 3.2 (χ² instead of Gaussian fields because of constrictivity).
    """
    if not families or realizations < 2:
        raise InputError(
            f"{len(families)} families and {realizations} realizations can't be used; expected at "
            "least one family and two realizations."
        )
    solid = two_phase(image, phase)
    name = image.name_of(phase)
    if not 0 < solid.volume_fraction(name) < 1:
        raise CalibrationError(f"Phase {name!r} fills nothing or everything of the image.")
    curve = fit_curve(solid, name, decay_length(solid, name), None)
    types = covariances or (
        Covariance.gaussian(rate=1.0),
        Covariance.exponential(rate=1.0),
        Covariance.matern(rate=1.0, smoothness=1.5),
    )
    factor = max(1, int(curve.decay_length / (_RESOLUTION * curve.step)))
    edge = min(int(np.ceil(_WINDOW * curve.decay_length / curve.step)), factor * _MAX_EDGE)
    shape = tuple(min(n, max(edge, 1)) for n in image.shape)
    window = (shape[0], shape[1], shape[2])
    seeds = np.random.SeedSequence(int(np.random.default_rng(rng).integers(0, 2**63))).spawn(
        len(families)
    )
    with steps("choosing a family", (len(families) + 1) * realizations) as step:
        measured = []
        for part in _cutouts(solid, window, realizations):
            measured.append(_held_out(part.coarsen(factor), name))
            step()
        fits, tables = [], []
        for family, seed in zip(families, seeds, strict=True):
            model, misfit = _best_covariance(family, solid, name, curve, types)
            rows = []
            for child in seed.spawn(realizations):
                made = model.sample(window, solid.spacing, rng=np.random.default_rng(child))
                rows.append(_held_out(made.coarsen(factor), name))
                step()
            fits.append((family, model, misfit))
            tables.append(np.array(rows))
    return _rank(np.array(measured), fits, tables, _labels(solid, name))


def _best_covariance(
    family: Family,
    image: Microstructure,
    phase: str,
    curve: FitCurve,
    types: Sequence[Covariance],
) -> tuple[ExcursionSet, float]:
    best: tuple[ExcursionSet, float] | None = None
    for covariance in sorted(types, key=lambda c: len(c.parameters)):
        try:
            model, misfit = quick_fit(
                family.model,
                image,
                phase=phase,
                covariance=covariance,
                degrees_of_freedom=family.degrees_of_freedom,
                complement=family.complement,
                curve=curve,
            )
        except CalibrationError:
            continue
        more = len(covariance.parameters) > 1
        if best is None or misfit < best[1] * (_PARSIMONY if more else 1.0):
            best = (model, misfit)
    if best is None:
        raise CalibrationError(
            f"{family.name} can't be fitted with any of the covariances: too few lags can be used."
        )
    return best


def _cutouts(
    image: Microstructure, window: tuple[int, int, int], count: int
) -> list[Microstructure]:
    """Windows spread over the image: its corners in opposite pairs, then the middle."""
    room = [n - w for n, w in zip(image.shape, window, strict=True)]
    corners = [
        (0, 0, 0),
        (1, 1, 1),
        (1, 0, 0),
        (0, 1, 1),
        (0, 1, 0),
        (1, 0, 1),
        (0, 0, 1),
        (1, 1, 0),
    ]
    starts = [tuple(c * r for c, r in zip(corner, room, strict=True)) for corner in corners]
    starts.append(tuple(r // 2 for r in room))
    unique = list(dict.fromkeys(starts))[:count]
    return [
        image.crop(*(slice(s, s + w) for s, w in zip(start, window, strict=True)))
        for start in unique
    ]


def _phases(image: Microstructure, phase: str) -> tuple[str, str]:
    return phase, next(name for name in image.phases if name != phase)


def _labels(image: Microstructure, phase: str) -> tuple[str, ...]:
    both = _phases(image, phase)
    return (
        *(f"β, {name}" for name in both),
        *(f"chord, {name} [nm]" for name in both),
        "Euler [1/µm³]",
        "S [1/µm]",
    )


def _unit(label: str) -> str:
    return label.partition("[")[2].rstrip("]")


def _short(covariance: Covariance) -> str:
    """Family and parameters in a few words, the rate in 1/µm."""
    parts = [
        f"rate {value * 1e-6:.3g}/µm" if name == "rate" else f"{name} {value:.3g}"
        for name, value in covariance.parameters.items()
    ]
    return f"{covariance.family}, {', '.join(parts)}"


def _held_out(window: Microstructure, phase: str) -> FloatArray:
    both = _phases(window, phase)
    axes = [axis for axis in range(3) if window.shape[axis] > 1]
    return np.array(
        [
            *(constrictivity(window, name) for name in both),
            *(
                float(np.mean([chord_lengths(window, name, axis=axis).mean for axis in axes]))
                for name in both
            ),
            euler_number_density(window, phase),
            specific_surface_area(window, phase),
        ]
    )


def _rank(
    measured: FloatArray,
    fits: Sequence[tuple[Family, ExcursionSet, float]],
    tables: Sequence[FloatArray],
    labels: tuple[str, ...],
) -> FamilySelection:
    image = measured.mean(axis=0)
    spread = np.sqrt(np.mean([table.var(axis=0, ddof=1) for table in tables], axis=0))
    spread = np.maximum(spread, 1e-3 * np.abs(image) + 1e-300)
    values = np.array([table.mean(axis=0) for table in tables])
    deviations = (values - image) / spread
    scores = np.sqrt((deviations**2).mean(axis=1))
    order = np.argsort(scores)
    family, model, _ = fits[order[0]]
    return FamilySelection(
        best=family.name,
        model=model,
        family=family,
        names=tuple(fits[i][0].name for i in order),
        models=tuple(fits[i][1] for i in order),
        descriptors=labels,
        image=image,
        values=values[order],
        deviations=deviations[order],
        scores=scores[order],
        misfits=np.array([fits[i][2] for i in order]),
    )
