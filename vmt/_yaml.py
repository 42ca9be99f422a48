"""YAML as data only: no tags, no anchors, no keys given twice, nothing large."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vmt.errors import InputError

__all__ = ["read_yaml"]

_MAX_BYTES = 2**20


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping from a YAML file.

    Raises
    ------
    InputError
        If the file can't be read, is no mapping, or has tags, anchors or a key twice.
    """
    import yaml

    try:
        size = path.stat().st_size
        if size > _MAX_BYTES:
            raise InputError(f"{str(path)!r} has {size} bytes; expected at most {_MAX_BYTES}.")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{str(path)!r} can't be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not UTF-8 text.") from error
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            mark, tag = event.start_mark, getattr(event, "tag", None)
            line = 0 if mark is None else mark.line + 1
            if tag is not None:
                raise InputError(
                    f"{str(path)!r}, line {line}: the tag {tag!r} is refused; expected "
                    "plain values without tags."
                )
            if getattr(event, "anchor", None) is not None:
                raise InputError(
                    f"{str(path)!r}, line {line}: anchors and aliases (&, *) are refused; write "
                    "the value out."
                )
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _no_key_twice(node, path)
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise InputError(f"{str(path)!r} is not YAML: {' '.join(str(error).split())}.") from error
    except RecursionError as error:
        raise InputError(f"{str(path)!r} is nested too deeply.") from error
    if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
        raise InputError(
            f"{str(path)!r} holds no mapping; expected names with their values, as 'name: value'."
        )
    return content


def _no_key_twice(node: Any, path: Path) -> None:
    import yaml

    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if key.value in seen:
                line = key.start_mark.line + 1
                raise InputError(f"{str(path)!r}, line {line}: {key.value!r} is given twice.")
            seen.add(key.value)
            _no_key_twice(value, path)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _no_key_twice(value, path)
