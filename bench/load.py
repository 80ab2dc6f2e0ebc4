"""Load on a gateway: closed-loop by wrk, and open-loop by a client that adds little of its own."""

import asyncio
import json
import re
import shutil
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from contestants import CannotRun, Running

PROMPT = "What does a penstock do? " * 40
"""1 KB."""
IDLE_SECONDS = 2.0
DIGITS = 20


def body(model: str, *, stream: bool = False) -> str:
    request: dict[str, object] = {"model": model, "messages": [{"role": "user", "content": PROMPT}]}
    if stream:
        request["stream"] = True
    return json.dumps(request, separators=(",", ":"))


@dataclass
class Throughput:
    rate: float
    """Requests, or whole streams, per second."""
    failed: int
    cpu_micros: float
    """CPU time of the gateway per request, microseconds."""


DIFFERENT = """
local number = 0
local before, after = wrk.body:match("^(.-What does)( a penstock.*)$")
function request()
  number = number + 1
  return wrk.format(nil, nil, nil, before .. " " .. RUN .. "-" .. number .. after)
end
"""
"""Makes every request a question of its own."""


def saturate(
    gateway: Running, *, core: int, seconds: int, connections: int, stream: bool = False, different: bool = False
) -> Throughput:
    """As many requests as it takes, from `connections` connections that each wait for their answer.

    With `different` no two requests are the same, so that a cache knows none of them.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise CannotRun("wrk is not installed: apt-get install wrk")
    lines = ['wrk.method = "POST"', f"wrk.body = [==[{body(gateway.model, stream=stream)}]==]"]
    headers = {"content-type": "application/json", **gateway.headers}
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    if different:
        lines += [f"local RUN = {time.time_ns()}", DIFFERENT]
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write("\n".join(lines))
        script.flush()
        before = gateway.cpu()
        command = [wrk, "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script.name, gateway.url]
        told = subprocess.run(["taskset", "-c", str(core), *command], capture_output=True, text=True, check=True).stdout
        used = gateway.cpu() - before
    requests = int(_find(r"(\d+) requests in", told))
    rejected = re.search(r"Non-2xx or 3xx responses: (\d+)", told)
    sockets = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", told)
    failed = int(rejected[1]) if rejected else 0
    failed += sum(map(int, sockets.groups())) if sockets else 0
    return Throughput(float(_find(r"Requests/sec:\s+([\d.]+)", told)), failed, used / max(requests, 1) * 1e6)


def _find(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise CannotRun(f"wrk printed no {pattern!r}: {text[-300:]}")
    return match[1]


class Connection:
    """One keep-alive connection that sends one canned request and waits for its answer."""

    def __init__(self, url: str, payload: bytes, headers: dict[str, str], *, different: bool = False) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        lines = [f"POST {parts.path} HTTP/1.1", f"host: {parts.netloc}", "content-type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append(f"content-length: {len(payload)}")
        self.request = "\r\n".join(lines).encode() + b"\r\n\r\n" + payload
        # A number in the place of as many letters makes it a question of its own.
        before, _, after = self.request.partition(PROMPT[:DIGITS].encode())
        self.places = (before, after) if different else None

    async def open(self) -> None:
        self.reader, self.writer = await asyncio.open_connection(self.host, self.port)
        self.used = time.perf_counter()

    async def ask_afresh(self) -> float:
        """As `ask`, over a new connection when this one has been idle for so long that the server may close it."""
        if time.perf_counter() - self.used > IDLE_SECONDS:
            self.writer.close()
            await self.open()
        return await self.ask()

    async def ask(self) -> float:
        """Seconds from the first byte sent to the last byte received."""
        if self.places is not None:
            before, after = self.places
            self.request = b"%b%0*d%b" % (before, DIGITS, time.time_ns(), after)
        began = time.perf_counter()
        self.writer.write(self.request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise CannotRun(f"answer {head[:40]!r}")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        await self.reader.readexactly(length)
        self.used = time.perf_counter()
        return self.used - began


@dataclass
class Latency:
    p50: float
    p99: float
    """Milliseconds."""


async def one_connection(
    url: str, model: str, headers: dict[str, str], *, requests: int, different: bool = False
) -> list[float]:
    connection = Connection(url, body(model).encode(), headers, different=different)
    await connection.open()
    return [await connection.ask() for _ in range(requests)]


async def at_rate(
    url: str, model: str, headers: dict[str, str], *, rate: int, seconds: float, different: bool = False
) -> list[float]:
    """Open loop: requests start on schedule, whether or not earlier ones have been answered."""
    payload = body(model).encode()
    idle: list[Connection] = []
    for _ in range(32):
        connection = Connection(url, payload, headers, different=different)
        await connection.open()
        idle.append(connection)
    seen: list[float] = []

    async def one(due: float) -> None:
        connection = idle.pop() if idle else Connection(url, payload, headers, different=different)
        if not hasattr(connection, "reader"):
            await connection.open()
        await connection.ask_afresh()
        # From when it was due, so that a stall is charged to every request it delayed.
        seen.append(time.perf_counter() - due)
        idle.append(connection)

    async with asyncio.TaskGroup() as group:
        began = time.perf_counter()
        for number in range(int(rate * seconds)):
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            group.create_task(one(due))
    return seen


def quantiles(seconds: list[float]) -> Latency:
    cuts = statistics.quantiles(seconds, n=100)
    return Latency(p50=cuts[49] * 1000, p99=cuts[98] * 1000)


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n")
