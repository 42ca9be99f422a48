"""What a sweep can name: models that make a structure, measurements that turn it into numbers.

A model is a function of keyword arguments. It may ask for ``shape``, ``spacing`` [m], ``rng`` and
``threads``, which every run has; all other arguments are the model's parameters, and their
annotations are the schema that a sweep is checked against. It returns what the measurements take:
a `Microstructure`, or anything else.

A measurement is a function of that thing. It may ask for ``rng``, ``threads`` and ``axis``; other
keyword arguments are its options, checked the same way. It returns numbers, texts or 1D arrays by
name.

A function of another package is named by ``"package.module:function"``, and is resolved by the same
name on every worker.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from vmt._units import parse_length
from vmt.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from vmt.microstructure import Microstructure

__all__ = [
    "MEASUREMENTS",
    "MODELS",
    "Entry",
    "first_trouble",
    "is_reference",
    "measurement_entry",
    "model_entry",
    "reference_of",
]


def _meters(value: Any) -> Any:
    return parse_length(value) if isinstance(value, str) and not _is_number(value) else value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


Fraction = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Length = Annotated[float, BeforeValidator(_meters), Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
Axis = Annotated[int, Field(ge=0, le=2)]
Triple = tuple[int, int, int]
Edges = tuple[float, float, float]
Family = Literal["gaussian", "exponential", "matern", "stable"]

_GIVEN = frozenset({"shape", "spacing", "rng", "threads"})
#: bytes per voxel at the peak of a process that samples and measures everything, and of its imports
BYTES_PER_VOXEL, BYTES_OF_PROCESS = 34.0, 350 * 2**20


# ---- models


def chi_square_excursion_set(
    *,
    shape: Triple,
    spacing: Edges,
    rng: np.random.Generator,
    threads: int,
    volume_fraction: Fraction,
    rate: Positive,
    degrees_of_freedom: Count = 2,
    covariance: Family = "gaussian",
    smoothness: Positive | None = None,
    exponent: Positive | None = None,
    periodic: bool = False,
) -> Microstructure:
    """Excursion set of a χ² field (`vmt.ChiSquareExcursionSet`); rate in 1/m."""
    from vmt.models import ChiSquareExcursionSet

    model = ChiSquareExcursionSet(
        _covariance(covariance, rate, smoothness, exponent),
        volume_fraction,
        degrees_of_freedom=degrees_of_freedom,
    )
    return model.sample(shape, spacing, rng=rng, periodic=periodic, workers=threads)


def gaussian_excursion_set(
    *,
    shape: Triple,
    spacing: Edges,
    rng: np.random.Generator,
    threads: int,
    volume_fraction: Fraction,
    rate: Positive,
    covariance: Family = "gaussian",
    smoothness: Positive | None = None,
    exponent: Positive | None = None,
    periodic: bool = False,
) -> Microstructure:
    """Excursion set of a Gaussian field (`vmt.GaussianExcursionSet`); rate in 1/m."""
    from vmt.models import GaussianExcursionSet

    model = GaussianExcursionSet(
        _covariance(covariance, rate, smoothness, exponent), volume_fraction
    )
    return model.sample(shape, spacing, rng=rng, periodic=periodic, workers=threads)


def excursion_set(
    *,
    shape: Triple,
    spacing: Edges,
    rng: np.random.Generator,
    threads: int,
    definition: dict[str, Any],
    periodic: bool = False,
) -> Microstructure:
    """Any excursion set, as its ``to_dict()`` describes it."""
    from vmt.models import ChiSquareExcursionSet, GaussianExcursionSet

    kinds = {kind.__name__: kind for kind in (ChiSquareExcursionSet, GaussianExcursionSet)}
    name = definition.get("model")
    if name not in kinds:
        raise InputError(f"The model {name!r} is unknown; expected {', '.join(kinds)}.")
    model = kinds[name].from_dict(definition)
    made: Microstructure = model.sample(shape, spacing, rng=rng, periodic=periodic, workers=threads)
    return made


def boolean_spheres(
    *,
    shape: Triple,
    spacing: Edges,
    rng: np.random.Generator,
    radius: Length,
    volume_fraction: Fraction,
) -> Microstructure:
    """Overlapping spheres (`vmt.phantoms.boolean_spheres`); radius in m or with its unit."""
    from vmt import phantoms

    return phantoms.boolean_spheres(
        shape, spacing, radius=radius, volume_fraction=volume_fraction, rng=rng
    ).structure


def random_spheres(
    *,
    shape: Triple,
    spacing: Edges,
    rng: np.random.Generator,
    radius: Length,
    volume_fraction: Fraction,
    radius_spread: Annotated[float, Field(ge=0, lt=1)] = 0.0,
    periodic: bool = True,
) -> Microstructure:
    """Packing of hard spheres (`vmt.phantoms.random_spheres`); radius in m or with its unit."""
    from vmt import phantoms

    return phantoms.random_spheres(
        shape,
        spacing,
        radius=radius,
        volume_fraction=volume_fraction,
        radius_spread=radius_spread,
        periodic=periodic,
        rng=rng,
    ).structure


def image(
    *,
    path: str,
    content: str | None = None,
    image_spacing: str | float | None = None,
    phases: dict[str, int] | None = None,
    coarsen: Count = 1,
) -> Microstructure:
    """A measured image, read by each worker from its path; `content` is the hash of its labels."""
    from vmt._files import content_hash
    from vmt.io import read_labels

    made = read_labels(path, spacing=image_spacing, phases=phases)
    if content is not None and content_hash(made.labels) != content:
        raise InputError(f"The image {path!r} is not the one that the run started with.")
    return made if coarsen == 1 else made.coarsen(coarsen)


def _covariance(family: str, rate: float, smoothness: float | None, exponent: float | None) -> Any:
    from vmt.models import Covariance

    needed = {"matern": "smoothness", "stable": "exponent"}.get(family)
    given = {"smoothness": smoothness, "exponent": exponent}
    for name, value in given.items():
        if (value is None) == (name == needed):
            need = "needs" if name == needed else "has no"
            raise InputError(f"The covariance {family!r} {need} parameter {name!r}.")
    shape = {} if needed is None else {needed: given[needed]}
    return getattr(Covariance, family)(rate=rate, **shape)


# ---- measurements


def m_factor(
    structure: Microstructure,
    *,
    axis: Axis = 0,
    phases: tuple[str, ...] | None = None,
    sides: Literal["closed", "periodic"] = "closed",
    rtol: Annotated[float, Field(gt=0, le=0.1)] = 1e-4,
) -> dict[str, float]:
    """M-factor and tortuosity factor of each phase (`vmt.effective_conductivity`)."""
    from vmt.transport import effective_conductivity

    values: dict[str, float] = {}
    for phase in phases or tuple(structure.phases):
        name = structure.name_of(phase)
        if structure.volume_fraction(name) == 0:
            values |= {f"m_factor({name})": 0.0, f"tortuosity_factor({name})": float("inf")}
            continue
        found = effective_conductivity(
            structure, {name: 1.0}, axis=axis, sides=sides, bounds="none", rtol=rtol
        )
        values[f"m_factor({name})"] = float(found.m_factor or 0.0)
        values[f"tortuosity_factor({name})"] = float(found.tortuosity_factor or 0.0)
    return values


def describe(
    structure: Microstructure,
    *,
    descriptors: tuple[str, ...] = (),
    axis: Axis = 0,
    phases: tuple[str, ...] | None = None,
    max_lag: Length | None = None,
) -> dict[str, float]:
    """Numbers of `vmt.describe`; without `descriptors` all that it computes unasked."""
    import vmt.descriptors as all_descriptors

    found = all_descriptors.describe(
        structure,
        descriptors=descriptors or all_descriptors.DEFAULT_DESCRIPTORS,
        phases=phases,
        axis=axis,
        max_lag=max_lag,
    )
    if not found.values:
        raise InputError(f"{', '.join(descriptors)}: a curve has no place in a table of numbers.")
    return {key: float(value) for key, value in found.values.items()}


def twin(
    structure: Microstructure,
    *,
    axis: Axis = 0,
    phase: str | int = "solid",
    lags: tuple[float, ...] | None = None,
) -> dict[str, Any]:
    """What `vmt.twin` measures on each realization (`vmt.study.measure_structure`)."""
    import numpy as np

    from vmt.study._measure import measure_structure

    points = None if lags is None else np.array(lags, dtype=np.float64)
    found = measure_structure(structure, phase=phase, axis=axis, lags=points)
    values = dict(found["values"])
    values |= {f"predicted_m_factor({name})": v for name, v in found["predicted"].items()}
    if lags is not None:
        values["centered_two_point"] = found["centered"]
    return values


#: models by the name that a sweep gives
MODELS: Mapping[str, Callable[..., Any]] = types.MappingProxyType(
    {
        f.__name__: f
        for f in (
            chi_square_excursion_set,
            gaussian_excursion_set,
            excursion_set,
            boolean_spheres,
            random_spheres,
            image,
        )
    }
)
#: measurements by name, beside the names of `vmt.descriptors.DESCRIPTORS`
MEASUREMENTS: Mapping[str, Callable[..., Any]] = types.MappingProxyType(
    {f.__name__: f for f in (m_factor, describe, twin)}
)


# ---- looking up


@dataclass(frozen=True)
class Entry:
    """A function that a sweep names, what it asks for, and the schema of its parameters."""

    name: str
    function: Callable[..., Any]
    given: frozenset[str]
    schema: type[BaseModel]

    def check(self, values: Mapping[str, Any], what: str) -> dict[str, Any]:
        """Check parameters against the annotations, and return them as the function wants them.

        Raises
        ------
        InputError
            If one is unknown, missing or impossible.
        """
        known = list(self.schema.model_fields)
        for key in values:
            if key not in known:
                raise InputError(
                    f"{what} {self.name!r} has no parameter {key!r}; it has "
                    f"{', '.join(known) or 'none'}."
                )
        try:
            made = self.schema(**values)
        except ValidationError as error:
            raise InputError(f"{what} {self.name!r}: {first_trouble(error)}") from None
        return {key: getattr(made, key) for key in known}

    def is_whole(self, name: str) -> bool:
        """Whether a parameter is a whole number."""
        return self.schema.model_fields[name].annotation is int


def first_trouble(error: ValidationError) -> str:
    """Say the first thing that is wrong, and how many more there are."""
    entries = error.errors(include_url=False)
    first = entries[0]
    place = " → ".join(str(part) for part in first["loc"])
    text = first["msg"].removeprefix("Value error, ")
    given = first.get("input")
    shown = "" if isinstance(given, Mapping) else f", got {str(given)[:60]!r}"
    more = "" if len(entries) == 1 else f" (and {len(entries) - 1} more)"
    known = first["type"] == "value_error"
    return f"{place + ': ' if place else ''}{text.rstrip('.')}{'' if known else shown}{more}."


def is_reference(name: str) -> bool:
    """Whether a name is a function of another package, ``"package.module:function"``."""
    return ":" in name


def reference_of(function: Callable[..., Any]) -> str:
    """Name by which a worker finds a function.

    Raises
    ------
    InputError
        If it can't be imported by name: a lambda, a function in a function, or one of a script.
    """
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    if not module or module == "__main__" or "<" in name or not name:
        raise InputError(
            f"The function {function!r} can't be imported by its name, so that no worker could "
            "find it; put it at the top level of a module, and name it 'package.module:function'."
        )
    return f"{module}:{name}"


def model_entry(name: str) -> Entry:
    """Look up a model.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if is_reference(name):
        return _entry(name, _imported(name), _GIVEN, 0)
    if name not in MODELS:
        raise InputError(
            f"The model {name!r} is unknown; expected {', '.join(MODELS)}, or a function as "
            "'package.module:function'."
        )
    return _entry(name, MODELS[name], _GIVEN, 0)


def measurement_entry(name: str) -> Entry:
    """Look up a measurement.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if is_reference(name):
        return _entry(name, _imported(name), frozenset({"rng", "threads"}), 1)
    if name not in MEASUREMENTS:
        raise InputError(
            f"The measurement {name!r} is unknown; expected {', '.join(MEASUREMENTS)}, a name of "
            "vmt.descriptors.DESCRIPTORS, or a function as 'package.module:function'."
        )
    return _entry(name, MEASUREMENTS[name], frozenset({"rng", "threads"}), 1)


def is_descriptor(name: str) -> bool:
    """Whether a measurement's name is one that `vmt.describe` can be asked for."""
    if is_reference(name) or name in MEASUREMENTS:
        return False
    from vmt.descriptors import DESCRIPTORS

    return name in DESCRIPTORS


def _imported(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    try:
        found: Any = functools.reduce(
            getattr, attribute.split("."), importlib.import_module(module)
        )
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(
            f"The function {name!r} can't be imported ({error}); expected "
            "'package.module:function'."
        ) from error
    if not callable(found):
        raise InputError(f"{name!r} is not a function.")
    return found  # type: ignore[no-any-return]  # what is callable


@functools.lru_cache(maxsize=64)
def _entry(
    name: str, function: Callable[..., Any], given: frozenset[str], positional: int
) -> Entry:
    fields: dict[str, Any] = {}
    asked, parameters = set(), list(inspect.signature(function).parameters.values())
    hints = _hints(name, function, [p.name for p in parameters[positional:] if p.name not in given])
    for place, one in enumerate(parameters):
        if place < positional:
            continue
        if one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL, one.POSITIONAL_ONLY):
            raise InputError(
                f"The function {name!r} takes {one}; expected named arguments only, so that a "
                "sweep can be checked against them."
            )
        if one.name in given:
            asked.add(one.name)
            continue
        default = ... if one.default is one.empty else one.default
        fields[one.name] = (hints.get(one.name, Any), default)
    schema = create_model(
        "Parameters", __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=True), **fields
    )
    return Entry(name, function, frozenset(asked), schema)


def _hints(name: str, function: Callable[..., Any], wanted: Sequence[str]) -> dict[str, Any]:
    """Types of the parameters; what the run gives may be known to type checkers only."""
    written = getattr(function, "__annotations__", {})
    holder = types.SimpleNamespace(__annotations__={k: written[k] for k in wanted if k in written})
    known = getattr(inspect.unwrap(function), "__globals__", {})
    try:
        return get_type_hints(holder, globalns=known, include_extras=True)
    except NameError as error:
        raise InputError(
            f"The annotations of {name!r} can't be read ({error}); expected types that exist when "
            "the module is imported."
        ) from error


def describe_catalog(functions: Mapping[str, Callable[..., Any]]) -> Sequence[str]:
    """One line a function: its name, its parameters, and what it is."""
    lines = []
    for name, function in functions.items():
        entry = _entry(name, function, _GIVEN, int(functions is MEASUREMENTS))
        parts = [
            key if field.is_required() else f"{key}={field.default!r}"
            for key, field in entry.schema.model_fields.items()
        ]
        summary = (inspect.getdoc(function) or "").split("\n", maxsplit=1)[0]
        lines.append(f"{name}({', '.join(parts)}): {summary}")
    return lines
