"""Fields and fluxes of a run: what they add up to, when they are kept, how they are stored."""

import os
import pickle
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import brentq

from vmt.electrode import (
    CurrentStep,
    HalfCell,
    LithiumMetal,
    Protocol,
    Rest,
    Settings,
    SymmetricCell,
    constant,
    cycle,
    discharge,
    parameter_set,
    read_discharge,
    read_fields,
)
from vmt.electrode import _run as run_module
from vmt.electrode._integrator import Integrator
from vmt.electrode._keep import Keeper, Schedule
from vmt.electrode._tables import tables_of
from vmt.errors import InputError
from vmt.io import FieldStore, StoredArray, read_grey
from vmt.io import _field_store as store_module
from vmt.kernels.electrode import FluxFields, System
from vmt.kernels.reference_electrode import flux_vectors
from vmt.microstructure import Microstructure

MADE: dict = {}
FARADAY, GAS, ROOM = 96485.33212, 8.31446261815324, 298.15


@pytest.fixture
def shared():
    """Materials with σ(x), D(x) and a double layer that conduct everywhere."""
    p = parameter_set("nmc811-oregan2022")
    law = lambda x: 0.1 + 0.1 * (1 - x)  # noqa: E731
    return replace(p, active_material=replace(p.active_material, conductivity=law))


def held(blob, shared, **given):
    """Return a cell and its run of 100 s at 1C with fluxes; made once for each cell."""
    key = repr(given)
    if key in MADE:
        return MADE[key]
    cell = HalfCell(blob((8, 5, 5)), shared, **given)
    step = CurrentStep(cell.current_density(1.0), duration=100.0)
    settings = Settings(method="direct", newton=1e-10)
    MADE[key] = cell, cycle(cell, Protocol([step]), fluxes=True, settings=settings)
    return MADE[key]


@pytest.mark.parametrize(
    ("given", "open_planes"),
    [({}, None), ({"periodic": (True, True), "area_mode": "voxel"}, None), ({"embedding": 2}, -2)],
)
def test_every_plane_carries_the_terminals_current(blob, shared, given, open_planes) -> None:
    """Ionic plus electronic current of each plane, reactions, and collector: each the terminal's.

    They differ by no more than what Newton's method left; embedded planes share it with the
    collector in their pores.
    """
    cell, run = held(blob, shared, **given)
    fluxes = run.snapshots[-1].fluxes()
    current = cell.current_density(1.0)
    left = 2 * run.residual[-1] * current + 1e-11 * current
    assert left < 1e-8 * current
    both = fluxes.ionic_profile + fluxes.electronic_profile
    assert np.abs(both[:open_planes] - current).max() <= left
    density, area = fluxes.faces
    assert abs((density * area).sum() / cell.cross_section - current) <= left
    assert abs(fluxes.collector.mean() - current) <= left
    # the single precision of the fields is all that they lose
    planes = fluxes.ionic[0].mean(axis=(1, 2)), fluxes.electronic[0].mean(axis=(1, 2))
    np.testing.assert_allclose(planes[0], fluxes.ionic_profile, atol=1e-5 * current)
    np.testing.assert_allclose(planes[1], fluxes.electronic_profile, atol=1e-5 * current)
    layers = cell.separator_layers
    assert np.abs(fluxes.electronic[:, :layers]).max() == 0
    assert fluxes.ionic_profile[0] == pytest.approx(current)
    if open_planes is None:
        assert 0.1 * current < fluxes.ionic_profile[layers + 2] < current
        assert 0 <= fluxes.ionic_profile[-1] < 0.5 * current
    assert run.snapshots[-1].current_density == pytest.approx(current, rel=1e-9)


def test_two_electrodes_share_one_current(blob, shared, tmp_path) -> None:
    """Every plane of a symmetric cell and the reactions of each side carry the same current.

    What the store gives back knows where the separator lies, and the potentials of both sides.
    """
    cell = SymmetricCell(blob((8, 5, 5)), shared, initial_stoichiometry=0.5)
    current = cell.current_density(0.5)
    settings = Settings(method="direct", newton=1e-10)
    run = cycle(
        cell, Protocol([CurrentStep(current, duration=60.0)]), fluxes=True, settings=settings,
        directory=tmp_path / "run",
    )  # fmt: skip
    shot = run.snapshots[-1]
    fluxes = shot.fluxes()
    left = 2 * run.residual[-1] * current + 1e-11 * current
    assert left < 1e-8 * current
    both = fluxes.ionic_profile + fluxes.electronic_profile
    assert np.abs(both - current).max() <= left
    for faces, sign in ((fluxes.faces, 1), (fluxes.counter_faces, -1)):
        total = (faces[0] * faces[1]).sum() / cell.cross_section
        assert abs(total - sign * current) <= left
    front, layers = cell.counter_layers, cell.separator_layers
    assert (front, layers) == (shot.layout.counter_layers, shot.layout.separator_layers)
    phase = np.asarray(shot.layout.phase)
    assert (phase[front : front + layers] == 3).all()
    assert (phase[:front] != 3).all()
    # all fields are those that the state has
    last = np.nanmean(shot.stoichiometry[front + layers :])
    first = np.nanmean(shot.stoichiometry[:front])
    assert last == pytest.approx(run.stoichiometry[-1], rel=1e-4)
    assert first == pytest.approx(run.counter_stoichiometry[-1], rel=1e-4)
    # the counter collector is at 0 V, the terminal at the voltage
    solid = shot.solid_potential
    assert abs(np.nanmean(solid[0])) < abs(np.nanmean(solid[-1]) - np.nanmean(solid[0]))
    assert np.nanmean(solid[-1]) == pytest.approx(shot.voltage, abs=0.05)
    assert "counter" in shot.plot().get_xlabel()
    fluxes.plot_profile()


def test_fluxes_against_a_walk_over_faces() -> None:
    """On random states of all kinds of voxels every vector is that of the slow twin."""
    rng = np.random.default_rng(5)
    labels = rng.choice(np.array([0, 1, 1, 2], np.uint8), (5, 4, 3))
    p = parameter_set("nmc811-chen2020")
    electrolyte = replace(
        p.electrolyte, conductivity=constant(0.9), diffusivity=constant(3e-10),
        transference=constant(0.3), thermodynamic_factor=constant(1.4),
    )  # fmt: skip
    material = replace(
        p.active_material, conductivity=constant(0.2), diffusivity=constant(2e-14),
        open_circuit_potential=lambda x: 3.9 - 0.0 * x, double_layer=0.0,
    )  # fmt: skip
    lithium = LithiumMetal(2.0, 0.3)
    p = replace(p, electrolyte=electrolyte, active_material=material, lithium=lithium)
    phases = {"pore": 0, "active_material": 1, "binder": 2}
    cell = HalfCell(Microstructure(labels, (1e-6, 2e-6, 1.5e-6), phases), p, area_mode="voxel")
    system, n = System(cell.network(), tables_of(p)), cell.network()
    x = np.zeros(system.size)
    x[system.phi_e] = rng.normal(0, 0.02, n.liquid.size)
    x[system.phi_s] = rng.normal(0, 0.02, n.solid.size)
    x[system.ce] = rng.uniform(500, 1500, n.liquid.size)
    largest = material.maximum_concentration
    x[system.cs] = rng.uniform(0.3, 0.8, n.active) * largest
    x[system.terminal] = 0.03
    fields = {name: np.zeros(cell.cells.shape) for name in ("phi_e", "ce", "phi_s", "cs", "V")}
    for name, at, values in (
        ("phi_e", n.liquid, x[system.phi_e]), ("ce", n.liquid, x[system.ce]),
        ("phi_s", n.solid, x[system.phi_s]), ("cs", n.solid[: n.active], x[system.cs]),
    ):  # fmt: skip
        fields[name].ravel()[at] = values
    fields["V"][:] = 0.03
    f = FARADAY / (GAS * ROOM)
    kinetics = material.exchange_current

    def reaction(jump, ce, cs, distance):
        def at(u):
            i0 = kinetics.at(ce, u, largest)
            return i0 * 2 * np.sinh(f * (jump - (3.9 - system.tables.offset)) / 2)

        return at(brentq(lambda u: u - cs + distance / (FARADAY * 2e-14) * at(u), 1.0, largest - 1))

    laws = {
        "kappa": lambda c: 0.9,
        "pull": lambda c: 2 * GAS * ROOM / FARADAY * 0.7 * 1.4,
        "sigma": lambda c: 0.2,
        "diffusivity": lambda c: 2e-14,
        "reaction": reaction,
        "metal": lambda phi, c: 2.0 * c**0.3 * 2 * np.sinh(-f * phi / 2),
    }
    slow = flux_vectors(cell.cells, cell.kinds, cell.structure.spacing, fields, laws)
    fast = FluxFields(system, x, 0.0, np.zeros_like(x))
    for name in ("ionic", "electronic", "lithium"):
        scale = np.abs(slow[name]).max()
        assert scale > 0
        np.testing.assert_allclose(getattr(fast, name)(), slow[name], rtol=1e-7, atol=1e-9 * scale)


def test_local_reactions_and_their_histogram(blob, shared) -> None:
    """The mean of a voxel's faces, quantiles by area, and lithium that enters with the current."""
    _, run = held(blob, shared)
    shot = run.snapshots[-1]
    fluxes = shot.fluxes()
    density, area = fluxes.faces
    low, middle, high = fluxes.reaction_quantiles()
    assert low < middle < high
    assert area[density <= middle].sum() / area.sum() == pytest.approx(0.5, abs=0.02)
    field = fluxes.reaction
    assert np.nanmin(field) >= density.min() - 1e-3
    assert np.nanmax(field) <= density.max() + 1e-3
    assert np.isnan(field[np.asarray(shot.layout.phase) != 1]).all()
    told = fluxes.to_dict()
    assert told["current density by reactions [A/m²]"] == pytest.approx(
        told["terminal current density [A/m²]"], rel=1e-8
    )
    assert told["largest collector current over mean"] > 1
    # no lithium flux but in active material
    assert np.abs(fluxes.lithium[:, np.asarray(shot.layout.phase) != 1]).max() == 0
    assert np.abs(fluxes.lithium).max() > 0


@pytest.mark.parametrize("method", ["direct", "multigrid"])
def test_fields_are_kept_at_the_times_asked_for(comb, tmp_path, method: str) -> None:
    """Shares and times are met, not passed; the store holds what memory would have held."""
    cell = comb(layers=8, parameters=parameter_set("nmc811-chen2020"))
    given = {"keep": (0.1, 0.25), "keep_times": (33.0, 777.0), "fluxes": True}
    given["settings"] = Settings(method=method)
    current = cell.current_density(1.0)
    protocol = Protocol([CurrentStep(current, duration=1000.0), Rest(50.0)])
    run = cycle(cell, protocol, **given)
    times = [s.time for s in run.snapshots]
    assert times == pytest.approx([33.0, 360.0, 777.0, 900.0, 1050.0], rel=1e-6)
    assert run.snapshots[1].capacity == pytest.approx(0.1 * cell.areal_capacity, rel=1e-6)
    assert [s.step for s in run.snapshots] == [0, 0, 0, 0, 1]
    stored = cycle(cell, protocol, directory=tmp_path / "run", **given)
    np.testing.assert_array_equal(stored.voltage, run.voltage)
    for shots in (stored.snapshots, read_fields(tmp_path / "run")):
        assert len(shots) == 5
        for one, other in zip(shots, run.snapshots, strict=True):
            assert one.to_dict() == other.to_dict()
            assert set(one.fields) == set(other.fields)
            for name in one.fields:
                assert isinstance(one.fields[name], StoredArray)
                np.testing.assert_array_equal(np.asarray(one.fields[name]), other.fields[name])
    np.testing.assert_array_equal(shots[0].layout.phase, run.snapshots[0].layout.phase)
    assert not list((tmp_path / "run").glob("*.npz.partial"))


def test_a_run_is_read_back(comb, tmp_path) -> None:
    """Curve, numbers and fields of a finished run come from its directory, and from a pickle."""
    cell = comb(layers=8)
    run = discharge(cell, 40.0, cutoff_voltage=3.6, keep=(0.2,), directory=tmp_path / "run")
    again = read_discharge(tmp_path / "run")
    assert again.to_dict() == run.to_dict()
    np.testing.assert_array_equal(again.salt_profile, run.salt_profile)
    for other in (again, pickle.loads(pickle.dumps(run))):
        assert len(other.snapshots) == 2
        np.testing.assert_array_equal(other.snapshots[1].salt, run.snapshots[1].salt)
    with pytest.raises(InputError, match="fluxes=True"):
        again.snapshots[0].fluxes()


def test_readers_see_whole_times_only(comb, tmp_path, monkeypatch) -> None:
    """While a time is written, and after a kill in the middle of it, it isn't there."""
    cell = comb(layers=6)
    write, seen, count = store_module._write, [], 0

    def slow(folder, name, *rest):
        nonlocal count
        write(folder, name, *rest)
        if name == "phase":
            return
        seen.append(len(read_fields(tmp_path / "run")))
        count += 1
        if count == 6:  # in the middle of the second
            raise KeyboardInterrupt

    monkeypatch.setattr(store_module, "_write", slow)
    given = {"cutoff_voltage": 3.6, "keep": (0.1, 0.2), "directory": tmp_path / "run"}
    with pytest.raises(KeyboardInterrupt):
        discharge(cell, 40.0, **given)
    assert seen == [0] * 4 + [1] * 2
    monkeypatch.setattr(store_module, "_write", write)
    # what kill -9 leaves behind
    left = tmp_path / "run" / ".0123.partial.fields.zarr.001"
    left.mkdir()
    assert len(read_fields(tmp_path / "run")) == 1
    run = discharge(cell, 40.0, **given)
    assert len(run.snapshots) == 3
    assert read_fields(tmp_path / "run" / "fields.zarr")[2].time == run.time[-1]


def test_a_kill_before_the_checkpoint_leaves_no_stale_fields(comb, tmp_path, monkeypatch) -> None:
    """Fields kept after the last checkpoint are made again by the run that goes on."""
    cell = comb(layers=8)
    protocol = Protocol([CurrentStep(40.0, duration=900.0)])
    given = {"keep_times": (100.0, 300.0), "directory": tmp_path / "run", "checkpoint_every": 0.0}
    whole = cycle(cell, protocol, keep_times=(100.0, 300.0))
    save, snapshot = run_module._Run._save, run_module._Run._snapshot

    def killing(self):
        snapshot(self)
        if self.keeper.count == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(run_module._Run, "_snapshot", killing)
    with pytest.raises(KeyboardInterrupt):
        cycle(cell, protocol, **given)
    assert len(read_fields(tmp_path / "run")) == 2
    monkeypatch.setattr(run_module._Run, "_snapshot", snapshot)
    monkeypatch.setattr(run_module._Run, "_save", save)
    again = cycle(cell, protocol, **given)
    assert [s.time for s in again.snapshots] == [s.time for s in whole.snapshots]
    for one, other in zip(again.snapshots, whole.snapshots, strict=True):
        np.testing.assert_array_equal(one.solid_potential, other.solid_potential)
    with pytest.raises(InputError, match="other parameters"):
        cycle(cell, protocol, **{**given, "fluxes": True})


def test_a_store_takes_no_memory_for_fields(blob, tmp_path) -> None:
    """Keeping fields holds a slab at a time, and nothing afterwards."""
    p = parameter_set("nmc811-chen2020")
    cell = HalfCell(blob((300, 12, 12)), p)
    system = System(cell.network(), tables_of(p))
    x = np.full(system.size, 500.0)
    integrator = Integrator(system, x, Settings(), 1.0)
    keeper = Keeper(cell, system, tmp_path, fluxes=False)
    keeper.add(integrator, 0.0, 0.0, 0)  # imports, and the phases
    tracemalloc.start()
    keeper.add(integrator, 0.0, 0.0, 0)
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    voxels = cell.cells.size
    assert after < 3 * voxels
    assert peak < 12 * voxels  # of 16 for all four fields; a slab of 64 in 310 planes is 0.8
    shots = keeper.snapshots()
    assert len(shots) == 2
    assert shots[0].stoichiometry.dtype == np.float32


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"keep_times": (-1.0,)}, "keep_times holds"),
        ({"keep_times": (float("nan"),)}, "keep_times holds"),
        ({"keep": (float("inf"),)}, "keep holds"),
    ],
)
def test_times_that_are_none(comb, given, words: str) -> None:
    """Shares and times below zero, or none at all, are refused at once."""
    with pytest.raises(InputError, match=words):
        discharge(comb(layers=4), 10.0, **given)


def test_a_schedule_meets_what_is_ahead() -> None:
    """Steps end at what is ahead, or half-way to it; what is passed is off the list."""
    plan = Schedule((0.5, 0.1, 0.1), (30.0,))
    assert len(plan) == 3
    assert plan.shorten(100.0, 0.0, 0.0, 0.01) == pytest.approx(10.0)
    assert plan.shorten(8.0, 0.0, 0.0, 0.01) == pytest.approx(5.0)
    assert plan.shorten(3.0, 0.0, 0.0, 0.01) == 3.0
    assert plan.shorten(100.0, 0.0, 0.0, 0.0) == 30.0
    assert plan.due(0.1 - 1e-9, 10.0)
    assert not plan.due(0.1, 10.0)
    assert plan.due(0.6, 30.0)
    assert len(plan) == 0
    assert plan.shorten(100.0, 30.0, 0.6, 0.01) == 100.0


@pytest.mark.parametrize("break_it", ["missing", "newer", "foreign", "short"])
def test_stores_that_cannot_be_read(comb, tmp_path, break_it: str) -> None:
    """No store, a newer one, a foreign one and one that lacks a field: one clear error each."""
    place = tmp_path / "run"
    words = {"missing": "holds no fields", "newer": "newer vmt", "foreign": "no fields of a cell",
             "short": "lacks salt"}[break_it]  # fmt: skip
    if break_it != "missing":
        discharge(comb(layers=4), 40.0, cutoff_voltage=3.9, directory=place)
        meta = place / "fields.zarr" / "zarr.json"
        text = meta.read_text("utf-8")
        if break_it == "newer":
            meta.write_text(text.replace('"schema_version": 1', '"schema_version": 99'), "utf-8")
        elif break_it == "foreign":
            meta.write_text(text.replace('"vmt"', '"other"'), "utf-8")
        else:
            os.rename(place / "fields.zarr" / "000" / "salt", tmp_path / "salt")
    with pytest.raises(InputError, match=words):
        read_fields(place)
    if break_it in ("missing",):
        with pytest.raises(InputError, match="no finished run"):
            read_discharge(place)


def test_fields_say_what_they_are(comb, tmp_path) -> None:
    """The store names axes, spacing, phases, units and times for other programs."""
    cell = comb(layers=4)
    discharge(cell, 40.0, cutoff_voltage=3.8, directory=tmp_path / "run", fluxes=True)
    store = FieldStore(tmp_path / "run" / "fields.zarr")
    about = store.attributes()
    assert about["schema_version"] == 1
    assert about["spacing [m]"] == [1e-6, 1e-6, 1e-6]
    assert about["units"]["salt"] == "mol/m³"
    assert set(about["units"]) == set(store.arrays("000"))
    assert set(store.attributes("000")) >= {"time [s]", "voltage [V]", "capacity [C/m²]"}


def test_a_snapshot_for_paraview(blob, shared, tmp_path) -> None:
    """Fields, vectors and phases are in one VTI file."""
    _, run = held(blob, shared)
    shot = run.snapshots[-1]
    shot.write_vti(tmp_path / "shot.vti")
    head = (tmp_path / "shot.vti").read_bytes()[:4000].decode("utf-8", "replace")
    for name in ("phase", "solid potential", "ionic current density", "lithium flux"):
        assert f'Name="{name}"' in head
    phase = read_grey(tmp_path / "shot.vti", spacing=1e-6, dataset="phase")
    np.testing.assert_array_equal(phase.values, shot.layout.phase)


def test_sections_and_maps_are_drawn(blob, shared) -> None:
    """Every picture has its data; wrong fields and slices are refused."""
    _, run = held(blob, shared)
    shot = run.snapshots[-1]
    fluxes = shot.fluxes()
    for field in ("stoichiometry", "salt", "solid_potential", "liquid_potential"):
        ax = shot.plot(field=field)
        drawn = np.ma.filled(ax.images[1].get_array(), np.nan).T
        at = shot.stoichiometry.shape[2] // 2
        np.testing.assert_array_equal(drawn, getattr(shot, field)[:, :, at])
        assert "binder" in {t.get_text() for t in ax.get_legend().get_texts()}
    for carrier in ("ionic", "electronic", "lithium"):
        fluxes.plot(carrier=carrier, axis=1, index=2)
        length = fluxes.magnitude(carrier, axis=1, index=2)
        parts = getattr(fluxes, carrier)[:, :, 2]
        np.testing.assert_allclose(np.nan_to_num(length), np.linalg.norm(parts, axis=0), rtol=1e-6)
    ax = fluxes.plot_histogram()
    assert sum(ax.patches[0].get_data().values) == pytest.approx(1.0)
    line = fluxes.plot_profile().lines[2]
    np.testing.assert_allclose(line.get_ydata(), shot.current_density, rtol=1e-8)
    fluxes.plot_collector()
    fluxes.plot_reaction()
    for bad in ({"field": "heat"}, {"axis": 0}, {"index": 99}):
        with pytest.raises(InputError, match="expected"):
            shot.plot(**bad)
    with pytest.raises(InputError, match="carrier"):
        fluxes.plot(carrier="heat")


def test_the_bar_says_voltage_and_remaining_time(comb, monkeypatch) -> None:
    """A run tells its bar voltage, step and seconds left, and moves it to the end once."""
    from contextlib import contextmanager

    told = []

    @contextmanager
    def bar(title, total, *, estimates):
        assert (title, estimates) == ("cell", True)
        yield lambda text, advance, left: told.append((text, advance / total, left))

    monkeypatch.setattr(run_module, "progress_steps", bar)
    cell = comb(layers=8)
    protocol = Protocol([CurrentStep(10.0, duration=300.0), Rest(100.0)])
    run = cycle(cell, protocol)
    assert len(told) == run.time.size - 3  # not the start, nor the two that settle
    assert told[0][0].startswith(f"{run.voltage[2]:.3f} V, step ")
    assert sum(advance for _, advance, _ in told) == pytest.approx(1.0)
    left = [seconds for *_, seconds in told]
    assert left[0] is None
    assert all(seconds >= 0 for seconds in left[1:])
    assert left[-1] == pytest.approx(0.0, abs=1e-9)
