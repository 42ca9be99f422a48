"""Measured images to model parameters."""

from vmt.calibration._adequacy import Finding
from vmt.calibration._excursion_set import Calibration, calibrate
from vmt.calibration._pluri_gaussian import PluriGaussianCalibration, calibrate_pluri_gaussian
from vmt.calibration._random_star import (
    ParticleStatistics,
    StarCalibration,
    calibrate_star_particles,
)
from vmt.calibration._selection import FamilySelection, select_family
from vmt.calibration._star_particle import StarFit, fit_star_particles

__all__ = [
    "Calibration",
    "FamilySelection",
    "Finding",
    "ParticleStatistics",
    "PluriGaussianCalibration",
    "StarCalibration",
    "StarFit",
    "calibrate",
    "calibrate_pluri_gaussian",
    "calibrate_star_particles",
    "fit_star_particles",
    "select_family",
]
