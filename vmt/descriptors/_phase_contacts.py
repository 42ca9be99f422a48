"""Which phases touch which, and how particles and binder are in contact."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt.descriptors._network import region_network
from vmt.descriptors._support import number, read_only
from vmt.descriptors._surface import interface_area
from vmt.errors import InputError
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["BinderContacts", "binder_contacts"]


@dataclass(frozen=True, eq=False)
class BinderContacts:
    """Contacts of the phases, and of the particles with the binder.

    Parameters
    ----------
    interface_areas : mapping of (str, str) to float
        Area per total volume [1/m] of each pair of phases.
    binder, active_material : str
    particles : int
        Particles of the active material, by watershed.
    particle_coverage : (n,) array
        Share of each particle's free voxel faces (to pore or binder) that touch binder; nan for
        particles without any.
    bridged_pairs, touching_pairs : int
        Pairs of particles that touch one cluster of binder, and that touch each other.
    """

    interface_areas: Mapping[tuple[str, str], float]
    binder: str
    active_material: str
    particles: int
    particle_coverage: npt.NDArray[np.float64]
    bridged_pairs: int
    touching_pairs: int

    def __post_init__(self) -> None:
        areas = MappingProxyType(dict(self.interface_areas))
        object.__setattr__(self, "interface_areas", areas)
        read_only(self, "particle_coverage")

    def __reduce__(self) -> tuple[Any, ...]:
        values = [getattr(self, name) for name in self.__dataclass_fields__]
        return type(self), (dict(values[0]), *values[1:])

    @property
    def coverage(self) -> float:
        """Share of the active material's surface that binder covers; nan without surface."""
        found = {}
        for pair, area in self.interface_areas.items():
            if self.active_material in pair:
                other = pair[0] if pair[1] == self.active_material else pair[1]
                found[other] = area
        total = sum(found.values())
        return found.get(self.binder, 0.0) / total if total else math.nan

    @property
    def uncontacted_share(self) -> float:
        """Share of the particles that touch no binder."""
        known = self.particle_coverage[~np.isnan(self.particle_coverage)]
        return float(np.mean(known == 0)) if known.size else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Areas and shares for JSON."""
        return {
            "interface_areas [1/m]": {" – ".join(k): v for k, v in self.interface_areas.items()},
            "binder": self.binder,
            "active_material": self.active_material,
            "coverage": number(self.coverage),
            "particles": self.particles,
            "uncontacted_share": number(self.uncontacted_share),
            "touching_pairs": self.touching_pairs,
            "bridged_pairs": self.bridged_pairs,
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw how much of the particles' surface the binder covers."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        known = self.particle_coverage[~np.isnan(self.particle_coverage)]
        ax.hist(known, np.linspace(0, 1, 21).tolist(), color=COLORS["image"])
        return finish(ax, xlabel="share of a particle's surface under binder", ylabel="particles")


def binder_contacts(
    m: Microstructure,
    *,
    active_material: str | int = "active_material",
    binder: str | int = "carbon_binder_domain",
    depth: float = 0.5,
) -> BinderContacts:
    """Measure the contacts of active material, binder and pore.

    Parameters
    ----------
    m : Microstructure
        The structure.
    active_material, binder : str or int
        The phases.
    depth : float
        Depth of a neck that divides particles, in shortest voxel edges.

    Raises
    ------
    InputError
        If a phase is missing.
    """
    solid, carbon = m.name_of(active_material), m.name_of(binder)
    if solid == carbon:
        raise InputError(f"Active material and binder are both {solid!r}; give two phases.")
    present = [name for name in m.phases if m.volume_fraction(name) > 0]
    areas = {pair: interface_area(m, *pair) for pair in itertools.combinations(present, 2)}
    network = region_network(m, solid, depth=depth)
    islands = _binder_clusters(m.mask(carbon))
    covered = np.zeros(network.count + 1)
    free = np.zeros(network.count + 1)
    touched = []
    for axis in range(3):
        low = tuple(slice(0, -1) if a == axis else slice(None) for a in range(3))
        high = tuple(slice(1, None) if a == axis else slice(None) for a in range(3))
        for one, two in ((low, high), (high, low)):
            where = (network.labels[one] > 0) & (network.labels[two] == 0)
            particle, island = network.labels[one][where], islands[two][where]
            free += np.bincount(particle, minlength=free.size)
            wet = island > 0
            covered += np.bincount(particle[wet], minlength=free.size)
            touched.append(np.unique(np.stack([island[wet], particle[wet]], axis=1), axis=0))
    pairs = np.unique(np.concatenate(touched), axis=0)
    with np.errstate(invalid="ignore"):
        share = np.where(free > 0, covered / free, np.nan)[1:]
    return BinderContacts(
        areas, carbon, solid, network.count, share, _bridged(pairs), len(network.pairs)
    )


def _binder_clusters(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.integer]:
    import cc3d

    found: npt.NDArray[np.integer] = cc3d.connected_components(
        np.ascontiguousarray(mask), connectivity=6
    )
    return found


def _bridged(pairs: npt.NDArray[Any]) -> int:
    """Pairs of particles with a common cluster of binder, each counted once."""
    if not len(pairs):
        return 0
    from scipy import sparse

    ones = np.ones(len(pairs), np.int64)
    touch = sparse.csr_matrix((ones, (pairs[:, 1], pairs[:, 0])))
    return int(sparse.triu(touch @ touch.T, 1).nnz)
