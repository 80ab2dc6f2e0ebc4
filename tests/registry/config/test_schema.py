import copy

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import ConfigError
from penstock.registry.config import load_config
from penstock.registry.config.bind import fields_of
from penstock.registry.config.schema import field_docs, json_schema
from penstock.registry.config.types import Config

VALIDATOR = jsonschema.Draft202012Validator(json_schema())

GOOD = {
    "version": 1,
    "x-anything": {"a": 1},
    "providers": {
        "openai": {"api_key": "env:K", "models": ["gpt-4o"], "timeouts": {"gap": "2m", "total": 900}},
        "gpu": {
            "kind": "openai",
            "base_url": "http://127.0.0.1:8000/v1",
            "models": {"a": {"price": {"input": 0.1, "output": "2.5"}}, "b": None},
            "headers": {"X-A": "b"},
            "responses": "convert",
        },
    },
    "aliases": {"fast": "openai/gpt-4o", "two": {"targets": ["gpu/a", "gpu/b"]}},
    "prices": [{"provider": "gpu", "model": "*", "input": 1, "output": 2, "cache_read": 0.5}],
    "gateway": {"max_body": "1MiB", "drain": "10s", "record_content": False, "upstream_connections": 5},
    "journal": {"on_full": "shed", "max_bytes": 1000000},
}


def parses(tree, path):
    path.write_bytes(msgspec.json.encode(tree))
    try:
        load_config(path, environment={})
    except ConfigError:
        return False
    return True


def test_the_schema_is_a_valid_schema_and_accepts_what_the_parser_accepts(tmp_path):
    jsonschema.Draft202012Validator.check_schema(json_schema())
    VALIDATOR.validate(GOOD)
    VALIDATOR.validate(None)
    assert parses(GOOD, tmp_path / "p.yaml")


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("version",), 2),
        (("provders",), {}),
        (("providers", "openai", "api_key"), "sk-123"),
        (("providers", "openai", "apikey"), "env:K"),
        (("providers", "gpu", "kind"), "opena"),
        (("providers", "gpu", "base_url"), "ftp://x"),
        (("providers", "gpu", "any_model"), "yes"),
        (("providers", "openai", "timeouts", "gap"), "2 weeks"),
        (("providers", "openai", "models"), [""]),
        (("providers", "gpu", "models", "a"), {"prices": {}}),
        (("providers", "gpu", "models", "a"), {"price": {"input": 1}}),
        (("providers", "a b"), {"kind": "openai"}),
        (("aliases", "a/b"), "gpu/a"),
        (("aliases", "fast"), {"targets": "gpu/a"}),
        (("prices",), [{"provider": "gpu", "model": "*", "input": -1, "output": 2}]),
        (("gateway", "max_body"), "1.5 MiB"),
        (("gateway", "upstream_connections"), "many"),
        (("journal", "on_full"), "drop"),
    ],
)
def test_schema_and_parser_refuse_the_same(tmp_path, place, value):
    tree = copy.deepcopy(GOOD)
    inner = tree
    for name in place[:-1]:
        inner = inner[name]
    inner[place[-1]] = value
    assert not VALIDATOR.is_valid(tree)
    assert not parses(tree, tmp_path / "p.yaml")


scalars = st.sampled_from(
    [None, True, 0, 1, 2.5, -1, "", "10s", "1MiB", "env:K", "openai", "http://x/v1", "0.5", "native"]
)


@given(
    place=st.sampled_from(
        [("gateway", name) for name in fields_of(Config)]
        + [
            ("gateway", "max_body"),
            ("gateway", "drain"),
            ("gateway", "record_content"),
            ("gateway", "upstream_connections"),
            ("journal", "on_full"),
            ("journal", "max_bytes"),
            ("providers", "gpu", "kind"),
            ("providers", "gpu", "base_url"),
            ("providers", "gpu", "api_key"),
            ("providers", "gpu", "models"),
            ("providers", "gpu", "responses"),
            ("providers", "gpu", "headers"),
            ("providers", "gpu", "timeouts", "gap"),
            ("aliases",),
            ("prices",),
            ("version",),
        ]
    ),
    value=scalars
    | st.lists(scalars, max_size=2)
    | st.dictionaries(st.sampled_from(["a", "input"]), scalars, max_size=2),
)
def test_the_schema_never_refuses_what_the_parser_accepts(tmp_path_factory, place, value):
    tree = copy.deepcopy(GOOD)
    inner = tree
    for name in place[:-1]:
        inner = inner.setdefault(name, {})
    inner[place[-1]] = value
    if parses(tree, tmp_path_factory.getbasetemp() / "schema.yaml"):
        VALIDATOR.validate(tree)


def structs(struct):
    """A struct of the file and all that its fields hold."""
    yield struct
    for inner in msgspec.Struct.__subclasses__():
        if inner.__module__ == struct.__module__:
            yield inner
            yield from (sub for sub in inner.__subclasses__() if sub.__module__ == struct.__module__)


@pytest.mark.parametrize("struct", sorted(set(structs(Config)), key=lambda one: one.__name__))
def test_every_field_of_the_file_is_documented(struct):
    assert struct.__doc__
    assert set(field_docs(struct)) == set(fields_of(struct))
