"""Where currents and lithium go in a cell at one time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from vmt.electrode._sections import PORE, Placed, draw_scale, draw_section, plane_of, position_label
from vmt.errors import InputError
from vmt.kernels.electrode import FluxFields

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["FLUXES", "Fluxes", "flux_arrays"]

Field = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]
#: arrays and their units
FLUXES = MappingProxyType(
    {
        "ionic": "A/m²",
        "electronic": "A/m²",
        "lithium": "mol/(m² s)",
        "reaction": "A/m²",
        "through": "A/m²",
        "collector": "A/m²",
        "face_density": "A/m²",
        "face_area": "m²",
        "counter_face_density": "A/m²",
        "counter_face_area": "m²",
    }
)
_CARRIERS = ("ionic", "electronic", "lithium")


def flux_arrays(made: FluxFields) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Give the arrays one after the other, so that one is held at a time."""
    through = []
    for name in ("ionic", "electronic"):
        field = getattr(made, name)()
        through.append(field[0].mean(axis=(1, 2)))
        yield name, field.astype(np.float32)
        del field
    yield "through", np.stack(through)
    yield "lithium", made.lithium().astype(np.float32)
    yield "reaction", made.reaction()
    yield "collector", made.collector()
    for i, name in enumerate(("face", "counter_face")[: len(made.system.parts)]):
        density, area = made.faces(i)
        yield f"{name}_density", density
        yield f"{name}_area", area


@dataclass(frozen=True, eq=False)
class Fluxes:
    """Current densities, lithium flux and local reaction in every voxel at one time.

    A voxel's vector is the mean of the fluxes through its two faces along each axis, where a
    reacting face counts for both its sides; it is 0 where there is no carrier. Over each plane
    normal to x, `ionic` and `electronic` currents add up to that of the terminal (collector in
    the pores of embedded layers carries the rest), and so do the reactions over all faces of the
    working electrode; those of a counter electrode add up to the opposite.

    Attributes
    ----------
    layout : Layout
        What is where.
    current_density : float
        At the terminal [A/m²].
    time : float
        [s]
    """

    layout: Placed
    current_density: float
    time: float
    arrays: Mapping[str, Any]

    @property
    def ionic(self) -> Field:
        """Current density in the electrolyte [A/m²], (3, nx, ny, nz)."""
        return np.asarray(self.arrays["ionic"])

    @property
    def electronic(self) -> Field:
        """Current density in active material and binder [A/m²], (3, nx, ny, nz)."""
        return np.asarray(self.arrays["electronic"])

    @property
    def lithium(self) -> Field:
        """Flux of lithium in the active material [mol/(m² s)], (3, nx, ny, nz)."""
        return np.asarray(self.arrays["lithium"])

    @property
    def reaction(self) -> Field:
        """Current density into the surface of active voxels, mean of their faces [A/m²].

        (nx, ny, nz), positive where lithium is taken up; NaN where nothing reacts.
        """
        return np.asarray(self.arrays["reaction"])

    @property
    def ionic_profile(self) -> Floats:
        """Ionic current over the cross-section, by planes of voxels [A/m²], (nx,)."""
        return np.asarray(self.arrays["through"][0])

    @property
    def electronic_profile(self) -> Floats:
        """Electronic current over the cross-section, by planes of voxels [A/m²], (nx,)."""
        return np.asarray(self.arrays["through"][1])

    @property
    def collector(self) -> Floats:
        """Current density into the collector behind each column of voxels [A/m²], (ny, nz)."""
        return np.asarray(self.arrays["collector"])

    @property
    def faces(self) -> tuple[Floats, Floats]:
        """Current density into the active material [A/m²] and area [m²] of each reacting face.

        Of the working electrode.
        """
        return np.asarray(self.arrays["face_density"]), np.asarray(self.arrays["face_area"])

    @property
    def counter_faces(self) -> tuple[Floats, Floats] | None:
        """The same of the counter electrode; None against lithium."""
        if "counter_face_area" not in self.arrays:
            return None
        density, area = (np.asarray(self.arrays[f"counter_face_{n}"]) for n in ("density", "area"))
        return density, area

    def volumes(self) -> dict[str, npt.NDArray[Any]]:
        """Fields by the names that files for ParaView have."""
        return {
            "ionic current density": self.ionic,
            "electronic current density": self.electronic,
            "lithium flux": self.lithium,
            "reaction current density": self.reaction,
        }

    def reaction_quantiles(self, shares: npt.ArrayLike = (0.05, 0.5, 0.95)) -> Floats:
        """Local current densities below which shares of the reacting area lie [A/m²].

        Parameters
        ----------
        shares : array
            From 0 to 1.
        """
        density, area = self.faces
        order = np.argsort(density)
        below = np.cumsum(area[order])
        at = np.searchsorted(below, np.asarray(shares, float) * below[-1])
        return np.asarray(density[order][np.minimum(at, density.size - 1)])

    def to_dict(self) -> dict[str, Any]:
        """Numbers, units in the keys."""
        density, area = self.faces
        low, middle, high = self.reaction_quantiles()
        mean = float((density * area).sum() / area.sum())
        section = self.layout.phase.shape[1] * self.layout.phase.shape[2]
        section *= self.layout.spacing[1] * self.layout.spacing[2]
        return {
            "time [s]": self.time,
            "terminal current density [A/m²]": self.current_density,
            "current density by reactions [A/m²]": float((density * area).sum() / section),
            "current density by collector [A/m²]": float(self.collector.mean()),
            "local reaction, mean [A/m²]": mean,
            "local reaction, 5 % of the area [A/m²]": float(low),
            "local reaction, median [A/m²]": float(middle),
            "local reaction, 95 % of the area [A/m²]": float(high),
            "largest collector current over mean": _over_mean(self.collector),
        }

    def magnitude(
        self, carrier: Literal["ionic", "electronic", "lithium"] = "ionic", *,
        index: int | None = None, axis: int = 2,
    ) -> Floats:  # fmt: skip
        """Length of the vectors on a slice, NaN where there is no carrier.

        Parameters
        ----------
        carrier : {"ionic", "electronic", "lithium"}
            Which flux.
        index : int, optional
            Which slice; the middle one by default.
        axis : {1, 2}
            Its normal.
        """
        if carrier not in _CARRIERS:
            raise InputError(f"carrier = {carrier!r}; expected one of {', '.join(_CARRIERS)}.")
        place = plane_of(self.layout, axis, index)
        parts = np.asarray(self.arrays[carrier][(slice(None), *place)], np.float64)
        length = np.sqrt((parts**2).sum(axis=0))
        length[length == 0] = np.nan
        return np.asarray(length)

    def plot(
        self,
        ax: Axes | None = None,
        *,
        carrier: Literal["ionic", "electronic", "lithium"] = "ionic",
        index: int | None = None,
        axis: int = 2,
        limits: tuple[float, float] | None = None,
    ) -> Axes:
        """Draw the magnitude of a flux on a slice, lithium at the left, in logarithmic colors.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new ones if not given.
        carrier : {"ionic", "electronic", "lithium"}
            Which flux.
        index : int, optional
            Which slice; the middle one by default.
        axis : {1, 2}
            Normal of the slice.
        limits : (float, float), optional
            Ends of the colors.
        """
        values = self.magnitude(carrier, index=index, axis=axis)
        some = values[np.isfinite(values)]
        if limits is None and some.size:
            limits = (float(np.quantile(some, 0.05)), float(np.quantile(some, 0.995)))
        what = "lithium flux" if carrier == "lithium" else f"{carrier} current density"
        return draw_section(
            ax, self.layout, values, axis=axis, index=index, limits=limits,
            label=f"|{what}| [{FLUXES[carrier]}]", title=f"{self.time:.0f} s", cmap="inferno",
            logarithmic=True,
        )  # fmt: skip

    def plot_reaction(
        self, ax: Axes | None = None, *, index: int | None = None, axis: int = 2
    ) -> Axes:
        """Draw the local reaction current density on a slice.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new ones if not given.
        index : int, optional
            Which slice; the middle one by default.
        axis : {1, 2}
            Normal of the slice.
        """
        return draw_section(
            ax, self.layout, self.arrays["reaction"], axis=axis, index=index,
            label="reaction [A/m²]", title=f"{self.time:.0f} s", cmap="viridis",
        )  # fmt: skip

    def plot_profile(self, ax: Axes | None = None) -> Axes:
        """Draw ionic and electronic current through the thickness.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new ones if not given.
        """
        from vmt import _plotting

        ax = _plotting.axes(ax)
        step = self.layout.spacing[0] * 1e6
        x = (np.arange(self.layout.phase.shape[0]) + 0.5) * step
        ionic, electronic = self.ionic_profile, self.electronic_profile
        ax.plot(x, ionic, color=_plotting.COLORS["image"], lw=1.6, label="ionic")
        ax.plot(x, electronic, color=_plotting.COLORS["model"], lw=1.6, label="electronic")
        ax.plot(x, ionic + electronic, color=_plotting.COLORS["muted"], lw=1.0, ls="--",
                label="both")  # fmt: skip
        front = self.layout.counter_layers
        ends = front * step, (front + self.layout.separator_layers) * step
        ax.axvspan(*ends, color="#d6e2ea", lw=0, zorder=0)
        _plotting.legend(ax, fontsize=7)
        return _plotting.finish(
            ax, xlabel=position_label(self.layout), ylabel="current density [A/m²]"
        )

    def plot_collector(self, ax: Axes | None = None) -> Axes:
        """Draw the magnitude of the current into the collector over y and z; pores are blank.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new ones if not given.
        """
        from matplotlib.colors import LogNorm

        from vmt import _plotting

        ax = _plotting.axes(ax)
        current = np.abs(self.collector)
        ny, nz = current.shape
        dy, dz = (d * 1e6 for d in self.layout.spacing[1:])
        high = max(float(current.max()), 1e-30)
        low = max(float(current[current > 0].min(initial=high)), 1e-3 * high, 1e-31)
        ax.set_facecolor(PORE)
        drawn = ax.imshow(
            np.ma.masked_equal(current, 0.0).T, origin="lower", extent=(0, ny * dy, 0, nz * dz),
            cmap="inferno", norm=LogNorm(low, max(high, 1.0001 * low)), interpolation="nearest",
        )  # fmt: skip
        draw_scale(ax, drawn, "|current density into the collector| [A/m²]", (low, high))
        return _plotting.finish(ax, xlabel="y [µm]", ylabel="z [µm]", title=f"{self.time:.0f} s")

    def plot_histogram(self, ax: Axes | None = None, *, bins: int = 40) -> Axes:
        """Draw how the reacting area is spread over local current densities.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new ones if not given.
        bins : int
            How many.
        """
        from vmt import _plotting

        ax = _plotting.axes(ax)
        density, area = self.faces
        low, high = self.reaction_quantiles((0.005, 0.995))
        if not low < high:
            low, high = low - 0.5 * abs(low) - 1e-12, high + 0.5 * abs(high) + 1e-12
        edges = np.linspace(low, high, bins + 1)
        counts = np.histogram(np.clip(density, low, high), edges, weights=area / area.sum())[0]
        ax.stairs(counts, edges, fill=True, color=_plotting.COLORS["image"], alpha=0.85)
        mean = float((density * area).sum() / area.sum())
        ax.axvline(mean, color=_plotting.COLORS["model"], lw=1.4, label="mean")
        _plotting.legend(ax, fontsize=7)
        return _plotting.finish(
            ax, xlabel="local reaction current density [A/m²]", ylabel="share of the reacting area"
        )


def _over_mean(values: Floats) -> float:
    mean = float(values.mean())
    return float(values.max() / mean) if mean else float("nan")
