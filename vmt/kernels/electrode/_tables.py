"""What the equations are given: laws of materials as tables, and what the terminal is held at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from vmt.kernels.electrode._network import Network

__all__ = ["Control", "Part", "Tables", "parts_of"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Tables:
    """Laws of the materials as tables, and the constants of the reactions.

    Attributes
    ----------
    electrolyte : (n, 8) array
        κ [S/m], D [m²/s], t+ and K [V] at equidistant concentrations, with a slope per node
        distance after each.
    low, step : float
        First concentration and the distance of the nodes [mol/m³].
    active : (m, 6) array
        Open-circuit potential [V], σ [S/m] and D [m²/s] from 0 to 1, with slopes.
    largest : float
        Concentration of lithium in the full active material [mol/m³].
    rate : float
        Factor of the exchange current density.
    powers : (3,) array
        Exponents of the electrolyte's, the active material's and the vacant concentration.
    alpha : float
        Anodic transfer coefficient of the active material.
    layer : float
        Double layer of the active material [F/m²].
    share : float
        Part of the double layer's current that lithium ions carry.
    lithium_rate, lithium_power, lithium_alpha, lithium_layer : float
        The same of the metal.
    temperature : float
        [K]
    reconstruct : bool
        Whether the concentration of the surface differs from that of the cell behind it.
    offset : float
        Potentials of solids and terminal, and the open-circuit potential, count from here [V]:
        differences between cells then keep more digits.
    counter : Tables, optional
        Of the active material of the electrode in the network's first planes; only what belongs to
        that material is read. Its collector is at potential 0.
    """

    electrolyte: Floats
    low: float
    step: float
    active: Floats
    largest: float
    rate: float
    powers: Floats
    alpha: float = 0.5
    layer: float = 0.0
    share: float = 1.0
    lithium_rate: float = 0.0
    lithium_power: float = 0.0
    lithium_alpha: float = 0.5
    lithium_layer: float = 0.0
    temperature: float = 298.15
    reconstruct: bool = True
    offset: float = 0.0
    counter: Tables | None = None


@dataclass(frozen=True)
class Control:
    """What the terminal is held at: current [A], voltage [V] or power [W]."""

    mode: Literal["current", "voltage", "power"]
    value: float


@dataclass(frozen=True)
class Part:
    """An electrode: its material, and which active cells, links of them and faces are its own."""

    tables: Tables
    active: slice
    links: slice
    faces: slice


def parts_of(n: Network, tables: Tables) -> list[Part]:
    """Make the electrodes: of the last planes and, if there is one, of the first."""
    a, la, rx = n.split_solid, n.split_links, n.split_faces
    whole = (slice(a, n.active), slice(la, n.la_first.size), slice(rx, n.rx_solid.size))
    found = [Part(tables, *whole)]
    if tables.counter is not None:
        found.append(Part(tables.counter, slice(0, a), slice(0, la), slice(0, rx)))
    return found
