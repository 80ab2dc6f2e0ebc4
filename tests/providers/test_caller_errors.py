"""Errors as each dialect words them."""

import json

import anthropic
import pytest
from anthropic.types import ErrorResponse
from openai.types.responses import ResponseErrorEvent, ResponseFailedEvent

from penstock.core.errors import (
    DeadlineExceeded,
    InvalidInput,
    NotFound,
    PenstockError,
    PermissionDenied,
    TooLarge,
    Unauthenticated,
    Unavailable,
    UpstreamError,
)
from penstock.providers.dialects import render_error, render_stream_error
from penstock.providers.failures import cut, from_status
from penstock.providers.sse import SseSplitter

OPENAI_BODY = b'{"error":{"message":"no","type":"invalid_request_error","param":"n","code":null}}'
ANTHROPIC_BODY = b'{"type":"error","error":{"type":"invalid_request_error","message":"no"},"request_id":"r"}'
GOOGLE_BODY = b'{"error":{"code":400,"message":"no","status":"INVALID_ARGUMENT"}}'


def openai(error):
    status, body = render_error("openai", "chat", error, request_id="t1")
    return status, json.loads(body)["error"]


def claude(error):
    status, body = render_error("anthropic", "messages", error, request_id="t1")
    if status != 413:  # `request_too_large` is documented, but the SDK has no type for it
        ErrorResponse.model_validate_json(body)
    return status, json.loads(body)


@pytest.mark.parametrize(
    ("error", "status", "openai_type", "anthropic_type"),
    [
        (InvalidInput("m", field="n"), 400, "invalid_request_error", "invalid_request_error"),
        (Unauthenticated("m"), 401, "authentication_error", "authentication_error"),
        (PermissionDenied("m"), 403, "permission_error", "permission_error"),
        (NotFound("m"), 404, "invalid_request_error", "not_found_error"),
        (TooLarge("m"), 413, "invalid_request_error", "request_too_large"),
        (PenstockError("m"), 500, "server_error", "api_error"),
        (cut(), 502, "server_error", "api_error"),
        (Unavailable("m"), 503, "server_error", None),
        (DeadlineExceeded("m", timer="gap"), 504, "server_error", "timeout_error"),
    ],
)
def test_penstocks_own_errors_have_the_dialects_types(error, status, openai_type, anthropic_type):
    came, body = openai(error)
    assert (came, body["type"], body["code"]) == (status, openai_type, error.code)
    assert body["message"] == str(error)
    assert body["param"] == getattr(error, "field", None)
    came, body = claude(error)
    assert came == status
    assert body["request_id"] == "t1"
    assert body["error"]["message"] == str(error)
    if anthropic_type is not None:
        assert body["error"]["type"] == anthropic_type


@pytest.mark.parametrize("status", [400, 404, 413, 415, 422, 429])
def test_an_upstreams_words_about_the_request_are_passed_on_as_they_came(status):
    error = from_status(status, {}, OPENAI_BODY, message="no")
    assert render_error("openai", "chat", error, request_id="t1") == (status, OPENAI_BODY)
    error = from_status(status, {}, ANTHROPIC_BODY, message="no")
    assert render_error("anthropic", "messages", error, request_id="t1") == (status, ANTHROPIC_BODY)


@pytest.mark.parametrize("body", [ANTHROPIC_BODY, GOOGLE_BODY, b"<html>", b'{"error":"no"}', b'{"error":{}}'])
def test_an_error_of_another_dialect_is_worded_anew_for_openai(body):
    came, error = openai(from_status(400, {}, body, message="no"))
    assert came == 400
    assert error == {"message": "no", "type": "invalid_request_error", "param": None, "code": "upstream_rejected"}


@pytest.mark.parametrize("body", [OPENAI_BODY, GOOGLE_BODY, b"<html>"])
def test_an_error_of_another_dialect_is_worded_anew_for_anthropic(body):
    came, error = claude(from_status(429, {}, body, message="no"))
    assert came == 429
    assert error["error"] == {"type": "rate_limit_error", "message": "no"}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refusal_of_penstocks_own_key_is_not_the_callers_fault(status):
    """FAILURES S12"""
    error = from_status(status, {}, b'{"error":{"message":"bad key sk-123"}}', message="bad key sk-123")
    came, body = openai(error)
    assert (came, body["code"], body["type"]) == (502, "upstream_auth_failed", "server_error")
    assert "sk-123" not in body["message"]
    assert claude(error)[0] == 502


@pytest.mark.parametrize(("upstream", "status"), [(402, 502), (408, 502), (409, 502)])
def test_other_refusals_are_a_bad_gateway(upstream, status):
    assert openai(from_status(upstream, {}, OPENAI_BODY, message="no"))[0] == status


def test_server_errors_keep_their_status_and_overload_has_its_own_at_anthropic():
    assert openai(from_status(500, {}, OPENAI_BODY, message="no"))[0] == 500
    assert openai(from_status(529, {}, ANTHROPIC_BODY, message="no"))[0] == 503
    came, body = claude(from_status(529, {}, ANTHROPIC_BODY, message="no"))
    assert (came, body["error"]["type"]) == (529, "overloaded_error")


def events(data):
    splitter = SseSplitter()
    return [(name, json.loads(payload)) for name, payload in splitter.feed(data)]


def test_a_failed_chat_stream_ends_with_an_error_and_no_end_marker():
    """FAILURES G14, G15"""
    data = render_stream_error("openai", "chat", cut(), request_id="t1")
    assert [(name, body["error"]["code"]) for name, body in events(data)] == [("", "upstream_cut")]
    assert b"[DONE]" not in data


def test_a_failed_responses_stream_ends_with_its_typed_events():
    """FAILURES G15"""
    error = UpstreamError("slow down", upstream_status=429, code="upstream_rate_limited")
    found = events(render_stream_error("openai", "responses", error, request_id="t1"))
    assert [name for name, _ in found] == ["error", "response.failed"]
    assert ResponseErrorEvent.model_validate(found[0][1]).message == "slow down"
    failed = ResponseFailedEvent.model_validate(found[1][1])
    assert failed.response.status == "failed"
    assert failed.response.error is not None
    assert failed.response.error.code == "rate_limit_exceeded"


def test_a_failed_messages_stream_ends_with_an_error_event():
    """FAILURES G15"""
    found = events(render_stream_error("anthropic", "messages", cut(), request_id="t1"))
    assert [name for name, _ in found] == ["error"]
    assert anthropic.types.ErrorResponse.model_validate(found[0][1]).error.message == str(cut())
