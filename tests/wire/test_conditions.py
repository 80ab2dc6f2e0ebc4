"""Conditions of routes."""

import string
import time
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.wire.conditions import MAX_CONDITION, VARIABLES, ConditionError, Facts, compile_condition

AT = 1_700_000_000_000_000  # Tuesday 2023-11-14 22:13:20 UTC


def raw(value) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def facts(**given_) -> Facts:
    known = {
        "key": ("0190-key", "ci", "search"),
        "model": "support",
        "operation": "chat",
        "at": AT,
        "tags": {"env": "prod"},
        "user": "u1",
        "session": "s1",
        "headers": {b"x-team": b"blue", b"authorization": b"Bearer secret", b"cookie": b"a=b"},
        "body": {"metadata": raw({"tier": "gold", "n": 3, "deep": {"a": [1, None]}, "huge": 2**70})},
        "size": 1200,
        "count_tokens": lambda: 300,
    }
    return Facts(**(known | given_))


@pytest.mark.parametrize(
    "text",
    [
        'key.id == "0190-key" && key.name == "ci" && key.project == "search"',
        'tags.env == "prod"',
        'has(tags.env) && "env" in tags && !has(tags.team)',
        'user == "u1" && session == "s1"',
        'model == "support" && operation == "chat" && !stream',
        'model in ["support", "sales"]',
        'model.startsWith("sup") && model.matches("^s.*t$")',
        'headers["x-team"] == "blue"',
        "headers.`x-team` == 'blue'",
        "input.tokens == 300 && input.bytes > 1000",
        'metadata.tier == "gold" && metadata.n >= 3',
        "metadata.deep.a[0] == 1",
        "time.hour == 22 && time.minute == 13 && time.weekday == 2 && time.epoch == 1700000000",
        "tags.exists(name, name == 'env')",
        'tags.env == "prod" // the strict ones, not key.name',
        'key // whose\n . name == "ci"',
        ".key.name == 'ci'",
        "key.`name` == 'ci'",
        "size(tags) == 1 && size(model) == 7",
        "tags.env == 'dev' || model == 'support'",
        "tags.nope == 'x' || true",
    ],
)
def test_a_condition_sees_what_is_known_of_the_call(text):
    assert compile_condition(text).holds(facts())


@pytest.mark.parametrize(
    "text",
    [
        'tags.team == "blue"',
        'headers.authorization == "Bearer secret"',
        "has(headers.cookie)",
        "metadata.tier > 3",
        "metadata.missing == 1",
        "metadata.huge == 1",
        "model.matches('(')",
        "1 / (input.bytes - 1200) == 1",
        "tags.exists(a, tags.exists(b, has(tags.c)))",
    ],
)
def test_what_cannot_be_answered_is_not_true(text):
    assert compile_condition(text).holds(facts()) is False


def test_a_text_that_is_no_unicode_is_not_true_and_no_error():
    assert compile_condition('model != "x"').holds(facts(model="\ud800")) is False


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ('modl == "x"', 1, 1, "no variable 'modl'. Did you mean 'model'?"),
        ('stream &&\n  tgs.env == "x"', 2, 6, "no variable 'tgs.env'. Did you mean 'tags.env'?"),
        ('key.nam == "x"', 1, 4, "no variable 'key.nam'. Did you mean 'key.name'?"),
        ("key == 'x'", 1, 1, "no variable 'key'. Did you mean 'key.id'?"),
        ("input.zzzzzzz == 1", 1, 6, "There are: input.tokens, input.bytes, input.messages, input.images."),
        ("qqqqqq == 1", 1, 1, "Known are: key.id, key.name"),
        ('model.startWith("x")', 1, 16, "no function 'startWith'. Did you mean 'startsWith'?"),
        ("model > 5", 1, 7, "> cannot be applied to (string, int)"),
        ("model ==", 1, 9, "Syntax error: mismatched input '<EOF>'"),
        ("model == 'x", 1, 10, "token recognition error"),
        ("input.tokens", 1, 1, "true or false, this one gives int"),
        ("metadata.tier", 1, 1, "type is not known before"),
        ("tags", 1, 1, "map<string, string>"),
        ("has(model)", 1, 5, "Has() argument must be a field selection"),
        (" \n", 1, 1, "got nothing"),
        ("stream ||\n tags.map(t, t) == []", 2, 6, "map() is not available"),
        ("model.matches('x') || tags.all(t, t == 'a')", 1, 7, "cannot stand beside a loop"),
        ("tags.all(a, true)" + " && tags.all(a, true)" * 4, 1, 89, "at most 4 loops"),
        ("model.matches('a')" + "||model.matches('a')" * 8, 1, 167, "at most 8 patterns"),
        ("input.tokens + 1 > 2 || tags.all(t, t == 'a')", 1, 14, "+ cannot stand beside a loop"),
        ("'a'" + "+'a'" * 9 + "== model", 1, 36, "add at most 8 times"),
        ("(" * 500 + "true" + ")" * 500, 1, 1, "recursion limit"),
        ("'" + "x" * MAX_CONDITION + "' == model", 1, 1, "at most 4096 bytes, this one has 4107"),
    ],
)
def test_a_wrong_condition_is_refused_where_it_is_wrong(text, line, column, words):
    with pytest.raises(ConditionError) as caught:
        compile_condition(text)
    assert words in str(caught.value)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert caught.value.code == "condition_invalid"


def test_only_what_is_named_is_worked_out():
    def never() -> int:
        raise AssertionError

    condition = compile_condition('model == "support" && tags.env == "input.tokens" // input.tokens')
    assert condition.names == ("tags", "model")
    assert not condition.holds(facts(count_tokens=never))


def test_tokens_are_estimated_once():
    asked = []
    known = facts(count_tokens=lambda: asked.append(1) or 5)
    condition = compile_condition("input.tokens > 1 && input.tokens < 9")
    assert condition.holds(known)
    assert condition.holds(known)
    assert asked == [1]


def test_every_variable_is_found_by_name():
    for name, (kind, _) in VARIABLES.items():
        text = f"string({name}) != 'x'" if kind.name() in {"INT", "BOOL"} else f"size({name}) >= 0"
        condition = compile_condition(text)
        assert condition.names == (name,)
        assert condition.holds(facts())


@pytest.mark.parametrize(
    ("body", "messages", "images"),
    [
        ({}, 0, 0),
        ({"messages": [{"role": "user", "content": "hi"}]}, 1, 0),
        (
            {
                "messages": [
                    {"role": "system", "content": None},
                    {
                        "role": "user",
                        "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {"url": "x"}}],
                    },
                    {"role": "user", "content": [{"type": "image", "source": {}}, {"type": "input_image"}]},
                ]
            },
            3,
            3,
        ),
        ({"input": "one text"}, 1, 0),
        ({"input": ["several", "texts"]}, 2, 0),
        ({"input": [{"type": "input_image"}, {"type": "message", "content": "x"}]}, 2, 1),
        ({"input": 5}, 1, 0),
    ],
)
def test_messages_and_images_are_counted(body, messages, images):
    known = facts(body={name: raw(value) for name, value in body.items()})
    assert (known.messages(), known.images()) == (messages, images)


@pytest.mark.parametrize("metadata", [b"[1]", b'"x"', b'{"a":"' + b"x" * 70_000 + b'"}', b'{"a":"\xff"}', b"null"])
def test_metadata_that_is_none_is_empty(metadata):
    known = facts(body={"metadata": msgspec.Raw(metadata)})
    assert known.metadata() == {}
    assert compile_condition("size(metadata) == 0").holds(known)


def test_a_call_of_which_little_is_known_has_empty_facts():
    known = Facts(key=("", "", ""), model="m", operation="chat", at=AT)
    assert compile_condition(
        "user == '' && session == '' && size(tags) == 0 && size(headers) == 0 && input.tokens == 0 && input.bytes == 0"
    ).holds(known)


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001 - made aware below
def test_times_are_those_of_the_calendar(moment):
    moment = moment.replace(tzinfo=UTC)
    known = facts(at=int(moment.timestamp()) * 1_000_000)
    values = [VARIABLES[f"time.{name}"][1](known) for name in ("hour", "minute", "weekday", "epoch")]
    assert values == [moment.hour, moment.minute, moment.isoweekday(), int(moment.timestamp())]


_WORDS = [
    *VARIABLES,
    "==",
    "&&",
    "||",
    "!",
    "(",
    ")",
    "'a'",
    '"key.id"',
    "1",
    "+",
    ".",
    "has(",
    "//",
    "\n",
    "true",
    "`",
]


@given(
    st.lists(st.sampled_from(_WORDS), max_size=12).map(" ".join) | st.text(string.printable, max_size=40) | st.text()
)
def test_any_text_is_a_condition_or_a_clear_error(text):
    failure = None
    try:
        assert compile_condition(text).holds(facts()) in {True, False}
    except ConditionError as error:
        failure = error
    assert failure is None or (failure.line >= 1 and failure.column >= 1 and failure.message.endswith("."))


def test_the_dearest_condition_still_ends_soon():
    values = "[" + ",".join(["1"] * 900) + "]"
    condition = compile_condition(f"{values}.all(a, {values}.all(b, a == b))")
    before = time.process_time()
    assert condition.holds(facts()) is False
    assert time.process_time() - before < 0.5
