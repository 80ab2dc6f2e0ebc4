"""A gateway in this process, and a provider that does what a test tells it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

import httpx

from penstock.core.clock import SystemClock
from penstock.core.errors import PenstockError, Unavailable
from penstock.core.ids import RandomIds
from penstock.finops.pricing import Pricer
from penstock.gateway.app import GatewayApp
from penstock.gateway.inbound.listener import Listener
from penstock.gateway.passage import PassthroughPipeline
from penstock.gateway.pipeline import Pipeline
from penstock.gateway.publication import Publication
from penstock.gateway.routing.registry import Health
from penstock.gateway.stages.admit import Admission
from penstock.gateway.stages.dispatch.attempt import Attempts
from penstock.gateway.stages.dispatch.executor import Executor
from penstock.gateway.stages.dispatch.shadow import Shadows
from penstock.gateway.stages.forward import Forwarder
from penstock.gateway.stages.reuse import Reuser
from penstock.gateway.transport import HttpTransport
from penstock.gateway.watchdog import Watchdog
from penstock.store.answers.memory import MemoryAnswers
from penstock.store.counters.memory import MemoryCounters
from penstock.wire.snapshot import (
    JournalSettings,
    Snapshot,
    encode_snapshot,
)
from penstock.wire.span import Span

KEY = "psk_test"
SECRET = "the-providers-own-secret"

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class MemoryJournal:
    """The journal's port, kept in lists."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.begun: list[Span] = []
        self.full = False
        self.recorded = asyncio.Event()

    def configure(self, settings: JournalSettings) -> None: ...

    def admit(self) -> None:
        if self.full:
            raise Unavailable("The journal is full.", code="journal_full", retry_after=5)

    def begin(self, span: Span) -> None:
        self.begun.append(span)

    def record(self, spans: Sequence[Span]) -> None:
        self.spans.extend(spans)
        self.recorded.set()

    def record_soon(self, spans: Sequence[Span], then: Callable[[PenstockError | None], None]) -> None:
        try:
            self.record(spans)
        except PenstockError as error:
            then(error)
        else:
            then(None)

    def tick(self) -> None: ...

    def close(self) -> None: ...


class Provider:
    """An upstream on a real socket. Each connection runs `script` once for each request."""

    def __init__(self) -> None:
        self.requests: list[tuple[bytes, dict[str, Any]]] = []
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self.script: Script = self.json(completion("Hello."))
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                body = await reader.readexactly(length)
                self.requests.append((head, json.loads(body)))
                self.asked.set()
                await self.script(reader, writer)
                await writer.drain()
                if writer.is_closing():
                    break
        writer.close()

    def json(self, content: object, status: str = "200 OK", **headers: str) -> Script:
        return self.raw(json.dumps(content).encode(), status=status, **{"content-type": "application/json", **headers})

    def raw(self, body: bytes, *, status: str = "200 OK", **headers: str) -> Script:
        async def script(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            writer.write(f"HTTP/1.1 {status}\r\n{lines}content-length: {len(body)}\r\n\r\n".encode() + body)

        return script

    def stream(self, *events: bytes, end: str = "clean") -> Script:
        """Server-sent events, then: a `clean` end, a `cut` connection, or `silence` until the caller leaves."""

        async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            for event in events:
                writer.write(b"%x\r\n%b\r\n" % (len(event), event))
                await writer.drain()
            if end == "clean":
                writer.write(b"0\r\n\r\n")
            elif end == "cut":
                writer.close()
            else:
                await self.until_left(reader)
                writer.close()

        return script

    async def silence(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Accept, and never answer."""
        await self.until_left(reader)
        writer.close()

    async def until_left(self, reader: asyncio.StreamReader) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.read()
        self.left.set()


class Gateway:
    """The gateway under test and everything a test looks at."""

    def __init__(self, client: httpx.AsyncClient, journal: MemoryJournal, publication: Publication, path: Path) -> None:
        self.client = client
        self.journal = journal
        self.publication = publication
        self.path = path
        self.watchdog: Watchdog
        self.health: Health
        self.counters: MemoryCounters
        self.shadows: Shadows
        self.reuser: Reuser

    def publish(self, snapshot: Snapshot) -> None:
        self.path.write_bytes(encode_snapshot(snapshot))
        self.publication.refresh()

    async def chat(self, model: str = "p/m", *, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "Hi"}], **fields}
        return await self.client.post("/v1/chat/completions", json=body, headers=headers)

    async def message(self, model: str = "p/m", **fields: Any) -> httpx.Response:
        body = {"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": "Hi"}], **fields}
        return await self.client.post("/v1/messages", json=body)

    async def record(self) -> Span:
        """The span of the one call that was made."""
        await asyncio.wait_for(self.journal.recorded.wait(), 5)
        (call,) = [span for span in self.journal.spans if span.call]
        return call


def completion(text: str, **more: Any) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": "m-2024",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
        **more,
    }


def event(content: object) -> bytes:
    text = content if isinstance(content, str) else json.dumps(content)
    return f"data: {text}\n\n".encode()


def delta(text: str | None = None, *, finish: str | None = None, **more: Any) -> bytes:
    """One chunk of an OpenAI stream."""
    content = {} if text is None else {"content": text}
    choice = {"index": 0, "delta": content, "finish_reason": finish}
    head = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m-2024"}
    return event({**head, "choices": [choice], **more})


USAGE = event(
    {
        "id": "c",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m-2024",
        "choices": [],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
)
DONE = event("[DONE]")


@contextlib.asynccontextmanager
async def listening(provider: Provider) -> AsyncIterator[Provider]:
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.close()


@contextlib.asynccontextmanager
async def running(
    snapshot: Snapshot, folder: Path, *, environment: dict[str, str] | None = None
) -> AsyncIterator[Gateway]:
    """A gateway that serves `snapshot`. When it ends nothing may be left borrowed or in flight."""
    clock = SystemClock()
    ids = RandomIds(clock)
    journal = MemoryJournal()
    health = Health(clock=clock)
    path = folder / "snapshot.json"
    publication = Publication(path, Pricer, health, environment=environment or {"SECRET": SECRET})
    transport = HttpTransport(snapshot.gateway)
    watchdog = Watchdog()
    async with asyncio.TaskGroup() as tasks:
        counters = MemoryCounters(clock)
        cache = MemoryAnswers(budget=1_000_000, clock=clock)
        random = Random(7)
        admission = Admission(counters, clock=clock)
        attempts = Attempts(transport, watchdog, clock=clock)
        executor = Executor(attempts, admission, health, journal, random=random, clock=clock, ids=ids)
        reuser = Reuser(executor.run, cache, random=random, clock=clock)
        pipeline = Pipeline(publication, journal, admission, reuser, watchdog, tasks=tasks, clock=clock, ids=ids)
        forwarder = Forwarder(transport.uploads, watchdog, random=random)
        passthrough = PassthroughPipeline(
            publication, journal, counters, forwarder, pipeline, tasks=tasks, clock=clock, ids=ids
        )
        app = GatewayApp(
            pipeline, passthrough, publication, lambda: (b"text/plain", b"# none\n"), tasks=tasks, clock=clock, ids=ids
        )

        listener = Listener(app)
        watchdog.chores.append(listener.tick)
        server = await asyncio.get_running_loop().create_server(listener.connection, "127.0.0.1", 0)
        ticker = tasks.create_task(watchdog.run())
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with httpx.AsyncClient(base_url=url, headers={"authorization": f"Bearer {KEY}"}, timeout=10) as client:
            gateway = Gateway(client, journal, publication, path)
            gateway.watchdog = watchdog
            gateway.health = health
            gateway.counters = counters
            gateway.shadows = executor.shadows
            gateway.reuser = reuser
            gateway.publish(snapshot)
            yield gateway
        server.close()
        listener.drain()
        await listener.drained(1)
        await executor.shadows.close()
        ticker.cancel()
    await transport.close()
    assert counters.out == 0, "a ticket was not given back"
    in_flight = {report.target: report.in_flight for report in health.reports(clock.monotonic()) if report.in_flight}
    assert not in_flight, "an attempt was not handed back to its target's health"
    assert not len(reuser._flights), "a flight was left open"
