"""Whose endpoint a path is, and that it stays below the provider's address."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.errors import InvalidInput, NotFound, PenstockError
from penstock.gateway.passthrough.address import answer_headers, request_of, url_of
from penstock.gateway.passthrough.paths import endpoint_of, operation_of, template_of
from penstock.providers.types import Target
from penstock.wire.snapshot import ProviderEntry

PROVIDERS = {
    entry.name: entry
    for entry in (
        ProviderEntry(name="main", kind="openai", base_url="https://api.openai.com/v1"),
        ProviderEntry(name="groq", kind="openai", base_url="https://api.groq.com/openai/v1", responses="convert"),
        ProviderEntry(name="volc", kind="openai", base_url="https://ark.example/api/v3"),
        ProviderEntry(name="plain", kind="openai", base_url="http://gpu:8000"),
        ProviderEntry(name="claude", kind="anthropic", base_url="https://api.anthropic.com/v1"),
        ProviderEntry(name="google", kind="gemini", base_url="https://generativelanguage.googleapis.com/v1beta"),
        ProviderEntry(name="vertexish", kind="gemini", base_url="https://proxy.example/gemini"),
        ProviderEntry(name="east", kind="azure", base_url="https://east.openai.azure.com", api_version="2025-01-01"),
        ProviderEntry(name="west", kind="azure", base_url="https://west.openai.azure.com/openai/v1"),
    )
}


def endpoint(path, method="POST", query=b"", **more):
    return endpoint_of(method, path.encode("latin-1"), query, providers=PROVIDERS, **more)


def url(path, *, provider=None, model="", query=b""):
    found = endpoint(path, query=query)
    entry = PROVIDERS[provider] if provider else found.provider
    return url_of(found, Target(provider=entry, model=model or found.model or ""))


@pytest.mark.parametrize(
    ("path", "provider", "below", "dialect"),
    [
        ("/v1/images/generations", None, "images/generations", "openai"),
        ("/v1/files/", None, "files", "openai"),
        ("/main/v1/files", "main", "files", "openai"),
        ("/main/files", "main", "files", "openai"),
        ("/openai/v1/batches/b1", "main", "batches/b1", "openai"),
        ("/anthropic/v1/messages/batches", "claude", "messages/batches", "anthropic"),
        ("/gemini/v1beta/files", "google", "files", "gemini"),
        ("/google/v1/models/g:generateContent", "google", "models/g:generateContent", "gemini"),
        ("/v1beta/models/g:generateContent", "google", "models/g:generateContent", "gemini"),
        ("/volc/v3/images/generations", "volc", "images/generations", "openai"),
        ("/volc/v1/images/generations", "volc", "images/generations", "openai"),
        ("/vertexish/v1/models", "vertexish", "v1/models", "gemini"),
        ("/azure/openai/deployments/d/audio/speech", "east", "deployments/d/audio/speech", "openai"),
        ("/azure/openai/v1/files", "east", "files", "openai"),
    ],
)
def test_a_path_leads_to_its_provider(path, provider, below, dialect):
    found = endpoint(path)
    assert (found.provider.name if found.provider else None, found.path, found.dialect) == (provider, below, dialect)


@pytest.mark.parametrize(
    ("path", "options", "expected"),
    [
        ("/main/v1/images/generations", {}, "https://api.openai.com/v1/images/generations"),
        ("/v1/images/generations", {"provider": "plain"}, "http://gpu:8000/images/generations"),
        ("/groq/v1/audio/speech", {"query": b"a=1"}, "https://api.groq.com/openai/v1/audio/speech?a=1"),
        ("/google/v1beta/models/m:embedContent", {}, f"{PROVIDERS['google'].base_url}/models/m:embedContent"),
        (
            "/v1/images/generations",
            {"provider": "east", "model": "my pics"},
            "https://east.openai.azure.com/openai/deployments/my%20pics/images/generations?api-version=2025-01-01",
        ),
        (
            "/east/openai/deployments/d/audio/speech",
            {"query": b"api-version=2024-06-01"},
            "https://east.openai.azure.com/openai/deployments/d/audio/speech?api-version=2024-06-01",
        ),
        (
            "/v1/files",
            {"provider": "east", "query": b"limit=2"},
            "https://east.openai.azure.com/openai/files?limit=2&api-version=2025-01-01",
        ),
        ("/v1/images/edits", {"provider": "west"}, "https://west.openai.azure.com/openai/v1/images/edits"),
    ],
)
def test_a_url_is_the_providers_own(path, options, expected):
    assert url(path, **options) == expected


@pytest.mark.parametrize(
    "path",
    [
        "/v1/../admin",
        "/v1/files/..",
        "/v1/./files",
        "/v1//files",
        "/v1/files//",
        "/v1/%2e%2e/admin",
        "/v1/.%2E/admin",
        "/v1/%2E./admin",
        "/v1/..;x/admin",
        "/v1/..%3bx/admin",
        "/v1/files%2F..%2Fadmin",
        "/v1/files%5c..",
        "/v1/files\\..",
        "/v1/%252e%252e/admin",
        "/v1/files%00",
        "/v1/files%0d%0aX: y",
        "/v1/files%3fx",
        "/v1/files%23x",
        "/v1/fi les",
        "/v1/files%zz",
        "/v1/files%2",
        "/v1/@evil.example/\u00e9",
        "/v1/" + "a" * 3000,
        "//evil.example/v1/files",
        "/http://evil.example/v1/files",
        "/v1",
        "/v1/",
        "/main/v1",
        "/google/v1alpha/models",
        "/claude/v2/messages",
    ],
)
def test_a_path_that_two_readers_could_take_differently_is_refused(path):
    """FAILURES G29."""
    with pytest.raises(InvalidInput) as raised:
        endpoint(path)
    assert raised.value.code == "invalid_path"


@pytest.mark.parametrize("path", ["/", "", "/favicon.ico", "/nobody/v1/files", "/v2/rerank"])
def test_a_path_of_nobody_is_not_found(path):
    with pytest.raises(NotFound) as raised:
        endpoint(path)
    assert raised.value.code == "unknown_route"
    assert "/v1/…" in raised.value.hint


def test_googles_caller_gets_a_gemini_provider_where_the_path_names_none():
    found = endpoint_of("POST", b"/v1/models/g:countTokens", b"", providers=PROVIDERS, google=True)
    assert (found.provider.name, found.path, found.model, found.dialect) == (
        "google",
        "models/g:countTokens",
        "g",
        "gemini",
    )
    named = endpoint_of("GET", b"/main/v1/models", b"", providers=PROVIDERS, google=True)
    assert named.provider.name == "main"


def test_gemini_paths_need_a_gemini_provider():
    for path, google in ((b"/v1beta/models", False), (b"/v1/models", True)):
        with pytest.raises(NotFound, match="kind 'gemini'") as raised:
            endpoint_of("GET", path, b"", providers={"main": PROVIDERS["main"]}, google=google)
        assert raised.value.code == "no_provider"


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PURGE"])
def test_only_methods_of_apis_pass(method):
    with pytest.raises(InvalidInput) as raised:
        endpoint("/v1/files", method)
    assert raised.value.code == "method_not_allowed"


@given(st.text(alphabet=st.characters(max_codepoint=255), max_size=60).map(lambda text: "/main/" + text))
def test_whatever_the_path_the_request_stays_below_the_providers_address(path):
    """FAILURES G29."""
    try:
        parts = urlsplit(url(path))
    except PenstockError:
        return
    assert (parts.scheme, parts.netloc) == ("https", "api.openai.com")
    assert parts.path.startswith("/v1/")
    assert ".." not in parts.path.split("/")


@given(st.binary(max_size=60))
def test_whatever_the_query_it_adds_no_line_and_no_fragment(query):
    try:
        found = url("/main/v1/files", query=query)
    except InvalidInput:
        return
    assert found.isascii()
    assert found.isprintable()
    assert "#" not in found
    assert " " not in found


@pytest.mark.parametrize("name", [b"key", b"KEY", b"%6bey", b"access_token", b"api-key", b"+key"])
def test_credentials_of_the_query_are_dropped(name):
    """FAILURES G29: a Penstock key that a Google client puts into the query must not reach Google."""
    assert endpoint("/v1beta/models", "GET", name + b"=psk_secret&pageSize=2;" + name + b"=x").query == "pageSize=2"


def test_an_anthropic_caller_gets_an_anthropic_provider_where_the_path_names_none():
    found = endpoint("/v1/messages/batches", anthropic=True)
    assert (found.kind, found.dialect) == ("anthropic", "anthropic")


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/google/v1beta/models/gemini-2.5-flash:generateContent", "gemini-2.5-flash"),
        ("/google/v1beta/models/gemini%2D2.5:countTokens", "gemini-2.5"),
        ("/google/v1beta/models/gemini-2.5-flash", "gemini-2.5-flash"),
        ("/google/v1beta/files/x", None),
        ("/east/openai/deployments/pics/images/generations", "pics"),
        ("/main/v1/models/gpt-4o", None),
    ],
)
def test_the_model_of_a_path_is_known(path, model):
    assert endpoint(path).model == model


@pytest.mark.parametrize(
    ("path", "operation"),
    [
        ("/main/v1/chat/completions", "chat"),
        ("/main/v1/responses", "responses"),
        ("/groq/v1/responses", "responses"),
        ("/v1/chat/completions/", "chat"),
        ("/west/openai/v1/chat/completions", "chat"),
        ("/east/openai/deployments/d/chat/completions", None),
        ("/main/v1/embeddings", "embeddings"),
        ("/claude/v1/messages", "messages"),
        ("/claude/v1/messages/count_tokens", "count_tokens"),
        ("/claude/v1/messages/batches", None),
        ("/v1/images/generations", None),
    ],
)
def test_a_path_of_a_known_call_is_that_call(path, operation):
    """FAILURES G1: served as that call, the stream's usage is asked for."""
    assert operation_of(endpoint(path)) == operation
    assert operation_of(endpoint(path, "GET")) is None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/files/file-abc123def456/content", "/v1/files/{id}/content"),
        ("/v1/batches/batch_67890fedcba1234567890", "/v1/batches/{id}"),
        ("/v1/batches/0191e2f4-aaaa-7bbb-8ccc-0123456789ab", "/v1/batches/{id}"),
        ("/v1/images/generations", "/v1/images/generations"),
        ("/main/v1/models/gpt-4o-mini", "/v1/models/gpt-4o-mini"),
        ("/google/v1beta/models/gemini-2.5-flash:generateContent", "/v1beta/models/{model}:generateContent"),
        ("/east/openai/deployments/pics/images/generations", "/v1/deployments/{model}/images/generations"),
    ],
)
def test_like_calls_have_one_name(path, name):
    assert template_of(endpoint(path)) == name


CALLERS = {
    b"authorization": b"Bearer psk_secret",
    b"x-api-key": b"psk_secret",
    b"api-key": b"psk_secret",
    b"x-goog-api-key": b"psk_secret",
    b"cookie": b"a=b",
    b"host": b"gateway",
    b"connection": b"keep-alive, x-mine",
    b"x-mine": b"1",
    b"transfer-encoding": b"chunked",
    b"x-forwarded-for": b"10.0.0.1",
    b"forwarded": b"for=10.0.0.1",
    b"x-real-ip": b"10.0.0.1",
    b"x-http-method-override": b"DELETE",
    b"x-original-url": b"/admin",
    b"x-penstock-user": b"me",
    b"traceparent": b"00-1",
    b"openai-organization": b"org-callers",
    b"content-length": b"5",
    b"content-type": b"audio/wav",
    b"accept": b"image/png",
    b"openai-beta": b"x=v2",
    b"anthropic-version": b"2023-01-01",
    b"range": b"bytes=0-9",
}


async def nothing():
    return
    yield


@pytest.mark.parametrize(
    ("provider", "proof"),
    [
        ("main", {"authorization": "Bearer own"}),
        ("east", {"api-key": "own"}),
        ("claude", {"x-api-key": "own"}),
        ("google", {"x-goog-api-key": "own"}),
    ],
)
def test_a_provider_is_given_its_own_secret_and_nothing_of_the_callers(provider, proof):
    """FAILURES G29."""
    target = Target(provider=PROVIDERS[provider], model="", secret="own", headers={"X-Extra": "1"})
    request = request_of(endpoint("/v1/files"), target, headers=CALLERS, body=nothing(), length=None)
    assert request.headers == {
        "content-type": "audio/wav",
        "accept": "image/png",
        "openai-beta": "x=v2",
        "anthropic-version": "2023-01-01",
        "range": "bytes=0-9",
        "x-extra": "1",
        **proof,
    }


def test_configured_headers_win_over_the_callers():
    target = Target(provider=PROVIDERS["main"], model="", headers={"Accept": "application/json"})
    request = request_of(endpoint("/v1/files"), target, headers=CALLERS, body=nothing(), length=0)
    assert request.headers["accept"] == "application/json"


def test_an_answers_headers_come_back_without_the_connections():
    headers = {
        "content-type": "image/png",
        "content-length": "3",
        "connection": "close, x-hop",
        "x-hop": "1",
        "set-cookie": "a=b",
        "transfer-encoding": "chunked",
        "x-request-id": "up-1",
        "x-penstock-trace-id": "forged",
        "openai-organization": "org-ours",
        "etag": '"1"',
        "content-encoding": "br",
    }
    kept = [(b"content-type", b"image/png"), (b"etag", b'"1"'), (b"content-encoding", b"br")]
    assert answer_headers(headers) == kept
    assert answer_headers({"content-encoding": "gzip"}) == []
