"""What is suggested while a search is written, and what names become."""

import pytest

from penstock.core.errors import InvalidInput
from penstock.store.spans.filters import Filter
from penstock.store.spans.tree import And, Not, Or, Text
from penstock.store.spans.types import Facet
from penstock.tracing.query import parse
from penstock.tracing.query.complete import complete
from penstock.tracing.query.names import QueryReader

SEEN = {
    "tags": ["env", "my key"],
    "tags.env": ["prod", "production", "staging"],
    "tags.my key": ["x"],
    "model": ["openai/gpt-4o", "anthropic/claude", "a b"],
    "score": ["helpful"],
}


def observed(column):
    return [Facet(value=value, count=9) for value in SEEN.get(column, ())] + [Facet(value=None, count=1)]


def at(marked):
    """The answer for the cursor at `|`."""
    return complete(marked.replace("|", ""), marked.index("|"), observed=observed)


def inserts(marked):
    return [item.insert for item in at(marked).items]


def used(marked):
    """What the search is with the first suggestion in it."""
    text = marked.replace("|", "")
    found = at(marked)
    return text[: found.start] + found.items[0].insert + text[found.end :]


@pytest.mark.parametrize(
    ("marked", "first"),
    [
        ("|", ["status:", "model:", "kind:", "route:", "duration>"]),
        ("st|", ["status:", "started>"]),
        ("lat|", ["duration>"]),
        ("tok|", ["usage_total>"]),
        ("a -mod|", ["model:"]),
        ("(mod|", ["model:"]),
        ("ha|", ["has:"]),
        ("attr|", ["attributes:", "attributes."]),
        ("tag.|", ["tags.env:", 'tags."my key":']),
        ("score.h|", ["score.helpful:"]),
        ("has:ses|", ["session"]),
        ("missing:tags.e|", ["tags.env"]),
        ("status:|", ["ok", "error", "interrupted", "blocked"]),
        ("status:e|", ["error"]),
        ("status:(ok, e|", ["error"]),
        ("status:ok,e|", ["error"]),
        ("stream:t|", ["true"]),
        ("model:gpt|", ["openai/gpt-4o"]),
        ("model:a|", ["anthropic/claude", '"a b"', "openai/gpt-4o"]),
        ('model:"a|', ['"anthropic/claude"', '"a b"', '"openai/gpt-4o"']),
        ('model:(x, "a |', ['"a b"']),
        ("tag.env:prod|", ["prod", "production"]),
        ('tags."my key":|', ["x"]),
        ("latency>2|", ["2ms", "2s", "2m", "2h"]),
        ("tokens>2|", ["2", "2k", "2M"]),
        ("latency>|", []),
        ("foo bar|", []),
        ("unknown:x|", []),
        ('foo "status:|', []),
        ('x"y|', []),
        ("a)|", []),
    ],
)
def test_what_may_come_next(marked, first):
    assert inserts(marked)[: len(first) or None] == first


@pytest.mark.parametrize(
    ("marked", "text"),
    [
        ("status:e| -route:a", "status:error -route:a"),
        ("sta|tus:error", "status:error"),
        ("err|or > 1", "error_type > 1"),
        ('model:"a |" x', 'model:"a b" x'),
        ("model:(gp|t, b)", "model:(openai/gpt-4o, b)"),
        ("(lat|", "(duration>"),
    ],
)
def test_a_suggestion_takes_the_place_of_what_is_written(marked, text):
    assert used(marked) == text


def test_the_place_of_a_fault_is_told_and_nothing_when_there_is_none():
    fault = at("statsu:e|").fault
    assert (fault.start, fault.end) == (0, 6)
    assert at("status:error|").fault is None
    assert at("foo |").expected == "field"
    assert at('"foo|').expected == "none"
    assert len(at("a|").items) <= 20
    with pytest.raises(InvalidInput):
        complete("x" * 4001, 0, observed=observed)
    assert complete("st", 99, observed=observed).start == 0


# --- names ------------------------------------------------------------------------------------

KEY = "0190b6e2-7c1f-7a51-89b9-05b95b430bf6"
HASH = "0" * 31 + "a"


def of(column, operator, value=None):
    return Filter(column=column, operator=operator, value=value)


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", None),
        ("key:laptop", of("key", "in", ["k1", "k2"])),
        ("key!=phone", Not(of("key", "eq", "k3"))),
        ("key:unknown", of("key", "eq", "unknown")),
        (f"key:{KEY}", of("key", "eq", KEY)),
        ("key:(laptop, phone)", of("key", "in", ["k1", "k2", "k3"])),
        ("key:lap*", of("key", "like", "lap*")),
        ("has:key", of("key", "has")),
        ("user:ada", of("user", "in", ["ada", "h(ada)"])),
        (f"user:{HASH}", of("user", "eq", HASH)),
        ("-user!=ada", of("user", "in", ["ada", "h(ada)"])),
        (
            "a (key:phone or -user:ada)",
            And((Text(words="a"), Or((of("key", "eq", "k3"), Not(of("user", "in", ["ada", "h(ada)"])))))),
        ),
    ],
)
def test_names_of_keys_become_ids_and_users_are_found_by_id_and_hash(text, tree):
    names = {"k1": "laptop", "k2": "laptop", "k3": "phone"}
    reader = QueryReader(lambda project: names, user_hash=lambda user: f"h({user})")
    found = reader.of("p")(text)
    assert found == tree or found == Not(Not(tree))


def test_names_are_looked_up_only_when_there_are_any():
    def fail(project):
        raise AssertionError(project)

    reader = QueryReader(fail)
    assert reader.read("p", f"user:ada key:{KEY}") == parse(f"user:ada key:{KEY}")
