"""Parameters to structures: covariances and excursion sets of random fields."""

from vmt.models._covariance import Covariance
from vmt.models._excursion_set import ChiSquareExcursionSet, GaussianExcursionSet
from vmt.models._pluri_gaussian import PluriGaussianExcursionSet

__all__ = [
    "ChiSquareExcursionSet",
    "Covariance",
    "GaussianExcursionSet",
    "PluriGaussianExcursionSet",
]
