"""Which endpoints keep nothing at the provider."""

import pytest

from penstock.core.errors import PermissionDenied
from penstock.gateway.passthrough.paths import endpoint_of
from penstock.gateway.passthrough.stored import check_stored, keeps_nothing
from penstock.wire.snapshot import ProviderEntry

PROVIDERS = {
    entry.name: entry
    for entry in (
        ProviderEntry(name="main", kind="openai", base_url="http://m/v1"),
        ProviderEntry(name="east", kind="azure", base_url="http://e"),
        ProviderEntry(name="google", kind="gemini", base_url="http://g/v1beta"),
        ProviderEntry(name="closed", kind="openai", base_url="http://c/v1", passthrough="calls"),
    )
}


def endpoint(method, path):
    return endpoint_of(method, path.encode(), b"", providers=PROVIDERS)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/images/generations"),
        ("POST", "/v1/audio/transcriptions"),
        ("POST", "/v1/moderations"),
        ("POST", "/v1/rerank"),
        ("POST", "/east/openai/deployments/gpt/images/generations"),
        ("POST", "/gemini/v1beta/models/gemini-x:streamGenerateContent"),
        ("GET", "/main/v1/models"),
        ("GET", "/gemini/v1beta/models/gemini-x"),
    ],
)
def test_an_answer_to_a_request_alone_keeps_nothing(method, path):
    assert keeps_nothing(endpoint(method, path))


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/files"),
        ("POST", "/v1/files"),
        ("POST", "/v1/batches"),
        ("POST", "/v1/videos"),
        ("GET", "/v1/videos/video-1"),
        ("POST", "/v1/assistants"),
        ("GET", "/v1/responses/resp-1"),
        ("POST", "/v1/responses/resp-1/cancel"),
        ("POST", "/v1/chat/completions/c-1"),
        ("GET", "/main/v1/chat/completions"),
        ("POST", "/v1/messages/batches"),
        ("DELETE", "/main/v1/models/mine"),
        ("POST", "/v1/audio/voices"),
        ("POST", "/main/v1/deployments/x/images/generations"),
        ("POST", "/gemini/v1beta/models/gemini-x:batchGenerateContent"),
        ("POST", "/gemini/v1beta/cachedContents"),
    ],
)
def test_what_is_not_known_to_keep_nothing_is_taken_to_keep_something(method, path):
    assert not keeps_nothing(endpoint(method, path))


def test_a_provider_that_takes_calls_only_refuses_the_rest():
    check_stored(endpoint("GET", "/v1/files"), PROVIDERS["main"])
    check_stored(endpoint("POST", "/v1/rerank"), PROVIDERS["closed"])
    with pytest.raises(PermissionDenied, match=r"account at 'closed'.*providers\.closed\.passthrough") as raised:
        check_stored(endpoint("GET", "/v1/files"), PROVIDERS["closed"])
    assert raised.value.code == "stored_not_allowed"
