"""Anthropic's error objects, both ways."""

import json

import pytest
from anthropic.types.shared import ErrorResponse

from penstock.providers.anthropic.errors import encode_error, encode_error_event, error, error_type


def body(kind, message="No."):
    return json.dumps({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}).encode()


@pytest.mark.parametrize(
    ("status", "kind", "code", "retryable"),
    [
        (400, "invalid_request_error", "upstream_rejected", False),
        (404, "not_found_error", "upstream_rejected", False),
        (429, "rate_limit_error", "upstream_rate_limited", True),
        (500, "api_error", "upstream_error", True),
        (529, "overloaded_error", "upstream_error", True),
    ],
)
def test_an_error_is_read_by_its_status(status, kind, code, retryable):
    found = error(status, {}, body(kind))
    assert (found.message, found.upstream_status, found.code, found.retryable) == ("No.", status, code, retryable)
    assert found.body == body(kind)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_penstocks_own_and_its_message_stays_inside(status):
    found = error(status, {}, body("authentication_error", "invalid x-api-key sk-ant-secret"))
    assert (found.code, found.retryable) == ("upstream_auth_failed", False)
    assert "sk-ant-secret" not in found.message


@pytest.mark.parametrize("raw", [b"", b"<html>Bad gateway</html>", b'{"error": "text"}', b"\xff"])
def test_an_answer_without_an_error_object_is_told_by_its_status(raw):
    assert "502" in error(502, {}, raw).message


def test_the_wait_that_the_upstream_asks_for_is_kept():
    assert error(429, {"retry-after": "12"}, body("rate_limit_error")).retry_after == 12.0


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "request_too_large"),
        (422, "invalid_request_error"),
        (429, "rate_limit_error"),
        (502, "api_error"),
        (504, "timeout_error"),
        (529, "overloaded_error"),
    ],
)
def test_statuses_have_the_vendors_names(status, kind):
    assert error_type(status) == kind


def test_an_error_is_written_as_the_sdk_reads_it():
    encoded = encode_error(429, "Slow down.", request_id="req_9")
    parsed = ErrorResponse.model_validate_json(encoded)
    assert (parsed.error.type, parsed.error.message, parsed.request_id) == ("rate_limit_error", "Slow down.", "req_9")
    event = encode_error_event(429, "Slow down.", request_id="req_9")
    assert event == b"event: error\ndata: " + encoded + b"\n\n"
