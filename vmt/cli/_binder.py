"""The verb that adds binder."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Any

import typer

from vmt.cli._app import (
    Force,
    Image,
    Json,
    Out,
    Quiet,
    Seed,
    Spacing,
    app,
    phase_key,
    read_image,
    results_in,
    say,
    silence,
    tell,
)
from vmt.errors import InputError


class Methods(StrEnum):
    """Where the binder goes."""

    contact = "contact"
    closing = "closing"
    wetting = "wetting"
    film = "film"
    growth = "growth"


class Scenarios(StrEnum):
    """Layers of Prasad et al. 2024."""

    homogeneous = "homogeneous"
    none_at_collector = "none_at_collector"
    dense_at_separator = "dense_at_separator"
    combined = "combined"
    none_anywhere = "none_anywhere"


class Totals(StrEnum):
    """What the amounts of the scenarios have in common."""

    paper = "paper"
    redistributed = "redistributed"


@app.command(short_help="Add binder to a structure.")
def binder(
    image: Image,
    spacing: Spacing = None,
    fraction: Annotated[
        float,
        typer.Option(help="Volume fraction of the binder to add, 0.0765.", show_default=False),
    ] = ...,  # type: ignore[assignment]  # required
    method: Annotated[
        Methods,
        typer.Option(
            help="Where it goes: between particles, into narrow places, at a contact angle, as a "
            "film, or step by step at random."
        ),
    ] = Methods.contact,
    contact_angle: Annotated[
        float | None,
        typer.Option(help="For wetting: 0 to 180 [degrees].", show_default=False),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option(
            help='Relative amounts from the separator to the collector, "1.5, 0.5".',
            show_default=False,
        ),
    ] = None,
    scenario: Annotated[
        Scenarios | None,
        typer.Option(help="Layers of Prasad et al. 2024.", show_default=False),
    ] = None,
    free_layer: Annotated[
        str | None,
        typer.Option(
            help='For a scenario: layer without binder at the collector, "5.3 µm".',
            show_default=False,
        ),
    ] = None,
    dense_layer: Annotated[
        str | None,
        typer.Option(
            help='For a scenario: layer of dense binder at the separator, "2.6 µm".',
            show_default=False,
        ),
    ] = None,
    total: Annotated[
        Totals,
        typer.Option(help="For a scenario: the bulk as in the homogeneous one, or equal amounts."),
    ] = Totals.paper,
    active_material: Annotated[
        str | None,
        typer.Option(
            help='Name or label of the active material; default: "active_material" or "solid".',
            show_default=False,
        ),
    ] = None,
    pore: Annotated[str, typer.Option(help="Name or label of the pore.")] = "pore",
    seed: Seed = 0,
    out: Out = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Add binder to a structure, to one voxel of a volume fraction.

    --out gets the structure as structure.npz beside the report with pictures before and after.
    """
    import vmt
    from vmt.binder import LayerThicknesses, binder_in_layers

    angle = None if contact_angle is None else math.radians(contact_angle)
    options: dict[str, Any] = {
        "volume_fraction": fraction,
        "method": method.value,
        "contact_angle": angle,
        "active_material": None if active_material is None else phase_key(active_material),
        "pore": phase_key(pore),
    }
    if profile is not None:
        options["profile"] = _numbers(profile)
    layers: dict[str, float] = {}
    if scenario is None:
        if free_layer is not None or dense_layer is not None:
            raise InputError("--free-layer and --dense-layer go with --scenario; name one.")
    else:
        if profile is not None:
            raise InputError("--profile and --scenario exclude each other; give one.")
        layers = {"dense": _length(dense_layer), "free": _length(free_layer)}
    with silence(quiet):
        structure = read_image(image, spacing, quiet)
        identity = {**options, "seed": seed}
        if scenario is not None:
            identity |= {"scenario": scenario.value, "total": total.value, "layers [m]": layers}
        title = f"Binder in {image.name}"
        with results_in(out, "vmt binder", structure, identity, force) as write:
            if scenario is None:
                placed = vmt.add_binder(structure, rng=seed, **options)
            else:
                placed = binder_in_layers(
                    structure,
                    scenario=scenario.value,
                    layers=LayerThicknesses(**layers),
                    total=total.value,
                    rng=seed,
                    **options,
                )
            write(placed, title)
            if out is not None:
                vmt.write(placed.structure, out / "structure.npz")
    if not quiet:
        say(f"made {placed.structure}")
    tell(placed, title, json)


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f'--profile {text!r} can\'t be read; expected numbers as "1.5, 0.5".'
        ) from None


def _length(text: str | None) -> float:
    from vmt._units import parse_length

    return 0.0 if text is None else parse_length(text)
