"""Effective transport inside the binder, from its resolved pores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from vmt.binder import Nanopores
from vmt.errors import InputError
from vmt.transport import effective_conductivity

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BinderTransport", "binder_transport"]

#: of the papers (Prasad et al. 2024; Prifling et al. 2022)
PAPERS = 0.12


@dataclass(frozen=True, eq=False)
class BinderTransport:
    """Transport through the pores of a block of binder.

    Parameters
    ----------
    along : (float, float, float)
        Effective over free diffusivity along the axes.
    porosity : float
        Of the binder.
    """

    along: tuple[float, float, float]
    porosity: float

    @property
    def gamma(self) -> float:
        """Mean over the axes: effective over free diffusivity in the binder, γ_CBD."""
        return float(np.mean(self.along))

    @property
    def tortuosity_factor(self) -> float:
        """Porosity over γ."""
        return self.porosity / self.gamma if self.gamma > 0 else float("inf")

    def to_dict(self) -> dict[str, Any]:
        """Numbers for JSON."""
        return {
            "gamma": self.gamma,
            "along": list(self.along),
            "porosity": self.porosity,
            "tortuosity_factor": self.tortuosity_factor if self.gamma > 0 else None,
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw γ along the axes beside the papers' value."""
        from vmt._plotting import COLORS, axes, finish, legend

        ax = axes(ax)
        ax.bar(["x", "y", "z"], self.along, color=COLORS["image"])
        ax.axhline(PAPERS, color=COLORS["truth"], lw=1, label=f"papers, {PAPERS}")
        return legend(finish(ax, ylabel="γ_CBD"))


def binder_transport(nanopores: Nanopores, *, rtol: float = 1e-4) -> BinderTransport:
    """Compute γ_CBD, the effective diffusivity in a block of binder over the free one.

    Parameters
    ----------
    nanopores : Nanopores
        A block, from `vmt.binder.nanoporous_binder`.
    rtol : float
        Of the solver.

    Raises
    ------
    InputError
        If the structure holds more than binder and its pores.
    """
    m = nanopores.structure
    whole = m.volume_fraction(nanopores.phase) + m.volume_fraction("nanopore")
    if whole < 1:
        raise InputError(
            f"The structure is binder to {100 * whole:.3g} % only; expected a block of binder, as "
            "from vmt.binder.nanoporous_binder."
        )
    along = [
        effective_conductivity(
            m, {"nanopore": 1.0}, axis=axis, bounds="none", rtol=rtol
        ).effective_conductivity
        for axis in range(3)
    ]
    return BinderTransport((along[0], along[1], along[2]), nanopores.porosity)
