"""Arithmetic of porosimetry, intrusion curves, isotherms, and the files they come from."""

import json
import math
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vmt.descriptors import porosimetry as lab
from vmt.errors import InputError

densities = st.floats(500.0, 8000.0)
shares = st.floats(0.001, 0.9)


# ---- arithmetic


@given(shares, shares, densities)
@settings(max_examples=60, deadline=None)
def test_volumes_of_a_sample_give_its_porosities(
    pores: float, closed_part: float, crystal: float
) -> None:
    """Densities from the volumes of a sample give back its open, closed and total pores."""
    closed, mass = pores * closed_part, (1 - pores) * crystal
    skeletal = lab.skeletal_density(mass, 1 - (pores - closed))
    assert lab.porosity_from_densities(mass, crystal) == pytest.approx(pores, rel=1e-9)
    assert lab.porosity_from_densities(mass, skeletal) == pytest.approx(pores - closed, rel=1e-9)
    assert lab.closed_porosity(mass, skeletal, crystal) == pytest.approx(closed, rel=1e-6)
    solid = closed / (closed + 1 - pores)
    assert lab.closed_share_of_solid(skeletal, crystal) == pytest.approx(solid, rel=1e-6)


@given(shares, densities)
@settings(max_examples=60, deadline=None)
def test_intrusion_and_density_agree(porosity: float, crystal: float) -> None:
    """If mercury fills every pore, eq. 3 is eq. 1, and the apparent density that of the solid."""
    volume = lab.specific_intruded_volume(porosity, crystal)
    assert lab.porosity_from_intrusion(volume, crystal) == pytest.approx(porosity, rel=1e-12)
    mass = (1 - porosity) * crystal
    assert volume * mass == pytest.approx(porosity, rel=1e-12)
    assert lab.apparent_density(mass, 1.0, porosity) == pytest.approx(crystal, rel=1e-12)


def test_washburn() -> None:
    """Pressure times diameter is 4γ|cos θ|; what does not wet at all needs 4γ/D."""
    mercury = lab.Mercury(0.485, math.radians(130))
    sizes = np.geomspace(3e-9, 1e-4, 7)
    product = 4 * 0.485 * abs(math.cos(math.radians(130)))
    np.testing.assert_allclose(mercury.pressure(sizes) * sizes, product, rtol=1e-14)
    np.testing.assert_allclose(mercury.diameter(mercury.pressure(sizes)), sizes, rtol=1e-14)
    assert float(lab.Mercury(0.48, math.pi).pressure(1e-6)) == pytest.approx(4 * 0.48 / 1e-6)


def test_carniglia_goes_with_the_square_of_the_surface() -> None:
    """Twice the surface is four times the tortuosity for cylinders, and E = −1 drops it."""
    volumes, sizes = np.array([1e-4, 3e-5]), np.array([2e-6, 1e-7])
    own = float(np.sum(4 * volumes / sizes))
    one = lab.carniglia_tortuosity(0.3, own, volumes, sizes)
    assert one == pytest.approx((2.23 - 1.13 * 0.3) * 0.92**2)
    assert lab.carniglia_tortuosity(0.3, 2 * own, volumes, sizes) == pytest.approx(4 * one)
    flat = lab.carniglia_tortuosity(0.3, 2 * own, volumes, sizes, exponent=-1)
    assert flat == pytest.approx(2.23 - 1.13 * 0.3)


BAD_ARITHMETIC = {
    "bulk above solid": (lambda: lab.porosity_from_densities(5000, 4000), "above that"),
    "negative": (lambda: lab.porosity_from_densities(-1, 4000), "positive"),
    "swapped": (lambda: lab.closed_porosity(2500, 4436, 4270), "order"),
    "bulk": (lambda: lab.closed_porosity(4300, 4270, 4436), "skeletal"),
    "nan": (lambda: lab.closed_share_of_solid(float("nan"), 4436), "positive"),
    "intruded": (lambda: lab.apparent_density(1.0, 1.0, 1.0), "below the"),
    "volume": (lambda: lab.porosity_from_intrusion(-1e-5, 4436), "not below 0"),
    "percent": (lambda: lab.specific_intruded_volume(37.8, 4436), "below 1"),
    "degrees": (lambda: lab.Mercury(contact_angle=140.0), "radians"),
    "wetting": (lambda: lab.Mercury(contact_angle=1.0), "radians"),
    "pressure": (lambda: lab.Mercury().diameter([1e5, 0.0]), "above 0"),
    "wide cone": (lambda: lab.PoreShape.cone(math.pi / 2), "half_angle"),
    "cone and mercury": (
        lambda: lab.PoreShape.cone(1.0).diameter([1e6], lab.Mercury()),
        "without pressure",
    ),
    "no pores": (lambda: lab.carniglia_tortuosity(0.3, 1.0, [0.0], [1e-6]), "some above"),
    "lengths": (lambda: lab.carniglia_tortuosity(0.3, 1.0, [1.0], [1e-6, 1e-7]), "one per"),
    "exponent": (
        lambda: lab.carniglia_tortuosity(0.3, 1.0, [1.0], [1e-6], exponent=-2),
        "at least -1",
    ),
    "thickness": (lambda: lab.gauge_porosity_error(0.3, 0.0, 1e-6), "positive"),
}


@pytest.mark.parametrize("case", BAD_ARITHMETIC)
def test_bad_arithmetic(case: str) -> None:
    """Densities, volumes and angles that can't be are refused with a reason."""
    call, reason = BAD_ARITHMETIC[case]
    with pytest.raises(InputError, match=reason):
        call()


# ---- intrusion curves


def cone_curve(half_angle: float, points: int) -> tuple[lab.IntrusionCurve, float]:
    """Return the curve of one cone per kilogram, 1 µm wide, and its lateral surface."""
    mercury = lab.Mercury()
    mouth = 1e-6
    sizes = np.geomspace(mouth, mouth / 300, points)
    angle = mercury.contact_angle - half_angle
    pressures = lab.Mercury(mercury.surface_tension, angle).pressure(sizes)
    whole = math.pi * (mouth / 2) ** 3 / math.tan(half_angle) / 3
    surface = math.pi * (mouth / 2) ** 2 / math.sin(half_angle)
    return lab.IntrusionCurve(pressures, whole * (1 - (sizes / mouth) ** 3), mercury), surface


@pytest.mark.parametrize("degrees", [2.0, 15.0, 30.0])
def test_a_cone_has_its_lateral_surface(degrees: float) -> None:
    """Mercury that goes from the mouth of a cone to its tip draws its lateral surface."""
    angle = math.radians(degrees)
    errors = []
    for points in (60, 240):
        curve, surface = cone_curve(angle, points)
        errors.append(abs(curve.surface(lab.PoreShape.cone(angle)) / surface - 1))
    assert errors[1] < 2e-4
    assert errors[1] < errors[0] / 10  # second order in the step


@pytest.mark.parametrize(
    ("shape", "per_volume"),
    [
        (lab.PoreShape.cylinder(), lambda d: math.pi * d / (math.pi * d**2 / 4)),
        (lab.PoreShape.plate(), lambda d: 2 / (d / 2)),
        (lab.PoreShape.sphere(), lambda d: math.pi * d**2 / (math.pi * d**3 / 6)),
    ],
)
def test_pores_of_one_size_have_the_surface_of_their_shape(shape, per_volume) -> None:
    """A step at one diameter has the surface of cylinders, slits or spheres of that size."""
    mercury = lab.Mercury()
    size = 4e-7
    pressure = mercury.pressure([size * 1.0001, size / 1.0001])
    curve = lab.IntrusionCurve(pressure, np.array([0.0, 1e-4]), mercury)
    assert curve.surface(shape) == pytest.approx(1e-4 * per_volume(size), rel=1e-6)


def test_surface_is_the_work_of_mercury() -> None:
    """Cylinders' surface is ∫ p dV / (γ |cos θ|), which needs no shape (Rootare and Prenzlow)."""
    pressure = np.geomspace(1e5, 4e8, 400)
    volume = 1.4e-4 * (1 - np.exp(-((pressure / 2e6) ** 0.7)))
    volume -= volume[0]
    curve = lab.IntrusionCurve(pressure, volume)
    work = np.trapezoid(pressure, volume) / (0.48 * abs(math.cos(math.radians(140))))
    assert curve.surface() == pytest.approx(work, rel=2e-3)


def test_sizes_hold_the_volume() -> None:
    """The integral of dv/dlog D is the volume, its median halves it, and a cut shifts the zero."""
    mercury = lab.Mercury()
    sizes = np.geomspace(1e-5, 4e-9, 300)
    share = 0.5 * np.array([math.erfc(math.log(d / 3e-7) / 0.9) for d in sizes])
    curve = lab.IntrusionCurve(mercury.pressure(sizes), 2e-4 * share, mercury)
    middle, density = curve.size_distribution()
    total = float(np.sum(density * -np.diff(np.log10(sizes))))
    assert total == pytest.approx(curve.total_volume - curve.volume[0], rel=1e-12)
    assert curve.median_diameter == pytest.approx(3e-7, rel=1e-3)
    assert curve.quantile(0.9) < curve.median_diameter < curve.quantile(0.1)
    assert middle[np.argmax(density)] == pytest.approx(3e-7, rel=0.05)
    cut = curve.between(*mercury.pressure([1e-6, 1e-8]))
    inside = (sizes <= 1e-6) & (sizes >= 1e-8)
    assert cut.total_volume == pytest.approx(2e-4 * np.ptp(share[inside]), rel=1e-9)
    assert curve.porosity(4436) == pytest.approx(2e-4 / (2e-4 + 1 / 4436), rel=1e-3)


def test_wavering_volumes_are_no_pores() -> None:
    """A measured curve that falls for a while has no negative pores and the same total."""
    pressure = np.geomspace(1e5, 1e8, 7)
    curve = lab.IntrusionCurve(pressure, np.array([0, 10, 9, 30, 29, 40, 39]) * 1e-6)
    volumes, _ = curve.increments()
    assert np.all(volumes >= 0)
    assert volumes.sum() == pytest.approx(curve.total_volume)
    assert volumes.sum() == pytest.approx(40e-6)


def test_curve_results() -> None:
    """A curve goes to JSON, pickle and a plot; its arrays can't be changed."""
    curve = lab.IntrusionCurve(
        np.array([1e5, 1e6, 1e7]),
        np.array([0.0, 1e-4, 1.4e-4]),
        label="sample",
        extrusion_pressure=np.array([1e6, 1e5]),
        extrusion_volume=np.array([1.2e-4, 0.7e-4]),
    )
    assert curve.trapped_share == pytest.approx(0.5)
    data = json.loads(json.dumps(curve.to_dict(), allow_nan=False))
    assert data["total_volume [m^3/kg]"] == 1.4e-4
    again = pickle.loads(pickle.dumps(curve))
    assert again.to_dict() == curve.to_dict()
    for made in (curve, again):
        with pytest.raises(ValueError, match="read-only"):
            made.volume[0] = 1.0
    ax = lab.overlay_intrusion([curve, lab.IntrusionCurve(curve.pressure, curve.volume)])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["sample", "curve 2"]
    assert len(ax.lines) == 3  # one extrusion
    assert len(curve.plot_sizes().lines) == 1


BAD_CURVES = {
    "one point": (([1e5], [1.0]), "two at least"),
    "lengths": (([1e5, 1e6], [0.0]), "as many"),
    "falling": (([1e6, 1e5], [0.0, 1.0]), "rising"),
    "zero": (([0.0, 1e5], [0.0, 1.0]), "positive"),
    "nan": (([1e5, 1e6], [0.0, np.nan]), "finite"),
    "empty": (([1e5, 1e6], [0.0, 0.0]), "no intruded"),
}


@pytest.mark.parametrize("case", BAD_CURVES)
def test_bad_curves(case: str) -> None:
    """Rows that are no intrusion are refused."""
    (pressure, volume), reason = BAD_CURVES[case]
    with pytest.raises(InputError, match=reason):
        lab.IntrusionCurve(np.array(pressure), np.array(volume))


# ---- files


def write(folder: Path, text: str) -> Path:
    """Write a table and return its path."""
    path = folder / "curve.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "pressure [MPa],volume [cm3/g]\n0.1,0\n1,0.1\n10,0.14\n",
        "# from the porosimeter\n\nPressure (kPa);Cumulative volume (mm³/g)\n"
        "100;0\n1000;100,0\n10000;140,0\n",
        "Pressure / bar\tpore volume / cc/g\n1\t0\n10\t0.1\n100\t0.14\n",
        "\ufeffpressure [psi],note,volume [mL/g]\n14.503773773,a,0\n145.03773773,b,0.1\n"
        "1450.3773773,c,0.14\n",
        "volume [mm^3/g],pressure [MPa]\n140,10\n100,1\n0,0.1\n",
        "pressure [MPa],volume [cm3/g]\n0.1,0\n1,0.05\n1,0.1\n10,0.14\n",
    ],
    ids=["comma", "semicolon", "tab", "extra column", "backward", "equilibration"],
)
def test_files_of_one_curve(tmp_path: Path, text: str) -> None:
    """The same curve in other units, separators and orders is the same curve."""
    curve = lab.read_intrusion_curve(write(tmp_path, text))
    np.testing.assert_allclose(curve.pressure, [1e5, 1e6, 1e7], rtol=1e-9)
    np.testing.assert_allclose(curve.volume, [0, 1e-4, 1.4e-4], rtol=1e-9, atol=1e-20)
    assert curve.label == "curve"
    assert math.isnan(curve.trapped_share)


def test_sizes_and_extrusion_in_a_file(tmp_path: Path) -> None:
    """Diameters and radii become pressures, and rows after the highest one are the way back."""
    text = "diameter [µm],volume [cm3/g]\n10,0\n1,0.1\n0.01,0.2\n1,0.15\n10,0.1\n"
    curve = lab.read_intrusion_curve(write(tmp_path, text), label="mine")
    np.testing.assert_allclose(curve.diameter, [1e-5, 1e-6, 1e-8], rtol=1e-12)
    assert curve.trapped_share == pytest.approx(0.5)
    assert curve.label == "mine"
    text = "pore radius [nm],volume [cm3/g]\n5000,0\n500,0.1\n5,0.2\n"
    again = lab.read_intrusion_curve(write(tmp_path, text))
    np.testing.assert_allclose(again.diameter, curve.diameter, rtol=1e-12)


BAD_FILES = {
    "empty": ("", "is empty"),
    "remarks": ("# nothing\n", "is empty"),
    "no rows": ("pressure [MPa],volume [cm3/g]\n", "no rows"),
    "no header": ("0.1,0\n1,0.1\n", "names none"),
    "no volume": ("pressure [MPa],area\n1,2\n", "no column of volume"),
    "no pressure": ("time [s],volume [cm3/g]\n1,2\n", "no column of pressure"),
    "no unit": ("pressure,volume [cm3/g]\n1,2\n", "has no unit"),
    "unknown unit": ("pressure [mmH2O],volume [cm3/g]\n1,2\n", "'mmH2O'"),
    "volume unit": ("pressure [MPa],volume [cm3]\n1,2\n", "'cm3'"),
    "twice": ("pressure [MPa],volume [cm3/g],volume [mm3/g]\n1,2,3\n", "two columns"),
    "ragged": ("pressure [MPa],volume [cm3/g]\n1,2\n3\n", "line 3: 1 cells"),
    "text": ("pressure [MPa],volume [cm3/g]\n1,2\n3,much\n", "line 3: 'much'"),
    "nan": ("pressure [MPa],volume [cm3/g]\n1,2\n3,nan\n", "not finite"),
    "negative": ("pressure [MPa],volume [cm3/g]\n-1,0\n3,1\n", "above 0"),
    "one row": ("pressure [MPa],volume [cm3/g]\n1,2\n", "two at least"),
    "two cycles": ("pressure [MPa],volume [cm3/g]\n1,0\n5,1\n2,1\n9,2\n", "falls at row 3"),
    "two commas": ("pressure [MPa];volume [cm3/g]\n1,0,0;2\n", "line 2"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(tmp_path: Path, case: str) -> None:
    """Each malformed table is refused with what is wrong and where."""
    text, reason = BAD_FILES[case]
    with pytest.raises(InputError, match=reason.replace("[", r"\[")):
        lab.read_intrusion_curve(write(tmp_path, text))


def test_files_that_are_no_text(tmp_path: Path) -> None:
    """A missing file, a folder and a binary one are refused by name."""
    binary = tmp_path / "curve.xls"
    binary.write_bytes(b"\xd0\xcf\x11\xe0\xff\xfe")
    for path, reason in (
        (tmp_path / "none.csv", "can't be read"),
        (tmp_path, "can't be read"),
        (binary, "UTF-8"),
    ):
        with pytest.raises(InputError, match=reason):
            lab.read_intrusion_curve(path)


# ---- gas


def test_bjh_recovers_its_own_classes() -> None:
    """Cylinders at the diameters of the classes come back exactly, all together."""
    x = np.linspace(0.97, 0.35, 50)
    classes = lab.bjh(lab.cylinder_isotherm([1e-8], [1e-4], x)).diameters
    rng = np.random.default_rng(3)
    volumes = rng.uniform(0, 1e-5, classes.size) * (rng.random(classes.size) < 0.6)
    found = lab.bjh(lab.cylinder_isotherm(classes, volumes, x))
    np.testing.assert_allclose(found.volumes, volumes, atol=1e-13)
    surface = float(np.sum(4 * volumes / classes))
    assert found.surface == pytest.approx(surface, rel=1e-6)


def test_bjh_converges_on_a_distribution() -> None:
    """A log-normal bundle of cylinders comes back closer with finer pressures."""
    sizes = np.geomspace(3.5e-9, 6e-8, 4000)
    weights = np.exp(-0.5 * (np.log(sizes / 1.2e-8) / 0.35) ** 2)
    weights *= 1e-4 / weights.sum()
    surface = float(np.sum(4 * weights / sizes))
    errors = []
    for points in (20, 80):
        isotherm = lab.cylinder_isotherm(sizes, weights, np.linspace(0.985, 0.35, points))
        for branch in ("desorption", "adsorption"):
            found = lab.bjh(isotherm, branch=branch)
            assert found.total_volume == pytest.approx(1e-4, rel=0.02)
            mean = float(found.volumes @ np.log(found.diameters)) / found.total_volume
            assert math.exp(mean) == pytest.approx(1.2e-8, rel=0.03)
        errors.append(abs(found.surface / surface - 1))
    assert errors[1] < errors[0] / 2
    assert errors[1] < 0.01


def test_bet_needs_no_order_of_magnitude() -> None:
    """The BET fit returns monolayer and constant of its own equation, whatever their size."""
    x = np.linspace(0.05, 0.15, 6)
    for monolayer, constant in ((1e-3, 70.0), (12.0, 100.0)):
        n = monolayer * constant * x / ((1 - x) * (1 + (constant - 1) * x))
        found = lab.bet_surface(lab.Isotherm(x, n))
        assert found.monolayer == pytest.approx(monolayer, rel=1e-9)
        assert found.constant == pytest.approx(constant, rel=1e-6)
        assert found.surface == pytest.approx(monolayer * 6.02214076e23 * 0.162e-18, rel=1e-9)
        assert found.r_squared == pytest.approx(1.0)
        assert found.points == 6


def test_t_plot_parts_micropores() -> None:
    """A film on a wall over filled micropores is parted into surface and volume."""
    gas = lab.Adsorptive()
    x = np.linspace(0.01, 0.6, 80)
    isotherm = lab.Isotherm(x, (5e-8 + 700 * gas.film(x)) / gas.molar_volume)
    found = lab.t_plot(isotherm)
    assert found.external_surface == pytest.approx(700, rel=1e-9)
    assert found.micropore_volume == pytest.approx(5e-8, rel=1e-6)
    bet = lab.bet_surface(isotherm)
    assert found.micropore_surface == pytest.approx(bet.surface - 700, rel=1e-9)
    json.dumps([found.to_dict(), bet.to_dict()], allow_nan=False)


def test_isotherm_file(tmp_path: Path) -> None:
    """Amounts in cm³(STP)/g and mmol/g are the same, and the desorption is told apart."""
    rows = [(0.1, 1.0), (0.5, 2.0), (0.9, 5.0), (0.5, 3.0)]
    made = []
    for unit, factor in (
        ("cm3(STP)/g", 22.413969545),
        ("mmol/g", 1.0),
        ("cm³/g STP", 22.413969545),
    ):
        text = f"relative pressure,quantity adsorbed [{unit}]\n"
        text += "".join(f"{x},{n * factor}\n" for x, n in rows)
        made.append(lab.read_isotherm(write(tmp_path, text)))
    for one in made:
        np.testing.assert_allclose(one.amount, [1.0, 2.0, 5.0], rtol=1e-9)
        np.testing.assert_allclose(one.desorption_amount, [3.0], rtol=1e-9)
        assert len(one.plot().lines) == 2
    again = pickle.loads(pickle.dumps(made[0]))
    assert again.to_dict() == made[0].to_dict()


GAS = lab.Isotherm(np.array([0.1, 0.5]), np.array([1.0, 2.0]))
BAD_GAS = {
    "order": (lambda: lab.Isotherm(np.array([0.5, 0.1]), np.array([1.0, 2.0])), "rise"),
    "range": (lambda: lab.Isotherm(np.array([0.5, 1.0]), np.array([1.0, 2.0])), "below 1"),
    "negative": (lambda: lab.Isotherm(np.array([0.5, 0.6]), np.array([-1.0, 2.0])), "at least 0"),
    "lengths": (lambda: lab.Isotherm(np.array([0.5, 0.6]), np.array([1.0])), "1 amounts"),
    "few for BET": (lambda: lab.bet_surface(GAS), "needs three"),
    "few for t": (lambda: lab.t_plot(GAS), "needs three"),
    "few for BJH": (lambda: lab.bjh(GAS, branch="adsorption"), "need three"),
    "branch": (lambda: lab.bjh(GAS, branch="both"), "desorption"),
    "gas": (lambda: lab.Adsorptive(temperature=0.0), "temperature"),
    "flat": (
        lambda: lab.bet_surface(lab.Isotherm(np.linspace(0.05, 0.15, 5), np.geomspace(1, 9, 5))),
        "another range",
    ),
}


@pytest.mark.parametrize("case", BAD_GAS)
def test_bad_gas(case: str) -> None:
    """Isotherms and fits that can't be are refused with a reason."""
    call, reason = BAD_GAS[case]
    with pytest.raises(InputError, match=reason):
        call()


def test_bjh_results() -> None:
    """Sizes go to JSON, pickle and a plot."""
    sizes = lab.bjh(lab.cylinder_isotherm([1e-8], [1e-4], np.linspace(0.9, 0.4, 9)))
    data = json.loads(json.dumps(sizes.to_dict(), allow_nan=False))
    assert len(data["edges [m]"]) == len(data["volumes [m^3/kg]"]) + 1
    assert pickle.loads(pickle.dumps(sizes)).total_volume == sizes.total_volume
    assert len(sizes.plot().lines) == 1
