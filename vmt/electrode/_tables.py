"""Laws of the materials as the tables that the kernels read."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

from vmt.electrode._materials import Electrolyte, ParameterSet
from vmt.errors import InputError
from vmt.kernels.electrode import Tables

__all__ = ["tables_of"]

Floats = npt.NDArray[np.float64]

_GAS, _FARADAY = 8.31446261815324, 96485.33212
_ACTIVE_NODES = 8193
_SALT_NODES, _SALT_HIGH = 4001, 4000.0


def _column(x: Floats, y: Floats) -> Floats:
    """Values and slopes per node distance."""
    slopes = CubicSpline(x, y)(x, 1) * (x[1] - x[0])
    return np.stack([y, slopes], axis=1)


def _pull(electrolyte: Electrolyte, c: Floats, temperature: float) -> Floats:
    """K = (2RT/F)(1 - t+) TDF [V]."""
    moved = 1 - electrolyte.transference(c)
    return np.asarray(
        2 * _GAS * temperature / _FARADAY * moved * electrolyte.thermodynamic_factor(c)
    )


def tables_of(
    parameters: ParameterSet, *, reconstruct: bool = True, counter: ParameterSet | None = None
) -> Tables:
    """Tabulate a parameter set; with `counter`, of which the active material is read, of a cell.

    Raises
    ------
    InputError
        If a law gives something that is no number, or the electrolyte does not conduct.
    """
    e, a, lithium = parameters.electrolyte, parameters.active_material, parameters.lithium
    c = np.linspace(0.0, _SALT_HIGH, _SALT_NODES)
    least = np.maximum(c, 1e-3)
    high = 2500.0 if not np.isfinite(e.conductivity.valid[1]) else e.conductivity.valid[1] * 1.25
    held = np.minimum(least, high)  # polynomials turn around outside their range
    salt = [
        np.maximum(e.conductivity(held), 1e-6),
        np.maximum(e.diffusivity(held), 1e-14),
        e.transference(held),
        _pull(e, held, parameters.temperature),
    ]
    x = np.linspace(0.0, 1.0, _ACTIVE_NODES)
    inside = np.clip(x, 1e-9, 1 - 1e-9)
    stored = [a.open_circuit_potential(inside), a.conductivity(inside), a.diffusivity(inside)]
    for law, values in (
        (e.conductivity, salt[0]), (e.diffusivity, salt[1]), (e.transference, salt[2]),
        (e.thermodynamic_factor, salt[3]), (a.open_circuit_potential, stored[0]),
        (a.conductivity, stored[1]), (a.diffusivity, stored[2]),
    ):  # fmt: skip
        if not np.isfinite(values).all():
            raise InputError(
                f"The law {law.name} gives values that are no numbers; expected a finite value "
                "for every concentration from 0 to 4000 mol/m³ or stoichiometry from 0 to 1."
            )
    if not ((salt[0] > 0).all() and (stored[1] > 0).all() and (stored[2] > 0).all()):
        raise InputError("Conductivities and diffusivities must be positive everywhere.")
    kinetics = a.exchange_current
    offset = float(stored[0][round(a.initial_stoichiometry * (_ACTIVE_NODES - 1))])
    stored[0] = stored[0] - offset
    return Tables(
        electrolyte=np.concatenate([_column(c, y) for y in salt], axis=1),
        low=0.0,
        step=float(c[1]),
        active=np.concatenate([_column(x, y) for y in stored], axis=1),
        largest=a.maximum_concentration,
        rate=kinetics.rate,
        powers=np.array([kinetics.electrolyte, kinetics.stored, kinetics.vacant]),
        alpha=kinetics.transfer,
        layer=a.double_layer,
        share=a.layer_share,
        lithium_rate=lithium.rate,
        lithium_power=lithium.power,
        lithium_alpha=lithium.transfer,
        lithium_layer=lithium.double_layer,
        temperature=parameters.temperature,
        reconstruct=reconstruct,
        offset=offset,
        counter=None if counter is None else tables_of(counter, reconstruct=reconstruct),
    )
