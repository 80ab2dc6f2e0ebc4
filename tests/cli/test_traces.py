"""`penstock traces` against canned answers."""

import json
from urllib.parse import parse_qs, urlsplit

import pytest

TRACE = "0af7651916cd43dd8448eb211c80319c"


def row(number: int, **more):
    return {
        "trace_id": f"{number:032x}",
        "span_id": f"{number:016x}",
        "name": "chat gpt-4o-mini",
        "kind": "llm",
        "started": 1_700_000_000_000_000 + number,
        "duration": 1_230_000,
        "ttft": None,
        "status": "ok",
        "error_type": None,
        "http_status": 200,
        "provider": "openai",
        "requested_model": "mini",
        "served_model": "gpt-4o-mini",
        "key_name": "app",
        "usage": {
            "input": 9,
            "cache_read": 0,
            "cache_write": 0,
            "output": 3,
            "reasoning": 0,
            "total": 12,
            "estimated": False,
        },
        "cost": 3150,
        "input_preview": "Hello\n\x1b[31mworld",
        "output_preview": "Hi",
        **more,
    }


def asked_for(canned, number=0):
    return parse_qs(urlsplit(canned.asked[number].path).query)


def test_calls_are_listed_newest_first_with_tokens_and_cost(ask, canned):
    canned.respond(
        {"items": [row(2), row(1, cost=None, status="error", error_type="upstream_error")], "next_cursor": None}
    )
    ran = ask("traces", "list")
    first, second = ran.out.splitlines()[1:]
    assert "gpt-4o-mini" in first
    assert "12" in first
    assert "$0.000003" in first
    assert "unknown" in second
    assert "error (upstream_error)" in second
    assert "\x1b" not in ran.out


def test_filters_text_and_age_are_asked_of_the_console(ask, canned):
    canned.respond({"items": [], "next_cursor": None})
    ran = ask(
        "traces",
        "list",
        "--filter",
        "status:eq:error",
        "--filter",
        "cost:gt:5",
        "--query",
        "a b",
        "--since",
        "1h",
        "--limit",
        "7",
    )
    assert ran.code == 0
    query = asked_for(canned)
    assert query["filter"] == ["status:eq:error", "cost:gt:5"]
    assert query["q"] == ["a b"]
    assert query["limit"] == ["7"]
    assert int(query["from"][0]) > 1_700_000_000_000_000
    assert "cursor" not in query


def test_a_search_is_the_words_of_the_line_and_the_option(ask, canned):
    canned.respond({"items": [], "next_cursor": None})
    assert ask("traces", "list", "status:error", "latency>2s", "--sort", "-cost").code == 0
    assert (asked_for(canned)["q"], asked_for(canned)["sort"]) == (["status:error latency>2s"], ["-cost"])
    assert ask("traces", "list", "--spans", "-q", "b or c", "--", "-route:a").code == 0
    assert canned.asked[-1].path.startswith("/api/v1/spans?")
    assert asked_for(canned, -1)["q"] == ["(-route:a) (b or c)"]


def test_a_long_list_is_fetched_page_by_page(ask, canned):
    canned.respond({"items": [row(n) for n in range(200)], "next_cursor": "c1"})
    canned.respond(
        {"items": [row(n) for n in range(50)], "next_cursor": "c2"}, to="GET /api/v1/traces?limit=50&cursor=c1"
    )
    ran = ask("traces", "list", "--limit", "250", "--json")
    assert len(ran.data["items"]) == 250
    assert ran.data["next_cursor"] == "c2"
    assert [asked_for(canned, n).get("limit") for n in (0, 1)] == [["200"], ["50"]]


def test_an_age_that_is_none_is_refused_before_anything_is_asked(ask, canned):
    ran = ask("traces", "list", "--since", "yesterday")
    assert ran.code == 2
    assert "--since expects a duration" in ran.err
    assert canned.asked == []


def span(**more):
    return {
        "span_id": "b7ad6b7169203331",
        "parent_id": None,
        "name": "chat gpt-4o-mini",
        "kind": "llm",
        "call": True,
        "started": 1_700_000_000_000_000,
        "duration": 1_230_000,
        "ttft": 200_000,
        "status": "ok",
        "http_status": 200,
        "provider": "openai",
        "requested_model": "mini",
        "served_model": "gpt-4o-mini",
        "key_name": "app",
        "session": "s1",
        "tags": {"team": "search"},
        "usage_input": 1200,
        "usage_cache_read": 300,
        "usage_output": 3,
        "cost": 3150,
        "price_version": "genai-prices 0.2.3",
        "input": [
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {
                "role": "user",
                "parts": [
                    {"type": "text", "content": "Weather?"},
                    {"type": "uri", "modality": "image", "uri": "http://x/y.png"},
                ],
            },
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1", "response": {"t": 20}}]},
        ],
        "output": [
            {
                "role": "assistant",
                "finish_reason": "tool_calls",
                "parts": [
                    {"type": "reasoning", "content": "think"},
                    {"type": "tool_call", "id": "c1", "name": "weather", "arguments": {"city": "Bern"}},
                    {"type": "text", "content": "line one\nline \x1b[2Jtwo"},
                ],
            }
        ],
        **more,
    }


def test_a_trace_is_shown_as_a_conversation_with_usage_and_cost(ask, canned):
    canned.respond({"trace_id": TRACE, "spans": [span()], "totals": {}})
    ran = ask("traces", "show", TRACE)
    assert ran.code == 0
    for text in (
        "chat gpt-4o-mini  [llm]  ok  1.23 s  $0.000003",
        "model       mini (served gpt-4o-mini)",
        "first token 200.0 ms",
        "tokens      1,200 input, 300 cache read, 3 output",
        "cost        $0.000003 (genai-prices 0.2.3)",
        "tags        team=search",
        "system:\n  Be brief.",
        "[image http://x/y.png]",
        '[tool answers] {\n    "t": 20\n  }',
        "assistant  (tool_calls):",
        "[reasoning] think",
        '[calls weather] {\n    "city": "Bern"\n  }',
        "line one",
    ):
        assert text in ran.out
    assert "\x1b" not in ran.out


def test_attempts_are_indented_below_their_call_and_the_text_is_shown_once(ask, canned):
    call = span(span_id="a" * 16, kind="gateway", name="chat mini", cost=None)
    first = span(
        span_id="b" * 16, parent_id="a" * 16, call=False, status="error", error_type="upstream_error", started=1
    )
    second = span(span_id="c" * 16, parent_id="a" * 16, call=False, started=2)
    canned.respond({"trace_id": TRACE, "spans": [second, call, first]})
    out = ask("traces", "show", TRACE).out
    lines = out.splitlines()
    assert lines[0].startswith("chat mini  [gateway]")
    assert lines[1].startswith("  chat gpt-4o-mini  [llm]  error (upstream_error)")
    assert lines[2].startswith("  chat gpt-4o-mini  [llm]  ok")
    assert out.count("Be brief.") == 1


@pytest.mark.parametrize(
    "messages",
    [
        None,
        "text",
        7,
        [1, {"role": "user"}, {"parts": ["x", {"type": "new"}, {"type": "text", "content": 1}]}],
        {"a": []},
    ],
)
def test_content_of_an_unknown_shape_is_shown_not_fatal(ask, canned, messages):
    canned.respond({"spans": [span(input=messages, output=messages)]})
    assert ask("traces", "show", TRACE).code == 0


def test_spans_whose_parents_make_a_ring_or_are_elsewhere_are_still_shown(ask, canned):
    itself = span(span_id="a" * 16, parent_id="a" * 16, name="own parent")
    far = span(span_id="b" * 16, parent_id="f" * 16, name="far parent")
    one = span(span_id="c" * 16, parent_id="d" * 16, name="ring one")
    two = span(span_id="d" * 16, parent_id="c" * 16, name="ring two")
    canned.respond({"spans": [itself, far, one, two]})
    lines = [line.split("  [")[0] for line in ask("traces", "show", TRACE).out.splitlines()[:4]]
    assert lines == ["far parent", "own parent", "ring one", "  ring two"]


def test_a_trace_that_is_not_there_is_a_no(ask, canned):
    canned.respond({"detail": "No trace has this id."}, status=404)
    ran = ask("traces", "show", TRACE)
    assert (ran.code, ran.out) == (1, "")
    canned.respond({"spans": []})
    assert ask("traces", "show", TRACE).code == 1


def test_a_trace_as_json_is_what_the_console_sent(ask, canned):
    canned.respond({"trace_id": TRACE, "spans": [span()], "more": 1})
    assert ask("traces", "show", TRACE, "--json").data["more"] == 1


def test_the_tail_prints_calls_as_they_come_and_says_when_the_console_ends_it(ask, canned):
    events = b"".join(b"event: trace\ndata: " + json.dumps(row(n)).encode() + b"\n\n" for n in (1, 2))
    canned.respond(b": keep-alive\n\n" + events)
    ran = ask("traces", "tail", "--filter", "status:eq:ok")
    assert ran.code == 2
    assert "ended the stream" in ran.err
    assert [line.split()[2] for line in ran.out.splitlines()] == [f"{n:032x}" for n in (1, 2)]
    assert asked_for(canned)["filter"] == ["status:eq:ok"]
    lines = ask("traces", "tail", "--json").out.splitlines()
    assert [json.loads(line)["trace_id"] for line in lines] == [f"{n:032x}" for n in (1, 2)]


def test_ctrl_c_ends_the_tail_without_an_error(ask, canned, monkeypatch):
    def interrupted(*_, **__):
        yield json.dumps(row(1)).encode()
        raise KeyboardInterrupt

    monkeypatch.setattr("penstock.cli.client.ControlClient.events", interrupted)
    ran = ask("traces", "tail")
    assert (ran.code, ran.err) == (0, "")
