"""Effective transport: conduction and diffusion through a phase, its bounds and its predictors."""

from vmt.transport._bounds import hashin_shtrikman_bounds, wiener_bounds
from vmt.transport._conduction import Conduction, effective_conductivity
from vmt.transport._fem import finite_element_conductivity
from vmt.transport._level_set import (
    ReconstructionSpread,
    estimate_level_set,
    reconstruction_spread,
)
from vmt.transport._predictors import (
    STENZEL_2016,
    STENZEL_2016_ABSTRACT,
    Predictor,
    predict_m_factor,
)
from vmt.transport._streamlines import Streamlines
from vmt.transport._tensor import ConductivityTensor, effective_conductivity_tensor

__all__ = [
    "STENZEL_2016",
    "STENZEL_2016_ABSTRACT",
    "Conduction",
    "ConductivityTensor",
    "Predictor",
    "ReconstructionSpread",
    "Streamlines",
    "effective_conductivity",
    "effective_conductivity_tensor",
    "estimate_level_set",
    "finite_element_conductivity",
    "hashin_shtrikman_bounds",
    "predict_m_factor",
    "reconstruction_spread",
    "wiener_bounds",
]
