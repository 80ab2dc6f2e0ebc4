"""Answers given again: from the cache, and from an identical call in flight."""

import asyncio
import json
from typing import Any

import httpx
import msgspec
import pytest

from dispatch_harness import (
    COST,
    Gate,
    ask,
    budget,
    calls,
    choices,
    eventually,
    fails,
    healthy,
    in_two_parts,
    route,
    serve,
    spent,
    text_of,
    use,
)
from gateway_harness import KEY, Gateway, Provider, delta
from penstock.wire.routing import CachePolicy, Cohort, Degradation, Fallback, OnBudget, Retries, RouteEntry, Weighted
from penstock.wire.snapshot import KeyEntry, ProjectEntry, hash_key

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
FOR_AN_HOUR = CachePolicy(ttl=3600)


@pytest.fixture(autouse=True)
def two_providers(provider: Provider, second: Provider) -> None:
    healthy(provider, "first")
    healthy(second, "second")


def cached(strategy: Any = None, *, policy: CachePolicy = FOR_AN_HOUR, **fields: Any) -> RouteEntry:
    return route(strategy or use("a"), cache=policy, **fields)


async def joined(gateway: Gateway, count: int) -> None:
    """Wait until so many calls fly along with one."""
    flights = gateway.reuser._flights
    await eventually(lambda: any(len(one.followers) == count for one in flights._flights.values()))


class TestHits:
    @STREAM
    async def test_the_same_question_is_answered_again_at_no_cost_and_says_what_it_saved(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        """FAILURES G28."""
        serve(gateway, cached(), limits=(budget(10**9),))
        first = await gateway.chat("r", stream=stream)
        again = await gateway.chat("r", stream=stream)
        assert (first.headers["x-penstock-cache"], again.headers["x-penstock-cache"]) == ("miss", "hit")
        told = [answer.headers.get("x-penstock-cost") for answer in (first, again)]
        assert told == ([None, None] if stream else [str(COST), "0"])
        assert "age" not in first.headers
        assert int(again.headers["age"]) < 60
        assert text_of(first.text) == text_of(again.text) == "first"
        assert len(provider.requests) == 1
        miss, hit = calls(gateway)
        assert (miss.cache, miss.cost, miss.saved) == ("miss", COST, None)
        assert (hit.cache, hit.cost, hit.saved, hit.usage_input, hit.usage_output) == ("hit", 0, COST, 0, 0)
        assert (hit.provider, hit.variant, hit.served_model, hit.status) == ("p", "a", "m-2024", "ok")
        assert hit.output == miss.output
        assert await spent(gateway) == COST
        report = gateway.reuser.tally.report(gateway.reuser.cache)
        assert (report.hits, report.misses, report.saved, report.entries) == (1, 1, COST, 1)

    async def test_a_whole_answer_is_given_byte_for_byte(self, gateway: Gateway) -> None:
        serve(gateway, cached())
        assert (await gateway.chat("r")).content == (await gateway.chat("r")).content

    @pytest.mark.parametrize("streamed_first", [True, False])
    async def test_a_stream_answers_a_whole_call_and_the_other_way(
        self, gateway: Gateway, provider: Provider, *, streamed_first: bool
    ) -> None:
        serve(gateway, cached())
        await gateway.chat("r", stream=streamed_first)
        again = await gateway.chat("r", stream=not streamed_first)
        assert again.headers["x-penstock-cache"] == "hit"
        assert text_of(again.text) == "first"
        assert len(provider.requests) == 1
        if not streamed_first:
            assert again.headers["content-type"].startswith("text/event-stream")
            assert again.text.endswith("data: [DONE]\n\n")
        else:
            assert again.json()["usage"]["completion_tokens"] == 5

    async def test_usage_is_streamed_to_who_asks_for_it(self, gateway: Gateway) -> None:
        serve(gateway, cached())
        await gateway.chat("r")
        asked = await gateway.chat("r", stream=True, stream_options={"include_usage": True})
        assert '"usage":' in asked.text.replace('"usage":null', "")
        assert asked.headers["x-penstock-cache"] == "hit"
        assert '"completion_tokens"' not in (await gateway.chat("r", stream=True)).text

    async def test_messages_are_given_again_in_their_own_events(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G19."""
        serve(gateway, cached())
        whole = await gateway.message("r")
        streamed = await gateway.message("r", stream=True)
        assert streamed.headers["x-penstock-cache"] == "hit"
        names = [line.removeprefix("event: ") for line in streamed.text.splitlines() if line.startswith("event: ")]
        assert (names[0], names[-1]) == ("message_start", "message_stop")
        assert whole.json()["content"][0]["text"] == "first"
        assert len(provider.requests) == 1

    @pytest.mark.parametrize(
        "other",
        [
            {"temperature": 0.5},
            {"max_tokens": 7},
            {"seed": 1},
            {"n": 2},
            {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]},
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            {"response_format": {"type": "json_object"}},
        ],
    )
    async def test_what_alters_an_answer_makes_another_question(
        self, gateway: Gateway, provider: Provider, other: dict[str, Any]
    ) -> None:
        """FAILURES G23."""
        serve(gateway, cached())
        await ask(gateway)
        assert (await gateway.chat("r", **other)).headers["x-penstock-cache"] == "miss"
        assert len(provider.requests) == 2

    async def test_labels_and_order_make_none(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, cached())
        await ask(gateway, temperature=0.5, top_p=1)
        await ask(gateway, top_p=1.0, temperature=0.50, metadata={"a": "b"}, user="ann")
        assert len(provider.requests) == 1

    async def test_a_new_version_of_the_route_starts_with_nothing(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G23."""
        serve(gateway, cached(version="1"))
        await ask(gateway)
        serve(gateway, cached(version="2"))
        await ask(gateway)
        assert len(provider.requests) == 2

    @STREAM
    async def test_callers_of_other_cohorts_are_not_given_each_others_answers(
        self, gateway: Gateway, *, stream: bool
    ) -> None:
        """FAILURES G23."""
        serve(gateway, cached(Cohort(by="user", choices=choices(a=1, b=1))))
        users = [f"u{number}" for number in range(8)]
        first = [(await ask(gateway, user=user, stream=stream))[1] for user in users]
        again = [(await ask(gateway, user=user, stream=stream))[1] for user in users]
        assert first == again
        assert set(first) == {"first", "second"}

    async def test_choices_at_random_are_cached_each_by_itself(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        serve(gateway, cached(Weighted(choices=choices(a=1, b=1))))
        assert {(await ask(gateway))[1] for _ in range(20)} == {"first", "second"}
        assert (len(provider.requests), len(second.requests)) == (1, 1)

    @pytest.mark.parametrize("status", ["400 Bad Request", "500 Internal Server Error"])
    async def test_a_failure_is_not_kept(self, gateway: Gateway, provider: Provider, status: str) -> None:
        serve(gateway, cached())
        fails(provider, status)
        assert (await ask(gateway))[0] == int(status[:3])
        healthy(provider, "first")
        assert await ask(gateway) == (200, "first")

    @pytest.mark.parametrize("end", ["cut", "length"])
    async def test_an_answer_that_is_not_whole_is_not_kept(
        self, gateway: Gateway, provider: Provider, end: str
    ) -> None:
        """FAILURES G14."""
        serve(gateway, cached())
        events = (delta("fi"),) if end == "cut" else (delta("fi"), delta(finish="length"), b"data: [DONE]\n\n")
        provider.script = provider.stream(*events, end="cut" if end == "cut" else "clean")
        await ask(gateway, stream=True)
        await ask(gateway, stream=True)
        assert len(provider.requests) == 2

    async def test_degraded_answers_are_not_given_to_others(self, gateway: Gateway, provider: Provider) -> None:
        shorter = OnBudget(soft=Degradation(max_output_tokens=5))
        serve(gateway, cached(on_budget=shorter), limits=(budget(soft=50_000),))
        assert (await gateway.chat("r", max_tokens=8)).headers["x-penstock-cache"] == "miss"
        assert (await gateway.chat("r", max_tokens=8)).headers["x-penstock-cache"] == "miss"
        assert [body["max_tokens"] for _, body in provider.requests] == [8, 5]

    async def test_answers_kept_before_the_project_cleared_them_are_not_given_again(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        serve(gateway, cached())
        await gateway.chat("r")
        projects = {"project": ProjectEntry(id="project", name="default", cache_generation=1)}
        serve(gateway, projects=projects)
        assert (await gateway.chat("r")).headers["x-penstock-cache"] == "miss"
        assert (await gateway.chat("r")).headers["x-penstock-cache"] == "hit"
        assert len(provider.requests) == 2


class TestScopes:
    OTHERS = "psk_other_key"

    async def ask_as(self, gateway: Gateway, secret: str, **fields: Any) -> httpx.Response:
        return await gateway.chat("r", headers={"authorization": f"Bearer {secret}"}, **fields)

    def with_key(self, gateway: Gateway, entry: RouteEntry, *, project: str) -> None:
        now = gateway.publication.catalog.snapshot
        other = KeyEntry(id="key2", name="other", project=project, scopes=("gateway:call",))
        projects = {**now.projects, "theirs": ProjectEntry(id="theirs", name="theirs")}
        serve(gateway, entry, keys={**now.keys, hash_key(self.OTHERS): other}, projects=projects)

    @pytest.mark.parametrize(
        ("scope", "project", "outcome"),
        [("project", "project", "hit"), ("project", "theirs", "miss"), ("key", "project", "miss")],
    )
    async def test_an_answer_is_shared_within_its_scope_only(
        self, gateway: Gateway, scope: Any, project: str, outcome: str
    ) -> None:
        """FAILURES G23."""
        self.with_key(gateway, cached(policy=CachePolicy(ttl=60, scope=scope)), project=project)
        await self.ask_as(gateway, KEY)
        assert (await self.ask_as(gateway, self.OTHERS)).headers["x-penstock-cache"] == outcome
        assert (await self.ask_as(gateway, KEY)).headers["x-penstock-cache"] == "hit"

    async def test_each_user_has_its_own_and_nobody_has_none(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G23."""
        serve(gateway, cached(policy=CachePolicy(ttl=60, scope="user")))
        outcomes = [
            (await gateway.chat("r", **fields)).headers.get("x-penstock-cache")
            for fields in ({"user": "ann"}, {"user": "bob"}, {"user": "ann"}, {}, {})
        ]
        assert outcomes == ["miss", "miss", "hit", None, None]
        assert len(provider.requests) == 4


class TestCacheControl:
    async def ask(self, gateway: Gateway, control: str, *, model: str = "r", **fields: Any) -> httpx.Response:
        return await gateway.chat(model, headers={"cache-control": control}, **fields)

    @STREAM
    async def test_no_store_neither_takes_nor_keeps(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        serve(gateway, cached())
        first = await self.ask(gateway, "no-store", stream=stream)
        assert "x-penstock-cache" not in first.headers
        assert calls(gateway)[0].cache is None
        assert (await gateway.chat("r", stream=stream)).headers["x-penstock-cache"] == "miss"
        await self.ask(gateway, "no-store", stream=stream)
        assert len(provider.requests) == 3

    @STREAM
    async def test_no_cache_takes_none_and_keeps_the_new_one(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        serve(gateway, cached())
        await ask(gateway, stream=stream)
        healthy(provider, "newer")
        assert (await self.ask(gateway, "no-cache", stream=stream)).headers["x-penstock-cache"] == "miss"
        assert await ask(gateway, stream=stream) == (200, "newer")
        assert len(provider.requests) == 2

    async def test_max_age_takes_none_that_is_older(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, cached())
        await ask(gateway)
        assert (await self.ask(gateway, "max-age=0")).headers["x-penstock-cache"] == "miss"
        assert (await self.ask(gateway, "max-age=60")).headers["x-penstock-cache"] == "hit"
        assert len(provider.requests) == 2

    @STREAM
    async def test_only_if_cached_asks_nobody(self, gateway: Gateway, provider: Provider, *, stream: bool) -> None:
        serve(gateway, cached())
        missing = await self.ask(gateway, "only-if-cached", stream=stream)
        assert (missing.status_code, missing.json()["error"]["code"]) == (504, "not_cached")
        assert provider.requests == []
        await ask(gateway)
        assert text_of((await self.ask(gateway, "only-if-cached", stream=stream)).text) == "first"

    @pytest.mark.parametrize("model", ["p/m", "both"])
    async def test_only_if_cached_is_never_met_where_there_is_no_cache(
        self, gateway: Gateway, provider: Provider, model: str
    ) -> None:
        assert (await self.ask(gateway, "only-if-cached", model=model)).status_code == 504
        serve(gateway, route(use("a")))
        assert (await self.ask(gateway, "only-if-cached")).status_code == 504
        assert provider.requests == []

    async def test_a_route_without_a_cache_tells_nothing(self, gateway: Gateway) -> None:
        serve(gateway, route(use("a")))
        answer = await self.ask(gateway, "max-age=5")
        assert answer.status_code == 200
        assert "x-penstock-cache" not in answer.headers
        assert calls(gateway)[0].cache is None


class TestFlights:
    @STREAM
    async def test_identical_calls_at_once_cost_one(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        serve(gateway, cached(), limits=(budget(10**9),))
        gate = Gate(provider)
        provider.script = gate.script
        asking = [asyncio.create_task(gateway.chat("r", stream=stream)) for _ in range(8)]
        await joined(gateway, 7)
        gate.opened.set()
        answers = await asyncio.gather(*asking)
        assert [text_of(answer.text) for answer in answers] == ["first"] * 8
        assert sorted(answer.headers["x-penstock-cache"] for answer in answers) == ["joined"] * 7 + ["miss"]
        assert len(provider.requests) == 1
        assert sorted((span.cache, span.cost, span.saved) for span in calls(gateway)) == (
            [("joined", 0, COST)] * 7 + [("miss", COST, None)]
        )
        assert all(span.provider == "p" and span.output for span in calls(gateway))
        await eventually(lambda: gateway.counters.out == 0)
        assert await spent(gateway) == COST
        report = gateway.reuser.tally.report(gateway.reuser.cache)
        assert (report.misses, report.joined, report.saved) == (1, 7, 7 * COST)

    async def test_whole_and_streamed_calls_share_one(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, cached())
        gate = Gate(provider)
        provider.script = gate.script
        asking = [asyncio.create_task(ask(gateway, stream=number % 2 == 0)) for number in range(4)]
        await joined(gateway, 3)
        gate.opened.set()
        assert await asyncio.gather(*asking) == [(200, "first")] * 4
        assert len(provider.requests) == 1

    async def test_a_stream_is_shared_as_it_comes(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, cached())
        gate = asyncio.Event()
        provider.script = in_two_parts(provider, gate)
        leading = asyncio.create_task(ask(gateway, stream=True))
        await provider.asked.wait()
        body = {"model": "r", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
        async with asyncio.timeout(5), gateway.client.stream("POST", "/v1/chat/completions", json=body) as answer:
            lines = answer.aiter_lines()
            text = ""
            while '"fi"' not in text:
                text += await anext(lines) + "\n"
            assert not gate.is_set(), "the first half came while the second was not there"
            gate.set()
            async for line in lines:
                text += line + "\n"
        assert text_of(text) == "first"
        assert await leading == (200, "first")
        assert len(provider.requests) == 1

    @STREAM
    async def test_the_leads_caller_may_leave_while_others_wait(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        """FAILURES G13: what somebody still waits for goes on."""
        serve(gateway, cached(), limits=(budget(10**9),))
        gate = Gate(provider)
        provider.script = gate.script
        leading = asyncio.create_task(ask(gateway, stream=stream))
        await provider.asked.wait()
        following = [asyncio.create_task(ask(gateway, stream=stream)) for _ in range(3)]
        await joined(gateway, 3)
        leading.cancel()
        await asyncio.wait([leading])
        gate.opened.set()
        assert await asyncio.gather(*following) == [(200, "first")] * 3
        assert len(provider.requests) == 1
        await eventually(lambda: len(calls(gateway)) == 4)
        assert sum(span.cost or 0 for span in calls(gateway)) == await spent(gateway) == COST

    @STREAM
    async def test_the_last_to_leave_cancels_the_call(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        """FAILURES G13."""
        serve(gateway, cached(), limits=(budget(10**9),))
        provider.script = provider.silence
        leading = asyncio.create_task(ask(gateway, stream=stream))
        await provider.asked.wait()
        following = asyncio.create_task(ask(gateway, stream=stream))
        await joined(gateway, 1)
        for task in (leading, following):
            task.cancel()
            await asyncio.wait([task])
        await asyncio.wait_for(provider.left.wait(), 5)
        await eventually(lambda: len(calls(gateway)) == 2)
        assert [span.status for span in calls(gateway)] == ["interrupted", "interrupted"]
        await eventually(lambda: gateway.counters.out == 0)
        assert await spent(gateway) == sum(span.cost or 0 for span in calls(gateway)) > 0

    @STREAM
    async def test_a_failing_provider_is_asked_by_one_at_a_time(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        serve(gateway, cached())
        fails(provider)
        gate = Gate(provider)
        provider.script = gate.script
        asking = [asyncio.create_task(ask(gateway, stream=stream)) for _ in range(6)]
        await joined(gateway, 5)
        gate.opened.set()
        assert await asyncio.gather(*asking) == [(500, "!upstream_error")] * 6
        assert len(provider.requests) <= 3, "a caller takes three flights at most"

    async def test_a_refusal_of_the_question_is_everybodys(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G16."""
        serve(gateway, cached())
        fails(provider, "400 Bad Request")
        gate = Gate(provider)
        provider.script = gate.script
        asking = [asyncio.create_task(ask(gateway)) for _ in range(4)]
        await joined(gateway, 3)
        gate.opened.set()
        assert await asyncio.gather(*asking) == [(400, "!oops")] * 4
        assert len(provider.requests) == 1

    async def test_a_stream_that_is_cut_is_cut_for_everybody_who_has_content(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        """FAILURES G15."""
        serve(gateway, cached(retries=Retries(attempts=0)))
        provider.script = provider.stream(delta("fi"), end="cut")
        gate = Gate(provider)
        provider.script = gate.script
        asking = [asyncio.create_task(ask(gateway, stream=True)) for _ in range(3)]
        await joined(gateway, 2)
        gate.opened.set()
        answers = await asyncio.gather(*asking)
        assert all(text.endswith("!upstream_cut") for _, text in answers)
        assert all(text.count("fi") <= 1 for _, text in answers)

    async def test_the_lead_may_fall_back_for_all(self, gateway: Gateway, provider: Provider, second: Provider) -> None:
        serve(gateway, cached(Fallback(of=(use("a"), use("b")))))
        fails(provider)
        gate = Gate(provider)
        provider.script = gate.script
        asking = [asyncio.create_task(ask(gateway, stream=True)) for _ in range(4)]
        await joined(gateway, 3)
        gate.opened.set()
        assert await asyncio.gather(*asking) == [(200, "second")] * 4
        assert (len(provider.requests), len(second.requests)) == (1, 1)

    async def test_an_answer_too_long_to_share_is_made_for_each(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G9."""
        serve(gateway, cached())
        long = "x" * 1_200_000
        healthy(provider, long)
        gate = Gate(provider)
        provider.script = gate.script
        leading = asyncio.create_task(gateway.chat("r", stream=True))
        await provider.asked.wait()
        following = asyncio.create_task(gateway.chat("r"))
        await joined(gateway, 1)
        gate.opened.set()
        answers = await asyncio.gather(leading, following)
        assert [text_of(answer.text) == long for answer in answers] == [True, True]
        assert len(provider.requests) == 2

    async def test_calls_of_two_projects_do_not_join(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G23."""
        scopes = TestScopes()
        scopes.with_key(gateway, cached(), project="theirs")
        gate = Gate(provider)
        provider.script = gate.script
        asking = [asyncio.create_task(scopes.ask_as(gateway, secret)) for secret in (KEY, scopes.OTHERS)]
        await eventually(lambda: len(provider.requests) == 2)
        gate.opened.set()
        assert [answer.headers["x-penstock-cache"] for answer in await asyncio.gather(*asking)] == ["miss", "miss"]


async def test_a_kept_answer_that_cannot_be_read_is_asked_for_again(gateway: Gateway, provider: Provider) -> None:
    serve(gateway, cached())
    await ask(gateway)
    kept = gateway.reuser.cache

    class Spoilt:
        async def get(self, key: str) -> Any:
            answer = await kept.get(key)
            return None if answer is None else msgspec.structs.replace(answer, body=b"{")

        def put(self, key: str, answer: Any, *, ttl: float) -> None:
            kept.put(key, answer, ttl=ttl)

    gateway.reuser.cache = Spoilt()  # type: ignore[assignment]
    answer = await gateway.chat("r", stream=True)
    gateway.reuser.cache = kept
    assert text_of(answer.text) == "first"
    assert answer.headers["x-penstock-cache"] == "miss"
    assert len(provider.requests) == 2


async def test_embeddings_are_given_again(gateway: Gateway, provider: Provider) -> None:
    serve(gateway, cached())
    vectors = {"object": "list", "data": [{"index": 0, "embedding": [0.5]}], "model": "m"}
    provider.script = provider.json({**vectors, "usage": {"prompt_tokens": 3, "total_tokens": 3}})
    body = {"model": "r", "input": "Hi"}
    first = await gateway.client.post("/v1/embeddings", json=body)
    again = await gateway.client.post("/v1/embeddings", json=body)
    assert json.loads(first.content) == json.loads(again.content)
    assert again.headers["x-penstock-cache"] == "hit"
    assert len(provider.requests) == 1
