"""Your image: a TIFF stack with anisotropic voxels.

A focused ion beam cuts slices at one distance and a microscope sees pixels of another, so that
voxels are rarely cubes. Here a structure with voxels of 40 nm × 20 nm × 20 nm is written as a TIFF
stack, whose pages are axis 0, and read again. The file carries its spacing; one that does not needs
`spacing="40 nm, 20 nm, 20 nm"` and is refused without it, because a spacing is never guessed.

The model is isotropic. The surface area is corrected for the voxels' shape and agrees with that
measured on cubes of 20 nm; M-factors hardly depend on the axis. Geodesic tortuosity does by a few
percent: paths step to 26 neighbors, and those of long voxels lie in other directions. Compare
tortuosities between images of the same voxel shape only.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt


def main(out: Path) -> None:
    """Write, read, measure along three axes."""
    model = vmt.ChiSquareExcursionSet(vmt.Covariance.gaussian(rate=4e6), 0.55)
    made = model.sample((60, 120, 120), (40e-9, 20e-9, 20e-9), rng=7)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stack.tif"
        vmt.write(made, path)
        image = vmt.read_labels(path)
        bare = Path(folder) / "bare.npy"
        np.save(bare, image.labels)
        try:
            vmt.read_labels(bare)
        except vmt.InputError as error:
            print(f"without a spacing: {str(error).replace(folder, '…')}")
        else:
            raise AssertionError("a file without a spacing was read")
        same = vmt.read_labels(bare, spacing="40 nm, 20 nm, 20 nm")
    print(image)
    assert image.spacing == (40e-9, 20e-9, 20e-9)
    assert np.array_equal(image.labels, made.labels)
    assert np.array_equal(image.labels, same.labels)

    cubes = model.sample((120, 120, 120), 20e-9, rng=8)
    surfaces = [vmt.specific_surface_area(m, "solid") for m in (image, cubes)]
    print(f"surface {surfaces[0] * 1e-6:.2f} / µm, on cubes {surfaces[1] * 1e-6:.2f} / µm")
    assert abs(surfaces[0] / surfaces[1] - 1) < 0.06

    tau = [vmt.geodesic_tortuosity(image, "pore", axis=axis) for axis in range(3)]
    m_factor = [
        vmt.effective_conductivity(image, {"pore": 1.0}, axis=axis).m_factor for axis in range(3)
    ]
    for axis in range(3):
        print(f"axis {axis}: geodesic tortuosity {tau[axis]:.3f}, M-factor {m_factor[axis]:.3f}")
    assert np.ptp(tau) < 0.06
    assert np.ptp(m_factor) < 0.06

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    image.plot(axes[0], axis=1)
    axes[0].set_title("axis 0 down, axis 2 to the right", fontsize=10, loc="left")
    image.plot(axes[1], axis=0)
    axes[1].set_title("one page: axis 1 down, axis 2 to the right", fontsize=10, loc="left")
    places = np.arange(3)
    axes[2].bar(places - 0.18, tau, 0.34, label="geodesic tortuosity, pore", color="#1f4e9c")
    axes[2].bar(places + 0.18, m_factor, 0.34, label="M-factor, pore", color="#d1495b")
    axes[2].set_xticks(places, [f"axis {axis}" for axis in range(3)])
    axes[2].set_ylim(0, 1.6)
    axes[2].legend(frameon=False, loc="upper right")
    figure.savefig(out / "image.png", dpi=100)


if __name__ == "__main__":
    from run import alone

    alone(main)
