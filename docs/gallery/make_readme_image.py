"""Draw docs/images/twin.png, the README's picture.

`python docs/gallery/make_readme_image.py` makes the twin of a generated excursion set of 128³
voxels and draws image and twin, their centered two-point functions and their M-factors.
"""

import argparse
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

import vmt

SPACING = 20e-9
IMAGE, TWIN, PORE, SOLID = "#1f4e9c", "#d1495b", "#f2efe9", "#33415c"
PLACE = Path(__file__).resolve().parents[1] / "images" / "twin.png"


def make() -> vmt.TwinReport:
    """Make a phantom and its twin."""
    truth = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=5e6), 0.5)
    image = truth.sample((128, 128, 128), SPACING, rng=2)
    known = {"volume_fraction": 0.5, "rate [1/m]": 5e6}
    return vmt.twin(image, realizations=8, families="skip", seed=1, name="phantom", truth=known)


def draw_slice(ax: plt.Axes, m: vmt.Microstructure, title: str) -> None:
    """Draw the middle slice with a scale bar of 0.5 µm."""
    from matplotlib.colors import ListedColormap

    plane = m.mask("solid")[:, m.shape[1] // 2]
    edge = m.size[0] * 1e6
    ax.imshow(plane, cmap=ListedColormap([PORE, SOLID]), extent=(0, edge, edge, 0))
    right, low = 0.94 * edge, 0.93 * edge
    ax.fill_between(
        [right - 0.5, right], low - 0.05, low, facecolor="k", edgecolor="w", linewidth=0.8
    )
    box = {"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 1.5}
    ax.text(right - 0.25, low - 0.09, "0.5 µm", ha="center", va="bottom", fontsize=8, bbox=box)
    ax.set_title(title, fontsize=10)
    ax.set_xticks([])
    ax.set_yticks([])


def draw(report: vmt.TwinReport, path: Path) -> None:
    """Draw the four panels."""
    figure, axes = plt.subplots(1, 4, figsize=(12, 3.1), layout="constrained")
    draw_slice(axes[0], report.image, "image (a generated phantom)")
    draw_slice(axes[1], report.realizations[0], "a virtual twin")

    lags, image, mean, low, high, _, _ = next(iter(report.curves.values()))
    axes[2].fill_between(lags, low, high, color=TWIN, alpha=0.2, lw=0, label="twins ± 2 s")
    axes[2].plot(lags, mean, color=TWIN, ls="--", lw=1.3, label="twins, mean")
    axes[2].plot(lags, image, color=IMAGE, lw=1.5, label="image")
    axes[2].axhline(0, color="0.7", lw=0.7)
    axes[2].set_xlabel("lag h [µm]")
    axes[2].set_title("two-point function C(h) − p²", fontsize=10)
    axes[2].legend(frameon=False, fontsize=8)

    ax = axes[3]
    for place, (of_image, twins, _, _) in enumerate(report.m_factors.values()):
        shift = np.linspace(-0.14, 0.14, len(twins))
        ax.scatter(place + shift, twins, s=22, color=TWIN, alpha=0.7, lw=0)
        ax.plot([place - 0.25, place + 0.25], [of_image] * 2, color=IMAGE, lw=2)
    ax.scatter([], [], s=22, color=TWIN, label="twins")
    ax.plot([], [], color=IMAGE, lw=2, label="image")
    ax.set_xticks(range(len(report.m_factors)), report.m_factors)
    ax.set_xlim(-0.6, 1.6)
    ax.set_ylim(0, 1.15 * ax.get_ylim()[1])
    ax.set_title("M-factor, conductivity over bulk", fontsize=10)
    ax.legend(frameon=False, fontsize=8, loc="lower left")
    for ax in axes[2:]:
        ax.tick_params(labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=PLACE, help="file to write")
    draw(make(), parser.parse_args().out)
