"""Parameters to structures: covariances, excursion sets of random fields, star-shaped particles."""

from vmt.models._covariance import Covariance
from vmt.models._excursion_set import ChiSquareExcursionSet, GaussianExcursionSet
from vmt.models._random_star import RandomStarParticle
from vmt.models._star_particle import StarParticle, StarUnion

__all__ = [
    "ChiSquareExcursionSet",
    "Covariance",
    "GaussianExcursionSet",
    "RandomStarParticle",
    "StarParticle",
    "StarUnion",
]
