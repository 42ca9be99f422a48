"""Effective transport: conduction and diffusion through a phase, its bounds and its predictors."""

from vmt.transport._bounds import hashin_shtrikman_bounds, wiener_bounds
from vmt.transport._conduction import Conduction, effective_conductivity
from vmt.transport._level_set import estimate_level_set
from vmt.transport._predictors import (
    STENZEL_2016,
    STENZEL_2016_ABSTRACT,
    Predictor,
    predict_m_factor,
)

__all__ = [
    "STENZEL_2016",
    "STENZEL_2016_ABSTRACT",
    "Conduction",
    "Predictor",
    "effective_conductivity",
    "estimate_level_set",
    "hashin_shtrikman_bounds",
    "predict_m_factor",
    "wiener_bounds",
]
