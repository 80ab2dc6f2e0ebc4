"""Bodies as files that people read: YAML where it can say the same, JSON where it cannot."""

import hashlib
import io
from typing import Any, Final

import msgspec

from penstock.core.errors import InvalidInput

__all__ = ["canonical", "content_digest", "from_yaml", "to_yaml"]

MOST_YAML: Final = 256 * 1024
"""Bytes of JSON; a larger body is written as JSON, which is read a hundred times faster."""


def canonical(value: Any) -> bytes:
    """A JSON value as bytes: the same for the same value, whatever the order of its fields."""
    return msgspec.json.encode(value, order="sorted")


def content_digest(kind: str, body: Any) -> str:
    """SHA-256 of `{"body": …, "kind": …}` in canonical JSON, hex."""
    return hashlib.sha256(canonical({"kind": kind, "body": body})).hexdigest()


def to_yaml(body: Any) -> str:
    """A JSON value as YAML that `from_yaml` reads back as the same value."""
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - see `_yaml`

    data = canonical(body)
    if len(data) <= MOST_YAML:
        out = io.StringIO()
        try:
            _yaml().dump(body, out)
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
    from ruamel.yaml.error import YAMLError  # noqa: PLC0415 - see `_yaml`

    if text.lstrip()[:1] in {"{", "[", '"'}:
        try:
            return msgspec.json.decode(text)
        except msgspec.MsgspecError:
            pass  # YAML's own way to write a mapping or list on one line
    try:
        value: Any = _yaml().load(text)
        return msgspec.json.decode(msgspec.json.encode(value))
    except YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = "" if line is None else f" in line {line + 1}"
        raise InvalidInput(f"Expected YAML, and it cannot be read{where}: {_first_line(error)}.") from error
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"Expected YAML that JSON can say as well: {_first_line(error)}.") from error


def _yaml() -> Any:
    # Loading it takes 40 ms, which a command line that reads no file need not spend.
    from ruamel.yaml import YAML  # noqa: PLC0415
    from ruamel.yaml.representer import SafeRepresenter  # noqa: PLC0415 - as above

    class Representer(SafeRepresenter):
        """Texts of several lines stand as they are, under a bar."""

    def represent_str(representer: Any, data: str) -> Any:
        return representer.represent_scalar("tag:yaml.org,2002:str", data, style="|" if "\n" in data else None)

    Representer.add_representer(str, represent_str)  # pyright: ignore[reportUnknownMemberType] - no types
    yaml: Any = YAML(typ="safe", pure=True)
    yaml.Representer = Representer
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 4096
    yaml.sort_base_mapping_type_on_output = False  # the body's order
    return yaml


def _first_line(error: BaseException) -> str:
    text = getattr(error, "problem", None) or str(error) or type(error).__name__
    return str(text).splitlines()[0].rstrip(".")
