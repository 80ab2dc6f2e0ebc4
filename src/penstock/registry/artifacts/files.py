"""Bodies as files that people read: YAML where it can say the same, JSON where it cannot."""

import io
from typing import Any, Final

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.representer import SafeRepresenter

from penstock.core.errors import InvalidInput

__all__ = ["canonical", "from_yaml", "to_yaml"]

MOST_YAML: Final = 256 * 1024
"""Bytes of JSON; a larger body is written as JSON, which is read a hundred times faster."""


class _Representer(SafeRepresenter):
    """Texts of several lines stand as they are, under a bar."""

    def represent_str(self, data: str) -> Any:
        style = "|" if "\n" in data else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)  # pyright: ignore[reportUnknownMemberType] - no types


_Representer.add_representer(str, _Representer.represent_str)  # pyright: ignore[reportUnknownMemberType] - as above


def canonical(value: Any) -> bytes:
    """A JSON value as bytes: the same for the same value, whatever the order of its fields."""
    return msgspec.json.encode(value, order="sorted")


def to_yaml(body: Any) -> str:
    """A JSON value as YAML that `from_yaml` reads back as the same value."""
    data = canonical(body)
    if len(data) <= MOST_YAML:
        out = io.StringIO()
        try:
            _yaml().dump(body, out)  # pyright: ignore[reportUnknownMemberType] - ruamel.yaml has no types here
            text = out.getvalue()
            if canonical(from_yaml(text)) == data:
                return text
        except (YAMLError, InvalidInput, ValueError):
            pass  # what YAML cannot say, JSON can
    return msgspec.json.format(msgspec.json.encode(body), indent=2).decode() + "\n"


def from_yaml(text: str) -> Any:
    """The JSON value that a text in YAML 1.2 or JSON holds.

    Raises:
        InvalidInput: it holds none.
    """
    if text.lstrip()[:1] in {"{", "[", '"'}:
        try:
            return msgspec.json.decode(text)
        except msgspec.MsgspecError:
            pass  # YAML's own way to write a mapping or list on one line
    try:
        value: Any = _yaml().load(text)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - as above
        return msgspec.json.decode(msgspec.json.encode(value))
    except YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f" in line {line + 1}"
        raise InvalidInput(f"Expected YAML, and it cannot be read{where}: {_first_line(error)}.") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"Expected YAML that JSON can say as well: {_first_line(error)}.") from error


def _yaml() -> YAML:
    yaml = YAML(typ="safe", pure=True)
    yaml.Representer = _Representer
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 4096
    yaml.sort_base_mapping_type_on_output = False  # pyright: ignore[reportAttributeAccessIssue] - the body's order
    return yaml


def _first_line(error: BaseException) -> str:
    text = getattr(error, "problem", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0].rstrip(".")
