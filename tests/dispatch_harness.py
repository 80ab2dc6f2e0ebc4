"""Routes for tests of dispatch: how they are written, called, and looked at."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec

from gateway_harness import DONE, USAGE, Gateway, Provider, Script, delta
from penstock.wire.limits import Budget, LimitEntry
from penstock.wire.routing import Choice, Retries, RouteEntry, Strategy, Use, Variant
from penstock.wire.snapshot import ProviderEntry
from penstock.wire.span import Span
from penstock.wire.status import TargetReport

__all__ = [
    "COST",
    "HELLO",
    "NEVER",
    "Gate",
    "ask",
    "attempts",
    "attributes",
    "budget",
    "call_of",
    "calls",
    "choices",
    "eventually",
    "fails",
    "healthy",
    "in_two_parts",
    "provider_with",
    "reports",
    "route",
    "serve",
    "spent",
    "text_of",
    "use",
]

NEVER = Retries(attempts=0)
COST = 10 * 1000 + 5 * 2000
"""Nano-dollars of an answer that reports 10 tokens in and 5 out."""
HELLO = (delta(""), delta("Hel"), delta("lo."), delta(finish="stop"), USAGE, DONE)


def use(variant: str) -> Use:
    return Use(variant=variant)


def choices(**weights: float) -> tuple[Choice, ...]:
    return tuple(Choice(weight=weight, use=use(name)) for name, weight in weights.items())


def route(strategy: Strategy, *, variants: dict[str, Variant] | None = None, **fields: Any) -> RouteEntry:
    """A route named `r` over the variants `a` (the provider `p`) and `b` (`q`), without retries unless it says so."""
    plain = {"a": Variant(name="a", models=("p/m",)), "b": Variant(name="b", models=("q/m",))}
    return RouteEntry(
        name="r", variants={**plain, **(variants or {})}, strategy=strategy, **{"retries": NEVER, **fields}
    )


def serve(gateway: Gateway, /, *routes: RouteEntry, **fields: Any) -> None:
    """Publish routes, by name, with whatever else of the snapshot changes."""
    now = gateway.publication.catalog.snapshot
    found = {entry.name: entry for entry in routes} or now.routes
    gateway.publish(msgspec.structs.replace(now, version=now.version + 1, routes=found, **fields))


def provider_with(gateway: Gateway, name: str, **fields: Any) -> dict[str, ProviderEntry]:
    """The providers with one of them changed, for `serve`."""
    now = gateway.publication.catalog.snapshot.providers
    return {**now, name: msgspec.structs.replace(now[name], **fields)}


def budget(hard: int | None = None, *, soft: int | None = None, name: str = "money") -> LimitEntry:
    """Nano-dollars per day, for everybody."""
    return LimitEntry(name=name, level="organisation", budgets=(Budget(window="day", hard=hard, soft=soft),))


async def spent(gateway: Gateway, name: str = "money") -> int:
    """What a budget's counter says."""
    counter = f"{name}/organisation/money/day"
    return (await gateway.counters.read([counter]))[counter]


async def ask(gateway: Gateway, *, stream: bool = False, model: str = "r", **fields: Any) -> tuple[int, str]:
    """One chat: its status, and its text or the code of its error."""
    answer = await gateway.chat(model, **({"stream": True} if stream else {}), **fields)
    return answer.status_code, text_of(answer.text)


def text_of(body: str) -> str:
    """The text of an answer or of a stream, and after it `!code` where an error ends it."""
    if not body.startswith(("data:", ":", "event:")):
        content = json.loads(body)
        if "error" in content:
            return f"!{content['error'].get('code') or content['error']['type']}"
        return "".join(choice["message"].get("content") or "" for choice in content["choices"])
    text = ""
    for line in body.splitlines():
        if not line.startswith("data: ") or line == "data: [DONE]":
            continue
        event = json.loads(line.removeprefix("data: "))
        if "error" in event:
            return f"{text}!{event['error'].get('code') or event['error']['type']}"
        text += "".join(choice["delta"].get("content") or "" for choice in event.get("choices", ()))
    return text


def healthy(provider: Provider, text: str) -> None:
    """Answer with `text`, as a stream where one is asked for; 10 tokens in, 5 out."""
    whole = provider.json(
        {
            "id": "c",
            "object": "chat.completion",
            "created": 1,
            "model": "m-2024",
            "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        }
    )
    middle = len(text) // 2
    streamed = provider.stream(delta(""), delta(text[:middle]), delta(text[middle:]), delta(finish="stop"), USAGE, DONE)
    provider.script = either(provider, whole, streamed)


def either(provider: Provider, whole: Script, streamed: Script) -> Script:
    """One script for whole answers, one for streams."""

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        chosen = streamed if provider.requests[-1][1].get("stream") else whole
        await chosen(reader, writer)

    return script


def fails(provider: Provider, status: str = "500 Internal Server Error", code: str = "oops", **headers: str) -> None:
    provider.script = provider.json({"error": {"message": "No.", "type": "x", "code": code}}, status, **headers)


def call_of(gateway: Gateway) -> Span:
    """The span of the one call that was made."""
    (call,) = [span for span in gateway.journal.spans if span.call]
    return call


def attempts(gateway: Gateway) -> list[Span]:
    """The attempts' own spans, of calls that have more than one."""
    return [span for span in gateway.journal.spans if not span.call]


def attributes(span: Span) -> dict[str, Any]:
    return json.loads(bytes(span.attributes or b"{}"))


def reports(gateway: Gateway, *, later: float = 0.0) -> tuple[TargetReport, ...]:
    """The health of all targets; looked at `later`, for them as much time has passed."""
    return gateway.health.reports(asyncio.get_running_loop().time() + later)


async def eventually(done: Callable[[], object]) -> None:
    """Return once `done()` holds: for what happens beside the call that a test made."""
    async with asyncio.timeout(5):
        while not done():
            await asyncio.sleep(0.005)


class Gate:
    """Lets the provider answer when the test says so."""

    def __init__(self, provider: Provider) -> None:
        self.opened = asyncio.Event()
        self._answer = provider.script

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self.opened.wait()
        await self._answer(reader, writer)


def calls(gateway: Gateway) -> list[Span]:
    return [span for span in gateway.journal.spans if span.call]


def in_two_parts(provider: Provider, gate: asyncio.Event) -> Script:
    """A stream whose second half waits for the gate."""
    halves = (b"".join([delta(""), delta("fi")]), b"".join([delta("rst"), delta(finish="stop"), b"data: [DONE]\n\n"]))

    async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        writer.write(b"%x\r\n%b\r\n" % (len(halves[0]), halves[0]))
        await writer.drain()
        await gate.wait()
        writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(halves[1]), halves[1]))

    return script
