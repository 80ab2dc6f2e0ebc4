"""What an application does, in small: agents, tools, retrieval, sessions and users, told by OTLP and by the gateway."""

import json
import secrets
import time
from typing import Any

import httpx

__all__ = ["Seed"]

MICROSECOND = 1_000


class Seed:
    """Sends spans to a console as an instrumented application would (OpenInference's attributes).

    Args:
        console_url: Base address of the console.
        gateway_url: Base address of the gateway.
        key: May write traces, and call the gateway.
    """

    def __init__(self, console_url: str, gateway_url: str, key: str) -> None:
        self._console = console_url
        self._gateway = gateway_url
        self._headers = {"authorization": f"Bearer {key}"}

    def agent(self, question: str, *, session: str, user: str, before: float = 30.0, fails: bool = False) -> str:
        """A trace of an agent that retrieves, asks a model, uses a tool and asks again; its id.

        Args:
            question: What the user wants.
            session: Session of all its spans.
            user: User of all its spans.
            before: Seconds from its start to now.
            fails: The tool fails, and the second answer is worse.
        """
        trace = secrets.token_hex(16)
        start = time.time_ns() - int(before * 1e9)
        common = {"session.id": session, "user.id": user, "tag.tags": json.dumps(["shop"])}
        root, retrieve, first, tool, second = (secrets.token_hex(8) for _ in range(5))
        asked = [{"role": "system", "content": "You plan deliveries."}, {"role": "user", "content": question}]
        answer = "The carrier does not answer." if fails else "Tuesday works: three are in stock."
        called = {"name": "carrier_days", "arguments": '{"city": "Graz"}'}
        after = [
            *asked,
            {"role": "assistant", "content": "", "tool": called},
            {"role": "tool", "content": "timed out" if fails else "Tue, Fri"},
        ]
        spans = [
            _span(trace, root, None, "delivery-planner", start, 2_400, {
                **common, "openinference.span.kind": "AGENT", "input.value": question, "output.value": answer,
            }),
            _span(trace, retrieve, root, "delivery-rules", start + _ms(20), 160, {
                **common, "openinference.span.kind": "RETRIEVER", "input.value": question, **_documents(),
            }),
            _span(trace, first, root, "ChatCompletion", start + _ms(200), 700, {
                **common, **_llm(asked, "", tool=called, tokens=(420, 31)),
            }),
            _span(trace, tool, root, "carrier_days", start + _ms(920), 300, {
                **common, "openinference.span.kind": "TOOL", "tool.name": "carrier_days",
                "input.value": '{"city": "Graz"}', "output.value": "" if fails else '["Tue", "Fri"]',
            }, error="The carrier timed out." if fails else None),
            _span(trace, second, root, "ChatCompletion", start + _ms(1_250), 1_100, {
                **common, **_llm(after, answer, tokens=(510, 64)),
            }),
        ]  # fmt: skip
        self.send(spans, service="delivery")
        return trace

    def large(self, spans: int) -> str:
        """One trace of so many spans, four levels deep; its id."""
        trace = secrets.token_hex(16)
        ids = [secrets.token_hex(8) for _ in range(spans)]
        start = time.time_ns() - int(600 * 1e9)
        for first in range(0, spans, 5_000):
            part = range(first, min(spans, first + 5_000))
            self.send([_step(trace, ids, at, start) for at in part], service="pipeline")
        return trace

    def call(self, text: str, *, session: str, user: str, model: str = "fast") -> None:
        """A call through the gateway."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], "user": user}
        headers = {**self._headers, "x-penstock-session": session}
        httpx.post(
            f"{self._gateway}/v1/chat/completions", json=body, headers=headers, timeout=20, trust_env=False
        ).raise_for_status()

    def send(self, spans: list[dict[str, Any]], *, service: str) -> None:
        resource = {"attributes": [_attribute("service.name", service)]}
        body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "seed"}, "spans": spans}]}]}
        answer = httpx.post(
            f"{self._console}/otlp/v1/traces", json=body, headers=self._headers, timeout=60, trust_env=False
        )
        assert answer.status_code == 200, answer.text
        assert not answer.json().get("partialSuccess"), answer.text


def _step(trace: str, ids: list[str], at: int, start: int) -> dict[str, Any]:
    attributes = {
        "openinference.span.kind": "CHAIN" if at % 7 else "TOOL",
        "input.value": f"What step {at} was given. " * 8,
        "output.value": f"What step {at} made of it. " * 8,
    }
    above = ids[(at - 1) // 12] if at else None
    return _span(trace, ids[at], above, f"step {at}", start + _ms(at % 900), 900, attributes)


def _ms(milliseconds: int) -> int:
    return milliseconds * 1_000 * MICROSECOND


def _span(
    trace: str,
    span: str,
    parent: str | None,
    name: str,
    start: int,
    milliseconds: int,
    attributes: dict[str, Any],
    *,
    error: str | None = None,
) -> dict[str, Any]:
    return {
        "traceId": trace,
        "spanId": span,
        **({"parentSpanId": parent} if parent else {}),
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(start),
        "endTimeUnixNano": str(start + _ms(milliseconds)),
        "attributes": [_attribute(key, value) for key, value in attributes.items()],
        "status": {"code": 2, "message": error} if error else {"code": 1},
    }


def _attribute(key: str, value: str | float) -> dict[str, Any]:
    if isinstance(value, str):
        return {"key": key, "value": {"stringValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    return {"key": key, "value": {"doubleValue": value}}


def _llm(
    messages: list[dict[str, Any]], answer: str, *, tokens: tuple[int, int], tool: dict[str, str] | None = None
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "gpt-4o-mini",
        "llm.provider": "openai",
        "llm.token_count.prompt": tokens[0],
        "llm.token_count.completion": tokens[1],
    }
    for at, message in enumerate(messages):
        found |= _message(f"llm.input_messages.{at}.message", **message)
    return found | _message("llm.output_messages.0.message", role="assistant", content=answer, tool=tool)


def _message(prefix: str, *, role: str, content: str, tool: dict[str, str] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {f"{prefix}.role": role}
    if content:
        found[f"{prefix}.content"] = content
    if tool:
        call = f"{prefix}.tool_calls.0.tool_call"
        found[f"{call}.id"] = "call_1"
        found[f"{call}.function.name"] = tool["name"]
        found[f"{call}.function.arguments"] = tool["arguments"]
    return found


def _documents() -> dict[str, Any]:
    texts = ("Cabinets are carried to the second floor.", "No deliveries on Sundays.")
    found: dict[str, Any] = {}
    for at, text in enumerate(texts):
        document = f"retrieval.documents.{at}.document"
        found[f"{document}.id"] = f"rule-{at}"
        found[f"{document}.content"] = text
        found[f"{document}.score"] = 0.9 - at / 4
    return found
