"""Evaluators of plain text: exact, contains, regular expression, length."""

import re
import string
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, cast

import re2

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.definition import CodeDefinition, Found
from penstock.evals.evaluators.types import Item, Unscored, Verdict
from penstock.wire.checks import MAX_PATTERN, compile_pattern

__all__ = ["Contains", "Exact", "Length", "Normalisation", "Regex", "normalise", "references", "shortened"]

Normalisation = Literal["case", "space", "punctuation", "articles", "accents", "unicode"]
_ARTICLES: Final = re.compile(r"\b(?:a|an|the)\b", re.IGNORECASE)
_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)
_WORD: Final = re.compile(r"\w+(?:['’]\w+)*")
_MAX_PROGRAM: Final = 8 << 20


def normalise(text: str, steps: Sequence[Normalisation]) -> str:
    """Text with what does not matter taken away.

    `case` folds case, `space` makes runs of white space one blank, `punctuation` removes ASCII punctuation, `articles`
    English a, an and the, `accents` marks on letters, `unicode` makes compatible characters one (NFKC).
    """
    if "unicode" in steps:
        text = unicodedata.normalize("NFKC", text)
    if "accents" in steps:
        text = "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))
    if "case" in steps:
        text = text.casefold()
    if "punctuation" in steps:
        text = text.translate(_PUNCTUATION)
    if "articles" in steps:
        text = _ARTICLES.sub(" ", text)
    if "space" in steps:
        text = " ".join(text.split())
    return text


def references(item: Item) -> list[str]:
    """The reference as texts; a list has alternatives.

    Raises:
        Unscored: there is none, or it is no text.
    """
    reference: Any = item.reference
    given = cast("list[Any]", reference) if isinstance(reference, list) else [reference]
    texts = [one if isinstance(one, str) else str(one) for one in given if isinstance(one, str | int | float)]
    if not texts or len(texts) < len(given):
        raise Unscored("The item has no reference that is a text.")
    return texts


def shortened(text: str, length: int = 80) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


class Exact(CodeDefinition, frozen=True, kw_only=True, tag="exact"):
    """Whether the answer is the reference, or one of several."""

    normalise: tuple[Normalisation, ...] = ("space",)
    """What does not matter."""

    def compile(self) -> Callable[[Item], Found]:
        def judge(item: Item) -> Verdict:
            expected = references(item)
            output = normalise(item.output, self.normalise)
            right = any(output == normalise(one, self.normalise) for one in expected)
            return Verdict(right, None if right else f"Expected {shortened(expected[0])!r}.")

        return judge


class Contains(CodeDefinition, frozen=True, kw_only=True, tag="contains"):
    """Whether the answer holds given texts."""

    values: list[str] | None = None
    """What to look for; the reference unless given."""
    match: Literal["all", "any", "none"] = "all"
    normalise: tuple[Normalisation, ...] = ("case", "space")

    def compile(self) -> Callable[[Item], Found]:
        if self.values is not None and not all(self.values):
            raise InvalidInput("Expected texts that are not empty.", field="values")

        def judge(item: Item) -> Verdict:
            wanted = references(item) if self.values is None else self.values
            output = normalise(item.output, self.normalise)
            missing = [one for one in wanted if normalise(one, self.normalise) not in output]
            if self.match == "all":
                return Verdict(not missing, f"Missing: {', '.join(map(shortened, missing))}." if missing else None)
            found = [one for one in wanted if one not in missing]
            if self.match == "any":
                return Verdict(bool(found), None if found else "None of them is there.")
            return Verdict(not found, f"There: {', '.join(map(shortened, found))}." if found else None)

        return judge


class Regex(CodeDefinition, frozen=True, kw_only=True, tag="regex"):
    """Whether a pattern (RE2) is found in the answer; or whether what it finds is the reference."""

    pattern: str
    full: bool = False
    """The whole answer has to fit."""
    compare: bool = False
    """Compare the last match with the reference: its first group where the pattern has one."""
    negate: bool = False
    """The pattern must not be found."""

    def compile(self) -> Callable[[Item], Found]:
        if self.compare and self.negate:
            raise InvalidInput("What is compared with the reference cannot be negated.", field="negate")
        try:
            compile_pattern(self.pattern)
        except InvalidInput as error:
            raise InvalidInput(error.message, field="pattern", hint=error.hint) from None
        pattern = _capturing(rf"\A(?:{self.pattern})\z" if self.full else self.pattern)

        def judge(item: Item) -> Verdict:
            if not self.compare:
                found = pattern.search(item.output) is not None
                return Verdict(found != self.negate, None if found != self.negate else _said(found=found))
            last = None
            for match in pattern.finditer(item.output):
                last = match
            if last is None:
                return Verdict(False, "The pattern is not found.")
            text = str(last[1] if last.re.groups else last[0]).strip()
            return Verdict(text in {one.strip() for one in references(item)}, f"Found {shortened(text)!r}.", text)

        return judge


def _capturing(pattern: str) -> Any:
    library = cast("Any", re2)
    options = library.Options()
    options.log_errors = False
    options.max_mem = _MAX_PROGRAM
    if len(pattern) > MAX_PATTERN + 16:
        raise InvalidInput(f"A pattern may have at most {MAX_PATTERN} characters.", field="pattern")
    return library.compile(pattern, options)


def _said(*, found: bool) -> str:
    return "The pattern is found." if found else "The pattern is not found."


class Length(CodeDefinition, frozen=True, kw_only=True, tag="length"):
    """How long the answer is; with bounds, whether it keeps them."""

    unit: Literal["characters", "words", "lines"] = "characters"
    least: int | None = None
    most: int | None = None

    def compile(self) -> Callable[[Item], Found]:
        if self.least is not None and self.most is not None and self.least > self.most:
            raise InvalidInput(f"Expected least <= most, got {self.least} and {self.most}.", field="least")

        def judge(item: Item) -> Verdict:
            length = _LENGTHS[self.unit](item.output)
            if self.least is None and self.most is None:
                return Verdict(float(length))
            fits = (self.least is None or length >= self.least) and (self.most is None or length <= self.most)
            return Verdict(fits, f"{length} {self.unit}.", length)

        return judge


_LENGTHS: dict[str, Callable[[str], int]] = {
    "characters": len,
    "words": lambda text: len(_WORD.findall(text)),
    "lines": lambda text: len(text.splitlines()),
}
