"""Flux densities in every voxel, from a state, by the kernels of the solver itself.

The kernels add a link's flux to both of its rows. Here each link has two rows of its own, so that
the first holds its flux with the very bits that the solver's balance saw. A voxel's vector is the
mean of the fluxes through its two faces along each axis, reacting faces and those to metal and
collector included: summed over a plane normal to x, ionic and electronic currents are the
terminal's, up to what the solver left of the residual.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt.kernels.electrode import _physics as physics
from vmt.kernels.electrode import _system as equations
from vmt.kernels.electrode._system import FARADAY, System

__all__ = ["FluxFields"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]
_CHUNK = 1 << 16  # links at once: 10 MB


class FluxFields:
    """Fluxes of one state.

    Parameters
    ----------
    system : System
        Equations.
    x : (size,) array
        State.
    rate : float
        Coefficient of x in the time derivative [1/s]; only double layers read it.
    past : (size,) array
        The rest of the time derivative.
    """

    def __init__(self, system: System, x: Floats, rate: float, past: Floats) -> None:
        self.system, self.x, self.rate, self.past = system, x, rate, past
        n = system.network
        self.shape = n.cells.shape
        volume = float(np.prod(n.spacing))
        self.areas = tuple(volume / d for d in n.spacing)
        self.cross_section = self.areas[0] * self.shape[1] * self.shape[2]
        sigma, self._d_sigma, diffusivity, d_diffusivity = system._solid_laws(x[system.cs])
        self._sigma = sigma
        self._reacted = np.empty(n.rx_solid.size)  # with the double layer [A]
        self._faradaic = np.empty(n.rx_solid.size)
        self._react(diffusivity, d_diffusivity)

    def ionic(self) -> Floats:
        """Current density in the electrolyte, (3, nx, ny, nz) [A/m²]; 0 where there is none."""
        n, t, s, x = self.system.network, self.system.tables, self.system, self.x
        phi, c, least = x[s.phi_e], x[s.ce], equations._EMPTY
        out = self._empty()
        for part in _parts(slice(0, n.le_first.size)):
            first, second = n.le_first[part], n.le_second[part]
            ends, one, two = _own(first, second)
            charge, mass = np.zeros(ends.size), np.zeros(ends.size)
            salt, log_c = c[ends], np.empty(ends.size)
            physics.bounded_log(salt, least, log_c)
            physics.electrolyte_fluxes(
                one, two, n.le_code[part], n.le_geometry, phi[ends], salt, log_c, least,
                t.electrolyte, t.low, t.step, FARADAY, charge, mass, _scratch(s.slopes.le, part),
            )  # fmt: skip
            self._between(out, n.liquid[first], n.liquid[second], charge[: first.size])
        self._at_reactions(out, n.liquid, n.rx_liquid, self._reacted)
        i, layer = s._lithium(x, self.rate, self.past)[:2]
        np.add.at(out[0], n.liquid[n.li_liquid], 0.5 * (i + layer))
        return self._density(out)

    def electronic(self) -> Floats:
        """Current density in the solids, (3, nx, ny, nz) [A/m²]; 0 where there is none."""
        n, s = self.system.network, self.system
        phi = self.x[s.phi_s]
        out = self._empty()
        for first, second, code, held in (
            (n.la_first, n.la_second, n.la_code, s.slopes.la),
            (n.ls_first, n.ls_second, n.ls_code, s.slopes.ls),
        ):
            for part in _parts(slice(0, first.size)):
                a, b = first[part], second[part]
                ends, one, two = _own(a, b)
                charge = np.zeros(ends.size)
                physics.solid_fluxes(
                    one, two, code[part], n.solid_geometry, phi[ends], self._sigma[ends],
                    self._d_sigma[ends], charge, _scratch(held, part),
                )  # fmt: skip
                self._between(out, n.solid[a], n.solid[b], charge[: a.size])
        self._at_reactions(out, n.solid, n.rx_solid, self._reacted)
        current = self._collected()
        along, high = np.divmod(n.cc_face, 2)
        for axis in range(3):
            at = along == axis
            side = np.where(high[at] == 1, 0.5, -0.5)
            np.add.at(out[axis], n.solid[n.cc_solid[at]], side * current[at])
        return self._density(out)

    def lithium(self) -> Floats:
        """Flux of lithium in active material, (3, nx, ny, nz) [mol/(m² s)]."""
        n, s = self.system.network, self.system
        c = self.x[s.cs]
        out = self._empty()
        for electrode in s.parts:
            t = electrode.tables
            for part in _parts(electrode.links):
                a, b = n.la_first[part], n.la_second[part]
                ends, one, two = _own(a, b)
                mass = np.zeros(ends.size)
                physics.diffusion_fluxes(
                    one, two, n.la_code[part], n.geometry, c[ends], t.active, t.largest, FARADAY,
                    mass, _scratch(s.slopes.la_mass, part),
                )  # fmt: skip
                self._between(out, n.solid[a], n.solid[b], mass[: a.size])
        self._at_reactions(out, n.solid, n.rx_solid, self._faradaic)
        out /= FARADAY
        return self._density(out)

    def reaction(self) -> npt.NDArray[np.float32]:
        """Current density into the surface of each active voxel, (nx, ny, nz) [A/m²]; else NaN."""
        n = self.system.network
        count = n.solid.size
        area = np.bincount(n.rx_solid, n.rx_area, count)
        total = np.bincount(n.rx_solid, self._reacted, count)
        field = np.full(self.shape, np.nan, np.float32)
        met = area > 0
        field.ravel()[n.solid[met]] = -total[met] / area[met]
        return field

    def faces(self, electrode: int = 0) -> tuple[Floats, Floats]:
        """Current density into the active material [A/m²] and area [m²] of each reacting face.

        Of the working electrode, or with 1 of the counter electrode.
        """
        own = self.system.parts[electrode].faces
        area = self.system.network.rx_area[own]
        density = np.divide(-self._reacted[own], area, out=np.zeros_like(area), where=area > 0)
        return density, area

    def collector(self) -> Floats:
        """Current density into the collector behind each column of voxels, (ny, nz) [A/m²]."""
        n = self.system.network
        ny, nz = self.shape[1:]
        out = ~n.cc_ground
        column = n.solid[n.cc_solid[out]] % (ny * nz)
        total = np.bincount(column, self._collected()[out], ny * nz)
        return np.asarray(total.reshape(ny, nz) / self.areas[0])

    # -- parts -----------------------------------------------------------------------------------

    def _react(self, diffusivity: Floats, d_diffusivity: Floats) -> None:
        """Solve the reacting faces once more, at the state as it is."""
        n, s, x = self.system.network, self.system, self.x
        stored = s._layer_current(x, self.rate, self.past)
        phi_s, phi_e, cs, ce = x[s.phi_s], x[s.phi_e], x[s.cs], x[s.ce]
        for electrode in s.parts:
            t = electrode.tables
            for part in _parts(electrode.faces):
                solid, liquid = n.rx_solid[part], n.rx_liquid[part]
                here = np.arange(solid.size, dtype=np.int32)
                charge, mass = np.zeros(solid.size), np.zeros(solid.size)
                physics.reaction_fluxes(
                    here, here, n.rx_area[part], s.half, n.rx_half[part], phi_s[solid],
                    phi_e[liquid], cs[solid], ce[liquid], diffusivity[solid],
                    d_diffusivity[solid], s.surface[part].copy(), t.active, t.largest, t.rate,
                    t.alpha, s.f, t.powers, FARADAY, stored[part], t.share, charge,
                    np.zeros(solid.size), mass, np.zeros(solid.size), _scratch(s.slopes.rx, part),
                )  # fmt: skip
                self._reacted[part], self._faradaic[part] = charge, mass

    def _collected(self) -> Floats:
        g, away = self.system._collector(self.x, self._sigma)
        return g * away

    def _empty(self) -> Floats:
        return np.zeros((3, int(np.prod(self.shape))))

    def _density(self, out: Floats) -> Floats:
        for axis in range(3):
            out[axis] /= self.areas[axis]
        return out.reshape(3, *self.shape)

    def _between(self, out: Floats, first: Integers, second: Integers, flux: Floats) -> None:
        """Give half of each link's flux to both of its cells; the second follows the first."""
        for axis, at, _ in self._along(first, second):
            half = 0.5 * flux[at]
            np.add.at(out[axis], first[at], half)
            np.add.at(out[axis], second[at], half)

    def _at_reactions(
        self, out: Floats, cells: Integers, unknown: Integers, current: Floats
    ) -> None:
        """Give half of each reacting face's current to one of its cells, along its axis.

        Of two voxels that are neighbors on both sides of a period, what crosses one face crosses
        the other the other way, and counts as nothing.
        """
        n = self.system.network
        twice = [
            False,
            *(p and size == 2 for p, size in zip(n.periodic, self.shape[1:], strict=True)),
        ]
        for part in _parts(slice(0, current.size)):
            solid, liquid = n.solid[n.rx_solid[part]], n.liquid[n.rx_liquid[part]]
            for axis, at, forward in self._along(solid, liquid):
                if not twice[axis]:
                    share = 0.5 * forward * current[part][at]
                    np.add.at(out[axis], cells[unknown[part][at]], share)

    def _along(
        self, first: Integers, second: Integers
    ) -> Iterator[tuple[int, npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
        """Pairs of neighbors along each axis, and +1 where the second follows the first, else -1.

        Pairs inside one cell have no axis.
        """
        distance = second.astype(np.int64) - first
        for axis, stride in enumerate((self.shape[1] * self.shape[2], self.shape[2], 1)):
            count = self.shape[axis]
            if count == 1:
                continue
            at = np.flatnonzero(np.abs(distance) == stride)
            yield axis, at, np.sign(distance[at])
            if count > 2:
                at = np.flatnonzero(np.abs(distance) == (count - 1) * stride)
                yield axis, at, -np.sign(distance[at])


def _parts(whole: slice) -> Iterator[slice]:
    for start in range(whole.start, whole.stop, _CHUNK):
        yield slice(start, min(start + _CHUNK, whole.stop))


def _own(first: Integers, second: Integers) -> tuple[Integers, Integers, Integers]:
    """Ends of the links one after the other, and each link's own two rows among them."""
    count = first.size
    rows = np.arange(2 * count, dtype=np.int32)
    return np.concatenate([first, second]), rows[:count], rows[count:]


def _scratch(held: npt.NDArray[Any], part: slice) -> npt.NDArray[Any]:
    """Room for slopes that nobody reads."""
    return np.empty((part.stop - part.start, held.shape[1]), held.dtype)
