"""Small cells."""

from dataclasses import replace

import numpy as np
import pytest

from vmt.electrode import HalfCell, ParameterSet, Separator, constant, parameter_set
from vmt.microstructure import Microstructure


@pytest.fixture
def chen() -> ParameterSet:
    """NMC811 without a double layer, fast in diffusion, behind a thick separator."""
    p = parameter_set("nmc811-chen2020")
    material = replace(p.active_material, diffusivity=constant(1e-12), double_layer=0.0)
    return replace(p, active_material=material, separator=Separator(20e-6, 0.5, 0.5**1.5))


@pytest.fixture
def comb(chen):
    """Plates of pore and active material side by side, split into `fine` voxels a micrometer."""

    def made(fine=1, layers=60, parameters=None, **given):
        labels = np.zeros((layers * fine, 2 * fine, 1), np.uint8)
        labels[:, fine:] = 1
        structure = Microstructure(labels, (1e-6 / fine, 1e-6 / fine, 1e-6))
        given.setdefault("area_mode", "voxel")
        return HalfCell(structure, parameters or chen, **given)

    return made


@pytest.fixture
def blob():
    """Labels of a random three-phase electrode that conducts everywhere."""

    def made(shape=(12, 8, 8), seed=3, active=0.55, binder=0.12):
        from scipy.ndimage import gaussian_filter

        rng = np.random.default_rng(seed)
        field = gaussian_filter(rng.standard_normal(shape), 1.3, mode="wrap")
        labels = (field > np.quantile(field, 1 - active)).astype(np.uint8)
        near = gaussian_filter(labels.astype(float), 1.0)
        near[labels == 1] = -1
        labels[near > np.quantile(near, 1 - binder)] = 2
        phases = {"pore": 0, "active_material": 1, "binder": 2}
        return Microstructure(labels, 1e-6, phases)

    return made
