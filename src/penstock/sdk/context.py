"""Session, user and tags of the work in progress, and the headers that carry them to the gateway.

    with penstock.context(session="chat-42", user="u-7", tags={"team": "search"}):
        client.chat.completions.create(..., extra_headers=penstock.headers())

The context follows `contextvars`: it is inherited by tasks and by `asyncio.to_thread`, and never leaks
into a neighbour's request.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol

from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from penstock.wire import headers as names

__all__ = ["context", "headers", "span_attributes"]

TAG_PREFIX = "penstock.tag."


class Referable(Protocol):
    """A version of a prompt."""

    @property
    def reference(self) -> str:
        """`name@version`."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Caller:
    session: str | None = None
    user: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    prompt: str | None = None


_caller: ContextVar[_Caller] = ContextVar("penstock_caller", default=_Caller())  # noqa: B039 - frozen
_propagator = TraceContextTextMapPropagator()


@contextmanager
def context(
    *,
    session: str | None = None,
    user: str | None = None,
    tags: Mapping[str, str] | None = None,
    prompt: "Referable | str | None" = None,
) -> Generator[None, None, None]:
    """Say who and what the calls and spans made inside are for.

    Contexts nest: an inner one keeps what it does not name, and its tags are added to the outer ones.

    Args:
        session: A conversation or a run; calls of one session are shown together. Visible ASCII, at most 200.
        user: The end user's id. The gateway stores only a keyed hash of it. Visible ASCII, at most 200.
        tags: Names and values to filter and group by; at most 32, names of 64 and values of 256 characters.
        prompt: The prompt that they are made with, from `penstock.prompt`; or `name@version`.

    Raises:
        penstock.core.errors.InvalidInput: a value does not fit, raised on entering, not on the call.
    """
    outer = _caller.get()
    inner = _Caller(
        session=outer.session if session is None else names.check_id(session, name="session"),
        user=outer.user if user is None else names.check_id(user, name="user"),
        tags={**outer.tags, **(tags or {})},
        prompt=outer.prompt if prompt is None else _reference(prompt),
    )
    names.encode_tags(inner.tags)
    token = _caller.set(inner)
    try:
        yield
    finally:
        _caller.reset(token)


def _reference(prompt: "Referable | str") -> str:
    reference = prompt if isinstance(prompt, str) else prompt.reference
    names.check_prompt(reference)
    return reference


def headers() -> dict[str, str]:
    """Headers of the current context for any client's `extra_headers` or `default_headers`.

    Holds `x-penstock-session`, `-user`, `-tags` and `-prompt` where they are set, and the W3C
    `traceparent` (and `tracestate`) of the current OpenTelemetry span where there is one, so that the
    call joins the application's trace.
    """
    caller = _caller.get()
    result: dict[str, str] = {}
    if caller.session is not None:
        result[names.SESSION] = caller.session
    if caller.user is not None:
        result[names.USER] = caller.user
    if caller.tags:
        result[names.TAGS] = names.encode_tags(caller.tags)
    if caller.prompt is not None:
        result[names.PROMPT] = caller.prompt
    _propagator.inject(result)
    return result


def span_attributes() -> dict[str, str]:
    """Attributes of the current context for a span that starts: `session.id`, `user.id`, `penstock.tag.NAME`, and name
    and version of the prompt.
    """
    caller = _caller.get()
    result = {TAG_PREFIX + name: value for name, value in caller.tags.items()}
    if caller.session is not None:
        result["session.id"] = caller.session
    if caller.user is not None:
        result["user.id"] = caller.user
    if caller.prompt is not None:
        result["gen_ai.prompt.name"], result["gen_ai.prompt.version"] = names.check_prompt(caller.prompt)
    return result
