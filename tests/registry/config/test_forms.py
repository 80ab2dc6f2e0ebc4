from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.registry.config.forms import (
    BaseUrl,
    Dollars,
    Duration,
    HeaderValue,
    ModelGlob,
    SecretReference,
    Size,
    shown,
)


def read(form, value):
    return get_args(form)[1].parse(value)


def write(form, value):
    return get_args(form)[1].write(value)


@pytest.mark.parametrize(
    ("form", "text", "value"),
    [
        (Duration, "500ms", 0.5),
        (Duration, "10s", 10.0),
        (Duration, "1.5 m", 90.0),
        (Duration, "168h", 604_800.0),
        (Duration, 3, 3.0),
        (Size, "32MiB", 32 * 1024**2),
        (Size, "20 gib", 20 * 1024**3),
        (Size, "2GB", 2 * 10**9),
        (Size, 512, 512),
        (Dollars, "0.15", 150_000_000),
        (Dollars, 0, 0),
        (Dollars, 0.1, 100_000_000),
        (Dollars, 1e-9, 1),
        (SecretReference, "env:OPENAI_API_KEY", "env:OPENAI_API_KEY"),
        (SecretReference, "file:/run/secrets/a b", "file:/run/secrets/a b"),
        (HeaderValue, "blue team", "blue team"),
        (BaseUrl, "http://[::1]:8000/v1/", "http://[::1]:8000/v1"),
        (BaseUrl, "https://x", "https://x"),
        (ModelGlob, "llama-3*", "llama-3*"),
    ],
)
def test_a_form_reads_what_is_written(form, text, value):
    assert read(form, text) == value


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Duration, "10"),
        (Duration, "0s"),
        (Duration, "-1s"),
        (Duration, 0),
        (Duration, "169h"),
        (Duration, True),
        (Duration, None),
        (Duration, float("nan")),
        (Size, "1.5MiB"),
        (Size, "0B"),
        (Size, "many"),
        (Size, 1.0),
        (Size, False),
        (Size, "9999999TiB"),
        (Dollars, "-1"),
        (Dollars, -0.5),
        (Dollars, "1e-3"),
        (Dollars, float("inf")),
        (Dollars, 1_000_001),
        (Dollars, "0.0000000001"),
        (Dollars, True),
        (SecretReference, "sk-123"),
        (SecretReference, "env:"),
        (SecretReference, "env:A B"),
        (SecretReference, 5),
        (HeaderValue, "Bearer abc"),
        (HeaderValue, "a\nb: c"),
        (HeaderValue, "naïve"),
        (HeaderValue, 5),
        (BaseUrl, "api.openai.com/v1"),
        (BaseUrl, "file:///etc/passwd"),
        (BaseUrl, "http://"),
        (BaseUrl, "http://a:b@x"),
        (BaseUrl, "http://x/#y"),
        (BaseUrl, "http://x/?"),
        (BaseUrl, "http://x:99999"),
        (BaseUrl, "http://x:0"),
        (BaseUrl, "http://x y"),
        (BaseUrl, "http://[::1"),
        (BaseUrl, None),
        (ModelGlob, " "),
        (ModelGlob, 4),
    ],
)
def test_a_form_refuses_anything_else(form, text):
    with pytest.raises(ValueError):  # noqa: PT011 - the binder words the message
        read(form, text)


@given(st.integers(1, 7 * 24 * 3600 * 1000))
def test_a_duration_is_written_as_it_is_read(milliseconds):
    seconds = milliseconds / 1000
    assert read(Duration, write(Duration, seconds)) == pytest.approx(seconds, rel=1e-5)


@given(st.integers(1, 2**52))
def test_a_size_is_written_as_it_is_read(count):
    assert read(Size, write(Size, count)) == count


@given(st.integers(0, 10**15))
def test_a_price_is_written_as_it_is_read(nano):
    assert read(Dollars, write(Dollars, nano)) == nano


def test_a_value_is_shown_short_and_never_when_it_may_be_a_secret():
    assert shown("gpt-4o") == "'gpt-4o'"
    assert shown("groq/meta-llama/llama-4-maverick-17b-128e-instruct") == (
        "'groq/meta-llama/llama-4-maverick-17b-128e-instruct'"
    )
    assert shown(None) == "nothing"
    assert shown(True) == "true"
    assert shown(12) == "12"
    assert shown("a\x07b") == r"'a\x07b'"
    assert shown("x " * 60) == "a text of 120 characters"
    for secret in (
        "sk-abcdefgh1",
        "AIzaSyD-1234567890",
        "Bearer x",
        "0123456789abcdef0123456789abcdef",
        "psk_abcdefgh",
    ):
        assert shown(secret) == f"a text of {len(secret)} characters"
