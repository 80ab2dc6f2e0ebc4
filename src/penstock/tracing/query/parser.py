"""The language in which people look for spans, to a tree. Text of theirs ends up in the tree as values only."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, cast, get_args

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from penstock.core.errors import InvalidInput
from penstock.store.spans.tree import And, Node, Not, Or
from penstock.tracing.query.conditions import Operand, build, presence, refused, search
from penstock.tracing.query.fields import Comparison, Field, field_of
from penstock.tracing.query.types import QueryError

__all__ = ["MAX_DEPTH", "MAX_LENGTH", "parse"]

MAX_LENGTH: Final = 4000
MAX_DEPTH: Final = 24
"""Parentheses within parentheses."""
END = "$END"
"""What the parser calls the end of the text."""
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)
_EXPECTED: dict[str, str] = {
    "VALUE": "a value",
    "ITEM": "a value",
    "NAME": "the name of a field",
    "COMPARISON": "a comparison",
    "_COMMA": "a comma or a closing parenthesis",
    "WORD": "a condition or a word",
    "CLOSE": "a closing parenthesis",
}
"""What to call a terminal that could have come, the most telling first."""


def parse(text: str, *, field: str = "q") -> Node | None:
    """The tree of a search; None for one that is empty, which everything fits.

    Args:
        text: In the language that docs/search.md describes.
        field: Name of the request's field that holds it, for errors.

    Raises:
        QueryError: it cannot be understood; says where, what was expected, and the nearest valid name.
        InvalidInput: it is too long.
    """
    if len(text) > MAX_LENGTH:
        raise InvalidInput(f"A search has at most {MAX_LENGTH} characters, got {len(text)}.", field=field)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise QueryError(
            "Half of a character stands alone", start=error.start, end=error.end, hint="Write it anew.", field=field
        ) from None
    try:
        found = cast("Node | None", _grammar().parse(text))  # pyright: ignore[reportUnknownMemberType] - the builder's result
    except QueryError as error:
        error.field = field
        raise
    except UnexpectedInput as error:
        fault = _syntax(text, error)
        fault.field = field
        raise fault from None
    return found


class _Term(NamedTuple):
    """A part of a search, and how deeply it is nested."""

    node: Node
    depth: int
    start: int


class _Builder(Transformer[Token, Any]):
    """Makes nodes while the parser reads: no tree of the parser's own is walked, so no depth can exhaust the stack."""

    def start(self, terms: list[_Term]) -> Node | None:
        return terms[0].node if terms else None

    def any(self, terms: list[_Term]) -> _Term:
        return _joined(Or, terms)

    def all(self, terms: list[_Term]) -> _Term:
        return _joined(And, terms)

    def negation(self, parts: tuple[Token, _Term]) -> _Term:
        token, term = parts
        node = term.node.term if isinstance(term.node, Not) else Not(term.node)
        return _Term(node, term.depth, _at(token))

    def group(self, parts: tuple[Token, _Term, Token]) -> _Term:
        start = _at(parts[0])
        depth = parts[1].depth + 1
        if depth > MAX_DEPTH:
            raise QueryError(f"Parentheses are nested over {MAX_DEPTH} deep", start=start, end=start + 1)
        return _Term(parts[1].node, depth, start)

    def condition(self, parts: list[Any]) -> _Term:
        token, sign, given = cast("tuple[Token, Token, Token | list[Operand]]", parts)
        field = _field(token)
        comparison = next(one for one in _COMPARISONS if one == sign)
        if comparison not in field.operators:
            raise QueryError(
                f"The field {field.name} is not compared with {comparison}",
                start=_at(sign),
                end=_at(sign) + len(sign),
                hint=f"It takes {' '.join(field.operators)}",
            )
        operands = _operands(given) if isinstance(given, Token) else given
        return _Term(build(field, comparison, operands), 0, _at(token))

    def listing(self, tokens: list[Token]) -> list[Operand]:
        return [_operand(token) for token in tokens if token.type not in {"OPEN", "CLOSE"}]

    def presence(self, parts: tuple[Token, Token]) -> _Term:
        word, name = parts
        return _Term(presence(word[:-1].strip().lower(), _field(name), _operand(name)), 0, _at(word))

    def phrase(self, tokens: list[Token]) -> _Term:
        (token,) = tokens
        return _Term(search(_operand(token)), 0, _at(token))


@cache
def _grammar() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", transformer=_Builder())


def _joined(kind: type[And] | type[Or], terms: Sequence[_Term]) -> _Term:
    if len(terms) == 1:
        return terms[0]
    nodes: list[Node] = []
    for term in terms:
        nodes += term.node.terms if isinstance(term.node, kind) else (term.node,)
    return _Term(kind(tuple(nodes)), max(term.depth for term in terms), terms[0].start)


def _field(token: Token) -> Field:
    head, dot, rest = token.partition(".")
    name = f"{head}.{_unquoted(rest)}" if dot and rest.startswith('"') else str(token)
    try:
        return field_of(name)
    except InvalidInput as error:
        raise refused(error, start=_at(token), end=_at(token) + len(token)) from None


def _operands(token: Token) -> list[Operand]:
    """A bare value with commas is a list."""
    if token.type != "VALUE" or "," not in token:
        return [_operand(token)]
    found: list[Operand] = []
    start = _at(token)
    for part in token.split(","):
        if not part:
            raise QueryError(
                "A value is missing beside a comma", start=start, end=start, hint="Quote a value that has a comma."
            )
        found.append(Operand(text=part, start=start, end=start + len(part)))
        start += len(part) + 1
    return found


def _operand(token: Token) -> Operand:
    start, end = _at(token), _at(token) + len(token)
    if token.type in {"QUOTED", "QUOTED_START"}:
        more = token.type == "QUOTED_START"
        text = _unquoted(token.removesuffix("*") if more else token)
        return Operand(text=text, start=start, end=end, quoted=True, more=more)
    return Operand(text=str(token), start=start, end=end)


def _unquoted(text: str) -> str:
    return _ESCAPED.sub(r"\1", text[1:-1])


def _at(token: Token) -> int:
    return token.start_pos or 0


def _syntax(text: str, error: UnexpectedInput) -> QueryError:
    expected = _expected(error)
    start = _place(text, error)
    if start == len(text):
        return QueryError(
            f"The search ends where {expected} was expected", start=start, end=start, hint=_hint(text, start, expected)
        )
    if text[start] == '"':
        return QueryError("The quote that opens here is not closed", start=start, end=len(text))
    return QueryError(
        f"{text[start]!r} stands where {expected} was expected",
        start=start,
        end=start + 1,
        hint=_hint(text, start, expected),
    )


def _place(text: str, error: UnexpectedInput) -> int:
    """Characters before what was not expected; the length of the text where more was."""
    if isinstance(error, UnexpectedToken) and cast("Token", error.token).type != END:  # pyright: ignore[reportUnknownMemberType] - untyped there
        return _at(cast("Token", error.token))  # pyright: ignore[reportUnknownMemberType] - untyped there
    if isinstance(error, UnexpectedCharacters):
        return cast("int", error.pos_in_stream)  # pyright: ignore[reportUnknownMemberType] - untyped there
    return len(text)


def _expected(error: UnexpectedInput) -> str:
    names: set[str] = set()
    if isinstance(error, UnexpectedCharacters):
        names = {str(name) for name in error.allowed or ()}
    elif isinstance(error, UnexpectedToken):
        names = {str(name) for name in error.accepts or error.expected}
    for name, called in _EXPECTED.items():
        if name in names:
            return called
    return "the end"


def _hint(text: str, place: int, expected: str) -> str:
    before = text[:place].rstrip().lower()
    if expected == "a condition or a word" and before.endswith(("or", "and", "not")):
        return "The words or, and, not join conditions; in quotes they are text."
    if expected == "a value":
        return 'As in status:error, model:claude*, user:"a b", latency:1s..3s or provider:(openai, anthropic).'
    return "Text with signs in it stands in quotes."
