"""Classification of upstream failures."""

import pytest

from penstock.core.clock import ManualClock
from penstock.providers.failures import MAX_KEPT_BODY, cut, from_status, malformed, retry_after


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7.0),
        ({"retry-after": "Wed, 15 Nov 2023 00:00:10 GMT", "date": "Wed, 15 Nov 2023 00:00:00 GMT"}, 10.0),
        ({"retry-after": "Wed, 15 Nov 2023 00:00:00 GMT", "date": "Wed, 15 Nov 2023 00:00:10 GMT"}, 0.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT"}, 30.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 GMT", "date": "never"}, 30.0),
        ({"retry-after": "Tue, 14 Nov 2023 22:13:50 -0000"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "later"}, None),
    ],
)
def test_retry_after_is_read_in_every_form(headers: dict[str, str], seconds: float | None) -> None:
    """FAILURES G16"""
    assert retry_after(headers, clock=ManualClock()) == seconds


@pytest.mark.parametrize(
    ("status", "code", "retryable"),
    [
        (400, "upstream_rejected", False),
        (401, "upstream_auth_failed", False),
        (403, "upstream_auth_failed", False),
        (404, "upstream_rejected", False),
        (408, "upstream_rejected", True),
        (409, "upstream_rejected", True),
        (413, "upstream_rejected", False),
        (422, "upstream_rejected", False),
        (429, "upstream_rate_limited", True),
        (500, "upstream_error", True),
        (503, "upstream_error", True),
        (529, "upstream_error", True),
    ],
)
def test_only_errors_that_may_pass_are_retryable(status: int, code: str, retryable: bool) -> None:
    """FAILURES G16"""
    error = from_status(status, {}, b"{}", message="no")
    assert (error.code, error.retryable, error.upstream_status) == (code, retryable, status)


def test_a_long_body_is_kept_to_its_bound_and_a_missing_message_is_worded() -> None:
    error = from_status(500, {"retry-after": "2"}, b"x" * (MAX_KEPT_BODY + 1), message=None)
    assert len(error.body) == MAX_KEPT_BODY
    assert error.message == "The upstream answered with HTTP status 500 and no error message."
    assert error.retry_after == 2.0


def test_a_cut_and_a_malformed_answer_are_told_apart() -> None:
    """FAILURES G14, G30"""
    assert cut().code == "upstream_cut"
    assert malformed("it is not JSON", body=b"<html>").code == "upstream_malformed"
    assert malformed("it is not JSON", body=b"<html>").body == b"<html>"


def test_what_a_vendor_says_of_a_refused_key_is_not_repeated() -> None:
    """FAILURES S12"""
    error = from_status(401, {}, b'{"error":{"message":"Incorrect key sk-abc"}}', message="Incorrect key sk-abc")
    assert "sk-abc" not in str(error)
    assert error.body == b""
