"""Particles as spherical harmonics: from voxels to bodies, and a law that draws new ones.

Random particles on a shaken lattice stand for an electrode. A watershed finds them again; rays from
each centroid give its radius in every direction, and a series of spherical harmonics takes that
down in 49 numbers. The law of their sizes and spectra, fitted to the bodies, draws others of the
kind; the union of the bodies is an analytic solid phase on a grid of any fineness.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt
from vmt.report import particle_gallery


def main(out: Path) -> None:
    """Make particles, find them again, fit their law, and draw others."""
    truth = vmt.RandomStarParticle.gaussian(6.4e-6, [0.0, 0.012, 0.004, 0.002], size_spread=0.12)
    rng = np.random.default_rng(5)
    lattice = np.stack(np.indices((5, 5, 5)), -1).reshape(-1, 3)
    places = (lattice + 0.5 + rng.uniform(-0.06, 0.06, lattice.shape)) * 8e-6
    grains = [p.moved(at) for p, at in zip(truth.sample(125, rng=rng), places, strict=True)]
    size, voxels = 40e-6, 100
    image = vmt.StarUnion(grains, size).to_microstructure((voxels,) * 3, size / voxels)

    fit = vmt.fit_star_particles(image, "solid", degree=6)
    print(f"{fit}")
    inside = fit.whole_particles()
    assert fit.mean_dice > 0.97
    law = vmt.calibrate_star_particles(inside, weights=fit.whole_weights(), rng=1)
    print(law)
    assert law.adequate

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    fit.plot(axes[0])
    axes[0].set_title("bodies, and the boundary of the voxels", fontsize=10)
    law.plot(axes[1])
    figure.savefig(out / "fit.png", dpi=110)
    groups = {"from the voxels": inside[:12], "drawn from the law": law.model.sample(12, rng=2)}
    particle_gallery(groups).savefig(out / "gallery.png", dpi=110)

    # the union on two grids, one of them finer than the voxels it came from
    for n in (60, 120):
        level = fit.union().to_level_set((n,) * 3, size / n)
        print(f"{n}³ cells: solid {100 * level.volume_fraction('solid'):.2f} %")
    print(f"voxels: {100 * image.volume_fraction('solid'):.2f} %")
    assert abs(level.volume_fraction("solid") - image.volume_fraction("solid")) < 0.01


if __name__ == "__main__":
    from run import alone

    alone(main)
