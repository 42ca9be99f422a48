"""The porosity laboratory: gauge, pycnometer, mercury and microscope on one structure.

A porous layer with a rough face, cavities in its solid and a tight skin: what the instruments say
of it, beside what is there. The gauge rests on the highest point, so it counts the hollows of the
face as pores. Helium fills all pores but the cavities. Mercury enters through the narrow pores of
the skin: the wide ones below appear at the skin's size. The curve lies beside one that is read from
a file, as a measured one would be; here it is another sample of the same layer, with noise.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from scipy import ndimage

import vmt
from vmt.descriptors import porosimetry as lab

SPACING = 40e-9
SKIN = 12  # voxels
COLORS = {"pore": "#f2efe9", "solid": "#33415c", "closed": "#d1495b", "narrow": "#edae49"}


def layer(seed: int, edge: int = 96) -> vmt.Microstructure:
    """Return a layer whose upper part is finer, under a rough face, with cavities in its solid."""
    rng = np.random.default_rng(seed)
    shape = (edge, edge, edge)
    parts = []
    for rate in (2.6e6, 7.0e6):
        rho = vmt.Covariance.gaussian(rate=rate)
        model = vmt.GaussianExcursionSet(rho, 0.58)
        parts.append(model.sample(shape, SPACING, rng=rng).mask("solid"))
    hills = ndimage.gaussian_filter(rng.standard_normal(shape[1:]), 7, mode="wrap")
    top = np.rint(8 + 2.6 * hills / hills.std()).clip(1).astype(int)
    depth = np.arange(edge)[:, None, None] - top
    solid = np.where(depth < SKIN, parts[1], parts[0]) & (depth >= 0)
    room = ndimage.distance_transform_edt(solid)
    for place in rng.permutation(np.argwhere((room > 5) & (depth > SKIN + 6)))[:40]:
        box = tuple(slice(max(0, p - 4), p + 5) for p in place)
        grid = np.indices(solid[box].shape) + np.array([b.start for b in box])[:, None, None, None]
        if room[tuple(place)] > 5 and solid[box].all():
            solid[box] &= ((grid - place[:, None, None, None]) ** 2).sum(axis=0) > 9
    return vmt.Microstructure(solid.astype(np.uint8), SPACING)


def main(out: Path) -> None:
    """Measure, compare, draw."""
    m = layer(7)
    density = 4700.0
    gauge = lab.gauge(m)
    print(
        f"gauge: {gauge.thickness * 1e6:.2f} µm, porosity {gauge.porosity:.3f}; under the face "
        f"{gauge.mean_thickness * 1e6:.2f} µm, {gauge.porosity_below_surface:.3f}"
    )
    assert gauge.porosity > gauge.porosity_below_surface + 0.01

    gas = lab.pycnometry(m, densities=density)
    by_density = lab.closed_porosity(gas.bulk_density, gas.skeletal_density, gas.crystal_density)
    print(
        f"pycnometer: skeletal density {gas.skeletal_density:.0f} kg/m³ of {density:.0f}: closed "
        f"pores {100 * gas.closed:.2f} % of the layer, {100 * gas.closed_share_of_solid:.2f} % of "
        "its solid"
    )
    assert abs(by_density - gas.closed) < 1e-9
    assert 0 < gas.closed < 0.03

    found = lab.mercury_porosimetry(m)
    pressure = found.mercury.pressure(found.median_throat) / 1e6
    print(
        f"mercury: median {found.median_throat * 1e9:.0f} nm at {pressure:.2f} MPa; true sizes "
        f"{found.median_body * 1e9:.0f} nm; shielding {found.shielding_factor:.2f}"
    )
    assert found.median_body > 1.3 * found.median_throat
    curve = found.curve(gas.bulk_density, label="mercury")
    sizes = found.granulometry(gas.bulk_density, label="true sizes")
    surface = lab.gas_surface(m, density)
    print(
        f"surface: cylinders {curve.surface() / 1e3:.2f}, true sizes {sizes.surface() / 1e3:.2f}, "
        f"voxels {surface / 1e3:.2f} m²/g"
    )
    assert curve.surface() > sizes.surface()

    # a measured curve: another sample, with noise, as a file
    second = layer(8)
    another = lab.mercury_porosimetry(second).curve(lab.bulk_density(second, density))
    noise = 1 + 0.01 * np.random.default_rng(1).standard_normal(another.pressure.size)
    table = zip(another.pressure / 1e6, 1e6 * another.volume * noise, strict=True)
    file = out / "measured.csv"
    file.write_text(
        "pressure [MPa],volume [mm3/g]\n" + "".join(f"{p:.6g},{v:.6g}\n" for p, v in table)
    )
    measured = lab.read_intrusion_curve(file, label="from a file")
    assert abs(measured.median_diameter / curve.median_diameter - 1) < 0.3
    assert abs(measured.total_volume / curve.total_volume - 1) < 0.3

    face = lab.surface_roughness(m, lateral_resolution=4 * SPACING)
    print(f"microscope: rms {face.rms * 1e9:.0f} nm, area {face.area_ratio:.2f} of its projection")

    figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
    cut = int(np.argmax(gas.closed_pores.sum(axis=(0, 2))))
    image = np.empty((m.shape[0], m.shape[2], 3))
    pore = m.mask("pore")[:, cut]
    closed = gas.closed_pores[:, cut]
    for name, part in (("solid", ~pore), ("pore", pore), ("closed", closed)):
        image[part] = to_rgb(COLORS[name])
    height, width = m.size[0] * 1e6, m.size[2] * 1e6
    axes[0, 0].imshow(image, extent=(0, width, height, 0), interpolation="nearest")
    for level, style, name in (
        (gauge.thickness, "-", "gauge"),
        (gauge.mean_thickness, "--", "mean height"),
    ):
        axes[0, 0].axhline(height - level * 1e6, color="#1f4e9c", ls=style, lw=1.3, label=name)
    axes[0, 0].legend(loc="lower right", fontsize=8)
    axes[0, 0].set_title("layer; closed pores red", fontsize=10)
    axes[0, 0].set_xlabel("µm")
    found.plot(axes[0, 1])
    axes[0, 1].set_title("what mercury finds, and where", fontsize=10)
    lab.overlay_intrusion([measured, curve, sizes], axes[1, 0])
    axes[1, 0].set_title("curves per mass, one of them read from a file", fontsize=10)
    face.plot(axes[1, 1])
    figure.savefig(out / "porosity_laboratory.png", dpi=90)


if __name__ == "__main__":
    from run import alone

    alone(main)
