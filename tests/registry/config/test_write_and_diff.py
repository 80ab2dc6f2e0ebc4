import pytest

from penstock.registry.config import load_config
from penstock.registry.config.diff import Difference, describe, diff
from penstock.registry.config.write import as_document, as_yaml
from penstock.wire.snapshot import GatewaySettings

BASE = """
providers:
  openai: {api_key: env:K, models: [a]}
  gpu:
    kind: openai
    base_url: https://gpu/v1
    api_key: file:/k
    headers: {X-A: b}
    models: {m: {price: {input: 0.123456789, output: 2}}}
    timeouts: {connect: 1500ms}
aliases: {fast: openai/a}
prices:
  - {provider: openai, model: "a*", input: 1, output: 2, cache_read: 0}
gateway: {max_body: 3MiB, keepalive: 90s}
"""


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "penstock.yaml"
        path.write_text(text)
        return load_config(path, environment={})

    return load


def test_what_is_shown_loads_as_the_same_configuration(load):
    loaded = load(BASE)
    again = load(as_yaml(loaded))
    assert diff(loaded, again) == []
    assert again.providers == loaded.providers
    assert again.prices == loaded.prices
    assert as_document(again) == as_document(loaded)


def test_what_is_shown_is_written_as_people_write_it(load):
    document = as_document(load(BASE))
    assert document["providers"]["gpu"]["timeouts"]["connect"] == "1.5s"
    assert document["gateway"]["max_body"] == "3MiB"
    assert document["gateway"]["keepalive"] == "90s"
    assert document["prices"][0]["input"] == "0.123456789"
    assert "reasoning" not in document["prices"][0]


def test_equal_configurations_do_not_differ(load):
    assert diff(load(BASE), load(f"# another comment\n{BASE}")) == []


def test_every_kind_of_difference_is_described(load):
    changed = (
        BASE.replace("connect: 1500ms", "connect: 2s")
        .replace("aliases: {fast: openai/a}", "aliases: {slow: gpu/m}")
        .replace("max_body: 3MiB, ", "")
        .replace("X-A: b", "X-B: c")
        .replace("input: 1,", "input: 3,")
    )
    assert [describe(one) for one in diff(load(BASE), load(changed))] == [
        "- providers.gpu.headers.X-A",
        '+ providers.gpu.headers.X-B: "c"',
        "~ providers.gpu.timeouts.connect: 1.5 → 2.0",
        "- aliases.fast",
        "+ aliases.slow",
        "~ prices[1].input: 1000000000 → 3000000000",
        f"~ gateway.max_body: 3145728 → {GatewaySettings().max_body}",
    ]


def test_a_difference_carries_both_values(load):
    (difference,) = diff(load(BASE), load(BASE.replace("90s", "15s")))
    assert difference == Difference(change="changed", path="gateway.keepalive", before=90.0, after=15.0)


def test_a_long_value_is_cut_in_its_description():
    line = describe(Difference(change="changed", path="p", before="x" * 500, after=1))
    assert len(line) < 150
    assert "…" in line
