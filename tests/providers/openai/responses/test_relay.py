"""The pass-through of the Responses API."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.providers.dialects import open_exchange
from penstock.providers.openai.responses.relay import ResponsesRelay
from penstock.wire.usage import Usage

USAGE = {"input_tokens": 9, "output_tokens": 4, "total_tokens": 13, "output_tokens_details": {"reasoning_tokens": 1}}
OUTPUT = [
    {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "Hmm"}], "content": None},
    {"id": "ws_1", "type": "web_search_call", "status": "completed", "action": {"query": "x"}},
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [
            {"type": "output_text", "text": "Hello", "annotations": []},
            {"type": "refusal", "refusal": "No"},
        ],
    },
    {"id": "fc_1", "type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1.0}'},
    {"id": "odd", "type": "message", "content": "odd"},
]


def body(status="completed", **members):
    return {"id": "resp_1", "object": "response", "model": "gpt-5", "status": status, "output": [], **members}


def write(*events):
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def lifecycle(kind, **members):
    return {"type": f"response.{kind}", "response": body(**members)}


def item(kind, index=0, **members):
    return {"type": "response.output_item.added", "output_index": index, "item": {"type": kind, **members}}


def delta(kind, text, index=0):
    return {"type": f"response.{kind}.delta", "output_index": index, "delta": text}


BEFORE = [lifecycle("created", status="in_progress"), lifecycle("in_progress", status="in_progress"), item("message")]
WHOLE = [
    *BEFORE,
    delta("output_text", "Hel"),
    delta("output_text", "lo"),
    lifecycle("completed", output=OUTPUT, usage=USAGE),
]


def test_a_stream_goes_by_byte_for_byte_and_its_last_event_is_the_answer():
    data = b": ping\n\n" + write(*WHOLE)
    relay = ResponsesRelay()
    assert relay.feed(data) + relay.finish() == data
    assert relay.done
    answer = relay.answer()
    assert answer.usage == Usage(input=9, output=3, reasoning=1)
    assert json.loads(answer.usage_raw or b"") == USAGE
    assert (answer.response_id, answer.served_model, answer.finish_reasons) == ("resp_1", "gpt-5", ["tool_calls"])
    (message,) = json.loads(answer.output)
    assert message["parts"] == [
        {"type": "reasoning", "content": "Hmm"},
        OUTPUT[1],
        {"type": "text", "content": "Hello"},
        {"type": "refusal", "content": "No"},
        {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"a": 1.0}},
        OUTPUT[4],
    ]
    assert answer.output_characters == len('HmmHelloNo{"a": 1.0}')


def test_lifecycle_events_do_not_start_the_answer():
    """FAILURES G15"""
    relay = ResponsesRelay()
    relay.feed(write(*BEFORE, item("reasoning", 1)))
    assert not relay.started


@pytest.mark.parametrize(
    ("events", "part"),
    [
        ([delta("output_text", "A")], {"type": "text", "content": "A"}),
        ([delta("reasoning_summary_text", "A")], {"type": "reasoning", "content": "A"}),
        ([delta("reasoning_text", "A")], {"type": "reasoning", "content": "A"}),
        ([delta("refusal", "A")], {"type": "refusal", "content": "A"}),
        (
            [item("function_call", 3, call_id="c", name="f"), delta("function_call_arguments", '{"a":1}', 3)],
            {"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}},
        ),
    ],
)
def test_a_cut_stream_keeps_what_was_received(events, part):
    """FAILURES G6, G14"""
    relay = ResponsesRelay()
    relay.feed(write(*BEFORE, *events))
    assert relay.started
    assert relay.finish() == b""
    assert relay.failure is not None
    assert relay.failure.code == "upstream_cut"
    answer = relay.answer()
    assert answer.usage is None
    assert (answer.response_id, answer.served_model) == ("resp_1", "gpt-5")
    assert json.loads(answer.output) == [{"role": "assistant", "parts": [part], "finish_reason": "error"}]


def test_a_built_in_tools_call_starts_the_answer():
    relay = ResponsesRelay()
    relay.feed(write(item("web_search_call")))
    assert relay.started


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"incomplete_details": {"reason": "max_output_tokens"}}, "length"),
        ({"incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({}, "length"),
    ],
)
def test_an_incomplete_answer_is_an_answer(members, reason):
    relay = ResponsesRelay()
    relay.feed(write(lifecycle("incomplete", status="incomplete", **members)))
    assert relay.done
    assert relay.finish() == b""
    assert relay.failure is None
    assert relay.answer().finish_reasons == [reason]


@pytest.mark.parametrize(
    ("event", "retryable"),
    [
        (lifecycle("failed", status="failed", error={"code": "server_error", "message": "boom"}, usage=USAGE), True),
        ({"type": "error", "code": "rate_limit_exceeded", "message": "boom", "sequence_number": 3}, True),
        ({"type": "error", "error": {"type": "invalid_request_error", "message": "boom"}}, False),
    ],
)
def test_an_error_inside_the_stream_is_a_failure_and_the_event_is_not_passed_on(event, retryable):
    """FAILURES G15"""
    relay = ResponsesRelay()
    before = write(*BEFORE, delta("output_text", "A"))
    assert relay.feed(before + write(event) + write(delta("output_text", "late"))) == before
    assert relay.failure is not None
    assert (relay.failure.message, relay.failure.retryable) == ("boom", retryable)
    assert relay.feed(write(delta("output_text", "late"))) == b""
    assert relay.finish() == b""
    assert not relay.done


def test_a_failed_response_is_billed_for_what_it_reports():
    """FAILURES G6"""
    relay = ResponsesRelay()
    failed = lifecycle("failed", status="failed", error={"message": "boom"}, usage=USAGE)
    relay.feed(write(*BEFORE, delta("output_text", "A"), failed))
    answer = relay.answer()
    assert answer.usage == Usage(input=9, output=3, reasoning=1)
    assert json.loads(answer.output)[0]["parts"] == [{"type": "text", "content": "A"}]
    alone = ResponsesRelay()
    alone.feed(write(failed))
    assert alone.answer().finish_reasons == ["error"]


def test_an_error_without_a_type_is_found():
    relay = ResponsesRelay()
    relay.feed(b'data: {"error":{"message":"boom"}}\n\n')
    assert relay.failure is not None
    assert relay.failure.message == "boom"


@pytest.mark.parametrize("line", ["{broken", '{"type": NaN}'])
def test_broken_json_ends_the_stream_with_a_typed_failure(line):
    """FAILURES G30"""
    relay = ResponsesRelay()
    before = write(*BEFORE)
    assert relay.feed(before + f"data: {line}\n\n".encode()) == before
    assert relay.failure is not None
    assert relay.failure.code == "upstream_malformed"


@pytest.mark.parametrize(
    "frame",
    [
        b": ping\n\n",
        b"data: [DONE]\n\n",
        b"data: {}\n\n",
        b'data: {"type":7}\n\n',
        b'data: {"type":"response.output_text.delta","delta":{"odd":1}}\n\n',
        b'data: {"type":"response.function_call_arguments.delta","delta":"x","output_index":9}\n\n',
        b'data: {"type":"response.output_item.added","item":7}\n\n',
        b'data: {"type":"response.in_progress","response":7}\n\n',
        b'data: {"type":"response.new_thing"}\n\n',
        b'data: {"type":"response.x.delta","delta":"\\ud83d"}\n\n',
    ],
)
def test_unknown_events_are_passed_over(frame):
    """FAILURES G30"""
    data = write(*BEFORE) + frame + write(*WHOLE[3:])
    relay = ResponsesRelay()
    assert relay.feed(data) == data
    assert relay.failure is None
    assert relay.answer().usage is not None


def test_a_last_event_that_cannot_be_read_is_an_end_all_the_same():
    relay = ResponsesRelay()
    data = write(*BEFORE, delta("output_text", "A"), {"type": "response.completed", "response": {"id": 7}})
    assert relay.feed(data) == data
    assert relay.done
    assert json.loads(relay.answer().output)[0]["parts"] == [{"type": "text", "content": "A"}]


@pytest.mark.parametrize("tail", [b"", b'event: x\ndata: {"cut', b": bye"])
def test_what_follows_the_end_changes_nothing(tail):
    relay = ResponsesRelay()
    relay.feed(write(*WHOLE) + tail)
    relay.finish()
    assert relay.failure is None


def test_a_last_event_without_its_blank_line_counts():
    relay = ResponsesRelay()
    data = write(*WHOLE)
    assert relay.feed(data[:-1]) + relay.finish() == data
    assert relay.done


def test_an_event_over_the_size_limit_is_a_failure():
    relay = ResponsesRelay()
    relay.feed(b"data: " + b"x" * (9 * 1024 * 1024))
    assert relay.failure is not None
    assert relay.failure.code == "upstream_event_too_large"


def test_a_whole_answer_goes_by_unchanged(call, target):
    data = json.dumps(body(output=OUTPUT, usage=USAGE), indent=1).encode()
    reply = open_exchange(call("responses"), target()).reply({}, data)
    assert reply.body == data
    assert reply.answer.usage == Usage(input=9, output=3, reasoning=1)


def test_a_response_that_failed_within_is_still_the_callers_answer(call, target):
    data = json.dumps(body("failed", error={"code": "server_error", "message": "boom"}, usage=None)).encode()
    reply = open_exchange(call("responses"), target()).reply({}, data)
    assert reply.answer.finish_reasons == ["error"]
    assert reply.answer.usage is None


@given(cuts=st.lists(st.integers(0, 3000), max_size=10))
def test_any_split_of_a_stream_gives_the_same_bytes_and_the_same_answer(cuts):
    data = write(*WHOLE)
    whole = ResponsesRelay()
    whole.feed(data)
    edges = [0, *sorted(cut % len(data) for cut in cuts), len(data)]
    relay = ResponsesRelay()
    assert b"".join(relay.feed(data[a:b]) for a, b in itertools.pairwise(edges)) == data
    assert relay.answer() == whole.answer()
