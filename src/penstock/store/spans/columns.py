"""The columns of a span, in the order of `wire.span.Span`, and what their values are."""

from typing import Literal, get_args

import msgspec

from penstock.wire.span import Kind, Source, Span, Status

__all__ = ["BY_NAME", "COLUMNS", "USAGE", "Column", "Form"]

Form = Literal["text", "choice", "integer", "boolean", "json", "tags", "list", "trace_id", "span_id", "digest"]
"""What a value is: `choice` is text out of a fixed set; `trace_id`, `span_id` and `digest` are hex of
16, 8 and 16 bytes, stored as numbers because random hex does not compress."""


class Column(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    form: Form
    required: bool = False
    """A line without it is malformed."""
    default: bool | int | str | None = None
    """What an absent value means, when that is not null."""
    choices: tuple[str, ...] = ()
    small: bool = False
    """An integer that fits 32 bits."""


USAGE = (
    "usage_input",
    "usage_cache_read",
    "usage_cache_write",
    "usage_output",
    "usage_reasoning",
    "usage_input_audio",
    "usage_output_audio",
    "usage_input_image",
    "usage_output_image",
)
"""The disjoint buckets; a span's tokens are their sum."""

_FORMS: dict[str, Form] = {
    "trace_id": "trace_id",
    "span_id": "span_id",
    "parent_id": "span_id",
    "fingerprint": "digest",
    "kind": "choice",
    "source": "choice",
    "status": "choice",
    "tags": "tags",
    "finish_reasons": "list",
    "call": "boolean",
    "covered": "boolean",
    "stream": "boolean",
    "usage_estimated": "boolean",
    "usage_raw": "json",
    "input": "json",
    "output": "json",
    "attributes": "json",
    **dict.fromkeys((*USAGE, "started", "duration", "ttft", "http_status", "cost", "saved"), "integer"),
}
_CHOICES = {"kind": get_args(Kind), "source": get_args(Source), "status": get_args(Status)}
_SMALL = {"http_status", *USAGE}


def _column(field: msgspec.structs.FieldInfo) -> Column:
    name = field.name
    default = None if field.default is msgspec.NODEFAULT else field.default
    return Column(
        name=name,
        form=_FORMS.get(name, "text"),
        required=field.required,
        default=default,
        choices=_CHOICES.get(name, ()),
        small=name in _SMALL,
    )


COLUMNS = tuple(_column(field) for field in msgspec.structs.fields(Span))
BY_NAME = {column.name: column for column in COLUMNS}
