"""Rows of a dataset that hold words.

Contents lie compressed under their digests, shared by all versions, so that no engine can look into them: rows are read
in their order and looked at here, a bounded number for each page.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, cast

from penstock.core.errors import InvalidInput
from penstock.evals.datasets.types import StoredRow

__all__ = ["LOOKED_AT", "has_words", "words_of"]

LOOKED_AT: Final = 5_000
"""Rows that one page looks at; it may then be short, or empty, and still have a successor."""
MAX_WORDS: Final = 20
MAX_TEXT: Final = 1_000


def words_of(text: str | None) -> list[str]:
    """The words of a search; none asks for every row.

    Raises:
        InvalidInput: `q` is too long.
    """
    words = list(dict.fromkeys((text or "").casefold().split()))
    if len(words) > MAX_WORDS or len(text or "") > MAX_TEXT:
        raise InvalidInput(f"q: Expected at most {MAX_WORDS} words in {MAX_TEXT:,} characters.", field="q")
    return words


def has_words(row: StoredRow, words: Sequence[str]) -> bool:
    """Whether a row holds all words, whatever their case and wherever: in its id, texts, fields and their names."""
    left = list(words)
    for text in _texts(row):
        if not left:
            return True
        folded = text.casefold()
        left = [word for word in left if word not in folded]
    return not left


def _texts(row: StoredRow) -> Iterator[str]:
    yield row.id
    yield from _within([row.input, row.reference, row.context, row.metadata, row.group, row.split])


def _within(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, one in cast("dict[str, Any]", value).items():
            yield name
            yield from _within(one)
    elif isinstance(value, list):
        for one in cast("list[Any]", value):
            yield from _within(one)
    elif isinstance(value, bool):
        yield "true" if value else "false"
    elif value is not None:
        yield str(value)
