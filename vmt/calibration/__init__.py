"""Measured images to model parameters."""

from vmt.calibration._adequacy import Finding
from vmt.calibration._excursion_set import Calibration, calibrate
from vmt.calibration._pluri_gaussian import PluriGaussianCalibration, calibrate_pluri_gaussian
from vmt.calibration._selection import FamilySelection, select_family

__all__ = [
    "Calibration",
    "FamilySelection",
    "Finding",
    "PluriGaussianCalibration",
    "calibrate",
    "calibrate_pluri_gaussian",
    "select_family",
]
