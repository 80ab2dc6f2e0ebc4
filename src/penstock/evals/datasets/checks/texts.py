"""What a row asks, as one text."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

__all__ = ["question_of", "words_of"]

MAX_TEXT: Final = 20_000
"""Characters that are compared."""
_WORD: Final = re.compile(r"\w+")


def question_of(input_: Any) -> str:
    """The texts of an input: of messages those of users, since a system prompt is shared; else every text in it."""
    if isinstance(input_, list):
        asked: list[Any] = [one for one in cast("list[Any]", input_) if _is_users(one)]
        if asked:
            return " ".join(" ".join(_texts(one.get("content"))) for one in asked)[:MAX_TEXT]
    return " ".join(_texts(input_))[:MAX_TEXT]


def words_of(text: str) -> list[str]:
    """Words, case folded."""
    return _WORD.findall(text.casefold())


def _is_users(message: Any) -> bool:
    return isinstance(message, Mapping) and cast("Mapping[str, Any]", message).get("role") == "user"


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, one in cast("Mapping[str, Any]", value).items():
            if name not in {"type", "role", "url"}:
                yield from _texts(one)
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _texts(one)
    elif value is not None and not isinstance(value, bool):
        yield str(value)
