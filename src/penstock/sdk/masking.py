"""Masking: what is taken out of every text before it leaves the process.

A mask is a function from text to text, or a list of patterns: regular expressions of your own, and those of this
module, each of which is replaced by its name in brackets.
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from penstock.core.errors import InvalidInput

__all__ = ["CARDS", "EMAILS", "KEYS", "PERSONAL", "PHONES", "Mask", "Masker", "Masking", "Pattern"]

logger = logging.getLogger("penstock")

Mask = Callable[[str], str]
FAILED = "[mask failed]"
"""Stands for a value on which the mask raised."""


class Pattern(NamedTuple):
    """What to find, and what to write in its place."""

    expression: re.Pattern[str]
    replacement: str
    holds: Callable[[str], bool] | None = None
    """Asked of what was found; False leaves it as it is."""

    def apply(self, text: str) -> str:
        holds = self.holds
        if holds is None:
            return self.expression.sub(lambda _: self.replacement, text)
        return self.expression.sub(lambda found: self.replacement if holds(found[0]) else found[0], text)


def _passes_luhn(text: str) -> bool:
    """The check digit of card numbers (ISO/IEC 7812-1, annex B)."""
    digits = [int(character) for character in text if character.isdigit()]
    if len(set(digits)) == 1:
        return False
    doubled = [sum(divmod(digit * 2, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


# Each run is bounded, so that a search takes time in proportion to the text, whatever it is.
EMAILS = Pattern(
    re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}(?![\w-])"), "[email]"
)
PHONES = Pattern(
    re.compile(
        r"(?<![\w+.-])(?:"
        r"\+\d(?:[ ./()-]{0,3}\d){6,14}"  # international
        r"|\(0?\d{2,5}\)[ ./-]?\d{3,4}[ ./-]?\d{3,5}"  # (030) 1234 5678
        r"|0\d{1,4}[ /-]\d{3,4}[ /-]?\d{3,5}"  # 030 1234 5678
        r"|[2-9]\d{2}[ .-]\d{3}[ .-]\d{4}"  # 415-555-0132
        r")(?![\w-])",
        re.ASCII,
    ),
    "[phone]",
)
CARDS = Pattern(re.compile(r"(?<![\w.-])\d(?:[ -]?\d){12,18}(?![\w-])", re.ASCII), "[card]", _passes_luhn)
KEYS = Pattern(
    re.compile(
        r"\b(?:"
        r"(?:sk|pk|rk|psk|whsec)[-_][A-Za-z0-9_-]{16,200}"  # OpenAI, Anthropic, Stripe, Penstock
        r"|gh[opsur]_[A-Za-z0-9]{30,255}|github_pat_\w{30,255}"
        r"|(?:AKIA|ASIA)[0-9A-Z]{16}"
        r"|AIza[0-9A-Za-z_-]{35}"
        r"|hf_[A-Za-z0-9]{30,60}"
        r"|xox[abeprs]-[A-Za-z0-9-]{10,255}"
        r"|eyJ[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,4000}\.[A-Za-z0-9_-]{10,1000}"  # JSON Web Token
        r")|(?i:\bbearer\s{1,8})[A-Za-z0-9._~+/=-]{16,4000}"
        r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]{0,10000}(?:-----END [A-Z ]{0,30}PRIVATE KEY-----)?"
    ),
    "[key]",
)
PERSONAL: tuple[Pattern, ...] = (KEYS, EMAILS, CARDS, PHONES)
"""All of them, in the order in which they do not get into each other's way."""

Masking = Mask | Iterable[str | re.Pattern[str] | Pattern]
"""What `init(mask=…)` takes."""


class Masker:
    """Masks texts, and the values that spans carry.

    Args:
        masking: A function, or patterns: of this module, or regular expressions whose finds become `[masked]`.

    Raises:
        InvalidInput: `mask_invalid`: neither, or an expression that does not compile.
    """

    def __init__(self, masking: Masking) -> None:
        self._mask = masking if callable(masking) else _by_patterns([_pattern(entry) for entry in _entries(masking)])
        self.failures = 0
        """Texts on which the mask raised, which were dropped."""

    def text(self, text: str) -> str:
        """The masked text. A mask that fails, or gives no text, costs the value and not the program."""
        try:
            masked = cast("object", self._mask(text))
        except Exception as error:  # noqa: BLE001 - the boundary: a mask is anybody's code
            # Without the message, which may quote what was to be masked.
            self._failed(type(error).__name__)
            return FAILED
        if not isinstance(masked, str):
            self._failed(f"it gave {type(masked).__name__}, not str")
            return FAILED
        return masked

    def value(self, value: Any) -> Any:
        """An attribute's value with every text in it masked: a text, a sequence or a mapping of values."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {key: self.value(entry) for key, entry in cast("Mapping[str, Any]", value).items()}
        if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
            return [self.value(entry) for entry in cast("Sequence[Any]", value)]
        return value

    def _failed(self, reason: str) -> None:
        self.failures += 1
        if self.failures & (self.failures - 1) == 0:
            logger.warning("the mask failed %d times so far (%s); the values were dropped", self.failures, reason)


def _entries(masking: Any) -> list[Any]:
    kind = type(masking).__name__
    if isinstance(masking, str | re.Pattern | Pattern) or not isinstance(masking, Iterable):
        raise InvalidInput(
            f"A mask is a function or a list of patterns, got {kind}.",
            field="mask",
            hint="As mask=[penstock.masking.EMAILS, r'ticket-\\d+'].",
            code="mask_invalid",
        )
    return list(cast("Iterable[Any]", masking))


def _pattern(entry: Any) -> Pattern:
    if isinstance(entry, Pattern):
        return entry
    if isinstance(entry, re.Pattern):
        return Pattern(cast("re.Pattern[str]", entry), "[masked]")
    if isinstance(entry, str):
        try:
            return Pattern(re.compile(entry), "[masked]")
        except re.error as error:
            raise InvalidInput(
                f"The mask {entry!r} is no regular expression: {error}.", field="mask", code="mask_invalid"
            ) from error
    raise InvalidInput(
        f"A pattern of a mask is a regular expression or one of penstock.masking, got {type(entry).__name__}.",
        field="mask",
        code="mask_invalid",
    )


def _by_patterns(patterns: list[Pattern]) -> Mask:
    def mask(text: str) -> str:
        for pattern in patterns:
            text = pattern.apply(text)
        return text

    return mask
