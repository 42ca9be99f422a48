"""The digital twin end to end, its verdicts, its resumption, and the demonstration."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import vmt
from vmt import ChiSquareExcursionSet, Covariance, Microstructure
from vmt.study import demo, measure_structure, sweep_status
from vmt.study._tasks import run_rows
from vmt.study._twin import _verdict

VOXEL = 20e-9
TRUTH = ChiSquareExcursionSet(Covariance.gaussian(rate=7e6), 0.5)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> vmt.TwinReport:
    image = TRUTH.sample((72, 72, 72), VOXEL, rng=11)
    folder = tmp_path_factory.mktemp("twin")
    return vmt.twin(image, realizations=4, seed=1, name="phantom", directory=folder)


def test_twin_of_an_excursion_set_is_inside(report: vmt.TwinReport) -> None:
    """The twins of an excursion set contain it: at least 18 of 20 descriptors inside at 95 %."""
    assert report.calibration.adequate
    verdicts = [row.verdict for row in report.rows]
    assert len(verdicts) == 20
    assert verdicts.count("inside") >= 18


def test_rows_are_those_of_the_structures(report: vmt.TwinReport) -> None:
    """A row's image value is what measuring the image gives; means and spreads are the twins'."""
    measured = measure_structure(report.image)["values"]
    by_name = {(row.descriptor, row.phase): row for row in report.rows}
    assert by_name["M-factor", "pore"].image == pytest.approx(measured["m_factor(pore)"])
    twins = report.values["constrictivity(solid)"]
    assert by_name["constrictivity", "solid"].mean == pytest.approx(twins.mean())
    assert by_name["constrictivity", "solid"].std == pytest.approx(twins.std(ddof=1))


def test_closed_form_stands_beside_the_twins(report: vmt.TwinReport) -> None:
    """The model's exact E[S] lies within three standard errors of the twins' mean."""
    row = next(r for r in report.rows if r.descriptor == "specific surface area")
    assert row.closed_form is not None
    assert abs(row.mean - row.closed_form) < 3 * row.std / math.sqrt(report.count) + 1e-3 * row.mean


def test_m_factors_are_of_both_phases(report: vmt.TwinReport) -> None:
    """Computed and predicted M-factors of image and twins, each between 0 and the phase's share."""
    for phase in ("solid", "pore"):
        image, twins, predicted, twins_predicted = report.m_factors[phase]
        for value in (image, predicted, *twins, *twins_predicted):
            assert 0 < value < report.image.volume_fraction(phase)


def test_result_is_json(report: vmt.TwinReport) -> None:
    """The whole result travels as JSON, with units in the keys."""
    text = json.loads(json.dumps(report.to_dict()))
    assert text["realizations"] == 4
    assert any("image [1/m]" in row for row in text["rows"])
    assert text["provenance"]["inputs"]["phantom"]


def test_selection_finds_the_family(report: vmt.TwinReport) -> None:
    """Held-out descriptors rank the true family above those that are plainly different."""
    assert report.selection is not None
    rank = {name: place for place, name in enumerate(report.selection.names)}
    assert rank["χ², k = 2"] < rank["complement of χ², k = 1"]
    assert rank["χ², k = 2"] < rank["χ², k = 1"]
    assert report.selection.rows[0][0] == "image"


def test_killed_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twins that were stored before a kill are not measured again, and the result is the same."""
    image = TRUTH.sample((40, 40, 40), VOXEL, rng=3)
    options = {"realizations": 3, "seed": 5, "families": "skip"}
    whole = vmt.twin(image, **options)
    calls = []
    real = run_rows

    def dying(plan: str, rows: object) -> object:
        if len(calls) == 1:
            raise KeyboardInterrupt
        calls.append(rows)
        return real(plan, rows)

    monkeypatch.setattr("vmt.study._run.run_rows", dying)
    with pytest.raises(KeyboardInterrupt):
        vmt.twin(image, directory=tmp_path, **options)
    assert {p.name for p in (tmp_path / "parts").iterdir()} == {"image.json"}
    assert sweep_status(tmp_path / "realizations").finished == 1
    counted = []

    def counting(plan: str, rows: object) -> object:
        counted.append(rows)
        return real(plan, rows)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the image is measured again")

    monkeypatch.setattr("vmt.study._run.run_rows", counting)
    with monkeypatch.context() as patch:
        patch.setattr("vmt.study._twin.measure_structure", never)
        resumed = vmt.twin(image, directory=tmp_path, **options)
    assert len(counted) == 2
    for name, values in whole.values.items():
        np.testing.assert_array_equal(resumed.values[name], values)


def test_twins_are_those_of_the_model(report: vmt.TwinReport) -> None:
    """A twin's row is what sampling the fitted model with its seed and measuring it gives."""
    child = np.random.SeedSequence(1).spawn(3)[2].spawn(4)[3]
    model = report.calibration.model
    made = model.sample((72, 72, 72), VOXEL, rng=np.random.default_rng(child))
    for name, value in measure_structure(made)["values"].items():
        assert report.values[name][3] == value


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_twins_of_two_processes_are_the_same(report: vmt.TwinReport) -> None:
    """Two worker processes give the same twins, bit for bit."""
    image = TRUTH.sample((72, 72, 72), VOXEL, rng=11)
    again = vmt.twin(image, realizations=4, seed=1, families="skip", workers=2)
    for name, values in report.values.items():
        np.testing.assert_array_equal(again.values[name], values)


def test_realizations_are_written_on_request(tmp_path: Path) -> None:
    """All twins' voxels are written, can be read back, and are the model's samples."""
    image = TRUTH.sample((40, 40, 40), VOXEL, rng=3)
    report = vmt.twin(
        image, realizations=2, families="skip", keep_realizations=True, directory=tmp_path
    )
    assert len(report.realizations) == 2
    back = vmt.read_labels(tmp_path / "realization_001.tif")
    np.testing.assert_array_equal(back.labels, report.realizations[1].labels)
    assert back.spacing == pytest.approx(image.spacing)


def test_other_phases_are_background() -> None:
    """A phase of a three-phase image is twinned against the rest, which is named background."""
    labels = TRUTH.sample((40, 40, 40), VOXEL, rng=3).labels.copy()
    labels[:5] = np.where(labels[:5] == 0, 2, labels[:5])
    image = Microstructure(labels, VOXEL, {"pore": 0, "active": 1, "binder": 2})
    report = vmt.twin(image, phase="active", realizations=2, families="skip")
    assert report.background == "background"
    assert report.image.volume_fraction("active") == image.volume_fraction("active")


def test_phase_that_does_not_percolate_is_a_result() -> None:
    """An image whose solid has no path gives M = 0 and a sentence, not an error."""
    labels = TRUTH.sample((48, 48, 48), VOXEL, rng=9).labels.copy()
    labels[24] = 0
    report = vmt.twin(Microstructure(labels, VOXEL), realizations=2, families="skip")
    row = next(r for r in report.rows if r.descriptor == "M-factor" and r.phase == "solid")
    assert row.image == 0.0
    assert any("does not percolate" in line for line in report.text)
    path = next(
        r for r in report.rows if r.descriptor == "geodesic tortuosity" and r.phase == "solid"
    )
    assert path.verdict == "not comparable"


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"realizations": 1}, "at least 2"),
        ({"families": "maybe"}, "maybe"),
        ({"phase": "binder"}, "binder"),
    ],
)
def test_bad_arguments(change: dict[str, object], match: str) -> None:
    """Each impossible argument gets one clear error."""
    image = TRUTH.sample((24, 24, 24), VOXEL, rng=3)
    with pytest.raises(vmt.InputError, match=match):
        vmt.twin(image, **change)


def test_2d_is_refused() -> None:
    """A 2D image is described but not twinned."""
    flat = TRUTH.sample((80, 80, 1), VOXEL, rng=3)
    with pytest.raises(vmt.InputError, match="3D"):
        vmt.twin(flat)


def test_verdict_is_a_prediction_interval() -> None:
    """Of values drawn like the twins 95 % are inside (2000 trials, three standard errors)."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        values = rng.normal(5.0, 0.3, 6)
        inside += _verdict(float(rng.normal(5.0, 0.3)), values[:5], "1", 0.0)[1] == "inside"
    assert abs(inside / 2000 - 0.95) < 3 * math.sqrt(0.95 * 0.05 / 2000)


def test_verdict_knows_the_calibration_error() -> None:
    """A length that misses by 3 % is outside for a sure rate, inside for one uncertain by 3 %."""
    values = np.array([1.0, 1.001, 0.999, 1.0]) * 1e-7
    assert _verdict(1.03e-7, values, "m", 0.0)[1] == "outside"
    assert _verdict(1.03e-7, values, "m", 0.03)[1] == "inside"
    assert _verdict(float("nan"), values, "m", 0.03) == (None, "not comparable")


def test_demo_tells_the_two_phantoms_apart() -> None:
    """The excursion set is adequate and its truth within 4 standard errors; spheres are not."""
    reports = demo(realizations=4, size=64, seed=3)
    good, bad = reports["excursion-set"], reports["sphere-packing"]
    assert good.is_phantom
    assert good.calibration.adequate
    assert good.truth is not None
    for name, value in good.truth.items():
        error = good.calibration.standard_error[name]
        assert abs(good.calibration.parameters[name] - value) < 4 * error
    assert not bad.calibration.adequate
    assert sum(row.verdict == "outside" for row in bad.rows) >= 5


@pytest.mark.data
def test_real_cathode_crop_fails_honestly(cathode_path: Path) -> None:
    """The whole cathode is found anisotropic; a crop's twins miss it somewhere."""
    cathode = vmt.read_labels(cathode_path, spacing=398e-9)
    fit = vmt.calibrate(vmt.ChiSquareExcursionSet, cathode, phase=1, simulations=40)
    assert not fit.adequate
    assert next(f for f in fit.findings if f.name == "anisotropy").triggered
    crop = cathode.crop(slice(60, 150), slice(100, 190), slice(100, 190))
    report = vmt.twin(crop, phase=1, realizations=4, families="skip", name=cathode_path.name)
    outside = {(row.descriptor, row.phase) for row in report.rows if row.verdict == "outside"}
    assert outside
