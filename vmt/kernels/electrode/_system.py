"""The coupled equations of an electrode: residual, derivative, preconditioner, assembled twin."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from vmt.kernels.electrode import _physics as physics
from vmt.kernels.electrode._hierarchy import Hierarchy
from vmt.kernels.electrode._network import Network
from vmt.kernels.electrode._tables import Control, Tables, parts_of

__all__ = ["System"]

Floats = npt.NDArray[np.float64]
Vector = npt.NDArray[np.float32]

#: Faraday's constant [C/mol] and the gas constant [J/(mol K)]
FARADAY, GAS = 96485.33212, 8.31446261815324
_LARGEST_EXPONENT = 200.0
_WEAK = 4.0  # links over ground up to which sweeps alone solve the active material's diffusion
_HELD = 1e4
_EMPTY = 1.0  # salt below which a cell counts as empty, far below what the laws cover [mol/m³]


@dataclass
class _Slopes:
    """Derivatives of the fluxes, and what the preconditioner wants to know of the state."""

    le: npt.NDArray[Any]
    la: npt.NDArray[Any]
    la_mass: npt.NDArray[Any]
    ls: npt.NDArray[Any]
    rx: npt.NDArray[Any]
    li: Floats
    cc: Floats
    transference: Vector
    pull: Vector
    rate: float = 0.0
    power: float = 0.0
    control: Control = field(default_factory=lambda: Control("current", 0.0))


class System:
    """Equations of a network of cells with the laws of its materials.

    The vector of unknowns is [φe | φs | V | ce | cs]. Storage is written as rate·x + past, so any
    linear multistep method fits.

    Of two electrodes the potentials in the vector count from where each is at rest: what is added
    to those of the solids is `offset` in the last planes and nothing in the first ones, and to that
    of the electrolyte `liquid_offset`.
    """

    def __init__(self, network: Network, tables: Tables, *, single: bool = False) -> None:
        self.network, self.tables = network, tables
        n, kind = network, np.float32 if single else np.float64
        ne, ns, na = n.liquid.size, n.solid.size, n.active
        self.size = n.unknowns
        self.phi_e = slice(0, ne)
        self.phi_s = slice(ne, ne + ns)
        self.terminal = ne + ns
        self.ce = slice(ne + ns + 1, 2 * ne + ns + 1)
        self.cs = slice(2 * ne + ns + 1, 2 * ne + ns + 1 + na)
        self.potentials = slice(0, ne + ns + 1)
        self.parts = parts_of(n, tables)
        counter = tables.counter
        self.offset = tables.offset - (0.0 if counter is None else counter.offset)
        self.liquid_offset = 0.0 if counter is None else -counter.offset
        self.largest = self._largest()
        self.surface = np.full(n.rx_solid.size, -1.0)
        self.f = FARADAY / (GAS * tables.temperature)
        self.half = n.half if tables.reconstruct else np.zeros(4)
        self.layer = n.rx_area * tables.layer
        if counter is not None:
            self.layer[: n.split_faces] = n.rx_area[: n.split_faces] * counter.layer
        self.li_layer = n.li_area * tables.lithium_layer
        self.slopes = _Slopes(
            le=np.zeros((n.le_first.size, 6), kind),
            la=np.zeros((n.la_first.size, 3), kind),
            la_mass=np.zeros((n.la_first.size, 2), kind),
            ls=np.zeros((n.ls_first.size, 3), kind),
            rx=np.zeros((n.rx_solid.size, 3), kind),
            li=np.zeros((n.li_liquid.size, 2)),
            cc=np.zeros((n.cc_solid.size, 2)),
            transference=np.zeros(ne, np.float32),
            pull=np.zeros(ne, np.float32),
        )
        self._hierarchies: list[Hierarchy] | None = None
        self.starving = False  # whether some cell had next to no salt at the last linearization
        #: sum of the reacting faces at the last linearization [A], and of the first planes'
        self.reacted = self.reacted_counter = 0.0

    def _largest(self) -> Any:
        """Lithium in full cells: one number, or one per active cell."""
        found = [part.tables.largest for part in self.parts]
        if found[0] == found[-1]:
            return found[0]
        whole = np.full(self.network.active, found[0])
        whole[self.parts[1].active] = found[1]
        return whole

    # -- residual and derivative ---------------------------------------------------------------

    def linearize(self, x: Floats, rate: float, past: Floats, control: Control) -> Floats:
        """Return the residual at x and remember the derivative there.

        Parameters
        ----------
        x : (size,) array
            Unknowns.
        rate : float
            Coefficient of x in the time derivative [1/s].
        past : (size,) array
            The rest of the time derivative; only the parts that store are read.
        control : Control
            What the terminal is held at.
        """
        n, t, s = self.network, self.tables, self.slopes
        phi_e, phi_s, ce, cs = x[self.phi_e], x[self.phi_s], x[self.ce], x[self.cs]
        out = np.zeros(self.size)
        charge_e, charge_s = out[self.phi_e], out[self.phi_s]
        mass_e, mass_s = out[self.ce], out[self.cs]
        mass_e += FARADAY * n.liquid_volume * (rate * ce + past[self.ce])
        mass_s += FARADAY * n.solid_volume * (rate * cs + past[self.cs])
        two = np.empty((2, max(ce.size, 1)))
        physics.table_values(t.electrolyte, 4, t.low, t.step, ce, two)
        s.transference[:] = two[0, : ce.size]
        physics.table_values(t.electrolyte, 6, t.low, t.step, ce, two)
        s.pull[:] = two[0, : ce.size] / ce
        empty = np.flatnonzero(ce < _EMPTY)
        s.pull[empty] = two[0, empty] * (2 - ce[empty] / _EMPTY) / _EMPTY
        self.starving = empty.size > 0
        log_c = two[1, : ce.size]
        physics.bounded_log(ce, _EMPTY, log_c)
        physics.electrolyte_fluxes(
            n.le_first, n.le_second, n.le_code, n.le_geometry, phi_e, ce, log_c, _EMPTY,
            t.electrolyte, t.low, t.step, FARADAY, charge_e, mass_e, s.le,
        )  # fmt: skip
        del two, log_c, empty
        sigma, d_sigma, diffusivity, d_diffusivity = self._solid_laws(cs)
        shapes = n.solid_geometry
        physics.solid_fluxes(
            n.la_first, n.la_second, n.la_code, shapes, phi_s, sigma, d_sigma, charge_s, s.la
        )
        physics.solid_fluxes(
            n.ls_first, n.ls_second, n.ls_code, shapes, phi_s, sigma, d_sigma, charge_s, s.ls
        )
        stored = self._layer_current(x, rate, past)
        reacted = []
        for part in self.parts:
            p, la, rx = part.tables, part.links, part.faces
            physics.diffusion_fluxes(
                n.la_first[la], n.la_second[la], n.la_code[la], n.geometry, cs, p.active,
                p.largest, FARADAY, mass_s, s.la_mass[la],
            )  # fmt: skip
            reacted.append(
                physics.reaction_fluxes(
                    n.rx_solid[rx], n.rx_liquid[rx], n.rx_area[rx], self.half, n.rx_half[rx],
                    phi_s, phi_e, cs, ce, diffusivity, d_diffusivity, self.surface[rx], p.active,
                    p.largest, p.rate, p.alpha, self.f, p.powers, FARADAY, stored[rx], p.share,
                    charge_s, charge_e, mass_s, mass_e, s.rx[rx],
                )
            )  # fmt: skip
        self.reacted, self.reacted_counter = (*reacted, 0.0)[:2]
        i, layer, s.li[:, 0], s.li[:, 1] = self._lithium(x, rate, past)
        charge_e[n.li_liquid] -= i + layer
        mass_e[n.li_liquid] -= i + t.share * layer
        g, away = self._collector(x, sigma)
        np.add.at(charge_s, n.cc_solid, g * away)
        d_c = np.zeros(n.cc_solid.size)
        inner = n.cc_solid < n.active
        d_c[inner] = (n.cc_conductance * away)[inner] * d_sigma[n.cc_solid[inner]]
        s.cc[:, 0], s.cc[:, 1] = g, d_c
        out[self.terminal] = self._terminal(x, float((g * away)[~n.cc_ground].sum()), control)
        s.rate, s.control = rate, control
        if control.mode == "power":
            s.power = control.value / self.voltage(x) ** 2
        return out

    def _solid_laws(self, cs: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Conductivity and its slope per solid cell, diffusivity and its slope per active cell."""
        n = self.network
        sigma, d_sigma = n.solid_factor.copy(), np.zeros(n.solid.size)
        both: list[npt.NDArray[Any]] = []
        for part in self.parts:
            t, own = part.tables, part.active
            step = t.largest / (t.active.shape[0] - 1)
            here = cs[own]
            two = np.empty((2, max(here.size, 1)))
            physics.table_values(t.active, 2, 0.0, step, here, two)
            d_sigma[own] = sigma[own] * two[1, : here.size]
            sigma[own] *= two[0, : here.size]
            physics.table_values(t.active, 4, 0.0, step, here, two)
            both.insert(0, two)
        if len(both) == 1:
            return sigma, d_sigma, both[0][0], both[0][1]
        joined = np.concatenate(both, axis=1)
        return sigma, d_sigma, joined[0], joined[1]

    def _layer_current(self, x: Floats, rate: float, past: Floats) -> Floats:
        n = self.network
        if not any(part.tables.layer for part in self.parts):
            return np.zeros(n.rx_solid.size)
        jump = (rate * x[self.phi_s] + past[self.phi_s])[n.rx_solid]
        jump -= (rate * x[self.phi_e] + past[self.phi_e])[n.rx_liquid]
        return np.asarray(self.layer * jump)

    def _lithium(
        self, x: Floats, rate: float, past: Floats
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Faradaic and capacitive current of the metal [A], slopes of the first by φe and ce."""
        n, t = self.network, self.tables
        phi, c = x[self.phi_e][n.li_liquid], x[self.ce][n.li_liquid]
        e = np.clip(-self.f * phi, -_LARGEST_EXPONENT, _LARGEST_EXPONENT)
        i0 = n.li_area * t.lithium_rate * c**t.lithium_power
        a = t.lithium_alpha
        i = i0 * (np.exp(a * e) - np.exp((a - 1) * e))
        by_phi = -i0 * self.f * (a * np.exp(a * e) + (1 - a) * np.exp((a - 1) * e))
        layer = -self.li_layer * (rate * phi + past[self.phi_e][n.li_liquid])
        return i, layer, by_phi, i * t.lithium_power / c

    def _collector(self, x: Floats, sigma: Floats) -> tuple[Floats, Floats]:
        """Conductance of each link to a collector [S] and the potential across it [V]."""
        n = self.network
        held = np.where(n.cc_ground, 0.0, x[self.terminal])
        return n.cc_conductance * sigma[n.cc_solid], x[self.phi_s][n.cc_solid] - held

    def _terminal(self, x: Floats, arriving: float, control: Control) -> float:
        """Residual of the terminal; `arriving` is the current from the electrode into it."""
        if control.mode == "current":
            return control.value - arriving
        if control.mode == "power":
            return control.value / self.voltage(x) - arriving
        return self._held() * (self.voltage(x) - control.value)

    def voltage(self, x: Floats) -> float:
        """Potential of the terminal against lithium, or the other collector [V]."""
        return float(x[self.terminal]) + self.offset

    def solid_potential(self, x: Floats) -> Floats:
        """Potentials of solid cells against lithium, or the other collector [V]."""
        found = x[self.phi_s] + self.offset
        if self.network.split:
            first = self.in_counter()
            found[first] = x[self.phi_s][first]
        return found

    def in_counter(self) -> npt.NDArray[np.bool_]:
        """Which solid cells belong to the electrode of the first planes."""
        n = self.network
        return np.asarray(n.solid < n.split * int(np.prod(n.cells.shape[1:])))

    def stoichiometries(self, x: Floats) -> list[float]:
        """Mean of each electrode's active cells, the one of the first planes last."""
        volume, found = self.network.solid_volume, []
        for part in self.parts:
            own = volume[part.active]
            held = float((own * x[self.cs][part.active]).sum())
            found.append(held / (float(own.sum()) * part.tables.largest))
        return found

    def round_off(self, x: Floats, rate: float) -> tuple[float, float, float, float]:
        """What rounding alone leaves of the four norms at the last linearization [A]."""
        n, s, eps = self.network, self.slopes, 5e-17  # of random signs, on average

        def along(slopes: npt.NDArray[Any], values: Floats) -> float:
            return float(np.abs(slopes).sum(dtype=np.float64)) * float(np.abs(values).max())

        solid = along(s.la[:, 0], x[self.phi_s]) + along(s.ls[:, 0], x[self.phi_s])
        solid += along(s.cc[:, 0], x[self.phi_s])
        liquid = along(s.le[:, 0], x[self.phi_e]) + along(s.le[:, 1], x[self.ce])
        salt = along(s.le[:, 3], x[self.ce]) + along(s.le[:, 1], x[self.ce])
        salt += FARADAY * rate * float(n.liquid_volume @ x[self.ce])
        stored = along(s.la_mass[:, 0], x[self.cs])
        stored += FARADAY * rate * float(n.solid_volume @ x[self.cs])
        return eps * liquid, eps * solid, eps * salt, eps * stored

    def _held(self) -> float:
        return float(self.network.cc_conductance.sum())

    def currents(self, x: Floats, rate: float, past: Floats) -> dict[str, float]:
        """Currents [A]: at the terminal, of the metal, of its faradaic part, of the reactions."""
        n = self.network
        sigma = self._solid_laws(x[self.cs])[0]
        g, away = self._collector(x, sigma)
        i, layer = self._lithium(x, rate, past)[:2]
        ground = float(-(g * away)[n.cc_ground].sum())
        return {
            "terminal": float((g * away)[~n.cc_ground].sum()),
            "metal": float((i + layer).sum()) + ground,
            "lithium": float((i + self.tables.share * layer).sum()),
            "reactions": self.reacted,
            "counter reactions": self.reacted_counter,
        }

    def contents(self, x: Floats) -> tuple[float, float, float]:
        """Lithium [mol] in the electrolyte, in the active material and in double layers."""
        n = self.network
        layers = 0.0
        for part in self.parts:
            rx = part.faces
            if part.tables.layer:
                jump = x[self.phi_s][n.rx_solid[rx]] - x[self.phi_e][n.rx_liquid[rx]]
                layers -= part.tables.share * float((self.layer[rx] * jump).sum()) / FARADAY
        return (
            float((n.liquid_volume * x[self.ce]).sum()),
            float((n.solid_volume * x[self.cs]).sum()),
            layers,
        )

    def norms(self, residual: Floats) -> tuple[float, float, float, float]:
        """Sums of absolute residuals [A] of φe, φs with V, ce and cs."""
        return (
            float(np.abs(residual[self.phi_e]).sum()),
            float(np.abs(residual[self.phi_s]).sum() + abs(residual[self.terminal])),
            float(np.abs(residual[self.ce]).sum()),
            float(np.abs(residual[self.cs]).sum()),
        )

    def apply(self, v: npt.NDArray[Any]) -> Floats:
        """Return the derivative at the last linearization times v."""
        n, t, s = self.network, self.tables, self.slopes
        phi_e, phi_s, ce, cs = v[self.phi_e], v[self.phi_s], v[self.ce], v[self.cs]
        out = np.zeros(self.size)
        charge_e, charge_s = out[self.phi_e], out[self.phi_s]
        mass_e, mass_s = out[self.ce], out[self.cs]
        np.multiply(FARADAY * s.rate * n.liquid_volume, ce, out=mass_e)
        np.multiply(FARADAY * s.rate * n.solid_volume, cs, out=mass_s)
        physics.apply_electrolyte(n.le_first, n.le_second, s.le, phi_e, ce, charge_e, mass_e)
        physics.apply_solid(n.la_first, n.la_second, s.la, n.active, phi_s, cs, charge_s)
        physics.apply_solid(n.ls_first, n.ls_second, s.ls, n.active, phi_s, cs, charge_s)
        physics.apply_diffusion(n.la_first, n.la_second, s.la_mass, cs, mass_s)
        for part in self.parts:
            rx = part.faces
            physics.apply_reactions(
                n.rx_solid[rx], n.rx_liquid[rx], s.rx[rx], self.layer[rx], s.rate,
                part.tables.share, phi_s, phi_e, cs, ce, charge_s, charge_e, mass_s, mass_e,
            )  # fmt: skip
        at = phi_e[n.li_liquid].astype(np.float64)
        i = s.li[:, 0] * at + s.li[:, 1] * ce[n.li_liquid]
        layer = -self.li_layer * s.rate * at
        charge_e[n.li_liquid] -= i + layer
        mass_e[n.li_liquid] -= i + t.share * layer
        here = float(v[self.terminal])
        held = np.where(n.cc_ground, 0.0, here)
        flux = s.cc[:, 0] * (phi_s[n.cc_solid] - held)
        inner = n.cc_solid < n.active
        flux[inner] += s.cc[inner, 1] * cs[n.cc_solid[inner]]
        np.add.at(charge_s, n.cc_solid, flux)
        if s.control.mode == "voltage":
            out[self.terminal] = self._held() * here
        else:
            out[self.terminal] = -flux[~n.cc_ground].sum()
            if s.control.mode == "power":
                out[self.terminal] -= s.power * here
        return out

    # -- preconditioner --------------------------------------------------------------------------

    def prepare(self) -> None:
        """Build the hierarchies of the three blocks for the last linearization."""
        n, s = self.network, self.slopes
        ne, terminal = n.liquid.size, self.terminal
        if self._hierarchies is None:
            self._hierarchies = self._make_hierarchies()
        network, liquid, active = self._hierarchies
        # the active material's answer to a change of potential
        mass = FARADAY * s.rate * n.solid_volume
        diffusion = np.zeros(n.active)
        links = 0.5 * (s.la_mass[:, 0] - s.la_mass[:, 1])
        if links.size:
            diffusion[n.la_first] = links  # one link a cell stands for all
        answer = mass * (0.5 + np.sqrt(0.25 + diffusion / np.maximum(mass, 1e-300)))
        ground_s = mass.copy()
        weights = np.empty(n.rx_solid.size)
        physics.reaction_weights(
            n.rx_solid, s.rx, self.layer, s.rate, np.maximum(answer, 1e-300), weights, ground_s
        )
        ground = np.zeros(terminal + 1)
        ground[n.li_liquid] += -s.li[:, 0] + self.li_layer * s.rate
        at = n.cc_ground
        ground[ne : ne + n.solid.size] += np.bincount(n.cc_solid[at], s.cc[at, 0], n.solid.size)
        if s.control.mode == "voltage":
            ground[terminal] = _HELD * self._held()
        network.refresh([s.le[:, 0], s.la[:, 0], s.ls[:, 0], weights, s.cc[~at, 0]], ground)
        liquid.refresh(
            [0.5 * (s.le[:, 3] - s.le[:, 4])], FARADAY * s.rate * n.liquid_volume + 1e-300
        )
        active.refresh(
            [np.maximum(links, 0.0)],
            ground_s,
            sweeps=bool(links.size == 0 or 6 * links.max() <= _WEAK * mass.min()),
        )

    def _make_hierarchies(self) -> list[Hierarchy]:
        n = self.network
        ne, terminal = n.liquid.size, self.terminal
        held = n.cc_solid[~n.cc_ground]
        hub = np.full(held.size, terminal, np.int32)
        shape = n.cells.shape

        def blocks(where: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
            i, rest = np.divmod(where, shape[1] * shape[2])
            j, k = np.divmod(rest, shape[2])
            wide, deep = (shape[1] + 1) // 2, (shape[2] + 1) // 2
            return np.asarray(((i // 2) * wide + j // 2) * deep + k // 2, np.int32)

        e, s = blocks(n.liquid), blocks(n.solid)
        joint = np.concatenate([2 * e, 2 * s + 1, np.array([-1], np.int32)]).astype(np.int32)
        return [
            Hierarchy(
                [
                    (n.le_first, n.le_second, 0, 0),
                    (n.la_first, n.la_second, ne, ne),
                    (n.ls_first, n.ls_second, ne, ne),
                    (n.rx_solid, n.rx_liquid, ne, 0),
                    (held, hub, ne, 0),
                ],
                joint,
            ),
            Hierarchy([(n.le_first, n.le_second, 0, 0)], e),
            Hierarchy([(n.la_first, n.la_second, 0, 0)], s[: n.active]),
        ]

    def precondition(self, r: Vector) -> Vector:
        """Return an approximation of the derivative's inverse times r: φ, then ce, then cs."""
        assert self._hierarchies is not None
        n, s = self.network, self.slopes
        network, liquid, active = self._hierarchies
        given = np.array(r[self.potentials], np.float32)
        if s.control.mode == "voltage":
            given[-1] *= _HELD
        z = np.empty(self.size, np.float32)
        z[self.potentials] = network.precondition(given)
        phi_e, phi_s = z[self.phi_e], z[self.phi_s]
        mass_e = r[self.ce] - s.transference * r[self.phi_e]
        mass_s = np.array(r[self.cs], np.float32)
        physics.couple_reactions(
            n.rx_solid, n.rx_liquid, s.rx, s.transference, phi_s, phi_e, mass_s, mass_e
        )
        i = s.li[:, 0] * phi_e[n.li_liquid]
        mass_e[n.li_liquid] += ((1 - s.transference[n.li_liquid]) * i).astype(np.float32)
        z[self.ce] = liquid.precondition(mass_e)
        z[self.cs] = active.precondition(mass_s)
        z[self.phi_e] += s.pull * z[self.ce]
        return z

    # -- the assembled twin ------------------------------------------------------------------------

    def assemble(self) -> Any:
        """Return the derivative at the last linearization as a scipy CSC matrix."""
        from scipy.sparse import coo_matrix

        n, t, s = self.network, self.tables, self.slopes
        pe, ps, v = 0, self.phi_s.start, self.terminal
        me, ms = self.ce.start, self.cs.start
        rows: list[npt.NDArray[Any]] = []
        columns: list[npt.NDArray[Any]] = []
        values: list[npt.NDArray[Any]] = []

        def put(row: Any, column: Any, value: Any) -> None:
            r, c, x = np.broadcast_arrays(row, column, value)
            rows.append(r.ravel())
            columns.append(c.ravel())
            values.append(np.asarray(x, np.float64).ravel())

        def pair(one: Any, other: Any, column: Any, value: Any) -> None:
            put(one, column, value)
            put(other, column, -np.asarray(value))

        i, j, d = n.le_first.astype(np.int64), n.le_second.astype(np.int64), s.le.astype(float)
        for column, value in (
            (pe + i, d[:, 0]), (pe + j, -d[:, 0]), (me + i, d[:, 1]), (me + j, d[:, 2])
        ):  # fmt: skip
            pair(pe + i, pe + j, column, value)
            pair(me + i, me + j, column, d[:, 5] * value)
        pair(me + i, me + j, me + i, d[:, 3])
        pair(me + i, me + j, me + j, d[:, 4])
        for first, second, g in (
            (n.la_first, n.la_second, s.la), (n.ls_first, n.ls_second, s.ls)
        ):  # fmt: skip
            i, j, d = first.astype(np.int64), second.astype(np.int64), g.astype(float)
            pair(ps + i, ps + j, ps + i, d[:, 0])
            pair(ps + i, ps + j, ps + j, -d[:, 0])
            for k, value in ((i, d[:, 1]), (j, d[:, 2])):
                a = k < n.active
                pair(ps + i[a], ps + j[a], ms + k[a], value[a])
        i, j = n.la_first.astype(np.int64), n.la_second.astype(np.int64)
        d = s.la_mass.astype(float)
        pair(ms + i, ms + j, ms + i, d[:, 0])
        pair(ms + i, ms + j, ms + j, d[:, 1])
        i, j, d = n.rx_solid.astype(np.int64), n.rx_liquid.astype(np.int64), s.rx.astype(float)
        stored = s.rate * self.layer
        share = np.empty(stored.size)
        for part in self.parts:
            share[part.faces] = part.tables.share
        for column, value, layer in (
            (ps + i, d[:, 0], stored), (pe + j, -d[:, 0], -stored),
            (me + j, d[:, 1], 0 * stored), (ms + i, d[:, 2], 0 * stored),
        ):  # fmt: skip
            pair(ps + i, pe + j, column, value + layer)
            put(ms + i, column, value)
            put(me + j, column, -value - share * layer)
        i, d = n.li_liquid.astype(np.int64), s.li
        stored = s.rate * self.li_layer
        put(pe + i, pe + i, -d[:, 0] + stored)
        put(pe + i, me + i, -d[:, 1])
        put(me + i, pe + i, -d[:, 0] + t.share * stored)
        put(me + i, me + i, -d[:, 1])
        i, d = n.cc_solid.astype(np.int64), s.cc
        put(ps + i, ps + i, d[:, 0])
        a = i < n.active
        put(ps + i[a], ms + i[a], d[a, 1])
        out = ~n.cc_ground
        put(ps + i[out], v, -d[out, 0])
        if s.control.mode == "voltage":
            put(v, v, self._held())
        else:
            put(v, v, d[out, 0].sum() - (s.power if s.control.mode == "power" else 0.0))
            put(v, ps + i[out], -d[out, 0])
            put(v, ms + i[out & a], -d[out & a, 1])
        e, c = np.arange(n.liquid.size), np.arange(n.active)
        put(me + e, me + e, FARADAY * s.rate * n.liquid_volume)
        put(ms + c, ms + c, FARADAY * s.rate * n.solid_volume)
        matrix = coo_matrix(
            (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))),
            shape=(self.size, self.size),
        )
        return matrix.tocsc()
