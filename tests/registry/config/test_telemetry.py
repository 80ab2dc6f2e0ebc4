"""The section `telemetry` of penstock.yaml."""

import pytest

from penstock.registry.config import InvalidConfig, load_config
from penstock.registry.config.diff import diff
from penstock.registry.config.write import as_yaml
from penstock.wire.snapshot import ExportEntry

WHOLE = """
telemetry:
  export:
    - url: https://otlp.example.com/v1/traces
      headers: {Authorization: env:TOKEN, x-key: file:key.txt, x-team: blue}
      filter: "kind:llm cost>0.01"
      content: false
    - url: http://127.0.0.1:4318/v1/traces
"""


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "penstock.yaml"
        path.write_text(text)
        return load_config(path, environment={})

    return load


def test_exports_are_read_with_the_place_of_their_secrets(load, tmp_path):
    first, second = load(WHOLE).telemetry.export
    assert first == ExportEntry(
        url="https://otlp.example.com/v1/traces",
        headers={"Authorization": "env:TOKEN", "x-key": f"file:{tmp_path / 'key.txt'}", "x-team": "blue"},
        filter="kind:llm cost>0.01",
        content=False,
    )
    assert (second.headers, second.filter, second.content) == ({}, None, True)
    assert load("").telemetry.export == ()


def test_what_is_shown_loads_as_the_same(load):
    loaded = load(WHOLE)
    assert load(as_yaml(loaded)).telemetry == loaded.telemetry
    assert [difference.path for difference in diff(load(""), loaded)]


@pytest.mark.parametrize(
    ("export", "message"),
    [
        ("{url: ftp://x/v1/traces}", "expected an address like"),
        ("{url: 'https://me:pw@x/v1/traces'}", "expected an address like"),
        ("{url: 'https://x.example.com'}", "without a path"),
        ("{url: 'https://x/v1/traces', headers: {'bad name': x}}", "not a header"),
        ("{url: 'https://x/v1/traces', headers: {content-encoding: br}}", "not a header"),
        ("{url: 'https://x/v1/traces', headers: {authorization: Bearer secret}}", "carries a secret"),
        ("{url: 'https://x/v1/traces', headers: {x-key: 'secret:mine'}}", "carries a secret"),
        ("{url: 'https://x/v1/traces', filter: 'nonsense:('}", "the search cannot be read"),
        ("{url: 'https://x/v1/traces', filter: 'score.helpful<3'}", "before they are scored"),
    ],
)
def test_what_cannot_work_is_refused_where_it_stands(load, export, message):
    with pytest.raises(InvalidConfig, match=r"telemetry\.export\[0\]") as caught:
        load(f"telemetry: {{export: [{export}]}}")
    assert message in str(caught.value)
    assert "Bearer secret" not in str(caught.value)
