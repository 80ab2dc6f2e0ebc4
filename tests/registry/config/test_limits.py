"""The sections `limits` and `redis`, several keys of a provider, and its breaker."""
# ruff: noqa: E501 - one case of a table is one line

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.registry.config import InvalidConfig, load_config
from penstock.registry.config.bind import Binder
from penstock.registry.config.checks import STRUCT_CHECKS
from penstock.registry.config.document import as_item
from penstock.registry.config.limit_types import LimitConfig
from penstock.registry.config.limits import limit_document, limit_entry
from penstock.registry.config.schema import json_schema
from penstock.registry.config.write import as_document, as_yaml
from penstock.wire.limits import Budget, LimitEntry, RedisSettings, needs_shared_counters
from penstock.wire.routing import Breaker, Retries
from penstock.wire.snapshot import ProviderKey, Snapshot


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "penstock.yaml"
        path.write_text(text)
        return load_config(path, environment={"K": "x", "R": "redis://x"})

    return load


@pytest.fixture
def errors(load):
    def errors(text):
        with pytest.raises(InvalidConfig) as caught:
            load(text)
        return [str(error).partition("penstock.yaml:")[2] for error in caught.value.errors]

    return errors


def test_a_limit_is_read_into_the_snapshots_terms(load):
    loaded = load("""\
limits:
  - name: team
    on: key
    match: ci
    project: default
    requests_per_second: 1
    requests_per_minute: 2
    requests_per_day: 3
    tokens_per_minute: 4
    tokens_per_day: 5
    parallel: 6
    budget: {hour: $0.25, day: {hard: 5, soft: "4.5"}, month: {soft: $100}}
  - {name: all, on: organisation, budget: {day: 10}}
""")
    assert loaded.limits == (
        LimitEntry(
            name="team",
            level="key",
            match="ci",
            project="default",
            requests_per_second=1,
            requests_per_minute=2,
            requests_per_day=3,
            tokens_per_minute=4,
            tokens_per_day=5,
            parallel=6,
            budgets=(
                Budget(window="hour", hard=250_000_000),
                Budget(window="day", hard=5_000_000_000, soft=4_500_000_000),
                Budget(window="month", soft=100_000_000_000),
            ),
        ),
        LimitEntry(name="all", level="organisation", budgets=(Budget(window="day", hard=10_000_000_000),)),
    )
    assert loaded.lines == {"limits.team": 2, "limits.all": 13}
    assert load(as_yaml(loaded)).limits == loaded.limits


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ("{name: a, on: key}", "1: limits[0]: it limits nothing: expected at least one of requests_per_second, requests_per_minute, requests_per_day, tokens_per_minute, tokens_per_day, parallel, budget."),
        ("{on: key, parallel: 1}", "1: limits[0]: 'name' is missing here."),
        ("{name: a b, on: key, parallel: 1}", "1: limits[0].name: expected a name of letters, digits, '.', '_' and '-', got 'a b'."),
        ("{name: a, on: keys, parallel: 1}", "1: limits[0].on: expected one of organisation, project, key, user, tag, got 'keys'. Did you mean 'key'?"),
        ("{name: a, on: key, parallel: 0}", "1: limits[0].parallel: expected a whole number, 1 or more, got 0: it must be 1 or more."),
        ("{name: a, on: key, parallel: 1.5}", "1: limits[0].parallel: expected a whole number, 1 or more, got 1.5."),
        ("{name: a, on: key, paralel: 1}", "1: limits[0]: 'paralel' is not a field here. Did you mean 'parallel'?"),
        ("{name: a, on: organisation, match: x, parallel: 1}", "1: limits[0].match: there is one organisation, so a limit on it matches nothing in particular."),
        ("{name: a, on: tag, parallel: 1}", "1: limits[0]: a limit on a tag says which: expected NAME=VALUE, or NAME for each of its values by itself."),
        ("{name: a, on: tag, match: '=x', parallel: 1}", "1: limits[0].match: a limit on a tag says which: expected NAME=VALUE, or NAME for each of its values by itself."),
        ("{name: a, on: project, match: x, project: y, parallel: 1}", "1: limits[0].match: a limit on a project has 'match' or 'project', not both."),
        ("{name: a, on: key, budget: {}}", "1: limits[0].budget: expected at least one of hour, day, month."),
        ("{name: a, on: key, budget: {day: {}}}", "1: limits[0].budget.day: expected 'hard', 'soft', or both."),
        ("{name: a, on: key, budget: {day: {hard: $1, soft: $1}}}", "1: limits[0].budget.day.soft: 'soft' must be below 'hard', or it would warn of nothing."),
        ("{name: a, on: key, budget: {day: 5 EUR}}", "1: limits[0].budget.day: expected US dollars such as $5 or $0.25, got '5 EUR'."),
        ("{name: a, on: key, budget: {day: $0.0000000001}}", "1: limits[0].budget.day: expected US dollars such as $5 or $0.25, got '$0.0000000001'."),
        ("{name: a, on: key, budget: {day: $2000000000}}", "1: limits[0].budget.day: expected US dollars such as $5 or $0.25, got '$2000000000': it is over $1,000,000,000."),
        ("{name: a, on: key, budget: {week: $1}}", "1: limits[0].budget: 'week' is not a field here. Known here: hour, day, month."),
    ],
)  # fmt: skip
def test_a_wrong_limit_says_where_and_why(errors, limit, message):
    assert errors(f"limits: [{limit}]") == [message]


def test_two_limits_of_one_name_are_refused(errors):
    assert errors("limits:\n- {name: a, on: key, parallel: 1}\n- {name: a, on: user, parallel: 1}\n") == [
        "3: limits[1].name: the limit 'a' stands here a second time; the first is limits[0]."
    ]


amounts = st.integers(1, 10**15)
budgets = st.one_of(
    amounts.map(lambda hard: {"hard": hard}),
    amounts.map(lambda soft: {"soft": soft}),
    st.tuples(amounts, amounts).filter(lambda two: two[0] < two[1]).map(lambda two: {"soft": two[0], "hard": two[1]}),
)
VALIDATOR = jsonschema.Draft202012Validator(json_schema())


@given(
    count=st.integers(1, 10**9),
    windows=st.dictionaries(st.sampled_from(["hour", "day", "month"]), budgets, max_size=3),
)
def test_every_limit_is_written_back_to_the_nano_dollar(count, windows):
    found = {
        window: Budget(window=window, **windows[window]) for window in ("hour", "day", "month") if window in windows
    }
    entry = LimitEntry(name="a", level="user", parallel=count, budgets=tuple(found.values()))
    document = limit_document(entry)
    VALIDATOR.validate({"limits": [document]})
    binder = Binder("", STRUCT_CHECKS)
    config = binder.bind(as_item(document), LimitConfig)
    assert config is not None, binder.errors
    assert limit_entry(config) == entry


# --- redis ------------------------------------------------------------------------------------


def test_redis_is_read_and_shown(load, tmp_path):
    loaded = load("redis: {url: 'rediss://cache.internal:6380/1', on_lost: open, timeout: 100ms, prefix: a:b}")
    assert loaded.redis == RedisSettings(
        url="rediss://cache.internal:6380/1", on_lost="open", timeout=0.1, prefix="a:b"
    )
    assert load(as_yaml(loaded)).redis == loaded.redis
    assert load("redis: {url: env:R}").redis == RedisSettings(url="env:R")
    assert load("redis: {url: file:r.txt}").redis == RedisSettings(url=f"file:{tmp_path / 'r.txt'}")
    assert load("redis: {url: 'unix:///run/redis.sock'}").redis == RedisSettings(url="unix:///run/redis.sock")
    assert load("").redis is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://x", "it must begin with redis://, rediss:// or unix://"),
        ("redis://", "it names no server"),
        ("unix://", "it names no server"),
        ("redis://x:0", "it names no server"),
        ("redis://x:y", "it is not a URL"),
        ("redis://x y", "it has characters that a URL cannot have"),
        ("redis://:hunter2secret@x", "its password must not stand in the file; write the whole address as env:NAME or file:PATH"),
    ],
)  # fmt: skip
def test_a_wrong_address_says_why_and_shows_no_password(errors, url, reason):
    (error,) = errors(f"redis: {{url: '{url}'}}")
    assert error.endswith(f": {reason}.")
    assert "hunter2" not in error


def test_a_wrong_prefix_is_refused(errors):
    assert errors("redis: {url: redis://x, prefix: 'a b'}") == [
        "1: redis.prefix: expected letters, digits, '.', '_', ':' and '-', got 'a b'."
    ]


def test_limits_without_redis_need_one_worker():
    limit = LimitEntry(name="a", level="key", parallel=1)
    assert needs_shared_counters(Snapshot(version=1, created=1, limits=(limit,)))
    assert not needs_shared_counters(Snapshot(version=1, created=1))
    redis = RedisSettings(url="redis://x")
    assert not needs_shared_counters(Snapshot(version=1, created=1, limits=(limit,), redis=redis))


# --- providers and the gateway ----------------------------------------------------------------


def test_several_keys_a_breaker_and_the_gateways_settings_are_read_and_shown(load, tmp_path):
    loaded = load("""\
providers:
  up:
    kind: openai
    base_url: http://127.0.0.1:1/v1
    keys: [{name: first, secret: env:K, weight: 3}, {name: second, secret: file:k, weight: 0}, {name: third, secret: secret:up}]
    breaker: {error_rate: 25%, slow_rate: 0.5, slow_after: 5s, minimum: 4, window: 1m, open_for: 2s, open_for_at_most: 1m, probes: 1, ramp: 5s}
gateway: {estimate_output_tokens: 500, cache_bytes: 1MiB, retries: {attempts: 3, budget: 0.1}}
""")
    up = loaded.providers["up"]
    assert up.keys == (
        ProviderKey(name="first", secret="env:K", weight=3.0),
        ProviderKey(name="second", secret=f"file:{tmp_path / 'k'}", weight=0.0),
        ProviderKey(name="third", secret="secret:up"),
    )
    assert up.breaker == Breaker(
        error_rate=0.25, slow_rate=0.5, slow_after=5.0, minimum=4, window=60.0, open_for=2.0, open_for_at_most=60.0, probes=1, ramp=5.0
    )  # fmt: skip
    assert (loaded.gateway.estimate_output_tokens, loaded.gateway.cache_bytes) == (500, 1024**2)
    assert loaded.gateway.retries == Retries(attempts=3, budget=0.1)
    assert len(loaded.warnings) == 1  # the file is not there; what is stored is not asked
    assert "providers.up.keys[1].secret" in loaded.warnings[0]
    again = load(as_yaml(loaded))
    assert (again.providers, again.gateway) == (loaded.providers, loaded.gateway)
    assert as_document(again) == as_document(loaded)


@pytest.mark.parametrize(
    ("provider", "message"),
    [
        ("api_key: env:K, keys: [{name: a, secret: env:K}]", "providers.up.keys: expected api_key or keys, got both."),
        ("keys: []", "providers.up.keys: expected at least one key."),
        ("keys: [{name: a, secret: env:K, weight: 0}]", "providers.up.keys: the weights sum to 0, so no key would ever be used."),
        ("keys: [{name: a, secret: env:K}, {name: a, secret: env:K}]", "providers.up.keys[1].name: the name 'a' stands here twice."),
        ("keys: [{name: a b, secret: env:K}]", "providers.up.keys[0].name: expected letters, digits, '.', '_' and '-', got 'a b'."),
        ("keys: [{name: a, secret: sk-abcdefgh}]", "providers.up.keys[0].secret: expected a reference to a secret, env:NAME, file:PATH or secret:NAME: the secret itself must not stand in the file; put it into an environment variable and write env:NAME, or into a file of its own and write file:PATH, or store it and write secret:NAME."),
        ("breaker: {error_rate: 0}", "providers.up.breaker.error_rate: expected more than 0, or it would open at once."),
        ("breaker: {open_for: 10m}", "providers.up.breaker.open_for: 'open_for' is longer than 'open_for_at_most'."),
    ],
)  # fmt: skip
def test_wrong_keys_and_breakers_say_where_and_why(errors, provider, message):
    assert errors(f"providers: {{up: {{kind: openai, {provider}}}}}") == [f"1: {message}"]
