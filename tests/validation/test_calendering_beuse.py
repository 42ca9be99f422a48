"""Closed pores and cracks of packings in the porosity laboratory, after Beuse et al. (2021)."""

import pytest

import vmt
from vmt.descriptors.porosimetry import pycnometry
from vmt.models import SphereSizes, add_closed_pores, add_cracks, cracked_share, pack_particles

CRYSTAL, POWDER = 4760.0, 4610.0  # NMC622 [kg/m³]: crystallographic, and by helium
CLOSED = 1 - POWDER / CRYSTAL


def voxels(packed: vmt.ParticlePacking) -> vmt.Microstructure:
    return packed.to_microstructure((96, 96, 96), 0.5e-6)


@pytest.fixture(scope="module")
def porous() -> vmt.ParticlePacking:
    packed = pack_particles(SphereSizes(12e-6, 0.15), 48e-6, 0.45, rng=1, periodic=False)
    return add_closed_pores(packed, CLOSED, median_diameter=2.5e-6, spread=0.2, rng=2)


def test_helium_sees_the_density_of_the_powder(porous: vmt.ParticlePacking) -> None:
    """With closed pores of 3.15 % the skeletal density is the powder's, 4.61 g/cm³, within 0.01."""
    found = pycnometry(voxels(porous), densities={"solid": CRYSTAL})
    assert found.skeletal_density == pytest.approx(POWDER, abs=10)


def test_cracks_let_helium_in(porous: vmt.ParticlePacking) -> None:
    """With the cracks of 44, 30 and 18 % porosity the skeletal density rises towards the crystal's,
    as in the paper (4.27 to 4.31 g/cm³ against 4.436), and so does the surface that gas reaches."""
    densities, surfaces = [], []
    for porosity in (0.443, 0.30, 0.18):
        cracked = add_cracks(porous, cracked_share(porosity), width=0.4e-6, rng=3)
        m = voxels(cracked)
        found = pycnometry(m, densities={"solid": CRYSTAL})
        densities.append(found.skeletal_density)
        open_pores = m.with_labels(m.labels | found.closed_pores.astype("uint8"))
        surfaces.append(vmt.specific_surface_area(open_pores, "pore"))
    assert densities[0] < densities[1] < densities[2] < CRYSTAL
    assert surfaces[0] < surfaces[1] < surfaces[2]
