"""A sweep.

How does the M-factor of the solid depend on its volume fraction, and does it matter how fine the
structure is? A sweep has both as factors: every combination, four realizations each, and the same
seeds at every point, so that the points differ by their factors alone.

The rate sets how fine the structure is. Scaling a structure changes its surface, but not its
M-factor: the two curves of the M-factor lie within each other's intervals. Each M-factor stays
below the upper Hashin-Shtrikman bound of its own structure.

The store is in a folder: the sweep could have been killed and resumed. Here it runs in this
process; without `cluster="inline"` it would take all cores, with the same table.
"""

from pathlib import Path

import numpy as np

import vmt


def main(out: Path) -> None:
    """Run the sweep, print its means, draw them."""
    sweep = vmt.Sweep(
        name="Volume fraction and rate",
        model="chi_square_excursion_set",
        factors={"volume_fraction": [0.4, 0.5, 0.6, 0.7], "rate": [6e6, 12e6]},
        shape=(40, 40, 40),
        spacing="20 nm",
        measurements=["volume_fraction", "specific_surface_area", "m_factor"],
        realizations=4,
        seeds="common",
    )
    result = vmt.run(sweep, cluster="inline", store=out / "store", resume=True)
    for row in result.summary().rows():
        if row["quantity"] == "m_factor(solid)":
            print(
                f"p = {row['volume_fraction']:.1f}, rate {row['rate'] * 1e-6:2.0f} / µm: "
                f"M = {row['mean']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
            )
    p, m = result.values("volume_fraction(solid)"), result.values("m_factor(solid)")
    assert (m <= 2 * p / (3 - p)).all()  # Hashin-Shtrikman, insulating pores
    mean = result.summary().mean[:, result.quantities.index("m_factor(solid)")].reshape(4, 2)
    assert (np.diff(mean, axis=0) > 0).all()

    ax = result.plot(["m_factor(solid)", "specific_surface_area(solid)"])
    ax.figure.savefig(out / "means.png", dpi=110)


if __name__ == "__main__":
    from run import alone

    alone(main)
