"""Connected components of a mask and the faces they touch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

__all__ = ["closed_clusters", "cluster_sizes", "connected_to", "labeled_clusters"]


def cluster_sizes(
    mask: npt.NDArray[np.bool_], axis: int, neighbors: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Voxels of each cluster, and whether it touches both faces of `axis`.

    Parameters
    ----------
    mask : (nx, ny, nz) array of bool
        The set.
    axis : int
        The axis between the two faces.
    neighbors : {6, 18, 26}
        What is connected.
    """
    labels, sizes = _label(mask, neighbors)
    both = np.zeros(sizes.size, bool)
    ends = [np.unique(np.take(labels, at, axis=axis)) for at in (0, -1)]
    both[np.intersect1d(ends[0], ends[1])] = True
    return sizes[1:], both[1:]


def labeled_clusters(
    mask: npt.NDArray[np.bool_], axis: int, neighbors: int
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Number the clusters from the largest; their voxels, and whether they touch both faces.

    Parameters
    ----------
    mask : (nx, ny, nz) array of bool
        The set.
    axis : int
        The axis between the two faces.
    neighbors : {6, 18, 26}
        What is connected.

    Returns
    -------
    labels : (nx, ny, nz) array of int
        From 1; 0 outside.
    sizes : (n,) array of int
    both : (n,) array of bool
    """
    labels, sizes = _label(mask, neighbors)
    order = np.argsort(-sizes[1:], kind="stable") + 1
    new = np.zeros(sizes.size, labels.dtype)
    new[order] = np.arange(1, sizes.size)
    renamed = new[labels]
    both = np.zeros(sizes.size, bool)
    ends = [np.unique(np.take(renamed, at, axis=axis)) for at in (0, -1)]
    both[np.intersect1d(ends[0], ends[1])] = True
    return renamed, sizes[order], both[1:]


def closed_clusters(
    mask: npt.NDArray[np.bool_], faces: Sequence[tuple[int, int]], neighbors: int
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.int64]]:
    """Voxels of the clusters that touch none of the faces, and how many each of them has.

    Parameters
    ----------
    mask : (nx, ny, nz) array of bool
        The set.
    faces : sequence of (axis, side)
        Open faces; side 0 is the first plane of the axis, 1 the last.
    neighbors : {6, 18, 26}
        What is connected.
    """
    labels, sizes = _label(mask, neighbors)
    closed = np.ones(sizes.size, bool)
    closed[0] = False
    for axis, side in faces:
        closed[np.unique(np.take(labels, -side, axis=axis))] = False
    where = np.empty(mask.shape, bool)
    for plane, out in zip(labels, where, strict=True):
        np.take(closed, plane, out=out)
    return where, sizes[closed]


def _label(
    mask: npt.NDArray[np.bool_], neighbors: int
) -> tuple[npt.NDArray[np.integer], npt.NDArray[np.int64]]:
    import cc3d

    link: Literal[6, 18, 26] = 6 if neighbors == 6 else 18 if neighbors == 18 else 26
    labels, count = cc3d.connected_components(
        np.ascontiguousarray(mask), connectivity=link, return_N=True
    )
    sizes = np.zeros(count + 1, np.int64)
    for plane in labels:
        sizes += np.bincount(plane.ravel(), minlength=count + 1)
    return labels, sizes


def connected_to(
    mask: npt.NDArray[np.bool_],
    seeds: npt.NDArray[np.bool_],
    periodic: tuple[bool, bool] = (False, False),
) -> npt.NDArray[np.bool_]:
    """Voxels of a mask that a path through its faces joins to a seed inside it.

    Parameters
    ----------
    mask, seeds : (nx, ny, nz) arrays of bool
        The set, and where to start.
    periodic : (bool, bool)
        Whether the sides normal to y and z continue on the other side.
    """
    labels, sizes = _label(mask, 6)
    reached = np.zeros(sizes.size, bool)
    reached[np.unique(labels[seeds & mask])] = True
    for axis, around in enumerate(periodic, start=1):
        if not around:
            continue
        one, two = np.take(labels, 0, axis).ravel(), np.take(labels, -1, axis).ravel()
        both = (one > 0) & (two > 0)
        links = np.unique(np.stack([one[both], two[both]]), axis=1)
        if axis == 1:
            joined = links
        else:
            joined = np.concatenate([joined, links], axis=1) if periodic[0] else links
    if any(periodic):
        while True:
            before = int(reached.sum())
            for a, b in (joined, joined[::-1]):
                reached[b[reached[a]]] = True
            if int(reached.sum()) == before:
                break
    reached[0] = False
    return np.asarray(reached[labels])
