"""Binder: from two phases to three, by models of where carbon and binder go."""

from vmt.binder._closing import binder_by_closing, binder_by_wetting
from vmt.binder._contact import binder_at_contacts, binder_film
from vmt.binder._front import METHODS, add_binder
from vmt.binder._growth import BinderGrowth, grow_binder
from vmt.binder._layers import PRASAD_2024, SCENARIOS, LayerThicknesses, binder_in_layers
from vmt.binder._placement import BinderPlacement

__all__ = [
    "METHODS",
    "PRASAD_2024",
    "SCENARIOS",
    "BinderGrowth",
    "BinderPlacement",
    "LayerThicknesses",
    "add_binder",
    "binder_at_contacts",
    "binder_by_closing",
    "binder_by_wetting",
    "binder_film",
    "binder_in_layers",
    "grow_binder",
]
