"""Names of the HTTP headers between applications and the gateway, and the form of the tags header.

Tags are `application/x-www-form-urlencoded` pairs (`team=search&step=1`), so any text fits in a header.
Session and user ids are sent as they are and must be visible ASCII.
"""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from penstock.core.errors import InvalidInput

__all__ = [
    "COST",
    "MAX_ID",
    "MAX_TAGS",
    "MAX_TAGS_HEADER",
    "MAX_TAG_KEY",
    "MAX_TAG_VALUE",
    "ON_DISCONNECT",
    "PROMPT",
    "SESSION",
    "TAGS",
    "TRACEPARENT",
    "TRACE_ID",
    "USER",
    "check_id",
    "check_on_disconnect",
    "check_prompt",
    "decode_tags",
    "encode_tags",
]

SESSION: Final = "x-penstock-session"
USER: Final = "x-penstock-user"
TAGS: Final = "x-penstock-tags"
ON_DISCONNECT: Final = "x-penstock-on-disconnect"
"""What becomes of a call whose caller goes away: `cancel`, the default, or `finish`, for callers that read the answer
from the record of the call."""
PROMPT: Final = "x-penstock-prompt"
"""The version of a prompt that the caller rendered itself, for the record: `support/answer@7`."""
COST: Final = "x-penstock-cost"
"""On a whole answer of the gateway whose cost is known: nano-dollars of all its attempts, 0 from the cache."""
TRACE_ID: Final = "x-penstock-trace-id"
"""On every answer of the gateway."""
TRACEPARENT: Final = "traceparent"
"""W3C Trace Context; the call joins this trace."""

MAX_ID: Final = 200
"""Characters of a session or user id."""
MAX_TAGS: Final = 32
MAX_TAG_KEY: Final = 64
MAX_TAG_VALUE: Final = 256
MAX_TAGS_HEADER: Final = 8192
"""Bytes of the encoded tags header."""


_PROMPT: Final = re.compile(r"([a-z0-9][a-z0-9._/-]{0,127})@([A-Za-z0-9][A-Za-z0-9._-]{0,63})", re.ASCII)


def check_prompt(value: str) -> tuple[str, str]:
    """Name and version of a prompt as the header says them.

    Raises:
        InvalidInput: it is not `name@version`.
    """
    found = _PROMPT.fullmatch(value)
    if found is None:
        raise InvalidInput(
            f"The header {PROMPT} must name a prompt and its version, like support/answer@7, got {value[:200]!r}.",
            field=PROMPT,
            code="context_invalid",
        )
    return found[1], found[2]


def check_id(value: str, *, name: str) -> str:
    """`value`, if it can stand in a header: 1 to 200 visible ASCII characters, spaces inside allowed.

    Raises:
        InvalidInput: it cannot; `name` says in the message which value is meant.
    """
    if not 0 < len(value) <= MAX_ID:
        raise InvalidInput(
            f"The {name} must have 1 to {MAX_ID} characters, got {len(value)}.", field=name, code="context_invalid"
        )
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise InvalidInput(
            f"The {name} must be visible ASCII without spaces at its ends, because it travels in an HTTP header.",
            field=name,
            hint="Use an opaque id, or a hash of what you have.",
            code="context_invalid",
        )
    return value


def check_on_disconnect(value: str) -> bool:
    """Whether a call is to be finished although its caller has gone.

    Raises:
        InvalidInput: neither `finish` nor `cancel`.
    """
    if value not in {"finish", "cancel"}:
        raise InvalidInput(
            f"The header {ON_DISCONNECT} must be finish or cancel, got {value[:20]!r}.",
            field=ON_DISCONNECT,
            code="context_invalid",
        )
    return value == "finish"


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise InvalidInput(f"At most {MAX_TAGS} tags are kept, got {len(tags)}.", field="tags", code="context_invalid")
    for key, value in tags.items():
        if not 0 < len(key) <= MAX_TAG_KEY:
            raise InvalidInput(
                f"A tag's name must have 1 to {MAX_TAG_KEY} characters, got {len(key)}.",
                field="tags",
                code="context_invalid",
            )
        if len(value) > MAX_TAG_VALUE:
            raise InvalidInput(
                f"The tag {key!r} must have at most {MAX_TAG_VALUE} characters, got {len(value)}.",
                field="tags",
                code="context_invalid",
            )


def encode_tags(tags: Mapping[str, str]) -> str:
    """The value of the tags header; empty for no tags.

    Raises:
        InvalidInput: too many tags, or one too long, or not text that UTF-8 can carry.
    """
    _check_tags(tags)
    try:
        text = urlencode(tags, quote_via=quote, safe="")
    except UnicodeEncodeError as error:
        raise InvalidInput("A tag holds a lone surrogate.", field="tags", code="context_invalid") from error
    if len(text) > MAX_TAGS_HEADER:
        raise InvalidInput(
            f"The tags take {len(text)} bytes encoded, at most {MAX_TAGS_HEADER} fit.",
            field="tags",
            code="context_invalid",
        )
    return text


def decode_tags(text: str) -> dict[str, str]:
    """Tags of a header's value; the last of a repeated name wins.

    Raises:
        InvalidInput: not `name=value` pairs in URL encoding, too many, or too long.
    """
    if len(text) > MAX_TAGS_HEADER:
        raise InvalidInput(
            f"The header {TAGS} has {len(text)} bytes, at most {MAX_TAGS_HEADER} are read.",
            field=TAGS,
            code="context_invalid",
        )
    if not text.strip():
        return {}
    try:
        pairs = parse_qsl(text.strip(), keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError as error:
        raise InvalidInput(
            f"The header {TAGS} must hold URL-encoded pairs like team=search&step=1.",
            field=TAGS,
            code="context_invalid",
        ) from error
    tags = dict(pairs)
    _check_tags(tags)
    return tags
