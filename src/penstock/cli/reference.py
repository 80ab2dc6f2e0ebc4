"""Writes the reference part of `docs/cli.md` from the commands themselves: `python -m penstock.cli.reference`."""

import re
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin

import typer

from penstock.cli.main import app
from penstock.core.errors import InvalidInput

__all__ = ["reference", "update"]

START: Final = "<!-- reference:start, written by `make docs` -->"
END: Final = "<!-- reference:end -->"
PIPE: Final = "\\|"
"""A bar within a table's cell."""


def reference() -> str:
    """Markdown: one section per command with its usage, arguments and options."""
    root = typer.main.get_command(app)
    return "\n".join(_command(root, "penstock")) + "\n"


def update(page: str) -> str:
    """`page` with its reference part written anew.

    Raises:
        InvalidInput: the page has no place for it.
    """
    found = re.search(f"{re.escape(START)}.*{re.escape(END)}", page, re.DOTALL)
    if found is None:
        raise InvalidInput(f"The page has no lines {START!r} and {END!r} to write between.")
    return f"{page[: found.start()]}{START}\n\n{reference()}\n{END}{page[found.end() :]}"


def _command(command: Any, path: str) -> Iterator[str]:
    commands: dict[str, Any] = getattr(command, "commands", {})
    if path != "penstock":
        arguments = [entry for entry in command.params if entry.param_type_name == "argument"]
        below = "[COMMAND]" if getattr(command, "invoke_without_command", False) else "COMMAND"
        words = [path, *(_argument(entry) for entry in arguments), *([below] if commands else [])]
        yield from (f"### `{' '.join(words)}`", "", _text(command.help), "")
        rows = [_row(entry) for entry in command.params if entry.name != "help" and not entry.hidden]
        if rows:
            yield from ("| | |", "|---|---|", *rows, "")
    for name, sub in commands.items():
        if not sub.hidden:
            yield from _command(sub, f"{path} {name}")


def _argument(entry: Any) -> str:
    name = (entry.metavar or entry.name).upper().strip("[]")
    return name if entry.required else f"[{name}]"


def _row(entry: Any) -> str:
    if entry.param_type_name == "argument":
        return f"| `{_argument(entry).strip('[]')}` | {_text(entry.help)} |"
    names = ", ".join(f"`{name}`" for name in [*entry.opts, *entry.secondary_opts])
    value = "" if entry.is_flag else f" {(entry.metavar or _kind(entry)).replace('|', PIPE)}"
    notes = [_text(entry.help)]
    if entry.show_default is not False and not entry.is_flag and entry.default not in (None, (), []):
        notes.append(f"Default: {getattr(entry.default, 'value', entry.default)}.")
    if entry.envvar:
        notes.append(f"Variable: `{entry.envvar}`.")
    return f"| {names}{value} | {' '.join(note for note in notes if note)} |"


def _kind(entry: Any) -> str:
    annotation = entry.type_descriptor.annotation
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "|".join(str(choice.value) for choice in annotation)
    arguments = get_args(annotation)
    if get_origin(annotation) is Literal:
        return "|".join(str(choice) for choice in arguments)
    return "NUMBER" if {int, float} & {annotation, *arguments} else "TEXT"


def _text(text: str | None) -> str:
    """Help as one paragraph, ending in a full stop, safe in a table's cell."""
    words = " ".join((text or "").split()).replace("|", PIPE)
    return words if not words or words.endswith((".", ":")) else f"{words}."


if __name__ == "__main__":
    place = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/cli.md")
    place.write_text(update(place.read_text(encoding="utf-8")), encoding="utf-8")
