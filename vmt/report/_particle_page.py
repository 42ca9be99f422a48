"""The page of a particle analysis: a gallery in 3D, sizes, sphericities, and the law of shapes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vmt._files import whole_file, write_json
from vmt._plotting import COLORS, PHASE_COLORS, draw_bodies, figure, finish, legend, view_frame
from vmt._units import format_length
from vmt.report._page import Badge, Card, Page, figure_png, write_table_csv

if TYPE_CHECKING:
    from vmt.calibration import ParticleStatistics, StarCalibration, StarFit
    from vmt.models import StarParticle

__all__ = ["particle_gallery", "particle_page", "write_particles"]

SCHEMA_VERSION = 1
_COLUMNS = (
    "x [µm]",
    "y [µm]",
    "z [µm]",
    "volume [µm³]",
    "equivalent diameter [µm]",
    "sphericity",
    "share seen",
    "Dice",
    "whole",
)
_DRAWN = 18


def particle_gallery(
    groups: Mapping[str, Sequence[StarParticle]], *, columns: int = 6, row_height: float = 1.7
) -> Any:
    """Draw groups of particles in 3D, one panel a group, all on one scale.

    Parameters
    ----------
    groups : mapping of str to sequence of StarParticle
        Title and particles of each panel.
    columns : int
        Particles in a row.
    row_height : float
        Height of a row [inch].

    Returns
    -------
    Figure
    """
    right, up = view_frame()
    every = [p for group in groups.values() for p in group]
    boxes = [p.bounding_box for p in every]
    pitch = 1.0e6 * max((float((high - low).max()) for low, high in boxes), default=1e-6)
    rows = max((-(-len(group) // columns) for group in groups.values()), default=1)
    made = figure(1, len(groups), width=5.6, height=0.4 + 0.62 * row_height * rows)
    colors = (PHASE_COLORS[1], PHASE_COLORS[2], PHASE_COLORS[3])
    for i, (ax, (title, group)) in enumerate(zip(made.axes, groups.items(), strict=True)):
        meshes = []
        for k, particle in enumerate(group):
            row, column = divmod(k, columns)
            at = (column * right - row * up) * pitch
            meshes.append((particle.mesh(31, 60) - particle.center) * 1e6 + at)
        draw_bodies(ax, meshes, [colors[i % len(colors)]] * len(meshes))
        ax.set_xlim(-0.6 * pitch, (columns - 0.4) * pitch)
        ax.set_ylim(-(rows - 0.4) * pitch, 0.6 * pitch)
        bar = _round_length(pitch)
        low = -(rows - 0.45) * pitch
        ax.plot([-0.4 * pitch, -0.4 * pitch + bar], [low, low], color="#111111", linewidth=2.5)
        ax.text(-0.4 * pitch + 1.1 * bar, low, f"{bar:g} µm", fontsize=8, va="center")
        finish(ax, title=title)
        ax.set_axis_off()
    return made


def _round_length(target: float) -> float:
    power = 10.0 ** np.floor(np.log10(target))
    return float(max(n * power for n in (1, 2, 5) if n * power <= target))


def particle_page(
    fit: StarFit,
    calibration: StarCalibration | None,
    title: str,
    provenance: Mapping[str, object],
    *,
    seed: int = 0,
) -> Page:
    """Build the page of particles and, where there is one, of the law fitted to them."""
    content, whole = fit.to_dict(), fit.whole_particles()
    page = Page(title, str(fit.structure))
    page.cards(
        [
            Card("particles", str(len(fit.particles)), note=f"{int(fit.whole.sum())} whole"),
            Card(
                "mean equivalent diameter",
                format_length(content["mean_equivalent_diameter [m]"]),
                note="of the whole ones",
            ),
            Card("mean sphericity", f"{content['mean_sphericity']:.3f}", note="a ball has 1"),
            Card(
                "seen from the centers", f"{100 * fit.mean_seen:.1f} %", note="star-shaped: 100 %"
            ),
            Card("Dice", f"{fit.mean_dice:.3f}", note="bodies against their voxels"),
        ]
    )
    page.section(
        "Particles",
        "A watershed divides the phase; each part is a body whose radius is a series of spherical "
        "harmonics around its centroid. Parts that the window cuts are drawn, not counted.",
    )
    plane: Any = fit.plot().figure
    page.figure(
        plane,
        "Bodies in the middle plane, each in its own shade; the red line is the image's boundary.",
    )
    rng = np.random.default_rng(seed)
    picked = [whole[i] for i in rng.permutation(len(whole))[:_DRAWN]]
    groups: dict[str, Sequence[StarParticle]] = {f"from the image ({len(whole)} whole)": picked}
    if calibration is not None:
        groups["drawn from the fitted law"] = calibration.model.sample(len(picked), rng=seed)
    page.figure(particle_gallery(groups), "Particles in 3D, taken at random, on one scale for all.")
    from vmt.calibration import ParticleStatistics

    measured = ParticleStatistics.of(np.array([p.coefficients for p in whole]))
    page.section("Sizes and shapes")
    page.figure(_distributions(measured, calibration), _about_distributions(calibration))
    if calibration is not None:
        _law(page, calibration)
    return page.provenance(provenance)


def _about_distributions(calibration: StarCalibration | None) -> str:
    text = "Equivalent diameter and sphericity of the whole particles: share below."
    return text + (" Dashed: 2000 particles drawn from the law." if calibration else "")


def _distributions(measured: ParticleStatistics, calibration: StarCalibration | None) -> Any:
    made = figure(1, 2, width=4.6)
    pairs = [(measured, COLORS["image"], "-", "image")]
    if calibration is not None:
        pairs.append((calibration.simulated, COLORS["model"], "--", "model"))
    for seen, color, style, name in pairs:
        for ax, values in zip(made.axes, (seen.diameters * 1e6, seen.sphericities), strict=True):
            ordered = np.sort(values)
            share = (np.arange(ordered.size) + 0.5) / ordered.size
            ax.plot(ordered, share, color=color, linestyle=style, linewidth=1.5, label=name)
    for ax, label in zip(made.axes, ("equivalent diameter [µm]", "sphericity"), strict=True):
        legend(finish(ax, xlabel=label, ylabel="share of particles below"))
    return made


def _law(page: Page, calibration: StarCalibration) -> None:
    seen = f"{calibration.withheld} withheld" if calibration.withheld else "the fitted"
    page.section(
        "Law of random particles",
        "Sizes and angular power spectra have the measured margins and a Gaussian copula; given "
        f"its spectrum, a shape is isotropic and random. Judged by {seen} particles against 2000 "
        "simulated ones.",
    )
    good = calibration.adequate
    page.badges([Badge("adequate" if good else "not adequate", "good" if good else "bad")])
    spectra: Any = calibration.plot().figure
    page.figure(
        spectra,
        "Mean relative power of each degree; band and dotted lines hold the middle 80 %.",
    )
    page.table(
        ("quantity", "Kolmogorov–Smirnov distance", "limit"),
        [(name, value, calibration.limit) for name, value in calibration.distances.items()],
        align=("left", "right", "right"),
        caption="A right law exceeds the limit once in a thousand.",
    )


def write_particles(
    fit: StarFit,
    calibration: StarCalibration | None,
    directory: str | os.PathLike[str],
    title: str,
    provenance: Mapping[str, object],
    *,
    seed: int = 0,
) -> None:
    """Write page, table of particles, coefficients and figure into an existing directory.

    The files are ``report.html``, ``particles.csv``, ``particles.json`` (the union, as
    `StarUnion.from_dict` reads it), ``model.json``, ``figure.png``, ``result.json`` and
    ``provenance.json``, each whole or not there.
    """
    target = Path(directory)
    c = np.array([p.coefficients for p in fit.particles])
    from vmt.calibration import ParticleStatistics

    measured = ParticleStatistics.of(c)
    rows = [
        (*(p.center * 1e6).tolist(), v * 1e18, d * 1e6, s, seen, dice, bool(whole))
        for p, v, d, s, seen, dice, whole in zip(
            fit.particles,
            measured.volumes.tolist(),
            measured.diameters.tolist(),
            measured.sphericities.tolist(),
            fit.seen.tolist(),
            fit.dice.tolist(),
            fit.whole.tolist(),
            strict=True,
        )
    ]
    write_table_csv(target / "particles.csv", _COLUMNS, rows)
    write_json(
        target / "particles.json", {"schema_version": SCHEMA_VERSION, **fit.union().to_dict()}
    )
    content = fit.to_dict()
    if calibration is not None:
        law = calibration.to_dict()
        write_json(target / "model.json", {"schema_version": SCHEMA_VERSION, **law.pop("model")})
        content["law"] = law
    with whole_file(target / "figure.png") as temporary:
        temporary.write_bytes(figure_png(_distributions(measured, calibration)))
    write_json(target / "result.json", {"schema_version": SCHEMA_VERSION, **content})
    write_json(target / "provenance.json", provenance)
    particle_page(fit, calibration, title, provenance, seed=seed).write(target / "report.html")
