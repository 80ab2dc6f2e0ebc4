"""Fallback, replicas, keys, retries and the breaker: what is asked after something failed, and what is not."""

import asyncio
from collections import Counter

import msgspec
import pytest

from dispatch_harness import (
    COST,
    HELLO,
    NEVER,
    ask,
    attempts,
    attributes,
    call_of,
    fails,
    healthy,
    provider_with,
    reports,
    route,
    serve,
    use,
)
from gateway_harness import Gateway, Provider, Script, delta, event, running
from penstock.wire.routing import Breaker, Fallback, Retries, RouteEntry, Variant
from penstock.wire.snapshot import ProviderKey, Snapshot, Timeouts

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
IN_ORDER = Fallback(of=(use("a"), use("b")))
EVENT_STREAM = {"content-type": "text/event-stream"}


@pytest.fixture(autouse=True)
def two_providers(provider: Provider, second: Provider) -> None:
    healthy(provider, "first")
    healthy(second, "second")


def closes(provider: Provider) -> Script:
    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    return script


class TestFallback:
    @STREAM
    @pytest.mark.parametrize(
        "status",
        [
            "401 Unauthorized",
            "404 Not Found",
            "402 Payment Required",
            "403 Forbidden",
            "408 Request Timeout",
            "409 Conflict",
            "425 Too Early",
            "429 Too Many Requests",
            "500 Internal Server Error",
            "501 Not Implemented",
            "502 Bad Gateway",
            "503 Service Unavailable",
            "504 Gateway Timeout",
            "529 Overloaded",
        ],
    )
    async def test_an_error_that_another_may_not_have_is_not_the_callers(
        self, gateway: Gateway, provider: Provider, status: str, *, stream: bool
    ) -> None:
        serve(gateway, route(IN_ORDER))
        fails(provider, status)
        assert await ask(gateway, stream=stream) == (200, "second")
        one, other = attempts(gateway)
        assert (one.status, one.cost, one.http_status) == ("error", 0, int(status[:3]))
        assert (other.status, other.cost, other.variant) == ("ok", COST, "b")
        assert (call_of(gateway).cost, call_of(gateway).status, call_of(gateway).http_status) == (0, "ok", 200)

    @STREAM
    @pytest.mark.parametrize(
        "status",
        ["400 Bad Request", "413 Content Too Large", "422 Unprocessable Content"],
    )
    async def test_an_error_of_the_request_is_final(
        self, gateway: Gateway, provider: Provider, second: Provider, status: str, *, stream: bool
    ) -> None:
        """FAILURES G16."""
        serve(gateway, route(IN_ORDER, retries=Retries(attempts=3)))
        fails(provider, status)
        assert await ask(gateway, stream=stream) == (int(status[:3]), "!oops")
        assert (len(provider.requests), len(second.requests)) == (1, 0)

    @STREAM
    async def test_a_provider_that_closes_without_an_answer_is_passed_over(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        serve(gateway, route(IN_ORDER))
        provider.script = closes(provider)
        assert await ask(gateway, stream=stream) == (200, "second")
        assert attempts(gateway)[0].cost == 0

    @STREAM
    async def test_a_provider_that_cannot_be_reached_is_passed_over(self, gateway: Gateway, *, stream: bool) -> None:
        nowhere = provider_with(gateway, "p", base_url="http://127.0.0.1:9/v1")
        serve(gateway, route(IN_ORDER), providers=nowhere)
        assert await ask(gateway, stream=stream) == (200, "second")
        assert attempts(gateway)[0].error_type == "upstream_unreachable"

    @STREAM
    async def test_an_answer_that_cannot_be_read_is_billed_and_passed_over(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        serve(gateway, route(IN_ORDER))
        provider.script = provider.raw(b"<html>busy</html>", **{"content-type": "text/html"})
        assert await ask(gateway, stream=stream) == (200, "second")
        assert (attempts(gateway)[0].cost or 0) > 0, "the provider had accepted the call"

    async def test_an_error_event_before_content_is_passed_over(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G15."""
        serve(gateway, route(IN_ORDER))
        provider.script = provider.stream(delta(""), event({"error": {"message": "x", "type": "server_error"}}))
        assert await ask(gateway, stream=True) == (200, "second")

    @pytest.mark.parametrize("end", ["cut", "clean"])
    async def test_after_content_nothing_is_tried_again(
        self, gateway: Gateway, provider: Provider, second: Provider, end: str
    ) -> None:
        """FAILURES G14, G15."""
        serve(gateway, route(IN_ORDER, retries=Retries(attempts=3)))
        provider.script = provider.stream(delta("Hel"), end=end)
        assert await ask(gateway, stream=True) == (200, "Hel!upstream_cut")
        assert (len(provider.requests), len(second.requests)) == (1, 0)
        span = call_of(gateway)
        assert (span.status, span.error_type) == ("error", "upstream_cut")
        assert (span.cost or 0) > 0

    async def test_the_order_is_that_of_the_route(self, gateway: Gateway, provider: Provider, second: Provider) -> None:
        serve(gateway, route(Fallback(of=(use("b"), use("a")))))
        fails(second)
        assert await ask(gateway) == (200, "first")
        assert [span.variant for span in attempts(gateway)] == ["b", "a"]

    @STREAM
    async def test_when_all_fail_the_last_error_is_the_callers(
        self, gateway: Gateway, provider: Provider, second: Provider, *, stream: bool
    ) -> None:
        serve(gateway, route(IN_ORDER))
        fails(provider)
        fails(second, "429 Too Many Requests", "slow_down", **{"retry-after": "9"})
        answer = await gateway.chat("r", stream=stream)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "9")
        assert answer.json()["error"]["code"] == "slow_down"

    async def test_what_is_out_of_service_is_asked_last(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        serve(gateway, route(IN_ORDER), providers=provider_with(gateway, "p", breaker=Breaker(minimum=1)))
        fails(provider)
        await ask(gateway)
        healthy(provider, "first")
        assert await ask(gateway) == (200, "second")
        assert len(provider.requests) == 1
        fails(second)
        assert await ask(gateway) == (200, "first"), "a breaker moves load, it refuses nobody"

    async def test_both_dialects_fall_back_to_either(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, route(IN_ORDER))
        fails(provider)
        answer = await gateway.message("r")
        assert answer.json()["content"][0]["text"] == "second"


class TestTimeouts:
    @pytest.fixture
    def timeouts(self) -> Timeouts:
        return Timeouts(connect=5, first_byte=0.15, gap=0.15, total=5)

    @STREAM
    async def test_a_silent_provider_is_left_and_its_prompt_billed(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        """FAILURES G17."""
        serve(gateway, route(IN_ORDER, retries=Retries(attempts=3)))
        provider.script = provider.silence
        assert await ask(gateway, stream=stream) == (200, "second")
        await asyncio.wait_for(provider.left.wait(), 5)
        one, _ = attempts(gateway)
        assert one.error_type == "upstream_timeout_first_byte"
        assert one.usage_estimated
        assert (one.cost or 0) > 0
        assert len(provider.requests) == 1, "as long once more would help nobody"

    async def test_silence_after_content_is_an_error_in_the_stream(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        """FAILURES G15, G17."""
        serve(gateway, route(IN_ORDER))
        provider.script = provider.stream(delta("Hel"), end="silence")
        assert await ask(gateway, stream=True) == (200, "Hel!upstream_timeout_gap")
        assert second.requests == []


class TestRetries:
    @STREAM
    async def test_an_error_that_may_pass_is_tried_again_at_the_same_variant(
        self, gateway: Gateway, provider: Provider, second: Provider, *, stream: bool
    ) -> None:
        serve(gateway, route(IN_ORDER, retries=Retries(attempts=2, base=0.001)))
        fails(provider, "503 Service Unavailable")
        assert await ask(gateway, stream=stream) == (200, "second")
        assert (len(provider.requests), len(second.requests)) == (3, 1)
        assert [attributes(span)["penstock.attempt"] for span in attempts(gateway)] == [1, 2, 3, 4]

    async def test_a_second_try_that_succeeds_is_the_answer(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, route(use("a"), retries=Retries(attempts=1, base=0.001)))
        scripts = iter([provider.json({}, "500 Oops"), provider.stream(*HELLO)])

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await next(scripts)(reader, writer)

        provider.script = script
        assert await ask(gateway, stream=True) == (200, "Hello.")

    async def test_a_retry_waits_as_long_as_the_provider_says(
        self, gateway: Gateway, provider: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        waited: list[float] = []
        sleep = asyncio.sleep

        async def note(seconds: float) -> None:
            waited.append(seconds)
            await sleep(0)

        serve(gateway, route(use("a"), retries=Retries(attempts=2, base=0.5, cap=5)))
        fails(provider, "429 Too Many Requests", **{"retry-after": "2"})
        monkeypatch.setattr("penstock.gateway.stages.dispatch.executor.asyncio.sleep", note)
        answer = await gateway.chat("r")
        monkeypatch.undo()
        assert answer.status_code == 429
        waits = [seconds for seconds in waited if seconds != 0.1]
        assert len(provider.requests) == 3
        assert all(2 <= seconds <= 5 for seconds in waits[:2]), waits
        assert waits[0] != waits[1], "those who were sent away together must not come back together"

    async def test_a_longer_wait_than_the_cap_is_not_waited_for(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        serve(gateway, route(IN_ORDER, retries=Retries(attempts=2, cap=1)))
        fails(provider, "429 Too Many Requests", **{"retry-after": "30"})
        assert await ask(gateway) == (200, "second")
        assert len(provider.requests) == 1
        (out,) = [one for one in reports(gateway) if one.state == "open"]
        assert out.target == "p/m"
        assert "asked to wait 30 s" in out.reason

    async def test_what_is_out_is_not_waited_for_while_the_next_is_in_service(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        serve(gateway, route(IN_ORDER, retries=Retries(attempts=2, base=60, cap=600)))
        fails(provider, "429 Too Many Requests", **{"retry-after": "30"})
        async with asyncio.timeout(5):
            assert await ask(gateway) == (200, "second")
        assert len(provider.requests) == 1

    async def test_what_is_out_is_waited_for_where_nothing_else_is_in_service(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        serve(gateway, route(IN_ORDER, retries=Retries(attempts=1, base=0.001)))
        for one in (provider, second):
            fails(one, "429 Too Many Requests", **{"retry-after": "0.05"})
        assert await ask(gateway) == (429, "!oops")
        assert (len(provider.requests), len(second.requests)) == (1, 2)

    async def test_retries_are_a_share_of_the_calls(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, route(use("a"), retries=Retries(attempts=1, base=0.0001, budget=0.1)))
        fails(provider)
        for _ in range(40):
            await ask(gateway)
        # A tenth of 40, and the reserve of three.
        assert 42 <= len(provider.requests) <= 48

    async def test_no_budget_means_no_retries(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, route(use("a"), retries=Retries(attempts=5, base=0.001, budget=0)))
        fails(provider)
        assert await ask(gateway) == (500, "!upstream_error")
        assert len(provider.requests) == 1

    async def test_without_a_route_the_gateways_own_hold(self, gateway: Gateway, provider: Provider) -> None:
        settings = msgspec.structs.replace(
            gateway.publication.catalog.snapshot.gateway, retries=Retries(attempts=2, base=0.001)
        )
        serve(gateway, gateway=settings)
        fails(provider)
        assert await ask(gateway, model="p/m") == (500, "!upstream_error")
        assert len(provider.requests) == 3


class TestBreaker:
    async def test_it_opens_is_probed_and_closes_with_its_reasons_told(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        breaker = Breaker(minimum=3, probes=2, open_for=10, ramp=0.001)
        serve(gateway, route(IN_ORDER), providers=provider_with(gateway, "p", breaker=breaker))
        fails(provider)
        for _ in range(5):
            assert await ask(gateway) == (200, "second")
        assert len(provider.requests) == 3
        report = next(one for one in reports(gateway) if one.target == "p/m")
        assert (report.state, report.reason) == ("open", "3 of 3 attempts failed in 30 s: upstream_error (500)")
        reports(gateway, later=11)
        await ask(gateway)
        assert len(provider.requests) == 4, "one probe"
        report = next(one for one in reports(gateway) if one.target == "p/m")
        assert (report.state, report.reason) == ("open", "probe failed: upstream_error (500)")
        reports(gateway, later=21)
        healthy(provider, "first")
        assert [(await ask(gateway))[1] for _ in range(2)] == ["first", "first"]
        report = next(one for one in reports(gateway) if one.target == "p/m")
        assert report.state == "closed"
        assert [one.state for one in report.history] == ["open", "half_open", "open", "half_open", "closed"]

    async def test_the_callers_own_fault_never_counts(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, route(use("a")), providers=provider_with(gateway, "p", breaker=Breaker(minimum=1)))
        fails(provider, "400 Bad Request")
        for _ in range(5):
            await ask(gateway)
        assert [one.state for one in reports(gateway)] == ["closed"]

    async def test_a_caller_who_leaves_never_counts(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G13."""
        serve(gateway, route(use("a")), providers=provider_with(gateway, "p", breaker=Breaker(minimum=1)))
        provider.script = provider.silence
        asking = asyncio.create_task(ask(gateway))
        await provider.asked.wait()
        asking.cancel()
        await asyncio.wait([asking])
        await asyncio.wait_for(gateway.journal.recorded.wait(), 5)
        assert [(one.state, one.errors, one.in_flight) for one in reports(gateway)] == [("closed", 0, 0)]


class TestReplicas:
    @pytest.fixture
    def pool(self) -> RouteEntry:
        return route(
            use("pool"), variants={"pool": Variant(name="pool", models=("p/m", "q/m"))}, retries=Retries(attempts=1)
        )

    @STREAM
    async def test_a_failed_replica_is_replaced_at_once(
        self, gateway: Gateway, provider: Provider, pool: RouteEntry, *, stream: bool
    ) -> None:
        # A wait would be half a minute at least.
        serve(gateway, msgspec.structs.replace(pool, retries=Retries(attempts=1, base=60, cap=600)))
        fails(provider, "429 Too Many Requests", **{"retry-after": "30"})
        async with asyncio.timeout(5):
            answers = [await ask(gateway, stream=stream) for _ in range(6)]
        assert answers == [(200, "second")] * 6
        assert len(provider.requests) <= 1, "what asked to be left alone is left alone"

    async def test_a_replica_stands_in_without_asking_the_retry_budget(
        self, gateway: Gateway, provider: Provider, pool: RouteEntry
    ) -> None:
        providers = provider_with(gateway, "p", breaker=Breaker(minimum=1000))
        serve(gateway, msgspec.structs.replace(pool, retries=Retries(attempts=1, budget=0)), providers=providers)
        fails(provider)
        assert [await ask(gateway) for _ in range(30)] == [(200, "second")] * 30
        assert len(provider.requests) > 0

    async def test_a_replica_that_is_out_is_asked_before_the_call_is_given_up(
        self, gateway: Gateway, provider: Provider, second: Provider, pool: RouteEntry
    ) -> None:
        """A breaker moves load, it refuses nobody."""
        entry = msgspec.structs.replace(pool, retries=Retries(attempts=1, budget=0))
        serve(gateway, entry, providers=provider_with(gateway, "p", breaker=Breaker(minimum=1, open_for=600)))
        fails(provider)
        while all(one.state == "closed" for one in reports(gateway)):
            await ask(gateway)
        healthy(provider, "back")
        fails(second)
        assert await ask(gateway) == (200, "back")

    async def test_load_goes_to_both(self, gateway: Gateway, provider: Provider, pool: RouteEntry) -> None:
        serve(gateway, pool)
        served = Counter([text for _, text in await asyncio.gather(*(ask(gateway) for _ in range(40)))])
        assert min(served["first"], served["second"]) >= 8

    async def test_the_busy_one_is_given_less(self, gateway: Gateway, provider: Provider, pool: RouteEntry) -> None:
        serve(gateway, pool)
        gate = asyncio.Event()
        answer = provider.script

        async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await gate.wait()
            await answer(reader, writer)

        provider.script = held
        asking = [asyncio.create_task(ask(gateway)) for _ in range(3)]
        await provider.asked.wait()
        later = [await asyncio.wait_for(ask(gateway), 5) for _ in range(10)]
        assert later == [(200, "second")] * 10
        gate.set()
        await asyncio.gather(*asking)

    async def test_one_that_is_out_is_not_asked(self, gateway: Gateway, provider: Provider, pool: RouteEntry) -> None:
        serve(gateway, pool, providers=provider_with(gateway, "p", breaker=Breaker(minimum=1)))
        fails(provider)
        assert {(await ask(gateway))[1] for _ in range(12)} == {"second"}
        assert len(provider.requests) == 1

    async def test_a_bad_request_is_bad_everywhere(
        self, gateway: Gateway, provider: Provider, second: Provider, pool: RouteEntry
    ) -> None:
        """FAILURES G16."""
        serve(gateway, pool)
        fails(provider, "400 Bad Request")
        fails(second, "400 Bad Request")
        assert (await ask(gateway))[0] == 400
        assert len(provider.requests) + len(second.requests) == 1

    async def test_with_both_down_the_error_is_told(
        self, gateway: Gateway, provider: Provider, second: Provider, pool: RouteEntry
    ) -> None:
        serve(gateway, msgspec.structs.replace(pool, retries=Retries(attempts=3, base=0.001)))
        fails(provider)
        fails(second)
        assert await ask(gateway) == (500, "!upstream_error")
        assert (len(provider.requests), len(second.requests)) == (2, 2)


class TestKeys:
    @pytest.fixture
    def snapshot(self, snapshot: Snapshot) -> Snapshot:
        keys = (
            ProviderKey(name="main", secret="env:MAIN", weight=1),
            ProviderKey(name="spare", secret="env:SPARE", weight=0.000001),
        )
        provider = msgspec.structs.replace(snapshot.providers["p"], api_key=None, keys=keys, breaker=Breaker(minimum=1))
        return msgspec.structs.replace(snapshot, providers={**snapshot.providers, "p": provider})

    def refuse(self, provider: Provider, *secrets: str, status: str = "401 Unauthorized", **headers: str) -> None:
        answer = provider.script

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            head = provider.requests[-1][0].decode()
            refused = any(f"Bearer {secret}\r\n" in head for secret in secrets)
            refusal = provider.json({"error": {"message": "No.", "type": "x", "code": "oops"}}, status, **headers)
            await (refusal if refused else answer)(reader, writer)

        provider.script = script

    @STREAM
    async def test_a_refused_key_is_set_aside_and_the_next_asked_at_once(
        self, provider: Provider, snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory, *, stream: bool
    ) -> None:
        folder = tmp_path_factory.mktemp("gateway")
        async with running(snapshot, folder, environment={"MAIN": "one", "SPARE": "two", "SECRET": "x"}) as gateway:
            serve(gateway, route(use("a")))
            self.refuse(provider, "one")
            assert await ask(gateway, stream=stream) == (200, "first")
            (report,) = reports(gateway)
            assert (report.state, report.errors, report.keys_aside) == ("closed", 0, ("main: 401",))
            assert await ask(gateway, stream=stream) == (200, "first")
            assert len(provider.requests) == 3, "the refused key was not tried again"

    async def test_the_target_fails_when_its_last_key_does(
        self, provider: Provider, snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        folder = tmp_path_factory.mktemp("gateway")
        async with running(snapshot, folder, environment={"MAIN": "one", "SPARE": "two", "SECRET": "x"}) as gateway:
            serve(gateway, route(IN_ORDER))
            self.refuse(provider, "one", "two")
            assert await ask(gateway) == (200, "second")
            report = next(one for one in reports(gateway) if one.target == "p/m")
            assert (report.state, report.keys_aside) == ("open", ("main: 401", "spare: 401"))
            assert [span.cost for span in attempts(gateway)] == [0, 0, COST]

    async def test_a_rate_limit_of_one_key_is_no_limit_of_the_other(
        self, provider: Provider, snapshot: Snapshot, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        folder = tmp_path_factory.mktemp("gateway")
        async with running(snapshot, folder, environment={"MAIN": "one", "SPARE": "two", "SECRET": "x"}) as gateway:
            serve(gateway, route(use("a"), retries=NEVER))
            self.refuse(provider, "one", status="429 Too Many Requests", **{"retry-after": "30"})
            assert await ask(gateway) == (200, "first")
            (report,) = reports(gateway)
            assert (report.state, report.keys_aside) == ("closed", ("main: 429",))
