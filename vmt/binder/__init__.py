"""Binder: from two phases to three, by models of where carbon and binder go."""

from vmt.binder._closing import binder_by_closing, binder_by_wetting
from vmt.binder._contact import binder_at_contacts, binder_film
from vmt.binder._contact_angle import ContactAngle, measure_contact_angle, sphere_on_plane
from vmt.binder._front import METHODS, add_binder
from vmt.binder._growth import BinderGrowth, grow_binder
from vmt.binder._layers import PRASAD_2024, SCENARIOS, LayerThicknesses, binder_in_layers
from vmt.binder._nanopores import Nanopores, add_nanopores, nanoporous_binder
from vmt.binder._placement import BinderPlacement

__all__ = [
    "METHODS",
    "PRASAD_2024",
    "SCENARIOS",
    "BinderGrowth",
    "BinderPlacement",
    "ContactAngle",
    "LayerThicknesses",
    "Nanopores",
    "add_binder",
    "add_nanopores",
    "binder_at_contacts",
    "binder_by_closing",
    "binder_by_wetting",
    "binder_film",
    "binder_in_layers",
    "grow_binder",
    "measure_contact_angle",
    "nanoporous_binder",
    "sphere_on_plane",
]
