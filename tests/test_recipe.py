"""From what was weighed to volume fractions, and back."""

import json
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmt.errors import InputError
from vmt.recipe import ElectrodeRecipe

WEIGHTS = {"NMC622": 0.95, "carbon black": 0.02, "PVdF": 0.03}
DENSITIES = {"NMC622": 4760.0, "carbon black": 2250.0, "PVdF": 1770.0}


def beuse(**more: object) -> ElectrodeRecipe:
    """Return the recipe of Beuse et al. 2021, Table 1."""
    return ElectrodeRecipe(WEIGHTS, DENSITIES, carbon_binder=("carbon black", "PVdF"), **more)


def test_volumes_are_masses_over_densities() -> None:
    """One kilogram of solid has the volume of its parts, and each part its share of it."""
    recipe = beuse()
    volumes = {k: WEIGHTS[k] / DENSITIES[k] for k in WEIGHTS}
    total = sum(volumes.values())
    assert recipe.solid_density == pytest.approx(1 / total, rel=1e-14)
    for name, share in recipe.solid_volume_fractions.items():
        assert share == pytest.approx(volumes[name] / total, rel=1e-14)
    binder = volumes["carbon black"] + volumes["PVdF"]
    assert recipe.carbon_binder_density == pytest.approx(0.05 / binder, rel=1e-14)
    assert recipe.active_density == pytest.approx(4760.0, rel=1e-14)


def test_porosity_and_thickness_follow_from_loading() -> None:
    """Loading over thickness is the electrode density, and the porosity its deficit."""
    recipe = beuse(mass_loading=0.2322).with_thickness(94e-6)
    assert recipe.electrode_density == pytest.approx(0.2322 / 94e-6)
    assert recipe.porosity == pytest.approx(1 - 0.2322 / 94e-6 / recipe.solid_density)
    pressed = recipe.with_porosity(0.18)
    assert pressed.thickness == pytest.approx(94e-6 * (1 - recipe.porosity) / (1 - 0.18))
    assert pressed.mass_loading == recipe.mass_loading


def test_envelope_conserves_mass() -> None:
    """Volume fractions times densities give the electrode density, for solid and for envelope."""
    recipe = beuse(carbon_binder_porosity=0.502, electrode_density=2470.0)
    for kind, density in (
        ("solid", recipe.carbon_binder_density),
        ("envelope", recipe.carbon_binder_envelope_density),
    ):
        shares = recipe.volume_fractions(carbon_binder=kind)
        mass = shares["active_material"] * recipe.active_density
        mass += shares["carbon_binder_domain"] * density
        assert mass == pytest.approx(2470.0, rel=1e-12)
        assert sum(shares.values()) == pytest.approx(1.0, rel=1e-14)
    parts = recipe.component_volume_fractions()
    assert sum(parts.values()) == pytest.approx(1.0, rel=1e-14)
    assert parts["pore"] == recipe.volume_fractions(carbon_binder="solid")["pore"]


@given(
    st.lists(st.floats(0.01, 1.0), min_size=1, max_size=5),
    st.lists(st.floats(500.0, 9000.0), min_size=5, max_size=5),
    st.floats(0.0, 0.95),
    st.floats(5e-6, 5e-4),
)
@settings(max_examples=60, deadline=None)
def test_round_trip_through_volume_fractions(
    parts: list[float], densities: list[float], porosity: float, thickness: float
) -> None:
    """Recipe to volume fractions and back gives the same weights, density, loading and porosity."""
    weights = {f"part {i}": v / sum(parts) for i, v in enumerate(parts)}
    known = {name: densities[i] for i, name in enumerate(weights)}
    first = ElectrodeRecipe(weights, known).with_porosity(porosity)
    shares = first.component_volume_fractions()
    again = ElectrodeRecipe.from_volume_fractions(shares, known, thickness=thickness)
    assert again.porosity == pytest.approx(porosity, abs=1e-12)
    assert again.electrode_density == pytest.approx(first.electrode_density, rel=1e-12)
    assert again.thickness == pytest.approx(thickness, rel=1e-12)
    for name, weight in weights.items():
        assert again.weight_fractions[name] == pytest.approx(weight, rel=1e-12)


def test_areal_capacity() -> None:
    """The paper's loading holds 4 mAh/cm² at the usual capacity of NMC622."""
    recipe = beuse(mass_loading=94e-6 * 2470)
    assert recipe.areal_capacity(181 * 3600) / 36e3 == pytest.approx(4.0, abs=0.01)


def test_explanation_holds_every_step() -> None:
    """The printed arithmetic has the paper's figures, each line ending in its own result."""
    recipe = beuse(carbon_binder_porosity=0.502, electrode_density=2470.0, mass_loading=0.2322)
    text = recipe.explain()
    for part in (
        "0.9500/4.760 + 0.0200/2.250 + 0.0300/1.770 = 0.22542 cm³/g",
        "1/0.22542 = 4.4362 g/cm³",
        "0.0500/(0.0200/2.250 + 0.0300/1.770) = 1.9351 g/cm³",
        "porosity: 1 − 2.4700/4.4362 = 44.32 %",
        "thickness: 23.22 mg/cm² / 2.4700 g/cm³ = 94.01 µm",
    ):
        assert part in text
    assert "porosity" not in beuse().explain()


def test_dict_is_json_and_pickles() -> None:
    """A recipe goes through JSON and pickle, also without electrode density."""
    for recipe in (beuse(), beuse(electrode_density=3000.0, mass_loading=0.2)):
        data = json.loads(json.dumps(recipe.to_dict(), allow_nan=False))
        assert data["solid_density [kg/m^3]"] == recipe.solid_density
        again = pickle.loads(pickle.dumps(recipe))
        assert again.to_dict() == recipe.to_dict()
    assert beuse().to_dict()["porosity"] is None


def test_fields_cannot_be_changed() -> None:
    """The mappings of a recipe are read-only, and not those that were given."""
    weights = dict(WEIGHTS)
    recipe = ElectrodeRecipe(weights, DENSITIES)
    weights["NMC622"] = 0.5
    assert recipe.weight_fractions["NMC622"] == 0.95
    with pytest.raises(TypeError):
        recipe.weight_fractions["NMC622"] = 0.5  # type: ignore[index]


BAD = {
    "sum": ({"weight_fractions": {"NMC622": 0.95}}, "add up to 0.95"),
    "percent": ({"weight_fractions": {"NMC622": 95, "PVdF": 5}}, "percent"),
    "negative": ({"weight_fractions": {"NMC622": 1.1, "PVdF": -0.1}}, "below 0"),
    "nan": ({"weight_fractions": {"NMC622": np.nan, "PVdF": 0.1}}, "below 0"),
    "empty": ({"weight_fractions": {}}, "without components"),
    "pore": ({"weight_fractions": {"NMC622": 0.9, "pore": 0.1}}, "no component"),
    "no density": ({"densities": {"NMC622": 4760}}, "No density"),
    "extra density": ({"densities": {**DENSITIES, "sand": 2650}}, "sand"),
    "zero density": ({"densities": {**DENSITIES, "PVdF": 0}}, "above 0"),
    "g/cm3": ({"densities": {k: v / 1000 for k, v in DENSITIES.items()}}, "1000 kg/m³"),
    "unknown binder": ({"carbon_binder": ("CMC",)}, "CMC"),
    "all binder": ({"carbon_binder": tuple(WEIGHTS)}, "no active material"),
    "porous binder": ({"carbon_binder": ("PVdF",), "carbon_binder_porosity": 1.0}, "below 1"),
    "no binder": ({"carbon_binder_porosity": 0.5}, "needs the components"),
    "dense": ({"electrode_density": 4500.0}, "above that of its solid"),
    "no mass": ({"mass_loading": 0.0}, "kg/m²"),
    "no number": ({"electrode_density": "2.5"}, "kg/m³"),
    "full binder": (
        {"carbon_binder": ("PVdF",), "carbon_binder_porosity": 0.6, "electrode_density": 4300.0},
        "would take",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_recipes(case: str) -> None:
    """Each recipe that can't exist is refused with its reason."""
    changes, reason = BAD[case]
    arguments = {"weight_fractions": WEIGHTS, "densities": DENSITIES, **changes}
    with pytest.raises(InputError, match=reason):
        ElectrodeRecipe(**arguments)


def test_what_is_missing_is_named() -> None:
    """Asking for what the recipe does not hold says which field to give."""
    recipe = beuse()
    with pytest.raises(InputError, match="electrode_density"):
        _ = recipe.porosity
    with pytest.raises(InputError, match="mass_loading"):
        _ = beuse(electrode_density=3000.0).thickness
    with pytest.raises(InputError, match="mass_loading"):
        recipe.areal_capacity(1.0)
    with pytest.raises(InputError, match="no loading"):
        recipe.replace(loading=1)
    with pytest.raises(InputError, match="envelope"):
        beuse(electrode_density=3000.0).volume_fractions(carbon_binder="both")
    for porosity in (-0.1, 1.0, float("nan")):
        with pytest.raises(InputError, match="porosity"):
            recipe.with_porosity(porosity)
    with pytest.raises(InputError, match="meters"):
        beuse(mass_loading=0.2).with_thickness(0.0)


@pytest.mark.parametrize(
    ("shares", "reason"),
    [
        ({"NMC": 1.2}, "at most 1"),
        ({"NMC": -0.1}, "not below 0"),
        ({"NMC": 0.5, "pore": 0.4}, "expected 1"),
        ({}, "shares"),
    ],
)
def test_bad_volume_fractions(shares: dict[str, float], reason: str) -> None:
    """Volume fractions that fill no electrode are refused."""
    with pytest.raises(InputError, match=reason):
        ElectrodeRecipe.from_volume_fractions(shares, {"NMC": 4760})
