"""Several keys for one provider."""

import math
from collections import Counter
from random import Random

import pytest

from penstock.core.errors import InvalidInput, UpstreamError
from penstock.gateway.routing.keys import Key, KeyRing
from penstock.providers import failures

KEYS = (Key("main", "sk-1", 3.0), Key("backup", "sk-2", 1.0))
SPENT = b'{"error":{"code":"insufficient_quota"}}'


def refused(status=401, headers=None, body=b""):
    return failures.from_status(status, headers or {}, body, message=None)


def picks(ring, now, times=400, **tried):
    random = Random(1)
    return Counter(ring.pick(now, random, **tried) for _ in range(times))


def test_keys_are_used_by_weight():
    counts = picks(KeyRing(KEYS), 0.0, 10_000)
    assert counts[0] == pytest.approx(7500, abs=200)


def test_one_key_is_always_that_key():
    ring = KeyRing(KEYS[:1])
    assert ring.failed(0, refused(), 10.0)
    assert ring.pick(10.0, Random(1)) == 0
    assert not ring.has_another(10.0, tried=0b1)


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_refused_key_is_set_aside_for_five_minutes_and_then_twice_as_long(status):
    ring = KeyRing(KEYS)
    assert ring.failed(0, refused(status), 100.0)
    # Others under way at the same time do not double it.
    assert ring.failed(0, refused(status), 101.0)
    assert ring.aside(101.0) == (f"main: {status}",)
    assert picks(ring, 399.0).keys() == {1}
    assert ring.back_at() == 400.0
    assert picks(ring, 400.0).keys() == {0, 1}
    assert ring.aside(400.0) == ()
    waits = []
    now = 400.0
    for _ in range(5):
        ring.failed(0, refused(status), now)
        waits.append(ring.back_at() - now)
        now = ring.back_at()
    assert waits == [600.0, 1200.0, 2400.0, 3600.0, 3600.0]


def test_a_key_that_works_again_starts_afresh():
    ring = KeyRing(KEYS)
    ring.failed(0, refused(), 0.0)
    assert ring.has_another(300.0, tried=0b10)
    ring.succeeded(0, began=300.0)
    ring.failed(0, refused(), 1000.0)
    assert ring.back_at() == 1300.0


def test_an_answer_to_what_was_sent_before_a_refusal_does_not_bring_the_key_back():
    ring = KeyRing(KEYS)
    ring.failed(0, refused(), 1000.0)
    ring.succeeded(0, began=990.0)
    assert picks(ring, 1001.0).keys() == {1}
    # Tried because nothing else was left.
    ring.succeeded(0, began=1001.0)
    assert picks(ring, 1002.0).keys() == {0, 1}
    ring.succeeded(0, began=1003.0)
    assert ring.back_at() == math.inf


@pytest.mark.parametrize(
    ("error", "seconds", "reason"),
    [
        (refused(429, body=SPENT), 60.0, "429 insufficient_quota"),
        (refused(429, {"retry-after": "7"}, SPENT), 7.0, "429 insufficient_quota"),
        (refused(429, {"retry-after": "7"}), 7.0, "429"),
        (refused(429, {"retry-after": "999999"}), 3600.0, "429"),
    ],
)
def test_a_limited_key_is_set_aside_for_as_long_as_it_was_told(error, seconds, reason):
    ring = KeyRing(KEYS)
    assert ring.failed(1, error, 50.0)
    assert ring.back_at() == 50.0 + seconds
    assert ring.aside(51.0) == (f"backup: {reason}",)
    ring.failed(1, refused(429, {"retry-after": "1"}), 51.0)
    assert ring.back_at() == 50.0 + seconds


@pytest.mark.parametrize("error", [refused(429), refused(500), refused(400), UpstreamError("cut")])
def test_what_is_no_keys_fault_sets_none_aside(error):
    ring = KeyRing(KEYS)
    assert not ring.failed(0, error, 0.0)
    assert picks(ring, 0.0).keys() == {0, 1}


def test_when_all_are_aside_the_first_to_come_back_is_used():
    ring = KeyRing(KEYS)
    ring.failed(0, refused(429, {"retry-after": "30"}), 0.0)
    ring.failed(1, refused(), 0.0)
    assert picks(ring, 1.0).keys() == {0}
    assert picks(ring, 1.0, tried=0b01).keys() == {1}
    assert not ring.has_another(1.0, tried=0)


def test_keys_that_a_call_has_tried_come_last():
    ring = KeyRing((*KEYS, Key("third", "sk-3")))
    assert picks(ring, 0.0, tried=0b001).keys() == {1, 2}
    assert picks(ring, 0.0, tried=0b011).keys() == {2}
    assert picks(ring, 0.0, tried=0b111).keys() == {0}
    assert ring.has_another(0.0, tried=0b011)
    assert not ring.has_another(0.0, tried=0b111)


def test_a_key_of_weight_0_is_used_only_when_it_is_all_there_is():
    assert picks(KeyRing((Key("a", "1", 0.0), Key("b", "2"))), 0.0).keys() == {1}
    assert picks(KeyRing((Key("a", "1", 0.0),)), 0.0).keys() == {0}


def test_a_ring_needs_a_key():
    with pytest.raises(InvalidInput):
        KeyRing(())


def test_a_key_does_not_show_its_secret():
    assert "sk-1" not in repr(KEYS)
    assert "sk-1" not in KEYS[0].fingerprint
