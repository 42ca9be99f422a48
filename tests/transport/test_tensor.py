"""The conductivity tensor, and phases that conduct differently along the axes."""

import itertools
import json
import pickle

import numpy as np
import pytest

from vmt.errors import ConvergenceError, InputError, MemoryBudgetError
from vmt.kernels.reference_transport import conduction_direct
from vmt.microstructure import Microstructure
from vmt.transport import (
    ConductivityTensor,
    effective_conductivity,
    effective_conductivity_tensor,
)
from vmt.transport._conductivities import Conductivities


def periodic_tensor(labels, spacing, given, **options) -> np.ndarray:
    """Tensor of a periodic cell."""
    m = Microstructure(labels, spacing)
    result = effective_conductivity_tensor(m, given, sides="periodic", **options)
    return result.effective_conductivity


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_aligned_layers_are_exact(axis: int) -> None:
    """Layers normal to an axis: harmonic mean across, arithmetic along, no other entry."""
    profile = np.array([0, 0, 1, 1, 1, 0, 1], np.uint8)
    place = [1, 1, 1]
    place[axis] = -1
    labels = np.broadcast_to(profile.reshape(place), (7, 7, 7)).copy()
    f = profile.mean()
    tensor = periodic_tensor(labels, (1e-8, 2e-8, 3e-8), {"pore": 0.2, "solid": 5.0}, rtol=1e-10)
    expected = np.full(3, 0.2 * (1 - f) + 5.0 * f)
    expected[axis] = 1 / ((1 - f) / 0.2 + f / 5.0)
    assert tensor == pytest.approx(np.diag(expected), rel=1e-9, abs=1e-12)


def test_layers_at_45_degrees_approach_the_rotated_tensor() -> None:
    """Diagonal layers approach the rotated laminate with order one, and extrapolate to it."""
    harmonic, arithmetic = 1 / (0.5 / 1.0 + 0.5 / 5.0), 3.0
    exact = np.diag([(harmonic + arithmetic) / 2] * 2 + [arithmetic])
    exact[0, 1] = exact[1, 0] = (harmonic - arithmetic) / 2
    found = []
    for n in (16, 32, 64):
        i, j, _ = np.indices((n, n, 2))
        labels = ((i + j) % n < n // 2).astype(np.uint8)
        found.append(periodic_tensor(labels, 1e-8, {"pore": 1.0, "solid": 5.0}, rtol=1e-9))
    errors = [np.abs(t - exact).max() for t in found]
    assert errors[0] == pytest.approx(2 * errors[1], rel=1e-6)
    assert errors[1] == pytest.approx(2 * errors[2], rel=1e-6)
    assert 2 * found[2] - found[1] == pytest.approx(exact, abs=1e-7)
    assert errors[2] < 0.022
    values = ConductivityTensor(found[2], {"pore": 1.0, "solid": 5.0}, "periodic", (1, 1, 1), 0.0)
    assert values.principal_conductivities == pytest.approx([3.0, 3.0, harmonic], rel=0.03)
    assert np.abs(values.principal_axes[2]) == pytest.approx([0.5**0.5, 0.5**0.5, 0.0], abs=1e-6)


@pytest.mark.parametrize("given", [{"solid": 1.0}, {"solid": 1.0, "pore": 1e-3}])
def test_tensor_follows_permutations_and_reflections(chi_square, given) -> None:
    """Permuted axes permute the tensor; a mirror turns the sign of two entries; it is positive."""
    labels = chi_square((18, 20, 22), 0.5)
    spacing = (1e-8, 1.3e-8, 0.8e-8)
    tensor = periodic_tensor(labels, spacing, given, rtol=1e-10)
    assert np.array_equal(tensor, tensor.T)
    assert np.linalg.eigvalsh(tensor).min() > 0
    assert np.abs(tensor[np.triu_indices(3, 1)]).max() > 1e-3 * tensor[0, 0]
    for order in itertools.permutations(range(3)):
        permuted = periodic_tensor(
            labels.transpose(order), tuple(spacing[a] for a in order), given, rtol=1e-10
        )
        assert permuted == pytest.approx(tensor[np.ix_(order, order)], abs=1e-7 * tensor[0, 0])
    mirrored = periodic_tensor(labels[::-1], spacing, given, rtol=1e-10)
    signs = np.outer([-1, 1, 1], [-1, 1, 1])
    assert mirrored == pytest.approx(signs * tensor, abs=1e-7 * tensor[0, 0])
    shifted = periodic_tensor(np.roll(labels, (5, 3, 7), (0, 1, 2)), spacing, given, rtol=1e-10)
    assert shifted == pytest.approx(tensor, abs=1e-7 * tensor[0, 0])


def test_mirrored_cell_is_a_slab_between_electrodes(chi_square) -> None:
    """A cell that is its own mirror image has a diagonal of two-electrode values.

    By symmetry the mirror planes are equipotential for the gradient normal to them, and closed
    for the others: the cell conducts as its eighth between electrodes with closed sides.
    """
    part = chi_square((10, 11, 12), 0.55)
    labels = part
    for axis in range(3):
        labels = np.concatenate([labels, np.flip(labels, axis)], axis)
    m = Microstructure(part, 1e-8)
    given = {"solid": 2.0, "pore": 0.1}
    tensor = periodic_tensor(labels, 1e-8, given, rtol=1e-10)
    closed = effective_conductivity_tensor(m, given, rtol=1e-10).effective_conductivity
    assert np.diag(tensor) == pytest.approx(np.diag(closed), rel=1e-8)
    assert np.abs(tensor - np.diag(np.diag(tensor))).max() < 1e-6


def test_closed_sides_give_the_diagonal_only(chi_square) -> None:
    """Three solves between electrodes know the diagonal; the rest is NaN, and None in JSON."""
    m = Microstructure(chi_square((14, 15, 16), 0.6), 1e-8)
    result = effective_conductivity_tensor(m, {"solid": 2.0})
    for axis in range(3):
        one = effective_conductivity(m, {"solid": 2.0}, axis=axis, bounds="none")
        assert result.effective_conductivity[axis, axis] == one.effective_conductivity
        assert result.m_factors[axis] == one.m_factor
    assert np.isnan(result.effective_conductivity[0, 1])
    assert np.isnan(result.principal_conductivities).all()
    assert json.loads(json.dumps(result.to_dict()))["effective_conductivity [S/m]"][0][1] is None
    again = pickle.loads(pickle.dumps(result))
    assert again.to_dict() == result.to_dict()
    assert result.plot().images


def test_paths_that_wind_around_the_cell() -> None:
    """A channel conducts along itself; one on the diagonal along both axes; islands not at all."""
    labels = np.zeros((12, 12, 12), np.uint8)
    labels[:, 2:5, 3:8] = 1
    labels[4:6, 8:10, 8:10] = 1  # an island
    tensor = periodic_tensor(labels, 1e-8, {"solid": 3.0}, rtol=1e-8)
    assert tensor == pytest.approx(np.diag([3.0 * 15 / 144, 0, 0]), abs=1e-10)
    i, j = np.indices((12, 12))
    stair = np.repeat(((i - j) % 12 < 2).astype(np.uint8)[:, :, None], 3, axis=2)
    tensor = periodic_tensor(stair, 1e-8, {"solid": 1.0}, rtol=1e-8)
    # one path along (1, 1): equal entries, so that nothing flows across it
    assert tensor[0, 0] > 0.01
    assert tensor[:2, :2] == pytest.approx(np.full((2, 2), tensor[0, 0]), rel=1e-6)
    assert tensor[2, 2] == pytest.approx(2 / 12, rel=1e-8)
    nothing = periodic_tensor(np.pad(np.ones((3, 3, 3), np.uint8), 1), 1e-8, {"solid": 1.0})
    assert not nothing.any()


def test_tensor_refuses_what_it_cannot_do(chi_square, monkeypatch) -> None:
    """Arguments, memory and unfinished iterations are errors that say so."""
    m = Microstructure(chi_square((16, 16, 16), 0.5), 1e-8)
    for options in ({"sides": "open"}, {"rtol": 0.0}, {"max_iterations": 0}):
        with pytest.raises(InputError, match=next(iter(options))):
            effective_conductivity_tensor(m, {"solid": 1.0}, **{"sides": "periodic", **options})
    with pytest.raises(ConvergenceError, match="after"):
        effective_conductivity_tensor(
            m, {"solid": 1.0}, sides="periodic", rtol=1e-10, max_iterations=2
        )
    monkeypatch.setenv("VMT_MEMORY_LIMIT", "100KiB")
    with pytest.raises(MemoryBudgetError, match="16×16×16"):
        effective_conductivity_tensor(m, {"solid": 1.0}, sides="periodic")


@pytest.mark.parametrize("sides", ["closed", "periodic"])
def test_anisotropic_phase_is_a_stretched_isotropic_one(chi_square, sides) -> None:
    """σ along the axes equals isotropic σ on voxels stretched by 1/√σ, along every axis."""
    labels = chi_square((16, 17, 18), 0.6)
    sigma = np.array([2.0, 0.5, 8.0])
    given = {"solid": tuple(sigma.tolist())}
    edges = np.array([1e-8, 1.2e-8, 0.9e-8])
    body = Microstructure(labels, tuple(edges))
    stretched = Microstructure(labels, tuple(edges / np.sqrt(sigma)))
    for axis in range(3):
        options = {"axis": axis, "sides": sides, "rtol": 1e-9}
        one = effective_conductivity(body, given, **options)
        other = effective_conductivity(stretched, {"solid": 1.0}, **options)
        for name in ("effective_conductivity", "lower_bound", "upper_bound"):
            scaled = sigma[axis] * getattr(other, name)
            assert getattr(one, name) == pytest.approx(scaled, rel=1e-7)
        assert one.m_factor == pytest.approx(other.m_factor, rel=1e-8)
    if sides == "periodic":
        a = periodic_tensor(labels, tuple(edges), given, rtol=1e-9)
        b = periodic_tensor(labels, tuple(edges / np.sqrt(sigma)), {"solid": 1.0}, rtol=1e-9)
        assert a == pytest.approx(b * np.sqrt(np.outer(sigma, sigma)), abs=1e-7 * a.max())


def test_anisotropic_phases_in_layers_are_exact() -> None:
    """Layers of anisotropic phases: harmonic means across and arithmetic means along each axis."""
    labels = np.zeros((6, 6, 6), np.uint8)
    labels[:2] = 1
    m = Microstructure(labels, (1e-8, 2e-8, 1.5e-8))
    solid, pore = (1.0, 4.0, 0.2), (0.3, 0.1, 7.0)
    for axis in range(3):
        result = effective_conductivity(m, {"solid": solid, "pore": pore}, axis=axis, rtol=1e-11)
        s, p = solid[axis], pore[axis]
        exact = 1 / (1 / 3 / s + 2 / 3 / p) if axis == 0 else s / 3 + 2 * p / 3
        assert result.effective_conductivity == pytest.approx(exact, rel=1e-9)
        assert result.lower_bound == pytest.approx(exact, rel=1e-9)
        assert result.m_factor is None
    assert result.conductivity["solid"] == solid
    assert json.loads(json.dumps(result.to_dict()))["conductivity [S/m]"]["pore"] == [0.3, 0.1, 7.0]
    assert result.plot().patches


def test_equal_components_are_isotropic(chi_square) -> None:
    """Three equal components are one number, to the direct solve and to the digit."""
    labels = chi_square((10, 11, 12), 0.6)
    m = Microstructure(labels, 1e-8)
    one = effective_conductivity(m, {"solid": (2.0, 2.0, 2.0), "pore": 0.1}, rtol=1e-10)
    other = effective_conductivity(m, {"solid": 2.0, "pore": 0.1}, rtol=1e-10)
    assert one.effective_conductivity == other.effective_conductivity
    direct, _ = conduction_direct(np.where(labels == 1, 2.0, 0.1), (1.0, 1.0, 1.0))
    assert one.effective_conductivity == pytest.approx(direct, rel=1e-8)


@pytest.mark.parametrize(
    "value", [(1.0, 2.0), (1.0, 0.0, 1.0), (1.0, -1.0, 1.0), "abc", (1, 2, "x")]
)
def test_components_that_cannot_be_are_refused(value) -> None:
    """Components are three positive numbers."""
    m = Microstructure(np.eye(3, dtype=np.uint8)[None].repeat(3, 0), 1e-8)
    with pytest.raises(InputError, match="three along the axes"):
        effective_conductivity(m, {"solid": value})


def test_scalars_of_labels_are_for_isotropic_phases_only() -> None:
    """Solvers that know one number a phase get it for each label, or an error."""
    m = Microstructure(np.eye(3, dtype=np.uint8)[None].repeat(3, 0), 1e-8, {"a": 0, "b": 1})
    table = Conductivities.of(m, {"b": 3.0}).scalars()
    assert table.shape == (256,)
    assert (table[0], table[1]) == (0.0, 3.0)
    with pytest.raises(InputError, match="along the axes"):
        Conductivities.of(m, {"b": (3.0, 1.0, 1.0)}).scalars()
