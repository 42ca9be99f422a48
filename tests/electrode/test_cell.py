"""Cells and materials: what is removed, what is refused, and laws against their sources."""

from dataclasses import replace

import numpy as np
import pytest

from vmt.electrode import (
    ELECTROLYTES,
    PARAMETER_SETS,
    CurrentStep,
    ExchangeCurrent,
    HalfCell,
    Protocol,
    VoltageStep,
    constant,
    cycle,
    discharge,
    parameter_set,
    tabulated,
)
from vmt.electrode import _laws as laws
from vmt.electrode._tables import tables_of
from vmt.errors import InputError, NotPercolatingError
from vmt.microstructure import Microstructure

PHASES = {"pore": 0, "active_material": 1, "binder": 2}


def rows(*columns: str) -> Microstructure:
    """A structure of one voxel's depth, a text for each row along y; x is the text's direction."""
    code = {".": 0, "#": 1, "o": 2}
    labels = np.array([[code[c] for c in column] for column in columns], np.uint8).T[:, :, None]
    return Microstructure(labels, 1e-6, PHASES)


def test_what_is_isolated_is_removed_and_told() -> None:
    """A closed pore, binder with closed pores, and floating solids; capacity lost accordingly."""
    cell = HalfCell(rows("........", "..##....", "........", "########", "##.##o##", "########"))
    told = cell.clean_up
    assert told.isolated_pores == pytest.approx(1 / 48)
    assert told.isolated_binder_pores == pytest.approx(1 / 48)
    assert told.floating_active_material == pytest.approx(2 / 48)
    assert told.lost_capacity == pytest.approx(2 / 24)
    n = cell.network()
    assert n.active == 22
    assert n.solid.size == 23  # binder without wetted pores still conducts electrons


def test_active_material_that_no_electrolyte_reaches_is_told() -> None:
    """It is connected to the collector by binder alone, and holds its lithium for ever."""
    cell = HalfCell(rows("......", "######", "oooooo", "######"), embedding=0)
    assert cell.clean_up.unwetted_active_material == 0.0  # wet binder is electrolyte, too
    dry = HalfCell(rows("......", "######", "######"), phases={"binder": "inert"})
    assert dry.clean_up.lost_capacity == 0.0


def test_the_collector_takes_pores_of_the_last_layers() -> None:
    """Embedding: pores of the last layers become collector and touch solids sideways."""
    plain, deep = (HalfCell(rows("......", "######"), embedding=k) for k in (0, 2))
    assert plain.network().cc_solid.size == 1
    assert deep.network().cc_solid.size == 3
    assert deep.network().liquid.size == plain.network().liquid.size - 2


def test_area_modes() -> None:
    """Voxel faces as they are, two thirds of them, or weighted by the surface's normal."""
    structure = rows("......", "######")
    area = {m: HalfCell(structure, area_mode=m).network().reacting_area for m in
            ("voxel", "global", "normal")}  # fmt: skip
    assert area["global"] == pytest.approx(2 / 3 * area["voxel"])
    assert 0.6 * area["voxel"] < area["normal"] <= area["voxel"]


@pytest.mark.parametrize(
    ("structure", "error", "words"),
    [
        (rows("......", "......"), InputError, "no active material"),
        (rows("..oo", "##oo"), None, ""),
        (rows("####", "####"), None, ""),
        (rows("##..", "##.."), NotPercolatingError, "electrons"),
    ],
)
def test_cells_that_cannot_exist(structure, error, words: str) -> None:
    """No active material, or no path for electrons; a dense block reacts at the separator."""
    if error is None:
        assert HalfCell(structure).network().rx_solid.size > 0
    else:
        with pytest.raises(error, match=words):
            HalfCell(structure)


def test_nothing_reacts_without_electrolyte_at_the_surface() -> None:
    """A dense block that may not react at the separator has no reacting area."""
    with pytest.raises(NotPercolatingError, match=r"nothing can react"):
        HalfCell(rows("####", "####"), reacts_at_separator=False)


def test_bad_input_is_one_clear_error() -> None:
    """Each of these is refused before any work."""
    structure = rows("......", "######")
    cell = HalfCell(structure, "nmc811-chen2020")
    with pytest.raises(InputError, match="not below the voltage at the start"):
        discharge(cell, 10.0, cutoff_voltage=4.4)
    with pytest.raises(InputError, match="Check the unit"):
        discharge(cell, 1e7)
    with pytest.raises(InputError, match="never ends"):
        discharge(cell, 0.0)
    with pytest.raises(InputError, match="finite"):
        discharge(cell, float("nan"))
    with pytest.raises(InputError, match="no end"):
        VoltageStep(4.0)
    with pytest.raises(InputError, match="no steps"):
        Protocol([])
    with pytest.raises(InputError, match="shares"):
        cycle(cell, Protocol([CurrentStep(1.0, duration=1.0)]), keep=(-1.0,))
    with pytest.raises(InputError, match="No parameter set"):
        HalfCell(structure, "nmc999")
    with pytest.raises(InputError, match="no role"):
        HalfCell(Microstructure(structure.labels, 1e-6, {"a": 0, "b": 1}))
    with pytest.raises(InputError, match="area_mode"):
        HalfCell(structure, area_mode="round")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="embedding"):
        HalfCell(structure, embedding=7)
    with pytest.raises(InputError, match="porous active material"):
        HalfCell(structure, phases={"active_material": "porous_active_material"})
    p = parameter_set("nmc811-chen2020")
    with pytest.raises(InputError, match="outside"):
        replace(p.active_material, initial_stoichiometry=0.05)
    with pytest.raises(InputError, match="outside"):
        replace(p.electrolyte, concentration=5000.0)
    with pytest.raises(InputError, match="not positive"):
        replace(p.active_material, diffusivity=lambda x: x - 0.5)
    with pytest.raises(InputError, match="positive number"):
        replace(p.separator, thickness=-1.0)
    with pytest.raises(InputError, match="share"):
        replace(p.binder, porosity=1.5)


def test_current_that_no_cell_stands() -> None:
    """A drop of kilovolts is refused with its reason, before any time step."""
    p = parameter_set("nmc811-chen2020")
    poor = replace(p.active_material, conductivity=constant(1e-7), double_layer=0.0)
    cell = HalfCell(rows("......", "######"), replace(p, active_material=poor))
    with pytest.raises(InputError, match="No potentials carry this current"):
        discharge(cell, cell.current_density(50.0))


@pytest.mark.parametrize(
    ("law", "at", "value"),
    [
        (laws.conductivity_nyman_2008, 1000.0, 0.9487),
        (laws.diffusivity_nyman_2008, 1000.0, 1.7694e-10),
        (laws.transference_nyman_2008, 1000.0, 0.2594),
        (laws.thermodynamic_factor_nyman_2008, 1000.0, 1.4747 / 0.7406),
        (laws.conductivity_landesfeind_2019, 1000.0, 0.92),
        (laws.thermodynamic_factor_landesfeind_2019, 1000.0, 2.18),
        (laws.conductivity_valoen_reimers_2005, 1000.0, 1.194),
        (laws.ocp_chen_2020, 0.5, 3.879),
        (laws.ocp_mohtat_2020, 0.5, 3.879),
        (laws.conductivity_amin_chiang_2016, 1.0, 1e-5),
        (laws.conductivity_amin_chiang_2016, 0.25, 1.0),
    ],
)
def test_laws_at_a_known_point(law, at: float, value: float) -> None:
    """Values that the sources print or that follow from their formulas by hand."""
    assert float(law(at)) == pytest.approx(value, rel=0.03)


def test_the_msmr_potential_inverts_its_sites() -> None:
    """The sum of the sites' occupations at U(x) is x."""
    x = np.linspace(0.05, 0.98, 12)
    u = laws.ocp_verbrugge_2017(x)
    f = 96485.33212 / (8.31446261815324 * 298.15)
    back = sum(w / (1 + np.exp(f * (u - at) / wide)) for at, w, wide in laws._MSMR)
    np.testing.assert_allclose(back, x, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", sorted(PARAMETER_SETS))
def test_tables_follow_the_laws(name: str) -> None:
    """Tabulated potentials are the laws' to a nanovolt, and every set has a source."""
    p = parameter_set(name)
    t = tables_of(p)
    a = p.active_material
    from vmt.kernels.electrode import _physics

    x = np.linspace(0.011, 0.985, 203) * t.largest
    out = np.zeros((2, x.size))
    _physics.table_values(t.active, 0, 0.0, t.largest / (t.active.shape[0] - 1), x, out)
    exact = a.open_circuit_potential(x / t.largest) - t.offset
    np.testing.assert_allclose(out[0], exact, rtol=0, atol=1e-8)
    for law in (a.open_circuit_potential, p.electrolyte.conductivity):
        assert "20" in law.source
    assert (np.diff(a.open_circuit_potential(np.linspace(0.3, 0.99, 50))) < 0).all()


def test_electrolytes_and_tables() -> None:
    """Each electrolyte conducts near 1 S/m at 1 mol/l; a table of values is a law."""
    for make in ELECTROLYTES.values():
        e = make()
        assert 0.8 < float(e.conductivity(1000.0)) < 1.2
        assert 0.2 < float(e.transference(1000.0)) < 0.45
    law = tabulated([0.0, 1.0], [4.2, 3.0], "V")
    assert float(law(0.5)) == pytest.approx(3.6)
    assert ExchangeCurrent.papers(6.07e-4).at(1000.0, 31552.0, 63104.0) == pytest.approx(
        3.41, rel=0.01
    )
