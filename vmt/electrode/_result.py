"""What a run of a cell gives: curves, fields, profiles, balances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.electrode._snapshot import Snapshot
from vmt.errors import InputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Discharge"]

Floats = npt.NDArray[np.float64]
_MAH_PER_CM2 = 1 / 36000.0  # from C/m²


@dataclass(frozen=True, eq=False)
class Discharge:
    """Voltage and current of a cell over time, and how the solver got there.

    Every array has one entry a time, the first at the start of the run.

    Attributes
    ----------
    time : (n,) array
        [s]
    voltage, current_density : (n,) arrays
        At the terminal [V], [A/m²]; positive current lithiates the working electrode.
    charge : (n,) array
        Passed through the cell [C/m²], by the quadrature of the time integration itself.
    step : (n,) array of int
        Number of the protocol's step.
    stoichiometry : (n,) array
        Mean over the connected active material of the working electrode.
    salt : (n, 2) array
        Least and largest salt concentration [mol/m³].
    lithium_imbalance : (n,) array
        Lithium in the cell minus what was there and has passed the metal, if there is any, over
        the charge of the areal capacity.
    charge_imbalance : (n,) array
        Largest disagreement of the currents of metal (or the other collector), reactions of each
        electrode and terminal, over the reference current.
    residual : (n,) array
        What Newton's method left, over the reference current.
    newton, krylov : (n,) arrays of int
        Iterations.
    stoichiometry_profile, salt_profile : (n, nx) arrays of float32
        Means over the planes of voxels, separator included; NaN where a plane has none.
    position : (nx,) array
        Distance of the planes from the lithium or the collector of the counter electrode [m].
    stopped_because : tuple of str
        Why each step of the protocol ended.
    snapshots : tuple of Snapshot
        Fields at the times asked for and at the end; of a run with a directory they stay there.
    notes : tuple of str
        What should be known about the run.
    cell : mapping
        What the cell was.
    areal_capacity : float
        `areal_capacity` of the cell [C/m²].
    reacting_area, voxel_area : float
        Reacting area that was used, and that of the voxels' faces, over the cross-section.
    seconds : float
        Processor time.
    memory : float
        Bytes a voxel at the peak of the process, everything included.
    counter_stoichiometry : (n,) array or None
        Mean over the connected active material of the counter electrode; None against lithium.
    """

    time: Floats
    voltage: Floats
    current_density: Floats
    charge: Floats
    step: npt.NDArray[np.int64]
    stoichiometry: Floats
    salt: Floats
    lithium_imbalance: Floats
    charge_imbalance: Floats
    residual: Floats
    newton: npt.NDArray[np.int64]
    krylov: npt.NDArray[np.int64]
    stoichiometry_profile: npt.NDArray[np.float32]
    salt_profile: npt.NDArray[np.float32]
    position: Floats
    stopped_because: tuple[str, ...]
    snapshots: tuple[Snapshot, ...]
    notes: tuple[str, ...]
    cell: Mapping[str, Any]
    areal_capacity: float
    reacting_area: float
    voxel_area: float
    voxels: int
    seconds: float
    memory: float
    counter_stoichiometry: Floats | None = None

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
        object.__setattr__(self, "cell", MappingProxyType(dict(self.cell)))

    def __reduce__(self) -> tuple[Any, ...]:
        values = (getattr(self, f.name) for f in fields(self))
        return type(self), tuple(dict(v) if isinstance(v, Mapping) else v for v in values)

    @property
    def capacity(self) -> float:
        """Charge passed at the end [C/m²]."""
        return float(self.charge[-1])

    @property
    def energy(self) -> float:
        """Energy given out, the integral of voltage times current [J/m²]."""
        return float(np.trapezoid(self.voltage * self.current_density, self.time))

    def to_dict(self) -> dict[str, Any]:
        """Numbers of the run, units in the keys."""
        return {
            "capacity [mA h/cm²]": self.capacity * _MAH_PER_CM2,
            "energy [mW h/cm²]": self.energy * _MAH_PER_CM2,
            "areal capacity of the connected material [mA h/cm²]": (
                self.areal_capacity * _MAH_PER_CM2
            ),
            "used share of the areal capacity": self.capacity / self.areal_capacity,
            "mean voltage [V]": self.energy / self.capacity if self.capacity else float("nan"),
            "first voltage [V]": float(self.voltage[0]),
            "last voltage [V]": float(self.voltage[-1]),
            "time [s]": float(self.time[-1]),
            "stopped because": list(self.stopped_because),
            "mean stoichiometry at the end": float(self.stoichiometry[-1]),
            **self._of_counter(),
            "least salt concentration [mol/m³]": float(self.salt[:, 0].min()),
            "reacting area per cross-section": self.reacting_area,
            "voxel faces per cross-section": self.voxel_area,
            "time steps": int(self.time.size - 1),
            "Newton iterations": int(self.newton.sum()),
            "Krylov iterations": int(self.krylov.sum()),
            "largest lithium imbalance": float(np.abs(self.lithium_imbalance).max()),
            "largest charge imbalance": float(np.abs(self.charge_imbalance).max()),
            "voxels": self.voxels,
            "processor time [s]": self.seconds,
            "notes": list(self.notes),
            **dict(self.cell),
        }

    def _of_counter(self) -> dict[str, float]:
        of = self.counter_stoichiometry
        return {} if of is None else {"mean stoichiometry at the end, counter": float(of[-1])}

    @property
    def position_label(self) -> str:
        """What `position` in micrometers is, for the axis of a figure."""
        half = self.counter_stoichiometry is None
        return f"distance from {'lithium' if half else 'the counter collector'} [µm]"

    def table(self) -> tuple[tuple[str, ...], list[tuple[float, ...]]]:
        """Columns and rows of the curve."""
        columns = (
            "time [s]", "voltage [V]", "current density [A/m²]", "charge [C/m²]",
            "mean stoichiometry", "least salt [mol/m³]", "lithium imbalance", "residual",
        )  # fmt: skip
        rows = list(
            zip(
                self.time.tolist(), self.voltage.tolist(), self.current_density.tolist(),
                self.charge.tolist(), self.stoichiometry.tolist(), self.salt[:, 0].tolist(),
                self.lithium_imbalance.tolist(), self.residual.tolist(), strict=True,
            )
        )  # fmt: skip
        return columns, rows

    def plot(self, ax: Axes | None = None, *, label: str | None = None) -> Axes:
        """Draw voltage against capacity.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new ones if not given.
        label : str, optional
            For the legend.
        """
        from vmt import _plotting

        ax = _plotting.axes(ax)
        color = None if label else _plotting.COLORS["image"]
        ax.plot(self.charge * _MAH_PER_CM2, self.voltage, color=color, lw=1.6, label=label)
        if label:
            ax.legend(fontsize=8, frameon=False)
        return _plotting.finish(ax, xlabel="capacity [mA h/cm²]", ylabel="voltage [V]")

    def plot_profiles(self, ax: Axes | None = None, *, times: int = 5) -> Axes:
        """Draw the stoichiometry through the thickness at some times.

        Parameters
        ----------
        ax : matplotlib axes, optional
            Where to draw; new ones if not given.
        times : int
            How many, evenly spread over the charge.
        """
        from matplotlib import colormaps

        from vmt import _plotting

        if times < 1:
            raise InputError(f"times = {times!r}; expected at least 1.")
        ax = _plotting.axes(ax)
        colors = colormaps["viridis"](np.linspace(0.1, 0.9, times))
        chosen = np.linspace(self.charge[0], self.charge[-1], times)
        for color, at in zip(colors, chosen, strict=True):
            i = int(np.abs(self.charge - at).argmin())
            ax.plot(
                self.position * 1e6, self.stoichiometry_profile[i], color=color, lw=1.4,
                label=f"{self.charge[i] * _MAH_PER_CM2:.3g} mA h/cm²",
            )  # fmt: skip
        low, high = ax.get_ylim()
        ax.set_ylim(low, high + 0.35 * (high - low))  # room for the legend
        ax.legend(fontsize=7, frameon=False, ncols=2, loc="upper center")
        return _plotting.finish(ax, xlabel=self.position_label, ylabel="stoichiometry")
