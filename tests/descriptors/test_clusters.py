"""Clusters of unions, backbone and dead ends, shortest paths, contacts with the binder."""

import json

import numpy as np
import pytest

from vmt.descriptors import (
    backbone,
    binder_contacts,
    clusters,
    connectivity,
    percolating_paths,
)
from vmt.errors import InputError
from vmt.kernels import backbone as kernel
from vmt.microstructure import Microstructure


def _simple_paths(mask):
    """Voxels on simple paths between the first and the last plane, by trying all of them."""
    inside = {tuple(v) for v in np.argwhere(mask)}
    kept = np.zeros(mask.shape, bool)

    def neighbors(v):
        for a in range(3):
            for s in (-1, 1):
                w = tuple(c + s * (i == a) for i, c in enumerate(v))
                if w in inside:
                    yield w

    def go(path):
        if path[-1][0] == len(mask) - 1:
            kept[tuple(np.array(path).T)] = True
        for w in neighbors(path[-1]):
            if w not in path:
                go([*path, w])

    for v in inside:
        if v[0] == 0:
            go([v])
    return kept


def test_backbone_against_all_paths():
    """The biconnected component is what an exhaustive search of simple paths finds."""
    rng = np.random.default_rng(0)
    for _ in range(15):
        mask = rng.random((4, 3, 2)) < 0.65
        assert np.array_equal(kernel.backbone(mask, 0), _simple_paths(mask))


def test_backbone_along_other_axes():
    """The split turns with the axes."""
    mask = np.random.default_rng(1).random((9, 8, 7)) < 0.5
    once = kernel.backbone(mask, 0)
    for order, axis in (((1, 0, 2), 1), ((2, 1, 0), 2)):
        turned = kernel.backbone(np.ascontiguousarray(mask.transpose(order)), axis)
        assert np.array_equal(turned, once.transpose(order))


def test_dead_ends_have_no_flux():
    """No current flows in dead ends, and it flows in the backbone."""
    from vmt import effective_conductivity

    rng = np.random.default_rng(4)
    labels = (rng.random((14, 14, 14)) < 0.42).astype(np.uint8)
    m = Microstructure(labels, 1e-8)
    split = backbone(m, "solid")
    assert split.backbone_share + split.dead_end_share + split.isolated_share == pytest.approx(1)
    assert split.dead_end_share > 0.02
    found = effective_conductivity(m, {"solid": 1.0}, keep_potential=True, rtol=1e-10)
    heat = found.dissipation()
    assert heat[split.kinds == 2].max() < 1e-6 * heat.max()
    assert np.nan_to_num(heat[split.kinds == 3]).max() == 0
    assert json.loads(json.dumps(split.to_dict()))["axis"] == 0
    assert "voxels" in split.plot().get_xlabel()


def test_clusters_agree_with_connectivity():
    """Shares are those of the plain function; a union joins what its parts don't."""
    rng = np.random.default_rng(2)
    m = Microstructure(rng.integers(0, 3, (16, 15, 14)).astype(np.uint8), 1e-8)
    for neighbors in (6, 18, 26):
        found = clusters(m, 1, neighbors=neighbors)
        plain = connectivity(m, 1, neighbors=neighbors)
        assert found.largest_share == plain.largest_share
        assert found.percolating_share == plain.percolating_share
        assert found.count == plain.clusters
        assert np.array_equal(np.bincount(found.labels.ravel())[1:], found.sizes)
    union = clusters(m, [1, 2])
    assert union.phase == "phase 1 + phase 2"
    assert union.largest_share > clusters(m, 1).largest_share
    assert union.percolating_share > 0
    assert "voxels" in union.plot().get_xlabel()
    assert json.loads(json.dumps(union.to_dict()))["clusters"] == union.count
    with pytest.raises(InputError, match="6, 18 or 26"):
        clusters(m, 1, neighbors=4)


def test_empty_phase_has_no_clusters():
    """Without voxels shares are nan and there is no path."""
    m = Microstructure(np.zeros((4, 4, 4), np.uint8), 1e-8)
    assert np.isnan(clusters(m, "solid").largest_share)
    paths = percolating_paths(m, "solid")
    assert not paths.percolates
    assert "µm" in paths.plot().get_xlabel()


def test_paths_are_paths():
    """Paths stay in the phase, step to neighbors, have the length they say, shortest first."""
    rng = np.random.default_rng(3)
    labels = (rng.random((20, 18, 16)) < 0.5).astype(np.uint8)
    m = Microstructure(labels, (2e-8, 1e-8, 1e-8))
    for axis in (0, 2):
        made = percolating_paths(m, "solid", axis=axis, count=4)
        assert made.percolates
        assert (np.diff(made.lengths) >= 0).all()
        for path, length in zip(made.voxels, made.lengths, strict=True):
            assert labels[tuple(path.T)].all()
            steps = np.diff(path, axis=0)
            assert np.abs(steps).max() == 1
            assert path[0, axis] == 0
            assert path[-1, axis] == labels.shape[axis] - 1
            walked = np.sqrt(((steps * m.spacing) ** 2).sum(axis=1)).sum()
            assert walked == pytest.approx(length, rel=1e-5)


def test_contacts_of_layers():
    """A layer of binder between layers of particles covers half of their faces."""
    labels = np.zeros((12, 9, 9), np.uint8)
    labels[3:6] = labels[7:10] = 1
    labels[6] = 2
    m = Microstructure(labels, 1e-7, {"pore": 0, "active_material": 1, "carbon_binder_domain": 2})
    found = binder_contacts(m)
    assert found.particles == 2
    assert found.coverage == pytest.approx(0.5, abs=1e-9)
    assert found.particle_coverage.tolist() == [0.5, 0.5]
    assert found.bridged_pairs == 1
    assert found.touching_pairs == 0
    assert found.uncontacted_share == 0
    assert json.loads(json.dumps(found.to_dict()))["bridged_pairs"] == 1
    with pytest.raises(InputError, match="both"):
        binder_contacts(m, binder="active_material")
    assert "particle" in found.plot().get_xlabel()


def test_union_of_layers_percolates():
    """Layers across the axis percolate only together."""
    labels = np.ones((12, 4, 4), np.uint8)
    labels[6:] = 2
    m = Microstructure(labels, 1e-7)
    assert not clusters(m, 1).percolating.any()
    assert clusters(m, [1, 2]).percolating.all()
