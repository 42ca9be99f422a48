"""Effective conductivity: the M-factor, its prediction and its bounds.

The conducting phase is the solid. `vmt.effective_conductivity` puts one volt between two opposite
faces, solves for the potential on the voxels, and divides the current by that of a full block: the
M-factor. The slice shows the potential; parts without contact to both faces carry no current and
are left white.

The same for a row of volume fractions, with a pore phase that is the excursion set: the M-factor
computed, predicted from volume fraction, geodesic tortuosity and constrictivity alone (Stenzel et
al. 2016, as Neumann et al. 2023, eq. 15), and the upper bounds of Wiener (any structure) and of
Hashin and Shtrikman (isotropic structures). The lower bounds are zero: the pores insulate.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import vmt

SPACING = 25e-9


def main(out: Path) -> None:
    """Solve, predict and bound."""
    rho = vmt.Covariance.gaussian(rate=5e6)
    fractions = np.array([0.3, 0.4, 0.5, 0.6, 0.7])
    computed, predicted, hashin = [], [], []
    for p in fractions:
        model = vmt.ChiSquareExcursionSet(rho, 1 - p, phase="pore", background="solid")
        m = model.sample((72, 72, 72), SPACING, rng=4)
        result = vmt.effective_conductivity(
            m, {"solid": 1.0}, rtol=1e-6, keep_potential=bool(p == 0.5)
        )
        share = m.volume_fraction("solid")
        tau, beta = vmt.geodesic_tortuosity(m, "solid"), vmt.constrictivity(m, "solid")
        computed.append(result.m_factor)
        predicted.append(vmt.predict_m_factor(share, tau, beta))
        hashin.append(vmt.hashin_shtrikman_bounds([share, 1 - share], [1.0, 0.0])[1])
        print(
            f"solid {share:.3f}: M = {computed[-1]:.4f}, predicted {predicted[-1]:.4f}, "
            f"bound {hashin[-1]:.4f}; flux imbalance {result.flux_imbalance:.1e}"
        )
        assert 0 < result.m_factor < hashin[-1] < share
        assert result.flux_imbalance < 0.02
        if result.potential is not None:
            shown = result
    assert np.all(np.diff(computed) > 0)
    assert np.abs(np.subtract(predicted, computed)).max() < 0.12

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    shown.plot(left)
    left.set_title("potential at solid = 0.5", fontsize=10)
    wide = np.linspace(0.2, 0.8, 61)
    right.plot(wide, wide, color="0.7", label="Wiener bound")
    isotropic = [vmt.hashin_shtrikman_bounds([f, 1 - f], [1.0, 0.0])[1] for f in wide]
    right.plot(wide, isotropic, color="0.4", ls="--", label="Hashin–Shtrikman bound")
    right.plot(fractions, computed, "o-", color="#1f4e9c", label="computed")
    right.plot(fractions, predicted, "D", color="#d1495b", label="predicted")
    right.set_xlabel("volume fraction of the solid")
    right.set_ylabel("M-factor")
    right.legend(frameon=False)
    figure.savefig(out / "transport.png", dpi=110)


if __name__ == "__main__":
    from run import alone

    alone(main)
