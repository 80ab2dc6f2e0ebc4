"""A rule's text to a rule."""

import re
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple, cast, get_args

from lark import Lark, Token, Transformer
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from penstock.evals.gates.types import Limit, Operator, Rule, RuleError, Unit
from penstock.evals.gates.units import UNITS

__all__ = ["MAX_LENGTH", "parse"]

MAX_LENGTH: Final = 500
_ESCAPED: Final = re.compile(r"\\(.)", re.DOTALL)
_OPERATORS: Final[tuple[Operator, ...]] = get_args(Operator)
_END: Final = "$END"
_EXPECTED: Final = {
    "NAME": "the name of a metric",
    "OPERATOR": "a comparison (>= <= > < ==)",
    "NUMBER": "a number or baseline",
    "FIELD": "the name of a field",
    "WORD": "a value",
    "RPAR": "a closing parenthesis",
    "PLUS": "a unit, + - * / or the end",
    "SLICE": "slice(…)",
}
"""What to call a terminal that could have come, the most telling first."""


def parse(text: str, *, field: str | None = None) -> Rule:
    """The rule that a text holds: `accuracy >= baseline - 1pt`.

    Args:
        text: In the language that docs/statistics.md describes.
        field: Path of the request or file that holds it, for errors.

    Raises:
        RuleError: it cannot be understood; says where and what was expected.
    """
    if len(text) > MAX_LENGTH:
        message = f"A rule has at most {MAX_LENGTH} characters, got {len(text)}."
        raise RuleError(message, start=MAX_LENGTH, end=len(text), field=field)
    try:
        rule = cast("Rule", _grammar().parse(text))  # pyright: ignore[reportUnknownMemberType] - the builder's result
    except RuleError as error:
        error.field = field
        raise
    except UnexpectedInput as error:
        fault = _syntax(text, error)
        fault.field = field
        raise fault from None
    return Rule(
        text=" ".join(text.split()),
        metric=rule.metric,
        operator=rule.operator,
        limit=rule.limit,
        quantile=rule.quantile,
        slice=rule.slice,
    )


class _Amount(NamedTuple):
    """A part of an expression: factor x baseline + offset."""

    factor: float
    offset: float
    unit: Unit | None
    percent: bool
    """Some part of the offset is written with %, which beside the baseline could mean two things."""
    start: int
    end: int


class _Builder(Transformer[Token, Any]):
    """Makes the rule while the parser reads."""

    def plain(self, tokens: list[Token]) -> tuple[str, float | None]:
        return str(tokens[0]), None

    def function(self, tokens: list[Token]) -> tuple[str, float | None]:
        name = tokens[0].lower()
        if name == "mean":
            return str(tokens[1]), None
        quantile = 0.5 if name == "median" else float(name[1:]) / 100
        if quantile <= 0:
            raise RuleError(f"{name} is no percentile.", start=_at(tokens[0]), end=_at(tokens[0]) + len(name))
        return str(tokens[1]), quantile

    def amount(self, tokens: list[Token]) -> _Amount:
        number, start = float(tokens[0]), _at(tokens[0])
        if len(tokens) == 1:
            return _Amount(0.0, number, None, False, start, start + len(tokens[0]))
        unit, size = UNITS[tokens[1].lower()]
        return _Amount(0.0, number * size, unit, tokens[1] == "%", start, _at(tokens[1]) + len(tokens[1]))

    def dollars(self, tokens: list[Token]) -> _Amount:
        return _Amount(0.0, float(tokens[1]), "dollars", False, _at(tokens[0]), _at(tokens[1]) + len(tokens[1]))

    def baseline(self, tokens: list[Token]) -> _Amount:
        return _Amount(1.0, 0.0, None, False, _at(tokens[0]), _at(tokens[0]) + len(tokens[0]))

    def negated(self, parts: tuple[Token, _Amount]) -> _Amount:
        return _scaled(parts[1], -1.0)

    def added(self, parts: tuple[_Amount, Token, _Amount]) -> _Amount:
        left, sign, right = parts
        right = right if sign == "+" else _scaled(right, -1.0)
        start, end = min(left.start, right.start), max(left.end, right.end)
        if left.unit is not None and right.unit is not None and left.unit != right.unit:
            raise RuleError(f"{left.unit} and {right.unit} cannot be added.", start=start, end=end)
        found = _Amount(
            left.factor + right.factor,
            left.offset + right.offset,
            left.unit or right.unit,
            left.percent or right.percent,
            start,
            end,
        )
        if found.percent and found.factor:
            raise RuleError(
                "A percentage beside the baseline could mean points, or a share of it.",
                start=start,
                end=end,
                hint="Write 1pt for a point, or 0.99 * baseline for a share of it.",
            )
        return found

    def multiplied(self, parts: tuple[_Amount, Token, _Amount]) -> _Amount:
        left, _, right = parts
        plain, other = (left, right) if _is_plain(left) else (right, left)
        if not _is_plain(plain):
            raise RuleError(
                "One side of a product has to be a plain number.",
                start=min(left.start, right.start),
                end=max(left.end, right.end),
            )
        return _scaled(other, plain.offset)._replace(start=left.start, end=right.end)

    def divided(self, parts: tuple[_Amount, Token, _Amount]) -> _Amount:
        left, _, right = parts
        if not _is_plain(right) or not right.offset:
            raise RuleError("What divides has to be a plain number, not 0.", start=right.start, end=right.end)
        return _scaled(left, 1 / right.offset)._replace(end=right.end)

    def pair(self, tokens: list[Token]) -> tuple[str, str]:
        value = tokens[1]
        return str(tokens[0]), _ESCAPED.sub(r"\1", value[1:-1]) if value.type == "QUOTED" else str(value)

    def slice(self, parts: list[Any]) -> tuple[tuple[str, str], ...]:
        return tuple(cast("tuple[str, str]", part) for part in parts if not isinstance(part, Token))

    def start(self, parts: list[Any]) -> Rule:
        metric, quantile = cast("tuple[str, float | None]", parts[0])
        limit = cast("_Amount", parts[2])
        sign = str(parts[1])
        operator: Operator = next(one for one in _OPERATORS if one == sign)
        return Rule(
            text="",
            metric=metric,
            operator=operator,
            limit=Limit(factor=limit.factor, offset=limit.offset, unit=limit.unit),
            quantile=quantile,
            slice=parts[3] if len(parts) > 3 else (),
        )


def _is_plain(amount: _Amount) -> bool:
    """A number without a unit, or a percentage: 110% * baseline."""
    return amount.factor == 0 and (amount.unit is None or amount.percent)


def _scaled(amount: _Amount, by: float) -> _Amount:
    return amount._replace(factor=amount.factor * by, offset=amount.offset * by)


@cache
def _grammar() -> Lark:
    grammar = Path(__file__).with_name("grammar.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", transformer=_Builder())


def _at(token: Token) -> int:
    return token.start_pos or 0


def _syntax(text: str, error: UnexpectedInput) -> RuleError:
    names: set[str] = set()
    start = len(text)
    if isinstance(error, UnexpectedCharacters):
        names = {str(name) for name in error.allowed or ()}
        start = cast("int", error.pos_in_stream)  # pyright: ignore[reportUnknownMemberType] - untyped there
    elif isinstance(error, UnexpectedToken):
        names = {str(name) for name in error.accepts or error.expected}
        token = cast("Token", error.token)  # pyright: ignore[reportUnknownMemberType] - untyped there
        start = len(text) if token.type == _END else _at(token)
    expected = next((called for name, called in _EXPECTED.items() if name in names), "the end")
    hint = "As in accuracy >= baseline - 1pt, p95_latency <= 3s or schema_valid == 100%."
    if start >= len(text):
        return RuleError(f"The rule ends where {expected} was expected.", start=len(text), end=len(text), hint=hint)
    return RuleError(
        f"{text[start]!r} stands where {expected} was expected, at character {start + 1}.",
        start=start,
        end=start + 1,
        hint=hint,
    )
