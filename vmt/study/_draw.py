"""A sweep's means over its factors, as one sheet of panels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vmt.study._results import SweepResult, SweepSummary

__all__ = ["draw_sweep"]

_MOST = 12
_MOST_GROUPS = 6
_MOST_TICKS = 6


def draw_sweep(result: SweepResult, quantities: Sequence[str] | None = None) -> Axes:
    """Draw means and confidence intervals: a panel a quantity, over the first numeric factor.

    A second factor of few values gives the colors. Without factors, the rows' values and their
    mean.
    """
    from vmt._plotting import COLORS, figure, finish
    from vmt.study._results import label_of

    unknown = sorted(set(quantities or ()) - set(result.quantities))
    if unknown:
        raise InputError(
            f"The sweep has no quantity {unknown[0]!r}; it has {', '.join(result.quantities)}."
        )
    names = list(quantities or result.quantities)[:_MOST]
    if not names:
        raise InputError("The sweep has no numbers to draw.")
    summary = result.summary()
    numeric = [n for n, c in summary.factors.items() if c.dtype.kind in "if"]
    columns = min(3, len(names))
    sheet = figure(math.ceil(len(names) / columns), columns, width=3.6, height=2.9)
    x = numeric[0] if numeric else ""
    groups = _groups(summary, x) if numeric else []
    scale = result.sweep.factors[x].scale if numeric else ""
    colors = [COLORS["model"], COLORS["image"], COLORS["good"], COLORS["truth"]]
    for ax, name in zip(sheet.axes, names, strict=False):
        label = label_of(name)
        if not numeric:
            values = result.values(name)
            ax.plot(np.arange(len(values)), values, ".", color=COLORS["model"], markersize=4)
            if summary.count.shape[0] == 1:
                place = summary.quantities.index(name)
                ax.axhline(summary.mean[0, place], color=COLORS["image"], linewidth=1)
                ax.axhspan(
                    summary.low[0, place], summary.high[0, place], color=COLORS["image"], alpha=0.15
                )
            finish(ax, xlabel="row", ylabel=label)
            continue
        width = np.ptp(summary.factors[x].astype(float))
        for place, (text, chosen) in enumerate(groups):
            # side by side, so that no interval hides another
            shift = 0.012 * width * (place - (len(groups) - 1) / 2) * (scale != "log")
            _errorbars(ax, summary, name, x, chosen, colors[place % len(colors)], text, shift)
        finish(ax, xlabel=label_of(x), ylabel=label)
        if scale == "log":
            ax.set_xscale("log")
        elif len(levels := np.unique(summary.factors[x])) <= _MOST_TICKS:
            ax.set_xticks(levels)
    for ax in sheet.axes[len(names) :]:
        ax.set_axis_off()
    if len(groups) > 1:
        sheet.axes[0].legend(frameon=False, fontsize=7)
    first: Axes = sheet.axes[0]
    return first


def _groups(summary: SweepSummary, x: str) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """Points by the value of the second factor, where it has few."""
    points = summary.count.shape[0]
    others = [name for name in summary.factors if name != x]
    if len(others) == 1:
        column = summary.factors[others[0]]
        levels = list(dict.fromkeys(column.tolist()))
        if len(levels) <= _MOST_GROUPS and len(levels) < points:
            return [
                (f"{others[0].replace('_', ' ')} {_short(level)}", np.array(column == level))
                for level in levels
            ]
    return [("", np.ones(points, bool))]


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _errorbars(
    ax: Axes,
    summary: SweepSummary,
    name: str,
    x: str,
    chosen: npt.NDArray[np.bool_],
    color: str,
    text: str,
    shift: float,
) -> None:
    place = summary.quantities.index(name)
    at = summary.factors[x][chosen]
    order = np.argsort(at, kind="stable")
    mean = summary.mean[chosen, place]
    reach = np.nan_to_num(summary.high[chosen, place] - mean)
    at = at + shift
    joined = "-" if len(summary.factors) <= 2 and len(np.unique(at)) == len(at) else ""
    ax.errorbar(
        at[order],
        mean[order],
        yerr=reach[order],
        fmt=f"o{joined}",
        markersize=3.5,
        linewidth=1,
        capsize=2,
        color=color,
        label=text,
    )
