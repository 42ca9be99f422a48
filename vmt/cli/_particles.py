"""The verb for particles: from an image to bodies, and to the law of their shapes."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from vmt.cli._app import (
    Force,
    Image,
    Json,
    Out,
    Phase,
    Quiet,
    Seed,
    Spacing,
    app,
    identity_of,
    phase_key,
    print_json,
    print_table,
    read_image,
    say,
    silence,
)

_COMMAND = "vmt particles"
_FEWEST = 40  # whole particles from which a law is fitted


@app.command()
def particles(
    image: Image,
    spacing: Spacing = None,
    phase: Phase = "solid",
    degree: Annotated[
        int, typer.Option(min=1, max=60, help="Degree L of the spherical harmonics.")
    ] = 10,
    depth: Annotated[
        float,
        typer.Option(min=0.01, help="Dip between two particles [voxels]; more merges more."),
    ] = 1.0,
    regularization: Annotated[
        float, typer.Option(min=0, help="Damping of what the voxels can't show; 0 is none.")
    ] = 1.0,
    withhold: Annotated[
        int, typer.Option(min=0, help="Particles kept back to judge the fitted law.")
    ] = 0,
    seed: Seed = 0,
    out: Out = None,
    force: Force = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Divide a phase into particles as spherical harmonics, and fit the law of their shapes."""
    from vmt.calibration import calibrate_star_particles, fit_star_particles
    from vmt.errors import CalibrationError

    with silence(quiet):
        structure = read_image(image, spacing, quiet)
        chosen = structure.name_of(phase_key(phase))
        options: dict[str, Any] = {
            "phase": chosen,
            "degree": degree,
            "depth": depth,
            "regularization": regularization,
            "withhold": withhold,
        }
        title = f"Particles of {chosen} in {image.name}"
        start = time.perf_counter()
        made = fit_star_particles(
            structure, chosen, degree=degree, depth=depth, regularization=regularization
        )
        whole = made.whole_particles()
        law = None
        if len(whole) - withhold >= _FEWEST:
            law = calibrate_star_particles(
                whole, weights=made.whole_weights(), withhold=withhold, rng=seed
            )
        elif withhold:
            raise CalibrationError(
                f"{len(whole)} whole particles, {withhold} of them withheld, are too few; expected "
                f"at least {_FEWEST} to fit the law. Use a larger window, or a smaller --withhold."
            )
        elif not quiet:
            say(f"{len(whole)} whole particles are too few to fit the law of their shapes.")
        if out is not None:
            from vmt._files import run_directory
            from vmt._provenance import provenance
            from vmt.report import write_particles

            identity = identity_of(_COMMAND, structure, {**options, "seed": seed})
            with run_directory(out, identity, force=force) as directory:
                origin = provenance(
                    command=_COMMAND,
                    parameters=options,
                    seed=seed,
                    inputs={"image": identity["image"]},
                    seconds={"measuring": time.perf_counter() - start},
                )
                write_particles(made, law, directory, title, origin, seed=seed)
    content = made.to_dict()
    if law is not None:
        content["law"] = {k: v for k, v in law.to_dict().items() if k != "model"}
    if json:
        print_json(content)
        return
    from vmt.report import result_table

    rows = [(name, value, unit) for name, unit, value in result_table(content)]
    print_table(title, ("quantity", "value", "unit"), rows)
