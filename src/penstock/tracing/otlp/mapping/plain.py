"""What stands on any span: whose session it is, errors, HTTP, and what has no column."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

from penstock.tracing.otlp.mapping.draft import Draft
from penstock.tracing.otlp.mapping.values import text, texts
from penstock.tracing.otlp.types import Attributes, Event, Origin, Received
from penstock.wire.span import Kind

__all__ = [
    "OwnerNames",
    "describe",
    "describe_resource",
    "environment_of",
    "error_of",
    "first_chunk",
    "http_status",
    "kind_of",
    "owner_names",
    "read",
    "read_listed_tags",
    "read_tags",
    "tag_names",
]

_VECTOR_STORES = frozenset(
    {
        "chroma",
        "chromadb",
        "pinecone",
        "qdrant",
        "weaviate",
        "milvus",
        "lancedb",
        "marqo",
        "pgvector",
        "vespa",
        "turbopuffer",
    }
)
_SEARCHES = frozenset({"query", "search", "search_points", "query_points", "similarity_search", "get"})
_FIRST_CHUNK = frozenset(
    {"First Token Stream Event", "llm.content.completion.chunk", "gen_ai.content.completion.chunk"}
)
_STANDARD = ("service.name", "telemetry.sdk.language", "telemetry.sdk.name", "telemetry.sdk.version")
"""Of a resource: what has a column, or says nothing about the application."""
_KIND_NAMES = {2: "server", 3: "client", 4: "producer", 5: "consumer"}
_SESSIONS = ("session.id", "langfuse.session.id", "session_id")
_USERS = ("user.id", "enduser.id", "langfuse.user.id", "gen_ai.user", "llm.user", "enduser.pseudo.id")
_TAG = "penstock.tag."
MAX_TAGS = 64
MAX_TAG = 500
"""Characters of a tag's value."""


def kind_of(attributes: Attributes) -> Kind | None:
    """A search in a vector store; nothing else is told by the plain conventions."""
    system = attributes.get("db.system.name", attributes.get("db.system"))
    if isinstance(system, str) and system in _VECTOR_STORES:
        operation = attributes.get("db.operation.name", attributes.get("db.operation"))
        return "retriever" if isinstance(operation, str) and operation.lower() in _SEARCHES else None
    return None


class OwnerNames(NamedTuple):
    """Attributes that tell whose span it is, in the order in which they are believed."""

    sessions: tuple[str, ...]
    users: tuple[str, ...]


def owner_names(names: AbstractSet[str]) -> OwnerNames:
    """Which attributes tell whose span it is."""
    return OwnerNames(
        tuple(name for name in _SESSIONS if name in names), tuple(name for name in _USERS if name in names)
    )


def read(attributes: Attributes, draft: Draft, owners: OwnerNames) -> None:
    """Whose session it is. The user's id is taken away: only its hash is written."""
    if owners.sessions:
        draft.session = text(attributes, *owners.sessions) or draft.session
    if owners.users:
        user = text(attributes, *owners.users)
        for name in owners.users:
            # Where they differ, the others are ids of a person all the same.
            other = attributes.pop(name, None) if name != _USERS[0] else None
            user = user or (other if isinstance(other, str) and other else None)
        draft.user = user or draft.user


def tag_names(names: Iterable[str]) -> tuple[str, ...]:
    """Which attributes are tags of our SDK: `penstock.tag.NAME`."""
    return tuple(name for name in names if name.startswith(_TAG))


def read_tags(attributes: Attributes, names: Iterable[str], tags: dict[str, str]) -> None:
    """Tags of our SDK."""
    for name in names:
        if len(tags) < MAX_TAGS:
            tags[name[len(_TAG) :]] = str(attributes.pop(name))[:MAX_TAG]


def read_listed_tags(attributes: Attributes, tags: dict[str, str]) -> None:
    """Tags of others, that are a list of words."""
    for word in texts(attributes, "tag.tags", "langfuse.trace.tags")[:MAX_TAGS]:
        tags.setdefault(word[:MAX_TAG], "true")


def environment_of(origin: Origin) -> str | None:
    """Where the application runs: `production`."""
    for name in ("deployment.environment.name", "deployment.environment"):
        environment = origin.resource.get(name)
        if isinstance(environment, str) and environment:
            return environment[:MAX_TAG]
    return None


def error_of(received: Received) -> tuple[str | None, str | None]:
    """Type and message of a failed span: from its status, else from its last exception."""
    exception = next((event for event in reversed(received.events) if event.name == "exception"), None)
    fields = exception.attributes if exception is not None else {}
    kind = received.attributes.get("error.type") or fields.get("exception.type")
    message = received.message or fields.get("exception.message")
    return str(kind) if kind else "error", str(message) if message else None


def http_status(attributes: Attributes) -> int | None:
    value = attributes.get("http.response.status_code", attributes.get("http.status_code"))
    return value if isinstance(value, int) and not isinstance(value, bool) and 100 <= value <= 999 else None


def first_chunk(events: list[Event], started: int) -> int | None:
    """Microseconds to the first piece of a streamed answer, where an instrumentation notes it as an event."""
    times = [event.time for event in events if event.name in _FIRST_CHUNK and event.time >= started]
    return min(times) - started if times else None


def describe_resource(origin: Origin) -> dict[str, Any]:
    """Of a resource and its scope, what has no column."""
    known: dict[str, Any] = {}
    resource = {name: value for name, value in origin.resource.items() if name not in _STANDARD}
    if resource:
        known["otel.resource"] = resource
    if origin.scope:
        known["otel.scope.name"] = origin.scope
    if origin.scope_version:
        known["otel.scope.version"] = origin.scope_version
    if origin.scope_attributes:
        known["otel.scope.attributes"] = origin.scope_attributes
    return known


def describe(received: Received, events: list[Event]) -> dict[str, Any]:
    """Of a span, what has no column beside its attributes."""
    known: dict[str, Any] = {}
    if received.kind in _KIND_NAMES:
        known["otel.kind"] = _KIND_NAMES[received.kind]
    if events:
        known["otel.events"] = [
            {"name": event.name, "time": event.time, "attributes": event.attributes} for event in events
        ]
    if received.links:
        known["otel.links"] = [
            {"trace_id": link.trace_id, "span_id": link.span_id, "attributes": link.attributes}
            for link in received.links
        ]
    if received.trace_state:
        known["otel.trace_state"] = received.trace_state
    if received.left_out:
        known["otel.left_out"] = received.left_out
    if received.cut:
        known["otel.cut"] = received.cut
    return known
