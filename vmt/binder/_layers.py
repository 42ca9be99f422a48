"""Binder in layers: none at the current collector, dense at the separator."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vmt.binder._front import METHODS, Method, add_binder
from vmt.binder._placement import (
    BINDER,
    DENSE_BINDER,
    BinderPlacement,
    Sites,
    binder_label,
    named_phases,
    target_count,
)
from vmt.errors import InputError
from vmt.kernels.intrusion import widest_paths
from vmt.kernels.openings import squared_distances
from vmt.kernels.selection import first_voxels
from vmt.microstructure import Microstructure

__all__ = ["PRASAD_2024", "SCENARIOS", "LayerThicknesses", "Scenario", "binder_in_layers"]

Scenario = Literal[
    "homogeneous", "none_at_collector", "dense_at_separator", "combined", "none_anywhere"
]
SCENARIOS: tuple[Scenario, ...] = (
    "homogeneous",
    "none_at_collector",
    "dense_at_separator",
    "combined",
    "none_anywhere",
)


@dataclass(frozen=True)
class LayerThicknesses:
    """Layers of an electrode, from the separator to the current collector.

    Parameters
    ----------
    dense : float
        Of the layer of dense binder at the separator [m].
    free : float
        Of the layer without binder at the current collector [m].
    """

    dense: float
    free: float


def _table(**rows: tuple[float, float]) -> Mapping[Scenario, LayerThicknesses]:
    nothing = LayerThicknesses(0.0, 0.0)
    made: dict[str, LayerThicknesses] = {"homogeneous": nothing, "none_anywhere": nothing}
    made |= {n: LayerThicknesses(dense * 1e-6, free * 1e-6) for n, (dense, free) in rows.items()}
    return MappingProxyType({name: made[name] for name in SCENARIOS})


#: Table I of Prasad et al. (2024): layers of each scenario by electrode density [kg/m³]. The bulk
#: is what is left of the thickness; the bulk printed for 2700 kg/m³, combined, does not add up.
#: Thicknesses only. The paper's fraction of binder (11.2 % at 3000 kg/m³) is read as that of the
#: solid, without the 50 % of pores inside the domain: `volume_fraction` is twice that.
PRASAD_2024: Mapping[int, Mapping[Scenario, LayerThicknesses]] = MappingProxyType(
    {
        2700: _table(
            none_at_collector=(0.0, 5.7), dense_at_separator=(14.0, 0.0), combined=(2.2, 5.3)
        ),
        3000: _table(
            none_at_collector=(0.0, 5.3), dense_at_separator=(11.0, 0.0), combined=(2.6, 4.4)
        ),
        3300: _table(
            none_at_collector=(0.0, 0.4), dense_at_separator=(5.3, 0.0), combined=(0.4, 0.4)
        ),
    }
)


def binder_in_layers(
    structure: Microstructure,
    *,
    volume_fraction: float,
    scenario: Scenario = "homogeneous",
    layers: LayerThicknesses | None = None,
    total: Literal["paper", "redistributed"] = "paper",
    method: Method = "contact",
    contact_angle: float | None = None,
    open_share: float = 0.1,
    active_material: str | int | None = None,
    pore: str | int = "pore",
    rng: np.random.Generator | int = 0,
) -> BinderPlacement:
    """Place binder as one of the five scenarios of Prasad et al. (2024).

    A homogeneous placement comes first. A layer at the current collector (the last planes of axis
    0) is then emptied of binder, and one at the separator (the first planes) is filled with dense
    binder, a phase of its own, but for the widest pores that lead through it.

    Parameters
    ----------
    structure : Microstructure
        With pore and active material, and no binder.
    volume_fraction : float
        Of the binder of the homogeneous scenario, in the whole window, with the pores inside the
        binder domain: the fraction of its solid over (1 − inner porosity).
    scenario : {"homogeneous", "none_at_collector", "dense_at_separator", "combined", \
"none_anywhere"}
        Which layers there are.
    layers : LayerThicknesses, optional
        Their thicknesses, as ``PRASAD_2024[3000]["combined"]``; needed where the scenario has
        layers, and rounded to whole voxels.
    total : {"paper", "redistributed"}
        "paper": the bulk is that of the homogeneous scenario, so that the amounts differ.
        "redistributed": what is missing in the empty layer, or is too much in the dense one, is
        made up for in the bulk, so that all scenarios hold the same amount.
    method : {"contact", "closing", "wetting", "film", "growth"}
        How the bulk is placed, as in `add_binder`.
    contact_angle : float, optional
        For "wetting" [rad].
    open_share : float
        Share of the dense layer's pore that stays open.
    active_material : str or int, optional
        The phase; without it the one named "active_material", or "solid".
    pore : str or int
        Where binder can go.
    rng : numpy.random.Generator or int
        Source of randomness, or a seed.

    Raises
    ------
    InputError
        If the layers don't fit, or the bulk would need less than no binder or more than its pore;
        the message says what can be reached.
    """
    free, dense = _planes(structure, scenario, layers)
    _check(structure, total, method, open_share)
    sites = Sites.of(structure, volume_fraction, active_material=active_material, pore=pore)
    options: dict[str, Any] = {
        "method": method,
        "contact_angle": contact_angle,
        "active_material": active_material,
        "pore": pore,
        "rng": rng,
    }
    parameters: dict[str, Any] = {
        "scenario": scenario,
        "total": total,
        "bulk_method": method,
        "dense_thickness [m]": dense * structure.spacing[0],
        "free_thickness [m]": free * structure.spacing[0],
        "dense_planes": dense,
        "free_planes": free,
        "open_share": open_share if dense else 0.0,
    }
    nx = structure.shape[0]
    labels = np.array(structure.labels)
    names = {BINDER: sites.binder_label}
    if scenario != "none_anywhere":
        filled = np.zeros(structure.shape, bool)
        if dense:
            filled[:dense] = _dense_layer(structure, sites.pore, dense, open_share, rng)
            names[DENSE_BINDER] = _second_label(structure, sites.binder_label)
            labels[filled] = names[DENSE_BINDER]
        bulk = slice(dense, nx - free)
        if total == "redistributed":
            left = sites.count - int(np.count_nonzero(filled))
            labels[bulk] = _redistributed(structure, bulk, left, options, sites)
        else:
            made = add_binder(structure, volume_fraction=volume_fraction, **options)
            labels[bulk] = made.structure.labels[bulk]
    phases = named_phases(structure, sites.active_label, names)
    after = Microstructure(labels, structure.spacing, phases)
    voxels = int(np.count_nonzero(after.labels != structure.labels))
    return BinderPlacement(after, structure, "layers", voxels, parameters)


def _planes(
    structure: Microstructure, scenario: str, layers: LayerThicknesses | None
) -> tuple[int, int]:
    """Planes without binder and with dense binder."""
    if scenario not in SCENARIOS:
        raise InputError(f"scenario={scenario!r}; expected one of {', '.join(SCENARIOS)}.")
    has_free = scenario in ("none_at_collector", "combined")
    has_dense = scenario in ("dense_at_separator", "combined")
    if layers is None:
        if has_free or has_dense:
            raise InputError(
                f"The scenario {scenario!r} needs layers=LayerThicknesses(dense, free) [m], as "
                'PRASAD_2024[3000]["combined"].'
            )
        return 0, 0
    given = (layers.free if has_free else 0.0, layers.dense if has_dense else 0.0)
    if not all(math.isfinite(t) and t >= 0 for t in given):
        raise InputError(f"{layers!r} can't be used; expected lengths of at least 0 [m].")
    free, dense = (round(t / structure.spacing[0]) for t in given)
    if free + dense >= structure.shape[0]:
        raise InputError(
            f"Layers of {dense} and {free} planes leave no bulk in {structure.shape[0]} planes; "
            "expected thinner ones."
        )
    return free, dense


def _check(structure: Microstructure, total: str, method: str, open_share: float) -> None:
    if total not in ("paper", "redistributed"):
        raise InputError(f'total={total!r}; expected "paper" or "redistributed".')
    if method not in METHODS:
        raise InputError(f"method={method!r}; expected one of {', '.join(METHODS)}.")
    if not 0 <= open_share < 1:
        raise InputError(f"open_share={open_share!r}; expected a number from 0 to below 1.")
    for name in (BINDER, DENSE_BINDER):
        if name in structure.phases and structure.volume_fraction(name) > 0:
            raise InputError(
                f"The structure has {name} already; expected pore and active material only."
            )


def _second_label(structure: Microstructure, first: int) -> int:
    label = binder_label(structure, DENSE_BINDER)
    if DENSE_BINDER in structure.phases or label != first:
        return label
    used = {*structure.phases.values(), first}
    return next(n for n in range(1, 256) if n not in used)


def _dense_layer(
    structure: Microstructure,
    pore: npt.NDArray[np.bool_],
    planes: int,
    open_share: float,
    rng: np.random.Generator | int,
) -> npt.NDArray[np.bool_]:
    """Fill the first planes, but for the widest ways through them."""
    inside = pore[:planes]
    open_count = round(open_share * int(np.count_nonzero(inside)))
    if open_count == 0:
        return inside.copy()
    squares = np.minimum(squared_distances(pore, structure.spacing)[:planes], np.float32(1e6))
    through = widest_paths(squares, [(0, 0)])
    np.minimum(through, widest_paths(squares, [(0, 1)]), out=through)
    kept = first_voxels(-through, inside, open_count, -squares, np.random.default_rng(rng))
    return np.asarray(inside & ~kept)


def _redistributed(
    structure: Microstructure, bulk: slice, count: int, options: dict[str, Any], sites: Sites
) -> npt.NDArray[np.uint8]:
    """Labels of the bulk with so many voxels of binder."""
    part = structure.crop(bulk)
    size, whole = part.labels.size, structure.labels.size
    if count < 0:
        raise InputError(
            f"The dense layer alone holds {(sites.count - count) / whole:.6g} of binder, more than "
            f"the {sites.count / whole:.6g} asked for: the bulk would need a negative amount. The "
            f"least that can be reached is {(sites.count - count) / whole:.6g}; use a thinner "
            "layer, a larger open_share or more binder."
        )
    free = round(part.volume_fraction(options["pore"]) * size)
    if count > free:
        most = (sites.count - count + free) / whole
        raise InputError(
            f"The bulk would need {count / size:.6g} of binder, but its pore holds "
            f"{free / size:.6g}. At most a total of {most:.6g} can be reached."
        )
    made = add_binder(part, volume_fraction=count / size, **options)
    assert target_count(part, options["pore"], count / size) == count
    return np.asarray(made.structure.labels)
