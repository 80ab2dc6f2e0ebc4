"""What may be taken from the cache, what may go into it, and what that saves."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.clock import ManualClock
from penstock.gateway.reuse.policy import NO_REUSE, NotCached, Reuse, age_of, is_fresh, parse_cache_control, reuse_of
from penstock.gateway.reuse.savings import Tally, keepable, savings
from penstock.providers.dialects import parse_call, render_error
from penstock.providers.types import Answer
from penstock.store.answers.memory import MemoryAnswers
from penstock.wire.answers import CachedAnswer
from penstock.wire.routing import CachePolicy
from penstock.wire.status import CacheReport
from penstock.wire.usage import Usage

POLICY = CachePolicy(ttl=60)
NOW = 1_700_000_000_000_000
KEPT = CachedAnswer(
    operation="chat", body=b"{}", created=NOW, provider="up", model="m", usage=Usage(input=3, output=2), cost=17
)


def call(operation="chat", **members):
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "input": "Hi", "max_tokens": 9, **members}
    return parse_call(operation, json.dumps(body).encode(), {})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", Reuse()),
        ("no-store", Reuse(read=False, write=False)),
        ("no-cache", Reuse(read=False)),
        ("No-Cache, No-Store", Reuse(read=False, write=False)),
        ("max-age=30", Reuse(max_age=30)),
        (' max-age = "30" , private', Reuse(max_age=30)),
        ("max-age=0", Reuse(max_age=0)),
        ("max-age=30, max-age=10", Reuse(max_age=10)),
        ("max-age=soon", Reuse()),
        ("max-age=-1", Reuse()),
        ("max-age", Reuse()),
        ("only-if-cached, max-age=5", Reuse(only_if_cached=True, max_age=5)),
        ("no-cachey, stale-if-error=5,,", Reuse()),
    ],
)
def test_cache_control_is_read_leniently(header, expected):
    assert parse_cache_control(header) == expected


@given(header=st.text(st.characters(max_codepoint=255)))
def test_no_header_breaks_the_reader(header):
    parse_cache_control(header)
    parse_cache_control(f"max-age={header}")


@given(seconds=st.integers(0, 10**400))
def test_any_number_of_seconds_is_a_bound(seconds):
    found = parse_cache_control(f"max-age={seconds}").max_age
    assert found is not None
    # Whole numbers beyond 2**53 are rounded, by less than a billionth.
    assert found >= min(seconds, 10**300) * (1 - 1e-9)


@pytest.mark.parametrize("operation", ["chat", "messages", "responses", "embeddings"])
def test_calls_on_a_route_with_a_cache_may_be_cached(operation):
    assert reuse_of(call(operation), POLICY, None) == Reuse()
    assert reuse_of(call(operation), POLICY, "no-cache") == Reuse(read=False)
    assert reuse_of(call(operation), None, None) == NO_REUSE


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("count_tokens", {}),
        ("responses", {"background": True}),
        ("responses", {"conversation": "conv_1"}),
    ],
)
def test_calls_whose_answer_is_not_only_their_own_are_not_cached(operation, members):
    assert reuse_of(call(operation, **members), POLICY, None) == NO_REUSE
    with pytest.raises(NotCached):
        reuse_of(call(operation, **members), POLICY, "only-if-cached")


def test_members_that_say_no_leave_a_call_cacheable():
    assert reuse_of(call("responses", background=False, conversation=None), POLICY, None) == Reuse()


def test_what_belongs_to_nobody_is_not_shared_in_a_scope_of_users():
    """FAILURES G23"""
    policy = CachePolicy(ttl=60, scope="user")
    assert reuse_of(call(), policy, None) == NO_REUSE
    assert reuse_of(call(), policy, None, owner="u") == Reuse()


def test_not_cached_is_told_in_the_callers_dialect():
    with pytest.raises(NotCached) as caught:
        reuse_of(call(), None, "only-if-cached")
    status, body = render_error("openai", "chat", caught.value, request_id="1")
    assert status == 504
    assert json.loads(body)["error"]["code"] == "not_cached"


@pytest.mark.parametrize(
    ("operation", "reasons", "expected"),
    [
        ("chat", ["stop"], True),
        ("chat", ["tool_calls", "stop"], True),
        ("chat", ["length"], False),
        ("chat", ["stop", "content_filter"], False),
        ("messages", ["error"], False),
        ("responses", [], False),
        ("embeddings", [], True),
    ],
)
def test_only_complete_answers_are_kept(operation, reasons, expected):
    assert keepable(operation, Answer(finish_reasons=reasons), b"{}") is expected


def test_answers_that_are_too_large_or_not_known_as_a_whole_are_not_kept():
    answer = Answer(finish_reasons=["stop"])
    assert keepable("chat", answer, b"12", limit=2)
    assert not keepable("chat", answer, b"123", limit=2)
    assert not keepable("chat", answer, None)


def test_an_answer_is_taken_while_it_is_young_enough():
    second = 1_000_000
    assert is_fresh(KEPT, Reuse(), now=NOW + 10**9 * second)
    assert is_fresh(KEPT, Reuse(max_age=10), now=NOW + 10 * second)
    assert not is_fresh(KEPT, Reuse(max_age=10), now=NOW + 10 * second + 1)
    assert age_of(KEPT, now=NOW + 5 * second - 1) == 4
    assert age_of(KEPT, now=NOW - second) == 0


async def test_a_hit_saves_what_its_answer_cost_and_unknown_stays_unknown():
    """FAILURES G28"""
    assert savings(KEPT) == (Usage(input=3, output=2), 17)
    unknown = CachedAnswer(operation="chat", body=b"", created=0, provider="p", model="m")
    assert savings(unknown) == (Usage(), None)
    cache = MemoryAnswers(budget=10_000, clock=ManualClock())
    cache.put("p/1", KEPT, ttl=5)
    tally = Tally()
    tally.count("miss")
    tally.count("hit", KEPT)
    tally.count("hit", unknown)
    tally.count("joined", KEPT)
    tally.count("joined")
    expected = CacheReport(hits=2, misses=1, joined=2, saved=34, entries=1, bytes=cache.bytes)
    assert tally.report(cache) == expected
    assert cache.bytes == KEPT.size + 3
    cache.resize(10)
    assert (cache.entries, cache.bytes) == (0, 0)
