"""The digital twin's figures, like those of Neumann et al. 2023 (2, 3 and 5)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from vmt._plotting import (
    COLORS,
    draw_band,
    draw_diagonal,
    draw_scale_bar,
    draw_slice,
    figure,
    finish,
    legend,
)
from vmt.microstructure import Microstructure
from vmt.report._page import format_number
from vmt.report._twin_contract import Curve, TwinReport, TwinRow

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["curve_name", "same_window", "twin_figures"]


def twin_figures(report: TwinReport) -> dict[str, Figure]:
    """Draw the figures of a twin, each by the name of its file."""
    made: dict[str, Figure] = {}
    if report.realizations:
        made["slices"] = _slices(report)
    for name, curve in report.curves.items():
        made[curve_name(name)] = _curve(curve)
    if report.m_factors:
        made["m_factors"] = _m_factors(report)
    if any(_spread(row) for row in report.rows):
        made["descriptors"] = _deviations(report)
    fit = figure(width=5.2, height=3.6)
    report.calibration.plot(fit.axes[0])
    made["calibration"] = fit
    return made


def curve_name(name: str) -> str:
    """Name of a curve's file."""
    text = "".join(c if c.isascii() and c.isalnum() else "_" for c in name.lower())
    return "_".join(["curve", *(part for part in text.split("_") if part)])


def _binary(structure: Microstructure, phase: str, name: str, background: str) -> Microstructure:
    """Show the phase against everything else, so that image and twin are drawn alike."""
    labels = structure.mask(phase).view(np.uint8)
    return Microstructure(labels, structure.spacing, {background: 0, name: 1})


def same_window(report: TwinReport) -> Iterator[tuple[str, Microstructure, Microstructure]]:
    """Image and first twin, cropped to the window that both have: key, shown, original."""
    found = [("image", report.image, report.phase)]
    if report.realizations:
        twin = report.realizations[0]
        found.append(("twin", twin, report.phase if report.phase in twin.phases else "solid"))
    lengths = [min(s.size[a] for _, s, _ in found) for a in range(3)]
    for key, structure, phase in found:
        kept = (
            slice(max(1, min(n, round(length / d))))
            for n, length, d in zip(structure.shape, lengths, structure.spacing, strict=True)
        )
        shown = _binary(structure.crop(*kept), phase, report.phase, report.background)
        yield key, shown, structure


def _slices(report: TwinReport) -> Figure:
    made = figure(1, 2, width=4.0, height=4.0)
    titles = {"image": "Phantom (generated)" if report.is_phantom else "Image", "twin": "Twin"}
    for ax, (key, shown, _) in zip(made.axes, same_window(report), strict=True):
        plane = shown.labels[:, shown.shape[1] // 2, :]
        spacing = (shown.spacing[0], shown.spacing[2])
        draw_slice(ax, plane, spacing, shown.phases, titles[key])
        draw_scale_bar(ax, (plane.shape[0] * spacing[0] * 1e6, plane.shape[1] * spacing[1] * 1e6))
    return made


def _curve(curve: Curve) -> Figure:
    x, image, mean, low, high, xlabel, ylabel = curve
    made = figure(width=5.2, height=3.6)
    ax = made.axes[0]
    draw_band(ax, x, mean, low, high, label="twins, mean", band_label="twins, spread")
    ax.plot(x, image, color=COLORS["image"], linewidth=1.6, label="image")
    if np.nanmin(np.concatenate([image, low])) <= 0:
        ax.axhline(0.0, color=COLORS["muted"], linewidth=0.8, zorder=0)
    finish(ax, xlabel=xlabel, ylabel=ylabel)
    legend(ax)
    return made


def _m_factors(report: TwinReport) -> Figure:
    made = figure(2, len(report.m_factors), width=4.0, height=3.7)
    count = len(report.m_factors)
    for i, (phase, (image, computed, predicted, guesses)) in enumerate(report.m_factors.items()):
        upper, lower = made.axes[i], made.axes[count + i]
        twins, twins_predicted = np.atleast_1d(computed), np.atleast_1d(guesses)
        dots: dict[str, Any] = {"s": 28, "color": COLORS["model"], "alpha": 0.75, "zorder": 3}
        star: dict[str, Any] = {"marker": "D", "s": 44, "color": COLORS["image"], "zorder": 4}

        draw_diagonal(upper, np.append(twins, image))
        upper.scatter(np.full(twins.size, image), twins, label="twins", linewidth=0, **dots)
        upper.scatter([image], [np.nanmean(twins)], label="twins, mean", **_mean_mark())
        finish(upper, xlabel="M-factor, image", ylabel="M-factor, twins", title=phase)
        legend(upper)

        draw_diagonal(lower, np.concatenate([twins, twins_predicted, [image, predicted]]))
        lower.scatter(twins, twins_predicted, label="twins", linewidth=0, **dots)
        lower.scatter([image], [predicted], label="image", linewidth=0, **star)
        finish(lower, xlabel="M-factor, computed", ylabel="M-factor, predicted", title=phase)
        legend(lower)
        for ax in (upper, lower):
            ax.locator_params(nbins=4)
    return made


def _mean_mark() -> dict[str, Any]:
    return {"marker": "_", "s": 260, "color": COLORS["truth"], "linewidth": 1.6, "zorder": 4}


def _spread(row: TwinRow) -> bool:
    return bool(math.isfinite(row.image) and math.isfinite(row.mean) and row.std > 0)


def _deviations(report: TwinReport) -> Figure:
    """Where the image lies among the twins: distance to their mean in their standard deviations."""
    rows = [row for row in report.rows if _spread(row)]
    made = figure(width=6.4, height=0.9 + 0.27 * len(rows))
    ax = made.axes[0]
    limit = 8.0
    ax.axvspan(-2, 2, color=COLORS["good"], alpha=0.12, linewidth=0)
    ax.axvline(0, color=COLORS["muted"], linewidth=0.9)
    for place, row in enumerate(reversed(rows)):
        distance = (row.image - row.mean) / row.std
        shown = float(np.clip(distance, -limit, limit))
        color = COLORS["good"] if row.verdict == "inside" else COLORS["model"]
        if row.verdict == "not comparable":
            color = COLORS["muted"]
        mark = "o" if shown == distance else (">" if distance > 0 else "<")
        ax.scatter([shown], [place], marker=mark, color=color, s=36, zorder=3)
        if shown != distance:
            ax.annotate(
                format_number(distance, 2),
                (shown, place),
                (-9 if distance > 0 else 9, 0),
                textcoords="offset points",
                ha="right" if distance > 0 else "left",
                va="center",
                fontsize=8,
            )
    labels = [f"{row.descriptor}, {row.phase}" if row.phase else row.descriptor for row in rows]
    ax.set_yticks(range(len(rows)), labels[::-1])
    ax.set_xlim(-limit - 0.5, limit + 0.5)
    ax.set_ylim(-0.7, len(rows) - 0.3)
    finish(ax, xlabel="(image − mean of the twins) / standard deviation of the twins")
    return made
