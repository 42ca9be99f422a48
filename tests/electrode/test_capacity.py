"""Theoretical capacity from an image: Lindner et al. (2024), equations 2-6."""

import numpy as np
import pytest

from vmt.electrode import gravimetric_energy_density, molar_mass, theoretical_capacity
from vmt.errors import InputError
from vmt.microstructure import Microstructure


def electrode(active: int, binder: int, layers: int = 1000, edge: float = 77e-6) -> Microstructure:
    """A structure whose phases fill given numbers of 10,000 voxels of each layer."""
    plane = np.zeros(10_000, np.uint8)
    plane[:active], plane[active : active + binder] = 1, 2
    labels = np.broadcast_to(plane.reshape(1, 100, 100), (layers, 100, 100))
    phases = {"pore": 0, "active_material": 1, "carbon_binder_domain": 2}
    return Microstructure(labels, (edge / layers, 1e-7, 1e-7), phases)


def test_molar_mass_with_two_oxygen_atoms() -> None:
    """LiMO₂ has two oxygen atoms: 97.28 g/mol and 220.4 mAh/g at z = 0.8."""
    mass = molar_mass({"Li": 1, "Ni": 0.8, "Mn": 0.1, "Co": 0.1, "O": 2})
    assert 1e3 * mass == pytest.approx(97.28, abs=0.005)
    assert 0.8 * 96485.33212 / mass / 3600 == pytest.approx(220.4, abs=0.05)


@pytest.mark.parametrize(("loading", "printed"), [(30.1, 6.63), (25.4, 5.59)])
def test_printed_areal_capacities(loading: float, printed: float) -> None:
    """The paper's areal capacities follow from its loadings (25.4 for the printed 25.9)."""
    mass = molar_mass({"Li": 1, "Ni": 0.8, "Mn": 0.1, "Co": 0.1, "O": 2})
    capacity = 0.8 * 96485.33212 / mass * loading * 1e-2 / 36000
    assert capacity == pytest.approx(printed, rel=0.002)


def test_capacity_of_the_papers_electrode() -> None:
    """70.43 % of NMC811 in 77 µm, x from 0.21 to 1, hold the paper's 5.59 mAh/cm² within 2 %."""
    densities = {"active_material": 4776, "carbon_binder_domain": 1935 * 0.5}
    result = theoretical_capacity(electrode(7043, 341), densities=densities, lithium_exchanged=0.79)
    values = result.to_dict()
    assert values["areal_capacity [mAh/cm²]"] == pytest.approx(5.59, rel=0.02)
    assert values["active_material_loading [mg/cm²]"] == pytest.approx(25.9, abs=0.01)


def test_capacity_is_what_the_lithium_sites_hold() -> None:
    """Two routes: mass times charge per mass, and sites per volume times volume times F z."""
    structure = electrode(5000, 1000)
    result = theoretical_capacity(structure, densities={"active_material": 4776})
    mass = molar_mass({"Li": 1, "Ni": 0.8, "Mn": 0.1, "Co": 0.1, "O": 2})
    sites = 4776 / mass
    assert sites == pytest.approx(49_100, rel=1e-3)  # the c_max that reproduces the paper
    assert result.areal_capacity == pytest.approx(0.8 * 96485.33212 * sites * 0.5 * 77e-6)


def test_thickness_is_along_the_axis() -> None:
    """Turned by an axis permutation, the electrode keeps its capacity along its own axis."""
    straight = electrode(5000, 0, layers=10)
    turned = Microstructure(
        np.moveaxis(straight.labels, 0, 2), np.roll(straight.spacing, -1), straight.phases
    )
    one = theoretical_capacity(straight, densities={"active_material": 4776})
    two = theoretical_capacity(turned, densities={"active_material": 4776}, axis=2)
    assert one.areal_capacity == pytest.approx(two.areal_capacity, rel=1e-12)


def test_energy_per_coating_mass_ratio() -> None:
    """Energy per mass falls with the added mass: the ratio needs both energies and loadings."""
    before = gravimetric_energy_density(1.0, 0.26)
    after = gravimetric_energy_density(1.2, 0.27)
    assert after / before == pytest.approx(1.2 * 0.26 / 0.27)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"densities": {"carbon_binder_domain": 1900}}, "no entry for the active material"),
        ({"densities": {"active_material": -1}}, "positive number"),
        ({"densities": {"active_material": 4776}, "lithium_exchanged": 0}, "positive number"),
        ({"densities": {"active_material": 4776}, "axis": 3}, "expected 0, 1 or 2"),
        ({"densities": {"active_material": 4776}, "composition": {"Xx": 1}}, "not known"),
        (
            {
                "densities": {"active_material": 4776},
                "composition": {"Li": 1},
                "molar_mass_active_material": 0.1,
            },
            "not both",
        ),
    ],
)
def test_bad_input_says_what_to_do(options: dict[str, object], message: str) -> None:
    """What can't be used is refused in one sentence."""
    with pytest.raises(InputError, match=message):
        theoretical_capacity(electrode(5000, 0, layers=2), **options)


def test_no_active_material_is_an_error() -> None:
    """An image without the active material has no capacity."""
    with pytest.raises(InputError, match="no voxel"):
        theoretical_capacity(electrode(0, 100, layers=2), densities={"active_material": 4776})
