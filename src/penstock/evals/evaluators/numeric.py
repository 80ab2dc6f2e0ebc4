"""Whether the number that an answer ends on is the right one."""

import math
import re
from collections import deque
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Final, Literal, NamedTuple, cast

from penstock.core.errors import InvalidInput
from penstock.evals.evaluators.definition import CodeDefinition, Found
from penstock.evals.evaluators.types import Item, Unscored, Verdict

__all__ = ["Number", "Numeric", "answer_of", "numbers_in"]

Take = Literal["auto", "last", "first", "marked"]
_DIGITS: Final = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
_NUMBER: Final = re.compile(
    rf"(?P<sign>(?<![\w)\]])[-−–]\s?)?[$€£¥]?\s?(?P<inner>(?<=[$€£¥])[-−])?"
    rf"(?:\\frac\{{(?P<top>\d+)\}}\{{(?P<bottom>\d+)\}}"
    rf"|(?P<whole>\d+)\s+(?P<num>\d+)/(?P<den>\d+)(?![\d/])"
    rf"|(?P<number>{_DIGITS})(?:[eE](?P<exponent>[+-]?\d{{1,3}}))?(?:\s?/\s?(?P<over>\d+(?:\.\d+)?)(?![\d/]))?"
    r"|(?P<vulgar>[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞]))"
    r"(?P<suffix>\s?(?:%|percent\b|(?:thousand|million|billion|trillion)\b)|[kKMB](?![\w&]))?"
)
_MARKS: Final = (
    re.compile(r"####[ \t]*([^\n]+)"),
    re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}"),
)
_MULTIPLES: Final = {
    "k": 10**3, "thousand": 10**3, "m": 10**6, "million": 10**6,
    "b": 10**9, "billion": 10**9, "trillion": 10**12,
}  # fmt: skip
_VULGAR: Final = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5),
    "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip
_SPACED: Final = re.compile(r"(?<=\d)[\u00a0\u202f\u2009'’](?=\d{3}(?!\d))")
_COMMA: Final = re.compile(r"\d+(?:\.\d{3})*(?:,\d+)?")
_LONGEST: Final = 60
"""Characters of a number; longer digits are no quantity."""
_EXACT: Final = 10**15
"""Whole numbers below this are shown with all digits."""


class Numeric(CodeDefinition, frozen=True, kw_only=True, tag="numeric"):
    r"""Whether the answer's number equals the reference's.

    The number is the one after the last `####` (GSM8K's mark), else the last `\boxed{}`, else the last in the text.
    Thousands separators, currency signs, fractions, exponents, `k`, `million` and trailing units are understood.
    """

    take: Take = "auto"
    """`last` and `first` ignore marks; `marked` takes nothing else."""
    tolerance: float = 0.0
    """Absolute, in the number's own unit."""
    relative: float = 0.0
    """As a share of the reference: 0.01 allows 1 %."""
    percent: Literal["number", "share"] = "number"
    """What 50% is: 50, or 0.5."""
    decimal_comma: bool = False
    """`1.234,5` is 1234.5."""
    form: Literal["value", "written"] = "value"
    """`written` takes `57.00` for another answer than `57`, as harnesses do that compare digits."""

    def compile(self) -> Callable[[Item], Found]:
        for field, value in (("tolerance", self.tolerance), ("relative", self.relative)):
            if not (math.isfinite(value) and value >= 0):
                raise InvalidInput(f"Expected 0 or more, got {value:g}.", field=field)

        def judge(item: Item) -> Verdict:
            expected = self._expected(item.reference)
            found = self._read(item.output, self.take)
            if found is None:
                return Verdict(False, "There is no number in the answer.")
            allowed = max(Fraction(self.tolerance), Fraction(self.relative) * abs(expected.value))
            right = abs(found.value - expected.value) <= allowed
            if self.form == "written":
                right = right and found.decimals == expected.decimals
            reason = None if right else f"Found {found.shown}, expected {expected.shown}."
            return Verdict(right, reason, found.shown)

        return judge

    def _expected(self, reference: object) -> "Number":
        if isinstance(reference, int | float) and not isinstance(reference, bool) and math.isfinite(reference):
            value = Fraction(str(reference))
            return Number(value, 0 if value.denominator == 1 else len(f"{reference:f}".partition(".")[2].rstrip("0")))
        if isinstance(reference, str):
            found = self._read(reference, "auto")
            if found is not None:
                return found
        raise Unscored("The item has no reference that is a number.")

    def _read(self, text: str, take: Take) -> "Number | None":
        return answer_of(text, take=take, shares=self.percent == "share", decimal_comma=self.decimal_comma)


class Number(NamedTuple):
    """A number as it stands in a text."""

    value: Fraction
    decimals: int
    """Digits after the point, as they are written."""

    @property
    def shown(self) -> str:
        whole = self.value.denominator == 1 and abs(self.value) < _EXACT
        return f"{int(self.value)}.{'0' * self.decimals}" if whole and self.decimals else _shown(self.value)


def answer_of(text: str, *, take: Take = "auto", shares: bool = False, decimal_comma: bool = False) -> Number | None:
    """The number that a text gives as its answer; None where it has none."""
    if take in {"auto", "marked"}:
        for mark in _MARKS:
            places = mark.findall(text)
            found = next(numbers_in(places[-1], shares=shares, decimal_comma=decimal_comma), None) if places else None
            if found is not None:
                return found
        if take == "marked":
            return None
    numbers = numbers_in(text, shares=shares, decimal_comma=decimal_comma)
    if take == "first":
        return next(numbers, None)
    last = deque(numbers, maxlen=1)
    return last[0] if last else None


def numbers_in(text: str, *, shares: bool = False, decimal_comma: bool = False) -> Iterator[Number]:
    """All numbers of a text, in order.

    Args:
        text: Any.
        shares: `50%` is 1/2; else 50.
        decimal_comma: The comma separates decimals and the dot thousands.
    """
    text = _SPACED.sub("", text)
    if decimal_comma:
        text = _COMMA.sub(lambda one: one[0].replace(".", "").replace(",", "."), text)
    for match in _NUMBER.finditer(text):
        if len(match[0]) > _LONGEST:
            continue
        value = _value(match)
        if value is None:
            continue
        suffix = (match["suffix"] or "").strip().lower()
        value *= _MULTIPLES.get(suffix, 1)
        if shares and suffix in {"%", "percent"}:
            value /= 100
        decimals = len((match["number"] or "").partition(".")[2])
        yield Number(-value if match["sign"] or match["inner"] else value, decimals)


def _value(match: re.Match[str]) -> Fraction | None:
    parts = match.groupdict()
    if parts["vulgar"]:
        return Fraction(*_VULGAR[cast("str", parts["vulgar"])])
    if parts["bottom"]:
        return _divided(Fraction(parts["top"]), Fraction(parts["bottom"]))
    if parts["den"]:
        part = _divided(Fraction(parts["num"]), Fraction(parts["den"]))
        return None if part is None else Fraction(parts["whole"]) + part
    try:
        number = Fraction(Decimal(parts["number"].replace(",", "")))
    except InvalidOperation:
        return None
    if parts["exponent"]:
        number *= Fraction(10) ** int(parts["exponent"])
    return number if parts["over"] is None else _divided(number, Fraction(parts["over"]))


def _divided(top: Fraction, bottom: Fraction) -> Fraction | None:
    return top / bottom if bottom else None


def _shown(number: Fraction) -> str:
    """Short and exact where it can be."""
    if number.denominator == 1 and abs(number) < _EXACT:
        return str(number.numerator)
    try:
        return f"{float(number):.12g}"
    except OverflowError:
        return f"about 10^{len(str(abs(number.numerator))) - len(str(number.denominator))}"
