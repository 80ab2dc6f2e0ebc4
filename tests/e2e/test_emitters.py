"""Applications watched by their own instrumentations arrive as right traces, through the gateway and around it.

The instrumentations live in an environment of their own (`make emitters`); without it these tests are skipped.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e_harness import Control, eventually, scrubbed_environment
from penstock.testing.server import PenstockServer
from penstock.testing.simulator import SimulatorServer

HERE = Path(__file__).parent
PYTHON = Path(sys.prefix) / "emitters" / "bin" / "python"
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="no instrumentations here: make emitters")
CONFIG = """\
version: 1
providers:
  sim:
    {{kind: openai, base_url: "{url}/v1", price_as: openai, models: [gpt-4o-mini, text-embedding-3-small]}}
  sim-anthropic: {{kind: anthropic, base_url: "{url}/v1", price_as: anthropic, models: [claude-sonnet-4-5]}}
"""
EMITTERS: dict[str, dict[str, Any]] = {
    "openai, OpenTelemetry": {"calls": 4, "kinds": {"llm", "embedding"}, "provider": "openai"},
    "openai, OpenInference": {"calls": 4, "kinds": {"llm", "embedding"}, "provider": "openai"},
    "openai, OpenLLMetry": {"calls": 4, "kinds": {"llm", "embedding"}, "provider": "openai"},
    "anthropic, OpenLLMetry": {"calls": 3, "kinds": {"llm"}, "provider": "anthropic"},
    "anthropic, OpenInference": {"calls": 3, "kinds": {"llm"}, "provider": "anthropic"},
    "LangChain": {"calls": 1, "kinds": {"chain", "llm", "tool"}, "provider": "openai"},
    "LlamaIndex": {"calls": 3, "kinds": {"chain", "retriever", "embedding", "llm"}, "provider": "openai"},
    "OpenAI Agents": {"calls": 2, "kinds": {"agent", "llm", "tool"}, "provider": "openai"},
    "Pydantic AI": {"calls": 2, "kinds": {"agent", "llm", "tool"}, "provider": "openai"},
}
BLIND = {"LlamaIndex"}
"""Whose instrumentation reports no tokens of embeddings."""
MODELS = ("llm", "embedding")
Spans = list[dict[str, Any]]


@pytest.fixture(scope="module")
def server(
    penstock_simulator_process: SimulatorServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PenstockServer]:
    folder = tmp_path_factory.mktemp("emitters")
    config = folder / "penstock.yaml"
    config.write_text(CONFIG.format(url=penstock_simulator_process.url))
    with PenstockServer(folder, config=config) as server:
        yield server


@pytest.fixture(scope="module", params=EMITTERS)
def told(
    request: pytest.FixtureRequest, server: PenstockServer, penstock_simulator_process: SimulatorServer
) -> tuple[str, Spans, Spans]:
    """An emitter, what is stored of its calls through the gateway, and of those to the provider itself."""
    emitter = str(request.param)
    quiet = {"LANGSMITH_TRACING": "false", "ANONYMIZED_TELEMETRY": "false", "OPENAI_AGENTS_DISABLE_TRACING": "0"}
    urls = (server.gateway_url, penstock_simulator_process.url, server.console_url)
    process = subprocess.run(
        [str(PYTHON), str(HERE / "emitters" / "application.py"), emitter, *urls, server.admin_key],
        env=scrubbed_environment(**quiet),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    traces = json.loads(process.stdout)
    control = Control(server.console_url, server.admin_key)
    calls = EMITTERS[emitter]["calls"]

    def complete(name: str, source: str) -> Spans:
        """Gateway and application write apart: the trace is whole when the root and all calls are there."""
        spans: Spans = control.trace(traces[name])["spans"]
        models = [span for span in spans if span["source"] == source and span["kind"] in MODELS]
        whole = len(models) >= calls and any(span["name"] == "request" for span in spans)
        return spans if whole and (source == "otlp" or counted(spans) == len(models)) else []

    through = eventually(lambda: complete("gateway", "gateway"), seconds=10.0)
    around = eventually(lambda: complete("provider", "otlp"), seconds=10.0)
    assert through
    assert around
    return emitter, through, around


def counted(spans: Spans) -> int:
    """Calls of models that count."""
    return sum(span["kind"] in MODELS and not span["covered"] for span in spans)


def tokens(spans: Spans) -> int:
    return sum(value for span in spans for name, value in span.items() if name.startswith("usage_") and _counts(value))


def _counts(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def test_parents_are_right_and_all_hangs_on_the_applications_own_root(told: tuple[str, Spans, Spans]) -> None:
    for spans in told[1:]:
        ids = {span["span_id"] for span in spans}
        (root,) = [span for span in spans if span["parent_id"] not in ids]
        assert (root["name"], root["parent_id"], root["kind"], root["service"]) == ("request", None, "span", "shop")
        assert (root["session"], root["tags"]) == ("session-7", {"environment": "prod"})
        assert len(root["user"]) == 32


def test_each_kind_of_work_is_known(told: tuple[str, Spans, Spans]) -> None:
    emitter, through, around = told
    for spans in (through, around):
        assert EMITTERS[emitter]["kinds"] <= {span["kind"] for span in spans if span["source"] == "otlp"}


def test_tokens_and_cost_count_once_though_two_tell_of_each_call(told: tuple[str, Spans, Spans]) -> None:
    """FAILURES O8"""
    emitter, through, _ = told
    calls = [span for span in through if span["call"]]
    assert len(calls) == EMITTERS[emitter]["calls"]
    assert tokens(through) == tokens(calls) > 0
    assert sum(span["cost"] or 0 for span in through) == sum(span["cost"] for span in calls) > 0
    reported = [span for span in through if span["source"] == "otlp" and span["kind"] in MODELS]
    assert all(span["covered"] for span in reported)


def test_calls_around_the_gateway_have_the_tokens_and_the_cost_that_it_would_have_recorded(
    told: tuple[str, Spans, Spans],
) -> None:
    """FAILURES O8"""
    emitter, through, around = told
    assert counted(around) == EMITTERS[emitter]["calls"]
    if emitter in BLIND:
        through = [span for span in through if span["kind"] != "embedding"]
        around = [span for span in around if span["kind"] != "embedding"]
    # Ids of tool calls are part of what is asked, and differ by a token or two.
    assert tokens(around) == pytest.approx(tokens(through), rel=0.03)
    costs = [sum(span["cost"] or 0 for span in spans) for spans in (around, through)]
    assert costs[0] == pytest.approx(costs[1], rel=0.03)
    assert costs[0] > 0


def test_a_model_call_has_its_model_its_provider_and_its_messages(told: tuple[str, Spans, Spans]) -> None:
    """FAILURES O11"""
    emitter, _, around = told
    for span in (span for span in around if span["kind"] == "llm"):
        assert span["provider"] == EMITTERS[emitter]["provider"]
        assert span["requested_model"].startswith(("gpt-4o-mini", "claude-sonnet-4-5"))
    # The vendor's own SDK writes spans without text beside those of the instrumentation.
    speaking = [span for span in around if span["kind"] == "llm" and span["input"]]
    assert len(speaking) >= sum(span["kind"] == "llm" and not span["covered"] for span in around)
    for span in speaking:
        asked, answered = span["input"], span["output"]
        assert all(message["role"] in {"system", "user", "assistant", "tool"} for message in asked)
        assert any(part for message in asked for part in message["parts"])
        assert answered[0]["role"] == "assistant"
        kinds = {part["type"] for message in (*asked, *answered) for part in message["parts"]}
        assert kinds <= {"text", "tool_call", "tool_call_response"}


def test_tools_show_what_they_were_given_and_what_they_gave(told: tuple[str, Spans, Spans]) -> None:
    emitter, _, around = told
    tools = [span for span in around if span["kind"] == "tool"]
    assert len(tools) == ("tool" in EMITTERS[emitter]["kinds"])
    for tool in tools:
        (call,) = tool["input"][0]["parts"]
        (result,) = tool["output"][0]["parts"]
        assert call["name"] == "get_weather"
        assert "Bern" in json.dumps(call["arguments"])
        assert "Rain in Bern." in json.dumps(result["response"])
