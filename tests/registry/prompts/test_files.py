"""The file form of prompts: what is written is read back as it was."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput
from penstock.registry.prompts.files import from_markdown, to_markdown
from penstock.registry.prompts.kind import PromptKind

LINES = st.sampled_from(
    ["", " ", "# system", "\\# user", "\\\\# tool", "# placeholder ", "# System", "## user", "---", "a", "{{ x }}", "-"]
)
TEXTS = st.lists(LINES | st.text(max_size=8), min_size=1, max_size=6).map("\n".join)
CONTENTS = TEXTS.filter(bool)
PARTS = st.lists(
    st.builds(lambda text: {"type": "text", "text": text}, TEXTS)
    | st.builds(lambda url: {"type": "image", "url": url}, TEXTS),
    min_size=1,
    max_size=3,
)
MESSAGES = st.lists(
    st.one_of(
        st.fixed_dictionaries(
            {"role": st.sampled_from(["system", "developer", "user", "assistant"]), "content": CONTENTS}
        ),
        st.fixed_dictionaries({"role": st.just("user"), "content": PARTS}),
        st.fixed_dictionaries({"role": st.just("tool"), "content": CONTENTS, "tool_call_id": st.just("c1")}),
        st.just({"role": "placeholder"}),
    ),
    min_size=1,
    max_size=4,
)
FRONT = st.fixed_dictionaries(
    {},
    optional={
        "variables": st.dictionaries(
            st.from_regex(r"[a-z]{1,5}", fullmatch=True), st.just({}) | st.just({"type": "integer", "default": 3})
        ).filter(bool),
        "model": st.text(),
        "parameters": st.just({"temperature": 0.5, "stop": ["---", "a\nb"]}),
    },
)
BODIES = st.builds(lambda front, text: {**front, "text": text}, FRONT, TEXTS) | st.builds(
    lambda front, messages: {**front, "messages": messages}, FRONT, MESSAGES
)


@given(BODIES)
@example({"text": "---\na: 1\n---\n"})
@example({"text": "\n"})
@example({"text": "# user\nx"})
@example({"text": "a\rb"})
@example({"text": "{}", "model": "---"})
@example({"messages": [{"role": "user", "content": "\n\nx\n\n"}]})
@example({"messages": [{"role": "placeholder"}, {"role": "user", "content": "---"}]})
def test_every_body_comes_back_from_its_file(body):
    assert from_markdown(to_markdown(body)) == body


def test_a_chat_reads_like_a_document():
    body = {
        "messages": [
            {"role": "system", "content": "You are {{ persona }}."},
            {"role": "placeholder"},
            {"role": "user", "content": "# Heading\n\ntext"},
        ],
        "variables": {"persona": {"default": "brief"}},
    }
    assert to_markdown(body) == (
        "---\nvariables:\n  persona:\n    default: brief\n---\n\n# system\n\nYou are {{ persona }}.\n\n"
        "# placeholder\n\n# user\n\n# Heading\n\ntext\n"
    )


def test_what_people_write_is_read_with_less_air():
    text = "---\nvariables: {q: {type: string}}\n---\n# system\nBe brief.\n# user\n{{ q }}"
    assert from_markdown(text) == {
        "variables": {"q": {"type": "string"}},
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "{{ q }}"}],
    }
    assert from_markdown("Just a text\n") == {"text": "Just a text"}
    assert from_markdown("---\ntext: |\n  a\n  b\n---\n") == {"text": "a\nb\n"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("---\na: 1\n", "second line"),
        ("---\n- 1\n---\nx", "fields with values"),
        ("---\na: [\n---\nx", "YAML"),
        ("---\nmessages: []\n---\n\nx", "not in both"),
        ("---\ntext: a\n---\n\nx", "not in both"),
        ("Hello\n\n# user\n\nx", "before 'Hello'"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(text, message):
    with pytest.raises(InvalidInput, match=message):
        from_markdown(text)


@given(st.text() | TEXTS)
def test_any_text_is_read_or_refused(text):
    with contextlib.suppress(InvalidInput):
        assert isinstance(PromptKind().from_file(text), dict)
