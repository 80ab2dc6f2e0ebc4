"""`penstock.prompt`: kept, asked for again in the background, and there when the console is not."""

import asyncio
import json
import os
import threading

import msgspec
import pytest

import penstock
from penstock.core.clock import ManualClock
from penstock.core.errors import InvalidInput, NotFound, Unavailable
from penstock.sdk import prompts
from penstock.sdk.prompts import PromptCache
from penstock.wire.prompts import CompiledPrompt, read_prompt

BODY = {
    "messages": [
        {"role": "system", "content": "You are {{ persona }}."},
        {"role": "placeholder"},
        {"role": "user", "content": "{{ question }}"},
    ],
    "variables": {"persona": {"default": "brief"}, "question": {}},
    "tools": [{"name": "look_up"}],
    "response_schema": {"schema": {"type": "object"}},
    "parameters": {"temperature": 0.5, "stop": ["END"]},
    "model": "openai/gpt-4o",
}


class Console:
    """Answers with a version, or with an error; held up while `gate` is closed."""

    def __init__(self):
        self.asked = []
        self.version = 1
        self.body = BODY
        self.error = None
        self.gate = threading.Event()
        self.gate.set()

    def fetch(self, name, selector, project):
        self.asked.append((name, selector, project))
        assert self.gate.wait(10)
        if self.error is not None:
            raise self.error
        compiled = CompiledPrompt(name=name, version=self.version, digest="d", prompt=read_prompt(self.body))
        return msgspec.json.encode({"compiled": compiled, "selector": selector})


@pytest.fixture
def clock():
    return ManualClock()


@pytest.fixture
def console():
    return Console()


@pytest.fixture
def cache(console, clock):
    return PromptCache(console.fetch, clock=clock, ttl=60)


@pytest.fixture
def of_process(monkeypatch, cache):
    """`penstock.prompt` with this cache."""
    monkeypatch.setattr(prompts._holder, "cache", cache)


def test_a_prompt_is_asked_for_once_and_kept(cache, console):
    first = cache.get("support/answer", "production")
    assert cache.get("support/answer", "production") is first
    assert console.asked == [("support/answer", "production", None)]
    assert (first.name, first.version, first.reference) == ("support/answer", 1, "support/answer@1")


def test_an_old_one_is_given_at_once_and_asked_for_again_in_the_background(cache, console, clock):
    assert cache.get("a", "production").version == 1
    console.version = 2
    console.gate.clear()
    clock.advance(61)
    assert [cache.get("a", "production").version for _ in range(3)] == [1, 1, 1]
    assert len(console.asked) == 2
    console.gate.set()
    assert cache.idle.wait(10)
    assert cache.get("a", "production").version == 2
    assert len(console.asked) == 2


def test_only_a_few_are_asked_for_at_a_time(cache, console, clock):
    names = [f"p{number}" for number in range(10)]
    for name in names:
        cache.get(name, "production")
    clock.advance(61)
    console.gate.clear()
    for name in names:
        cache.get(name, "production")
    assert sum(thread.name == "penstock-prompts" for thread in threading.enumerate()) == 4
    console.gate.set()
    assert cache.idle.wait(10)


def test_a_number_is_never_asked_for_again(cache, console, clock):
    cache.get("a", "7")
    clock.advance(10**6)
    cache.get("a", "7")
    assert len(console.asked) == 1


def test_while_the_console_is_down_the_last_version_serves(cache, console, clock, caplog):
    cache.get("a", "production")
    console.error = Unavailable("The console cannot be reached.")
    clock.advance(61)
    assert cache.get("a", "production").version == 1
    assert cache.idle.wait(10)
    assert "version 1 serves on" in caplog.text
    asked = len(console.asked)
    assert cache.get("a", "production").version == 1
    assert len(console.asked) == asked, "it is not asked at once again"
    clock.advance(11)
    console.error, console.version = None, 2
    cache.get("a", "production")
    assert cache.idle.wait(10)
    assert cache.get("a", "production").version == 2


def test_the_next_process_reads_the_last_version_from_the_folder(console, clock, tmp_path, caplog):
    folder = tmp_path / "kept"
    PromptCache(console.fetch, clock=clock, folder=folder).get("support/../answer", "production")
    console.error = Unavailable("down")
    next_process = PromptCache(console.fetch, clock=clock, folder=folder)
    assert next_process.get("support/../answer", "production").version == 1
    assert "last known" in caplog.text
    with pytest.raises(Unavailable):
        next_process.get("other", "production")
    (kept,) = folder.iterdir()
    kept.write_text("{")
    with pytest.raises(Unavailable):
        PromptCache(console.fetch, clock=clock, folder=folder).get("support/../answer", "production")
    console.error = NotFound("There is none.")
    with pytest.raises(NotFound):
        PromptCache(console.fetch, clock=clock, folder=folder).get("support/../answer", "production")


def test_a_folder_that_cannot_be_written_holds_up_nobody(console, clock, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    cache = PromptCache(console.fetch, clock=clock, folder=tmp_path / "file")
    assert cache.get("a", "production").version == 1
    assert "could not be kept" in caplog.text


@pytest.mark.parametrize(
    ("fallback", "messages"),
    [
        ("Answer {{ question }}", [{"role": "user", "content": "Answer Why?"}]),
        ([{"role": "user", "content": "{{ question }} {{ n }}"}], [{"role": "user", "content": "Why? 3"}]),
        ({"text": "{{ question }}{{ n }}", "variables": {"question": {}, "n": {"type": "integer"}}}, None),
    ],
)
def test_the_callers_own_words_serve_when_nothing_is_known(cache, console, fallback, messages):
    console.error = Unavailable("down")
    found = cache.get("a", "production", fallback=fallback)
    assert (found.is_fallback, found.version, found.reference) == (True, 0, "a@fallback")
    made = found.messages(question="Why?", n=3)
    assert made == (messages or [{"role": "user", "content": "Why?3"}])
    console.error = None
    assert not cache.get("a", "production", fallback=fallback).is_fallback


def test_a_fallback_is_as_strict_about_what_it_needs(cache, console):
    console.error = Unavailable("down")
    found = cache.get("a", "production", fallback="{{ question }}")
    with pytest.raises(InvalidInput, match="needs the variable 'question'"):
        found.text()
    with pytest.raises(InvalidInput, match="expected what JSON can say, got object"):
        found.text(question=object())


def test_without_a_fallback_the_consoles_error_comes_through(cache, console):
    console.error = NotFound("There is no prompt a.")
    with pytest.raises(NotFound):
        cache.get("a", "production")


def test_an_answer_of_another_version_of_penstock_is_an_error_that_says_so(clock):
    cache = PromptCache(lambda *_: b'{"other": 1}', clock=clock)
    with pytest.raises(Unavailable, match="not what was expected"):
        cache.get("a", "production")


def test_a_great_many_prompts_do_not_fill_the_memory(cache, monkeypatch):
    monkeypatch.setattr(prompts, "MAX_KEPT", 3)
    for number in range(10):
        cache.get(f"p{number}", "production")
    assert len(cache._kept) == 3


def test_a_chat_is_rendered_as_messages_with_the_turns_in_their_place(cache):
    prompt = cache.get("a", "production")
    assert prompt.messages(question="Why?") == [
        {"role": "system", "content": "You are brief."},
        {"role": "user", "content": "Why?"},
    ]
    turns = [{"role": "user", "content": "{{ 7*7 }}"}]
    assert [one["content"] for one in prompt.messages(turns, question="x", persona="y")] == [
        "You are y.", "{{ 7*7 }}", "x",
    ]  # fmt: skip
    assert prompt.render(question="x") == prompt.messages(question="x")
    with pytest.raises(InvalidInput, match="is a chat"):
        prompt.text(question="x")
    assert prompt.variables == ["persona", "question"]
    assert prompt.tools == [{"type": "function", "function": {"name": "look_up"}}]
    assert prompt.parameters == {"temperature": 0.5, "stop": ["END"]}
    assert (prompt.response_schema, prompt.model) == ({"type": "object"}, "openai/gpt-4o")


def test_a_text_is_a_text_or_a_message(cache, console):
    console.body = {"text": "Say {{ word }}", "variables": {"word": {}}}
    prompt = cache.get("a", "production")
    assert prompt.text(word="hi") == prompt.render(word="hi") == "Say hi"
    assert prompt.messages(word="hi") == [{"role": "user", "content": "Say hi"}]
    turn = {"role": "user", "content": "Now"}
    assert prompt.messages([turn], word="hi") == [{"role": "system", "content": "Say hi"}, turn]
    assert prompt.response_schema is None


def test_turns_come_last_where_nothing_says_where(cache, console):
    console.body = {"messages": [{"role": "system", "content": "S"}]}
    turn = {"role": "user", "content": "Now"}
    assert cache.get("a", "production").messages([turn]) == [{"role": "system", "content": "S"}, turn]


def test_the_context_names_the_prompt_in_headers_and_on_spans(init, spans, of_process):
    init()
    prompt = penstock.prompt("support/answer")
    with penstock.context(prompt=prompt), penstock.span("work"):
        assert penstock.headers()["x-penstock-prompt"] == "support/answer@1"
        with penstock.context(prompt="other@2", session="s"):
            assert penstock.headers()["x-penstock-prompt"] == "other@2"
    assert "x-penstock-prompt" not in penstock.headers()
    attributes = spans()["work"].attributes
    assert (attributes["gen_ai.prompt.name"], attributes["gen_ai.prompt.version"]) == ("support/answer", "1")
    with pytest.raises(InvalidInput, match="name a prompt and its version"), penstock.context(prompt="nameless"):
        pass


async def test_it_does_not_hold_up_the_event_loop(of_process, console):
    console.gate.clear()
    waiting = asyncio.ensure_future(penstock.aprompt("a", version=3))
    while not console.asked:
        await asyncio.sleep(0)
    assert not waiting.done()
    console.gate.set()
    assert (await waiting).reference == "a@1"
    assert console.asked == [("a", "3", None)]


def test_what_is_no_name_or_version_is_refused_before_anybody_is_asked(of_process, console):
    for options in ({"label": "A B"}, {"label": "x", "version": 1}, {"version": 0}):
        with pytest.raises(InvalidInput):
            penstock.prompt("a", **options)
    with pytest.raises(InvalidInput):
        penstock.prompt("../A")
    assert console.asked == []


def test_without_a_console_it_says_how_to_name_one(monkeypatch):
    monkeypatch.setattr(prompts._holder, "cache", None)
    for name in ("PENSTOCK_CONSOLE_URL", "PENSTOCK_API_KEY", "PENSTOCK_PROMPT_FOLDER"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InvalidInput, match="There is no console to ask"):
        penstock.prompt("a")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_after_a_fork_the_child_can_go_on(of_process, cache, clock):
    cache.get("a", "production")
    with cache._lock:
        child = os.fork()
        if child == 0:
            # The lock of the parent's other threads would never be given back here.
            clock.advance(100)
            cache.get("b", "production")
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def test_what_is_kept_can_be_read_by_people(console, clock, tmp_path):
    PromptCache(console.fetch, clock=clock, folder=tmp_path).get("a", "production")
    (kept,) = tmp_path.iterdir()
    assert json.loads(kept.read_text())["compiled"]["name"] == "a"
