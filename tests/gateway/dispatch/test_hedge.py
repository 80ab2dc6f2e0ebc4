"""A second attempt beside a slow first: the quicker one answers, the other is cancelled and billed."""

import asyncio
from collections.abc import Sequence

import pytest

from dispatch_harness import (
    COST,
    ask,
    attempts,
    budget,
    call_of,
    choices,
    fails,
    healthy,
    provider_with,
    reports,
    route,
    serve,
    spent,
    use,
)
from gateway_harness import Gateway, Provider, Script, delta
from penstock.core.errors import PenstockError
from penstock.gateway.stages.dispatch.delivery import Delivery, Ending, Held
from penstock.gateway.stages.dispatch.hedge import race
from penstock.wire.limits import Claim, Grant
from penstock.wire.routing import Breaker, Cascade, Fallback, Hedge, RegexCheck, Retries, Weighted

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
SOON = Hedge(use=use("a"), backup=use("b"), after=0.01, at_least=0.01)
NEVER_BESIDE = Hedge(use=use("a"), backup=use("b"), after=60)


@pytest.fixture(autouse=True)
def two_providers(provider: Provider, second: Provider) -> None:
    healthy(provider, "first")
    healthy(second, "second")


def after(provider: Provider, gate: asyncio.Event) -> Script:
    """What the provider does now, once the gate is open."""
    answer = provider.script

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await answer(reader, writer)

    return script


class TestBeside:
    @STREAM
    async def test_the_second_starts_after_the_delay_and_the_loser_is_cancelled_and_billed(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        serve(gateway, route(SOON))
        provider.script = provider.silence
        assert await ask(gateway, stream=stream) == (200, "second")
        await asyncio.wait_for(provider.left.wait(), 5)
        loser, winner = attempts(gateway)
        assert (loser.variant, loser.status) == ("a", "interrupted")
        assert loser.usage_estimated
        assert (loser.cost or 0) > 0
        assert (winner.variant, winner.status, winner.cost) == ("b", "ok", COST)
        root = call_of(gateway)
        assert (root.variant, root.provider, root.status, root.cost) == ("b", "q", "ok", 0)
        assert b"second" in bytes(root.output or b"")
        assert [(one.target, one.state, one.errors) for one in reports(gateway)] == [
            ("p/m", "closed", 0),
            ("q/m", "closed", 0),
        ], "who lost a race has done nothing wrong"

    async def test_a_loser_that_had_sent_headers_is_cancelled_too(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, route(SOON))
        provider.script = provider.stream(delta(""), end="silence")
        assert await ask(gateway, stream=True) == (200, "second")
        await asyncio.wait_for(provider.left.wait(), 5)

    @STREAM
    async def test_a_first_that_is_quick_enough_has_no_second(
        self, gateway: Gateway, second: Provider, *, stream: bool
    ) -> None:
        serve(gateway, route(NEVER_BESIDE))
        assert await ask(gateway, stream=stream) == (200, "first")
        assert second.requests == []
        assert attempts(gateway) == []
        assert call_of(gateway).cost == COST

    @STREAM
    async def test_the_first_may_still_win(
        self, gateway: Gateway, provider: Provider, second: Provider, *, stream: bool
    ) -> None:
        serve(gateway, route(SOON))
        gate = asyncio.Event()
        provider.script = after(provider, gate)
        second.script = second.silence
        asking = asyncio.create_task(ask(gateway, stream=stream))
        await second.asked.wait()
        gate.set()
        assert await asking == (200, "first")
        await asyncio.wait_for(second.left.wait(), 5)
        assert [span.status for span in attempts(gateway)] == ["ok", "interrupted"]

    async def test_the_delay_is_the_p95_of_the_first(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, route(Hedge(use=use("a"), backup=use("b"), at_least=0.01)))
        gate = asyncio.Event()
        healthy_script = provider.script
        provider.script = after(provider, gate)
        asking = asyncio.create_task(ask(gateway))
        await provider.asked.wait()
        gate.set()
        assert await asking == (200, "first"), "nothing is known yet, so no second was started"
        provider.script = healthy_script
        for _ in range(20):
            assert await ask(gateway) == (200, "first")
        provider.script = provider.silence
        assert await ask(gateway) == (200, "second")

    async def test_with_the_first_out_of_service_the_backup_begins(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        serve(gateway, route(NEVER_BESIDE), providers=provider_with(gateway, "p", breaker=Breaker(minimum=1)))
        fails(provider)
        await ask(gateway)
        provider.script = provider.silence
        assert await asyncio.wait_for(ask(gateway), 5) == (200, "second")
        assert (len(provider.requests), len(second.requests)) == (1, 2)


class TestFailing:
    @STREAM
    async def test_a_first_that_fails_early_is_followed_at_once(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        serve(gateway, route(NEVER_BESIDE))
        fails(provider)
        assert await asyncio.wait_for(ask(gateway, stream=stream), 5) == (200, "second")
        assert [span.status for span in attempts(gateway)] == ["error", "ok"]

    @STREAM
    async def test_an_error_of_the_request_starts_no_second(
        self, gateway: Gateway, provider: Provider, second: Provider, *, stream: bool
    ) -> None:
        """FAILURES G16."""
        serve(gateway, route(NEVER_BESIDE))
        fails(provider, "400 Bad Request")
        assert await ask(gateway, stream=stream) == (400, "!oops")
        assert second.requests == []

    @STREAM
    async def test_when_both_fail_the_last_error_is_told(
        self, gateway: Gateway, provider: Provider, second: Provider, *, stream: bool
    ) -> None:
        serve(gateway, route(SOON))
        gate = asyncio.Event()
        fails(provider, "429 Too Many Requests", "later")
        provider.script = after(provider, gate)
        fails(second, "429 Too Many Requests", "sooner")
        asking = asyncio.create_task(ask(gateway, stream=stream))
        await second.asked.wait()
        while not any(one.target == "q/m" and one.errors for one in reports(gateway)):
            await asyncio.sleep(0.005)
        gate.set()
        assert await asking == (429, "!later")

    async def test_a_winner_that_is_cut_later_is_not_replaced(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        """FAILURES G15."""
        serve(gateway, route(SOON, retries=Retries(attempts=2)))
        provider.script = provider.silence
        second.script = second.stream(delta("Hel"), end="cut")
        assert await ask(gateway, stream=True) == (200, "Hel!upstream_cut")
        assert (len(provider.requests), len(second.requests)) == (1, 1)
        await asyncio.wait_for(provider.left.wait(), 5)

    @STREAM
    async def test_a_caller_who_leaves_cancels_both(
        self, gateway: Gateway, provider: Provider, second: Provider, *, stream: bool
    ) -> None:
        """FAILURES G13."""
        serve(gateway, route(SOON))
        provider.script, second.script = provider.silence, second.silence
        asking = asyncio.create_task(ask(gateway, stream=stream))
        await second.asked.wait()
        asking.cancel()
        await asyncio.wait([asking])
        await asyncio.wait_for(asyncio.gather(provider.left.wait(), second.left.wait()), 5)
        await asyncio.wait_for(gateway.journal.recorded.wait(), 5)
        assert [span.status for span in attempts(gateway)] == ["interrupted", "interrupted"]
        assert call_of(gateway).error_type == "client_disconnected"


class TestMoney:
    @STREAM
    async def test_what_both_cost_is_counted(self, gateway: Gateway, provider: Provider, *, stream: bool) -> None:
        """FAILURES G5."""
        serve(gateway, route(SOON), limits=(budget(10**9),))
        provider.script = provider.silence
        await ask(gateway, stream=stream)
        assert await spent(gateway) == sum(span.cost or 0 for span in gateway.journal.spans) > COST

    async def test_a_budget_without_room_starts_no_second(
        self, gateway: Gateway, provider: Provider, second: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gate = asyncio.Event()
        provider.script = after(provider, gate)
        extend = gateway.counters.extend

        async def extend_and_tell(ticket: str, claims: Sequence[Claim]) -> Grant:
            grant = await extend(ticket, claims)
            assert grant.refused is not None
            gate.set()
            return grant

        monkeypatch.setattr(gateway.counters, "extend", extend_and_tell)
        # Room for one estimate of 4 tokens in or more and 100 out, and not for two.
        serve(gateway, route(SOON), limits=(budget(300_000),))
        assert await asyncio.wait_for(ask(gateway, max_tokens=100), 5) == (200, "first")
        assert second.requests == []


class TestNested:
    @STREAM
    async def test_a_lane_may_fall_back_by_itself(
        self, gateway: Gateway, provider: Provider, second: Provider, *, stream: bool
    ) -> None:
        strategy = Hedge(use=Fallback(of=(use("a"), use("b"))), backup=use("a"), after=60)
        serve(gateway, route(strategy))
        fails(provider)
        assert await ask(gateway, stream=stream) == (200, "second")
        assert len(provider.requests) == 1

    @STREAM
    async def test_a_race_within_a_race_has_one_winner(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        inner = Hedge(use=use("a"), backup=Weighted(choices=choices(a=1)), after=0.01, at_least=0.01)
        serve(gateway, route(Hedge(use=inner, backup=use("b"), after=0.05, at_least=0.01)))
        provider.script = provider.silence
        assert await ask(gateway, stream=stream) == (200, "second")
        assert sorted(span.status for span in attempts(gateway)) == ["interrupted", "interrupted", "ok"]

    async def test_a_race_whose_answer_is_held_back_and_checked(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        checked = Cascade(steps=(SOON, use("a")), checks=(RegexCheck(pattern="second"),))
        serve(gateway, route(checked))
        provider.script = provider.silence
        assert await ask(gateway, stream=True) == (200, "second")
        assert len(second.requests) == 1

    async def test_a_cut_winner_of_a_held_race_leaves_nothing_in_the_next_answer(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        """What was held back was given to nobody, so the same variant may be asked again."""
        checked = Cascade(steps=(NEVER_BESIDE, use("b")), checks=(RegexCheck(pattern="^first$"),))
        serve(gateway, route(checked, retries=Retries(attempts=1, base=0.001)))
        whole, cut = provider.script, provider.stream(delta("fir"), end="cut")
        scripts = iter([cut, whole])

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await next(scripts)(reader, writer)

        provider.script = script
        assert await ask(gateway, stream=True) == (200, "first")
        assert len(provider.requests) == 2


class TestRace:
    """`race` alone, where a moment decides."""

    @staticmethod
    async def allow() -> bool:
        return True

    async def test_a_defect_of_the_first_starts_no_second(self) -> None:
        async def broken(_: Delivery) -> Ending:
            raise PenstockError("broken")

        async def second(_: Delivery) -> Ending:
            raise AssertionError("not to be started")

        with pytest.raises(PenstockError, match="broken"):
            await race(broken, second, Held(10), delay=None, may_start=self.allow)

    async def test_a_second_that_may_not_start_leaves_the_first(self) -> None:
        async def refuse() -> bool:
            return False

        gate = asyncio.Event()

        async def slow(lane: Delivery) -> Ending:
            gate.set()
            assert lane.claim()
            return Ending(stream=False, body=b"slow")

        async def second(_: Delivery) -> Ending:
            raise AssertionError("not to be started")

        ending = await race(slow, second, Held(10), delay=0, may_start=refuse)
        assert ending.body == b"slow"

    async def test_only_one_may_claim(self) -> None:
        claims: list[bool] = []
        both = asyncio.Barrier(2)

        async def lane(delivery: Delivery) -> Ending:
            await both.wait()
            claims.append(delivery.claim())
            claims.append(delivery.claim())
            return Ending(stream=False, body=b"x", attempt=None)

        await race(lane, lane, Held(10), delay=0, may_start=self.allow)
        assert claims[:2] == [True, True]
        assert claims[2:] in ([], [False, False])
