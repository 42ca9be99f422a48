"""`Sweep`: what a study of many realizations is, as data; read from YAML, checked, hashed."""

from __future__ import annotations

import hashlib
import itertools
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    model_validator,
)

from vmt._files import content_hash, jsonable
from vmt._units import check_spacing, parse_spacing
from vmt._yaml import read_yaml
from vmt.errors import InputError
from vmt.study._catalog import (
    Entry,
    first_trouble,
    is_descriptor,
    is_reference,
    measurement_entry,
    model_entry,
    reference_of,
)

__all__ = ["Factor", "Measurement", "Sweep"]

SCHEMA_VERSION = 1
MAX_ROWS = 10**8
_MAX_VALUES = 10**6
#: columns that every table has
RESERVED = frozenset(
    {
        "row",
        "point",
        "realization",
        "error",
        "warnings",
        "seconds",
        "peak_memory",
        "host",
        "process",
        "finished",
    }
)
Scalar = bool | int | float | str


def _spacing(value: Any) -> Any:
    if value is None:
        return None
    return parse_spacing(value) if isinstance(value, str) else check_spacing(value)


def _name_of(value: Any) -> Any:
    return reference_of(value) if callable(value) else value


def _one_or_more(value: Any) -> Any:
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


Name = Annotated[str, BeforeValidator(_name_of), Field(min_length=1, max_length=300)]
Spacing = Annotated[tuple[float, float, float] | None, BeforeValidator(_spacing)]
Edge = Annotated[int, Field(ge=1, le=100_000)]
Entropy = Annotated[int, Field(ge=0)]
Seed = Annotated[tuple[Entropy, ...], BeforeValidator(_one_or_more), Field(min_length=1)]


class _Strict(BaseModel):
    """Frozen, knows its fields, and complains in vmt's own words."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Factor(_Strict):
    """What varies: a list of values, or a range.

    Parameters
    ----------
    values : list, optional
        The values; a list alone stands for ``{"values": [...]}``.
    low, high : float, optional
        Ends of a range.
    levels : int, optional
        Number of values from `low` to `high` in a grid.
    scale : {"linear", "log"}
        Whether the range is divided evenly or in equal ratios.
    """

    values: tuple[Scalar, ...] | None = Field(default=None, min_length=1, max_length=_MAX_VALUES)
    low: float | str | None = None
    high: float | str | None = None
    levels: Annotated[int, Field(ge=2, le=_MAX_VALUES)] | None = None
    scale: Literal["linear", "log"] = "linear"

    @model_validator(mode="before")
    @classmethod
    def _list_alone(cls, data: Any) -> Any:
        return {"values": data} if isinstance(data, (list, tuple)) else data

    @model_validator(mode="after")
    def _either(self) -> Self:
        ends = self.low is not None and self.high is not None
        if (self.values is not None) == ends or (self.low is None) != (self.high is None):
            raise ValueError("expected either values or low and high")
        if self.values is not None and self.levels is not None:
            raise ValueError("levels belong to low and high, not to values")
        return self


class Measurement(_Strict):
    """What is measured on each realization.

    Parameters
    ----------
    name : str
        A name of `vmt.study.MEASUREMENTS`, of `vmt.descriptors.DESCRIPTORS`, or from Python a
        function or ``"package.module:function"``; a name alone stands for ``{"name": ...}``.
    options : mapping
        Its keyword arguments.
    prefix : str
        Put before the names of its columns, where two measurements would have the same.
    """

    name: Name
    options: dict[str, Any] = Field(default_factory=dict)
    prefix: Annotated[str, Field(max_length=100)] = ""

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, data: Any) -> Any:
        return {"name": data} if isinstance(data, str) or callable(data) else data


class Sweep(_Strict):
    """A study of many realizations, as data.

    Parameters
    ----------
    model : str
        A name of `vmt.study.MODELS`, or from Python a function or ``"package.module:function"``.
    parameters : mapping
        Parameters of the model that stay.
    factors : mapping of str to Factor
        Parameters of the model that vary: a list of values, or a range (`Factor`).
    design : {"grid", "list", "latin_hypercube", "sobol"}
        Every combination of the factors' values; their first values together, their second ones,
        …; or `points` points that fill the ranges.
    points : int, optional
        Number of points of a Latin hypercube, or of a Sobol' sequence (a power of 2).
    shape : (nx, ny, nz)
        Voxels of a structure.
    spacing : str, float or (dx, dy, dz)
        Voxel edges with their unit, ``"20 nm"``, or in meters.
    measurements : sequence of str or Measurement
        What is measured.
    realizations : int
        Realizations at each point.
    seed : int or sequence of int
        Names the whole study. Row k has the seed ``SeedSequence(seed, spawn_key=(k,))``.
    seeds : {"independent", "common"}
        A seed of its own for each row, or the same ones at each point (common random numbers:
        differences between points then are less noisy).
    axis : int
        Direction of paths and transport.
    keep_structures : bool
        Keep the voxels of every realization, too, as Zarr.
    memory : str, optional
        What one task needs, as ``"2 GiB"``; default: estimated from the shape.
    name : str
        Title of the report.
    spawn_key : sequence of int
        Put before each row's own spawn key: for a study within a study.
    schema_version : int
        Of the file; 1.

    Raises
    ------
    InputError
        If something is unknown, missing or impossible; before any work starts.

    Examples
    --------
    >>> sweep = Sweep(
    ...     model="chi_square_excursion_set",
    ...     factors={"volume_fraction": [0.4, 0.5], "rate": {"low": 4e6, "high": 8e6, "levels": 3}},
    ...     shape=(64, 64, 64),
    ...     spacing="20 nm",
    ...     measurements=["specific_surface_area", "m_factor"],
    ...     realizations=4,
    ... )
    >>> sweep.rows, sweep.point(1)
    (24, {'volume_fraction': 0.4, 'rate': 6000000.0})
    """

    model: Name
    parameters: dict[str, Any] = Field(default_factory=dict)
    factors: dict[str, Factor] = Field(default_factory=dict)
    design: Literal["grid", "list", "latin_hypercube", "sobol"] = "grid"
    points: Annotated[int, Field(ge=1, le=MAX_ROWS)] | None = None
    shape: tuple[Edge, Edge, Edge] | None = None
    spacing: Spacing = None
    measurements: tuple[Measurement, ...] = Field(min_length=1)
    realizations: Annotated[int, Field(ge=1, le=MAX_ROWS)] = 1
    seed: Seed = (0,)
    seeds: Literal["independent", "common"] = "independent"
    axis: Annotated[int, Field(ge=0, le=2)] = 0
    keep_structures: bool = False
    memory: str | None = None
    name: Annotated[str, Field(max_length=200)] = "sweep"
    spawn_key: tuple[Entropy, ...] = ()
    schema_version: int = SCHEMA_VERSION

    _columns: dict[str, Any] = PrivateAttr(default_factory=dict)
    _fixed: dict[str, Any] = PrivateAttr(default_factory=dict)

    def __init__(self, **fields: Any) -> None:
        version = fields.get("schema_version", SCHEMA_VERSION)
        if isinstance(version, int) and version > SCHEMA_VERSION:
            raise InputError(
                f"This sweep has schema_version {version}; known is {SCHEMA_VERSION}. Update vmt."
            )
        unknown = sorted(set(fields) - set(type(self).model_fields))
        if unknown:
            raise InputError(
                f"A sweep has no field {unknown[0]!r}; it has {', '.join(type(self).model_fields)}."
            )
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise InputError(f"The sweep can't be used: {first_trouble(error)}") from None
        self._settle()

    @classmethod
    def from_yaml(cls, source: str | os.PathLike[str], *, allow_functions: bool = False) -> Sweep:
        """Read a sweep from a YAML file.

        Parameters
        ----------
        source : path
            The file. Tags, anchors, keys given twice and more than 1 MiB are refused.
        allow_functions : bool
            Allow ``package.module:function`` as model and measurements, which runs that code.

        Raises
        ------
        InputError
            If the file can't be read, or something in it is unknown, missing or impossible.
        """
        path = Path(source)
        fields = read_yaml(path)
        measurements = fields.get("measurements")
        named = [fields.get("model")]
        named += [
            one.get("name") if isinstance(one, Mapping) else one
            for one in (measurements if isinstance(measurements, list) else [])
        ]
        code = [name for name in named if isinstance(name, str) and is_reference(name)]
        if code and not allow_functions:
            raise InputError(
                f"{str(path)!r} names the function {code[0]!r}; a file may run code only if "
                "allow_functions=True (--allow-functions) says so."
            )
        parameters = fields.get("parameters")
        if fields.get("model") == "image" and isinstance(parameters, dict) and "path" in parameters:
            parameters["path"] = str(path.parent / str(parameters["path"]))
        spacing = fields.get("spacing")
        bare = spacing if isinstance(spacing, list) else [spacing]
        if any(isinstance(edge, (int, float)) for edge in bare):
            raise InputError(
                f"{str(path)!r}: the spacing {spacing!r} is not a length; expected it with its "
                'unit, as "20 nm" or "10 nm, 10 nm, 20 nm".'
            )
        return cls(**fields)

    # ---- the design

    @property
    def point_count(self) -> int:
        """Number of points of the design."""
        return max((len(column) for column in self._columns.values()), default=1)

    @property
    def rows(self) -> int:
        """Number of rows: points times realizations."""
        return self.point_count * self.realizations

    def point(self, index: int) -> dict[str, Any]:
        """Value of each factor at a point."""
        return {name: _plain(column[index]) for name, column in self._columns.items()}

    def point_columns(self) -> dict[str, npt.NDArray[Any]]:
        """Values of each factor at all points, (points,) each."""
        return dict(self._columns)

    def place(self, row: int) -> tuple[int, int]:
        """Point and realization of a row."""
        return divmod(row, self.realizations)

    def seed_sequence(self, row: int) -> np.random.SeedSequence:
        """Seed of a row: the same on any machine, in any order."""
        key = row if self.seeds == "independent" else row % self.realizations
        return np.random.SeedSequence(self.entropy, spawn_key=(*self.spawn_key, key))

    @property
    def entropy(self) -> int | list[int]:
        """The seed as `numpy.random.SeedSequence` takes it."""
        return self.seed[0] if len(self.seed) == 1 else list(self.seed)

    @property
    def voxels(self) -> int | None:
        """Voxels of a structure, where the sweep says it."""
        return None if self.shape is None else math.prod(self.shape)

    @property
    def fixed(self) -> dict[str, Any]:
        """Parameters of the model that stay, defaults included, as checked."""
        return dict(self._fixed)

    # ---- exchange

    def to_dict(self) -> dict[str, Any]:
        """Return the sweep as JSON-ready values; `Sweep(**...)` makes it again."""
        data = self.model_dump(mode="json", exclude_none=True)
        data["parameters"] = jsonable(self._stays())
        data["seed"] = self.entropy
        return data

    def design_hash(self) -> str:
        """SHA-256 of the points: a design that another library version draws otherwise is seen."""
        digest = hashlib.sha256()
        for name, column in self._columns.items():
            digest.update(f"{name}:{column.dtype.kind}:".encode())
            if column.dtype == object:
                digest.update(repr(column.tolist()).encode())
            else:
                digest.update(np.ascontiguousarray(column).tobytes())
        return digest.hexdigest()

    def input_hashes(self) -> dict[str, str]:
        """Hash of each file that the model reads."""
        if self.model != "image":
            return {}
        from vmt.io import read_labels

        made = read_labels(
            self._fixed["path"],
            spacing=self._fixed["image_spacing"],
            phases=self._fixed["phases"],
        )
        return {str(self._fixed["path"]): content_hash(made.labels)}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sweep) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.name, self.model, self.seed))

    # ---- checks

    def _settle(self) -> None:
        """Check model, factors and measurements, and lay out the design."""
        entry = model_entry(self.model)
        twice = sorted(set(self.parameters) & set(self.factors))
        if twice:
            raise InputError(f"{twice[0]!r} is a factor and a parameter; expected one of them.")
        known = list(entry.schema.model_fields)
        for name in self.factors:
            if name not in known:
                raise InputError(
                    f"The model {self.model!r} has no factor {name!r}; it has "
                    f"{', '.join(known) or 'none'}."
                )
            if name in RESERVED:
                raise InputError(f"A factor can't be called {name!r}: that is a column's name.")
        for name in ("shape", "spacing"):
            if name in entry.given and getattr(self, name) is None:
                raise InputError(f"The model {self.model!r} needs {name}; none was given.")
            if name not in entry.given and getattr(self, name) is not None:
                raise InputError(f"The model {self.model!r} takes no {name}; leave it out.")
        self._lay_out(entry)
        if self.rows > MAX_ROWS:
            raise InputError(f"{self.rows} rows are too many; expected at most {MAX_ROWS}.")
        for one in self.measurements:
            if is_descriptor(one.name):
                measurement_entry("describe").check(
                    {"descriptors": [one.name], **one.options}, "The measurement"
                )
            else:
                measurement_entry(one.name).check(one.options, "The measurement")
        self.memory_per_task()

    def _lay_out(self, entry: Entry) -> None:
        filling = self.design in ("latin_hypercube", "sobol")
        if filling != (self.points is not None):
            need = "needs points" if filling else "takes no points"
            raise InputError(f"The design {self.design!r} {need}.")
        if filling and not self.factors:
            raise InputError(f"The design {self.design!r} needs factors; none was given.")
        if self.design == "sobol" and self.points is not None and self.points & (self.points - 1):
            below = 2 ** (self.points.bit_length() - 1)
            raise InputError(
                f"points={self.points}: a Sobol' sequence is balanced for a power of 2 only; "
                f"expected {below} or {2 * below}."
            )
        if self.design == "grid":
            columns = self._grid(entry)
        elif self.design == "list":
            columns = self._list()
        else:
            columns = self._fill(entry)
        checked: dict[str, list[Any]] = {name: [] for name in columns}
        seen: dict[str, dict[Any, Any]] = {name: {} for name in columns}
        fixed: dict[str, Any] = {}
        first = {name: column[0] for name, column in columns.items()}
        fixed = entry.check({**self.parameters, **first}, "The model")
        for name, column in columns.items():
            for value in column:
                key = (type(value), value)
                if key not in seen[name]:
                    found = entry.check({**self.parameters, **first, name: value}, "The model")
                    seen[name][key] = found[name]
                checked[name].append(seen[name][key])
        self._columns.update({name: _column(values) for name, values in checked.items()})
        self._fixed.update({k: v for k, v in fixed.items() if k not in columns})

    def _grid(self, entry: Entry) -> dict[str, list[Any]]:
        levels: dict[str, list[Any]] = {}
        for name, factor in self.factors.items():
            if factor.values is not None:
                levels[name] = list(factor.values)
                continue
            if factor.levels is None:
                raise InputError(
                    f"The factor {name!r} needs levels in a grid: how many values from low to high."
                )
            unit = np.linspace(0.0, 1.0, factor.levels)
            levels[name] = _spread(name, factor, unit, entry, ends=True)
        count = math.prod(len(values) for values in levels.values())
        if count * self.realizations > MAX_ROWS:
            raise InputError(
                f"{count} points × {self.realizations} realizations are too many rows; expected "
                f"at most {MAX_ROWS}."
            )
        together = list(itertools.product(*levels.values()))
        return {name: [point[i] for point in together] for i, name in enumerate(levels)}

    def _list(self) -> dict[str, list[Any]]:
        found = {}
        for name, factor in self.factors.items():
            if factor.values is None:
                raise InputError(f"The factor {name!r} needs values in a design of type 'list'.")
            found[name] = list(factor.values)
        if len({len(values) for values in found.values()}) > 1:
            sizes = ", ".join(f"{name}: {len(values)}" for name, values in found.items())
            raise InputError(f"A list needs as many values of each factor; got {sizes}.")
        return found

    def _fill(self, entry: Entry) -> dict[str, list[Any]]:
        from scipy.stats import qmc

        # a key that no row has: rows have one more number than the prefix
        rng = np.random.default_rng(
            np.random.SeedSequence(self.entropy, spawn_key=(*self.spawn_key, 0, 0))
        )
        count, dimension = self.points or 1, len(self.factors)
        if self.design == "sobol":
            unit = qmc.Sobol(dimension, rng=rng).random(count)
        else:
            unit = qmc.LatinHypercube(dimension, rng=rng).random(count)
        return {
            name: _spread(name, factor, unit[:, place], entry, ends=False)
            for place, (name, factor) in enumerate(self.factors.items())
        }

    def _stays(self) -> dict[str, Any]:
        """Parameters as they were given, in the form in which they were checked."""
        return {name: self._fixed[name] for name in self.parameters}

    def memory_per_task(self) -> float:
        """Bytes that a worker needs at its peak: what the sweep says, or an estimate."""
        from vmt._budget import read_bytes
        from vmt.study._catalog import BYTES_OF_PROCESS, BYTES_PER_VOXEL

        if self.memory is not None:
            return float(read_bytes(self.memory, "memory"))
        return BYTES_OF_PROCESS + BYTES_PER_VOXEL * (self.voxels or 0)


def _spread(
    name: str, factor: Factor, unit: npt.NDArray[np.float64], entry: Entry, *, ends: bool
) -> list[Any]:
    """Values of a factor at places in [0, 1)."""
    if factor.values is not None:
        return [
            factor.values[min(int(u * len(factor.values)), len(factor.values) - 1)] for u in unit
        ]
    low, high = (_number(entry, name, end) for end in (factor.low, factor.high))
    if not low < high:
        raise InputError(f"The factor {name!r} goes from {low:g} to {high:g}; expected low < high.")
    if factor.scale == "log" and low <= 0:
        raise InputError(f"The factor {name!r} starts at {low:g}; a log scale needs low > 0.")
    whole = entry.is_whole(name)
    if whole and not ends:
        high = math.nextafter(high + 1, 0)  # each whole number has the same share
    if factor.scale == "log":
        values = np.exp(math.log(low) + unit * (math.log(high) - math.log(low)))
        if ends:
            values[0], values[-1] = low, high
    else:
        values = low + unit * (high - low)
        if ends:
            values[-1] = high
    if whole:
        return [int(v) for v in (np.rint(values) if ends else np.floor(values))]
    return [float(v) for v in values]


def _number(entry: Entry, name: str, value: float | str | None) -> float:
    """End of a range: a number, or a text that the model reads as one."""
    if isinstance(value, str):
        from vmt.study._catalog import _is_number, _meters

        value = float(value) if _is_number(value) else _meters(value)
    number = float(value)  # type: ignore[arg-type]  # None was refused by Factor
    if not math.isfinite(number):
        raise InputError(f"The factor {name!r} has the end {number}; expected a finite number.")
    return number


def _column(values: list[Any]) -> npt.NDArray[Any]:
    """An array of one type, of objects where the values are not numbers of one type."""
    kinds = {type(value) for value in values}
    if kinds == {float}:
        return np.array(values, np.float64)
    if kinds == {int}:
        return np.array(values, np.int64)
    if kinds == {bool}:
        return np.array(values, np.bool_)
    made = np.empty(len(values), object)
    made[:] = values
    return made


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
