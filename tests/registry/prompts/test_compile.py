"""A version is put together with its partials."""

import pytest

from penstock.core.errors import InvalidInput, NotFound
from penstock.registry.prompts.compile import compile_prompt
from penstock.wire.templates import Renderer


def made(versions, name="a", selector="1"):
    return compile_prompt(versions.find("p1", name, selector), versions, project="p1")


def test_partials_of_partials_are_found_by_their_own_names(versions):
    versions.put("a", {"text": "{% include 'x' %}{% include 'y' %}", "partials": {"x": "b@1", "y": "c@1"}})
    versions.put("b", {"text": "b{% include 'y' %}", "partials": {"y": "d@1"}})
    versions.put("c", {"text": "c"})
    versions.put("d", {"text": "{{ v }}", "variables": {"v": {"default": "d"}}})
    compiled = made(versions)
    assert Renderer(compiled).render({}).text == "bdc"
    assert Renderer(compiled).render({"v": "!"}).text == "b!c"
    assert compiled.prompt.partials == {}
    assert list(compiled.fragments) == ["b@1", "d@1", "c@1"]


def test_a_declaration_of_its_own_comes_first_and_has_to_be_of_the_same_type(versions):
    versions.put("p", {"text": "{{ v }}", "variables": {"v": {"default": "p"}}})
    body = {"text": "{% include 'p' %}", "partials": {"p": "p@1"}, "variables": {"v": {"default": "a"}}}
    versions.put("a", body)
    assert Renderer(made(versions)).render({}).text == "a"
    versions.put("a", {**body, "variables": {"v": {"type": "integer"}}})
    with pytest.raises(InvalidInput, match=r"p@1 declares the variable 'v' as string, and here it is integer"):
        made(versions)


def test_a_prompt_cannot_include_itself(versions):
    versions.put("a", {"text": "{% include 'b' %}", "partials": {"b": "b@1"}})
    versions.put("b", {"text": "{% include 'a' %}", "partials": {"a": "a@1"}})
    with pytest.raises(InvalidInput, match="a includes b includes a"):
        made(versions)


def test_partials_within_partials_end_somewhere(versions):
    for depth in range(12):
        versions.put(f"p{depth}", {"text": "{% include 'n' %}", "partials": {"n": f"p{depth + 1}@1"}})
    versions.put("p12", {"text": "end"})
    with pytest.raises(InvalidInput, match="p0 includes p1"):
        made(versions, "p0")


def test_a_chat_is_no_partial_and_one_that_is_missing_is_named(versions):
    versions.put("a", {"text": "x", "partials": {"p": "chat@1"}})
    versions.put("chat", {"messages": [{"role": "user", "content": "x"}]})
    with pytest.raises(InvalidInput, match="chat@1 is a chat"):
        made(versions)
    versions.put("a", {"text": "x", "partials": {"p": "gone@4"}})
    with pytest.raises(NotFound, match="gone has no version 4"):
        made(versions)


def test_a_prompt_has_no_more_than_a_hundred_partials(versions):
    for number in range(102):
        versions.put(f"p{number}", {"text": "x"})
    versions.put("a", {"text": "x", "partials": {f"p{number}": f"p{number}@1" for number in range(102)}})
    with pytest.raises(InvalidInput, match="at most 100 partials"):
        made(versions)
