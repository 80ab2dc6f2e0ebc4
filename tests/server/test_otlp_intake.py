"""The intake over a real installation: prices, hashes, and the guard of its routes."""

import pytest

from otlp_harness import request, span
from penstock.server.reported_pricing import ReportedPricing
from penstock.server.user_hash import user_hash
from penstock.wire.snapshot import PriceEntry, ProviderEntry, Snapshot
from penstock.wire.span import decode_span
from penstock.wire.usage import Usage

NOW = 1_750_000_000_000_000
USAGE = Usage(input=1_000_000)


def pricing(*prices: PriceEntry, **providers: ProviderEntry) -> ReportedPricing:
    return ReportedPricing(lambda: Snapshot(version=1, created=0, prices=prices, providers=providers))


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openai", "gpt-4o-mini"),
        ("OpenAI", "gpt-4o-mini"),
        ("openai.responses", "gpt-4o-mini"),
        ("azure.ai.openai", "gpt-4o-mini"),
        ("anthropic", "claude-sonnet-4-5"),
        ("gcp.vertex_ai", "gemini-2.5-flash"),
        ("google_genai", "gemini-2.5-flash"),
        ("mistral_ai", "mistral-large-latest"),
    ],
)
def test_a_provider_is_known_by_each_conventions_name_for_it(provider, model):
    cost, version = pricing()(provider, model, USAGE, NOW)
    assert cost
    assert version is not None
    assert version.startswith("genai-prices")


@pytest.mark.parametrize(("provider", "model"), [("", "gpt-4o-mini"), ("nobody", "x"), ("openai", "no such model")])
def test_a_price_that_is_not_known_is_unknown(provider, model):
    assert pricing()(provider, model, USAGE, NOW)[0] is None


def test_prices_of_the_configuration_come_first_and_change_with_it():
    entry = PriceEntry(provider="openai", model="*", input=7_000_000_000, output=0)
    versions = iter([1, 1, 2])
    asked = ReportedPricing(
        lambda: Snapshot(version=(version := next(versions)), created=0, prices=(entry,) if version == 2 else ())
    )
    first, second, third = (asked("openai", "gpt-4o-mini", USAGE, NOW)[0] for _ in range(3))
    assert first == second != third == 7_000_000_000


def test_a_provider_of_the_configuration_is_priced_as_it_says():
    mine = ProviderEntry(name="mine", kind="openai", base_url="http://127.0.0.1/v1", price_as="openai")
    assert pricing(mine=mine)("mine", "gpt-4o-mini", USAGE, NOW)[0]


async def test_what_was_taken_and_what_was_not_is_told(console):
    """FAILURES O4"""
    good, bad = span({}, start=console.clock.now() * 1000), span({}, start=0)
    key = console.key("traces:write").secret
    answer = await console.ask(
        "POST",
        "/otlp/v1/traces",
        key=key,
        content=request(good, bad).SerializeToString(),
        headers={"content-type": "application/x-protobuf"},
    )
    assert answer.status_code == 200
    told = (await console.ask("GET", "/api/v1/system", key=console.made.secret)).json()
    assert (told["intake"]["requests"], told["intake"]["accepted"]) == (1, 1)
    assert told["intake"]["rejected"] == {"there is no start time": 1}
    assert told["exports"] == []


async def test_a_users_hash_is_that_of_the_gateways_records(console):
    body = request(span({"user.id": "robin"}, start=console.clock.now() * 1000)).SerializeToString()
    key = console.key("traces:write", project=console.project("theirs")).secret
    answer = await console.ask(
        "POST", "/otlp/v1/traces", key=key, content=body, headers={"content-type": "application/x-protobuf"}
    )
    assert answer.status_code == 200
    (segment,) = console.home.intake.glob("*.open")
    record = decode_span(segment.read_bytes().replace(b'"record":"span",', b""))
    assert record.user == user_hash(console.services.registry.snapshot, "robin")
    # The project is that of the key.
    assert record.project == console.identity.access.by_key(key).project


async def test_a_key_without_the_permission_is_told_so_in_protobuf(console):
    """FAILURES O13"""
    headers = {"content-type": "application/x-protobuf"}
    answer = await console.ask(
        "POST", "/otlp/v1/traces", key=console.key("traces:read").secret, content=b"", headers=headers
    )
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/x-protobuf")
    assert b"traces:write" in answer.content
    answer = await console.ask("POST", "/otlp/v1/traces", content=b"", headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert list(console.home.intake.glob("*.open")) == []
