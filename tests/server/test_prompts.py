"""Prompts through the control API, by the SDK, and from a label to a gateway (FAILURES E7, E10)."""

import asyncio

import msgspec
import pytest

import penstock
from console_serving import serving
from penstock.core.clock import SystemClock
from penstock.core.errors import NotFound, Unauthenticated
from penstock.finops.pricing import Pricer
from penstock.gateway.publication import Publication
from penstock.gateway.routing.registry import Health
from penstock.sdk import prompts as sdk_prompts
from penstock.wire.prompts import CompiledPrompt
from penstock.wire.snapshot import hash_key

CHAT = {
    "messages": [{"role": "system", "content": "{% include 'tone' %}"}, {"role": "user", "content": "{{ question }}"}],
    "variables": {"question": {}},
    "partials": {"tone": "house/tone@1"},
    "tools": [{"name": "look_up", "parameters": {"type": "object"}}],
    "response_schema": {"schema": {"type": "object"}},
    "parameters": {"max_output_tokens": 100},
    "model": "up/gpt-4o-mini",
}
TONE = {"text": "Be {{ tone }}.", "variables": {"tone": {"default": "brief"}}}
CONFIG = """\
providers:
  up: {kind: openai, base_url: 'http://127.0.0.1:1/v1', price_as: openai, models: [gpt-4o-mini, odd]}
routes:
  support:
    variants: {a: {model: up/gpt-4o-mini, prompt: support/answer}}
"""


@pytest.fixture
def save(console):
    async def save(name, body, label=None):
        path = f"/api/v1/artifacts/prompt/{name.replace('/', ':')}"
        saved = await console.ask("POST", f"{path}/versions?create=true", key=console.made.secret, json={"body": body})
        assert saved.status_code in {200, 201}, saved.text
        if label is not None:
            version = str(saved.json()["number"])
            moved = await console.ask(
                "PUT", f"{path}/labels/{label}", key=console.made.secret, json={"version": version, "reason": "test"}
            )
            assert moved.status_code == 200, moved.text
        return saved.json()

    return save


@pytest.fixture
def post(console):
    async def post(path, **body):
        return await console.ask("POST", f"/api/v1/prompts/{path}", key=console.made.secret, json=body)

    return post


async def test_a_version_is_given_with_its_partials(console, save):
    await save("house/tone", TONE)
    saved = await save("support/answer", CHAT, "production")
    for query in ("", "?label=production", "?version=1", f"?version=sha256:{saved['digest'][:12]}", "?label=latest"):
        answer = await console.ask("GET", f"/api/v1/prompts/support:answer{query}", key=console.made.secret)
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert (found["name"], found["version"], found["digest"]) == ("support/answer", 1, saved["digest"])
    compiled = msgspec.convert(found["compiled"], CompiledPrompt)
    assert compiled.fragments == {"house/tone@1": TONE["text"]}
    assert set(compiled.prompt.variables) == {"question", "tone"}
    for query in ("?label=staging", "?version=9"):
        answer = await console.ask("GET", f"/api/v1/prompts/support:answer{query}", key=console.made.secret)
        assert answer.status_code == 404
    both = await console.ask("GET", "/api/v1/prompts/support:answer?label=a&version=1", key=console.made.secret)
    assert both.status_code == 400


async def test_what_a_prompt_uses_has_to_be_there_and_stands_in_its_lineage(console, save):
    path = "/api/v1/artifacts/prompt/support:answer"
    refused = await console.ask("POST", f"{path}/versions?create=true", key=console.made.secret, json={"body": CHAT})
    assert refused.status_code == 404
    assert "house/tone" in refused.text
    await save("house/tone", TONE)
    await save("support/answer", CHAT)
    graph = (await console.ask("GET", f"{path}/lineage", key=console.made.secret)).json()
    assert {node["name"] for node in graph["nodes"]} == {"support/answer", "house/tone"}


async def test_a_wrong_template_is_refused_with_its_place(console):
    answer = await console.ask(
        "POST",
        "/api/v1/artifacts/prompt/bad/versions?create=true",
        key=console.made.secret,
        json={"body": {"messages": [{"role": "user", "content": "a\n {{ b + }}"}]}},
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "template_invalid")
    assert "messages[0].content" in answer.text
    assert "line 2, column" in answer.json()["detail"]


async def test_a_preview_renders_what_is_stored_or_still_being_written(save, post):
    await save("house/tone", TONE)
    await save("support/answer", CHAT)
    answer = await post("render", name="support/answer", variables={"question": "{{ 7*7 }}", "tone": "kind"})
    found = answer.json()
    assert [one["content"] for one in found["messages"]] == ["Be kind.", "{{ 7*7 }}"]
    assert (found["version"], found["model"], found["warnings"]) == (1, "up/gpt-4o-mini", [])
    written = {**CHAT, "variables": {"question": {}, "unused": {"default": ""}}}
    found = (await post("render", body=written, variables={"question": "x"})).json()
    assert (found["name"], found["version"]) == (None, None)
    assert found["variables"] == {"question": "x", "unused": "", "tone": "brief"}
    assert "'unused'" in found["warnings"][0]
    assert found["tools"][0]["name"] == "look_up"
    text = (await post("render", body=TONE)).json()
    assert (text["text"], text["messages"]) == ("Be brief.", [])
    for body in ({}, {"name": "a", "body": TONE}, {"body": {}}, {"name": "support/answer"}):
        assert (await post("render", **body)).status_code == 400
    missing = await post("render", name="support/answer")
    assert (missing.json()["code"], missing.json()["field"]) == ("variable_missing", "variables.question")


async def test_an_estimate_counts_what_is_there_and_prices_it(console, save, post):
    console.home.config.write_text(CONFIG)
    await asyncio.to_thread(console.services.registry.reload)
    await save("house/tone", TONE)
    await save("support/answer", CHAT)
    short = (await post("estimate", name="support/answer")).json()
    long = (await post("estimate", name="support/answer", variables={"question": "word " * 400})).json()
    assert (short["missing"], long["missing"]) == (["question"], [])
    assert 490 <= long["input_tokens"] - short["input_tokens"] <= 510
    assert long["input_cost"] == long["input_tokens"] * 150
    assert long["max_cost"] == long["input_cost"] + 100 * 600
    assert (short["max_output_tokens"], short["reason"]) == (100, None)
    other = (await post("estimate", name="support/answer", model="nowhere/m")).json()
    assert (other["input_cost"], other["model"]) == (None, "nowhere/m")
    assert "no provider/model" in other["reason"]
    plain = (await post("estimate", body={"text": "x"})).json()
    assert (plain["reason"], plain["max_cost"]) == ("No model is named.", None)
    # Empty values have none of the members that a template may ask for; it is counted all the same.
    deep = {"text": "{{ o.a.b }}" * 10, "variables": {"o": {"type": "object"}}}
    assert (await post("estimate", body=deep)).json()["input_tokens"] > 20
    assert (await post("estimate", body=deep, variables={"o": {}})).status_code == 400
    one_of = {"text": "{{ e }}", "variables": {"e": {"enum": ["a long value of ten words"]}}}
    assert (await post("estimate", body=one_of)).json()["input_tokens"] > 5


@pytest.fixture
def gateways(console):
    """Two gateway workers, as far as they read the snapshot."""
    clock = SystemClock()
    return [Publication(console.home.snapshot, Pricer, Health(clock=clock), environment={}) for _ in range(2)]


def served(gateway, key, route="support"):
    gateway.refresh()
    catalog = gateway.catalog
    leaf = catalog.resolve(route, catalog.snapshot.keys[hash_key(key)]).leaves[0]
    return leaf.prompt.version


async def test_a_label_that_moves_is_served_by_every_gateway_and_back(console, save, gateways):
    """FAILURES E10."""
    await save("support/answer", {"text": "one"}, "production")
    console.home.config.write_text(CONFIG)
    await asyncio.to_thread(console.services.registry.reload)
    assert [served(gateway, console.made.secret) for gateway in gateways] == ["1", "1"]
    await save("support/answer", {"text": "two"})
    assert [served(gateway, console.made.secret) for gateway in gateways] == ["1", "1"]
    path = "/api/v1/artifacts/prompt/support:answer/labels/production"
    await console.ask("PUT", path, key=console.made.secret, json={"version": "2"})
    assert [served(gateway, console.made.secret) for gateway in gateways] == ["2", "2"]
    rolled = await console.ask("POST", f"{path}/rollback", key=console.made.secret, json={})
    assert rolled.status_code < 300
    assert [served(gateway, console.made.secret) for gateway in gateways] == ["1", "1"]
    # Whoever takes the label away, or the prompt out of use, does not take the route down.
    await console.ask("DELETE", path, key=console.made.secret)
    assert [served(gateway, console.made.secret) for gateway in gateways] == ["1", "1"]
    state = (await console.ask("GET", "/api/v1/config", key=console.made.secret)).json()
    assert "goes on with version 1" in " ".join(state["warnings"])


async def test_a_route_whose_prompt_is_not_there_is_shown_with_the_reason(console, save):
    console.home.config.write_text(CONFIG + "  plain: {strategy: up/odd}\n")
    await asyncio.to_thread(console.services.registry.reload)
    assert list(console.services.registry.snapshot.routes) == ["plain"]
    state = (await console.ask("GET", "/api/v1/config", key=console.made.secret)).json()
    assert "The route support is not served: There is no prompt support/answer" in " ".join(state["warnings"])
    await save("support/answer", {"text": "one"}, "production")
    assert set(console.services.registry.snapshot.routes) == {"plain", "support"}


async def test_a_route_of_the_control_api_names_a_prompt_of_its_project(console, save):
    await save("support/answer", {"text": "one"}, "production")
    console.home.config.write_text(CONFIG.partition("routes:")[0])
    await asyncio.to_thread(console.services.registry.reload)
    body = {"variants": {"a": {"model": "up/odd", "prompt": "support/answer@1"}}}
    put = await console.ask("PUT", "/api/v1/routes/mine", key=console.made.secret, json=body)
    assert put.status_code == 200, put.text
    shown = (await console.ask("GET", "/api/v1/routes/mine", key=console.made.secret)).json()
    assert shown["definition"]["variants"] == body["variants"]
    (route,) = console.services.registry.snapshot.routes.values()
    assert route.variants["a"].prompt.version == 1
    wrong = {"variants": {"a": {"model": "up/odd", "prompt": "Support Answer"}}}
    refused = await console.ask("PUT", "/api/v1/routes/other", key=console.made.secret, json=wrong)
    assert refused.status_code == 400
    assert "expected a prompt like support/answer" in refused.text


async def test_an_application_reads_prompts_by_the_sdk(console, save, monkeypatch):
    await save("house/tone", TONE)
    await save("support/answer", CHAT, "production")
    key = console.key("prompts:read").secret
    async with serving(console) as url:
        monkeypatch.setenv("PENSTOCK_CONSOLE_URL", url)
        monkeypatch.setenv("PENSTOCK_API_KEY", key)
        monkeypatch.setattr(sdk_prompts._holder, "cache", None)
        prompt = await penstock.aprompt("support/answer")
        assert prompt.messages(question="Why?")[0] == {"role": "system", "content": "Be brief."}
        assert (await penstock.aprompt("support/answer", version=1)).reference == "support/answer@1"
        with pytest.raises(NotFound, match="no version staging"):
            await penstock.aprompt("support/answer", label="staging")
        monkeypatch.setenv("PENSTOCK_API_KEY", "psk_wrong")
        with pytest.raises(Unauthenticated):
            await penstock.aprompt("house/tone", version=1)
    monkeypatch.setattr(sdk_prompts._holder, "cache", None)
