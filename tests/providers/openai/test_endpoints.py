"""Where OpenAI's requests go, and with which credentials."""

import msgspec
import pytest

from penstock.providers.openai.endpoints import is_openai, reports_usage_unasked, request_headers, upstream_url


@pytest.mark.parametrize(
    ("provider", "path", "url"),
    [
        ({"kind": "openai"}, "chat/completions", "https://api.openai.com/v1/chat/completions"),
        ({"kind": "openai", "base_url": "http://h:1/v1/"}, "embeddings", "http://h:1/v1/embeddings"),
        (
            {"kind": "azure"},
            "chat/completions",
            "https://acme.openai.azure.com/openai/deployments/served/chat/completions?api-version=2024-10-21",
        ),
        (
            {"kind": "azure", "api_version": "2025-04-01-preview"},
            "embeddings",
            "https://acme.openai.azure.com/openai/deployments/served/embeddings?api-version=2025-04-01-preview",
        ),
        (
            {"kind": "azure", "base_url": "https://acme.openai.azure.com/openai"},
            "responses",
            "https://acme.openai.azure.com/openai/responses?api-version=2024-10-21",
        ),
        (
            {"kind": "azure", "base_url": "https://acme.openai.azure.com/openai/v1/"},
            "chat/completions",
            "https://acme.openai.azure.com/openai/v1/chat/completions",
        ),
        (
            {"kind": "azure", "base_url": "https://acme.openai.azure.com/openai/v1", "api_version": "preview"},
            "responses",
            "https://acme.openai.azure.com/openai/v1/responses?api-version=preview",
        ),
    ],
)
def test_each_surface_has_its_own_address(provider, path, url, target):
    assert upstream_url(target(**provider), path) == url


def test_the_deployment_of_azure_cannot_leave_its_place_in_the_path(target):
    """FAILURES G29"""
    odd = msgspec.structs.replace(target("azure"), model="../x?y#z")
    assert "/deployments/..%2Fx%3Fy%23z/chat/completions?" in upstream_url(odd, "chat/completions")


def test_the_key_stands_where_the_vendor_looks_for_it(target):
    assert request_headers(target(), stream=False)["authorization"] == "Bearer sk-secret"
    azure = request_headers(target("azure"), stream=True)
    assert azure["api-key"] == "sk-secret"
    assert "authorization" not in azure
    assert azure["accept"] == "text/event-stream"


def test_a_server_without_a_key_is_sent_none(target):
    headers = request_headers(msgspec.structs.replace(target(), secret=None, headers={"X-Team": "a"}), stream=False)
    assert headers == {"content-type": "application/json", "accept": "application/json", "x-team": "a"}


def test_of_the_callers_headers_only_the_beta_is_passed_on(target):
    """FAILURES G29"""
    forwarded = {"openai-beta": "x=1", "openai-organization": "org", "authorization": "Bearer stolen"}
    headers = request_headers(target(), stream=False, forwarded=forwarded)
    assert headers["openai-beta"] == "x=1"
    assert "openai-organization" not in headers
    assert headers["authorization"] == "Bearer sk-secret"
    assert "openai-beta" not in request_headers(target(), stream=False, forwarded={"openai-project": "p"})


def test_openai_itself_is_told_from_compatible_servers(target):
    assert is_openai(target().provider)
    assert is_openai(target("azure", base_url="http://proxy/openai/v1").provider)
    assert not is_openai(target(base_url="https://api.groq.com/openai/v1").provider)
    assert not is_openai(target(base_url="not a url").provider)
    assert reports_usage_unasked(target(base_url="https://api.mistral.ai/v1").provider)
    assert not reports_usage_unasked(target().provider)
