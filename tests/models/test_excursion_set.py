import json
import math
import pickle

import numpy as np
import pytest
from scipy import integrate
from skimage.measure import euler_number

from vmt.errors import InputError, MemoryBudgetError, VmtWarning
from vmt.kernels.surface import direction_weights
from vmt.models import ChiSquareExcursionSet, Covariance, GaussianExcursionSet

#: Neumann et al. (2023), Tables 1 and 2: p, λ, α [1/µm], S [1/µm] ± σ, spacing [nm]
TABLE = {
    "F850": (0.46, 1.55, 7.28, 9.34, 0.015, 15),
    "F900": (0.68, 0.77, 4.63, 6.23, 0.061, 10),
    "M850": (0.52, 1.31, 6.01, 8.04, 0.020, 10),
    "M900": (0.60, 1.02, 4.27, 5.82, 0.034, 10),
    "C850": (0.62, 0.96, 5.47, 7.46, 0.038, 10),
    "C900": (0.70, 0.71, 3.49, 4.66, 0.068, 10),
}
SMOOTH = Covariance.gaussian(rate=1e7)  # 10 voxels of 10 nm
TURN = np.array([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])


@pytest.mark.parametrize("name", TABLE)
def test_paper_table_of_levels_and_surfaces(name):
    """λ of Table 1 and the simulated S of Table 2, as the exact E[S] of the discrete estimator."""
    p, level, rate, surface, sigma, nanometers = TABLE[name]
    model = ChiSquareExcursionSet(Covariance.gaussian(rate=rate * 1e6), p)
    assert model.level == pytest.approx(level, abs=0.006)
    closed = math.sqrt(model.level) * math.sqrt(2) * rate * p * math.sqrt(8 / math.pi)
    assert model.specific_surface_area() / 1e6 == pytest.approx(closed, rel=1e-12)
    expected = model.expected_specific_surface_area(nanometers * 1e-9) / 1e6
    # 10 realizations, and p and α printed with two digits
    assert expected == pytest.approx(surface, abs=4 * sigma / math.sqrt(10) + 0.004 * surface)


def test_discrete_surface_tends_to_the_closed_form():
    """E[S] converges to S with the square of the voxel size, for cubic and other voxels."""
    model = ChiSquareExcursionSet(SMOOTH, 0.46)
    for voxel in (np.ones(3), np.array([1.0, 1.0, 2.0])):
        gaps = [
            model.expected_specific_surface_area(voxel * d) / model.specific_surface_area() - 1
            for d in (8e-9, 4e-9)
        ]
        if voxel[2] == 1:
            assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.05)
        assert abs(gaps[1]) < 0.003


def test_surface_of_all_degrees_is_the_slope_of_the_coverage():
    """S = −4 C'(0) for isotropic sets, for any k and for Gaussian sets."""
    h = 1e-11
    for model in (
        GaussianExcursionSet(SMOOTH, 0.3),
        *(ChiSquareExcursionSet(SMOOTH, 0.3, degrees_of_freedom=k) for k in (1, 2, 3, 6)),
    ):
        slope = (model.volume_fraction - model.two_point_coverage_probability([h])[0]) / h
        assert model.specific_surface_area() == pytest.approx(4 * slope, rel=1e-3)


def test_surface_of_an_anisotropic_set_is_the_mean_slope_over_directions():
    """S = 4 × the mean of −∂C/∂h over all directions, rotated or not."""
    covariance = SMOOTH.anisotropic((1.0, 2.0, 0.5), TURN)
    model = ChiSquareExcursionSet(covariance, 0.4)
    z, weight = np.polynomial.legendre.leggauss(60)
    angle = 2 * np.pi * np.arange(120) / 120
    ring = np.sqrt(1 - z**2)[:, None]
    vectors = np.stack(
        [ring * np.cos(angle), ring * np.sin(angle), np.broadcast_to(z[:, None], (60, 120))], -1
    )
    h = 1e-11
    slopes = (0.4 - model.two_point_coverage_probability(vectors * h)) / h
    mean = float(weight @ slopes.mean(axis=1)) / 2
    assert model.specific_surface_area() == pytest.approx(4 * mean, rel=1e-3)


def test_rough_covariances_have_infinite_surface():
    """An exponential covariance gives infinite S and no curvature densities."""
    model = GaussianExcursionSet(Covariance.exponential(rate=1e7), 0.3)
    assert model.specific_surface_area() == math.inf
    assert math.isnan(model.euler_number_density())
    assert math.isnan(model.mean_curvature_density())
    assert math.isfinite(model.expected_specific_surface_area(1e-8))


def test_gaussian_curvatures_have_the_known_closed_forms():
    """Euler density λ₂^{3/2} (λ² − 1) e^{−λ²/2}/(2π)²; mean curvature odd under the complement."""
    model = GaussianExcursionSet(SMOOTH, 0.2)
    u, roughness = model.level, 2 * 1e14
    expected = roughness**1.5 * (u * u - 1) * math.exp(-u * u / 2) / (2 * math.pi) ** 2
    assert model.euler_number_density() == pytest.approx(expected, rel=1e-12)
    assert model.gaussian_curvature_density() == pytest.approx(4 * math.pi * expected)
    other = model.replace(volume_fraction=0.8)
    assert other.mean_curvature_density() == pytest.approx(-model.mean_curvature_density())


def test_one_degree_of_freedom_is_two_gaussian_tails():
    """{X² ≥ λ} is {X ≥ √λ} and {X ≤ −√λ}: S, M and χ are twice those of one tail."""
    tails = ChiSquareExcursionSet(SMOOTH, 0.3, degrees_of_freedom=1)
    tail = GaussianExcursionSet(SMOOTH, 0.15)
    assert tails.level == pytest.approx(tail.level**2)
    for name in ("specific_surface_area", "mean_curvature_density", "euler_number_density"):
        assert getattr(tails, name)() == pytest.approx(2 * getattr(tail, name)(), rel=1e-12)


@pytest.mark.parametrize(
    "model",
    [
        GaussianExcursionSet(SMOOTH, 0.15),
        ChiSquareExcursionSet(SMOOTH, 0.46),
        ChiSquareExcursionSet(SMOOTH, 0.8, degrees_of_freedom=3),
        ChiSquareExcursionSet(SMOOTH.anisotropic((1.0, 0.6, 0.8)), 0.7),
    ],
    ids=repr,
)
def test_samples_have_the_curvatures_of_the_kinematic_formula(model):
    """Measured Euler number and mean curvature (Euler numbers of plane sections) as predicted."""
    n, spacing = 128, 1e-8
    euler, sections, cells = 0.0, 0.0, n * spacing
    for seed in (1, 2, 3):
        mask = model.sample((n, n, n), spacing, rng=seed, periodic=True).mask("solid")
        # the torus' Euler number: that of the box with its faces glued = wrap, less the overlap
        whole = np.pad(mask, [(0, 1)] * 3, mode="wrap")
        for connectivity in (1, 3):
            euler += _torus_euler(whole, connectivity) / 6
        for axis in range(3):
            for i in range(0, n, 4):
                plane = np.pad(np.take(mask, i, axis=axis), [(0, 1)] * 2, mode="wrap")
                for connectivity in (1, 2):
                    sections += _torus_euler(plane, connectivity) / (3 * 2 * 3 * (n // 4))
    assert euler / cells**3 == pytest.approx(
        model.euler_number_density(), rel=0.06, abs=0.02 * 1e21
    )
    assert 2 * np.pi * sections / cells**2 == pytest.approx(
        model.mean_curvature_density(), rel=0.06, abs=0.01 * 1e14
    )


def _torus_euler(wrapped, connectivity):
    """Euler number on the torus of an array with one wrapped layer: inclusion and exclusion."""
    total = 0.0
    dim = wrapped.ndim
    for faces in range(2**dim):
        part = wrapped
        for axis in range(dim):
            if faces >> axis & 1:
                part = part.take([-1], axis=axis)
        sign = (-1) ** bin(faces).count("1")
        squeezed = part.squeeze()
        if squeezed.ndim >= 2:
            total += sign * euler_number(squeezed, connectivity=min(connectivity, squeezed.ndim))
        elif squeezed.ndim == 1:
            padded = np.concatenate(([False], squeezed))
            total += sign * np.count_nonzero(padded[1:] & ~padded[:-1])
        else:
            total += sign * float(squeezed)
    return total


def test_variance_of_the_volume_fraction_by_radial_quadrature():
    """Eq. (18) equals its radial form beyond the reach, and p(1 − p) for a point."""
    model = ChiSquareExcursionSet(SMOOTH, 0.46)
    a, b, c = (1e-6, 1.5e-6, 2e-6)

    def shell(r):
        # ∫ over the sphere of Π(L_i − r|u_i|)
        mean = (
            4 * math.pi * a * b * c
            - 2 * math.pi * r * (a * b + b * c + a * c)
            + 8 / 3 * r * r * (a + b + c)
            - r**3
        )
        return r * r * mean * (model.two_point_coverage_probability([r])[0] - 0.46**2)

    expected = integrate.quad(shell, 0, 4.5e-7, epsrel=1e-10)[0] / (a * b * c) ** 2
    assert model.variance_of_volume_fraction((a, b, c)) == pytest.approx(expected, rel=1e-5)
    assert model.variance_of_volume_fraction(1e-12) == pytest.approx(0.46 * 0.54, rel=1e-4)
    still = model.replace(covariance=SMOOTH.anisotropic((1, 1 + 1e-9, 1), TURN))
    assert still.variance_of_volume_fraction((a, b, c)) == pytest.approx(expected, rel=1e-5)


def test_variance_of_the_volume_fraction_in_small_windows():
    """The spread of p̂ over many windows of realizations is that of eq. (18)."""
    model = ChiSquareExcursionSet(SMOOTH.anisotropic((1.0, 2.0, 1.0)), 0.46)
    windows = []
    for seed in range(6):
        labels = model.sample((128, 128, 128), 1e-8, rng=seed).labels
        blocks = labels.reshape(4, 32, 4, 32, 4, 32).mean(axis=(1, 3, 5))
        windows.append(blocks.ravel())
    spread = np.concatenate(windows).var()
    # 384 windows, neighbors slightly dependent: standard error of the variance about 8 %
    assert spread == pytest.approx(model.variance_of_volume_fraction(3.2e-7), rel=0.25)


@pytest.mark.parametrize(
    "model",
    [
        ChiSquareExcursionSet(SMOOTH, 0.46),
        GaussianExcursionSet(SMOOTH, 0.3),
        ChiSquareExcursionSet(SMOOTH, 0.6, degrees_of_freedom=3),
        ChiSquareExcursionSet(SMOOTH.anisotropic((1.0, 1.6, 0.8)), 0.46),
        ChiSquareExcursionSet(SMOOTH.anisotropic((1.0, 2.0, 1.0), TURN), 0.46),
        GaussianExcursionSet(Covariance.matern(rate=3e7, smoothness=1.5), 0.4),
    ],
    ids=repr,
)
@pytest.mark.parametrize("periodic", [False, True])
def test_samples_have_the_coverage_and_surface_of_the_model(model, periodic):
    """Mean p̂, Ĉ along axes and a diagonal, and Ŝ agree within 4.5 standard errors."""
    n, spacing, lags = 64, 1e-8, (1, 3, 7, 13)
    directions, weights = direction_weights((spacing,) * 3)
    fractions, pairs, surfaces = [], [], []
    for seed in range(24):
        x = model.sample((n, n, n), spacing, rng=seed, periodic=periodic).labels.astype(bool)
        fractions.append(x.mean())
        row = []
        for lag in lags:
            row += [
                (x[lag:] & x[:-lag]).mean(),
                (x[:, lag:] & x[:, :-lag]).mean(),
                (x[lag:, :-lag] & x[:-lag, lag:]).mean(),
            ]
        pairs.append(row)
        surface = 0.0
        for step, weight in zip(directions, weights, strict=True):
            a, b = _shifted(x, step)
            length = np.linalg.norm(step) * spacing
            surface += 4 * weight * (a != b).mean() / length
        surfaces.append(surface)
    vectors = [v for h in lags for v in ((h, 0, 0), (0, h, 0), (h, -h, 0))]
    p = model.volume_fraction
    coverage = model.two_point_coverage_probability(np.array(vectors) * spacing)
    for found, expected in (
        (np.array(fractions)[:, None], np.array([p])),
        (np.array(pairs), coverage),
        (np.array(surfaces)[:, None], np.array([model.expected_specific_surface_area(spacing)])),
    ):
        error = found.std(axis=0, ddof=1) / math.sqrt(len(found))
        assert np.all(np.abs(found.mean(axis=0) - expected) < 4.5 * error)


def _shifted(x, step):
    here = tuple(slice(max(-s, 0), n - max(s, 0)) for s, n in zip(step, x.shape, strict=True))
    there = tuple(slice(max(s, 0), n - max(-s, 0)) for s, n in zip(step, x.shape, strict=True))
    return x[here], x[there]


def test_same_seed_same_voxels():
    """A seed names the voxels, on 1 or 2 workers; a generator moves on; a level nests."""
    model = ChiSquareExcursionSet(SMOOTH, 0.46, degrees_of_freedom=3)
    first = model.sample((40, 50, 30), 1e-8, rng=7).labels
    assert np.array_equal(first, model.sample((40, 50, 30), 1e-8, rng=7, workers=2).labels)
    assert not np.array_equal(first, model.sample((40, 50, 30), 1e-8, rng=8).labels)
    generators = [np.random.default_rng(3) for _ in range(2)]
    once = [model.sample((20, 20, 20), 1e-8, rng=g).labels for g in generators]
    again = model.sample((20, 20, 20), 1e-8, rng=generators[0]).labels
    assert np.array_equal(*once)
    assert not np.array_equal(once[0], again)
    more = model.replace(volume_fraction=0.6).sample((40, 50, 30), 1e-8, rng=7).labels
    assert np.all(more >= first)


def test_complement_is_named_by_its_phase():
    """With pores as the phase, the volume fraction and label 1 are those of the pores."""
    model = ChiSquareExcursionSet(SMOOTH, 0.3, phase="pore", background="solid")
    sample = model.sample((96, 96, 96), 1e-8, rng=1)
    assert dict(sample.phases) == {"solid": 0, "pore": 1}
    assert sample.volume_fraction("pore") == pytest.approx(0.3, abs=0.05)


def test_flat_boxes_are_sampled():
    """A box of one voxel along an axis is a plane section with the same law."""
    model = ChiSquareExcursionSet(SMOOTH, 0.46)
    sample = model.sample((400, 300, 1), 1e-8, rng=1)
    assert sample.shape == (400, 300, 1)
    spread = math.sqrt(model.variance_of_volume_fraction((4e-6, 3e-6, 1e-12)))
    assert abs(sample.volume_fraction("solid") - 0.46) < 4 * spread


def test_a_covariance_that_does_not_fit_is_reported():
    """A covariance that isn't positive definite is clipped, with its error and a warning."""
    import gstools

    with pytest.warns(UserWarning, match="not appropriate"):  # gstools says so itself
        circular = gstools.Circular(dim=3, len_scale=2e-7)
    model = GaussianExcursionSet(Covariance.from_gstools(circular), 0.4)
    error = model.embedding_error((32, 32, 32), 1e-8)
    assert error > 1e-4
    with pytest.warns(VmtWarning, match="off by up"):
        model.sample((32, 32, 32), 1e-8, rng=1)
    assert ChiSquareExcursionSet(SMOOTH, 0.4).embedding_error((32, 32, 32), 1e-8) < 1e-12


def test_short_periods_keep_unit_variance():
    """A period shorter than the reach is warned about, and the volume fraction stays right."""
    model = ChiSquareExcursionSet(SMOOTH, 0.46)
    assert model.embedding_error((64, 64, 64), 1e-8, periodic=True) < 1e-6
    assert model.embedding_error((64, 64, 1), 1e-8, periodic=True) < 1e-6
    fractions = []
    for seed in range(200):
        with pytest.warns(VmtWarning):
            sample = model.sample((20, 20, 20), 1e-8, rng=seed, periodic=True)
        fractions.append(sample.volume_fraction("solid"))
    error = np.std(fractions) / math.sqrt(len(fractions))
    assert abs(np.mean(fractions) - 0.46) < 4 * error


@pytest.mark.parametrize(
    "make",
    [
        lambda: GaussianExcursionSet(SMOOTH, 0.0),
        lambda: GaussianExcursionSet(SMOOTH, 46),
        lambda: GaussianExcursionSet(SMOOTH, math.nan),
        lambda: GaussianExcursionSet(SMOOTH * 0.5, 0.4),
        lambda: GaussianExcursionSet(7.28e6, 0.4),
        lambda: GaussianExcursionSet(SMOOTH, 0.4, phase="pore"),
        lambda: ChiSquareExcursionSet(SMOOTH, 0.4, degrees_of_freedom=0),
        lambda: ChiSquareExcursionSet(SMOOTH, 0.4, degrees_of_freedom=1.5),
        lambda: GaussianExcursionSet(SMOOTH, 0.4).sample((10, 10), 1e-8, rng=1),
        lambda: GaussianExcursionSet(SMOOTH, 0.4).sample((10, 10, 0), 1e-8, rng=1),
        lambda: GaussianExcursionSet(SMOOTH, 0.4).sample((10, 10, 10), -1e-8, rng=1),
        lambda: GaussianExcursionSet(SMOOTH, 0.4).sample((10, 10, 10), 1e-8, rng="a"),
        lambda: GaussianExcursionSet(SMOOTH, 0.4).coverage([1.5]),
        lambda: GaussianExcursionSet(SMOOTH, 0.4).replace(alpha=1),
        lambda: GaussianExcursionSet(SMOOTH, 0.4).variance_of_volume_fraction(0),
    ],
)
def test_bad_input_is_an_input_error(make):
    """Values that can't be used are refused with a message."""
    with pytest.raises(InputError):
        make()


def test_a_realization_beyond_memory_is_refused(monkeypatch):
    """The memory is asked for before anything is drawn."""
    monkeypatch.setenv("VMT_MEMORY_LIMIT", "1MiB")
    with pytest.raises(MemoryBudgetError, match="realization"):
        GaussianExcursionSet(SMOOTH, 0.4).sample((200, 200, 200), 1e-8, rng=1)


def test_coarse_grids_are_allowed():
    """A field that the voxels don't resolve becomes white noise with the right fraction."""
    labels = ChiSquareExcursionSet(SMOOTH, 0.46).sample((64, 64, 64), 1e-6, rng=1).labels
    assert labels.mean() == pytest.approx(0.46, abs=4 * math.sqrt(0.46 * 0.54 / 64**3))


@pytest.mark.parametrize(
    "model",
    [GaussianExcursionSet(SMOOTH, 0.3), ChiSquareExcursionSet(SMOOTH, 0.3, degrees_of_freedom=4)],
)
def test_models_survive_pickle_and_json(model):
    """A model equals its copy from a pickle and from JSON, and refuses the other's data."""
    assert pickle.loads(pickle.dumps(model)) == model
    assert type(model).from_dict(json.loads(json.dumps(model.to_dict()))) == model
    other = {GaussianExcursionSet: ChiSquareExcursionSet}.get(type(model), GaussianExcursionSet)
    with pytest.raises(InputError):
        other.from_dict(model.to_dict())
