import contextlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import ConfigError
from penstock.registry.config import InvalidConfig, load_config, providers_configured
from penstock.registry.config.bind import fields_of
from penstock.registry.config.document import MAX_BYTES
from penstock.registry.config.types import Config
from penstock.registry.config.write import as_yaml
from penstock.wire.snapshot import AliasEntry, GatewaySettings, JournalSettings, PriceEntry, ProviderEntry, Timeouts

DURATION = "a duration such as 500ms, 10s, 2m"


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "penstock.yaml"
        path.write_text(text) if isinstance(text, str) else path.write_bytes(text)
        return path

    return write


@pytest.fixture
def errors(write):
    """Writes a file and gives its errors as `line: field: text`."""

    def errors(text, **options):
        with pytest.raises(InvalidConfig) as caught:
            load_config(write(text), environment={}, **options)
        assert all(error.file.endswith("penstock.yaml") for error in caught.value.errors)
        return [str(error).partition("penstock.yaml:")[2] for error in caught.value.errors]

    return errors


# --- what a valid file gives ------------------------------------------------------------------


def test_a_whole_file_is_read_into_the_snapshots_terms(write):
    path = write("""
version: 1
x-shared:
  slow: &slow {first_byte: 5m, total: 1h}
providers:
  openai:
    api_key: env:OPENAI_API_KEY
    models: [gpt-4o]
    timeouts: {connect: 500ms}
  gpu:
    kind: openai
    base_url: https://gpu.internal:8000/v1/
    api_key: file:keys/gpu.txt
    headers: {X-Team: blue, Authorization: env:GPU_TOKEN}
    models:
      llama-3: {price: {input: 0.2, output: "0.60", cache_read: 0}}
      qwen-3:
    any_model: false
    responses: convert
    passthrough: calls
    price_as: together
    timeouts: *slow
  claude: {kind: anthropic, api_version: "2023-06-01"}
aliases:
  fast: openai/gpt-4o
  careful: {targets: [gpu/llama-3, claude/claude-sonnet-4-5]}
prices:
  - {provider: "*", model: "gpt-*", input: 1, output: 2.5}
gateway: {max_body: 1MiB, max_upload: 2GiB, keepalive: 5, record_content: false, upstream_connections: 10}
journal: {on_full: shed, max_bytes: 2GB, segment_seconds: 1s}
""")
    loaded = load_config(path, environment={"OPENAI_API_KEY": "x", "GPU_TOKEN": "y"})
    assert loaded.file == str(path)
    assert loaded.providers == {
        "openai": ProviderEntry(
            name="openai",
            kind="openai",
            base_url="https://api.openai.com/v1",
            api_key="env:OPENAI_API_KEY",
            models=("gpt-4o",),
            price_as="openai",
            timeouts=Timeouts(connect=0.5),
        ),
        "gpu": ProviderEntry(
            name="gpu",
            kind="openai",
            base_url="https://gpu.internal:8000/v1",
            api_key=f"file:{path.parent}/keys/gpu.txt",
            headers={"X-Team": "blue", "Authorization": "env:GPU_TOKEN"},
            models=("llama-3", "qwen-3"),
            any_model=False,
            responses="convert",
            passthrough="calls",
            price_as="together",
            timeouts=Timeouts(first_byte=300.0, total=3600.0),
        ),
        "claude": ProviderEntry(
            name="claude", kind="anthropic", base_url="https://api.anthropic.com/v1", api_version="2023-06-01"
        ),
    }
    assert loaded.aliases == {
        "fast": AliasEntry(name="fast", targets=("openai/gpt-4o",)),
        "careful": AliasEntry(name="careful", targets=("gpu/llama-3", "claude/claude-sonnet-4-5")),
    }
    assert loaded.prices == (
        PriceEntry(provider="gpu", model="llama-3", input=200_000_000, output=600_000_000, cache_read=0),
        PriceEntry(provider="*", model="gpt-*", input=1_000_000_000, output=2_500_000_000),
    )
    assert loaded.gateway == GatewaySettings(
        max_body=1024**2, max_upload=2 * 1024**3, keepalive=5.0, record_content=False, upstream_connections=10
    )
    assert loaded.journal == JournalSettings(on_full="shed", max_bytes=2_000_000_000, segment_seconds=1.0)
    assert [warning.split(":")[0] for warning in loaded.warnings] == ["providers.gpu.api_key"]


def test_the_defaults_of_the_file_are_the_defaults_of_the_snapshot(write):
    loaded = load_config(write("providers: {p: {kind: openai}}\ngateway:\njournal: {}\n"), environment={})
    assert loaded.gateway == GatewaySettings()
    assert loaded.journal == JournalSettings()
    assert loaded.providers["p"].timeouts == Timeouts()


@pytest.mark.parametrize("text", ["", "\n# only a comment\n", "---\n", "~", "version: 1\n", "providers:\n"])
def test_a_file_without_providers_leaves_them_to_the_environment(write, text):
    loaded = load_config(write(text), environment={"MISTRAL_API_KEY": "x"})
    assert list(loaded.providers) == ["mistral"]


def test_an_empty_section_of_providers_means_none(write):
    loaded = load_config(write("providers: {}\n"), environment={"MISTRAL_API_KEY": "x"})
    assert loaded.providers == {}


def test_a_byte_order_mark_is_no_error(write):
    assert load_config(write(b"\xef\xbb\xbfproviders: {p: {kind: openai}}"), environment={}).providers


def test_a_vendors_name_fills_in_the_rest_unless_the_file_says_otherwise(write):
    loaded = load_config(
        write("""
providers:
  mistral: {api_key: env:M}
  groq: {base_url: http://127.0.0.1:9/v1, models: [m]}
  deepseek: {kind: anthropic}
"""),
        environment={"M": "x"},
    )
    mistral, groq, deepseek = loaded.providers.values()
    assert (mistral.base_url, mistral.price_as, mistral.responses) == (
        "https://api.mistral.ai/v1",
        "mistral",
        "convert",
    )
    assert "mistral-large-2512" in mistral.models
    assert (groq.kind, groq.price_as, groq.responses, groq.models) == ("openai", None, "native", ("m",))
    assert (deepseek.kind, deepseek.base_url, deepseek.models) == ("anthropic", "https://api.anthropic.com/v1", ())


def test_azure_has_a_default_api_version(write):
    text = "providers: {azure: {kind: azure, base_url: https://x.openai.azure.com}}"
    assert load_config(write(text), environment={}).providers["azure"].api_version == "2024-10-21"


def test_anchors_and_merges_are_followed_and_explicit_keys_win(write):
    loaded = load_config(
        write("""
providers:
  a: &a {kind: openai, base_url: http://127.0.0.1/a, any_model: false, models: [m]}
  b: {<<: *a, base_url: http://127.0.0.1/b}
  c: {<<: [{responses: convert}, *a]}
"""),
        environment={},
    )
    assert [provider.base_url for provider in loaded.providers.values()] == [
        "http://127.0.0.1/a",
        "http://127.0.0.1/b",
        "http://127.0.0.1/a",
    ]
    assert loaded.providers["c"].responses == "convert"


# --- without a file ---------------------------------------------------------------------------


def test_without_a_file_each_vendor_whose_key_is_set_is_a_provider(tmp_path):
    environment = {
        "OPENAI_API_KEY": "1",
        "ANTHROPIC_API_KEY": "2",
        "GOOGLE_API_KEY": "3",
        "GROQ_API_KEY": "",
        "AZURE_OPENAI_API_KEY": "4",
        "AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com/",
        "OPENAI_API_VERSION": "2025-01-01",
    }
    loaded = load_config(tmp_path / "none.yaml", environment=environment)
    assert loaded.file is None
    assert [(p.name, p.kind, p.api_key, p.price_as) for p in loaded.providers.values()] == [
        ("openai", "openai", "env:OPENAI_API_KEY", "openai"),
        ("anthropic", "anthropic", "env:ANTHROPIC_API_KEY", "anthropic"),
        ("gemini", "gemini", "env:GOOGLE_API_KEY", "google"),
        ("azure", "azure", "env:AZURE_OPENAI_API_KEY", "azure"),
    ]
    assert loaded.providers["azure"].base_url == "https://x.openai.azure.com"
    assert loaded.providers["azure"].api_version == "2025-01-01"
    assert "gpt-4o-mini" in loaded.providers["openai"].models
    assert all(
        model.startswith(("gemini-", "gemma-", "text-embedding-")) for model in loaded.providers["gemini"].models
    )
    assert loaded.warnings == ()


def test_azure_needs_key_and_endpoint(tmp_path):
    environment = {"AZURE_OPENAI_API_KEY": "4"}
    assert load_config(tmp_path / "none.yaml", environment=environment).providers == {}


SIM = {"sim": ProviderEntry(name="sim", kind="openai", base_url="http://127.0.0.1:1/v1")}


def test_the_fallback_serves_only_when_nothing_else_does(tmp_path, write):
    assert load_config(tmp_path / "none.yaml", environment={}, fallback=SIM).providers == SIM
    assert list(load_config(tmp_path / "none.yaml", environment={"XAI_API_KEY": "x"}, fallback=SIM).providers) == [
        "xai"
    ]
    with_alias = write("aliases: {fast: sim/gpt-4o}")
    assert load_config(with_alias, environment={}, fallback=SIM).aliases["fast"].targets == ("sim/gpt-4o",)


@pytest.mark.parametrize(
    ("text", "environment", "expected"),
    [
        (None, {}, False),
        (None, {"OPENAI_API_KEY": "x"}, True),
        ("version: 1", {}, False),
        ("providers:", {"GROQ_API_KEY": "x"}, True),
        ("providers: {}", {"GROQ_API_KEY": "x"}, False),
        ("providers: {p: {kind: openai}}", {}, True),
        ("providers: [", {}, True),
        ("providers: 3", {}, True),
    ],
)
def test_whether_providers_are_configured_is_told_without_loading_prices(tmp_path, write, text, environment, expected):
    path = tmp_path / "penstock.yaml"
    if text is not None:
        write(text)
    assert providers_configured(path, environment=environment) is expected


# --- errors -----------------------------------------------------------------------------------

VALID = "providers: {openai: {api_key: env:K}, gpu: {kind: openai, models: [llama-3], any_model: false}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version: 2", "1: version: expected 1, got 2."),
        ("version: true", "1: version: expected 1, got true."),
        ("provders: {}", "1: 'provders' is not a field here. Did you mean 'providers'?"),
        ("zzz: {}", f"1: 'zzz' is not a field here. Known here: {', '.join(fields_of(Config))}."),
        ("[1, 2]", "1: expected a mapping, got a list."),
        ("just text", "1: expected a mapping, got 'just text'."),
        ("providers: [openai]", "1: providers: expected a mapping, got a list."),
        ("providers: {openai: env:K}", "1: providers.openai: expected a mapping, got 'env:K'."),
        (
            "providers: {p: {}}",
            (
                "1: providers.p: 'kind' is missing here: expected one of openai, azure, anthropic, "
                "gemini. Any OpenAI-compatible server is of kind openai."
            ),
        ),
        (
            "providers: {opnai: {}}",
            (
                "1: providers.opnai: 'kind' is missing here: expected one of openai, azure, "
                "anthropic, gemini. Did you mean 'openai'?"
            ),
        ),
        (
            "providers: {p: {kind: Anthropic}}",
            (
                "1: providers.p.kind: expected one of openai, azure, anthropic, gemini, "
                "got 'Anthropic'. Did you mean 'anthropic'?"
            ),
        ),
        (
            "providers: {p: {kind: azure}}",
            (
                "1: providers.p: 'base_url' is missing here: a provider of kind azure needs "
                "the address of its resource. It looks like https://NAME.openai.azure.com."
            ),
        ),
        (
            "providers: {p: {kind: gemini, api_version: v1}}",
            "1: providers.p.api_version: a provider of kind gemini has no api_version.",
        ),
        (
            "providers: {a/b: {kind: openai}}",
            "1: providers[\"a/b\"]: expected a provider's name of letters, digits, '.', '_' and '-', got 'a/b'.",
        ),
        (
            "providers: {p: {kind: openai, any_model: false}}",
            (
                "1: providers.p.any_model: any_model is false, and no "
                "model is listed, so this provider would serve nothing. List its models."
            ),
        ),
        (
            "providers: {p: {kind: openai, any_model: no}}",
            "1: providers.p.any_model: expected true or false, got 'no'.",
        ),
        ("providers: {p: {kind: openai, models: [a, a]}}", "1: providers.p.models[1]: the model 'a' is listed twice."),
        (
            "providers: {p: {kind: openai, models: {'a*': }}}",
            "1: providers.p.models[\"a*\"]: expected the name of a model, got 'a*'.",
        ),
        ("providers: {p: {kind: openai, models: a}}", "1: providers.p.models: expected a list or a mapping, got 'a'."),
        (
            "providers: {p: {kind: openai, models: [4.5]}}",
            "1: providers.p.models[0]: expected a text, got 4.5. Put it between quotes.",
        ),
        (
            "providers: {p: {kind: openai, price_as: opnai}}",
            "1: providers.p.price_as: expected a provider of the price list, got 'opnai'. Did you mean 'openai'?",
        ),
        (
            "providers: {p: {kind: openai, headers: {'a b': x}}}",
            '1: providers.p.headers["a b"]: this is not a name that a header can have.',
        ),
        (
            "providers: {p: {kind: openai, headers: {Host: x}}}",
            "1: providers.p.headers.Host: the header Host belongs to the connection and cannot be set.",
        ),
        (
            "providers: {p: {kind: openai, timeouts: {gap: 1d}}}",
            "1: providers.p.timeouts.gap: expected a duration such as 500ms, 10s, 2m, got '1d'.",
        ),
        (f"{VALID}aliases: {{a: opnai/gpt-4o}}", "2: aliases.a: no provider is called 'opnai'. Did you mean 'openai'?"),
        (f"{VALID}aliases: {{a: zz/m}}", "2: aliases.a: no provider is called 'zz'. Known: openai, gpu."),
        (f"{VALID}aliases: {{a: gpt-4o}}", "2: aliases.a: expected provider/model, got 'gpt-4o'."),
        (
            f"{VALID}aliases: {{a: openai/x, b: a}}",
            "2: aliases.b: expected provider/model, got 'a'. Models can stand here, aliases cannot.",
        ),
        (
            f"{VALID}aliases: {{a: gpu/llama3}}",
            "2: aliases.a: the provider gpu does not list the model 'llama3'. Did you mean 'llama-3'?",
        ),
        (f"{VALID}aliases: {{a: {{targets: []}}}}", "2: aliases.a.targets: expected at least one target."),
        (
            f"{VALID}aliases: {{a: {{targets: [openai/x, openai/x]}}}}",
            "2: aliases.a.targets[1]: the target 'openai/x' stands here twice.",
        ),
        (f"{VALID}aliases: {{a: {{}}}}", "2: aliases.a: 'targets' is missing here."),
        (
            f"{VALID}aliases: {{a/b: openai/x}}",
            "2: aliases[\"a/b\"]: expected an alias of letters, digits, '.', '_', ':', '@' and '-', got 'a/b'.",
        ),
        (f"{VALID}aliases: {{a: [openai/x]}}", "2: aliases.a: expected a mapping or a text, got a list."),
        ("aliases: {a: openai/x}", "1: aliases.a: no provider is called 'openai'. No provider is configured."),
        (
            f"{VALID}prices:\n  - {{provider: gpo, model: m, input: 1, output: 1}}",
            "3: prices[0].provider: no provider is called 'gpo'. Did you mean 'gpu'?",
        ),
        (
            f"{VALID}prices:\n  - {{provider: gpu, model: '', input: 1, output: 1}}",
            "3: prices[0].model: expected a model's name, in which * stands for anything, got an empty text.",
        ),
        (f"{VALID}prices: [{{provider: gpu, model: m, input: 1}}]", "2: prices[0]: 'output' is missing here."),
        (
            "gateway: {max_body: 0}",
            "1: gateway.max_body: expected a size such as 64KiB, 32MiB, 20GiB, got 0: it must be larger than 0.",
        ),
        (
            "gateway: {upstream_connections: 0}",
            "1: gateway.upstream_connections: expected a number from 1 to 100000, got 0.",
        ),
        ("gateway: {upstream_connections: 1.5}", "1: gateway.upstream_connections: expected a whole number, got 1.5."),
        ("gateway: {upstream_connections: -_}", "1: gateway.upstream_connections: expected a whole number, got '-_'."),
        (
            f"gateway: {{keepalive: {10**400}}}",
            f"1: gateway.keepalive: expected {DURATION}, got {10**400}: it must be longer than 0 and at most 168h.",
        ),
        ("gateway: {keepalive: ._}", "1: gateway.keepalive: expected a duration such as 500ms, 10s, 2m, got '._'."),
        (
            f"{VALID}aliases: {{a: {{targets: [3]}}}}",
            "2: aliases.a.targets[0]: expected a text, got 3. Put it between quotes.",
        ),
        ("journal: {on_full: drop}", "1: journal.on_full: expected one of block, shed, got 'drop'."),
    ],
)
def test_an_error_names_line_and_field_what_was_expected_and_what_came(errors, text, expected):
    assert errors(text) == [expected]


def test_all_errors_of_a_file_are_told_at_once_in_its_order(errors):
    found = errors("""version: 3
providers:
  a:
    kind: opena
    base_url: ftp://x
  b: {kind: openai, modles: []}
aliases:
  x: c/m
gateway:
  drain: soon
""")
    assert [line.split(":")[0] for line in found] == ["1", "4", "5", "6", "8", "10"]


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: [1,\nb: 2\n", 3, "This is not valid YAML"),
        ("version: 1\na: b: c\n", 2, "mapping values are not allowed here"),
        ("version: 1\n\tx: 1", 2, "cannot start any token"),
        ("version: 1\nx: *nowhere", 2, "undefined alias"),
        ("version: 1\n---\nversion: 1", 2, "expected a single document"),
        ("version: 1\nx: \x01", 2, "a control character"),
        ("version: 1\nversion: 1", 2, "The key 'version' stands here a second time; the first is on line 1."),
        ("version: 1\ngateway:\n  drain: 1s\n  drain: 2s", 4, "The key 'drain' stands here a second time"),
        ("version: !!python/object:os.system 1", 1, "The tag"),
        ("version: !secret 1", 1, "The tag '!secret' is not known here"),
        ("? [a]\n: 1", 1, "A key is a text"),
        ("gateway: {<<: 3}", 1, "What << merges must be a mapping."),
        (b"version: 1\nx: \xff\xfe", 2, "The file is not UTF-8 text."),
        ("x-a: " + "[" * 40 + "]" * 40, 1, "nested over 32 levels"),
        (b"#" * (MAX_BYTES + 1), None, "The file is larger than 1024 KiB."),
    ],
)
def test_a_file_that_is_no_yaml_is_refused_with_its_line(write, text, line, problem):
    with pytest.raises(InvalidConfig) as caught:
        load_config(write(text), environment={})
    assert caught.value.line == line
    assert problem in str(caught.value)


def test_anchors_cannot_grow_a_small_file_without_bound(write):
    lines = ["x-0: &x0 [a, a, a, a, a, a, a, a, a, a]"]
    lines += [f"x-{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(InvalidConfig, match="100,000 values"):
        load_config(write("\n".join(lines)), environment={})


def test_a_file_that_cannot_be_read_is_an_error_of_its_own(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: Is a directory") as caught:
        load_config(tmp_path, environment={})
    assert not isinstance(caught.value, InvalidConfig)


# --- secrets ----------------------------------------------------------------------------------

SECRET = "sk-proj-Zm9vYmFyYmF6cXV4cXV1eDEyMzQ1Njc4"


@pytest.mark.parametrize(
    "text",
    [
        "providers: {openai: {api_key: SECRET}}",
        "providers: {openai: {api_key: [SECRET]}}",
        "providers: {openai: {api_key: {value: SECRET}}}",
        "providers: {openai: {apikey: SECRET}}",
        "providers: {openai: {kind: SECRET}}",
        "providers: {openai: {base_url: 'https://user:SECRET@api.openai.com/v1'}}",
        "providers: {openai: {base_url: 'https://api.openai.com/v1?key=SECRET'}}",
        "providers: {openai: {headers: {Authorization: Bearer SECRET}}}",
        "providers: {openai: {headers: {x-api-key: short}}}",
        "providers: {openai: {headers: {X-Any: SECRET}}}",
        "providers: {openai: {api_key: SECRET\n",
        "providers: {openai: {api_key: 'SECRET}}\n",
        "providers:\n  openai:\n    api_key: SECRET\n   bad: indent",
        "aliases: {a: SECRET}",
        "gateway: {drain: SECRET}",
        "SECRET",
        "SECRET: 1",
        "gateway: {SECRET: 1}",
        "providers: {openai: {api_key: *SECRET }}",
        "providers: {openai: {api_key: !SECRET x}}",
    ],
)
def test_a_secret_in_the_file_is_refused_and_never_shown(write, text):
    with pytest.raises(InvalidConfig) as caught:
        load_config(write(text.replace("SECRET", SECRET)), environment={})
    assert SECRET not in str(caught.value)
    assert SECRET not in repr(caught.value.errors)


def test_a_key_in_the_place_of_its_reference_is_told_how_to_be_written(errors):
    (error,) = errors(f"providers: {{openai: {{api_key: {SECRET}}}}}")
    assert "providers.openai.api_key: expected a reference to a secret, env:NAME, file:PATH or secret:NAME" in error
    assert "write env:NAME" in error


def test_a_missing_variable_is_a_warning_since_only_the_gateway_needs_it(write):
    loaded = load_config(write("providers: {openai: {api_key: env:NOWHERE}}"), environment={})
    assert loaded.warnings[0].startswith("providers.openai.api_key: The environment variable NOWHERE is not set")


def test_a_key_over_plain_http_to_another_machine_is_warned_of(write):
    text = "providers: {%s: {kind: openai, base_url: 'http://%s/v1', api_key: env:K, models: []}}"
    far = load_config(write(text % ("far", "gpu.example")), environment={"K": "x"})
    near = load_config(write(text % ("near", "localhost:8000")), environment={"K": "x"})
    assert "not https" in far.warnings[0]
    assert near.warnings == ()


# --- any bytes --------------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused_with_an_error_of_ours(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    with contextlib.suppress(ConfigError):
        assert msgspec.json.encode(load_config(path, environment={}))


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["openai", "10s", "1MiB"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
sections = st.fixed_dictionaries(
    {},
    optional={
        "version": values,
        "providers": st.dictionaries(
            st.text(max_size=4),
            st.dictionaries(
                st.sampled_from(
                    ["kind", "base_url", "api_key", "headers", "models", "any_model", "timeouts", "price_as"]
                ),
                values,
                max_size=4,
            )
            | values,
            max_size=2,
        ),
        "aliases": values,
        "prices": values,
        "gateway": values,
        "journal": values,
    },
)


@given(sections)
def test_any_tree_is_read_or_refused_with_an_error_of_ours(tmp_path_factory, tree):
    # JSON is YAML.
    path = tmp_path_factory.getbasetemp() / "tree.yaml"
    try:
        path.write_bytes(msgspec.json.encode(tree))
    except ValueError:
        return  # an integer that JSON's encoder cannot write
    with contextlib.suppress(InvalidConfig):
        assert as_yaml(load_config(path, environment={}))
