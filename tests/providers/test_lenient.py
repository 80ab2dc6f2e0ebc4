"""Events that are unusual but no breach of JSON."""

import msgspec
import pytest

from penstock.providers.lenient import decode_odd


class _Event(msgspec.Struct):
    text: str


decode = msgspec.json.Decoder(_Event).decode


def test_halves_of_surrogate_pairs_are_replaced():
    assert decode_odd(decode, b'{"text":"a\\ud83d"}') == _Event("a?")


def test_json_of_another_shape_is_no_event():
    assert decode_odd(decode, b'{"text":3}') is None


@pytest.mark.parametrize("data", [b"{", b"", b'{"text":NaN}', b'{"text":"\xff"}', b"[" * 100_000])
def test_what_is_not_json_is_an_error(data):
    with pytest.raises(ValueError):  # noqa: PT011 - that it is one is all that is said
        decode_odd(decode, data)


def test_what_only_python_takes_for_json_is_an_error():
    with pytest.raises(ValueError, match="no JSON that can be read"):
        decode_odd(decode, b'{"text":' + b"1" * 4000 + b"e999999}")
