"""Whole answers as streams, and streams as whole answers."""

import json
import re

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from penstock.core.errors import CorruptData
from penstock.providers.dialects import parse_call
from penstock.providers.openai.relay import ChatRelay
from penstock.providers.pieces import cut_tokens
from penstock.providers.replay import Assembler, for_caller, stream_of, whole_of
from penstock.providers.sse import SseSplitter
from penstock.wire.usage import Usage

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
SHORT = st.text('abc é\n"{}\\', min_size=1, max_size=12)
COUNT = st.integers(0, 1 << 40)
OBJECT = st.dictionaries(SHORT, st.one_of(TEXT, COUNT, st.none(), st.lists(TEXT, max_size=2)), max_size=3)
ARGUMENTS = OBJECT.map(lambda value: json.dumps(value, indent=1))


def encoded(body):
    return json.dumps(body).encode()


def events(data):
    return [json.loads(payload) for _, payload in SseSplitter().feed(data) if payload != b"[DONE]"]


def replayed(operation, body, *, include_usage=True, chunk_characters=5):
    data = b"".join(stream_of(operation, encoded(body), include_usage=include_usage, chunk_characters=chunk_characters))
    assert len(re.findall(rb"\n\n", data)) == len(SseSplitter().frames(data)), "an event is one line of data"
    return data


def fed(operation, data, size):
    assembler = Assembler(operation)
    for start in range(0, len(data), size):
        assembler.feed(data[start : start + size])
    return assembler


# Chat Completions


@st.composite
def tool_calls(draw):
    return [
        {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": draw(SHORT), "arguments": draw(st.one_of(ARGUMENTS, TEXT))},
            **draw(st.sampled_from([{}, {"extra_content": {"google": {"thought_signature": "c2ln"}}}])),
        }
        for number in range(draw(st.integers(1, 3)))
    ]


@st.composite
def logprobs_of(draw, text):
    pieces = draw(st.sampled_from([list(text), [text] if text else [], ["other"]]))
    return [{"token": piece, "logprob": -0.5, "bytes": [1], "top_logprobs": []} for piece in pieces]


@st.composite
def chat_choices(draw):
    choices = []
    for index in range(draw(st.integers(1, 3))):
        message = {"role": "assistant", "content": draw(st.one_of(TEXT, st.none()))}
        for name in ("refusal", "reasoning_content", "reasoning"):
            if draw(st.booleans()):
                message[name] = draw(st.one_of(TEXT, st.none()))
        if draw(st.booleans()):
            message["tool_calls"] = draw(tool_calls())
        message |= draw(
            st.sampled_from(
                [
                    {},
                    {"annotations": [{"type": "url_citation", "url_citation": {"url": "http://x", "title": "t"}}]},
                    {"reasoning_details": [{"type": "reasoning.encrypted", "data": "x", "index": 0}]},
                    {"function_call": {"name": "f", "arguments": "{}"}},
                ]
            )
        )
        choice = {"index": index, "message": message, "finish_reason": draw(st.sampled_from(["stop", "tool_calls"]))}
        kind = draw(st.sampled_from(["absent", "null", "nulls", "content", "both"]))
        if kind != "absent":
            given_lists = {"content": None, "refusal": None}
            if kind in ("content", "both") and message["content"] is not None:
                given_lists["content"] = draw(logprobs_of(message["content"]))
            if kind == "both" and message.get("refusal") is not None:
                given_lists["refusal"] = draw(logprobs_of(message["refusal"]))
            choice["logprobs"] = None if kind == "null" else given_lists
        choice |= draw(st.sampled_from([{}, {"content_filter_results": {"hate": {"filtered": False}}}]))
        choices.append(choice)
    return choices


@st.composite
def chat_bodies(draw):
    return {
        "id": draw(SHORT),
        "object": "chat.completion",
        "created": draw(COUNT),
        "model": draw(SHORT),
        "choices": draw(chat_choices()),
        "usage": {"prompt_tokens": draw(COUNT), "completion_tokens": 2, "total_tokens": 5, "other": {"cached": 1}},
        **draw(st.sampled_from([{}, {"system_fingerprint": "fp_1", "service_tier": None}])),
    }


@given(body=chat_bodies(), chunk=st.integers(1, 50), cut=st.integers(1, 300))
def test_a_chat_is_the_same_after_it_was_a_stream(body, chunk, cut):
    """FAILURES G20"""
    data = replayed("chat", body, chunk_characters=chunk)
    whole = fed("chat", data, cut).result()
    assert whole is not None
    assert json.loads(whole) == body
    for event in events(data):
        ChatCompletionChunk.model_validate(event)


@given(body=chat_bodies())
def test_a_replayed_chat_passes_the_relay_as_a_whole_stream(body):
    relay = ChatRelay(wants_usage=True, choices=len(body["choices"]))
    data = replayed("chat", body)
    assert relay.feed(data) + relay.finish() == data
    assert relay.failure is None
    answer = relay.answer()
    assert answer.response_id == body["id"]
    assert len(answer.finish_reasons) == len(body["choices"])


def test_usage_is_told_only_to_who_asked_for_it():
    """FAILURES G1"""
    body = {"id": "1", "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}], "usage": {"n": 1}}
    asked, unasked = (replayed("chat", body, include_usage=flag) for flag in (True, False))
    assert [event["usage"] for event in events(asked)][-2:] == [None, {"n": 1}]
    assert events(asked)[-1]["choices"] == []
    assert all("usage" not in event for event in events(unasked))
    assert unasked.endswith(b"data: [DONE]\n\n")


def test_a_chat_whose_caller_did_not_ask_for_usage_is_kept_with_it():
    body = {"id": "1", "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    data = replayed("chat", body, include_usage=False)
    whole = whole_of("chat", data, usage=Usage(input=3, cache_read=1, output=2))
    assert whole is not None
    assert json.loads(whole)["usage"]["prompt_tokens"] == 4
    assert b"usage" not in (whole_of("chat", data) or b"usage")


def test_log_probabilities_go_with_their_own_piece():
    tokens = [{"token": token, "logprob": -1.5} for token in ("He", "ll", "o!", "?")]
    choice = {"index": 0, "message": {"content": "Hello!?"}, "logprobs": {"content": tokens}, "finish_reason": "stop"}
    told = [
        (event["choices"][0]["delta"].get("content"), (event["choices"][0]["logprobs"] or {}).get("content"))
        for event in events(replayed("chat", {"id": "1", "choices": [choice]}, chunk_characters=4))
    ]
    assert told == [("", None), ("Hell", tokens[:2]), ("o!?", tokens[2:]), (None, None)]


@given(text=TEXT, size=st.integers(1, 10), extra=st.booleans())
def test_no_text_and_no_token_is_lost_in_cutting(text, size, extra):
    raws = [json.dumps({"token": letter}).encode() for letter in text] + ([b'{"token":"more"}'] if extra else [])
    pieces = list(cut_tokens(text, raws, size))
    assert "".join(piece for piece, _ in pieces) == text
    assert [raw for _, own in pieces for raw in own] == raws


def test_log_probabilities_of_a_form_that_is_not_known_go_with_the_first_piece():
    odd = [[1], {"no": "token"}]
    choice = {"index": 0, "message": {"content": "Hello"}, "logprobs": {"content": odd}, "finish_reason": "stop"}
    told = [
        event["choices"][0]["logprobs"] for event in events(replayed("chat", {"choices": [choice]}, chunk_characters=3))
    ]
    assert told == [None, {"content": odd}, None, None]


def chat_chunk(**delta):
    reason = delta.pop("finish", None)
    return {"id": "1", "model": "m", "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}


def test_tool_calls_that_all_have_index_0_are_told_apart(stream):
    """FAILURES G20"""
    call = {"index": 0, "function": {"name": "f", "arguments": '{"a":'}}
    data = stream(
        chat_chunk(tool_calls=[{**call, "id": "a"}]),
        chat_chunk(tool_calls=[{"index": 0, "function": {"arguments": "1}"}}]),
        chat_chunk(tool_calls=[{**call, "id": "b"}]),
        chat_chunk(tool_calls=[{"index": 0, "id": "b", "function": {"name": "", "arguments": "2}"}}]),
        chat_chunk(tool_calls=[{"function": {"name": "g", "arguments": {"x": 1}}, "id": "c"}]),
        chat_chunk(tool_calls=[{"id": "c", "function": {"arguments": ""}}]),
        chat_chunk(tool_calls=[{"function": {"arguments": " "}}]),
        chat_chunk(finish="tool_calls"),
        "[DONE]",
    )
    message = json.loads(whole_of("chat", data) or b"{}")["choices"][0]["message"]
    assert [(call["id"], call["function"]) for call in message["tool_calls"]] == [
        ("a", {"name": "f", "arguments": '{"a":1}'}),
        ("b", {"name": "f", "arguments": '{"a":2}'}),
        ("c", {"name": "g", "arguments": '{"x":1} '}),
    ]


def test_a_tool_call_without_an_id_is_given_one(stream):
    data = stream(chat_chunk(tool_calls=[{"index": 0, "function": {"name": "f"}}]), chat_chunk(finish="tool_calls"))
    message = json.loads(whole_of("chat", data) or b"{}")["choices"][0]["message"]
    assert message["tool_calls"] == [
        {"id": "call_1_0_0", "type": "function", "function": {"name": "f", "arguments": ""}}
    ]


def test_a_custom_tool_call_goes_whole():
    call = {"id": "c", "type": "custom", "custom": {"name": "sql", "input": "select 1"}}
    body = {
        "id": "1",
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": None, "tool_calls": [call]},
                "finish_reason": "stop",
            }
        ],
    }
    assert json.loads(whole_of("chat", replayed("chat", body)) or b"{}") == body


def test_pieces_of_unknown_members_are_joined(stream):
    data = stream(
        {**chat_chunk(audio={"id": "a", "data": "QUJ"}), "id": "", "model": ""},
        chat_chunk(audio={"data": "D", "transcript": "hi"}, reasoning_details=[{"index": 0, "text": "a"}]),
        chat_chunk(reasoning_details=[{"index": 0, "text": "b"}, {"index": 1, "text": "c"}], content="x"),
        {"id": "1", "obfuscation": "zzz", "choices": [{"index": 0, "delta": None, "finish_reason": "stop"}]},
        {"id": "1", "choices": [], "usage": {"prompt_tokens": 1}},
    )
    body = json.loads(whole_of("chat", data) or b"{}")
    assert body["id"] == "1"
    assert body["model"] == "m"
    assert "obfuscation" not in body
    assert body["usage"] == {"prompt_tokens": 1}
    message = body["choices"][0]["message"]
    assert message["audio"] == {"id": "a", "data": "QUJD", "transcript": "hi"}
    assert message["reasoning_details"] == [{"index": 0, "text": "ab"}, {"index": 1, "text": "c"}]


@pytest.mark.parametrize(
    "last",
    [
        {"error": {"message": "overloaded"}},
        "not json",
        "[1]",
        {"choices": [{"index": 0, "delta": {"tool_calls": [7]}}]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"function": "x"}]}}]},
        {"choices": [{"index": "x"}]},
        {"choices": {"a": 1}},
        {"choices": [3]},
    ],
)
def test_a_chat_stream_with_an_error_in_it_is_not_put_together(last, stream):
    good = stream(chat_chunk(content="Hi"), chat_chunk(finish="stop"))
    assert whole_of("chat", good) is not None
    assert whole_of("chat", good + stream(last)) is None


def test_a_chat_stream_without_its_end_is_not_put_together(stream):
    """FAILURES G14"""
    assert whole_of("chat", stream(chat_chunk(content="Hi"), "[DONE]")) is None
    assert whole_of("chat", b"") is None


def test_the_openai_client_puts_a_replayed_chat_together():
    body = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 7,
        "model": "m",
        "choices": [
            {
                "index": index,
                "message": {
                    "role": "assistant",
                    "content": f"Hello {index} é",
                    "refusal": None,
                    "tool_calls": [
                        {"id": f"a{index}", "type": "function", "function": {"name": "f", "arguments": '{"x": 1.50}'}},
                        {"id": f"b{index}", "type": "function", "function": {"name": "g", "arguments": "{}"}},
                    ],
                },
                "logprobs": None,
                "finish_reason": "tool_calls",
            }
            for index in range(2)
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }
    with (
        served(replayed("chat", body)) as http,
        openai.OpenAI(api_key="k", base_url="http://x", http_client=http) as client,
        client.chat.completions.stream(model="m", messages=[], n=2, stream_options={"include_usage": True}) as stream,
    ):
        final = stream.get_final_completion()
    assert final.id == "chatcmpl-1"
    assert final.usage is not None
    assert final.usage.total_tokens == 7
    for index, choice in enumerate(final.choices):
        assert choice.message.content == f"Hello {index} é"
        assert choice.finish_reason == "tool_calls"
        assert [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls or ()] == [
            (f"a{index}", "f", '{"x": 1.50}'),
            (f"b{index}", "g", "{}"),
        ]


def served(data):
    answer = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=data)
    return httpx2.Client(transport=httpx2.MockTransport(lambda _: answer))


# Messages


@st.composite
def message_bodies(draw):
    blocks = []
    for number in range(draw(st.integers(0, 5))):
        match draw(st.sampled_from(["text", "cited", "thinking", "redacted", "tool", "server", "result"])):
            case "text":
                blocks.append({"type": "text", "text": draw(TEXT)})
            case "cited":
                cited = {"type": "char_location", "cited_text": "c", "document_index": 0, "document_title": None}
                cited |= {"start_char_index": 0, "end_char_index": 1, "file_id": None}
                blocks.append({"type": "text", "text": draw(TEXT), "citations": [cited, cited]})
            case "thinking":
                blocks.append({"type": "thinking", "thinking": draw(TEXT), "signature": draw(TEXT)})
            case "redacted":
                blocks.append({"type": "redacted_thinking", "data": draw(TEXT)})
            case "tool":
                blocks.append({"type": "tool_use", "id": f"toolu_{number}", "name": "f", "input": draw(OBJECT)})
            case "server":
                blocks.append({"type": "server_tool_use", "id": f"s{number}", "name": "web_search", "input": {}})
            case _:
                found = {"type": "web_search_result", "url": "u", "title": "t", "encrypted_content": "e"}
                blocks.append({"type": "web_search_tool_result", "tool_use_id": "s1", "content": [found]})
    return {
        "id": draw(SHORT),
        "type": "message",
        "role": "assistant",
        "model": draw(SHORT),
        "content": blocks,
        "stop_reason": draw(st.sampled_from(["end_turn", "tool_use", "stop_sequence"])),
        "stop_sequence": draw(st.one_of(st.none(), TEXT)),
        "usage": {"input_tokens": draw(COUNT), "output_tokens": draw(COUNT), "cache_read_input_tokens": 1},
    }


@given(body=message_bodies(), chunk=st.integers(1, 50), cut=st.integers(1, 300))
def test_a_message_is_the_same_after_it_was_a_stream(body, chunk, cut):
    whole = fed("messages", replayed("messages", body, chunk_characters=chunk), cut).result()
    assert whole is not None
    assert json.loads(whole) == body


ORDER = re.compile(
    r"message_start(?: content_block_start(?: content_block_delta)* content_block_stop)* message_delta message_stop"
)


@given(body=message_bodies())
def test_events_of_a_message_stand_in_the_vendors_order(body):
    """FAILURES G19"""
    adapter = TypeAdapter(RawMessageStreamEvent)
    told = events(replayed("messages", body))
    assert ORDER.fullmatch(" ".join(event["type"] for event in told))
    for event in told:
        adapter.validate_python(event)
    assert [event["index"] for event in told if event["type"] == "content_block_start"] == list(
        range(len(body["content"]))
    )


def test_tool_input_keeps_its_bytes():
    """FAILURES G20"""
    body = (
        b'{"id":"1","type":"message","role":"assistant","model":"m","content":[{"type":"tool_use","id":"t","name":"f",'
        b'"input":{"a": 1.50,\n "b":[ 1e5 ]}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}}'
    )
    whole = whole_of("messages", b"".join(stream_of("messages", body, include_usage=False)))
    assert whole is not None
    assert b'"input":{"a":1.50,"b":[1e5]}' in whole


def test_the_anthropic_client_puts_a_replayed_message_together():
    """FAILURES G19"""
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude",
        "content": [
            {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"},
            {"type": "text", "text": "Hello é"},
            {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {"x": [1, 2]}},
            {"type": "tool_use", "id": "toolu_2", "name": "g", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 3, "output_tokens": 9, "cache_read_input_tokens": 1},
    }
    with (
        served(replayed("messages", body)) as http,
        anthropic.Anthropic(api_key="k", base_url="http://x", http_client=http) as client,
        client.messages.stream(model="claude", max_tokens=9, messages=[]) as stream,
    ):
        final = stream.get_final_message()
    told = final.model_dump(exclude_none=True)
    assert (
        told["content"] == body["content"]
        or [{name: value for name, value in block.items() if name != "parsed_output"} for block in told["content"]]
        == body["content"]
    )
    assert final.stop_reason == "tool_use"
    assert final.usage.output_tokens == 9
    assert final.usage.input_tokens == 3


def message_stream(*middle):
    start = {"type": "message_start", "message": {"id": "1", "content": [], "model": "m"}}
    ending = [{"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"}]
    return b"".join(b"data: %b\n\n" % encoded(event) for event in (start, *middle, *ending))


BLOCK = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": None}}
TOOL = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "input": {}}}


def delta(**members):
    return {"type": "content_block_delta", "index": 0, "delta": members}


def test_a_message_that_tells_no_usage_is_given_what_was_counted():
    whole = whole_of(
        "messages",
        message_stream(BLOCK, delta(type="text_delta", text="Hi"), {"type": "ping"}),
        usage=Usage(input=3, output=2),
    )
    body = json.loads(whole or b"{}")
    assert body["content"] == [{"type": "text", "text": "Hi"}]
    assert body["usage"]["input_tokens"] == 3
    assert body["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    "middle",
    [
        [BLOCK, delta(type="a_new_delta", more=1), delta(type="text_delta", text="x")],
        [delta(type="text_delta", text="x")],
        [BLOCK, delta(type="text_delta")],
        [TOOL, delta(type="input_json_delta", partial_json='{"a":')],
        [TOOL, delta(type="input_json_delta", partial_json="[1]")],
        [{"type": "error", "error": {"type": "overloaded_error"}}],
        [{"kind": "other"}],
        [{"type": "content_block_start", "index": "x", "content_block": {}}],
    ],
)
def test_a_message_stream_that_cannot_be_understood_is_not_put_together(middle):
    assert whole_of("messages", message_stream(BLOCK)) is not None
    assert whole_of("messages", message_stream(*middle)) is None


def test_a_message_stream_without_its_end_is_not_put_together():
    """FAILURES G14"""
    data = message_stream(BLOCK)
    assert whole_of("messages", data[: data.index(b'data: {"type": "message_stop"}')]) is None
    assert whole_of("messages", b'data: {"type":"message_stop"}\n\n') is None


# Responses


@st.composite
def response_bodies(draw):
    items = []
    for number in range(draw(st.integers(0, 4))):
        match draw(st.sampled_from(["message", "reasoning", "function", "custom", "search"])):
            case "message":
                text = draw(TEXT)
                parts = [
                    {"type": "output_text", "text": text, "annotations": [], "logprobs": draw(logprobs_of(text))},
                    {"type": "refusal", "refusal": draw(TEXT)},
                    {
                        "type": "output_text",
                        "text": "see",
                        "annotations": [
                            {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
                        ],
                    },
                ][: draw(st.integers(0, 3))]
                items.append({"type": "message", "status": "completed", "role": "assistant", "content": parts})
            case "reasoning":
                summary = [{"type": "summary_text", "text": draw(TEXT)} for _ in range(draw(st.integers(0, 2)))]
                items.append({"type": "reasoning", "summary": summary, "encrypted_content": "x"})
                if draw(st.booleans()):
                    items[-1]["content"] = [{"type": "reasoning_text", "text": draw(TEXT)}]
            case "function":
                call = {"type": "function_call", "call_id": "c", "name": draw(SHORT), "arguments": draw(ARGUMENTS)}
                items.append({**call, "status": "completed"})
            case "custom":
                items.append({"type": "custom_tool_call", "call_id": "c", "name": "sql", "input": draw(TEXT)})
            case _:
                action = {"type": "search", "query": "q"}
                items.append({"type": "web_search_call", "status": "completed", "action": action})
        items[-1]["id"] = f"item_{number}"
    return {
        "id": f"resp_{draw(SHORT)}",
        "object": "response",
        "created_at": draw(COUNT),
        "status": draw(st.sampled_from(["completed", "incomplete"])),
        "model": draw(SHORT),
        "output": items,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "incomplete_details": None,
        "usage": {
            "input_tokens": draw(COUNT),
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": 2,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 5,
        },
    }


@given(body=response_bodies(), chunk=st.integers(1, 50), cut=st.integers(1, 300))
def test_a_response_is_the_same_after_it_was_a_stream(body, chunk, cut):
    data = replayed("responses", body, chunk_characters=chunk)
    whole = fed("responses", data, cut).result()
    assert whole is not None
    assert json.loads(whole) == body
    told = events(data)
    adapter = TypeAdapter(ResponseStreamEvent)
    for number, event in enumerate(told):
        adapter.validate_python(event)
        assert event["sequence_number"] == number
    assert told[0]["response"]["status"] == "in_progress"
    assert told[0]["response"]["usage"] is None
    done = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    assert done == body["output"]


@given(body=response_bodies())
def test_the_deltas_of_a_response_add_up_to_what_is_done(body):
    pieces, done = {}, {}
    for event in events(replayed("responses", body)):
        place = tuple(event.get(name) for name in ("output_index", "content_index", "summary_index"))
        kind, _, last = event["type"].rpartition(".")
        if last == "delta":
            pieces[kind, place] = pieces.get((kind, place), "") + event["delta"]
        elif last == "done" and isinstance(
            value := next((event[name] for name in ("text", "refusal", "arguments", "input") if name in event), None),
            str,
        ):
            done[kind, place] = value
    assert {key: value for key, value in pieces.items() if value} == {
        key: value for key, value in done.items() if value
    }


def test_the_openai_client_puts_a_replayed_response_together():
    item = {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant"}
    part = {"type": "output_text", "text": "Hello é", "annotations": [], "logprobs": []}
    call = {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"x": 1}'}
    body = {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "m",
        "output": [{**item, "content": [part]}, {**call, "status": "completed"}],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
    }
    with (
        served(replayed("responses", body)) as http,
        openai.OpenAI(api_key="k", base_url="http://x", http_client=http) as client,
        client.responses.stream(model="m", input="Hi") as stream,
    ):
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        final = stream.get_final_response()
    assert snapshots == ["Hello", "Hello é"]
    assert final.output_text == "Hello é"
    assert final.output[1].arguments == '{"x": 1}'


def test_a_part_of_a_kind_that_is_not_known_goes_whole():
    part = {"type": "hologram", "data": "x"}
    body = {"id": "r", "status": "completed", "output": [{"type": "message", "id": "m", "content": [part]}]}
    told = events(replayed("responses", body))
    assert [event["part"] for event in told if "part" in event] == [part, part]
    assert told[-1]["response"] == body


def test_a_response_whose_last_event_left_the_output_out_is_put_together_from_its_items():
    body = {"id": "r", "status": "completed", "output": [{"type": "message", "id": "m", "content": []}]}
    data = replayed("responses", body)
    head = data[: data.index(b"event: response.completed")]
    last = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}}
    whole = whole_of("responses", head + b"data: %b\n\ndata: [DONE]\n\n" % encoded(last))
    assert json.loads(whole or b"{}") == body


@pytest.mark.parametrize(
    "last",
    [
        {"type": "error", "message": "x"},
        {"type": "response.failed", "response": {"id": "r"}},
        {"type": "response.completed"},
        [],
    ],
)
def test_a_response_stream_with_an_error_in_it_is_not_put_together(last):
    good = replayed("responses", {"id": "r", "output": []})
    assert whole_of("responses", good) is not None
    assert whole_of("responses", good + b"data: %b\n\n" % encoded(last)) is None
    assert whole_of("responses", good[: good.index(b"event: response.completed")]) is None


def test_a_kept_response_tells_nobody_about_another_caller():
    """FAILURES G23"""
    body = {"id": "r", "output": [], "metadata": {"who": "ann"}, "user": "ann", "prompt_cache_key": None}
    call = parse_call("responses", encoded({"model": "m", "input": "Hi", "metadata": {"who": "bob"}}), {})
    assert json.loads(for_caller(call, encoded(body))) == {**body, "metadata": {"who": "bob"}, "user": None}
    plain = parse_call("responses", encoded({"model": "m", "input": "Hi"}), {})
    assert json.loads(for_caller(plain, encoded(body)))["metadata"] == {}
    assert for_caller(plain, b'{"id": 1}') == b'{"id": 1}'
    chat = parse_call("chat", encoded({"model": "m", "messages": [{"role": "user", "content": "Hi"}]}), {})
    assert for_caller(chat, b'{"user":"x"}') == b'{"user":"x"}'
    with pytest.raises(CorruptData, match="cannot be read"):
        for_caller(plain, b"[]")


# All


@pytest.mark.parametrize("operation", ["chat", "messages", "responses"])
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"choices":[{}],"content":[{}],"output":[3]}', b'{"choices":\n3']
)
def test_a_body_that_is_no_answer_is_refused_before_the_first_event(operation, body):
    with pytest.raises(CorruptData, match="cannot be read"):
        stream_of(operation, body, include_usage=True)


def test_an_embedding_has_no_stream():
    with pytest.raises(CorruptData, match="has no stream"):
        stream_of("embeddings", b"{}", include_usage=True)
    assert whole_of("embeddings", b"data: {}\n\n") is None


@pytest.mark.parametrize("operation", ["chat", "messages", "responses"])
@given(data=st.lists(st.one_of(OBJECT.map(encoded), st.binary(max_size=30)), max_size=4))
def test_nothing_that_a_stream_may_hold_is_raised(operation, data):
    assert whole_of(operation, b"".join(b"data: %b\n\n" % piece for piece in data)) is None


def test_an_answer_over_the_limit_is_not_kept(stream):
    """FAILURES G9"""
    data = stream(chat_chunk(content="x" * 2000), chat_chunk(finish="stop"))
    small, large = Assembler("chat", limit=1500), Assembler("chat", limit=3000)
    for assembler in (small, large):
        assembler.feed(data)
    assert small.result() is None
    assert large.result() is not None
    for _ in range(30):
        large.feed(data)
    assert large.result() is None
