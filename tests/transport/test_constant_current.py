"""A uniform current through the faces against given potentials, and against a dense solve."""

import numpy as np
import pytest

from vmt import effective_conductivity
from vmt.errors import ConvergenceError, InputError
from vmt.microstructure import Microstructure
from vmt.transport import constant_current_conductivity


def dense(labels, sigma, spacing):
    """The slow obvious twin: a dense system of all conducting voxels."""
    inside = np.argwhere(sigma[labels] > 0)
    number = {tuple(v): i for i, v in enumerate(inside)}
    a, b = np.zeros((len(inside),) * 2), np.zeros(len(inside))
    for v, i in number.items():
        for axis in range(3):
            w = tuple(c + (k == axis) for k, c in enumerate(v))
            if w in number:
                s, t = sigma[labels[v]], sigma[labels[w]]
                g = 2 * s * t / (s + t) * np.prod(spacing) / spacing[axis] ** 2
                j = number[w]
                a[i, i] += g
                a[j, j] += g
                a[i, j] -= g
                a[j, i] -= g
    ends = [[i for v, i in number.items() if v[0] == p] for p in (0, len(labels) - 1)]
    b[ends[0]], b[ends[1]] = 1 / len(ends[0]), -1 / len(ends[1])
    u = np.linalg.lstsq(a, b, rcond=None)[0]
    area = spacing[1] * spacing[2]
    drop = 0.0
    for sign, end in zip((1, -1), ends, strict=True):
        flux = 1 / len(end) / area
        half = [0.5 * spacing[0] * flux / sigma[labels[tuple(inside[i])]] for i in end]
        drop += sign * u[end].mean() + np.mean(half)
    thickness = len(labels) * spacing[0]
    return thickness / (drop * area * labels[0].size)


def test_against_a_dense_solve():
    """Random phases and anisotropic voxels agree with the dense system to 1e-7."""
    rng = np.random.default_rng(0)
    labels = rng.integers(1, 3, (5, 4, 4)).astype(np.uint8)
    labels[1:4, 1:3, 1:3] = 0
    spacing = (2e-8, 1e-8, 1.5e-8)
    m = Microstructure(labels, spacing, {"a": 0, "b": 1, "c": 2})
    found = constant_current_conductivity(m, {"b": 1.0, "c": 30.0}, rtol=1e-10)
    expected = dense(labels, np.array([0.0, 1.0, 30.0]), spacing)
    assert found.effective_conductivity == pytest.approx(expected, rel=1e-6)


def test_layers_across_and_along():
    """Layers across the current give the harmonic mean; along it never more than the mean."""
    labels = np.ones((8, 4, 4), np.uint8)
    labels[4:] = 2
    m = Microstructure(labels, 1e-8)
    values = {"phase 1": 1.0, "phase 2": 3.0}
    across = constant_current_conductivity(m, values, rtol=1e-9)
    assert across.effective_conductivity == pytest.approx(1.5, rel=1e-6)
    along = constant_current_conductivity(m, values, axis=1, rtol=1e-9)
    assert along.effective_conductivity < 2.0


def test_never_above_given_potentials():
    """Given potentials let the current find its best way: a uniform one conducts no better."""
    rng = np.random.default_rng(1)
    labels = (rng.random((16, 12, 12)) < 0.7).astype(np.uint8)
    labels[rng.random(labels.shape) < 0.2] = 2
    m = Microstructure(labels, 1e-8, {"a": 0, "b": 1, "c": 2})
    for values in ({"b": 1.0}, {"b": 1.0, "c": 100.0}):
        current = constant_current_conductivity(m, values, rtol=1e-7)
        potential = effective_conductivity(m, values, rtol=1e-7)
        assert 0 < current.effective_conductivity < potential.effective_conductivity


def test_no_path_and_bad_input():
    """Without a path the value is 0; too few iterations raise; bad axes are refused."""
    labels = np.ones((6, 4, 4), np.uint8)
    labels[3] = 0
    m = Microstructure(labels, 1e-8)
    found = constant_current_conductivity(m, {"solid": 1.0})
    assert found.effective_conductivity == 0
    assert not found.percolates
    with pytest.raises(InputError, match="axis=3"):
        constant_current_conductivity(m, {"solid": 1.0}, axis=3)
    rough = np.random.default_rng(3).integers(1, 3, (8, 8, 8)).astype(np.uint8)
    with pytest.raises(ConvergenceError, match="max_iterations"):
        constant_current_conductivity(
            Microstructure(rough, 1e-8), {"phase 1": 1.0, "phase 2": 1e4}, max_iterations=3
        )
