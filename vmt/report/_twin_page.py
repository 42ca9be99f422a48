"""The digital twin's page: image beside twins in pictures, curves, and numbers with a verdict."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vmt._files import whole_directory, write_json
from vmt._units import format_length
from vmt.report._page import (
    Badge,
    Card,
    Page,
    Picture,
    figure_png,
    figure_svg,
    format_number,
    verdict_badge,
    write_table_csv,
)
from vmt.report._render import render_png, view_caption
from vmt.report._twin_contract import TwinReport
from vmt.report._twin_figures import curve_name, same_window, twin_figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["twin_page", "twin_table", "write_twin"]

_Z95 = 1.959963984540054  # 97.5 % quantile of the standard normal
_COLUMNS = (
    "descriptor",
    "phase",
    "unit",
    "image",
    "twins, mean",
    "twins, std",
    "z",
    "verdict",
    "closed form",
)


def twin_page(report: TwinReport) -> Page:
    """Build the page of a digital twin.

    Parameters
    ----------
    report : TwinReport
        The result of `vmt.twin`.

    Returns
    -------
    Page
        Headline verdict, key numbers, pictures, curves, M-factors (Neumann et al. 2023, Figs. 2,
        3, 5), the table of descriptors, parameters, findings, model families and provenance.
    """
    return _build(report, twin_figures(report), _renderings(report))


def write_twin(report: TwinReport, directory: str | os.PathLike[str]) -> None:
    """Write a twin's page, table, figures, provenance and numbers into an existing directory.

    The files are ``report.html``, ``table.csv``, ``figures/*.png`` and ``*.svg``,
    ``provenance.json`` and ``result.json``; each is whole or not there, the figures together.
    """
    target = Path(directory)
    figures, renderings = twin_figures(report), _renderings(report)
    with whole_directory(target / "figures") as folder:
        for name, made in figures.items():
            (folder / f"{name}.png").write_bytes(figure_png(made))
            (folder / f"{name}.svg").write_text(figure_svg(made), encoding="utf-8")
        for name, picture in renderings.items():
            (folder / f"{name}.png").write_bytes(picture.content)  # type: ignore[arg-type]  # PNG
    write_table_csv(target / "table.csv", *twin_table(report))
    write_json(target / "provenance.json", report.provenance)
    write_json(target / "result.json", report.to_dict())
    _build(report, figures, renderings).write(target / "report.html")


def twin_table(report: TwinReport) -> tuple[Sequence[str], list[list[object]]]:
    """Give the columns and rows of the descriptors' table in SI units."""
    rows: list[list[object]] = [
        [r.descriptor, r.phase, r.unit, r.image, r.mean, r.std, r.z, r.verdict, r.closed_form]
        for r in report.rows
    ]
    return _COLUMNS, rows


def _renderings(report: TwinReport) -> dict[str, Picture]:
    titles = {"image": "The image", "twin": "A twin"}
    if report.is_phantom:
        titles["image"] = "The phantom (generated)"
    made = {}
    for key, shown, whole in same_window(report):
        content = render_png(shown, phase=report.phase, size=(760, 680), title=titles[key])
        caption = f"{titles[key]} in 3D: {view_caption(shown, phase=report.phase)}."
        if shown.shape != whole.shape:
            caption += " Cropped to the window that image and twin share."
        alt = f"3D rendering of {titles[key].lower()}, one corner cut out"
        made[f"rendering_{key}"] = Picture(content, caption, alt)
    return made


def _build(
    report: TwinReport, figures: Mapping[str, Figure], renderings: Mapping[str, Picture]
) -> Page:
    size = "×".join(str(n) for n in report.image.shape)
    voxel = " × ".join(dict.fromkeys(format_length(d) for d in report.image.spacing))
    page = Page(
        f"Digital twin of {report.name}",
        f"{report.phase} in {report.background}; {size} voxels of {voxel}",
    )
    page.verdict(report.verdict)
    counts = {
        v: sum(row.verdict == v for row in report.rows)
        for v in ("inside", "outside", "not comparable")
    }
    page.badges(_badges(report, counts))
    page.cards(_cards(report, counts))
    page.text(list(report.text))
    for section in (_pictures, _morphology, _transport, _table, _model, _families):
        section(page, report, figures, renderings)
    page.details(
        "How to read this page",
        [
            "The model has few parameters. They are estimated from the image's volume fraction "
            "and two-point coverage probability alone; every other descriptor is a test that the "
            "twins can fail.",
            "A twin is one random realization of the calibrated model, of the voxel size given in "
            "the table's caption. The spread of the twins is what chance alone does to a window "
            "of that size.",
            "Inside: the image's value lies within the spread of the twins, so that the image "
            "could be one of them as far as this descriptor goes. Outside: it does not, and z "
            "says by how much. Not comparable: one of the two values does not exist, as the path "
            "length in a phase without a path.",
            "The M-factor is the effective conductivity of a phase over its bulk conductivity. "
            "The predicted one uses the volume fraction, the geodesic tortuosity and the "
            "constrictivity only (Neumann et al. 2023, eq. 15). The constrictivity is the squared "
            "ratio of bottleneck to bulge radius: 1 without bottlenecks.",
            "Axis 0 is through-plane, from the separator (top) to the current collector.",
        ],
    )
    return page.provenance(report.provenance)


def _badges(report: TwinReport, counts: Mapping[str, int]) -> list[Badge]:
    badges = []
    if report.is_phantom:
        badges.append(Badge("phantom: generated, not measured", "note"))
    adequate = report.calibration.adequate
    badges.append(Badge("model adequate" if adequate else "model not adequate", _tone(adequate)))
    badges += [
        Badge(f"{count} {verdict}", verdict_badge(verdict).tone)
        for verdict, count in counts.items()
        if count
    ]
    return badges


def _tone(good: bool) -> Any:
    return "good" if good else "bad"


def _cards(report: TwinReport, counts: Mapping[str, int]) -> list[Card]:
    compared = counts["inside"] + counts["outside"]
    cards = [
        Card("descriptors inside the spread", f"{counts['inside']} of {compared}"),
        Card(f"volume fraction, {report.phase}", report.image.volume_fraction(report.phase), "",
             "image"),
    ]  # fmt: skip
    for phase, (image, twins, _, _) in report.m_factors.items():
        values = np.atleast_1d(twins)
        spread = float(np.std(values, ddof=1)) if values.size > 1 else math.nan
        note = f"twins {format_number(float(np.mean(values)), 3)}"
        if math.isfinite(spread):
            note += f" ± {format_number(spread, 2)}"
        cards.append(Card(f"M-factor, {phase}", format_number(float(image), 3), "", note))
    return cards


def _pictures(
    page: Page,
    report: TwinReport,
    figures: Mapping[str, Figure],
    renderings: Mapping[str, Picture],
) -> None:
    page.section("The image beside a twin")
    if "slices" in figures:
        what = "phantom" if report.is_phantom else "image"
        window = "same window and scale; axis 0 downward, axis 2 to the right"
        if len(report.image.phases) > 2:
            window += f"; all phases but {report.phase} are drawn as {report.background}"
        page.figure(
            figures["slices"],
            f"Middle slices of the {what} (left) and of the first twin (right), {window}.",
            f"2D slices of the {what} and of a twin, {report.phase} dark",
        )
    page.figures(list(renderings.values()))


def _morphology(
    page: Page,
    report: TwinReport,
    figures: Mapping[str, Figure],
    renderings: Mapping[str, Picture],
) -> None:
    if report.curves:
        page.section("Curves")
        page.figures(
            [
                Picture(
                    figures[curve_name(name)],
                    f"{_sentence(name)}: image, mean of the twins, and the twins' spread (band).",
                    f"{name} of the image and of the twins",
                )
                for name in report.curves
            ]
        )


def _sentence(name: str) -> str:
    text = name.replace("_", " ")
    return text[:1].upper() + text[1:]


def _transport(
    page: Page,
    report: TwinReport,
    figures: Mapping[str, Figure],
    renderings: Mapping[str, Picture],
) -> None:
    if "m_factors" in figures:
        page.section("Effective transport")
        page.figure(
            figures["m_factors"],
            "Top: M-factor of each twin against that of the image. Bottom: M-factor predicted "
            "from three descriptors against the computed one. On the line both are equal.",
            "scatter plots of M-factors of the image and the twins with the diagonal",
        )


def _table(
    page: Page,
    report: TwinReport,
    figures: Mapping[str, Figure],
    renderings: Mapping[str, Picture],
) -> None:
    page.section("Descriptor by descriptor")
    if "descriptors" in figures:
        page.figure(
            figures["descriptors"],
            "Where the image lies among the twins. Shaded: two standard deviations.",
            "distance of the image to the mean of the twins for each descriptor",
        )
    rows = []
    for row in report.rows:
        scale, unit = _display(row.unit, row.image, row.mean)
        closed = None if row.closed_form is None else row.closed_form * scale
        rows.append(
            [
                row.descriptor,
                row.phase,
                unit,
                _as_precise(row.image * scale, row.std * scale),
                f"{_as_precise(row.mean * scale, row.std * scale)} ± "
                f"{_as_precise(row.std * scale, row.std * scale)}",
                "–" if row.z is None else f"{row.z:+.1f}".replace("-", "−"),
                verdict_badge(row.verdict),
                format_number(closed),
            ]
        )
    keep = 8 if any(row.closed_form is not None for row in report.rows) else 7
    heads = ("descriptor", "phase", "unit", "image", "twins", "z", "verdict", "closed form")
    units = ("", "", "", "", "mean ± std", "", "", "of the model")
    align: list[Any] = ["left", "left", "left", "right", "right", "right", "left", "right"]
    caption = "Image against twins."
    if report.realizations:
        first = report.realizations[0]
        size = "×".join(str(n) for n in first.shape)
        voxel = " × ".join(dict.fromkeys(format_length(d) for d in first.spacing))
        caption = f"Image against twins of {size} voxels of {voxel}."
    if any(row.z is not None for row in report.rows):
        caption += " z: distance of the image to the twins' mean in standard deviations."
    page.table(
        heads[:keep],
        [row[:keep] for row in rows],
        caption=caption,
        units=units[:keep],
        align=align[:keep],
    )


def _as_precise(value: float, error: float) -> str:
    """Write a value with as many decimals as its error has with two digits."""
    if not (math.isfinite(value) and math.isfinite(error) and 1e-6 < error < abs(value) < 1e5):
        known = math.isfinite(error) and 1e-6 < error == value < 1e5
        return f"{value:.{_decimals(error)}f}" if known else format_number(value)
    return f"{value:.{_decimals(error)}f}".replace("-", "−")


def _decimals(error: float) -> int:
    return max(0, 1 - math.floor(math.log10(error)))


def _display(unit: str, *values: float) -> tuple[float, str]:
    """Scale and unit that read well for lengths and their inverse; others stay in SI."""
    sizes = [abs(v) for v in values if math.isfinite(v) and v != 0]
    size = max(sizes, default=1.0)
    if unit == "m":
        return (1e9, "nm") if size < 1e-6 else (1e6, "µm")
    if unit in ("1/m", "m⁻¹", "m^-1"):
        return (1e-6, "1/µm") if size > 1e3 else (1.0, unit)
    return 1.0, unit


def _model(
    page: Page,
    report: TwinReport,
    figures: Mapping[str, Figure],
    renderings: Mapping[str, Picture],
) -> None:
    calibration = report.calibration
    page.section("The calibrated model", str(calibration.model))
    page.figure(
        figures["calibration"],
        "What the model was fitted to: the image's curve and the fitted model's.",
        "fit of the model to the image's two-point coverage probability",
    )
    truth = report.truth
    rows: list[list[object]] = []
    for key, value in calibration.parameters.items():
        name, unit = _name_and_unit(key)
        scale, unit = _display(unit, value)
        error = scale * calibration.standard_error.get(key, math.nan)
        best, known = scale * value, math.isfinite(error)
        ends = (_as_precise(best + sign * _Z95 * error, error) for sign in (-1, 1))
        row: list[object] = [name, unit, _as_precise(best, error), format_number(error, 2)]
        row.append(" to ".join(ends) if known else "–")
        if truth is not None:
            true = truth.get(key)
            row.append("–" if true is None else _as_precise(scale * true, error))
            if true is None or not known:
                row.append("–")
            else:
                covered = abs(true - value) * scale <= _Z95 * error
                row.append(Badge("in the interval" if covered else "outside it", _tone(covered)))
        rows.append(row)
    columns = ["parameter", "unit", "estimate", "standard error", "95 % interval"]
    align: list[Any] = ["left", "left", "right", "right", "right"]
    if truth is not None:
        columns += ["truth", "truth is"]
        align += ["right", "left"]
    caption = "Estimated parameters"
    caption += " beside the truth, which is known for a phantom." if truth is not None else "."
    page.table(columns, rows, caption=caption, align=align)

    triggered = [finding for finding in calibration.findings if finding.triggered]
    if not triggered:
        page.callout("good", "No check speaks against the model.", label="Adequate.")
    for finding in triggered:
        page.callout("finding", finding.text, label=f"{_sentence(finding.name)}.")
    if calibration.findings:
        checks: list[list[object]] = [
            [
                _sentence(f.name),
                format_number(f.value, 3),
                format_number(f.threshold, 3),
                Badge("speaks against the model" if f.triggered else "passed",
                      _tone(not f.triggered)),
                f.text,
            ]
            for f in calibration.findings
        ]  # fmt: skip
        page.table(
            ["check", "value", "threshold", "result", "what it says"],
            checks,
            caption="Can this model family be the twin of this image? Each check with its number.",
            align=["left", "right", "right", "left", "left"],
        )


def _name_and_unit(key: str) -> tuple[str, str]:
    """Split ``"rate [1/m]"`` into name and unit."""
    name, _, rest = key.partition(" [")
    return name.replace("_", " "), rest.rstrip("]")


def _families(
    page: Page,
    report: TwinReport,
    figures: Mapping[str, Figure],
    renderings: Mapping[str, Picture],
) -> None:
    selection = report.selection
    if selection is None:
        return
    page.section("Model families", selection.text)
    rows = [list(row) for row in selection.rows]
    for row in rows:
        if row and row[0] == selection.best:
            row[0] = Badge(f"{selection.best}: best", "good")
    page.table(
        list(selection.columns),
        rows,
        caption="Candidates by descriptors that were not used to fit them.",
    )
