"""Prompts in front of two workers: every dialect, split traffic, and a label that moves (FAILURES E7, E10)."""

from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import openai
import pytest

from e2e_harness import Control, eventually, text_of
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer

CONFIG = """\
version: 1
providers:
  sim: {{kind: openai, base_url: "{url}/v1", models: [gpt-4o-mini], price_as: openai}}
  sim-anthropic: {{kind: anthropic, base_url: "{url}/v1", models: [claude-sonnet-4-5], price_as: anthropic}}
  sim-gemini: {{kind: gemini, base_url: "{url}/v1beta", models: [gemini-2.5-flash], price_as: google}}
routes:
  openai: {{variants: {{a: {{model: sim/gpt-4o-mini, prompt: support/answer}}}}}}
  anthropic: {{variants: {{a: {{model: sim-anthropic/claude-sonnet-4-5, prompt: support/answer}}}}}}
  gemini: {{variants: {{a: {{model: sim-gemini/gemini-2.5-flash, prompt: support/answer}}}}}}
  moving: {{variants: {{a: {{model: sim/gpt-4o-mini, prompt: moving}}}}}}
  split:
    variants:
      old: {{model: sim/gpt-4o-mini, prompt: moving@1}}
      new: {{model: sim/gpt-4o-mini, prompt: moving@2}}
    strategy: {{weighted: {{old: 1, new: 1}}}}
"""
CHAT = {
    "messages": [
        {"role": "system", "content": "You are {{ persona }}."},
        {"role": "user", "content": "Repeat: {{ question }}"},
    ],
    "variables": {"persona": {"default": "an echo"}, "question": {}},
    "parameters": {"max_output_tokens": 200},
}
QUESTION = "{{ 7*7 }} is no template"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PenstockServer]:
    folder = tmp_path_factory.mktemp("prompts")
    (folder / "sim").mkdir()
    with SimulatorServer(folder / "sim", options=["--text", "echo"]) as simulator:
        config = folder / "penstock.yaml"
        config.write_text(CONFIG.format(url=simulator.url))
        with PenstockServer(folder, config=config, workers=2) as running:
            admin = Control(running.console_url, running.admin_key)
            save(admin, "support:answer", CHAT, label="production")
            save(admin, "moving", {"text": "version one"}, label="production")
            save(admin, "moving", {"text": "version two"})
            # What was just published is with the workers in a moment.
            names = {"openai", "moving", "split"}
            assert eventually(lambda: all(names <= models(running) for _ in range(10)))
            yield running


@pytest.fixture
def admin(server: PenstockServer) -> Control:
    return Control(server.console_url, server.admin_key)


def save(admin: Control, name: str, body: dict[str, Any], *, label: str | None = None) -> None:
    saved = admin.ask("POST", f"/artifacts/prompt/{name}/versions", {"body": body}, create="true")
    if label is not None:
        admin.ask("PUT", f"/artifacts/prompt/{name}/labels/{label}", {"version": str(saved["number"])})


def models(server: PenstockServer) -> set[str]:
    with openai.OpenAI(base_url=f"{server.gateway_url}/v1", api_key=server.admin_key) as client:
        return {model.id for model in client.models.list()}


def by_openai(server: PenstockServer, route: str, **fields: Any) -> Any:
    """One answer on a connection of its own, so that any worker may take it."""
    with openai.OpenAI(base_url=f"{server.gateway_url}/v1", api_key=server.admin_key, max_retries=0) as client:
        return client.chat.completions.create(model=route, messages=[], extra_body={"variables": {}} | fields)


def asked(server: PenstockServer, operation: str, route: str, *, stream: bool) -> tuple[str, str]:
    """The text of an answer, and the id of its trace, by the vendor's own client."""
    extra: dict[str, Any] = {"extra_body": {"variables": {"question": QUESTION}}}
    key, url = server.admin_key, server.gateway_url
    if operation == "messages":
        with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0) as vendor:
            wanted: dict[str, Any] = {"model": route, "messages": [], "max_tokens": 500, **extra}
            if stream:
                with vendor.messages.stream(**wanted) as events:
                    return "".join(events.text_stream), events.response.headers["x-penstock-trace-id"]
            raw = vendor.messages.with_raw_response.create(**wanted)
            return "".join(part.text for part in raw.parse().content), raw.headers["x-penstock-trace-id"]
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0) as client:
        if operation == "responses":
            raw = client.responses.with_raw_response.create(model=route, stream=stream, **extra)
            found = raw.parse()
            text = (
                "".join(event.delta for event in found if event.type == "response.output_text.delta")
                if stream
                else found.output_text
            )
        else:
            raw = client.chat.completions.with_raw_response.create(model=route, messages=[], stream=stream, **extra)
            found = raw.parse()
            text = (
                "".join(chunk.choices[0].delta.content or "" for chunk in found if chunk.choices)
                if stream
                else found.choices[0].message.content
            )
        return text, raw.headers["x-penstock-trace-id"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("route", ["openai", "anthropic", "gemini"])
@pytest.mark.parametrize("operation", ["chat", "responses", "messages"])
def test_a_prompt_is_served_in_every_dialect_to_every_vendor(
    server: PenstockServer, admin: Control, operation: str, route: str, stream: bool
) -> None:
    """FAILURES E8, S8: the value comes back as it was given, and the record holds what was sent."""
    text, trace_id = asked(server, operation, route, stream=stream)
    assert f"Repeat: {QUESTION}" in text
    (span,) = admin.trace(trace_id)["spans"]
    assert (span["prompt_name"], span["prompt_version"]) == ("support/answer", "1")
    assert text_of(span["input"]) == f"You are an echo.Repeat: {QUESTION}"
    assert span["attributes"]["penstock.prompt.variables"] == {"question": QUESTION}


@pytest.mark.parametrize("operation", ["chat", "responses", "messages"])
def test_a_missing_variable_is_an_error_of_the_vendors_own_kind(server: PenstockServer, operation: str) -> None:
    """FAILURES E8."""
    extra: dict[str, Any] = {"extra_body": {"variables": {}}}
    said = "needs the variable 'question'"
    with (
        openai.OpenAI(base_url=f"{server.gateway_url}/v1", api_key=server.admin_key) as client,
        anthropic.Anthropic(base_url=server.gateway_url, api_key=server.admin_key) as vendor,
    ):
        ask: dict[str, Callable[[], object]] = {
            "chat": lambda: client.chat.completions.create(model="openai", messages=[], **extra),
            "responses": lambda: client.responses.create(model="openai", **extra),
            "messages": lambda: vendor.messages.create(model="openai", messages=[], max_tokens=9, **extra),
        }
        with pytest.raises((openai.BadRequestError, anthropic.BadRequestError), match=said) as caught:
            ask[operation]()
    assert isinstance(caught.value, anthropic.BadRequestError) == (operation == "messages")


def test_a_route_splits_traffic_between_two_versions_while_the_client_stays_as_it_is(server: PenstockServer) -> None:
    """FAILURES E7."""
    texts = {by_openai(server, "split").choices[0].message.content for _ in range(30)}
    assert len(texts) == 2


def test_a_label_that_moves_is_served_by_both_workers_within_two_seconds_and_back(
    server: PenstockServer, admin: Control
) -> None:
    """FAILURES E10: rolling back is one call, and needs nothing restarted."""

    def everywhere(text: str) -> bool:
        return all(text in by_openai(server, "moving").choices[0].message.content for _ in range(12))

    assert everywhere("version one")
    admin.ask("PUT", "/artifacts/prompt/moving/labels/production", {"version": "2"})
    assert eventually(lambda: everywhere("version two"), seconds=2.0)
    admin.ask("POST", "/artifacts/prompt/moving/labels/production/rollback", {})
    assert eventually(lambda: everywhere("version one"), seconds=2.0)
