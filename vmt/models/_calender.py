"""Virtual calendering: uniaxial compaction of a packing with rearrangement, pores and cracks.

The box is pressed along one axis in small steps; particles keep shape and volume, and move and turn
away from the overlaps that each step makes. What can't be moved away stays as overlap up to
`max_overlap`: flattened contacts. After Beuse et al. (2021), closed pores lie within particles and
a share of the particles that rises with compaction is cracked.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vmt._progress import steps as progress
from vmt.errors import InputError, PackingError
from vmt.kernels import star_shapes
from vmt.models._defects import Defects, cracked_share, draw_cracks, draw_pores
from vmt.models._pack import settle
from vmt.models._packing_shapes import shape_tables
from vmt.models._particle_packing import ParticlePacking
from vmt.recipe import ElectrodeRecipe

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Calendering", "add_closed_pores", "add_cracks", "calender", "target_fractions"]

Floats = npt.NDArray[np.float64]
_STRAIN = 0.01  # of the thickness in one step
_POINTS = 500
_STEPS = 600
_TRIALS = 4  # relaxations of one step before it is given up


@dataclass(frozen=True, eq=False)
class Calendering:
    """A packing at several densities on the way through the calender.

    Parameters
    ----------
    stages : tuple of ParticlePacking
        The start first.
    axis : int
        Direction of the compaction.
    cracked : tuple of float
        Share of cracked particles of each stage.
    densities : tuple of float
        Electrode density of each stage [kg/m³]; nan where no recipe was given.
    """

    stages: tuple[ParticlePacking, ...]
    axis: int
    cracked: tuple[float, ...]
    densities: tuple[float, ...]

    @property
    def thicknesses(self) -> tuple[float, ...]:
        """Edge of the box along the axis [m]."""
        return tuple(stage.size[self.axis] for stage in self.stages)

    @property
    def table(self) -> list[dict[str, float]]:
        """One row a stage, units in the keys."""
        rows = []
        for stage, cracked, density in zip(self.stages, self.cracked, self.densities, strict=True):
            found = stage.contacts()
            rows.append(
                {
                    "electrode_density [kg/m³]": density,
                    "thickness [m]": stage.size[self.axis],
                    "volume_fraction": stage.volume_fraction,
                    "overlap_fraction": stage.overlap_fraction,
                    "coordination_number": found.coordination_number,
                    "largest_relative_neck": float(found.relative_necks.max(initial=0.0)),
                    "cracked_share": cracked,
                }
            )
        return rows

    def to_dict(self) -> dict[str, Any]:
        """Numbers of all stages for JSON."""
        rows = [
            {k: (v if math.isfinite(v) else None) for k, v in row.items()} for row in self.table
        ]
        return {"schema_version": 1, "axis": self.axis, "stages": rows}

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw coordination number and cracked share over the volume fraction."""
        from vmt._plotting import COLORS, axes, finish, legend

        ax = axes(ax)
        rows = self.table
        x = [100 * row["volume_fraction"] for row in rows]
        ax.plot(x, [r["coordination_number"] for r in rows], "o-", color=COLORS["image"],
                label="coordination number")  # fmt: skip
        ax.plot(x, [10 * r["cracked_share"] for r in rows], "s--", color=COLORS["model"],
                label="cracked particles [10 %]")  # fmt: skip
        ax.set_ylim(bottom=0)
        legend(ax)
        return finish(ax, xlabel="particles [vol.-%]")


def target_fractions(recipe: ElectrodeRecipe, densities: Sequence[float]) -> list[float]:
    """Volume fraction of the active material at electrode densities [kg/m³].

    Raises
    ------
    InputError
        If a density is above that of the solid.
    """
    import dataclasses

    return [
        dataclasses.replace(recipe, electrode_density=float(d)).volume_fractions()[
            "active_material"
        ]
        for d in densities
    ]


def calender(
    packing: ParticlePacking,
    volume_fractions: Sequence[float] | None = None,
    *,
    recipe: ElectrodeRecipe | None = None,
    densities: Sequence[float] | None = None,
    axis: int = 0,
    max_overlap: float = 0.1,
    porosities: Sequence[float] | None = None,
    crack_width: float | None = None,
    rng: np.random.Generator | int = 0,
) -> Calendering:
    """Press a packing along an axis, with rearrangement, to volume fractions or densities.

    Parameters
    ----------
    packing : ParticlePacking
        Where it starts.
    volume_fractions : sequence of float, optional
        Rising volume fractions of the particles (of their union), one a stage.
    recipe, densities : ElectrodeRecipe, sequence of float, optional
        Instead: the recipe and rising electrode densities [kg/m³], from which the volume fractions
        of the active material follow.
    axis : int
        Direction of the compaction.
    max_overlap : float
        Largest depth of a flattened contact over the smaller mean radius.
    porosities : sequence of float, optional
        Total porosity of each stage, which sets the share of cracked particles (`cracked_share`).
        With a recipe they are its own. Without either nothing is cracked.
    crack_width : float, optional
        Opening of cracks [m]; default: 3 % of the mean diameter.
    rng : numpy.random.Generator or int
        Seed of the cracks; the compaction itself draws nothing.

    Returns
    -------
    Calendering

    Raises
    ------
    InputError
        If the stages don't rise above the packing, or an argument can't be used.
    PackingError
        If contacts would overlap by more than `max_overlap`; with the best volume fraction reached.

    References
    ----------
    Beuse et al. (2021), *Batteries* 7, 70: cracks and closed pores of calendered electrodes.
    """
    goals, known, pores = _stages(packing, volume_fractions, recipe, densities, porosities)
    if axis not in (0, 1, 2):
        raise InputError(f"axis={axis!r} can't be used; expected 0, 1 or 2.")
    if not 0 < max_overlap <= 0.5:
        raise InputError(f"max_overlap={max_overlap!r} can't be used; expected within (0, 0.5].")
    width = 0.06 * float(packing.mean_radii.mean()) if crack_width is None else crack_width
    seeds = np.random.default_rng(rng).integers(0, 2**63, len(goals))
    made, cracked = [packing], [_share(packing)]
    with progress("calendering", len(goals)) as step:
        current = packing
        for goal, porosity, seed in zip(goals, pores, seeds, strict=True):
            current = _press(current, goal, axis, max_overlap)
            if porosity is not None:
                current = add_cracks(current, cracked_share(porosity), width=width, rng=int(seed))
            made.append(current)
            cracked.append(_share(current))
            step()
    start = recipe.electrode_density if recipe is not None else None
    return Calendering(
        tuple(made), axis, tuple(cracked), (math.nan if start is None else start, *known)
    )


def _share(packing: ParticlePacking) -> float:
    if packing.defects is None:
        return 0.0
    return len(np.unique(packing.defects.crack_owners)) / len(packing)


def _stages(
    packing: ParticlePacking,
    volume_fractions: Sequence[float] | None,
    recipe: ElectrodeRecipe | None,
    densities: Sequence[float] | None,
    porosities: Sequence[float] | None,
) -> tuple[list[float], list[float], list[float | None]]:
    import dataclasses

    if (volume_fractions is None) == (densities is None) or (densities is None) != (recipe is None):
        raise InputError(
            "Give either volume_fractions, or recipe and densities; one of both is needed."
        )
    if densities is not None and recipe is not None:
        goals, known = target_fractions(recipe, densities), [float(d) for d in densities]
        pores: list[float | None] = [
            dataclasses.replace(recipe, electrode_density=d).porosity for d in known
        ]
    else:
        goals = [float(v) for v in volume_fractions or ()]
        known, pores = [math.nan] * len(goals), [None] * len(goals)
    if porosities is not None:
        if len(porosities) != len(goals):
            raise InputError(
                f"{len(porosities)} porosities for {len(goals)} stages; expected as many."
            )
        pores = [float(p) for p in porosities]
    before = packing.volume_fraction
    if (
        not goals
        or any(b < a for a, b in zip([before * 0.995, *goals], goals, strict=False))
        or (goals[-1] >= 1)
    ):
        raise InputError(
            f"The stages have volume fractions {[round(g, 4) for g in goals]}; expected rising "
            f"ones from the packing's {before:.4f} on, below 1."
        )
    return goals, known, pores


def _press(packing: ParticlePacking, goal: float, axis: int, max_overlap: float) -> ParticlePacking:
    """Compress in steps to a volume fraction of the union."""
    n = len(packing)
    centers, turn = np.array(packing.centers), np.tile(np.eye(3), (n, 1, 1))
    which, scale = np.arange(n), np.ones(n)
    shapes = shape_tables(packing.coefficients, _POINTS)
    box, wraps = np.array(packing.size), np.array(packing.periodic)
    volume, before = float(packing.volumes.sum()), packing.volume_fraction
    if box[axis] * before / goal < (4 if wraps[axis] else 2) * float(shapes[3].max()):
        raise InputError(
            f"The box would get {box[axis] * before / goal:.3g} m thin, less than its particles "
            "allow. Start from a thicker packing."
        )
    wanted = volume / (goal * math.prod(packing.size))  # thickness over that now, without overlap
    best = before
    for _ in range(6):
        ratio = wanted * math.prod(packing.size) / math.prod(box)
        steps = max(1, math.ceil(abs(math.log(ratio)) / _STRAIN))
        worst = 0.0
        for _ in range(steps):
            factor = ratio ** (1 / steps)
            box[axis] *= factor
            centers[:, axis] *= factor
            for _ in range(_TRIALS):
                worst = settle(centers, turn, which, scale, shapes, box, wraps, max_overlap, _STEPS)
                if worst <= max_overlap:
                    break
            if worst > max_overlap:
                break
            best = volume / float(np.prod(box))
        made = _moved(packing, centers, turn, box)
        if worst > max_overlap:
            best = min(best, made.volume_fraction)
            raise PackingError(
                f"The packing can't be pressed to {100 * goal:.4g} vol.-% with contacts "
                f"overlapping by at most {100 * max_overlap:.3g} % of the smaller radius; "
                f"{100 * best:.3g} % was reached. Allow a larger max_overlap or press less.",
                best,
            )
        missing = goal / made.volume_fraction
        if abs(missing - 1) < 1e-3:
            break
        wanted /= missing
    return made


def _moved(packing: ParticlePacking, centers: Floats, turn: Floats, box: Floats) -> ParticlePacking:
    series = np.asarray(packing.coefficients)
    turned = series if series.shape[1] == 1 else star_shapes.turned(series, turn)
    return packing.replace(
        centers=centers.copy(),
        coefficients=turned,
        size=(float(box[0]), float(box[1]), float(box[2])),
        defects=None if packing.defects is None else packing.defects.turned(turn),
    )


def add_closed_pores(
    packing: ParticlePacking,
    fraction: float,
    *,
    median_diameter: float,
    spread: float = 0.3,
    rng: np.random.Generator | int,
) -> ParticlePacking:
    """Put spherical pores with log-normal diameters into the particles; none meets a surface.

    Parameters
    ----------
    packing : ParticlePacking
        Its own pores are replaced.
    fraction : float
        Volume of the pores over the particles', as 0.0315 for the NMC622 powder of Beuse et al.
    median_diameter : float
        By number [m].
    spread : float
        Standard deviation of the logarithm of the diameter.
    rng : numpy.random.Generator or int
        Seed.

    Raises
    ------
    PackingError
        If the particles can't hold so many; with the fraction reached.
    """
    pores, reached = draw_pores(packing.coefficients, fraction, median_diameter, spread, rng)
    if reached < 0.98 * fraction:
        raise PackingError(
            f"Closed pores of {100 * fraction:.3g} % of the particles can't be placed with a "
            f"median diameter of {median_diameter:.3g} m; {100 * reached:.3g} % were. Use smaller "
            "or fewer pores.",
            reached,
        )
    before = packing.defects or Defects.none()
    return packing.replace(defects=before.with_pores(pores))


def add_cracks(
    packing: ParticlePacking, share: float, *, width: float, rng: np.random.Generator | int
) -> ParticlePacking:
    """Split a share of the particles by plane cracks; those cracked before stay so.

    Parameters
    ----------
    packing : ParticlePacking
        Its pores stay; those that a crack meets are closed no longer.
    share : float
        Of the particles that are cracked in the end; larger ones crack first.
    width : float
        Opening of the cracks [m]; voxels show at least one layer that is connected by faces.
    rng : numpy.random.Generator or int
        Seed.
    """
    before = packing.defects or Defects.none()
    made = draw_cracks(packing.coefficients, share, width, rng, before=before)
    return packing.replace(defects=made)
