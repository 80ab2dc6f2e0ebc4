"""A copy to another variant: on nobody's way, recorded beside the call, billed."""

import asyncio

import pytest

from dispatch_harness import (
    COST,
    ask,
    attributes,
    budget,
    call_of,
    eventually,
    fails,
    healthy,
    route,
    serve,
    spent,
    use,
)
from gateway_harness import Gateway, Provider, delta
from penstock.wire.routing import Cascade, Fallback, JudgeCheck, Retries, Shadow
from penstock.wire.span import Span

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
COPIED = Shadow(use=use("a"), to=use("b"), sample=1.0)


@pytest.fixture(autouse=True)
def two_providers(provider: Provider, second: Provider) -> None:
    healthy(provider, "first")
    healthy(second, "copy")


@pytest.fixture
def copies(gateway: Gateway) -> list[Span]:
    """The spans of copies; a test awaits them with `eventually`."""
    found: list[Span] = []
    record = gateway.journal.record

    def note(spans: list[Span]) -> None:
        record(spans)
        found.extend(span for span in spans if attributes(span).get("penstock.role") == "shadow")

    gateway.journal.record = note  # type: ignore[method-assign,assignment]
    return found


class TestCopies:
    @STREAM
    async def test_a_copy_is_recorded_beside_the_call_in_its_trace_and_is_no_call(
        self, gateway: Gateway, second: Provider, copies: list[Span], *, stream: bool
    ) -> None:
        serve(gateway, route(COPIED))
        assert await ask(gateway, stream=stream, user="ann") == (200, "first")
        await eventually(lambda: copies)
        (copy,) = copies
        call = call_of(gateway)
        assert (copy.trace_id, copy.parent_id, copy.call) == (call.trace_id, call.span_id, False)
        assert (copy.variant, copy.provider, copy.status, copy.cost) == ("b", "q", "ok", COST)
        assert (copy.route, copy.key, copy.user, copy.http_status) == ("r", call.key, call.user, None)
        assert copy.fingerprint == call.fingerprint
        assert b"copy" in bytes(copy.output or b"")
        assert (call.variant, call.cost) == ("a", COST)
        assert second.requests[0][1]["messages"] == [{"role": "user", "content": "Hi"}]

    @STREAM
    async def test_a_copy_that_fails_changes_nothing(
        self, gateway: Gateway, second: Provider, copies: list[Span], *, stream: bool
    ) -> None:
        serve(gateway, route(COPIED))
        fails(second)
        assert await ask(gateway, stream=stream) == (200, "first")
        await eventually(lambda: copies)
        assert (copies[0].status, copies[0].error_type, copies[0].cost) == ("error", "upstream_error", 0)
        assert call_of(gateway).status == "ok"

    @STREAM
    async def test_a_copy_that_hangs_changes_nothing_and_is_interrupted_at_the_end(
        self, gateway: Gateway, second: Provider, copies: list[Span], *, stream: bool
    ) -> None:
        serve(gateway, route(COPIED), limits=(budget(10**9),))
        second.script = second.stream(delta("co"), end="silence") if stream else second.silence
        async with asyncio.timeout(3):
            for _ in range(3):
                assert await ask(gateway, stream=stream) == (200, "first")
        await eventually(lambda: len(second.requests) == 3)
        assert copies == []
        await gateway.shadows.close()
        assert [copy.status for copy in copies] == ["interrupted"] * 3
        assert all((copy.cost or 0) > 0 for copy in copies), "sent, so billed"
        assert await spent(gateway) == sum(span.cost or 0 for span in gateway.journal.spans)
        await asyncio.wait_for(second.left.wait(), 5)

    async def test_a_defect_of_the_copy_changes_nothing(
        self, gateway: Gateway, copies: list[Span], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        serve(gateway, route(COPIED))

        async def broken(*_: object) -> bool:
            raise RuntimeError("a defect")

        monkeypatch.setattr(gateway.shadows._admission, "admit_copy", broken)
        assert await ask(gateway) == (200, "first")
        await eventually(lambda: copies)
        assert (copies[0].status, copies[0].error_type) == ("error", "internal_error")
        assert "failed inside the gateway" in caplog.text

    async def test_the_caller_may_leave_and_the_copy_goes_on(
        self, gateway: Gateway, provider: Provider, second: Provider, copies: list[Span]
    ) -> None:
        serve(gateway, route(COPIED))
        gate = asyncio.Event()
        answer = second.script

        async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await gate.wait()
            await answer(reader, writer)

        provider.script, second.script = provider.silence, held
        asking = asyncio.create_task(ask(gateway))
        await asyncio.gather(provider.asked.wait(), second.asked.wait())
        asking.cancel()
        await asyncio.wait([asking])
        await asyncio.wait_for(provider.left.wait(), 5)
        gate.set()
        await eventually(lambda: copies)
        assert copies[0].status == "ok"
        assert call_of(gateway).status == "interrupted"

    async def test_a_sample_is_copied(self, gateway: Gateway, second: Provider, copies: list[Span]) -> None:
        serve(gateway, route(Shadow(use=use("a"), to=use("b"), sample=0.25)))
        for _ in range(80):
            await ask(gateway)
        await eventually(lambda: len(copies) == len(second.requests))
        # Four standard deviations of a binomial of 80 and 1/4.
        assert abs(len(copies) - 20) <= 16

    async def test_no_sample_is_no_copy(self, gateway: Gateway, second: Provider) -> None:
        serve(gateway, route(Shadow(use=use("a"), to=use("b"), sample=0.0)))
        await ask(gateway)
        assert second.requests == []

    async def test_copies_under_way_are_bounded(
        self, gateway: Gateway, second: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """FAILURES G9."""
        monkeypatch.setattr("penstock.gateway.stages.dispatch.shadow.MAX_COPIES", 2)
        serve(gateway, route(COPIED))
        second.script = second.silence
        for _ in range(4):
            assert await ask(gateway) == (200, "first")
        assert gateway.shadows.left_out == 2

    async def test_a_copy_may_fall_back_and_its_attempts_are_its_own(
        self, gateway: Gateway, provider: Provider, second: Provider, copies: list[Span]
    ) -> None:
        serve(gateway, route(Shadow(use=use("a"), to=Fallback(of=(use("b"), use("a"))), sample=1.0)))
        fails(second)
        assert await ask(gateway) == (200, "first")
        await eventually(lambda: copies)
        root, failed, answered = copies
        assert (root.kind, root.variant, root.cost, root.call) == ("gateway", "a", 0, False)
        assert [(span.parent_id, span.status) for span in (failed, answered)] == [
            (root.span_id, "error"),
            (root.span_id, "ok"),
        ]
        assert len(provider.requests) == 2
        assert call_of(gateway).kind == "llm"

    async def test_a_judge_and_a_copy_are_not_copied(
        self, gateway: Gateway, provider: Provider, second: Provider, copies: list[Span]
    ) -> None:
        judge = route(Shadow(use=use("b"), to=use("b"), sample=1.0)).__replace__(name="j")
        checked = Cascade(steps=(use("a"), use("a")), checks=(JudgeCheck(route="j"),))
        serve(gateway, route(checked), judge)
        assert await ask(gateway) == (200, "first")
        assert (len(provider.requests), len(second.requests), copies) == (2, 1, [])
        serve(gateway, route(Shadow(use=use("a"), to=COPIED, sample=1.0)))
        await ask(gateway)
        await eventually(lambda: copies)
        assert len(second.requests) == 1

    async def test_retries_of_the_call_make_no_more_copies(
        self, gateway: Gateway, provider: Provider, second: Provider, copies: list[Span]
    ) -> None:
        serve(gateway, route(COPIED, retries=Retries(attempts=2, base=0.001)))
        fails(provider)
        await ask(gateway)
        await eventually(lambda: copies)
        assert (len(provider.requests), len(second.requests)) == (3, 1)

    async def test_failing_copies_use_up_no_retries_of_calls(
        self, gateway: Gateway, provider: Provider, second: Provider, copies: list[Span]
    ) -> None:
        serve(gateway, route(COPIED, retries=Retries(attempts=1, base=0.0001, budget=0.01)))
        fails(second)
        for count in range(1, 7):
            await ask(gateway)
            await eventually(lambda count=count: len([copy for copy in copies if copy.parent_id]) >= count)
        await eventually(lambda: not gateway.shadows.under_way)
        assert len(second.requests) == 9, "six, and the reserve of three"
        fails(provider)
        await ask(gateway)
        assert len(provider.requests) == 8, "tried again"


class TestMoney:
    @STREAM
    async def test_what_a_copy_costs_is_counted_beside_the_call(
        self, gateway: Gateway, copies: list[Span], *, stream: bool
    ) -> None:
        """FAILURES G5."""
        serve(gateway, route(COPIED), limits=(budget(10**9),))
        await ask(gateway, stream=stream)
        await eventually(lambda: copies)
        await eventually(lambda: gateway.counters.out == 0)
        assert await spent(gateway) == 2 * COST

    async def test_a_budget_without_room_makes_no_copy(self, gateway: Gateway, second: Provider) -> None:
        # Room for one estimate of a few tokens in and 100 out, and not for two.
        serve(gateway, route(COPIED), limits=(budget(300_000),))
        assert await ask(gateway, max_tokens=100) == (200, "first")
        assert second.requests == []
        assert gateway.shadows.left_out == 1
        assert await spent(gateway) == COST

    async def test_a_full_journal_loses_the_copy_loudly(
        self, gateway: Gateway, second: Provider, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """FAILURES G8."""
        serve(gateway, route(COPIED), limits=(budget(10**9),))
        gate = asyncio.Event()
        answer = second.script

        async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await gate.wait()
            await answer(reader, writer)

        second.script = held
        await ask(gateway)
        gateway.journal.full = True
        monkeypatch.setattr(gateway.journal, "record", lambda _: gateway.journal.admit())
        gate.set()
        await eventually(lambda: "could not be recorded yet" in caplog.text)
        await eventually(lambda: gateway.counters.out == 0)
