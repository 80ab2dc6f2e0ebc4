"""Experiments as files of the user's: YAML or JSON, with errors that name line and field."""

import difflib
import re
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from penstock.core.errors import ConfigError, InvalidInput
from penstock.evals.experiments.check import check_spec
from penstock.evals.experiments.places import check_evaluator
from penstock.evals.experiments.types import Columns, ExperimentSpec, VariantSpec
from penstock.evals.gates.parser import parse
from penstock.registry.config.document import Item, plain, read_document

__all__ = ["line_of", "read_spec"]

MAX_BYTES: Final = 1024 * 1024
_PLACE: Final = re.compile(r" - at `\$\.?([^`]*)`")
_UNKNOWN: Final = re.compile(r"unknown field `([^`]*)`")
_PART: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def read_spec(path: Path) -> ExperimentSpec:
    """The experiment that a file describes.

    Raises:
        ConfigError: it cannot be read or run; names file, line and field.
    """
    file = str(path)
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"It cannot be read as UTF-8 text: {error}.", file=file) from error
    if len(data) > MAX_BYTES:
        raise ConfigError(f"It is larger than {MAX_BYTES // 1024} KiB.", file=file)
    root = read_document(text, file=file)
    if root is None or root.members is None:
        raise ConfigError(
            "Expected an experiment: name, dataset, variants.", file=file, line=1, hint="See docs/experiments.md."
        )
    try:
        spec = msgspec.convert(_referring(plain(root)), ExperimentSpec)
    except msgspec.ValidationError as error:
        raise _mismatch(str(error), root, file) from error
    try:
        check_spec(spec, evaluator=check_evaluator, rule=parse)
    except InvalidInput as error:
        field = error.field or ""
        message = error.message.removeprefix(f"{field}: ")
        raise ConfigError(
            message, file=file, line=line_of(root, field), field=field or None, hint=error.hint
        ) from error
    return spec


def _referring(body: Any) -> Any:
    """An evaluator that is a text is a reference: `quality@production`."""
    entries = body.get("evaluators") if isinstance(body, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] - any YAML
    if isinstance(entries, list):
        body["evaluators"] = [{"ref": one} if isinstance(one, str) else one for one in cast("list[Any]", entries)]
    return cast("Any", body)


def line_of(root: Item, field: str) -> int:
    """The line of a field, or of the nearest thing around it that stands in the file."""
    item, line = root, root.line
    for name, index in _PART.findall(field):
        if name and item.members is not None and name in item.members:
            entry = item.members[name]
            line, item = entry.line, entry.value
        elif index and item.elements is not None and int(index) < len(item.elements):
            item = item.elements[int(index)]
            line = item.line
        else:
            break
    return line


def _mismatch(said: str, root: Item, file: str) -> ConfigError:
    place = _PLACE.search(said)
    field = place[1] if place else ""
    what = _PLACE.sub("", said)
    unknown = _UNKNOWN.search(said)
    hint = None
    if unknown is not None:
        field = f"{field}.{unknown[1]}".lstrip(".")
        near = difflib.get_close_matches(unknown[1], _known(field), n=1)
        what, hint = f"{unknown[1]!r} is not known here", f"Did you mean {near[0]!r}?" if near else None
    return ConfigError(f"{what}.", file=file, line=line_of(root, field), field=field or None, hint=hint)


def _known(field: str) -> list[str]:
    """Names that could stand where a field stands."""
    if field.startswith("variants["):
        return list(VariantSpec.__struct_fields__)
    return list((Columns if field.startswith("columns.") else ExperimentSpec).__struct_fields__)
