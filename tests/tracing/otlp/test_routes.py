"""OTLP over HTTP, as exporters meet it."""

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.message import Message
from litestar import Litestar
from litestar.di import Provide
from litestar.testing import TestClient
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from otlp_harness import Log, as_json, request, span
from penstock.core.errors import PenstockError, Unavailable
from penstock.server.problems import EXCEPTION_HANDLERS
from penstock.tracing.otlp.answer import encode_status
from penstock.tracing.otlp.body import PROTOBUF
from penstock.tracing.otlp.routes import otlp_router

GOOD = request(span()).SerializeToString()
BAD = request(span(), span(start=0))
HEADERS = {"content-type": PROTOBUF}


@pytest.fixture
def client(intake) -> Iterator[TestClient[Litestar]]:
    app = Litestar(
        [otlp_router()],
        dependencies={
            "otlp": Provide(lambda: intake, sync_to_thread=False),
            "project": Provide(lambda: "p1", sync_to_thread=False),
        },
        exception_handlers=EXCEPTION_HANDLERS,
        request_max_body_size=1000,
        logging_config=None,
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def told(body: bytes) -> tuple[int, str]:
    """Code and message of a `google.rpc.Status`, read by the rules of the wire format."""
    assert body[0] == 0x08
    assert body[2] == 0x12
    length, at = 0, 3
    for shift in range(0, 35, 7):
        byte = body[at]
        at += 1
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
    assert len(body) == at + length
    return body[1], body[at:].decode()


def test_protobuf_is_answered_in_protobuf(client, log: Log):
    answer = client.post("/otlp/v1/traces", content=gzip.compress(GOOD), headers=HEADERS | {"content-encoding": "gzip"})
    assert (answer.status_code, answer.headers["content-type"], answer.content) == (200, PROTOBUF, b"")
    assert len(log.spans) == 1


def test_a_partial_success_names_its_reasons_in_either_encoding(client):
    """FAILURES O4"""
    answer = client.post("/otlp/v1/traces", content=BAD.SerializeToString(), headers=HEADERS)
    message: Message = ExportTraceServiceResponse.FromString(answer.content)
    partial: Any = message.partial_success  # type: ignore[attr-defined]
    sentence = "1 spans are stored. Not taken: 1 because there is no start time."
    assert (partial.rejected_spans, partial.error_message) == (1, sentence)
    answer = client.post("/otlp/v1/traces", content=as_json(BAD), headers={"content-type": "application/json"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"partialSuccess": {"rejectedSpans": "1", "errorMessage": sentence}}


def test_what_went_wrong_is_told_in_the_senders_encoding(client):
    answer = client.post("/otlp/v1/traces", content=b"\xff", headers=HEADERS)
    assert (answer.status_code, answer.headers["content-type"]) == (400, PROTOBUF)
    code, sentence = told(answer.content)
    assert (code, "ExportTraceServiceRequest" in sentence) == (3, True)
    answer = client.post("/otlp/v1/traces", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_otlp")


@pytest.mark.parametrize("headers", [{"content-type": "text/plain"}, HEADERS | {"content-encoding": "br"}])
def test_other_media_answer_415(client, headers):
    assert client.post("/otlp/v1/traces", content=GOOD, headers=headers).status_code == 415


def test_a_body_may_be_larger_than_the_consoles_own_and_no_larger_than_its_limit(client):
    large = request(span({"text": "x" * 5000})).SerializeToString()
    assert client.post("/otlp/v1/traces", content=large, headers=HEADERS).status_code == 200
    answer = client.post("/otlp/v1/traces", content=b"x" * (33 * 1024 * 1024), headers=HEADERS)
    assert answer.status_code == 413


def test_back_pressure_says_when_to_come_again(client, intake):
    """FAILURES O6"""
    intake.state.waiting = 10**12
    intake._measured_at = 10**9
    answer = client.post("/otlp/v1/traces", content=GOOD, headers=HEADERS)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    assert told(answer.content)[0] == 8


def test_a_disk_that_takes_nothing_answers_503(client, log: Log):
    """FAILURES O4"""
    log.failure = Unavailable("The journal has no room.", code="journal_full", retry_after=3)
    answer = client.post("/otlp/v1/traces", content=GOOD, headers=HEADERS)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")


@pytest.mark.parametrize("signal", ["metrics", "logs"])
def test_other_signals_are_refused_in_a_way_that_exporters_do_not_try_again(client, signal):
    answer = client.post(f"/otlp/v1/{signal}", content=b"", headers=HEADERS)
    assert answer.status_code == 404
    assert f"OTEL_{signal.upper()}_EXPORTER=none" in told(answer.content)[1]


def test_a_status_may_be_long():
    assert told(encode_status(413, "x" * 300)) == (3, "x" * 300)
    assert told(encode_status(418, ""))[0] == 13


def test_an_error_without_an_answer_of_its_own_is_a_problem(client, log: Log):
    class Odd(PenstockError):
        status = 500

    log.failure = Odd("Something secret.")
    answer = client.post("/otlp/v1/traces", content=GOOD, headers=HEADERS)
    assert answer.status_code == 500
    assert b"secret" not in answer.content
