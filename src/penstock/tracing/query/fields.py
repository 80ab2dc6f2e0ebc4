"""The fields that a search may name: what they are called, what their values are, in which unit they are written."""

import difflib
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from penstock.core.errors import InvalidInput
from penstock.store.spans.columns import BY_NAME, Form

__all__ = ["ALIASES", "FIELDS", "OPERATORS", "PREFIXES", "Comparison", "Field", "Values", "field_of", "nearest"]

Values = Literal[
    "text",
    "choice",
    "boolean",
    "count",
    "score",
    "attribute",
    "duration",
    "money",
    "time",
    "words",
    "json",
    "names",
    "id",
]
"""What is written after a field: `names` are those of tags and the reasons of an end, `words` is text to search for,
`id` hex digits; a score is a number or a label, an attribute a number or text."""
Comparison = Literal[":", "=", "!=", ">", ">=", "<", "<=", "~"]

PREFIXES = ("tags.", "attributes.", "score.")
"""What a name of the user's own follows."""
OPERATORS: dict[Values, tuple[Comparison, ...]] = {
    "text": (":", "=", "!=", "~"),
    "choice": (":", "=", "!=", "~"),
    "boolean": (":", "=", "!="),
    "count": (":", "=", "!=", ">", ">=", "<", "<="),
    "score": (":", "=", "!=", ">", ">=", "<", "<=", "~"),
    "attribute": (":", "=", "!=", ">", ">=", "<", "<=", "~"),
    "duration": (":", "=", "!=", ">", ">=", "<", "<="),
    "money": (":", "=", "!=", ">", ">=", "<", "<="),
    "time": (":", ">", ">=", "<", "<="),
    "words": (":", "~"),
    "json": (":", "~"),
    "names": (":", "~"),
    "id": (":", "=", "!=", "~"),
}
"""What may stand between a field and its value."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One name of the language."""

    name: str
    """As it is written, and as the store calls it."""
    values: Values
    about: str
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()

    @property
    def operators(self) -> tuple[Comparison, ...]:
        return OPERATORS[self.values]


_BY_FORM: dict[Form, Values] = {
    "text": "text",
    "choice": "choice",
    "integer": "count",
    "boolean": "boolean",
    "json": "json",
    "tags": "names",
    "list": "names",
    "trace_id": "id",
    "span_id": "id",
    "digest": "id",
}
_VALUES: dict[str, Values] = {
    "started": "time",
    "duration": "duration",
    "ttft": "duration",
    "cost": "money",
    "saved": "money",
    "input": "words",
    "output": "words",
}
_ABOUT = {
    "project": "the project's id",
    "trace_id": "32 hex digits",
    "span_id": "16 hex digits",
    "parent_id": "id of the span above",
    "name": "the span's name",
    "kind": "what the work was",
    "call": "a call to the gateway",
    "source": "who reported it: the gateway, or an application",
    "service": "name of the application that sent it",
    "covered": "a model call that spans below it tell of",
    "started": "date or time of the start, UTC",
    "duration": "from the first byte to the last",
    "ttft": "time to the first token of a stream",
    "status": "how it ended",
    "error_type": "what kind of error",
    "error_message": "what the error said",
    "http_status": "status that the caller was given; 5xx for all of a hundred",
    "operation": "chat, responses, embeddings, messages …",
    "stream": "the answer was streamed",
    "route": "the route or alias that the caller named",
    "variant": "the variant that answered",
    "change": "the change that served it",
    "provider": "who was asked",
    "target_model": "the model that the provider was asked for",
    "requested_model": "the model that the caller named",
    "served_model": "the model that the provider says it ran",
    "prompt_name": "name of the prompt",
    "prompt_version": "version of the prompt",
    "session": "the conversation it belongs to",
    "user": "the end user: the id, or the hash that stands for it",
    "key": "the key's name or id",
    "tags": "there is a tag of this name",
    "usage_input": "tokens of the input that no cache held",
    "usage_cache_read": "tokens read from the provider's cache",
    "usage_cache_write": "tokens written to the provider's cache",
    "usage_output": "visible tokens of the output",
    "usage_reasoning": "tokens of reasoning",
    "usage_input_audio": "tokens of audio in the input",
    "usage_output_audio": "tokens of audio in the output",
    "usage_input_image": "tokens of images in the input",
    "usage_output_image": "tokens of images in the output",
    "usage_estimated": "tokens were counted here, for the provider reported none",
    "usage_raw": "the provider's own usage object",
    "cost": "dollars",
    "price_version": "the price list it was priced with",
    "cache": "outcome of Penstock's cache: hit, miss, joined",
    "saved": "dollars that a hit would have cost",
    "fingerprint": "the same input has the same, 32 hex digits",
    "finish_reasons": "why an answer ended: stop, length, tool_calls …",
    "input": "words of what was asked",
    "output": "words of what was answered",
    "attributes": "text anywhere in the attributes",
}
_ALIASES: dict[str, tuple[str, ...]] = {
    "trace_id": ("trace",),
    "span_id": ("span",),
    "parent_id": ("parent",),
    "service": ("app", "service.name"),
    "started": ("time", "date"),
    "duration": ("latency",),
    "error_type": ("error",),
    "error_message": ("message",),
    "requested_model": ("requested",),
    "served_model": ("served",),
    "target_model": ("target",),
    "prompt_name": ("prompt",),
    "session": ("conversation",),
    "finish_reasons": ("finish_reason", "finish"),
    "usage_input": ("input_tokens", "usage.input"),
    "usage_cache_read": ("usage.cache_read",),
    "usage_cache_write": ("usage.cache_write",),
    "usage_output": ("output_tokens", "usage.output"),
    "usage_reasoning": ("reasoning_tokens", "usage.reasoning"),
    "usage_estimated": ("usage.estimated",),
    "usage_total": ("tokens", "usage", "usage.total"),
}
_PREFIX_ALIASES = {"tag.": "tags.", "attr.": "attributes.", "attribute.": "attributes.", "scores.": "score."}
_HIDDEN = frozenset({"project"})


def _fields() -> dict[str, Field]:
    found = [
        Field(
            name=column.name,
            values=_VALUES.get(column.name, _BY_FORM[column.form]),
            about=_ABOUT[column.name],
            aliases=_ALIASES.get(column.name, ()),
            choices=column.choices,
        )
        for column in BY_NAME.values()
        if column.name not in _HIDDEN
    ]
    found += [
        Field(
            name="model", values="text", about="provider/model that was asked, or the model alone, whoever serves it"
        ),
        Field(name="usage_total", values="count", about="all tokens", aliases=_ALIASES["usage_total"]),
        Field(name="text", values="words", about="words of what was asked or answered"),
    ]
    return {field.name: field for field in found}


FIELDS = _fields()
"""By name. Beside these there are `tags.<name>`, `attributes.<path>` and `score.<name>`."""
ALIASES = {alias: field.name for field in FIELDS.values() for alias in field.aliases}
_OWN: dict[str, tuple[Values, str]] = {
    "tags.": ("text", "a tag"),
    "attributes.": ("attribute", "an attribute: number or text"),
    "score.": ("score", "a score: number or label"),
}


def field_of(given: str) -> Field:
    """The field of this name or alias.

    Raises:
        InvalidInput: there is none; the hint names the nearest.
    """
    name = ALIASES.get(given, given)
    lowered = given.lower()
    name = ALIASES.get(lowered, lowered) if name not in FIELDS and lowered in {*ALIASES, *FIELDS} else name
    if name in FIELDS:
        return FIELDS[name]
    head, dot, rest = name.partition(".")
    prefix = _PREFIX_ALIASES.get(head.lower() + dot, head.lower() + dot)
    if prefix in _OWN and rest:
        values, about = _OWN[prefix]
        return Field(name=prefix + rest, values=values, about=about)
    known = (*FIELDS, *ALIASES, *PREFIXES)
    raise InvalidInput(f"There is no field {given[:64]!r}", hint=nearest(given, known, write_out=False))


def nearest(word: str, known: Iterable[str], *, write_out: bool = True) -> str:
    """A hint: the known word that is most like this one, else all of them when there are few."""
    options: Sequence[str] = list(known)
    close = difflib.get_close_matches(word, options, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    if write_out:
        return f"There are {', '.join(options)}."
    return "GET /api/v1/query/fields lists them; text to search for stands in quotes."
