"""Ranges of the laws: what a run tells when it leaves them, and what is refused before any work."""

from dataclasses import replace

import numpy as np
import pytest

from vmt.electrode import (
    CurrentStep,
    ExchangeCurrent,
    HalfCell,
    Law,
    PorousActiveMaterial,
    PowerStep,
    Protocol,
    Settings,
    cycle,
    discharge,
    parameter_set,
    tabulated,
)
from vmt.electrode import _cell as cell_module
from vmt.electrode import _run as run_module
from vmt.errors import InputError, NotPercolatingError
from vmt.microstructure import Microstructure


def comb_of(parameters, layers: int = 6) -> HalfCell:
    """One row of pore beside one of active material: each plane has one voxel of either."""
    labels = np.zeros((layers, 2, 1), np.uint8)
    labels[:, 1] = 1
    return HalfCell(Microstructure(labels, 1e-6), parameters, area_mode="voxel")


def within(law: Law, low: float, high: float) -> Law:
    return Law(law.function, "narrow_law", law.unit, (low, high), "somebody 2020")


def test_a_run_inside_every_range_says_nothing() -> None:
    """NMC532 from 0.2 to 0.5 with salt near 1 mol/l: no note."""
    cell = comb_of("nmc532-xu2019")
    run = cycle(cell, Protocol([CurrentStep(cell.current_density(0.5), duration=2400.0)]))
    assert 0.4 < run.stoichiometry[-1] < 0.6
    assert run.notes == ()


def test_a_run_tells_once_when_a_stoichiometry_leaves_its_range(tmp_path) -> None:
    """Law, range, first time and furthest value are those of the record; a resumed run's, too."""
    p = parameter_set("nmc532-xu2019")
    material = replace(p.active_material, conductivity=within(p.active_material.conductivity, 0.1,
                                                             0.5))  # fmt: skip
    cell = comb_of(replace(p, active_material=material))
    where = tmp_path / "run"
    run = discharge(cell, cell.current_density(1.0), cutoff_voltage=3.6, directory=where)
    told = [note for note in run.notes if "narrow_law" in note]
    assert len(run.notes) == len(told) == 1
    largest = np.nanmax(run.stoichiometry_profile, axis=1)
    first = run.time[np.flatnonzero(largest > 0.5)[0]]
    assert "0.1 to 0.5" in told[0]
    assert "somebody 2020" in told[0]
    assert f"from {first:.5g} s" in told[0]
    assert f"furthest {largest.max():.4g}" in told[0]
    assert "in up to 100 % of the active material" in told[0]
    assert run.to_dict()["notes"] == told
    again = discharge(cell, cell.current_density(1.0), cutoff_voltage=3.6, directory=where)
    assert again.notes == run.notes


def test_the_first_time_survives_a_kill(tmp_path, monkeypatch) -> None:
    """Killed after the range was left and started anew, a run has the note of a whole one."""
    p = parameter_set("nmc532-xu2019")
    material = replace(p.active_material, diffusivity=within(p.active_material.diffusivity, 0.1,
                                                            0.3))  # fmt: skip
    cell = comb_of(replace(p, active_material=material))
    protocol = Protocol([CurrentStep(cell.current_density(1.0), duration=1500.0)])
    settings = Settings(fixed_step=50.0)
    whole = cycle(cell, protocol, settings=settings)
    accept, count = run_module._Run._accept, 0

    def killing(self, *rest: object) -> None:
        nonlocal count
        accept(self, *rest)
        count += 1
        if count == 25:
            raise KeyboardInterrupt

    monkeypatch.setattr(run_module._Run, "_accept", killing)
    with pytest.raises(KeyboardInterrupt):
        cycle(cell, protocol, settings=settings, directory=tmp_path / "run", checkpoint_every=0.0)
    monkeypatch.setattr(run_module._Run, "_accept", accept)
    again = cycle(cell, protocol, settings=settings, directory=tmp_path / "run")
    assert len(whole.notes) == 1
    assert again.notes == whole.notes


def test_a_run_tells_when_the_salt_leaves_its_range() -> None:
    """Laws of one source and range share a sentence; the furthest value is the record's."""
    p = parameter_set("nmc532-xu2019")
    e = p.electrolyte
    narrow = replace(e, conductivity=within(e.conductivity, 990, 1005),
                     diffusivity=within(e.diffusivity, 990, 1005))  # fmt: skip
    cell = comb_of(replace(p, electrolyte=narrow))
    run = cycle(cell, Protocol([CurrentStep(40.0, duration=20.0)]))
    assert len(run.notes) == 1
    assert "narrow_law, narrow_law" in run.notes[0]
    below, above = 990 - run.salt[:, 0].min(), run.salt[:, 1].max() - 1005
    furthest = run.salt[:, 0].min() if below > above else run.salt[:, 1].max()
    assert max(below, above) > 0
    assert f"furthest {furthest:.4g} mol/m³" in run.notes[0]


def test_the_surface_counts_for_the_potential() -> None:
    """At 30C the surface of slow material leaves the potential's range long before any voxel."""
    p = parameter_set("nmc532-xu2019")
    cell = comb_of(replace(p, active_material=replace(p.active_material, diffusivity=1e-15)))
    run = discharge(cell, cell.current_density(30.0))
    assert np.nanmax(run.stoichiometry_profile) < 0.9
    assert len(run.notes) == 1
    assert "ocp_mohtat_2020" in run.notes[0]
    assert "at the surface of the active material only" in run.notes[0]


def test_another_temperature_is_told() -> None:
    """Laws hold at 298.15 K: at 310 K only the thermal voltage follows, and the result says so."""
    p = replace(parameter_set("nmc532-xu2019"), temperature=310.0)
    run = cycle(comb_of(p), Protocol([CurrentStep(1.0, duration=10.0)]))
    assert len(run.notes) == 1
    assert "310 K" in run.notes[0]


P = parameter_set("nmc811-chen2020")
A, E = P.active_material, P.electrolyte


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: replace(E, concentration=2500.0), "outside 0 to 2000, the range of cond"),
        (lambda: replace(E, concentration=1.0), "Check the unit"),
        (
            lambda: replace(E, concentration=300.0, diffusivity=tabulated([500, 1500], [3e-10] * 2,
                                                                          "m²/s")),
            "outside 500 to 1500, the range of table",
        ),
        (lambda: replace(E, transference=1.2), "below 1"),
        (lambda: replace(E, thermodynamic_factor=-0.5), "above 0"),
        (lambda: replace(E, diffusivity=lambda c: 1e-10 - 1e-13 * c), "above 0"),
        (lambda: replace(A, initial_stoichiometry=0.05), "outside 0.27 to 0.9084"),
        (lambda: replace(A, initial_stoichiometry=1.2), "between 0 and 1"),
        (
            lambda: replace(A, initial_stoichiometry=0.3, diffusivity=tabulated([0.4, 1.0],
                                                                                [1e-14] * 2, "")),
            "outside 0.4 to 1",
        ),
        (lambda: replace(A, open_circuit_potential=lambda x: 4200 - 500 * x), "below 7 V"),
        (lambda: replace(A, maximum_concentration=49.1), "Check the unit"),
        (lambda: replace(A, layer_share=1.5), "0 to 1"),
        (lambda: replace(P.binder, transport=0.6), "straight channels"),
        (lambda: replace(P.separator, porosity=0.4, transport=0.5), "straight channels"),
        (lambda: PorousActiveMaterial(0.4, 0.5, 0.4, 1e6), "straight channels"),
        (lambda: PorousActiveMaterial(0.4, 0.2, 0.7, 1e6), "straight channels"),
        (lambda: replace(P.lithium, transfer=0.0), "between 0 and 1"),
        (lambda: replace(P, temperature=25.0), "Check the unit"),
        (lambda: replace(P, cutoff_voltage=float("nan")), "volts"),
        (lambda: tabulated([1.0, 0.0], [1.0, 2.0], ""), "arguments that rise"),
        (lambda: tabulated([0.0, 1.0], [1.0, float("inf")], ""), "finite"),
    ],
)  # fmt: skip
def test_parameters_outside_validity_are_refused(make, words: str) -> None:
    """One clear error each, when the materials are put together."""
    with pytest.raises(InputError, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        # closed off by inert layers in front, behind
        (lambda: box([2, 0, 1, 1]), NotPercolatingError, "nothing can react"),
        (lambda: box([0, 1, 1, 0]), NotPercolatingError, "current collector"),
        (lambda: box([0, 1, 1, 2]), NotPercolatingError, "current collector"),
        (lambda: box([0, 0, 0, 0]), InputError, "no active material"),
        (lambda: discharge(box([0, 0, 1, 1]), 1e7), InputError, "Check the unit"),
        (lambda: discharge(box([0, 0, 1, 1]), float("inf")), InputError, "finite"),
        (lambda: discharge(box([0, 0, 1, 1]), 5.0, cutoff_voltage=4.5), InputError, "not below"),
        (lambda: discharge(box([0, 0, 1, 1]), -5.0, cutoff_voltage=3.0), InputError, "not above"),
        (
            lambda: cycle(box([0, 0, 1, 1]), Protocol([PowerStep(5.0, 4.5)])),
            InputError,
            "not below",
        ),
        (
            lambda: discharge(
                box([0, 0, 1, 1], exchange_current=ExchangeCurrent(0.0), double_layer=0.0), 5.0
            ),
            InputError,
            "no current can enter",
        ),
    ],
)
def test_bad_input_meets_no_long_work(monkeypatch, make, error, words: str) -> None:
    """The error comes before unknowns are numbered, which is where work begins."""

    def worked(*_: object, **__: object) -> None:
        raise AssertionError("work has begun")

    monkeypatch.setattr(cell_module, "build_network", worked)
    with pytest.raises(error, match=words):
        make()


def box(layers: list[int], **material: object) -> HalfCell:
    """Planes of pore (0), active material (1) and inert matter (2), one after the other."""
    labels = np.broadcast_to(np.array(layers, np.uint8)[:, None, None], (len(layers), 2, 2))
    structure = Microstructure(labels, 1e-6, {"pore": 0, "active_material": 1, "inert": 2})
    return HalfCell(structure, replace(P, active_material=replace(A, **material)))
