"""A twin report with made-up numbers, in the shape that `vmt.study` gives."""

from dataclasses import dataclass, field

import numpy as np
from scipy import ndimage

from vmt import Microstructure
from vmt._plotting import axes, finish


def blobs(seed, shape=(40, 48, 44), spacing=10e-9, phases=None):
    rng = np.random.default_rng(seed)
    values = ndimage.gaussian_filter(rng.normal(size=shape), 2.0)
    return Microstructure((values > 0.0).astype(np.uint8), spacing, phases or {})


@dataclass(frozen=True)
class FakeFinding:
    name: str
    text: str
    value: float
    threshold: float
    triggered: bool


@dataclass(frozen=True)
class FakeModel:
    volume_fraction: float = 0.461
    level: float = 1.55
    covariance: str = "exponential"

    def __repr__(self):
        return "ChiSquareExcursionSet(exponential, volume_fraction=0.461)"


@dataclass(frozen=True)
class FakeCalibration:
    model: FakeModel = FakeModel()
    parameters: dict = field(
        default_factory=lambda: {"volume_fraction": 0.461, "rate [1/m]": 7.28e6, "level": 1.55}
    )
    standard_error: dict = field(
        default_factory=lambda: {
            "volume_fraction": 0.004,
            "rate [1/m]": 1.1e5,
            "level": float("nan"),
        }
    )
    adequate: bool = False
    findings: tuple = (
        FakeFinding("anisotropy", "The axes differ by less than chance.", 0.8, 3.0, False),
        FakeFinding(
            "hole effect",
            "C(h) falls below p² at 220 nm by 5.1 standard errors; no set of this family can.",
            5.1,
            3.0,
            True,
        ),
    )

    def plot(self, ax=None):
        ax = axes(ax)
        h = np.linspace(0, 0.4, 30)
        ax.plot(h, 0.25 * np.exp(-8 * h), label="fit")
        return finish(ax, xlabel="h / µm", ylabel="C(h) − p²")


@dataclass(frozen=True)
class FakeSelection:
    columns: tuple = ("family", "constrictivity solid", "misfit")
    rows: tuple = (("chi-square, k = 2", 0.41, 1.3), ("Gaussian", 0.22, 9.7))
    best: str = "chi-square, k = 2"
    text: str = "Chosen by descriptors that were not fitted."


@dataclass(frozen=True)
class FakeRow:
    descriptor: str
    phase: str
    unit: str
    image: float
    mean: float
    std: float
    z: float | None
    verdict: str
    closed_form: float | None = None


@dataclass(frozen=True)
class FakeTwin:
    name: str = "F850"
    image: Microstructure = field(default_factory=lambda: blobs(1))
    phase: str = "solid"
    background: str = "pore"
    calibration: FakeCalibration = FakeCalibration()
    selection: FakeSelection | None = FakeSelection()
    realizations: tuple = field(default_factory=lambda: (blobs(2, (36, 36, 36)),))
    rows: tuple = (
        FakeRow("volume fraction", "solid", "", 0.4612, 0.4606, 0.0041, 0.1, "inside", 0.461),
        FakeRow("specific surface area", "solid", "1/m", 1.21e7, 1.27e7, 0.9e5, -6.7, "outside"),
        FakeRow("geodesic tortuosity", "solid", "", 1.116, 1.118, 0.004, -0.5, "inside"),
        FakeRow("median bulge radius", "solid", "m", 8.1e-8, 7.9e-8, 1e-9, 2.0, "inside"),
        FakeRow("constrictivity", "solid", "", 0.41, 0.2, 0.01, 21.0, "outside"),
        FakeRow(
            "geodesic tortuosity", "pore", "", float("nan"), 1.05, 0.01, None, "not comparable"
        ),
    )
    curves: dict = field(
        default_factory=lambda: {
            "centered two-point coverage probability": _curve(),
        }
    )
    m_factors: dict = field(
        default_factory=lambda: {
            "solid": (0.21, np.array([0.2, 0.205, 0.213]), 0.198, np.array([0.19, 0.2, 0.2])),
            "pore": (0.32, np.array([0.33, 0.34, 0.335]), 0.3, np.array([0.31, 0.32, 0.33])),
        }
    )
    truth: dict | None = field(
        default_factory=lambda: {"volume_fraction": 0.46, "rate [1/m]": 7.6e6}
    )
    is_phantom: bool = True
    verdict: str = "The twin matches 3 of 5 descriptors; surface and constrictivity differ."
    provenance: dict = field(
        default_factory=lambda: {"command": "vmt twin", "seed": 7, "parameters": {"size": 36}}
    )
    text: tuple = ("The twins have the volume fraction of the image.", "Bottlenecks are wider.")

    def to_dict(self):
        return {"name": self.name, "z": float("nan")}


def _curve():
    h = np.linspace(0, 0.4, 40)
    mean = 0.25 * np.exp(-9 * h)
    image = mean * np.cos(6 * h)
    return h, image, mean, mean - 0.008, mean + 0.008, "h / µm", "C(h) − p²"
