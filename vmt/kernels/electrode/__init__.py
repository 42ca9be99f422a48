"""Arrays of the electrode solver: network, fluxes with derivatives, hierarchy, Krylov iteration."""

from vmt.kernels.electrode._fluxes import FluxFields
from vmt.kernels.electrode._hierarchy import Hierarchy
from vmt.kernels.electrode._krylov import flexible_gmres
from vmt.kernels.electrode._network import Kind, Network, build_network
from vmt.kernels.electrode._system import System
from vmt.kernels.electrode._tables import Control, Tables

__all__ = [
    "Control",
    "FluxFields",
    "Hierarchy",
    "Kind",
    "Network",
    "System",
    "Tables",
    "build_network",
    "flexible_gmres",
]
