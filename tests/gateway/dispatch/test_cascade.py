"""Cheap first: checked, given, or gone on from; every attempt recorded and billed."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from dispatch_harness import (
    COST,
    ask,
    attempts,
    attributes,
    budget,
    call_of,
    fails,
    healthy,
    provider_with,
    route,
    serve,
    spent,
    text_of,
    use,
)
from gateway_harness import DONE, USAGE, Gateway, Provider, completion, delta
from penstock.wire.routing import (
    Breaker,
    Cascade,
    Check,
    Fallback,
    JsonSchemaCheck,
    JudgeCheck,
    LogprobCheck,
    Parameters,
    RegexCheck,
    Retries,
    Use,
    ValidJsonCheck,
    Variant,
)

STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
SCHEMA = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
JUDGED = JudgeCheck(route="q/judge")


def cascade(*checks: Check, steps: tuple[Any, ...] = (use("a"), use("b"))) -> Cascade:
    return Cascade(steps=steps, checks=checks)


def by_model(provider: Provider, **answers: str) -> None:
    """Answer by the model that is asked for."""
    scripts = {}
    for model, text in answers.items():
        healthy(provider, text)
        scripts[model] = provider.script

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await scripts[provider.requests[-1][1]["model"]](reader, writer)

    provider.script = script


@pytest.fixture(autouse=True)
def two_providers(provider: Provider, second: Provider) -> None:
    healthy(provider, "cheap")
    by_model(second, m="dear", judge="yes")


class TestChecks:
    @STREAM
    @pytest.mark.parametrize(
        ("check", "good", "bad"),
        [
            (RegexCheck(pattern=r"order \d+"), "order 7", "no order"),
            (RegexCheck(pattern="sorry", negate=True), "here you are", "so sorry"),
            (ValidJsonCheck(), '```json\n{"a": 1}\n```', '{"a": '),
            (JsonSchemaCheck(schema=SCHEMA), '{"n": 1}', '{"n": "one"}'),
        ],
        ids=["regex", "not regex", "json", "schema"],
    )
    async def test_an_answer_that_passes_is_given_and_one_that_fails_is_not(
        self, gateway: Gateway, provider: Provider, check: Check, good: str, bad: str, *, stream: bool
    ) -> None:
        serve(gateway, route(cascade(check)))
        healthy(provider, good)
        assert await ask(gateway, stream=stream) == (200, good)
        assert attempts(gateway) == []
        healthy(provider, bad)
        assert await ask(gateway, stream=stream) == (200, "dear")
        cheap, dear = attempts(gateway)
        assert (cheap.variant, cheap.status, cheap.cost) == ("a", "ok", COST)
        assert (dear.variant, dear.status, dear.cost) == ("b", "ok", COST)
        assert attributes(cheap)["penstock.note"]
        root = next(span for span in gateway.journal.spans if span.call and span.kind == "gateway")
        assert (root.variant, root.cost) == ("b", 0)

    @pytest.mark.parametrize(("logprob", "text"), [(-0.1, "cheap"), (-3.0, "dear")])
    async def test_log_probabilities_are_asked_for_and_decide(
        self, gateway: Gateway, provider: Provider, logprob: float, text: str
    ) -> None:
        serve(gateway, route(cascade(LogprobCheck(at_least=-0.5))))
        answer = completion("cheap")
        answer["choices"][0]["logprobs"] = {"content": [{"token": "cheap", "logprob": logprob}]}
        provider.script = provider.json(answer)
        assert await ask(gateway) == (200, text)
        assert provider.requests[0][1]["logprobs"] is True

    @pytest.mark.parametrize(("logprob", "text"), [(-0.1, "cheap"), (-3.0, "dear")])
    async def test_log_probabilities_of_a_stream_decide(
        self, gateway: Gateway, provider: Provider, logprob: float, text: str
    ) -> None:
        serve(gateway, route(cascade(LogprobCheck(at_least=-0.5))))
        piece = json.loads(delta("cheap").removeprefix(b"data: "))
        piece["choices"][0]["logprobs"] = {"content": [{"token": "cheap", "logprob": logprob}]}
        events = (f"data: {json.dumps(piece)}\n\n".encode(), delta(finish="stop"), USAGE, DONE)
        provider.script = provider.stream(*events)
        assert await ask(gateway, stream=True) == (200, text)

    async def test_a_model_that_reports_no_log_probabilities_does_not_pass(self, gateway: Gateway) -> None:
        serve(gateway, route(cascade(LogprobCheck(at_least=-100))))
        assert await ask(gateway) == (200, "dear")
        assert "no log-probabilities" in attributes(attempts(gateway)[0])["penstock.note"]

    async def test_log_probabilities_of_responses_are_asked_for_in_its_own_way(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        serve(gateway, route(cascade(LogprobCheck(at_least=-100))))
        fails(provider, "400 Bad Request")
        await gateway.client.post("/v1/responses", json={"model": "r", "input": "Hi", "include": ["x"]})
        assert provider.requests[0][1]["include"] == ["x", "message.output_text.logprobs"]

    async def test_every_choice_must_pass(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G24."""
        serve(gateway, route(cascade(RegexCheck(pattern="good"))))
        two = completion("good")
        two["choices"].append({**two["choices"][0], "index": 1, "message": {"role": "assistant", "content": "bad"}})
        provider.script = provider.json(two)
        assert await ask(gateway, n=2) == (200, "dear")

    async def test_all_checks_must_hold(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, route(cascade(RegexCheck(pattern="1"), ValidJsonCheck())))
        healthy(provider, "1,")
        assert await ask(gateway) == (200, "dear")
        assert attributes(attempts(gateway)[0])["penstock.note"] == "not valid JSON"

    @STREAM
    async def test_the_last_answer_is_given_unchecked(self, gateway: Gateway, *, stream: bool) -> None:
        serve(gateway, route(cascade(RegexCheck(pattern="neither"))))
        assert await ask(gateway, stream=stream) == (200, "dear")

    async def test_three_steps_go_on_until_one_passes(self, gateway: Gateway, second: Provider) -> None:
        middle = Variant(name="c", models=("q/middle",))
        steps = (use("a"), use("c"), use("b"))
        serve(gateway, route(cascade(RegexCheck(pattern="middle"), steps=steps), variants={"c": middle}))
        by_model(second, m="dear", middle="middle")
        assert await ask(gateway) == (200, "middle")
        assert [span.variant for span in attempts(gateway)] == ["a", "c"]

    async def test_messages_are_checked_as_chats_are(self, gateway: Gateway) -> None:
        serve(gateway, route(cascade(RegexCheck(pattern="dear"))))
        assert (await gateway.message("r")).json()["content"][0]["text"] == "dear"
        answer = await gateway.message("r", stream=True)
        assert "dear" in answer.text.replace('"de"', '"dear"')
        assert answer.text.count("event: message_start") == 1
        assert "cheap" not in answer.text


class TestStreams:
    async def test_nothing_is_given_before_it_is_checked(self, gateway: Gateway, provider: Provider) -> None:
        serve(gateway, route(cascade(RegexCheck(pattern="neither"))))
        answer = await gateway.chat("r", stream=True)
        assert "che" not in answer.text
        assert text_of(answer.text) == "dear"
        assert answer.text.count("[DONE]") == 1
        assert len(provider.requests) == 1

    async def test_a_step_that_is_cut_is_tried_again_without_its_remains(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        serve(gateway, route(cascade(RegexCheck(pattern="^cheap$")), retries=Retries(attempts=1, base=0.001)))
        whole = provider.script
        scripts = iter([provider.stream(delta("che"), end="cut"), whole])

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await next(scripts)(reader, writer)

        provider.script = script
        assert await ask(gateway, stream=True) == (200, "cheap")
        assert [span.status for span in attempts(gateway)] == ["error", "ok"]
        assert (attempts(gateway)[0].cost or 0) > 0

    async def test_a_step_that_falls_back_after_content_gives_one_answer(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        steps = (Fallback(of=(use("a"), use("b"))), use("a"))
        serve(gateway, route(cascade(RegexCheck(pattern="^dear$"), steps=steps)))
        provider.script = provider.stream(delta("che"), end="cut")
        assert await ask(gateway, stream=True) == (200, "dear")

    async def test_a_last_step_streams_as_it_comes(self, gateway: Gateway, second: Provider) -> None:
        """FAILURES G15: what was given is given."""
        serve(gateway, route(cascade(RegexCheck(pattern="neither"))))
        second.script = second.stream(delta("de"), end="cut")
        assert await ask(gateway, stream=True) == (200, "de!upstream_cut")


class TestFailingSteps:
    @STREAM
    async def test_a_step_that_fails_is_gone_on_from(
        self, gateway: Gateway, provider: Provider, *, stream: bool
    ) -> None:
        serve(gateway, route(cascade(RegexCheck(pattern="."))))
        fails(provider)
        assert await ask(gateway, stream=stream) == (200, "dear")
        one, other = attempts(gateway)
        assert (one.cost, other.cost) == (0, COST)
        assert attributes(one)["penstock.note"] == "failed: upstream_error (500)"

    @STREAM
    async def test_an_error_of_the_request_is_final(
        self, gateway: Gateway, provider: Provider, second: Provider, *, stream: bool
    ) -> None:
        """FAILURES G16."""
        serve(gateway, route(cascade(RegexCheck(pattern="."))))
        fails(provider, "400 Bad Request")
        assert await ask(gateway, stream=stream) == (400, "!oops")
        assert second.requests == []

    async def test_a_step_that_is_out_of_service_is_left_out(self, gateway: Gateway, provider: Provider) -> None:
        out = provider_with(gateway, "p", breaker=Breaker(minimum=1))
        serve(gateway, route(cascade(RegexCheck(pattern="."))), providers=out)
        fails(provider)
        await ask(gateway)
        provider.script = provider.silence
        assert await asyncio.wait_for(ask(gateway), 5) == (200, "dear")
        assert len(provider.requests) == 1

    async def test_a_step_without_a_secret_is_gone_on_from(self, gateway: Gateway) -> None:
        missing = provider_with(gateway, "p", api_key="env:NOT_SET")
        serve(gateway, route(cascade(RegexCheck(pattern="."))), providers=missing)
        assert await ask(gateway) == (200, "dear")

    async def test_a_caller_who_leaves_cancels_the_step(self, gateway: Gateway, provider: Provider) -> None:
        """FAILURES G13."""
        serve(gateway, route(cascade(RegexCheck(pattern="."))))
        provider.script = provider.stream(delta("che"), end="silence")
        asking = asyncio.create_task(ask(gateway, stream=True))
        await provider.asked.wait()
        asking.cancel()
        await asyncio.wait([asking])
        await asyncio.wait_for(provider.left.wait(), 5)
        await asyncio.wait_for(gateway.journal.recorded.wait(), 5)
        assert call_of(gateway).status == "interrupted"

    async def test_a_step_that_is_too_long_to_be_held_is_an_error(self, gateway: Gateway, provider: Provider) -> None:
        settings = {"gateway": gateway.publication.catalog.snapshot.gateway.__replace__(max_response=300_000)}
        serve(gateway, route(cascade(RegexCheck(pattern="."))), **settings)
        provider.script = provider.stream(*[delta("x" * 100_000)] * 9, delta(finish="stop"), DONE)
        assert await ask(gateway, stream=True) == (502, "!upstream_too_large")


class TestJudge:
    @STREAM
    @pytest.mark.parametrize(
        ("verdict", "given", "note"),
        [
            ("yes", "cheap", None),
            ("No.", "dear", "the judge q/judge said no"),
            ("perhaps, who knows", "dear", "the judge q/judge gave no verdict"),
        ],
    )
    async def test_the_judge_decides_and_is_recorded_and_billed(
        self, gateway: Gateway, second: Provider, verdict: str, given: str, note: str | None, *, stream: bool
    ) -> None:
        serve(gateway, route(cascade(JUDGED)))
        by_model(second, m="dear", judge=verdict)
        assert await ask(gateway, stream=stream) == (200, given)
        cheap, judge, *dear = attempts(gateway)
        assert attributes(judge)["penstock.role"] == "judge"
        assert (judge.target_model, judge.cost, judge.call, judge.stream) == ("judge", COST, False, False)
        assert attributes(cheap).get("penstock.note") == note
        assert len(dear) == (given == "dear")
        assert call_of(gateway).variant == ("a" if given == "cheap" else "b")
        assert given.encode() in bytes(call_of(gateway).output or b"").replace(b'","content":"', b"")

    async def test_a_judge_that_fails_does_not_pass_the_answer(self, gateway: Gateway, second: Provider) -> None:
        nowhere = provider_with(gateway, "q", models=("m",), any_model=False)
        serve(gateway, route(cascade(JudgeCheck(route="q/gone"))), providers=nowhere)
        assert await ask(gateway) == (200, "dear")
        assert attributes(attempts(gateway)[0])["penstock.note"] == "the judge q/gone failed: model_not_found"
        assert len(second.requests) == 1

    async def test_a_judge_that_answers_with_an_error_does_not_pass_the_answer(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        serve(gateway, route(cascade(JUDGED)))
        dear = second.script
        refused = second.json({"error": {"message": "No."}}, "400 Bad Request")

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await (refused if second.requests[-1][1]["model"] == "judge" else dear)(reader, writer)

        second.script = script
        assert await ask(gateway) == (200, "dear")
        assert [span.status for span in attempts(gateway)] == ["ok", "error", "ok"]
        assert [span.cost for span in attempts(gateway)] == [COST, 0, COST]
        assert len(provider.requests) == 1

    async def test_a_judge_is_shown_question_request_and_answer_and_given_room_to_think(
        self, gateway: Gateway, second: Provider
    ) -> None:
        serve(gateway, route(cascade(JudgeCheck(route="q/judge", question="Is it short?"))))
        await ask(gateway, temperature=1.5, max_tokens=7)
        sent = second.requests[0][1]
        shown = json.dumps(sent["messages"])
        assert "Is it short?" in shown
        assert "cheap" in shown
        assert "Hi" in shown
        assert sent["max_tokens"] == 2048
        assert "temperature" not in sent, "some models refuse one; a judge's variant may set it"

    async def test_a_route_may_judge_with_parameters_of_its_own(self, gateway: Gateway, second: Provider) -> None:
        strict = Variant(name="strict", models=("q/judge",), parameters=Parameters(temperature=0.0))
        judge = route(use("strict"), variants={"strict": strict}).__replace__(name="j")
        serve(gateway, route(cascade(JudgeCheck(route="j"))), judge)
        assert await ask(gateway) == (200, "cheap")
        assert second.requests[0][1]["temperature"] == 0.0
        assert attempts(gateway)[1].variant == "strict"

    async def test_the_judges_calls_earn_it_retries(self, gateway: Gateway, second: Provider) -> None:
        settings = gateway.publication.catalog.snapshot.gateway.__replace__(
            retries=Retries(attempts=1, base=0.0001, budget=1.0)
        )
        serve(gateway, route(cascade(JUDGED)), gateway=settings)
        dear, broken = second.script, second.json({}, "503 Service Unavailable")

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await (broken if second.requests[-1][1]["model"] == "judge" else dear)(reader, writer)

        second.script = script
        for _ in range(6):
            assert await ask(gateway) == (200, "dear")
        asked = [body["model"] for _, body in second.requests].count("judge")
        assert asked == 12, "each time once more: more than the reserve of three"

    async def test_an_answer_without_text_is_not_judged(
        self, gateway: Gateway, provider: Provider, second: Provider
    ) -> None:
        serve(gateway, route(cascade(JUDGED)))
        healthy(provider, "")
        assert await ask(gateway) == (200, "dear")
        assert [body["model"] for _, body in second.requests] == ["m"]

    async def test_the_judge_is_not_asked_what_a_cheaper_check_decides(
        self, gateway: Gateway, second: Provider
    ) -> None:
        serve(gateway, route(cascade(JUDGED, RegexCheck(pattern="neither"))))
        await ask(gateway)
        assert [body["model"] for _, body in second.requests] == ["m"]


class TestMoney:
    @STREAM
    async def test_every_attempt_is_counted(self, gateway: Gateway, second: Provider, *, stream: bool) -> None:
        """FAILURES G5."""
        serve(gateway, route(cascade(JUDGED)), limits=(budget(10**9),))
        by_model(second, m="dear", judge="no")
        await ask(gateway, stream=stream)
        assert await spent(gateway) == 3 * COST == sum(span.cost or 0 for span in gateway.journal.spans)

    @STREAM
    async def test_without_room_to_go_on_the_first_answer_is_given(
        self, gateway: Gateway, second: Provider, *, stream: bool
    ) -> None:
        # Room for one estimate of a few tokens in and 100 out, and not for two.
        serve(gateway, route(cascade(RegexCheck(pattern="neither"))), limits=(budget(300_000),))
        assert await ask(gateway, stream=stream, max_tokens=100) == (200, "cheap")
        assert second.requests == []
        assert await spent(gateway) == COST

    async def test_without_room_for_a_judge_the_answer_is_given_unjudged(
        self, gateway: Gateway, second: Provider
    ) -> None:
        serve(gateway, route(cascade(JUDGED)), limits=(budget(300_000),))
        assert await ask(gateway, max_tokens=100) == (200, "cheap")
        assert second.requests == []

    async def test_a_step_that_cost_nothing_leaves_its_room_to_the_next(
        self, gateway: Gateway, provider: Provider
    ) -> None:
        serve(gateway, route(cascade(RegexCheck(pattern="."))), limits=(budget(300_000),))
        fails(provider)
        assert await ask(gateway, max_tokens=100) == (200, "dear")
        assert await spent(gateway) == COST


@pytest.mark.parametrize("strategy", [use("a"), Fallback(of=(use("a"), use("b")))])
async def test_without_a_cascade_nothing_is_asked_for(
    gateway: Gateway, provider: Provider, strategy: Use | Fallback
) -> None:
    serve(gateway, route(strategy))
    answer: httpx.Response = await gateway.chat("r")
    assert answer.status_code == 200
    assert "logprobs" not in provider.requests[0][1]
