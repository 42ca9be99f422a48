"""What a study measures on each structure: descriptors and M-factors of every phase."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from vmt._provenance import Timer
from vmt.descriptors import describe
from vmt.microstructure import Microstructure
from vmt.transport import effective_conductivity, predict_m_factor

__all__ = ["LABELS", "UNITS", "measure_structure", "split_key"]

#: how each descriptor is called in tables, in their order
LABELS = {
    "volume_fraction": "volume fraction",
    "specific_surface_area": "specific surface area",
    "geodesic_tortuosity": "geodesic tortuosity",
    "median_phase_size": "median phase size r_max",
    "median_intrusion_size": "median intrusion size r_min",
    "constrictivity": "constrictivity",
    "mean_chord_length": "mean chord length",
    "euler_number_density": "Euler number density",
    "m_factor": "M-factor",
    "tortuosity_factor": "tortuosity factor",
}
UNITS = dict.fromkeys(LABELS, "1") | {
    "specific_surface_area": "1/m",
    "median_phase_size": "m",
    "median_intrusion_size": "m",
    "mean_chord_length": "m",
    "euler_number_density": "1/m³",
}
_ASKED = frozenset(
    {
        "volume_fraction",
        "specific_surface_area",
        "geodesic_tortuosity",
        "continuous_phase_size_distribution",
        "intrusion_size_distribution",
        "constrictivity",
        "chord_lengths",
        "euler_number_density",
        "two_point_coverage_probability",
    }
)


def split_key(key: str) -> tuple[str, str]:
    """Split "descriptor(phase)".

    Examples
    --------
    >>> split_key("m_factor(solid)")
    ('m_factor', 'solid')
    """
    name, _, phase = key[:-1].partition("(")
    return name, phase


def measure_structure(
    structure: Microstructure,
    *,
    phase: str | int = "solid",
    axis: int = 0,
    lags: npt.NDArray[np.float64] | None = None,
    timer: Timer | None = None,
) -> dict[str, Any]:
    """Measure descriptors and M-factors of all phases of a structure.

    Parameters
    ----------
    structure : Microstructure
        The structure.
    phase : str or int
        Phase of the centered two-point coverage probability.
    axis : int
        Direction of transport and paths.
    lags : (n,) array, optional
        Lags of the centered two-point coverage probability [m]; none by default.
    timer : Timer, optional
        Collects the time of the parts.

    Returns
    -------
    dict
        ``"values"``: numbers by "descriptor(phase)", in SI units; ``"predicted"``: M-factor of each
        phase by eq. (15) from the descriptors; ``"centered"``: the centered two-point function.

    Examples
    --------
    >>> labels = np.zeros((8, 8, 8), np.uint8)
    >>> labels[:, 4:] = 1
    >>> measured = measure_structure(Microstructure(labels, 1e-8))
    >>> round(measured["values"]["m_factor(solid)"], 6)
    0.5
    """
    timer = timer or Timer()
    asked = _ASKED if lags is not None else _ASKED - {"two_point_coverage_probability"}
    with timer("descriptors"):
        longest = None if lags is None else float(lags[-1])
        described = describe(structure, descriptors=asked, axis=axis, max_lag=longest)
    values = {key: value for key, value in described.values.items() if split_key(key)[0] in LABELS}
    predicted = {}
    for name in structure.phases:
        with timer("transport"):
            if structure.volume_fraction(name) > 0:
                conduction = effective_conductivity(
                    structure, {name: 1.0}, axis=axis, bounds="none"
                )
                values[f"m_factor({name})"] = float(conduction.m_factor or 0.0)
                values[f"tortuosity_factor({name})"] = float(conduction.tortuosity_factor or 0.0)
            else:
                values[f"m_factor({name})"] = 0.0
                values[f"tortuosity_factor({name})"] = float("inf")
        predicted[name] = predict_m_factor(
            values[f"volume_fraction({name})"],
            values[f"geodesic_tortuosity({name})"],
            values[f"constrictivity({name})"],
        )
    order = {name: place for place, name in enumerate(LABELS)}
    result: dict[str, Any] = {
        "values": dict(sorted(values.items(), key=lambda item: order[split_key(item[0])[0]])),
        "predicted": predicted,
    }
    if lags is not None:
        name = structure.name_of(phase)
        curve = described.curves[f"two_point_coverage_probability({name}, {name})"]
        result["centered"] = np.interp(lags, curve.lags, curve.centered)  # type: ignore[attr-defined]  # a TwoPointCoverage
    return result
