"""Paths, backbone and dead ends of the binder, and pores inside it.

Left: the shortest ways through the binder of a packing, from the separator (top) to the collector.
Middle: which of its voxels lie on some simple path between the faces, which hang on it as dead
ends, and which are islands. Right: a block of binder with resolved pores; its effective diffusivity
is the γ of the papers, computed instead of assumed.
"""

from pathlib import Path

import matplotlib.pyplot as plt

import vmt
from vmt.binder import nanoporous_binder
from vmt.calibration import binder_transport

CBD = "carbon_binder_domain"


def main(out: Path) -> None:
    """Draw paths, split and pores."""
    packing = vmt.phantoms.random_spheres(
        (64, 60, 60), 0.4e-6, radius=4e-6, volume_fraction=0.58, rng=4
    ).structure
    m = vmt.add_binder(packing, volume_fraction=0.12, method="contact").structure
    figure, axes = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
    paths = vmt.percolating_paths(m, CBD, count=8)
    paths.plot(axes[0])
    split = vmt.backbone(m, CBD)
    split.plot(axes[1])
    print(
        f"{len(paths.voxels)} paths, the shortest {paths.tortuosities[0]:.2f} times the thickness; "
        f"{100 * split.dead_end_share:.1f} % dead ends, {100 * split.isolated_share:.1f} % islands"
    )
    assert paths.percolates
    assert split.backbone_share > 0.5

    block = nanoporous_binder((64, 64, 64), 20e-9, rng=1)
    found = binder_transport(block)
    block.plot(axes[2])
    axes[2].set_title(f"γ = {found.gamma:.3f}", fontsize=10, loc="left")
    print(f"porosity {block.porosity:.3f}, γ {found.gamma:.3f} (papers 0.12)")
    assert abs(block.porosity - 0.502) < 0.005
    assert 0.1 < found.gamma < 0.35
    figure.savefig(out / "network.png", dpi=100, bbox_inches="tight")


if __name__ == "__main__":
    from run import alone

    alone(main)
