"""Looking through what happened: the filter language of the console, page by page as rows are taken."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import msgspec

from penstock.core.clock import to_datetime
from penstock.core.errors import InvalidInput, Unavailable
from penstock.core.settings import process_environment
from penstock.sdk.control import ControlClient, Query, path_of
from penstock.sdk.records import TraceRow, TraceView
from penstock.sdk.state import active

__all__ = ["Found", "Time", "console_client", "get_trace", "spans", "traces"]

PAGE: Final = 200
"""Rows that the control API gives at once."""
LONG: Final = ("usage_raw", "input", "output", "attributes")
"""Fields that spans of a large trace come without."""
Time = datetime | int
"""With its zone, or microseconds since the epoch."""
Record = TypeVar("Record")


class _Page(msgspec.Struct, frozen=True):
    items: list[TraceRow]
    next_cursor: str | None = None


class Found:
    """Rows that fit a search, asked for as they are taken: with `for`, or with `async for`.

    Going through it once more asks once more. Raises errors of `penstock.core.errors` as it is gone through:
    `InvalidInput` for a search that cannot be understood, `Unauthenticated`, `PermissionDenied`, `Unavailable`.
    """

    def __init__(self, pages: Callable[[], Iterator[list[TraceRow]]]) -> None:
        self._pages = pages

    def __iter__(self) -> Iterator[TraceRow]:
        for page in self._pages():
            yield from page

    async def __aiter__(self) -> AsyncIterator[TraceRow]:
        pages = self._pages()
        while (page := await asyncio.to_thread(next, pages, None)) is not None:
            for row in page:
                yield row


def traces(
    q: str | None = None,
    *,
    from_: Time | None = None,
    to: Time | None = None,
    sort: str | None = None,
    limit: int | None = None,
    project: str | None = None,
    endpoint: str | None = None,
    api_key: str | None = None,
) -> Found:
    """Calls and the roots of what applications sent, by default the newest first.

    Args:
        q: In the filter language: `status:error model:claude* latency>2s "refund order"`.
        from_: Started then or later: a datetime with its zone, or microseconds since the epoch.
        to: Started before.
        sort: `started`, `duration`, `cost` or `tokens`; with a `-` the largest first.
        limit: Rows at most; None: all.
        project: Name or id; by default the key's own.
        endpoint: Address of the console; by default that of `penstock.init`, or `PENSTOCK_CONSOLE_URL`.
        api_key: A key with `traces:read`; by default that of `penstock.init`, or `PENSTOCK_API_KEY`.

    Raises:
        InvalidInput: no console is known, or an argument is wrong. What the console has to say about the search comes
            when the rows are taken.
    """
    asked = _asked(q, from_=from_, to=to, sort=sort, project=project)
    return _found("traces", asked, limit, console_client(endpoint, api_key))


def spans(
    q: str | None = None,
    *,
    from_: Time | None = None,
    to: Time | None = None,
    sort: str | None = None,
    limit: int | None = None,
    project: str | None = None,
    endpoint: str | None = None,
    api_key: str | None = None,
) -> Found:
    """Spans of any kind; arguments, result and errors are those of `traces`."""
    asked = _asked(q, from_=from_, to=to, sort=sort, project=project)
    return _found("spans", asked, limit, console_client(endpoint, api_key))


def get_trace(
    trace_id: str, *, project: str | None = None, endpoint: str | None = None, api_key: str | None = None
) -> TraceView:
    """One trace with all its spans, everything that was recorded of them, and its scores.

    Args:
        trace_id: 32 hex digits.
        project: Name or id; by default the key's own.
        endpoint: As for `traces`.
        api_key: As for `traces`.

    Raises:
        NotFound: there is no such trace in the project.
        PenstockError: as `traces`.
    """
    client = console_client(endpoint, api_key)
    found = _decoded(client.get(path_of("traces", trace_id), {"project": project}), TraceView)
    return found if found.complete or not found.spans else _completed(client, found, project)


def _completed(client: ControlClient, trace: TraceView, project: str | None) -> TraceView:
    """With the long fields of its spans, which come as a file."""
    starts = [span.started for span in trace.spans]
    asked: Query = {
        "project": project,
        "q": f"trace_id:{trace.trace_id}",
        "from": min(starts),
        "to": max(starts) + 1,
        "columns": ",".join(("span_id", *LONG)),
    }
    texts: dict[str, dict[str, Any]] = {}
    for line in _lines(client.download(path_of("exports", "spans"), asked)):
        fields = _decoded(line, dict[str, Any])
        texts[fields.pop("span_id")] = fields
    whole = [msgspec.structs.replace(span, **texts.get(span.span_id, {})) for span in trace.spans]
    return msgspec.structs.replace(trace, spans=whole, complete=True)


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        yield rest


def _found(path: str, asked: Query, limit: int | None, client: ControlClient) -> Found:
    if limit is not None and limit < 0:
        raise InvalidInput(f"limit is a number of rows, got {limit}.", field="limit")

    def pages() -> Iterator[list[TraceRow]]:
        left, cursor = limit, None
        while left is None or left > 0:
            size = PAGE if left is None else min(PAGE, left)
            page = _decoded(client.get(path_of(path), {**asked, "limit": size, "cursor": cursor}), _Page)
            yield page.items
            left = None if left is None else left - len(page.items)
            cursor = page.next_cursor
            # A search may send an empty page and go on: only a missing cursor is the end.
            if cursor is None:
                return

    return Found(pages)


def _asked(q: str | None, *, from_: Time | None, to: Time | None, sort: str | None, project: str | None) -> Query:
    window = {"from": _microseconds(from_, field="from_"), "to": _microseconds(to, field="to")}
    return {"q": q, "sort": sort, "project": project, **window}


def _microseconds(at: Time | None, *, field: str) -> int | None:
    if not isinstance(at, datetime):
        return at
    if at.tzinfo is None:
        raise InvalidInput(
            f"{field} is a time without a zone: {at.isoformat()}.", field=field, hint="Give it one: tzinfo=UTC."
        )
    return (at - to_datetime(0)) // timedelta(microseconds=1)


def console_client(endpoint: str | None, api_key: str | None, *, timeout: float = 15.0) -> ControlClient:
    """The console that is named, or that `init` was given, or that the environment names."""
    variables = process_environment()
    setup = active()
    known = None if setup is None else setup.console
    url = endpoint or (known.endpoint if known is not None else variables.get("PENSTOCK_CONSOLE_URL"))
    if url is None:
        raise InvalidInput(
            "There is no console to ask.",
            field="endpoint",
            hint="Give endpoint= or PENSTOCK_CONSOLE_URL, or call penstock.init first.",
            code="endpoint_missing",
        )
    if api_key is None and known is not None and url == known.endpoint:
        api_key = known.api_key
    return ControlClient(url, api_key or variables.get("PENSTOCK_API_KEY"), timeout=timeout)


def _decoded(data: bytes, kind: type[Record]) -> Record:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.MsgspecError as error:
        raise Unavailable(
            f"The console's answer is not what was expected: {error}.",
            hint="Is it another version of Penstock?",
            code="answer_not_understood",
        ) from error
