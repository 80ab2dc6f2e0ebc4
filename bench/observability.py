"""Penstock beside Phoenix (`arize-phoenix`), one after the other in one run, on the same spans.

    python bench/observability.py [--spans 20000] [--text 2000] [--rounds 20] [--only penstock,phoenix] [--json PATH]

Both start in an empty folder with what they bring along (DuckDB, SQLite) and are given the same OTLP/HTTP protobuf
requests: traces of four spans each, a chain with a retriever and two model calls, in OpenInference's attributes, two
kilobytes of text a span, spread over a day. Measured are

- from the start of the process to the first trace that a client can list, one request being repeated until it is taken;
- spans per second, from the first request to the moment when all of them can be counted;
- the newest 50 root spans, as the list shows them;
- percentiles of latency by hour, over the day;
- the first page of a search for a word that stands in one text of a hundred, asked or answered.

Phoenix is asked over its GraphQL API with the fields that its own pages ask for. Prints a table and one line of JSON.
"""

import argparse
import gzip
import json
import os
import random
import secrets
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from load import write_json
from penstock.testing.server import PenstockServer
from spans import prose

CACHE = Path(__file__).resolve().parent.parent / ".bench"
DAY = 86_400
RARE = "zyzzyva"
"""The word that is searched for."""
EVERY = 99
PER_REQUEST = 512
SENDERS = 4
PATIENCE = 1200.0
PHOENIX_PORT = 6116

out = Console(stderr=True)


@dataclass
class Backend:
    """What is measured of one of them. Every question returns how many rows it got, to see that it did answer."""

    name: str
    version: str
    send: Callable[[bytes], httpx.Response]
    count: Callable[[], int]
    newest: Callable[[], int]
    hourly: Callable[[], int]
    search: Callable[[], int]
    disk: Callable[[], int]


# ---- The spans ----


def attribute(key: str, value: str | float) -> KeyValue:
    if isinstance(value, str):
        return KeyValue(key=key, value=AnyValue(string_value=value))
    if isinstance(value, int):
        return KeyValue(key=key, value=AnyValue(int_value=value))
    return KeyValue(key=key, value=AnyValue(double_value=value))


def messages(side: str, role: str, text: str) -> list[KeyValue]:
    prefix = f"llm.{side}_messages.0.message"
    return [attribute(f"{prefix}.role", role), attribute(f"{prefix}.content", text)]


class Source:
    """Requests of `PER_REQUEST` spans, the same for the same seed."""

    def __init__(self, spans: int, *, text: int, seed: int, end: float) -> None:
        self._random = random.Random(seed)
        self._spans = spans
        self._text = text
        self._pool = prose(self._random, max(200_000, min(8_000_000, spans * text)))
        self._end = end
        self._made = 0

    def requests(self) -> Iterator[bytes]:
        request = ExportTraceServiceRequest()
        scope = self._scope(request)
        traces = self._spans // 4
        for number in range(traces):
            start = self._end - DAY * (1 - number / traces) * 0.99
            self._trace(scope, start)
            if len(scope.spans) >= PER_REQUEST:
                yield request.SerializeToString()
                request = ExportTraceServiceRequest()
                scope = self._scope(request)
        if scope.spans:
            yield request.SerializeToString()

    def first(self) -> bytes:
        """A request with one trace."""
        request = ExportTraceServiceRequest()
        self._trace(self._scope(request), self._end - 1)
        return request.SerializeToString()

    def _scope(self, request: ExportTraceServiceRequest) -> Any:
        resource = request.resource_spans.add()
        resource.resource.attributes.extend([attribute("service.name", "bench")])
        return resource.scope_spans.add()

    def _slice(self) -> str:
        at = int(self._random.random() * (len(self._pool) - self._text))
        self._made += 1
        text = self._pool[at : at + self._text // 2]
        return f"{text} {RARE}" if self._made % EVERY == 0 else text

    def _trace(self, scope: Any, start: float) -> None:
        trace, root = self._random.randbytes(16), self._random.randbytes(8)
        length = 0.2 + self._random.expovariate(1.0)
        self._span(scope, (trace, root, None), "CHAIN", start, length)
        self._span(scope, (trace, self._random.randbytes(8), root), "RETRIEVER", start, length * 0.2)
        for part in (0.2, 0.6):
            child = self._random.randbytes(8)
            self._span(scope, (trace, child, root), "LLM", start + length * part, length * 0.39)

    def _span(self, scope: Any, ids: tuple[bytes, bytes, bytes | None], kind: str, start: float, length: float) -> None:
        trace, span, parent = ids
        question, answer = self._slice(), self._slice()
        made = scope.spans.add(
            trace_id=trace,
            span_id=span,
            parent_span_id=parent or b"",
            name=kind.lower(),
            start_time_unix_nano=int(start * 1e9),
            end_time_unix_nano=int((start + length) * 1e9),
        )
        made.status.code = 1
        made.attributes.extend(
            [
                attribute("openinference.span.kind", kind),
                attribute("input.value", question),
                attribute("output.value", answer),
                attribute("session.id", f"s{int(start) // 600}"),
            ]
        )
        if kind == "LLM":
            prompt, completion = len(question) // 4, len(answer) // 4
            made.attributes.extend(
                [
                    attribute("llm.model_name", self._random.choice(["gpt-4o-mini", "gpt-4o", "o4-mini"])),
                    attribute("llm.provider", "openai"),
                    attribute("llm.token_count.prompt", prompt),
                    attribute("llm.token_count.completion", completion),
                    attribute("llm.token_count.total", prompt + completion),
                    *messages("input", "user", question),
                    *messages("output", "assistant", answer),
                ]
            )


# ---- The two ----


@contextmanager
def penstock(folder: Path) -> Iterator[Backend]:
    with PenstockServer(folder) as server:
        client = httpx.Client(
            base_url=server.console_url, headers={"authorization": f"Bearer {server.admin_key}"}, timeout=120
        )

        def ask(path: str, body: object = None, **query: Any) -> Any:
            answer = client.post(path, json=body) if body is not None else client.get(path, params=query)
            answer.raise_for_status()
            return answer.json()

        def metric(population: str, **fields: Any) -> Any:
            now = int(time.time() * 1e6)
            window = {"from": now - 2 * DAY * 10**6, "to": now + 10**9}
            return ask("/api/v1/metrics/query", {"population": population, **window, **fields})

        def count() -> int:
            series = metric("spans", aggregation="count")["series"]
            return round(series[0]["total"]["value"]) if series else 0

        def hourly() -> int:
            series = metric("traces", aggregation="p95", field="duration", step=3_600_000_000)["series"]
            return len(series[0]["points"])

        yield Backend(
            name="Penstock",
            version=ask("/api/v1/system")["version"],
            send=lambda data: client.post(
                "/otlp/v1/traces",
                content=data,
                headers={"content-type": "application/x-protobuf", "content-encoding": "gzip"},
            ),
            count=count,
            newest=lambda: len(ask("/api/v1/traces", limit=50)["items"]),
            hourly=hourly,
            search=lambda: len(ask("/api/v1/traces", limit=50, q=f'"{RARE}"')["items"]),
            disk=lambda: ask("/api/v1/system")["disk"]["spans_bytes"],
        )


@contextmanager
def phoenix(folder: Path) -> Iterator[Backend]:
    environment = CACHE / "phoenix"
    if not (environment / "bin" / "phoenix").exists():
        out.print("installing arize-phoenix into .bench/phoenix")
        subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "arize-phoenix"]
        subprocess.run(pip, check=True)
    url = f"http://127.0.0.1:{PHOENIX_PORT}"
    settings = {
        "PHOENIX_WORKING_DIR": str(folder),
        "PHOENIX_PORT": str(PHOENIX_PORT),
        "PHOENIX_GRPC_PORT": str(PHOENIX_PORT + 1),
        "PHOENIX_TELEMETRY_ENABLED": "false",
        "PHOENIX_HOST": "127.0.0.1",
    }
    log = (folder / "output.log").open("wb")
    process = subprocess.Popen(
        [str(environment / "bin" / "phoenix"), "serve"], env={**os.environ, **settings}, stdout=log, stderr=log
    )
    client = httpx.Client(base_url=url, timeout=120)

    def ask(query: str, **variables: Any) -> Any:
        answer = client.post("/graphql", json={"query": query, "variables": variables})
        answer.raise_for_status()
        content = answer.json()
        if content.get("errors"):
            raise RuntimeError(content["errors"])
        return content["data"]["projects"]["edges"][0]["node"]

    def of_project(fields: str) -> str:
        return f"query($r: TimeRange!) {{ projects {{ edges {{ node {{ ... on Project {{ {fields} }} }} }} }} }}"

    def window() -> dict[str, str]:
        now = time.time()
        return {
            "start": datetime.fromtimestamp(now - 2 * DAY, UTC).isoformat(),
            "end": datetime.fromtimestamp(now + 1000, UTC).isoformat(),
        }

    row = """edges { node { spanKind name startTime latencyMs statusCode trace { traceId } spanId tokenCountTotal
        input { value: truncatedValue } output { value: truncatedValue } } }"""
    rare = f"'{RARE}' in input.value or '{RARE}' in output.value"
    newest = "spans(first: 50, sort: {col: startTime, dir: desc}, timeRange: $r, traceFilterCondition: null"

    try:
        yield Backend(
            name="Phoenix",
            version=_version(environment),
            send=lambda data: client.post(
                "/v1/traces",
                content=data,
                headers={"content-type": "application/x-protobuf", "content-encoding": "gzip"},
            ),
            count=lambda: ask(of_project("recordCount(timeRange: $r)"), r=window())["recordCount"],
            newest=lambda: len(
                ask(of_project(f'{newest}, filterCondition: "parent_id is None") {{ {row} }}'), r=window())["spans"][
                    "edges"
                ]
            ),
            hourly=lambda: len(
                ask(
                    of_project(
                        "t: traceLatencyMsPercentileTimeSeries(timeRange: $r, timeBinConfig: {scale: HOUR, "
                        "utcOffsetMinutes: 0}) { data { timestamp p50 p95 p99 } }"
                    ),
                    r=window(),
                )["t"]["data"]
            ),
            search=lambda: len(
                ask(
                    of_project(f'{newest}, filterCondition: "{rare}") {{ {row} }}'),
                    r=window(),
                )["spans"]["edges"]
            ),
            disk=lambda: sum(file.stat().st_size for file in folder.glob("phoenix.db*")),
        )
    finally:
        client.close()
        process.terminate()
        process.wait(30)
        log.close()


def _version(environment: Path) -> str:
    command = [
        str(environment / "bin" / "python"),
        "-c",
        "from importlib.metadata import version as v; print(v('arize-phoenix'))",
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


# ---- The measurements ----


def until(question: Callable[[], bool]) -> None:
    """Ask again until it is so; a refused connection is a no."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            if question():
                return
        except (httpx.HTTPError, KeyError, IndexError):
            pass
        time.sleep(0.02)
    raise TimeoutError("it did not come to be so in time")


def deliver(backend: Backend, data: bytes) -> None:
    """Send until it is taken: a server that is busy says so and is asked again."""
    packed = gzip.compress(data, 1)

    def taken() -> bool:
        answer = backend.send(packed)
        if answer.status_code in (429, 503):
            time.sleep(float(answer.headers.get("retry-after", "0.2")))
            return False
        answer.raise_for_status()
        return True

    until(taken)


def timed(question: Callable[[], int], rounds: int) -> dict[str, float]:
    rows = question()
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        question()
        times.append((time.perf_counter() - begun) * 1000)
    times.sort()
    return {
        "p50_ms": round(statistics.median(times), 1),
        "p95_ms": round(times[int(len(times) * 0.95)], 1),
        "rows": rows,
    }


def measure(open_: Callable[[Path], Any], *, spans: int, text: int, rounds: int, scratch: Path) -> dict[str, Any]:
    folder = scratch / secrets.token_hex(4)
    folder.mkdir()
    source = Source(spans, text=text, seed=11, end=time.time())
    requests = list(source.requests())
    first = source.first()
    begun = time.perf_counter()
    with open_(folder) as backend:
        until(lambda: backend.send(gzip.compress(first, 1)).status_code == 200 and backend.newest() > 0)
        results: dict[str, Any] = {"name": backend.name, "version": backend.version}
        results["first_trace_seconds"] = round(time.perf_counter() - begun, 2)
        before = backend.count()
        sent = spans // 4 * 4
        begun = time.perf_counter()
        with ThreadPoolExecutor(SENDERS) as senders, Progress(console=out, transient=True) as progress:
            bar = progress.add_task(backend.name, total=len(requests))
            for _ in senders.map(lambda data: deliver(backend, data), requests):
                progress.advance(bar)
        accepted = time.perf_counter() - begun
        until(lambda: backend.count() >= before + sent)
        whole = time.perf_counter() - begun
        results["spans"] = backend.count() - before
        results["accepted_per_second"] = round(sent / accepted)
        results["queryable_per_second"] = round(sent / whole)
        for name in ("newest", "hourly", "search"):
            results[name] = timed(getattr(backend, name), rounds)
        results["bytes_per_span"] = round(backend.disk() / (sent + 4))
    shutil.rmtree(folder, ignore_errors=True)
    return results


ROWS = (
    ("start to first trace, s", lambda found: f"{found['first_trace_seconds']}"),
    ("spans/s accepted", lambda found: f"{found['accepted_per_second']:,}"),
    ("spans/s to queryable", lambda found: f"{found['queryable_per_second']:,}"),
    ("newest 50, p50 ms", lambda found: f"{found['newest']['p50_ms']}"),
    ("latency by hour, p50 ms", lambda found: f"{found['hourly']['p50_ms']}"),
    ("search, first page, p50 ms", lambda found: f"{found['search']['p50_ms']}"),
    ("bytes per span on disk", lambda found: f"{found['bytes_per_span']:,}"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spans", type=int, default=20_000)
    parser.add_argument("--text", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default="penstock,phoenix")
    parser.add_argument("--json", type=Path, help="write all figures there")
    options = parser.parse_args()
    backends = {"penstock": penstock, "phoenix": phoenix}
    with tempfile.TemporaryDirectory(prefix="penstock-bench-") as scratch:
        results = [
            measure(
                backends[name], spans=options.spans, text=options.text, rounds=options.rounds, scratch=Path(scratch)
            )
            for name in options.only.split(",")
        ]
    table = Table("", *(f"{found['name']} {found['version']}" for found in results))
    for title, show in ROWS:
        table.add_row(title, *(show(found) for found in results))
    out.print(table)
    figures = {"bench": "observability", "spans": options.spans, "text": options.text, "results": results}
    if options.json is not None:
        write_json(options.json, figures)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
