"""Reads the YAML of products, benches and profiles. An error names file, line and field, and nothing runs after it.

`${NAME}` in a value is replaced from the environment, so that a bench file can be shared. Passwords remain references
until `lab_config.secrets` resolves them.
"""

import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from lab_config.reading.wording import Location, changed_kinds, expected, field_of, found, of_the_branch
from lab_config.reading.yaml_file import read_fields
from trustprobe.errors import ConfigurationError
from trustprobe.probe import printable

FOLDER = Path(__file__).parent
Loaded = TypeVar("Loaded", bound=BaseModel)
_REFERENCE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)\}")
_KEPT = frozenset({"password"})
"""Fields whose references `lab_config.secrets` resolves. Their values are never written anywhere."""


def find(kind: str, name: str) -> Path:
    """Return the file that `--product`, `--bench` or `--profile` names: a path, or a name under lab_config/`kind`/."""
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        if path.is_file():
            return path
        raise ConfigurationError(f"the file {name} does not exist.", f"Give a file, or a name from lab_config/{kind}/.")
    shipped = FOLDER / kind / f"{name}.yaml"
    if shipped.is_file():
        return shipped
    names = ", ".join(sorted(file.stem for file in (FOLDER / kind).glob("*.yaml")))
    raise ConfigurationError(f"lab_config/{kind}/ contains no {name!r}.", f"Use one of {names}, or a path to a file.")


def load(path: Path, model: type[Loaded], environment: Mapping[str, str] | None = None) -> Loaded:
    """Read a YAML file into a model. ConfigurationError names the file, the line, the field and what was expected."""
    node, data = read_fields(path)
    lines = _lines(node)
    data = _expand(data, path, lines, os.environ if environment is None else environment)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of regular expressions that another version of Python reads otherwise
            loaded = model.model_validate(data)
    except ValidationError as error:
        entries = of_the_branch([dict(entry) for entry in error.errors()], data)
        raise _refused([_problem(path, lines, data, entry) for entry in entries]) from None
    if changed := list(changed_kinds(data, loaded)):
        raise _refused([f"{_where(path, lines, at)}: {words} (found {value})" for at, words, value in changed])
    return loaded


def _refused(problems: list[str]) -> ConfigurationError:
    left = len(problems) - 1
    more = f" ({left} more {'problem' if left == 1 else 'problems'} in this file)" if left else ""
    return ConfigurationError(f"{printable(problems[0].rstrip('.'))}.{more}", "Correct the file. Nothing was run.")


def peek(path: Path, field: str) -> object:
    """Return one top-level value of a YAML file as it is written, before anything is expanded or checked."""
    _, data = read_fields(path)
    return data.get(field)


def place_of(path: Path, at: Location) -> str:
    """Return where a field is: file, line, field. If the file leaves it out, the line of what encloses it."""
    node, _ = read_fields(path)
    return _where(path, _lines(node), at)


def _lines(node: yaml.Node, at: Location = ()) -> dict[Location, int]:
    lines = {at: node.start_mark.line + 1}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            lines |= _lines(value, (*at, key.value))
            lines[(*at, key.value)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            lines |= _lines(value, (*at, index))
    return lines


def _line(lines: dict[Location, int], at: Location) -> int:
    """Return the line of a field, or of the nearest enclosing field in the file.

    pydantic names union members inside a location (`services.Absent.absent`). Those parts are skipped.
    """
    found: Location = ()
    for part in at:
        if (*found, part) in lines:
            found = (*found, part)
    return lines[found]


def _where(path: Path, lines: dict[Location, int], at: Location) -> str:
    field = ".".join(map(str, at)) or "the file"
    return f"{path}, line {_line(lines, at)}: {field}"


def _problem(path: Path, lines: dict[Location, int], data: object, error: Mapping[str, Any]) -> str:
    place: Location = (error.get("ctx") or {}).get("place", ())
    at = field_of(data, (*error["loc"], *place), missing=error["type"] == "missing")
    return f"{_where(path, lines, at)}: {expected(error)}{found(error)}"


def _expand(
    value: Any, path: Path, lines: dict[Location, int], environment: Mapping[str, str], at: Location = ()
) -> Any:
    if isinstance(value, dict):
        return {key: _expand(inner, path, lines, environment, (*at, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_expand(inner, path, lines, environment, (*at, index)) for index, inner in enumerate(value)]
    if not isinstance(value, str) or (at and at[-1] in _KEPT):
        return value

    def replace(match: re.Match[str]) -> str:
        if match[1] in environment:
            return environment[match[1]]
        where = f"{path}, line {_line(lines, at)}: {'.'.join(map(str, at))}"
        raise ConfigurationError(
            f"{where}: the environment variable {match[1]} is not set.", f"Set it: export {match[1]}=..."
        )

    return _REFERENCE.sub(replace, value)
