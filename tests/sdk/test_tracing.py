"""Functions and blocks as spans."""

import asyncio
import json

import pytest
from opentelemetry import trace as otel
from opentelemetry.trace import StatusCode

import penstock
from penstock.sdk.state import active


def value(span, side="output"):
    return span.attributes.get(f"{side}.value")


async def test_functions_of_every_kind_become_spans_with_arguments_and_result(init, spans):
    init()

    @penstock.trace
    def plain(a, b=2, *rest, api_key=None):
        return {"sum": a + b}

    @penstock.trace(name="work", kind="agent", attributes={"team": "search"})
    async def awaited(text):
        return plain(1, api_key="sk-secret")

    @penstock.trace(kind="tool")
    def steps(n):
        for number in range(n):
            yield f"<{number}>"

    @penstock.trace(kind="retriever")
    async def found(n):
        for number in range(n):
            yield {"doc": number}

    with penstock.span("outer", kind="chain", input="hello") as work:
        assert await awaited("hi") == {"sum": 3}
        assert list(steps(2)) == ["<0>", "<1>"]
        assert [doc async for doc in found(2)] == [{"doc": 0}, {"doc": 1}]
        work.set_output([1, 2])
        work.set_attribute("answer", 42)
        trace_id = penstock.current_trace_id()
        assert (trace_id, penstock.current_span_id()) == (work.trace_id, work.span_id)

    got = spans()
    outer = got["outer"]
    names = {name.rpartition(".")[2]: span for name, span in got.items()}
    assert set(names) == {"plain", "work", "steps", "found", "outer"}
    assert {span.context.trace_id for span in got.values()} == {int(trace_id, 16)}
    assert names["plain"].parent.span_id == names["work"].context.span_id
    assert all(names[name].parent.span_id == outer.context.span_id for name in ("work", "steps", "found"))
    kinds = {name: span.attributes["openinference.span.kind"] for name, span in names.items()}
    assert kinds == {"plain": "CHAIN", "work": "AGENT", "steps": "TOOL", "found": "RETRIEVER", "outer": "CHAIN"}
    assert json.loads(value(names["plain"], "input")) == {"a": 1, "api_key": "[hidden]"}
    assert json.loads(value(names["plain"])) == {"sum": 3}
    assert names["work"].attributes["team"] == "search"
    assert (value(names["steps"]), names["steps"].attributes["output.mime_type"]) == ("<0><1>", "text/plain")
    assert json.loads(value(names["found"])) == [{"doc": 0}, {"doc": 1}]
    assert (value(outer, "input"), value(outer), outer.attributes["answer"]) == ("hello", "[1,2]", 42)


async def test_an_error_is_recorded_and_goes_on(init, spans):
    init()

    @penstock.trace(name="sync")
    def fail():
        raise ValueError("no")

    @penstock.trace(name="async")
    async def fail_later():
        raise ValueError("no")

    @penstock.trace(name="generator")
    def fail_midway():
        yield 1
        raise ValueError("no")

    @penstock.trace(name="async generator")
    async def fail_midway_later():
        yield 1
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    with pytest.raises(ValueError, match="no"):
        await fail_later()
    with pytest.raises(ValueError, match="no"):
        list(fail_midway())
    with pytest.raises(ValueError, match="no"):
        [_ async for _ in fail_midway_later()]
    with pytest.raises(ValueError, match="no"), penstock.span("block"):
        raise ValueError("no")
    with penstock.span("told") as work:
        work.set_error("not good")
    for name, span in spans().items():
        assert span.status.status_code is StatusCode.ERROR, name
    assert spans()["sync"].events[0].attributes["exception.message"] == "no"
    assert value(spans()["generator"]) == "[1]"


async def test_a_generator_is_current_while_it_runs_and_not_while_its_consumer_does(init, spans):
    init()
    inside = []

    @penstock.trace(name="gen")
    def steps():
        inside.append(penstock.current_span_id())
        sent = yield 1
        inside.append(sent)
        try:
            yield 2
        except KeyError:
            yield 3
        return "end"

    @penstock.trace(name="agen")
    async def asteps():
        sent = yield 1
        inside.append(sent)
        try:
            yield 2
        except KeyError:
            yield 3

    generator = steps()
    assert next(generator) == 1
    assert penstock.current_span_id() is None
    assert generator.send("hello") == 2
    assert generator.throw(KeyError()) == 3
    with pytest.raises(StopIteration) as end:
        next(generator)
    assert end.value.value == "end"
    agenerator = asteps()
    assert await anext(agenerator) == 1
    assert await agenerator.asend("again") == 2
    assert await agenerator.athrow(KeyError()) == 3
    with pytest.raises(StopAsyncIteration):
        await anext(agenerator)
    assert inside == [otel.format_span_id(spans()["gen"].context.span_id), "hello", "again"]


async def test_a_generator_that_is_left_ends_its_span_and_cleans_up(init, spans):
    init()
    cleaned = []

    @penstock.trace(name="gen")
    def steps():
        try:
            yield "a"
            yield "b"
        finally:
            cleaned.append("gen")

    @penstock.trace(name="agen")
    async def asteps():
        try:
            yield "a"
            yield "b"
        finally:
            cleaned.append("agen")

    generator = steps()
    next(generator)
    generator.close()
    agenerator = asteps()
    await anext(agenerator)
    await agenerator.aclose()
    assert cleaned == ["gen", "agen"]
    assert (value(spans()["gen"]), value(spans()["agen"])) == ("a", "a")
    assert spans()["gen"].status.status_code is StatusCode.UNSET


async def test_concurrent_generators_do_not_mix_their_spans(init, spans):
    init()

    @penstock.trace
    async def child(name):
        await asyncio.sleep(0)

    async def run(name):
        @penstock.trace(name=name)
        async def steps():
            for _ in range(3):
                await child(name)
                yield name

        return [item async for item in steps()]

    await asyncio.gather(run("one"), run("two"))
    assert penstock.flush(5)
    assert {"one", "two"} <= set(spans())


def test_methods_leave_themselves_out(init, spans):
    init()

    class Tool:
        @penstock.trace(name="method")
        def run(self, question):
            return question

        @classmethod
        @penstock.trace(name="class")
        def make(cls, size):
            return size

    Tool().run("why")
    Tool.make(3)
    assert json.loads(value(spans()["method"], "input")) == {"question": "why"}
    assert json.loads(value(spans()["class"], "input")) == {"size": 3}


def test_a_wrong_call_fails_as_it_would_without_the_decorator(init, spans):
    init()

    @penstock.trace(name="f")
    def f(a):
        return a

    with pytest.raises(TypeError, match="missing 1 required positional argument"):
        f()
    assert f.__wrapped__(1) == 1
    assert f.__name__ == "f"


def test_a_builtin_can_be_decorated(init, spans):
    init()
    assert penstock.trace(name="max")(max)(1, 5) == 5
    assert json.loads(value(spans()["max"], "input")) == {"0": 1, "1": 5}


def test_what_is_not_to_be_captured_is_not(init, spans):
    init()

    @penstock.trace(name="neither", capture_input=False, capture_output=False)
    def f(a):
        return a

    f("secret")
    assert "secret" not in str(dict(spans()["neither"].attributes))


def test_capture_can_be_off_for_all(init, spans):
    init(capture=False)

    @penstock.trace(name="f")
    def f(a):
        return a

    f("secret")
    with penstock.span("block", kind="span", input="secret") as work:
        work.set_output("secret")
    assert "secret" not in str([dict(span.attributes) for span in spans().values()])
    assert "openinference.span.kind" not in spans()["block"].attributes


def test_long_values_are_cut(init, spans):
    init(max_value=50)
    with penstock.span("long", input="x" * 1000) as work:
        work.set_output(["y" * 30] * 100)
    assert value(spans()["long"], "input") == "x" * 50 + "…"
    assert len(value(spans()["long"])) < 200


def test_context_is_on_every_span_made_inside(init, spans, provider):
    init()
    with penstock.context(session="s-1", user="u-1", tags={"env": "prod"}), penstock.span("ours"):
        provider.get_tracer("theirs").start_span("theirs", attributes={"user.id": "their own"}).end()
    with penstock.span("outside"):
        pass
    ours, theirs = spans()["ours"].attributes, spans()["theirs"].attributes
    assert (ours["session.id"], ours["user.id"], ours["penstock.tag.env"]) == ("s-1", "u-1", "prod")
    assert (theirs["session.id"], theirs["user.id"]) == ("s-1", "their own")
    assert "session.id" not in spans()["outside"].attributes


def test_without_init_the_program_runs_as_it_would(caplog):
    assert active() is None

    @penstock.trace
    def f():
        return penstock.current_trace_id()

    assert f() is None
    with penstock.span("block") as work:
        work.set_output("x")
        assert work.score("helpful", True) is None
    assert penstock.score("helpful", True) is None
    assert penstock.feedback(True) is None
    assert penstock.flush()
    assert penstock.statistics() is None
    penstock.shutdown()
    assert caplog.text.count("penstock.init()") <= 1
