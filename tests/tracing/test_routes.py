import asyncio
import json

import msgspec
import pytest
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import AsyncTestClient

from penstock.core.errors import PenstockError
from penstock.server.problems import EXCEPTION_HANDLERS
from penstock.testing.journal import PROJECT
from penstock.tracing.routes import tracing_router


class Person:
    """Somebody who is signed in."""

    kind, id, name, user = "user", "u1", "Ada", "u1"

    def may(self, permission, project, /):
        return True


def raw(value):
    return msgspec.Raw(msgspec.json.encode(value))


def messages(role, text, **more):
    return raw([{"role": role, "parts": [{"type": "text", "content": text}], **more}])


@pytest.fixture
def app(service, observability):
    return Litestar(
        [tracing_router()],
        dependencies={
            "project": Provide(lambda: PROJECT, sync_to_thread=False),
            "tracing": Provide(lambda: service, sync_to_thread=False),
            "observability": Provide(lambda: observability, sync_to_thread=False),
            "principal": Provide(Person, sync_to_thread=False),
        },
        exception_handlers=EXCEPTION_HANDLERS,
    )


@pytest.fixture
async def client(app):
    async with AsyncTestClient(app) as client:
        yield client


async def ask(client, path, **parameters):
    response = await client.get(path, params=parameters)
    assert response.status_code == 200, response.text
    return response.json()


async def test_a_call_is_listed_with_its_text_its_tokens_and_its_key(client, journal, store):
    span = journal.span(
        key="k1",
        usage_input=7,
        usage_output=5,
        cost=120,
        input=messages("user", "What is a penstock?"),
        output=messages("assistant", "A gated pipe.", finish_reason="stop"),
    )
    store.load([journal.write(span)])

    page = await ask(client, "/traces")

    (row,) = page["items"]
    assert page["next_cursor"] is None
    assert (row["trace_id"], row["span_id"]) == (span.trace_id, span.span_id)
    assert row["key_name"] == "laptop"
    assert row["usage"] == {
        "input": 7, "cache_read": 0, "cache_write": 0, "output": 5, "reasoning": 0, "total": 12, "estimated": False,
    }  # fmt: skip
    assert row["cost"] == 120
    assert (row["input_preview"], row["output_preview"]) == ("What is a penstock?", "A gated pipe.")


async def test_pages_follow_one_another_without_gap_or_repeat(client, journal, store):
    same = journal.span().started
    store.load([journal.write(*(journal.span(started=same + number // 3) for number in range(10)))])
    seen, cursor = [], {}
    while True:
        page = await ask(client, "/traces", limit=3, **cursor)
        seen += [(row["started"], row["span_id"]) for row in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}

    assert len(seen) == 10
    assert seen == sorted(set(seen), reverse=True)


async def test_filters_are_anded_and_a_search_looks_into_input_and_output(client, journal, store):
    store.load(
        [
            journal.write(
                journal.span(status="error", route="a", input=messages("user", "Hello River")),
                journal.span(status="error", route="b", input=messages("user", "hello")),
                journal.span(status="ok", route="a", output=messages("assistant", "a RIVER runs")),
            )
        ]
    )

    both = await ask(client, "/traces", filter=["status:eq:error", "route:eq:a"])
    found = await ask(client, "/traces", q="river")

    assert [row["route"] for row in both["items"]] == ["a"]
    assert [row["status"] for row in found["items"]] == ["ok", "error"]


async def test_a_search_in_the_filter_language_finds_what_it_says(client, journal, store):
    """FAILURES O12"""
    store.load(
        [
            journal.write(
                journal.span(status="error", route="a", duration=3_000_000, key="k1"),
                journal.span(status="error", route="b", tags={"env": "prod"}),
                journal.span(status="ok", duration=5_000_000, input=messages("user", "refund order")),
            )
        ]
    )

    async def routes(q, **more):
        return [row["route"] for row in (await ask(client, "/traces", q=q, **more))["items"]]

    assert await routes("latency>2s or tag.env:prod") == [None, "b", "a"]
    assert await routes("-route:a") == [None, "b"]
    assert await routes("key:laptop") == ["a"]
    assert await routes('"refund order" -status:error') == [None]
    assert await routes("has:route", filter=["status:eq:error", "route:eq:b"]) == ["b"]


async def test_a_list_is_sorted_and_pages_follow_one_another_in_that_order(client, journal, store):
    store.load([journal.write(*(journal.span(duration=duration) for duration in (30, 10, 20, 20)))])

    async def durations(sort):
        seen, cursor = [], {}
        while True:
            page = await ask(client, "/spans", limit=1, sort=sort, **cursor)
            assert page["sort"] == sort
            seen += [row["duration"] for row in page["items"]]
            if page["next_cursor"] is None:
                return seen
            cursor = {"cursor": page["next_cursor"]}

    assert await durations("-duration") == [30, 20, 20, 10]
    assert await durations("duration") == [10, 20, 20, 30]
    searched = await ask(client, "/traces", q="word", sort="-duration")
    assert searched["sort"] == "-started"


async def test_spans_of_every_kind_are_listed_with_their_own_cost(client, journal, store):
    root = journal.span(kind="gateway", cost=None)
    child = journal.span(trace_id=root.trace_id, parent_id=root.span_id, call=False, cost=7)
    store.load([journal.write(child, root)])

    assert [row["kind"] for row in (await ask(client, "/traces"))["items"]] == ["gateway"]
    rows = (await ask(client, "/spans", q="kind:llm"))["items"]
    assert [(row["span_id"], row["cost"]) for row in rows] == [(child.span_id, 7)]


async def test_a_trace_comes_whole_with_its_sums(client, journal, store):
    root = journal.span(kind="gateway", duration=900, cost=0, key="k1")
    shared = {"trace_id": root.trace_id, "parent_id": root.span_id, "call": False}
    store.load(
        [
            journal.write(
                journal.span(**shared, started=root.started, duration=100, status="error", cost=0),
                journal.span(**shared, started=root.started + 100, duration=800, cost=40, usage_input=9,
                             usage_raw=raw({"prompt_tokens": 9}), tags={"a": "b"}, finish_reasons=["stop"]),
                root,
            )
        ]
    )  # fmt: skip

    trace = await ask(client, f"/traces/{root.trace_id}")

    assert len(trace["spans"]) == 3
    assert trace["totals"]["cost"] == 40
    assert trace["totals"]["duration"] == 900
    assert trace["totals"]["usage"]["total"] == 9
    answered = next(span for span in trace["spans"] if span["cost"] == 40)
    assert answered["usage_raw"] == {"prompt_tokens": 9}
    assert (answered["tags"], answered["finish_reasons"]) == ({"a": "b"}, ["stop"])
    assert answered["parent_id"] == root.span_id
    assert next(span for span in trace["spans"] if span["call"])["key_name"] == "laptop"
    (row,) = (await ask(client, "/traces"))["items"]
    assert (row["cost"], row["usage"]["total"]) == (40, 9)


@pytest.mark.parametrize("trace_id", ["f" * 32, "short", "g" * 32, "' OR 1=1 --"])
async def test_a_trace_that_is_not_there_is_a_404(client, trace_id):
    response = await client.get(f"/traces/{trace_id}")

    assert response.status_code == 404
    assert response.json()["code"] == "trace_not_found"


async def test_a_trace_of_another_project_is_not_found(client, journal, store):
    """FAILURES S39."""
    foreign = journal.span(project="other")
    store.load([journal.write(foreign)])

    assert (await client.get(f"/traces/{foreign.trace_id}")).status_code == 404
    assert (await ask(client, "/traces"))["items"] == []
    assert (await ask(client, "/traces/facets", column="status"))["items"] == []
    assert (await ask(client, "/overview"))["totals"]["calls"] == 0


async def test_facets_count_the_values_of_a_column(client, journal, store):
    store.load([journal.write(*(journal.span(route=route) for route in ("a", "b", "a", None)))])

    page = await ask(client, "/traces/facets", column="route")

    assert page["items"] == [
        {"value": "a", "count": 2, "margin": 0},
        {"value": "b", "count": 1, "margin": 0},
        {"value": None, "count": 1, "margin": 0},
    ]


async def test_the_overview_covers_the_last_day_and_names_its_keys(client, journal, store, clock):
    started = clock.now() - 60_000_000
    store.load(
        [journal.write(journal.span(started=started, key="k1", cost=5), journal.span(started=started, key="k2"))]
    )

    overview = await ask(client, "/overview")

    assert overview["to"] == clock.now()
    assert overview["to"] - overview["from"] == 24 * 3600 * 1_000_000
    assert overview["totals"]["calls"] == 2
    assert {(top["id"], top["name"]) for top in overview["top"]["keys"]} == {("k1", "laptop"), ("k2", "k2")}
    assert 30 <= len(overview["series"]) <= 61


async def test_the_system_tells_what_waits_and_what_is_stored(client, journal, home, ingest):
    journal.write(journal.span())
    await ingest.step()
    journal.seal(journal.line(), b"broken\n")
    await ingest.step()

    state = await ask(client, "/system")

    assert state["ingest"]["stored_spans"] == 2
    assert state["journal"] == {"waiting_segments": 0, "waiting_bytes": 0, "quarantined": 1}
    assert state["disk"]["spans_bytes"] > 0
    assert state["disk"]["free_bytes"] > 0


WRONG = {
    "column": ("/traces", {"filter": "statsu:eq:ok"}, "filter", "'status'"),
    "operator": ("/traces", {"filter": "status:equals:ok"}, "filter", "eq"),
    "choice": ("/traces", {"filter": "status:eq:eror"}, "filter", "'error'"),
    "number": ("/traces", {"filter": "cost:gt:much"}, "filter", None),
    "cursor": ("/traces", {"cursor": "1'--"}, "cursor", None),
    "limit": ("/traces", {"limit": 201}, "limit", None),
    "window": ("/traces", {"from": 5, "to": 5}, "from", None),
    "search": ("/traces", {"q": "x" * 4001}, "q", None),
    "language": ("/traces", {"q": "statsu:error"}, "q", "'status'"),
    "sort": ("/traces", {"sort": "-durations"}, "sort", "-duration"),
    "spans": ("/spans", {"q": "latency>2"}, "q", "2s or 2ms"),
    "facet": ("/traces/facets", {"column": "input"}, "column", None),
    "points": ("/overview", {"points": 0}, "points", None),
    "many": ("/traces", {"filter": ["status:has"] * 51}, "filter", None),
    "tail": ("/traces/tail", {"filter": "statsu:eq:ok"}, "filter", "'status'"),
}


@pytest.mark.parametrize(("path", "parameters", "field", "hint"), WRONG.values(), ids=WRONG)
async def test_a_wrong_question_is_a_400_that_says_what_is_wrong(client, path, parameters, field, hint):
    response = await client.get(path, params=parameters)

    assert response.status_code == 400
    problem = response.json()
    assert problem["field"] == field
    assert hint is None or hint in problem["hint"]


async def test_while_the_store_is_down_the_answer_is_503(client, service, monkeypatch, store, home):
    """FAILURES G7."""
    store.close()
    home.spans.unlink(missing_ok=True)
    home.spans.mkdir()

    response = await client.get("/traces")

    assert response.status_code == 503
    assert response.json()["code"] == "span_store_unavailable"
    assert (await ask(client, "/system"))["ingest"]["stored_spans"] == 0


class Stream:
    """Reads server-sent events of a route straight from the app, without a buffering client."""

    def __init__(self, app, path, query=""):
        self.sent: asyncio.Queue[bytes] = asyncio.Queue()
        self.gone = asyncio.Event()
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "app": app,
        }  # fmt: skip
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self):
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message):
        if message["type"] == "http.response.body":
            await self.sent.put(message["body"])

    async def row(self):
        while True:
            chunk = await asyncio.wait_for(self.sent.get(), 10)
            if chunk.startswith(b"event: trace\n"):
                return json.loads(chunk.partition(b"data: ")[2])

    async def quiet(self):
        """Until everything that was to come has come."""
        while not (await asyncio.wait_for(self.sent.get(), 10)).startswith(b":"):
            pass

    async def leave(self):
        self.gone.set()
        await asyncio.wait_for(self.task, 10)


async def test_a_tail_shows_calls_as_they_are_stored_late_ones_too(app, journal, ingest):
    old = journal.span()
    journal.write(old)
    await ingest.step()
    stream = Stream(app, "/traces/tail")
    await stream.quiet()

    new, late = journal.span(), journal.span(started=old.started - 1)
    journal.write(new)
    await ingest.step()
    assert (await stream.row())["span_id"] == new.span_id
    await stream.quiet()
    journal.write(late)
    await ingest.step()

    assert (await stream.row())["span_id"] == late.span_id
    await stream.leave()
    assert not ingest._tails


async def test_a_tail_begins_after_the_row_that_was_seen_last(app, journal, ingest):
    first, second, third = journal.span(), journal.span(), journal.span()
    journal.write(first, second, third)
    await ingest.step()

    stream = Stream(app, "/traces/tail", f"after={first.started}")

    assert [(await stream.row())["span_id"], (await stream.row())["span_id"]] == [second.span_id, third.span_id]
    await stream.leave()


async def test_a_tail_keeps_to_its_filters(app, journal, ingest):
    stream = Stream(app, "/traces/tail", "filter=status:eq:error&q=pipe")
    await stream.quiet()
    wanted = journal.span(status="error", input=messages("user", "the PIPE"))
    journal.write(journal.span(status="error"), journal.span(input=messages("user", "pipe")), wanted)
    await ingest.step()

    assert (await stream.row())["span_id"] == wanted.span_id
    await stream.leave()


async def test_a_tail_outlives_the_store_being_down(app, journal, ingest, store, monkeypatch):
    stream = Stream(app, "/traces/tail")
    await stream.quiet()

    def down(*_, **__):
        raise PenstockError("down")

    with monkeypatch.context() as patch:
        patch.setattr(store, "rows_after", down)
        journal.write(journal.span())
        await ingest.step()
        await stream.quiet()
    second = journal.span()
    journal.write(second)
    await ingest.step()

    # What was stored meanwhile comes too.
    assert {(await stream.row())["span_id"], (await stream.row())["span_id"]} == {f"{1:016x}", second.span_id}
    await stream.leave()
