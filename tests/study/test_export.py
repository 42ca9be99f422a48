"""Effective parameters of a cell, and their way to PyBaMM and BPX."""

import json
from pathlib import Path

import numpy as np
import pytest

from vmt.electrode import HalfCell, SymmetricCell, discharge, parameter_set
from vmt.errors import InputError, NotPercolatingError
from vmt.microstructure import Microstructure
from vmt.study import compare_with_dfn, effective_electrode, to_bpx, to_pybamm, write_bpx


def plates(layers: int = 30, binder: bool = False) -> HalfCell:
    """Parallel plates of pore, active material and, if asked for, binder, 60 µm thick."""
    labels = np.zeros((layers, 3 if binder else 2, 1), np.uint8)
    labels[:, 1] = 1
    if binder:
        labels[:, 2] = 2
    phases = {"pore": 0, "active_material": 1}
    phases |= {"carbon_binder_domain": 2} if binder else {}
    return HalfCell(
        Microstructure(labels, (60e-6 / layers, 1e-6, 1e-6), phases),
        "nmc811-chen2020",
        area_mode="voxel",
        reacts_at_separator=False,
    )


def test_plates_have_their_closed_forms() -> None:
    """Parallel plates: transport and conductivity are volume-weighted means, the area is known."""
    cell = plates(binder=True)
    e = effective_electrode(cell)
    binder = cell.materials.binder
    sigma = float(cell.materials.active_material.conductivity(0.5))
    assert e.ionic_transport == pytest.approx((1 + binder.transport) / 3, rel=1e-6)
    assert e.electronic_conductivity == pytest.approx((sigma + binder.conductivity) / 3, rel=1e-6)
    assert e.porosity == pytest.approx((1 + binder.porosity) / 3)
    assert e.active_fraction == pytest.approx(1 / 3)
    area = (1 + binder.porosity) / 3e-6  # one face to the pore, one to the binder's electrolyte
    assert e.reactive_area == pytest.approx(area)
    assert e.particle_radius == pytest.approx(3 * e.active_fraction / area)


def test_no_path_through_the_electrode_is_an_error() -> None:
    """Electrolyte that ends inside the electrode can't be homogenized."""
    labels = np.ones((10, 2, 1), np.uint8)
    labels[:5, 0] = 0
    cell = HalfCell(Microstructure(labels, 1e-6), "nmc811-chen2020")
    with pytest.raises(NotPercolatingError, match="electrolyte"):
        effective_electrode(cell)


def test_dfn_of_parallel_plates_is_the_same_problem() -> None:
    """On plates with flat particles the DFN solves the same equations: a millivolt apart at 1C."""
    pytest.importorskip("pybamm")
    chen = parameter_set("nmc811-chen2020")
    from dataclasses import replace

    from vmt.electrode import constant

    flat = replace(chen.active_material, diffusivity=constant(1e-12, "m²/s"), double_layer=0.0)
    base = plates(60)
    cell = HalfCell(
        base.structure,
        replace(chen, active_material=flat),
        area_mode="voxel",
        reacts_at_separator=False,
    )
    run = discharge(cell, cell.current_density(1.0), cutoff_voltage=3.0)
    compared = compare_with_dfn(cell, run, points=15)
    most = compared.difference[: int(0.95 * compared.difference.size)]
    assert np.abs(most).max() < 2e-3
    assert abs(compared.capacity_difference) < 2e-3
    assert compared.to_dict()["DFN: porosity"] == 0.5
    assert len(compared.plot().lines) == 2


def test_only_constant_current_is_compared() -> None:
    """A run of several currents is refused."""
    from vmt.electrode import CurrentStep, Protocol, cycle

    pytest.importorskip("pybamm")
    cell = plates(6)
    run = cycle(cell, Protocol([CurrentStep(5.0, duration=20.0), CurrentStep(9.0, duration=20.0)]))
    with pytest.raises(InputError, match="constant current"):
        compare_with_dfn(cell, run, points=15)


def test_pybamm_gets_the_structure() -> None:
    """Exponents of Bruggeman give back the transport that was measured."""
    pytest.importorskip("pybamm")
    cell = plates(binder=True)
    e = effective_electrode(cell)
    values = to_pybamm(cell, e)
    exponent = values["Positive electrode Bruggeman coefficient (electrolyte)"]
    assert e.porosity**exponent == pytest.approx(e.ionic_transport)
    assert values["Positive electrode conductivity [S.m-1]"] == e.electronic_conductivity


def test_bpx_is_a_valid_document(tmp_path: Path) -> None:
    """The file is read by the standard's own reader, with the structure's numbers."""
    bpx = pytest.importorskip("bpx")
    cell = plates(binder=True)
    path = tmp_path / "cell.json"
    write_bpx(path, cell)
    document = bpx.parse_bpx_file(path)
    e = effective_electrode(cell)
    positive = document.parameterisation.positive_electrode
    assert positive.porosity == pytest.approx(e.porosity)
    assert positive.transport_efficiency == pytest.approx(e.ionic_transport)
    assert json.loads(path.read_text())["Header"]["Model"] == "Partial"


def test_bpx_rate_constant_gives_the_exchange_current() -> None:
    """BPX's i0 = F k √(ce/ce0) √(x(1 − x)) is that of the material."""
    cell = plates()
    a = cell.materials.active_material
    k = to_bpx(cell)["Parameterisation"]["Positive electrode"][
        "Reaction rate constant [mol.m-2.s-1]"
    ]
    ours = a.exchange_current.at(1000.0, 0.4 * a.maximum_concentration, a.maximum_concentration)
    assert 96485.33212 * k * np.sqrt(0.4 * 0.6) == pytest.approx(ours, rel=1e-9)


def test_bpx_refuses_other_kinetics() -> None:
    """Kinetics that the standard can't express are refused, not bent."""
    labels = plates().structure
    cell = HalfCell(labels, "nmc811-oregan2022", area_mode="voxel")
    with pytest.raises(InputError, match="PyBaMM instead"):
        to_bpx(cell)


def test_cells_of_two_electrodes_are_refused():
    """A symmetric cell is no half cell: one clear error, before any work."""
    cell = SymmetricCell(plates(8).structure, "nmc811-chen2020", initial_stoichiometry=0.5)
    for act in (effective_electrode, to_bpx, to_pybamm):
        with pytest.raises(InputError, match="expected a HalfCell"):
            act(cell)
