"""Layered scenarios: thicknesses of Table I, totals, open pores of the dense layer."""

import numpy as np
import pytest

from vmt.binder import PRASAD_2024, SCENARIOS, LayerThicknesses, binder_in_layers
from vmt.errors import InputError
from vmt.kernels.components import cluster_sizes
from vmt.phantoms import random_spheres

CBD, DENSE = "carbon_binder_domain", "carbon_binder_domain_dense"


@pytest.fixture(scope="module")
def packing():
    """A thick, narrow packing at the paper's voxel."""
    return random_spheres((90, 30, 30), 438e-9, radius=2.5e-6, volume_fraction=0.5, rng=3).structure


@pytest.mark.parametrize("density", [2700, 3000, 3300])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_thicknesses_of_table_1(packing, density, scenario):
    """The empty and the dense layer are as thick as the table says, to one voxel."""
    layers = PRASAD_2024[density][scenario]
    made = binder_in_layers(
        packing, volume_fraction=0.1, scenario=scenario, layers=layers, method="closing"
    ).structure
    bulk = made.mask(CBD).any(axis=(1, 2))
    if scenario == "none_anywhere":
        assert not bulk.any()
        return
    empty = int(np.argmax(bulk[::-1]))
    assert abs(empty * 438e-9 - layers.free) <= 438e-9
    dense = 0
    if DENSE in made.phases:
        dense = int(np.count_nonzero(made.mask(DENSE).any(axis=(1, 2))))
        assert not (made.mask(DENSE).any(axis=(1, 2)) & bulk).any()
    assert abs(dense * 438e-9 - layers.dense) <= 438e-9


@pytest.mark.parametrize("scenario", SCENARIOS[:4])
def test_redistributed_totals_are_equal(packing, scenario):
    """Redistributed, every scenario holds the voxels of the homogeneous one."""
    made = binder_in_layers(
        packing,
        volume_fraction=0.1,
        scenario=scenario,
        layers=LayerThicknesses(1.5e-6, 4e-6),
        total="redistributed",
    )
    assert made.voxels == round(0.1 * packing.labels.size)


def test_papers_totals_keep_the_bulk(packing):
    """In the paper's convention the bulk is that of the homogeneous scenario, voxel by voxel."""
    layers = PRASAD_2024[3000]["combined"]
    whole, part = (
        binder_in_layers(packing, volume_fraction=0.1, scenario=s, layers=layers).structure
        for s in ("homogeneous", "combined")
    )
    dense, free = (round(t / 438e-9) for t in (layers.dense, layers.free))
    assert np.array_equal(whole.mask(CBD)[dense:-free], part.mask(CBD)[dense:-free])


def test_wide_pores_of_the_dense_layer_stay_open(packing):
    """The open share is met to one voxel, and the pore still leads through the dense layer."""
    made = binder_in_layers(
        packing,
        volume_fraction=0.1,
        scenario="dense_at_separator",
        layers=LayerThicknesses(4e-6, 0.0),
        open_share=0.15,
    ).structure
    planes = round(4e-6 / 438e-9)
    free = packing.mask("pore")[:planes]
    still = made.mask("pore")[:planes]
    assert np.count_nonzero(still) == round(0.15 * np.count_nonzero(free))
    assert cluster_sizes(still, 0, 26)[1].any()


def test_layers_that_cannot_be(packing):
    """Too much dense binder, layers without a bulk and missing thicknesses are refused."""
    with pytest.raises(InputError, match="negative amount"):
        binder_in_layers(
            packing,
            volume_fraction=0.02,
            scenario="dense_at_separator",
            layers=LayerThicknesses(9e-6, 0.0),
            total="redistributed",
        )
    with pytest.raises(InputError, match="no bulk"):
        binder_in_layers(
            packing,
            volume_fraction=0.1,
            scenario="combined",
            layers=LayerThicknesses(30e-6, 20e-6),
        )
    with pytest.raises(InputError, match="LayerThicknesses"):
        binder_in_layers(packing, volume_fraction=0.1, scenario="combined")
