"""Press a packing: virtual calendering.

The recipe of an electrode gives the volume fraction of the active material at each density. The
box is pressed along the thickness; particles keep their volume and move and turn out of the way.
Closed pores lie inside the particles; a share of the particles that rises with compaction is
cracked, about half at 18 % porosity (Beuse et al. 2021), and cracks open the pores that they meet.
"""

import dataclasses
from pathlib import Path

import matplotlib.pyplot as plt

import vmt
from vmt._plotting import draw_slice
from vmt.models import SphereSizes, add_closed_pores, calender, pack_particles, target_fractions


def main(out: Path) -> None:
    """Press from 2.7 to 3.3 g/cm³ and look inside."""
    recipe = vmt.ElectrodeRecipe(
        weight_fractions={"NMC622": 0.95, "carbon black": 0.02, "PVdF": 0.03},
        densities={"NMC622": 4760, "carbon black": 2250, "PVdF": 1770},
        carbon_binder=("carbon black", "PVdF"),
        carbon_binder_porosity=0.5,
        electrode_density=2700,
    )
    (start,) = target_fractions(recipe, [2700])
    packed = pack_particles(
        SphereSizes(10e-6, 0.25), (66e-6, 54e-6, 54e-6), start, rng=2, periodic=(False, True, True)
    )
    packed = add_closed_pores(packed, 0.0315, median_diameter=2e-6, spread=0.2, rng=3)
    pressed = calender(packed, recipe=recipe, densities=[3000, 3300], rng=4)

    figure, axes = plt.subplots(1, 3, figsize=(13, 4.8), layout="constrained")
    shares = []
    for ax, stage, row in zip(axes, pressed.stages, pressed.table, strict=True):
        shape = [round(edge / 0.5e-6) for edge in stage.size]
        m = stage.to_microstructure(
            shape, [edge / n for edge, n in zip(stage.size, shape, strict=True)]
        )
        density = row["electrode_density [kg/m³]"] / 1000
        porosity = dataclasses.replace(recipe, electrode_density=1000 * density).porosity
        closed = vmt.closed_pores(m, "pore", faces=["x-", "x+"]).volume_fraction
        print(
            f"{density:.1f} g/cm³: porosity {100 * porosity:.1f} %, "
            f"{100 * row['volume_fraction']:.1f} vol.-% particles, "
            f"{row['coordination_number']:.2f} contacts each, {100 * row['cracked_share']:.0f} % "
            f"cracked, closed pores {100 * closed:.2f} % of the volume"
        )
        draw_slice(
            ax, m.labels[:, m.shape[1] // 2], (m.spacing[0], m.spacing[2]), m.phases,
            title=f"{density:.1f} g/cm³",
        )  # fmt: skip
        shares.append(closed / row["volume_fraction"])
    figure.savefig(out / "calendering.png", dpi=110)
    assert shares[2] < shares[0]  # cracks open pores
    assert pressed.thicknesses[2] < 0.83 * pressed.thicknesses[0]
    assert pressed.cracked[0] == 0 < pressed.cracked[1] < pressed.cracked[2]


if __name__ == "__main__":
    from run import alone

    alone(main)
