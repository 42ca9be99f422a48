"""Parameters to structures: excursion sets, star-shaped particles, packings, calendering."""

from vmt.models._calender import (
    Calendering,
    add_closed_pores,
    add_cracks,
    calender,
    target_fractions,
)
from vmt.models._covariance import Covariance
from vmt.models._defects import Defects, cracked_share
from vmt.models._excursion_set import ChiSquareExcursionSet, GaussianExcursionSet
from vmt.models._pack import SphereSizes, pack_particles
from vmt.models._packing_measures import Contacts, RadialDistribution
from vmt.models._particle_packing import ParticlePacking
from vmt.models._pluri_gaussian import PluriGaussianExcursionSet
from vmt.models._random_star import RandomStarParticle
from vmt.models._star_particle import StarParticle, StarUnion

__all__ = [
    "Calendering",
    "ChiSquareExcursionSet",
    "Contacts",
    "Covariance",
    "Defects",
    "GaussianExcursionSet",
    "ParticlePacking",
    "PluriGaussianExcursionSet",
    "RadialDistribution",
    "RandomStarParticle",
    "SphereSizes",
    "StarParticle",
    "StarUnion",
    "add_closed_pores",
    "add_cracks",
    "calender",
    "cracked_share",
    "pack_particles",
    "target_fractions",
]
