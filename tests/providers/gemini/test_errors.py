"""Google's error object."""

import json

import pytest

from penstock.providers.gemini.errors import error


def body(code, status, *details, message="No."):
    return json.dumps(
        {"error": {"code": code, "message": message, "status": status, "details": list(details)}}
    ).encode()


RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "13.5s"}


@pytest.mark.parametrize(
    ("code", "status", "name", "retryable"),
    [
        (400, "INVALID_ARGUMENT", "upstream_rejected", False),
        (404, "NOT_FOUND", "upstream_rejected", False),
        (429, "RESOURCE_EXHAUSTED", "upstream_rate_limited", True),
        (500, "INTERNAL", "upstream_error", True),
        (503, "UNAVAILABLE", "upstream_error", True),
    ],
)
def test_an_error_is_read_by_its_status(code, status, name, retryable):
    found = error(code, {}, body(code, status))
    assert (found.message, found.upstream_status, found.code, found.retryable) == ("No.", code, name, retryable)


def test_a_wrong_key_is_penstocks_own_though_google_calls_it_an_argument():
    reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "x"}
    found = error(400, {}, body(400, "INVALID_ARGUMENT", reason, message="API key not valid."))
    assert found.code == "upstream_auth_failed"


def test_the_delay_in_the_body_is_the_wait():
    other = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []}
    assert error(429, {}, body(429, "RESOURCE_EXHAUSTED", other, RETRY)).retry_after == 13.5
    assert error(429, {"retry-after": "2"}, body(429, "RESOURCE_EXHAUSTED", RETRY)).retry_after == 2.0


@pytest.mark.parametrize("delay", ["soon", "xs", "-1s", "infs", "nans"])
def test_a_delay_that_is_none_is_passed_over(delay):
    assert error(429, {}, body(429, "RESOURCE_EXHAUSTED", RETRY | {"retryDelay": delay})).retry_after is None


def test_streaming_methods_wrap_the_object_in_an_array():
    assert error(404, {}, b"[" + body(404, "NOT_FOUND") + b"]").message == "No."


@pytest.mark.parametrize("raw", [b"", b"<html>", b"[]", b'{"error": "text"}', b"\xff"])
def test_an_answer_without_an_error_object_is_told_by_its_status(raw):
    assert "502" in error(502, {}, raw).message
