"""Values that are valid for a JSON Schema: arguments of tool calls and structured output.

Covers what vendors allow in strict schemas (types, enum, const, properties, items, ranges, lengths,
formats, patterns, anyOf, oneOf, allOf, $ref) and Gemini's spelling of it (`STRING`, `nullable`).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final, cast

from penstock.core.errors import InvalidInput
from penstock.simulator.patterns import sample_pattern

__all__ = ["sample_schema"]

WORDS: Final = ("river", "turbine", "valve", "north", "granite", "signal", "meadow", "copper", "harbour", "lantern")
DEEP: Final = 5
"""Levels below which optional parts are left out, so that a recursive schema ends."""
TOO_DEEP: Final = 40

Schema = Mapping[str, Any]

FORMATS: Final[Mapping[str, Callable[[Random], str]]] = {
    "date-time": lambda r: (
        f"20{r.randint(20, 29)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}T{r.randint(0, 23):02}:30:00Z"
    ),
    "date": lambda r: f"20{r.randint(20, 29)}-{r.randint(1, 12):02}-{r.randint(1, 28):02}",
    "time": lambda r: f"{r.randint(0, 23):02}:{r.randint(0, 59):02}:00Z",
    "duration": lambda r: f"PT{r.randint(1, 59)}M",
    "email": lambda r: f"{r.choice(WORDS)}@example.com",
    "hostname": lambda r: f"{r.choice(WORDS)}.example.com",
    "ipv4": lambda r: f"192.0.2.{r.randint(1, 254)}",
    "ipv6": lambda r: f"2001:db8::{r.randint(1, 9999)}",
    "uuid": lambda r: _uuid(r.getrandbits(128)),
    "uri": lambda r: f"https://example.com/{r.choice(WORDS)}",
}


def _uuid(bits: int) -> str:
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def sample_schema(schema: Schema, random: Random, *, nouns: Sequence[str] = ()) -> Any:
    """A value that the schema allows.

    Args:
        schema: JSON Schema of the value.
        random: Decides where the schema leaves a choice.
        nouns: Words for free strings, so that a question about Paris asks for the weather in Paris.

    Raises:
        InvalidInput: the schema contradicts itself, never ends, or uses what the simulator does not know.
    """
    return _Sampler(schema, random, nouns).value(schema, 0)


class _Sampler:
    def __init__(self, root: Schema, random: Random, nouns: Sequence[str]) -> None:
        self._root = root
        self._random = random
        self._nouns = list(nouns)

    def value(self, schema: Any, depth: int) -> Any:
        if depth > TOO_DEEP:
            raise InvalidInput("The schema never ends: every value needs another of its kind inside.")
        if schema is True or schema is None:
            return self._word()
        if not isinstance(schema, Mapping):
            raise InvalidInput(f"A schema is an object; got {schema!r}.")
        resolved = self._resolve(cast("Schema", schema), depth)
        if "const" in resolved:
            return resolved["const"]
        if resolved.get("enum"):
            return self._random.choice(list(resolved["enum"]))
        makers: dict[str, Callable[[], Any]] = {
            "object": lambda: self._object(resolved, depth),
            "array": lambda: self._array(resolved, depth),
            "string": lambda: self._string(resolved),
            "integer": lambda: self._number(resolved, whole=True),
            "number": lambda: self._number(resolved, whole=False),
            "boolean": lambda: self._random.random() < 0.5,
            "null": lambda: None,
        }
        kind = self._kind(resolved, depth)
        if kind not in makers:
            raise InvalidInput(f"The simulator does not know the schema type {kind!r}.")
        return makers[kind]()

    def _resolve(self, schema: Schema, depth: int) -> Schema:
        """The schema with `$ref`, `allOf`, `anyOf` and `oneOf` worked in."""
        for _ in range(TOO_DEEP):
            if "$ref" in schema:
                rest = {name: value for name, value in schema.items() if name != "$ref"}
                schema = _merge(self._follow(str(schema["$ref"])), rest)
            elif "allOf" in schema:
                rest = {name: value for name, value in schema.items() if name != "allOf"}
                for part in schema["allOf"]:
                    rest = _merge(rest, part)
                schema = rest
            elif "anyOf" in schema or "oneOf" in schema:
                name = "anyOf" if "anyOf" in schema else "oneOf"
                rest = {key: value for key, value in schema.items() if key != name}
                schema = _merge(rest, self._option(schema[name], depth))
            else:
                return schema
        raise InvalidInput("The schema refers to itself without end.")

    def _follow(self, reference: str) -> Schema:
        node: Any = self._root
        if not reference.startswith("#"):
            raise InvalidInput(
                f"The simulator follows references within the schema only (#/$defs/…); got {reference!r}."
            )
        for part in filter(None, reference[1:].split("/")):
            name = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(node, Mapping) or name not in node:
                raise InvalidInput(f"The schema refers to {reference!r}, which is not there.")
            node = cast("Schema", node)[name]
        return cast("Schema", node)

    def _option(self, options: Sequence[Any], depth: int) -> Schema:
        """One of several; deep down the simplest, so that recursion ends."""
        simple = [option for option in options if not _nests(option)]
        if depth >= DEEP and simple:
            return simple[0]
        rich = [option for option in options if option.get("type") != "null"]
        return self._random.choice(rich or list(options))

    def _kind(self, schema: Schema, depth: int) -> str:
        kind = schema.get("type")
        if isinstance(kind, list):
            kinds = [str(name).lower() for name in cast("list[Any]", kind)]
            rich = [name for name in kinds if name != "null"]
            return "null" if "null" in kinds and (depth > DEEP or not rich) else self._random.choice(rich)
        if kind is None:
            if "properties" in schema or "required" in schema:
                return "object"
            return "array" if "items" in schema else _implied(schema)
        return str(kind).lower()

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties: Schema = schema.get("properties") or {}
        required: Sequence[str] = schema.get("required") or ()
        made: dict[str, Any] = {}
        for name, inner in properties.items():
            if name in required or depth < DEEP:
                made[name] = self.value(inner, depth + 1)
        extra = schema.get("additionalProperties", True)
        wanted = [name for name in required if name not in made]
        spare = (f"{WORDS[number % len(WORDS)]}_{number}" for number in range(1000))
        while len(made) + len(wanted) < int(schema.get("minProperties") or 0):
            wanted.append(next(name for name in spare if name not in made and name not in wanted))
        for name in wanted:
            if extra is False:
                raise InvalidInput(f"The schema requires {name!r} and allows no such property.")
            made[name] = self.value(extra, depth + 1)
        return made

    def _array(self, schema: Schema, depth: int) -> list[Any]:
        prefix: Sequence[Any] = schema.get("prefixItems") or ()
        items = schema.get("items", True)
        least = int(schema.get("minItems") or 0)
        most = int(schema["maxItems"]) if schema.get("maxItems") is not None else max(least, len(prefix), 2)
        made = [self.value(inner, depth + 1) for inner in prefix[:most]]
        wanted = least if depth >= DEEP else max(least, min(most, len(prefix) + 1 + self._random.randrange(2)))
        if items is False:
            wanted = min(wanted, len(made))
        attempts = 0
        while len(made) < wanted and attempts < wanted + 200:
            attempts += 1
            value = self.value(items, depth + 1)
            if not schema.get("uniqueItems") or value not in made:
                made.append(value)
        if len(made) < least:
            raise InvalidInput(f"The schema asks for {least} items and allows only {len(made)}.")
        return made

    def _string(self, schema: Schema) -> str:
        pattern, form = schema.get("pattern"), schema.get("format")
        least = int(schema.get("minLength") or 0)
        most = int(schema["maxLength"]) if schema.get("maxLength") is not None else None
        if pattern is not None:
            return sample_pattern(str(pattern), self._random, least=least, most=most)
        if form in FORMATS:
            return FORMATS[str(form)](self._random)
        text = self._word()
        while len(text) < least:
            text += f" {self._random.choice(WORDS)}"
        return text if most is None else text[:most]

    def _number(self, schema: Schema, *, whole: bool) -> float | int:
        low = _bound(schema, "minimum", "exclusiveMinimum", max)
        high = _bound(schema, "maximum", "exclusiveMaximum", min)
        step = schema.get("multipleOf") or (1 if whole else None)
        if step is None:
            return self._real(low, high, schema)
        first = None if low is None else math.ceil(low / step)
        last = None if high is None else math.floor(high / step)
        if first is not None and first * step == schema.get("exclusiveMinimum"):
            first += 1
        if last is not None and last * step == schema.get("exclusiveMaximum"):
            last -= 1
        if first is None:
            first = 1 if last is None else min(1, last - 100)
        last = max(first, first + 99) if last is None else last
        if first > last:
            raise InvalidInput(f"The schema allows no number between {low} and {high}.")
        value = self._random.randint(first, last) * step
        return int(value) if whole else value

    def _real(self, low: float | None, high: float | None, schema: Schema) -> float:
        if low is not None and high is not None and low > high:
            raise InvalidInput(f"The schema allows no number between {low} and {high}.")
        start = (0.0 if high is None else min(0.0, high - 100)) if low is None else low
        end = start + 100 if high is None else high
        value = round(self._random.uniform(start, end), 2)
        forbidden = (schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum"))
        return value if start <= value <= end and value not in forbidden else (start + end) / 2

    def _word(self) -> str:
        return self._nouns.pop(0) if self._nouns else self._random.choice(WORDS)


def _bound(schema: Schema, plain: str, exclusive: str, pick: Callable[[Any], Any]) -> float | None:
    """The tighter of two bounds. The booleans of draft 4 count as absent."""
    found = [
        schema[name]
        for name in (plain, exclusive)
        if isinstance(schema.get(name), int | float) and not isinstance(schema[name], bool)
    ]
    return pick(found) if found else None


def _implied(schema: Schema) -> str:
    if schema.keys() & {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}:
        return "number"
    return "string" if schema.keys() & {"minLength", "maxLength", "pattern", "format"} or schema else "object"


def _nests(schema: Any) -> bool:
    return not isinstance(schema, Mapping) or bool(
        cast("Schema", schema).keys() & {"$ref", "anyOf", "oneOf", "allOf", "properties", "items"}
    )


def _merge(left: Schema, right: Any) -> dict[str, Any]:
    """Both schemas at once: properties and requirements are joined, the tighter bound holds, else the right one."""
    merged = dict(left)
    for name, value in cast("Schema", right).items():
        before = merged.get(name)
        if before is None:
            merged[name] = value
        elif name == "properties":
            both = dict(before)
            for key, inner in value.items():
                both[key] = _merge(both[key], inner) if key in both else inner
            merged[name] = both
        elif name == "required":
            merged[name] = [*before, *(key for key in value if key not in before)]
        elif name in ("minimum", "minLength", "minItems", "exclusiveMinimum"):
            merged[name] = max(before, value)
        elif name in ("maximum", "maxLength", "maxItems", "exclusiveMaximum"):
            merged[name] = min(before, value)
        elif name == "enum":
            merged[name] = [option for option in before if option in value]
        else:
            merged[name] = value
    return merged
