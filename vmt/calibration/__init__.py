"""Measured images to model parameters."""

from vmt.calibration._adequacy import Finding
from vmt.calibration._binder_transport import BinderTransport, binder_transport
from vmt.calibration._excursion_set import Calibration, calibrate
from vmt.calibration._ocp import MeasuredPotential, ocp_from_measurement
from vmt.calibration._selection import FamilySelection, select_family

__all__ = [
    "BinderTransport",
    "Calibration",
    "FamilySelection",
    "Finding",
    "MeasuredPotential",
    "binder_transport",
    "calibrate",
    "ocp_from_measurement",
    "select_family",
]
