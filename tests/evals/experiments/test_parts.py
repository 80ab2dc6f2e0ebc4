"""Prompts of variants, records of calls, files of rows, reports."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments_harness import Lab, echo
from penstock.core.errors import Conflict, InvalidInput, NotFound, PermissionDenied, UpstreamError
from penstock.evals.experiments.clear import Clarity
from penstock.evals.experiments.files import read_rows
from penstock.evals.experiments.keys import output_key, span_id, trace_id
from penstock.evals.experiments.ports import Request
from penstock.evals.experiments.recall import output_of
from penstock.evals.experiments.report import as_html, as_junit, as_markdown
from penstock.evals.experiments.service import NewRow
from penstock.evals.experiments.targets import Inline, ModelTarget, RegistryPrompt, messages_of
from penstock.evals.experiments.types import (
    CallMark,
    Cell,
    Columns,
    Ending,
    ExperimentSpec,
    Finding,
    Output,
    Row,
    VariantSpec,
)
from penstock.wire.prompts import CompiledPrompt, read_prompt


def row(input_, **more) -> Row:
    return Row(position=0, id="0", input=input_, **more)


def test_templates_of_a_variant_take_the_rows_fields_and_nothing_else():
    """FAILURES E8, S8"""
    prompt = Inline([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Q: {{ question }}"}])
    assert prompt.messages(row({"question": "{{ 7*7 }}"}))[1] == {"role": "user", "content": "Q: {{ 7*7 }}"}
    with pytest.raises(InvalidInput, match="question"):
        prompt.messages(row({"other": "x"}))
    with pytest.raises(InvalidInput):
        Inline([{"role": "user", "content": "{{ open"}])


def test_a_text_fills_the_variable_input_or_is_the_users_message():
    declared = {"messages": [{"role": "user", "content": "Q: {{ input }}"}], "variables": {"input": {}}}
    silent = {"messages": [{"role": "system", "content": "Be brief."}], "parameters": {"temperature": 0.5}}
    made = [
        RegistryPrompt(CompiledPrompt(name="p", version=3, digest="d", prompt=read_prompt(body)))
        for body in (declared, silent)
    ]
    assert made[0].messages(row("x")) == [{"role": "user", "content": "Q: x"}]
    assert made[1].messages(row("x"))[1] == {"role": "user", "content": "x"}
    assert made[1].fields == {"temperature": 0.5}
    assert made[0].headers == {"x-penstock-prompt": "p@3"}


def test_what_nobody_can_ask_is_refused():
    assert messages_of({"messages": [{"role": "user", "content": "x"}]}) == [{"role": "user", "content": "x"}]
    with pytest.raises(InvalidInput):
        messages_of({"question": "x"})


@given(st.text(), st.integers(0, 5), st.integers(0, 5))
def test_keys_differ_by_input_occurrence_and_repetition(text: str, occurrence: int, repetition: int):
    one = output_key("t", row(text, occurrence=occurrence), repetition)
    assert one == output_key("t", row(text, occurrence=occurrence, reference="other"), repetition)
    assert one != output_key("t", row(text, occurrence=occurrence + 1), repetition)
    assert one != output_key("t", row(text, occurrence=occurrence), repetition + 1)
    assert one != output_key("t", row(text, occurrence=occurrence), repetition, salt="e")
    trace = trace_id("e", one, 1)
    assert (len(trace), len(span_id(trace))) == (32, 16)
    assert trace != trace_id("e", one, 2)


def span(**more) -> dict:
    output = [{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}]}]
    return {"trace_id": "t", "call": True, "duration": 5, "cost": 3, "output": output, **more}


def test_an_answer_is_read_from_its_record():
    parts = [{"type": "tool_call", "id": "c", "name": "f", "arguments": {"a": 1}}]
    found = output_of(json.dumps({"spans": [span(), {"trace_id": "t", "cost": 4, "usage_raw": {"x": 1}}]}).encode())
    assert found is not None
    assert (found.text, found.cost, found.latency, found.usage) == ("Hi", 7, 5, {"x": 1})
    called = output_of(json.dumps({"spans": [span(output=[{"role": "assistant", "parts": parts}])]}).encode())
    assert called is not None
    assert json.loads(called.tool_calls[0]["function"]["arguments"]) == {"a": 1}
    assert output_of(b'{"spans": [{"trace_id": "t"}]}') is None


@pytest.mark.parametrize("more", [{"status": "interrupted"}, {"output": None}])
def test_a_record_without_an_answer_is_none(more):
    with pytest.raises(UpstreamError):
        output_of(json.dumps({"spans": [span(**more)]}).encode())


def test_rows_come_from_csv_and_jsonl_by_the_same_columns(tmp_path):
    (tmp_path / "a.csv").write_text('question,gold,topic\n"one, two",1,x\nthree,2,y\n')
    (tmp_path / "a.jsonl").write_text('{"question": "one, two", "gold": 1, "topic": "x"}\n\n{"question": "three"}\n')
    columns = Columns(input="question", reference="gold", group="topic")
    first, second = read_rows(tmp_path / "a.csv", columns)
    assert (first.input, first.reference, first.group) == ("one, two", "1", "x")
    assert [one.input for one in read_rows(tmp_path / "a.jsonl", columns)] == [first.input, second.input]
    assert len(list(read_rows(tmp_path / "a.jsonl", columns, limit=1))) == 1
    (plain, *_) = read_rows(tmp_path / "a.jsonl", Columns())
    assert plain.input == {"question": "one, two", "gold": 1, "topic": "x"}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.jsonl", '{"question": 1}\n[]\n', "a.jsonl:2"),
        ("a.jsonl", "{\n", "a.jsonl:1"),
        ("a.jsonl", '{"other": 1}\n', "question"),
        ("a.csv", "question\na,b\n", "a.csv:2"),
        ("a.txt", "x", "a.txt"),
    ],
)
def test_a_file_that_holds_no_rows_says_where(tmp_path, name, text, said):
    (tmp_path / name).write_text(text)
    with pytest.raises(InvalidInput, match=said):
        list(read_rows(tmp_path / name, Columns(input="question")))


async def test_reports_hold_what_was_found_and_no_markup_of_a_model(lab: Lab):
    rows = [NewRow(input=f"q{n}", reference=f"q{n}", metadata={"lang": "<b>" if n % 2 else "de"}) for n in range(20)]
    variants = [VariantSpec(name="a|`<script>", model="m"), VariantSpec(name="b", model="n")]
    rules = ["exact >= baseline - 1pt", "p95_latency <= 1s"]
    _, made = await lab.run(lab.made(rows, variants=variants, slices=["lang"], gate=rules))
    summary = lab.place.summary(made.id)
    assert summary.gates["b"].verdict == "FAIL"
    assert {one.value for one in summary.slices} == {"<b>", "de"}
    html, text, junit = (render(made, summary) for render in (as_html, as_markdown, as_junit))
    assert "<script>" not in html + text
    assert "<b>" not in html
    assert '<failure message="' in junit
    assert len(b"".join(lab.place.export(made.id, form="csv")).splitlines()) == 41
    lines = b"".join(lab.place.export(made.id, form="jsonl")).splitlines()
    assert len(lines) == 40
    assert msgspec.json.decode(lines[0])["row"]["id"] == "0"


def test_rows_are_added_once_in_order_and_only_before_the_start(lab: Lab):
    made = lab.made(2)
    with pytest.raises(Conflict) as caught:
        lab.place.add_rows(made.id, [NewRow(input="x")], at=0)
    assert caught.value.code == "rows_out_of_order"
    lab.place.take(made.id, runner="x", evaluators={}, instead_of=None)
    with pytest.raises(Conflict):
        lab.place.add_rows(made.id, [NewRow(input="x")], at=2)
    with pytest.raises(Conflict) as caught:
        lab.place.take(made.id, runner="y", evaluators={}, instead_of=None)
    assert caught.value.code == "experiment_running"
    lab.clock.advance(31)
    assert lab.place.take(made.id, runner="y", evaluators={}, instead_of=None).runner == "y"
    with pytest.raises(Conflict):
        lab.place.release(made.id, runner="x", ending=Ending(state="done"))
    with pytest.raises(NotFound):
        lab.place.get("nothing")


def test_the_console_starts_what_its_caller_may_and_what_it_can_run(lab: Lab):
    class Weak:
        kind, id, name, user = "key", "k", "weak", None

        def may(self, permission: str, project: str, /) -> bool:
            return permission != "gateway:call"

    service, user = lab.place._experiments, lab.place._user
    made = lab.made(1)
    with pytest.raises(PermissionDenied):
        service.start(Weak(), "local", made.id)
    code = lab.made(1, variants=[VariantSpec(name="a", python="m:f")])
    with pytest.raises(Conflict) as caught:
        service.start(user, "local", code.id)
    assert caught.value.code == "needs_process"
    assert service.start(user, "local", made.id).state == "waiting"
    taken = [service.take_next(runner=name) for name in ("one", "two")]
    assert [one and one.id for one in taken] == [made.id, None]
    # A console that died is followed by another once its lease has run out.
    lab.clock.advance(31)
    again = service.take_next(runner="two")
    assert again is not None
    assert again.runner == "two"


def test_a_run_stops_once_its_rules_are_decided_and_not_before():
    """FAILURES E9"""
    spec = ExperimentSpec(
        name="x", dataset="d", variants=[VariantSpec(name="a", model="m")], gate=["exact >= 50%"], stop_when_clear=True
    )
    clarity = Clarity(spec, {"digest": "exact"})
    told = None
    for position in range(1000):
        cell = Cell(position=position, variant="a", repetition=0, key="k", reference="r")
        told = clarity.add(cell, Output(text="x"), {"digest": [Finding(name="exact", value=position % 10 > 0)]})
        if told is not None:
            break
    assert told is not None
    assert "a PASS" in told
    assert 99 <= position < 500


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("Hi", {"messages": [{"role": "user", "content": "Hi"}]}),
        ({"messages": [{"role": "user", "content": "x"}]}, {"messages": [{"role": "user", "content": "x"}]}),
        ({"question": "x"}, {"messages": [], "variables": {"question": "x"}}),
    ],
)
async def test_without_a_prompt_of_its_own_a_variant_asks_the_row_or_gives_a_routes_prompt_its_variables(given, asked):
    sent = []

    class Answering:
        async def call(self, request, *, trace_id, timeout):  # noqa: ASYNC109 - as the port has it
            sent.append(request.body)
            return Output(text="ok")

    variant = VariantSpec(name="a", model="help", parameters={"seed": 1})
    target = ModelTarget(variant, Answering(), prompt=None, experiment="e", timeout=1)
    mark = CallMark(key="k", attempt=1, started=0, fresh=True)
    await target.answer(Row(position=0, id="r", input=given), key="k", mark=mark)
    assert sent == [{"model": "help", **asked, "seed": 1}]


async def test_a_variant_whose_calls_all_fail_leaves_the_gate_open_and_the_rest_shown(lab: Lab):
    """FAILURES E1, E5"""

    async def half(request: Request, trace: str) -> Output:
        if request.body["model"] == "broken":
            raise UpstreamError("There is no such model.", upstream_status=404, retryable=False)
        return await echo(request, trace)

    lab.provider.script = half
    variants = [VariantSpec(name="a", model="m"), VariantSpec(name="b", model="broken")]
    rules = ["exact >= baseline - 1pt", "p95_latency <= 3s"]
    _, made = await lab.run(lab.made(20, variants=variants, gate=rules))
    summary = lab.place.summary(made.id)
    assert summary.gates["b"].verdict == "INCONCLUSIVE"
    assert summary.variants[1].error_reasons == {"There is no such model.": 20}
    assert summary.variants[0].metrics[0].figure is not None


async def test_a_rule_about_nothing_that_was_measured_leaves_the_gate_open_and_the_rest_shown(lab: Lab):
    _, made = await lab.run(lab.made(12, gate=["exakt >= 50%"]))
    summary = lab.place.summary(made.id)
    (rule,) = summary.gates["a"].rules
    assert (rule.verdict, "exakt" in rule.reason) == ("INCONCLUSIVE", True)
    assert "exakt" in as_markdown(made, summary)
    assert "<error" in as_junit(made, summary)
