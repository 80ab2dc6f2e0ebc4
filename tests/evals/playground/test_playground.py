"""What the playground asks and tells."""

import asyncio

import msgspec
import pytest

from gateway_harness import DONE, Provider, delta, event, listening
from penstock.core.clock import SystemClock
from penstock.core.errors import InvalidInput, NotFound, Unavailable
from penstock.core.ids import RandomIds
from penstock.evals.playground import service
from penstock.evals.playground.service import Playground
from penstock.evals.playground.types import Answered, Costed, Delta, Failed, PlaygroundRun, Started, ToolCalled
from penstock.registry.prompts.ports import PromptVersion
from penstock.registry.prompts.service import PromptService
from penstock.wire.snapshot import Snapshot

ASK = [{"role": "user", "content": "Hi"}]
PROMPT = {
    "messages": [{"role": "system", "content": "Be {{ tone }}."}, {"role": "placeholder"}],
    "variables": {"tone": {"type": "string", "default": "kind"}},
    "parameters": {"temperature": 0.2, "max_output_tokens": 50},
}


class Versions:
    def find(self, project, name, selector):
        if (project, name) != ("p", "support"):
            raise NotFound("There is no such prompt.", code="artifact_not_found")
        return PromptVersion(name=name, version=7, digest="d", body=PROMPT)


class Gateway:
    def __init__(self, url):
        self.url = url

    async def key(self, project):
        return f"psk_{project}"


@pytest.fixture
async def provider():
    async with listening(Provider()) as provider:
        yield provider


@pytest.fixture
def costs():
    return []


@pytest.fixture
def playground(provider, costs):
    def cost(project, trace_id):
        if not costs:
            raise NotFound("not yet")
        found = costs.pop(0)
        if isinstance(found, Exception):
            raise found
        return found

    clock = SystemClock()
    prompts = PromptService(Versions(), snapshot=lambda: Snapshot(version=1, created=1), clock=clock)
    return Playground(prompts, Gateway(provider.url.removesuffix("/v1")), cost=cost, clock=clock, ids=RandomIds(clock))


async def told(playground, **run):
    events = await playground.begin("p", PlaygroundRun(model="up/m", **run))
    return [event async for event in events]


async def test_an_answer_is_told_as_it_comes_with_its_usage_and_cost(playground, provider, costs):
    usage = {"prompt_tokens": 3, "completion_tokens": 2}
    last = event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "model": "m-1", "usage": usage})
    provider.script = provider.stream(delta("Hel"), delta("lo."), last, DONE)
    costs += [NotFound("not stored yet"), 1500]
    started, first, second, answered, costed = await told(playground, messages=ASK)
    assert isinstance(started, Started)
    assert started.messages == ASK
    assert [first, second] == [Delta(text="Hel"), Delta(text="lo.")]
    assert isinstance(answered, Answered)
    assert (answered.finish_reason, answered.model, answered.usage) == ("stop", "m-1", usage)
    assert 0 < answered.ttft <= answered.duration
    assert costed == Costed(cost=1500)
    head, body = provider.requests[0]
    assert body == {"model": "up/m", "messages": ASK, "stream": True, "stream_options": {"include_usage": True}}
    sent = head.decode().lower()
    assert "authorization: bearer psk_p" in sent
    assert "x-penstock-tags: penstock.playground=yes" in sent
    assert f"traceparent: 00-{started.trace_id}-" in sent


async def test_a_draft_is_rendered_with_its_variables_around_the_conversation(playground, provider, costs):
    provider.script = provider.stream(delta("ok"), DONE)
    costs.append(None)
    events = await told(
        playground, body=PROMPT, variables={"tone": "{{ 7 * 7 }}"}, messages=ASK, parameters={"temperature": 1.0}
    )
    sent = provider.requests[0][1]
    assert sent["messages"] == [{"role": "system", "content": "Be {{ 7 * 7 }}."}, *ASK]
    assert sent["temperature"] == 1.0, "what is set by hand goes before what the prompt says"
    assert 50 in {sent.get("max_tokens"), sent.get("max_completion_tokens")}
    assert events[-1] == Costed(cost=None)
    assert "x-penstock-prompt" not in provider.requests[0][0].decode().lower()


async def test_a_stored_version_is_named_in_the_record(playground, provider, costs):
    provider.script = provider.stream(delta("ok"), DONE)
    costs.append(0)
    await told(playground, name="support", version="production", messages=ASK, session="one sitting")
    head = provider.requests[0][0].decode().lower()
    assert "x-penstock-prompt: support@7" in head
    assert "x-penstock-session: one sitting" in head


async def test_calls_of_tools_are_put_together_and_thoughts_kept_apart(playground, provider, costs):
    def tools(**call):
        return event({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]})

    provider.script = provider.stream(
        event({"choices": [{"index": 0, "delta": {"reasoning_content": "hm"}}]}),
        tools(index=0, id="c1", function={"name": "find", "arguments": '{"q":'}),
        tools(index=0, function={"arguments": ' "x"}'}),
        tools(index=1, id="c2", function={"name": "stop", "arguments": "{}"}),
        DONE,
    )
    costs.append(1)
    events = await told(playground, messages=ASK)
    assert events[1] == Delta(text="hm", reasoning=True)
    assert events[2:4] == [
        ToolCalled(id="c1", name="find", arguments='{"q": "x"}'),
        ToolCalled(id="c2", name="stop", arguments="{}"),
    ]


async def test_a_refusal_is_told_with_the_gateways_own_words(playground, provider):
    error = {"error": {"code": "budget_exceeded", "message": "The budget is spent."}}
    provider.script = provider.json(error, status="429 Too Many Requests")
    events = await told(playground, messages=ASK)
    assert events[1:] == [Failed(status=429, code="budget_exceeded", message="The budget is spent.")]


@pytest.mark.parametrize(
    ("body", "told_"),
    [(b"<html>", "<html>"), (b"[]", "[]"), (b'{"error": {}}', "The gateway answered with 502.")],
)
async def test_a_refusal_of_another_form_is_shown_as_it_is(playground, provider, body, told_):
    provider.script = provider.raw(body, status="502 Bad Gateway")
    (failed,) = (await told(playground, messages=ASK))[1:]
    assert (failed.status, failed.message) == (502, told_)


@pytest.mark.parametrize(
    ("events", "end", "code"),
    [
        ((delta("Hal"),), "cut", "call_cut"),
        ((delta("Hal"),), "clean", "call_cut"),
        ((b"data: {nonsense\n\n",), "clean", "answer_malformed"),
        ((event({"error": {"code": "upstream_cut", "message": "It broke."}}),), "clean", "upstream_cut"),
    ],
)
async def test_an_answer_that_breaks_off_is_never_taken_for_whole(playground, provider, events, end, code):
    provider.script = provider.stream(*events, end=end)
    found = await told(playground, messages=ASK)
    assert isinstance(found[-1], Failed)
    assert (found[-1].status, found[-1].code) == (None, code)


async def test_who_stops_reading_stops_the_call(playground, provider):
    provider.script = provider.stream(delta("Hal"), end="silence")
    events = await playground.begin("p", PlaygroundRun(model="up/m", messages=ASK))
    await anext(events)
    assert await anext(events) == Delta(text="Hal")
    await events.aclose()
    await asyncio.wait_for(provider.left.wait(), 5)


@pytest.mark.parametrize("failure", [[], [Unavailable("the store is down")]])
async def test_a_cost_that_cannot_be_found_is_unknown_and_not_waited_for_long(
    playground, provider, costs, failure, monkeypatch
):
    monkeypatch.setattr(service, "RECORD_SECONDS", 0.0)
    provider.script = provider.stream(delta("ok"), DONE)
    costs += failure
    assert (await told(playground, messages=ASK))[-1] == Costed(cost=None)


@pytest.mark.parametrize(
    ("run", "field"),
    [
        ({}, "messages"),
        ({"messages": ASK, "parameters": {"model": "other"}}, "parameters.model"),
        ({"messages": ASK, "parameters": {"stream": False}}, "parameters.stream"),
        ({"body": PROMPT, "variables": {"tone": 5}}, "variables.tone"),
        ({"body": PROMPT, "variables": {"ton": "x"}}, "variables.ton"),
        ({"body": {"text": "{{ oops"}}, "text"),
        ({"messages": ASK, "session": "ü"}, "session"),
    ],
)
async def test_what_cannot_be_asked_is_refused_before_anything_is_sent(playground, provider, run, field):
    with pytest.raises(InvalidInput) as caught:
        await told(playground, **run)
    assert caught.value.field == field
    assert provider.requests == []


async def test_a_gateway_that_is_not_there_is_told_of(provider, playground):
    nowhere = Gateway("http://127.0.0.1:9")
    playground._gateway = nowhere
    (failed,) = (await told(playground, messages=ASK))[1:]
    assert (failed.status, failed.code) == (None, "call_cut")


def test_events_say_what_they_are():
    assert msgspec.json.decode(msgspec.json.encode(Delta(text="x"))) == {
        "event": "delta",
        "text": "x",
        "reasoning": False,
    }
