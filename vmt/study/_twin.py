"""The digital twin: calibrate a model to an image, sample it, and compare twins and image.

Source: the chain of Neumann et al. (2023), sections 3.2-5.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
from scipy import stats

from vmt._budget import require_memory
from vmt._files import content_hash
from vmt._progress import steps
from vmt._provenance import Timer, provenance
from vmt.calibration import Calibration, FamilySelection, calibrate, select_family
from vmt.errors import InputError
from vmt.io import write
from vmt.microstructure import Microstructure
from vmt.models import ChiSquareExcursionSet, Covariance, GaussianExcursionSet
from vmt.study._measure import LABELS, UNITS, measure_structure, split_key
from vmt.study._parts import Parts
from vmt.study._results import SweepResult
from vmt.study._run import execute
from vmt.study._sweep import Sweep

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["TwinReport", "TwinRow", "estimate_twin_cost", "twin"]

FloatArray = npt.NDArray[np.float64]

_LEVEL = 0.975  # two-sided 95 % prediction interval
_TWINS = (2,)  # the third child of the seed: the first two are for the fit and the families
#: how a descriptor scales with length: a relative error of the field's rate moves it by this power
_LENGTH_POWER = {"1": 0, "1/m": -1, "m": 1, "1/m²": -2, "1/m³": -3}


@dataclass(frozen=True)
class TwinRow:
    """One descriptor of one phase: the image's value beside the twins' spread.

    Attributes
    ----------
    descriptor, phase, unit : str
        What was measured.
    image, mean, std : float
        The image's value; mean and standard deviation over the twins.
    z : float or None
        Deviation of the image from the mean in standard deviations of a prediction (spread of the
        twins, their mean's error, and the calibration's uncertainty of the length scale).
    verdict : str
        ``"inside"`` or ``"outside"`` the 95 % prediction interval, or ``"not comparable"``.
    closed_form : float or None
        The model's exact value, where one is known.
    """

    descriptor: str
    phase: str
    unit: str
    image: float
    mean: float
    std: float
    z: float | None
    verdict: str
    closed_form: float | None = None


@dataclass(frozen=True, eq=False)
class TwinReport:
    """An image, the model calibrated to it, and how near the model's realizations come.

    Attributes
    ----------
    name : str
        Name of the image.
    image : Microstructure
        The image, the phase against the background.
    phase, background : str
        Their names.
    calibration : Calibration
        The fitted model, its uncertainty, and the findings.
    selection : FamilySelection or None
        Families of models ranked by held-out descriptors.
    realizations : tuple of Microstructure
        The first realization, or all of them where they were kept.
    rows : tuple of TwinRow
        Descriptors and M-factors of image and twins.
    curves : mapping
        Curves of image and twins: (x, image, mean, low, high, x label, y label); the band is
        two standard deviations wide on each side.
    m_factors : mapping
        Per phase: image, twins (n,), predicted for the image, predicted for the twins (n,).
    truth : mapping or None
        True parameters of a phantom.
    """

    name: str
    image: Microstructure
    phase: str
    background: str
    calibration: Calibration
    selection: FamilySelection | None
    realizations: tuple[Microstructure, ...]
    rows: tuple[TwinRow, ...]
    curves: Mapping[str, tuple[Any, ...]]
    m_factors: Mapping[str, tuple[float, FloatArray, float, FloatArray]]
    truth: Mapping[str, float] | None
    provenance: Mapping[str, Any]
    count: int
    values: Mapping[str, FloatArray] = field(repr=False, default_factory=dict)

    @property
    def is_phantom(self) -> bool:
        """Whether the image was generated."""
        return self.truth is not None

    @property
    def verdict(self) -> str:
        """The result in one sentence."""
        compared = [row for row in self.rows if row.verdict != "not comparable"]
        inside = sum(row.verdict == "inside" for row in compared)
        model = (
            "An excursion set describes this image"
            if self.calibration.adequate
            else "No excursion set of this family describes this image fully"
        )
        return (
            f"{model}: {inside} of {len(compared)} descriptors lie inside the spread of "
            f"{self.count} twins."
        )

    @property
    def text(self) -> tuple[str, ...]:
        """Findings in plain sentences."""
        lines = [f.text for f in self.calibration.findings if f.triggered]
        outside = [row for row in self.rows if row.verdict == "outside"]
        if outside:
            worst = sorted(outside, key=lambda row: -abs(row.image - row.mean) / _size(row))
            parts = ", ".join(
                f"{row.descriptor} of {row.phase} "
                f"({100 * (row.mean - row.image) / _size(row):+.3g} %)"
                for row in worst[:6]
            )
            lines.append(f"The twins differ most from the image in: {parts}.")
        lost = [row for row in self.rows if row.descriptor == "M-factor" and row.image == 0]
        lines += [f"Phase {row.phase} does not percolate in the image." for row in lost]
        if self.selection is not None:
            lines.append(self.selection.text)
        return tuple(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as JSON-ready values."""
        return {
            "schema_version": 1,
            "name": self.name,
            "phantom": self.is_phantom,
            "verdict": self.verdict,
            "text": list(self.text),
            "calibration": self.calibration.to_dict(),
            "selection": None if self.selection is None else self.selection.to_dict(),
            "truth": None if self.truth is None else dict(self.truth),
            "realizations": self.count,
            "rows": [
                {
                    "descriptor": row.descriptor,
                    "phase": row.phase,
                    f"image [{row.unit}]": row.image,
                    f"mean [{row.unit}]": row.mean,
                    f"standard_deviation [{row.unit}]": row.std,
                    "z": row.z,
                    "verdict": row.verdict,
                    f"closed_form [{row.unit}]": row.closed_form,
                }
                for row in self.rows
            ],
            "values": {name: values.tolist() for name, values in self.values.items()},
            "provenance": dict(self.provenance),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw each descriptor's deviation of the twins' mean from the image, in percent."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        rows = [row for row in self.rows if row.verdict != "not comparable"]
        for place, row in enumerate(rows):
            color = COLORS["good"] if row.verdict == "inside" else COLORS["model"]
            size = _size(row)
            value, spread = 100 * (row.mean - row.image) / size, 100 * row.std / size
            ax.errorbar(value, place, xerr=spread, fmt="o", markersize=4, color=color, capsize=2)
        ax.axvline(0.0, color=COLORS["image"], linewidth=0.8)
        names = [f"{row.descriptor}, {row.phase}" for row in rows]
        ax.set_yticks(range(len(rows)), names, fontsize=8)
        ax.invert_yaxis()
        return finish(ax, xlabel="twins − image [%]")


def _size(row: TwinRow) -> float:
    return abs(row.image) or abs(row.mean) or 1.0


def estimate_twin_cost(shape: tuple[int, int, int], realizations: int) -> tuple[float, float]:
    """Rough cost of a twin: seconds on one core, and bytes of memory at the peak."""
    voxels = math.prod(shape)
    # measured at 400³: 66 s a structure on one core, 31 bytes a voxel at the peak of the process
    return (realizations + 1) * voxels * 1.1e-6 + 20.0, 34.0 * voxels


def twin(
    image: Microstructure,
    *,
    phase: str | int = "solid",
    model: type[ChiSquareExcursionSet] | type[GaussianExcursionSet] = ChiSquareExcursionSet,
    degrees_of_freedom: int = 2,
    covariance: Covariance | None = None,
    families: Literal["show", "use", "skip"] = "show",
    realizations: int = 10,
    shape: tuple[int, int, int] | None = None,
    axis: int = 0,
    bootstrap: int = 0,
    seed: int = 0,
    name: str = "image",
    truth: Mapping[str, float] | None = None,
    keep_realizations: bool = False,
    workers: int = 1,
    directory: Path | None = None,
) -> TwinReport:
    """Make a digital twin of an image and judge it.

    Calibrates an excursion set to the phase, samples realizations, measures descriptors and
    M-factors of both phases on image and realizations, and compares them.

    Parameters
    ----------
    image : Microstructure
        The segmented image, (nx, ny, nz); all phases but `phase` are background.
    phase : str or int
        The phase that the model describes.
    model, degrees_of_freedom, covariance
        The family that is fitted; default: the paper's χ²-field with two degrees of freedom and
        Gaussian covariance.
    families : {"show", "use", "skip"}
        Rank families of models by held-out descriptors and show the table, use the best of them,
        or skip this.
    realizations : int
        Number of twins.
    shape : (nx, ny, nz), optional
        Voxels of a twin; default: the image's, so that the spreads can be compared.
    axis : int
        Direction of transport and paths.
    bootstrap : int
        Bootstrap samples for the standard errors; 0: delta method.
    seed : int
        Names the whole study.
    name : str
        Name of the image in the report.
    truth : mapping, optional
        True parameters, when the image is a phantom.
    keep_realizations : bool
        Keep all realizations in the result (and write them to `directory`).
    workers : int
        Processes that make and measure the twins (`vmt.run`); 1: this one.
    directory : path, optional
        An existing folder for finished parts; with them a killed run goes on where it stopped.

    Returns
    -------
    TwinReport

    Raises
    ------
    InputError
        If the image is 2D, the phase is not there, or there are fewer than 2 realizations.
    CalibrationError
        If no parameters can be estimated.
    MemoryBudgetError
        If a realization does not fit into memory.

    References
    ----------
    Neumann et al. (2023), sections 3-5.
    """
    _check(image, realizations, families)
    window = shape or image.shape
    require_memory(
        estimate_twin_cost(
            (
                max(window[0], image.shape[0]),
                max(window[1], image.shape[1]),
                max(window[2], image.shape[2]),
            ),
            realizations,
        )[1],
        f"A twin of {'×'.join(map(str, window))} voxels",
    )
    timer, parts = Timer(), Parts(None if directory is None else directory / "parts")
    for_fit, for_families = np.random.SeedSequence(seed).spawn(2)
    phase_name = image.name_of(phase)
    with steps("digital twin", realizations + 3) as step:
        selection = None
        with timer("choosing a family"):
            if families != "skip":
                selection = select_family(
                    image, phase=phase_name, rng=np.random.default_rng(for_families)
                )
        step("calibration")
        complement = False
        if families == "use" and selection is not None:
            model, covariance = type(selection.model), selection.model.covariance
            degrees_of_freedom = selection.family.degrees_of_freedom
            complement = selection.family.complement
        with timer("calibration"):
            calibration = calibrate(
                model,
                image,
                phase=phase_name,
                covariance=covariance,
                degrees_of_freedom=degrees_of_freedom,
                complement=complement,
                bootstrap=bootstrap,
                rng=np.random.default_rng(for_fit),
            )
        step("measuring the image")
        solid = as_two_phases(image, phase_name, calibration.model.background)
        lags = np.linspace(0.0, calibration.curve.lags[-1], 60)
        of_image = parts.get(
            "image",
            lambda: measure_structure(solid, phase=phase_name, axis=axis, lags=lags, timer=timer),
        )
        step()
        twins = Sweep(
            name="realizations",
            model="excursion_set",
            parameters={"definition": calibration.model.to_dict()},
            shape=window,
            spacing=image.spacing,
            measurements=[
                {"name": "twin", "options": {"phase": phase_name, "lags": lags.tolist()}}
            ],
            realizations=realizations,
            seed=seed,
            spawn_key=_TWINS,
            axis=axis,
        )
        with timer("realizations"):
            measured = execute(
                twins,
                cluster="inline" if workers == 1 else None,
                workers=None if workers == 1 else workers,
                store=None if directory is None else directory / "realizations",
                resume=directory is not None,
                step=step,
            )
        with timer("sampling"):
            kept = tuple(
                calibration.model.sample(
                    window, image.spacing, rng=np.random.default_rng(twins.seed_sequence(row))
                )
                for row in range(realizations if keep_realizations else 1)
            )
    if keep_realizations and directory is not None:
        for index, made in enumerate(kept):
            write(made, directory / f"realization_{index:03d}.tif")
    return _assemble(
        name=name,
        image=solid,
        phase=phase_name,
        calibration=calibration,
        selection=selection,
        kept=kept,
        of_image=of_image,
        of_twins=measured,
        lags=lags,
        truth=truth,
        provenance_=provenance(
            command="vmt.twin",
            parameters={
                "phase": phase_name,
                "model": type(calibration.model).__name__,
                "degrees_of_freedom": degrees_of_freedom,
                "families": families,
                "realizations": realizations,
                "shape": list(window),
                "spacing [m]": list(image.spacing),
                "axis": axis,
                "bootstrap": bootstrap,
            },
            seed=seed,
            inputs={name: content_hash(image.labels)},
            seconds=timer.seconds,
        ),
    )


def _check(image: Microstructure, realizations: int, families: str) -> None:
    if 1 in image.shape:
        raise InputError(
            f"A twin needs a 3D image; got {image.shape}. vmt.describe and vmt.calibrate take 2D "
            "images (nx, ny, 1)."
        )
    if realizations < 2:
        raise InputError(f"Expected at least 2 realizations for a spread; got {realizations}.")
    if families not in ("show", "use", "skip"):
        raise InputError(f"families={families!r} is unknown; expected 'show', 'use' or 'skip'.")


def as_two_phases(image: Microstructure, phase: str, other: str) -> Microstructure:
    """Return the phase (label 1) against everything else (label 0), named as a model's sample."""
    background = other if other != phase else "background"
    mask = image.mask(phase).view(np.uint8)
    return Microstructure(mask, image.spacing, {background: 0, phase: 1})


def _verdict(
    image: float, values: FloatArray, unit: str, sigma_rate: float
) -> tuple[float | None, str]:
    """Deviation of the image in standard deviations of its prediction, and the verdict.

    The prediction's variance: the twins' spread, the error of their mean, and the calibration's
    error of the length scale, which moves a descriptor of dimension length^d by d times as much.
    """
    count = values.size
    if not np.isfinite(image) or not np.isfinite(values).all():
        return None, "not comparable"
    mean, std = float(values.mean()), float(values.std(ddof=1))
    power = _LENGTH_POWER[unit]
    sigma = math.sqrt(std**2 * (1 + 1 / count) + (power * mean * sigma_rate) ** 2)
    if sigma == 0:
        same = bool(np.isclose(image, mean, rtol=1e-12))
        return (0.0 if same else None), "inside" if same else "outside"
    z = (image - mean) / sigma
    limit = float(stats.t.ppf(_LEVEL, count - 1))
    return z, "inside" if abs(z) <= limit else "outside"


def _assemble(
    *,
    name: str,
    image: Microstructure,
    phase: str,
    calibration: Calibration,
    selection: FamilySelection | None,
    kept: tuple[Microstructure, ...],
    of_image: Mapping[str, Any],
    of_twins: SweepResult,
    lags: FloatArray,
    truth: Mapping[str, float] | None,
    provenance_: Mapping[str, Any],
) -> TwinReport:
    background = next(other for other in image.phases if other != phase)
    rate = calibration.parameters["rate [1/m]"]
    sigma_rate = calibration.standard_error["rate [1/m]"] / rate
    surface = calibration.model.expected_specific_surface_area(image.spacing)
    rows, values = [], {}
    p = calibration.parameters["volume_fraction"]
    exact = {
        f"volume_fraction({phase})": p,
        f"volume_fraction({background})": 1 - p,
        f"specific_surface_area({phase})": surface,
        f"specific_surface_area({background})": surface,
    }
    for key, measured in of_image["values"].items():
        descriptor, of_phase = split_key(key)
        twins = of_twins.values(key)
        values[key] = twins
        z, verdict = _verdict(_number(measured), twins, UNITS[descriptor], sigma_rate)
        rows.append(
            TwinRow(
                descriptor=LABELS[descriptor],
                phase=of_phase,
                unit=UNITS[descriptor],
                image=_number(measured),
                mean=float(twins.mean()),
                std=float(twins.std(ddof=1)),
                z=z,
                verdict=verdict,
                closed_form=exact.get(key),
            )
        )
    centered = of_twins.arrays("centered_two_point")
    mean, std = centered.mean(axis=0), centered.std(axis=0, ddof=1)
    curves = {
        "centered two-point coverage probability": (
            lags * 1e6,
            np.array(of_image["centered"], dtype=np.float64),
            mean,
            mean - 2 * std,
            mean + 2 * std,
            "lag h [µm]",
            "C(h) − p²",
        )
    }
    m_factors = {
        of_phase: (
            _number(of_image["values"][f"m_factor({of_phase})"]),
            values[f"m_factor({of_phase})"],
            _number(of_image["predicted"][of_phase]),
            of_twins.values(f"predicted_m_factor({of_phase})"),
        )
        for of_phase in (phase, background)
    }
    return TwinReport(
        name=name,
        image=image,
        phase=phase,
        background=background,
        calibration=calibration,
        selection=selection,
        realizations=kept,
        rows=tuple(rows),
        curves=curves,
        m_factors=m_factors,
        truth=truth,
        provenance=provenance_,
        count=len(of_twins.rows),
        values=values,
    )


def _number(value: float | None) -> float:
    """Read a stored number; JSON has null for nan."""
    return float("nan") if value is None else float(value)
