"""The M-factor predicted from three geometric descriptors.

M̂ = ε^a β^b / τ^c with volume fraction ε, constrictivity β and geodesic tortuosity τ (Stenzel et
al. 2016, AIChE Journal 62, 1834). Two sets of exponents go under that name:

- `STENZEL_2016`: as printed by Neumann et al. 2023, eq. 15, with β^0.35; the default;
- `STENZEL_2016_ABSTRACT`: as in the abstract of Stenzel et al. 2016, with β^0.37.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from vmt._files import write_json
from vmt.errors import InputError

__all__ = ["STENZEL_2016", "STENZEL_2016_ABSTRACT", "Predictor", "predict_m_factor"]

_SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Predictor:
    """A power law for the M-factor.

    Parameters
    ----------
    name : str
        How it is called.
    volume_fraction_exponent, constrictivity_exponent, geodesic_tortuosity_exponent : float
        a, b and c of M̂ = ε^a β^b / τ^c.
    source : str
        Where the exponents come from.

    Raises
    ------
    InputError
        If an exponent is not a finite number.

    Examples
    --------
    >>> STENZEL_2016(0.46, 1.11, 0.53)
    0.207...
    """

    name: str
    volume_fraction_exponent: float
    constrictivity_exponent: float
    geodesic_tortuosity_exponent: float
    source: str

    def __post_init__(self) -> None:
        for value in (
            self.volume_fraction_exponent,
            self.constrictivity_exponent,
            self.geodesic_tortuosity_exponent,
        ):
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not math.isfinite(value)
            ):
                raise InputError(
                    f"The predictor {self.name!r} has the exponent {value!r}; "
                    "expected a finite number."
                )

    def __call__(
        self, volume_fraction: float, geodesic_tortuosity: float, constrictivity: float
    ) -> float:
        """M̂ of these descriptors; see `predict_m_factor`."""
        return predict_m_factor(
            volume_fraction, geodesic_tortuosity, constrictivity, predictor=self
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the predictor as JSON."""
        write_json(path, {"schema_version": _SCHEMA_VERSION, "predictor": asdict(self)})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Predictor:
        """Read a predictor from JSON.

        Raises
        ------
        InputError
            If the file is not there, is not a predictor, or was written by a newer version.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
            version = int(content["schema_version"])
            if version > _SCHEMA_VERSION:
                raise InputError(
                    f"The predictor in {str(path)!r} has schema version {version}; this version "
                    f"of vmt reads up to {_SCHEMA_VERSION}. Update vmt."
                )
            return cls(**content["predictor"])
        except OSError as error:
            raise InputError(f"{str(path)!r} can't be read: {error.strerror}.") from error
        except InputError:
            raise
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{str(path)!r} can't be read as a predictor; expected the JSON that "
                "Predictor.save writes."
            ) from error


STENZEL_2016 = Predictor(
    "Stenzel 2016", 1.15, 0.35, 4.39, "Neumann et al. 2023, eq. 15, citing Stenzel et al. 2016"
)
STENZEL_2016_ABSTRACT = Predictor(
    "Stenzel 2016 (abstract)", 1.15, 0.37, 4.39, "Stenzel et al. 2016, AIChE J. 62, abstract"
)


def predict_m_factor(
    volume_fraction: float,
    geodesic_tortuosity: float,
    constrictivity: float,
    *,
    predictor: Predictor = STENZEL_2016,
) -> float:
    """Predict the M-factor of a phase from its geometry (Neumann et al. 2023, eq. 15).

    Parameters
    ----------
    volume_fraction : float
        ε of the phase, 0 to 1.
    geodesic_tortuosity : float
        Mean geodesic tortuosity, at least 1; NaN where the phase does not percolate.
    constrictivity : float
        β of the phase, 0 to 1.
    predictor : Predictor
        Which exponents.

    Returns
    -------
    float
        M̂; 0 for a phase that does not percolate.

    Raises
    ------
    InputError
        If a descriptor is out of its range.

    Examples
    --------
    The solid phase of sample F850 (Neumann et al. 2023, Table 2):

    >>> round(predict_m_factor(0.46, 1.10, 0.51), 3)
    0.213
    >>> predict_m_factor(0.05, float("nan"), 0.0)
    0.0
    """
    epsilon, tau, beta = float(volume_fraction), float(geodesic_tortuosity), float(constrictivity)
    if not 0.0 <= epsilon <= 1.0:
        raise InputError(f"volume_fraction={volume_fraction!r}; expected a number from 0 to 1.")
    if not (math.isnan(beta) or 0.0 <= beta <= 1.0):
        raise InputError(f"constrictivity={constrictivity!r}; expected a number from 0 to 1.")
    if not (math.isnan(tau) or tau >= 1.0):
        raise InputError(
            f"geodesic_tortuosity={geodesic_tortuosity!r}; expected a number of at least 1, "
            "or NaN for a phase that does not percolate."
        )
    if math.isnan(beta) and not math.isnan(tau):
        raise InputError("constrictivity is NaN for a phase that percolates; expected 0 to 1.")
    if math.isnan(tau) or math.isinf(tau) or beta == 0.0 or epsilon == 0.0:
        return 0.0
    return float(
        epsilon**predictor.volume_fraction_exponent
        * beta**predictor.constrictivity_exponent
        / tau**predictor.geodesic_tortuosity_exponent
    )
