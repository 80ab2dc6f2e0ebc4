"""What is taken out before anything leaves the process."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.trace import Status, StatusCode

import penstock
from penstock.sdk.masking import CARDS, EMAILS, FAILED, KEYS, PERSONAL, PHONES, Masker


@pytest.mark.parametrize(
    ("pattern", "text", "masked"),
    [
        (EMAILS, "write to Jo.Doe+x@mail.example.co.uk, please", "write to [email], please"),
        (EMAILS, "a@b is none, nor is @home", "a@b is none, nor is @home"),
        (PHONES, "call +49 (30) 1234-5678 now", "call [phone] now"),
        (PHONES, "(030) 1234 5678 or 415-555-0132", "[phone] or [phone]"),
        (PHONES, "order 1234567890123 of 2024-01-02 at 10.5.3.1", "order 1234567890123 of 2024-01-02 at 10.5.3.1"),
        (CARDS, "4111 1111 1111 1111 and 5500-0000-0000-0004", "[card] and [card]"),
        (CARDS, "4111 1111 1111 1112 fails its check digit", "4111 1111 1111 1112 fails its check digit"),
        (CARDS, "0000 0000 0000 0000", "0000 0000 0000 0000"),
        (KEYS, "sk-proj-abcdefghij0123456789 psk_ABCDEFGHIJ0123456789", "[key] [key]"),
        (KEYS, "Authorization: Bearer abcdef0123456789abcdef", "Authorization: [key]"),
        (KEYS, "ghp_" + "a" * 36 + " AKIA" + "A" * 16, "[key] [key]"),
        (KEYS, "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----.", "[key]."),
        (KEYS, "skip-the-line and task_force", "skip-the-line and task_force"),
    ],
)  # fmt: skip
def test_patterns_find_what_they_are_for_and_no_more(pattern, text, masked):
    assert pattern.apply(text) == masked


def luhn(digits):
    total = 0
    for place, digit in enumerate(reversed(digits)):
        doubled = digit * 2 if place % 2 == 0 else digit
        total += doubled - 9 if doubled > 9 else doubled
    return (10 - total % 10) % 10


@given(st.lists(st.integers(0, 9), min_size=12, max_size=18).filter(lambda digits: len(set(digits)) > 1))
def test_every_number_with_a_right_check_digit_is_a_card_and_no_other(digits):
    right = luhn(digits)
    for check in range(10):
        text = "".join(map(str, [*digits, check]))
        assert (CARDS.apply(text) == "[card]") == (check == right)


@given(st.text())
def test_patterns_take_any_text(text):
    assert isinstance(Masker(PERSONAL).text(text), str)


def test_masks_reach_every_text_of_a_span(init, spans, provider):
    init(mask=[EMAILS, r"ticket-\d+", re.compile("geheim", re.IGNORECASE)])
    span = provider.get_tracer("auto").start_span(
        "mail jo@example.com",
        attributes={
            "text": "jo@example.com ticket-12",
            "list": ("GEHEIM", "ok"),
            "number": 7,
            "bytes": b"x",
            "json": '{"to":"jo@example.com"}',
        },
    )
    span.add_event("to jo@example.com", {"exception.message": "ticket-9"})
    span.set_status(Status(StatusCode.ERROR, "jo@example.com is unknown"))
    span.end()
    (sent,) = spans().values()
    assert sent.name == "mail [email]"
    assert dict(sent.attributes) == {
        "text": "[email] [masked]",
        "list": ["[masked]", "ok"],
        "number": 7,
        "bytes": b"x",
        "json": '{"to":"[email]"}',
    }
    assert (sent.events[0].name, sent.events[0].attributes["exception.message"]) == ("to [email]", "[masked]")
    assert sent.status.description == "[email] is unknown"
    assert "example" not in str(dict(sent.attributes))


def test_a_mask_that_raises_drops_the_value_and_not_the_program(init, spans, caplog):
    def mask(text):
        if "secret" in text:
            raise RuntimeError(text)
        return None if "none" in text else text

    init(mask=mask)
    with penstock.span("s") as work:
        work.set_attribute("a", "the secret")
        work.set_attribute("b", "none")
        work.set_attribute("c", "fine")
    attributes = spans()["s"].attributes
    assert (attributes["a"], attributes["b"], attributes["c"]) == (FAILED, FAILED, "fine")
    assert penstock.statistics().mask_failures == 2
    assert "the secret" not in caplog.text


def test_nested_values_are_masked_too():
    assert Masker(lambda text: text.upper()).value({"a": ["b", {"c": "d"}], "n": None}) == {
        "a": ["B", {"c": "D"}],
        "n": None,
    }
