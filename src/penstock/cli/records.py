"""Records of the control API, as far as the command line shows them to a person.

`--json` prints what the console sent, field by field; these are only for tables.
"""

from typing import Any, Generic, TypeVar

import msgspec

from penstock.core.errors import Unavailable

__all__ = [
    "CallRow",
    "CallUsage",
    "DefinitionRow",
    "KeyRow",
    "KeySecret",
    "Page",
    "ProjectRow",
    "ProposalRow",
    "RotationRow",
    "SecretRow",
    "SigninLink",
    "SpanRow",
    "decode",
]

Record = TypeVar("Record")


class Page(msgspec.Struct, Generic[Record]):
    items: list[Record]
    next_cursor: str | None = None


class ProjectRow(msgspec.Struct):
    id: str
    name: str
    created: int | None = None


class KeyRow(msgspec.Struct):
    id: str
    name: str
    prefix: str
    status: str
    project: str = ""
    scopes: list[str] = []
    models: list[str] = []
    created: int | None = None
    expires: int | None = None
    last_used: int | None = None


class KeySecret(KeyRow, kw_only=True):
    secret: str


class DefinitionRow(msgspec.Struct):
    """A route or a limit."""

    name: str
    source: str
    definition: dict[str, Any]
    project: str | None = None
    file: str | None = None
    line: int | None = None
    served: bool = True
    problem: str | None = None
    updated: int | None = None
    updated_by: str | None = None


class ProblemRow(msgspec.Struct):
    message: str
    field: str | None = None
    hint: str | None = None


class ProposalRow(msgspec.Struct):
    """What writing a route or a limit would do."""

    valid: bool
    problems: list[ProblemRow] = []
    differences: list[dict[str, Any]] = []


class SecretRow(msgspec.Struct):
    name: str
    origins: list[str] = []
    updated: int | None = None
    updated_by: str = ""
    master_key: str = ""
    used_by: list[str] = []


class RotationRow(msgspec.Struct):
    master_key: str
    resealed: int
    kept: list[str] = []


class SigninLink(msgspec.Struct):
    url: str
    expires: int


class CallUsage(msgspec.Struct):
    input: int = 0
    cache_read: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0
    total: int = 0
    estimated: bool = False


class CallRow(msgspec.Struct):
    """One call, as the list and the tail send it."""

    trace_id: str
    span_id: str
    started: int
    status: str
    name: str = ""
    duration: int = 0
    ttft: int | None = None
    error_type: str | None = None
    http_status: int | None = None
    provider: str | None = None
    requested_model: str | None = None
    served_model: str | None = None
    key_name: str | None = None
    usage: CallUsage = msgspec.field(default_factory=CallUsage)
    cost: int | None = None
    input_preview: str | None = None
    output_preview: str | None = None


class SpanRow(msgspec.Struct):
    """One span of a trace, as `GET /traces/{id}` sends it."""

    span_id: str
    name: str
    kind: str
    started: int
    parent_id: str | None = None
    call: bool = False
    duration: int = 0
    ttft: int | None = None
    status: str = "ok"
    error_type: str | None = None
    error_message: str | None = None
    http_status: int | None = None
    operation: str = ""
    route: str | None = None
    provider: str | None = None
    requested_model: str | None = None
    served_model: str | None = None
    session: str | None = None
    user: str | None = None
    key_name: str | None = None
    tags: dict[str, str] = {}
    usage_input: int = 0
    usage_cache_read: int = 0
    usage_cache_write: int = 0
    usage_output: int = 0
    usage_reasoning: int = 0
    usage_estimated: bool = False
    cost: int | None = None
    price_version: str | None = None
    input: Any = None
    output: Any = None


def decode(data: bytes, kind: type[Record]) -> Record:
    """The console's answer as a record.

    Raises:
        Unavailable: it has another shape: not a console, or one of another version.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise Unavailable(
            f"The console's answer is not of the expected shape: {error}.",
            hint="Check that --url names a Penstock console of this version.",
            code="not_a_console",
        ) from error
