"""What an error says about target, key and request."""

import json

import pytest

from penstock.core.errors import DeadlineExceeded, InvalidInput, Unavailable, UpstreamError
from penstock.gateway.routing.verdicts import describe, judge, quota_spent
from penstock.providers import failures


def status(code, headers=None, body=b""):
    return failures.from_status(code, headers or {}, body, message=None)


SPENT = (
    b'{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}'
)


@pytest.mark.parametrize(
    ("error", "marks"),
    [
        (status(500), "cre"),
        (status(503), "cre"),
        (status(529), "cre"),
        (status(501), "e"),
        (status(505), "e"),
        (status(408), "cre"),
        (status(409), "re"),
        (status(425), "re"),
        (status(400), ""),
        (status(404), "e"),
        (status(413), ""),
        (status(422), ""),
        (status(401), "cek"),
        (status(402), "cek"),
        (status(403), "cek"),
        (status(429), "cre"),
        (status(429, {"retry-after": "2"}), "rek"),
        (status(429, body=SPENT), "cek"),
        (status(429, {"retry-after": "2"}, SPENT), "cek"),
        (failures.cut(), "cre"),
        (failures.malformed("x"), "cre"),
        (UpstreamError("x", code="upstream_unreachable"), "cre"),
        (UpstreamError("x", code="upstream_wrong_content_type"), "cre"),
        (UpstreamError("x", code="upstream_stream_error", retryable=True), "cre"),
        (UpstreamError("x", code="upstream_stream_error", retryable=False), ""),
        (UpstreamError("x", code="upstream_too_large", retryable=False), ""),
        (UpstreamError("x", code="upstream_model_error"), "re"),
        (UpstreamError("x", code="provider_secret_missing"), "e"),
        (DeadlineExceeded("x", timer="connect"), "cre"),
        (DeadlineExceeded("x", timer="first_byte"), "ce"),
        (DeadlineExceeded("x", timer="gap"), "ce"),
        (DeadlineExceeded("x", timer="total"), "ce"),
        (InvalidInput("x"), ""),
        (Unavailable("x"), ""),
        (ConnectionResetError(), ""),
    ],
)
def test_each_error_has_its_verdict(error, marks):
    """FAILURES G13, G16: c counts, r retry, e elsewhere, k another key."""
    verdict = judge(error)
    given = zip("crek", (verdict.counts, verdict.retry, verdict.elsewhere, verdict.key), strict=True)
    assert "".join(mark for mark, is_set in given if is_set) == marks


def test_an_error_is_named_with_its_status():
    assert describe(status(503)) == "upstream_error (503)"
    assert describe(failures.cut()) == "upstream_cut"
    assert describe(InvalidInput("x")) == "invalid_input"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (SPENT, "insufficient_quota"),
        (json.dumps({"error": {"type": "quota_exceeded", "code": 429}}).encode(), "quota_exceeded"),
        (b'{"error":{"code":"rate_limit_exceeded"}}', None),
        (b'{"error":"text"}', None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_a_spent_quota_is_told_from_a_rate(body, word):
    assert quota_spent(status(429, body=body)) == word
