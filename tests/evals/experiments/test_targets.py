"""What variants ask: prompts with everything that they may hold, and functions."""

import asyncio

import pytest

from penstock.core.clock import ManualClock
from penstock.core.errors import InvalidInput, NotFound, UpstreamError
from penstock.evals.experiments.targets import FunctionTarget, Inline, RegistryPrompt, messages_of
from penstock.evals.experiments.types import Output, Row
from penstock.wire.prompts import CompiledPrompt, read_prompt


def row(input_) -> Row:
    return Row(position=0, id="0", input=input_)


def prompt(body) -> RegistryPrompt:
    return RegistryPrompt(CompiledPrompt(name="p", version=1, digest="d", prompt=read_prompt(body)))


def test_values_of_every_json_type_fill_a_template():
    template = Inline([{"role": "user", "content": "{{ a }} {{ b }} {{ c }} {{ d[0] }} {{ e.x }} {{ f }}"}])
    values = {"a": True, "b": 3, "c": 1.5, "d": [7], "e": {"x": "y"}, "f": "text"}
    (message,) = template.messages(row(values))
    assert message["content"].split() == ["true", "3", "1.5", "7", "y", "text"]


def test_messages_of_the_row_go_where_the_placeholder_stands_or_last():
    own = [{"role": "user", "content": "hello"}]
    system, last = {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Now answer."}
    placed = prompt({"messages": [system, {"role": "placeholder"}, last]})
    assert [one["content"] for one in placed.messages(row(own))] == ["Be brief.", "hello", "Now answer."]
    behind = prompt({"messages": [system]})
    assert behind.messages(row("hello"))[1:] == own


def test_a_prompt_of_one_text_is_the_users_message_or_stands_before_the_rows():
    assert prompt({"text": "Q: {{ input }}", "variables": {"input": {}}}).messages(row("x")) == [
        {"role": "user", "content": "Q: x"}
    ]
    assert prompt({"text": "Be brief."}).messages(row("x")) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "x"},
    ]


def test_calls_images_and_results_of_tools_are_sent_as_openai_writes_them():
    call = {"id": "1", "name": "weather", "arguments": {"city": "Bern"}}
    picture = [{"type": "text", "text": "What is this?"}, {"type": "image", "url": "https://example.com/a.png"}]
    asked = prompt(
        {
            "messages": [
                {"role": "user", "content": picture},
                {"role": "assistant", "content": "", "tool_calls": [call]},
                {"role": "tool", "content": "sunny", "tool_call_id": "1"},
            ]
        }
    ).messages(row({}))
    assert asked[0]["content"][1] == {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    (sent,) = asked[1]["tool_calls"]
    assert (sent["type"], sent["function"]) == ("function", {"name": "weather", "arguments": '{"city":"Bern"}'})
    assert (asked[2]["role"], asked[2]["tool_call_id"]) == ("tool", "1")


def test_tools_and_the_schema_of_the_answer_are_fields_of_the_request():
    schema = {"name": "reply", "schema": {"type": "object"}}
    tool = {"name": "weather", "parameters": {"type": "object"}}
    fields = prompt({"messages": [{"role": "user", "content": "x"}], "tools": [tool], "response_schema": schema}).fields
    assert fields["tools"][0]["function"]["name"] == "weather"
    assert fields["response_format"]["json_schema"]["schema"] == {"type": "object"}


@pytest.mark.parametrize("input_", [7, [1, 2], {"question": "x"}])
def test_an_input_that_is_no_text_and_no_messages_needs_a_prompt(input_):
    with pytest.raises(InvalidInput) as refused:
        messages_of(input_)
    assert refused.value.code == "input_not_askable"


async def answer(function) -> Output:
    return await FunctionTarget(function, clock=ManualClock()).answer(row("x"), key="k", mark=None)


async def test_what_a_function_returns_is_the_answer():
    async def later(text: str) -> str:
        await asyncio.sleep(0)
        return text * 2

    assert (await answer(lambda text: text + "!")).text == "x!"
    assert (await answer(later)).text == "xx"
    assert await answer(lambda _: Output(text="whole", cost=5)) == Output(text="whole", cost=5)
    made = await answer(lambda text: {"label": text})
    assert (made.text, made.data, made.cost) == ('{"label":"x"}', {"label": "x"}, 0)


async def test_what_a_function_raises_is_the_error_of_its_row():
    def missing(_):
        raise NotFound("There is no such file.")

    with pytest.raises(UpstreamError, match="no such file") as known:
        await answer(missing)
    assert not known.value.retryable
    with pytest.raises(UpstreamError, match="ZeroDivisionError") as other:
        await answer(lambda _: 1 / 0)
    assert other.value.code == "function_failed"
