"""Pack star-shaped particles by force-biased collective rearrangement of their true shapes.

Particles grow from a loose random start to their size in small steps; after each, overlaps are
relaxed in translations and turns (FIRE). After Mościński et al. (1989), *Mol. Simul.* 3, 201–212
(force-biased), and O'Hern et al. (2003), *Phys. Rev. E* 68, 011306 (relaxation of overlaps).
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from vmt._progress import steps as progress
from vmt._units import check_spacing
from vmt.errors import InputError, PackingError, VmtWarning
from vmt.kernels import packing, star_shapes
from vmt.kernels.directions import rotations
from vmt.models._level_set import seed_sequence
from vmt.models._packing_shapes import Shapes, shape_tables
from vmt.models._particle_packing import ParticlePacking, check_faces
from vmt.models._star_particle import StarParticle, StarUnion

__all__ = ["SphereSizes", "bond_pairs", "pack_particles", "settle"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
_STAGES = 30
_START = 0.7  # linear size at the start, over the final one
_STAGE_STEPS = 600
_TIGHT = 3e-4  # depth to which stages are relaxed
_ROUNDS = 6  # of correction for overlaps
_LEAST = 4
_MOST = 100_000
_BOND_STEPS = 300
_BOND_ROUNDS = 4
_COARSE, _DENSE = 260, 900  # points on a surface: while growing, and at the end


class ParticleModel(Protocol):
    """What a model of particles is asked for."""

    def sample(self, count: int, *, rng: np.random.Generator | int) -> Sequence[StarParticle]:
        """Draw particles."""


@dataclass(frozen=True)
class SphereSizes:
    """Balls with log-normal diameters, by number.

    Parameters
    ----------
    median_diameter : float
        [m]
    spread : float
        Standard deviation of the logarithm of the diameter; 0: all alike.

    Examples
    --------
    >>> balls = SphereSizes(10e-6).sample(2, rng=1)
    >>> round(balls[0].equivalent_diameter * 1e6, 3)
    10.0
    """

    median_diameter: float
    spread: float = 0.0

    def __post_init__(self) -> None:
        if not (0 < self.median_diameter < math.inf and 0 <= self.spread <= 1.5):
            raise InputError(
                f"median_diameter={self.median_diameter!r}, spread={self.spread!r} can't be used; "
                "expected a length in meters and a number in [0, 1.5]."
            )

    def sample(self, count: int, *, rng: np.random.Generator | int) -> list[StarParticle]:
        """Draw balls at the origin."""
        generator = np.random.default_rng(seed_sequence(rng))
        noise = self.spread * generator.normal(size=count)
        return [StarParticle.from_sphere(0.5 * self.median_diameter * math.exp(v)) for v in noise]


def pack_particles(
    source: Sequence[StarParticle] | ParticleModel,
    size: float | Sequence[float],
    volume_fraction: float,
    *,
    periodic: bool | Sequence[bool] = True,
    max_overlap: float = 0.01,
    coordination: float | None = None,
    rng: np.random.Generator | int,
    max_steps: int = 6000,
    inside: str = "solid",
    outside: str = "pore",
) -> ParticlePacking:
    """Pack particles into a box to a volume fraction, on their true shapes.

    Parameters
    ----------
    source : sequence of StarParticle, or a model
        Particles to draw from, each with any turn; a model has ``sample(count, rng=...)``, as
        `RandomStarParticle` and `SphereSizes`.
    size : float or (Lx, Ly, Lz)
        Edge lengths of the box [m].
    volume_fraction : float
        Of the union of the particles; what overlaps counts once. All particles are scaled by one
        factor near 1 to meet it.
    periodic : bool or three
        Which pairs of faces fit together; the others are walls.
    max_overlap : float
        Largest depth of a contact that may stay, over the smaller mean radius. Small for loose
        packings of particles that only touch; 0.03 to 0.05 for sintered or pressed ones.
    coordination : float, optional
        Mean number of contacts to reach by drawing near particles together, until they overlap by
        `max_overlap`/2.
    rng : numpy.random.Generator or int
        The same seed is the same packing.
    max_steps : int
        Of the last relaxation.
    inside, outside : str
        Names of the phases.

    Returns
    -------
    ParticlePacking

    Raises
    ------
    InputError
        If an argument can't be used, or the box is too small for the particles.
    PackingError
        If overlaps stay larger than `max_overlap`; with the best volume fraction reached.

    Warns
    -----
    VmtWarning
        If the coordination number is missed by more than 5 %.

    Examples
    --------
    >>> made = pack_particles(SphereSizes(10e-6), 40e-6, 0.5, rng=1)
    >>> abs(made.volume_fraction - 0.5) < 0.01, float(made.contacts().relative_depths.max()) < 0.01
    (True, True)
    """
    box, wraps = np.array(check_spacing(size)), np.array(check_faces(periodic))
    if not 0 < volume_fraction < 1:
        raise InputError(
            f"volume_fraction={volume_fraction!r} can't be used; expected a number between 0 and 1."
        )
    if not 0 < max_overlap <= 0.5 or max_steps < 1:
        raise InputError(
            f"max_overlap={max_overlap!r}, max_steps={max_steps!r} can't be used; expected a "
            "number in (0, 0.5] and at least one step."
        )
    if coordination is not None and not 0 < coordination < 14:
        raise InputError(
            f"coordination={coordination!r} can't be used; expected a mean number of contacts "
            "between 0 and 14."
        )
    generator = np.random.default_rng(seed_sequence(rng))
    series, which = _draw(source, volume_fraction * math.prod(box), generator)
    volumes = star_shapes.volumes(series)[which]
    factor = float(np.cbrt(volume_fraction * math.prod(box) / volumes.sum()))
    series = series * factor
    shapes, fine = shape_tables(series, _COARSE), shape_tables(series, _DENSE)
    _check_box(shapes, which, box, wraps)
    n = len(which)
    centers = generator.random((n, 3)) * box
    turn = rotations(n, generator)
    scale = np.ones(n)
    wanted = volume_fraction
    with progress("packing", _STAGES + _ROUNDS + 2) as step:
        best = _grow(
            centers, turn, which, scale, (shapes, fine), box, wraps, max_overlap, max_steps,
            volume_fraction, step,
        )  # fmt: skip
        if best < 1:
            reached = volume_fraction * best**3
            raise PackingError(
                f"A volume fraction of {100 * volume_fraction:.4g} % can't be reached with "
                f"overlaps up to {100 * max_overlap:.3g} % of the smaller radius; "
                f"{100 * reached:.3g} % was. Give a lower volume fraction, a larger max_overlap or "
                "particles of more different sizes.",
                reached,
            )
        made = _packing(centers, turn, series[which] * scale[:, None], box, wraps, inside, outside)
        for _ in range(_ROUNDS):
            missing = wanted / made.volume_fraction
            if abs(missing - 1) < 5e-4 or made.overlap_fraction < 2e-4:
                break
            scale *= float(np.clip(np.cbrt(missing), 0.97, 1.03))
            done = settle(centers, turn, which, scale, fine, box, wraps, max_overlap, max_steps)
            made = _packing(
                centers, turn, series[which] * scale[:, None], box, wraps, inside, outside
            )
            if done > max_overlap:
                raise PackingError(
                    f"A volume fraction of {100 * wanted:.4g} % of the union can't be reached with "
                    f"overlaps up to {100 * max_overlap:.3g} % of the smaller radius; "
                    f"{100 * made.volume_fraction:.3g} % was, with overlaps up to "
                    f"{100 * done:.3g} %. Give a lower one, or a larger max_overlap.",
                    made.volume_fraction,
                )
            step()
        if coordination is not None:
            for _ in range(_BOND_ROUNDS):
                bond_pairs(centers, turn, which, scale, fine, box, wraps, max_overlap, coordination)
                made = _packing(
                    centers, turn, series[which] * scale[:, None], box, wraps, inside, outside
                )
                missing = wanted / made.volume_fraction
                if abs(missing - 1) < 1e-3:
                    break
                scale *= float(np.clip(np.cbrt(missing), 0.97, 1.03))  # necks took volume
            found = made.coordination_number()
            if abs(found / coordination - 1) > 0.05:
                warnings.warn(
                    f"A coordination number of {coordination:.3g} is not met: {found:.3g} was "
                    "reached. A larger max_overlap lets more particles touch; a dense packing has "
                    "more contacts by itself.",
                    VmtWarning,
                    stacklevel=2,
                )
    return made


def _draw(
    source: Sequence[StarParticle] | ParticleModel, volume: float, rng: np.random.Generator
) -> tuple[Floats, Ints]:
    """Coefficients (k, K) of different shapes, and the shape (n,) of each particle to pack."""
    if isinstance(source, StarUnion | ParticlePacking):
        source = source.particles
    drawn: list[StarParticle] = []
    if isinstance(source, Sequence):
        given = list(source)
        if not given or not all(isinstance(p, StarParticle) for p in given):
            raise InputError(
                "There are no particles to pack; expected StarParticle objects or a model with "
                "sample(count, rng=...)."
            )
        sizes = np.array([p.volume for p in given])
        count = _number(volume, float(sizes.mean()))
        order = np.concatenate(
            [rng.permutation(len(given)) for _ in range(2 * count // len(given) + 2)]
        )
        end = _until(sizes[order], volume)
        return _rows(given), order[:end].astype(np.int64)
    if not hasattr(source, "sample"):
        raise InputError(
            f"{source!r} can't be packed; expected StarParticle objects or a model with "
            "sample(count, rng=...)."
        )
    few = list(source.sample(64, rng=rng))
    count = _number(volume, float(np.mean([p.volume for p in few])))
    drawn = few
    while True:
        sizes = np.array([p.volume for p in drawn])
        if sizes.sum() >= 1.05 * volume or len(drawn) > _MOST:
            break
        drawn += list(source.sample(max(count // 4, 64), rng=rng))
    end = _until(sizes, volume)
    series = _rows(drawn[:end])
    first, place = np.unique(series, axis=0, return_inverse=True)
    if len(first) < end:  # alike, as balls of one size
        return first, place.reshape(-1).astype(np.int64)
    return series, np.arange(end)


def _number(volume: float, each: float) -> int:
    count = volume / each
    if not _LEAST - 0.5 <= count <= _MOST:
        raise InputError(
            f"The box holds {count:.3g} particles of {each * 1e18:.3g} µm³ each at this volume "
            f"fraction; expected {_LEAST} to {_MOST}. Choose another size of the box."
        )
    return round(count)


def _until(volumes: Floats, target: float) -> int:
    """Number of particles whose volumes come nearest to the target."""
    total = np.cumsum(volumes)
    end = min(int(np.searchsorted(total, target)), len(total) - 1)
    if end > 0 and target - total[end - 1] < total[end] - target:
        end -= 1
    return end + 1


def _rows(particles: Sequence[StarParticle]) -> Floats:
    degree = max(p.degree for p in particles)
    return np.concatenate(
        [star_shapes.widened(p.coefficients[None], degree) for p in particles], axis=0
    )


def _check_box(shapes: Shapes, which: Ints, box: Floats, wraps: npt.NDArray[np.bool_]) -> None:
    """Refuse boxes in which a pair meets through two faces at once, or a wall is too near."""
    reach = np.sort(shapes[3][which])[::-1]
    pair = float(reach[:2].sum())
    for axis in range(3):
        least = max(2 * pair, 2.2 * float(reach[0])) if wraps[axis] else 2.2 * float(reach[0])
        if box[axis] < least:
            raise InputError(
                f"Edge {axis} of the box is {box[axis]:.3g} m, but the largest particles reach "
                f"{reach[0]:.3g} m from their centers; expected at least {least:.3g} m, so that "
                "none meets its own image. Choose a larger box."
            )


def _packing(
    centers: Floats,
    turn: Floats,
    series: Floats,
    box: Floats,
    wraps: npt.NDArray[np.bool_],
    inside: str,
    outside: str,
) -> ParticlePacking:
    turned = series if series.shape[1] == 1 else star_shapes.turned(series, turn)
    return ParticlePacking(
        centers,
        turned,
        (float(box[0]), float(box[1]), float(box[2])),
        periodic=(bool(wraps[0]), bool(wraps[1]), bool(wraps[2])),
        inside=inside,
        outside=outside,
    )


def _grow(
    centers: Floats,
    turn: Floats,
    which: Ints,
    scale: Floats,
    shapes: tuple[Shapes, Shapes],
    box: Floats,
    wraps: npt.NDArray[np.bool_],
    max_overlap: float,
    max_steps: int,
    volume_fraction: float,
    step: Callable[..., None],
) -> float:
    """Grow to full size; return 1, or the largest linear size at which overlaps were small."""
    start = _START if volume_fraction > 0.25 else 0.9
    sizes = 1 - (1 - start) * np.linspace(1, 0, _STAGES) ** 1.5
    tight = min(_TIGHT, max_overlap)
    best = 0.0
    for s in sizes:
        scale[:] = s
        last = s == 1
        limit = max_steps if last else _STAGE_STEPS
        _, worst = packing.relax(
            centers, turn, which, scale, shapes[0], box, wraps, tolerance=tight, steps=limit
        )
        if last and not shapes[0][4].all() and worst <= max_overlap:
            _, worst = packing.relax(
                centers, turn, which, scale, shapes[1], box, wraps, tolerance=tight, steps=limit
            )
        if worst <= max_overlap:
            best = float(s)
        step()
    return best


def settle(
    centers: Floats,
    turn: Floats,
    which: Ints,
    scale: Floats,
    shapes: Shapes,
    box: Floats,
    wraps: npt.NDArray[np.bool_],
    max_overlap: float,
    max_steps: int,
) -> float:
    """Relax in place; return the largest relative depth."""
    _, worst = packing.relax(
        centers, turn, which, scale, shapes, box, wraps, tolerance=min(_TIGHT, max_overlap),
        steps=max_steps,
    )  # fmt: skip
    return worst


def bond_pairs(
    centers: Floats,
    turn: Floats,
    which: Ints,
    scale: Floats,
    shapes: Shapes,
    box: Floats,
    wraps: npt.NDArray[np.bool_],
    max_overlap: float,
    coordination: float,
) -> None:
    """Draw the nearest pairs together until the mean number of contacts is reached; in place."""
    n = len(centers)
    mean = shapes[2].mean(axis=1)[which] * scale
    wanted = round(0.5 * coordination * n)
    want = 0.5 * max_overlap
    share = 1.0
    for _ in range(4):
        pairs, depth, _ = packing.contacts(
            centers, turn, which, scale, shapes, box, wraps, gap=float(mean.max())
        )
        near = depth / mean[pairs].min(axis=1)
        count = int(np.count_nonzero(near > -0.002))
        if abs(count - wanted) <= 0.01 * wanted:
            return
        bonds = min(round(share * wanted), len(near))
        order = np.argsort(-near, kind="stable")[:bonds]
        keys = np.sort(pairs[order, 0] * n + pairs[order, 1])
        packing.relax(
            centers, turn, which, scale, shapes, box, wraps, tolerance=0.0, steps=_BOND_STEPS,
            bonds=keys, want=want,
        )  # fmt: skip
        # shrunk by the wanted overlap, nothing overlaps: necks stay, and none is larger
        packing.relax(
            centers, turn, which, scale * (1 - 0.5 * want), shapes, box, wraps, tolerance=_TIGHT,
            steps=_BOND_STEPS,
        )  # fmt: skip
        pairs, depth, _ = packing.contacts(
            centers, turn, which, scale, shapes, box, wraps, gap=float(mean.max()) * 0.002
        )
        reached = int(np.count_nonzero(depth / mean[pairs].min(axis=1) > -0.002))
        share *= float(np.clip(wanted / max(reached, 1), 0.7, 1.3))
