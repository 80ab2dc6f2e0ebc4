"""Limits and budgets through whole gateways: refused, degraded, given back exactly."""

import asyncio
import json

import msgspec
import pytest

from dispatch_harness import (
    COST,
    ask,
    attempts,
    attributes,
    budget,
    call_of,
    eventually,
    fails,
    healthy,
    provider_with,
    reports,
    route,
    serve,
    spent,
    text_of,
    use,
)
from gateway_harness import DONE, Gateway, Provider, delta
from penstock.core.errors import Unavailable
from penstock.wire.limits import Budget, LimitEntry
from penstock.wire.routing import Degradation, Fallback, OnBudget, Retries, RouteEntry
from penstock.wire.snapshot import Timeouts

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
IN_ORDER = Fallback(of=(use("a"), use("b")))


@pytest.fixture(autouse=True)
def two_providers(provider: Provider, second: Provider) -> None:
    healthy(provider, "first")
    healthy(second, "second")


def limit(**bounds: int) -> LimitEntry:
    return LimitEntry(name="narrow", level="key", **bounds)


def recorded(gateway: Gateway) -> int:
    return sum(span.cost or 0 for span in gateway.journal.spans)


class TestRefused:
    @STREAM
    @pytest.mark.parametrize(
        ("bounds", "code"),
        [
            ({"requests_per_minute": 1}, "rate_limited"),
            ({"requests_per_day": 1}, "rate_limited"),
            ({"tokens_per_minute": 150}, "rate_limited"),
        ],
    )
    async def test_the_error_names_the_limit_and_when_to_come_back(
        self, gateway: Gateway, provider: Provider, bounds: dict[str, int], code: str, *, stream: bool
    ) -> None:
        serve(gateway, route(use("a")), limits=(limit(**bounds),))
        assert (await gateway.chat("r", stream=stream, max_tokens=100)).status_code == 200
        answer = await gateway.chat("r", stream=stream, max_tokens=145)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) >= 1
        error = answer.json()["error"]
        assert error["code"] == code
        assert "'narrow'" in error["message"]
        assert len(provider.requests) == 1
        refused = next(span for span in gateway.journal.spans if span.status == "error")
        assert (refused.error_type, refused.cost, refused.http_status) == (code, 0, 429)

    async def test_both_dialects_are_told_in_their_own_words(self, gateway: Gateway) -> None:
        serve(gateway, route(use("a")), limits=(limit(requests_per_minute=2, tokens_per_minute=10_000),))
        chat = await gateway.chat("r")
        assert (chat.headers["x-ratelimit-limit-requests"], chat.headers["x-ratelimit-remaining-requests"]) == (
            "2",
            "1",
        )
        assert chat.headers["x-ratelimit-limit-tokens"] == "10000"
        assert chat.headers["x-ratelimit-reset-requests"].endswith("s")
        message = await gateway.message("r")
        assert message.headers["anthropic-ratelimit-requests-remaining"] == "0"
        assert message.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
        refused = await gateway.message("r")
        assert refused.status_code == 429
        assert refused.json()["error"]["type"] == "rate_limit_error"
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.headers["anthropic-ratelimit-requests-remaining"] == "0"

    async def test_calls_in_flight_are_bounded(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, route(use("a")), limits=(limit(parallel=1),))
        gate = asyncio.Event()
        answer = provider.script

        async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await gate.wait()
            await answer(reader, writer)

        provider.script = held
        first = asyncio.create_task(ask(gateway))
        await provider.asked.wait()
        assert await ask(gateway) == (429, "!parallel_limited")
        gate.set()
        assert await first == (200, "first")
        assert await ask(gateway) == (200, "first"), "the slot is free again"

    async def test_users_and_tags_are_limited_by_themselves(self, gateway: Gateway) -> None:
        limits = (
            LimitEntry(name="users", level="user", requests_per_minute=1),
            LimitEntry(name="jobs", level="tag", match="job=nightly", requests_per_minute=1),
        )
        serve(gateway, route(use("a")), limits=limits)
        nightly = {"x-penstock-tags": "job=nightly"}
        assert [(await ask(gateway, user=user))[0] for user in ("ann", "ann", "bob")] == [200, 429, 200]
        assert [(await ask(gateway, headers=nightly))[0] for _ in range(2)] == [200, 429]
        assert (await ask(gateway))[0] == 200

    async def test_models_and_aliases_are_limited_as_routes_are(self, gateway: Gateway) -> None:
        """FAILURES G4."""
        serve(gateway, route(use("a")), limits=(limit(requests_per_minute=2),))
        assert [(await ask(gateway, model=model))[0] for model in ("p/m", "both", "r")] == [200, 200, 429]

    async def test_counters_that_cannot_be_reached_refuse_before_anything_is_spent(
        self, gateway: Gateway, provider: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """FAILURES G12."""
        serve(gateway, route(use("a")), limits=(budget(10**9),))

        async def lost(*_: object, **__: object) -> None:
            raise Unavailable("The counters cannot be reached.", code="limits_unavailable", retry_after=1)

        monkeypatch.setattr(gateway.counters, "borrow", lost)
        assert await ask(gateway) == (503, "!limits_unavailable")
        assert provider.requests == []


class TestBudgets:
    @STREAM
    async def test_a_hard_budget_refuses_what_may_go_over_it(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        serve(gateway, route(use("a")), limits=(budget(COST * 2),))
        assert await ask(gateway, stream=stream, max_tokens=5) == (200, "first")
        assert await ask(gateway, stream=stream, max_tokens=50) == (429, "!budget_exceeded")
        assert len(provider.requests) == 1
        assert await spent(gateway) == recorded(gateway) == COST

    async def test_racing_calls_do_not_pass_one_budget_together(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G3."""
        serve(gateway, route(use("a")), limits=(budget(10 * COST),))
        # The estimate is a little more than the call will cost.
        answers = await asyncio.gather(*(ask(gateway, max_tokens=8) for _ in range(40)))
        served = [text for status, text in answers if status == 200]
        assert 1 <= len(served) <= 10
        assert len(provider.requests) == len(served)
        assert await spent(gateway) == recorded(gateway) == len(served) * COST

    async def test_a_soft_budget_warns_and_serves(self, gateway: Gateway) -> None:
        serve(gateway, route(use("a")), limits=(budget(soft=3 * COST),))
        assert "x-penstock-budget-warning" not in (await gateway.chat("r", max_tokens=1)).headers
        for _ in range(3):
            answer = await gateway.chat("r", max_tokens=1)
        assert (answer.status_code, answer.headers["x-penstock-budget-warning"]) == (200, "money")

    async def test_a_price_that_is_not_known_is_not_counted(self, gateway: Gateway) -> None:
        """FAILURES G26."""
        serve(gateway, route(use("a")), limits=(budget(COST),), prices=())
        answer = await gateway.chat("r")
        assert answer.status_code == 200
        assert "x-penstock-cost" not in answer.headers
        assert call_of(gateway).cost is None
        assert await spent(gateway) == 0

    async def test_falling_back_from_an_attempt_that_cost_nothing_needs_no_more_room(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        # Room for one estimate and not for two.
        serve(gateway, route(IN_ORDER, retries=Retries(attempts=1, base=0.001)), limits=(budget(300_000),))
        fails(provider)
        assert await ask(gateway, max_tokens=100) == (200, "second")
        assert len(provider.requests) == 2
        assert await spent(gateway) == recorded(gateway) == COST

    async def test_falling_back_from_an_attempt_that_was_billed_needs_room(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        serve(gateway, route(IN_ORDER), limits=(budget(300_000),))
        provider.script = provider.raw(b"<html>", **{"content-type": "text/html"})
        status, text = await ask(gateway, max_tokens=100)
        assert (status, text) == (502, "!upstream_malformed")
        assert second.requests == []
        assert await spent(gateway) == recorded(gateway) > 0


def degrading(**ways: Degradation) -> RouteEntry:
    return route(use("a"), on_budget=OnBudget(**ways))


class TestDegradation:
    """`soft` from the soft limit on, `hard` at the hard one; each of the ways."""

    BOTH = pytest.mark.parametrize("kind", ["soft", "hard"])

    @staticmethod
    def over(kind: str) -> tuple[LimitEntry, ...]:
        """A budget that is over from the first call on."""
        return (budget(soft=1),) if kind == "soft" else (budget(1),)

    @STREAM
    @BOTH
    async def test_another_variant_serves_and_its_cost_counts(
        self, gateway: Gateway, provider: Provider, kind: str, *, stream: bool
    ) -> None:
        serve(gateway, degrading(**{kind: Degradation(use=use("b"))}), limits=self.over(kind))
        assert await ask(gateway, stream=stream) == (200, "second")
        assert provider.requests == []
        assert attributes(call_of(gateway))["penstock.degraded"] == kind
        assert await spent(gateway) == COST

    @BOTH
    async def test_another_strategy_may_serve(self, gateway: Gateway, second: Provider, kind: str) -> None:
        way = Degradation(use=Fallback(of=(use("b"), use("a"))))
        serve(gateway, degrading(**{kind: way}), limits=self.over(kind))
        fails(second)
        assert await ask(gateway) == (200, "first")
        assert [span.variant for span in attempts(gateway)] == ["b", "a"]
        assert await spent(gateway) == COST

    @STREAM
    @BOTH
    async def test_a_shorter_answer_is_asked_for(
        self, gateway: Gateway, provider: Provider, kind: str, *, stream: bool
    ) -> None:
        serve(gateway, degrading(**{kind: Degradation(max_output_tokens=20)}), limits=self.over(kind))
        assert await ask(gateway, stream=stream, max_tokens=500) == (200, "first")
        assert provider.requests[0][1]["max_tokens"] == 20
        assert attributes(call_of(gateway))["penstock.degraded"] == kind
        assert await spent(gateway) == COST

    @STREAM
    @BOTH
    async def test_a_text_of_the_route_costs_nothing(
        self, gateway: Gateway, provider: Provider, kind: str, *, stream: bool
    ) -> None:
        serve(gateway, degrading(**{kind: Degradation(answer="Come back tomorrow.")}), limits=self.over(kind))
        assert await ask(gateway, stream=stream) == (200, "Come back tomorrow.")
        assert provider.requests == []
        span = call_of(gateway)
        assert (span.cost, span.status, span.provider) == (0, "ok", None)
        assert b"Come back" in bytes(span.output or b"")
        assert attributes(span)["penstock.degraded"] == kind
        assert await spent(gateway) == 0

    async def test_the_text_comes_in_the_callers_dialect(self, gateway: Gateway) -> None:
        serve(gateway, degrading(hard=Degradation(answer="Tomorrow.")), limits=self.over("hard"))
        answer = await gateway.message("r")
        assert answer.json()["content"] == [{"type": "text", "text": "Tomorrow."}]
        response = await gateway.client.post("/v1/responses", json={"model": "r", "input": "Hi"})
        assert response.json()["output"][0]["content"][0]["text"] == "Tomorrow."

    @pytest.mark.parametrize(("kind", "status"), [("soft", 200), ("hard", 429)])
    async def test_what_no_text_answers_is_served_or_refused_as_without_one(
        self, gateway: Gateway, provider: Provider, kind: str, status: int
    ) -> None:
        vectors = {"object": "list", "data": [], "model": "m", "usage": {"prompt_tokens": 3, "total_tokens": 3}}
        provider.script = provider.json(vectors)
        serve(gateway, degrading(**{kind: Degradation(answer="Tomorrow.")}), limits=self.over(kind))
        answer = await gateway.client.post("/v1/embeddings", json={"model": "r", "input": "Hi"})
        assert answer.status_code == status

    @STREAM
    async def test_a_hard_budget_refuses_unless_the_route_says_otherwise(
        self, gateway: Gateway, *, stream: bool
    ) -> None:
        serve(gateway, degrading(soft=Degradation(answer="x")), limits=self.over("hard"))
        assert await ask(gateway, stream=stream) == (429, "!budget_exceeded")

    async def test_only_money_degrades_a_rate_refuses(self, gateway: Gateway) -> None:
        limits = (limit(requests_per_minute=1),)
        serve(gateway, degrading(hard=Degradation(use=use("b"))), limits=limits)
        assert [await ask(gateway) for _ in range(2)] == [(200, "first"), (429, "!rate_limited")]

    async def test_a_rate_holds_for_what_is_degraded(self, gateway: Gateway) -> None:
        limits = (budget(1), limit(requests_per_minute=1))
        serve(gateway, degrading(hard=Degradation(use=use("b"))), limits=limits)
        assert [await ask(gateway) for _ in range(2)] == [(200, "second"), (429, "!rate_limited")]

    async def test_a_soft_way_leaves_what_is_under_the_limit_alone(self, gateway: Gateway) -> None:
        serve(gateway, degrading(soft=Degradation(use=use("b"))), limits=(budget(soft=3 * COST),))
        answers = [await ask(gateway, max_tokens=1) for _ in range(4)]
        assert (answers[0], answers[-1]) == ((200, "first"), (200, "second"))


class TestGivenBack:
    """FAILURES G5: a counter equals the records, however a call ends."""

    @pytest.fixture
    def timeouts(self) -> Timeouts:
        return Timeouts(connect=5, first_byte=0.3, gap=0.3, total=5)

    @staticmethod
    async def books(gateway: Gateway) -> None:
        await eventually(lambda: gateway.counters.out == 0)
        tokens = sum(span.usage_input + span.usage_output for span in gateway.journal.spans)
        name = "each/key:key/tokens/day"
        assert await spent(gateway) == recorded(gateway)
        assert await gateway.counters.read([name]) == {name: tokens}
        assert not any(one.in_flight for one in reports(gateway))

    @pytest.fixture(autouse=True)
    def limited(self, gateway: Gateway) -> None:
        limits = (
            budget(10**9),
            LimitEntry(
                name="each",
                level="key",
                tokens_per_day=10**9,
                parallel=10,
                budgets=(Budget(window="month", hard=10**12),),
            ),
        )
        serve(gateway, route(IN_ORDER, retries=Retries(attempts=1, base=0.001)), limits=limits)

    @STREAM
    async def test_after_an_answer(self, gateway: Gateway, *, stream: bool) -> None:
        assert (await ask(gateway, stream=stream))[0] == 200
        await self.books(gateway)
        assert await spent(gateway) == COST

    @STREAM
    async def test_after_errors_of_all(
        self, gateway: Gateway, provider: Provider, second: Provider, *, stream: bool
    ) -> None:
        fails(provider)
        fails(second)
        assert (await ask(gateway, stream=stream))[0] == 500
        await self.books(gateway)
        assert await spent(gateway) == 0

    @STREAM
    async def test_after_silence_and_a_fallback(self, gateway: Gateway, provider: Provider, *, stream: bool) -> None:
        provider.script = provider.silence
        assert await ask(gateway, stream=stream) == (200, "second")
        await self.books(gateway)
        assert await spent(gateway) > COST

    async def test_after_a_cut_stream(self, gateway: Gateway, provider: Provider) -> None:
        provider.script = provider.stream(delta("word " * 50), end="cut")
        await ask(gateway, stream=True)
        await self.books(gateway)
        assert await spent(gateway) > 0

    async def test_after_a_stream_without_usage(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G1."""
        provider.script = provider.stream(delta("word " * 50), delta(finish="stop"), DONE)
        assert (await ask(gateway, stream=True))[0] == 200
        await self.books(gateway)
        assert call_of(gateway).usage_estimated

    @STREAM
    async def test_after_the_caller_left(self, gateway: Gateway, provider: Provider, *, stream: bool) -> None:
        """FAILURES G6, G13."""
        provider.script = provider.stream(delta("word " * 50), end="silence") if stream else provider.silence
        asking = asyncio.create_task(ask(gateway, stream=stream))
        await provider.asked.wait()
        asking.cancel()
        await asyncio.wait([asking])
        await asyncio.wait_for(gateway.journal.recorded.wait(), 5)
        await self.books(gateway)
        assert await spent(gateway) > 0

    async def test_after_a_bad_body(self, gateway: Gateway) -> None:
        answer = await gateway.client.post("/v1/chat/completions", content=b"{")
        assert answer.status_code == 400
        await self.books(gateway)

    async def test_after_a_failure_to_record(self, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
        """FAILURES G8: what could not be recorded was paid for all the same."""

        def full(_: object) -> None:
            raise Unavailable("The journal is full.", code="journal_full")

        monkeypatch.setattr(gateway.journal, "record", full)
        assert await ask(gateway) == (503, "!journal_full")
        await eventually(lambda: gateway.counters.out == 0)
        assert await spent(gateway) == COST

    async def test_after_a_hundred_of_all_kinds_at_once(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        kinds = [
            provider.script,
            provider.json({}, "503 Service Unavailable"),
            provider.raw(b"{", **{"content-type": "application/json"}),
            provider.stream(delta("cut"), end="cut"),
        ]
        turn = iter(range(10**6))

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await kinds[next(turn) % len(kinds)](reader, writer)

        provider.script = script
        for _ in range(10):
            await asyncio.gather(*(ask(gateway, stream=number % 2 == 0) for number in range(10)))
        assert len([span for span in gateway.journal.spans if span.call]) == 100
        assert len(second.requests) > 0
        await self.books(gateway)


class TestEstimate:
    async def test_it_is_of_the_dearest_variant_that_may_serve(self, gateway: Gateway) -> None:
        now = gateway.publication.catalog.snapshot.prices[0]
        dear = msgspec.structs.replace(now, provider="q", input=now.input * 100, output=now.output * 100)
        serve(gateway, route(IN_ORDER), limits=(budget(400_000),), prices=(dear, now))
        assert await ask(gateway, max_tokens=100) == (429, "!budget_exceeded")
        serve(gateway, route(use("a")))
        assert await ask(gateway, max_tokens=100) == (200, "first")

    async def test_without_a_bound_of_the_caller_the_gateways_own_estimate_holds(self, gateway: Gateway) -> None:
        settings = gateway.publication.catalog.snapshot.gateway
        serve(gateway, route(use("a")), limits=(limit(tokens_per_minute=settings.estimate_output_tokens),))
        assert await ask(gateway) == (429, "!rate_limited")
        assert await ask(gateway, max_tokens=10) == (200, "first")

    async def test_several_choices_count_several_times(self, gateway: Gateway) -> None:
        serve(gateway, route(use("a")), limits=(limit(tokens_per_minute=1000),))
        assert await ask(gateway, max_tokens=300, n=4) == (429, "!rate_limited")

    async def test_counting_tokens_borrows_none(self, gateway: Gateway, provider: Provider) -> None:
        kind = provider_with(gateway, "p", kind="anthropic")
        serve(gateway, route(use("a")), providers=kind, limits=(limit(tokens_per_minute=1),))
        provider.script = provider.json({"input_tokens": 7})
        body = {"model": "r", "messages": [{"role": "user", "content": "Hi"}]}
        answer = await gateway.client.post("/v1/messages/count_tokens", json=body)
        assert (answer.status_code, answer.json()) == (200, {"input_tokens": 7})


async def test_a_stream_is_told_its_limits_before_its_first_byte(gateway: Gateway) -> None:
    serve(gateway, route(use("a")), limits=(limit(requests_per_minute=5),))
    answer = await gateway.chat("r", stream=True)
    assert answer.headers["x-ratelimit-remaining-requests"] == "4"
    assert text_of(answer.text) == "first"
    assert json.loads(answer.text.splitlines()[0].removeprefix("data: "))
