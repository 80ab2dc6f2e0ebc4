"""What may be taken from the cache, and what may go into it."""

from typing import Final

import msgspec

from penstock.core.errors import PenstockError
from penstock.providers.types import Answer, InboundCall, Operation
from penstock.wire.answers import CachedAnswer
from penstock.wire.routing import CachePolicy

__all__ = [
    "MAX_ANSWER_BYTES",
    "NO_REUSE",
    "NotCached",
    "Reuse",
    "age_of",
    "is_complete",
    "is_fresh",
    "parse_cache_control",
    "reuse_of",
]

MAX_ANSWER_BYTES: Final = 1024 * 1024
"""Bytes of a body that are kept; a longer answer is served and not cached."""

_OPERATIONS: Final[frozenset[Operation]] = frozenset({"chat", "responses", "messages", "embeddings"})
_COMPLETE: Final = frozenset({"stop", "tool_calls"})
_STATEFUL: Final = ("conversation", "background")
"""Members of a Responses call whose answer is not only its own: it changes a conversation, or comes later."""
_NOTHING: Final = (b"null", b"false")


class NotCached(PenstockError):
    """The caller wants an answer from the cache or none, and there is none (RFC 9111 §5.2.1.7)."""

    status = 504
    default_code = "not_cached"


class Reuse(msgspec.Struct, frozen=True, kw_only=True):
    """What one call lets the cache do."""

    read: bool = True
    """A kept answer may be given, and the answer of an identical call in flight."""
    write: bool = True
    """The answer may be kept, and given to identical calls that come while it is made."""
    max_age: float | None = None
    """Seconds; an older answer is not taken. None: as long as the route keeps it."""
    only_if_cached: bool = False
    """Answered from the cache or not at all."""


NO_REUSE: Final = Reuse(read=False, write=False)


def reuse_of(
    call: InboundCall, policy: CachePolicy | None, cache_control: str | None, *, owner: str | None = None
) -> Reuse:
    """What the cache may do for a call.

    Args:
        call: The call. Randomness is the caller's to judge: `temperature` and `n` are part of the fingerprint, and
            a route that has a cache answers the same question with the same answer.
        policy: The route's; None: it has no cache.
        cache_control: The request's header.
        owner: For the scopes `key` and `user`: the id of the key or of the end user. Without it nothing is reused,
            for it could be someone else's.

    Raises:
        NotCached: `only-if-cached` on a call that is never cached.
    """
    asked = parse_cache_control(cache_control) if cache_control else Reuse()
    owned = policy is not None and (policy.scope == "project" or owner is not None)
    if owned and call.operation in _OPERATIONS and not _is_stateful(call):
        return asked
    if asked.only_if_cached:
        raise NotCached(
            "only-if-cached: expected a cached answer, and calls like this one are not cached.",
            hint="Call a route that has a cache, or leave the directive out.",
            code="not_cached",
        )
    return NO_REUSE


def parse_cache_control(header: str) -> Reuse:
    """`Cache-Control` of a request (RFC 9111 §5.2.1); what is unknown or malformed says nothing.

    `no-store` neither takes nor keeps an answer; `no-cache` takes none and keeps the new one; `max-age=N` takes
    none that is older than N seconds; `only-if-cached` takes one or fails.
    """
    read = write = True
    max_age: float | None = None
    only = False
    for directive in header.lower().split(","):
        name, _, value = directive.strip().partition("=")
        match name.strip():
            case "no-store":
                read = write = False
            case "no-cache":
                read = False
            case "max-age":
                seconds = value.strip().strip('"')
                if seconds.isdecimal() and seconds.isascii():
                    told = float(seconds)
                    max_age = told if max_age is None else min(max_age, told)
            case "only-if-cached":
                only = True
            case _:
                pass
    return Reuse(read=read, write=write, max_age=max_age, only_if_cached=only)


def is_complete(operation: Operation, answer: Answer) -> bool:
    """Whether an answer is whole and as the model meant it: not cut by a limit, a filter or an error.

    Tool calls are whole answers. An embedding has no finish reason and is whole when it came.
    """
    if operation == "embeddings":
        return True
    return bool(answer.finish_reasons) and all(reason in _COMPLETE for reason in answer.finish_reasons)


def is_fresh(answer: CachedAnswer, reuse: Reuse, *, now: int) -> bool:
    """Whether a kept answer is young enough for this call. `now` is in microseconds since the epoch."""
    return reuse.max_age is None or now - answer.created <= reuse.max_age * 1_000_000


def age_of(answer: CachedAnswer, *, now: int) -> int:
    """Whole seconds since it was obtained: the `age` header. Never negative, whatever the clocks."""
    return max(0, (now - answer.created) // 1_000_000)


def _is_stateful(call: InboundCall) -> bool:
    if call.operation != "responses":
        return False
    fields = call.fields
    return any(name in fields and bytes(fields[name]) not in _NOTHING for name in _STATEFUL)
