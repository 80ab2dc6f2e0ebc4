"""Context on the way to the gateway, and scores on the way to the console, over real HTTP."""

import asyncio
import functools
import gzip
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import penstock
from penstock.core.errors import InvalidInput
from penstock.sdk.delivery import ScoreSender
from penstock.sdk.instrument import _chosen, available
from penstock.sdk.state import NewScore
from penstock.wire.headers import decode_tags

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Server:
    """Keeps what it is sent, and answers as it is told."""

    def __init__(self):
        self.requests = []
        self.answers = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                if self.headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                server.requests.append((self.path, dict(self.headers.items()), body))
                status, headers, answer = server.answers.pop(0) if server.answers else (200, {}, b"{}")
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,))
        self.thread.start()

    def sent(self, path):
        return [json.loads(body) for at, _, body in self.requests if at == path]

    def headers(self):
        return [{name.lower(): value for name, value in headers.items()} for _, headers, _ in self.requests]

    def close(self):
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture
def server():
    server = Server()
    yield server
    server.close()


@pytest.fixture
def elsewhere():
    server = Server()
    yield server
    server.close()


async def post_async(url):
    async with httpx.AsyncClient() as client:
        await client.post(url)


def test_calls_to_the_gateway_carry_the_context_and_others_do_not(init, server, elsewhere):
    init(gateway=server.url)
    with penstock.context(session="s-1", user="u-1", tags={"env": "prod"}), penstock.span("work") as work:
        for target in (server, elsewhere):
            httpx.post(target.url)
            requests.post(target.url, timeout=5)
            asyncio.run(post_async(target.url))
        httpx.post(server.url, headers={"x-penstock-session": "its own"})
    for headers in server.headers()[:3]:
        assert headers["traceparent"].startswith(f"00-{work.trace_id}-{work.span_id}-0")
        assert (headers["x-penstock-session"], headers["x-penstock-user"]) == ("s-1", "u-1")
        assert decode_tags(headers["x-penstock-tags"]) == {"env": "prod"}
    assert server.headers()[3]["x-penstock-session"] == "its own"
    assert all("traceparent" not in headers and "x-penstock-user" not in headers for headers in elsewhere.headers())


def test_the_clients_are_given_back_as_they_were(init, server):
    before = httpx.Client.send, httpx.AsyncClient.send, requests.Session.send
    init(gateway=[server.url])
    assert httpx.Client.send is not before[0]
    penstock.shutdown()
    assert (httpx.Client.send, httpx.AsyncClient.send, requests.Session.send) == before


def test_what_wrapped_a_client_since_is_left_alone(init, server, monkeypatch):
    init(gateway=server.url)
    ours = httpx.Client.send
    monkeypatch.setattr(httpx.Client, "send", functools.partialmethod(ours))
    penstock.shutdown()
    with penstock.context(session="s"):
        httpx.post(server.url)
    assert "x-penstock-session" not in server.headers()[0]


def test_spans_reach_the_console_with_the_key(init, server, monkeypatch):
    monkeypatch.setenv("PENSTOCK_CONSOLE_URL", server.url + "/")
    monkeypatch.setenv("PENSTOCK_API_KEY", "psk_x")
    init(exporter=None)
    with penstock.span("work"):
        pass
    assert penstock.flush(5)
    ((path, _, body),) = server.requests
    assert path == "/otlp/v1/traces"
    assert server.headers()[0]["authorization"] == "Bearer psk_x"
    (span,) = ExportTraceServiceRequest.FromString(body).resource_spans[0].scope_spans[0].spans
    assert span.name == "work"


def test_scores_are_batched_and_sent_with_ids(init, server):
    init(endpoint=server.url, api_key="psk_x", mask=[penstock.masking.EMAILS])
    with penstock.span("work") as work:
        own = work.score("helpful", True)
        penstock.score(
            "groundedness", 0.5, source="judge", comment="jo@example.com says so", metadata={"m": "a@b.example"}
        )
    penstock.score("note", "from jo@example.com", type="text", session="chat-42", id="mine")
    first = penstock.feedback(4, name="stars", trace_id=TRACE)
    assert penstock.feedback(5, name="stars", trace_id=TRACE) == first
    with penstock.span("other") as other:
        penstock.feedback(False)
    assert penstock.flush(5)
    items = [item for batch in server.sent("/api/v1/scores") for item in batch["items"]]
    assert [item["name"] for item in items] == ["helpful", "groundedness", "note", "stars", "stars", "feedback"]
    assert (items[0]["id"], items[0]["trace_id"], items[0]["span_id"]) == (own, work.trace_id, work.span_id)
    assert items[1]["source"] == "judge"
    assert (items[1]["comment"], items[1]["metadata"]) == ("[email] says so", {"m": "[email]"})
    assert (items[2]["id"], items[2]["session"], items[2]["value"]) == ("mine", "chat-42", "from [email]")
    assert items[3]["id"] == items[4]["id"] == first
    assert (items[5]["trace_id"], items[5]["source"]) == (other.trace_id, "user")
    assert "span_id" not in items[5]
    assert penstock.statistics().scores.sent == 6


@pytest.mark.parametrize(
    "arguments",
    [("bad name", 1), ("n", float("nan")), ("n", 10**400), ("n", ""), ("n", "\ud800")],
)
def test_a_score_that_does_not_fit_is_said_where_it_is_made(init, arguments):
    init()
    with pytest.raises(InvalidInput):
        penstock.score(*arguments, trace_id=TRACE)


def test_a_score_of_nothing_is_refused(init):
    init()
    for options in ({}, {"span_id": "00f067aa0ba902b7"}, {"trace_id": "x"}, {"session": ""}):
        with pytest.raises(InvalidInput):
            penstock.score("n", 1, **options)


def test_scores_without_a_console_go_nowhere_and_it_is_said_once(init, caplog):
    init()
    assert penstock.score("n", 1, trace_id=TRACE) is None
    assert penstock.score("n", 1, trace_id=TRACE) is None
    assert caplog.text.count("no console") == 1


def scores(*names):
    return [NewScore(id=name, name=name, value=1, created=1, session="s") for name in names]


def test_a_busy_console_is_asked_again_when_it_says(server):
    waited = []
    server.answers = [(503, {"retry-after": "2"}, b""), (429, {"retry-after": "soon"}, b"")]
    sender = ScoreSender(server.url, None, pause=lambda seconds: waited.append(seconds) or False)
    assert sender.send(scores("a"))
    assert waited == [2.0, 1.0]
    assert [body["items"][0]["id"] for body in server.sent("/api/v1/scores")] == ["a"] * 3
    assert "authorization" not in server.headers()[0]


def test_a_refusal_is_not_tried_again_and_a_rejected_score_is_told(server, caplog):
    server.answers = [(403, {}, b'{"detail": "no"}')]
    assert not ScoreSender(server.url, "psk_x").send(scores("a"))
    assert "403" in caplog.text
    server.answers = [(200, {}, b'{"items": [{"id": "a", "accepted": false, "reason": "too odd"}]}'), (200, {}, b"?")]
    assert ScoreSender(server.url, "psk_x").send(scores("a"))
    assert "too odd" in caplog.text
    assert ScoreSender(server.url, "psk_x").send(scores("a"))


def test_the_key_follows_no_redirect(server, elsewhere, caplog):
    server.answers = [(302, {"location": elsewhere.url}, b"")]
    assert not ScoreSender(server.url, "psk_x").send(scores("a"))
    assert elsewhere.requests == []


def test_a_console_that_is_gone_is_given_up(server, caplog):
    server.close()
    waited = []
    assert not ScoreSender(server.url, "k", pause=lambda seconds: waited.append(seconds) or False).send(scores("a"))
    assert waited == [0.5, 1.0, 2.0]
    sender = ScoreSender(server.url, "k")
    sender.stop()
    assert not sender.send(scores("a"))


def test_an_installed_instrumentation_is_switched_on_and_off_again(init):
    client = init(instrument=["openinference-instrumentation-openai"])
    (instrumentor,) = client._instrumentors
    assert instrumentor.is_instrumented_by_opentelemetry
    penstock.shutdown()
    assert not instrumentor.is_instrumented_by_opentelemetry


def test_of_two_instrumentations_of_one_library_one_is_chosen():
    chosen = _chosen(available(), True)
    names = [entry.name for entry in chosen]
    assert "openai" in names
    assert len(names) == len(set(names))
    assert _chosen(available(), "openai")[0].distribution == next(
        entry.distribution for entry in chosen if entry.name == "openai"
    )
    assert _chosen(available(), False) == []
    with pytest.raises(InvalidInput, match="nothing"):
        _chosen(available(), ["nothing"])


def test_an_instrumentation_that_fails_costs_nothing_but_itself(caplog, provider):
    entry = next(entry for entry in available() if entry.name == "openai")
    entry._entry = None
    assert entry.start(provider) is None
    assert "could not be switched on" in caplog.text
