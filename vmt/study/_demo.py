"""The demonstration: twins of two phantoms, one that fits the model and one that can't."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from vmt.errors import InputError
from vmt.models import ChiSquareExcursionSet, Covariance
from vmt.phantoms import random_spheres
from vmt.study._twin import TwinReport, twin

__all__ = ["demo"]

_SPACING = 20e-9
_SMALLEST = 64


def demo(
    *, realizations: int = 4, size: int = 100, seed: int = 0, directory: Path | None = None
) -> dict[str, TwinReport]:
    """Make the twins of two phantoms.

    The first is an excursion set of a χ²-field whose volume fraction and rate are drawn from the
    seed: the report shows truth beside estimate. The second is a packing of hard spheres, which no
    excursion set describes: its calibration must come out as not adequate.

    Parameters
    ----------
    realizations : int
        Number of twins of each.
    size : int
        Voxels along each edge; the voxels are 20 nm.
    seed : int
        Names the whole demonstration.
    directory : path, optional
        An existing folder for finished parts.

    Returns
    -------
    dict of str to TwinReport
        ``"excursion-set"`` and ``"sphere-packing"``.

    Raises
    ------
    InputError
        If `size` is too small for a calibration.
    """
    if size < _SMALLEST:
        raise InputError(f"size={size}; expected at least {_SMALLEST} voxels along an edge.")
    shape = (size, size, size)
    draws, excursions, packings = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3)
    )
    model = ChiSquareExcursionSet(
        Covariance.gaussian(rate=float(draws.uniform(5e6, 8e6))), float(draws.uniform(0.4, 0.65))
    )
    excursion = model.sample(shape, _SPACING, rng=excursions)
    truth = {
        "volume_fraction": model.volume_fraction,
        "level": model.level,
        "rate [1/m]": float(model.covariance.parameters["rate"]),
    }
    packing = random_spheres(
        shape,
        _SPACING,
        radius=7 * _SPACING,
        volume_fraction=0.5,
        radius_spread=0.05,
        rng=packings,
    )
    images = {
        "excursion-set": (excursion, truth),
        "sphere-packing": (
            packing.structure,
            {"volume_fraction": packing.structure.volume_fraction("solid")},
        ),
    }
    reports = {}
    for name, (image, true) in images.items():
        folder = None
        if directory is not None:
            folder = directory / name
            folder.mkdir(exist_ok=True)
        reports[name] = twin(
            image,
            realizations=realizations,
            seed=seed,
            name=f"{name} phantom",
            truth=true,
            directory=folder,
        )
    return reports
