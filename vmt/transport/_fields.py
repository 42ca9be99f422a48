"""Flux and dissipation in each voxel, from a potential that was kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.errors import InputError
from vmt.microstructure import Microstructure
from vmt.transport._conductivities import Value, along

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vmt.transport._conduction import Conduction

__all__ = ["Fields", "fields_of"]


@dataclass(frozen=True, eq=False)
class Fields:
    """A potential with all that is needed to make a flux of it."""

    potential: npt.NDArray[np.float32]
    structure: Microstructure
    conductivity: Mapping[str, Value]
    axis: int
    sides: str

    def _face_fluxes(self, axis: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Flux density through the lower and the upper face of each voxel along an axis."""
        table = np.zeros(256)
        for name, label in self.structure.phases.items():
            table[label] = along(self.conductivity[name], axis)
        u = np.moveaxis(self.potential.astype(np.float64), axis, 0)
        half = np.moveaxis(table[self.structure.labels], axis, 0)
        half = np.where(np.isnan(u), 0.0, 2.0 * half / self.structure.spacing[axis])
        u = np.where(np.isnan(u), 0.0, u)
        low, high = np.zeros_like(u), np.zeros_like(u)

        def flux(a: Any, b: Any) -> npt.NDArray[np.float64]:
            total = half[a] + half[b]
            link = np.divide(half[a] * half[b], total, out=np.zeros_like(total), where=total > 0)
            return np.asarray(link * (u[a] - u[b]))

        before, after = slice(None, -1), slice(1, None)
        high[before] = low[after] = flux(before, after)
        if axis == self.axis:
            low[0] = half[0] * (1.0 - u[0])
            high[-1] = half[-1] * u[-1]
        elif self.sides == "periodic" and len(u) > 1:
            low[0] = high[-1] = flux(-1, 0)
        return np.moveaxis(low, 0, axis), np.moveaxis(high, 0, axis)

    def flux_density(self) -> npt.NDArray[np.float32]:
        """Mean of the fluxes through opposite faces, (3, nx, ny, nz) [A/m² per volt]."""
        made = np.empty((3, *self.potential.shape), np.float32)
        for axis in range(3):
            low, high = self._face_fluxes(axis)
            made[axis] = 0.5 * (low + high)
        return made

    def dissipation(self) -> npt.NDArray[np.float32]:
        """Heat of the two halves of each voxel, (nx, ny, nz) [W/m³ per volt squared]."""
        total = np.zeros(self.potential.shape)
        for axis in range(3):
            table = np.zeros(256)
            for name, label in self.structure.phases.items():
                table[label] = along(self.conductivity[name], axis)
            low, high = self._face_fluxes(axis)
            sigma = table[self.structure.labels]
            heat = 0.5 * (low * low + high * high)
            total += np.divide(heat, sigma, out=np.zeros_like(heat), where=sigma > 0.0)
        return total.astype(np.float32)

    def _cut(self, index: int | None) -> tuple[int, int, tuple[int, int], Any]:
        """Normal of a slice, its place, the two axes in it, and its extent in µm."""
        normal = (self.axis + 1) % 3
        down, right = (a for a in range(3) if a != normal)
        place = self.potential.shape[normal] // 2 if index is None else index
        height, width = (self.structure.size[a] * 1e6 for a in (down, right))
        return normal, place, (down, right), (0.0, width, height, 0.0)

    def plot_flux(self, ax: Axes | None, index: int | None) -> Axes:
        """Draw magnitude and direction in a slice."""
        from vmt._plotting import axes, finish

        ax = axes(ax)
        normal, place, (down, right), extent = self._cut(index)
        flux = np.take(self.flux_density(), place, axis=normal + 1)
        size = np.sqrt((flux.astype(np.float64) ** 2).sum(axis=0))
        inside = ~np.isnan(np.take(self.potential, place, axis=normal))
        shown = np.where(inside, size, np.nan)
        top = float(np.quantile(size[inside], 0.99)) if inside.any() else 1.0
        image = ax.imshow(shown, extent=extent, vmin=0.0, vmax=top or 1.0, interpolation="nearest")
        ax.figure.colorbar(image, ax=ax, label="flux density / A/m² per volt", extend="max")
        every = max(1, max(shown.shape) // 24)
        rows, columns = (np.arange(every // 2, n, every) for n in shown.shape)
        grid = np.ix_(rows, columns)
        dx, dy = (self.structure.spacing[a] * 1e6 for a in (down, right))
        with np.errstate(invalid="ignore", divide="ignore"):
            arrows = np.where(inside & (size > 0), flux[[right, down]] / size, np.nan)
        ax.quiver(
            (columns + 0.5) * dy,
            (rows + 0.5) * dx,
            arrows[0][grid],
            arrows[1][grid],
            angles="xy",
            color="white",
            width=0.003,
            pivot="mid",
        )
        return finish(ax, xlabel="µm", ylabel="µm")

    def plot_dissipation(self, ax: Axes | None, index: int | None) -> Axes:
        """Draw the dissipation of a slice over the mean of the box, in decades."""
        from matplotlib.colors import LogNorm

        from vmt._plotting import axes, finish

        ax = axes(ax)
        normal, place, _, extent = self._cut(index)
        heat = self.dissipation().astype(np.float64)
        mean = float(heat.mean())
        inside = ~np.isnan(np.take(self.potential, place, axis=normal))
        relative = np.take(heat, place, axis=normal) / (mean or 1.0)
        shown = np.where(inside, np.maximum(relative, 1e-3), np.nan)
        image = ax.imshow(
            shown, extent=extent, norm=LogNorm(1e-2, 1e2), cmap="inferno", interpolation="nearest"
        )
        ax.figure.colorbar(image, ax=ax, label="dissipation / mean of the box", extend="both")
        return finish(ax, xlabel="µm", ylabel="µm")

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write potential, flux density, dissipation and labels as VTI."""
        from vmt.io import write_fields

        write_fields(
            {
                "potential [V per V]": self.potential,
                "flux density [A/m2 per V]": self.flux_density(),
                "dissipation [W/m3 per V2]": self.dissipation(),
                "labels": self.structure.labels,
            },
            self.structure.spacing,
            path,
        )


def fields_of(result: Conduction) -> Fields:
    """Take what is needed from a result that kept its potential."""
    if result.potential is None or result.structure is None:
        raise InputError(
            "This result has no potential; expected one computed with keep_potential=True."
        )
    return Fields(
        result.potential, result.structure, result.conductivity, result.axis, result.sides
    )
