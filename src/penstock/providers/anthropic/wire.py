"""What stands on the wire of the Messages API, as far as a conversion needs to read it. Unknown members are skipped."""

import re
from typing import Final

import msgspec

__all__ = [
    "NOTHING",
    "Block",
    "ErrorBody",
    "ErrorObject",
    "ImageOrDocumentSource",
    "MessageBody",
    "MessageParam",
    "OutputConfig",
    "OutputFormat",
    "Thinking",
    "ToolChoiceParam",
    "ToolParam",
    "field_path",
    "given",
]

# `Raw | None` reads null and nothing else, so an absent member is an empty Raw.
NOTHING: Final = msgspec.Raw()
EMPTY_OBJECT: Final = msgspec.Raw(b"{}")


def given(raw: msgspec.Raw) -> bytes | None:
    """A member's JSON; None when it is absent or null."""
    value = bytes(raw)
    return None if value in (b"", b"null") else value


class ImageOrDocumentSource(msgspec.Struct):
    """`base64`, `url`, `file`, `text` (plain text in `data`) or `content` (blocks)."""

    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    file_id: str | None = None
    content: "str | list[Block] | None" = None


class Citations(msgspec.Struct):
    enabled: bool | None = None


class Block(msgspec.Struct):
    """Any content block; which members are set depends on `type`."""

    type: str
    text: str | None = None
    # `image` and `document` carry an object, `search_result` a string.
    source: ImageOrDocumentSource | str | None = None
    title: str | None = None
    citations: msgspec.Raw = NOTHING
    cache_control: msgspec.Raw = NOTHING
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = EMPTY_OBJECT
    tool_use_id: str | None = None
    content: "str | list[Block] | msgspec.UnsetType | None" = msgspec.UNSET
    is_error: bool | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None


class MessageParam(msgspec.Struct):
    role: str
    content: str | list[Block]


class ToolParam(msgspec.Struct):
    name: str
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = NOTHING
    strict: bool | None = None


class ToolChoiceParam(msgspec.Struct):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class Thinking(msgspec.Struct):
    type: str
    budget_tokens: int | None = None


class OutputFormat(msgspec.Struct):
    type: str
    schema: msgspec.Raw = NOTHING


class OutputConfig(msgspec.Struct):
    effort: str | None = None
    format: OutputFormat | None = None


class Metadata(msgspec.Struct):
    user_id: str | None = None


class MessageBody(msgspec.Struct):
    """A whole answer (`type: message`)."""

    id: str
    model: str
    content: list[Block]
    stop_reason: str | None = None
    stop_sequence: str | None = None
    usage: msgspec.Raw = NOTHING


class ErrorObject(msgspec.Struct):
    type: str = "api_error"
    message: str = ""


class ErrorBody(msgspec.Struct):
    error: ErrorObject


_AT = re.compile(r" - at `\$(.*)`$")


def field_path(error: Exception, root: str) -> tuple[str, str]:
    """A validation error as (what is wrong, where it stands), the place named from the body's `root` member on."""
    text = str(error)
    at = _AT.search(text)
    if at is None:
        return text, root
    return text[: at.start()], root + at.group(1)
