"""The verb that packs particles: from an image, a fitted model, or balls."""

from __future__ import annotations

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vmt._version import __version__
from vmt.cli._app import (
    Force,
    Json,
    Phase,
    Quiet,
    Seed,
    Spacing,
    app,
    phase_key,
    print_json,
    print_table,
    read_image,
    say,
    silence,
)
from vmt.errors import InputError

if TYPE_CHECKING:
    from vmt.models import Calendering, ParticlePacking

_LEAST_VOXELS = 100  # of a particle that the law is fitted to
_VOXELS_ACROSS = 20  # of a mean diameter, unless told


class Faces(StrEnum):
    """What the faces of the box are."""

    periodic = "periodic"
    walls = "walls"
    plates = "plates"


@app.command(short_help="Pack particles: of an image, a model, or balls.")
def pack(
    image: Annotated[
        Path | None,
        typer.Argument(
            help="Segmented image whose particles are extracted and modeled.", show_default=False
        ),
    ] = None,
    spacing: Spacing = None,
    phase: Phase = "solid",
    model: Annotated[
        Path | None,
        typer.Option(help="JSON file of a fitted particle model.", show_default=False),
    ] = None,
    spheres: Annotated[
        str | None,
        typer.Option(help='Pack balls of this median diameter, "10 µm".', show_default=False),
    ] = None,
    spread: Annotated[
        float, typer.Option(min=0, max=1.5, help="Of the logarithm of the balls' diameters.")
    ] = 0.0,
    box: Annotated[
        str | None,
        typer.Option(
            help='Edge of the box, "60 µm", or three; default: the image\'s size.',
            show_default=False,
        ),
    ] = None,
    volume_fraction: Annotated[
        float | None,
        typer.Option(help="Of the particles; default: the image's.", show_default=False),
    ] = None,
    faces: Annotated[
        Faces,
        typer.Option(help="Periodic; walls; or plates: walls along axis 0, else periodic."),
    ] = Faces.periodic,
    max_overlap: Annotated[
        float, typer.Option(help="Largest depth of a contact over the smaller radius.")
    ] = 0.01,
    coordination: Annotated[
        float | None,
        typer.Option(help="Mean number of contacts to reach.", show_default=False),
    ] = None,
    closed_pores: Annotated[
        float, typer.Option(min=0, max=0.3, help="Volume of closed pores over the particles'.")
    ] = 0.0,
    pore_diameter: Annotated[
        str | None,
        typer.Option(help='Their median diameter, "1 µm".', show_default=False),
    ] = None,
    press: Annotated[
        list[float] | None,
        typer.Option(
            help="Calender along axis 0 to this volume fraction; can be given several times, "
            "rising.",
            show_default=False,
        ),
    ] = None,
    porosity: Annotated[
        list[float] | None,
        typer.Option(
            help="Total porosity of each --press, which sets the share of cracked particles.",
            show_default=False,
        ),
    ] = None,
    voxel: Annotated[
        str | None,
        typer.Option(help="Voxel edge of the written structure.", show_default=False),
    ] = None,
    seed: Seed = 0,
    out: Annotated[
        Path, typer.Option(help="Directory for report.html, packing.json, structure.tif.")
    ] = Path("pack"),
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Pack particles on their true shapes, press them if asked to, and report."""
    import vmt
    from vmt._files import content_hash, run_directory
    from vmt._provenance import provenance
    from vmt._units import parse_length, parse_spacing
    from vmt.models import add_closed_pores, calender, pack_particles
    from vmt.report import write_packing

    start = time.perf_counter()
    if sum(given is not None for given in (image, model, spheres)) != 1:
        raise InputError(
            "Give one source of particles: an IMAGE, --model FILE, or --spheres DIAMETER."
        )
    with silence(quiet):
        structure = None if image is None else read_image(image, spacing, quiet)
        if structure is None and (box is None or volume_fraction is None):
            raise InputError("Without an image, --box and --volume-fraction are needed.")
        fraction = volume_fraction
        if fraction is None and structure is not None:
            fraction = structure.volume_fraction(phase_key(phase))
        size = structure.size if box is None and structure else parse_spacing(str(box))
        options: dict[str, Any] = {
            "box [m]": list(size),
            "volume_fraction": fraction,
            "faces": faces.value,
            "max_overlap": max_overlap,
            "coordination": coordination,
            "closed_pores": closed_pores,
            "pore_diameter": pore_diameter,
            "press": press or [],
            "porosity": porosity or [],
            "voxel": voxel,
            "phase": phase,
            "spheres": spheres,
            "spread": spread,
            "seed": seed,
        }
        inputs: dict[str, Any] = {}
        if structure is not None:
            inputs["image"] = content_hash(structure.labels)
        if model is not None:
            inputs["model"] = _text(model)
        identity = {"command": "vmt pack", "vmt": __version__, **options, **inputs}
        with run_directory(out, identity, force=force) as directory:
            source = _source(structure, phase, model, spheres, spread, quiet)
            wraps = {
                Faces.periodic: (True, True, True),
                Faces.walls: (False, False, False),
                Faces.plates: (False, True, True),
            }[faces]
            packed = pack_particles(
                source,
                size,
                float(fraction or 0.0),
                periodic=wraps,
                max_overlap=max_overlap,
                coordination=coordination,
                rng=seed,
            )
            if closed_pores > 0:
                if pore_diameter is None:
                    raise InputError('--closed-pores needs --pore-diameter, as "1 µm".')
                packed = add_closed_pores(
                    packed, closed_pores, median_diameter=parse_length(pore_diameter), rng=seed + 1
                )
            pressed: Calendering | None = None
            if press:
                pressed = calender(
                    packed, press, porosities=porosity or None, rng=seed + 2,
                    max_overlap=max(max_overlap, 0.1),
                )  # fmt: skip
                packed = pressed.stages[-1]
            edge = (
                2 * float(packed.mean_radii.mean()) / _VOXELS_ACROSS
                if voxel is None
                else parse_length(voxel)
            )
            shape = [max(1, round(length / edge)) for length in packed.size]
            voxels = packed.to_microstructure(
                shape, [length / n for length, n in zip(packed.size, shape, strict=True)]
            )
            vmt.write(voxels, directory / "structure.tif")
            origin = provenance(
                command="vmt pack",
                parameters=options,
                seed=seed,
                inputs=inputs if structure is not None else {},
                seconds={"packing": time.perf_counter() - start},
            )
            write_packing(
                packed, voxels, directory, title=_title(image, model, spheres),
                calendering=pressed, provenance=origin,
            )  # fmt: skip
    _tell(packed, pressed, out, json=json, quiet=quiet)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read: {error}.") from error


def _source(
    structure: Any, phase: str, model: Path | None, spheres: str | None, spread: float, quiet: bool
) -> Any:
    from vmt._units import parse_length
    from vmt.models import RandomStarParticle, SphereSizes

    if spheres is not None:
        return SphereSizes(parse_length(spheres), spread)
    if model is not None:
        import json as reader

        try:
            data = reader.loads(_text(model))
        except ValueError as error:
            raise InputError(f"{model} is no JSON file: {error}.") from error
        inner = data.get("model") if isinstance(data, dict) else None
        if not isinstance(data, dict):
            raise InputError(f"{model} holds no particle model; expected what to_dict() gives.")
        return RandomStarParticle.from_dict(inner if isinstance(inner, dict) else data)
    from vmt.calibration import calibrate_star_particles, fit_star_particles

    fit = fit_star_particles(structure, phase_key(phase))
    if not quiet:
        say(repr(fit))
    whole = fit.whole_particles(least_voxels=_LEAST_VOXELS)
    weights = fit.whole_weights(least_voxels=_LEAST_VOXELS)
    return calibrate_star_particles(whole, weights=weights).model


def _title(image: Path | None, model: Path | None, spheres: str | None) -> str:
    if image is not None:
        return f"Packing of the particles of {image.name}"
    return f"Packing of {model.name}" if model is not None else f"Packing of balls of {spheres}"


def _tell(
    packed: ParticlePacking,
    pressed: Calendering | None,
    out: Path,
    *,
    json: bool,
    quiet: bool,
) -> None:
    if json:
        content = packed.to_dict()
        for name in ("centers [m]", "coefficients [m]", "defects"):
            content.pop(name, None)
        if pressed is not None:
            content["calendering"] = pressed.to_dict()
        print_json(content)
        return
    if quiet:
        return
    found = packed.contacts().to_dict()
    rows: list[tuple[str, object]] = [
        ("particles", len(packed)),
        ("volume fraction", packed.volume_fraction),
        ("overlap fraction", packed.overlap_fraction),
        *((k.replace("_", " "), v) for k, v in found.items() if isinstance(v, float | int)),
    ]
    print_table("Packing", ("quantity", "value"), rows)
    typer.echo(f"Report: {out / 'report.html'}")
