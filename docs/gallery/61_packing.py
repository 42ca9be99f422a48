"""Pack particles on their true shapes.

Random particles of a model of spherical harmonics grow from a loose start and push each other away,
by moves and by turns. Left: as they come to lie, they touch few others. Middle: drawn together
until each touches five others on average, as the particles of a pressed electrode do. Right: the
radial distribution of the centers and the number of contacts.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from vmt.models import RandomStarParticle, pack_particles


def main(out: Path) -> None:
    """Pack twice and compare."""
    model = RandomStarParticle.gaussian(9e-6, [0.0, 0.006, 0.003, 0.001], size_spread=0.2)
    loose = pack_particles(model, 50e-6, 0.5, rng=1)
    joined = pack_particles(model, 50e-6, 0.5, rng=1, coordination=5.0, max_overlap=0.04)
    figure, axes = plt.subplots(1, 4, figsize=(16, 3.9), layout="constrained")
    for ax, packed, name in zip(axes, (loose, joined), ("as they lie", "joined"), strict=False):
        packed.plot(ax)
        found = packed.contacts()
        ax.set_title(f"{name}: {found.coordination_number:.1f} contacts each", loc="left")
        print(
            f"{name}: {len(packed)} particles, {100 * packed.volume_fraction:.2f} vol.-%, "
            f"overlap {100 * packed.overlap_fraction:.3f} %, largest neck "
            f"{found.relative_necks.max():.2f} of the smaller radius"
        )
        assert abs(packed.volume_fraction - 0.5) < 0.005
        g = packed.radial_distribution(bins=30)
        axes[2].plot(g.distances / g.diameter, g.values, label=name)
        share = np.bincount(found.counts) / len(packed)
        axes[3].plot(100 * share, "o-", ms=3, label=name)
    assert abs(joined.coordination_number() - 5) < 0.3
    axes[2].set_xlabel("distance / mean diameter")
    axes[2].set_title("radial distribution", loc="left")
    axes[2].legend()
    axes[3].set_xlabel("contacts of a particle")
    axes[3].set_title("share of particles [%]", loc="left")
    figure.savefig(out / "packing.png", dpi=110)


if __name__ == "__main__":
    from run import alone

    alone(main)
