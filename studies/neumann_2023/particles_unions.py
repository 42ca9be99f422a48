"""What `particles.py` sweeps: unions of star-shaped sub-particles beside the image, in numbers.

A module of its own, since the workers of a sweep find functions by name. The model is that of
`transport_routes.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
from transport_routes import Realization

import vmt
from vmt.calibration import StarFit, fit_star_particles
from vmt.kernels.stars import count_stars
from vmt.microstructure import LevelSet, Microstructure

PHASES = ("solid", "pore")
LAGS = 40

# depth of the markers [voxels], and options of the fit
VARIANTS: Mapping[str, tuple[float, Mapping[str, Any]]] = {
    "as fitted": (1.0, {}),
    "series not rescaled": (1.0, {"keep_volume": False}),
    "plain projection": (1.0, {"regularization": 0.0}),
    "L = 20": (1.0, {"degree": 20}),
    "+1/4 voxel": (1.0, {"outward": 0.25}),
    "+1/2 voxel": (1.0, {"outward": 0.5}),
    "bridged by 1 voxel": (1.0, {"bridge": 1.0}),
    "bridged by 2 voxels": (1.0, {"bridge": 2.0}),
    "more markers": (0.5, {}),
    "fewer markers": (2.0, {}),
}
TRANSPORTED = (
    "as fitted",
    "+1/4 voxel",
    "+1/2 voxel",
    "bridged by 1 voxel",
    "bridged by 2 voxels",
    "fewer markers",
)


def inner(fit: StarFit, most: int) -> tuple[slice, slice, slice]:
    """The window two mean radii from the faces, at most `most` voxels of an edge taken off."""
    margins = [min(m, most) for m in fit.margin]
    x, y, z = (slice(m, n - m) for m, n in zip(margins, fit.structure.shape, strict=True))
    return (x, y, z)


def compare(fit: StarFit, window: tuple[slice, slice, slice]) -> tuple[dict[str, Any], Any]:
    """Measure image and union in the window; return the numbers and the union's voxels."""
    image, union = fit.structure, fit.union()
    counts = count_stars(image.shape, image.spacing, union.centers, union.coefficients)[window]
    seen = image.crop(*window)
    made = Microstructure(np.minimum(counts, 1), image.spacing, image.phases)
    p, q = (m.volume_fraction("solid") for m in (seen, made))
    s, t = (vmt.specific_surface_area(m, "solid") * 1e-6 for m in (seen, made))
    numbers = {
        "particles": len(fit.particles),
        "p image": p,
        "p union": q,
        "p difference": q - p,
        "S image [1/µm]": s,
        "S union [1/µm]": t,
        "S difference [%]": 100 * (t / s - 1),
        "overlapped [% of union]": 100 * float((counts > 1).sum() / (counts > 0).sum()),
        "seen [%]": 100 * fit.mean_seen,
        "Dice": fit.mean_dice,
    }
    return numbers, made


def covariances(image: Microstructure, made: Microstructure) -> dict[str, list[float]]:
    """Centered two-point functions of both over the lag [nm]."""
    found: dict[str, list[float]] = {}
    reach = min(LAGS * image.spacing[0], min(image.size) / 2)
    for name, structure in (("image", image), ("union", made)):
        curve = vmt.two_point_coverage_probability(structure, "solid", max_lag=reach)
        found["lags [nm]"] = (curve.lags * 1e9).tolist()
        found[name] = curve.centered.tolist()
    return found


def cut(level_set: LevelSet, window: tuple[slice, slice, slice]) -> LevelSet:
    """The window of a level set."""
    corner = tuple(slice(w.start, w.stop + 1) for w in window)
    return LevelSet(level_set.values[corner].copy(), level_set.spacing)


def level_set_of(fit: StarFit, window: tuple[slice, slice, slice]) -> LevelSet:
    """The union's own level set in the window, on the voxels' grid."""
    spacing = fit.structure.spacing
    shape = [w.stop - w.start for w in window]
    low = [w.start * d for w, d in zip(window, spacing, strict=True)]
    size = [n * d for n, d in zip(shape, spacing, strict=True)]
    return fit.union().crop(low, size).to_level_set(shape, spacing)


def m_factors(structure: Microstructure | LevelSet) -> dict[str, float]:
    """M-factor of both phases."""
    found = {}
    for phase in PHASES:
        made = vmt.effective_conductivity(structure, {phase: 1.0}, bounds="none", rtol=1e-3)
        found[phase] = float(made.m_factor or 0.0)
    return found


def unions(
    made: Realization, *, variants: tuple[str, ...], transport: bool = False
) -> dict[str, Any]:
    """Measurement of a sweep: all numbers of one sample by name.

    The first variant is the one drawn and solved by voxels.
    """
    image = made.voxels()
    found: dict[str, Any] = {}
    fits: dict[float, StarFit] = {}
    window = None
    for variant in variants:
        depth, options = VARIANTS[variant]
        if depth not in fits:
            fits = {depth: fit_star_particles(image, "solid", depth=depth)}
        fit = fits[depth].refit(**options) if options else fits[depth]
        if window is None:  # the same for all variants
            window = inner(fit, image.shape[0] // 5)
        numbers, union = compare(fit, window)
        found |= {f"{variant}: {key}": value for key, value in numbers.items()}
        solved: dict[str, dict[str, float]] = {}
        if variant == variants[0]:
            curves = covariances(image.crop(*window), union)
            found |= {f"two-point: {key}": values for key, values in curves.items()}
            if transport:
                solved["voxels, image"] = m_factors(image.crop(*window))
                solved[f"voxels, {variant}"] = m_factors(union)
                solved["level set, image"] = m_factors(cut(made.level_set(), window))
        if transport and variant in TRANSPORTED:
            solved[f"level set, {variant}"] = m_factors(level_set_of(fit, window))
        for key, by_phase in solved.items():
            found |= {f"M, {key}({phase})": m for phase, m in by_phase.items()}
        print(f"{variant}: done", file=sys.stderr)
    return found
