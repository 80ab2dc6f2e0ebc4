"""Processes are killed at random moments under load; nothing that was answered is lost or stored twice."""

import http.client
import json
import random
import select
import threading
import time
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import psutil
import pytest

from e2e_harness import Control, eventually
from penstock.testing.server import PenstockServer

KILLS = 50
CLIENTS = 6
SEED = 20_261_121


class Client(threading.Thread):
    """Calls without pause, streaming every other time; notes the trace of each call answered to its end."""

    def __init__(self, server: PenstockServer, *, number: int, stop: threading.Event) -> None:
        super().__init__(name=f"client-{number}", daemon=True)
        self.server = server
        self.number = number
        self.stop = stop
        self.answered: list[str] = []
        self.broken = 0

    def run(self) -> None:
        count = 0
        while not self.stop.is_set():
            count += 1
            try:
                self.call(stream=count % 2 == 0, text=f"call {self.number}.{count}")
            except (OSError, http.client.HTTPException):
                self.broken += 1

    def call(self, *, stream: bool, text: str) -> None:
        parts = urlsplit(self.server.gateway_url)
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
        try:
            body = {"model": "gpt-4o-mini", "stream": stream, "messages": [{"role": "user", "content": text}]}
            headers = {"authorization": f"Bearer {self.server.admin_key}", "content-type": "application/json"}
            connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
            answer = connection.getresponse()
            content = answer.read()
            whole = content.endswith(b"data: [DONE]\n\n") if stream else True
            if answer.status == 200 and whole:
                self.answered.append(answer.headers["x-penstock-trace-id"])
        finally:
            connection.close()


STARTED = {"gateway_worker": 0.5, "console_process": 1.5}
"""Seconds after which most of them serve; they are killed earlier too, but not always."""


def victims(server: PenstockServer, moments: random.Random) -> list[tuple[psutil.Process, str]]:
    """The gateway workers and the console that run now, mostly those that have come to serve."""
    now = time.time()
    found = []
    for child in psutil.Process(server.pid).children(recursive=True):
        try:
            command = " ".join(child.cmdline())
            for kind, patience in STARTED.items():
                if kind in command and now - child.create_time() > moments.uniform(0, 3) * patience:
                    found.append((child, kind))
        except psutil.Error:
            continue
    return found


def pause(seconds: float) -> None:
    """The random moment at which the next process dies: what is tested, not what is waited for."""
    select.select([], [], [], seconds)


@pytest.mark.slow
def test_fifty_kills_of_gateway_and_console_lose_and_double_nothing(tmp_path: Path) -> None:
    """FAILURES G7, G8, O5."""
    moments = random.Random(SEED)
    killed: Counter[str] = Counter()
    stop = threading.Event()
    server = PenstockServer(tmp_path, workers=2)
    server.start()
    clients = [Client(server, number=number, stop=stop) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    while sum(killed.values()) < KILLS:
        pause(moments.uniform(0.05, 0.7))
        for victim, kind in moments.sample(alive := victims(server, moments), k=min(1, len(alive))):
            victim.kill()
            killed[kind] += 1
    stop.set()
    for client in clients:
        client.join(20)
    answered = [trace for client in clients for trace in client.answered]
    assert server.stop() == 0
    assert killed["gateway_worker"] >= 10
    assert killed["console_process"] >= 10
    assert len(answered) > 500, "the load must have been real"
    with_console = PenstockServer(tmp_path)
    with with_console:
        control = Control(with_console.console_url, with_console.admin_key)
        assert eventually(lambda: control.ask("GET", "/system")["journal"]["waiting_segments"] == 0, seconds=30)
    assert list((server.home / "journal").glob("*.*")) == [], "nothing waits any more"
    with duckdb.connect(str(server.home / "spans.duckdb"), read_only=True) as spans:
        rows = spans.execute("SELECT trace_id, count(*) FROM spans WHERE call GROUP BY ALL").fetchall()
    stored = Counter({trace.hex: count for trace, count in rows})
    assert [trace for trace in answered if trace not in stored] == [], "answered and lost"
    assert [trace for trace, count in stored.items() if count > 1] == [], "stored twice"
