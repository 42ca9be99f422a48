"""Parameter sets as files: YAML, JSON, or the BPX standard.

A file names known laws or holds numbers and tables; nothing in it is ever evaluated. The format is
described in docs/parameters.md.
"""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from vmt._files import jsonable, whole_file
from vmt._yaml import read_yaml
from vmt.electrode import _laws
from vmt.electrode._laws import Law, constant, tabulated
from vmt.electrode._materials import (
    ActiveMaterial,
    Binder,
    Electrolyte,
    ExchangeCurrent,
    LithiumMetal,
    ParameterSet,
    PorousActiveMaterial,
    Separator,
)
from vmt.electrode._parameter_sets import ELECTROLYTES, LITHIUM_XU_2019, parameter_set
from vmt.errors import InputError

__all__ = ["KNOWN_LAWS", "read_parameters", "write_parameters"]

SCHEMA_VERSION = 1
_FARADAY = 96485.33212
_MOST_BYTES = 2**24
_TABLE = 401
_COLUMNS = 2

#: laws that a file can name
KNOWN_LAWS: Mapping[str, Law] = {
    name: law for name, law in vars(_laws).items() if isinstance(law, Law)
}
_UNITS = {
    "conductivity": "S/m",
    "diffusivity": "m²/s",
    "transference": "",
    "thermodynamic_factor": "",
    "open_circuit_potential": "V",
}
_WITH_LAWS = ("electrolyte", "active_material")
_SECTIONS: dict[str, type[Any]] = {
    "electrolyte": Electrolyte,
    "active_material": ActiveMaterial,
    "lithium": LithiumMetal,
    "binder": Binder,
    "separator": Separator,
    "porous": PorousActiveMaterial,
}
_NUMBERS = ("temperature", "cutoff_voltage")


def read_parameters(path: str | os.PathLike[str]) -> ParameterSet:
    """Read a parameter set from a YAML, JSON or BPX file.

    Parameters
    ----------
    path : path
        ``.yaml``, ``.yml`` or ``.json``; a JSON file with the sections of BPX (0.1 to 1.1) is read
        as one: its positive electrode against lithium metal.

    Returns
    -------
    ParameterSet
        For a `HalfCell`.

    Raises
    ------
    InputError
        If the file can't be read, is of a newer schema, names what is not known, holds an
        expression, or lacks what has no default.

    Notes
    -----
    BPX allows expressions as text, which are refused here: nothing in a file is evaluated. Write
    such a function as a table ({"x": [...], "y": [...]}).
    """
    source = Path(path)
    content = _read_json(source) if source.suffix.lower() == ".json" else read_yaml(source)
    if "Parameterisation" in content:
        return _from_bpx(content, source)
    return _from_mapping(content, source)


def write_parameters(path: str | os.PathLike[str], parameters: ParameterSet) -> None:
    """Write a parameter set as JSON; laws that are not known by name become tables.

    Parameters
    ----------
    path : path
        ``.json``.
    parameters : ParameterSet
        What to write.

    Raises
    ------
    InputError
        If the suffix is another or the folder does not exist.
    """
    if Path(path).suffix.lower() != ".json":
        raise InputError(f"{str(path)!r} can't be written; expected the suffix .json.")
    content: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "name": parameters.name,
        **{name: getattr(parameters, name) for name in _NUMBERS},
    }
    for section in _SECTIONS:
        part = getattr(parameters, section)
        if part is not None:
            content[section] = {f.name: _written(f.name, getattr(part, f.name), section)
                                for f in fields(part)}  # fmt: skip
    text = json.dumps(jsonable(content), indent=2, ensure_ascii=False, allow_nan=False)
    with whole_file(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def _written(name: str, value: Any, section: str) -> Any:
    if isinstance(value, ExchangeCurrent):
        return {f.name: getattr(value, f.name) for f in fields(value)}
    if not isinstance(value, Law):
        return value
    if KNOWN_LAWS.get(value.name) is value:
        return value.name
    low, high = (0.0, 1.0) if section == "active_material" else (1.0, 4000.0)
    at = np.linspace(max(low, value.valid[0]), min(high, value.valid[1]), _TABLE)
    values = value(at)
    if np.ptp(values) == 0:
        return float(values[0])
    return {"argument": at.tolist(), "values": values.tolist(), "source": value.source}


# ---- our own format


def _from_mapping(content: Mapping[str, Any], source: Path) -> ParameterSet:
    version = content.get("schema_version", SCHEMA_VERSION)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise InputError(
            f"{str(source)!r} has the schema version {version!r}; this vmt reads up to "
            f"{SCHEMA_VERSION}. Update vmt."
        )
    known = {"schema_version", "name", "like", *_NUMBERS, *_SECTIONS}
    _only_known(content, known, "the file", source)
    like = content.get("like")
    base = None if like is None else parameter_set(_text(like, "like", source))
    made: dict[str, Any] = {"name": _text(content.get("name", source.stem), "name", source)}
    for name in _NUMBERS:
        if name in content:
            made[name] = _number(content[name], name, source)
    for name, kind in _SECTIONS.items():
        if name not in content:
            continue
        given = content[name]
        if name == "electrolyte" and isinstance(given, str):
            if given not in ELECTROLYTES:
                raise InputError(
                    f"{str(source)!r}: no electrolyte is called {given!r}; there are "
                    f"{', '.join(ELECTROLYTES)}."
                )
            made[name] = ELECTROLYTES[given]()
            continue
        before = None if base is None else getattr(base, name)
        made[name] = _section(kind, name, given, before, source)
    if base is not None:
        return replace(base, **made)
    missing = [name for name in ("electrolyte", "active_material") if name not in made]
    if missing:
        raise InputError(
            f"{str(source)!r} lacks {' and '.join(missing)}; give them, or a known set with "
            "'like: nmc811-oregan2022'."
        )
    made.setdefault("lithium", LITHIUM_XU_2019)
    return ParameterSet(**made)


def _section(kind: type[Any], section: str, given: Any, before: Any, source: Path) -> Any:
    if not isinstance(given, Mapping):
        raise InputError(f"{str(source)!r}: {section} is {given!r}; expected names with values.")
    names = {f.name: f for f in fields(kind)}
    _only_known(given, set(names), section, source)
    made = {name: _value(section, name, value, source) for name, value in given.items()}
    if before is not None:
        return replace(before, **made)
    missing = [
        name
        for name, f in names.items()
        if name not in made and f.default is MISSING and f.default_factory is MISSING
    ]
    if missing:
        raise InputError(f"{str(source)!r}: {section} lacks {', '.join(missing)}.")
    return kind(**made)


def _value(section: str, name: str, value: Any, source: Path) -> Any:
    where = f"{section}: {name}"
    if name == "exchange_current":
        if not isinstance(value, Mapping):
            raise InputError(f"{str(source)!r}: {where} is {value!r}; expected 'rate: …'.")
        allowed = {f.name for f in fields(ExchangeCurrent)}
        _only_known(value, allowed, where, source)
        if "rate" not in value:
            raise InputError(f"{str(source)!r}: {where} lacks the rate.")
        return ExchangeCurrent(**{k: _number(v, f"{where}: {k}", source) for k, v in value.items()})
    if section in _WITH_LAWS and name in _UNITS:
        return _law(value, _UNITS[name], where, source)
    if name == "transport" and value is None:
        return None
    return _number(value, where, source)


def _law(value: Any, unit: str, where: str, source: Path) -> Law:
    if isinstance(value, str) and not _is_number(value):
        if value in KNOWN_LAWS:
            return KNOWN_LAWS[value]
        raise InputError(
            f"{str(source)!r}: {where} names the law {value!r}, which is not known; expected a "
            "number, a table {argument: […], values: […]}, {file: CURVE.csv} or one of "
            f"{', '.join(sorted(KNOWN_LAWS))}. Expressions are not evaluated."
        )
    if isinstance(value, Mapping):
        if set(value) == {"file"}:
            return _table_from_file(value["file"], unit, where, source)
        _only_known(value, {"argument", "values", "source"}, where, source)
        given = value.get("source", f"table in {source.name}")
        return _table(value.get("argument"), value.get("values"), unit, str(given), where, source)
    return constant(_number(value, where, source), unit, source.name)


def _table(x: Any, y: Any, unit: str, origin: str, where: str, source: Path) -> Law:
    try:
        at, values = np.asarray(x, np.float64), np.asarray(y, np.float64)
    except (TypeError, ValueError):
        at = values = np.zeros(0)
    if at.ndim != 1 or at.shape != values.shape or at.size < _COLUMNS:
        raise InputError(
            f"{str(source)!r}: {where} is no table; expected two lists of the same length, at "
            "least two numbers each."
        )
    if not (np.isfinite(at).all() and np.isfinite(values).all() and (np.diff(at) > 0).all()):
        raise InputError(
            f"{str(source)!r}: the table of {where} must be finite, with arguments that rise."
        )
    return tabulated(at, values, unit, origin)


def _table_from_file(name: Any, unit: str, where: str, source: Path) -> Law:
    text = _text(name, where, source)
    if Path(text).is_absolute() or ".." in Path(text).parts:
        raise InputError(
            f"{str(source)!r}: {where} names the file {text!r}; expected one beside it or in a "
            "folder below."
        )
    path = source.parent / text
    try:
        with open(path, newline="", encoding="utf-8") as stream:
            rows = [row for row in csv.reader(stream) if row and not row[0].startswith("#")]
        if rows and not _is_number(rows[0][0]):
            rows = rows[1:]
        columns = np.array([[float(v) for v in row[:_COLUMNS]] for row in rows], np.float64)
    except (OSError, ValueError) as error:
        raise InputError(f"{str(path)!r} can't be read as two columns: {error}.") from error
    if columns.ndim != _COLUMNS or columns.shape[1] != _COLUMNS:
        raise InputError(f"{str(path)!r} does not hold two columns: argument and value.")
    return _table(columns[:, 0], columns[:, 1], unit, path.name, where, source)


# ---- BPX


def _from_bpx(content: Mapping[str, Any], source: Path) -> ParameterSet:
    parts = content["Parameterisation"]
    state = content.get("State", {})
    try:
        salt, positive = parts["Electrolyte"], parts["Positive electrode"]
        separator, cell = parts["Separator"], parts["Cell"]
        start = salt.get("Initial concentration [mol.m-3]")  # before 1.0
        if start is None:
            start = state["Initial conditions"]["Initial electrolyte concentration [mol.m-3]"]
        start = _number(start, "the initial concentration of the electrolyte", source)
        largest = _number(positive["Maximum concentration [mol.m-3]"], "c_max", source)
        rate = _number(positive["Reaction rate constant [mol.m-2.s-1]"], "rate constant", source)

        def law(section: Mapping[str, Any], name: str, unit: str) -> Law:
            return _bpx_law(section[name], unit, name, source)

        user = parts.get("User-defined", {})
        transference: Law = constant(
            _number(salt["Cation transference number"], "transference number", source)
        )
        factor: Law = constant(1.0)
        if "Thermodynamic factor" in user:  # as vmt writes it
            factor = _bpx_law(user["Thermodynamic factor"], "", "Thermodynamic factor", source)
            transference = _bpx_law(
                user.get("Transference number", salt["Cation transference number"]), "",
                "Transference number", source,
            )  # fmt: skip
        electrolyte = Electrolyte(
            law(salt, "Conductivity [S.m-1]", "S/m"),
            law(salt, "Diffusivity [m2.s-1]", "m²/s"),
            transference,
            factor,
            start,
        )
        empty = _number(positive["Minimum stoichiometry"], "minimum stoichiometry", source)
        active = ActiveMaterial(
            law(positive, "OCP [V]", "V"),
            law(positive, "Conductivity [S.m-1]", "S/m"),
            law(positive, "Diffusivity [m2.s-1]", "m²/s"),
            largest,
            empty,
            ExchangeCurrent.standard(rate * _FARADAY / (largest * np.sqrt(start))),
        )
        title = content.get("Header", {}).get("Title") or source.stem
        return ParameterSet(
            _text(title, "the title", source),
            electrolyte,
            active,
            LITHIUM_XU_2019,
            separator=Separator(
                _number(separator["Thickness [m]"], "thickness of the separator", source),
                _number(separator["Porosity"], "porosity of the separator", source),
                _number(separator["Transport efficiency"], "transport of the separator", source),
            ),
            temperature=_number(
                cell.get("Reference temperature [K]", 298.15), "temperature", source
            ),
            cutoff_voltage=_number(cell["Lower voltage cut-off [V]"], "cut-off", source),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{str(source)!r} is no complete BPX file of a cell with one material in the positive "
            f"electrode: {error} is missing or not as expected."
        ) from error


def _bpx_law(value: Any, unit: str, name: str, source: Path) -> Law:
    if isinstance(value, Mapping):
        return _table(value.get("x"), value.get("y"), unit, source.name, name, source)
    if isinstance(value, str):
        raise InputError(
            f"{str(source)!r}: {name} is the expression {value[:60]!r}; expressions in files are "
            'not evaluated. Write a table, {"x": [...], "y": [...]}.'
        )
    return constant(_number(value, name, source), unit, source.name)


# ---- small helpers


def _read_json(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{str(path)!r} is larger than {_MOST_BYTES >> 20} MiB.")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{str(path)!r} can't be read as JSON: {error}.") from error
    if not isinstance(content, dict):
        raise InputError(f"{str(path)!r} holds no mapping; expected names with values.")
    return content


def _only_known(given: Mapping[str, Any], known: set[str], where: str, source: Path) -> None:
    unknown = sorted(str(name) for name in set(given) - known)
    if unknown:
        raise InputError(
            f"{str(source)!r}: {where} has the unknown {', '.join(unknown)}; expected of "
            f"{', '.join(sorted(known))}."
        )


def _number(value: Any, where: str, source: Path) -> float:
    if isinstance(value, str) and _is_number(value):  # YAML 1.1 reads 1e-5 as text
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        raise InputError(f"{str(source)!r}: {where} is {value!r}; expected a finite number.")
    return float(value)


def _is_number(text: str) -> bool:
    read: Callable[[str], float] = float
    try:
        read(text)
    except ValueError:
        return False
    return True


def _text(value: Any, where: str, source: Path) -> str:
    if not isinstance(value, str) or not value:
        raise InputError(f"{str(source)!r}: {where} is {value!r}; expected a text.")
    return value
