"""A prompt as a file: Markdown with front matter.

    ---
    variables:
      question: {type: string}
    parameters: {temperature: 0.2}
    ---

    # system

    You are brief.

    # user

    {{ question }}

The front matter is YAML and holds everything but texts. A message begins with a line that is `#`, a space and its role
in lower case; without such a line the whole is a text prompt. One blank line after a heading and one before the next
belong to the form. A line of a text that would be read as such a heading is written with a backslash before it.
Messages with parts or tool calls, and texts with carriage returns, stand in the front matter.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from penstock.core.errors import InvalidInput
from penstock.registry.artifacts.files import from_yaml, to_yaml
from penstock.wire.prompts import ROLES

__all__ = ["from_markdown", "to_markdown"]

Json = dict[str, Any]
FENCE: Final = "---"
_ROLE: Final = f"({'|'.join(ROLES)})"
_HEADING: Final = re.compile(rf"# {_ROLE}[ \t]*", re.ASCII)
_WOULD_BE_HEADING: Final = re.compile(rf"\\*# {_ROLE}[ \t]*", re.ASCII)
_ESCAPED: Final = re.compile(rf"\\+# {_ROLE}[ \t]*", re.ASCII)


def to_markdown(body: Json) -> str:
    """A checked body as a file that `from_markdown` reads back as the same body."""
    front = {name: value for name, value in body.items() if name not in ("text", "messages")}
    text, messages = body.get("text"), body.get("messages", [])
    lines: list[str] = []
    if isinstance(text, str):
        if "\r" in text:
            front["text"] = text
        else:
            lines = _escaped(text)
    elif all(_is_plain(message) for message in messages):
        for message in messages:
            content = [] if message["role"] == "placeholder" else ["", *_escaped(message.get("content", ""))]
            lines += [*([""] if lines else []), f"# {message['role']}", *content]
    else:
        front["messages"] = messages
    if not lines:
        return f"{FENCE}\n{to_yaml(front)}{FENCE}\n"
    if not front and lines[0].strip() and lines[0] != FENCE:
        return "\n".join((*lines, ""))
    return "\n".join((FENCE, *([to_yaml(front).rstrip("\n")] if front else []), FENCE, "", *lines, ""))


def from_markdown(text: str) -> Json:
    """The body of a file; not checked yet.

    Raises:
        InvalidInput: the front matter is no YAML, or texts stand before the first role.
    """
    front, lines = _split(text)
    if not any(line.strip() for line in lines) and ("text" in front or "messages" in front):
        return front
    for name in ("text", "messages"):
        if name in front:
            raise InvalidInput(f"{name}: expected in the front matter or below it, and not in both.", field=name)
    headings = [index for index, line in enumerate(lines) if _HEADING.fullmatch(line)]
    if not headings:
        return {**front, "text": "\n".join(_unescaped(_without_frame(lines)))}
    before = next((index for index in range(headings[0]) if lines[index].strip()), None)
    if before is not None:
        raise InvalidInput(
            f"Expected a heading like '# system' before {lines[before][:60]!r}, because messages follow.",
            field="messages",
        )
    return {**front, "messages": [_message(lines, *span) for span in _spans(headings, len(lines))]}


def _is_plain(message: Json) -> bool:
    content = message.get("content", "")
    return message.keys() <= {"role", "content"} and isinstance(content, str) and "\r" not in content


def _split(text: str) -> tuple[Json, list[str]]:
    """The front matter and the lines below it."""
    lines = text.removeprefix("\ufeff").split("\n")
    if lines[0].rstrip() != FENCE:
        return {}, lines
    end = next((index for index, line in enumerate(lines[1:], start=1) if line.rstrip() == FENCE), None)
    if end is None:
        raise InvalidInput("Expected a second line '---' at the end of the front matter.")
    written = "\n".join((*lines[1:end], ""))
    front: Any = from_yaml(written) if written.strip() else {}
    if not isinstance(front, dict):
        raise InvalidInput("Expected the front matter to be fields with values.")
    return front, lines[end + 1 :]  # pyright: ignore[reportUnknownVariableType] - JSON


def _spans(headings: list[int], end: int) -> Iterator[tuple[int, int]]:
    yield from zip(headings, [*headings[1:], end], strict=True)


def _message(lines: list[str], start: int, end: int) -> Json:
    role = lines[start].removeprefix("# ").rstrip()
    content = "\n".join(_unescaped(_without_frame(lines[start + 1 : end])))
    return {"role": role} if role == "placeholder" and not content.strip() else {"role": role, "content": content}


def _without_frame(lines: list[str]) -> list[str]:
    """Without the blank line after a heading, and the one before the next or the line end at the end."""
    start = 1 if lines and not lines[0] else 0
    end = len(lines) - 1 if len(lines) > start and not lines[-1] else len(lines)
    return lines[start:end]


def _escaped(text: str) -> list[str]:
    return [f"\\{line}" if _WOULD_BE_HEADING.fullmatch(line) else line for line in text.split("\n")]


def _unescaped(lines: list[str]) -> list[str]:
    return [line[1:] if _ESCAPED.fullmatch(line) else line for line in lines]
