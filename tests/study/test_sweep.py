"""What a sweep is: its schema, design, seeds, files, and what it refuses."""

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest

import vmt
from vmt import InputError, Sweep

sys.path.insert(0, str(Path(__file__).parent))
from sweep_helpers import FUNCTIONS

BASE = {
    "model": "chi_square_excursion_set",
    "parameters": {"rate": 6e6},
    "factors": {"volume_fraction": [0.4, 0.5]},
    "shape": (16, 16, 16),
    "spacing": "20 nm",
    "measurements": ["volume_fraction"],
}
YAML = """
model: chi_square_excursion_set
parameters: {rate: 6e6}
factors:
  volume_fraction: [0.4, 0.5]
shape: [16, 16, 16]
spacing: 20 nm
measurements: [volume_fraction]
"""


@pytest.fixture(autouse=True)
def functions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FUNCTIONS))


def changed(**changes: object) -> Sweep:
    return Sweep(**{**BASE, **changes})


def filling(design: str, points: int, factors: dict[str, object], **more: object) -> Sweep:
    return changed(design=design, points=points, factors=factors, parameters={}, **more)


RANGES = {
    "volume_fraction": {"low": 0.3, "high": 0.7},
    "rate": {"low": 1e6, "high": 1e8, "scale": "log"},
    "degrees_of_freedom": {"low": 1, "high": 4},
}


# ---- the design


def test_grid_is_every_combination_in_order() -> None:
    """A grid has all combinations, the last factor fastest; each point has its realizations."""
    sweep = changed(
        parameters={},
        factors={
            "volume_fraction": [0.4, 0.5],
            "rate": {"low": 4e6, "high": 8e6, "levels": 3},
            "degrees_of_freedom": {"low": 1, "high": 3, "levels": 2},
        },
        realizations=5,
    )
    points = [tuple(sweep.point(k).values()) for k in range(sweep.point_count)]
    assert points == list(itertools.product([0.4, 0.5], [4e6, 6e6, 8e6], [1, 3]))
    assert sweep.rows == 60
    assert sweep.place(13) == (2, 3)


def test_log_levels_are_in_equal_ratios() -> None:
    """Levels on a log scale have equal ratios and hit both ends exactly."""
    factors = {"rate": {"low": 1e6, "high": 1e8, "levels": 5, "scale": "log"}}
    column = changed(parameters={"volume_fraction": 0.5}, factors=factors).point_columns()["rate"]
    np.testing.assert_allclose(column[1:] / column[:-1], 10**0.5)
    assert (column[0], column[-1]) == (1e6, 1e8)


def test_list_goes_together() -> None:
    """A list pairs the factors' values and refuses lists of different lengths."""
    sweep = changed(
        parameters={}, design="list", factors={"volume_fraction": [0.4, 0.5], "rate": [5e6, 7e6]}
    )
    assert [sweep.point(k) for k in range(2)] == [
        {"volume_fraction": 0.4, "rate": 5e6},
        {"volume_fraction": 0.5, "rate": 7e6},
    ]
    with pytest.raises(InputError, match="as many values"):
        changed(parameters={}, design="list", factors={"volume_fraction": [0.4], "rate": [1, 2]})


def test_latin_hypercube_has_one_point_in_each_stratum() -> None:
    """Each of n equal parts of each range, on the log scale too, has exactly one point."""
    columns = filling("latin_hypercube", 40, RANGES).point_columns()
    linear = (columns["volume_fraction"] - 0.3) / 0.4
    logarithmic = np.log(columns["rate"] / 1e6) / np.log(100)
    for unit in (linear, logarithmic):
        assert sorted((unit * 40).astype(int)) == list(range(40))
    assert np.bincount(columns["degrees_of_freedom"]).tolist() == [0, 10, 10, 10, 10]


def test_sobol_is_balanced() -> None:
    """64 points of a Sobol' sequence have 16 in each quarter of each range of two factors."""
    columns = filling("sobol", 64, RANGES).point_columns()
    halves = [
        columns["volume_fraction"] > 0.5,
        columns["rate"] > 1e7,
    ]
    counts = [int((a & b).sum()) for a in (halves[0], ~halves[0]) for b in (halves[1], ~halves[1])]
    assert counts == [16, 16, 16, 16]
    assert set(columns["degrees_of_freedom"]) == {1, 2, 3, 4}


def test_design_depends_on_the_seed_only() -> None:
    """The same seed draws the same points; another one draws others."""
    one, same = (filling("latin_hypercube", 8, RANGES, seed=3) for _ in range(2))
    other = filling("latin_hypercube", 8, RANGES, seed=4)
    assert one.design_hash() == same.design_hash() != other.design_hash()


def test_texts_and_numbers_of_a_factor() -> None:
    """Names vary like numbers, numbers written as text are numbers."""
    sweep = changed(
        parameters={"volume_fraction": "0.5"},
        factors={"covariance": ["gaussian", "exponential"], "rate": ["5e6", 7000000]},
    )
    assert sweep.point(2) == {"covariance": "exponential", "rate": 5e6}
    assert sweep.fixed["volume_fraction"] == 0.5


# ---- seeds


def test_seed_of_a_row_is_that_of_spawning() -> None:
    """Row k has the k-th spawned child's seed, whatever runs before it."""
    sweep = changed(realizations=6, seed=(7, 1))
    children = np.random.SeedSequence([7, 1]).spawn(12)
    for row in (0, 5, 11):
        assert sweep.seed_sequence(row).spawn_key == children[row].spawn_key
        np.testing.assert_array_equal(
            sweep.seed_sequence(row).generate_state(4), children[row].generate_state(4)
        )


def test_common_seeds_are_the_same_at_each_point() -> None:
    """Common random numbers: realization j has one seed at all points."""
    sweep = changed(realizations=3, seeds="common")
    states = [sweep.seed_sequence(row).generate_state(2).tolist() for row in range(6)]
    assert states[:3] == states[3:]
    assert len(set(map(tuple, states))) == 3


# ---- files


def test_yaml_is_the_same_sweep(tmp_path: Path) -> None:
    """A file, its Python twin, and what to_dict() gives are one sweep."""
    path = tmp_path / "study.yaml"
    path.write_text(YAML)
    read = Sweep.from_yaml(path)
    assert read == Sweep(**BASE)
    assert read != changed(seed=1)
    assert Sweep(**json.loads(json.dumps(read.to_dict()))).to_dict() == read.to_dict()
    assert read.design_hash() == Sweep(**BASE).design_hash()


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a: !!python/object/apply:os.system [ls]", "tag"),
        ("a: !secret 1", "line 1: the tag"),
        ("!!map {a: 1}", "tag"),
        ("a: &x [1]\nb: *x", "anchors"),
        ("model: x\nmodel: y", "line 2: 'model' is given twice"),
        ("factors: {rate: [1], rate: [2]}", "given twice"),
        ("- 1\n- 2", "no mapping"),
        ("just text", "no mapping"),
        ("", "no mapping"),
        ("a: [", "not YAML"),
        ("1: 2", "no mapping"),
        ("[" * 5000, "not YAML|nested"),
        ("a" * (2**20 + 1), "at most"),
        (YAML + "schema_version: 2", "Update vmt"),
        (YAML.replace("volume_fraction]", "'os:system']"), "allow_functions"),
        (YAML.replace("chi_square_excursion_set", "os:system"), "allow_functions"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, text: str, match: str) -> None:
    """Tags, anchors, keys given twice, other content and functions get one clear error."""
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=match):
        Sweep.from_yaml(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """A missing file and one that is no text are said."""
    with pytest.raises(InputError, match="can't be read"):
        Sweep.from_yaml(tmp_path / "no.yaml")
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        Sweep.from_yaml(tmp_path / "a.yaml")


# ---- what is refused


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"factors": {"porosity": [0.4]}}, "no factor 'porosity'; it has volume_fraction, rate"),
        ({"factors": {"volume_fraction": [0.4, 1.2]}}, "less than 1"),
        ({"factors": {"volume_fraction": {"low": 0.7, "high": 0.3, "levels": 3}}}, "low < high"),
        ({"factors": {"volume_fraction": {"low": 0.5, "high": 1.5, "levels": 3}}}, "less than 1"),
        ({"factors": {"volume_fraction": {"low": 0.3, "high": 0.7}}}, "needs levels"),
        ({"factors": {"volume_fraction": {"low": 0.3}}}, "either values or low and high"),
        (
            {"factors": {"volume_fraction": {"low": 0.3, "high": float("inf"), "levels": 2}}},
            "finit",
        ),
        ({"factors": {"volume_fraction": {"low": "x", "high": 1, "levels": 2}}}, "not a length"),
        ({"factors": {"volume_fraction": []}}, "at least 1"),
        ({"factors": {"rate": [1e6]}}, "a factor and a parameter"),
        ({"factors": {}}, "volume_fraction"),
        ({"design": "sobol"}, "needs points"),
        ({"points": 4}, "takes no points"),
        ({"design": "sobol", "points": 6}, "expected 4 or 8"),
        ({"design": "latin_hypercube", "points": 4, "factors": {}}, "needs factors"),
        ({"design": "star"}, "design"),
        ({"parameters": {"rate": 6e6, "smoothnes": 1}}, "no parameter 'smoothnes'"),
        ({"parameters": {"rate": -1}}, "greater than 0"),
        ({"model": "chi_squared"}, "chi_square_excursion_set"),
        ({"model": "no_such_package:model"}, "can't be imported"),
        ({"model": "sweep_functions:FUNCTION"}, "can't be imported"),
        ({"measurements": []}, "at least 1"),
        ({"measurements": ["permeability"]}, "'permeability' is unknown"),
        ({"measurements": [{"name": "m_factor", "options": {"axes": 1}}]}, "no parameter 'axes'"),
        ({"measurements": [lambda m: {}]}, "can't be imported by its name"),
        ({"shape": None}, "needs shape"),
        ({"shape": (16, 16)}, "shape"),
        ({"shape": (16, 16, 0)}, "shape"),
        ({"spacing": "20"}, "not a length"),
        ({"spacing": -1.0}, "positive"),
        ({"realizations": 0}, "realizations"),
        ({"realizations": 10**8}, "too many"),
        ({"seed": -1}, "seed"),
        ({"axis": 3}, "axis"),
        ({"memory": "2 apples"}, "can't be read"),
        ({"modell": "x"}, "no field 'modell'; it has model"),
    ],
)
def test_bad_sweeps(changes: dict[str, object], match: str) -> None:
    """Each mistake gets one clear error when the sweep is made."""
    with pytest.raises(InputError, match=match) as caught:
        changed(**changes)
    assert "\n" not in str(caught.value)


def test_functions_are_named_and_checked() -> None:
    """A function is stored by its name; its annotations are the schema of its options."""
    import sweep_functions

    sweep = Sweep(
        model=sweep_functions.whole,
        factors={"count": {"low": 1, "high": 5, "levels": 5}, "name": ["a", "b"]},
        measurements=[{"name": sweep_functions.sums, "options": {"power": 2}}],
    )
    assert sweep.model == "sweep_functions:whole"
    assert [sweep.point(k)["count"] for k in (0, 2, 8)] == [1, 2, 5]
    with pytest.raises(InputError, match="less than or equal to 4"):
        Sweep(
            model=sweep_functions.whole,
            measurements=[{"name": sweep_functions.sums, "options": {"power": 9}}],
        )
    with pytest.raises(InputError, match="takes no shape"):
        Sweep(model=sweep_functions.whole, shape=(4, 4, 4), measurements=[sweep_functions.sums])


def test_catalog_is_described() -> None:
    """Each model and measurement of the catalog is in docs/sweeps.md with its parameters."""
    from vmt.study._catalog import describe_catalog

    page = (Path(__file__).parents[2] / "docs" / "sweeps.md").read_text("utf-8")
    for functions in (vmt.study.MODELS, vmt.study.MEASUREMENTS):
        for line in describe_catalog(functions):
            call, _, _ = line.partition("): ")
            name, _, parameters = call.partition("(")
            row = next(r for r in page.splitlines() if r.startswith(f"| `{name}` |"))
            for parameter in filter(None, parameters.split(", ")):
                if "=" in parameter or parameter.isidentifier():
                    assert f"`{parameter.partition('=')[0]}`" in row, (name, parameter)
