"""Clusters of a phase or of a union of phases: labels, backbone and dead ends, shortest paths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._budget import require_memory
from vmt.descriptors._support import check_axis, number, numbers, read_only
from vmt.errors import InputError
from vmt.kernels import backbone as backbones
from vmt.kernels import components, paths
from vmt.microstructure import Microstructure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "Backbone",
    "Clusters",
    "PercolatingPaths",
    "backbone",
    "clusters",
    "percolating_paths",
]

Phases = str | int | Sequence[str | int]


def union_mask(m: Microstructure, phases: Phases) -> tuple[str, npt.NDArray[np.bool_]]:
    """Name and voxels of a phase or of a union of phases."""
    given = [phases] if isinstance(phases, (str, int, np.integer)) else list(phases)
    if not given:
        raise InputError("An empty list of phases has no voxels; name one or more.")
    table = np.zeros(256, bool)
    table[[m.label_of(p) for p in given]] = True
    return " + ".join(m.name_of(p) for p in given), table[m.labels]


@dataclass(frozen=True, eq=False)
class Clusters:
    """Clusters of a phase or of a union of phases.

    Parameters
    ----------
    phase : str
        The phase, or the phases with a plus sign.
    axis : int
        The axis between the two faces that a percolating cluster touches.
    neighbors : int
        What was called connected: 6, 18 or 26 neighbors.
    labels : (nx, ny, nz) array of integers
        Number of the cluster of each voxel, from 1, the largest first; 0 outside.
    sizes : (n,) array of int
        Voxels of each cluster.
    percolating : (n,) array of bool
        Whether it touches both faces.
    """

    phase: str
    axis: int
    neighbors: int
    labels: npt.NDArray[np.integer]
    sizes: npt.NDArray[np.int64]
    percolating: npt.NDArray[np.bool_]

    def __post_init__(self) -> None:
        read_only(self, "labels", "sizes", "percolating")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    @property
    def count(self) -> int:
        """Number of clusters."""
        return int(self.sizes.size)

    @property
    def largest_share(self) -> float:
        """Share of the phase in its largest cluster; nan without voxels."""
        return float(self.sizes[0] / self.sizes.sum()) if self.count else math.nan

    @property
    def percolating_share(self) -> float:
        """Share of the phase in clusters that touch both faces; nan without voxels."""
        return (
            float(self.sizes[self.percolating].sum() / self.sizes.sum())
            if self.count
            else (math.nan)
        )

    def to_dict(self) -> dict[str, Any]:
        """Shares and the sizes of the largest clusters for JSON."""
        return {
            "phase": self.phase,
            "axis": self.axis,
            "neighbors": self.neighbors,
            "clusters": self.count,
            "percolating_clusters": int(self.percolating.sum()),
            "largest_share": number(self.largest_share),
            "percolating_share": number(self.percolating_share),
            "largest_sizes": self.sizes[:20].tolist(),
        }

    def plot(self, ax: Axes | None = None, *, index: int | None = None) -> Axes:
        """Draw a slice: percolating clusters, the largest of the others, the rest."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        normal = (self.axis + 1) % 3
        place = self.labels.shape[normal] // 2 if index is None else index
        plane = np.take(self.labels, place, axis=normal)
        kind = np.zeros(self.count + 1, np.uint8)
        kind[1:] = np.where(self.percolating, 1, 3)
        if self.count and not self.percolating[0]:
            kind[1] = 2
        colors = ("#f2efe9", COLORS["good"], COLORS["accent"], COLORS["model"])
        names = ("", "percolating", "largest", "isolated")
        return _draw_kinds(finish(ax, title=self.phase), kind[plane], colors, names)


def clusters(m: Microstructure, phases: Phases, *, axis: int = 0, neighbors: int = 6) -> Clusters:
    """Label the clusters of a phase or of a union of phases.

    Parameters
    ----------
    m : Microstructure
        The structure.
    phases : str, int, or a sequence of them
        The phase; several are taken together, as the solid network of active material and binder.
    axis : int
        The axis between the two faces.
    neighbors : {6, 18, 26}
        Which voxels are connected: by faces, edges too, corners too.

    Raises
    ------
    InputError
        If there is no such phase, the axis has a single voxel, or `neighbors` is another number.

    Examples
    --------
    >>> labels = np.zeros((4, 5, 1), np.uint8)
    >>> labels[:, 0], labels[0, 2:4] = 1, 2
    >>> found = clusters(Microstructure(labels, 1e-8), ["phase 1", "phase 2"])
    >>> found.sizes.tolist(), found.percolating.tolist()
    ([4, 2], [True, False])
    """
    check_axis(m, axis, "clusters")
    if neighbors not in (6, 18, 26):
        raise InputError(f"neighbors={neighbors!r} can't be used; expected 6, 18 or 26.")
    require_memory(16 * m.labels.size, f"the clusters of {m.shape} voxels")
    name, mask = union_mask(m, phases)
    found, sizes, both = components.labeled_clusters(mask, axis, neighbors)
    return Clusters(name, axis, neighbors, found, sizes, both)


@dataclass(frozen=True, eq=False)
class Backbone:
    """Split of a phase into what can carry current, dead ends, and islands.

    Parameters
    ----------
    phase : str
    axis : int
        From the first plane of this axis to the last.
    kinds : (nx, ny, nz) array of uint8
        1 backbone, 2 dead end, 3 not joined to both faces; 0 outside the phase.
    """

    phase: str
    axis: int
    kinds: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        read_only(self, "kinds")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.phase, self.axis, self.kinds)

    def _share(self, kind: int) -> float:
        total = int(np.count_nonzero(self.kinds))
        return int(np.count_nonzero(self.kinds == kind)) / total if total else math.nan

    @property
    def backbone_share(self) -> float:
        """Share of the phase on simple paths between the faces; nan without voxels."""
        return self._share(1)

    @property
    def dead_end_share(self) -> float:
        """Share of the phase in dead ends of percolating clusters."""
        return self._share(2)

    @property
    def isolated_share(self) -> float:
        """Share of the phase in clusters that don't join the faces."""
        return self._share(3)

    def to_dict(self) -> dict[str, Any]:
        """Shares for JSON."""
        return {
            "phase": self.phase,
            "axis": self.axis,
            "backbone_share": number(self.backbone_share),
            "dead_end_share": number(self.dead_end_share),
            "isolated_share": number(self.isolated_share),
        }

    def plot(self, ax: Axes | None = None, *, index: int | None = None) -> Axes:
        """Draw a slice of the three parts."""
        from vmt._plotting import COLORS, axes, finish

        normal = (self.axis + 1) % 3
        place = self.kinds.shape[normal] // 2 if index is None else index
        plane = np.take(self.kinds, place, axis=normal)
        colors = ("#f2efe9", COLORS["image"], COLORS["accent"], COLORS["model"])
        names = ("", "backbone", "dead end", "isolated")
        return _draw_kinds(finish(axes(ax), title=self.phase), plane, colors, names)


def backbone(m: Microstructure, phases: Phases, *, axis: int = 0) -> Backbone:
    """Split a phase or a union of phases into backbone, dead ends and islands.

    A voxel belongs to the backbone if it lies on a path over voxel faces from the first plane of
    the axis to the last that uses no voxel twice; that is decided exactly, by the biconnected
    components of the graph of voxels. Only there can a current flow.

    Parameters
    ----------
    m : Microstructure
        The structure.
    phases : str, int, or a sequence of them
        The phase; several are taken together.
    axis : int
        The axis between the two faces.

    Raises
    ------
    InputError
        If there is no such phase, or the axis has a single voxel.
    MemoryBudgetError
        If the graph does not fit, some 20 bytes per voxel.

    Examples
    --------
    >>> labels = np.zeros((4, 3, 1), np.uint8)
    >>> labels[:, 0] = labels[1, 1] = 1
    >>> backbone(Microstructure(labels, 1e-8), "solid").dead_end_share
    0.2
    """
    check_axis(m, axis, "backbone")
    require_memory(32 * m.labels.size, f"the backbone of {m.shape} voxels")
    name, mask = union_mask(m, phases)
    kept = backbones.backbone(mask, axis)
    found, _, both = components.labeled_clusters(mask, axis, 6)
    kinds = np.zeros(m.shape, np.uint8)
    kinds[mask] = 3
    kinds[np.append(False, both)[found]] = 2
    kinds[kept] = 1
    return Backbone(name, axis, kinds)


@dataclass(frozen=True, eq=False)
class PercolatingPaths:
    """Shortest paths through a phase from one face to the other.

    Parameters
    ----------
    phase : str
    axis : int
    voxels : tuple of (n, 3) arrays of int
        Each path from the first plane of the axis to the last, the shortest first.
    lengths : (k,) array
        Length of each path [m].
    thickness : float
        Distance of the two planes [m].
    background : (na, nb) array of bool
        Where the phase is, seen along the axis after `axis`: any voxel of it.
    spacing : (dx, dy, dz)
    """

    phase: str
    axis: int
    voxels: tuple[npt.NDArray[np.int64], ...]
    lengths: npt.NDArray[np.float64]
    thickness: float
    background: npt.NDArray[np.float32]
    spacing: tuple[float, float, float]

    def __post_init__(self) -> None:
        read_only(self, "lengths", "background")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(getattr(self, name) for name in self.__dataclass_fields__)

    @property
    def percolates(self) -> bool:
        """Whether there is a path."""
        return bool(self.voxels)

    @property
    def tortuosities(self) -> npt.NDArray[np.float64]:
        """Length over thickness of each path (k,)."""
        return np.asarray(self.lengths / self.thickness)

    def to_dict(self) -> dict[str, Any]:
        """Lengths for JSON."""
        return {
            "phase": self.phase,
            "axis": self.axis,
            "percolates": self.percolates,
            "paths": len(self.voxels),
            "lengths [m]": numbers(self.lengths),
            "tortuosities": numbers(self.tortuosities),
        }

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the paths from the side over the amount of the phase behind them."""
        from vmt._plotting import COLORS, axes, finish

        ax = axes(ax)
        normal = (self.axis + 1) % 3
        first, second = (i for i in range(3) if i != normal)
        dx, dy = self.spacing[first] * 1e6, self.spacing[second] * 1e6
        height, width = (n * d for n, d in zip(self.background.shape, (dx, dy), strict=True))
        extent = (0.0, width, height, 0.0)
        image = ax.imshow(self.background, cmap="Greys", vmin=0, extent=extent)
        bar = ax.figure.colorbar(image, ax=ax, shrink=0.7)
        bar.set_label(f"share of {self.phase}", fontsize=8)
        bar.ax.tick_params(labelsize=8)
        for path in self.voxels:
            x, y = (path[:, second] + 0.5) * dy, (path[:, first] + 0.5) * dx
            ax.plot(x, y, color=COLORS["good"], lw=1.2, alpha=0.9)
        if not self.voxels:
            ax.text(0.5, 0.5, "no path", ha="center", transform=ax.transAxes, fontsize=12)
        count = len(self.voxels)
        title = {0: "", 1: "1 shortest path"}.get(count, f"{count} shortest paths")
        return finish(ax, xlabel="µm", ylabel="µm", title=title)


def percolating_paths(
    m: Microstructure, phases: Phases, *, axis: int = 0, count: int = 10
) -> PercolatingPaths:
    """Find shortest paths through a phase or a union of phases, from one face to the other.

    Steps go to the 26 neighbors with their true lengths. The first path is the shortest of all;
    each further one is the shortest among those that start at voxels none of the earlier ones
    passes within two voxels of.

    Parameters
    ----------
    m : Microstructure
        The structure.
    phases : str, int, or a sequence of them
        The phase; several are taken together.
    axis : int
        From the first plane of this axis to the last.
    count : int
        At most so many paths.

    Raises
    ------
    InputError
        If there is no such phase, the axis has a single voxel, or the count is not positive.

    Examples
    --------
    >>> labels = np.zeros((6, 6, 1), np.uint8)
    >>> labels[np.arange(6), np.arange(6)] = 1
    >>> percolating_paths(Microstructure(labels, 1e-8), "solid").tortuosities.round(4).tolist()
    [1.4142]
    """
    check_axis(m, axis, "percolating paths")
    if count < 1 or int(count) != count:
        raise InputError(f"count={count!r} can't be used; expected a whole number from 1.")
    require_memory(8 * m.labels.size, f"the shortest paths through {m.shape} voxels")
    name, mask = union_mask(m, phases)
    order = (axis, *(i for i in range(3) if i != axis))
    lengths = paths.face_distances(mask, m.spacing, axis)
    steps = np.array([m.spacing[i] for i in order]) / min(m.spacing)
    inlet = np.where(lengths[0] >= 0, lengths[0], np.inf)
    found: list[npt.NDArray[np.int64]] = []
    sizes = []
    back = np.argsort(order)
    while len(found) < count and np.isfinite(inlet).any():
        start = np.unravel_index(int(np.argmin(inlet)), inlet.shape)
        path = _descend(lengths, (0, int(start[0]), int(start[1])), steps)
        sizes.append(float(inlet[start]) * min(m.spacing))
        found.append(path[:, back])
        at = path[path[:, 0] == 0][:, 1:]
        for j, k in at:
            inlet[max(j - 2, 0) : j + 3, max(k - 2, 0) : k + 3] = np.inf
    behind = mask.mean(axis=(axis + 1) % 3, dtype=np.float32)
    thickness = (m.shape[axis] - 1) * m.spacing[axis]
    return PercolatingPaths(name, axis, tuple(found), np.array(sizes), thickness, behind, m.spacing)


def _descend(
    lengths: npt.NDArray[np.float32], start: tuple[int, int, int], steps: npt.NDArray[np.float64]
) -> npt.NDArray[np.int64]:
    """Follow a shortest path from a voxel to the last plane."""
    shape = lengths.shape
    offsets = np.array(np.meshgrid(*[(-1, 0, 1)] * 3, indexing="ij")).reshape(3, -1).T
    weights = np.sqrt(((offsets * steps) ** 2).sum(axis=1))
    weights[13] = np.inf
    here = np.array(start)
    path = [here]
    while lengths[tuple(here)] > 0:
        near = here + offsets
        ok = ((near >= 0) & (near < shape)).all(axis=1)
        values = np.full(len(near), np.inf)
        values[ok] = lengths[tuple(near[ok].T)]
        values[values < 0] = np.inf
        here = near[int(np.argmin(values + weights))]
        path.append(here)
    return np.array(path, np.int64)


def _draw_kinds(
    ax: Axes, plane: npt.NDArray[np.uint8], colors: Sequence[str], names: Sequence[str]
) -> Axes:
    from matplotlib.colors import to_rgb
    from matplotlib.patches import Patch

    ax.imshow(np.array([to_rgb(c) for c in colors])[plane], interpolation="nearest")
    handles = [Patch(facecolor=c, label=n) for c, n in zip(colors, names, strict=True) if n]
    ax.legend(
        handles=handles,
        frameon=False,
        fontsize=8,
        ncols=3,
        loc="upper left",
        bbox_to_anchor=(0.0, -0.12),
        borderaxespad=0.0,
    )
    ax.set_xlabel("voxels", fontsize=9)
    ax.set_ylabel("voxels", fontsize=9)
    ax.grid(visible=False)
    return ax
