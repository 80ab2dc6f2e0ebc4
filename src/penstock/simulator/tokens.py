"""A tokenizer of the simulator's own: no vendor's, but lossless, deterministic and of a similar grain."""

import re
from functools import lru_cache

__all__ = ["count_tokens", "tokenize"]

_TOKEN = re.compile(r" ?[^\W\d_]{1,8}| ?\d{1,3}|\s|_+|[^\w\s]|\w")
_CACHED_CHARACTERS = 4096


def tokenize(text: str) -> list[str]:
    """Tokens of a text, about four characters of English each; joined they are the text again."""
    return _TOKEN.findall(text)


def count_tokens(text: str) -> int:
    """How many tokens `tokenize` makes of a text."""
    return _count_short(text) if len(text) <= _CACHED_CHARACTERS else len(_TOKEN.findall(text))


@lru_cache(maxsize=2048)
def _count_short(text: str) -> int:
    return len(_TOKEN.findall(text))
