"""Prompts in the registry of artifacts: checked, compared, searched, with the partials they use."""

import pytest

from penstock.core.errors import InvalidInput
from penstock.registry.prompts.kind import PromptKind

KIND = PromptKind()
CHAT = {
    "messages": [{"role": "system", "content": "You are {{ persona }}."}, {"role": "user", "content": "{{ q }}"}],
    "variables": {"persona": {"default": "brief"}, "q": {"description": "What is asked"}},
    "tools": [{"name": "look_up", "description": "Finds"}],
    "response_schema": {"schema": {"title": "Verdict"}},
    "model": "openai/gpt-4o",
}


def test_a_body_is_kept_without_its_defaults():
    assert KIND.check({**CHAT, "parameters": {"seed": None}, "partials": {}}) == CHAT
    assert KIND.check(KIND.check(CHAT)) == CHAT


def test_a_template_that_is_wrong_is_refused_when_it_is_saved():
    with pytest.raises(InvalidInput, match="line 1, column"):
        KIND.check({"text": "{{ x"})


def test_messages_are_compared_as_messages_and_settings_by_field():
    after = {
        **CHAT,
        "messages": [CHAT["messages"][0], {"role": "user", "content": "Asked: {{ q }}"}],
        "parameters": {"temperature": 0},
    }
    message, setting = KIND.diff(CHAT, after)
    assert (message["type"], message["path"], message["change"]) == ("message", "messages[1]", "changed")
    assert (setting["type"], setting["path"]) == ("json", "parameters")
    assert KIND.diff(CHAT, CHAT) == []
    assert [one["type"] for one in KIND.diff({"text": "a"}, {"text": "b"})] == ["text"]
    assert {one["path"] for one in KIND.diff({"text": "a"}, CHAT)} >= {"text", "messages"}


def test_a_search_finds_texts_variables_and_tools():
    text = KIND.text(CHAT)
    assert all(word in text for word in ("You are", "persona", "What is asked", "look_up", "Verdict", "openai/gpt-4o"))
    assert "hello" in KIND.text({"text": "hello"})


def test_partials_are_what_it_uses():
    body = {"text": "{% include 'p' %}", "partials": {"p": "house/tone@3"}}
    assert [(one.kind, one.name, one.version) for one in KIND.uses(body)] == [("prompt", "house/tone", "3")]
    assert KIND.uses(CHAT) == []


def test_a_file_of_the_kind_is_markdown():
    assert KIND.suffix == ".md"
    assert KIND.from_file(KIND.to_file(CHAT)) == CHAT
