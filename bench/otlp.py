"""Spans of applications: how fast a console takes them in, and how soon they can be asked for.

    python bench/otlp.py [--spans 600000] [--batch 512] [--senders 4] [--text 2000] [--gzip]

Batches are made beforehand: traces of six spans as an agent writes them (a request, the agent, a retriever, two model
calls with `--text` characters of messages, a tool). They are sent over HTTP to a whole console on a fresh home, by
several senders at once, as exporters do: the next batch goes when the one before is answered, and an answer means that
the spans are on the disk. Batches of the store grow while more waits than it has taken: of fewer spans than these the
first seconds are most. Prints a table, and one line of JSON.

    mapped      from the bytes of a request to lines of the journal, one thread, processor time
    accepted    until the last batch is answered
    queryable   until the store has counted the last span
    console     all of its processor time per span: HTTP, mapping in a process of its own, writing, storing
"""

import argparse
import gzip
import http.client
import json
import queue
import random
import sys
import tempfile
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from penstock.testing.server import PenstockServer
from penstock.tracing.otlp.body import PROTOBUF
from penstock.tracing.otlp.decode import decode
from penstock.tracing.otlp.mapping.span import SpanMapper
from penstock.tracing.otlp.request import append_line

RATE = 20_000
MICROSECONDS_PER_SPAN = 45
WORDS = "the penstock brings a river to turbines gate water head valve steel flow level intake".split()  # noqa: SIM905 - prose


def text(chance: random.Random, length: int) -> str:
    words: list[str] = []
    size = 0
    while size < length:
        words.append(
            f"{chance.choice(WORDS)}{chance.randrange(1000)}" if chance.random() < 0.2 else chance.choice(WORDS)
        )
        size += len(words[-1]) + 1
    return " ".join(words)[:length]


def value(given: object) -> AnyValue:
    if isinstance(given, bool):
        return AnyValue(bool_value=given)
    if isinstance(given, int):
        return AnyValue(int_value=given)
    if isinstance(given, float):
        return AnyValue(double_value=given)
    if isinstance(given, list):
        made = AnyValue()
        made.array_value.values.extend(value(each) for each in given)
        return made
    return AnyValue(string_value=str(given))


def message(role: str, content: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": content}]}])


def one_trace(chance: random.Random, length: int) -> list[tuple[int | None, str, dict[str, object]]]:
    """Parent's place, name, attributes. Half of the text is asked, half answered."""
    session = f"session-{chance.randrange(5000)}"

    def model() -> dict[str, object]:
        return {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o-mini",
            "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
            "gen_ai.response.id": f"chatcmpl-{chance.getrandbits(96):024x}",
            "gen_ai.response.finish_reasons": ["stop"],
            "gen_ai.request.temperature": 0.5,
            "gen_ai.request.max_tokens": 1000,
            "gen_ai.usage.input_tokens": chance.randrange(100, 2000),
            "gen_ai.usage.cache_read.input_tokens": chance.randrange(0, 100),
            "gen_ai.usage.output_tokens": chance.randrange(10, 500),
            "gen_ai.input.messages": message("user", text(chance, length // 2)),
            "gen_ai.output.messages": message("assistant", text(chance, length // 2)),
            "server.address": "api.openai.com",
            "server.port": 443,
            "session.id": session,
        }

    request = {
        "http.request.method": "POST",
        "url.path": "/ask",
        "http.response.status_code": 200,
        "session.id": session,
        "user.id": f"user-{chance.randrange(2000)}",
        "penstock.tag.env": "prod",
    }
    documents = {
        f"retrieval.documents.{number}.document.{name}": given
        for number in range(3)
        for name, given in (("content", text(chance, 100)), ("score", chance.random()))
    }
    return [
        (None, "POST /ask", request),
        (0, "invoke_agent helper", {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "helper"}),
        (1, "retrieve", {"openinference.span.kind": "RETRIEVER", "input.value": text(chance, 60), **documents}),
        (1, "chat gpt-4o-mini", model()),
        (
            1,
            "execute_tool search",
            {
                "gen_ai.operation.name": "execute_tool",
                "gen_ai.tool.name": "search",
                "gen_ai.tool.call.arguments": json.dumps({"query": text(chance, 40)}),
                "gen_ai.tool.call.result": text(chance, 200),
            },
        ),
        (1, "chat gpt-4o-mini", model()),
    ]


def batches(spans: int, size: int, length: int, *, packed: bool) -> list[bytes]:
    chance = random.Random(7)
    now = time.time_ns() - 3_600_000_000_000
    made: list[bytes] = []
    count = 0
    while count < spans:
        request = ExportTraceServiceRequest()
        group = request.resource_spans.add()
        group.resource.attributes.append(KeyValue(key="service.name", value=value("bench")))
        scope = group.scope_spans.add()
        scope.scope.name = "bench"
        while len(scope.spans) < size and count < spans:
            trace_id = chance.randbytes(16)
            now += 50_000_000
            ids: list[bytes] = []
            for parent, name, attributes in one_trace(chance, length):
                span = scope.spans.add(trace_id=trace_id, span_id=chance.randbytes(8), name=name, kind=1)
                ids.append(span.span_id)
                span.parent_span_id = b"" if parent is None else ids[parent]
                span.start_time_unix_nano = now + len(ids) * 1_000_000
                span.end_time_unix_nano = now + len(ids) * 1_000_000 + chance.randrange(10**6, 10**9)
                span.attributes.extend(KeyValue(key=key, value=value(each)) for key, each in attributes.items())
                count += 1
        data = request.SerializeToString()
        made.append(gzip.compress(data, 6) if packed else data)
    return made


def mapped(bodies: list[bytes], *, packed: bool) -> tuple[float, int]:
    """Processor time per span, microseconds, and bytes of a line."""
    bodies = [gzip.decompress(body) if packed else body for body in bodies[:40]]
    best, size, spans = float("inf"), 0, 1
    for _ in range(3):
        mapper = SpanMapper("p", now=time.time_ns() // 1000, pricing=lambda *_: (1, "x"), hide=str)
        begun, size, spans = time.process_time(), 0, 0
        for body in bodies:
            lines = bytearray()
            for origin, received in decode(body, PROTOBUF):
                append_line(lines, mapper.map(origin, received))
                spans += 1
            size += len(lines)
        best = min(best, time.process_time() - begun)
    return best / spans * 1e6, size // spans


def send_all(url: str, key: str, bodies: list[bytes], senders: int, *, packed: bool) -> tuple[list[float], int]:
    """Latencies of the answers, and how often a sender was asked to come again."""
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    for body in bodies:
        waiting.put(body)
    headers = {"authorization": f"Bearer {key}", "content-type": PROTOBUF}
    if packed:
        headers["content-encoding"] = "gzip"
    taken: list[float] = []
    again: list[int] = []

    def run() -> None:
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        while True:
            try:
                body = waiting.get_nowait()
            except queue.Empty:
                return
            while True:
                begun = time.perf_counter()
                connection.request("POST", "/otlp/v1/traces", body, headers)
                answer = connection.getresponse()
                content = answer.read()
                if answer.status == 200 and not content:
                    taken.append(time.perf_counter() - begun)
                    break
                if answer.status != 429:
                    raise SystemExit(f"{answer.status} {content[:300]!r}")
                again.append(1)
                time.sleep(0.2)

    threads = [threading.Thread(target=run) for _ in range(senders)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken, len(again)


def stored(url: str, key: str) -> int:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    connection.request("GET", "/api/v1/system", headers={"authorization": f"Bearer {key}"})
    return json.loads(connection.getresponse().read())["ingest"]["stored_spans"]


def console_seconds(pid: int) -> float:
    """Processor time of the console's process so far, and of the one that maps for it."""
    for child in psutil.Process(pid).children(recursive=True):
        if "penstock.server.console_process" in " ".join(child.cmdline()):
            spent = [each.cpu_times() for each in (child, *child.children())]
            return sum(times.user + times.system for times in spent)
    raise SystemExit("there is no console process")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=600_000)
    parser.add_argument("--batch", type=int, default=512)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--text", type=int, default=2000)
    parser.add_argument("--gzip", action="store_true")
    options = parser.parse_args()
    bodies = batches(options.spans, options.batch, options.text, packed=options.gzip)
    spans = options.spans + (-options.spans) % 6
    per_span, line = mapped(bodies, packed=options.gzip)
    sys.stderr.write(f"{len(bodies)} batches, {sum(map(len, bodies)) / 1e6:.0f} MB\n")
    with tempfile.TemporaryDirectory() as scratch, PenstockServer(Path(scratch)) as server:
        url, key = server.console_url, server.admin_key
        begun, worked = time.perf_counter(), console_seconds(server.pid)
        taken, again = send_all(url, key, bodies, options.senders, packed=options.gzip)
        accepted = time.perf_counter() - begun
        while (there := stored(url, key)) < spans:
            time.sleep(0.05)
        queryable = time.perf_counter() - begun
        worked = console_seconds(server.pid) - worked
        assert there == spans, f"{there} spans stored of {spans}"
    taken.sort()
    result = {
        "bench": "otlp",
        "spans": spans,
        "mapped_microseconds_per_span": round(per_span, 1),
        "journal_bytes_per_span": line,
        "accepted_spans_per_second": round(spans / accepted),
        "queryable_spans_per_second": round(spans / queryable),
        "console_microseconds_per_span": round(worked / spans * 1e6, 1),
        "answer_p50_ms": round(taken[len(taken) // 2] * 1000, 1),
        "answer_p99_ms": round(taken[len(taken) * 99 // 100] * 1000, 1),
        "asked_again": again,
        "budget": {"spans_per_second": RATE, "microseconds_per_span": MICROSECONDS_PER_SPAN},
    }
    print(f"{'':28}{'measured':>12}{'budget':>12}")
    print(f"{'microseconds to map a span':28}{per_span:>12.1f}{f'<= {MICROSECONDS_PER_SPAN}':>12}")
    print(f"{'spans/s accepted':28}{spans / accepted:>12,.0f}{f'>= {RATE:,}':>12}")
    print(f"{'spans/s to queryable':28}{spans / queryable:>12,.0f}{f'>= {RATE:,}':>12}")
    print(f"{'console microseconds per span':28}{worked / spans * 1e6:>12.1f}")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
