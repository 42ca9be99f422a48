"""What the studies of M-factors sweep: a realization of a sample, solved by every route.

A module of its own, since the workers of a sweep find functions by name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

import vmt
from vmt.microstructure import LevelSet, Microstructure
from vmt.transport import STENZEL_2016, STENZEL_2016_ABSTRACT

PHASES = ("solid", "pore")


@dataclass(frozen=True, eq=False)
class Realization:
    """One realization of the paper's model: the same fields on any grid."""

    model: vmt.ChiSquareExcursionSet
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    seed: np.random.SeedSequence

    def voxels(self) -> Microstructure:
        """The realization on its voxels."""
        made: Microstructure = self.model.sample(
            self.shape, self.spacing, rng=np.random.default_rng(self.seed)
        )
        return made

    def level_set(
        self, cells: int | None = None, at: Literal["corners", "centers"] = "corners"
    ) -> LevelSet:
        """The level set of its fields, on so many cells along each edge."""
        made: LevelSet = self.model.sample_level_set(
            self.shape,
            self.spacing,
            rng=np.random.default_rng(self.seed),
            grid=(cells or self.shape[0],) * 3,
            at=at,
        )
        return made


def realization(
    *,
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    rng: np.random.Generator,
    volume_fraction: Annotated[float, Field(gt=0, lt=1)],
    rate: Annotated[float, Field(gt=0)],
) -> Realization:
    """Model of a sweep: a sample of Table 1, rate in 1/m."""
    model = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=rate), volume_fraction)
    seed = rng.bit_generator.seed_seq
    assert isinstance(seed, np.random.SeedSequence)  # as a sweep makes its generators
    return Realization(model, shape, spacing, seed)


def routes(
    made: Realization,
    *,
    corner: Annotated[int, Field(ge=2)] = 60,
    finer: Annotated[int, Field(ge=2)] | None = None,
    coarser: Annotated[int, Field(ge=2)] | None = None,
) -> dict[str, float]:
    """Measurement of a sweep: "route(phase)" → M-factor.

    `corner` is the edge [cells] of the corner that elements are tried on; `finer` and `coarser` are
    edges of further grids of the same window, 6.7 nm and 15 nm.
    """
    voxels, on_cells = made.voxels(), made.level_set()
    found = {
        phase: three_ways(voxels, on_cells, phase)
        | elements(on_cells, phase, corner)
        | predicted(voxels, phase)
        for phase in PHASES
    }
    del voxels, on_cells
    if finer is not None:
        fine = made.level_set(finer)
        for phase in PHASES:
            found[phase]["level set, 6.7 nm"] = m_factor(fine, phase)
        del fine
    if coarser is not None:
        coarse = made.level_set(coarser)
        coarse_voxels = made.level_set(coarser, "centers").to_microstructure()
        for phase in PHASES:
            ways = three_ways(coarse_voxels, coarse, phase)
            found[phase] |= {f"{way}, 15 nm": value for way, value in ways.items()}
    return {f"{way}({phase})": value for phase in PHASES for way, value in found[phase].items()}


def level_set(made: Realization) -> dict[str, float]:
    """Measurement of a sweep: M-factors of the level set alone."""
    on_cells = made.level_set()
    return {f"level set({phase})": m_factor(on_cells, phase) for phase in PHASES}


def m_factor(
    structure: Microstructure | LevelSet,
    phase: str,
    discretization: Literal["voxel", "level_set", "fem"] | None = None,
) -> float:
    """M-factor of one phase; by default voxels by finite volumes, level sets as they are."""
    options = {} if discretization is None else {"discretization": discretization}
    found = vmt.effective_conductivity(structure, {phase: 1.0}, bounds="none", **options)
    return float(found.m_factor or 0.0)


def three_ways(voxels: Microstructure, level_set: LevelSet, phase: str) -> dict[str, float]:
    """M-factor from the level set, from the voxels, and from the voxels' estimated level set."""
    return {
        "level set": m_factor(level_set, phase),
        "voxels": m_factor(voxels, phase),
        "estimated level set": m_factor(voxels, phase, "level_set"),
    }


def elements(level_set: LevelSet, phase: str, corner: int) -> dict[str, float]:
    """M-factors of a corner that general sparse matrices can hold, the paper's route among them."""
    end = slice(corner + 1)
    cut = LevelSet(level_set.values[end, end, end].copy(), level_set.spacing)
    return {
        "corner: level set": m_factor(cut, phase),
        "corner: voxels": m_factor(cut, phase, "voxel"),
        "corner: elements": m_factor(cut, phase, "fem"),
    }


def predicted(voxels: Microstructure, phase: str) -> dict[str, float]:
    """Eq. (15) with both exponents of the constrictivity."""
    descriptors = (
        voxels.volume_fraction(phase),
        vmt.geodesic_tortuosity(voxels, phase),
        vmt.constrictivity(voxels, phase),
    )
    return {
        "predicted": STENZEL_2016(*descriptors),
        "predicted, abstract": STENZEL_2016_ABSTRACT(*descriptors),
    }
