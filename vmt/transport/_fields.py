"""Flux and dissipation in each voxel, from a potential that was kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.errors import InputError
from vmt.microstructure import LevelSet, Microstructure
from vmt.transport._conductivities import Value, along

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from vmt.transport._conduction import Conduction

__all__ = ["Fields", "fields_of"]


@dataclass(frozen=True, eq=False)
class Fields:
    """A potential with all that is needed to make a flux of it."""

    potential: npt.NDArray[np.float32]
    structure: Microstructure | LevelSet
    conductivity: Mapping[str, Value]
    axis: int
    sides: str
    effective_conductivity: float

    def _links(self, axis: int) -> npt.NDArray[np.float64]:
        """Conductance per area of the n + 1 faces along an axis, which comes first [S/m²].

        At the electrodes that of half a voxel; joined sides have theirs at both ends.
        """
        d = self.structure.spacing[axis]
        if isinstance(self.structure, LevelSet):
            link = self._level_set_links(axis)
            ends = np.minimum(link[0], link[-1])
        else:
            table = np.zeros(256)
            for name, label in self.structure.phases.items():
                table[label] = along(self.conductivity[name], axis) / d
            half = 2.0 * np.moveaxis(table[self.structure.labels], axis, 0)
            total = half[1:] + half[:-1]
            link = np.zeros((len(half) + 1, *half.shape[1:]))
            np.divide(half[1:] * half[:-1], total, out=link[1:-1], where=total > 0.0)
            link[0], link[-1] = 0.5 * half[0], 0.5 * half[-1]
            total = half[0] + half[-1]
            ends = np.divide(half[0] * half[-1], total, out=np.zeros_like(total), where=total > 0.0)
        if axis == self.axis:
            link[0] *= 2.0
            link[-1] *= 2.0
        else:
            link[0] = link[-1] = ends if self.sides == "periodic" and len(link) > 2 else 0.0
        return np.asarray(link, np.float64)

    def _level_set_links(self, axis: int) -> npt.NDArray[np.float64]:
        from vmt.transport._level_set import face_conductances, open_shares

        assert isinstance(self.structure, LevelSet)
        named = {n: along(v, axis) for n, v in self.conductivity.items() if along(v, axis) > 0.0}
        better = max(named, key=lambda name: named[name])
        unit = named[better] / self.structure.spacing[axis]
        if len(named) == 1:
            shares = open_shares(self.structure, better)[axis]
        else:
            order = (self.axis, *(a for a in range(3) if a != self.axis))
            low = min(named.values()) / named[better]
            periodic = self.sides == "periodic"
            made = face_conductances(self.structure, better, order, low=low, periodic=periodic)
            shares = np.transpose(made[order.index(axis)], np.argsort(order))
        return np.moveaxis(shares, axis, 0) * np.float64(unit)

    def _faces(self, axis: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Flux density through the n + 1 faces along an axis, and the drop of potential there."""
        u = np.moveaxis(self.potential.astype(np.float64), axis, 0)
        drop = np.zeros((len(u) + 1, *u.shape[1:]))
        drop[1:-1] = u[:-1] - u[1:]
        if axis == self.axis:
            drop[0], drop[-1] = 1.0 - u[0], u[-1]
        elif self.sides == "periodic":
            drop[0] = drop[-1] = u[-1] - u[0]
        drop[np.isnan(drop)] = 0.0
        return self._links(axis) * drop, drop

    @property
    def _several(self) -> bool:
        """Whether the rule of a face depends on faces far from it."""
        conducting = sum(along(v, self.axis) > 0.0 for v in self.conductivity.values())
        return isinstance(self.structure, LevelSet) and conducting > 1

    def _part(self, cut: tuple[slice, ...], sides: str) -> Fields:
        """Fields of a box of voxels."""
        body = self.structure
        made: Microstructure | LevelSet
        if isinstance(body, LevelSet):
            corners = tuple(slice(s.start, s.stop + 1) for s in cut)
            values = body.at_corners().values[corners].copy()
            made = LevelSet(values, body.spacing, inside=body.inside, outside=body.outside)
        else:
            made = body.crop(*cut)
        return replace(self, potential=self.potential[cut], structure=made, sides=sides)

    def _slab(self, normal: int, place: int) -> tuple[Fields, int]:
        """Fields of a slice and its neighbors, and where the slice is in them; or all of them."""
        n = self.potential.shape[normal]
        place = place % n
        low, high = max(place - 1, 0), min(place + 2, n)
        if self._several or (self.sides == "periodic" and high - low < 3):
            return self, place
        cut = [slice(0, m) for m in self.potential.shape]
        cut[normal] = slice(low, high)
        return self._part(tuple(cut), self.sides), place - low

    def window_fluxes(
        self, shape: tuple[int, ...]
    ) -> tuple[list[npt.NDArray[np.float32]], list[npt.NDArray[np.float32]]]:
        """Flux density through the lower and upper faces of the first voxels, by axis."""
        part = self
        if tuple(shape) != self.potential.shape and not self._several:
            # one more voxel along an axis that is cut, so that the last faces are inner ones
            ends = [min(n + 1, m) for n, m in zip(shape, self.potential.shape, strict=True)]
            part = self._part(tuple(slice(0, n) for n in ends), "closed")
        kept = tuple(slice(n) for n in shape)
        low, high = [], []
        for axis in range(3):
            flux = np.moveaxis(part._faces(axis)[0].astype(np.float32), 0, axis)
            before = [slice(None)] * 3
            after = [slice(None)] * 3
            before[axis], after[axis] = slice(None, -1), slice(1, None)
            low.append(flux[tuple(before)][kept])
            high.append(flux[tuple(after)][kept])
        return low, high

    def flux_density(self) -> npt.NDArray[np.float32]:
        """Mean of the fluxes through opposite faces, (3, nx, ny, nz) [A/m² per volt]."""
        made = np.empty((3, *self.potential.shape), np.float32)
        for axis in range(3):
            flux, _ = self._faces(axis)
            made[axis] = np.moveaxis(0.5 * (flux[:-1] + flux[1:]), 0, axis)
        return made

    def dissipation(self) -> npt.NDArray[np.float32]:
        """Heat of the two halves of each voxel, (nx, ny, nz) [W/m³ per volt squared]."""
        total = np.zeros(self.potential.shape)
        for axis in range(3):
            flux, drop = self._faces(axis)
            if isinstance(self.structure, LevelSet):
                heat = flux * drop / self.structure.spacing[axis]
                # the half in front of an electrode is all there is
                heat[1:-1] *= 0.5
                if axis != self.axis:
                    heat[0] *= 0.5
                    heat[-1] *= 0.5
                both = heat[:-1] + heat[1:]
            else:
                table = np.zeros(256)
                for name, label in self.structure.phases.items():
                    table[label] = along(self.conductivity[name], axis)
                sigma = np.moveaxis(table[self.structure.labels], axis, 0)
                heat = 0.5 * flux * flux
                both = heat[:-1] + heat[1:]
                both = np.divide(both, sigma, out=np.zeros_like(both), where=sigma > 0.0)
            total += np.moveaxis(both, 0, axis)
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
        part, at = self._slab(normal, place)
        flux = np.take(part.flux_density(), at, axis=normal + 1)
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
        if np.isfinite(arrows[0][grid]).any():
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
        part, at = self._slab(normal, place)
        heat = np.take(part.dissipation(), at, axis=normal).astype(np.float64)
        mean = self.effective_conductivity / self.structure.size[self.axis] ** 2
        inside = ~np.isnan(np.take(self.potential, place, axis=normal))
        relative = heat / (mean or 1.0)
        shown = np.where(inside, np.maximum(relative, 1e-3), np.nan)
        image = ax.imshow(
            shown, extent=extent, norm=LogNorm(1e-2, 1e2), cmap="inferno", interpolation="nearest"
        )
        ax.figure.colorbar(image, ax=ax, label="dissipation / mean of the box", extend="both")
        return finish(ax, xlabel="µm", ylabel="µm")

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write potential, flux density, dissipation and labels as VTI."""
        from vmt.io import write_fields

        voxels = self.structure
        if isinstance(voxels, LevelSet):
            voxels = voxels.to_microstructure()

        write_fields(
            {
                "potential [V per V]": self.potential,
                "flux density [A/m2 per V]": self.flux_density(),
                "dissipation [W/m3 per V2]": self.dissipation(),
                "labels": voxels.labels,
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
        result.potential,
        result.structure,
        result.conductivity,
        result.axis,
        result.sides,
        result.effective_conductivity,
    )
