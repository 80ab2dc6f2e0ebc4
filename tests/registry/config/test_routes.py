"""The section `routes`: what it gives, and what it refuses."""
# ruff: noqa: E501 - one case of a table is one line

import json

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.registry.config import InvalidConfig, load_config
from penstock.registry.config.bind import Binder
from penstock.registry.config.checks import STRUCT_CHECKS
from penstock.registry.config.document import as_item
from penstock.registry.config.route_types import RouteConfig
from penstock.registry.config.routes import content_version, route_document, route_entry
from penstock.registry.config.schema import json_schema
from penstock.registry.config.write import as_yaml
from penstock.wire.routing import (
    CachePolicy,
    Cascade,
    Choice,
    Cohort,
    Conditional,
    Degradation,
    Fallback,
    Hedge,
    JsonSchemaCheck,
    JudgeCheck,
    LogprobCheck,
    OnBudget,
    Parameters,
    RegexCheck,
    Retries,
    RouteEntry,
    Rule,
    Shadow,
    Sticky,
    Use,
    ValidJsonCheck,
    Variant,
    Weighted,
)

PROVIDERS = """\
providers:
  openai: {api_key: env:K, models: [gpt-4o, gpt-4o-mini]}
  closed: {kind: openai, base_url: 'http://127.0.0.1:1/v1', models: [small], any_model: false}
"""
SMART, CHEAP = Use(variant="smart"), Use(variant="cheap")


@pytest.fixture
def load(tmp_path):
    def load(routes, extra=""):
        path = tmp_path / "penstock.yaml"
        path.write_text(f"{PROVIDERS}{extra}routes:\n{routes}")
        return load_config(path, environment={"K": "x"})

    return load


@pytest.fixture
def strategy(load):
    """The strategy of a route with the variants `smart` and `cheap`."""

    def strategy(text):
        return load(f"  r:\n    variants: {{smart: openai/gpt-4o, cheap: openai/gpt-4o-mini}}\n    strategy: {text}\n")

    return strategy


@pytest.fixture
def errors(load):
    def errors(routes, extra=""):
        with pytest.raises(InvalidConfig) as caught:
            load(routes, extra)
        return [(error.line, error.field, str(error).partition(f"{error.field}: ")[2]) for error in caught.value.errors]

    return errors


@pytest.fixture
def refused(errors):
    """The one error of a strategy of a route with the variants `smart` and `cheap`: its field and text."""

    def refused(text):
        route = f"  r:\n    variants: {{smart: openai/gpt-4o, cheap: openai/gpt-4o-mini}}\n    strategy: {text}\n"
        ((line, field, message),) = errors(route)
        assert line == 7
        return field, message

    return refused


# --- what a route gives -----------------------------------------------------------------------


def test_a_whole_route_is_read_into_the_snapshots_terms(load):
    loaded = load("""\
  support:
    project: default
    variants:
      smart: {model: openai/gpt-4o, parameters: {temperature: 0.2, top_p: 1, stop: END, seed: 7, max_output_tokens: 9}}
      pool: {models: [closed/small, openai/gpt-4o], parameters: {stop: [a, b]}}
      cheap: openai/gpt-4o-mini
    strategy:
      fallback: [smart, {weighted: {pool: 3, cheap: 1}}]
    retries: {attempts: 2, budget: 20%, base: 50ms, cap: 2s}
    cache: {ttl: 1h, scope: user}
    on_budget: {soft: {max_output_tokens: 256}, hard: {answer: "Tomorrow again."}}
""")
    entry = loaded.routes["support"]
    assert entry == RouteEntry(
        name="support",
        project="default",
        version=entry.version,
        variants={
            "smart": Variant(
                name="smart",
                models=("openai/gpt-4o",),
                parameters=Parameters(temperature=0.2, top_p=1.0, stop=("END",), seed=7, max_output_tokens=9),
            ),
            "pool": Variant(
                name="pool", models=("closed/small", "openai/gpt-4o"), parameters=Parameters(stop=("a", "b"))
            ),
            "cheap": Variant(name="cheap", models=("openai/gpt-4o-mini",)),
        },
        strategy=Fallback(
            of=(SMART, Weighted(choices=(Choice(weight=3, use=Use(variant="pool")), Choice(weight=1, use=CHEAP))))
        ),
        retries=Retries(attempts=2, budget=0.2, base=0.05, cap=2.0),
        cache=CachePolicy(ttl=3600.0, scope="user"),
        on_budget=OnBudget(soft=Degradation(max_output_tokens=256), hard=Degradation(answer="Tomorrow again.")),
    )
    assert loaded.lines == {"routes.support": 5}
    assert loaded.warnings == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smart", SMART),
        ("{fallback: [smart, cheap]}", Fallback(of=(SMART, CHEAP))),
        (
            "{weighted: {smart: 90, cheap: 10}}",
            Weighted(choices=(Choice(weight=90, use=SMART), Choice(weight=10, use=CHEAP))),
        ),
        (
            "{weighted: [{weight: 1, use: {fallback: [smart]}}, {weight: 0.5, use: cheap}]}",
            Weighted(choices=(Choice(weight=1, use=Fallback(of=(SMART,))), Choice(weight=0.5, use=CHEAP))),
        ),
        (
            "{conditional: [{if: 'key.name == \"batch\" || input.tokens > 4000', use: cheap}, {else: smart}]}",
            Conditional(rules=(Rule(when='key.name == "batch" || input.tokens > 4000', use=CHEAP),), otherwise=SMART),
        ),
        (
            "{cohort: {by: session, split: {smart: 50, cheap: 50}, salt: exp-1}}",
            Cohort(by="session", salt="exp-1", choices=(Choice(weight=50, use=SMART), Choice(weight=50, use=CHEAP))),
        ),
        (
            "{sticky: {by: 'header:X-Team', split: [{weight: 1, use: smart}, {weight: 1, use: smart}]}}",
            Sticky(by="header:x-team", salt="r", choices=(Choice(weight=1, use=SMART), Choice(weight=1, use=SMART))),
        ),
        ("{shadow: {use: smart, to: cheap, sample: 10%}}", Shadow(use=SMART, to=CHEAP, sample=0.1)),
        (
            "{cascade: {steps: [cheap, smart], checks: [{logprob: {at_least: -0.5}}, {regex: '^a'}, {regex: {pattern: sorry, negate: true}}, {json: true}, {json_schema: {type: object}}, {judge: openai/gpt-4o}, {judge: {route: openai/gpt-4o, question: Good?}}]}}",
            Cascade(
                steps=(CHEAP, SMART),
                checks=(
                    LogprobCheck(at_least=-0.5),
                    RegexCheck(pattern="^a"),
                    RegexCheck(pattern="sorry", negate=True),
                    ValidJsonCheck(),
                    JsonSchemaCheck(schema={"type": "object"}),
                    JudgeCheck(route="openai/gpt-4o"),
                    JudgeCheck(route="openai/gpt-4o", question="Good?"),
                ),
            ),
        ),
        ("{hedge: {use: smart, backup: cheap}}", Hedge(use=SMART, backup=CHEAP)),
        (
            "{hedge: {use: smart, backup: cheap, after: p95, at_least: 200ms}}",
            Hedge(use=SMART, backup=CHEAP, at_least=0.2),
        ),
        ("{hedge: {use: smart, backup: cheap, after: 1s}}", Hedge(use=SMART, backup=CHEAP, after=1.0)),
    ],
)
def test_each_strategy_is_read_and_written_back(strategy, load, text, expected):
    loaded = strategy(text)
    assert loaded.routes["r"].strategy == expected
    assert compile_document(route_document(loaded.routes["r"])) == loaded.routes["r"]


def compile_document(document, name="r"):
    binder = Binder("", STRUCT_CHECKS)
    config = binder.bind(as_item(json.loads(json.dumps(document))), RouteConfig)
    assert config is not None, binder.errors
    return route_entry(name, config)


def test_a_route_with_one_variant_needs_no_strategy(load):
    assert load("  r: {variants: {only: openai/gpt-4o}}\n").routes["r"].strategy == Use(variant="only")


def test_a_model_that_stands_in_a_strategy_is_a_variant_of_that_name(load):
    entry = load("  r: {strategy: {fallback: [openai/gpt-4o, openai/gpt-4o-mini]}}\n").routes["r"]
    assert list(entry.variants) == ["openai/gpt-4o", "openai/gpt-4o-mini"]
    assert entry.variants["openai/gpt-4o"] == Variant(name="openai/gpt-4o", models=("openai/gpt-4o",))
    assert compile_document(route_document(entry)) == entry


def test_a_budget_may_degrade_to_a_strategy_of_its_own(load):
    entry = load("""\
  r:
    strategy: openai/gpt-4o
    on_budget: {soft: {use: {weighted: {openai/gpt-4o-mini: 1}}}, hard: refuse}
""").routes["r"]
    mini = Use(variant="openai/gpt-4o-mini")
    assert entry.on_budget == OnBudget(soft=Degradation(use=Weighted(choices=(Choice(weight=1, use=mini),))))
    assert "openai/gpt-4o-mini" in entry.variants
    assert compile_document(route_document(entry)) == entry


def test_what_is_shown_of_routes_loads_as_the_same_routes(load, tmp_path):
    loaded = load("""\
  judge: {variants: {it: openai/gpt-4o}}
  r:
    variants: {smart: openai/gpt-4o}
    strategy: {cascade: {steps: [openai/gpt-4o-mini, smart], checks: [{judge: judge}]}}
    cache: {ttl: 90s}
    on_budget: {hard: {use: openai/gpt-4o-mini}}
""")
    path = tmp_path / "again.yaml"
    path.write_text(as_yaml(loaded))
    assert load_config(path, environment={"K": "x"}).routes == loaded.routes


# --- versions ---------------------------------------------------------------------------------


def test_the_version_covers_what_alters_an_answer_and_nothing_else(load):
    def version(route):
        entry = load(f"  r: {route}\n").routes["r"]
        assert entry.version == content_version(entry)
        return entry.version

    base = version("{variants: {a: openai/gpt-4o, b: openai/gpt-4o-mini}, strategy: a}")
    assert len(base) == 16
    assert version("{variants: {b: openai/gpt-4o-mini, a: openai/gpt-4o}, strategy: a}") == base
    assert version("{variants: {a: openai/gpt-4o, b: openai/gpt-4o-mini}, strategy: a, retries: {attempts: 5}}") == base
    assert version("{variants: {a: openai/gpt-4o, b: openai/gpt-4o-mini}, strategy: a, cache: {ttl: 1s}}") == base
    changed = {
        version("{variants: {a: openai/gpt-4o, b: openai/gpt-4o-mini}, strategy: b}"),
        version("{variants: {a: openai/gpt-4o-mini, b: openai/gpt-4o-mini}, strategy: a}"),
        version("{variants: {a: {model: openai/gpt-4o, parameters: {seed: 1}}, b: openai/gpt-4o-mini}, strategy: a}"),
        version("{variants: {a: openai/gpt-4o, b: openai/gpt-4o-mini}, strategy: a, on_budget: {hard: {use: b}}}"),
    }
    assert len(changed | {base}) == 5


def test_versions_are_the_same_on_every_machine(load):
    assert load("  r: {variants: {a: openai/gpt-4o}}\n").routes["r"].version == "feffbad6f230ee08"


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "field", "message"),
    [
        ("clever", "routes.r.strategy", "no variant of this route is called 'clever'. Known: smart, cheap."),
        ("{fallback: [smrt]}", "routes.r.strategy.fallback[0]", "no variant of this route is called 'smrt'. Did you mean 'smart'?"),
        ("{fallback: [nowhere/x]}", "routes.r.strategy.fallback[0]", "no provider is called 'nowhere'. Known: openai, closed."),
        ("{fallback: [closed/x]}", "routes.r.strategy.fallback[0]", "the provider closed does not list the model 'x'."),
        ("{fallback: []}", "routes.r.strategy.fallback", "expected at least one."),
        ("{}", "routes.r.strategy", "expected exactly one of weighted, fallback, conditional, cohort, sticky, shadow, cascade, hedge, got nothing."),
        ("{fallback: [smart], weighted: {smart: 1}}", "routes.r.strategy", "expected exactly one of weighted, fallback, conditional, cohort, sticky, shadow, cascade, hedge, got weighted, fallback."),
        ("{fallbck: [smart]}", "routes.r.strategy", "'fallbck' is not a field here. Did you mean 'fallback'?"),
        ("{weighted: {smart: 0, cheap: 0}}", "routes.r.strategy.weighted", "the weights sum to 0, so nothing would ever be chosen."),
        ("{weighted: []}", "routes.r.strategy.weighted", "expected at least one choice."),
        ("{weighted: {smart: -1}}", "routes.r.strategy.weighted.smart", "expected a number, 0 or more, got -1: a weight is 0 or more."),
        ("{weighted: {smart: 1, dear: 1}}", "routes.r.strategy.weighted.dear", "no variant of this route is called 'dear'. Known: smart, cheap."),
        ("{weighted: [{weight: 1, use: dear}]}", "routes.r.strategy.weighted[0].use", "no variant of this route is called 'dear'. Known: smart, cheap."),
        ("{conditional: [{else: smart}]}", "routes.r.strategy.conditional", "expected rules with 'if' and 'use', and at the end one with 'else'."),
        ("{conditional: [{if: stream, use: smart}]}", "routes.r.strategy.conditional", "expected rules with 'if' and 'use', and at the end one with 'else'."),
        ("{conditional: [{else: smart}, {else: cheap}]}", "routes.r.strategy.conditional[0]", "'else' stands only in the last rule."),
        ("{conditional: [{if: stream}, {else: cheap}]}", "routes.r.strategy.conditional[0]", "expected 'if' with 'use', or 'else' alone."),
        ("{conditional: [{if: stream, use: dear}, {else: cheap}]}", "routes.r.strategy.conditional[0].use", "no variant of this route is called 'dear'. Known: smart, cheap."),
        ("{cohort: {by: team, split: {smart: 1}}}", "routes.r.strategy.cohort.by", "expected session, user, key, header:NAME or tag:NAME, got 'team'."),
        ("{sticky: {by: user, split: {}}}", "routes.r.strategy.sticky.split", "expected at least one choice."),
        ("{sticky: {by: user, split: {dear: 1}}}", "routes.r.strategy.sticky.split.dear", "no variant of this route is called 'dear'. Known: smart, cheap."),
        ("{shadow: {use: smart, to: cheap, sample: 120%}}", "routes.r.strategy.shadow.sample", "expected a share such as 0.2 or 20%, got '120%': a share is from 0 to 1, or from 0% to 100%."),
        ("{shadow: {use: smart, to: dear}}", "routes.r.strategy.shadow.to", "no variant of this route is called 'dear'. Known: smart, cheap."),
        ("{hedge: {use: smart, backup: dear}}", "routes.r.strategy.hedge.backup", "no variant of this route is called 'dear'. Known: smart, cheap."),
        ("{hedge: {use: smart, backup: cheap, after: p99}}", "routes.r.strategy.hedge.after", "expected p95, or a duration such as 500ms, got 'p99'."),
        ("{cascade: {steps: [cheap], checks: [{json: true}]}}", "routes.r.strategy.cascade.steps", "expected at least two steps."),
        ("{cascade: {steps: [cheap, smart], checks: []}}", "routes.r.strategy.cascade.checks", "expected at least one check, or every first answer would be given."),
        ("{cascade: {steps: [cheap, smart], checks: [{json: true, regex: a}]}}", "routes.r.strategy.cascade.checks[0]", "expected exactly one of logprob, regex, json, json_schema, judge, got regex, json."),
        ("{cascade: {steps: [cheap, smart], checks: [{json: false}]}}", "routes.r.strategy.cascade.checks[0].json", "expected true; a check that is not wanted is left out."),
        ("{cascade: {steps: [cheap, smart], checks: [{regex: '(a'}]}}", "routes.r.strategy.cascade.checks[0].regex", "expected a regular expression (RE2): missing ): (a."),
        ("{cascade: {steps: [cheap, smart], checks: [{regex: {pattern: '(?=a)'}}]}}", "routes.r.strategy.cascade.checks[0].regex.pattern", "expected a regular expression (RE2): invalid perl operator: (?=."),
        ("{cascade: {steps: [cheap, smart], checks: [{json_schema: {type: thing}}]}}", "routes.r.strategy.cascade.checks[0].json_schema", "expected a JSON Schema: 'thing' is not valid under any of the given schemas (at $.type)."),
        ("{cascade: {steps: [cheap, smart], checks: [{judge: nobody}]}}", "routes.r.strategy.cascade.checks[0].judge", "no route is called 'nobody'. A judge is a route, or provider/model."),
        ("{cascade: {steps: [cheap, smart], checks: [{judge: {route: no/x}}]}}", "routes.r.strategy.cascade.checks[0].judge.route", "no provider is called 'no'. Known: openai, closed."),
        ("{cascade: {steps: [cheap, smart], checks: [{judge: r}]}}", "routes.r.strategy.cascade.checks[0].judge", "the judge 'r' asks this route again, so a call would never end."),
    ],
)  # fmt: skip
def test_a_wrong_strategy_says_where_and_why(refused, text, field, message):
    assert refused(text) == (field, message)


def test_a_remote_reference_is_refused_since_no_check_may_leave_the_machine(refused):
    field, message = refused(
        "{cascade: {steps: [cheap, smart], checks: [{json_schema: {items: {anyOf: [{$ref: 'http://x/y'}]}}}]}}"
    )
    assert field == "routes.r.strategy.cascade.checks[0].json_schema"
    assert message.startswith("expected a schema that needs no other document, got a $ref to 'http://x/y'.")


def test_a_condition_that_cannot_be_compiled_says_why(refused):
    field, message = refused("{conditional: [{if: 'key.nam == 1', use: cheap}, {else: smart}]}")
    assert field == "routes.r.strategy.conditional[0].if"
    assert message.startswith("expected a condition in CEL: ")


@pytest.mark.parametrize(
    ("route", "field", "message"),
    [
        ("{}", "routes.r", "'strategy' is missing here: only a route with one variant needs none, and this one has 0."),
        ("{variants: {a: openai/x, b: openai/y}}", "routes.r", "'strategy' is missing here: only a route with one variant needs none, and this one has 2."),
        ("{variants: {a: {}}}", "routes.r.variants.a", "expected either model or models, got neither."),
        ("{variants: {a: {model: openai/x, models: [openai/y]}}}", "routes.r.variants.a", "expected either model or models, got both."),
        ("{variants: {a: {models: []}}}", "routes.r.variants.a.models", "expected at least one model."),
        ("{variants: {a: {models: [openai/x, openai/x]}}}", "routes.r.variants.a.models", "a model stands here twice."),
        ("{variants: {a: {models: [openai/x, opnai/x]}}}", "routes.r.variants.a.models[1]", "no provider is called 'opnai'. Did you mean 'openai'?"),
        ("{variants: {a: {model: gpt-4o}}}", "routes.r.variants.a.model", "expected provider/model, got 'gpt-4o'."),
        ("{variants: {a: fast}}", "routes.r.variants.a", "expected provider/model, got 'fast'. Models can stand here, aliases cannot."),
        ("{variants: {a/b: openai/x}}", 'routes.r.variants["a/b"]', "expected a variant's name of letters, digits, '.', '_' and '-', got 'a/b'."),
        ("{variants: {a: {model: openai/x, parameters: {temperature: -1}}}}", "routes.r.variants.a.parameters.temperature", "expected 0 or more, got -1."),
        ("{variants: {a: {model: openai/x, parameters: {top_p: 0}}}}", "routes.r.variants.a.parameters.top_p", "expected a number above 0 to 1, got 0."),
        ("{variants: {a: {model: openai/x, parameters: {stop: []}}}}", "routes.r.variants.a.parameters.stop", "expected at least one sequence, none of them empty."),
        ("{variants: {a: {model: openai/x, parameters: {max_output_tokens: 0}}}}", "routes.r.variants.a.parameters.max_output_tokens", "expected a whole number, 1 or more, got 0: it must be 1 or more."),
        ("{variants: {a: {model: openai/x, parameters: {temperature: hot}}}}", "routes.r.variants.a.parameters.temperature", "expected a number, got 'hot'."),
        ("{variants: {a: {model: openai/x, parameters: {temperature: .inf}}}}", "routes.r.variants.a.parameters.temperature", "expected a number, got inf: it must be finite."),
        ("{variants: {a: openai/x}, retries: {base: 10s, cap: 1s}}", "routes.r.retries.base", "'base' is longer than 'cap', the longest wait."),
        ("{variants: {a: openai/x}, retries: {attempts: -1}}", "routes.r.retries.attempts", "expected a whole number, 0 or more, got -1: it must be 0 or more."),
        ("{variants: {a: openai/x}, cache: {}}", "routes.r.cache", "'ttl' is missing here."),
        ("{variants: {a: openai/x}, cache: {ttl: 1h, scope: everyone}}", "routes.r.cache.scope", "expected one of project, key, user, got 'everyone'."),
        ("{variants: {a: openai/x}, on_budget: {hard: stop}}", "routes.r.on_budget.hard", "expected refuse, got 'stop'."),
        ("{variants: {a: openai/x}, on_budget: {soft: {}}}", "routes.r.on_budget.soft", "expected exactly one of use, max_output_tokens, answer, got nothing."),
        ("{variants: {a: openai/x}, on_budget: {soft: {use: b}}}", "routes.r.on_budget.soft.use", "no variant of this route is called 'b'. Known: a."),
        ("openai/x", "routes.r", "expected a mapping, got 'openai/x'."),
    ],
)  # fmt: skip
def test_a_wrong_route_says_where_and_why(errors, route, field, message):
    assert errors(f"  r: {route}\n", "aliases: {fast: openai/x}\n") == [(6, field, message)]


def test_every_error_of_every_route_is_told_at_once(errors):
    found = errors("""\
  a:
    variants: {x: {model: nowhere/m, parameters: {temperature: hot}}}
    strategy: {fallback: [y, {weighted: {x: 0}}]}
  b:
    strategy: {conditional: [{if: '(', use: z}, {else: openai/m}]}
    cach: {ttl: 1h}
""")
    assert [(line, field) for line, field, _ in found] == [
        (6, "routes.a.variants.x.parameters.temperature"),
        (7, "routes.a.strategy.fallback[1].weighted"),
        (9, "routes.b.strategy.conditional[0].if"),
        (10, "routes.b"),
    ]


def test_a_name_stands_for_one_thing(errors):
    ((line, field, message),) = errors("  fast: {variants: {a: openai/x}}\n", "aliases: {fast: openai/x}\n")
    assert (line, field) == (6, "routes.fast")
    assert message == "an alias is called 'fast' too; a name stands for one thing."


def test_a_name_that_cannot_be_a_models_is_refused(errors):
    ((_, field, message),) = errors("  a/b: {variants: {a: openai/x}}\n")
    assert field == 'routes["a/b"]'
    assert message.startswith("expected a route's name of letters, digits")


def test_judges_that_ask_each_other_are_refused_on_both_sides(errors):
    route = "{strategy: {cascade: {steps: [openai/a, openai/b], checks: [{judge: %s}]}}}"
    found = errors(f"  a: {route % 'b'}\n  b: {route % 'c'}\n  c: {route % 'b'}\n  d: {route % 'c'}\n")
    assert [(line, field) for line, field, _ in found] == [
        (6, "routes.b.strategy.cascade.checks[0].judge"),
        (7, "routes.c.strategy.cascade.checks[0].judge"),
    ]


def test_warnings_tell_of_spare_variants_and_hidden_models(load):
    loaded = load("  gpt-4o: {variants: {a: openai/gpt-4o, b: openai/gpt-4o-mini}, strategy: a}\n")
    assert loaded.warnings == (
        "routes.gpt-4o: the provider openai has a model of this name; it is called openai/gpt-4o now.",
        "routes.gpt-4o.variants.b: nothing uses this variant.",
    )


# --- properties -------------------------------------------------------------------------------

names = st.sampled_from(["smart", "cheap", "openai/gpt-4o", "openai/other"])
weights = st.integers(0, 100) | st.floats(0, 10, allow_nan=False)


def splits(nodes):
    mapping = st.dictionaries(names, weights, min_size=1, max_size=3)
    return (
        mapping | st.lists(st.fixed_dictionaries({"weight": weights, "use": nodes}), min_size=1, max_size=3)
    ).filter(lambda split: sum(split.values() if isinstance(split, dict) else [one["weight"] for one in split]) > 0)


def composed(nodes):
    cohort = st.fixed_dictionaries(
        {"by": st.sampled_from(["user", "tag:team", "header:X-A"]), "split": splits(nodes)},
        optional={"salt": st.text("ab", min_size=1)},
    )
    checks = st.sampled_from(
        [{"json": True}, {"regex": "a+"}, {"regex": {"pattern": "b", "negate": True}}, {"logprob": {"at_least": -0.5}},
         {"json_schema": {"type": "object"}}, {"judge": "openai/judge"}]
    )  # fmt: skip
    return st.one_of(
        st.fixed_dictionaries({"weighted": splits(nodes)}),
        st.fixed_dictionaries({"fallback": st.lists(nodes, min_size=1, max_size=3)}),
        st.tuples(nodes, nodes).map(lambda two: {"conditional": [{"if": "stream", "use": two[0]}, {"else": two[1]}]}),
        st.fixed_dictionaries({"cohort": cohort}),
        st.fixed_dictionaries({"sticky": cohort}),
        st.fixed_dictionaries(
            {"shadow": st.fixed_dictionaries({"use": nodes, "to": nodes}, optional={"sample": st.just("7%")})}
        ),
        st.fixed_dictionaries(
            {
                "cascade": st.fixed_dictionaries(
                    {
                        "steps": st.lists(nodes, min_size=2, max_size=3),
                        "checks": st.lists(checks, min_size=1, max_size=2),
                    }
                )
            }
        ),
        st.fixed_dictionaries(
            {
                "hedge": st.fixed_dictionaries(
                    {"use": nodes, "backup": nodes},
                    optional={"after": st.sampled_from(["p95", "250ms", 2]), "at_least": st.just("1.5s")},
                )
            }
        ),
    )


@st.composite
def strategies(draw, depth=3):
    """A tree of strategies, at most so deep."""
    if depth == 0 or draw(st.booleans()):
        return draw(names)
    return draw(composed(strategies(depth=depth - 1)))


VALIDATOR = jsonschema.Draft202012Validator(json_schema())


@given(strategy=strategies())
def test_whatever_composes_is_read_and_written_back_the_same_and_fits_the_schema(strategy):
    document = {"variants": {"smart": "openai/gpt-4o", "cheap": "openai/gpt-4o-mini"}, "strategy": strategy}
    VALIDATOR.validate({"routes": {"r": document}})
    entry = compile_document(document)
    written = route_document(entry)
    VALIDATOR.validate({"routes": {"r": written}})
    assert compile_document(written) == entry
    assert route_document(compile_document(written)) == written
    assert msgspec.json.decode(msgspec.json.encode(entry), type=RouteEntry) == entry
