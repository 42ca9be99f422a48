"""An open-circuit potential from two slow measured curves.

`vmt.ocp_from_measurement` takes a slow lithiation and a slow delithiation, as capacity and
voltage, and gives the mean of both as a law that a material takes. Here the curves are made up,
from a known potential with half a hysteresis of 15 mV on each side, a millivolt of noise and 300
points; inside the measured range the law must come back to the known potential. Outside it has
tails, so that a discharge ends; a half cell runs with it.
"""

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt


def main(out: Path) -> None:
    """Make curves, read them back, discharge."""
    rng = np.random.default_rng(5)
    base = vmt.parameter_set("nmc811-chen2020")
    known = base.active_material.open_circuit_potential
    x = np.linspace(0.9, 0.28, 300)
    charge = (x[0] - x) * 200.0  # taken out, in any unit
    down = known(x) - 0.0075 + 1e-3 * rng.standard_normal(x.size)
    up = known(x) + 0.0075 + 1e-3 * rng.standard_normal(x.size)
    measured = vmt.ocp_from_measurement(
        (charge, down),
        (charge, up),
        stoichiometry_range=(0.28, 0.9),
        source="made up",
    )
    inside = np.linspace(0.3, 0.88, 200)
    error = measured.law(inside) - known(inside)
    print(
        f"largest error inside {1e3 * np.abs(error).max():.2f} mV, "
        f"hysteresis {1e3 * np.nanmean(measured.hysteresis):.1f} mV (15 put in)"
    )
    assert np.abs(error).max() < 3e-3
    assert abs(np.nanmean(measured.hysteresis) - 0.015) < 1e-3

    labels = np.zeros((14, 2, 1), np.uint8)
    labels[:, 1] = 1
    plates = vmt.Microstructure(labels, (5e-6,) * 3, {"pore": 0, "active_material": 1})
    fig, axes = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    measured.plot(axes[0])
    for law, label, style in ((known, "known", "-"), (measured.law, "measured", "--")):
        material = replace(
            base.active_material, open_circuit_potential=law, initial_stoichiometry=0.3
        )
        cell = vmt.HalfCell(plates, replace(base, active_material=material))
        run = vmt.discharge(cell, cell.current_density(0.5))
        axes[1].plot(run.charge / 36000, run.voltage, style, label=label)
    axes[1].set(xlabel="capacity [mA h/cm²]", ylabel="voltage [V]", title="C/2")
    axes[1].legend(fontsize=8)
    fig.savefig(out / "31_open_circuit.png", dpi=130)


if __name__ == "__main__":
    from run import alone

    alone(main)
