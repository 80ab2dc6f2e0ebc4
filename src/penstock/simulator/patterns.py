"""Strings that match a regular expression, for the `pattern` of a JSON Schema.

Knows literals, escapes, classes, groups, alternatives and quantifiers: what schemas use. No
look-around, no back references.
"""

import re
import warnings
from random import Random
from typing import Final

from penstock.core.errors import InvalidInput

__all__ = ["sample_pattern"]

ATTEMPTS: Final = 100
MORE: Final = 3
"""How often an open quantifier (`*`, `+`, `{2,}`) repeats beyond its minimum at most, at first."""

_LOWER, _UPPER, _DIGITS = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"
_CLASSES: Final = {"d": _DIGITS, "w": _LOWER + _UPPER + _DIGITS + "_", "s": " "}
_PRINTABLE: Final = "".join(chr(code) for code in range(32, 127))
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r"}


def sample_pattern(pattern: str, random: Random, *, least: int = 0, most: int | None = None) -> str:
    """A string of `least` to `most` characters in which the pattern is found.

    Raises:
        InvalidInput: not a regular expression, one that the simulator cannot follow, or none of that length.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            expression = re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise InvalidInput(f"The schema's pattern {pattern!r} is no regular expression: {error}.") from error
    for attempt in range(ATTEMPTS):
        more = MORE + (attempt * max(least, MORE)) // 10
        text = _Reader(pattern, random, more).read()
        if len(text) < least and not pattern.endswith("$"):
            text += "".join(random.choice(_LOWER) for _ in range(least - len(text)))
        if len(text) >= least and (most is None or len(text) <= most) and expression.search(text):
            return text
    raise InvalidInput(f"The simulator found no string of the right length for the pattern {pattern!r}.")


class _Reader:
    """Reads a pattern once, from left to right, and writes one string that it describes."""

    def __init__(self, pattern: str, random: Random, more: int) -> None:
        self._pattern = pattern
        self._at = 0
        self._random = random
        self._more = more

    def read(self) -> str:
        return self._alternatives()

    def _peek(self) -> str:
        return self._pattern[self._at : self._at + 1]

    def _take(self) -> str:
        character = self._peek()
        self._at += 1
        return character

    def _alternatives(self) -> str:
        options = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            options.append(self._sequence())
        return self._random.choice(options)

    def _sequence(self) -> str:
        parts: list[str] = []
        while self._peek() not in ("", "|", ")"):
            parts.append(self._repeated())
        return "".join(parts)

    def _repeated(self) -> str:
        start = self._at
        first = self._atom()
        low, high = self._quantifier()
        times = self._random.randint(low, max(low, high))
        if times == 0:
            return ""
        after = self._at
        made = [first]
        for _ in range(times - 1):
            self._at = start
            made.append(self._atom())
        self._at = after
        return "".join(made)

    def _quantifier(self) -> tuple[int, int]:
        symbol = self._peek()
        bounds = re.compile(r"\{(\d+|(?=,))(,?)(\d*)\}").match(self._pattern, self._at)
        if symbol and symbol in "*+?":
            self._at += 1
            low, high = (1 if symbol == "+" else 0), (1 if symbol == "?" else self._more)
        elif bounds:
            self._at = bounds.end()
            low = int(bounds[1] or 0)
            high = int(bounds[3]) if bounds[3] else (low + self._more if bounds[2] else low)
            high = min(high, low + 10 * self._more)
        else:
            return 1, 1
        if self._peek() in ("?", "+"):
            self._at += 1
        return low, high

    def _atom(self) -> str:
        character = self._take()
        if character in ("^", "$"):
            return ""
        if character == "(":
            return self._group()
        if character == "[":
            return self._random.choice(self._class())
        if character == "\\":
            return self._escape(self._take())
        return self._random.choice(_LOWER) if character == "." else character

    def _group(self) -> str:
        if self._peek() == "?":
            opening = re.compile(r"\?(?::|P?<[A-Za-z_]\w*>)").match(self._pattern, self._at)
            if opening is None:
                raise InvalidInput(f"The simulator does not follow look-around in the pattern {self._pattern!r}.")
            self._at = opening.end()
        text = self._alternatives()
        self._at += 1
        return text

    def _escape(self, character: str) -> str:
        if character in _CLASSES:
            return self._random.choice(_CLASSES[character])
        if character in ("D", "W", "S"):
            return self._random.choice(_without(_CLASSES[character.lower()]))
        if character in ("b", "B", "A", "Z", "z"):
            return ""
        if character in ("x", "u"):
            return chr(int(self._code(character), 16))
        return _CONTROLS.get(character, character)

    def _code(self, character: str) -> str:
        length = 2 if character == "x" else 4
        code = self._pattern[self._at : self._at + length]
        self._at += length
        return code

    def _class(self) -> str:
        """The characters of `[…]`, whose opening bracket was read."""
        negated = self._peek() == "^"
        self._at += negated
        members = ""
        first = True
        while self._peek() and (first or self._peek() != "]"):
            first = False
            members += self._member()
        self._at += 1
        chosen = _without(members) if negated else members
        if not chosen:
            raise InvalidInput(f"The pattern {self._pattern!r} has a class without a printable character.")
        return chosen

    def _member(self) -> str:
        low = self._single()
        if len(low) != 1 or self._peek() != "-" or self._pattern[self._at + 1 : self._at + 2] in ("]", ""):
            return low
        self._at += 1
        high = self._single()
        return "".join(chr(code) for code in range(ord(low), min(ord(high), ord(low) + 500) + 1))

    def _single(self) -> str:
        character = self._take()
        if character != "\\":
            return character
        name = self._take()
        if name in _CLASSES:
            return _CLASSES[name]
        if name in ("D", "W", "S"):
            return _without(_CLASSES[name.lower()])
        return "\b" if name == "b" else self._escape(name)


def _without(members: str) -> str:
    return "".join(character for character in _PRINTABLE if character not in members)
