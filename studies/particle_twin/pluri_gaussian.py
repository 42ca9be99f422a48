"""Fit a pluri-Gaussian excursion set to the real cathode's three phases, and draw all C_ij.

python studies/particle_twin/pluri_gaussian.py --image IMAGE.tif --out DIR
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import vmt
from vmt._plotting import draw_slice, figure


def main() -> None:
    """Fit, print, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--simulations", type=int, default=6)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent / "results")
    options = parser.parse_args()
    phases = {"pore": 0, "active_material": 1, "carbon_binder_domain": 2}
    image = vmt.read_labels(options.image, spacing="398 nm", phases=phases)
    fit = vmt.calibrate_pluri_gaussian(image, simulations=options.simulations)
    for name, value in fit.parameters.items():
        print(f"{name}: {value:.5g} ± {fit.standard_error[name]:.2g}")
    print("misfit by first phase:", {k: round(v, 4) for k, v in fit.misfits.items()})
    for finding in fit.findings:
        print(("! " if finding.triggered else "  ") + f"{finding.name}: {finding.text}")
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "pluri_gaussian.json").write_text(
        json.dumps(fit.to_dict(), indent=1, ensure_ascii=False) + "\n", "utf-8"
    )
    n = min(image.shape[1], image.shape[2], 160)
    twin = fit.model.sample((image.shape[0], 8, n), image.spacing, rng=1)
    sheet = figure(1, 3, width=4.4, height=4.6)
    names = dict(phases)
    for ax, m, title in zip(sheet.axes, (image, twin), ("image", "fitted model"), strict=False):
        labels = m.labels[:, m.shape[1] // 2, :n]
        if m is twin:  # the image's labels
            back = {m.label_of(name): label for name, label in names.items()}
            labels = sum((labels == old) * new for old, new in back.items()).astype("uint8")
        draw_slice(ax, labels, (image.spacing[0], image.spacing[2]), names, title=title)
    fit.plot(sheet.axes[2])
    sheet.savefig(options.out / "pluri_gaussian.png", dpi=100)


if __name__ == "__main__":
    main()
